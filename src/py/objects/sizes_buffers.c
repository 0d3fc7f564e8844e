/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers: what objects own in plain memory. Of the standard library those that no __sizeof__
 * counts (Modules/_io/stringio.c, _csv.c, _queuemodule.c, _ctypes/ctypes.h); of extension modules
 * those of buffers.def, and numpy's scalars. numpy's __sizeof__
 * (numpy/core/src/multiarray/methods.c, scalartypes.c.src) counts lengths and strides of an array,
 * and its elements if it has OWNDATA; of a scalar its value, though that lies inside of it.
 */
#include "numpy.h"
#include "sizes.h"

#include "pycore/attr.h"

#include <string.h>

/* Bytes that no __sizeof__ counts. They have to be memory of the process. */
static void owns(struct weighed *w, uint64_t addr, uint64_t bytes)
{
	if (!addr || !bytes)
		return;
	if (mem_maps(w->m->h->rt->mem, addr, bytes))
		w->size->owned += bytes;
	else
		w->damaged = true;
}

static void weigh_stringio(struct weighed *w)
{
	unsigned width = unicode_width(w->m->h);
	owns(w, weighed_get(w, FIELD_stringio_buf),
		weighed_product(w, weighed_get(w, FIELD_stringio_buf_size), width));
}

/* Fields are collected as characters of four bytes; in 2.7 as bytes. */
static void weigh_field(struct weighed *w, enum field data, enum field count)
{
	unsigned width = weighed_layout(w)->row->text == TEXT_COMPACT ? 4 : 1;
	owns(w, weighed_get(w, data), weighed_product(w, weighed_get(w, count), width));
}

static void weigh_csv_reader(struct weighed *w)
{
	weigh_field(w, FIELD_csv_reader_field, FIELD_csv_reader_field_size);
}

static void weigh_csv_writer(struct weighed *w)
{
	weigh_field(w, FIELD_csv_writer_record, FIELD_csv_writer_record_size);
}

static void weigh_simple_queue(struct weighed *w)
{
	owns(w, weighed_get(w, FIELD_simple_queue_items),
		weighed_product(w, weighed_get(w, FIELD_simple_queue_capacity), weighed_word(w)));
}

static void weigh_counted_queue(struct weighed *w)
{
	weigh_simple_queue(w);
	w->size->getsizeof += w->size->owned;
}

/* Small values lie in the object; the memory of a pointer or of a part is somebody else's. */
static void weigh_cdata(struct weighed *w)
{
	uint64_t at = weighed_get(w, FIELD_cdata_ptr);
	bool inside = at >= w->addr && at - w->addr < w->m->type->basicsize;
	if (weighed_get(w, FIELD_cdata_needs_free) && !inside)
		owns(w, at, weighed_product(w, weighed_get(w, FIELD_cdata_size), 1));
}

enum { OWNDATA = 4 }; /* NPY_ARRAY_OWNDATA */

/* A number of the object at an offset of buffers.def. */
static uint64_t number_at(struct weighed *w, uint64_t offset, unsigned size)
{
	uint64_t at = weighed_layout(w)->field[FIELD_object_sizeof].offset + offset;
	if (at + size <= w->n)
		return bytes_uint(w->bytes + at, size, weighed_layout(w)->key.order);
	w->damaged = true;
	return 0;
}

static uint64_t word_at(struct weighed *w, uint64_t addr)
{
	uint64_t v = 0;
	w->damaged |= failed(mem_ptr(w->m->h->rt->mem, addr, &v));
	return v;
}

/* How many elements an array has. */
static uint64_t elements_of(struct weighed *w, uint64_t shape, uint64_t dimensions)
{
	uint64_t n = 1;
	for (uint64_t i = 0; i < dimensions && !w->damaged; i++)
		n = weighed_product(w, n, word_at(w, shape + i * weighed_word(w)));
	return n;
}

/* Their size in bytes, by the dtype; arrays without gaps agree in their last dimension. */
static uint64_t element_size(struct weighed *w, uint64_t dimensions)
{
	enum { CONTIGUOUS = 1 };
	const struct buffer_place *at = &w->m->kind->at;
	uint64_t word = weighed_word(w), size = 0, last = (dimensions - 1) * word;
	if (!numpy_dtype_size(w->m->h, number_at(w, at->dtype, 8), &size))
		w->damaged = true;
	if (dimensions && number_at(w, at->flags, 4) & CONTIGUOUS &&
		word_at(w, number_at(w, at->shape, 8) + last) > 1 &&
		word_at(w, number_at(w, at->strides, 8) + last) != size)
		w->damaged = true;
	return size;
}

/* What such types count for the object itself. numpy to 1.19, where arrays are smallest, and others
 * leave out what a class of Python adds. */
static uint64_t head_size(const struct weighed *w)
{
	uint64_t least =
		weighed_layout(w)->field[FIELD_object_sizeof].offset + w->m->kind->at.least;
	const struct py_type *t = w->m->type;
	while (t->by_python && t->base)
		t = t->base;
	return t->basicsize == least ? least : w->m->type->basicsize;
}

static void weigh_array(struct weighed *w)
{
	const struct buffer_place *at = &w->m->kind->at;
	uint64_t dimensions = number_at(w, at->count, 4), bytes;
	w->size->getsizeof = head_size(w);
	if (dimensions > ARRAY_DIMENSIONS_MAX) {
		w->damaged = true;
		return;
	}
	weighed_body(w, 2 * dimensions * weighed_word(w));
	if (!(number_at(w, at->flags, 4) & OWNDATA))
		return;
	uint64_t n = elements_of(w, number_at(w, at->shape, 8), dimensions);
	if (!n) /* strides of nothing may be anything */
		return;
	bytes = weighed_product(w, n, element_size(w, dimensions));
	if (w->damaged)
		return;
	owns(w, number_at(w, at->data, 8), bytes);
	w->size->getsizeof += w->damaged ? 0 : bytes;
}

static void weigh_vector(struct weighed *w)
{
	const struct buffer_place *at = &w->m->kind->at;
	uint64_t counted = w->size->owned;
	w->size->getsizeof = head_size(w);
	owns(w, number_at(w, at->data, 8),
		weighed_product(w, number_at(w, at->count, 8), at->width));
	if (at->block)
		owns(w, number_at(w, at->block, 8), at->block_size);
	w->size->getsizeof += w->size->owned - counted;
}

/* numpy's scalars of one size. Those whose values have as many bytes as objects say, behind their
 * heads, have 0. */
static const struct scalar {
	const char *full;
	uint8_t size;
} scalars[] = {
	{ "numpy.bool", 1 },
	{ "numpy.bool_", 1 },
	{ "numpy.int8", 1 },
	{ "numpy.uint8", 1 },
	{ "numpy.int16", 2 },
	{ "numpy.uint16", 2 },
	{ "numpy.float16", 2 },
	{ "numpy.int32", 4 },
	{ "numpy.intc", 4 },
	{ "numpy.uint32", 4 },
	{ "numpy.uintc", 4 },
	{ "numpy.float32", 4 },
	{ "numpy.int64", 8 },
	{ "numpy.longlong", 8 },
	{ "numpy.uint64", 8 },
	{ "numpy.ulonglong", 8 },
	{ "numpy.float64", 8 },
	{ "numpy.complex64", 8 },
	{ "numpy.datetime64", 8 },
	{ "numpy.timedelta64", 8 },
	{ "numpy.longdouble", 16 },
	{ "numpy.float128", 16 },
	{ "numpy.complex128", 16 },
	{ "numpy.clongdouble", 32 },
	{ "numpy.complex256", 32 },
	{ "numpy.bytes_", 0 },
	{ "numpy.string_", 0 },
	{ "numpy.void", 0 },
};

static const struct scalar *scalar_of(const struct py_type *t)
{
	for (; t; t = t->base) {
		for (size_t i = 0; i < ARRAY_LEN(scalars) && !t->by_python; i++) {
			if (!strcmp(scalars[i].full, t->full))
				return &scalars[i];
		}
	}
	return NULL;
}

static bool knows_scalar(const struct py_type *t)
{
	return scalar_of(t) != NULL;
}

static void weigh_scalar(struct weighed *w)
{
	enum { VOID_DATA = 8, VOID_FLAGS = 24 }; /* from the end of PyObject */
	const struct scalar *s = scalar_of(w->m->type);
	uint64_t n = s && s->size ? s->size : weighed_get(w, FIELD_varobject_size);
	w->size->getsizeof += weighed_product(w, n, 1);
	if (s && !strcmp(s->full, "numpy.void") && number_at(w, VOID_FLAGS, 4) & OWNDATA)
		owns(w, number_at(w, VOID_DATA, 8), n);
}

const struct size_kind size_kinds_buffers[] = {
	{ "_io.StringIO", weigh_stringio, .bodies = true, .whole = FIELD_stringio_sizeof },
	{ "_csv.reader", weigh_csv_reader, .bodies = true, .whole = FIELD_csv_reader_sizeof },
	{ "_csv.writer", weigh_csv_writer, .bodies = true, .whole = FIELD_csv_writer_sizeof },
	{ "_queue.SimpleQueue", weigh_simple_queue, .bodies = true,
		.needs = FIELD_simple_queue_capacity },
	{ "_queue.SimpleQueue", weigh_counted_queue, .needs = FIELD_simple_queue_capacity },
	{ "_ctypes._CData", weigh_cdata, .bodies = true, .whole = FIELD_cdata_sizeof },
#define ARRAY(full_, least_, most_, data_, count_, shape_, strides_, dtype_, flags_)               \
	{ full_, weigh_array,                                                                      \
		.at = { .least = (least_),                                                         \
			.most = (most_),                                                           \
			.data = (data_),                                                           \
			.count = (count_),                                                         \
			.shape = (shape_),                                                         \
			.strides = (strides_),                                                     \
			.dtype = (dtype_),                                                         \
			.flags = (flags_) } },
#define VECTOR(full_, least_, most_, data_, count_, width_, block_, block_size_)                   \
	{ full_, weigh_vector,                                                                     \
		.at = { .least = (least_),                                                         \
			.most = (most_),                                                           \
			.data = (data_),                                                           \
			.count = (count_),                                                         \
			.width = (width_),                                                         \
			.block = (block_),                                                         \
			.block_size = (block_size_) } },
#include "buffers.def"
	{ "numpy.generic", weigh_scalar, .knows = knows_scalar },
	{ 0 },
};
