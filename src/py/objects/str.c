/* SPDX-License-Identifier: Apache-2.0 */
/*
 * String objects of which only as much is read as is asked for. 3.3 on: PEP 393 (text.c knows the
 * head). 2.7's unicode points to UTF-16 or UTF-32, by how that Python was built; its str is a byte
 * string (bytes.c).
 */
#include "objects.h"

#include "pycore/limits.h"

#include <string.h>

/* Where sys.maxunicode has been changed or cannot be read, names of the C API say it
 * (Include/unicodeobject.h). */
static bool has_pairs(struct heap *h)
{
	enum { NARROW_MAX = 0xffff, WIDE_MAX = 0x10ffff };
	struct image_symbol symbol;
	struct image *img = h->rt->image;
	uint64_t interp, sys, value;
	int64_t max;
	if (!failed(py_first_interpreter(h->rt, &interp)) &&
		!failed(py_field(h->rt, interp, FIELD_interp_sysdict, &sys)) &&
		dict_find(h, sys, "maxunicode", &value) && !failed(int_value_at(h, value, &max)) &&
		(max == NARROW_MAX || max == WIDE_MAX))
		return max == NARROW_MAX;
	return img && !failed(image_dynsym(img, h->rt->mem, "PyUnicodeUCS2_GetSize", &symbol));
}

unsigned unicode_width(struct heap *h)
{
	if (h->rt->layout.row->text != TEXT_BYTES)
		return 4;
	if (!h->unicode_width) {
		h->unicode_width =
			4; /* while keys of sys are compared, which can be such strings */
		h->unicode_width = has_pairs(h) ? 2 : 4;
	}
	return h->unicode_width;
}

/* A str lies in mapped memory as a whole and ends with a NUL. */
static struct err check_end(const struct py_object *o, const struct chars *c)
{
	uint64_t end;
	if (c->length >> 48 || !mem_maps(c->mem, c->data, (c->length + 1) * c->kind))
		return err_at(ERR_CORRUPT, o->addr, "length of a str");
	if (!failed(mem_uint(c->mem, c->data + c->length * c->kind, c->kind, &end)) && end)
		return err_at(ERR_CORRUPT, o->addr, "str that does not end");
	return NO_ERR;
}

struct err chars_open(const struct py_object *o, struct chars *ret)
{
	struct heap *h = o->h;
	struct chars c = { .mem = h->rt->mem };
	if (!(o->type->flags & TYPE_STR))
		return err_at(ERR_CORRUPT, o->addr, "str");
	switch (h->rt->layout.row->text) {
	case TEXT_BYTES:
		TRY(object_get(o, FIELD_unicode_length, &c.length));
		TRY(object_get(o, FIELD_unicode_data, &c.data));
		c.kind = unicode_width(h);
		if ((int64_t)c.length < 0)
			return err_at(ERR_CORRUPT, o->addr, "unicode");
		break;
	case TEXT_COMPACT:
		TRY(py_chars_at(h->rt, o->addr, &c));
		break;
	}
	TRY(check_end(o, &c));
	*ret = c;
	return NO_ERR;
}

struct err chars_read(const struct chars *c, uint64_t from, size_t n, uint32_t *ret)
{
	/* the bytes go to the end of the room for the characters, which then fill it from its start
	 */
	uint8_t *bytes = (uint8_t *)ret + n * (sizeof(*ret) - c->kind);
	TRY(mem_read(c->mem, c->data + from * c->kind, bytes, n * c->kind));
	for (size_t i = 0; i < n; i++) {
		uint32_t cp = (uint32_t)bytes_uint(bytes + i * c->kind, c->kind, c->mem->order);
		if (cp > 0x10ffff)
			return err_at(
				ERR_CORRUPT, c->data + (from + i) * c->kind, "character of a str");
		ret[i] = cp;
	}
	return NO_ERR;
}

bool str_is(struct heap *h, uint64_t addr, const char *ascii)
{
	enum { NAME_MAX_HERE = 64 };
	const struct layout *l = &h->rt->layout;
	size_t n = strlen(ascii);
	uint8_t bytes[NAME_MAX_HERE];
	struct chars c = { .mem = h->rt->mem, .kind = 1 };
	if (addr % l->key.ptr_size || n > sizeof(bytes))
		return false;
	switch (l->row->text) {
	case TEXT_BYTES:
		c.data = addr + l->field[FIELD_bytes_data].offset;
		if (failed(py_field(h->rt, addr, FIELD_bytes_size, &c.length)))
			return false;
		break;
	case TEXT_COMPACT:
		if (failed(py_chars_at(h->rt, addr, &c)))
			return false;
		break;
	}
	return c.kind == 1 && c.length == n && !failed(mem_read(c.mem, c.data, bytes, n)) &&
	       !memcmp(bytes, ascii, n);
}

void str_text_max(struct heap *h, uint64_t addr, size_t max, struct py_text *ret)
{
	struct py_object o;
	struct chars c;
	struct err e = object_open(h, addr, &o);
	if (!failed(e) && h->rt->layout.row->text == TEXT_BYTES && o.type->flags & TYPE_BYTES) {
		py_text_read_max(h->p, h->rt, addr, max, ret);
		return;
	}
	if (!failed(e))
		e = chars_open(&o, &c);
	if (!failed(e))
		e = py_chars_text(h->p, &c, max, ret);
	if (failed(e))
		*ret = (struct py_text){ .why = e };
}

void str_text_of(struct heap *h, uint64_t addr, struct py_text *ret)
{
	str_text_max(h, addr, NAME_CHARS_MAX, ret);
}
