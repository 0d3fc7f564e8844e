/* SPDX-License-Identifier: Apache-2.0 */
/* Native frames in both forms. */
#pragma once

#include "json.h"

#include "pycore/native.h"
#include "pycore/out.h"

/* Those of frames that were printed with neither a function nor a line, by which their files can be
 * found. Zero-initialised is empty. */
struct nameless {
	const struct image **list; /* in the order in which they were met; owned */
	size_t n, cap;
};

/* A line for each function at the frame's place, the first one with the mark. */
void text_native_frame(struct out *o, const struct native_frame *f, const char *mark,
	const char *indent, struct nameless *modules);
/* What is to be told of where the stack ends, if anything. */
void text_native_end(struct out *o, const struct native_stack *s, const char *indent);
/* "Modules without symbols", if there are any; frees the list. */
void text_nameless(struct out *o, struct nameless *modules);

/* An object for each function at the frame's place, innermost first. */
void json_native_frame(struct json *j, const struct native_frame *f, bool foreign);
/* The keys of a thread that say what its native stack lacks. */
void json_native_end(struct out *o, struct json *j, const struct native_stack *s);
