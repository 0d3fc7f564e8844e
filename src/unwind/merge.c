/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The merged stack: the Python frames of each call of the evaluation function stand further in than
 * its native frame, and than the handler of an instruction that it was left for, in interpreters
 * that have a function for each instruction (3.14 on, where the compiler can do it).
 */
#include "pycore/merge.h"

#include "evaluation.h"

#include "pycore/alloc.h"
#include "pycore/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct merge {
	const struct evaluation *eval;
	const struct native_stack *stack;
	const struct py_thread *th;
	struct merged_stack *ret;
	size_t entry, python; /* the next ones to come */
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

static void add_native(struct merge *m, size_t i)
{
	m->ret->frames[m->ret->n++] = (struct merged_frame){ .native = &m->stack->frames[i],
		.foreign = m->eval->role && m->eval->role[i] == ROLE_FOREIGN };
}

static void add_python(struct merge *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		m->ret->frames[m->ret->n++] =
			(struct merged_frame){ .python = &m->th->frames[m->python++] };
}

/* Whether a native frame belongs to the evaluation that it was called from. */
static bool is_handler(const struct merge *m, const struct native_frame *f)
{
	return is_image(f, m->eval->image) && begins(function_of(f), "_TAIL_CALL_");
}

/* The innermost native frame of an entry. The one in which the thread died is none of it: it is
 * what the Python frame was doing in C. */
static size_t first_of_entry(const struct merge *m, size_t entry, size_t from)
{
	size_t i = m->eval->at[entry];
	while (i > from && is_handler(m, &m->stack->frames[i - 1]))
		i--;
	return i || !m->th->os->crashed ? i : 1;
}

static void add_all(struct merge *m)
{
	const struct py_thread *th = m->th;
	size_t from = 0;
	for (size_t k = 0; k < th->n_entries && m->eval->at[k] != CALL_NOT_SEEN; k++) {
		size_t first = first_of_entry(m, k, from), end = m->eval->at[k] + 1;
		for (; from < first; from++)
			add_native(m, from);
		add_python(m, th->entries[k].n_frames);
		for (; from < end; from++)
			add_native(m, from);
	}
	for (; from < m->stack->n; from++)
		add_native(m, from);
	add_python(m, th->n_frames - m->python);
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
		return is_c_library(f->place->image);
	return (is_c_library(f->place->image) || is_image(f, m->eval->p->target->exe)) &&
	       is_one_of(name, names, ARRAY_LEN(names));
}

/* main() of a program that does nothing but to hand its arguments to Python. */
static bool is_launcher(
	const struct merge *m, const struct native_frame *f, const struct native_frame *called)
{
	static const char *const names[] = { "Py_Main", "Py_BytesMain", "_Py_UnixMain" };
	const char *name = function_of(f), *inner = called ? function_of(called) : NULL;
	return name && !strcmp(name, "main") && is_image(f, m->eval->p->target->exe) && inner &&
	       is_image(called, m->eval->image) && is_one_of(inner, names, ARRAY_LEN(names));
}

/* Code of the interpreter. A program that contains it may have functions of its own. */
static bool is_interpreter(const struct merge *m, const struct native_frame *f)
{
	const char *name = function_of(f);
	if (!is_image(f, m->eval->image))
		return false;
	const char *file = image_name(f->place->image);
	return begins(file, "python") || begins(file, "libpython") || begins(name, "Py") ||
	       begins(name, "_Py");
}

/* What the evaluation function is called through when each Python function has code of its own, for
 * profilers to see. */
static bool is_trampoline(const struct merge *m, size_t i)
{
	return !m->stack->frames[i].place->image && i && m->eval->role[i - 1] == ROLE_CALL &&
	       i + 1 < m->stack->n && is_image(&m->stack->frames[i + 1], m->eval->image);
}

static bool is_internal(const struct merge *m, size_t i)
{
	const struct native_frame *f = &m->stack->frames[i];
	switch ((enum call_role)m->eval->role[i]) {
	case ROLE_CALL:
		return true;
	case ROLE_BEGUN:
	case ROLE_FOREIGN:
		return false;
	case ROLE_OTHER:
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

void merge_thread(const struct python *p, const struct py_thread *th, struct merged_stack *ret)
{
	*ret = (struct merged_stack){ 0 };
	CLEANUP(evaluation_fini)
	struct evaluation eval = { .p = p, .th = th, .stack = th->os->native, .why = ret->why };
	struct merge m = { .eval = &eval, .stack = eval.stack, .th = th, .ret = ret };
	static const struct py_thread none;
	if (!th->n_frames && failed(th->why)) {
		give_up(ret, "Python's frames could not be read");
	} else if (!th->n_frames) {
		m.th = &none;
		merge(&m, m.stack->n);
	} else if (!m.stack->n) {
		give_up(ret, "there is no native frame");
	} else if (evaluation_find(&eval)) {
		merge(&m, m.stack->n + th->n_frames);
		mark_internal(&m);
	}
}

void merged_stack_fini(struct merged_stack *s)
{
	free(s->frames);
	*s = (struct merged_stack){ 0 };
}
