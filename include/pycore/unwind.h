/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native stacks of a target's threads.
 *
 * From a thread's registers the walk goes outwards by call frame information (CFI) of the files
 * that are mapped; where there is none, by the frame pointer, and where that leads nowhere, by what
 * looks like a return address on the stack. Nothing here knows of Python.
 */
#pragma once

#include "pycore/native.h"
#include "pycore/target.h"

struct unwind;

/* How much is spent on modules whose debug information is large and compressed, for unpacking it
 * costs some 5 ms a megabyte. */
enum unwind_effort {
	UNWIND_QUICK, /* neither their lines nor their inlined functions */
	UNWIND_LINES, /* their lines */
	UNWIND_FULL,
};

/* The target must outlive it. *ret is always set; ERR_UNSUPPORTED: no row for this architecture,
 * and every stack will be empty and say so. */
struct err unwind_open(struct target *t, struct unwind **ret);
void unwind_close(struct unwind *u); /* NULL is fine */

/* Opens the files of all modules with code, so that no file is opened while a process is stopped.
 */
void unwind_prepare(struct unwind *u);

/* Walks one thread; a live one must be stopped. Adds to *ret, which is empty; what went wrong is
 * said in ret->why. */
void unwind_thread(struct unwind *u, const struct os_thread *th, struct native_stack *ret);

/* Looks up modules, functions and lines of a stack's frames: reads files only, so it can wait until
 * a live target was resumed. Places live until unwind_close(). */
void unwind_name(struct unwind *u, struct native_stack *s, enum unwind_effort effort);
