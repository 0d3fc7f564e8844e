/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwind tables of 32-bit arm, .ARM.exidx and .ARM.extab, which C++ and what it may be called
 * through has there in place of .eh_frame. They tell where a function keeps its caller's registers
 * when it calls another one: not in its first and last instructions.
 */
#pragma once

#include "cfi.h"

/* The index, within the bytes of a segment that hold the descriptors, too. Zero-initialised is
 * none. */
struct ehabi_tables {
	const uint8_t *bytes;
	size_t size;
	uint64_t addr; /* of bytes[0] */
	size_t at, n; /* the index: where, and how many entries */
	enum byte_order order;
};

/* `addr` and `size`: of the index. False, and nothing set: it does not lie in the bytes. */
bool ehabi_open(const uint8_t *bytes, size_t n_bytes, uint64_t bytes_addr, uint64_t addr,
	uint64_t size, enum byte_order order, struct ehabi_tables *ret);
/* The row of an address. ERR_ABSENT: there is none, or the tables say that none is; ERR_CORRUPT,
 * ERR_UNSUPPORTED: what they say cannot be a row. */
struct err ehabi_row(const struct ehabi_tables *t, uint64_t pc, struct cfi_row *ret);
