/* SPDX-License-Identifier: Apache-2.0 */
/* What could not be had and what is doubtful: facts for the report, gathered while the work goes
 * on. */
#pragma once

#include "pycore/alloc.h"
#include "pycore/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct problem {
	char *where; /* what it concerns: a path, "thread 4711", "frame 3 of thread 4711" */
	char *why; /* one sentence, no full stop */
	uint64_t address; /* in the target; 0 when it has no meaning */
	bool damage; /* something asked for is missing or doubtful: exit status 2; else only good to
			know */
};

/* Zero-initialised is empty and ready. Owns its texts. Beyond PROBLEMS_MAX they are only counted.
 */
struct problems {
	struct problem *list;
	size_t len, cap;
	size_t dropped;
	bool damage; /* any problem, dropped ones included, was damage */
};

/* Adds a damage, or a note that leaves the result complete. Both copy their texts. */
void problems_damage(struct problems *p, const char *where, struct err e);
void problems_damagef(struct problems *p, const char *where, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void problems_notef(struct problems *p, const char *where, const char *fmt, ...) PRINTF_LIKE(3, 4);
void problems_fini(struct problems *p);
