/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: an unwinder and its modules. */
#pragma once

#include "arch.h"
#include "cfi.h"
#include "ehabi.h"
#include "elf.h"
#include "symbols.h"

#include "pycore/alloc.h"
#include "pycore/hash.h"
#include "pycore/search.h"
#include "pycore/unwind.h"

#include <libelf.h>

/* An image and what unwinding keeps of it, opened when it is first met. */
struct module {
	struct image *img;
	bool opened, named; /* CFI, names: looked for */
	bool fetched; /* debuginfod was asked for the file */
	uint8_t *copy; /* memory of a module without file; owned */
	const struct elf_phdr *copied; /* the segment that this is */
	uint8_t *made; /* see image_dynsym_file(); owned */
	struct cfi_section eh, debug;
	struct ehabi_tables tables; /* of arm */
	bool debug_tried;
	Elf *elf; /* of the attached file, or of the copy; NULL: none */
	struct found_file debug_file; /* with the debug information that was split off */
	Elf *debug_elf;
	bool debug_file_tried, debug_file_asked; /* here; and at debuginfod */
	struct found_file alt_file; /* that one of them refers to */
	Elf *alt_elf;
	struct elf_copy *copies; /* unpacked sections of all these */
	size_t n_copies, cap_copies;
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
	uint64_t copied; /* bytes of memory of modules without file */
	enum unwind_effort effort; /* of unwind_name() */
	struct arena arena; /* rows, places, names */
	struct hash rows; /* address -> struct cfi_row; 0: there is none */
	struct hash prologues; /* address, and whether it is exact -> struct cfi_row */
	struct hash symbol_places,
		places; /* address -> struct native_place: by symbols only, or not */
};

/* The module that is mapped at addr, or NULL. */
struct module *unwind_module(struct unwind *u, uint64_t addr);
/* The row of an address in memory, or NULL. Opens what it must. */
const struct cfi_row *unwind_row(struct unwind *u, uint64_t addr);
/* Whether a frame's address is in the code with which the program begins. */
bool unwind_is_entry(const struct target *t, uint64_t pc);
/* Whether code is mapped there. */
bool unwind_is_code(struct unwind *u, uint64_t addr);
/* Whether a call instruction ends there; of a word as the stack has it, with bits outside of the
 * architecture's code_mask. */
bool unwind_is_return(struct unwind *u, uint64_t raw);
/* Whether the call that returns there can have led to pc; in doubt it can. */
bool unwind_may_have_called(struct unwind *u, uint64_t raw, uint64_t pc);
/* unwind_leaf_row(): of a function that a symbol names, and that leaves lr as it was up to pc.
 * unwind_prologue_row(): what the function at pc, which has these registers, did when it began. A
 * guess: nothing but the stack itself tells that it was this function. False: nothing fits, or it
 * is not known here. */
bool unwind_leaf_row(struct unwind *u, uint64_t pc, bool thumb, struct cfi_row *ret);
bool unwind_prologue_row(struct unwind *u, uint64_t pc, bool thumb, bool exact,
	const struct unwind_regs *regs, struct cfi_row *ret);

void module_open(struct unwind *u, struct module *m);
void module_fini(struct module *m);
/* Sees to it that the debug information is at hand that was split off, if there is any. `ask`:
 * debuginfod may be asked. */
void module_need_debug_file(struct unwind *u, struct module *m, bool ask);
/* The file that the DWARF of the module's own file or of its debug file refers to (dwz), or NULL.
 */
Elf *module_need_alt(struct unwind *u, struct module *m, Elf *elf);
/* A handle on sections of one of the module's files, unpacked; `names` ends with NULL. NULL: they
 * cannot be had. */
Elf *module_unpacked(struct unwind *u, struct module *m, Elf *elf, const char *const *names);
/* The symbol index. */
struct symbols *module_symbols(struct unwind *u, struct module *m);
