/* SPDX-License-Identifier: Apache-2.0 */
/* Free lists: what kinds there are, and what a list is read with. */
#pragma once

#include "internal.h"

enum {
	FREE_KINDS = 28,
	FREE_TUPLE_LISTS = 20, /* one for each length */
	FREE_LISTS = FREE_KINDS + FREE_TUPLE_LISTS,
};

enum free_shape {
	FREE_CHAIN, /* a pointer to the first entry, each of which points to the next */
	FREE_ARRAY, /* pointers to the entries */
	FREE_SINGLE, /* a pointer to the only one */
};

enum free_what {
	FREE_OBJECTS,
	FREE_ITEMS, /* objects of variable size, which say how many items they have */
	FREE_ONE_ITEM, /* those that have one item */
	FREE_TUPLES, /* a list for each of FREE_TUPLE_LISTS lengths */
	FREE_KEYS, /* tables of dicts, of the smallest size */
	FREE_PARTS, /* other memory */
};

struct free_kind {
	const char *name;
	enum field head, count; /* FIELD_COUNT: it has no count, is no member */
	enum free_shape shape; /* before all were chains */
	enum field link; /* word of an entry that leads to the next; FIELD_COUNT: its first */
	enum free_what what;
	enum field size; /* of FREE_PARTS; FIELD_COUNT: not known */
	unsigned max; /* of FREE_ARRAY */
	bool in_interp; /* its fields are the interpreter's own */
	const char *type_symbol; /* what it is, where the link stands in place of the type */
	const char *head_symbol, *count_symbol; /* "file:name"; NULL: there is none */
};
extern const struct free_kind free_kinds[FREE_KINDS];

/* Where a list is. */
struct free_place {
	uint64_t head, count; /* addresses; of tuples those of the first list */
	unsigned head_step, count_size; /* bytes from one list of tuples to the next */
	bool uniform; /* a chain through first words; its count follows its head */
	bool single; /* no count: one entry or none */
};

/* freelists_kinds.c: reads all lists that there are. False: it is not known where they are. */
bool free_lists_read(struct heap_walk *w);
/* freelists.c: reads those of one kind. */
void free_list_read(struct heap_walk *w, size_t kind, const struct free_place *at);
