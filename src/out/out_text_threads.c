/* SPDX-License-Identifier: Apache-2.0 */
/* Threads and their stacks, as Python prints tracebacks. */
#include "activity.h"
#include "facts.h"
#include "native.h"
#include "out_text.h"
#include "registers.h"
#include "stacks.h"

#include "pycore/merge.h"

#include <inttypes.h>
#include <string.h>

#define INDENT "  "

/* Threads as they are printed. */
struct report {
	struct out *o;
	const struct python *p;
	struct hash shown; /* frames of the thread by address whose variables stand above already */
	struct nameless nameless;
	const struct py_thread *state; /* of several of its OS thread, whose frames come now */
	bool hidden; /* native frames are left out although they were asked for */
};

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

static void put_repeat(struct out *o, struct repeat r, const char *indent)
{
	size_t more = r.times - REPEATS_SHOWN;
	if (r.period == 1)
		str_addf(&o->buf, "%s[Previous frame", indent);
	else
		str_addf(&o->buf, "%s[Previous %zu frames", indent, r.period);
	str_addf(&o->buf, " repeated %zu more time%s]\n", more, more == 1 ? "" : "s");
}

/* "1", "0, main, of Python 3.12.1" */
static void put_interpreter(struct out *o, const struct python *p, const struct py_thread *th)
{
	const struct py_interpreter *in = &p->interpreters[th->interpreter];
	str_addf(&o->buf, "%" PRId64 "%s", in->id, in->main ? ", main" : "");
	text_add_python(p, in, &o->buf);
}

/* Where the stack goes on in another interpreter. */
static void put_switch(struct report *r, const struct py_thread *to)
{
	struct out *o = r->o;
	if (!to || !to->n_states || to == r->state)
		return;
	text_begin_colour(o, "1");
	str_puts(&o->buf, r->state ? INDENT "[Switch to interpreter " : INDENT "[Interpreter ");
	put_interpreter(o, r->p, to);
	str_puts(&o->buf, "]");
	text_end_colour(o);
	str_putc(&o->buf, '\n');
	r->state = to;
}

static void put_one(struct report *r, const struct shown_frame *f, const char *indent)
{
	put_switch(r, f->state);
	if (f->python)
		text_put_frame(r->o, r->p, f->python, true, &r->shown);
	else
		text_native_frame(r->o, f->native,
			f->foreign ? " [its Python frames are another greenlet's, or lost]" : "",
			indent, &r->nameless);
}

/* How many of the innermost n frames are there up to the outermost native one. */
static size_t up_to_native(const struct shown_stack *s)
{
	size_t n = s->n;
	while (n && !s->frames[n - 1].native)
		n--;
	return n;
}

/* Prints from the outermost frame inwards; a run that repeats is shown SHOWN times
 * and counted. */
static void put_frames(
	struct report *r, const struct shown_frame *frames, size_t n, const char *indent)
{
	for (size_t left = n; left > 0;) {
		struct repeat found = stack_repeat(frames, left);
		size_t show =
			found.period * (found.times > REPEATS_SHOWN ? REPEATS_SHOWN : found.times);
		for (size_t i = 0; i < show; i++)
			put_one(r, &frames[left - 1 - i], indent);
		if (found.times > REPEATS_SHOWN)
			put_repeat(r->o, found, indent);
		left -= found.period * found.times;
		out_flush(r->o, false);
	}
}

/* Where the native stack broke off, Python frames may be known that lie further out. */
static void put_stack(struct report *r, const struct py_thread *th)
{
	CLEANUP(shown_stack_fini) struct shown_stack s;
	shown_stack_init_all(&s, th, r->o->opt.native);
	size_t n = s.ends ? up_to_native(&s) : s.n;
	r->state = NULL;
	put_frames(r, s.frames + n, s.n - n, INDENT);
	if (s.ends)
		text_native_end(r->o, th->os->native, INDENT);
	put_frames(r, s.frames, n, INDENT);
	r->hidden |= s.n_hidden && r->o->opt.native == OUT_NATIVE_EVERY;
}

/* The native stack of a thread that could not be merged. */
static void put_apart(struct report *r, const struct py_thread *th)
{
	CLEANUP(shown_stack_fini) struct shown_stack s;
	static const char indent[] = INDENT INDENT;
	shown_stack_init_native(&s, th->os->native);
	str_addf(&r->o->buf, "  Not merged with the native stack: %s.\n", th->merged->why);
	str_puts(&r->o->buf, "  Native stack, most recent call last:\n");
	text_native_end(r->o, th->os->native, indent);
	put_frames(r, s.frames, s.n, indent);
}

/* Only the kernel's name tells what it is. */
static void put_unknown(struct str *marks, const struct python *p, const struct py_thread *th)
{
	str_puts(marks, p->n_runtimes ? ", not known to Python" : "");
	if (th->os && th->os->name[0]) {
		str_puts(marks, ", native name \"");
		out_escape_text(marks, th->os->name, strlen(th->os->name));
		str_putc(marks, '"');
	}
}

/* How many states the OS thread has of which this is the innermost. */
static size_t n_states(const struct py_thread *th)
{
	return th->n_states ? th->n_states : 1;
}

/* "holds the GIL", with the interpreter's number where each may have its own. */
static void put_gil(struct str *marks, const struct python *p, const struct py_thread *th)
{
	const struct py_interpreter *in = &p->interpreters[th->interpreter];
	if (th->gil != GIL_HOLDER && th->gil != GIL_WAITING)
		return;
	str_puts(marks, th->gil == GIL_HOLDER ? ", holds the GIL" : ", waits for the GIL");
	if (in->gil.own == 1)
		str_addf(marks, " of interpreter %" PRId64, in->id);
}

/* Outermost first. */
static void put_interpreters(struct str *marks, const struct python *p, const struct py_thread *th)
{
	size_t n = n_states(th);
	str_puts(marks, n > 1 ? ", interpreters " : ", interpreter ");
	for (size_t i = n; i-- > 0;)
		str_addf(marks, "%" PRId64 "%s", p->interpreters[th[i].interpreter].id,
			i > 1 ? ", "
			: i   ? " and "
			      : "");
}

static void put_marks(struct out *o, const struct python *p, const struct py_thread *th)
{
	AUTO_STR(marks);
	bool is_main = false, daemon = false;
	for (size_t i = 0; i < n_states(th); i++) {
		is_main |= th[i].main;
		daemon |= th[i].addr && th[i].daemon == 1;
	}
	if (is_main)
		str_puts(&marks, ", main");
	if (th->os && th->os->crashed)
		str_puts(&marks, ", crashed");
	for (size_t i = 0; th->addr && i < n_states(th); i++)
		put_gil(&marks, p, &th[i]);
	if (daemon)
		str_puts(&marks, ", daemon");
	if (!th->addr)
		put_unknown(&marks, p, th);
	else if (p->n_interpreters > 1)
		put_interpreters(&marks, p, th);
	if (th->os && th->os->ns_tid && th->os->ns_tid != th->os->tid)
		str_addf(&marks, ", %d in its pid namespace", (int)th->os->ns_tid);
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

/* The one of an OS thread's states whose interpreter knows its name; the outermost of them, which
 * started it. */
static const struct py_thread *named_state(const struct py_thread *th)
{
	for (size_t i = n_states(th); i-- > 0;) {
		if (th[i].name.bytes)
			return &th[i];
	}
	return th;
}

/* Why there is no stack of Python's. */
static const char *no_frames(const struct python *p, const struct py_thread *th)
{
	if (failed(th->why))
		return ": its frames could not be read";
	return p->n_runtimes ? ": no Python frame" : ": nothing of Python was found";
}

static void put_thread_line(struct out *o, const struct python *p, const struct stack_group *g)
{
	const struct py_thread *th = g->threads[0];
	bool native = th->merged && th->merged->n;
	text_begin_colour(o, th->os && th->os->crashed ? "1;31" : "1");
	if (g->n > 1)
		str_addf(&o->buf, "%zu threads%s:", g->n,
			th->n_frames || native ? " with the same stack" : "");
	else
		str_puts(&o->buf, "Thread");
	for (size_t i = 0; i < g->n; i++)
		put_tid(o, g->threads[i]);
	if (g->n == 1)
		put_quoted_name(o, named_state(th));
	text_end_colour(o);
	put_marks(o, p, th);
	if (th->n_frames) {
		str_puts(&o->buf, ", most recent call last:\n");
		return;
	}
	str_puts(&o->buf, no_frames(p, th));
	str_puts(&o->buf, native ? "; native frames, most recent call last:\n" : "\n");
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
	struct report *r, const struct py_thread *th, const struct py_exception *e)
{
	struct out *o = r->o;
	if (!e)
		return;
	text_begin_colour(o, "1");
	str_puts(&o->buf, e->state == EXCEPTION_RAISED ? "\n  Raising "
			  : e->may_be_over	       ? "\n  Last handled, maybe still: "
						       : "\n  Handling ");
	text_put(o, e->type ? e->type : "an exception");
	if (th->n_states) {
		str_puts(&o->buf, ", interpreter ");
		put_interpreter(o, r->p, th);
	}
	str_puts(&o->buf, ":\n");
	text_end_colour(o);
	text_put_exception(o, r->p, e, "  ", &r->shown);
}

/* What is missing from the frames of a thread's states. */
static void put_lost(struct report *r, const struct py_thread *th)
{
	struct out *o = r->o;
	char why[ERR_TEXT_MAX];
	for (size_t i = n_states(th); i-- > 0;) {
		o->damage |= failed(th[i].why) || th[i].moving;
		if (failed(th[i].why))
			str_addf(&o->buf, "  <%s%s>\n",
				th[i].n_frames ? "what called these frames is lost: " : "",
				err_text(th[i].why, why));
		if (th[i].n_omitted)
			str_addf(&o->buf, "  [%zu frames further out are left out]\n",
				th[i].n_omitted);
		if (!th[i].n_frames && th[i].n_states) {
			str_puts(&o->buf, INDENT "[Interpreter ");
			put_interpreter(o, r->p, &th[i]);
			str_puts(&o->buf, ": no Python frame]\n");
		}
	}
	if (th->pieces && !th->pieces_sure && !(th->merged && th->merged->merged))
		str_puts(&o->buf, INDENT "[In which order these interpreters were entered is a "
					 "guess; the frames of each are not]\n");
}

static void put_thread(struct report *r, const struct stack_group *g)
{
	const struct py_thread *th = g->threads[0];
	struct out *o = r->o;
	hash_clear(&r->shown);
	str_putc(&o->buf, '\n');
	put_thread_line(o, r->p, g);
	put_names(o, g);
	text_activity(o, r->p->target, g->threads, g->n);
	put_lost(r, th);
	put_stack(r, th);
	if (th->merged && !th->merged->merged)
		put_apart(r, th);
	text_registers(o, th->os ? th->os->registers : NULL);
	for (size_t i = 0; i < n_states(th); i++) {
		put_thread_exception(r, &th[i], th[i].exception);
		put_thread_exception(r, &th[i], th[i].handled);
	}
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
	struct report r = { .o = o, .p = p };
	if (p->fatal.bytes && !o->has_verdict) {
		str_puts(&o->buf, "\nFatal Python error: ");
		out_escape_text(&o->buf, p->fatal.bytes, p->fatal.len);
		str_putc(&o->buf, '\n');
	}
	/* the same stack may hold other values in each thread */
	stack_groups_init(&groups, list, n, o->opt.native, !o->opt.no_group && !p->options.locals);
	for (size_t i = 0; i < groups.n; i++)
		put_thread(&r, &groups.list[i]);
	stack_groups_fini(&groups);
	hash_fini(&r.shown);
	for (size_t i = 0; i < p->n_interpreters; i++) {
		if (p->interpreters[i].last)
			put_last(o, p, &p->interpreters[i]);
	}
	if (r.hidden)
		str_puts(&o->buf, "\nFrames of the interpreter itself are left out; --native=all "
				  "shows them.\n");
	text_nameless(o, &r.nameless);
}
