/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The globals of the modules on the stacks: what a module itself defines. What it imported is left
 * out: modules, and functions and classes that name another module as theirs.
 */
#include "py_internal.h"

#include "objects/objects.h"

#include "pycore/limits.h"

#include <string.h>

/* __module__ of a function or class; false: the object names no module. */
static bool defined_in(struct heap *h, uint64_t addr, struct py_text *ret)
{
	struct py_object o;
	const struct py_type *t;
	uint64_t module;
	if (failed(object_open(h, addr, &o)))
		return false;
	if (o.type->flags & TYPE_TYPE && !failed(type_at(h, addr, &t))) {
		*ret = (struct py_text){ .bytes = t->module, .len = strlen(t->module) };
		return true;
	}
	if (strcmp(o.type->full, "function") != 0 ||
		failed(object_get(&o, FIELD_function_module, &module)) || !module)
		return false;
	str_text_of(h, module, ret);
	return ret->bytes;
}

static bool is_own(struct heap *h, uint64_t value, const struct py_text *module)
{
	struct py_object o;
	struct py_text other;
	if (!failed(object_open(h, value, &o)) && !strcmp(o.type->full, "module"))
		return false;
	return !defined_in(h, value, &other) || !module->bytes ||
	       (other.len == module->len && !memcmp(other.bytes, module->bytes, other.len));
}

static void read_module(struct heap *h, struct py_globals *g)
{
	struct variables v = { 0 };
	struct dict d;
	uint64_t key, value;
	if (dict_find(h, g->addr, "__name__", &value))
		str_text_of(h, value, &g->module);
	v.why = dict_open(h, g->addr, &d);
	while (!failed(v.why) && py_variables_fit(h, &v) && dict_next(&d, &key, &value)) {
		struct py_text name;
		str_text_max(h, key, VARIABLE_NAME_MAX, &name);
		if (!py_is_dunder(&name) && is_own(h, value, &g->module))
			py_add_variable(&v, &name, SCOPE_LOCAL, py_value_at(h, value));
	}
	if (!failed(v.why)) {
		v.why = d.why;
		v.omitted += d.used > d.seen ? d.used - d.seen : 0;
	}
	g->names = *py_keep_variables(h->p, &v);
}

static void add_frame(struct python *p, const struct py_thread *th, const struct py_frame *f,
	struct hash *seen, struct py_globals ***end)
{
	struct py_runtime *rt = py_runtime_of(p, th);
	bool objects = rt->layout.row->frames == FRAMES_OBJECTS;
	uint64_t globals;
	if (failed(py_field(
		    rt, f->addr, objects ? FIELD_frame_globals : FIELD_iframe_globals, &globals)) ||
		!globals || !hash_put(seen, globals, 0))
		return;
	struct py_globals *g = arena_alloc(&p->arena, sizeof(*g));
	g->interpreter = th->interpreter;
	g->addr = globals;
	read_module(py_heap(p, rt), g);
	**end = g;
	*end = &g->next;
}

void py_read_globals(struct python *p)
{
	CLEANUP(hash_fini) struct hash seen = { 0 };
	struct py_globals **end = &p->globals;
	p->globals = NULL;
	for (size_t i = 0; i < p->n_threads; i++) {
		const struct py_thread *th = &p->threads[i];
		for (size_t k = 0; th->addr && k < th->n_frames; k++)
			add_frame(p, th, &th->frames[k], &seen, &end);
	}
}
