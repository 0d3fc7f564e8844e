/* SPDX-License-Identifier: Apache-2.0 */
/* What changed between two surveys, as a table. */
#include "out_text.h"

#include <inttypes.h>
#include <stdio.h>

/* "+12.3 MiB" */
static void put_growth(struct out *o, uint64_t before, uint64_t after)
{
	char text[TEXT_SIZE_MAX], signed_text[TEXT_SIZE_MAX + 1];
	const char *sign = after > before ? "+" : after < before ? "-" : "";
	text_size(after > before ? after - before : before - after, text);
	snprintf(signed_text, sizeof(signed_text), "%s%s", sign, text);
	str_addf(&o->buf, " %12s", signed_text);
}

static void put_change(
	struct out *o, const struct survey_sums *before, const struct survey_sums *after)
{
	str_addf(&o->buf, "%+13" PRId64, (int64_t)(after->count - before->count));
	put_growth(o, text_size_of(before), text_size_of(after));
	str_addf(&o->buf, " %12" PRIu64, after->count);
	text_put_size(o, text_size_of(after));
	str_puts(&o->buf, "  ");
}

/* In place of the head of a target. */
static void put_saved(struct out *o, const struct survey *s, const struct survey_view *view)
{
	text_label(o, "Survey:");
	text_put(o, view->after);
	str_puts(&o->buf, ", saved");
	if (s->saved->of) {
		str_puts(&o->buf, ", of ");
		text_put(o, s->saved->of);
	}
	str_puts(&o->buf, "\n\n");
}

void text_survey_diff(struct out *o, const struct survey *s, const struct survey_view *view)
{
	const struct survey_diff *d = view->diff;
	if (s->saved)
		put_saved(o, s, view);
	str_puts(&o->buf, "Since ");
	text_put(o, view->before);
	if (view->before_of) {
		str_puts(&o->buf, ", of ");
		text_put(o, view->before_of);
	}
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
	if (!d->n_rows)
		str_puts(&o->buf, "      nothing changed\n");
	put_change(o, &d->before, &d->after);
	text_put_total(o, s, view);
	if (d->n_rows > view->top)
		str_addf(&o->buf, ", with %zu more that changed", d->n_rows - view->top);
	str_putc(&o->buf, '\n');
}
