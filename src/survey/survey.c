/* SPDX-License-Identifier: Apache-2.0 */
/* One survey, from the walks of all who count to its rows. */
#include "internal.h"

#include <stdlib.h>

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
	case SURVEY_BY_GENERATION:
		return "generation";
	}
	return NULL;
}

static void free_generations(struct generations **g)
{
	generations_free(*g);
}

struct err survey_run(struct python *p, struct py_runtime *rt, const struct survey_options *opt,
	struct survey **ret)
{
	CLEANUP(counting_fini) struct counting c = { .p = p, .rt = rt, .opt = opt };
	CLEANUP(tallies_fini) struct tallies all = { 0 };
	struct workers others;
	CLEANUP(free_generations) struct generations *generations = NULL;
	TRY(counting_open(&c));
	if (opt->by == SURVEY_BY_GENERATION)
		TRY(generations_open(&c, &generations));
	c.generations = generations;
	workers_start(&others, &c);
	counting_run(&c);
	counting_take(&c, &all);
	workers_gather(&others, &c, &all);
	struct survey *s = xcalloc(1, sizeof(*s));
	s->by = opt->by;
	s->match = opt->match;
	s->pools = *heap_pools(c.walk);
	s->pages = *heap_pages(c.walk);
	s->chunks = *heap_chunks(c.walk);
	survey_rows(&c, &all, s);
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
