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
	if (!divisor(d, &by)) {
		judge_fault_or_sent(d, CAUSE_DIVISION,
			d->info.present
				? "integer division by zero, or with a result that does not fit"
				: "integer division by zero, one with a result that does not fit");
	} else if (by) {
		judge_fault_or_sent(
			d, CAUSE_DIVISION, "integer division with a result that does not fit");
		put_detail(d, "the divisor is 0x%" PRIx64 ", not zero", by);
	} else {
		d->v->cause = CAUSE_DIVISION;
		str_puts(&d->what, "integer division by zero");
		put_detail(d, "the divisor is zero");
		put_in_frame(&d->what, d);
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
			text ? text : "floating-point error");
	put_in_frame(&d->what, d);
}

/* Without siginfo. */
static void judge_some_arithmetic(struct death *d)
{
	if (failed(d->in_why))
		judge_fault_or_sent(
			d, CAUSE_DIVISION, "integer division by zero, another error of arithmetic");
	else
		judge_fault_or_sent(d, CAUSE_DIVISION, "error of arithmetic");
}

static void judge_arithmetic(struct death *d)
{
	bool divides = !failed(d->in_why) && d->in.divides;
	if (d->info.present ? d->info.code == FPE_INTDIV : divides)
		judge_division(d);
	else if (d->info.present)
		judge_float(d);
	else
		judge_some_arithmetic(d);
}

/* It is an instruction, and none that is made to fault: the processor may not have it. */
static void judge_unknown_to_processor(struct death *d)
{
	AUTO_STR(fault);
	str_addf(&fault, "illegal instruction (%s)", d->in.text);
	judge_fault_or_sent(d, CAUSE_ILLEGAL_INSTRUCTION, str_text(&fault));
	put_detail(d, "%s this processor does not have it", d->info.present ? "likely" : "maybe");
}

static void judge_illegal(struct death *d)
{
	const struct instruction *in = &d->in;
	bool decoded = !failed(d->in_why);
	if (!decoded && d->in_why.code != ERR_CORRUPT) {
		judge_fault_or_sent(d, CAUSE_ILLEGAL_INSTRUCTION, "illegal instruction");
		return;
	}
	if (decoded && !in->traps && !in->privileged) {
		judge_unknown_to_processor(d);
		return;
	}
	d->v->cause = CAUSE_ILLEGAL_INSTRUCTION;
	if (decoded && in->traps) {
		str_addf(&d->what, "trap that the compiler or programmer has put (%s)", in->text);
		put_detail(d, "it stands where a program must never get to, or for a failed check");
	} else if (decoded) {
		str_addf(&d->what, "instruction that a process may not use (%s)", in->text);
	} else {
		str_addf(&d->what, "%sillegal instruction", d->info.present ? "" : "likely ");
		put_detail(d, "these bytes are no instruction that is known here: likely a jump to "
			      "a wrong place");
	}
	put_in_frame(&d->what, d);
}

/* Debuggers, and processors by their debug registers, can make any instruction trap. */
static void judge_trap(struct death *d)
{
	const char *text = signal_code_text(SIGTRAP, d->info.code);
	if (!failed(d->in_why) && d->in.traps) {
		d->v->cause = CAUSE_TRAP;
		str_addf(&d->what, "trap instruction (%s)", d->in.text);
		put_detail(d, "a breakpoint without a debugger, or a failed check of the program");
		put_in_frame(&d->what, d);
	} else {
		judge_fault_or_sent(
			d, CAUSE_TRAP, d->info.present && text ? text : "trap instruction");
	}
}

/* Without siginfo: one that can do none of these. */
static bool judge_ordinary(struct death *d)
{
	if (d->info.present || failed(d->in_why) || !d->in.ordinary)
		return false;
	if (d->signo == SIGILL) {
		judge_fault_or_sent(d, CAUSE_UNKNOWN, "illegal instruction");
		put_detail(d, "every processor of this kind has this instruction");
	} else {
		judge_no_fault(d, d->signo == SIGFPE
					  ? "this instruction has no errors of arithmetic"
					  : "this is no trap instruction");
	}
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
	else
		judge_arithmetic(d);
}
