/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of fields.def as data, for the readers of DWARF and of debug offsets. */
#pragma once

#include "pycore/layout.h"

struct field_spelling {
	const char *name; /* "code.name" */
	const char *structs; /* "PyBytesObject|PyStringObject" */
	const char *members; /* "threads.head|tstate_head"; "sizeof" */
	const char *debug_offsets; /* "gc.collecting", "a.b+c.d", "a.b-a.c"; "" */
	const char *enumerator; /* "FIELD_code_name" */
};

/* FIELD_COUNT of them. */
extern const struct field_spelling field_spellings[];

/*
 * Cuts the next spelling off a list parted by `sep`: stores it and returns true, or returns false
 * at the end of the list. *list moves behind it.
 */
bool spelling_next(const char **list, char sep, const char **ret, size_t *ret_len);

/* Where the builds of that row have a field, also one that moves inside the row's range. */
const struct field_at *row_field(const struct layout_row *row, enum field f);
