/* SPDX-License-Identifier: Apache-2.0 */
/* A survey as tables. Sizes are rounded for reading; JSON and CSV have them exactly. */
#include "out_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SIZE_TEXT_MAX = 32 };

/* "512 B", "12.3 MiB" */
static const char *size_text(uint64_t bytes, char buf[SIZE_TEXT_MAX])
{
	static const char units[] = "KMGTPE";
	double v = (double)bytes;
	size_t unit = 0;
	if (bytes < 1024) {
		snprintf(buf, SIZE_TEXT_MAX, "%" PRIu64 " B", bytes);
		return buf;
	}
	for (v /= 1024; v >= 1024 && unit + 2 < sizeof(units); unit++)
		v /= 1024;
	snprintf(buf, SIZE_TEXT_MAX, "%.1f %ciB", v, units[unit]);
	return buf;
}

static void put_size(struct out *o, uint64_t bytes)
{
	char text[SIZE_TEXT_MAX];
	str_addf(&o->buf, " %11s", size_text(bytes, text));
}

static uint64_t all_bytes(const struct survey_sums *s)
{
	return s->bytes + s->header_bytes + s->owned_bytes;
}

static void put_sums(struct out *o, const struct survey_sums *s, uint64_t whole)
{
	uint64_t all = all_bytes(s);
	str_addf(&o->buf, "%12" PRIu64, s->count);
	put_size(o, all);
	str_addf(&o->buf, " %5.1f%%", whole ? 100.0 * (double)all / (double)whole : 0.0);
	put_size(o, s->bytes + s->header_bytes);
	put_size(o, s->owned_bytes);
	put_size(o, s->count ? all / s->count : 0);
}

static void put_samples(struct out *o, const struct survey_row *r)
{
	for (size_t i = 0; i < r->n_samples; i++) {
		const struct py_value *v = r->samples[i]->value;
		str_addf(&o->buf, "%19s0x%" PRIx64 "  ", "", v->addr);
		text_put_name(o, &v->text);
		str_putc(&o->buf, '\n');
	}
}

static void put_row(struct out *o, const struct survey_row *r, uint64_t whole)
{
	put_sums(o, &r->sums, whole);
	put_size(o, r->largest_bytes);
	str_puts(&o->buf, "  ");
	text_put(o, r->key);
	str_putc(&o->buf, '\n');
	put_samples(o, r);
}

static void add(struct survey_sums *to, const struct survey_sums *s)
{
	to->count += s->count;
	to->bytes += s->bytes;
	to->header_bytes += s->header_bytes;
	to->owned_bytes += s->owned_bytes;
}

static void put_rows(struct out *o, const struct survey *s, size_t top)
{
	uint64_t whole = all_bytes(&s->totals);
	struct survey_sums rest = { 0 };
	text_begin_colour(o, "1");
	str_addf(&o->buf, "%12s %11s %6s %11s %11s %11s %11s  %s\n", "Count", "Size", "Share",
		"Own", "Bodies", "Mean", "Largest", survey_by_name(s->by));
	text_end_colour(o);
	for (size_t i = 0; i < s->n_rows; i++) {
		if (i < top)
			put_row(o, &s->rows[i], whole);
		else
			add(&rest, &s->rows[i].sums);
		out_flush(o, false);
	}
	if (s->n_rows > top) {
		put_sums(o, &rest, whole);
		str_addf(&o->buf, " %11s  %zu more\n", "", s->n_rows - top);
	}
	put_sums(o, &s->totals, whole);
	str_addf(&o->buf, " %11s  total%s", "", s->lower_bound ? ", at least" : "");
	if (s->match) {
		str_puts(&o->buf, " of the types ");
		text_put(o, s->match);
	}
	str_putc(&o->buf, '\n');
}

static void put_memory(struct out *o, const struct survey_memory *m, unsigned depth, uint64_t whole)
{
	char text[SIZE_TEXT_MAX];
	str_addf(&o->buf, "  %11s %5.1f%%  %*s%s\n", size_text(m->bytes, text),
		whole ? 100.0 * (double)m->bytes / (double)whole : 0.0, (int)(2 * depth), "",
		m->name);
	for (size_t i = 0; i < m->n; i++)
		put_memory(o, &m->children[i], depth + 1, whole);
}

static void put_check(struct out *o, const struct survey_check *c)
{
	str_addf(&o->buf, "  %s: %s: %" PRIu64 " and %" PRIu64 "\n",
		c->ok ? "agree   " : "DISAGREE", c->name, c->expected, c->found);
	o->damage |= !c->ok;
}

static void put_classes(struct out *o, const struct heap_pools *p)
{
	str_addf(&o->buf, "  %11s %11s %11s %11s %11s %7s\n", "Block size", "Pools", "Used", "Free",
		"Free bytes", "Filled");
	for (size_t i = 0; i < POOL_CLASSES; i++) {
		const struct heap_class *c = &p->classes[i];
		if (!c->pools)
			continue;
		str_addf(&o->buf, "  %11" PRIu32 " %11" PRIu64 " %11" PRIu64 " %11" PRIu64, c->size,
			c->pools, c->used, c->free);
		put_size(o, c->free * c->size);
		str_addf(&o->buf, " %6.1f%%\n",
			100.0 * (double)c->used / (double)(c->used + c->free));
	}
}

/* An arena goes back to the system only when nothing in it is used. */
static void put_allocators(struct out *o, const struct survey *s)
{
	const struct heap_pools *p = &s->pools;
	char text[SIZE_TEXT_MAX];
	str_addf(&o->buf,
		"\nAllocators:\n  pymalloc: %" PRIu64 " arenas, %s; pools: %" PRIu64
		" in use, %" PRIu64 " free, %" PRIu64 " never used\n",
		p->arenas, size_text(p->arena_bytes, text), p->used, p->free, p->virgin);
	str_puts(&o->buf, "  arenas by how much of them is in use:");
	for (size_t i = 0; i < ARRAY_LEN(p->by_use); i++) {
		if (p->by_use[i])
			str_addf(
				&o->buf, " %zu-%zu%%: %" PRIu64, 10 * i, 10 * i + 10, p->by_use[i]);
	}
	str_putc(&o->buf, '\n');
	put_classes(o, p);
	str_addf(&o->buf, "  malloc: %s in use", size_text(s->chunks.used_bytes, text));
	str_addf(&o->buf, ", %s free\n", size_text(s->chunks.free_bytes, text));
}

/* "+12.3 MiB" */
static void put_growth(struct out *o, uint64_t before, uint64_t after)
{
	char text[SIZE_TEXT_MAX], signed_text[SIZE_TEXT_MAX + 1];
	const char *sign = after > before ? "+" : after < before ? "-" : "";
	size_text(after > before ? after - before : before - after, text);
	snprintf(signed_text, sizeof(signed_text), "%s%s", sign, text);
	str_addf(&o->buf, " %12s", signed_text);
}

static void put_change(
	struct out *o, const struct survey_sums *before, const struct survey_sums *after)
{
	str_addf(&o->buf, "%+13" PRId64, (int64_t)(after->count - before->count));
	put_growth(o, all_bytes(before), all_bytes(after));
	str_addf(&o->buf, " %12" PRIu64, after->count);
	put_size(o, all_bytes(after));
	str_puts(&o->buf, "  ");
}

static void put_diff(struct out *o, const struct survey *s, const struct survey_view *view)
{
	const struct survey_diff *d = view->diff;
	str_puts(&o->buf, "Since ");
	text_put(o, view->before);
	str_puts(&o->buf, ":\n");
	text_begin_colour(o, "1");
	str_addf(&o->buf, "%13s %12s %12s %11s  %s\n", "Objects", "Growth", "Count now", "Size now",
		survey_by_name(s->by));
	text_end_colour(o);
	for (size_t i = 0; i < d->n_rows && i < view->top; i++) {
		put_change(o, &d->rows[i].before, &d->rows[i].after);
		text_put(o, d->rows[i].key);
		str_putc(&o->buf, '\n');
		out_flush(o, false);
	}
	put_change(o, &d->before, &d->after);
	str_puts(&o->buf, "total");
	if (d->n_rows > view->top)
		str_addf(&o->buf, ", with %zu more that changed", d->n_rows - view->top);
	str_putc(&o->buf, '\n');
}

void text_survey(struct out *o, const struct survey *s, const struct survey_view *view)
{
	str_putc(&o->buf, '\n');
	if (view->diff)
		put_diff(o, s, view);
	else
		put_rows(o, s, view->top);
	if (s->dead)
		str_addf(&o->buf,
			"%12" PRIu64 " objects without references are not counted: Python keeps "
			"them for reuse\n",
			s->dead);
	str_puts(&o->buf, "\nMemory:\n");
	put_memory(o, &s->memory, 0, s->memory.bytes);
	if (view->allocators)
		put_allocators(o, s);
	str_puts(&o->buf, "\nChecks:\n");
	for (size_t i = 0; i < s->n_checks; i++)
		put_check(o, &s->checks[i]);
	o->damage |= s->lower_bound;
}
