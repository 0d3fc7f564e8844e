/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers: whole ones of any size, floats, complex ones. */
#include "repr.h"

#include "format.h"

#include "pycore/alloc.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Of a number that is too long to be read whole, the upper digits: what is below is only counted.
 */
static struct err put_digits(struct repr *r, const struct py_object *o, const struct digits *d)
{
	uint64_t most = FORMAT_INT_BITS_MAX / d->bits, below = d->n > most ? d->n - most : 0;
	size_t n = (size_t)(d->n - below);
	AUTO_FREE uint8_t *bytes = xmalloc(n * d->size + 1);
	AUTO_FREE uint32_t *digits = xmalloc(n * sizeof(*digits) + 1);
	struct mem *mem = o->h->rt->mem;
	TRY(mem_read(mem, d->data + below * d->size, bytes, n * d->size));
	for (size_t i = 0; i < n; i++) {
		digits[i] = (uint32_t)bytes_uint(bytes + i * d->size, d->size, mem->order);
		if (digits[i] >> d->bits)
			return err_at(ERR_CORRUPT, d->data, "digit of an int");
	}
	unsigned max = r->limits->max_string;
	bool whole = below ? format_int_head(r->to, digits, n, below, d->bits, d->negative, max)
			   : format_int(r->to, digits, n, d->bits, d->negative, max);
	r->truncated |= !whole;
	if (whole && r->h->rt->layout.row->repr & REPR_BYTE_STRINGS)
		repr_put(r, "L");
	return NO_ERR;
}

static struct err render_long(struct repr *r, const struct py_object *o)
{
	struct digits d;
	TRY(digits_open(o, &d));
	if (d.n >> 40)
		return err_at(ERR_CORRUPT, o->addr, "number of digits of an int");
	return put_digits(r, o, &d);
}

static struct err render_int(struct repr *r, const struct py_object *o)
{
	int64_t v;
	if (!(o->type->flags & TYPE_INT27) || !layout_has(&o->h->rt->layout, FIELD_int_value))
		return render_long(r, o);
	TRY(object_get_int(o, FIELD_int_value, &v));
	repr_putf(r, "%" PRId64, v);
	return NO_ERR;
}

static struct err get_double(const struct py_object *o, enum field f, double *ret)
{
	uint64_t bits;
	TRY(object_get(o, f, &bits));
	memcpy(ret, &bits, sizeof(*ret));
	return NO_ERR;
}

static struct err render_float(struct repr *r, const struct py_object *o)
{
	double v;
	TRY(get_double(o, FIELD_float_value, &v));
	format_double(r->to, v, true);
	return NO_ERR;
}

/* A real part of +0.0 is not written. */
static struct err render_complex(struct repr *r, const struct py_object *o)
{
	double real, imag;
	TRY(get_double(o, FIELD_complex_real, &real));
	TRY(get_double(o, FIELD_complex_imag, &imag));
	bool only_imaginary = real == 0 && !signbit(real);
	if (!only_imaginary) {
		repr_put(r, "(");
		format_double(r->to, real, false);
		/* a NaN has no sign here */
		if (isnan(imag) || !signbit(imag))
			repr_put(r, "+");
	}
	format_double(r->to, imag, false);
	repr_put(r, only_imaginary ? "j" : "j)");
	return NO_ERR;
}

const struct kind kinds_numbers[] = {
	{ "int", render_int, KIND_SHAPE },
	{ "long", render_long, KIND_SHAPE },
	{ "float", render_float, KIND_SHAPE },
	{ "complex", render_complex, KIND_SHAPE },
	{ 0 },
};
