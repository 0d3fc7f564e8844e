/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a process died, in a few lines: what a reader in a hurry sees first.
 *
 * Every statement is one that the core proves; what is likely only is called so.
 */
#pragma once

#include "pycore/python.h"
#include "pycore/registers.h"
#include "pycore/search.h"
#include "pycore/unwind.h"

#include <stdbool.h>
#include <stddef.h>

enum { VERDICT_LINES_MAX = 12 };

enum cause {
	CAUSE_UNKNOWN,
	CAUSE_SNAPSHOT, /* it did not die */
	CAUSE_NULL_DEREFERENCE, /* address 0, or a small offset from it */
	CAUSE_NOT_MAPPED, /* any other address at which nothing is mapped */
	CAUSE_NOT_CANONICAL, /* an address that the processor cannot have */
	CAUSE_NO_PERMISSION, /* mapped, but not for that */
	CAUSE_STACK_OVERFLOW,
	CAUSE_BAD_JUMP, /* executed what is no code */
	CAUSE_FILE_CUT_OFF, /* SIGBUS: a mapped file is shorter than its mapping */
	CAUSE_BUS_ERROR,
	CAUSE_MISALIGNED, /* an instruction that wants its address aligned */
	CAUSE_DIVISION,
	CAUSE_ILLEGAL_INSTRUCTION,
	CAUSE_TRAP, /* an instruction that is made to end the process */
	CAUSE_FATAL_ERROR, /* Py_FatalError */
	CAUSE_HEAP_CORRUPTION, /* found by the C library */
	CAUSE_STACK_SMASHED, /* found by the compiler's guard */
	CAUSE_BUFFER_OVERFLOW, /* found by the C library's guards, before it happened */
	CAUSE_ASSERTION,
	CAUSE_UNCAUGHT_EXCEPTION, /* of C++ */
	CAUSE_ABORT, /* for any other reason */
	CAUSE_SENT, /* a signal by another process, or from the terminal */
	CAUSE_SENT_BY_ITSELF,
	CAUSE_OUT_OF_TIME_OR_SPACE, /* SIGXCPU, SIGXFSZ */
	CAUSE_BAD_SYSTEM_CALL,
};
/* "null-dereference": the value of "cause" in JSON, which never changes. */
const char *cause_key(enum cause c);

/* Texts are as the target has them: whoever prints them escapes them. */
struct verdict {
	enum cause cause;
	char *summary; /* one line; NULL: no verdict, for the process lives */
	struct verdict_line {
		const char *label; /* literal: "Died:", at most 11 characters */
		char *text;
	} lines[VERDICT_LINES_MAX]; /* the summary first */
	size_t n_lines;
	const struct py_thread *thread; /* that died; NULL: not known */
	/* Where it died: its innermost frames; of a native stack, the innermost one behind the
	 * signal handler, if it was that which ended the process. NULL: none. */
	const struct native_frame *native_frame;
	const struct py_frame *python_frame;
	char *message; /* what the program, or its C library, said when it aborted; NULL: nothing */
	char **missing; /* what the core lacks that would be needed, a line each */
	size_t n_missing, cap_missing;
	char *next; /* the command worth running next; NULL: none */
	struct native_stack own; /* where native_frame lies, if the thread was not walked before */
	struct unwind *own_unwind;
};

/* What it is reached from. */
struct verdict_question {
	struct python *python; /* walked and located */
	struct unwind *unwind; /* NULL: none */
	bool redact;
	/* The command line, to be repeated in the next command: */
	const char *exe; /* NULL: was not named */
	const struct file_search *search; /* NULL: the usual places */
	bool native, locals; /* were asked for already */
};

/* *ret_registers: those of the thread that died. Free both in any case. Of a live process: nothing,
 * and no summary. Before q->unwind is closed and q->python is freed. */
void verdict_reach(
	const struct verdict_question *q, struct verdict *ret, struct registers *ret_registers);
void verdict_fini(struct verdict *v);
