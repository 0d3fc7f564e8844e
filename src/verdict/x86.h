/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of x86 share: registers, and the words that an instruction is made of. */
#pragma once

#include "decoding.h"

/* A register that makes addresses. */
struct x86_reg_row {
	x86_reg id; /* Capstone's number */
	uint8_t bytes;
	const char *name;
	const char *in64, *in32; /* that of the whole register in cores; NULL: there is none */
};
/* NULL: none of these. */
const struct x86_reg_row *x86_row_of(unsigned id);
bool x86_is_64(const struct decoding *d);
/* The instruction's name without "lock" and "rep". */
const char *x86_name(const struct decoding *d);
uint64_t x86_mask(unsigned bytes);
/* The value of a register, cut to its width. One that has no row makes the instruction untold. */
uint64_t x86_value(struct decoding *d, unsigned id);
/* Only segments that threads live in have a base. */
uint64_t x86_segment_base(struct decoding *d, unsigned segment);
/* That of the three which is as wide as addresses are. */
unsigned x86_wide_reg(const struct decoding *d, unsigned r, unsigned e, unsigned x);
bool x86_is_stack_pointer(unsigned reg);

/* Memory that no operand names: the stack, and others. */
void x86_add_implied(struct decoding *d);
