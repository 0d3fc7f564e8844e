/* SPDX-License-Identifier: Apache-2.0 */
#include "native.h"

#include "out_internal.h"
#include "stacks.h"

#include <inttypes.h>
#include <string.h>

enum { PERIOD_MAX = 16 };

/* How often the `period` frames at the outer end of the innermost n stand there in a row. */
static size_t count_repeats(const struct native_frame *frames, size_t n, size_t period)
{
	size_t same = 0;
	while (same + period < n &&
		frames[n - 1 - same].place == frames[n - 1 - same - period].place)
		same++;
	return 1 + same / period;
}

static struct repeat find_repeat(const struct native_frame *frames, size_t n)
{
	for (size_t period = 1; period <= PERIOD_MAX && period * (REPEATS_SHOWN + 1) <= n;
		period++) {
		size_t times = count_repeats(frames, n, period);
		if (times > REPEATS_SHOWN)
			return (struct repeat){ period, times };
	}
	return (struct repeat){ 1, 1 };
}

static void put(struct out *o, const char *text)
{
	out_escape_text(&o->buf, text, strlen(text));
}

/* " (libc.so.6+0x9d21)"; the offset where no function says where it is. */
static void put_module(struct out *o, const struct native_frame *f, bool with_offset)
{
	const struct image *img = f->place->image;
	if (!img) {
		str_puts(&o->buf, " (in no file)");
		return;
	}
	str_puts(&o->buf, " (");
	put(o, img->path[0] ? image_name(img) : "unnamed module");
	if (with_offset)
		str_addf(&o->buf, "+0x%" PRIx64, f->pc - img->bias);
	str_putc(&o->buf, ')');
}

static void put_call(struct out *o, const struct native_frame *f, const struct native_call *c)
{
	str_addf(&o->buf, "    0x%012" PRIx64 " in ", f->pc);
	put(o, c->function ? c->function : "??");
	if (c->file) {
		str_puts(&o->buf, " at ");
		put(o, c->file);
		str_addf(&o->buf, ":%d", c->line);
	}
	put_module(o, f, !c->function);
	if (c->inlined)
		str_puts(&o->buf, " [inlined]");
	if (f->signal)
		str_puts(&o->buf, " [calls a signal handler]");
	if (f->found_by != NATIVE_CFI)
		str_addf(&o->buf, " [guess: found by %s]",
			f->found_by == NATIVE_SCAN ? "a scan of the stack" : "frame pointer");
	else if (!f->certain)
		str_puts(&o->buf, " [follows a guess]");
	str_putc(&o->buf, '\n');
}

static void put_frame(struct out *o, const struct native_frame *f)
{
	for (size_t i = f->place->n_calls; i > 0; i--)
		put_call(o, f, &f->place->calls[i - 1]);
}

static void put_repeats(struct out *o, struct repeat r)
{
	size_t more = r.times - REPEATS_SHOWN;
	str_puts(&o->buf, "    [Previous ");
	if (r.period > 1)
		str_addf(&o->buf, "%zu frames", r.period);
	else
		str_puts(&o->buf, "frame");
	str_addf(&o->buf, " repeated %zu more time%s]\n", more, more == 1 ? "" : "s");
}

static void put_end(struct out *o, const struct native_stack *s)
{
	char why[ERR_TEXT_MAX];
	if (failed(s->why))
		str_addf(&o->buf, "    <what called %s is not known: %s>\n",
			s->n ? "these frames" : "it", err_text(s->why, why));
	if (s->cut)
		str_puts(&o->buf, "    [frames further out are left out]\n");
	o->damage |= o->opt.native && (failed(s->why) || s->cut);
}

void text_native(struct out *o, const struct native_stack *s)
{
	str_puts(&o->buf, "  Native stack, most recent call last:\n");
	put_end(o, s);
	for (size_t left = s->n; left > 0;) {
		struct repeat r = find_repeat(s->frames, left);
		size_t show = r.times > 1 ? r.period * REPEATS_SHOWN : r.period;
		for (size_t i = 0; i < show; i++)
			put_frame(o, &s->frames[left - 1 - i]);
		if (r.times > 1)
			put_repeats(o, r);
		left -= r.period * r.times;
		out_flush(o, false);
	}
}

static void json_call(struct json *j, const struct native_frame *f, const struct native_call *c)
{
	const struct image *img = f->place->image;
	char id[2 * BUILD_ID_MAX + 1];
	json_open(j, NULL, '{');
	json_text(j, "kind", "native");
	json_text(j, "function", c->function);
	json_text(j, "file", c->file);
	if (c->line > 0)
		json_int(j, "line", c->line);
	else
		json_null(j, "line");
	json_text(j, "module", img && img->path[0] ? img->path : NULL);
	if (img)
		json_addr(j, "offset", f->pc - img->bias);
	else
		json_null(j, "offset");
	json_text(j, "build_id",
		img && img->build_id_size ? build_id_text(img->build_id, img->build_id_size, id)
					  : NULL);
	json_addr(j, "address", f->pc);
	json_bool(j, "inlined", c->inlined);
	json_bool(j, "signal", f->signal);
	json_text(j, "found_by", native_found_text(f->found_by));
	json_bool(j, "certain", f->certain);
	json_close(j, '}');
}

void json_native(struct out *o, struct json *j, const struct native_stack *s)
{
	char why[ERR_TEXT_MAX];
	json_open(j, "native_frames", '[');
	for (size_t i = 0; i < s->n; i++) {
		const struct native_frame *f = &s->frames[i];
		for (size_t k = 0; k < f->place->n_calls; k++)
			json_call(j, f, &f->place->calls[k]);
		out_flush(o, false);
	}
	json_close(j, ']');
	json_text(j, "native_error", failed(s->why) ? err_text(s->why, why) : NULL);
	json_bool(j, "native_cut", s->cut);
	o->damage |= o->opt.native && (failed(s->why) || s->cut);
}
