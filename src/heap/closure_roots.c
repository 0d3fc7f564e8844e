/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where references come from: the collector's lists, which hold most objects that hold others; the
 * states of interpreters and threads, and the frames that run; variables of images; all objects and
 * bodies that lie where every block is known.
 */
#include "closure.h"

enum {
	SAMPLES = 4096, /* of each end of a list that are looked at to see whether there is need */
	AT_ONCE = 4096, /* steps along a list */
	STATE_BYTES = 16384, /* of an interpreter, where its size is not known */
	THREAD_BYTES = 1024,
};

static uint64_t gc_mask(const struct heap_walk *w)
{
	return w->at.has_gc_refs ? UINT64_MAX : ~UINT64_C(3);
}

/* The next head of a list, or the one before. False: the list is broken. */
static bool step(const struct heap_walk *w, bool back, uint64_t *at)
{
	uint64_t next;
	if (failed(mem_ptr(w->mem, *at + (back ? w->at.gc_prev : w->at.gc_next), &next)))
		return false;
	*at = next & gc_mask(w);
	return can_be_gc_head(w, *at);
}

static bool is_ours(const struct heap_walk *w, size_t interpreter)
{
	return &w->p->runtimes[w->p->interpreters[interpreter].runtime] == w->rt;
}

/* Whether one of the first objects of a list is in foreign memory. */
static bool leads_outside(struct closure *c, uint64_t head, bool back)
{
	const struct heap_walk *w = c->walk;
	struct proven_object o;
	uint64_t at = head;
	for (int i = 0; i < SAMPLES && step(w, back, &at) && at != head; i++) {
		if (closure_prove(c, at + w->at.gc_head, true, &o))
			return true;
	}
	return false;
}

/* Whether what every interpreter has is in foreign memory. */
static bool is_all_outside(struct closure *c)
{
	static const enum field roots[] = { FIELD_interp_modules, FIELD_interp_sysdict,
		FIELD_interp_builtins };
	const struct heap_walk *w = c->walk;
	struct proven_object o;
	uint64_t addr;
	for (size_t i = 0; i < w->p->n_interpreters; i++) {
		for (size_t k = 0; k < ARRAY_LEN(roots) && is_ours(w, i); k++) {
			if (layout_has(w->l, roots[k]) &&
				!failed(mem_ptr(w->mem,
					w->p->interpreters[i].addr + w->l->field[roots[k]].offset,
					&addr)) &&
				closure_prove(c, addr, false, &o))
				return true;
		}
	}
	return false;
}

bool closure_is_needed(struct closure *c)
{
	struct heap_walk *w = c->walk;
	struct heap_generation lists[HEAP_GENERATIONS_MAX];
	if (!c->n)
		return false;
	if (w->chunks.torn || is_all_outside(c))
		return true;
	for (size_t i = 0; i < w->types.n; i++) {
		if (closure_memory_at(c, w->types.list[i].addr))
			return true;
	}
	size_t n = heap_generations(w, lists);
	for (size_t i = 0; i < n; i++) {
		if (leads_outside(c, lists[i].head, false) || leads_outside(c, lists[i].head, true))
			return true;
	}
	return false;
}

/* Nothing of them is looked at before all are found, since these are the surest: what shares memory
 * with one of them is no object. A list that is broken is gone along from its other end too. */
bool closure_lists(struct closure *c)
{
	const struct heap_walk *w = c->walk;
	struct heap_generation lists[HEAP_GENERATIONS_MAX];
	size_t n = heap_generations(w, lists);
	uint64_t limit = w->held / w->at.gc_head;
	if (c->generation >= n)
		return false;
	uint64_t head = lists[c->generation].head;
	if (!c->steps)
		c->listed = head;
	for (int i = 0; i < AT_ONCE; i++) {
		bool good = step(w, c->backwards, &c->listed) && c->steps++ < limit;
		if (good && c->listed != head) {
			closure_mark(c, c->listed + w->at.gc_head, true);
			continue;
		}
		c->generation += good || c->backwards;
		c->backwards = !good && !c->backwards;
		c->steps = 0;
		break;
	}
	return true;
}

static uint64_t size_or(const struct heap_walk *w, enum field f, uint64_t otherwise)
{
	return layout_has(w->l, f) ? w->l->field[f].offset : otherwise;
}

/* From 3.11 on frames are in chunks of their own, newest first. */
static void scan_frames(struct closure *c, uint64_t thread)
{
	const struct heap_walk *w = c->walk;
	const struct field_at *f = w->l->field;
	uint64_t chunk, size, left = w->held;
	if (!layout_has(w->l, FIELD_tstate_datastack_chunk) ||
		!layout_has(w->l, FIELD_chunk_previous) || !layout_has(w->l, FIELD_chunk_size) ||
		failed(mem_ptr(w->mem, thread + f[FIELD_tstate_datastack_chunk].offset, &chunk)))
		return;
	c->tags = w->l->row->ref_tag_mask;
	while (chunk && !failed(mem_ptr(w->mem, chunk + f[FIELD_chunk_size].offset, &size)) &&
		size >= w->word && size <= left) {
		closure_scan(c, chunk, size);
		closure_drain(c);
		left -= size;
		if (failed(mem_ptr(w->mem, chunk + f[FIELD_chunk_previous].offset, &chunk)))
			break;
	}
	c->tags = 0;
}

bool closure_states(struct closure *c)
{
	const struct heap_walk *w = c->walk;
	for (size_t i = 0; !c->thread && i < w->p->n_interpreters; i++) {
		if (is_ours(w, i))
			closure_scan(c, w->p->interpreters[i].addr,
				size_or(w, FIELD_interp_sizeof, STATE_BYTES));
		closure_drain(c);
	}
	if (c->thread >= w->p->n_threads)
		return false;
	const struct py_thread *t = &w->p->threads[c->thread++];
	if (t->addr && is_ours(w, t->interpreter)) {
		closure_scan(c, t->addr, size_or(w, FIELD_tstate_sizeof, THREAD_BYTES));
		scan_frames(c, t->addr);
		closure_drain(c);
	}
	return true;
}

bool closure_images(struct closure *c)
{
	struct heap_walk *w = c->walk;
	if (!images_next_piece(w))
		return false;
	closure_scan(c, w->range.start, w->range.end - w->range.start);
	closure_drain(c);
	return true;
}

bool closure_places(struct closure *c, uint64_t *bodies)
{
	struct heap_walk *w = c->walk;
	struct heap_batch batch;
	if (!heap_walk_next(w, &batch))
		return false;
	for (size_t i = 0; i < batch.n && batch.place != HEAP_IN_NUMBERS; i++) {
		const struct heap_block *b = &batch.list[i];
		c->near = b->bytes;
		c->near_addr = b->addr;
		c->n_near = b->n_bytes;
		if (b->state == HEAP_OTHER)
			closure_scan(c, b->addr, b->size);
		if (b->state != HEAP_OBJECT)
			continue;
		closure_trace(c, b->addr + b->lead, b->type, b->lead, b->size - b->lead);
		if (closure_tracing(c, b->type) != TRACE_NONE)
			*bodies += closure_bodies(c, b->addr + b->lead, b->type);
	}
	c->n_near = 0;
	closure_drain(c);
	return true;
}
