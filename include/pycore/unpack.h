/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed bytes that are at hand: zlib (RFC 1950) and zstd (RFC 8878). */
#pragma once

#include "pycore/err.h"

#include <stddef.h>
#include <stdint.h>

enum packing { PACKED_ZLIB, PACKED_ZSTD };

/* Unpacks to exactly `size` bytes at ret. ERR_CORRUPT "compressed data": damaged, or they are more
 * or fewer; what stands at ret is then undefined. */
struct err unpack_bytes(
	enum packing how, const uint8_t *packed, size_t packed_size, uint8_t *ret, size_t size);
