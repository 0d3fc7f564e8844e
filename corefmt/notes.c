/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ELF notes, gABI chapter 5: namesz, descsz and type as 4-byte words in either class, then the name
 * and the descriptor, each padded to 4 bytes. (8-byte padding exists for GNU properties only, whose
 * pieces are multiples of 8 anyway.)
 */
#include "pycore/elfcore.h"

#include <elf.h>

enum { NOTE_HEAD = 12, NOTE_ALIGN = 4 };

static void skip_padding(struct cursor *c, uint32_t size)
{
	size_t pad = -(size_t)size & (NOTE_ALIGN - 1);
	size_t left = cursor_left(c);
	cursor_skip(c, pad < left ? pad : left);
}

bool elf_note_next(struct cursor *c, struct elf_note *ret)
{
	if (cursor_left(c) < NOTE_HEAD)
		return false;
	struct elf_note n = { .name_size = (uint32_t)cursor_uint(c, 4) };
	uint32_t desc_size = (uint32_t)cursor_uint(c, 4);
	n.type = (uint32_t)cursor_uint(c, 4);
	size_t left = cursor_left(c);
	bool name_cut = n.name_size > left;
	if (name_cut)
		n.name_size = (uint32_t)left;
	n.name = (const char *)cursor_take(c, n.name_size);
	skip_padding(c, n.name_size);
	left = cursor_left(c);
	n.desc_size = desc_size < left ? desc_size : left;
	n.desc_lost = desc_size - n.desc_size;
	if (name_cut && !n.desc_lost)
		n.desc_lost = 1;
	n.desc = cursor_take(c, n.desc_size);
	skip_padding(c, desc_size);
	*ret = n;
	return true;
}

size_t elf_build_id(
	const void *notes, size_t size, enum byte_order order, uint8_t ret[BUILD_ID_MAX])
{
	struct cursor c = cursor_of(notes, size, order);
	struct elf_note n;
	while (elf_note_next(&c, &n)) {
		if (n.type != NT_GNU_BUILD_ID || n.name_size != 4 ||
			memcmp(n.name, ELF_NOTE_GNU, 4) != 0)
			continue;
		if (n.desc_lost || n.desc_size == 0 || n.desc_size > BUILD_ID_MAX)
			return 0;
		memcpy(ret, n.desc, n.desc_size);
		return n.desc_size;
	}
	return 0;
}
