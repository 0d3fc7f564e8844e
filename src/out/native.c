/* SPDX-License-Identifier: Apache-2.0 */
#include "native.h"

#include "out_internal.h"

#include "pycore/alloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void put(struct out *o, const char *text)
{
	out_escape_text(&o->buf, text, strlen(text));
}

/* " (libc.so.6+0x9d21)"; the offset where no function says where it is. */
static void put_module(struct out *o, const struct native_frame *f, bool with_offset)
{
	const struct image *img = f->place->image;
	if (!img) {
		str_puts(&o->buf, " (in no file)");
		return;
	}
	str_puts(&o->buf, " (");
	put(o, img->path[0] ? image_name(img) : "unnamed module");
	if (with_offset)
		str_addf(&o->buf, "+0x%" PRIx64, image_offset(img, f->pc));
	str_putc(&o->buf, ')');
}

static const char *guessed_by(enum native_found how)
{
	switch (how) {
	case NATIVE_CFI:
		break;
	case NATIVE_PROLOGUE:
		return "the code of what it called";
	case NATIVE_FRAME_POINTER:
		return "frame pointer";
	case NATIVE_SCAN:
		return "a scan of the stack";
	}
	return "?";
}

static void put_call(struct out *o, const struct native_frame *f, const struct native_call *c,
	const char *mark, const char *indent)
{
	str_addf(&o->buf, "%s0x%012" PRIx64 " in ", indent, f->pc);
	put(o, c->function ? c->function : "??");
	if (c->file) {
		str_puts(&o->buf, " at ");
		put(o, c->file);
		str_addf(&o->buf, ":%d", c->line);
	}
	put_module(o, f, !c->function);
	str_puts(&o->buf, c->inlined ? " [inlined]" : mark);
	if (f->signal)
		str_puts(&o->buf, " [calls a signal handler]");
	if (f->found_by != NATIVE_CFI)
		str_addf(&o->buf, " [guess: found by %s]", guessed_by(f->found_by));
	else if (!f->certain)
		str_puts(&o->buf, " [follows a guess]");
	str_putc(&o->buf, '\n');
}

/* Once each, in the order in which they are met. */
static void note_nameless(struct nameless *modules, const struct native_frame *f)
{
	const struct native_call *c = &f->place->calls[0];
	const struct image *img = f->place->image;
	if (!img || c->function || c->file || !image_may_be_elf(img))
		return;
	for (size_t i = 0; i < modules->n; i++) {
		if (modules->list[i] == img)
			return;
	}
	modules->list = xgrow(modules->list, &modules->cap, modules->n, sizeof(*modules->list));
	modules->list[modules->n++] = img;
}

void text_native_frame(struct out *o, const struct native_frame *f, const char *mark,
	const char *indent, struct nameless *modules)
{
	for (size_t i = f->place->n_calls; i > 0; i--)
		put_call(o, f, &f->place->calls[i - 1], mark, indent);
	note_nameless(modules, f);
}

static void note_damage(struct out *o, const struct native_stack *s)
{
	o->damage |= o->opt.native != OUT_NATIVE_INNER && (failed(s->why) || s->cut);
}

void text_native_end(struct out *o, const struct native_stack *s, const char *indent)
{
	char why[ERR_TEXT_MAX];
	const char *called = s->n ? "these frames" : "it";
	if (s->why.code == ERR_NOT_FOUND)
		str_addf(&o->buf,
			"%s<what called %s is not known: there is no %s of 0x%" PRIx64
			", or its file is not here>\n",
			indent, called, s->why.what, s->why.addr);
	else if (failed(s->why))
		str_addf(&o->buf, "%s<what called %s is not known: %s>\n", indent, called,
			err_text(s->why, why));
	if (s->cut)
		str_addf(&o->buf, "%s[frames further out are left out]\n", indent);
	note_damage(o, s);
}

void text_nameless(struct out *o, struct nameless *modules)
{
	char id[2 * BUILD_ID_MAX + 1];
	if (modules->n)
		str_puts(&o->buf, "\nModules without symbols:\n");
	for (size_t i = 0; i < modules->n; i++) {
		const struct image *img = modules->list[i];
		str_puts(&o->buf, "  ");
		put(o, img->path[0] ? img->path : "unnamed module");
		if (img->build_id_size)
			str_addf(&o->buf, "  build-id %s",
				build_id_text(img->build_id, img->build_id_size, id));
		str_putc(&o->buf, '\n');
	}
	free(modules->list);
	*modules = (struct nameless){ 0 };
}

static void json_call(
	struct json *j, const struct native_frame *f, const struct native_call *c, bool foreign)
{
	const struct image *img = f->place->image;
	char id[2 * BUILD_ID_MAX + 1];
	json_open(j, NULL, '{');
	json_text(j, "kind", "native");
	json_text(j, "function", c->function);
	json_text(j, "file", c->file);
	if (c->line > 0)
		json_int(j, "line", c->line);
	else
		json_null(j, "line");
	json_text(j, "module", img && img->path[0] ? img->path : NULL);
	if (img)
		json_addr(j, "offset", image_offset(img, f->pc));
	else
		json_null(j, "offset");
	json_text(j, "build_id",
		img && img->build_id_size ? build_id_text(img->build_id, img->build_id_size, id)
					  : NULL);
	json_addr(j, "address", f->pc);
	json_bool(j, "inlined", c->inlined);
	json_bool(j, "signal", f->signal);
	json_text(j, "found_by", native_found_text(f->found_by));
	json_bool(j, "certain", f->certain);
	if (foreign && !c->inlined)
		json_bool(j, "python_frames_unknown", true);
	json_close(j, '}');
}

void json_native_frame(struct json *j, const struct native_frame *f, bool foreign)
{
	for (size_t i = 0; i < f->place->n_calls; i++)
		json_call(j, f, &f->place->calls[i], foreign);
}

void json_native_end(struct out *o, struct json *j, const struct native_stack *s)
{
	char why[ERR_TEXT_MAX];
	json_text(j, "native_error", failed(s->why) ? err_text(s->why, why) : NULL);
	json_bool(j, "native_cut", s->cut);
	note_damage(o, s);
}
