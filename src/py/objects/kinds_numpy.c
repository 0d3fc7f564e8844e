/* SPDX-License-Identifier: Apache-2.0 */
/*
 * numpy's arrays, scalars and dtypes (numpy/core/include/numpy/ndarraytypes.h), of its versions 1
 * and 2. Both lay an array out alike: data, number of dimensions, their lengths, strides, base,
 * dtype. Of a dtype only the width of the size differs, and the size of the whole struct.
 *
 * An array is shown as <numpy.ndarray dtype=int64 shape=(2, 2) [[0, 1], [2, 3]]>, as tolist() would
 * list it. What its elements mean is known for booleans, numbers, bytes, text and objects.
 */
#include "numpy.h"
#include "peek.h"

#include "format.h"

#include "pycore/alloc.h"

#include <inttypes.h>
#include <string.h>

enum {
	DIMENSIONS_MAX = 64,
	DTYPE_1 = 80, /* bytes of numpy.dtype behind PyObject in versions 1 and 2 */
	DTYPE_2 = 72,
};

/* Where the members of numpy's own begin. */
static uint64_t head_of(const struct heap *h)
{
	return h->rt->layout.field[FIELD_object_sizeof].offset;
}

static bool is_known(const struct heap *h)
{
	return h->rt->layout.key.ptr_size == 8 && layout_has(&h->rt->layout, FIELD_object_sizeof);
}

static struct err dtype_open(const struct py_object *o, struct dtype *ret)
{
	struct mem *mem = o->h->rt->mem;
	const struct py_type *t = o->type;
	uint64_t at = o->addr + head_of(o->h) + 8, kind, order, size;
	while (t && strcmp(t->full, "numpy.dtype") != 0)
		t = t->base;
	uint64_t behind = t ? t->basicsize - head_of(o->h) : 0;
	if (behind != DTYPE_1 && behind != DTYPE_2)
		return err_at(ERR_UNSUPPORTED, o->addr, "numpy.dtype");
	TRY(mem_uint(mem, at, 1, &kind));
	TRY(mem_uint(mem, at + 2, 1, &order));
	TRY(behind == DTYPE_1 ? mem_uint(mem, at + 8, 4, &size) : mem_uint(mem, at + 16, 8, &size));
	if (size >> 40)
		return err_at(ERR_CORRUPT, o->addr, "numpy.dtype");
	char native = mem->order == ORDER_LITTLE ? '<' : '>';
	*ret = (struct dtype){ .kind = (char)kind,
		.swapped = (order == '<' || order == '>') && (char)order != native,
		.size = size };
	return NO_ERR;
}

bool numpy_dtype_size(struct heap *h, uint64_t dtype, uint64_t *ret)
{
	struct py_object o;
	struct dtype d;
	if (!is_known(h) || failed(object_open(h, dtype, &o)) || failed(dtype_open(&o, &d)))
		return false;
	*ret = d.size;
	return true;
}

/* Whether elements of that kind can have that size, and are shown. */
static bool is_shown(const struct dtype *d)
{
	uint64_t n = d->size;
	switch (d->kind) {
	case 'b':
		return n == 1;
	case 'i':
	case 'u':
		return n == 1 || n == 2 || n == 4 || n == 8;
	case 'f':
		return n == 2 || n == 4 || n == 8;
	case 'c':
		return n == 8 || n == 16;
	case 'O':
		return n == 8;
	case 'S':
		return true;
	case 'U':
		return n % 4 == 0;
	default:
		return false;
	}
}

/* "float64", ">i4", "<U2", "S3" */
static void put_dtype_name(struct repr *r, const struct dtype *d)
{
	static const struct {
		char kind;
		const char *name;
	} numbers[] = { { 'i', "int" }, { 'u', "uint" }, { 'f', "float" }, { 'c', "complex" } };
	bool little = (r->h->rt->mem->order == ORDER_LITTLE) != d->swapped;
	const char *order = little ? "<" : ">";
	for (size_t i = 0; i < ARRAY_LEN(numbers) && !d->swapped; i++) {
		if (d->kind == numbers[i].kind) {
			repr_putf(r, "%s%" PRIu64, numbers[i].name, 8 * d->size);
			return;
		}
	}
	if (d->kind == 'b')
		repr_put(r, "bool");
	else if (d->kind == 'O')
		repr_put(r, "object");
	else if (d->kind == 'U')
		repr_putf(r, "%sU%" PRIu64, order, d->size / 4);
	else if (strchr("iufcMm", d->kind) && d->kind)
		repr_putf(r, "%s%c%" PRIu64, order, d->kind, d->size);
	else if (d->kind > ' ' && d->kind < 0x7f)
		repr_putf(r, "%c%" PRIu64, d->kind, d->size);
}

/* Bytes or characters of fixed length, without the NULs at their end. */
static struct err put_text(struct repr *r, const struct dtype *d, uint64_t at)
{
	const struct layout_row *row = r->h->rt->layout.row;
	bool old = row->repr & REPR_BYTE_STRINGS;
	unsigned width = d->kind == 'U' ? 4 : 1;
	uint64_t length = d->size / width, max = r->limits->max_string;
	size_t n = (size_t)(length < max ? length : max);
	AUTO_FREE uint8_t *bytes = xmalloc(n * width + 1);
	AUTO_FREE uint32_t *chars = xmalloc(n * sizeof(*chars) + 1);
	enum byte_order order = r->h->rt->mem->order;
	if (d->swapped)
		order = order == ORDER_LITTLE ? ORDER_BIG : ORDER_LITTLE;
	TRY(mem_read(r->h->rt->mem, at, bytes, n * width));
	for (size_t i = 0; i < n; i++) {
		chars[i] = (uint32_t)bytes_uint(bytes + i * width, width, order);
		if (chars[i] > 0x10ffff)
			return err_at(ERR_CORRUPT, at, "character of an array");
	}
	while (n == length && n && !chars[n - 1])
		n = (size_t)--length;
	if (r->limits->redact)
		repr_putf(r, "<%s of length %" PRIu64 ">", width == 4 ? "str" : "bytes", length);
	else if (width == 4)
		format_str(r->to, old ? "u" : "", chars, n, row->unicode,
			old ? ESCAPE_NON_ASCII : ESCAPE_UNPRINTABLE);
	else
		format_bytes(r->to, old ? "" : "b", bytes, n);
	if (n < length && !r->limits->redact) {
		repr_putf(r, "... +%" PRIu64 " more", length - n);
		r->truncated = true;
	}
	return NO_ERR;
}

static struct err put_element(struct repr *r, const struct dtype *d, uint64_t at)
{
	uint8_t bytes[ELEMENT_MAX];
	uint64_t object;
	if (d->kind == 'S' || d->kind == 'U')
		return put_text(r, d, at);
	if (d->kind == 'O') {
		TRY(mem_ptr(r->h->rt->mem, at, &object));
		if (object)
			repr_value(r, object);
		else
			repr_put(r, "None");
		return NO_ERR;
	}
	TRY(mem_read(r->h->rt->mem, at, bytes, (size_t)d->size));
	numpy_number(r, d, bytes);
	return NO_ERR;
}

struct array {
	struct dtype dtype;
	unsigned n; /* dimensions */
	uint64_t data;
	uint64_t shape[DIMENSIONS_MAX], strides[DIMENSIONS_MAX];
};

/* One dimension and all inside of it. Every element counts as an object. */
static void put_dimension(struct repr *r, const struct array *a, unsigned i, uint64_t at)
{
	if (i == a->n) {
		struct err e = put_element(r, &a->dtype, at);
		if (failed(e))
			repr_damage(r, e);
		return;
	}
	struct items it = items_begin(r, "[", "]", a->shape[i]);
	for (; items_more(&it); at += a->strides[i]) {
		r->nodes_left--;
		put_dimension(r, a, i + 1, at);
	}
	items_end(&it);
}

static struct err read_words(struct mem *mem, uint64_t at, unsigned n, uint64_t *ret)
{
	for (unsigned i = 0; i < n; i++)
		TRY(mem_uint(mem, at + 8ULL * i, 8, &ret[i]));
	return NO_ERR;
}

static struct err array_open(const struct py_object *o, struct array *ret)
{
	enum { DATA, COUNT, SHAPE, STRIDES, BASE, DTYPE, WORDS };
	struct mem *mem = o->h->rt->mem;
	uint64_t words[WORDS];
	struct py_object dtype;
	TRY(read_words(mem, o->addr + head_of(o->h), WORDS, words));
	uint64_t n = (uint32_t)words[COUNT];
	if (n > DIMENSIONS_MAX)
		return err_at(ERR_CORRUPT, o->addr, "number of dimensions");
	TRY(object_open(o->h, words[DTYPE], &dtype));
	TRY(dtype_open(&dtype, &ret->dtype));
	ret->n = (unsigned)n;
	ret->data = words[DATA];
	TRY(read_words(mem, words[SHAPE], ret->n, ret->shape));
	TRY(read_words(mem, words[STRIDES], ret->n, ret->strides));
	for (unsigned i = 0; i < ret->n; i++) {
		if (ret->shape[i] >> 62)
			return err_at(ERR_CORRUPT, o->addr, "dimension");
	}
	return NO_ERR;
}

static struct err render_array(struct repr *r, const struct py_object *o)
{
	struct array a;
	if (!is_known(o->h))
		return render_object(r, o);
	struct err e = array_open(o, &a);
	if (e.code == ERR_UNSUPPORTED)
		return render_object(r, o);
	TRY(e);
	repr_putf(r, "<%s dtype=", o->type->full);
	put_dtype_name(r, &a.dtype);
	repr_put(r, " shape=(");
	for (unsigned i = 0; i < a.n; i++)
		repr_putf(r, "%s%" PRIu64, i ? ", " : "", a.shape[i]);
	repr_put(r, a.n == 1 ? ",)" : ")");
	if (is_shown(&a.dtype)) {
		repr_put(r, " ");
		put_dimension(r, &a, 0, a.data);
	}
	repr_put(r, ">");
	return NO_ERR;
}

static struct err render_dtype(struct repr *r, const struct py_object *o)
{
	struct dtype d;
	if (!is_known(o->h) || failed(dtype_open(o, &d)) || !is_shown(&d))
		return render_object(r, o);
	repr_put(r, "dtype('");
	if (d.kind == 'O')
		repr_put(r, "O");
	else
		put_dtype_name(r, &d);
	repr_put(r, "')");
	return NO_ERR;
}

/* The first number of numpy's version; 0: it is not told. */
static unsigned numpy_generation(struct heap *h)
{
	enum { UNKNOWN = 9999 };
	uint64_t stated;
	struct py_text text;
	if (!h->numpy) {
		h->numpy = UNKNOWN;
		if (peek_module(h, "numpy", "__version__", &stated)) {
			str_text_of(h, stated, &text);
			if (text.bytes && text.bytes[0] > '0' && text.bytes[0] <= '9' &&
				text.bytes[1] == '.')
				h->numpy = (unsigned)(text.bytes[0] - '0');
		}
	}
	return h->numpy == UNKNOWN ? 0 : h->numpy;
}

/* A scalar's value lies where an array's members begin. Version 1 writes only that. */
static struct err put_scalar(struct repr *r, const struct py_object *o, const struct dtype *d)
{
	uint8_t bytes[ELEMENT_MAX];
	unsigned generation = numpy_generation(o->h), half = (unsigned)d->size / 2;
	enum byte_order order = o->h->rt->mem->order;
	if (!is_known(o->h) || !generation || d->size > o->type->basicsize - head_of(o->h))
		return render_object(r, o);
	TRY(mem_read(o->h->rt->mem, o->addr + head_of(o->h), bytes, (size_t)d->size));
	if (generation > 1 && d->kind == 'b') {
		repr_put(r, bytes[0] ? "np.True_" : "np.False_");
		return NO_ERR;
	}
	if (generation > 1) {
		repr_put(r, "np.");
		put_dtype_name(r, d);
		repr_put(r, "(");
	}
	if (generation > 1 && d->kind == 'c')
		numpy_complex(r->to, bytes_uint(bytes, half, order),
			bytes_uint(bytes + half, half, order), half, false);
	else
		numpy_number(r, d, bytes);
	repr_put(r, generation > 1 ? ")" : "");
	return NO_ERR;
}

/* Of numbers, by the letter and the width in the name of the type. */
static struct err render_scalar(struct repr *r, const struct py_object *o)
{
	static const struct {
		const char *name;
		struct dtype dtype;
	} scalars[] = {
		{ "bool", { 'b', false, 1 } },
		{ "bool_", { 'b', false, 1 } },
		{ "int8", { 'i', false, 1 } },
		{ "int16", { 'i', false, 2 } },
		{ "int32", { 'i', false, 4 } },
		{ "intc", { 'i', false, 4 } },
		{ "int64", { 'i', false, 8 } },
		{ "longlong", { 'i', false, 8 } },
		{ "uint8", { 'u', false, 1 } },
		{ "uint16", { 'u', false, 2 } },
		{ "uint32", { 'u', false, 4 } },
		{ "uintc", { 'u', false, 4 } },
		{ "uint64", { 'u', false, 8 } },
		{ "ulonglong", { 'u', false, 8 } },
		{ "float16", { 'f', false, 2 } },
		{ "float32", { 'f', false, 4 } },
		{ "float64", { 'f', false, 8 } },
		{ "complex64", { 'c', false, 8 } },
		{ "complex128", { 'c', false, 16 } },
	};
	for (const struct py_type *t = o->type; t; t = t->base) {
		for (size_t i = 0; i < ARRAY_LEN(scalars); i++) {
			if (!strcmp(t->module, "numpy") && !strcmp(t->name, scalars[i].name))
				return put_scalar(r, o, &scalars[i].dtype);
		}
	}
	return render_object(r, o);
}

/* numpy.str_ and numpy.bytes_ are laid out as what they derive from. */
static struct err render_string(struct repr *r, const struct py_object *o)
{
	const struct kind *base = kind_find(o->type->flags & TYPE_STR ? "str" : "bytes", false);
	unsigned generation = numpy_generation(o->h);
	if (r->limits->redact)
		return repr_redacted(r, o);
	if (!base || !generation || !(o->type->flags & (TYPE_STR | TYPE_BYTES)))
		return render_object(r, o);
	if (generation > 1)
		repr_put(r, o->type->flags & TYPE_STR ? "np.str_(" : "np.bytes_(");
	TRY(base->render(r, o));
	repr_put(r, generation > 1 ? ")" : "");
	return NO_ERR;
}

const struct kind kinds_numpy[] = {
	{ "numpy.ndarray", render_array, KIND_CONTAINER | KIND_SHAPE, "..." },
	{ "numpy.dtype", render_dtype },
	{ "numpy.bool", render_scalar },
	{ "numpy.bool_", render_scalar },
	{ "numpy.int8", render_scalar },
	{ "numpy.int16", render_scalar },
	{ "numpy.int32", render_scalar },
	{ "numpy.intc", render_scalar },
	{ "numpy.int64", render_scalar },
	{ "numpy.longlong", render_scalar },
	{ "numpy.uint8", render_scalar },
	{ "numpy.uint16", render_scalar },
	{ "numpy.uint32", render_scalar },
	{ "numpy.uintc", render_scalar },
	{ "numpy.uint64", render_scalar },
	{ "numpy.ulonglong", render_scalar },
	{ "numpy.float16", render_scalar },
	{ "numpy.float32", render_scalar },
	{ "numpy.float64", render_scalar },
	{ "numpy.complex64", render_scalar },
	{ "numpy.complex128", render_scalar },
	{ "numpy.str_", render_string, KIND_TEXT },
	{ "numpy.bytes_", render_string, KIND_TEXT },
	{ 0 },
};
