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

/* A shape met, by which its row will be named. */
struct shape_seen {
	uint64_t example; /* an object of it */
	uint32_t type;
	unsigned bits; /* of the number of its names */
	bool many, rest; /* only that number is known; it stands for all other shapes */
};

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
	struct hash module_names; /* hash of a name -> the first type of that module */
	/* by shape */
	struct py_shapes names;
	struct hash shapes; /* key -> number in the list */
	struct shape_seen *shape_list;
	size_t n_shapes, cap_shapes;
	size_t rest; /* number of the one for all others */
	bool has_rest;
	uint8_t *shaped; /* by type: whether it has shapes; 0: not asked yet */
	size_t n_shaped, cap_shaped;
	uint64_t *samples; /* addresses, opt->sample of them for each group */
	size_t cap_samples;
	uint64_t chance; /* state of the choice of samples */
	struct place_sums place[HEAP_PLACES];
	bool interrupted;
	uint64_t doubtful; /* objects that contradict themselves */
};

/* rows.c */
uint64_t survey_text_hash(const char *text);
/* The number of the group of the type's module. */
size_t module_of(struct counting *c, uint32_t type);
void survey_rows(struct counting *c, struct survey *s);
/* shapes.c: the number of the group of an object's shape, and what its row is called. */
size_t shape_of(struct counting *c, const struct heap_block *b);
void shape_text(struct counting *c, size_t group, struct str *ret);
void shapes_fini(struct counting *c);
/* memory.c: the tree, and what the allocators' own counts say. */
void survey_memory(struct counting *c, struct survey *s);
void survey_checks(struct counting *c, struct survey *s);
