/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the module `threading` calls the threads. Each interpreter that has imported it has a dict
 * threading._active of its own, by thread id, of Thread objects with their names in attributes. The
 * dict is made once and never replaced, so where it is can be found while a live process runs.
 */
#include "objects/objects.h"

#include "pycore/limits.h"

/* The ids of the OS threads, by the states of the main interpreters. */
static void index_ids(const struct python *p, struct hash *ret)
{
	for (size_t i = 0; i < p->n_threads; i++) {
		const struct py_thread *th = &p->threads[i];
		if (th->addr && th->os && p->interpreters[th->interpreter].main)
			hash_put(ret, (uintptr_t)th->os, th->thread_id);
	}
}

/* The id by which a thread calls itself: a sub-interpreter's state may keep the one of another
 * thread. */
static uint64_t ident_of(const struct python *p, const struct hash *ids, const struct py_thread *th)
{
	uint64_t id = th->os ? py_thread_id_of(p->target, th->os) : 0;
	if (id)
		return id;
	return th->os && hash_get(ids, (uintptr_t)th->os, &id) ? id : th->thread_id;
}

/* The threads of one interpreter by their ids. A state that no thread has taken over yet can bear
 * the id of one that has. Returns how many there are. */
static size_t index_threads(
	const struct python *p, const struct hash *ids, size_t interpreter, struct hash *ret)
{
	size_t n = 0;
	for (int bound = 1; bound >= 0; bound--) {
		for (size_t i = 0; i < p->n_threads; i++) {
			const struct py_thread *th = &p->threads[i];
			uint64_t other;
			if (!th->addr || th->interpreter != interpreter || !th->os != !bound)
				continue;
			n++;
			if (bound || !hash_get(ret, ident_of(p, ids, th), &other))
				hash_put(ret, ident_of(p, ids, th), i);
		}
	}
	return n;
}

/* An attribute by its name, or by the one that it had in 2.7, where it was private to its class. */
static bool either(const struct py_object *o, const char *name, const char *old_name, uint64_t *ret)
{
	return attribute_find(o, name, ret) || attribute_find(o, old_name, ret);
}

static void read_name(struct heap *h, uint64_t thread, struct py_thread *th)
{
	struct py_object o;
	uint64_t v;
	int64_t daemon;
	th->name.why = object_open(h, thread, &o);
	if (failed(th->name.why))
		return;
	if (either(&o, "_name", "_Thread__name", &v))
		str_text_of(h, v, &th->name);
	else
		th->name.why = err_at(ERR_ABSENT, thread, "name of a thread");
	if (either(&o, "_daemonic", "_Thread__daemonic", &v) &&
		!failed(int_value_at(h, v, &daemon)))
		th->daemon = daemon != 0;
}

static struct err read_names(struct python *p, struct heap *h, uint64_t dict, struct hash *by_id)
{
	struct dict d;
	uint64_t key, value, i;
	int64_t ident;
	TRY(dict_open(h, dict, &d));
	while (dict_next(&d, &key, &value)) {
		if (!failed(int_value_at(h, key, &ident)) && hash_get(by_id, (uint64_t)ident, &i))
			read_name(h, value, &p->threads[i]);
	}
	return d.why;
}

static void name_interpreter(struct python *p, const struct hash *ids, size_t interpreter)
{
	const struct py_interpreter *in = &p->interpreters[interpreter];
	struct py_runtime *rt = &p->runtimes[in->runtime];
	CLEANUP(hash_fini) struct hash by_id = { 0 };
	size_t n = index_threads(p, ids, interpreter, &by_id);
	/* a program of one thread can do without the module; a second look would take its time */
	uint64_t threads = py_known_object(p, in, KNOWN_THREADS, n > 1);
	if (!threads)
		return;
	struct err e = read_names(p, py_heap(p, rt), threads, &by_id);
	for (size_t i = 0; failed(e) && i < p->n_threads; i++) {
		struct py_thread *th = &p->threads[i];
		if (th->addr && th->interpreter == interpreter && !th->name.bytes)
			th->name.why = e;
	}
}

void py_name_threads(struct python *p)
{
	for (size_t i = 0; i < p->n_threads; i++) {
		p->threads[i].name = (struct py_text){ 0 };
		p->threads[i].daemon = -1;
	}
	CLEANUP(hash_fini) struct hash ids = { 0 };
	index_ids(p, &ids);
	for (size_t i = 0; i < p->n_interpreters; i++)
		name_interpreter(p, &ids, i);
	for (size_t i = 0; p->options.limits.redact && i < p->n_threads; i++)
		py_redact_text(p, &p->threads[i].name);
}
