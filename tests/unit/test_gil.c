/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for the GIL, told by the system call that a thread is in: CPython's take_gil() and
 * drop_gil() (Python/ceval_gil.c) over glibc's condition variables.
 */
#include "suites.h"

#include "fakepy.h"

#include "pycore/attr.h"
#include "pycore/elfcore.h"

#include <linux/futex.h>

enum { PRIVATE = FUTEX_PRIVATE_FLAG, CLOCK = FUTEX_CLOCK_REALTIME };

/* What glibc 2.36 has in a condition variable: for whom a signaller waits, and the waiters' word.
 */
enum { COND_REFS = 20, COND_SIGNALS = 40 };

static struct fakepy f;
static struct os_thread os;
static uint64_t gil, tstate, other;
static const struct core_arch *arch;

/* What a pthread_t points to, with the kernel's number wherever an architecture has it. */
static uint64_t pthread_of(unsigned tid)
{
	enum { PTHREAD = 1024 };
	uint64_t addr = fakepy_alloc(&f, PTHREAD);
	for (unsigned i = 0; i < PTHREAD; i++) {
		unsigned shift = f.mem.base.order == ORDER_LITTLE ? i % 4 : 3 - i % 4;
		fakepy_at(&f, addr)[i] = (uint8_t)(tid >> 8 * shift);
	}
	return addr;
}

/* Two threads; the state of the one that is looked at is `tstate`, and `other` holds the GIL. */
static bool setup(const struct layout_row *row)
{
	fakepy_init(&f, row);
	bool inside = row->gil == GIL_RUNTIME;
	if (!inside && row->gil != GIL_INTERP)
		return false;
	gil = inside ? f.rt->addr + f.rt->layout.field[FIELD_runtime_gil].offset
		     : fakepy_alloc(&f, 512);
	fakepy_set(&f, f.interp, FIELD_interp_gil, gil);
	other = fakepy_thread(&f, f.interp, 0);
	tstate = fakepy_thread(&f, f.interp, 0);
	fakepy_set(&f, gil, FIELD_gil_last_holder, other);
	fakepy_set(&f, gil, FIELD_gil_locked, 1);
	os = (struct os_thread){ .tid = 4712, .ns_tid = 4712 };
	os.regs.has_tls = os.regs.has_syscall = true;
	os.regs.tls = pthread_of(4712);
	fakepy_set(&f, tstate, FIELD_tstate_thread_id, os.regs.tls);
	fakepy_set(&f, tstate, FIELD_tstate_native_thread_id, 4712);
	arch = core_arch_find(row->machine, row->ptr_size);
	f.target.threads = &os;
	f.target.n_threads = 1;
	return true;
}

static void teardown(void)
{
	fakepy_fini(&f);
}

static enum gil_state gil_in(long syscall, uint64_t word, uint64_t op)
{
	os.regs.syscall = syscall;
	os.regs.syscall_args[0] = word;
	os.regs.syscall_args[1] = op;
	python_walk(&f.python);
	for (size_t i = 0; i < f.python.n_threads; i++) {
		if (f.python.threads[i].addr == tstate)
			return f.python.threads[i].gil;
	}
	ck_abort_msg("no thread");
}

static uint64_t member(enum field field)
{
	return gil + f.rt->layout.field[field].offset;
}

static const struct layout_row *row_at(int i)
{
	size_t n;
	return &layout_rows(&n)[i];
}

START_TEST(only_operations_that_wait)
{
	static const struct {
		uint64_t op;
		enum gil_state gil;
	} ops[] = {
		{ FUTEX_WAIT, GIL_WAITING },
		{ FUTEX_WAIT | PRIVATE, GIL_WAITING },
		{ FUTEX_WAIT_BITSET | PRIVATE, GIL_WAITING },
		{ FUTEX_WAIT_BITSET | PRIVATE | CLOCK, GIL_WAITING },
		{ FUTEX_WAIT_BITSET | UINT64_C(0xffffffff00000000), GIL_WAITING },
		{ FUTEX_WAKE, GIL_NONE },
		{ FUTEX_WAKE | PRIVATE, GIL_NONE },
		{ FUTEX_WAKE_BITSET | PRIVATE, GIL_NONE },
		{ FUTEX_REQUEUE | PRIVATE, GIL_NONE },
		{ 0x7f, GIL_NONE },
		{ 0x1000, GIL_NONE },
	};
	if (!setup(row_at(_i)))
		return;
	uint64_t word = member(FIELD_gil_cond) + COND_SIGNALS;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		ck_assert_int_eq(gil_in(arch->futex, word, ops[i].op), ops[i].gil);
		ck_assert_int_eq(gil_in(arch->restart, word, ops[i].op), ops[i].gil);
		ck_assert_int_eq(gil_in(arch->futex + 1, word, ops[i].op), GIL_NONE);
		ck_assert_int_eq(gil_in(-1, word, ops[i].op), GIL_NONE);
	}
}
END_TEST

START_TEST(only_where_takers_wait)
{
	if (!setup(row_at(_i)))
		return;
	const struct field_at *mutex = &f.rt->layout.field[FIELD_gil_mutex];
	const struct {
		uint64_t word;
		enum gil_state gil;
	} words[] = {
		{ gil + f.rt->layout.field[FIELD_gil_locked].offset, GIL_NONE },
		{ member(FIELD_gil_cond) - 1, GIL_NONE },
		{ member(FIELD_gil_cond), GIL_WAITING },
		{ member(FIELD_gil_mutex), GIL_WAITING },
		{ gil + mutex->offset + mutex->size, GIL_NONE }, /* switch_cond */
		{ gil + f.rt->layout.field[FIELD_gil_sizeof].offset - 8, GIL_NONE },
		{ 0, GIL_NONE },
	};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		ck_assert_int_eq(
			gil_in(arch->futex, words[i].word, FUTEX_WAIT | PRIVATE), words[i].gil);
}
END_TEST

/* drop_gil() waits for the mutex while it still holds the GIL, and for earlier waiters when it has
 * let go. */
START_TEST(giving_away_is_not_waiting)
{
	if (!setup(row_at(_i)))
		return;
	uint64_t mutex = member(FIELD_gil_mutex), refs = member(FIELD_gil_cond) + COND_REFS;
	fakepy_set(&f, gil, FIELD_gil_last_holder, tstate);
	ck_assert_int_eq(gil_in(arch->futex, mutex, FUTEX_WAIT | PRIVATE), GIL_HOLDER);
	fakepy_set(&f, gil, FIELD_gil_locked, 0);
	ck_assert_int_eq(gil_in(arch->futex, refs, FUTEX_WAIT | PRIVATE), GIL_NONE);
	/* and wants it back before anybody took it */
	ck_assert_int_eq(gil_in(arch->futex, mutex, FUTEX_WAIT | PRIVATE), GIL_WAITING);
	/* another one gives it away */
	fakepy_set(&f, gil, FIELD_gil_last_holder, other);
	ck_assert_int_eq(gil_in(arch->futex, refs, FUTEX_WAIT | PRIVATE), GIL_WAITING);
}
END_TEST

/* A build of which only the size is known. */
START_TEST(whole_struct_where_members_are_unknown)
{
	if (!setup(row_at(_i)))
		return;
	uint64_t end = member(FIELD_gil_sizeof);
	f.rt->layout.field[FIELD_gil_mutex] = (struct field_at){ 0 };
	ck_assert_int_eq(gil_in(arch->futex, gil, FUTEX_WAIT), GIL_WAITING);
	ck_assert_int_eq(gil_in(arch->futex, end - 8, FUTEX_WAIT), GIL_WAITING);
	ck_assert_int_eq(gil_in(arch->futex, end, FUTEX_WAIT), GIL_NONE);
	ck_assert_int_eq(gil_in(arch->futex, gil, FUTEX_WAKE), GIL_NONE);
	f.rt->layout.field[FIELD_gil_sizeof] = (struct field_at){ 0 };
	ck_assert_int_eq(gil_in(arch->futex, gil, FUTEX_WAIT), GIL_UNKNOWN);
}
END_TEST

Suite *suite_gil(void)
{
	Suite *s = suite_create("gil");
	TCase *tc = tcase_create("waiting");
	size_t n;
	(void)layout_rows(&n);
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, only_operations_that_wait, 0, (int)n);
	tcase_add_loop_test(tc, only_where_takers_wait, 0, (int)n);
	tcase_add_loop_test(tc, giving_away_is_not_waiting, 0, (int)n);
	tcase_add_loop_test(tc, whole_struct_where_members_are_unknown, 0, (int)n);
	suite_add_tcase(s, tc);
	return s;
}
