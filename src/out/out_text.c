/* SPDX-License-Identifier: Apache-2.0 */
/* Results as a report to read: the head, then problems that make it incomplete, then stacks as
 * Python prints tracebacks. */
#include "facts.h"
#include "native.h"
#include "out_internal.h"
#include "stacks.h"

#include "pycore/alloc.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static void put(struct out *o, const char *text)
{
	out_escape_text(&o->buf, text, strlen(text));
}

static void begin_colour(struct out *o, const char *code)
{
	if (o->colour)
		str_addf(&o->buf, "\x1b[%sm", code);
}

static void end_colour(struct out *o)
{
	if (o->colour)
		str_puts(&o->buf, "\x1b[0m");
}

static void label(struct out *o, const char *name)
{
	begin_colour(o, "1");
	str_addf(&o->buf, "%-12s", name);
	end_colour(o);
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
	bool plain = word[0] && !word[strcspn(word, " \t\n\"'\\$&|;<>()*?[]{}`")];
	if (!plain)
		str_putc(&o->buf, '\'');
	put(o, word);
	if (!plain)
		str_putc(&o->buf, '\'');
}

static void put_command(struct out *o, const struct target *t)
{
	if (!t->argc)
		return;
	label(o, "Command:");
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
	begin_colour(o, "1;31");
	str_addf(&o->buf, "died by signal %d", signo);
	if (name)
		str_addf(&o->buf, " (%s)", name);
	end_colour(o);
	if (code)
		str_addf(&o->buf, ", %s: %s", code, signal_code_text(signo, info->code));
	if (info->has_addr)
		str_addf(&o->buf, ", at address 0x%" PRIx64, info->addr);
	if (info->has_sender && info->pid)
		str_addf(&o->buf, ", sent by process %d%s", (int)info->pid,
			info->pid == t->pid ? " (itself)" : "");
	str_putc(&o->buf, '\n');
}

static void put_core_head(struct out *o, const struct target *t)
{
	struct target_coverage c = target_coverage(t);
	label(o, "Core file:");
	put(o, t->path);
	str_puts(&o->buf, ", file's time ");
	put_time(o, t->as_of);
	str_putc(&o->buf, '\n');
	label(o, "Memory:");
	put_size(o, c.saved);
	str_puts(&o->buf, " are in the core, ");
	put_size(o, c.left_out);
	str_puts(&o->buf, " were left out (files, address space that was only reserved)");
	if (c.cut || c.cut_file) {
		begin_colour(o, "1;31");
		str_puts(&o->buf, "; IT IS CUT OFF: ");
		put_size(o, c.cut);
		str_puts(&o->buf, " are lost");
		if (failed(c.unpack_why)) {
			str_puts(&o->buf, ", it was ");
			target_unpack_text(&c, &o->buf);
		}
		end_colour(o);
	}
	str_putc(&o->buf, '\n');
	label(o, "Process:");
	if (t->pid > 0)
		str_addf(&o->buf, "%d, ", (int)t->pid);
	else
		str_puts(&o->buf, "of unknown id, ");
	put_death(o, t);
}

static void put_live_head(struct out *o, const struct target *t)
{
	label(o, "Process:");
	str_addf(&o->buf, "%d, live, started ", (int)t->pid);
	put_time(o, t->as_of);
	if (t->pause_seconds >= 0)
		str_addf(&o->buf, "; stopped for %.2f ms\n", t->pause_seconds * 1e3);
	else
		str_puts(&o->buf, t->nonblocking ? "; read while it ran\n" : "\n");
}

static void text_process(struct out *o, const struct target *t)
{
	if (t->kind == TARGET_CORE)
		put_core_head(o, t);
	else
		put_live_head(o, t);
	put_command(o, t);
	if (t->exe_path) {
		label(o, "Executable:");
		put(o, t->exe_path);
		put_build_id(o, t->exe);
		str_putc(&o->buf, '\n');
	}
}

static void put_runtime(struct out *o, const struct py_runtime *rt)
{
	const struct layout *l = &rt->layout;
	label(o, "Python:");
	str_addf(&o->buf, "%s, %s%s build, %u bit", rt->version,
		l->key.abi & ABI_DEBUG ? "debug" : "release",
		l->key.abi & ABI_FREE_THREADED ? ", free-threaded" : "", l->key.ptr_size * 8);
	if (rt->image && rt->image != rt->target->exe) {
		str_puts(&o->buf, ", in ");
		put(o, rt->image->path[0] ? rt->image->path : "an unnamed module");
		put_build_id(o, rt->image);
	}
	str_putc(&o->buf, '\n');
	if (l->guess || l->assumed) {
		label(o, "");
		begin_colour(o, "1;33");
		str_addf(&o->buf,
			"%s: read with the layout of %s; names and lines below may be wrong",
			l->guess ? "GUESS, this version is not known"
				 : "assumed, pycore was not run with this release",
			l->row->name);
		end_colour(o);
		str_putc(&o->buf, '\n');
	}
}

static void text_pythons(struct out *o, const struct python *p)
{
	for (size_t i = 0; i < p->n_runtimes; i++)
		put_runtime(o, &p->runtimes[i]);
	if (p->n_runtimes)
		return;
	label(o, "Python:");
	str_puts(&o->buf, "not found: ");
	put(o, str_text(&p->why));
	str_putc(&o->buf, '\n');
}

static void text_interpreters(struct out *o, const struct python *p)
{
	for (size_t i = 0; i < p->n_interpreters; i++) {
		const struct py_interpreter *in = &p->interpreters[i];
		if (p->n_interpreters == 1 && in->gc_running != 1)
			continue;
		label(o, "Interpreter:");
		str_addf(&o->buf, "%" PRId64 "%s", in->id, in->main ? ", main" : "");
		if (p->n_runtimes > 1)
			str_addf(&o->buf, ", of Python %s", p->runtimes[in->runtime].version);
		str_puts(&o->buf,
			in->gc_running == 1 ? ", a garbage collection is running\n" : "\n");
	}
}

/* A name of a code object, as far as it could be read. */
static void put_name(struct out *o, const struct py_text *name)
{
	begin_colour(o, "35");
	out_escape_text(&o->buf, name->bytes ? name->bytes : "?", name->bytes ? name->len : 1);
	str_puts(&o->buf, name->cut ? "..." : "");
	end_colour(o);
}

/* "  File "/app/x.py", line 12, in Worker.down", coloured as Python does. */
static void put_frame(struct out *o, const struct python *p, const struct py_frame *f)
{
	const struct py_code *c = f->place->code;
	AUTO_STR(source);
	char why[ERR_TEXT_MAX];
	str_puts(&o->buf, "  File \"");
	put_name(o, &c->filename);
	if (f->place->at.line >= 0)
		str_addf(&o->buf, "\", line %d, in ", f->place->at.line);
	else
		str_puts(&o->buf, "\", line ?, in ");
	put_name(o, c->qualname.bytes ? &c->qualname : &c->name);
	struct err e = frame_error(f);
	if (failed(e)) {
		str_addf(&o->buf, "  <%s>", err_text(e, why));
		o->damage = true;
	}
	str_putc(&o->buf, '\n');
	if (frame_source(f, out_source(o, p->target), &source)) {
		str_puts(&o->buf, "    ");
		out_escape_text(&o->buf, source.bytes, source.len);
		str_putc(&o->buf, '\n');
	}
}

/* Prints from the outermost frame inwards; a run that repeats is shown SHOWN times and counted. */
static void put_frames(struct out *o, const struct python *p, const struct py_thread *th)
{
	for (size_t left = th->n_frames; left > 0;) {
		struct repeat r = stack_repeat(th->frames, left);
		size_t show =
			r.times > REPEATS_SHOWN ? r.period * REPEATS_SHOWN : r.period * r.times;
		for (size_t i = 0; i < show; i++)
			put_frame(o, p, &th->frames[left - 1 - i]);
		if (r.times > REPEATS_SHOWN) {
			size_t more = r.times - REPEATS_SHOWN;
			if (r.period == 1)
				str_puts(&o->buf, "  [Previous frame");
			else
				str_addf(&o->buf, "  [Previous %zu frames", r.period);
			str_addf(&o->buf, " repeated %zu more time%s]\n", more,
				more == 1 ? "" : "s");
		}
		left -= r.period * r.times;
		out_flush(o, false);
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
	if (!th->addr)
		str_puts(&marks, ", not known to Python");
	else if (p->n_interpreters > 1)
		str_addf(&marks, ", interpreter %" PRId64, p->interpreters[th->interpreter].id);
	if (th->moving)
		str_puts(&marks, ", RUNNING WHILE READ: frames may be of different moments");
	if (marks.len)
		str_addf(&o->buf, " (%s)", marks.bytes + 2);
}

static void put_thread_line(struct out *o, const struct python *p, const struct stack_group *g)
{
	const struct py_thread *th = g->threads[0];
	begin_colour(o, th->os && th->os->crashed ? "1;31" : "1");
	if (g->n > 1)
		str_addf(&o->buf, "%zu threads with the same stack:", g->n);
	else
		str_puts(&o->buf, "Thread");
	for (size_t i = 0; i < g->n; i++) {
		if (g->threads[i]->os)
			str_addf(&o->buf, " %d", (int)g->threads[i]->os->tid);
		else
			str_addf(&o->buf, " ? (%s)",
				g->threads[i]->os_why ? g->threads[i]->os_why
						      : "no thread of this process");
	}
	end_colour(o);
	put_marks(o, p, th);
	if (th->n_frames)
		str_puts(&o->buf, ", most recent call last:\n");
	else
		str_puts(&o->buf, failed(th->why) ? ": its frames could not be read\n"
						  : ": no Python frame\n");
}

static void text_threads(
	struct out *o, const struct python *p, const struct py_thread *const *list, size_t n)
{
	struct stack_groups groups;
	char why[ERR_TEXT_MAX];
	stack_groups_init(&groups, list, n, !o->opt.no_group);
	for (size_t i = 0; i < groups.n; i++) {
		const struct py_thread *th = groups.list[i].threads[0];
		str_putc(&o->buf, '\n');
		put_thread_line(o, p, &groups.list[i]);
		o->damage |= failed(th->why) || th->moving;
		if (failed(th->why))
			str_addf(&o->buf, "  <%s%s>\n",
				th->n_frames ? "what called these frames is lost: " : "",
				err_text(th->why, why));
		if (th->n_omitted)
			str_addf(&o->buf, "  [%zu frames further out are left out]\n",
				th->n_omitted);
		put_frames(o, p, th);
		if (th->os && th->os->native)
			text_native(o, th->os->native);
	}
	stack_groups_fini(&groups);
}

static void text_modules(struct out *o, const struct target *t)
{
	str_puts(&o->buf, "\nModules:\n");
	for (size_t i = 0; i < t->n_images; i++) {
		const struct image *img = &t->images[i];
		str_addf(&o->buf, "  0x%012" PRIx64 "-0x%012" PRIx64 " ", image_start(img),
			image_end(img));
		put(o, img->path[0] ? img->path : "(no name)");
		if (img->deleted)
			str_puts(&o->buf, " (deleted)");
		put_build_id(o, img);
		if (img->file_path && strcmp(img->file_path, img->path)) {
			str_puts(&o->buf, ", read from ");
			put(o, img->file_path);
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
				begin_colour(o, damage ? "1;31" : "1");
				str_puts(&o->buf,
					damage ? "\nProblems (the report is not complete):\n"
					       : "\nNotes:\n");
				end_colour(o);
			}
			headed = true;
			str_puts(&o->buf, "  ");
			put(o, row->where);
			str_puts(&o->buf, ": ");
			put(o, row->why);
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
	.process = text_process,
	.pythons = text_pythons,
	.interpreters = text_interpreters,
	.threads = text_threads,
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
