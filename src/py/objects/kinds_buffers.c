/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain numbers and bytes side by side: array.array (Modules/arraymodule.c), memoryview
 * (Objects/memoryobject.c).
 */
#include "peek.h"

#include "format.h"

#include "pycore/alloc.h"

#include <inttypes.h>
#include <string.h>

/* An array, its head checked. */
struct array {
	struct heap *h;
	uint64_t items, length;
	unsigned size; /* bytes of one */
	char code;
};

static struct err array_open(const struct py_object *o, struct array *ret)
{
	const struct py_runtime *rt = o->h->rt;
	uint64_t descr, code, size;
	int64_t length;
	struct array a = { .h = o->h };
	TRY(object_get(o, FIELD_array_descr, &descr));
	TRY(object_get(o, FIELD_array_items, &a.items));
	TRY(object_get_int(o, FIELD_varobject_size, &length));
	TRY(mem_uint(
		rt->mem, descr + rt->layout.field[FIELD_array_descr_typecode].offset, 1, &code));
	TRY(py_field(rt, descr, FIELD_array_descr_itemsize, &size));
	if (length < 0 || (size != 1 && size != 2 && size != 4 && size != 8))
		return err_at(ERR_CORRUPT, o->addr, "array");
	a.length = (uint64_t)length;
	if (a.length >> 48 || !mem_maps(o->h->rt->mem, a.items, a.length * a.size))
		return err_at(ERR_CORRUPT, o->addr, "length of an array");
	a.size = (unsigned)size;
	a.code = (char)code;
	*ret = a;
	return NO_ERR;
}

static void put_float(struct repr *r, uint64_t bits, unsigned size)
{
	double v;
	float f;
	uint32_t half = (uint32_t)bits;
	memcpy(&v, &bits, sizeof(v));
	memcpy(&f, &half, sizeof(f));
	format_double(r->to, size == sizeof(f) ? (double)f : v, true);
}

/* 2.7 makes longs of the larger unsigned ones. */
static void put_number(struct repr *r, const struct array *a, uint64_t bits)
{
	bool old = r->h->rt->layout.row->repr & REPR_BYTE_STRINGS;
	unsigned spare = 64 - 8 * a->size;
	if (strchr("fd", a->code))
		put_float(r, bits, a->size);
	else if (strchr("bhilq", a->code))
		repr_putf(r, "%" PRId64, (int64_t)(bits << spare) >> spare);
	else
		repr_putf(r, "%" PRIu64 "%s", bits, old && strchr("IL", a->code) ? "L" : "");
}

static struct err put_numbers(struct repr *r, const struct array *a)
{
	if (r->limits->redact && a->size == 1) { /* may well be text */
		repr_putf(r, "<bytes of length %" PRIu64 ">", a->length);
		return NO_ERR;
	}
	struct items it = items_begin(r, "[", "]", a->length);
	for (uint64_t i = 0, bits; items_more(&it); i++) {
		struct err e = mem_uint(r->h->rt->mem, a->items + i * a->size, a->size, &bits);
		if (failed(e)) {
			repr_damage(r, e);
			break;
		}
		put_number(r, a, bits);
	}
	items_end(&it);
	return NO_ERR;
}

static struct err put_characters(struct repr *r, const struct array *a)
{
	const struct layout_row *row = r->h->rt->layout.row;
	bool old = row->repr & REPR_BYTE_STRINGS;
	struct chars c = { r->h->rt->mem, a->items, a->length, a->size };
	if (r->limits->redact) {
		repr_putf(r, "<str of length %" PRIu64 ">", a->length);
		return NO_ERR;
	}
	if (a->size > sizeof(uint32_t))
		return err_at(ERR_CORRUPT, a->items, "array");
	uint64_t max = r->limits->max_string;
	size_t n = (size_t)(a->length < max ? a->length : max);
	AUTO_FREE uint32_t *chars = xmalloc(n * sizeof(*chars) + 1);
	TRY(chars_read(&c, 0, n, chars));
	enum str_escapes escapes = !old		  ? ESCAPE_UNPRINTABLE
				   : a->size == 2 ? ESCAPE_NON_ASCII_UTF16
						  : ESCAPE_NON_ASCII;
	format_str(r->to, old && a->code == 'u' ? "u" : "", chars, n, row->unicode, escapes);
	if (n < a->length) {
		repr_putf(r, "... +%" PRIu64 " more characters", a->length - n);
		r->truncated = true;
	}
	return NO_ERR;
}

static struct err render_array(struct repr *r, const struct py_object *o)
{
	struct array a;
	bool own_name = r->h->rt->layout.row->repr & REPR_SUBCLASS_NAMES;
	if (!layout_has(&o->h->rt->layout, FIELD_array_descr_typecode))
		return render_object(r, o);
	TRY(array_open(o, &a));
	if (!strchr("bBuwchHiIlLqQfd", a.code) || !a.code)
		return err_at(ERR_CORRUPT, o->addr, "array: type code");
	repr_putf(r, "%s('%c'", own_name ? o->type->name : "array", a.code);
	if (a.length) {
		repr_put(r, ", ");
		TRY(strchr("uwc", a.code) ? put_characters(r, &a) : put_numbers(r, &a));
	}
	repr_put(r, ")");
	return NO_ERR;
}

/* Plain bytes in a row. False: it shows something else. */
static bool view_bytes(const struct py_object *o, struct octets *ret)
{
	const struct py_runtime *rt = o->h->rt;
	struct octets b;
	uint64_t view, ndim, itemsize, strides, stride = 1, suboffsets;
	if (failed(object_inside(o, FIELD_memoryview_view, &view)) ||
		failed(py_field(rt, view, FIELD_buffer_buf, &b.data)) ||
		failed(py_field(rt, view, FIELD_buffer_len, &b.length)) ||
		failed(py_field(rt, view, FIELD_buffer_ndim, &ndim)) ||
		failed(py_field(rt, view, FIELD_buffer_itemsize, &itemsize)) ||
		failed(py_field(rt, view, FIELD_buffer_strides, &strides)) ||
		failed(py_field(rt, view, FIELD_buffer_suboffsets, &suboffsets)) ||
		(strides && failed(mem_ptr(rt->mem, strides, &stride))))
		return false;
	*ret = b;
	return ndim == 1 && itemsize == 1 && stride == 1 && !suboffsets && b.data &&
	       b.length <= INT64_MAX;
}

static struct err render_memoryview(struct repr *r, const struct py_object *o)
{
	enum { RELEASED = 1 };
	struct octets b;
	uint64_t flags = 0;
	if (layout_has(&o->h->rt->layout, FIELD_memoryview_flags))
		TRY(object_get(o, FIELD_memoryview_flags, &flags));
	repr_putf(r, "<%smemory at 0x%" PRIx64 ">", flags & RELEASED ? "released " : "", o->addr);
	if (flags & RELEASED || r->limits->redact || !view_bytes(o, &b))
		return NO_ERR;
	uint64_t max = r->limits->max_string;
	size_t n = (size_t)(b.length < max ? b.length : max);
	AUTO_FREE uint8_t *bytes = xmalloc(n + 1);
	TRY(mem_read(o->h->rt->mem, b.data, bytes, n));
	repr_put(r, " {");
	format_bytes(r->to, "b", bytes, n);
	if (n < b.length) {
		repr_putf(r, "... +%" PRIu64 " more bytes", b.length - n);
		r->truncated = true;
	}
	repr_put(r, "}");
	return NO_ERR;
}

const struct kind kinds_buffers[] = {
	{ "array.array", render_array, KIND_CONTAINER | KIND_SHAPE, "array(...)" },
	{ "memoryview", render_memoryview },
	{ 0 },
};
