/* SPDX-License-Identifier: Apache-2.0 */
/* Rows out of groups. */
#include "internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *keep(struct survey *s, const struct str *text)
{
	return arena_copy(&s->arena, str_text(text), text->len);
}

/* "16 to 31": the numbers that have so many bits. */
static const char *span(struct survey *s, uint64_t bits, const char *unit)
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

static const char *shape_key(
	struct counting *c, struct survey *s, const struct tally *t, const char *type)
{
	AUTO_STR(text);
	shape_text(c, t, type, &text);
	return keep(s, &text);
}

/* Its type is known, or else it would not have been counted. */
static void name_row(
	struct counting *c, struct survey *s, const struct tally *t, struct survey_row *r)
{
	const struct py_sizing *z = t->type ? py_sizing_of(c->p, c->rt, t->type) : NULL;
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
		r->key = span(s, t->key, " bytes");
		break;
	case SURVEY_BY_REFCOUNT:
		r->key = span(s, t->key, "");
		break;
	case SURVEY_BY_GENERATION:
		r->key = generation_name(c->generations, t->key);
		break;
	case SURVEY_BY_SHAPE:
		r->key = shape_key(c, s, t, z->full);
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

/* What is known of some objects of a row. */
static const struct py_described **describe(
	struct counting *c, struct survey *s, const struct pick *picks, size_t n)
{
	const struct py_described **list = arena_alloc(&s->arena, n * sizeof(*list) + 1);
	for (size_t i = 0; i < n; i++)
		list[i] = python_describe(c->p, picks[i].addr);
	return list;
}

static void read_samples(
	struct counting *c, const struct tallies *all, struct survey *s, struct survey_row *r)
{
	size_t n = r->sums.count < all->sample ? (size_t)r->sums.count : all->sample;
	r->samples = describe(c, s, tally_picks(all, r->number, false), n);
	r->biggest = describe(c, s, tally_picks(all, r->number, true), n);
	r->n_samples = r->n_biggest = n;
}

void survey_rows(struct counting *c, struct tallies *all, struct survey *s)
{
	tallies_merge(all);
	s->rows = arena_alloc(&s->arena, all->n * sizeof(*s->rows) + 1);
	for (size_t i = 0; i < all->n; i++) {
		const struct tally *t = &all->list[i];
		struct survey_row *r = &s->rows[s->n_rows++];
		*r = (struct survey_row){
			.number = i,
			.sums = t->sums,
			.getsizeof_known = t->known,
			.largest = t->largest,
			.largest_bytes = t->largest_bytes,
		};
		name_row(c, s, t, r);
		sums_add(&s->totals, &t->sums);
	}
	qsort_r(s->rows, s->n_rows, sizeof(*s->rows), compare, (void *)c->opt);
	size_t sampled = all->sample ? c->opt->sampled_rows : 0;
	for (size_t i = 0; i < s->n_rows && i < sampled; i++)
		read_samples(c, all, s, &s->rows[i]);
}
