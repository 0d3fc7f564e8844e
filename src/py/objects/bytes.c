/* SPDX-License-Identifier: Apache-2.0 */
/* bytes and 2.7's str hold their bytes, a bytearray points to them; deleting from its front moves
 * the pointer (Include/cpython/bytearrayobject.h, ob_start). */
#include "objects.h"

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
	*ret = b;
	return NO_ERR;
}
