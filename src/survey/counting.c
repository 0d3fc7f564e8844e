/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over the blocks of one part, and the sums of each group of objects. */
#include "internal.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static struct tally *group_at(struct counting *c, size_t number)
{
	while (number >= c->groups.n)
		tallies_add(&c->groups);
	return &c->groups.list[number];
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
	c->sums.place[place].object_room += b->room;
	if (!s && !(s = meet(c, b->type))) {
		c->sums.doubtful++;
		return;
	}
	if (s == &ignored)
		return;
	if (s->fixed)
		size = s->size;
	else if (!py_measure(s, b->addr + b->lead, b->bytes + b->lead, b->n_bytes - b->lead,
			 b->lead, &size))
		c->sums.doubtful++;
	uint64_t all = size.own + b->lead + size.owned;
	size_t number = group_of(c, b, all);
	struct tally *g = group_at(c, number);
	g->sums.count++;
	if (c->opt->sample)
		tally_pick(&c->groups, number, all, b->addr + b->lead);
	g->sums.bytes += size.own;
	g->sums.header_bytes += b->lead;
	g->sums.owned_bytes += size.owned;
	g->sums.getsizeof += size.getsizeof;
	g->known &= s->known;
	if (all > g->largest_bytes || (all == g->largest_bytes && b->addr + b->lead < g->largest)) {
		g->largest_bytes = all;
		g->largest = b->addr + b->lead;
	}
}

static void see(struct counting *c, const struct heap_batch *batch)
{
	struct place_sums *sums = &c->sums.place[batch->place];
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

struct err counting_open(struct counting *c)
{
	c->groups.sample = c->opt->sample;
	return heap_walk_open(c->p, c->rt, &c->walk);
}

void counting_heed(struct counting *c)
{
	const struct survey_options *opt = c->opt;
	if (c->is_worker)
		c->sums.interrupted |= c->stop && atomic_load(c->stop);
	else if (opt->tick && !opt->tick(opt->tick_ctx, heap_walk_done(c->walk)))
		c->sums.interrupted = true;
	if (c->sums.interrupted && c->stop)
		atomic_store(c->stop, true);
}

void counting_run(struct counting *c)
{
	struct heap_batch batch;
	while (!c->sums.interrupted && heap_walk_next(c->walk, &batch)) {
		see(c, &batch);
		counting_heed(c);
	}
}

void counting_fini(struct counting *c)
{
	heap_walk_close(c->walk);
	tallies_fini(&c->groups);
	free(c->sizings);
	free(c->modules);
	hash_fini(&c->module_names);
	shapes_fini(c);
}

/* What the objects of a group have in common, in terms of the target. */
static void identify(const struct counting *c, size_t number, struct tally *t)
{
	size_t n;
	const struct heap_type *types = heap_types(c->walk, &n);
	switch (c->opt->by) {
	case SURVEY_BY_TYPE:
		t->key = t->type = types[number].addr;
		break;
	case SURVEY_BY_MODULE:
		t->key = survey_text_hash(c->sizings[number]->module);
		t->type = types[number].addr;
		break;
	case SURVEY_BY_SIZE:
	case SURVEY_BY_REFCOUNT:
		t->key = number;
		break;
	case SURVEY_BY_SHAPE:
		break; /* shape_of() did */
	}
}

void counting_take(struct counting *c, struct tallies *ret)
{
	ret->sample = c->groups.sample;
	for (size_t i = 0; i < c->groups.n; i++) {
		const struct tally *g = &c->groups.list[i];
		if (!g->sums.count)
			continue;
		struct tally *t = tallies_add(ret);
		*t = *g;
		identify(c, i, t);
		if (ret->sample)
			memcpy(tally_picks(ret, ret->n - 1, false),
				tally_picks(&c->groups, i, false),
				2 * ret->sample * sizeof(struct pick));
	}
}
