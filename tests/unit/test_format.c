/* SPDX-License-Identifier: Apache-2.0 */
/* Values as repr() writes them, by hand; test_format_truth.c has many more, which Python says. */
#include "suites.h"

#include "../../src/py/objects/format.h"
#include "format_expect.h"
#include "pycore/alloc.h"
#include "tempdir.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NEWEST = 0xffff, CHARACTERS = 0x110000 };

static const struct {
	double value;
	const char *repr, *part;
} floats[] = {
	{ 0.0, "0.0", "0" },
	{ -0.0, "-0.0", "-0" },
	{ 1, "1.0", "1" },
	{ -12.5, "-12.5", "-12.5" },
	{ 0.1, "0.1", "0.1" },
	{ 1e-4, "0.0001", "0.0001" },
	{ 1e-5, "1e-05", "1e-05" },
	{ 1.5e-7, "1.5e-07", "1.5e-07" },
	{ 1e15, "1000000000000000.0", "1000000000000000" },
	{ 9999999999999998, "9999999999999998.0", "9999999999999998" },
	{ 1e16, "1e+16", "1e+16" },
	{ 123456789012345678.0, "1.2345678901234568e+17", "1.2345678901234568e+17" },
	{ 1.7976931348623157e308, "1.7976931348623157e+308", "1.7976931348623157e+308" },
	{ 5e-324, "5e-324", "5e-324" },
	{ INFINITY, "inf", "inf" },
	{ -INFINITY, "-inf", "-inf" },
	{ NAN, "nan", "nan" },
	{ -NAN, "nan", "nan" },
};

static void check_floats(void)
{
	for (size_t i = 0; i < ARRAY_LEN(floats); i++) {
		AUTO_STR(repr);
		AUTO_STR(part);
		format_double(&repr, floats[i].value, true);
		format_double(&part, floats[i].value, false);
		expect_text(&repr, floats[i].repr, floats[i].repr);
		expect_text(&part, floats[i].part, floats[i].repr);
	}
}

START_TEST(floats_by_hand)
{
	check_floats();
}
END_TEST

/* In a locale that writes 0,5. */
START_TEST(floats_in_another_locale)
{
	static const char source[] =
		"LC_CTYPE\ncopy \"POSIX\"\nEND LC_CTYPE\nLC_NUMERIC\ndecimal_point "
		"\",\"\nthousands_sep \".\"\ngrouping 3;3\nEND LC_NUMERIC\n";
	struct tempdir dir;
	tempdir_init(&dir);
	AUTO_FREE char *file = tempdir_write(&dir, "source", source, sizeof(source) - 1);
	AUTO_FREE char *make = xasprintf("localedef -c -i '%s' '%s/comma' 2>&1", file, dir.path);
	FILE *made = popen(make, "r");
	ck_assert_ptr_nonnull(made);
	while (fgetc(made) != EOF)
		;
	pclose(made);
	setenv("LOCPATH", dir.path, 1);
	if (setlocale(LC_NUMERIC, "comma")) {
		AUTO_FREE char *half = xasprintf("%.1f", 0.5);
		ck_assert_str_eq(half, "0,5");
		check_floats();
		expect_int("75bcd15", "123456789");
		setlocale(LC_NUMERIC, "C");
	} else {
		fputs("SKIP format: localedef makes no locale here\n", stderr);
	}
	unsetenv("LOCPATH");
	tempdir_fini(&dir);
}
END_TEST

static const struct {
	const char *hex, *decimal;
} ints[] = {
	{ "0", "0" },
	{ "1", "1" },
	{ "-1", "-1" },
	{ "3e8", "1000" },
	{ "3fffffff", "1073741823" },
	{ "40000000", "1073741824" },
	{ "7fffffffffffffff", "9223372036854775807" },
	{ "8000000000000000", "9223372036854775808" },
	{ "-8000000000000000", "-9223372036854775808" },
	{ "8ac7230489e7ffff", "9999999999999999999" },
	{ "8ac7230489e80000", "10000000000000000000" },
	{ "1000000000000000000000000000001", "1329227995784915872903807060280344577" },
};

START_TEST(ints_by_hand)
{
	for (size_t i = 0; i < ARRAY_LEN(ints); i++)
		expect_int(ints[i].hex, ints[i].decimal);
}
END_TEST

START_TEST(malformed_ints)
{
	AUTO_STR(text);
	static const uint32_t zeros[] = { 5, 0, 7, 0, 0, 0 }, high[] = { 0xc0000005, 0xffff8000 };
	ck_assert(format_int(&text, zeros, 6, 30, false, 100));
	expect_text(&text, "8070450532247928837", "leading digits of value 0");
	str_clear(&text);
	ck_assert(format_int(&text, zeros + 3, 3, 30, true, 100));
	expect_text(&text, "0", "nothing but digits of value 0");
	str_clear(&text);
	ck_assert(format_int(&text, NULL, 0, 15, true, 1));
	expect_text(&text, "0", "no digits");
	str_clear(&text);
	ck_assert(format_int(&text, high, 2, 15, false, 100));
	expect_text(&text, "5", "bits above those of a digit");
	str_clear(&text);
	ck_assert(!format_int_head(&text, zeros, 6, UINT64_MAX >> 3, 30, true, 4));
	expect_text(&text, "-0x1c00... +17293822569102704645 more hexadecimal digits", "a lie");
	str_clear(&text);
	ck_assert(!format_int_head(&text, zeros + 3, 3, 4, 30, false, 4));
	expect_text(&text, "0x... +30 more hexadecimal digits", "nothing but zeros at hand");
}
END_TEST

/* However long it is and however many digits are wanted, and where 9 after 9 leaves open what the
 * digits before them are until all is known. */
START_TEST(long_ints_take_little_time)
{
	enum { N = 1000000, CPU_MS_MAX = 100 };
	static const unsigned wanted[] = { 0, 200, 1000, 10000, 100000 };
	uint32_t *digits = xmalloc(N * sizeof(*digits));
	for (size_t i = 0; i < N; i++)
		digits[i] = 0x2aaaaaaa ^ (uint32_t)i;
	for (size_t n = 1000; n <= N; n += n / 4) {
		for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
			AUTO_STR(text);
			clock_t before = clock();
			bool all = format_int(&text, digits, n, 30, false, wanted[i]);
			ck_assert_int_lt((clock() - before) * 1000 / CLOCKS_PER_SEC, CPU_MS_MAX);
			bool hexadecimal = text_starts(str_text(&text), "0x");
			ck_assert(!all || wanted[i] > n * 7);
			ck_assert(!hexadecimal || n * 30 > (wanted[i] > 200 ? 60000 : 1 << 20));
			ck_assert(hexadecimal || n * 30 <= 1 << 20);
		}
	}
	free(digits);
}
END_TEST

static void expect_str(
	const char *wanted, enum str_escapes escapes, const uint32_t *chars, size_t n)
{
	AUTO_STR(found);
	format_str(&found, escapes == ESCAPE_UNPRINTABLE ? "" : "u", chars, n, 0x0f00, escapes);
	expect_text(&found, wanted, wanted);
}

START_TEST(strings_by_hand)
{
	static const uint32_t mixed[] = { 'a', '\'', 0xe9, 0x85, 0x20ac, 0xdc80, 0x1f600, 0x110000,
		'\n', 0, 0x7f, '\\', 0xad, 0xffffffff };
	static const uint32_t pairs[] = { 0xd83d, 0xde00, 0xd83d, 0xd83d, 0xdbff, 0xdfff, 0xde00,
		0xd800 };
	const size_t n = ARRAY_LEN(mixed), m = ARRAY_LEN(pairs);
	expect_str("''", ESCAPE_UNPRINTABLE, NULL, 0);
	expect_str("\"a'\xc3\xa9\\x85\xe2\x82\xac\\udc80\xf0\x9f\x98\x80\\U00110000\\n\\x00\\x7f"
		   "\\\\\\xad\\Uffffffff\"",
		ESCAPE_UNPRINTABLE, mixed, n);
	expect_str("u\"a'\\xe9\\x85\\u20ac\\udc80\\U0001f600\\U00110000\\n\\x00\\x7f\\\\\\xad"
		   "\\Uffffffff\"",
		ESCAPE_NON_ASCII, mixed, n);
	expect_str("'\\ud83d\\ude00\\ud83d\\ud83d\\udbff\\udfff\\ude00\\ud800'", ESCAPE_UNPRINTABLE,
		pairs, m);
	expect_str("u'\\ud83d\\ude00\\ud83d\\ud83d\\udbff\\udfff\\ude00\\ud800'", ESCAPE_NON_ASCII,
		pairs, m);
	expect_str("u'\\U0001f600\\ud83d\\ud83d\\U0010ffff\\ude00\\ud800'", ESCAPE_NON_ASCII_UTF16,
		pairs, m);
}
END_TEST

/* Versions between two known ones, before and after all of them, and those that no Python of this
 * machine may have. */
START_TEST(versions_of_unicode)
{
	static const struct {
		uint32_t cp;
		uint16_t since;
	} news[] = {
		{ 0x20bf, 0x0a00 }, /* the bitcoin sign, of 10.0: which no CPython had */
		{ 0x1f97a, 0x0b00 },
		{ 0x32ff, 0x0c01 },
		{ 0x1fad6, 0x0d00 },
		{ 0x20c0, 0x0e00 },
		{ 0x1fae8, 0x0f00 },
		{ 0x2ffc, 0x0f01 },
		{ 0x1fae9, 0x1000 },
		{ 0x20c1, 0x1100 },
	};
	for (size_t i = 0; i < ARRAY_LEN(news); i++) {
		uint16_t since = news[i].since == 0x0a00 ? 0x0b00 : news[i].since;
		ck_assert(unicode_printable(news[i].cp, since));
		ck_assert(!unicode_printable(news[i].cp, (uint16_t)(since - 1)));
		ck_assert(!unicode_printable(news[i].cp, 0));
		ck_assert(unicode_printable(news[i].cp, NEWEST));
	}
	ck_assert(unicode_printable('a', 0));
	ck_assert(!unicode_printable(CHARACTERS, NEWEST));
	ck_assert(!unicode_printable(UINT32_MAX, NEWEST));
}
END_TEST

Suite *suite_format(void)
{
	Suite *s = suite_create("format");
	TCase *tc = tcase_create("format");
	tcase_add_test(tc, floats_by_hand);
	tcase_add_test(tc, floats_in_another_locale);
	tcase_add_test(tc, ints_by_hand);
	tcase_add_test(tc, malformed_ints);
	tcase_add_test(tc, long_ints_take_little_time);
	tcase_add_test(tc, strings_by_hand);
	tcase_add_test(tc, versions_of_unicode);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	return s;
}
