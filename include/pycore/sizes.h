/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What objects weigh: their own bytes, the bodies that they alone own, and what sys.getsizeof()
 * would return for them. And their shapes: which keys or attributes they have.
 */
#pragma once

#include "pycore/bytes.h"
#include "pycore/python.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct py_size {
	uint64_t own; /* the object itself: basic size and variable part, nothing in front */
	uint64_t owned; /* bodies elsewhere in memory: items of a list, table of a dict */
	uint64_t getsizeof; /* what sys.getsizeof() returns, if the type's sizing is known */
};

/*
 * The size of most objects follows from one number in them: how many items a tuple has, how many
 * digits an int, how many items the body of a list has room for. Where the type's rule does not
 * hold for an object, it is measured as any other.
 */
struct py_rule {
	uint32_t need; /* bytes of an object that must be at hand; UINT32_MAX: there is no rule */
	uint32_t mark_at, mask, mark; /* it holds where these bits of half a word are so */
	uint32_t number_at; /* the word of the number, */
	uint8_t shift; /* which is above its flags; 63: there is no number */
	bool either_sign; /* -3 counts as 3 */
	uint32_t least; /* as many are counted always */
	uint32_t step, body_step; /* bytes of each, in the object or elsewhere */
	struct py_size base; /* own: without any; getsizeof: what it adds */
};

/* How the objects of one type are measured. Belongs to the struct python. */
struct py_sizing {
	uint64_t type; /* address */
	const char *module, *qualname; /* "builtins", "dict"; "" and "?" where not known */
	const char *full; /* "dict", "app.Session" */
	bool known; /* what its __sizeof__ does; if not, getsizeof is 0 */
	bool fixed; /* every object is as large as this, and owns nothing: */
	struct py_size size;
	struct py_rule rule;

	const struct py_measure *how;
};

/* NULL: there is no type at that address. The same one each time. */
const struct py_sizing *py_sizing_of(struct python *p, struct py_runtime *rt, uint64_t type);

/*
 * Measures the object at addr, of which n bytes are at hand, and `before` bytes in front of them.
 * False: it contradicts itself, or its bodies could not be read; *ret then holds what is sure.
 */
bool py_measure(const struct py_sizing *s, uint64_t addr, const uint8_t *bytes, size_t n,
	size_t before, struct py_size *ret);

/* Bytes of the smallest objects of a type, whose tp_basicsize is `basic`: times without a time zone
 * leave their last member out. */
uint64_t py_least_size(struct python *p, struct py_runtime *rt, uint64_t type, uint64_t basic);

/* The number of an object by its type's rule; false: the rule does not hold for it. */
static inline bool py_rule_number(
	const struct py_rule *r, const uint8_t *bytes, size_t n, uint64_t *ret)
{
	if (n < r->need || (bytes_uint(bytes + r->mark_at, 4, ORDER_LITTLE) & r->mask) != r->mark)
		return false;
	int64_t number = bytes_int(bytes + r->number_at, 8, ORDER_LITTLE) >> r->shift;
	uint64_t count = r->either_sign && number < 0 ? -(uint64_t)number : (uint64_t)number;
	*ret = count < r->least ? r->least : count;
	return count >> 32 == 0;
}

/* What so many objects of a type weigh whose numbers add up to that. */
static inline struct py_size py_rule_size(
	const struct py_rule *r, uint64_t objects, uint64_t numbers)
{
	uint64_t own = objects * r->base.own + numbers * r->step;
	uint64_t owned = numbers * r->body_step;
	return (struct py_size){ own, owned, own + owned + objects * r->base.getsizeof };
}

/* What is the same for dicts of the same keys, and for instances of the same attributes. */
struct py_shape {
	uint64_t n; /* how many names */
	uint64_t hash; /* of those that are strings */
	bool other; /* some keys are no strings */
	bool many; /* too many to look at: only their number is known */
};

/* Names met so far. Zero-initialised is empty and ready. */
struct py_shapes {
	struct hash names;
};
void py_shapes_fini(struct py_shapes *s);

/* Whether objects of a type have names that make a shape: dicts, instances of classes. */
bool py_has_shape(struct python *p, struct py_runtime *rt, uint64_t type);
/* The shape of the object at addr; none where it cannot be read. */
void py_shape_of(struct python *p, struct py_runtime *rt, struct py_shapes *s, uint64_t addr,
	struct py_shape *ret);
/* Appends its names, some of them if they are many: "{first, second, ...}". */
void py_shape_text(struct python *p, struct py_runtime *rt, uint64_t addr, struct str *ret);
