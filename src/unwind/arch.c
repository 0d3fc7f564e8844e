/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of registers: System V ABI AMD64, figure "DWARF Register Number Mapping", and "DWARF for
 * the Arm 64-bit Architecture". Their places in the kernel's sets: arch/x86/include/asm/user_64.h
 * (struct user_regs_struct), arch/arm64/include/uapi/asm/ptrace.h (struct user_pt_regs).
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

/* bl, blr, and the forms of blr that check a signature */
static bool arm_ends_in_call(const uint8_t *b)
{
	uint32_t insn = (uint32_t)bytes_uint(b, 4, ORDER_LITTLE);
	return (insn & 0xfc000000) == 0x94000000 || (insn & 0xfffffc1f) == 0xd63f0000 ||
	       (insn & 0xfefff800) == 0xd63f0800;
}

/* push %rbp; mov %rsp,%rbp, behind endbr64 if that is there */
static size_t x86_frame_set_up(const uint8_t bytes[PROLOGUE_BYTES])
{
	static const uint8_t mark[] = { 0xf3, 0x0f, 0x1e, 0xfa },
			     setup[] = { 0x55, 0x48, 0x89, 0xe5 };
	size_t at = memcmp(bytes, mark, sizeof(mark)) ? 0 : sizeof(mark);
	return memcmp(bytes + at, setup, sizeof(setup)) ? 0 : at + sizeof(setup);
}

/* stp x29, x30, [sp, #-n]!; mov x29, sp, behind bti or paciasp if one is there */
static size_t arm_frame_set_up(const uint8_t bytes[PROLOGUE_BYTES])
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

#define COLUMN(i) (UINT64_C(1) << (i))

/* clang-format off */
static const struct unwind_arch archs[] = {
	{ .machine = EM_X86_64, .ptr_size = 8, .n_columns = 17,
		.raw_of = { 10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16 },
		.sp = 7, .fp = 6, .ra = 16,
		.kept = COLUMN(3) | COLUMN(6) | COLUMN(12) | COLUMN(13) | COLUMN(14) | COLUMN(15),
		.code_mask = UINT64_MAX, .pushes_ra = true, .call_bytes = CALL_BYTES_MAX,
		.ends_in_call = x86_ends_in_call, .frame_set_up = x86_frame_set_up,
		.returns = x86_returns },
	{ .machine = EM_AARCH64, .ptr_size = 8, .n_columns = 32,
		.raw_of = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
			20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 },
		.sp = 31, .fp = 29, .ra = 30,
		.kept = 0x7ff80000, /* x19 to x30 */
		.code_mask = UINT64_C(0xffffffffffff), .signs_ra = true, .call_bytes = 4,
		.ends_in_call = arm_ends_in_call, .frame_set_up = arm_frame_set_up },
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
	*ret_pc = from->pc;
	return true;
}
