/* SPDX-License-Identifier: Apache-2.0 */
/* Words for facts that text and JSON share. */
#pragma once

#include "pycore/python.h"
#include "pycore/target.h"

#include "source.h"

/* "SIGSEGV"; NULL for a number that has no name. */
const char *signal_name(int signo);
/* "SEGV_MAPERR"; NULL where the pair has no name. */
const char *signal_code_name(int signo, int code);
/* What the code means, in words; NULL where there is nothing to add. */
const char *signal_code_text(int signo, int code);

/* Where a frame is in its file, and its source line if there is one. */
struct frame_facts {
	const struct py_code *code;
	struct py_location at; /* all -1 when not known */
	struct err why;	       /* what could not be read */
	bool has_source;
	struct str source;
};
void frame_facts(const struct python *p, const struct py_thread *th, const struct py_frame *f, struct source *source,
	struct frame_facts *ret);
void frame_facts_fini(struct frame_facts *f);

/* True if both frames are at the same line of the same code. th: a thread of the same Python. */
bool frame_same(const struct python *p, const struct py_thread *th, const struct py_frame *a, const struct py_frame *b);

const char *gil_state_name(enum gil_state g); /* "holder"; NULL: unknown */
