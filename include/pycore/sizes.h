/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What objects weigh: their own bytes, the bodies that they alone own, and what sys.getsizeof()
 * would return for them. And their shapes: which keys or attributes they have.
 */
#pragma once

#include "pycore/python.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct py_size {
	uint64_t own; /* the object itself: basic size and variable part, nothing in front */
	uint64_t owned; /* bodies elsewhere in memory: items of a list, table of a dict */
	uint64_t getsizeof; /* what sys.getsizeof() returns, if the type's sizing is known */
};

/* How the objects of one type are measured. Belongs to the struct python. */
struct py_sizing {
	uint64_t type; /* address */
	const char *module, *qualname; /* "builtins", "dict"; "" and "?" where not known */
	const char *full; /* "dict", "app.Session" */
	bool known; /* what its __sizeof__ does; if not, getsizeof is 0 */
	bool fixed; /* every object is as large as this, and owns nothing: */
	struct py_size size;

	const struct py_measure *how;
};

/* NULL: there is no type at that address. */
const struct py_sizing *py_sizing_of(struct python *p, struct py_runtime *rt, uint64_t type);

/*
 * Measures the object at addr, of which n bytes are at hand, and `before` bytes in front of them.
 * False: it contradicts itself, or its bodies could not be read; *ret then holds what is sure.
 */
bool py_measure(const struct py_sizing *s, uint64_t addr, const uint8_t *bytes, size_t n,
	size_t before, struct py_size *ret);

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
