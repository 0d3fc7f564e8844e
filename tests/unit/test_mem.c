/* SPDX-License-Identifier: Apache-2.0 */
#include "suites.h"

#include "../support/corecase.h"

#include "pycore/alloc.h"
#include "pycore/mem.h"

#include <elf.h>

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

static struct err trap_read(struct mem *m, uint64_t addr, void *buf, size_t n)
{
	(void)m, (void)buf;
	ck_assert_msg(n && addr + n > addr, "a source must never see a read that wraps");
	return err_at(ERR_UNMAPPED, addr, "memory");
}

static const void *trap_view(struct mem *m, uint64_t addr, size_t n)
{
	(void)m;
	ck_assert_msg(n && addr + n > addr, "a source must never see a view that wraps");
	return NULL;
}

START_TEST(sources_see_no_wrap)
{
	static const struct mem_ops ops = { .name = "trap", .read = trap_read, .view = trap_view };
	struct mem m = { &ops, ORDER_LITTLE, 8 };
	char b[16];
	ck_assert_err(mem_read(&m, UINT64_MAX - 7, b, 8), ERR_UNMAPPED);
	ck_assert_err(mem_read(&m, UINT64_MAX, b, SIZE_MAX), ERR_UNMAPPED);
	ck_assert_err(mem_read(&m, 1, b, SIZE_MAX), ERR_UNMAPPED);
	ck_assert_err(mem_cstr(&m, UINT64_MAX - 3, b, sizeof(b), NULL), ERR_UNMAPPED);
	ck_assert_ok(mem_read(&m, UINT64_MAX, b, 0));
	ck_assert_ptr_null(mem_view(&m, UINT64_MAX - 7, 8));
	ck_assert_ptr_null(mem_view(&m, 5, 0));
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

/* 0x1000-0x1008 saved, -0x2000 not saved; 0x2000-0x2008 saved, the last 4 cut off; 0x3000 and
 * 0x3004 saved side by side; 0x4000 and 0x4004 saved side by side in memory but not in the file. */
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
	mem_core_init(&m, &core, -1);
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
	mem_core_init(&m, &core, -1);
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
	mem_core_init(&m, &core, -1);
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
	mem_core_init(&below, &core, -1);
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
	mem_core_init(&below, &core, -1);
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

static unsigned demands;

static bool demand(void *ctx, uint64_t addr)
{
	static const uint8_t file[] = "supplied";
	demands++;
	if (addr != 0x1010)
		return false;
	mem_overlay_add(ctx, 0x1010, file, 8);
	return true;
}

START_TEST(overlay_on_demand)
{
	struct mem_core below;
	struct mem_overlay m;
	char b[16];
	mem_core_init(&below, &core, -1);
	mem_overlay_init(&m, &below.base);
	mem_overlay_on_demand(&m, demand, &m);
	demands = 0;
	ck_assert_ok(mem_read(&m.base, 0x1000, b, 8));
	ck_assert_err(mem_read(&m.base, 0x2008, b, 8), ERR_UNMAPPED);
	ck_assert_uint_eq(demands, 0);
	ck_assert_ok(mem_read(&m.base, 0x1010, b, 8));
	ck_assert_mem_eq(b, "supplied", 8);
	ck_assert_ok(mem_read(&m.base, 0x1012, b, 6));
	ck_assert_uint_eq(demands, 1);
	ck_assert_err_at(mem_read(&m.base, 0x1010, b, 9), ERR_NOT_SAVED, 0x1018);
	ck_assert_uint_eq(demands, 2);
	mem_overlay_fini(&m);
}
END_TEST

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
static TCase *typed_case(void)
{
	TCase *t = tcase_create("typed reads");
	tcase_add_loop_test(t, integers_in_the_order_of_the_target, 0, 2);
	tcase_add_test(t, reads_cross_runs_and_stop_at_gaps);
	tcase_add_test(t, reads_never_wrap);
	tcase_add_test(t, sources_see_no_wrap);
	tcase_add_test(t, ranges_of_a_buffer);
	tcase_add_loop_test(t, strings_at_the_end_of_memory, 0, 100);
	tcase_add_test(t, strings_are_cut_at_their_room);
	return t;
}

START_TEST(a_snapshot_shows_copies_and_what_lies_between)
{
	uint8_t bytes[64], got[64], wanted[64];
	struct mem_buf below;
	struct mem_snapshot m;
	struct mem_range r;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	mem_buf_init(&below, ORDER_LITTLE, 8);
	mem_buf_add(&below, 0x1000, bytes, sizeof(bytes), MEM_READ | MEM_WRITE);
	mem_snapshot_init(&m, &below.base);
	uint8_t *second = mem_snapshot_add(&m, 0x1020, 8), *first = mem_snapshot_add(&m, 0x1008, 8);
	memset(first, 0xaa, 8);
	memset(second, 0xbb, 8);
	memcpy(wanted, bytes, 64);
	memset(wanted + 8, 0xaa, 8);
	memset(wanted + 0x20, 0xbb, 8);
	ck_assert_ok(mem_read(&m.base, 0x1000, got, sizeof(got)));
	ck_assert_mem_eq(got, wanted, sizeof(got));
	ck_assert_ptr_eq(mem_view(&m.base, 0x100a, 4), first + 2);
	ck_assert_ptr_null(mem_view(&m.base, 0x100a, 8));
	ck_assert(mem_next_range(&m.base, 0, &r) && r.start == 0x1000);
	mem_snapshot_drop(&m, 0x1000, 0x1010);
	ck_assert_ok(mem_read(&m.base, 0x1008, got, 8));
	ck_assert_mem_eq(got, bytes + 8, 8);
	ck_assert_err_at(mem_read(&m.base, 0x103c, got, 8), ERR_UNMAPPED, 0x1040);
	mem_snapshot_fini(&m);
}
END_TEST

static TCase *core_case(void)
{
	TCase *t = tcase_create("core and overlay");
	tcase_add_checked_fixture(t, setup_core, drop_core);
	tcase_add_test(t, core_says_why);
	tcase_add_test(t, core_views);
	tcase_add_test(t, core_ranges);
	tcase_add_test(t, overlay_fills_only_what_is_missing);
	tcase_add_test(t, overlay_views);
	tcase_add_test(t, overlay_on_demand);
	tcase_add_loop_test(t, overlay_against_truth, 0, 100);
	tcase_add_loop_test(t, overlay_ranges_against_truth, 0, 100);
	tcase_add_test(t, a_snapshot_shows_copies_and_what_lies_between);
	return t;
}

Suite *suite_mem(void)
{
	Suite *s = suite_create("mem");
	suite_add_tcase(s, typed_case());
	suite_add_tcase(s, core_case());
	return s;
}
