/* SPDX-License-Identifier: Apache-2.0 */
/* What functools, operator, itertools, contextvars and the types of annotations make: all of C. */
#include "repr.h"

#include <inttypes.h>
#include <string.h>

/* 2.7 shows most of them as objects without content. */
static bool is_plain(const struct repr *r)
{
	return r->h->rt->layout.row->repr & REPR_LIBRARY_PLAIN;
}

/* Has room for one more of the arguments of a call that is being written. */
struct call {
	struct repr *r;
	uint64_t shown;
};

static bool call_more(struct call *c)
{
	struct repr *r = c->r;
	if (c->shown)
		repr_put(r, ", ");
	if (c->shown >= r->limits->max_items || r->depth > r->limits->max_depth) {
		repr_put(r, "...");
		r->truncated = true;
		return false;
	}
	c->shown++;
	return true;
}

/* The items of a tuple; 0: none. */
static struct err put_arguments(struct call *c, uint64_t tuple)
{
	struct py_object o;
	struct sequence s;
	uint64_t item;
	if (!tuple)
		return NO_ERR;
	TRY(object_open(c->r->h, tuple, &o));
	TRY(sequence_open(&o, &s));
	for (uint64_t i = 0; i < s.length && call_more(c); i++) {
		TRY(sequence_item(&s, i, &item));
		repr_value(c->r, item);
	}
	return NO_ERR;
}

/* The entries of a dict as a=1; 0: none. */
static struct err put_keywords(struct call *c, uint64_t dict)
{
	struct dict d;
	uint64_t key, value;
	if (!dict)
		return NO_ERR;
	TRY(dict_open(c->r->h, dict, &d));
	while (dict_next(&d, &key, &value) && call_more(c)) {
		repr_name(c->r, key);
		repr_put(c->r, "=");
		repr_value(c->r, value);
	}
	return d.why;
}

static void put_partial_name(struct repr *r, const struct py_object *o)
{
	if (o->type->by_python && r->h->rt->layout.row->repr & REPR_PARTIAL_QUALIFIED)
		repr_putf(r, "%s.%s", o->type->module, o->type->qualname);
	else
		repr_put(r, type_raw_name(o->type));
}

static struct err render_partial(struct repr *r, const struct py_object *o)
{
	uint64_t function, args, keywords;
	struct call c = { .r = r, .shown = 1 };
	if (is_plain(r))
		return render_object(r, o);
	TRY(object_get(o, FIELD_partial_function, &function));
	TRY(object_get(o, FIELD_partial_args, &args));
	TRY(object_get(o, FIELD_partial_keywords, &keywords));
	put_partial_name(r, o);
	repr_put(r, "(");
	repr_value(r, function);
	TRY(put_arguments(&c, args));
	if (keywords && !object_is_none(r->h, keywords))
		TRY(put_keywords(&c, keywords));
	repr_put(r, ")");
	return NO_ERR;
}

/* operator.itemgetter(1, 2): one item is kept as it is, more of them in a tuple. */
static struct err render_itemgetter(struct repr *r, const struct py_object *o)
{
	uint64_t item;
	int64_t n;
	struct call c = { .r = r };
	if (is_plain(r) || failed(object_get(o, FIELD_itemgetter_item, &item)) ||
		failed(object_get_int(o, FIELD_itemgetter_count, &n)))
		return render_object(r, o);
	repr_putf(r, "%s(", type_raw_name(o->type));
	if (n == 1)
		repr_value(r, item);
	else
		TRY(put_arguments(&c, item));
	repr_put(r, ")");
	return NO_ERR;
}

/* A name with dots is kept as a tuple of its parts. */
static struct err put_dotted(struct repr *r, uint64_t attr)
{
	struct py_object o;
	struct sequence s;
	uint64_t part;
	AUTO_PIECES(name);
	TRY(object_open(r->h, attr, &o));
	if (!(o.type->flags & TYPE_TUPLE)) {
		repr_value(r, attr);
		return NO_ERR;
	}
	TRY(sequence_open(&o, &s));
	for (uint64_t i = 0; i < s.length && !name.omitted; i++) {
		pieces_puts(&name, i ? "." : "");
		TRY(sequence_item(&s, i, &part));
		TRY(pieces_str(&name, r->h, part));
	}
	repr_pieces(r, &name);
	return NO_ERR;
}

static struct err render_attrgetter(struct repr *r, const struct py_object *o)
{
	uint64_t attrs, attr;
	struct py_object list;
	struct sequence s;
	struct call c = { .r = r };
	if (is_plain(r) || failed(object_get(o, FIELD_attrgetter_attr, &attrs)))
		return render_object(r, o);
	TRY(object_open(r->h, attrs, &list));
	TRY(sequence_open(&list, &s));
	repr_putf(r, "%s(", type_raw_name(o->type));
	for (uint64_t i = 0; i < s.length && call_more(&c); i++) {
		TRY(sequence_item(&s, i, &attr));
		TRY(put_dotted(r, attr));
	}
	repr_put(r, ")");
	return NO_ERR;
}

/* Since 3.13 the name is the first of its arguments, too. */
static struct err render_methodcaller(struct repr *r, const struct py_object *o)
{
	uint64_t name, args, keywords;
	bool with_name = layout_has(&r->h->rt->layout, FIELD_methodcaller_name_and_args);
	struct call c = { .r = r };
	if (is_plain(r) || failed(object_get(o, FIELD_methodcaller_name, &name)) ||
		failed(object_get(o,
			with_name ? FIELD_methodcaller_name_and_args : FIELD_methodcaller_args,
			&args)) ||
		failed(object_get(o, FIELD_methodcaller_keywords, &keywords)))
		return render_object(r, o);
	repr_putf(r, "%s(", type_raw_name(o->type));
	if (!with_name && call_more(&c))
		repr_value(r, name);
	TRY(put_arguments(&c, args));
	TRY(put_keywords(&c, keywords));
	repr_put(r, ")");
	return NO_ERR;
}

static bool is_one(struct heap *h, uint64_t addr)
{
	struct py_object o;
	int64_t v;
	return !failed(object_open(h, addr, &o)) && (o.type->flags & (TYPE_INT | TYPE_INT27)) &&
	       !failed(int_value(&o, &v)) && v == 1;
}

/* count(5), count(5, 2): a C number, or if long_count is set an object. */
static struct err render_count(struct repr *r, const struct py_object *o)
{
	int64_t n;
	uint64_t value, step;
	if (failed(object_get_int(o, FIELD_count_count, &n)) ||
		failed(object_get(o, FIELD_count_long_count, &value)) ||
		failed(object_get(o, FIELD_count_step, &step)))
		return render_object(r, o);
	repr_putf(r, "%s(", o->type->name);
	if (value)
		repr_value(r, value);
	else
		repr_putf(r, "%" PRId64, n);
	if (step && !is_one(r->h, step)) {
		repr_put(r, ", ");
		repr_value(r, step);
	}
	repr_put(r, ")");
	return NO_ERR;
}

/* repeat(1), repeat(1, 3) */
static struct err render_repeat(struct repr *r, const struct py_object *o)
{
	int64_t n;
	uint64_t element;
	if (failed(object_get_int(o, FIELD_repeat_count, &n)) ||
		failed(object_get(o, FIELD_repeat_element, &element)))
		return render_object(r, o);
	repr_putf(r, "%s(", o->type->name);
	repr_value(r, element);
	if (n != -1)
		repr_putf(r, ", %" PRId64, n);
	repr_put(r, ")");
	return NO_ERR;
}

/* <ContextVar name='v' default=1 at 0x...> */
static struct err render_context_var(struct repr *r, const struct py_object *o)
{
	uint64_t name, value;
	TRY(object_get(o, FIELD_contextvar_name, &name));
	if (failed(object_get(o, FIELD_contextvar_default, &value)))
		return render_object(r, o);
	repr_put(r, "<ContextVar name=");
	repr_value(r, name);
	if (value) {
		repr_put(r, " default=");
		repr_value(r, value);
	}
	repr_putf(r, " at 0x%" PRIx64 ">", o->addr);
	return NO_ERR;
}

static struct err render_context_token(struct repr *r, const struct py_object *o)
{
	uint64_t var, used;
	if (failed(object_get(o, FIELD_context_token_var, &var)) ||
		failed(object_get(o, FIELD_context_token_used, &used)))
		return render_object(r, o);
	repr_put(r, used ? "<Token used var=" : "<Token var=");
	repr_value(r, var);
	repr_putf(r, " at 0x%" PRIx64 ">", o->addr);
	return NO_ERR;
}

/* <staticmethod(<function f at 0x...>)> */
static struct err put_wrapped(
	struct repr *r, const struct py_object *o, enum field callable, const char *what)
{
	uint64_t inside;
	if (!(r->h->rt->layout.row->repr & REPR_WRAPPED_METHODS))
		return render_object(r, o);
	TRY(object_get(o, callable, &inside));
	repr_putf(r, "<%s(", what);
	repr_value(r, inside);
	repr_put(r, ")>");
	return NO_ERR;
}

static struct err render_staticmethod(struct repr *r, const struct py_object *o)
{
	return put_wrapped(r, o, FIELD_staticmethod_callable, "staticmethod");
}

static struct err render_classmethod(struct repr *r, const struct py_object *o)
{
	return put_wrapped(r, o, FIELD_classmethod_callable, "classmethod");
}

enum { LIBRARY = KIND_CONTAINER };

const struct kind kinds_functional[] = {
	{ "functools.partial", render_partial, LIBRARY, "..." },
	{ "operator.itemgetter", render_itemgetter, LIBRARY, "operator.itemgetter(...)" },
	{ "operator.attrgetter", render_attrgetter, LIBRARY, "operator.attrgetter(...)" },
	{ "operator.methodcaller", render_methodcaller, LIBRARY, "operator.methodcaller(...)" },
	{ "itertools.count", render_count, LIBRARY, "..." },
	{ "itertools.repeat", render_repeat, LIBRARY | KIND_UNGUARDED, NULL },
	{ "ContextVar", render_context_var, LIBRARY, "..." }, /* to 3.9 */
	{ "_contextvars.ContextVar", render_context_var, LIBRARY, "..." },
	{ "Token", render_context_token, LIBRARY, "..." },
	{ "_contextvars.Token", render_context_token, LIBRARY, "..." },
	{ "staticmethod", render_staticmethod, LIBRARY | KIND_UNGUARDED, NULL },
	{ "classmethod", render_classmethod, LIBRARY | KIND_UNGUARDED, NULL },
	{ 0 },
};
