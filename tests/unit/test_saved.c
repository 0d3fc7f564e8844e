/* SPDX-License-Identifier: Apache-2.0 */
/* Surveys that were saved as JSON: good ones, changed ones, damaged ones. */
#include "suites.h"

#include "pycore/alloc.h"
#include "pycore/container.h"
#include "pycore/limits.h"
#include "pycore/survey.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define HEAD                                                                                       \
	"{\"schema\": \"pycore.survey\", \"schema_version\": 1, \"pycore\": \"0.1.0\",\n"          \
	" \"source\": {\"kind\": \"core\", \"path\": \"old/core.1\", \"pid\": 7},\n"
#define BY_TYPE HEAD " \"by\": \"type\", \"match\": null, \"lower_bound\": false,\n"
#define SUMS(count, bytes)                                                                         \
	"\"count\": " #count ", \"bytes\": " #bytes                                                \
	", \"gc_header_bytes\": 16, \"owned_bytes\": 8, "                                          \
	"\"sizeof_bytes\": null, \"largest\": {\"address\": \"0x7f00\", \"bytes\": 5}"
#define TOTALS(count, bytes, n)                                                                    \
	"\"totals\": {\"objects\": " #count ", \"bytes\": " #bytes ", \"gc_header_bytes\": 16" n   \
	", \"owned_bytes\": 8, \"sizeof_bytes\": 3}, "
#define REST "\"before\": null, \"changes\": [], \"problems\": [], \"checks\": []}\n"
#define ONE(type, module)                                                                          \
	BY_TYPE " \"rows\": [{\"type\": " type ", \"module\": " module                             \
		", " SUMS(3, 40) "}], " TOTALS(3, 40, "") REST
#define GOOD ONE("\"Session\"", "\"app\"")

static const struct container_options defaults;
static char path[64];

static void make_path(void)
{
	strcpy(path, "/tmp/pycore-saved-XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void drop_path(void)
{
	unlink(path);
}

static void write_file(const void *bytes, size_t n)
{
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

/* NULL: it was refused, and `why` holds the reason. */
static struct survey *load_bytes(const void *bytes, size_t n, bool whole, struct str *why)
{
	struct survey *s = NULL;
	write_file(bytes, n);
	bool good = survey_load(path, &defaults, whole, why, &s);
	ck_assert(good == (s != NULL));
	ck_assert_msg(good == !why->len, "%s", str_text(why));
	return s;
}

static struct survey *load(const char *text)
{
	AUTO_STR(why);
	struct survey *s = load_bytes(text, strlen(text), true, &why);
	ck_assert_msg(s != NULL, "%s", str_text(&why));
	return s;
}

static void refused(const char *text, const char *word)
{
	AUTO_STR(why);
	struct survey *s = load_bytes(text, strlen(text), true, &why);
	ck_assert_msg(!s, "loaded: %s", text);
	ck_assert_msg(
		strstr(str_text(&why), word) != NULL, "'%s' lacks '%s'", str_text(&why), word);
}

START_TEST(good_one)
{
	struct survey *s = load(GOOD);
	ck_assert_int_eq(s->by, SURVEY_BY_TYPE);
	ck_assert_ptr_null(s->match);
	ck_assert_uint_eq(s->n_rows, 1);
	ck_assert_str_eq(s->rows[0].type, "Session");
	ck_assert_str_eq(s->rows[0].module, "app");
	ck_assert_str_eq(s->rows[0].key, "app.Session");
	ck_assert_uint_eq(s->rows[0].sums.count, 3);
	ck_assert_uint_eq(s->rows[0].sums.bytes, 40);
	ck_assert_uint_eq(s->rows[0].sums.header_bytes, 16);
	ck_assert_uint_eq(s->rows[0].sums.owned_bytes, 8);
	ck_assert(!s->rows[0].getsizeof_known);
	ck_assert_uint_eq(s->rows[0].largest, 0x7f00);
	ck_assert_uint_eq(s->totals.count, 3);
	ck_assert_uint_eq(s->totals.getsizeof, 3);
	ck_assert(!s->saved->damage);
	ck_assert_str_eq(s->saved->of, "core file old/core.1");
	survey_free(s);
}
END_TEST

START_TEST(other_keys)
{
	struct survey *s = load(
		HEAD "\"by\": \"shape\", \"match\": \"a*\", \"lower_bound\": true,"
		     "\"rows\": [{\"key\": \"dict {a}\", " SUMS(1, 2) "}], " TOTALS(1, 2, "") REST);
	ck_assert_int_eq(s->by, SURVEY_BY_SHAPE);
	ck_assert_str_eq(s->match, "a*");
	ck_assert_str_eq(s->rows[0].key, "dict {a}");
	ck_assert_ptr_null(s->rows[0].type);
	ck_assert(s->lower_bound);
	ck_assert(!s->saved->damage); /* nothing of it is said to be missing */
	survey_free(s);
}
END_TEST

START_TEST(modules_that_are_not_shown)
{
	static const char *const documents[] = { ONE("\"dict\"", "\"builtins\""),
		ONE("\"dict\"", "\"__builtin__\""), ONE("\"dict\"", "null") };
	for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
		struct survey *s = load(documents[i]);
		ck_assert_str_eq(s->rows[0].key, "dict");
		survey_free(s);
	}
}
END_TEST

START_TEST(says_that_it_is_damaged)
{
	struct survey *s = load(BY_TYPE "\"rows\": [], \"totals\": {\"objects\": 0, \"bytes\": 0, "
					"\"gc_header_bytes\": 0, \"owned_bytes\": 0}, "
					"\"problems\": [{\"damage\": false}, {\"damage\": true}]}");
	ck_assert(s->saved->damage);
	survey_free(s);
	s = load(BY_TYPE "\"rows\": [], \"totals\": {\"objects\": 0, \"bytes\": 0, "
			 "\"gc_header_bytes\": 0, \"owned_bytes\": 0}, \"checks\": [{\"ok\": "
			 "false}]}");
	ck_assert(s->saved->damage);
	survey_free(s);
}
END_TEST

START_TEST(refused_documents)
{
	refused("", "no valid JSON");
	refused("[]", "not what pycore survey");
	refused("{}", "not what pycore survey");
	refused("{\"schema\": \"pycore.dump\"}", "'pycore.dump'");
	refused("{\"schema\": 7}", "not what pycore survey");
	refused("{\"schema\": \"pycore.survey\"}", "version 0");
	refused("{\"schema\": \"pycore.survey\", \"schema_version\": 2}", "version 2");
	refused(HEAD "\"by\": \"colour\"}", "'colour'");
	refused(HEAD "\"by\": null}", "a survey by ''");
	refused(BY_TYPE "\"pycore\": \"2\"}", "duplicate");
	refused(BY_TYPE "\"rows\": []}", "no totals");
	refused(BY_TYPE TOTALS(0, 0, "") REST, "no rows");
	refused(BY_TYPE "\"rows\": {}, " TOTALS(0, 0, "") REST, "no rows");
	refused(BY_TYPE "\"rows\": [7], " TOTALS(0, 0, "") REST, "row 1");
	refused(ONE("null", "null"), "row 1");
	refused(ONE("\"x\"", "7"), "row 1");
	refused(BY_TYPE "\"rows\": [{\"type\": \"x\", \"module\": null, " SUMS(-3, 4) "}]}",
		"row 1");
	refused(BY_TYPE "\"rows\": [{\"type\": \"x\", \"module\": null, " SUMS(3.5, 4) "}]}",
		"row 1");
	refused(BY_TYPE "\"rows\": [{\"type\": \"x\", \"module\": null, " SUMS(
			99999999999999999999, 4) "}]}",
		"no valid JSON");
	refused(BY_TYPE "\"rows\": [{\"type\": \"x\", \"module\": null, " SUMS(3, 4) "}], " TOTALS(
			4, 4, "") REST,
		"do not come to its totals");
	refused(BY_TYPE "\"rows\": [{\"type\": \"x\", \"module\": null, " SUMS(3, 4) "}], " TOTALS(
			3, 4, "0") REST,
		"do not come to its totals");
}
END_TEST

START_TEST(deep_ones_are_refused)
{
	enum { LEVELS = 100000 };
	AUTO_STR(text);
	AUTO_STR(why);
	str_puts(&text, "{\"schema\": ");
	for (int i = 0; i < LEVELS; i++)
		str_putc(&text, '[');
	ck_assert_ptr_null(load_bytes(str_text(&text), text.len, true, &why));
}
END_TEST

START_TEST(size_is_limited)
{
	AUTO_STR(why);
	struct survey *s;
	write_file(GOOD, sizeof(GOOD) - 1);
	ck_assert_int_eq(truncate(path, (off_t)SAVED_SURVEY_MAX + 1), 0);
	ck_assert(!survey_load(path, &defaults, false, &why, &s));
	ck_assert_ptr_nonnull(strstr(str_text(&why), "larger than 256 MiB"));
}
END_TEST

START_TEST(no_file)
{
	AUTO_STR(why);
	struct survey *s;
	ck_assert(!survey_load("/nonexistent/file", &defaults, false, &why, &s));
	ck_assert_str_eq(str_text(&why), "No such file or directory");
	ck_assert(!survey_is_saved("/nonexistent/file", &defaults));
}
END_TEST

START_TEST(told_from_cores)
{
	write_file(" \n\t{", 4);
	ck_assert(survey_is_saved(path, &defaults));
	write_file("\x7f"
		   "ELF",
		4);
	ck_assert(!survey_is_saved(path, &defaults));
	write_file("", 0);
	ck_assert(!survey_is_saved(path, &defaults));
	write_file("   ", 3);
	ck_assert(!survey_is_saved(path, &defaults));
}
END_TEST

static void pack(const char *text, size_t n)
{
	gzFile f = gzopen(path, "wb");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(gzwrite(f, text, (unsigned)n), (int)n);
	gzclose(f);
}

START_TEST(compressed)
{
	AUTO_STR(why);
	struct survey *s;
	pack(GOOD, sizeof(GOOD) - 1);
	ck_assert(survey_is_saved(path, &defaults));
	ck_assert(survey_load(path, &defaults, false, &why, &s));
	ck_assert_uint_eq(s->totals.bytes, 40);
	survey_free(s);
	ck_assert_int_eq(truncate(path, 40), 0);
	ck_assert(!survey_load(path, &defaults, false, &why, &s));
	ck_assert(why.len);
}
END_TEST

START_TEST(no_room_to_unpack)
{
	enum { SIZE = 1 << 20, ROOM = 4096 };
	AUTO_STR(why);
	struct survey *s;
	const struct container_options few = { .tmp_limit = ROOM };
	AUTO_FREE char *text = xmalloc(SIZE);
	memset(text, ' ', SIZE);
	text[0] = '{';
	pack(text, SIZE);
	ck_assert(!survey_load(path, &few, false, &why, &s));
	ck_assert_ptr_nonnull(strstr(str_text(&why), "--tmp-limit"));
}
END_TEST

/* What JSON can hold and jansson or a terminal cannot. */
START_TEST(characters)
{
	struct survey *s =
		load(ONE("\"a\\udc80b\\ud83d\\ude00c\\ud83d\\\\udc80\\n\"", "\"m\\u0000n\""));
	ck_assert_str_eq(s->rows[0].type, "a\xef\xbf\xbd"
					  "b\xf0\x9f\x98\x80"
					  "c\xef\xbf\xbd\\udc80\n");
	ck_assert_str_eq(s->rows[0].module, "m");
	survey_free(s);
	refused(ONE("\"\\ud8\"", "null"), "no valid JSON");
	refused(ONE("\"\\udcg0\"", "null"), "no valid JSON");
	refused(ONE("\"\xff\"", "null"), "no valid JSON");
	refused("{\"\\ud8", "no valid JSON");
	refused("{\"\\ud83d\\", "no valid JSON");
}
END_TEST

START_TEST(parts_are_ascii)
{
	struct survey *s = load(BY_TYPE
		"\"rows\": [], \"totals\": {\"objects\": 0, \"bytes\": 0, \"gc_header_bytes\": 0, "
		"\"owned_bytes\": 0}, \"more\": \"\x7f\u202e\\u001b\", \"list\": [1, [2]], "
		"\"changes\": [7], \"before\": \"x\"}");
	const struct survey_saved *d = s->saved;
	ck_assert_uint_eq(d->n_parts, 8);
	ck_assert_str_eq(d->parts[0].key, "source");
	ck_assert_str_eq(d->parts[1].json, "\"type\"");
	ck_assert_str_eq(d->parts[4].json, "[]");
	ck_assert_str_eq(d->parts[6].key, "more");
	ck_assert_str_eq(d->parts[6].json, "\"\\u007f\\u202E\\u001B\"");
	ck_assert_str_eq(d->parts[7].json, "[\n    1,\n    [2]\n  ]");
	survey_free(s);
}
END_TEST

#define RUNTIMES(runtime, fields)                                                                  \
	BY_TYPE "\"runtime\": " runtime ", \"runtimes\": [{}, {" fields "}], \"rows\": [], "       \
		"\"totals\": {\"objects\": 0, \"bytes\": 0, \"gc_header_bytes\": 0, "              \
		"\"owned_bytes\": 0}, \"problems\": []}"
#define OF_S390X                                                                                   \
	"\"version\": \"3.14.8\", \"pointer_bits\": 64, \"byte_order\": \"big\", \"debug\": "      \
	"true, "                                                                                   \
	"\"layout\": {\"row\": \"3.14 s390x\"}"

START_TEST(builds)
{
	AUTO_STR(why);
	struct survey *s = load(RUNTIMES("1", OF_S390X)), *none = load(RUNTIMES("0", OF_S390X));
	struct survey_build b = s->saved->build, same = b;
	ck_assert_str_eq(b.version, "3.14.8");
	ck_assert_uint_eq(b.machine, EM_S390);
	ck_assert_uint_eq(b.ptr_size, 8);
	ck_assert_uint_eq(b.abi, ABI_DEBUG);
	ck_assert_int_eq(b.order, ORDER_BIG);
	strcpy(same.version, "3.14.0rc1");
	ck_assert(!survey_builds_differ(&b, &same, &why));
	ck_assert(!survey_builds_differ(&b, &none->saved->build, &why));
	ck_assert_uint_eq(why.len, 0);
	strcpy(same.version, "3.1.8");
	ck_assert(survey_builds_differ(&same, &b, &why));
	ck_assert_str_eq(str_text(&why), "the first is of Python 3.1.8, a debug build, on s390x, "
					 "this one of 3.14.8, a debug "
					 "build, on s390x: their sizes are not comparable");
	survey_free(none);
	survey_free(s);
}
END_TEST

START_TEST(builds_that_are_not_told)
{
	static const char *const texts[] = {
		RUNTIMES("7", OF_S390X),
		RUNTIMES("\"1\"", OF_S390X),
		RUNTIMES("1", "\"version\": null, \"pointer_bits\": 64, \"byte_order\": \"big\""),
		RUNTIMES("1",
			"\"version\": \"3.1\", \"pointer_bits\": -64, \"byte_order\": \"big\""),
		RUNTIMES("1", "\"version\": \"3.1\", \"pointer_bits\": 64"),
		RUNTIMES("1", "\"version\": \"3.100000000000000000000000000000000\", "
			      "\"pointer_bits\": 64, \"byte_order\": \"big\""),
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct survey *s = load(texts[i]);
		ck_assert_str_eq(s->saved->build.version, "");
		survey_free(s);
	}
}
END_TEST

START_TEST(notes_are_added)
{
	struct survey *s = load(RUNTIMES("0", ""));
	const struct survey_saved_part *last = &s->saved->parts[s->saved->n_parts - 1];
	ck_assert_str_eq(last->key, "problems");
	survey_saved_note(s, "here", "\"\x1b\x7f");
	ck_assert_str_eq(last->json,
		"[\n    {\"where\": \"here\", \"address\": null, \"why\": \"\\\"\\u001B\\u007f\", "
		"\"damage\": false}\n  ]");
	survey_free(s);
}
END_TEST

/* Whatever byte is changed or lost: it is read or refused, with a reason. */
START_TEST(any_damage)
{
	static const char others[] = "\0\"{}[]\\,:-9u\x80\xff";
	char text[] = GOOD;
	for (size_t i = 0; i + 1 < sizeof(text); i++) {
		char was = text[i];
		for (size_t k = 0; k < sizeof(others) - 1; k++) {
			AUTO_STR(why);
			text[i] = others[k];
			survey_free(load_bytes(text, sizeof(text) - 1, true, &why));
		}
		text[i] = was;
		AUTO_STR(cut);
		survey_free(load_bytes(text, i, true, &cut));
	}
}
END_TEST

static struct survey *counted(const char *module, const char *type, uint64_t count)
{
	struct survey *s = xcalloc(1, sizeof(*s));
	s->rows = arena_alloc(&s->arena, sizeof(*s->rows));
	s->rows[0] = (struct survey_row){ .module = module,
		.type = type,
		.key = type,
		.sums = { .count = count, .bytes = 40, .header_bytes = 16, .owned_bytes = 8 } };
	s->n_rows = 1;
	s->totals = s->rows[0].sums;
	return s;
}

static size_t changes(struct survey *before, struct survey *after)
{
	struct survey_diff *d = survey_compare(before, after, SURVEY_SORT_SIZE);
	size_t n = d->n_rows;
	survey_diff_free(d);
	survey_free(before);
	survey_free(after);
	return n;
}

/* Names that JSON cannot tell as they are still are the same names. */
START_TEST(names_are_matched)
{
	ck_assert_uint_eq(changes(load(GOOD), counted("app", "Session", 3)), 0);
	ck_assert_uint_eq(changes(load(GOOD), counted("app", "Session", 4)), 1);
	ck_assert_uint_eq(changes(load(GOOD), counted("web", "Session", 3)), 2);
	ck_assert_uint_eq(changes(load(ONE("\"Session\"", "null")), counted("", "Session", 3)), 0);
	ck_assert_uint_eq(
		changes(load(ONE("\"a\\udc80\"", "null")), counted("", "a\xed\xb2\x80", 3)), 0);
	ck_assert_uint_eq(
		changes(load(ONE("\"a\xef\xbf\xbd\"", "null")), counted("", "a\xe9", 3)), 0);
	ck_assert_uint_eq(changes(load(ONE("\"\\ud83d\\ude00\"", "null")),
				  counted("", "\xed\xa0\xbd\xed\xb8\x80", 3)),
		0);
	ck_assert_uint_eq(changes(load(ONE("\"\\u00e9\"", "null")), counted("", "\xc3\xa9", 3)), 0);
}
END_TEST

START_TEST(names_as_json_tells_them)
{
	static const struct {
		const char *name, *wanted;
	} rows[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\xc3", "\xef\xbf\xbd" },
		{ "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf5\x80\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\xbdx", "\xef\xbf\xbdx" },
		{ "\xed\xb8\x80\xed\xa0\xbd", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\xbd\xed\xb8\x80", "\xf0\x9f\x98\x80" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STR(text);
		survey_put_name(&text, rows[i].name);
		ck_assert_str_eq(str_text(&text), rows[i].wanted);
	}
}
END_TEST

Suite *suite_saved(void)
{
	Suite *s = suite_create("saved");
	TCase *t = tcase_create("saved");
	tcase_add_checked_fixture(t, make_path, drop_path);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, good_one);
	tcase_add_test(t, other_keys);
	tcase_add_test(t, modules_that_are_not_shown);
	tcase_add_test(t, says_that_it_is_damaged);
	tcase_add_test(t, refused_documents);
	tcase_add_test(t, deep_ones_are_refused);
	tcase_add_test(t, size_is_limited);
	tcase_add_test(t, no_file);
	tcase_add_test(t, told_from_cores);
	tcase_add_test(t, compressed);
	tcase_add_test(t, no_room_to_unpack);
	tcase_add_test(t, characters);
	tcase_add_test(t, parts_are_ascii);
	tcase_add_test(t, builds);
	tcase_add_test(t, builds_that_are_not_told);
	tcase_add_test(t, notes_are_added);
	tcase_add_test(t, any_damage);
	tcase_add_test(t, names_are_matched);
	tcase_add_test(t, names_as_json_tells_them);
	suite_add_tcase(s, t);
	return s;
}
