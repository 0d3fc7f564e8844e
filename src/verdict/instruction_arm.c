/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arm, in its two encodings (ARM Architecture Reference Manual, ARMv7-A). What loads and stores
 * several registers names the lowest address by "ia", "ib" (above it), "da" and "db" (below it).
 * The program counter reads as two instructions further on.
 */
#include "decoding.h"

static const char *const numbered[] = { "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9",
	"r10", "r11", "r12" };

static const char *name_of(unsigned id)
{
	if (id >= ARM_REG_R0 && id <= ARM_REG_R12)
		return numbered[id - ARM_REG_R0];
	switch (id) {
	case ARM_REG_SP:
		return "sp";
	case ARM_REG_LR:
		return "lr";
	case ARM_REG_PC:
		return "pc";
	}
	return NULL;
}

static uint32_t value_of(struct decoding *d, unsigned id)
{
	const char *name = name_of(id);
	if (id == ARM_REG_PC)
		return d->dis->kind == DIS_THUMB ? ((uint32_t)d->pc + 4) & ~3u
						 : (uint32_t)d->pc + 8;
	if (!name) {
		d->untold = true;
		return 0;
	}
	return (uint32_t)decoding_reg(d, name);
}

static enum access access_of(const char *name)
{
	if (begins_in(name, "ld vld pop vpop tbb tbh"))
		return ACCESS_READ;
	return begins_in(name, "st vst push vpush swp") ? ACCESS_WRITE : ACCESS_UNKNOWN;
}

static uint32_t size_of(const char *name)
{
	if (begins_in(name, "ldrb ldrsb ldrexb strb strexb tbb swpb ldrbt ldrsbt strbt"))
		return 1;
	if (begins_in(name, "ldrh ldrsh ldrexh strh strexh tbh"))
		return 2;
	if (begins_in(name, "ldrd strd ldrexd strexd"))
		return 8;
	return begins_in(name, "ldr str swp") ? 4 : 0;
}

static uint32_t index_of(struct decoding *d, const cs_arm_op *op)
{
	uint32_t v = value_of(d, op->mem.index), by = op->shift.value & 31;
	switch (op->shift.type) {
	case ARM_SFT_INVALID:
		break;
	case ARM_SFT_LSL:
		v <<= by;
		break;
	case ARM_SFT_LSR:
		v = by ? v >> by : 0;
		break;
	case ARM_SFT_ASR:
		v = (uint32_t)((int32_t)v >> (by ? by : 31));
		break;
	case ARM_SFT_ROR:
		v = by ? v >> by | v << (32 - by) : v;
		break;
	default:
		d->untold = true;
	}
	return op->subtracted || op->mem.scale < 0 ? -v : v;
}

static void add_operand(struct decoding *d, const cs_arm_op *op)
{
	const char *name = d->insn->mnemonic;
	struct memory_operand m = { .access = access_of(name), .size = size_of(name) };
	uint32_t base = value_of(d, op->mem.base);
	uint32_t index = op->mem.index ? index_of(d, op) : 0;
	m.address = (uint32_t)(base + index + (uint32_t)op->mem.disp);
	m.base = name_of(op->mem.base);
	m.base_value = base;
	m.pushes = m.access == ACCESS_WRITE && op->mem.base == ARM_REG_SP;
	decoding_add(d, &m, NULL);
}

static const struct several {
	unsigned id;
	bool store, on_stack; /* on_stack: no operand names the base, which is sp */
	enum { IA, IB, DA, DB } where;
} rows[] = {
	{ ARM_INS_LDM, false, false, IA },
	{ ARM_INS_LDMIB, false, false, IB },
	{ ARM_INS_LDMDA, false, false, DA },
	{ ARM_INS_LDMDB, false, false, DB },
	{ ARM_INS_STM, true, false, IA },
	{ ARM_INS_STMIB, true, false, IB },
	{ ARM_INS_STMDA, true, false, DA },
	{ ARM_INS_STMDB, true, false, DB },
	{ ARM_INS_VLDMIA, false, false, IA },
	{ ARM_INS_VLDMDB, false, false, DB },
	{ ARM_INS_VSTMIA, true, false, IA },
	{ ARM_INS_VSTMDB, true, false, DB },
	{ ARM_INS_PUSH, true, true, DB },
	{ ARM_INS_POP, false, true, IA },
	{ ARM_INS_VPUSH, true, true, DB },
	{ ARM_INS_VPOP, false, true, IA },
};

static uint32_t width_of(unsigned reg)
{
	return reg >= ARM_REG_D0 && reg <= ARM_REG_D31 ? 8 : 4;
}

static void add_several(struct decoding *d, const struct several *row)
{
	const cs_arm *a = &d->insn->detail->arm;
	unsigned first = row->on_stack ? 0 : 1;
	unsigned base = row->on_stack ? ARM_REG_SP : (unsigned)a->operands[0].reg;
	struct memory_operand m = { .access = row->store ? ACCESS_WRITE : ACCESS_READ };
	for (unsigned i = first; i < a->op_count; i++) {
		d->untold |= a->operands[i].type != ARM_OP_REG;
		m.size += width_of((unsigned)a->operands[i].reg);
	}
	uint32_t at = value_of(d, base);
	m.base = name_of(base);
	m.base_value = at;
	at -= row->where == DB ? m.size : row->where == DA ? m.size - 4 : 0;
	m.address = at + (row->where == IB ? 4 : 0);
	m.pushes = row->store && base == ARM_REG_SP;
	decoding_add(d, &m, "");
}

/* Their names may go on with a condition. */
static const char ordinary[] =
	"mov mvn add adc sub sbc rsb rsc and orr eor bic cmp cmn tst teq lsl lsr "
	"asr ror mul bl bx beq bne bcs bhs bcc blo bmi bpl bvs bvc bhi bls bge "
	"blt bgt ble cbz cbnz it nop ldr str ldm stm push pop";

void decode_arm(struct decoding *d)
{
	const cs_arm *a = &d->insn->detail->arm;
	const char *name = d->insn->mnemonic;
	d->traps = begins_in(name, "udf bkpt hlt trap");
	d->ordinary = !d->traps && (begins_in(name, ordinary) || word_in(name, "b"));
	if (begins_in(name, "pld pli"))
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].id == d->insn->id && a->op_count) {
			add_several(d, &rows[i]);
			return;
		}
	}
	for (unsigned i = 0; i < a->op_count; i++) {
		if (a->operands[i].type == ARM_OP_MEM)
			add_operand(d, &a->operands[i]);
	}
	/* what goes to memory, and has no operand that says where */
	d->untold |= !d->n && access_of(name) != ACCESS_UNKNOWN;
}
