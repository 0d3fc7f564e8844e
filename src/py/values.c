/* SPDX-License-Identifier: Apache-2.0 */
/* Values: objects as text, each written once for all the variables that hold it. */
#include "py_internal.h"

#include "objects/repr.h"

#include "pycore/keyed_hash.h"
#include "pycore/limits.h"

#include <inttypes.h>
#include <string.h>

struct heap *py_heap(struct python *p, struct py_runtime *rt)
{
	if (!rt->heap) {
		rt->heap = xcalloc(1, sizeof(*rt->heap));
		rt->heap->p = p;
		rt->heap->rt = rt;
	}
	return rt->heap;
}

void py_forget_values(struct python *p)
{
	for (size_t i = 0; i < p->n_runtimes; i++) {
		struct heap *h = p->runtimes[i].heap;
		if (!h)
			continue;
		hash_clear(&h->types);
		hash_clear(&h->values);
		hash_clear(&h->slots);
		hash_clear(&h->static_names);
		h->has_static_names = false;
	}
}

void py_free_heaps(struct python *p)
{
	for (size_t i = 0; i < p->n_runtimes; i++) {
		struct heap *h = p->runtimes[i].heap;
		if (!h)
			continue;
		hash_fini(&h->types);
		hash_fini(&h->values);
		hash_fini(&h->slots);
		hash_fini(&h->static_names);
		free(h);
		p->runtimes[i].heap = NULL;
	}
}

void py_note_lost_names(struct python *p)
{
	for (size_t i = 0; i < p->n_runtimes; i++) {
		const struct py_runtime *rt = &p->runtimes[i];
		if (!rt->heap || !rt->heap->has_static_names)
			continue;
		problems_notef(&p->target->problems,
			rt->image && rt->image->path[0] ? rt->image->path : "Python",
			"this file is not here as it was, and the core leaves out its names of "
			"built-in types and functions: those that no module tells are unknown");
	}
}

static void take_text(struct heap *h, struct py_value *v, const struct str *text)
{
	v->text = (struct py_text){
		.bytes = arena_copy(&h->p->arena, str_text(text), text->len),
		.len = text->len,
	};
}

/* Of a text only its length and hash are told. */
static void redact(struct heap *h, const struct py_object *o, struct py_value *v)
{
	const struct kind *k = o->type->shape ? o->type->shape->own : NULL;
	v->redacted = h->p->options.limits.redact && k && k->flags & KIND_TEXT &&
		      !failed(text_redaction(o, &v->length, &v->hash));
}

static void write_value(struct heap *h, struct py_value *v)
{
	struct py_object o;
	AUTO_STR(text);
	struct repr r = { .h = h, .limits = &h->p->options.limits, .to = &text };
	v->why = object_open(h, v->addr, &o);
	if (failed(v->why)) {
		repr_damage(&r, v->why);
		v->damaged = true;
		take_text(h, v, &text);
		return;
	}
	v->type = type_is_known(o.type) ? o.type->full : NULL;
	v->oddity = object_oddity(&o);
	bool full = h->values_bytes > VALUE_BYTES_TOTAL_MAX;
	uint64_t left = full ? 0 : VALUE_NODES_TOTAL_MAX - h->values_nodes, may = VALUE_NODES_MAX;
	r.nodes_left = may < left ? may : left;
	uint64_t begin = r.nodes_left;
	redact(h, &o, v);
	repr_value(&r, v->addr);
	h->values_nodes += begin - r.nodes_left;
	h->values_bytes += text.len;
	v->truncated = r.truncated;
	v->damaged = r.damaged;
	take_text(h, v, &text);
}

const struct py_value *py_value_at(struct heap *h, uint64_t addr)
{
	uint64_t known;
	if (hash_get(&h->values, addr, &known))
		return (const struct py_value *)(uintptr_t)known;
	struct py_value *v = arena_alloc(&h->p->arena, sizeof(*v));
	v->addr = addr;
	hash_put(&h->values, addr, (uintptr_t)v);
	write_value(h, v);
	return v;
}

/* 3.14 keeps small numbers in the slot itself (Include/internal/pycore_stackref.h). */
static const struct py_value *tagged_int(struct heap *h, uint64_t word)
{
	enum { TAG_BITS = 2 };
	unsigned spare = 64 - 8 * h->rt->layout.key.ptr_size;
	struct py_value *v = arena_alloc(&h->p->arena, sizeof(*v));
	AUTO_STR(text);
	str_addf(&text, "%" PRId64, (int64_t)(word << spare) >> spare >> TAG_BITS);
	v->type = "int";
	take_text(h, v, &text);
	return v;
}

const struct py_value *py_value_of_slot(struct heap *h, uint64_t word)
{
	uint64_t mask = h->rt->layout.row->ref_tag_mask, addr = py_untag(h->rt, word);
	if (mask && (word & mask) == mask)
		return tagged_int(h, word);
	return addr ? py_value_at(h, addr) : NULL;
}

static size_t characters(const struct py_text *text)
{
	size_t n = 0;
	for (size_t i = 0; i < text->len; i++)
		n += ((uint8_t)text->bytes[i] & 0xc0) != 0x80;
	return n;
}

void py_redact_text(struct python *p, struct py_text *text)
{
	AUTO_STR(said);
	if (!text->bytes)
		return;
	str_addf(&said, "<str of length %zu, hash %016" PRIx64 ">", characters(text),
		keyed_hash(text->bytes, text->len));
	text->bytes = arena_copy(&p->arena, str_text(&said), said.len);
	text->len = said.len;
}

bool py_is_dunder(const struct py_text *name)
{
	return name->bytes && name->len > 4 && !memcmp(name->bytes, "__", 2) &&
	       !memcmp(name->bytes + name->len - 2, "__", 2);
}

/* Names count like values, so that a report of nothing but names has an end too. */
bool py_variables_fit(struct heap *h, const struct variables *v)
{
	h->values_bytes += VARIABLE_NAME_MAX;
	return v->n < VARIABLES_MAX && h->values_bytes < VALUE_BYTES_TOTAL_MAX;
}

void py_add_variable(struct variables *to, const struct py_text *name, enum variable_scope scope,
	const struct py_value *value)
{
	to->list = xgrow(to->list, &to->cap, to->n, sizeof(*to->list));
	to->list[to->n++] = (struct py_variable){ .name = *name, .scope = scope, .value = value };
}

const struct py_variables *py_keep_variables(struct python *p, struct variables *v)
{
	struct py_variables *kept = arena_alloc(&p->arena, sizeof(*kept));
	kept->list = arena_alloc(&p->arena, (v->n ? v->n : 1) * sizeof(*v->list));
	if (v->n)
		memcpy(kept->list, v->list, v->n * sizeof(*v->list));
	kept->len = v->n;
	kept->omitted = v->omitted;
	kept->why = v->why;
	free(v->list);
	*v = (struct variables){ 0 };
	return kept;
}
