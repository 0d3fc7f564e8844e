/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of the standard library whose repr() tells a few of their attributes. */
#include "repr.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_plain(const struct repr *r)
{
	return r->h->rt->layout.row->repr & REPR_LIBRARY_PLAIN;
}

/* Fraction(1, 3); the digits alone, also of 2.7's long. */
static struct err render_fraction(struct repr *r, const struct py_object *o)
{
	uint64_t above, below;
	if (!attribute_find(o, "_numerator", &above) || !attribute_find(o, "_denominator", &below))
		return render_object(r, o);
	repr_putf(r, "%s(", is_plain(r) ? "Fraction" : o->type->name);
	repr_int(r, above);
	repr_put(r, ", ");
	repr_int(r, below);
	repr_put(r, ")");
	return NO_ERR;
}

/* UUID('00000000-0000-0000-0000-000000000005'), kept as an int of 128 bits. */
static struct err render_uuid(struct repr *r, const struct py_object *o)
{
	char text[64];
	uint64_t number, v[2];
	AUTO_PIECES(p);
	if (!attribute_find(o, "int", &number) || failed(int_128(r->h, number, v)))
		return render_object(r, o);
	snprintf(text, sizeof(text),
		"%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64, v[0] >> 32,
		v[0] >> 16 & 0xffff, v[0] & 0xffff, v[1] >> 48, v[1] & 0xffffffffffff);
	pieces_puts(&p, text);
	repr_putf(r, "%s(", is_plain(r) ? "UUID" : o->type->name);
	repr_pieces(r, &p);
	repr_put(r, ")");
	return NO_ERR;
}

/* One of the attributes of a repr() that looks like a call, behind `before`. False: there is none,
 * or (unless_none) it is None and so left out. */
static bool put_attribute(struct repr *r, const struct py_object *o, const char *before,
	const char *name, bool unless_none)
{
	uint64_t value;
	if (!attribute_find(o, name, &value) || (unless_none && object_is_none(r->h, value)))
		return false;
	repr_putf(r, "%s%s=", before, name);
	repr_value(r, value);
	return true;
}

/* Two attributes that are always there, and two that are left out if they are None. */
static struct err put_call(struct repr *r, const struct py_object *o, const char *const names[4])
{
	size_t mark = r->to->len;
	repr_putf(r, "%s(", o->type->name);
	if (!put_attribute(r, o, "", names[0], false) ||
		!put_attribute(r, o, ", ", names[1], false)) {
		str_cut(r->to, mark);
		return render_object(r, o);
	}
	put_attribute(r, o, ", ", names[2], true);
	put_attribute(r, o, ", ", names[3], true);
	repr_put(r, ")");
	return NO_ERR;
}

static struct err render_completed_process(struct repr *r, const struct py_object *o)
{
	static const char *const names[] = { "args", "returncode", "stdout", "stderr" };
	return put_call(r, o, names);
}

static struct err render_module_spec(struct repr *r, const struct py_object *o)
{
	static const char *const names[] = { "name", "loader", "origin",
		"submodule_search_locations" };
	return put_call(r, o, names);
}

/* Keeps n characters of what was written since `mark`; false: there are no more than `most`. */
static bool cut_characters(struct repr *r, size_t mark, size_t most, size_t n)
{
	size_t count = 0, keep = mark;
	for (size_t at = mark; at < r->to->len; at++) {
		if (((uint8_t)r->to->bytes[at] & 0xc0) == 0x80)
			continue;
		if (count++ == n)
			keep = at;
	}
	if (count <= most)
		return false;
	str_cut(r->to, keep);
	return true;
}

/* <Popen: returncode: None args: ['x']>, of 80 characters at most. */
static struct err render_popen(struct repr *r, const struct py_object *o)
{
	enum { MOST = 80, KEPT = 76 };
	uint64_t code, args;
	size_t mark = r->to->len;
	if (!attribute_find(o, "returncode", &code) || !attribute_find(o, "args", &args))
		return render_object(r, o);
	repr_putf(r, "<%s: returncode: ", o->type->name);
	repr_value(r, code);
	repr_put(r, " args: ");
	repr_value(r, args);
	repr_put(r, ">");
	if (!r->limits->redact && cut_characters(r, mark, MOST, KEPT))
		repr_put(r, "...>");
	return NO_ERR;
}

/* str() of an attribute. False: there is none, code makes it, or it must not be shown as it is:
 * text without quotes is of the program all the same. */
static bool put_plain(struct repr *r, const struct py_object *o, const char *name)
{
	uint64_t value;
	struct py_object v;
	if (!attribute_find(o, name, &value) || failed(object_open(r->h, value, &v)))
		return false;
	if (v.type->flags & (TYPE_STR | TYPE_BYTES)) {
		if (strcmp(v.type->full, "str") != 0 || r->limits->redact)
			return false;
		repr_name(r, value);
		return true;
	}
	bool same = v.type->flags & TYPE_INT || !strcmp(v.type->full, "NoneType");
	if (same)
		repr_value(r, value);
	return same;
}

/* Attributes in between of literals: those alternate, and begin and end it. */
static struct err put_told(
	struct repr *r, const struct py_object *o, const char *const *told, size_t n)
{
	size_t mark = r->to->len;
	for (size_t i = 0; i < n; i++) {
		if (i % 2 == 0) {
			repr_put(r, told[i]);
		} else if (!put_plain(r, o, told[i])) {
			str_cut(r->to, mark);
			return render_object(r, o);
		}
	}
	return NO_ERR;
}

static struct err render_frame_summary(struct repr *r, const struct py_object *o)
{
	static const char *const told[] = { "<FrameSummary file ", "filename", ", line ", "lineno",
		" in ", "name", ">" };
	return put_told(r, o, told, ARRAY_LEN(told));
}

static struct err render_log_record(struct repr *r, const struct py_object *o)
{
	static const char *const told[] = { "<LogRecord: ", "name", ", ", "levelno", ", ",
		"pathname", ", ", "lineno", ", \"", "msg", "\">" };
	return put_told(r, o, told, ARRAY_LEN(told));
}

static struct err render_weak_dict(struct repr *r, const struct py_object *o)
{
	repr_putf(r, "<%s at 0x%" PRIx64 ">", o->type->name, o->addr);
	return NO_ERR;
}

/* Characters of a str, or bytes. */
static struct err put_format(struct pieces *p, struct heap *h, uint64_t addr)
{
	struct py_object o;
	struct octets b;
	uint8_t text[256];
	TRY(object_open(h, addr, &o));
	if (o.type->flags & TYPE_STR)
		return pieces_str(p, h, addr);
	TRY(octets_open(&o, &b));
	size_t n = b.length < sizeof(text) ? (size_t)b.length : sizeof(text);
	TRY(mem_read(h->rt->mem, b.data, text, n));
	for (size_t i = 0; i < n; i++)
		pieces_put(p, text[i]);
	p->omitted = b.length - n;
	return NO_ERR;
}

/* Struct('i'), whose format is bytes, or a str (3.15). */
static struct err render_struct(struct repr *r, const struct py_object *o)
{
	uint64_t format;
	AUTO_PIECES(p);
	if (!(r->h->rt->layout.row->repr & REPR_STRUCT_FORMAT) ||
		failed(object_get(o, FIELD_struct_format, &format)))
		return render_object(r, o);
	TRY(put_format(&p, r->h, format));
	repr_putf(r, "%s(", o->type->name);
	repr_pieces(r, &p);
	repr_put(r, ")");
	return NO_ERR;
}

/* <capsule object "datetime.datetime_CAPI" at 0x...> */
static struct err render_capsule(struct repr *r, const struct py_object *o)
{
	char text[256];
	uint64_t name;
	bool cut = false;
	TRY(object_get(o, FIELD_capsule_name, &name));
	if (!name) {
		repr_putf(r, "<capsule object NULL at 0x%" PRIx64 ">", o->addr);
		return NO_ERR;
	}
	TRY(mem_cstr(r->h->rt->mem, name, text, sizeof(text), &cut));
	r->truncated |= cut;
	repr_putf(r, "<capsule object \"%s%s\" at 0x%" PRIx64 ">", text, cut ? "..." : "", o->addr);
	return NO_ERR;
}

enum {
	PLAIN = KIND_BY_PYTHON,
	HOLDER = KIND_CONTAINER | KIND_BY_PYTHON | KIND_UNGUARDED,
};

const struct kind kinds_library[] = {
	{ "fractions.Fraction", render_fraction, HOLDER, NULL },
	{ "uuid.UUID", render_uuid, PLAIN },
	{ "subprocess.CompletedProcess", render_completed_process, HOLDER, NULL },
	{ "subprocess.Popen", render_popen, HOLDER, NULL },
	{ "_frozen_importlib.ModuleSpec", render_module_spec, HOLDER, NULL },
	{ "traceback.FrameSummary", render_frame_summary, HOLDER, NULL },
	{ "logging.LogRecord", render_log_record, HOLDER, NULL },
	{ "weakref.WeakValueDictionary", render_weak_dict, PLAIN },
	{ "weakref.WeakKeyDictionary", render_weak_dict, PLAIN },
	{ "_struct.Struct", render_struct, 0 },
	{ "PyCapsule", render_capsule, 0 },
	{ 0 },
};
