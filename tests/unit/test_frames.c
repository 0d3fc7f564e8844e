/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks over interpreters, threads and frames made by hand, for every row of the layouts: whatever
 * the links say, a walk ends, keeps what it had, and says why it stopped.
 */
#include "suites.h"

#include "fakepy.h"

#include "pycore/limits.h"

#include <stdio.h>

static struct fakepy f;

static const struct layout_row *row_at(int i)
{
	size_t n;
	return &layout_rows(&n)[i];
}

static int n_rows(void)
{
	size_t n;
	(void)layout_rows(&n);
	return (int)n;
}

static void teardown(void)
{
	fakepy_fini(&f);
}

static struct py_thread *only_thread(void)
{
	python_walk(&f.python);
	ck_assert_msg(f.python.n_threads == 1, "%s: %zu threads", f.rt->layout.row->name,
		f.python.n_threads);
	return &f.python.threads[0];
}

static enum field next_field(void)
{
	return f.rt->layout.row->frames == FRAMES_OBJECTS ? FIELD_frame_back
							  : FIELD_iframe_previous;
}

static enum field code_field(void)
{
	return f.rt->layout.row->frames == FRAMES_OBJECTS ? FIELD_frame_code : FIELD_iframe_code;
}

static void expect_problem(const char *where, const char *why)
{
	const struct problems *p = &f.target.problems;
	for (size_t i = 0; i < p->len; i++) {
		if (strstr(p->list[i].where, where) && strstr(p->list[i].why, why)) {
			ck_assert(p->list[i].damage);
			return;
		}
	}
	ck_abort_msg("%s: no problem with '%s' that says '%s'", f.rt->layout.row->name, where, why);
}

/* A chain of n frames of functions f0 (the innermost), f1, ...; at most 64. *ret: the innermost
 * one. */
static uint64_t chain(unsigned n, uint64_t *frames)
{
	uint64_t back = 0;
	for (unsigned i = n; i-- > 0;) {
		char name[16];
		snprintf(name, sizeof(name), "f%u", i);
		frames[i] = back = fakepy_frame(&f, fakepy_code(&f, name), 2, back);
	}
	return back;
}

START_TEST(plain_chain)
{
	uint64_t frames[20];
	fakepy_init(&f, row_at(_i));
	fakepy_thread(&f, f.interp, chain(20, frames));
	const struct py_thread *th = only_thread();
	ck_assert_int_eq(th->why.code, ERR_NONE);
	ck_assert_uint_eq(th->n_frames, 20);
	for (unsigned i = 0; i < 20; i++) {
		char name[16];
		snprintf(name, sizeof(name), "f%u", i);
		ck_assert_uint_eq(th->frames[i].addr, frames[i]);
		ck_assert_int_eq(th->frames[i].place->offset, 2);
		ck_assert_str_eq(th->frames[i].place->code->name.bytes, name);
		ck_assert_str_eq(th->frames[i].place->code->filename.bytes, "file.py");
		ck_assert_int_eq(th->frames[i].place->code->firstlineno, 10);
	}
	ck_assert_uint_eq(f.python.n_interpreters, 1);
	ck_assert(f.python.interpreters[0].main);
	ck_assert_uint_eq(f.target.problems.len, 0);
}
END_TEST

START_TEST(no_frames)
{
	fakepy_init(&f, row_at(_i));
	fakepy_thread(&f, f.interp, 0);
	const struct py_thread *th = only_thread();
	ck_assert_int_eq(th->why.code, ERR_NONE);
	ck_assert_uint_eq(th->n_frames, 0);
}
END_TEST

/* Circles of every length, with a tail before them or not. */
START_TEST(frames_in_a_circle)
{
	for (unsigned length = 1; length <= 9; length += 4) {
		for (unsigned tail = 0; tail <= 5; tail += 5) {
			uint64_t frames[16];
			fakepy_init(&f, row_at(_i));
			fakepy_thread(&f, f.interp, chain(tail + length, frames));
			fakepy_set(&f, frames[tail + length - 1], next_field(), frames[tail]);
			const struct py_thread *th = only_thread();
			ck_assert_int_eq(th->why.code, ERR_CORRUPT);
			ck_assert_ptr_nonnull(strstr(th->why.what, "circle"));
			ck_assert_uint_ge(th->n_frames, tail + length);
			ck_assert_uint_le(th->n_frames, 64);
			if (length < 9 || !tail)
				fakepy_fini(&f);
		}
	}
}
END_TEST

/* Addresses that lead nowhere: what was read before stays, with the place where it broke off. */
static const uint64_t nowhere[] = { 8, 0x1000, 0x7fffffffe000, 0x1000000010000000,
	0x8000000080000000, UINT64_MAX - 7 };

START_TEST(broken_link)
{
	const struct layout_row *row = row_at(_i);
	for (size_t i = 0; i < ARRAY_LEN(nowhere); i++) {
		uint64_t frames[3];
		fakepy_init(&f, row);
		fakepy_thread(&f, f.interp, chain(3, frames));
		fakepy_set(&f, frames[1], next_field(), nowhere[i]);
		const struct py_thread *th = only_thread();
		ck_assert_msg(th->why.code == ERR_UNMAPPED, "%s: 0x%lx: %d", row->name, nowhere[i],
			th->why.code);
		ck_assert_uint_eq(th->n_frames, 2);
		fakepy_set(&f, frames[1], next_field(), frames[2] + 1); /* not aligned */
		python_walk(&f.python);
		th = &f.python.threads[0];
		ck_assert_int_eq(th->why.code, ERR_CORRUPT);
		ck_assert_uint_eq(th->n_frames, 2);
		if (i + 1 < ARRAY_LEN(nowhere))
			fakepy_fini(&f);
	}
}
END_TEST

/* A frame whose code is none stays in the list as one that could not be read; the others are right.
 */
START_TEST(code_of_the_wrong_type)
{
	uint64_t frames[3];
	fakepy_init(&f, row_at(_i));
	fakepy_thread(&f, f.interp, chain(3, frames));
	uint64_t other = fakepy_code(&f, "not code");
	fakepy_set(&f, other, FIELD_object_type, fakepy_type(&f, "dict"));
	uint64_t wrong[] = { other, f.str_type, 0x1008, other + 4, UINT64_C(1) << 60 };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		fakepy_set(&f, frames[1], code_field(), wrong[i]);
		python_walk(&f.python);
		const struct py_thread *th = &f.python.threads[0];
		ck_assert_int_eq(th->why.code, ERR_NONE);
		ck_assert_uint_eq(th->n_frames, 3);
		ck_assert_int_eq(th->frames[0].place->code->why.code, ERR_NONE);
		ck_assert_int_ne(th->frames[1].place->code->why.code, ERR_NONE);
		ck_assert_str_eq(th->frames[2].place->code->name.bytes, "f2");
		python_locate(&f.python);
		ck_assert(failed(th->frames[1].place->why));
		ck_assert_int_eq(th->frames[2].place->why.code, ERR_NONE);
	}
}
END_TEST

/* Damage inside of a code object costs what it concerns. */
START_TEST(damaged_code)
{
	fakepy_init(&f, row_at(_i));
	uint64_t code = fakepy_code(&f, "down"), table = fakepy_bytes(&f, "", 0);
	fakepy_thread(&f, f.interp, fakepy_frame(&f, code, 2, 0));
	fakepy_set(&f, code, FIELD_code_linetable, table);
	static const uint64_t sizes[] = { LINETABLE_MAX + UINT64_C(1), 0x1000000010000000,
		UINT64_MAX, FAKEPY_SIZE };
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		fakepy_set(&f, table, FIELD_bytes_size, sizes[i]);
		hash_clear(&f.python.codes);
		const struct py_code *c = only_thread()->frames[0].place->code;
		ck_assert_int_eq(c->why.code, ERR_NONE);
		ck_assert_int_eq(c->linetable_why.code, i < 3 ? ERR_CORRUPT : ERR_UNMAPPED);
		ck_assert_str_eq(c->name.bytes, "down");
	}
	fakepy_set(&f, code, FIELD_code_name, 0x1000);
	hash_clear(&f.python.codes);
	const struct py_code *c = only_thread()->frames[0].place->code;
	ck_assert_ptr_null(c->name.bytes);
	ck_assert_int_eq(c->name.why.code, ERR_UNMAPPED);
	ck_assert_str_eq(c->filename.bytes, "file.py");
}
END_TEST

/* Any number in the field that says where the instruction is. */
START_TEST(hostile_instruction)
{
	static const uint64_t values[] = { 0, 0x7fffffff, 0x80000000, 0xffffffff, UINT64_C(1) << 62,
		INT64_MAX, UINT64_MAX };
	uint64_t frames[1];
	fakepy_init(&f, row_at(_i));
	fakepy_thread(&f, f.interp, chain(1, frames));
	bool objects = f.rt->layout.row->frames == FRAMES_OBJECTS;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		fakepy_set(
			&f, frames[0], objects ? FIELD_frame_lasti : FIELD_iframe_instr, values[i]);
		const struct py_thread *th = only_thread();
		python_locate(&f.python);
		for (size_t k = 0; k < th->n_frames; k++)
			ck_assert_int_eq(th->frames[k].place->why.code, ERR_NONE);
	}
}
END_TEST

/* Frames that Python does not list: shims, and those before their first traceable instruction. */
START_TEST(hidden_frames)
{
	const struct layout_row *row = row_at(_i);
	uint64_t frames[4];
	fakepy_init(&f, row);
	fakepy_thread(&f, f.interp, chain(4, frames));
	size_t hidden = 0;
	if (row->owner.shim_from >= 0) {
		fakepy_set(&f, frames[1], FIELD_iframe_owner, (uint64_t)row->owner.shim_from);
		fakepy_set(&f, frames[1], FIELD_iframe_code,
			0x1000); /* what a shim runs is never looked at */
		fakepy_set(&f, frames[3], FIELD_iframe_owner, 255);
		hidden = 2;
	}
	const struct py_thread *th = only_thread();
	ck_assert_int_eq(th->why.code, ERR_NONE);
	ck_assert_uint_eq(th->n_frames, 4 - hidden);
	ck_assert_uint_eq(th->frames[1].addr, frames[hidden ? 2 : 1]);
}
END_TEST

/* A generator that yields is without a caller for a moment: where shims end every chain, that
 * shows. */
START_TEST(generator_without_caller)
{
	const struct layout_row *row = row_at(_i);
	bool objects = row->frames == FRAMES_OBJECTS;
	fakepy_init(&f, row);
	uint64_t frame = fakepy_frame(&f, fakepy_code(&f, "numbers"), 2, 0);
	fakepy_thread(&f, f.interp, frame);
	fakepy_set(&f, frame, objects ? FIELD_frame_back : FIELD_iframe_previous, 0);
	const struct py_thread *th = only_thread();
	ck_assert_uint_eq(th->n_frames, 1);
	ck_assert_int_eq(th->torn, row->owner.shim_from >= 0);
	ck_assert_int_eq(python_torn(&f.python), th->torn);
	ck_assert_int_eq(failed(th->why), th->torn);
}
END_TEST

/* A state that is being made has no C frame to point to yet. */
START_TEST(no_cframe_yet)
{
	const struct layout_row *row = row_at(_i);
	fakepy_init(&f, row);
	uint64_t tstate = fakepy_thread(&f, f.interp, 0);
	if (row->frames == FRAMES_CFRAME)
		fakepy_set(&f, tstate, FIELD_tstate_cframe, 0);
	const struct py_thread *th = only_thread();
	ck_assert_int_eq(th->why.code, ERR_NONE);
	ck_assert_uint_eq(th->n_frames, 0);
}
END_TEST

/* Until it runs, a new thread's state bears the id of its maker, or none. */
START_TEST(thread_that_is_being_started)
{
	fakepy_init(&f, row_at(_i));
	uint64_t frame = fakepy_frame(&f, fakepy_code(&f, "start"), 2, 0);
	uint64_t maker = fakepy_thread(&f, f.interp, frame);
	uint64_t fresh = fakepy_thread(&f, f.interp, 0), unbound = fakepy_thread(&f, f.interp, 0);
	fakepy_set(&f, fresh, FIELD_tstate_thread_id, 0x7f0000000000 + maker);
	fakepy_set(&f, unbound, FIELD_tstate_thread_id, 0);
	python_walk(&f.python);
	ck_assert_uint_eq(f.python.n_threads, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct py_thread *th = &f.python.threads[i];
		bool starts = th->addr == fresh || th->addr == unbound;
		ck_assert_ptr_null(th->os);
		ck_assert_int_eq(strstr(th->os_why, "being started") != NULL, starts);
	}
}
END_TEST

START_TEST(incomplete_frames)
{
	const struct layout_row *row = row_at(_i);
	fakepy_init(&f, row);
	uint64_t code = fakepy_code(&f, "down");
	fakepy_set(&f, code, FIELD_code_firsttraceable, 3);
	uint64_t run = fakepy_frame(&f, code, 6, 0), prologue = fakepy_frame(&f, code, 4, run);
	uint64_t generator = fakepy_frame(&f, code, 4, prologue),
		 unstarted = fakepy_frame(&f, code, -2, generator);
	fakepy_set(&f, generator, FIELD_iframe_owner, (uint64_t)row->owner.generator);
	fakepy_thread(&f, f.interp, unstarted);
	const struct py_thread *th = only_thread();
	if (!layout_has(&f.rt->layout, FIELD_code_firsttraceable)) {
		ck_assert_uint_eq(th->n_frames, 4);
		ck_assert_int_eq(th->frames[0].place->offset, -2);
		return;
	}
	ck_assert_uint_eq(th->n_frames, 2);
	ck_assert_uint_eq(th->frames[0].addr, generator);
	ck_assert_uint_eq(th->frames[1].addr, run);
}
END_TEST

/* References to objects carry marks in their low bits from 3.14 on. */
START_TEST(tagged_code)
{
	uint64_t frames[2];
	fakepy_init(&f, row_at(_i));
	uint64_t code = fakepy_code(&f, "tagged"), mask = f.rt->layout.row->ref_tag_mask;
	fakepy_thread(&f, f.interp, chain(2, frames));
	fakepy_set(&f, frames[0], code_field(), code | (mask & 1));
	ck_assert_str_eq(only_thread()->frames[0].place->code->name.bytes, "tagged");
	fakepy_set(&f, frames[0], code_field(), mask ? 1 : 0); /* NULL */
	ck_assert_int_ne(only_thread()->frames[0].place->code->why.code, ERR_NONE);
}
END_TEST

START_TEST(many_threads)
{
	uint64_t frames[2], threads[50];
	fakepy_init(&f, row_at(_i));
	for (int i = 0; i < 50; i++)
		threads[i] = fakepy_thread(&f, f.interp, chain(2, frames));
	python_walk(&f.python);
	ck_assert_uint_eq(f.python.n_threads, 50);
	for (int i = 0; i < 50; i++) {
		ck_assert_uint_eq(f.python.threads[i].addr, threads[i]); /* the oldest first */
		ck_assert_uint_eq(f.python.threads[i].n_frames, 2);
		ck_assert_ptr_null(f.python.threads[i].os);
		ck_assert_ptr_nonnull(f.python.threads[i].os_why);
	}
	python_walk(&f.python); /* again: nothing is left of the first walk */
	ck_assert_uint_eq(f.python.n_threads, 50);
}
END_TEST

START_TEST(threads_in_a_circle)
{
	fakepy_init(&f, row_at(_i));
	uint64_t first = fakepy_thread(&f, f.interp, 0);
	fakepy_thread(&f, f.interp, 0);
	uint64_t last = fakepy_thread(&f, f.interp, 0);
	fakepy_set(&f, first, FIELD_tstate_next, last);
	python_walk(&f.python);
	ck_assert_uint_eq(f.python.n_threads, 3);
	expect_problem("threads of interpreter", "circle");
}
END_TEST

START_TEST(list_of_threads_breaks_off)
{
	for (size_t i = 0; i < ARRAY_LEN(nowhere); i++) {
		fakepy_init(&f, row_at(_i));
		uint64_t oldest = fakepy_thread(&f, f.interp, 0);
		fakepy_thread(&f, f.interp, 0);
		fakepy_set(&f, oldest, FIELD_tstate_next, nowhere[i]);
		python_walk(&f.python);
		ck_assert_uint_eq(f.python.n_threads, 2);
		expect_problem("threads of interpreter", "not mapped");
		fakepy_fini(&f);
	}
	fakepy_init(&f, row_at(_i));
	fakepy_thread(&f, fakepy_interp(&f), 0);
	uint64_t stranger = fakepy_thread(&f, fakepy_interp(&f), 0);
	fakepy_set(&f, fakepy_thread(&f, f.interp, 0), FIELD_tstate_next, stranger);
	python_walk(&f.python);
	ck_assert_uint_eq(f.python.n_threads, 1);
	expect_problem("threads of interpreter", "another interpreter");
}
END_TEST

/* Three interpreters, newest first in the list; ids where the build has them. */
static void three_interpreters(uint64_t interps[3])
{
	interps[0] = f.interp;
	for (int i = 1; i < 3; i++) {
		interps[i] = fakepy_interp(&f);
		fakepy_set(&f, interps[i], FIELD_interp_next, interps[i - 1]);
		fakepy_set(&f, interps[i], FIELD_interp_id, (uint64_t)i);
	}
	if (f.rt->layout.row->roots == ROOTS_STATICS)
		memcpy(fakepy_at(&f, f.rt->addr), &interps[2], 8);
	fakepy_set(&f, f.rt->addr, FIELD_runtime_interpreters_head, interps[2]);
	for (int i = 0; i < 3; i++)
		fakepy_thread(&f, interps[i], 0);
}

START_TEST(several_interpreters)
{
	uint64_t interps[3];
	fakepy_init(&f, row_at(_i));
	three_interpreters(interps);
	python_walk(&f.python);
	ck_assert_uint_eq(f.python.n_interpreters, 3);
	ck_assert_uint_eq(f.python.n_threads, 3);
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(f.python.interpreters[i].addr, interps[i]);
		ck_assert_int_eq(f.python.interpreters[i].id, i);
		ck_assert_int_eq(f.python.interpreters[i].main, i == 0);
	}
	ck_assert_uint_eq(f.target.problems.len, 0);
}
END_TEST

START_TEST(interpreters_in_a_circle)
{
	uint64_t interps[3];
	fakepy_init(&f, row_at(_i));
	three_interpreters(interps);
	fakepy_set(&f, interps[0], FIELD_interp_next, interps[2]);
	python_walk(&f.python);
	ck_assert_uint_eq(f.python.n_interpreters, 3);
	ck_assert_uint_eq(f.python.n_threads, 3);
	expect_problem("interpreters", "circle");
}
END_TEST

/* Every word of every struct, one after the other, made a nasty one: a walk always ends, and gives
 * back no more than there is memory for. Sanitizers see the rest. */
START_TEST(any_word)
{
	static const uint64_t values[] = { 1, 0x1000, UINT64_C(1) << 60, UINT64_MAX };
	uint64_t frames[4], interps[3];
	fakepy_init(&f, row_at(_i));
	three_interpreters(interps);
	fakepy_thread(&f, f.interp, chain(4, frames));
	for (size_t at = 0; at + 8 <= f.used; at += 8) {
		uint64_t before, *word = (uint64_t *)(f.bytes + at);
		memcpy(&before, word, 8);
		if (!before)
			continue; /* most of it, and no field that is in use */
		for (size_t i = 0; i <= ARRAY_LEN(values); i++) {
			uint64_t value = i < ARRAY_LEN(values) ? values[i] : FAKEPY_BASE + at;
			memcpy(word, &value, 8);
			hash_clear(&f.python.codes);
			f.rt->code_type = 0;
			python_walk(&f.python);
			python_locate(&f.python);
			ck_assert_uint_le(f.python.n_threads, 8);
		}
		memcpy(word, &before, 8);
	}
}
END_TEST

Suite *suite_frames(void)
{
	Suite *s = suite_create("frames");
	TCase *tc = tcase_create("frames");
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, plain_chain, 0, n_rows());
	tcase_add_loop_test(tc, no_frames, 0, n_rows());
	tcase_add_loop_test(tc, frames_in_a_circle, 0, n_rows());
	tcase_add_loop_test(tc, broken_link, 0, n_rows());
	tcase_add_loop_test(tc, code_of_the_wrong_type, 0, n_rows());
	tcase_add_loop_test(tc, damaged_code, 0, n_rows());
	tcase_add_loop_test(tc, hostile_instruction, 0, n_rows());
	tcase_add_loop_test(tc, hidden_frames, 0, n_rows());
	tcase_add_loop_test(tc, incomplete_frames, 0, n_rows());
	tcase_add_loop_test(tc, generator_without_caller, 0, n_rows());
	tcase_add_loop_test(tc, no_cframe_yet, 0, n_rows());
	tcase_add_loop_test(tc, thread_that_is_being_started, 0, n_rows());
	tcase_add_loop_test(tc, tagged_code, 0, n_rows());
	tcase_add_loop_test(tc, many_threads, 0, n_rows());
	tcase_add_loop_test(tc, threads_in_a_circle, 0, n_rows());
	tcase_add_loop_test(tc, list_of_threads_breaks_off, 0, n_rows());
	tcase_add_loop_test(tc, several_interpreters, 0, n_rows());
	tcase_add_loop_test(tc, interpreters_in_a_circle, 0, n_rows());
	tcase_add_loop_test(tc, any_word, 0, n_rows());
	suite_add_tcase(s, tc);
	return s;
}
