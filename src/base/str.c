/* SPDX-License-Identifier: Apache-2.0 */
#include "pycore/str.h"

#include "pycore/alloc.h"

#include <stdio.h>
#include <string.h>

static void reserve(struct str *s, size_t more)
{
	if (s->bytes && s->cap - s->len > more)
		return;
	size_t cap = s->cap ? s->cap : 64;
	while (cap - s->len <= more)
		cap *= 2;
	char *grown = xmalloc(cap);
	if (s->len)
		memcpy(grown, s->bytes, s->len);
	grown[s->len] = '\0';
	free(s->bytes);
	s->bytes = grown;
	s->cap = cap;
}

void str_add(struct str *s, const void *bytes, size_t n)
{
	if (!n)
		return;
	reserve(s, n);
	memcpy(s->bytes + s->len, bytes, n);
	s->len += n;
	s->bytes[s->len] = '\0';
}

void str_puts(struct str *s, const char *text)
{
	str_add(s, text, strlen(text));
}

void str_putc(struct str *s, char c)
{
	str_add(s, &c, 1);
}

void str_vaddf(struct str *s, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n <= 0)
		return;
	reserve(s, (size_t)n);
	vsnprintf(s->bytes + s->len, (size_t)n + 1, fmt, ap);
	s->len += (size_t)n;
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	str_vaddf(s, fmt, ap);
	va_end(ap);
}

void str_put_utf8(struct str *s, uint32_t cp)
{
	char b[4];
	size_t n;
	if (cp < 0x80) {
		b[0] = (char)cp;
		n = 1;
	} else if (cp < 0x800) {
		b[0] = (char)(0xc0 | cp >> 6);
		b[1] = (char)(0x80 | (cp & 0x3f));
		n = 2;
	} else if (cp < 0x10000) {
		b[0] = (char)(0xe0 | cp >> 12);
		b[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		b[2] = (char)(0x80 | (cp & 0x3f));
		n = 3;
	} else {
		b[0] = (char)(0xf0 | cp >> 18);
		b[1] = (char)(0x80 | (cp >> 12 & 0x3f));
		b[2] = (char)(0x80 | (cp >> 6 & 0x3f));
		b[3] = (char)(0x80 | (cp & 0x3f));
		n = 4;
	}
	str_add(s, b, n);
}

size_t utf8_get(const void *bytes, size_t n, uint32_t *ret)
{
	const unsigned char *b = bytes;
	if (b[0] < 0x80) {
		*ret = b[0];
		return 1;
	}
	size_t len = b[0] >= 0xc2 && b[0] < 0xe0   ? 2
		     : (b[0] & 0xf0) == 0xe0	   ? 3
		     : b[0] >= 0xf0 && b[0] < 0xf5 ? 4
						   : 0;
	if (!len || len > n)
		return 0;
	uint32_t cp = b[0] & (0x7f >> len);
	for (size_t i = 1; i < len; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (b[i] & 0x3f);
	}
	if ((len == 3 && cp < 0x800) || (len == 4 && (cp < 0x10000 || cp > 0x10ffff)))
		return 0;
	*ret = cp;
	return len;
}

void str_cut(struct str *s, size_t len)
{
	s->len = len;
	if (s->bytes)
		s->bytes[len] = 0;
}

void str_clear(struct str *s)
{
	s->len = 0;
	if (s->bytes)
		s->bytes[0] = '\0';
}

const char *str_text(const struct str *s)
{
	return s->bytes ? s->bytes : "";
}

void str_fini(struct str *s)
{
	free(s->bytes);
	*s = (struct str){ 0 };
}

bool text_starts(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

bool text_ends(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);
	return n >= m && !memcmp(text + n - m, suffix, m);
}
