/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stop and resume as the target sees them; live_tracer.c says how it is done. The rows of threads
 * that were there at the opening keep what was read then, since to procfs a thread that we stopped
 * is in state t.
 */
#include "live_tracer.h"

#include "pycore/alloc.h"
#include "pycore/log.h"

#include <errno.h>
#include <stdio.h>

enum { PAGES_PER_THREAD = 3, PAGES_SHARED = 32 };

static void explain_failure(
	struct target *t, const struct live_stop *s, struct err e, struct str *why)
{
	if (e.code == ERR_DENIED)
		live_explain_denial(t->live->proc, t->pid, s->error_tid, true, why);
	else if (e.code == ERR_GONE)
		str_addf(why, "process %d ended meanwhile", (int)t->pid);
	else if (e.sys == ETIMEDOUT)
		str_addf(why,
			"process %d could not be stopped in time, it may be inside of execve: try "
			"again, or read without "
			"stopping it (--nonblocking)",
			(int)t->pid);
}

static void add_row(struct target *t, pid_t tid)
{
	struct os_thread *th = target_add_thread(t, tid);
	if (failed(live_describe_thread(t->live, th)) || th->state == 't')
		th->state = 0; /* what it was before we stopped it is not known */
}

static void fill_row(struct target *t, struct os_thread *th, const struct tracee *tr)
{
	const struct core_arch *arch = core_arch_find(t->machine, t->mem->ptr_size);
	th->stopped = tr->state == TRACEE_STOPPED;
	if (th->stopped && arch)
		th->regs = core_regs_parse(arch, t->mem->order, tr->regs, tr->regs_size);
	if (th->stopped)
		return;
	char where[32];
	snprintf(where, sizeof(where), "thread %d", (int)th->tid);
	problems_damagef(
		&t->problems, where, "would not stop in time, so what was read of it may be torn");
}

/* What the stop found becomes the threads of the target, in the order that they had. */
static void take_threads(struct target *t, const struct live_stop *s)
{
	struct hash tracee_of = { 0 }, rows = { 0 };
	for (size_t i = 0; i < s->len; i++) {
		if (s->tracees[i].state != TRACEE_GONE)
			hash_put(&tracee_of, (uint64_t)s->tracees[i].tid, i);
	}
	size_t kept = 0;
	uint64_t i;
	for (size_t k = 0; k < t->n_threads; k++) {
		const struct os_thread th = t->threads[k];
		hash_put(&rows, (uint64_t)th.tid, 0);
		if (hash_get(&tracee_of, (uint64_t)th.tid, &i) ||
			(th.tid == t->pid && live_has_ended(th.state)))
			t->threads[kept++] = th;
	}
	t->n_threads = kept;
	for (size_t k = 0; k < s->len; k++) {
		if (s->tracees[k].state != TRACEE_GONE &&
			!hash_get(&rows, (uint64_t)s->tracees[k].tid, &i))
			add_row(t, s->tracees[k].tid);
	}
	for (size_t k = 0; k < t->n_threads; k++) {
		if (hash_get(&tracee_of, (uint64_t)t->threads[k].tid, &i))
			fill_row(t, &t->threads[k], &s->tracees[i]);
	}
	hash_fini(&tracee_of);
	hash_fini(&rows);
	if (s->late)
		problems_damagef(&t->problems, "threads",
			"new ones kept appearing, so not all could be stopped");
}

static bool all_gone(const struct live_stop *s)
{
	for (size_t i = 0; i < s->len; i++) {
		if (s->tracees[i].state != TRACEE_GONE)
			return false;
	}
	return true;
}

/* Ends the stop. */
static void release(struct target *t, struct live_stop *s)
{
	tracer_release(s);
	if (s->interrupted)
		t->pause_seconds =
			(double)(s->last_detach.tv_sec - s->first_interrupt.tv_sec) +
			(double)(s->last_detach.tv_nsec - s->first_interrupt.tv_nsec) / 1e9;
}

void live_stop_free(struct live_stop *s)
{
	if (!s)
		return;
	sem_destroy(&s->stopped);
	sem_destroy(&s->go);
	hash_fini(&s->seen);
	free(s->fresh);
	free(s->tracees);
	free(s);
}

struct err live_stop(struct target *t, struct str *why)
{
	struct target_live *live = t->live;
	if (t->nonblocking || (live->stop && live->stop->running))
		return NO_ERR;
	if (live->stopped_before)
		TRY(live_read_threads(t));
	live_stop_free(live->stop);
	struct live_stop *s = live->stop = xcalloc(1, sizeof(*s));
	s->live = live;
	sem_init(&s->stopped, 0, 0);
	sem_init(&s->go, 0, 0);
	/* room for what a thread's frames take as a rule: faulting it in is not for the stop */
	mem_cache_clear(&live->cache);
	mem_cache_reserve(&live->cache, PAGES_PER_THREAD * t->n_threads + PAGES_SHARED);
	struct err e = tracer_start(s);
	if (!failed(e) && all_gone(s))
		e = err_of(ERR_GONE, "process");
	if (failed(e)) {
		release(t, s);
		explain_failure(t, s, e, why);
		return e;
	}
	take_threads(t, s);
	mem_cache_clear(&live->cache);
	log_debug("%zu threads stopped", s->len);
	return NO_ERR;
}

void live_resume(struct target *t)
{
	struct target_live *live = t->live;
	if (!live || !live->stop || !live->stop->running)
		return;
	live_leave_place(t);
	release(t, live->stop);
	mem_cache_seal(&live->cache);
	live->stopped_before = true;
}
