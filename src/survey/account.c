/* SPDX-License-Identifier: Apache-2.0 */
/* What the memory of the process is for, in terms of the table of objects: its parts come to the
 * whole. */
#include "internal.h"

const char *survey_use_name(enum survey_use use)
{
	switch (use) {
	case SURVEY_OBJECTS:
		return "objects";
	case SURVEY_BODIES:
		return "their bodies";
	case SURVEY_KEPT:
		return "kept for reuse";
	case SURVEY_FREE:
		return "free";
	case SURVEY_OVERHEAD:
		return "allocator overhead";
	case SURVEY_OTHERS:
		return "other blocks in use";
	case SURVEY_VARIABLES:
		return "variables of modules";
	case SURVEY_UNREAD:
		return "not readable";
	case SURVEY_UNTOUCHED:
		return "never written to";
	case SURVEY_UNATTRIBUTED:
		return "unattributed";
	case SURVEY_USES:
		break;
	}
	return NULL;
}

static void add_leaves(const struct survey_memory *m, uint64_t uses[SURVEY_USES])
{
	if (!m->n)
		uses[m->use] += m->bytes;
	for (size_t i = 0; i < m->n; i++)
		add_leaves(&m->children[i], uses);
}

/* Moves at most so many bytes; how many. */
static uint64_t move(
	uint64_t uses[SURVEY_USES], enum survey_use from, enum survey_use to, uint64_t bytes)
{
	uint64_t n = bytes < uses[from] ? bytes : uses[from];
	uses[from] -= n;
	uses[to] += n;
	return n;
}

/* The tree has blocks, which are larger than the objects in them. Some objects are variables of
 * modules, and some lie in memory whose allocator is not known; and so do bodies. */
void survey_account(struct counting *c, struct survey *s)
{
	const struct place_sums *places = c->sums.place;
	uint64_t *uses = s->uses;
	uint64_t objects = s->totals.bytes + s->totals.header_bytes;
	uint64_t bodies = s->totals.owned_bytes;
	uint64_t in_images = places[HEAP_IN_IMAGE].object_bytes;
	s->uses_known = !s->match;
	add_leaves(&s->memory, uses);
	move(uses, SURVEY_VARIABLES, SURVEY_OBJECTS, in_images);
	if (uses[SURVEY_OBJECTS] > objects)
		move(uses, SURVEY_OBJECTS, SURVEY_OVERHEAD, uses[SURVEY_OBJECTS] - objects);
	else
		move(uses, SURVEY_UNATTRIBUTED, SURVEY_OBJECTS, objects - uses[SURVEY_OBJECTS]);
	bodies -= move(uses, SURVEY_OTHERS, SURVEY_BODIES, bodies);
	move(uses, SURVEY_UNATTRIBUTED, SURVEY_BODIES, bodies);
}
