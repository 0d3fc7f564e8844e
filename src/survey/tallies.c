/* SPDX-License-Identifier: Apache-2.0 */
/* What was counted, by rows to be; of each, some objects that may be shown. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

void sums_add(struct survey_sums *to, const struct survey_sums *s)
{
	to->count += s->count;
	to->bytes += s->bytes;
	to->header_bytes += s->header_bytes;
	to->owned_bytes += s->owned_bytes;
	to->getsizeof += s->getsizeof;
}

struct tally *tallies_add(struct tallies *t)
{
	size_t picks = 2 * t->sample;
	t->list = xgrow(t->list, &t->cap, t->n, sizeof(*t->list));
	if (picks)
		t->picks = xgrow(t->picks, &t->cap_picks, t->n, picks * sizeof(*t->picks));
	t->list[t->n] = (struct tally){ .known = true };
	return &t->list[t->n++];
}

void tallies_fini(struct tallies *t)
{
	free(t->list);
	free(t->picks);
	*t = (struct tallies){ 0 };
}

struct pick *tally_picks(const struct tallies *t, size_t number, bool biggest)
{
	return t->picks + (2 * number + biggest) * t->sample;
}

static bool is_before(const struct pick *a, const struct pick *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->addr < b->addr;
}

/* Into a list of at most max, ascending, for which so many have been there already. */
static void keep(struct pick *list, size_t max, uint64_t before, struct pick p)
{
	size_t n = before < max ? (size_t)before : max;
	if (n == max && !is_before(&p, &list[max - 1]))
		return;
	size_t at = n == max ? max - 1 : n;
	for (; at && is_before(&p, &list[at - 1]); at--)
		list[at] = list[at - 1];
	list[at] = p;
}

/* In no order that has to do with addresses, but the same one in every run: so each object has the
 * same chance to be shown, whoever has counted it. */
static uint64_t chance(uint64_t addr)
{
	uint64_t v = (addr ^ addr >> 33) * UINT64_C(0xff51afd7ed558ccd);
	v = (v ^ v >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return v ^ v >> 33;
}

void tally_pick(const struct tallies *t, size_t number, uint64_t bytes, uint64_t addr)
{
	uint64_t before = t->list[number].sums.count - 1;
	keep(tally_picks(t, number, false), t->sample, before, (struct pick){ chance(addr), addr });
	keep(tally_picks(t, number, true), t->sample, before, (struct pick){ ~bytes, addr });
}

static void merge_picks(struct tallies *t, size_t to, size_t from)
{
	uint64_t before = t->list[to].sums.count, count = t->list[from].sums.count;
	for (int biggest = 0; biggest < 2; biggest++) {
		struct pick *list = tally_picks(t, to, biggest);
		for (uint64_t i = 0; i < count && i < t->sample; i++)
			keep(list, t->sample, before + i, tally_picks(t, from, biggest)[i]);
	}
}

static void merge(struct tallies *t, size_t into, size_t from)
{
	struct tally *to = &t->list[into];
	const struct tally *s = &t->list[from];
	if (t->sample)
		merge_picks(t, into, from);
	sums_add(&to->sums, &s->sums);
	to->known &= s->known;
	if (s->shape.example < to->shape.example)
		to->shape = s->shape;
	if (s->largest_bytes > to->largest_bytes ||
		(s->largest_bytes == to->largest_bytes && s->largest < to->largest)) {
		to->largest_bytes = s->largest_bytes;
		to->largest = s->largest;
	}
}

static void move(struct tallies *t, size_t to, size_t from)
{
	if (to == from)
		return;
	t->list[to] = t->list[from];
	if (t->sample)
		memcpy(tally_picks(t, to, false), tally_picks(t, from, false),
			2 * t->sample * sizeof(*t->picks));
}

void tallies_merge(struct tallies *t)
{
	CLEANUP(hash_fini) struct hash known = { 0 };
	size_t n = 0;
	for (size_t i = 0; i < t->n; i++) {
		uint64_t into;
		if (hash_get(&known, t->list[i].key, &into)) {
			merge(t, (size_t)into, i);
			continue;
		}
		hash_put(&known, t->list[i].key, n);
		move(t, n++, i);
	}
	t->n = n;
}
