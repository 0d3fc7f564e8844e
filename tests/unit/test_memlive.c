/* SPDX-License-Identifier: Apache-2.0 */
#include "suites.h"

#include "pycore/alloc.h"
#include "pycore/mem.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

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

Suite *suite_memlive(void)
{
	Suite *s = suite_create("live memory");
	if (may_read_children())
		suite_add_tcase(s, live_case());
	return s;
}
