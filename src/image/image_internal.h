/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pycore/image.h"

enum { NOTES_MAX = 64 * 1024 }; /* bytes of notes that are searched for a build-id */

/* Where the dynamic symbol table lies, as addresses in memory. */
struct image_dynsym {
	struct err why; /* it could not be had */
	uint64_t symtab, strtab, strsz;
	uint64_t gnu_hash, sysv_hash; /* 0: none */
	/* head of the GNU hash table */
	uint32_t nbuckets, symoffset, bloom_size, bloom_shift;
	uint64_t bloom, buckets, chain;
};

/* Finds the tables, once. */
struct err image_dynsym_open(struct image *img, struct mem *mem);

/* The program headers that lie at `bytes`, of which `size` are at hand; *ret is malloc'ed. */
size_t image_parse_phdrs(
	const struct elf_head *head, const uint8_t *bytes, uint64_t size, struct elf_phdr **ret);

/* traces.c: whether the file is what has left these traces in memory; then its headers become the
 * image's, and its bias is known. */
bool image_traces_agree(struct image *img, const struct elf_head *head, const struct file_map *f);

/* One section header of a file at hand. */
struct elf_shdr {
	uint32_t name, type; /* offset of its name, SHT_* */
	uint64_t flags, offset, size;
	const uint8_t *at; /* where the header itself stands */
};
/* Section headers that are whole in the file, bounded: at most ELF_SECTIONS_MAX. */
size_t elf_section_count(const struct elf_head *head, const uint8_t *bytes, size_t size);
struct elf_shdr elf_section(const struct elf_head *head, const uint8_t *bytes, size_t i);
/* The section with the names of the sections; false: there is none. */
bool elf_section_names(
	const struct elf_head *head, const uint8_t *bytes, size_t size, struct elf_shdr *ret);
/* Whether the section's bytes are in the file. */
bool elf_section_inside(const struct elf_shdr *s, size_t size);
/* A section's name, NUL-terminated in the file; NULL: damaged, or absurdly long. */
const char *elf_section_name(
	const struct elf_shdr *names, const uint8_t *bytes, const struct elf_shdr *s);
