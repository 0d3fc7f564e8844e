/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The variables of a frame.
 *
 * To 3.10 a frame object has an array f_localsplus of locals, then cells, then free variables,
 * named by three tuples of the code object. From 3.11 on there is one tuple of names and a byte for
 * each that tells its kind (Include/internal/pycore_code.h). An argument that an inner function
 * uses stays an argument: its value is in a cell.
 *
 * Module and class bodies and exec'd code keep their names in a mapping, f_locals.
 */
#include "py_internal.h"

#include "objects/objects.h"

#include "pycore/limits.h"

#include <string.h>

enum { /* co_flags (Include/cpython/code.h) */
	CO_OPTIMIZED = 1,
	CO_VARARGS = 4,
	CO_VARKEYWORDS = 8,
};

enum { /* kinds of 3.11 on */
	FAST_CELL = 0x40,
	FAST_FREE = 0x80,
};

/* One name of a code object, and the place of its value in the frame. */
struct slot {
	struct py_text name;
	enum variable_scope scope;
	bool in_cell;
	uint64_t index;
};

struct py_slots {
	struct slot *list;
	size_t n, cap;
	uint64_t flags, omitted;
	struct err why;
};

/* How many of so many names are looked at. */
static uint64_t shown(struct py_slots *s, uint64_t n)
{
	uint64_t most = n < VARIABLES_MAX ? n : VARIABLES_MAX;
	s->omitted += n - most;
	return most;
}

static void add_slot(struct py_slots *s, const struct slot *slot)
{
	s->list = xgrow(s->list, &s->cap, s->n, sizeof(*s->list));
	s->list[s->n++] = *slot;
}

static struct err names_open(
	struct heap *h, uint64_t code, enum field f, struct sequence *ret, bool *ret_some)
{
	struct py_object o;
	uint64_t tuple;
	*ret_some = false;
	TRY(py_field(h->rt, code, f, &tuple));
	if (!tuple)
		return NO_ERR;
	TRY(object_open(h, tuple, &o));
	TRY(sequence_open(&o, ret));
	*ret_some = ret->length > 0;
	return NO_ERR;
}

/* How many of the first names are arguments. */
static struct err count_arguments(struct heap *h, uint64_t code, uint64_t flags, uint64_t *ret)
{
	uint64_t n, only = 0;
	TRY(py_field(h->rt, code, FIELD_code_argcount, &n));
	if (layout_has(&h->rt->layout, FIELD_code_kwonlyargcount))
		TRY(py_field(h->rt, code, FIELD_code_kwonlyargcount, &only));
	*ret = n + only + !!(flags & CO_VARARGS) + !!(flags & CO_VARKEYWORDS);
	return NO_ERR;
}

static bool same_name(const struct py_text *a, const struct py_text *b)
{
	return a->bytes && b->bytes && a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

/* An argument in a cell has two places to 3.10; the cell is right, and 2.7 leaves the argument's
 * first value in the other. */
static bool move_to_cell(struct py_slots *s, const struct slot *cell)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->list[i].scope == SCOPE_ARGUMENT &&
			same_name(&s->list[i].name, &cell->name)) {
			s->list[i].in_cell = true;
			s->list[i].index = cell->index;
			return true;
		}
	}
	return false;
}

static struct err add_tuple(struct heap *h, struct py_slots *s, uint64_t code, enum field f,
	enum variable_scope scope, uint64_t arguments, uint64_t *index)
{
	struct sequence names;
	uint64_t name;
	bool some;
	TRY(names_open(h, code, f, &names, &some));
	for (uint64_t i = 0, n = some ? shown(s, names.length) : 0; i < n; i++) {
		struct slot slot = { .index = *index + i, .in_cell = scope != SCOPE_LOCAL };
		slot.scope = i < arguments ? SCOPE_ARGUMENT : scope;
		TRY(sequence_item(&names, i, &name));
		py_text_read_max(h->p, h->rt, name, VARIABLE_NAME_MAX, &slot.name);
		if (scope != SCOPE_CELL || !move_to_cell(s, &slot))
			add_slot(s, &slot);
	}
	*index += some ? names.length : 0;
	return NO_ERR;
}

/* The code object says how many there are. */
static struct err check_count(struct heap *h, uint64_t code, enum field count, enum field names)
{
	uint64_t tuple, n, length;
	TRY(py_field(h->rt, code, count, &n));
	TRY(py_field(h->rt, code, names, &tuple));
	TRY(py_field(h->rt, tuple, FIELD_varobject_size, &length));
	return n == length ? NO_ERR : err_at(ERR_CORRUPT, tuple, "names of variables");
}

static struct err slots_by_tuples(struct heap *h, struct py_slots *s, uint64_t code)
{
	uint64_t arguments, index = 0;
	TRY(check_count(h, code, FIELD_code_nlocals, FIELD_code_varnames));
	TRY(count_arguments(h, code, s->flags, &arguments));
	TRY(add_tuple(h, s, code, FIELD_code_varnames, SCOPE_LOCAL, arguments, &index));
	TRY(add_tuple(h, s, code, FIELD_code_cellvars, SCOPE_CELL, 0, &index));
	return add_tuple(h, s, code, FIELD_code_freevars, SCOPE_FREE, 0, &index);
}

static struct err slots_by_kinds(struct heap *h, struct py_slots *s, uint64_t code)
{
	struct sequence names;
	struct py_object kinds;
	struct octets bytes;
	uint64_t arguments, name, kind, kinds_at;
	bool some;
	TRY(check_count(h, code, FIELD_code_nlocalsplus, FIELD_code_localsplusnames));
	TRY(count_arguments(h, code, s->flags, &arguments));
	TRY(names_open(h, code, FIELD_code_localsplusnames, &names, &some));
	TRY(py_field(h->rt, code, FIELD_code_localspluskinds, &kinds_at));
	TRY(object_open(h, kinds_at, &kinds));
	TRY(octets_open(&kinds, &bytes));
	uint64_t n = some && names.length < bytes.length ? names.length : some ? bytes.length : 0;
	n = shown(s, n);
	for (uint64_t i = 0; i < n; i++) {
		struct slot slot = { .index = i };
		TRY(sequence_item(&names, i, &name));
		TRY(mem_uint(h->rt->mem, bytes.data + i, 1, &kind));
		py_text_read_max(h->p, h->rt, name, VARIABLE_NAME_MAX, &slot.name);
		slot.in_cell = kind & (FAST_CELL | FAST_FREE);
		slot.scope = i < arguments	? SCOPE_ARGUMENT
			     : kind & FAST_FREE ? SCOPE_FREE
			     : kind & FAST_CELL ? SCOPE_CELL
						: SCOPE_LOCAL;
		add_slot(s, &slot);
	}
	return NO_ERR;
}

static struct err read_slots(struct heap *h, struct py_slots *s, uint64_t code)
{
	TRY(py_field(h->rt, code, FIELD_code_flags, &s->flags));
	switch (h->rt->layout.row->locals) {
	case LOCALS_BY_TUPLES:
		return slots_by_tuples(h, s, code);
	case LOCALS_BY_KINDS:
		return slots_by_kinds(h, s, code);
	}
	__builtin_unreachable();
}

/* The names of a code object, read once for all frames that run it. */
static const struct py_slots *slots_of(struct heap *h, uint64_t code)
{
	uint64_t known;
	if (hash_get(&h->slots, code, &known))
		return (const struct py_slots *)(uintptr_t)known;
	struct py_slots s = { 0 }, *kept = arena_alloc(&h->p->arena, sizeof(*kept));
	s.why = read_slots(h, &s, code);
	*kept = s;
	kept->list = arena_alloc(&h->p->arena, (s.n ? s.n : 1) * sizeof(*s.list));
	if (s.n)
		memcpy(kept->list, s.list, s.n * sizeof(*s.list));
	free(s.list);
	hash_put(&h->slots, code, (uintptr_t)kept);
	return kept;
}

/* Where the name of the type is lost, its shape: nothing else of this size comes into that slot. */
static bool is_cell(const struct py_object *o)
{
	const struct field_at *ref = &o->h->rt->layout.field[FIELD_cell_ref];
	return !strcmp(o->type->full, "cell") ||
	       (!type_is_known(o->type) && o->type->flags & TYPE_GC &&
		       o->type->basicsize == (uint64_t)ref->offset + ref->size);
}

/* What a cell holds; before the function has made it one, the slot holds the argument itself. */
static uint64_t cell_content(struct heap *h, uint64_t word)
{
	struct py_object o;
	uint64_t content, addr = py_untag(h->rt, word);
	if (!addr || failed(object_open(h, addr, &o)) || !is_cell(&o))
		return word;
	return failed(object_get(&o, FIELD_cell_ref, &content)) ? word : content;
}

static enum field localsplus_of(const struct py_runtime *rt)
{
	return rt->layout.row->frames == FRAMES_OBJECTS ? FIELD_frame_localsplus
							: FIELD_iframe_localsplus;
}

/* A body's names are in its mapping; cells with names of the language's own, __classdict__ say, are
 * the compiler's (3.12 on). */
static bool is_hidden(const struct py_slots *s, const struct slot *slot)
{
	return !(s->flags & CO_OPTIMIZED) && slot->scope == SCOPE_CELL && py_is_dunder(&slot->name);
}

static struct err add_fast(
	struct heap *h, uint64_t frame, const struct py_slots *s, struct variables *to)
{
	const struct layout *l = &h->rt->layout;
	enum field f = localsplus_of(h->rt);
	if (!layout_has(l, f))
		return err_of(ERR_ABSENT, field_name(f));
	uint64_t base = frame + l->field[f].offset, word;
	for (enum variable_scope scope = SCOPE_ARGUMENT; scope <= SCOPE_FREE; scope++) {
		for (size_t i = 0; i < s->n; i++) {
			const struct slot *slot = &s->list[i];
			if (slot->scope != scope || is_hidden(s, slot))
				continue;
			TRY(mem_ptr(h->rt->mem, base + slot->index * l->key.ptr_size, &word));
			if (slot->in_cell)
				word = cell_content(h, word);
			if (!py_variables_fit(h, to)) {
				to->omitted += !!py_untag(h->rt, word);
				continue;
			}
			const struct py_value *value = py_value_of_slot(h, word);
			if (value)
				py_add_variable(to, &slot->name, scope, value);
		}
	}
	return NO_ERR;
}

static struct err add_mapping(
	struct heap *h, uint64_t mapping, bool is_module, struct variables *to)
{
	struct py_object o;
	struct dict d;
	uint64_t key, value;
	TRY(object_open(h, mapping, &o));
	if (!(o.type->flags & TYPE_DICT))
		return err_at(ERR_UNSUPPORTED, mapping, "f_locals that is no dict");
	TRY(dict_open(h, mapping, &d));
	while (py_variables_fit(h, to) && dict_next(&d, &key, &value)) {
		struct py_text name;
		str_text_max(h, key, VARIABLE_NAME_MAX, &name);
		if (!is_module || !py_is_dunder(&name))
			py_add_variable(to, &name, SCOPE_LOCAL, py_value_at(h, value));
	}
	to->omitted += d.used > d.seen ? d.used - d.seen : 0;
	return d.why;
}

static struct err add_body(struct heap *h, uint64_t frame, struct variables *to)
{
	bool objects = h->rt->layout.row->frames == FRAMES_OBJECTS;
	uint64_t locals, globals;
	TRY(py_field(h->rt, frame, objects ? FIELD_frame_locals : FIELD_iframe_locals, &locals));
	TRY(py_field(h->rt, frame, objects ? FIELD_frame_globals : FIELD_iframe_globals, &globals));
	return locals ? add_mapping(h, locals, locals == globals, to) : NO_ERR;
}

const struct py_variables *py_read_variables(
	struct python *p, struct py_runtime *rt, uint64_t frame, const struct py_code *c)
{
	struct heap *h = py_heap(p, rt);
	struct variables v = { .why = c->why };
	if (!failed(v.why)) {
		const struct py_slots *s = slots_of(h, c->addr);
		v.why = s->why;
		v.omitted = s->omitted;
		if (!(s->flags & CO_OPTIMIZED) && !failed(v.why))
			v.why = add_body(h, frame, &v);
		struct err e = add_fast(h, frame, s, &v);
		if (!failed(v.why))
			v.why = e;
	}
	return py_keep_variables(p, &v);
}
