/* SPDX-License-Identifier: Apache-2.0 */
/* Local bytes of a target: unsigned integers of its byte order, and a bounded cursor over a run. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum byte_order { ORDER_LITTLE, ORDER_BIG };

/* The unsigned integer of 1, 2, 4 or 8 bytes at p, which may be unaligned. */
static inline uint64_t bytes_uint(const void *p, unsigned size, enum byte_order order)
{
	const uint8_t *b = p;
	uint64_t v = 0;
	if (order == ORDER_LITTLE && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
		memcpy(&v, p, size);
		return v;
	}
	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)b[i] << 8 * (order == ORDER_LITTLE ? i : size - 1 - i);
	return v;
}

/* The same, sign-extended. */
static inline int64_t bytes_int(const void *p, unsigned size, enum byte_order order)
{
	unsigned spare = 64 - 8 * size;
	return (int64_t)(bytes_uint(p, size, order) << spare) >> spare;
}

/*
 * A reader that cannot leave its bytes: a read beyond the end yields 0 and sets `overrun`, which
 * stays set, so a parser reads all its fields and checks once.
 */
struct cursor {
	const uint8_t *bytes;
	size_t size;
	size_t at;
	enum byte_order order;
	bool overrun;
};

static inline struct cursor cursor_of(const void *bytes, size_t size, enum byte_order order)
{
	return (struct cursor){ .bytes = bytes, .size = size, .order = order };
}

static inline size_t cursor_left(const struct cursor *c)
{
	return c->overrun ? 0 : c->size - c->at;
}

/* The next n bytes, or NULL and overrun. */
static inline const uint8_t *cursor_take(struct cursor *c, uint64_t n)
{
	if (n > cursor_left(c)) {
		c->overrun = true;
		return NULL;
	}
	c->at += n;
	return c->bytes + c->at - n;
}

static inline void cursor_skip(struct cursor *c, uint64_t n)
{
	(void)cursor_take(c, n);
}

static inline uint64_t cursor_uint(struct cursor *c, unsigned size)
{
	const uint8_t *p = cursor_take(c, size);
	return p ? bytes_uint(p, size, c->order) : 0;
}
