/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of a source line that is being executed, underlined as Python's own tracebacks do it
 * (3.11 on):
 *
 *	    return total / count(rows)[0]
 *	           ~~~~~~^~~~~~~~~~~~~~~~
 *
 * In an expression of several lines, the rest of the first one is underlined.
 */
#pragma once

#include "pycore/python.h"
#include "pycore/str.h"

#include "source.h"

enum caret_style {
	CARETS_OPERATORS, /* ^ marks a binary operator, or a subscript's brackets (3.11, 3.12) */
	CARETS_CALLS, /* or a call's; but nothing is underlined in `x = f()` and `return f()`
			 (3.13 on) */
};

/* Bytes of a line's text: [start, end) is underlined, [mark, mark_end) of it with ^ and the rest
 * with ~. */
struct carets {
	size_t start, end, mark, mark_end;
};

/* False: nothing is to be underlined: the expression is all there is in the line, or its place in
 * the line is not known, or cannot be right. */
bool carets_find(const struct source_text *line, const struct py_location *at,
	enum caret_style style, struct carets *ret);

/* Appends "    return f(x)\n" and, if c is not NULL, the line of carets; escaped, with tabs as
 * blanks, and coloured as Python does. */
void carets_put(
	struct str *to, const struct source_text *line, const struct carets *c, bool colour);

/* anchors.c: what the expression in `text` is at its outermost, and what marks it as such. False:
 * nothing that is marked, or not surely. */
enum anchor_kind { ANCHOR_OPERATOR, ANCHOR_SUBSCRIPT, ANCHOR_CALL };
struct anchors {
	enum anchor_kind kind;
	size_t start, end; /* bytes of the operator, or of the brackets and what they hold */
	bool of_name; /* ANCHOR_CALL: what is called is a plain name */
};
bool anchors_find(const char *text, size_t n, struct anchors *ret);
/* How many bytes at the start of a text can be of one name or number. */
size_t name_length(const char *text, size_t n);
