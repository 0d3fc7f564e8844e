/* SPDX-License-Identifier: Apache-2.0 */
#include "carets.h"

#include "pycore/out.h"

#include <string.h>

/* How many bytes the character at `at` has; 0: it is not UTF-8. */
static size_t char_length(const char *at, const char *end)
{
	unsigned char b = (unsigned char)*at;
	size_t n = b < 0x80 ? 1 : b < 0xc2 ? 0 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : b < 0xf5 ? 4 : 0;
	if (n > (size_t)(end - at))
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

static uint32_t char_at(const char *at, size_t n)
{
	uint32_t cp = (unsigned char)*at & (n == 1 ? 0x7f : 0x7f >> n);
	for (size_t i = 1; i < n; i++)
		cp = cp << 6 | (at[i] & 0x3f);
	return cp;
}

/* Whether the text is UTF-8, and a character begins at both of these bytes. */
static bool on_characters(const struct source_text *l, size_t start, size_t end)
{
	const char *stop = l->bytes + l->len;
	bool start_seen = false, end_seen = end == l->len;
	for (const char *at = l->bytes; at < stop;) {
		size_t n = char_length(at, stop);
		if (!n)
			return false;
		start_seen |= at == l->bytes + start;
		end_seen |= at == l->bytes + end;
		at += n;
	}
	return start_seen && end_seen;
}

static size_t skip_blanks(const struct source_text *l, size_t i)
{
	while (i < l->len && strchr(" \t\f", l->bytes[i]))
		i++;
	return i;
}

/* Whether the call is all of `return f()` or `x = f()`, where its carets say nothing new. */
static bool plain_call(const struct source_text *l, const struct carets *c, const struct anchors *a)
{
	if (a->kind != ANCHOR_CALL)
		return false;
	size_t word = name_length(l->bytes, l->len), before = skip_blanks(l, word),
	       after = skip_blanks(l, c->end);
	bool returned = word == 6 && !memcmp(l->bytes, "return", 6) && before > word && a->of_name;
	bool assigned = word > 0 && before < l->len && l->bytes[before] == '=';
	if (assigned)
		before = skip_blanks(l, before + 1);
	return (returned || assigned) && before == c->start &&
	       (after == l->len || l->bytes[after] == '#' || l->bytes[after] == ';');
}

bool carets_find(const struct source_text *l, const struct py_location *at, enum caret_style style,
	struct carets *ret)
{
	if (at->column < 0 || at->end_column < 0 || (size_t)at->column < l->indent)
		return false;
	bool one_line = at->end_line == at->line;
	size_t start = (size_t)at->column - l->indent;
	size_t end = one_line ? (size_t)at->end_column - l->indent : l->len;
	if (start >= end || end > l->len || !on_characters(l, start, end))
		return false;
	struct carets c = { start, end, start, end };
	struct anchors a;
	bool marked = one_line && anchors_find(l->bytes + start, end - start, &a) &&
		      (a.kind != ANCHOR_CALL || style == CARETS_CALLS);
	if (marked) {
		if (style == CARETS_CALLS && plain_call(l, &c, &a))
			return false;
		c.mark = start + a.start;
		c.mark_end = start + a.end;
	}
	if (!marked && !start && end == l->len)
		return false;
	*ret = c;
	return true;
}

/* The columns that bytes [from, to) take, as carets_put() writes them. */
static size_t columns(const struct source_text *l, size_t from, size_t to)
{
	AUTO_STR(shown);
	size_t sum = 0;
	for (const char *at = l->bytes + from, *end = l->bytes + to; at < end;) {
		size_t n = char_length(at, end);
		n = n ? n : 1;
		str_clear(&shown);
		if ((*at >= ' ' && *at < 0x7f) || *at == '\t')
			sum++;
		else
			out_escape_text(&shown, at, n);
		if (shown.len == n && !memcmp(shown.bytes, at, n))
			sum += char_is_wide(char_at(at, n)) ? 2 : 1;
		else
			sum += shown.len;
		at += n;
	}
	return sum;
}

static void put_text(struct str *to, const char *bytes, size_t n)
{
	for (const char *at = bytes, *end = bytes + n; at < end;) {
		const char *tab = memchr(at, '\t', (size_t)(end - at));
		const char *stop = tab ? tab : end;
		out_escape_text(to, at, (size_t)(stop - at));
		if (tab)
			str_putc(to, ' ');
		at = tab ? tab + 1 : end;
	}
}

static void put_run(struct str *to, char c, size_t n)
{
	while (n--)
		str_putc(to, c);
}

/* Bytes [from, to) of the line, or so many carets. */
static void put_piece(struct str *to, const struct source_text *l, size_t from, size_t end,
	char caret, const char *colour)
{
	if (from == end)
		return;
	if (colour)
		str_addf(to, "\x1b[%sm", colour);
	if (caret)
		put_run(to, caret, columns(l, from, end));
	else
		put_text(to, l->bytes + from, end - from);
	if (colour)
		str_puts(to, "\x1b[0m");
}

void carets_put(struct str *to, const struct source_text *l, const struct carets *c, bool colour)
{
	const char *weak = colour ? "31" : NULL, *strong = colour ? "1;31" : NULL;
	size_t start = c ? c->start : l->len;
	str_puts(to, "    ");
	put_piece(to, l, 0, start, 0, NULL);
	if (c) {
		put_piece(to, l, c->start, c->mark, 0, weak);
		put_piece(to, l, c->mark, c->mark_end, 0, strong);
		put_piece(to, l, c->mark_end, c->end, 0, weak);
		put_piece(to, l, c->end, l->len, 0, NULL);
		str_puts(to, "\n    ");
		put_piece(to, l, 0, start, ' ', NULL);
		put_piece(to, l, c->start, c->mark, '~', weak);
		put_piece(to, l, c->mark, c->mark_end, '^', strong);
		put_piece(to, l, c->mark_end, c->end, '~', weak);
	}
	str_putc(to, '\n');
}
