/* SPDX-License-Identifier: Apache-2.0 */
/* Groups by shape: a type, and names. Beyond SHAPES_MAX of them all others share one. */
#include "internal.h"

#include "pycore/limits.h"

#include <inttypes.h>
#include <stdlib.h>

enum { NO_SHAPE = 1, HAS_SHAPE = 2 };

static bool has_shape(struct counting *c, uint32_t type)
{
	while (c->n_shaped <= type) {
		c->shaped = xgrow(c->shaped, &c->cap_shaped, c->n_shaped, sizeof(*c->shaped));
		c->shaped[c->n_shaped++] = 0;
	}
	if (!c->shaped[type])
		c->shaped[type] =
			py_has_shape(c->p, c->rt, c->sizings[type]->type) ? HAS_SHAPE : NO_SHAPE;
	return c->shaped[type] == HAS_SHAPE;
}

static uint64_t key_of(uint32_t type, const struct py_shape *s)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t n = s->many ? 128 + 64 - (uint64_t)__builtin_clzll(s->n) : s->n;
	uint64_t v = (type + UINT64_C(1)) * odd;
	v = (v ^ n << 1 ^ s->other) * odd;
	return (v ^ v >> 31 ^ s->hash) * odd;
}

size_t shape_of(struct counting *c, const struct heap_block *b)
{
	struct py_shape shape = { 0 };
	uint64_t addr = b->addr + b->lead, group;
	if (has_shape(c, b->type))
		py_shape_of(c->p, c->rt, &c->names, addr, &shape);
	uint64_t key = key_of(b->type, &shape);
	if (hash_get(&c->shapes, key, &group))
		return group;
	bool full = c->n_shapes >= SHAPES_MAX;
	if (full && c->has_rest)
		return c->rest;
	c->shape_list = xgrow(c->shape_list, &c->cap_shapes, c->n_shapes, sizeof(*c->shape_list));
	group = c->n_shapes++;
	c->shape_list[group] = (struct shape_seen){ .type = b->type,
		.example = addr,
		.many = shape.many,
		.rest = full,
		.bits = shape.n ? 64 - (unsigned)__builtin_clzll(shape.n) : 0 };
	if (full) {
		c->has_rest = true;
		c->rest = group;
	} else {
		hash_put(&c->shapes, key, group);
	}
	return group;
}

void shape_text(struct counting *c, size_t group, struct str *ret)
{
	const struct shape_seen *s = &c->shape_list[group];
	if (s->rest) {
		str_puts(ret, "other shapes");
		return;
	}
	str_puts(ret, c->sizings[s->type]->full);
	uint64_t low = s->bits ? UINT64_C(1) << (s->bits - 1) : 0;
	if (s->many)
		str_addf(ret, " of %" PRIu64 " to %" PRIu64 " keys", low, low + (low - 1));
	else if (has_shape(c, s->type)) {
		str_putc(ret, ' ');
		py_shape_text(c->p, c->rt, s->example, ret);
	}
}

void shapes_fini(struct counting *c)
{
	hash_fini(&c->shapes);
	py_shapes_fini(&c->names);
	free(c->shape_list);
	free(c->shaped);
}
