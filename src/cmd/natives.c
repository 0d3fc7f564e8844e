/* SPDX-License-Identifier: Apache-2.0 */
#include "natives.h"

#include "pycore/alloc.h"

#include <stdlib.h>

static bool wanted(const struct natives *n, const struct os_thread *th)
{
	return n->mode == NATIVES_EVERY || n->mode == NATIVES_ALL ||
	       (n->mode == NATIVES_CRASHED && th->crashed);
}

void natives_init(struct natives *n, struct target *t, enum natives_mode mode)
{
	*n = (struct natives){ .mode = mode, .target = t };
	if (mode == NATIVES_NONE || (mode == NATIVES_CRASHED && t->kind == TARGET_LIVE))
		return;
	(void)failed(unwind_open(t, &n->unwind)); /* each stack says so too */
	if (t->kind == TARGET_LIVE)
		unwind_prepare(n->unwind);
}

static void drop_stacks(struct natives *n)
{
	for (size_t i = 0; i < n->n; i++)
		native_stack_fini(&n->stacks[i]);
	free(n->stacks);
	n->stacks = NULL;
	n->n = 0;
}

void natives_walk(struct natives *n)
{
	drop_stacks(n);
	if (!n->unwind)
		return;
	n->n = n->target->n_threads;
	n->stacks = xcalloc(n->n, sizeof(*n->stacks));
	for (size_t i = 0; i < n->n; i++) {
		const struct os_thread *th = &n->target->threads[i];
		if (wanted(n, th))
			unwind_thread(n->unwind, th, &n->stacks[i]);
	}
}

static const enum unwind_effort effort_of[] = { [NATIVES_CRASHED] = UNWIND_QUICK,
	[NATIVES_EVERY] = UNWIND_LINES,
	[NATIVES_ALL] = UNWIND_FULL };

void natives_name(struct natives *n)
{
	for (size_t i = 0; i < n->n; i++) {
		struct os_thread *th = &n->target->threads[i];
		if (!wanted(n, th))
			continue;
		unwind_name(n->unwind, &n->stacks[i], effort_of[n->mode]);
		th->native = &n->stacks[i];
	}
}

void natives_fini(struct natives *n)
{
	for (size_t i = 0; i < n->n; i++)
		n->target->threads[i].native = NULL;
	drop_stacks(n);
	unwind_close(n->unwind);
}
