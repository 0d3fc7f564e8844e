/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static objects: types, None and its like, and since 3.11 small ints, strings and code objects,
 * are variables in the writable data of Python's image and of its modules. Whatever has a type
 * where an object has it, and a count of references in front, is one: from 3.12 on the count of one
 * that lives forever. They have no GC head that would mean anything.
 */
#include "internal.h"

#include "pycore/image.h"

#include <elf.h>

/* Neither owned by a thread nor counted. */
static bool has_good_counts(const struct heap_walk *w, const uint8_t *bytes)
{
	return half_at(w, bytes + w->at.ref_local) == UINT32_MAX &&
	       !word_at(w, bytes + w->at.tid) && word_at(w, bytes + w->at.ref_shared) >> 2 == 0;
}

static bool has_good_count(const struct heap_walk *w, const uint8_t *bytes)
{
	uint64_t word = word_at(w, bytes + w->at.refcnt);
	switch (w->l->row->refs) {
	case REFS_PLAIN:
	case REFS_STATIC:
		return word && word >> 32 == 0 && (w->word == 8 || !may_be_address(w, word));
	case REFS_IMMORTAL:
		return word >> 31 == 1;
	case REFS_FLAGGED:
		return word >> 31 & 1 && !(word >> 32 & 0xffff) && word >> 52 == 0;
	case REFS_HIGH:
		return word >= 0x3fffffff && word >> 31 == 0 && !may_be_address(w, word);
	case REFS_BIASED:
		return has_good_counts(w, bytes);
	}
	return false;
}

/* In a program at a fixed place addresses are as small as counts: a pointer to a variable in front
 * of one to a type is a table's row, not an object with items. */
static bool is_row(const struct heap_walk *w, const struct heap_type *t, const uint8_t *bytes)
{
	uint64_t word = word_at(w, bytes + w->at.refcnt);
	return t->itemsize && word % w->word == 0 && target_image_at(w->rt->target, word);
}

/* The type of a static object at these bytes; HEAP_NO_TYPE: there is none. */
static uint32_t type_here(struct heap_walk *w, const uint8_t *bytes, uint64_t addr)
{
	if (!has_good_count(w, bytes))
		return HEAP_NO_TYPE;
	uint32_t t = type_by_word(w, word_at(w, bytes + w->at.type));
	if (t == HEAP_NO_TYPE || is_row(w, &w->types.list[t], bytes))
		return HEAP_NO_TYPE;
	/* what has a type for its type must be one itself; nothing else that is static has a type
	 * that was made at run time */
	uint64_t flags = w->types.list[t].flags;
	if (flags & FLAG_HEAP && !(flags & FLAG_TYPE))
		return HEAP_NO_TYPE;
	bool metatype = type_by_word(w, w->types.list[t].addr) == t && flags & FLAG_TYPE;
	return metatype && type_by_word(w, addr) == HEAP_NO_TYPE ? HEAP_NO_TYPE : t;
}

/* Bytes until the next object can begin. */
static uint64_t extent(const struct heap_walk *w, uint32_t type)
{
	const uint64_t head = w->at.object_head, least = w->types.list[type].least;
	uint64_t size = least > head ? least : head;
	return (size + w->word - 1) / w->word * w->word;
}

/* An object that begins in one piece and ends in the next. */
static void join(struct heap_walk *w, uint64_t size, struct heap_block *b)
{
	if (size > sizeof(w->joined) || failed(mem_read(w->mem, b->addr, w->joined, size)))
		return;
	b->bytes = w->joined;
	b->size = b->room = b->n_bytes = (uint32_t)size;
	w->segment_at = b->addr + size;
}

static void see_segment(struct heap_walk *w)
{
	const uint32_t head = w->l->field[FIELD_object_sizeof].offset;
	while (w->page + head <= w->range.end && w->n_batch < w->max_batch) {
		const uint8_t *bytes = w->range_bytes + (w->page - w->range.start);
		uint64_t left = w->range.end - w->page;
		uint32_t t = type_here(w, bytes, w->page);
		if (t == HEAP_NO_TYPE) {
			w->page += w->word;
			continue;
		}
		uint64_t size = extent(w, t);
		struct heap_block *b = &w->batch[w->n_batch++];
		*b = (struct heap_block){
			.addr = w->page,
			.size = left,
			.room = size < left ? size : left,
			.bytes = bytes,
			.n_bytes = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX,
			.type = t,
			.state = HEAP_OBJECT,
		};
		w->page += b->room;
		if (size > left)
			join(w, size, b);
	}
}

/* The next writable segment. */
static bool enter_segment(struct heap_walk *w)
{
	struct target *t = w->rt->target;
	for (; w->image < t->n_images; w->image++, w->segment = 0) {
		struct image *img = &t->images[w->image];
		if (failed(image_probe(img, w->mem)) || !img->elf)
			continue;
		while (w->segment < img->n_phdrs) {
			const struct elf_phdr *p = &img->phdrs[w->segment++];
			if (p->type != PT_LOAD || !(p->flags & PF_W) || p->memsz > SCAN_BYTES_MAX)
				continue;
			w->segment_at = img->bias + p->vaddr;
			w->segment_end = w->segment_at + p->memsz;
			return true;
		}
	}
	return false;
}

/* The next part of it that is in memory in one piece: .data and .bss are mapped apart. */
static bool enter_piece(struct heap_walk *w)
{
	struct mem_range r;
	while (w->segment_at < w->segment_end && mem_next_range(w->mem, w->segment_at, &r) &&
		r.start < w->segment_end) {
		uint64_t start = r.start > w->segment_at ? r.start : w->segment_at;
		uint64_t end = r.end < w->segment_end ? r.end : w->segment_end;
		start = (start + w->word - 1) & ~(uint64_t)(w->word - 1);
		w->segment_at = end;
		/* what became read-only when it was relocated holds patterns of objects only */
		bool wanted = r.perm & MEM_WRITE && start < end;
		w->range_bytes = wanted ? mem_view(w->mem, start, end - start) : NULL;
		w->range = (struct mem_range){ .start = start, .end = end };
		w->page = start;
		if (w->range_bytes)
			return true;
	}
	return false;
}

void images_begin(struct heap_walk *w)
{
	w->image = w->segment = 0;
	w->segment_at = w->segment_end = 0;
	w->range = (struct mem_range){ 0 };
	w->page = 0;
}

bool images_next_piece(struct heap_walk *w)
{
	while (!enter_piece(w)) {
		w->segment_at = w->segment_end;
		if (!enter_segment(w))
			return false;
	}
	return true;
}

bool images_next(struct heap_walk *w)
{
	w->n_batch = 0;
	for (;;) {
		see_segment(w);
		if (w->n_batch)
			return true;
		if (!images_next_piece(w))
			return false;
	}
}
