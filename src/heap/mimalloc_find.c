/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where mimalloc has what free-threaded Pythons allocate (Objects/mimalloc/segment.c). Memory comes
 * in segments of 32 MiB, or more for one large block, each aligned to that. It begins with a head
 * that describes its slices of 64 KiB; a page is one or more of them. The heaps that own pages are
 * in the state of each thread (Python/pystate.c, struct _mimalloc_thread_state), but pages of
 * threads that have ended are in no heap, so segments are looked for where one can begin. They tell
 * themselves by their heads, and that they are this Python's by a cookie: their address mixed with
 * a secret of the process.
 *
 * The state of a thread grows in patch releases. Heaps can be told by themselves: four in a row,
 * numbered, all of which point to what follows the last.
 */
#include "mimalloc.h"

#include "pycore/alloc.h"
#include "pycore/image.h"
#include "pycore/log.h"

#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
	HEAPS = 4,
	STATE_BYTES = 65536, /* of a thread state that are searched for heaps */
	SEGMENT_BYTES_MAX_BITS = 46,
	QUEUES = 75, /* lists of pages of one heap */
};

/* ---- heaps ---- */

static bool is_heap(const struct heap_walk *w, uint64_t at, uint64_t tld, unsigned number)
{
	const struct field_at *f = w->l->field;
	uint64_t its, tag;
	return !failed(mem_ptr(w->mem, at + f[FIELD_mi_heap_tld].offset, &its)) && its == tld &&
	       !failed(mem_uint(w->mem, at + f[FIELD_mi_heap_tag].offset, 1, &tag)) &&
	       tag == number;
}

static bool are_heaps(const struct heap_walk *w, uint64_t at)
{
	uint64_t size = mi_sizeof(w, FIELD_mi_heap_sizeof);
	for (unsigned i = 0; i < HEAPS; i++) {
		if (!is_heap(w, at + i * size, at + HEAPS * size, i))
			return false;
	}
	return true;
}

/* The first heap of a thread; 0: it has none yet. */
static uint64_t heaps_of(const struct heap_walk *w, uint64_t tstate)
{
	const struct field_at *at = &w->l->field[FIELD_tstate_mi_heaps];
	if (at->origin != ORIGIN_NONE && are_heaps(w, tstate + at->offset))
		return tstate + at->offset;
	for (uint64_t i = w->word; i < STATE_BYTES; i += w->word) {
		if (are_heaps(w, tstate + i))
			return tstate + i;
	}
	return 0;
}

static uint64_t segment_of(uint64_t addr)
{
	return addr >> SEGMENT_BITS << SEGMENT_BITS;
}

/* From the first page of a heap that has one. */
static void learn_secret(struct heap_walk *w, uint64_t heap)
{
	const struct field_at *f = w->l->field;
	uint64_t step = mi_sizeof(w, FIELD_mi_queue_sizeof), page, cookie;
	for (unsigned i = 0; i < QUEUES && !w->paged->has_secret; i++) {
		uint64_t queue = heap + f[FIELD_mi_heap_pages].offset + i * step;
		if (failed(mem_ptr(w->mem, queue + f[FIELD_mi_queue_first].offset, &page)) || !page)
			continue;
		uint64_t segment = segment_of(page);
		if (failed(mem_ptr(w->mem, segment + f[FIELD_mi_segment_cookie].offset, &cookie)))
			continue;
		w->paged->secret = cookie ^ segment;
		w->paged->has_secret = true;
	}
}

/* A queue stands as far in front of the heaps as in the build that the row was read from. */
static void see_queue(struct heap_walk *w, uint64_t heaps)
{
	const struct field_at *row = w->l->row->fields;
	if (row[FIELD_tstate_freed].origin != ORIGIN_NONE)
		mi_find_delayed(w, heaps - (row[FIELD_tstate_mi_heaps].offset -
						   row[FIELD_tstate_freed].offset));
}

static bool see_thread(struct heap_walk *w, uint64_t tstate)
{
	uint64_t size = mi_sizeof(w, FIELD_mi_heap_sizeof), n;
	uint64_t heaps = heaps_of(w, tstate);
	if (!heaps)
		return false;
	for (unsigned i = 0; i < HEAPS; i++) {
		uint64_t heap = heaps + i * size;
		if (!failed(mem_ptr(
			    w->mem, heap + w->l->field[FIELD_mi_heap_page_count].offset, &n)))
			w->paged->heap_pages += n;
		learn_secret(w, heap);
		mi_find_freed(w, heap);
	}
	see_queue(w, heaps);
	return true;
}

static size_t see_interpreter(struct heap_walk *w, uint64_t interp)
{
	const struct field_at *f = w->l->field;
	uint64_t tstate;
	size_t found = 0;
	if (layout_has(w->l, FIELD_interp_freed))
		mi_find_delayed(w, interp + f[FIELD_interp_freed].offset);
	if (failed(mem_ptr(w->mem, interp + f[FIELD_interp_threads_head].offset, &tstate)))
		return 0;
	for (size_t i = 0; tstate && i < THREADS_MAX; i++) {
		found += see_thread(w, tstate);
		if (failed(mem_ptr(w->mem, tstate + f[FIELD_tstate_next].offset, &tstate)))
			break;
	}
	return found;
}

static void find_heaps(struct heap_walk *w)
{
	size_t found = 0;
	for (size_t i = 0; i < w->p->n_interpreters; i++) {
		const struct py_interpreter *in = &w->p->interpreters[i];
		if (&w->p->runtimes[in->runtime] == w->rt)
			found += see_interpreter(w, in->addr);
	}
	if (!found)
		problems_damagef(&w->rt->target->problems, "heap",
			"the heaps of the threads were not found: what was freed but not given "
			"back may be counted");
	w->pages.heaps_known = found;
}

/* ---- segments ---- */

static bool is_ours(const struct heap_walk *w, const uint8_t *head, uint64_t addr)
{
	const struct paged *p = w->paged;
	return !p->has_secret || (mi_get(w, head, FIELD_mi_segment_cookie) ^ addr) == p->secret;
}

/* The size of the segment that begins there, if one does and has pages in use; else 0. */
static uint64_t judge_segment(struct heap_walk *w, uint64_t addr)
{
	uint64_t n = mi_sizeof(w, FIELD_mi_segment_slices) + mi_sizeof(w, FIELD_mi_page_sizeof);
	uint8_t *head = w->paged->head_copy;
	if (failed(mem_read(w->mem, addr, head, n)) || !is_ours(w, head, addr))
		return 0;
	const uint8_t *first = head + mi_sizeof(w, FIELD_mi_segment_slices);
	uint64_t slices = mi_get(w, head, FIELD_mi_segment_segment_slices);
	uint64_t entries = mi_get(w, head, FIELD_mi_segment_entries);
	uint64_t info = mi_get(w, head, FIELD_mi_segment_info_slices);
	bool good = slices && slices >> (SEGMENT_BYTES_MAX_BITS - SLICE_BITS) == 0 &&
		    entries <= SLICES_MAX && entries <= slices && info && info < entries &&
		    mi_get(w, first, FIELD_mi_page_slice_count) == info &&
		    !mi_get(w, first, FIELD_mi_page_slice_offset) &&
		    mi_get(w, head, FIELD_mi_segment_used) &&
		    mi_get(w, head, FIELD_mi_segment_used) < entries;
	uint64_t size = slices << SLICE_BITS;
	return good && mem_maps(w->mem, addr, size) ? size : 0;
}

static void add_segment(struct paged *p, uint64_t addr, uint64_t size)
{
	p->segments = xgrow(p->segments, &p->cap, p->n, sizeof(*p->segments));
	p->segments[p->n++] = (struct segment){ addr, size };
}

/* Ascending, since ranges are. */
static void find_segments(struct heap_walk *w)
{
	const uint64_t step = UINT64_C(1) << SEGMENT_BITS;
	struct mem_range r = { 0 };
	uint64_t at = 0, size;
	while (mem_next_range(w->mem, r.end, &r)) {
		if (!(r.perm & MEM_WRITE))
			continue;
		at = r.start > at ? r.start : at;
		for (at = (at + step - 1) & ~(step - 1); at < r.end; at += size ? size : step) {
			size = w->paged->n < MIMALLOC_SEGMENTS_MAX ? judge_segment(w, at) : 0;
			if (size)
				add_segment(w->paged, at, size);
			size = (size + step - 1) & ~(step - 1);
		}
	}
}

/* ---- what is reserved for segments ---- */

static uint64_t arena_field(const struct heap_walk *w, uint64_t arena, enum field f)
{
	uint64_t v;
	return failed(mem_ptr(w->mem, arena + w->l->field[f].offset, &v)) ? 0 : v;
}

static bool is_reserved(const struct paged *p, uint64_t start)
{
	for (size_t i = 0; i < p->reserved.n; i++) {
		if (p->reserved.list[i].start == start)
			return true;
	}
	return false;
}

/* What mimalloc has reserved for segments is described by an mi_arena_t (Objects/mimalloc/arena.c),
 * to which a static variable points. */
static void judge_arena(struct heap_walk *w, uint64_t arena)
{
	enum { BLOCKS_MAX = 1 << 20, PER_FIELD = 64 };
	const uint64_t mask = (UINT64_C(1) << SEGMENT_BITS) - 1;
	uint64_t start = arena_field(w, arena, FIELD_mi_arena_start);
	uint64_t blocks = arena_field(w, arena, FIELD_mi_arena_block_count);
	uint64_t fields = arena_field(w, arena, FIELD_mi_arena_field_count);
	uint64_t meta = arena_field(w, arena, FIELD_mi_arena_meta_size);
	uint64_t size = blocks << SEGMENT_BITS;
	if (start && !(start & mask) && blocks && blocks <= BLOCKS_MAX &&
		fields == (blocks + PER_FIELD - 1) / PER_FIELD && meta > fields * 8 &&
		meta % 8 == 0 && mem_maps(w->mem, start, size) && !is_reserved(w->paged, start))
		spans_add(&w->paged->reserved, start, start + size);
}

static void find_reserved(struct heap_walk *w)
{
	enum { PAGE = 4096 };
	const struct image *img = w->rt->image;
	uint64_t word;
	if (!layout_has(w->l, FIELD_mi_arena_start))
		return;
	for (size_t i = 0; img && i < img->n_phdrs; i++) {
		const struct elf_phdr *p = &img->phdrs[i];
		uint64_t at = (img->bias + p->vaddr + 7) & ~UINT64_C(7);
		uint64_t end = img->bias + p->vaddr + p->memsz;
		if (p->type != PT_LOAD || !(p->flags & PF_W) || p->memsz > SCAN_BYTES_MAX)
			continue;
		for (; at + w->word <= end; at += w->word) {
			if (!failed(mem_ptr(w->mem, at, &word)) && word && word % PAGE == 0)
				judge_arena(w, word);
		}
	}
}

void mi_find(struct heap_walk *w)
{
	find_heaps(w);
	mi_settle_freed(w->paged);
	find_segments(w);
	find_reserved(w);
	log_debug("%zu segments, %zu reserved stretches, %zu blocks about to be freed", w->paged->n,
		w->paged->reserved.n, w->paged->n_freed);
}
