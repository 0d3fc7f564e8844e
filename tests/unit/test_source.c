/* SPDX-License-Identifier: Apache-2.0 */
/* Source lines: what is underlined, compared with each Python's own tracebacks (carets_truth.py);
 * members of zip archives, good and bad; lines by map, linecache and archive. */
#include "pythons.h"
#include "suites.h"

#include "tempdir.h"

#include "pycore/limits.h"
#include "pycore/out.h"

#include "../../src/out/carets.h"
#include "../../src/out/facts.h"
#include "../../src/out/source.h"
#include "../../src/out/zip.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

/* Without the white space at both ends. */
static struct source_text text_of(const char *line)
{
	size_t indent = strspn(line, " \t\f"), len = strlen(line + indent);
	while (len && strchr(" \t\f\r\n", line[indent + len - 1]))
		len--;
	return (struct source_text){ line + indent, len, indent };
}

static const char *shown(const char *line, const struct py_location *at, enum caret_style style,
	bool colour, struct str *ret)
{
	struct source_text text = text_of(line);
	struct carets c;
	str_clear(ret);
	bool has = carets_find(&text, at, style, &c);
	carets_put(ret, &text, has ? &c : NULL, colour);
	return str_text(ret);
}

/* `under` has the columns: from its first character that is no blank to its last one. "" is
 * nothing. */
static const struct {
	const char *line, *under;
	enum caret_style style;
	int column, end_column; /* 0, 0: where `under` is, for lines of ASCII */
} underlines[] = {
	{ "x = f(y)", "    ^^^^", CARETS_OPERATORS, 0, 0 },
	{ "x = a+(b)", "    ~^~~~", CARETS_OPERATORS, 0, 0 },
	{ "x = (a)  **(b)", "    ~~~~~^^~~~", CARETS_CALLS, 0, 0 },
	{ "x = f\"{a[\"b\"]}\" + f(1)", "    ~~~~~~~~~~~~^~~~~~", CARETS_CALLS, 0, 0 },
	{ "x = f'{a['}']:'>{b}}' % 1", "    ~~~~~~~~~~~~~~~~~~^~~", CARETS_CALLS, 0, 0 },
	{ "x = f'{{' % a", "    ~~~~~~^~~", CARETS_CALLS, 0, 0 },
	{ "x = f'}}{a}' % a", "    ~~~~~~~~~^~~", CARETS_CALLS, 0, 0 },
	{ "x = f'}' % a", "    ^^^^^^^^", CARETS_CALLS, 0, 0 },
	{ "x = 'a\\' + b' % c", "    ~~~~~~~~~~^~~", CARETS_CALLS, 0, 0 },
	{ "x = '''a' + ''b''' % c", "    ~~~~~~~~~~~~~~~^~~", CARETS_CALLS, 0, 0 },
	{ "x = f(a, '[(')[0]", "    ~~~~~~~~~~^^^", CARETS_CALLS, 0, 0 },
	{ "x = f(a # b) + c", "    ^^^^^^^^^^^^", CARETS_CALLS, 0, 0 },
	{ "x = f(a)\\ + b", "    ^^^^^^^^^", CARETS_CALLS, 0, 0 },
	{ "x = (a + b", "    ^^^^^^", CARETS_CALLS, 0, 0 },
	{ "x = a b + c", "    ^^^^^^^", CARETS_CALLS, 0, 0 },
	{ "x = a +", "    ^^^", CARETS_CALLS, 0, 0 },
	{ "x = 1e-5 - 0xe-5", "    ~~~~~~~~~~^~", CARETS_CALLS, 0, 0 },
	/* escaped: as wide as what is shown for it; a tab is one blank */
	{ "\tx\t= f(\"\u202e\") + b", "    ~~~~~~~~~~~~^~~", CARETS_OPERATORS, 5, 17 },
	{ "\u4e2d = \u4e2d(\u4e2d)", "     ^^^^^^", CARETS_OPERATORS, 6, 14 },
	/* places that cannot be right */
	{ "x = f(y)", "", CARETS_OPERATORS, 4, 9 },
	{ "x = f(y)", "", CARETS_OPERATORS, 8, 9 },
	{ "x = f(y)", "", CARETS_OPERATORS, 4, 3 },
	{ "x = f(y)", "", CARETS_OPERATORS, 4, -1 },
	{ "x = f(y)", "", CARETS_OPERATORS, -1, 4 },
	{ "x = f(y)", "", CARETS_OPERATORS, INT32_MAX, INT32_MAX },
	{ "    f(y) + 1", "", CARETS_OPERATORS, 3, 8 },
	{ "\u4e2d = \u4e2d(\u4e2d)", "", CARETS_OPERATORS, 7, 14 },
	{ "\u4e2d = \u4e2d(\u4e2d)", "", CARETS_OPERATORS, 6, 12 },
	{ "x = '\xe9' + f(1)", "", CARETS_OPERATORS, 4, 13 },
};

START_TEST(underlined)
{
	const char *line = underlines[_i].line, *under = underlines[_i].under;
	int start = underlines[_i].column, end = underlines[_i].end_column;
	if (!start && !end) {
		start = (int)strspn(under, " ");
		end = (int)strlen(under);
	}
	struct py_location at = { 7, 7, start, end };
	AUTO_STR(got);
	const char *second = strchr(shown(line, &at, underlines[_i].style, false, &got), '\n') + 1;
	AUTO_FREE char *wanted = xasprintf(*under ? "    %s\n" : "%s", under);
	ck_assert_str_eq(second, wanted);
}
END_TEST

/* Of an expression of several lines the rest of the first one, if that is not all of it. */
START_TEST(several_lines)
{
	struct py_location at = { 7, 9, 8, 3 };
	AUTO_STR(got);
	ck_assert_str_eq(shown("    x = f(a) + (  # b\n", &at, CARETS_CALLS, false, &got),
		"    x = f(a) + (  # b\n        ^^^^^^^^^^^^^\n");
	at.column = 4;
	ck_assert_str_eq(
		shown("    f(a)(  # b\n", &at, CARETS_CALLS, false, &got), "    f(a)(  # b\n");
}
END_TEST

START_TEST(coloured)
{
	struct py_location at = { 1, 1, 8, 13 };
	AUTO_STR(got);
	ck_assert_str_eq(shown("    x = a + b; c", &at, CARETS_CALLS, true, &got),
		"    x = \x1b[31ma \x1b[0m\x1b[1;31m+\x1b[0m\x1b[31m b\x1b[0m; c\n"
		"        \x1b[31m~~\x1b[0m\x1b[1;31m^\x1b[0m\x1b[31m~~\x1b[0m\n");
	at.end_column = 9;
	ck_assert_str_eq(shown("    x = a + b", &at, CARETS_CALLS, true, &got),
		"    x = \x1b[1;31ma\x1b[0m + b\n        \x1b[1;31m^\x1b[0m\n");
	at.end_column = -1;
	ck_assert_str_eq(
		shown("    x = a\x1b[2J", &at, CARETS_CALLS, true, &got), "    x = a\\x1b[2J\n");
}
END_TEST

/* Any bytes at any place: nothing outside of them is read (with a sanitizer), and there are never
 * more carets than columns. */
START_TEST(any_text)
{
	static const char letters[] = "ab(([[]]){}'\"\"f+-*/|~.,=#\\ \t0e\xe4\xb8\xad\xff";
	srand(1);
	AUTO_STR(got);
	for (int i = 0; i < 200000; i++) {
		char *line = xcalloc(1, 24);
		size_t n = (size_t)rand() % 23;
		for (size_t k = 0; k < n; k++)
			line[k] = letters[(size_t)rand() % (sizeof(letters) - 1)];
		struct py_location at = { 1, 1 + !(rand() % 4), rand() % 24, rand() % 24 };
		struct source_text text = text_of(line);
		struct carets c;
		if (carets_find(&text, &at, i % 2 ? CARETS_CALLS : CARETS_OPERATORS, &c)) {
			ck_assert(c.start < c.end && c.end <= text.len && c.start <= c.mark &&
				  c.mark < c.mark_end && c.mark_end <= c.end);
			str_clear(&got);
			carets_put(&got, &text, &c, i % 3 == 0);
		}
		free(line);
	}
}
END_TEST

/* Pythons that underline; the pattern leaves out the elder ones. */
static size_t find_pythons(glob_t *ret)
{
	return pythons_like("3.1[1-9]*", "python3.1[1-9]", ret);
}

struct truth {
	FILE *from;
	char *line;
	size_t cap;
};

/* The next line behind its first word, which must be this one; NULL: there is none. */
static const char *next_line(struct truth *t, const char *word)
{
	ssize_t n = getline(&t->line, &t->cap, t->from);
	if (n <= 0)
		return NULL;
	t->line[n - 1] = '\0';
	ck_assert_msg(text_starts(t->line, word), "%s: no %s", t->line, word);
	return t->line + strlen(word);
}

static size_t compare(struct truth *t, const char *python, enum caret_style style)
{
	size_t n = 0;
	const char *text;
	AUTO_STR(got);
	for (; (text = next_line(t, "at ")); n++) {
		struct py_location at = { 1, 0, 0, 0 };
		ck_assert_int_eq(
			sscanf(text, "%d %d %d", &at.column, &at.end_column, &at.end_line), 3);
		AUTO_FREE char *line = xstrdup(next_line(t, "line "));
		const char *wanted = next_line(t, "carets ");
		const char *second = strchr(shown(line, &at, style, false, &got), '\n') + 1;
		size_t length = strcspn(second, "\n");
		ck_assert_msg(length == strlen(wanted) && !memcmp(second, wanted, length),
			"%s: columns %d to %d: %s\nwanted:\n%s", python, at.column, at.end_column,
			str_text(&got), wanted);
	}
	return n;
}

START_TEST(as_python_underlines)
{
	glob_t pythons;
	ck_assert_uint_lt((size_t)_i, find_pythons(&pythons));
	const char *python = pythons.gl_pathv[_i];
	struct truth t = { .from = python_open(python, "carets_truth.py") };
	ck_assert_ptr_nonnull(t.from);
	const char *style = next_line(&t, "style ");
	ck_assert_msg(style != NULL, "%s says nothing", python);
	size_t n = compare(&t, python, (enum caret_style)atoi(style));
	ck_assert_int_eq(pclose(t.from), 0);
	ck_assert_uint_gt(n, 20000);
	free(t.line);
	globfree(&pythons);
}
END_TEST

/* An archive as it is written, front to back. */
struct zip {
	struct str bytes, directory;
	size_t base;
	unsigned n;
};

static void add_uint(struct str *to, uint64_t v, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		str_putc(to, (char)(v >> 8 * i));
}

struct member {
	const char *name, *content;
	bool deflated;
	/* what is wrong with it: added to what would be right */
	unsigned flags, method, crc, packed, size;
};

static void add_member(struct zip *z, const struct member *m)
{
	uint8_t packed[1000];
	size_t n = strlen(m->content), size = n, at = z->bytes.len - z->base;
	z_stream s = { .next_in = (uint8_t *)m->content,
		.avail_in = (uInt)n,
		.next_out = packed,
		.avail_out = sizeof(packed) };
	memcpy(packed, m->content, n);
	if (m->deflated) {
		ck_assert_int_eq(deflateInit2(&s, 9, Z_DEFLATED, -15, 8, 0), Z_OK);
		ck_assert_int_eq(deflate(&s, Z_FINISH), Z_STREAM_END);
		size = s.total_out;
		deflateEnd(&s);
	}
	for (int entry = 0; entry <= 1; entry++) {
		struct str *to = entry ? &z->directory : &z->bytes;
		str_puts(to, entry ? "PK\1\2\x14" : "PK\3\4");
		add_uint(to, entry ? 0 : 20, entry ? 1 : 2);
		add_uint(to, 20, entry ? 2 : 0);
		add_uint(to, m->flags, 2);
		add_uint(to, (m->deflated ? 8 : 0) + m->method, 2);
		add_uint(to, 0, 4);
		add_uint(to, crc32(0, (const uint8_t *)m->content, (uInt)n) + m->crc, 4);
		add_uint(to, size + m->packed, 4);
		add_uint(to, n + m->size, 4);
		add_uint(to, strlen(m->name), 2);
		add_uint(to, entry ? 3 : 5, 2); /* an extra field */
		if (entry) {
			add_uint(to, 2, 2); /* a comment */
			add_uint(to, 0, 8);
			add_uint(to, at, 4);
		}
		str_puts(to, m->name);
		str_puts(to, entry ? "xyz!!" : "extra");
	}
	str_add(&z->bytes, packed, size);
	z->n++;
}

static void end_zip(struct zip *z, bool wide, const char *comment)
{
	size_t size = z->directory.len, at = z->bytes.len - z->base;
	if (size)
		str_add(&z->bytes, z->directory.bytes, size);
	if (wide) {
		str_puts(&z->bytes, "PK\6\6");
		add_uint(&z->bytes, 44, 8);
		add_uint(&z->bytes, 45, 2), add_uint(&z->bytes, 45, 2), add_uint(&z->bytes, 0, 8);
		add_uint(&z->bytes, z->n, 8), add_uint(&z->bytes, z->n, 8);
		add_uint(&z->bytes, size, 8), add_uint(&z->bytes, at, 8);
		str_puts(&z->bytes, "PK\6\7");
		add_uint(&z->bytes, 0, 4), add_uint(&z->bytes, at + size, 8);
		add_uint(&z->bytes, 1, 4);
	}
	str_puts(&z->bytes, "PK\5\6");
	add_uint(&z->bytes, 0, 4);
	add_uint(&z->bytes, wide ? 0xffff : z->n, 2), add_uint(&z->bytes, wide ? 0xffff : z->n, 2);
	add_uint(&z->bytes, wide ? UINT32_MAX : size, 4);
	add_uint(&z->bytes, wide ? UINT32_MAX : at, 4);
	add_uint(&z->bytes, strlen(comment), 2);
	str_puts(&z->bytes, comment);
}

static void zip_fini(struct zip *z)
{
	str_fini(&z->bytes);
	str_fini(&z->directory);
}

static const struct member good[] = {
	{ "pkg/a.py", "twice\n" },
	{ "pkg/a.py", "def a():\n    stored(1)\n" },
	{ "pkg/__init__.py", "" },
	{ "pkg/b.py", "def b():\n    deflated(1)\n    deflated(1)\n", .deflated = true },
};

/* prefix: what stands in front of the archive. */
static void make_zip(struct zip *z, const char *prefix, bool wide, const char *comment)
{
	*z = (struct zip){ .base = strlen(prefix) };
	str_puts(&z->bytes, prefix);
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		add_member(z, &good[i]);
	end_zip(z, wide, comment);
}

static struct err read_zip(const struct zip *z, const char *name, struct str *ret)
{
	uint8_t *bytes;
	size_t size;
	uint64_t budget = ZIP_BYTES_MAX;
	TRY(zip_read((const uint8_t *)z->bytes.bytes, z->bytes.len, name, &budget, &bytes, &size));
	str_clear(ret);
	str_add(ret, bytes, size);
	free(bytes);
	return NO_ERR;
}

START_TEST(zip_members)
{
	static const char *const prefixes[] = { "", "#!/usr/bin/python3\n" }, *const comments[] = {
		"", "a comment PK\5\6 in it"
	};
	AUTO_STR(got);
	struct zip z;
	make_zip(&z, prefixes[_i & 1], _i & 2, comments[_i >> 2]);
	for (size_t i = 1; i < ARRAY_LEN(good); i++) {
		ck_assert_ok(read_zip(&z, good[i].name, &got));
		ck_assert_str_eq(str_text(&got), good[i].content);
	}
	static const char *const absent[] = { "", "pkg", "pkg/", "pkg/a.p", "pkg/a.pyc", "a.py" };
	for (size_t i = 0; i < ARRAY_LEN(absent); i++)
		ck_assert_err(read_zip(&z, absent[i], &got), ERR_ABSENT);
	zip_fini(&z);
}
END_TEST

static const struct {
	struct member member;
	enum err_code wanted;
} bad_members[] = {
	{ { "x", "text", .flags = 1 }, ERR_UNSUPPORTED },
	{ { "x", "text", .flags = 8 }, ERR_NONE },
	{ { "x", "text", .method = 12 }, ERR_UNSUPPORTED },
	{ { "x", "text", .crc = 1 }, ERR_CORRUPT },
	{ { "x", "text", .deflated = true, .crc = 1 }, ERR_CORRUPT },
	{ { "x", "text", .packed = 1 }, ERR_CORRUPT },
	{ { "x", "text", .packed = 100000 }, ERR_CORRUPT },
	{ { "x", "text", .packed = (unsigned)-1 }, ERR_CORRUPT },
	{ { "x", "text", .size = 1 }, ERR_CORRUPT },
	{ { "x", "text", .size = (unsigned)-1 }, ERR_CORRUPT },
	{ { "x", "text", .deflated = true, .size = 1 }, ERR_CORRUPT },
	{ { "x", "text", .deflated = true, .size = (unsigned)-1 }, ERR_CORRUPT },
	{ { "x", "text", .deflated = true, .packed = (unsigned)-1 }, ERR_CORRUPT },
	{ { "x", "text", .deflated = true, .size = SOURCE_FILE_MAX - 4 }, ERR_CORRUPT },
	{ { "x", "text", .deflated = true, .size = SOURCE_FILE_MAX - 3 }, ERR_LIMIT },
	{ { "x", "text", .deflated = true, .size = (unsigned)-5 }, ERR_LIMIT },
	{ { "x", "text", .method = 8 }, ERR_CORRUPT },
};

START_TEST(zip_bad_members)
{
	struct zip z = { 0 };
	AUTO_STR(got);
	add_member(&z, &bad_members[_i].member);
	end_zip(&z, false, "");
	ck_assert_err(read_zip(&z, "x", &got), bad_members[_i].wanted);
	zip_fini(&z);
}
END_TEST

/* Cut off anywhere, and with any byte another one: never anything but what is in it. */
START_TEST(zip_damaged)
{
	AUTO_STR(got);
	struct zip z;
	make_zip(&z, "#!\n", _i, "end");
	size_t whole = z.bytes.len;
	for (size_t n = 0; n < whole; n++) {
		struct zip cut = { .bytes = { .bytes = xmalloc(n), .len = n } };
		memcpy(cut.bytes.bytes, z.bytes.bytes, n);
		ck_assert(failed(read_zip(&cut, "pkg/b.py", &got)));
		free(cut.bytes.bytes);
	}
	for (size_t i = 0; i < whole * 8; i++) {
		z.bytes.bytes[i / 8] ^= (char)(1 << i % 8);
		for (size_t m = 1; m < ARRAY_LEN(good); m++) {
			if (!failed(read_zip(&z, good[m].name, &got)))
				ck_assert(!strcmp(str_text(&got), good[m].content) ||
					  !strcmp(str_text(&got), good[0].content));
		}
		z.bytes.bytes[i / 8] ^= (char)(1 << i % 8);
	}
	zip_fini(&z);
}
END_TEST

START_TEST(zip_budget)
{
	struct zip z;
	make_zip(&z, "", false, "");
	uint64_t need = z.directory.len + strlen(good[3].content);
	uint8_t *bytes;
	size_t size;
	for (uint64_t less = 0; less <= need; less++) {
		uint64_t budget = need - less;
		struct err e = zip_read((const uint8_t *)z.bytes.bytes, z.bytes.len, good[3].name,
			&budget, &bytes, &size);
		ck_assert_int_eq(e.code, less ? ERR_LIMIT : ERR_NONE);
		if (!less) {
			ck_assert_uint_eq(budget, 0);
			free(bytes);
		}
	}
	zip_fini(&z);
}
END_TEST

static struct tempdir dir;
static struct target target;
static struct source *source;

static void setup(void)
{
	tempdir_init(&dir);
	target = (struct target){ .kind = TARGET_CORE, .as_of = { .tv_sec = INT32_MAX } };
	source = source_open(&target);
}

static void teardown(void)
{
	source_close(source);
	problems_fini(&target.problems);
	tempdir_fini(&dir);
}

/* The line of a place in the function `name` that begins at line `first`; NULL: there is none. */
static void expect(const char *path, const char *name, int first, int line, const char *cached,
	const char *wanted)
{
	struct py_code code = { .name = { .bytes = name, .len = strlen(name) },
		.filename = { .bytes = path, .len = strlen(path) },
		.firstlineno = first };
	struct py_place place = { .code = &code,
		.at = { line, -1, -1, -1 },
		.source = { .bytes = cached, .len = cached ? strlen(cached) : 0 } };
	struct source_text text = { 0 };
	bool found = source_of_place(source, &place, &text);
	AUTO_FREE char *got = found ? xstrndup(text.bytes, text.len) : xstrdup("nothing");
	ck_assert_str_eq(got, wanted ? wanted : "nothing");
}

/* The file itself, then linecache, then the archive. */
START_TEST(in_order)
{
	AUTO_FREE char *path = tempdir_write(&dir, "x.py", "line 1\n  \n", 10);
	AUTO_FREE char *gone = tempdir_path(&dir, "gone.py");
	struct zip z;
	make_zip(&z, "#!/usr/bin/python3\n", false, "");
	free(tempdir_write(&dir, "x.pyz", z.bytes.bytes, z.bytes.len));
	AUTO_FREE char *member = tempdir_path(&dir, "x.pyz/pkg/b.py");
	AUTO_FREE char *below = tempdir_path(&dir, "x.pyz/pkg/b.py/c.py");
	AUTO_FREE char *no_archive = tempdir_path(&dir, "x.py/pkg/b.py");
	expect(path, "f", 1, 1, NULL, "line 1");
	expect(path, "f", 1, 1, "  cached\n", "line 1");
	expect(path, "f", 1, 2, "  cached\n", "cached");
	expect(path, "f", 1, 3, NULL, NULL);
	expect(gone, "f", 1, 1, "  cached\n", "cached");
	expect(gone, "f", 1, 1, " \n", NULL);
	expect(gone, "f", 1, 1, NULL, NULL);
	expect("<ipython-1>", "f", 1, 1, "cached", "cached");
	expect(member, "f", 9, 2, NULL, "deflated(1)");
	expect(member, "f", 9, 2, "cached", "cached");
	expect(member, "f", 9, 4, NULL, NULL);
	expect(below, "f", 9, 2, NULL, NULL);
	expect(no_archive, "f", 9, 2, NULL, NULL);
	expect("x.pyz/pkg/b.py", "f", 9, 2, NULL, NULL);
	ck_assert_uint_eq(target.problems.len, 0);
	zip_fini(&z);
}
END_TEST

START_TEST(newer_archive)
{
	struct zip z;
	make_zip(&z, "", false, "");
	AUTO_FREE char *archive = tempdir_write(&dir, "x.zip", z.bytes.bytes, z.bytes.len);
	AUTO_FREE char *member = tempdir_path(&dir, "x.zip/pkg/b.py");
	struct stat st;
	ck_assert_int_eq(stat(archive, &st), 0);
	for (int later = 1; later >= -1; later--) {
		source_close(source);
		target.as_of = (struct timespec){ st.st_ctim.tv_sec + later, st.st_ctim.tv_nsec };
		source = source_open(&target);
		expect(member, "b", 1, 2, NULL, later >= 0 ? "deflated(1)" : NULL);
	}
	zip_fini(&z);
}
END_TEST

/* Through a pipe comes no time: no file is known to be what ran, and it is said once. */
START_TEST(no_time)
{
	struct zip z;
	make_zip(&z, "", false, "");
	free(tempdir_write(&dir, "x.zip", z.bytes.bytes, z.bytes.len));
	zip_fini(&z);
	free(tempdir_write(&dir, "y.py", "old\n", 4));
	AUTO_FREE char *member = tempdir_path(&dir, "x.zip/pkg/b.py");
	AUTO_FREE char *file = tempdir_path(&dir, "y.py");
	expect(file, "f", 1, 1, NULL, "old");
	source_close(source);
	target.as_of = (struct timespec){ .tv_sec = NO_TIME };
	source = source_open(&target);
	expect("/no/such.py", "f", 1, 1, NULL, NULL);
	ck_assert_uint_eq(target.problems.len, 0);
	expect(member, "b", 1, 2, NULL, NULL);
	expect(file, "f", 1, 1, NULL, NULL);
	expect(file, "f", 1, 1, "held", "held");
	ck_assert_uint_eq(target.problems.len, 1);
	ck_assert_str_eq(target.problems.list[0].where, "source lines");
	ck_assert(!target.problems.list[0].damage);
}
END_TEST

/* Below the folder: sub/x.py, b.py, and an archive. */
static void map_folder(struct source_map *maps, size_t n)
{
	static const char text[] = "import x\n\n@deco\ndef f(x):\n    return 1\n"
				   "async  def g (x): return 2\nclass C: x = 3\n";
	AUTO_FREE char *sub = tempdir_path(&dir, "sub");
	mkdir(sub, 0700);
	free(tempdir_write(&dir, "sub/x.py", text, sizeof(text) - 1));
	free(tempdir_write(&dir, "x.py", "other 1\n", 8));
	struct zip z;
	make_zip(&z, "", false, "");
	free(tempdir_write(&dir, "x.zip", z.bytes.bytes, z.bytes.len));
	zip_fini(&z);
	target.as_of = (struct timespec){ 0 }; /* all files are newer */
	source_set_maps(source, maps, n);
}

START_TEST(mapped)
{
	AUTO_FREE char *sub = tempdir_path(&dir, "sub");
	AUTO_FREE char *one = tempdir_path(&dir, "x.py");
	struct source_map maps[] = { { "/app", "/nowhere" }, { "/app/src/", sub },
		{ "/app/src/deep/er", dir.path }, { ".", sub }, { "/one.py", one } };
	map_folder(maps, ARRAY_LEN(maps));
	expect("/app/src/x.py", "f", 3, 5, NULL, "return 1");
	expect("/app/src/x.py", "f", 4, 5, NULL, "return 1");
	expect("/app/src/x.py", "<module>", 1, 1, NULL, "import x");
	expect("/app/src/x.py", "g", 6, 6, NULL, "async  def g (x): return 2");
	expect("/app/src/x.py", "C", 7, 7, NULL, "class C: x = 3");
	ck_assert_uint_eq(target.problems.len, 1);
	ck_assert(!target.problems.damage);
	expect("/app/src/deep/er/x.py", "<module>", 1, 1, NULL, "other 1");
	expect("/app/src/deep/er/x.zip/pkg/a.py", "a", 1, 2, "cached", "stored(1)");
	expect("/one.py", "<module>", 1, 1, NULL, "other 1");
	expect("x.py", "<module>", 1, 1, NULL, "import x");
	expect("./x.py", "<module>", 1, 1, NULL, "import x");
	static const char *const none[] = { "/app/x.py", "/app/srcx/x.py", "/app/src/deep/erx.py",
		"/app/src", "/app/src/y.py", "/app/src/../x.py", "/app/src/..", "../x.py", "..",
		"/app/src/deep/er/sub/../x.py", "/app/src/x.py/y.py", "/one.pyc", "", "<string>" };
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		expect(none[i], "<module>", 1, 1, NULL, NULL);
	ck_assert_uint_eq(target.problems.len, 1);
}
END_TEST

/* A file whose functions are elsewhere is another version of it. */
START_TEST(mapped_but_not_what_ran)
{
	AUTO_FREE char *sub = tempdir_path(&dir, "sub");
	struct source_map map = { "/", sub };
	map_folder(&map, 1);
	expect("/x.py", "f", 5, 5, NULL, NULL);
	expect("/x.py", "other", 4, 5, NULL, NULL);
	expect("/x.py", "f2", 4, 5, NULL, NULL);
	expect("/x.py", "f", 400, 401, NULL, NULL);
	expect("/x.py", "f", 5, 5, "cached", "cached");
	ck_assert_uint_eq(target.problems.len, 1);
	expect("/x.py", "f", 4, 5, NULL, "return 1");
	ck_assert_uint_eq(target.problems.len, 2);
	ck_assert(!target.problems.damage);
}
END_TEST

/* No path makes more work than so much. */
START_TEST(many_files)
{
	AUTO_FREE char *path = tempdir_write(&dir, "x.py", "line 1\n", 7);
	AUTO_FREE char *other = tempdir_write(&dir, "y.py", "line 1\n", 7);
	AUTO_STR(deep);
	expect(path, "f", 1, 1, NULL, "line 1");
	str_puts(&deep, path);
	for (int i = 0; i < 1500; i++)
		str_puts(&deep, "/x");
	for (int i = 0; i < SOURCE_OPENS_MAX / 1500 + 1; i++) {
		str_putc(&deep, 'x');
		expect(str_text(&deep), "f", 1, 1, NULL, NULL);
	}
	expect(path, "f", 1, 1, NULL, "line 1");
	expect(other, "f", 1, 1, NULL, NULL);
}
END_TEST

START_TEST(many_bytes)
{
	enum { SIZE = SOURCE_FILE_MAX, FILES = SOURCE_TOTAL_MAX / SIZE };
	AUTO_FREE char *path = tempdir_write(&dir, "0", "line 1\n", 7);
	ck_assert_int_eq(truncate(path, SIZE), 0);
	AUTO_FREE char *larger = tempdir_write(&dir, "larger", "line 1\n", 7);
	ck_assert_int_eq(truncate(larger, SIZE + 1), 0);
	expect(larger, "f", 1, 1, NULL, NULL);
	for (int i = 0; i <= FILES; i++) {
		AUTO_FREE char *name = xasprintf("%d", i);
		AUTO_FREE char *link = tempdir_path(&dir, name);
		ck_assert(!i || !symlink(path, link));
		expect(link, "f", 1, 1, NULL, i < FILES ? "line 1" : NULL);
	}
}
END_TEST

Suite *suite_source(void)
{
	Suite *s = suite_create("source");
	TCase *tc = tcase_create("carets"), *lines = tcase_create("lines");
	TCase *zips = tcase_create("zip");
	glob_t pythons;
	size_t n = find_pythons(&pythons);
	globfree(&pythons);
	tcase_add_loop_test(tc, underlined, 0, ARRAY_LEN(underlines));
	tcase_add_test(tc, several_lines);
	tcase_add_test(tc, coloured);
	tcase_add_test(tc, any_text);
	tcase_add_loop_test(tc, as_python_underlines, 0, (int)n);
	if (!n)
		fputs("SKIP carets: there is no Python from 3.11 on to compare with\n", stderr);
	tcase_set_timeout(tc, 120);
	suite_add_tcase(s, tc);
	tcase_add_loop_test(zips, zip_members, 0, 8);
	tcase_add_loop_test(zips, zip_bad_members, 0, ARRAY_LEN(bad_members));
	tcase_add_loop_test(zips, zip_damaged, 0, 2);
	tcase_add_test(zips, zip_budget);
	suite_add_tcase(s, zips);
	tcase_add_checked_fixture(lines, setup, teardown);
	tcase_add_test(lines, in_order);
	tcase_add_test(lines, newer_archive);
	tcase_add_test(lines, no_time);
	tcase_add_test(lines, mapped);
	tcase_add_test(lines, mapped_but_not_what_ran);
	tcase_add_test(lines, many_files);
	tcase_add_test(lines, many_bytes);
	suite_add_tcase(s, lines);
	return s;
}
