/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks.h"

#include "facts.h"

#include "pycore/alloc.h"
#include "pycore/hash.h"
#include "pycore/merge.h"
#include "pycore/native.h"

#include <string.h>

/* Recursion through C has many frames between two calls of one function. */
enum { PERIOD_MAX = 64 };

/* Whether a native frame is shown; i: its place in the merged stack. */
static bool is_shown(const struct merged_stack *m, size_t i, enum out_native which)
{
	switch (which) {
	case OUT_NATIVE_INNER:
		return i < m->n_inner;
	case OUT_NATIVE_EVERY:
		return !m->frames[i].internal;
	case OUT_NATIVE_ALL:
		return true;
	}
	__builtin_unreachable();
}

/* only: the state whose frames are shown; NULL: all. */
static void show_merged(struct shown_stack *s, const struct merged_stack *m, enum out_native which,
	const struct py_thread *only)
{
	s->frames = xcalloc(m->n, sizeof(*s->frames));
	for (size_t i = 0; i < m->n; i++) {
		const struct merged_frame *f = &m->frames[i];
		if (only && f->state != only)
			continue;
		if (f->python || is_shown(m, i, which))
			s->frames[s->n++] =
				(struct shown_frame){ f->python, f->native, f->state, f->foreign };
		else
			s->n_hidden++;
	}
	s->ends = which != OUT_NATIVE_INNER || !s->n_hidden;
}

static void show_python(struct shown_stack *s, const struct py_thread *th, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		s->frames[s->n++] = (struct shown_frame){ .python = &th->frames[i], .state = th };
}

void shown_stack_init(struct shown_stack *s, const struct py_thread *th, enum out_native which)
{
	*s = (struct shown_stack){ .apart = th->merged && !th->merged->merged };
	if (th->merged && th->merged->merged) {
		show_merged(s, th->merged, which, th->n_states ? th : NULL);
		return;
	}
	s->frames = xcalloc(th->n_frames, sizeof(*s->frames));
	show_python(s, th, 0, th->n_frames);
}

void shown_stack_init_all(struct shown_stack *s, const struct py_thread *th, enum out_native which)
{
	bool merged = th->merged && th->merged->merged;
	if (!th->pieces) {
		shown_stack_init(s, th, which);
		return;
	}
	*s = (struct shown_stack){ .apart = th->merged && !merged };
	if (merged) {
		show_merged(s, th->merged, which, NULL);
		return;
	}
	size_t n = 0;
	for (size_t i = 0; i < th->n_pieces; i++)
		n += th->pieces[i].n_frames;
	s->frames = xcalloc(n, sizeof(*s->frames));
	for (size_t i = 0; i < th->n_pieces; i++)
		show_python(s, th->pieces[i].th, th->pieces[i].frame, th->pieces[i].n_frames);
}

void shown_stack_init_native(struct shown_stack *s, const struct native_stack *native)
{
	*s = (struct shown_stack){ .ends = true };
	s->frames = xcalloc(native->n, sizeof(*s->frames));
	for (; s->n < native->n; s->n++)
		s->frames[s->n].native = &native->frames[s->n];
}

void shown_stack_fini(struct shown_stack *s)
{
	free(s->frames);
	*s = (struct shown_stack){ 0 };
}

static bool same_frame(const struct shown_frame *a, const struct shown_frame *b)
{
	if (a->state && b->state && a->state != b->state && a->state->os == b->state->os)
		return false;
	if (a->python && b->python)
		return frame_same(a->python, b->python);
	return a->native && b->native && a->native->place == b->native->place;
}

/* Frame i, counted from the outermost of n. */
static const struct shown_frame *outer(const struct shown_frame *frames, size_t n, size_t i)
{
	return &frames[n - 1 - i];
}

static size_t count_repeats(const struct shown_frame *frames, size_t n, size_t period)
{
	size_t same = 0;
	while (same + period < n &&
		same_frame(outer(frames, n, same), outer(frames, n, same + period)))
		same++;
	return 1 + same / period;
}

struct repeat stack_repeat(const struct shown_frame *frames, size_t n)
{
	for (size_t period = 1; period <= PERIOD_MAX && period * (REPEATS_SHOWN + 1) <= n;
		period++) {
		size_t times = count_repeats(frames, n, period);
		if (times > REPEATS_SHOWN)
			return (struct repeat){ period, times };
	}
	return (struct repeat){ 1, 1 };
}

static bool can_join(const struct py_thread *th)
{
	return !(th->os && th->os->crashed) && !th->main && th->gil != GIL_HOLDER && th->os &&
	       !th->n_states;
}

/* Whether both print the same. */
static bool same_native(const struct native_frame *a, const struct native_frame *b)
{
	return a->place == b->place && a->pc == b->pc && a->found_by == b->found_by &&
	       a->certain == b->certain && a->signal == b->signal;
}

static bool same_shown(const struct shown_stack *a, const struct shown_stack *b)
{
	if (a->n != b->n || a->apart != b->apart)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct shown_frame *x = &a->frames[i], *y = &b->frames[i];
		if (!same_frame(x, y) || (x->native && !same_native(x->native, y->native)))
			return false;
	}
	return true;
}

/* What is told of the native stacks beside the frames shown. */
static bool same_rest(const struct py_thread *a, const struct py_thread *b, bool apart)
{
	const struct native_stack *x = a->os->native, *y = b->os->native;
	if (!x || !y)
		return x == y;
	if (x->why.code != y->why.code || x->cut != y->cut)
		return false;
	if (!apart)
		return true;
	if (x->n != y->n || strcmp(a->merged->why, b->merged->why) != 0)
		return false;
	for (size_t i = 0; i < x->n; i++) {
		if (!same_native(&x->frames[i], &y->frames[i]))
			return false;
	}
	return true;
}

static bool same_frames(const struct py_frame *a, const struct py_frame *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!frame_same(&a[i], &b[i]))
			return false;
	}
	return true;
}

static bool same_text(const struct py_text *a, const struct py_text *b)
{
	return !a->bytes == !b->bytes && a->len == b->len &&
	       (!a->len || !memcmp(a->bytes, b->bytes, a->len));
}

/* Whether both print the same, but for what they stem from. Those with groups, notes or damage
 * count as different: they are too rare to look closer. */
static bool same_alone(const struct py_exception *a, const struct py_exception *b)
{
	if (a->n_notes || b->n_notes || a->n_exceptions || b->n_exceptions || failed(a->why) ||
		failed(b->why) || !a->type || !b->type)
		return false;
	return a->state == b->state && !strcmp(a->type, b->type) &&
	       same_text(&a->message, &b->message) && !a->cause == !b->cause &&
	       a->suppress_context == b->suppress_context && a->n_traceback == b->n_traceback &&
	       same_frames(a->traceback, b->traceback, a->n_traceback);
}

static bool same_exception(const struct py_exception *a, const struct py_exception *b)
{
	while (a && b && a != b) {
		if (!same_alone(a, b))
			return false;
		a = a->cause ? a->cause : a->context;
		b = b->cause ? b->cause : b->context;
	}
	return a == b;
}

static bool same_standing(const struct py_thread *a, const struct py_thread *b)
{
	if (a->gil != b->gil || !a->addr != !b->addr ||
		(a->addr && a->interpreter != b->interpreter) || a->why.code != b->why.code ||
		a->moving != b->moving || a->daemon != b->daemon)
		return false;
	return a->addr || !strcmp(a->os->name, b->os->name);
}

static bool same_thread(const struct py_thread *a, const struct shown_stack *of_a,
	const struct py_thread *b, enum out_native which)
{
	CLEANUP(shown_stack_fini) struct shown_stack of_b;
	shown_stack_init(&of_b, b, which);
	return same_standing(a, b) && same_shown(of_a, &of_b) && same_rest(a, b, of_a->apart) &&
	       same_exception(a->exception, b->exception) && same_exception(a->handled, b->handled);
}

/* A number that equal stacks share. */
static uint64_t stack_key(const struct shown_stack *s)
{
	uint64_t h = s->n;
	for (size_t i = 0; i < s->n; i++) {
		const struct shown_frame *f = &s->frames[i];
		uint64_t id = f->native
				      ? (uintptr_t)f->native->place
				      : (uintptr_t)f->python->place->code ^
						(uint64_t)(uint32_t)f->python->place->at.line << 48;
		h = (h ^ id) * 0x9e3779b97f4a7c15u;
	}
	return h >> 1;
}

static void add(struct stack_groups *g, size_t group, const struct py_thread *th)
{
	if (group == g->n) {
		g->list = xgrow(g->list, &g->cap, g->n, sizeof(*g->list));
		g->list[g->n++] = (struct stack_group){ 0 };
	}
	struct stack_group *to = &g->list[group];
	to->threads = xgrow(to->threads, &to->cap, to->n, sizeof(*to->threads));
	to->threads[to->n++] = th;
}

/* The group of a thread that may be in one with others; a new one if there is none. */
static size_t find_group(struct hash *known, const struct stack_groups *g,
	const struct py_thread *th, enum out_native which)
{
	CLEANUP(shown_stack_fini) struct shown_stack shown;
	shown_stack_init(&shown, th, which);
	uint64_t key = stack_key(&shown), group;
	if (hash_get(known, key, &group) &&
		same_thread(th, &shown, g->list[group].threads[0], which))
		return group;
	hash_put(known, key, g->n);
	return g->n;
}

void stack_groups_init(struct stack_groups *g, const struct py_thread *const *threads, size_t n,
	enum out_native which, bool join)
{
	CLEANUP(hash_fini) struct hash known = { 0 };
	*g = (struct stack_groups){ 0 };
	for (size_t i = 0; i < n; i++) {
		if (threads[i]->state)
			continue;
		bool alone = !join || !can_join(threads[i]);
		add(g, alone ? g->n : find_group(&known, g, threads[i], which), threads[i]);
	}
}

void stack_groups_fini(struct stack_groups *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->list[i].threads);
	free(g->list);
	*g = (struct stack_groups){ 0 };
}
