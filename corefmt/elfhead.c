/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ELF header and program headers. System V gABI, chapters 4 and 5: e_ident says class and byte
 * order, the fields behind it have fixed offsets in each class. More than 65 534 program headers:
 * e_phnum is PN_XNUM and sh_info of section header 0 holds the count (elf(5)).
 */
#include "pycore/elfcore.h"

#include <elf.h>

static unsigned head_size(unsigned ptr_size)
{
	return ptr_size == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
}

static struct err parse_ident(const uint8_t *ident, size_t size, struct elf_head *h)
{
	if (size < SELFMAG || memcmp(ident, ELFMAG, SELFMAG) != 0)
		return err_of(ERR_UNSUPPORTED, "not an ELF file");
	if (size < EI_NIDENT)
		return err_of(ERR_TRUNCATED, "ELF header");
	if (ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64)
		return err_of(ERR_UNSUPPORTED, "an ELF file that is neither 32 nor 64 bit");
	if (ident[EI_DATA] != ELFDATA2LSB && ident[EI_DATA] != ELFDATA2MSB)
		return err_of(ERR_UNSUPPORTED, "an ELF file of unknown byte order");
	h->ptr_size = ident[EI_CLASS] == ELFCLASS64 ? 8 : 4;
	h->order = ident[EI_DATA] == ELFDATA2LSB ? ORDER_LITTLE : ORDER_BIG;
	return NO_ERR;
}

static void resolve_phnum(const uint8_t *bytes, size_t size, struct elf_head *h)
{
	if (h->phnum != PN_XNUM)
		return;
	size_t info_at =
		h->ptr_size == 8 ? offsetof(Elf64_Shdr, sh_info) : offsetof(Elf32_Shdr, sh_info);
	if (h->shoff && h->shoff <= size && size - h->shoff >= info_at + 4) {
		h->phnum = (uint32_t)bytes_uint(bytes + h->shoff + info_at, 4, h->order);
		return;
	}
	h->phnum_lost = true;
	uint64_t room = h->phoff < size && h->phentsize ? (size - h->phoff) / h->phentsize : 0;
	h->phnum = room < SEGMENTS_MAX ? (uint32_t)room : SEGMENTS_MAX;
}

struct err elf_head_parse(const void *bytes, size_t size, struct elf_head *ret)
{
	struct elf_head h = { 0 };
	TRY(parse_ident(bytes, size, &h));
	if (size < head_size(h.ptr_size))
		return err_of(ERR_TRUNCATED, "ELF header");
	struct cursor c = cursor_of(bytes, size, h.order);
	cursor_skip(&c, EI_NIDENT);
	h.type = (uint16_t)cursor_uint(&c, 2);
	h.machine = (uint16_t)cursor_uint(&c, 2);
	cursor_skip(&c, 4); /* e_version */
	h.entry = cursor_uint(&c, h.ptr_size);
	h.phoff = cursor_uint(&c, h.ptr_size);
	h.shoff = cursor_uint(&c, h.ptr_size);
	cursor_skip(&c, 4 + 2); /* e_flags, e_ehsize */
	h.phentsize = cursor_uint(&c, 2);
	h.phnum = (uint32_t)cursor_uint(&c, 2);
	h.shentsize = (uint32_t)cursor_uint(&c, 2);
	h.shnum = (uint32_t)cursor_uint(&c, 2);
	if (h.phnum && h.phentsize < (h.ptr_size == 8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		return err_of(ERR_CORRUPT, "ELF program header size");
	resolve_phnum(bytes, size, &h);
	*ret = h;
	return NO_ERR;
}

/* Constant sizes and offsets: this runs once for every mapping of a core, at every start. */
struct elf_phdr elf_phdr_parse(const struct elf_head *h, const void *bytes)
{
	const uint8_t *b = bytes;
	enum byte_order o = h->order;
	if (h->ptr_size == 8) {
		return (struct elf_phdr){
			.type = (uint32_t)bytes_uint(b, 4, o),
			.flags = (uint32_t)bytes_uint(b + offsetof(Elf64_Phdr, p_flags), 4, o),
			.offset = bytes_uint(b + offsetof(Elf64_Phdr, p_offset), 8, o),
			.vaddr = bytes_uint(b + offsetof(Elf64_Phdr, p_vaddr), 8, o),
			.filesz = bytes_uint(b + offsetof(Elf64_Phdr, p_filesz), 8, o),
			.memsz = bytes_uint(b + offsetof(Elf64_Phdr, p_memsz), 8, o),
			.align = bytes_uint(b + offsetof(Elf64_Phdr, p_align), 8, o),
		};
	}
	return (struct elf_phdr){
		.type = (uint32_t)bytes_uint(b, 4, o),
		.offset = bytes_uint(b + offsetof(Elf32_Phdr, p_offset), 4, o),
		.vaddr = bytes_uint(b + offsetof(Elf32_Phdr, p_vaddr), 4, o),
		.filesz = bytes_uint(b + offsetof(Elf32_Phdr, p_filesz), 4, o),
		.memsz = bytes_uint(b + offsetof(Elf32_Phdr, p_memsz), 4, o),
		.flags = (uint32_t)bytes_uint(b + offsetof(Elf32_Phdr, p_flags), 4, o),
		.align = bytes_uint(b + offsetof(Elf32_Phdr, p_align), 4, o),
	};
}
