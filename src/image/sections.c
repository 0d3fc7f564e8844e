/* SPDX-License-Identifier: Apache-2.0 */
/* Section headers (System V gABI, chapter 4, "Sections") of a file that is at hand, by our own
 * bounded steps: of any file that a search meets. */
#include "image_internal.h"

#include "pycore/limits.h"

#include <elf.h>
#include <string.h>

enum { SECTION_NAME_MAX = 256 };

static size_t header_size(const struct elf_head *head)
{
	return head->ptr_size == 8 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
}

struct elf_shdr elf_section(const struct elf_head *head, const uint8_t *bytes, size_t i)
{
	const uint8_t *at = bytes + head->shoff + i * head->shentsize;
	unsigned word = head->ptr_size;
	struct cursor c = cursor_of(at, header_size(head), head->order);
	struct elf_shdr s = { .at = at };
	s.name = (uint32_t)cursor_uint(&c, 4);
	s.type = (uint32_t)cursor_uint(&c, 4);
	s.flags = cursor_uint(&c, word);
	cursor_skip(&c, word); /* sh_addr */
	s.offset = cursor_uint(&c, word);
	s.size = cursor_uint(&c, word);
	return s;
}

size_t elf_section_count(const struct elf_head *head, const uint8_t *bytes, size_t size)
{
	if (!head->shoff || head->shoff > size || head->shentsize < header_size(head))
		return 0;
	size_t room = (size - (size_t)head->shoff) / head->shentsize;
	/* a count that is too large for the header stands in section 0 */
	uint64_t n = head->shnum || !room ? head->shnum : elf_section(head, bytes, 0).size;
	n = n < room ? n : room;
	return n < ELF_SECTIONS_MAX ? (size_t)n : ELF_SECTIONS_MAX;
}

bool elf_section_inside(const struct elf_shdr *s, size_t size)
{
	return s->type != SHT_NOBITS && s->offset <= size && s->size <= size - s->offset;
}

bool elf_section_names(
	const struct elf_head *head, const uint8_t *bytes, size_t size, struct elf_shdr *ret)
{
	size_t n = elf_section_count(head, bytes, size);
	size_t at = head->ptr_size == 8 ? offsetof(Elf64_Ehdr, e_shstrndx)
					: offsetof(Elf32_Ehdr, e_shstrndx);
	uint64_t i = bytes_uint(bytes + at, 2, head->order);
	if (i == SHN_XINDEX && n)
		i = bytes_uint(elf_section(head, bytes, 0).at +
				       (head->ptr_size == 8 ? offsetof(Elf64_Shdr, sh_link)
							    : offsetof(Elf32_Shdr, sh_link)),
			4, head->order);
	if (!i || i >= n)
		return false;
	*ret = elf_section(head, bytes, i);
	return elf_section_inside(ret, size) && !(ret->flags & SHF_COMPRESSED);
}

const char *elf_section_name(
	const struct elf_shdr *names, const uint8_t *bytes, const struct elf_shdr *s)
{
	const char *name = (const char *)bytes + names->offset + s->name;
	uint64_t left = s->name < names->size ? names->size - s->name : 0;
	return memchr(name, '\0', left < SECTION_NAME_MAX ? left : SECTION_NAME_MAX) ? name : NULL;
}
