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

/* Whether objects of a type need not be looked at one by one. */
static bool only_counted(const struct counting *c, const struct py_sizing *s)
{
	bool by_type = c->opt->by == SURVEY_BY_TYPE || c->opt->by == SURVEY_BY_MODULE;
	return by_type && !c->opt->sample && s && s != &ignored;
}

/* What is in front of an object for the collector and its like; a debug allocator has more there.
 */
static uint32_t front_of(const struct counting *c, const struct heap_block *b)
{
	size_t n;
	uint32_t lead = heap_types(c->walk, &n)[b->type].lead;
	return b->lead && lead < b->lead ? lead : b->lead;
}

/* A type whose name the rows will show, met for the first time by this object. */
static const struct py_sizing *meet(struct counting *c, const struct heap_block *b)
{
	size_t n;
	const struct heap_type *types = heap_types(c->walk, &n);
	while (c->n_sizings < n) {
		c->sizings = xgrow(c->sizings, &c->cap_sizings, c->n_sizings, sizeof(*c->sizings));
		c->sizings[c->n_sizings++] = NULL;
		c->regular = xgrow(c->regular, &c->cap_regular, c->n_regular, sizeof(*c->regular));
		c->regular[c->n_regular++] = (struct regular){ .rule = { .need = UINT32_MAX } };
	}
	const struct py_sizing **s = &c->sizings[b->type];
	if (!*s)
		*s = py_sizing_of(c->p, c->rt, types[b->type].addr);
	if (*s && !is_wanted(c, *s))
		*s = &ignored;
	if (only_counted(c, *s))
		c->regular[b->type] = (struct regular){
			.rule = (*s)->rule,
			.lead = b->lead,
			.front = front_of(c, b),
			.where = UINT64_MAX,
		};
	return *s;
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
	case SURVEY_BY_GENERATION:
		return generation_of(c, b);
	case SURVEY_BY_REFCOUNT:
		refs = heap_refcount(c->walk, b);
		return log2_of(refs);
	}
	return 0;
}

/* Of objects of one group, in the place at hand. */
static void add_sums(struct counting *c, struct tally *g, uint64_t count, uint64_t front,
	const struct py_size *size)
{
	g->sums.count += count;
	g->sums.bytes += size->own;
	g->sums.header_bytes += front;
	g->sums.owned_bytes += size->owned;
	g->sums.getsizeof += size->getsizeof;
	c->sums.place[c->place].object_bytes += size->own + front;
}

static void note_largest(struct tally *g, uint64_t bytes, uint64_t addr)
{
	if (bytes < g->largest_bytes || (bytes == g->largest_bytes && addr >= g->largest))
		return;
	g->largest_bytes = bytes;
	g->largest = addr;
}

static bool measure(const struct py_sizing *s, const struct heap_block *b, struct py_size *ret)
{
	const uint8_t *bytes = b->bytes + b->lead;
	size_t n = b->n_bytes - b->lead;
	uint64_t number;
	if (s->fixed) {
		*ret = s->size;
		return true;
	}
	if (!py_rule_number(&s->rule, bytes, n, &number))
		return py_measure(s, b->addr + b->lead, bytes, n, b->lead, ret);
	*ret = py_rule_size(&s->rule, 1, number);
	return true;
}

static void add(struct counting *c, const struct heap_block *b)
{
	const struct py_sizing *s = b->type < c->n_sizings ? c->sizings[b->type] : NULL;
	struct py_size size;
	if (!s && !(s = meet(c, b))) {
		c->sums.doubtful++;
		return;
	}
	if (s == &ignored)
		return;
	if (!measure(s, b, &size))
		c->sums.doubtful++;
	uint32_t front = front_of(c, b);
	uint64_t all = size.own + front + size.owned;
	size_t number = group_of(c, b, all);
	struct tally *g = group_at(c, number);
	add_sums(c, g, 1, front, &size);
	if (c->opt->sample)
		tally_pick(&c->groups, number, all, b->addr + b->lead);
	g->known &= s->known;
	note_largest(g, all, b->addr + b->lead);
}

/* False: it has to be looked at for itself. */
static inline bool add_regular(struct counting *c, const struct heap_block *b)
{
	uint64_t number;
	if (b->type >= c->n_regular)
		return false;
	struct regular *r = &c->regular[b->type];
	if (b->lead != r->lead ||
		!py_rule_number(&r->rule, b->bytes + b->lead, b->n_bytes - b->lead, &number))
		return false;
	if (number > r->most || (number == r->most && b->addr < r->where)) {
		r->most = number;
		r->where = b->addr;
	}
	r->count++;
	r->numbers += number;
	return true;
}

static void settle_type(struct counting *c, uint32_t type)
{
	struct regular *r = &c->regular[type];
	struct heap_block b = { .type = type };
	struct py_size size = py_rule_size(&r->rule, r->count, r->numbers);
	struct py_size most = py_rule_size(&r->rule, 1, r->most);
	struct tally *g = group_at(c, group_of(c, &b, 0));
	add_sums(c, g, r->count, r->count * r->front, &size);
	note_largest(g, most.own + r->front + most.owned, r->where + r->lead);
	r->count = r->numbers = r->most = 0;
	r->where = UINT64_MAX;
}

/* What the regular objects of the place at hand weigh. */
static void settle(struct counting *c)
{
	for (size_t i = 0; i < c->n_regular; i++) {
		if (c->regular[i].count)
			settle_type(c, (uint32_t)i);
	}
}

static void see_other(struct place_sums *sums, const struct heap_block *b)
{
	if (b->state == HEAP_DEAD) {
		sums->dead++;
		sums->dead_room += b->room;
	} else {
		sums->others++;
		sums->other_room += b->room;
	}
}

static void see(struct counting *c, const struct heap_batch *batch)
{
	uint64_t room = 0;
	if (batch->place != c->place)
		settle(c);
	c->place = batch->place;
	struct place_sums *sums = &c->sums.place[c->place];
	for (size_t i = 0; i < batch->n; i++) {
		const struct heap_block *b = &batch->list[i];
		__builtin_prefetch((const void *)((uintptr_t)b->bytes + HEAP_AHEAD), 0, 2);
		if (b->state != HEAP_OBJECT) {
			see_other(sums, b);
			continue;
		}
		room += b->room;
		if (!add_regular(c, b))
			add(c, b);
	}
	sums->object_room += room;
	sums->blocks += batch->n;
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
	settle(c);
}

void counting_fini(struct counting *c)
{
	heap_walk_close(c->walk);
	tallies_fini(&c->groups);
	free(c->sizings);
	free(c->regular);
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
		t->type = types[number].addr;
		t->key = type_key(c, (uint32_t)number);
		break;
	case SURVEY_BY_MODULE:
		t->key = survey_text_hash(c->sizings[number]->module);
		t->type = types[number].addr;
		break;
	case SURVEY_BY_SIZE:
	case SURVEY_BY_REFCOUNT:
	case SURVEY_BY_GENERATION:
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
