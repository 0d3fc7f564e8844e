/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where malloc's memory begins and ends. madvise() splits a mapping in two that follow each other
 * directly, as numpy's MADV_HUGEPAGE does in the middle of large chunks: such ranges are one to
 * malloc, so they are to the walk, even where they can only be viewed one by one.
 *
 * Arenas other than the main one (glibc's malloc/arena.c) have heaps that begin at multiples of
 * HEAP_MAX_SIZE with struct heap_info: the arena, the heap before it, the heap's size, and how much
 * of it is accessible. What a heap gives back to the system stays accessible, so its mapping ends
 * behind the heap.
 *
 * What the user has is aligned to two words, which the head of a chunk takes, so chunks are, too;
 * but i386 aligns it to four (sysdeps/i386/malloc-alignment.h), so there chunks begin two words
 * off.
 */
#include "internal.h"

#include <elf.h>

enum { PAGE = 4096 };

static bool may_be_malloc(const struct mem_range *r)
{
	return r->perm & MEM_WRITE && !(r->perm & MEM_EXEC) && r->readable;
}

static const uint8_t *view(const struct heap_walk *w, uint64_t start, uint64_t end)
{
	return mem_view(w->mem, start, end - start);
}

/* Makes a range of all that follows each other directly. */
static void join(struct heap_walk *w)
{
	const uint8_t *all;
	struct mem_range next;
	while (mem_next_range(w->mem, w->range.end, &next) && next.start == w->range.end &&
		may_be_malloc(&next) && view(w, next.start, next.end))
		w->range.end = next.end;
	if (w->range.end > w->piece.end && (all = view(w, w->range.start, w->range.end))) {
		w->piece.end = w->range.end;
		w->piece_bytes = all;
	}
}

bool chunks_enter_range(struct heap_walk *w)
{
	while (mem_next_range(w->mem, w->range.end, &w->range)) {
		if (!may_be_malloc(&w->range) || w->range.end <= w->page)
			continue;
		w->piece = (struct mem_run){ w->range.start, w->range.end };
		w->piece_bytes = view(w, w->range.start, w->range.end);
		if (!w->piece_bytes)
			continue;
		join(w);
		uint64_t first = (w->range.start + PAGE - 1) & ~(uint64_t)(PAGE - 1);
		w->page = w->page > first ? w->page : first;
		w->heap = (struct mem_run){ 0 };
		return true;
	}
	return false;
}

bool chunks_enter_piece(struct heap_walk *w, uint64_t addr)
{
	struct mem_range r;
	if (addr - w->range.start >= w->range.end - w->range.start ||
		!mem_range_at(w->mem, addr, &r))
		return false;
	const uint8_t *bytes = view(w, r.start, r.end);
	if (!bytes || r.end - addr < w->word)
		return false;
	w->piece = (struct mem_run){ r.start, r.end };
	w->piece_bytes = bytes;
	return true;
}

bool chunks_begins_range(const struct heap_walk *w, uint64_t addr)
{
	struct mem_range r;
	return mem_range_at(w->mem, addr, &r) && r.start == addr;
}

struct chunk_form chunk_form_of(const struct heap_walk *w)
{
	return (struct chunk_form){
		.first = w->l->key.machine == EM_386 ? 2 * (uint64_t)w->word : 0,
		.heap_alignment = w->word == 8 ? UINT64_C(64) << 20 : UINT64_C(1) << 20,
	};
}

void chunks_see_heap(struct heap_walk *w, uint64_t page)
{
	const uint64_t alignment = w->chunk.heap_alignment;
	uint64_t info[4];
	for (unsigned i = 0; i < ARRAY_LEN(info); i++)
		info[i] = chunks_word(w, page + i * w->word);
	uint64_t arena = info[0], prev = info[1], size = info[2], accessible = info[3];
	/* the arena lies in its first heap */
	bool first = arena - page < PAGE;
	bool good = arena >= alignment && arena % alignment < PAGE && arena % w->word == 0 &&
		    prev % alignment == 0 && first == !prev;
	if (!good || !size || size % PAGE || accessible % PAGE || size > accessible ||
		accessible > alignment || size > w->range.end - page)
		return;
	w->heap = (struct mem_run){ page, page + size };
	uint64_t end = page + accessible;
	w->heap_accessible = end < w->range.end ? end : w->range.end;
}
