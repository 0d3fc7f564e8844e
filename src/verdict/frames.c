/* SPDX-License-Identifier: Apache-2.0 */
/* Words for frames, and the search for those that tell something. */
#include "death.h"

#include <inttypes.h>

enum {
	FUNCTION_MAX = 120, /* bytes of a name that are shown */
	HEADLINE_FUNCTION_MAX = 60,
	SEARCHED_MAX = 1024, /* frames among which one is looked for */
};

const struct py_thread *death_thread(const struct death *d)
{
	for (size_t i = 0; d->os && i < d->p->n_threads; i++) {
		if (d->p->threads[i].os == d->os)
			return &d->p->threads[i];
	}
	return NULL;
}

bool death_is_free_threaded(const struct death *d, const struct py_thread *th)
{
	size_t runtime = d->p->interpreters[th->interpreter].runtime;
	return d->p->runtimes[runtime].layout.key.abi & ABI_FREE_THREADED;
}

bool is_runtime(const struct image *img)
{
	static const char *const names[] = { "libc.so", "libc-2.", "libpthread", "ld-linux",
		"ld-2.", "ld-musl", "libc.musl", "libm.so.", "libm-2.", "libstdc++.", "libgcc_s.",
		"libc++", "libffi.", "[vdso]" };
	for (size_t i = 0; img && i < ARRAY_LEN(names); i++) {
		if (text_starts(image_name(img), names[i]))
			return true;
	}
	return false;
}

bool frame_named(const struct native_frame *f, const char *function)
{
	size_t n = strlen(function);
	for (size_t i = 0; f->place && i < f->place->n_calls; i++) {
		const char *name = f->place->calls[i].function;
		if (name && !strncmp(name, function, n) && (!name[n] || name[n] == '('))
			return true;
	}
	return false;
}

bool is_named(const struct native_frame *f)
{
	return f->place && f->place->calls[0].function;
}

bool is_sure(const struct native_frame *f)
{
	return f->certain && f->found_by == NATIVE_CFI;
}

size_t find_frame(
	const struct death *d, size_t from, size_t to, const char *const *functions, size_t n)
{
	for (size_t i = from; i < to && i < d->stack->n && i - from < SEARCHED_MAX; i++) {
		for (size_t k = 0; k < n; k++) {
			if (frame_named(&d->stack->frames[i], functions[k]))
				return i;
		}
	}
	return d->stack->n;
}

static const char *module_name(const struct native_place *place)
{
	if (!place->image)
		return "in no file";
	return place->image->path[0] ? image_name(place->image) : "unnamed module";
}

/* Of code of an inlined function: ", inlined in main". */
static void put_outer(struct str *to, const struct native_place *place)
{
	const struct native_call *outer = &place->calls[place->n_calls - 1];
	if (!place->calls[0].inlined || place->n_calls < 2 || !outer->function)
		return;
	str_puts(to, ", inlined in ");
	put_cut(to, outer->function, strlen(outer->function), HEADLINE_FUNCTION_MAX);
}

static void put_call(struct str *to, const struct native_frame *f, bool with_line)
{
	const struct native_place *place = f->place;
	if (!place) {
		str_addf(to, "0x%" PRIx64, f->pc);
		return;
	}
	const struct native_call *c = &place->calls[0];
	if (!c->function && (!place->image || !place->image->elf)) {
		str_addf(to, "0x%" PRIx64 " (%s)", f->pc, module_name(place));
		return;
	}
	if (!c->function) {
		str_addf(to, "%s+0x%" PRIx64, module_name(place), f->pc - place->image->bias);
		return;
	}
	put_cut(to, c->function, strlen(c->function),
		with_line ? FUNCTION_MAX : HEADLINE_FUNCTION_MAX);
	if (with_line && c->file)
		str_addf(to, " at %s:%d", c->file, c->line);
	put_outer(to, place);
	str_addf(to, " (%s)", module_name(place));
}

void put_function(struct str *to, const struct native_frame *f)
{
	put_call(to, f, false);
}

void put_frame(struct str *to, const struct native_frame *f)
{
	put_call(to, f, true);
	if (!f->certain)
		str_puts(to, " [guess]");
}

void put_name(struct str *to, const struct native_frame *f)
{
	const char *name = f->place ? f->place->calls[0].function : NULL;
	if (name)
		put_cut(to, name, strlen(name), FUNCTION_MAX);
	else
		put_call(to, f, false);
}

void put_in_frame(struct str *to, const struct death *d)
{
	put_in(to, d, d->first);
}

void put_in(struct str *to, const struct death *d, size_t frame)
{
	if (frame >= d->stack->n)
		return;
	str_puts(to, strpbrk(str_text(to), ",:") ? ", in " : " in ");
	put_function(to, &d->stack->frames[frame]);
}

static bool is_code(const struct death *d, uint64_t addr)
{
	struct mem_range r;
	return mem_range_at(d->t->mem, addr, &r) && r.perm & MEM_EXEC;
}

size_t frame_outside(const struct death *d)
{
	size_t i = d->first + !is_code(d, d->there.regs.pc); /* which says nothing */
	size_t guesses = i + 1; /* one guess may be right, those that follow it lead anywhere */
	while (i < d->stack->n &&
		(!d->stack->frames[i].place || is_runtime(d->stack->frames[i].place->image)))
		i++;
	bool good = i < d->stack->n && (i < guesses || d->stack->frames[i].certain);
	return good ? i : d->stack->n;
}

static const char *base_name(const char *path, size_t n)
{
	const char *slash = memrchr(path, '/', n);
	return slash ? slash + 1 : path;
}

void put_py_function(struct str *to, const struct py_frame *f)
{
	const struct py_code *c = f->place->code;
	const struct py_text *name = c->qualname.bytes ? &c->qualname : &c->name,
			     *file = &c->filename;
	put_cut(to, name->bytes ? name->bytes : "?", name->bytes ? name->len : 1, FUNCTION_MAX);
	str_puts(to, " (");
	if (file->bytes) {
		const char *base = base_name(file->bytes, file->len);
		put_cut(to, base, (size_t)(file->bytes + file->len - base), FUNCTION_MAX);
	} else {
		str_putc(to, '?');
	}
	if (f->place->at.line >= 0)
		str_addf(to, ":%d", (int)f->place->at.line);
	str_putc(to, ')');
}
