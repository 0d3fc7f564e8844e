/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values: what objects of a target are, as repr() would write them in that version of Python,
 * without running anything of it.
 *
 * A value is decoded into text while the memory is at hand, so that a live process can go on before
 * anything is printed. The text is as struct py_text has it; `out` escapes it.
 */
#pragma once

#include "pycore/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A string of the target as UTF-8, lone surrogates kept (WTF-8). It may hold NULs, and ends with
 * one. */
struct py_text {
	const char *bytes; /* NULL: not read, `why` says */
	size_t len;
	bool cut; /* longer than NAME_CHARS_MAX characters: this is its beginning */
	struct err why;
};

/* How much of a value is shown. What is left out is counted in the text. */
struct value_limits {
	unsigned max_string; /* characters of a str, bytes of a bytes; digits of an int */
	unsigned max_items; /* of one container, attributes of one instance */
	unsigned max_depth; /* containers inside containers; 0: the outermost shows only its type
			       and size */
	bool redact; /* no character of any text: type, length and a hash keyed anew in each run */
};

#define VALUES_SHORT ((struct value_limits){ .max_string = 200, .max_items = 20, .max_depth = 3 })
#define VALUES_FULL                                                                                \
	((struct value_limits){ .max_string = 10000, .max_items = 1000, .max_depth = 10 })

/* One object as text. */
struct py_value {
	uint64_t addr;
	const char *type; /* as Python names it: "int", "app.Session"; NULL: not known */
	struct py_text text; /* if `why` failed: <damaged: ...> in its place */
	struct err why; /* what is at addr is no object */
	bool truncated; /* a limit cut something off */
	bool damaged; /* some part of it shows <damaged: ...> */
	bool redacted; /* all that is said of it is its type, length and hash */
	uint64_t length, hash; /* redacted only */
	const char *oddity; /* literal: what is odd about its reference count; NULL: nothing */
};

enum variable_scope { SCOPE_ARGUMENT, SCOPE_LOCAL, SCOPE_CELL, SCOPE_FREE };

/* A name of a frame, or of a module, with its value. */
struct py_variable {
	struct py_text name;
	enum variable_scope scope;
	const struct py_value *value; /* never NULL */
};

struct py_variables {
	struct py_variable *list;
	size_t len;
	size_t omitted; /* beyond VARIABLES_MAX */
	struct err why; /* they could not be read, or not all of them */
};

enum exception_state {
	EXCEPTION_RAISED, /* on its way through frames right now */
	EXCEPTION_HANDLED, /* an except or finally block deals with it; in 2.7 one did, in a
			      function that has not returned yet */
};

struct py_frame;

/* An exception object, as Python would print it if it was not caught. */
struct py_exception {
	uint64_t addr; /* 0: it is not made yet, only its class and arguments are known */
	enum exception_state state; /* of the outermost; what it leads to counts as handled */
	bool may_be_over; /* 2.7 remembers what was handled until the function returns */
	const char *type; /* as a traceback names it: "ValueError", "app.Error"; "?": not known */
	const char *module; /* of its class: "builtins", "app"; NULL: not known */
	struct py_text message; /* what str() would give; empty: the traceback ends with the type */
	/* SyntaxError: the lines that a traceback shows before its last one ("  File ...", the
	 * source, a caret), parted by newlines, and what the last one shows instead of the message.
	 * bytes NULL: it has none. */
	struct py_text source, short_message;
	/* Only code of the target knows what str() gives: these are the arguments as repr() writes
	 * them, parted by commas. */
	bool message_is_args;
	const struct py_frame *traceback; /* innermost first, as all frames */
	size_t n_traceback, traceback_omitted;
	struct err traceback_why;
	struct py_text *notes;
	size_t n_notes;
	const struct py_exception *cause, *context; /* NULL: none, or shown already further out */
	bool suppress_context;
	const struct py_exception **exceptions; /* of a group */
	size_t n_exceptions, exceptions_omitted;
	struct err why; /* it could not be read, or not all of it */
};

/* The globals of one module that is on a stack. */
struct py_globals {
	size_t interpreter; /* index in python.interpreters */
	uint64_t addr; /* of the dict */
	struct py_text module; /* its __name__ */
	struct py_variables names; /* its own: no modules, nothing that another module defined, no
				      __names__ */
	struct py_globals *next;
};
