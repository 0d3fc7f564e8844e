/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str() of exceptions and of what they hold, by the class whose __str__ runs. What one gives that
 * is neither of the language nor among those that exception_kinds.c knows is not known: it is code
 * of the target.
 */
#include "exception_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { EXCEPTIONS_DEEP = 10 }; /* exceptions that are the argument of one another */

static bool str_slot(struct heap *h, const struct py_type *t, uint64_t *ret)
{
	return t && !failed(py_field(h->rt, t->addr, FIELD_type_str, ret));
}

/*
 * The class whose __str__ runs for an instance of t; NULL: not known. A class inherits the function
 * in the slot tp_str from the one that C defined it for; for a __str__ in Python there is another
 * function in it, which looks that up.
 */
static const struct py_type *str_definer(struct heap *h, const struct py_type *t)
{
	const struct py_type *mro[MRO_MAX];
	size_t n = type_mro(h, t, mro, MRO_MAX);
	uint64_t slot, other;
	if (!str_slot(h, t, &slot))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		bool same = !mro[i]->by_python && str_slot(h, mro[i], &other) && other == slot;
		if (same && (!str_slot(h, mro[i]->base, &other) || other != slot))
			return mro[i];
	}
	for (size_t i = 0; i < n; i++) {
		if (mro[i]->by_python && mro[i]->dict &&
			dict_find(h, mro[i]->dict, "__str__", &other))
			return mro[i];
	}
	return NULL;
}

void str_write_text(struct str_writer *w, uint64_t str)
{
	struct py_text text;
	str_text_of(w->r.h, str, &text);
	if (!text.bytes) {
		repr_damage(&w->r, text.why);
		return;
	}
	str_add(&w->text, text.bytes, text.len);
	w->cut |= text.cut;
}

bool str_is_string(struct heap *h, uint64_t addr)
{
	struct py_object o;
	return addr && !failed(object_open(h, addr, &o)) &&
	       (o.type->flags & TYPE_STR ||
		       (h->rt->layout.row->text == TEXT_BYTES && o.type->flags & TYPE_BYTES));
}

void str_write_exception(struct str_writer *w, const struct exc *x)
{
	const struct py_type *by = str_definer(x->h, x->type);
	str_exception_fn *write = by ? str_exception_find(by) : NULL;
	if (!write) {
		w->unknown = true;
		return;
	}
	struct err e = write(w, x);
	if (failed(e))
		repr_damage(&w->r, e);
}

void str_write_args(struct str_writer *w, const struct exc *x)
{
	struct py_object o;
	struct sequence s;
	uint64_t item;
	if (x->n_args == 1)
		repr_value(&w->r, x->arg);
	if (x->n_args < 2 || failed(object_open(x->h, x->args, &o)) ||
		failed(sequence_open(&o, &s)))
		return;
	struct items it = items_begin(&w->r, "", "", s.length);
	for (uint64_t i = 0; items_more(&it); i++)
		repr_value(&w->r, failed(sequence_item(&s, i, &item)) ? 0 : item);
	items_end(&it);
}

/* Types whose __str__ writes what their __repr__ does; where they define one. */
static bool str_is_repr(const struct py_type *by)
{
	static const char *const names[] = { "object", "int", "bool", "float", "complex", "bytes" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!by->by_python && !strcmp(by->full, names[i]))
			return true;
	}
	return false;
}

/* 2.7 writes 10L as 10, and a float with 12 digits. */
static bool write_old_number(struct str_writer *w, const struct py_object *o)
{
	if (!(o->h->rt->layout.row->repr & REPR_BYTE_STRINGS) || o->type->by_python)
		return false;
	if (!strcmp(o->type->full, "long")) {
		repr_value(&w->r, o->addr);
		if (w->text.len && w->text.bytes[w->text.len - 1] == 'L')
			w->text.bytes[--w->text.len] = '\0';
		return true;
	}
	uint64_t bits;
	if (strcmp(o->type->full, "float") != 0 || failed(object_get(o, FIELD_float_value, &bits)))
		return false;
	double v;
	memcpy(&v, &bits, sizeof(v));
	char text[32];
	snprintf(text, sizeof(text), "%.12g", v);
	repr_putf(&w->r, "%s%s", text, text[strspn(text, "-0123456789")] ? "" : ".0");
	return true;
}

void str_write(struct str_writer *w, uint64_t addr)
{
	struct py_object o;
	struct exc x;
	if (!addr || failed(object_open(w->r.h, addr, &o))) {
		repr_value(&w->r, addr);
		return;
	}
	const struct py_type *by = str_definer(o.h, o.type);
	if (!by) {
		w->unknown = true;
	} else if (o.type->flags & TYPE_EXCEPTION && !failed(exc_open(o.h, addr, &x))) {
		if (w->depth >= EXCEPTIONS_DEEP) {
			repr_put(&w->r, "...");
			return;
		}
		w->depth++;
		str_write_exception(w, &x);
		w->depth--;
	} else if (!by->by_python && str_is_string(o.h, addr)) {
		str_write_text(w, addr);
	} else if (!write_old_number(w, &o)) {
		w->unknown |= !str_is_repr(by);
		repr_value(&w->r, addr);
	}
}
