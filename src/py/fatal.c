/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message of Py_FatalError, which prints it and aborts.
 *
 * Nothing in Python keeps it. That the crashed thread is inside of the function is certain: it
 * never returns, so its return address is on the stack for no other reason. Where the message then
 * is depends on how the function was compiled. From 3.10 on it calls fileno() before it hands the
 * message on, so it keeps it in a register that calls leave alone, and what it calls next saves
 * that register first of all: two pieces of code that are read to see where (x86-64). To 3.6 it is
 * printed by fprintf() to a stream without a buffer, for which the C library writes the line on the
 * stack; that part of the stack is free again when abort() runs, and lies below what abort() uses.
 * Where neither is found nothing is said.
 */
#include "py_internal.h"

#include "pycore/limits.h"

#include <elf.h>
#include <signal.h>
#include <string.h>

enum {
	FATAL_STACK_MAX = 4096, /* bytes of the stack above its pointer */
	FATAL_BELOW_MAX = 65536, /* and below it */
	FATAL_CODE_MAX = 64, /* bytes of a function that are looked at */
	FATAL_TEXT_MAX = 1024,
};

/* The call that does not return: its return address, and where on the stack that is. */
struct fatal_call {
	struct mem *mem;
	uint64_t function; /* Py_FatalError or its like */
	bool second; /* the message is its second argument, not its first */
	uint64_t slot, back;
};

static const struct os_thread *aborted_thread(const struct target *t)
{
	for (size_t i = 0; i < t->n_threads; i++) {
		const struct os_thread *th = &t->threads[i];
		if (th->crashed && t->signal.signo == SIGABRT && th->regs.has_sp)
			return th;
	}
	return NULL;
}

/* The end counts too: behind a call that does not return, the next function may begin. */
static bool find_call(struct py_runtime *rt, const char *name, uint64_t sp, struct fatal_call *ret)
{
	struct image_symbol f;
	unsigned word = rt->mem->ptr_size;
	if (!rt->image || failed(image_dynsym(rt->image, rt->mem, name, &f)) || !f.size)
		return false;
	for (uint64_t at = sp / word * word; at < sp + FATAL_STACK_MAX; at += word) {
		uint64_t back;
		if (failed(mem_ptr(rt->mem, at, &back)))
			return false;
		if (back > f.addr && back <= f.addr + f.size) {
			ret->mem = rt->mem;
			ret->function = f.addr;
			ret->slot = at;
			ret->back = back;
			return true;
		}
	}
	return false;
}

/* x86-64 instructions at the beginning of a function, as far as they matter here. */
struct code {
	uint8_t bytes[FATAL_CODE_MAX];
	size_t at;
};

static bool code_open(struct mem *mem, uint64_t addr, struct code *ret)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	ret->at = 0;
	if (failed(mem_read(mem, addr, ret->bytes, sizeof(ret->bytes))))
		return false;
	if (!memcmp(ret->bytes, endbr64, sizeof(endbr64)))
		ret->at = sizeof(endbr64);
	return true;
}

/* push REG: steps over it and returns the register's number; -1: it is another instruction. */
static int take_push(struct code *c)
{
	if (c->at + 2 > sizeof(c->bytes))
		return -1;
	bool high = c->bytes[c->at] == 0x41;
	uint8_t op = c->bytes[c->at + high];
	if (op < 0x50 || op > 0x57)
		return -1;
	c->at += high + 1u;
	return op - 0x50 + 8 * high;
}

/* mov REG, REG of 32 or 64 bits. */
static bool take_move(struct code *c, int *ret_from, int *ret_to)
{
	if (c->at + 3 > sizeof(c->bytes))
		return false;
	const uint8_t *b = c->bytes + c->at;
	uint8_t rex = 0;
	if ((b[0] & 0xf0) == 0x40)
		rex = *b++;
	if (b[0] != 0x89 || b[1] >> 6 != 3)
		return false;
	*ret_from = (b[1] >> 3 & 7) + (rex & 4 ? 8 : 0);
	*ret_to = (b[1] & 7) + (rex & 1 ? 8 : 0);
	c->at += rex ? 3 : 2;
	return true;
}

/* What may stand between them: sub rsp, N; mov rax, [rip + N]; push rax is a push. */
static bool take_other(struct code *c)
{
	static const struct {
		uint8_t bytes[3];
		size_t size;
	} known[] = {
		{ { 0x48, 0x83, 0xec }, 4 },
		{ { 0x48, 0x8b, 0x05 }, 7 },
	};
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (c->at + known[i].size <= sizeof(c->bytes) &&
			!memcmp(c->bytes + c->at, known[i].bytes, sizeof(known[i].bytes))) {
			c->at += known[i].size;
			return true;
		}
	}
	return false;
}

static bool survives_calls(int reg)
{
	enum { RBX = 3, RBP = 5, R12 = 12 };
	return reg == RBX || reg == RBP || reg >= R12;
}

/* The register that a function keeps an argument in, by its first instructions. */
static bool kept_in(struct mem *mem, uint64_t function, int argument, int *ret)
{
	struct code c;
	int from, to;
	if (!code_open(mem, function, &c))
		return false;
	for (;;) {
		if (take_move(&c, &from, &to)) {
			if (from == argument && survives_calls(to)) {
				*ret = to;
				return true;
			}
		} else if (take_push(&c) < 0 && !take_other(&c)) {
			return false;
		}
	}
}

/* How many registers a function pushes before that one. */
static bool pushes_before(struct mem *mem, uint64_t function, int reg, unsigned *ret)
{
	struct code c;
	int from, to;
	if (!code_open(mem, function, &c))
		return false;
	for (unsigned n = 0;;) {
		int pushed = take_push(&c);
		if (pushed == reg) {
			*ret = n;
			return true;
		}
		if (pushed >= 0)
			n++;
		else if (!take_move(&c, &from, &to) || to == reg)
			return false;
	}
}

/* The message as the first thing that the call after it saved. */
static bool saved_message(const struct fatal_call *call, uint64_t *ret)
{
	enum { RDI = 7, RSI = 6, CALL_SIZE = 5, CALL = 0xe8 };
	uint8_t bytes[CALL_SIZE];
	int reg;
	unsigned before;
	if (failed(mem_read(call->mem, call->back - CALL_SIZE, bytes, sizeof(bytes))) ||
		bytes[0] != CALL)
		return false;
	uint64_t next = call->back + (uint64_t)bytes_int(bytes + 1, 4, call->mem->order);
	return kept_in(call->mem, call->function, call->second ? RSI : RDI, &reg) &&
	       pushes_before(call->mem, next, reg, &before) &&
	       !failed(mem_ptr(call->mem, call->slot - 8 * (before + 1), ret));
}

/* Bytes that are no ASCII show as lone surrogates, whatever encoding they are in. */
static void take_line(struct python *p, const char *bytes, size_t n, bool cut, struct py_text *ret)
{
	AUTO_STR(text);
	for (size_t i = 0; i < n; i++) {
		uint8_t b = (uint8_t)bytes[i];
		str_put_utf8(&text, b < 0x80 ? b : 0xdc00u + b);
	}
	*ret = (struct py_text){ .bytes = arena_copy(&p->arena, str_text(&text), text.len),
		.len = text.len,
		.cut = cut };
}

static bool from_registers(struct python *p, const struct fatal_call *call, struct py_text *ret)
{
	uint64_t at;
	char text[FATAL_TEXT_MAX];
	bool cut = false;
	if (p->target->machine != EM_X86_64 || !saved_message(call, &at) ||
		failed(mem_cstr(call->mem, at, text, sizeof(text), &cut)) || !*text)
		return false;
	take_line(p, text, strlen(text), cut, ret);
	return true;
}

/* The line behind the words that it begins with, the first at or after `at`; *ret_len 0: it has no
 * end. */
static const char *next_line(const char *at, const char *end, size_t *ret_len)
{
	static const char begin[] = "Fatal Python error: ";
	const char *found = memmem(at, (size_t)(end - at), begin, strlen(begin));
	if (!found)
		return NULL;
	found += strlen(begin);
	const char *stop = found;
	while (stop < end && *stop && *stop != '\n')
		stop++;
	*ret_len = stop < end && *stop == '\n' ? (size_t)(stop - found) : 0;
	return found;
}

/* If it is there twice it must be the same. */
static bool from_stack(struct python *p, struct mem *mem, uint64_t sp, struct py_text *ret)
{
	struct mem_range r;
	if (!mem_range_at(mem, sp, &r))
		return false;
	uint64_t start = sp - r.start > FATAL_BELOW_MAX ? sp - FATAL_BELOW_MAX : r.start;
	size_t n = (size_t)(sp - start), len = 0, other_len;
	AUTO_FREE char *bytes = xmalloc(n + 1);
	if (failed(mem_read(mem, start, bytes, n)))
		return false;
	const char *end = bytes + n, *found = next_line(bytes, end, &len), *other = found;
	while (len && (other = next_line(other, end, &other_len))) {
		if (other_len != len || memcmp(found, other, len) != 0)
			return false;
	}
	if (!len)
		return false;
	take_line(p, found, len < FATAL_TEXT_MAX ? len : FATAL_TEXT_MAX, len > FATAL_TEXT_MAX, ret);
	return true;
}

bool py_fatal_message(struct python *p, struct py_text *ret)
{
	const struct os_thread *th = aborted_thread(p->target);
	for (size_t i = 0; th && i < p->n_runtimes; i++) {
		struct fatal_call call = { 0 };
		uint64_t sp = th->regs.sp;
		if (!find_call(&p->runtimes[i], "Py_FatalError", sp, &call)) {
			call.second = true;
			if (!find_call(&p->runtimes[i], "_Py_FatalErrorFunc", sp, &call))
				continue;
		}
		return from_registers(p, &call, ret) || from_stack(p, call.mem, sp, ret);
	}
	return false;
}
