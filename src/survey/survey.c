/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over all blocks, and the sums of each group of objects. */
#include "internal.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

const char *survey_by_name(enum survey_by by)
{
	switch (by) {
	case SURVEY_BY_TYPE:
		return "type";
	case SURVEY_BY_MODULE:
		return "module";
	case SURVEY_BY_SIZE:
		return "size";
	case SURVEY_BY_REFCOUNT:
		return "refcount";
	case SURVEY_BY_SHAPE:
		return "shape";
	}
	return NULL;
}

/* Room for the samples of one more group. */
static void grow_samples(struct counting *c)
{
	size_t n = c->opt->sample;
	if (n)
		c->samples =
			xgrow(c->samples, &c->cap_samples, c->n_groups, n * sizeof(*c->samples));
}

/* Each object of a group has the same chance to be among its samples. The choice is the same in
 * every run. */
static void sample(struct counting *c, size_t group, uint64_t count, uint64_t addr)
{
	size_t n = c->opt->sample;
	uint64_t at = count - 1;
	if (count > n) {
		c->chance =
			c->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		at = (c->chance >> 32) % count;
	}
	if (at < n)
		c->samples[group * n + at] = addr;
}

static struct group *group_at(struct counting *c, size_t number)
{
	while (number >= c->n_groups) {
		c->groups = xgrow(c->groups, &c->cap_groups, c->n_groups, sizeof(*c->groups));
		c->groups[c->n_groups] = (struct group){ .known = true };
		grow_samples(c);
		c->n_groups++;
	}
	return &c->groups[number];
}

/* Stands for the types that are not to be counted. */
static const struct py_sizing ignored = { .module = "", .qualname = "", .full = "" };

static bool is_wanted(const struct counting *c, const struct py_sizing *s)
{
	return !c->opt->match || !fnmatch(c->opt->match, s->full, 0);
}

/* A type whose name the rows will show, met for the first time. */
static const struct py_sizing *meet(struct counting *c, uint32_t type)
{
	size_t n;
	const struct heap_type *types = heap_types(c->walk, &n);
	while (c->n_sizings < n) {
		c->sizings = xgrow(c->sizings, &c->cap_sizings, c->n_sizings, sizeof(*c->sizings));
		c->sizings[c->n_sizings++] = NULL;
	}
	if (!c->sizings[type])
		c->sizings[type] = py_sizing_of(c->p, c->rt, types[type].addr);
	if (c->sizings[type] && !is_wanted(c, c->sizings[type]))
		c->sizings[type] = &ignored;
	return c->sizings[type];
}

static size_t log2_of(uint64_t v)
{
	return v ? 64 - (size_t)__builtin_clzll(v) : 0;
}

static size_t group_of(struct counting *c, const struct heap_block *b, uint64_t bytes)
{
	uint64_t refs;
	switch (c->opt->by) {
	case SURVEY_BY_TYPE:
		return b->type;
	case SURVEY_BY_MODULE:
		return module_of(c, b->type);
	case SURVEY_BY_SIZE:
		return log2_of(bytes);
	case SURVEY_BY_SHAPE:
		return shape_of(c, b);
	case SURVEY_BY_REFCOUNT:
		refs = bytes_uint(b->bytes + b->lead, 4, c->rt->layout.key.order);
		return log2_of(refs);
	}
	return 0;
}

static void add(struct counting *c, enum heap_place place, const struct heap_block *b)
{
	const struct py_sizing *s = b->type < c->n_sizings ? c->sizings[b->type] : NULL;
	struct py_size size;
	c->place[place].object_room += b->room;
	if (!s && !(s = meet(c, b->type))) {
		c->doubtful++;
		return;
	}
	if (s == &ignored)
		return;
	if (s->fixed)
		size = s->size;
	else if (!py_measure(s, b->addr + b->lead, b->bytes + b->lead, b->n_bytes - b->lead,
			 b->lead, &size))
		c->doubtful++;
	uint64_t all = size.own + b->lead + size.owned;
	size_t number = group_of(c, b, all);
	struct group *g = group_at(c, number);
	g->sums.count++;
	if (c->opt->sample)
		sample(c, number, g->sums.count, b->addr + b->lead);
	g->sums.bytes += size.own;
	g->sums.header_bytes += b->lead;
	g->sums.owned_bytes += size.owned;
	g->sums.getsizeof += size.getsizeof;
	g->known &= s->known;
	if (all > g->largest_bytes) {
		g->largest_bytes = all;
		g->largest = b->addr + b->lead;
	}
}

static void see(struct counting *c, const struct heap_batch *batch)
{
	struct place_sums *sums = &c->place[batch->place];
	for (size_t i = 0; i < batch->n; i++) {
		const struct heap_block *b = &batch->list[i];
		switch (b->state) {
		case HEAP_OBJECT:
			add(c, batch->place, b);
			break;
		case HEAP_DEAD:
			sums->dead++;
			sums->dead_room += b->room;
			break;
		case HEAP_OTHER:
			sums->others++;
			sums->other_room += b->room;
			break;
		}
		sums->large += b->size > POOL_BLOCK_MAX;
	}
}

static void fini(struct counting *c)
{
	heap_walk_close(c->walk);
	free(c->groups);
	free(c->sizings);
	free(c->modules);
	hash_fini(&c->module_names);
	free(c->samples);
	shapes_fini(c);
}

struct err survey_run(struct python *p, struct py_runtime *rt, const struct survey_options *opt,
	struct survey **ret)
{
	CLEANUP(fini) struct counting c = { .p = p, .rt = rt, .opt = opt };
	struct heap_batch batch;
	TRY(heap_walk_open(p, rt, &c.walk));
	while (!c.interrupted && heap_walk_next(c.walk, &batch)) {
		see(&c, &batch);
		c.interrupted = opt->tick && !opt->tick(opt->tick_ctx, heap_walk_done(c.walk));
	}
	struct survey *s = xcalloc(1, sizeof(*s));
	s->by = opt->by;
	s->match = opt->match;
	s->pools = *heap_pools(c.walk);
	s->chunks = *heap_chunks(c.walk);
	survey_rows(&c, s);
	survey_checks(&c, s);
	survey_memory(&c, s);
	*ret = s;
	return NO_ERR;
}

void survey_free(struct survey *s)
{
	if (!s)
		return;
	arena_fini(&s->arena);
	free(s);
}
