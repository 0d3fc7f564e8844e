/* SPDX-License-Identifier: Apache-2.0 */
/* Values of this machine as Python writes them: no target, no layout, no locale. */
#pragma once

#include "pycore/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* repr() of a float: the shortest digits that read back as the same number, exponents below 1e-4
 * and from 1e16 on. dot_zero: "1.0", not "1" (the parts of a complex have none). */
void format_double(struct str *to, double v, bool dot_zero);

/*
 * A whole number in decimal: n digits of digit_bits bits (15 or 30), least significant first;
 * higher bits of a digit are ignored, and so are digits of value 0 at the end. At most max_digits
 * decimal digits, then how many more there are: "12345... +812 more digits"; returns false if any
 * were left out. What is shown is exact, and so is the count.
 *
 * The time is bounded: where it would not do for decimal digits (all of more than some 60 000 bits,
 * the first of FORMAT_INT_BITS_MAX), the number is written in hexadecimal, cut likewise:
 * "0x1f... +9000 more hexadecimal digits".
 */
bool format_int(struct str *to, const uint32_t *digits, size_t n, unsigned digit_bits,
	bool negative, unsigned max_digits);
enum { FORMAT_INT_BITS_MAX = 1 << 20 };

/* The same, always in hexadecimal, of a number of which only the n most significant digits are at
 * hand: n_below more lie below them. 4 * max_digits + digit_bits + 3 bits are enough; with less,
 * fewer are shown. */
bool format_int_head(struct str *to, const uint32_t *digits, size_t n, uint64_t n_below,
	unsigned digit_bits, bool negative, unsigned max_digits);

/* What repr() of a str escapes beyond what is not printable in ASCII. */
enum str_escapes {
	ESCAPE_UNPRINTABLE, /* what is not printable in that version of Unicode, lone surrogates */
	ESCAPE_NON_ASCII, /* 2.7 */
	ESCAPE_NON_ASCII_UTF16, /* 2.7 with UTF-16: a surrogate pair is one character */
};

/*
 * repr() of a str whose first n characters are at hand: quotes, escapes, and what is not printable
 * in that version of Unicode (0x0f00: 15.0). Printable characters are written as UTF-8.
 * prefix: "u" or "".
 */
void format_str(struct str *to, const char *prefix, const uint32_t *chars, size_t n,
	uint16_t unicode, enum str_escapes escapes);
/* repr() of bytes: \x for all that is not ASCII. 2.7's str has no prefix. */
void format_bytes(struct str *to, const char *prefix, const uint8_t *bytes, size_t n);
/* What is between the brackets of a bytearray's repr() to 3.14: b'...', in which ' is always
 * escaped. */
void format_bytearray(struct str *to, const uint8_t *bytes, size_t n);

/* str.isprintable() of one character, by the Unicode of that version. Versions in between known
 * ones count as the older one, those before and after all as the nearest: see printable.inc. */
bool unicode_printable(uint32_t cp, uint16_t unicode);
