/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that a module makes once and never replaces: where they are can be found while a live
 * process runs, so that it need not wait for a walk over sys.modules when it is stopped.
 */
#include "objects/objects.h"

#include "pycore/limits.h"

struct known {
	uint64_t interpreter;
	uint64_t objects[KNOWN_COUNT]; /* 0: was not there */
	struct known *next;
};

static const struct {
	const char *module, *name;
} places[KNOWN_COUNT] = {
	[KNOWN_THREADS] = { "threading", "_active" },
	[KNOWN_LINECACHE] = { "linecache", "cache" },
};

static void look(struct python *p, struct py_runtime *rt, struct known *k, enum known_object what)
{
	if (!module_find(py_heap(p, rt), k->interpreter, places[what].module, places[what].name,
		    &k->objects[what]))
		k->objects[what] = 0;
}

static struct known *known_of(struct python *p, struct py_runtime *rt, uint64_t interpreter)
{
	struct known *k = p->known;
	while (k && k->interpreter != interpreter)
		k = k->next;
	if (k)
		return k;
	k = arena_alloc(&p->arena, sizeof(*k));
	k->interpreter = interpreter;
	k->next = p->known;
	p->known = k;
	for (enum known_object what = 0; what < KNOWN_COUNT; what++)
		look(p, rt, k, what);
	return k;
}

void py_find_known(struct python *p)
{
	for (size_t i = 0; i < p->n_runtimes; i++) {
		struct py_runtime *rt = &p->runtimes[i];
		uint64_t at = 0;
		struct err e = rt->n_orphans ? NO_ERR : py_first_interpreter(rt, &at);
		for (size_t n = 0; !failed(e) && at && n < INTERPRETERS_MAX; n++) {
			known_of(p, rt, at);
			e = py_field(rt, at, FIELD_interp_next, &at);
		}
	}
}

uint64_t py_known_object(
	struct python *p, const struct py_interpreter *in, enum known_object what, bool look_again)
{
	struct py_runtime *rt = &p->runtimes[in->runtime];
	struct known *k = known_of(p, rt, in->addr);
	if (!k->objects[what] && look_again)
		look(p, rt, k, what);
	return k->objects[what];
}
