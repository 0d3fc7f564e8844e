/* SPDX-License-Identifier: Apache-2.0 */
/*
 * s390x (z/Architecture Principles of Operation). An address is displacement, base and index, where
 * register 0 stands for nothing. Of what accesses memory, these tables name what compilers make;
 * for anything else the access is not known. The processor tells of a fault only its page.
 */
#include "decoding.h"

static const char *const numbered[] = { "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9",
	"r10", "r11", "r12", "r13", "r14", "r15" };

static const struct row {
	uint32_t size; /* 0: as the operand says, or not known */
	enum access access;
	const char *names;
} rows[] = {
	{ 1, ACCESS_READ, "ic icy lb lbh lgb llc llch llgc cli cliy tm tmy" },
	{ 2, ACCESS_READ,
		"lh lhy lhh lgh llh llhh llgh ch chy cgh ah ahy sh shy mh mhy chhsi cghsi "
		"clhhsi" },
	{ 4, ACCESS_READ,
		"l ly lfh lgf llgf llgt lt lrv le ley lde c cy cl cly cgf clgf chf clhf chsi "
		"clfhsi a ay al aly agf algf s sy sl sly sgf slgf n ny o oy x xy m mfy ms msy msgf "
		"d "
		"dl dsgf ceb adb aeb seb meeb deb" },
	{ 8, ACCESS_READ,
		"lg ltg ltgf lrvg ld ldy cg clg cghsi clghsi ag alg sg slg ng og xg msg mlg dsg "
		"dlg "
		"cdb sdb mdb ddb" },
	{ 0, ACCESS_READ, "lm lmy lmg lmh clc" },
	{ 1, ACCESS_WRITE, "stc stcy stch mvi mviy ni niy oi oiy xi xiy" },
	{ 2, ACCESS_WRITE, "sth sthy sthh strvh mvhhi" },
	{ 4, ACCESS_WRITE, "st sty stfh strv ste stey mvhi asi alsi cs csy laa laal lan lao lax" },
	{ 8, ACCESS_WRITE,
		"stg strvg std stdy mvghi agsi algsi csg cds cdsy laag laalg lang laog laxg" },
	{ 16, ACCESS_WRITE, "cdsg" },
	{ 0, ACCESS_WRITE, "stm stmy stmg stmh" },
	/* the first operand is written, the second read */
	{ 0, ACCESS_WRITE, "mvc nc oc xc" },
};

static const struct row *row_of(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (word_in(name, rows[i].names))
			return &rows[i];
	}
	return NULL;
}

/* NULL: register 0, which adds nothing, or none. */
static const char *name_of(unsigned id)
{
	return id > SYSZ_REG_0 && id <= SYSZ_REG_15 ? numbered[id - SYSZ_REG_0] : NULL;
}

static uint64_t value_of(struct decoding *d, unsigned id)
{
	const char *name = name_of(id);
	return name ? decoding_reg(d, name) : 0;
}

static void add_operand(struct decoding *d, const cs_sysz_op *op, uint64_t length)
{
	const struct row *row = row_of(d->insn->mnemonic);
	struct memory_operand m = { .access = row ? row->access : ACCESS_UNKNOWN };
	m.size = row && row->size ? row->size : (uint32_t)length;
	if (d->n)
		m.access = row ? ACCESS_READ : ACCESS_UNKNOWN;
	m.address = value_of(d, op->mem.base) + value_of(d, op->mem.index) + (uint64_t)op->mem.disp;
	m.base = name_of(op->mem.base);
	m.base_value = value_of(d, op->mem.base);
	m.pushes = m.access == ACCESS_WRITE && op->mem.base == SYSZ_REG_15;
	decoding_add(d, &m, NULL);
}

/* An address without registers is a number to Capstone, the first one where there are two. */
static void add_absolute(struct decoding *d)
{
	const cs_sysz *s = &d->insn->detail->sysz;
	const struct row *row = row_of(d->insn->mnemonic);
	for (unsigned i = 0; row && i < s->op_count; i++) {
		if (s->operands[i].type != SYSZ_OP_IMM)
			continue;
		struct memory_operand m = { .access = row->access, .size = row->size };
		m.address = (uint64_t)s->operands[i].imm;
		decoding_add(d, &m, "");
		return;
	}
}

/* Not what computes with a sign: its overflow traps, if the program wants that. */
static const char ordinary[] =
	"lr lgr lgfr llgfr ltr ltgr lhi lghi la lay larl alr algr slr slgr nr ngr or ogr xr xgr cr "
	"cgr clr clgr chi cghi cfi cgfi clfi clgfi sllg srlg srag sll srl br brasl bras basr "
	"l ly lg lgf llgf llgc llgh lh lgh lb lgb st sty stg stc stcy sth sthy lmg stmg mvi mviy";

void decode_s390x(struct decoding *d)
{
	const cs_sysz *s = &d->insn->detail->sysz;
	const char *name = d->insn->mnemonic;
	d->ordinary = d->pc % 2 == 0 &&
		      (word_in(name, ordinary) ||
			      begins_in(name, "j cij cgij clij clgij crj cgrj clrj clgrj"));
	uint64_t length = 0; /* of both, where two are given */
	d->divides = word_in(name, "d dr dl dlr dlg dlgr dsg dsgr dsgf dsgfr");
	/* shifts by an amount that is written like an address */
	if (begins_in(name, "la sl sr rll pfd") && !row_of(name))
		return;
	for (unsigned i = 0; i < s->op_count; i++) {
		if (s->operands[i].type != SYSZ_OP_MEM)
			continue;
		if (!length && s->operands[i].mem.length <= 256)
			length = s->operands[i].mem.length;
		add_operand(d, &s->operands[i], length);
	}
	if (!d->n)
		add_absolute(d);
}
