/* SPDX-License-Identifier: Apache-2.0 */
/* The native stacks of the threads that a command wants them of. */
#pragma once

#include "pycore/unwind.h"

enum natives_mode {
	NATIVES_CRASHED, /* of the thread that died */
	NATIVES_NONE,
	NATIVES_EVERY, /* of every thread */
	NATIVES_ALL, /* and all that is known of them, whatever it costs */
};

struct natives {
	enum natives_mode mode;
	struct target *target;
	struct unwind *unwind; /* NULL: none are wanted */
	struct native_stack *stacks; /* one for each thread of the target */
	size_t n;
};

/* Opens what walking will need, before a process is stopped. */
void natives_init(struct natives *n, struct target *t, enum natives_mode mode);
/* Walks, anew each time; a live target is stopped. */
void natives_walk(struct natives *n);
/* Looks names up, and hands the stacks to the target's threads. */
void natives_name(struct natives *n);
void natives_fini(struct natives *n);
