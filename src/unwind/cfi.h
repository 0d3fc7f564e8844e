/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call frame information: for a place of the code, where its frame's caller finds its registers.
 *
 * All addresses are those of the ELF file (address in memory minus bias). Everything is read out of
 * local bytes, from a file or from memory alike, and may be damaged.
 */
#pragma once

#include "arch.h"

#include "pycore/err.h"
#include "pycore/mem.h"

/* A section, .eh_frame or .debug_frame. */
struct cfi_section {
	const uint8_t *bytes; /* NULL: there is none */
	size_t size;
	uint64_t addr; /* of bytes[0]; of .debug_frame it has no meaning */
	bool eh; /* .eh_frame */
	enum byte_order order;
	unsigned ptr_size;
	bool signs_ra; /* as in struct unwind_arch */

	/* .eh_frame_hdr: pairs of offsets {function, FDE}, ascending, relative to hdr_addr */
	const uint8_t *table;
	size_t table_len;
	uint64_t hdr_addr;

	/* where there is no such table: made by cfi_index() */
	struct cfi_span {
		uint64_t start, end;
		size_t at; /* of the FDE */
	} * spans;
	size_t n_spans, cap_spans;
	bool indexed;
};

/*
 * Finds .eh_frame through its header. `bytes` shows the file from address addr on and holds the
 * header at hdr_addr. ERR_CORRUPT, ERR_UNSUPPORTED: an index has to be made of the section itself.
 */
struct err cfi_open_eh(
	const uint8_t *bytes, size_t size, uint64_t addr, uint64_t hdr_addr, struct cfi_section *s);
/* Lists all FDEs, as far as they can be read. */
void cfi_index(struct cfi_section *s);
void cfi_fini(struct cfi_section *s);

enum cfi_how {
	CFI_UNSAID, /* as the architecture has it */
	CFI_SAME,
	CFI_UNDEFINED,
	CFI_AT_OFFSET, /* stored at CFA + offset */
	CFI_IS_OFFSET, /* is CFA + offset */
	CFI_REGISTER, /* in column `offset` */
	CFI_AT_EXPRESSION, /* stored where the expression says */
	CFI_IS_EXPRESSION,
};

/* `offset` of an expression: where in the section its length and bytes stand. */
struct cfi_rule {
	enum cfi_how how : 8;
	int64_t offset : 56;
};

struct cfi_row {
	uint64_t start, end; /* code that it holds for */
	uint64_t function, function_end; /* all code that the same FDE describes; 0, 0: not known */
	bool signal; /* frame of a signal handler's call */
	bool at_calls; /* does not hold in a function's first and last instructions */
	bool ra_signed;
	uint8_t ra; /* column */
	uint8_t cfa_column; /* CFA is this column plus offset, unless it is an expression */
	struct cfi_rule cfa; /* CFI_REGISTER, with the offset; CFI_IS_EXPRESSION */
	struct cfi_rule rules[COLUMNS_MAX];
	const struct cfi_section *section;
};

/* The row of an address. ERR_ABSENT: no FDE covers it. */
struct err cfi_row(struct cfi_section *s, uint64_t pc, struct cfi_row *ret);

/*
 * The caller's registers and the CFA. A column that cannot be told is not known afterwards; its
 * return address stands in column row->ra, unless *ret_outermost: there is no caller. Errors: the
 * CFA, or what the return address lies in, cannot be had.
 */
struct err cfi_apply(const struct cfi_row *row, const struct unwind_arch *arch, struct mem *mem,
	uint64_t bias, const struct unwind_regs *regs, struct unwind_regs *ret, uint64_t *ret_cfa,
	bool *ret_outermost);

/* Evaluates a DWARF expression. The stack begins with *first, if that is not NULL. */
struct err cfi_expression(struct cursor expr, struct mem *mem, uint64_t bias,
	const struct unwind_regs *regs, const uint64_t *first, uint64_t *ret);
