/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quotes and escapes of str, unicode, bytes and bytearray as the repr() of each has them (CPython,
 * Objects/unicodeobject.c, bytesobject.c, bytearrayobject.c): single quotes, unless there are
 * single but no double ones inside.
 */
#include "format.h"

static void put_hex(struct str *to, char letter, uint32_t v, unsigned digits)
{
	str_putc(to, '\\');
	str_putc(to, letter);
	while (digits--)
		str_putc(to, "0123456789abcdef"[v >> 4 * digits & 0xf]);
}

static void put_escaped(struct str *to, uint32_t cp)
{
	if (cp < 0x100)
		put_hex(to, 'x', cp, 2);
	else if (cp < 0x10000)
		put_hex(to, 'u', cp, 4);
	else
		put_hex(to, 'U', cp, 8);
}

/* What all of them write alike: escape is a quote that needs a backslash. False: nothing is
 * written, it is no printable ASCII. */
static bool put_ascii(struct str *to, uint32_t c, char escape)
{
	if (c == '\\' || c == (unsigned char)escape || c == '\t' || c == '\n' || c == '\r')
		str_putc(to, '\\');
	else if (c < ' ' || c >= 0x7f)
		return false;
	str_putc(to, c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : (char)c);
	return true;
}

/* The quote around what holds single or double quotes. */
static char quote_for(bool has_single, bool has_double)
{
	return has_single && !has_double ? '"' : '\'';
}

static bool is_pair(const uint32_t *chars, size_t n)
{
	return n > 1 && chars[0] >= 0xd800 && chars[0] < 0xdc00 && chars[1] >= 0xdc00 &&
	       chars[1] < 0xe000;
}

void format_str(struct str *to, const char *prefix, const uint32_t *chars, size_t n,
	uint16_t unicode, enum str_escapes escapes)
{
	bool has_single = false, has_double = false;
	for (size_t i = 0; i < n; i++) {
		has_single |= chars[i] == '\'';
		has_double |= chars[i] == '"';
	}
	char quote = quote_for(has_single, has_double);
	str_puts(to, prefix);
	str_putc(to, quote);
	for (size_t i = 0; i < n; i++) {
		uint32_t c = chars[i];
		if (put_ascii(to, c, quote))
			continue;
		if (escapes == ESCAPE_UNPRINTABLE && unicode_printable(c, unicode)) {
			str_put_utf8(to, c);
			continue;
		}
		if (escapes == ESCAPE_NON_ASCII_UTF16 && is_pair(chars + i, n - i))
			c = 0x10000 + ((c & 0x3ff) << 10) + (chars[++i] & 0x3ff);
		put_escaped(to, c);
	}
	str_putc(to, quote);
}

static char quote_of_bytes(const uint8_t *bytes, size_t n)
{
	bool has_single = false, has_double = false;
	for (size_t i = 0; i < n; i++) {
		has_single |= bytes[i] == '\'';
		has_double |= bytes[i] == '"';
	}
	return quote_for(has_single, has_double);
}

static void put_bytes(struct str *to, const uint8_t *bytes, size_t n, char quote, char escape)
{
	str_putc(to, quote);
	for (size_t i = 0; i < n; i++) {
		if (!put_ascii(to, bytes[i], escape))
			put_escaped(to, bytes[i]);
	}
	str_putc(to, quote);
}

void format_bytes(struct str *to, const char *prefix, const uint8_t *bytes, size_t n)
{
	char quote = quote_of_bytes(bytes, n);
	str_puts(to, prefix);
	put_bytes(to, bytes, n, quote, quote);
}

void format_bytearray(struct str *to, const uint8_t *bytes, size_t n)
{
	str_putc(to, 'b');
	put_bytes(to, bytes, n, quote_of_bytes(bytes, n), '\'');
}
