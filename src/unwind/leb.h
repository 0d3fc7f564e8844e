/* SPDX-License-Identifier: Apache-2.0 */
/* LEB128 numbers of DWARF, read by a bounded cursor. Bits beyond 64 are dropped. */
#pragma once

#include "pycore/bytes.h"

static inline uint8_t cursor_byte(struct cursor *c)
{
	if (!cursor_left(c)) {
		c->overrun = true;
		return 0;
	}
	return c->bytes[c->at++];
}

static inline uint64_t cursor_uleb(struct cursor *c)
{
	uint64_t v = 0;
	for (unsigned shift = 0;; shift += 7) {
		uint8_t b = cursor_byte(c);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
}

static inline int64_t cursor_sleb(struct cursor *c)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t b;
	do {
		b = cursor_byte(c);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
	} while (b & 0x80);
	if (b & 0x40 && shift < 64)
		v |= UINT64_MAX << shift;
	return (int64_t)v;
}
