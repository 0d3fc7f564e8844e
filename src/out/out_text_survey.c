/* SPDX-License-Identifier: Apache-2.0 */
/* A survey as tables. Sizes are rounded for reading; JSON and CSV have them exactly. */
#include "out_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *text_size(uint64_t bytes, char buf[TEXT_SIZE_MAX])
{
	static const char units[] = "KMGTPE";
	double v = (double)bytes;
	size_t unit = 0;
	if (bytes < 1024) {
		snprintf(buf, TEXT_SIZE_MAX, "%" PRIu64 " B", bytes);
		return buf;
	}
	for (v /= 1024; v >= 1024 && unit + 2 < sizeof(units); unit++)
		v /= 1024;
	snprintf(buf, TEXT_SIZE_MAX, "%.1f %ciB", v, units[unit]);
	return buf;
}

void text_put_size(struct out *o, uint64_t bytes)
{
	char text[TEXT_SIZE_MAX];
	str_addf(&o->buf, " %11s", text_size(bytes, text));
}

uint64_t text_size_of(const struct survey_sums *s)
{
	return s->bytes + s->header_bytes + s->owned_bytes;
}

static void put_sums(struct out *o, const struct survey_sums *s, uint64_t whole)
{
	uint64_t all = text_size_of(s);
	str_addf(&o->buf, "%12" PRIu64, s->count);
	text_put_size(o, all);
	str_addf(&o->buf, " %5.1f%%", whole ? 100.0 * (double)all / (double)whole : 0.0);
	text_put_size(o, s->bytes + s->header_bytes);
	text_put_size(o, s->owned_bytes);
	text_put_size(o, s->count ? all / s->count : 0);
}

static void put_sample(struct out *o, const char *label, const struct py_described *d)
{
	str_addf(&o->buf, "%16s %-9s 0x%" PRIx64 "  ", "", label, d->value->addr);
	text_put_name(o, &d->value->text);
	str_putc(&o->buf, '\n');
}

static bool is_among_biggest(const struct survey_row *r, const struct py_described *d)
{
	for (size_t i = 0; i < r->n_biggest; i++) {
		if (r->biggest[i]->value->addr == d->value->addr)
			return true;
	}
	return false;
}

static void put_samples(struct out *o, const struct survey_row *r)
{
	for (size_t i = 0; i < r->n_biggest; i++)
		put_sample(o, "biggest", r->biggest[i]);
	for (size_t i = 0; i < r->n_samples; i++) {
		if (!is_among_biggest(r, r->samples[i]))
			put_sample(o, "by chance", r->samples[i]);
	}
}

static void put_row(struct out *o, const struct survey_row *r, uint64_t whole)
{
	put_sums(o, &r->sums, whole);
	text_put_size(o, r->largest_bytes);
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

void text_put_total(struct out *o, const struct survey *s, const struct survey_view *view)
{
	str_addf(&o->buf, "total%s", s->lower_bound ? ", at least" : "");
	if (s->match) {
		str_puts(&o->buf, view->type ? " of the type " : " of types that match ");
		text_put(o, view->type ? view->type : s->match);
	}
}

static void put_rows(struct out *o, const struct survey *s, const struct survey_view *view)
{
	size_t top = view->top;
	uint64_t whole = text_size_of(&s->totals);
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
	if (!s->n_rows)
		str_puts(&o->buf, "           none\n");
	if (s->n_rows > top) {
		put_sums(o, &rest, whole);
		str_addf(&o->buf, " %11s  %zu more\n", "", s->n_rows - top);
	}
	put_sums(o, &s->totals, whole);
	str_addf(&o->buf, " %11s  ", "");
	text_put_total(o, s, view);
	str_putc(&o->buf, '\n');
}

static void put_memory(struct out *o, const struct survey_memory *m, unsigned depth, uint64_t whole)
{
	char text[TEXT_SIZE_MAX];
	str_addf(&o->buf, "  %11s %5.1f%%  %*s%s\n", text_size(m->bytes, text),
		whole ? 100.0 * (double)m->bytes / (double)whole : 0.0, (int)(2 * depth), "",
		m->name);
	for (size_t i = 0; i < m->n; i++)
		put_memory(o, &m->children[i], depth + 1, whole);
}

/* "12.3 MiB objects + 4.5 MiB their bodies + ... = 31.3 MiB" */
static void put_uses(struct out *o, const struct survey *s)
{
	enum { WIDTH = 90 };
	char text[TEXT_SIZE_MAX];
	size_t line = o->buf.len;
	bool first = true;
	str_puts(&o->buf, "  In sum: ");
	for (enum survey_use use = 0; use < SURVEY_USES; use++) {
		if (!s->uses[use])
			continue;
		bool full = o->buf.len - line > WIDTH;
		str_puts(&o->buf, first ? "" : full ? " +\n    " : " + ");
		if (full)
			line = o->buf.len;
		first = false;
		str_addf(&o->buf, "%s %s", text_size(s->uses[use], text), survey_use_name(use));
	}
	str_addf(&o->buf, " = %s\n", text_size(s->memory.bytes, text));
}

static void put_check(struct out *o, const struct survey_check *c)
{
	str_addf(&o->buf, "  %s: %s: %" PRIu64 " and %" PRIu64 "\n",
		c->ok ? "agree   " : "DISAGREE", c->name, c->expected, c->found);
	o->damage |= !c->ok;
}

void text_survey(struct out *o, const struct survey *s, const struct survey_view *view)
{
	if (!s->saved)
		str_putc(&o->buf, '\n');
	if (view->diff)
		text_survey_diff(o, s, view);
	else
		put_rows(o, s, view);
	o->damage |= s->saved ? s->saved->damage : s->damaged;
	if (s->saved)
		return;
	if (s->dead)
		str_addf(&o->buf,
			"%12" PRIu64 " objects without references are not counted: Python keeps "
			"them for reuse%s\n",
			s->dead, s->pages.segments ? ", or has yet to free them" : "");
	str_puts(&o->buf, "\nMemory:\n");
	put_memory(o, &s->memory, 0, s->memory.bytes);
	if (s->uses_known)
		put_uses(o, s);
	if (view->allocators)
		text_allocators(o, s);
	str_puts(&o->buf, "\nChecks:\n");
	for (size_t i = 0; i < s->n_checks; i++)
		put_check(o, &s->checks[i]);
}
