/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed bytes that are at hand: zlib (RFC 1950), deflate without
 * zlib's head (RFC 1951) and zstd (RFC 8878); and their checksum. */
#pragma once

#include "pycore/err.h"

#include <stddef.h>
#include <stdint.h>

enum packing { PACKED_ZLIB, PACKED_DEFLATE, PACKED_ZSTD };

/* Unpacks to exactly `size` bytes at ret. ERR_CORRUPT "compressed data": damaged, or they are more
 * or fewer; what stands at ret is then undefined. */
struct err unpack_bytes(
	enum packing how, const uint8_t *packed, size_t packed_size, uint8_t *ret, size_t size);

/* CRC-32 as in .gnu_debuglink and zip archives. */
uint32_t bytes_crc32(const uint8_t *bytes, size_t n);
