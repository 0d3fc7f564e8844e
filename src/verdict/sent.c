/* SPDX-License-Identifier: Apache-2.0 */
/* Signals that were sent: by a process, by a timer, by the kernel for another reason than a fault.
 */
#include "death.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>

static void put_signal(struct death *d)
{
	const char *name = signal_name(d->signo);
	if (name)
		str_puts(&d->what, name);
	else
		str_addf(&d->what, "signal %d", d->signo);
}

/* The frame that a handler was called in, of which it can't be read what that was called for;
 * stack->n: none is known. */
static size_t unread_handler(const struct death *d)
{
	uint8_t room[RAW_REGS_MAX];
	struct sigframe f;
	for (size_t i = d->first + 1; i + 1 < d->stack->n && i <= d->first + HANDLER_FRAMES_MAX;
		i++) {
		const struct native_frame *call = &d->stack->frames[i];
		if (call->signal && !sigframe_read(d->t, d->os, call[-1].cfa, room, &f))
			return i + 1;
	}
	return d->stack->n;
}

/* Handlers of faults raise the signal again. Whether one of them did is not known either where the
 * frames that called raise() are lost or guesses. */
static bool hides_fault(const struct death *d)
{
	bool fault = d->signo == SIGSEGV || d->signo == SIGBUS || d->signo == SIGFPE ||
		     d->signo == SIGILL || d->signo == SIGTRAP;
	size_t outside = frame_outside(d);
	bool known = outside < d->stack->n && d->stack->frames[outside].certain;
	return fault && (!known || unread_handler(d) < d->stack->n);
}

void hint_handler(struct death *d)
{
	AUTO_STR(place);
	size_t i = unread_handler(d);
	if (i >= d->stack->n)
		return;
	put_frame(&place, &d->stack->frames[i]);
	put_detail(d, "a signal handler was called in %s", str_text(&place));
}

static void judge_own(struct death *d, const char *how)
{
	d->v->cause = CAUSE_SENT_BY_ITSELF;
	put_signal(d);
	str_addf(&d->what, " that the process %ssent to itself", how);
	if (hides_fault(d))
		str_puts(&d->what, ", maybe from a handler of an earlier one");
	put_in(&d->what, d, frame_outside(d));
	hint_handler(d);
}

/* "futex(0x7f12..., FUTEX_WAIT, 2, no timeout)" */
static bool put_call(struct death *d, struct str *to)
{
	struct thread_call call;
	if (!d->os || !target_call(d->t, d->os, d->q->redact, &call))
		return false;
	thread_call_text(&call, to);
	thread_call_fini(&call);
	return true;
}

static void hint_call(struct death *d)
{
	AUTO_STR(call);
	if (put_call(d, &call))
		put_detail(d, "the thread was in %s", str_text(&call));
}

static void judge_others(struct death *d)
{
	d->v->cause = CAUSE_SENT;
	put_signal(d);
	if (!d->info.pid) {
		str_puts(&d->what, " sent by a process that it cannot see");
		put_detail(d, "one outside of its container, or of its pid namespace");
		return;
	}
	str_addf(&d->what, " sent by process %d of user %u", (int)d->info.pid,
		(unsigned)d->info.uid);
	if (d->info.pid == 1)
		put_detail(d, "process 1 is init: likely the service manager or its watchdog, or "
			      "what starts a container");
	put_detail(d, "the core does not tell that process's command");
	hint_call(d);
}

static void judge_limit(struct death *d)
{
	d->v->cause = CAUSE_OUT_OF_TIME_OR_SPACE;
	if (d->signo == SIGXCPU)
		str_puts(&d->what, "CPU time used up (RLIMIT_CPU, ulimit -t)");
	else
		str_puts(&d->what,
			"write beyond the largest size that a file may have (RLIMIT_FSIZE, "
			"ulimit -f)");
	put_in_frame(&d->what, d);
}

static void judge_system_call(struct death *d)
{
	struct thread_call call;
	struct os_thread entering = d->there;
	entering.regs.result = -ENOSYS; /* the filter has put its number there, as it was before */
	d->v->cause = CAUSE_BAD_SYSTEM_CALL;
	str_puts(&d->what, "system call");
	if (d->os && target_call(d->t, &entering, d->q->redact, &call)) {
		if (call.name)
			str_addf(&d->what, " %s", call.name);
		else
			str_addf(&d->what, " number %" PRId64, call.number);
		thread_call_fini(&call);
	}
	str_puts(&d->what, ", which a seccomp filter forbids");
	put_in_frame(&d->what, d);
}

static void judge_by_kernel(struct death *d)
{
	d->v->cause = CAUSE_SENT;
	put_signal(d);
	if (!d->info.present)
		str_puts(&d->what, "; the core does not tell by whom");
	else if (d->info.code == SI_TIMER)
		str_puts(&d->what, " by a timer of the process");
	else if (d->signo == SIGQUIT)
		str_puts(&d->what, ", likely by Ctrl-\\ at its terminal");
	else if (d->info.code < 0)
		str_addf(&d->what, ", si_code %d", d->info.code);
	else
		str_puts(&d->what, " by the kernel");
	hint_call(d);
}

/* The kernel sends this one in the name of the process. */
static bool is_too_large(const struct death *d)
{
	static const char *const kill[] = { "kill" };
	return d->signo == SIGXFSZ && d->info.code == SI_USER && d->info.pid == d->t->pid &&
	       find_frame(d, d->first, d->first + 1, kill, 1) >= d->stack->n;
}

void judge_no_fault(struct death *d, const char *why)
{
	d->v->cause = CAUSE_SENT;
	put_signal(d);
	str_puts(&d->what, ", likely sent; the core does not tell by whom");
	put_detail(d, "%s", why);
}

bool judge_no_memory(struct death *d)
{
	if (d->info.present || failed(d->in_why) || !d->in.no_memory)
		return false;
	judge_no_fault(d, "this instruction goes to no memory");
	return true;
}

void judge_fault_or_sent(struct death *d, enum cause c, const char *fault)
{
	d->v->cause = c;
	str_puts(&d->what, fault);
	if (!d->info.present)
		str_puts(&d->what, ", or a signal that was sent (the core does not tell which)");
	put_in_frame(&d->what, d);
}

void judge_sent(struct death *d)
{
	if (d->info.has_sender && is_too_large(d))
		judge_limit(d);
	else if (d->info.has_sender && d->info.pid == d->t->pid)
		judge_own(d, "");
	else if (d->info.has_sender)
		judge_others(d);
	else if (d->signo == SIGXCPU || d->signo == SIGXFSZ)
		judge_limit(d);
	else if (d->signo == SIGSYS)
		judge_system_call(d);
	else if (!d->info.present && death_is_raised(d, d->first))
		judge_own(d, "likely ");
	else
		judge_by_kernel(d);
}
