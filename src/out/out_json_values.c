/* SPDX-License-Identifier: Apache-2.0 */
/* Values, exceptions and objects as JSON. */
#include "out_json.h"

#include "pycore/alloc.h"

#include <inttypes.h>

static void put_address(struct json *j, const char *key, uint64_t addr)
{
	if (addr)
		json_addr(j, key, addr);
	else
		json_null(j, key);
}

/* KEY_omitted, KEY_error */
static const char *beside(struct str *to, const char *key, const char *what)
{
	str_clear(to);
	str_addf(to, "%s_%s", key, what);
	return str_text(to);
}

static void put_redacted(struct json *j, const struct py_value *v)
{
	char hash[24];
	snprintf(hash, sizeof(hash), "%016" PRIx64, v->hash);
	json_open(j, "value", '{');
	json_bool(j, "redacted", true);
	json_text(j, "type", v->type);
	json_uint(j, "length", v->length);
	json_text(j, "hash", hash);
	json_close(j, '}');
}

/* The keys of a value that variables and objects share. */
static void put_value(struct out *o, const struct py_value *v)
{
	struct json *j = json_writer(o);
	json_text(j, "type", v->type);
	if (v->redacted)
		put_redacted(j, v);
	else if (failed(v->why))
		json_null(j, "value");
	else
		json_py_text(j, "value", &v->text);
	put_address(j, "address", v->addr);
	json_bool(j, "truncated", v->truncated || v->text.cut);
	json_bool(j, "damaged", v->damaged || failed(v->why));
	json_text(j, "oddity", v->oddity);
	json_error(o, "error", v->why);
	o->damage |= v->damaged;
}

static const char *scope_name(enum variable_scope scope)
{
	switch (scope) {
	case SCOPE_ARGUMENT:
		return "argument";
	case SCOPE_LOCAL:
		return "local";
	case SCOPE_CELL:
		return "cell";
	case SCOPE_FREE:
		return "free";
	}
	return NULL;
}

static void put_variable(struct out *o, const struct py_variable *v, bool scoped)
{
	struct json *j = json_writer(o);
	json_open(j, NULL, '{');
	json_py_text(j, "name", &v->name);
	if (scoped)
		json_text(j, "scope", scope_name(v->scope));
	put_value(o, v->value);
	json_close(j, '}');
}

static void put_variables(struct out *o, const char *key, const struct py_variables *v, bool scoped)
{
	struct json *j = json_writer(o);
	AUTO_STR(name);
	json_open(j, key, '[');
	for (size_t i = 0; i < v->len; i++)
		put_variable(o, &v->list[i], scoped);
	json_close(j, ']');
	json_uint(j, beside(&name, key, "omitted"), v->omitted);
	json_error(o, beside(&name, key, "error"), v->why);
}

void json_locals(struct out *o, const struct py_variables *v)
{
	put_variables(o, "locals", v, true);
}

static void put_traceback(struct out *o, const struct python *p, const struct py_exception *e)
{
	struct json *j = json_writer(o);
	json_open(j, "traceback", '[');
	for (size_t i = 0; i < e->n_traceback; i++) {
		json_frame(o, p, &e->traceback[i]);
		out_flush(o, false);
	}
	json_close(j, ']');
	json_uint(j, "traceback_omitted", e->traceback_omitted);
	json_error(o, "traceback_error", e->traceback_why);
}

static void put_message(struct out *o, const struct py_exception *e)
{
	struct json *j = json_writer(o);
	json_text(j, "type", e->type);
	json_text(j, "module", e->module);
	json_py_text(j, "message", &e->message);
	json_bool(j, "message_is_args", e->message_is_args);
	json_py_text(j, "source", &e->source);
	json_text(j, "state", e->state == EXCEPTION_RAISED ? "raised" : "handled");
	json_open(j, "notes", '[');
	for (size_t i = 0; i < e->n_notes; i++)
		json_py_text(j, NULL, &e->notes[i]);
	json_close(j, ']');
}

/* What went wrong first: with it, its message or its notes. */
static struct err exception_error(const struct py_exception *e)
{
	TRY(e->why);
	TRY(e->message.why);
	for (size_t i = 0; i < e->n_notes; i++)
		TRY(e->notes[i].why);
	return NO_ERR;
}

/* As deep as chains and groups are: EXCEPTION_CHAIN_MAX in all. */
void json_exception(
	struct out *o, const struct python *p, const char *key, const struct py_exception *e)
{
	struct json *j = json_writer(o);
	if (!e) {
		json_null(j, key);
		return;
	}
	json_open(j, key, '{');
	put_message(o, e);
	put_traceback(o, p, e);
	json_exception(o, p, "cause", e->cause);
	json_exception(o, p, "context", e->context);
	json_bool(j, "suppress_context", e->suppress_context);
	json_open(j, "exceptions", '[');
	for (size_t i = 0; i < e->n_exceptions; i++)
		json_exception(o, p, NULL, e->exceptions[i]);
	json_close(j, ']');
	json_uint(j, "exceptions_omitted", e->exceptions_omitted);
	put_address(j, "address", e->addr);
	json_error(o, "error", exception_error(e));
	json_close(j, '}');
}

void json_globals(struct out *o, const struct python *p)
{
	struct json *j = json_writer(o);
	if (!p->options.globals)
		return;
	json_open(j, "globals", '[');
	for (const struct py_globals *g = p->globals; g; g = g->next) {
		json_open(j, NULL, '{');
		json_py_text(j, "module", &g->module);
		json_uint(j, "runtime", p->interpreters[g->interpreter].runtime);
		json_int(j, "interpreter", p->interpreters[g->interpreter].id);
		put_address(j, "address", g->addr);
		put_variables(o, "names", &g->names, false);
		json_close(j, '}');
		out_flush(o, false);
	}
	json_close(j, ']');
}

void json_object(struct out *o, const struct py_described *d)
{
	struct json *j = json_writer(o);
	json_open(j, NULL, '{');
	put_value(o, d->value);
	put_address(j, "type_address", d->type);
	if (d->size)
		json_uint(j, "size", d->size);
	else
		json_null(j, "size");
	if (d->refcount_known)
		json_int(j, "refcount", d->refcount);
	else
		json_null(j, "refcount");
	json_bool(j, "immortal", d->immortal);
	json_text(j, "gc", d->gc);
	put_variables(o, "attributes", &d->attributes, false);
	json_close(j, '}');
}

void json_objects(struct out *o, const struct py_described *const *list, size_t n)
{
	struct json *j = json_writer(o);
	json_open(j, "objects", '[');
	for (size_t i = 0; i < n; i++)
		json_object(o, list[i]);
	json_close(j, ']');
}
