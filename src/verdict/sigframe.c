/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers of what a signal handler interrupted. x86-64: struct ucontext, which the return
 * address into the C library's trampoline is followed by {flags, link, stack[3], sigcontext}
 * (arch/x86/include/uapi/asm/ucontext.h, sigcontext.h), holds the registers in an order of its own,
 * then the number of the last trap of the thread, its error code, and the address of its last page
 * fault. These three are set by traps only: a signal that was sent leaves them as they were.
 */
#include "death.h"

#include <elf.h>

enum {
	CONTEXT_AT = 40, /* sigcontext in ucontext */
	CONTEXT_WORDS = 23,
	ERROR_WORD = 19,
	TRAP_WORD = 20,
	ADDRESS_WORD = 22,
	ORIG_RAX = 15,
};

/* The word of NT_PRSTATUS (struct user_regs_struct) that each of its first ones is. */
static const uint8_t raw_word[] = { 9, 8, 7, 6, 3, 2, 1, 0, 14, 13, 4, 5, 12, 10, 11, 19, 16, 18 };

bool sigframe_read(struct target *t, const struct os_thread *th, uint64_t context,
	uint8_t room[RAW_REGS_MAX], struct sigframe *ret)
{
	uint8_t words[CONTEXT_WORDS * 8];
	const struct core_arch *arch = core_arch_find(t->machine, t->mem->ptr_size);
	if (t->machine != EM_X86_64 || !arch || arch->regs_size > RAW_REGS_MAX || !th->regs.raw ||
		th->regs.raw_size < arch->regs_size ||
		failed(mem_read(t->mem, context + CONTEXT_AT, words, sizeof(words))))
		return false;
	memcpy(room, th->regs.raw, arch->regs_size);
	memset(room + 8 * ORIG_RAX, 0xff, 8); /* in no system call */
	for (size_t i = 0; i < ARRAY_LEN(raw_word); i++)
		memcpy(room + 8 * (size_t)raw_word[i], words + 8 * i, 8);
	*ret = (struct sigframe){
		.regs = core_regs_parse(arch, t->mem->order, room, arch->regs_size),
		.trap = bytes_uint(words + 8 * TRAP_WORD, 8, t->mem->order),
		.error = bytes_uint(words + 8 * ERROR_WORD, 8, t->mem->order),
		.address = bytes_uint(words + 8 * ADDRESS_WORD, 8, t->mem->order),
	};
	ret->regs.untold = th->regs.untold & ~(UINT64_C(1) << ORIG_RAX);
	ret->regs.has_tls = th->regs.has_tls;
	return true;
}
