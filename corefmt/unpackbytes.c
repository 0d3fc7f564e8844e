/* SPDX-License-Identifier: Apache-2.0 */
#include "pycore/unpack.h"

#include <limits.h>
#include <zlib.h>
#include <zstd.h>

/* zlib counts by unsigned int, so that long runs go through it in parts. */
static unsigned part_of(size_t left)
{
	return left < UINT_MAX ? (unsigned)left : UINT_MAX;
}

/* window_bits: of inflateInit2(); below zero where the bytes have no head. */
static bool inflate_bytes(
	int window_bits, const uint8_t *packed, size_t packed_size, uint8_t *ret, size_t size)
{
	z_stream z = { 0 };
	if (inflateInit2(&z, window_bits) != Z_OK)
		return false;
	const uint8_t *end = packed + packed_size;
	uint8_t *ret_end = ret + size;
	z.next_in = (Bytef *)packed;
	z.next_out = ret;
	int status = Z_OK;
	while (status == Z_OK) {
		z.avail_in = part_of((size_t)(end - z.next_in));
		z.avail_out = part_of((size_t)(ret_end - z.next_out));
		status = inflate(&z, Z_NO_FLUSH); /* Z_BUF_ERROR: no progress */
	}
	inflateEnd(&z);
	return status == Z_STREAM_END && z.next_out == ret_end;
}

struct err unpack_bytes(
	enum packing how, const uint8_t *packed, size_t packed_size, uint8_t *ret, size_t size)
{
	bool good = false;
	switch (how) {
	case PACKED_ZLIB:
		good = inflate_bytes(MAX_WBITS, packed, packed_size, ret, size);
		break;
	case PACKED_DEFLATE:
		good = inflate_bytes(-MAX_WBITS, packed, packed_size, ret, size);
		break;
	case PACKED_ZSTD:
		good = ZSTD_decompress(ret, size, packed, packed_size) == size;
		break;
	}
	return good ? NO_ERR : err_of(ERR_CORRUPT, "compressed data");
}

uint32_t bytes_crc32(const uint8_t *bytes, size_t n)
{
	return (uint32_t)crc32_z(0, bytes, n);
}
