/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Register sets. struct elf_prstatus (Linux include/linux/elfcore.h): pr_cursig at 12; with 8-byte
 * words pr_pid at 32 and pr_reg at 112, with 4-byte words at 24 and 72. The sets are those of
 * ptrace's NT_PRSTATUS; a system call's first two arguments are where each architecture's syscall
 * wrapper puts them, and stay there until it returns:
 *  - x86_64, i386: arch/x86/include/asm/user_64.h, user_32.h, struct user_regs_struct; rdi, rsi and
 *    ebx, ecx;
 *  - aarch64: arch/arm64/include/uapi/asm/ptrace.h, struct user_pt_regs; x0, x1; the number is in
 *    NT_ARM_SYSTEM_CALL, -1 outside;
 *  - arm: arch/arm/include/uapi/asm/ptrace.h: r0-r15, cpsr, orig_r0, which is -1 outside a system
 *    call; orig_r0, r1;
 *  - s390x: arch/s390/include/uapi/asm/ptrace.h, s390_regs: psw mask and address, 16 gprs, 16
 *    access registers of 4 bytes (a0:a1 is the thread pointer), orig_gpr2; orig_gpr2, gpr3;
 *    NT_S390_SYSTEM_CALL is 0 outside;
 *  - ppc64: arch/powerpc/include/uapi/asm/ptrace.h: 32 gprs, nip, msr, orig_gpr3, ctr, link, xer,
 *    ccr, softe, trap (0xc00 and 0x3000 are the system call traps); orig_gpr3, r4.
 * Numbers of futex and restart_syscall: each architecture's syscall table.
 */
#include "pycore/elfcore.h"

#include "pycore/attr.h"

#include <elf.h>

#define PRSTATUS_64 .ptr_size = 8, .reg_size = 8, .cursig_at = 12, .pid_at = 32, .regs_at = 112
#define PRSTATUS_32 .ptr_size = 4, .reg_size = 4, .cursig_at = 12, .pid_at = 24, .regs_at = 72

static const struct core_arch archs[] = {
	{ PRSTATUS_64, .machine = EM_X86_64, .name = "x86_64", .prstatus_size = 336,
		.regs_size = 27 * 8, .pc = 16, .sp = 19, .tls = 21, .tls_selector = -1,
		.futex = 202, .restart = 219, .syscall = 15, .syscall_args = { 14, 13 },
		.in_call = -1 },
	{ PRSTATUS_32, .machine = EM_386, .name = "i386", .prstatus_size = 144, .regs_size = 17 * 4,
		.pc = 12, .sp = 15, .tls = -1, .tls_note = NT_386_TLS, .tls_selector = 10,
		.futex = 240, .restart = 0, .syscall = 11, .syscall_args = { 0, 1 },
		.in_call = -1 },
	{ PRSTATUS_64, .machine = EM_AARCH64, .name = "aarch64", .prstatus_size = 392,
		.regs_size = 34 * 8, .pc = 32, .sp = 31, .tls = -1, .tls_note = NT_ARM_TLS,
		.tls_selector = -1, .futex = 98, .restart = 128, .syscall = -1,
		.syscall_args = { 0, 1 }, .in_call = -1, .syscall_note = NT_ARM_SYSTEM_CALL,
		.syscall_mask = UINT32_MAX, .syscall_outside = UINT32_MAX },
	{ PRSTATUS_32, .machine = EM_ARM, .name = "arm", .prstatus_size = 148, .regs_size = 18 * 4,
		.pc = 15, .sp = 13, .tls = -1, .tls_note = NT_ARM_TLS, .tls_selector = -1,
		.futex = 240, .restart = 0, .syscall = 7, .syscall_args = { 17, 1 },
		.in_call = 17 },
	{ PRSTATUS_64, .machine = EM_S390, .name = "s390x", .prstatus_size = 336,
		.regs_size = 27 * 8, .pc = 1, .sp = 17, .tls = 18, .tls_selector = -1, .futex = 238,
		.restart = 7, .syscall = -1, .syscall_args = { 26, 5 }, .in_call = -1,
		.syscall_note = NT_S390_SYSTEM_CALL, .syscall_mask = 0xffff, .syscall_outside = 0 },
	{ PRSTATUS_64, .machine = EM_PPC64, .name = "ppc64le", .prstatus_size = 504,
		.regs_size = 48 * 8, .pc = 32, .sp = 1, .tls = 13, .tls_selector = -1, .futex = 221,
		.restart = 0, .syscall = 0, .syscall_args = { 34, 4 }, .in_call = 40,
		.in_call_values = { 0xc00, 0x3000 } },
};

const struct core_arch *core_arch_find(uint16_t machine, unsigned ptr_size)
{
	for (size_t i = 0; i < ARRAY_LEN(archs); i++) {
		if (archs[i].machine == machine && archs[i].ptr_size == ptr_size)
			return &archs[i];
	}
	return NULL;
}

/* Register i of a raw set that is known to be whole. */
static uint64_t reg(const struct core_arch *a, enum byte_order order, const void *raw, int i)
{
	return bytes_uint(
		(const uint8_t *)raw + (size_t)i * a->reg_size, (unsigned)a->reg_size, order);
}

static int64_t signed_reg(const struct core_arch *a, enum byte_order order, const void *raw, int i)
{
	return bytes_int(
		(const uint8_t *)raw + (size_t)i * a->reg_size, (unsigned)a->reg_size, order);
}

static bool in_call(const struct core_arch *a, enum byte_order order, const void *raw)
{
	if (a->in_call < 0)
		return true;
	if (!a->in_call_values[0])
		return signed_reg(a, order, raw, a->in_call) != -1;
	uint64_t v =
		reg(a, order, raw, a->in_call) & ~(uint64_t)0xf; /* the kernel keeps flags there */
	return v == a->in_call_values[0] || v == a->in_call_values[1];
}

struct core_regs core_regs_parse(
	const struct core_arch *arch, enum byte_order order, const void *raw, size_t size)
{
	struct core_regs r = { .syscall = -1 };
	if (size < arch->regs_size)
		return r;
	r.raw = raw;
	r.raw_size = arch->regs_size;
	r.has_pc = r.has_sp = true;
	r.pc = reg(arch, order, raw, arch->pc);
	r.sp = reg(arch, order, raw, arch->sp);
	if (arch->tls >= 0) {
		r.has_tls = true;
		r.tls = reg(arch, order, raw, arch->tls);
	}
	for (size_t i = 0; i < ARRAY_LEN(r.syscall_args); i++)
		r.syscall_args[i] = reg(arch, order, raw, arch->syscall_args[i]);
	if (arch->syscall >= 0) {
		r.has_syscall = true;
		int64_t number = signed_reg(arch, order, raw, arch->syscall);
		r.syscall = number >= 0 && in_call(arch, order, raw) ? number : -1;
	}
	return r;
}

/* NT_386_TLS is an array of struct user_desc: entry_number, base_addr, limit, flags. */
static void add_selected_tls(
	const struct core_arch *a, enum byte_order order, struct cursor c, struct core_regs *regs)
{
	enum { USER_DESC = 16 };
	if (!regs->raw)
		return;
	uint64_t entry = reg(a, order, regs->raw, a->tls_selector) >> 3 & 0x1fff;
	while (cursor_left(&c) >= USER_DESC) {
		bool mine = cursor_uint(&c, 4) == entry;
		uint64_t base = cursor_uint(&c, 4);
		cursor_skip(&c, USER_DESC - 8);
		if (mine) {
			regs->has_tls = true;
			regs->tls = base;
			return;
		}
	}
}

void core_regs_add(const struct core_arch *arch, enum byte_order order, uint32_t note,
	const void *desc, size_t size, struct core_regs *regs)
{
	struct cursor c = cursor_of(desc, size, order);
	if (note == arch->tls_note && arch->tls_selector >= 0) {
		add_selected_tls(arch, order, c, regs);
	} else if (note == arch->tls_note && size >= arch->ptr_size) {
		regs->has_tls = true;
		regs->tls = cursor_uint(&c, arch->ptr_size);
	} else if (note == arch->syscall_note && size >= 4) {
		uint32_t number = (uint32_t)cursor_uint(&c, 4) & arch->syscall_mask;
		regs->has_syscall = true;
		regs->syscall = number == arch->syscall_outside ? -1 : (int64_t)number;
	}
}
