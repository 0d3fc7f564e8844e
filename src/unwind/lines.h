/* SPDX-License-Identifier: Apache-2.0 */
/* Source lines and inlined functions of a place of the code, out of a module's DWARF. */
#pragma once

#include "pycore/limits.h"

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines;

/* The sections that these read, which must not be compressed. */
extern const char *const lines_sections[], *const lines_table_sections[];

/* Never NULL; without debug information there are no lines. The handles must outlive it. alt: the
 * file that the debug information refers to, or NULL. */
struct lines *lines_open(Elf *elf, Elf *alt);
/* The same by the line table alone, which knows no inlined functions. */
struct lines *lines_open_table(Elf *elf);
bool lines_any(const struct lines *l);
void lines_close(struct lines *l); /* NULL is fine */

/* A function at a place; names are as the file has them, and live as long as the lines. */
struct line_call {
	const char *name; /* mangled, if it is of a language that does so; NULL: unknown */
	const char *file; /* NULL: unknown */
	int line; /* 0: unknown */
	bool inlined;
};
/* The functions at an address of the file, innermost first; returns how many, at most INLINED_MAX.
 */
size_t lines_calls(struct lines *l, uint64_t addr, struct line_call ret[INLINED_MAX]);
