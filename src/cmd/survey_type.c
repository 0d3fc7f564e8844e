/* SPDX-License-Identifier: Apache-2.0 */
/* Which type is meant by --type, where the name is not a full one, or a wrong one. */
#include "survey_args.h"

#include "pycore/alloc.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 3, LOOKED_AT_MAX = 20000, LETTERS_MAX = 128 };

char *pattern_of(const char *text)
{
	AUTO_STR(pattern);
	for (; *text; text++) {
		if (strchr("*?[\\", *text))
			str_putc(&pattern, '\\');
		str_putc(&pattern, *text);
	}
	return xstrdup(str_text(&pattern));
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters have to be put in, left out or changed to get from one to the other; capitals
 * are no difference. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned row[LETTERS_MAX + 1];
	if (n > LETTERS_MAX || m > LETTERS_MAX)
		return UINT32_MAX;
	for (size_t k = 0; k <= m; k++)
		row[k] = (unsigned)k;
	for (size_t i = 1; i <= n; i++) {
		unsigned corner = row[0];
		row[0] = (unsigned)i;
		for (size_t k = 1; k <= m; k++) {
			bool same = tolower((unsigned char)a[i - 1]) ==
				    tolower((unsigned char)b[k - 1]);
			unsigned changed = corner + !same;
			corner = row[k];
			row[k] = least(changed, 1 + least(row[k], row[k - 1]));
		}
	}
	return row[m];
}

struct guess {
	const struct survey_row *row;
	unsigned distance;
};

static void propose(struct guess best[SHOWN_MAX], const struct survey_row *r, unsigned d)
{
	for (size_t i = 0; i < SHOWN_MAX; i++) {
		if (best[i].row && !strcmp(best[i].row->key, r->key))
			return;
		if (best[i].row && best[i].distance <= d)
			continue;
		memmove(&best[i + 1], &best[i], (SHOWN_MAX - 1 - i) * sizeof(*best));
		best[i] = (struct guess){ r, d };
		return;
	}
}

static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && dot[1] ? dot + 1 : name;
}

/* How far a type's name is from the one that was asked for, by what they may have been compared in;
 * UINT32_MAX: too far. */
static unsigned farness(const char *name, const struct survey_row *r)
{
	const struct {
		const char *asked, *is;
		unsigned more;
	} pairs[] = { { name, r->key, 0 }, { name, r->type, 0 }, { name, last_part(r->type), 1 },
		{ last_part(name), last_part(r->type), 1 } };
	unsigned found = UINT32_MAX;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		unsigned d = distance(pairs[i].asked, pairs[i].is);
		unsigned most = (unsigned)(strlen(pairs[i].asked) + 1) / 3;
		if (d <= most)
			found = least(found, d + pairs[i].more);
	}
	return found;
}

static void complain_unknown(const char *name, struct side *const *sides, size_t n)
{
	AUTO_STR(text);
	struct guess best[SHOWN_MAX] = { 0 };
	for (size_t k = 0; k < n; k++) {
		const struct survey *s = sides[k]->survey;
		for (size_t i = 0; sides[k]->target && i < s->n_rows && i < LOOKED_AT_MAX; i++) {
			unsigned d = farness(name, &s->rows[i]);
			if (d < UINT32_MAX)
				propose(best, &s->rows[i], d);
		}
	}
	for (size_t i = 0; i < SHOWN_MAX && best[i].row; i++)
		str_addf(&text, "%s%s", i ? ", " : "; did you mean ", best[i].row->key);
	complain("no object is of a type '%s'%s%s", name, str_text(&text), text.len ? "?" : "");
}

static void complain_ambiguous(const char *name, const struct survey_row *const *found, size_t n)
{
	AUTO_STR(text);
	for (size_t i = 0; i < n && i < SHOWN_MAX; i++)
		str_addf(&text, "%s%s (%" PRIu64 " objects)", i ? ", " : "", found[i]->key,
			found[i]->sums.count);
	complain("several types are called '%s': %s%s; say which", name, str_text(&text),
		n > SHOWN_MAX ? ", ..." : "");
}

/* The types of one side that are called so; their first SHOWN_MAX + 1. */
static size_t find_named(const char *name, const struct survey *s,
	const struct survey_row *found[SHOWN_MAX + 1], size_t n)
{
	for (size_t i = 0; i < s->n_rows && n <= SHOWN_MAX; i++) {
		bool known = false;
		for (size_t k = 0; k < n; k++)
			known |= !strcmp(found[k]->key, s->rows[i].key);
		if (!known && !strcmp(s->rows[i].type, name))
			found[n++] = &s->rows[i];
	}
	return n;
}

/* The full name of the only type that is called so, malloc'ed; NULL, with a message: there is none.
 */
static char *full_name(const char *name, struct side *const *sides, size_t n_sides)
{
	const struct survey_row *found[SHOWN_MAX + 1];
	size_t n = 0;
	for (size_t i = 0; i < n_sides; i++) {
		if (sides[i]->target)
			n = find_named(name, sides[i]->survey, found, n);
	}
	if (n == 1)
		return xstrdup(found[0]->key);
	if (n)
		complain_ambiguous(name, found, n);
	else
		complain_unknown(name, sides, n_sides);
	return NULL;
}

static bool recount(const struct survey_args *a, struct side *const *sides, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (sides[i]->target && !side_recount(a, sides[i]))
			return false;
	}
	return true;
}

bool sides_find_type(struct survey_args *a, struct side *const *sides, size_t n)
{
	struct survey_args all = *a;
	for (size_t i = 0; i < n; i++) {
		if (sides[i]->survey->totals.count || sides[i]->survey->interrupted)
			return true;
	}
	all.options.by = SURVEY_BY_TYPE;
	all.options.match = NULL;
	all.options.sample = 0;
	if (!recount(&all, sides, n))
		return false;
	AUTO_FREE char *full = full_name(a->type, sides, n);
	if (!full)
		return false;
	free(a->pattern);
	a->options.match = a->pattern = pattern_of(full);
	return recount(a, sides, n);
}
