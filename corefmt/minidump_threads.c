/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MINIDUMP_THREAD, 48 bytes: id, suspend count, priority class, priority, thread environment block
 * (8 bytes; Crashpad has the thread pointer there), its stack as { start (8), size, offset }, its
 * context as { size, offset }. LLDB (19 to 21) loses threads whose stacks end in the same mapping,
 * and writes another one twice; what it noted of their stops is still there.
 */
#include "minidump.h"

#include "pycore/alloc.h"

#include <signal.h>

enum { THREAD_ROW = 48 };

struct thread {
	pid_t tid;
	size_t order; /* as they are listed */
	uint64_t tls;
	struct md_part context;
	struct core_siginfo info;
};

struct threads {
	struct thread *list;
	size_t n, cap;
};

static void add(struct threads *t, struct thread one)
{
	t->list = xgrow(t->list, &t->cap, t->n, sizeof(one));
	one.order = t->n;
	t->list[t->n++] = one;
}

static void list_threads(struct minidump *m, struct threads *t)
{
	bool cut = false;
	struct cursor c = md_find(m, MD_THREADS, &cut);
	size_t n = md_rows(&c, THREAD_ROW, &cut);
	if (n > OS_THREADS_MAX) {
		n = OS_THREADS_MAX;
		cut = true;
	}
	for (size_t i = 0; i < n; i++) {
		struct thread one = { .tid = (pid_t)cursor_uint(&c, 4) };
		cursor_skip(&c, 12);
		one.tls = cursor_uint(&c, 8);
		cursor_skip(&c, 16);
		one.context.size = cursor_uint(&c, 4);
		one.context.offset = cursor_uint(&c, 4);
		add(t, one);
	}
	m->c->notes_cut |= cut;
}

static void list_stops(struct minidump *m, struct threads *t)
{
	struct cursor c;
	bool cut;
	for (size_t at = 0, n = 0; n < OS_THREADS_MAX && md_next(m, &at, MD_EXCEPTION, &c, &cut);
		n++) {
		struct thread one = { .tid = (pid_t)cursor_uint(&c, 4) };
		one.info = md_read_exception(&c, &one.context);
		m->c->notes_cut |= cut;
		if (!c.overrun && one.tid > 0)
			add(t, one);
	}
}

static int by_tid(const void *a, const void *b)
{
	const struct thread *x = a, *y = b;
	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* What is told of one thread in several places becomes one; the context of a stop is that of the
 * code that was stopped, and the list may have that of a handler. */
static void join(struct threads *t)
{
	size_t n = 0;
	if (t->n)
		qsort(t->list, t->n, sizeof(*t->list), by_tid);
	for (size_t i = 0; i < t->n; i++) {
		struct thread *last = n ? &t->list[n - 1] : NULL, *one = &t->list[i];
		if (!last || last->tid != one->tid) {
			t->list[n++] = *one;
			continue;
		}
		if (one->info.signo && one->context.size)
			last->context = one->context;
		if (!last->info.signo)
			last->info = one->info;
	}
	t->n = n;
}

/* Of a debugger's SIGTRAP only the code there can tell whether the program has raised it. */
static bool has_died(const struct core_siginfo *s)
{
	return core_signal_kills(s->signo) && (s->signo != SIGTRAP || s->present);
}

/* The thread that died comes first, as in the kernel's cores. Where none is, but what tells of it
 * may be cut off, nothing says that the process was alive. */
static void put_dead_first(struct minidump *m, struct threads *t)
{
	size_t i = 0;
	while (i < t->n && !has_died(&t->list[i].info))
		i++;
	m->c->from_kernel = i == t->n && m->c->notes_cut;
	if (i == t->n)
		return;
	struct thread dead = t->list[i];
	memmove(t->list + 1, t->list, i * sizeof(dead));
	t->list[0] = dead;
	m->c->from_kernel = true;
}

static struct core_regs read_regs(struct minidump *m, const struct thread *one, uint8_t *room)
{
	struct cursor c = md_open(m, one->context);
	if (c.size < one->context.size) {
		m->c->notes_cut = true;
		return (struct core_regs){ .syscall = -1 };
	}
	return md_context_regs(m->arch, c.bytes, c.size, one->tls, room);
}

void md_read_threads(struct minidump *m)
{
	struct elfcore *c = m->c;
	struct threads t = { 0 };
	list_threads(m, &t);
	list_stops(m, &t);
	join(&t);
	put_dead_first(m, &t);
	uint8_t *room = xcalloc(t.n, m->arch->regs_size);
	c->made_regs = room;
	c->threads = xcalloc(t.n, sizeof(*c->threads));
	c->n_threads = t.n;
	for (size_t i = 0; i < t.n; i++) {
		struct core_thread *to = &c->threads[i];
		to->tid = t.list[i].tid;
		to->regs = read_regs(m, &t.list[i], room + i * m->arch->regs_size);
		to->cursig = t.list[i].info.signo;
		if (i == 0 && has_died(&t.list[i].info))
			to->siginfo = t.list[i].info;
	}
	free(t.list);
}
