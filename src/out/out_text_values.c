/* SPDX-License-Identifier: Apache-2.0 */
/* Values: the variables of frames and modules, and objects by their addresses. A value is a repr()
 * already, so that a backslash in it stands for itself and is not doubled. */
#include "out_text.h"

#include <inttypes.h>

static void put_value(struct out *o, const struct py_value *v)
{
	text_put_name(o, &v->text);
	o->damage |= v->damaged;
	if (v->oddity)
		str_addf(&o->buf, "  [%s]", v->oddity);
}

/* A cell variable belongs to this frame and is shared with inner functions, a free one belongs to
 * an outer function; arguments and locals need no word. */
static void put_variable(struct out *o, const struct py_variable *v)
{
	text_put_name(o, &v->name);
	if (v->scope == SCOPE_CELL)
		str_puts(&o->buf, " (cell)");
	if (v->scope == SCOPE_FREE)
		str_puts(&o->buf, " (free)");
	str_puts(&o->buf, " = ");
	put_value(o, v->value);
	str_putc(&o->buf, '\n');
}

void text_put_variables(struct out *o, const struct py_variables *v, const char *indent)
{
	for (size_t i = 0; i < v->len; i++) {
		str_puts(&o->buf, indent);
		put_variable(o, &v->list[i]);
	}
	if (v->omitted)
		str_addf(&o->buf, "%s... and %zu more\n", indent, v->omitted);
	if (failed(v->why)) {
		str_puts(&o->buf, indent);
		text_put_error(o, v->len ? "the others: " : "variables: ", v->why);
		str_putc(&o->buf, '\n');
	}
}

void text_globals(struct out *o, const struct python *p)
{
	for (const struct py_globals *g = p->globals; g; g = g->next) {
		text_begin_colour(o, "1");
		str_puts(&o->buf, "\nGlobals of ");
		text_put_name(o, &g->module);
		str_addf(&o->buf, " (interpreter %" PRId64 "):\n",
			p->interpreters[g->interpreter].id);
		text_end_colour(o);
		text_put_variables(o, &g->names, "  ");
		out_flush(o, false);
	}
}

static void label(struct out *o, const char *name)
{
	str_addf(&o->buf, "  %-12s", name);
}

static void put_references(struct out *o, const struct py_described *d)
{
	label(o, "References:");
	if (!d->refcount_known)
		str_puts(&o->buf, "not known");
	else if (d->immortal)
		str_puts(&o->buf, "immortal, not counted");
	else
		str_addf(&o->buf, "%" PRId64, d->refcount);
	if (d->value->oddity)
		str_addf(&o->buf, "  [%s]", d->value->oddity);
	str_putc(&o->buf, '\n');
}

static void put_object(struct out *o, const struct py_described *d)
{
	const struct py_value *v = d->value;
	label(o, "Type:");
	text_put(o, v->type ? v->type : "not known");
	str_addf(&o->buf, ", at 0x%" PRIx64 "\n", d->type);
	label(o, "Size:");
	if (d->size)
		str_addf(&o->buf, "%" PRIu64 " bytes\n", d->size);
	else
		str_puts(&o->buf, "not known\n");
	put_references(o, d);
	label(o, "GC:");
	str_addf(&o->buf, "%s\n", d->gc ? d->gc : "not known");
	label(o, "Value:");
	text_put_name(o, &v->text);
	str_putc(&o->buf, '\n');
	o->damage |= v->damaged;
	if (!d->attributes.len && !failed(d->attributes.why))
		return;
	str_puts(&o->buf, "  Attributes:\n");
	text_put_variables(o, &d->attributes, "    ");
}

void text_objects(struct out *o, const struct py_described *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		text_begin_colour(o, "1");
		str_addf(&o->buf, "%sObject at 0x%" PRIx64 ":\n", i ? "\n" : "",
			list[i]->value->addr);
		text_end_colour(o);
		if (!failed(list[i]->value->why)) {
			put_object(o, list[i]);
		} else {
			str_puts(&o->buf, "  there is none: ");
			put_value(o, list[i]->value);
			str_putc(&o->buf, '\n');
		}
		out_flush(o, false);
	}
}
