/* SPDX-License-Identifier: Apache-2.0 */
#include "activity.h"

#include "pycore/alloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The same for threads that do the same thing: "in futex", "running"; "" where nothing is known.
 * NULL name of a call: none. */
static void put_kind(const struct os_thread *os, const struct thread_call *c, struct str *to)
{
	if (c && c->name)
		str_addf(to, "in %s", c->name);
	else if (c)
		str_puts(to, "in an unknown system call");
	else if (os->activity.outside || os->state == 'D')
		str_puts(to, "in the kernel");
	else if (os->state == 'R')
		str_puts(to, "running");
	else if (os->state == 'T' || os->state == 't')
		str_puts(to, "stopped");
}

static const char *verb(char state)
{
	switch (state) {
	case 'D':
		return "Waits, not interruptible, in ";
	case 'T':
		return "Stopped by a signal, in ";
	case 't':
		return "Stopped by a tracer, in ";
	}
	return "Waits in ";
}

/* One thread in words; nothing where nothing is known. */
static void put_words(const struct os_thread *os, const struct thread_call *c, struct str *to)
{
	const struct thread_activity *a = &os->activity;
	if (c) {
		str_puts(to, verb(os->state));
		thread_call_text(c, to);
	} else if (os->state == 'T' || os->state == 't') {
		str_puts(to, os->state == 'T' ? "Stopped by a signal" : "Stopped by a tracer");
	} else if (a->outside || os->state == 'D') {
		str_puts(to, verb(os->state));
		str_puts(to, "the kernel, outside of a system call");
	} else if (os->state == 'R') {
		str_puts(to, "Runs");
		if (a->has_cpu)
			str_addf(to, "; %.2f s of CPU time so far", a->cpu_seconds);
	}
	if (to->len && a->moved_on)
		str_puts(to, " [just before the stop; it has moved on since]");
}

static void put_kernel_stack(struct out *o, const struct thread_activity *a)
{
	if (!a->n_kernel_stack)
		return;
	str_puts(&o->buf, "  In the kernel, most recent call last: ");
	for (size_t i = a->n_kernel_stack; i-- > 0;) {
		out_escape_text(&o->buf, a->kernel_stack[i], strlen(a->kernel_stack[i]));
		str_puts(&o->buf, i ? ", " : "\n");
	}
}

/* Who waits for the GIL is said to do so; that it is by a futex adds nothing. */
static bool is_told_elsewhere(const struct py_thread *th)
{
	return !th->os ||
	       (th->gil == GIL_WAITING && (!th->os->state || strchr("SR", th->os->state)));
}

/* A kind of activity and how many threads have it. */
struct kind {
	char *text;
	size_t n;
};

static int by_count(const void *a, const void *b)
{
	const struct kind *x = a, *y = b;
	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	return strcmp(x->text, y->text);
}

/* "  8 in futex, 2 in read, 1 running", or of all of them "  All in futex" */
static void put_kinds(struct out *o, struct kind *kinds, size_t n, size_t threads)
{
	qsort(kinds, n, sizeof(*kinds), by_count);
	for (size_t i = 0; i < n; i++) {
		str_puts(&o->buf, i ? ", " : "  ");
		if (kinds[i].n == threads)
			str_puts(&o->buf, "All ");
		else
			str_addf(&o->buf, "%zu ", kinds[i].n);
		str_puts(&o->buf, kinds[i].text);
	}
	str_puts(&o->buf, n ? "\n" : "");
}

static void count(struct kind *kinds, size_t *n, const char *text)
{
	for (size_t i = 0; i < *n; i++) {
		if (!strcmp(kinds[i].text, text)) {
			kinds[i].n++;
			return;
		}
	}
	kinds[(*n)++] = (struct kind){ .text = xstrdup(text), .n = 1 };
}

/* What the threads of a group do: the same in every word, or of the same kind, or what is counted.
 */
struct doings {
	struct kind *kinds;
	size_t n_kinds;
	struct str first; /* of the first thread, in words */
	bool same;
};

static void add_doing(
	struct out *o, struct target *t, const struct os_thread *os, size_t i, struct doings *d)
{
	CLEANUP(thread_call_fini) struct thread_call call = { 0 };
	AUTO_STR(kind);
	AUTO_STR(words);
	bool in_call = target_call(t, os, o->opt.redact, &call);
	put_kind(os, in_call ? &call : NULL, &kind);
	put_words(os, in_call ? &call : NULL, i ? &words : &d->first);
	d->same = !i || (d->same && !strcmp(str_text(&words), str_text(&d->first)));
	if (kind.len)
		count(d->kinds, &d->n_kinds, kind.bytes);
}

static void put_line(struct out *o, const char *before, const struct str *words)
{
	str_puts(&o->buf, before);
	size_t at = o->buf.len;
	out_escape_text(&o->buf, words->bytes, words->len);
	if (before[strspn(before, " ")])
		o->buf.bytes[at] = (char)tolower((unsigned char)o->buf.bytes[at]);
	str_putc(&o->buf, '\n');
}

static bool same_kernel_stack(const struct thread_activity *a, const struct thread_activity *b)
{
	if (a->n_kernel_stack != b->n_kernel_stack)
		return false;
	for (size_t i = 0; i < a->n_kernel_stack; i++) {
		if (strcmp(a->kernel_stack[i], b->kernel_stack[i]) != 0)
			return false;
	}
	return true;
}

/* One stack for all, if it is the same. */
static void put_kernel_stacks(struct out *o, const struct py_thread *const *threads, size_t n)
{
	const struct thread_activity *first = &threads[0]->os->activity;
	for (size_t i = 1; i < n; i++) {
		if (!same_kernel_stack(first, &threads[i]->os->activity)) {
			str_puts(&o->buf,
				"  In the kernel: not the same stack; --no-group shows each\n");
			return;
		}
	}
	put_kernel_stack(o, first);
}

static void put_group(
	struct out *o, struct target *t, const struct py_thread *const *threads, size_t n)
{
	struct doings d = { .kinds = xcalloc(n, sizeof(*d.kinds)) };
	for (size_t i = 0; i < n; i++)
		add_doing(o, t, threads[i]->os, i, &d);
	if (d.same && d.first.len)
		put_line(o, "  Each ", &d.first);
	else
		put_kinds(o, d.kinds, d.n_kinds, n);
	for (size_t i = 0; i < d.n_kinds; i++)
		free(d.kinds[i].text);
	free(d.kinds);
	str_fini(&d.first);
	put_kernel_stacks(o, threads, n);
}

void text_activity(
	struct out *o, struct target *t, const struct py_thread *const *threads, size_t n)
{
	const struct os_thread *os = threads[0]->os;
	if (is_told_elsewhere(threads[0]))
		return;
	if (n > 1) {
		put_group(o, t, threads, n);
		return;
	}
	CLEANUP(thread_call_fini) struct thread_call call = { 0 };
	AUTO_STR(words);
	bool in_call = target_call(t, os, o->opt.redact, &call);
	put_words(os, in_call ? &call : NULL, &words);
	if (words.len)
		put_line(o, "  ", &words);
	put_kernel_stack(o, &os->activity);
}

static void json_call(struct json *j, const struct thread_call *c, bool moved_on)
{
	AUTO_STR(words);
	thread_call_text(c, &words);
	json_bytes(j, "waits_in", words.bytes, words.len);
	json_open(j, "system_call", '{');
	json_text(j, "name", c->name);
	json_int(j, "number", c->number);
	json_open(j, "arguments", '[');
	for (size_t i = 0; i < c->n_arguments; i++)
		json_text(j, NULL, c->arguments[i]);
	json_close(j, ']');
	json_bool(j, "moved_on", moved_on);
	json_close(j, '}');
}

void json_activity(struct out *o, struct json *j, struct target *t, const struct os_thread *os)
{
	CLEANUP(thread_call_fini) struct thread_call call = { 0 };
	if (os && target_call(t, os, o->opt.redact, &call)) {
		json_call(j, &call, os->activity.moved_on);
	} else {
		json_null(j, "waits_in");
		json_null(j, "system_call");
	}
	if (os && os->activity.has_cpu)
		json_seconds(j, "cpu_seconds", os->activity.cpu_seconds);
	else
		json_null(j, "cpu_seconds");
	if (!os || !os->activity.n_kernel_stack) {
		json_null(j, "kernel_stack");
		return;
	}
	json_open(j, "kernel_stack", '[');
	for (size_t i = 0; i < os->activity.n_kernel_stack; i++)
		json_text(j, NULL, os->activity.kernel_stack[i]);
	json_close(j, ']');
}
