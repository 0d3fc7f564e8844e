/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 2.7 keeps ints and floats outside of pymalloc, in blocks of the C library's malloc (struct
 * _intblock, _floatblock in Objects/intobject.c, floatobject.c): a link to the next block, and
 * slots as large as the object. A free slot is linked to the next one by its type word, so that
 * leads to no type. The heads of both lists are static variables of one name, `block_list`; they
 * are told by what they point to: a block all of whose slots are free or of the one type.
 */
#include "internal.h"

#include "pycore/image.h"

#include <elf.h>

static const struct number_kind {
	const char *type; /* the symbol */
	enum field next, objects, block;
} kinds[NUMBER_KINDS] = {
	{ "PyInt_Type", FIELD_int_block_next, FIELD_int_block_objects, FIELD_int_block_sizeof },
	{ "PyFloat_Type", FIELD_float_block_next, FIELD_float_block_objects,
		FIELD_float_block_sizeof },
};

static uint64_t block_size(const struct heap_walk *w, size_t kind)
{
	return w->l->field[kinds[kind].block].offset;
}

static uint64_t first_slot(const struct heap_walk *w, size_t kind)
{
	return w->l->field[kinds[kind].objects].offset;
}

static uint64_t slot_size(const struct heap_walk *w, size_t kind)
{
	return w->types.list[w->numbers[kind].type].basicsize;
}

/* The bytes of a block at hand; NULL: they cannot be had. */
static const uint8_t *bytes_of(struct heap_walk *w, size_t kind, uint64_t addr)
{
	const uint8_t *bytes = mem_view(w->mem, addr, block_size(w, kind));
	if (!bytes && !failed(mem_read(w->mem, addr, w->copy, block_size(w, kind))))
		bytes = w->copy;
	return bytes;
}

static bool is_live(const struct heap_walk *w, size_t kind, const uint8_t *slot)
{
	return word_at(w, slot + w->at.type) == w->types.list[w->numbers[kind].type].addr &&
	       word_at(w, slot + w->at.refcnt) != 0;
}

/* Whether there is a block, how many slots of it are in use, and where the next one is. */
static bool judge_block(
	struct heap_walk *w, size_t kind, uint64_t addr, size_t *ret_live, uint64_t *ret_next)
{
	size_t live = 0;
	if (!addr || addr % w->word || addr - w->low >= w->high - w->low || arena_of(w, addr) ||
		w->number_tries++ >= NUMBER_TRIES_MAX)
		return false;
	const uint8_t *bytes = bytes_of(w, kind, addr);
	if (!bytes)
		return false;
	uint64_t next = word_at(w, bytes + w->l->field[kinds[kind].next].offset);
	if (next % w->word || (next && next - w->low >= w->high - w->low))
		return false;
	uint64_t size = slot_size(w, kind), end = block_size(w, kind);
	for (uint64_t at = first_slot(w, kind); at + size <= end; at += size) {
		uint64_t type = word_at(w, bytes + at + w->at.type);
		bool own = type == w->types.list[w->numbers[kind].type].addr;
		live += is_live(w, kind, bytes + at);
		if (!own && (type % w->word || type_by_word(w, type) != HEAP_NO_TYPE))
			return false;
	}
	*ret_live = live;
	*ret_next = next;
	return true;
}

/* A word that the variable could hold. Of a list that was long once the newest blocks are empty.
 * The bins of malloc lead in circles: an address that comes again, 2, 4, 8 ... steps later, ends
 * it. */
static bool leads_to_block(struct heap_walk *w, size_t kind, uint64_t addr)
{
	size_t live = 0;
	uint64_t mark = addr, steps = 0, next_mark = 1;
	while (addr && !live) {
		if (!judge_block(w, kind, addr, &live, &addr) || (!live && addr == mark))
			return false;
		if (++steps == next_mark) {
			mark = addr;
			next_mark *= 2;
		}
	}
	return live;
}

/* How many blocks a list has, up to limit. */
static uint64_t list_length(struct heap_walk *w, size_t kind, uint64_t head, uint64_t limit)
{
	uint64_t n = 0, next = head;
	while (next && n < limit) {
		n++;
		if (failed(mem_ptr(w->mem, next + w->l->field[kinds[kind].next].offset, &next)))
			break;
	}
	return n;
}

/* The word of the image's writable data that heads the longest list of such blocks. */
static void search_head(struct heap_walk *w, size_t kind)
{
	const struct image *img = w->rt->image;
	struct number_list *list = &w->numbers[kind];
	uint64_t word, limit = w->held / block_size(w, kind) + 1;
	for (size_t i = 0; i < img->n_phdrs; i++) {
		const struct elf_phdr *p = &img->phdrs[i];
		uint64_t at = (img->bias + p->vaddr) & ~(uint64_t)(w->word - 1),
			 end = at + p->memsz;
		if (p->type != PT_LOAD || !(p->flags & PF_W) || p->memsz > SCAN_BYTES_MAX)
			continue;
		for (; at + w->word <= end; at += w->word) {
			if (failed(mem_ptr(w->mem, at, &word)) || !leads_to_block(w, kind, word))
				continue;
			uint64_t n = list_length(w, kind, word, limit);
			if (n > list->length && n < limit) {
				list->length = n;
				list->head = word;
			}
		}
	}
}

void numbers_find(struct heap_walk *w)
{
	struct image_symbol sym;
	for (size_t i = 0; i < NUMBER_KINDS; i++) {
		if (!w->l->row->heap.number_blocks || !w->rt->image ||
			!layout_has(w->l, kinds[i].block) ||
			failed(image_dynsym(w->rt->image, w->mem, kinds[i].type, &sym)))
			continue;
		w->numbers[i].type = type_by_word(w, sym.addr);
		if (w->numbers[i].type != HEAP_NO_TYPE && slot_size(w, i))
			search_head(w, i);
		if (!w->numbers[i].head)
			problems_damagef(&w->rt->target->problems, "heap",
				"the blocks of %s were not found: those objects are not counted",
				i ? "floats" : "ints");
	}
}

/* Slots in use of the block at `addr` into the batch; ret_next: the block that follows. */
static void take_block(struct heap_walk *w, size_t kind, uint64_t addr, uint64_t *ret_next)
{
	const uint8_t *bytes = bytes_of(w, kind, addr);
	uint64_t size = slot_size(w, kind), end = block_size(w, kind);
	*ret_next = 0;
	if (!bytes)
		return;
	*ret_next = word_at(w, bytes + w->l->field[kinds[kind].next].offset);
	w->number_bytes += end;
	for (uint64_t at = first_slot(w, kind); at + size <= end; at += size) {
		if (!is_live(w, kind, bytes + at))
			continue;
		w->batch[w->n_batch++] = (struct heap_block){
			.addr = addr + at,
			.size = size,
			.room = size,
			.bytes = bytes + at,
			.n_bytes = (uint32_t)size,
			.type = w->numbers[kind].type,
			.state = HEAP_OBJECT,
		};
	}
}

bool numbers_next(struct heap_walk *w)
{
	w->n_batch = 0;
	for (size_t i = 0; i < NUMBER_KINDS; i++) {
		struct number_list *list = &w->numbers[i];
		while (list->head && list->length && !w->n_batch) {
			uint64_t next;
			take_block(w, i, list->head, &next);
			list->head = next;
			list->length--;
		}
		if (w->n_batch)
			return true;
	}
	return false;
}
