/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pycore/image.h"

/* Where the dynamic symbol table lies, as addresses in memory. */
struct image_dynsym {
	struct err why; /* it could not be had */
	uint64_t symtab, strtab, strsz;
	uint64_t gnu_hash, sysv_hash; /* 0: none */
	/* head of the GNU hash table */
	uint32_t nbuckets, symoffset, bloom_size, bloom_shift;
	uint64_t bloom, buckets, chain;
};
