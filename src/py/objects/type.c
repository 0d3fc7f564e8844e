/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Type objects (Include/cpython/object.h, struct _typeobject). A type is known by its own type
 * being one: that has the flag of a type subclass. Static types have their whole name in tp_name;
 * those that a class statement made keep the module in their dict (`__module__`) and the name in
 * the heap type's ht_name and ht_qualname.
 */
#include "repr.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { TYPE_HEAD_MAX = 1024, TYPE_NAME_MAX = 512, BASIC_SIZE_MAX = 1 << 24 };

static struct err check_metatype(struct heap *h, uint64_t addr, uint64_t metatype)
{
	uint64_t flags, base, of_base;
	if (metatype == addr) { /* only `type` is its own type; and it is that of `object` */
		TRY(py_field(h->rt, addr, FIELD_type_base, &base));
		TRY(py_field(h->rt, base, FIELD_object_type, &of_base));
		if (of_base != addr)
			return err_at(ERR_CORRUPT, addr, "type");
	}
	if (!metatype || metatype % h->rt->layout.key.ptr_size)
		return err_at(ERR_CORRUPT, addr, "type");
	TRY(py_field(h->rt, metatype, FIELD_type_flags, &flags));
	return flags & TYPE_TYPE ? NO_ERR : err_at(ERR_CORRUPT, addr, "type");
}

/* The text of a string object as a C string of the arena; NULL if it cannot be read. */
static const char *text_at(struct heap *h, uint64_t str)
{
	struct py_text text;
	str_text_of(h, str, &text);
	return text.bytes;
}

static const char *copy(struct heap *h, const char *text)
{
	return arena_copy(&h->p->arena, text, strlen(text));
}

static void name_static(struct heap *h, struct py_type *t, const char *tp_name)
{
	const char *dot = strrchr(tp_name, '.');
	t->full = copy(h, tp_name);
	t->name = t->qualname = dot ? t->full + (dot + 1 - tp_name) : t->full;
	t->module = dot ? arena_copy(&h->p->arena, tp_name, (size_t)(dot - tp_name)) : "builtins";
}

static void name_by_python(struct heap *h, struct py_type *t, const char *tp_name)
{
	uint64_t name;
	const char *module = NULL, *qualname = NULL;
	if (t->dict && dict_find(h, t->dict, "__module__", &name))
		module = text_at(h, name);
	if (!failed(py_field(h->rt, t->addr, FIELD_heaptype_qualname, &name)))
		qualname = text_at(h, name);
	t->name = copy(h, tp_name);
	t->qualname = qualname ? qualname : t->name;
	t->module = module ? module : "";
	AUTO_STR(full);
	bool builtin = !strcmp(t->module, "builtins") || !strcmp(t->module, "__builtin__");
	if (*t->module && !builtin)
		str_addf(&full, "%s.", t->module);
	str_puts(&full, t->qualname);
	t->full = copy(h, str_text(&full));
}

/* A heap type's own name, which C gives it too; NULL: it is none, or cannot be read. */
static const char *heap_name(struct heap *h, const struct py_type *t, uint64_t *ret_name)
{
	if (!(t->flags & TYPE_HEAP) ||
		failed(py_field(h->rt, t->addr, FIELD_heaptype_name, ret_name)))
		return NULL;
	return text_at(h, *ret_name);
}

/* What a C programmer would call a type. */
static bool is_c_name(const char *name)
{
	size_t n = 0;
	while (isalnum((uint8_t)name[n]) || (name[n] && strchr("_.- ", name[n])))
		n++;
	return n && !name[n];
}

/* What C makes on the heap has its module in tp_name too, so that is not the type's own name. */
static void name_type(struct heap *h, struct py_type *t)
{
	char tp_name[TYPE_NAME_MAX];
	bool has_name = !failed(py_type_name(h->rt, t->addr, tp_name, sizeof(tp_name))) &&
			(t->flags & TYPE_HEAP ? *tp_name : is_c_name(tp_name));
	uint64_t name = 0;
	const char *own = heap_name(h, t, &name);
	t->by_python = has_name && own && (!strcmp(own, tp_name) || str_is(h, name, tp_name));
	if (t->by_python || !has_name) {
		const char *known = own ? own : type_static_name(h, t->addr);
		snprintf(tp_name, sizeof(tp_name), "%s", known ? known : "?");
	}
	if (own && (t->by_python || !has_name))
		name_by_python(h, t, tp_name);
	else
		name_static(h, t, tp_name);
}

static struct err read_head(struct heap *h, struct py_type *t, uint64_t *ret_base)
{
	static const enum field fields[] = { FIELD_object_type, FIELD_type_name,
		FIELD_type_basicsize, FIELD_type_itemsize, FIELD_type_flags, FIELD_type_repr,
		FIELD_type_base, FIELD_type_dict, FIELD_type_dictoffset };
	const struct layout *l = &h->rt->layout;
	uint8_t bytes[TYPE_HEAD_MAX];
	size_t span = py_span(l, fields, ARRAY_LEN(fields));
	if (!t->addr || t->addr % l->key.ptr_size || span > sizeof(bytes))
		return err_at(ERR_CORRUPT, t->addr, "type");
	TRY(mem_read(h->rt->mem, t->addr, bytes, span));
	uint64_t metatype, offset;
	TRY(layout_get(l, FIELD_object_type, bytes, span, &metatype));
	TRY(check_metatype(h, t->addr, metatype));
	TRY(layout_get(l, FIELD_type_basicsize, bytes, span, &t->basicsize));
	TRY(layout_get(l, FIELD_type_itemsize, bytes, span, &t->itemsize));
	TRY(layout_get(l, FIELD_type_flags, bytes, span, &t->flags));
	TRY(layout_get(l, FIELD_type_repr, bytes, span, &t->repr));
	TRY(layout_get(l, FIELD_type_dict, bytes, span, &t->dict));
	TRY(layout_get(l, FIELD_type_base, bytes, span, ret_base));
	TRY(layout_get(l, FIELD_type_dictoffset, bytes, span, &offset));
	unsigned spare = 64 - 8 * l->field[FIELD_type_dictoffset].size;
	t->dictoffset = (int64_t)(offset << spare) >> spare;
	if (t->basicsize > BASIC_SIZE_MAX || t->itemsize > BASIC_SIZE_MAX)
		return err_at(ERR_CORRUPT, t->addr, "type");
	return NO_ERR;
}

/* Whether a class defines __repr__ itself. */
static bool defines_repr(struct heap *h, const struct py_type *t)
{
	uint64_t value;
	if (t->base && t->repr == t->base->repr && !t->base->by_python)
		return false;
	return !t->by_python || (t->dict && dict_find(h, t->dict, "__repr__", &value));
}

static void settle(struct heap *h, struct py_type *t)
{
	const struct py_type *mro[MRO_MAX];
	t->own = kind_find(t->full, t->by_python);
	size_t n = type_mro(h, t, mro, MRO_MAX);
	for (size_t i = 0; i < n; i++) {
		if (!t->repr_by && defines_repr(h, mro[i]))
			t->repr_by = mro[i];
		if (!t->shape && mro[i]->own && mro[i]->own->flags & KIND_SHAPE)
			t->shape = mro[i];
	}
}

/* A class is the first in its own mro; one that was never made ready has none. */
static struct err check_mro(struct heap *h, const struct py_type *t)
{
	uint64_t mro, first;
	TRY(py_field(h->rt, t->addr, FIELD_type_mro, &mro));
	if (!mro)
		return NO_ERR;
	uint64_t at = mro + h->rt->layout.field[FIELD_tuple_items].offset;
	struct err e = mem_ptr(h->rt->mem, at, &first);
	if (failed(e))
		return e.code == ERR_TRUNCATED ? NO_ERR : e;
	return first == t->addr ? NO_ERR : err_at(ERR_CORRUPT, t->addr, "type");
}

static struct err read_type(struct heap *h, struct py_type *t)
{
	uint64_t base;
	TRY(read_head(h, t, &base));
	TRY(check_mro(h, t));
	name_type(h, t);
	if (base && failed(type_at(h, base, &t->base)))
		t->base = NULL;
	return NO_ERR;
}

struct err type_at(struct heap *h, uint64_t addr, const struct py_type **ret)
{
	uint64_t known;
	if (hash_get(&h->types, addr, &known)) {
		if (known == ERR_TRUNCATED || known == ERR_NOT_SAVED)
			return err_at((enum err_code)known, addr, "type");
		if (!known)
			return err_at(ERR_CORRUPT, addr, "type");
		*ret = (const struct py_type *)(uintptr_t)known;
		return NO_ERR;
	}
	/* while it is being read, it is none: bases that lead back to it are corrupt */
	hash_put(&h->types, addr, 0);
	struct py_type *t = arena_alloc(&h->p->arena, sizeof(*t));
	t->addr = addr;
	struct err e = read_type(h, t);
	if (e.code == ERR_TRUNCATED || e.code == ERR_NOT_SAVED)
		hash_put(&h->types, addr, e.code); /* lower than any address */
	TRY(e);
	hash_put(&h->types, addr, (uintptr_t)t);
	settle(h, t);
	*ret = t;
	return NO_ERR;
}

/* To a class statement's own name too, if the layout is at hand; the bases instead where there is
 * no mro yet. */
size_t type_mro(struct heap *h, const struct py_type *t, const struct py_type **list, size_t max)
{
	const struct layout *l = &h->rt->layout;
	uint64_t mro, size, item;
	size_t n = 0;
	list[n++] = t;
	if (failed(py_field(h->rt, t->addr, FIELD_type_mro, &mro)) || !mro ||
		failed(py_field(h->rt, mro, FIELD_varobject_size, &size))) {
		for (const struct py_type *b = t->base; b && n < max; b = b->base)
			list[n++] = b;
		return n;
	}
	for (uint64_t i = 0; i < size && n < max; i++) {
		uint64_t at = mro + l->field[FIELD_tuple_items].offset + i * l->key.ptr_size;
		if (failed(mem_ptr(h->rt->mem, at, &item)))
			break;
		if (item != t->addr && !failed(type_at(h, item, &list[n])))
			n++;
	}
	return n;
}

const char *type_shown_name(const struct py_type *t)
{
	bool own = t->repr_by && t->row && t->row == t->repr_by->own;
	return type_raw_name(own || !t->shape ? t : t->shape);
}

bool type_is_known(const struct py_type *t)
{
	return strcmp(t->full, "?") != 0;
}

bool type_is(const struct py_type *t, const char *full)
{
	for (; t; t = t->base) {
		if (!strcmp(t->full, full))
			return true;
	}
	return false;
}

bool type_inherits(struct heap *h, const struct py_type *t, const char *full)
{
	const struct py_type *mro[MRO_MAX];
	size_t n = type_mro(h, t, mro, MRO_MAX);
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(mro[i]->full, full))
			return true;
	}
	return false;
}

bool type_find(struct heap *h, const struct py_type *t, const char *name, uint64_t *ret)
{
	const struct py_type *mro[MRO_MAX];
	size_t n = type_mro(h, t, mro, MRO_MAX);
	for (size_t i = 0; i < n; i++) {
		if (mro[i]->dict && dict_find(h, mro[i]->dict, name, ret))
			return true;
	}
	return false;
}
