/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to die on x86-64, and what is told of them: the table of test_verdict.c. */
#pragma once

#include "pycore/verdict.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PAGE = 4096,
	CODE = 0x400000, /* of one page, as all but the stack */
	CALL = CODE + 0x10, /* call rel32 */
	BACK = CALL + 5,
	HERE = CODE + 0x100, /* the instruction that it died at */
	CONSTANT = 0x500000,
	DATA = 0x600000,
	GUARD = 0x6f0000,
	STACK = GUARD + PAGE,
	STACK_BYTES = 2 * PAGE,
	PID = 4711,
	SECCOMP = 1, /* SYS_SECCOMP */
	HARDWARE = 4, /* TRAP_HWBKPT */
	RAW = 27,
};
enum { RAX = 10, RCX = 11, RDI = 14, ORIG_RAX = 15, RIP = 16, RSP = 19 };

struct scene {
	const char *name;
	const char *code; /* at HERE */
	size_t n_code;
	uint64_t rax, rdi, rcx, rip, rsp; /* 0 in rip, rsp: HERE, the middle of the stack */
	int signo, si_code;
	uint64_t addr; /* or who sent it */
	enum { ADDRESS, SENDER, NOTHING } info;
	enum cause cause;
	const char *summary; /* is in it */
	const char *detail; /* is in any line; NULL: not looked for */
};

#define BYTES(s) (s), sizeof(s) - 1
#define MOV_RAX	 BYTES("\x8b\x00") /* mov eax, [rax] */
#define MOV_RDI	 BYTES("\x48\x8b\x47\x08") /* mov rax, [rdi + 8] */
#define STORE	 BYTES("\x89\x07") /* mov [rdi], eax */
#define FAR_AWAY BYTES("\x8b\x80\x00\x00\x10\x00") /* mov eax, [rax + 0x100000] */
#define FETCH	 BYTES("\x0f\x28\x00") /* movaps xmm0, [rax] */
#define PUSH	 BYTES("\x53") /* push rbx */
#define DIVIDE	 BYTES("\xf7\xf9") /* idiv ecx */
#define WORD(c)	 UINT64_C(c)

/* clang-format off */
static const struct scene scenes[] = {
	{ "null", MOV_RAX, .signo = SIGSEGV, .si_code = SEGV_MAPERR, .addr = 0,
		.cause = CAUSE_NULL_DEREFERENCE, .summary = "read from a null pointer in 0x400100",
		.detail = "mov eax, dword ptr [rax]: read of 4 bytes at 0x0, [rax] with rax = 0x0" },
	{ "member", MOV_RDI, .signo = SIGSEGV, .si_code = SEGV_MAPERR, .addr = 8,
		.cause = CAUSE_NULL_DEREFERENCE, .summary = "read from a null pointer plus 0x8" },
	{ "below null", MOV_RAX, .rax = -WORD(16), .signo = SIGSEGV, .si_code = SEGV_MAPERR, .addr = -WORD(16),
		.cause = CAUSE_NOT_MAPPED, .summary = "read from address 0xfffffffffffffff0",
		.detail = "with rax = 0xfffffffffffffff0 (-16)" },
	{ "minus one", MOV_RDI, .rdi = -WORD(1), .signo = SIGSEGV, .si_code = SEGV_MAPERR, .addr = 7,
		.cause = CAUSE_NOT_MAPPED, .summary = "read from address 0x7, where nothing is mapped",
		.detail = "with rdi = 0xffffffffffffffff (-1)" },
	{ "far from null", FAR_AWAY, .signo = SIGSEGV, .si_code = SEGV_MAPERR, .addr = 0x100000,
		.cause = CAUSE_NULL_DEREFERENCE, .summary = "read from a null pointer plus 0x100000" },
	{ "low but not null", MOV_RAX, .rax = 0x100000, .signo = SIGSEGV, .si_code = SEGV_MAPERR, .addr = 0x100000,
		.cause = CAUSE_NOT_MAPPED, .summary = "read from address 0x100000, where nothing is mapped" },
	{ "behind the data", STORE, .rdi = DATA + PAGE + 24, .signo = SIGSEGV, .si_code = SEGV_MAPERR,
		.addr = DATA + PAGE + 24, .cause = CAUSE_NOT_MAPPED, .summary = "write to address 0x601018",
		.detail = "writable memory ends 0x18 bytes below" },
	{ "text", MOV_RDI, .rdi = WORD(0x4141414141414139), .signo = SIGSEGV, .si_code = SI_KERNEL,
		.cause = CAUSE_NOT_CANONICAL, .summary = "read from 0x4141414141414141, which is no address",
		.detail = "as text it is \"AAAAAAAA\"" },
	{ "freed", MOV_RDI, .rdi = WORD(0xdddddddddddddddd), .signo = SIGSEGV, .si_code = SI_KERNEL,
		.cause = CAUSE_NOT_CANONICAL, .summary = "which is no address", .detail = "memory that was freed" },
	{ "constant", STORE, .rdi = CONSTANT + 4, .signo = SIGSEGV, .si_code = SEGV_ACCERR, .addr = CONSTANT + 4,
		.cause = CAUSE_NO_PERMISSION, .summary = "write to address 0x500004 in read-only memory" },
	{ "not aligned", FETCH, .rax = DATA + 8, .signo = SIGSEGV, .si_code = SI_KERNEL,
		.cause = CAUSE_MISALIGNED, .summary = "read from address 0x600008, which is not a multiple of 16" },
	{ "privileged", BYTES("\xf4"), .signo = SIGSEGV, .si_code = SI_KERNEL,
		.cause = CAUSE_ILLEGAL_INSTRUCTION, .summary = "instruction that a process may not use (hlt)" },
	{ "no reason", BYTES("\x90"), .signo = SIGSEGV, .si_code = SI_KERNEL,
		.cause = CAUSE_UNKNOWN, .summary = "the core does not tell the address" },
	{ "push into the guard", PUSH, .rsp = STACK, .signo = SIGSEGV, .si_code = SEGV_ACCERR, .addr = STACK - 8,
		.cause = CAUSE_STACK_OVERFLOW, .summary = "stack overflow", .detail = "of 8.0 KiB at 0x6f1000-0x6f3000" },
	{ "large frame", BYTES("\x89\x04\x24"), .rsp = STACK - 3000, .signo = SIGSEGV, .si_code = SEGV_ACCERR,
		.addr = STACK - 3000, .cause = CAUSE_STACK_OVERFLOW, .summary = "stack overflow" },
	{ "guard, by a pointer", STORE, .rdi = STACK - 8, .rsp = STACK + 0x1800, .signo = SIGSEGV,
		.si_code = SEGV_ACCERR, .addr = STACK - 8, .cause = CAUSE_STACK_OVERFLOW, .summary = "stack overflow" },
	{ "guard, from elsewhere", STORE, .rdi = STACK - 8, .rsp = DATA + 64, .signo = SIGSEGV,
		.si_code = SEGV_ACCERR, .addr = STACK - 8, .cause = CAUSE_NO_PERMISSION,
		.summary = "write to address 0x6f0ff8 in memory without any access" },
	{ "null called", MOV_RAX, .rip = 1, .signo = SIGSEGV, .si_code = SEGV_MAPERR, .addr = 1,
		.cause = CAUSE_BAD_JUMP, .summary = "call of address 0x1, where nothing is mapped, by 0x400015" },
	{ "data called", MOV_RAX, .rip = DATA, .signo = SIGSEGV, .si_code = SEGV_ACCERR, .addr = DATA,
		.cause = CAUSE_BAD_JUMP, .summary = "call of address 0x600000, which is no code but writable memory" },
	{ "end of code", MOV_RAX, .rip = CODE + PAGE, .signo = SIGSEGV, .si_code = SEGV_MAPERR, .addr = CODE + PAGE,
		.cause = CAUSE_BAD_JUMP, .summary = "execution that ran on beyond the end of code at address 0x401000" },
	{ "division by zero", DIVIDE, .signo = SIGFPE, .si_code = FPE_INTDIV, .addr = HERE,
		.cause = CAUSE_DIVISION, .summary = "integer division by zero" },
	{ "division that does not fit", DIVIDE, .rcx = UINT32_MAX, .signo = SIGFPE, .si_code = FPE_INTDIV, .addr = HERE,
		.cause = CAUSE_DIVISION, .summary = "integer division with a result that does not fit" },
	{ "upper half of a divisor", DIVIDE, .rcx = WORD(1) << 32, .signo = SIGFPE, .si_code = FPE_INTDIV, .addr = HERE,
		.cause = CAUSE_DIVISION, .summary = "integer division by zero" },
	{ "float", BYTES("\xf2\x0f\x5e\xc1"), .signo = SIGFPE, .si_code = FPE_FLTDIV, .addr = HERE,
		.cause = CAUSE_DIVISION, .summary = "floating-point division by zero, which the program has made a fault" },
	{ "ud2", BYTES("\x0f\x0b"), .signo = SIGILL, .si_code = ILL_ILLOPN, .addr = HERE,
		.cause = CAUSE_ILLEGAL_INSTRUCTION, .summary = "trap that the compiler or programmer has put (ud2)" },
	{ "no instruction", BYTES("\x06"), .signo = SIGILL, .si_code = ILL_ILLOPN, .addr = HERE,
		.cause = CAUSE_ILLEGAL_INSTRUCTION, .summary = "illegal instruction",
		.detail = "these bytes are no instruction" },
	{ "few processors", BYTES("\xc4\xe2\x7d\x18\x00"), .rax = DATA, .signo = SIGILL, .si_code = ILL_ILLOPN, .addr = HERE,
		.cause = CAUSE_ILLEGAL_INSTRUCTION, .summary = "illegal instruction (vbroadcastss ymm0, dword ptr [rax]), in ",
		.detail = "likely this processor does not have it" },
	{ "single step", BYTES("\x90"), .signo = SIGTRAP, .si_code = TRAP_TRACE, .addr = HERE,
		.cause = CAUSE_TRAP, .summary = "single step in 0x400100" },
	{ "watchpoint", BYTES("\x90"), .signo = SIGTRAP, .si_code = HARDWARE, .addr = HERE,
		.cause = CAUSE_TRAP, .summary = "hardware breakpoint or watchpoint in 0x400100" },
	{ "int3", BYTES("\xcc"), .rip = HERE + 1, .signo = SIGTRAP, .si_code = SI_KERNEL,
		.cause = CAUSE_TRAP, .summary = "trap instruction (int3)" },
	{ "bus error", MOV_RAX, .rax = DATA, .signo = SIGBUS, .si_code = BUS_ADRALN, .addr = DATA,
		.cause = CAUSE_MISALIGNED, .summary = "invalid address alignment" },
	{ "broken memory", MOV_RAX, .rax = DATA, .signo = SIGBUS, .si_code = 4, .addr = DATA,
		.cause = CAUSE_BUS_ERROR, .summary = "hardware error" },
	{ "abort", MOV_RAX, .signo = SIGABRT, .si_code = SI_TKILL, .addr = PID, .info = SENDER,
		.cause = CAUSE_ABORT, .summary = "abort()", .detail = "SI_TKILL, sent by itself" },
	{ "kill by itself", MOV_RAX, .rax = DATA, .signo = SIGQUIT, .si_code = SI_USER, .addr = PID, .info = SENDER,
		.cause = CAUSE_SENT_BY_ITSELF, .summary = "SIGQUIT that the process sent to itself" },
	{ "raised again at the fault", MOV_RDI, .signo = SIGSEGV, .si_code = SI_TKILL, .addr = PID, .info = SENDER,
		.cause = CAUSE_NULL_DEREFERENCE, .summary = "read from a null pointer plus 0x8",
		.detail = "SIGSEGV at address 0x8, for which a handler was called" },
	{ "raised where nothing faults", MOV_RDI, .rdi = DATA, .signo = SIGSEGV, .si_code = SI_TKILL, .addr = PID,
		.info = SENDER, .cause = CAUSE_SENT_BY_ITSELF, .summary = "SIGSEGV that the process sent to itself" },
	{ "raised at a nop", BYTES("\x0f\x1f\x00"), .signo = SIGSEGV, .si_code = SI_TKILL, .addr = PID,
		.info = SENDER, .cause = CAUSE_SENT_BY_ITSELF, .summary = "SIGSEGV that the process sent to itself" },
	{ "raised at lea", BYTES("\x48\x8d\x00"), .signo = SIGSEGV, .si_code = SI_TKILL, .addr = PID,
		.info = SENDER, .cause = CAUSE_SENT_BY_ITSELF, .summary = "SIGSEGV that the process sent to itself" },
	{ "raised at a prefetch", BYTES("\x0f\x18\x08"), .signo = SIGSEGV, .si_code = SI_TKILL, .addr = PID,
		.info = SENDER, .cause = CAUSE_SENT_BY_ITSELF, .summary = "SIGSEGV that the process sent to itself" },
	{ "raised again at a copy", BYTES("\xf3\xa4"), .rdi = DATA, .rcx = 100, .signo = SIGSEGV, .si_code = SI_TKILL,
		.addr = PID, .info = SENDER, .cause = CAUSE_NULL_DEREFERENCE, .summary = "read from a null pointer" },
	{ "kill by another", MOV_RAX, .signo = SIGABRT, .si_code = SI_USER, .addr = 99, .info = SENDER,
		.cause = CAUSE_SENT, .summary = "SIGABRT sent by process 99 of user 1000" },
	{ "kill of init", MOV_RAX, .signo = SIGSEGV, .si_code = SI_USER, .addr = 1, .info = SENDER,
		.cause = CAUSE_SENT, .summary = "SIGSEGV sent by process 1", .detail = "likely the service manager" },
	{ "kill from outside", MOV_RAX, .signo = SIGQUIT, .si_code = SI_USER, .addr = 0, .info = SENDER,
		.cause = CAUSE_SENT, .summary = "a process that it cannot see" },
	{ "terminal", MOV_RAX, .signo = SIGQUIT, .si_code = SI_KERNEL,
		.cause = CAUSE_SENT, .summary = "SIGQUIT, likely by Ctrl-\\ at its terminal" },
	{ "timer", MOV_RAX, .signo = SIGQUIT, .si_code = SI_TIMER,
		.cause = CAUSE_SENT, .summary = "SIGQUIT by a timer of the process" },
	{ "time", MOV_RAX, .signo = SIGXCPU, .si_code = SI_KERNEL,
		.cause = CAUSE_OUT_OF_TIME_OR_SPACE, .summary = "CPU time used up" },
	{ "space", MOV_RAX, .signo = SIGXFSZ, .si_code = SI_KERNEL,
		.cause = CAUSE_OUT_OF_TIME_OR_SPACE, .summary = "write beyond the largest size that a file may have" },
	{ "system call", MOV_RAX, .signo = SIGSYS, .si_code = SECCOMP,
		.cause = CAUSE_BAD_SYSTEM_CALL, .summary = "system call poll, which a seccomp filter forbids" },
	{ "no siginfo", MOV_RDI, .signo = SIGSEGV, .info = NOTHING,
		.cause = CAUSE_NULL_DEREFERENCE, .summary = "likely read from a null pointer plus 0x8" },
	{ "no siginfo, no fault", MOV_RDI, .rdi = DATA, .signo = SIGQUIT, .info = NOTHING,
		.cause = CAUSE_SENT, .summary = "the core does not tell by whom" },
	{ "no siginfo, behind a system call", BYTES("\x0f\x05\x48\x8b\x00"), .rip = HERE + 2, .rax = DATA,
		.signo = SIGSEGV, .info = NOTHING, .cause = CAUSE_SENT, .summary = "SIGSEGV; the core does not tell by whom" },
	{ "no siginfo, at a system call", BYTES("\x0f\x05"), .signo = SIGBUS, .info = NOTHING,
		.cause = CAUSE_SENT, .summary = "SIGBUS; the core does not tell by whom" },
	{ "no siginfo, a fault behind a system call", BYTES("\x0f\x05\x48\x8b\x00"), .rip = HERE + 2,
		.signo = SIGSEGV, .info = NOTHING, .cause = CAUSE_NULL_DEREFERENCE, .summary = "likely read from a null pointer" },
	{ "no siginfo, SIGFPE behind a system call", BYTES("\x0f\x05\x90"), .rip = HERE + 2, .signo = SIGFPE, .info = NOTHING,
		.cause = CAUSE_SENT, .summary = "SIGFPE; the core does not tell by whom" },
	{ "no siginfo, SIGFPE at a nop", BYTES("\x90"), .signo = SIGFPE, .info = NOTHING,
		.cause = CAUSE_SENT, .summary = "SIGFPE, likely sent", .detail = "no errors of arithmetic" },
	{ "no siginfo, SIGFPE at divss", BYTES("\xf3\x0f\x5e\xc1"), .signo = SIGFPE, .info = NOTHING,
		.cause = CAUSE_DIVISION, .summary = "error of arithmetic, or a signal that was sent (the core does not tell which), in " },
	{ "no siginfo, SIGFPE at what does not divide by zero", DIVIDE, .rcx = 7, .signo = SIGFPE, .info = NOTHING,
		.cause = CAUSE_DIVISION, .summary = "with a result that does not fit, or a signal that was sent (the core does not tell which)",
		.detail = "the divisor is 0x7, not zero" },
	{ "no siginfo, SIGFPE at what is lost", MOV_RDI, .rip = CODE + PAGE, .signo = SIGFPE, .info = NOTHING,
		.cause = CAUSE_DIVISION, .summary = "error of arithmetic, or a signal that was sent" },
	{ "no siginfo, SIGFPE at jmp", BYTES("\xff\xe0"), .rax = HERE, .signo = SIGFPE, .info = NOTHING,
		.cause = CAUSE_SENT, .summary = "SIGFPE, likely sent" },
	{ "no siginfo, SIGFPE at div", BYTES("\xf7\xf1"), .signo = SIGFPE, .info = NOTHING,
		.cause = CAUSE_DIVISION, .summary = "integer division by zero", .detail = "the divisor is zero" },
	{ "no siginfo, no operand", BYTES("\xf3\x0f\x5e\xc1"), .signo = SIGSEGV, .info = NOTHING,
		.cause = CAUSE_UNKNOWN, .summary = "or a signal that was sent (the core does not tell which)" },
	{ "no siginfo, no memory", BYTES("\x48\x89\xdd"), .signo = SIGSEGV, .info = NOTHING,
		.cause = CAUSE_SENT, .summary = "SIGSEGV, likely sent", .detail = "mov rbp, rbx; this instruction goes to no memory" },
	{ "no siginfo, a segment's register", BYTES("\x8e\xd8"), .signo = SIGSEGV, .info = NOTHING,
		.cause = CAUSE_UNKNOWN, .summary = "or a signal that was sent (the core does not tell which)" },
	{ "no siginfo, allowed", MOV_RDI, .rdi = DATA, .signo = SIGSEGV, .info = NOTHING,
		.cause = CAUSE_SENT, .summary = "SIGSEGV, likely sent", .detail = "this access is allowed" },
	{ "no siginfo, allowed to be read only", STORE, .rdi = CONSTANT, .signo = SIGSEGV, .info = NOTHING,
		.cause = CAUSE_NO_PERMISSION, .summary = "likely write to address 0x500000 in read-only memory" },
	{ "no siginfo, allowed but maybe not the rest", BYTES("\x0f\xae\x10"), .rax = DATA, .signo = SIGSEGV, .info = NOTHING,
		.cause = CAUSE_UNKNOWN, .summary = "or a signal that was sent (the core does not tell which)" },
	{ "no siginfo, maybe the guard", PUSH, .signo = SIGSEGV, .info = NOTHING,
		.cause = CAUSE_UNKNOWN, .summary = "or a signal that was sent (the core does not tell which)" },
	{ "no siginfo, the guard", PUSH, .rsp = STACK, .signo = SIGSEGV, .info = NOTHING,
		.cause = CAUSE_STACK_OVERFLOW, .summary = "likely stack overflow" },
	{ "no siginfo, SIGBUS", MOV_RDI, .rdi = DATA, .signo = SIGBUS, .info = NOTHING,
		.cause = CAUSE_BUS_ERROR, .summary = "bus error, or a signal that was sent" },
	{ "no siginfo, SIGBUS without memory", BYTES("\x90"), .signo = SIGBUS, .info = NOTHING,
		.cause = CAUSE_SENT, .summary = "SIGBUS, likely sent" },
	{ "no siginfo, SIGILL of any processor", BYTES("\x0f\xb7\xc8"), .signo = SIGILL, .info = NOTHING,
		.cause = CAUSE_UNKNOWN, .summary = "illegal instruction, or a signal that was sent (the core does not tell which)" },
	{ "no siginfo, SIGILL of few processors", BYTES("\xc4\xe2\x7d\x18\x00"), .rax = DATA, .signo = SIGILL, .info = NOTHING,
		.cause = CAUSE_ILLEGAL_INSTRUCTION, .summary = "illegal instruction (vbroadcastss ymm0, dword ptr [rax]), or a signal "
		"that was sent (the core does not tell which), in ", .detail = "maybe this processor does not have it" },
	{ "no siginfo, SIGILL at no instruction", BYTES("\x06"), .signo = SIGILL, .info = NOTHING,
		.cause = CAUSE_ILLEGAL_INSTRUCTION, .summary = "likely illegal instruction in ", .detail = "that is known here" },
	{ "no siginfo, SIGILL at ud2", BYTES("\x0f\x0b"), .signo = SIGILL, .info = NOTHING,
		.cause = CAUSE_ILLEGAL_INSTRUCTION, .summary = "trap that the compiler or programmer has put (ud2)" },
	{ "no siginfo, SIGTRAP at int3", BYTES("\xcc"), .rip = HERE + 1, .signo = SIGTRAP, .info = NOTHING,
		.cause = CAUSE_TRAP, .summary = "trap instruction (int3)" },
	{ "no siginfo, SIGTRAP at an instruction of few processors", BYTES("\xc4\xe2\x7d\x18\x00"), .rax = DATA, .signo = SIGTRAP,
		.info = NOTHING, .cause = CAUSE_TRAP, .summary = "trap instruction, or a signal that was sent (the core does not tell which), in " },
	{ "no siginfo, SIGTRAP elsewhere", MOV_RDI, .rdi = DATA, .signo = SIGTRAP, .info = NOTHING,
		.cause = CAUSE_SENT, .summary = "SIGTRAP, likely sent" },
	{ "no siginfo, SIGABRT of a thread that runs", MOV_RDI, .rdi = DATA, .signo = SIGABRT, .info = NOTHING,
		.cause = CAUSE_SENT, .summary = "SIGABRT; the core does not tell by whom" },
	{ "no siginfo, SIGABRT behind a system call", BYTES("\x0f\x05"), .rip = HERE + 2, .signo = SIGABRT, .info = NOTHING,
		.cause = CAUSE_ABORT, .summary = "likely abort()" },
};
/* clang-format on */
