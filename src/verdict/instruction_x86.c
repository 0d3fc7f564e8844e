/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x86, 64 and 32 bit (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2). An
 * operand in memory that stands first is written, but for the instructions in `only_read`; others
 * are read. What an instruction does with the stack has no operand.
 */
#include "x86.h"

#include "pycore/attr.h"

#include <string.h>

/* An operand that stands first, or alone, and is not written. */
static const char only_read[] =
	"cmp test bt push pushw call jmp lcall ljmp mul imul div idiv "
	"fadd fsub fsubr fmul fdiv fdivr fcom fcomp fld fild fbld fldcw fldenv frstor "
	"fiadd fisub fisubr fimul fidiv fidivr ficom ficomp "
	"ldmxcsr vldmxcsr fxrstor fxrstor64 xrstor xrstor64 xrstors xrstors64 "
	"lgdt lidt lldt ltr lmsw verr verw clflush clflushopt clwb "
	"cmpsb cmpsw cmpsd cmpsq outsb outsw outsd vmptrld vmclear vmxon";
/* The same, and written. */
static const char written_alone[] =
	"inc dec neg not pop popw fst fstp fist fistp fisttp fbstp fnstcw fnstsw fnstenv fnsave "
	"stmxcsr vstmxcsr fxsave fxsave64 xsave xsave64 xsaveopt xsaveopt64 xsavec xsavec64 xsaves "
	"xsaves64 sgdt sidt sldt str smsw cmpxchg8b cmpxchg16b "
	"rol ror rcl rcr shl shr sal sar insb insw insd stosb stosw stosd stosq "
	"sete setne seta setae setb setbe setg setge setl setle seto setno setp setnp sets setns";
/* These name memory and never go there, or never fault. */
static const char no_access[] =
	"lea nop prefetch prefetchw prefetchnta prefetcht0 prefetcht1 prefetcht2 prefetchwt1 "
	"cldemote bndcl bndcu bndcn bndmk invlpg";
/* Their memory is where the operand says, but not only, or not all of it. */
static const char elsewhere[] = "bndldx bndstx movdir64b enqcmd enqcmds invept invvpid invpcid";
static const char privileged[] =
	"in out insb insw insd outsb outsw outsd cli sti hlt lgdt lidt lldt ltr lmsw clts invd "
	"wbinvd rdmsr wrmsr rdpmc invlpg iret iretd iretq sysexit sysret swapgs vmcall vmlaunch "
	"vmresume vmxoff vmxon vmptrld vmclear "
	"invept invvpid invpcid xsetbv xsaves xsaves64 xrstors xrstors64 encls enclu xend";

/* What moves or computes whole numbers, and has been there from the first processor on. Not with
 * the registers of segments, which may be loaded with what is no segment. */
static const char ordinary[] =
	"mov movabs movzx movsx movsxd lea nop add adc sub sbb and or xor not neg inc dec cmp test "
	"imul mul shl sal shr sar rol ror xchg cdq cdqe cqo cwde jmp call ret push pop leave "
	"endbr32 endbr64";

static bool is_ordinary(const struct decoding *d, const char *name)
{
	const cs_x86 *x = &d->insn->detail->x86;
	for (unsigned i = 0; i < x->op_count; i++) {
		if (x->operands[i].type == X86_OP_REG && !x86_row_of(x->operands[i].reg) &&
			x->operands[i].size > 1)
			return false;
	}
	return word_in(name, ordinary) || begins_in(name, "set cmov") ||
	       (name[0] == 'j' && !begins_in(name, "jmp"));
}

static bool has_vex(const struct decoding *d)
{
	return x86_name(d)[0] == 'v' && !begins_in(x86_name(d), "ver vmc vmp vmx");
}

static bool is_vector(unsigned reg)
{
	return reg >= X86_REG_XMM0 && reg <= X86_REG_ZMM31;
}

/* What SSE without VEX demands of 16 bytes, but for the instructions that say otherwise; with VEX
 * and EVEX only what says "aligned" does. */
static uint32_t alignment_of(const struct decoding *d, const cs_x86_op *op)
{
	const char *name = x86_name(d);
	const cs_x86 *x = &d->insn->detail->x86;
	bool vector = begins_in(name, "cvtpd2pi cvttpd2pi");
	for (unsigned i = 0; i < x->op_count; i++)
		vector |= x->operands[i].type == X86_OP_REG && is_vector(x->operands[i].reg);
	if (word_in(name, "cmpxchg16b fxsave fxsave64 fxrstor fxrstor64"))
		return 16;
	if (begins_in(name, "xsave xrstor"))
		return 64;
	if (!vector || op->size < 16)
		return 0;
	if (has_vex(d))
		return begins_in(name, "vmovap vmovdqa vmovnt") ? op->size : 0;
	return begins_in(name, "movup movdqu lddqu pcmpestr pcmpistr") ? 0 : 16;
}

/* Capstone has no sizes of those that store the state of a unit. */
static uint32_t size_of(const struct decoding *d, const cs_x86_op *op)
{
	const char *name = x86_name(d);
	if (begins_in(name, "fxsave fxrstor"))
		return 512;
	if (begins_in(name, "xsave xrstor fnstenv fldenv fnsave frstor"))
		return 0;
	if (begins_in(name, "sgdt sidt lgdt lidt"))
		return x86_is_64(d) ? 10 : 6;
	return op->size;
}

static enum access access_of(const struct decoding *d, unsigned i)
{
	const char *name = x86_name(d);
	if (i > 0 || word_in(name, only_read))
		return ACCESS_READ;
	return d->insn->detail->x86.op_count > 1 || word_in(name, written_alone) ? ACCESS_WRITE
										 : ACCESS_UNKNOWN;
}

/* The bit that bt, bts, btr and btc mean may be far from their operand: a register tells how far.
 */
static int64_t bit_distance(struct decoding *d, const cs_x86_op *op)
{
	const cs_x86 *x = &d->insn->detail->x86;
	if (!word_in(x86_name(d), "bt bts btr btc") || x->operands[1].type != X86_OP_REG)
		return 0;
	unsigned spare = 64 - 8u * op->size;
	int64_t bit = (int64_t)(x86_value(d, x->operands[1].reg) << spare) >> spare;
	return (bit >> (op->size == 2 ? 4 : op->size == 4 ? 5 : 6)) * op->size;
}

/* How many times a string instruction goes on; 1: it is none that is repeated. */
static uint64_t repeats(struct decoding *d)
{
	const cs_x86 *x = &d->insn->detail->x86;
	if (x->prefix[0] != X86_PREFIX_REP && x->prefix[0] != X86_PREFIX_REPNE)
		return 1;
	return x86_value(d, x86_wide_reg(d, X86_REG_RCX, X86_REG_ECX, X86_REG_CX));
}

static bool is_string(const struct decoding *d)
{
	static const unsigned ids[] = { X86_INS_MOVSB, X86_INS_MOVSW, X86_INS_MOVSQ, X86_INS_CMPSB,
		X86_INS_CMPSW, X86_INS_CMPSQ, X86_INS_SCASB, X86_INS_SCASW, X86_INS_SCASD,
		X86_INS_SCASQ, X86_INS_LODSB, X86_INS_LODSW, X86_INS_LODSD, X86_INS_LODSQ,
		X86_INS_STOSB, X86_INS_STOSW, X86_INS_STOSD, X86_INS_STOSQ, X86_INS_INSB,
		X86_INS_INSW, X86_INS_INSD, X86_INS_OUTSB, X86_INS_OUTSW, X86_INS_OUTSD };
	unsigned id = d->insn->id;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		if (ids[i] == id)
			return true;
	}
	/* SSE has instructions of the same names */
	const cs_x86 *x = &d->insn->detail->x86;
	return (id == X86_INS_MOVSD || id == X86_INS_CMPSD) && x->opcode[0] >= 0xa4 &&
	       x->opcode[0] <= 0xa7;
}

/* The memory that is left of a repeated one, if it is known to go upwards. */
static void stretch(struct decoding *d, struct memory_operand *m)
{
	enum { DIRECTION = 1 << 10 };
	uint64_t times = repeats(d), flags;
	if (times > 1 && core_regs_get(d->arch, d->order, d->regs, "eflags", &flags) &&
		!(flags & DIRECTION))
		m->size = times < UINT32_MAX / m->size ? (uint32_t)times * m->size : UINT32_MAX;
}

/* base + index * scale + displacement, as wide as addresses are; then the segment's base. */
static void set_address(struct decoding *d, const cs_x86_op *op, struct memory_operand *m)
{
	const x86_op_mem *mem = &op->mem;
	const struct x86_reg_row *base = x86_row_of(mem->base ? mem->base : mem->index);
	uint64_t sum = (uint64_t)mem->disp;
	unsigned width = d->insn->detail->x86.addr_size;
	if (mem->base)
		sum += x86_value(d, mem->base);
	if (mem->index && mem->index != X86_REG_RIZ && mem->index != X86_REG_EIZ)
		sum += x86_value(d, mem->index) * (uint64_t)mem->scale;
	/* pop finds its operand after it has taken the value off */
	if (d->insn->id == X86_INS_POP && x86_is_stack_pointer(mem->base))
		sum += op->size;
	sum += (uint64_t)bit_distance(d, op);
	m->address = ((sum & x86_mask(width)) + x86_segment_base(d, mem->segment)) &
		     x86_mask(x86_is_64(d) ? 8 : 4);
	if (base) {
		m->base = base->name;
		m->base_value = x86_value(d, base->id);
	} else if (mem->segment == X86_REG_FS || mem->segment == X86_REG_GS) {
		m->base = mem->segment == X86_REG_FS ? "fs_base" : "gs_base";
		m->base_value = x86_segment_base(d, mem->segment);
	}
}

static void add_operand(struct decoding *d, unsigned i)
{
	const cs_x86_op *op = &d->insn->detail->x86.operands[i];
	struct memory_operand m = {
		.access = access_of(d, i),
		.size = size_of(d, op),
		.alignment = alignment_of(d, op),
	};
	if (is_vector(op->mem.index)) { /* as many addresses as it has elements */
		d->untold = true;
		return;
	}
	set_address(d, op, &m);
	if (is_string(d))
		stretch(d, &m);
	m.pushes = m.access == ACCESS_WRITE && x86_is_stack_pointer(op->mem.base);
	decoding_add(d, &m, NULL);
}

static void decode_kind(struct decoding *d, const char *name)
{
	const cs_x86 *x = &d->insn->detail->x86;
	bool control = d->insn->id == X86_INS_MOV && x->op_count == 2;
	for (unsigned i = 0; control && i < 2; i++)
		d->privileged |= x->operands[i].type == X86_OP_REG &&
				 x->operands[i].reg >= X86_REG_CR0 &&
				 x->operands[i].reg <= X86_REG_DR15;
	d->privileged |= word_in(name, privileged);
	d->traps = word_in(name, "ud2 ud2b ud0 ud1 int3 int1 int into hlt icebp");
	d->divides = word_in(name, "div idiv aam");
	d->ordinary = !d->privileged && is_ordinary(d, name);
}

void decode_x86(struct decoding *d)
{
	const cs_x86 *x = &d->insn->detail->x86;
	const char *name = x86_name(d);
	decode_kind(d, name);
	if (word_in(name, no_access))
		return;
	d->untold = word_in(name, elsewhere);
	if (is_string(d) && !repeats(d))
		return;
	for (unsigned i = 0; i < x->op_count; i++) {
		if (x->operands[i].type == X86_OP_MEM)
			add_operand(d, i);
	}
	x86_add_implied(d);
}
