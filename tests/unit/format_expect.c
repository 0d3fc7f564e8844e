/* SPDX-License-Identifier: Apache-2.0 */
#include "format_expect.h"

#include "../../src/py/objects/format.h"
#include "pycore/alloc.h"
#include "suites.h"

#include <string.h>

void expect_text(const struct str *found, const char *wanted, const char *of)
{
	if (strcmp(str_text(found), wanted) != 0) /* asking Check each time would take long */
		ck_abort_msg("%.200s: %.200s, expected %.200s", of, str_text(found), wanted);
}

/* A whole number and what is known of it. */
struct whole {
	const char *hex, *decimal; /* without the sign */
	bool negative;
	uint32_t *digits;
	size_t n;
	unsigned digit_bits;
};

static void take_digits(struct whole *w)
{
	size_t len = strlen(w->hex);
	w->n = (len * 4 + w->digit_bits - 1) / w->digit_bits;
	w->digits = xcalloc(w->n, sizeof(*w->digits));
	for (size_t bit = 0; bit < len * 4; bit++) {
		char c = w->hex[len - 1 - bit / 4];
		uint32_t nibble = (uint32_t)(c >= 'a' ? c - 'a' + 10 : c - '0');
		w->digits[bit / w->digit_bits] |= (nibble >> bit % 4 & 1) << bit % w->digit_bits;
	}
}

/* The first digits, and what is said of the others. */
static char *cut(const struct whole *w, const char *prefix, const char *digits, size_t shown,
	const char *what)
{
	size_t more = strlen(digits) - shown;
	const char *sign = w->negative ? "-" : "";
	if (!more)
		return xasprintf("%s%s%s", sign, prefix, digits);
	return xasprintf("%s%s%.*s... +%zu more %s%s", sign, prefix, (int)shown, digits, more, what,
		more == 1 ? "" : "s");
}

static void expect_decimal(const struct whole *w, size_t max)
{
	size_t len = strlen(w->decimal);
	AUTO_FREE char *wanted = cut(w, "", w->decimal, len < max ? len : max, "digit");
	AUTO_STR(found);
	bool all = format_int(&found, w->digits, w->n, w->digit_bits, w->negative, (unsigned)max);
	expect_text(&found, wanted, w->hex);
	if (all != (max >= len))
		ck_abort_msg("%.200s: %d", w->hex, all);
}

/* With the lowest digits not at hand. */
static void expect_hexadecimal(const struct whole *w, size_t below, size_t max)
{
	size_t len = strlen(w->hex), here = len - (below * w->digit_bits + 3) / 4;
	size_t shown = here < max ? here : max;
	AUTO_FREE char *wanted = cut(w, "0x", w->hex, shown, "hexadecimal digit");
	AUTO_STR(found);
	bool all = format_int_head(&found, w->digits + below, w->n - below, below, w->digit_bits,
		w->negative, (unsigned)max);
	expect_text(&found, wanted, w->hex);
	if (all != (shown == len))
		ck_abort_msg("%.200s: %d", w->hex, all);
}

void expect_int(const char *hex, const char *decimal)
{
	static const size_t cuts[] = { 0, 1, 17, 18, 19, 20, 37, 38, 39, 57, 100, 200, 1000 };
	struct whole w = { .negative = *hex == '-' };
	w.hex = hex + w.negative;
	w.decimal = decimal + w.negative;
	size_t len = strlen(w.decimal);
	for (w.digit_bits = 15; w.digit_bits <= 30; w.digit_bits += 15) {
		take_digits(&w);
		expect_decimal(&w, 100000);
		expect_decimal(&w, len);
		expect_decimal(&w, len - 1);
		expect_decimal(&w, len / 2);
		for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
			expect_decimal(&w, cuts[i]);
			if (*w.hex != '0')
				expect_hexadecimal(&w, i < w.n ? i : 0, cuts[i]);
		}
		free(w.digits);
	}
}
