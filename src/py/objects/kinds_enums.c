/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of enums (Lib/enum.py): their class gives them `_name_` and `_value_`. Which __repr__ is
 * in force its function tells, by the module and the name that it was defined with: enum puts one
 * and the same into many classes.
 *
 * A combination of flags has a name of its own since 3.11 ("A|B"). Before, it has none, and repr()
 * takes the value apart by `_value2member_map_` {value: member}.
 */
#include "repr.h"

#include "pycore/alloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FLAGS_MAX = 1024 };

struct enum_member {
	uint64_t name, value; /* addresses */
	bool named;
};

static bool read_enum_member(struct heap *h, uint64_t addr, struct enum_member *ret)
{
	if (!attribute_of(h, addr, "_name_", &ret->name) ||
		!attribute_of(h, addr, "_value_", &ret->value))
		return false;
	ret->named = !object_is_none(h, ret->name);
	return true;
}

/* <Color.RED: 1>; a combination without a name: <F: 0> */
static struct err render_enum(struct repr *r, const struct py_object *o)
{
	struct enum_member m;
	if (!read_enum_member(r->h, o->addr, &m))
		return render_object(r, o);
	repr_putf(r, "<%s", o->type->name);
	if (m.named) {
		repr_put(r, ".");
		repr_name(r, m.name);
	}
	repr_put(r, ": ");
	repr_value(r, m.value);
	repr_put(r, ">");
	return NO_ERR;
}

/* One that has a dataclass for its values: <S.A: a=1> */
static struct err render_enum_of_dataclass(struct repr *r, const struct py_object *o)
{
	struct enum_member m;
	struct py_object v;
	uint64_t value;
	if (!read_enum_member(r->h, o->addr, &m) || !m.named)
		return render_object(r, o);
	TRY(object_open(r->h, m.value, &v));
	const struct class_fields *f = dataclass_fields(r->h, v.type);
	if (!f)
		return render_enum(r, o);
	repr_putf(r, "<%s.", o->type->name);
	repr_name(r, m.name);
	struct items it = items_begin(r, ": ", ">", f->n);
	for (size_t i = 0; items_more(&it); i++) {
		repr_text(r, &f->list[i].text);
		repr_put(r, "=");
		if (attribute_named(&v, f->list[i].name, &value))
			repr_value(r, value);
	}
	items_end(&it);
	return NO_ERR;
}

/* <HTTPMethod.GET> */
static struct err render_http_method(struct repr *r, const struct py_object *o)
{
	struct enum_member m;
	if (!read_enum_member(r->h, o->addr, &m) || !m.named)
		return render_object(r, o);
	repr_putf(r, "<%s.", o->type->name);
	repr_name(r, m.name);
	repr_put(r, ">");
	return NO_ERR;
}

struct flag {
	int64_t value;
	uint64_t name; /* 0: it has none */
};

static int by_value_downwards(const void *a, const void *b)
{
	int64_t x = ((const struct flag *)a)->value, y = ((const struct flag *)b)->value;
	return x > y ? -1 : x < y;
}

static bool is_power_of_two(int64_t v)
{
	return v > 0 && !(v & (v - 1));
}

/* The flags that a value is made of, largest first. */
static size_t take_apart(const struct py_object *o, int64_t value, struct flag list[FLAGS_MAX])
{
	struct dict d;
	uint64_t map, key, addr;
	struct enum_member m;
	int64_t bits, rest = value;
	size_t n = 0;
	for (int pass = 0; pass < 2; pass++) { /* those with a name come first, then single bits */
		if (!type_find(o->h, o->type, "_value2member_map_", &map) ||
			failed(dict_open(o->h, map, &d)))
			return 0;
		while (n < FLAGS_MAX && dict_next(&d, &key, &addr)) {
			if (failed(int_value_at(o->h, key, &bits)) || !bits ||
				(bits & value) != bits || !read_enum_member(o->h, addr, &m) ||
				m.named == (pass == 1))
				continue;
			if (pass && (value < 0 || !is_power_of_two(bits) || !(bits & rest)))
				continue;
			list[n++] = (struct flag){ .value = bits, .name = m.named ? m.name : 0 };
			if (!pass)
				rest &= ~bits;
		}
	}
	qsort(list, n, sizeof(*list), by_value_downwards);
	return n;
}

static void put_flags(struct repr *r, const struct flag *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		repr_put(r, i ? "|" : "");
		if (list[i].name)
			repr_name(r, list[i].name);
		else
			repr_putf(r, "%" PRId64, list[i].value);
	}
}

/* To 3.10: <F.B|A: 3>, <F.0: 0> */
static struct err render_flag(struct repr *r, const struct py_object *o)
{
	struct enum_member m;
	int64_t value;
	if (!read_enum_member(r->h, o->addr, &m))
		return render_object(r, o);
	if (m.named || r->h->rt->layout.row->repr & REPR_FLAGS_IN_ORDER)
		return render_enum(r, o);
	TRY(int_value_at(r->h, m.value, &value));
	AUTO_FREE struct flag *list = xmalloc(FLAGS_MAX * sizeof(*list));
	size_t n = take_apart(o, value, list);
	repr_putf(r, "<%s.", o->type->name);
	if (n > 1 && list[0].value == value)
		put_flags(r, list + 1, n - 1);
	else if (n)
		put_flags(r, list, n);
	else
		repr_putf(r, "%" PRId64, value);
	repr_putf(r, ": %" PRId64 ">", value);
	return NO_ERR;
}

static const char *last_part(const char *dotted)
{
	const char *dot = strrchr(dotted, '.');
	return dot ? dot + 1 : dotted;
}

/* Members that a module exports: re.IGNORECASE|re.MULTILINE, each name with the module before it,
 * but not bits without a name (3.11 on). */
static struct err render_global(struct repr *r, const struct py_object *o)
{
	struct enum_member m;
	const char *module = last_part(o->type->module);
	AUTO_PIECES(name);
	if (!read_enum_member(r->h, o->addr, &m))
		return render_object(r, o);
	if (!m.named) {
		repr_putf(r, "%s.%s(", module, o->type->name);
		repr_value(r, m.value);
		repr_put(r, ")");
		return NO_ERR;
	}
	TRY(pieces_str(&name, r->h, m.name));
	bool first = true;
	for (size_t i = 0; i < name.len && i < r->limits->max_string; i++) {
		if (first && (name.chars[i] < '0' || name.chars[i] > '9'))
			repr_putf(r, "%s.", module);
		first = name.chars[i] == '|';
		str_put_utf8(r->to, name.chars[i]);
	}
	return NO_ERR;
}

/* The names of members in the order in which the class defines them. */
static bool open_names(const struct py_object *o, struct sequence *ret)
{
	uint64_t names;
	struct py_object list;
	return type_find(o->h, o->type, "_member_names_", &names) &&
	       !failed(object_open(o->h, names, &list)) && !failed(sequence_open(&list, ret)) &&
	       ret->length <= FLAGS_MAX;
}

static bool member_named(const struct py_object *o, uint64_t name, struct enum_member *ret)
{
	struct dict d;
	uint64_t map, key, addr;
	if (!type_find(o->h, o->type, "_member_map_", &map) || failed(dict_open(o->h, map, &d)))
		return false;
	while (dict_next(&d, &key, &addr)) {
		if (key == name)
			return read_enum_member(o->h, addr, ret);
	}
	return false;
}

/* re.RegexFlag, 3.8 to 3.10: re.IGNORECASE|re.MULTILINE, ~re.ASCII, re.ASCII|0x8000 */
static struct err put_regex_flags(struct repr *r, const struct py_object *o, int64_t value)
{
	struct sequence names;
	struct enum_member m;
	uint64_t name;
	int64_t bits, rest = value < 0 ? ~value : value;
	unsigned n = 0;
	AUTO_STR(text);
	if (!open_names(o, &names))
		return render_object(r, o);
	size_t mark = r->to->len;
	for (uint64_t i = 0; i < names.length; i++) {
		TRY(sequence_item(&names, i, &name));
		if (!member_named(o, name, &m) || failed(int_value_at(r->h, m.value, &bits)))
			return render_object(r, o);
		if (!(rest & bits))
			continue;
		rest &= ~bits;
		repr_put(r, n++ ? "|re." : "re.");
		repr_name(r, m.name);
	}
	if (rest)
		repr_putf(r, "%s0x%" PRIx64, n++ ? "|" : "", (uint64_t)rest);
	if (value >= 0)
		return NO_ERR;
	str_add(&text, r->to->bytes + mark, r->to->len - mark);
	str_cut(r->to, mark);
	repr_putf(r, n > 1 ? "~(%s)" : "~%s", str_text(&text));
	return NO_ERR;
}

static struct err render_regex_flag(struct repr *r, const struct py_object *o)
{
	struct enum_member m;
	int64_t value;
	if (!read_enum_member(r->h, o->addr, &m))
		return render_object(r, o);
	if (m.named) {
		repr_put(r, "re.");
		repr_name(r, m.name);
		return NO_ERR;
	}
	TRY(int_value_at(r->h, m.value, &value));
	return put_regex_flags(r, o, value);
}

/* The classes themselves: <enum 'Color'>, <flag 'F'> */
static struct err render_enum_class(struct repr *r, const struct py_object *o)
{
	const struct py_type *t;
	TRY(type_at(r->h, o->addr, &t));
	bool flag = r->h->rt->layout.row->repr & REPR_FLAGS_IN_ORDER &&
		    type_inherits(r->h, t, "enum.Flag");
	repr_putf(r, "<%s '%s'>", flag ? "flag" : "enum", t->name);
	return NO_ERR;
}

enum { MEMBER = KIND_CONTAINER | KIND_BY_PYTHON | KIND_UNGUARDED };

static const struct kind enum_of_dataclass = { "enum", render_enum_of_dataclass, MEMBER, NULL };

const struct kind *kind_of_enum(struct heap *h, const struct py_type *t)
{
	static const struct {
		const char *module, *qualname;
		struct kind kind;
	} forms[] = {
		{ "enum", "Enum.__repr__", { "enum", render_enum, MEMBER, NULL } },
		{ "enum", "Flag.__repr__", { "flag", render_flag, MEMBER, NULL } },
		{ "enum", "global_enum_repr", { "enum", render_global, MEMBER, NULL } },
		{ "enum", "global_flag_repr", { "flag", render_global, MEMBER, NULL } },
		{ "re", "RegexFlag.__repr__", { "flag", render_regex_flag, MEMBER, NULL } },
		{ "http", "HTTPMethod.__repr__", { "enum", render_http_method, MEMBER, NULL } },
		{ "enum", "EnumMeta.__repr__", { "type", render_enum_class, 0, NULL } },
		{ "enum", "EnumType.__repr__", { "type", render_enum_class, 0, NULL } },
	};
	uint64_t repr;
	struct function f;
	if (!t->repr_by->by_python || !type_find(h, t->repr_by, "__repr__", &repr) ||
		!function_read(h, repr, &f) || !f.module || !f.qualname)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (strcmp(f.module, forms[i].module) != 0 ||
			strcmp(f.qualname, forms[i].qualname) != 0)
			continue;
		bool of_dataclass = forms[i].kind.render == render_enum &&
				    type_find(h, t, "_value_repr_", &repr) &&
				    function_read(h, repr, &f) && f.name &&
				    !strcmp(f.name, "_dataclass_repr");
		return of_dataclass ? &enum_of_dataclass : &forms[i].kind;
	}
	return NULL;
}
