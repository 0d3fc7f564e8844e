/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line tables: made by hand for each scheme, and all that the Pythons of this machine make of nasty
 * sources and of their own standard library, compared with what each says itself (lines_truth.py).
 */
#include "pythons.h"
#include "suites.h"

#include "pycore/alloc.h"
#include "pycore/python.h"

#include <ctype.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ENDED = -1000 }; /* an offset that ends a list */

struct row {
	int32_t offset;
	struct py_location at;
};

static const struct table {
	const char *name;
	enum lines_scheme scheme;
	int32_t firstlineno;
	const char *bytes;
	size_t size;
	struct row rows[12];
} tables[] = {
#define BYTES(s) s, sizeof(s) - 1
#define LINE(o, l)                                                                                 \
	{                                                                                          \
		(o),                                                                               \
		{                                                                                  \
			(l), -1, -1, -1                                                            \
		}                                                                                  \
	}
#define END                                                                                        \
	{                                                                                          \
		ENDED,                                                                             \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}
	{ "no table", LINES_LNOTAB, 7, BYTES(""), { LINE(-1, 7), LINE(0, 7), LINE(100, 7), END } },
	{ "steps", LINES_LNOTAB, 1, BYTES("\x04\x01\x06\x02"),
		{ LINE(-1, 1), LINE(0, 1), LINE(3, 1), LINE(4, 2), LINE(9, 2), LINE(10, 4),
			LINE(INT32_MAX, 4), END } },
	{ "back", LINES_LNOTAB, 10, BYTES("\x02\xff\x02\x80"),
		{ LINE(0, 10), LINE(2, 9), LINE(4, -119), END } },
	{ "unsigned", LINES_LNOTAB_UNSIGNED, 10, BYTES("\x02\xff\x02\x80"),
		{ LINE(0, 10), LINE(2, 265), LINE(4, 393), END } },
	{ "wide gaps", LINES_LNOTAB, 1, BYTES("\xff\x00\x05\x7f\x00\x05"),
		{ LINE(254, 1), LINE(259, 1), LINE(260, 133), END } },
	{ "a line before the first instruction", LINES_LNOTAB, 5, BYTES("\x00\x03\x02\x01"),
		{ LINE(-1, 5), LINE(0, 8), LINE(2, 9), END } },
	{ "half a pair", LINES_LNOTAB, 1, BYTES("\x02\x01\x02"), { LINE(2, 2), LINE(4, 2), END } },
	{ "ranges", LINES_RANGES, 10, BYTES("\x04\x01\x02\x80\x04\xfe"),
		{ LINE(-1, 10), LINE(0, 11), LINE(3, 11), LINE(4, -1), LINE(5, -1), LINE(6, 9),
			LINE(9, 9), LINE(10, -1), END } },
	{ "empty range", LINES_RANGES, 1, BYTES("\x00\x7f\x02\x03"),
		{ LINE(0, 131), LINE(2, -1), END } },
	{ "no ranges", LINES_RANGES, 3, BYTES(""), { LINE(-1, 3), LINE(0, -1), END } },
	{ "no locations", LINES_LOCATIONS, 3, BYTES(""), { LINE(-1, 3), LINE(0, -1), END } },
	{ "short form", LINES_LOCATIONS, 3, BYTES("\x80\x25\xc9\xff"),
		{ { 0, { 3, 3, 2, 7 } }, LINE(-5, 3), { 2, { 3, 3, 79, 94 } },
			{ 5, { 3, 3, 79, 94 } }, LINE(6, -1), END } },
	{ "one line", LINES_LOCATIONS, 3, BYTES("\xd0\x01\x02\xd8\x03\x04\xe0\xff\x06"),
		{ { 0, { 3, 3, 1, 2 } }, { 2, { 4, 4, 3, 4 } }, { 4, { 6, 6, 255, 6 } }, END } },
	{ "no columns", LINES_LOCATIONS, 3, BYTES("\xe8\x04\xe8\x05"),
		{ { 0, { 5, 5, -1, -1 } }, { 2, { 3, 3, -1, -1 } }, END } },
	{ "long form", LINES_LOCATIONS, 100, BYTES("\xf7\x43\x03\x02\x05\x0a"),
		{ { 0, { 3, 5, 4, 9 } }, END } },
	{ "no location keeps the line", LINES_LOCATIONS, 3, BYTES("\xe8\x04\xf8\xe8\x00"),
		{ { 0, { 5, 5, -1, -1 } }, LINE(2, -1), { 4, { 5, 5, -1, -1 } }, END } },
};

static void expect_place(const char *name, const struct row *row, const struct py_location *at)
{
	ck_assert_msg(at->line == row->at.line && at->end_line == row->at.end_line &&
			      at->column == row->at.column && at->end_column == row->at.end_column,
		"%s: offset %d: line %d to %d, columns %d to %d; expected line %d to %d, columns "
		"%d to %d",
		name, row->offset, at->line, at->end_line, at->column, at->end_column, row->at.line,
		row->at.end_line, row->at.column, row->at.end_column);
}

START_TEST(by_hand)
{
	const struct table *t = &tables[_i];
	struct py_location at;
	for (const struct row *row = t->rows; row->offset != ENDED; row++) {
		ck_assert_ok(py_lines_locate(t->scheme, (const uint8_t *)t->bytes, t->size,
			t->firstlineno, row->offset, &at));
		expect_place(t->name, row, &at);
	}
}
END_TEST

/* Damaged tables: an error, and the result untouched; or some place, never a read beyond the end
 * (which sanitizers see). */
static const struct {
	const char *bytes;
	size_t size;
} damaged[] = {
	{ BYTES("\x00") }, /* no head: bit 7 is not set */
	{ BYTES("\x80") }, /* cut behind each head */
	{ BYTES("\xd0\x01") },
	{ BYTES("\xe8") },
	{ BYTES("\xe8\x40") },
	{ BYTES("\xf0\x02\x00\x01") },
	{ BYTES("\xf0\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f") }, /* a number without end */
	{ BYTES("\x87\x00\x00\x00") },
};

START_TEST(damaged_locations)
{
	struct py_location at = { 1, 2, 3, 4 };
	ck_assert_err(py_lines_locate(LINES_LOCATIONS, (const uint8_t *)damaged[_i].bytes,
			      damaged[_i].size, 1, 1000, &at),
		ERR_CORRUPT);
	ck_assert_int_eq(at.line, 1);
	ck_assert_int_eq(at.end_column, 4);
}
END_TEST

/* The largest numbers that fit; sanitizers see what overflows. */
START_TEST(extreme_numbers)
{
	static const char most[] = "\xf7\x7f\x7f\x7f\x7f\x7f\x03\x7f\x7f\x7f\x7f\x7f\x03\x40\x40"
				   "\x40\x40\x40\x02\x40\x40\x40\x40\x40\x02";
	struct py_location at;
	for (int64_t first = INT32_MIN; first <= INT32_MAX; first += UINT32_MAX) {
		ck_assert_ok(py_lines_locate(LINES_LOCATIONS, (const uint8_t *)most,
			sizeof(most) - 1, (int32_t)first, 0, &at));
		for (int scheme = LINES_LNOTAB_UNSIGNED; scheme <= LINES_RANGES; scheme++)
			ck_assert_ok(py_lines_locate(scheme,
				(const uint8_t *)"\x00\x7f\x00\x7f\x00\x7f\x02\x80", 8,
				(int32_t)first, INT32_MAX, &at));
	}
}
END_TEST

START_TEST(random_tables)
{
	struct py_location at;
	uint32_t seed = 12345;
	uint8_t *bytes = xmalloc(64);
	for (int round = 0; round < 40000; round++) {
		size_t size = (seed >> 16) % 64;
		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
		uint8_t *exact = xmalloc(size);
		memcpy(exact, bytes, size);
		for (int scheme = LINES_LNOTAB_UNSIGNED; scheme <= LINES_LOCATIONS; scheme++)
			(void)failed(py_lines_locate(
				scheme, exact, size, (int32_t)seed, (int32_t)(seed >> 20), &at));
		free(exact);
	}
	free(bytes);
}
END_TEST

/* The truth of one Python as it is read, line by line. */
struct truth {
	FILE *from;
	char *line;
	size_t cap;
	unsigned long n_codes, n_places;
};

static bool next_line(struct truth *t)
{
	ssize_t n = getline(&t->line, &t->cap, t->from);
	if (n > 0 && t->line[n - 1] == '\n')
		t->line[n - 1] = '\0';
	return n > 0;
}

/* A table in hexadecimal, "-" for an empty one; malloc'ed. */
static uint8_t *take_table(const char *hex, size_t *ret)
{
	*ret = hex[0] == '-' ? 0 : strlen(hex) / 2;
	uint8_t *bytes = xmalloc(*ret);
	for (size_t i = 0; i < *ret; i++) {
		unsigned v;
		ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &v), 1);
		bytes[i] = (uint8_t)v;
	}
	return bytes;
}

/* Compares the instructions [from, to) of one code object, which all have the same place. */
static void compare(struct truth *t, enum lines_scheme scheme, const struct table *table,
	const struct row *row, int32_t to, int32_t step)
{
	struct py_location at;
	for (int32_t offset = row->offset; offset < to; offset += step) {
		struct row here = { offset, row->at };
		ck_assert_ok(py_lines_locate(scheme, (const uint8_t *)table->bytes, table->size,
			table->firstlineno, offset, &at));
		expect_place(table->name, &here, &at);
		t->n_places++;
	}
}

/* The rows behind a "code" line. */
static void compare_code(struct truth *t, enum lines_scheme scheme, const struct table *table)
{
	struct row *rows = NULL;
	size_t n = 0, cap = 0;
	struct row r;
	while (next_line(t) && isdigit((unsigned char)t->line[0])) {
		ck_assert_int_eq(sscanf(t->line, "%d %d %d %d %d", &r.offset, &r.at.line,
					 &r.at.end_line, &r.at.column, &r.at.end_column),
			5);
		rows = xgrow(rows, &cap, n, sizeof(*rows));
		rows[n++] = r;
	}
	int32_t size, step;
	ck_assert_int_eq(sscanf(t->line, "end %d %d", &size, &step), 2);
	for (size_t i = 0; i < n; i++)
		compare(t, scheme, table, &rows[i], i + 1 < n ? rows[i + 1].offset : size, step);
	free(rows);
	t->n_codes++;
}

static void compare_all(struct truth *t, const char *python)
{
	int scheme, at;
	ck_assert_msg(next_line(t) && sscanf(t->line, "scheme %d", &scheme) == 1,
		"%s: it says nothing", python);
	while (next_line(t)) {
		struct table table = { .name = python };
		ck_assert_int_eq(sscanf(t->line, "code %d %n", &table.firstlineno, &at), 1);
		uint8_t *bytes = take_table(t->line + at, &table.size);
		table.bytes = (const char *)bytes;
		compare_code(t, (enum lines_scheme)scheme, &table);
		free(bytes);
	}
}

START_TEST(as_python_says)
{
	glob_t pythons;
	ck_assert_uint_lt((size_t)_i, pythons_find(&pythons));
	const char *python = pythons.gl_pathv[_i];
	struct truth t = { .from = python_open(python, "lines_truth.py") };
	ck_assert_ptr_nonnull(t.from);
	compare_all(&t, python);
	ck_assert_msg(pclose(t.from) == 0, "%s: lines_truth.py failed", python);
	ck_assert_msg(t.n_codes > 300 && t.n_places > 20000,
		"%s: only %lu places in %lu code objects", python, t.n_places, t.n_codes);
	free(t.line);
	globfree(&pythons);
}
END_TEST

Suite *suite_lines(void)
{
	Suite *s = suite_create("lines");
	TCase *tc = tcase_create("lines");
	glob_t pythons;
	size_t n = pythons_find(&pythons);
	globfree(&pythons);
	tcase_add_loop_test(tc, by_hand, 0, ARRAY_LEN(tables));
	tcase_add_loop_test(tc, damaged_locations, 0, ARRAY_LEN(damaged));
	tcase_add_test(tc, extreme_numbers);
	tcase_add_test(tc, random_tables);
	tcase_add_loop_test(tc, as_python_says, 0, (int)n);
	if (!n)
		fputs("SKIP lines: there is no Python to compare with\n", stderr);
	tcase_set_timeout(tc, 120);
	suite_add_tcase(s, tc);
	return s;
}
