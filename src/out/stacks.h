/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown of a thread's stack, and what makes stacks short to read: runs that repeat, and
 * threads with the same stack. */
#pragma once

#include "pycore/out.h"
#include "pycore/python.h"

/* A frame; exactly one of the first two pointers is set. */
struct shown_frame {
	const struct py_frame *python;
	const struct native_frame *native;
	const struct py_thread *state; /* NULL: of a native stack by itself; else, and the next: */
	bool foreign; /* as in struct merged_frame */
};

struct shown_stack {
	struct shown_frame *frames; /* innermost first; owned */
	size_t n;
	size_t n_hidden; /* native frames that are left out */
	bool apart; /* they could not be merged, and are to be shown by themselves */
	bool ends; /* nothing is left out further out than the outermost native frame of the list,
		      so where the native stack broke off is worth telling */
};
/* Borrows the thread's frames: of an OS thread that has several states, those of this one, or of
 * all in the order of their calls. */
void shown_stack_init(struct shown_stack *s, const struct py_thread *th, enum out_native which);
void shown_stack_init_all(struct shown_stack *s, const struct py_thread *th, enum out_native which);
/* A native stack by itself. */
void shown_stack_init_native(struct shown_stack *s, const struct native_stack *native);
void shown_stack_fini(struct shown_stack *s);

enum { REPEATS_SHOWN = 3 };

/* A run of `period` frames that stands `times` times in a row, outermost first. */
struct repeat {
	size_t period, times;
};
/* The run at the outer end of the innermost `n` frames. period * times >= 1; times <= REPEATS_SHOWN
 * comes as {1, 1}, for it is not worth collapsing. */
struct repeat stack_repeat(const struct shown_frame *frames, size_t n);

/* Threads that have the same stack and the same standing: neither crashed nor main nor holding the
 * GIL, and of one state. */
struct stack_group {
	const struct py_thread **threads;
	size_t n, cap;
};
struct stack_groups {
	struct stack_group *list; /* in the order of each one's first thread */
	size_t n, cap;
};
/* Of the states of one OS thread only the first is taken. As `which` native frames are shown.
 * `join` false: every thread is a group of its own. The threads are borrowed. */
void stack_groups_init(struct stack_groups *g, const struct py_thread *const *threads, size_t n,
	enum out_native which, bool join);
void stack_groups_fini(struct stack_groups *g);
