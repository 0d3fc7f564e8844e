/* SPDX-License-Identifier: Apache-2.0 */
/* LEB128 numbers of DWARF, read by a bounded cursor. Bits beyond 64 are dropped. */
#pragma once

#include "pycore/bytes.h"

static inline uint64_t cursor_uleb(struct cursor *c)
{
	uint64_t v = 0;
	for (unsigned shift = 0;; shift += 7) {
		uint8_t b = (uint8_t)cursor_uint(c, 1);
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
		b = (uint8_t)cursor_uint(c, 1);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
	} while (b & 0x80);
	if (b & 0x40 && shift < 64)
		v |= UINT64_MAX << shift;
	return (int64_t)v;
}
