/* SPDX-License-Identifier: Apache-2.0 */
/* Which Pythons there are, with their interpreters, and how they are read. */
#include "out_text.h"

#include "pycore/alloc.h"

#include <inttypes.h>
#include <string.h>

static void put_runtime(struct out *o, const struct py_runtime *rt)
{
	const struct layout *l = &rt->layout;
	text_label(o, "Python:");
	str_addf(&o->buf, "%s, %s%s build, %u bit", rt->version,
		l->key.abi & ABI_DEBUG ? "debug" : "release",
		l->key.abi & ABI_FREE_THREADED ? ", free-threaded" : "", l->key.ptr_size * 8);
	if (rt->image && rt->image != rt->target->exe) {
		str_puts(&o->buf, ", in ");
		text_put(o, rt->image->path[0] ? rt->image->path : "an unnamed module");
		text_put_build_id(o, rt->image);
	}
	str_putc(&o->buf, '\n');
	if (l->guess || l->assumed) {
		text_label(o, "");
		text_begin_colour(o, "1;33");
		str_addf(&o->buf,
			"%s: read with the layout of %s; names and lines below may be wrong",
			l->guess ? "GUESS, this version is not known"
				 : "assumed, pycore was not run with this release",
			l->row->name);
		text_end_colour(o);
		str_putc(&o->buf, '\n');
	}
}

void text_pythons(struct out *o, const struct python *p)
{
	if (o->opt.no_head)
		return;
	for (size_t i = 0; i < p->n_runtimes; i++)
		put_runtime(o, &p->runtimes[i]);
	if (p->n_runtimes)
		return;
	text_label(o, "Python:");
	str_puts(&o->buf, "not found: ");
	text_put(o, str_text(&p->why));
	str_putc(&o->buf, '\n');
}

void text_add_python(const struct python *p, const struct py_interpreter *in, struct str *to)
{
	if (p->n_runtimes > 1)
		str_addf(to, ", of Python %s", p->runtimes[in->runtime].version);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void add_holder(const struct py_gil *gil, struct str *to)
{
	if (!gil->holder)
		str_puts(to, "nobody");
	else if (gil->thread && gil->thread->os)
		str_addf(to, "thread %d", (int)gil->thread->os->tid);
	else
		str_puts(to, "a thread that is not known");
}

static void add_gil(const struct python *p, const struct py_interpreter *in, struct str *to)
{
	if (p->runtimes[in->runtime].layout.key.abi & ABI_FREE_THREADED && !in->gil.holder)
		return;
	if (!in->main && !in->gil.own) {
		str_puts(to, ", the main interpreter's GIL");
		return;
	}
	if (!in->gil.known)
		return;
	str_puts(to, in->gil.own == 1 ? ", a GIL of its own, held by " : ", its GIL is held by ");
	add_holder(&in->gil, to);
}

/* What is told of an interpreter behind its number. */
static void describe_interpreter(
	const struct python *p, const struct py_interpreter *in, struct str *to)
{
	size_t n = in->n_threads;
	str_puts(to, in->main ? ", main" : ", sub-interpreter");
	text_add_python(p, in, to);
	if (p->n_interpreters > 1) {
		if (n)
			str_addf(to, ", %zu thread%s", n, plural(n));
		else
			str_puts(to, ", no thread");
		add_gil(p, in, to);
	}
	if (in->gc_running == 1)
		str_puts(to, ", a garbage collection is running");
}

/* How many interpreters from i on, numbered without a gap, are described alike. */
static size_t alike(const struct python *p, size_t i, const struct str *text)
{
	size_t n = 1;
	for (; i + n < p->n_interpreters; n++) {
		const struct py_interpreter *in = &p->interpreters[i + n];
		AUTO_STR(other);
		describe_interpreter(p, in, &other);
		if (in->runtime != p->interpreters[i].runtime ||
			in->id != p->interpreters[i].id + (int64_t)n ||
			strcmp(str_text(&other), str_text(text)))
			break;
	}
	return n;
}

void text_interpreters(struct out *o, const struct python *p)
{
	enum { ALIKE_MIN = 3 };
	for (size_t i = 0, n; i < p->n_interpreters; i += n) {
		const struct py_interpreter *in = &p->interpreters[i];
		AUTO_STR(text);
		describe_interpreter(p, in, &text);
		n = alike(p, i, &text);
		n = n < ALIKE_MIN ? 1 : n;
		if (p->n_interpreters == 1 && in->gc_running != 1)
			continue;
		text_label(o, "Interpreter:");
		str_addf(&o->buf, " %" PRId64, in->id);
		if (n > 1)
			str_addf(&o->buf, " to %" PRId64 ", each", in->id + (int64_t)n - 1);
		str_addf(&o->buf, "%s\n", str_text(&text));
	}
}

static void put_layout(struct out *o, const struct py_runtime *rt)
{
	const struct layout *l = &rt->layout;
	size_t count[ORIGIN_DEBUG_OFFSETS + 1] = { 0 };
	for (int f = 0; f < FIELD_COUNT; f++)
		count[l->field[f].origin]++;
	str_addf(&o->buf, "\nLayout of Python %s: row %s (%s); found by %s at 0x%" PRIx64 "\n",
		rt->version, l->row->name,
		l->guess     ? "guess"
		: l->assumed ? "assumed"
			     : "proven",
		found_by_text(rt->found_by), rt->addr);
	for (int i = ORIGIN_BUILTIN; i <= ORIGIN_DEBUG_OFFSETS; i++) {
		if (count[i])
			str_addf(&o->buf, "  %zu fields from %s\n", count[i],
				layout_origin_name((enum layout_origin)i));
	}
	for (int f = 0; f < FIELD_COUNT; f++) {
		if (layout_has(l, (enum field)f))
			str_addf(&o->buf, "  %-26s %7u  %-6u %s\n", field_name((enum field)f),
				l->field[f].offset, l->field[f].size,
				layout_origin_name((enum layout_origin)l->field[f].origin));
	}
}

void text_layouts(struct out *o, const struct python *p)
{
	for (size_t i = 0; i < p->n_runtimes; i++)
		put_layout(o, &p->runtimes[i]);
}
