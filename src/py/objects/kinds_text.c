/* SPDX-License-Identifier: Apache-2.0 */
/* Text and bytes, cut at the limit for strings. */
#include "repr.h"

#include "format.h"

#include "pycore/alloc.h"
#include "pycore/keyed_hash.h"

#include <inttypes.h>

/* So much of a long text is hashed when it is redacted; its length tells the rest apart. */
enum { HASHED_MAX = 1 << 20 };

static void put_rest(struct repr *r, uint64_t length, size_t shown, const char *what)
{
	if (length > shown) {
		repr_putf(r, "... +%" PRIu64 " more %s", length - shown, what);
		r->truncated = true;
	}
}

static size_t shown_of(const struct repr *r, uint64_t length)
{
	return length > r->limits->max_string ? r->limits->max_string : (size_t)length;
}

static struct err render_str(struct repr *r, const struct py_object *o)
{
	const struct layout_row *row = r->h->rt->layout.row;
	bool old = row->repr & REPR_BYTE_STRINGS;
	struct chars c;
	TRY(chars_open(o, &c));
	size_t n = shown_of(r, c.length);
	AUTO_FREE uint32_t *chars = xmalloc(n * sizeof(*chars) + 1);
	TRY(chars_read(&c, 0, n, chars));
	enum str_escapes escapes = !old		 ? ESCAPE_UNPRINTABLE
				   : c.kind == 2 ? ESCAPE_NON_ASCII_UTF16
						 : ESCAPE_NON_ASCII;
	format_str(r->to, old ? "u" : "", chars, n, row->unicode, escapes);
	put_rest(r, c.length, n, "characters");
	return NO_ERR;
}

/* The bytes that are shown, the caller's to free, and how many there are in all. */
static struct err read_shown(struct repr *r, const struct py_object *o, uint8_t **ret,
	size_t *ret_n, uint64_t *ret_length)
{
	struct octets b;
	TRY(octets_open(o, &b));
	size_t n = shown_of(r, b.length);
	AUTO_FREE uint8_t *bytes = xmalloc(n + 1);
	TRY(mem_read(r->h->rt->mem, b.data, bytes, n));
	*ret = bytes;
	bytes = NULL;
	*ret_n = n;
	*ret_length = b.length;
	return NO_ERR;
}

static struct err render_bytes(struct repr *r, const struct py_object *o)
{
	AUTO_FREE uint8_t *bytes = NULL;
	size_t n;
	uint64_t length;
	TRY(read_shown(r, o, &bytes, &n, &length));
	bool old = r->h->rt->layout.row->repr & REPR_BYTE_STRINGS;
	format_bytes(r->to, old ? "" : "b", bytes, n);
	put_rest(r, length, n, "bytes");
	return NO_ERR;
}

/* 2.7's str is a byte string. */
static struct err render_text(struct repr *r, const struct py_object *o)
{
	return o->type->flags & TYPE_STR ? render_str(r, o) : render_bytes(r, o);
}

static struct err render_bytearray(struct repr *r, const struct py_object *o)
{
	AUTO_FREE uint8_t *bytes = NULL;
	size_t n;
	uint64_t length;
	TRY(read_shown(r, o, &bytes, &n, &length));
	bool named = r->h->rt->layout.row->repr & REPR_SUBCLASS_NAMES;
	repr_putf(r, "%s(", named ? o->type->name : "bytearray");
	if (r->h->rt->layout.row->repr & REPR_BYTEARRAY_QUOTES)
		format_bytes(r->to, "b", bytes, n);
	else
		format_bytearray(r->to, bytes, n);
	put_rest(r, length, n, "bytes");
	repr_put(r, ")");
	return NO_ERR;
}

/* The bytes that a text consists of, and how many characters these are. */
static struct err text_extent(const struct py_object *o, struct octets *ret, uint64_t *ret_length)
{
	struct chars c;
	if (!(o->type->flags & TYPE_STR)) {
		TRY(octets_open(o, ret));
		*ret_length = ret->length;
		return NO_ERR;
	}
	TRY(chars_open(o, &c));
	*ret = (struct octets){ .data = c.data, .length = c.length * c.kind };
	*ret_length = c.length;
	return NO_ERR;
}

struct err text_redaction(const struct py_object *o, uint64_t *ret_length, uint64_t *ret_hash)
{
	struct octets b;
	uint64_t length;
	TRY(text_extent(o, &b, &length));
	size_t n = b.length > HASHED_MAX ? HASHED_MAX : (size_t)b.length;
	AUTO_FREE uint8_t *bytes = xmalloc(n + 1);
	TRY(mem_read(o->h->rt->mem, b.data, bytes, n));
	*ret_length = length;
	*ret_hash = keyed_hash(bytes, n);
	return NO_ERR;
}

struct err repr_redacted(struct repr *r, const struct py_object *o)
{
	uint64_t length, hash;
	TRY(text_redaction(o, &length, &hash));
	repr_putf(
		r, "<%s of length %" PRIu64 ", hash %016" PRIx64 ">", o->type->full, length, hash);
	return NO_ERR;
}

const struct kind kinds_text[] = {
	{ "str", render_text, KIND_TEXT | KIND_SHAPE },
	{ "unicode", render_str, KIND_TEXT | KIND_SHAPE },
	{ "bytes", render_bytes, KIND_TEXT | KIND_SHAPE },
	{ "bytearray", render_bytearray, KIND_TEXT | KIND_SHAPE },
	{ 0 },
};
