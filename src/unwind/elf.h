/* SPDX-License-Identifier: Apache-2.0 */
/* libelf over bytes that are at hand. Where the file is damaged, things are not there. */
#pragma once

#include "pycore/bytes.h"
#include "pycore/image.h"
#include "pycore/opener.h"

#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL if these are no ELF file. The bytes must outlive it; elf_end() takes NULL. */
Elf *elf_open_bytes(uint8_t *bytes, size_t size);
Elf *elf_open_file(const struct file_map *file);

enum byte_order elf_order(Elf *elf);
unsigned elf_machine(Elf *elf); /* EM_*; EM_NONE if it cannot be told */

/* A section and its header, or NULL. elf may be NULL. */
Elf_Scn *elf_section_named(Elf *elf, const char *name, GElf_Shdr *ret);

/* A file made of the sections of another one that are wanted, unpacked. Zero-initialised is none.
 */
struct elf_copy {
	Elf *elf;
	uint8_t *bytes;
};
/* If one of these sections is compressed, makes such a file, which the caller ends, and yields its
 * handle; else yields the file's own. NULL, or without some sections: they cannot be unpacked, and
 * *ret_why says why. `names` ends with NULL. */
Elf *elf_unpacked(Elf *elf, const char *const *names, struct elf_copy *ret, struct err *ret_why);
void elf_copy_fini(struct elf_copy *c);

struct elf_part {
	const uint8_t *bytes;
	size_t size;
	uint64_t addr; /* as the file has it */
};
/* The bytes of a section that is not compressed; valid as long as the handle. */
bool elf_part_named(Elf *elf, const char *name, struct elf_part *ret);
/* How large a compressed section is when it is unpacked; 0: it is not compressed. */
uint64_t elf_packed_size(Elf *elf, const char *name);
/* From now on the handle has no content of the section; the file stays as it is. */
void elf_hide(Elf *elf, const char *name);
