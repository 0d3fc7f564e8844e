/* SPDX-License-Identifier: Apache-2.0 */
/* What grew between two surveys. Rows are matched by their names, for addresses differ. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

void survey_put_name(struct str *to, const char *name)
{
	uint32_t cp = 0, low = 0;
	for (const char *at = name, *end = name + strlen(name); at < end;) {
		size_t n = utf8_get(at, (size_t)(end - at), &cp), more = 0;
		if (n && n < (size_t)(end - at) && utf8_is_surrogate(cp) && cp < 0xdc00)
			more = utf8_get(at + n, (size_t)(end - at) - n, &low);
		if (more && low >= 0xdc00 && utf8_is_surrogate(low))
			str_put_utf8(to, 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00));
		else
			more = 0;
		if (!more)
			str_put_utf8(to, !n || utf8_is_surrogate(cp) ? 0xfffd : cp);
		at += (n ? n : 1) + more;
	}
}

/* What rows have in common that are one row of the comparison. */
static uint64_t identity(const struct survey_row *r)
{
	AUTO_STR(name);
	if (r->type) {
		survey_put_name(&name, r->module);
		str_putc(&name, '\n');
	}
	survey_put_name(&name, r->type ? r->type : r->key);
	return survey_text_hash(str_text(&name));
}

static struct survey_change *change_of(
	struct survey_diff *d, struct hash *known, const struct survey_row *r)
{
	uint64_t at, key = identity(r);
	if (!hash_get(known, key, &at)) {
		at = d->n_rows++;
		hash_put(known, key, at);
		d->rows[at] = (struct survey_change){ r->module, r->type, r->key, { 0 }, { 0 } };
	}
	return &d->rows[at];
}

static uint64_t magnitude(uint64_t before, uint64_t after)
{
	return after > before ? after - before : before - after;
}

static uint64_t change_by(const struct survey_change *c, enum survey_sort sort)
{
	const struct survey_sums *a = &c->after, *b = &c->before;
	uint64_t own_before = b->bytes + b->header_bytes, own_after = a->bytes + a->header_bytes;
	switch (sort) {
	case SURVEY_SORT_COUNT:
		return magnitude(b->count, a->count);
	case SURVEY_SORT_OWN:
		return magnitude(own_before, own_after);
	case SURVEY_SORT_BODIES:
		return magnitude(b->owned_bytes, a->owned_bytes);
	case SURVEY_SORT_NAME:
		return 0;
	case SURVEY_SORT_SIZE:
	case SURVEY_SORT_MEAN:
	case SURVEY_SORT_LARGEST:
		break;
	}
	return magnitude(own_before + b->owned_bytes, own_after + a->owned_bytes);
}

static int by_change(const void *a, const void *b, void *sort)
{
	const struct survey_change *left = a, *right = b;
	uint64_t x = change_by(left, *(enum survey_sort *)sort);
	uint64_t y = change_by(right, *(enum survey_sort *)sort);
	if (x != y)
		return x > y ? -1 : 1;
	return strcmp(left->key, right->key);
}

static bool same(const struct survey_change *c)
{
	return c->before.count == c->after.count && !change_by(c, SURVEY_SORT_SIZE);
}

struct survey_diff *survey_compare(
	const struct survey *before, const struct survey *after, enum survey_sort sort)
{
	CLEANUP(hash_fini) struct hash known = { 0 };
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
	qsort_r(d->rows, d->n_rows, sizeof(*d->rows), by_change, &sort);
	return d;
}

void survey_diff_free(struct survey_diff *d)
{
	if (!d)
		return;
	arena_fini(&d->arena);
	free(d);
}
