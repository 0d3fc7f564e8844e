/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of mimalloc, page by page, and which of them are objects. Free-threaded Pythons keep
 * objects and other memory in different heaps (Include/internal/pycore_mimalloc.h), by which their
 * pages are tagged, so the place of an object in its block is known: at its start, or behind the
 * two words of a managed dict and weak references.
 *
 * An object has two counts (Include/object.h): ob_ref_local of the thread that owns it, and
 * ob_ref_shared of all others above two bits, which may be negative. It lives as long as their sum
 * is not 0, or for ever. When others give up more than they had, it waits in a queue for its owner,
 * who will add up (Python/brc.c); the queue counts as one of them. Objects that stacks refer to
 * without being counted are marked; only the collector frees these.
 */
#include "mimalloc.h"

#include "pycore/alloc.h"
#include "pycore/sorted.h"

#include <stdlib.h>

/* Heaps of a thread. */
enum page_heap {
	PAGE_OF_MEMORY,
	PAGE_OF_OBJECTS,
	PAGE_OF_GC,
	PAGE_OF_GC_AND_FRONT, /* with two words in front */
};

enum {
	COPY_MAX = 1 << 20, /* bytes of a page that are copied, where memory has no view */
	PART_MAX = 65536, /* of a block likewise */
	BATCH_MAX = 2048, /* blocks */
};

const char *heap_page_kind_name(unsigned number)
{
	static const char *const names[PAGE_HEAPS] = {
		[PAGE_OF_MEMORY] = "bodies of objects, other memory",
		[PAGE_OF_OBJECTS] = "objects that refer to no others",
		[PAGE_OF_GC] = "objects of the collector",
		[PAGE_OF_GC_AND_FRONT] = "objects of the collector with a managed dict",
	};
	return names[number];
}

/* ---- objects ---- */

enum {
	SHARED_SHIFT = 2,
	SHARED_FLAGS = 3,
	QUEUED = 2,
	/* of ob_gc_bits */
	TRACKED = 1,
	DEFERRED = 64,
};

/* What all threads have, without the queue. */
static int64_t sum_of(const struct heap_walk *w, const uint8_t *object)
{
	uint64_t shared = word_at(w, object + w->at.ref_shared);
	int64_t sum =
		(int64_t)half_at(w, object + w->at.ref_local) + ((int64_t)shared >> SHARED_SHIFT);
	return (shared & SHARED_FLAGS) == QUEUED ? sum - 1 : sum;
}

uint32_t pages_refcount(const struct heap_walk *w, const uint8_t *object)
{
	const int64_t deferred = INT64_MAX / 8; /* what such objects begin with, from 3.14 on */
	int64_t sum = sum_of(w, object);
	if (half_at(w, object + w->at.ref_local) == UINT32_MAX)
		return UINT32_MAX;
	if (sum > deferred / 2)
		sum -= deferred;
	return sum < 0 ? 0 : sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

static enum heap_state judge_counts(const struct heap_walk *w, const uint8_t *object)
{
	if (half_at(w, object + w->at.ref_local) == UINT32_MAX || object[w->at.gc_bits] & DEFERRED)
		return HEAP_OBJECT;
	int64_t sum = sum_of(w, object);
	return sum > 0 ? HEAP_OBJECT : sum ? HEAP_OTHER : HEAP_DEAD;
}

static void classify(struct heap_walk *w, struct heap_block *b, uint32_t front)
{
	uint32_t lead = b->lead + front;
	if (lead + w->l->field[FIELD_object_sizeof].offset > b->n_bytes)
		return;
	const uint8_t *object = b->bytes + lead;
	uint32_t t = type_by_word(w, word_at(w, object + w->at.type));
	enum heap_state state = judge_counts(w, object);
	if (t == HEAP_NO_TYPE) {
		b->state = state == HEAP_DEAD ? HEAP_DEAD : HEAP_OTHER;
		return;
	}
	const struct heap_type *type = &w->types.list[t];
	if (state == HEAP_OTHER || type->lead != front || lead + type->least > b->size)
		return;
	b->type = t;
	b->lead = lead;
	b->state = state;
	w->tracked += state == HEAP_OBJECT && object[w->at.gc_bits] & TRACKED;
}

/* ---- pages ---- */

/* The first bytes of a block; NULL: they are not in memory. */
static const uint8_t *bytes_of(struct heap_walk *w, uint64_t addr, uint32_t n)
{
	struct paged *p = w->paged;
	if (p->bytes)
		return p->bytes + (addr - p->page.addr);
	return failed(mem_read(w->mem, addr, p->copy, n)) ? NULL : p->copy;
}

/* False: nothing of it is in memory. */
static bool take(struct heap_walk *w, uint64_t number)
{
	const struct page *p = &w->paged->page;
	uint64_t addr = p->addr + number * p->size;
	uint64_t n = p->size < UINT32_MAX ? p->size : UINT32_MAX;
	n = w->paged->bytes || n < PART_MAX ? n : PART_MAX;
	const uint8_t *bytes = bytes_of(w, addr, (uint32_t)n);
	if (!bytes)
		return false;
	struct heap_block *b = &w->batch[w->n_batch++];
	*b = (struct heap_block){
		.addr = addr,
		.size = p->size,
		.room = p->size,
		.bytes = bytes,
		.n_bytes = (uint32_t)n,
		.type = HEAP_NO_TYPE,
		.state = HEAP_OTHER,
	};
	heap_unpad(w, b);
	if (p->tag != PAGE_OF_MEMORY)
		classify(w, b, p->tag == PAGE_OF_GC_AND_FRONT ? 2 * w->word : 0);
	return true;
}

/* Blocks in use from the next one on. Where each has to be read by itself, one at a time. */
static void take_blocks(struct heap_walk *w)
{
	struct paged *p = w->paged;
	size_t max = !p->bytes ? 1 : w->max_batch < BATCH_MAX ? w->max_batch : BATCH_MAX;
	for (; p->block < p->page.capacity && w->n_batch < max; p->block++) {
		if (p->taken[p->block >> 6] >> (p->block & 63) & 1)
			continue;
		if (!take(w, p->block)) {
			w->pages.lost_bytes += p->page.size;
			w->pages.lost++;
		}
	}
}

static void count_page(struct heap_walk *w, const struct page *p)
{
	struct heap_pages *all = &w->pages;
	uint64_t used = p->capacity - p->n_free - p->n_freed;
	struct heap_page_kind *k = &all->kinds[p->tag];
	k->pages++;
	k->page_bytes += p->area;
	k->used += used;
	k->used_bytes += used * p->size;
	all->used++;
	all->torn += p->torn;
	all->blocks += used + p->n_freed;
	all->counted += p->used;
	all->freed += p->n_freed;
	all->freed_bytes += p->n_freed * p->size;
	all->block_bytes += used * p->size;
	all->free_bytes += (p->reserved - used - p->n_freed) * p->size;
	all->page_bytes += p->area;
}

static bool enter_page(struct heap_walk *w, uint64_t slice)
{
	struct paged *p = w->paged;
	if (!mi_read_page(w, slice, &p->page)) {
		w->pages.torn++;
		w->pages.unread++;
		return false;
	}
	uint64_t n = p->page.capacity * p->page.size;
	if (!p->page.used) {
		w->pages.free++;
		w->pages.empty_bytes += p->page.area;
		return false;
	}
	p->block = 0;
	p->bytes = mem_view(w->mem, p->page.addr, n);
	if (!p->bytes && n <= COPY_MAX && !failed(mem_read(w->mem, p->page.addr, p->copy, n)))
		p->bytes = p->copy;
	mi_read_free(w, &p->page);
	count_page(w, &p->page);
	return true;
}

/* ---- segments ---- */

/* Its head at hand; false: it is not in memory. */
static bool enter_segment(struct heap_walk *w)
{
	struct paged *p = w->paged;
	const struct segment *s = &p->segments[p->segment];
	uint64_t n = mi_sizeof(w, FIELD_mi_segment_sizeof);
	p->head = mem_view(w->mem, s->addr, n);
	if (!p->head && !failed(mem_read(w->mem, s->addr, p->head_copy, n)))
		p->head = p->head_copy;
	if (!p->head)
		return false;
	p->slice = mi_get(w, p->head, FIELD_mi_segment_info_slices);
	p->slices = mi_get(w, p->head, FIELD_mi_segment_entries);
	return true;
}

static const uint8_t *slice_head(const struct heap_walk *w, uint64_t slice)
{
	return w->paged->head + mi_sizeof(w, FIELD_mi_segment_slices) +
	       slice * mi_sizeof(w, FIELD_mi_page_sizeof);
}

/* The slice after the page, or stretch, that begins at this one. */
static uint64_t next_slice(const struct heap_walk *w, uint64_t slice)
{
	uint64_t n = mi_get(w, slice_head(w, slice), FIELD_mi_page_slice_count);
	return n && n <= w->paged->slices - slice ? slice + n : w->paged->slices;
}

static bool is_page(const struct heap_walk *w, uint64_t slice)
{
	return mi_get(w, slice_head(w, slice), FIELD_mi_page_block_size);
}

/* What belongs to no page is counted by the first part. */
static void count_segment(struct heap_walk *w, const struct segment *s)
{
	struct heap_pages *all = &w->pages;
	uint64_t first = w->paged->slice, in_pages = 0;
	if (w->part)
		return;
	for (uint64_t i = first; i < w->paged->slices; i = next_slice(w, i)) {
		if (is_page(w, i))
			in_pages += mi_get(w, slice_head(w, i), FIELD_mi_page_slice_count)
				    << SLICE_BITS;
	}
	all->segments++;
	all->segment_bytes += s->size;
	all->head_bytes += first << SLICE_BITS;
	if (in_pages + (first << SLICE_BITS) < s->size)
		all->unused_bytes += s->size - (first << SLICE_BITS) - in_pages;
	all->in_segments += mi_get(w, w->paged->head, FIELD_mi_segment_used);
	all->abandoned += mi_get(w, w->paged->head, FIELD_mi_segment_abandoned);
}

static void leave_segment(struct paged *p)
{
	p->segment++;
	p->slices = 0;
}

/* The next page of this part that has blocks in use. */
static bool next_page(struct heap_walk *w)
{
	struct paged *p = w->paged;
	for (; p->segment < p->n; leave_segment(p)) {
		if (!p->slices) {
			if (!enter_segment(w)) {
				w->pages.lost += !w->part;
				continue;
			}
			count_segment(w, &p->segments[p->segment]);
		}
		while (p->slice < p->slices) {
			uint64_t slice = p->slice;
			p->slice = next_slice(w, slice);
			if (is_page(w, slice) && p->number++ % w->parts == w->part &&
				enter_page(w, slice))
				return true;
		}
	}
	return false;
}

static void count_gap(struct heap_walk *w, uint64_t start, uint64_t end)
{
	struct mem_run r = { .end = start };
	if (start >= end)
		return;
	w->pages.reserved_bytes += end - start;
	w->pages.untouched_bytes += end - start;
	while (mem_next_touched(w->mem, r.end, end, &r))
		w->pages.untouched_bytes -= r.end - r.start;
}

/* What is reserved for segments, and has none yet. */
static void count_reserved(struct heap_walk *w)
{
	const struct paged *p = w->paged;
	for (size_t i = 0; i < p->reserved.n; i++) {
		const struct mem_run *r = &p->reserved.list[i];
		uint64_t at = r->start;
		for (size_t k = 0; k < p->n; k++) {
			const struct segment *s = &p->segments[k];
			if (s->addr < r->start || s->addr >= r->end)
				continue;
			count_gap(w, at, s->addr);
			at = s->addr + s->size;
		}
		count_gap(w, at, r->end);
	}
}

void pages_open(struct heap_walk *w)
{
	if (w->l->row->heap.scheme != HEAP_MIMALLOC)
		return;
	w->paged = xcalloc(1, sizeof(*w->paged));
	w->paged->head_copy = xcalloc(1, mi_sizeof(w, FIELD_mi_segment_sizeof));
	w->paged->copy = xmalloc(COPY_MAX);
	mi_find(w);
}

void pages_close(struct heap_walk *w)
{
	if (!w->paged)
		return;
	spans_fini(&w->paged->reserved);
	free(w->paged->segments);
	free(w->paged->freed);
	free(w->paged->head_copy);
	free(w->paged->copy);
	free(w->paged);
}

uint64_t pages_bytes(const struct heap_walk *w)
{
	return w->paged ? w->paged->n << SEGMENT_BITS : 0;
}

double pages_done(const struct heap_walk *w)
{
	const struct paged *p = w->paged;
	return p && p->n ? (double)p->segment / (double)p->n : 1;
}

/* How many segments begin at or below an address. */
static size_t segments_to(const struct paged *p, uint64_t addr)
{
	return PARTITION_POINT(p ? p->n : 0, i, p->segments[i].addr <= addr);
}

uint64_t pages_above(const struct heap_walk *w, uint64_t addr)
{
	const struct paged *p = w->paged;
	size_t n = segments_to(p, addr);
	uint64_t first = p && n < p->n ? p->segments[n].addr : UINT64_MAX;
	for (size_t i = 0; p && i < p->reserved.n; i++) {
		uint64_t start = p->reserved.list[i].start;
		first = start > addr && start < first ? start : first;
	}
	return first;
}

uint64_t pages_end(const struct heap_walk *w, uint64_t addr)
{
	const struct paged *p = w->paged;
	for (size_t i = 0; p && i < p->reserved.n; i++) {
		if (addr >= p->reserved.list[i].start && addr < p->reserved.list[i].end)
			return p->reserved.list[i].end;
	}
	size_t n = segments_to(p, addr);
	const struct segment *s = n ? &p->segments[n - 1] : NULL;
	return s && addr - s->addr < s->size ? s->addr + s->size : 0;
}

void pages_begin(struct heap_walk *w)
{
	struct paged *p = w->paged;
	w->here = w->high;
	if (!p)
		return;
	p->segment = 0;
	p->slices = p->number = 0;
	p->block = p->page.capacity = 0;
	if (w->part)
		return;
	w->pages.heap_pages = p->heap_pages;
	count_reserved(w);
}

bool pages_next(struct heap_walk *w)
{
	struct paged *p = w->paged;
	w->n_batch = 0;
	while (p) {
		take_blocks(w);
		if (w->n_batch)
			return true;
		if (!next_page(w))
			return false;
	}
	return false;
}
