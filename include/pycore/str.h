/* SPDX-License-Identifier: Apache-2.0 */
/* struct str: a growing byte string, always NUL-terminated. Zero-initialised is empty and ready. */
#pragma once

#include "pycore/attr.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	char *bytes; /* NULL while empty; use str_text() where a C string is needed */
	size_t len; /* without the NUL */
	size_t cap;
};

void str_add(struct str *s, const void *bytes, size_t n);
void str_puts(struct str *s, const char *text);
void str_putc(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void str_vaddf(struct str *s, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* Appends one code point as UTF-8. Lone surrogates are written in their three bytes (WTF-8): what
 * comes from a target keeps them, and `out` escapes them. cp must be at most 0x10ffff. */
void str_put_utf8(struct str *s, uint32_t cp);
/* The reverse: one code point from n > 0 bytes, surrogates allowed. Its length; 0: these bytes are
 * none. */
size_t utf8_get(const void *bytes, size_t n, uint32_t *ret);
/* U+D800 to U+DFFF: halves of UTF-16, which are no characters by themselves. */
static inline bool utf8_is_surrogate(uint32_t cp)
{
	return cp >= 0xd800 && cp <= 0xdfff;
}
/* Keeps the first len bytes; len must be at most s->len. */
void str_cut(struct str *s, size_t len);
/* Forgets the content and keeps the memory. */
void str_clear(struct str *s);
/* The content as a C string, never NULL; valid until the next change. */
const char *str_text(const struct str *s);
void str_fini(struct str *s);

/* Declares a struct str that frees itself: AUTO_STR(line); */
#define AUTO_STR(name) CLEANUP(str_fini) struct str name = { 0 }

/* True if text begins with prefix, or ends with suffix. */
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);

/* width.c: whether terminals give a character two columns, or none. */
bool char_is_wide(uint32_t cp);
bool char_has_no_width(uint32_t cp);
