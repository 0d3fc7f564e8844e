/* SPDX-License-Identifier: Apache-2.0 */
#include "py_internal.h"

#include <string.h>

struct err py_field(const struct py_runtime *rt, uint64_t addr, enum field f, uint64_t *ret)
{
	const struct field_at *at = &rt->layout.field[f];
	if (at->origin == ORIGIN_NONE)
		return err_of(ERR_ABSENT, field_name(f));
	if (!addr)
		return err_of(ERR_CORRUPT, field_name(f));
	uint64_t v;
	struct err e = mem_uint(rt->mem, addr + at->offset, at->size, &v);
	if (failed(e)) {
		e.what = field_name(f);
		return e;
	}
	if (at->bits)
		v = v >> at->bit & ((UINT64_C(1) << at->bits) - 1);
	*ret = v;
	return NO_ERR;
}

size_t py_span(const struct layout *l, const enum field *fields, size_t n)
{
	size_t span = 0;
	for (size_t i = 0; i < n; i++) {
		const struct field_at *at = &l->field[fields[i]];
		if (at->origin != ORIGIN_NONE && (size_t)at->offset + at->size > span)
			span = (size_t)at->offset + at->size;
	}
	return span;
}

bool py_plausible(const struct py_runtime *rt, uint64_t addr)
{
	struct mem_range r;
	return addr >= 4096 && addr % rt->layout.key.ptr_size == 0 &&
	       mem_range_at(rt->mem, addr, &r);
}

struct err py_type_name(const struct py_runtime *rt, uint64_t type, char *buf, size_t max)
{
	uint64_t name;
	TRY(py_field(rt, type, FIELD_type_name, &name));
	return mem_cstr(rt->mem, name, buf, max, NULL);
}

const char *found_by_text(enum found_by f)
{
	switch (f) {
	case FOUND_BY_SYMBOL:
		return "symbol";
	case FOUND_BY_SECTION:
		return "section";
	case FOUND_BY_COOKIE:
		return "debug-offsets cookie";
	case FOUND_BY_SCAN:
		return "memory scan";
	case FOUND_BY_THREADS:
		return "thread ids";
	}
	return "?";
}
