/* SPDX-License-Identifier: Apache-2.0 */
/* Words for facts that text and JSON share. */
#pragma once

#include "pycore/python.h"
#include "pycore/signals.h"
#include "pycore/target.h"

#include "source.h"

/* What could not be told of a frame, if anything: its code, its names, its line. */
struct err frame_error(const struct py_frame *f);
/* The source line of a frame into ret; false if there is none. `source` may be NULL. */
bool frame_source(const struct py_frame *f, struct source *source, struct str *ret);
/* Appends the source line of a frame as a traceback shows it, "    x = f(y)", and under it the
 * carets, if it has any; false if there is none. */
bool frame_put_source(const struct py_frame *f, struct source *source, bool colour, struct str *to);
/* True if both frames are at the same line of the same code. */
bool frame_same(const struct py_frame *a, const struct py_frame *b);

const char *gil_state_name(enum gil_state g); /* "holder"; NULL: unknown */
