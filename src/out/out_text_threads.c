/* SPDX-License-Identifier: Apache-2.0 */
/* Threads and their stacks, as Python prints tracebacks. */
#include "facts.h"
#include "native.h"
#include "out_text.h"
#include "stacks.h"

#include <inttypes.h>
#include <string.h>

static void put_file_or_function(struct out *o, const struct py_text *name)
{
	text_begin_colour(o, "35");
	text_put_name(o, name);
	text_end_colour(o);
}

static void put_variables(struct out *o, const struct py_frame *f, struct hash *shown)
{
	static const char indent[] = "      ";
	if (hash_put(shown, f->addr, 0))
		text_put_variables(o, f->variables, indent);
	else if (f->variables->len)
		str_addf(&o->buf, "%s[variables: see above]\n", indent);
}

/* "  File "/app/x.py", line 12, in Worker.down", coloured as Python does. */
void text_put_frame(struct out *o, const struct python *p, const struct py_frame *f, bool qualified,
	struct hash *shown)
{
	const struct py_code *c = f->place->code;
	str_puts(&o->buf, "  File \"");
	put_file_or_function(o, &c->filename);
	if (f->place->at.line >= 0)
		str_addf(&o->buf, "\", line %d, in ", f->place->at.line);
	else
		str_puts(&o->buf, "\", line ?, in ");
	put_file_or_function(o, qualified && c->qualname.bytes ? &c->qualname : &c->name);
	struct err e = frame_error(f);
	if (failed(e)) {
		str_puts(&o->buf, "  ");
		text_put_error(o, "", e);
	}
	str_putc(&o->buf, '\n');
	frame_put_source(f, out_source(o, p->target), o->colour, &o->buf);
	if (f->variables)
		put_variables(o, f, shown);
}

static void put_repeat(struct out *o, struct repeat r)
{
	size_t more = r.times - REPEATS_SHOWN;
	if (r.period == 1)
		str_puts(&o->buf, "  [Previous frame");
	else
		str_addf(&o->buf, "  [Previous %zu frames", r.period);
	str_addf(&o->buf, " repeated %zu more time%s]\n", more, more == 1 ? "" : "s");
}

/* Prints from the outermost frame inwards; a run that repeats is shown SHOWN times and counted. */
static void put_frames(
	struct out *o, const struct python *p, const struct py_thread *th, struct hash *shown)
{
	for (size_t left = th->n_frames; left > 0;) {
		struct repeat r = stack_repeat(th->frames, left);
		size_t show =
			r.times > REPEATS_SHOWN ? r.period * REPEATS_SHOWN : r.period * r.times;
		for (size_t i = 0; i < show; i++)
			text_put_frame(o, p, &th->frames[left - 1 - i], true, shown);
		if (r.times > REPEATS_SHOWN)
			put_repeat(o, r);
		left -= r.period * r.times;
		out_flush(o, false);
	}
}

/* Only the kernel's name tells what it is. */
static void put_unknown(struct str *marks, const struct py_thread *th)
{
	str_puts(marks, ", not known to Python");
	if (th->os && th->os->name[0]) {
		str_puts(marks, ", native name \"");
		out_escape_text(marks, th->os->name, strlen(th->os->name));
		str_putc(marks, '"');
	}
}

static void put_marks(struct out *o, const struct python *p, const struct py_thread *th)
{
	AUTO_STR(marks);
	if (th->main)
		str_puts(&marks, ", main");
	if (th->os && th->os->crashed)
		str_puts(&marks, ", crashed");
	if (th->gil == GIL_HOLDER)
		str_puts(&marks, ", holds the GIL");
	if (th->gil == GIL_WAITING)
		str_puts(&marks, ", waits for the GIL");
	if (th->daemon == 1)
		str_puts(&marks, ", daemon");
	if (!th->addr)
		put_unknown(&marks, th);
	else if (p->n_interpreters > 1)
		str_addf(&marks, ", interpreter %" PRId64, p->interpreters[th->interpreter].id);
	if (th->moving)
		str_puts(&marks, ", RUNNING WHILE READ: frames may be of different moments");
	if (marks.len)
		str_addf(&o->buf, " (%s)", marks.bytes + 2);
}

/* Nothing where threading knows no name. */
static void put_quoted_name(struct out *o, const struct py_thread *th)
{
	if (failed(th->name.why)) {
		str_putc(&o->buf, ' ');
		text_put_error(o, "its name: ", th->name.why);
	} else if (th->name.bytes) {
		str_puts(&o->buf, " \"");
		text_put_name(o, &th->name);
		str_putc(&o->buf, '"');
	}
}

static void put_tid(struct out *o, const struct py_thread *th)
{
	if (th->os)
		str_addf(&o->buf, " %d", (int)th->os->tid);
	else
		str_addf(&o->buf, " ? (%s)", th->os_why ? th->os_why : "no thread of this process");
}

static void put_thread_line(struct out *o, const struct python *p, const struct stack_group *g)
{
	const struct py_thread *th = g->threads[0];
	text_begin_colour(o, th->os && th->os->crashed ? "1;31" : "1");
	if (g->n > 1)
		str_addf(&o->buf, "%zu threads with the same stack:", g->n);
	else
		str_puts(&o->buf, "Thread");
	for (size_t i = 0; i < g->n; i++)
		put_tid(o, g->threads[i]);
	if (g->n == 1)
		put_quoted_name(o, th);
	text_end_colour(o);
	put_marks(o, p, th);
	if (th->n_frames)
		str_puts(&o->buf, ", most recent call last:\n");
	else
		str_puts(&o->buf, failed(th->why) ? ": its frames could not be read\n"
						  : ": no Python frame\n");
}

/* The names of a group, in the order of its ids. */
static void put_names(struct out *o, const struct stack_group *g)
{
	bool any = false;
	for (size_t i = 0; i < g->n; i++)
		any |= g->threads[i]->name.bytes || failed(g->threads[i]->name.why);
	if (g->n == 1 || !any)
		return;
	str_puts(&o->buf, "  Names:");
	for (size_t i = 0; i < g->n; i++) {
		if (g->threads[i]->name.bytes || failed(g->threads[i]->name.why))
			put_quoted_name(o, g->threads[i]);
		else
			str_puts(&o->buf, " (none)");
	}
	str_putc(&o->buf, '\n');
}

static void put_thread_exception(
	struct out *o, const struct python *p, const struct py_exception *e, struct hash *shown)
{
	if (!e)
		return;
	text_begin_colour(o, "1");
	str_puts(&o->buf, e->state == EXCEPTION_RAISED ? "\n  Raising "
			  : e->may_be_over	       ? "\n  Last handled, maybe still: "
						       : "\n  Handling ");
	text_put(o, e->type ? e->type : "an exception");
	str_puts(&o->buf, ":\n");
	text_end_colour(o);
	text_put_exception(o, p, e, "  ", shown);
}

static void put_thread(struct out *o, const struct python *p, const struct stack_group *g)
{
	const struct py_thread *th = g->threads[0];
	CLEANUP(hash_fini) struct hash shown = { 0 };
	char why[ERR_TEXT_MAX];
	str_putc(&o->buf, '\n');
	put_thread_line(o, p, g);
	put_names(o, g);
	o->damage |= failed(th->why) || th->moving;
	if (failed(th->why))
		str_addf(&o->buf, "  <%s%s>\n",
			th->n_frames ? "what called these frames is lost: " : "",
			err_text(th->why, why));
	if (th->n_omitted)
		str_addf(&o->buf, "  [%zu frames further out are left out]\n", th->n_omitted);
	put_frames(o, p, th, &shown);
	if (th->os && th->os->native)
		text_native(o, th->os->native);
	put_thread_exception(o, p, th->exception, &shown);
	put_thread_exception(o, p, th->handled, &shown);
}

/* sys.last_exc and its elders. */
static void put_last(struct out *o, const struct python *p, const struct py_interpreter *in)
{
	CLEANUP(hash_fini) struct hash shown = { 0 };
	str_putc(&o->buf, '\n');
	text_begin_colour(o, "1");
	str_puts(&o->buf, "The last exception that ended a script or reached the prompt");
	if (p->n_interpreters > 1)
		str_addf(&o->buf, ", interpreter %" PRId64, in->id);
	str_puts(&o->buf, " (sys.last_exc):\n");
	text_end_colour(o);
	text_put_exception(o, p, in->last, "  ", &shown);
}

void text_threads(
	struct out *o, const struct python *p, const struct py_thread *const *list, size_t n)
{
	struct stack_groups groups;
	if (p->fatal.bytes) {
		str_puts(&o->buf, "\nFatal Python error: ");
		out_escape_text(&o->buf, p->fatal.bytes, p->fatal.len);
		str_putc(&o->buf, '\n');
	}
	/* the same stack may hold other values in each thread */
	stack_groups_init(&groups, list, n, !o->opt.no_group && !p->options.locals);
	for (size_t i = 0; i < groups.n; i++)
		put_thread(o, p, &groups.list[i]);
	stack_groups_fini(&groups);
	for (size_t i = 0; i < p->n_interpreters; i++) {
		if (p->interpreters[i].last)
			put_last(o, p, &p->interpreters[i]);
	}
}
