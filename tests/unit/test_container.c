/* SPDX-License-Identifier: Apache-2.0 */
#include "suites.h"

#include "pycore/alloc.h"
#include "pycore/container.h"
#include "pycore/str.h"

#include <errno.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { BLOCK = 4096, MIB = 1024 * 1024 };

static char scratch[64];

static void make_scratch(void)
{
	strcpy(scratch, "/tmp/pycore-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(scratch));
}

static void drop_scratch(void)
{
	AUTO_FREE char *command = xasprintf("rm -rf %s", scratch);
	ck_assert_int_eq(system(command), 0);
}

static char *scratch_file(const void *content, size_t n)
{
	char *path = xasprintf("%s/core", scratch);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(content, 1, n, f), n);
	fclose(f);
	return path;
}

static struct err open_bytes(
	const void *content, size_t n, const struct container_options *opt, struct container *ret)
{
	AUTO_FREE char *path = scratch_file(content, n);
	struct container_options here = { .tmpdir = scratch };
	return container_open(path, opt ? opt : &here, ret);
}

/* Something like a core: noise, runs of zeros of all lengths, text; `n` bytes. */
static uint8_t *make_plain(size_t n)
{
	uint8_t *bytes = xcalloc(n, 1);
	uint32_t state = 1;
	for (size_t at = 0; at < n;) {
		state = state * 1664525 + 1013904223;
		size_t run = (state >> 8) % (3 * BLOCK);
		bool zero = state >> 30 == 0;
		for (size_t i = 0; i < run && at < n; i++, at++) {
			state = state * 1664525 + 1013904223;
			bytes[at] =
				zero ? 0 : (uint8_t)(state >> 24 & (at / BLOCK % 3 ? 0x0f : 0xff));
		}
	}
	return bytes;
}

static void gzip_add(struct str *s, const void *bytes, size_t n)
{
	enum { GZIP = 16 };
	z_stream z = { .next_in = (Bytef *)bytes, .avail_in = (uInt)n };
	ck_assert_int_eq(
		deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + GZIP, 8, Z_DEFAULT_STRATEGY), Z_OK);
	size_t room = deflateBound(&z, n) + 64;
	AUTO_FREE uint8_t *out = xmalloc(room);
	z.next_out = out;
	z.avail_out = (uInt)room;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	str_add(s, out, room - z.avail_out);
	deflateEnd(&z);
}

static void zstd_add(struct str *s, const void *bytes, size_t n)
{
	size_t room = ZSTD_compressBound(n);
	AUTO_FREE uint8_t *out = xmalloc(room);
	ZSTD_CCtx *z = ZSTD_createCCtx();
	ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
	size_t size = ZSTD_compress2(z, out, room, bytes, n);
	ck_assert(!ZSTD_isError(size));
	str_add(s, out, size);
	ZSTD_freeCCtx(z);
}

static void xz_add(struct str *s, const void *bytes, size_t n)
{
	size_t room = lzma_stream_buffer_bound(n), size = 0;
	AUTO_FREE uint8_t *out = xmalloc(room);
	ck_assert_int_eq(
		lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, bytes, n, out, &size, room),
		LZMA_OK);
	str_add(s, out, size);
}

static void lz4_add(struct str *s, const void *bytes, size_t n)
{
	LZ4F_preferences_t how = { .frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled };
	size_t room = LZ4F_compressFrameBound(n, &how);
	AUTO_FREE uint8_t *out = xmalloc(room);
	size_t size = LZ4F_compressFrame(out, room, bytes, n, &how);
	ck_assert(!LZ4F_isError(size));
	str_add(s, out, size);
}

static const struct {
	enum container_kind kind;
	size_t magic; /* bytes of it */
	void (*add)(struct str *s, const void *bytes, size_t n);
} packers[] = {
	{ CONTAINER_GZIP, 2, gzip_add },
	{ CONTAINER_ZSTD, 4, zstd_add },
	{ CONTAINER_XZ, 6, xz_add },
	{ CONTAINER_LZ4, 4, lz4_add },
};

static const size_t sizes[] = { 1, 3, BLOCK - 1, BLOCK, BLOCK + 1, 256 * 1024, 256 * 1024 + 5,
	3 * MIB + 17 };

static void assert_whole(const struct container *c, const uint8_t *plain, size_t n)
{
	ck_assert(!c->cut);
	ck_assert_uint_eq(c->size, n);
	ck_assert_int_eq(memcmp(c->bytes, plain, n), 0);
}

START_TEST(plain_is_mapped)
{
	struct container c;
	AUTO_FREE uint8_t *plain = make_plain(100000);
	plain[0] = 0x7f;
	ck_assert_ok(open_bytes(plain, 100000, NULL, &c));
	ck_assert_int_eq(c.kind, CONTAINER_PLAIN);
	assert_whole(&c, plain, 100000);
	ck_assert_int_gt(c.mtime.tv_sec, 0);
	container_close(&c);
	container_close(&c);
	container_close(NULL);
	ck_assert_ok(open_bytes("", 0, NULL, &c));
	ck_assert_ptr_null(c.bytes);
	ck_assert_uint_eq(c.size, 0);
	container_close(&c);
}
END_TEST

START_TEST(round_trip)
{
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct container c;
		AUTO_STR(packed);
		AUTO_FREE uint8_t *plain = make_plain(sizes[i]);
		packers[_i].add(&packed, plain, sizes[i]);
		ck_assert_ok(open_bytes(packed.bytes, packed.len, NULL, &c));
		ck_assert_int_eq(c.kind, packers[_i].kind);
		assert_whole(&c, plain, sizes[i]);
		container_close(&c);
	}
}
END_TEST

START_TEST(several_members)
{
	struct container c;
	enum { N = 700000 };
	AUTO_STR(packed);
	AUTO_FREE uint8_t *plain = make_plain(N);
	packers[_i].add(&packed, plain, 300000);
	packers[_i].add(&packed, plain + 300000, 0);
	packers[_i].add(&packed, plain + 300000, 400000);
	ck_assert_ok(open_bytes(packed.bytes, packed.len, NULL, &c));
	assert_whole(&c, plain, N);
	container_close(&c);
	/* zeros behind: padding to a block of a tape or an object store */
	for (int i = 0; i < 200000; i++)
		str_putc(&packed, '\0');
	ck_assert_ok(open_bytes(packed.bytes, packed.len, NULL, &c));
	assert_whole(&c, plain, N);
	container_close(&c);
	/* something else behind: all is there, but it may have been more */
	str_puts(&packed, "garbage, and more of it");
	ck_assert_ok(open_bytes(packed.bytes, packed.len, NULL, &c));
	ck_assert(c.cut);
	ck_assert_int_eq(c.cut_why.code, ERR_CORRUPT);
	ck_assert_uint_eq(c.size, N);
	container_close(&c);
}
END_TEST

START_TEST(skippable_frames)
{
	struct container c;
	AUTO_STR(packed);
	AUTO_FREE uint8_t *plain = make_plain(5000);
	str_add(&packed, "\x5a\x2a\x4d\x18\x03\0\0\0abc", 11);
	zstd_add(&packed, plain, 5000);
	str_add(&packed, "\x50\x2a\x4d\x18\0\0\0\0", 8);
	ck_assert_ok(open_bytes(packed.bytes, packed.len, NULL, &c));
	ck_assert_int_eq(c.kind, CONTAINER_ZSTD);
	assert_whole(&c, plain, 5000);
	container_close(&c);
}
END_TEST

/* A stream that ends anywhere leaves a beginning of the truth, says that it is cut, and loses
 * little. */
START_TEST(truncated_anywhere)
{
	enum { N = 600000, POINTS = 120 };
	struct container c;
	AUTO_STR(packed);
	AUTO_FREE uint8_t *plain = make_plain(N);
	packers[_i].add(&packed, plain, N);
	uint64_t last = 0;
	for (size_t i = 0; i < POINTS; i++) {
		size_t size = i < 40 ? i : packed.len * (i - 39) / (POINTS - 40);
		if (i == POINTS - 2)
			size = packed.len - 1;
		struct err e = open_bytes(packed.bytes, size, NULL, &c);
		if (failed(e)) {
			ck_assert_err(e, ERR_CORRUPT);
			ck_assert_uint_lt(size, 200000);
			continue;
		}
		bool packed_kind = size >= packers[_i].magic;
		ck_assert_int_eq(c.kind, packed_kind ? packers[_i].kind : CONTAINER_PLAIN);
		if (!packed_kind) {
			container_close(&c);
			continue;
		}
		ck_assert_int_eq(c.cut, size < packed.len);
		if (c.cut)
			ck_assert_int_eq(c.cut_why.code, ERR_TRUNCATED);
		ck_assert_uint_le(c.size, N);
		ck_assert_uint_ge(c.size, last);
		last = c.size;
		ck_assert_int_eq(memcmp(c.bytes, plain, c.size), 0);
		/* what is lost is at most a block of zstd, 128 KiB, or what the lost bytes held */
		ck_assert_uint_ge(c.size + 2 * 128 * 1024, (uint64_t)N * size / packed.len / 2);
		container_close(&c);
	}
	ck_assert_uint_eq(last, N);
}
END_TEST

START_TEST(damaged_in_the_middle)
{
	enum { N = 3 * MIB };
	struct container c;
	AUTO_STR(packed);
	AUTO_FREE uint8_t *plain = make_plain(N);
	packers[_i].add(&packed, plain, N);
	memset(packed.bytes + packed.len / 2, 0xff, 64);
	ck_assert_ok(open_bytes(packed.bytes, packed.len, NULL, &c));
	ck_assert(c.cut);
	ck_assert_int_eq(c.cut_why.code, ERR_CORRUPT);
	ck_assert_uint_gt(c.size, N / 4);
	ck_assert_int_eq(memcmp(c.bytes, plain, N / 4), 0);
	container_close(&c);
	/* not even the beginning */
	size_t magic = packers[_i].magic;
	memset(packed.bytes + magic, 0xff, packed.len - magic);
	ck_assert_err(open_bytes(packed.bytes, packed.len, NULL, &c), ERR_CORRUPT);
}
END_TEST

/* 64 MiB of zeros around a little: the file is long and takes next to nothing. */
START_TEST(zeros_are_holes)
{
	enum { N = 64 * MIB, AT = 40 * MIB + 100 };
	struct container c;
	AUTO_STR(packed);
	AUTO_FREE uint8_t *plain = xcalloc(N, 1);
	memcpy(plain + AT, "hello", 5);
	packers[_i].add(&packed, plain, N);
	struct container_options tight = { .tmpdir = scratch, .tmp_limit = BLOCK };
	ck_assert_ok(open_bytes(packed.bytes, packed.len, &tight, &c));
	assert_whole(&c, plain, N);
	container_close(&c);
}
END_TEST

START_TEST(limit_on_disk)
{
	enum { N = 2 * MIB };
	static const uint64_t limits[] = { 1, BLOCK, 100000, MIB, N - 1 };
	struct container c;
	AUTO_STR(packed);
	AUTO_FREE uint8_t *plain = xmalloc(N);
	memset(plain, 'x', N); /* no holes: size is what is on disk */
	packers[_i].add(&packed, plain, N);
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		struct container_options opt = { .tmpdir = scratch, .tmp_limit = limits[i] };
		ck_assert_ok(open_bytes(packed.bytes, packed.len, &opt, &c));
		ck_assert(c.cut);
		ck_assert_int_eq(c.cut_why.code, ERR_LIMIT);
		ck_assert_uint_eq(c.size, limits[i]);
		ck_assert_int_eq(memcmp(c.bytes, plain, c.size), 0);
		container_close(&c);
	}
	struct container_options enough = { .tmpdir = scratch, .tmp_limit = N };
	ck_assert_ok(open_bytes(packed.bytes, packed.len, &enough, &c));
	assert_whole(&c, plain, N);
	container_close(&c);
}
END_TEST

/* A small file system of our own, where we may mount one: it fills up. */
START_TEST(a_full_disk)
{
	enum { N = 8 * MIB };
	struct container c;
	AUTO_STR(packed);
	AUTO_FREE uint8_t *plain = xmalloc(N);
	AUTO_FREE char *small = xasprintf("%s/small", scratch);
	ck_assert_int_eq(mkdir(small, 0700), 0);
	if (mount("none", small, "tmpfs", 0, "size=4m") < 0) {
		fprintf(stderr, "SKIP: a full disk: mount: %s\n", strerror(errno));
		return;
	}
	memset(plain, 'x', N);
	packers[_i].add(&packed, plain, N);
	struct container_options opt = { .tmpdir = small };
	struct err e = open_bytes(packed.bytes, packed.len, &opt, &c);
	umount2(small, MNT_DETACH);
	ck_assert_ok(e);
	ck_assert(c.in_ram && c.cut);
	ck_assert_int_eq(c.cut_why.code, ERR_SYS);
	ck_assert_int_eq(c.cut_why.sys, ENOSPC);
	/* some is left to others */
	ck_assert_uint_lt(c.size, 4 * MIB - 4 * MIB / 20 + 1);
	ck_assert_uint_ge(c.size, 3 * MIB);
	ck_assert_int_eq(memcmp(c.bytes, plain, c.size), 0);
	container_close(&c);
}
END_TEST

START_TEST(nothing_is_left_behind)
{
	struct container c;
	AUTO_STR(packed);
	gzip_add(&packed, "hello", 5);
	ck_assert_ok(open_bytes(packed.bytes, packed.len, NULL, &c));
	AUTO_FREE char *list = xasprintf("test \"$(ls %s)\" = core", scratch);
	ck_assert_int_eq(system(list), 0);
	container_close(&c);
}
END_TEST

START_TEST(where_to_unpack)
{
	struct container c;
	AUTO_STR(packed);
	gzip_add(&packed, "hello", 5);
	struct container_options none = { .tmpdir = "/nonexistent/dir" };
	ck_assert_err(open_bytes(packed.bytes, packed.len, &none, &c), ERR_SYS);
	AUTO_FREE char *path = scratch_file(packed.bytes, packed.len);
	setenv("TMPDIR", scratch, 1);
	ck_assert_ok(container_open(path, NULL, &c));
	ck_assert_mem_eq(c.bytes, "hello", 5);
	container_close(&c);
	/* of no use: the usual place is taken */
	setenv("TMPDIR", "/nonexistent/dir", 1);
	ck_assert_ok(container_open(path, NULL, &c));
	container_close(&c);
}
END_TEST

START_TEST(others_name_their_command)
{
	static const struct {
		const char *magic;
		const char *command;
	} rows[] = {
		{ "BZh91AY&", "bzip2 -dk" },
	};
	struct container c;
	struct err e = open_bytes(rows[_i].magic, 6, NULL, &c);
	ck_assert_err(e, ERR_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(e.what, rows[_i].command));
}
END_TEST

START_TEST(what_cannot_be_opened)
{
	struct container c = { .size = 77 };
	ck_assert_err(container_open("/nonexistent", NULL, &c), ERR_SYS);
	ck_assert_err(container_open(scratch, NULL, &c), ERR_UNSUPPORTED);
	ck_assert_err(container_open("/dev/zero", NULL, &c), ERR_UNSUPPORTED);
	ck_assert_uint_eq(c.size, 77);
}
END_TEST

Suite *suite_container(void)
{
	Suite *s = suite_create("container");
	TCase *t = tcase_create("container");
	int n = ARRAY_LEN(packers);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, make_scratch, drop_scratch);
	tcase_add_test(t, plain_is_mapped);
	tcase_add_loop_test(t, round_trip, 0, n);
	tcase_add_loop_test(t, several_members, 0, n);
	tcase_add_test(t, skippable_frames);
	tcase_add_loop_test(t, truncated_anywhere, 0, n);
	tcase_add_loop_test(t, damaged_in_the_middle, 0, n);
	tcase_add_loop_test(t, zeros_are_holes, 0, n);
	tcase_add_loop_test(t, limit_on_disk, 0, n);
	tcase_add_loop_test(t, a_full_disk, 0, n);
	tcase_add_test(t, nothing_is_left_behind);
	tcase_add_test(t, where_to_unpack);
	tcase_add_loop_test(t, others_name_their_command, 0, 1);
	tcase_add_test(t, what_cannot_be_opened);
	suite_add_tcase(s, t);
	return s;
}
