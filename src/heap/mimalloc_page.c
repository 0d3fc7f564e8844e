/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One page of mimalloc (Include/internal/mimalloc/mimalloc/types.h, mi_page_t; segment.c,
 * _mi_segment_page_start_from_slice): blocks of one size, of which `capacity` were ever given out.
 * Blocks that are not in use are linked through their first words, in three lists: `free`, from
 * which new ones are taken, `local_free` of those that the owner of the page has freed, and
 * `xthread_free` of those that other threads have freed. The page's own count leaves out the first
 * two only.
 */
#include "mimalloc.h"

#include "pycore/sorted.h"

#include <string.h>

enum { FLAGS_OF_LIST = 3, HUGE_BLOCK = UINT32_C(1) << 31 };

/* Where the first block begins: small ones begin so that they do not all lie at the start of a
 * page of the machine. */
static uint64_t start_of(
	const struct heap_walk *w, const uint8_t *head, uint64_t slices, uint64_t size)
{
	enum { MIN = 8, TRIPLE_MAX = 64, SINGLE_MAX = 512 };
	if (layout_has(w->l, FIELD_mi_page_start))
		return mi_get(w, head, FIELD_mi_page_start);
	if (size >= MIN && size <= TRIPLE_MAX)
		return slices + 3 * size;
	return size > TRIPLE_MAX && size <= SINGLE_MAX ? slices + size : slices;
}

static bool is_whole(const struct page *p, uint64_t slices)
{
	uint64_t before = p->addr - slices;
	return p->size && p->capacity <= p->reserved && p->used <= p->capacity &&
	       p->tag < PAGE_HEAPS && before <= p->area &&
	       p->capacity <= (p->area - before) / p->size;
}

bool mi_read_page(struct heap_walk *w, uint64_t slice, struct page *ret)
{
	const struct segment *s = &w->paged->segments[w->paged->segment];
	const uint8_t *head = w->paged->head + mi_sizeof(w, FIELD_mi_segment_slices) +
			      slice * mi_sizeof(w, FIELD_mi_page_sizeof);
	uint64_t slices = s->addr + (slice << SLICE_BITS);
	struct page p = {
		.area = mi_get(w, head, FIELD_mi_page_slice_count) << SLICE_BITS,
		.size = mi_get(w, head, FIELD_mi_page_block_size),
		.capacity = mi_get(w, head, FIELD_mi_page_capacity),
		.reserved = mi_get(w, head, FIELD_mi_page_reserved),
		.used = mi_get(w, head, FIELD_mi_page_used),
		.tag = mi_get(w, head, FIELD_mi_page_tag),
		.free = mi_get(w, head, FIELD_mi_page_free),
		.local_free = mi_get(w, head, FIELD_mi_page_local_free),
		.thread_free = mi_get(w, head, FIELD_mi_page_thread_free),
	};
	p.addr = start_of(w, head, slices, p.size);
	if (p.size >= HUGE_BLOCK && !layout_has(w->l, FIELD_mi_page_start))
		p.size = p.area; /* only the page knows */
	if (!is_whole(&p, slices))
		return false;
	*ret = p;
	return true;
}

/* False: it was taken already. */
static bool mark(struct paged *p, uint64_t block)
{
	uint64_t bit = UINT64_C(1) << (block & 63);
	bool is_new = !(p->taken[block >> 6] & bit);
	p->taken[block >> 6] |= bit;
	return is_new;
}

/* The first word of a block; 0 where it cannot be had. */
static uint64_t link_at(const struct heap_walk *w, const struct page *p, uint64_t addr)
{
	uint64_t next;
	if (w->paged->bytes)
		return word_at(w, w->paged->bytes + (addr - p->addr));
	return failed(mem_ptr(w->mem, addr, &next)) ? 1 : next;
}

/* The number of the block at that address; false: there is none. */
static bool block_at(const struct page *p, uint64_t addr, uint64_t *ret)
{
	uint64_t offset = addr - p->addr;
	if (offset >= p->capacity * p->size)
		return false;
	/* most divisions are of small numbers, which is faster */
	uint64_t block = offset >> 32 || p->size >> 32 ? offset / p->size
						       : (uint32_t)offset / (uint32_t)p->size;
	if (block * p->size != offset)
		return false;
	*ret = block;
	return true;
}

/* How many blocks are on a list. One that leaves the page or comes back makes the page torn. */
static uint64_t follow(struct heap_walk *w, struct page *p, uint64_t at)
{
	uint64_t n = 0, block;
	for (; at; at = link_at(w, p, at), n++) {
		if (!block_at(p, at, &block) || !mark(w->paged, block)) {
			p->torn = true;
			break;
		}
	}
	return n;
}

/* The first one of the remembered blocks that is not below addr. */
static size_t first_freed(const struct paged *p, uint64_t addr)
{
	return PARTITION_POINT(p->n_freed, i, p->freed[i] < addr);
}

static uint64_t mark_freed(struct paged *all, const struct page *p)
{
	uint64_t n = 0, block, end = p->addr + p->capacity * p->size;
	for (size_t i = first_freed(all, p->addr); i < all->n_freed && all->freed[i] < end; i++)
		n += block_at(p, all->freed[i], &block) && mark(all, block);
	return n;
}

void mi_read_free(struct heap_walk *w, struct page *ret)
{
	memset(w->paged->taken, 0, (ret->capacity / 64 + 1) * sizeof(*w->paged->taken));
	ret->n_free = follow(w, ret, ret->free) + follow(w, ret, ret->local_free);
	ret->n_freed = follow(w, ret, ret->thread_free & ~(uint64_t)FLAGS_OF_LIST);
	ret->n_freed += mark_freed(w->paged, ret);
	ret->torn |= ret->capacity - ret->n_free != ret->used;
}
