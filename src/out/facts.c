/* SPDX-License-Identifier: Apache-2.0 */
#include "facts.h"

#include "carets.h"

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

/* Codes of siginfo (Linux include/uapi/asm-generic/siginfo.h); signo 0: of any signal. */
static const struct signal_code {
	int signo, code;
	const char *name, *text;
} signal_codes[] = {
	{ 0, SI_USER, "SI_USER", "sent by a process with kill()" },
	{ 0, SI_KERNEL, "SI_KERNEL", "sent by the kernel" },
	{ 0, SI_QUEUE, "SI_QUEUE", "sent by a process with sigqueue()" },
	{ 0, SI_TIMER, "SI_TIMER", "sent by a timer" },
	{ 0, SI_TKILL, "SI_TKILL", "sent by a process with tgkill(), as abort() and raise() do" },
	{ SIGSEGV, SEGV_MAPERR, "SEGV_MAPERR", "address not mapped" },
	{ SIGSEGV, SEGV_ACCERR, "SEGV_ACCERR", "no permission for the address" },
	{ SIGSEGV, SEGV_BNDERR, "SEGV_BNDERR", "failed address bound checks" },
	{ SIGSEGV, SEGV_PKUERR, "SEGV_PKUERR", "access denied by a memory protection key" },
	{ SIGBUS, BUS_ADRALN, "BUS_ADRALN", "invalid address alignment" },
	{ SIGBUS, BUS_ADRERR, "BUS_ADRERR",
		"no such physical address: a mapped file that became shorter, as a rule" },
	{ SIGBUS, BUS_OBJERR, "BUS_OBJERR", "hardware error" },
	{ SIGFPE, FPE_INTDIV, "FPE_INTDIV", "integer division by zero" },
	{ SIGFPE, FPE_INTOVF, "FPE_INTOVF", "integer overflow" },
	{ SIGFPE, FPE_FLTDIV, "FPE_FLTDIV", "floating-point division by zero" },
	{ SIGFPE, FPE_FLTOVF, "FPE_FLTOVF", "floating-point overflow" },
	{ SIGFPE, FPE_FLTINV, "FPE_FLTINV", "invalid floating-point operation" },
	{ SIGILL, ILL_ILLOPC, "ILL_ILLOPC", "illegal opcode" },
	{ SIGILL, ILL_ILLOPN, "ILL_ILLOPN", "illegal operand" },
	{ SIGILL, ILL_PRVOPC, "ILL_PRVOPC", "privileged opcode" },
	{ SIGTRAP, TRAP_BRKPT, "TRAP_BRKPT", "breakpoint" },
	{ SIGTRAP, TRAP_TRACE, "TRAP_TRACE", "single step" },
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

struct err frame_error(const struct py_frame *f)
{
	const struct py_code *c = f->place->code;
	TRY(f->place->why);
	TRY(c->name.why);
	TRY(c->filename.why);
	return c->qualname.why;
}

bool frame_source(const struct py_frame *f, struct source *source, struct str *ret)
{
	struct source_text text;
	if (!source || !source_of_place(source, f->place, &text))
		return false;
	str_add(ret, text.bytes, text.len);
	return true;
}

bool frame_put_source(const struct py_frame *f, struct source *source, bool colour, struct str *to)
{
	struct source_text text;
	struct carets c;
	if (!source || !source_of_place(source, f->place, &text))
		return false;
	bool has = carets_find(&text, &f->place->at,
		f->place->code->marks_calls ? CARETS_CALLS : CARETS_OPERATORS, &c);
	carets_put(to, &text, has ? &c : NULL, colour);
	return true;
}

bool frame_same(const struct py_frame *a, const struct py_frame *b)
{
	/* the same call can be left at different instructions, depending on how the interpreter has
	 * specialised it */
	return a->place == b->place ||
	       (a->place->code == b->place->code && a->place->at.line == b->place->at.line);
}

const char *gil_state_name(enum gil_state g)
{
	switch (g) {
	case GIL_UNKNOWN:
		return NULL;
	case GIL_NONE:
		return "none";
	case GIL_HOLDER:
		return "holder";
	case GIL_WAITING:
		return "waiting";
	}
	return NULL;
}
