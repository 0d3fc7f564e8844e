/* SPDX-License-Identifier: Apache-2.0 */
/* What grew between two surveys. Rows are matched by their names, for addresses differ. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static struct survey_change *change_of(
	struct survey_diff *d, struct hash *known, const struct survey_row *r)
{
	uint64_t at, key = survey_text_hash(r->key);
	if (!hash_get(known, key, &at)) {
		at = d->n_rows++;
		hash_put(known, key, at);
		d->rows[at] = (struct survey_change){ r->module, r->type, r->key, { 0 }, { 0 } };
	}
	return &d->rows[at];
}

static int64_t growth(const struct survey_change *c)
{
	const struct survey_sums *a = &c->after, *b = &c->before;
	return (int64_t)(a->bytes + a->header_bytes + a->owned_bytes) -
	       (int64_t)(b->bytes + b->header_bytes + b->owned_bytes);
}

static uint64_t size_of_growth(const struct survey_change *c)
{
	int64_t v = growth(c);
	return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

static int by_growth(const void *a, const void *b)
{
	uint64_t x = size_of_growth(a), y = size_of_growth(b);
	if (x != y)
		return x > y ? -1 : 1;
	return strcmp(
		((const struct survey_change *)a)->key, ((const struct survey_change *)b)->key);
}

static bool same(const struct survey_change *c)
{
	return c->before.count == c->after.count && !growth(c);
}

static void fini_hash(struct hash *h)
{
	hash_fini(h);
}

struct survey_diff *survey_compare(const struct survey *before, const struct survey *after)
{
	CLEANUP(fini_hash) struct hash known = { 0 };
	struct survey_diff *d = xcalloc(1, sizeof(*d));
	size_t kept = 0;
	d->rows = arena_alloc(&d->arena, (before->n_rows + after->n_rows + 1) * sizeof(*d->rows));
	for (size_t i = 0; i < before->n_rows; i++)
		sums_add(&change_of(d, &known, &before->rows[i])->before, &before->rows[i].sums);
	for (size_t i = 0; i < after->n_rows; i++)
		sums_add(&change_of(d, &known, &after->rows[i])->after, &after->rows[i].sums);
	for (size_t i = 0; i < d->n_rows; i++) {
		if (!same(&d->rows[i]))
			d->rows[kept++] = d->rows[i];
	}
	d->n_rows = kept;
	d->before = before->totals;
	d->after = after->totals;
	qsort(d->rows, d->n_rows, sizeof(*d->rows), by_growth);
	return d;
}

void survey_diff_free(struct survey_diff *d)
{
	if (!d)
		return;
	arena_fini(&d->arena);
	free(d);
}
