/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted index of a module's functions. */
#pragma once

#include "pycore/alloc.h"

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Symbols that do not tell their size have this rank at least: they reach up to the next one, or to
 * their section's end. */
enum { RANK_UNSIZED = 64 };

struct symbol {
	uint64_t start, end; /* as the file has them */
	const char *name; /* in the file's bytes */
	uint8_t rank; /* of those that begin at one address the least is shown */
};

/* Zero-initialised is empty and ready. */
struct symbols {
	struct symbol *list;
	size_t n, cap;
	struct arena names; /* those that no file holds */
};

/* Adds the functions of a file's .symtab, or where it has none, of .dynsym. The handle must outlive
 * the index. */
void symbols_add(struct symbols *s, Elf *elf);
/* Adds "f@plt" for each stub through which the file calls a function of another one. */
void symbols_add_stubs(struct symbols *s, Elf *elf);
void symbols_sort(struct symbols *s);
/* The function that covers an address, or NULL. */
const struct symbol *symbols_find(const struct symbols *s, uint64_t addr);
void symbols_fini(struct symbols *s);
