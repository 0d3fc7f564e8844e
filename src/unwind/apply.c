/* SPDX-License-Identifier: Apache-2.0 */
/* A row of call frame information and a frame's registers give those of the caller (DWARF 5,
 * section 6.4.1). */
#include "cfi.h"
#include "leb.h"

struct frame {
	const struct cfi_row *row;
	const struct unwind_arch *arch;
	struct mem *mem;
	uint64_t bias;
	const struct unwind_regs *regs;
	uint64_t cfa;
};

static struct err evaluate(
	const struct frame *f, struct cfi_rule rule, const uint64_t *first, uint64_t *ret)
{
	const struct cfi_section *s = f->row->section;
	struct cursor c = cursor_of(s->bytes, s->size, s->order);
	cursor_skip(&c, (uint64_t)rule.offset);
	uint64_t n = cursor_uleb(&c);
	if (n > cursor_left(&c))
		return err_of(ERR_CORRUPT, "DWARF expression");
	c.size = c.at + (size_t)n;
	return cfi_expression(c, f->mem, f->bias, f->regs, first, ret);
}

static struct err find_cfa(struct frame *f)
{
	const struct cfi_row *row = f->row;
	if (row->cfa.how == CFI_IS_EXPRESSION)
		return evaluate(f, row->cfa, NULL, &f->cfa);
	if (!regs_has(f->regs, row->cfa_column))
		return err_of(ERR_ABSENT, "register that leads to the frame");
	f->cfa = f->regs->value[row->cfa_column] + (uint64_t)(int64_t)row->cfa.offset;
	return NO_ERR;
}

/* The caller's value of a column; *ret_known false: it has none. */
static struct err column(const struct frame *f, unsigned i, uint64_t *ret, bool *ret_known)
{
	struct cfi_rule rule = f->row->rules[i];
	unsigned from = rule.how == CFI_REGISTER ? (unsigned)rule.offset : i;
	uint64_t at = f->cfa + (uint64_t)(int64_t)rule.offset;
	*ret_known = true;
	switch (rule.how) {
	case CFI_UNSAID:
		if (i == f->arch->sp) {
			*ret = f->cfa - f->arch->save_area;
			return NO_ERR;
		}
		*ret_known = f->arch->kept >> i & 1 && regs_has(f->regs, i);
		*ret = f->regs->value[i];
		return NO_ERR;
	case CFI_SAME:
	case CFI_REGISTER:
		*ret_known = regs_has(f->regs, from);
		*ret = *ret_known ? f->regs->value[from] : 0;
		return NO_ERR;
	case CFI_UNDEFINED:
		*ret_known = false;
		return NO_ERR;
	case CFI_AT_OFFSET:
		return mem_ptr(f->mem, at, ret);
	case CFI_IS_OFFSET:
		*ret = at;
		return NO_ERR;
	case CFI_AT_EXPRESSION:
		TRY(evaluate(f, rule, &f->cfa, &at));
		return mem_ptr(f->mem, at, ret);
	case CFI_IS_EXPRESSION:
		return evaluate(f, rule, &f->cfa, ret);
	}
	__builtin_unreachable();
}

struct err cfi_apply(const struct cfi_row *row, const struct unwind_arch *arch, struct mem *mem,
	uint64_t bias, const struct unwind_regs *regs, struct unwind_regs *ret, uint64_t *ret_cfa,
	bool *ret_outermost)
{
	struct frame f = { row, arch, mem, bias, regs, 0 };
	struct unwind_regs next = { 0 };
	TRY(find_cfa(&f));
	if (row->ra >= arch->n_columns)
		return err_of(ERR_UNSUPPORTED, "return address in a register that is not followed");
	for (unsigned i = 0; i < arch->n_columns; i++) {
		uint64_t v = 0;
		bool known;
		struct err e = column(&f, i, &v, &known);
		if (failed(e) && i == row->ra)
			return e;
		if (!failed(e) && known)
			regs_set(&next, i, v);
	}
	*ret_outermost = row->rules[row->ra].how == CFI_UNDEFINED;
	if (!*ret_outermost && !regs_has(&next, row->ra))
		return err_of(ERR_ABSENT, "return address");
	*ret_cfa = f.cfa;
	*ret = next;
	return NO_ERR;
}
