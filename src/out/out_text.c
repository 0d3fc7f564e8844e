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

void text_put_build_id(struct out *o, const struct image *img)
{
	char text[2 * BUILD_ID_MAX + 1];
	if (img && img->build_id_size)
		str_addf(&o->buf, " (build-id %s)",
			build_id_text(img->build_id, img->build_id_size, text));
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
		text_put_build_id(o, img);
		if (img->file_path && strcmp(img->file_path, img->path)) {
			str_puts(&o->buf, ", read from ");
			text_put(o, img->file_path);
		}
		str_putc(&o->buf, '\n');
	}
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
