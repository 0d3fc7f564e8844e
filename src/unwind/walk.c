/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk from a thread's registers outwards. Four ways lead from a frame to its caller, each less
 * sure than the one before: call frame information; what the function did when it began (arm); the
 * frame pointer, where code that keeps one has stored {its caller's frame pointer, return address};
 * any word of the stack that follows a call instruction. Code without call frame information that
 * is about to return is as sure. What
 * memory says is believed only as far as it makes sense: a return address lies in code, and frames
 * further out lie higher on the stack, but for a limited number of switches to another one.
 */
#include "internal.h"

#include <string.h>

struct walk {
	struct unwind *u;
	const struct unwind_arch *arch;
	struct mem *mem;
	struct unwind_regs regs;
	uint64_t pc;
	bool thumb; /* the other of two kinds of code */
	bool exact;
	uint64_t last_cfa; /* 0: the next frame may lie anywhere */
	unsigned switches;
	enum native_found found_by;
	bool at_start; /* CFI said that the stack begins with this frame */
};

/* STEP_ZERO: the return address is 0, which marks the end of a stack, or is damage. */
enum step { STEP_DONE, STEP_OUTERMOST, STEP_ZERO, STEP_FAILED };

/* The address whose function and row are meant: inside of the call, for a return address may
 * already belong to the next function. */
static uint64_t lookup(uint64_t pc, bool exact)
{
	return exact ? pc : pc - 1;
}

bool unwind_is_return(struct unwind *u, uint64_t raw)
{
	uint8_t before[CALL_BYTES_MAX];
	const struct unwind_arch *a = u->arch;
	bool other = a->state_bit && raw & 1;
	uint64_t addr = raw & a->code_mask;
	unsigned n = a->call_bytes;
	const struct cfi_row *row = addr ? unwind_row(u, addr - 1) : NULL;
	if (row && row->signal)
		return true; /* the kernel stored it, so no call stands before */
	if (addr <= n || !unwind_is_code(u, addr - 1))
		return false;
	struct err e = mem_read(u->target->mem, addr - n, before, n);
	/* Of a file that is not at hand the core does not show the code either. There is some
	 * behind a call, as a rule; behind the end of a segment begin things that pointers point
	 * to. */
	if (failed(e))
		return (e.code == ERR_NOT_SAVED || e.code == ERR_TRUNCATED) &&
		       unwind_is_code(u, addr);
	return a->ends_in_call[other](before);
}

/* What a frame that was guessed knows of its caller's registers. */
static struct unwind_regs guessed_regs(const struct walk *w)
{
	struct unwind_regs r = w->regs;
	r.known &= w->arch->kept & ~(UINT64_C(1) << w->arch->ra);
	return r;
}

/* Goes on to the caller, whose address is as memory has it. */
static enum step go(struct walk *w, const struct unwind_regs *next, uint64_t pc, uint64_t cfa,
	enum native_found how)
{
	w->regs = *next;
	w->pc = pc & w->arch->code_mask;
	w->thumb = w->arch->state_bit && pc & 1;
	w->last_cfa = cfa;
	w->exact = false;
	w->found_by = how;
	return STEP_DONE;
}

static bool is_frameless(struct walk *w);

/* Tables of arm hold at calls, and also for assembly behind a function that has some: where the
 * function that was interrupted has called nothing yet, its register has the return address. */
static bool fits_interrupted(struct walk *w, uint64_t ra)
{
	unsigned column = w->arch->ra;
	bool called = !regs_has(&w->regs, column) || !is_frameless(w);
	return unwind_is_return(w->u, ra) && (called || w->regs.value[column] == ra);
}

static enum step by_cfi(
	struct walk *w, const struct cfi_row *row, struct native_frame *f, struct err *why)
{
	struct unwind_regs next;
	uint64_t cfa;
	bool outermost;
	struct module *m = unwind_module(w->u, lookup(w->pc, w->exact));
	*why = cfi_apply(row, w->arch, w->mem, m->img->bias, &w->regs, &next, &cfa, &outermost);
	if (failed(*why))
		return STEP_FAILED;
	f->signal = row->signal;
	f->cfa = cfa;
	w->at_start = outermost;
	if (outermost)
		return STEP_OUTERMOST;
	uint64_t pc = next.value[row->ra] & w->arch->code_mask;
	if (!pc)
		return STEP_ZERO;
	bool same = cfa == w->last_cfa && pc == w->pc;
	if (same || (cfa <= w->last_cfa && ++w->switches > STACK_SWITCHES_MAX)) {
		*why = err_at(ERR_CORRUPT, cfa, "stack");
		return STEP_OUTERMOST;
	}
	if (!row->signal && !unwind_row(w->u, pc - 1) && !unwind_is_code(w->u, pc - 1)) {
		*why = err_at(ERR_CORRUPT, pc, "return address");
		return STEP_FAILED;
	}
	if (row->at_calls && w->exact && !fits_interrupted(w, next.value[row->ra]))
		return STEP_FAILED;
	go(w, &next, next.value[row->ra], row->signal ? 0 : cfa, NATIVE_CFI);
	w->exact = row->signal;
	return STEP_DONE;
}

/* The stack behind the return address that lies at `at`. */
static enum step return_at(struct walk *w, uint64_t at, uint64_t pc, struct native_frame *f)
{
	const struct unwind_arch *a = w->arch;
	struct unwind_regs next = guessed_regs(w);
	uint64_t sp = a->saved_ra ? at - a->saved_ra : at + a->ptr_size;
	regs_set(&next, a->sp, sp);
	f->cfa = sp + a->save_area;
	return go(w, &next, pc, f->cfa, NATIVE_SCAN);
}

/* By what the function did when it began. */
static enum step by_prologue(struct walk *w, struct native_frame *f)
{
	struct unwind_regs next;
	struct cfi_row row;
	uint64_t cfa;
	bool outermost;
	if (!regs_has(&w->regs, w->arch->sp) ||
		!unwind_prologue_row(w->u, w->pc, w->thumb, w->exact, &w->regs, &row) ||
		failed(cfi_apply(&row, w->arch, w->mem, 0, &w->regs, &next, &cfa, &outermost)) ||
		cfa <= w->last_cfa)
		return STEP_FAILED;
	f->cfa = cfa;
	return go(w, &next, next.value[row.ra], cfa, NATIVE_PROLOGUE);
}

static enum step by_frame_pointer(struct walk *w, struct native_frame *f)
{
	const struct unwind_arch *a = w->arch;
	uint64_t sp = regs_has(&w->regs, a->sp) ? w->regs.value[a->sp] : w->last_cfa;
	if (!regs_has(&w->regs, a->fp))
		return STEP_FAILED;
	uint64_t fp = w->regs.value[a->fp], outer, pc;
	if (!sp || fp % a->ptr_size || fp < sp || fp - sp > NATIVE_FRAME_BYTES_MAX ||
		failed(mem_ptr(w->mem, fp, &outer)) ||
		failed(mem_ptr(w->mem, fp + a->ptr_size, &pc)))
		return STEP_FAILED;
	pc &= a->code_mask;
	if (!pc && !outer) /* the end of a chain, or zeros that something else points to */
		return f->found_by == NATIVE_FRAME_POINTER ? STEP_OUTERMOST : STEP_FAILED;
	if ((outer && outer <= fp) || !unwind_is_return(w->u, pc))
		return STEP_FAILED;
	struct unwind_regs next = guessed_regs(w);
	regs_set(&next, a->fp, outer);
	if (a->pushes_ra) /* else the record lies anywhere in its frame */
		regs_set(&next, a->sp, fp + 2 * a->ptr_size);
	f->cfa = fp + 2 * a->ptr_size;
	return go(w, &next, pc, f->cfa, NATIVE_FRAME_POINTER);
}

/* `any`: also a word whose call cannot have led here, as far as that can be told: a function may
 * have been left by a jump to another one. */
static enum step scan(struct walk *w, struct native_frame *f, uint64_t bytes, bool any)
{
	const struct unwind_arch *a = w->arch;
	uint64_t sp = regs_has(&w->regs, a->sp) ? w->regs.value[a->sp] : w->last_cfa, pc;
	if (!sp || sp % a->ptr_size)
		return STEP_FAILED;
	/* what called this frame has its return address in the next one, not in this one */
	if (a->saved_ra)
		sp += a->saved_ra + (w->exact ? 0 : a->save_area);
	for (uint64_t at = sp; at - sp < bytes && !failed(mem_ptr(w->mem, at, &pc));
		at += a->ptr_size) {
		if (unwind_is_return(w->u, pc) && (any || unwind_may_have_called(w->u, pc, w->pc)))
			return return_at(w, at, pc, f);
	}
	return STEP_FAILED;
}

static enum step by_scan(struct walk *w, struct native_frame *f, uint64_t bytes)
{
	enum step s = scan(w, f, bytes, false);
	return s == STEP_FAILED ? scan(w, f, bytes, true) : s;
}

/* In a function that has set up no frame the last call's return address is where the call left it:
 * on top of the stack, but for one word that the function may have stored, or in its register. */
static enum step by_last_call(struct walk *w, struct native_frame *f)
{
	const struct unwind_arch *a = w->arch;
	uint64_t ra = w->regs.value[a->ra];
	if (a->pushes_ra)
		return scan(w, f, 2 * a->ptr_size, false);
	if (!regs_has(&w->regs, a->ra) || !unwind_is_return(w->u, ra))
		return STEP_FAILED;
	struct unwind_regs next = guessed_regs(w);
	struct cfi_row row;
	bool outermost;
	regs_set(&next, a->sp, w->regs.value[a->sp]);
	f->cfa = w->regs.value[a->sp] + a->save_area;
	if (w->exact && unwind_leaf_row(w->u, w->pc, w->thumb, &row) &&
		!failed(cfi_apply(&row, a, w->mem, 0, &w->regs, &next, &f->cfa, &outermost)))
		return go(w, &next, ra, f->cfa, NATIVE_PROLOGUE);
	return go(w, &next, ra, f->cfa, NATIVE_SCAN);
}

/* Whether the interrupted function has no frame of its own that its frame pointer leads to: no code
 * is there, or its beginning tells. */
static bool is_frameless(struct walk *w)
{
	uint8_t bytes[PROLOGUE_BYTES];
	if (!w->exact || !unwind_is_code(w->u, w->pc))
		return w->exact;
	struct module *m = unwind_module(w->u, w->pc);
	if (!m || !m->img->elf)
		return false;
	struct symbol sym;
	if (!symbols_find(module_symbols(w->u, m), w->pc - m->img->bias, &sym))
		return false;
	uint64_t start = m->img->bias + sym.start;
	if (!w->arch->frame_set_up) { /* what it has called itself returns to it */
		uint64_t ra = w->regs.value[w->arch->ra] & w->arch->code_mask;
		return ra < start || ra > m->img->bias + sym.end;
	}
	if (failed(mem_read(w->mem, start, bytes, sizeof(bytes))))
		return false;
	size_t set_up = w->arch->frame_set_up(bytes);
	return !set_up || w->pc - start < set_up;
}

/* No guess: nothing but a return lies ahead of it. */
static enum step by_return(struct walk *w, struct native_frame *f)
{
	const struct unwind_arch *a = w->arch;
	uint8_t bytes[PROLOGUE_BYTES];
	uint64_t frees, pc;
	if (!a->returns || !regs_has(&w->regs, a->sp) || !unwind_is_code(w->u, w->pc) ||
		failed(mem_read(w->mem, w->pc, bytes, sizeof(bytes))) ||
		!a->returns(bytes, &frees) ||
		failed(mem_ptr(w->mem, w->regs.value[a->sp] + frees, &pc)) ||
		!unwind_is_return(w->u, pc))
		return STEP_FAILED;
	return_at(w, w->regs.value[a->sp] + frees, pc, f);
	w->found_by = NATIVE_CFI;
	return STEP_DONE;
}

static enum step guess(struct walk *w, struct native_frame *f)
{
	enum step s = by_return(w, f);
	if (s == STEP_FAILED)
		s = by_prologue(w, f);
	if (s == STEP_FAILED && is_frameless(w))
		s = by_last_call(w, f);
	if (s == STEP_FAILED)
		s = by_frame_pointer(w, f);
	if (s == STEP_FAILED)
		s = by_scan(w, f, NATIVE_SCAN_BYTES_MAX);
	return s;
}

/* Whether the code without call frame information is what a program or a thread starts with: at the
 * program's entry, or where nothing but the thread's end follows the call. */
static bool is_start(struct walk *w)
{
	uint8_t bytes[PROLOGUE_BYTES];
	if (w->exact || unwind_is_entry(w->u->target, w->pc))
		return !w->exact;
	return w->arch->exits && unwind_is_code(w->u, w->pc) &&
	       !failed(mem_read(w->mem, w->pc, bytes, sizeof(bytes))) && w->arch->exits(bytes);
}

/* What call frame information would say of the code to which a signal handler returns. */
static bool resumes(struct walk *w, struct cfi_row *ret)
{
	const struct unwind_arch *a = w->arch;
	uint8_t bytes[PROLOGUE_BYTES];
	if (w->exact || !a->resume_size || a->resume_size > sizeof(bytes) ||
		!unwind_module(w->u, w->pc) ||
		failed(mem_read(w->mem, w->pc, bytes, a->resume_size)) ||
		memcmp(bytes, a->resume_code, a->resume_size) != 0)
		return false;
	*ret = (struct cfi_row){ .signal = true,
		.ra = (uint8_t)a->ra,
		.cfa_column = (uint8_t)a->sp,
		.cfa = { .how = CFI_REGISTER } };
	for (unsigned i = 0; i < a->n_columns; i++)
		ret->rules[i] =
			(struct cfi_rule){ .how = CFI_AT_OFFSET, .offset = a->resumed_at[i] };
	return true;
}

static enum step step(struct walk *w, struct native_frame *f, struct err *why)
{
	uint64_t at = lookup(w->pc, w->exact);
	struct cfi_row made;
	const struct cfi_row *row = unwind_row(w->u, at);
	if (!row && resumes(w, &made))
		row = &made;
	enum step s = STEP_FAILED;
	if (row)
		s = by_cfi(w, row, f, why);
	else if (is_start(w)) {
		w->at_start = true;
		return STEP_OUTERMOST;
	} else
		*why = unwind_is_code(w->u, at)
			       ? err_at(ERR_NOT_FOUND, w->pc, "call frame information")
			       : err_at(ERR_UNMAPPED, w->pc, "code");
	if (s != STEP_FAILED && s != STEP_ZERO)
		return s;
	enum step guessed = guess(w, f);
	if (guessed != STEP_FAILED || s == STEP_ZERO)
		*why = NO_ERR; /* nothing lies behind the zero: it is the end */
	return guessed == STEP_DONE ? STEP_DONE : STEP_OUTERMOST;
}

static void mark_certain(struct native_stack *s, bool at_start)
{
	for (size_t i = 0; i < s->n && s->frames[i].found_by == NATIVE_CFI; i++)
		s->frames[i].certain = true;
	for (size_t i = s->n; at_start && i > 0 && s->frames[i - 1].found_by == NATIVE_CFI; i--)
		s->frames[i - 1].certain = true;
}

static void walk(struct walk *w, struct native_stack *ret)
{
	for (enum step s = STEP_DONE; s == STEP_DONE;) {
		if (ret->n == NATIVE_FRAMES_MAX) {
			ret->cut = true;
			return;
		}
		ret->frames = xgrow(ret->frames, &ret->cap, ret->n, sizeof(*ret->frames));
		struct native_frame *f = &ret->frames[ret->n++];
		*f = (struct native_frame){
			.pc = w->pc, .found_by = w->found_by, .exact = w->exact
		};
		s = step(w, f, &ret->why);
	}
}

void unwind_thread(struct unwind *u, const struct os_thread *th, struct native_stack *ret)
{
	struct walk w = { .u = u, .arch = u->arch, .mem = u->target->mem, .exact = true };
	if (!u->arch) {
		ret->why = err_of(ERR_UNSUPPORTED, "unwinding on this architecture");
		return;
	}
	uint64_t pc;
	if (!unwind_regs_take(u->arch, &th->regs, w.mem->order, &w.regs, &pc)) {
		ret->why =
			u->target->kind == TARGET_LIVE
				? err_of(ERR_UNSUPPORTED, "stack of a thread that is not stopped")
				: err_of(ERR_NOT_SAVED, "registers of the thread");
		return;
	}
	w.pc = pc & u->arch->code_mask;
	w.thumb = u->arch->state_bit && pc & 1;
	walk(&w, ret);
	mark_certain(ret, w.at_start);
}
