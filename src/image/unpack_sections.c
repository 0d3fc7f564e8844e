/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed sections (System V gABI, "Section Compression"): SHF_COMPRESSED and a header {type,
 * size, alignment} in front of the data; before that was agreed on, GNU tools called the section
 * .zdebug_* and began it with "ZLIB" and its size in 8 bytes, big endian. libelf knows zstd only
 * since 0.190, and what a header claims would be allocated: so the sections that are wanted are
 * unpacked here, into a small ELF file of their own.
 */
#include "image_internal.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"
#include "pycore/str.h"
#include "pycore/unpack.h"

#include <elf.h>
#include <string.h>

enum { GNU_HEAD = 12, ALIGN = 16 };

/* Where a section's content is, and how large it is unpacked. */
struct content {
	bool packed;
	enum packing how;
	const uint8_t *bytes;
	size_t size; /* of the bytes */
	uint64_t full; /* unpacked */
};

/* A file that is being written. */
struct twin {
	const uint8_t *from;
	size_t from_size;
	struct elf_head head;
	struct elf_shdr names;
	const char *const *wanted;
	size_t n_sections;
	uint8_t *bytes;
	size_t size, used; /* of bytes */
	size_t table; /* offset of the section headers */
	size_t names_at, names_used; /* the section with the names */
	bool damaged; /* a section that was wanted */
};

/* The section's usual name, which may begin inside of the file's: ".zdebug_info" is ".debug_info".
 */
static bool same_name(const char *found, const char *wanted)
{
	if (!strcmp(found, wanted))
		return true;
	return text_starts(found, ".z") && wanted[0] == '.' && !strcmp(found + 2, wanted + 1);
}

static const char *wanted_name(const struct twin *t, const struct elf_shdr *s)
{
	const char *found = elf_section_name(&t->names, t->from, s);
	for (size_t i = 0; found && t->wanted[i]; i++) {
		if (same_name(found, t->wanted[i]))
			return t->wanted[i];
	}
	return NULL;
}

static bool take_gnu(const struct twin *t, const struct elf_shdr *s, struct content *ret)
{
	const uint8_t *at = t->from + s->offset;
	if (s->size < GNU_HEAD || memcmp(at, "ZLIB", 4) != 0)
		return false;
	*ret = (struct content){ .packed = true,
		.how = PACKED_ZLIB,
		.bytes = at + GNU_HEAD,
		.size = s->size - GNU_HEAD,
		.full = bytes_uint(at + 4, 8, ORDER_BIG) };
	return true;
}

static bool take_packed(const struct twin *t, const struct elf_shdr *s, struct content *ret)
{
	unsigned word = t->head.ptr_size;
	size_t head = word == 8 ? sizeof(Elf64_Chdr) : sizeof(Elf32_Chdr);
	struct cursor c = cursor_of(t->from + s->offset, s->size, t->head.order);
	uint64_t type = cursor_uint(&c, 4);
	cursor_skip(&c, word - 4);
	uint64_t full = cursor_uint(&c, word);
	cursor_skip(&c, word);
	if (c.overrun || (type != ELFCOMPRESS_ZLIB && type != 2 /* ELFCOMPRESS_ZSTD */))
		return false;
	*ret = (struct content){ .packed = true,
		.how = type == ELFCOMPRESS_ZLIB ? PACKED_ZLIB : PACKED_ZSTD,
		.bytes = t->from + s->offset + head,
		.size = s->size - head,
		.full = full };
	return true;
}

/* False: not wanted, or damaged. */
static bool find_content(const struct twin *t, size_t i, struct content *ret, const char **ret_name)
{
	struct elf_shdr s = elf_section(&t->head, t->from, i);
	const char *name = elf_section_inside(&s, t->from_size) ? wanted_name(t, &s) : NULL;
	if (!name)
		return false;
	*ret_name = name;
	if (s.flags & SHF_COMPRESSED)
		return take_packed(t, &s, ret);
	if (elf_section_name(&t->names, t->from, &s)[1] == 'z' && name[1] != 'z')
		return take_gnu(t, &s, ret);
	*ret = (struct content){ .bytes = t->from + s.offset, .size = s.size, .full = s.size };
	return true;
}

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/* How large the file will be. */
static struct err measure(struct twin *t)
{
	size_t head = t->head.ptr_size == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	uint64_t sum = 0, texts = t->names.size + 1;
	bool packed = false;
	struct content c;
	const char *name;
	for (size_t i = 1; i < t->n_sections; i++) {
		if (!find_content(t, i, &c, &name))
			continue;
		if (c.full > DEBUG_UNPACKED_MAX || sum > DEBUG_UNPACKED_MAX - c.full)
			return err_of(ERR_LIMIT, "unpacked debug information");
		packed |= c.packed;
		sum += c.full + ALIGN;
		texts += strlen(name) + 1;
	}
	if (!packed)
		return err_of(ERR_ABSENT, "compressed sections");
	if (texts > DEBUG_UNPACKED_MAX)
		return err_of(ERR_LIMIT, "names of sections");
	t->table = aligned(head);
	t->names_at = aligned(t->table + t->n_sections * t->head.shentsize);
	t->used = aligned(t->names_at + texts);
	t->size = t->used + sum;
	return NO_ERR;
}

/* Writes an unsigned integer as the file has it. */
static void put(const struct twin *t, uint8_t *at, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size; i++)
		at[t->head.order == ORDER_LITTLE ? i : size - 1 - i] = (uint8_t)(value >> 8 * i);
}

/* Sets what a section header says of its content. */
static void put_header(const struct twin *t, size_t i, bool there, uint64_t offset, uint64_t size)
{
	uint8_t *at = t->bytes + t->table + i * t->head.shentsize;
	struct elf_shdr s = elf_section(&t->head, t->from, i);
	unsigned word = t->head.ptr_size;
	if (!there) {
		put(t, at + 4, 4, i ? SHT_NOBITS : SHT_NULL);
		return;
	}
	put(t, at + 8, word, s.flags & ~(uint64_t)SHF_COMPRESSED);
	put(t, at + 8 + 2 * word, word, offset);
	put(t, at + 8 + 3 * word, word, size);
}

/* Gives the section its usual name. */
static void put_name(struct twin *t, size_t i, const char *name)
{
	size_t n = strlen(name) + 1;
	put(t, t->bytes + t->table + i * t->head.shentsize, 4, t->names_used);
	memcpy(t->bytes + t->names_at + t->names_used, name, n);
	t->names_used += n;
}

static void copy_section(struct twin *t, size_t i)
{
	struct content c;
	const char *name;
	if (!find_content(t, i, &c, &name)) {
		put_header(t, i, false, 0, 0);
		return;
	}
	uint8_t *to = t->bytes + t->used;
	bool good = true;
	if (c.packed)
		good = !failed(unpack_bytes(c.how, c.bytes, c.size, to, (size_t)c.full));
	else
		memcpy(to, c.bytes, c.size);
	t->damaged |= !good;
	put_header(t, i, good, t->used, c.full);
	put_name(t, i, name);
	if (good)
		t->used = aligned(t->used + (size_t)c.full);
}

static void write_twin(struct twin *t)
{
	unsigned word = t->head.ptr_size;
	size_t head = word == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	size_t names = 0;
	memcpy(t->bytes, t->from, head);
	put(t, t->bytes + EI_NIDENT + 8 + word, word, 0); /* e_phoff */
	put(t, t->bytes + EI_NIDENT + 8 + 2 * word, word, t->table); /* e_shoff */
	put(t, t->bytes + head - 8, 2, 0); /* e_phnum */
	if (t->head.shnum)
		put(t, t->bytes + head - 4, 2, t->n_sections); /* e_shnum */
	memcpy(t->bytes + t->table, t->from + t->head.shoff, t->n_sections * t->head.shentsize);
	memcpy(t->bytes + t->names_at, t->from + t->names.offset, t->names.size);
	t->names_used = t->names.size + 1; /* whatever the last name ends with, a NUL follows */
	for (size_t i = 0; i < t->n_sections; i++) {
		if (elf_section(&t->head, t->from, i).at == t->names.at)
			names = i;
		else
			copy_section(t, i);
	}
	put_header(t, names, true, t->names_at, t->names_used);
}

struct err elf_unpack(const uint8_t *bytes, size_t size, const char *const *names, uint8_t **ret,
	size_t *ret_size, bool *ret_whole)
{
	struct twin t = { .from = bytes, .from_size = size, .wanted = names };
	TRY(elf_head_parse(bytes, size, &t.head));
	t.n_sections = elf_section_count(&t.head, bytes, size);
	if (!elf_section_names(&t.head, bytes, size, &t.names))
		return err_of(ERR_CORRUPT, "section names");
	TRY(measure(&t));
	t.bytes = xcalloc(1, t.size);
	write_twin(&t);
	*ret = t.bytes;
	*ret_size = t.used;
	*ret_whole = !t.damaged;
	return NO_ERR;
}
