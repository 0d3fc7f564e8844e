/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an object weighs. sys.getsizeof() (Python/sysmodule.c) asks __sizeof__ and adds what lies in
 * front of an object of the GC; object.__sizeof__ (Objects/typeobject.c) is tp_basicsize, and
 * tp_itemsize for each item that ob_size counts. Which class of the mro answers decides; classes of
 * the interpreter itself keep no dict of their own since 3.12, so there the name decides.
 */
#include "sizes.h"

#include <string.h>

static void weigh_plain(struct weighed *w)
{
	const struct py_type *t = w->m->type;
	bool counts = !w->m->kind || !w->m->kind->no_count;
	w->size->own = t->basicsize;
	if (t->itemsize && counts)
		w->size->own += weighed_product(w, weighed_items(w), t->itemsize);
	w->size->getsizeof = w->size->own;
}

/* Values that lie inside of the object, or beside it. */
static void weigh_values(struct weighed *w)
{
	const struct layout *l = &w->m->h->rt->layout;
	unsigned word = l->key.ptr_size;
	uint64_t at = w->m->type->basicsize, capacity, front;
	if (w->m->type->flags & TYPE_INLINE_VALUES && l->row->attrs == ATTRS_INLINE) {
		if (at > w->n || failed(layout_get(l, FIELD_values_capacity, w->bytes + at,
					 w->n - at, &capacity)))
			return;
		w->size->own += l->field[FIELD_values_values].offset + capacity * word +
				(capacity + word - 1) / word * word;
	}
	if (!w->m->values || w->before < 4 * word)
		return;
	bool pair = l->row->attrs == ATTRS_MANAGED_PAIR;
	front = bytes_uint(w->bytes - (pair ? 4 : 3) * (size_t)word, word, l->key.order);
	if (pair ? front != 0 : front & 1)
		w->size->owned += w->m->values;
}

/* It has nothing in front, and is no larger than what every type has. */
static bool is_static_type(struct weighed *w)
{
	if (!(w->m->type->flags & TYPE_TYPE) || weighed_get(w, FIELD_type_flags) & TYPE_HEAP)
		return false;
	w->size->own = w->m->h->rt->layout.field[FIELD_type_sizeof].offset;
	return true;
}

/* More than any address space has, out of numbers that were being written. */
static bool is_absurd(const struct py_size *s)
{
	enum { SPACE_BITS = 56 };
	return (s->own | s->owned | s->getsizeof) >> SPACE_BITS;
}

bool py_measure(const struct py_sizing *s, uint64_t addr, const uint8_t *bytes, size_t n,
	size_t before, struct py_size *ret)
{
	const struct py_measure *m = s->how;
	struct weighed w = { m, addr, bytes, n, before, ret, false };
	*ret = (struct py_size){ 0 };
	weigh_plain(&w);
	if (m->kind)
		m->kind->fn(&w);
	if (m->bodies)
		m->bodies->fn(&w);
	weigh_values(&w);
	if (!s->known)
		ret->getsizeof = 0;
	else if (!is_static_type(&w))
		ret->getsizeof += m->header;
	if (is_absurd(ret)) {
		*ret = (struct py_size){ .own = m->type->basicsize };
		return false;
	}
	return !w.damaged;
}

/* Whether a class defines __sizeof__. Where its dict cannot tell, `by_name` is what its name says.
 */
static bool defines_sizeof(struct heap *h, const struct py_type *t, bool by_name)
{
	struct dict d;
	uint64_t key, value;
	if (!t->dict || failed(dict_open(h, t->dict, &d)))
		return by_name;
	while (dict_next(&d, &key, &value)) {
		if (str_is(h, key, "__sizeof__"))
			return true;
	}
	return failed(d.why) && by_name;
}

/* Who answers __sizeof__: a row, or nobody (NULL) for a plain object. False: not known; *ret is
 * then the row that tells at least what such an object owns. */
static bool find_kind(struct heap *h, const struct py_type *t, const struct size_kind **ret)
{
	const struct py_type *mro[MRO_MAX];
	size_t n = type_mro(h, t, mro, MRO_MAX);
	bool known = true;
	*ret = NULL;
	for (size_t i = 0; i < n && strcmp(mro[i]->full, "object") != 0; i++) {
		const struct size_kind *kind = size_kind(mro[i], false);
		if (!defines_sizeof(h, mro[i], kind))
			continue;
		if (kind && !size_kind_fits(kind, &h->rt->layout, mro[i]))
			kind = NULL;
		known = known && kind && (!kind->knows || kind->knows(t));
		if (!kind)
			continue;
		*ret = kind;
		break;
	}
	return known;
}

/* What the objects of a type own though no __sizeof__ counts it; NULL: nothing that is known. */
static const struct size_kind *find_bodies(
	struct heap *h, const struct py_type *t, const struct size_kind *counted)
{
	const struct py_type *mro[MRO_MAX];
	const struct size_kind *kind = NULL;
	size_t n = type_mro(h, t, mro, MRO_MAX);
	for (size_t i = 0; i < n && !kind; i++) {
		kind = size_kind(mro[i], true);
		if (kind && !size_kind_fits(kind, &h->rt->layout, mro[i]))
			kind = NULL;
	}
	bool twice = kind && counted && !strcmp(kind->full, counted->full);
	return twice ? NULL : kind;
}

static uint64_t header_of(const struct heap *h, const struct py_type *t)
{
	const struct layout *l = &h->rt->layout;
	uint64_t words = t->flags & l->row->heap.preheader_flags ? 2 : 0;
	return t->flags & TYPE_GC ? layout_gc_head(l) + words * l->key.ptr_size : 0;
}

/* Instances of 3.11 and 3.12 have their values in a block, as many as the class has room for names;
 * bytes in front of it tell their order. */
static uint64_t values_of(const struct py_measure *m)
{
	struct heap *h = m->h;
	const struct py_type *t = m->type;
	const struct layout *l = &h->rt->layout;
	uint64_t keys, n, word = l->key.ptr_size;
	if (l->row->values != VALUES_PREFIXED || !(t->flags & TYPE_MANAGED_DICT) ||
		failed(py_field(h->rt, t->addr, FIELD_heaptype_cached_keys, &keys)) || !keys ||
		!keys_values(m, keys, &n))
		return 0;
	return n * word + (n + 2 + word - 1) / word * word;
}

static bool is_fixed(const struct py_measure *m)
{
	return !m->kind && !m->bodies && !m->values && !m->type->itemsize &&
	       !(m->type->flags & TYPE_INLINE_VALUES);
}

bool rule_number(struct py_rule *r, const struct layout *l, enum field f)
{
	const struct field_at *at = &l->field[f];
	r->number_at = at->offset;
	return at->origin != ORIGIN_NONE && at->size == 8 && !at->bits;
}

/* Of objects without a kind, and what is changed for others. */
static bool find_rule(const struct py_sizing *s, struct py_rule *r)
{
	enum { NO_NUMBER = 63 };
	const struct py_measure *m = s->how;
	const struct layout *l = &m->h->rt->layout;
	bool odd = m->values || m->bodies || m->type->flags & (TYPE_INLINE_VALUES | TYPE_TYPE);
	*r = (struct py_rule){
		.shift = NO_NUMBER,
		.base = { .own = m->type->basicsize, .getsizeof = m->header },
	};
	if (!s->known || odd || l->key.order != ORDER_LITTLE || m->type->itemsize >> 32)
		return false;
	if (s->fixed)
		return true;
	r->shift = 0;
	if (m->kind)
		return m->kind->rule && m->kind->rule(m, r);
	r->either_sign = true;
	r->step = (uint32_t)m->type->itemsize;
	return rule_number(r, l, FIELD_varobject_size);
}

static struct py_rule rule_of(const struct py_sizing *s)
{
	struct py_rule r;
	if (!find_rule(s, &r)) {
		r.need = UINT32_MAX;
		return r;
	}
	r.need = r.number_at + 8;
	if (r.mask && r.need < r.mark_at + 4)
		r.need = r.mark_at + 4;
	return r;
}

static const struct py_sizing *make_sizing(struct heap *h, const struct py_type *t)
{
	struct arena *arena = &h->p->arena;
	struct py_measure *m = arena_alloc(arena, sizeof(*m));
	struct py_sizing *s = arena_alloc(arena, sizeof(*s));
	*m = (struct py_measure){ .h = h, .type = t, .header = header_of(h, t) };
	m->keys = arena_alloc(arena, sizeof(*m->keys));
	*m->keys = (struct window){ 0 };
	m->values = values_of(m);
	*s = (struct py_sizing){
		.type = t->addr,
		.module = t->module,
		.qualname = t->qualname,
		.full = t->full,
		.how = m,
	};
	s->known = find_kind(h, t, &m->kind);
	m->bodies = find_bodies(h, t, m->kind);
	if (is_fixed(m)) {
		s->fixed = true;
		s->size.own = t->basicsize;
		s->size.getsizeof = s->known ? t->basicsize + m->header : 0;
	}
	s->rule = rule_of(s);
	return s;
}

const struct py_sizing *py_sizing_of(struct python *p, struct py_runtime *rt, uint64_t type)
{
	struct heap *h = py_heap(p, rt);
	const struct py_type *t;
	if (failed(type_at(h, type, &t)))
		return NULL;
	if (!t->sizing)
		((struct py_type *)t)->sizing = make_sizing(h, t);
	return t->sizing;
}
