/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptions of CPython builds under fixtures/layouts, made by its extract.py from a source
 * of layouts that is independent of pycore's DWARF reader. */
#pragma once

#include "pycore/layout.h"

enum { FIXTURE_WORDS_MAX = 256, FIXTURES_MAX = 64 };

struct fixture {
	char name[64]; /* "cpython-3.9.2-debian-x86_64" */
	char arch[16];
	struct layout_key key;
	struct field_at
		field[FIELD_COUNT]; /* origin: ORIGIN_BUILTIN where the build has the field */
	uint64_t words[FIXTURE_WORDS_MAX]; /* its _Py_DebugOffsets as read from the binary */
	size_t words_len; /* 0: none */
	bool derived; /* from headers: without the structs of .c files */
	bool by_gdb; /* describe.py: has every field that the build has */
};

/* All of them, once read; the test fails when there are none. The folder is
 * $PYCORE_FIXTURES/layouts, else fixtures/layouts below the current directory. */
const struct fixture *fixtures_all(size_t *ret_len);
/* The one of that name, as in "cpython-3.14-x86_64". */
const struct fixture *fixture_named(const char *name);
/* Whether it is of a kind of builds that there are rows for. */
bool fixture_has_row(const struct fixture *x);
/* Whether any but those by gdb has the field: their source leaves out many extension modules. */
bool fixtures_describe(enum field f);
/* Whether this one would tell of the field if that build had it: not of modules of other machines.
 */
bool fixture_describes(const struct fixture *x, enum field f);

/* The debug offsets of a fixture as they lie in memory; returns their size. `block` holds
 * DEBUG_OFFSETS_MAX. */
size_t fixture_block(const struct fixture *x, enum byte_order order, uint8_t *block);
void put_word(uint8_t *block, size_t index, enum byte_order order, uint64_t value);

/* Fails the test where the places differ, naming both; origins are not compared. */
void check_same_place(const char *of, enum field f, struct field_at is, struct field_at should);
