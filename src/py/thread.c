/* SPDX-License-Identifier: Apache-2.0 */
/* The thread states of an interpreter: a list, newest first, turned around so that the oldest comes
 * first. */
#include "py_internal.h"

#include "pycore/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

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
		if (!hash_put(&seen, at, 0))
			return err_at(ERR_CORRUPT, at, "list of threads: it is a circle");
		TRY(read_thread(p, interpreter, at, &th));
		*list = xgrow(*list, &cap, *n, sizeof(**list));
		(*list)[(*n)++] = th;
		TRY(py_field(rt, at, FIELD_tstate_next, &at));
	}
	return NO_ERR;
}

enum { STEADY_TRIES = 5, NAPS_MAX = 40 };

/* A running process is asked again: the newest thread may have ended between two reads. */
static struct err list_patiently(
	struct python *p, size_t interpreter, struct py_thread **list, size_t *n)
{
	struct err e = list_threads(p, interpreter, list, n);
	for (int i = 1; failed(e) && p->target->nonblocking && i < STEADY_TRIES; i++) {
		free(*list);
		*list = NULL;
		*n = 0;
		target_forget(p->target);
		e = list_threads(p, interpreter, list, n);
	}
	return e;
}

void py_list_threads(struct python *p, size_t interpreter)
{
	struct py_thread *list = NULL;
	size_t n = 0;
	struct err e = list_patiently(p, interpreter, &list, &n);
	if (failed(e)) {
		char where[64];
		snprintf(where, sizeof(where), "threads of interpreter %" PRId64,
			p->interpreters[interpreter].id);
		problems_damage(&p->target->problems, where, e);
	}
	for (size_t i = n; i-- > 0;) {
		p->threads = xgrow(p->threads, &p->cap_threads, p->n_threads, sizeof(*p->threads));
		p->threads[p->n_threads++] = list[i];
	}
	free(list);
}

/* Lets a thread that was only woken for a moment come to rest; `naps` are left for all threads
 * together. */
static void wait_a_moment(int *naps)
{
	if (*naps > 0)
		nanosleep(&(struct timespec){ .tv_nsec = 1000 * 1000 }, NULL);
	--*naps;
}

/* That two looks agree would prove nothing: in a loop the same torn view comes again. Only a thread
 * that rested from before the look until after it was seen as it is. One that is no OS thread does
 * not run. */
static void walk_resting(struct python *p, struct py_thread *th, int *naps)
{
	const struct target *t = p->target;
	for (int i = 0; i < STEADY_TRIES; i++) {
		uint64_t before, after;
		bool rested = !th->os || target_thread_rests(t, th->os, &before);
		target_forget(p->target);
		py_forget_values(p);
		py_walk_frames(p, th);
		if (!th->os ||
			(rested && target_thread_rests(t, th->os, &after) && before == after))
			return;
		wait_a_moment(naps);
	}
	th->moving = true;
}

/* The moments at which the threads of the process rest; one that runs has none. */
static void note_rest(const struct target *t, struct hash *ret)
{
	for (size_t i = 0; i < t->n_threads; i++) {
		uint64_t at;
		if (target_thread_rests(t, &t->threads[i], &at))
			hash_put(ret, (uint64_t)t->threads[i].tid, at);
	}
}

static bool same_rest(const struct target *t, const struct hash *before, const struct hash *after)
{
	for (size_t i = 0; i < t->n_threads; i++) {
		uint64_t a, b, tid = (uint64_t)t->threads[i].tid;
		if (!hash_get(before, tid, &a) || !hash_get(after, tid, &b) || a != b)
			return false;
	}
	return true;
}

void py_watch_begin(struct python *p)
{
	hash_clear(&p->resting);
	if (p->target->nonblocking && (p->options.locals || p->options.globals))
		note_rest(p->target, &p->resting);
}

void py_watch_end(struct python *p)
{
	CLEANUP(hash_fini) struct hash after = { 0 };
	if (!p->target->nonblocking || !(p->options.locals || p->options.globals))
		return;
	note_rest(p->target, &after);
	if (!same_rest(p->target, &p->resting, &after))
		problems_damagef(&p->target->problems, "values",
			"read while threads of the process ran, so what these changed meanwhile "
			"may be of different moments");
}

void py_walk_all_frames(struct python *p)
{
	int naps = NAPS_MAX;
	for (size_t i = 0; i < p->n_threads; i++) {
		if (p->target->nonblocking)
			walk_resting(p, &p->threads[i], &naps);
		else
			py_walk_frames(p, &p->threads[i]);
	}
}
