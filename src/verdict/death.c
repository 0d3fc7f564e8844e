/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is to judge: the thread that died, the signal, and where. Programs often catch the
 * signal of a fault, print something, and then raise it again or abort (Python's faulthandler does
 * the former, many C++ libraries the latter). The core then shows a signal that the process sent to
 * itself; what happened is what its handler was called for, and that is on the stack.
 */
#include "death.h"

#include <signal.h>

enum { RAISE_FRAMES_MAX = 8 };

/* Numbers of traps (arch/x86/include/asm/trapnr.h). */
enum {
	X86_DIVIDE = 0,
	X86_BREAKPOINT = 3,
	X86_OPCODE = 6,
	X86_STACK = 12,
	X86_PROTECTION,
	X86_PAGE
};
enum { PAGE_WRITE = 2, PAGE_FETCH = 16 }; /* bits of its error code */

static const struct os_thread *crashed_thread(const struct target *t)
{
	for (size_t i = 0; i < t->n_threads; i++) {
		if (t->threads[i].crashed)
			return &t->threads[i];
	}
	return NULL;
}

static void find_stack(struct death *d)
{
	struct unwind *u = d->q->unwind;
	d->stack = &d->v->own;
	if (d->os && d->os->native)
		d->stack = d->os->native;
	else if (d->os) {
		if (!u)
			(void)failed(unwind_open(d->t, &d->v->own_unwind));
		u = u ? u : d->v->own_unwind;
		unwind_thread(u, d->os, &d->v->own);
		unwind_name(u, &d->v->own, UNWIND_SYMBOLS);
	}
}

/* Symbols were enough to find the frames that tell something. Of these it tells more, unless the
 * stack is shown anyway and everything is known already. */
static void name_shown(struct death *d)
{
	struct unwind *u = d->q->unwind ? d->q->unwind : d->v->own_unwind;
	size_t outside = frame_outside(d);
	size_t n = outside < d->stack->n ? outside - d->first + 1 : 1;
	if (d->stack == &d->v->own && u)
		unwind_name_frames(u, &d->v->own, d->first, n, UNWIND_QUICK);
}

/* The signal of a page fault. The handler's own is the better witness, unless it aborted. */
static void take_page_fault(struct death *d, const struct sigframe *f)
{
	struct mem_range r;
	unsigned need = f->error & PAGE_FETCH	? MEM_EXEC
			: f->error & PAGE_WRITE ? MEM_WRITE
						: MEM_READ;
	bool mapped = mem_range_at(d->t->mem, f->address, &r), allowed = mapped && r.perm & need;
	d->info.has_addr = true;
	d->info.addr = f->address;
	d->access = f->error & PAGE_FETCH   ? ACCESS_EXECUTE
		    : f->error & PAGE_WRITE ? ACCESS_WRITE
					    : ACCESS_READ;
	d->signo = d->signo == SIGBUS || (d->signo == SIGABRT && allowed) ? SIGBUS : SIGSEGV;
	d->info.code = d->signo == SIGBUS ? BUS_ADRERR : mapped ? SEGV_ACCERR : SEGV_MAPERR;
}

/* Whether what a handler interrupted is a fault, and which. A trap's number may be an old one, so
 * the instruction has to fit. */
static bool take_fault(struct death *d, const struct sigframe *f)
{
	const struct instruction *in = &d->in;
	bool decoded = !failed(d->in_why);
	switch (f->trap) {
	case X86_PAGE:
		take_page_fault(d, f);
		return f->address == d->there.regs.pc || !decoded ||
		       (in->has_operand && instruction_faults_at(in, f->address));
	case X86_STACK:
	case X86_PROTECTION:
		d->signo = f->trap == X86_STACK ? SIGBUS : SIGSEGV;
		d->info.code = SI_KERNEL;
		return !decoded || !in->no_memory;
	case X86_DIVIDE:
		d->signo = SIGFPE;
		d->info.code = FPE_INTDIV;
		return decoded && in->divides;
	case X86_OPCODE:
		d->signo = SIGILL;
		d->info.code = ILL_ILLOPN;
		return !decoded || !in->ordinary;
	case X86_BREAKPOINT:
		d->info.code = SI_KERNEL;
		return !decoded || in->traps;
	}
	return false;
}

void death_decode(struct death *d, const uint64_t *fault)
{
	struct target_signal last = d->t->signal;
	struct core_siginfo info = { .present = true, .signo = SIGSEGV, .has_addr = true };
	d->t->signal.signo = d->signo;
	if (fault) {
		info.addr = *fault;
		d->t->signal = (struct target_signal){ .signo = SIGSEGV, .info = info };
	}
	d->in_why = instruction_read(d->t, &d->there, &d->in);
	d->t->signal = last;
}

static bool try_fault(struct death *d, uint64_t context)
{
	struct sigframe f;
	struct death before = *d;
	if (!sigframe_read(d->t, d->os, context, d->raw, &f) ||
		target_stands(d->t, f.regs.pc) == STANDS_BEHIND_CALL) /* the signal was sent */
		return false;
	d->there.regs = f.regs;
	if (f.trap == X86_BREAKPOINT)
		d->signo = SIGTRAP;
	death_decode(d, f.trap == X86_PAGE ? &f.address : NULL);
	d->info = (struct core_siginfo){ .present = true };
	if (take_fault(d, &f)) {
		d->info.signo = d->signo;
		d->raised_again = true;
		return true;
	}
	*d = before;
	return false;
}

/* Behind a handler of SIGABRT there is abort(), or who else raised it. */
bool death_is_raised(const struct death *d, size_t from)
{
	static const char *const names[] = { "abort", "raise", "gsignal", "pthread_kill", "kill" };
	return find_frame(d, from, from + RAISE_FRAMES_MAX, names, ARRAY_LEN(names)) < d->stack->n;
}

static void look_behind_handlers(struct death *d)
{
	size_t n = d->stack->n < HANDLER_FRAMES_MAX ? d->stack->n : HANDLER_FRAMES_MAX;
	for (size_t i = 1; i + 1 < n; i++) {
		const struct native_frame *f = &d->stack->frames[i];
		if (!f->signal || !f[-1].cfa)
			continue;
		if (try_fault(d, f[-1].cfa) || (d->signo == SIGABRT && death_is_raised(d, i + 1)))
			d->first = i + 1;
		if (d->raised_again) {
			d->handler = f - 1;
			return;
		}
	}
}

static bool by_itself(const struct death *d)
{
	return d->info.has_sender && d->info.pid == d->t->pid;
}

static bool can_be_fault(int signo)
{
	return signo == SIGSEGV || signo == SIGBUS || signo == SIGFPE || signo == SIGILL ||
	       signo == SIGTRAP || signo == SIGABRT;
}

enum stands death_stands(const struct death *d)
{
	return d->there.regs.has_pc ? target_stands(d->t, d->there.regs.pc) : STANDS_UNKNOWN;
}

/* Without siginfo, where the thread stands tells a signal that was sent from a fault: a fault is at
 * the instruction that does it, and of the few that stand at or behind a system call none does. */
static bool is_sent(struct death *d)
{
	if (d->info.present || !can_be_fault(d->signo) || d->signo == SIGABRT)
		return d->info.has_sender;
	struct death before = *d;
	enum stands place = death_stands(d);
	bool stands = place == STANDS_AT_CALL || place == STANDS_BEHIND_CALL;
	bool fault = stands && fault_repeats(d);
	*d = before;
	return stands && !fault;
}

static void find_instruction(struct death *d)
{
	death_decode(d, NULL);
	if (!failed(d->in_why) && d->in.has_operand)
		d->access = d->in.access;
}

void death_find(const struct verdict_question *q, struct verdict *v, struct death *ret)
{
	struct death *d = ret;
	*d = (struct death){ .q = q, .t = q->python->target, .p = q->python, .v = v };
	d->os = crashed_thread(d->t);
	d->signo = d->t->signal.signo;
	d->info = d->t->signal.info;
	find_stack(d);
	d->in_why = err_of(ERR_ABSENT, "thread");
	if (!d->os)
		return;
	d->there = *d->os;
	if (by_itself(d) && can_be_fault(d->signo)) {
		look_behind_handlers(d);
		d->raised_again = d->raised_again || fault_repeats(d);
	}
	d->sent = is_sent(d);
	name_shown(d);
	if (!d->sent && can_be_fault(d->signo) && !d->raised_again)
		find_instruction(d);
}

static uint64_t low_bits(uint64_t value, unsigned bytes)
{
	return bytes < 8 ? value & ((UINT64_C(1) << 8 * bytes) - 1) : value;
}

/* Of x86: "rax", "eax", "ax", "al"; "r8", "r8d", "r8w", "r8b". */
bool death_register(const struct death *d, const char *name, uint64_t *ret, unsigned *ret_bytes)
{
	const struct core_arch *arch = core_arch_find(d->t->machine, d->t->mem->ptr_size);
	size_t n = strlen(name);
	char full[8] = "r";
	unsigned bytes = 8;
	if (!arch || n < 2 || n > 4)
		return false;
	if (name[0] == 'r' && name[1] >= '0' && name[1] <= '9') {
		bytes = name[n - 1] == 'd'   ? 4
			: name[n - 1] == 'w' ? 2
			: name[n - 1] == 'b' ? 1
					     : 8;
		memcpy(full, name, bytes < 8 ? n - 1 : n);
	} else if (name[0] == 'r' || name[0] == 'e') {
		bytes = name[0] == 'r' ? 8 : 4;
		memcpy(full + 1, name + 1, n - 1);
	} else if (n == 2 && (name[1] == 'l' || name[1] == 'x')) {
		bytes = name[1] == 'l' ? 1 : 2;
		full[1] = name[0];
		full[2] = 'x';
	}
	uint64_t value;
	if (!core_regs_get(arch, d->t->mem->order, &d->there.regs, full, &value))
		return false;
	*ret = low_bits(value, bytes);
	*ret_bytes = bytes;
	return true;
}

void death_fini(struct death *d)
{
	str_fini(&d->what);
	str_fini(&d->detail);
	str_fini(&d->said);
}
