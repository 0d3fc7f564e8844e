/* SPDX-License-Identifier: Apache-2.0 */
/* One value being written: which row shows it, how deep it may go, and what stands where something
 * is cut off or damaged. */
#include "repr.h"

#include "format.h"

#include "pycore/keyed_hash.h"
#include "pycore/limits.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

void repr_put(struct repr *r, const char *text)
{
	str_puts(r->to, text);
}

void repr_putf(struct repr *r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	str_vaddf(r->to, fmt, ap);
	va_end(ap);
}

/* Of what contradicts itself the name says it all; else also why it could not be had. */
void repr_damage(struct repr *r, struct err why)
{
	repr_putf(r, "<damaged: %s", why.what ? why.what : "memory");
	if (why.code != ERR_CORRUPT)
		repr_putf(r, ": %s", err_code_text(why.code));
	if (why.addr)
		repr_putf(r, ", at 0x%" PRIx64, why.addr);
	repr_put(r, ">");
	r->damaged = true;
}

static bool too_deep(const struct repr *r)
{
	return r->depth > r->limits->max_depth;
}

/* Room for the whole value is used up. */
static bool is_full(struct repr *r)
{
	bool full = !r->nodes_left || r->to->len > VALUE_BYTES_MAX;
	r->truncated |= full;
	return full;
}

struct items items_begin(struct repr *r, const char *open, const char *close, uint64_t total)
{
	repr_put(r, open);
	return (struct items){ .r = r, .close = close, .total = total };
}

bool items_fit(const struct repr *r)
{
	return r->limits->max_items && !too_deep(r);
}

bool items_more(struct items *it)
{
	struct repr *r = it->r;
	if (it->shown >= it->total)
		return false;
	bool cut = it->shown >= r->limits->max_items || too_deep(r) || is_full(r);
	if (it->shown)
		repr_put(r, ", ");
	if (cut) {
		repr_putf(r, "... +%" PRIu64 " more", it->total - it->shown);
		r->truncated = true;
		return false;
	}
	it->shown++;
	return true;
}

void items_end(struct items *it)
{
	repr_put(it->r, it->close);
}

/* Whether the object is one of the n outermost that are being written. */
static bool is_among(const struct repr *r, unsigned n, uint64_t addr)
{
	for (unsigned i = 0; i < n; i++) {
		if (r->path[i] == addr)
			return true;
	}
	return false;
}

bool repr_is_inside(const struct repr *r, uint64_t addr)
{
	return r->depth && is_among(r, r->depth - 1, addr);
}

static const struct kind *row_of(struct heap *h, const struct py_type *t)
{
	if (!t->has_row) {
		struct py_type *own = (struct py_type *)(uintptr_t)t; /* its own cache */
		const struct py_type *by = t->repr_by;
		own->row = by ? by->own : t->own;
		if (!own->row && by)
			own->row = kind_of_class(h, t);
		/* a class is told by its name, whatever its metaclass would say */
		if (!own->row && t->flags & TYPE_TYPE)
			own->row = kind_find("type", false);
		own->has_row = true;
	}
	return t->row;
}

/* The name that repr() of an instance gives its class: qualified since 3.x. */
static void put_head(struct repr *r, const struct py_object *o)
{
	const struct py_type *t = o->type;
	bool builtin =
		!*t->module || !strcmp(t->module, "builtins") || !strcmp(t->module, "__builtin__");
	const char *name = r->h->rt->layout.row->repr & REPR_BYTE_STRINGS ? t->name : t->qualname;
	r->damaged |= !type_is_known(t);
	if (!type_is_known(t))
		repr_putf(r, "<object of unknown type at 0x%" PRIx64 ">", o->addr);
	else if (builtin)
		repr_putf(r, "<%s object at 0x%" PRIx64 ">", name, o->addr);
	else
		repr_putf(r, "<%s.%s object at 0x%" PRIx64 ">", t->module, name, o->addr);
}

static struct err render_inside(struct repr *r, const struct py_object *o, render_fn *render)
{
	unsigned guarded = r->guarded;
	r->path[r->depth++] = o->addr;
	r->guarded = r->calls;
	struct err e = render(r, o);
	r->guarded = guarded;
	r->depth--;
	return e;
}

/* Counts for the depth, and looks whether the object is inside of itself. */
static struct err render_guarded(
	struct repr *r, const struct py_object *o, const struct kind *k, render_fn *write)
{
	if (!(k && k->flags & KIND_UNGUARDED) && is_among(r, r->depth, o->addr)) {
		if (k)
			repr_put(r, k->recursion ? k->recursion : "...");
		else
			put_head(r, o);
		return NO_ERR;
	}
	/* what is written around one object without counting it, a proxy say, has its end here */
	if (r->depth > r->limits->max_depth + 1 || r->depth > REPR_DEPTH_MAX) {
		repr_putf(r, "<%s ...>", o->type->full);
		r->truncated = true;
		return NO_ERR;
	}
	return render_inside(r, o, write);
}

static struct err render(struct repr *r, const struct py_object *o)
{
	const struct kind *k = row_of(r->h, o->type);
	if (k && k->flags & KIND_TEXT && r->limits->redact)
		return repr_redacted(r, o);
	if (k && !(k->flags & KIND_CONTAINER))
		return k->render(r, o);
	return k ? render_guarded(r, o, k, k->render) : render_object(r, o);
}

void repr_value(struct repr *r, uint64_t addr)
{
	struct py_object o;
	if (is_full(r) || r->calls >= REPR_CALLS_MAX) {
		repr_put(r, "...");
		r->truncated = true;
		return;
	}
	r->nodes_left--;
	r->calls++;
	size_t mark = r->to->len;
	unsigned depth = r->depth;
	struct err e = addr ? object_open(r->h, addr, &o)
			    : err_of(ERR_CORRUPT, "NULL in place of an object");
	if (!failed(e))
		e = render(r, &o);
	r->calls--;
	if (!failed(e))
		return;
	str_cut(r->to, mark);
	r->depth = depth;
	repr_damage(r, e);
}

void repr_unredacted(struct repr *r, uint64_t addr)
{
	const struct value_limits *limits = r->limits;
	struct value_limits open = *limits;
	open.redact = false;
	r->limits = &open;
	repr_value(r, addr);
	r->limits = limits;
}

/* Identifiers, <lambda>, paths: what a program calls things, not what it knows of the world. */
static bool is_name(const struct py_text *text)
{
	static const char marks[] = "_./<>-";
	for (size_t i = 0; i < text->len; i++) {
		uint8_t c = (uint8_t)text->bytes[i];
		if (c < 0x80 && !isalnum(c) && (!c || !strchr(marks, c)))
			return false;
	}
	return true;
}

static void redact_label(struct repr *r, uint64_t str)
{
	struct py_object o;
	struct err e = object_open(r->h, str, &o);
	if (!failed(e))
		e = repr_redacted(r, &o);
	if (failed(e))
		repr_damage(r, e);
}

void repr_name(struct repr *r, uint64_t str)
{
	struct py_text text;
	unsigned max = r->limits->max_string;
	str_text_max(r->h, str, max > VARIABLE_NAME_MAX ? max : VARIABLE_NAME_MAX, &text);
	if (!text.bytes) {
		repr_damage(r, text.why);
		return;
	}
	if (r->limits->redact && !is_name(&text)) {
		redact_label(r, str);
		return;
	}
	str_add(r->to, text.bytes, text.len);
	repr_put(r, text.cut ? "..." : "");
	r->truncated |= text.cut;
}

void repr_label(struct repr *r, uint64_t str)
{
	if (r->limits->redact)
		redact_label(r, str);
	else
		repr_name(r, str);
}

/* A dict of attributes can have other keys than names. */
static void put_attribute_name(struct repr *r, uint64_t name)
{
	struct py_object o;
	if (!failed(object_open(r->h, name, &o)) && !(o.type->flags & (TYPE_STR | TYPE_BYTES)))
		repr_value(r, name);
	else
		repr_name(r, name);
	repr_put(r, "=");
}

/* How many there are, to say how many are left out. */
static uint64_t count_attributes(const struct py_object *o)
{
	struct attributes a;
	uint64_t name, value, n = 0;
	attributes_open(o, &a);
	while (n < DICT_STEPS_MAX && attributes_next(&a, &name, &value))
		n++;
	return n;
}

void repr_attributes(struct repr *r, const struct py_object *o)
{
	struct attributes a;
	uint64_t name, value, total = count_attributes(o);
	attributes_open(o, &a);
	if (total) {
		struct items it = items_begin(r, " {", "}", total);
		while (items_more(&it) && attributes_next(&a, &name, &value)) {
			put_attribute_name(r, name);
			repr_value(r, value);
		}
		items_end(&it);
	}
	if (failed(a.why)) {
		repr_put(r, " ");
		repr_damage(r, a.why);
	}
}

struct err repr_attributes_of(struct repr *r, uint64_t dict)
{
	struct dict d;
	uint64_t name, value;
	if (!dict)
		return NO_ERR;
	TRY(dict_open(r->h, dict, &d));
	struct items it = items_begin(r, d.used ? " {" : "", d.used ? "}" : "", d.used);
	while (items_more(&it) && dict_next(&d, &name, &value)) {
		put_attribute_name(r, name);
		repr_value(r, value);
	}
	items_end(&it);
	return d.why;
}

static struct err put_shape(struct repr *r, const struct py_object *o, const struct kind *shape)
{
	unsigned shaped = r->shaped;
	repr_put(r, " ");
	if (shape->flags & KIND_TEXT && r->limits->redact)
		return repr_redacted(r, o);
	r->shaped = r->calls;
	struct err e = shape->render(r, o);
	r->shaped = shaped;
	return e;
}

static struct err put_object(struct repr *r, const struct py_object *o)
{
	const struct kind *shape = o->type->shape ? o->type->shape->own : NULL;
	put_head(r, o);
	if (shape && shape != o->type->row) /* else its own row does not know what to write */
		TRY(put_shape(r, o, shape));
	repr_attributes(r, o);
	return NO_ERR;
}

/* Rows come here, too, where an object is not as they know it, whether they are containers or not;
 * behind a head there is nothing more to say then. */
struct err render_object(struct repr *r, const struct py_object *o)
{
	if (r->shaped == r->calls)
		return NO_ERR;
	return r->guarded == r->calls ? put_object(r, o) : render_guarded(r, o, NULL, put_object);
}
