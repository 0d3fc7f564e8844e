/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is shown of merged stacks. A stack is written innermost first: small letters are Python
 * frames, capital ones native frames, each letter a place of its own; a native frame in parentheses
 * is internal, one with a star foreign.
 */
#include "suites.h"

#include "pycore/attr.h"
#include "pycore/merge.h"
#include "pycore/native.h"
#include "pycore/python.h"
#include "pycore/str.h"

#include "../../src/out/stacks.h"

#include <string.h>

enum { LETTERS = 26, STACK_MAX = 512 };

static struct py_code codes[LETTERS];
static struct py_place python_places[LETTERS];
static struct native_place native_places[LETTERS];

struct made {
	struct py_frame python[STACK_MAX];
	struct native_frame natives[STACK_MAX];
	struct native_stack native;
	struct merged_frame frames[STACK_MAX];
	struct merged_stack merged;
	struct os_thread os;
	struct py_thread thread;
};

static void make_places(void)
{
	for (size_t i = 0; i < LETTERS; i++) {
		codes[i].number = (uint32_t)i;
		python_places[i] = (struct py_place){ .code = &codes[i], .at = { (int32_t)i + 1 } };
		native_places[i] = (struct native_place){ .address = 0x1000 + i };
	}
}

static void add_native(struct made *m, const char *letter)
{
	size_t i = m->native.n++, place = (size_t)(*letter - 'A');
	m->natives[i] = (struct native_frame){
		.pc = 0x1000 + place, .place = &native_places[place], .certain = true
	};
	m->frames[m->merged.n++] = (struct merged_frame){
		.native = &m->natives[i], .internal = letter[1] == ')', .foreign = letter[1] == '*'
	};
}

static void make(struct made *m, const char *text)
{
	*m = (struct made){ .native = { .frames = m->natives },
		.merged = { .frames = m->frames, .merged = true } };
	m->thread = (struct py_thread){
		.addr = 1, .os = &m->os, .frames = m->python, .merged = &m->merged, .gil = GIL_NONE
	};
	m->os.native = &m->native;
	for (const char *at = text; *at; at++) {
		if (*at >= 'A' && *at <= 'Z')
			add_native(m, at);
		if (*at < 'a' || *at > 'z')
			continue;
		if (!m->thread.n_frames)
			m->merged.n_inner = m->merged.n;
		struct py_frame *f = &m->python[m->thread.n_frames++];
		f->place = &python_places[*at - 'a'];
		m->frames[m->merged.n++] = (struct merged_frame){ .python = f };
	}
	if (!m->thread.n_frames)
		m->merged.n_inner = m->merged.n;
}

static void expect(const struct py_thread *th, enum out_native which, const char *wanted,
	size_t hidden, bool ends)
{
	CLEANUP(shown_stack_fini) struct shown_stack s;
	AUTO_STR(text);
	shown_stack_init(&s, th, which);
	for (size_t i = 0; i < s.n; i++) {
		const struct shown_frame *f = &s.frames[i];
		ck_assert(!f->python != !f->native);
		if (f->python)
			str_putc(&text, (char)('a' + (f->python->place - python_places)));
		else
			str_putc(&text, (char)('A' + (f->native->place - native_places)));
		str_puts(&text, f->foreign ? "*" : "");
	}
	ck_assert_str_eq(str_text(&text), wanted);
	ck_assert_uint_eq(s.n_hidden, hidden);
	ck_assert_int_eq(s.ends, ends);
}

START_TEST(which_are_shown)
{
	static struct made m;
	make(&m, "ABab(C)Dc(E)F*(G)");
	expect(&m.thread, OUT_NATIVE_INNER, "ABabc", 5, false);
	expect(&m.thread, OUT_NATIVE_EVERY, "ABabDcF*", 3, true);
	expect(&m.thread, OUT_NATIVE_ALL, "ABabCDcEF*G", 0, true);
	make(&m, "AB");
	expect(&m.thread, OUT_NATIVE_INNER, "AB", 0, true);
	make(&m, "ABabc"); /* the native stack broke off behind B */
	expect(&m.thread, OUT_NATIVE_INNER, "ABabc", 0, true);
	make(&m, "Aab(B)");
	m.merged.merged = false;
	expect(&m.thread, OUT_NATIVE_ALL, "ab", 0, false);
	m.thread.merged = NULL;
	expect(&m.thread, OUT_NATIVE_ALL, "ab", 0, false);
}
END_TEST

/* Runs of both kinds of frames; in the order in which they are printed the outermost is first. */
START_TEST(repeats)
{
	static const struct {
		const char *text;
		size_t period, times;
	} all[] = {
		{ "aBaBaBaB", 2, 4 },
		{ "aBaBaB", 1, 1 },
		{ "aBCaBCaBCaBCaBC", 3, 5 },
		{ "ABABABABx", 1, 1 },
		{ "xABABABAB", 2, 4 },
		{ "aAaAaAaAaA", 2, 5 },
		{ "aAbAcAdA", 1, 1 },
	};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		static struct made m;
		CLEANUP(shown_stack_fini) struct shown_stack s;
		make(&m, all[i].text);
		shown_stack_init(&s, &m.thread, OUT_NATIVE_ALL);
		struct repeat r = stack_repeat(s.frames, s.n);
		ck_assert_msg(r.period == all[i].period && r.times == all[i].times, "%s: %zu x %zu",
			all[i].text, r.period, r.times);
	}
}
END_TEST

static size_t groups_of(struct made *a, struct made *b, enum out_native which)
{
	const struct py_thread *list[] = { &a->thread, &b->thread };
	struct stack_groups g;
	stack_groups_init(&g, list, 2, which, true);
	size_t n = g.n;
	stack_groups_fini(&g);
	return n;
}

START_TEST(groups)
{
	static struct made a, b;
	make(&a, "Aab(B)Cc(D)");
	make(&b, "Aab(E)Cc(D)"); /* differs in what is not shown */
	ck_assert_uint_eq(groups_of(&a, &b, OUT_NATIVE_EVERY), 1);
	ck_assert_uint_eq(groups_of(&a, &b, OUT_NATIVE_ALL), 2);
	make(&b, "Fab(B)Cc(D)");
	ck_assert_uint_eq(groups_of(&a, &b, OUT_NATIVE_EVERY), 2);
	make(&b, "abA(B)Cc(D)"); /* the same frames in another order */
	ck_assert_uint_eq(groups_of(&a, &b, OUT_NATIVE_EVERY), 2);
	make(&b, "Aab(B)Cc(D)");
	ck_assert_uint_eq(groups_of(&a, &b, OUT_NATIVE_ALL), 1);
	b.natives[0].found_by = NATIVE_SCAN;
	ck_assert_uint_eq(groups_of(&a, &b, OUT_NATIVE_EVERY), 2);
	b.natives[0].found_by = NATIVE_CFI;
	b.native.why = err_of(ERR_ABSENT, "call frame information");
	ck_assert_uint_eq(groups_of(&a, &b, OUT_NATIVE_EVERY), 2);
}
END_TEST

START_TEST(groups_that_are_not_merged)
{
	static struct made a, b;
	make(&a, "Aab(B)");
	make(&b, "Aab(B)");
	a.merged.merged = false;
	ck_assert_uint_eq(groups_of(&a, &b, OUT_NATIVE_EVERY), 2);
	b.merged.merged = false;
	ck_assert_uint_eq(groups_of(&a, &b, OUT_NATIVE_EVERY), 1);
	b.natives[1].place = &native_places[5];
	ck_assert_uint_eq(groups_of(&a, &b, OUT_NATIVE_EVERY), 2);
	make(&b, "Aab(B)");
	b.merged.merged = false;
	strcpy(b.merged.why, "something else");
	ck_assert_uint_eq(groups_of(&a, &b, OUT_NATIVE_EVERY), 2);
}
END_TEST

Suite *suite_stacks(void)
{
	Suite *s = suite_create("stacks");
	TCase *tc = tcase_create("stacks");
	tcase_add_checked_fixture(tc, make_places, NULL);
	tcase_add_test(tc, which_are_shown);
	tcase_add_test(tc, repeats);
	tcase_add_test(tc, groups);
	tcase_add_test(tc, groups_that_are_not_merged);
	suite_add_tcase(s, tc);
	return s;
}
