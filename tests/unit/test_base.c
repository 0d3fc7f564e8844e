/* SPDX-License-Identifier: Apache-2.0 */
#include "suites.h"

#include "pycore/alloc.h"
#include "pycore/hash.h"
#include "pycore/limits.h"
#include "pycore/opener.h"
#include "pycore/problems.h"
#include "pycore/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(err_names_its_cause)
{
	char text[ERR_TEXT_MAX];
	errno = EACCES;
	struct err e = err_sys("open");
	ck_assert_int_eq(e.code, ERR_DENIED);
	ck_assert_int_eq(e.sys, EACCES);
	errno = ESRCH;
	ck_assert_err(err_sys("ptrace"), ERR_GONE);
	errno = ENOSPC;
	e = err_sys("write");
	ck_assert_int_eq(e.code, ERR_SYS);
	ck_assert_str_eq(err_text(e, text), "write: No space left on device");
	ck_assert_str_eq(err_text(err_at(ERR_NOT_SAVED, 0x7f00, "dict keys"), text),
		"dict keys: not saved in this core (at 0x7f00)");
	ck_assert_str_eq(err_text(err_of(ERR_CORRUPT, NULL), text), "memory: damaged");
	ck_assert(!failed(NO_ERR));
}
END_TEST

START_TEST(err_text_is_bounded)
{
	char text[ERR_TEXT_MAX];
	static char what[2 * ERR_TEXT_MAX];
	memset(what, 'x', sizeof(what) - 1);
	err_text(err_at(ERR_CORRUPT, UINT64_MAX, what), text);
	ck_assert_uint_eq(strlen(text), ERR_TEXT_MAX - 1);
}
END_TEST

START_TEST(every_err_code_has_words)
{
	for (int code = ERR_NONE; code <= ERR_SYS; code++)
		ck_assert_str_ne(err_code_text(code), "unknown error");
}
END_TEST

START_TEST(grown_array_keeps_its_content)
{
	size_t cap = 0;
	unsigned *list = NULL;
	for (unsigned i = 0; i < 1000; i++) {
		list = xgrow(list, &cap, i, sizeof(*list));
		list[i] = i;
	}
	ck_assert_uint_ge(cap, 1000);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_uint_eq(list[i], i);
	free(list);
}
END_TEST

START_TEST(arena_is_zeroed_and_aligned)
{
	struct arena a = { 0 };
	static const size_t sizes[] = { 1, 15, 16, 17, 4096, 65000, 65536, 1 << 20, 3 };
	for (size_t round = 0; round < 50; round++) {
		size_t n = sizes[round % ARRAY_LEN(sizes)];
		uint8_t *p = arena_alloc(&a, n);
		ck_assert_uint_eq((uintptr_t)p % 16, 0);
		ck_assert(p[0] == 0 && !memcmp(p, p + 1, n - 1));
		memset(p, 0xff, n);
	}
	ck_assert_str_eq(arena_copy(&a, "abcdef", 3), "abc");
	ck_assert_str_eq(arena_copy(&a, NULL, 0), "");
	arena_fini(&a);
	ck_assert_ptr_null(a.top);
}
END_TEST

START_TEST(str_grows)
{
	AUTO_STR(s);
	ck_assert_str_eq(str_text(&s), "");
	for (int i = 0; i < 1000; i++)
		str_addf(&s, "%d,", i);
	ck_assert_uint_eq(s.len, 10 * 2 + 90 * 3 + 900 * 4);
	ck_assert(text_starts(str_text(&s), "0,1,2,"));
	ck_assert(text_ends(str_text(&s), "998,999,"));
	str_clear(&s);
	ck_assert_str_eq(str_text(&s), "");
	str_add(&s, "a\0b", 3);
	ck_assert_uint_eq(s.len, 3);
	ck_assert_int_eq(memcmp(s.bytes, "a\0b", 4), 0);
}
END_TEST

START_TEST(str_writes_utf8)
{
	static const struct {
		uint32_t cp;
		const char *bytes;
	} rows[] = {
		{ 'A', "A" },
		{ 0x7f, "\x7f" },
		{ 0x80, "\xc2\x80" },
		{ 0x7ff, "\xdf\xbf" },
		{ 0x800, "\xe0\xa0\x80" },
		{ 0xd800, "\xed\xa0\x80" }, /* a lone surrogate is kept */
		{ 0xffff, "\xef\xbf\xbf" },
		{ 0x10000, "\xf0\x90\x80\x80" },
		{ 0x10ffff, "\xf4\x8f\xbf\xbf" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STR(s);
		str_put_utf8(&s, rows[i].cp);
		ck_assert_str_eq(str_text(&s), rows[i].bytes);
	}
}
END_TEST

START_TEST(text_prefix_and_suffix)
{
	ck_assert(text_starts("libpython", "lib"));
	ck_assert(!text_starts("li", "lib"));
	ck_assert(text_ends("a.zst", ".zst"));
	ck_assert(!text_ends("zst", ".zst"));
	ck_assert(text_ends("x", ""));
}
END_TEST

/* Keys that differ only in high or low bits, and 0. */
static uint64_t key_of(uint64_t i)
{
	return i % 2 ? i << 40 : i * 4096;
}

START_TEST(hash_finds_what_was_put)
{
	struct hash h = { 0 };
	uint64_t v = 77;
	size_t fresh = 0, found = 0;
	enum { N = 20000 };
	ck_assert(!hash_get(&h, 0, &v));
	for (uint64_t i = 0; i < N; i++)
		fresh += hash_put(&h, key_of(i), i);
	ck_assert_uint_eq(fresh, N);
	for (uint64_t i = 0; i < N; i++)
		found += hash_get(&h, key_of(i), &v) && v == i;
	ck_assert_uint_eq(found, N);
	v = 77;
	ck_assert(!hash_get(&h, 12345, &v));
	ck_assert(!hash_get(&h, UINT64_MAX, &v));
	ck_assert_uint_eq(v, 77);
	ck_assert_uint_eq(h.len, N);
	hash_fini(&h);
}
END_TEST

/* A key may be anything that a target holds, the value that marks a free slot too. */
START_TEST(hash_takes_every_key)
{
	struct hash h = { 0 };
	uint64_t v = 0;
	ck_assert(!hash_get(&h, UINT64_MAX, &v));
	ck_assert(hash_put(&h, UINT64_MAX, 7));
	ck_assert(!hash_put(&h, UINT64_MAX, 8));
	ck_assert(hash_put(&h, 0, 9));
	ck_assert(hash_get(&h, UINT64_MAX, &v));
	ck_assert_uint_eq(v, 8);
	hash_clear(&h);
	ck_assert(!hash_get(&h, UINT64_MAX, &v));
	ck_assert(hash_put(&h, UINT64_MAX, 1));
	hash_fini(&h);
	ck_assert(!hash_get(&h, UINT64_MAX, &v));
}
END_TEST

START_TEST(hash_replaces_and_forgets)
{
	struct hash h = { 0 };
	uint64_t v;
	ck_assert(hash_put(&h, 5, 1));
	ck_assert(!hash_put(&h, 5, 2));
	ck_assert(hash_get(&h, 5, &v));
	ck_assert_uint_eq(v, 2);
	ck_assert_uint_eq(h.len, 1);
	hash_clear(&h);
	ck_assert(!hash_get(&h, 5, &v));
	ck_assert(hash_put(&h, 5, 3));
	hash_fini(&h);
	ck_assert(!hash_get(&h, 5, &v));
}
END_TEST

START_TEST(problems_count_beyond_their_cap)
{
	struct problems p = { 0 };
	problems_notef(&p, "libc", "build-id %s", "unknown");
	ck_assert(!p.damage);
	ck_assert_str_eq(p.list[0].why, "build-id unknown");
	for (int i = 0; i < PROBLEMS_MAX + 5; i++)
		problems_notef(&p, "x", "y");
	ck_assert_uint_eq(p.len, PROBLEMS_MAX);
	ck_assert_uint_eq(p.dropped, 6);
	ck_assert(!p.damage);
	problems_damage(&p, "frame 3", err_at(ERR_UNMAPPED, 0x10, "code"));
	ck_assert(p.damage);
	problems_fini(&p);
}
END_TEST

START_TEST(damage_keeps_address_and_reason)
{
	struct problems p = { 0 };
	problems_damage(&p, "frame 3", err_at(ERR_UNMAPPED, 0x10, "code"));
	ck_assert_str_eq(p.list[0].where, "frame 3");
	ck_assert_str_eq(p.list[0].why, "code: not mapped");
	ck_assert_uint_eq(p.list[0].address, 0x10);
	ck_assert(p.list[0].damage);
	problems_fini(&p);
}
END_TEST

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

static char *scratch_file(const char *name, const char *content, size_t n)
{
	char *path = xasprintf("%s/%s", scratch, name);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(content, 1, n, f), n);
	fclose(f);
	return path;
}

START_TEST(opener_refuses_what_is_no_file)
{
	struct opened f = { .fd = -7 };
	AUTO_FREE char *fifo = xasprintf("%s/fifo", scratch);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_err(opener_open(fifo, OPEN_NAMED_BY_USER, &f), ERR_UNSUPPORTED);
	ck_assert_err(opener_open(scratch, OPEN_NAMED_BY_USER, &f), ERR_UNSUPPORTED);
	ck_assert_err(opener_open("/dev/null", OPEN_NAMED_BY_USER, &f), ERR_UNSUPPORTED);
	AUTO_FREE char *none = xasprintf("%s/none", scratch);
	ck_assert_err(opener_open(none, OPEN_NAMED_BY_USER, &f), ERR_SYS);
	ck_assert_int_eq(f.fd, -7);
}
END_TEST

START_TEST(opener_distrusts_the_target)
{
	static const char *const paths[] = { "relative", "", "/etc/../etc/passwd", "/etc/..",
		"/proc/self/exe", "/sys/kernel/notes", "/dev/zero" };
	struct opened f;
	ck_assert_err(opener_open(paths[_i], OPEN_NAMED_BY_TARGET, &f), ERR_DENIED);
}
END_TEST

START_TEST(opener_maps_a_file)
{
	AUTO_FREE char *path = scratch_file("data", "hello", 5);
	AUTO_FREE char *empty = scratch_file("empty", "", 0);
	struct opened f;
	struct file_map m;
	ck_assert_ok(opener_open(path, OPEN_NAMED_BY_TARGET, &f));
	ck_assert_uint_eq(f.size, 5);
	ck_assert_int_eq(fcntl(f.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(f.fd);
	ck_assert_ok(file_map_open(path, OPEN_NAMED_BY_USER, &m));
	ck_assert_mem_eq(m.bytes, "hello", 5);
	file_map_close(&m);
	ck_assert_ok(file_map_open(empty, OPEN_NAMED_BY_USER, &m));
	ck_assert_ptr_null(m.bytes);
	ck_assert_uint_eq(m.size, 0);
	file_map_close(&m);
}
END_TEST

START_TEST(slurp_is_bounded)
{
	static char content[40000];
	memset(content, 'x', sizeof(content));
	AUTO_FREE char *path = scratch_file("big", content, sizeof(content));
	static const size_t bounds[] = { 100000, 40000, 20000, 1, 0 };
	for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
		AUTO_FREE char *text = NULL;
		size_t len;
		ck_assert_ok(opener_slurp(path, bounds[i], &text, &len));
		ck_assert_uint_eq(len, bounds[i] < sizeof(content) ? bounds[i] : sizeof(content));
		ck_assert_uint_eq(strlen(text), len);
	}
}
END_TEST

static TCase *files_case(void)
{
	TCase *t = tcase_create("opener");
	tcase_add_checked_fixture(t, make_scratch, drop_scratch);
	tcase_add_test(t, opener_refuses_what_is_no_file);
	tcase_add_loop_test(t, opener_distrusts_the_target, 0, 7);
	tcase_add_test(t, opener_maps_a_file);
	tcase_add_test(t, slurp_is_bounded);
	return t;
}

Suite *suite_base(void)
{
	Suite *s = suite_create("base");
	TCase *t = tcase_create("base");
	tcase_add_test(t, err_names_its_cause);
	tcase_add_test(t, err_text_is_bounded);
	tcase_add_test(t, every_err_code_has_words);
	tcase_add_test(t, grown_array_keeps_its_content);
	tcase_add_test(t, arena_is_zeroed_and_aligned);
	tcase_add_test(t, str_grows);
	tcase_add_test(t, str_writes_utf8);
	tcase_add_test(t, text_prefix_and_suffix);
	tcase_add_test(t, hash_finds_what_was_put);
	tcase_add_test(t, hash_takes_every_key);
	tcase_add_test(t, hash_replaces_and_forgets);
	tcase_add_test(t, problems_count_beyond_their_cap);
	tcase_add_test(t, damage_keeps_address_and_reason);
	suite_add_tcase(s, t);
	suite_add_tcase(s, files_case());
	return s;
}
