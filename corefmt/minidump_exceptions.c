/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MINIDUMP_EXCEPTION_STREAM: the thread, 4 bytes for nothing, then code, flags, the address of
 * another record, an address, the number of parameters, 4 bytes for nothing, 15 parameters, and
 * where the thread's context of that moment is. Under Linux the code is the number of a signal.
 * Breakpad and Crashpad have si_code in the flags, and in the address what the signal is about
 * (breakpad, src/client/linux/minidump_writer; crashpad, snapshot/linux/exception_snapshot_linux):
 * a dump that was only asked for has a code that is no signal. LLDB has nothing in the flags, and
 * the program counter in the address, and notes signals only; from 20 on it marks the flags, notes
 * breakpoints and steps as well, by a code of their own, and has in the parameters what it says of
 * the stop in words (lldb, MinidumpFileBuilder.cpp, and LinuxSignals.cpp for these).
 */
#include "minidump.h"

#include "pycore/attr.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

enum {
	PARAMETERS_BYTES = 15 * 8,
	LLDB = 0x4c4c4442,
	SIGNAL_LAST = 64,
	SI_KERNEL_CODE = 0x80,
};

/* Signals that come with an address. */
static bool has_address(int signo)
{
	return signo == SIGSEGV || signo == SIGBUS || signo == SIGILL || signo == SIGFPE ||
	       signo == SIGTRAP;
}

/* "signal SIGSEGV: address not mapped to object (fault address=0x10)". What it does not say so is
 * not known. */
static void read_words(const char *words, struct core_siginfo *s)
{
	static const struct {
		int signo, code;
		const char *words;
	} rows[] = {
		{ SIGILL, 1, "illegal opcode" },
		{ SIGILL, 2, "illegal operand" },
		{ SIGILL, 3, "illegal addressing mode" },
		{ SIGILL, 4, "illegal trap" },
		{ SIGILL, 5, "privileged opcode" },
		{ SIGILL, 6, "privileged register" },
		{ SIGBUS, 1, "illegal alignment" },
		{ SIGBUS, 2, "illegal address" },
		{ SIGBUS, 3, "hardware error" },
		{ SIGFPE, 1, "integer divide by zero" },
		{ SIGFPE, 2, "integer overflow" },
		{ SIGFPE, 3, "floating point divide by zero" },
		{ SIGFPE, 4, "floating point overflow" },
		{ SIGFPE, 5, "floating point underflow" },
		{ SIGFPE, 6, "floating point inexact result" },
		{ SIGFPE, 7, "floating point invalid operation" },
		{ SIGFPE, 8, "subscript out of range" },
		{ SIGSEGV, 1, "address not mapped to object" },
		{ SIGSEGV, 2, "invalid permissions for mapped object" },
		{ SIGSEGV, SI_KERNEL_CODE, "invalid address" },
	};
	if (strncmp(words, "signal ", strlen("signal ")) != 0) { /* "breakpoint 1.1" */
		s->signo = 0;
		return;
	}
	const char *colon = strstr(words, ": ");
	for (size_t i = 0; colon && i < ARRAY_LEN(rows); i++) {
		size_t n = strlen(rows[i].words);
		const char *end = colon + 2 + n;
		if (rows[i].signo != s->signo || strncmp(colon + 2, rows[i].words, n) != 0 ||
			(*end && *end != ' '))
			continue;
		s->present = true;
		s->code = rows[i].code;
		uint64_t addr;
		if (s->code != SI_KERNEL_CODE &&
			(sscanf(end, " (fault address=0x%" SCNx64 ")", &addr) == 1 ||
				sscanf(end, " (fault address: 0x%" SCNx64 ")", &addr) == 1)) {
			s->has_addr = true;
			s->addr = addr;
		}
		return;
	}
}

struct core_siginfo md_read_exception(struct cursor *c, struct md_part *ret_context)
{
	cursor_skip(c, 4);
	uint32_t signo = (uint32_t)cursor_uint(c, 4), flags = (uint32_t)cursor_uint(c, 4);
	cursor_skip(c, 8);
	uint64_t addr = cursor_uint(c, 8);
	cursor_skip(c, 8);
	const uint8_t *parameters = cursor_take(c, PARAMETERS_BYTES);
	ret_context->size = cursor_uint(c, 4);
	ret_context->offset = cursor_uint(c, 4);
	struct core_siginfo s = { 0 };
	if (c->overrun || !signo || signo > SIGNAL_LAST)
		return s;
	s.signo = (int)signo;
	if (flags == LLDB) {
		char words[PARAMETERS_BYTES + 1] = { 0 };
		memcpy(words, parameters, PARAMETERS_BYTES);
		read_words(words, &s);
	} else if (flags) {
		s.present = true;
		s.code = (int)flags;
		s.has_addr = has_address(s.signo) && s.code > 0 && s.code < SI_KERNEL_CODE;
		s.addr = s.has_addr ? addr : 0;
	}
	return s;
}
