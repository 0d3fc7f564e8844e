/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share. Each process that counts has a struct counting; what it has
 * counted is a list of tallies, one for each row to be, which hold nothing but addresses and
 * numbers of the target: so those of several processes can be sent and added up.
 */
#pragma once

#include "pycore/alloc.h"
#include "pycore/survey.h"

#include <stdatomic.h>

/* An object chosen to be shown. Those of the smallest ranks are kept. */
struct pick {
	uint64_t rank, addr;
};

/* A shape, by which its row will be named. */
struct shape_seen {
	uint64_t example; /* the lowest object of it */
	unsigned bits; /* of the number of its names */
	bool named; /* its type has names at all */
	bool many, rest; /* only their number is known; it stands for all other shapes */
};

/* The objects of one row to be. */
struct tally {
	uint64_t key; /* what they have in common; the same in every process */
	uint64_t type; /* address of one of their types */
	struct shape_seen shape;
	struct survey_sums sums;
	uint64_t largest, largest_bytes;
	bool known; /* what sys.getsizeof() returns for each */
};

struct tallies {
	struct tally *list;
	size_t n, cap;
	struct pick *picks; /* of each, 2 * sample: by chance, and the biggest */
	size_t cap_picks, sample;
};

/* Blocks of one kind of place. */
struct place_sums {
	uint64_t object_room, dead, dead_room, others, other_room; /* in bytes, and how many */
	uint64_t object_bytes; /* of those that were counted, without what blocks have more */
	uint64_t blocks; /* all of them */
};

/* Objects of one type that follow its rule: what they weigh needs only be known together. */
struct regular {
	struct py_rule rule;
	uint32_t lead, front; /* bytes of the block in front of each; of them for the collector */
	uint64_t count, numbers; /* how many, and the sum of their numbers */
	uint64_t most, where; /* the largest number, and the lowest object that has it */
};

/* What there is to know beside the tallies. */
struct counted {
	struct place_sums place[HEAP_PLACES];
	uint64_t doubtful; /* objects that contradict themselves */
	bool interrupted;
};

struct generations;

struct counting {
	struct python *p;
	struct py_runtime *rt;
	const struct survey_options *opt;
	struct heap_walk *walk;
	enum heap_place place; /* at hand */
	struct tallies groups; /* by type, or by the numbers of group_of(); some are empty */
	struct counted sums;
	bool is_worker; /* and not the process that was asked */
	atomic_bool *stop; /* that all processes see; NULL: there is only one */
	const struct py_sizing **sizings; /* by the walk's numbers of types; NULL: not met yet */
	size_t n_sizings, cap_sizings;
	struct regular *regular; /* by the same; those of types not met have no rule */
	size_t n_regular, cap_regular;
	uint32_t *modules; /* by type: the first type of the same module, plus 1 */
	size_t n_modules, cap_modules;
	struct hash module_names; /* hash of a name -> the first type of that module */
	const struct generations *generations; /* by generation; else NULL */
	/* by shape */
	struct py_shapes names;
	struct hash shapes; /* key -> number of its group */
	size_t rest; /* number of the one for all others */
	bool has_rest;
	struct shaped {
		bool asked, named; /* whether its objects have names */
		uint64_t key; /* of its own name */
	} * shaped; /* by type */
	size_t n_shaped, cap_shaped;
};

/* counting.c: counts the blocks of its part of the walk. */
struct err counting_open(struct counting *c);
void counting_run(struct counting *c);
/* Tells how far it is, and learns whether it shall stop. */
void counting_heed(struct counting *c);
void counting_fini(struct counting *c);
/* Appends what was counted to the tallies of all. */
void counting_take(struct counting *c, struct tallies *ret);

/* tallies.c */
struct tally *tallies_add(struct tallies *t);
void tallies_fini(struct tallies *t);
struct pick *tally_picks(const struct tallies *t, size_t number, bool biggest);
/* Notes an object of the group, which is counted already. */
void tally_pick(const struct tallies *t, size_t number, uint64_t bytes, uint64_t addr);
/* Adds up those of the same key. */
void tallies_merge(struct tallies *t);
void sums_add(struct survey_sums *to, const struct survey_sums *s);

/* workers.c: processes that count other parts of the heap meanwhile. */
enum { WORKERS_MAX = 16 };
struct workers {
	struct worker {
		pid_t pid;
		int fd; /* what it has counted comes from here; -1: it could not be made */
	} list[WORKERS_MAX];
	unsigned n;
};
/* Starts as many as make sense for the walk at hand, of which c then has a part. */
void workers_start(struct workers *w, struct counting *c);
/* Waits for them, and adds what they have counted. What one could not tell is counted here. */
void workers_gather(struct workers *w, struct counting *c, struct tallies *all);

/* rows.c */
uint64_t survey_text_hash(const char *text);
/* The same for types of the same name: of classes that are made anew with each call of a function,
 * all are shown as one. */
uint64_t type_key(const struct counting *c, uint32_t type);
void survey_rows(struct counting *c, struct tallies *all, struct survey *s);

/* modules.c and shapes.c: the number of the group of an object's module or shape, and what the row
 * of a shape is called. */
size_t module_of(struct counting *c, uint32_t type);
size_t shape_of(struct counting *c, const struct heap_block *b);
void shape_text(struct counting *c, const struct tally *t, const char *type, struct str *ret);
void shapes_fini(struct counting *c);

/* generations.c: goes along the collector's lists before the walk; the number of the group of an
 * object, and what its row is called; whether some were not told apart. */
struct err generations_open(const struct counting *c, struct generations **ret);
void generations_free(struct generations *g); /* NULL is fine */
size_t generation_of(const struct counting *c, const struct heap_block *b);
const char *generation_name(const struct generations *g, uint64_t number);
bool generations_cut(const struct generations *g);

/* memory.c: the tree. */
void survey_memory(struct counting *c, struct survey *s);
/* checks.c: what the allocators' own counts say. */
void survey_checks(struct counting *c, struct survey *s);
/* account.c: the tree by what the memory is for. */
void survey_account(struct counting *c, struct survey *s);
