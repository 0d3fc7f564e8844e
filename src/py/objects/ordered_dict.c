/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collections.OrderedDict: a dict, and a list of its keys that tells the order. In C (3.5 on,
 * Objects/odictobject.c) a chain of nodes from od_first; in Python (2.7, Lib/collections.py) a
 * chain of lists [previous, next, key] that starts and ends with `_OrderedDict__root`.
 *
 * Most often the dict has its entries in the same order, so both are walked side by side; what is
 * left then is looked for in the whole dict.
 */
#include "objects.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"

#include <string.h>

/* A walk along the keys. */
struct chain {
	struct heap *h;
	bool in_python;
	uint64_t at; /* the next node; 0: none */
	uint64_t root; /* in Python only */
};

bool is_ordered_dict(const struct py_type *t)
{
	return t->flags & TYPE_DICT && type_is(t, "collections.OrderedDict");
}

static struct err link_item(struct heap *h, uint64_t list, unsigned i, uint64_t *ret)
{
	struct py_object o;
	struct sequence s;
	TRY(object_open(h, list, &o));
	TRY(sequence_open(&o, &s));
	return sequence_item(&s, i, ret);
}

enum { LINK_NEXT = 1, LINK_KEY = 2 };

static struct err chain_open(const struct py_object *o, struct chain *ret)
{
	struct chain c = { .h = o->h };
	if (!failed(object_get(o, FIELD_odict_first, &c.at))) {
		*ret = c;
		return NO_ERR;
	}
	c.in_python = true;
	if (!attribute_find(o, "_OrderedDict__root", &c.root))
		return err_at(ERR_CORRUPT, o->addr, "order of an OrderedDict");
	TRY(link_item(o->h, c.root, LINK_NEXT, &c.at));
	*ret = c;
	return NO_ERR;
}

/* 0: the end. */
static struct err chain_next(struct chain *c, uint64_t *ret_key)
{
	uint64_t key = 0, next;
	if (!c->at || c->at == c->root) {
		*ret_key = 0;
		return NO_ERR;
	}
	if (c->in_python) {
		TRY(link_item(c->h, c->at, LINK_KEY, &key));
		TRY(link_item(c->h, c->at, LINK_NEXT, &next));
	} else {
		TRY(py_field(c->h->rt, c->at, FIELD_odict_node_key, &key));
		TRY(py_field(c->h->rt, c->at, FIELD_odict_node_next, &next));
	}
	c->at = next;
	*ret_key = key;
	return NO_ERR;
}

void ordered_fini(struct ordered *o)
{
	free(o->keys);
	free(o->values);
	*o = (struct ordered){ 0 };
}

static void read_keys(struct ordered *to, struct chain *c, size_t max)
{
	while (to->n < max && !failed(to->why)) {
		uint64_t key = 0;
		to->why = chain_next(c, &key);
		if (!failed(to->why) && !key)
			to->why = err_of(ERR_CORRUPT, "OrderedDict: fewer keys than its dict");
		if (!failed(to->why))
			to->keys[to->n++] = key;
	}
}

/* Returns how many of the first keys had their entries in the same order. */
static size_t read_values_aside(struct ordered *to, struct dict *d)
{
	size_t n = 0;
	uint64_t key, value;
	while (n < to->n && dict_next(d, &key, &value)) {
		if (key != to->keys[n])
			break;
		to->values[n++] = value;
	}
	return n;
}

/* A key that comes twice is where the chain leads back into itself. */
static void find_values(struct ordered *to, struct dict *d)
{
	CLEANUP(hash_fini) struct hash wanted = { 0 };
	uint64_t key, value, i;
	for (size_t k = 0; k < to->n; k++) {
		if (!hash_put(&wanted, to->keys[k], k)) {
			to->n = k;
			to->why = err_at(ERR_CORRUPT, to->keys[k], "OrderedDict: a key twice");
		}
	}
	size_t left = to->n;
	while (left && dict_next(d, &key, &value)) {
		if (hash_get(&wanted, key, &i) && i < to->n) {
			to->values[i] = value;
			left--;
		}
	}
}

struct err ordered_read(const struct py_object *o, uint64_t max, struct ordered *ret)
{
	struct dict d;
	struct chain c;
	TRY(dict_open(o->h, o->addr, &d));
	TRY(chain_open(o, &c));
	if (max > d.used)
		max = d.used;
	if (max > VALUE_NODES_MAX)
		max = VALUE_NODES_MAX;
	struct ordered to = { .keys = xcalloc(max + 1, sizeof(*to.keys)),
		.values = xcalloc(max + 1, sizeof(*to.values)) };
	read_keys(&to, &c, max);
	if (read_values_aside(&to, &d) < to.n && !failed(dict_open(o->h, o->addr, &d)))
		find_values(&to, &d);
	*ret = to;
	return NO_ERR;
}
