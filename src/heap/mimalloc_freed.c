/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that was freed, and that its page still counts as in use.
 *
 * A block of a full page that another thread frees goes to a list of the heap that owns the page
 * (Objects/mimalloc/alloc.c, heap->thread_delayed_free), linked through its first word. What other
 * threads may be looking at is freed by Python when all of them have passed a point of rest
 * (Objects/obmalloc.c, struct _mem_work_chunk): queues of arrays, of each thread and of the
 * interpreter. An odd entry is an object, of which its own counts tell whether it lives.
 */
#include "mimalloc.h"

#include "pycore/alloc.h"

#include <stdlib.h>

static bool remember(struct paged *p, uint64_t addr)
{
	if (p->n_freed >= MIMALLOC_FREED_MAX)
		return false;
	p->freed = xgrow(p->freed, &p->cap_freed, p->n_freed, sizeof(*p->freed));
	p->freed[p->n_freed++] = addr;
	return true;
}

void mi_find_freed(struct heap_walk *w, uint64_t heap)
{
	uint64_t at = heap + w->l->field[FIELD_mi_heap_freed].offset;
	while (!failed(mem_ptr(w->mem, at, &at)) && at && at % w->word == 0) {
		if (!remember(w->paged, at))
			return;
	}
}

/* Entries of one array that were not freed yet. */
static void see_chunk(struct heap_walk *w, uint64_t chunk)
{
	const struct field_at *f = w->l->field;
	uint64_t size = mi_sizeof(w, FIELD_freed_item_sizeof), first, end, ptr;
	uint64_t items = f[FIELD_freed_chunk_items].offset;
	uint64_t max = (mi_sizeof(w, FIELD_freed_chunk_sizeof) - items) / size;
	if (failed(mem_ptr(w->mem, chunk + f[FIELD_freed_chunk_first].offset, &first)) ||
		failed(mem_ptr(w->mem, chunk + f[FIELD_freed_chunk_end].offset, &end)) || end > max)
		return;
	for (; first < end; first++) {
		if (failed(mem_ptr(w->mem, chunk + items + first * size, &ptr)))
			return;
		if (ptr && ptr % w->word == 0 && !remember(w->paged, ptr))
			return;
	}
}

void mi_find_delayed(struct heap_walk *w, uint64_t queue)
{
	uint64_t at = queue;
	if (!layout_has(w->l, FIELD_freed_item_sizeof))
		return;
	for (size_t i = 0; i < MIMALLOC_QUEUE_MAX; i++) {
		if (failed(mem_ptr(w->mem, at, &at)) || !at || at == queue || at % w->word)
			return;
		see_chunk(w, at);
	}
}

static int ascending(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
	return a < b ? -1 : a > b;
}

void mi_settle_freed(struct paged *p)
{
	if (p->n_freed)
		qsort(p->freed, p->n_freed, sizeof(*p->freed), ascending);
}
