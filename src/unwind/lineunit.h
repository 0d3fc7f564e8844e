/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows and the file names of a line table share: the header of a unit. */
#pragma once

#include "linetable.h"

enum { OPCODES_MAX = 256 };

struct line_unit {
	size_t at, end; /* offsets in the section */
	unsigned word; /* bytes of an offset */
	unsigned form; /* version */
	uint8_t min_length, opcode_base, line_range;
	int8_t line_base;
	uint8_t lengths[OPCODES_MAX]; /* operands of each standard instruction */
	struct cursor names; /* directories and files */
	size_t program; /* offset of its first instruction */
	size_t first, n; /* its stretches, in the table's list */
};

struct line_bytes line_bytes_of(Elf *elf, const char *section);
/* A file of the unit as its header names it; NULL: it does not. */
const char *line_unit_file(
	struct linetable *t, const struct line_unit *u, uint64_t index, const char *compiled_in);
