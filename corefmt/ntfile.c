/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NT_FILE, Linux fs/binfmt_elf.c, fill_files_note(), all numbers of the word size:
 *
 *	count, page_size, count × { start, end, offset in units of page_size }, count × path, NUL
 *
 * The kernel writes the rows in the order of its dump, which is by size where core_sort_vma is set.
 *gdb writes a page_size of 1.
 */
#include "parts.h"

#include "pycore/alloc.h"

static int by_start(const void *a, const void *b)
{
	const struct core_file_entry *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

void core_files_sort(struct elfcore *c)
{
	for (size_t i = 1; i < c->n_files; i++) {
		if (c->files[i - 1].start > c->files[i].start) {
			qsort(c->files, c->n_files, sizeof(*c->files), by_start);
			return;
		}
	}
}

void core_files_parse(struct elfcore *c, const uint8_t *desc, size_t size)
{
	unsigned word = c->head.ptr_size;
	struct cursor rows = cursor_of(desc, size, c->head.order);
	uint64_t count = cursor_uint(&rows, word);
	uint64_t page = cursor_uint(&rows, word);
	if (rows.overrun)
		return;
	c->files_claimed = count;
	/* Paths begin where all rows end, so a note that is cut before holds no row with a name. */
	uint64_t rows_size;
	if (__builtin_mul_overflow(count, 3 * word, &rows_size) || rows_size >= cursor_left(&rows))
		return;
	struct cursor paths = rows;
	cursor_skip(&paths, rows_size);
	/* Every row needs at least one byte of path. */
	size_t most = count < cursor_left(&paths) ? (size_t)count : cursor_left(&paths);
	if (most > FILE_ENTRIES_MAX)
		most = FILE_ENTRIES_MAX;
	c->files = xcalloc(most, sizeof(*c->files));
	for (size_t i = 0; i < most; i++) {
		struct core_file_entry f = { .start = cursor_uint(&rows, word) };
		f.end = cursor_uint(&rows, word);
		uint64_t pages = cursor_uint(&rows, word);
		const uint8_t *path = paths.bytes + paths.at;
		const uint8_t *nul = memchr(path, '\0', cursor_left(&paths));
		if (!nul)
			break;
		cursor_skip(&paths, (uint64_t)(nul - path) + 1);
		f.path = (const char *)path;
		if (f.start < f.end && !__builtin_mul_overflow(pages, page, &f.offset))
			c->files[c->n_files++] = f;
	}
	core_files_sort(c);
}
