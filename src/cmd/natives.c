/* SPDX-License-Identifier: Apache-2.0 */
#include "natives.h"

#include "pycore/alloc.h"

#include <stdlib.h>

void natives_init(struct natives *n, struct target *t, enum natives_mode mode)
{
	*n = (struct natives){ .mode = mode, .target = t };
	if (mode == NATIVES_NONE || (mode == NATIVES_CRASHED && t->kind == TARGET_LIVE))
		return;
	if (t->nonblocking) {
		problems_damagef(&t->problems, "native stacks",
			"need the registers of threads that stand still: not with --nonblocking");
		return;
	}
	(void)failed(unwind_open(t, &n->unwind)); /* each stack says so too */
	if (t->kind == TARGET_LIVE)
		unwind_prepare(n->unwind);
}

static void drop_stacks(struct natives *n)
{
	for (size_t i = 0; i < n->n; i++)
		native_stack_fini(&n->stacks[i]);
	free(n->stacks);
	free(n->wanted);
	n->stacks = NULL;
	n->wanted = NULL;
	n->n = 0;
}

static bool knows_threads(const struct python *p)
{
	for (size_t i = 0; i < p->n_threads; i++) {
		if (p->threads[i].addr)
			return true;
	}
	return false;
}

static void choose(struct natives *n, const struct python *p)
{
	const struct os_thread *threads = n->target->threads;
	bool all = n->mode == NATIVES_ALL || (n->mode == NATIVES_EVERY && !knows_threads(p));
	for (size_t i = 0; i < n->n; i++)
		n->wanted[i] = threads[i].crashed || all;
	for (size_t i = 0; n->mode == NATIVES_EVERY && i < p->n_threads; i++) {
		if (p->threads[i].addr && p->threads[i].os)
			n->wanted[p->threads[i].os - threads] = true;
	}
}

void natives_walk(struct natives *n, const struct python *p)
{
	drop_stacks(n);
	if (!n->unwind)
		return;
	n->n = n->target->n_threads;
	n->stacks = xcalloc(n->n, sizeof(*n->stacks));
	n->wanted = xcalloc(n->n, sizeof(*n->wanted));
	choose(n, p);
	for (size_t i = 0; i < n->n; i++) {
		if (n->wanted[i])
			unwind_thread(n->unwind, &n->target->threads[i], &n->stacks[i]);
	}
}

static const enum unwind_effort effort_of[] = { [NATIVES_CRASHED] = UNWIND_QUICK,
	[NATIVES_EVERY] = UNWIND_LINES,
	[NATIVES_ALL] = UNWIND_FULL };

void natives_name(struct natives *n)
{
	for (size_t i = 0; i < n->n; i++) {
		if (!n->wanted[i])
			continue;
		unwind_name(n->unwind, &n->stacks[i], effort_of[n->mode]);
		n->target->threads[i].native = &n->stacks[i];
	}
}

void natives_merge(struct natives *n, struct python *p)
{
	n->n_merged = p->n_threads;
	n->merged = xcalloc(n->n_merged, sizeof(*n->merged));
	for (size_t i = 0; i < p->n_threads; i++) {
		struct py_thread *th = &p->threads[i];
		if (!th->os || !th->os->native)
			continue;
		if (th->state) { /* it shares its stack with the thread before */
			th->merged = th[-1].merged;
			continue;
		}
		merge_thread(p, th, &n->merged[i]);
		th->merged = &n->merged[i];
	}
}

void natives_fini(struct natives *n)
{
	for (size_t i = 0; i < n->n; i++)
		n->target->threads[i].native = NULL;
	for (size_t i = 0; i < n->n_merged; i++)
		merged_stack_fini(&n->merged[i]);
	free(n->merged);
	drop_stacks(n);
	unwind_close(n->unwind);
}
