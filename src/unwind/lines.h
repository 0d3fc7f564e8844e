/* SPDX-License-Identifier: Apache-2.0 */
/* Source lines and inlined functions of a place of the code, out of a module's DWARF. */
#pragma once

#include "pycore/bytes.h"
#include "pycore/limits.h"

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines;

/* Never NULL; without debug information there are no lines. The handle must outlive it. */
struct lines *lines_open(Elf *elf);
/* The same by the line table alone, which knows no inlined functions. */
struct lines *lines_open_table(Elf *elf, enum byte_order order);
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
