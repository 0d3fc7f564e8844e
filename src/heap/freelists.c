/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that Python keeps for reuse. They are blocks in use to the allocator, and hold nothing:
 * their count of references is 0, or is a link to the next one. Each entry has to prove itself, by
 * the type that it kept, if its link does not stand there, and by its count, likewise; each list by
 * the number of its entries. What has been found is remembered by address, in order, so that the
 * walk can tell whether a batch of blocks has any with one search.
 */
#include "freelists.h"

#include "pycore/image.h"
#include "pycore/sorted.h"

#include <stdlib.h>

enum { KEYS_MIN = 8, KEYS_MIN_USABLE = 5 }; /* slots of the smallest table of a dict, entries */

static const char *const tuple_names[FREE_TUPLE_LISTS + 1] = { "tuple of 0", "tuple of 1",
	"tuple of 2", "tuple of 3", "tuple of 4", "tuple of 5", "tuple of 6", "tuple of 7",
	"tuple of 8", "tuple of 9", "tuple of 10", "tuple of 11", "tuple of 12", "tuple of 13",
	"tuple of 14", "tuple of 15", "tuple of 16", "tuple of 17", "tuple of 18", "tuple of 19",
	"tuple of 20" };

/* One list while it is read. */
struct reading {
	const struct free_kind *kind;
	uint32_t link; /* offset in an entry */
	bool shows_type, shows_count; /* the link does not stand there */
	uint32_t type; /* of its entries; HEAP_NO_TYPE: not met yet */
	uint64_t items; /* of a tuple */
	struct heap_free_list found;
};

static struct reading begin(struct heap_walk *w, size_t kind, const struct free_place *at)
{
	const struct free_kind *k = &free_kinds[kind];
	const struct field_at *refcnt = &w->l->field[FIELD_object_refcnt];
	bool chain = at->uniform || k->shape == FREE_CHAIN;
	bool object = k->what != FREE_KEYS && k->what != FREE_PARTS;
	struct reading r = { .kind = k, .type = HEAP_NO_TYPE, .found.name = k->name };
	if (chain && !at->uniform && k->link != FIELD_COUNT)
		r.link = w->l->field[k->link].offset;
	r.shows_type = object && !(chain && r.link == w->at.type);
	r.shows_count =
		object && refcnt->origin != ORIGIN_NONE && !(chain && r.link == w->at.refcnt);
	struct image_symbol sym;
	if (!r.shows_type && object && k->type_symbol && w->rt->image &&
		!failed(image_dynsym(w->rt->image, w->mem, k->type_symbol, &sym)))
		r.type = type_by_word(w, sym.addr);
	return r;
}

/* Bytes of the block of a pool; 0: it lies in none. */
static uint64_t block_size(const struct heap_walk *w, uint64_t addr)
{
	uint64_t max, pool = addr & ~(w->pool_size - 1);
	if (!arena_of(w, addr) || failed(mem_uint(w->mem, pool + w->at.max_offset, 4, &max)) ||
		max >= w->pool_size || w->pool_size - max > POOL_BLOCK_MAX)
		return 0;
	return w->pool_size - max;
}

static uint64_t keys_size(const struct layout *l)
{
	const enum field entry = layout_has(l, FIELD_unicode_entry_sizeof)
					 ? FIELD_unicode_entry_sizeof
					 : FIELD_entry_sizeof;
	return l->field[FIELD_keys_indices].offset + KEYS_MIN +
	       KEYS_MIN_USABLE * (uint64_t)l->field[entry].offset;
}

/* False: it has more items than an entry of its list can have. */
static bool object_size(
	const struct heap_walk *w, const struct reading *r, uint64_t addr, uint64_t *ret)
{
	enum { ITEMS_MAX = 1 << 20 };
	uint64_t items = r->kind->what == FREE_ONE_ITEM;
	if (r->type == HEAP_NO_TYPE) {
		*ret = w->l->field[FIELD_float_value].offset + 8;
		return true;
	}
	const struct heap_type *t = &w->types.list[r->type];
	if (r->kind->what == FREE_ITEMS || r->kind->what == FREE_TUPLES) {
		if (failed(mem_ptr(w->mem, addr + w->at.size, &items)) || items > ITEMS_MAX)
			return false;
	}
	uint64_t size = t->lead + t->basicsize + items * t->itemsize;
	*ret = (size + w->word - 1) / w->word * w->word;
	return true;
}

static bool entry_size(
	const struct heap_walk *w, const struct reading *r, uint64_t addr, uint64_t *ret)
{
	switch (r->kind->what) {
	case FREE_OBJECTS:
	case FREE_ITEMS:
	case FREE_ONE_ITEM:
	case FREE_TUPLES:
		return object_size(w, r, addr, ret);
	case FREE_KEYS:
		*ret = keys_size(w->l);
		return true;
	case FREE_PARTS:
		*ret = r->kind->size != FIELD_COUNT && layout_has(w->l, r->kind->size)
			       ? w->l->field[r->kind->size].offset
			       : block_size(w, addr);
		return true;
	}
	return false;
}

/* The type of an entry is that of the others, and nothing refers to it. */
static bool is_object(struct heap_walk *w, struct reading *r, uint64_t addr)
{
	const struct field_at *refcnt = &w->l->field[FIELD_object_refcnt];
	uint64_t word;
	if (r->shows_count &&
		(failed(mem_uint(w->mem, addr + refcnt->offset, refcnt->size, &word)) || word))
		return false;
	if (!r->shows_type)
		return true;
	if (failed(mem_ptr(w->mem, addr + w->at.type, &word)))
		return false;
	uint32_t t = type_by_word(w, word);
	if (t == HEAP_NO_TYPE || (r->type != HEAP_NO_TYPE && t != r->type))
		return false;
	r->type = t;
	return true;
}

static bool take_entry(struct heap_walk *w, struct reading *r, uint64_t addr)
{
	struct free_lists *f = &w->free;
	uint64_t size;
	if (addr % w->word || addr - w->low >= w->high - w->low || f->n_kept >= FREE_ENTRIES_MAX ||
		!is_object(w, r, addr) || !entry_size(w, r, addr, &size))
		return false;
	f->kept = xgrow(f->kept, &f->cap_kept, f->n_kept, sizeof(*f->kept));
	f->kept[f->n_kept++] = (struct kept){ addr, r->type };
	r->found.count++;
	r->found.bytes += size;
	return true;
}

static bool take_array(struct heap_walk *w, struct reading *r, uint64_t head, uint64_t n)
{
	uint64_t addr;
	if (n > r->kind->max)
		return false;
	for (uint64_t i = 0; i < n; i++) {
		if (failed(mem_ptr(w->mem, head + i * w->word, &addr)) || !take_entry(w, r, addr))
			return false;
	}
	return true;
}

static bool take_chain(struct heap_walk *w, struct reading *r, uint64_t head, uint64_t n)
{
	uint64_t addr;
	if (n > FREE_LIST_MAX || failed(mem_ptr(w->mem, head, &addr)))
		return false;
	for (; n && addr; n--) {
		if (!take_entry(w, r, addr) || failed(mem_ptr(w->mem, addr + r->link, &addr)))
			return false;
	}
	return !n && !addr;
}

static bool take_single(struct heap_walk *w, struct reading *r, uint64_t head)
{
	uint64_t addr;
	return !failed(mem_ptr(w->mem, head, &addr)) && (!addr || take_entry(w, r, addr));
}

static void add_list(struct free_lists *f, size_t slot, const struct heap_free_list *found)
{
	f->list[slot].name = found->name;
	f->list[slot].count += found->count;
	f->list[slot].bytes += found->bytes;
}

static bool take_list(struct heap_walk *w, struct reading *r, const struct free_place *at)
{
	uint64_t n = 0;
	if (at->single)
		return take_single(w, r, at->head);
	if (failed(mem_uint(w->mem, at->count, at->count_size, &n)))
		return false;
	return at->uniform || r->kind->shape == FREE_CHAIN ? take_chain(w, r, at->head, n)
							   : take_array(w, r, at->head, n);
}

/* How long the tuples of a list are, by its first; 0: it has none, or it is the empty tuple, which
 * stands in front of the others up to 3.10 and is alive. */
static uint64_t tuple_length(const struct heap_walk *w, uint64_t head)
{
	uint64_t first, n;
	if (failed(mem_ptr(w->mem, head, &first)) || !first ||
		failed(mem_ptr(w->mem, first + w->at.size, &n)))
		return 0;
	return n;
}

static void read_tuples(struct heap_walk *w, size_t kind, const struct free_place *at)
{
	for (unsigned i = 0; i < FREE_TUPLE_LISTS; i++) {
		struct reading r = begin(w, kind, at);
		struct free_place one = *at;
		one.head += (uint64_t)i * at->head_step;
		one.count += (uint64_t)i * (at->uniform ? at->head_step : at->count_size);
		uint64_t n = tuple_length(w, one.head);
		if (!n)
			continue;
		if (n != i && n != i + 1) {
			w->free.torn++;
			continue;
		}
		r.found.name = tuple_names[n];
		w->free.torn += !take_list(w, &r, &one);
		add_list(&w->free, FREE_KINDS + n - 1, &r.found);
	}
}

void free_list_read(struct heap_walk *w, size_t kind, const struct free_place *at)
{
	if (free_kinds[kind].what == FREE_TUPLES) {
		read_tuples(w, kind, at);
		return;
	}
	struct reading r = begin(w, kind, at);
	w->free.torn += !take_list(w, &r, at);
	add_list(&w->free, kind, &r.found);
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct kept *)a)->addr, y = ((const struct kept *)b)->addr;
	return x < y ? -1 : x > y;
}

void free_lists_find(struct heap_walk *w)
{
	struct free_lists *f = &w->free;
	size_t n = 0;
	f->list = xcalloc(FREE_LISTS, sizeof(*f->list));
	f->known = free_lists_read(w);
	if (!f->known)
		f->n_kept = 0;
	for (size_t i = 0; i < FREE_LISTS; i++) {
		if (f->list[i].count)
			f->list[n++] = f->list[i];
	}
	f->n = n;
	if (f->n_kept)
		qsort(f->kept, f->n_kept, sizeof(*f->kept), by_address);
}

void free_lists_fini(struct free_lists *f)
{
	free(f->list);
	free(f->kept);
}

bool heap_free_lists(const struct heap_walk *w, const struct heap_free_list **ret, size_t *ret_n,
	size_t *ret_torn)
{
	if (!w->free.known)
		return false;
	*ret = w->free.list;
	*ret_n = w->free.n;
	*ret_torn = w->free.torn;
	return true;
}

/* The first entry from an address on. */
static size_t first_from(const struct free_lists *f, uint64_t addr)
{
	return PARTITION_POINT(f->n_kept, i, f->kept[i].addr < addr);
}

/* It begins where an object of its type, or memory without one, does in that block. */
static bool begins_in(const struct heap_walk *w, const struct kept *k, const struct heap_block *b)
{
	const struct heap_type *types = w->types.list;
	uint32_t pad = b->lead - (b->type != HEAP_NO_TYPE ? types[b->type].lead : 0);
	return k->addr == b->addr + pad + (k->type != HEAP_NO_TYPE ? types[k->type].lead : 0);
}

/* What a number left in the block was taken for, the address of a type that it happens to be. */
static void forget_tracked(struct heap_walk *w, const struct heap_block *b)
{
	w->tracked -= w->at.gc_head && b->state == HEAP_OBJECT && heap_block_tracked(w, b);
}

void free_lists_mark(struct heap_walk *w)
{
	const struct free_lists *f = &w->free;
	if (!f->n_kept || !w->n_batch)
		return;
	size_t k = first_from(f, w->batch[0].addr);
	const struct heap_block *last = &w->batch[w->n_batch - 1];
	if (k == f->n_kept || f->kept[k].addr >= last->addr + last->size)
		return;
	for (size_t i = 0; i < w->n_batch; i++) {
		struct heap_block *b = &w->batch[i];
		for (; k < f->n_kept && f->kept[k].addr < b->addr + b->size; k++) {
			if (!begins_in(w, &f->kept[k], b))
				continue;
			forget_tracked(w, b);
			b->state = HEAP_DEAD;
			b->lead = (uint32_t)(f->kept[k].addr - b->addr);
			b->type = f->kept[k].type;
		}
	}
}
