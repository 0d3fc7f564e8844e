/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign memory: all that can be written, without what is known to belong to somebody. */
#include "closure.h"
#include "mimalloc.h"

#include "pycore/image.h"
#include "pycore/sorted.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_SIZE = 4096 };

void spans_add(struct spans *s, uint64_t start, uint64_t end)
{
	if (start >= end)
		return;
	if (s->n && s->list[s->n - 1].end == start) {
		s->list[s->n - 1].end = end;
		return;
	}
	s->list = xgrow(s->list, &s->cap, s->n, sizeof(*s->list));
	s->list[s->n++] = (struct mem_run){ start, end };
}

void spans_fini(struct spans *s)
{
	free(s->list);
	*s = (struct spans){ 0 };
}

static void add_images(const struct heap_walk *w, struct spans *to)
{
	struct target *t = w->rt->target;
	for (size_t i = 0; i < t->n_images; i++) {
		struct image *img = &t->images[i];
		struct mem_run data;
		if (failed(image_probe(img, w->mem)))
			continue;
		for (size_t at = 0; image_next_variables(img, &at, &data);)
			spans_add(to, data.start, data.end);
	}
}

static int by_start(const void *a, const void *b)
{
	const struct mem_run *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* Of free-threaded builds. */
static void add_segments(const struct heap_walk *w, struct spans *to)
{
	const struct paged *p = w->paged;
	for (size_t i = 0; p && i < p->n; i++)
		spans_add(to, p->segments[i].addr, p->segments[i].addr + p->segments[i].size);
	for (size_t i = 0; p && i < p->reserved.n; i++)
		spans_add(to, p->reserved.list[i].start, p->reserved.list[i].end);
}

/* What is known, ascending; stretches may overlap. */
static void find_known(const struct heap_walk *w, struct spans *ret)
{
	for (size_t i = 0; i < w->arenas.n; i++)
		spans_add(ret, w->arenas.list[i], w->arenas.list[i] + w->arena_size);
	for (size_t i = 0; i < w->own.n; i++)
		spans_add(ret, w->own.list[i].start, w->own.list[i].end);
	add_segments(w, ret);
	add_images(w, ret);
	if (ret->n)
		qsort(ret->list, ret->n, sizeof(*ret->list), by_start);
}

static void add(struct closure *c, const struct heap_walk *w, uint64_t start, uint64_t end)
{
	uint64_t mask = (UINT64_C(1) << c->granule_bits) - 1;
	start = (start + mask) & ~mask;
	if (start >= end)
		return;
	c->list = xgrow(c->list, &c->cap, c->n, sizeof(*c->list));
	c->list[c->n++] = (struct foreign){
		.start = start,
		.end = end,
		.bytes = mem_view(w->mem, start, end - start),
		.bit = c->n_bits,
	};
	for (uint64_t i = start >> SIEVE_SHIFT; i <= (end - 1) >> SIEVE_SHIFT; i++)
		c->sieve[(i >> 6) & ((1 << (SIEVE_BITS - 6)) - 1)] |= UINT64_C(1) << (i & 63);
	c->by_view = (c->n == 1 || c->by_view) && c->list[c->n - 1].bytes;
	c->n_bits += (end - start + mask) >> c->granule_bits;
	c->low = c->n == 1 ? start : c->low;
	c->high = end;
}

void closure_find_memory(struct closure *c, const struct heap_walk *w)
{
	CLEANUP(spans_fini) struct spans known = { 0 };
	struct mem_range r = { 0 };
	size_t i = 0;
	find_known(w, &known);
	while (mem_next_range(w->mem, r.end, &r)) {
		uint64_t at = r.start;
		if (!(r.perm & MEM_WRITE) || r.perm & MEM_EXEC || !r.readable)
			continue;
		while (i && known.list[i - 1].end > at)
			i--;
		for (; i < known.n && known.list[i].start < r.end; i++) {
			if (known.list[i].start > at)
				add(c, w, at, known.list[i].start);
			at = known.list[i].end > at ? known.list[i].end : at;
		}
		if (at < r.end)
			add(c, w, at, r.end);
	}
}

void closure_make_bits(struct closure *c)
{
	c->found = xcalloc(c->n_bits / 64 + 1, sizeof(*c->found));
	c->again = xcalloc((c->n_bits >> CARD_BITS) + 1, sizeof(*c->again));
	c->stack = xcalloc(STACK_MAX, sizeof(*c->stack));
}

uint64_t closure_address(const struct closure *c, uint64_t bit)
{
	const struct foreign *f = &c->list[PARTITION_POINT(c->n, i, c->list[i].bit <= bit) - 1];
	return f->start + ((bit - f->bit) << c->granule_bits);
}

const struct foreign *closure_memory_at(struct closure *c, uint64_t addr)
{
	const struct foreign *f = &c->list[c->last];
	if (!closure_may_hold(c, addr))
		return NULL;
	if (addr >= f->start && addr < f->end)
		return f;
	size_t at = PARTITION_POINT(c->n, i, c->list[i].end <= addr);
	if (at == c->n || addr < c->list[at].start)
		return NULL;
	c->last = at;
	return &c->list[at];
}

const uint8_t *closure_bytes(
	struct closure *c, uint64_t addr, uint64_t n, uint8_t *room, uint64_t *ret_n)
{
	struct mem *mem = c->walk->mem;
	if (addr - c->near_addr < c->n_near && n <= c->n_near - (addr - c->near_addr)) {
		*ret_n = n;
		return c->near + (addr - c->near_addr);
	}
	const struct foreign *f = closure_memory_at(c, addr);
	uint64_t left = PAGE_SIZE - addr % PAGE_SIZE;
	if (f) {
		n = n < f->end - addr ? n : f->end - addr;
		*ret_n = n;
		if (f->bytes)
			return f->bytes + (addr - f->start);
	}
	*ret_n = n;
	const uint8_t *view = n <= OBJECT_VIEW_MAX ? mem_view(mem, addr, n) : NULL;
	if (view)
		return view;
	if (n <= WINDOW && !failed(mem_read(mem, addr, room, n)))
		return room;
	*ret_n = n < left ? n : left;
	view = mem_view(mem, addr, *ret_n);
	if (!view && !failed(mem_read(mem, addr, room, *ret_n)))
		view = room;
	return view;
}

uint64_t closure_next_bit(const struct closure *c, uint64_t bit, uint64_t end)
{
	if (bit >= end)
		return end;
	uint64_t word = c->found[bit >> 6] >> (bit & 63);
	while (!word) {
		bit = (bit | 63) + 1;
		if (bit >= end)
			return end;
		word = c->found[bit >> 6];
	}
	bit += (unsigned)__builtin_ctzll(word);
	return bit < end ? bit : end;
}
