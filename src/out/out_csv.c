/* SPDX-License-Identifier: Apache-2.0 */
/* A survey as comma-separated values (RFC 4180): a heading, then a line for each row, all of them.
 * Everything else that a report has is left out. Texts are escaped as for a terminal. */
#include "out_internal.h"

#include "pycore/alloc.h"

#include <inttypes.h>

static void put_quoted(struct out *o, const char *text)
{
	AUTO_STR(safe);
	out_escape_text(&safe, text, strlen(text));
	str_putc(&o->buf, '"');
	for (size_t i = 0; i < safe.len; i++) {
		if (safe.bytes[i] == '"')
			str_putc(&o->buf, '"');
		str_putc(&o->buf, safe.bytes[i]);
	}
	str_putc(&o->buf, '"');
}

static void put_sums(struct out *o, const struct survey_sums *s)
{
	str_addf(&o->buf, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, s->count, s->bytes,
		s->header_bytes, s->owned_bytes);
}

static void put_row(struct out *o, const struct survey_row *r)
{
	if (r->type) {
		put_quoted(o, r->module);
		str_putc(&o->buf, ',');
	}
	put_quoted(o, r->type ? r->type : r->key);
	put_sums(o, &r->sums);
	str_putc(&o->buf, ',');
	if (r->getsizeof_known)
		str_addf(&o->buf, "%" PRIu64, r->sums.getsizeof);
	str_addf(&o->buf, ",0x%" PRIx64 ",%" PRIu64 "\n", r->largest, r->largest_bytes);
}

static void put_change(struct out *o, const struct survey_change *c)
{
	if (c->type) {
		put_quoted(o, c->module);
		str_putc(&o->buf, ',');
	}
	put_quoted(o, c->type ? c->type : c->key);
	put_sums(o, &c->before);
	put_sums(o, &c->after);
	str_putc(&o->buf, '\n');
}

static void put_diff(struct out *o, const struct survey_diff *d)
{
	str_puts(&o->buf,
		",count_before,bytes_before,gc_header_bytes_before,owned_bytes_before,count_after,"
		"bytes_after,gc_header_bytes_after,owned_bytes_after\n");
	for (size_t i = 0; i < d->n_rows; i++) {
		put_change(o, &d->rows[i]);
		out_flush(o, false);
	}
}

static void put_rows(struct out *o, const struct survey *s)
{
	str_puts(&o->buf, ",count,bytes,gc_header_bytes,owned_bytes,sizeof_bytes,largest_address,"
			  "largest_bytes\n");
	for (size_t i = 0; i < s->n_rows; i++) {
		put_row(o, &s->rows[i]);
		out_flush(o, false);
	}
}

/* All of them, always. */
static void csv_survey(struct out *o, const struct survey *s, const struct survey_view *view)
{
	str_puts(&o->buf, s->by == SURVEY_BY_TYPE ? "module,type" : survey_by_name(s->by));
	if (view->diff)
		put_diff(o, view->diff);
	else
		put_rows(o, s);
	for (size_t i = 0; i < s->n_checks; i++)
		o->damage |= !s->checks[i].ok;
	o->damage |= s->saved ? s->saved->damage : s->damaged;
}

static void no_process(struct out *o, const struct target *t)
{
	(void)o, (void)t;
}

static void no_pythons(struct out *o, const struct python *p)
{
	(void)o, (void)p;
}

static void no_problems(struct out *o, const struct problems *p)
{
	(void)o, (void)p;
}

static void csv_finish(struct out *o)
{
	out_flush(o, true);
}

static const struct out_ops csv_ops = {
	.process = no_process,
	.pythons = no_pythons,
	.survey = csv_survey,
	.problems = no_problems,
	.finish = csv_finish,
};

struct out *out_csv_open(FILE *file, const struct out_options *opt)
{
	struct out *o = xcalloc(1, sizeof(*o));
	out_init(o, &csv_ops, file, opt);
	return o;
}
