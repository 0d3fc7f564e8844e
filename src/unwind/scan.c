/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of the words on a stack that follow a call instruction, many are left over from calls that are
 * long over. A call whose target is known cannot have led to where it does not lead: straight, or
 * through the stub and the table by which files call each other's functions.
 */
#include "internal.h"

enum { CALLED_MAX = 256 * 1024 /* from a function's start to the code in it */ };

/* Where the call before a return address led to; false: that is not known. */
static bool target_of(struct unwind *u, uint64_t raw, uint64_t *ret)
{
	const struct unwind_arch *a = u->arch;
	struct mem *mem = u->target->mem;
	uint8_t before[CALL_BYTES_MAX], code[PROLOGUE_BYTES];
	uint64_t addr = raw & a->code_mask, to, slot;
	bool in_memory;
	if (!a->call_to || failed(mem_read(mem, addr - a->call_bytes, before, a->call_bytes)) ||
		!a->call_to(before, addr, &to, &in_memory) ||
		(in_memory && failed(mem_ptr(mem, to, &to))))
		return false;
	if (!failed(mem_read(mem, to, code, sizeof(code))) && a->stub_to(code, to, &slot) &&
		failed(mem_ptr(mem, slot, &to)))
		return false;
	*ret = to;
	return true;
}

bool unwind_may_have_called(struct unwind *u, uint64_t raw, uint64_t pc)
{
	struct symbol called, here;
	uint64_t to;
	if (!unwind_is_code(u, pc) || !target_of(u, raw, &to))
		return true;
	struct module *m = unwind_module(u, pc);
	if (m != unwind_module(u, to) || to > pc || pc - to >= CALLED_MAX)
		return false;
	if (!m || !m->img->elf)
		return true;
	struct symbols *s = module_symbols(u, m);
	bool named = symbols_find(s, to - m->img->bias, &called);
	if (!named || called.start != to - m->img->bias)
		return true; /* of code that no symbol names, too, one may seem to be the name */
	return symbols_find(s, pc - m->img->bias, &here) && here.start == called.start;
}
