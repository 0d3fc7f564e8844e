/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One object: a reference count, a type, and what the type says (Include/object.h).
 *
 * What lies at an address counts as an object only if its type pointer leads to a type object. A
 * freed block of pymalloc keeps the type pointer, and has the address of the next free block where
 * the reference count was.
 */
#include "objects.h"

#include <string.h>

/* Where counts are biased, the link stands where the thread was that owned the object. It stays in
 * the page of the block, where nothing of a thread is. */
static struct err check_owner(const struct py_object *o, uint64_t owner)
{
	enum { SEGMENT_BITS = 25 };
	const struct py_runtime *rt = o->h->rt;
	uint64_t local, shared;
	bool unused = !failed(py_field(rt, o->addr, FIELD_object_ref_local, &local)) &&
		      !failed(py_field(rt, o->addr, FIELD_object_ref_shared, &shared)) && !local &&
		      shared <= 3;
	return unused && owner && (owner ^ o->addr) >> SEGMENT_BITS == 0
		       ? err_at(ERR_CORRUPT, o->addr, "freed object (its owner is a block)")
		       : NO_ERR;
}

/* The word that counts references; of a free-threaded build, the first one, which names the owner.
 */
static struct err first_word(const struct py_object *o, uint64_t *ret)
{
	const struct layout *l = &o->h->rt->layout;
	uint32_t at = l->field[FIELD_object_refcnt].offset; /* maybe of a part of it */
	return mem_ptr(o->h->rt->mem, o->addr + at - at % l->key.ptr_size, ret);
}

static struct err check_head(const struct py_object *o)
{
	const struct py_runtime *rt = o->h->rt;
	uint64_t word;
	if (failed(first_word(o, &word)))
		return NO_ERR;
	if (rt->layout.row->refs == REFS_BIASED)
		return check_owner(o, word);
	/* no count is as large as an address; 3.14's flags in the high word are small numbers */
	bool is_address = word >> 32 > UINT16_MAX / 16 && py_plausible(rt, word);
	return is_address ? err_at(ERR_CORRUPT, o->addr, "freed object (its count is an address)")
			  : NO_ERR;
}

/* Fill patterns of the debug allocators (Objects/obmalloc.c). */
static const char *fill_pattern(uint64_t word, unsigned size)
{
	static const struct {
		uint8_t byte;
		const char *what;
	} fills[] = {
		{ 0xdd, "freed object (filled with 0xdd)" },
		{ 0xdb, "freed object (filled with 0xdb)" },
		{ 0xcd, "memory that was never written (0xcd)" },
		{ 0xcb, "memory that was never written (0xcb)" },
		{ 0xfd, "guard bytes (0xfd)" },
		{ 0xfb, "guard bytes (0xfb)" },
	};
	for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
		uint64_t all = fills[i].byte * UINT64_C(0x0101010101010101);
		if (word == (size == 4 ? (uint32_t)all : all))
			return fills[i].what;
	}
	return NULL;
}

struct err object_open(struct heap *h, uint64_t addr, struct py_object *ret)
{
	struct py_object *o = ret;
	uint64_t type;
	if (!addr)
		return err_of(ERR_CORRUPT, "NULL");
	if (addr % h->rt->layout.key.ptr_size)
		return err_at(
			ERR_CORRUPT, addr, "address that is not aligned, as every object's is");
	TRY(py_field(h->rt, addr, FIELD_object_type, &type));
	const char *fill = fill_pattern(type, h->rt->layout.key.ptr_size);
	if (fill)
		return err_at(ERR_CORRUPT, addr, fill);
	o->h = h;
	o->addr = addr;
	struct err why = type_at(h, type, &o->type);
	if (why.code == ERR_TRUNCATED || why.code == ERR_NOT_SAVED)
		return why;
	if (failed(why))
		return err_at(ERR_CORRUPT, addr, "object whose type pointer leads to no type");
	TRY(check_head(o));
	o->n = o->type->basicsize < OBJECT_BYTES ? o->type->basicsize : OBJECT_BYTES;
	return mem_read(h->rt->mem, addr, o->bytes, o->n);
}

static struct err inside(const struct py_object *o, const struct field_at *at, enum field f)
{
	if (at->origin == ORIGIN_NONE)
		return err_of(ERR_ABSENT, field_name(f));
	if (at->offset + (uint64_t)at->size > o->type->basicsize)
		return err_at(ERR_CORRUPT, o->addr, field_name(f));
	return NO_ERR;
}

struct err object_get(const struct py_object *o, enum field f, uint64_t *ret)
{
	const struct layout *l = &o->h->rt->layout;
	TRY(inside(o, &l->field[f], f));
	if (l->field[f].offset + (size_t)l->field[f].size <= o->n)
		return layout_get(l, f, o->bytes, o->n, ret);
	return py_field(o->h->rt, o->addr, f, ret);
}

struct err object_get_int(const struct py_object *o, enum field f, int64_t *ret)
{
	const struct field_at *at = &o->h->rt->layout.field[f];
	uint64_t v;
	TRY(object_get(o, f, &v));
	unsigned spare = 64 - (at->bits ? at->bits : 8u * at->size);
	*ret = (int64_t)(v << spare) >> spare;
	return NO_ERR;
}

struct err object_inside(const struct py_object *o, enum field f, uint64_t *ret)
{
	const struct field_at *at = &o->h->rt->layout.field[f];
	if (at->origin == ORIGIN_NONE)
		return err_of(ERR_ABSENT, field_name(f));
	if (at->offset > o->type->basicsize)
		return err_at(ERR_CORRUPT, o->addr, field_name(f));
	*ret = o->addr + at->offset;
	return NO_ERR;
}

static bool has_gc_bit(const struct py_object *o, uint8_t bit)
{
	uint64_t bits;
	return !failed(object_get(o, FIELD_object_gc_bits, &bits)) && bits & bit;
}

/* Whether stacks, and threads in tables of their own, refer to it without counting here
 * (Include/internal/pycore_gc.h). It lives until the collector frees it, whatever the count. */
static bool is_deferred(const struct py_object *o)
{
	enum { DEFERRED = 64 };
	return o->h->rt->layout.row->refs == REFS_BIASED && has_gc_bit(o, DEFERRED);
}

bool object_gc_tracks(const struct py_object *o)
{
	enum { TRACKED = 1 };
	return has_gc_bit(o, TRACKED);
}

/* Two counts (Include/object.h): of the thread that owns the object, and of all others, above two
 * bits that say whether it is merged with the first. Objects that other threads are expected to use
 * begin with a large number in the second; where they show none or fewer, the tables have the rest.
 */
static bool biased_refcount(const struct py_object *o, int64_t *ret, bool *ret_immortal)
{
	enum { SHARED_SHIFT = 2 };
	const int64_t deferred = INT64_MAX / 8;
	uint64_t local, shared;
	if (failed(object_get(o, FIELD_object_ref_local, &local)) ||
		failed(object_get(o, FIELD_object_ref_shared, &shared)))
		return false;
	int64_t others = (int64_t)shared >> SHARED_SHIFT;
	if (others > deferred / 2)
		others -= deferred;
	int64_t count = (int64_t)local + others;
	if (count <= 0 && is_deferred(o))
		return false;
	*ret_immortal = local == UINT32_MAX;
	*ret = count;
	return true;
}

bool object_refcount(const struct py_object *o, int64_t *ret, bool *ret_immortal)
{
	enum { STATIC_COUNT = 999999999, STATIC_SLACK = 100000000, HIGH_COUNT = 0x3fffffff };
	uint64_t word;
	if (o->h->rt->layout.row->refs == REFS_BIASED)
		return biased_refcount(o, ret, ret_immortal);
	if (failed(first_word(o, &word)))
		return false;
	unsigned spare = 64 - 8 * o->h->rt->layout.key.ptr_size;
	int64_t count = (int64_t)(word << spare) >> spare;
	*ret_immortal = false;
	switch (o->h->rt->layout.row->refs) {
	case REFS_PLAIN:
		break;
	case REFS_STATIC:
		*ret_immortal =
			count > STATIC_COUNT - STATIC_SLACK && count < STATIC_COUNT + STATIC_SLACK;
		break;
	case REFS_IMMORTAL:
	case REFS_FLAGGED:
		*ret_immortal = (uint32_t)word >> 31;
		count = (uint32_t)word;
		break;
	case REFS_HIGH:
		*ret_immortal = count >= HIGH_COUNT;
		break;
	case REFS_BIASED:
		break;
	}
	*ret = count;
	return true;
}

/* What the count of an object in use leaves empty: where it has 32 bits, the bits above, but for
 * the flags in the uppermost 16. */
static bool spare_is_empty(const struct py_object *o, uint64_t word)
{
	switch (o->h->rt->layout.row->refs) {
	case REFS_PLAIN:
	case REFS_STATIC:
	case REFS_HIGH:
	case REFS_BIASED:
		break;
	case REFS_IMMORTAL:
		return word >> 32 == 0;
	case REFS_FLAGGED:
		return (uint16_t)(word >> 32) == 0;
	}
	return true;
}

bool object_in_use(const struct py_object *o, bool *ret_immortal)
{
	enum { LEAST_ADDRESS = 65536 };
	int64_t count;
	uint64_t word;
	*ret_immortal = false;
	if (is_deferred(o))
		return true;
	if (!object_refcount(o, &count, ret_immortal) || failed(first_word(o, &word)) ||
		!spare_is_empty(o, word))
		return false;
	if (o->h->rt->layout.row->refs == REFS_BIASED)
		return *ret_immortal || (count > 0 && count < INT32_MAX);
	bool is_address = count >= LEAST_ADDRESS && py_plausible(o->h->rt, (uint64_t)count);
	return *ret_immortal || (count > 0 && count < INT32_MAX && !is_address);
}

const char *object_oddity(const struct py_object *o)
{
	int64_t count;
	bool immortal;
	if (!object_refcount(o, &count, &immortal) || immortal)
		return NULL;
	return count == 0 ? "reference count 0" : count < 0 ? "reference count negative" : NULL;
}

bool object_is_none(struct heap *h, uint64_t addr)
{
	uint64_t type;
	const struct py_type *t;
	return !failed(py_field(h->rt, addr, FIELD_object_type, &type)) &&
	       !failed(type_at(h, type, &t)) && !strcmp(t->full, "NoneType");
}
