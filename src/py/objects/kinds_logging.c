/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logging (Lib/logging/__init__.py): loggers and handlers by name and level, in words that the
 * module keeps in `_levelToName` {number: name}. A logger without a level has its parent's.
 */
#include "repr.h"

#include <inttypes.h>
#include <string.h>

enum { PARENTS_MAX = 1000 };

static bool level_of(const struct py_object *o, int64_t *ret)
{
	uint64_t level;
	return attribute_find(o, "level", &level) && !failed(int_value_at(o->h, level, ret));
}

static bool effective_level(const struct py_object *logger, int64_t *ret)
{
	struct py_object o = *logger;
	uint64_t parent;
	for (int i = 0; i < PARENTS_MAX; i++) {
		if (!level_of(&o, ret))
			return false;
		if (*ret || !attribute_find(&o, "parent", &parent) || object_is_none(o.h, parent))
			return true;
		if (failed(object_open(logger->h, parent, &o)))
			return false;
	}
	return false;
}

/* The dict of the module, which its own functions have as globals. */
static bool module_globals(const struct py_object *o, uint64_t *ret)
{
	uint64_t repr;
	struct py_object function;
	return o->type->repr_by && type_find(o->h, o->type->repr_by, "__repr__", &repr) &&
	       !failed(object_open(o->h, repr, &function)) &&
	       !strcmp(function.type->full, "function") &&
	       !failed(object_get(&function, FIELD_function_globals, ret));
}

static void put_level(struct repr *r, const struct py_object *o, int64_t level)
{
	struct dict d;
	uint64_t globals, names, key, value;
	int64_t n;
	if (module_globals(o, &globals) && dict_find(r->h, globals, "_levelToName", &names) &&
		!failed(dict_open(r->h, names, &d))) {
		while (dict_next(&d, &key, &value)) {
			if (!failed(int_value_at(r->h, key, &n)) && n == level) {
				repr_name(r, value);
				return;
			}
		}
	}
	repr_putf(r, "Level %" PRId64, level);
}

static struct err put_logging(
	struct repr *r, const struct py_object *o, uint64_t name, const char *space, int64_t level)
{
	repr_putf(r, "<%s ", o->type->name);
	if (name)
		repr_name(r, name);
	repr_put(r, space);
	repr_put(r, "(");
	put_level(r, o, level);
	repr_put(r, ")>");
	return NO_ERR;
}

/* <Logger app.db (INFO)> */
static struct err render_logger(struct repr *r, const struct py_object *o)
{
	uint64_t name;
	int64_t level;
	if (!attribute_find(o, "name", &name) || !effective_level(o, &level))
		return render_object(r, o);
	return put_logging(r, o, name, " ", level);
}

/* <LoggerAdapter app.db (INFO)> */
static struct err render_adapter(struct repr *r, const struct py_object *o)
{
	struct py_object logger;
	uint64_t addr, name;
	int64_t level;
	if (!attribute_find(o, "logger", &addr) || failed(object_open(r->h, addr, &logger)) ||
		!attribute_find(&logger, "name", &name) || !effective_level(&logger, &level))
		return render_object(r, o);
	return put_logging(r, o, name, " ", level);
}

static struct err render_handler(struct repr *r, const struct py_object *o)
{
	int64_t level;
	if (!level_of(o, &level))
		return render_object(r, o);
	return put_logging(r, o, 0, "", level);
}

/* <FileHandler /var/log/x.log (INFO)>: its path is a value of the program. */
static struct err render_file_handler(struct repr *r, const struct py_object *o)
{
	uint64_t name;
	int64_t level;
	if (r->limits->redact || !attribute_find(o, "baseFilename", &name) || !level_of(o, &level))
		return render_object(r, o);
	return put_logging(r, o, name, " ", level);
}

/* What the attribute `name` of a stream would give; 0: nothing, or not known. */
static uint64_t stream_name(struct heap *h, uint64_t stream, bool *ret_known)
{
	static const enum field down[] = { FIELD_textio_buffer, FIELD_buffered_raw };
	static const char *const types[] = { "_io.TextIOWrapper", "_io.Buffered" };
	struct py_object o;
	uint64_t dict, name;
	*ret_known = false;
	if (failed(object_open(h, stream, &o)))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(down); i++) {
		if (text_starts(o.type->full, types[i]) &&
			(failed(object_get(&o, down[i], &stream)) ||
				failed(object_open(h, stream, &o))))
			return 0;
	}
	*ret_known = !strcmp(o.type->full, "_io.FileIO") || !strcmp(o.type->full, "_io.StringIO") ||
		     !strcmp(o.type->full, "_io.BytesIO");
	if (strcmp(o.type->full, "_io.FileIO") != 0 ||
		failed(object_get(&o, FIELD_fileio_dict, &dict)) || !dict)
		return 0;
	return dict_find(h, dict, "name", &name) ? name : 0;
}

/* <StreamHandler <stderr> (INFO)>, of a stream without a name <StreamHandler (INFO)> */
static struct err render_stream_handler(struct repr *r, const struct py_object *o)
{
	uint64_t stream, name = 0;
	int64_t level, number;
	bool known = false;
	if (attribute_find(o, "stream", &stream))
		name = stream_name(r->h, stream, &known);
	if (!known || r->limits->redact || !level_of(o, &level) ||
		(name && !failed(int_value_at(r->h, name, &number))))
		return render_object(r, o);
	return put_logging(r, o, name, name ? " " : "", level);
}

/* <Formatter (%(message)s)>, <Filter (app)> (3.15 on): what the program gave it. */
static struct err put_given(struct repr *r, const struct py_object *o, const char *attribute)
{
	struct py_object text;
	uint64_t value;
	if (r->limits->redact || !attribute_find(o, attribute, &value) ||
		failed(object_open(r->h, value, &text)) || strcmp(text.type->full, "str") != 0)
		return render_object(r, o);
	repr_putf(r, "<%s (", o->type->name);
	repr_name(r, value);
	repr_put(r, ")>");
	return NO_ERR;
}

static struct err render_formatter(struct repr *r, const struct py_object *o)
{
	return put_given(r, o, "_fmt");
}

static struct err render_filter(struct repr *r, const struct py_object *o)
{
	return put_given(r, o, "name");
}

enum { LIBRARY = KIND_CONTAINER | KIND_BY_PYTHON | KIND_UNGUARDED };

const struct kind kinds_logging[] = {
	{ "logging.Logger", render_logger, LIBRARY, NULL },
	{ "logging.LoggerAdapter", render_adapter, LIBRARY, NULL },
	{ "logging.Handler", render_handler, LIBRARY, NULL },
	{ "logging.StreamHandler", render_stream_handler, LIBRARY, NULL },
	{ "logging.FileHandler", render_file_handler, LIBRARY, NULL },
	{ "logging.Formatter", render_formatter, LIBRARY, NULL },
	{ "logging.Filter", render_filter, LIBRARY, NULL },
	{ 0 },
};
