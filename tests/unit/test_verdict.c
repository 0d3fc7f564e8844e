/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a process died, out of made-up cores: a page of code with the instruction, one of data that
 * may only be read, one that may be written, and a stack with a guard page. Real deaths are in
 * tests/cli and tests/native.
 */
#include "suites.h"

#include "tempdir.h"
#include "verdict_scenes.h"

#include "../support/corecase.h"
#include "../support/fakecore.h"

#include "pycore/verdict.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

static struct tempdir dir;
static uint8_t code[PAGE], data[PAGE], constant[PAGE];
static uint64_t stack[STACK_BYTES / 8];

static void setup(void)
{
	tempdir_init(&dir);
}

static void teardown(void)
{
	tempdir_fini(&dir);
}

/* As if each word of the stack was a frame that CALL has made. */
static void make_memory(const struct scene *s)
{
	memset(code, 0x90, sizeof(code));
	code[CALL - CODE] = 0xe8;
	memcpy(code + (HERE - CODE), s->code, s->n_code);
	memset(data, 0, sizeof(data));
	memset(constant, 0, sizeof(constant));
	for (size_t i = 0; i < ARRAY_LEN(stack); i++)
		stack[i] = BACK;
}

static void make_core(const struct scene *s, struct str *ret)
{
	struct fakecore f;
	uint64_t raw[RAW] = { [RAX] = s->rax,
		[RDI] = s->rdi,
		[RCX] = s->rcx,
		[RIP] = s->rip ? s->rip : HERE,
		[RSP] = s->rsp ? s->rsp : STACK + PAGE,
		[ORIG_RAX] = s->signo == SIGSYS ? 7 : UINT64_MAX };
	make_memory(s);
	fakecore_init(&f, EM_X86_64, 8, ORDER_LITTLE);
	fakecore_thread_regs(&f, PID, s->signo, raw, RAW);
	fakecore_process(&f, PID, "prog", "prog");
	if (s->info != NOTHING)
		fakecore_siginfo(&f, s->signo, s->si_code, s->addr, s->info == SENDER);
	fakecore_segment(&f, CODE, code, PAGE, PAGE, PF_R | PF_X);
	fakecore_segment(&f, CONSTANT, constant, PAGE, PAGE, PF_R);
	fakecore_segment(&f, DATA, data, PAGE, PAGE, PF_R | PF_W);
	fakecore_segment(&f, GUARD, NULL, 0, PAGE, 0);
	fakecore_segment(&f, STACK, stack, STACK_BYTES, STACK_BYTES, PF_R | PF_W);
	fakecore_build(&f, ret);
	fakecore_fini(&f);
}

struct reached {
	struct target *t;
	struct python *p;
	struct verdict v;
	struct registers registers;
};

/* False: these bytes are no core. */
static bool reach(const void *bytes, size_t n, bool redact, struct reached *ret)
{
	AUTO_FREE char *path = tempdir_write(&dir, "core", bytes, n);
	*ret = (struct reached){ 0 };
	if (failed(target_open_core(path, &(struct target_core_options){ 0 }, &ret->t)))
		return false;
	(void)failed(python_find(ret->t, &ret->p));
	python_walk(ret->p);
	python_locate(ret->p);
	const struct verdict_question q = { .python = ret->p, .redact = redact };
	verdict_reach(&q, &ret->v, &ret->registers);
	return true;
}

static void drop(struct reached *r)
{
	registers_fini(&r->registers);
	verdict_fini(&r->v);
	python_free(r->p);
	target_close(r->t);
}

static bool has_line(const struct verdict *v, const char *text)
{
	for (size_t i = 0; i < v->n_lines; i++) {
		if (strstr(v->lines[i].text, text))
			return true;
	}
	return false;
}

static void check_shape(const struct verdict *v)
{
	ck_assert_ptr_nonnull(v->summary);
	ck_assert_uint_ge(v->n_lines, 2);
	ck_assert_uint_le(v->n_lines, VERDICT_LINES_MAX);
	ck_assert_str_eq(v->lines[0].text, v->summary);
	for (size_t i = 0; i < v->n_lines; i++)
		ck_assert_uint_le(strlen(v->lines[i].label), 11);
	ck_assert_str_eq(v->lines[v->n_lines - 1].label, "Next:");
}

/* Without its library, instructions are not decoded, and less can be told. */
static bool decodes(void)
{
	struct instruction in;
	struct mem_buf m;
	uint8_t nop[16] = { 0x90 };
	uint64_t raw[RAW] = { [RIP] = CODE };
	mem_buf_init(&m, ORDER_LITTLE, 8);
	mem_buf_add(&m, CODE, nop, sizeof(nop), MEM_READ | MEM_EXEC);
	struct target t = { .mem = &m.base, .machine = EM_X86_64 };
	struct os_thread th = { .regs = core_regs_parse(core_arch_find(EM_X86_64, 8), ORDER_LITTLE,
					raw, sizeof(raw)) };
	bool good = !failed(instruction_read(&t, &th, &in));
	if (!good)
		fputs("SKIP verdict: no library decodes instructions here\n", stderr);
	return good;
}

START_TEST(causes)
{
	for (size_t i = 0; i < ARRAY_LEN(scenes) && decodes(); i++) {
		const struct scene *s = &scenes[i];
		AUTO_STR(bytes);
		struct reached r;
		make_core(s, &bytes);
		ck_assert(reach(bytes.bytes, bytes.len, false, &r));
		check_shape(&r.v);
		ck_assert_msg(r.v.cause == s->cause, "%s: %s: %s", s->name, cause_key(r.v.cause),
			r.v.summary);
		ck_assert_msg(strstr(r.v.summary, s->summary), "%s: %s", s->name, r.v.summary);
		ck_assert_msg(
			!s->detail || has_line(&r.v, s->detail), "%s: no %s", s->name, s->detail);
		ck_assert_ptr_nonnull(r.v.thread);
		drop(&r);
	}
}
END_TEST

START_TEST(redacted)
{
	for (size_t i = 0; i < ARRAY_LEN(scenes) && decodes(); i++) {
		AUTO_STR(bytes);
		struct reached r;
		make_core(&scenes[i], &bytes);
		ck_assert(reach(bytes.bytes, bytes.len, true, &r));
		ck_assert_int_eq(r.v.cause, scenes[i].cause);
		ck_assert(!has_line(&r.v, "AAAA"));
		ck_assert_ptr_null(r.v.message);
		drop(&r);
	}
}
END_TEST

/* A core by a debugger of a process that lives. */
START_TEST(snapshots)
{
	AUTO_STR(bytes);
	struct fakecore f;
	struct reached r;
	fakecore_init(&f, EM_X86_64, 8, ORDER_LITTLE);
	f.gdb = true;
	fakecore_process(&f, PID, "prog", "prog");
	fakecore_thread(&f, PID, 0, HERE, STACK);
	fakecore_segment(&f, CODE, code, PAGE, PAGE, PF_R | PF_X);
	fakecore_build(&f, &bytes);
	fakecore_fini(&f);
	ck_assert(reach(bytes.bytes, bytes.len, false, &r));
	check_shape(&r.v);
	ck_assert_int_eq(r.v.cause, CAUSE_SNAPSHOT);
	ck_assert_ptr_null(r.v.thread);
	ck_assert_ptr_null(r.v.native_frame);
	ck_assert_str_eq(r.v.lines[1].label, "Taken:");
	ck_assert_uint_eq(r.registers.n, 0);
	drop(&r);
}
END_TEST

/* Any byte may be another one, and the core may end anywhere: there is a verdict, or it is no core.
 */
START_TEST(damaged)
{
	enum { TRIES = 3000, CHANGES = 4 };
	uint32_t state = 5;
	size_t reached_some = 0;
	for (size_t i = 0; i < TRIES; i++) {
		const struct scene *s = &scenes[random_below(&state, ARRAY_LEN(scenes))];
		AUTO_STR(bytes);
		struct reached r;
		make_core(s, &bytes);
		for (uint32_t k = random_below(&state, CHANGES + 1); k; k--)
			bytes.bytes[random_below(&state, (uint32_t)bytes.len)] =
				(char)random_below(&state, 256);
		for (uint32_t k = random_below(&state, 8); k; k--) /* notes */
			bytes.bytes[random_below(&state, 2048)] ^=
				(char)(1 << random_below(&state, 8));
		size_t n = random_below(&state, 4) ? bytes.len
						   : random_below(&state, (uint32_t)bytes.len);
		if (!reach(bytes.bytes, n, false, &r))
			continue;
		check_shape(&r.v);
		reached_some++;
		drop(&r);
	}
	ck_assert_uint_gt(reached_some, TRIES / 2);
}
END_TEST

START_TEST(keys)
{
	for (int a = CAUSE_UNKNOWN; a <= CAUSE_BAD_SYSTEM_CALL; a++) {
		const char *key = cause_key((enum cause)a);
		ck_assert_ptr_nonnull(key);
		ck_assert_uint_eq(strspn(key, "abcdefghijklmnopqrstuvwxyz-"), strlen(key));
		for (int b = CAUSE_UNKNOWN; b < a; b++)
			ck_assert_str_ne(key, cause_key((enum cause)b));
	}
}
END_TEST

Suite *suite_verdict(void)
{
	Suite *s = suite_create("verdict");
	TCase *tc = tcase_create("verdict");
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, causes);
	tcase_add_test(tc, redacted);
	tcase_add_test(tc, snapshots);
	tcase_add_test(tc, damaged);
	tcase_add_test(tc, keys);
	suite_add_tcase(s, tc);
	return s;
}
