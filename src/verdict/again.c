/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signal is blocked while its handler runs, unless the handler was set up otherwise. So one that
 * raises the signal of a fault again gets it when it returns: with the registers of the fault, and
 * as a signal that the process sent to itself. That it was a fault is sure if the instruction there
 * would fault with these registers, which the one that any other signal interrupts would not.
 */
#include "death.h"

#include <signal.h>

enum {
	PAGE = 4096,
	GUARDED_MAX = 65536, /* bytes of a stack that may be its guard */
};

static unsigned needed(enum access a)
{
	switch (a) {
	case ACCESS_WRITE:
		return MEM_WRITE;
	case ACCESS_EXECUTE:
		return MEM_EXEC;
	case ACCESS_READ:
	case ACCESS_UNKNOWN:
		break;
	}
	return MEM_READ;
}

/* Whether such an access to addr faults; the code of the fault. */
static bool faults(struct death *d, uint64_t addr, enum access a, int *ret)
{
	struct mem_range r;
	bool mapped = mem_range_at(d->t->mem, addr, &r);
	if (mapped && r.perm & needed(a))
		return false;
	*ret = mapped ? SEGV_ACCERR : SEGV_MAPERR;
	return true;
}

static bool take(struct death *d, uint64_t addr, int code)
{
	d->info = (struct core_siginfo){ .present = true,
		.signo = d->signo,
		.code = code,
		.has_addr = code != SI_KERNEL,
		.addr = addr };
	return true;
}

/* What the operand of the instruction leads to. */
static bool operand_faults(struct death *d)
{
	const struct instruction *in = &d->in;
	uint64_t last = in->address + (in->size ? in->size - 1 : 0);
	int code;
	if (!in->has_operand)
		return false;
	if (!is_canonical(in->address) || (in->alignment && in->address % in->alignment))
		return take(d, 0, SI_KERNEL);
	if (faults(d, in->address, in->access, &code))
		return take(d, in->address, code);
	return faults(d, last, in->access, &code) && take(d, last / PAGE * PAGE, code);
}

bool access_is_allowed(struct death *d)
{
	const struct instruction *in = &d->in;
	struct death before = *d;
	struct mem_range r;
	if (failed(d->in_why) || !in->has_operand || !mem_range_at(d->t->mem, in->address, &r) ||
		(in->access == ACCESS_UNKNOWN && !(r.perm & MEM_WRITE)))
		return false;
	bool allowed = !operand_faults(d);
	*d = before;
	return allowed;
}

/* Newer C libraries guard the first pages of a stack without a mapping of their own. */
bool access_may_meet_guard(const struct death *d)
{
	struct mem_range r;
	uint64_t sp = d->there.regs.sp, at = d->in.address;
	return mem_range_at(d->t->mem, at, &r) && sp >= r.start && sp < r.end &&
	       at - r.start < GUARDED_MAX;
}

/* Of an instruction with several operands, the fault address tells which is meant: it is in one of
 * the registers. */
static bool register_faults(struct death *d)
{
	const struct core_arch *arch = core_arch_find(d->t->machine, d->t->mem->ptr_size);
	for (size_t i = 0; arch && i < arch->n_shown; i++) {
		uint64_t value;
		if (!core_regs_get(
			    arch, d->t->mem->order, &d->there.regs, arch->regs[i].name, &value))
			continue;
		death_decode(d, &value);
		if (!failed(d->in_why) && operand_faults(d))
			return true;
	}
	return false;
}

static bool access_faults(struct death *d)
{
	uint64_t pc = d->there.regs.pc;
	int code;
	if (faults(d, pc, ACCESS_EXECUTE, &code))
		return take(d, pc, code);
	death_decode(d, NULL);
	if (failed(d->in_why))
		return false;
	if (d->in.privileged)
		return take(d, 0, SI_KERNEL);
	return operand_faults(d) || (!d->in.has_operand && register_faults(d));
}

bool fault_repeats(struct death *d)
{
	struct death before = *d;
	bool found = false;
	if (d->signo == SIGABRT || !d->there.regs.has_pc || d->there.regs.syscall >= 0)
		return false;
	if (d->signo == SIGSEGV || d->signo == SIGBUS) {
		found = access_faults(d);
	} else {
		death_decode(d, NULL);
		bool decoded = !failed(d->in_why);
		if (d->signo == SIGFPE && decoded && d->in.divides)
			found = take(d, d->there.regs.pc, FPE_INTDIV);
		else if (d->signo == SIGILL &&
			 (decoded ? d->in.traps : d->in_why.code == ERR_CORRUPT))
			found = take(d, d->there.regs.pc, ILL_ILLOPN);
	}
	if (!found)
		*d = before;
	else if (d->in.has_operand)
		d->access = d->in.access;
	return found;
}
