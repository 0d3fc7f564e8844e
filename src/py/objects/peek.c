/* SPDX-License-Identifier: Apache-2.0 */
/* Small questions to objects. A lock is a byte of its own, or the lowest bit of a PyMutex
 * (Modules/_threadmodule.c). */
#include "peek.h"

#include "pycore/limits.h"

#include <string.h>

bool peek_object(const struct py_object *o, const char *name, struct py_object *ret)
{
	uint64_t addr;
	return attribute_find(o, name, &addr) && !object_is_none(o->h, addr) &&
	       !failed(object_open(o->h, addr, ret));
}

bool peek_int(const struct py_object *o, const char *name, int64_t *ret)
{
	uint64_t addr;
	return attribute_find(o, name, &addr) && !failed(int_value_at(o->h, addr, ret));
}

bool object_length(const struct py_object *o, uint64_t *ret)
{
	enum field f;
	uint64_t v;
	if (o->type->flags & TYPE_STR) {
		struct chars c;
		if (failed(chars_open(o, &c)))
			return false;
		*ret = c.length;
		return true;
	}
	if (o->type->flags & (TYPE_LIST | TYPE_TUPLE | TYPE_BYTES) || type_is(o->type, "bytearray"))
		f = FIELD_varobject_size;
	else if (o->type->flags & TYPE_DICT)
		f = FIELD_dict_used;
	else if (type_is(o->type, "set") || type_is(o->type, "frozenset"))
		f = FIELD_set_used;
	else if (type_is(o->type, "collections.deque"))
		f = FIELD_deque_length;
	else
		return false;
	if (failed(object_get(o, f, &v)) || (int64_t)v < 0)
		return false;
	*ret = v;
	return true;
}

bool object_true(struct heap *h, uint64_t addr, bool *ret)
{
	struct py_object o;
	uint64_t length;
	int64_t value;
	if (failed(object_open(h, addr, &o)))
		return false;
	if (!strcmp(o.type->full, "NoneType"))
		*ret = false;
	else if (!failed(int_value(&o, &value)))
		*ret = value != 0;
	else if (object_length(&o, &length))
		*ret = length != 0;
	else
		return false;
	return true;
}

bool peek_true(const struct py_object *o, const char *name, bool *ret)
{
	uint64_t addr;
	return attribute_find(o, name, &addr) && object_true(o->h, addr, ret);
}

bool peek_length(const struct py_object *o, const char *name, uint64_t *ret)
{
	uint64_t addr;
	struct py_object of;
	if (!attribute_find(o, name, &addr))
		return false;
	if (object_is_none(o->h, addr)) {
		*ret = 0;
		return true;
	}
	return !failed(object_open(o->h, addr, &of)) && object_length(&of, ret);
}

bool peek_module(struct heap *h, const char *module, const char *name, uint64_t *ret)
{
	const struct python *p = h->p;
	for (size_t i = 0; i < p->n_interpreters; i++) {
		if (&p->runtimes[p->interpreters[i].runtime] == h->rt &&
			module_find(h, p->interpreters[i].addr, module, name, ret))
			return true;
	}
	return false;
}

bool dict_find_int(struct heap *h, uint64_t dict, int64_t number, uint64_t *ret)
{
	enum { ENTRIES_MAX = 100000 };
	struct dict d;
	uint64_t key, value;
	int64_t v;
	if (failed(dict_open(h, dict, &d)))
		return false;
	while (d.seen < ENTRIES_MAX && dict_next(&d, &key, &value)) {
		if (!failed(int_value_at(h, key, &v)) && v == number) {
			*ret = value;
			return true;
		}
	}
	return false;
}

bool lock_is_held(const struct py_object *lock, bool *ret)
{
	uint64_t v;
	if (strcmp(lock->type->full, "_thread.lock") != 0)
		return false;
	if (!failed(object_get(lock, FIELD_lock_mutex, &v)))
		*ret = v & 1;
	else if (!failed(object_get(lock, FIELD_lock_locked, &v)))
		*ret = v != 0;
	else
		return false;
	return true;
}

void repr_capture(struct repr *r, uint64_t addr, struct str *to)
{
	struct str *before = r->to;
	r->to = to;
	repr_value(r, addr);
	r->to = before;
}

size_t utf8_span(const struct str *s, size_t n)
{
	size_t i = 0;
	for (size_t seen = 0; i < s->len; i++) {
		if (((uint8_t)s->bytes[i] & 0xc0) != 0x80 && seen++ == n)
			break;
	}
	return i;
}

size_t utf8_count(const struct str *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->len; i++)
		n += ((uint8_t)s->bytes[i] & 0xc0) != 0x80;
	return n;
}

void repr_head(struct repr *r, uint64_t addr, size_t max)
{
	enum { ENOUGH = 65536 }; /* a quote far behind decides on the quotes in front */
	const struct value_limits *limits = r->limits;
	bool truncated = r->truncated;
	if (limits->redact || limits->max_string < max) {
		repr_value(r, addr);
		return;
	}
	struct value_limits wide = *limits;
	if (wide.max_string < ENOUGH)
		wide.max_string = ENOUGH;
	AUTO_STR(text);
	r->limits = &wide;
	repr_capture(r, addr, &text);
	r->limits = limits;
	size_t n = utf8_span(&text, max);
	if (n < text.len)
		r->truncated = truncated;
	str_add(r->to, str_text(&text), n);
}
