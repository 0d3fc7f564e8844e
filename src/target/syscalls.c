/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of system calls: syscalls.def has the numbers, syscalls_args.def the arguments. A call
 * that 32-bit machines got anew with times of 64 bits has its old name and "_time64".
 */
#include "syscalls.h"

#include "pycore/attr.h"
#include "pycore/str.h"

#include <elf.h>
#include <string.h>

enum column { X86_64, I386, AARCH64, ARM, S390X, PPC64, COLUMNS };

static const struct row {
	const char *name;
	int16_t number[COLUMNS];
} rows[] = {
#define S(name, ...) { #name, { __VA_ARGS__ } },
#include "syscalls.def"
#undef S
};

static const struct call {
	const char *name;
	uint8_t kinds[CALL_ARGS];
} calls[] = {
#define C(name, ...) { #name, { __VA_ARGS__ } },
#include "syscalls_args.def"
#undef C
};

static int column_of(const struct core_arch *arch)
{
	static const uint16_t machines[COLUMNS] = { [X86_64] = EM_X86_64,
		[I386] = EM_386,
		[AARCH64] = EM_AARCH64,
		[ARM] = EM_ARM,
		[S390X] = EM_S390,
		[PPC64] = EM_PPC64 };
	for (int i = 0; arch && i < COLUMNS; i++) {
		if (machines[i] == arch->machine)
			return i;
	}
	return -1;
}

/* i386 has an elder select, which takes one pointer to all its arguments. */
static bool is_packed(enum column column, const char *name)
{
	return column == I386 && !strcmp(name, "select");
}

static struct syscall_info describe(enum column column, const char *name)
{
	static const char mark[] = "_time64";
	struct syscall_info info = { .name = name, .time64 = text_ends(name, mark) };
	size_t n = strlen(name) - (info.time64 ? strlen(mark) : 0);
	for (size_t i = 0; i < ARRAY_LEN(calls) && !is_packed(column, name); i++) {
		if (!strncmp(calls[i].name, name, n) && !calls[i].name[n])
			info.kinds = calls[i].kinds;
	}
	return info;
}

struct syscall_info syscall_find(const struct core_arch *arch, int64_t number)
{
	int column = column_of(arch);
	for (size_t i = 0; column >= 0 && number >= 0 && i < ARRAY_LEN(rows); i++) {
		if (rows[i].number[column] == number)
			return describe((enum column)column, rows[i].name);
	}
	return (struct syscall_info){ 0 };
}

struct syscall_info syscall_named(const struct core_arch *arch, const char *name)
{
	int column = column_of(arch);
	for (size_t i = 0; column >= 0 && i < ARRAY_LEN(rows); i++) {
		if (!strcmp(rows[i].name, name) && rows[i].number[column] >= 0)
			return describe((enum column)column, rows[i].name);
	}
	return (struct syscall_info){ 0 };
}
