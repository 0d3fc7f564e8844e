/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python state made by hand, for any row of the layouts: structs in a buffer of target memory,
 *filled field by field.
 *
 *	struct fakepy f;
 *	fakepy_init(&f, &layout_rows(&n)[3]);
 *	uint64_t code = fakepy_code(&f, "down");
 *	f.thread = fakepy_thread(&f, f.interp, fakepy_frame(&f, code, 0, 0));
 *	python_walk(&f.python);
 *	fakepy_fini(&f);
 *
 * There is one runtime and one interpreter from the start; fakepy_thread() puts thread states in
 *front of its list.
 */
#pragma once

#include "pycore/mem.h"
#include "pycore/python.h"

enum { FAKEPY_BASE = 0x100000, FAKEPY_SIZE = 4 * 1024 * 1024 };

struct fakepy {
	struct mem_buf mem;
	struct target target;
	struct python python;
	struct py_runtime *rt; /* python.runtimes[0] */
	uint8_t *bytes;
	size_t used;
	uint64_t interp, code_type, str_type;
	uint64_t type, object; /* those of Python, once fakepy_classes() was called */
};

void fakepy_init(struct fakepy *f, const struct layout_row *row);
void fakepy_fini(struct fakepy *f);

/* n zeroed bytes, aligned to 16. */
uint64_t fakepy_alloc(struct fakepy *f, size_t n);
/* The local bytes behind an address. */
uint8_t *fakepy_at(struct fakepy *f, uint64_t addr);
/* Sets a field of the struct at addr, bit-fields too; nothing where the build has none. */
void fakepy_set(struct fakepy *f, uint64_t addr, enum field field, uint64_t value);
/* Sets the word at an address. */
void fakepy_set_address(struct fakepy *f, uint64_t at, uint64_t value);
/* Sets local bytes to a number in the target's byte order. */
void fakepy_put(const struct fakepy *f, uint8_t *to, uint64_t value, unsigned size);

uint64_t fakepy_interp(struct fakepy *f);
/* A type of that name. */
uint64_t fakepy_type(struct fakepy *f, const char *name);
/* Makes `type` and `object`, from which the others come. */
void fakepy_classes(struct fakepy *f);
/* A whole class, derived from object. flags: tp_flags. */
uint64_t fakepy_class(struct fakepy *f, const char *name, uint64_t flags, uint64_t basicsize);
/* ASCII text as this build stores names. */
uint64_t fakepy_text(struct fakepy *f, const char *text);
uint64_t fakepy_bytes(struct fakepy *f, const void *bytes, size_t n);
/* A code object, file "file.py", first line 10, no line table. */
uint64_t fakepy_code(struct fakepy *f, const char *name);
/* A frame of that code that has run its instruction at the byte `offset`, called by `back` (0:
 * nobody). */
uint64_t fakepy_frame(struct fakepy *f, uint64_t code, int32_t offset, uint64_t back);
/* A thread state in front of the list of interp, running `frame` (0: none). */
uint64_t fakepy_thread(struct fakepy *f, uint64_t interp, uint64_t frame);
/* The pthread_t that it bears. */
uint64_t fakepy_thread_id(const struct fakepy *f, uint64_t tstate);
/* The row that reads this release. */
const struct layout_row *fakepy_row(unsigned major, unsigned minor);
