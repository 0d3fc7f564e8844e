/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes whose __repr__ was not written for them alone: what it shows is in the class.
 *
 * dataclasses (Lib/dataclasses.py): __repr__ is generated as source and compiled, so its code has
 * the file name "<string>", and wrapped against recursion by dataclasses or (3.13 on) reprlib; the
 * latter does so for anybody, but there the code also knows that __create_fn__() made it. A class
 * that has one lists its fields in __dataclass_fields__ {name: Field}; written are those whose
 * `repr` is true and whose `_field_type` is named "_FIELD" (others are class variables or arguments
 * of __init__ only).
 *
 * Named tuples (collections.namedtuple, typing.NamedTuple): `_fields`; __repr__ is a function of
 * `collections`, to 3.6 of a module made up for each, "namedtuple_NAME".
 *
 * Struct sequences (Objects/structseq.c): tuples of C with more members than items. repr() pairs
 * the items with the first named members.
 */
#include "repr.h"

#include "pycore/limits.h"

#include <string.h>

static const char *text_at(struct heap *h, uint64_t str)
{
	struct py_text text;
	str_text_of(h, str, &text);
	return text.bytes;
}

static const char *text_in(struct heap *h, uint64_t dict, const char *name)
{
	uint64_t str;
	return dict_find(h, dict, name, &str) ? text_at(h, str) : NULL;
}

static const char *text_field(const struct py_object *o, enum field f)
{
	uint64_t str;
	return failed(object_get(o, f, &str)) ? NULL : text_at(o->h, str);
}

static const char *text_of_code(const struct py_object *function, enum field f)
{
	uint64_t code, str;
	if (!layout_has(&function->h->rt->layout, f) ||
		failed(object_get(function, FIELD_function_code, &code)) ||
		failed(py_field(function->h->rt, code, f, &str)))
		return NULL;
	return text_at(function->h, str);
}

bool function_read(struct heap *h, uint64_t addr, struct function *ret)
{
	struct py_object o;
	uint64_t globals, dict;
	if (failed(object_open(h, addr, &o)) || strcmp(o.type->full, "function") != 0)
		return false;
	*ret = (struct function){ .name = text_field(&o, FIELD_function_name) };
	if (!failed(object_get(&o, FIELD_function_globals, &globals)))
		ret->module = text_in(h, globals, "__name__");
	ret->qualname = text_field(&o, FIELD_function_qualname);
	if (!ret->qualname)
		ret->qualname = ret->name;
	ret->file = text_of_code(&o, FIELD_code_filename);
	ret->made_as = text_of_code(&o, FIELD_code_qualname);
	if (!failed(object_get(&o, FIELD_function_dict, &dict)) && dict &&
		!dict_find(h, dict, "__wrapped__", &ret->wrapped))
		ret->wrapped = 0;
	return true;
}

static bool text_is(const char *text, const char *literal)
{
	return text && !strcmp(text, literal);
}

/* Fields while they are collected; no class has names of more than NAMES_BYTES_MAX bytes. */
enum { NAMES_BYTES_MAX = 1 << 20 };

struct collected {
	struct class_field *list;
	size_t n, cap, bytes;
};

static void collected_fini(struct collected *c)
{
	free(c->list);
}

static void collect(struct heap *h, struct collected *c, uint64_t name)
{
	c->list = xgrow(c->list, &c->cap, c->n, sizeof(*c->list));
	c->list[c->n].name = name;
	str_text_of(h, name, &c->list[c->n].text);
	c->bytes += c->list[c->n++].text.len;
}

static bool is_too_much(const struct collected *c)
{
	return c->n >= CLASS_FIELDS_MAX || c->bytes > NAMES_BYTES_MAX;
}

static const struct class_fields *keep(struct heap *h, const struct collected *c)
{
	size_t bytes = c->n * sizeof(*c->list);
	struct class_fields *f = arena_alloc(&h->p->arena, sizeof(*f) + bytes);
	f->n = c->n;
	if (c->n)
		memcpy(f->list, c->list, bytes);
	return f;
}

/* The dataclass decorator made the __repr__ of this class. */
static bool is_generated(struct heap *h, const struct py_type *t)
{
	uint64_t repr;
	struct function wrapper, inner;
	if (!dict_find(h, t->dict, "__repr__", &repr) || !function_read(h, repr, &wrapper) ||
		!wrapper.wrapped || !function_read(h, wrapper.wrapped, &inner))
		return false;
	bool generated = inner.made_as && text_starts(inner.made_as, "__create_fn__.");
	return (text_is(wrapper.module, "dataclasses") ||
		       (text_is(wrapper.module, "reprlib") && generated)) &&
	       text_is(inner.file, "<string>") && text_is(inner.name, "__repr__");
}

/* False: that is no field. */
static bool read_field(struct heap *h, uint64_t field, bool *ret_shown)
{
	uint64_t shown, kind, name;
	int64_t flag;
	if (!attribute_of(h, field, "repr", &shown) || failed(int_value_at(h, shown, &flag)) ||
		!attribute_of(h, field, "_field_type", &kind) ||
		!attribute_of(h, kind, "name", &name))
		return false;
	*ret_shown = flag && str_is(h, name, "_FIELD");
	return true;
}

const struct class_fields *dataclass_fields(struct heap *h, const struct py_type *t)
{
	struct dict d;
	uint64_t fields, name, field;
	bool shown;
	CLEANUP(collected_fini) struct collected c = { 0 };
	const struct py_type *by = t->repr_by;
	if (!by || !by->by_python || !by->dict ||
		!dict_find(h, by->dict, "__dataclass_fields__", &fields) || !is_generated(h, by) ||
		failed(dict_open(h, fields, &d)))
		return NULL;
	while (dict_next(&d, &name, &field)) {
		if (is_too_much(&c) || !read_field(h, field, &shown))
			return NULL;
		if (shown)
			collect(h, &c, name);
	}
	return failed(d.why) ? NULL : keep(h, &c);
}

const struct class_fields *namedtuple_fields(struct heap *h, const struct py_type *t)
{
	struct py_object tuple;
	struct sequence s;
	struct function f;
	uint64_t repr, fields, name;
	CLEANUP(collected_fini) struct collected c = { 0 };
	const struct py_type *by = t->repr_by;
	if (!by || !by->by_python || !by->dict || !(t->flags & TYPE_TUPLE) ||
		!dict_find(h, by->dict, "__repr__", &repr) || !function_read(h, repr, &f) ||
		!text_is(f.name, "__repr__") || !f.module ||
		(strcmp(f.module, "collections") != 0 && !text_starts(f.module, "namedtuple_")))
		return NULL;
	if (!dict_find(h, by->dict, "_fields", &fields) || failed(object_open(h, fields, &tuple)) ||
		failed(sequence_open(&tuple, &s)))
		return NULL;
	for (uint64_t i = 0; i < s.length; i++) {
		if (is_too_much(&c) || failed(sequence_item(&s, i, &name)))
			return NULL;
		collect(h, &c, name);
	}
	return keep(h, &c);
}

/* Those of the interpreter itself have no dict that would tell, since 3.12. */
static bool is_structseq(struct heap *h, const struct py_type *t)
{
	static const char *const of_sys[] = { "sys.flags", "sys.version_info", "sys.float_info",
		"sys.hash_info", "sys.int_info", "sys.thread_info", "sys.asyncgen_hooks",
		"asyncgen_hooks", "UnraisableHookArgs", "sys.UnraisableHookArgs" };
	uint64_t n;
	if (t->by_python)
		return false;
	if (t->dict)
		return dict_find(h, t->dict, "n_sequence_fields", &n);
	for (size_t i = 0; i < ARRAY_LEN(of_sys); i++) {
		if (!strcmp(t->full, of_sys[i]))
			return true;
	}
	return false;
}

const struct class_fields *structseq_fields(struct heap *h, const struct py_type *t)
{
	struct member members[MEMBERS_MAX];
	char name[256];
	CLEANUP(collected_fini) struct collected c = { 0 };
	if (!is_structseq(h, t))
		return NULL;
	size_t n = type_members(h, t, members);
	for (size_t i = 0; i < n; i++) {
		if (is_too_much(&c))
			return NULL;
		if (!members[i].is_c_string) {
			collect(h, &c, members[i].name);
			continue;
		}
		if (failed(mem_cstr(h->rt->mem, members[i].name, name, sizeof(name), NULL)))
			return NULL;
		c.list = xgrow(c.list, &c.cap, c.n, sizeof(*c.list));
		size_t len = strlen(name);
		c.list[c.n++] = (struct class_field){
			.text = { .bytes = arena_copy(&h->p->arena, name, len), .len = len },
		};
	}
	return n ? keep(h, &c) : NULL;
}
