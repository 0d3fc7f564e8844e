/* SPDX-License-Identifier: Apache-2.0 */
/* How one kind of object tells its size: what sizes.c, which chooses, and the kinds share. */
#pragma once

#include "objects.h"

#include "pycore/sizes.h"

/* One object being measured. */
struct weighed {
	const struct py_measure *m;
	uint64_t addr;
	const uint8_t *bytes;
	size_t n, before;
	struct py_size *size; /* own and getsizeof are those of a plain object when a kind begins */
	bool damaged;
};

typedef void size_fn(struct weighed *w);

struct py_measure {
	struct heap *h;
	const struct py_type *type;
	uint64_t header; /* what sys.getsizeof() adds for what lies in front */
	uint64_t values; /* bytes of the values that an instance keeps beside itself (3.11, 3.12) */
	const struct size_kind *kind; /* NULL: a plain object */
};

/* A class that has a __sizeof__ of its own. */
struct size_kind {
	const char *full; /* its name */
	size_fn *fn; /* corrects what holds for plain objects */
	bool no_count; /* it has items, but no ob_size that counts them */
};
/* The row of a class; NULL: it is not known how its __sizeof__ works. */
const struct size_kind *size_kind(const char *full);

/* A field of the object; 0 and damaged if it is not at hand. */
uint64_t weighed_get(struct weighed *w, enum field f);
/* n times size; 0 and damaged where that can be no size of anything in memory. */
uint64_t weighed_product(struct weighed *w, uint64_t n, uint64_t size);
/* Bytes of a keys object of a dict, which other dicts may share; false: it could not be read. */
bool keys_weigh(struct heap *h, uint64_t keys, uint64_t *ret, bool *ret_shared);
/* How many values go with keys that instances share. */
bool keys_values(struct heap *h, uint64_t keys, uint64_t *ret);
