/* SPDX-License-Identifier: Apache-2.0 */
/* The containers of the language. */
#include "repr.h"

#include "pycore/limits.h"

#include <inttypes.h>
#include <string.h>

static struct err put_sequence(
	struct repr *r, const struct py_object *o, const char *open, const char *close)
{
	struct sequence s;
	uint64_t item;
	TRY(sequence_open(o, &s));
	struct items it = items_begin(r, open, close, s.length);
	for (uint64_t i = 0; items_more(&it); i++) {
		struct err e = sequence_item(&s, i, &item);
		if (failed(e)) {
			repr_damage(r, e);
			break;
		}
		repr_value(r, item);
	}
	items_end(&it);
	return NO_ERR;
}

static struct err render_list(struct repr *r, const struct py_object *o)
{
	return put_sequence(r, o, "[", "]");
}

static struct err render_tuple(struct repr *r, const struct py_object *o)
{
	int64_t length;
	TRY(object_get_int(o, FIELD_varobject_size, &length));
	return put_sequence(r, o, "(", length == 1 && items_fit(r) ? ",)" : ")");
}

struct err repr_dict(struct repr *r, uint64_t addr)
{
	struct dict d;
	uint64_t key, value;
	TRY(dict_open(r->h, addr, &d));
	uint64_t total = d.used;
	struct items it = items_begin(r, "{", "}", total);
	while (items_more(&it)) {
		if (!dict_next(&d, &key, &value)) {
			if (failed(d.why))
				repr_damage(r, d.why);
			break;
		}
		repr_value(r, key);
		repr_put(r, ": ");
		repr_value(r, value);
	}
	items_end(&it);
	return NO_ERR;
}

static struct err render_dict(struct repr *r, const struct py_object *o)
{
	return repr_dict(r, o->addr);
}

/* A set is a table of {key, hash}; free slots have no key, deleted ones the hash -1
 * (Objects/setobject.c). In 2.7 the key of a deleted one is a certain string. */
struct set {
	struct heap *h;
	uint64_t table, slots, used, at;
	struct err why;
};

static struct err set_open(const struct py_object *o, struct set *ret)
{
	struct set s = { .h = o->h };
	uint64_t mask;
	TRY(object_get(o, FIELD_set_used, &s.used));
	TRY(object_get(o, FIELD_set_mask, &mask));
	TRY(object_get(o, FIELD_set_table, &s.table));
	s.slots = mask + 1;
	if (s.slots > DICT_STEPS_MAX || s.used > s.slots)
		return err_at(ERR_CORRUPT, o->addr, "set");
	*ret = s;
	return NO_ERR;
}

static bool is_deleted(const struct set *s, uint64_t key, uint64_t hash)
{
	return hash == UINT64_MAX >> (64 - 8 * s->h->rt->layout.key.ptr_size) ||
	       (s->h->rt->layout.row->repr & REPR_SET_CALLS && str_is(s->h, key, "<dummy key>"));
}

static bool set_next(struct set *s, uint64_t *ret)
{
	const struct layout *l = &s->h->rt->layout;
	while (s->at < s->slots && !failed(s->why)) {
		uint64_t entry = s->table + s->at++ * l->field[FIELD_set_entry_sizeof].offset, hash;
		s->why = py_field(s->h->rt, entry, FIELD_set_entry_key, ret);
		if (failed(s->why) || !*ret)
			continue;
		s->why = py_field(s->h->rt, entry, FIELD_set_entry_hash, &hash);
		if (!failed(s->why) && !is_deleted(s, *ret, hash))
			return true;
	}
	if (!failed(s->why))
		s->why = err_at(ERR_CORRUPT, s->table, "set: fewer entries than it says");
	return false;
}

static struct err put_set(
	struct repr *r, const struct py_object *o, const char *open, const char *close)
{
	struct set s;
	uint64_t item;
	TRY(set_open(o, &s));
	struct items it = items_begin(r, open, close, s.used);
	while (items_more(&it)) {
		if (!set_next(&s, &item)) {
			repr_damage(r, s.why);
			break;
		}
		repr_value(r, item);
	}
	items_end(&it);
	return NO_ERR;
}

/* {1, 2}, or with the type's name: frozenset({1, 2}); the empty one has only that. */
static struct err render_set(struct repr *r, const struct py_object *o)
{
	uint64_t used;
	TRY(object_get(o, FIELD_set_used, &used));
	if (repr_is_inside(r, o->addr)) {
		repr_putf(r, "%s(...)", type_raw_name(o->type));
		return NO_ERR;
	}
	bool plain = !strcmp(o->type->full, "set");
	if (!used) {
		repr_putf(r, "%s()", o->type->name);
		if (r->h->rt->layout.row->repr & REPR_SET_CALLS) {
			str_cut(r->to, r->to->len - 1);
			repr_put(r, "[])");
		}
		return NO_ERR;
	}
	if (plain && !(r->h->rt->layout.row->repr & REPR_SET_CALLS))
		return put_set(r, o, "{", "}");
	repr_put(r, o->type->name);
	return r->h->rt->layout.row->repr & REPR_SET_CALLS ? put_set(r, o, "([", "])")
							   : put_set(r, o, "({", "})");
}

static struct err render_range(struct repr *r, const struct py_object *o)
{
	static const enum field fields[] = { FIELD_range_start, FIELD_range_stop,
		FIELD_range_step };
	int64_t step = 1;
	uint64_t v[3];
	for (size_t i = 0; i < 3; i++)
		TRY(object_get(o, fields[i], &v[i]));
	repr_put(r, "range(");
	repr_value(r, v[0]);
	repr_put(r, ", ");
	repr_value(r, v[1]);
	if (failed(int_value_at(r->h, v[2], &step)) || step != 1) {
		repr_put(r, ", ");
		repr_value(r, v[2]);
	}
	repr_put(r, ")");
	return NO_ERR;
}

/* 2.7: C numbers, and the length in place of the end. */
static struct err render_xrange(struct repr *r, const struct py_object *o)
{
	int64_t start, step, length;
	TRY(object_get_int(o, FIELD_range_start, &start));
	TRY(object_get_int(o, FIELD_range_step, &step));
	TRY(object_get_int(o, FIELD_range_length, &length));
	int64_t stop = (int64_t)((uint64_t)start + (uint64_t)step * (uint64_t)length);
	if (step == 1 && start == 0)
		repr_putf(r, "xrange(%" PRId64 ")", stop);
	else if (step == 1)
		repr_putf(r, "xrange(%" PRId64 ", %" PRId64 ")", start, stop);
	else
		repr_putf(r, "xrange(%" PRId64 ", %" PRId64 ", %" PRId64 ")", start, stop, step);
	return NO_ERR;
}

static struct err render_slice(struct repr *r, const struct py_object *o)
{
	static const enum field fields[] = { FIELD_slice_start, FIELD_slice_stop,
		FIELD_slice_step };
	repr_put(r, "slice(");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		uint64_t v;
		TRY(object_get(o, fields[i], &v));
		repr_put(r, i ? ", " : "");
		repr_value(r, v);
	}
	repr_put(r, ")");
	return NO_ERR;
}

static struct err render_mappingproxy(struct repr *r, const struct py_object *o)
{
	uint64_t mapping;
	TRY(object_get(o, FIELD_mappingproxy_mapping, &mapping));
	bool old = r->h->rt->layout.row->repr & REPR_BYTE_STRINGS;
	repr_put(r, old ? "dict_proxy(" : "mappingproxy(");
	repr_value(r, mapping);
	repr_put(r, ")");
	return NO_ERR;
}

const struct kind kinds_containers[] = {
	{ "list", render_list, KIND_CONTAINER | KIND_SHAPE, "[...]" },
	{ "tuple", render_tuple, KIND_CONTAINER | KIND_SHAPE, "(...)" },
	{ "dict", render_dict, KIND_CONTAINER | KIND_SHAPE, "{...}" },
	{ "set", render_set, KIND_CONTAINER | KIND_SHAPE | KIND_UNGUARDED },
	{ "frozenset", render_set, KIND_CONTAINER | KIND_SHAPE | KIND_UNGUARDED },
	{ "range", render_range, 0 },
	{ "xrange", render_xrange, 0 },
	{ "slice", render_slice, KIND_CONTAINER, "slice(...)" },
	{ "mappingproxy", render_mappingproxy, KIND_CONTAINER, "mappingproxy({...})" },
	{ "dictproxy", render_mappingproxy, KIND_CONTAINER, "dict_proxy({...})" },
	{ 0 },
};
