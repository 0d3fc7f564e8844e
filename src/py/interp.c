/* SPDX-License-Identifier: Apache-2.0 */
/* Interpreters: their list, whether a collection runs, and who holds their GIL. */
#include "py_internal.h"

#include "pycore/limits.h"

struct err py_first_interpreter(const struct py_runtime *rt, uint64_t *ret)
{
	switch (rt->layout.row->roots) {
	case ROOTS_STATICS:
		return mem_ptr(rt->mem, rt->addr, ret);
	case ROOTS_RUNTIME:
		return py_field(rt, rt->addr, FIELD_runtime_interpreters_head, ret);
	}
	__builtin_unreachable();
}

static int gc_running(const struct py_runtime *rt, uint64_t interp)
{
	uint64_t v;
	if (layout_has(&rt->layout, FIELD_interp_gc_collecting)) {
		if (failed(py_field(rt, interp, FIELD_interp_gc_collecting, &v)))
			return -1;
	} else if (layout_has(&rt->layout, FIELD_runtime_gc_collecting)) {
		if (failed(py_field(rt, rt->addr, FIELD_runtime_gc_collecting, &v)))
			return -1;
	} else if (!rt->var_collecting || failed(mem_uint(rt->mem, rt->var_collecting, 4, &v))) {
		return -1;
	}
	return v == 0 ? 0 : v == 1 ? 1 : -1;
}

/*
 * Who wants the lock waits for `cond`, or for `mutex` just before and after. Who gives it away can
 * wait for `mutex` too, but is its holder until then; later it waits for `switch_cond` and
 * `switch_mutex`, behind those two, until another thread has got the lock.
 */
static void set_waiting_place(const struct py_runtime *rt, uint64_t gil, struct py_gil *ret)
{
	const struct layout *l = &rt->layout;
	const struct field_at *cond = &l->field[FIELD_gil_cond],
			      *mutex = &l->field[FIELD_gil_mutex];
	if (layout_has(l, FIELD_gil_cond) && layout_has(l, FIELD_gil_mutex)) {
		ret->start = gil + cond->offset;
		ret->end = gil + mutex->offset + mutex->size;
	} else if (layout_has(l, FIELD_gil_sizeof)) {
		ret->start = gil;
		ret->end = gil + l->field[FIELD_gil_sizeof].offset;
	}
	ret->waiters_known = ret->start;
}

/* The lock as a struct {last_holder, locked}; last_holder means something only while it is locked:
 * the memory of that state may be unmapped since. */
static void read_gil_struct(const struct py_runtime *rt, uint64_t gil, struct py_gil *ret)
{
	uint64_t locked, holder;
	if (failed(py_field(rt, gil, FIELD_gil_locked, &locked)) ||
		failed(py_field(rt, gil, FIELD_gil_last_holder, &holder)))
		return;
	int32_t state = (int32_t)locked;
	if (state < -1 || state > 1 || (state == 1 && holder && !py_plausible(rt, holder)))
		return;
	ret->known = true;
	ret->holder = state == 1 ? holder : 0;
	set_waiting_place(rt, gil, ret);
}

/* _PyThreadState_Current is the thread that holds it. 2.7's lock is a POSIX semaphore on the heap,
 * made with the second thread. */
static void read_gil_static(const struct py_runtime *rt, struct py_gil *ret)
{
	enum { SEMAPHORE_SIZE = 32 };
	uint64_t current, lock;
	if (!rt->var_current || failed(mem_ptr(rt->mem, rt->var_current, &current)))
		return;
	struct py_gil gil = {
		.known = true, .holder = current, .start = rt->gil_start, .end = rt->gil_end
	};
	gil.waiters_known = gil.start;
	if (rt->var_lock && !failed(mem_ptr(rt->mem, rt->var_lock, &lock))) {
		gil.waiters_known = true;
		gil.start = lock;
		gil.end = lock ? lock + SEMAPHORE_SIZE : 0;
	}
	*ret = gil;
}

static void read_gil(const struct py_runtime *rt, struct py_interpreter *in)
{
	uint64_t gil;
	switch (rt->layout.row->gil) {
	case GIL_LOCK_STATIC:
	case GIL_STATICS:
		read_gil_static(rt, &in->gil);
		break;
	case GIL_RUNTIME:
		if (layout_has(&rt->layout, FIELD_runtime_gil))
			read_gil_struct(rt, rt->addr + rt->layout.field[FIELD_runtime_gil].offset,
				&in->gil);
		break;
	case GIL_INTERP:
		if (failed(py_field(rt, in->addr, FIELD_interp_gil, &gil)))
			break;
		in->gil.addr = gil;
		read_gil_struct(rt, gil, &in->gil);
		break;
	}
}

static bool add_interpreter(struct python *p, size_t runtime, uint64_t addr)
{
	const struct py_runtime *rt = &p->runtimes[runtime];
	for (size_t i = 0; i < p->n_interpreters; i++) {
		if (p->interpreters[i].addr == addr)
			return false;
	}
	p->interpreters = xgrow(
		p->interpreters, &p->cap_interpreters, p->n_interpreters, sizeof(*p->interpreters));
	struct py_interpreter *in = &p->interpreters[p->n_interpreters++];
	*in = (struct py_interpreter){ .addr = addr, .runtime = runtime, .id = -1 };
	uint64_t id;
	if (!failed(py_field(rt, addr, FIELD_interp_id, &id)))
		in->id = (int64_t)id;
	in->gc_running = gc_running(rt, addr);
	read_gil(rt, in);
	return true;
}

/* The list is newest first; the last one, the oldest, is the main interpreter. */
static void turn_around(struct py_interpreter *list, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct py_interpreter other = list[i];
		list[i] = list[n - 1 - i];
		list[n - 1 - i] = other;
	}
}

/* To 3.11 all interpreters share one lock, later those whose pointers are the same do. */
static int has_own_gil(const struct py_runtime *rt, const struct py_interpreter *in,
	const struct py_interpreter *main)
{
	if (rt->layout.row->gil != GIL_INTERP || in == main)
		return 0;
	return main && in->gil.addr && main->gil.addr ? in->gil.addr != main->gil.addr : -1;
}

static void mark_main(struct python *p, size_t first, const struct py_runtime *rt)
{
	uint64_t main = 0;
	if (failed(py_field(rt, rt->addr, FIELD_runtime_interpreters_main, &main)) &&
		p->n_interpreters > first)
		main = p->interpreters[first].addr;
	const struct py_interpreter *found = NULL;
	for (size_t i = first; i < p->n_interpreters; i++) {
		struct py_interpreter *in = &p->interpreters[i];
		in->main = in->addr == main;
		found = in->main ? in : found;
		if (in->id < 0)
			in->id = (int64_t)(i - first);
	}
	for (size_t i = first; i < p->n_interpreters; i++)
		p->interpreters[i].gil.own = has_own_gil(rt, &p->interpreters[i], found);
}

/* Only what the thread states say of their interpreters. */
static void walk_orphans(struct python *p, size_t runtime)
{
	const struct py_runtime *rt = &p->runtimes[runtime];
	for (size_t i = 0; i < rt->n_orphans; i++) {
		uint64_t interp;
		if (!failed(py_field(rt, rt->orphans[i], FIELD_tstate_interp, &interp)))
			add_interpreter(p, runtime, interp);
	}
}

void py_walk_interpreters(struct python *p, size_t runtime)
{
	const struct py_runtime *rt = &p->runtimes[runtime];
	size_t first = p->n_interpreters;
	if (rt->n_orphans) {
		walk_orphans(p, runtime);
		mark_main(p, first, rt);
		return;
	}
	uint64_t at;
	struct err e = py_first_interpreter(rt, &at);
	for (size_t steps = 0; !failed(e) && at; steps++) {
		if (steps >= INTERPRETERS_MAX)
			e = err_at(ERR_LIMIT, at, "list of interpreters");
		else if (!add_interpreter(p, runtime, at))
			e = err_at(ERR_CORRUPT, at, "list of interpreters: it is a circle");
		else
			e = py_field(rt, at, FIELD_interp_next, &at);
	}
	if (failed(e))
		problems_damage(&p->target->problems, "interpreters", e);
	turn_around(p->interpreters + first, p->n_interpreters - first);
	mark_main(p, first, rt);
}

void py_count_threads(struct python *p)
{
	CLEANUP(hash_fini) struct hash states = { 0 };
	for (size_t i = 0; i < p->n_threads; i++) {
		const struct py_thread *th = &p->threads[i];
		if (!th->addr)
			continue;
		hash_put(&states, th->addr, i);
		p->interpreters[th->interpreter].n_threads += th->os || th->n_frames;
	}
	for (size_t i = 0; i < p->n_interpreters; i++) {
		struct py_gil *gil = &p->interpreters[i].gil;
		uint64_t holder;
		if (gil->holder && hash_get(&states, gil->holder, &holder))
			gil->thread = &p->threads[holder];
	}
}
