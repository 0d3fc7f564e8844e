/* SPDX-License-Identifier: Apache-2.0 */
/* Text that no string object of the target holds as a whole: a path of its parts, a number in an
 * own notation. */
#include "repr.h"

#include "format.h"

#include "pycore/alloc.h"
#include "pycore/keyed_hash.h"

#include <inttypes.h>
#include <string.h>

void pieces_fini(struct pieces *p)
{
	free(p->chars);
	*p = (struct pieces){ 0 };
}

static void reserve(struct pieces *p, size_t n)
{
	if (p->len + n <= p->cap)
		return;
	size_t cap = 2 * p->cap + 64 < p->len + n ? p->len + n : 2 * p->cap + 64;
	uint32_t *chars = xmalloc(cap * sizeof(*chars));
	if (p->len)
		memcpy(chars, p->chars, p->len * sizeof(*chars));
	free(p->chars);
	p->chars = chars;
	p->cap = cap;
}

void pieces_put(struct pieces *p, uint32_t c)
{
	if (p->len >= PIECES_MAX || p->omitted) {
		p->omitted++;
		return;
	}
	reserve(p, 1);
	p->chars[p->len++] = c;
}

void pieces_puts(struct pieces *p, const char *ascii)
{
	for (; *ascii; ascii++)
		pieces_put(p, (uint8_t)*ascii);
}

static struct err add_octets(struct pieces *p, const struct py_object *o)
{
	struct octets b;
	TRY(octets_open(o, &b));
	size_t room = p->omitted ? 0 : PIECES_MAX - p->len;
	size_t n = b.length > room ? room : (size_t)b.length;
	AUTO_FREE uint8_t *bytes = xmalloc(n + 1);
	TRY(mem_read(o->h->rt->mem, b.data, bytes, n));
	for (size_t i = 0; i < n; i++)
		pieces_put(p, bytes[i]);
	p->omitted += b.length - n;
	return NO_ERR;
}

struct err pieces_str(struct pieces *p, struct heap *h, uint64_t str)
{
	struct py_object o;
	struct chars c;
	TRY(object_open(h, str, &o));
	if (h->rt->layout.row->text == TEXT_BYTES && o.type->flags & TYPE_BYTES)
		return add_octets(p, &o);
	TRY(chars_open(&o, &c));
	size_t room = p->omitted ? 0 : PIECES_MAX - p->len;
	size_t n = c.length > room ? room : (size_t)c.length;
	reserve(p, n + 1);
	TRY(chars_read(&c, 0, n, p->chars + p->len));
	p->len += n;
	p->omitted += c.length - n;
	return NO_ERR;
}

/* As if a string object held it, in the narrowest form. */
static uint64_t hash_of(const struct repr *r, const struct pieces *p)
{
	uint32_t most = 0;
	for (size_t i = 0; i < p->len; i++)
		most |= p->chars[i];
	unsigned width = most < 0x100 ? 1 : most < 0x10000 ? 2 : 4;
	AUTO_FREE uint8_t *bytes = xmalloc(p->len * width + 1);
	for (size_t i = 0; i < p->len * width; i++) {
		unsigned byte = (unsigned)(i % width);
		if (r->h->rt->layout.key.order == ORDER_BIG)
			byte = width - 1 - byte;
		bytes[i] = (uint8_t)(p->chars[i / width] >> 8 * byte);
	}
	return keyed_hash(bytes, p->len * width);
}

void repr_number(struct repr *r, const struct pieces *p)
{
	const struct layout_row *row = r->h->rt->layout.row;
	uint64_t length = p->len + p->omitted;
	size_t n = p->len < r->limits->max_string ? p->len : r->limits->max_string;
	format_str(r->to, "", p->chars, n, row->unicode,
		row->repr & REPR_BYTE_STRINGS ? ESCAPE_NON_ASCII : ESCAPE_UNPRINTABLE);
	if (length > n) {
		repr_putf(r, "... +%" PRIu64 " more characters", length - n);
		r->truncated = true;
	}
}

void repr_pieces(struct repr *r, const struct pieces *p)
{
	if (r->limits->redact)
		repr_putf(r, "<str of length %" PRIu64 ", hash %016" PRIx64 ">",
			p->len + p->omitted, hash_of(r, p));
	else
		repr_number(r, p);
}

void repr_text(struct repr *r, const struct py_text *text)
{
	if (!text->bytes) {
		repr_damage(r, text->why);
		return;
	}
	size_t n = text->len;
	bool cut = text->cut || n > r->limits->max_string;
	if (n > r->limits->max_string) {
		n = r->limits->max_string;
		while (n && ((uint8_t)text->bytes[n] & 0xc0) == 0x80)
			n--;
	}
	str_add(r->to, text->bytes, n);
	if (cut) {
		repr_put(r, "...");
		r->truncated = true;
	}
}

void repr_int(struct repr *r, uint64_t addr)
{
	repr_value(r, addr);
	if (r->h->rt->layout.row->repr & REPR_BYTE_STRINGS && r->to->len &&
		r->to->bytes[r->to->len - 1] == 'L')
		str_cut(r->to, r->to->len - 1);
}
