/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many objects the collector has in its lists, as a check on the walk: every one of them has to
 * be among the objects that were found. The generations stand one behind the other
 * (Include/internal/ pycore_gc.h, Modules/gcmodule.c), each beginning with a head that its list
 * comes back to; gc.freeze() puts objects into one more.
 */
#include "internal.h"

#include "pycore/image.h"

enum { GENERATIONS = 3 };

/* Adds the length of one list. False: it is broken, or too long. */
static bool add_list(const struct heap_walk *w, uint64_t head, uint64_t limit, uint64_t *sum)
{
	const uint64_t mask = w->at.has_gc_refs ? UINT64_MAX : ~UINT64_C(3);
	uint64_t at = head;
	for (;;) {
		if (failed(mem_ptr(w->mem, at + w->at.gc_next, &at)))
			return false;
		at &= mask;
		if (at == head)
			return true;
		if (!at || at % w->word || ++*sum > limit)
			return false;
	}
}

static bool add_generations(
	const struct heap_walk *w, uint64_t first, uint64_t limit, uint64_t *sum)
{
	uint64_t step = w->l->field[FIELD_gc_generation_sizeof].offset;
	for (unsigned i = 0; i < GENERATIONS; i++) {
		if (!add_list(w, first + i * step, limit, sum))
			return false;
	}
	return true;
}

/* The collector's state inside a struct. */
static bool add_state(const struct heap_walk *w, uint64_t state, enum field generation0,
	enum field permanent, uint64_t limit, uint64_t *sum)
{
	const struct field_at *f = w->l->field;
	uint64_t first;
	return state && layout_has(w->l, generation0) &&
	       !failed(mem_ptr(w->mem, state + f[generation0].offset, &first)) && first &&
	       add_generations(w, first, limit, sum) &&
	       (!layout_has(w->l, permanent) ||
		       add_list(w, state + f[permanent].offset, limit, sum));
}

static bool add_interpreters(const struct heap_walk *w, uint64_t limit, uint64_t *sum)
{
	size_t n = 0;
	for (size_t i = 0; i < w->p->n_interpreters; i++) {
		const struct py_interpreter *in = &w->p->interpreters[i];
		if (&w->p->runtimes[in->runtime] != w->rt)
			continue;
		n++;
		if (!add_state(w, in->addr, FIELD_interp_gc_generation0, FIELD_interp_gc_permanent,
			    limit, sum))
			return false;
	}
	return n;
}

bool heap_gc_listed(const struct heap_walk *w, uint64_t limit, uint64_t *ret)
{
	struct image_symbol sym;
	uint64_t sum = 0, first;
	bool good;
	if (w->collecting || !layout_has(w->l, FIELD_gc_generation_sizeof))
		return false;
	if (w->l->row->roots == ROOTS_STATICS)
		good = w->rt->image &&
		       !failed(image_dynsym(w->rt->image, w->mem, "_PyGC_generation0", &sym)) &&
		       !failed(mem_ptr(w->mem, sym.addr, &first)) && first &&
		       add_generations(w, first, limit, &sum);
	else if (layout_has(w->l, FIELD_runtime_gc_generation0))
		good = add_state(w, w->rt->addr, FIELD_runtime_gc_generation0,
			FIELD_runtime_gc_permanent, limit, &sum);
	else
		good = add_interpreters(w, limit, &sum);
	if (good)
		*ret = sum;
	return good;
}
