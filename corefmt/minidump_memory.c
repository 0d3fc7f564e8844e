/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory: MINIDUMP_MEMORY_LIST, rows of { start (8), size, offset }; MINIDUMP_MEMORY64_LIST, the
 * number of rows (8), the offset of the first one's bytes (8), rows of { start (8), size (8) }
 * whose bytes follow each other; and the stacks that threads name. What the mappings say besides
 * was not saved. A row can go over several mappings.
 *
 * MINIDUMP_MODULE, 108 bytes: base (8), size, checksum, time, the offset of its name, 52 bytes of
 * version, a record as { size, offset } with the build-id behind "LEpB", and 24 bytes more; of a
 * file without a build-id LLDB puts the CRC-32 there (ObjectFileELF::GetUUID). A name is a number
 * of bytes and so much UTF-16.
 */
#include "minidump.h"

#include "pycore/alloc.h"
#include "pycore/sorted.h"
#include "pycore/str.h"

#include <elf.h>

enum { THREAD_ROW = 48, MEMORY_ROW = 16, MODULE_ROW = 108, MODULES_MAX = 65536 };

struct memory {
	struct minidump *m;
	struct core_claims claims;
	size_t n;
	uint64_t bytes; /* of the file that are claimed */
};

/* Whoever lists the same bytes again and again could make a small file a memory without end; that
 * of a stack is listed twice. */
static bool is_enough(struct memory *mem, uint64_t saved, uint64_t offset)
{
	enum { TIMES = 2 };
	uint64_t size = mem->m->c->size, there = offset < size ? size - offset : 0;
	mem->bytes += saved < there ? saved : there;
	return mem->n++ >= SEGMENTS_MAX || mem->bytes / TIMES > size;
}

static void claim(struct memory *mem, uint64_t start, uint64_t saved, uint64_t mapped,
	uint64_t offset, uint32_t flags)
{
	struct elf_phdr h = {
		.vaddr = start,
		.filesz = saved,
		.memsz = mapped,
		.offset = offset,
		.flags = flags,
	};
	if (is_enough(mem, saved, offset))
		mem->m->c->segments_cut = true;
	else
		core_claims_add_load(&mem->claims, mem->m->c, &h);
}

/* The index of the first region that ends above addr. */
static size_t region_above(const struct minidump *m, uint64_t addr)
{
	return PARTITION_POINT(m->n_regions, i, m->regions[i].end <= addr);
}

/* In pieces of which each has the rights of its mapping. Those of memory that no mapping tells of
 * are not known: it may have been written to. */
static void claim_saved(struct memory *mem, uint64_t start, uint64_t size, uint64_t offset)
{
	const struct minidump *m = mem->m;
	size_t i = region_above(m, start);
	uint64_t end = size < UINT64_MAX - start ? start + size : UINT64_MAX;
	for (uint64_t at = start, until; at < end && mem->n <= SEGMENTS_MAX; at = until) {
		const struct md_region *r = i < m->n_regions ? &m->regions[i] : NULL;
		bool inside = r && r->start <= at && at < r->end;
		until = !r ? end : inside ? r->end : r->start > at ? r->start : end;
		if (until > end)
			until = end;
		claim(mem, at, until - at, until - at, offset + (at - start),
			inside ? r->flags : PF_R | PF_W);
		i += inside;
	}
}

/* What no list has was not saved; if a list is cut, nobody knows: of a process writers save all,
 * what was written to, or stacks only, as they are told to. */
static void claim_regions(struct memory *mem)
{
	const struct elfcore *c = mem->m->c;
	bool listed = !c->segments_cut;
	for (size_t i = 0; i < mem->m->n_regions; i++) {
		const struct md_region *r = &mem->m->regions[i];
		if (listed)
			claim(mem, r->start, 0, r->end - r->start, c->size, r->flags);
		else
			core_claims_add_unlisted(&mem->claims, r->start, r->end, r->flags);
	}
}

static void claim_stacks(struct memory *mem)
{
	bool cut = false;
	struct cursor c = md_find(mem->m, MD_THREADS, &cut);
	for (size_t n = md_rows(&c, THREAD_ROW, &cut); n; n--) {
		cursor_skip(&c, 24);
		uint64_t start = cursor_uint(&c, 8), size = cursor_uint(&c, 4);
		claim_saved(mem, start, size, cursor_uint(&c, 4));
		cursor_skip(&c, 8);
	}
}

static void claim_list(struct memory *mem)
{
	bool cut = false;
	struct cursor c = md_find(mem->m, MD_MEMORY, &cut);
	for (size_t n = md_rows(&c, MEMORY_ROW, &cut); n; n--) {
		uint64_t start = cursor_uint(&c, 8), size = cursor_uint(&c, 4);
		claim_saved(mem, start, size, cursor_uint(&c, 4));
	}
	mem->m->c->segments_cut |= cut;
}

static void claim_list_64(struct memory *mem)
{
	bool cut = false;
	struct cursor c = md_find(mem->m, MD_MEMORY_64, &cut);
	uint64_t n = cursor_uint(&c, 8), offset = cursor_uint(&c, 8);
	uint64_t room = cursor_left(&c) / MEMORY_ROW;
	cut |= n > room;
	for (uint64_t i = 0; i < n && i < room; i++) {
		uint64_t start = cursor_uint(&c, 8), size = cursor_uint(&c, 8);
		claim_saved(mem, start, size, offset);
		if (__builtin_add_overflow(offset, size, &offset))
			break;
	}
	mem->m->c->segments_cut |= cut;
}

void md_read_memory(struct minidump *m)
{
	struct memory mem = { .m = m };
	claim_stacks(&mem);
	claim_list(&mem);
	claim_list_64(&mem);
	claim_regions(&mem);
	core_claims_add_files(&mem.claims, m->c);
	core_claims_flatten(&mem.claims, m->c);
	core_claims_fini(&mem.claims);
}

static void list_mapped(struct minidump *m)
{
	struct elfcore *c = m->c;
	size_t most = m->n_regions < FILE_ENTRIES_MAX ? m->n_regions : FILE_ENTRIES_MAX;
	c->files = xcalloc(most, sizeof(*c->files));
	for (size_t i = 0; i < m->n_regions && c->n_files < most; i++) {
		const struct md_region *r = &m->regions[i];
		if (r->path[0] == '/')
			c->files[c->n_files++] = (struct core_file_entry){ .start = r->start,
				.end = r->end,
				.offset = r->offset,
				.path = r->path };
	}
}

struct module {
	uint64_t base, size;
	struct md_part name, id;
};

static bool next_module(struct cursor *c, struct module *ret)
{
	ret->base = cursor_uint(c, 8);
	ret->size = cursor_uint(c, 4);
	cursor_skip(c, 8);
	ret->name = (struct md_part){ .offset = cursor_uint(c, 4), .size = 4 };
	cursor_skip(c, 52);
	ret->id.size = cursor_uint(c, 4);
	ret->id.offset = cursor_uint(c, 4);
	cursor_skip(c, 24);
	return !c->overrun;
}

/* As UTF-8, with a NUL behind it, which is counted. */
static size_t add_name(struct minidump *m, struct md_part name, struct str *to)
{
	struct cursor head = md_open(m, name);
	size_t before = to->len;
	uint64_t bytes = cursor_uint(&head, 4);
	if (bytes > 2 * PATH_BYTES_MAX)
		bytes = 2 * PATH_BYTES_MAX;
	struct cursor c = md_open(m, (struct md_part){ name.offset + 4, bytes });
	while (cursor_left(&c) >= 2) {
		uint32_t unit = (uint32_t)cursor_uint(&c, 2), low = 0;
		bool high = unit >= 0xd800 && unit < 0xdc00;
		if (high && cursor_left(&c) >= 2)
			low = (uint32_t)bytes_uint(c.bytes + c.at, 2, ORDER_LITTLE);
		if (low >= 0xdc00 && low < 0xe000) {
			cursor_skip(&c, 2);
			unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
		}
		if (!unit)
			break;
		str_put_utf8(to, unit);
	}
	str_putc(to, '\0');
	return to->len - before;
}

/* Where nothing else tells what was mapped. The paths move while they are added. */
static void list_modules(struct minidump *m, struct cursor c, size_t n)
{
	struct elfcore *core = m->c;
	struct str paths = { 0 };
	struct module mod;
	size_t *at = xcalloc(n, sizeof(*at));
	core->files = xcalloc(n, sizeof(*core->files));
	core->files_whole = true;
	for (; n && next_module(&c, &mod); n--) {
		size_t from = paths.len;
		uint64_t end;
		if (__builtin_add_overflow(mod.base, mod.size, &end) || !mod.size ||
			add_name(m, mod.name, &paths) < 2 || paths.bytes[from] != '/')
			continue;
		at[core->n_files] = from;
		core->files[core->n_files++] =
			(struct core_file_entry){ .start = mod.base, .end = end };
	}
	for (size_t i = 0; i < core->n_files; i++)
		core->files[i].path = paths.bytes + at[i];
	free(at);
	free(core->made_text);
	core->made_text = paths.bytes;
	core_files_sort(core);
}

static struct core_file_entry *file_at(struct elfcore *c, uint64_t start)
{
	size_t at = PARTITION_POINT(c->n_files, i, c->files[i].start < start);
	return at < c->n_files && c->files[at].start == start ? &c->files[at] : NULL;
}

static void note_build_id(struct minidump *m, const struct module *mod)
{
	enum { CHECKSUM = 4 };
	static const char magic[] = "LEpB";
	struct core_file_entry *f = file_at(m->c, mod->base);
	struct cursor c = md_open(m, mod->id);
	const uint8_t *head = cursor_take(&c, strlen(magic));
	size_t size = cursor_left(&c);
	if (!f || !head || memcmp(head, magic, strlen(magic)) != 0 || c.size < mod->id.size ||
		!size || size > BUILD_ID_MAX)
		return;
	if (size == CHECKSUM) {
		f->has_checksum = true;
		f->checksum = (uint32_t)cursor_uint(&c, CHECKSUM);
		return;
	}
	f->build_id = c.bytes + c.at;
	f->build_id_size = size;
}

void md_read_files(struct minidump *m)
{
	bool cut = false;
	struct cursor modules = md_find(m, MD_MODULES, &cut);
	size_t n = md_rows(&modules, MODULE_ROW, &cut);
	m->c->notes_cut |= cut;
	if (n > MODULES_MAX)
		n = MODULES_MAX;
	if (m->has_maps)
		list_mapped(m);
	else if (n)
		list_modules(m, modules, n);
	m->c->files_claimed = m->c->n_files;
	struct module mod;
	for (; n && next_module(&modules, &mod); n--)
		note_build_id(m, &mod);
}
