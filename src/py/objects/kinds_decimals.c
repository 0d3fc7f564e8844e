/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decimal.Decimal: digits and an exponent of ten. In C (3.3 on, Modules/_decimal/libmpdec): words
 * of as many digits as fit, 19 where a word has 64 bits, least significant first. In Python (2.7,
 * Lib/decimal.py): `_sign`, `_int` (digits as a str), `_exp` (an int, or "F", "n", "N" for what is
 * no number).
 */
#include "repr.h"

#include "pycore/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum decimal_form { FORM_NUMBER, FORM_INFINITY, FORM_NAN, FORM_SIGNALLING_NAN };

struct decimal {
	bool negative;
	enum decimal_form form;
	int64_t exponent;
	struct pieces digits; /* from the most significant on; of a NaN its payload */
};

static void decimal_fini(struct decimal *d)
{
	pieces_fini(&d->digits);
}

/* Digits [from, to) of all, of which those far behind are only counted. */
static void put_digits(struct pieces *p, const struct pieces *digits, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to && i < digits->len; i++)
		pieces_put(p, digits->chars[i]);
	if (to > digits->len)
		p->omitted += to - (from > digits->len ? from : digits->len);
}

/* The notation of the General Decimal Arithmetic Specification, to-scientific-string. */
static void put_number(struct pieces *p, const struct decimal *d)
{
	enum { ZEROS_MAX = 6 };
	char exponent[32];
	int64_t n = (int64_t)(d->digits.len + d->digits.omitted);
	int64_t left = d->exponent + n; /* digits in front of the point */
	int64_t point = d->exponent <= 0 && left > -ZEROS_MAX ? left : 1;
	if (point <= 0) {
		pieces_puts(p, "0.");
		for (int64_t i = point; i < 0; i++)
			pieces_put(p, '0');
		put_digits(p, &d->digits, 0, (uint64_t)n);
	} else if (point < n) {
		put_digits(p, &d->digits, 0, (uint64_t)point);
		pieces_put(p, '.');
		put_digits(p, &d->digits, (uint64_t)point, (uint64_t)n);
	} else {
		put_digits(p, &d->digits, 0, (uint64_t)n);
	}
	snprintf(exponent, sizeof(exponent), "E%+" PRId64, left - point);
	pieces_puts(p, left != point ? exponent : "");
}

static void put_decimal(struct repr *r, const struct decimal *d)
{
	AUTO_PIECES(p);
	pieces_puts(&p, d->negative ? "-" : "");
	switch (d->form) {
	case FORM_NUMBER:
		put_number(&p, d);
		break;
	case FORM_INFINITY:
		pieces_puts(&p, "Infinity");
		break;
	case FORM_NAN:
	case FORM_SIGNALLING_NAN:
		pieces_puts(&p, d->form == FORM_NAN ? "NaN" : "sNaN");
		put_digits(&p, &d->digits, 0, d->digits.len + d->digits.omitted);
		break;
	}
	repr_put(r, "Decimal(");
	repr_number(r, &p);
	repr_put(r, ")");
}

static unsigned digits_of_word(uint64_t word)
{
	unsigned n = 1;
	while (word /= 10)
		n++;
	return n;
}

/* The words from the most significant on, as far as their digits can be shown. */
static struct err read_words(const struct py_object *o, uint64_t mpd, struct pieces *ret)
{
	struct py_runtime *rt = o->h->rt;
	unsigned size = rt->layout.key.ptr_size, per_word = size == 8 ? 19 : 9;
	uint64_t digits, len, data, word;
	TRY(py_field(rt, mpd, FIELD_mpd_digits, &digits));
	TRY(py_field(rt, mpd, FIELD_mpd_len, &len));
	TRY(py_field(rt, mpd, FIELD_mpd_data, &data));
	for (uint64_t i = len; i-- > 0 && ret->len + per_word < PIECES_MAX;) {
		char text[32];
		TRY(mem_uint(rt->mem, data + i * size, size, &word));
		unsigned n = i == len - 1 ? digits_of_word(word) : per_word;
		if ((i == len - 1 && (len >> 40 || digits != i * per_word + n)) ||
			digits_of_word(word) > per_word)
			return err_at(ERR_CORRUPT, o->addr, "digits of a Decimal");
		snprintf(text, sizeof(text), "%0*" PRIu64, (int)n, word);
		pieces_puts(ret, text);
	}
	ret->omitted = len ? digits - ret->len : 0;
	return NO_ERR;
}

static struct err render_decimal(struct repr *r, const struct py_object *o)
{
	enum { NEGATIVE = 1, INFINITE = 2, NAN_ = 4, SIGNALLING = 8 }; /* MPD_NEG, ... */
	CLEANUP(decimal_fini) struct decimal d = { 0 };
	uint64_t mpd, flags, exponent;
	if (!layout_has(&r->h->rt->layout, FIELD_decimal_mpd))
		return render_object(r, o);
	TRY(object_inside(o, FIELD_decimal_mpd, &mpd));
	TRY(py_field(r->h->rt, mpd, FIELD_mpd_flags, &flags));
	TRY(py_field(r->h->rt, mpd, FIELD_mpd_exp, &exponent));
	d.negative = flags & NEGATIVE;
	d.form = flags & INFINITE     ? FORM_INFINITY
		 : flags & SIGNALLING ? FORM_SIGNALLING_NAN
		 : flags & NAN_	      ? FORM_NAN
				      : FORM_NUMBER;
	unsigned spare = 64 - 8 * r->h->rt->layout.key.ptr_size;
	d.exponent = (int64_t)(exponent << spare) >> spare;
	if (d.form != FORM_INFINITY)
		TRY(read_words(o, mpd, &d.digits));
	if (d.form == FORM_NUMBER && (!d.digits.len || d.exponent >> 61 != d.exponent >> 62))
		return err_at(ERR_CORRUPT, o->addr, "Decimal");
	put_decimal(r, &d);
	return NO_ERR;
}

static bool read_python_form(const struct py_object *o, uint64_t exp, struct decimal *d)
{
	if (d->digits.omitted >> 40)
		return false;
	if (!failed(int_value_at(o->h, exp, &d->exponent)))
		return d->digits.len && d->exponent >> 61 == d->exponent >> 62;
	d->form = str_is(o->h, exp, "F")   ? FORM_INFINITY
		  : str_is(o->h, exp, "n") ? FORM_NAN
		  : str_is(o->h, exp, "N") ? FORM_SIGNALLING_NAN
					   : FORM_NUMBER;
	return d->form != FORM_NUMBER;
}

static struct err render_python_decimal(struct repr *r, const struct py_object *o)
{
	CLEANUP(decimal_fini) struct decimal d = { 0 };
	uint64_t sign, digits, exp;
	int64_t negative;
	if (!attribute_find(o, "_sign", &sign) || failed(int_value_at(r->h, sign, &negative)) ||
		!attribute_find(o, "_int", &digits) ||
		failed(pieces_str(&d.digits, r->h, digits)) || !attribute_find(o, "_exp", &exp) ||
		!read_python_form(o, exp, &d))
		return render_object(r, o);
	d.negative = negative;
	put_decimal(r, &d);
	return NO_ERR;
}

const struct kind kinds_decimals[] = {
	{ "decimal.Decimal", render_decimal, KIND_SHAPE },
	{ "decimal.Decimal", render_python_decimal, KIND_BY_PYTHON },
	{ "_pydecimal.Decimal", render_python_decimal, KIND_BY_PYTHON },
	{ 0 },
};
