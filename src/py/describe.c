/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One object by its address.
 *
 * Whether the collector tracks it stands in front of it (Include/internal/pycore_gc.h): to 3.7
 * gc_refs is -2, above a flag from 3.4 on, for an object that is not tracked, from 3.8 on _gc_next
 * is 0. Free-threaded builds keep it in the object.
 */
#include "py_internal.h"

#include "objects/objects.h"

#include "pycore/limits.h"

static struct err gc_state(const struct py_object *o, const char **ret)
{
	const struct py_runtime *rt = o->h->rt;
	const struct layout *l = &rt->layout;
	uint64_t v;
	if (!(o->type->flags & TYPE_GC)) {
		*ret = "not collectable";
		return NO_ERR;
	}
	if (layout_has(l, FIELD_object_gc_bits)) {
		*ret = object_gc_tracks(o) ? "tracked" : "not tracked";
		return NO_ERR;
	}
	if (!layout_has(l, FIELD_gc_head_sizeof))
		return err_of(ERR_ABSENT, field_name(FIELD_gc_head_sizeof));
	uint64_t head = o->addr - l->field[FIELD_gc_head_sizeof].offset;
	bool refs = layout_has(l, FIELD_gc_head_refs);
	TRY(py_field(rt, head, refs ? FIELD_gc_head_refs : FIELD_gc_head_next, &v));
	bool tracked = refs ? (int64_t)v >> rt->layout.row->gc_refs_flags != -2 : v != 0;
	*ret = tracked ? "tracked" : "not tracked";
	return NO_ERR;
}

/* Of objects of variable size, what tp_itemsize says for the items. */
static uint64_t own_size(const struct py_object *o)
{
	int64_t items;
	struct digits d;
	uint64_t n = 0;
	if (o->type->flags & TYPE_INT && !failed(digits_open(o, &d)))
		n = d.n;
	else if (o->type->itemsize && !failed(object_get_int(o, FIELD_varobject_size, &items)))
		n = (uint64_t)(items < 0 ? -items : items);
	return n >> 40 ? 0 : o->type->basicsize + n * o->type->itemsize;
}

static void read_attributes(struct heap *h, const struct py_object *o, struct py_variables *ret)
{
	struct variables v = { 0 };
	struct attributes a;
	uint64_t name, value;
	attributes_open(o, &a);
	while (py_variables_fit(h, &v) && attributes_next(&a, &name, &value)) {
		struct py_text text;
		str_text_max(h, name, VARIABLE_NAME_MAX, &text);
		py_add_variable(&v, &text, SCOPE_LOCAL, py_value_at(h, value));
	}
	v.why = a.why;
	*ret = *py_keep_variables(h->p, &v);
}

static void describe(struct heap *h, uint64_t addr, struct py_described *d)
{
	struct py_object o;
	d->rt = h->rt;
	d->value = py_value_at(h, addr);
	if (failed(object_open(h, addr, &o)))
		return;
	d->type = o.type->addr;
	d->refcount_known = object_refcount(&o, &d->refcount, &d->immortal);
	if (failed(gc_state(&o, &d->gc)))
		d->gc = NULL;
	d->size = own_size(&o);
	read_attributes(h, &o, &d->attributes);
}

/* The runtime whose types the object's type belongs to: the first that can read it. */
const struct py_described *python_describe(struct python *p, uint64_t addr)
{
	struct py_described *d = arena_alloc(&p->arena, sizeof(*d));
	for (size_t i = 0; i < p->n_runtimes && (!d->value || failed(d->value->why)); i++)
		describe(py_heap(p, &p->runtimes[i]), addr, d);
	return d;
}
