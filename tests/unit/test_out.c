/* SPDX-License-Identifier: Apache-2.0 */
/* Output: what is escaped and how, the JSON writer, stacks made short, and which source lines are
 * shown. */
#include "suites.h"

#include "tempdir.h"
#include "test_out_values.h"

#include "pycore/limits.h"
#include "pycore/out.h"

#include "../../src/out/facts.h"
#include "../../src/out/json.h"
#include "../../src/out/source.h"
#include "../../src/out/stacks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *bytes;
	size_t n;
	const char *text, *json;
} escapes[] = {
#define IN(s) s, sizeof(s) - 1
	{ IN(""), "", "" },
	{ IN("plain text 'x' `y` \"z\" \\"), "plain text 'x' `y` \"z\" \\",
		"plain text 'x' `y` \\\"z\\\" \\\\" },
	{ IN("\t\n\r"), "\\t\\n\\r", "\\u0009\\u000a\\u000d" },
	{ IN("\0\x01\x1b[31m\x1f\x7f"), "\\x00\\x01\\x1b[31m\\x1f\\x7f",
		"\\u0000\\u0001\\u001b[31m\\u001f\\u007f" },
	{ IN("\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0"), "\\x80\\x9b\\x9f\xc2\xa0",
		"\\u0080\\u009b\\u009f\xc2\xa0" },
	{ IN("caf\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x90\x8d"),
		"caf\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x90\x8d",
		"caf\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x90\x8d" },
	{ IN("\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8b\xe2\x80\xa8\xef\xbb\xbf"),
		"\\u202e\\u2066\\u200b\\u2028\\ufeff", "\\u202e\\u2066\\u200b\\u2028\\ufeff" },
	{ IN("\xd8\x9c\xc2\xad\xe1\xa0\x8e"), "\\u061c\\xad\\u180e", "\\u061c\\u00ad\\u180e" },
	{ IN("\xf3\xa0\x81\x81"), "\\U000e0041", "\xf3\xa0\x81\x81" },
	{ IN("\xed\xa0\x80\xed\xbf\xbf"), "\\ud800\\udfff", "\\ud800\\udfff" },
	{ IN("\xff\x80x\xc3(\xc3"), "\\xff\\x80x\\xc3(\\xc3",
		"\xef\xbf\xbd\xef\xbf\xbdx\xef\xbf\xbd(\xef\xbf\xbd" },
	{ IN("\xc0\x80\xe0\x80\x80"), "\\xc0\\x80\\xe0\\x80\\x80",
		"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ IN("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80",
		"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ IN("\xf0\x9f\x90"), "\\xf0\\x9f\\x90", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
};

START_TEST(escaped)
{
	AUTO_STR(text);
	AUTO_STR(json);
	out_escape_text(&text, escapes[_i].bytes, escapes[_i].n);
	out_escape_json(&json, escapes[_i].bytes, escapes[_i].n);
	ck_assert_str_eq(str_text(&text), escapes[_i].text);
	ck_assert_str_eq(str_text(&json), escapes[_i].json);
}
END_TEST

/* Every code point, surrogates too, and every pair of bytes: nothing that a terminal obeys comes
 * through, in either form. */
START_TEST(nothing_raw)
{
	AUTO_STR(in);
	AUTO_STR(out);
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		str_clear(&in), str_clear(&out);
		str_put_utf8(&in, cp);
		out_escape_text(&out, in.bytes, in.len);
		out_escape_json(&out, in.bytes, in.len);
		for (size_t i = 0; i < out.len; i++) {
			uint8_t b = (uint8_t)out.bytes[i], next = (uint8_t)out.bytes[i + 1];
			if (b < 0x20 || b == 0x7f || (b == 0xc2 && next < 0xa0) ||
				(b == 0xed && next >= 0xa0))
				ck_abort_msg("U+%04x",
					cp); /* an assertion for each would take minutes */
		}
	}
	for (unsigned pair = 0; pair <= 0xffff; pair++) {
		char bytes[2] = { (char)(pair >> 8), (char)pair };
		str_clear(&out);
		out_escape_text(&out, bytes, 2);
		for (size_t i = 0; i < out.len; i++) {
			if ((uint8_t)out.bytes[i] < 0x20)
				ck_abort_msg("bytes %04x", pair);
		}
	}
}
END_TEST

START_TEST(json_document)
{
	AUTO_STR(to);
	struct json j = { .to = &to };
	json_open(&j, NULL, '{');
	json_text(&j, "text", "a\"b\n");
	json_text(&j, "none", NULL);
	json_int(&j, "least", INT64_MIN);
	json_uint(&j, "most", UINT64_MAX);
	json_seconds(&j, "seconds", 0.0011);
	json_bool(&j, "yes", true);
	json_addr(&j, "address", 0x7f12);
	json_open(&j, "empty", '[');
	json_close(&j, ']');
	json_open(&j, "list", '[');
	json_bytes(&j, NULL, "\0x", 2);
	json_null(&j, NULL);
	json_open(&j, NULL, '{');
	json_close(&j, '}');
	json_close(&j, ']');
	json_close(&j, '}');
	AUTO_STR(flat);
	for (size_t i = 0; i < to.len; i++) {
		if (to.bytes[i] != '\n' && to.bytes[i] != ' ')
			str_putc(&flat, to.bytes[i]);
	}
	ck_assert_str_eq(str_text(&flat),
		"{\"text\":\"a\\\"b\\u000a\",\"none\":null,\"least\":-9223372036854775808,\"most\":"
		"18446744073709551615,"
		"\"seconds\":0.001100,\"yes\":true,\"address\":\"0x7f12\",\"empty\":[],\"list\":["
		"\"\\u0000x\",null,{}]}");
	ck_assert_int_eq(to.bytes[to.len - 1], '\n');
}
END_TEST

/* Stacks out of letters, the outermost frame first; the same letter is the same place. */
enum { LETTERS = 26, STACK_MAX = 256 };
static struct py_code codes[LETTERS];
static struct py_place places[LETTERS];

struct stack {
	struct py_frame frames[STACK_MAX];
	struct os_thread os;
	struct py_thread thread;
};

static void make_stack(struct stack *s, const char *letters)
{
	size_t n = strlen(letters);
	*s = (struct stack){ 0 };
	for (size_t i = 0; i < LETTERS; i++) {
		codes[i].number = (uint32_t)i;
		places[i] = (struct py_place){
			.code = &codes[i], .offset = 2, .at = { (int32_t)i + 1, -1, -1, -1 }
		};
	}
	for (size_t i = 0; i < n; i++)
		s->frames[n - 1 - i] = (struct py_frame){ .addr = 0x1000 + 16 * i,
			.place = &places[letters[i] - 'a'] };
	s->thread = (struct py_thread){
		.addr = 1, .os = &s->os, .frames = s->frames, .n_frames = n, .gil = GIL_NONE
	};
}

static const struct {
	const char *letters;
	size_t period, times;
} repeats[] = {
	{ "a", 1, 1 },
	{ "abc", 1, 1 },
	{ "aaa", 1, 1 }, /* not worth it */
	{ "aaaa", 1, 4 },
	{ "aaaaaaab", 1, 7 },
	{ "baaaaaaa", 1, 1 }, /* only at the outer end */
	{ "ababab", 1, 1 },
	{ "abababab", 2, 4 },
	{ "ababababa", 2, 4 },
	{ "abcabcabcabcabcx", 3, 5 },
	{ "aabaabaabaab", 3, 4 },
};

START_TEST(repeated)
{
	struct stack s;
	make_stack(&s, repeats[_i].letters);
	CLEANUP(shown_stack_fini) struct shown_stack shown;
	shown_stack_init(&shown, &s.thread, OUT_NATIVE_INNER);
	ck_assert_uint_eq(shown.n, s.thread.n_frames);
	struct repeat r = stack_repeat(shown.frames, shown.n);
	ck_assert_uint_eq(r.period, repeats[_i].period);
	ck_assert_uint_eq(r.times, repeats[_i].times);
}
END_TEST

/* Whatever the stack: the runs cover it exactly. */
START_TEST(repeats_cover)
{
	struct stack s;
	char letters[STACK_MAX];
	uint32_t seed = 1;
	for (int round = 0; round < 2000; round++) {
		size_t n = 1 + (seed >> 16) % (STACK_MAX - 2), left = n;
		for (size_t i = 0; i < n; i++)
			letters[i] =
				'a' + ((seed = seed * 1103515245 + 12345) >> 16) % (1 + round % 3);
		letters[n] = '\0';
		make_stack(&s, letters);
		CLEANUP(shown_stack_fini) struct shown_stack shown;
		shown_stack_init(&shown, &s.thread, OUT_NATIVE_INNER);
		while (left) {
			struct repeat r = stack_repeat(shown.frames, left);
			ck_assert_uint_ge(r.period * r.times, 1);
			ck_assert_uint_le(r.period * r.times, left);
			ck_assert(r.times == 1 || r.times > REPEATS_SHOWN);
			left -= r.period * r.times;
		}
	}
}
END_TEST

START_TEST(grouped)
{
	static const char *const letters[] = { "abc", "abd", "abc", "", "abc", "abc", "", "ab" };
	static struct stack stacks[ARRAY_LEN(letters)];
	const struct py_thread *list[ARRAY_LEN(letters)];
	for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
		make_stack(&stacks[i], letters[i]);
		list[i] = &stacks[i].thread;
	}
	stacks[0].os.crashed = true;
	stacks[5].thread.gil = GIL_HOLDER;
	struct stack_groups g;
	stack_groups_init(&g, list, ARRAY_LEN(letters), OUT_NATIVE_INNER, true);
	ck_assert_uint_eq(g.n, 6); /* 0 crashed; 1; 2 and 4; 3 and 6; 5 holds the GIL; 7 */
	ck_assert_uint_eq(g.list[2].n, 2);
	ck_assert_ptr_eq(g.list[2].threads[1], list[4]);
	ck_assert_uint_eq(g.list[3].n, 2);
	stack_groups_fini(&g);
	stack_groups_init(&g, list, ARRAY_LEN(letters), OUT_NATIVE_INNER, false);
	ck_assert_uint_eq(g.n, ARRAY_LEN(letters));
	stack_groups_fini(&g);
	stack_groups_init(&g, list, 0, OUT_NATIVE_INNER, true);
	ck_assert_uint_eq(g.n, 0);
	stack_groups_fini(&g);
}
END_TEST

static struct tempdir dir;
static struct target target;
static struct source *source;

static void setup_source(void)
{
	tempdir_init(&dir);
	target = (struct target){ .kind = TARGET_CORE, .as_of = { .tv_sec = INT32_MAX } };
	source = source_open(&target);
}

static void teardown_source(void)
{
	source_close(source);
	tempdir_fini(&dir);
}

/* NULL: there is none. */
static void expect_line(const char *path, int line, const char *wanted)
{
	AUTO_STR(text);
	bool found = source_line(source, path, line, &text);
	ck_assert_msg(found == (wanted != NULL), "%s:%d: %s", path, line,
		found ? str_text(&text) : "nothing");
	ck_assert_str_eq(str_text(&text), wanted ? wanted : "");
}

START_TEST(source_lines)
{
	static const char content[] = "first\n\n  \tthird \r\n\f\nno end of line";
	AUTO_FREE char *path = tempdir_write(&dir, "x.py", content, sizeof(content) - 1);
	static const char *const lines[] = { NULL, "first", NULL, "third", NULL, "no end of line",
		NULL };
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < (int)ARRAY_LEN(lines); i++)
			expect_line(path, i, lines[i]);
	}
	expect_line(path, -1, NULL);
	expect_line(path, INT32_MAX, NULL);
	AUTO_FREE char *empty = tempdir_write(&dir, "empty.py", "", 0);
	expect_line(empty, 1, NULL);
	AUTO_FREE char *link = tempdir_path(&dir, "link.py");
	ck_assert_int_eq(symlink(path, link), 0);
	expect_line(link, 1, "first");
}
END_TEST

START_TEST(source_of_a_long_line)
{
	size_t n = SOURCE_LINE_MAX + 1000;
	AUTO_FREE char *content = xmalloc(n);
	memset(content, 'x', n);
	AUTO_FREE char *path = tempdir_write(&dir, "x.py", content, n);
	AUTO_STR(text);
	ck_assert(source_line(source, path, 1, &text));
	ck_assert_uint_eq(text.len, SOURCE_LINE_MAX);
}
END_TEST

/* A file that changed after the process was there may not be what ran. */
START_TEST(source_newer)
{
	AUTO_FREE char *path = tempdir_write(&dir, "x.py", "line\n", 5);
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	for (int later = 1; later >= -1; later--) {
		source_close(source);
		target.as_of = (struct timespec){ st.st_mtim.tv_sec + later, st.st_mtim.tv_nsec };
		source = source_open(&target);
		expect_line(path, 1, later >= 0 ? "line" : NULL);
	}
	source_close(source);
	target.as_of = (struct timespec){ st.st_mtim.tv_sec, st.st_mtim.tv_nsec - 1 };
	source = source_open(&target);
	expect_line(path, 1, NULL);
}
END_TEST

/* A file that was put into the place of the one that ran, with the old one's time. */
START_TEST(source_replaced)
{
	AUTO_FREE char *path = tempdir_write(&dir, "x.py", "line\n", 5);
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	target.as_of = (struct timespec){ st.st_ctim.tv_sec - 10, 0 };
	const struct timespec old[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = st.st_mtim.tv_sec - 1000 } };
	ck_assert_int_eq(utimensat(AT_FDCWD, path, old, 0), 0);
	expect_line(path, 1, NULL);
}
END_TEST

/* Files that the target's user may not read are not shown to whoever reads the report. */
static const struct {
	mode_t mode;
	bool known, owner, group, more_groups, root;
	bool shown;
} readers[] = {
	{ .mode = 0644, .shown = true },
	{ .mode = 0640 },
	{ .mode = 0600 },
	{ .mode = 0004, .shown = true },
	{ .mode = 0644, .known = true, .shown = true },
	{ .mode = 0640, .known = true },
	{ .mode = 0400, .known = true, .owner = true, .shown = true },
	{ .mode = 0044, .known = true, .owner = true, .group = true },
	{ .mode = 0440, .known = true, .group = true, .shown = true },
	{ .mode = 0440, .known = true, .more_groups = true, .shown = true },
	{ .mode = 0404, .known = true, .group = true },
	{ .mode = 0404, .known = true, .more_groups = true },
	{ .mode = 0200, .known = true, .root = true, .shown = true },
	{ .mode = 0600, .root = true },
};

START_TEST(source_of_others)
{
	AUTO_FREE char *path = tempdir_write(&dir, "x.py", "line\n", 5);
	struct stat st;
	if (getuid()) {
		fputs("SKIP source: only root can give a file away\n", stderr);
		return;
	}
	ck_assert_int_eq(chown(path, 41000, 42000), 0);
	ck_assert_int_eq(chmod(path, readers[_i].mode), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	gid_t groups[] = { 43000, readers[_i].more_groups ? 42000 : 43001, 43002 };
	target.user = (struct target_user){
		.known = readers[_i].known,
		.uid = readers[_i].owner  ? 41000
		       : readers[_i].root ? 0
					  : 41001,
		.gid = readers[_i].group ? 42000 : NO_GROUP,
		.groups = groups,
		.n_groups = ARRAY_LEN(groups),
	};
	expect_line(path, 1, readers[_i].shown ? "line" : NULL);
}
END_TEST

START_TEST(source_refused)
{
	AUTO_FREE char *path = tempdir_write(&dir, "x.py", "line\n", 5);
	AUTO_FREE char *fifo = tempdir_path(&dir, "fifo.py");
	AUTO_FREE char *up = xasprintf("%s/../%s/x.py", dir.path, strrchr(dir.path, '/') + 1);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	const char *const refused[] = { "", "x.py", "./x.py", "<string>",
		"<frozen importlib._bootstrap>", dir.path, fifo, up, "/proc/self/status",
		"/proc/self/../self/status", "/dev/zero", "/dev/null", "/nowhere/x.py",
		"//proc/self/status" };
	ck_assert_int_eq(chdir(dir.path), 0);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < ARRAY_LEN(refused); i++)
			expect_line(refused[i], 1, NULL);
	}
	expect_line(path, 1, "line");
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(names_of_signals)
{
	ck_assert_str_eq(signal_name(11), "SIGSEGV");
	ck_assert_str_eq(signal_name(1), "SIGHUP");
	ck_assert_str_eq(signal_name(31), "SIGSYS");
	static const int none[] = { 0, -1, 32, 64, 1000, INT32_MIN, INT32_MAX };
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		ck_assert_ptr_null(signal_name(none[i]));
	ck_assert_ptr_null(signal_code_name(11, 99));
	ck_assert_ptr_null(signal_code_text(11, INT32_MIN));
	ck_assert_str_eq(signal_code_name(11, 1), "SEGV_MAPERR");
	ck_assert_str_eq(signal_code_name(7, 1), "BUS_ADRALN");
	ck_assert_str_eq(signal_code_name(6, -6), "SI_TKILL");
}
END_TEST

/* A disk that is full is an error that out_close() tells. */
START_TEST(writing_fails)
{
	static const struct out_options opt = { .schema = "pycore.dump" };
	for (int json = 0; json <= 1; json++) {
		FILE *full = fopen("/dev/full", "we");
		ck_assert_ptr_nonnull(full);
		struct out *o = json ? out_json_open(full, &opt) : out_text_open(full, &opt);
		str_puts(&o->buf, "text");
		ck_assert(!out_close(o));
		(void)fclose(full);
	}
}
END_TEST

Suite *suite_out(void)
{
	Suite *s = suite_create("out");
	TCase *tc = tcase_create("out"), *lines = tcase_create("source");
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, escaped, 0, ARRAY_LEN(escapes));
	tcase_add_test(tc, nothing_raw);
	tcase_add_test(tc, json_document);
	tcase_add_loop_test(tc, repeated, 0, ARRAY_LEN(repeats));
	tcase_add_test(tc, repeats_cover);
	tcase_add_test(tc, grouped);
	tcase_add_test(tc, names_of_signals);
	tcase_add_test(tc, writing_fails);
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(lines, setup_source, teardown_source);
	tcase_add_test(lines, source_lines);
	tcase_add_test(lines, source_of_a_long_line);
	tcase_add_test(lines, source_newer);
	tcase_add_test(lines, source_replaced);
	tcase_add_loop_test(lines, source_of_others, 0, ARRAY_LEN(readers));
	tcase_add_test(lines, source_refused);
	suite_add_tcase(s, lines);
	suite_add_tcase(s, tcase_out_values());
	return s;
}
