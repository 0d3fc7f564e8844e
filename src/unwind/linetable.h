/* SPDX-License-Identifier: Apache-2.0 */
/* Source lines out of .debug_line, which alone is enough for them. */
#pragma once

#include "pycore/alloc.h"
#include "pycore/bytes.h"
#include "pycore/hash.h"

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A section's bytes; NULL: there is none. */
struct line_bytes {
	const uint8_t *bytes;
	size_t size;
};

struct line_row {
	uint64_t address, file;
	int64_t line;
};

/* Zero-initialised, or with sections that are at hand already, is empty and ready. */
struct linetable {
	Elf *elf; /* that the strings are taken out of when they are needed */
	Elf *alt; /* likewise, of those that are shared with other files; NULL: none */
	struct line_bytes lines, line_strings, strings, alt_strings;
	enum byte_order order;
	unsigned ptr_size;
	struct line_stretch {
		struct line_row first;
		uint64_t end; /* address */
		size_t at; /* offset of the instruction behind the first row */
	} * stretches; /* of each unit that was met, ascending */
	size_t n_stretches, cap_stretches;
	struct hash units; /* offset -> struct line_unit; 0: it cannot be used */
	struct line_mark {
		uint64_t address;
		size_t unit;
	} * marks; /* where sequences may begin, ascending; made when a unit is not known */
	size_t n_marks, cap_marks;
	bool marked;
	size_t spent; /* bytes of programs that were run, of LINE_BYTES_MAX */
	struct arena arena; /* units, names */
};

/* Takes the sections out of a file, which must outlive the table; false if it has none. */
bool linetable_open(struct linetable *t, Elf *elf);
void linetable_fini(struct linetable *t);

#define LINE_UNIT_UNKNOWN SIZE_MAX
struct line_place {
	size_t unit; /* its offset in .debug_line */
	uint64_t file; /* its number there */
	int line;
};
/* The line of an address. unit: DW_AT_stmt_list of the unit that holds it, or LINE_UNIT_UNKNOWN.
 * False: no line is known. */
bool linetable_find(struct linetable *t, size_t unit, uint64_t addr, struct line_place *ret);
/* A file by its number, or NULL; lives as long as the table. compiled_in: the folder that the
 * compiler ran in, or NULL; until version 4 the table does not hold it. */
const char *linetable_file(
	struct linetable *t, size_t unit, uint64_t file, const char *compiled_in);
