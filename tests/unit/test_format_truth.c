/* SPDX-License-Identifier: Apache-2.0 */
/* Tens of thousands of values as each Python of this machine itself writes them (format_truth.py),
 * and which characters it says are printable. */
#include "suites.h"

#include "../../src/py/objects/format.h"
#include "format_expect.h"
#include "pycore/attr.h"
#include "pythons.h"

#include <inttypes.h>
#include <string.h>

enum { CODES_MAX = 256, CHARACTERS = 0x110000 };

/* What one Python says, line by line. */
struct truth {
	FILE *from;
	char *line;
	size_t cap;
	const char *value, *repr; /* of the line */
	unsigned long lines;
	uint16_t unicode;
	enum str_escapes escapes;
	uint32_t characters; /* all below have been compared */
	struct str found;
};

static uint32_t take_hex(const char **at, int digits)
{
	char number[9] = "";
	int used = 0;
	unsigned v;
	memcpy(number, *at, strnlen(*at, (size_t)digits));
	if (sscanf(number, "%x%n", &v, &used) != 1)
		ck_abort_msg("what is %s?", *at);
	*at += used;
	return v;
}

static void expect_float(struct truth *t, bool dot_zero)
{
	uint64_t bits = strtoull(t->value, NULL, 16);
	double v;
	memcpy(&v, &bits, sizeof(v));
	format_double(&t->found, v, dot_zero);
	expect_text(&t->found, t->repr, t->value);
}

static void truth_float(struct truth *t)
{
	expect_float(t, true);
}

static void truth_part(struct truth *t)
{
	expect_float(t, false);
}

static void truth_int(struct truth *t)
{
	expect_int(t->value, t->repr);
}

static void truth_str(struct truth *t)
{
	uint32_t codes[CODES_MAX];
	size_t n = 0;
	for (const char *at = t->value; *at && *at != '-'; at += *at == ',') {
		if (n == CODES_MAX)
			ck_abort_msg("too long: %s", t->value);
		codes[n++] = take_hex(&at, 8);
	}
	format_str(&t->found, t->escapes == ESCAPE_UNPRINTABLE ? "" : "u", codes, n, t->unicode,
		t->escapes);
	expect_text(&t->found, t->repr, t->value);
}

static size_t take_bytes(struct truth *t, uint8_t *bytes)
{
	size_t n = 0;
	for (const char *at = t->value; *at && *at != '-';) {
		if (n == CODES_MAX)
			ck_abort_msg("too long: %s", t->value);
		bytes[n++] = (uint8_t)take_hex(&at, 2);
	}
	return n;
}

static void truth_bytes(struct truth *t)
{
	uint8_t bytes[CODES_MAX];
	size_t n = take_bytes(t, bytes);
	format_bytes(&t->found, t->escapes == ESCAPE_UNPRINTABLE ? "b" : "", bytes, n);
	expect_text(&t->found, t->repr, t->value);
}

static void truth_bytearray(struct truth *t)
{
	uint8_t bytes[CODES_MAX];
	size_t n = take_bytes(t, bytes);
	format_bytearray(&t->found, bytes, n);
	expect_text(&t->found, t->repr, t->value);
}

static void compare_characters(struct truth *t, uint32_t to, bool printable)
{
	for (; t->characters < to; t->characters++) {
		if (unicode_printable(t->characters, t->unicode) != printable)
			ck_abort_msg("U+%04" PRIX32 " is%s printable in Unicode %#x", t->characters,
				printable ? "" : " not", t->unicode);
	}
}

static void truth_printable(struct truth *t)
{
	compare_characters(t, (uint32_t)strtoul(t->value, NULL, 16), false);
	compare_characters(t, (uint32_t)strtoul(t->repr, NULL, 16) + 1, true);
}

static void truth_end(struct truth *t)
{
	if (t->characters)
		compare_characters(t, CHARACTERS, false);
}

static void truth_unicode(struct truth *t)
{
	t->unicode = (uint16_t)strtoul(t->value, NULL, 16);
	bool narrow = !strcmp(t->repr, "ffff");
	t->escapes = t->unicode >= 0x0900 ? ESCAPE_UNPRINTABLE
		     : narrow		  ? ESCAPE_NON_ASCII_UTF16
					  : ESCAPE_NON_ASCII;
}

static const struct {
	const char *name;
	void (*compare)(struct truth *t);
} kinds[] = {
	{ "unicode", truth_unicode },
	{ "float", truth_float },
	{ "part", truth_part },
	{ "int", truth_int },
	{ "str", truth_str },
	{ "bytes", truth_bytes },
	{ "bytearray", truth_bytearray },
	{ "printable", truth_printable },
	{ "end", truth_end },
};

/* Returns whether the line is "end". */
static bool compare_line(struct truth *t)
{
	char *rest = t->line;
	const char *kind = strsep(&rest, " ");
	t->value = strsep(&rest, " ");
	t->repr = rest ? rest : "";
	str_clear(&t->found);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!strcmp(kind, kinds[i].name)) {
			kinds[i].compare(t);
			t->lines++;
			return kinds[i].compare == truth_end;
		}
	}
	ck_abort_msg("what is %s?", kind);
}

START_TEST(as_python_says)
{
	glob_t pythons;
	ck_assert_uint_lt((size_t)_i, pythons_find(&pythons));
	const char *python = pythons.gl_pathv[_i];
	struct truth t = { .from = python_open(python, "format_truth.py") };
	ck_assert_ptr_nonnull(t.from);
	bool end = false;
	while (!end) {
		ssize_t n = getline(&t.line, &t.cap, t.from);
		if (n <= 0)
			ck_abort_msg("%s: only %lu lines", python, t.lines);
		t.line[n - 1] = '\0';
		end = compare_line(&t);
	}
	ck_assert_int_eq(pclose(t.from), 0);
	ck_assert_uint_gt(t.lines, 70000);
	ck_assert_int_eq(t.characters == CHARACTERS, t.unicode >= 0x0900);
	str_fini(&t.found);
	free(t.line);
	globfree(&pythons);
}
END_TEST

Suite *suite_format_truth(void)
{
	Suite *s = suite_create("format_truth");
	TCase *tc = tcase_create("format_truth");
	glob_t pythons;
	size_t n = pythons_find(&pythons);
	globfree(&pythons);
	tcase_add_loop_test(tc, as_python_says, 0, (int)n);
	if (!n)
		fputs("SKIP format_truth: there is no Python to compare with\n", stderr);
	tcase_set_timeout(tc, 300);
	suite_add_tcase(s, tc);
	return s;
}
