/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two surveys are of builds whose objects have the same sizes. */
#include "internal.h"

#include "pycore/layout.h"

#include <string.h>

/* "3.14" of "3.14.8": within it, objects do not change. */
static size_t minor_len(const char *version)
{
	const char *dot = strchr(version, '.');
	return dot ? (size_t)(dot - version) + 1 + strspn(dot + 1, "0123456789") : strlen(version);
}

static bool same_minor(const char *a, const char *b)
{
	size_t n = minor_len(a);
	return n == minor_len(b) && !memcmp(a, b, n);
}

/* "3.14.8, free-threaded, on s390x". A machine that is not known is told by its words, if `words`.
 */
static void put_build(struct str *to, const struct survey_build *b, bool words)
{
	str_puts(to, b->version);
	if (b->abi & ABI_FREE_THREADED)
		str_puts(to, ", free-threaded");
	if (b->abi & ABI_DEBUG)
		str_puts(to, ", a debug build");
	if (b->abi & (ABI_FREE_THREADED | ABI_DEBUG))
		str_puts(to, ",");
	if (b->machine && !words)
		str_addf(to, " on %s", layout_machine_name(b->machine));
	else
		str_addf(to, " on a machine of %u bits, %s-endian", 8 * b->ptr_size,
			b->order == ORDER_BIG ? "big" : "little");
}

bool survey_builds_differ(
	const struct survey_build *before, const struct survey_build *after, struct str *why)
{
	bool known = before->machine && after->machine;
	if (!before->version[0] || !after->version[0])
		return false;
	if (same_minor(before->version, after->version) && before->abi == after->abi &&
		before->ptr_size == after->ptr_size && before->order == after->order &&
		(!known || before->machine == after->machine))
		return false;
	str_puts(why, "the first is of Python ");
	put_build(why, before, !known);
	str_puts(why, ", this one of ");
	put_build(why, after, !known);
	str_puts(why, ": their sizes are not comparable");
	return true;
}
