/* SPDX-License-Identifier: Apache-2.0 */
/* Containers of the module collections, and views of dicts. */
#include "repr.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A subclass goes by the name of its base in old versions. */
static const char *own_name(const struct repr *r, const struct py_object *o, const char *base)
{
	return r->h->rt->layout.row->repr & REPR_SUBCLASS_NAMES ? o->type->name : base;
}

/*
 * A deque (Modules/_collectionsmodule.c) is a chain of blocks with as many slots as there is room
 * for between a block's data and the link behind it; the first item is slot leftindex of leftblock.
 */
struct deque {
	struct heap *h;
	uint64_t block, index, slots;
};

static struct err deque_open(const struct py_object *o, struct deque *ret)
{
	const struct layout *l = &o->h->rt->layout;
	struct deque d = { .h = o->h };
	if (!layout_has(l, FIELD_deque_block_data) || !layout_has(l, FIELD_deque_block_rightlink))
		return err_of(ERR_ABSENT, "deque");
	d.slots = (l->field[FIELD_deque_block_rightlink].offset -
			  l->field[FIELD_deque_block_data].offset) /
		  l->key.ptr_size;
	TRY(object_get(o, FIELD_deque_leftblock, &d.block));
	TRY(object_get(o, FIELD_deque_leftindex, &d.index));
	if (d.index > d.slots)
		return err_at(ERR_CORRUPT, o->addr, "deque");
	*ret = d;
	return NO_ERR;
}

static struct err deque_next(struct deque *d, uint64_t *ret)
{
	const struct layout *l = &d->h->rt->layout;
	if (d->index >= d->slots) {
		uint64_t next;
		TRY(py_field(d->h->rt, d->block, FIELD_deque_block_rightlink, &next));
		d->block = next;
		d->index = 0;
	}
	uint64_t data = d->block + l->field[FIELD_deque_block_data].offset;
	return mem_ptr(d->h->rt->mem, data + d->index++ * l->key.ptr_size, ret);
}

static void put_deque_items(struct repr *r, struct deque *d, uint64_t length)
{
	uint64_t item;
	struct items it = items_begin(r, "([", "]", length);
	while (items_more(&it)) {
		struct err e = deque_next(d, &item);
		if (failed(e)) {
			repr_damage(r, e);
			break;
		}
		repr_value(r, item);
	}
	items_end(&it);
}

static struct err render_deque(struct repr *r, const struct py_object *o)
{
	struct deque d;
	int64_t length, maxlen;
	TRY(deque_open(o, &d));
	TRY(object_get_int(o, FIELD_deque_length, &length));
	TRY(object_get_int(o, FIELD_deque_maxlen, &maxlen));
	if (length < 0 || (maxlen >= 0 && length > maxlen))
		return err_at(ERR_CORRUPT, o->addr, "length of a deque");
	repr_put(r, own_name(r, o, "deque"));
	put_deque_items(r, &d, (uint64_t)length);
	if (maxlen >= 0)
		repr_putf(r, ", maxlen=%" PRId64, maxlen);
	repr_put(r, ")");
	return NO_ERR;
}

/* The dict is guarded against recursion, and its factory; not the whole. */
static struct err render_defaultdict(struct repr *r, const struct py_object *o)
{
	uint64_t factory;
	TRY(object_get(o, FIELD_defaultdict_factory, &factory));
	repr_putf(r, "%s(", own_name(r, o, "defaultdict"));
	if (factory)
		repr_value(r, factory);
	else
		repr_put(r, "None");
	repr_put(r, ", ");
	if (repr_is_inside(r, o->addr))
		repr_put(r, "{...}");
	else
		TRY(repr_dict(r, o->addr));
	repr_put(r, ")");
	return NO_ERR;
}

static void put_pair(struct repr *r, uint64_t key, uint64_t value, const char *open,
	const char *between, const char *close)
{
	repr_put(r, open);
	repr_value(r, key);
	repr_put(r, between);
	if (value)
		repr_value(r, value);
	else
		repr_damage(r, err_of(ERR_CORRUPT, "OrderedDict: a key that its dict has not"));
	repr_put(r, close);
}

static struct err render_ordered_dict(struct repr *r, const struct py_object *o)
{
	bool as_dict = r->h->rt->layout.row->repr & REPR_ORDERED_DICT_AS_DICT;
	CLEANUP(ordered_fini) struct ordered list = { 0 };
	struct dict d;
	TRY(dict_open(r->h, o->addr, &d));
	TRY(ordered_read(o, r->limits->max_items, &list));
	repr_put(r, o->type->name);
	if (!d.used) {
		repr_put(r, "()");
		return NO_ERR;
	}
	struct items it = items_begin(r, as_dict ? "({" : "([", as_dict ? "})" : "])", d.used);
	for (size_t i = 0; items_more(&it); i++) {
		if (i >= list.n) {
			if (failed(list.why))
				repr_damage(r, list.why);
			break;
		}
		if (as_dict)
			put_pair(r, list.keys[i], list.values[i], "", ": ", "");
		else
			put_pair(r, list.keys[i], list.values[i], "(", ", ", ")");
	}
	items_end(&it);
	return NO_ERR;
}

enum view { VIEW_KEYS, VIEW_VALUES, VIEW_ITEMS };

static void put_viewed(struct repr *r, enum view view, uint64_t key, uint64_t value)
{
	switch (view) {
	case VIEW_KEYS:
		repr_value(r, key);
		break;
	case VIEW_VALUES:
		repr_value(r, value);
		break;
	case VIEW_ITEMS:
		put_pair(r, key, value, "(", ", ", ")");
		break;
	}
}

/* dict_keys([1, 2]), and odict_keys in the order of that one. */
static struct err put_view(struct repr *r, const struct py_object *o, enum view view)
{
	uint64_t of, key, value;
	struct py_object viewed;
	struct dict d;
	CLEANUP(ordered_fini) struct ordered list = { 0 };
	if (failed(object_get(o, FIELD_dict_view_dict, &of)))
		return render_object(r, o);
	TRY(object_open(r->h, of, &viewed));
	TRY(dict_open(r->h, of, &d));
	bool ordered = is_ordered_dict(viewed.type);
	if (ordered)
		TRY(ordered_read(&viewed, r->limits->max_items, &list));
	repr_put(r, o->type->name);
	struct items it = items_begin(r, "([", "])", d.used);
	for (size_t i = 0; items_more(&it); i++) {
		if (ordered ? i >= list.n : !dict_next(&d, &key, &value)) {
			struct err why = ordered ? list.why : d.why;
			if (failed(why))
				repr_damage(r, why);
			break;
		}
		put_viewed(r, view, ordered ? list.keys[i] : key, ordered ? list.values[i] : value);
	}
	items_end(&it);
	return NO_ERR;
}

static struct err render_keys(struct repr *r, const struct py_object *o)
{
	return put_view(r, o, VIEW_KEYS);
}

static struct err render_values(struct repr *r, const struct py_object *o)
{
	return put_view(r, o, VIEW_VALUES);
}

static struct err render_items(struct repr *r, const struct py_object *o)
{
	return put_view(r, o, VIEW_ITEMS);
}

/* ChainMap({1: 2}, {}) */
static struct err render_chain_map(struct repr *r, const struct py_object *o)
{
	uint64_t maps, item;
	struct py_object list;
	struct sequence s;
	if (!attribute_find(o, "maps", &maps) || failed(object_open(r->h, maps, &list)) ||
		failed(sequence_open(&list, &s)))
		return render_object(r, o);
	repr_put(r, o->type->name);
	struct items it = items_begin(r, "(", ")", s.length);
	for (uint64_t i = 0; items_more(&it); i++) {
		TRY(sequence_item(&s, i, &item));
		repr_value(r, item);
	}
	items_end(&it);
	return NO_ERR;
}

/* What is written as the object that it wraps: UserDict, UserList, UserString, WeakSet. */
static struct err render_data(struct repr *r, const struct py_object *o)
{
	uint64_t data;
	if (!attribute_find(o, "data", &data))
		return render_object(r, o);
	repr_value(r, data);
	return NO_ERR;
}

enum {
	WRAPPER = KIND_CONTAINER | KIND_BY_PYTHON | KIND_UNGUARDED,
	LIBRARY = KIND_CONTAINER | KIND_BY_PYTHON,
	BUILT_IN = KIND_CONTAINER | KIND_SHAPE,
};

const struct kind kinds_collections[] = {
	{ "collections.deque", render_deque, BUILT_IN, "[...]" },
	{ "collections.defaultdict", render_defaultdict, BUILT_IN | KIND_UNGUARDED, NULL },
	{ "collections.OrderedDict", render_ordered_dict, BUILT_IN, "..." },
	{ "collections.OrderedDict", render_ordered_dict, LIBRARY | KIND_SHAPE, "..." },
	{ "dict_keys", render_keys, KIND_CONTAINER, "..." },
	{ "dict_values", render_values, KIND_CONTAINER, "..." },
	{ "dict_items", render_items, KIND_CONTAINER, "..." },
	{ "collections.Counter", render_counter, WRAPPER, NULL },
	{ "collections.ChainMap", render_chain_map, LIBRARY, "..." },
	{ "collections.UserDict", render_data, WRAPPER, NULL },
	{ "collections.UserList", render_data, WRAPPER, NULL },
	{ "collections.UserString", render_data, WRAPPER, NULL },
	{ "UserList.UserList", render_data, WRAPPER, NULL }, /* 2.7 */
	{ "UserString.UserString", render_data, WRAPPER, NULL },
	{ "_weakrefset.WeakSet", render_data, WRAPPER, NULL }, /* 3.8 on it has a __repr__ */
	{ 0 },
};
