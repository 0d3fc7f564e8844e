/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is a type object (Include/cpython/object.h, struct _typeobject): its own type has the flag
 * of a subclass of `type`, and that chain ends at the one type that is its own; it is the first in
 * its mro; its sizes are plausible. That is asked once of each address. Words that are no types are
 * remembered in a small table that forgets, since there can be any number of them.
 */
#include "internal.h"

#include "pycore/sizes.h"

#include <stdlib.h>

enum { FIRST_LOG2 = 10, METATYPES_MAX = 8, BASIC_SIZE_MAX = 1 << 24 };

static void make_slots(struct types *t, unsigned log2)
{
	t->slots = xcalloc((size_t)1 << log2, sizeof(*t->slots));
	t->mask = ((size_t)1 << log2) - 1;
	t->shift = 64 - log2;
}

void types_init(struct types *t)
{
	make_slots(t, FIRST_LOG2);
	t->refused = xcalloc((size_t)1 << REFUSED_BITS, sizeof(*t->refused));
}

void types_fini(struct types *t)
{
	free(t->slots);
	free(t->list);
	free(t->refused);
}

static void put(struct types *t, struct type_slot slot)
{
	size_t i = mix(slot.addr) >> t->shift;
	while (t->slots[i].addr)
		i = (i + 1) & t->mask;
	t->slots[i] = slot;
}

/* Mostly empty, for most lookups are of words that are no types. */
static void grow(struct types *t)
{
	AUTO_FREE struct type_slot *old = t->slots;
	size_t n_old = t->mask + 1;
	make_slots(t, 64 - t->shift + 1);
	for (size_t i = 0; i < n_old; i++) {
		if (old[i].addr)
			put(t, old[i]);
	}
}

static uint32_t add(struct heap_walk *w, const struct heap_type *type)
{
	struct types *t = &w->types;
	if (t->n >= TYPES_MET_MAX)
		return HEAP_NO_TYPE;
	if (8 * t->n > t->mask)
		grow(t);
	t->list = xgrow(t->list, &t->cap, t->n, sizeof(*t->list));
	t->list[t->n] = *type;
	put(t, (struct type_slot){ type->addr, (uint32_t)t->n, type->lead, type->least });
	return (uint32_t)t->n++;
}

static struct err get(const struct heap_walk *w, uint64_t addr, enum field f, uint64_t *ret)
{
	const struct field_at *at = &w->l->field[f];
	if (at->origin == ORIGIN_NONE)
		return err_of(ERR_ABSENT, field_name(f));
	if (!addr || addr % w->word)
		return err_at(ERR_CORRUPT, addr, "type");
	return mem_uint(w->mem, addr + at->offset, at->size, ret);
}

/* Whether it is a variable of another Python in this process. */
static bool is_of_other(const struct heap_walk *w, uint64_t root)
{
	const struct python *p = w->p;
	const struct image *img = p->n_runtimes > 1 ? target_image_at(w->rt->target, root) : NULL;
	for (size_t i = 0; img && img != w->rt->image && i < p->n_runtimes; i++) {
		if (p->runtimes[i].image == img)
			return true;
	}
	return false;
}

/* The only type of its own type has a base, `object`, of that type too. */
static bool is_root(const struct heap_walk *w, uint64_t type)
{
	uint64_t base, of_base;
	return !is_of_other(w, type) && !failed(get(w, type, FIELD_type_base, &base)) &&
	       !failed(get(w, base, FIELD_object_type, &of_base)) && of_base == type;
}

static bool is_metatype(const struct heap_walk *w, uint64_t type)
{
	uint64_t flags, above;
	for (int i = 0; i < METATYPES_MAX; i++, type = above) {
		if (failed(get(w, type, FIELD_type_flags, &flags)) || !(flags & FLAG_TYPE) ||
			failed(get(w, type, FIELD_object_type, &above)))
			return false;
		if (above == type)
			return is_root(w, type);
	}
	return false;
}

static bool leads_its_mro(const struct heap_walk *w, uint64_t type)
{
	uint64_t mro, first;
	if (failed(get(w, type, FIELD_type_mro, &mro)))
		return false;
	if (!mro)
		return true;
	struct err e = mem_ptr(w->mem, mro + w->l->field[FIELD_tuple_items].offset, &first);
	return failed(e) ? e.code == ERR_TRUNCATED : first == type;
}

static uint32_t lead_of(const struct heap_walk *w, uint64_t flags)
{
	uint32_t before = flags & w->l->row->heap.preheader_flags ? 2 * w->word : 0;
	return flags & FLAG_GC ? w->at.gc_head + before : 0;
}

static uint32_t least_of(const struct heap_walk *w, uint64_t type, uint64_t flags, uint32_t basic)
{
	if (flags & FLAG_STR)
		return basic < w->at.str_min ? basic : w->at.str_min;
	return (uint32_t)py_least_size(w->p, w->rt, type, basic);
}

static bool read_type(const struct heap_walk *w, uint64_t addr, struct heap_type *ret)
{
	uint64_t meta, flags, basic, item;
	if (failed(get(w, addr, FIELD_object_type, &meta)) || !is_metatype(w, meta) ||
		failed(get(w, addr, FIELD_type_flags, &flags)) ||
		failed(get(w, addr, FIELD_type_basicsize, &basic)) ||
		failed(get(w, addr, FIELD_type_itemsize, &item)) || !leads_its_mro(w, addr))
		return false;
	if (basic < w->l->field[FIELD_object_sizeof].offset || basic >= BASIC_SIZE_MAX ||
		item > BASIC_SIZE_MAX)
		return false;
	*ret = (struct heap_type){
		.addr = addr,
		.flags = flags,
		.basicsize = (uint32_t)basic,
		.itemsize = (uint32_t)item,
		.lead = lead_of(w, flags),
		.least = least_of(w, addr, flags, (uint32_t)basic),
	};
	return true;
}

uint32_t types_prove(struct heap_walk *w, uint64_t addr)
{
	struct types *t = &w->types;
	struct heap_type type;
	uint64_t *refused = &t->refused[mix(addr) >> (64 - REFUSED_BITS)];
	if (*refused == addr)
		return HEAP_NO_TYPE;
	uint32_t number = read_type(w, addr, &type) ? add(w, &type) : HEAP_NO_TYPE;
	if (number == HEAP_NO_TYPE)
		*refused = addr;
	return number;
}
