/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <stdlib.h>

static uint32_t offset(const struct heap_walk *w, enum field f)
{
	return w->l->field[f].offset;
}

static void take_offsets(struct heap_walk *w)
{
	w->at = (struct offsets){
		.type = offset(w, FIELD_object_type),
		.refcnt = offset(w, FIELD_object_refcnt),
		.size = offset(w, FIELD_varobject_size),
		.count = offset(w, FIELD_pool_count),
		.free_block = offset(w, FIELD_pool_free_block),
		.next_offset = offset(w, FIELD_pool_next_offset),
		.max_offset = offset(w, FIELD_pool_max_offset),
		.header = offset(w, FIELD_pool_sizeof),
		.gc_next = offset(w, FIELD_gc_head_next),
		.gc_prev = offset(w, FIELD_gc_head_prev),
		.gc_refs = offset(w, FIELD_gc_head_refs),
		.gc_head = offset(w, FIELD_gc_head_sizeof),
		.has_gc_refs = layout_has(w->l, FIELD_gc_head_refs),
		.str_min = offset(w, FIELD_str_ascii_data),
	};
}

/* What every walk reads. */
static struct err check_layout(const struct layout *l)
{
	static const enum field needed[] = { FIELD_object_type, FIELD_object_sizeof,
		FIELD_varobject_size, FIELD_pool_count, FIELD_pool_free_block,
		FIELD_pool_next_offset, FIELD_pool_max_offset, FIELD_pool_sizeof,
		FIELD_arena_sizeof, FIELD_arena_address, FIELD_gc_head_next, FIELD_gc_head_prev,
		FIELD_gc_head_sizeof, FIELD_type_basicsize, FIELD_type_itemsize, FIELD_type_flags,
		FIELD_type_mro };
	for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
		if (!layout_has(l, needed[i]))
			return err_of(ERR_UNSUPPORTED, field_name(needed[i]));
	}
	return NO_ERR;
}

static void find_bounds(struct heap_walk *w)
{
	struct mem_range r = { 0 };
	w->low = UINT64_MAX;
	while (mem_next_range(w->mem, r.end, &r)) {
		w->low = r.start < w->low ? r.start : w->low;
		w->high = r.end;
		w->held += r.readable ? r.end - r.start : 0;
	}
	if (w->low > w->high)
		w->low = w->high;
}

static bool is_collecting(const struct heap_walk *w)
{
	for (size_t i = 0; i < w->p->n_interpreters; i++) {
		const struct py_interpreter *in = &w->p->interpreters[i];
		if (&w->p->runtimes[in->runtime] == w->rt && in->gc_running == 1)
			return true;
	}
	return false;
}

struct err heap_walk_open(struct python *p, struct py_runtime *rt, struct heap_walk **ret)
{
	TRY(check_layout(&rt->layout));
	struct heap_walk *w = xcalloc(1, sizeof(*w));
	*w = (struct heap_walk){
		.p = p,
		.rt = rt,
		.mem = rt->mem,
		.l = &rt->layout,
		.word = rt->layout.key.ptr_size,
		.pool_size = UINT64_C(1) << rt->layout.row->heap.pool_bits,
		.arena_size = UINT64_C(1) << rt->layout.row->heap.arena_bits,
		.parts = 1,
	};
	take_offsets(w);
	find_bounds(w);
	w->here = w->high; /* numbers_find() asks for types before any arena */
	w->collecting = is_collecting(w);
	types_init(&w->types);
	heap_find_arenas(w);
	w->max_batch = w->pool_size / 8;
	w->batch = xcalloc(w->max_batch, sizeof(*w->batch));
	w->copy = xmalloc(w->pool_size);
	numbers_find(w);
	*ret = w;
	return NO_ERR;
}

void heap_walk_close(struct heap_walk *w)
{
	if (!w)
		return;
	types_fini(&w->types);
	arenas_fini(&w->arenas);
	free(w->batch);
	free(w->copy);
	free(w);
}

/* How the blocks of a place are had: begin, if there is anything to be done, when all those before
 * it have been walked; next fills the batch, false: there are no more. */
static const struct {
	void (*begin)(struct heap_walk *w);
	bool (*next)(struct heap_walk *w);
	bool divided; /* into parts; otherwise part 0 has all */
} places[HEAP_PLACES] = {
	[HEAP_IN_POOL] = { pools_begin, pools_next, true },
	[HEAP_IN_NUMBERS] = { NULL, numbers_next },
	[HEAP_IN_CHUNK] = { chunks_begin, chunks_next },
	[HEAP_IN_IMAGE] = { images_begin, images_next },
};

void heap_walk_divide(struct heap_walk *w, unsigned part, unsigned parts)
{
	w->part = part;
	w->parts = parts;
}

uint64_t heap_walk_divisible(const struct heap_walk *w)
{
	return w->arenas.n * w->arena_size;
}

void heap_walk_part(const struct heap_walk *w, struct heap_part *ret)
{
	*ret = (struct heap_part){ w->pools, w->tracked, heap_types_full(w) };
}

static void add_pools(struct heap_pools *to, const struct heap_pools *p)
{
	to->arenas += p->arenas;
	to->arena_bytes += p->arena_bytes;
	to->used += p->used;
	to->free += p->free;
	to->virgin += p->virgin;
	to->torn += p->torn;
	to->unread += p->unread;
	to->lost += p->lost;
	to->blocks += p->blocks;
	to->counted += p->counted;
	to->block_bytes += p->block_bytes;
	to->free_bytes += p->free_bytes;
	for (size_t i = 0; i < ARRAY_LEN(to->by_use); i++)
		to->by_use[i] += p->by_use[i];
	for (size_t i = 0; i < POOL_CLASSES; i++) {
		to->classes[i].size |= p->classes[i].size;
		to->classes[i].pools += p->classes[i].pools;
		to->classes[i].used += p->classes[i].used;
		to->classes[i].free += p->classes[i].free;
	}
}

void heap_walk_add_part(struct heap_walk *w, const struct heap_part *part)
{
	add_pools(&w->pools, &part->pools);
	w->tracked += part->tracked;
	w->others_full |= part->types_full;
}

static bool is_ours(const struct heap_walk *w)
{
	return places[w->place].next && (!w->part || places[w->place].divided);
}

bool heap_walk_next(struct heap_walk *w, struct heap_batch *ret)
{
	for (; w->place < HEAP_PLACES; w->place++, w->begun = false) {
		if (!is_ours(w))
			continue;
		if (!w->begun && places[w->place].begin)
			places[w->place].begin(w);
		w->begun = true;
		if (places[w->place].next(w)) {
			*ret = (struct heap_batch){ w->place, w->batch, w->n_batch };
			return true;
		}
	}
	return false;
}

double heap_walk_done(const struct heap_walk *w)
{
	return w->place == HEAP_IN_POOL && w->arenas.n ? (double)w->arena / (double)w->arenas.n : 1;
}

const struct heap_type *heap_types(const struct heap_walk *w, size_t *ret_n)
{
	*ret_n = w->types.n;
	return w->types.list;
}

bool heap_types_full(const struct heap_walk *w)
{
	return w->others_full || w->types.n >= TYPES_MET_MAX;
}

const struct heap_pools *heap_pools(const struct heap_walk *w)
{
	return &w->pools;
}

const struct heap_chunks *heap_chunks(const struct heap_walk *w)
{
	return &w->chunks;
}

uint64_t heap_number_bytes(const struct heap_walk *w)
{
	return w->number_bytes;
}

uint64_t heap_tracked(const struct heap_walk *w)
{
	return w->tracked;
}

bool heap_raw_blocks(const struct heap_walk *w, uint64_t *ret)
{
	uint64_t others = w->counts_all ? w->pools.counted : 0;
	if (!w->has_raw_blocks || w->raw_blocks < others)
		return false;
	*ret = w->raw_blocks - others;
	return true;
}
