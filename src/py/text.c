/* SPDX-License-Identifier: Apache-2.0 */
/*
 * String objects. 3.3 on (PEP 393, Include/cpython/unicodeobject.h): characters of 1, 2 or 4 bytes
 * behind a head that is shorter for pure ASCII; a string that is not compact points to them. 2.7's
 * names are byte strings.
 */
#include "py_internal.h"

#include "pycore/limits.h"

enum { HEAD_MAX = 128, STACK_TEXT = 4096 };

struct err py_chars_text(struct python *p, const struct chars *c, size_t max, struct py_text *ret)
{
	bool cut = c->length > max;
	size_t n = cut ? max : (size_t)c->length;
	uint8_t small[STACK_TEXT];
	AUTO_FREE uint8_t *big = n * c->kind > sizeof(small) ? xmalloc(n * c->kind) : NULL;
	uint8_t *bytes = big ? big : small;
	TRY(mem_read(c->mem, c->data, bytes, n * c->kind));
	AUTO_STR(text);
	for (size_t i = 0; i < n; i++) {
		uint32_t cp = (uint32_t)bytes_uint(bytes + i * c->kind, c->kind, c->mem->order);
		if (cp > 0x10ffff)
			return err_at(ERR_CORRUPT, c->data + i * c->kind, "character");
		str_put_utf8(&text, cp);
	}
	*ret = (struct py_text){ .bytes = arena_copy(&p->arena, str_text(&text), text.len),
		.len = text.len,
		.cut = cut };
	return NO_ERR;
}

/* A byte string becomes text as Python 3 would decode it: UTF-8, other bytes as lone surrogates
 * U+DC80 to U+DCFF. */
static void put_surrogateescaped(struct str *text, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0;
		size_t len = utf8_get(b + i, n - i, &cp);
		bool good = len && !utf8_is_surrogate(cp);
		str_put_utf8(text, good ? cp : 0xdc00u + b[i]);
		i += good ? len : 1;
	}
}

static struct err read_bytes(struct python *p, const struct py_runtime *rt, uint64_t addr,
	size_t max, struct py_text *ret)
{
	uint64_t length;
	TRY(py_field(rt, addr, FIELD_bytes_size, &length));
	bool cut = length > max;
	size_t n = cut ? max : (size_t)length;
	AUTO_FREE uint8_t *bytes = xmalloc(n);
	TRY(mem_read(rt->mem, addr + rt->layout.field[FIELD_bytes_data].offset, bytes, n));
	AUTO_STR(text);
	put_surrogateescaped(&text, bytes, n);
	*ret = (struct py_text){ .bytes = arena_copy(&p->arena, str_text(&text), text.len),
		.len = text.len,
		.cut = cut };
	return NO_ERR;
}

/* 3.6 to 3.11: a string that was made from wchar_t and not looked at since has no other form. */
static struct err read_wide(const struct py_runtime *rt, uint64_t addr, struct chars *ret)
{
	struct chars c = { .mem = rt->mem, .kind = 4 };
	TRY(py_field(rt, addr, FIELD_str_wstr, &c.data));
	TRY(py_field(rt, addr, FIELD_str_wstr_length, &c.length));
	if (!c.data || (int64_t)c.length < 0)
		return err_at(ERR_CORRUPT, addr, "str");
	*ret = c;
	return NO_ERR;
}

struct err py_chars_at(const struct py_runtime *rt, uint64_t addr, struct chars *ret)
{
	static const enum field head_fields[] = { FIELD_str_length, FIELD_str_state };
	const struct layout *l = &rt->layout;
	uint8_t head[HEAD_MAX];
	size_t span = py_span(l, head_fields, ARRAY_LEN(head_fields));
	if (!addr || span > sizeof(head))
		return err_at(ERR_CORRUPT, addr, "str");
	TRY(mem_read(rt->mem, addr, head, span));
	uint64_t length, kind, compact, ascii, data;
	TRY(layout_get(l, FIELD_str_length, head, span, &length));
	TRY(layout_get(l, FIELD_str_kind, head, span, &kind));
	TRY(layout_get(l, FIELD_str_compact, head, span, &compact));
	TRY(layout_get(l, FIELD_str_ascii, head, span, &ascii));
	if (!kind && !compact && layout_has(l, FIELD_str_wstr))
		return read_wide(rt, addr, ret);
	if ((kind != 1 && kind != 2 && kind != 4) || (ascii && kind != 1) || (int64_t)length < 0)
		return err_at(ERR_CORRUPT, addr, "str");
	if (!compact)
		TRY(py_field(rt, addr, FIELD_str_data, &data));
	else
		data = addr +
		       l->field[ascii ? FIELD_str_ascii_data : FIELD_str_compact_data].offset;
	*ret = (struct chars){
		.mem = rt->mem, .data = data, .length = length, .kind = (unsigned)kind
	};
	return NO_ERR;
}

static struct err read_compact(struct python *p, const struct py_runtime *rt, uint64_t addr,
	size_t max, struct py_text *ret)
{
	struct chars c;
	TRY(py_chars_at(rt, addr, &c));
	return py_chars_text(p, &c, max, ret);
}

/* Bytes have a 0 behind them. */
static bool bytes_plausible(const struct py_runtime *rt, uint64_t addr)
{
	uint64_t size, data = addr + rt->layout.field[FIELD_bytes_data].offset;
	uint8_t first, end;
	return !failed(py_field(rt, addr, FIELD_bytes_size, &size)) && size <= NAME_CHARS_MAX &&
	       !failed(mem_read(rt->mem, data, &first, 1)) && !first == !size &&
	       !failed(mem_read(rt->mem, data + size, &end, 1)) && !end;
}

bool py_text_plausible(const struct py_runtime *rt, uint64_t addr)
{
	struct chars h = { 0 };
	switch (rt->layout.row->text) {
	case TEXT_BYTES:
		return addr % rt->layout.key.ptr_size == 0 && bytes_plausible(rt, addr);
	case TEXT_COMPACT:
		return addr % rt->layout.key.ptr_size == 0 && !failed(py_chars_at(rt, addr, &h)) &&
		       h.length <= NAME_CHARS_MAX;
	}
	return false;
}

void py_text_read_max(struct python *p, const struct py_runtime *rt, uint64_t addr, size_t max,
	struct py_text *ret)
{
	struct err e = NO_ERR;
	switch (rt->layout.row->text) {
	case TEXT_BYTES:
		e = read_bytes(p, rt, addr, max, ret);
		break;
	case TEXT_COMPACT:
		e = read_compact(p, rt, addr, max, ret);
		break;
	}
	if (failed(e))
		*ret = (struct py_text){ .why = e };
}

void py_text_read(struct python *p, const struct py_runtime *rt, uint64_t addr, struct py_text *ret)
{
	py_text_read_max(p, rt, addr, NAME_CHARS_MAX, ret);
}
