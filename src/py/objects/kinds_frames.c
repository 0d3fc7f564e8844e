/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code at some place: code objects, frames, generators and coroutines with where they stand,
 * modules.
 *
 * A generator's frame is an object of its own to 3.10, and lies inside the generator since. Which
 * numbers say what it does is the layout's (struct generator_marks).
 */
#include "repr.h"

#include <inttypes.h>
#include <string.h>

static void put_text(struct repr *r, const struct py_text *text)
{
	str_add(r->to, text->bytes ? text->bytes : "?", text->bytes ? text->len : 1);
}

static struct err render_code(struct repr *r, const struct py_object *o)
{
	const struct py_code *c = py_code_at(o->h->p, o->h->rt, o->addr);
	TRY(c->why);
	repr_put(r, "<code object ");
	put_text(r, &c->name);
	repr_putf(r, " at 0x%" PRIx64 ", file \"", o->addr);
	put_text(r, &c->filename);
	repr_putf(r, "\", line %d>", c->firstlineno);
	return NO_ERR;
}

/* The line that a frame stands on; negative: none. */
static struct err frame_line(
	struct heap *h, uint64_t frame, const struct py_code **ret_code, int32_t *ret_line)
{
	const struct py_place *place;
	struct py_location at;
	TRY(py_frame_place(h->p, h->rt, frame, &place));
	const struct py_code *c = place->code;
	TRY(c->linetable_why);
	TRY(py_lines_locate(
		c->lines, c->linetable, c->linetable_size, c->firstlineno, place->offset, &at));
	*ret_code = c;
	*ret_line = at.line;
	return NO_ERR;
}

/* The frame of a frame object: itself, or what it points to. */
static struct err inner_frame(const struct py_object *o, uint64_t *ret)
{
	if (!layout_has(&o->h->rt->layout, FIELD_frame_iframe)) {
		*ret = o->addr;
		return NO_ERR;
	}
	return object_get(o, FIELD_frame_iframe, ret);
}

static struct err render_frame(struct repr *r, const struct py_object *o)
{
	const struct py_code *c;
	uint64_t frame, filename;
	int32_t line;
	if (!(r->h->rt->layout.row->repr & REPR_FRAME_PLACE))
		return render_object(r, o);
	TRY(inner_frame(o, &frame));
	TRY(frame_line(o->h, frame, &c, &line));
	TRY(py_field(o->h->rt, c->addr, FIELD_code_filename, &filename));
	repr_putf(r, "<frame at 0x%" PRIx64 ", file ", o->addr);
	repr_unredacted(r, filename);
	repr_putf(r, ", line %d, code ", line);
	put_text(r, &c->name);
	repr_put(r, ">");
	return NO_ERR;
}

enum generator_state { CREATED, SUSPENDED, RUNNING, FINISHED, UNKNOWN };

static enum generator_state by_marks(const struct layout_row *row, int64_t mark)
{
	const struct generator_marks *m = &row->generator;
	if (mark == m->created)
		return CREATED;
	if (mark == m->suspended || mark == m->suspended_in_yield_from)
		return SUSPENDED;
	if (mark == m->executing)
		return RUNNING;
	return FINISHED;
}

/* A generator that has not run stands before its first instruction. */
static enum generator_state by_frame(const struct py_object *o, uint64_t frame)
{
	uint64_t running;
	const struct py_place *place;
	if (!failed(object_get(o, FIELD_gen_running, &running)) && (uint8_t)running)
		return RUNNING;
	if (failed(py_frame_place(o->h->p, o->h->rt, frame, &place)))
		return UNKNOWN;
	return place->offset < 0 ? CREATED : SUSPENDED;
}

/* What a generator does, and its frame: 0 if it has none any more. */
static enum generator_state generator_state(const struct py_object *o, uint64_t *ret_frame)
{
	const struct py_runtime *rt = o->h->rt;
	uint64_t mark;
	int64_t state;
	*ret_frame = 0;
	switch (rt->layout.row->generators) {
	case GENERATORS_FRAME:
		if (failed(object_get(o, FIELD_gen_frame, ret_frame)))
			return UNKNOWN;
		return *ret_frame ? by_frame(o, *ret_frame) : FINISHED;
	case GENERATORS_FRAME_STATE:
		if (failed(object_get(o, FIELD_gen_frame, ret_frame)))
			return UNKNOWN;
		if (!*ret_frame)
			return FINISHED;
		if (failed(py_field(rt, *ret_frame, FIELD_frame_state, &mark)))
			return UNKNOWN;
		return by_marks(rt->layout.row, (int8_t)mark);
	case GENERATORS_EMBEDDED:
		if (failed(object_get_int(o, FIELD_gen_frame_state, &state)) ||
			failed(object_inside(o, FIELD_gen_iframe, ret_frame)))
			return UNKNOWN;
		return by_marks(rt->layout.row, state);
	}
	__builtin_unreachable();
}

/* " {suspended at line 12}" */
static void put_generator_state(struct repr *r, const struct py_object *o)
{
	static const char *const words[] = { [CREATED] = "created",
		[SUSPENDED] = "suspended",
		[RUNNING] = "running",
		[FINISHED] = "finished",
		[UNKNOWN] = "state not known" };
	const struct py_code *c;
	uint64_t frame;
	int32_t line;
	enum generator_state state = generator_state(o, &frame);
	repr_putf(r, " {%s", words[state]);
	if ((state == SUSPENDED || state == RUNNING) &&
		!failed(frame_line(o->h, frame, &c, &line)) && line > 0)
		repr_putf(r, " at line %d", line);
	repr_put(r, "}");
}

/* 2.7's generators have the name of their code. */
static struct err put_generator_name(struct repr *r, const struct py_object *o)
{
	uint64_t name;
	if (layout_has(&o->h->rt->layout, FIELD_gen_qualname)) {
		TRY(object_get(o, FIELD_gen_qualname, &name));
		repr_name(r, name);
		return NO_ERR;
	}
	TRY(object_get(o, FIELD_gen_code, &name));
	TRY(py_field(o->h->rt, name, FIELD_code_name, &name));
	repr_name(r, name);
	return NO_ERR;
}

static struct err render_generator(struct repr *r, const struct py_object *o)
{
	repr_putf(r, "<%s object ", o->type->full);
	TRY(put_generator_name(r, o));
	repr_putf(r, " at 0x%" PRIx64 ">", o->addr);
	put_generator_state(r, o);
	return NO_ERR;
}

/* An attribute that is there and not None. */
static bool find_some(const struct py_object *o, const char *name, uint64_t *ret)
{
	return attribute_find(o, name, ret) && !object_is_none(o->h, *ret);
}

/* [folders] of a namespace package: loader._path._path. */
static void put_namespace(struct repr *r, const struct py_object *loader)
{
	struct py_object paths;
	uint64_t at, list;
	repr_put(r, " (namespace)");
	if (!(r->h->rt->layout.row->repr & REPR_MODULE_PATHS) ||
		!attribute_find(loader, "_path", &at) || failed(object_open(r->h, at, &paths)) ||
		!attribute_find(&paths, "_path", &list))
		return;
	repr_put(r, " from ");
	repr_unredacted(r, list);
}

/* The loaders of what is in the binary are classes, and say so in their own words. */
static void put_loader(struct repr *r, uint64_t loader)
{
	const unsigned says = REPR_MODULE_NAMESPACE | REPR_MODULE_PATHS;
	const struct py_type *t;
	struct py_object o;
	bool is_type = !failed(type_at(r->h, loader, &t));
	if (is_type && !strcmp(t->name, "BuiltinImporter")) {
		repr_put(r, " (built-in)");
	} else if (is_type && !strcmp(t->name, "FrozenImporter")) {
		repr_put(r, " (frozen)");
	} else if (r->h->rt->layout.row->repr & says && !failed(object_open(r->h, loader, &o)) &&
		   strstr(o.type->name, "NamespaceLoader")) {
		put_namespace(r, &o);
	} else {
		repr_put(r, " (");
		repr_value(r, loader);
		repr_put(r, ")");
	}
}

/* What its import says: the file, or the word for what it is instead (Lib/importlib/_bootstrap.py,
 * ModuleSpec). */
static bool put_spec(struct repr *r, uint64_t dict)
{
	struct py_object spec;
	uint64_t at, name, origin, loader, located;
	int64_t has_location = 0;
	if (!dict_find(r->h, dict, "__spec__", &at) || failed(object_open(r->h, at, &spec)) ||
		!attribute_find(&spec, "name", &name))
		return false;
	bool has_origin = find_some(&spec, "origin", &origin);
	if (attribute_find(&spec, "_set_fileattr", &located))
		(void)!failed(int_value_at(r->h, located, &has_location));
	repr_unredacted(r, name);
	if (has_origin && has_location) {
		repr_put(r, " from ");
		repr_unredacted(r, origin);
	} else if (has_origin) {
		repr_put(r, " (");
		repr_name(r, origin);
		repr_put(r, ")");
	} else if (find_some(&spec, "loader", &loader)) {
		put_loader(r, loader);
	}
	return true;
}

/* 2.7 puts what it knows between quotes as it is. */
static void put_file_names(struct repr *r, uint64_t dict)
{
	uint64_t name, file;
	repr_put(r, "'");
	if (dict_find(r->h, dict, "__name__", &name))
		repr_name(r, name);
	else
		repr_put(r, "?");
	if (!dict_find(r->h, dict, "__file__", &file) || object_is_none(r->h, file)) {
		repr_put(r, "' (built-in)");
		return;
	}
	repr_put(r, "' from '");
	repr_name(r, file);
	repr_put(r, "'");
}

/* Without a spec: what the module's own names say. */
static void put_names(struct repr *r, uint64_t dict)
{
	uint64_t name, file, loader;
	if (dict_find(r->h, dict, "__name__", &name))
		repr_unredacted(r, name);
	else
		repr_put(r, "'?'");
	if (dict_find(r->h, dict, "__file__", &file) && !object_is_none(r->h, file)) {
		repr_put(r, " from ");
		repr_unredacted(r, file);
	} else if (dict_find(r->h, dict, "__loader__", &loader) && !object_is_none(r->h, loader)) {
		put_loader(r, loader);
	}
}

static struct err render_module(struct repr *r, const struct py_object *o)
{
	uint64_t dict;
	TRY(object_get(o, FIELD_module_dict, &dict));
	repr_put(r, "<module ");
	if (r->h->rt->layout.row->repr & REPR_MODULE_BY_FILE)
		put_file_names(r, dict);
	else if (!put_spec(r, dict))
		put_names(r, dict);
	repr_put(r, ">");
	return NO_ERR;
}

const struct kind kinds_frames[] = {
	{ "code", render_code },
	{ "frame", render_frame },
	{ "generator", render_generator },
	{ "coroutine", render_generator },
	{ "async_generator", render_generator },
	{ "module", render_module, KIND_CONTAINER, "<module ...>" },
	{ 0 },
};
