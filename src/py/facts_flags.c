/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys.flags: laid out as a tuple, with a type that names the fields, other ones in every version
 * (Objects/structseq.c). For each field the type has a member: a C struct with the name and the
 * offset of the field in the object. Descriptors in the type's dict lead to them, with the names as
 * string objects; where the dict is elsewhere, tp_members does, with the names in the binary. Each
 * member has to prove itself by an offset at which the tuple has an item.
 */
#include "facts.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	MEMBER_OBJECT = 6, /* T_OBJECT, T_OBJECT_EX (Include/structmember.h) */
	MEMBER_OBJECT_EX = 16,
	MEMBER_WORDS = 5, /* name, type, offset, flags, doc, each a word of its own */
	MEMBERS_BEFORE_BASE = 2, /* tp_members, tp_getset, tp_base are one behind the other */
	FLAG_NAME_MAX = 64,
};

struct flag_slots {
	uint64_t object; /* address of the tuple */
	uint64_t items; /* offset of its items */
	struct flag_slot {
		bool named;
		struct py_text name;
	} slots[FACT_FLAGS_MAX]; /* by index of the item */
};

/* The index of the item that a member describes; false: it describes none. */
static bool member_index(
	const struct fact_reader *r, const struct flag_slots *f, uint64_t member, size_t *ret)
{
	const struct py_runtime *rt = r->h->rt;
	unsigned word = rt->layout.key.ptr_size;
	uint64_t kind, offset;
	if (failed(py_field(rt, member, FIELD_memberdef_type, &kind)) ||
		failed(py_field(rt, member, FIELD_memberdef_offset, &offset)) ||
		(kind != MEMBER_OBJECT && kind != MEMBER_OBJECT_EX) || offset < f->items ||
		(offset - f->items) % word || (offset - f->items) / word >= FACT_FLAGS_MAX)
		return false;
	*ret = (size_t)((offset - f->items) / word);
	return !f->slots[*ret].named;
}

/* By the descriptors in the type's dict. */
static void name_by_dict(struct fact_reader *r, const struct py_type *t, struct flag_slots *f)
{
	struct dict d;
	uint64_t key, value, type, member;
	const struct py_type *of;
	size_t i;
	if (!t->dict || failed(dict_open(r->h, t->dict, &d)))
		return;
	while (fact_step(r) && dict_next(&d, &key, &value)) {
		if (failed(py_field(r->h->rt, value, FIELD_object_type, &type)) ||
			failed(type_at(r->h, type, &of)) ||
			strcmp(of->full, "member_descriptor") != 0 ||
			failed(py_field(r->h->rt, value, FIELD_member_descr_member, &member)) ||
			!member_index(r, f, member, &i))
			continue;
		f->slots[i].named = fact_text(r, key, &f->slots[i].name) && f->slots[i].name.bytes;
	}
}

static bool is_identifier(const char *text)
{
	for (const char *at = text; *at; at++) {
		if (!isalnum((unsigned char)*at) && *at != '_')
			return false;
	}
	return *text && !isdigit((unsigned char)*text);
}

/* By tp_members, an array that ends with a member without a name. */
static void name_by_members(struct fact_reader *r, const struct py_type *t, struct flag_slots *f)
{
	const struct py_runtime *rt = r->h->rt;
	unsigned word = rt->layout.key.ptr_size;
	uint64_t place = t->addr + rt->layout.field[FIELD_type_base].offset -
			 (uint64_t)MEMBERS_BEFORE_BASE * word;
	uint64_t member, name;
	char text[FLAG_NAME_MAX];
	bool cut;
	size_t i;
	if (!layout_has(&rt->layout, FIELD_type_base) || failed(mem_ptr(rt->mem, place, &member)))
		return;
	for (size_t n = 0; n < FACT_FLAGS_MAX; n++, member += (uint64_t)MEMBER_WORDS * word) {
		if (!member_index(r, f, member, &i) ||
			failed(py_field(rt, member, FIELD_memberdef_name, &name)) ||
			failed(mem_cstr(rt->mem, name, text, sizeof(text), &cut)) || cut ||
			!is_identifier(text))
			return;
		size_t len = strlen(text);
		f->slots[i].name.bytes = arena_copy(&r->h->p->arena, text, len);
		f->slots[i].name.len = len;
		f->slots[i].named = true;
	}
}

static struct err read_flag(
	struct fact_reader *r, const struct flag_slots *f, size_t i, struct py_flag *ret)
{
	const struct py_runtime *rt = r->h->rt;
	struct py_object o;
	uint64_t addr;
	TRY(mem_ptr(rt->mem, f->object + f->items + i * rt->layout.key.ptr_size, &addr));
	TRY(object_open(r->h, addr, &o));
	TRY(int_value(&o, &ret->value));
	ret->is_bool = type_is(o.type, "bool");
	ret->name = f->slots[i].name;
	return NO_ERR;
}

/* True if there is no visible item without a name: what is not whole is not shown. */
static bool all_named(const struct flag_slots *f, int64_t visible)
{
	for (int64_t i = 0; i < visible; i++) {
		if (i >= FACT_FLAGS_MAX || !f->slots[i].named)
			return false;
	}
	return visible > 0;
}

static struct err read_flags(struct fact_reader *r, uint64_t addr, struct flag_slots *f)
{
	struct py_flags *flags = &r->facts->flags;
	struct py_object o;
	int64_t visible;
	uint64_t items;
	TRY(object_open(r->h, addr, &o));
	TRY(object_get_int(&o, FIELD_varobject_size, &visible));
	TRY(object_inside(&o, FIELD_tuple_items, &items));
	*f = (struct flag_slots){ .object = addr, .items = items - addr };
	name_by_dict(r, o.type, f);
	if (!all_named(f, visible))
		name_by_members(r, o.type, f);
	flags->nameless = !all_named(f, visible);
	if (flags->nameless)
		return NO_ERR;
	flags->list = arena_alloc(&r->h->p->arena, FACT_FLAGS_MAX * sizeof(*flags->list));
	for (size_t i = 0; i < FACT_FLAGS_MAX; i++) {
		if (!f->slots[i].named)
			continue;
		struct err e = read_flag(r, f, i, &flags->list[flags->len]);
		if (!failed(e))
			flags->len++;
		else if ((int64_t)i < visible)
			return e;
	}
	return NO_ERR;
}

void fact_read_flags(struct fact_reader *r, uint64_t addr)
{
	AUTO_FREE struct flag_slots *f = xcalloc(1, sizeof(*f));
	r->facts->flags.why = read_flags(r, addr, f);
}
