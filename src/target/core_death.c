/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which thread of a core died, if any, and of which signal. Tools that take cores of living
 * processes note a signal, too: the one by which they stopped it, SIGSTOP or SIGTRAP.
 */
#include "core_internal.h"

#include <signal.h>

/* The kernel writes it first, and NT_SIGINFO for it only; other dumpers have other orders. */
static size_t thread_that_died(const struct elfcore *c)
{
	size_t i = 0;
	while (i < c->n_threads && !c->threads[i].siginfo.present)
		i++;
	return i < c->n_threads ? i : 0;
}

/* A debugger's breakpoints and steps raise SIGTRAP; so does a trap instruction of the program,
 * which would have ended it. */
static bool is_deadly(struct target *t, const struct core_thread *th, int signo)
{
	if (signo == SIGTRAP)
		return th->regs.has_pc && target_stands_at_trap(t, th->regs.pc);
	return core_signal_kills(signo);
}

/* Of a core that a tool has written; c->n_threads: none died. Minidumps tell of each thread by what
 * it was stopped. */
static size_t thread_that_would_have_died(struct target *t)
{
	const struct elfcore *c = &t->core->elf;
	size_t i = c->minidump ? 0 : thread_that_died(c);
	if (!c->minidump)
		return is_deadly(t, &c->threads[i], c->threads[i].siginfo.signo) ? i : c->n_threads;
	while (i < c->n_threads && !is_deadly(t, &c->threads[i], c->threads[i].cursig))
		i++;
	return i;
}

void core_find_death(struct target *t)
{
	const struct elfcore *c = &t->core->elf;
	if (!c->n_threads)
		return;
	size_t i = c->from_kernel ? thread_that_died(c) : thread_that_would_have_died(t);
	t->snapshot = i == c->n_threads;
	if (t->snapshot)
		return;
	const struct core_thread *th = &c->threads[i];
	t->signal.signo = th->siginfo.present ? th->siginfo.signo : th->cursig;
	t->signal.info = th->siginfo;
	t->threads[i].crashed = t->signal.signo != 0;
}
