/* SPDX-License-Identifier: Apache-2.0 */
#include "elf.h"

#include "pycore/alloc.h"

#include <string.h>

Elf *elf_open_bytes(uint8_t *bytes, size_t size)
{
	if (!bytes || !size || elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	Elf *elf = elf_memory((char *)bytes, size);
	if (elf && elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		return NULL;
	}
	return elf;
}

Elf *elf_open_file(const struct file_map *file)
{
	if (!file_map_unshare(file))
		return NULL;
	return elf_open_bytes((uint8_t *)file->bytes, file->size);
}

enum byte_order elf_order(Elf *elf)
{
	const char *ident = elf_getident(elf, NULL);
	return ident && ident[EI_DATA] == ELFDATA2MSB ? ORDER_BIG : ORDER_LITTLE;
}

Elf_Scn *elf_section_named(Elf *elf, const char *name, GElf_Shdr *ret)
{
	size_t names;
	if (!elf || elf_getshdrstrndx(elf, &names) < 0)
		return NULL;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		const char *found =
			gelf_getshdr(scn, ret) ? elf_strptr(elf, names, ret->sh_name) : NULL;
		if (found && !strcmp(found, name))
			return scn;
	}
	return NULL;
}

bool elf_part_named(Elf *elf, const char *name, struct elf_part *ret)
{
	GElf_Shdr sh;
	Elf_Scn *scn = elf_section_named(elf, name, &sh);
	if (!scn || sh.sh_type == SHT_NOBITS || sh.sh_flags & SHF_COMPRESSED)
		return false;
	Elf_Data *data = elf_getdata(scn, NULL);
	if (!data || !data->d_buf || !data->d_size)
		return false;
	*ret = (struct elf_part){ data->d_buf, data->d_size, sh.sh_addr };
	return true;
}

unsigned elf_machine(Elf *elf)
{
	GElf_Ehdr head;
	return gelf_getehdr(elf, &head) ? head.e_machine : EM_NONE;
}

/* Of the older way to compress: .zdebug_NAME begins with "ZLIB" and the size, big endian. */
static uint64_t gnu_packed_size(Elf *elf, const char *name)
{
	struct elf_part part;
	AUTO_FREE char *old = xasprintf(".z%s", name + 1);
	return elf_part_named(elf, old, &part) && part.size >= 12
		       ? bytes_uint(part.bytes + 4, 8, ORDER_BIG)
		       : 0;
}

uint64_t elf_packed_size(Elf *elf, const char *name)
{
	GElf_Shdr sh;
	GElf_Chdr packed;
	Elf_Scn *scn = elf_section_named(elf, name, &sh);
	if (!scn)
		return gnu_packed_size(elf, name);
	return sh.sh_flags & SHF_COMPRESSED && gelf_getchdr(scn, &packed) ? packed.ch_size : 0;
}

Elf *elf_unpacked(Elf *elf, const char *const *names, struct elf_copy *ret, struct err *ret_why)
{
	size_t size, copy_size;
	bool whole;
	const uint8_t *bytes = elf ? (const uint8_t *)elf_rawfile(elf, &size) : NULL;
	*ret_why = NO_ERR;
	if (!bytes)
		return NULL;
	struct err e = elf_unpack(bytes, size, names, &ret->bytes, &copy_size, &whole);
	if (e.code == ERR_ABSENT)
		return elf;
	*ret_why = e;
	if (failed(e))
		return NULL;
	if (!whole)
		*ret_why = err_of(ERR_CORRUPT, "compressed debug information");
	ret->elf = elf_open_bytes(ret->bytes, copy_size);
	return ret->elf;
}

void elf_copy_fini(struct elf_copy *c)
{
	elf_end(c->elf);
	free(c->bytes);
	*c = (struct elf_copy){ 0 };
}

void elf_hide(Elf *elf, const char *name)
{
	GElf_Shdr sh;
	Elf_Scn *scn = elf_section_named(elf, name, &sh);
	sh.sh_type = SHT_NOBITS;
	if (scn)
		(void)gelf_update_shdr(scn, &sh);
}
