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
		/* its word, of which a build may name a part only */
		.refcnt = offset(w, FIELD_object_refcnt) / w->word * w->word,
		.size = offset(w, FIELD_varobject_size),
		.count = offset(w, FIELD_pool_count),
		.free_block = offset(w, FIELD_pool_free_block),
		.next_offset = offset(w, FIELD_pool_next_offset),
		.max_offset = offset(w, FIELD_pool_max_offset),
		.header = offset(w, FIELD_pool_sizeof),
		.gc_next = offset(w, FIELD_gc_head_next),
		.gc_prev = offset(w, FIELD_gc_head_prev),
		.gc_refs = offset(w, FIELD_gc_head_refs),
		.gc_head = layout_gc_head(w->l),
		.has_gc_refs = layout_has(w->l, FIELD_gc_head_refs),
		.ref_local = offset(w, FIELD_object_ref_local),
		.ref_shared = offset(w, FIELD_object_ref_shared),
		.tid = offset(w, FIELD_object_tid),
		.gc_bits = offset(w, FIELD_object_gc_bits),
		.str_min = offset(w, FIELD_str_ascii_data),
		.object_head = offset(w, FIELD_object_sizeof),
	};
	if (w->l->row->heap.preheader_flags)
		w->at.pre_lead = w->at.gc_head + 2 * w->word;
}

static struct err check_fields(const struct layout *l, const enum field *needed, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!layout_has(l, needed[i]))
			return err_of(ERR_UNSUPPORTED, field_name(needed[i]));
	}
	return NO_ERR;
}

/* What every walk reads. */
static struct err check_layout(const struct layout *l)
{
	static const enum field needed[] = { FIELD_object_type, FIELD_object_sizeof,
		FIELD_varobject_size, FIELD_type_basicsize, FIELD_type_itemsize, FIELD_type_flags,
		FIELD_type_mro };
	static const enum field pools[] = { FIELD_pool_count, FIELD_pool_free_block,
		FIELD_pool_next_offset, FIELD_pool_max_offset, FIELD_pool_sizeof,
		FIELD_arena_sizeof, FIELD_arena_address, FIELD_gc_head_next, FIELD_gc_head_prev,
		FIELD_gc_head_sizeof };
	static const enum field pages[] = { FIELD_object_ref_local, FIELD_object_ref_shared,
		FIELD_object_tid, FIELD_object_gc_bits, FIELD_mi_heap_sizeof, FIELD_mi_heap_pages,
		FIELD_mi_page_sizeof, FIELD_mi_page_slice_count, FIELD_mi_page_block_size,
		FIELD_mi_page_capacity, FIELD_mi_page_free, FIELD_mi_page_used, FIELD_mi_page_tag,
		FIELD_mi_segment_slices, FIELD_mi_segment_cookie };
	TRY(check_fields(l, needed, ARRAY_LEN(needed)));
	return l->row->heap.scheme == HEAP_MIMALLOC ? check_fields(l, pages, ARRAY_LEN(pages))
						    : check_fields(l, pools, ARRAY_LEN(pools));
}

/* Bytes of a block that a class is in. */
static uint64_t type_room(const struct heap_walk *w)
{
	const enum field whole =
		layout_has(w->l, FIELD_heaptype_sizeof) ? FIELD_heaptype_sizeof : FIELD_type_sizeof;
	return layout_gc_head(w->l) + offset(w, whole);
}

/* Objects lie in memory that can be written to, from the first such range to the last. What the
 * kernel maps at the end of the address space would make an address of nearly every word. */
static void find_bounds(struct heap_walk *w)
{
	struct mem_range r = { 0 };
	w->low = UINT64_MAX;
	while (mem_next_range(w->mem, r.end, &r)) {
		w->held += r.readable ? r.end - r.start : 0;
		if (!(r.perm & MEM_WRITE))
			continue;
		w->low = r.start < w->low ? r.start : w->low;
		w->high = r.end;
	}
	if (w->low > w->high)
		w->low = w->high;
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
		.end = HEAP_PLACES,
	};
	take_offsets(w);
	find_bounds(w);
	w->type_mask = w->word - 1;
	w->types_in_pools = type_room(w) <= POOL_BLOCK_MAX;
	w->here = w->high; /* numbers_find() asks for types before any arena */
	types_init(&w->types);
	w->collecting = gc_is_collecting(w);
	heap_find_arenas(w);
	w->max_batch = w->pool_size / 8;
	w->batch = xcalloc(w->max_batch, sizeof(*w->batch));
	w->copy = xmalloc(w->pool_size);
	numbers_find(w);
	pages_open(w);
	free_lists_find(w);
	*ret = w;
	return NO_ERR;
}

void heap_walk_close(struct heap_walk *w)
{
	if (!w)
		return;
	referred_fini(w);
	spans_fini(&w->own);
	pages_close(w);
	types_fini(&w->types);
	arenas_fini(&w->arenas);
	free_lists_fini(&w->free);
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
	[HEAP_IN_PAGE] = { pages_begin, pages_next, true },
	[HEAP_IN_CHUNK] = { chunks_begin, chunks_next },
	[HEAP_REFERRED] = { referred_begin, referred_next },
	[HEAP_IN_IMAGE] = { images_begin, images_next },
};

void heap_walk_divide(struct heap_walk *w, unsigned part, unsigned parts)
{
	w->part = part;
	w->parts = parts;
}

uint64_t heap_walk_divisible(const struct heap_walk *w)
{
	return w->arenas.n * w->arena_size + pages_bytes(w);
}

void heap_walk_part(const struct heap_walk *w, struct heap_part *ret)
{
	*ret = (struct heap_part){ w->pools, w->pages, w->tracked, heap_types_full(w) };
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

static void add_pages(struct heap_pages *to, const struct heap_pages *p)
{
	to->used += p->used;
	to->free += p->free;
	to->page_bytes += p->page_bytes;
	to->empty_bytes += p->empty_bytes;
	to->torn += p->torn;
	to->unread += p->unread;
	to->lost += p->lost;
	to->lost_bytes += p->lost_bytes;
	to->blocks += p->blocks;
	to->counted += p->counted;
	to->freed += p->freed;
	to->freed_bytes += p->freed_bytes;
	to->block_bytes += p->block_bytes;
	to->free_bytes += p->free_bytes;
	for (size_t i = 0; i < PAGE_HEAPS; i++) {
		to->kinds[i].pages += p->kinds[i].pages;
		to->kinds[i].page_bytes += p->kinds[i].page_bytes;
		to->kinds[i].used += p->kinds[i].used;
		to->kinds[i].used_bytes += p->kinds[i].used_bytes;
	}
}

void heap_walk_add_part(struct heap_walk *w, const struct heap_part *part)
{
	add_pools(&w->pools, &part->pools);
	add_pages(&w->pages, &part->pages);
	w->tracked += part->tracked;
	w->others_full |= part->types_full;
}

static bool is_ours(const struct heap_walk *w)
{
	return places[w->place].next && (!w->part || places[w->place].divided);
}

bool heap_walk_next(struct heap_walk *w, struct heap_batch *ret)
{
	for (; w->place < w->end; w->place++, w->begun = false) {
		if (!is_ours(w))
			continue;
		if (!w->begun && places[w->place].begin)
			places[w->place].begin(w);
		w->begun = true;
		if (places[w->place].next(w)) {
			free_lists_mark(w);
			*ret = (struct heap_batch){ w->place, w->batch, w->n_batch };
			return true;
		}
	}
	return false;
}

uint32_t heap_refcount(const struct heap_walk *w, const struct heap_block *b)
{
	const uint8_t *object = b->bytes + b->lead;
	return w->l->row->refs == REFS_BIASED ? pages_refcount(w, object)
					      : (uint32_t)word_at(w, object + w->at.refcnt);
}

double heap_walk_done(const struct heap_walk *w)
{
	if (w->place == HEAP_IN_PAGE)
		return pages_done(w);
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

const struct heap_pages *heap_pages(const struct heap_walk *w)
{
	return &w->pages;
}

const struct heap_chunks *heap_chunks(const struct heap_walk *w)
{
	return &w->chunks;
}

const struct heap_referred *heap_referred(const struct heap_walk *w)
{
	return &w->referred;
}

bool heap_collecting(const struct heap_walk *w)
{
	return w->collecting;
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
