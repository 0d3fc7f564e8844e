/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of mimalloc: what is found of them before the walk, and where it stands. */
#pragma once

#include "internal.h"

/* Sizes on machines of 64 bits (Include/internal/mimalloc/mimalloc/types.h). */
enum {
	SLICE_BITS = 16,
	SEGMENT_BITS = SLICE_BITS + 9,
	SLICES_MAX = 1 << (SEGMENT_BITS - SLICE_BITS), /* of one segment that are described */
	PAGE_BLOCKS_MAX = UINT16_MAX,
};

struct page {
	uint64_t addr; /* of its first block */
	uint64_t area; /* bytes of its slices */
	uint64_t size; /* of a block */
	uint64_t capacity; /* blocks that were ever given out */
	uint64_t reserved; /* blocks that it has room for */
	uint64_t used; /* blocks in use, as it says itself */
	uint64_t tag; /* enum page_heap */
	uint64_t free, local_free, thread_free; /* lists */
	uint64_t n_free, n_freed; /* blocks on the first two; about to be freed */
	bool torn;
};

/* Objects that wait for a thread that frees them are not in here: their counts tell. */
struct paged {
	struct segment {
		uint64_t addr, size;
	} * segments; /* ascending */
	size_t n, cap;
	struct spans reserved; /* for segments */
	uint64_t secret; /* that the addresses of this Python's segments are mixed with */
	bool has_secret;
	uint64_t heap_pages; /* as the heaps of all threads count them */
	uint64_t *freed; /* blocks that wait to be freed, ascending */
	size_t n_freed, cap_freed;

	/* where the walk stands */
	size_t segment; /* at hand */
	uint64_t slice, slices; /* next; all of them; 0: the segment has not been entered */
	uint64_t number; /* of pages seen so far, to divide them */
	const uint8_t *head; /* the segment's */
	uint8_t *head_copy;
	struct page page;
	uint64_t block; /* next; page.capacity: the page is done */
	const uint8_t *bytes; /* of the page; NULL: to be read block by block */
	uint8_t *copy;
	uint64_t taken[PAGE_BLOCKS_MAX / 64 + 1]; /* bits by number: blocks not in use */
};

/* A field of a struct at these bytes. */
static inline uint64_t mi_get(const struct heap_walk *w, const uint8_t *bytes, enum field f)
{
	const struct field_at at = w->l->field[f];
	uint64_t v = bytes_uint(bytes + at.offset, at.size, w->l->key.order);
	return at.bits ? v >> at.bit & ((UINT64_C(1) << at.bits) - 1) : v;
}
static inline uint64_t mi_sizeof(const struct heap_walk *w, enum field f)
{
	return w->l->field[f].offset;
}

/* mimalloc_find.c: heaps, and by them what tells segments; all segments. */
void mi_find(struct heap_walk *w);
/* mimalloc_freed.c: remembers what was freed, but not given back to its page yet. */
void mi_find_freed(struct heap_walk *w, uint64_t heap);
void mi_find_delayed(struct heap_walk *w, uint64_t queue);
void mi_settle_freed(struct paged *p);
/* mimalloc_page.c: one page out of the head of its segment; false: it contradicts itself. Which of
 * its blocks are not in use, into p->taken. */
bool mi_read_page(struct heap_walk *w, uint64_t slice, struct page *ret);
void mi_read_free(struct heap_walk *w, struct page *ret);
