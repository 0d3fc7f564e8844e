/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Python state of a target: runtimes, interpreters, threads, frames, code objects.
 *
 * Target address in, plain C values out: nothing here is a struct of CPython's, and the layout of
 * the runtime says where and how everything is read. Results belong to struct python and live until
 * python_free().
 */
#pragma once

#include "pycore/alloc.h"
#include "pycore/err.h"
#include "pycore/hash.h"
#include "pycore/image.h"
#include "pycore/layout.h"
#include "pycore/str.h"
#include "pycore/target.h"
#include "pycore/values.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct merged_stack;

/* How a runtime was found. */
enum found_by {
	FOUND_BY_SYMBOL, /* dynamic symbol or .symtab */
	FOUND_BY_SECTION, /* .PyRuntime */
	FOUND_BY_COOKIE, /* _Py_DebugOffsets in writable memory */
	FOUND_BY_SCAN, /* what can only be an interpreter, in writable memory */
	FOUND_BY_THREADS, /* only thread states, by the ids of the process's threads */
};
const char *found_by_text(enum found_by f);

/* One Python in a target. */
struct py_runtime {
	struct target *target;
	struct mem *mem; /* the target's */
	struct image *image; /* where it lies; NULL: in no image */
	struct layout layout;
	enum found_by found_by;
	uint64_t addr; /* of _PyRuntime; of the variable interp_head with ROOTS_STATICS */
	char version[VERSION_TEXT_MAX]; /* "3.11.7", "3.13.0rc1" */
	bool micro_known; /* false: only major and minor could be told, from the file's name */

	/* ROOTS_STATICS: addresses of variables; 0: not found */
	uint64_t var_current; /* _PyThreadState_Current */
	uint64_t var_main_thread, var_collecting;
	uint64_t var_lock; /* interpreter_lock */
	/* memory that a thread waiting for the GIL waits on, where it is static; else 0, 0 */
	uint64_t gil_start, gil_end;

	/* thread states that were found one by one, because the runtime's own state is lost */
	uint64_t *orphans;
	size_t n_orphans;
	uint64_t code_type; /* address of the type of code objects; 0: not known yet */
	struct heap *heap; /* its objects; NULL before a walk */
};

struct py_interpreter {
	uint64_t addr;
	size_t runtime; /* index in python.runtimes */
	int64_t id; /* as Python numbers them; by age where the version has none */
	bool main;
	int gc_running; /* 1, 0; -1: not known */
	struct py_gil {
		bool known; /* whether a thread holds it, and which */
		/* who waits on its memory, [start, end), waits for it; 0, 0: nobody can */
		bool waiters_known;
		uint64_t start, end;
		uint64_t holder; /* thread state that holds it; 0: none */
		uint64_t addr; /* of the lock, where each interpreter points to one; else 0 */
		int own; /* 1: this interpreter alone has it, 0: it is the main one's too; -1: not
			    known */
		const struct py_thread *thread; /* the holder; NULL: none, or not among those that
						   were found */
	} gil;
	size_t n_threads; /* that have a state in it, without states that nobody runs */
	const struct py_exception *last; /* sys.last_exc or its elders; NULL: none */
	const struct py_facts *facts; /* NULL: were not asked for */
};

struct py_code {
	uint64_t addr;
	uint32_t number; /* counts the code objects of a report */
	enum lines_scheme lines;
	bool marks_calls; /* its Python's tracebacks mark what is called apart from its arguments */
	struct py_text name, filename;
	struct py_text qualname; /* bytes NULL and no why: this version has none */
	int32_t firstlineno;
	uint64_t instructions; /* address of the first; 0: this version keeps an index instead */
	uint32_t firsttraceable; /* first code unit that Python lists as a frame; 0: all */
	const uint8_t *linetable;
	size_t linetable_size;
	struct err why; /* it could not be read; names may be missing */
	struct err linetable_why;
};

struct py_location {
	int32_t line, end_line; /* from 1; -1: none */
	int32_t column, end_column; /* UTF-8 bytes, from 0; -1: none */
};

/* An instruction of a code object. All frames that are there share one. */
struct py_place {
	const struct py_code *code; /* never NULL; code->why tells when it could not be read */
	int32_t offset; /* of the current instruction in bytes; negative: none has run yet */
	struct py_location at; /* known after python_locate() */
	struct err why; /* it could not be located */
	struct py_text source; /* its line in the target's own linecache; bytes NULL: not there */
	struct py_place *next; /* of all places */
};

struct py_frame {
	uint64_t addr;
	const struct py_place *place; /* never NULL */
	const struct py_variables *variables; /* NULL: were not asked for */
	uint8_t owner;
};

/* A call of the interpreter's evaluation function, from C, that has not returned. It runs one
 * Python frame; from 3.11 on also those that this one called without a detour through C. */
struct py_entry {
	uint64_t on_stack; /* an address inside of the call's C frame; 0: this version keeps none */
	size_t n_frames; /* of the thread's frames; 0: it has just begun, or is about to end */
};

/* Frames of one thread state that follow each other on the C stack of its OS thread, and the calls
 * of the evaluation function that run them: of its frames and its entries. */
struct py_piece {
	const struct py_thread *th;
	size_t entry, n_entries;
	size_t frame, n_frames;
};

enum gil_state { GIL_UNKNOWN, GIL_NONE, GIL_HOLDER, GIL_WAITING };

struct py_thread {
	uint64_t addr; /* of the thread state; 0: a thread that Python does not know */
	size_t interpreter; /* index in python.interpreters; with addr only */
	uint64_t thread_id; /* pthread_t */
	uint64_t native_id; /* as Python stored it, in its own pid namespace; 0: it does not store
			       it */
	const struct os_thread
		*os; /* NULL: no thread of the process is this one, or it is not sure which */
	const char *os_why; /* literal: why os is NULL */
	bool main;
	struct py_text name; /* threading's; bytes NULL and no why: it knows no such thread */
	int daemon; /* 1, 0; -1: not known */
	const struct py_exception *exception; /* the one being raised, else the one being handled;
						 NULL: none */
	const struct py_exception *handled; /* the one being handled while that one is raised, if it
					       is not part of its chain */
	enum gil_state gil;
	struct py_frame *frames; /* innermost first */
	size_t n_frames;
	size_t n_omitted; /* frames further out than FRAMES_MAX */
	struct py_entry *entries; /* innermost first; together they run all frames. With n_omitted
				     or `why` those further out are missing. */
	size_t n_entries;
	/* An OS thread that entered one interpreter from another has a state in each. They stand
	 * together in python.threads, the innermost first, and share: */
	const struct py_piece *pieces; /* its stack, innermost first; NULL: it has one state */
	size_t n_pieces;
	bool pieces_sure; /* false: which state was entered from which is not known */
	size_t state, n_states; /* which of them this one is, from 0; both 0: the only one */
	const struct merged_stack *merged; /* its native and Python frames as one stack; NULL: not
					      asked for. Set, and owned, by whoever merged. */
	struct err why; /* the chain of frames broke off here */
	bool torn; /* because it was seen while it was being changed: another look may see it whole
		    */
	bool moving; /* read while it ran: its frames may belong to different moments */
	bool has_cframe; /* where on the C stack its evaluation loop keeps its state: */
	uint64_t cframe;
};

/* What a walk is to read beside stacks. Zero-initialised: nothing. */
struct python_options {
	bool locals, globals;
	struct value_limits limits; /* of locals, globals and exceptions */
};

struct python {
	struct target *target;
	struct arena arena;
	struct python_options options; /* set by the caller between python_find and python_walk */
	struct py_text fatal; /* what Py_FatalError printed before it aborted; bytes NULL: it did
				 not run, or memory does not hold it surely */
	struct py_globals *globals;
	struct hash resting; /* tid -> moment of rest, when a walk began that does not stop */
	struct known *known; /* objects of each interpreter met so far that do not move */
	struct py_runtime *runtimes;
	size_t n_runtimes, cap_runtimes;
	struct py_interpreter *interpreters;
	size_t n_interpreters, cap_interpreters;
	struct py_thread *threads; /* the crashed one first, then the main thread, then by age; then
				      those that Python does not know */
	size_t n_threads, cap_threads;
	struct hash codes; /* address of a code object -> struct py_code */
	uint32_t n_codes;
	struct hash place_of; /* number of a code object and offset -> struct py_place */
	struct py_place *places;
	uint64_t scanned, linetable_bytes; /* spent of SCAN_TOTAL_MAX and LINETABLES_TOTAL_MAX */
	bool unknown_version; /* one was found that no layout reads */
	bool idle; /* one was found that holds no interpreter */
	struct str why; /* what was found and tried, when there is no runtime */
};

/*
 * Finds every Python in the target and proves each by reading its interpreters. ERR_ABSENT: there
 * is none, or none that is initialised; ERR_UNSUPPORTED: one of a version that is not known. *ret
 * is set in any case; ret->why says in words what was found. The result holds what is constant
 * about the process, and stays right while it runs.
 */
struct err python_find(struct target *t, struct python **ret);

/*
 * Reads interpreters, threads and frames as they are now; results of an earlier walk are dropped.
 * For a live target between target_stop() and target_resume(), or without. What could not be read
 * is said in each thread and frame, and in the target's problems.
 */
void python_walk(struct python *p);
/* Frees what it owns, and with python_free() itself too. */
void python_fini(struct python *p);
void python_free(struct python *p); /* before target_close(); NULL is fine */

/*
 * Any object by its address, for `pycore print`: with the limits of p->options, after a walk.
 * Never fails: what is wrong with it is in the result, which belongs to p.
 */
struct py_described {
	const struct py_runtime *rt; /* whose object it is taken for */
	const struct py_value *value;
	uint64_t type; /* address */
	bool refcount_known, immortal;
	int64_t refcount;
	const char *gc; /* literal: "tracked", "not tracked", "not collectable"; NULL: not known */
	uint64_t size; /* bytes of the object itself; 0: not known */
	struct py_variables attributes;
};
const struct py_described *python_describe(struct python *p, uint64_t addr);
/* The object at an address that may as well hold anything else, if there is no doubt that it is one
 * in use; else NULL. As short as `limits` say, without size and attributes. */
const struct py_described *python_prove(
	struct python *p, uint64_t addr, const struct value_limits *limits);

/* Whether a walk met the frames of a thread at a moment when another walk may see more of them. */
bool python_torn(const struct python *p);

/* Finds lines and columns of all places that the walk met; reads no memory of the target, so it can
 * wait until that was resumed. */
void python_locate(struct python *p);

/* Any byte offset in any line table of a scheme: for tests and tools. */
struct err py_lines_locate(enum lines_scheme scheme, const uint8_t *table, size_t size,
	int32_t firstlineno, int32_t offset, struct py_location *ret);
