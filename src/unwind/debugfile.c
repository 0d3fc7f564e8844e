/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a module's file says of other files with its debug information (GDB manual, "Separate Debug
 * Files"): .gnu_debuglink {name, NUL, padding to 4 bytes, CRC-32} names what was split off;
 * .gnu_debugaltlink {name, NUL, build-id} and .debug_sup (DWARF 5, section 7.3.6: {uint16 version,
 * uint8 is_supplementary, name, NUL, ULEB128 length, id}) what it shares with others; and
 * .gnu_debugdata holds symbols, packed.
 */
#include "internal.h"

#include "pycore/attr.h"
#include "pycore/str.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>

static struct debug_link link_of(struct module *m)
{
	struct elf_part part;
	const char *nul;
	if (!elf_part_named(m->elf, ".gnu_debuglink", &part) ||
		!(nul = memchr(part.bytes, '\0', part.size)))
		return (struct debug_link){ 0 };
	size_t crc_at = ((size_t)(nul - (const char *)part.bytes) + 4) & ~(size_t)3;
	if (part.size < 4 || crc_at > part.size - 4)
		return (struct debug_link){ 0 };
	return (struct debug_link){ .name = (const char *)part.bytes,
		.crc = (uint32_t)bytes_uint(part.bytes + crc_at, 4, m->img->head.order) };
}

void module_need_debug_file(struct unwind *u, struct module *m, bool ask)
{
	if (m->debug_elf || (m->debug_file_tried && (m->debug_file_asked || !ask)))
		return;
	m->debug_file_tried = true;
	m->debug_file_asked |= ask;
	struct debug_link link = link_of(m);
	/* the kernel's own images have symbols enough */
	ask = ask && m->img->path[0] != '[';
	if (searcher_find_debug(u->target->files, m->img, &link, ask, &m->debug_file))
		m->debug_elf = elf_open_file(&m->debug_file.map);
}

/* Which file of the module a handle is on. */
static const char *path_of(const struct module *m, const Elf *elf)
{
	if (elf == m->debug_elf)
		return m->debug_file.path;
	return elf == m->alt_elf ? m->alt_file.path : m->img->path;
}

Elf *module_unpacked(struct unwind *u, struct module *m, Elf *elf, const char *const *names)
{
	struct elf_copy copy = { 0 };
	struct err why;
	char text[ERR_TEXT_MAX];
	Elf *unpacked = elf_unpacked(elf, names, &copy, &why);
	bool of_memory = m->copy && elf == m->elf; /* need not hold any section */
	if (failed(why) && !of_memory)
		problems_notef(
			&u->target->problems, path_of(m, elf), "%s: not used", err_text(why, text));
	if (!copy.bytes)
		return unpacked;
	m->copies = xgrow(m->copies, &m->cap_copies, m->n_copies, sizeof(*m->copies));
	m->copies[m->n_copies++] = copy;
	return unpacked;
}

/* .debug_sup of the file that refers to another one. */
static bool read_sup(Elf *elf, enum byte_order order, struct debug_alt *ret)
{
	struct elf_part part;
	if (!elf_part_named(elf, ".debug_sup", &part))
		return false;
	struct cursor c = cursor_of(part.bytes, part.size, order);
	cursor_skip(&c, 2);
	bool refers = cursor_uint(&c, 1) == 0;
	const char *name = (const char *)c.bytes + c.at;
	const char *nul = memchr(name, '\0', cursor_left(&c));
	cursor_skip(&c, nul ? (uint64_t)(nul - name) + 1 : UINT64_MAX);
	uint64_t n = cursor_uint(&c, 1); /* 128 and more take several bytes, and are none */
	const uint8_t *id = n <= BUILD_ID_MAX ? cursor_take(&c, n) : NULL;
	*ret = (struct debug_alt){ .name = name, .id = id, .id_size = (size_t)n };
	return refers && id && n;
}

static bool read_alt(Elf *elf, enum byte_order order, struct debug_alt *ret)
{
	struct elf_part part;
	if (!elf_part_named(elf, ".gnu_debugaltlink", &part))
		return read_sup(elf, order, ret);
	const uint8_t *nul = memchr(part.bytes, '\0', part.size);
	size_t n = nul ? (size_t)(nul + 1 - part.bytes) : part.size;
	*ret = (struct debug_alt){
		.name = (const char *)part.bytes, .id = part.bytes + n, .id_size = part.size - n
	};
	return nul && ret->id_size && ret->id_size <= BUILD_ID_MAX;
}

Elf *module_need_alt(struct unwind *u, struct module *m, Elf *elf)
{
	struct debug_alt alt;
	char id[2 * BUILD_ID_MAX + 1];
	const struct found_file *of = elf == m->debug_elf ? &m->debug_file : NULL;
	if (m->alt_elf || !elf || !read_alt(elf, m->img->head.order, &alt))
		return m->alt_elf;
	if (searcher_find_alt(u->target->files, m->img, of, &alt, true, &m->alt_file))
		m->alt_elf = elf_open_file(&m->alt_file.map);
	if (!m->alt_elf)
		problems_notef(&u->target->problems, path_of(m, elf),
			"its debug information refers to %s with the build-id %s, which was not "
			"found: names of inlined functions may be missing",
			alt.name, build_id_text(alt.id, alt.id_size, id));
	return m->alt_elf;
}

/* Symbols that were packed into the file: .gnu_debugdata is an ELF file, compressed by xz. */
static void unpack_symbols(struct module *m)
{
	struct elf_part packed;
	if (!elf_part_named(m->elf, ".gnu_debugdata", &packed))
		return;
	size_t cap = packed.size * 16 < DEBUGDATA_MAX ? packed.size * 16 : DEBUGDATA_MAX;
	for (;; cap = cap * 4 < DEBUGDATA_MAX ? cap * 4 : DEBUGDATA_MAX) {
		uint64_t memory = DEBUGDATA_MAX;
		size_t in = 0, out = 0;
		free(m->unpacked);
		m->unpacked = xmalloc(cap);
		lzma_ret r = lzma_stream_buffer_decode(
			&memory, 0, NULL, packed.bytes, &in, packed.size, m->unpacked, &out, cap);
		if (r == LZMA_OK)
			m->unpacked_elf = elf_open_bytes(m->unpacked, out);
		if (r != LZMA_BUF_ERROR || cap == DEBUGDATA_MAX)
			return;
	}
}

struct symbols *module_symbols(struct unwind *u, struct module *m)
{
	struct elf_part part;
	if (m->named)
		return &m->symbols;
	m->named = true;
	module_open(u, m);
	symbols_add(&m->symbols, m->elf);
	symbols_add_stubs(&m->symbols, m->elf);
	if (!elf_part_named(m->elf, ".symtab", &part)) {
		module_need_debug_file(u, m, true);
		symbols_add(&m->symbols, m->debug_elf);
		if (!m->debug_elf)
			unpack_symbols(m);
		symbols_add(&m->symbols, m->unpacked_elf);
	}
	return &m->symbols;
}
