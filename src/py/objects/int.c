/* SPDX-License-Identifier: Apache-2.0 */
/* Whole numbers: digits of 15 or 30 bits, least significant first (Include/cpython/longintrepr.h);
 * 2.7's int is a C long. */
#include "objects.h"

struct err digits_open(const struct py_object *o, struct digits *ret)
{
	enum { SIGN_MASK = 3, COUNT_SHIFT = 3, NEGATIVE = 2, ZERO = 1 };
	const struct layout *l = &o->h->rt->layout;
	struct digits d = { .size = l->field[FIELD_long_digits].size };
	uint64_t tag;
	int64_t size;
	switch (l->row->ints) {
	case INTS_SIGN_IN_SIZE:
		TRY(object_get_int(o, FIELD_varobject_size, &size));
		d.negative = size < 0;
		d.n = size < 0 ? -(uint64_t)size : (uint64_t)size;
		break;
	case INTS_TAGGED:
		TRY(object_get(o, FIELD_long_tag, &tag));
		d.negative = (tag & SIGN_MASK) == NEGATIVE;
		d.n = (tag & SIGN_MASK) == ZERO ? 0 : tag >> COUNT_SHIFT;
		break;
	}
	TRY(object_inside(o, FIELD_long_digits, &d.data));
	d.bits = d.size == 2 ? 15 : 30;
	*ret = d;
	return NO_ERR;
}

struct err int_value(const struct py_object *o, int64_t *ret)
{
	enum { BITS_MAX = 62, DIGITS_MAX = 6 };
	struct digits d;
	uint64_t v = 0, digit;
	if (o->type->flags & TYPE_INT27 && layout_has(&o->h->rt->layout, FIELD_int_value))
		return object_get_int(o, FIELD_int_value, ret);
	if (!(o->type->flags & TYPE_INT))
		return err_at(ERR_CORRUPT, o->addr, "int");
	TRY(digits_open(o, &d));
	if (d.n > DIGITS_MAX)
		return err_at(ERR_LIMIT, o->addr, "int");
	for (uint64_t i = d.n; i-- > 0;) {
		TRY(mem_uint(o->h->rt->mem, d.data + i * d.size, d.size, &digit));
		if (v >> (BITS_MAX - d.bits))
			return err_at(ERR_LIMIT, o->addr, "int");
		v = v << d.bits | digit;
	}
	*ret = d.negative ? -(int64_t)v : (int64_t)v;
	return NO_ERR;
}

struct err int_value_at(struct heap *h, uint64_t addr, int64_t *ret)
{
	struct py_object o;
	TRY(object_open(h, addr, &o));
	return int_value(&o, ret);
}
