/* SPDX-License-Identifier: Apache-2.0 */
/* The thread states of an interpreter: a list, newest first, turned around so that the oldest comes
 * first. */
#include "py_internal.h"

#include "pycore/limits.h"

#include <inttypes.h>
#include <stdio.h>

static struct err read_thread(
	struct python *p, size_t interpreter, uint64_t addr, struct py_thread *ret)
{
	const struct py_interpreter *in = &p->interpreters[interpreter];
	const struct py_runtime *rt = &p->runtimes[in->runtime];
	struct py_thread th = { .addr = addr, .interpreter = interpreter };
	uint64_t interp;
	TRY(py_field(rt, addr, FIELD_tstate_interp, &interp));
	if (interp != in->addr)
		return err_at(ERR_CORRUPT, addr,
			"list of threads: an entry belongs to another interpreter");
	TRY(py_field(rt, addr, FIELD_tstate_thread_id, &th.thread_id));
	if (layout_has(&rt->layout, FIELD_tstate_native_thread_id))
		TRY(py_field(rt, addr, FIELD_tstate_native_thread_id, &th.native_id));
	*ret = th;
	return NO_ERR;
}

static struct err list_threads(
	struct python *p, size_t interpreter, struct py_thread **list, size_t *n)
{
	const struct py_runtime *rt = &p->runtimes[p->interpreters[interpreter].runtime];
	CLEANUP(hash_fini) struct hash seen = { 0 };
	size_t cap = 0;
	uint64_t at;
	for (size_t i = rt->n_orphans; i-- > 0;) {
		struct py_thread th;
		if (failed(read_thread(p, interpreter, rt->orphans[i], &th)))
			continue;
		*list = xgrow(*list, &cap, *n, sizeof(**list));
		(*list)[(*n)++] = th;
	}
	if (rt->n_orphans)
		return NO_ERR;
	TRY(py_field(rt, p->interpreters[interpreter].addr, FIELD_interp_threads_head, &at));
	while (at) {
		struct py_thread th;
		if (*n >= THREADS_MAX)
			return err_at(ERR_LIMIT, at, "list of threads");
		if (at == UINT64_MAX || !hash_put(&seen, at, 0))
			return err_at(ERR_CORRUPT, at, "list of threads: it is a circle");
		TRY(read_thread(p, interpreter, at, &th));
		*list = xgrow(*list, &cap, *n, sizeof(**list));
		(*list)[(*n)++] = th;
		TRY(py_field(rt, at, FIELD_tstate_next, &at));
	}
	return NO_ERR;
}

static bool same_frames(const struct py_thread *a, const struct py_thread *b)
{
	if (a->n_frames != b->n_frames || failed(a->why) || failed(b->why))
		return false;
	for (size_t i = 0; i < a->n_frames; i++) {
		const struct py_place *x = a->frames[i].place, *y = b->frames[i].place;
		if (a->frames[i].addr != b->frames[i].addr || (i ? x != y : x->code != y->code) ||
			failed(x->code->why))
			return false;
	}
	return true;
}

enum { STEADY_TRIES = 8 };

/* A running thread is read until two looks in a row agree on all but the innermost instruction. */
static void walk_moving(struct python *p, struct py_thread *th)
{
	py_walk_frames(p, th);
	for (int i = 0; i < STEADY_TRIES; i++) {
		struct py_thread before = *th;
		target_forget(p->target);
		py_walk_frames(p, th);
		if (same_frames(&before, th))
			return;
	}
	th->moving = true;
}

void py_walk_threads(struct python *p, size_t interpreter)
{
	struct py_thread *list = NULL;
	size_t n = 0;
	struct err e = list_threads(p, interpreter, &list, &n);
	if (failed(e)) {
		char where[64];
		snprintf(where, sizeof(where), "threads of interpreter %" PRId64,
			p->interpreters[interpreter].id);
		problems_damage(&p->target->problems, where, e);
	}
	for (size_t i = n; i-- > 0;) {
		p->threads = xgrow(p->threads, &p->cap_threads, p->n_threads, sizeof(*p->threads));
		struct py_thread *th = &p->threads[p->n_threads++];
		*th = list[i];
		if (p->target->nonblocking)
			walk_moving(p, th);
		else
			py_walk_frames(p, th);
	}
	free(list);
}
