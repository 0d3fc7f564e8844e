/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line tables made by hand, of versions 2 and 5; damaged ones; and that of this very program, whose
 * every line is compared with what libdw says.
 */
#include "suites.h"

#include "../../src/unwind/elf.h"
#include "../../src/unwind/lines.h"
#include "../../src/unwind/linetable.h"
#include "../support/fakecore.h"

#include "pycore/opener.h"
#include "pycore/str.h"

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
	struct linetable t = { .order = ORDER_LITTLE,
		.lines = { (const uint8_t *)s->bytes, s->len } };
	linetable_init(&t);
	return t;
}

#define ck_assert_line(t, addr, wanted_file, wanted_line)                                          \
	do {                                                                                       \
		const char *file_;                                                                 \
		int line_;                                                                         \
		ck_assert(linetable_find(t, addr, &file_, &line_));                                \
		ck_assert_str_eq(file_, wanted_file);                                              \
		ck_assert_int_eq(line_, wanted_line);                                              \
	} while (0)

START_TEST(test_by_hand)
{
	static const unsigned forms[] = { 2, 3, 4, 5 };
	AUTO_STR(s);
	const char *file;
	int line;
	make(&s, forms[_i]);
	struct linetable t = table_of(&s);
	ck_assert_uint_eq(t.n, 1);
	ck_assert_line(&t, 0x1000, "sub/a.c", 10);
	ck_assert_line(&t, 0x1003, "sub/a.c", 10);
	ck_assert_line(&t, 0x1004, "sub/a.c", 12);
	ck_assert_line(&t, 0x100f, "sub/a.c", 12);
	ck_assert_line(&t, 0x1010, "/abs/b.c", 7);
	ck_assert_line(&t, 0x101f, "/abs/b.c", 7);
	ck_assert(!linetable_find(&t, 0xfff, &file, &line));
	ck_assert(!linetable_find(&t, 0x1020, &file, &line));
	linetable_fini(&t);
}
END_TEST

/* Cut off anywhere, or with any byte changed. */
START_TEST(test_damage)
{
	AUTO_STR(whole);
	AUTO_STR(s);
	const char *file;
	int line;
	make(&whole, _i ? 5 : 3);
	make(&whole, _i ? 4 : 2);
	for (size_t i = 0; i < whole.len * 257; i++) {
		str_clear(&s);
		str_add(&s, whole.bytes, i < whole.len ? i : whole.len);
		if (i >= whole.len)
			s.bytes[i % whole.len] = (char)(i / whole.len - 1);
		struct linetable t = table_of(&s);
		(void)linetable_find(&t, 0x1004, &file, &line);
		linetable_fini(&t);
	}
}
END_TEST

static bool same_file(const char *a, const char *b)
{
	size_t x = strlen(a), y = strlen(b);
	return x < y ? !strcmp(b + (y - x), a) : !strcmp(a + (x - y), b);
}

START_TEST(test_own_lines)
{
	struct file_map file;
	struct linetable t;
	struct line_call calls[INLINED_MAX];
	unsigned compared = 0;
	ck_assert_ok(file_map_open("/proc/self/exe", OPEN_PROC, &file));
	Elf *elf = elf_open_file(&file);
	ck_assert_ptr_nonnull(elf);
	ck_assert(linetable_open(&t, elf, ORDER_LITTLE));
	struct lines *lines = lines_open(elf);
	for (size_t i = 0; i < t.n; i++) {
		for (uint64_t addr = t.list[i].start; addr < t.list[i].end; addr += 61) {
			const char *path = NULL;
			int line = 0;
			calls[0] = (struct line_call){ 0 };
			(void)lines_calls(lines, addr, calls);
			if (!calls[0].line)
				continue;
			ck_assert(linetable_find(&t, addr, &path, &line));
			if (line != calls[0].line || !path || !same_file(path, calls[0].file))
				ck_abort_msg("%#lx: %s:%d, not %s:%d", (unsigned long)addr, path,
					line, calls[0].file, calls[0].line);
			compared++;
		}
	}
	ck_assert_uint_gt(compared, 1000);
	lines_close(lines);
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
	tcase_add_loop_test(t, test_by_hand, 0, 4);
	tcase_add_loop_test(t, test_damage, 0, 2);
	tcase_add_test(t, test_own_lines);
	suite_add_tcase(s, t);
	return s;
}
