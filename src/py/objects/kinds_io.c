/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files (Modules/_io/, 2.7: Objects/fileobject.c). A text file has its name from the buffer below
 * it, and that from the raw file. Behind the repr stands what it leaves out: the descriptor, or
 * that the file is closed.
 */
#include "peek.h"

#include "format.h"

#include "pycore/alloc.h"

#include <inttypes.h>
#include <string.h>

enum { LAYERS_MAX = 8 };

static bool styled(const struct repr *r, unsigned style)
{
	return r->h->rt->layout.row->repr & style;
}

static bool is_layered(const struct py_object *o)
{
	return type_is(o->type, "_io.TextIOWrapper") || type_is(o->type, "_io.BufferedReader") ||
	       type_is(o->type, "_io.BufferedWriter") || type_is(o->type, "_io.BufferedRandom");
}

/* The layer below; false: it is a raw file, or was taken off. */
static bool layer_below(const struct py_object *o, struct py_object *ret)
{
	uint64_t below;
	enum field f;
	if (type_is(o->type, "_io.TextIOWrapper"))
		f = FIELD_textio_buffer;
	else if (is_layered(o))
		f = FIELD_buffered_raw;
	else
		return false;
	return !failed(object_get(o, f, &below)) && below && !failed(object_open(o->h, below, ret));
}

/* What is at the bottom: o itself at least. */
static struct py_object raw_of(const struct py_object *o)
{
	struct py_object raw = *o, below;
	for (int i = 0; i < LAYERS_MAX && layer_below(&raw, &below); i++)
		raw = below;
	return raw;
}

/* Whether a class statement binds that name in one of its classes. */
static bool overrides(const struct py_object *o, const char *name)
{
	const struct py_type *mro[MRO_MAX];
	size_t n = type_mro(o->h, o->type, mro, MRO_MAX);
	uint64_t value;
	for (size_t i = 0; i < n; i++) {
		if (mro[i]->by_python && mro[i]->dict &&
			dict_find(o->h, mro[i]->dict, name, &value))
			return true;
	}
	return false;
}

enum file_name { NAME_NONE, NAME_OBJECT, NAME_NUMBER, NAME_UNKNOWN };

/* The file of a socket has its descriptor as name (Lib/socket.py, SocketIO). */
static enum file_name socket_name(const struct py_object *raw, uint64_t *ret)
{
	struct py_object socket;
	*ret = UINT64_MAX;
	if (!peek_object(raw, "_sock", &socket))
		return NAME_NUMBER;
	int64_t fd;
	if (failed(object_get_int(&socket, FIELD_socket_fd, &fd)))
		return NAME_UNKNOWN;
	*ret = (uint64_t)fd;
	return NAME_NUMBER;
}

/* The name of a file through its layers: an object, or a number. */
static enum file_name find_name(const struct py_object *o, uint64_t *ret)
{
	struct py_object at = *o, below;
	for (int i = 0; i < LAYERS_MAX; i++) {
		if (type_is(at.type, "socket.SocketIO"))
			return socket_name(&at, ret);
		if (overrides(&at, "name"))
			return NAME_UNKNOWN;
		if (!is_layered(&at))
			return attribute_find(&at, "name", ret) ? NAME_OBJECT
			       : type_is_known(at.type)		? NAME_NONE
								: NAME_UNKNOWN;
		if (!layer_below(&at, &below))
			return NAME_NONE;
		at = below;
	}
	return NAME_UNKNOWN;
}

static void put_name(struct repr *r, enum file_name kind, uint64_t name)
{
	if (kind == NAME_NONE)
		return;
	repr_put(r, " name=");
	if (kind == NAME_NUMBER)
		repr_putf(r, "%" PRId64, (int64_t)name);
	else
		repr_value(r, name);
}

/* " {fd=3}", unless the name says so; " {closed}". */
static void put_state(struct repr *r, const struct py_object *o, enum file_name kind, uint64_t name)
{
	struct py_object raw = raw_of(o);
	int64_t fd, number;
	if (!type_is(raw.type, "_io.FileIO") || failed(object_get_int(&raw, FIELD_fileio_fd, &fd)))
		return;
	if (fd < 0)
		repr_put(r, " {closed}");
	else if (kind != NAME_OBJECT || failed(int_value_at(o->h, name, &number)) || number != fd)
		repr_putf(r, " {fd=%" PRId64 "}", fd);
}

/* The class that a repr names. */
static const char *shown_class(const struct repr *r, const struct py_object *o, const char *base)
{
	return styled(r, REPR_IO_TYPE_NAME) ? type_raw_name(o->type) : base;
}

static bool bit(const struct py_object *o, enum field f)
{
	uint64_t v;
	return !failed(object_get(o, f, &v)) && v;
}

static const char *mode_of(const struct py_object *o)
{
	bool readable = bit(o, FIELD_fileio_readable);
	if (bit(o, FIELD_fileio_created))
		return readable ? "xb+" : "xb";
	if (bit(o, FIELD_fileio_appending))
		return readable ? "ab+" : "ab";
	if (!readable)
		return "wb";
	return bit(o, FIELD_fileio_writable) ? "rb+" : "rb";
}

static struct err render_fileio(struct repr *r, const struct py_object *o)
{
	int64_t fd;
	uint64_t name = 0;
	const char *class = shown_class(r, o, "_io.FileIO");
	if (!layout_has(&o->h->rt->layout, FIELD_fileio_fd))
		return render_object(r, o);
	TRY(object_get_int(o, FIELD_fileio_fd, &fd));
	if (fd < 0) {
		repr_putf(r, "<%s [closed]>", class);
		return NO_ERR;
	}
	enum file_name kind = find_name(o, &name);
	if (kind == NAME_UNKNOWN)
		return render_object(r, o);
	repr_putf(r, "<%s", class);
	if (kind == NAME_NONE)
		repr_putf(r, " fd=%" PRId64, fd);
	else
		put_name(r, kind, name);
	repr_putf(r, " mode='%s'", mode_of(o));
	if (!styled(r, REPR_LIBRARY_PLAIN))
		repr_putf(r, " closefd=%s", bit(o, FIELD_fileio_closefd) ? "True" : "False");
	repr_put(r, ">");
	if (kind != NAME_NONE)
		put_state(r, o, kind, name);
	return NO_ERR;
}

static struct err render_buffered(struct repr *r, const struct py_object *o)
{
	uint64_t name = 0;
	enum file_name kind = NAME_UNKNOWN;
	if (layout_has(&o->h->rt->layout, FIELD_buffered_raw))
		kind = find_name(o, &name);
	if (kind == NAME_UNKNOWN)
		return render_object(r, o);
	repr_putf(r, "<%s", type_raw_name(o->type));
	put_name(r, kind, name);
	repr_put(r, ">");
	put_state(r, o, kind, name);
	return NO_ERR;
}

static struct err render_text(struct repr *r, const struct py_object *o)
{
	uint64_t name = 0, mode, encoding;
	enum file_name kind = NAME_UNKNOWN;
	if (layout_has(&o->h->rt->layout, FIELD_textio_buffer) && !overrides(o, "mode"))
		kind = find_name(o, &name);
	if (kind == NAME_UNKNOWN || failed(object_get(o, FIELD_textio_encoding, &encoding)) ||
		!encoding)
		return render_object(r, o);
	repr_putf(r, "<%s", shown_class(r, o, "_io.TextIOWrapper"));
	put_name(r, kind, name);
	if (!styled(r, REPR_LIBRARY_PLAIN) && attribute_find(o, "mode", &mode)) {
		repr_put(r, " mode=");
		repr_value(r, mode);
	}
	repr_put(r, " encoding=");
	repr_value(r, encoding);
	repr_put(r, ">");
	put_state(r, o, kind, name);
	return NO_ERR;
}

/* 2.7's own files. */
static struct err render_file(struct repr *r, const struct py_object *o)
{
	uint64_t name, mode, fp;
	TRY(object_get(o, FIELD_file_name, &name));
	TRY(object_get(o, FIELD_file_mode, &mode));
	TRY(object_get(o, FIELD_file_fp, &fp));
	repr_putf(r, "<%s file ", fp ? "open" : "closed");
	repr_value(r, name);
	repr_put(r, ", mode '");
	repr_name(r, mode);
	repr_putf(r, "' at 0x%" PRIx64 ">", o->addr);
	return NO_ERR;
}

/* Where the bytes of a BytesIO are, given what it points to: in a bytes object, which may have room
 * for more; 2.7 has the plain bytes. */
static struct err bytesio_data(struct repr *r, uint64_t at, uint64_t size, uint64_t *ret)
{
	struct py_object buf;
	struct octets b;
	if (styled(r, REPR_BYTE_STRINGS)) {
		*ret = at;
		return NO_ERR;
	}
	TRY(object_open(r->h, at, &buf));
	TRY(octets_open(&buf, &b));
	if (size > b.length)
		return err_at(ERR_CORRUPT, at, "BytesIO");
	*ret = b.data;
	return NO_ERR;
}

/* What it holds, behind its head. */
static struct err put_bytesio(struct repr *r, const struct py_object *o)
{
	uint64_t at, size, data;
	TRY(object_get(o, FIELD_bytesio_buf, &at));
	TRY(object_get(o, FIELD_bytesio_size, &size));
	if (!at) {
		repr_put(r, "{closed}");
		return NO_ERR;
	}
	TRY(bytesio_data(r, at, size, &data));
	if (r->limits->redact) {
		repr_putf(r, "{<bytes of length %" PRIu64 ">}", size);
		return NO_ERR;
	}
	size_t n = size < r->limits->max_string ? (size_t)size : r->limits->max_string;
	AUTO_FREE uint8_t *bytes = xmalloc(n + 1);
	TRY(mem_read(o->h->rt->mem, data, bytes, n));
	repr_put(r, "{");
	format_bytes(r->to, "b", bytes, n);
	if (n < size) {
		repr_putf(r, "... +%" PRIu64 " more bytes", size - n);
		r->truncated = true;
	}
	repr_put(r, "}");
	return NO_ERR;
}

const struct kind kinds_io[] = {
	{ "_io.FileIO", render_fileio },
	{ "_io.BufferedReader", render_buffered },
	{ "_io.BufferedWriter", render_buffered },
	{ "_io.BufferedRandom", render_buffered },
	{ "_io._Buffered", render_buffered },
	{ "_io.TextIOWrapper", render_text },
	{ "file", render_file },
	{ "_io.BytesIO", put_bytesio, KIND_SHAPE },
	{ 0 },
};
