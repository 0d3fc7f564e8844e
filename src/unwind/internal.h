/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: an unwinder and its modules. */
#pragma once

#include "arch.h"
#include "cfi.h"
#include "symbols.h"

#include "pycore/alloc.h"
#include "pycore/hash.h"
#include "pycore/unwind.h"

#include <libelf.h>

/* An image and what unwinding keeps of it, opened when it is first met. */
struct module {
	struct image *img;
	bool opened, named; /* CFI, names: looked for */
	uint8_t *copy; /* memory of a module without file; owned */
	struct cfi_section eh, debug;
	bool debug_tried;
	Elf *elf; /* of the attached file, or of the copy; NULL: none */
	struct file_map debug_file; /* with the debug information that was split off */
	Elf *debug_elf;
	bool debug_file_tried;
	uint8_t *unpacked; /* .gnu_debugdata; owned */
	Elf *unpacked_elf;
	struct symbols symbols;
	struct lines *lines;
};

struct unwind {
	struct target *target;
	const struct unwind_arch *arch;
	struct module *modules; /* one for each image of the target, in its order */
	size_t n_modules;
	enum unwind_effort effort; /* of unwind_name() */
	struct arena arena; /* rows, places, names */
	struct hash rows; /* address -> struct cfi_row; 0: there is none */
	struct hash places; /* address -> struct native_place */
};

/* The module that is mapped at addr, or NULL. */
struct module *unwind_module(struct unwind *u, uint64_t addr);
/* The row of an address in memory, or NULL. Opens what it must. */
const struct cfi_row *unwind_row(struct unwind *u, uint64_t addr);
/* Whether code is mapped there. */
bool unwind_is_code(struct unwind *u, uint64_t addr);

void module_open(struct unwind *u, struct module *m);
void module_fini(struct module *m);
/* Sees to it that the debug information is at hand that was split off, if there is any. */
void module_need_debug_file(struct unwind *u, struct module *m);
/* The symbol index. */
const struct symbols *module_symbols(struct unwind *u, struct module *m);
