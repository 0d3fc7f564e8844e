/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the verdict share: a death, and words for its places. */
#pragma once

#include "pycore/signals.h"
#include "pycore/verdict.h"

enum {
	RAW_REGS_MAX = 34 * 8,
	HANDLER_FRAMES_MAX = 64, /* that a handler may be deep in when it ends the process */
};

struct death {
	const struct verdict_question *q;
	struct target *t;
	struct python *p;
	struct verdict *v;
	const struct os_thread *os; /* that died; NULL: not known */
	const struct native_stack *stack; /* its native frames, with names; never NULL */
	size_t first; /* index of the frame in which it happened; stack->n: not known */
	int signo; /* what happened there: the signal, but for... */
	struct core_siginfo info;
	/* By somebody: siginfo names whom, or the thread stands at a system call, where no fault
	 * happens. */
	bool sent;
	bool raised_again; /* ...a handler that ended the process: these are what it handled */
	const struct native_frame *handler; /* NULL: it had returned */
	struct os_thread there; /* the thread with its registers at that moment */
	uint8_t raw[RAW_REGS_MAX]; /* them, where a handler ran */
	struct instruction in; /* at that moment */
	struct err in_why; /* it could not be decoded */
	enum access access; /* what it tried */
	struct str what; /* what happened, as a headline */
	struct str detail; /* of the access, in words */
	struct str said; /* message */
	bool names_python; /* the headline names Python's functions */
};

/* death.c: everything above `what`. */
void death_find(const struct verdict_question *q, struct verdict *v, struct death *ret);
void death_fini(struct death *d);
/* The value of a register when it happened, by one of its names in instructions, as "eax", which
 * has 4 bytes. */
bool death_register(const struct death *d, const char *name, uint64_t *ret, unsigned *ret_bytes);

/* Where the thread stood when it happened. */
enum stands death_stands(const struct death *d);
/* Frames from `from` on are those of abort(), kill() or their like. */
bool death_is_raised(const struct death *d, size_t from);
/* Decodes the instruction into d->in. What it goes to may be told by the fault address only:
 * `fault`, if it is not the signal's own (NULL). */
void death_decode(struct death *d, const uint64_t *fault);
/* again.c: whether the signal, which the process sent to itself, is that of a fault that happens
 * there; if so, takes that. */
bool fault_repeats(struct death *d);
/* again.c: the instruction goes to one place in memory, which is mapped for that. */
bool access_is_allowed(struct death *d);
/* It lies where the stack's guard may be, which no mapping need tell. */
bool access_may_meet_guard(const struct death *d);

/* What the kernel stores on the stack for a signal handler to return by. */
struct sigframe {
	struct core_regs regs; /* of what was interrupted; raw: in the caller's room */
	uint64_t trap, error, address; /* of the thread's last fault, which need not be this one */
};
bool sigframe_read(struct target *t, const struct os_thread *th, uint64_t context,
	uint8_t room[RAW_REGS_MAX], struct sigframe *ret);

/* Each sets v->cause, and writes `what`. */
void judge_fault(struct death *d); /* fault.c: SIGSEGV */
void judge_bus_error(struct death *d); /* bus.c: SIGBUS */
void judge_instruction(struct death *d); /* arithmetic.c: SIGFPE, SIGILL, SIGTRAP */
void judge_abort(struct death *d); /* abort.c: SIGABRT by itself */
void judge_sent(struct death *d); /* sent.c: all other signals */
/* sent.c: of a signal without siginfo that is one of faults, where there can be none; why: literal,
 * how that is known. */
void judge_no_fault(struct death *d, const char *why);
/* Of what ended the process itself: whether a handler did, where it is not known for what. */
void hint_handler(struct death *d);
/* The signal may have been sent, and the instruction goes to no memory. False: neither is sure. */
bool judge_no_memory(struct death *d);
/* That fault; or, without siginfo, a signal that was sent. c: the cause if it is the fault. */
void judge_fault_or_sent(struct death *d, enum cause c, const char *fault);

/* overflow.c: whether a fault at addr is one of the stack that it is about to leave, and if so,
 * judges it. */
bool judge_overflow(struct death *d, uint64_t addr);
/* fault.c, for faults of which the kernel names no address: judges what the instruction tells. */
bool judge_no_address(struct death *d);
/* "read from ": what it tried. */
const char *attempt_text(const struct death *d);
/* Begins d->detail with the instruction and its operand. */
void put_operand(struct death *d);

/* exception.c: "std::runtime_error: why" of the C++ exception that ended the process; false: not
 * known. */
bool uncaught_exception(struct death *d, struct str *to);
/* The frame of std::terminate(); stack->n: none. */
size_t terminate_frame(const struct death *d);

/* words.c */
bool is_null(uint64_t addr);
bool is_canonical(uint64_t addr);
/* "a null pointer plus 0x8", for is_null(). */
void put_null(struct str *to, uint64_t addr);
/* "the stack of thread 4711", "libfoo.so, which is mapped read-only": what is at addr, which is
 * mapped; false: nothing is. */
bool put_mapping(struct death *d, uint64_t addr, struct str *to);
/* Adds a part to d->detail. */
void put_detail(struct death *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
void put_size(struct str *to, uint64_t bytes);
/* Text of the target in one line: without line feeds at its end, and cut at `most` bytes. */
void put_cut(struct str *to, const char *bytes, size_t n, size_t most);
/* A word of a command line, quoted so that a shell takes it for one, whatever it holds. */
void put_quoted(struct str *to, const char *word);

/* frames.c */
const struct py_thread *death_thread(const struct death *d);
/* The thread's Python, which knows it, has no GIL that it could hold. */
bool death_is_free_threaded(const struct death *d, const struct py_thread *th);
/* Belongs to the C or C++ runtime, or to the kernel: where a function gets its faults from its
 * caller. */
bool is_runtime(const struct image *img);
bool frame_named(const struct native_frame *f, const char *function);
/* A symbol covers it. */
bool is_named(const struct native_frame *f);
/* It is no guess. */
bool is_sure(const struct native_frame *f);
/* The first frame from `from` on, before `to` and not far, that is in one of these functions;
 * stack->n: none. */
size_t find_frame(
	const struct death *d, size_t from, size_t to, const char *const *functions, size_t n);
/* "strlen (libc.so.6)" */
void put_function(struct str *to, const struct native_frame *f);
/* The same with the source line, if it is known. */
void put_frame(struct str *to, const struct native_frame *f);
/* " in strlen (libc.so.6)", behind a comma if there are several parts already; nothing if there is
 * no frame.
 */
void put_in_frame(struct str *to, const struct death *d);
/* The same of any frame. */
void put_in(struct str *to, const struct death *d, size_t frame);
/* "strlen" */
void put_name(struct str *to, const struct native_frame *f);
/* The innermost frame outside of the runtime; stack->n: none. */
size_t frame_outside(const struct death *d);
/* "down (app.py:12)" */
void put_py_function(struct str *to, const struct py_frame *f);

/* hints.c: what is worth to be known of where it happened, to d->detail. */
void find_hints(struct death *d);

/* missing.c: v->missing, v->next */
void find_missing(struct death *d);
void find_next(struct death *d);

/* lines.c: v->lines, v->summary, v->message */
void write_lines(struct death *d);
