/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: the counting while it goes on. */
#pragma once

#include "pycore/alloc.h"
#include "pycore/survey.h"

/* The objects of one row to be. */
struct group {
	struct survey_sums sums;
	uint64_t largest, largest_bytes;
	bool known; /* what sys.getsizeof() returns for each */
};

/* Blocks of one kind of place. */
struct place_sums {
	uint64_t object_room, dead, dead_room, others, other_room; /* in bytes, and how many */
	uint64_t large; /* blocks above POOL_BLOCK_MAX */
};

enum { PLACES = HEAP_IN_IMAGE + 1 };

struct counting {
	struct python *p;
	struct py_runtime *rt;
	const struct survey_options *opt;
	struct heap_walk *walk;
	struct group *groups; /* by type, or by the numbers of group_of() */
	size_t n_groups, cap_groups;
	const struct py_sizing **sizings; /* by the walk's numbers of types; NULL: not met yet */
	size_t n_sizings, cap_sizings;
	uint32_t *modules; /* by type: the first type of the same module, plus 1 */
	size_t n_modules, cap_modules;
	struct place_sums place[PLACES];
	uint64_t doubtful; /* objects that contradict themselves */
};

/* rows.c: the number of the group of the type's module. */
size_t module_of(struct counting *c, uint32_t type);
void survey_rows(const struct counting *c, struct survey *s);
/* memory.c: the tree, and what the allocators' own counts say. */
void survey_memory(struct counting *c, struct survey *s);
void survey_checks(struct counting *c, struct survey *s);
