/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stack out of a thread's native frames and its Python frames, in the order in which they were
 * called.
 *
 * Each call of the interpreter's evaluation function is one native frame and runs one or more
 * Python frames, which stand further in than it. Which native frames these are is told by addresses
 * that the interpreter keeps on the C stack (3.10 on), and else by the function's name or range;
 * both must agree where both exist.
 */
#pragma once

#include "pycore/native.h"
#include "pycore/python.h"

#include <stdbool.h>
#include <stddef.h>

/* Exactly one of the first two pointers is set. */
struct merged_frame {
	const struct py_frame *python;
	const struct native_frame *native;
	/* Whose Python frame it is. Of a native frame, the state that it belongs to: whose Python
	 * frame it runs, or else was called by. */
	const struct py_thread *state;
	/* A native frame that says nothing to who looks for the fault in his program: the
	 * evaluation function itself, what the interpreter does between two Python frames or before
	 * the first one, the start of a thread or program in the C library. Never one that lies
	 * further in than the innermost Python frame; the evaluation function itself does, if the
	 * thread died in it. */
	bool internal;
	/* A call of the evaluation function that is further out than all calls that the thread's
	 * state shows: the Python frames that it runs are another greenlet's, or lost. */
	bool foreign;
};

enum { MERGE_WHY_MAX = 200 };

struct merged_stack {
	struct merged_frame *frames; /* innermost first; owned; none unless merged */
	size_t n;
	size_t n_inner; /* how many of them are further in than the innermost Python frame: what
			   that one called in C; all, if there is no Python frame */
	/* All frames of both are here, and each Python frame that the native stack reaches stands
	 * where it was called. A native stack that broke off does not reach all: the Python frames
	 * further out are the last ones then. Every call of the evaluation function runs Python
	 * frames of the thread, but for foreign ones and for an innermost one that has just begun
	 * or is about to end. */
	bool merged;
	char why[MERGE_WHY_MAX]; /* why they are not merged; of no target's words */
};

/* Merges a thread's th->os->native, which is there and named (unwind_name()), with th->frames; of
 * an OS thread that has several states, with the frames of all, so that the result is the same for
 * each. They must outlive *ret, which is set in any case. Reads nothing of a live target that was
 * not read while it was stopped. */
void merge_thread(const struct python *p, const struct py_thread *th, struct merged_stack *ret);
void merged_stack_fini(struct merged_stack *s);
