/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A minidump as a core: header, directory and what is of one row. LLDB writes its list of memory
 * behind the memory, so of a minidump that is cut off nothing is left but the stacks whose threads
 * tell where they are.
 */
#include "minidump.h"

#include "pycore/attr.h"

#include <elf.h>

enum { HEADER = 32, DIRECTORY_ROW = 12 };

bool minidump_is(const uint8_t *bytes, uint64_t size)
{
	return size >= 4 && !memcmp(bytes, "MDMP", 4);
}

struct cursor md_open(struct minidump *m, struct md_part part)
{
	uint64_t have = part.offset < m->c->size ? m->c->size - part.offset : 0;
	m->c->cut |= part.size > have;
	if (have > part.size)
		have = part.size;
	if (have > NOTES_BYTES_MAX)
		have = NOTES_BYTES_MAX;
	return cursor_of(have ? m->c->bytes + part.offset : NULL, (size_t)have, ORDER_LITTLE);
}

bool md_next(struct minidump *m, size_t *at, uint32_t type, struct cursor *ret, bool *ret_cut)
{
	const struct elfcore *c = m->c;
	for (size_t n = m->directory.size / DIRECTORY_ROW; *at < n;) {
		const uint8_t *row = c->bytes + m->directory.offset + (*at)++ * DIRECTORY_ROW;
		struct md_part part = { .size = bytes_uint(row + 4, 4, ORDER_LITTLE),
			.offset = bytes_uint(row + 8, 4, ORDER_LITTLE) };
		if (bytes_uint(row, 4, ORDER_LITTLE) != type || !part.size)
			continue;
		*ret = md_open(m, part);
		*ret_cut = ret->size < part.size;
		return true;
	}
	return false;
}

struct cursor md_find(struct minidump *m, uint32_t type, bool *cut)
{
	size_t at = 0;
	struct cursor found;
	bool is_cut = false;
	if (!md_next(m, &at, type, &found, &is_cut))
		return cursor_of(NULL, 0, ORDER_LITTLE);
	*cut |= is_cut;
	return found;
}

/* Some writers have 4 bytes between the number and the rows, which would be aligned to 8 then. */
size_t md_rows(struct cursor *list, size_t row_size, bool *cut)
{
	uint64_t n = cursor_uint(list, 4);
	if (cursor_left(list) == n * row_size + 4)
		cursor_skip(list, 4);
	size_t room = cursor_left(list) / row_size;
	*cut |= n > room;
	return n < room ? (size_t)n : room;
}

/* Where the directory goes beyond the file, nothing of all lists need be there. */
static struct err open_directory(struct minidump *m)
{
	struct elfcore *c = m->c;
	struct cursor head = cursor_of(c->bytes, (size_t)c->size, ORDER_LITTLE);
	cursor_skip(&head, 8);
	uint64_t n = cursor_uint(&head, 4), offset = cursor_uint(&head, 4);
	if (c->size < HEADER)
		return err_of(ERR_TRUNCATED, "header of the minidump");
	uint64_t room = offset < c->size ? (c->size - offset) / DIRECTORY_ROW : 0;
	if (n > room) {
		c->cut = c->notes_cut = c->segments_cut = true;
		n = room;
	}
	m->directory = (struct md_part){ offset, n * DIRECTORY_ROW };
	return NO_ERR;
}

/* MINIDUMP_SYSTEM_INFO: the processor at 0, the platform at 20. */
static struct err read_system(struct minidump *m)
{
	enum { PLATFORM_AT = 20, LINUX = 0x8201, ANDROID = 0x8203 };
	bool cut = false;
	struct cursor s = md_find(m, MD_SYSTEM, &cut);
	unsigned processor = (unsigned)cursor_uint(&s, 2);
	cursor_skip(&s, PLATFORM_AT - 2);
	uint64_t platform = cursor_uint(&s, 4);
	if (s.overrun && m->c->cut)
		return err_of(ERR_TRUNCATED, "the processor that the minidump is of");
	if (s.overrun)
		return err_of(ERR_UNSUPPORTED,
			"this is a minidump that does not tell what processor it is of");
	if (platform != LINUX && platform != ANDROID)
		return err_of(ERR_UNSUPPORTED,
			"this is a minidump of a process that did not run under Linux");
	m->arch = md_arch(processor);
	if (!m->arch)
		return err_of(ERR_UNSUPPORTED,
			"this is a minidump of a processor that pycore does not know in minidumps");
	m->c->head = (struct elf_head){ .ptr_size = m->arch->ptr_size,
		.order = ORDER_LITTLE,
		.type = ET_CORE,
		.machine = m->arch->machine };
	return NO_ERR;
}

/* MINIDUMP_MISC_INFO: size, flags, of which 1 says that the process's id is there. */
static void read_misc(struct minidump *m)
{
	bool cut = false;
	struct cursor s = md_find(m, MD_MISC, &cut);
	cursor_skip(&s, 4);
	bool has_id = cursor_uint(&s, 4) & 1;
	pid_t pid = (pid_t)cursor_uint(&s, 4);
	if (!s.overrun && has_id && !m->c->pid)
		m->c->pid = pid;
}

static void read_words(struct minidump *m)
{
	bool cut = false;
	struct cursor words = md_find(m, MD_LINUX_WORDS, &cut);
	m->c->words = (const char *)words.bytes;
	m->c->words_size = words.size;
	struct cursor auxv = md_find(m, MD_LINUX_AUXV, &cut);
	core_auxv_parse(m->c, auxv.bytes, auxv.size);
}

struct err minidump_parse(const uint8_t *bytes, uint64_t size, struct elfcore *ret)
{
	struct elfcore c = { .bytes = bytes, .size = size, .minidump = true };
	struct minidump m = { .c = &c };
	TRY(open_directory(&m));
	TRY(read_system(&m));
	md_read_status(&m);
	read_misc(&m);
	read_words(&m);
	md_read_regions(&m);
	md_read_files(&m);
	md_read_threads(&m);
	md_read_memory(&m);
	free(m.regions);
	*ret = c;
	return NO_ERR;
}
