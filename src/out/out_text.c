/* SPDX-License-Identifier: Apache-2.0 */
/* Results as a report to read: the head, then problems that make it incomplete, then stacks as
 * Python prints tracebacks. */
#include "facts.h"
#include "out_facts.h"
#include "out_text.h"
#include "verdict.h"

#include "pycore/alloc.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

void text_put(struct out *o, const char *text)
{
	out_escape_text(&o->buf, text, strlen(text));
}

void text_put_name(struct out *o, const struct py_text *name)
{
	out_escape_text(&o->buf, name->bytes ? name->bytes : "?", name->bytes ? name->len : 1);
	str_puts(&o->buf, name->cut ? "..." : "");
}

void text_put_lines(struct out *o, const char *bytes, size_t n)
{
	for (const char *at = bytes, *end = bytes + n;; at++) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		out_escape_text(&o->buf, at, (size_t)((eol ? eol : end) - at));
		if (!eol)
			break;
		str_putc(&o->buf, '\n');
		at = eol;
	}
}

void text_indent(struct out *o, size_t from, const char *prefix)
{
	AUTO_STR(tail);
	bool blank = !prefix[strspn(prefix, " ")];
	str_add(&tail, o->buf.bytes + from, o->buf.len - from);
	str_cut(&o->buf, from);
	for (const char *at = tail.bytes, *end = at + tail.len; at < end;) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		const char *next = eol ? eol + 1 : end;
		if (!blank || *at != '\n')
			str_puts(&o->buf, prefix);
		str_add(&o->buf, at, (size_t)(next - at));
		at = next;
	}
}

void text_put_error(struct out *o, const char *what, struct err e)
{
	char why[ERR_TEXT_MAX];
	str_addf(&o->buf, "<%s%s>", what, err_text(e, why));
	o->damage = true;
}

void text_begin_colour(struct out *o, const char *code)
{
	if (o->colour)
		str_addf(&o->buf, "\x1b[%sm", code);
}

void text_end_colour(struct out *o)
{
	if (o->colour)
		str_puts(&o->buf, "\x1b[0m");
}

void text_label(struct out *o, const char *name)
{
	text_begin_colour(o, "1");
	str_addf(&o->buf, "%-12s", name);
	text_end_colour(o);
}

static void put_time(struct out *o, struct timespec at)
{
	struct tm tm;
	char text[64];
	if (localtime_r(&at.tv_sec, &tm) &&
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm))
		str_puts(&o->buf, text);
}

static void put_size(struct out *o, uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)bytes;
	size_t u = 0;
	for (; v >= 1024 && u + 1 < ARRAY_LEN(units); u++)
		v /= 1024;
	str_addf(&o->buf, u ? "%.1f %s" : "%.0f %s", v, units[u]);
}

/* A word of a command line, quoted where a shell would split it. */
static void put_argument(struct out *o, const char *word)
{
	AUTO_STR(room);
	bool plain =
		o->opt.redact || (word[0] && !word[strcspn(word, " \t\n\"'\\$&|;<>()*?[]{}`")]);
	if (!plain)
		str_putc(&o->buf, '\'');
	text_put(o, out_argument(o, word, &room));
	if (!plain)
		str_putc(&o->buf, '\'');
}

static void put_command(struct out *o, const struct target *t)
{
	if (!t->argc)
		return;
	text_label(o, "Command:");
	for (size_t i = 0; i < t->argc; i++) {
		if (i)
			str_putc(&o->buf, ' ');
		put_argument(o, t->argv[i]);
	}
	str_puts(&o->buf, t->argv_cut ? " ... (cut)\n" : "\n");
}

static void put_build_id(struct out *o, const struct image *img)
{
	char text[2 * BUILD_ID_MAX + 1];
	if (img && img->build_id_size)
		str_addf(&o->buf, " (build-id %s)",
			build_id_text(img->build_id, img->build_id_size, text));
}

static void put_death(struct out *o, const struct target *t)
{
	int signo = t->signal.signo;
	const struct core_siginfo *info = &t->signal.info;
	const char *name = signal_name(signo),
		   *code = info->present ? signal_code_name(signo, info->code) : NULL;
	if (t->snapshot || !signo) {
		str_puts(&o->buf, t->snapshot ? "a snapshot of a living process, not a crash\n"
					      : "the core names no signal\n");
		return;
	}
	text_begin_colour(o, "1;31");
	str_addf(&o->buf, "died by signal %d", signo);
	if (name)
		str_addf(&o->buf, " (%s)", name);
	text_end_colour(o);
	if (code)
		str_addf(&o->buf, ", %s: %s", code, signal_code_text(signo, info->code));
	if (info->has_addr)
		str_addf(&o->buf, ", at address 0x%" PRIx64, info->addr);
	if (info->has_sender && info->pid)
		str_addf(&o->buf, ", sent by process %d%s", (int)info->pid,
			info->pid == t->pid ? " (itself)" : "");
	str_putc(&o->buf, '\n');
}

/* 33.3 of 100.0 MiB: both in the unit of the whole. */
static void put_part(struct out *o, uint64_t part, uint64_t whole)
{
	const uint64_t percent = whole ? (uint64_t)(100.0 * (double)part / (double)whole) : 0;
	put_size(o, part);
	str_puts(&o->buf, " of ");
	put_size(o, whole);
	str_addf(&o->buf, " of its memory are there (%" PRIu64 " %%)", percent);
}

static void text_coverage(struct out *o, const struct target *t)
{
	struct target_coverage c = target_coverage(t);
	if (o->has_coverage || (!c.cut && !c.cut_file))
		return;
	o->has_coverage = true;
	text_label(o, "Cut off:");
	text_begin_colour(o, "1;31");
	if (c.headers_cut) {
		str_puts(&o->buf, "inside its headers, so what it should hold is not known; ");
		put_size(o, c.saved);
		str_puts(&o->buf, " of its memory are there");
	} else {
		put_part(o, c.saved, c.saved + c.cut);
	}
	if (failed(c.unpack_why)) {
		str_puts(&o->buf, "; it was ");
		target_unpack_text(&c, &o->buf);
	}
	text_end_colour(o);
	str_putc(&o->buf, '\n');
}

static void put_core_head(struct out *o, const struct target *t)
{
	struct target_coverage c = target_coverage(t);
	text_label(o, "Core file:");
	text_put(o, t->path);
	if (!o->has_verdict && t->as_of.tv_sec != NO_TIME) {
		str_puts(&o->buf, ", file's time ");
		put_time(o, t->as_of);
	}
	str_putc(&o->buf, '\n');
	text_label(o, "Memory:");
	put_size(o, c.saved);
	str_puts(&o->buf, " are in the core, ");
	put_size(o, c.left_out);
	str_puts(&o->buf, " were left out (files, address space that was only reserved)");
	if (c.cut || c.cut_file) {
		text_begin_colour(o, "1;31");
		str_addf(&o->buf, "; IT IS CUT OFF: %s", c.headers_cut ? "at least " : "");
		put_size(o, c.cut);
		str_puts(&o->buf, " are lost");
		if (failed(c.unpack_why)) {
			str_puts(&o->buf, ", it was ");
			target_unpack_text(&c, &o->buf);
		}
		text_end_colour(o);
	}
	str_putc(&o->buf, '\n');
	if (o->has_verdict)
		return;
	text_label(o, "Process:");
	if (t->pid > 0)
		target_pid_text(t, &o->buf);
	else
		str_puts(&o->buf, "of unknown id");
	str_puts(&o->buf, ", ");
	put_death(o, t);
}

static void put_live_head(struct out *o, const struct target *t)
{
	text_label(o, "Process:");
	target_pid_text(t, &o->buf);
	str_puts(&o->buf, ", live, started ");
	put_time(o, t->as_of);
	if (t->pause_seconds >= 0)
		str_addf(&o->buf, "; stopped for %.2f ms\n", t->pause_seconds * 1e3);
	else
		str_puts(&o->buf, t->nonblocking ? "; read while it ran\n" : "\n");
}

static void text_process(struct out *o, const struct target *t)
{
	if (o->opt.no_head)
		return;
	text_coverage(o, t);
	if (t->kind == TARGET_CORE)
		put_core_head(o, t);
	else
		put_live_head(o, t);
	put_command(o, t);
	if (t->exe_path) {
		text_label(o, "Executable:");
		text_put(o, t->exe_path);
		put_build_id(o, t->exe);
		str_putc(&o->buf, '\n');
	}
}

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
		put_build_id(o, rt->image);
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

static void text_pythons(struct out *o, const struct python *p)
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
	if (p->n_runtimes > 1)
		str_addf(to, ", of Python %s", p->runtimes[in->runtime].version);
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

static void text_interpreters(struct out *o, const struct python *p)
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

static void text_modules(struct out *o, const struct target *t)
{
	str_puts(&o->buf, "\nModules:\n");
	for (size_t i = 0; i < t->n_images; i++) {
		const struct image *img = &t->images[i];
		str_addf(&o->buf, "  0x%012" PRIx64 "-0x%012" PRIx64 " ", image_start(img),
			image_end(img));
		text_put(o, img->path[0] ? img->path : "(no name)");
		if (img->deleted)
			str_puts(&o->buf, " (deleted)");
		put_build_id(o, img);
		if (img->file_path && strcmp(img->file_path, img->path)) {
			str_puts(&o->buf, ", read from ");
			text_put(o, img->file_path);
		}
		str_putc(&o->buf, '\n');
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

static void text_layouts(struct out *o, const struct python *p)
{
	for (size_t i = 0; i < p->n_runtimes; i++)
		put_layout(o, &p->runtimes[i]);
}

static void text_problems(struct out *o, const struct problems *p)
{
	for (int damage = 1; damage >= 0; damage--) {
		bool headed = false;
		for (size_t i = 0; i < p->len; i++) {
			const struct problem *row = &p->list[i];
			if (row->damage != damage)
				continue;
			if (!headed) {
				text_begin_colour(o, damage ? "1;31" : "1");
				str_puts(&o->buf,
					damage ? "\nProblems (the report is not complete):\n"
					       : "\nNotes:\n");
				text_end_colour(o);
			}
			headed = true;
			str_puts(&o->buf, "  ");
			text_put(o, row->where);
			str_puts(&o->buf, ": ");
			text_put(o, row->why);
			if (row->address)
				str_addf(&o->buf, " (at 0x%" PRIx64 ")", row->address);
			str_putc(&o->buf, '\n');
		}
	}
	if (p->dropped)
		str_addf(&o->buf, "  ... and %zu more\n", p->dropped);
}

static void text_finish(struct out *o)
{
	out_flush(o, true);
}

static const struct out_ops text_ops = {
	.coverage = text_coverage,
	.verdict = text_verdict,
	.process = text_process,
	.pythons = text_pythons,
	.interpreters = text_interpreters,
	.threads = text_threads,
	.globals = text_globals,
	.objects = text_objects,
	.survey = text_survey,
	.facts = text_facts,
	.modules = text_modules,
	.layouts = text_layouts,
	.problems = text_problems,
	.finish = text_finish,
};

struct out *out_text_open(FILE *file, const struct out_options *opt)
{
	struct out *o = xcalloc(1, sizeof(*o));
	out_init(o, &text_ops, file, opt);
	return o;
}
