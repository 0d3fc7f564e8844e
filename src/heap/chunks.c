/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is too large for pymalloc lies in chunks of the C library's malloc; here glibc's
 * (malloc/malloc.c): two words, then what the user has. The second word is the chunk's size, a
 * multiple of two words, with three flags: the chunk before is in use; this one was mapped by
 * itself; it belongs to another thread's arena. A heap is a row of chunks without gaps up to its
 * end, the last one being free; so a row that reaches the end of its mapping, or where the heap
 * itself says that it ends (chunk_heaps.c), proves itself (chunk_rows.c). What was mapped by itself
 * begins at a page, with a size of whole pages. Where chunks begin some bytes off
 * (chunk_form_of()), these are what the chunk before the first would have, and the first word of a
 * chunk that was mapped says how many they are.
 *
 * Chunks in the caches of freed ones (tcache, fastbins) look as if they were in use. Most of what
 * they hold has no references any more; but the link to the next one lies where the count of an
 * object without GC head was, since glibc 2.32 mixed with its own address.
 */
#include "internal.h"

#include "pycore/image.h"

enum {
	PREV_INUSE = 1,
	IS_MMAPPED = 2,
	PAGE_BITS = 12,
	PAGE = 1 << PAGE_BITS,
	CACHED_MAX = 1056, /* bytes of a chunk in a tcache */
	PATIENCE = 65536,
};

/* The size of the chunk that was mapped by itself there, with what lies in front of it; 0: there is
 * none. */
static uint64_t mapped_size(struct heap_walk *w, uint64_t page)
{
	uint64_t off = w->chunk.first, at = page + off, size = chunks_size(w, at, w->range.end);
	bool good = size && (size + off) % PAGE == 0 &&
		    (chunks_size_word(w, at) & CHUNK_FLAGS) == IS_MMAPPED &&
		    chunks_word(w, at) == off;
	return good ? size + off : 0;
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

/* What was proven to be malloc's. */
static void own(struct heap_walk *w, uint64_t start, uint64_t end)
{
	spans_add(&w->own, start, end);
}

static void note(struct heap_chunks *all, uint64_t size, bool used)
{
	struct heap_chunk_sizes *s = &all->sizes[HEAP_SIZE_BITS - __builtin_clzll(size | 1)];
	if (used) {
		s->used++;
		s->used_bytes += size;
		all->used_bytes += size;
		return;
	}
	s->free++;
	s->free_bytes += size;
	all->free_bytes += size;
	if (size > all->largest_free)
		all->largest_free = size;
}

/* So many bytes of a range can be had there at once. */
static const uint8_t *bytes_at(struct heap_walk *w, uint64_t addr, uint64_t *ret_n)
{
	if ((addr < w->piece.start || addr >= w->piece.end) && !chunks_enter_piece(w, addr))
		return NULL;
	*ret_n = w->piece.end - addr;
	return w->piece_bytes + (addr - w->piece.start);
}

static void take(struct heap_walk *w, uint64_t at, uint64_t size, uint64_t room)
{
	struct heap_block *b = &w->batch[w->n_batch++];
	uint64_t addr = at + 2 * w->word, n = 0;
	const uint8_t *bytes = bytes_at(w, addr, &n);
	n = size < n ? size : n;
	*b = (struct heap_block){
		.addr = addr,
		.size = size,
		.room = room,
		.bytes = bytes,
		.n_bytes = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX,
	};
	heap_unpad(w, b);
	heap_classify(w, b);
	bool cached = is_cached(w, b);
	note(&w->chunks, room, !cached);
	w->n_batch -= cached;
}

/* Behind the end of a heap of another arena. */
static void skip_given_back(struct heap_walk *w)
{
	if (w->page != w->heap.end || w->heap_accessible <= w->page)
		return;
	own(w, w->page, w->heap_accessible);
	w->chunks.untouched += w->heap_accessible - w->page;
	w->page = w->heap_accessible;
}

/* Goes on in a row of chunks that was proven. */
static void walk_row(struct heap_walk *w)
{
	uint64_t end = w->row_end, most = chunks_limit(w, w->row);
	while (w->row < end && w->n_batch < w->max_batch) {
		uint64_t at = w->row, size = chunks_size(w, at, most);
		w->row += size ? size : end - at;
		bool last = w->row >= end && w->row_last;
		bool used = !last && chunks_size_word(w, w->row) & PREV_INUSE;
		if (used) /* its last word is the next one's first */
			take(w, at, size - w->word, size);
		else if (size)
			note(&w->chunks, size, false);
		/* the first word of the first one may belong to what lies in front of it */
		own(w, w->torn && at == w->row_start ? at + w->word : at, w->row);
	}
	if (w->row >= end) {
		w->page = (end + PAGE - 1) & ~(uint64_t)(PAGE - 1);
		w->row = 0;
		skip_given_back(w);
	}
}

/* The first variables of a module that end above a page, of which a part has no file behind it. */
static void find_variables(struct heap_walk *w, uint64_t page)
{
	struct target *t = w->rt->target;
	if (page < w->variables.end)
		return;
	w->variables = (struct mem_run){ UINT64_MAX, UINT64_MAX };
	for (size_t i = 0; i < t->n_images; i++) {
		struct mem_run data;
		for (size_t at = 0; image_next_data(&t->images[i], &at, &data);) {
			if (data.end > page && data.start < w->variables.start)
				w->variables = data;
		}
	}
}

/* Up to where nothing belongs to an allocator that is known, or to a module. */
static uint64_t unknown_end(const struct heap_walk *w, uint64_t page)
{
	uint64_t arena = arenas_above(&w->arenas, page), paged = pages_above(w, page);
	uint64_t end = arena < paged ? arena : paged;
	end = end < w->variables.start ? end : w->variables.start;
	return end < w->piece.end ? end : w->piece.end;
}

/* The next page that was ever written to; a large mapping may be nearly empty. */
static uint64_t next_page(struct heap_walk *w, uint64_t page)
{
	struct mem_run touched;
	uint64_t next = page + PAGE, word = chunks_size_word(w, page), end = unknown_end(w, page);
	if (word || next >= end)
		return next;
	if (!mem_next_touched(w->mem, next, end, &touched))
		touched.start = end;
	w->chunks.untouched += touched.start > next ? touched.start - next : 0;
	return touched.start > next ? touched.start : next;
}

static void see_page(struct heap_walk *w)
{
	uint64_t page = w->page;
	uint64_t arena = arena_of(w, page);
	uint64_t paged = pages_end(w, page);
	if (paged) {
		w->page = paged;
		return;
	}
	if (arena || chunks_inside_image(w, page)) {
		w->page = arena ? arena + w->arena_size : page + PAGE;
		return;
	}
	find_variables(w, page);
	if (page >= w->variables.start) {
		w->page = w->behind_variables = w->variables.end;
		return;
	}
	uint64_t mapped = mapped_size(w, page), off = w->chunk.first;
	if (mapped) {
		take(w, page + off, mapped - off - 2 * w->word, mapped);
		own(w, page, page + mapped);
		w->page += mapped;
		return;
	}
	chunks_find_row(w, page);
	if (!w->row)
		w->page = next_page(w, page);
}

/* The next memory that malloc can have. */
static bool enter_range(struct heap_walk *w)
{
	if (!chunks_enter_range(w))
		return false;
	w->row = 0;
	w->torn = false;
	w->patience = PATIENCE + (w->range.end - w->range.start) / (CHUNK_WORDS_MIN * w->word);
	return true;
}

void chunks_begin(struct heap_walk *w)
{
	w->chunk = chunk_form_of(w);
	w->top_tries = 0;
	w->behind_variables = 0;
	w->variables = (struct mem_run){ 0 };
	w->range = (struct mem_range){ 0 };
	w->piece = w->heap = (struct mem_run){ 0 };
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
