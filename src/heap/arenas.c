/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas are as large as each other and do not overlap, so at most one begins in each stretch of
 * that length: a table of these says in two steps whether an address lies in an arena. */
#include "internal.h"

#include "pycore/sorted.h"

#include <stdlib.h>

struct placed {
	uint64_t address, carved;
};

void arenas_add(struct arenas *a, uint64_t address, uint64_t carved)
{
	a->list = xgrow(a->list, &a->cap, a->n, sizeof(*a->list));
	a->carved = xgrow(a->carved, &a->cap_carved, a->n, sizeof(*a->carved));
	a->list[a->n] = address;
	a->carved[a->n++] = carved;
}

static int by_address(const void *x, const void *y)
{
	uint64_t a = ((const struct placed *)x)->address, b = ((const struct placed *)y)->address;
	return a < b ? -1 : a > b;
}

/* Ascending, without those that begin inside of another. Returns how many these were. */
static size_t sort(struct arenas *a, unsigned bits)
{
	AUTO_FREE struct placed *both = xcalloc(a->n + 1, sizeof(*both));
	size_t kept = 0;
	for (size_t i = 0; i < a->n; i++)
		both[i] = (struct placed){ a->list[i], a->carved[i] };
	qsort(both, a->n, sizeof(*both), by_address);
	for (size_t i = 0; i < a->n; i++) {
		if (kept && both[i].address - a->list[kept - 1] < UINT64_C(1) << bits)
			continue;
		a->list[kept] = both[i].address;
		a->carved[kept++] = both[i].carved;
	}
	size_t dropped = a->n - kept;
	a->n = kept;
	return dropped;
}

size_t arenas_settle(struct arenas *a, unsigned bits)
{
	size_t dropped = sort(a, bits);
	unsigned log2 = 4;
	while (UINT64_C(1) << log2 < 4 * (uint64_t)a->n)
		log2++;
	a->mask = ((size_t)1 << log2) - 1;
	a->shift = 64 - log2;
	a->starts = xcalloc(a->mask + 1, sizeof(*a->starts));
	for (size_t i = 0; i < a->n; i++) {
		size_t at = mix(a->list[i] >> bits) >> a->shift;
		while (a->starts[at])
			at = (at + 1) & a->mask;
		a->starts[at] = a->list[i];
	}
	return dropped;
}

uint64_t arenas_above(const struct arenas *a, uint64_t addr)
{
	size_t at = PARTITION_POINT(a->n, i, a->list[i] <= addr);
	return at < a->n ? a->list[at] : UINT64_MAX;
}

void arenas_fini(struct arenas *a)
{
	free(a->list);
	free(a->carved);
	free(a->starts);
}
