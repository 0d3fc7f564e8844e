/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which frames belong to one call of the evaluation function: chains made by hand, for every row of
 * the layouts. Whatever they say, together the entries run all frames, and an address that is not
 * sure is none.
 */
#include "suites.h"

#include "fakepy.h"

#include <stdio.h>

enum { MANY = 12 };

static struct fakepy f;
static uint64_t tstate;
static struct os_thread os;

static int n_rows(void)
{
	size_t n;
	(void)layout_rows(&n);
	return (int)n;
}

static void begin(int row)
{
	size_t n;
	fakepy_init(&f, &layout_rows(&n)[row]);
}

static void teardown(void)
{
	fakepy_fini(&f);
}

static bool has_shims(void)
{
	return f.rt->layout.row->owner.shim_from >= 0;
}

static bool has(enum field field)
{
	return layout_has(&f.rt->layout, field);
}

/* Each call keeps a cframe, and that says which frame is its innermost. */
static bool has_naming_cframes(void)
{
	return has(FIELD_cframe_current_frame) && !has_shims();
}

static bool has_bare_cframes(void)
{
	return has(FIELD_cframe_previous) && !has(FIELD_cframe_current_frame);
}

static uint64_t frame_before(uint64_t back)
{
	return fakepy_frame(&f, fakepy_code(&f, "f"), 2, back);
}

static uint64_t shim_before(uint64_t back)
{
	uint64_t frame = frame_before(back);
	fakepy_set(&f, frame, FIELD_iframe_owner, (uint64_t)f.rt->layout.row->owner.shim_from);
	fakepy_set(&f, frame, FIELD_iframe_previous, back);
	return frame;
}

/* Among other variables of a call. */
static uint64_t cframe_before(uint64_t previous, uint64_t frame)
{
	uint64_t cframe = fakepy_alloc(&f, 2048) + 1024;
	fakepy_set(&f, cframe, FIELD_cframe_previous, previous);
	fakepy_set(&f, cframe, FIELD_cframe_current_frame, frame);
	return cframe;
}

static uint64_t root_cframe(void)
{
	return tstate + f.rt->layout.field[FIELD_tstate_root_cframe].offset;
}

/* The cframe in the thread state is of no call, and what it says of others is not looked at. */
static void make_thread(uint64_t innermost)
{
	tstate = fakepy_thread(&f, f.interp, innermost);
	if (!has(FIELD_tstate_root_cframe))
		return;
	fakepy_set(&f, root_cframe(), FIELD_cframe_previous, 0x1234);
	if (has_bare_cframes())
		fakepy_set(&f, tstate, FIELD_tstate_cframe, root_cframe());
}

static const struct py_thread *walked(void)
{
	size_t frames = 0;
	python_walk(&f.python);
	ck_assert_uint_eq(f.python.n_threads, 1);
	const struct py_thread *th = &f.python.threads[0];
	for (size_t i = 0; i < th->n_entries; i++)
		frames += th->entries[i].n_frames;
	ck_assert_msg(frames == th->n_frames, "%s: entries run %zu of %zu frames",
		f.rt->layout.row->name, frames, th->n_frames);
	return th;
}

static void expect(const struct py_thread *th, size_t i, uint64_t on_stack, size_t n_frames)
{
	ck_assert_uint_gt(th->n_entries, i);
	ck_assert_uint_eq(th->entries[i].on_stack, on_stack);
	ck_assert_uint_eq(th->entries[i].n_frames, n_frames);
}

START_TEST(plain_chain)
{
	begin(_i);
	uint64_t shim = has_shims() ? shim_before(0) : 0, innermost = shim;
	for (int i = 0; i < MANY; i++)
		innermost = frame_before(innermost);
	make_thread(innermost);
	const struct py_thread *th = walked();
	ck_assert_uint_eq(th->n_frames, MANY);
	if (has_shims() || has_naming_cframes()) {
		ck_assert_uint_ge(th->n_entries, 1);
		expect(th, 0, has_shims() ? shim : th->cframe, MANY);
		return;
	}
	ck_assert_uint_eq(th->n_entries, MANY);
	for (size_t i = 0; i < MANY; i++)
		expect(th, i, 0, 1);
}
END_TEST

START_TEST(no_frames)
{
	begin(_i);
	make_thread(0);
	if (has(FIELD_tstate_cframe))
		fakepy_set(&f, tstate, FIELD_tstate_cframe, root_cframe());
	ck_assert_uint_eq(walked()->n_entries, 0);
}
END_TEST

/* A thread in the evaluation function itself, with its stack pointer `below` its cframe. */
static void run_in_evaluation(uint64_t cframe, uint64_t below)
{
	os = (struct os_thread){ .tid = 4711, .ns_tid = 4711 };
	fakepy_set(&f, tstate, FIELD_tstate_native_thread_id, 4711);
	os.regs = (struct core_regs){ .has_sp = true,
		.sp = cframe - below,
		.has_tls = true,
		.tls = fakepy_thread_id(&f, tstate) };
	f.target.threads = &os;
	f.target.n_threads = 1;
}

/* 3.10: a chain of `n` cframes, the innermost one into list[0], for three frames. */
static void make_cframes(size_t n, uint64_t *list)
{
	make_thread(frame_before(frame_before(frame_before(0))));
	uint64_t previous = root_cframe();
	for (size_t i = n; i-- > 0;)
		list[i] = previous = cframe_before(previous, 0);
	fakepy_set(&f, tstate, FIELD_tstate_cframe, previous);
}

/* One more than frames: the innermost call has just begun if the next one runs the innermost frame;
 * if it runs it itself, the outermost is no call, but a greenlet's. One less: the innermost one is
 * about to end. */
static void check_pairs(size_t n, int runs)
{
	uint64_t c[6];
	make_cframes(n, c);
	if (n == 4) {
		uint64_t innermost = walked()->frames[0].addr;
		fakepy_set_address(&f, c[runs] - 40, innermost);
	}
	const struct py_thread *th = walked();
	size_t begun = n == 4 && runs == 1;
	ck_assert_uint_eq(th->n_frames, 3);
	ck_assert_uint_eq(th->n_entries, 3 + begun);
	if (begun)
		expect(th, 0, c[0], 0);
	for (size_t i = 0; i < 3; i++) {
		uint64_t on_stack = 0;
		if (n == 3 || n == 4)
			on_stack = c[i + begun];
		if (n == 2 && i)
			on_stack = c[i - 1];
		expect(th, i + begun, on_stack, 1);
	}
}

START_TEST(a_cframe_for_each_frame)
{
	for (size_t n = 0; n <= 6; n++) {
		for (int runs = 0; runs < 2; runs++) {
			if (n || runs)
				teardown();
			begin(_i);
			if (!has_bare_cframes())
				return;
			check_pairs(n, runs);
		}
	}
}
END_TEST

/* Which frame each belongs to is not known then. */
START_TEST(cframes_that_are_damaged)
{
	for (int how = 0; how < 3; how++) {
		uint64_t c[3];
		begin(_i);
		if (!has_bare_cframes())
			return;
		make_cframes(3, c);
		if (how == 0)
			fakepy_set(&f, c[2], FIELD_cframe_previous, c[0]);
		else if (how == 1)
			fakepy_set(&f, c[0], FIELD_cframe_previous, 0x10);
		else
			fakepy_set(&f, tstate, FIELD_tstate_cframe, 0x11);
		const struct py_thread *th = walked();
		ck_assert_int_eq(th->why.code, ERR_NONE);
		ck_assert_uint_eq(th->n_entries, 3);
		for (size_t i = 0; i < 3; i++)
			expect(th, i, 0, 1);
		if (how < 2)
			teardown();
	}
}
END_TEST

/* 3.11: calls that run two, one and three frames. */
struct calls_made {
	uint64_t frames[6], cframes[3];
};

static struct calls_made make_calls(void)
{
	struct calls_made made;
	uint64_t back = 0;
	for (size_t i = 6; i-- > 0;)
		made.frames[i] = back = frame_before(back);
	make_thread(made.frames[0]);
	made.cframes[2] = cframe_before(root_cframe(), made.frames[3]);
	made.cframes[1] = cframe_before(made.cframes[2], made.frames[2]);
	made.cframes[0] = cframe_before(made.cframes[1], made.frames[0]);
	fakepy_set(&f, tstate, FIELD_tstate_cframe, made.cframes[0]);
	return made;
}

START_TEST(cframes_that_name_a_frame)
{
	begin(_i);
	if (!has_naming_cframes())
		return;
	struct calls_made made = make_calls();
	const struct py_thread *th = walked();
	ck_assert_uint_eq(th->n_entries, 3);
	expect(th, 0, made.cframes[0], 2);
	expect(th, 1, made.cframes[1], 1);
	expect(th, 2, made.cframes[2], 3);
	/* a frame that is not listed yet leaves its call without any */
	uint64_t code = fakepy_code(&f, "begins");
	fakepy_set(&f, code, FIELD_code_firsttraceable, 5);
	fakepy_set(&f, made.frames[2], FIELD_iframe_code, code);
	fakepy_set(&f, made.frames[2], FIELD_iframe_instr,
		code + f.rt->layout.field[FIELD_code_instructions].offset);
	th = walked();
	ck_assert_uint_eq(th->n_entries, 3);
	expect(th, 0, made.cframes[0], 2);
	expect(th, 1, made.cframes[1], 0);
	expect(th, 2, made.cframes[2], 3);
}
END_TEST

/* The chain of frames does not come by where a cframe says. */
START_TEST(cframes_that_lead_astray)
{
	begin(_i);
	if (!has_naming_cframes())
		return;
	struct calls_made made = make_calls();
	fakepy_set(&f, made.cframes[1], FIELD_cframe_current_frame, frame_before(0));
	const struct py_thread *th = walked();
	ck_assert_int_eq(th->why.code, ERR_NONE);
	ck_assert_uint_eq(th->n_frames, 6);
	for (size_t i = 0; i < th->n_entries; i++)
		ck_assert_uint_eq(th->entries[i].on_stack, 0);
	fakepy_set(&f, made.cframes[1], FIELD_cframe_current_frame, made.frames[2]);
	fakepy_set(&f, made.cframes[2], FIELD_cframe_previous, made.cframes[0]);
	th = walked(); /* a circle */
	ck_assert_uint_eq(th->n_frames, 6);
	for (size_t i = 0; i < th->n_entries; i++)
		ck_assert_uint_eq(th->entries[i].on_stack, 0);
}
END_TEST

/* What is known before the chain breaks off stays. */
START_TEST(chain_breaks_off)
{
	begin(_i);
	if (!has_naming_cframes())
		return;
	struct calls_made made = make_calls();
	fakepy_set(&f, made.frames[2], FIELD_iframe_previous, 0x10);
	const struct py_thread *th = walked();
	ck_assert_int_ne(th->why.code, ERR_NONE);
	ck_assert_uint_eq(th->n_entries, 2);
	expect(th, 0, made.cframes[0], 2);
	expect(th, 1, made.cframes[1], 1);
}
END_TEST

START_TEST(shims)
{
	uint64_t at[4];
	begin(_i);
	if (!has_shims())
		return;
	at[3] = shim_before(0);
	at[2] = shim_before(frame_before(at[3]));
	at[1] = shim_before(frame_before(frame_before(at[2])));
	at[0] = shim_before(at[1]);
	make_thread(frame_before(at[0]));
	const struct py_thread *th = walked();
	ck_assert_uint_eq(th->n_frames, 4);
	ck_assert_uint_eq(th->n_entries, 4);
	expect(th, 0, at[0], 1);
	expect(th, 1, at[1], 0);
	expect(th, 2, at[2], 2);
	expect(th, 3, at[3], 1);
	if (!has(FIELD_tstate_base_frame))
		return;
	uint64_t base = shim_before(0);
	fakepy_set(&f, tstate, FIELD_tstate_base_frame, base);
	fakepy_set(&f, at[3], FIELD_iframe_previous, base);
	th = walked();
	ck_assert_uint_eq(th->n_entries, 4);
	expect(th, 3, at[3], 1);
}
END_TEST

/* 3.11 and 3.12 link a cframe before it names a frame: it may hold anything then. */
START_TEST(just_begun)
{
	static const uint64_t garbage[] = { 1, 0x10, 0, FAKEPY_BASE + 8 };
	for (size_t i = 0; i < 2 * ARRAY_LEN(garbage); i++) {
		begin(_i);
		if (f.rt->layout.row->frames != FRAMES_CFRAME)
			return;
		uint64_t inner = frame_before(has_shims() ? shim_before(0) : 0);
		make_thread(inner);
		uint64_t outer = cframe_before(root_cframe(), inner);
		uint64_t cframe = cframe_before(outer, garbage[i / 2]);
		fakepy_set(&f, tstate, FIELD_tstate_cframe, cframe);
		bool near = i % 2;
		run_in_evaluation(cframe, near ? 0x100 : 0x10000);
		const struct py_thread *th = walked();
		ck_assert_ptr_eq(th->os, &os);
		if (near) {
			ck_assert_int_eq(th->why.code, ERR_NONE);
			ck_assert_uint_eq(th->n_frames, 1);
			ck_assert_uint_eq(th->frames[0].addr, inner);
			expect(th, 0, cframe, 0);
			ck_assert(!th->torn);
		} else {
			ck_assert(failed(th->why) || !th->n_frames ||
				  failed(th->frames[0].place->code->why));
		}
		if (i + 1 < 2 * ARRAY_LEN(garbage))
			teardown();
	}
}
END_TEST

/* Frames that were read are not given up for what may be. */
START_TEST(damage_is_no_beginning)
{
	begin(_i);
	if (f.rt->layout.row->frames != FRAMES_CFRAME)
		return;
	uint64_t outermost = frame_before(has_shims() ? shim_before(0) : 0);
	uint64_t broken = frame_before(0);
	fakepy_set(&f, broken, FIELD_iframe_previous, 0x10);
	make_thread(outermost);
	uint64_t outer = cframe_before(root_cframe(), outermost);
	uint64_t cframe = cframe_before(outer, broken);
	fakepy_set(&f, tstate, FIELD_tstate_cframe, cframe);
	run_in_evaluation(cframe, 0x100);
	const struct py_thread *th = walked();
	ck_assert_uint_eq(th->n_frames, 1);
	ck_assert_uint_eq(th->frames[0].addr, broken);
	ck_assert(failed(th->why) && th->torn);
}
END_TEST

Suite *suite_calls(void)
{
	Suite *s = suite_create("calls");
	TCase *tc = tcase_create("calls");
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, plain_chain, 0, n_rows());
	tcase_add_loop_test(tc, no_frames, 0, n_rows());
	tcase_add_loop_test(tc, a_cframe_for_each_frame, 0, n_rows());
	tcase_add_loop_test(tc, cframes_that_are_damaged, 0, n_rows());
	tcase_add_loop_test(tc, cframes_that_name_a_frame, 0, n_rows());
	tcase_add_loop_test(tc, cframes_that_lead_astray, 0, n_rows());
	tcase_add_loop_test(tc, chain_breaks_off, 0, n_rows());
	tcase_add_loop_test(tc, shims, 0, n_rows());
	tcase_add_loop_test(tc, just_begun, 0, n_rows());
	tcase_add_loop_test(tc, damage_is_no_beginning, 0, n_rows());
	suite_add_tcase(s, tc);
	return s;
}
