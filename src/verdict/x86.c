/* SPDX-License-Identifier: Apache-2.0 */
#include "x86.h"

#include "pycore/attr.h"

#include <string.h>

/* clang-format off */
#define OLD(R, r, X, x) \
	{ X86_REG_##R, 8, r, r, NULL }, { X86_REG_E##X, 4, "e" x, r, "e" x }, { X86_REG_##X, 2, x, r, "e" x }
#define NEW(n) \
	{ X86_REG_R##n, 8, "r" #n, "r" #n, NULL }, { X86_REG_R##n##D, 4, "r" #n "d", "r" #n, NULL }, \
	{ X86_REG_R##n##W, 2, "r" #n "w", "r" #n, NULL }
static const struct x86_reg_row reg_rows[] = {
	OLD(RAX, "rax", AX, "ax"), OLD(RBX, "rbx", BX, "bx"), OLD(RCX, "rcx", CX, "cx"),
	OLD(RDX, "rdx", DX, "dx"), OLD(RSI, "rsi", SI, "si"), OLD(RDI, "rdi", DI, "di"),
	OLD(RBP, "rbp", BP, "bp"), OLD(RSP, "rsp", SP, "sp"), OLD(RIP, "rip", IP, "ip"),
	NEW(8), NEW(9), NEW(10), NEW(11), NEW(12), NEW(13), NEW(14), NEW(15),
};
/* clang-format on */

const struct x86_reg_row *x86_row_of(unsigned id)
{
	for (size_t i = 0; i < ARRAY_LEN(reg_rows); i++) {
		if (reg_rows[i].id == id)
			return &reg_rows[i];
	}
	return NULL;
}

bool x86_is_64(const struct decoding *d)
{
	return d->dis->kind == DIS_X86_64;
}

const char *x86_name(const struct decoding *d)
{
	const char *space = strrchr(d->insn->mnemonic, ' ');
	return space ? space + 1 : d->insn->mnemonic;
}

uint64_t x86_mask(unsigned bytes)
{
	return bytes >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * bytes) - 1;
}

uint64_t x86_value(struct decoding *d, unsigned id)
{
	const struct x86_reg_row *r = x86_row_of(id);
	const char *name = r ? x86_is_64(d) ? r->in64 : r->in32 : NULL;
	if (!name) {
		d->untold = true;
		return 0;
	}
	if (id == X86_REG_RIP || id == X86_REG_EIP)
		return (d->pc + d->insn->size) & x86_mask(r->bytes);
	return decoding_reg(d, name) & x86_mask(r->bytes);
}

uint64_t x86_segment_base(struct decoding *d, unsigned segment)
{
	if (segment == X86_REG_FS && x86_is_64(d))
		return decoding_reg(d, "fs_base");
	if (segment == X86_REG_GS && x86_is_64(d))
		return decoding_reg(d, "gs_base");
	if (segment == X86_REG_GS && d->regs->has_tls)
		return d->regs->tls;
	if (segment == X86_REG_GS || segment == X86_REG_FS)
		d->untold = true;
	return 0;
}

unsigned x86_wide_reg(const struct decoding *d, unsigned r, unsigned e, unsigned x)
{
	unsigned width = d->insn->detail->x86.addr_size;
	return width == 8 ? r : width == 4 ? e : x;
}

bool x86_is_stack_pointer(unsigned reg)
{
	return reg == X86_REG_RSP || reg == X86_REG_ESP || reg == X86_REG_SP;
}
