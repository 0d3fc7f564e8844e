/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where CPython keeps an address on the C stack for each call of the evaluation function, a native
 * frame is that call if its part of the stack, from the stack pointer of what it called up to its
 * own canonical frame address, holds the address. Where it keeps none, evaluation_names.c has other
 * means.
 */
#include "evaluation.h"

#include "pycore/alloc.h"
#include "pycore/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool evaluation_fail(struct evaluation *c, const char *why)
{
	snprintf(c->why, MERGE_WHY_MAX, "%s", why);
	return false;
}

bool evaluation_miscounted(struct evaluation *c, size_t native)
{
	snprintf(c->why, MERGE_WHY_MAX,
		"the native stack shows %zu call%s of the evaluation function, Python's state %zu",
		native, native == 1 ? "" : "s", c->th->n_entries);
	return false;
}

static const struct native_frame *frame(const struct evaluation *c, size_t i)
{
	return &c->stack->frames[i];
}

/* Without what a compiler adds for a part or a copy of a function: ".cold", ".lto_priv.0". */
static bool is_named(const struct native_place *place, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < place->n_calls; i++) {
		const char *f = place->calls[i].function;
		if (f && !strncmp(f, name, n) && (!f[n] || f[n] == '.'))
			return true;
	}
	return false;
}

bool evaluation_has_name(const struct native_place *place)
{
	return place->calls[place->n_calls - 1].function;
}

bool evaluation_in_image(const struct evaluation *c, size_t i)
{
	const struct image *img = frame(c, i)->place->image;
	return !frame(c, i)->signal && img && (!c->image || img == c->image);
}

/* 2.7's is named as a function that later versions have beside theirs, and that calls it. */
static const char *name_of_function(const struct evaluation *c)
{
	static const char name[] = "_PyEval_EvalFrameDefault";
	for (size_t i = 0; i < c->stack->n; i++) {
		if (evaluation_in_image(c, i) && is_named(frame(c, i)->place, name))
			return name;
	}
	return "PyEval_EvalFrameEx";
}

/* Whether the native frame runs the evaluation function, as far as its name or range tells. */
bool evaluation_is_call(const struct evaluation *c, size_t i)
{
	const struct native_place *place = frame(c, i)->place;
	return evaluation_in_image(c, i) &&
	       (is_named(place, c->name) || (c->function && place->function_start == c->function));
}

/* The part of the C stack that a native frame takes. */
uint64_t evaluation_low_end(const struct evaluation *c, size_t i)
{
	return i ? frame(c, i - 1)->cfa : c->th->os->regs.sp;
}

static bool covers(const struct evaluation *c, size_t i, uint64_t addr)
{
	return addr >= evaluation_low_end(c, i) && addr < frame(c, i)->cfa;
}

/* Whether the native stack shows the outermost frame of the thread. */
bool evaluation_is_whole(const struct evaluation *c)
{
	return !failed(c->stack->why) && !c->stack->cut;
}

/* Whether Python's state shows all calls. */
bool evaluation_knows_all(const struct evaluation *c)
{
	return !failed(c->th->why) && !c->th->n_omitted;
}

static bool has_addresses(const struct py_thread *th)
{
	for (size_t i = 0; i < th->n_entries; i++) {
		if (th->entries[i].on_stack)
			return true;
	}
	return false;
}

/* The native frames of the entries that have an address, into at[]; returns how many entries were
 * looked for until one was not found. */
static size_t locate(const struct evaluation *c, const struct py_thread *th, size_t *at)
{
	size_t i = 0;
	for (size_t k = 0; k < th->n_entries; k++) {
		at[k] = CALL_NOT_SEEN;
		if (!th->entries[k].on_stack)
			continue;
		while (i < c->stack->n && !covers(c, i, th->entries[k].on_stack))
			i++;
		if (i == c->stack->n)
			return k;
		at[k] = i++;
	}
	return th->n_entries;
}

static size_t runtime_of(const struct evaluation *c, const struct py_thread *th)
{
	return c->p->interpreters[th->interpreter].runtime;
}

/* Entries that the native stack does not reach lie further out than all of it. */
static bool lies_beyond(const struct evaluation *c, uint64_t on_stack)
{
	uint64_t end = c->th->os->regs.sp;
	for (size_t i = 0; i < c->stack->n; i++) {
		if (frame(c, i)->cfa > end)
			end = frame(c, i)->cfa;
	}
	return !evaluation_is_whole(c) && on_stack >= end;
}

/* The first entries, which have addresses but perhaps the very first; returns how many there are.
 */
static size_t locate_all(struct evaluation *c)
{
	size_t found = locate(c, c->th, c->at);
	for (size_t k = found; k < c->th->n_entries; k++)
		c->at[k] = CALL_NOT_SEEN;
	if (!found || c->at[0] != CALL_NOT_SEEN)
		return found;
	/* it is about to end, and has withdrawn its address already */
	size_t end = found > 1 ? c->at[1] : c->stack->n;
	for (size_t i = 0; i < end && c->at[0] == CALL_NOT_SEEN; i++) {
		if (evaluation_is_call(c, i) && !c->role[i])
			c->at[0] = i;
	}
	return c->at[0] == CALL_NOT_SEEN ? 0 : found;
}

static bool agrees(struct evaluation *c, size_t native)
{
	const struct native_place *place = frame(c, native)->place;
	if (!evaluation_in_image(c, native))
		return evaluation_fail(c,
			"where Python's state says that its evaluation function runs, the "
			"native stack shows other code");
	if (evaluation_has_name(place) && !is_named(place, c->name))
		return evaluation_fail(c,
			"where Python's state says that its evaluation function runs, the "
			"native stack shows another function");
	if (!evaluation_has_name(place) && place->function_size >= FUNCTION_SIZE_MIN)
		c->function = place->function_start;
	return true;
}

/* Every call of the evaluation function must be one that Python knows. Only the innermost one may
 * have just begun, or be about to end; and those further out may be what another greenlet was
 * started from. */
static bool account(struct evaluation *c, size_t outermost)
{
	size_t innermost = 0, calls = 0;
	bool good = true, begun = false;
	while (innermost < c->stack->n && !c->role[innermost])
		innermost++;
	for (size_t i = 0; i < c->stack->n; i++) {
		calls += evaluation_is_call(c, i) || c->role[i];
		if (!evaluation_is_call(c, i) || c->role[i])
			continue;
		c->role[i] = i > outermost ? ROLE_FOREIGN : ROLE_BEGUN;
		good &= i > outermost || (i < innermost && !begun);
		begun |= i < innermost;
	}
	return good || evaluation_miscounted(c, calls);
}

static bool by_address(struct evaluation *c)
{
	const struct py_entry *entries = c->th->entries;
	if (!c->ordered)
		return evaluation_fail(c,
			"the thread runs several interpreters, and nothing tells which of them was "
			"entered from which");
	size_t found = locate_all(c), outermost = 0;
	for (size_t k = found; k < c->th->n_entries; k++) {
		if (!entries[k].on_stack || !lies_beyond(c, entries[k].on_stack))
			return evaluation_fail(c,
				"the native stack does not show all calls of the evaluation "
				"function that Python's state shows");
	}
	for (size_t k = 0; k < found; k++) {
		outermost = c->at[k];
		if (!agrees(c, c->at[k]))
			return false;
		c->role[c->at[k]] = ROLE_CALL;
	}
	return account(c, outermost);
}

bool evaluation_find(struct evaluation *c)
{
	const struct py_runtime *rt = &c->p->runtimes[runtime_of(c, c->th)];
	size_t frames = 0;
	c->image = rt->image;
	c->name = name_of_function(c);
	c->frames_are_objects = rt->layout.row->frames == FRAMES_OBJECTS;
	c->at = xcalloc(c->th->n_entries, sizeof(*c->at));
	c->role = xcalloc(c->stack->n, sizeof(*c->role));
	for (size_t k = 0; k < c->th->n_entries; k++)
		frames += c->th->entries[k].n_frames;
	if (frames != c->th->n_frames)
		return evaluation_fail(c,
			"Python's state does not show which calls of the evaluation "
			"function run its frames");
	return has_addresses(c->th) ? by_address(c) : evaluation_by_name(c);
}

void evaluation_fini(struct evaluation *c)
{
	free(c->at);
	free(c->role);
}
