/* SPDX-License-Identifier: Apache-2.0 */
/* What unwinding has to know of an architecture, a row each, and a frame's registers. */
#pragma once

#include "pycore/bytes.h"
#include "pycore/elfcore.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COLUMNS_MAX = 34, CALL_BYTES_MAX = 8, PROLOGUE_BYTES = 16, NO_COLUMN = COLUMNS_MAX };

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
	unsigned sp, fp, ra; /* columns; ra: of the return address; fp NO_COLUMN: nothing leads
				from frame to frame */
	uint64_t kept; /* columns that a function leaves to its caller as they were, unless its CFI
			  says otherwise; ra among them, unless a call stores that on the stack */
	uint64_t code_mask; /* the bits of a code address; others may hold a signature, or which
			       kind of code it is */
	bool pushes_ra; /* a call stores the return address on the stack, not in column ra */
	bool signs_ra; /* DW_CFA 0x2d says that the return address is signed */
	/* What a caller leaves free below its canonical frame address for what it calls, so many
	 * bytes above its stack pointer; and where in there that one stores the return address. */
	unsigned save_area, saved_ra;
	/* The register of the kernel's set and its bit that tell which kind of code runs: bit 0 of
	 * a code address. state_bit 0: there is only one kind. */
	unsigned state_raw, state_bit;
	/* Registers of the floating point unit that are followed, columns from fp_first on:
	 * where in the kernel's set of those; for functions that keep others in them. */
	unsigned fp_first, n_fp;
	const uint8_t *fp_at; /* in bytes */
	unsigned call_bytes; /* the longest call instruction */
	/* Whether a call instruction ends where these call_bytes bytes end, in each kind of code.
	 */
	bool (*ends_in_call[2])(const uint8_t *bytes);
	/* Where the call that ends there and returns to `next` leads to, or, *ret_in_memory, at
	 * what address that stands; false: in a register. And whether the code at `at` does nothing
	 * but to jump to what stands at *ret. NULL, both: not known here. */
	bool (*call_to)(const uint8_t *bytes, uint64_t next, uint64_t *ret, bool *ret_in_memory);
	bool (*stub_to)(const uint8_t bytes[PROLOGUE_BYTES], uint64_t at, uint64_t *ret);
	/* How many bytes a function that begins so has run when its frame pointer is set up; 0: it
	 * keeps none. NULL: there are no frame pointers. */
	size_t (*frame_set_up)(const uint8_t bytes[PROLOGUE_BYTES]);
	/* Whether code that goes on so only gives up its part of the stack, *ret bytes, and
	 * returns. NULL: such code is not known here. */
	bool (*returns)(const uint8_t bytes[PROLOGUE_BYTES], uint64_t *ret);
	/* Whether code that goes on so ends its thread: that stands behind the call of a thread's
	 * function, in C libraries that have no call frame information there. NULL: as before. */
	bool (*exits)(const uint8_t bytes[PROLOGUE_BYTES]);
	/* What the kernel has a signal handler return to, where the C library has no call frame
	 * information for it: the code; and where each column of what was interrupted lies above
	 * the stack pointer. resume_size 0: not known here. */
	unsigned resume_size;
	const uint8_t *resume_code, *resumed_at;
};

/* NULL: none. */
const struct unwind_arch *unwind_arch_find(uint16_t machine, unsigned ptr_size);
/* A thread's registers; false if the target has none of it. *ret_pc has bits outside of code_mask
 * as an address that leads to such code has them. */
bool unwind_regs_take(const struct unwind_arch *a, const struct core_regs *from,
	enum byte_order order, struct unwind_regs *ret, uint64_t *ret_pc);
