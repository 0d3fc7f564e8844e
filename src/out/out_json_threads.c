/* SPDX-License-Identifier: Apache-2.0 */
/* Threads and frames as JSON. */
#include "activity.h"
#include "facts.h"
#include "native.h"
#include "out_json.h"
#include "registers.h"
#include "stacks.h"

#include "pycore/merge.h"

static void put_names(struct json *j, const struct py_code *c)
{
	json_py_text(j, "function", &c->name);
	json_py_text(j, "qualname", &c->qualname);
	json_null(j, "module");
}

static void put_place(struct json *j, const struct py_place *place)
{
	json_text(j, "kind", "python");
	json_py_text(j, "file", &place->code->filename);
	json_number(j, "line", place->at.line, 0);
	json_number(j, "end_line", place->at.end_line, 0);
	json_number(j, "column", place->at.column, 0);
	json_number(j, "end_column", place->at.end_column, 0);
}

void json_frame(struct out *o, const struct python *p, const struct py_frame *f)
{
	struct json *j = json_writer(o);
	const struct py_code *c = f->place->code;
	AUTO_STR(source);
	json_open(j, NULL, '{');
	put_place(j, f->place);
	put_names(j, c);
	if (frame_source(f, out_source(o, p->target), &source))
		json_bytes(j, "source", source.bytes, source.len);
	else
		json_null(j, "source");
	json_addr(j, "address", f->addr);
	json_error(o, "error", frame_error(f));
	if (c->name.cut || c->qualname.cut || c->filename.cut)
		json_bool(j, "truncated", true);
	if (f->variables)
		json_locals(o, f->variables);
	json_close(j, '}');
}

/* The state of the same OS thread that comes next further out. */
static void put_entered_from(struct json *j, const struct python *p, const struct py_thread *th)
{
	const struct py_thread *from = NULL;
	bool sure = th->pieces_sure || (th->merged && th->merged->merged);
	for (size_t i = 0; sure && !from && i + 1 < th->n_pieces; i++) {
		if (th->pieces[i].th == th)
			from = th->pieces[i + 1].th;
	}
	if (!from || from == th) {
		json_null(j, "entered_from");
		return;
	}
	json_open(j, "entered_from", '{');
	json_uint(j, "runtime", p->interpreters[from->interpreter].runtime);
	json_int(j, "interpreter", p->interpreters[from->interpreter].id);
	json_addr(j, "address", from->addr);
	json_close(j, '}');
}

static void put_identity(struct out *o, const struct python *p, const struct py_thread *th)
{
	struct json *j = json_writer(o);
	json_number(j, "tid", th->os ? th->os->tid : 0, 1);
	json_number(j, "ns_tid", th->os ? th->os->ns_tid : 0, 1);
	json_py_text(j, "name", &th->name);
	if (failed(th->name.why))
		json_error(o, "name_error", th->name.why);
	bool named = th->os && th->os->name[0] && !p->options.limits.redact;
	json_text(j, "native_name", named ? th->os->name : NULL);
	if (th->daemon >= 0 && th->addr)
		json_bool(j, "daemon", th->daemon);
	else
		json_null(j, "daemon");
	if (th->addr) {
		json_uint(j, "runtime", p->interpreters[th->interpreter].runtime);
		json_int(j, "interpreter", p->interpreters[th->interpreter].id);
		json_addr(j, "address", th->addr);
		put_entered_from(j, p, th);
	} else {
		json_null(j, "runtime");
		json_null(j, "interpreter");
		json_null(j, "address");
		json_null(j, "entered_from");
	}
}

static void put_state(struct out *o, const struct python *p, const struct py_thread *th)
{
	struct json *j = json_writer(o);
	char state[2] = { th->os ? th->os->state : 0 };
	json_bool(j, "main", th->main);
	json_bool(j, "crashed", th->os && th->os->crashed);
	json_text(j, "state", state[0] ? state : NULL);
	json_activity(o, j, p->target, th->os);
	json_registers(j, th->os ? th->os->registers : NULL);
	json_text(j, "gil", gil_state_name(th->gil));
}

static void put_stack(
	struct out *o, const struct python *p, const char *key, const struct shown_stack *s)
{
	struct json *j = json_writer(o);
	json_open(j, key, '[');
	for (size_t i = 0; i < s->n; i++) {
		if (s->frames[i].python)
			json_frame(o, p, s->frames[i].python);
		else
			json_native_frame(j, s->frames[i].native, s->frames[i].foreign);
		out_flush(o, false);
	}
	json_close(j, ']');
}

/* Both stacks by themselves. */
static void put_apart(struct out *o, const struct python *p, const struct py_thread *th,
	const struct shown_stack *python)
{
	CLEANUP(shown_stack_fini) struct shown_stack native;
	shown_stack_init_native(&native, th->os->native);
	put_stack(o, p, "python_frames", python);
	put_stack(o, p, "native_frames", &native);
}

static void put_stacks(struct out *o, const struct python *p, const struct py_thread *th)
{
	CLEANUP(shown_stack_fini) struct shown_stack s;
	struct json *j = json_writer(o);
	shown_stack_init(&s, th, o->opt.native);
	if (th->merged)
		json_bool(j, "merged", th->merged->merged);
	else
		json_null(j, "merged");
	json_text(j, "merge_error", s.apart ? th->merged->why : NULL);
	put_stack(o, p, "frames", &s);
	json_uint(j, "frames_hidden", s.n_hidden);
	json_uint(j, "frames_omitted", th->n_omitted);
	if (s.apart)
		put_apart(o, p, th, &s);
	if (th->merged)
		json_native_end(o, j, th->os->native);
}

static void put_thread(struct out *o, const struct python *p, const struct py_thread *th)
{
	struct json *j = json_writer(o);
	char why[ERR_TEXT_MAX];
	json_open(j, NULL, '{');
	put_identity(o, p, th);
	put_state(o, p, th);
	o->damage |= failed(th->why) || th->moving;
	put_stacks(o, p, th);
	json_bool(j, "unsteady", th->moving);
	json_text(j, "error", failed(th->why) ? err_text(th->why, why) : th->os_why);
	json_exception(o, p, "exception", th->exception);
	json_exception(o, p, "handled", th->handled);
	json_close(j, '}');
}

void json_threads(
	struct out *o, const struct python *p, const struct py_thread *const *list, size_t n)
{
	struct json *j = json_writer(o);
	json_open(j, "threads", '[');
	for (size_t i = 0; i < n; i++)
		put_thread(o, p, list[i]);
	json_close(j, ']');
	json_py_text(j, "fatal_error", &p->fatal);
}
