/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What fills the memory of a Python: every live object, counted and weighed.
 *
 * Results belong to struct survey and live until survey_free(). All sizes are bytes.
 */
#pragma once

#include "pycore/heap.h"
#include "pycore/python.h"
#include "pycore/sizes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum survey_by {
	SURVEY_BY_TYPE,
	SURVEY_BY_MODULE, /* of the type */
	SURVEY_BY_SIZE, /* of the object and its bodies, by powers of two */
	SURVEY_BY_REFCOUNT, /* likewise */
	SURVEY_BY_SHAPE, /* type, and keys of dicts or attributes of instances */
	SURVEY_BY_GENERATION, /* of the collector; ERR_UNSUPPORTED where it has none, or while it
				 runs */
};
/* "type"; NULL: there is none of that number. */
const char *survey_by_name(enum survey_by by);

struct survey_sums {
	uint64_t count;
	uint64_t bytes; /* of the objects themselves */
	uint64_t header_bytes; /* in front of them, for the GC and the managed dict */
	uint64_t owned_bytes; /* bodies elsewhere that they alone own */
	uint64_t getsizeof; /* what sys.getsizeof() would return, where that is known */
};

struct survey_row {
	size_t number; /* internal to the counting */
	const char *module, *type; /* by type: "app", "Session"; else NULL */
	const char *key; /* what a table shows: "app.Session", "16 to 31 bytes"; never NULL */
	struct survey_sums sums;
	bool getsizeof_known; /* of all of them */
	const struct py_described **samples; /* some of them, by chance */
	const struct py_described **biggest; /* the biggest ones */
	size_t n_samples, n_biggest;
	uint64_t largest, largest_bytes; /* the lowest one of the largest, and its bytes with all
					    that it owns */
};

/* What memory is for. */
enum survey_use {
	SURVEY_OBJECTS, /* live ones, as the table's total has them */
	SURVEY_BODIES, /* that they alone own, likewise */
	SURVEY_KEPT, /* objects without references */
	SURVEY_FREE, /* given back to an allocator, or never given out */
	SURVEY_OVERHEAD, /* of allocators: heads, rounding up, remainders */
	SURVEY_OTHERS, /* blocks in use that are neither: what C code keeps */
	SURVEY_VARIABLES, /* of modules, without objects in them */
	SURVEY_UNREAD, /* of allocators, and could not be read */
	SURVEY_UNTOUCHED,
	SURVEY_UNATTRIBUTED,
	SURVEY_USES,
};
/* "free" */
const char *survey_use_name(enum survey_use use);

/* Memory by who has it. The children of a node add up to it. */
struct survey_memory {
	const char *name; /* literal */
	enum survey_use use; /* of a node without children */
	uint64_t bytes;
	struct survey_memory *children;
	size_t n;
};

struct survey_check {
	const char *name; /* literal: what is compared */
	uint64_t expected, found;
	bool ok;
};

enum { SURVEY_CHECKS_MAX = 8, SURVEY_SAMPLE_MAX = 100 };

/* What the sizes of objects depend on. */
struct survey_build {
	char version[VERSION_TEXT_MAX]; /* "3.11.7"; "": nothing of it is known */
	uint16_t machine; /* EM_X86_64, ...; 0: not known */
	unsigned abi, ptr_size;
	enum byte_order order;
};

/* The document that a survey was read from. */
struct survey_saved {
	struct survey_build build;
	const char *of; /* "core file core.1234", "process 4711"; NULL: it does not say */
	bool damage; /* it says of itself that something is missing or damaged */
	/* Its keys but for those that a comparison sets, in their order: values as JSON, ASCII */
	struct survey_saved_part {
		const char *key, *json;
	} * parts;
	size_t n_parts;
};

/* Why parts of a heap contradict themselves. */
enum survey_cause {
	SURVEY_LIVES, /* the process goes on: it was changing them, or has overwritten them */
	SURVEY_DIED, /* the core is whole: changed at that very moment, or overwritten */
	SURVEY_LACKS_MEMORY, /* parts of the core are missing */
};

struct survey {
	enum survey_by by;
	const struct survey_saved *saved; /* where it was not counted but read; NULL: counted */
	bool damaged; /* parts of the heap are missing or contradict themselves */
	enum survey_cause cause; /* if they contradict themselves */
	bool lower_bound; /* therefore, or since only references lead to some objects, there may be
			     more */
	const char *match; /* only these types were counted; NULL: all */
	struct survey_row *rows; /* as they were to be sorted; equal ones by their names */
	size_t n_rows;
	struct survey_sums totals;
	uint64_t doubtful; /* objects that contradict themselves, or whose bodies were not found */
	size_t modules_not_here; /* whose variables are not known, which have objects */
	bool interrupted; /* the tick has stopped it */
	bool generations_cut; /* there were too many to look up which generation each is in */
	bool too_many_types; /* beyond TYPES_MET_MAX they were not told apart from other memory */
	uint64_t missed; /* objects of the collector's lists beyond those that were found */
	uint64_t dead; /* objects without references: kept for reuse by free lists */
	struct heap_pools pools;
	struct heap_pages pages;
	struct heap_chunks chunks;
	struct heap_referred referred;
	struct heap_free_list *free_lists; /* not empty ones */
	size_t n_free_lists;
	bool free_lists_known; /* where they are */
	size_t torn_free_lists; /* those that contradict themselves, and may have more */
	struct survey_memory memory;
	uint64_t uses[SURVEY_USES]; /* the same by what it is for, which comes to as much */
	bool uses_known; /* not if only some types were counted */
	struct survey_check checks[SURVEY_CHECKS_MAX];
	size_t n_checks;
	struct arena arena;
};

enum survey_sort {
	SURVEY_SORT_SIZE, /* objects with all that is theirs */
	SURVEY_SORT_COUNT,
	SURVEY_SORT_OWN,
	SURVEY_SORT_BODIES,
	SURVEY_SORT_MEAN,
	SURVEY_SORT_LARGEST,
	SURVEY_SORT_NAME,
};
/* "size"; NULL: there is none of that number. */
const char *survey_sort_name(enum survey_sort sort);

struct survey_options {
	enum survey_by by;
	enum survey_sort sort; /* descending, but for names */
	size_t sample; /* objects of each row whose values are read, and as many of the biggest; at
			  most SURVEY_SAMPLE_MAX */
	size_t sampled_rows; /* of the first rows only */
	/* Told how far the count is, 0 to 1, with every pool; false: it stops there. NULL: nobody
	 * asks. */
	bool (*tick)(void *ctx, double done);
	void *tick_ctx;
	const char *match; /* only types of such full names (fnmatch(3)); NULL: all */
	unsigned workers; /* processes that share the work; 0: as many as there are CPUs */
};

/* Counts the objects of one runtime. Needs the interpreters of a walk (python_walk). */
struct err survey_run(struct python *p, struct py_runtime *rt, const struct survey_options *opt,
	struct survey **ret);
/* What became of the objects of one row. */
struct survey_change {
	const char *module, *type, *key; /* as in struct survey_row */
	struct survey_sums before, after;
};
struct survey_diff {
	struct survey_change *rows; /* sorted as was asked; without those that did not change */
	size_t n_rows;
	struct survey_sums before, after;
	struct arena arena;
};
/* Compares two surveys by the same key, whose rows are matched by their names. Its texts are
 * theirs. The largest change first: of count, own or bodies, of size for any other key but names.
 */
struct survey_diff *survey_compare(
	const struct survey *before, const struct survey *after, enum survey_sort sort);
void survey_diff_free(struct survey_diff *d); /* NULL is fine */

struct container_options;
/*
 * A document of `pycore survey --json`, plain or compressed by gzip or zstd. Of what survey_run()
 * yields it has the rows without samples, the totals, by, match and lower_bound. `whole`: and its
 * parts. False: it cannot be used, and why says so.
 */
bool survey_load(const char *path, const struct container_options *opt, bool whole, struct str *why,
	struct survey **ret);
/* Whether a file begins as such a document does, and not as a core. */
bool survey_is_saved(const char *path, const struct container_options *opt);
/* Adds a note to the problems among the parts of a document that was read whole. */
void survey_saved_note(struct survey *s, const char *where, const char *why);
/* Whether objects of these builds differ in size by themselves: they are of other versions, but for
 * the micro version, or of other machines or kinds of build. Says how, appended to why. */
bool survey_builds_differ(
	const struct survey_build *before, const struct survey_build *after, struct str *why);
/* A row's name as JSON can tell it: what is no UTF-8 becomes U+FFFD. */
void survey_put_name(struct str *to, const char *name);

/* Says what is missing or doubtful. */
void survey_tell(const struct survey *s, struct problems *to);
void survey_free(struct survey *s); /* NULL is fine */
