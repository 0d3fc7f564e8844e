/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct image: one ELF file as it is mapped into the target: executable, shared library, vdso.
 *
 * What memory holds is read from memory (header, program headers, build-id, dynamic symbols); the
 * file on disk, once its build-id has been matched, adds what is never mapped (section headers,
 * .symtab, DWARF).
 */
#pragma once

#include "pycore/elfcore.h"
#include "pycore/err.h"
#include "pycore/mem.h"
#include "pycore/opener.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A run of the file in memory: [start, end) shows the file from `offset` on. */
struct image_piece {
	uint64_t start, end, offset;
	unsigned perm; /* enum mem_perm; 0 where the source does not tell */
};

enum image_match {
	MATCH_NONE, /* no file is attached */
	MATCH_BUILD_ID, /* the file has the build-id that memory shows, or that the core notes */
	MATCH_CHECKSUM, /* no build-id; the file has the CRC-32 that the core notes */
	MATCH_HEADER, /* neither has a build-id; ELF header and program headers are the same */
	MATCH_TRACES, /* memory does not show its header; what the kernel and the dynamic linker
			 noted of it, and its dynamic section, are the same */
	MATCH_UNPROVEN, /* memory does not show enough to compare; the user named the file */
};

/* What memory tells of an image whose header it does not show. */
struct image_traces {
	struct mem *mem; /* NULL: nothing */
	uint64_t phdr, phnum, entry; /* of a program: AT_PHDR, AT_PHNUM, AT_ENTRY; else 0 */
	uint64_t bias, dynamic; /* of a library, by the dynamic linker; dynamic is 0 otherwise */
};

struct image {
	char *path; /* as the target names it, "[vdso]" included; owned */
	bool deleted; /* unlinked or replaced while it was mapped */
	struct image_piece *pieces; /* ascending; owned */
	size_t n_pieces, cap_pieces;

	bool probed, elf; /* looked at; what lies there is an ELF image with these: */
	struct elf_head head;
	struct elf_phdr *phdrs;
	size_t n_phdrs;
	uint64_t bias; /* address in memory = bias + address in the file's program headers */
	uint8_t build_id[BUILD_ID_MAX];
	size_t build_id_size; /* 0: none, or not in memory */
	bool id_noted; /* memory has not shown it: the core notes it beside the path */
	bool has_checksum; /* likewise noted: the CRC-32 of the file, which has no build-id */
	uint32_t checksum;

	struct image_traces traces;
	uint16_t machine; /* EM_* of the target; 0: not known */
	enum image_match match;
	char *file_path; /* the file that was attached; owned; NULL with MATCH_NONE */
	struct file_map file;
	bool file_tried;
	struct err file_why; /* why none is attached, once tried */
	bool servers_tried;

	struct image_dynsym *dynsym; /* opened by image_dynsym() */
};

/* pieces are added in ascending order */
void image_init(struct image *img, const char *path);
void image_add_piece(struct image *img, struct image_piece p);
void image_fini(struct image *img);
/* What the core notes of it, which counts where memory does not show it. */
void image_note_build_id(struct image *img, const uint8_t *id, size_t size);
void image_note_checksum(struct image *img, uint32_t checksum);

uint64_t image_start(const struct image *img);
uint64_t image_end(const struct image *img);
bool image_holds(const struct image *img, uint64_t addr);
/* Where addr lies, in the terms of the image's program headers; of where it begins, if these are
 * not known. */
uint64_t image_offset(const struct image *img, uint64_t addr);
/* The path's last component. */
const char *image_name(const struct image *img);

/* By its name it is memory that processes share, and no file. */
bool image_is_memory(const struct image *img);
/* False: its content, as far as it was looked at, or its name shows that it is no program or
 * library. */
bool image_may_be_elf(const struct image *img);

/* Reads header, program headers and build-id from memory, once. Errors of the memory source,
 * ERR_UNSUPPORTED for a mapped file that is no ELF. */
struct err image_probe(struct image *img, struct mem *mem);

/* Its next segment that is written to, in whole pages, in the order of its program headers; *at is
 * 0 at first. False: there are no more. Variables without a file behind them belong to it. */
bool image_next_data(const struct image *img, size_t *at, struct mem_run *ret);
/* The same to the byte. What is left of the pages nobody uses as a rule, but musl gives it to its
 * malloc. */
bool image_next_variables(const struct image *img, size_t *at, struct mem_run *ret);

/* Pieces as the program headers lay them out, in place of those that were known. */
void image_lay_out(struct image *img);

/*
 * Compares an opened ELF file with what memory shows and keeps it (and takes over `file`) if it is
 * the same. ERR_UNSUPPORTED "is no ELF program or library", ERR_CORRUPT "build-id differs" with the
 * file's own id in ret_id. `named_by_user`: accept it also where memory shows too little to tell,
 * if it would be mapped as the pieces are.
 */
struct err image_attach(struct image *img, const char *path, struct file_map *file,
	bool named_by_user, uint8_t ret_id[BUILD_ID_MAX], size_t *ret_id_size);

/* The bytes of the attached file that memory shows at addr, up to the end of the piece; NULL if
 * there are none. */
const uint8_t *image_file_bytes(const struct image *img, uint64_t addr, size_t *ret_size);

/* What a file is, told by its content. */
struct elf_ident {
	struct elf_head head;
	uint8_t build_id[BUILD_ID_MAX];
	size_t build_id_size; /* 0: none */
	bool program; /* a program or library, not only the debug information of one */
	bool has_debug; /* .symtab or DWARF */
	bool cut; /* its section headers are not all there */
};
/* ERR_UNSUPPORTED "is no ELF program or library". Reads headers and notes only. */
struct err elf_ident_read(const uint8_t *bytes, size_t size, struct elf_ident *ret);

/*
 * A copy of an ELF file that holds no sections but those that are named, unpacked where they are
 * compressed (by zlib or zstd; also the older .zdebug_*, under their usual names). Sections that
 * are damaged are left out, and *ret_whole is false. `names` ends with NULL; *ret is malloc'ed.
 * ERR_ABSENT: none of these sections is compressed; ERR_LIMIT: they would be larger than
 * DEBUG_UNPACKED_MAX; ERR_CORRUPT.
 */
struct err elf_unpack(const uint8_t *bytes, size_t size, const char *const *names, uint8_t **ret,
	size_t *ret_size, bool *ret_whole);

/* A symbol's address in memory and its size. */
struct image_symbol {
	uint64_t addr, size;
};
/* Looks a defined symbol up in the dynamic symbol table, in memory, through its hash table.
 * ERR_ABSENT: there is none of that name; other errors: the table could not be read. */
struct err image_dynsym(
	struct image *img, struct mem *mem, const char *name, struct image_symbol *ret);
/* Makes an ELF file of the functions of the dynamic symbol table, out of memory as far as it is
 * there, for images whose own file is gone. *ret is malloc'ed. The same errors, and ERR_LIMIT: the
 * symbols and their names are more than `max` bytes. */
struct err image_dynsym_file(
	struct image *img, struct mem *mem, size_t max, uint8_t **ret, size_t *ret_size);
/* Looks data symbols up in .symtab of the attached file, local ones too, also with a compiler's
 * suffix (name.lto_priv.0), in one pass. "file.c:name" is a local one of that source file. ret[i]
 * belongs to names[i]; addr 0: there is none (or no file, or no table). */
void image_symtab(struct image *img, const char *const *names, size_t n, struct image_symbol *ret);
/* An allocated section by name, from the attached file: its address in memory and size. */
struct err image_section(struct image *img, const char *name, struct image_symbol *ret);

/* Hexadecimal text of a build-id; "" for none. */
const char *build_id_text(const uint8_t *id, size_t size, char buf[2 * BUILD_ID_MAX + 1]);
