/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C++ names by the compiler's own demangler, out of its static runtime library. It bounds its own
 * recursion, but a name can stand for a text that grows exponentially with it, so that the output
 * is taken in pieces and given up when it is too long. Rust's older names are C++ ones with a hash
 * and escapes (rustc, compiler/rustc_symbol_mangling/src/legacy.rs).
 */
#include "demangle.h"

#include "pycore/limits.h"

#include <setjmp.h>
#include <string.h>

/* libsupc++: 1 if the name was understood. Declared by none of its headers. */
int __gcclibcxx_demangle_callback(
	const char *name, void (*put)(const char *text, size_t n, void *ctx), void *ctx);

struct taking {
	struct str text;
	jmp_buf given_up;
};

static void take(const char *text, size_t n, void *ctx)
{
	struct taking *t = ctx;
	if (n > DEMANGLED_NAME_MAX - t->text.len)
		longjmp(t->given_up, 1);
	str_add(&t->text, text, n);
}

/* The demangler keeps all its state on the stack, so it can be left at any moment. */
static bool run(const char *name, struct taking *t)
{
	return !setjmp(t->given_up) && __gcclibcxx_demangle_callback(name, take, t) == 0 &&
	       t->text.len;
}

static const struct escape {
	const char *code, *text;
} escapes[] = {
	{ "$SP$", "@" },
	{ "$BP$", "*" },
	{ "$RF$", "&" },
	{ "$LT$", "<" },
	{ "$GT$", ">" },
	{ "$LP$", "(" },
	{ "$RP$", ")" },
	{ "$C$", "," },
	{ "$u20$", " " },
	{ "$u22$", "\"" },
	{ "$u27$", "'" },
	{ "$u2b$", "+" },
	{ "$u3b$", ";" },
	{ "$u5b$", "[" },
	{ "$u5d$", "]" },
	{ "$u7b$", "{" },
	{ "$u7d$", "}" },
	{ "$u7e$", "~" },
	{ "..", "::" },
};

static const struct escape *escape_at(const char *p)
{
	for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
		if (text_starts(p, escapes[i].code))
			return &escapes[i];
	}
	return NULL;
}

/* The length without "::h" and 16 hexadecimal digits; 0: it does not end so. */
static size_t without_hash(const char *text, size_t len)
{
	enum { HASH = 3 + 16 };
	if (len <= HASH || strncmp(text + len - HASH, "::h", 3) ||
		strspn(text + len - 16, "0123456789abcdef") != 16)
		return 0;
	return len - HASH;
}

static void put_rust(const char *text, size_t len, struct str *to)
{
	for (const char *p = text; p < text + len;) {
		const struct escape *e = escape_at(p);
		bool first = p == text || (p[-1] == ':');
		if (first && p[0] == '_' && p[1] == '$')
			p++; /* an escape must not begin a name, hence the underscore */
		else if (e) {
			str_puts(to, e->text);
			p += strlen(e->code);
		} else
			str_putc(to, *p++);
	}
}

/* Whether the name had a suffix by which a linker tells functions of one name apart that it has
 * made known to other files ("f.lto_priv.0", "f.llvm.123"): these are neither parts nor copies, as
 * "f.cold" is. */
static bool without_number(const char *name, struct str *to)
{
	static const char *const marks[] = { ".lto_priv.", ".llvm." };
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		const char *at = strstr(name, marks[i]);
		const char *number = at ? at + strlen(marks[i]) : NULL;
		size_t n = at ? strspn(number, "0123456789") : 0;
		if (!n || at == name || (number[n] && number[n] != '.'))
			continue;
		str_add(to, name, (size_t)(at - name));
		str_puts(to, number + n);
		return true;
	}
	return false;
}

static bool demangle_mangled(const char *name, struct str *to)
{
	if (text_starts(name, "_R"))
		return demangle_rust(name, to);
	if (!text_starts(name, "_Z") || strlen(name) > MANGLED_NAME_MAX)
		return false;
	struct taking t = { 0 };
	bool good = run(name, &t);
	size_t rust = good ? without_hash(str_text(&t.text), t.text.len) : 0;
	if (rust)
		put_rust(str_text(&t.text), rust, to);
	else if (good)
		str_add(to, t.text.bytes, t.text.len);
	str_fini(&t.text);
	return good;
}

bool demangle(const char *name, struct str *to)
{
	AUTO_STR(shorter);
	if (!without_number(name, &shorter))
		return demangle_mangled(name, to);
	if (!demangle_mangled(str_text(&shorter), to))
		str_add(to, shorter.bytes, shorter.len);
	return true;
}
