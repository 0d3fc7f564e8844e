/* SPDX-License-Identifier: Apache-2.0 */
/* bytes and 2.7's str hold their bytes, a bytearray points to them; deleting from its front moves
 * the pointer (Include/cpython/bytearrayobject.h, ob_start). */
#include "objects.h"

/* Each of them lies in mapped memory as a whole and ends with a NUL. */
static struct err check_end(const struct py_object *o, const struct octets *b)
{
	struct mem *mem = o->h->rt->mem;
	uint64_t end;
	if (!b->length) /* an empty bytearray has no memory */
		return NO_ERR;
	if (!mem_maps(mem, b->data, b->length + 1))
		return err_at(ERR_CORRUPT, o->addr, "length of bytes");
	if (!failed(mem_uint(mem, b->data + b->length, 1, &end)) && end)
		return err_at(ERR_CORRUPT, o->addr, "bytes that do not end");
	return NO_ERR;
}

struct err octets_open(const struct py_object *o, struct octets *ret)
{
	struct octets b;
	int64_t length;
	TRY(object_get_int(o, FIELD_varobject_size, &length));
	if (length < 0)
		return err_at(ERR_CORRUPT, o->addr, "length of bytes");
	if (o->type->flags & TYPE_BYTES)
		TRY(object_inside(o, FIELD_bytes_data, &b.data));
	else
		TRY(object_get(o, FIELD_bytearray_start, &b.data));
	b.length = (uint64_t)length;
	TRY(check_end(o, &b));
	*ret = b;
	return NO_ERR;
}
