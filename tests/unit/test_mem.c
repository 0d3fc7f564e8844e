/* SPDX-License-Identifier: Apache-2.0 */
#include "suites.h"

#include "../support/fakecore.h"

#include "pycore/alloc.h"
#include "pycore/mem.h"
#include "pycore/opener.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

static struct mem_buf buffer;

static void setup_buffer(enum byte_order order, unsigned ptr_size)
{
	mem_buf_init(&buffer, order, ptr_size);
	mem_buf_add(&buffer, 0x3000, NULL, 0x1000, MEM_READ);
	mem_buf_add(&buffer, 0x1000, "\x81\x02\x03\x04\x05\x06\x07\xf8", 8, MEM_READ | MEM_WRITE);
	mem_buf_add(&buffer, 0x1008, "next to it", 10, MEM_READ);
}

START_TEST(integers_in_the_order_of_the_target)
{
	uint64_t v = 99;
	setup_buffer(_i ? ORDER_BIG : ORDER_LITTLE, 4);
	ck_assert_ok(mem_uint(&buffer.base, 0x1000, 2, &v));
	ck_assert_uint_eq(v, _i ? 0x8102 : 0x0281);
	ck_assert_ok(mem_ptr(&buffer.base, 0x1000, &v));
	ck_assert_uint_eq(v, _i ? 0x81020304 : 0x04030281);
	ck_assert_ok(mem_uint(&buffer.base, 0x1000, 8, &v));
	ck_assert_uint_eq(v, _i ? 0x81020304050607f8 : 0xf807060504030281);
	v = 99;
	ck_assert_err(mem_uint(&buffer.base, 0x1000, 9, &v), ERR_CORRUPT);
	ck_assert_err_at(mem_uint(&buffer.base, 0x100e, 8, &v), ERR_UNMAPPED, 0x1012);
	ck_assert_uint_eq(v, 99);
}
END_TEST

START_TEST(reads_cross_runs_and_stop_at_gaps)
{
	char b[32];
	setup_buffer(ORDER_LITTLE, 8);
	ck_assert_ok(mem_read(&buffer.base, 0x1006, b, 6));
	ck_assert_mem_eq(b, "\x07\xf8next", 6);
	ck_assert_err_at(mem_read(&buffer.base, 0x1006, b, 20), ERR_UNMAPPED, 0x1012);
	ck_assert_err_at(mem_read(&buffer.base, 0xfff, b, 2), ERR_UNMAPPED, 0xfff);
	ck_assert_err_at(mem_read(&buffer.base, 0x3ff0, b, 1), ERR_NOT_SAVED, 0x3ff0);
	ck_assert_ok(mem_read(&buffer.base, 0xdead, b, 0));
}
END_TEST

START_TEST(reads_never_wrap)
{
	char b[32];
	setup_buffer(ORDER_LITTLE, 8);
	ck_assert_err_at(
		mem_read(&buffer.base, UINT64_MAX - 3, b, 4), ERR_UNMAPPED, UINT64_MAX - 3);
	ck_assert_err(mem_read(&buffer.base, UINT64_MAX - 3, b, 32), ERR_UNMAPPED);
	ck_assert_err(mem_read(&buffer.base, UINT64_MAX, b, 1), ERR_UNMAPPED);
	ck_assert_err(mem_read(&buffer.base, 0x1000, b, SIZE_MAX), ERR_UNMAPPED);
	ck_assert_ptr_null(mem_view(&buffer.base, UINT64_MAX, 2));
	ck_assert_ptr_null(mem_view(&buffer.base, 0x1000, 0));
}
END_TEST

START_TEST(ranges_of_a_buffer)
{
	struct mem_range r;
	setup_buffer(ORDER_LITTLE, 8);
	ck_assert(mem_next_range(&buffer.base, 0, &r));
	ck_assert_uint_eq(r.start, 0x1000);
	ck_assert_uint_eq(r.perm, MEM_READ | MEM_WRITE);
	ck_assert(mem_next_range(&buffer.base, r.end, &r));
	ck_assert_uint_eq(r.start, 0x1008);
	ck_assert(mem_next_range(&buffer.base, r.end, &r));
	ck_assert_uint_eq(r.start, 0x3000);
	ck_assert(!r.readable);
	ck_assert(!mem_next_range(&buffer.base, r.end, &r));
	ck_assert(mem_range_at(&buffer.base, 0x1007, &r));
	ck_assert_uint_eq(r.end, 0x1008);
	ck_assert(!mem_range_at(&buffer.base, 0x1012, &r));
	ck_assert(!mem_range_at(&buffer.base, 0x4000, &r));
}
END_TEST

/* A string of n bytes that ends exactly where its mapping ends, somewhere around a page end. */
START_TEST(strings_at_the_end_of_memory)
{
	static char bytes[3 * PAGE];
	char out[3 * PAGE];
	bool cut;
	struct mem_buf m;
	memset(bytes, 'x', sizeof(bytes));
	for (size_t n = 1; n < 200; n += 7) {
		uint64_t start = 2 * PAGE - (unsigned)_i;
		bytes[n] = '\0';
		mem_buf_init(&m, ORDER_LITTLE, 8);
		mem_buf_add(&m, start, bytes, n + 1, MEM_READ);
		ck_assert_ok(mem_cstr(&m.base, start, out, sizeof(out), &cut));
		ck_assert(!cut);
		ck_assert_uint_eq(strlen(out), n);
		/* without its NUL it runs into nothing */
		mem_buf_init(&m, ORDER_LITTLE, 8);
		mem_buf_add(&m, start, bytes, n, MEM_READ);
		ck_assert_err_at(
			mem_cstr(&m.base, start, out, sizeof(out), &cut), ERR_UNMAPPED, start + n);
		ck_assert_str_eq(out, "");
		bytes[n] = 'x';
	}
}
END_TEST

START_TEST(strings_are_cut_at_their_room)
{
	static const char bytes[] = "0123456789";
	char out[16];
	bool cut;
	struct mem_buf m;
	mem_buf_init(&m, ORDER_LITTLE, 8);
	mem_buf_add(&m, PAGE - 5, bytes, 11, MEM_READ);
	for (size_t max = 1; max <= sizeof(out); max++) {
		memset(out, '#', sizeof(out));
		ck_assert_ok(mem_cstr(&m.base, PAGE - 5, out, max, &cut));
		ck_assert_int_eq(cut, max < 11);
		ck_assert_uint_eq(strlen(out), max < 11 ? max - 1 : 10);
		ck_assert_int_eq(memcmp(out, bytes, strlen(out)), 0);
		if (max < sizeof(out))
			ck_assert_int_eq(out[max], '#');
	}
	/* the room ends where the memory does: what is there is enough */
	mem_buf_init(&m, ORDER_LITTLE, 8);
	mem_buf_add(&m, PAGE, bytes, 4, MEM_READ);
	ck_assert_ok(mem_cstr(&m.base, PAGE, out, 5, &cut));
	ck_assert(cut);
	ck_assert_str_eq(out, "0123");
	ck_assert_ok(mem_cstr(&m.base, PAGE, out, 5, NULL));
	ck_assert_err(mem_cstr(&m.base, PAGE, out, 6, NULL), ERR_UNMAPPED);
	ck_assert_err(mem_cstr(&m.base, UINT64_MAX, out, 6, NULL), ERR_UNMAPPED);
}
END_TEST

static struct elfcore core;
static struct str core_bytes;

/* 0x1000-0x1008 saved, -0x2000 not saved; 0x2000-0x2008 saved, the last 4 cut off; 0x3000 and 0x3004 saved side by
 * side; 0x4000 and 0x4004 saved side by side in memory but not in the file. */
static void setup_core(void)
{
	struct fakecore f;
	fakecore_init(&f, EM_S390, 8, ORDER_BIG);
	f.gdb = false;
	fakecore_segment(&f, 0x1000, "ABCDEFGH", 8, 0x1000, PF_R | PF_X);
	fakecore_segment(&f, 0x3000, "abcd", 4, 4, PF_R);
	fakecore_segment(&f, 0x3004, "efgh", 4, 4, PF_R | PF_W);
	fakecore_segment(&f, 0x4004, "mnop", 4, 4, PF_R);
	fakecore_segment(&f, 0x4000, "ijkl", 4, 4, PF_R);
	fakecore_segment(&f, 0x2000, "01234567", 8, 8, PF_R);
	fakecore_build(&f, &core_bytes);
	fakecore_fini(&f);
	ck_assert_ok(elfcore_parse((uint8_t *)core_bytes.bytes, core_bytes.len - 4, &core));
}

static void drop_core(void)
{
	elfcore_fini(&core);
	str_fini(&core_bytes);
}

START_TEST(core_says_why)
{
	struct mem_core m;
	char b[0x1100];
	uint64_t v;
	mem_core_init(&m, &core);
	ck_assert_ok(mem_ptr(&m.base, 0x1000, &v));
	ck_assert_uint_eq(v, 0x4142434445464748);
	ck_assert_err_at(mem_read(&m.base, 0x1004, b, 8), ERR_NOT_SAVED, 0x1008);
	ck_assert_err_at(mem_read(&m.base, 0x1fff, b, 1), ERR_NOT_SAVED, 0x1fff);
	ck_assert_err_at(mem_read(&m.base, 0x2000, b, 8), ERR_TRUNCATED, 0x2004);
	ck_assert_ok(mem_read(&m.base, 0x2000, b, 4));
	ck_assert_mem_eq(b, "0123", 4);
	ck_assert_err_at(mem_read(&m.base, 0x2008, b, 1), ERR_UNMAPPED, 0x2008);
	ck_assert_err_at(mem_read(&m.base, 0, b, 1), ERR_UNMAPPED, 0);
	ck_assert_err_at(mem_read(&m.base, 0x3006, b, 100), ERR_UNMAPPED, 0x3008);
	ck_assert_ok(mem_read(&m.base, 0x4002, b, 4));
	ck_assert_mem_eq(b, "klmn", 4);
}
END_TEST

START_TEST(core_views)
{
	struct mem_core m;
	mem_core_init(&m, &core);
	ck_assert_mem_eq(mem_view(&m.base, 0x1001, 7), "BCDEFGH", 7);
	ck_assert_ptr_null(mem_view(&m.base, 0x1001, 8));
	ck_assert_mem_eq(mem_view(&m.base, 0x3000, 8), "abcdefgh", 8);
	ck_assert_ptr_null(mem_view(&m.base, 0x3000, 9));
	ck_assert_ptr_null(mem_view(&m.base, 0x4000, 8));
	ck_assert_ptr_null(mem_view(&m.base, 0x2002, 3));
	ck_assert_ptr_null(mem_view(&m.base, 0x1800, 1));
	ck_assert_ptr_null(mem_view(&m.base, 0x9000, 1));
}
END_TEST

START_TEST(core_ranges)
{
	static const struct mem_range rows[] = {
		{ 0x1000, 0x1008, MEM_READ | MEM_EXEC, true },
		{ 0x1008, 0x2000, MEM_READ | MEM_EXEC, false },
		{ 0x2000, 0x2004, MEM_READ, true },
		{ 0x2004, 0x2008, MEM_READ, false },
		{ 0x3000, 0x3004, MEM_READ, true },
		{ 0x3004, 0x3008, MEM_READ | MEM_WRITE, true },
		{ 0x4000, 0x4004, MEM_READ, true },
		{ 0x4004, 0x4008, MEM_READ, true },
	};
	struct mem_core m;
	struct mem_range r;
	uint64_t from = 0;
	mem_core_init(&m, &core);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++, from = r.end) {
		ck_assert(mem_next_range(&m.base, from, &r));
		ck_assert_uint_eq(r.start, rows[i].start);
		ck_assert_uint_eq(r.end, rows[i].end);
		ck_assert_uint_eq(r.perm, rows[i].perm);
		ck_assert_int_eq(r.readable, rows[i].readable);
	}
	ck_assert(!mem_next_range(&m.base, from, &r));
	ck_assert(mem_next_range(&m.base, 0x2007, &r));
	ck_assert_uint_eq(r.start, 0x2004);
}
END_TEST

START_TEST(overlay_fills_only_what_is_missing)
{
	struct mem_core below;
	struct mem_overlay m;
	char b[0x2000];
	static uint8_t file[0x4000];
	memset(file, 'f', sizeof(file));
	mem_core_init(&below, &core);
	mem_overlay_init(&m, &below.base);
	ck_assert_err_at(mem_read(&m.base, 0x1004, b, 8), ERR_NOT_SAVED, 0x1008);
	mem_overlay_add(&m, 0x1000, file, 0x800);
	mem_overlay_add(&m, 0x2000, file, 0x3000);
	ck_assert_int_eq(m.base.order, ORDER_BIG);
	/* saved bytes win over the file's */
	ck_assert_ok(mem_read(&m.base, 0x1000, b, 12));
	ck_assert_mem_eq(b, "ABCDEFGHffff", 12);
	ck_assert_ok(mem_read(&m.base, 0x2000, b, 8));
	ck_assert_mem_eq(b, "0123ffff", 8);
	/* behind the piece, and where nothing is mapped */
	ck_assert_err_at(mem_read(&m.base, 0x1700, b, 0x101), ERR_NOT_SAVED, 0x1800);
	ck_assert_err_at(mem_read(&m.base, 0x2006, b, 3), ERR_UNMAPPED, 0x2008);
	ck_assert_err_at(mem_read(&m.base, 0x2ff0, b, 1), ERR_UNMAPPED, 0x2ff0);
	ck_assert_ok(mem_read(&m.base, 0x3000, b, 8));
	ck_assert_mem_eq(b, "abcdefgh", 8);
	/* from a hole into saved memory of the next range */
	mem_overlay_add(&m, 0x1800, (const uint8_t *)"gggggggg", 8);
	mem_overlay_add(&m, 0x1808, file, 0x7f8);
	ck_assert_ok(mem_read(&m.base, 0x17fe, b, 0x808));
	ck_assert_mem_eq(b, "ffggggggggff", 12);
	ck_assert_mem_eq(b + 0x802, "0123ff", 6);
	mem_overlay_fini(&m);
}
END_TEST

START_TEST(overlay_views)
{
	struct mem_core below;
	struct mem_overlay m;
	static uint8_t file[0x2000];
	mem_core_init(&below, &core);
	mem_overlay_init(&m, &below.base);
	mem_overlay_add(&m, 0x1000, file, 0x2000);
	ck_assert_mem_eq(mem_view(&m.base, 0x1000, 8), "ABCDEFGH", 8);
	ck_assert_ptr_null(mem_view(&m.base, 0x1000, 9));
	ck_assert_ptr_eq(mem_view(&m.base, 0x1008, 0xff8), file + 8);
	ck_assert_ptr_null(mem_view(&m.base, 0x1ff0, 17));
	ck_assert_ptr_eq(mem_view(&m.base, 0x2004, 4), file + 0x1004);
	ck_assert_ptr_null(mem_view(&m.base, 0x2008, 1));
	mem_overlay_fini(&m);
}
END_TEST

static uint32_t random_below(uint32_t *state, uint32_t n)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % n;
}

enum { SMALL = 64, PIECES = 5 };

/* What overlay and buffer should say at one address: 0 not mapped, 1 not saved, else the byte. */
static int truth_at(const struct mem_overlay *m, uint64_t addr)
{
	for (size_t i = 0; i < buffer.len; i++) {
		const struct mem_buf_run *r = &buffer.runs[i];
		if (addr < r->start || addr >= r->start + r->n)
			continue;
		if (r->bytes)
			return ((const uint8_t *)r->bytes)[addr - r->start];
		for (size_t k = 0; k < m->len; k++) {
			const struct mem_overlay_piece *p = &m->pieces[k];
			if (addr >= p->start && addr < p->start + p->n)
				return p->bytes[addr - p->start];
		}
		return 1;
	}
	return 0;
}

static void random_layers(struct mem_overlay *m, uint32_t *seed)
{
	static const char saved[SMALL + 1] =
		"SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS";
	static const uint8_t file[SMALL + 1] =
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
	uint64_t order[PIECES], at = 0;
	size_t sizes[PIECES];
	mem_buf_init(&buffer, ORDER_LITTLE, 8);
	for (uint64_t at_run = random_below(seed, 8); at_run < SMALL - 12 && buffer.len < 6;) {
		size_t n = 1 + random_below(seed, 12);
		mem_buf_add(&buffer, at_run, random_below(seed, 2) ? saved : NULL, n, MEM_READ);
		at_run += n + random_below(seed, 3);
	}
	mem_overlay_init(m, &buffer.base);
	for (size_t i = 0; i < PIECES; i++) {
		order[i] = at + random_below(seed, 6);
		sizes[i] = 1 + random_below(seed, 14);
		at = order[i] + sizes[i];
	}
	for (size_t i = 0; i < PIECES; i++) /* backwards or forwards */
		mem_overlay_add(m, order[seed[0] & 1 ? i : PIECES - 1 - i], file,
			sizes[seed[0] & 1 ? i : PIECES - 1 - i]);
}

/* Reads of every start and length, and the ranges, against the truth at each byte. */
START_TEST(overlay_against_truth)
{
	struct mem_overlay m;
	uint32_t seed = (uint32_t)_i + 1;
	random_layers(&m, &seed);
	for (uint64_t a = 0; a < SMALL; a++) {
		uint8_t b[SMALL];
		size_t n = 0;
		while (a + n < SMALL && truth_at(&m, a + n) > 1)
			n++;
		struct err e = mem_read(&m.base, a, b, n);
		bool same = !failed(e);
		for (size_t k = 0; same && k < n; k++)
			same = b[k] == truth_at(&m, a + k);
		ck_assert_msg(same, "read of %zu at %d", n, (int)a);
		e = mem_read(&m.base, a, b, n + 1);
		if (a + n < SMALL)
			ck_assert_err_at(
				e, truth_at(&m, a + n) ? ERR_NOT_SAVED : ERR_UNMAPPED, a + n);
	}
	mem_overlay_fini(&m);
}
END_TEST

START_TEST(overlay_ranges_against_truth)
{
	struct mem_overlay m;
	struct mem_range r;
	uint32_t seed = (uint32_t)_i + 1;
	uint64_t at = 0;
	random_layers(&m, &seed);
	while (mem_next_range(&m.base, at, &r)) {
		ck_assert_uint_lt(r.start, r.end);
		ck_assert_uint_ge(r.start, at);
		for (; at < r.start; at++)
			ck_assert_int_eq(truth_at(&m, at), 0);
		for (; at < r.end; at++) {
			struct mem_range again;
			ck_assert_int_eq(truth_at(&m, at) > 1, r.readable);
			ck_assert_int_ne(truth_at(&m, at), 0);
			ck_assert(mem_range_at(&m.base, at, &again));
			ck_assert(again.start == r.start && again.end == r.end &&
				  again.readable == r.readable);
		}
	}
	for (; at < SMALL; at++)
		ck_assert_int_eq(truth_at(&m, at), 0);
	mem_overlay_fini(&m);
}
END_TEST

/* Counts the reads that reach it, over a memory that can change. */
static struct counting {
	struct mem base;
	uint8_t bytes[8 * PAGE];
	uint64_t start, end;
	unsigned reads;
	enum err_code broken;
} counting;

static struct err counting_read(struct mem *base, uint64_t addr, void *buf, size_t n)
{
	struct counting *m = (struct counting *)base;
	m->reads++;
	if (m->broken)
		return err_at(m->broken, addr, "memory");
	if (addr < m->start || addr >= m->end)
		return err_at(ERR_UNMAPPED, addr, "memory");
	if (n > m->end - addr)
		return err_at(ERR_UNMAPPED, m->end, "memory");
	memcpy(buf, m->bytes + (addr - m->start), n);
	return NO_ERR;
}

static bool counting_next_range(struct mem *base, uint64_t from, struct mem_range *ret)
{
	struct counting *m = (struct counting *)base;
	*ret = (struct mem_range){ m->start, m->end, MEM_READ, true };
	return from < m->end;
}

static const struct mem_ops counting_ops = { "counting", counting_read, NULL, counting_next_range };

static struct mem_cache cache;

static void setup_cache(void)
{
	counting = (struct counting){
		.base = { &counting_ops, ORDER_LITTLE, 8 },
		.start = 0x10000,
		.end = 0x10000 + 8 * PAGE,
	};
	for (size_t i = 0; i < sizeof(counting.bytes); i++)
		counting.bytes[i] = (uint8_t)(i * 7 + i / PAGE);
	mem_cache_init(&cache, &counting.base);
}

static void drop_cache(void)
{
	mem_cache_fini(&cache);
}

START_TEST(cache_reads_a_page_once)
{
	uint8_t b[PAGE];
	for (int i = 0; i < 100; i++)
		ck_assert_ok(mem_read(&cache.base, 0x10000 + (unsigned)i, b, 100));
	ck_assert_mem_eq(b, counting.bytes + 99, 100);
	ck_assert_uint_eq(counting.reads, 1);
	ck_assert_uint_eq(cache.page_reads, 1);
	ck_assert_ok(mem_read(&cache.base, 0x10000 + PAGE - 1, b, 2));
	ck_assert_uint_eq(counting.reads, 2);
	ck_assert_mem_eq(b, counting.bytes + PAGE - 1, 2);
	/* an old look stays, a new one is new */
	counting.bytes[0] = 0xaa;
	ck_assert_ok(mem_read(&cache.base, 0x10000, b, 1));
	ck_assert_uint_eq(b[0], 0);
	mem_cache_clear(&cache);
	ck_assert_ok(mem_read(&cache.base, 0x10000, b, 1));
	ck_assert_uint_eq(b[0], 0xaa);
}
END_TEST

START_TEST(cache_fetches_several_pages_at_once)
{
	static uint8_t b[8 * PAGE];
	ck_assert_ok(mem_read(&cache.base, 0x10000 + 100, b, 5 * PAGE));
	ck_assert_uint_eq(counting.reads, 1);
	ck_assert_uint_eq(cache.page_reads, 6);
	ck_assert_mem_eq(b, counting.bytes + 100, 5 * PAGE);
	ck_assert_ok(mem_read(&cache.base, 0x10000, b, 8 * PAGE));
	ck_assert_uint_eq(counting.reads, 2);
	ck_assert_mem_eq(b, counting.bytes, 8 * PAGE);
	/* beyond the end: what is there is kept */
	mem_cache_clear(&cache);
	ck_assert_err_at(mem_read(&cache.base, 0x10000 + 7 * PAGE, b, 2 * PAGE), ERR_UNMAPPED,
		0x10000 + 8 * PAGE);
	ck_assert_ok(mem_read(&cache.base, 0x10000 + 7 * PAGE, b, PAGE));
	ck_assert_mem_eq(b, counting.bytes + 7 * PAGE, PAGE);
}
END_TEST

START_TEST(cache_views)
{
	const uint8_t *v = mem_view(&cache.base, 0x10000 + 10, 2 * PAGE);
	ck_assert_ptr_nonnull(v);
	ck_assert_mem_eq(v, counting.bytes + 10, 2 * PAGE);
	ck_assert_uint_eq(counting.reads, 1);
	ck_assert_ptr_eq(mem_view(&cache.base, 0x10000 + 20, 8), v + 10);
	/* pages of two fetches do not lie side by side, or if they do, rightly so */
	const uint8_t *across = mem_view(&cache.base, 0x10000 + 2 * PAGE, 2 * PAGE);
	if (across)
		ck_assert_mem_eq(across, counting.bytes + 2 * PAGE, 2 * PAGE);
	ck_assert_ptr_null(mem_view(&cache.base, 0x10000 + 7 * PAGE, PAGE + 1));
	ck_assert_ptr_null(mem_view(&cache.base, 0x1000, 1));
}
END_TEST

START_TEST(cache_remembers_failures)
{
	uint8_t b[16];
	struct mem_range r;
	ck_assert_err_at(mem_read(&cache.base, 0x5008, b, 8), ERR_UNMAPPED, 0x5008);
	unsigned before = counting.reads;
	ck_assert_err_at(mem_read(&cache.base, 0x5010, b, 8), ERR_UNMAPPED, 0x5010);
	ck_assert_uint_eq(counting.reads, before);
	/* a source that fails for a while is asked again */
	counting.broken = ERR_SYS;
	ck_assert_err(mem_read(&cache.base, 0x10000, b, 8), ERR_SYS);
	counting.broken = ERR_NONE;
	ck_assert_ok(mem_read(&cache.base, 0x10000, b, 8));
	ck_assert(mem_next_range(&cache.base, 0, &r));
}
END_TEST

START_TEST(a_sealed_cache_answers_from_its_record)
{
	uint8_t b[16];
	struct mem_range r;
	ck_assert_ok(mem_read(&cache.base, 0x10000, b, 8));
	ck_assert_err(mem_read(&cache.base, 0x5000, b, 8), ERR_UNMAPPED);
	mem_cache_seal(&cache);
	memset(&counting, 0xee, sizeof(counting)); /* the source is gone */
	counting.base.ops = NULL;
	ck_assert_ok(mem_read(&cache.base, 0x10008, b, 8));
	ck_assert_uint_eq(b[0], 8 * 7);
	ck_assert_err_at(mem_read(&cache.base, 0x10000 + PAGE, b, 8), ERR_GONE, 0x10000 + PAGE);
	ck_assert_err_at(mem_read(&cache.base, 0x10000 + PAGE - 4, b, 8), ERR_GONE, 0x10000 + PAGE);
	ck_assert_err_at(mem_read(&cache.base, 0x5000, b, 8), ERR_UNMAPPED, 0x5000);
	ck_assert_ptr_null(mem_view(&cache.base, 0x10000 + PAGE, 1));
	ck_assert(mem_next_range(&cache.base, 0, &r));
	ck_assert_uint_eq(r.start, 0x10000);
	ck_assert_uint_eq(r.end, 0x10000 + 8 * PAGE);
	ck_assert(!mem_next_range(&cache.base, r.end, &r));
}
END_TEST

START_TEST(a_cleared_cache_is_open_again)
{
	uint8_t b[16];
	mem_cache_seal(&cache);
	ck_assert_err(mem_read(&cache.base, 0x10000, b, 8), ERR_GONE);
	mem_cache_clear(&cache);
	ck_assert_ok(mem_read(&cache.base, 0x10000, b, 8));
	mem_cache_seal(&cache);
	ck_assert_ok(mem_read(&cache.base, 0x10000, b, 8));
}
END_TEST

/* Ranges that begin and end within pages: the cache says the same as the source below, in any order of reads. */
START_TEST(cache_over_odd_ranges)
{
	static uint8_t bytes[2 * PAGE];
	uint32_t seed = (uint32_t)_i + 1;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)random_below(&seed, 256);
	mem_buf_init(&buffer, ORDER_LITTLE, 8);
	mem_buf_add(&buffer, PAGE + 100, bytes, 200, MEM_READ);
	mem_buf_add(&buffer, PAGE + 300, NULL, 100, MEM_READ);
	mem_buf_add(&buffer, PAGE + 500, bytes + 7, PAGE, MEM_READ);
	mem_buf_add(&buffer, 4 * PAGE - 10, bytes, 20, MEM_READ);
	struct mem_cache c;
	mem_cache_init(&c, &buffer.base);
	for (int i = 0; i < 500; i++) {
		uint64_t addr = PAGE + random_below(&seed, 4 * PAGE);
		size_t n = 1 + random_below(&seed, i % 2 ? 8 : 1000);
		uint8_t a[1000], b[1000];
		struct err want = mem_read(&buffer.base, addr, a, n);
		struct err have = mem_read(&c.base, addr, b, n);
		ck_assert_msg(want.code == have.code && want.addr == have.addr, "read of %zu at %d",
			n, (int)addr);
		ck_assert(failed(want) || !memcmp(a, b, n));
		const void *view = mem_view(&c.base, addr, n);
		ck_assert(!view || (!failed(want) && !memcmp(view, a, n)));
	}
	mem_cache_fini(&c);
}
END_TEST

START_TEST(cache_at_the_top)
{
	uint8_t b[16];
	ck_assert_err(mem_read(&cache.base, UINT64_MAX - 100, b, 8), ERR_UNMAPPED);
	ck_assert_ptr_null(mem_view(&cache.base, UINT64_MAX - 100, 8));
	ck_assert_err(mem_read(&cache.base, UINT64_MAX - PAGE - 4, b, 16), ERR_UNMAPPED);
}
END_TEST

/* A child that holds still, and a page of it with a hole behind. */
static pid_t child;
static uint8_t *shared; /* mapped by both at the same address: 2 pages, a hole of one, 1 page */

static bool start_child(void)
{
	shared = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return false;
	for (size_t i = 0; i < 4 * PAGE; i++)
		shared[i] = (uint8_t)(i * 3 + i / PAGE);
	munmap(shared + 2 * PAGE, PAGE);
	child = fork();
	while (!child)
		pause();
	return child > 0;
}

static void setup_child(void)
{
	ck_assert(start_child());
}

static void end_child(void)
{
	if (child <= 0)
		return;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	child = 0;
}

static uint64_t shared_at(size_t at)
{
	return (uint64_t)(uintptr_t)shared + at;
}

static int open_child_memory(void)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/mem", (int)child);
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	int fd = dup(fileno(f));
	fclose(f);
	return fd;
}

/* 0: /proc/PID/mem, 1: process_vm_readv, 2: a descriptor that is refused, so process_vm_readv */
static void init_live(struct mem_live *m, int way)
{
	int fd = way == 0 ? open_child_memory() : way == 1 ? -1 : dup(STDERR_FILENO);
	mem_live_init(m, child, fd, ORDER_LITTLE, 8);
}

START_TEST(live_reads)
{
	struct mem_live m;
	static uint8_t b[3 * PAGE];
	uint64_t v;
	init_live(&m, _i);
	ck_assert_ok(mem_read(&m.base, shared_at(5), b, 2 * PAGE - 5));
	ck_assert_mem_eq(b, shared + 5, 2 * PAGE - 5);
	ck_assert_ok(mem_ptr(&m.base, shared_at(3 * PAGE), &v));
	ck_assert_err_at(mem_read(&m.base, shared_at(2 * PAGE - 5), b, 10), ERR_UNMAPPED,
		shared_at(2 * PAGE));
	ck_assert_err_at(mem_read(&m.base, shared_at(2 * PAGE + 5), b, 10), ERR_UNMAPPED,
		shared_at(2 * PAGE + 5));
	ck_assert_err_at(mem_read(&m.base, 8, b, 8), ERR_UNMAPPED, 8);
	ck_assert_err(mem_read(&m.base, UINT64_MAX - 100, b, 10), ERR_UNMAPPED);
	ck_assert_err(mem_read(&m.base, (uint64_t)1 << 63, b, 10), ERR_UNMAPPED);
	ck_assert_ptr_null(mem_view(&m.base, shared_at(0), 1));
	mem_live_fini(&m);
}
END_TEST

START_TEST(live_is_gone)
{
	struct mem_live m;
	uint8_t b[8];
	init_live(&m, _i);
	ck_assert_ok(mem_read(&m.base, shared_at(0), b, 8));
	end_child();
	ck_assert_err_at(mem_read(&m.base, shared_at(0), b, 8), ERR_GONE, shared_at(0));
	mem_live_fini(&m);
}
END_TEST

START_TEST(live_batch)
{
	enum { N = 2500 };
	static uint8_t out[N][16];
	static struct mem_piece pieces[N];
	struct mem_live m;
	init_live(&m, _i);
	for (size_t i = 0; i < N; i++) {
		size_t at = i * 37 % (4 * PAGE - 16);
		pieces[i] =
			(struct mem_piece){ .addr = shared_at(at), .buf = out[i], .n = 1 + i % 16 };
	}
	pieces[700].addr = 0;
	pieces[701].addr = UINT64_MAX - 3;
	pieces[701].n = 16;
	pieces[702].n = 0;
	pieces[N - 1].addr = 16;
	mem_live_read_batch(&m, pieces, N);
	size_t wrong = 0;
	for (size_t i = 0; i < N; i++) {
		size_t at = pieces[i].addr - shared_at(0);
		bool hole = at + pieces[i].n > 2 * PAGE && at < 3 * PAGE;
		bool bad = hole || i == 700 || i == 701 || i == N - 1;
		if (i == 702)
			bad = false;
		wrong += pieces[i].done == bad;
		if (!bad && pieces[i].n)
			wrong += memcmp(out[i], shared + at, pieces[i].n) != 0;
	}
	ck_assert_uint_eq(wrong, 0);
	mem_live_read_batch(&m, pieces, 0);
	end_child();
	mem_live_read_batch(&m, pieces, 3);
	ck_assert(!pieces[0].done && !pieces[2].done);
	mem_live_fini(&m);
}
END_TEST

START_TEST(live_ranges)
{
	struct mem_live m;
	struct mem_range r;
	mem_live_init(&m, child, -1, ORDER_LITTLE, 8);
	ck_assert(!mem_next_range(&m.base, 0, &r));
	for (uint64_t i = 1; i <= 100; i++)
		mem_live_add_range(
			&m, (struct mem_range){ i * 0x2000, i * 0x2000 + PAGE, MEM_READ, true });
	ck_assert(mem_range_at(&m.base, 0x4fff, &r));
	ck_assert_uint_eq(r.start, 0x4000);
	ck_assert(!mem_range_at(&m.base, 0x5000, &r));
	ck_assert(mem_next_range(&m.base, 0x5000, &r));
	ck_assert_uint_eq(r.start, 0x6000);
	ck_assert(!mem_next_range(&m.base, 100 * 0x2000 + PAGE, &r));
	mem_live_clear_ranges(&m);
	ck_assert(!mem_next_range(&m.base, 0, &r));
	mem_live_fini(&m);
	mem_live_fini(NULL);
}
END_TEST

/* The recording of a live process, read on after it has ended. */
START_TEST(recording_outlives_the_process)
{
	struct mem_live live;
	struct mem_cache c;
	uint64_t before, after;
	init_live(&live, 0);
	mem_cache_init(&c, &live.base);
	ck_assert_ok(mem_ptr(&c.base, shared_at(8), &before));
	mem_cache_seal(&c);
	end_child();
	mem_live_fini(&live);
	ck_assert_ok(mem_ptr(&c.base, shared_at(8), &after));
	ck_assert_uint_eq(before, after);
	ck_assert_err(mem_ptr(&c.base, shared_at(PAGE), &after), ERR_GONE);
	mem_cache_fini(&c);
}
END_TEST

static TCase *typed_case(void)
{
	TCase *t = tcase_create("typed reads");
	tcase_add_loop_test(t, integers_in_the_order_of_the_target, 0, 2);
	tcase_add_test(t, reads_cross_runs_and_stop_at_gaps);
	tcase_add_test(t, reads_never_wrap);
	tcase_add_test(t, ranges_of_a_buffer);
	tcase_add_loop_test(t, strings_at_the_end_of_memory, 0, 100);
	tcase_add_test(t, strings_are_cut_at_their_room);
	return t;
}

static TCase *core_case(void)
{
	TCase *t = tcase_create("core and overlay");
	tcase_add_checked_fixture(t, setup_core, drop_core);
	tcase_add_test(t, core_says_why);
	tcase_add_test(t, core_views);
	tcase_add_test(t, core_ranges);
	tcase_add_test(t, overlay_fills_only_what_is_missing);
	tcase_add_test(t, overlay_views);
	tcase_add_loop_test(t, overlay_against_truth, 0, 100);
	tcase_add_loop_test(t, overlay_ranges_against_truth, 0, 100);
	return t;
}

static TCase *cache_case(void)
{
	TCase *t = tcase_create("cache");
	tcase_add_checked_fixture(t, setup_cache, drop_cache);
	tcase_add_test(t, cache_reads_a_page_once);
	tcase_add_test(t, cache_fetches_several_pages_at_once);
	tcase_add_test(t, cache_views);
	tcase_add_test(t, cache_remembers_failures);
	tcase_add_test(t, a_sealed_cache_answers_from_its_record);
	tcase_add_test(t, a_cleared_cache_is_open_again);
	tcase_add_loop_test(t, cache_over_odd_ranges, 0, 20);
	tcase_add_test(t, cache_at_the_top);
	return t;
}

/* A sandbox may forbid all of this: then it is said, and left out. */
static bool may_read_children(void)
{
	char byte;
	bool started = start_child();
	struct iovec local = { &byte, 1 }, remote = { shared, 1 };
	bool may = started && process_vm_readv(child, &local, 1, &remote, 1, 0) == 1;
	if (!may)
		fprintf(stderr, "SKIP: live memory: process_vm_readv of a child: %s\n",
			strerror(errno));
	end_child();
	return may;
}

static TCase *live_case(void)
{
	TCase *t = tcase_create("live");
	tcase_add_checked_fixture(t, setup_child, end_child);
	tcase_add_loop_test(t, live_reads, 0, 3);
	tcase_add_loop_test(t, live_is_gone, 0, 3);
	tcase_add_loop_test(t, live_batch, 0, 3);
	tcase_add_test(t, live_ranges);
	tcase_add_test(t, recording_outlives_the_process);
	return t;
}

Suite *suite_mem(void)
{
	Suite *s = suite_create("mem");
	suite_add_tcase(s, typed_case());
	suite_add_tcase(s, core_case());
	suite_add_tcase(s, cache_case());
	if (may_read_children())
		suite_add_tcase(s, live_case());
	return s;
}
