/* SPDX-License-Identifier: Apache-2.0 */
/* libelf over bytes that are at hand. Where the file is damaged, things are not there. */
#pragma once

#include "pycore/opener.h"

#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL if these are no ELF file. The bytes must outlive it; elf_end() takes NULL. */
Elf *elf_open_bytes(uint8_t *bytes, size_t size);
Elf *elf_open_file(const struct file_map *file);

/* A section and its header, or NULL. elf may be NULL. */
Elf_Scn *elf_section_named(Elf *elf, const char *name, GElf_Shdr *ret);

struct elf_part {
	const uint8_t *bytes;
	size_t size;
	uint64_t addr; /* as the file has it */
};
/* The bytes of a section, unpacked if it is compressed; valid as long as the handle. */
bool elf_part_named(Elf *elf, const char *name, struct elf_part *ret);
/* How large a compressed section is when it is unpacked; 0: it is not compressed. */
uint64_t elf_packed_size(Elf *elf, const char *name);
/* From now on the handle has no content of the section; the file stays as it is. */
void elf_hide(Elf *elf, const char *name);
/* The build-id, or size 0. */
size_t elf_own_build_id(Elf *elf, const uint8_t **ret);
