/* SPDX-License-Identifier: Apache-2.0 */
/* The functions inside of each other at addresses of this very program: as libdw finds them when it
 * is asked for all scopes; in any order of the addresses, for what was met is kept. */
#include "suites.h"

#include "../../src/unwind/elf.h"
#include "../../src/unwind/lines.h"

#include "pycore/opener.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

enum { STEP = 997 };

/* Names of the functions, innermost first. */
static size_t wanted_names(Dwarf_Die *unit, uint64_t addr, const char *ret[INLINED_MAX])
{
	Dwarf_Die *scopes = NULL, *around = NULL;
	size_t n = 0;
	int count = dwarf_getscopes(unit, addr, &scopes);
	/* those of an inlined function are where it is defined, not where it stands */
	int outer = count > 0 ? dwarf_getscopes_die(&scopes[0], &around) : 0;
	for (int i = 0; i < outer && n < INLINED_MAX; i++) {
		int tag = dwarf_tag(&around[i]);
		if (tag == DW_TAG_inlined_subroutine || tag == DW_TAG_subprogram)
			ret[n++] = dwarf_diename(&around[i]);
	}
	free(scopes);
	free(around);
	return n;
}

static bool find_unit(Dwarf *dw, uint64_t addr, Dwarf_Die *ret)
{
	Dwarf_Off next;
	size_t head;
	for (Dwarf_Off at = 0; !dwarf_nextcu(dw, at, &next, &head, NULL, NULL, NULL); at = next) {
		if (dwarf_offdie(dw, at + head, ret) && dwarf_haspc(ret, addr) > 0)
			return true;
	}
	return false;
}

static void compare(struct lines *l, Dwarf *dw, uint64_t addr, unsigned *compared)
{
	struct line_call calls[INLINED_MAX];
	const char *wanted[INLINED_MAX];
	Dwarf_Die unit;
	size_t n = lines_calls(l, addr, calls);
	if (!find_unit(dw, addr, &unit))
		return;
	size_t wanted_n = wanted_names(&unit, addr, wanted);
	if (!wanted_n)
		return;
	ck_assert_uint_eq(n, wanted_n);
	for (size_t i = 0; i < n; i++) {
		ck_assert_str_eq(calls[i].name, wanted[i]);
		ck_assert_int_eq(calls[i].inlined, i + 1 < n);
		ck_assert(!calls[i].line || calls[i].file); /* 0: the compiler names none */
	}
	compared[0]++;
	compared[1] += n > 1;
}

START_TEST(test_own_functions)
{
	struct file_map file, again;
	GElf_Shdr text;
	unsigned compared[2] = { 0 };
	ck_assert_ok(file_map_open("/proc/self/exe", OPEN_PROC, &file));
	ck_assert_ok(file_map_open("/proc/self/exe", OPEN_PROC, &again));
	Elf *elf = elf_open_file(&file), *other = elf_open_file(&again);
	ck_assert_ptr_nonnull(elf_section_named(elf, ".text", &text));
	struct lines *lines = lines_open(elf, NULL);
	Dwarf *dw = dwarf_begin_elf(other, DWARF_C_READ, NULL);
	ck_assert(lines_any(lines));
	for (uint64_t at = 0; at < text.sh_size; at += STEP) /* to and fro */
		compare(lines, dw, text.sh_addr + (at / STEP % 2 ? text.sh_size - at : at),
			compared);
	ck_assert_uint_gt(compared[0], 50);
	ck_assert_uint_gt(compared[1], 5);
	dwarf_end(dw);
	lines_close(lines);
	elf_end(elf);
	elf_end(other);
	file_map_close(&file);
	file_map_close(&again);
}
END_TEST

Suite *suite_inlined(void)
{
	Suite *s = suite_create("inlined");
	TCase *t = tcase_create("inlined");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_own_functions);
	suite_add_tcase(s, t);
	return s;
}
