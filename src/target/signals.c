/* SPDX-License-Identifier: Apache-2.0 */
#include "pycore/signals.h"

#include "pycore/attr.h"

#include <signal.h>

const char *signal_name(int signo)
{
	/* Linux's numbers on every architecture but alpha, mips, parisc and sparc, where cores are
	 * not read */
	static const char *const names[] = { [1] = "SIGHUP",
		"SIGINT",
		"SIGQUIT",
		"SIGILL",
		"SIGTRAP",
		"SIGABRT",
		"SIGBUS",
		"SIGFPE",
		"SIGKILL",
		"SIGUSR1",
		"SIGSEGV",
		"SIGUSR2",
		"SIGPIPE",
		"SIGALRM",
		"SIGTERM",
		"SIGSTKFLT",
		"SIGCHLD",
		"SIGCONT",
		"SIGSTOP",
		"SIGTSTP",
		"SIGTTIN",
		"SIGTTOU",
		"SIGURG",
		"SIGXCPU",
		"SIGXFSZ",
		"SIGVTALRM",
		"SIGPROF",
		"SIGWINCH",
		"SIGIO",
		"SIGPWR",
		"SIGSYS" };
	return signo > 0 && (size_t)signo < ARRAY_LEN(names) ? names[signo] : NULL;
}

/* Codes that older headers lack, or that the C library's leave out. */
enum {
	SEGV_CONTROL = 10,
	BUS_MEMORY = 4,
	BUS_MEMORY_LATER = 5,
	TRAP_HARDWARE = 4,
	SYS_FILTER = 1,
};

/* Codes of siginfo (Linux include/uapi/asm-generic/siginfo.h); signo 0: of any signal. */
static const struct signal_code {
	int signo, code;
	const char *name, *text;
} signal_codes[] = {
	{ SIGSEGV, SI_KERNEL, "SI_KERNEL", "a fault without an address" },
	{ SIGBUS, SI_KERNEL, "SI_KERNEL", "a fault without an address" },
	{ SIGTRAP, SI_KERNEL, "SI_KERNEL", "trap instruction" },
	{ 0, SI_USER, "SI_USER", "sent by a process with kill()" },
	{ 0, SI_KERNEL, "SI_KERNEL", "sent by the kernel" },
	{ 0, SI_QUEUE, "SI_QUEUE", "sent by a process with sigqueue()" },
	{ 0, SI_TIMER, "SI_TIMER", "sent by a timer" },
	{ 0, SI_TKILL, "SI_TKILL", "sent by a process with tgkill(), as abort() and raise() do" },
	{ SIGSEGV, SEGV_MAPERR, "SEGV_MAPERR", "address not mapped" },
	{ SIGSEGV, SEGV_ACCERR, "SEGV_ACCERR", "no permission for the address" },
	{ SIGSEGV, SEGV_BNDERR, "SEGV_BNDERR", "failed address bound checks" },
	{ SIGSEGV, SEGV_PKUERR, "SEGV_PKUERR", "access denied by a memory protection key" },
	{ SIGSEGV, SEGV_CONTROL, "SEGV_CPERR", "return or jump that the shadow stack forbids" },
	{ SIGBUS, BUS_ADRALN, "BUS_ADRALN", "invalid address alignment" },
	{ SIGBUS, BUS_ADRERR, "BUS_ADRERR",
		"no such physical address: a mapped file that became shorter, as a rule" },
	{ SIGBUS, BUS_OBJERR, "BUS_OBJERR", "hardware error" },
	{ SIGBUS, BUS_MEMORY, "BUS_MCEERR_AR", "hardware error: this memory is broken" },
	{ SIGBUS, BUS_MEMORY_LATER, "BUS_MCEERR_AO", "hardware error: memory is broken" },
	{ SIGFPE, FPE_INTDIV, "FPE_INTDIV", "integer division by zero" },
	{ SIGFPE, FPE_INTOVF, "FPE_INTOVF", "integer overflow" },
	{ SIGFPE, FPE_FLTDIV, "FPE_FLTDIV", "floating-point division by zero" },
	{ SIGFPE, FPE_FLTOVF, "FPE_FLTOVF", "floating-point overflow" },
	{ SIGFPE, FPE_FLTUND, "FPE_FLTUND", "floating-point underflow" },
	{ SIGFPE, FPE_FLTRES, "FPE_FLTRES", "floating-point inexact result" },
	{ SIGFPE, FPE_FLTINV, "FPE_FLTINV", "invalid floating-point operation" },
	{ SIGILL, ILL_ILLOPC, "ILL_ILLOPC", "illegal opcode" },
	{ SIGILL, ILL_ILLOPN, "ILL_ILLOPN", "illegal operand" },
	{ SIGILL, ILL_PRVOPC, "ILL_PRVOPC", "privileged opcode" },
	{ SIGTRAP, TRAP_BRKPT, "TRAP_BRKPT", "breakpoint" },
	{ SIGTRAP, TRAP_TRACE, "TRAP_TRACE", "single step" },
	{ SIGTRAP, TRAP_HARDWARE, "TRAP_HWBKPT", "hardware breakpoint or watchpoint" },
	{ SIGSYS, SYS_FILTER, "SYS_SECCOMP", "system call that a seccomp filter forbids" },
};

static const struct signal_code *find_code(int signo, int code)
{
	for (size_t i = 0; i < ARRAY_LEN(signal_codes); i++) {
		if ((signal_codes[i].signo == signo || !signal_codes[i].signo) &&
			signal_codes[i].code == code)
			return &signal_codes[i];
	}
	return NULL;
}

const char *signal_code_name(int signo, int code)
{
	const struct signal_code *c = find_code(signo, code);
	return c ? c->name : NULL;
}

const char *signal_code_text(int signo, int code)
{
	const struct signal_code *c = find_code(signo, code);
	return c ? c->text : NULL;
}
