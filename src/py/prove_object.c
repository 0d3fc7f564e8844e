/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether what lies at an address is a Python object, where nothing says that it is: a register may
 * point to anything. Its type must be one (object_open), its reference count one that an object in
 * use has, and it must not be the inside of an object that proves itself. Beyond that
 *  - a class must be one;
 *  - what the collector knows has links in front of it that lead back to it, or says that it is not
 *    tracked (Include/internal/pycore_gc.h; gc_prev follows gc_next, both carry flags in their low
 *    bits, and while the collector runs, gc_prev counts references);
 *  - anything else must read without damage. In the data of a file, where tables hold types and
 *    numbers, only what is immortal, and the singletons.
 */
#include "py_internal.h"

#include "objects/repr.h"

#include <string.h>

enum { FLAG_BITS = 3, LOOK_BACK = 8, NODES_MAX = 200 };

static bool gc_runs(const struct python *p)
{
	for (size_t i = 0; i < p->n_interpreters; i++) {
		if (p->interpreters[i].gc_running != 0)
			return true;
	}
	return false;
}

/* Whether the neighbour in the collector's list knows the one at `head`. */
static bool is_linked(struct heap *h, uint64_t head, uint64_t next)
{
	const struct layout *l = &h->rt->layout;
	uint64_t prev_at = l->field[FIELD_gc_head_next].offset + l->key.ptr_size, back;
	struct py_object neighbour;
	next &= ~(uint64_t)FLAG_BITS;
	if (!py_plausible(h->rt, next) || failed(mem_ptr(h->rt->mem, next + prev_at, &back)))
		return false;
	return (back & ~(uint64_t)FLAG_BITS) == head ||
	       (gc_runs(h->p) &&
		       !failed(object_open(
			       h, next + l->field[FIELD_gc_head_sizeof].offset, &neighbour)));
}

static bool gc_proves(const struct py_object *o)
{
	const struct py_runtime *rt = o->h->rt;
	const struct layout *l = &rt->layout;
	uint64_t head = o->addr - layout_gc_head(l), next, prev, refs;
	if (layout_has(l, FIELD_object_gc_bits))
		return object_gc_tracks(o);
	if (!layout_has(l, FIELD_gc_head_sizeof) ||
		failed(py_field(rt, head, FIELD_gc_head_next, &next)) ||
		failed(mem_ptr(rt->mem,
			head + l->field[FIELD_gc_head_next].offset + l->key.ptr_size, &prev)))
		return false;
	/* -2 means not tracked; from 3.4 on it stands above a flag */
	if (!failed(py_field(rt, head, FIELD_gc_head_refs, &refs)) &&
		((int64_t)refs == -2 || (int64_t)refs >> 1 == -2))
		return true;
	bool untracked =
		!layout_has(l, FIELD_gc_head_refs) && !next && !(prev & ~(uint64_t)FLAG_BITS);
	return untracked || is_linked(o->h, head, next);
}

/* Whether more than its head says that it is an object. */
static bool is_proven(const struct py_object *o)
{
	const struct py_type *t;
	if (o->type->flags & TYPE_TYPE)
		return !failed(type_at(o->h, o->addr, &t));
	return o->type->flags & TYPE_GC && gc_proves(o);
}

/* Its own struct, as far as it can be told. */
static uint64_t extent(const struct py_object *o)
{
	int64_t items;
	uint64_t n = 0;
	struct digits d;
	if (o->type->flags & TYPE_INT)
		n = failed(digits_open(o, &d)) ? 0 : d.n;
	else if (o->type->itemsize && !failed(object_get_int(o, FIELD_varobject_size, &items)))
		n = (uint64_t)(items < 0 ? -items : items);
	return o->type->basicsize + (n >> 32 ? 0 : n) * o->type->itemsize;
}

static bool is_inside_another(struct heap *h, uint64_t addr)
{
	unsigned word = h->rt->layout.key.ptr_size;
	for (unsigned i = 1; i <= LOOK_BACK && addr > i * word; i++) {
		struct py_object o;
		bool immortal;
		if (!failed(object_open(h, addr - i * word, &o)) && extent(&o) > i * word &&
			object_in_use(&o, &immortal) && is_proven(&o))
			return true;
	}
	return false;
}

static bool is_singleton(const struct py_type *t)
{
	static const char *const names[] = { "NoneType", "bool", "ellipsis", "NotImplementedType" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!strcmp(t->full, names[i]))
			return true;
	}
	return false;
}

/* Python aligns what it allocates to two pointers since shortly before its collector's head became
 * as large (Objects/obmalloc.c, ALIGNMENT). */
static bool is_aligned(const struct py_object *o)
{
	const struct layout *l = &o->h->rt->layout;
	unsigned pair = 2 * l->key.ptr_size;
	return l->field[FIELD_gc_head_sizeof].offset != pair || o->addr % pair == 0;
}

/* An int says how many digits follow; they must be there. */
static bool has_its_digits(const struct py_object *o)
{
	struct digits d;
	return !(o->type->flags & TYPE_INT) ||
	       (!failed(digits_open(o, &d)) && d.n < INT32_MAX &&
		       mem_maps(o->h->rt->mem, d.data, d.n * d.size));
}

static const struct py_value *value_of(const struct py_object *o, const struct value_limits *limits)
{
	struct python *p = o->h->p;
	struct py_value *v = arena_alloc(&p->arena, sizeof(*v));
	AUTO_STR(text);
	struct repr r = { .h = o->h, .limits = limits, .to = &text, .nodes_left = NODES_MAX };
	repr_value(&r, o->addr);
	*v = (struct py_value){
		.addr = o->addr,
		.type = type_is_known(o->type) ? o->type->full : NULL,
		.text = { .bytes = arena_copy(&p->arena, str_text(&text), text.len),
			.len = text.len },
		.truncated = r.truncated,
		.damaged = r.damaged,
	};
	const struct kind *k = o->type->shape ? o->type->shape->own : NULL;
	v->redacted = limits->redact && k && k->flags & KIND_TEXT &&
		      !failed(text_redaction(o, &v->length, &v->hash));
	return v;
}

static const struct py_described *prove(
	struct heap *h, uint64_t addr, const struct value_limits *limits)
{
	struct py_object o;
	bool immortal;
	if (failed(object_open(h, addr, &o)) || !object_in_use(&o, &immortal))
		return NULL;
	bool proven = is_proven(&o);
	bool collectable = o.type->flags & TYPE_GC && !(o.type->flags & TYPE_TYPE);
	bool in_file = target_image_at(h->p->target, addr) != NULL;
	if (!proven && (collectable || o.type->flags & TYPE_TYPE || !has_its_digits(&o) ||
			       (in_file && !immortal && !is_singleton(o.type))))
		return NULL;
	if ((!in_file && !is_aligned(&o)) || is_inside_another(h, addr))
		return NULL;
	struct py_described *d = arena_alloc(&h->p->arena, sizeof(*d));
	d->rt = h->rt;
	d->type = o.type->addr;
	d->value = value_of(&o, limits);
	d->refcount_known = object_refcount(&o, &d->refcount, &d->immortal);
	return proven || !d->value->damaged ? d : NULL;
}

const struct py_described *python_prove(
	struct python *p, uint64_t addr, const struct value_limits *limits)
{
	for (size_t i = 0; i < p->n_runtimes; i++) {
		const struct py_described *d = prove(py_heap(p, &p->runtimes[i]), addr, limits);
		if (d)
			return d;
	}
	return NULL;
}
