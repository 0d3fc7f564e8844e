/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which instructions every processor of a kind has, and which of these go to no memory: where a
 * core does not tell who raised the signal, such an instruction did not. The comments are what the
 * assemblers of binutils and LLVM were given for these bytes.
 */
#include "suites.h"

#include "../../src/verdict/decoding.h"

#include "pycore/attr.h"

#include <elf.h>
#include <string.h>

enum {
	PLAIN = 1 << 0, /* it can do no more than fault in memory */
	APART = 1 << 1, /* it goes to no memory either */
	TRAPS = 1 << 2,
	PRIVILEGED = 1 << 3,
	DIVIDES = 1 << 4,
};
enum { CODE = 0x500000, RAW_MAX = 64 * 8 };

struct row {
	const char *bytes;
	uint8_t n;
	unsigned is;
	const char *text;
};

#define BYTES(s) (s), sizeof(s) - 1

/* clang-format off */
static const struct row aarch64[] = {
	{ BYTES("\xfd\x03\x00\x91"), PLAIN | APART, "mov x29, sp" },
	{ BYTES("\x20\x20\x00\x91"), PLAIN | APART, "add x0, x1, #8" },
	{ BYTES("\x42\x04\x00\x71"), PLAIN | APART, "subs w2, w2, #1" },
	{ BYTES("\x1f\x00\x01\xeb"), PLAIN | APART, "cmp x0, x1" },
	{ BYTES("\x20\x00\x82\x9a"), PLAIN | APART, "csel x0, x1, x2, eq" },
	{ BYTES("\x20\x0c\x02\x9b"), PLAIN | APART, "madd x0, x1, x2, x3" },
	{ BYTES("\x20\x0c\xc2\x9a"), PLAIN | APART, "sdiv x0, x1, x2" }, /* a division by zero is zero here */
	{ BYTES("\x20\x2c\x44\xd3"), PLAIN | APART, "ubfx x0, x1, #4, #8" },
	{ BYTES("\x41\x00\x00\x54"), PLAIN | APART, "b.ne #0x500008" },
	{ BYTES("\x40\x00\x00\xb4"), PLAIN | APART, "cbz x0, #0x500008" },
	{ BYTES("\x60\x00\x3f\xd6"), PLAIN | APART, "blr x3" },
	{ BYTES("\xc0\x03\x5f\xd6"), PLAIN | APART, "ret" },
	{ BYTES("\x1f\x20\x03\xd5"), PLAIN | APART, "nop" },
	{ BYTES("\x5f\x24\x03\xd5"), PLAIN | APART, "hint #0x22" }, /* bti c */
	{ BYTES("\x20\x04\x40\xf9"), PLAIN, "ldr x0, [x1, #8]" },
	{ BYTES("\x20\x00\x40\x39"), PLAIN, "ldrb w0, [x1]" },
	{ BYTES("\xfd\x7b\xbe\xa9"), PLAIN, "stp x29, x30, [sp, #-0x20]!" },
	{ BYTES("\x20\x04\xc0\x3d"), PLAIN, "ldr q0, [x1, #0x10]" },
	{ BYTES("\x20\x18\x62\x1e"), 0, "fdiv d0, d1, d2" },
	{ BYTES("\x20\x7c\x5f\xc8"), 0, "ldxr x0, [x1]" },
	{ BYTES("\x40\xd0\x3b\xd5"), 0, "mrs x0, tpidr_el0" },
	{ BYTES("\x01\x00\x00\xd4"), 0, "svc #0" },
	{ BYTES("\x20\x00\x20\xd4"), TRAPS, "brk #0x1" },
	{ BYTES("\x00\x00\x40\xd4"), TRAPS, "hlt #0" },
	{ BYTES("\x02\x00\x00\xd4"), PRIVILEGED, "hvc #0" },
	{ BYTES("\x00\x00\x80\xf9"), 0, "prfm pldl1keep, [x0]" },
	{ BYTES("\x00\x00\x67\x9e"), 0, "fmov d0, x0" },
};

static const struct row arm[] = {
	{ BYTES("\x01\x00\xa0\xe1"), PLAIN | APART, "mov r0, r1" },
	{ BYTES("\x01\x00\x00\xe3"), PLAIN | APART, "movw r0, #1" },
	{ BYTES("\x01\x00\x90\xe2"), PLAIN | APART, "adds r0, r0, #1" },
	{ BYTES("\x00\x00\x50\xe3"), PLAIN | APART, "cmp r0, #0" },
	{ BYTES("\x00\x00\x00\x1a"), PLAIN | APART, "bne #0x500008" },
	{ BYTES("\x00\x00\x00\xea"), PLAIN | APART, "b #0x500008" },
	{ BYTES("\x00\x00\x00\xeb"), PLAIN | APART, "bl #0x500008" },
	{ BYTES("\x1e\xff\x2f\xe1"), PLAIN | APART, "bx lr" },
	{ BYTES("\x00\x01\xa0\xe1"), PLAIN | APART, "lsl r0, r0, #2" },
	{ BYTES("\x91\x02\x00\xe0"), PLAIN | APART, "mul r0, r1, r2" },
	{ BYTES("\x00\xf0\x20\xe3"), PLAIN | APART, "nop" },
	{ BYTES("\x04\x00\x91\xe5"), PLAIN, "ldr r0, [r1, #4]" },
	{ BYTES("\xbe\x00\x20\xe1"), PLAIN, "strh r0, [r0, -lr]!" },
	{ BYTES("\x10\x40\x2d\xe9"), PLAIN, "push {r4, lr}" },
	{ BYTES("\x10\x80\xbd\xe8"), PLAIN, "pop {r4, pc}" },
	{ BYTES("\x06\x00\x90\xe8"), PLAIN, "ldm r0, {r1, r2}" },
	{ BYTES("\x70\x00\x20\xe1"), TRAPS, "bkpt #0" },
	{ BYTES("\xf0\x01\xf0\xe7"), TRAPS, "udf #0x10" },
	{ BYTES("\x00\x00\x00\xef"), 0, "svc #0" },
	{ BYTES("\x81\x0a\x30\xee"), 0, "vadd.f32 s0, s1, s2" },
	{ BYTES("\x70\x0f\x1d\xee"), 0, "mrc p15, #0, r0, c13, c0, #3" },
	{ BYTES("\x00\xf0\xd0\xf5"), 0, "pld [r0]" },
};

static const struct row thumb[] = {
	{ BYTES("\x01\x20"), PLAIN | APART, "movs r0, #1" },
	{ BYTES("\x01\x30"), PLAIN | APART, "adds r0, #1" },
	{ BYTES("\x00\x28"), PLAIN | APART, "cmp r0, #0" },
	{ BYTES("\x02\xd0"), PLAIN | APART, "beq #0x500008" },
	{ BYTES("\x00\xf0\x02\xf8"), PLAIN | APART, "bl #0x500008" },
	{ BYTES("\x70\x47"), PLAIN | APART, "bx lr" },
	{ BYTES("\x80\x46"), PLAIN | APART, "mov r8, r0" },
	{ BYTES("\x10\xb1"), PLAIN | APART, "cbz r0, #0x500008" },
	{ BYTES("\x00\xbf"), PLAIN | APART, "nop" },
	{ BYTES("\x40\xf2\x01\x00"), PLAIN | APART, "movw r0, #1" },
	{ BYTES("\x48\x68"), PLAIN, "ldr r0, [r1, #4]" },
	{ BYTES("\x41\xf8\x22\x00"), PLAIN, "str.w r0, [r1, r2, lsl #2]" },
	{ BYTES("\x10\xb5"), PLAIN, "push {r4, lr}" },
	{ BYTES("\x00\xbe"), TRAPS, "bkpt #0" },
	{ BYTES("\x01\xde"), TRAPS, "udf #1" },
	{ BYTES("\x00\xdf"), 0, "svc #0" },
	{ BYTES("\x08\xbf"), PLAIN | APART, "it eq" }, /* the last, for it is remembered */
};

static const struct row s390x[] = {
	{ BYTES("\xb9\x04\x00\x12"), PLAIN | APART, "lgr %r1, %r2" },
	{ BYTES("\xa7\x19\x00\x05"), PLAIN | APART, "lghi %r1, 5" },
	{ BYTES("\x41\x10\x20\x08"), PLAIN | APART, "la %r1, 8(%r2)" },
	{ BYTES("\xc0\x10\x00\x00\x00\x08"), PLAIN | APART, "larl %r1, 0x500010" },
	{ BYTES("\xb9\x0a\x00\x12"), PLAIN | APART, "algr %r1, %r2" },
	{ BYTES("\xb9\x80\x00\x12"), PLAIN | APART, "ngr %r1, %r2" },
	{ BYTES("\xb9\x20\x00\x12"), PLAIN | APART, "cgr %r1, %r2" },
	{ BYTES("\xec\x18\x00\x04\x00\x7c"), PLAIN | APART, "cgije %r1, 0, 0x500008" },
	{ BYTES("\xeb\x12\x00\x04\x00\x0d"), PLAIN | APART, "sllg %r1, %r2, 4" },
	{ BYTES("\xa7\x74\x00\x04"), PLAIN | APART, "jne 0x500008" },
	{ BYTES("\x07\xfe"), PLAIN | APART, "br %r14" },
	{ BYTES("\xc0\xe5\x00\x00\x00\x08"), PLAIN | APART, "brasl %r14, 0x500010" },
	{ BYTES("\xe3\x10\x20\x08\x00\x04"), PLAIN, "lg %r1, 8(%r2)" },
	{ BYTES("\xe3\x29\xa0\x00\x00\x90"), PLAIN, "llgc %r2, 0(%r9, %r10)" },
	{ BYTES("\xe3\x10\x20\x08\x00\x24"), PLAIN, "stg %r1, 8(%r2)" },
	{ BYTES("\xeb\x6f\xf0\x30\x00\x24"), PLAIN, "stmg %r6, %r15, 0x30(%r15)" },
	{ BYTES("\x92\x05\x10\x00"), PLAIN, "mvi 0(%r1), 5" },
	{ BYTES("\xb9\x08\x00\x12"), 0, "agr %r1, %r2" }, /* its overflow may be made a fault */
	{ BYTES("\xb9\x09\x00\x12"), 0, "sgr %r1, %r2" },
	{ BYTES("\xb9\x0d\x00\x24"), DIVIDES, "dsgr %r2, %r4" },
	{ BYTES("\xb3\x1a\x00\x02"), 0, "adbr %f0, %f2" },
	{ BYTES("\xd2\x07\x10\x00\x20\x10"), 0, "mvc 0(8, %r1), 0x10(%r2)" },
};

static const struct row i386[] = {
	{ BYTES("\x89\xe5"), PLAIN | APART, "mov ebp, esp" },
	{ BYTES("\x8d\x48\x08"), PLAIN | APART, "lea ecx, [eax + 8]" },
	{ BYTES("\x31\xc0"), PLAIN | APART, "xor eax, eax" },
	{ BYTES("\x0f\xaf\xc1"), PLAIN | APART, "imul eax, ecx" },
	{ BYTES("\x0f\x45\xc1"), PLAIN | APART, "cmovne eax, ecx" },
	{ BYTES("\x0f\x94\xc0"), PLAIN | APART, "sete al" },
	{ BYTES("\x75\x06"), PLAIN | APART, "jne 0x500008" },
	{ BYTES("\x0f\xb6\xc0"), PLAIN | APART, "movzx eax, al" },
	{ BYTES("\x99"), PLAIN | APART, "cdq" },
	{ BYTES("\x90"), PLAIN | APART, "nop" },
	{ BYTES("\xf3\x0f\x1e\xfb"), PLAIN | APART, "endbr32" },
	{ BYTES("\x8b\x43\x08"), PLAIN, "mov eax, dword ptr [ebx + 8]" },
	{ BYTES("\x53"), PLAIN, "push ebx" },
	{ BYTES("\xff\xd0"), PLAIN, "call eax" },
	{ BYTES("\xc3"), PLAIN, "ret" },
	{ BYTES("\x87\x03"), PLAIN, "xchg dword ptr [ebx], eax" },
	{ BYTES("\x64\xa1\x00\x00\x00\x00"), PLAIN, "mov eax, dword ptr fs:[0]" }, /* where, is not known */
	{ BYTES("\x8e\xd8"), 0, "mov ds, eax" },
	{ BYTES("\x1e"), 0, "push ds" },
	{ BYTES("\x07"), 0, "pop es" },
	{ BYTES("\x0f\x20\xc0"), PRIVILEGED, "mov eax, cr0" },
	{ BYTES("\xec"), PRIVILEGED, "in al, dx" },
	{ BYTES("\xf7\xf1"), DIVIDES, "div ecx" },
	{ BYTES("\xce"), TRAPS, "into" },
	{ BYTES("\xcc"), TRAPS, "int3" },
	{ BYTES("\x0f\x28\x00"), 0, "movaps xmm0, xmmword ptr [eax]" },
	{ BYTES("\xf3\x0f\x58\xc1"), 0, "addss xmm0, xmm1" },
	{ BYTES("\xd8\x00"), 0, "fadd dword ptr [eax]" },
	{ BYTES("\x0f\x31"), 0, "rdtsc" },
};

static const struct row x86_64[] = {
	{ BYTES("\x48\x89\xdd"), PLAIN | APART, "mov rbp, rbx" },
	{ BYTES("\x48\x63\xc8"), PLAIN | APART, "movsxd rcx, eax" },
	{ BYTES("\xf3\x0f\x1e\xfa"), PLAIN | APART, "endbr64" },
	{ BYTES("\xeb\x06"), PLAIN | APART, "jmp 0x500008" },
	{ BYTES("\x48\x8b\x47\x08"), PLAIN, "mov rax, qword ptr [rdi + 8]" },
	{ BYTES("\xc3"), PLAIN, "ret" },
	{ BYTES("\x8e\xd8"), 0, "mov ds, eax" },
	{ BYTES("\x0f\x22\xc0"), PRIVILEGED, "mov cr0, rax" },
	{ BYTES("\x48\xf7\xf9"), DIVIDES, "idiv rcx" },
	{ BYTES("\xf3\x0f\x5e\xc1"), 0, "divss xmm0, xmm1" },
	{ BYTES("\xc4\xe2\x7d\x18\x00"), 0, "vbroadcastss ymm0, dword ptr [rax]" },
	{ BYTES("\x0f\x05"), 0, "syscall" },
};
/* clang-format on */

static const struct code {
	uint16_t machine;
	unsigned ptr_size, step; /* step: instructions stand at its multiples */
	enum byte_order order;
	enum disassembler_kind kind;
	const struct row *rows;
	size_t n;
} codes[] = {
	{ EM_AARCH64, 8, 4, ORDER_LITTLE, DIS_AARCH64, aarch64, ARRAY_LEN(aarch64) },
	{ EM_ARM, 4, 1, ORDER_LITTLE, DIS_ARM, arm, ARRAY_LEN(arm) },
	{ EM_ARM, 4, 1, ORDER_LITTLE, DIS_THUMB, thumb, ARRAY_LEN(thumb) },
	{ EM_S390, 8, 2, ORDER_BIG, DIS_S390X, s390x, ARRAY_LEN(s390x) },
	{ EM_386, 4, 1, ORDER_LITTLE, DIS_I386, i386, ARRAY_LEN(i386) },
	{ EM_X86_64, 8, 1, ORDER_LITTLE, DIS_X86_64, x86_64, ARRAY_LEN(x86_64) },
};

static bool decode(const struct code *c, struct disassembler *dis, const struct row *r, uint64_t pc,
	struct instruction *ret)
{
	static uint8_t raw[RAW_MAX];
	const struct core_arch *arch = core_arch_find(c->machine, c->ptr_size);
	struct core_regs regs = core_regs_parse(arch, c->order, raw, arch->regs_size);
	struct decoding d = {
		.dis = dis, .arch = arch, .order = c->order, .regs = &regs, .pc = pc
	};
	return decoding_run(&d, (const uint8_t *)r->bytes, r->n, ret);
}

static unsigned found(const struct instruction *in)
{
	return (in->ordinary ? PLAIN : 0) | (in->no_memory ? APART : 0) | (in->traps ? TRAPS : 0) |
	       (in->privileged ? PRIVILEGED : 0) | (in->divides ? DIVIDES : 0);
}

START_TEST(kinds)
{
	const struct code *c = &codes[_i];
	struct disassembler dis;
	ck_assert_ok(disassembler_open(c->kind, c->order, &dis));
	for (size_t i = 0; i < c->n; i++) {
		const struct row *r = &c->rows[i];
		struct instruction in = { 0 };
		ck_assert_msg(decode(c, &dis, r, CODE, &in), "%s: not decoded", r->text);
		ck_assert_str_eq(in.text, r->text);
		ck_assert_msg(
			found(&in) == r->is, "%s: 0x%x, not 0x%x", r->text, found(&in), r->is);
	}
	disassembler_close(&dis);
}
END_TEST

/* Where no instruction can stand, the processor faults whatever the bytes are. */
START_TEST(misplaced)
{
	const struct code *c = &codes[_i];
	struct disassembler dis;
	struct instruction in = { 0 };
	ck_assert_ok(disassembler_open(c->kind, c->order, &dis));
	if (decode(c, &dis, &c->rows[0], CODE + 1, &in))
		ck_assert_int_eq(in.ordinary, c->step == 1);
	disassembler_close(&dis);
}
END_TEST

Suite *suite_ordinary(void)
{
	Suite *s = suite_create("ordinary");
	TCase *t = tcase_create("ordinary");
	tcase_add_loop_test(t, kinds, 0, ARRAY_LEN(codes));
	tcase_add_loop_test(t, misplaced, 0, ARRAY_LEN(codes));
	suite_add_tcase(s, t);
	return s;
}
