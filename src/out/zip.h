/* SPDX-License-Identifier: Apache-2.0 */
/* Members of zip archives, as far as Python imports from them: stored or deflated, not encrypted.
 */
#pragma once

#include "pycore/err.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The content of a member, malloc'ed. `archive` is the whole file and may hold anything. At most
 * SOURCE_FILE_MAX bytes come of it (ERR_LIMIT), and only what the archive's own check sum confirms
 * (ERR_CORRUPT); ERR_ABSENT: no such member; ERR_UNSUPPORTED: encrypted, or packed in another way.
 * The bytes of the directory and the content are taken from *budget, what it does not allow is
 * ERR_LIMIT.
 */
struct err zip_read(const uint8_t *archive, size_t size, const char *name, uint64_t *budget,
	uint8_t **ret, size_t *ret_size);
