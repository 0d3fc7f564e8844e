/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks.h"

#include "facts.h"

#include "pycore/alloc.h"
#include "pycore/hash.h"
#include "pycore/native.h"

#include <string.h>

enum { PERIOD_MAX = 16 };

/* Frame i, counted from the outermost of n. */
static const struct py_frame *outer(const struct py_frame *frames, size_t n, size_t i)
{
	return &frames[n - 1 - i];
}

static size_t count_repeats(const struct py_frame *frames, size_t n, size_t period)
{
	size_t same = 0;
	while (same + period < n &&
		frame_same(outer(frames, n, same), outer(frames, n, same + period)))
		same++;
	return 1 + same / period;
}

struct repeat stack_repeat(const struct py_frame *frames, size_t n)
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
	return !(th->os && th->os->crashed) && !th->main && th->gil != GIL_HOLDER && th->os;
}

static bool same_native(const struct native_stack *a, const struct native_stack *b)
{
	if (!a || !b || a->n != b->n)
		return a == b;
	for (size_t i = 0; i < a->n; i++) {
		if (a->frames[i].place != b->frames[i].place)
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

static bool same_stack(const struct py_thread *a, const struct py_thread *b)
{
	if (!can_join(a) || !can_join(b) || a->n_frames != b->n_frames || a->gil != b->gil ||
		!a->addr != !b->addr || (a->addr && a->interpreter != b->interpreter) ||
		a->why.code != b->why.code || a->moving != b->moving || a->daemon != b->daemon ||
		!same_native(a->os->native, b->os->native))
		return false;
	if (!a->addr && strcmp(a->os->name, b->os->name) != 0)
		return false;
	return same_frames(a->frames, b->frames, a->n_frames) &&
	       same_exception(a->exception, b->exception) && same_exception(a->handled, b->handled);
}

/* A number that equal stacks share. */
static uint64_t stack_key(const struct py_thread *th)
{
	uint64_t h = th->n_frames;
	for (size_t i = 0; i < th->n_frames; i++)
		h = (h ^ (uintptr_t)th->frames[i].place->code) * 0x9e3779b97f4a7c15u;
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

void stack_groups_init(
	struct stack_groups *g, const struct py_thread *const *threads, size_t n, bool join)
{
	CLEANUP(hash_fini) struct hash known = { 0 };
	*g = (struct stack_groups){ 0 };
	for (size_t i = 0; i < n; i++) {
		uint64_t key = stack_key(threads[i]), group = g->n;
		if (join && can_join(threads[i]) && hash_get(&known, key, &group) &&
			!same_stack(threads[i], g->list[group].threads[0]))
			group = g->n;
		if (join && group == g->n && can_join(threads[i]))
			hash_put(&known, key, group);
		add(g, group, threads[i]);
	}
}

void stack_groups_fini(struct stack_groups *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->list[i].threads);
	free(g->list);
	*g = (struct stack_groups){ 0 };
}
