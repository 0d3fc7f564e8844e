/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Register sets. struct elf_prstatus (Linux include/linux/elfcore.h): pr_cursig at 12; with 8-byte
 * words pr_pid at 32 and pr_reg at 112, with 4-byte words at 24 and 72. The sets are those of
 * ptrace's NT_PRSTATUS; a system call's arguments are where each architecture's syscall wrapper
 * puts them, and stay there until it returns:
 *  - x86_64, i386: arch/x86/include/asm/user_64.h, user_32.h, struct user_regs_struct; rdi, rsi,
 *    rdx, r10, r8, r9 and ebx, ecx, edx, esi, edi, ebp;
 *  - aarch64: arch/arm64/include/uapi/asm/ptrace.h, struct user_pt_regs; x0-x5; the number is in
 *    NT_ARM_SYSTEM_CALL, -1 outside;
 *  - arm: arch/arm/include/uapi/asm/ptrace.h: r0-r15, cpsr, orig_r0, which is -1 outside a system
 *    call (qemu-user always writes r0 there); orig_r0, r1-r5;
 *  - s390x: arch/s390/include/uapi/asm/ptrace.h, s390_regs: psw mask and address, 16 gprs, 16
 *    access registers of 4 bytes (a0:a1 is the thread pointer), orig_gpr2; orig_gpr2, gpr3-gpr7;
 *    NT_S390_SYSTEM_CALL is 0 outside;
 *  - ppc64: arch/powerpc/include/uapi/asm/ptrace.h: 32 gprs, nip, msr, orig_gpr3, ctr, link, xer,
 *    ccr, softe, trap (0xc00 and 0x3000 are the system call traps); orig_gpr3, r4-r8.
 * A call that is cut short by a signal or a stop leaves a code for that in the register of its
 * result; arm and aarch64 put the first argument back there before anybody can see it (do_signal),
 * ppc64 keeps half of it in a flag. Numbers of futex and restart_syscall: each architecture's
 * syscall table. Instructions that make a call: syscall; int 0x80; svc #0; svc 0 of arm, under any
 * condition, and of Thumb; svc with any number, of s390x; sc. Instructions that raise SIGTRAP:
 * int3; brk with any number; udf #16 of arm under any condition, bkpt with any number, and both of
 * Thumb (arch/arm/kernel/ptrace.c).
 */
#include "pycore/elfcore.h"

#include "pycore/attr.h"

#include <elf.h>
#include <string.h>

/* clang-format off */
static const struct core_reg regs_x86_64[] = {
	{ "rax", 10 }, { "rbx", 5 }, { "rcx", 11 }, { "rdx", 12 }, { "rsi", 13 }, { "rdi", 14 },
	{ "rbp", 4 }, { "rsp", 19 }, { "r8", 9 }, { "r9", 8 }, { "r10", 7 }, { "r11", 6 },
	{ "r12", 3 }, { "r13", 2 }, { "r14", 1 }, { "r15", 0 }, { "rip", 16 }, { "eflags", 18 },
	{ "fs_base", 21 }, { "gs_base", 22 },
};
static const struct core_reg regs_i386[] = {
	{ "eax", 6 }, { "ebx", 0 }, { "ecx", 1 }, { "edx", 2 }, { "esi", 3 }, { "edi", 4 },
	{ "ebp", 5 }, { "esp", 15 }, { "eip", 12 }, { "eflags", 14 },
	{ "fs", 9 }, { "gs", 10 },
};
static const struct core_reg regs_aarch64[] = {
	{ "x0", 0 }, { "x1", 1 }, { "x2", 2 }, { "x3", 3 }, { "x4", 4 }, { "x5", 5 }, { "x6", 6 },
	{ "x7", 7 }, { "x8", 8 }, { "x9", 9 }, { "x10", 10 }, { "x11", 11 }, { "x12", 12 },
	{ "x13", 13 }, { "x14", 14 }, { "x15", 15 }, { "x16", 16 }, { "x17", 17 }, { "x18", 18 },
	{ "x19", 19 }, { "x20", 20 }, { "x21", 21 }, { "x22", 22 }, { "x23", 23 }, { "x24", 24 },
	{ "x25", 25 }, { "x26", 26 }, { "x27", 27 }, { "x28", 28 }, { "x29", 29 }, { "x30", 30 },
	{ "sp", 31 }, { "pc", 32 }, { "pstate", 33 },
};
static const struct core_reg regs_arm[] = {
	{ "r0", 0 }, { "r1", 1 }, { "r2", 2 }, { "r3", 3 }, { "r4", 4 }, { "r5", 5 }, { "r6", 6 },
	{ "r7", 7 }, { "r8", 8 }, { "r9", 9 }, { "r10", 10 }, { "r11", 11 }, { "r12", 12 },
	{ "sp", 13 }, { "lr", 14 }, { "pc", 15 }, { "cpsr", 16 },
};
static const struct core_reg regs_s390x[] = {
	{ "r0", 2 }, { "r1", 3 }, { "r2", 4 }, { "r3", 5 }, { "r4", 6 }, { "r5", 7 }, { "r6", 8 },
	{ "r7", 9 }, { "r8", 10 }, { "r9", 11 }, { "r10", 12 }, { "r11", 13 }, { "r12", 14 },
	{ "r13", 15 }, { "r14", 16 }, { "r15", 17 }, { "pswa", 1 }, { "pswm", 0 },
};
static const struct core_reg regs_ppc64[] = {
	{ "r0", 0 }, { "r1", 1 }, { "r2", 2 }, { "r3", 3 }, { "r4", 4 }, { "r5", 5 }, { "r6", 6 },
	{ "r7", 7 }, { "r8", 8 }, { "r9", 9 }, { "r10", 10 }, { "r11", 11 }, { "r12", 12 },
	{ "r13", 13 }, { "r14", 14 }, { "r15", 15 }, { "r16", 16 }, { "r17", 17 }, { "r18", 18 },
	{ "r19", 19 }, { "r20", 20 }, { "r21", 21 }, { "r22", 22 }, { "r23", 23 }, { "r24", 24 },
	{ "r25", 25 }, { "r26", 26 }, { "r27", 27 }, { "r28", 28 }, { "r29", 29 }, { "r30", 30 },
	{ "r31", 31 }, { "pc", 32 }, { "msr", 33 }, { "cr", 38 }, { "lr", 36 }, { "ctr", 35 },
	{ "xer", 37 },
};
/* clang-format on */

/* `more` of the list are not among those that are shown. */
#define REGS(list, more)                                                                           \
	.regs = (list), .n_shown = ARRAY_LEN(list) - (more), .n_regs = ARRAY_LEN(list)

#define PRSTATUS_64 .ptr_size = 8, .reg_size = 8, .cursig_at = 12, .pid_at = 32, .regs_at = 112
#define PRSTATUS_32 .ptr_size = 4, .reg_size = 4, .cursig_at = 12, .pid_at = 24, .regs_at = 72

/* All bits of an instruction count. */
#define CODE(n, ...)                                                                               \
	{                                                                                          \
		{ __VA_ARGS__ }, { 0xff, 0xff, 0xff, 0xff }, (n)                                   \
	}

#define TRAPS_X86 .trap_codes = { CODE(1, 0xcc), CODE(2, 0xcd, 0x03) }, .trap_moves_on = true

static const struct core_arch archs[] = {
	{ PRSTATUS_64, .machine = EM_X86_64, .name = "x86_64", .prstatus_size = 336,
		.regs_size = 27 * 8, REGS(regs_x86_64, 2), .pc = 16, .sp = 19, .tls = 21,
		.tls_selector = -1, .futex = 202, .restart = 219, .syscall = 15,
		.syscall_args = { 14, 13, 12, 7, 9, 8 }, .result = 10, .in_call = -1,
		.call_codes = { CODE(2, 0x0f, 0x05) }, TRAPS_X86 },
	{ PRSTATUS_32, .machine = EM_386, .name = "i386", .prstatus_size = 144, .regs_size = 17 * 4,
		.pc = 12, .sp = 15, REGS(regs_i386, 2), .tls = -1, .tls_note = NT_386_TLS,
		.tls_selector = 10, .futex = 240, .restart = 0, .syscall = 11,
		.syscall_args = { 0, 1, 2, 3, 4, 5 }, .result = 6, .in_call = -1,
		.call_codes = { CODE(2, 0xcd, 0x80) }, TRAPS_X86 },
	{ PRSTATUS_64, .machine = EM_AARCH64, .name = "aarch64", .prstatus_size = 392,
		.regs_size = 34 * 8, REGS(regs_aarch64, 0), .pc = 32, .sp = 31, .tls = -1,
		.tls_note = NT_ARM_TLS, .tls_selector = -1, .futex = 98, .restart = 128,
		.syscall = -1, .syscall_args = { 0, 1, 2, 3, 4, 5 }, .result = -1,
		.result_is_first = true, .in_call = -1, .syscall_note = NT_ARM_SYSTEM_CALL,
		.syscall_mask = UINT32_MAX, .syscall_outside = UINT32_MAX,
		.call_codes = { CODE(4, 0x01, 0x00, 0x00, 0xd4) },
		.trap_codes = { { { 0, 0, 0x20, 0xd4 }, { 0x1f, 0, 0xe0, 0xff }, 4 } } },
	{ PRSTATUS_32, .machine = EM_ARM, .name = "arm", .prstatus_size = 148, .regs_size = 18 * 4,
		REGS(regs_arm, 0), .pc = 15, .sp = 13, .tls = -1, .tls_note = NT_ARM_TLS,
		.tls_selector = -1, .futex = 240, .restart = 0, .syscall = 7,
		.syscall_args = { 17, 1, 2, 3, 4, 5 }, .result = -1, .in_call = 17,
		.call_by_code = true,
		.call_codes = { { { 0, 0, 0, 0x0f }, { 0xff, 0, 0, 0x0f }, 4 },
			CODE(2, 0x00, 0xdf) },
		.trap_codes = { { { 0xf0, 0x01, 0xf0, 0x07 }, { 0xff, 0xff, 0xff, 0x0f }, 4 },
			{ { 0x70, 0, 0x20, 0xe1 }, { 0xf0, 0, 0xf0, 0xff }, 4 },
			CODE(2, 0x01, 0xde), { { 0, 0xbe }, { 0, 0xff }, 2 } } },
	{ PRSTATUS_64, .machine = EM_S390, .name = "s390x", .prstatus_size = 336,
		.regs_size = 27 * 8, REGS(regs_s390x, 0), .pc = 1, .sp = 17, .tls = 18,
		.tls_selector = -1, .futex = 238, .restart = 7, .syscall = -1,
		.syscall_args = { 26, 5, 6, 7, 8, 9 }, .result = 4, .in_call = -1,
		.syscall_note = NT_S390_SYSTEM_CALL, .syscall_mask = 0xffff, .syscall_outside = 0,
		.call_codes = { { { 0x0a }, { 0xff }, 2 } } },
	{ PRSTATUS_64, .machine = EM_PPC64, .name = "ppc64le", .prstatus_size = 504,
		.regs_size = 48 * 8, REGS(regs_ppc64, 0), .pc = 32, .sp = 1, .tls = 13,
		.tls_selector = -1, .futex = 221, .restart = 0, .syscall = 0,
		.syscall_args = { 34, 4, 5, 6, 7, 8 }, .result = -1, .in_call = 40,
		.in_call_values = { 0xc00, 0x3000 },
		.call_codes = { CODE(4, 0x02, 0x00, 0x00, 0x44) } },
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
	if (arch->result >= 0) {
		r.has_result = true;
		r.result = signed_reg(arch, order, raw, arch->result);
	}
	if (arch->syscall >= 0) {
		r.has_syscall = true;
		int64_t number = signed_reg(arch, order, raw, arch->syscall);
		r.syscall = number >= 0 && in_call(arch, order, raw) ? number : -1;
	}
	return r;
}

bool core_regs_get(const struct core_arch *arch, enum byte_order order,
	const struct core_regs *regs, const char *name, uint64_t *ret)
{
	for (size_t i = 0; regs->raw && i < arch->n_regs; i++) {
		if (!strcmp(arch->regs[i].name, name)) {
			if (regs->untold >> arch->regs[i].at & 1)
				return false;
			*ret = reg(arch, order, regs->raw, arch->regs[i].at);
			return true;
		}
	}
	return false;
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
