/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists of the collector. The generations stand one behind the other
 * (Include/internal/pycore_gc.h, Modules/gcmodule.c), each beginning with a head that its list
 * comes back to; gc.freeze() puts objects into one more. The incremental collector of 3.14.0 to
 * 3.14.4 has one list of young objects and two of old ones. While a collection runs, lists hang on
 * heads on the stack; free-threaded builds have none at all.
 *
 * Whether one runs, a variable tells. Where nobody knows its place, as of a stripped 2.7, a list on
 * the stack of a thread proves it: its first and its last object lead back to it.
 */
#include "internal.h"

#include "pycore/image.h"

enum {
	GENERATIONS = 3,
	OLD_LISTS = 2,
	COLLECTORS_MAX = 1024, /* threads whose stacks are looked at */
};

static const char *const generation_names[GENERATIONS] = { "generation 0", "generation 1",
	"generation 2" };

struct lists {
	struct heap_generation *list;
	size_t n;
	bool bad; /* one is missing */
};

static void add(struct lists *l, const char *name, uint64_t head)
{
	if (l->n == HEAP_GENERATIONS_MAX)
		l->bad = true;
	else
		l->list[l->n++] = (struct heap_generation){ name, head };
}

static void add_generations(const struct heap_walk *w, struct lists *l, uint64_t first)
{
	uint64_t step = w->l->field[FIELD_gc_generation_sizeof].offset;
	for (unsigned i = 0; i < GENERATIONS; i++)
		add(l, generation_names[i], first + i * step);
}

/* The collector's state inside a struct. The place of the generations differs between vendors, but
 * there is a pointer to the first one. */
static void add_state(const struct heap_walk *w, struct lists *l, uint64_t state,
	enum field generation0, enum field permanent)
{
	const struct field_at *f = w->l->field;
	uint64_t first;
	if (!layout_has(w->l, generation0) ||
		failed(mem_ptr(w->mem, state + f[generation0].offset, &first)) || !first) {
		l->bad = true;
		return;
	}
	add_generations(w, l, first);
	if (layout_has(w->l, permanent))
		add(l, "permanent", state + f[permanent].offset);
}

/* What follows it leads back to it. */
static bool is_head(const struct heap_walk *w, uint64_t head)
{
	uint64_t next, back;
	const uint64_t mask = w->at.has_gc_refs ? UINT64_MAX : ~UINT64_C(3);
	return !failed(mem_ptr(w->mem, head + w->at.gc_next, &next)) &&
	       !failed(mem_ptr(w->mem, (next & mask) + w->at.gc_prev, &back)) &&
	       (back & mask) == head;
}

/* No build of this kind was seen, so its lists have to prove themselves. */
static void add_incremental(const struct heap_walk *w, struct lists *l, uint64_t interp)
{
	const struct field_at *f = w->l->field;
	uint64_t step = f[FIELD_gc_generation_sizeof].offset;
	add(l, "young", interp + f[FIELD_interp_gc_young].offset);
	for (unsigned i = 0; i < OLD_LISTS; i++)
		add(l, "old", interp + f[FIELD_interp_gc_old].offset + i * step);
	if (layout_has(w->l, FIELD_interp_gc_permanent))
		add(l, "permanent", interp + f[FIELD_interp_gc_permanent].offset);
	for (size_t i = 0; i < l->n; i++)
		l->bad |= !is_head(w, l->list[i].head);
}

static void add_interpreters(const struct heap_walk *w, struct lists *l)
{
	bool incremental =
		layout_has(w->l, FIELD_interp_gc_young) && layout_has(w->l, FIELD_interp_gc_old);
	for (size_t i = 0; i < w->p->n_interpreters; i++) {
		const struct py_interpreter *in = &w->p->interpreters[i];
		if (&w->p->runtimes[in->runtime] != w->rt)
			continue;
		if (incremental)
			add_incremental(w, l, in->addr);
		else
			add_state(w, l, in->addr, FIELD_interp_gc_generation0,
				FIELD_interp_gc_permanent);
	}
}

static void add_statics(const struct heap_walk *w, struct lists *l)
{
	struct image_symbol sym;
	uint64_t first;
	if (w->rt->image &&
		!failed(image_dynsym(w->rt->image, w->mem, "_PyGC_generation0", &sym)) &&
		!failed(mem_ptr(w->mem, sym.addr, &first)) && first)
		add_generations(w, l, first);
}

/* Whether a list of objects begins, and ends, with the words at that address. */
static bool is_list(struct heap_walk *w, uint64_t at)
{
	uint64_t next, prev, of_next, of_prev, type;
	return !failed(mem_ptr(w->mem, at + w->at.gc_next, &next)) && next != at &&
	       can_be_gc_head(w, next) &&
	       !failed(mem_ptr(w->mem, next + w->at.gc_prev, &of_next)) && of_next == at &&
	       !failed(mem_ptr(w->mem, at + w->at.gc_prev, &prev)) &&
	       !failed(mem_ptr(w->mem, prev + w->at.gc_next, &of_prev)) && of_prev == at &&
	       !failed(mem_ptr(w->mem, next + w->at.gc_head + w->at.type, &type)) &&
	       type_by_word(w, type) != HEAP_NO_TYPE;
}

static bool has_list_on_stack(struct heap_walk *w, const struct os_thread *th)
{
	enum { STACK_BYTES_MAX = 8 << 20 };
	struct mem_range stack;
	if (!th->regs.has_sp || !mem_range_at(w->mem, th->regs.sp, &stack))
		return false;
	uint64_t at = (th->regs.sp + w->word - 1) & ~(uint64_t)(w->word - 1);
	uint64_t end = stack.end - at < STACK_BYTES_MAX ? stack.end : at + STACK_BYTES_MAX;
	for (; at + 2 * w->word <= end; at += w->word) {
		if (is_list(w, at))
			return true;
	}
	return false;
}

static bool is_any_list_on_stacks(struct heap_walk *w)
{
	const struct target *t = w->rt->target;
	for (size_t i = 0; i < t->n_threads && i < COLLECTORS_MAX; i++) {
		if (has_list_on_stack(w, &t->threads[i]))
			return true;
	}
	return false;
}

bool gc_is_collecting(struct heap_walk *w)
{
	bool unknown = false;
	for (size_t i = 0; i < w->p->n_interpreters; i++) {
		const struct py_interpreter *in = &w->p->interpreters[i];
		if (&w->p->runtimes[in->runtime] != w->rt)
			continue;
		if (in->gc_running == 1)
			return true;
		unknown |= in->gc_running < 0;
	}
	return unknown && heap_has_generations(w) && is_any_list_on_stacks(w);
}

bool heap_has_generations(const struct heap_walk *w)
{
	return w->l->row->heap.scheme != HEAP_MIMALLOC;
}

size_t heap_generations(const struct heap_walk *w, struct heap_generation ret[HEAP_GENERATIONS_MAX])
{
	struct lists l = { .list = ret };
	if (w->collecting || !heap_has_generations(w) ||
		!layout_has(w->l, FIELD_gc_generation_sizeof))
		return 0;
	if (w->l->row->roots == ROOTS_STATICS)
		add_statics(w, &l);
	else if (layout_has(w->l, FIELD_runtime_gc_generation0))
		add_state(w, &l, w->rt->addr, FIELD_runtime_gc_generation0,
			FIELD_runtime_gc_permanent);
	else
		add_interpreters(w, &l);
	return l.bad ? 0 : l.n;
}

bool heap_generation_step(const struct heap_walk *w, uint64_t *at)
{
	uint64_t next;
	if (failed(mem_ptr(w->mem, *at + w->at.gc_next, &next)))
		return false;
	if (!w->at.has_gc_refs)
		next &= ~UINT64_C(3);
	if (!next || next % 4) /* a vendor's heads are on no boundary of 8 */
		return false;
	*at = next;
	return true;
}

uint64_t heap_generation_object(const struct heap_walk *w, uint64_t at)
{
	return at + w->at.gc_head;
}

bool gc_next_leads_back(const struct heap_walk *w, const uint8_t *head, uint64_t addr)
{
	uint64_t mask = w->at.has_gc_refs ? UINT64_MAX : ~UINT64_C(3), prev;
	uint64_t next = word_at(w, head + w->at.gc_next) & mask;
	return can_be_gc_head(w, next) && !failed(mem_ptr(w->mem, next + w->at.gc_prev, &prev)) &&
	       (prev & mask) == addr;
}

bool heap_block_tracked(const struct heap_walk *w, const struct heap_block *b)
{
	if (b->type == HEAP_NO_TYPE || b->lead < w->at.gc_head || !w->types.list[b->type].lead)
		return false;
	const uint8_t *head = b->bytes + b->lead - w->at.gc_head;
	if (!w->at.has_gc_refs)
		return word_at(w, head + w->at.gc_next) & ~UINT64_C(3);
	return gc_refs_tracked(w, gc_refs(w, head));
}

bool heap_gc_listed(const struct heap_walk *w, uint64_t limit, uint64_t *ret)
{
	struct heap_generation lists[HEAP_GENERATIONS_MAX];
	size_t n = heap_generations(w, lists);
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t at = lists[i].head;
		for (;;) {
			if (!heap_generation_step(w, &at))
				return false;
			if (at == lists[i].head)
				break;
			if (++sum > limit)
				return false;
		}
	}
	if (n)
		*ret = sum;
	return n;
}
