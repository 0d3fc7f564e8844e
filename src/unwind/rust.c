/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rust's symbol names, version 0 (Rust RFC 2603, "Rust Symbol Mangling v0"; the rustc book, "v0
 * Symbol Format"). A name is a path in prefix notation whose parts can refer back to earlier ones,
 * so that its text can grow beyond measure: depth, steps and length are bounded. Shown are no
 * hashes of crates and no types of constants; identifiers in punycode stay as they are.
 */
#include "demangle.h"

#include "pycore/limits.h"

#include <string.h>

enum { DEPTH_MAX = 128, STEPS_MAX = 20000, LIFETIMES_MAX = 26 };

struct reader {
	const char *text; /* behind "_R" */
	size_t size, at;
	struct str *out;
	unsigned depth, steps, mute; /* mute: read, but do not show */
	uint64_t bound; /* lifetimes that `for<>` around here has named */
	bool bad;
};

static void path(struct reader *r, bool in_value);
static void type(struct reader *r);

static void put(struct reader *r, const char *text, size_t n)
{
	if (r->mute || r->bad)
		return;
	if (n > DEMANGLED_NAME_MAX - r->out->len)
		r->bad = true;
	else
		str_add(r->out, text, n);
}

static void puts_(struct reader *r, const char *text)
{
	put(r, text, strlen(text));
}

static void put_number(struct reader *r, uint64_t v)
{
	char digits[24];
	size_t at = sizeof(digits);
	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	put(r, digits + at, sizeof(digits) - at);
}

static char peek(const struct reader *r)
{
	return r->at < r->size && !r->bad ? r->text[r->at] : '\0';
}

static char next(struct reader *r)
{
	char c = peek(r);
	if (c)
		r->at++;
	else
		r->bad = true;
	return c;
}

static bool take(struct reader *r, char c)
{
	if (peek(r) != c)
		return false;
	r->at++;
	return true;
}

static bool enter(struct reader *r)
{
	if (r->depth >= DEPTH_MAX || ++r->steps > STEPS_MAX)
		r->bad = true;
	if (!r->bad)
		r->depth++;
	return !r->bad;
}

/* "_" is 0, "0_" 1, "1_" 2 and so on, digits being 0-9, a-z, A-Z. */
static uint64_t base62(struct reader *r)
{
	uint64_t v = 0;
	if (take(r, '_'))
		return 0;
	for (;;) {
		char c = next(r);
		unsigned digit = 0;
		if (c == '_')
			return v + 1;
		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'z')
			digit = (unsigned)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'Z')
			digit = (unsigned)(c - 'A') + 36;
		else
			r->bad = true;
		if (r->bad || v > (UINT64_MAX - 62) / 62) {
			r->bad = true;
			return 0;
		}
		v = v * 62 + digit;
	}
}

/* The number behind a tag; 0 where the tag is not there, else one more. */
static uint64_t tagged(struct reader *r, char tag)
{
	return take(r, tag) ? base62(r) + 1 : 0;
}

struct name {
	const char *text;
	size_t size;
	bool punycode;
	uint64_t number; /* tells apart what has the same name */
};

static struct name plain_identifier(struct reader *r)
{
	struct name n = { .punycode = take(r, 'u') };
	size_t size = 0;
	if (peek(r) < '0' || peek(r) > '9')
		r->bad = true;
	if (!take(r, '0')) {
		while (peek(r) >= '0' && peek(r) <= '9' && size <= r->size)
			size = size * 10 + (size_t)(next(r) - '0');
	}
	(void)take(r, '_');
	if (size > r->size - r->at)
		r->bad = true;
	if (r->bad)
		return n;
	n.text = r->text + r->at;
	n.size = size;
	r->at += size;
	return n;
}

static struct name identifier(struct reader *r)
{
	uint64_t number = tagged(r, 's');
	struct name n = plain_identifier(r);
	n.number = number;
	return n;
}

static void put_name(struct reader *r, const struct name *n)
{
	if (n->punycode)
		puts_(r, "punycode{");
	if (n->size)
		put(r, n->text, n->size);
	if (n->punycode)
		puts_(r, "}");
}

/* Reads what stands at an earlier place. */
static void back(struct reader *r, void read(struct reader *r))
{
	size_t tag = r->at - 1;
	uint64_t to = base62(r);
	if (r->bad || to >= tag) {
		r->bad = true;
		return;
	}
	if (r->mute)
		return;
	size_t after = r->at;
	r->at = (size_t)to;
	read(r);
	r->at = after;
}

static void value_path(struct reader *r)
{
	path(r, true);
}

static void type_path(struct reader *r)
{
	path(r, false);
}

static void lifetime(struct reader *r, uint64_t index)
{
	char name[] = "'a";
	if (!index) {
		puts_(r, "'_");
	} else if (index > r->bound || r->bound - index >= LIFETIMES_MAX) {
		r->bad = true;
	} else {
		name[1] = (char)('a' + (r->bound - index));
		puts_(r, name);
	}
}

/* for<'a, 'b>; the caller takes the names away again. */
static void binder(struct reader *r)
{
	uint64_t n = tagged(r, 'G');
	if (n > LIFETIMES_MAX || r->bound + n > LIFETIMES_MAX)
		r->bad = true;
	if (!n || r->bad)
		return;
	puts_(r, "for<");
	for (uint64_t i = 0; i < n; i++) {
		r->bound++;
		puts_(r, i ? ", " : "");
		lifetime(r, 1);
	}
	puts_(r, "> ");
}

/* The value of an integer, a bool or a char. */
static void constant(struct reader *r)
{
	uint64_t v = 0;
	char kind = next(r);
	if (kind == 'p') {
		puts_(r, "_");
		return;
	}
	if (kind == 'B') {
		back(r, constant);
		return;
	}
	if (!kind || !strchr("abchijlmnostxy", kind))
		r->bad = true;
	bool negative = take(r, 'n');
	puts_(r, negative ? "-" : "");
	size_t start = r->at;
	for (char c; !r->bad && (c = next(r)) != '_';) {
		if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
			r->bad = true;
		v = v << 4 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	if (kind == 'b' && (negative || v > 1))
		r->bad = true;
	if (r->bad)
		return;
	const char letter[] = { '\'', (char)v, '\'' };
	if (r->at - 1 - start > 16) {
		puts_(r, "0x");
		put(r, r->text + start, r->at - 1 - start);
	} else if (kind == 'b') {
		puts_(r, v ? "true" : "false");
	} else if (kind == 'c' && v > ' ' && v < 0x7f) {
		put(r, letter, sizeof(letter));
	} else {
		put_number(r, v);
	}
}

static void generic_arguments(struct reader *r)
{
	for (bool more = false; !r->bad && !take(r, 'E'); more = true) {
		puts_(r, more ? ", " : "");
		if (take(r, 'L'))
			lifetime(r, base62(r));
		else if (take(r, 'K'))
			constant(r);
		else
			type(r);
	}
}

/* Where an impl stands is read and not shown. */
static void impl_place(struct reader *r)
{
	r->mute++;
	(void)tagged(r, 's');
	path(r, false);
	r->mute--;
}

static void nested(struct reader *r, bool in_value)
{
	char space = next(r);
	path(r, in_value);
	struct name n = identifier(r);
	if (space >= 'A' && space <= 'Z') {
		puts_(r, "::{");
		if (space == 'C')
			puts_(r, "closure");
		else if (space == 'S')
			puts_(r, "shim");
		else
			put(r, &space, 1);
		puts_(r, n.size ? ":" : "");
		put_name(r, &n);
		puts_(r, "#");
		put_number(r, n.number);
		puts_(r, "}");
	} else if (n.size) {
		puts_(r, "::");
		put_name(r, &n);
	}
}

static void path_of(struct reader *r, bool in_value)
{
	struct name n;
	char kind = next(r);
	switch (kind) {
	case 'C':
		n = identifier(r);
		put_name(r, &n);
		return;
	case 'N':
		nested(r, in_value);
		return;
	case 'M':
	case 'X':
	case 'Y':
		if (kind != 'Y')
			impl_place(r);
		puts_(r, "<");
		type(r);
		if (kind != 'M') {
			puts_(r, " as ");
			path(r, false);
		}
		puts_(r, ">");
		return;
	case 'I':
		path(r, in_value);
		puts_(r, in_value ? "::<" : "<");
		generic_arguments(r);
		puts_(r, ">");
		return;
	case 'B':
		back(r, in_value ? value_path : type_path);
		return;
	}
	r->bad = true;
}

static void path(struct reader *r, bool in_value)
{
	if (!enter(r))
		return;
	path_of(r, in_value);
	r->depth--;
}

static void reference(struct reader *r, const char *before)
{
	puts_(r, "&");
	if (take(r, 'L')) {
		uint64_t index = base62(r);
		if (index) {
			lifetime(r, index);
			puts_(r, " ");
		}
	}
	puts_(r, before);
	type(r);
}

static void function(struct reader *r)
{
	uint64_t bound = r->bound;
	binder(r);
	puts_(r, take(r, 'U') ? "unsafe " : "");
	if (take(r, 'K')) {
		puts_(r, "extern \"");
		if (take(r, 'C')) {
			puts_(r, "C");
		} else {
			struct name n = plain_identifier(r);
			put_name(r, &n);
		}
		puts_(r, "\" ");
	}
	puts_(r, "fn(");
	for (bool more = false; !r->bad && !take(r, 'E'); more = true) {
		puts_(r, more ? ", " : "");
		type(r);
	}
	puts_(r, ")");
	if (!take(r, 'u')) {
		puts_(r, " -> ");
		type(r);
	}
	r->bound = bound;
}

/* A trait with the types that it is bound to: Iterator<Item = u8> */
static void bound_trait(struct reader *r)
{
	bool open = peek(r) == 'I';
	if (open) { /* its own arguments and the bound types share the brackets */
		r->at++;
		path(r, false);
		puts_(r, "<");
		generic_arguments(r);
	} else {
		path(r, false);
	}
	while (take(r, 'p')) {
		puts_(r, open ? ", " : "<");
		open = true;
		struct name n = plain_identifier(r);
		put_name(r, &n);
		puts_(r, " = ");
		type(r);
	}
	puts_(r, open ? ">" : "");
}

static void trait_object(struct reader *r)
{
	uint64_t bound = r->bound;
	puts_(r, "dyn ");
	binder(r);
	for (bool more = false; !r->bad && !take(r, 'E'); more = true) {
		puts_(r, more ? " + " : "");
		bound_trait(r);
	}
	r->bound = bound;
	if (!take(r, 'L')) {
		r->bad = true;
		return;
	}
	uint64_t index = base62(r);
	if (index) {
		puts_(r, " + ");
		lifetime(r, index);
	}
}

static const char *basic_type(char c)
{
	static const char *const names[] = { ['a' - 'a'] = "i8",
		['b' - 'a'] = "bool",
		['c' - 'a'] = "char",
		['d' - 'a'] = "f64",
		['e' - 'a'] = "str",
		['f' - 'a'] = "f32",
		['h' - 'a'] = "u8",
		['i' - 'a'] = "isize",
		['j' - 'a'] = "usize",
		['l' - 'a'] = "i32",
		['m' - 'a'] = "u32",
		['n' - 'a'] = "i128",
		['o' - 'a'] = "u128",
		['p' - 'a'] = "_",
		['s' - 'a'] = "i16",
		['t' - 'a'] = "u16",
		['u' - 'a'] = "()",
		['v' - 'a'] = "...",
		['x' - 'a'] = "i64",
		['y' - 'a'] = "u64",
		['z' - 'a'] = "!" };
	return c >= 'a' && c <= 'z' ? names[c - 'a'] : NULL;
}

static void tuple(struct reader *r)
{
	size_t n = 0;
	puts_(r, "(");
	for (; !r->bad && !take(r, 'E'); n++) {
		puts_(r, n ? ", " : "");
		type(r);
	}
	puts_(r, n == 1 ? ",)" : ")");
}

static void type_of(struct reader *r)
{
	const char *basic = basic_type(peek(r));
	char kind = next(r);
	if (basic) {
		puts_(r, basic);
		return;
	}
	switch (kind) {
	case 'A':
	case 'S':
		puts_(r, "[");
		type(r);
		puts_(r, kind == 'A' ? "; " : "");
		if (kind == 'A')
			constant(r);
		puts_(r, "]");
		return;
	case 'T':
		tuple(r);
		return;
	case 'R':
		reference(r, "");
		return;
	case 'Q':
		reference(r, "mut ");
		return;
	case 'P':
	case 'O':
		puts_(r, kind == 'P' ? "*const " : "*mut ");
		type(r);
		return;
	case 'F':
		function(r);
		return;
	case 'D':
		trait_object(r);
		return;
	case 'B':
		back(r, type);
		return;
	}
	if (kind)
		r->at--;
	path(r, false);
}

static void type(struct reader *r)
{
	if (!enter(r))
		return;
	type_of(r);
	r->depth--;
}

bool demangle_rust(const char *name, struct str *to)
{
	AUTO_STR(text);
	if (!text_starts(name, "_R") || strlen(name) > MANGLED_NAME_MAX)
		return false;
	struct reader r = { .text = name + 2, .out = &text };
	r.size = strcspn(r.text, ".$"); /* what the linker adds */
	path(&r, true);
	if (!r.bad && r.at < r.size) { /* the crate that this was made for */
		r.mute++;
		path(&r, false);
	}
	if (r.bad || r.at != r.size || !text.len)
		return false;
	str_add(to, text.bytes, text.len);
	return true;
}
