/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of the evaluation function that run a thread's frames, gathered while these are walked
 * from the innermost one outwards. */
#pragma once

#include "py_internal.h"

/* Whether the thread is in the evaluation function itself, among whose variables on the C stack the
 * cframe lies. */
bool py_is_evaluating(const struct py_thread *th, uint64_t cframe);

struct calls {
	const struct py_runtime *rt;
	const struct py_thread *th; /* with cframe, n_omitted and why as far as they are known */
	struct py_entry *list; /* innermost first; owned */
	size_t n, cap;
	size_t closed; /* frames that belong to those in the list */
	uint64_t base; /* 3.15: the frame that every chain ends with; else 0 */
	/* 3.11, 3.12: the cframe of a call, the frame that it says is its innermost, and the same
	 * of the call around it. 3.11's is the one that is not closed yet, 3.12's the innermost. */
	uint64_t cframe, frame, outer, outer_frame;
	bool lost; /* the walk has not come to outer_frame, though there is one */
};

void calls_init(struct calls *c, const struct py_runtime *rt, const struct py_thread *th);
/* The innermost call runs no frame yet: returns the innermost one of the call around it. At once
 * after calls_init(). */
uint64_t calls_skip(struct calls *c);
/* The walk comes to the frame at that address, and has kept n_frames before it. */
void calls_reach(struct calls *c, uint64_t frame, size_t n_frames);
/* The same, to a shim. */
void calls_shim(struct calls *c, uint64_t shim, size_t n_frames);
/* The walk has ended, and has kept these frames. */
void calls_finish(struct calls *c, const struct py_frame *frames, size_t n_frames);
void calls_fini(struct calls *c);
