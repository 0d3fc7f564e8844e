/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The merged stack: the Python frames of each call of the evaluation function stand further in than
 * its native frame, and than the handler of an instruction that it was left for, in interpreters
 * that have a function for each instruction (3.14 on, where the compiler can do it).
 */
#include "pycore/merge.h"

#include "evaluation.h"
#include "internal.h"

#include "pycore/alloc.h"
#include "pycore/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The frames of one Python. A thread that runs several of its interpreters has those of all its
 * states in it, as if they were one. */
struct strand {
	struct py_thread th;
	const struct py_frame **frame; /* where each frame of th really stands; owned */
	const struct py_thread **state; /* whose it is; owned */
	struct evaluation eval;
	size_t entry, python; /* the next ones to come */
};

struct merge {
	const struct python *p;
	const struct native_stack *stack;
	const struct os_thread *os;
	struct strand *strands; /* one, but for a thread that runs several Pythons */
	size_t n_strands;
	const struct py_thread *state; /* that the next native frames were called by */
	struct merged_stack *ret;
};

static bool begins(const char *text, const char *with)
{
	return text && !strncmp(text, with, strlen(with));
}

/* The function that the symbol names, not one that was inlined into it. */
static const char *function_of(const struct native_frame *f)
{
	return f->place->calls[f->place->n_calls - 1].function;
}

static bool is_image(const struct native_frame *f, const struct image *img)
{
	return f->place->image && f->place->image == img;
}

static enum call_role role_of(const struct merge *m, size_t i)
{
	for (size_t k = 0; k < m->n_strands; k++) {
		const uint8_t *role = m->strands[k].eval.role;
		if (role && role[i] != ROLE_NONE)
			return (enum call_role)role[i];
	}
	return ROLE_NONE;
}

static bool in_interpreter(const struct merge *m, const struct native_frame *f)
{
	bool found = false;
	for (size_t k = 0; k < m->n_strands; k++)
		found |= is_image(f, m->strands[k].eval.image);
	return found;
}

static void add_native(struct merge *m, size_t i)
{
	m->ret->frames[m->ret->n++] = (struct merged_frame){ .native = &m->stack->frames[i],
		.state = m->state,
		.foreign = role_of(m, i) == ROLE_FOREIGN };
}

static void add_python(struct merge *m, struct strand *s, size_t n)
{
	for (size_t i = 0; i < n; i++, s->python++) {
		m->state = s->state[s->python];
		m->ret->frames[m->ret->n++] =
			(struct merged_frame){ .python = s->frame[s->python], .state = m->state };
	}
}

/* Whether a native frame belongs to the evaluation that it was called from. */
static bool is_handler(const struct merge *m, const struct native_frame *f)
{
	return in_interpreter(m, f) && begins(function_of(f), "_TAIL_CALL_");
}

/* The innermost native frame of an entry. The one in which the thread died is none of it: it is
 * what the Python frame was doing in C. */
static size_t first_of_entry(const struct merge *m, size_t at, size_t from)
{
	size_t i = at;
	while (i > from && is_handler(m, &m->stack->frames[i - 1]))
		i--;
	return i || !m->os->crashed ? i : 1;
}

/* The native frame of a strand's next entry. */
static size_t next_of(const struct strand *s)
{
	return s->entry < s->th.n_entries ? s->eval.at[s->entry] : CALL_NOT_SEEN;
}

/* The strand whose next entry comes first; NULL: none that the native stack shows is left. */
static struct strand *next_strand(const struct merge *m)
{
	struct strand *found = NULL;
	for (size_t i = 0; i < m->n_strands; i++) {
		if (next_of(&m->strands[i]) < (found ? next_of(found) : CALL_NOT_SEEN))
			found = &m->strands[i];
	}
	return found;
}

static void add_all(struct merge *m)
{
	size_t from = 0;
	for (struct strand *s; (s = next_strand(m)); s->entry++) {
		size_t end = next_of(s) + 1, n = s->th.entries[s->entry].n_frames;
		size_t first = first_of_entry(m, next_of(s), from);
		m->state = n ? s->state[s->python] : m->state;
		for (; from < first; from++)
			add_native(m, from);
		add_python(m, s, n);
		for (; from < end; from++)
			add_native(m, from);
	}
	for (; from < m->stack->n; from++)
		add_native(m, from);
	for (size_t i = 0; i < m->n_strands; i++)
		add_python(m, &m->strands[i], m->strands[i].th.n_frames - m->strands[i].python);
}

static bool is_one_of(const char *name, const char *const *list, size_t n)
{
	size_t len = strcspn(name, ".@");
	for (size_t i = 0; i < n; i++) {
		if (strlen(list[i]) == len && !memcmp(list[i], name, len))
			return true;
	}
	return false;
}

static bool is_c_library(const struct image *img)
{
	static const char *const files[] = { "libc.so", "libc-", "libpthread", "ld-" };
	bool found = false;
	for (size_t i = 0; img && i < ARRAY_LEN(files); i++)
		found |= begins(image_name(img), files[i]);
	return found;
}

/* The C library's functions that a program and a thread start with; nothing but such, and what they
 * start, is further out. */
static bool starts(const struct merge *m, const struct native_frame *f)
{
	static const char *const names[] = { "_start", "_start_c", "__libc_start_main",
		"__libc_start_main_impl", "__libc_start_call_main", "libc_start_main_stage2",
		"generic_start_main", "start_thread", "start", "thread_start", "clone", "clone3",
		"__clone", "__clone3", "__clone_internal" };
	const char *name = function_of(f);
	if (!name) /* what is further out can only have called one of them */
		return is_c_library(f->place->image) || unwind_is_entry(m->p->target, f->pc);
	return (is_c_library(f->place->image) || is_image(f, m->p->target->exe)) &&
	       is_one_of(name, names, ARRAY_LEN(names));
}

/* main() of a program that does nothing but to hand its arguments to Python. */
static bool is_launcher(
	const struct merge *m, const struct native_frame *f, const struct native_frame *called)
{
	static const char *const names[] = { "Py_Main", "Py_BytesMain", "_Py_UnixMain" };
	const char *name = function_of(f), *inner = called ? function_of(called) : NULL;
	return name && !strcmp(name, "main") && is_image(f, m->p->target->exe) && inner &&
	       in_interpreter(m, called) && is_one_of(inner, names, ARRAY_LEN(names));
}

/* Code of the interpreter. A program that contains it may have functions of its own. */
static bool is_interpreter(const struct merge *m, const struct native_frame *f)
{
	const char *name = function_of(f);
	if (!in_interpreter(m, f))
		return false;
	const char *file = image_name(f->place->image);
	return begins(file, "python") || begins(file, "libpython") || begins(name, "Py") ||
	       begins(name, "_Py");
}

/* What the evaluation function is called through when each Python function has code of its own, for
 * profilers to see. */
static bool is_trampoline(const struct merge *m, size_t i)
{
	return !m->stack->frames[i].place->image && i && role_of(m, i - 1) == ROLE_CALL &&
	       i + 1 < m->stack->n && in_interpreter(m, &m->stack->frames[i + 1]);
}

static bool is_internal(const struct merge *m, size_t i)
{
	const struct native_frame *f = &m->stack->frames[i];
	switch (role_of(m, i)) {
	case ROLE_CALL:
		return true;
	case ROLE_BEGUN:
	case ROLE_FOREIGN:
		return false;
	case ROLE_NONE:
		break;
	}
	return is_interpreter(m, f) || is_trampoline(m, i);
}

static const struct native_frame *native_at(const struct merge *m, size_t i)
{
	return m->ret->frames[i].native;
}

static void mark_internal(struct merge *m)
{
	struct merged_stack *ret = m->ret;
	bool start = !failed(m->stack->why) && !m->stack->cut;
	for (size_t i = ret->n; i-- > ret->n_inner + 1;) {
		const struct native_frame *f = native_at(m, i);
		start = start && f && (starts(m, f) || is_launcher(m, f, native_at(m, i - 1)));
		ret->frames[i].internal =
			start || (f && is_internal(m, (size_t)(f - m->stack->frames)));
	}
}

static void give_up(struct merged_stack *ret, const char *why)
{
	snprintf(ret->why, sizeof(ret->why), "%s", why);
}

static void merge(struct merge *m, size_t n)
{
	m->ret->frames = xcalloc(n, sizeof(*m->ret->frames));
	m->ret->merged = true;
	add_all(m);
	while (m->ret->n_inner < m->ret->n && native_at(m, m->ret->n_inner))
		m->ret->n_inner++;
}

static size_t runtime_of(const struct python *p, const struct py_thread *th)
{
	return p->interpreters[th->interpreter].runtime;
}

static bool in_strand(const struct python *p, const struct py_piece *piece, size_t runtime)
{
	return runtime_of(p, piece->th) == runtime;
}

/* The pieces of those interpreters that are of one Python, one behind the other. */
static void join(struct strand *s, const struct python *p, const struct py_thread *first,
	const struct py_piece *pieces, size_t n)
{
	size_t runtime = runtime_of(p, first), n_frames = 0, n_entries = 0;
	for (size_t i = 0; i < n; i++) {
		n_frames += in_strand(p, &pieces[i], runtime) ? pieces[i].n_frames : 0;
		n_entries += in_strand(p, &pieces[i], runtime) ? pieces[i].n_entries : 0;
	}
	*s = (struct strand){ .th = *first };
	s->th.frames = xcalloc(n_frames, sizeof(*s->th.frames));
	s->th.entries = xcalloc(n_entries, sizeof(*s->th.entries));
	s->frame = xcalloc(n_frames, sizeof(const struct py_frame *));
	s->state = xcalloc(n_frames, sizeof(const struct py_thread *));
	s->th.n_frames = s->th.n_entries = 0;
	for (size_t i = 0; i < n; i++) {
		const struct py_piece *piece = &pieces[i];
		if (!in_strand(p, piece, runtime))
			continue;
		s->th.n_omitted |= piece->th->n_omitted;
		s->th.why = failed(s->th.why) ? s->th.why : piece->th->why;
		for (size_t k = 0; k < piece->n_entries; k++)
			s->th.entries[s->th.n_entries++] = piece->th->entries[piece->entry + k];
		for (size_t k = 0; k < piece->n_frames; k++) {
			size_t to = s->th.n_frames++;
			s->frame[to] = &piece->th->frames[piece->frame + k];
			s->state[to] = piece->th;
			s->th.frames[to] = *s->frame[to];
		}
	}
}

static bool has_strand(const struct merge *m, size_t runtime)
{
	for (size_t i = 0; i < m->n_strands; i++) {
		if (runtime_of(m->p, &m->strands[i].th) == runtime)
			return true;
	}
	return false;
}

/* A strand for each Python that has a piece. */
static void make_strands(
	struct merge *m, const struct py_thread *th, const struct py_piece *pieces, size_t n)
{
	m->strands = xcalloc(n, sizeof(*m->strands));
	for (size_t i = 0; i < n; i++) {
		if (has_strand(m, runtime_of(m->p, pieces[i].th)))
			continue;
		struct strand *s = &m->strands[m->n_strands++];
		join(s, m->p, pieces[i].th, pieces, n);
		s->eval = (struct evaluation){ .p = m->p,
			.th = &s->th,
			.stack = m->stack,
			.several = n > 1,
			.ordered = !th->pieces || th->pieces_sure,
			.why = m->ret->why };
	}
}

static void drop_strands(struct merge *m)
{
	for (size_t i = 0; i < m->n_strands; i++) {
		struct strand *s = &m->strands[i];
		evaluation_fini(&s->eval);
		free(s->th.frames);
		free(s->th.entries);
		free(s->frame);
		free(s->state);
	}
	free(m->strands);
}

static bool find_calls(struct merge *m)
{
	for (size_t i = 0; i < m->n_strands; i++) {
		if (!evaluation_find(&m->strands[i].eval))
			return false;
	}
	return true;
}

static void merge_pieces(
	struct merge *m, const struct py_thread *th, const struct py_piece *pieces, size_t n)
{
	size_t n_frames = m->stack->n;
	for (size_t i = 0; i < n; i++)
		n_frames += pieces[i].n_frames;
	if (!m->stack->n) {
		give_up(m->ret, "there is no native frame");
		return;
	}
	make_strands(m, th, pieces, n);
	if (find_calls(m)) {
		merge(m, n_frames);
		mark_internal(m);
	}
	drop_strands(m);
}

void merge_thread(const struct python *p, const struct py_thread *th, struct merged_stack *ret)
{
	*ret = (struct merged_stack){ 0 };
	struct merge m = { .p = p, .os = th->os, .stack = th->os->native, .state = th, .ret = ret };
	const struct py_piece whole = {
		.th = th, .n_entries = th->n_entries, .n_frames = th->n_frames
	};
	bool alone = !th->pieces, none = alone ? !th->n_frames : !th->n_pieces;
	if (none && failed(th->why))
		give_up(ret, "Python's frames could not be read");
	else if (none)
		merge(&m, m.stack->n);
	else
		merge_pieces(&m, th, alone ? &whole : th->pieces, alone ? 1 : th->n_pieces);
}

void merged_stack_fini(struct merged_stack *s)
{
	free(s->frames);
	*s = (struct merged_stack){ 0 };
}
