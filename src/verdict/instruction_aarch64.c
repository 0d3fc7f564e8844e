/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aarch64 (Arm Architecture Reference Manual for A-profile, part C). Loads begin with "ld", stores
 * with "st"; atomic operations on memory and compare-and-swap do both. User space runs with Top
 * Byte Ignore: the uppermost byte of an address is none of it.
 */
#include "decoding.h"

#include <string.h>

static const char *const numbered[] = { "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9",
	"x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22",
	"x23", "x24", "x25", "x26", "x27", "x28" };

/* The register of the core behind Capstone's number; NULL: the zero register, or none. */
static const char *name_of(unsigned id)
{
	if (id >= ARM64_REG_X0 && id <= ARM64_REG_X28)
		return numbered[id - ARM64_REG_X0];
	if (id >= ARM64_REG_W0 && id <= ARM64_REG_W28)
		return numbered[id - ARM64_REG_W0];
	switch (id) {
	case ARM64_REG_X29:
	case ARM64_REG_W29:
		return "x29";
	case ARM64_REG_X30:
	case ARM64_REG_W30:
		return "x30";
	case ARM64_REG_SP:
	case ARM64_REG_WSP:
		return "sp";
	}
	return NULL;
}

static uint64_t value_of(struct decoding *d, unsigned id)
{
	const char *name = name_of(id);
	bool zero = id == ARM64_REG_XZR || id == ARM64_REG_WZR;
	if (!name) {
		d->untold |= !zero;
		return 0;
	}
	uint64_t v = decoding_reg(d, name);
	bool half = (id >= ARM64_REG_W0 && id <= ARM64_REG_W30) || id == ARM64_REG_WSP;
	return half ? (uint32_t)v : v;
}

static enum access access_of(const char *name)
{
	if (begins_in(name, "ldadd ldclr ldeor ldset ldsmax ldsmin ldumax ldumin cas swp"))
		return ACCESS_WRITE;
	return begins_in(name, "ld")   ? ACCESS_READ
	       : begins_in(name, "st") ? ACCESS_WRITE
				       : ACCESS_UNKNOWN;
}

/* Bytes of a register by its kind; 0: of none that is loaded or stored alone. */
static uint32_t width_of(unsigned id)
{
	if ((id >= ARM64_REG_W0 && id <= ARM64_REG_W30) || id == ARM64_REG_WZR)
		return 4;
	if ((id >= ARM64_REG_X0 && id <= ARM64_REG_X28) || id == ARM64_REG_X29 ||
		id == ARM64_REG_X30 || id == ARM64_REG_XZR)
		return 8;
	static const struct {
		unsigned first, bytes;
	} kinds[] = { { ARM64_REG_B0, 1 }, { ARM64_REG_H0, 2 }, { ARM64_REG_S0, 4 },
		{ ARM64_REG_D0, 8 }, { ARM64_REG_Q0, 16 } };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (id >= kinds[i].first && id < kinds[i].first + 32)
			return kinds[i].bytes;
	}
	return 0;
}

static uint32_t size_of(const struct decoding *d)
{
	const char *name = d->insn->mnemonic;
	const cs_arm64 *a = &d->insn->detail->arm64;
	size_t n = strlen(name);
	/* stxr's first register is told whether it has stored */
	unsigned first = begins_in(name, "stx stlx") ? 1 : 0;
	if (begins_in(name, "ld1 ld2 ld3 ld4 st1 st2 st3 st4") || a->op_count <= first ||
		a->operands[first].type != ARM64_OP_REG)
		return 0;
	bool pair = begins_in(name, "ldp stp ldnp stnp ldxp ldaxp stxp stlxp");
	if (begins_in(name, "ldpsw"))
		return 8;
	if (n > 2 && name[n - 1] == 'b')
		return 1;
	if (n > 2 && name[n - 1] == 'h')
		return 2;
	if (n > 2 && begins_in(name, "ldrsw ldursw ldtrsw"))
		return 4;
	return width_of(a->operands[first].reg) * (pair ? 2 : 1);
}

static uint64_t index_of(struct decoding *d, const cs_arm64_op *op)
{
	uint64_t v = value_of(d, op->mem.index);
	if (op->ext == ARM64_EXT_SXTW)
		v = (uint64_t)(int64_t)(int32_t)v;
	else if (op->ext == ARM64_EXT_UXTW)
		v = (uint32_t)v;
	return v << (op->shift.type == ARM64_SFT_LSL ? op->shift.value & 63 : 0);
}

static uint64_t untagged(uint64_t addr)
{
	enum { TAG_BITS = 8 };
	bool kernel = addr >> 55 & 1;
	return kernel ? addr : addr << TAG_BITS >> TAG_BITS;
}

static void add_operand(struct decoding *d, const cs_arm64_op *op)
{
	struct memory_operand m = { .access = access_of(d->insn->mnemonic), .size = size_of(d) };
	uint64_t base = value_of(d, op->mem.base);
	uint64_t index = op->mem.index ? index_of(d, op) : 0;
	m.address = untagged(base + index + (uint64_t)(int64_t)op->mem.disp);
	m.base = name_of(op->mem.base);
	m.base_value = base;
	m.pushes = m.access == ACCESS_WRITE && op->mem.base == ARM64_REG_SP;
	decoding_add(d, &m, NULL);
}

/* "ldr x0, label": Capstone has made an address of the distance. */
static void add_literal(struct decoding *d)
{
	const cs_arm64 *a = &d->insn->detail->arm64;
	if (!begins_in(d->insn->mnemonic, "ldr") || a->op_count != 2 ||
		a->operands[1].type != ARM64_OP_IMM)
		return;
	struct memory_operand m = { .access = ACCESS_READ, .size = size_of(d), .base = "pc" };
	m.address = (uint64_t)a->operands[1].imm;
	m.base_value = d->pc;
	decoding_add(d, &m, "");
}

static const char ordinary[] =
	"mov movz movk movn mvn add adds sub subs and ands bic orr orn eor eon neg negs cmp cmn "
	"tst "
	"lsl lsr asr ror mul madd msub mneg smull umull smulh umulh sdiv udiv adr adrp csel cset "
	"csetm csinc cinc csinv csneg ccmp ccmn ubfx sbfx ubfiz sbfiz bfi bfxil sxtb sxth sxtw "
	"uxtb "
	"uxth extr rev clz nop hint b bl br blr ret cbz cbnz tbz tbnz ldr ldrb ldrh ldrsb ldrsh "
	"ldrsw "
	"ldur ldurb ldurh ldursb ldursh ldursw ldp str strb strh stur sturb sturh stp";

void decode_aarch64(struct decoding *d)
{
	const cs_arm64 *a = &d->insn->detail->arm64;
	const char *name = d->insn->mnemonic;
	d->traps = word_in(name, "brk hlt udf");
	d->privileged = word_in(name, "hvc smc eret drps");
	/* where no instruction can stand, that is the fault */
	d->ordinary = d->pc % 4 == 0 && (word_in(name, ordinary) || begins_in(name, "b."));
	if (begins_in(name, "prf"))
		return;
	d->untold = word_in(name, "dc ic at");
	for (unsigned i = 0; i < a->op_count; i++) {
		if (a->operands[i].type == ARM64_OP_MEM)
			add_operand(d, &a->operands[i]);
	}
	add_literal(d);
}
