/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pymalloc's pools (Objects/obmalloc.c). An arena is divided into pools from its first address of
 * a pool's alignment up to `pool_address`; what lies above was never used. A pool with blocks in
 * use has them all of one size behind its header, up to `nextoffset`; those that were freed form a
 * list through their first words. How many are in use the header says too, and both must agree.
 */
#include "internal.h"

#include <string.h>
#include <sys/mman.h>

enum { POOL_BITS_MAX = 14 };

struct pool {
	uint64_t addr;
	const uint8_t *bytes;
	uint64_t size; /* of a block */
	uint64_t n; /* blocks that were ever given out */
	uint64_t count; /* in use, as it says itself */
	uint64_t n_free; /* steps of its list */
	/* bits by offset from the first one: blocks on the list */
	uint64_t free[(1 << POOL_BITS_MAX) >> HEAP_UNIT_BITS >> 6];
};

/* Its list into bits. False: it leaves the pool, or has a circle. */
static bool read_free(const struct heap_walk *w, struct pool *p)
{
	uint64_t next = word_at(w, p->bytes + w->at.free_block), end = p->n * p->size;
	p->n_free = 0;
	if (!next)
		return true;
	memset(p->free, 0, w->pool_size >> HEAP_UNIT_BITS >> 3);
	for (; next; p->n_free++) {
		uint64_t offset = next - p->addr - w->at.header, unit = offset >> HEAP_UNIT_BITS;
		if (offset >= end || offset % w->word || p->n_free == p->n ||
			p->free[unit >> 6] >> (unit & 63) & 1)
			return false;
		p->free[unit >> 6] |= UINT64_C(1) << (unit & 63);
		next = word_at(w, p->bytes + w->at.header + offset);
	}
	return true;
}

static bool read_head(const struct heap_walk *w, struct pool *p)
{
	uint64_t next = half_at(w, p->bytes + w->at.next_offset);
	p->size = w->pool_size - half_at(w, p->bytes + w->at.max_offset);
	if (p->size < 8 || p->size > POOL_BLOCK_MAX || p->size % 8 || next < w->at.header ||
		next > w->pool_size || (next - w->at.header) % p->size)
		return false;
	p->n = (next - w->at.header) / p->size;
	return p->count <= p->n;
}

static void count_pool(struct heap_walk *w, const struct pool *p)
{
	struct heap_pools *all = &w->pools;
	uint64_t rest = w->at.header + p->n * p->size;
	uint64_t free = p->n + (w->pool_size - rest) / p->size - w->n_batch;
	struct heap_class *c = &all->classes[(p->size - 1) / 8];
	c->size = (uint32_t)p->size;
	c->pools++;
	c->used += w->n_batch;
	c->free += free;
	all->used++;
	all->blocks += w->n_batch;
	all->counted += p->count;
	all->block_bytes += w->n_batch * p->size;
	w->arena_used += w->n_batch * p->size;
	all->free_bytes += free * p->size;
}

/* The blocks in use of the pool at these bytes, if it has any and is whole. */
static bool see_pool(struct heap_walk *w, uint64_t addr, const uint8_t *bytes)
{
	struct pool p;
	p.addr = addr;
	p.bytes = bytes;
	p.count = half_at(w, bytes + w->at.count);
	w->n_batch = 0;
	if (!p.count) {
		w->pools.free++;
		return false;
	}
	if (!read_head(w, &p)) {
		w->pools.torn++;
		w->pools.unread++;
		return false;
	}
	bool torn = !read_free(w, &p);
	heap_take_row(w, &(struct heap_row){
				 .addr = addr + w->at.header,
				 .size = p.size,
				 .n = p.n,
				 .bytes = bytes + w->at.header,
				 .free = p.n_free ? p.free : NULL,
			 });
	w->pools.torn += torn || w->n_batch + p.n_free != p.n || w->n_batch != p.count;
	count_pool(w, &p);
	return w->n_batch;
}

void pools_begin(struct heap_walk *w)
{
	w->here = w->high;
	w->arena = w->part;
	w->pool = 0;
	w->pools.pool_bytes = w->pool_size;
}

/* None of its bytes are in the core. */
static bool is_lost(const struct heap_walk *w, uint64_t start)
{
	struct mem_range r;
	return !w->arena_bytes && mem_range_at(w->mem, start, &r) && !r.readable &&
	       r.end - start >= w->arena_size;
}

/* The first pool of an arena, and how its bytes are had. */
static void enter_arena(struct heap_walk *w, uint64_t start)
{
	uint64_t ahead = -start & (w->pool_size - 1);
	w->pool = ahead;
	w->arena_bytes = mem_view(w->mem, start, w->arena_size);
	mem_expect(w->mem, start, w->arena_size);
	if (w->arena_bytes)
		madvise((void *)((uintptr_t)w->arena_bytes & ~4095UL), w->arena_size + 65536, 22);
	w->here = w->types_in_pools ? w->high : start;
	w->pools.arenas++;
	w->pools.arena_bytes += w->arena_size;
	w->pools.virgin += (start + w->arena_size - w->arenas.carved[w->arena]) / w->pool_size;
}

static void leave_arena(struct heap_walk *w)
{
	uint64_t tenth = 10 * w->arena_used / w->arena_size;
	w->pools.by_use[tenth < 10 ? tenth : 9]++;
	w->arena_used = 0;
	w->here = w->high;
	w->arena += w->parts;
	w->pool = 0;
}

bool pools_next(struct heap_walk *w)
{
	while (w->arena < w->arenas.n) {
		uint64_t start = w->arenas.list[w->arena], carved = w->arenas.carved[w->arena];
		if (w->pool < w->pool_size)
			enter_arena(w, start);
		if (is_lost(w, start)) {
			w->pools.lost += (carved - start - w->pool) / w->pool_size;
			leave_arena(w);
			continue;
		}
		while (start + w->pool < carved) {
			uint64_t at = w->pool;
			const uint8_t *bytes = w->arena_bytes ? w->arena_bytes + at : NULL;
			w->pool += w->pool_size;
			if (!bytes && !(bytes = mem_view(w->mem, start + at, w->pool_size)) &&
				!failed(mem_read(w->mem, start + at, w->copy, w->pool_size)))
				bytes = w->copy;
			w->pools.lost += !bytes;
			if (bytes && see_pool(w, start + at, bytes))
				return true;
		}
		leave_arena(w);
	}
	return false;
}
