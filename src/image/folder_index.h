/* SPDX-License-Identifier: Apache-2.0 */
/* The ELF files of folders, by build-id. */
#pragma once

#include "pycore/err.h"
#include "pycore/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct folder_file {
	uint8_t id[BUILD_ID_MAX];
	size_t id_size;
	char *path; /* owned */
	bool program, has_debug; /* as in struct elf_ident */
};

/* Zero-initialised is empty and ready. */
struct folder_index {
	struct folder_file *list; /* ascending by id, once sorted */
	size_t n, cap;
};

/* Adds the files of a folder and of those inside of it, `depth` deep; budget: see opener_visit().
 */
struct err folder_index_add(
	struct folder_index *x, const char *folder, unsigned depth, size_t *budget);
void folder_index_sort(struct folder_index *x);
/* The i-th file with that build-id, or NULL. */
const struct folder_file *folder_index_find(
	const struct folder_index *x, const uint8_t *id, size_t id_size, size_t i);
void folder_index_fini(struct folder_index *x);
