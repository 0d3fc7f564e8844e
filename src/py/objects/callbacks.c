/* SPDX-License-Identifier: Apache-2.0 */
#include "callbacks.h"

#include "peek.h"

#include <inttypes.h>
#include <string.h>

enum { CALLBACK_DEPTH = 20, WRAPPED_MAX = 100 };

/* The name of a C function: of its module, or with the class of what it is bound to. */
static bool put_cfunction(struct repr *r, const struct py_object *o)
{
	uint64_t def, name, self = 0;
	struct py_object bound;
	const struct py_type *t;
	char text[256];
	if (failed(object_get(o, FIELD_cfunction_def, &def)) ||
		failed(py_field(o->h->rt, def, FIELD_methoddef_name, &name)) ||
		failed(mem_cstr(o->h->rt->mem, name, text, sizeof(text), NULL)) ||
		failed(object_get(o, FIELD_cfunction_self, &self)))
		return false;
	if (self && !failed(object_open(o->h, self, &bound)) && !type_is(bound.type, "module")) {
		t = bound.type;
		if (t->flags & TYPE_TYPE && failed(type_at(o->h, self, &t)))
			return false;
		repr_putf(r, "%s.", t->qualname);
	}
	repr_put(r, text);
	return true;
}

/* __qualname__ of what has one. */
static bool put_qualname(struct repr *r, const struct py_object *o)
{
	struct py_object f = *o;
	const struct py_type *t;
	uint64_t at;
	if (!strcmp(f.type->full, "method") && (failed(object_get(o, FIELD_method_function, &at)) ||
						       failed(object_open(o->h, at, &f))))
		return false;
	if (!strcmp(f.type->full, "builtin_function_or_method"))
		return put_cfunction(r, &f);
	if (f.type->flags & TYPE_TYPE && !failed(type_at(o->h, f.addr, &t))) {
		repr_put(r, t->qualname);
		return true;
	}
	if (!strcmp(f.type->full, "function")) {
		if (failed(object_get(&f, FIELD_function_qualname, &at)))
			return false;
	} else if (!attribute_find(&f, "__qualname__", &at)) {
		return false;
	}
	repr_name(r, at);
	return true;
}

static void put_positional(struct repr *r, uint64_t args, const char **separator)
{
	struct py_object o;
	struct sequence s;
	uint64_t item;
	if (failed(object_open(r->h, args, &o)) || failed(sequence_open(&o, &s)))
		return;
	for (uint64_t i = 0; i < s.length && !failed(sequence_item(&s, i, &item)); i++) {
		repr_put(r, *separator);
		*separator = ", ";
		if (i >= r->limits->max_items) {
			repr_putf(r, "... +%" PRIu64 " more", s.length - i);
			r->truncated = true;
			return;
		}
		repr_limited(r, item);
	}
}

static void put_keywords(struct repr *r, uint64_t keywords, const char **separator)
{
	struct dict d;
	uint64_t key, value;
	if (failed(dict_open(r->h, keywords, &d)))
		return;
	for (uint64_t i = 0; dict_next(&d, &key, &value); i++) {
		repr_put(r, *separator);
		*separator = ", ";
		if (i >= r->limits->max_items) {
			repr_putf(r, "... +%" PRIu64 " more", d.used - i);
			r->truncated = true;
			return;
		}
		repr_name(r, key);
		repr_put(r, "=");
		repr_limited(r, value);
	}
}

/* What a function is called with; 0: nothing of that sort. */
struct arguments {
	uint64_t args, keywords;
	bool bare;
};

static void put_arguments(struct repr *r, const struct arguments *a)
{
	const char *separator = "";
	repr_put(r, "(");
	if (a->args && !a->bare)
		put_positional(r, a->args, &separator);
	if (a->keywords && !a->bare)
		put_keywords(r, a->keywords, &separator);
	repr_put(r, ")");
}

/* A partial is written as what it calls, with its own arguments before the others. */
static void put_call(struct repr *r, uint64_t function, const struct arguments *a, unsigned depth)
{
	struct py_object o;
	uint64_t inner;
	struct arguments own = { .bare = a->bare };
	struct err e = object_open(r->h, function, &o);
	if (!failed(e) && depth < CALLBACK_DEPTH && type_is(o.type, "functools.partial") &&
		!failed(object_get(&o, FIELD_partial_function, &inner)) &&
		!failed(object_get(&o, FIELD_partial_args, &own.args)) &&
		!failed(object_get(&o, FIELD_partial_keywords, &own.keywords)))
		put_call(r, inner, &own, depth + 1);
	else if (failed(e) || !put_qualname(r, &o))
		repr_value(r, function);
	put_arguments(r, a);
}

/* The function that one leads to through wrappers and partials. */
static bool find_source(struct heap *h, uint64_t at, struct function *ret, uint64_t *ret_code)
{
	struct py_object o;
	for (int i = 0; i < WRAPPED_MAX && !failed(object_open(h, at, &o)); i++) {
		uint64_t inner;
		if (attribute_find(&o, "__wrapped__", &inner)) {
			at = inner;
		} else if (type_is(o.type, "functools.partial") &&
			   !failed(object_get(&o, FIELD_partial_function, &inner))) {
			at = inner;
		} else {
			return !strcmp(o.type->full, "function") && function_read(h, at, ret) &&
			       ret->file && !failed(object_get(&o, FIELD_function_code, ret_code));
		}
	}
	return false;
}

void repr_callback(struct repr *r, uint64_t function, uint64_t args, bool bare)
{
	struct arguments a = { .args = args, .bare = bare };
	struct function f;
	uint64_t code, filename;
	put_call(r, function, &a, 0);
	if (!find_source(r->h, function, &f, &code) ||
		failed(py_field(r->h->rt, code, FIELD_code_filename, &filename)))
		return;
	const struct py_code *c = py_code_at(r->h->p, r->h->rt, code);
	if (failed(c->why))
		return;
	repr_put(r, " at ");
	repr_name(r, filename);
	repr_putf(r, ":%d", c->firstlineno);
}

/* The frame of a generator or coroutine; 0: it has none any more. */
static struct err live_frame(const struct py_object *o, uint64_t *ret)
{
	const struct generator_marks *m = &o->h->rt->layout.row->generator;
	int64_t state;
	if (o->h->rt->layout.row->generators != GENERATORS_EMBEDDED)
		return object_get(o, FIELD_gen_frame, ret);
	TRY(object_get_int(o, FIELD_gen_frame_state, &state));
	bool live = state == m->created || state == m->suspended ||
		    state == m->suspended_in_yield_from || state == m->executing;
	*ret = 0;
	return live ? object_inside(o, FIELD_gen_iframe, ret) : NO_ERR;
}

static struct err code_of(const struct py_object *o, uint64_t *ret)
{
	uint64_t frame, word;
	if (layout_has(&o->h->rt->layout, FIELD_gen_code))
		return object_get(o, FIELD_gen_code, ret);
	TRY(object_inside(o, FIELD_gen_iframe, &frame));
	TRY(py_field(o->h->rt, frame, FIELD_iframe_code, &word));
	*ret = py_untag(o->h->rt, word);
	return NO_ERR;
}

static struct err put_coroutine(struct repr *r, const struct py_object *o)
{
	struct heap *h = o->h;
	const struct py_place *place = NULL;
	uint64_t frame, code, filename, name;
	TRY(live_frame(o, &frame));
	TRY(code_of(o, &code));
	TRY(object_get(o, FIELD_gen_qualname, &name));
	TRY(py_field(h->rt, code, FIELD_code_filename, &filename));
	const struct py_code *c = py_code_at(h->p, h->rt, code);
	TRY(c->why);
	struct py_location at = { .line = c->firstlineno };
	if (frame) {
		TRY(py_frame_place(h->p, h->rt, frame, &place));
		TRY(c->linetable_why);
		TRY(py_lines_locate(c->lines, c->linetable, c->linetable_size, c->firstlineno,
			place->offset, &at));
	}
	repr_name(r, name);
	repr_put(r, frame ? "() running at " : "() done, defined at ");
	repr_name(r, filename);
	repr_putf(r, ":%d", at.line);
	return NO_ERR;
}

void repr_coroutine(struct repr *r, uint64_t coroutine)
{
	struct py_object o;
	if (failed(object_open(r->h, coroutine, &o)) ||
		(strcmp(o.type->full, "coroutine") != 0 &&
			strcmp(o.type->full, "generator") != 0) ||
		failed(put_coroutine(r, &o)))
		repr_value(r, coroutine);
}

void repr_created_at(struct repr *r, uint64_t stack)
{
	struct py_object o, entry;
	struct sequence s;
	uint64_t last, filename;
	int64_t line;
	if (!stack || failed(object_open(r->h, stack, &o)) || !(o.type->flags & TYPE_LIST) ||
		failed(sequence_open(&o, &s)) || !s.length ||
		failed(sequence_item(&s, s.length - 1, &last)) ||
		failed(object_open(r->h, last, &entry)) ||
		!attribute_find(&entry, "filename", &filename) ||
		!peek_int(&entry, "lineno", &line))
		return;
	repr_put(r, " created at ");
	repr_name(r, filename);
	repr_putf(r, ":%" PRId64, line);
}
