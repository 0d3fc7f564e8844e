/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a bug report wants to know of one interpreter, out of its own memory and nothing else: what
 * is installed or configured on the machine that looks is of no interest.
 *
 * A text whose bytes are NULL and whose why is no error does not exist in that Python, or is None.
 */
#pragma once

#include "pycore/err.h"
#include "pycore/values.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A list of strings. Redacted ones read <str of length 5, hash 0123456789abcdef>; of what is no
 * string there is the repr(), and where that could not be read, both it and why. */
struct py_words {
	bool known; /* false and no why: that Python has no such list */
	struct py_text *list;
	size_t len;
	size_t omitted; /* beyond the limits */
	struct err why; /* it could not be read, or not all of it */
};

/* One field of sys.flags. */
struct py_flag {
	struct py_text name;
	bool is_bool;
	int64_t value;
};

struct py_flags {
	struct py_flag *list; /* as Python lists them; those that it hides follow */
	size_t len;
	bool nameless; /* names of fields are in no memory at hand, so none is listed */
	struct err why;
};

/* A module that a shared library holds. */
struct py_extension {
	struct py_text name, path;
	bool stdlib; /* belongs to Python itself */
};

/* A distribution or a module, and its version. */
struct py_release {
	struct py_text name, version;
	const char *known_by; /* distributions: literal, the module that has found it */
};

struct py_releases {
	bool known; /* false: that process keeps no such list */
	struct py_release *list;
	size_t len, omitted;
	struct err why;
};

struct py_facts {
	struct py_text version, platform, executable; /* sys.version, ... */
	struct py_text implementation, cache_tag; /* sys.implementation.name and .cache_tag */
	/* They differ in a virtual environment. Before sys.base_prefix there was sys.real_prefix,
	 * in virtual environments only. */
	struct py_text prefix, base_prefix;
	struct py_words argv, orig_argv, path;
	struct py_flags flags;

	size_t modules; /* in sys.modules */
	size_t builtin_modules; /* of these: compiled into Python */
	struct py_extension *extensions; /* of these: shared libraries, in the order of import */
	size_t n_extensions, extensions_omitted;
	struct py_releases versions; /* top-level modules beyond the standard library that have a
					__version__ */
	struct py_releases distributions; /* installed ones that pkg_resources or importlib.metadata
					     has found */
	struct err modules_why; /* sys.modules could not be read, or not all of it */
};

struct python;
/*
 * Reads the interpreters as they are now, and their facts, by p->options.limits; neither threads
 * nor frames, which python_walk() does. A live process need not be stopped: what it changes
 * meanwhile may be damaged in the facts, and another look may see it whole.
 */
void python_read_facts(struct python *p);
/* The first thing that could not be read, if any. */
struct err py_facts_error(const struct py_facts *f);
