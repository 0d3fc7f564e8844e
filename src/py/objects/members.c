/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members that a type of C describes by name and place (struct PyMemberDef,
 * Include/structmember.h). Its dict has a descriptor for each of them, with the name as a string
 * object. Static types of the interpreter keep no dict of their own since 3.12; their tp_members is
 * a C array.
 */
#include "objects.h"

#include <stdlib.h>
#include <string.h>

enum { MEMBER_OBJECT = 6, MEMBER_OBJECT_EX = 16 }; /* T_OBJECT, T_OBJECT_EX */

/* The place that a PyMemberDef describes, if that is a reference to an object inside of the type's
 * instances. */
static bool read_member(
	struct heap *h, const struct py_type *t, uint64_t member, uint64_t *ret_offset)
{
	enum { ITEMS_MAX = 4096 }; /* struct sequences have items behind tp_basicsize */
	uint64_t kind, offset;
	if (failed(py_field(h->rt, member, FIELD_memberdef_type, &kind)) ||
		failed(py_field(h->rt, member, FIELD_memberdef_offset, &offset)))
		return false;
	uint64_t room = t->basicsize + (t->itemsize ? ITEMS_MAX * t->itemsize : 0);
	if ((kind != MEMBER_OBJECT && kind != MEMBER_OBJECT_EX) ||
		offset + h->rt->layout.key.ptr_size > room || offset > room ||
		offset % h->rt->layout.key.ptr_size)
		return false;
	*ret_offset = offset;
	return true;
}

/* The PyMemberDef behind a member descriptor; 0: it is none. */
static uint64_t member_of(struct heap *h, uint64_t descriptor)
{
	uint64_t type, member;
	const struct py_type *t;
	if (failed(py_field(h->rt, descriptor, FIELD_object_type, &type)) ||
		failed(type_at(h, type, &t)) || strcmp(t->full, "member_descriptor") != 0 ||
		failed(py_field(h->rt, descriptor, FIELD_member_descr_member, &member)))
		return 0;
	return member;
}

static size_t members_of_dict(
	struct heap *h, const struct py_type *t, struct member list[MEMBERS_MAX])
{
	struct dict d;
	uint64_t key, value;
	size_t n = 0;
	if (!t->dict || failed(dict_open(h, t->dict, &d)))
		return 0;
	while (n < MEMBERS_MAX && dict_next(&d, &key, &value)) {
		uint64_t member = member_of(h, value), offset;
		if (member && read_member(h, t, member, &offset))
			list[n++] = (struct member){ .offset = offset, .name = key };
	}
	return n;
}

/* The array ends with a NULL name. How large one entry is no field says: `name` comes first, and
 * the documentation string last, behind int flags. */
static uint64_t array_step(const struct layout *l)
{
	uint64_t word = l->key.ptr_size;
	uint64_t flags = l->field[FIELD_memberdef_offset].offset + word;
	return (flags + 4 + word - 1) / word * word + word;
}

static size_t members_of_array(
	struct heap *h, const struct py_type *t, struct member list[MEMBERS_MAX])
{
	uint64_t at, name, offset, step = array_step(&h->rt->layout);
	size_t n = 0;
	if (!layout_has(&h->rt->layout, FIELD_type_members) ||
		failed(py_field(h->rt, t->addr, FIELD_type_members, &at)) || !at)
		return 0;
	for (size_t i = 0; i < MEMBERS_MAX; i++, at += step) {
		if (failed(py_field(h->rt, at, FIELD_memberdef_name, &name)) || !name)
			break;
		if (read_member(h, t, at, &offset))
			list[n++] = (struct member){
				.offset = offset, .name = name, .is_c_string = true
			};
	}
	return n;
}

static int by_offset(const void *a, const void *b)
{
	uint64_t x = ((const struct member *)a)->offset, y = ((const struct member *)b)->offset;
	return x < y ? -1 : x > y;
}

size_t type_members(struct heap *h, const struct py_type *t, struct member list[MEMBERS_MAX])
{
	size_t n = members_of_dict(h, t, list);
	if (!n)
		n = members_of_array(h, t, list);
	qsort(list, n, sizeof(*list), by_offset);
	return n;
}

bool member_find(const struct py_object *o, const char *name, uint64_t *ret)
{
	uint64_t descriptor, offset, value;
	if (!type_find(o->h, o->type, name, &descriptor))
		return false;
	uint64_t member = member_of(o->h, descriptor);
	if (!member || !read_member(o->h, o->type, member, &offset) ||
		failed(mem_ptr(o->h->rt->mem, o->addr + offset, &value)) || !value)
		return false;
	*ret = value;
	return true;
}
