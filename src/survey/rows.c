/* SPDX-License-Identifier: Apache-2.0 */
/* Rows out of groups. */
#include "internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

uint64_t survey_text_hash(const char *text)
{
	uint64_t v = UINT64_C(0xcbf29ce484222325);
	for (; *text; text++)
		v = (v ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return v;
}

size_t module_of(struct counting *c, uint32_t type)
{
	uint64_t first = type, key;
	while (c->n_modules < c->n_sizings) {
		c->modules = xgrow(c->modules, &c->cap_modules, c->n_modules, sizeof(*c->modules));
		c->modules[c->n_modules++] = 0;
	}
	if (!c->modules[type]) {
		key = survey_text_hash(c->sizings[type]->module);
		if (!hash_get(&c->module_names, key, &first))
			hash_put(&c->module_names, key, type);
		c->modules[type] = (uint32_t)first + 1;
	}
	return c->modules[type] - 1;
}

static const char *keep(struct survey *s, const struct str *text)
{
	return arena_copy(&s->arena, str_text(text), text->len);
}

/* "16 to 31": the numbers that have so many bits. */
static const char *span(struct survey *s, size_t bits, const char *unit)
{
	AUTO_STR(text);
	uint64_t low = bits ? UINT64_C(1) << (bits - 1) : 0;
	uint64_t high = bits ? low + (low - 1) : 0;
	if (low == high)
		str_addf(&text, "%" PRIu64 "%s", low, unit);
	else
		str_addf(&text, "%" PRIu64 " to %" PRIu64 "%s", low, high, unit);
	return keep(s, &text);
}

static const char *shape_key(struct counting *c, struct survey *s, size_t group)
{
	AUTO_STR(text);
	shape_text(c, group, &text);
	return keep(s, &text);
}

static void name_row(struct counting *c, struct survey *s, size_t group, struct survey_row *r)
{
	const struct py_sizing *z = group < c->n_sizings ? c->sizings[group] : NULL;
	switch (c->opt->by) {
	case SURVEY_BY_TYPE:
		r->module = z->module;
		r->type = z->qualname;
		r->key = z->full;
		break;
	case SURVEY_BY_MODULE:
		r->key = *z->module ? z->module : "?";
		break;
	case SURVEY_BY_SIZE:
		r->key = span(s, group, " bytes");
		break;
	case SURVEY_BY_REFCOUNT:
		r->key = span(s, group, "");
		break;
	case SURVEY_BY_SHAPE:
		r->key = shape_key(c, s, group);
		break;
	}
}

static uint64_t weight(const struct survey_sums *s)
{
	return s->bytes + s->header_bytes + s->owned_bytes;
}

const char *survey_sort_name(enum survey_sort sort)
{
	switch (sort) {
	case SURVEY_SORT_SIZE:
		return "size";
	case SURVEY_SORT_COUNT:
		return "count";
	case SURVEY_SORT_OWN:
		return "own";
	case SURVEY_SORT_BODIES:
		return "bodies";
	case SURVEY_SORT_MEAN:
		return "mean";
	case SURVEY_SORT_LARGEST:
		return "largest";
	case SURVEY_SORT_NAME:
		return "name";
	}
	return NULL;
}

static uint64_t sorted_by(const struct survey_row *r, enum survey_sort sort)
{
	switch (sort) {
	case SURVEY_SORT_SIZE:
		return weight(&r->sums);
	case SURVEY_SORT_COUNT:
		return r->sums.count;
	case SURVEY_SORT_OWN:
		return r->sums.bytes + r->sums.header_bytes;
	case SURVEY_SORT_BODIES:
		return r->sums.owned_bytes;
	case SURVEY_SORT_MEAN:
		return weight(&r->sums) / r->sums.count;
	case SURVEY_SORT_LARGEST:
		return r->largest_bytes;
	case SURVEY_SORT_NAME:
		break;
	}
	return 0;
}

static int compare(const void *a, const void *b, void *opt)
{
	const struct survey_row *x = a, *y = b;
	enum survey_sort sort = ((const struct survey_options *)opt)->sort;
	uint64_t left = sorted_by(x, sort), right = sorted_by(y, sort);
	if (left != right)
		return left > right ? -1 : 1;
	int order = strcmp(x->key, y->key);
	return order ? order : x->largest < y->largest ? -1 : x->largest > y->largest;
}

static void add_sums(struct survey_sums *to, const struct survey_sums *s)
{
	to->count += s->count;
	to->bytes += s->bytes;
	to->header_bytes += s->header_bytes;
	to->owned_bytes += s->owned_bytes;
	to->getsizeof += s->getsizeof;
}

static void read_samples(struct counting *c, struct survey *s, struct survey_row *r)
{
	size_t n = r->sums.count < c->opt->sample ? (size_t)r->sums.count : c->opt->sample;
	r->samples = arena_alloc(&s->arena, n * sizeof(struct py_described *));
	for (size_t i = 0; i < n; i++)
		r->samples[i] = python_describe(c->p, c->samples[r->group * c->opt->sample + i]);
	r->n_samples = n;
}

void survey_rows(struct counting *c, struct survey *s)
{
	s->rows = arena_alloc(&s->arena, c->n_groups * sizeof(*s->rows) + 1);
	for (size_t i = 0; i < c->n_groups; i++) {
		const struct group *g = &c->groups[i];
		if (!g->sums.count)
			continue;
		struct survey_row *r = &s->rows[s->n_rows++];
		*r = (struct survey_row){
			.group = i,
			.sums = g->sums,
			.getsizeof_known = g->known,
			.largest = g->largest,
			.largest_bytes = g->largest_bytes,
		};
		name_row(c, s, i, r);
		add_sums(&s->totals, &g->sums);
	}
	qsort_r(s->rows, s->n_rows, sizeof(*s->rows), compare, (void *)c->opt);
	size_t sampled = c->opt->sample ? c->opt->sampled_rows : 0;
	for (size_t i = 0; i < s->n_rows && i < sampled; i++)
		read_samples(c, s, &s->rows[i]);
}
