/* SPDX-License-Identifier: Apache-2.0 */
/* Which parts of large ranges were ever written to. */
#include "suites.h"

#include "pycore/alloc.h"
#include "pycore/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 64 };
#define START UINT64_C(0x10000000)
#define END   (START + PAGES * PAGE)

/* Pages 3 and 4, and the last one. */
static const struct mem_run truth[] = { { START + 3 * PAGE, START + 5 * PAGE },
	{ END - PAGE, END } };

static void check_runs(struct mem *m, uint64_t base)
{
	struct mem_run r;
	uint64_t at = base, end = base + PAGES * PAGE;
	for (size_t i = 0; i < 2; i++, at = r.end) {
		ck_assert(mem_next_touched(m, at, end, &r));
		ck_assert_uint_eq(r.start - base, truth[i].start - START);
		ck_assert_uint_eq(r.end - base, truth[i].end - START);
	}
	ck_assert(!mem_next_touched(m, at, end, &r));
	ck_assert(!mem_next_touched(m, base, base + 3 * PAGE, &r));
	ck_assert(!mem_next_touched(m, base + 5 * PAGE, base + 6 * PAGE, &r));
	ck_assert(!mem_next_touched(m, base + 8, base + 8, &r));
	ck_assert(mem_next_touched(m, base + 3 * PAGE + 8, base + 3 * PAGE + 24, &r));
	ck_assert_uint_eq(r.start, base + 3 * PAGE + 8);
	ck_assert_uint_eq(r.end, base + 3 * PAGE + 24);
}

/* A core whose file has holes. */
START_TEST(of_a_core)
{
	int fd = memfd_create("core", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, (PAGES + 1) * PAGE), 0);
	for (size_t i = 0; i < 2; i++) {
		for (uint64_t at = truth[i].start; at < truth[i].end; at += PAGE)
			ck_assert_int_eq(pwrite(fd, "x", 1, (off_t)(at - START + PAGE)), 1);
	}
	struct core_range range = {
		.start = START, .end = END, .offset = PAGE, .backing = CORE_SAVED
	};
	struct elfcore core = {
		.head = { .order = ORDER_LITTLE, .ptr_size = 8 }, .ranges = &range, .n_ranges = 1
	};
	struct mem_core m;
	mem_core_init(&m, &core, fd);
	check_runs(&m.base, START);
	struct mem_overlay over;
	mem_overlay_init(&over, &m.base);
	check_runs(&over.base, START);
	mem_overlay_fini(&over);
	struct mem_run r;
	mem_core_init(&m, &core, -1);
	ck_assert(mem_next_touched(&m.base, START + 1, END, &r));
	ck_assert(r.start == START + 1 && r.end == END);
	close(fd);
}
END_TEST

START_TEST(of_a_snapshot)
{
	struct mem_buf below;
	struct mem_snapshot m;
	struct mem_run r;
	mem_buf_init(&below, ORDER_LITTLE, 8);
	mem_snapshot_init(&m, &below.base);
	ck_assert_ptr_nonnull(mem_snapshot_add(&m, START, PAGES * PAGE));
	for (size_t i = 0; i < 2; i++)
		mem_snapshot_touch(&m, truth[i].start, truth[i].end);
	check_runs(&m.base, START);
	/* what it has no copy of, below would have to tell */
	ck_assert(mem_next_touched(&m.base, END, END + PAGE, &r));
	mem_snapshot_fini(&m);
}
END_TEST

START_TEST(of_a_process)
{
	uint8_t *room = mmap(
		NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(room, MAP_FAILED);
	pid_t child = fork();
	while (!child) {
		for (size_t i = 0; i < 2; i++) {
			for (uint64_t at = truth[i].start; at < truth[i].end; at += PAGE)
				room[at - START] = 1;
		}
		raise(SIGSTOP);
	}
	int status;
	ck_assert_int_eq(waitpid(child, &status, WUNTRACED), child);
	struct mem_live m;
	AUTO_FREE char *path = xasprintf("/proc/%d/pagemap", (int)child);
	mem_live_init(&m, child, -1, ORDER_LITTLE, 8);
	m.pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (m.pagemap >= 0)
		check_runs(&m.base, (uintptr_t)room);
	else
		fprintf(stderr, "SKIP: what a process touched: %s cannot be opened\n", path);
	mem_live_fini(&m);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	munmap(room, PAGES * PAGE);
}
END_TEST

Suite *suite_touched(void)
{
	Suite *s = suite_create("touched");
	TCase *t = tcase_create("touched");
	tcase_add_test(t, of_a_core);
	tcase_add_test(t, of_a_snapshot);
	tcase_add_test(t, of_a_process);
	suite_add_tcase(s, t);
	return s;
}
