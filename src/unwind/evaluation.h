/* SPDX-License-Identifier: Apache-2.0 */
/* Which native frames are the calls of the evaluation function that run a thread's Python frames.
 */
#pragma once

#include "pycore/merge.h"

#define CALL_NOT_SEEN SIZE_MAX

enum call_role {
	ROLE_NONE,
	ROLE_CALL, /* the evaluation function, for one of the thread's entries */
	ROLE_BEGUN, /* the innermost one, which runs no frame yet, or none any more */
	ROLE_FOREIGN, /* further out than all of the thread's entries */
};

/* The question and its answer. */
struct evaluation {
	const struct python *p;
	const struct py_thread *th;
	const struct native_stack *stack;
	const struct image *image; /* of the interpreter; NULL: in none */
	/* Native frame of each entry, ascending; CALL_NOT_SEEN: the native stack broke off before
	 * it, and before all that follow. Owned. */
	size_t *at;
	uint8_t *role; /* of each native frame; owned */
	const char *name; /* of the evaluation function */
	uint64_t function; /* start of its code, where no symbol names it; else 0 */
	bool frames_are_objects; /* each of one entry */
	bool several; /* th is several states of one OS thread, one behind the other */
	bool ordered; /* and it is sure in which order they come */
	char *why; /* MERGE_WHY_MAX, if they could not be found */
};

/* Finds them, or says why not. Free in any case. */
bool evaluation_find(struct evaluation *c);
void evaluation_fini(struct evaluation *c);

/* What both ways to find them share. */
enum {
	/* No other function of the interpreter is as large; the evaluation function has 20 000
	 * bytes and more in every build. */
	FUNCTION_SIZE_MIN = 10000,
};
/* Both return false, and say why: the second that there are `native` calls. */
bool evaluation_fail(struct evaluation *c, const char *why);
bool evaluation_miscounted(struct evaluation *c, size_t native);
/* Whether a native frame runs the interpreter's code, and the evaluation function as far as its
 * name or range tells. */
bool evaluation_in_image(const struct evaluation *c, size_t i);
bool evaluation_is_call(const struct evaluation *c, size_t i);
bool evaluation_has_name(const struct native_place *place);
/* Where the part of the C stack begins that a native frame takes. */
uint64_t evaluation_low_end(const struct evaluation *c, size_t i);
/* Whether the native stack shows the outermost frame of the thread, and whether Python's state
 * shows all calls. */
bool evaluation_is_whole(const struct evaluation *c);
bool evaluation_knows_all(const struct evaluation *c);
/* evaluation_names.c */
bool evaluation_by_name(struct evaluation *c);
