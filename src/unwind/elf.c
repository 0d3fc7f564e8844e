/* SPDX-License-Identifier: Apache-2.0 */
#include "elf.h"

#include "pycore/limits.h"

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
	GElf_Chdr packed;
	Elf_Scn *scn = elf_section_named(elf, name, &sh);
	if (!scn || sh.sh_type == SHT_NOBITS)
		return false;
	if (sh.sh_flags & SHF_COMPRESSED &&
		(!gelf_getchdr(scn, &packed) || packed.ch_size > DEBUGDATA_MAX ||
			elf_compress(scn, 0, 0) < 0))
		return false;
	Elf_Data *data = elf_getdata(scn, NULL);
	if (!data || !data->d_buf || !data->d_size)
		return false;
	*ret = (struct elf_part){ data->d_buf, data->d_size, sh.sh_addr };
	return true;
}

uint64_t elf_packed_size(Elf *elf, const char *name)
{
	GElf_Shdr sh;
	GElf_Chdr packed;
	Elf_Scn *scn = elf_section_named(elf, name, &sh);
	return scn && sh.sh_flags & SHF_COMPRESSED && gelf_getchdr(scn, &packed) ? packed.ch_size
										 : 0;
}

void elf_hide(Elf *elf, const char *name)
{
	GElf_Shdr sh;
	Elf_Scn *scn = elf_section_named(elf, name, &sh);
	sh.sh_type = SHT_NOBITS;
	if (scn)
		(void)gelf_update_shdr(scn, &sh);
}

size_t elf_own_build_id(Elf *elf, const uint8_t **ret)
{
	struct elf_part part;
	GElf_Nhdr note;
	size_t at = 0, name, desc;
	GElf_Shdr sh;
	Elf_Scn *scn = elf_section_named(elf, ".note.gnu.build-id", &sh);
	Elf_Data *data = scn && sh.sh_type == SHT_NOTE ? elf_getdata(scn, NULL) : NULL;
	if (!data || !elf_part_named(elf, ".note.gnu.build-id", &part))
		return 0;
	while ((at = gelf_getnote(data, at, &note, &name, &desc))) {
		const char *owner = (const char *)data->d_buf + name;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof("GNU") &&
			!memcmp(owner, "GNU", sizeof("GNU")) && note.n_descsz <= BUILD_ID_MAX) {
			*ret = (const uint8_t *)data->d_buf + desc;
			return note.n_descsz;
		}
	}
	return 0;
}
