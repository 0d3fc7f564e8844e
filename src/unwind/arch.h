/* SPDX-License-Identifier: Apache-2.0 */
/* What unwinding has to know of an architecture, a row each, and a frame's registers. */
#pragma once

#include "pycore/bytes.h"
#include "pycore/elfcore.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COLUMNS_MAX = 34, CALL_BYTES_MAX = 8, PROLOGUE_BYTES = 16 };

/* Registers by their numbers in DWARF ("columns"). */
struct unwind_regs {
	uint64_t value[COLUMNS_MAX];
	uint64_t known; /* bit i: value[i] is known */
};

static inline bool regs_has(const struct unwind_regs *r, unsigned column)
{
	return column < COLUMNS_MAX && r->known >> column & 1;
}

static inline void regs_set(struct unwind_regs *r, unsigned column, uint64_t value)
{
	r->value[column] = value;
	r->known |= UINT64_C(1) << column;
}

struct unwind_arch {
	uint16_t machine;
	unsigned ptr_size;
	unsigned n_columns; /* those that are followed */
	int8_t raw_of[COLUMNS_MAX]; /* index in the kernel's register set; -1: not in it */
	unsigned sp, fp, ra; /* columns; ra: of the return address */
	uint64_t kept; /* columns that a function leaves to its caller as they were, unless its CFI
			  says otherwise */
	uint64_t code_mask; /* the bits of a code address; others may hold a signature */
	bool pushes_ra; /* a call stores the return address on the stack, not in column ra */
	bool signs_ra; /* DW_CFA 0x2d says that the return address is signed */
	unsigned call_bytes; /* the longest call instruction */
	/* Whether a call instruction ends where these call_bytes bytes end. */
	bool (*ends_in_call)(const uint8_t *bytes);
	/* How many bytes a function that begins so has run when its frame pointer is set up; 0: it
	 * keeps none. */
	size_t (*frame_set_up)(const uint8_t bytes[PROLOGUE_BYTES]);
	/* Whether code that goes on so only gives up its part of the stack, *ret bytes, and
	 * returns. NULL: such code is not known here. */
	bool (*returns)(const uint8_t bytes[PROLOGUE_BYTES], uint64_t *ret);
};

/* NULL: none. */
const struct unwind_arch *unwind_arch_find(uint16_t machine, unsigned ptr_size);
/* A thread's registers; false if the target has none of it. */
bool unwind_regs_take(const struct unwind_arch *a, const struct core_regs *from,
	enum byte_order order, struct unwind_regs *ret, uint64_t *ret_pc);
