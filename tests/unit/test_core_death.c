/* SPDX-License-Identifier: Apache-2.0 */
/* Which cores are of processes that died: those of tools tell by the signal, and where that is a
 * debugger's own, by the code. And what is said of memory that a core leaves out. */
#include "suites.h"

#include "tempdir.h"

#include "../support/fakecore.h"

#include "pycore/target.h"

#include <elf.h>
#include <signal.h>
#include <string.h>

enum { CODE = 0x400000, STACK = 0x7f000000, DATA = 0x600000, PAGE = 4096, TID = 4711 };

static struct tempdir dir;
static struct fakecore fake;
static struct target *t;
static uint8_t code[PAGE], page[PAGE];

static void setup(void)
{
	tempdir_init(&dir);
	memset(code, 0x90, sizeof(code));
	memset(page, 0x11, sizeof(page));
	t = NULL;
}

static void teardown(void)
{
	target_close(t);
	fakecore_fini(&fake);
	tempdir_fini(&dir);
}

static void open_fake(void)
{
	AUTO_STR(core);
	fakecore_build(&fake, &core);
	AUTO_FREE char *path = tempdir_write(&dir, "core", core.bytes, core.len);
	static const struct target_core_options opt;
	ck_assert_ok(target_open_core(path, &opt, &t));
}

START_TEST(signals_that_kill)
{
	static const int others[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCHLD, SIGCONT, SIGURG,
		SIGWINCH, 0, -1 };
	static const int deadly[] = { SIGHUP, SIGINT, SIGTRAP, SIGKILL, SIGSEGV, SIGPIPE, SIGALRM,
		SIGUSR1, SIGSTKFLT, SIGIO, SIGPWR, SIGSYS, 34, 64 };
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		ck_assert_msg(!core_signal_kills(others[i]), "signal %d", others[i]);
	for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
		ck_assert_msg(core_signal_kills(deadly[i]), "signal %d", deadly[i]);
}
END_TEST

/* gdb's cores, of a thread whose program counter is at byte 16 of this code. */
START_TEST(by_gdb)
{
	static const struct {
		uint16_t machine;
		unsigned ptr_size;
		int signo;
		unsigned at; /* where the bytes are */
		uint8_t bytes[4];
		unsigned n;
		bool died;
	} rows[] = {
		{ EM_X86_64, 8, SIGSEGV, 0, { 0 }, 0, true },
		{ EM_X86_64, 8, SIGINT, 0, { 0 }, 0, true },
		{ EM_X86_64, 8, SIGSTOP, 0, { 0 }, 0, false },
		{ EM_X86_64, 8, SIGTSTP, 0, { 0 }, 0, false },
		{ EM_X86_64, 8, SIGCHLD, 0, { 0 }, 0, false },
		{ EM_X86_64, 8, SIGTRAP, 0, { 0 }, 0, false },
		{ EM_X86_64, 8, SIGTRAP, 15, { 0xcc }, 1, true },
		{ EM_X86_64, 8, SIGTRAP, 16, { 0xcc }, 1, false }, /* not yet reached */
		{ EM_X86_64, 8, SIGTRAP, 14, { 0xcd, 3 }, 2, true },
		{ EM_X86_64, 8, SIGTRAP, 14, { 0xcd, 0x80 }, 2, false },
		{ EM_386, 4, SIGTRAP, 15, { 0xcc }, 1, true },
		{ EM_AARCH64, 8, SIGTRAP, 16, { 0x00, 0x00, 0x20, 0xd4 }, 4, true },
		{ EM_AARCH64, 8, SIGTRAP, 16, { 0xe0, 0xff, 0x3f, 0xd4 }, 4, true },
		{ EM_AARCH64, 8, SIGTRAP, 16, { 0x00, 0x00, 0x40, 0xd4 }, 4, false },
		{ EM_AARCH64, 8, SIGTRAP, 12, { 0x00, 0x00, 0x20, 0xd4 }, 4, false },
		{ EM_ARM, 4, SIGTRAP, 16, { 0xf0, 0x01, 0xf0, 0xe7 }, 4, true },
		{ EM_ARM, 4, SIGTRAP, 16, { 0x7f, 0xff, 0x2f, 0xe1 }, 4, true },
		{ EM_ARM, 4, SIGTRAP, 16, { 0x01, 0xde }, 2, true },
		{ EM_ARM, 4, SIGTRAP, 16, { 0x17, 0xbe }, 2, true },
		{ EM_ARM, 4, SIGTRAP, 16, { 0x17, 0xbf }, 2, false },
		{ EM_S390, 8, SIGTRAP, 14, { 0, 1 }, 2, false }, /* not told of this one */
	};
	enum byte_order order = rows[_i].machine == EM_S390 ? ORDER_BIG : ORDER_LITTLE;
	fakecore_init(&fake, rows[_i].machine, rows[_i].ptr_size, order);
	fake.gdb = true;
	memcpy(code + rows[_i].at, rows[_i].bytes, rows[_i].n);
	fakecore_process(&fake, TID, "prog", "prog");
	fakecore_thread(&fake, TID, rows[_i].signo, CODE + 16, STACK);
	fakecore_siginfo(&fake, rows[_i].signo, 0x80, 0, false);
	fakecore_segment(&fake, CODE, code, PAGE, PAGE, PF_R | PF_X);
	fakecore_segment(&fake, STACK, page, PAGE, PAGE, PF_R | PF_W);
	open_fake();
	ck_assert_int_eq(t->snapshot, !rows[_i].died);
	ck_assert_int_eq(t->signal.signo, rows[_i].died ? rows[_i].signo : 0);
	ck_assert_int_eq(t->threads[0].crashed, rows[_i].died);
}
END_TEST

/* The kernel's tell of no other thread than the one that died. */
START_TEST(by_the_kernel)
{
	fakecore_init(&fake, EM_X86_64, 8, ORDER_LITTLE);
	fakecore_thread(&fake, TID, SIGTRAP, CODE + 16, STACK);
	fakecore_process(&fake, TID, "prog", "prog");
	fakecore_siginfo(&fake, SIGTRAP, SI_USER, 1, true);
	fakecore_segment(&fake, CODE, code, PAGE, PAGE, PF_R | PF_X);
	open_fake();
	ck_assert(!t->snapshot && t->threads[0].crashed);
	ck_assert_int_eq(t->signal.signo, SIGTRAP);
}
END_TEST

static const struct problem *said(void)
{
	for (size_t i = 0; i < t->problems.len; i++) {
		if (strstr(t->problems.list[i].why, "does not hold all memory"))
			return &t->problems.list[i];
	}
	return NULL;
}

/* By madvise(), or a coredump_filter without private memory. */
START_TEST(memory_that_is_left_out)
{
	static const struct {
		uint64_t addr;
		bool left_out;
	} rows[] = {
		{ STACK + PAGE, true }, { STACK + 2 * PAGE - 1, true }, { STACK, false },
		{ STACK + 2 * PAGE, false }, /* not mapped */
		{ CODE, false }, /* not writable */
		{ DATA, false }, /* of a file */
	};
	const struct fake_file files[] = { { CODE, CODE + PAGE, 0, "/bin/prog" },
		{ DATA, DATA + PAGE, 1, "/bin/prog" } };
	fakecore_init(&fake, EM_X86_64, 8, ORDER_LITTLE);
	fakecore_thread(&fake, TID, SIGSEGV, CODE, STACK);
	fakecore_process(&fake, TID, "prog", "prog");
	fakecore_files(&fake, PAGE, files, 2);
	for (int i = 1; i < 6; i++)
		fakecore_thread(&fake, TID + i, 0, CODE, STACK);
	fakecore_segment(&fake, CODE, code, 0, PAGE, PF_R | PF_X);
	fakecore_segment(&fake, DATA, page, 0, PAGE, PF_R | PF_W);
	fakecore_segment(&fake, STACK, page, PAGE, PAGE, PF_R | PF_W);
	fakecore_segment(&fake, STACK + PAGE, NULL, 0, PAGE, PF_R | PF_W);
	open_fake();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(target_leaves_out(t, rows[i].addr) == rows[i].left_out, "row %zu", i);
	const struct os_thread *list[6];
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		list[i] = &t->threads[i];
	target_say_left_out(t, list, 0, true);
	ck_assert_ptr_null(said());
	target_say_left_out(t, list, 1, false);
	ck_assert(!said()->damage &&
		  strstr(said()->why, "of thread 4711 (stacks, or what is beside them): "));
	ck_assert_ptr_nonnull(strstr(said()->why, "coredump_filter"));
	problems_fini(&t->problems);
	target_say_left_out(t, list, ARRAY_LEN(list), true);
	ck_assert(said()->damage &&
		  strstr(said()->why, "threads 4711, 4712, 4713, 4714 and 2 more ("));
	ck_assert_ptr_nonnull(strstr(said()->why, "so frames are missing"));
}
END_TEST

/* Nothing of all data: this is said where Python is not found. */
START_TEST(all_that_is_left_out)
{
	fakecore_init(&fake, EM_X86_64, 8, ORDER_LITTLE);
	fakecore_thread(&fake, TID, SIGSEGV, CODE, STACK);
	fakecore_process(&fake, TID, "prog", "prog");
	fakecore_segment(&fake, CODE, code, PAGE, PAGE, PF_R | PF_X);
	fakecore_segment(&fake, DATA, NULL, 0, PAGE, PF_R | PF_W);
	fakecore_segment(&fake, STACK, NULL, 0, PAGE, PF_R | PF_W);
	open_fake();
	const struct os_thread *list[] = { &t->threads[0] };
	ck_assert(target_leaves_out(t, STACK));
	target_say_left_out(t, list, 1, true);
	ck_assert_ptr_null(said());
}
END_TEST

Suite *suite_core_death(void)
{
	Suite *s = suite_create("core_death");
	TCase *c = tcase_create("core_death");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, signals_that_kill);
	tcase_add_loop_test(c, by_gdb, 0, 21);
	tcase_add_test(c, by_the_kernel);
	tcase_add_test(c, memory_that_is_left_out);
	tcase_add_test(c, all_that_is_left_out);
	suite_add_tcase(s, c);
	return s;
}
