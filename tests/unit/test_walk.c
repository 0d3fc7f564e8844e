/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks over made-up stacks: each of the ways to the caller, and stacks that lead in circles. Code
 * lies in a nameless mapping (nothing but guesses lead through it) or in an ELF image of a few
 * bytes with call frame information, which is read out of memory as the vdso is.
 */
#include "suites.h"

#include "walked.h"

#include "../support/fakecore.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"
#include "pycore/unwind.h"

#include <elf.h>
#include <string.h>

enum {
	CODE = 0x400000,
	IMAGE = 0x500000,
	STACK = 0x7000,
	WORDS = 512,
	CODE_BYTES = 4096,
	FUNCTION = IMAGE + 0x800, /* of 256 bytes, and so is the next */
	RAW_RBP = 4,
	RAW_RIP = 16,
	RAW_RSP = 19,
	ARM_FP = 29,
	ARM_LR,
	ARM_SP,
	ARM_PC,
	RAW_N = 34,
};

/* A process of one thread. */
struct made {
	uint16_t machine; /* 0: x86-64 */
	uint8_t code[CODE_BYTES];
	uint64_t stack[WORDS];
	struct str image;
	uint64_t lost; /* code without bytes; 0: none */
	uint64_t raw[RAW_N];
	struct mem_buf mem;
	struct image images[1];
	struct target target;
	struct os_thread thread;
	struct unwind *unwind;
	struct native_stack found;
};

static uint64_t word_at(unsigned i)
{
	return STACK + 8 * (uint64_t)i;
}

/* The code is made of `call` instructions of 5 bytes each: a return address is a multiple of 5. */
static uint64_t return_to(unsigned i)
{
	return CODE + 5 * (uint64_t)(i + 2);
}

static void make(struct made *m)
{
	*m = (struct made){ 0 };
	for (size_t i = 0; i + 5 <= CODE_BYTES; i += 5)
		m->code[i] = 0xe8;
}

static void walk(struct made *m, uint64_t pc, uint64_t sp, uint64_t fp)
{
	if (!m->machine)
		m->machine = EM_X86_64;
	mem_buf_init(&m->mem, ORDER_LITTLE, 8);
	mem_buf_add(&m->mem, STACK, m->stack, sizeof(m->stack), MEM_READ | MEM_WRITE);
	mem_buf_add(&m->mem, CODE, m->code, sizeof(m->code), MEM_READ | MEM_EXEC);
	if (m->lost)
		mem_buf_add(&m->mem, m->lost, NULL, CODE_BYTES, MEM_READ | MEM_EXEC);
	if (m->image.len)
		mem_buf_add(&m->mem, IMAGE, m->image.bytes, m->image.len, MEM_READ | MEM_EXEC);
	bool arm = m->machine == EM_AARCH64;
	m->raw[arm ? ARM_PC : RAW_RIP] = pc;
	m->raw[arm ? ARM_SP : RAW_RSP] = sp;
	m->raw[arm ? ARM_FP : RAW_RBP] = fp;
	m->thread.regs = core_regs_parse(
		core_arch_find(m->machine, 8), ORDER_LITTLE, m->raw, sizeof(m->raw));
	m->target = (struct target){ .kind = TARGET_CORE,
		.mem = &m->mem.base,
		.machine = m->machine,
		.images = m->images,
		.n_images = m->image.len > 0 };
	ck_assert_ok(unwind_open(&m->target, &m->unwind));
	unwind_thread(m->unwind, &m->thread, &m->found);
	unwind_name(m->unwind, &m->found, UNWIND_FULL);
	for (size_t i = 0; i < m->found.n; i++)
		ck_assert_ptr_nonnull(m->found.frames[i].place);
}

static void drop(struct made *m)
{
	native_stack_fini(&m->found);
	unwind_close(m->unwind);
	if (m->image.len)
		image_fini(&m->images[0]);
	str_fini(&m->image);
}

START_TEST(test_frame_pointers)
{
	struct made m;
	make(&m);
	m.stack[4] = word_at(10);
	m.stack[5] = return_to(1);
	m.stack[10] = word_at(20);
	m.stack[11] = return_to(2);
	walk(&m, CODE + 7, STACK, word_at(4)); /* and at 20 it is {0, 0} */
	ck_assert_uint_eq(m.found.n, 3);
	ck_assert_frame(&m.found, 0, CODE + 7, NATIVE_CFI);
	ck_assert_frame(&m.found, 1, return_to(1), NATIVE_FRAME_POINTER);
	ck_assert_frame(&m.found, 2, return_to(2), NATIVE_FRAME_POINTER);
	ck_assert(m.found.frames[0].exact && !m.found.frames[1].exact);
	ck_assert(m.found.frames[0].certain && !m.found.frames[2].certain);
	ck_assert_uint_eq(m.found.frames[0].cfa, word_at(6));
	ck_assert(!failed(m.found.why));
	ck_assert_ptr_null(m.found.frames[0].place->image);
	drop(&m);
}
END_TEST

START_TEST(test_scan)
{
	struct made m;
	make(&m);
	m.stack[1] = CODE + 6; /* code, but behind no call */
	m.stack[3] = return_to(1);
	walk(&m, CODE + 7, STACK, 12345);
	ck_assert_uint_eq(m.found.n, 2);
	ck_assert_frame(&m.found, 1, return_to(1), NATIVE_SCAN);
	ck_assert_uint_eq(m.found.frames[0].cfa, word_at(4));
	ck_assert_err(m.found.why, ERR_NOT_FOUND);
	drop(&m);
}
END_TEST

/* A call of a null pointer: the caller is on top of the stack, whatever the frame pointer says. */
/* Code that the core leaves out: what follows its last byte is where data begin. */
START_TEST(test_scan_of_code_that_is_not_there)
{
	enum { LOST = 0x600000 };
	struct made m;
	make(&m);
	m.stack[1] = LOST + CODE_BYTES;
	m.stack[3] = LOST + 100;
	m.lost = LOST;
	walk(&m, CODE + 7, STACK, 12345);
	ck_assert_uint_eq(m.found.n, 2);
	ck_assert_frame(&m.found, 1, LOST + 100, NATIVE_SCAN);
	drop(&m);
}
END_TEST

START_TEST(test_wild_call)
{
	struct made m;
	make(&m);
	m.stack[0] = return_to(1);
	m.stack[8] = 0;
	m.stack[9] = return_to(7);
	walk(&m, 0, STACK, word_at(8));
	ck_assert_frame(&m.found, 1, return_to(1), NATIVE_SCAN);
	ck_assert_frame(&m.found, 2, return_to(7), NATIVE_FRAME_POINTER);
	drop(&m);
}
END_TEST

/* Frame pointers that lead to themselves, back, and out of the stack. */
START_TEST(test_circles)
{
	static const uint64_t to[] = { 4, 2, 5, 3, WORDS, WORDS * 1000 };
	struct made m;
	make(&m);
	m.stack[4] = word_at((unsigned)to[_i]);
	m.stack[5] = return_to(1);
	walk(&m, CODE + 7, STACK, word_at(4));
	ck_assert_uint_le(m.found.n, 3);
	ck_assert(failed(m.found.why));
	drop(&m);
}
END_TEST

/* Every word of the stack looks like a return address. */
START_TEST(test_full_stack)
{
	struct made m;
	make(&m);
	for (unsigned i = 0; i < WORDS; i++)
		m.stack[i] = return_to(i);
	walk(&m, CODE + 7, STACK, 0);
	ck_assert_uint_eq(m.found.n, 1 + WORDS);
	drop(&m);
}
END_TEST

START_TEST(test_no_registers)
{
	struct made m;
	make(&m);
	walk(&m, CODE + 7, STACK, 0);
	native_stack_fini(&m.found);
	m.thread.regs = (struct core_regs){ 0 };
	unwind_thread(m.unwind, &m.thread, &m.found);
	ck_assert_uint_eq(m.found.n, 0);
	ck_assert_err(m.found.why, ERR_NOT_SAVED);
	drop(&m);
}
END_TEST

START_TEST(test_other_machine)
{
	struct mem_buf mem;
	struct unwind *u;
	struct native_stack s = { 0 };
	struct os_thread th = { 0 };
	mem_buf_init(&mem, ORDER_BIG, 8);
	struct target t = { .kind = TARGET_CORE, .mem = &mem.base, .machine = EM_PPC64 };
	ck_assert_err(unwind_open(&t, &u), ERR_UNSUPPORTED);
	unwind_thread(u, &th, &s);
	ck_assert_err(s.why, ERR_UNSUPPORTED);
	ck_assert_uint_eq(s.n, 0);
	unwind_close(u);
}
END_TEST

static void put_phdr(struct str *s, uint32_t type, uint32_t flags, uint64_t at, uint64_t size)
{
	fake_uint(s, type, 4, ORDER_LITTLE);
	fake_uint(s, flags, 4, ORDER_LITTLE);
	fake_uint(s, at, 8, ORDER_LITTLE);
	fake_uint(s, at, 8, ORDER_LITTLE);
	fake_uint(s, at, 8, ORDER_LITTLE);
	fake_uint(s, size, 8, ORDER_LITTLE);
	fake_uint(s, size, 8, ORDER_LITTLE);
	fake_uint(s, 8, 8, ORDER_LITTLE);
}

static void pad_to(struct str *s, size_t n)
{
	while (s->len < n)
		str_putc(s, '\0');
}

/* aarch64: the record that the frame pointer leads to does not tell where the stack pointer was,
 * and addresses can bear a signature. */
START_TEST(test_arm_frame_pointers)
{
	static const uint8_t bl[] = { 0, 0, 0, 0x94 };
	struct made m;
	make(&m);
	m.machine = EM_AARCH64;
	for (size_t i = 0; i < CODE_BYTES; i++)
		m.code[i] = bl[i % 4];
	m.stack[4] = word_at(10);
	m.stack[5] = CODE + 0x20;
	m.stack[10] = word_at(20);
	m.stack[11] = (CODE + 0x30) | UINT64_C(0x55) << 48;
	walk(&m, CODE + 8, STACK, word_at(4));
	ck_assert_uint_eq(m.found.n, 3);
	ck_assert_frame(&m.found, 1, CODE + 0x20, NATIVE_FRAME_POINTER);
	ck_assert_frame(&m.found, 2, CODE + 0x30, NATIVE_FRAME_POINTER);
	ck_assert(!failed(m.found.why));
	drop(&m);
}
END_TEST

/* A call to nowhere has left its return address in the link register. */
START_TEST(test_arm_wild_call)
{
	struct made m;
	make(&m);
	m.machine = EM_AARCH64;
	for (size_t i = 3; i < CODE_BYTES; i += 4)
		memcpy(&m.code[i - 3], "\0\0\0\x94", 4);
	m.raw[ARM_LR] = CODE + 0x20;
	m.stack[5] = CODE + 0x30;
	walk(&m, 0, STACK, word_at(4));
	ck_assert_uint_eq(m.found.n, 3);
	ck_assert_frame(&m.found, 1, CODE + 0x20, NATIVE_SCAN);
	ck_assert_frame(&m.found, 2, CODE + 0x30, NATIVE_FRAME_POINTER);
	drop(&m);
}
END_TEST

/* One CIE, of a signal frame if that is wanted, with these instructions; one FDE for 256 bytes. */
static void put_cfi(struct str *s, uint64_t function, bool signal, const char *insns, size_t n)
{
	size_t cie = s->len, body = signal ? 13 : 12;
	fake_uint(s, (body + n + 7) / 8 * 8 + 4, 4, ORDER_LITTLE);
	fake_uint(s, 0, 4, ORDER_LITTLE);
	str_add(s, signal ? "\1zRS\0\1\x78\x10\1\x1b" : "\1zR\0\1\x78\x10\1\x1b", signal ? 10 : 9);
	str_add(s, insns, n);
	pad_to(s, cie + 4 + (body + n + 7) / 8 * 8 + 4);
	fake_uint(s, 20, 4, ORDER_LITTLE);
	fake_uint(s, s->len - cie, 4, ORDER_LITTLE);
	fake_uint(s, function - (IMAGE + s->len), 4, ORDER_LITTLE);
	fake_uint(s, 256, 4, ORDER_LITTLE);
	fake_uint(s, 0, 8, ORDER_LITTLE);
}

/* An image of two functions: the first with these instructions, the second that calls it with the
 * frame of a function that has stored nothing. */
static void make_image(struct made *m, bool signal, const char *insns, size_t n)
{
	enum { HEAD = 64, PHDRS = 2 * 56, HDR = 0x100, EH = 0x110, SIZE = 0x1000 };
	struct str *s = &m->image;
	str_add(s,
		"\x7f"
		"ELF\2\1\1\0\0\0\0\0\0\0\0\0",
		16);
	fake_uint(s, ET_DYN, 2, ORDER_LITTLE);
	fake_uint(s, EM_X86_64, 2, ORDER_LITTLE);
	fake_uint(s, 1, 4, ORDER_LITTLE);
	fake_uint(s, 0, 8, ORDER_LITTLE);
	fake_uint(s, HEAD, 8, ORDER_LITTLE);
	fake_uint(s, 0, 8, ORDER_LITTLE);
	fake_uint(s, 0, 4, ORDER_LITTLE);
	fake_uint(s, HEAD, 2, ORDER_LITTLE);
	fake_uint(s, 56, 2, ORDER_LITTLE);
	fake_uint(s, 2, 2, ORDER_LITTLE);
	pad_to(s, HEAD);
	put_phdr(s, PT_LOAD, PF_R | PF_X, 0, SIZE);
	put_phdr(s, PT_GNU_EH_FRAME, PF_R, HDR, EH - HDR);
	pad_to(s, HDR);
	str_add(s, "\1\x1b\xff\xff", 4); /* no table: the section is searched */
	fake_uint(s, EH - (HDR + 4), 4, ORDER_LITTLE);
	pad_to(s, EH);
	put_cfi(s, FUNCTION, signal, insns, n);
	put_cfi(s, FUNCTION + 256, false, "\x0c\x07\x08\x90\x01", 5);
	fake_uint(s, 0, 4, ORDER_LITTLE);
	pad_to(s, SIZE);
	image_init(&m->images[0], "[made]");
	image_add_piece(
		&m->images[0], (struct image_piece){ IMAGE, IMAGE + SIZE, 0, MEM_READ | MEM_EXEC });
	m->images[0].file_tried = true;
	m->images[0].file_why = err_of(ERR_ABSENT, "file");
}

START_TEST(test_cfi_in_memory)
{
	struct made m;
	make(&m);
	make_image(&m, false, "\x0c\x07\x18\x90\x01\x86\x02", 7); /* rbp at CFA - 16 */
	m.stack[1] = 0x1234;
	m.stack[2] = FUNCTION + 256 + 9;
	m.stack[3] = 0;
	walk(&m, FUNCTION + 8, STACK, 77);
	ck_assert_uint_eq(m.found.n, 2);
	ck_assert_frame(&m.found, 1, FUNCTION + 256 + 9, NATIVE_CFI);
	ck_assert_uint_eq(m.found.frames[0].cfa, word_at(3));
	ck_assert_uint_eq(m.found.frames[1].cfa, word_at(4));
	ck_assert(!failed(m.found.why));
	ck_assert_ptr_eq(m.found.frames[1].place->image, &m.images[0]);
	for (unsigned i = 0; i < 2; i++) { /* no symbol covers them */
		ck_assert_uint_eq(m.found.frames[i].place->function_start, FUNCTION + 256 * i);
		ck_assert_uint_eq(m.found.frames[i].place->function_size, 256);
	}
	drop(&m);
}
END_TEST

/* What a signal interrupted stands at its own instruction, which may be the first of a function. */
START_TEST(test_signal)
{
	struct made m;
	make(&m);
	make_image(&m, true, "\x0c\x07\x08\x90\x01", 5);
	m.stack[0] = FUNCTION + 256;
	walk(&m, FUNCTION + 8, STACK, 0);
	ck_assert_uint_eq(m.found.n, 2);
	ck_assert(m.found.frames[0].signal);
	ck_assert_frame(&m.found, 1, FUNCTION + 256, NATIVE_CFI);
	ck_assert(m.found.frames[1].exact && !m.found.frames[1].signal);
	drop(&m);
}
END_TEST

/* A CFA that never grows, and a return address that leads to the same frame again. */
START_TEST(test_cfi_circle)
{
	struct made m;
	make(&m);
	make_image(&m, false, "\x0c\x07\x00\x90\x01", 5); /* CFA = rsp, return address below */
	m.stack[1] = FUNCTION + 9;
	walk(&m, FUNCTION + 8, word_at(2), 0);
	ck_assert_uint_le(m.found.n, STACK_SWITCHES_MAX + 3);
	ck_assert_err(m.found.why, ERR_CORRUPT);
	drop(&m);
}
END_TEST

/* The return address leads out of all code: what the stack still tells is taken as a guess. */
START_TEST(test_smashed)
{
	struct made m;
	make(&m);
	make_image(&m, false, "\x0c\x07\x10\x90\x01", 5);
	m.stack[1] = 0x4141414141414141;
	m.stack[6] = return_to(3);
	walk(&m, FUNCTION + 8, STACK, 0x4141414141414141);
	ck_assert_frame(&m.found, 1, return_to(3), NATIVE_SCAN);
	drop(&m);
}
END_TEST

/* A return address of 0 is the end, unless the stack goes on behind it. */
START_TEST(test_zero)
{
	struct made m;
	make(&m);
	make_image(&m, false, "\x0c\x07\x10\x90\x01", 5);
	if (_i)
		m.stack[6] = return_to(3);
	walk(&m, FUNCTION + 8, STACK, 0);
	ck_assert_uint_eq(m.found.n, _i ? 2 : 1);
	if (_i)
		ck_assert_frame(&m.found, 1, return_to(3), NATIVE_SCAN);
	ck_assert_int_eq(failed(m.found.why), _i);
	drop(&m);
}
END_TEST

Suite *suite_walk(void)
{
	Suite *s = suite_create("walk");
	TCase *t = tcase_create("walk");
	tcase_add_test(t, test_frame_pointers);
	tcase_add_test(t, test_scan);
	tcase_add_test(t, test_scan_of_code_that_is_not_there);
	tcase_add_test(t, test_wild_call);
	tcase_add_loop_test(t, test_circles, 0, 6);
	tcase_add_test(t, test_full_stack);
	tcase_add_test(t, test_no_registers);
	tcase_add_test(t, test_other_machine);
	tcase_add_test(t, test_cfi_in_memory);
	tcase_add_test(t, test_signal);
	tcase_add_test(t, test_cfi_circle);
	tcase_add_test(t, test_smashed);
	tcase_add_loop_test(t, test_zero, 0, 2);
	tcase_add_test(t, test_arm_frame_pointers);
	tcase_add_test(t, test_arm_wild_call);
	suite_add_tcase(s, t);
	return s;
}
