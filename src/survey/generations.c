/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups by generation of the collector. Which one an object is in only its list tells, so the
 * lists are gone along before the heap: all at once, each by one step after the other, until only
 * the longest is left. What is in the others is remembered; what is in none of them, and says of
 * itself that it is tracked, is in the longest.
 */
#include "internal.h"

#include "pycore/limits.h"

#include <stdlib.h>
#include <string.h>

enum { UNTRACKED, UNKNOWN, FIRST, ROWS_MAX = FIRST + HEAP_GENERATIONS_MAX };

struct line {
	uint64_t head, at, length;
	size_t row;
	bool ended;
};

struct generations {
	const char *names[ROWS_MAX]; /* of rows */
	size_t n_names;
	struct hash rows; /* by address of an object */
	size_t rest; /* row of what is tracked and not among these */
};

void generations_free(struct generations *g)
{
	if (!g)
		return;
	hash_fini(&g->rows);
	free(g);
}

static void free_unwanted(struct generations **g)
{
	generations_free(*g);
}

static size_t row_of_name(struct generations *g, const char *name)
{
	size_t i = FIRST;
	while (i < g->n_names && strcmp(g->names[i], name) != 0)
		i++;
	if (i == g->n_names)
		g->names[g->n_names++] = name;
	return i;
}

static size_t begin(
	const struct counting *c, struct generations *g, struct line ret[HEAP_GENERATIONS_MAX])
{
	struct heap_generation lists[HEAP_GENERATIONS_MAX];
	size_t n = heap_generations(c->walk, lists);
	for (size_t i = 0; i < n; i++)
		ret[i] = (struct line){ .head = lists[i].head,
			.at = lists[i].head,
			.row = row_of_name(g, lists[i].name) };
	return n;
}

/* Until one is left, or others are too long to be remembered too. False: a list is broken. */
static bool measure(const struct counting *c, struct line *lines, size_t n)
{
	size_t left = n;
	for (uint64_t steps = 0; left > 1 && steps <= GENERATIONS_LOOKED_UP_MAX; steps++) {
		for (size_t i = 0; i < n; i++) {
			struct line *l = &lines[i];
			if (l->ended)
				continue;
			if (!heap_generation_step(c->walk, &l->at))
				return false;
			l->ended = l->at == l->head;
			l->length += !l->ended;
			left -= l->ended;
		}
	}
	return true;
}

/* The shortest first; those that were not gone along to their ends last. */
static int by_length(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	if (x->ended != y->ended)
		return x->ended ? -1 : 1;
	return x->length != y->length ? (x->length < y->length ? -1 : 1) : 0;
}

static bool remember(const struct counting *c, struct generations *g, const struct line *l)
{
	uint64_t at = l->head;
	if (!l->ended || l->length > GENERATIONS_LOOKED_UP_MAX - g->rows.len)
		return false;
	for (uint64_t i = 0; i < l->length && heap_generation_step(c->walk, &at); i++)
		hash_put(&g->rows, heap_generation_object(c->walk, at), l->row);
	return true;
}

static struct err refusal(const struct counting *c)
{
	if (!heap_has_generations(c->walk))
		return err_of(
			ERR_UNSUPPORTED, "generations in a free-threaded build, which has none");
	if (heap_collecting(c->walk))
		return err_of(ERR_UNSUPPORTED,
			"generations in the midst of a collection, which takes them apart");
	return err_of(ERR_UNSUPPORTED, "generations where the collector's lists were not found");
}

struct err generations_open(const struct counting *c, struct generations **ret)
{
	struct line lines[HEAP_GENERATIONS_MAX];
	CLEANUP(free_unwanted) struct generations *g = xcalloc(1, sizeof(*g));
	g->names[UNTRACKED] = "not tracked";
	g->names[UNKNOWN] = "generation not looked up";
	g->n_names = FIRST;
	size_t n = begin(c, g, lines), i = 0;
	if (!n)
		return refusal(c);
	if (!measure(c, lines, n))
		return err_of(ERR_UNSUPPORTED, "generations whose lists are broken");
	qsort(lines, n, sizeof(*lines), by_length);
	while (i + 1 < n && remember(c, g, &lines[i]))
		i++;
	g->rest = i + 1 == n ? lines[i].row : UNKNOWN;
	*ret = STEAL(g);
	return NO_ERR;
}

size_t generation_of(const struct counting *c, const struct heap_block *b)
{
	const struct generations *g = c->generations;
	uint64_t row = g->rest;
	if (!heap_block_tracked(c->walk, b))
		return UNTRACKED;
	hash_get(&g->rows, b->addr + b->lead, &row);
	return (size_t)row;
}

const char *generation_name(const struct generations *g, uint64_t number)
{
	return g->names[number];
}

bool generations_cut(const struct generations *g)
{
	return g->rest == UNKNOWN;
}
