/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which function's beginning belongs to an address is not known where nothing names functions. So
 * those before it are tried, nearest first: that one is believed by which the stack has a return
 * address where it must be. A call that leads straight to that beginning confirms it; else the
 * nearest is taken, for the call may have been made by a pointer, or by way of another function's
 * jump.
 */
#include "internal.h"
#include "prologue.h"

#include "pycore/limits.h"

enum {
	BLOCK = 2048,
	LOOKED_BACK = 48, /* blocks */
	TRIED_MAX = 512,
	TRIED_FURTHER = 16, /* behind the first that fits, for one that is confirmed */
	AHEAD_MAX = 1024, /* bytes of a function before it stores anything */
	FUNCTION_MAX = 128 * 1024,
	LR = 14,
};

struct finding {
	struct unwind *u;
	struct mem *mem;
	const struct unwind_regs *regs;
	uint64_t pc, low; /* low: nothing before it belongs to the function */
	bool thumb, exact;
	unsigned tried, left;
	bool found;
	struct cfi_row best;
};

enum fit { FITS_NOT, FITS, FITS_SURELY };

/* Whether the call before a return address leads to the function that stores lr at `at`. */
static bool is_called(const struct finding *f, uint64_t raw, uint64_t at)
{
	uint8_t before[4];
	uint64_t target, next = raw & f->u->arch->code_mask;
	return !failed(mem_read(f->mem, next - 4, before, 4)) &&
	       prologue_call_target(before, next, raw & 1, &target) && target <= at &&
	       at - target < AHEAD_MAX;
}

/* What lr tells of a function that was interrupted: it has called nothing yet, then the same stands
 * on the stack, or something, then lr leads into the function. */
static enum fit fit_of_lr(const struct finding *f, uint64_t raw, uint64_t at, enum fit otherwise)
{
	uint64_t lr = f->regs->value[LR] & f->u->arch->code_mask;
	if (!f->exact || !regs_has(f->regs, LR))
		return otherwise;
	if (f->regs->value[LR] == raw)
		return FITS_SURELY;
	return lr > at && lr - at < FUNCTION_MAX ? otherwise : FITS_NOT;
}

/* Whether the stack is as the row says that the code at `at` left it. */
static enum fit fits(const struct finding *f, const struct cfi_row *row, uint64_t at)
{
	uint64_t raw;
	if (!regs_has(f->regs, row->cfa_column))
		return FITS_NOT;
	uint64_t cfa = f->regs->value[row->cfa_column] + (uint64_t)(int64_t)row->cfa.offset;
	uint64_t slot = cfa + (uint64_t)(int64_t)row->rules[LR].offset;
	if (slot % 4 || failed(mem_ptr(f->mem, slot, &raw)) || !unwind_is_return(f->u, raw))
		return FITS_NOT;
	return fit_of_lr(f, raw, at, is_called(f, raw, at) ? FITS_SURELY : FITS);
}

/* The code at `at` stores lr. */
static void try(struct finding *f, uint64_t at)
{
	uint8_t bytes[PROLOGUE_READ];
	struct prologue p;
	unsigned length = 0, arguments = 0;
	if (!failed(mem_read(f->mem, at - 4, bytes, 4)))
		arguments = prologue_pushes_arguments(bytes, f->thumb, &length);
	uint64_t start = at - (arguments ? length : 0);
	size_t n = f->pc - start < sizeof(bytes) ? (size_t)(f->pc - start) : sizeof(bytes);
	f->tried++;
	if (failed(mem_read(f->mem, start, bytes, n)) || !prologue_read(bytes, n, f->thumb, &p) ||
		!p.saves_lr)
		return;
	enum fit fit = fits(f, &p.row, at);
	if (fit == FITS_NOT && p.keeps_fp) {
		p.row.cfa_column = p.fp;
		p.row.cfa.offset = p.fp_offset;
		fit = fits(f, &p.row, at);
	}
	if (fit == FITS_SURELY || (fit == FITS && !f->found))
		f->best = p.row;
	if (fit == FITS && !f->found)
		f->left = TRIED_FURTHER;
	f->found |= fit != FITS_NOT;
	if (fit == FITS_SURELY)
		f->left = 0;
}

static bool is_over(const struct finding *f)
{
	return f->tried >= TRIED_MAX || (f->found && !f->left);
}

/* The code from `from` to `end`; whether it goes on before it. */
static bool look_through(struct finding *f, uint64_t from, uint64_t end)
{
	uint8_t bytes[BLOCK + 2] = { 0 };
	size_t n = (size_t)(end - from), step = f->thumb ? 2 : 4;
	if (failed(mem_read(f->mem, from, bytes, n + 2)) &&
		failed(mem_read(f->mem, from, bytes, n)))
		return false;
	for (size_t i = n; i >= step && !is_over(f);) {
		uint8_t insn[4] = { 0 };
		i -= step;
		memcpy(insn, bytes + i, i + 4 <= n + 2 ? 4 : 2); /* one may go on behind it */
		if (!prologue_stores_lr(insn, f->thumb))
			continue;
		f->left -= f->left > 0;
		try(f, from + i);
	}
	return !is_over(f);
}

/* Where the function begins at the earliest, as far as its symbol tells. */
static uint64_t earliest(struct unwind *u, uint64_t pc)
{
	struct symbol sym;
	struct module *m = unwind_module(u, pc);
	bool known =
		m && m->img->elf && symbols_find(module_symbols(u, m), pc - m->img->bias, &sym);
	uint64_t start = known ? m->img->bias + sym.start : 0;
	return known && pc > start ? start : 0;
}

bool unwind_prologue_row(struct unwind *u, uint64_t pc, bool thumb, bool exact,
	const struct unwind_regs *regs, struct cfi_row *ret)
{
	uint64_t key = pc << 1 | exact, known;
	struct finding f = { .u = u,
		.mem = u->target->mem,
		.regs = regs,
		.pc = pc,
		.low = earliest(u, exact ? pc : pc - 1),
		.thumb = thumb,
		.exact = exact };
	if (!u->arch->state_bit || !unwind_is_code(u, pc - 1))
		return false;
	if (hash_get(&u->prologues, key, &known) && known &&
		fits(&f, (const struct cfi_row *)(uintptr_t)known, pc) != FITS_NOT) {
		*ret = *(const struct cfi_row *)(uintptr_t)known;
		return true;
	}
	uint64_t end = pc & ~(uint64_t)(thumb ? 1 : 3);
	for (unsigned i = 0; i < LOOKED_BACK && end > f.low; i++) {
		uint64_t from = (end - 1) & ~(uint64_t)(BLOCK - 1); /* in one page */
		if (from < f.low)
			from = f.low;
		if (!look_through(&f, from, end))
			break;
		end = from;
	}
	if (!f.found)
		return false;
	struct cfi_row *kept = arena_alloc(&u->arena, sizeof(*kept));
	*kept = *ret = f.best;
	hash_put(&u->prologues, key, (uint64_t)(uintptr_t)kept);
	return true;
}

bool unwind_leaf_row(struct unwind *u, uint64_t pc, bool thumb, struct cfi_row *ret)
{
	uint8_t bytes[PROLOGUE_READ];
	struct prologue p;
	uint64_t start = earliest(u, pc);
	if (!u->arch->state_bit || !start)
		return false;
	size_t n = pc - start < sizeof(bytes) ? (size_t)(pc - start) : sizeof(bytes);
	if (failed(mem_read(u->target->mem, start, bytes, n)) ||
		!prologue_read(bytes, n, thumb, &p) || p.saves_lr)
		return false;
	p.row.rules[LR].how = CFI_SAME;
	*ret = p.row;
	return true;
}
