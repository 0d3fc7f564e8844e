/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file is and which build it belongs to. Debug information that was split off is an ELF file
 * with the same headers whose code is left out (SHT_NOBITS); by its program headers alone it cannot
 * be told from the program. A supplementary file (dwz) has no program headers, and with DWARF 5
 * (section 7.3.6) its id in .debug_sup: {uint16 version, uint8 is_supplementary, name, NUL, ULEB128
 * length, bytes}.
 */
#include "image_internal.h"

#include "pycore/attr.h"
#include "pycore/str.h"

#include <elf.h>
#include <string.h>

enum { NOTE_SECTIONS_MAX = 64 };

static size_t id_of_segments(const struct elf_head *head, const uint8_t *bytes, size_t size,
	bool *ret_loads, uint8_t ret[BUILD_ID_MAX])
{
	size_t id_size = 0;
	AUTO_FREE struct elf_phdr *phdrs = NULL;
	if (head->phoff > size)
		return 0;
	size_t n = image_parse_phdrs(head, bytes + head->phoff, size - head->phoff, &phdrs);
	for (size_t i = 0; i < n; i++) {
		const struct elf_phdr *p = &phdrs[i];
		*ret_loads |= p->type == PT_LOAD;
		if (!id_size && p->type == PT_NOTE && p->filesz <= NOTES_MAX && p->offset <= size &&
			p->filesz <= size - p->offset)
			id_size = elf_build_id(bytes + p->offset, p->filesz, head->order, ret);
	}
	return id_size;
}

static size_t id_of_sup(
	const uint8_t *bytes, size_t size, enum byte_order order, uint8_t ret[BUILD_ID_MAX])
{
	struct cursor c = cursor_of(bytes, size, order);
	cursor_skip(&c, 2);
	bool supplementary = cursor_uint(&c, 1) == 1;
	const uint8_t *nul = memchr(c.bytes + c.at, '\0', cursor_left(&c));
	cursor_skip(&c, nul ? (uint64_t)(nul + 1 - c.bytes) - c.at : UINT64_MAX);
	uint64_t n = cursor_uint(&c, 1); /* a length of 128 and more would be in several bytes */
	const uint8_t *id = n <= BUILD_ID_MAX ? cursor_take(&c, n) : NULL;
	if (!supplementary || !id)
		return 0;
	memcpy(ret, id, n);
	return n;
}

struct looked {
	bool code, code_there; /* has sections of code, and they have content */
	bool debug;
	unsigned notes;
	uint8_t id[BUILD_ID_MAX];
	size_t id_size;
};

static void look_at(const struct elf_head *head, const uint8_t *bytes, size_t size,
	const struct elf_shdr *s, const char *name, struct looked *l)
{
	bool inside = elf_section_inside(s, size);
	if (s->flags & SHF_EXECINSTR) {
		l->code = true;
		l->code_there |= s->type != SHT_NOBITS;
	}
	if (!inside)
		return;
	l->debug |= s->type == SHT_SYMTAB;
	if (!l->id_size && s->type == SHT_NOTE && s->size <= NOTES_MAX &&
		l->notes++ < NOTE_SECTIONS_MAX)
		l->id_size = elf_build_id(bytes + s->offset, s->size, head->order, l->id);
	if (!name)
		return;
	l->debug |= text_starts(name, ".debug_") || text_starts(name, ".zdebug_");
	if (!l->id_size && !strcmp(name, ".debug_sup"))
		l->id_size = id_of_sup(bytes + s->offset, s->size, head->order, l->id);
}

struct err elf_ident_read(const uint8_t *bytes, size_t size, struct elf_ident *ret)
{
	struct elf_ident id = { 0 };
	struct looked l = { 0 };
	struct elf_shdr names;
	if (failed(elf_head_parse(bytes, size, &id.head)) || id.head.phoff > size)
		return err_of(ERR_UNSUPPORTED, "is no ELF program or library");
	bool named = elf_section_names(&id.head, bytes, size, &names);
	size_t n = elf_section_count(&id.head, bytes, size);
	for (size_t i = 1; i < n; i++) {
		struct elf_shdr s = elf_section(&id.head, bytes, i);
		look_at(&id.head, bytes, size, &s,
			named ? elf_section_name(&names, bytes, &s) : NULL, &l);
	}
	bool loads = false;
	id.build_id_size = id_of_segments(&id.head, bytes, size, &loads, id.build_id);
	id.cut = id.head.shoff && (id.head.shoff > size || n < id.head.shnum);
	id.has_debug = l.debug;
	id.program = loads && (l.code_there || !l.code) &&
		     (id.head.type == ET_EXEC || id.head.type == ET_DYN);
	if (!id.program && l.id_size) {
		/* the program headers are those of the program, their offsets too */
		memcpy(id.build_id, l.id, l.id_size);
		id.build_id_size = l.id_size;
	}
	*ret = id;
	return NO_ERR;
}
