/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGFPE, SIGILL, SIGTRAP: what the instruction itself does wrong. x86-64 has one trap for a
 * division by zero and for a quotient that does not fit (the least integer by -1), and the kernel
 * one code (FPE_INTDIV); the divisor tells.
 */
#include "death.h"

#include <inttypes.h>
#include <signal.h>

/* The last word of "idiv dword ptr [rbp - 8]" or "div ecx". */
static bool divisor(struct death *d, uint64_t *ret)
{
	const struct instruction *in = &d->in;
	const char *name = strrchr(in->text, ' ');
	unsigned bytes;
	if (failed(d->in_why) || !in->divides)
		return false;
	if (in->has_operand)
		return (in->size == 1 || in->size == 2 || in->size == 4 || in->size == 8) &&
		       !failed(mem_uint(d->t->mem, in->address, in->size, ret));
	return name && death_register(d, name + 1, ret, &bytes);
}

static void judge_division(struct death *d)
{
	uint64_t by;
	d->v->cause = CAUSE_DIVISION;
	if (!d->info.present && (failed(d->in_why) || !d->in.divides)) {
		str_puts(&d->what, "integer division by zero, or another error of arithmetic (the "
				   "core does not tell which)");
		return;
	}
	if (!divisor(d, &by)) {
		str_puts(&d->what, "integer division by zero, or with a result that does not fit");
		return;
	}
	if (by) {
		str_puts(&d->what, "integer division with a result that does not fit");
		put_detail(d, "the divisor is 0x%" PRIx64 ", not zero", by);
	} else {
		str_puts(&d->what, "integer division by zero");
		put_detail(d, "the divisor is zero");
	}
}

static void judge_float(struct death *d)
{
	const char *text = signal_code_text(SIGFPE, d->info.code);
	d->v->cause = CAUSE_DIVISION;
	if (d->info.code == FPE_INTOVF)
		str_puts(&d->what, "integer overflow");
	else
		str_addf(&d->what, "%s, which the program has made a fault",
			text && d->info.present ? text : "floating-point error");
}

static void judge_illegal(struct death *d)
{
	const struct instruction *in = &d->in;
	d->v->cause = CAUSE_ILLEGAL_INSTRUCTION;
	if (!failed(d->in_why) && in->traps) {
		str_addf(&d->what, "trap that the compiler or programmer has put (%s)", in->text);
		put_detail(d, "it stands where a program must never get to, or for a failed check");
	} else if (!failed(d->in_why) && in->privileged) {
		str_addf(&d->what, "instruction that a process may not use (%s)", in->text);
	} else if (!failed(d->in_why)) {
		str_addf(&d->what, "illegal instruction (%s)", in->text);
		put_detail(d, "likely this processor does not have it");
	} else {
		str_puts(&d->what, "illegal instruction");
		if (d->in_why.code == ERR_CORRUPT)
			put_detail(d, "these bytes are no instruction: likely a jump to a wrong "
				      "place");
	}
}

static void judge_trap(struct death *d)
{
	d->v->cause = CAUSE_TRAP;
	str_puts(&d->what, "trap instruction");
	if (!failed(d->in_why) && d->in.text[0])
		str_addf(&d->what, " (%s)", d->in.text);
	put_detail(d, "a breakpoint without a debugger, or a failed check of the program");
}

/* Without siginfo: one that can do none of these. */
static bool judge_ordinary(struct death *d)
{
	if (d->info.present || failed(d->in_why) || !d->in.ordinary)
		return false;
	if (d->signo != SIGILL) {
		judge_no_fault(d, d->signo == SIGFPE
					  ? "this instruction has no errors of arithmetic"
					  : "this is no trap instruction");
		return true;
	}
	d->v->cause = CAUSE_UNKNOWN;
	str_puts(&d->what, "illegal instruction, or a signal that was sent (the core does not tell "
			   "which)");
	put_detail(d, "every processor of this kind has this instruction");
	put_in_frame(&d->what, d);
	return true;
}

void judge_instruction(struct death *d)
{
	put_operand(d);
	if (judge_ordinary(d))
		return;
	if (d->signo == SIGILL)
		judge_illegal(d);
	else if (d->signo == SIGTRAP)
		judge_trap(d);
	else if (!d->info.present || d->info.code == FPE_INTDIV)
		judge_division(d);
	else
		judge_float(d);
	put_in_frame(&d->what, d);
}
