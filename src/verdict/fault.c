/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGSEGV. The kernel names the address where it comes from a page fault. x86-64 has another kind
 * of fault, without an address (SI_KERNEL): an address that is not canonical, a vector instruction
 * whose operand is not aligned, an instruction that a process may not use. The instruction tells
 * which.
 */
#include "death.h"

#include <elf.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

enum {
	FETCH_MAX = 15, /* bytes of the longest instruction */
	CLOSE_MAX = 65536, /* bytes within which the end of a mapping is worth a word */
	PAGE = 4096,
	SMALL_MAX = 1 << 24, /* numbers whose negatives are shown as such */
};

const char *attempt_text(const struct death *d)
{
	switch (d->access) {
	case ACCESS_READ:
		return "read from ";
	case ACCESS_WRITE:
		return "write to ";
	case ACCESS_EXECUTE:
		return "jump to ";
	case ACCESS_UNKNOWN:
		break;
	}
	return "access to ";
}

/* Bytes that are text make a pointer that was overwritten by it, or was read out of it. */
static void put_text_in(struct death *d, uint64_t value)
{
	char text[9] = { 0 };
	for (size_t i = 0; i < 8; i++) {
		text[i] = (char)(value >> 8 * i);
		if (text[i] < ' ' || text[i] > '~')
			return;
	}
	if (!d->q->redact && d->t->mem->order == ORDER_LITTLE)
		put_detail(d, "as text it is \"%s\"", text);
}

/* What Python's debugging allocator fills memory with (Objects/obmalloc.c; until 3.7 the first of
 * each pair). */
static void put_fill(struct death *d, uint64_t value)
{
	static const struct {
		uint8_t byte;
		const char *text;
	} fills[] = {
		{ 0xdb, "memory that was freed" },
		{ 0xdd, "memory that was freed" },
		{ 0xcb, "memory that was never set" },
		{ 0xcd, "memory that was never set" },
		{ 0xfb, "the edge of a block of memory" },
		{ 0xfd, "the edge of a block of memory" },
	};
	for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
		if (value >> 16 == UINT64_C(0x010101010101) * fills[i].byte)
			put_detail(d,
				"likely the pointer is from %s: Python's debugging allocator fills "
				"it with 0x%02x",
				fills[i].text, fills[i].byte);
	}
}

static void put_register(struct str *to, const char *name, uint64_t value)
{
	str_addf(to, " %s = 0x%" PRIx64, name, value);
	if (-value <= SMALL_MAX && value)
		str_addf(to, " (-%" PRIu64 ")", -value);
}

/* The other register that the address is made of, as the operand's text names it. */
static void put_index(struct death *d)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	const struct instruction *in = &d->in;
	char name[8];
	for (const char *at = strchr(in->operand, '['); at && *at;) {
		uint64_t value;
		unsigned bytes;
		size_t n = strspn(at, letters);
		snprintf(name, sizeof(name), "%.*s", (int)n, at);
		if (n && n < sizeof(name) && strcmp(name, in->base) != 0 &&
			death_register(d, name, &value, &bytes)) {
			str_puts(&d->detail, ",");
			put_register(&d->detail, name, value);
		}
		at += n ? n : 1;
	}
}

/* "read of 8 bytes at 0x8: [rdi + 8] with rdi = 0x0" */
void put_operand(struct death *d)
{
	static const char *const what[] = { [ACCESS_UNKNOWN] = "access",
		[ACCESS_READ] = "read",
		[ACCESS_WRITE] = "write",
		[ACCESS_EXECUTE] = "fetch of code" };
	const struct instruction *in = &d->in;
	if (failed(d->in_why) || !in->text[0])
		return;
	str_puts(&d->detail, in->text);
	if (!in->has_operand)
		return;
	str_addf(&d->detail, ": %s", what[in->access]);
	if (in->size)
		str_addf(&d->detail, " %s %u byte%s", in->access == ACCESS_UNKNOWN ? "to" : "of",
			in->size, in->size == 1 ? "" : "s");
	str_addf(&d->detail, " at 0x%" PRIx64, in->address);
	if (in->operand[0])
		str_addf(&d->detail, ", %s", in->operand);
	if (!in->base)
		return;
	str_puts(&d->detail, " with");
	put_register(&d->detail, in->base, in->base_value);
	put_index(d);
}

/* Where the nearest mapping ends, if an overrun of it may have led here. */
static void put_neighbour(struct death *d, uint64_t addr)
{
	struct mem_range r, before = { 0 };
	uint64_t from = addr > CLOSE_MAX ? addr - CLOSE_MAX : 0;
	while (mem_next_range(d->t->mem, from, &r) && r.start <= addr && r.end <= addr) {
		before = r;
		from = r.end;
	}
	AUTO_STR(place);
	if (before.end && addr - before.end < CLOSE_MAX && put_mapping(d, before.end - 1, &place))
		put_detail(d, "%s ends 0x%" PRIx64 " bytes below", str_text(&place),
			addr - before.end);
}

enum way { BY_CALL, BY_RETURN, BY_JUMP, BY_CALL_OR_RETURN };

/* Whether the call in front of the return address is one of a register, or direct, that leads to
 * pc: nothing has changed the registers since. */
static bool is_call_of(struct death *d, uint64_t back, uint64_t pc)
{
	static const char *const names[] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };
	uint8_t b[5];
	uint64_t to;
	unsigned bytes;
	if (d->t->machine != EM_X86_64 || failed(mem_read(d->t->mem, back - 5, b, sizeof(b))))
		return false;
	if (b[3] == 0xff && (b[4] & 0xf8) == 0xd0)
		return death_register(d, names[(b[4] & 7) + (b[2] == 0x41 ? 8 : 0)], &to, &bytes) &&
		       to == pc;
	return b[0] == 0xe8 && back + (uint64_t)bytes_int(b + 1, 4, d->t->mem->order) == pc;
}

/* How control came to pc. On x86 a call leaves its return address on top of the stack, and a return
 * has just taken pc from there. Both can be so: what a return has left on top may be the return
 * address of the call before. */
static enum way way_to(struct death *d, uint64_t pc)
{
	uint64_t top, popped, sp = d->there.regs.sp;
	size_t caller = d->first + 1;
	if (d->t->machine != EM_X86_64 && d->t->machine != EM_386)
		return BY_JUMP;
	bool returned =
		!failed(mem_ptr(d->t->mem, sp - d->t->mem->ptr_size, &popped)) && popped == pc;
	bool called = caller < d->stack->n && !failed(mem_ptr(d->t->mem, sp, &top)) &&
		      top == d->stack->frames[caller].pc;
	if (called)
		return returned && !is_call_of(d, top, pc) ? BY_CALL_OR_RETURN : BY_CALL;
	return returned ? BY_RETURN : BY_JUMP;
}

static void put_target(struct death *d, uint64_t pc)
{
	AUTO_STR(place);
	if (pc)
		str_addf(&d->what, "address 0x%" PRIx64, pc);
	else
		str_puts(&d->what, "a null pointer");
	if (put_mapping(d, pc, &place))
		str_addf(&d->what, ", which is no code but %s", str_text(&place));
	else if (pc)
		str_puts(&d->what, ", where nothing is mapped");
}

static void judge_running_on(struct death *d, uint64_t addr)
{
	d->v->cause = CAUSE_BAD_JUMP;
	d->access = ACCESS_EXECUTE;
	str_addf(&d->what, "execution that ran on beyond the end of code at address 0x%" PRIx64,
		addr);
	if (addr != d->there.regs.pc)
		put_in_frame(&d->what, d);
}

static void judge_jump(struct death *d)
{
	static const char *const begin[] = { [BY_CALL] = "call of ",
		[BY_RETURN] = "return to ",
		[BY_JUMP] = "jump to ",
		[BY_CALL_OR_RETURN] = "call of, or return to, " };
	uint64_t pc = d->there.regs.pc;
	struct mem_range before;
	if (mem_range_at(d->t->mem, pc - 1, &before) && before.end == pc &&
		before.perm & MEM_EXEC) {
		judge_running_on(d, pc);
		return;
	}
	enum way way = way_to(d, pc);
	d->v->cause = CAUSE_BAD_JUMP;
	d->access = ACCESS_EXECUTE;
	str_puts(&d->what, begin[way]);
	put_target(d, pc);
	if (way == BY_CALL) {
		str_puts(&d->what, strchr(str_text(&d->what), ',') ? ", by " : " by ");
		put_function(&d->what, &d->stack->frames[d->first + 1]);
	} else if (way == BY_RETURN) {
		put_detail(d, "likely the return address on the stack was overwritten");
	}
	put_text_in(d, pc);
}

/* The instruction begins where code is, and goes on where none is. */
static bool runs_on(const struct death *d, uint64_t addr)
{
	return addr % PAGE == 0 && addr > d->there.regs.pc && addr - d->there.regs.pc < FETCH_MAX &&
	       (failed(d->in_why) || d->in.access == ACCESS_EXECUTE);
}

/* The pointer itself, if it is known, has the last word: MAP_FAILED is none that is null, and
 * neither is a stack pointer that was lost. A displacement beyond the first pages counts as well
 * then, and so does an index, which is what is multiplied. */
static bool is_null_pointer(const struct death *d, uint64_t addr)
{
	const struct instruction *in = &d->in;
	if (failed(d->in_why) || !in->has_operand || !in->base)
		return is_null(addr);
	if (in->pushes || (int64_t)in->base_value < 0 || !is_null(in->base_value))
		return false;
	return is_null(addr) ||
	       (!in->base_value && (addr <= INT32_MAX || strchr(in->operand, '*')));
}

static void judge_not_mapped(struct death *d, uint64_t addr)
{
	str_puts(&d->what, attempt_text(d));
	if (is_null_pointer(d, addr)) {
		d->v->cause = CAUSE_NULL_DEREFERENCE;
		put_null(&d->what, addr);
	} else {
		d->v->cause = CAUSE_NOT_MAPPED;
		str_addf(&d->what, "address 0x%" PRIx64 ", where nothing is mapped", addr);
		put_neighbour(d, addr);
		put_text_in(d, addr);
		put_fill(d, addr);
	}
	put_in_frame(&d->what, d);
}

static void judge_no_permission(struct death *d, uint64_t addr)
{
	AUTO_STR(place);
	d->v->cause = CAUSE_NO_PERMISSION;
	str_addf(&d->what, "%saddress 0x%" PRIx64, attempt_text(d), addr);
	if (put_mapping(d, addr, &place))
		str_addf(&d->what, " in %s", str_text(&place));
	else
		str_puts(&d->what, ", which is protected");
	put_in_frame(&d->what, d);
}

static void judge_not_canonical(struct death *d, uint64_t addr)
{
	d->v->cause = CAUSE_NOT_CANONICAL;
	str_addf(&d->what, "%s0x%" PRIx64 ", which is no address", attempt_text(d), addr);
	put_text_in(d, addr);
	put_fill(d, addr);
	put_in_frame(&d->what, d);
}

static void judge_jump_nowhere(struct death *d, uint64_t to)
{
	const char *text = d->in.text;
	d->v->cause = CAUSE_BAD_JUMP;
	str_addf(&d->what, "%s 0x%" PRIx64 ", which is no address",
		text_starts(text, "ret")    ? "return to"
		: text_starts(text, "call") ? "call of"
					    : "jump to",
		to);
	if (text_starts(text, "ret"))
		put_detail(d, "likely the return address on the stack was overwritten");
	put_text_in(d, to);
	put_in_frame(&d->what, d);
}

bool judge_no_address(struct death *d)
{
	const struct instruction *in = &d->in;
	if (failed(d->in_why))
		return false;
	if (in->has_operand && !is_canonical(in->address)) {
		if (in->access == ACCESS_EXECUTE)
			judge_jump_nowhere(d, in->address);
		else
			judge_not_canonical(d, in->address);
	} else if (in->has_operand && in->alignment && in->address % in->alignment) {
		d->v->cause = CAUSE_MISALIGNED;
		str_addf(&d->what, "%saddress 0x%" PRIx64 ", which is not a multiple of %u",
			attempt_text(d), in->address, in->alignment);
		put_in_frame(&d->what, d);
	} else if (in->privileged) {
		d->v->cause = CAUSE_ILLEGAL_INSTRUCTION;
		str_addf(&d->what, "instruction that a process may not use (%s)", in->text);
		put_in_frame(&d->what, d);
	} else {
		return false;
	}
	return true;
}

static void judge_known(struct death *d, uint64_t addr)
{
	if (addr == d->there.regs.pc)
		judge_jump(d);
	else if (runs_on(d, addr))
		judge_running_on(d, addr);
	else if (judge_overflow(d, addr))
		return;
	else if (d->info.code == SEGV_ACCERR)
		judge_no_permission(d, addr);
	else
		judge_not_mapped(d, addr);
}

/* Without siginfo: an access that cannot fault, by an instruction that can in no other way. */
static bool judge_allowed(struct death *d)
{
	if (d->info.present || !access_is_allowed(d) || access_may_meet_guard(d) ||
		!d->in.ordinary || !d->in.size)
		return false;
	judge_no_fault(d, "this access is allowed");
	return true;
}

/* Without siginfo, the instruction may show where it went; what is wrong with that is likely. */
static bool judge_unnamed(struct death *d)
{
	const struct instruction *in = &d->in;
	struct mem_range r;
	if (d->info.present || failed(d->in_why) || !in->has_operand || access_is_allowed(d))
		return false;
	d->info.addr = in->address;
	d->info.code = mem_range_at(d->t->mem, in->address, &r) ? SEGV_ACCERR : SEGV_MAPERR;
	str_puts(&d->what, "likely ");
	judge_known(d, in->address);
	return true;
}

void judge_fault(struct death *d)
{
	put_operand(d);
	if (d->info.has_addr) {
		judge_known(d, d->info.addr);
		return;
	}
	if (judge_no_address(d) || judge_no_memory(d))
		return;
	if (judge_allowed(d) || judge_unnamed(d))
		return;
	judge_fault_or_sent(d, CAUSE_UNKNOWN,
		d->info.present ? "access to memory, or an instruction, that is not allowed (the "
				  "core does not tell the address)"
				: "access to memory that is not allowed");
}
