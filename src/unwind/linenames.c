/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists of directories and files in the header of a unit of .debug_line (DWARF 5, section
 * 6.2.4, and versions 2 to 4).
 */
#include "elf.h"
#include "leb.h"
#include "lineunit.h"

#include <string.h>

enum { FORMATS_MAX = 16 };
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
	FORM_LINE_STRP = 0x1f,
	/* in the file that is shared with others */
	FORM_STRP_SUP = 0x1d,
	FORM_GNU_STRP_ALT = 0x1f21
};

/* The NUL-terminated text at an offset of a section, or NULL. */
static const char *text_at(Elf *elf, struct line_bytes *s, const char *section, uint64_t at)
{
	if (!s->bytes)
		*s = line_bytes_of(elf, section);
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

/* A field: a number, or where a text lies. */
static uint64_t field(const struct line_unit *u, struct cursor *c, uint64_t form)
{
	uint64_t at = c->at;
	switch (form) {
	case FORM_STRING:
		(void)take_text(c);
		return at;
	case FORM_LINE_STRP:
	case FORM_STRP:
	case FORM_STRP_SUP:
	case FORM_GNU_STRP_ALT:
		return cursor_uint(c, u->word);
	case FORM_DATA1:
		return cursor_byte(c);
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

static const char *text_of(
	struct linetable *t, const struct line_unit *u, uint64_t form, uint64_t value)
{
	struct cursor c = u->names;
	switch (form) {
	case FORM_STRING:
		c.at = (size_t)value;
		return take_text(&c);
	case FORM_LINE_STRP:
		return text_at(t->elf, &t->line_strings, ".debug_line_str", value);
	case FORM_STRP:
		return text_at(t->elf, &t->strings, ".debug_str", value);
	case FORM_STRP_SUP:
	case FORM_GNU_STRP_ALT:
		return text_at(t->alt, &t->alt_strings, ".debug_str", value);
	}
	return NULL;
}

struct entry {
	const char *path;
	uint64_t directory;
};

struct format {
	uint64_t content, form;
};

/* The entry of a list of version 5 at the cursor. */
static void take_entry(struct linetable *t, const struct line_unit *u, const struct format *formats,
	unsigned n, struct cursor *c, struct entry *ret)
{
	*ret = (struct entry){ 0 };
	for (unsigned i = 0; i < n; i++) {
		uint64_t v = field(u, c, formats[i].form);
		if (formats[i].content == CONTENT_PATH && !c->overrun)
			ret->path = text_of(t, u, formats[i].form, v);
		else if (formats[i].content == CONTENT_DIRECTORY)
			ret->directory = v;
	}
}

/* Steps over a list of version 5; entry `wanted` goes to ret, if there is such. */
static bool list_entry(struct linetable *t, const struct line_unit *u, struct cursor *c,
	uint64_t wanted, struct entry *ret)
{
	struct format formats[FORMATS_MAX];
	unsigned n = cursor_byte(c);
	bool found = false;
	if (n > FORMATS_MAX)
		return false;
	for (unsigned i = 0; i < n; i++) {
		formats[i].content = cursor_uleb(c);
		formats[i].form = cursor_uleb(c);
	}
	uint64_t count = cursor_uleb(c);
	for (uint64_t k = 0; n && k < count && !c->overrun; k++) {
		found |= k == wanted;
		if (k == wanted)
			take_entry(t, u, formats, n, c, ret);
		for (unsigned i = 0; k != wanted && i < n; i++)
			(void)field(u, c, formats[i].form);
	}
	return found && !c->overrun;
}

static bool file_5(struct linetable *t, const struct line_unit *u, uint64_t index,
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

/* Versions 2 to 4: lists that an empty text ends, counted from 1; directory 0 is not in it. */
static bool file_2(const struct line_unit *u, uint64_t index, const char *compiled_in,
	const char **ret_dir, struct entry *ret)
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
		*ret_dir = directory ? NULL : compiled_in;
		for (uint64_t k = 1; k <= directory && (text = take_text(&dirs)) && text[0]; k++)
			*ret_dir = k == directory ? text : NULL;
		return true;
	}
	return false;
}

const char *line_unit_file(
	struct linetable *t, const struct line_unit *u, uint64_t index, const char *compiled_in)
{
	const char *dir = NULL;
	struct entry e;
	bool found = u->form == 5 ? file_5(t, u, index, &dir, &e)
				  : file_2(u, index, compiled_in, &dir, &e);
	if (!found || !e.path)
		return NULL;
	if (e.path[0] == '/' || !dir || !dir[0])
		return e.path;
	AUTO_FREE char *joined = xasprintf("%s/%s", dir, e.path);
	return arena_copy(&t->arena, joined, strlen(joined));
}
