/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of a module by their addresses. */
#pragma once

#include "pycore/alloc.h"
#include "pycore/bytes.h"

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SYMBOL_TABLES_MAX = 3 };

/* A symbol table as the file has it, and its entries by address: in a chain for each stretch of
 * 1 << shift bytes from `low` on. */
struct symbol_table {
	Elf *elf;
	const uint8_t *bytes;
	size_t n, entry; /* entries, and the size of one */
	const char *names; /* a NUL ends them, or names_size is 0 */
	size_t names_size;
	enum byte_order order;
	bool partial; /* not all functions are in it */
	bool thumb; /* bit 0 of a function's value tells which kind of code it is */
	uint64_t low;
	unsigned shift;
	size_t n_chains;
	uint32_t *chains, *next; /* numbers of entries; 0: no more. Owned */
};

/* Zero-initialised is empty and ready. */
struct symbols {
	struct symbol_table tables[SYMBOL_TABLES_MAX];
	size_t n;
	struct symbol_stubs {
		struct symbol_table names; /* without chains */
		const uint8_t *relocations;
		size_t n;
		uint64_t start;
	} stubs;
	struct arena arena; /* names that no file holds */
};

struct symbol {
	uint64_t start, end; /* as the file has them */
	const char *name; /* lives as long as the symbols */
};

/* Adds the functions of a file's .symtab, or where it has none, of .dynsym. The handle must outlive
 * them. */
void symbols_add(struct symbols *s, Elf *elf);
/* Adds "f@plt" for each stub through which the file calls a function of another one. */
void symbols_add_stubs(struct symbols *s, Elf *elf);
/* The function that covers an address; false: none does. */
bool symbols_find(struct symbols *s, uint64_t addr, struct symbol *ret);
void symbols_fini(struct symbols *s);
