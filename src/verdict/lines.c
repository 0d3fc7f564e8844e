/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of the verdict, in their order. */
#include "death.h"

#include "pycore/alloc.h"
#include "pycore/merge.h"

#include <inttypes.h>
#include <signal.h>
#include <time.h>

enum {
	EXCEPTION_MAX = 200, /* bytes of a name or message in a line */
	CALLERS_MAX = 6, /* frames in the runtime that are named */
	MISSING_LINES = 3,
	SEARCHED_MAX = 1024, /* frames among which a collection is looked for */
};

/* Takes over the text, if there is any. */
static void add_line(struct verdict *v, const char *label, struct str *text)
{
	if (!text->len || v->n_lines == VERDICT_LINES_MAX)
		return;
	v->lines[v->n_lines++] =
		(struct verdict_line){ .label = label, .text = xstrdup(str_text(text)) };
}

/* What Python ran is known only where its frames fit the native ones: a longjmp() over some leaves
 * frames behind that run no more. */
static bool is_unmerged(const struct death *d)
{
	const struct merged_stack *m = d->v->thread ? d->v->thread->merged : NULL;
	return m && !m->merged;
}

static void add_summary(struct death *d)
{
	AUTO_STR(text);
	str_add(&text, d->what.bytes, d->what.len);
	if (d->v->python_frame && !d->names_python) {
		str_puts(&text, is_unmerged(d) ? "; the innermost Python frame is "
					       : ", while Python ran ");
		put_py_function(&text, d->v->python_frame);
	}
	add_line(d->v, "Verdict:", &text);
	d->v->summary = xstrdup(str_text(&text));
}

static void put_time(struct str *to, struct timespec at)
{
	struct tm tm;
	char text[64];
	if (localtime_r(&at.tv_sec, &tm) &&
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm))
		str_addf(to, ", %s (the core file's time)", text);
}

/* Of the signal that ended the process, not of what a handler was called for. */
static void put_signal(struct str *to, const struct target *t)
{
	const struct core_siginfo *info = &t->signal.info;
	int signo = t->signal.signo;
	const char *name = signal_name(signo),
		   *code = info->present ? signal_code_name(signo, info->code) : NULL;
	str_addf(to, ", by signal %d", signo);
	if (name)
		str_addf(to, " (%s)", name);
	if (code)
		str_addf(to, ", %s", code);
	if (code && !info->has_sender)
		str_addf(to, ": %s", signal_code_text(signo, info->code));
	if (info->has_addr)
		str_addf(to, ", at address 0x%" PRIx64, info->addr);
	if (info->has_sender && info->pid == t->pid)
		str_puts(to, ", sent by itself");
	else if (info->has_sender && info->pid)
		str_addf(
			to, ", sent by process %d of user %u", (int)info->pid, (unsigned)info->uid);
}

static void add_death(struct death *d)
{
	AUTO_STR(text);
	str_puts(&text, d->t->pid > 0 ? "process " : "process of unknown id");
	if (d->t->pid > 0)
		target_pid_text(d->t, &text);
	if (d->t->signal.signo)
		put_signal(&text, d->t);
	put_time(&text, d->t->as_of);
	add_line(d->v, d->t->snapshot ? "Taken:" : "Died:", &text);
}

/* What a handler had been called for. */
static void add_handled(struct death *d)
{
	AUTO_STR(text);
	const char *name = signal_name(d->signo);
	if (!d->raised_again)
		return;
	str_puts(&text, name ? name : "a signal");
	if (d->info.has_addr)
		str_addf(&text, " at address 0x%" PRIx64, d->info.addr);
	str_puts(&text, ", for which a handler was called that then ended the process");
	if (d->handler && d->handler->place && !is_runtime(d->handler->place->image)) {
		str_puts(&text, ": ");
		put_function(&text, d->handler);
	}
	add_line(d->v, "Before:", &text);
}

static void add_message(struct death *d)
{
	AUTO_STR(text);
	if (!d->said.len || d->q->redact)
		return;
	put_cut(&text, d->said.bytes, d->said.len, SIZE_MAX);
	d->v->message = xstrdup(str_text(&text));
	if (!strstr(d->v->summary, d->v->message)) /* else it stands there already */
		add_line(d->v, "Message:", &text);
}

static void add_thread(struct death *d)
{
	AUTO_STR(text);
	const struct py_thread *th = d->v->thread;
	if (!th)
		return;
	str_addf(&text, "%d", (int)d->os->tid);
	if (th->name.bytes) {
		str_puts(&text, " \"");
		put_cut(&text, th->name.bytes, th->name.len, EXCEPTION_MAX);
		str_puts(&text, "\"");
	}
	str_puts(&text, th->main ? ", the main thread" : "");
	if (!th->addr)
		str_puts(&text, d->p->n_runtimes ? ", not known to Python" : "");
	else if (th->gil == GIL_HOLDER)
		str_puts(&text, ", holds the GIL");
	else if (th->gil == GIL_WAITING)
		str_puts(&text, ", waits for the GIL");
	else if (th->gil == GIL_NONE && !death_is_free_threaded(d, th))
		str_puts(&text, ", does not hold the GIL");
	if (th->addr && d->p->n_interpreters > 1)
		str_addf(&text, ", interpreter %" PRId64, d->p->interpreters[th->interpreter].id);
	add_line(d->v, "Thread:", &text);
}

/* A frame of the runtime says little without who called it. */
static void add_native(struct death *d)
{
	AUTO_STR(text);
	size_t outside = frame_outside(d), last = d->first + CALLERS_MAX;
	if (!d->v->native_frame)
		return;
	put_frame(&text, d->v->native_frame);
	for (size_t i = d->first + 1; i <= outside && i < d->stack->n; i++) {
		if (i > last && (i < outside || outside == d->stack->n))
			continue;
		if (!d->stack->frames[i].certain)
			break;
		str_puts(&text, i == d->first + 1 ? ", called by " : i > last ? ", ..., " : ", ");
		if (i < outside)
			put_name(&text, &d->stack->frames[i]);
		else
			put_frame(&text, &d->stack->frames[i]);
	}
	add_line(d->v, "Native at:", &text);
}

static void add_python(struct death *d)
{
	AUTO_STR(text);
	const struct py_frame *f = d->v->python_frame;
	if (!f)
		return;
	const struct py_code *c = f->place->code;
	if (c->filename.bytes)
		put_cut(&text, c->filename.bytes, c->filename.len, PATH_BYTES_MAX);
	else
		str_puts(&text, "?");
	if (f->place->at.line >= 0)
		str_addf(&text, ":%d", (int)f->place->at.line);
	const struct py_text *name = c->qualname.bytes ? &c->qualname : &c->name;
	if (name->bytes) {
		str_puts(&text, ", in ");
		put_cut(&text, name->bytes, name->len, EXCEPTION_MAX);
	}
	if (is_unmerged(d))
		str_puts(&text, " (not merged with the native stack)");
	add_line(d->v, "Python at:", &text);
}

static void add_exception(struct death *d)
{
	AUTO_STR(text);
	const struct py_exception *e = d->v->thread ? d->v->thread->exception : NULL;
	if (!e)
		return;
	str_puts(&text, e->state == EXCEPTION_RAISED ? "being raised: "
			: e->may_be_over	     ? "handled last, maybe still: "
						     : "being handled: ");
	str_puts(&text, e->type ? e->type : "an exception of unknown type");
	if (!d->q->redact && e->message.bytes && e->message.len) {
		str_puts(&text, ": ");
		put_cut(&text, e->message.bytes, e->message.len, EXCEPTION_MAX);
	}
	add_line(d->v, "Exception:", &text);
}

/* *ret_inside: no Python function runs further in than the collection, which would be a finalizer
 * or a callback. */
static bool collects_here(const struct death *d, bool *ret_inside)
{
	static const char *const names[] = { "gc_collect_main", "gc_collect_generations",
		"gc_collect_with_callback", "gc_collect_region", "_PyGC_Collect", "PyGC_Collect",
		"_PyGC_CollectNoFail", "_Py_RunGC", "collect", "collect_generations",
		"collect_with_callback" },
				 *const runs[] = { "_PyEval_EvalFrameDefault", "PyEval_EvalFrameEx",
					 "slot_tp_finalize" };
	for (size_t i = d->first; i < d->stack->n && i < d->first + SEARCHED_MAX; i++) {
		const struct native_frame *f = &d->stack->frames[i];
		bool python = false;
		for (size_t k = 0; f->place && k < d->p->n_runtimes; k++)
			python |= f->place->image && f->place->image == d->p->runtimes[k].image;
		if (!python || find_frame(d, i, i + 1, names, ARRAY_LEN(names)) != i)
			continue;
		*ret_inside = find_frame(d, d->first, i, runs, ARRAY_LEN(runs)) >= i && is_sure(f);
		return true;
	}
	return false;
}

static void add_collection(struct death *d)
{
	AUTO_STR(text);
	bool runs = false, fault = d->signo == SIGSEGV || d->signo == SIGBUS;
	for (size_t i = 0; i < d->p->n_interpreters; i++)
		runs |= d->p->interpreters[i].gc_running == 1;
	if (!runs)
		return;
	bool inside = false, here = d->os && collects_here(d, &inside);
	bool holds = d->v->thread && d->v->thread->gil == GIL_HOLDER;
	str_puts(&text, "a garbage collection was running");
	if (here || holds)
		str_puts(&text, here ? ", in this thread" : ", likely in this thread");
	if (inside && fault)
		str_puts(&text, "; likely it met an object that was damaged before");
	add_line(d->v, "GC:", &text);
}

/* As many as there is room for beside the last line. */
static void add_missing(struct death *d)
{
	struct verdict *v = d->v;
	size_t room = VERDICT_LINES_MAX - 1 - v->n_lines;
	size_t n = room < MISSING_LINES ? room : MISSING_LINES;
	for (size_t i = 0; i < n && i < v->n_missing; i++) {
		AUTO_STR(text);
		str_puts(&text, v->missing[i]);
		if (i + 1 == n && v->n_missing > n)
			str_addf(&text, "; and %zu more", v->n_missing - n);
		add_line(v, "Missing:", &text);
	}
}

static void add_text(struct death *d, const char *label, const char *from)
{
	AUTO_STR(text);
	str_puts(&text, from);
	add_line(d->v, label, &text);
}

void write_lines(struct death *d)
{
	add_summary(d);
	add_death(d);
	add_handled(d);
	add_message(d);
	add_text(d, "Detail:", str_text(&d->detail));
	add_thread(d);
	add_native(d);
	add_python(d);
	add_exception(d);
	add_collection(d);
	add_missing(d);
	if (d->v->next)
		add_text(d, "Next:", d->v->next);
}
