/* SPDX-License-Identifier: Apache-2.0 */
/* How one kind of object tells its size: what sizes.c, which chooses, and the kinds share. */
#pragma once

#include "objects.h"

#include "pycore/limits.h"
#include "pycore/sizes.h"

/* One object being measured. */
struct weighed {
	const struct py_measure *m;
	uint64_t addr;
	const uint8_t *bytes;
	size_t n, before;
	struct py_size *size; /* own and getsizeof are those of a plain object when a kind begins */
	bool damaged;
};

typedef void size_fn(struct weighed *w);

/* The range of memory that something was met in last. */
struct window {
	uint64_t start, n; /* 0: none yet */
	const uint8_t *bytes;
};

struct py_measure {
	struct heap *h;
	const struct py_type *type;
	uint64_t header; /* what sys.getsizeof() adds for what lies in front */
	uint64_t values; /* bytes of the values that an instance keeps beside itself (3.11, 3.12) */
	const struct size_kind *kind; /* NULL: a plain object */
	const struct size_kind *bodies; /* what it owns beside; NULL: nothing */
	struct window *keys; /* of dicts */
};

/* Where a type of an extension module keeps what it owns; offsets from the end of PyObject. */
struct buffer_place {
	uint16_t least, most; /* bytes behind PyObject that it has where these hold */
	uint16_t data, count; /* the address, and how many items of `width` bytes */
	uint16_t width;
	uint16_t shape, strides, dtype, flags; /* of arrays: `count` is that of dimensions */
	uint16_t block, block_size; /* one more block of that size, where there is one; 0: none */
};

/* A class whose objects are more than tp_basicsize and items. */
struct size_kind {
	const char *full; /* its name */
	size_fn *fn; /* corrects what holds for plain objects */
	bool no_count; /* it has items, but no ob_size that counts them */
	bool bodies; /* it has no __sizeof__ of its own: fn adds what the object owns all the same
		      */
	/* The row holds only where the layout has these (0: any does): the size of its struct,
	 * which then has to be tp_basicsize of the class; and another field. */
	enum field whole, needs;
	struct buffer_place at;
	bool (*knows)(const struct py_type *t); /* the type of an object; NULL: any */
	/* Most of them follow this rule: makes one of that for plain objects. NULL: they do not.
	 * False: not in this layout. */
	bool (*rule)(const struct py_measure *m, struct py_rule *r);
};
/* The row of a class by its name: one for __sizeof__, or one for bodies that nothing counts. */
const struct size_kind *size_kind(const struct py_type *t, bool bodies);
/* Whether it holds for that class in this build. */
bool size_kind_fits(const struct size_kind *kind, const struct layout *l, const struct py_type *t);
/* Their rows, each ended by one without a name. */
extern const struct size_kind size_kinds_library[], size_kinds_buffers[];

/* A field of a struct whose first n bytes are at hand; 0 and *damaged if it is beyond them, or
 * absent. As layout_get(), with the widths known to the compiler: it is called for every object of
 * a heap. */
__attribute__((always_inline)) static inline uint64_t weighed_field(
	const struct layout *l, enum field f, const uint8_t *bytes, size_t n, bool *damaged)
{
	const struct field_at *at = &l->field[f];
	const uint8_t *p = bytes + at->offset;
	uint64_t v = 0;
	if ((size_t)at->offset + at->size > n)
		*damaged = true;
	else if (at->size == 8)
		v = bytes_uint(p, 8, l->key.order);
	else if (at->size == 4)
		v = bytes_uint(p, 4, l->key.order);
	else if (at->size == 1)
		v = *p;
	else if (at->size == 2)
		v = bytes_uint(p, 2, l->key.order);
	else
		*damaged = true;
	return at->bits && at->bits < 64 ? v >> at->bit & ((UINT64_C(1) << at->bits) - 1) : v;
}

/* A field of the object. */
static inline uint64_t weighed_get(struct weighed *w, enum field f)
{
	return weighed_field(&w->m->h->rt->layout, f, w->bytes, w->n, &w->damaged);
}

/* n times size; 0 and damaged where that can be no size of anything in memory. */
static inline uint64_t weighed_product(struct weighed *w, uint64_t n, uint64_t size)
{
	uint64_t bytes;
	if (!(n >> OBJECT_ITEMS_BITS) && !(size >> OBJECT_ITEMS_BITS) &&
		!__builtin_mul_overflow(n, size, &bytes))
		return bytes;
	w->damaged = true;
	return 0;
}

static inline const struct layout *weighed_layout(const struct weighed *w)
{
	return &w->m->h->rt->layout;
}

/* Bytes of a pointer. */
static inline uint64_t weighed_word(const struct weighed *w)
{
	return weighed_layout(w)->key.ptr_size;
}

/* Items of an object of variable size: ob_size may be negative. */
static inline uint64_t weighed_items(struct weighed *w)
{
	unsigned spare = 64 - 8 * weighed_layout(w)->field[FIELD_varobject_size].size;
	int64_t n = (int64_t)(weighed_get(w, FIELD_varobject_size) << spare) >> spare;
	return n < 0 ? -(uint64_t)n : (uint64_t)n;
}

/* A body that __sizeof__ counts. */
static inline void weighed_body(struct weighed *w, uint64_t bytes)
{
	w->size->owned += bytes;
	w->size->getsizeof += bytes;
}

/* The number that a rule counts by; false: a layout in which it cannot be. */
bool rule_number(struct py_rule *r, const struct layout *l, enum field f);

/* sizes_dict.c */
size_fn weigh_dict, weigh_ordered_dict;
/* Bytes of a keys object of a dict, which other dicts may share; false: it could not be read. */
bool keys_weigh(const struct py_measure *m, uint64_t keys, uint64_t *ret, bool *ret_shared);
/* How many values go with keys that instances share. */
bool keys_values(const struct py_measure *m, uint64_t keys, uint64_t *ret);
