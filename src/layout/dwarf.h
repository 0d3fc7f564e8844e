/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPython's structs as the DWARF of one ELF file describes them.
 *
 * Opens no other file than the one it was given: names and types that a supplementary (dwz) or
 * split debug file holds count as missing.
 */
#pragma once

#include "pycore/layout.h"

#include <elfutils/libdw.h>

/* Structs that fields.def names, and _Py_DebugOffsets. */
enum { TYPES_MAX = 192, TYPES_SLOTS = 512 };

struct type_named {
	const char *name; /* points into fields.def's columns: not NUL-terminated */
	uint32_t len;
	bool found, missing; /* missing: the file does not hold that name at all */
	Dwarf_Die die; /* its definition, when found */
};

/* Zero-initialised is closed. */
struct types {
	Elf *elf;
	uint8_t *unpacked; /* the file that this is on, where the given one is compressed */
	Dwarf *dwarf;
	enum byte_order order;
	unsigned ptr_size;
	size_t len, left; /* names wanted; of them not found and not known to be missing */
	struct type_named list[TYPES_MAX];
	uint16_t slots[TYPES_SLOTS]; /* hash of the names: index into list + 1 */
};

/*
 * Finds the definitions. `image` must outlive the struct. ERR_CORRUPT if it is no ELF file,
 * ERR_ABSENT if it has no DWARF or none of the structs. Close it also after a failure.
 */
struct err types_open(struct types *t, const void *image, size_t size);
void types_close(struct types *t);

/* Whether this file has any of the structs that the field can be in. */
bool types_have(const struct types *t, enum field f);
/* Where that field is, with ORIGIN_DWARF; absent if this build has no such struct or member. */
struct field_at types_field(const struct types *t, enum field f);

/* The members of one struct in the order of their declaration; nested structs one level deep as
 * "part.member". */
typedef void types_member_fn(
	void *arg, const char *part, const char *member, uint64_t offset, uint64_t size);
struct err types_members(const struct types *t, const char *name, types_member_fn *fn, void *arg);

/* DW_AT_producer of the first unit that has one: the compiler and its options; NULL if none does.
 */
const char *types_producer(const struct types *t);
