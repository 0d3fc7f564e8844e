/* SPDX-License-Identifier: Apache-2.0 */
#include "suites.h"

#include "../support/corecase.h"

#include "pycore/alloc.h"

#include <elf.h>
#include <signal.h>

START_TEST(a_whole_core_of_every_machine)
{
	struct fakecore f;
	struct parsed p;
	const struct elfcore *c = &p.core;
	whole_core(&f, &machines[_i]);
	parsed_build(&p, &f);
	assert_consistent(c);
	ck_assert(!c->cut && !c->notes_cut && !c->segments_cut);
	ck_assert(c->from_kernel);
	ck_assert_uint_eq(c->head.ptr_size, machines[_i].ptr_size);
	ck_assert_uint_eq(c->n_threads, THREADS);
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_eq(c->threads[i].tid, FIRST_TID + i);
		ck_assert_int_eq(c->threads[i].cursig, SIGSEGV);
		ck_assert(c->threads[i].regs.has_pc && c->threads[i].regs.has_sp);
		ck_assert_uint_eq(c->threads[i].regs.pc, 0x1100 + (unsigned)i);
		ck_assert_uint_eq(c->threads[i].regs.sp, i ? 0xf0000 : 0xffe00);
		ck_assert_int_eq(c->threads[i].siginfo.present, i == 0);
	}
	ck_assert_uint_eq(c->threads[0].siginfo.addr, 0xdead0);
	ck_assert(c->has_process);
	ck_assert_int_eq(c->pid, 4711);
	ck_assert_int_eq(c->ppid, 1);
	ck_assert_uint_eq(c->uid, 1000);
	ck_assert_uint_eq(c->gid, 1000);
	ck_assert_int_eq(c->state, 'R');
	ck_assert_str_eq(c->comm, "python3");
	ck_assert_str_eq(c->args, "python3 -c crash()");
	parsed_drop(&p);
}
END_TEST

START_TEST(files_and_auxv_of_a_whole_core)
{
	struct fakecore f;
	struct parsed p;
	const struct elfcore *c = &p.core;
	uint64_t v = 7;
	whole_core(&f, &machines[_i]);
	parsed_build(&p, &f);
	ck_assert_uint_eq(c->n_files, 3);
	ck_assert_uint_eq(c->files_claimed, 3);
	ck_assert_uint_eq(c->files[1].start, 0x2000);
	ck_assert_uint_eq(c->files[1].end, 0x4000);
	ck_assert_uint_eq(c->files[1].offset, CORE_PAGE);
	ck_assert_str_eq(c->files[1].path, "/usr/bin/python3");
	ck_assert_uint_eq(c->files[2].offset, 0x10 * CORE_PAGE);
	ck_assert_str_eq(c->files[2].path, some_files[2].path);
	ck_assert_uint_eq(c->n_auxv, 3);
	ck_assert(elfcore_auxv(c, AT_EXECFN, &v));
	ck_assert_uint_eq(v, 0xfffe0);
	ck_assert(!elfcore_auxv(c, AT_PHDR, &v));
	ck_assert_uint_eq(v, 0xfffe0);
	parsed_drop(&p);
}
END_TEST
START_TEST(notes_anywhere_and_in_pieces)
{
	struct fakecore f;
	struct parsed p;
	whole_core(&f, &machines[_i]);
	f.note_header = 2;
	f.gdb = true;
	parsed_build(&p, &f);
	ck_assert_uint_eq(p.core.n_threads, THREADS);
	ck_assert_uint_eq(p.core.n_ranges, 7);
	parsed_drop(&p);
}
END_TEST

START_TEST(a_core_without_notes_or_memory)
{
	struct fakecore f;
	struct parsed p;
	machine_core(&f, &machines[_i]);
	parsed_build(&p, &f);
	ck_assert_uint_eq(p.core.n_threads, 0);
	ck_assert_uint_eq(p.core.n_ranges, 0);
	ck_assert(!p.core.from_kernel && !p.core.has_process && !p.core.cut);
	ck_assert_ptr_null(elfcore_range_at(&p.core, 0, NULL));
	parsed_drop(&p);
}
END_TEST

/* gdb: NT_PRPSINFO first, NT_SIGINFO for each thread. */
START_TEST(written_by_gdb)
{
	struct fakecore f;
	struct parsed p;
	machine_core(&f, &machines[_i]);
	f.gdb = true;
	fakecore_process(&f, 10, "python3", "python3");
	for (int tid = 10; tid < 13; tid++) {
		fakecore_thread(&f, tid, 0, 1, 2);
		fakecore_siginfo(&f, SIGSTOP, 0x80, 0, false);
	}
	parsed_build(&p, &f);
	ck_assert(!p.core.from_kernel);
	ck_assert_uint_eq(p.core.n_threads, 3);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(p.core.threads[i].tid, 10 + i);
		ck_assert(p.core.threads[i].siginfo.present);
		ck_assert_int_eq(p.core.threads[i].siginfo.signo, SIGSTOP);
		ck_assert(!p.core.threads[i].siginfo.has_addr &&
			  !p.core.threads[i].siginfo.has_sender);
	}
	parsed_drop(&p);
}
END_TEST

START_TEST(who_wrote_it)
{
	static const struct {
		const char *order; /* S status, P psinfo, F fpregs, G gdb */
		bool kernel;
	} rows[] = {
		{ "SP", true },
		{ "S", true },
		{ "SPF", true },
		{ "PS", false },
		{ "SF", false },
		{ "SPG", false },
		{ "F", false },
		{ "PSFSF", false },
	};
	struct fakecore f;
	struct parsed p;
	machine_core(&f, &machines[0]);
	for (const char *k = rows[_i].order; *k; k++) {
		if (*k == 'S')
			fakecore_thread(&f, 1, 0, 0, 0);
		else if (*k == 'P')
			fakecore_process(&f, 1, "a", "b");
		else
			fakecore_note(&f, *k == 'G' ? "GDB" : "CORE", NT_FPREGSET, "1234", 4);
	}
	parsed_build(&p, &f);
	ck_assert_int_eq(p.core.from_kernel, rows[_i].kernel);
	parsed_drop(&p);
}
END_TEST

START_TEST(the_name_of_a_note_counts)
{
	struct fakecore f;
	struct parsed p;
	uint8_t zeros[336] = { 0 };
	machine_core(&f, &machines[0]);
	fakecore_note(
		&f, "GNU", NT_PRPSINFO, zeros, 136); /* a build-id has the number of NT_PRPSINFO */
	fakecore_note(&f, "FreeBSD", NT_PRSTATUS, zeros, 336);
	fakecore_note(&f, "CORE2", NT_PRSTATUS, zeros, 336);
	parsed_build(&p, &f);
	ck_assert_uint_eq(p.core.n_threads, 0);
	ck_assert(!p.core.has_process);
	parsed_drop(&p);
}
END_TEST

START_TEST(an_unknown_machine_still_has_threads)
{
	struct fakecore f;
	struct parsed p;
	uint8_t desc[200] = { 0 };
	bool wide = _i;
	fakecore_init(&f, EM_SPARC, wide ? 8 : 4, ORDER_BIG);
	desc[13] = SIGBUS;
	desc[wide ? 35 : 27] = 99;
	fakecore_note(&f, "CORE", NT_PRSTATUS, desc, sizeof(desc));
	parsed_build(&p, &f);
	ck_assert_uint_eq(p.core.n_threads, 1);
	ck_assert_int_eq(p.core.threads[0].tid, 99);
	ck_assert_int_eq(p.core.threads[0].cursig, SIGBUS);
	ck_assert_ptr_null(p.core.threads[0].regs.raw);
	ck_assert(!p.core.threads[0].regs.has_pc);
	parsed_drop(&p);
}
END_TEST

START_TEST(process_with_wide_ids)
{
	/* 32-bit machines whose ids have 32 bits: 128 bytes. */
	struct fakecore f;
	struct parsed p;
	AUTO_STR(d);
	fakecore_init(&f, EM_PPC, 4, ORDER_BIG);
	fake_uint(&d, 0x00530000, 4, ORDER_BIG);
	static const uint32_t fields[] = { 0, 100000, 200000, 77, 76, 0, 0 };
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		fake_uint(&d, fields[i], 4, ORDER_BIG);
	str_puts(&d, "sixteen bytes...");
	while (d.len < 128)
		str_putc(&d, 'x');
	fakecore_note(&f, "CORE", NT_PRPSINFO, d.bytes, d.len);
	parsed_build(&p, &f);
	ck_assert(p.core.has_process);
	ck_assert_int_eq(p.core.state, 'S');
	ck_assert_uint_eq(p.core.uid, 100000);
	ck_assert_uint_eq(p.core.gid, 200000);
	ck_assert_int_eq(p.core.pid, 77);
	ck_assert_int_eq(p.core.ppid, 76);
	ck_assert_str_eq(p.core.comm, "sixteen bytes...");
	ck_assert_uint_eq(strlen(p.core.args), 80);
	parsed_drop(&p);
}
END_TEST

START_TEST(what_siginfo_says)
{
	static const struct {
		int signo, code;
		bool addr, sender;
	} rows[] = {
		{ SIGSEGV, SEGV_MAPERR, true, false },
		{ SIGBUS, BUS_ADRERR, true, false },
		{ SIGFPE, FPE_INTDIV, true, false },
		{ SIGILL, ILL_ILLOPN, true, false },
		{ SIGTRAP, TRAP_BRKPT, true, false },
		{ SIGSEGV, 0x80, false, false }, /* general protection: SI_KERNEL, no address */
		{ SIGSEGV, SI_USER, false, true },
		{ SIGABRT, SI_TKILL, false, true },
		{ SIGUSR1, SI_QUEUE, false, true },
		{ SIGALRM, SI_TIMER, false, false },
		{ SIGSYS, 1, false, false },
	};
	const struct machine *m = &machines[_i % N_MACHINES];
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fakecore f;
		struct parsed p;
		machine_core(&f, m);
		fakecore_siginfo(&f, SIGQUIT, 0, 1, true); /* of no thread: ignored */
		fakecore_thread(&f, 1, rows[i].signo, 0, 0);
		fakecore_siginfo(&f, rows[i].signo, rows[i].code, 0x12345678, rows[i].sender);
		parsed_build(&p, &f);
		const struct core_siginfo *s = &p.core.threads[0].siginfo;
		ck_assert(s->present);
		ck_assert_int_eq(s->signo, rows[i].signo);
		ck_assert_int_eq(s->code, rows[i].code);
		ck_assert_int_eq(s->has_addr, rows[i].addr);
		ck_assert_int_eq(s->has_sender, rows[i].sender);
		ck_assert_uint_eq(s->addr, rows[i].addr ? 0x12345678 : 0);
		ck_assert_int_eq(s->pid, rows[i].sender ? 0x12345678 : 0);
		ck_assert_uint_eq(s->uid, rows[i].sender ? 1000 : 0);
		parsed_drop(&p);
	}
}
END_TEST

START_TEST(auxv_is_bounded)
{
	enum { N = AUXV_MAX + 10 };
	uint64_t pairs[2 * N];
	struct fakecore f;
	struct parsed p;
	machine_core(&f, &machines[_i]);
	for (uint64_t i = 0; i < N; i++) {
		pairs[2 * i] = i + 1;
		pairs[2 * i + 1] = i;
	}
	fakecore_auxv(&f, pairs, N);
	parsed_build(&p, &f);
	ck_assert_uint_eq(p.core.n_auxv, AUXV_MAX);
	parsed_drop(&p);
}
END_TEST

/* Whether NT_FILE with this descriptor is refused or cut without harm. */
static void assert_files(
	const struct machine *m, const struct str *desc, size_t files, uint64_t claimed)
{
	struct fakecore f;
	struct parsed p;
	machine_core(&f, m);
	fakecore_note(&f, "CORE", NT_FILE, desc->bytes, desc->len);
	parsed_build(&p, &f);
	assert_consistent(&p.core);
	ck_assert_uint_eq(p.core.n_files, files);
	ck_assert_uint_eq(p.core.files_claimed, claimed);
	parsed_drop(&p);
}

START_TEST(hostile_counts_of_files)
{
	const struct machine *m = &machines[_i];
	uint64_t top = m->ptr_size == 8 ? UINT64_MAX : UINT32_MAX;
	const uint64_t counts[] = { top, top / 3, top / 3 + 1, top / 24 + 1, top / 12 + 1, 1u << 31,
		100000, 3 };
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		AUTO_STR(d);
		fake_uint(&d, counts[i], m->ptr_size, m->order);
		fake_uint(&d, CORE_PAGE, m->ptr_size, m->order);
		for (int k = 0; k < 6; k++)
			fake_uint(&d, 0x1000, m->ptr_size, m->order);
		str_add(&d, "/a\0/b\0", 6);
		assert_files(m, &d, 0, counts[i]);
	}
}
END_TEST

START_TEST(rows_that_cannot_be_are_dropped)
{
	const struct machine *m = &machines[_i];
	bool wide = m->ptr_size == 8;
	const uint64_t rows[][3] = {
		{ 0x9000, 0xa000, 0 },
		{ 0x5000, 0x5000, 0 }, /* empty */
		{ 0x6000, 0x5000, 0 }, /* backwards */
		{ 0x7000, 0x8000, wide ? UINT64_MAX / 2 : 0 }, /* offset beyond 64 bits */
		{ 0x1000, 0x2000, 1 },
	};
	AUTO_STR(d);
	fake_uint(&d, ARRAY_LEN(rows), m->ptr_size, m->order);
	fake_uint(&d, CORE_PAGE, m->ptr_size, m->order);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (int k = 0; k < 3; k++)
			fake_uint(&d, rows[i][k], m->ptr_size, m->order);
	}
	str_add(&d, "/a\0/b\0/c\0/d\0/e\0", 15);
	assert_files(m, &d, wide ? 2 : 3, 5);
	/* names that end early: the last row has no end of its name, so it has none */
	str_clear(&d);
	fake_uint(&d, 2, m->ptr_size, m->order);
	fake_uint(&d, 1, m->ptr_size, m->order);
	for (int k = 0; k < 6; k++)
		fake_uint(&d, (uint64_t)k * 100, m->ptr_size, m->order);
	str_add(&d, "/a\0/b", 5);
	assert_files(m, &d, 1, 2);
}
END_TEST

START_TEST(files_out_of_order)
{
	static const struct fake_file files[] = { { 0x9000, 0xa000, 0, "/c" },
		{ 0x1000, 0x2000, 0, "/a" }, { 0x5000, 0x6000, 3, "/b" } };
	struct fakecore f;
	struct parsed p;
	machine_core(&f, &machines[_i]);
	fakecore_files(&f, 1, files, 3);
	parsed_build(&p, &f);
	ck_assert_uint_eq(p.core.n_files, 3);
	ck_assert_str_eq(p.core.files[0].path, "/a");
	ck_assert_str_eq(p.core.files[1].path, "/b");
	ck_assert_uint_eq(p.core.files[1].offset, 3);
	ck_assert_str_eq(p.core.files[2].path, "/c");
	parsed_drop(&p);
}
END_TEST

static TCase *corenotes_case(void)
{
	TCase *t = tcase_create("core notes");
	tcase_add_loop_test(t, a_whole_core_of_every_machine, 0, N_MACHINES);
	tcase_add_loop_test(t, files_and_auxv_of_a_whole_core, 0, N_MACHINES);
	tcase_add_loop_test(t, notes_anywhere_and_in_pieces, 0, N_MACHINES);
	tcase_add_loop_test(t, a_core_without_notes_or_memory, 0, N_MACHINES);
	tcase_add_loop_test(t, written_by_gdb, 0, N_MACHINES);
	tcase_add_loop_test(t, who_wrote_it, 0, 8);
	tcase_add_test(t, the_name_of_a_note_counts);
	tcase_add_loop_test(t, an_unknown_machine_still_has_threads, 0, 2);
	tcase_add_test(t, process_with_wide_ids);
	tcase_add_loop_test(t, what_siginfo_says, 0, N_MACHINES);
	tcase_add_loop_test(t, auxv_is_bounded, 0, N_MACHINES);
	tcase_add_loop_test(t, hostile_counts_of_files, 0, N_MACHINES);
	tcase_add_loop_test(t, rows_that_cannot_be_are_dropped, 0, N_MACHINES);
	tcase_add_loop_test(t, files_out_of_order, 0, N_MACHINES);
	return t;
}

Suite *suite_corenotes(void)
{
	Suite *s = suite_create("core notes");
	suite_add_tcase(s, corenotes_case());
	return s;
}
