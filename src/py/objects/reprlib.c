/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reprs as the module reprlib of the standard library shortens them, which asyncio uses for results
 * and arguments: 6 items of a list or tuple, 4 of a dict sorted by key, 6 levels; of a str 30
 * characters, of an int 40, of anything else 30, with an ellipsis in the middle (Lib/reprlib.py).
 *
 * What an object of no known repr shows of its attributes is never cut.
 */
#include "peek.h"

#include "format.h"

#include "pycore/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { LEVELS = 6, ITEMS = 6, PAIRS = 4, STRING = 30, NUMBER = 40, OTHER = 30, FILL = 3 };
enum { SORTED_MAX = 1024, KEY_CHARS = 64 };

static void limited(struct repr *r, uint64_t addr, unsigned level);

/* Both ends of a text, together max characters with what stands between them. */
static void put_ends(struct repr *r, const struct str *s, size_t max)
{
	size_t first = (max - FILL) / 2, last = max - FILL - first;
	str_add(r->to, s->bytes, utf8_span(s, first));
	repr_put(r, "...");
	size_t from = utf8_span(s, utf8_count(s) - last);
	str_add(r->to, s->bytes + from, s->len - from);
}

/* The ends overlap where a short text has long escapes; where the second would begin before the
 * text, it counts from its end. */
static size_t read_ends(const struct chars *c, uint32_t *chars)
{
	enum { FIRST = (STRING - FILL) / 2, LAST = STRING - FILL - FIRST };
	uint64_t length = c->length, from = 0;
	size_t first = length < FIRST ? (size_t)length : FIRST;
	if (length >= LAST)
		from = length - LAST;
	else if (2 * length > LAST)
		from = 2 * length - LAST;
	size_t last = (size_t)(length - from);
	if (failed(chars_read(c, 0, first, chars)) ||
		failed(chars_read(c, from, last, chars + first)))
		return 0;
	return first + last;
}

static bool put_str(struct repr *r, const struct py_object *o)
{
	uint32_t chars[2 * STRING];
	uint16_t unicode = r->h->rt->layout.row->unicode;
	struct chars c;
	AUTO_STR(text);
	if (failed(chars_open(o, &c)))
		return false;
	size_t n = c.length < STRING ? (size_t)c.length : STRING;
	if (failed(chars_read(&c, 0, n, chars)))
		return false;
	format_str(&text, "", chars, n, unicode, ESCAPE_UNPRINTABLE);
	if (utf8_count(&text) <= STRING) {
		repr_put(r, str_text(&text));
		return true;
	}
	n = read_ends(&c, chars);
	if (!n)
		return false;
	str_clear(&text);
	format_str(&text, "", chars, n, unicode, ESCAPE_UNPRINTABLE);
	put_ends(r, &text, STRING);
	return true;
}

/* Where it is not a repr of Python's as a whole, all of it. */
static void put_other(struct repr *r, const struct py_object *o, size_t max)
{
	AUTO_STR(text);
	bool truncated = r->truncated, damaged = r->damaged;
	r->truncated = r->damaged = false;
	repr_capture(r, o->addr, &text);
	bool whole = r->truncated || r->damaged || !o->type->row;
	r->truncated |= truncated;
	r->damaged |= damaged;
	if (whole || utf8_count(&text) <= max)
		str_add(r->to, str_text(&text), text.len);
	else
		put_ends(r, &text, max);
}

static bool put_sequence(struct repr *r, const struct py_object *o, unsigned level)
{
	struct sequence s;
	uint64_t item;
	bool tuple = o->type->flags & TYPE_TUPLE;
	if (failed(sequence_open(o, &s)))
		return false;
	repr_put(r, tuple ? "(" : "[");
	if (!level && s.length)
		repr_put(r, "...");
	for (uint64_t i = 0; level && i < s.length && i < ITEMS; i++) {
		repr_put(r, i ? ", " : "");
		struct err e = sequence_item(&s, i, &item);
		if (failed(e))
			repr_damage(r, e);
		else
			limited(r, item, level - 1);
	}
	if (level && s.length > ITEMS)
		repr_put(r, ", ...");
	repr_put(r, tuple && s.length == 1 && level ? ",)" : tuple ? ")" : "]");
	return true;
}

/* One entry of a dict, with what its key is compared by. */
struct pair {
	uint64_t key, value;
	bool is_str;
	int64_t number;
	size_t n;
	uint32_t chars[KEY_CHARS];
};

static bool read_key(struct heap *h, struct pair *p)
{
	struct py_object o;
	struct chars c;
	if (failed(object_open(h, p->key, &o)))
		return false;
	if (!strcmp(o.type->full, "int"))
		return !failed(int_value(&o, &p->number));
	if (strcmp(o.type->full, "str") != 0 || failed(chars_open(&o, &c)) || c.length > KEY_CHARS)
		return false;
	p->is_str = true;
	p->n = (size_t)c.length;
	return !failed(chars_read(&c, 0, p->n, p->chars));
}

static int by_key(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	if (!x->is_str)
		return x->number < y->number ? -1 : x->number > y->number;
	for (size_t i = 0; i < x->n && i < y->n; i++) {
		if (x->chars[i] != y->chars[i])
			return x->chars[i] < y->chars[i] ? -1 : 1;
	}
	return x->n < y->n ? -1 : x->n > y->n;
}

/* The entries in the order that reprlib lists them: sorted, if the keys can be compared. Returns
 * how many; 0: it cannot be told. */
static size_t sorted_pairs(struct heap *h, uint64_t dict, struct pair *list, size_t n)
{
	struct dict d;
	size_t strings = 0, seen = 0;
	if (failed(dict_open(h, dict, &d)))
		return 0;
	for (; seen < n && dict_next(&d, &list[seen].key, &list[seen].value); seen++) {
		if (n > 1 && !read_key(h, &list[seen]))
			return 0;
		strings += list[seen].is_str;
	}
	if (seen == n && (!strings || strings == n))
		qsort(list, n, sizeof(*list), by_key);
	return seen == n ? n : 0;
}

static bool put_dict(struct repr *r, const struct py_object *o, unsigned level)
{
	uint64_t length;
	if (!object_length(o, &length) || !length || length > SORTED_MAX)
		return false;
	if (!level) {
		repr_put(r, "{...}");
		return true;
	}
	AUTO_FREE struct pair *list = xcalloc((size_t)length, sizeof(*list));
	size_t n = sorted_pairs(r->h, o->addr, list, (size_t)length);
	if (!n)
		return false;
	repr_put(r, "{");
	for (size_t i = 0; i < n && i < PAIRS; i++) {
		repr_put(r, i ? ", " : "");
		limited(r, list[i].key, level - 1);
		repr_put(r, ": ");
		limited(r, list[i].value, level - 1);
	}
	repr_put(r, n > PAIRS ? ", ...}" : "}");
	return true;
}

/* What it has a function for, by the name of the type. False: nothing was written. */
static bool put_known(struct repr *r, const struct py_object *o, unsigned level)
{
	const char *name = o->type->full;
	bool list = !strcmp(name, "list") || !strcmp(name, "tuple"), dict = !strcmp(name, "dict");
	if (!strcmp(name, "str"))
		return put_str(r, o);
	if ((!list && !dict) || r->depth >= r->limits->max_depth || r->depth >= REPR_DEPTH_MAX)
		return false;
	r->path[r->depth++] = o->addr;
	bool done = list ? put_sequence(r, o, level) : put_dict(r, o, level);
	r->depth--;
	return done;
}

/* Containers that reprlib shortens in ways that are not followed here. */
static bool is_foreign(const struct py_object *o)
{
	static const char *const names[] = { "list", "tuple", "dict", "set", "frozenset",
		"collections.deque", "array.array" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!strcmp(o->type->full, names[i]))
			return true;
	}
	return false;
}

static void limited(struct repr *r, uint64_t addr, unsigned level)
{
	struct py_object o;
	size_t mark = r->to->len;
	if (!r->nodes_left || failed(object_open(r->h, addr, &o))) {
		repr_value(r, addr);
		return;
	}
	r->nodes_left--;
	if (put_known(r, &o, level))
		return;
	str_cut(r->to, mark);
	if (is_foreign(&o))
		repr_value(r, addr);
	else
		put_other(r, &o, strcmp(o.type->full, "int") != 0 ? OTHER : NUMBER);
}

void repr_limited(struct repr *r, uint64_t addr)
{
	const struct value_limits *l = r->limits;
	if (l->redact || l->max_items < ITEMS || l->max_string < NUMBER)
		repr_value(r, addr);
	else
		limited(r, addr, LEVELS);
}
