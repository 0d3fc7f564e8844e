/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weak references and their proxies (Objects/weakrefobject.c), regular expressions and what they
 * matched (Modules/_sre/sre.c).
 */
#include "peek.h"

#include "format.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"

#include <inttypes.h>
#include <string.h>

static bool styled(const struct repr *r, unsigned style)
{
	return r->h->rt->layout.row->repr & style;
}

static bool is_text(struct heap *h, uint64_t addr)
{
	struct py_object o;
	unsigned text = h->rt->layout.row->text == TEXT_BYTES ? TYPE_BYTES : TYPE_STR;
	return !failed(object_open(h, addr, &o)) && o.type->flags & text;
}

/* __name__ where C code makes it: a string object. */
static bool name_by_field(const struct py_object *o, uint64_t *ret)
{
	const char *type = o->type->full;
	bool generator = !strcmp(type, "generator") || !strcmp(type, "coroutine") ||
			 !strcmp(type, "async_generator");
	if (!strcmp(type, "function"))
		return !failed(object_get(o, FIELD_function_name, ret));
	if (!generator)
		return false;
	return !failed(object_get(o, FIELD_gen_name, ret)) ||
	       (!failed(object_get(o, FIELD_gen_code, ret)) &&
		       !failed(py_field(o->h->rt, *ret, FIELD_code_name, ret)));
}

static bool name_by_attribute(const struct repr *r, const struct py_object *o, uint64_t *ret)
{
	uint64_t dict;
	bool found = false;
	if (styled(r, REPR_WEAKREF_INSTANCE)) {
		if (type_is(o->type, "module"))
			found = !failed(module_dict(o->h, o->addr, &dict)) &&
				dict_find(o->h, dict, "__name__", ret);
		else
			found = attribute_find(o, "__name__", ret);
	}
	return (found || type_find(o->h, o->type, "__name__", ret)) && is_text(o->h, *ret);
}

/* " (name)" of what has one. */
static void put_name_of(struct repr *r, const struct py_object *o)
{
	const struct py_type *t;
	uint64_t name, def;
	char text[256];
	if (o->type->flags & TYPE_TYPE && !failed(type_at(o->h, o->addr, &t))) {
		repr_putf(r, " (%s)", t->name);
	} else if (!strcmp(o->type->full, "builtin_function_or_method")) {
		if (!failed(object_get(o, FIELD_cfunction_def, &def)) &&
			!failed(py_field(o->h->rt, def, FIELD_methoddef_name, &name)) &&
			!failed(mem_cstr(o->h->rt->mem, name, text, sizeof(text), NULL)))
			repr_putf(r, " (%s)", text);
	} else if (name_by_field(o, &name) || name_by_attribute(r, o, &name)) {
		repr_put(r, " (");
		repr_name(r, name);
		repr_put(r, ")");
	}
}

/* The name of its target's class. */
static const char *target_class(const struct repr *r, const struct py_type *t)
{
	if (!styled(r, REPR_WEAKREF_QUALNAME))
		return type_raw_name(t);
	return strcmp(t->module, "__main__") != 0 ? t->full : t->qualname;
}

static struct err render_weakref(struct repr *r, const struct py_object *o)
{
	uint64_t at;
	struct py_object target;
	TRY(object_get(o, FIELD_weakref_object, &at));
	if (object_is_none(o->h, at)) {
		repr_putf(r, "<weakref at 0x%" PRIx64 "; dead>", o->addr);
		return NO_ERR;
	}
	TRY(object_open(o->h, at, &target));
	repr_putf(r, "<weakref at 0x%" PRIx64 "; to '", o->addr);
	if (styled(r, REPR_BYTE_STRINGS))
		repr_putf(r, "%.50s", target_class(r, target.type));
	else
		repr_put(r, target_class(r, target.type));
	repr_putf(r, "' at 0x%" PRIx64, at);
	put_name_of(r, &target);
	repr_put(r, ">");
	return NO_ERR;
}

static struct err render_proxy(struct repr *r, const struct py_object *o)
{
	uint64_t at;
	struct py_object target;
	TRY(object_get(o, FIELD_weakref_object, &at));
	if (styled(r, REPR_WEAKREF_QUALNAME) && object_is_none(o->h, at)) {
		repr_putf(r, "<weakproxy at 0x%" PRIx64 "; dead>", o->addr);
		return NO_ERR;
	}
	TRY(object_open(o->h, at, &target));
	repr_putf(r,
		styled(r, REPR_WEAKREF_QUALNAME)
			? "<weakproxy at 0x%" PRIx64 "; to '%s' at 0x%" PRIx64 ">"
			: "<weakproxy at 0x%" PRIx64 " to %s at 0x%" PRIx64 ">",
		o->addr, target_class(r, target.type), at);
	return NO_ERR;
}

/* ", re.IGNORECASE|0x200": those without a name as one number. */
static void put_flags(struct repr *r, uint64_t flags, bool of_str)
{
	enum { TEMPLATE = 1, LOCALE = 4, UNICODE = 32, ASCII = 256 };
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = { { TEMPLATE, "re.TEMPLATE" }, { 2, "re.IGNORECASE" }, { LOCALE, "re.LOCALE" },
		{ 8, "re.MULTILINE" }, { 16, "re.DOTALL" }, { UNICODE, "re.UNICODE" },
		{ 64, "re.VERBOSE" }, { 128, "re.DEBUG" }, { ASCII, "re.ASCII" } };
	const char *before = ", ";
	if (of_str && (flags & (LOCALE | UNICODE | ASCII)) == UNICODE)
		flags &= ~(uint64_t)UNICODE;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!(flags & names[i].bit) ||
			(names[i].bit == TEMPLATE && !styled(r, REPR_RE_TEMPLATE)))
			continue;
		repr_putf(r, "%s%s", before, names[i].name);
		before = "|";
		flags &= ~(uint64_t)names[i].bit;
	}
	if (flags)
		repr_putf(r, "%s0x%" PRIx64, before, flags);
}

static struct err render_pattern(struct repr *r, const struct py_object *o)
{
	enum { SHOWN = 200 };
	uint64_t pattern, flags;
	if (!layout_has(&o->h->rt->layout, FIELD_pattern_pattern))
		return render_object(r, o);
	TRY(object_get(o, FIELD_pattern_pattern, &pattern));
	TRY(object_get(o, FIELD_pattern_flags, &flags));
	repr_put(r, "re.compile(");
	repr_head(r, pattern, SHOWN);
	put_flags(r, flags, is_text(o->h, pattern));
	repr_put(r, ")");
	return NO_ERR;
}

/* What a match found, out of the text in which it looked. */
static struct err read_match(
	const struct py_object *in, uint64_t start, uint64_t n, uint32_t *chars, bool *ret_bytes)
{
	struct chars c;
	struct octets b;
	if (in->type->flags & TYPE_STR) {
		TRY(chars_open(in, &c));
		if (start > c.length || n > c.length - start)
			return err_at(ERR_CORRUPT, in->addr, "match");
		TRY(chars_read(&c, start, (size_t)n, chars));
		*ret_bytes = false;
		return NO_ERR;
	}
	if (!(in->type->flags & TYPE_BYTES) && !type_is(in->type, "bytearray"))
		return err_at(ERR_UNSUPPORTED, in->addr, "match");
	TRY(octets_open(in, &b));
	if (start > b.length || n > b.length - start)
		return err_at(ERR_CORRUPT, in->addr, "match");
	TRY(mem_read(in->h->rt->mem, b.data + start, chars, (size_t)n));
	*ret_bytes = true;
	return NO_ERR;
}

static void put_match(struct repr *r, const uint32_t *chars, size_t n, bool bytes)
{
	enum { SHOWN = 50 };
	AUTO_STR(text);
	if (bytes)
		format_bytes(&text, "b", (const uint8_t *)chars, n);
	else
		format_str(&text, "", chars, n, r->h->rt->layout.row->unicode, ESCAPE_UNPRINTABLE);
	str_add(r->to, text.bytes, utf8_span(&text, SHOWN));
}

/* A match in something that is neither text nor bytes is shown without what it found. */
static struct err render_match(struct repr *r, const struct py_object *o)
{
	enum { READ_MAX = 4096 };
	uint32_t chars[READ_MAX];
	const struct py_runtime *rt = o->h->rt;
	uint64_t string, mark, start, end;
	struct py_object in;
	bool bytes;
	if (!layout_has(&rt->layout, FIELD_match_mark))
		return render_object(r, o);
	TRY(object_get(o, FIELD_match_string, &string));
	TRY(object_inside(o, FIELD_match_mark, &mark));
	TRY(mem_ptr(rt->mem, mark, &start));
	TRY(mem_ptr(rt->mem, mark + rt->layout.key.ptr_size, &end));
	if (end < start || (int64_t)end < 0)
		return err_at(ERR_CORRUPT, o->addr, "match");
	TRY(object_open(o->h, string, &in));
	size_t n = end - start > READ_MAX ? READ_MAX : (size_t)(end - start);
	struct err e = read_match(&in, start, n, chars, &bytes);
	if (e.code == ERR_UNSUPPORTED)
		return render_object(r, o);
	TRY(e);
	repr_putf(r, "<%s object; span=(%" PRIu64 ", %" PRIu64 "), match=", o->type->full, start,
		end);
	if (r->limits->redact)
		repr_putf(r, "<%s of length %" PRIu64 ">", bytes ? "bytes" : "str", end - start);
	else
		put_match(r, chars, n, bytes);
	repr_put(r, ">");
	return NO_ERR;
}

const struct kind kinds_references[] = {
	{ "weakref", render_weakref },
	{ "weakref.ReferenceType", render_weakref },
	{ "weakproxy", render_proxy },
	{ "weakref.ProxyType", render_proxy },
	{ "weakcallableproxy", render_proxy },
	{ "weakref.CallableProxyType", render_proxy },
	{ "re.Pattern", render_pattern },
	{ "_sre.SRE_Pattern", render_pattern },
	{ "re.Match", render_match },
	{ "_sre.SRE_Match", render_match },
	{ 0 },
};
