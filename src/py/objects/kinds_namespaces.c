/* SPDX-License-Identifier: Apache-2.0 */
/* Objects that are nothing but names with values: types.SimpleNamespace, and what argparse has. */
#include "repr.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"

#include <stdlib.h>
#include <string.h>

struct named {
	uint64_t key, value;
	struct py_text text;
};

struct names {
	struct named *list;
	size_t n, cap, bytes;
};

enum { NAMES_BYTES_MAX = 1 << 20 };

static void names_fini(struct names *n)
{
	free(n->list);
}

static struct err add_name(struct heap *h, struct names *to, uint64_t key, uint64_t value)
{
	struct named one = { .key = key, .value = value };
	if (to->n >= VALUE_NODES_MAX || to->bytes > NAMES_BYTES_MAX)
		return err_at(ERR_LIMIT, key, "names");
	str_text_of(h, key, &one.text);
	if (!one.text.bytes)
		return one.text.why;
	to->list = xgrow(to->list, &to->cap, to->n, sizeof(*to->list));
	to->list[to->n++] = one;
	to->bytes += one.text.len;
	return NO_ERR;
}

/* Keys that are no names are left out. */
static struct err read_names(struct heap *h, uint64_t dict, struct names *to)
{
	struct dict d;
	struct py_object o;
	uint64_t key, value;
	TRY(dict_open(h, dict, &d));
	while (dict_next(&d, &key, &value)) {
		if (failed(object_open(h, key, &o)) || !(o.type->flags & (TYPE_STR | TYPE_BYTES)) ||
			str_is(h, key, ""))
			continue;
		TRY(add_name(h, to, key, value));
	}
	return d.why;
}

static int by_name(const void *a, const void *b)
{
	const struct py_text *x = &((const struct named *)a)->text,
			     *y = &((const struct named *)b)->text;
	int order = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);
	return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

static void sort_names(const struct repr *r, struct names *n)
{
	if (r->h->rt->layout.row->repr & (REPR_NAMESPACE_SORTED | REPR_LIBRARY_PLAIN) && n->n)
		qsort(n->list, n->n, sizeof(*n->list), by_name);
}

static void put_names(struct repr *r, const struct names *n)
{
	struct items it = items_begin(r, "(", ")", n->n);
	for (size_t i = 0; items_more(&it); i++) {
		repr_text(r, &n->list[i].text);
		repr_put(r, "=");
		repr_value(r, n->list[i].value);
	}
	items_end(&it);
}

/* namespace(a=1), and subclasses by their names. */
static struct err render_namespace(struct repr *r, const struct py_object *o)
{
	CLEANUP(names_fini) struct names n = { 0 };
	uint64_t dict;
	TRY(object_get(o, FIELD_namespace_dict, &dict));
	repr_put(r, o->type->by_python ? o->type->name : "namespace");
	if (repr_is_inside(r, o->addr)) {
		repr_put(r, "(...)");
		return NO_ERR;
	}
	TRY(read_names(r->h, dict, &n));
	sort_names(r, &n);
	put_names(r, &n);
	return NO_ERR;
}

/* str.isidentifier(), taking every character beyond ASCII for a letter. */
static bool is_identifier(const struct py_text *t)
{
	for (size_t i = 0; i < t->len; i++) {
		uint8_t c = (uint8_t)t->bytes[i];
		bool letter =
			c == '_' || c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && !(i && c >= '0' && c <= '9'))
			return false;
	}
	return t->len > 0;
}

/* The class whose method _get_kwargs() says which attributes are shown. */
static const struct py_type *who_selects(struct heap *h, const struct py_type *t)
{
	uint64_t found;
	for (; t; t = t->base) {
		if (t->dict && dict_find(h, t->dict, "_get_kwargs", &found))
			return t;
	}
	return NULL;
}

/* ArgumentParser(prog='x', ...); only 2.7 has a version. */
static struct err put_parser(struct repr *r, const struct py_object *o)
{
	static const char *const names[] = { "prog", "usage", "description", "version",
		"formatter_class", "conflict_handler", "add_help" };
	uint64_t value;
	const char *comma = "";
	repr_putf(r, "%s(", o->type->name);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!attribute_find(o, names[i], &value))
			continue;
		repr_putf(r, "%s%s=", comma, names[i]);
		repr_value(r, value);
		comma = ", ";
	}
	repr_put(r, ")");
	return NO_ERR;
}

/* What is no identifier stands behind the others, as **{'a b': 2}. */
static void put_odd_names(struct repr *r, const struct names *n)
{
	struct items it = items_begin(r, "**{", "}", n->n);
	for (size_t i = 0; items_more(&it); i++) {
		repr_value(r, n->list[i].key);
		repr_put(r, ": ");
		repr_value(r, n->list[i].value);
	}
	items_end(&it);
}

/* Namespace(a=1) of argparse. Classes that select in another way are shown as any object. */
static struct err render_argparse(struct repr *r, const struct py_object *o)
{
	CLEANUP(names_fini) struct names n = { 0 }, odd = { 0 };
	struct attributes a;
	uint64_t key, value;
	bool any_name = r->h->rt->layout.row->repr & REPR_LIBRARY_PLAIN;
	const struct py_type *by = who_selects(r->h, o->type);
	if (by && !strcmp(by->full, "argparse.ArgumentParser"))
		return put_parser(r, o);
	if (by != o->type->repr_by)
		return render_object(r, o);
	attributes_open(o, &a);
	while (attributes_next(&a, &key, &value)) {
		if (failed(add_name(r->h, &n, key, value)))
			return render_object(r, o);
		if (!any_name && !is_identifier(&n.list[n.n - 1].text) &&
			failed(add_name(r->h, &odd, key, n.list[--n.n].value)))
			return render_object(r, o);
	}
	if (failed(a.why))
		return render_object(r, o);
	repr_put(r, o->type->name);
	sort_names(r, &n);
	sort_names(r, &odd);
	put_names(r, &n);
	if (odd.n) {
		str_cut(r->to, r->to->len - 1);
		repr_put(r, n.n ? ", " : "");
		put_odd_names(r, &odd);
		repr_put(r, ")");
	}
	return NO_ERR;
}

const struct kind kinds_namespaces[] = {
	{ "types.SimpleNamespace", render_namespace, KIND_CONTAINER | KIND_UNGUARDED, NULL },
	{ "argparse._AttributeHolder", render_argparse,
		KIND_CONTAINER | KIND_BY_PYTHON | KIND_UNGUARDED, NULL },
	{ 0 },
};
