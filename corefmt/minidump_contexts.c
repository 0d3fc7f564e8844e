/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread's registers in a minidump are a CONTEXT of Windows, one per processor, and of some more
 * than one: Breakpad and LLDB have another one for arm64 than Windows and Crashpad, and LLDB's for
 * x86_64 lacks the room of the floating point unit but (from LLDB 20 on, marked by a flag) has the
 * bases of fs and gs at its end. Where LLDB has no value of the right width (before 20, for eflags
 * and selectors of segments) it writes all ones. None has the number of a system call, nor, of
 * most, the thread pointer. Each row says where in a context the registers of the kernel's set are.
 */
#include "minidump.h"

#include "pycore/attr.h"

#include <elf.h>

/* Register `index` of the kernel's set, and the next ones up to `n` of them, each behind the other
 * in either. */
struct place {
	uint8_t index, n, size;
	uint16_t at;
	bool never_ones; /* no processor has all ones there: then it is not known */
};

struct context {
	uint16_t machine;
	unsigned ptr_size;
	uint16_t flags_at;
	uint32_t flags; /* all of them are set */
	uint16_t size; /* at least; or exactly */
	bool exact;
	const struct place *places;
	size_t n_places;
	uint64_t untold;
};

#define BIT(n) (UINT64_C(1) << (n))
enum { ORIG_RAX = 15, FS_BASE = 21, GS_BASE = 22, ORIG_EAX = 11, ORIG_R0 = 17 };

/* clang-format off */
#define PLACES_X86_64 \
	{ 0, 1, 8, 0xf0 }, { 1, 1, 8, 0xe8 }, { 2, 1, 8, 0xe0 }, { 3, 1, 8, 0xd8 }, /* r15 - r12 */ \
	{ 4, 1, 8, 0xa0 }, { 5, 1, 8, 0x90 }, /* rbp, rbx */ \
	{ 6, 1, 8, 0xd0 }, { 7, 1, 8, 0xc8 }, { 8, 1, 8, 0xc0 }, { 9, 1, 8, 0xb8 }, /* r11 - r8 */ \
	{ 10, 3, 8, 0x78 }, { 13, 2, 8, 0xa8 }, /* rax, rcx, rdx; rsi, rdi */ \
	{ 16, 1, 8, 0xf8 }, { 19, 1, 8, 0x98 }, /* rip, rsp */ \
	{ 17, 1, 2, 0x38, true }, { 18, 1, 4, 0x44, true }, /* cs, eflags */ \
	{ 20, 1, 2, 0x42, true }, /* ss */ \
	{ 23, 1, 2, 0x3a, true }, { 24, 1, 2, 0x3c, true }, { 25, 1, 2, 0x3e, true }, /* ds, es, fs */ \
	{ 26, 1, 2, 0x40, true } /* gs */
static const struct place places_x86_64[] = { PLACES_X86_64 };
static const struct place places_x86_64_lldb[] = { PLACES_X86_64, { FS_BASE, 2, 8, 0x2d0 } };
static const struct place places_i386[] = {
	{ 0, 1, 4, 0xa4 }, { 1, 1, 4, 0xac }, { 2, 1, 4, 0xa8 }, /* ebx, ecx, edx */
	{ 3, 1, 4, 0xa0 }, { 4, 1, 4, 0x9c }, { 5, 1, 4, 0xb4 }, { 6, 1, 4, 0xb0 }, /* esi - eax */
	{ 7, 1, 4, 0x98 }, { 8, 1, 4, 0x94 }, { 9, 1, 4, 0x90 }, { 10, 1, 4, 0x8c }, /* ds - gs */
	{ 12, 1, 4, 0xb8 }, { 13, 1, 4, 0xbc }, { 14, 1, 4, 0xc0, true }, /* eip, cs, eflags */
	{ 15, 2, 4, 0xc4 }, /* esp, ss */
};
/* x0 to x30, sp and pc are in one row, as with the kernel; pstate is elsewhere */
static const struct place places_arm64[] = { { 0, 33, 8, 8 }, { 33, 1, 4, 4 } };
static const struct place places_arm64_breakpad[] = { { 0, 33, 8, 8 }, { 33, 1, 4, 0x110 } };
static const struct place places_arm[] = { { 0, 17, 4, 4 } };
/* clang-format on */

#define PLACES(list) .places = (list), .n_places = ARRAY_LEN(list)

static const struct context contexts[] = {
	{ .machine = EM_X86_64,
		.ptr_size = 8,
		.flags_at = 0x30,
		.flags = 0x80100003,
		.size = 0x2e0,
		.exact = true,
		PLACES(places_x86_64_lldb),
		.untold = BIT(ORIG_RAX) },
	{ .machine = EM_X86_64,
		.ptr_size = 8,
		.flags_at = 0x30,
		.flags = 0x00100003,
		.size = 0x100,
		PLACES(places_x86_64),
		.untold = BIT(ORIG_RAX) | BIT(FS_BASE) | BIT(GS_BASE) },
	{ .machine = EM_386,
		.ptr_size = 4,
		.flags = 0x00010003,
		.size = 0xcc,
		PLACES(places_i386),
		.untold = BIT(ORIG_EAX) },
	{ .machine = EM_AARCH64,
		.ptr_size = 8,
		.flags = 0x00400003,
		.size = 0x110,
		PLACES(places_arm64) },
	{ .machine = EM_AARCH64,
		.ptr_size = 8,
		.flags = 0x80000000,
		.size = 0x114,
		PLACES(places_arm64_breakpad) },
	{ .machine = EM_ARM,
		.ptr_size = 4,
		.flags = 0x40000000,
		.size = 0x48,
		PLACES(places_arm),
		.untold = BIT(ORIG_R0) },
};

const struct core_arch *md_arch(unsigned processor)
{
	static const struct {
		uint16_t processor, machine;
		unsigned ptr_size;
	} rows[] = {
		{ 0, EM_386, 4 }, { 5, EM_ARM, 4 }, { 9, EM_X86_64, 8 }, { 12, EM_AARCH64, 8 },
		{ 0x8003, EM_AARCH64, 8 }, /* Breakpad's own number */
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].processor == processor)
			return core_arch_find(rows[i].machine, rows[i].ptr_size);
	}
	return NULL;
}

static const struct context *context_of(
	const struct core_arch *arch, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < ARRAY_LEN(contexts); i++) {
		const struct context *x = &contexts[i];
		if (x->machine == arch->machine && x->ptr_size == arch->ptr_size &&
			(x->exact ? size == x->size : size >= x->size) &&
			(bytes_uint(bytes + x->flags_at, 4, ORDER_LITTLE) & x->flags) == x->flags)
			return x;
	}
	return NULL;
}

/* Both are little-endian. */
static void put(const struct core_arch *arch, uint8_t *room, size_t i, const void *bytes, size_t n)
{
	memcpy(room + i * arch->reg_size, bytes, n);
}

static bool all_ones(const uint8_t *bytes, size_t n)
{
	while (n && *bytes == 0xff) {
		bytes++;
		n--;
	}
	return !n;
}

struct core_regs md_context_regs(const struct core_arch *arch, const uint8_t *context, size_t size,
	uint64_t tls, uint8_t *room)
{
	const struct context *x = context_of(arch, context, size);
	if (!x)
		return (struct core_regs){ .syscall = -1 };
	uint64_t untold = x->untold;
	for (size_t i = 0; i < x->n_places; i++) {
		const struct place *p = &x->places[i];
		bool told = !p->never_ones || !all_ones(context + p->at, p->size);
		untold |= told ? 0 : BIT(p->index);
		for (size_t k = 0; told && k < p->n; k++)
			put(arch, room, p->index + k, context + p->at + k * p->size, p->size);
	}
	if (tls && arch->tls >= 0) {
		uint8_t bytes[8];
		for (unsigned i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(tls >> 8 * i);
		put(arch, room, (size_t)arch->tls, bytes, arch->reg_size);
		untold &= ~BIT(arch->tls);
	}
	struct core_regs r = core_regs_parse(arch, ORDER_LITTLE, room, arch->regs_size);
	r.untold = untold;
	r.has_syscall = false;
	r.syscall = -1;
	if (arch->tls >= 0) {
		r.has_tls = !(untold & BIT(arch->tls));
	} else if (tls) {
		r.has_tls = true;
		r.tls = tls;
	}
	return r;
}
