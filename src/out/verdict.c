/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict.h"

#include "out_json.h"
#include "out_text.h"

#include <string.h>

void text_verdict(struct out *o, const struct verdict *v)
{
	if (!v->summary)
		return;
	for (size_t i = 0; i < v->n_lines; i++) {
		bool again = i && !strcmp(v->lines[i].label, v->lines[i - 1].label);
		text_label(o, again ? "" : v->lines[i].label);
		if (!i)
			text_begin_colour(o, v->cause == CAUSE_SNAPSHOT ? "1" : "1;31");
		text_put(o, v->lines[i].text);
		if (!i)
			text_end_colour(o);
		str_putc(&o->buf, '\n');
	}
	str_putc(&o->buf, '\n');
	o->has_verdict = true;
}

/* The lines as text has them, but for the label of the summary. */
static void put_lines(struct json *j, const struct verdict *v)
{
	json_open(j, "lines", '[');
	for (size_t i = 0; i < v->n_lines; i++) {
		AUTO_STR(line);
		if (i)
			str_addf(&line, "%s ", v->lines[i].label);
		str_puts(&line, v->lines[i].text);
		json_text(j, NULL, str_text(&line));
	}
	json_close(j, ']');
}

static void put_native_frame(struct json *j, const struct native_frame *f)
{
	const struct native_place *place = f ? f->place : NULL;
	char id[2 * BUILD_ID_MAX + 1];
	if (!place) {
		json_null(j, "native_frame");
		return;
	}
	const struct image *img = place->image;
	json_open(j, "native_frame", '{');
	json_text(j, "kind", "native");
	json_text(j, "function", place->calls[0].function);
	json_text(j, "file", place->calls[0].file);
	json_number(j, "line", place->calls[0].line, 1);
	json_text(j, "module", img && img->path[0] ? img->path : NULL);
	if (img && img->elf)
		json_addr(j, "offset", image_offset(img, f->pc));
	else
		json_null(j, "offset");
	json_text(j, "build_id",
		img && img->build_id_size ? build_id_text(img->build_id, img->build_id_size, id)
					  : NULL);
	json_addr(j, "address", f->pc);
	json_text(j, "found_by", native_found_text(f->found_by));
	json_close(j, '}');
}

static void put_python_frame(struct json *j, const struct py_frame *f)
{
	if (!f) {
		json_null(j, "python_frame");
		return;
	}
	json_open(j, "python_frame", '{');
	json_text(j, "kind", "python");
	json_py_text(j, "file", &f->place->code->filename);
	json_number(j, "line", f->place->at.line, 0);
	json_py_text(j, "function", &f->place->code->name);
	json_py_text(j, "qualname", &f->place->code->qualname);
	json_addr(j, "address", f->addr);
	json_close(j, '}');
}

void json_verdict(struct out *o, const struct verdict *v)
{
	struct json *j = json_writer(o);
	if (!v->summary) {
		json_null(j, "verdict");
		return;
	}
	json_open(j, "verdict", '{');
	json_text(j, "summary", v->summary);
	put_lines(j, v);
	json_text(j, "cause", cause_key(v->cause));
	json_number(j, "thread", v->thread && v->thread->os ? v->thread->os->tid : 0, 1);
	put_native_frame(j, v->native_frame);
	put_python_frame(j, v->python_frame);
	json_text(j, "message", v->message);
	json_open(j, "missing", '[');
	for (size_t i = 0; i < v->n_missing; i++)
		json_text(j, NULL, v->missing[i]);
	json_close(j, ']');
	json_text(j, "next", v->next);
	json_close(j, '}');
}
