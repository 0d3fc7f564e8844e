/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk from a thread's registers outwards. Three ways lead from a frame to its caller, each
 * less sure than the one before: call frame information; the frame pointer, where code that keeps
 * one has stored {its caller's frame pointer, return address}; any word of the stack that follows a
 * call instruction. Code without call frame information that is about to return is as sure. What
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

static bool is_return_address(struct walk *w, uint64_t addr)
{
	uint8_t before[CALL_BYTES_MAX];
	unsigned n = w->arch->call_bytes;
	const struct cfi_row *row = addr ? unwind_row(w->u, addr - 1) : NULL;
	if (row && row->signal)
		return true; /* the kernel stored it, so no call stands before */
	if (addr <= n || !unwind_is_code(w->u, addr - 1))
		return false;
	struct err e = mem_read(w->mem, addr - n, before, n);
	if (failed(e)) /* of a file that is not at hand the core does not show the code either */
		return e.code == ERR_NOT_SAVED || e.code == ERR_TRUNCATED;
	return w->arch->ends_in_call(before);
}

/* What a frame that was guessed knows of its caller's registers. */
static struct unwind_regs guessed_regs(const struct walk *w)
{
	struct unwind_regs r = w->regs;
	r.known &= w->arch->kept & ~(UINT64_C(1) << w->arch->ra);
	return r;
}

/* Goes on to the caller. */
static enum step go(struct walk *w, const struct unwind_regs *next, uint64_t pc, uint64_t cfa,
	enum native_found how)
{
	w->regs = *next;
	w->pc = pc;
	w->last_cfa = cfa;
	w->exact = false;
	w->found_by = how;
	return STEP_DONE;
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
	go(w, &next, pc, row->signal ? 0 : cfa, NATIVE_CFI);
	w->exact = row->signal;
	return STEP_DONE;
}

/* The stack behind the return address that lies at `at`. */
static enum step return_at(struct walk *w, uint64_t at, uint64_t pc, struct native_frame *f)
{
	struct unwind_regs next = guessed_regs(w);
	regs_set(&next, w->arch->sp, at + w->arch->ptr_size);
	f->cfa = at + w->arch->ptr_size;
	return go(w, &next, pc, f->cfa, NATIVE_SCAN);
}

static enum step by_frame_pointer(struct walk *w, struct native_frame *f)
{
	const struct unwind_arch *a = w->arch;
	uint64_t fp = w->regs.value[a->fp], outer, pc;
	uint64_t sp = regs_has(&w->regs, a->sp) ? w->regs.value[a->sp] : w->last_cfa;
	if (!regs_has(&w->regs, a->fp) || !sp || fp % a->ptr_size || fp < sp ||
		fp - sp > NATIVE_FRAME_BYTES_MAX || failed(mem_ptr(w->mem, fp, &outer)) ||
		failed(mem_ptr(w->mem, fp + a->ptr_size, &pc)))
		return STEP_FAILED;
	pc &= a->code_mask;
	if (!pc && !outer)
		return STEP_OUTERMOST;
	if ((outer && outer <= fp) || !is_return_address(w, pc))
		return STEP_FAILED;
	struct unwind_regs next = guessed_regs(w);
	regs_set(&next, a->fp, outer);
	if (a->pushes_ra) /* else the record lies anywhere in its frame */
		regs_set(&next, a->sp, fp + 2 * a->ptr_size);
	f->cfa = fp + 2 * a->ptr_size;
	return go(w, &next, pc, f->cfa, NATIVE_FRAME_POINTER);
}

static enum step by_scan(struct walk *w, struct native_frame *f, uint64_t bytes)
{
	const struct unwind_arch *a = w->arch;
	uint64_t sp = regs_has(&w->regs, a->sp) ? w->regs.value[a->sp] : w->last_cfa, pc;
	if (!sp || sp % a->ptr_size)
		return STEP_FAILED;
	for (uint64_t at = sp; at - sp < bytes && !failed(mem_ptr(w->mem, at, &pc));
		at += a->ptr_size) {
		if (is_return_address(w, pc & a->code_mask))
			return return_at(w, at, pc & a->code_mask, f);
	}
	return STEP_FAILED;
}

/* In a function that has set up no frame the last call's return address is where the call left it:
 * on top of the stack, but for one word that the function may have stored, or in its register. */
static enum step by_last_call(struct walk *w, struct native_frame *f)
{
	const struct unwind_arch *a = w->arch;
	uint64_t ra = w->regs.value[a->ra] & a->code_mask;
	if (a->pushes_ra)
		return by_scan(w, f, 2 * a->ptr_size);
	if (!regs_has(&w->regs, a->ra) || !is_return_address(w, ra))
		return STEP_FAILED;
	struct unwind_regs next = guessed_regs(w);
	regs_set(&next, a->sp, w->regs.value[a->sp]);
	f->cfa = w->regs.value[a->sp];
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
		!is_return_address(w, pc))
		return STEP_FAILED;
	return_at(w, w->regs.value[a->sp] + frees, pc, f);
	w->found_by = NATIVE_CFI;
	return STEP_DONE;
}

static enum step guess(struct walk *w, struct native_frame *f)
{
	enum step s = by_return(w, f);
	if (s == STEP_FAILED && is_frameless(w))
		s = by_last_call(w, f);
	if (s == STEP_FAILED)
		s = by_frame_pointer(w, f);
	if (s == STEP_FAILED)
		s = by_scan(w, f, NATIVE_SCAN_BYTES_MAX);
	return s;
}

static enum step step(struct walk *w, struct native_frame *f, struct err *why)
{
	uint64_t at = lookup(w->pc, w->exact);
	const struct cfi_row *row = unwind_row(w->u, at);
	enum step s = STEP_FAILED;
	if (row)
		s = by_cfi(w, row, f, why);
	else
		*why = unwind_is_code(w->u, at)
			       ? err_at(ERR_ABSENT, w->pc, "call frame information")
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
	if (!unwind_regs_take(u->arch, &th->regs, w.mem->order, &w.regs, &w.pc)) {
		ret->why =
			u->target->kind == TARGET_LIVE
				? err_of(ERR_UNSUPPORTED, "stack of a thread that is not stopped")
				: err_of(ERR_NOT_SAVED, "registers of the thread");
		return;
	}
	walk(&w, ret);
	mark_certain(ret, w.at_start);
}
