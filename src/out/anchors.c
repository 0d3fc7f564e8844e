/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an expression of Python is at its outermost: from its tokens outside of brackets, by the
 * precedence of operators (Python's language reference, "Expressions"). Operators of one level
 * group to the left, so the last one of the lowest level is the outermost; ** groups to the right.
 *
 * Keywords, comparisons, commas and the like bind less than all that is marked, so one of them
 * outside of brackets means that there is nothing to mark. Whatever is not understood means the
 * same.
 */
#include "carets.h"

#include <string.h>

enum { LEVEL_POWER = 7, LEVEL_NONE = 8, NESTED_MAX = 10 };

struct scan {
	const char *start, *at, *end;
	bool operand; /* what was read last can stand in front of an operator */
	bool string; /* and is a string */
	bool prefixed; /* the whole begins with a unary operator */
	bool awaited; /* the whole begins with await */
	const char *trailer; /* the last token opened these brackets behind an operand */
	bool trailer_of_name; /* the operand is a plain name */
	bool name; /* all so far is one name */
	int level; /* of the outermost operator */
	const char *outermost, *outermost_end;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
	       (unsigned char)c >= 0x80;
}

size_t name_length(const char *text, size_t n)
{
	size_t i = 0;
	while (i < n && is_name(text[i]))
		i++;
	return i;
}

static const char *name_end(const char *at, const char *end)
{
	return at + name_length(at, (size_t)(end - at));
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

static const char *skip_word(const char *at, const char *end, int nested, bool *ret_string);

/* Behind the field of an f-string whose opening brace is at `at`. */
static const char *skip_field(const char *at, const char *end, int nested)
{
	int depth = 0;
	bool string, format = false;
	for (at++; at && at < end;) {
		if (!format && (is_name(*at) || is_quote(*at))) {
			at = skip_word(at, end, nested, &string);
			continue;
		}
		if (*at == '\\' || *at == '#' || !*at)
			return NULL;
		if (!depth && *at == '}')
			return at + 1;
		if (format && *at == '{') {
			at = nested < NESTED_MAX ? skip_field(at, end, nested + 1) : NULL;
			continue;
		}
		format |= !depth && *at == ':';
		depth += format ? 0 : strchr("([{", *at) ? 1 : strchr(")]}", *at) ? -1 : 0;
		at++;
	}
	return NULL;
}

/* Behind the string whose opening quote is at `at`; NULL: it has no end here, or not surely. */
static const char *skip_string(const char *at, const char *end, bool formatted, int nested)
{
	size_t quotes = end - at >= 3 && at[1] == *at && at[2] == *at ? 3 : 1;
	const char *quote = at;
	for (at += quotes; at && at < end && (size_t)(end - at) >= quotes;) {
		bool brace = formatted && (*at == '{' || *at == '}');
		if (!memcmp(at, quote, quotes))
			return at + quotes;
		if (*at == '\\' || (brace && end - at > 1 && at[1] == *at))
			at += 2;
		else if (brace)
			at = *at == '{' && nested < NESTED_MAX ? skip_field(at, end, nested + 1)
							       : NULL;
		else
			at++;
	}
	return NULL;
}

/* Behind a name, or the string that it is the prefix of. */
static const char *skip_word(const char *at, const char *end, int nested, bool *ret_string)
{
	size_t n = name_length(at, (size_t)(end - at));
	const char *behind = at + n;
	*ret_string = behind < end && is_quote(*behind) && n <= 2 && strspn(at, "rRbBuUfFtT") >= n;
	if (!*ret_string)
		return behind;
	bool formatted = strcspn(at, "fFtT") < n;
	return skip_string(behind, end, formatted, nested);
}

/* Behind the bracket that closes the one at `at`. */
static const char *skip_brackets(const char *at, const char *end)
{
	int depth = 0;
	bool string;
	while (at && at < end) {
		if (is_name(*at) || is_quote(*at)) {
			at = skip_word(at, end, 0, &string);
			continue;
		}
		if (*at == '#' || *at == '\\' || !*at)
			return NULL;
		depth += strchr("([{", *at) ? 1 : strchr(")]}", *at) ? -1 : 0;
		at++;
		if (!depth)
			return at;
	}
	return NULL;
}

static const char *skip_number(const char *at, const char *end)
{
	bool hex = end - at > 1 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X');
	while (at < end && (is_name(*at) || *at == '.')) {
		bool exponent = !hex && (*at == 'e' || *at == 'E') && end - at > 1 &&
				(at[1] == '-' || at[1] == '+');
		at += exponent ? 2 : 1;
	}
	return at;
}

static bool is_keyword(const char *word, size_t n)
{
	/* True, False and None are operands; await is told apart before */
	static const char *const words[] = { "and", "as", "assert", "async", "break", "class",
		"continue", "def", "del", "elif", "else", "except", "finally", "for", "from",
		"global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass",
		"raise", "return", "try", "while", "with", "yield" };
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strlen(words[i]) == n && !memcmp(words[i], word, n))
			return true;
	}
	return false;
}

static bool end_operand(struct scan *s, const char *behind)
{
	s->name = false;
	s->trailer = NULL;
	s->operand = true;
	s->string = false;
	s->at = behind;
	return behind;
}

static bool take_word(struct scan *s)
{
	bool string, first = s->at == s->start;
	const char *word = s->at, *behind = skip_word(word, s->end, 0, &string);
	size_t n = behind ? (size_t)(behind - word) : 0;
	if (string) {
		if (s->operand && !s->string)
			return false;
		end_operand(s, behind);
		s->string = true;
		return behind;
	}
	if (s->operand || is_keyword(word, n))
		return false;
	if (n == 5 && !memcmp(word, "await", n)) {
		s->awaited |= first;
		s->at = behind;
		return true;
	}
	end_operand(s, behind);
	s->name = first;
	return true;
}

/* An attribute, an ellipsis, or a number that begins with its point. */
static bool take_point(struct scan *s)
{
	const char *at = s->at + 1;
	if (!s->operand && s->end - at >= 2 && at[0] == '.' && at[1] == '.')
		return end_operand(s, at + 2);
	if (!s->operand)
		return at < s->end && is_digit(*at) && end_operand(s, skip_number(s->at, s->end));
	while (at < s->end && is_blank(*at))
		at++;
	return at < s->end && is_name(*at) && !is_digit(*at) &&
	       end_operand(s, name_end(at, s->end));
}

static bool take_brackets(struct scan *s)
{
	const char *open = s->at;
	bool trailer = s->operand, of_name = s->name;
	if (trailer && *open == '{')
		return false;
	if (!end_operand(s, skip_brackets(open, s->end)))
		return false;
	if (trailer) {
		s->trailer = open;
		s->trailer_of_name = of_name;
	}
	return true;
}

/* The level of the binary operator at `at`, and how long it is; LEVEL_NONE: there is none. */
static int operator_level(const char *at, const char *end, size_t *ret)
{
	static const struct {
		char text[3];
		int level;
	} operators[] = { { "**", LEVEL_POWER }, { "//", 6 }, { "<<", 4 }, { ">>", 4 }, { "|", 1 },
		{ "^", 2 }, { "&", 3 }, { "+", 5 }, { "-", 5 }, { "*", 6 }, { "/", 6 }, { "%", 6 },
		{ "@", 6 } };
	for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
		size_t n = strlen(operators[i].text);
		if ((size_t)(end - at) >= n && !memcmp(at, operators[i].text, n)) {
			*ret = n;
			return operators[i].level;
		}
	}
	return LEVEL_NONE;
}

static bool take_operator(struct scan *s)
{
	size_t n;
	if (!s->operand) {
		if (!strchr("+-~", *s->at))
			return false;
		s->prefixed |= s->at == s->start;
		s->at++;
		return true;
	}
	int level = operator_level(s->at, s->end, &n);
	if (level == LEVEL_NONE || s->at + n == s->end || s->at[n] == '=')
		return false;
	if (level < s->level || (level == s->level && level != LEVEL_POWER)) {
		s->level = level;
		s->outermost = s->at;
		s->outermost_end = s->at + n;
	}
	s->operand = s->name = false;
	s->trailer = NULL;
	s->at += n;
	return true;
}

static bool take_token(struct scan *s)
{
	char c = *s->at;
	if (is_blank(c)) {
		s->at++;
		return true;
	}
	if (!c)
		return false;
	if (is_digit(c))
		return !s->operand && end_operand(s, skip_number(s->at, s->end));
	if (is_name(c) || is_quote(c))
		return take_word(s);
	if (c == '.')
		return take_point(s);
	if (c == '(' || c == '[' || c == '{')
		return take_brackets(s);
	return take_operator(s);
}

bool anchors_find(const char *text, size_t n, struct anchors *ret)
{
	struct scan s = { .start = text, .at = text, .end = text + n, .level = LEVEL_NONE };
	while (s.at < s.end) {
		if (!take_token(&s))
			return false;
	}
	if (!s.operand)
		return false;
	if (s.level == LEVEL_POWER && s.prefixed)
		return false;
	if (s.level != LEVEL_NONE) {
		*ret = (struct anchors){ ANCHOR_OPERATOR, (size_t)(s.outermost - text),
			(size_t)(s.outermost_end - text), false };
		return true;
	}
	if (!s.trailer || s.prefixed || s.awaited)
		return false;
	*ret = (struct anchors){ *s.trailer == '(' ? ANCHOR_CALL : ANCHOR_SUBSCRIPT,
		(size_t)(s.trailer - text), n, s.trailer_of_name };
	return true;
}
