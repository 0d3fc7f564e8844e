/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line tables made by hand, of versions 2 and 5; damaged ones; and that of this very program, whose
 * every line is compared with what libdw says.
 */
#include "suites.h"

#include "../../src/unwind/elf.h"
#include "../../src/unwind/linetable.h"
#include "../support/fakecore.h"

#include "pycore/opener.h"
#include "pycore/str.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <string.h>

static const char lengths[] = "\0\1\1\1\1\0\0\0\1\0\0\1";

/* A unit of one file and one sequence: line 10 at 0x1000, 12 at 0x1004, 7 of the other file at
 * 0x1010; its end is 0x1020. */
static const char program[] =
	"\0\x09\x02\x00\x10\0\0\0\0\0\0" /* set_address 0x1000 */
	"\x03\x09\x01" /* advance_line 9, copy */
	"\x4c" /* special: address + 4, line + 2 */
	"\x04\x02\x03\x7b\x02\x0c\x01" /* file 2, line - 5, address + 12, copy */
	"\x09\x10\x00" /* fixed_advance_pc 16 */
	"\0\x01\x01"; /* end_sequence */

static void put_unit(struct str *to, unsigned form, const struct str *names)
{
	AUTO_STR(header);
	AUTO_STR(unit);
	str_putc(&header, 1);
	if (form >= 4)
		str_putc(&header, 1);
	str_putc(&header, 1);
	str_putc(&header, -5); /* line_base */
	str_putc(&header, 14);
	str_putc(&header, 13);
	str_add(&header, lengths, 12);
	str_add(&header, names->bytes, names->len);
	fake_uint(&unit, form, 2, ORDER_LITTLE);
	if (form == 5)
		str_add(&unit, "\x08\x00", 2);
	fake_uint(&unit, header.len, 4, ORDER_LITTLE);
	str_add(&unit, header.bytes, header.len);
	str_add(&unit, program, sizeof(program) - 1);
	fake_uint(to, unit.len, 4, ORDER_LITTLE);
	str_add(to, unit.bytes, unit.len);
}

static void make(struct str *to, unsigned form)
{
	static const char two[] = "sub\0other\0\0a.c\0\1\0\0/abs/b.c\0\0\0\0\0";
	static const char five[] = "\1\1\x08\2/home\0sub\0" /* directories: paths as texts */
				   "\2\1\x08\2\x0b\3x.c\0\0a.c\0\1/abs/b.c\0\0";
	AUTO_STR(names);
	str_add(&names, form == 5 ? five : two, form == 5 ? sizeof(five) - 1 : sizeof(two) - 1);
	put_unit(to, form, &names);
}

static struct linetable table_of(const struct str *s)
{
	return (struct linetable){
		.order = ORDER_LITTLE, .ptr_size = 8, .lines = { (const uint8_t *)s->bytes, s->len }
	};
}

#define ck_assert_line(t, told, addr, wanted_file, wanted_line)                                    \
	do {                                                                                       \
		struct line_place place_;                                                          \
		ck_assert(linetable_find(t, told, addr, &place_));                                 \
		ck_assert_str_eq(linetable_file(t, place_.unit, place_.file, "/in"), wanted_file); \
		ck_assert_int_eq(place_.line, wanted_line);                                        \
	} while (0)

/* Whether the unit is told or not. */
START_TEST(test_by_hand)
{
	static const unsigned forms[] = { 2, 3, 4, 5 };
	AUTO_STR(s);
	struct line_place place;
	make(&s, forms[_i / 2]);
	struct linetable t = table_of(&s);
	size_t unit = _i % 2 ? LINE_UNIT_UNKNOWN : 0;
	ck_assert_line(&t, unit, 0x1000, "sub/a.c", 10);
	ck_assert_line(&t, unit, 0x1003, "sub/a.c", 10);
	ck_assert_line(&t, unit, 0x1004, "sub/a.c", 12);
	ck_assert_line(&t, unit, 0x100f, "sub/a.c", 12);
	ck_assert_line(&t, unit, 0x1010, "/abs/b.c", 7);
	ck_assert_line(&t, unit, 0x101f, "/abs/b.c", 7);
	ck_assert(!linetable_find(&t, unit, 0xfff, &place));
	ck_assert(!linetable_find(&t, unit, 0x1020, &place));
	ck_assert(!linetable_find(&t, 1, 0x1000, &place));
	ck_assert(!linetable_find(&t, s.len, 0x1000, &place));
	ck_assert_ptr_null(linetable_file(&t, 0, 7, NULL));
	linetable_fini(&t);
}
END_TEST

/* Only up to version 4 a file can be in the folder that the table does not hold. */
START_TEST(test_compiled_in)
{
	static const char names[] = "\0a.c\0\0\0\0\0";
	AUTO_STR(s);
	AUTO_STR(list);
	str_add(&list, names, sizeof(names) - 1);
	put_unit(&s, 4, &list);
	struct linetable t = table_of(&s);
	ck_assert_line(&t, 0, 0x1000, "/in/a.c", 10);
	ck_assert_str_eq(linetable_file(&t, 0, 1, NULL), "a.c");
	linetable_fini(&t);
}
END_TEST

/* What looks like the beginning of a sequence, nearer to the address than the true one. */
START_TEST(test_false_mark)
{
	AUTO_STR(s);
	struct line_place place;
	make(&s, 5);
	fake_uint(&s, 40, 4, ORDER_LITTLE);
	fake_uint(&s, 3, 2, ORDER_LITTLE);
	fake_uint(&s, 20, 4, ORDER_LITTLE);
	str_add(&s, "\1\1\xfb\x0e\x0d", 5);
	str_add(&s, lengths, 12);
	str_add(&s, "\0\0\0", 3);
	str_add(&s, "\x03\0\x09\x02\x08\x10\0\0\0\0\0\0\x01\0", 14);
	struct linetable t = table_of(&s);
	ck_assert(linetable_find(&t, LINE_UNIT_UNKNOWN, 0x1009, &place));
	ck_assert_uint_eq(place.unit, 0);
	ck_assert_int_eq(place.line, 12);
	ck_assert_uint_eq(t.n_marks, 2);
	linetable_fini(&t);
}
END_TEST

/* Cut off anywhere, or with any byte changed. */
START_TEST(test_damage)
{
	AUTO_STR(whole);
	AUTO_STR(s);
	struct line_place place;
	make(&whole, _i ? 5 : 3);
	make(&whole, _i ? 4 : 2);
	for (size_t i = 0; i < whole.len * 257; i++) {
		str_clear(&s);
		str_add(&s, whole.bytes, i < whole.len ? i : whole.len);
		if (i >= whole.len)
			s.bytes[i % whole.len] = (char)(i / whole.len - 1);
		struct linetable t = table_of(&s);
		if (linetable_find(&t, i % 2 ? 0 : LINE_UNIT_UNKNOWN, 0x1004, &place))
			(void)linetable_file(&t, place.unit, place.file, "/in");
		linetable_fini(&t);
	}
}
END_TEST

/* Compares an address of a unit, with the unit told and untold; false: there is no line. */
static bool compare(struct linetable *t, Dwarf_Die *unit, size_t table, uint64_t addr)
{
	struct line_place place, untold;
	Dwarf_Attribute attr;
	int wanted = 0;
	Dwarf_Line *line = dwarf_getsrc_die(unit, addr);
	if (!line || dwarf_lineno(line, &wanted) || !wanted)
		return false;
	ck_assert(linetable_find(t, table, addr, &place));
	ck_assert(linetable_find(t, LINE_UNIT_UNKNOWN, addr, &untold));
	const char *in = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attr));
	const char *file = linetable_file(t, place.unit, place.file, in);
	const char *wanted_file = dwarf_linesrc(line, NULL, NULL);
	if (place.line != wanted || !file || strcmp(file, wanted_file) != 0)
		ck_abort_msg("%#lx: %s:%d, not %s:%d", (unsigned long)addr, file, place.line,
			wanted_file, wanted);
	ck_assert_uint_eq(place.unit, table);
	ck_assert_uint_eq(untold.unit, table);
	ck_assert_uint_eq(untold.file, place.file);
	ck_assert_int_eq(untold.line, place.line);
	return true;
}

static unsigned compare_unit(struct linetable *t, Dwarf_Die *unit)
{
	Dwarf_Attribute attr;
	Dwarf_Word table;
	Dwarf_Addr base, start, end;
	unsigned compared = 0;
	if (dwarf_formudata(dwarf_attr(unit, DW_AT_stmt_list, &attr), &table))
		return 0;
	for (ptrdiff_t at = 0; (at = dwarf_ranges(unit, at, &base, &start, &end)) > 0;) {
		for (uint64_t addr = start; addr < end; addr += 61)
			compared += compare(t, unit, table, addr);
	}
	return compared;
}

START_TEST(test_own_lines)
{
	struct file_map file;
	struct linetable t;
	Dwarf_Off next;
	Dwarf_Die unit;
	size_t head;
	unsigned compared = 0;
	ck_assert_ok(file_map_open("/proc/self/exe", OPEN_PROC, &file));
	Elf *elf = elf_open_file(&file);
	ck_assert_ptr_nonnull(elf);
	ck_assert(linetable_open(&t, elf));
	Dwarf *dw = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	ck_assert_ptr_nonnull(dw);
	for (Dwarf_Off at = 0; !dwarf_nextcu(dw, at, &next, &head, NULL, NULL, NULL); at = next) {
		if (dwarf_offdie(dw, at + head, &unit))
			compared += compare_unit(&t, &unit);
	}
	ck_assert_uint_gt(compared, 1000);
	dwarf_end(dw);
	linetable_fini(&t);
	elf_end(elf);
	file_map_close(&file);
}
END_TEST

Suite *suite_linetable(void)
{
	Suite *s = suite_create("linetable");
	TCase *t = tcase_create("linetable");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, test_by_hand, 0, 8);
	tcase_add_test(t, test_compiled_in);
	tcase_add_test(t, test_false_mark);
	tcase_add_loop_test(t, test_damage, 0, 2);
	tcase_add_test(t, test_own_lines);
	suite_add_tcase(s, t);
	return s;
}
