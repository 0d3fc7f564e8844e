/* SPDX-License-Identifier: Apache-2.0 */
/* The native stacks of the threads that a command wants them of, merged with Python's. */
#pragma once

#include "pycore/merge.h"
#include "pycore/unwind.h"

enum natives_mode {
	NATIVES_CRASHED, /* of the thread that died */
	NATIVES_NONE,
	NATIVES_EVERY, /* of every thread that Python knows, or if it knows none of every one, and
			  of the one that died */
	NATIVES_ALL, /* of every thread, and all that is known of them, whatever it costs */
};

struct natives {
	enum natives_mode mode;
	struct target *target;
	struct unwind *unwind; /* NULL: none are wanted */
	struct native_stack *stacks; /* one for each thread of the target */
	bool *wanted; /* of each of them */
	size_t n;
	struct merged_stack *merged; /* one for each thread of Python's */
	size_t n_merged;
};

/* Opens what walking will need, before a process is stopped. */
void natives_init(struct natives *n, struct target *t, enum natives_mode mode);
/* Walks, anew each time, after python_walk(); a live target is stopped. */
void natives_walk(struct natives *n, const struct python *p);
/* Looks names up, and hands the stacks to the target's threads. */
void natives_name(struct natives *n);
/* Merges the stacks and hands them to Python's threads, to which they belong until natives_fini().
 */
void natives_merge(struct natives *n, struct python *p);
void natives_fini(struct natives *n);
