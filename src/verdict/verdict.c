/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict: who judges what. */
#include "death.h"

#include "pycore/alloc.h"

#include <signal.h>
#include <stdlib.h>

const char *cause_key(enum cause c)
{
	static const char *const keys[] = {
		[CAUSE_UNKNOWN] = "unknown",
		[CAUSE_SNAPSHOT] = "snapshot",
		[CAUSE_NULL_DEREFERENCE] = "null-dereference",
		[CAUSE_NOT_MAPPED] = "not-mapped",
		[CAUSE_NOT_CANONICAL] = "not-canonical",
		[CAUSE_NO_PERMISSION] = "no-permission",
		[CAUSE_STACK_OVERFLOW] = "stack-overflow",
		[CAUSE_BAD_JUMP] = "bad-jump",
		[CAUSE_FILE_CUT_OFF] = "file-cut-off",
		[CAUSE_BUS_ERROR] = "bus-error",
		[CAUSE_MISALIGNED] = "misaligned",
		[CAUSE_DIVISION] = "division",
		[CAUSE_ILLEGAL_INSTRUCTION] = "illegal-instruction",
		[CAUSE_TRAP] = "trap",
		[CAUSE_FATAL_ERROR] = "fatal-error",
		[CAUSE_HEAP_CORRUPTION] = "heap-corruption",
		[CAUSE_STACK_SMASHED] = "stack-smashed",
		[CAUSE_BUFFER_OVERFLOW] = "buffer-overflow",
		[CAUSE_ASSERTION] = "assertion",
		[CAUSE_UNCAUGHT_EXCEPTION] = "uncaught-exception",
		[CAUSE_ABORT] = "abort",
		[CAUSE_SENT] = "sent",
		[CAUSE_SENT_BY_ITSELF] = "sent-by-itself",
		[CAUSE_OUT_OF_TIME_OR_SPACE] = "out-of-time-or-space",
		[CAUSE_BAD_SYSTEM_CALL] = "bad-system-call",
	};
	return keys[c];
}

static void judge(struct death *d)
{
	bool sent = d->sent;
	if (d->t->snapshot) {
		d->v->cause = CAUSE_SNAPSHOT;
		str_puts(&d->what, "snapshot of a living process, not a crash");
	} else if (!d->signo) {
		str_puts(&d->what, "not known: the core names no signal");
	} else if (d->signo == SIGABRT && (!sent || d->info.pid == d->t->pid)) {
		judge_abort(d);
	} else if (d->signo == SIGSEGV && !sent) {
		judge_fault(d);
	} else if (d->signo == SIGBUS && !sent) {
		judge_bus_error(d);
	} else if ((d->signo == SIGFPE || d->signo == SIGILL || d->signo == SIGTRAP) && !sent) {
		judge_instruction(d);
	} else {
		judge_sent(d);
	}
}

static void find_frames(struct death *d)
{
	d->v->thread = death_thread(d);
	if (d->first < d->stack->n)
		d->v->native_frame = &d->stack->frames[d->first];
	if (d->v->thread && d->v->thread->n_frames)
		d->v->python_frame = &d->v->thread->frames[0];
}

/* Of the moment when it happened. */
static void read_registers(const struct death *d, struct registers *ret)
{
	struct unwind *u = d->q->unwind ? d->q->unwind : d->v->own_unwind;
	registers_read(d->p, u, &d->there, ret);
	ret->has_instruction &= !d->sent;
	if (d->raised_again) {
		ret->has_instruction = true;
		ret->instruction = d->in;
		ret->instruction_why = d->in_why;
	}
}

void verdict_reach(
	const struct verdict_question *q, struct verdict *ret, struct registers *ret_registers)
{
	CLEANUP(death_fini) struct death d;
	*ret = (struct verdict){ 0 };
	*ret_registers = (struct registers){ 0 };
	death_find(q, ret, &d);
	if (d.t->kind == TARGET_LIVE)
		return;
	find_frames(&d);
	judge(&d);
	find_hints(&d);
	find_missing(&d);
	find_next(&d);
	write_lines(&d);
	if (d.os)
		read_registers(&d, ret_registers);
}

void verdict_fini(struct verdict *v)
{
	for (size_t i = 0; i < v->n_lines; i++)
		free(v->lines[i].text);
	for (size_t i = 0; i < v->n_missing; i++)
		free(v->missing[i]);
	free(v->missing);
	free(v->summary);
	free(v->message);
	free(v->next);
	native_stack_fini(&v->own);
	unwind_close(v->own_unwind);
	*v = (struct verdict){ 0 };
}
