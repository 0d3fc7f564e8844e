/* SPDX-License-Identifier: Apache-2.0 */
/* Output of values: variables, globals, objects and exceptions, out of structs made up here. */
#include "test_out_values.h"

#include "suites.h"

#include "pycore/limits.h"
#include "pycore/out.h"

#include "../../src/out/stacks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TEXT(s) ((struct py_text){ .bytes = (s), .len = sizeof(s) - 1 })
#define VALUE(s, ...)                                                                              \
	(&(const struct py_value){ .addr = 0x1000, .type = "int", .text = TEXT(s), __VA_ARGS__ })
#define NAMED(n, s, ...)                                                                           \
	{                                                                                          \
		.name = TEXT(n), .scope = (s), .value = VALUE(__VA_ARGS__)                         \
	}

/* A process with one thread and one interpreter, in which nothing can be opened. */
static struct target target;
static char core_path[] = "core";
static struct python python;
static struct py_interpreter interpreter;
static struct os_thread os;
static struct py_thread thread;
static struct py_code code;
static struct py_place place;
static struct py_frame frames[40];

/* What the report says. */
static char *text;
static size_t text_len;
static bool damage;

static void setup(void)
{
	target = (struct target){ .kind = TARGET_CORE, .path = core_path };
	interpreter = (struct py_interpreter){ .addr = 0x10, .main = true, .gc_running = -1 };
	os = (struct os_thread){ .tid = 7 };
	code = (struct py_code){
		.name = TEXT("f"), .qualname = TEXT("C.f"), .filename = TEXT("x")
	};
	place = (struct py_place){ .code = &code, .at = { 5, -1, -1, -1 } };
	for (size_t i = 0; i < ARRAY_LEN(frames); i++)
		frames[i] = (struct py_frame){ .addr = 0x2000 + 16 * i, .place = &place };
	thread = (struct py_thread){
		.addr = 1, .os = &os, .frames = frames, .n_frames = 1, .daemon = -1
	};
	python = (struct python){
		.target = &target, .interpreters = &interpreter, .n_interpreters = 1
	};
	text = NULL;
}

static void teardown(void)
{
	free(text);
}

enum section { THREADS, GLOBALS, OBJECTS, HEAD };

static const struct py_described *described;

/* One section, as text or as JSON whose white space is left out. */
static const char *shown(enum section section, const struct out_options *opt, bool json)
{
	const struct py_thread *list[] = { &thread };
	free(text);
	FILE *f = open_memstream(&text, &text_len);
	struct out *o = json ? out_json_open(f, opt) : out_text_open(f, opt);
	switch (section) {
	case THREADS:
		o->ops->interpreters(o, &python);
		o->ops->threads(o, &python, list, 1);
		break;
	case GLOBALS:
		o->ops->globals(o, &python);
		break;
	case OBJECTS:
		o->ops->objects(o, &described, 1);
		break;
	case HEAD:
		o->ops->process(o, &target);
		break;
	}
	damage = o->damage;
	ck_assert(out_close(o));
	(void)fclose(f);
	return text;
}

static const char *as_text(enum section section)
{
	return shown(section, &(struct out_options){ .colour = COLOUR_NEVER }, false);
}

static const char *as_json(enum section section)
{
	shown(section, &(struct out_options){ .schema = "x" }, true);
	size_t n = 0;
	for (const char *at = text; *at; at++) {
		if (*at != '\n' && *at != ' ')
			text[n++] = *at;
	}
	text[n] = '\0';
	return text;
}

static void ck_has(const char *where, const char *wanted)
{
	ck_assert_msg(strstr(where, wanted), "no '%s' in:\n%s", wanted, where);
}

static const struct err corrupt = { .code = ERR_CORRUPT, .addr = 0x77, .what = "dict keys" };

/* --- variables ------------------------------------------------------------------------------ */

START_TEST(variables_in_text)
{
	struct py_variable list[] = {
		NAMED("a", SCOPE_ARGUMENT, "'\\n\\\\'"),
		NAMED("b\n\x1b[1m", SCOPE_LOCAL, "'\x1b\xe2\x80\xae'", .truncated = true),
		NAMED("c", SCOPE_CELL, "[1]", .oddity = "reference count 0"),
		NAMED("d", SCOPE_FREE, "2"),
	};
	const struct py_variables v = { .list = list, .len = ARRAY_LEN(list), .omitted = 3 };
	frames[0].variables = &v;
	ck_assert_str_eq(as_text(THREADS), "\nThread 7, most recent call last:\n"
					   "  File \"x\", line 5, in C.f\n"
					   "      a = '\\n\\\\'\n"
					   "      b\\n\\x1b[1m = '\\x1b\\u202e'\n"
					   "      c (cell) = [1]  [reference count 0]\n"
					   "      d (free) = 2\n"
					   "      ... and 3 more\n");
	ck_assert(!damage);
}
END_TEST

START_TEST(variables_in_json)
{
	struct py_variable list[] = {
		NAMED("a", SCOPE_ARGUMENT, "1"),
		NAMED("b", SCOPE_CELL, "'x'", .redacted = true, .length = 9, .hash = 0xab),
		NAMED("c", SCOPE_FREE, "'x'", .truncated = true, .oddity = "odd"),
	};
	const struct py_variables v = { .list = list, .len = ARRAY_LEN(list), .omitted = 3 };
	ck_assert(!strstr(as_json(THREADS), "locals"));
	frames[0].variables = &v;
	as_json(THREADS);
	ck_has(text,
		"\"locals\":[{\"name\":\"a\",\"scope\":\"argument\",\"type\":\"int\",\"value\":"
		"\"1\",\"address\":\"0x1000\",\"truncated\":false,\"damaged\":false,"
		"\"oddity\":null,\"error\":null},");
	ck_has(text, "\"scope\":\"cell\",\"type\":\"int\",\"value\":{\"redacted\":true,\"type\":"
		     "\"int\",\"length\":9,\"hash\":\"00000000000000ab\"},");
	ck_has(text, "\"scope\":\"free\",\"type\":\"int\",\"value\":\"'x'\",\"address\":\"0x1000\","
		     "\"truncated\":true,\"damaged\":false,\"oddity\":\"odd\",\"error\":null}],"
		     "\"locals_omitted\":3,\"locals_error\":null}");
}
END_TEST

/* Whatever is damaged shows, and makes the exit status 2. */
START_TEST(damaged_variables)
{
	const struct py_value lost = { .addr = 0x1000,
		.text = TEXT("<damaged: dict keys, at 0x77>"),
		.why = corrupt,
		.damaged = true };
	struct py_variable lost_list[] = { { .name = TEXT("a"), .value = &lost } };
	struct py_variable part_list[] = { NAMED(
		"a", SCOPE_LOCAL, "[<damaged: x>]", .damaged = true) };
	const struct py_variables all[] = {
		{ .list = lost_list, .len = 1 },
		{ .list = part_list, .len = 1 },
		{ .why = corrupt },
	};
	static const char *const lines[] = { "      a = <damaged: dict keys, at 0x77>\n",
		"      a = [<damaged: x>]\n", "      <variables: dict keys: " };
	static const char *const keys[] = {
		"\"value\":null,\"address\":\"0x1000\",\"truncated\":false,\"damaged\":true,",
		"\"damaged\":true,\"oddity\":null,\"error\":null",
		"\"locals\":[],\"locals_omitted\":0,\"locals_error\":\"dict",
	};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		frames[0].variables = &all[i];
		ck_has(as_text(THREADS), lines[i]);
		ck_assert(damage);
		ck_has(as_json(THREADS), keys[i]);
		ck_assert(damage);
	}
}
END_TEST

START_TEST(globals_of_modules)
{
	struct py_variable list[] = { NAMED("x", SCOPE_LOCAL, "1") };
	struct py_globals second = { .module = TEXT("b\x1b"), .addr = 0x20 };
	struct py_globals first = { .module = TEXT("app"),
		.addr = 0x10,
		.names = { .list = list, .len = 1 },
		.next = &second };
	interpreter.id = 4;
	ck_assert_str_eq(as_text(GLOBALS), "");
	ck_assert(!strstr(as_json(GLOBALS), "globals"));
	python.globals = &first;
	python.options.globals = true;
	ck_assert_str_eq(as_text(GLOBALS), "\nGlobals of app (interpreter 4):\n  x = 1\n"
					   "\nGlobals of b\\x1b (interpreter 4):\n");
	ck_has(as_json(GLOBALS),
		"\"globals\":[{\"module\":\"app\",\"runtime\":0,\"interpreter\":4,"
		"\"address\":\"0x10\",\"names\":[{\"name\":\"x\",\"type\":\"int\",");
}
END_TEST

START_TEST(objects_by_address)
{
	struct py_variable list[] = { NAMED("x", SCOPE_LOCAL, "1") };
	struct py_described d = { .value = VALUE("<X>"),
		.type = 0x99,
		.refcount_known = true,
		.refcount = 3,
		.gc = "tracked",
		.size = 48,
		.attributes = { .list = list, .len = 1 } };
	described = &d;
	ck_assert_str_eq(as_text(OBJECTS), "Object at 0x1000:\n"
					   "  Type:       int, at 0x99\n"
					   "  Size:       48 bytes\n"
					   "  References: 3\n"
					   "  GC:         tracked\n"
					   "  Value:      <X>\n"
					   "  Attributes:\n"
					   "    x = 1\n");
	ck_has(as_json(OBJECTS), "\"objects\":[{\"type\":\"int\",\"value\":\"<X>\"");
	ck_has(text, "\"type_address\":\"0x99\",\"size\":48,\"refcount\":3,\"immortal\":false,"
		     "\"gc\":\"tracked\",\"attributes\":[{\"name\":\"x\"");
	d.immortal = true;
	d.size = 0;
	d.gc = NULL;
	ck_has(as_text(OBJECTS), "  Size:       not known\n  References: immortal, not counted\n"
				 "  GC:         not known\n");
	d.refcount_known = false;
	ck_has(as_text(OBJECTS), "  References: not known\n");
	ck_has(as_json(OBJECTS), "\"size\":null,\"refcount\":null,");
	d.value = &(const struct py_value){ .addr = 0x1000,
		.text = TEXT("<damaged: dict keys, at 0x77>"),
		.why = corrupt,
		.damaged = true };
	d.attributes.len = 0;
	ck_has(as_text(OBJECTS),
		"Object at 0x1000:\n  there is none: <damaged: dict keys, at 0x77>\n");
	ck_assert(damage);
}
END_TEST

/* --- exceptions ----------------------------------------------------------------------------- */

/* An exception with n frames. */
#define RAISED(t, m, n, ...)                                                                       \
	{                                                                                          \
		.addr = 0x500, .type = (t), .message = TEXT(m), .traceback = frames,               \
		.n_traceback = (n), __VA_ARGS__                                                    \
	}

#define TRACEBACK "  Traceback (most recent call last):\n    File \"x\", line 5, in f\n"
#define HANDLING(t)                                                                                \
	"\nThread 7, most recent call last:\n  File \"x\", line 5, in C.f\n\n  Handling " t ":\n"

static const char *exception_text(const struct py_exception *e)
{
	thread.exception = e;
	return as_text(THREADS);
}

START_TEST(exception_alone)
{
	struct py_exception e =
		RAISED("ValueError", "bad\nvalue\x1b", 1, .state = EXCEPTION_HANDLED);
	ck_assert_str_eq(exception_text(&e),
		HANDLING("ValueError") TRACEBACK "  ValueError: bad\n  value\\x1b\n");
	ck_assert(!damage);
	e.state = EXCEPTION_RAISED;
	e.message = (struct py_text){ .bytes = "" };
	e.n_traceback = 0;
	ck_has(exception_text(&e), "\n\n  Raising ValueError:\n  ValueError\n");
	e.message_is_args = true;
	e.message = TEXT("(1, 2)");
	ck_has(exception_text(&e),
		"  ValueError: (1, 2)\n  [these are its arguments; its own __str__ was not run]\n");
}
END_TEST

START_TEST(exception_notes)
{
	struct py_text notes[] = { TEXT("one\ntwo"), TEXT("three") };
	struct py_exception e = RAISED("E", "m", 0, .notes = notes, .n_notes = 2);
	ck_has(exception_text(&e), "  E: m\n  one\n  two\n  three\n");
}
END_TEST

START_TEST(exception_of_syntax)
{
	struct py_exception e = RAISED("SyntaxError", "invalid (y, line 1)", 1,
		.source = TEXT("  File \"y\", line 1\n    a b\n      ^"),
		.short_message = TEXT("invalid"));
	ck_has(exception_text(&e), TRACEBACK "    File \"y\", line 1\n      a b\n        ^\n"
					     "  SyntaxError: invalid\n");
	ck_has(as_json(THREADS), "\"message\":\"invalid(y,line1)\"");
}
END_TEST

START_TEST(exception_chains)
{
	struct py_exception first = RAISED("A", "1", 1);
	struct py_exception second = RAISED("B", "2", 1, .context = &first);
	struct py_exception third = RAISED("C", "3", 1, .cause = &second, .context = &first,
		.suppress_context = true, .state = EXCEPTION_HANDLED);
	ck_assert_str_eq(exception_text(&third), HANDLING("C") TRACEBACK
		"  A: 1\n\n  During handling of the above exception, another "
		"exception occurred:\n\n" TRACEBACK
		"  B: 2\n\n  The above exception was the direct cause of the "
		"following exception:\n\n" TRACEBACK "  C: 3\n");
	third.cause = NULL;
	ck_assert_str_eq(exception_text(&third), HANDLING("C") TRACEBACK "  C: 3\n");
}
END_TEST

START_TEST(exception_repeats)
{
	static const struct {
		size_t n;
		const char *line;
	} cases[] = { { 3, "" }, { 4, "    [Previous line repeated 1 more time]\n" },
		{ 40, "    [Previous line repeated 37 more times]\n" } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct py_exception e = RAISED("E", "m", cases[i].n);
		AUTO_STR(wanted);
		str_addf(&wanted,
			TRACEBACK
			"    File \"x\", line 5, in f\n    File \"x\", line 5, in f\n%s  E: m\n",
			cases[i].line);
		ck_has(exception_text(&e), str_text(&wanted));
	}
}
END_TEST

/* The variables of one frame are shown once. */
START_TEST(exception_variables)
{
	struct py_variable list[] = { NAMED("a", SCOPE_LOCAL, "1") };
	const struct py_variables v = { .list = list, .len = 1 };
	struct py_exception e = RAISED("E", "m", 2);
	frames[0].variables = frames[1].variables = &v;
	ck_has(exception_text(&e), "in C.f\n      a = 1\n");
	ck_has(text, "in f\n        a = 1\n    File \"x\", line 5, in f\n"
		     "        [variables: see above]\n");
	interpreter.last = &e;
	thread.exception = NULL;
	as_text(THREADS);
	ck_has(text, "in f\n        a = 1\n    File \"x\", line 5, in f\n        a = 1\n");
}
END_TEST

START_TEST(exception_damaged)
{
	struct py_exception e = RAISED(
		"E", "m", 1, .traceback_why = corrupt, .why = corrupt, .traceback_omitted = 8);
	ck_has(exception_text(&e),
		"    [8 frames further in are left out]\n  <traceback: dict keys");
	ck_has(text, "  E: m\n  <damaged: dict keys");
	ck_assert(damage);
	as_json(THREADS);
	ck_has(text, "\"traceback_omitted\":8,\"traceback_error\":\"dictkeys");
	ck_assert(damage);
	struct py_exception lost = { .addr = 1, .type = "E", .message.why = corrupt };
	ck_has(exception_text(&lost), "  E: <damaged: dict keys");
	ck_assert(damage);
}
END_TEST

/* What CPython 3.11 prints, indented by two. */
START_TEST(exception_groups)
{
	struct py_exception a = RAISED("ValueError", "1\n2", 0), b = RAISED("TypeError", "2", 0);
	const struct py_exception *inner_list[] = { &b };
	struct py_exception inner = RAISED("ExceptionGroup", "in (1 sub-exception)", 1,
		.exceptions = inner_list, .n_exceptions = 1);
	const struct py_exception *list[] = { &a, &inner };
	struct py_exception cause = RAISED("KeyError", "'k'", 0);
	struct py_text note = TEXT("note");
	struct py_exception group =
		RAISED("ExceptionGroup", "eg (2 sub-exceptions)", 1, .exceptions = list,
			.n_exceptions = 2, .cause = &cause, .notes = &note, .n_notes = 1);
	ck_has(exception_text(&group),
		"  KeyError: 'k'\n"
		"\n"
		"  The above exception was the direct cause of the following exception:\n"
		"\n"
		"    + Exception Group Traceback (most recent call last):\n"
		"    |   File \"x\", line 5, in f\n"
		"    | ExceptionGroup: eg (2 sub-exceptions)\n"
		"    | note\n"
		"    +-+---------------- 1 ----------------\n"
		"      | ValueError: 1\n"
		"      | 2\n"
		"      +---------------- 2 ----------------\n"
		"      | Exception Group Traceback (most recent call last):\n"
		"      |   File \"x\", line 5, in f\n"
		"      | ExceptionGroup: in (1 sub-exception)\n"
		"      +-+---------------- 1 ----------------\n"
		"        | TypeError: 2\n"
		"        +------------------------------------\n");
	ck_assert(text_ends(text, "        +------------------------------------\n"));
}
END_TEST

START_TEST(exception_group_of_many)
{
	struct py_exception member = RAISED("E", "m", 0);
	const struct py_exception *list[17];
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		list[i] = &member;
	struct py_exception group = RAISED("G", "g", 0, .exceptions = list,
		.n_exceptions = ARRAY_LEN(list), .exceptions_omitted = 2);
	ck_has(exception_text(&group), "      +---------------- 15 ----------------\n"
				       "      | E: m\n"
				       "      +---------------- ... ----------------\n"
				       "      | and 4 more exceptions\n"
				       "      +------------------------------------\n");
	group.n_exceptions = 1;
	ck_has(exception_text(&group), "    +-+---------------- 1 ----------------\n"
				       "      | E: m\n"
				       "      +---------------- ... ----------------\n"
				       "      | and 2 more exceptions\n"
				       "      +------------------------------------\n");
	group.exceptions_omitted = 0;
	ck_has(exception_text(&group), "    +-+---------------- 1 ----------------\n"
				       "      | E: m\n"
				       "      +------------------------------------\n");
}
END_TEST

/* As deep as the walk allows. */
START_TEST(exception_depths)
{
	struct py_exception *deep = xcalloc(EXCEPTION_CHAIN_MAX, sizeof(*deep));
	const struct py_exception **lists =
		xcalloc(EXCEPTION_CHAIN_MAX, sizeof(struct py_exception *));
	for (size_t i = 0; i < EXCEPTION_CHAIN_MAX; i++) {
		deep[i] = (struct py_exception)RAISED("G", "g", 0);
		lists[i] = i ? &deep[i - 1] : NULL;
		deep[i].exceptions = &lists[i];
		deep[i].n_exceptions = i > 0;
	}
	ck_has(exception_text(&deep[EXCEPTION_CHAIN_MAX - 1]), "| ... (max_group_depth is 10)\n");
	ck_has(as_json(THREADS), "\"exceptions\":[],\"exceptions_omitted\":0,");
	for (size_t i = 0; i < EXCEPTION_CHAIN_MAX; i++) {
		deep[i].n_exceptions = 0;
		deep[i].context = i ? &deep[i - 1] : NULL;
	}
	ck_has(exception_text(&deep[EXCEPTION_CHAIN_MAX - 1]), "During handling");
	ck_has(as_json(THREADS), "\"cause\":null,\"context\":null");
	free(deep);
	free(lists);
}
END_TEST

START_TEST(exception_in_json)
{
	struct py_text notes[] = { TEXT("n") };
	struct py_exception context = RAISED("A", "1", 0, .module = "builtins");
	struct py_exception e = RAISED("app.E", "m\n", 1, .module = "app", .context = &context,
		.suppress_context = true, .notes = notes, .n_notes = 1, .state = EXCEPTION_RAISED);
	thread.exception = &e;
	interpreter.last = &context;
	as_json(THREADS);
	ck_has(text,
		"\"last_exception\":{\"type\":\"A\",\"module\":\"builtins\",\"message\":\"1\"");
	ck_has(text,
		"\"exception\":{\"type\":\"app.E\",\"module\":\"app\",\"message\":\"m\\u000a\","
		"\"message_is_args\":false,\"source\":null,\"state\":\"raised\",\"notes\":"
		"[\"n\"],\"traceback\":[{\"kind\":\"python\"");
	ck_has(text, "\"cause\":null,\"context\":{\"type\":\"A\"");
	ck_has(text, "\"handled\":null}");
}
END_TEST

START_TEST(last_exception)
{
	struct py_exception e = RAISED("E", "m", 0);
	interpreter.last = &e;
	ck_has(as_text(THREADS), "\nThe last exception that ended a script or reached the prompt "
				 "(sys.last_exc):\n  E: m\n");
}
END_TEST

/* --- threads -------------------------------------------------------------------------------- */

START_TEST(names_of_threads)
{
	thread.name = TEXT("Thread-1\n");
	thread.daemon = 1;
	thread.main = true;
	ck_has(as_text(THREADS), "\nThread 7 \"Thread-1\\n\" (main, daemon), most recent");
	ck_has(as_json(THREADS),
		"\"name\":\"Thread-1\\u000a\",\"native_name\":null,\"daemon\":true,");
	thread.daemon = 0;
	ck_has(as_text(THREADS), "\" (main), most");
	ck_has(as_json(THREADS), "\"daemon\":false,");
	thread.daemon = -1;
	thread.name = (struct py_text){ .why = corrupt };
	ck_has(as_text(THREADS), "\nThread 7 <its name: dict keys");
	ck_assert(damage);
	ck_has(as_json(THREADS), "\"name\":null,\"name_error\":\"dictkeys");
	ck_has(text, "\"daemon\":null,");
}
END_TEST

START_TEST(names_of_the_kernel)
{
	thread = (struct py_thread){ .os = &os, .daemon = -1 };
	ck_has(as_text(THREADS), "\nThread 7: nothing of Python was found\n");
	snprintf(os.name, sizeof(os.name), "io\x1b");
	ck_has(as_text(THREADS), "\nThread 7 (native name \"io\\x1b\"): nothing of Python");
	ck_has(as_json(THREADS), "\"name\":null,\"native_name\":\"io\\u001b\",\"daemon\":null,");
	struct os_thread other_os = { .tid = 8 };
	struct py_thread other = { .os = &other_os, .daemon = -1 };
	const struct py_thread *pair[] = { &thread, &other };
	for (int same = 0; same <= 1; same++) {
		struct stack_groups g;
		stack_groups_init(&g, pair, 2, OUT_NATIVE_INNER, true);
		ck_assert_uint_eq(g.n, same ? 1 : 2);
		stack_groups_fini(&g);
		memcpy(other_os.name, os.name, sizeof(os.name));
	}
}
END_TEST

/* Threads are one group only if their exceptions print the same. */
START_TEST(grouped_by_exceptions)
{
	struct py_exception kinds[] = { RAISED("A", "1", 1), RAISED("A", "1", 1),
		RAISED("A", "2", 1), RAISED("B", "1", 1), RAISED("A", "1", 2),
		RAISED("A", "1", 1, .cause = &kinds[0]), RAISED("A", "1", 1, .cause = &kinds[1]),
		RAISED("A", "1", 1, .context = &kinds[0]), RAISED("A", "1", 1, .why = corrupt),
		RAISED("A", "1", 1, .why = corrupt) };
	static const size_t group_of[] = { 0, 0, 1, 2, 3, 4, 4, 5, 6, 7 };
	struct py_thread threads[ARRAY_LEN(kinds)];
	const struct py_thread *list[ARRAY_LEN(kinds)];
	struct os_thread ids[ARRAY_LEN(kinds)];
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		ids[i] = (struct os_thread){ .tid = (pid_t)i + 1 };
		threads[i] = thread;
		threads[i].os = &ids[i];
		threads[i].exception = &kinds[i];
		list[i] = &threads[i];
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		for (size_t k = 0; k < i; k++) {
			const struct py_thread *pair[] = { list[k], list[i] };
			struct stack_groups g;
			stack_groups_init(&g, pair, 2, OUT_NATIVE_INNER, true);
			ck_assert_msg(
				(g.n == 1) == (group_of[i] == group_of[k]), "%zu and %zu", k, i);
			stack_groups_fini(&g);
		}
	}
	struct py_thread daemon = threads[0];
	daemon.daemon = 1;
	const struct py_thread *pair[] = { list[0], &daemon };
	struct stack_groups g;
	stack_groups_init(&g, pair, 2, OUT_NATIVE_INNER, true);
	ck_assert_uint_eq(g.n, 2);
	stack_groups_fini(&g);
}
END_TEST

/* --- redaction ------------------------------------------------------------------------------ */

START_TEST(redacted_arguments)
{
	char *argv[] = { (char[]){ "secret" }, (char[]){ "caf\xc3\xa9" }, (char[]){ "secret" },
		NULL };
	const struct out_options opt = { .schema = "x", .redact = true, .colour = COLOUR_NEVER };
	target.kind = TARGET_LIVE;
	target.argv = argv;
	target.argc = 3;
	for (int json = 0; json <= 1; json++) {
		shown(HEAD, &opt, json);
		ck_assert(!strstr(text, "secret") && !strstr(text, "caf"));
		const char *first = strstr(text, "<str of length 6, hash ");
		ck_has(text, "<str of length 4, hash ");
		ck_assert_ptr_nonnull(first);
		const char *again = strstr(first + 1, "<str of length 6, hash ");
		ck_assert_ptr_nonnull(again);
		ck_assert_int_eq(strncmp(first, again, 40), 0);
	}
	ck_has(as_text(HEAD), "secret caf\xc3\xa9 secret");
}
END_TEST

TCase *tcase_out_values(void)
{
	TCase *tc = tcase_create("values");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, variables_in_text);
	tcase_add_test(tc, variables_in_json);
	tcase_add_test(tc, damaged_variables);
	tcase_add_test(tc, globals_of_modules);
	tcase_add_test(tc, objects_by_address);
	tcase_add_test(tc, exception_alone);
	tcase_add_test(tc, exception_notes);
	tcase_add_test(tc, exception_of_syntax);
	tcase_add_test(tc, exception_chains);
	tcase_add_test(tc, exception_repeats);
	tcase_add_test(tc, exception_variables);
	tcase_add_test(tc, exception_damaged);
	tcase_add_test(tc, exception_groups);
	tcase_add_test(tc, exception_group_of_many);
	tcase_add_test(tc, exception_depths);
	tcase_add_test(tc, exception_in_json);
	tcase_add_test(tc, last_exception);
	tcase_add_test(tc, names_of_threads);
	tcase_add_test(tc, names_of_the_kernel);
	tcase_add_test(tc, grouped_by_exceptions);
	tcase_add_test(tc, redacted_arguments);
	return tc;
}
