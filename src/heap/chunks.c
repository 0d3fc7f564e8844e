/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is too large for pymalloc lies in chunks of the C library's malloc; here glibc's
 * (malloc/malloc.c): two words, then what the user has. The second word is the chunk's size, a
 * multiple of two words, with three flags: the chunk before is in use; this one was mapped by
 * itself; it belongs to another thread's arena. A heap is a row of chunks without gaps up to its
 * end, the last one being free; so a row that reaches the end of its mapping proves itself. What
 * was mapped by itself begins at a page, with a size of whole pages.
 *
 * Chunks in the caches of freed ones (tcache, fastbins) look as if they were in use. Most of what
 * they hold has no references any more; but the link to the next one lies where the count of an
 * object without GC head was, since glibc 2.32 mixed with its own address.
 */
#include "internal.h"

enum {
	PREV_INUSE = 1,
	IS_MMAPPED = 2,
	FLAGS = 7,
	PAGE_BITS = 12,
	PAGE = 1 << PAGE_BITS,
	CACHED_MAX = 1056, /* bytes of a chunk in a tcache */
	HEAP_ALIGNMENT = 64 * 1024 * 1024, /* of the heaps of other arenas */
	HEAP_HEAD_MAX = PAGE, /* struct heap_info and struct malloc_state in front of them */
	MIN_WORDS = 4,
	PATIENCE = 65536,
};

static uint64_t size_word(const struct heap_walk *w, uint64_t at)
{
	return word_at(w, w->range_bytes + (at - w->range.start) + w->word);
}

/* The size of the chunk at `at`, which ends by `end`; 0: there is none. */
static uint64_t chunk_size(const struct heap_walk *w, uint64_t at, uint64_t end)
{
	if (end - at < 2 * w->word)
		return 0;
	uint64_t size = size_word(w, at) & ~(uint64_t)FLAGS;
	bool good = size >= MIN_WORDS * w->word && size % (2 * w->word) == 0 && size <= end - at;
	return good ? size : 0;
}

/* Whether the row of chunks from there on reaches the end. The first one says that the chunk before
 * it, which does not exist, is in use. */
static bool reaches(struct heap_walk *w, uint64_t at, uint64_t end)
{
	if (end - at < 2 * w->word || !(size_word(w, at) & PREV_INUSE) ||
		size_word(w, at) & IS_MMAPPED)
		return false;
	uint64_t steps = 0;
	while (at < end && steps < w->patience) {
		uint64_t size = chunk_size(w, at, end);
		if (!size)
			break;
		at += size;
		steps++;
	}
	if (at >= end)
		return true;
	w->patience -= steps;
	return false;
}

/* The first chunk of a heap that begins at that page; 0: there is no heap. */
static uint64_t find_row(struct heap_walk *w, uint64_t page)
{
	uint64_t end = w->range.end;
	bool other_arena = page % HEAP_ALIGNMENT == 0;
	uint64_t last = other_arena ? page + HEAP_HEAD_MAX : page;
	for (uint64_t at = page; at <= last && at < end; at += 2 * w->word) {
		if (reaches(w, at, end))
			return at;
	}
	return 0;
}

static bool is_mapped_chunk(const struct heap_walk *w, uint64_t page)
{
	uint64_t size = chunk_size(w, page, w->range.end);
	return size && size % PAGE == 0 && (size_word(w, page) & FLAGS) == IS_MMAPPED &&
	       word_at(w, w->range_bytes + (page - w->range.start)) == 0;
}

static bool is_link(const struct heap_walk *w, uint64_t word)
{
	return word % (2 * w->word) == 0 && word - w->range.start < w->range.end - w->range.start;
}

/* What seems to be an object's count of references is a link of a cache. */
static bool is_cached(const struct heap_walk *w, const struct heap_block *b)
{
	if (b->state != HEAP_OBJECT || b->lead || b->room > CACHED_MAX)
		return false;
	uint64_t word = word_at(w, b->bytes + w->at.refcnt), own = b->addr >> PAGE_BITS;
	return word == own || is_link(w, word) || is_link(w, word ^ own);
}

static void take(struct heap_walk *w, uint64_t at, uint64_t size, uint64_t room)
{
	struct heap_block *b = &w->batch[w->n_batch++];
	*b = (struct heap_block){
		.addr = at + 2 * w->word,
		.size = size,
		.room = room,
		.bytes = w->range_bytes + (at + 2 * w->word - w->range.start),
		.n_bytes = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX,
	};
	heap_unpad(w, b);
	heap_classify(w, b);
	if (!is_cached(w, b)) {
		w->chunks.used_bytes += room;
		return;
	}
	w->n_batch--;
	w->chunks.free_bytes += room;
}

/* Goes on in a row of chunks that was proven. */
static void walk_row(struct heap_walk *w)
{
	uint64_t end = w->range.end;
	while (w->row < end && w->n_batch < w->max_batch) {
		uint64_t at = w->row, size = chunk_size(w, at, end);
		w->row += size ? size : end - at;
		bool last = w->row >= end;
		bool used = !last && size_word(w, w->row) & PREV_INUSE;
		if (used) /* its last word is the next one's first */
			take(w, at, size - w->word, size);
		else if (size)
			w->chunks.free_bytes += size;
	}
	if (w->row >= end)
		w->page = end;
}

static bool inside_image(const struct heap_walk *w, uint64_t page)
{
	const struct image *img = target_image_at(w->rt->target, page);
	return img && img->elf;
}

static void see_page(struct heap_walk *w)
{
	uint64_t page = w->page;
	uint64_t arena = arena_of(w, page);
	if (arena || inside_image(w, page)) {
		w->page = arena ? arena + w->arena_size : page + PAGE;
		return;
	}
	if (is_mapped_chunk(w, page)) {
		uint64_t size = chunk_size(w, page, w->range.end);
		take(w, page, size - 2 * w->word, size);
		w->page += size;
		return;
	}
	w->row = find_row(w, page);
	if (!w->row)
		w->page += PAGE;
}

/* The next range of memory that malloc can have. */
static bool enter_range(struct heap_walk *w)
{
	while (mem_next_range(w->mem, w->range.end, &w->range)) {
		if (!(w->range.perm & MEM_WRITE) || w->range.perm & MEM_EXEC || !w->range.readable)
			continue;
		w->range_bytes = mem_view(w->mem, w->range.start, w->range.end - w->range.start);
		if (!w->range_bytes)
			continue;
		w->page = (w->range.start + PAGE - 1) & ~(uint64_t)(PAGE - 1);
		w->row = 0;
		w->patience = PATIENCE + (w->range.end - w->range.start) / (MIN_WORDS * w->word);
		return true;
	}
	return false;
}

void chunks_begin(struct heap_walk *w)
{
	w->range = (struct mem_range){ 0 };
	w->page = 0;
}

bool chunks_next(struct heap_walk *w)
{
	w->n_batch = 0;
	for (;;) {
		while (w->page < w->range.end && w->n_batch < w->max_batch) {
			if (w->row)
				walk_row(w);
			else
				see_page(w);
		}
		if (w->n_batch)
			return true;
		if (!enter_range(w))
			return false;
	}
}
