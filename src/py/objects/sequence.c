/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and tuples: a list points to its items (Include/cpython/listobject.h), a tuple holds them
 * (Include/cpython/tupleobject.h). */
#include "objects.h"

struct err sequence_open(const struct py_object *o, struct sequence *ret)
{
	struct sequence s = { .h = o->h };
	int64_t length;
	TRY(object_get_int(o, FIELD_varobject_size, &length));
	if (length < 0)
		return err_at(ERR_CORRUPT, o->addr, "length of a sequence");
	if (o->type->flags & TYPE_LIST)
		TRY(object_get(o, FIELD_list_items, &s.items));
	else if (o->type->flags & TYPE_TUPLE)
		TRY(object_inside(o, FIELD_tuple_items, &s.items));
	else
		return err_at(ERR_CORRUPT, o->addr, "sequence");
	s.length = (uint64_t)length;
	unsigned word = o->h->rt->layout.key.ptr_size;
	if (s.length >> 48 || !mem_maps(o->h->rt->mem, s.items, s.length * word))
		return err_at(ERR_CORRUPT, o->addr, "length of a sequence");
	*ret = s;
	return NO_ERR;
}

struct err sequence_item(const struct sequence *s, uint64_t i, uint64_t *ret)
{
	if (i >= s->length)
		return err_at(ERR_CORRUPT, s->items, "item of a sequence");
	return mem_ptr(s->h->rt->mem, s->items + i * s->h->rt->layout.key.ptr_size, ret);
}
