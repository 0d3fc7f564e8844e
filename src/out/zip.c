/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zip archives (PKWARE's APPNOTE 6.3), little-endian. An end record at the end of the file tells
 * the size of the directory that lies directly in front of it; in archives that need 64 bits,
 * another end record and its locator lie between the two. Each entry of the directory leads to a
 * head in front of the packed bytes. Offsets count from the archive's first byte, which is not the
 * file's where something else was put in front of it, as `#!/usr/bin/python3`: so the directory is
 * taken from its size, and its stated offset then tells where the archive begins.
 *
 * Linking with libzip would make every start of pycore 0.7 ms longer, as it brings libcrypto along.
 */
#include "zip.h"

#include "pycore/alloc.h"
#include "pycore/bytes.h"
#include "pycore/limits.h"
#include "pycore/unpack.h"

#include <string.h>

enum { SIGN = 4, END = 22, END_64 = 56, LOCATOR = 20, ENTRY = 46, HEAD = 30, COMMENT_MAX = 65535 };
enum { ENCRYPTED = 1, STORED = 0, DEFLATED = 8, EXTRA_64 = 1 };

static const char sign_end[] = "PK\5\6", sign_end_64[] = "PK\6\6", sign_locator[] = "PK\6\7",
		  sign_entry[] = "PK\1\2", sign_head[] = "PK\3\4";

/* The archive in its file. */
struct archive {
	const uint8_t *bytes;
	size_t size;
	size_t base; /* where its first byte lies */
	size_t directory, directory_end;
};

struct entry {
	unsigned flags, method;
	uint32_t crc;
	uint64_t packed, size, offset;
};

/* Whether a record of that length and kind can lie at `at`. */
static bool record_at(const struct archive *a, size_t at, size_t length, const char *sign)
{
	return at <= a->size && length <= a->size - at && !memcmp(a->bytes + at, sign, SIGN);
}

static struct cursor cursor_at(const struct archive *a, size_t at, size_t skip)
{
	struct cursor c = cursor_of(a->bytes, a->size, ORDER_LITTLE);
	c.at = at + skip;
	return c;
}

static bool find_end(const struct archive *a, size_t *ret)
{
	size_t most = END + COMMENT_MAX;
	for (size_t back = END; back <= a->size && back <= most; back++) {
		size_t at = a->size - back;
		if (record_at(a, at, END, sign_end) &&
			bytes_uint(a->bytes + at + 20, 2, ORDER_LITTLE) <= back - END) {
			*ret = at;
			return true;
		}
	}
	return false;
}

static struct err find_directory(struct archive *a)
{
	size_t end;
	if (!find_end(a, &end))
		return err_of(ERR_UNSUPPORTED, "no zip archive");
	struct cursor c = cursor_at(a, end, 12);
	uint64_t size = cursor_uint(&c, 4), offset = cursor_uint(&c, 4);
	if (end >= LOCATOR + END_64 && record_at(a, end - LOCATOR, LOCATOR, sign_locator) &&
		record_at(a, end - LOCATOR - END_64, END_64, sign_end_64)) {
		end -= LOCATOR + END_64;
		c = cursor_at(a, end, 40);
		size = cursor_uint(&c, 8);
		offset = cursor_uint(&c, 8);
	}
	if (size > end || offset > end - size)
		return err_of(ERR_CORRUPT, "zip directory");
	a->directory = end - size;
	a->directory_end = end;
	a->base = a->directory - offset;
	return NO_ERR;
}

/* The offset of a member that lies beyond 4 GiB: the first that the extra field tells, as the sizes
 * have room where they belong. */
static uint64_t wide_offset(const uint8_t *extra, size_t n)
{
	struct cursor c = cursor_of(extra, n, ORDER_LITTLE);
	while (cursor_left(&c)) {
		unsigned id = (unsigned)cursor_uint(&c, 2), length = (unsigned)cursor_uint(&c, 2);
		if (id == EXTRA_64 && length >= 8)
			return cursor_uint(&c, 8);
		cursor_skip(&c, length);
	}
	return UINT64_MAX;
}

/* One entry; moves the cursor behind it. */
static bool next_entry(
	struct cursor *c, struct entry *ret, const uint8_t **ret_name, size_t *ret_length)
{
	const uint8_t *sign = cursor_take(c, SIGN);
	if (!sign || memcmp(sign, sign_entry, SIGN) != 0)
		return false;
	struct entry e = { 0 };
	cursor_skip(c, 4);
	e.flags = (unsigned)cursor_uint(c, 2);
	e.method = (unsigned)cursor_uint(c, 2);
	cursor_skip(c, 4);
	e.crc = (uint32_t)cursor_uint(c, 4);
	e.packed = cursor_uint(c, 4);
	e.size = cursor_uint(c, 4);
	size_t name = cursor_uint(c, 2), extra = cursor_uint(c, 2), comment = cursor_uint(c, 2);
	cursor_skip(c, 8);
	e.offset = cursor_uint(c, 4);
	*ret_name = cursor_take(c, name);
	*ret_length = name;
	const uint8_t *more = cursor_take(c, extra);
	if (more && e.offset == UINT32_MAX)
		e.offset = wide_offset(more, extra);
	cursor_skip(c, comment);
	*ret = e;
	return !c->overrun;
}

/* Of members with the same name the last one counts, as in Python. */
static struct err find_member(const struct archive *a, const char *name, struct entry *ret)
{
	struct cursor c =
		cursor_of(a->bytes + a->directory, a->directory_end - a->directory, ORDER_LITTLE);
	struct entry e = { 0 };
	const uint8_t *its_name;
	size_t length, wanted = strlen(name);
	bool found = false;
	while (next_entry(&c, &e, &its_name, &length)) {
		if (length == wanted && !memcmp(its_name, name, wanted)) {
			*ret = e;
			found = true;
		}
	}
	return found ? NO_ERR : err_of(ERR_ABSENT, "member of a zip archive");
}

/* Where the packed bytes of a member are. */
static struct err find_packed(const struct archive *a, const struct entry *e, const uint8_t **ret)
{
	if (e->offset > a->size - a->base || !record_at(a, a->base + e->offset, HEAD, sign_head))
		return err_of(ERR_CORRUPT, "zip member");
	struct cursor c = cursor_at(a, a->base + e->offset, 26);
	uint64_t name = cursor_uint(&c, 2), extra = cursor_uint(&c, 2);
	cursor_skip(&c, name + extra);
	const uint8_t *packed = cursor_take(&c, e->packed);
	if (!packed)
		return err_of(ERR_CORRUPT, "zip member");
	*ret = packed;
	return NO_ERR;
}

static struct err unpack(const uint8_t *packed, const struct entry *e, uint8_t *to)
{
	if (e->method == DEFLATED)
		return unpack_bytes(PACKED_DEFLATE, packed, e->packed, to, e->size);
	if (e->packed != e->size)
		return err_of(ERR_CORRUPT, "zip member");
	memcpy(to, packed, e->size);
	return NO_ERR;
}

static struct err spend(uint64_t *budget, uint64_t n)
{
	if (n > *budget)
		return err_of(ERR_LIMIT, "zip archives");
	*budget -= n;
	return NO_ERR;
}

struct err zip_read(const uint8_t *bytes, size_t size, const char *name, uint64_t *budget,
	uint8_t **ret, size_t *ret_size)
{
	struct archive a = { .bytes = bytes, .size = size };
	struct entry e = { 0 };
	const uint8_t *packed;
	TRY(find_directory(&a));
	TRY(spend(budget, a.directory_end - a.directory));
	TRY(find_member(&a, name, &e));
	if (e.flags & ENCRYPTED || (e.method != STORED && e.method != DEFLATED))
		return err_of(ERR_UNSUPPORTED, "zip member: encrypted or of another method");
	if (e.size > SOURCE_FILE_MAX)
		return err_of(ERR_LIMIT, "zip member");
	TRY(find_packed(&a, &e, &packed));
	TRY(spend(budget, e.size));
	AUTO_FREE uint8_t *to = xmalloc(e.size ? e.size : 1);
	TRY(unpack(packed, &e, to));
	if (bytes_crc32(to, e.size) != e.crc)
		return err_of(ERR_CORRUPT, "zip member");
	*ret_size = e.size;
	*ret = STEAL(to);
	return NO_ERR;
}
