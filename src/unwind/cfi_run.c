/* SPDX-License-Identifier: Apache-2.0 */
/* Running call frame instructions up to the row of an address (DWARF 5, section 6.4.2, and GNU's);
 * DW_CFA_AARCH64_negate_ra_state: DWARF for the Arm 64-bit Architecture. */
#include "cfi_entry.h"
#include "leb.h"

#include "pycore/alloc.h"

#include <stdlib.h>

enum { FDE_BYTES_MAX = 1 << 20, REMEMBERED_MAX = 16 };

/* The state while instructions run. */
struct run {
	const struct cfi_section *s;
	const struct cie *cie;
	struct cfi_row row;
	uint64_t at; /* address that the next row begins with */
	const struct cfi_row *initial; /* after the CIE; NULL while that runs */
	struct cfi_row *remembered;
	size_t n_remembered;
};

static bool set_rule(struct run *r, uint64_t column, enum cfi_how how, int64_t offset)
{
	if (column < COLUMNS_MAX)
		r->row.rules[column] = (struct cfi_rule){ how, offset };
	return true;
}

/* A block: its length and bytes stay where they are. */
static int64_t take_block(struct cursor *c)
{
	size_t at = c->at;
	cursor_skip(c, cursor_uleb(c));
	return (int64_t)at;
}

static bool set_cfa(struct run *r, uint64_t column, int64_t offset)
{
	if (column >= COLUMNS_MAX)
		return false;
	r->row.cfa_column = (uint8_t)column;
	r->row.cfa = (struct cfi_rule){ CFI_REGISTER, offset };
	return true;
}

static bool remember(struct run *r)
{
	if (r->n_remembered == REMEMBERED_MAX)
		return false;
	if (!r->remembered)
		r->remembered = xcalloc(REMEMBERED_MAX, sizeof(*r->remembered));
	r->remembered[r->n_remembered++] = r->row;
	return true;
}

static bool restore_state(struct run *r)
{
	if (!r->n_remembered)
		return false;
	uint64_t start = r->row.start;
	r->row = r->remembered[--r->n_remembered];
	r->row.start = start;
	return true;
}

static bool restore(struct run *r, uint64_t column)
{
	if (!r->initial)
		return false;
	if (column < COLUMNS_MAX)
		r->row.rules[column] = r->initial->rules[column];
	return true;
}

/* Instructions that give a column its rule. */
static bool run_rule(struct run *r, struct cursor *c, unsigned op)
{
	int64_t align = r->cie->data_align;
	uint64_t column = cursor_uleb(c);
	switch (op) {
	case 0x05: /* offset_extended */
		return set_rule(r, column, CFI_AT_OFFSET, (int64_t)cursor_uleb(c) * align);
	case 0x06: /* restore_extended */
		return restore(r, column);
	case 0x07: /* undefined */
		return set_rule(r, column, CFI_UNDEFINED, 0);
	case 0x08: /* same_value */
		return set_rule(r, column, CFI_SAME, 0);
	case 0x09: /* register */
		return set_rule(r, column, CFI_REGISTER, (int64_t)cursor_uleb(c));
	case 0x10: /* expression */
		return set_rule(r, column, CFI_AT_EXPRESSION, take_block(c));
	case 0x11: /* offset_extended_sf */
		return set_rule(r, column, CFI_AT_OFFSET, cursor_sleb(c) * align);
	case 0x14: /* val_offset */
		return set_rule(r, column, CFI_IS_OFFSET, (int64_t)cursor_uleb(c) * align);
	case 0x15: /* val_offset_sf */
		return set_rule(r, column, CFI_IS_OFFSET, cursor_sleb(c) * align);
	case 0x16: /* val_expression */
		return set_rule(r, column, CFI_IS_EXPRESSION, take_block(c));
	case 0x2f: /* GNU_negative_offset_extended */
		return set_rule(r, column, CFI_AT_OFFSET, -(int64_t)cursor_uleb(c) * align);
	}
	return false;
}

/* Instructions that say what the CFA is, and the rest. */
static bool run_other(struct run *r, struct cursor *c, unsigned op)
{
	struct cfi_row *row = &r->row;
	int64_t align = r->cie->data_align;
	uint64_t column;
	switch (op) {
	case 0x00: /* nop */
		return true;
	case 0x0a: /* remember_state */
		return remember(r);
	case 0x0b: /* restore_state */
		return restore_state(r);
	case 0x0c: /* def_cfa */
		column = cursor_uleb(c);
		return set_cfa(r, column, (int64_t)cursor_uleb(c));
	case 0x0d: /* def_cfa_register */
		return row->cfa.how == CFI_REGISTER && set_cfa(r, cursor_uleb(c), row->cfa.offset);
	case 0x0e: /* def_cfa_offset */
		return row->cfa.how == CFI_REGISTER &&
		       set_cfa(r, row->cfa_column, (int64_t)cursor_uleb(c));
	case 0x0f: /* def_cfa_expression */
		row->cfa = (struct cfi_rule){ CFI_IS_EXPRESSION, take_block(c) };
		return true;
	case 0x12: /* def_cfa_sf */
		column = cursor_uleb(c);
		return set_cfa(r, column, cursor_sleb(c) * align);
	case 0x13: /* def_cfa_offset_sf */
		return row->cfa.how == CFI_REGISTER &&
		       set_cfa(r, row->cfa_column, cursor_sleb(c) * align);
	case 0x2d: /* AARCH64_negate_ra_state */
		row->ra_signed = !row->ra_signed;
		return r->s->signs_ra;
	case 0x2e: /* GNU_args_size: of no use here */
		cursor_uleb(c);
		return true;
	}
	return run_rule(r, c, op);
}

/* Whether the instruction ends a row, and then where the next one begins. */
static bool advances(struct run *r, struct cursor *c, unsigned op, bool *ret_good)
{
	uint64_t delta;
	*ret_good = true;
	if (op >> 6 == 1)
		delta = op & 0x3f;
	else if (op >= 0x02 && op <= 0x04) /* advance_loc1, 2, 4 */
		delta = cursor_uint(c, 1u << (op - 2));
	else if (op == 0x01) { /* set_loc */
		uint64_t to = 0;
		*ret_good = cfi_take_pointer(r->s, c, r->cie->fde_encoding, &to) && to >= r->at;
		r->at = to;
		return true;
	} else
		return false;
	r->at += delta * r->cie->code_align;
	return true;
}

/* Runs up to the row that holds pc. */
static bool run(struct run *r, struct cursor c, uint64_t pc)
{
	if (cursor_left(&c) > FDE_BYTES_MAX)
		return false;
	while (cursor_left(&c)) {
		unsigned op = (unsigned)cursor_uint(&c, 1);
		bool good;
		if (advances(r, &c, op, &good)) {
			if (good && !c.overrun && r->at > pc)
				return true;
			r->row.start = r->at;
		} else if (op >> 6 == 2) { /* offset */
			good = set_rule(r, op & 0x3f, CFI_AT_OFFSET,
				(int64_t)cursor_uleb(&c) * r->cie->data_align);
		} else if (op >> 6 == 3) {
			good = restore(r, op & 0x3f);
		} else {
			good = run_other(r, &c, op);
		}
		if (!good || c.overrun)
			return false;
	}
	return true;
}

struct err cfi_row(struct cfi_section *s, uint64_t pc, struct cfi_row *ret)
{
	struct fde f;
	if (!cfi_find(s, pc, &f))
		return err_at(ERR_ABSENT, pc, "call frame information");
	struct run r = { .s = s, .cie = &f.cie, .at = f.start };
	bool good = run(&r, f.cie.instructions, UINT64_MAX);
	struct cfi_row initial = r.row;
	r.initial = &initial;
	r.at = f.start;
	r.row.start = f.start;
	good = good && run(&r, f.instructions, pc);
	free(r.remembered);
	if (!good || r.row.cfa.how == CFI_UNSAID)
		return err_at(ERR_CORRUPT, pc, "call frame information");
	*ret = r.row;
	ret->end = r.at > pc ? r.at : f.end;
	ret->function = f.start;
	ret->function_end = f.end;
	ret->signal = f.cie.signal;
	ret->ra = f.cie.ra;
	ret->section = s;
	return NO_ERR;
}
