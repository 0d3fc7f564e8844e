/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line tables: byte offset of an instruction -> line. The only file that knows their encodings.
 *
 * co_lnotab (to 3.9, Objects/lnotab_notes.txt): pairs (address delta, line delta); 2.7's line
 * deltas are unsigned, 3.6's signed. co_linetable of 3.10 (PEP 626): pairs (length of a range, line
 * delta or -128 for none). Location table (3.11 on, Objects/locations.md): entries of one head byte
 * with bit 7 set, then bytes without it. An instruction behind the end of the last two has no line,
 * as in Python itself; code without a table is legal.
 */
#include "py_internal.h"

typedef struct err line_fn(
	const uint8_t *table, size_t size, int32_t line, int32_t offset, struct py_location *ret);

static const struct py_location nowhere = { -1, -1, -1, -1 };

static struct err lnotab(const uint8_t *t, size_t size, int32_t line, int32_t offset,
	bool is_signed, struct py_location *ret)
{
	int64_t addr = 0, at_line = line;
	for (size_t i = 0; i + 1 < size; i += 2) {
		addr += t[i];
		if (addr > offset)
			break;
		at_line += is_signed ? (int8_t)t[i + 1] : t[i + 1];
	}
	*ret = nowhere;
	ret->line = (int32_t)at_line;
	return NO_ERR;
}

static struct err lnotab_unsigned(
	const uint8_t *t, size_t size, int32_t line, int32_t offset, struct py_location *ret)
{
	return lnotab(t, size, line, offset, false, ret);
}

static struct err lnotab_signed(
	const uint8_t *t, size_t size, int32_t line, int32_t offset, struct py_location *ret)
{
	return lnotab(t, size, line, offset, true, ret);
}

static struct err ranges(
	const uint8_t *t, size_t size, int32_t line, int32_t offset, struct py_location *ret)
{
	*ret = nowhere;
	if (offset < 0) {
		ret->line = line;
		return NO_ERR;
	}
	int64_t end = 0, at_line = line;
	for (size_t i = 0; i + 1 < size; i += 2) {
		int8_t delta = (int8_t)t[i + 1];
		end += t[i];
		if (delta != -128)
			at_line += delta;
		if (offset < end) {
			ret->line = delta == -128 ? -1 : (int32_t)at_line;
			return NO_ERR;
		}
	}
	return NO_ERR;
}

/* Six bits a byte, least significant first; bit 6 says that more follow. */
static uint32_t varint(struct cursor *c)
{
	uint32_t v = 0;
	for (unsigned shift = 0; shift < 32; shift += 6) {
		uint8_t b = (uint8_t)cursor_uint(c, 1);
		v |= (uint32_t)(b & 63) << shift;
		if (!(b & 64))
			return v;
	}
	c->overrun = true;
	return 0;
}

static int32_t svarint(struct cursor *c)
{
	uint32_t v = varint(c);
	return v & 1 ? -(int32_t)(v >> 1) : (int32_t)(v >> 1);
}

/* A column that is stored plus one, 0 for none. */
static int32_t column(struct cursor *c)
{
	uint32_t v = varint(c);
	return v <= INT32_MAX ? (int32_t)v - 1 : -1;
}

/* Codes of the location table's entries. */
enum {
	SHORT_LAST = 9,
	ONE_LINE_FIRST = 10,
	ONE_LINE_LAST = 12,
	NO_COLUMNS = 13,
	LONG_FORM = 14,
	NO_LOCATION = 15
};

/* One entry behind its head byte; moves *line on. */
static struct py_location location_entry(struct cursor *c, unsigned code, int64_t *line)
{
	struct py_location at = nowhere;
	if (code == NO_LOCATION)
		return at;
	if (code <= SHORT_LAST) {
		unsigned x = (unsigned)cursor_uint(c, 1);
		at.column = (int32_t)(code << 3 | x >> 4);
		at.end_column = at.column + (int32_t)(x & 15);
	} else if (code <= ONE_LINE_LAST) {
		*line += code - ONE_LINE_FIRST;
		at.column = (int32_t)cursor_uint(c, 1);
		at.end_column = (int32_t)cursor_uint(c, 1);
	} else {
		*line += svarint(c);
	}
	at.line = at.end_line = (int32_t)*line;
	if (code == LONG_FORM) {
		at.end_line = (int32_t)(*line + varint(c));
		at.column = column(c);
		at.end_column = column(c);
	}
	return at;
}

static struct err locations(
	const uint8_t *t, size_t size, int32_t line, int32_t offset, struct py_location *ret)
{
	*ret = nowhere;
	if (offset < 0) {
		ret->line = line;
		return NO_ERR;
	}
	struct cursor c = cursor_of(t, size, ORDER_LITTLE);
	int64_t at_line = line, end = 0;
	while (cursor_left(&c)) {
		unsigned head = (unsigned)cursor_uint(&c, 1);
		if (!(head & 128))
			return err_of(ERR_CORRUPT, "line table");
		end += ((head & 7) + 1) * 2;
		struct py_location at = location_entry(&c, head >> 3 & 15, &at_line);
		if (c.overrun)
			return err_of(ERR_CORRUPT, "line table");
		if (offset < end) {
			*ret = at;
			return NO_ERR;
		}
	}
	return NO_ERR;
}

struct err py_lines_locate(enum lines_scheme scheme, const uint8_t *table, size_t size,
	int32_t firstlineno, int32_t offset, struct py_location *ret)
{
	static line_fn *const fns[] = {
		[LINES_LNOTAB_UNSIGNED] = lnotab_unsigned,
		[LINES_LNOTAB] = lnotab_signed,
		[LINES_RANGES] = ranges,
		[LINES_LOCATIONS] = locations,
	};
	struct py_location at;
	TRY(fns[scheme](table, size, firstlineno, offset, &at));
	*ret = at;
	return NO_ERR;
}
