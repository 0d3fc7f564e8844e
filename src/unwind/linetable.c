/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .debug_line (DWARF 5, section 6.2, and versions 2 to 4): units of a header and a program each. A
 * program yields rows {address, file, line} in sequences of ascending addresses.
 *
 * A unit's program is run once, when an address of it is first asked for, and not kept but for
 * every STRETCH_ROWSth row, from which a search runs on. Where nobody says which unit holds an
 * address, the bytes of all programs are searched for the instruction that sequences begin with; a
 * find may be by chance, and is believed when the unit that it lies in yields a row.
 */
#include "lineunit.h"

#include "elf.h"
#include "leb.h"

#include "pycore/limits.h"
#include "pycore/sorted.h"

#include <stdlib.h>
#include <string.h>

enum { STRETCH_ROWS = 128, STRETCHES_MAX = 1 << 22, MARKS_MAX = 1 << 22, MARKS_TRIED = 8 };

/* EVENT_BAD: the program ends, or breaks off */
enum event { EVENT_NONE, EVENT_ROW, EVENT_END, EVENT_BAD };

static struct cursor cursor_at(const struct linetable *t, size_t at, size_t end)
{
	struct cursor c = cursor_of(t->lines.bytes, end, t->order);
	cursor_skip(&c, at);
	return c;
}

static bool parse_lengths(struct cursor *c, struct line_unit *u)
{
	u->opcode_base = cursor_byte(c);
	for (unsigned i = 1; i < u->opcode_base; i++)
		u->lengths[i] = cursor_byte(c);
	return !c->overrun && u->opcode_base && u->line_range;
}

/* Reads the header of the unit at `at`. *ret_end, where the next one begins, is set as soon as it
 * is known; false if this one cannot be used. */
static bool parse_unit(const struct linetable *t, size_t at, struct line_unit *u, size_t *ret_end)
{
	struct cursor c = cursor_at(t, at, t->lines.size);
	*u = (struct line_unit){ .at = at, .word = 4, .first = t->n_stretches };
	*ret_end = t->lines.size;
	uint64_t length = cursor_uint(&c, 4);
	if (length == UINT32_MAX) {
		u->word = 8;
		length = cursor_uint(&c, 8);
	}
	if (c.overrun || length > cursor_left(&c))
		return false;
	u->end = *ret_end = c.at + (size_t)length;
	c.size = u->end;
	u->form = (unsigned)cursor_uint(&c, 2);
	if (u->form < 2 || u->form > 5)
		return false;
	if (u->form == 5)
		cursor_skip(&c, 2); /* sizes of addresses and segment selectors */
	uint64_t header = cursor_uint(&c, u->word);
	if (c.overrun || header > cursor_left(&c))
		return false;
	u->program = c.size = c.at + (size_t)header;
	u->min_length = cursor_byte(&c);
	if (u->form >= 4 && cursor_byte(&c) != 1)
		return false; /* bundles of operations: no machine that is unwound here has them */
	cursor_skip(&c, 1);
	u->line_base = (int8_t)cursor_byte(&c);
	u->line_range = cursor_byte(&c);
	bool good = parse_lengths(&c, u);
	u->names = c;
	return good;
}

static enum event extended(struct cursor *c, struct line_row *r)
{
	uint64_t n = cursor_uleb(c);
	if (!n || n > cursor_left(c))
		return EVENT_BAD;
	size_t end = c->at + (size_t)n;
	unsigned op = cursor_byte(c);
	if (op == 2 && (n == 9 || n == 5)) /* set_address */
		r->address = cursor_uint(c, (unsigned)n - 1);
	c->at = end;
	return op == 1 ? EVENT_END : EVENT_NONE;
}

static void standard(const struct line_unit *u, unsigned op, struct cursor *c, struct line_row *r)
{
	switch (op) {
	case 2: /* advance_pc */
		r->address += cursor_uleb(c) * u->min_length;
		return;
	case 3: /* advance_line */
		r->line += cursor_sleb(c);
		return;
	case 4: /* set_file */
		r->file = cursor_uleb(c);
		return;
	case 8: /* const_add_pc */
		r->address += (uint64_t)((255 - u->opcode_base) / u->line_range) * u->min_length;
		return;
	case 9: /* fixed_advance_pc */
		r->address += cursor_uint(c, 2);
		return;
	}
	for (unsigned i = 0; i < u->lengths[op]; i++)
		cursor_uleb(c);
}

/* Runs on to the next row, or to the end of the sequence. */
static enum event next_row(const struct line_unit *u, struct cursor *c, struct line_row *r)
{
	enum event e = EVENT_NONE;
	while (e == EVENT_NONE && cursor_left(c)) {
		unsigned op = cursor_byte(c), special = op - u->opcode_base;
		if (op >= u->opcode_base) {
			r->address += (uint64_t)(special / u->line_range) * u->min_length;
			r->line += u->line_base + (int)(special % u->line_range);
			e = EVENT_ROW;
		} else if (op == 1) { /* copy */
			e = EVENT_ROW;
		} else if (op) {
			standard(u, op, c, r);
		} else {
			e = extended(c, r);
		}
	}
	return c->overrun || e == EVENT_NONE ? EVENT_BAD : e;
}

static const struct line_row first_row = { .file = 1, .line = 1 };

static void add_stretch(struct linetable *t, struct line_unit *u, struct line_stretch s)
{
	if (!s.first.address || s.end <= s.first.address || t->n_stretches >= STRETCHES_MAX)
		return; /* what the linker threw away begins at 0 */
	t->stretches =
		xgrow(t->stretches, &t->cap_stretches, t->n_stretches, sizeof(*t->stretches));
	t->stretches[t->n_stretches++] = s;
	u->n++;
}

static int by_first(const void *a, const void *b)
{
	uint64_t x = ((const struct line_stretch *)a)->first.address,
		 y = ((const struct line_stretch *)b)->first.address;
	return x < y ? -1 : x > y;
}

/* Runs a unit's program and notes its stretches. */
static void run_unit(struct linetable *t, struct line_unit *u)
{
	struct cursor c = cursor_at(t, u->program, u->end);
	struct line_stretch s = { 0 };
	struct line_row r = first_row;
	unsigned rows = 0; /* of the stretch */
	for (enum event e; (e = next_row(u, &c, &r)) != EVENT_BAD;) {
		bool full = rows >= STRETCH_ROWS && r.address > s.first.address;
		s.end = r.address;
		if (rows && (e == EVENT_END || full))
			add_stretch(t, u, s);
		if (e == EVENT_ROW && (!rows || full)) {
			s = (struct line_stretch){ .first = r, .at = c.at };
			rows = 0;
		}
		rows++;
		if (e == EVENT_END) {
			r = first_row;
			rows = 0;
		}
	}
	if (u->n)
		qsort(t->stretches + u->first, u->n, sizeof(*t->stretches), by_first);
}

/* The unit at an offset, run; NULL: it cannot be used. */
static const struct line_unit *unit_at(struct linetable *t, size_t at)
{
	uint64_t known;
	size_t next;
	if (hash_get(&t->units, at, &known))
		return (const struct line_unit *)(uintptr_t)known;
	struct line_unit *u = arena_alloc(&t->arena, sizeof(*u));
	if (at < t->lines.size && t->spent < LINE_BYTES_MAX && parse_unit(t, at, u, &next)) {
		t->spent += u->end - u->program;
		run_unit(t, u);
	} else {
		u = NULL;
	}
	hash_put(&t->units, at, (uint64_t)(uintptr_t)u);
	return u;
}

/* The row of a stretch that covers an address. */
static bool find_row(struct linetable *t, const struct line_unit *u, const struct line_stretch *s,
	uint64_t addr, struct line_row *ret)
{
	struct cursor c = cursor_at(t, s->at, u->end);
	struct line_row r = s->first, last = s->first;
	enum event e = EVENT_ROW;
	for (size_t before; e == EVENT_ROW && t->spent < LINE_BYTES_MAX; last = r) {
		before = c.at;
		e = next_row(u, &c, &r);
		t->spent += c.at - before;
		if (e != EVENT_BAD && r.address > addr) {
			*ret = last;
			return last.address <= addr && last.line > 0 && last.line <= INT32_MAX;
		}
	}
	return false;
}

static bool find_in_unit(struct linetable *t, size_t unit, uint64_t addr, struct line_place *ret)
{
	struct line_row r;
	const struct line_unit *u = unit_at(t, unit);
	size_t n =
		PARTITION_POINT(u ? u->n : 0, i, t->stretches[u->first + i].first.address <= addr);
	const struct line_stretch *s = n ? &t->stretches[u->first + n - 1] : NULL;
	if (!s || addr >= s->end || !find_row(t, u, s, addr, &r))
		return false;
	*ret = (struct line_place){ unit, r.file, (int)r.line };
	return true;
}

/* Notes where a unit's program sets an address: {0, length, 2, address}. */
static void mark_unit(struct linetable *t, const struct line_unit *u)
{
	const uint8_t *program = t->lines.bytes + u->program, *end = t->lines.bytes + u->end;
	uint8_t length = (uint8_t)(t->ptr_size + 1);
	for (const uint8_t *p = program; (p = memchr(p, length, (size_t)(end - p))); p++) {
		if (p == program || p[-1] || (size_t)(end - p) < 2 + t->ptr_size || p[1] != 2)
			continue;
		if (t->n_marks == MARKS_MAX)
			return;
		t->marks = xgrow(t->marks, &t->cap_marks, t->n_marks, sizeof(*t->marks));
		t->marks[t->n_marks++] =
			(struct line_mark){ bytes_uint(p + 2, t->ptr_size, t->order), u->at };
	}
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct line_mark *)a)->address,
		 y = ((const struct line_mark *)b)->address;
	return x < y ? -1 : x > y;
}

static void mark_all(struct linetable *t)
{
	struct line_unit u;
	t->marked = true;
	for (size_t at = 0, next; at < t->lines.size; at = next) {
		if (parse_unit(t, at, &u, &next))
			mark_unit(t, &u);
		if (next <= at)
			break;
	}
	if (t->n_marks)
		qsort(t->marks, t->n_marks, sizeof(*t->marks), by_address);
}

static bool find_by_marks(struct linetable *t, uint64_t addr, struct line_place *ret)
{
	if (!t->marked)
		mark_all(t);
	size_t n = PARTITION_POINT(t->n_marks, i, t->marks[i].address <= addr);
	for (size_t tried = 0; tried < MARKS_TRIED && tried < n; tried++) {
		if (find_in_unit(t, t->marks[n - 1 - tried].unit, addr, ret))
			return true;
	}
	return false;
}

bool linetable_find(struct linetable *t, size_t unit, uint64_t addr, struct line_place *ret)
{
	return unit == LINE_UNIT_UNKNOWN ? find_by_marks(t, addr, ret)
					 : find_in_unit(t, unit, addr, ret);
}

const char *linetable_file(struct linetable *t, size_t unit, uint64_t file, const char *compiled_in)
{
	const struct line_unit *u = unit_at(t, unit);
	return u ? line_unit_file(t, u, file, compiled_in) : NULL;
}

struct line_bytes line_bytes_of(Elf *elf, const char *section)
{
	struct elf_part p;
	if (!elf_part_named(elf, section, &p))
		return (struct line_bytes){ 0 };
	return (struct line_bytes){ p.bytes, p.size };
}

bool linetable_open(struct linetable *t, Elf *elf)
{
	*t = (struct linetable){ .elf = elf,
		.order = elf_order(elf),
		.ptr_size = gelf_getclass(elf) == ELFCLASS32 ? 4 : 8,
		.lines = line_bytes_of(elf, ".debug_line") };
	return t->lines.bytes;
}

void linetable_fini(struct linetable *t)
{
	free(t->stretches);
	free(t->marks);
	hash_fini(&t->units);
	arena_fini(&t->arena);
	*t = (struct linetable){ 0 };
}
