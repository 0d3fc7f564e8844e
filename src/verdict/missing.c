/* SPDX-License-Identifier: Apache-2.0 */
/* What the core, or this machine, lacks to tell more, and the command that may tell it. */
#include "death.h"

#include "pycore/alloc.h"

#include <errno.h>

enum {
	MISSING_MAX = 16,
	FRAMES_LOOKED_AT = 256, /* innermost ones whose files are wanted */
};

static void put_missing(struct death *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void put_missing(struct death *d, const char *fmt, ...)
{
	struct verdict *v = d->v;
	AUTO_STR(text);
	va_list ap;
	if (v->n_missing == MISSING_MAX)
		return;
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	v->missing = xgrow(v->missing, &v->cap_missing, v->n_missing, sizeof(*v->missing));
	v->missing[v->n_missing++] = xstrdup(str_text(&text));
}

static void miss_memory(struct death *d)
{
	struct target_coverage c = target_coverage(d->t);
	AUTO_STR(lost);
	if (!c.cut && !c.cut_file)
		return;
	if (c.cut_place) {
		str_puts(&lost, "memory, how much is not known");
	} else if (c.cut) {
		put_size(&lost, c.cut);
		str_puts(&lost, " of memory");
	} else {
		str_puts(&lost, "what stood behind the memory");
	}
	if (failed(c.unpack_why))
		put_missing(d, "%s: the core could be unpacked in part only", str_text(&lost));
	else
		put_missing(d, "%s: the core file is cut off%s%s (%s)", str_text(&lost),
			c.cut_place ? " " : "", c.cut_place ? c.cut_place : "", c.cut_reasons);
}

static void miss_thread(struct death *d)
{
	uint8_t byte;
	struct mem_range r;
	if (!d->os)
		put_missing(d, "the thread that died: the core's notes are lost");
	else if (!d->os->regs.has_sp)
		put_missing(d, "the registers of the thread that died");
	else if (failed(mem_read(d->t->mem, d->there.regs.sp, &byte, 1)) &&
		 mem_range_at(d->t->mem, d->there.regs.sp, &r) &&
		 d->v->cause != CAUSE_STACK_OVERFLOW)
		put_missing(d, "the stack of the thread that died is not in the core");
}

static bool is_new(const struct image **seen, size_t n, const struct image *img)
{
	for (size_t i = 0; i < n; i++) {
		if (seen[i] == img)
			return false;
	}
	return n < MISSING_MAX;
}

/* There is one by that name, which is not used. */
static void miss_other_file(
	struct death *d, const struct image *img, const char *name, struct err why)
{
	char id[2 * BUILD_ID_MAX + 1];
	AUTO_STR(wanted);
	if (img->build_id_size)
		str_addf(&wanted, " (wanted: build-id %s)",
			build_id_text(img->build_id, img->build_id_size, id));
	put_missing(d, "the file %s: the one here %s%s", name,
		strcmp(why.what, "build-id differs") ? why.what : "is another one",
		str_text(&wanted));
}

static void miss_file(struct death *d, struct image *img)
{
	struct err why = target_need_file(d->t, img);
	const char *name = img->path[0] ? img->path : "an unnamed module";
	if (!failed(why) || !strcmp(name, "[vdso]") || image_is_memory(img))
		return;
	if (img->deleted)
		put_missing(d, "the file %s was deleted or replaced while it was in use", name);
	else if (why.code == ERR_CORRUPT || why.code == ERR_TRUNCATED ||
		 why.code == ERR_UNSUPPORTED)
		miss_other_file(d, img, name, why);
	else if ((why.code == ERR_SYS && why.sys == ENOENT) ||
		 (why.code == ERR_ABSENT && !strcmp(why.what, "file")))
		put_missing(d, "the file %s is not here", name);
	else
		put_missing(d, "the file %s: %s", name, why.sys ? strerror(why.sys) : why.what);
}

/* Of the innermost frames, and of Python. */
static void miss_files(struct death *d)
{
	const struct image *seen[MISSING_MAX];
	size_t n = 0;
	for (size_t i = d->first; i < d->stack->n && i < d->first + FRAMES_LOOKED_AT; i++) {
		const struct native_frame *f = &d->stack->frames[i];
		struct image *img = f->place && f->place->image
					    ? target_image_at(d->t, f->place->address)
					    : NULL;
		if (!img || !is_new(seen, n, img))
			continue;
		seen[n++] = img;
		miss_file(d, img);
	}
}

/* The module that it died in: the innermost one of the program's own. */
static const struct native_place *place_of_death(const struct death *d)
{
	size_t i = frame_outside(d);
	return i < d->stack->n ? d->stack->frames[i].place : NULL;
}

static bool lacks_symbols(const struct native_place *place)
{
	return place && place->image && place->image->match != MATCH_NONE &&
	       !place->calls[0].function;
}

static bool lacks_lines(const struct native_place *place)
{
	return place && place->image && place->image->match != MATCH_NONE && !place->calls[0].file;
}

static void miss_symbols(struct death *d)
{
	const struct native_place *place = place_of_death(d);
	char id[2 * BUILD_ID_MAX + 1];
	if (!lacks_lines(place))
		return;
	put_missing(d, "%s of %s (build-id %s)",
		lacks_symbols(place) ? "debug symbols" : "debug information", place->image->path,
		place->image->build_id_size
			? build_id_text(place->image->build_id, place->image->build_id_size, id)
			: "none");
}

static bool lacks_cfi(struct err why)
{
	return why.code == ERR_NOT_FOUND;
}

static void miss_frames(struct death *d)
{
	char why[ERR_TEXT_MAX];
	const struct py_thread *th = death_thread(d);
	if (d->os && lacks_cfi(d->stack->why))
		put_missing(d,
			"native frames further out: call frame information (the file of the code "
			"there could not be read, or has none)");
	else if (d->os && failed(d->stack->why))
		put_missing(d, "native frames further out: %s", err_text(d->stack->why, why));
	if (d->v->cause == CAUSE_FATAL_ERROR && !d->said.len)
		put_missing(d, "the message of Py_FatalError: nothing holds it any more");
	if (!d->p->n_runtimes)
		put_missing(d, "Python (%s)", str_text(&d->p->why));
	else if (th && failed(th->why))
		put_missing(d, "Python frames: %s", err_text(th->why, why));
}

void find_missing(struct death *d)
{
	miss_memory(d);
	if (d->t->snapshot)
		return;
	miss_thread(d);
	miss_files(d);
	miss_symbols(d);
	miss_frames(d);
}

/* Not taken for an option, if it begins like one. */
static void put_path(struct str *to, const char *path)
{
	AUTO_STR(word);
	str_addf(&word, "%s%s", path[0] == '-' && path[1] ? "./" : "", path);
	str_putc(to, ' ');
	put_quoted(to, str_text(&word));
}

static void put_folders(struct str *to, const char *option, const char *const *folders, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		str_addf(to, " %s", option);
		put_path(to, folders[i]);
	}
}

static void put_search(struct str *to, const struct file_search *s)
{
	if (!s)
		return;
	put_folders(to, "--sysroot", &s->sysroot, s->sysroot != NULL);
	put_folders(to, "--lib-path", s->lib_paths, s->n_lib_paths);
	put_folders(to, "--debug-dir", s->debug_dirs, s->n_debug_dirs);
}

void find_next(struct death *d)
{
	const struct verdict_question *q = d->q;
	const struct native_place *place = place_of_death(d);
	AUTO_STR(text);
	str_puts(&text, "pycore dump");
	bool asked = q->search && q->search->debuginfod_seconds;
	bool ask = lacks_lines(place) && place->image->build_id_size;
	bool locals = d->p->n_runtimes > 0;
	if (q->native && (q->locals || !locals) && (asked || !ask)) {
		if (!d->p->n_runtimes)
			return;
		str_clear(&text);
		str_puts(&text, "pycore info");
		locals = false;
	} else {
		str_puts(&text, " --native");
	}
	str_puts(&text, locals ? " --locals" : "");
	str_puts(&text, asked || ask ? " --debuginfod" : "");
	str_puts(&text, q->redact ? " --redact" : "");
	put_search(&text, q->search);
	put_path(&text, d->t->path);
	if (q->exe)
		put_path(&text, q->exe);
	d->v->next = xstrdup(str_text(&text));
}
