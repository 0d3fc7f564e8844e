/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that instructions of x86 go to without an operand that says so. */
#include "x86.h"

#include "pycore/attr.h"

#include <stdio.h>

static void add_at(struct decoding *d, unsigned reg, int64_t distance, uint32_t size,
	enum access access, const char *text)
{
	const struct x86_reg_row *r = x86_row_of(reg);
	struct memory_operand m = { .access = access, .size = size };
	m.base = r->name;
	m.base_value = x86_value(d, reg);
	m.address = (m.base_value + (uint64_t)distance) & x86_mask(x86_is_64(d) ? 8 : 4);
	m.pushes = access == ACCESS_WRITE && x86_is_stack_pointer(reg);
	decoding_add(d, &m, text);
}

/* Stores n words below the stack pointer. */
static void push(struct decoding *d, unsigned word, unsigned n)
{
	char text[32];
	unsigned sp = x86_is_64(d) ? X86_REG_RSP : X86_REG_ESP, size = word * n;
	snprintf(text, sizeof(text), "[%s - %u]", x86_is_64(d) ? "rsp" : "esp", size);
	add_at(d, sp, -(int64_t)size, size, ACCESS_WRITE, text);
}

static void pop(struct decoding *d, uint32_t size)
{
	add_at(d, x86_is_64(d) ? X86_REG_RSP : X86_REG_ESP, 0, size, ACCESS_READ,
		x86_is_64(d) ? "[rsp]" : "[esp]");
}

static bool is_segment(unsigned reg)
{
	static const unsigned ids[] = { X86_REG_CS, X86_REG_DS, X86_REG_ES, X86_REG_FS, X86_REG_GS,
		X86_REG_SS };
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		if (ids[i] == reg)
			return true;
	}
	return false;
}

/* Bytes of what push and pop move. */
static unsigned word_of(const struct decoding *d)
{
	const cs_x86 *x = &d->insn->detail->x86;
	const cs_x86_op *op = &x->operands[0];
	if (x->op_count == 1 && op->size == 2 &&
		(op->type == X86_OP_MEM || (op->type == X86_OP_REG && !is_segment(op->reg))))
		return 2;
	return x->prefix[2] == X86_PREFIX_OPSIZE && !(x->rex & 8) ? 2 : x86_is_64(d) ? 8 : 4;
}

/* What goes to the stack, beside operands in memory. */
static void add_stack(struct decoding *d)
{
	unsigned word = x86_is_64(d) ? 8 : 4;
	switch (d->insn->id) {
	case X86_INS_PUSH:
	case X86_INS_PUSHF:
	case X86_INS_PUSHFD:
	case X86_INS_PUSHFQ:
		push(d, word_of(d), 1);
		break;
	case X86_INS_PUSHAW:
		push(d, 2, 8);
		break;
	case X86_INS_PUSHAL:
		push(d, 4, 8);
		break;
	case X86_INS_CALL:
	case X86_INS_ENTER:
		push(d, word, 1);
		break;
	case X86_INS_POP:
	case X86_INS_POPF:
	case X86_INS_POPFD:
	case X86_INS_POPFQ:
		pop(d, word_of(d));
		break;
	case X86_INS_POPAW:
		pop(d, 16);
		break;
	case X86_INS_POPAL:
		pop(d, 32);
		break;
	case X86_INS_RET:
		pop(d, word);
		break;
	case X86_INS_LEAVE:
		add_at(d, x86_is_64(d) ? X86_REG_RBP : X86_REG_EBP, 0, word, ACCESS_READ,
			x86_is_64(d) ? "[rbp]" : "[ebp]");
		break;
	case X86_INS_LCALL:
	case X86_INS_RETF:
	case X86_INS_RETFQ:
	case X86_INS_IRET:
	case X86_INS_IRETD:
	case X86_INS_IRETQ:
		d->untold = true;
		break;
	}
}

/* Memory that no operand names; a prefix can put it into another segment. */
static void add_others(struct decoding *d)
{
	const cs_x86 *x = &d->insn->detail->x86;
	unsigned di = x86_wide_reg(d, X86_REG_RDI, X86_REG_EDI, X86_REG_DI);
	unsigned bx = x86_wide_reg(d, X86_REG_RBX, X86_REG_EBX, X86_REG_BX);
	char text[32];
	switch (d->insn->id) {
	case X86_INS_MASKMOVDQU:
	case X86_INS_VMASKMOVDQU:
	case X86_INS_MASKMOVQ:
		snprintf(text, sizeof(text), "[%s]", x86_row_of(di)->name);
		add_at(d, di, 0, d->insn->id == X86_INS_MASKMOVQ ? 8 : 16, ACCESS_WRITE, text);
		break;
	case X86_INS_XLATB:
		snprintf(text, sizeof(text), "[%s + al]", x86_row_of(bx)->name);
		add_at(d, bx, (int64_t)(x86_value(d, X86_REG_AX) & 0xff), 1, ACCESS_READ, text);
		break;
	case X86_INS_MONITOR:
		d->untold = true;
		return;
	default:
		return;
	}
	d->untold |= x->prefix[1] == X86_PREFIX_FS || x->prefix[1] == X86_PREFIX_GS;
}

/* A jump to an address that no code can have faults before it is made, without an address. */
static void add_target(struct decoding *d)
{
	const cs_x86_op *op = &d->insn->detail->x86.operands[0];
	struct memory_operand m = { .access = ACCESS_EXECUTE };
	unsigned id = d->insn->id;
	if (!x86_is_64(d) || (id != X86_INS_CALL && id != X86_INS_JMP && id != X86_INS_RET) ||
		(id != X86_INS_RET && op->type == X86_OP_IMM))
		return;
	if (id != X86_INS_RET && op->type == X86_OP_REG) {
		m.base = x86_row_of(op->reg) ? x86_row_of(op->reg)->name : NULL;
		m.address = m.base_value = x86_value(d, op->reg);
	} else if (!d->mem || !d->n ||
		   failed(mem_uint(d->mem, d->list[0].address, 8, &m.address))) {
		return;
	}
	if (!is_canonical(m.address))
		decoding_add(d, &m, m.base ? m.base : d->list[0].text);
}

void x86_add_implied(struct decoding *d)
{
	add_stack(d);
	add_others(d);
	add_target(d);
}
