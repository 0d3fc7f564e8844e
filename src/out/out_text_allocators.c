/* SPDX-License-Identifier: Apache-2.0 */
/* How full the allocators are: what is free in them, and what keeps it from going back. */
#include "out_text.h"

#include <inttypes.h>

static void put_classes(struct out *o, const struct heap_pools *p)
{
	str_addf(&o->buf, "  %11s %11s %11s %11s %11s %7s\n", "Block size", "Pools", "Used", "Free",
		"Free bytes", "Filled");
	for (size_t i = 0; i < POOL_CLASSES; i++) {
		const struct heap_class *c = &p->classes[i];
		if (!c->pools)
			continue;
		str_addf(&o->buf, "  %11" PRIu32 " %11" PRIu64 " %11" PRIu64 " %11" PRIu64, c->size,
			c->pools, c->used, c->free);
		text_put_size(o, c->free * c->size);
		str_addf(&o->buf, " %6.1f%%\n",
			100.0 * (double)c->used / (double)(c->used + c->free));
	}
}

static void put_free_lists(struct out *o, const struct survey *s)
{
	if (!s->free_lists_known) {
		str_puts(&o->buf, "  what Python keeps for reuse is not known by kind\n");
		return;
	}
	str_addf(&o->buf, "  %11s %11s  %s\n", "Kept", "Bytes", "for reuse");
	for (size_t i = 0; i < s->n_free_lists; i++) {
		const struct heap_free_list *f = &s->free_lists[i];
		str_addf(&o->buf, "  %11" PRIu64, f->count);
		text_put_size(o, f->bytes);
		str_addf(&o->buf, "  %s\n", f->name);
	}
}

/* An arena goes back to the system only when nothing in it is used. */
static void put_pinned(struct out *o, const struct heap_pools *p)
{
	char text[TEXT_SIZE_MAX];
	uint64_t n = p->by_use[0];
	if (n)
		str_addf(&o->buf,
			"  %" PRIu64 " of the arenas have less than 10 %% in use: they are "
			"pinned, and keep %s from going back to the system\n",
			n, text_size(p->arena_bytes / p->arenas * n, text));
}

static void put_chunks(struct out *o, const struct heap_chunks *c)
{
	char text[TEXT_SIZE_MAX];
	if (!c->used_bytes && !c->free_bytes) {
		str_puts(&o->buf, "  malloc: no heap of the GNU C library was found\n");
		return;
	}
	str_addf(&o->buf, "  malloc: %s in use", text_size(c->used_bytes, text));
	str_addf(&o->buf, ", %s free", text_size(c->free_bytes, text));
	str_addf(&o->buf, ", %s in the largest free chunk\n", text_size(c->largest_free, text));
	str_addf(&o->buf, "  %11s %11s %11s %11s %11s\n", "Chunks of", "Used", "Used bytes", "Free",
		"Free bytes");
	for (size_t i = 0; i < ARRAY_LEN(c->sizes); i++) {
		const struct heap_chunk_sizes *k = &c->sizes[i];
		if (!k->used && !k->free)
			continue;
		str_addf(&o->buf, "  %10s+ %11" PRIu64,
			text_size(i ? UINT64_C(1) << (i - 1) : 0, text), k->used);
		text_put_size(o, k->used_bytes);
		str_addf(&o->buf, " %11" PRIu64, k->free);
		text_put_size(o, k->free_bytes);
		str_putc(&o->buf, '\n');
	}
}

static void put_pages(struct out *o, const struct heap_pages *p)
{
	char text[TEXT_SIZE_MAX];
	str_addf(&o->buf, "  mimalloc: %" PRIu64 " segments, %s", p->segments,
		text_size(p->segment_bytes, text));
	str_addf(&o->buf, ", room for more: %s", text_size(p->reserved_bytes, text));
	str_addf(&o->buf,
		"; pages: %" PRIu64 " in use, %" PRIu64 " free, %" PRIu64
		" of threads that have ended\n",
		p->used, p->free, p->abandoned);
	str_addf(&o->buf, "  %11s %11s %11s %11s %7s\n", "Pages", "Bytes", "Used", "Used bytes",
		"Filled");
	for (unsigned i = 0; i < PAGE_HEAPS; i++) {
		const struct heap_page_kind *k = &p->kinds[i];
		if (!k->pages)
			continue;
		str_addf(&o->buf, "  %11" PRIu64, k->pages);
		text_put_size(o, k->page_bytes);
		str_addf(&o->buf, " %11" PRIu64, k->used);
		text_put_size(o, k->used_bytes);
		str_addf(&o->buf, " %6.1f%%  %s\n",
			100.0 * (double)k->used_bytes / (double)k->page_bytes,
			heap_page_kind_name(i));
	}
}

static void put_pools(struct out *o, const struct heap_pools *p)
{
	char text[TEXT_SIZE_MAX];
	str_addf(&o->buf,
		"  pymalloc: %" PRIu64 " arenas, %s; pools: %" PRIu64 " in use, %" PRIu64
		" free, %" PRIu64 " never used\n",
		p->arenas, text_size(p->arena_bytes, text), p->used, p->free, p->virgin);
	str_puts(&o->buf, "  arenas by how much of them is in use:");
	for (size_t i = 0; i < ARRAY_LEN(p->by_use); i++) {
		if (p->by_use[i])
			str_addf(
				&o->buf, " %zu-%zu%%: %" PRIu64, 10 * i, 10 * i + 10, p->by_use[i]);
	}
	str_putc(&o->buf, '\n');
	put_pinned(o, p);
	put_classes(o, p);
}

void text_allocators(struct out *o, const struct survey *s)
{
	str_puts(&o->buf, "\nAllocators:\n");
	if (s->pages.segments)
		put_pages(o, &s->pages);
	else
		put_pools(o, &s->pools);
	put_chunks(o, &s->chunks);
	put_free_lists(o, s);
}
