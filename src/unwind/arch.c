/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of registers: System V ABI AMD64, figure "DWARF Register Number Mapping", the same of
 * Intel386, "DWARF for the Arm 64-bit Architecture", "DWARF for the Arm Architecture", and the
 * s390x ELF ABI supplement, section "DWARF Register Number Mapping", of which 16 to 31 are f0, f2,
 * f4, f6, f1, f3, f5, f7, f8, f10, f12, f14, f9, f11, f13, f15. Their places in the kernel's sets:
 * arch/x86/include/asm/user_64.h and user_32.h (struct user_regs_struct),
 * arch/arm64/include/uapi/asm/ptrace.h (struct user_pt_regs), arch/arm/include/uapi/asm/ptrace.h,
 * arch/s390/include/uapi/asm/ptrace.h (s390_regs; s390_fp_regs: fpc, 4 bytes, 16 of 8 bytes).
 */
#include "arch.h"

#include "pycore/attr.h"

#include <elf.h>
#include <string.h>

/* call rel32 (e8), or call through register or memory (ff /2) with every form of operand. */
static bool x86_ends_in_call(const uint8_t *b)
{
	if (b[CALL_BYTES_MAX - 5] == 0xe8)
		return true;
	for (unsigned n = 2; n <= 7; n++) {
		const uint8_t *op = b + CALL_BYTES_MAX - n;
		if (op[0] != 0xff || (op[1] >> 3 & 7) != 2)
			continue;
		unsigned mod = op[1] >> 6, rm = op[1] & 7;
		unsigned size = 2 + (mod != 3 && rm == 4);
		if (mod == 1)
			size += 1;
		else if (mod == 2 || (mod == 0 && rm == 5) ||
			 (mod == 0 && rm == 4 && n > 2 && (op[2] & 7) == 5))
			size += 4;
		if (size == n)
			return true;
	}
	return false;
}

/* The distance from `next` that 4 bytes hold. */
static uint64_t relative(const uint8_t *b, uint64_t next)
{
	return next + (uint64_t)bytes_int(b, 4, ORDER_LITTLE);
}

/* call rel32, call *rel32(%rip) */
static bool x86_call_to(const uint8_t *b, uint64_t next, uint64_t *ret, bool *ret_in_memory)
{
	const uint8_t *end = b + CALL_BYTES_MAX;
	*ret = relative(end - 4, next);
	*ret_in_memory = end[-6] == 0xff && end[-5] == 0x15;
	return *ret_in_memory || end[-5] == 0xe8;
}

/* jmp *rel32(%rip), behind endbr64 and bnd if they are there */
static bool x86_stub_to(const uint8_t b[PROLOGUE_BYTES], uint64_t at, uint64_t *ret)
{
	static const uint8_t mark[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	size_t i = memcmp(b, mark, sizeof(mark)) ? 0 : sizeof(mark);
	i += b[i] == 0xf2;
	*ret = relative(b + i + 2, at + i + 6);
	return b[i] == 0xff && b[i + 1] == 0x25;
}

/* bl, blr, and the forms of blr that check a signature */
static bool aarch64_ends_in_call(const uint8_t *b)
{
	uint32_t insn = (uint32_t)bytes_uint(b, 4, ORDER_LITTLE);
	return (insn & 0xfc000000) == 0x94000000 || (insn & 0xfffffc1f) == 0xd63f0000 ||
	       (insn & 0xfefff800) == 0xd63f0800;
}

static uint32_t half(const uint8_t *b)
{
	return (uint32_t)bytes_uint(b, 2, ORDER_LITTLE);
}

/* bl, blx, under any condition */
static bool arm_ends_in_call(const uint8_t *b)
{
	uint32_t insn = (uint32_t)bytes_uint(b, 4, ORDER_LITTLE);
	return (insn & 0x0ffffff0) == 0x012fff30 || (insn & 0xfe000000) == 0xfa000000 ||
	       ((insn & 0x0f000000) == 0x0b000000 && insn >> 28 != 0xf);
}

/* bl, blx: of 4 bytes, or 2 where a register has the address */
static bool thumb_ends_in_call(const uint8_t *b)
{
	uint32_t first = half(b), second = half(b + 2);
	return ((first & 0xf800) == 0xf000 && (second & 0xc000) == 0xc000) ||
	       (second & 0xff87) == 0x4780;
}

/* brasl, bras, basr, and those that came before them, with %r14 */
static bool s390_ends_in_call(const uint8_t *b)
{
	return (b[0] == 0xc0 && b[1] == 0xe5) || (b[2] == 0xa7 && b[3] == 0xe5) ||
	       (b[4] == 0x0d && b[5] >> 4 == 0xe) || (b[2] == 0x4d && b[3] >> 4 == 0xe);
}

/* Bytes of the code `setup` that begins a function, behind `mark` if that is there. */
static size_t set_up(const uint8_t *bytes, const uint8_t mark[4], const uint8_t *setup, size_t n)
{
	size_t at = memcmp(bytes, mark, 4) ? 0 : 4;
	return memcmp(bytes + at, setup, n) ? 0 : at + n;
}

/* push %rbp; mov %rsp,%rbp, behind endbr64 if that is there */
static size_t x86_frame_set_up(const uint8_t bytes[PROLOGUE_BYTES])
{
	static const uint8_t mark[] = { 0xf3, 0x0f, 0x1e, 0xfa },
			     setup[] = { 0x55, 0x48, 0x89, 0xe5 };
	return set_up(bytes, mark, setup, sizeof(setup));
}

static size_t i386_frame_set_up(const uint8_t bytes[PROLOGUE_BYTES])
{
	static const uint8_t mark[] = { 0xf3, 0x0f, 0x1e, 0xfb }, setup[] = { 0x55, 0x89, 0xe5 };
	return set_up(bytes, mark, setup, sizeof(setup));
}

/* stp x29, x30, [sp, #-n]!; mov x29, sp, behind bti or paciasp if one is there */
static size_t aarch64_frame_set_up(const uint8_t bytes[PROLOGUE_BYTES])
{
	uint32_t first = (uint32_t)bytes_uint(bytes, 4, ORDER_LITTLE);
	size_t at = (first & 0xfffff01f) == 0xd503201f ? 4 : 0;
	uint32_t store = (uint32_t)bytes_uint(bytes + at, 4, ORDER_LITTLE);
	uint32_t move = (uint32_t)bytes_uint(bytes + at + 4, 4, ORDER_LITTLE);
	return (store & 0xffc07fff) == 0xa9807bfd && move == 0x910003fd ? at + 8 : 0;
}

/* add $n, %rsp, if that is there, and ret: so ends the stub that `python -X perf` copies for each
 * function (Python/asm_trampoline.S), which has no unwind tables */
static bool x86_returns(const uint8_t b[PROLOGUE_BYTES], uint64_t *ret)
{
	enum { RET = 0xc3 };
	static const uint8_t add8[] = { 0x48, 0x83, 0xc4 }, add32[] = { 0x48, 0x81, 0xc4 };
	if (b[0] == RET)
		*ret = 0;
	else if (!memcmp(b, add8, 3) && b[3] < 0x80 && b[4] == RET)
		*ret = b[3];
	else if (!memcmp(b, add32, 3) && b[6] < 0x80 && b[7] == RET)
		*ret = bytes_uint(b + 3, 4, ORDER_LITTLE);
	else
		return false;
	return true;
}

/* the same of %esp */
static bool i386_returns(const uint8_t b[PROLOGUE_BYTES], uint64_t *ret)
{
	uint8_t wide[PROLOGUE_BYTES] = { 0x48 };
	if (b[0] == 0x48)
		return false;
	bool adds = b[0] == 0x83 || b[0] == 0x81;
	memcpy(wide + adds, b, PROLOGUE_BYTES - adds);
	return x86_returns(wide, ret);
}

/* mov %eax, %edi; xor %eax, %eax; mov $60, %al; syscall: musl's clone */
static bool x86_exits(const uint8_t b[PROLOGUE_BYTES])
{
	static const uint8_t code[] = { 0x89, 0xc7, 0x31, 0xc0, 0xb0, 60, 0x0f, 0x05 };
	return !memcmp(b, code, sizeof(code));
}

/* mov.w r7, #1; svc 0, in either kind of code: glibc's clone */
static bool arm_exits(const uint8_t b[PROLOGUE_BYTES])
{
	static const uint8_t thumb[] = { 0x4f, 0xf0, 0x01, 0x07, 0x00, 0xdf },
			     arm[] = { 0x01, 0x70, 0xa0, 0xe3, 0x00, 0x00, 0x00, 0xef };
	return !memcmp(b, thumb, sizeof(thumb)) || !memcmp(b, arm, sizeof(arm));
}

#define COLUMN(i)	   (UINT64_C(1) << (i))
#define COLUMNS(from, end) (COLUMN(end) - COLUMN(from))

/* f0, f2, ... as the columns have them */
static const uint8_t s390_fp_at[] = { 8, 24, 40, 56, 16, 32, 48, 64, 72, 88, 104, 120, 80, 96, 112,
	128 };

/* mov $15, %rax; syscall, which is rt_sigreturn, and struct ucontext (arch/x86/include/uapi/asm/
 * sigcontext.h) above it */
static const uint8_t x86_resume[] = { 0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05 };
static const uint8_t x86_resumed_at[] = { 144, 136, 152, 128, 112, 104, 120, 160, 40, 48, 56, 64,
	72, 80, 88, 96, 168 };

/* clang-format off */
static const struct unwind_arch archs[] = {
	{ .machine = EM_X86_64, .ptr_size = 8, .n_columns = 17,
		.raw_of = { 10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16 },
		.sp = 7, .fp = 6, .ra = 16,
		.kept = COLUMN(3) | COLUMN(6) | COLUMN(12) | COLUMN(13) | COLUMN(14) | COLUMN(15),
		.code_mask = UINT64_MAX, .pushes_ra = true, .call_bytes = CALL_BYTES_MAX,
		.ends_in_call = { x86_ends_in_call }, .call_to = x86_call_to,
		.stub_to = x86_stub_to, .frame_set_up = x86_frame_set_up,
		.returns = x86_returns, .exits = x86_exits,
		.resume_size = sizeof(x86_resume), .resume_code = x86_resume,
		.resumed_at = x86_resumed_at },
	{ .machine = EM_AARCH64, .ptr_size = 8, .n_columns = 32,
		.raw_of = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
			20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 },
		.sp = 31, .fp = 29, .ra = 30,
		.kept = COLUMNS(19, 31),
		.code_mask = UINT64_C(0xffffffffffff), .signs_ra = true, .call_bytes = 4,
		.ends_in_call = { aarch64_ends_in_call }, .frame_set_up = aarch64_frame_set_up },
	{ .machine = EM_386, .ptr_size = 4, .n_columns = 9,
		.raw_of = { 6, 1, 2, 0, 15, 5, 3, 4, 12 },
		.sp = 4, .fp = 5, .ra = 8,
		.kept = COLUMN(3) | COLUMN(5) | COLUMN(6) | COLUMN(7),
		.code_mask = UINT32_MAX, .pushes_ra = true, .call_bytes = CALL_BYTES_MAX,
		.ends_in_call = { x86_ends_in_call }, .frame_set_up = i386_frame_set_up,
		.returns = i386_returns },
	{ .machine = EM_ARM, .ptr_size = 4, .n_columns = 16,
		.raw_of = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
		.sp = 13, .fp = NO_COLUMN, .ra = 14, .kept = COLUMNS(4, 12) | COLUMN(14),
		.code_mask = UINT32_MAX - 1, .state_raw = 16, .state_bit = 5, .call_bytes = 4,
		.ends_in_call = { arm_ends_in_call, thumb_ends_in_call }, .exits = arm_exits },
	{ .machine = EM_S390, .ptr_size = 8, .n_columns = 32,
		.raw_of = { 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
			-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 },
		.sp = 15, .fp = NO_COLUMN, .ra = 14,
		.kept = COLUMNS(6, 15) | COLUMNS(24, 32),
		.code_mask = INT64_MAX, .save_area = 160, .saved_ra = 112, .fp_first = 16,
		.n_fp = sizeof(s390_fp_at), .fp_at = s390_fp_at, .call_bytes = 6,
		.ends_in_call = { s390_ends_in_call } },
};
/* clang-format on */

const struct unwind_arch *unwind_arch_find(uint16_t machine, unsigned ptr_size)
{
	for (size_t i = 0; i < ARRAY_LEN(archs); i++) {
		if (archs[i].machine == machine && archs[i].ptr_size == ptr_size)
			return &archs[i];
	}
	return NULL;
}

bool unwind_regs_take(const struct unwind_arch *a, const struct core_regs *from,
	enum byte_order order, struct unwind_regs *ret, uint64_t *ret_pc)
{
	if (!from->raw || !from->has_pc)
		return false;
	*ret = (struct unwind_regs){ 0 };
	struct cursor c = cursor_of(from->raw, from->raw_size, order);
	for (unsigned i = 0; i < a->n_columns; i++) {
		c.at = (size_t)a->raw_of[i] * a->ptr_size;
		if (a->raw_of[i] >= 0 && c.at + a->ptr_size <= c.size)
			regs_set(ret, i, cursor_uint(&c, a->ptr_size));
	}
	for (unsigned i = 0; from->fp_raw && i < a->n_fp; i++) {
		if (a->fp_at[i] + 8u <= from->fp_size)
			regs_set(ret, a->fp_first + i,
				bytes_uint(from->fp_raw + a->fp_at[i], 8, order));
	}
	c.at = (size_t)a->state_raw * a->ptr_size;
	uint64_t state = a->state_bit ? cursor_uint(&c, a->ptr_size) >> a->state_bit & 1 : 0;
	*ret_pc = (from->pc & a->code_mask) | state;
	return true;
}
