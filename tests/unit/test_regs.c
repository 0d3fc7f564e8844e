/* SPDX-License-Identifier: Apache-2.0 */
#include "suites.h"

#include "../support/corecase.h"

#include "pycore/alloc.h"

#include <elf.h>

/* Register i holds 0x1000 + i, so that an index that is off by one is seen. */
static void numbered(const struct core_arch *a, uint64_t regs[64])
{
	for (size_t i = 0; i < a->regs_size / a->reg_size; i++)
		regs[i] = 0x1000 + i;
}

static struct core_regs only_thread(struct fakecore *f, struct parsed *p)
{
	parsed_build(p, f);
	ck_assert_uint_eq(p->core.n_threads, 1);
	return p->core.threads[0].regs;
}

START_TEST(registers_of_x86)
{
	struct fakecore f;
	struct parsed p;
	uint64_t regs[64];
	machine_core(&f, &machines[0]);
	numbered(core_arch_find(EM_X86_64, 8), regs);
	regs[15] = 202;
	fakecore_thread_regs(&f, 1, 0, regs, 27);
	struct core_regs r = only_thread(&f, &p);
	ck_assert_uint_eq(r.pc, 0x1000 + 16);
	ck_assert_uint_eq(r.sp, 0x1000 + 19);
	ck_assert(r.has_tls);
	ck_assert_uint_eq(r.tls, 0x1000 + 21);
	ck_assert(r.has_syscall);
	ck_assert_int_eq(r.syscall, 202);
	ck_assert_uint_eq(r.syscall_args[0], 0x1000 + 14);
	ck_assert_uint_eq(r.syscall_args[1], 0x1000 + 13);
	ck_assert_uint_eq(r.raw_size, 216);
	parsed_drop(&p);
	machine_core(&f, &machines[0]);
	regs[15] = UINT64_MAX;
	fakecore_thread_regs(&f, 1, 0, regs, 27);
	ck_assert_int_eq(only_thread(&f, &p).syscall, -1);
	parsed_drop(&p);
}
END_TEST

START_TEST(registers_of_i386)
{
	struct fakecore f;
	struct parsed p;
	uint64_t regs[64];
	machine_core(&f, &machines[1]);
	numbered(core_arch_find(EM_386, 4), regs);
	regs[10] = 6 << 3 | 3; /* gs selects entry 6 */
	regs[11] = 240;
	fakecore_thread_regs(&f, 1, 0, regs, 17);
	static const uint32_t entries[] = { 5, 0x11110000, 0, 0, 6, 0xb7f00000, 0xfffff, 0x51, 7,
		0x2222, 0, 0 };
	fakecore_note(&f, "LINUX", NT_386_TLS, entries, sizeof(entries));
	struct core_regs r = only_thread(&f, &p);
	ck_assert_uint_eq(r.pc, 0x1000 + 12);
	ck_assert_uint_eq(r.sp, 0x1000 + 15);
	ck_assert_int_eq(r.syscall, 240);
	ck_assert_uint_eq(r.syscall_args[0], 0x1000);
	ck_assert_uint_eq(r.syscall_args[1], 0x1000 + 1);
	ck_assert(r.has_tls);
	ck_assert_uint_eq(r.tls, 0xb7f00000);
	parsed_drop(&p);
	/* no such entry, and a cut one */
	machine_core(&f, &machines[1]);
	regs[11] = UINT32_MAX;
	fakecore_thread_regs(&f, 1, 0, regs, 17);
	fakecore_note(&f, "LINUX", NT_386_TLS, entries, 16);
	fakecore_note(&f, "LINUX", NT_386_TLS, entries + 4, 12);
	r = only_thread(&f, &p);
	ck_assert(!r.has_tls);
	ck_assert_int_eq(r.syscall, -1);
	parsed_drop(&p);
}
END_TEST

START_TEST(registers_of_aarch64)
{
	struct fakecore f;
	struct parsed p;
	uint64_t regs[64];
	static const uint32_t number = 98, none = UINT32_MAX;
	static const uint64_t tls[] = { 0x7f0000001000, 0 };
	machine_core(&f, &machines[2]);
	numbered(core_arch_find(EM_AARCH64, 8), regs);
	fakecore_thread_regs(&f, 1, 0, regs, 34);
	fakecore_note(&f, "LINUX", NT_ARM_TLS, tls, 16);
	fakecore_note(&f, "LINUX", NT_ARM_SYSTEM_CALL, &number, 4);
	struct core_regs r = only_thread(&f, &p);
	ck_assert_uint_eq(r.pc, 0x1000 + 32);
	ck_assert_uint_eq(r.sp, 0x1000 + 31);
	ck_assert(r.has_tls && r.has_syscall);
	ck_assert_uint_eq(r.tls, 0x7f0000001000);
	ck_assert_int_eq(r.syscall, 98);
	ck_assert_uint_eq(r.syscall_args[0], 0x1000);
	ck_assert_uint_eq(r.syscall_args[1], 0x1000 + 1);
	parsed_drop(&p);
	machine_core(&f, &machines[2]);
	fakecore_thread_regs(&f, 1, 0, regs, 34);
	fakecore_note(&f, "LINUX", NT_ARM_TLS, tls, 4);
	fakecore_note(&f, "LINUX", NT_ARM_SYSTEM_CALL, &none, 4);
	r = only_thread(&f, &p);
	ck_assert(!r.has_tls && r.has_syscall);
	ck_assert_int_eq(r.syscall, -1);
	parsed_drop(&p);
}
END_TEST

START_TEST(registers_of_arm)
{
	for (int m = 3; m <= 4; m++) {
		struct fakecore f;
		struct parsed p;
		uint64_t regs[64];
		AUTO_STR(tls);
		machine_core(&f, &machines[m]);
		numbered(core_arch_find(EM_ARM, 4), regs);
		regs[7] = 240;
		fakecore_thread_regs(&f, 1, 0, regs, 18);
		fake_uint(&tls, 0xb6f01234, 4, machines[m].order);
		fakecore_note(&f, "LINUX", NT_ARM_TLS, tls.bytes, tls.len);
		struct core_regs r = only_thread(&f, &p);
		ck_assert_uint_eq(r.pc, 0x1000 + 15);
		ck_assert_uint_eq(r.sp, 0x1000 + 13);
		ck_assert_uint_eq(r.tls, 0xb6f01234);
		ck_assert_int_eq(r.syscall, 240);
		ck_assert_uint_eq(r.syscall_args[0], 0x1000 + 17);
		ck_assert_uint_eq(r.syscall_args[1], 0x1000 + 1);
		parsed_drop(&p);
		machine_core(&f, &machines[m]);
		regs[17] = UINT32_MAX; /* orig_r0 outside of a system call */
		fakecore_thread_regs(&f, 1, 0, regs, 18);
		ck_assert_int_eq(only_thread(&f, &p).syscall, -1);
		parsed_drop(&p);
	}
}
END_TEST

START_TEST(registers_of_s390x)
{
	struct fakecore f;
	struct parsed p;
	uint64_t regs[64];
	machine_core(&f, &machines[5]);
	numbered(core_arch_find(EM_S390, 8), regs);
	regs[18] = 0x000003ff12345678; /* a0:a1 */
	fakecore_thread_regs(&f, 1, 0, regs, 27);
	fakecore_note(&f, "LINUX", NT_S390_SYSTEM_CALL, "\x00\x02\x00\xee", 4); /* svc, length 2 */
	struct core_regs r = only_thread(&f, &p);
	ck_assert_uint_eq(r.pc, 0x1000 + 1);
	ck_assert_uint_eq(r.sp, 0x1000 + 2 + 15);
	ck_assert_uint_eq(r.tls, 0x000003ff12345678);
	ck_assert(r.has_syscall);
	ck_assert_int_eq(r.syscall, 238);
	ck_assert_uint_eq(r.syscall_args[0], 0x1000 + 26);
	ck_assert_uint_eq(r.syscall_args[1], 0x1000 + 5);
	parsed_drop(&p);
	machine_core(&f, &machines[5]);
	fakecore_thread_regs(&f, 1, 0, regs, 27);
	fakecore_note(&f, "LINUX", NT_S390_SYSTEM_CALL, "\0\0\0\0", 4);
	ck_assert_int_eq(only_thread(&f, &p).syscall, -1);
	parsed_drop(&p);
}
END_TEST

START_TEST(registers_of_ppc64)
{
	static const struct {
		uint64_t trap;
		int64_t syscall;
	} rows[] = { { 0xc00, 221 }, { 0xc01, 221 }, { 0x3000, 221 }, { 0x300, -1 }, { 0, -1 } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fakecore f;
		struct parsed p;
		uint64_t regs[64];
		machine_core(&f, &machines[6]);
		numbered(core_arch_find(EM_PPC64, 8), regs);
		regs[0] = 221;
		regs[40] = rows[i].trap;
		fakecore_thread_regs(&f, 1, 0, regs, 48);
		struct core_regs r = only_thread(&f, &p);
		ck_assert_uint_eq(r.pc, 0x1000 + 32);
		ck_assert_uint_eq(r.sp, 0x1000 + 1);
		ck_assert_uint_eq(r.tls, 0x1000 + 13);
		ck_assert_int_eq(r.syscall, rows[i].syscall);
		ck_assert_uint_eq(r.syscall_args[0], 0x1000 + 34);
		ck_assert_uint_eq(r.syscall_args[1], 0x1000 + 4);
		parsed_drop(&p);
	}
}
END_TEST

START_TEST(rows_of_architectures_fit)
{
	for (int i = 0; i < N_MACHINES; i++) {
		const struct core_arch *a =
			core_arch_find(machines[i].machine, machines[i].ptr_size);
		ck_assert_ptr_nonnull(a);
		ck_assert_str_eq(a->name, machines[i].name);
		ck_assert_uint_eq(a->reg_size, a->ptr_size);
		/* pr_fpvalid and padding follow the registers */
		size_t after = a->prstatus_size - a->regs_at - a->regs_size;
		ck_assert_uint_eq(after, a->ptr_size);
		int n = (int)(a->regs_size / a->reg_size);
		ck_assert_int_lt(a->pc, n);
		ck_assert_int_lt(a->sp, n);
		ck_assert_int_lt(a->tls, n);
		ck_assert_int_lt(a->syscall, n);
		ck_assert_int_lt(a->syscall_args[0], n);
		ck_assert_int_lt(a->syscall_args[1], n);
		ck_assert_int_lt(a->in_call, n);
		ck_assert_int_gt(a->futex, 0);
	}
	ck_assert_ptr_null(core_arch_find(EM_X86_64, 4));
	ck_assert_ptr_null(core_arch_find(EM_NONE, 8));
}
END_TEST

static TCase *registers_case(void)
{
	TCase *t = tcase_create("registers");
	tcase_add_test(t, registers_of_x86);
	tcase_add_test(t, registers_of_i386);
	tcase_add_test(t, registers_of_aarch64);
	tcase_add_test(t, registers_of_arm);
	tcase_add_test(t, registers_of_s390x);
	tcase_add_test(t, registers_of_ppc64);
	tcase_add_test(t, rows_of_architectures_fit);
	return t;
}

Suite *suite_regs(void)
{
	Suite *s = suite_create("registers");
	suite_add_tcase(s, registers_case());
	return s;
}
