/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an object weighs. sys.getsizeof() (Python/sysmodule.c) asks __sizeof__ and adds what lies in
 * front of an object of the GC; object.__sizeof__ (Objects/typeobject.c) is tp_basicsize, and
 * tp_itemsize for each item that ob_size counts. Which class of the mro answers decides; classes of
 * the interpreter itself keep no dict of their own since 3.12, so there the name decides.
 */
#include "sizes.h"

#include <string.h>

/* Items of an object of variable size. */
static uint64_t items_of(struct weighed *w)
{
	const struct layout *l = &w->m->h->rt->layout;
	unsigned spare = 64 - 8 * l->field[FIELD_varobject_size].size;
	int64_t n = (int64_t)(weighed_get(w, FIELD_varobject_size) << spare) >> spare;
	return n < 0 ? -(uint64_t)n : (uint64_t)n;
}

static void weigh_plain(struct weighed *w)
{
	const struct py_type *t = w->m->type;
	bool counts = !w->m->kind || !w->m->kind->no_count;
	w->size->own = t->basicsize;
	if (t->itemsize && counts)
		w->size->own += weighed_product(w, items_of(w), t->itemsize);
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

bool py_measure(const struct py_sizing *s, uint64_t addr, const uint8_t *bytes, size_t n,
	size_t before, struct py_size *ret)
{
	const struct py_measure *m = s->how;
	struct weighed w = { m, addr, bytes, n, before, ret, false };
	*ret = (struct py_size){ 0 };
	weigh_plain(&w);
	if (m->kind)
		m->kind->fn(&w);
	weigh_values(&w);
	if (!s->known)
		ret->getsizeof = 0;
	else if (!is_static_type(&w))
		ret->getsizeof += m->header;
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

/* Who answers __sizeof__: a row, or nobody (NULL) for a plain object. False: not known. */
static bool find_kind(struct heap *h, const struct py_type *t, const struct size_kind **ret)
{
	const struct py_type *mro[MRO_MAX];
	size_t n = type_mro(h, t, mro, MRO_MAX);
	*ret = NULL;
	for (size_t i = 0; i < n && strcmp(mro[i]->full, "object") != 0; i++) {
		const struct size_kind *kind = mro[i]->by_python ? NULL : size_kind(mro[i]->full);
		if (defines_sizeof(h, mro[i], kind)) {
			*ret = kind;
			return kind;
		}
	}
	return true;
}

static uint64_t header_of(const struct heap *h, const struct py_type *t)
{
	const struct layout *l = &h->rt->layout;
	uint64_t words = t->flags & l->row->heap.preheader_flags ? 2 : 0;
	return t->flags & TYPE_GC ? l->field[FIELD_gc_head_sizeof].offset + words * l->key.ptr_size
				  : 0;
}

/* Instances of 3.11 and 3.12 have their values in a block, as many as the class has room for names;
 * bytes in front of it tell their order. */
static uint64_t values_of(struct heap *h, const struct py_type *t)
{
	const struct layout *l = &h->rt->layout;
	uint64_t keys, n, word = l->key.ptr_size;
	if (l->row->values != VALUES_PREFIXED || !(t->flags & TYPE_MANAGED_DICT) ||
		failed(py_field(h->rt, t->addr, FIELD_heaptype_cached_keys, &keys)) || !keys ||
		!keys_values(h, keys, &n))
		return 0;
	return n * word + (n + 2 + word - 1) / word * word;
}

static bool is_fixed(const struct py_measure *m)
{
	return !m->kind && !m->values && !m->type->itemsize &&
	       !(m->type->flags & TYPE_INLINE_VALUES);
}

const struct py_sizing *py_sizing_of(struct python *p, struct py_runtime *rt, uint64_t type)
{
	struct heap *h = py_heap(p, rt);
	const struct py_type *t;
	if (failed(type_at(h, type, &t)))
		return NULL;
	struct py_measure *m = arena_alloc(&p->arena, sizeof(*m));
	struct py_sizing *s = arena_alloc(&p->arena, sizeof(*s));
	*m = (struct py_measure){ .h = h, .type = t, .header = header_of(h, t) };
	m->values = values_of(h, t);
	*s = (struct py_sizing){
		.type = type,
		.module = t->module,
		.qualname = t->qualname,
		.full = t->full,
		.how = m,
	};
	s->known = find_kind(h, t, &m->kind);
	if (is_fixed(m)) {
		s->fixed = true;
		s->size.own = t->basicsize;
		s->size.getsizeof = s->known ? t->basicsize + m->header : 0;
	}
	return s;
}
