/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is fetched when it is touched. */
#include "suites.h"

#include "pycore/mem.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, PART = 16 * 1024, PAGES = 256, START = 0x10000 };
#define SECOND UINT64_C(0x40000000)

static uint8_t content[PAGES * PAGE];
static struct mem_buf below;
static struct mem_demand demand;

/* As `below`, but for a page that cannot be read although it is said to be. */
static const struct mem_ops *whole;
static struct mem_ops with_hole;
static uint64_t hole;

static struct err read_around(struct mem *m, uint64_t addr, void *buf, size_t n)
{
	if (addr < hole + PAGE && hole < addr + n)
		return err_at(ERR_UNMAPPED, hole, "hole");
	return whole->read(m, addr, buf, n);
}

static void setup(void)
{
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * 7 + i / PAGE);
	mem_buf_init(&below, ORDER_LITTLE, 8);
	mem_buf_add(&below, START, content, sizeof(content), MEM_READ | MEM_WRITE);
	mem_buf_add(&below, SECOND, content, 3 * PAGE + 5, MEM_READ | MEM_WRITE);
	mem_demand_init(&demand, &below.base, 2 * PART);
}

static void teardown(void)
{
	mem_demand_end(&demand);
}

START_TEST(views_stay_valid)
{
	const uint8_t *all = mem_view(&demand.base, START, sizeof(content));
	ck_assert_ptr_nonnull(all);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(content); i += 61) {
			size_t at = round ? sizeof(content) - 1 - i : i;
			ck_assert_uint_eq(all[at], content[at]);
		}
	}
	ck_assert_uint_le(demand.n_filled, demand.max);
	ck_assert_mem_eq(all, content, sizeof(content));
	const uint8_t *end = mem_view(&demand.base, SECOND + 3 * PAGE, 5);
	ck_assert_ptr_nonnull(end);
	ck_assert_mem_eq(end, content + 3 * PAGE, 5);
	ck_assert_ptr_null(mem_view(&demand.base, SECOND + 3 * PAGE, 6));
	ck_assert_ptr_null(mem_view(&demand.base, SECOND - 1, 1));
}
END_TEST

START_TEST(reads_are_those_of_below)
{
	uint8_t buf[3 * PART];
	for (size_t n = 1; n <= sizeof(buf); n = n * 3 + 1) {
		ck_assert(!failed(mem_read(&demand.base, START + 12345, buf, n)));
		ck_assert_mem_eq(buf, content + 12345, n);
	}
	struct err e = mem_read(&demand.base, SECOND + PAGE, buf, 2 * PAGE + 6);
	ck_assert_int_eq(e.code, ERR_UNMAPPED);
	ck_assert_uint_eq(e.addr, SECOND + 3 * PAGE + 5);
}
END_TEST

/* Zeros in a view, an error in a read, and it is counted. */
START_TEST(what_is_unreadable_is_counted)
{
	uint8_t buf[16];
	whole = below.base.ops;
	with_hole = *whole;
	with_hole.read = read_around;
	below.base.ops = &with_hole;
	hole = START + 5 * PAGE;
	const uint8_t *all = mem_view(&demand.base, START, sizeof(content));
	ck_assert_uint_eq(all[5 * PAGE + 100], 0);
	ck_assert_uint_eq(all[4 * PAGE + 100], content[4 * PAGE + 100]);
	ck_assert_uint_eq(demand.lost, PAGE);
	ck_assert_int_eq(mem_read(&demand.base, hole + 8, buf, 8).code, ERR_UNMAPPED);
	ck_assert(!failed(mem_read(&demand.base, hole - 16, buf, 16)));
	ck_assert_mem_eq(buf, content + 5 * PAGE - 16, 16);
}
END_TEST

START_TEST(forked_processes_have_their_own)
{
	const uint8_t *all = mem_view(&demand.base, START, sizeof(content));
	ck_assert_uint_eq(all[0], content[0]);
	pid_t pid = fork();
	if (!pid)
		_exit(memcmp(all, content, sizeof(content)) != 0);
	ck_assert_mem_eq(all, content, sizeof(content));
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(nothing_is_left_at_the_end)
{
	uint8_t byte;
	struct mem_range r;
	ck_assert_ptr_nonnull(mem_view(&demand.base, START, 1));
	mem_demand_end(&demand);
	ck_assert_ptr_null(mem_view(&demand.base, START, 1));
	ck_assert_int_eq(mem_read(&demand.base, START, &byte, 1).code, ERR_GONE);
	ck_assert(!mem_next_range(&demand.base, 0, &r));
}
END_TEST

/* Anybody else's mistake ends the process as before. */
START_TEST(other_faults_are_not_hidden)
{
	pid_t pid = fork();
	int status;
	if (!pid) {
		mem_demand_end(&demand);
		signal(SIGSEGV, SIG_DFL);
		mem_demand_init(&demand, &below.base, 0);
		(void)*(const volatile uint8_t *)mem_view(&demand.base, START, 1);
		raise(SIGSEGV);
		raise(SIGSEGV);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}
END_TEST

Suite *suite_demand(void)
{
	Suite *s = suite_create("demand");
	TCase *t = tcase_create("demand");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, views_stay_valid);
	tcase_add_test(t, reads_are_those_of_below);
	tcase_add_test(t, what_is_unreadable_is_counted);
	tcase_add_test(t, forked_processes_have_their_own);
	tcase_add_test(t, nothing_is_left_at_the_end);
	tcase_add_test(t, other_faults_are_not_hidden);
	suite_add_tcase(s, t);
	return s;
}
