/* SPDX-License-Identifier: Apache-2.0 */
/* What numpy's arrays and scalars are made of. */
#pragma once

#include "repr.h"

enum { ELEMENT_MAX = 16 }; /* bytes of a number */

struct dtype {
	char kind; /* 'b', 'i', 'u', 'f', 'c', 'O', 'S', 'U', ... */
	bool swapped; /* elements are in the byte order that is not the machine's */
	uint64_t size; /* bytes of an element */
};

/* One boolean or number, whose d->size bytes are at hand. */
void numpy_number(struct repr *r, const struct dtype *d, const uint8_t *bytes);
/* A complex number of two floats of size bytes, by their bits. parentheses: around it, where it has
 * two parts. */
void numpy_complex(struct str *to, uint64_t real, uint64_t imag, unsigned size, bool parentheses);
/* Bytes of an element by the dtype object at that address; false: it is none. */
bool numpy_dtype_size(struct heap *h, uint64_t dtype, uint64_t *ret);
