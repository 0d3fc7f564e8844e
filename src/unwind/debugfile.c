/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug information that was split off a file, where distributions put it (GDB manual, "Separate
 * Debug Files"): by build-id, or by the name and checksum that .gnu_debuglink holds: {name, NUL,
 * padding to 4 bytes, CRC-32}, beside the file, in .debug beside it, or below /usr/lib/debug.
 */
#include "elf.h"
#include "internal.h"

#include "pycore/attr.h"
#include "pycore/str.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>

static const char debug_root[] = "/usr/lib/debug";

/* CRC-32 as Ethernet has it. */
static uint32_t checksum(const uint8_t *bytes, size_t n)
{
	uint32_t table[256], crc = UINT32_MAX;
	for (uint32_t i = 0; i < ARRAY_LEN(table); i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
	}
	for (size_t i = 0; i < n; i++)
		crc = table[(crc ^ bytes[i]) & 0xff] ^ crc >> 8;
	return ~crc;
}

/* Whether an opened file belongs to the module: it has the same build-id, or where there is none,
 * the checksum that the module's own file names. */
static bool belongs(
	const struct module *m, Elf *elf, const struct file_map *file, const uint32_t *crc)
{
	const uint8_t *id;
	size_t size = elf_own_build_id(elf, &id);
	if (m->img->build_id_size)
		return size == m->img->build_id_size && !memcmp(id, m->img->build_id, size);
	return crc && checksum(file->bytes, file->size) == *crc;
}

static bool try_path(struct unwind *u, struct module *m, const char *path, const uint32_t *crc)
{
	struct file_map file;
	if (failed(file_map_open_below(u->target->root, path, &file)))
		return false;
	Elf *elf = elf_open_file(&file);
	if (elf && belongs(m, elf, &file, crc)) {
		m->debug_file = file;
		m->debug_elf = elf;
		return true;
	}
	problems_notef(&u->target->problems, path,
		"not used as debug information: it does not belong to %s", m->img->path);
	elf_end(elf);
	file_map_close(&file);
	return false;
}

static bool try_build_id(struct unwind *u, struct module *m)
{
	char id[2 * BUILD_ID_MAX + 1];
	if (m->img->build_id_size < 2)
		return false;
	build_id_text(m->img->build_id, m->img->build_id_size, id);
	AUTO_FREE char *path = xasprintf("%s/.build-id/%.2s/%s.debug", debug_root, id, id + 2);
	return try_path(u, m, path, NULL);
}

static void try_link(struct unwind *u, struct module *m)
{
	struct elf_part link;
	const char *nul, *slash = strrchr(m->img->path, '/');
	if (!slash || !elf_part_named(m->elf, ".gnu_debuglink", &link) ||
		!(nul = memchr(link.bytes, '\0', link.size)))
		return;
	const char *name = (const char *)link.bytes;
	size_t crc_at = ((size_t)(nul - name) + 4) & ~(size_t)3;
	if (!name[0] || strchr(name, '/') || crc_at + 4 > link.size)
		return;
	uint32_t crc = (uint32_t)bytes_uint(link.bytes + crc_at, 4, m->img->head.order);
	int dir = (int)(slash - m->img->path);
	AUTO_FREE char *beside = xasprintf("%.*s/%s", dir, m->img->path, name);
	AUTO_FREE char *below = xasprintf("%.*s/.debug/%s", dir, m->img->path, name);
	AUTO_FREE char *apart = xasprintf("%s%.*s/%s", debug_root, dir, m->img->path, name);
	if (!strcmp(beside, m->img->path) || !try_path(u, m, beside, &crc))
		(void)(try_path(u, m, below, &crc) || try_path(u, m, apart, &crc));
}

void module_need_debug_file(struct unwind *u, struct module *m)
{
	if (m->debug_file_tried)
		return;
	m->debug_file_tried = true;
	if (!try_build_id(u, m) && m->elf)
		try_link(u, m);
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

const struct symbols *module_symbols(struct unwind *u, struct module *m)
{
	struct elf_part part;
	if (m->named)
		return &m->symbols;
	m->named = true;
	module_open(u, m);
	symbols_add(&m->symbols, m->elf);
	symbols_add_stubs(&m->symbols, m->elf);
	if (m->img->match != MATCH_NONE && !elf_part_named(m->elf, ".symtab", &part)) {
		module_need_debug_file(u, m);
		symbols_add(&m->symbols, m->debug_elf);
		if (!m->debug_elf)
			unpack_symbols(m);
		symbols_add(&m->symbols, m->unpacked_elf);
	}
	symbols_sort(&m->symbols);
	return &m->symbols;
}
