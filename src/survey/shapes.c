/* SPDX-License-Identifier: Apache-2.0 */
/* Groups by shape: a type, and names. Beyond SHAPES_MAX of them all others share one. */
#include "internal.h"

#include "pycore/limits.h"

#include <inttypes.h>
#include <stdlib.h>

/* What is asked of a type once. */
static const struct shaped *shaped_of(struct counting *c, uint32_t type)
{
	while (c->n_shaped <= type) {
		c->shaped = xgrow(c->shaped, &c->cap_shaped, c->n_shaped, sizeof(*c->shaped));
		c->shaped[c->n_shaped++] = (struct shaped){ 0 };
	}
	struct shaped *s = &c->shaped[type];
	if (!s->asked)
		*s = (struct shaped){
			.asked = true,
			.named = py_has_shape(c->p, c->rt, c->sizings[type]->type),
			.key = type_key(c, type),
		};
	return s;
}

static uint64_t key_of(uint64_t type, const struct py_shape *s)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t n = s->many ? 128 + 64 - (uint64_t)__builtin_clzll(s->n) : s->n;
	uint64_t v = (type ^ type >> 32) * odd;
	v = (v ^ n << 1 ^ s->other) * odd;
	return (v ^ v >> 31 ^ s->hash) * odd;
}

/* A group for what was not met before. */
static size_t add_shape(struct counting *c, uint64_t key, uint64_t type, struct shape_seen shape)
{
	if (shape.rest && c->has_rest)
		return c->rest;
	struct tally *t = tallies_add(&c->groups);
	size_t number = c->groups.n - 1;
	t->key = shape.rest ? 0 : key;
	t->type = type;
	t->shape = shape;
	if (shape.rest) {
		c->has_rest = true;
		c->rest = number;
	} else {
		hash_put(&c->shapes, key, number);
	}
	return number;
}

size_t shape_of(struct counting *c, const struct heap_block *b)
{
	struct py_shape shape = { 0 };
	uint64_t addr = b->addr + b->lead, type = c->sizings[b->type]->type, group;
	const struct shaped *known = shaped_of(c, b->type);
	if (known->named)
		py_shape_of(c->p, c->rt, &c->names, addr, &shape);
	uint64_t key = key_of(known->key, &shape);
	if (hash_get(&c->shapes, key, &group)) {
		struct shape_seen *seen = &c->groups.list[group].shape;
		seen->example = addr < seen->example ? addr : seen->example;
		return group;
	}
	return add_shape(c, key, type,
		(struct shape_seen){
			.example = addr,
			.named = known->named,
			.many = shape.many,
			.rest = c->groups.n >= SHAPES_MAX,
			.bits = shape.n ? 64 - (unsigned)__builtin_clzll(shape.n) : 0,
		});
}

void shape_text(struct counting *c, const struct tally *t, const char *type, struct str *ret)
{
	const struct shape_seen *s = &t->shape;
	if (s->rest) {
		str_puts(ret, "other shapes");
		return;
	}
	str_puts(ret, type);
	uint64_t low = s->bits ? UINT64_C(1) << (s->bits - 1) : 0;
	if (s->many)
		str_addf(ret, " of %" PRIu64 " to %" PRIu64 " keys", low, low + (low - 1));
	else if (s->named) {
		str_putc(ret, ' ');
		py_shape_text(c->p, c->rt, s->example, ret);
	}
}

void shapes_fini(struct counting *c)
{
	hash_fini(&c->shapes);
	py_shapes_fini(&c->names);
	free(c->shaped);
}
