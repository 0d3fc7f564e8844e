/* SPDX-License-Identifier: Apache-2.0 */
/* What makes stacks short to read: runs that repeat, and threads with the same stack. */
#pragma once

#include "pycore/python.h"

enum { REPEATS_SHOWN = 3 };

/* A run of `period` frames that stands `times` times in a row, outermost first. */
struct repeat {
	size_t period, times;
};
/* The run at the outer end of the innermost `n` frames. period * times >= 1; times <= REPEATS_SHOWN
 * comes as {1, 1}, for it is not worth collapsing. */
struct repeat stack_repeat(const struct py_frame *frames, size_t n);

/* Threads that have the same stack and the same standing: neither crashed nor main nor holding the
 * GIL. */
struct stack_group {
	const struct py_thread **threads;
	size_t n, cap;
};
struct stack_groups {
	struct stack_group *list; /* in the order of each one's first thread */
	size_t n, cap;
};
/* `join` false: every thread is a group of its own. The threads are borrowed. */
void stack_groups_init(
	struct stack_groups *g, const struct py_thread *const *threads, size_t n, bool join);
void stack_groups_fini(struct stack_groups *g);
