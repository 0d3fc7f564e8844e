/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is printable: all but the categories Cc, Cf, Cs, Co, Cn, Zl, Zp and Zs, except the space
 * (CPython, Tools/unicode/makeunicodedata.py, PRINTABLE_MASK). No character that is printable in
 * one version ceased to be in a later one: the recipe of the table refuses that.
 */
#include "format.h"

#include "pycore/attr.h"

static const struct range {
	uint32_t first, last; /* inclusive; ranges ascend */
	uint16_t since; /* version of Unicode; 0: printable in the oldest known one */
} ranges[] = {
#define P(first, last, since) { 0x##first, 0x##last, since },
#include "printable.inc"
#undef P
};

bool unicode_printable(uint32_t cp, uint16_t unicode)
{
	size_t low = 0, high = ARRAY_LEN(ranges);
	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct range *r = &ranges[middle];
		if (cp < r->first)
			high = middle;
		else if (cp > r->last)
			low = middle + 1;
		else
			return unicode >= r->since;
	}
	return false;
}
