/* SPDX-License-Identifier: Apache-2.0 */
/* Source lines out of .debug_line alone: where the rest of the debug information is too costly to
 * unpack. */
#pragma once

#include "pycore/alloc.h"
#include "pycore/bytes.h"

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A section's bytes; NULL: there is none. */
struct line_bytes {
	const uint8_t *bytes;
	size_t size;
};

struct linetable {
	struct line_bytes lines, line_strings, strings;
	enum byte_order order;
	struct line_sequence {
		uint64_t start, end; /* addresses */
		size_t unit, at; /* offsets of the unit, and of the first instruction */
	} * list; /* ascending */
	size_t n, cap;
	struct arena names;
};

/* Indexes the sections, which must outlive it. Damaged units are left out. */
void linetable_init(struct linetable *t);
/* Takes the sections out of a file; false if it has none. */
bool linetable_open(struct linetable *t, Elf *elf, enum byte_order order);
void linetable_fini(struct linetable *t);
/* The line of an address; false: none is known. *ret_file lives as long as the table, and may be
 * NULL. */
bool linetable_find(struct linetable *t, uint64_t addr, const char **ret_file, int *ret_line);
