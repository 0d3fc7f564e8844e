/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes that look alike whatever they are called: dataclasses, named tuples, struct sequences of
 * C. (Members of enums: kinds_enums.c.)
 */
#include "repr.h"

#include <string.h>

/* D(a=1, b='x'): the fields from its class, in order, by the qualified name of the instance's. */
static struct err render_dataclass(struct repr *r, const struct py_object *o)
{
	const struct class_fields *f = o->type->fields;
	uint64_t value;
	for (size_t i = 0; i < f->n; i++) { /* without one of them, repr() itself would fail */
		if (!attribute_named(o, f->list[i].name, &value))
			return render_object(r, o);
	}
	repr_put(r, o->type->qualname);
	struct items it = items_begin(r, "(", ")", f->n);
	for (size_t i = 0; items_more(&it); i++) {
		repr_text(r, &f->list[i].text);
		repr_put(r, "=");
		if (attribute_named(o, f->list[i].name, &value))
			repr_value(r, value);
	}
	items_end(&it);
	return NO_ERR;
}

static void put_fields(struct repr *r, const struct class_fields *f, uint64_t items, uint64_t n)
{
	unsigned word = r->h->rt->layout.key.ptr_size;
	struct items it = items_begin(r, "(", ")", n);
	for (uint64_t i = 0, value; items_more(&it); i++) {
		struct err e = mem_ptr(r->h->rt->mem, items + i * word, &value);
		if (failed(e)) {
			repr_damage(r, e);
			break;
		}
		repr_text(r, &f->list[i].text);
		repr_put(r, "=");
		repr_value(r, value);
	}
	items_end(&it);
}

static struct err render_namedtuple(struct repr *r, const struct py_object *o)
{
	const struct class_fields *f = o->type->fields;
	bool plain = r->h->rt->layout.row->repr & REPR_LIBRARY_PLAIN;
	struct sequence s;
	TRY(sequence_open(o, &s));
	if (s.length != f->n)
		return render_object(r, o);
	repr_put(r, plain ? o->type->repr_by->name : o->type->name);
	put_fields(r, f, s.items, s.length);
	return NO_ERR;
}

/* No tuple in 2.7, but laid out like one. */
static struct err render_structseq(struct repr *r, const struct py_object *o)
{
	const struct class_fields *f = o->type->fields;
	uint64_t items;
	int64_t n;
	TRY(object_get_int(o, FIELD_varobject_size, &n));
	if (n < 0 || (uint64_t)n > f->n)
		return err_at(ERR_CORRUPT, o->addr, "struct sequence");
	items = o->addr + r->h->rt->layout.field[FIELD_tuple_items].offset;
	repr_put(r, o->type->full);
	put_fields(r, f, items, (uint64_t)n);
	return NO_ERR;
}

static const struct kind dataclass_kind = { "dataclass", render_dataclass,
	KIND_CONTAINER | KIND_BY_PYTHON, "..." };
static const struct kind namedtuple_kind = { "namedtuple", render_namedtuple,
	KIND_CONTAINER | KIND_BY_PYTHON | KIND_UNGUARDED, NULL };
static const struct kind structseq_kind = { "structseq", render_structseq,
	KIND_CONTAINER | KIND_UNGUARDED, NULL };

const struct kind *kind_of_class(struct heap *h, const struct py_type *t)
{
	if (!type_is_known(t))
		return NULL;
	static const struct {
		const struct class_fields *(*read)(struct heap *, const struct py_type *);
		const struct kind *kind;
	} forms[] = {
		{ dataclass_fields, &dataclass_kind },
		{ namedtuple_fields, &namedtuple_kind },
		{ structseq_fields, &structseq_kind },
	};
	struct py_type *own = (struct py_type *)(uintptr_t)t; /* its own cache */
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		own->fields = forms[i].read(h, t);
		if (own->fields)
			return forms[i].kind;
	}
	return kind_of_enum(h, t);
}
