/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a process died, out of cores that do not tell who raised the signal: those of qemu-user, of
 * the processors that it stands for. A page of code, one of data, a stack.
 */
#include "suites.h"

#include "tempdir.h"

#include "../support/corecase.h"
#include "../support/fakecore.h"

#include "pycore/elfcore.h"
#include "pycore/verdict.h"

#include <elf.h>
#include <signal.h>
#include <string.h>

enum {
	PAGE = 4096,
	CODE = 0x400000,
	HERE = CODE + 0x100, /* where the code of a scene stands */
	DATA = 0x600000,
	STACK = 0x700000,
	PID = 4711,
	REGS_MAX = 64,
	THUMB = 1 << 5, /* in cpsr */
};

enum kind { AARCH64, ARM, ARM_THUMB, S390X, I386 };
static const struct {
	uint16_t machine;
	unsigned ptr_size;
	enum byte_order order;
} kinds[] = {
	[AARCH64] = { EM_AARCH64, 8, ORDER_LITTLE },
	[ARM] = { EM_ARM, 4, ORDER_LITTLE },
	[ARM_THUMB] = { EM_ARM, 4, ORDER_LITTLE },
	[S390X] = { EM_S390, 8, ORDER_BIG },
	[I386] = { EM_386, 4, ORDER_LITTLE },
};

struct scene {
	enum kind kind;
	const char *code;
	size_t n_code;
	int signo;
	unsigned behind; /* bytes from HERE to where it stands */
	const char *reg; /* that has a value; others are 0 */
	uint64_t value;
	enum cause cause;
	const char *summary, *detail; /* NULL: not looked for */
};

#define BYTES(s) (s), sizeof(s) - 1
#define OR_SENT	 ", or a signal that was sent (the core does not tell which), in 0x400"

/* clang-format off */
static const struct scene scenes[] = {
	/* breakpoints, and what is told of a store whose bytes look much like them */
	{ ARM, BYTES("\x70\x00\x20\xe1"), SIGTRAP, 0, NULL, 0, CAUSE_TRAP, "trap instruction (bkpt #0) in 0x400100", "a breakpoint" },
	{ ARM_THUMB, BYTES("\x00\xbe"), SIGTRAP, 0, NULL, 0, CAUSE_TRAP, "trap instruction (bkpt #0) in 0x400100", "a breakpoint" },
	{ ARM_THUMB, BYTES("\x01\xde"), SIGTRAP, 0, NULL, 0, CAUSE_TRAP, "trap instruction (udf #1) in 0x400100", NULL },
	{ ARM, BYTES("\xf0\x01\xf0\xe7"), SIGILL, 0, NULL, 0, CAUSE_ILLEGAL_INSTRUCTION,
		"trap that the compiler or programmer has put (udf #0x10) in 0x400100", NULL },
	{ ARM, BYTES("\xbe\x00\x20\xe1"), SIGSEGV, 0, "r0", CODE, CAUSE_NO_PERMISSION, /* strh r0, [r0, -lr]! */
		"likely write to address 0x400000 in code", "write of 2 bytes" },
	{ ARM, BYTES("\x01\x00\xa0\xe1"), SIGSEGV, 0, NULL, 0, CAUSE_SENT, "SIGSEGV, likely sent", "goes to no memory" },
	{ ARM_THUMB, BYTES("\x01\x20"), SIGBUS, 0, NULL, 0, CAUSE_SENT, "SIGBUS, likely sent", "goes to no memory" },
	{ ARM_THUMB, BYTES("\x48\x68"), SIGSEGV, 0, "r1", DATA, CAUSE_SENT, "SIGSEGV, likely sent", "this access is allowed" },
	{ ARM_THUMB, BYTES("\x48\x68"), SIGSEGV, 0, NULL, 0, CAUSE_NULL_DEREFERENCE, "likely read from a null pointer plus 0x4", NULL },
	{ ARM, BYTES("\x01\x00\xa0\xe1"), SIGFPE, 0, NULL, 0, CAUSE_SENT, "SIGFPE, likely sent", "no errors of arithmetic" },
	{ ARM, BYTES("\x81\x0a\x30\xee"), SIGFPE, 0, NULL, 0, CAUSE_DIVISION, "error of arithmetic" OR_SENT, NULL }, /* vadd.f32 */
	{ ARM, BYTES("\x81\x0a\x30\xee"), SIGILL, 0, NULL, 0, CAUSE_ILLEGAL_INSTRUCTION, "illegal instruction (vadd.f32 s0, s1, s2)" OR_SENT,
		"maybe this processor does not have it" },
	{ ARM, BYTES("\x00\x00\x00\xef\x01\x00\xa0\xe1"), SIGSEGV, 4, NULL, 0, CAUSE_SENT, "SIGSEGV; the core does not tell by whom", NULL },

	{ AARCH64, BYTES("\x20\x00\x20\xd4"), SIGTRAP, 0, NULL, 0, CAUSE_TRAP, "trap instruction (brk #0x1) in 0x400100", NULL },
	{ AARCH64, BYTES("\xfd\x03\x00\x91"), SIGTRAP, 0, NULL, 0, CAUSE_SENT, "SIGTRAP, likely sent", "this is no trap instruction" },
	{ AARCH64, BYTES("\x5f\x24\x03\xd5"), SIGBUS, 0, NULL, 0, CAUSE_SENT, "SIGBUS, likely sent", "goes to no memory" }, /* bti c */
	{ AARCH64, BYTES("\x20\x0c\xc2\x9a"), SIGFPE, 0, NULL, 0, CAUSE_SENT, "SIGFPE, likely sent", "no errors of arithmetic" }, /* sdiv */
	{ AARCH64, BYTES("\x20\x04\x40\xf9"), SIGSEGV, 0, "x1", DATA, CAUSE_SENT, "SIGSEGV, likely sent", "this access is allowed" },
	{ AARCH64, BYTES("\x20\x04\x40\xf9"), SIGBUS, 0, "x1", DATA, CAUSE_BUS_ERROR, "bus error" OR_SENT, NULL },
	{ AARCH64, BYTES("\xfd\x03\x00\x91"), SIGILL, 0, NULL, 0, CAUSE_UNKNOWN, "illegal instruction" OR_SENT,
		"every processor of this kind has this instruction" },
	{ AARCH64, BYTES("\x41\x00\x20\xf8"), SIGILL, 0, NULL, 0, CAUSE_ILLEGAL_INSTRUCTION, "likely illegal instruction in 0x400100",
		"no instruction that is known here" }, /* ldadd, of ARMv8.1 */
	{ AARCH64, BYTES("\x02\x00\x00\xd4"), SIGILL, 0, NULL, 0, CAUSE_ILLEGAL_INSTRUCTION, "instruction that a process may not use (hvc #0)", NULL },
	{ AARCH64, BYTES("\x01\x00\x00\xd4\x1f\x20\x03\xd5"), SIGILL, 4, NULL, 0, CAUSE_SENT, "SIGILL; the core does not tell by whom", NULL },
	/* no instruction can stand there */
	{ AARCH64, BYTES("\x1f\x20\x03\xd5\x1f\x20\x03\xd5"), SIGBUS, 2, NULL, 0, CAUSE_BUS_ERROR, "bus error" OR_SENT, NULL },

	{ S390X, BYTES("\xb9\x04\x00\x12"), SIGSEGV, 0, NULL, 0, CAUSE_SENT, "SIGSEGV, likely sent", "goes to no memory" },
	{ S390X, BYTES("\xe3\x10\x20\x08\x00\x04"), SIGSEGV, 0, "r2", DATA, CAUSE_SENT, "SIGSEGV, likely sent", "this access is allowed" },
	{ S390X, BYTES("\xe3\x10\x20\x08\x00\x24"), SIGSEGV, 0, "r2", CODE, CAUSE_NO_PERMISSION, "likely write to address 0x400008 in code", NULL },
	{ S390X, BYTES("\xa7\x74\x00\x04"), SIGBUS, 0, NULL, 0, CAUSE_SENT, "SIGBUS, likely sent", "goes to no memory" },
	/* the processor stands behind these, and how far is not told */
	{ S390X, BYTES("\xb9\x0d\x00\x24\x07\xfe"), SIGFPE, 4, NULL, 0, CAUSE_DIVISION,
		"integer division by zero, another error of arithmetic" OR_SENT, NULL },
	{ S390X, BYTES("\x00\x00\x07\xfe"), SIGILL, 2, NULL, 0, CAUSE_ILLEGAL_INSTRUCTION, "illegal instruction" OR_SENT, NULL },
	{ S390X, BYTES("\x00\x01\x07\xfe"), SIGTRAP, 2, NULL, 0, CAUSE_TRAP, "trap instruction" OR_SENT, NULL },

	{ I386, BYTES("\x89\xe5"), SIGSEGV, 0, NULL, 0, CAUSE_SENT, "SIGSEGV, likely sent", "goes to no memory" },
	{ I386, BYTES("\x8b\x43\x08"), SIGSEGV, 0, "ebx", DATA, CAUSE_SENT, "SIGSEGV, likely sent", "this access is allowed" },
	{ I386, BYTES("\x8b\x43\x08"), SIGSEGV, 0, NULL, 0, CAUSE_NULL_DEREFERENCE, "likely read from a null pointer plus 0x8", NULL },
	{ I386, BYTES("\x8e\xd8"), SIGSEGV, 0, NULL, 0, CAUSE_UNKNOWN, "access to memory that is not allowed" OR_SENT, NULL }, /* mov ds, eax */
	{ I386, BYTES("\x99"), SIGFPE, 0, NULL, 0, CAUSE_SENT, "SIGFPE, likely sent", "no errors of arithmetic" },
	{ I386, BYTES("\xcc\x90"), SIGTRAP, 1, NULL, 0, CAUSE_TRAP, "trap instruction (int3) in ", NULL },
	{ I386, BYTES("\xcd\x80\x90"), SIGSEGV, 2, NULL, 0, CAUSE_SENT, "SIGSEGV; the core does not tell by whom", NULL },
};
/* clang-format on */

static struct tempdir dir;
static uint8_t code[PAGE], data[PAGE], stack[PAGE];

static void setup(void)
{
	tempdir_init(&dir);
}

static void teardown(void)
{
	tempdir_fini(&dir);
}

static void set(const struct core_arch *a, uint64_t raw[REGS_MAX], const char *name, uint64_t value)
{
	for (size_t i = 0; i < a->n_regs; i++) {
		if (!strcmp(a->regs[i].name, name)) {
			raw[a->regs[i].at] = value;
			return;
		}
	}
	ck_abort_msg("no register %s", name);
}

static void make_core(const struct scene *s, struct str *ret)
{
	struct fakecore f;
	uint16_t machine = kinds[s->kind].machine;
	unsigned ptr_size = kinds[s->kind].ptr_size;
	const struct core_arch *a = core_arch_find(machine, ptr_size);
	uint64_t raw[REGS_MAX] = { 0 };
	memset(code, 0, sizeof(code));
	memcpy(code + (HERE - CODE), s->code, s->n_code);
	raw[a->pc] = HERE + s->behind;
	raw[a->sp] = STACK + PAGE / 2;
	if (s->kind == ARM_THUMB)
		set(a, raw, "cpsr", THUMB);
	if (s->reg)
		set(a, raw, s->reg, s->value);
	fakecore_init(&f, machine, ptr_size, kinds[s->kind].order);
	fakecore_thread_regs(&f, PID, s->signo, raw, a->regs_size / a->reg_size);
	fakecore_process(&f, PID, "prog", "prog");
	fakecore_segment(&f, CODE, code, PAGE, PAGE, PF_R | PF_X);
	fakecore_segment(&f, DATA, data, PAGE, PAGE, PF_R | PF_W);
	fakecore_segment(&f, STACK, stack, PAGE, PAGE, PF_R | PF_W);
	fakecore_build(&f, ret);
	fakecore_fini(&f);
}

static bool has_line(const struct verdict *v, const char *text)
{
	for (size_t i = 0; i < v->n_lines; i++) {
		if (strstr(v->lines[i].text, text))
			return true;
	}
	return false;
}

START_TEST(without_siginfo)
{
	const struct scene *s = &scenes[_i];
	AUTO_STR(bytes);
	struct target *t;
	struct python *p;
	struct verdict v;
	struct registers registers;
	make_core(s, &bytes);
	AUTO_FREE char *path = tempdir_write(&dir, "core", bytes.bytes, bytes.len);
	ck_assert_ok(target_open_core(path, &(struct target_core_options){ 0 }, &t));
	(void)failed(python_find(t, &p));
	python_walk(p);
	python_locate(p);
	verdict_reach(&(struct verdict_question){ .python = p }, &v, &registers);
	ck_assert_msg(v.cause == s->cause, "%s: %s", cause_key(v.cause), v.summary);
	ck_assert_msg(strstr(v.summary, s->summary), "%s, not %s", v.summary, s->summary);
	ck_assert_msg(!s->detail || has_line(&v, s->detail), "%s: no %s", v.summary, s->detail);
	registers_fini(&registers);
	verdict_fini(&v);
	python_free(p);
	target_close(t);
}
END_TEST

Suite *suite_verdict_foreign(void)
{
	Suite *s = suite_create("verdict_foreign");
	TCase *tc = tcase_create("verdict_foreign");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, without_siginfo, 0, ARRAY_LEN(scenes));
	suite_add_tcase(s, tc);
	return s;
}
