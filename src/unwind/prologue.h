/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of code without call frame information, by what the function did when it began: that
 * says how far its part of the stack reaches, and where it has put the return address. For 32-bit
 * arm, where Debian's programs in C have no unwind tables and keep no frame pointers.
 */
#pragma once

#include "cfi.h"

enum { PROLOGUE_READ = 128 };

/* What a function does with the stack from its first instruction on, or from the first one that
 * stores something there. */
struct prologue {
	struct cfi_row row; /* as it is behind that; of what it saves, and of the CFA; with lr
			       only if that is saved */
	bool saves_lr;
	bool keeps_fp; /* the CFA is also this column plus fp_offset, if fp is the frame pointer */
	uint8_t fp;
	int64_t fp_offset;
};

/* Reads the n bytes of code that stand at a function's beginning, or inside of it, up to the first
 * branch. False: it does what is not known here. */
bool prologue_read(const uint8_t *bytes, size_t n, bool thumb, struct prologue *ret);
/* Whether such code, of which 4 bytes are given, stores lr below the stack pointer. */
bool prologue_stores_lr(const uint8_t bytes[4], bool thumb);
/* Bytes of arguments that the instruction that ends where these 4 bytes end puts onto the stack,
 * for a function with a variable number of them; 0: it is none such. */
unsigned prologue_pushes_arguments(const uint8_t bytes[4], bool thumb, unsigned *ret_length);
/* Where the call instruction that ends where these 4 bytes end leads to, the next instruction being
 * at `next`; false: that is in a register, or it is none. */
bool prologue_call_target(const uint8_t bytes[4], uint64_t next, bool thumb, uint64_t *ret);
