/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types as annotations write them: list[int] (Objects/genericaliasobject.c), int | None
 * (Objects/unionobject.c), ~T (Objects/typevarobject.c; to 3.11 Lib/typing.py).
 */
#include "repr.h"

#include <string.h>

static void put_list(struct repr *r, const struct py_object *list);

/* A class by its name, with the module before it unless that is builtins; None for its type where
 * types are alternatives. */
static bool put_class(struct repr *r, const struct py_object *o, bool none_for_its_type)
{
	const struct py_type *t;
	if (!(o->type->flags & TYPE_TYPE) || failed(type_at(r->h, o->addr, &t)))
		return false;
	repr_put(r, none_for_its_type && !strcmp(t->full, "NoneType") ? "None" : t->full);
	return true;
}

/* Functions look like classes here. */
static bool put_function(struct repr *r, const struct py_object *o)
{
	uint64_t module, name;
	if (strcmp(o->type->full, "function") != 0 ||
		failed(object_get(o, FIELD_function_module, &module)) || !module ||
		failed(object_get(o, FIELD_function_qualname, &name)))
		return false;
	if (!str_is(r->h, module, "builtins")) {
		repr_name(r, module);
		repr_put(r, ".");
	}
	repr_name(r, name);
	return true;
}

static void put_argument(struct repr *r, uint64_t addr, bool none_for_its_type)
{
	struct py_object o;
	if (failed(object_open(r->h, addr, &o)))
		repr_value(r, addr);
	else if (!strcmp(o.type->full, "ellipsis"))
		repr_put(r, "...");
	else if (!strcmp(o.type->full, "list") && r->h->rt->layout.row->repr & REPR_ALIAS_LISTS)
		put_list(r, &o);
	else if (!put_class(r, &o, none_for_its_type) && !put_function(r, &o))
		repr_value(r, addr);
}

/* Of types, one deep: lists in it are written as values. */
static void put_list(struct repr *r, const struct py_object *list)
{
	struct sequence s;
	uint64_t item;
	struct err e = sequence_open(list, &s);
	if (failed(e)) {
		repr_damage(r, e);
		return;
	}
	struct items it = items_begin(r, "[", "]", s.length);
	for (uint64_t i = 0; items_more(&it); i++) {
		struct py_object o;
		e = sequence_item(&s, i, &item);
		if (failed(e)) {
			repr_damage(r, e);
			break;
		}
		if (failed(object_open(r->h, item, &o)) || !put_class(r, &o, false))
			repr_value(r, item);
	}
	items_end(&it);
}

static struct err open_arguments(const struct py_object *o, enum field f, struct sequence *ret)
{
	struct py_object tuple;
	uint64_t args;
	TRY(object_get(o, f, &args));
	TRY(object_open(o->h, args, &tuple));
	return sequence_open(&tuple, ret);
}

/* list[int], tuple[()], *tuple[int] */
static struct err render_alias(struct repr *r, const struct py_object *o)
{
	uint64_t origin, starred = 0, item;
	struct sequence s;
	if (failed(object_get(o, FIELD_generic_alias_origin, &origin)))
		return render_object(r, o);
	if (layout_has(&r->h->rt->layout, FIELD_generic_alias_starred))
		TRY(object_get(o, FIELD_generic_alias_starred, &starred));
	TRY(open_arguments(o, FIELD_generic_alias_args, &s));
	repr_put(r, starred ? "*" : "");
	put_argument(r, origin, false);
	struct items it = items_begin(r, "[", s.length ? "]" : "()]", s.length);
	for (uint64_t i = 0; items_more(&it); i++) {
		TRY(sequence_item(&s, i, &item));
		put_argument(r, item, false);
	}
	items_end(&it);
	return NO_ERR;
}

/* int | None */
static struct err render_union(struct repr *r, const struct py_object *o)
{
	struct sequence s;
	uint64_t item;
	if (failed(open_arguments(o, FIELD_union_args, &s)))
		return render_object(r, o);
	for (uint64_t i = 0; i < s.length; i++) {
		repr_put(r, i ? " | " : "");
		if (i >= r->limits->max_items) {
			repr_put(r, "...");
			r->truncated = true;
			break;
		}
		TRY(sequence_item(&s, i, &item));
		put_argument(r, item, true);
	}
	return NO_ERR;
}

static void put_type_var(struct repr *r, uint64_t name, bool infer, bool co, bool contra)
{
	repr_put(r, infer ? "" : co ? "+" : contra ? "-" : "~");
	repr_name(r, name);
}

static struct err render_type_var(struct repr *r, const struct py_object *o)
{
	uint64_t name, infer, co, contra;
	if (failed(object_get(o, FIELD_typevar_name, &name)) ||
		failed(object_get(o, FIELD_typevar_infer_variance, &infer)) ||
		failed(object_get(o, FIELD_typevar_covariant, &co)) ||
		failed(object_get(o, FIELD_typevar_contravariant, &contra)))
		return render_object(r, o);
	put_type_var(r, name, infer, co, contra);
	return NO_ERR;
}

static bool flag_of(const struct py_object *o, const char *name)
{
	uint64_t value;
	int64_t flag;
	return attribute_find(o, name, &value) && !failed(int_value_at(o->h, value, &flag)) && flag;
}

static struct err render_python_type_var(struct repr *r, const struct py_object *o)
{
	uint64_t name;
	if (!attribute_find(o, "__name__", &name))
		return render_object(r, o);
	put_type_var(r, name, false, flag_of(o, "__covariant__"), flag_of(o, "__contravariant__"));
	return NO_ERR;
}

enum { BUILT_IN = KIND_CONTAINER };

const struct kind kinds_annotations[] = {
	{ "types.GenericAlias", render_alias, BUILT_IN, "..." },
	{ "types.UnionType", render_union, BUILT_IN, "..." },
	{ "typing.Union", render_union, BUILT_IN, "..." }, /* 3.14 */
	{ "typing.TypeVar", render_type_var, 0 },
	{ "typing.TypeVar", render_python_type_var, KIND_BY_PYTHON },
	{ "typing._TypeVarLike", render_python_type_var, KIND_BY_PYTHON }, /* 3.9, 3.10 */
	{ "typing._BoundVarianceMixin", render_python_type_var, KIND_BY_PYTHON }, /* 3.11 */
	{ 0 },
};
