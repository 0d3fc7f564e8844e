/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of numpy's types. Floats narrower than Python's are written with the fewest digits that
 * tell them from their neighbours of the same width. */
#include "numpy.h"

#include "format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double half_to_double(uint64_t bits)
{
	int exponent = (int)(bits >> 10 & 0x1f);
	double fraction = (double)(bits & 0x3ff), v;
	if (exponent == 0x1f)
		v = fraction ? (double)NAN : (double)INFINITY;
	else if (!exponent)
		v = ldexp(fraction, -24);
	else
		v = ldexp(fraction + 1024, exponent - 25);
	return bits & 0x8000 ? -v : v;
}

/* The nearest number that a half-precision float can be, ties to even. */
static double round_to_half(double v)
{
	enum { DIGITS = 11, LEAST = -24 };
	int exponent;
	(void)frexp(v, &exponent);
	double step = ldexp(1, exponent - DIGITS > LEAST ? exponent - DIGITS : LEAST);
	double steps = (v < 0 ? -v : v) / step;
	uint32_t n = (uint32_t)steps; /* at most 2 ** DIGITS */
	double rest = steps - n;
	if (rest > 0.5 || (rest == 0.5 && n & 1))
		n++;
	return v < 0 ? -(n * step) : n * step;
}

/* The shortest digits that mean this number among those of its own size. */
static void put_narrow(struct str *to, double v, unsigned size, bool dot_zero)
{
	enum { DIGITS_MAX = 9 };
	double shown = v;
	char text[32];
	for (int n = 1; n <= DIGITS_MAX && isfinite(v) && v != 0; n++) {
		snprintf(text, sizeof(text), "%.*g", n, v);
		shown = strtod(text, NULL);
		if (size == 4 ? (float)shown == (float)v : round_to_half(shown) == v)
			break;
	}
	format_double(to, shown, dot_zero);
}

static void put_float(struct str *to, uint64_t bits, unsigned size, bool dot_zero)
{
	double v;
	float f;
	uint32_t word = (uint32_t)bits;
	memcpy(&v, &bits, sizeof(v));
	memcpy(&f, &word, sizeof(f));
	if (size == 8)
		format_double(to, v, dot_zero);
	else
		put_narrow(to, size == 4 ? (double)f : half_to_double(bits), size, dot_zero);
}

/* A real part of +0.0 is not written, and a NaN has no sign. */
void numpy_complex(struct str *to, uint64_t real, uint64_t imag, unsigned size, bool parentheses)
{
	bool negative = imag >> (8 * size - 1);
	AUTO_STR(second);
	put_float(&second, imag, size, false);
	if (!strcmp(str_text(&second), "nan"))
		negative = false;
	if (real) {
		str_puts(to, parentheses ? "(" : "");
		put_float(to, real, size, false);
		str_puts(to, negative ? "" : "+");
	}
	str_puts(to, str_text(&second));
	str_puts(to, real && parentheses ? "j)" : "j");
}

void numpy_number(struct repr *r, const struct dtype *d, const uint8_t *bytes)
{
	enum byte_order order = r->h->rt->mem->order;
	if (d->swapped)
		order = order == ORDER_LITTLE ? ORDER_BIG : ORDER_LITTLE;
	unsigned size = (unsigned)(d->kind == 'c' ? d->size / 2 : d->size), spare = 64 - 8 * size;
	uint64_t v = bytes_uint(bytes, size, order);
	if (d->kind == 'b')
		repr_put(r, v ? "True" : "False");
	else if (d->kind == 'i')
		repr_putf(r, "%" PRId64, (int64_t)(v << spare) >> spare);
	else if (d->kind == 'u')
		repr_putf(r, "%" PRIu64, v);
	else if (d->kind == 'f')
		put_float(r->to, v, size, true);
	else
		numpy_complex(r->to, v, bytes_uint(bytes + size, size, order), size, true);
}
