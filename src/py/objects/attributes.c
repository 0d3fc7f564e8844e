/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an instance holds by name: __slots__, which the classes of its mro describe by member
 * descriptors (Objects/descrobject.c), and its dict, which since 3.11 often is none: the values lie
 * beside the object, and the keys with its class (Objects/dictobject.c, Include/internal/
 * pycore_object.h). Base classes' slots come first, as they do in the object.
 */
#include "objects.h"

#include <string.h>

enum {
	MEMBER_OBJECT = 6, /* T_OBJECT, T_OBJECT_EX (Include/structmember.h) */
	MEMBER_OBJECT_EX = 16,
	WORD_DICT = 3, /* words in front of an object, counted from it */
	WORD_VALUES = 4,
};

/* Word n in front of the object. */
static struct err word_before(const struct py_object *o, unsigned n, uint64_t *ret)
{
	return mem_ptr(o->h->rt->mem, o->addr - (uint64_t)n * o->h->rt->layout.key.ptr_size, ret);
}

/* tp_dictoffset; a negative one counts from the end of an object of variable size. */
static uint64_t dict_by_offset(const struct py_object *o)
{
	const struct py_type *t = o->type;
	unsigned word = o->h->rt->layout.key.ptr_size;
	int64_t offset = t->dictoffset, size;
	uint64_t dict;
	struct digits d;
	if (offset < 0 && t->flags & TYPE_INT && !failed(digits_open(o, &d)))
		size = (int64_t)d.n;
	else if (offset < 0 && failed(object_get_int(o, FIELD_varobject_size, &size)))
		return 0;
	if (offset < 0) {
		uint64_t n = size < 0 ? -(uint64_t)size : (uint64_t)size;
		if (n >> 40)
			return 0;
		uint64_t end = (t->basicsize + n * t->itemsize + word - 1) / word * word;
		offset += (int64_t)end;
	}
	if (offset <= 0 || offset % word)
		return 0;
	return failed(mem_ptr(o->h->rt->mem, o->addr + (uint64_t)offset, &dict)) ? 0 : dict;
}

/* The two forms that a dict can have. */
struct managed {
	uint64_t dict; /* address of a dict object; 0: none */
	uint64_t values; /* address of the values; 0: none */
};

static struct err read_pair(const struct py_object *o, struct managed *ret)
{
	TRY(word_before(o, WORD_DICT, &ret->dict));
	return word_before(o, WORD_VALUES, &ret->values);
}

static struct err read_tagged(const struct py_object *o, struct managed *ret)
{
	uint64_t word;
	TRY(word_before(o, WORD_DICT, &word));
	if (word & 1)
		ret->values = word + 1;
	else
		ret->dict = word;
	return NO_ERR;
}

static struct err read_inline(const struct py_object *o, struct managed *ret)
{
	const struct py_runtime *rt = o->h->rt;
	bool no_gc_head = rt->layout.key.abi & ABI_FREE_THREADED;
	uint64_t valid, values = o->addr + o->type->basicsize;
	TRY(word_before(o, no_gc_head ? 1 : WORD_DICT, &ret->dict));
	if (ret->dict || !(o->type->flags & TYPE_INLINE_VALUES))
		return NO_ERR;
	TRY(py_field(rt, values, FIELD_values_valid, &valid));
	if (valid)
		ret->values = values;
	return NO_ERR;
}

static struct err read_managed(const struct py_object *o, struct managed *ret)
{
	*ret = (struct managed){ 0 };
	bool has = o->type->flags & TYPE_MANAGED_DICT;
	switch (o->h->rt->layout.row->attrs) {
	case ATTRS_DICTOFFSET:
		break;
	case ATTRS_MANAGED_PAIR:
		if (has)
			return read_pair(o, ret);
		break;
	case ATTRS_MANAGED_TAGGED:
		if (has)
			return read_tagged(o, ret);
		break;
	case ATTRS_INLINE:
		if (has)
			return read_inline(o, ret);
		break;
	}
	if (o->type->dictoffset)
		ret->dict = dict_by_offset(o);
	return NO_ERR;
}

uint64_t object_dict(const struct py_object *o)
{
	struct managed m;
	return failed(read_managed(o, &m)) ? 0 : m.dict;
}

/* The keys that instances of its class share. */
static struct err open_values(struct attributes *a, uint64_t values)
{
	uint64_t keys;
	TRY(py_field(a->h->rt, a->o->type->addr, FIELD_heaptype_cached_keys, &keys));
	return dict_open_split(a->h, keys, values, &a->dict);
}

static void open_dict(struct attributes *a)
{
	struct managed m;
	struct err e = read_managed(a->o, &m);
	if (!failed(e) && m.values)
		e = open_values(a, m.values);
	else if (!failed(e) && m.dict)
		e = dict_open(a->h, m.dict, &a->dict);
	a->has_dict = !failed(e) && (m.values || m.dict);
	if (failed(e))
		a->why = e;
}

void attributes_open(const struct py_object *o, struct attributes *ret)
{
	*ret = (struct attributes){ .h = o->h, .o = o };
	size_t n = type_mro(o->h, o->type, ret->classes, MRO_MAX);
	for (size_t i = 0; i < n; i++) { /* only classes made by Python can have __slots__ */
		if (ret->classes[i]->by_python && ret->classes[i]->dict)
			ret->classes[ret->n_classes++] = ret->classes[i];
	}
	open_dict(ret);
}

/* Where the type's name is lost, what it describes tells: a member of this very class. */
static bool is_member_descriptor(const struct attributes *a, uint64_t descriptor)
{
	const struct py_runtime *rt = a->h->rt;
	uint64_t type, of;
	const struct py_type *t;
	if (failed(py_field(rt, descriptor, FIELD_object_type, &type)) ||
		failed(type_at(a->h, type, &t)))
		return false;
	if (type_is_known(t))
		return !strcmp(t->full, "member_descriptor");
	return !failed(py_field(rt, descriptor, FIELD_descr_type, &of)) &&
	       of == a->classes[a->n_classes]->addr;
}

/* The value of a member descriptor for this object; 0: it is none, or holds nothing. */
static uint64_t slot_value(const struct attributes *a, uint64_t descriptor)
{
	const struct py_runtime *rt = a->h->rt;
	uint64_t member, kind, offset, value;
	if (!is_member_descriptor(a, descriptor))
		return 0;
	if (failed(py_field(rt, descriptor, FIELD_member_descr_member, &member)) ||
		failed(py_field(rt, member, FIELD_memberdef_type, &kind)) ||
		failed(py_field(rt, member, FIELD_memberdef_offset, &offset)))
		return 0;
	if ((kind != MEMBER_OBJECT && kind != MEMBER_OBJECT_EX) ||
		offset > a->o->type->basicsize - rt->layout.key.ptr_size)
		return 0;
	return failed(mem_ptr(rt->mem, a->o->addr + offset, &value)) ? 0 : value;
}

static bool next_slot(struct attributes *a, uint64_t *ret_name, uint64_t *ret_value)
{
	while (a->in_class || a->n_classes) {
		uint64_t name, descriptor;
		if (!a->in_class) {
			const struct py_type *t = a->classes[--a->n_classes];
			a->in_class = !failed(dict_open(a->h, t->dict, &a->slots));
			continue;
		}
		if (!dict_next(&a->slots, &name, &descriptor)) {
			a->in_class = false;
			continue;
		}
		uint64_t value = slot_value(a, descriptor);
		if (!value)
			continue;
		*ret_name = name;
		*ret_value = value;
		return true;
	}
	return false;
}

bool attributes_next(struct attributes *a, uint64_t *ret_name, uint64_t *ret_value)
{
	if (next_slot(a, ret_name, ret_value))
		return true;
	if (!a->has_dict)
		return false;
	if (dict_next(&a->dict, ret_name, ret_value))
		return true;
	a->why = a->dict.why;
	return false;
}

bool attribute_find(const struct py_object *o, const char *name, uint64_t *ret)
{
	struct attributes a;
	uint64_t key, value;
	attributes_open(o, &a);
	a.n_classes = 0; /* the dict first: it is what most have */
	while (a.has_dict && dict_next(&a.dict, &key, &value)) {
		if (str_is(o->h, key, name)) {
			*ret = value;
			return true;
		}
	}
	attributes_open(o, &a);
	while (next_slot(&a, &key, &value)) {
		if (str_is(o->h, key, name)) {
			*ret = value;
			return true;
		}
	}
	return false;
}
