/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core that is cut off often loses the libraries' data, which lie high in memory, and with them
 * the runtime; the heap, where most thread states lie, is still there. A thread state holds its
 * thread's pthread_t, which is the thread pointer that the notes at the core's beginning give for
 * every thread: each word in writable memory that is one of these, with what must stand around it,
 * gives a thread state back.
 */
#include "py_internal.h"

#include "pycore/limits.h"

#include <string.h>

struct orphan_search {
	struct py_runtime *rt;
	struct hash tls; /* thread pointer -> index of the OS thread */
	uint64_t *list;
	size_t n, cap;
};

static bool is_lost(struct err e)
{
	return e.code == ERR_TRUNCATED || e.code == ERR_NOT_SAVED;
}

/* Whether a thread state points to that interpreter, as far as it is there. */
static bool belongs(const struct py_runtime *rt, uint64_t tstate, uint64_t interp)
{
	uint64_t back;
	struct err e = py_field(rt, tstate, FIELD_tstate_interp, &back);
	return py_plausible(rt, tstate) && (failed(e) ? is_lost(e) : back == interp);
}

/* Whether that is an interpreter: the first of its thread states belongs to it. */
static bool is_interpreter(const struct py_runtime *rt, uint64_t interp)
{
	uint64_t first;
	struct err e = py_field(rt, interp, FIELD_interp_threads_head, &first);
	return py_plausible(rt, interp) && (failed(e) ? is_lost(e) : belongs(rt, first, interp));
}

/* Whether the struct around this word is the thread state of that thread: its frames begin with one
 * of real code, or it has none. */
static bool is_thread_state(struct orphan_search *s, uint64_t tstate, const struct os_thread *os)
{
	const struct py_runtime *rt = s->rt;
	uint64_t interp, next, native;
	if (tstate % rt->layout.key.ptr_size ||
		failed(py_field(rt, tstate, FIELD_tstate_interp, &interp)) ||
		!is_interpreter(rt, interp) ||
		failed(py_field(rt, tstate, FIELD_tstate_next, &next)) ||
		(next && !belongs(rt, next, interp)))
		return false;
	if (layout_has(&rt->layout, FIELD_tstate_native_thread_id) &&
		(failed(py_field(rt, tstate, FIELD_tstate_native_thread_id, &native)) ||
			native != (uint64_t)os->ns_tid))
		return false;
	return py_frames_plausible(rt, tstate);
}

static bool see_thread_pointer(void *ctx, const uint8_t *bytes, uint64_t addr, size_t n)
{
	struct orphan_search *s = ctx;
	const struct layout *l = &s->rt->layout;
	unsigned word = l->key.ptr_size;
	uint64_t offset = l->field[FIELD_tstate_thread_id].offset;
	for (size_t i = 0; i + word <= n; i += word) {
		uint64_t v = bytes_uint(bytes + i, word, l->key.order), os,
			 tstate = addr + i - offset;
		if (v < 4096 || !hash_get(&s->tls, v, &os) ||
			!is_thread_state(s, tstate, &s->rt->target->threads[os]))
			continue;
		s->list = xgrow(s->list, &s->cap, s->n, sizeof(*s->list));
		s->list[s->n++] = tstate;
	}
	return s->n >= SCAN_HITS_MAX;
}

static void search(struct python *p, struct orphan_search *s)
{
	struct mem *mem = s->rt->mem;
	struct mem_range r;
	for (uint64_t at = 0; mem_next_range(mem, at, &r) && r.end > at; at = r.end) {
		if (r.perm & MEM_WRITE && r.readable &&
			py_see_range(p, r.start, r.end, see_thread_pointer, s))
			return;
	}
}

/* Searches with the layout of the Python that an image is by its name. */
static bool try_image(struct python *p, struct image *img, bool micro_known)
{
	struct target *t = p->target;
	struct py_runtime rt = {
		.target = t, .mem = t->mem, .image = img, .found_by = FOUND_BY_THREADS
	};
	struct orphan_search s = { .rt = &rt };
	struct py_version v;
	if (!py_version_find(p, img, 0, &v) || v.micro_known != micro_known ||
		failed(layout_pick(&v.key, false, &rt.layout)))
		return false;
	for (size_t i = 0; i < t->n_threads; i++) {
		uint64_t id = py_thread_id_of(t, &t->threads[i]);
		if (id)
			hash_put(&s.tls, id, i);
	}
	rt.layout.assumed |= !v.micro_known;
	rt.micro_known = v.micro_known;
	memcpy(rt.version, v.text, sizeof(rt.version));
	search(p, &s);
	hash_fini(&s.tls);
	if (s.n) {
		rt.n_orphans = s.n;
		rt.orphans = memcpy(arena_alloc(&p->arena, s.n * sizeof(*s.list)), s.list,
			s.n * sizeof(*s.list));
		p->runtimes =
			xgrow(p->runtimes, &p->cap_runtimes, p->n_runtimes, sizeof(*p->runtimes));
		p->runtimes[p->n_runtimes++] = rt;
		problems_damagef(&t->problems, img->path,
			"Python's own state is not in the core: these threads were found by their "
			"ids, others may be missing");
	}
	free(s.list);
	return s.n;
}

void py_find_orphans(struct python *p)
{
	size_t n = p->target->n_images;
	for (size_t i = 0; i < 2 * n; i++) {
		if (try_image(p, &p->target->images[i % n], i < n))
			return;
	}
}
