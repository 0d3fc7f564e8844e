/* SPDX-License-Identifier: Apache-2.0 */
#include "pycore/layout.h"

#include "fields.h"

const struct field_spelling field_spellings[FIELD_COUNT] = {
#define F(group, member, structs, members, debug_offsets)                                          \
	[FIELD_##group##_##member] = { #group "." #member, structs, members, debug_offsets,        \
		"FIELD_" #group "_" #member },
#include "fields.def"
#undef F
};

const char *field_name(enum field f)
{
	return field_spellings[f].name;
}

const char *layout_origin_name(enum layout_origin o)
{
	switch (o) {
	case ORIGIN_NONE:
		return "absent";
	case ORIGIN_BUILTIN:
		return "builtin";
	case ORIGIN_DWARF:
		return "dwarf";
	case ORIGIN_DEBUG_OFFSETS:
		return "debug-offsets";
	}
	return "unknown";
}

bool spelling_next(const char **list, char sep, const char **ret, size_t *ret_len)
{
	const char *at = *list;
	if (!*at)
		return false;
	const char *end = strchr(at, sep);
	size_t len = end ? (size_t)(end - at) : strlen(at);
	*ret = at;
	*ret_len = len;
	*list = at + len + (end ? 1 : 0);
	return true;
}

struct err layout_get(
	const struct layout *l, enum field f, const void *bytes, size_t size, uint64_t *ret)
{
	const struct field_at at = l->field[f];
	if (at.origin == ORIGIN_NONE)
		return err_of(ERR_ABSENT, field_name(f));
	if (at.size != 8 && at.size != 4 && at.size != 1 && at.size != 2)
		return err_of(ERR_UNSUPPORTED, field_name(f));
	if (at.offset > size || at.size > size - at.offset)
		return err_of(ERR_CORRUPT, field_name(f));
	uint64_t v = bytes_uint((const uint8_t *)bytes + at.offset, at.size, l->key.order);
	if (at.bits && at.bits < 64 && at.bit < 64)
		v = v >> at.bit & ((UINT64_C(1) << at.bits) - 1);
	*ret = v;
	return NO_ERR;
}
