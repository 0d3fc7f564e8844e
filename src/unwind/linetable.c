/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .debug_line (DWARF 5, section 6.2, and versions 2 to 4): units of a header and a program each. A
 * program yields rows {address, file, line} in sequences of ascending addresses. One pass over all
 * programs notes where each sequence lies; a search runs one sequence again.
 */
#include "linetable.h"

#include "elf.h"
#include "leb.h"

#include "pycore/limits.h"

#include <stdlib.h>
#include <string.h>

enum { SEQUENCES_MAX = 1 << 22, FORMATS_MAX = 16, OPCODES_MAX = 256 };
/* what an entry's field means, and its form */
enum { CONTENT_PATH = 1, CONTENT_DIRECTORY = 2 };
enum {
	FORM_BLOCK = 0x09,
	FORM_DATA1 = 0x0b,
	FORM_DATA2 = 0x05,
	FORM_DATA4 = 0x06,
	FORM_DATA8 = 0x07,
	FORM_DATA16 = 0x1e,
	FORM_STRING = 0x08,
	FORM_STRP = 0x0e,
	FORM_UDATA = 0x0f,
	FORM_LINE_STRP = 0x1f
};

struct unit {
	size_t at, end; /* offsets in the section */
	unsigned word; /* bytes of an offset */
	unsigned form; /* version */
	uint8_t min_length, opcode_base, line_range;
	int8_t line_base;
	uint8_t lengths[OPCODES_MAX];
	struct cursor names; /* directories and files */
	size_t program; /* offset of its first instruction */
};

struct row {
	uint64_t address, file;
	int64_t line;
};

enum event { EVENT_NONE, EVENT_ROW, EVENT_END, EVENT_BAD };

static struct cursor cursor_at(const struct linetable *t, size_t at, size_t end)
{
	struct cursor c = cursor_of(t->lines.bytes, end, t->order);
	cursor_skip(&c, at);
	return c;
}

static bool parse_lengths(struct cursor *c, struct unit *u)
{
	u->opcode_base = (uint8_t)cursor_uint(c, 1);
	for (unsigned i = 1; i < u->opcode_base; i++)
		u->lengths[i] = (uint8_t)cursor_uint(c, 1);
	return !c->overrun && u->opcode_base && u->line_range;
}

/* Reads the header of the unit at `at`. *ret_end, where the next one begins, is set as soon as it
 * is known; false if this one cannot be used. */
static bool parse_unit(const struct linetable *t, size_t at, struct unit *u, size_t *ret_end)
{
	struct cursor c = cursor_at(t, at, t->lines.size);
	*u = (struct unit){ .at = at, .word = 4 };
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
	u->min_length = (uint8_t)cursor_uint(&c, 1);
	if (u->form >= 4 && cursor_uint(&c, 1) != 1)
		return false; /* bundles of operations: no machine that is unwound here has them */
	cursor_skip(&c, 1);
	u->line_base = (int8_t)cursor_uint(&c, 1);
	u->line_range = (uint8_t)cursor_uint(&c, 1);
	bool good = parse_lengths(&c, u);
	u->names = c;
	return good;
}

static enum event extended(struct cursor *c, struct row *r)
{
	uint64_t n = cursor_uleb(c);
	if (!n || n > cursor_left(c))
		return EVENT_BAD;
	size_t end = c->at + (size_t)n;
	unsigned op = (unsigned)cursor_uint(c, 1);
	if (op == 2 && (n == 9 || n == 5)) /* set_address */
		r->address = cursor_uint(c, (unsigned)n - 1);
	c->at = end;
	return op == 1 ? EVENT_END : EVENT_NONE;
}

static void standard(const struct unit *u, unsigned op, struct cursor *c, struct row *r)
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

/* Runs one instruction. */
static enum event step(const struct unit *u, struct cursor *c, struct row *r)
{
	unsigned op = (unsigned)cursor_uint(c, 1);
	if (op >= u->opcode_base) {
		unsigned special = op - u->opcode_base;
		r->address += (uint64_t)(special / u->line_range) * u->min_length;
		r->line += u->line_base + (int)(special % u->line_range);
		return EVENT_ROW;
	}
	if (!op)
		return extended(c, r);
	if (op == 1) /* copy */
		return EVENT_ROW;
	standard(u, op, c, r);
	return EVENT_NONE;
}

static const struct row first_row = { .file = 1, .line = 1 };

static void add_sequence(struct linetable *t, struct line_sequence s)
{
	if (!s.start || s.end <= s.start || t->n >= SEQUENCES_MAX)
		return; /* what the linker threw away begins at 0 */
	t->list = xgrow(t->list, &t->cap, t->n, sizeof(*t->list));
	t->list[t->n++] = s;
}

static void index_unit(struct linetable *t, const struct unit *u)
{
	struct cursor c = cursor_at(t, u->program, u->end);
	struct line_sequence s = { .unit = u->at, .at = c.at };
	struct row r = first_row;
	bool begun = false;
	while (cursor_left(&c)) {
		enum event e = step(u, &c, &r);
		if (e == EVENT_BAD || c.overrun)
			return;
		if (e == EVENT_ROW && !begun) {
			s.start = r.address;
			begun = true;
		}
		if (e != EVENT_END)
			continue;
		s.end = r.address;
		if (begun)
			add_sequence(t, s);
		s.at = c.at;
		r = first_row;
		begun = false;
	}
}

static int by_start(const void *a, const void *b)
{
	uint64_t x = ((const struct line_sequence *)a)->start,
		 y = ((const struct line_sequence *)b)->start;
	return x < y ? -1 : x > y;
}

void linetable_init(struct linetable *t)
{
	struct unit u;
	for (size_t at = 0, next; at < t->lines.size; at = next) {
		if (parse_unit(t, at, &u, &next))
			index_unit(t, &u);
		if (next <= at)
			break;
	}
	if (t->n)
		qsort(t->list, t->n, sizeof(*t->list), by_start);
}

static struct line_bytes part(Elf *elf, const char *name)
{
	struct elf_part p;
	if (!elf_part_named(elf, name, &p))
		return (struct line_bytes){ 0 };
	return (struct line_bytes){ p.bytes, p.size };
}

bool linetable_open(struct linetable *t, Elf *elf, enum byte_order order)
{
	*t = (struct linetable){ .order = order, .lines = part(elf, ".debug_line") };
	if (!t->lines.bytes)
		return false;
	t->line_strings = part(elf, ".debug_line_str");
	t->strings = part(elf, ".debug_str");
	linetable_init(t);
	return true;
}

void linetable_fini(struct linetable *t)
{
	free(t->list);
	arena_fini(&t->names);
	*t = (struct linetable){ 0 };
}

/* The NUL-terminated text at an offset, or NULL. */
static const char *text_at(const struct line_bytes *s, uint64_t at)
{
	if (!s->bytes || at >= s->size || !memchr(s->bytes + at, '\0', s->size - (size_t)at))
		return NULL;
	return (const char *)s->bytes + at;
}

/* The text at the cursor, or NULL and overrun. */
static const char *take_text(struct cursor *c)
{
	const char *text = (const char *)c->bytes + c->at;
	const char *nul = memchr(text, '\0', cursor_left(c));
	cursor_skip(c, nul ? (uint64_t)(nul - text) + 1 : UINT64_MAX);
	return nul ? text : NULL;
}

struct entry {
	const char *path;
	uint64_t directory;
};

static uint64_t field(const struct linetable *t, const struct unit *u, struct cursor *c,
	uint64_t form, const char **ret_text)
{
	switch (form) {
	case FORM_STRING:
		*ret_text = take_text(c);
		return 0;
	case FORM_LINE_STRP:
		*ret_text = text_at(&t->line_strings, cursor_uint(c, u->word));
		return 0;
	case FORM_STRP:
		*ret_text = text_at(&t->strings, cursor_uint(c, u->word));
		return 0;
	case FORM_DATA1:
		return cursor_uint(c, 1);
	case FORM_DATA2:
		return cursor_uint(c, 2);
	case FORM_DATA4:
		return cursor_uint(c, 4);
	case FORM_DATA8:
		return cursor_uint(c, 8);
	case FORM_UDATA:
		return cursor_uleb(c);
	case FORM_DATA16:
		cursor_skip(c, 16);
		return 0;
	case FORM_BLOCK:
		cursor_skip(c, cursor_uleb(c));
		return 0;
	}
	c->overrun = true;
	return 0;
}

/* A list of version 5; entry `wanted` goes to ret. Steps behind the list. */
static bool list_entry(const struct linetable *t, const struct unit *u, struct cursor *c,
	uint64_t wanted, struct entry *ret)
{
	uint64_t content[FORMATS_MAX], form[FORMATS_MAX];
	unsigned n = (unsigned)cursor_uint(c, 1);
	bool found = false;
	if (n > FORMATS_MAX)
		return false;
	for (unsigned i = 0; i < n; i++) {
		content[i] = cursor_uleb(c);
		form[i] = cursor_uleb(c);
	}
	uint64_t count = cursor_uleb(c);
	for (uint64_t k = 0; n && k < count && !c->overrun; k++) {
		struct entry e = { 0 };
		for (unsigned i = 0; i < n; i++) {
			const char *text = NULL;
			uint64_t v = field(t, u, c, form[i], &text);
			if (content[i] == CONTENT_PATH)
				e.path = text;
			else if (content[i] == CONTENT_DIRECTORY)
				e.directory = v;
		}
		if (k == wanted && !c->overrun) {
			*ret = e;
			found = true;
		}
	}
	return found && !c->overrun;
}

static bool file_5(const struct linetable *t, const struct unit *u, uint64_t index,
	const char **ret_dir, struct entry *ret)
{
	struct cursor c = u->names, dirs = u->names;
	struct entry dir;
	(void)list_entry(t, u, &c, UINT64_MAX, &dir);
	if (!list_entry(t, u, &c, index, ret))
		return false;
	*ret_dir = list_entry(t, u, &dirs, ret->directory, &dir) ? dir.path : NULL;
	return true;
}

/* Versions 2 to 4: lists that an empty text ends, counted from 1; directory 0 is the one that the
 * compiler ran in, which is not told here. */
static bool file_2(const struct unit *u, uint64_t index, const char **ret_dir, struct entry *ret)
{
	struct cursor c = u->names, dirs = u->names;
	const char *text;
	while ((text = take_text(&c)) && text[0])
		;
	for (uint64_t i = 1; (text = take_text(&c)) && text[0]; i++) {
		uint64_t directory = cursor_uleb(&c);
		cursor_uleb(&c);
		cursor_uleb(&c);
		if (i != index)
			continue;
		*ret = (struct entry){ text, directory };
		*ret_dir = NULL;
		for (uint64_t k = 1; k <= directory && (text = take_text(&dirs)) && text[0]; k++)
			*ret_dir = k == directory ? text : NULL;
		return true;
	}
	return false;
}

static const char *file_name(struct linetable *t, const struct unit *u, uint64_t index)
{
	const char *dir = NULL;
	struct entry e;
	bool found = u->form == 5 ? file_5(t, u, index, &dir, &e) : file_2(u, index, &dir, &e);
	if (!found || !e.path)
		return NULL;
	if (e.path[0] == '/' || !dir || !dir[0])
		return e.path;
	AUTO_FREE char *joined = xasprintf("%s/%s", dir, e.path);
	return arena_copy(&t->names, joined, strlen(joined));
}

/* The row of a sequence that covers an address. */
static bool find_row(
	const struct linetable *t, const struct unit *u, size_t at, uint64_t addr, struct row *ret)
{
	struct cursor c = cursor_at(t, at, u->end);
	struct row r = first_row, last = { 0 };
	while (cursor_left(&c)) {
		enum event e = step(u, &c, &r);
		if (e == EVENT_BAD || c.overrun)
			return false;
		if (e != EVENT_NONE && r.address > addr) {
			*ret = last;
			return last.address <= addr && last.line > 0;
		}
		if (e == EVENT_END)
			return false;
		if (e == EVENT_ROW)
			last = r;
	}
	return false;
}

bool linetable_find(struct linetable *t, uint64_t addr, const char **ret_file, int *ret_line)
{
	size_t low = 0, high = t->n, end;
	struct unit u;
	struct row r;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (t->list[mid].start <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	const struct line_sequence *s = low ? &t->list[low - 1] : NULL;
	if (!s || addr >= s->end || !parse_unit(t, s->unit, &u, &end) ||
		!find_row(t, &u, s->at, addr, &r) || r.line > INT32_MAX)
		return false;
	*ret_file = file_name(t, &u, r.file);
	*ret_line = (int)r.line;
	return true;
}
