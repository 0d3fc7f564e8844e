/* SPDX-License-Identifier: Apache-2.0 */
/* An ELF file as a process would have it in memory, made from the file: segments copied to where
 * they are mapped. */
#pragma once

#include "pycore/image.h"
#include "pycore/mem.h"

enum { LOADED_BASE = 0x7f0000000000, LOADED_MAX = 8 };

struct loaded {
	struct mem_buf mem;
	struct image image;
	struct file_map file;
	uint8_t *segments[LOADED_MAX]; /* writable, so that a test can damage them */
	size_t sizes[LOADED_MAX];
	size_t n;
};

/* Loads the file, an ELF file of this machine's kind. */
void loaded_init(struct loaded *l, const char *path);
void loaded_fini(struct loaded *l);
/* The local bytes that memory shows at an address of the file's program headers; NULL: none. */
uint8_t *loaded_at(struct loaded *l, uint64_t vaddr);
/* Forgets what the image has learned, as if it had not been looked at yet. */
void loaded_reset(struct loaded *l);
