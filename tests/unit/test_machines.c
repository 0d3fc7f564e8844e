/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What unwinding knows of other machines than x86-64 and aarch64: calls, registers, arm's own
 * tables, the beginnings of its functions, and short stacks of each. Real ones are walked by
 * tests/native/run.py --foreign.
 */
#include "suites.h"

#include "walked.h"

#include "../../src/unwind/arch.h"
#include "../../src/unwind/ehabi.h"
#include "../../src/unwind/prologue.h"

#include "pycore/alloc.h"
#include "pycore/mem.h"
#include "pycore/str.h"
#include "pycore/unwind.h"

#include <elf.h>
#include <string.h>

#include "../support/fakecore.h"

#define BYTES(s) (s), sizeof(s) - 1

enum { SP = 13, LR = 14, PC = 15, CODE = 0x10000, STACK = 0x70000, WORDS = 64 };

static bool calls(uint16_t machine, bool other, const char *bytes, size_t n)
{
	const struct unwind_arch *a =
		unwind_arch_find(machine, machine == EM_386 || machine == EM_ARM ? 4 : 8);
	uint8_t before[CALL_BYTES_MAX] = { 0 };
	memcpy(before + a->call_bytes - n, bytes, n);
	return a->ends_in_call[other](before);
}

START_TEST(test_calls)
{
	ck_assert(calls(EM_386, false, BYTES("\xe8\x01\x02\x03\x04")));
	ck_assert(calls(EM_386, false, BYTES("\xff\xd0")));
	ck_assert(!calls(EM_386, false, BYTES("\xff\xe0")));
	ck_assert(calls(EM_S390, false, BYTES("\xc0\xe5\x00\x00\x01\x02"))); /* brasl */
	ck_assert(calls(EM_S390, false, BYTES("\x0d\xe1"))); /* basr %r14, %r1 */
	ck_assert(calls(EM_S390, false, BYTES("\xa7\xe5\x00\x10"))); /* bras */
	ck_assert(!calls(EM_S390, false, BYTES("\xc0\xf4\x00\x00\x01\x02"))); /* jg */
	ck_assert(!calls(EM_S390, false, BYTES("\x0d\x01"))); /* basr %r0, %r1 */
	ck_assert(calls(EM_ARM, false, BYTES("\x10\x00\x00\xeb"))); /* bl */
	ck_assert(calls(EM_ARM, false, BYTES("\x33\xff\x2f\xe1"))); /* blx r3 */
	ck_assert(calls(EM_ARM, false, BYTES("\x10\x00\x00\xfa"))); /* blx to Thumb */
	ck_assert(!calls(EM_ARM, false, BYTES("\x10\x00\x00\xea"))); /* b */
	ck_assert(!calls(EM_ARM, false, BYTES("\x1e\xff\x2f\xe1"))); /* bx lr */
	ck_assert(calls(EM_ARM, true, BYTES("\x00\xf0\x10\xf8"))); /* bl */
	ck_assert(calls(EM_ARM, true, BYTES("\x00\xf0\x10\xe8"))); /* blx */
	ck_assert(calls(EM_ARM, true, BYTES("\x98\x47"))); /* blx r3 */
	ck_assert(!calls(EM_ARM, true, BYTES("\x70\x47"))); /* bx lr */
	ck_assert(!calls(EM_ARM, true, BYTES("\x00\xf0\x10\xb8"))); /* b.w */
}
END_TEST

static struct core_regs raw_of(uint16_t machine, const struct str *s, enum byte_order order)
{
	const struct core_arch *a = core_arch_find(machine, machine == EM_ARM ? 4 : 8);
	return core_regs_parse(a, order, s->bytes, s->len);
}

/* Bit 5 of cpsr tells which kind of code runs. */
START_TEST(test_thumb_bit)
{
	AUTO_STR(s);
	struct unwind_regs r;
	uint64_t pc;
	for (unsigned i = 0; i < 18; i++)
		fake_uint(&s, i == 16 ? (_i ? 0x60000030 : 0x60000010) : 0x1000 + 4 * i, 4,
			ORDER_LITTLE);
	struct core_regs raw = raw_of(EM_ARM, &s, ORDER_LITTLE);
	ck_assert(unwind_regs_take(unwind_arch_find(EM_ARM, 4), &raw, ORDER_LITTLE, &r, &pc));
	ck_assert_uint_eq(pc, 0x103c + (unsigned)_i);
	ck_assert_uint_eq(r.value[SP], 0x1034);
	ck_assert(regs_has(&r, LR) && !regs_has(&r, 16));
}
END_TEST

/* s390x: the registers, big-endian, and those of the floating point unit in their own order. */
static void take_s390(bool with_fp, struct unwind_regs *ret)
{
	AUTO_STR(s);
	AUTO_STR(fp);
	uint64_t pc;
	for (unsigned i = 0; i < 27; i++)
		fake_uint(&s, 0x1000 + i, 8, ORDER_BIG);
	fake_uint(&fp, 0, 8, ORDER_BIG);
	for (unsigned i = 0; i < 16; i++)
		fake_uint(&fp, 0x2000 + i, 8, ORDER_BIG);
	struct core_regs raw = raw_of(EM_S390, &s, ORDER_BIG);
	raw.fp_raw = with_fp ? (const uint8_t *)fp.bytes : NULL;
	raw.fp_size = fp.len;
	ck_assert(unwind_regs_take(unwind_arch_find(EM_S390, 8), &raw, ORDER_BIG, ret, &pc));
	ck_assert_uint_eq(pc, 0x1001);
}

START_TEST(test_s390_registers)
{
	struct unwind_regs r;
	take_s390(true, &r);
	ck_assert_uint_eq(r.value[0], 0x1002);
	ck_assert_uint_eq(r.value[15], 0x1011);
	ck_assert_uint_eq(r.value[16], 0x2000); /* f0 */
	ck_assert_uint_eq(r.value[17], 0x2002); /* f2 */
	ck_assert_uint_eq(r.value[20], 0x2001); /* f1 */
	ck_assert_uint_eq(r.value[31], 0x200f); /* f15 */
	take_s390(false, &r);
	ck_assert(regs_has(&r, 15) && !regs_has(&r, 16));
}
END_TEST

/* A function without a frame, which keeps r14 in f1; its CFA is 160 above the stack pointer. */
START_TEST(test_s390_row)
{
	const struct unwind_arch *a = unwind_arch_find(EM_S390, 8);
	struct cfi_row row = { .ra = 14, .cfa_column = 15, .cfa = { CFI_REGISTER, 160 } };
	struct unwind_regs r, next;
	struct mem_buf m;
	uint64_t cfa;
	bool outermost;
	mem_buf_init(&m, ORDER_BIG, 8);
	row.rules[14] = (struct cfi_rule){ CFI_REGISTER, 20 };
	take_s390(true, &r);
	ck_assert_ok(cfi_apply(&row, a, &m.base, 0, &r, &next, &cfa, &outermost));
	ck_assert_uint_eq(cfa, 0x1011 + 160);
	ck_assert_uint_eq(next.value[15], 0x1011);
	ck_assert_uint_eq(next.value[14], 0x2001);
	ck_assert(regs_has(&next, 6) && !regs_has(&next, 5));
	take_s390(false, &r); /* a core without these: it is not known, and said so */
	ck_assert_err(cfi_apply(&row, a, &m.base, 0, &r, &next, &cfa, &outermost), ERR_ABSENT);
	row.rules[14].how = CFI_UNSAID; /* where the call has left it */
	ck_assert_ok(cfi_apply(&row, a, &m.base, 0, &r, &next, &cfa, &outermost));
	ck_assert_uint_eq(next.value[14], 0x1010);
}
END_TEST

/* Tables of two stretches of code; the second cannot be unwound. */
static void put_tables(struct str *s, uint32_t word, const void *more, size_t n)
{
	uint32_t descriptor = more ? 12 : word; /* from its place to behind the index */
	fake_uint(s, (CODE - STACK) & 0x7fffffff, 4, ORDER_LITTLE);
	fake_uint(s, descriptor, 4, ORDER_LITTLE);
	fake_uint(s, (CODE + 0x100 - STACK - 8) & 0x7fffffff, 4, ORDER_LITTLE);
	fake_uint(s, 1, 4, ORDER_LITTLE);
	if (more) {
		fake_uint(s, word, 4, ORDER_LITTLE);
		str_add(s, more, n);
	}
}

static struct err row_of(
	uint32_t word, const void *more, size_t n, uint64_t pc, struct cfi_row *ret)
{
	AUTO_STR(s);
	struct ehabi_tables t;
	put_tables(&s, word, more, n);
	ck_assert(ehabi_open((const uint8_t *)s.bytes, s.len, STACK, STACK, 16, ORDER_LITTLE, &t));
	return ehabi_row(&t, pc, ret);
}

#define ck_assert_saved(row, column, at)                                                           \
	do {                                                                                       \
		ck_assert_int_eq((row).rules[column].how, CFI_AT_OFFSET);                          \
		ck_assert_int_eq((row).rules[column].offset, at);                                  \
	} while (0)

START_TEST(test_tables)
{
	struct cfi_row r;
	ck_assert_ok(row_of(0x80a8b0b0, NULL, 0, CODE, &r)); /* pop {r4, lr} */
	ck_assert_int_eq(r.cfa_column, SP);
	ck_assert_int_eq(r.cfa.offset, 8);
	ck_assert_saved(r, 4, -8);
	ck_assert_saved(r, LR, -4);
	ck_assert(r.at_calls && !r.signal && r.ra == LR);
	ck_assert_uint_eq(r.end, CODE + 0x100);
	ck_assert_ok(row_of(0x8002afb0, NULL, 0, CODE + 0xff, &r)); /* + 12; pop {r4-r11, lr} */
	ck_assert_int_eq(r.cfa.offset, 12 + 36);
	ck_assert_saved(r, 11, -8);
	ck_assert_ok(row_of(0x80978408, NULL, 0, CODE, &r)); /* vsp = r7; pop {r7, lr} */
	ck_assert_int_eq(r.cfa_column, 7);
	ck_assert_int_eq(r.cfa.offset, 8);
	ck_assert_saved(r, 7, -8);
	ck_assert_ok(row_of(0x80b0b0b0, NULL, 0, CODE, &r)); /* nothing: lr has it */
	ck_assert_int_eq(r.rules[LR].how, CFI_SAME);
	ck_assert_err(row_of(0x80a8b0b0, NULL, 0, CODE - 1, &r), ERR_ABSENT);
	ck_assert_err(row_of(0x80a8b0b0, NULL, 0, CODE + 0x100, &r), ERR_ABSENT);
}
END_TEST

/* Words are stored little-endian: their instructions run from the high byte on. */
START_TEST(test_long_tables)
{
	struct cfi_row r;
	/* + 0x204 + 4 * 5; vpop {d8, d9}; pop {r4}; pop {lr} */
	ck_assert_ok(row_of(0x8101b205, BYTES("\x00\x84\xa0\xd1"), CODE, &r));
	ck_assert_int_eq(r.cfa.offset, 0x204 + 20 + 16 + 8);
	ck_assert_saved(r, 4, -8);
	ck_assert_saved(r, LR, -4);
	/* a personality routine: no more words; pop {r3}; finish */
	ck_assert_ok(row_of(0x00001000, BYTES("\xb0\x08\xb1\x00"), CODE, &r));
	ck_assert_int_eq(r.cfa.offset, 4);
	/* all registers, as a signal frame has them: pop {r0-r3}, {r4-r15} */
	ck_assert_ok(row_of(0x8101b10f, BYTES("\xb0\xb0\xff\x8f"), CODE, &r));
	ck_assert(r.signal && r.ra == PC);
	ck_assert_saved(r, PC, -4);
	ck_assert_saved(r, SP, -12);
}
END_TEST

static const struct {
	const char *name;
	uint32_t word;
	const char *more;
	size_t n;
} bad_tables[] = {
	{ "refused", 0x808000b0, NULL, 0 },
	{ "vsp = sp", 0x809db0b0, NULL, 0 },
	{ "vsp = pc", 0x809fb0b0, NULL, 0 },
	{ "vsp = r7 behind a pop", 0x80a897b0, NULL, 0 },
	{ "spare", 0x80b6b0b0, NULL, 0 },
	{ "spare pop", 0x80b110b0, NULL, 0 },
	{ "more words than there are", 0x8140b0b0, BYTES("\xb0\xb0\xb0\xb0") },
	{ "number without an end", 0x8101b2ff, BYTES("\xff\xff\xff\xff") },
	{ "unknown model", 0x83b0b0b0, NULL, 0 },
};

START_TEST(test_bad_tables)
{
	struct cfi_row r;
	struct err e = row_of(bad_tables[_i].word, bad_tables[_i].more, bad_tables[_i].n, CODE, &r);
	ck_assert_msg(e.code == ERR_CORRUPT, "%s: %d", bad_tables[_i].name, e.code);
}
END_TEST

/* Every length of damage: nothing but an error, or a row. */
START_TEST(test_cut_tables)
{
	AUTO_STR(s);
	struct ehabi_tables t;
	struct cfi_row r;
	put_tables(&s, 0x8101b205, BYTES("\x00\x84\xa0\xd1"));
	for (size_t n = 0; n < s.len; n++) {
		AUTO_FREE uint8_t *copy = xmalloc(n + 1);
		memcpy(copy, s.bytes, n);
		if (ehabi_open(copy, n, STACK, STACK, 16, ORDER_LITTLE, &t))
			ck_assert(failed(ehabi_row(&t, CODE, &r)));
		else
			ck_assert_uint_lt(n, 16);
	}
	ck_assert(!ehabi_open(
		(const uint8_t *)s.bytes, s.len, STACK, STACK - 8, 16, ORDER_LITTLE, &t));
	ck_assert(!ehabi_open(
		(const uint8_t *)s.bytes, s.len, STACK, STACK + 8, UINT64_MAX, ORDER_LITTLE, &t));
}
END_TEST

static const struct {
	const char *name, *bytes;
	size_t n;
	bool thumb, saves_lr;
	int64_t below, lr_at;
} prologues[] = {
	/* push {r3, r4, r5, lr} */
	{ "push", BYTES("\x38\xb5"), true, true, 16, -4 },
	/* push.w {r4-r11, lr}; sub sp, #140 */
	{ "large", BYTES("\x2d\xe9\xf0\x4f\xa3\xb0"), true, true, 176, -4 },
	/* push {r4, lr}; mov r4, r0; vpush {d8}; sub.w sp, sp, #4096 */
	{ "floats", BYTES("\x10\xb5\x04\x46\x2d\xed\x02\x8b\xad\xf5\x80\x5d"), true, true, 4112,
		-4 },
	/* push {r0-r3}; push {lr}; subw sp, sp, #1004 */
	{ "arguments", BYTES("\x0f\xb4\x00\xb5\xad\xf2\xec\x3d"), true, true, 1024, -20 },
	/* str.w lr, [sp, #-8]! */
	{ "store", BYTES("\x4d\xf8\x08\xed"), true, true, 8, -8 },
	/* beq; push {r4, lr}: behind a branch */
	{ "branch", BYTES("\x01\xd0\x10\xb5"), true, false, 0, 0 },
	/* push {r4}: lr stays where it is */
	{ "leaf", BYTES("\x10\xb4"), true, false, 4, 0 },
	/* push {r4, lr}; pop {r4, pc} */
	{ "over", BYTES("\x10\xb5\x10\xbd\x84\xb0"), true, true, 8, -4 },
	/* push {r4, r5, r11, lr}; add r11, sp, #12; sub sp, sp, #256 */
	{ "arm", BYTES("\x30\x48\x2d\xe9\x0c\xb0\x8d\xe2\x01\xdc\x4d\xe2"), false, true, 272, -4 },
	/* str lr, [sp, #-4]!; vpush {d8, d9} */
	{ "arm store", BYTES("\x04\xe0\x2d\xe5\x04\x8b\x2d\xed"), false, true, 20, -4 },
};

START_TEST(test_prologues)
{
	struct prologue p;
	const char *name = prologues[_i].name;
	ck_assert(prologue_read(
		(const uint8_t *)prologues[_i].bytes, prologues[_i].n, prologues[_i].thumb, &p));
	ck_assert_msg(p.saves_lr == prologues[_i].saves_lr, "%s", name);
	ck_assert_msg(
		p.row.cfa.offset == prologues[_i].below, "%s: %d", name, (int)p.row.cfa.offset);
	if (p.saves_lr)
		ck_assert_msg(p.row.rules[LR].offset == prologues[_i].lr_at, "%s: %d", name,
			(int)p.row.rules[LR].offset);
	ck_assert(p.keeps_fp == !strcmp(name, "arm"));
	if (p.keeps_fp)
		ck_assert(p.fp == 11 && p.fp_offset == 4);
}
END_TEST

START_TEST(test_call_targets)
{
	uint64_t to;
	const uint8_t bl[] = { 0xff, 0xf7, 0x4a, 0xf8 }, blx[] = { 0x28, 0xf7, 0x84, 0xea },
		      arm[] = { 0x10, 0x00, 0x00, 0xeb }, reg[] = { 0x00, 0xbf, 0x98, 0x47 };
	ck_assert(prologue_call_target(bl, 0x10000c, true, &to));
	ck_assert_uint_eq(to, 0xff0a0);
	ck_assert(prologue_call_target(blx, 0x1002ca, true, &to));
	ck_assert_uint_eq(to, 0x287d0);
	ck_assert(prologue_call_target(arm, 0x1004, false, &to));
	ck_assert_uint_eq(to, 0x1048);
	ck_assert(!prologue_call_target(reg, 0x1000, true, &to));
}
END_TEST

/* A process of one thread whose code lies in no file. */
struct made {
	uint8_t code[0x1000], stack[WORDS * 8];
	struct str raw;
	struct mem_buf mem;
	struct target target;
	struct os_thread thread;
	struct unwind *unwind;
	struct native_stack found;
};

static void set(struct made *m, unsigned word, unsigned size, uint64_t v, enum byte_order order)
{
	for (unsigned i = 0; i < size; i++)
		m->stack[word * size + i] =
			(uint8_t)(v >> 8 * (order == ORDER_BIG ? size - 1 - i : i));
}

static void walk(struct made *m, uint16_t machine, unsigned size, enum byte_order order)
{
	mem_buf_init(&m->mem, order, size);
	mem_buf_add(&m->mem, STACK, m->stack, WORDS * size, MEM_READ | MEM_WRITE);
	mem_buf_add(&m->mem, CODE, m->code, sizeof(m->code), MEM_READ | MEM_EXEC);
	m->thread.regs =
		core_regs_parse(core_arch_find(machine, size), order, m->raw.bytes, m->raw.len);
	m->target = (struct target){ .kind = TARGET_CORE, .mem = &m->mem.base, .machine = machine };
	ck_assert_ok(unwind_open(&m->target, &m->unwind));
	unwind_thread(m->unwind, &m->thread, &m->found);
}

static void drop(struct made *m)
{
	native_stack_fini(&m->found);
	unwind_close(m->unwind);
	str_fini(&m->raw);
}

/* push {r4, lr}; sub sp, #8 at +0x100; bl there at +0x200, of a function that begins at +0x1f0 with
 * push {r4, r5, r6, lr} and was called through a register at +0x300, of one that ends its thread.
 * On the way stands the address behind another call. */
START_TEST(test_arm_prologues)
{
	struct made m = { 0 };
	memcpy(m.code + 0x100, "\x10\xb5\x82\xb0", 4);
	memcpy(m.code + 0x1f0, "\x70\xb5", 2);
	memcpy(m.code + 0x200, "\xff\xf7\x7e\xff", 4);
	memcpy(m.code + 0x300, "\x98\x47\x4f\xf0\x01\x07\x00\xdf", 8);
	memcpy(m.code + 0x400, "\x98\x47", 2);
	set(&m, 1, 4, CODE + 0x403, ORDER_LITTLE);
	set(&m, 2, 4, 44, ORDER_LITTLE);
	set(&m, 3, 4, CODE + 0x205, ORDER_LITTLE);
	set(&m, 7, 4, CODE + 0x303, ORDER_LITTLE);
	for (unsigned i = 0; i < 18; i++) {
		uint64_t v = i == SP ? STACK : i == PC ? CODE + 0x110 : i == 16 ? 0x30 : 0;
		fake_uint(&m.raw, i == LR ? CODE + 0x10b : v, 4, ORDER_LITTLE);
	}
	walk(&m, EM_ARM, 4, ORDER_LITTLE);
	ck_assert_uint_eq(m.found.n, 3);
	ck_assert_frame(&m.found, 0, CODE + 0x110, NATIVE_CFI);
	ck_assert_frame(&m.found, 1, CODE + 0x204, NATIVE_PROLOGUE);
	ck_assert_uint_eq(m.found.frames[0].cfa, STACK + 16);
	ck_assert_frame(&m.found, 2, CODE + 0x302, NATIVE_PROLOGUE);
	ck_assert_uint_eq(m.found.frames[1].cfa, STACK + 32);
	ck_assert(!failed(m.found.why) && !m.found.frames[1].certain);
	drop(&m);
}
END_TEST

/* Nothing but words behind a call; the caller of each keeps its own place for them, 112 above its
 * stack pointer. */
START_TEST(test_s390_scan)
{
	struct made m = { 0 };
	memcpy(m.code + 0x100, "\xc0\xe5\x00\x00\x00\x80", 6);
	memcpy(m.code + 0x200, "\x0d\xe1", 2);
	set(&m, 14, 8, CODE + 0x106, ORDER_BIG);
	set(&m, 34, 8, CODE + 0x202, ORDER_BIG);
	for (unsigned i = 0; i < 27; i++) /* pswa, r15 */
		fake_uint(&m.raw, i == 1 ? CODE + 0x300 : i == 17 ? STACK : 0, 8, ORDER_BIG);
	walk(&m, EM_S390, 8, ORDER_BIG);
	ck_assert_uint_eq(m.found.n, 3);
	ck_assert_frame(&m.found, 1, CODE + 0x106, NATIVE_SCAN);
	ck_assert_uint_eq(m.found.frames[0].cfa, STACK + 160);
	ck_assert_frame(&m.found, 2, CODE + 0x202, NATIVE_SCAN);
	drop(&m);
}
END_TEST

START_TEST(test_i386_frame_pointers)
{
	struct made m = { 0 };
	memcpy(m.code + 0x100, "\xe8\x00\x00\x00\x00", 5);
	set(&m, 4, 4, STACK + 32, ORDER_LITTLE);
	set(&m, 5, 4, CODE + 0x105, ORDER_LITTLE);
	for (unsigned i = 0; i < 17; i++) /* ebp, eip, esp */
		fake_uint(&m.raw,
			i == 5	  ? STACK + 16
			: i == 12 ? CODE + 0x200
			: i == 15 ? STACK
				  : 0,
			4, ORDER_LITTLE);
	walk(&m, EM_386, 4, ORDER_LITTLE);
	ck_assert_frame(&m.found, 1, CODE + 0x105, NATIVE_FRAME_POINTER);
	ck_assert_uint_eq(m.found.frames[0].cfa, STACK + 24);
	ck_assert_uint_eq(m.found.n, 2); /* at ebp there are two zeros */
	ck_assert(!failed(m.found.why));
	drop(&m);
}
END_TEST

Suite *suite_machines(void)
{
	Suite *s = suite_create("machines");
	TCase *t = tcase_create("machines");
	tcase_add_test(t, test_calls);
	tcase_add_loop_test(t, test_thumb_bit, 0, 2);
	tcase_add_test(t, test_s390_registers);
	tcase_add_test(t, test_s390_row);
	tcase_add_test(t, test_tables);
	tcase_add_test(t, test_long_tables);
	tcase_add_loop_test(t, test_bad_tables, 0, ARRAY_LEN(bad_tables));
	tcase_add_test(t, test_cut_tables);
	tcase_add_loop_test(t, test_prologues, 0, ARRAY_LEN(prologues));
	tcase_add_test(t, test_call_targets);
	tcase_add_test(t, test_arm_prologues);
	tcase_add_test(t, test_s390_scan);
	tcase_add_test(t, test_i386_frame_pointers);
	suite_add_tcase(s, t);
	return s;
}
