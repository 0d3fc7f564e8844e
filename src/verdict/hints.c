/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults whose place tells more than their address. An allocator that faults has met what somebody
 * else has written over; and Python's functions, called by a thread that does not hold the GIL,
 * find no thread state.
 */
#include "death.h"

static bool is_bad_access(const struct death *d)
{
	enum cause c = d->v->cause;
	return c == CAUSE_NULL_DEREFERENCE || c == CAUSE_NOT_MAPPED || c == CAUSE_NOT_CANONICAL ||
	       c == CAUSE_NO_PERMISSION || c == CAUSE_MISALIGNED;
}

/* The last frame of the runtime, or the first one of Python: what the program called. */
static void hint_allocator(struct death *d)
{
	static const char *const names[] = { "malloc", "free", "cfree", "calloc", "realloc",
		"_int_malloc", "_int_free", "_int_realloc", "malloc_consolidate", "unlink_chunk",
		"pymalloc_alloc", "pymalloc_free", "_PyObject_Malloc", "_PyObject_Free",
		"_PyObject_Realloc", "PyObject_Malloc", "PyObject_Free", "PyObject_Realloc" };
	size_t outside = frame_outside(d);
	size_t found = find_frame(d, d->first, outside + 1, names, ARRAY_LEN(names));
	if (found < d->stack->n && is_sure(&d->stack->frames[found]))
		put_detail(d, "it is in an allocator: likely its memory was damaged before, or a "
			      "wrong pointer was freed");
}

static bool is_python(const struct death *d, const struct native_frame *f)
{
	for (size_t i = 0; f->place && i < d->p->n_runtimes; i++) {
		const struct image *img = d->p->runtimes[i].image;
		if (img && img == f->place->image)
			return true;
	}
	return false;
}

static void hint_gil(struct death *d)
{
	const struct py_thread *th = d->v->thread;
	size_t i = frame_outside(d);
	if (!th || i >= d->stack->n || !is_python(d, &d->stack->frames[i]))
		return;
	if (!th->addr)
		put_detail(d,
			"likely Python was called in a thread that it does not know, or after "
			"its end");
	else if (th->gil == GIL_WAITING || (th->gil == GIL_NONE && !death_is_free_threaded(d, th)))
		put_detail(d, "likely Python was called without the GIL");
}

void find_hints(struct death *d)
{
	if (!is_bad_access(d))
		return;
	hint_allocator(d);
	hint_gil(d);
}
