/* SPDX-License-Identifier: Apache-2.0 */
/* What only the file on disk tells: section headers and .symtab, by libelf over the mapped bytes.
 */
#include "pycore/image.h"

#include <gelf.h>
#include <libelf.h>
#include <string.h>

static void elf_closed(Elf **elf)
{
	elf_end(*elf);
}

/* libelf's handle on the attached file; NULL if there is none. It only reads the bytes, which are
 * const here. */
static Elf *elf_opened(const struct image *img)
{
	if (img->match == MATCH_NONE || !img->file.size || elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	return elf_memory((char *)img->file.bytes, img->file.size);
}

/* `name`, or `name` with a suffix that the compiler gave to a local symbol when it joined or cloned
 * it. Mostly it is another. */
static bool same_symbol(const char *found, const char *name)
{
	if (*found != *name)
		return false;
	size_t n = strlen(name);
	return !strncmp(found, name, n) && (!found[n] || !strncmp(found + n, ".lto_priv", 9));
}

/* Likewise, for names that say which source file it is of. */
static bool is_wanted(const char *found, const char *file, const char *name)
{
	if (!file || *file != *name)
		return same_symbol(found, name);
	size_t n = strlen(file);
	return !strncmp(name, file, n) && name[n] == ':' ? !strcmp(found, name + n + 1)
							 : same_symbol(found, name);
}

static void take_symbol(const char *found, const char *file, const GElf_Sym *sym, uint64_t bias,
	const char *const *names, size_t n, struct image_symbol *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (!ret[i].addr && is_wanted(found, file, names[i]))
			ret[i] = (struct image_symbol){ .addr = bias + sym->st_value,
				.size = sym->st_size };
	}
}

/* One symbol table: the local symbols of a source file stand behind its name. */
static void search_table(Elf *elf, const GElf_Shdr *sh, Elf_Data *data, uint64_t bias,
	const char *const *names, size_t n, struct image_symbol *ret)
{
	const char *file = NULL;
	for (size_t i = 0; i < data->d_size / sh->sh_entsize && i <= INT32_MAX; i++) {
		GElf_Sym sym;
		if (!gelf_getsym(data, (int)i, &sym) || sym.st_shndx == SHN_UNDEF)
			continue;
		const char *found = elf_strptr(elf, sh->sh_link, sym.st_name);
		bool local = GELF_ST_BIND(sym.st_info) == STB_LOCAL;
		if (GELF_ST_TYPE(sym.st_info) == STT_FILE)
			file = found;
		else if (found && GELF_ST_TYPE(sym.st_info) == STT_OBJECT)
			take_symbol(found, local ? file : NULL, &sym, bias, names, n, ret);
	}
}

void image_symtab(struct image *img, const char *const *names, size_t n, struct image_symbol *ret)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = (struct image_symbol){ 0 };
	CLEANUP(elf_closed) Elf *elf = elf_opened(img);
	for (Elf_Scn *scn = NULL; elf && (scn = elf_nextscn(elf, scn));) {
		GElf_Shdr sh;
		Elf_Data *data;
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB && sh.sh_entsize &&
			(data = elf_getdata(scn, NULL)))
			search_table(elf, &sh, data, img->bias, names, n, ret);
	}
}

struct err image_section(struct image *img, const char *name, struct image_symbol *ret)
{
	CLEANUP(elf_closed) Elf *elf = elf_opened(img);
	size_t names;
	if (!elf || elf_getshdrstrndx(elf, &names) < 0)
		return err_of(ERR_ABSENT, "section");
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		GElf_Shdr sh;
		const char *found =
			gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;
		if (!found || strcmp(found, name) || !(sh.sh_flags & SHF_ALLOC))
			continue;
		*ret = (struct image_symbol){ .addr = img->bias + sh.sh_addr, .size = sh.sh_size };
		return NO_ERR;
	}
	return err_of(ERR_ABSENT, "section");
}
