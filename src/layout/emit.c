/* SPDX-License-Identifier: Apache-2.0 */
/* The .inc files of tables/: designated initialisers, so that what a build lacks stays zero, hence
 * absent. */
#include "dwarf.h"

#include "fields.h"
#include "pycore/alloc.h"

#include <elfutils/libdwelf.h>

enum { LINE_MAX_COLUMNS = 96 };

/* Text in a comment of several lines, broken at blanks; nothing in it can end the comment. */
static void put_wrapped(struct str *s, const char *label, const char *text)
{
	str_addf(s, " * %s", label);
	size_t column = 3 + strlen(label);
	for (const char *list = text, *word; *list;) {
		size_t len;
		(void)spelling_next(&list, ' ', &word, &len);
		if (column + len + 1 > LINE_MAX_COLUMNS) {
			str_puts(s, "\n *   ");
			column = 5;
		}
		str_putc(s, ' ');
		for (size_t i = 0; i < len; i++)
			str_putc(s,
				word[i] > ' ' && word[i] < 0x7f && word[i] != '*' ? word[i] : '?');
		column += len + 1;
	}
	str_putc(s, '\n');
}

static void put_build_id(struct str *s, const struct types *t)
{
	const void *id;
	ssize_t len = dwelf_elf_gnu_build_id(t->elf, &id);
	if (len <= 0)
		return;
	str_puts(s, " *    build-id: ");
	for (ssize_t i = 0; i < len; i++)
		str_addf(s, "%02x", ((const uint8_t *)id)[i]);
	str_putc(s, '\n');
}

/* Names each file; the compiler too where it is not that of the file before. */
static void put_heading(struct str *s, const struct types *all, const struct layout_file *files,
	size_t n, const char *option)
{
	str_puts(s, "/* SPDX-License-Identifier: Apache-2.0 */\n/*\n");
	str_addf(s, " * Made by `pycore layout %s` from DWARF; never edited by hand.\n", option);
	const char *before = "";
	for (size_t i = 0; i < n; i++) {
		put_wrapped(s, "read:", files[i].name);
		const char *producer = types_producer(&all[i]);
		if (producer && strcmp(producer, before) != 0)
			put_wrapped(s, "   compiler:", producer);
		before = producer ? producer : before;
		put_build_id(s, &all[i]);
	}
	str_puts(s, " */\n");
}

static void put_field(struct str *s, const char *enumerator, const struct field_at *at)
{
	str_addf(s, "[%s] = ", enumerator);
	if (at->bits)
		str_addf(s, "BITS(%u, %u, %u, %u),\n", at->offset, at->size, at->bit, at->bits);
	else if (at->size)
		str_addf(s, "AT(%u, %u),\n", at->offset, at->size);
	else
		str_addf(s, "SIZEOF(%u),\n", at->offset);
}

/* What the first file says that has one of the field's structs: another file may have an unrelated
 * struct of the same name. */
static struct field_at first_place(const struct types *all, size_t n, enum field f)
{
	size_t i = 0;
	while (i < n && !types_have(&all[i], f))
		i++;
	return i < n ? types_field(&all[i], f) : (struct field_at){ 0 };
}

struct sources {
	size_t n;
	struct types *all;
};

static void sources_close(struct sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		types_close(&s->all[i]);
	free(s->all);
}

struct err layout_emit(
	const struct layout_file *files, size_t n, struct str *ret, size_t *ret_failed)
{
	CLEANUP(sources_close) struct sources s = { n, xcalloc(n, sizeof(*s.all)) };
	for (size_t i = 0; i < n; i++) {
		struct err e = types_open(&s.all[i], files[i].image, files[i].size);
		if (failed(e)) {
			*ret_failed = i;
			return e;
		}
	}
	put_heading(ret, s.all, files, n, "--emit");
	for (enum field f = 0; f < FIELD_COUNT; f++) {
		struct field_at at = first_place(s.all, n, f);
		if (at.origin != ORIGIN_NONE)
			put_field(ret, field_spellings[f].enumerator, &at);
	}
	return NO_ERR;
}

static void put_word(
	void *arg, const char *part, const char *member, uint64_t offset, uint64_t size)
{
	struct str *s = arg;
	/* The cookie, the version and the free-threaded word stand in front of the parts. */
	if (part && size == 8 && offset % 8 == 0)
		str_addf(s, "[%u] = \"%s.%s\",\n", (unsigned)(offset / 8), part, member);
}

struct err layout_emit_debug_offsets(const struct layout_file *file, struct str *ret)
{
	CLEANUP(types_close) struct types t = { 0 };
	TRY(types_open(&t, file->image, file->size));
	AUTO_STR(words);
	if (failed(types_members(&t, "_Py_DebugOffsets", put_word, &words)))
		return err_of(ERR_ABSENT, "struct _Py_DebugOffsets");
	put_heading(ret, &t, file, 1, "--emit-debug-offsets");
	str_add(ret, words.bytes, words.len);
	return NO_ERR;
}
