/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is printable: all but the categories Cc, Cf, Cs, Co, Cn, Zl, Zp and Zs, except the space
 * (CPython, Tools/unicode/makeunicodedata.py, PRINTABLE_MASK). No character that is printable in
 * one version ceased to be in a later one: the recipe of the table refuses that.
 */
#include "format.h"

#include "pycore/attr.h"
#include "pycore/sorted.h"

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
	size_t at = PARTITION_POINT(ARRAY_LEN(ranges), i, ranges[i].last < cp);
	return at < ARRAY_LEN(ranges) && cp >= ranges[at].first && unicode >= ranges[at].since;
}
