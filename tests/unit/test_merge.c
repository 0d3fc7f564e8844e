/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks made by hand and what becomes of them when they are merged.
 *
 * A native stack is written innermost first, "abort@c f@e eval@p": name@module, where the modules
 * are p(ython's), e(xtension), c (library), x (the executable) and n(one); "eval" stands for the
 * evaluation function, "?" for code without a name, "?7" for such code of a large function, number
 * 7. Behind a name "!" says that it was interrupted there. Python's frames are numbered from the
 * innermost one. A merged stack is written in the same order, internal frames in parentheses, and
 * foreign ones with a star.
 */
#include "suites.h"

#include "fakepy.h"

#include "pycore/alloc.h"
#include "pycore/merge.h"
#include "pycore/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FRAMES = 64,
	NAME = 64,
	SP = 0x10000,
	FRAME_BYTES = 0x40,
	PYTHON = 0x900000,
	CODE = 0x400000
};

struct merging {
	const char *version; /* "3.9" */
	const char *native;
	/* "2:1 5:3": an entry that lies in native frame 2 and runs one frame, one in frame 5 that
	 * runs three; "-:1": it has no address; "+:1": it lies further out than all native frames
	 */
	const char *entries;
	/* "0@3": the address of Python's frame 0 stands in native frame 3 */
	const char *traces;
	bool crashed, native_lost, python_lost;
	const char *merged; /* NULL: not at all, and why says: */
	const char *why;
};

/* A process of one or two thread states. */
struct made {
	struct image images[4];
	struct native_place places[FRAMES];
	struct native_call calls[FRAMES];
	char names[FRAMES][NAME];
	struct native_frame native_frames[FRAMES];
	struct native_stack native;
	uint64_t stack[FRAMES * FRAME_BYTES / 8];
	struct mem_buf mem;
	struct target target;
	struct os_thread os;
	struct py_frame frames[FRAMES];
	struct py_entry entries[FRAMES], others[FRAMES];
	struct py_piece pieces[FRAMES];
	struct py_thread threads[2];
	struct py_interpreter interpreters[2];
	struct py_runtime runtime;
	struct python python;
	struct merged_stack merged;
};

static struct made m;

static void make_images(void)
{
	static const char *const paths[] = { "/usr/lib/libpython3.so.1.0", "/usr/lib/extension.so",
		"/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/python3" };
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		image_init(&m.images[i], paths[i]);
}

static struct image *image_of(char letter)
{
	const char *found = strchr("pecx", letter);
	ck_assert(letter == 'n' || found);
	return letter == 'n' ? NULL : &m.images[found - "pecx"];
}

/* "name!@p" */
static void add_native(const char *text, size_t len, bool old)
{
	size_t i = m.native.n++;
	const char *at = memchr(text, '@', len);
	ck_assert(i < FRAMES && at);
	size_t n = (size_t)(at - text);
	bool exact = at[-1] == '!';
	n -= exact;
	snprintf(m.names[i], NAME, "%.*s", (int)n, text);
	if (!strncmp(m.names[i], "eval", 4)) {
		AUTO_FREE char *rest = strdup(m.names[i] + 4);
		snprintf(m.names[i], NAME, "%s%s",
			old ? "PyEval_EvalFrameEx" : "_PyEval_EvalFrameDefault", rest);
	}
	bool nameless = m.names[i][0] == '?', large = nameless && m.names[i][1];
	uint64_t start = CODE + (uint64_t)(large ? m.names[i][1] : 'z') * 0x100000;
	m.calls[i].function = nameless ? NULL : m.names[i];
	m.places[i] = (struct native_place){ .image = image_of(at[1]),
		.function_start = start,
		.function_size = large ? 50000 : 500,
		.calls = &m.calls[i],
		.n_calls = 1 };
	m.native_frames[i] = (struct native_frame){ .pc = start + (exact ? 16 : 5000),
		.exact = exact,
		.cfa = SP + (i + 1) * FRAME_BYTES,
		.place = &m.places[i] };
}

static void make_native(const struct merging *t)
{
	m.native = (struct native_stack){ .frames = m.native_frames };
	for (const char *at = t->native; *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");
		add_native(at, len, !strncmp(t->version, "2", 1));
		at += len;
	}
	m.native_frames[0].exact = true;
	if (t->native_lost)
		m.native.why = err_of(ERR_ABSENT, "call frame information");
}

static size_t make_entries(const char *text, struct py_entry *list, size_t *ret_frames)
{
	size_t n = 0;
	char *end = NULL;
	for (const char *at = text; at && *at; at = end + strspn(end, " ")) {
		struct py_entry e = { 0 };
		if (*at == '+')
			e.on_stack = SP + (m.native.n + 2) * FRAME_BYTES;
		if (*at == '+' || *at == '-')
			end = (char *)at + 1;
		else
			e.on_stack = SP + strtoul(at, &end, 10) * FRAME_BYTES + 8;
		ck_assert_int_eq(*end, ':');
		e.n_frames = strtoul(end + 1, &end, 10);
		*ret_frames += e.n_frames;
		list[n++] = e;
	}
	return n;
}

static void make_traces(const char *text)
{
	char *end = NULL;
	for (const char *at = text; at && *at; at = end + strspn(end, " ")) {
		unsigned long frame = strtoul(at, &end, 10), native = strtoul(end + 1, &end, 10);
		m.stack[native * FRAME_BYTES / 8 + 3] = m.frames[frame].addr;
	}
}

static void make_python(const struct merging *t)
{
	size_t frames = 0;
	struct py_thread *th = &m.threads[0];
	unsigned major = (unsigned)atoi(t->version),
		 minor = (unsigned)atoi(strchr(t->version, '.') + 1);
	m.runtime = (struct py_runtime){ .image = &m.images[0] };
	m.runtime.layout.row = fakepy_row(major, minor);
	for (size_t i = 0; i < FRAMES; i++)
		m.frames[i].addr = PYTHON + 0x100 * i;
	*th = (struct py_thread){
		.addr = 1, .os = &m.os, .frames = m.frames, .entries = m.entries
	};
	th->n_entries = make_entries(t->entries, m.entries, &frames);
	th->n_frames = frames;
	if (t->python_lost)
		th->why = err_of(ERR_CORRUPT, "chain of frames");
	m.python = (struct python){ .target = &m.target,
		.runtimes = &m.runtime,
		.n_runtimes = 1,
		.interpreters = m.interpreters,
		.n_interpreters = 2,
		.threads = m.threads,
		.n_threads = 1 };
}

static void make(const struct merging *t)
{
	memset(&m, 0, sizeof(m));
	make_images();
	make_native(t);
	make_python(t);
	make_traces(t->traces);
	mem_buf_init(&m.mem, ORDER_LITTLE, 8);
	mem_buf_add(&m.mem, SP, m.stack, sizeof(m.stack), MEM_READ | MEM_WRITE);
	m.target = (struct target){ .mem = &m.mem.base, .exe = &m.images[3] };
	m.os = (struct os_thread){ .native = &m.native, .crashed = t->crashed };
	m.os.regs = (struct core_regs){ .has_sp = true, .sp = SP };
}

static void drop(void)
{
	merged_stack_fini(&m.merged);
	for (size_t i = 0; i < ARRAY_LEN(m.images); i++)
		image_fini(&m.images[i]);
}

/* "f 0 (eval) eval*" */
static void write_merged(struct str *to)
{
	for (size_t i = 0; i < m.merged.n; i++) {
		const struct merged_frame *f = &m.merged.frames[i];
		ck_assert(!f->python != !f->native);
		if (i)
			str_putc(to, ' ');
		if (f->python) {
			str_addf(to, "%td", f->python - m.frames);
			continue;
		}
		const char *name = m.names[f->native - m.native_frames];
		bool eval = strstr(name, "PyEval_EvalFrame");
		str_addf(to, f->internal ? "(%s)" : "%s", eval ? "eval" : name);
		str_puts(to, f->foreign ? "*" : "");
	}
}

static void check_nothing_is_lost(void)
{
	bool native[FRAMES] = { 0 }, python[FRAMES] = { 0 };
	for (size_t i = 0; i < m.merged.n; i++) {
		const struct merged_frame *f = &m.merged.frames[i];
		bool *seen = f->python ? &python[f->python - m.frames]
				       : &native[f->native - m.native_frames];
		ck_assert(!*seen);
		*seen = true;
	}
	ck_assert_uint_eq(m.merged.n, m.native.n + m.threads[0].n_frames);
}

static void check_inner(void)
{
	size_t n = 0;
	while (n < m.merged.n && m.merged.frames[n].native) {
		ck_assert(!m.merged.frames[n].internal);
		n++;
	}
	ck_assert_uint_eq(m.merged.n_inner, n);
}

static void expect(const struct merging *t)
{
	merge_thread(&m.python, &m.threads[0], &m.merged);
	if (!t->merged) {
		ck_assert_msg(!m.merged.merged, "%s: merged", t->native);
		ck_assert_uint_eq(m.merged.n, 0);
		ck_assert_msg(strstr(m.merged.why, t->why), "%s: %s", t->native, m.merged.why);
		return;
	}
	AUTO_STR(text);
	ck_assert_msg(m.merged.merged, "%s: %s", t->native, m.merged.why);
	ck_assert_str_eq(m.merged.why, "");
	write_merged(&text);
	ck_assert_str_eq(str_text(&text), t->merged);
	check_nothing_is_lost();
	check_inner();
}

/* clang-format off */
static const struct merging mergings[] = {
	/* by name: to 3.9 nothing else tells */
	{ "3.9", "abort@c f@p eval@p g@p eval@p h@p", "-:1 -:1",
		.merged = "abort f 0 (eval) (g) 1 (eval) (h)" },
	{ "2.7", "abort@c f@p eval@p g@p eval@p h@p", "-:1 -:1",
		.merged = "abort f 0 (eval) (g) 1 (eval) (h)" },
	{ "3.9", "f@p eval.cold@p g@p eval.lto_priv.0@p h@p eval.part.1.constprop.2@p", "-:1 -:1 -:1",
		.merged = "f 0 (eval) (g) 1 (eval) (h) 2 (eval)" },
	{ "3.9", "eval@p PyEval_EvalFrameEx@p g@p eval@p PyEval_EvalFrameEx@p", "-:1 -:1",
		.merged = "0 (eval) (eval) (g) 1 (eval) (eval)" },
	{ "3.9", "evaluate@p eval@p", "-:1", .merged = "eval 0 (eval)" },
	{ "3.9", "f@p eval@e eval@p", "-:1", .merged = "f eval 0 (eval)" },
	{ "3.9", "f@p eval@p eval@p", "-:1 -:1 -:1", .why = "shows 2 calls of the evaluation function, Python's state 3" },
	{ "3.9", "f@p eval@p eval@p", "-:1", .why = "shows 2 calls of the evaluation function, Python's state 1" },
	{ "3.9", "f@p g@p", "-:1", .why = "shows 0 calls" },
	{ "3.9", "f@p eval@p", "-:1 -:1", .why = "shows 1 call of the evaluation function, Python's state 2" },

	/* a call that has no frame yet, or none any more */
	{ "3.9", "eval!@p f@p eval@p g@p eval@p", "-:1 -:1", "0@1 1@4", .merged = "eval f 0 (eval) (g) 1 (eval)" },
	{ "3.9", "eval!@p f@p eval@p g@p eval@p", "-:1 -:1", "0@0 0@1 1@2 1@4", .crashed = true,
		.merged = "eval f 0 (eval) (g) 1 (eval)" },
	{ "2.7", "handler@c eval!@p f@p eval@p g@p eval@p", "-:1 -:1", "0@2 1@5", .crashed = true,
		.merged = "handler eval f 0 (eval) (g) 1 (eval)" },
	{ "3.9", "check@p eval@p f@p eval@p", "-:1", "0@2", .merged = "check eval f 0 (eval)" },
	{ "3.9", "check@p eval@p f@p eval@p", "-:1", "0@1 0@2", .why = "shows 2 calls" },
	{ "3.9", "eval@p check@p f@p eval@p", "-:1", "0@2", .merged = "eval check f 0 (eval)" },

	/* calls that run frames of another greenlet: further out than all others, and nowhere else */
	{ "3.9", "check@p eval@p f@p eval@p", "-:1", "0@1", .merged = "check 0 (eval) (f) eval*" },
	{ "3.9", "eval!@p f@p eval@p g@p eval@p", "-:1", "0@1", .merged = "eval f 0 (eval) (g) eval*" },
	{ "3.13", "f@p eval@p g@p switch@e eval@p h@p", "1:2", .merged = "f 0 1 (eval) (g) switch eval* (h)" },

	/* by range, where no symbol names it */
	{ "3.9", "abort@c ?@p ?7@p ?@p ?7@p ?@p", "-:1 -:1", "0@1 1@4", .merged = "abort ? 0 (?7) (?) 1 (?7) (?)" },
	{ "3.9", "?7!@p ?@p ?7@p", "-:1", "0@1", .merged = "?7 ? 0 (?7)" },
	{ "3.9", "abort@c ?@p ?7@p ?@p ?7@p ?@p", "-:1 -:1", "0@1", .why = "shows 2 calls" },
	{ "3.9", "abort@c ?@p ?@p ?@p", "-:1 -:1", "0@1 1@2", .why = "shows 0 calls" },
	{ "3.9", "abort@c ?7@e ?7@e", "-:1 -:1", "0@1 1@2", .why = "shows 0 calls" },

	/* by address */
	{ "3.11", "abort@c f@p eval@p g@p eval@p h@p", "2:1 4:3", .merged = "abort f 0 (eval) (g) 1 2 3 (eval) (h)" },
	{ "3.10", "abort@c f@p eval@p g@p eval@p h@p", "2:1 4:1", .merged = "abort f 0 (eval) (g) 1 (eval) (h)" },
	{ "3.13", "f@p eval.cold@p g@p ?@p h@p", "1:2 3:1", .merged = "f 0 1 (eval) (g) 2 (?) (h)" },
	{ "3.13", "f@p ?7@p g@p ?@p h@p", "1:2 3:1", .merged = "f 0 1 (?7) (g) 2 (?) (h)" },
	{ "3.13", "f@p ?7@p g@p ?7@p h@p", "1:2", .merged = "f 0 1 (?7) (g) ?7* (h)" },
	{ "3.13", "f@p eval@p g@p eval@p", "1:0 3:2", .merged = "f eval g 0 1 (eval)" },
	{ "3.13", "eval!@p g@p eval@p", "2:2", .merged = "eval g 0 1 (eval)" },
	{ "3.13", "eval@p f@p eval@p g@p eval@p", "4:2", .why = "shows 3 calls of the evaluation function, Python's state 1" },
	{ "3.13", "f@p eval@p g@p eval@p", "1:1", .merged = "f 0 (eval) (g) eval*" },
	{ "3.13", "f@p eval@p g@p eval@p h@p eval@p", "1:1 5:1", .why = "shows 3 calls" },
	{ "3.13", "f@p eval@p g@p eval@p", "1:1 2:1", .why = "another function" },
	{ "3.13", "f@p eval@p g@e eval@p", "1:1 2:1", .why = "other code" },
	{ "3.13", "f@p eval@p g@p eval@p", "3:1 1:1", .why = "does not show all calls" },
	{ "3.13", "f@p eval@p g@p eval@p", "1:1 3:1 9:1", .why = "does not show all calls" },
	/* 3.10's innermost one may have withdrawn its address */
	{ "3.10", "f@p eval@p g@p eval@p", "-:1 3:1", .merged = "f 0 (eval) (g) 1 (eval)" },
	{ "3.10", "f@p g@p eval@p", "-:1 2:1", .why = "does not show all calls" },

	/* what belongs to a call: handlers; not: other code that it calls */
	{ "3.14", "f@p _TAIL_CALL_CALL@p eval@p g@p", "2:2", .merged = "f 0 1 (_TAIL_CALL_CALL) (eval) (g)" },
	{ "3.14", "f@p _TAIL_CALL_CALL@e eval@p g@p", "2:2", .merged = "f _TAIL_CALL_CALL 0 1 (eval) (g)" },
	{ "3.14", "_TAIL_CALL_CALL@p eval@p _TAIL_CALL_CALL@p eval@p", "1:1 3:1", .crashed = true,
		.merged = "_TAIL_CALL_CALL 0 (eval) 1 (_TAIL_CALL_CALL) (eval)" },
	{ "3.14", "_TAIL_CALL_CALL@p eval@p _TAIL_CALL_CALL@p eval@p", "1:1 3:1",
		.merged = "0 (_TAIL_CALL_CALL) (eval) 1 (_TAIL_CALL_CALL) (eval)" },
	{ "3.14", "f@p ?@n eval@p g@p", "2:2", .merged = "f ? 0 1 (eval) (g)" },
	/* code that the profiler's support made for each function */
	{ "3.12", "f@p eval@p ?@n g@p eval@p ?@n g@e", "1:1 4:1", .merged = "f 0 (eval) (?) (g) 1 (eval) ? g" },

	/* a thread that died in the function itself */
	{ "3.9", "eval!@p f@p eval@p", "-:1 -:1", .crashed = true, .merged = "eval 0 (f) 1 (eval)" },
	{ "3.9", "eval!@p f@p eval@p", "-:1 -:1", .merged = "0 (eval) (f) 1 (eval)" },
	{ "3.13", "eval!@p f@p eval@p", "0:2 2:1", .crashed = true, .merged = "eval 0 1 (f) 2 (eval)" },

	/* stacks that break off */
	{ "3.13", "f@p eval@p g@p", "1:1 +:2 +:1", .native_lost = true, .merged = "f 0 (eval) (g) 1 2 3" },
	{ "3.13", "f@p eval@p g@p", "1:1 +:2", .why = "does not show all calls" },
	{ "3.13", "f@p g@p", "+:2", .native_lost = true, .merged = "f g 0 1" },
	{ "3.13", "f@p g@p", "-:2", .native_lost = true, .why = "shows 0 calls" },
	{ "3.13", "f@p eval@p g@p eval@p", "1:1", .python_lost = true, .merged = "f 0 (eval) (g) eval*" },
	{ "3.13", "f@p eval@p g@p eval@p", "3:1", .python_lost = true, .merged = "f eval g 0 (eval)" },
	{ "3.9", "f@p eval@p g@p", "-:1 -:1", "0@0", .native_lost = true, .merged = "f 0 (eval) (g) 1" },
	{ "3.9", "f@p eval@p g@p", "-:1 -:1", .native_lost = true, .why = "shows 1 call" },
	{ "3.9", "eval!@p g@p eval@p", "-:1 -:1", "0@1", .native_lost = true, .merged = "eval g 0 (eval) 1" },
	{ "3.9", "f@p eval@p g@p eval@p", "-:1", "0@0", .python_lost = true, .merged = "f 0 (eval) (g) eval*" },
	{ "3.9", "f@p eval@p g@p eval@p", "-:1", .python_lost = true, .why = "shows 2 calls" },
	{ "3.9", "f@p eval@p g@p eval@p", "-:1 -:1 -:1", "0@0 1@2", .python_lost = true, .why = "shows 2 calls" },

	/* internal: what only the interpreter and the C library do; never other code */
	{ "3.9", "eval@p g@p Py_BytesMain@p main@x __libc_start_call_main@c __libc_start_main@c _start@x", "-:1",
		.merged = "0 (eval) (g) (Py_BytesMain) (main) (__libc_start_call_main) (__libc_start_main) (_start)" },
	{ "3.9", "eval@p Py_RunMain@p main@x __libc_start_main_impl@c _start@x", "-:1",
		.merged = "0 (eval) (Py_RunMain) main (__libc_start_main_impl) (_start)" },
	{ "3.9", "eval@p Py_BytesMain@p main@e __libc_start_main@c _start@x", "-:1",
		.merged = "0 (eval) (Py_BytesMain) main (__libc_start_main) (_start)" },
	{ "3.9", "eval@p Py_BytesMain@p main@x wrapper@e __libc_start_main@c _start@x", "-:1",
		.merged = "0 (eval) (Py_BytesMain) main wrapper (__libc_start_main) (_start)" },
	{ "3.9", "eval@p t_bootstrap@p start_thread@c clone3@c", "-:1", .merged = "0 (eval) (t_bootstrap) (start_thread) (clone3)" },
	{ "3.9", "eval@p t_bootstrap@p ?@c ?@c", "-:1", .merged = "0 (eval) (t_bootstrap) (?) (?)" },
	{ "3.9", "eval@p t_bootstrap@p run@e ?@c ?@c", "-:1", .merged = "0 (eval) (t_bootstrap) run (?) (?)" },
	{ "3.9", "eval@p t_bootstrap@p start_thread@c clone3@e", "-:1", .merged = "0 (eval) (t_bootstrap) start_thread clone3" },
	{ "3.9", "eval@p t_bootstrap@p start_thread@c clone3@c", "-:1", "0@0", .native_lost = true,
		.merged = "0 (eval) (t_bootstrap) start_thread clone3" },
	{ "3.9", "eval@p f@e qsort@c g@e h@p eval@p", "-:1 -:1", .merged = "0 (eval) f qsort g (h) 1 (eval)" },
	{ "3.9", "_start@x eval@p", "-:1", .merged = "_start 0 (eval)" },

	/* without Python frames */
	{ "3.9", "read@c f@p start_thread@c clone@c", "", .merged = "read f start_thread clone" },
	{ "3.13", "read@c eval@p start_thread@c clone@c", "1:0", .merged = "read eval start_thread clone" },
	{ "3.13", "read@c f@p", "", .python_lost = true, .why = "could not be read" },
	{ "3.13", "", "-:1", .why = "no native frame" },
};
/* clang-format on */

START_TEST(merges)
{
	make(&mergings[_i]);
	expect(&mergings[_i]);
	drop();
}
END_TEST

START_TEST(own_functions_of_an_embedding_program)
{
	static const struct merging t = { "3.9", "eval@p Py_Run@p _PyRun@p work@p ?@p", "-:1",
		.merged = "0 (eval) (Py_Run) (_PyRun) work ?" };
	make(&t);
	image_fini(&m.images[0]);
	image_init(&m.images[0], "/usr/bin/editor");
	expect(&t);
	drop();
}
END_TEST

/* A frame that was inlined into another one may be the evaluation function. */
START_TEST(inlined)
{
	static const struct merging t = { "3.9", "f@p outer@p", "-:1", .merged = "f 0 (outer)" };
	static const struct native_call calls[] = { { .function = "g", .inlined = true },
		{ .function = "_PyEval_EvalFrameDefault", .inlined = true },
		{ .function = "outer" } };
	make(&t);
	m.places[1].calls = calls;
	m.places[1].n_calls = ARRAY_LEN(calls);
	expect(&t);
	drop();
}
END_TEST

/* A signal handler that runs on a stack of its own, which lies higher or lower. */
START_TEST(stack_of_its_own)
{
	static const struct merging t = { "3.13", "raise@c handler@e tramp@c f@p eval@p", "4:2",
		.merged = "raise handler tramp f 0 1 (eval)" };
	for (int higher = 0; higher < 2; higher++) {
		uint64_t other = higher ? 0x900000 : 0x1000;
		make(&t);
		m.os.regs.sp = other;
		m.native_frames[0].cfa = other + 0x40;
		m.native_frames[1].cfa = other + 0x80;
		m.native_frames[2].signal = true;
		expect(&t);
		drop();
	}
}
END_TEST

/* The thread has a second state, of interpreter 1, whose frames are numbered behind those of the
 * first; `order` says whose calls follow each other, innermost first: "0:1 1:2". */
static void add_other(const char *entries, const char *order, bool sure)
{
	struct py_thread *th = &m.threads[1];
	size_t frames = 0, entry[2] = { 0 }, frame[2] = { 0 }, n = 0;
	char *end = NULL;
	*th = (struct py_thread){ .addr = 2, .interpreter = 1, .os = &m.os, .entries = m.others };
	th->n_entries = make_entries(entries, m.others, &frames);
	th->frames = m.frames + m.threads[0].n_frames;
	th->n_frames = frames;
	for (const char *at = order; *at; at = end + strspn(end, " ")) {
		unsigned long i = strtoul(at, &end, 10), k = strtoul(end + 1, &end, 10);
		struct py_piece *piece = &m.pieces[n++];
		*piece = (struct py_piece){
			.th = &m.threads[i], .entry = entry[i], .n_entries = k, .frame = frame[i]
		};
		for (; k; k--)
			piece->n_frames += m.threads[i].entries[entry[i]++].n_frames;
		frame[i] += piece->n_frames;
	}
	for (size_t i = 0; i < 2; i++) {
		m.threads[i].pieces = m.pieces;
		m.threads[i].n_pieces = n;
		m.threads[i].pieces_sure = sure;
		m.threads[i].state = i;
		m.threads[i].n_states = 2;
	}
	m.python.n_threads = 2;
}

struct switching {
	struct merging t; /* the first state's entries */
	const char *others, *order;
	bool unsure;
	const char *states; /* of each frame of the merged stack */
};

/* clang-format off */
static const struct switching switchings[] = {
	{ { "3.13", "f@p eval@p run@e eval@p h@p", "1:1", .merged = "f 0 (eval) run 1 (eval) (h)" },
		"3:1", "0:1 1:1", .states = "0001111" },
	{ { "3.13", "f@p eval@p run@e eval@p h@p", "3:1", .merged = "f 1 (eval) run 0 (eval) (h)" },
		"1:1", "1:1 0:1", .states = "1110000" },
	/* into the other one and back */
	{ { "3.13", "f@p eval@p g@e eval@p h@e eval@p", "1:2 5:1", .merged = "f 0 1 (eval) g 3 (eval) h 2 (eval)" },
		"3:1", "0:1 1:1 0:1", .states = "0000111000" },
	{ { "3.13", "f@p eval@p run@e eval@p h@p", "1:1", .why = "nothing tells which of them" }, "3:1", "0:1 1:1", true },
	{ { "3.13", "f@p eval@p run@e eval@p eval@p", "1:1", .why = "shows 3 calls" }, "4:1", "0:1 1:1" },
	/* by name, where frame objects are traced, sure of the order or not */
	{ { "3.9", "f@p eval@p run@e eval@p h@p", "-:1", "0@0 1@2", .merged = "f 0 (eval) run 1 (eval) (h)" },
		"-:1", "0:1 1:1", .states = "0001111" },
	{ { "3.9", "f@p eval@p run@e eval@p h@p", "-:1", "0@0 1@2", .merged = "f 0 (eval) run 1 (eval) (h)" },
		"-:1", "0:1 1:1", true, .states = "0001111" },
	{ { "3.9", "f@p eval@p run@e eval@p h@p", "-:1", "0@2 1@0", .why = "shows 2 calls" }, "-:1", "0:1 1:1" },
	{ { "3.9", "f@p eval@p run@e eval@p h@p", "-:1", .why = "shows 2 calls" }, "-:1", "0:1 1:1" },
};
/* clang-format on */

START_TEST(several_interpreters)
{
	const struct switching *s = &switchings[_i];
	make(&s->t);
	add_other(s->others, s->order, !s->unsure);
	for (int i = 0; i < 2; i++) {
		merge_thread(&m.python, &m.threads[i], &m.merged);
		ck_assert_msg(m.merged.merged == !!s->t.merged, "%s", m.merged.why);
		if (!s->t.merged) {
			ck_assert_msg(strstr(m.merged.why, s->t.why), "%s", m.merged.why);
			continue;
		}
		AUTO_STR(text);
		write_merged(&text);
		ck_assert_str_eq(str_text(&text), s->t.merged);
		ck_assert_uint_eq(m.merged.n, strlen(s->states));
		for (size_t k = 0; k < m.merged.n; k++)
			ck_assert_ptr_eq(m.merged.frames[k].state, &m.threads[s->states[k] - '0']);
		merged_stack_fini(&m.merged);
	}
	drop();
}
END_TEST

/* Nothing is known of the outer one. */
START_TEST(unknown_interpreter)
{
	static const struct merging t = { "3.13", "f@p eval@p run@e eval@p h@p", "1:1",
		.merged = "f 0 (eval) run eval* (h)" };
	make(&t);
	expect(&t);
	drop();
}
END_TEST

/* Entries that do not run all frames are damage. */
START_TEST(frames_of_no_entry)
{
	static const struct merging t = { "3.13", "f@p eval@p", "1:1",
		.why = "does not show which calls" };
	make(&t);
	m.threads[0].n_frames = 2;
	expect(&t);
	drop();
}
END_TEST

/* Each of many calls is found with one look over the stack. */
START_TEST(deep)
{
	enum { DEEP = 200000 };
	static const struct merging t = { "3.13", "f@p eval@p", "1:1", .merged = "" };
	make(&t);
	struct native_frame *natives = xcalloc(2 * DEEP, sizeof(*natives));
	struct py_entry *entries = xcalloc(DEEP, sizeof(*entries));
	struct py_frame *frames = xcalloc(DEEP, sizeof(*frames));
	for (size_t i = 0; i < 2 * DEEP; i++) {
		natives[i] = m.native_frames[i % 2];
		natives[i].cfa = SP + (i + 1) * FRAME_BYTES;
	}
	for (size_t i = 0; i < DEEP; i++)
		entries[i] = (struct py_entry){ SP + (2 * i + 1) * FRAME_BYTES, 1 };
	m.native = (struct native_stack){ .frames = natives, .n = 2 * DEEP };
	m.threads[0].entries = entries;
	m.threads[0].frames = frames;
	m.threads[0].n_entries = m.threads[0].n_frames = DEEP;
	merge_thread(&m.python, &m.threads[0], &m.merged);
	ck_assert_msg(m.merged.merged, "%s", m.merged.why);
	for (size_t i = 0; i < 3 * DEEP; i += 3) {
		const struct merged_frame *f = &m.merged.frames[i];
		ck_assert_ptr_eq(f[0].native, &natives[i / 3 * 2]);
		ck_assert_ptr_eq(f[1].python, &frames[i / 3]);
		ck_assert_ptr_eq(f[2].native, &natives[i / 3 * 2 + 1]);
	}
	drop();
	free(natives);
	free(entries);
	free(frames);
}
END_TEST

Suite *suite_merge(void)
{
	Suite *s = suite_create("merge");
	TCase *tc = tcase_create("merge");
	tcase_add_loop_test(tc, merges, 0, ARRAY_LEN(mergings));
	tcase_add_test(tc, own_functions_of_an_embedding_program);
	tcase_add_test(tc, inlined);
	tcase_add_test(tc, stack_of_its_own);
	tcase_add_loop_test(tc, several_interpreters, 0, ARRAY_LEN(switchings));
	tcase_add_test(tc, unknown_interpreter);
	tcase_add_test(tc, frames_of_no_entry);
	tcase_add_test(tc, deep);
	suite_add_tcase(s, tc);
	return s;
}
