/* SPDX-License-Identifier: Apache-2.0 */
/* What an exception says of itself: the text that str() would give, without running a __str__. */
#pragma once

#include "objects/repr.h"

/*
 * An exception, or what one will be made of: to 3.11 a thread can have an exception on its way of
 * which there are only a class and a value.
 */
struct exc {
	struct heap *h;
	const struct py_type *type; /* its class; of 2.7's old-style instances `instance` */
	bool made; /* there is an object */
	struct py_object object; /* made only */
	uint64_t n_args;
	uint64_t arg; /* n_args 1: the argument */
	uint64_t args; /* n_args > 1: the tuple; with one argument, where there is one */
};

/* The exception at addr. ERR_CORRUPT: what is there is none. */
struct err exc_open(struct heap *h, uint64_t addr, struct exc *ret);
/* One that was not made yet: the class and what it will be called with (0, None, a tuple of
 * arguments, the only argument), or the exception itself. */
struct err exc_open_parts(struct heap *h, uint64_t type, uint64_t value, struct exc *ret);

/* Its class as a traceback names it: "ValueError", "app.Error"; and the module of the class. In the
 * arena; never NULL. */
const char *exc_type_name(const struct exc *x, const char **ret_module);

/* str() of it. Its class has a __str__ of which only its code knows what it gives: the arguments as
 * repr() writes them, and *ret_is_args. */
void exc_message(const struct exc *x, struct py_text *ret, bool *ret_is_args);
/* What a traceback shows of a SyntaxError: the lines before the last one, and what stands in the
 * last one. Both are left alone for any other exception, and with limits that redact. */
void exc_syntax(const struct exc *x, struct py_text *ret_source, struct py_text *ret_message);
/* str() of any object, or its repr() where only its own code knows. */
void exc_text_of(struct heap *h, uint64_t addr, struct py_text *ret);

/* traceback.c: the frames of the traceback at tb (0, None: there is none) into *e; at most *left,
 * which is lowered by as many as there are. */
void exc_traceback(struct heap *h, uint64_t tb, size_t *left, struct py_exception *e);

/* exception_str.c: one text being written. */
struct str_writer {
	struct repr r; /* r.to is &text */
	struct str text;
	bool unknown; /* a __str__ was met of which only its code knows what it gives */
	bool cut; /* a string was longer than NAME_CHARS_MAX */
	unsigned depth; /* exceptions inside of exceptions */
};
void str_write_exception(struct str_writer *w, const struct exc *x);
void str_write(struct str_writer *w, uint64_t addr);
/* "'a', 1" */
void str_write_args(struct str_writer *w, const struct exc *x);
/* The characters of a string object. */
void str_write_text(struct str_writer *w, uint64_t str);
/* Whether there is a str, or in 2.7 one of either kind. */
bool str_is_string(struct heap *h, uint64_t addr);

/* exception_kinds.c: what writes the text of exceptions whose __str__ is that of the class `by`;
 * NULL: none is known. */
typedef struct err str_exception_fn(struct str_writer *w, const struct exc *x);
str_exception_fn *str_exception_find(const struct py_type *by);
