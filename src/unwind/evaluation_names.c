/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where Python keeps no address for its calls of the evaluation function (to 3.9), those native
 * frames are counted that run the function, innermost first, and must be as many as Python has
 * frames. In doubt the address of a frame object shows whose call it is: the function, or what it
 * calls, keeps it in a variable or has saved the register that holds it.
 */
#include "evaluation.h"

#include "pycore/alloc.h"
#include "pycore/attr.h"

#include <stdlib.h>

enum {
	TRACE_FRAMES = 8, /* native frames in which a frame object's address is looked for */
	TRACE_BYTES_MAX = 65536, /* of them */
	/* From the function's entry to where it has linked its frame, in bytes of code. */
	PROLOGUE_MAX = 512,
};

static const struct native_frame *frame(const struct evaluation *c, size_t i)
{
	return &c->stack->frames[i];
}

/* The calls of the evaluation function, innermost first. */
struct list {
	size_t *at, n;
};

static void list_fini(struct list *l)
{
	free(l->at);
}

/* Where names do not serve, it is the largest function that the interpreter runs. */
static void guess_function(struct evaluation *c)
{
	uint64_t size = FUNCTION_SIZE_MIN;
	for (size_t i = 0; i < c->stack->n; i++) {
		const struct native_place *place = frame(c, i)->place;
		if (!evaluation_in_image(c, i) || evaluation_has_name(place) ||
			place->function_size < size)
			continue;
		size = place->function_size;
		c->function = place->function_start;
	}
}

static void gather(const struct evaluation *c, struct list *ret)
{
	ret->at = xcalloc(c->stack->n, sizeof(*ret->at));
	ret->n = 0;
	for (size_t i = 0; i < c->stack->n; i++) {
		if (evaluation_is_call(c, i))
			ret->at[ret->n++] = i;
	}
}

static bool holds(const struct evaluation *c, uint64_t start, uint64_t end, uint64_t word)
{
	struct mem *mem = c->p->target->mem;
	uint8_t bytes[4096];
	if (end - start > TRACE_BYTES_MAX)
		start = end - TRACE_BYTES_MAX;
	for (size_t n; start < end; start += n) {
		n = end - start < sizeof(bytes) ? (size_t)(end - start) : sizeof(bytes);
		if (failed(mem_read(mem, start, bytes, n)))
			continue;
		for (size_t i = 0; i + mem->ptr_size <= n; i += mem->ptr_size) {
			if (bytes_uint(bytes + i, mem->ptr_size, mem->order) == word)
				return true;
		}
	}
	return false;
}

/* Whether the address of the Python frame stands on the C stack of call i of the list, or of what
 * that one called directly. */
static bool is_traced(const struct evaluation *c, const struct list *l, size_t i, size_t python)
{
	size_t at = l->at[i], from = i ? l->at[i - 1] + 1 : 0;
	if (at - from > TRACE_FRAMES)
		from = at - TRACE_FRAMES;
	uint64_t start = evaluation_low_end(c, from), end = frame(c, at)->cfa;
	return start < end && holds(c, start, end, c->th->frames[python].addr);
}

/* Whether call i + shift of the list runs entry i, as far as both go. */
static bool are_traced(const struct evaluation *c, const struct list *l, size_t shift)
{
	size_t n = 0;
	if (!c->frames_are_objects)
		return false;
	for (; n < c->th->n_entries && n + shift < l->n; n++) {
		if (!is_traced(c, l, n + shift, n))
			return false;
	}
	return n;
}

/* Whether the innermost call of the list is where it cannot have linked a frame yet. */
static bool enters(const struct evaluation *c, const struct list *l)
{
	const struct native_frame *f = frame(c, l->at[0]);
	return f->exact && f->pc - f->place->function_start < PROLOGUE_MAX;
}

/* How many of the innermost calls of the list run no frame yet, or none any more: none or one.
 * False: it cannot be told. Where the numbers are not the same, traces decide, and only if they
 * speak for one answer alone. */
static bool find_shift(struct evaluation *c, const struct list *l, size_t *ret)
{
	size_t entries = c->th->n_entries, n = l->n;
	bool whole = evaluation_is_whole(c),
	     same = whole && evaluation_knows_all(c) && n == entries;
	bool none = same && !c->function && !c->several ? true : are_traced(c, l, 0);
	bool one = !same && (!whole || n > entries) && are_traced(c, l, 1);
	if (one && enters(c, l))
		none = false;
	*ret = one;
	return none != one && (!whole || n >= entries) ? true : evaluation_miscounted(c, n);
}

static enum call_role role_of(const struct evaluation *c, size_t i, size_t shift)
{
	if (i < shift)
		return ROLE_BEGUN;
	return i - shift < c->th->n_entries ? ROLE_CALL : ROLE_FOREIGN;
}

bool evaluation_by_name(struct evaluation *c)
{
	CLEANUP(list_fini) struct list l = { 0 };
	size_t shift;
	gather(c, &l);
	if (!l.n) {
		guess_function(c);
		list_fini(&l);
		gather(c, &l);
	}
	if (!find_shift(c, &l, &shift))
		return false;
	for (size_t i = 0; i < l.n; i++)
		c->role[l.at[i]] = role_of(c, i, shift);
	for (size_t k = 0; k < c->th->n_entries; k++)
		c->at[k] = k + shift < l.n ? l.at[k + shift] : CALL_NOT_SEEN;
	return true;
}
