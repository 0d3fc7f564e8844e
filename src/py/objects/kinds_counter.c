/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collections.Counter: a dict whose repr() has the largest counts first. Equal ones keep their
 * order; counts that cannot be compared leave all in order.
 */
#include "repr.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct count {
	uint64_t key, value;
	long double number;
	size_t order;
};

struct counts {
	struct count *list;
	size_t n, cap;
	size_t n_numbers;
	bool others_differ; /* there is one that no number can be compared with */
};

static void counts_fini(struct counts *c)
{
	free(c->list);
}

/* The upper digits tell which of two is larger. */
static struct err big_number(const struct py_object *o, long double *ret)
{
	enum { DIGITS_READ = 6 };
	struct digits d;
	uint64_t digit;
	long double v = 0;
	TRY(digits_open(o, &d));
	if (d.n > 1024)
		return err_at(ERR_LIMIT, o->addr, "count");
	uint64_t least = d.n > DIGITS_READ ? d.n - DIGITS_READ : 0;
	for (uint64_t i = d.n; i-- > least;) {
		TRY(mem_uint(o->h->rt->mem, d.data + i * d.size, d.size, &digit));
		v = ldexpl(v, (int)d.bits) + (long double)digit;
	}
	v = ldexpl(v, (int)(least * d.bits));
	*ret = d.negative ? -v : v;
	return NO_ERR;
}

static struct err read_number(const struct py_object *o, long double *ret)
{
	int64_t small;
	uint64_t bits;
	double v;
	if (type_is(o->type, "float")) {
		TRY(object_get(o, FIELD_float_value, &bits));
		memcpy(&v, &bits, sizeof(v));
		if (isnan(v))
			return err_at(ERR_UNSUPPORTED, o->addr, "count");
		*ret = (long double)v;
		return NO_ERR;
	}
	if (!(o->type->flags & (TYPE_INT | TYPE_INT27)))
		return err_at(ERR_UNSUPPORTED, o->addr, "count");
	if (failed(int_value(o, &small)))
		return big_number(o, ret);
	*ret = (long double)small;
	return NO_ERR;
}

/* Whether comparing an object of that type with a number is an error for certain. */
static bool never_compares(const struct py_type *t)
{
	static const char *const names[] = { "str", "NoneType", "list", "tuple", "dict", "bytes" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!strcmp(t->full, names[i]))
			return true;
	}
	return false;
}

static void add_count(struct heap *h, struct counts *c, uint64_t key, uint64_t value)
{
	struct py_object o;
	c->list = xgrow(c->list, &c->cap, c->n, sizeof(*c->list));
	struct count *count = &c->list[c->n];
	*count = (struct count){ .key = key, .value = value, .order = c->n++ };
	if (failed(object_open(h, value, &o)))
		return;
	if (!failed(read_number(&o, &count->number)))
		c->n_numbers++;
	else
		c->others_differ |= never_compares(o.type);
}

static int largest_first(const void *a, const void *b)
{
	const struct count *x = a, *y = b;
	if (x->number != y->number)
		return x->number > y->number ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* False: who is larger could not be told. Anything can be compared in 2.7. */
static bool settle_order(const struct repr *r, struct counts *c)
{
	if (!c->n)
		return true;
	if (c->n_numbers == c->n) {
		qsort(c->list, c->n, sizeof(*c->list), largest_first);
		return true;
	}
	return c->n_numbers && c->others_differ &&
	       !(r->h->rt->layout.row->repr & REPR_LIBRARY_PLAIN);
}

struct err render_counter(struct repr *r, const struct py_object *o)
{
	CLEANUP(counts_fini) struct counts c = { 0 };
	struct dict d;
	uint64_t key, value;
	TRY(dict_open(r->h, o->addr, &d));
	if (d.used > VALUE_NODES_MAX)
		return render_object(r, o);
	while (c.n < VALUE_NODES_MAX && dict_next(&d, &key, &value))
		add_count(r->h, &c, key, value);
	TRY(d.why);
	if (!settle_order(r, &c))
		return render_object(r, o);
	repr_put(r, o->type->name);
	struct items it = items_begin(r, c.n ? "({" : "(", c.n ? "})" : ")", c.n);
	for (size_t i = 0; items_more(&it); i++) {
		repr_value(r, c.list[i].key);
		repr_put(r, ": ");
		repr_value(r, c.list[i].value);
	}
	items_end(&it);
	return NO_ERR;
}
