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
#include "pycore/str.h"
#include "pycore/target.h"

struct unwind;

/* How much is spent on names. Unpacking large debug information that is compressed costs some 5 ms
 * a megabyte. */
enum unwind_effort {
	UNWIND_SYMBOLS, /* functions as symbols name them: no lines, no inlined functions */
	UNWIND_QUICK, /* as much of where debug information is large and compressed; else all */
	UNWIND_LINES, /* the lines there, too */
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
/* The same for at most n frames from number `from` on; those that have been named with less effort
 * are named anew. */
void unwind_name_frames(
	struct unwind *u, struct native_stack *s, size_t from, size_t n, enum unwind_effort effort);

/* Appends the name of a C++ type, "std::runtime_error" of the "St13runtime_error" that its typeinfo
 * holds. False, and nothing appended: it is none, or too long. */
bool unwind_type_name(const char *mangled, struct str *to);
