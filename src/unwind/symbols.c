/* SPDX-License-Identifier: Apache-2.0 */
#include "symbols.h"

#include "elf.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

enum { COVERED_BACK_MAX = 16, STUB = 16 };

/* Where the code of a symbol's section ends; 0: it is none. */
static uint64_t end_of_code(Elf *elf, const GElf_Sym *sym)
{
	GElf_Shdr sh;
	Elf_Scn *scn = sym->st_shndx < SHN_LORESERVE ? elf_getscn(elf, sym->st_shndx) : NULL;
	return scn && gelf_getshdr(scn, &sh) && sh.sh_flags & SHF_EXECINSTR
		       ? sh.sh_addr + sh.sh_size
		       : 0;
}

/* Functions; labels in code too, for assembly has no others. */
static bool is_function(Elf *elf, const GElf_Sym *sym, const char *name)
{
	unsigned type = GELF_ST_TYPE(sym->st_info);
	if (sym->st_shndx == SHN_UNDEF || !name[0] || !sym->st_value)
		return false;
	if (type == STT_FUNC || type == STT_GNU_IFUNC)
		return true;
	return type == STT_NOTYPE && name[0] != '$' && end_of_code(elf, sym);
}

/* Sized before unsized, global before weak before local, public names before those of the library
 * itself. */
static uint8_t rank_of(const GElf_Sym *sym, const char *name)
{
	static const uint8_t binding[16] = { [STB_LOCAL] = 2, [STB_GLOBAL] = 0, [STB_WEAK] = 1 };
	size_t underscores = strspn(name, "_");
	return (uint8_t)((sym->st_size ? 0 : RANK_UNSIZED) +
			 binding[GELF_ST_BIND(sym->st_info)] * 8 +
			 (underscores < 7 ? underscores : 7));
}

static void add_table(struct symbols *s, Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	for (size_t i = 1; data && i < data->d_size / sh->sh_entsize && s->n < SYMBOLS_MAX; i++) {
		GElf_Sym sym;
		if (!gelf_getsym(data, (int)i, &sym))
			continue;
		unsigned type = GELF_ST_TYPE(sym.st_info);
		if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
			continue;
		const char *name = elf_strptr(elf, sh->sh_link, sym.st_name);
		if (!name || !is_function(elf, &sym, name))
			continue;
		s->list = xgrow(s->list, &s->cap, s->n, sizeof(*s->list));
		uint64_t end = sym.st_size ? sym.st_value + sym.st_size : end_of_code(elf, &sym);
		s->list[s->n++] = (struct symbol){ .start = sym.st_value,
			.end = end >= sym.st_value ? end : sym.st_value,
			.name = name,
			.rank = rank_of(&sym, name) };
	}
}

static bool add_tables(struct symbols *s, Elf *elf, unsigned type)
{
	size_t before = s->n;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		GElf_Shdr sh;
		if (gelf_getshdr(scn, &sh) && sh.sh_type == type && sh.sh_entsize)
			add_table(s, elf, scn, &sh);
	}
	return s->n > before;
}

void symbols_add(struct symbols *s, Elf *elf)
{
	if (elf && !add_tables(s, elf, SHT_SYMTAB))
		add_tables(s, elf, SHT_DYNSYM);
}

/* The stubs of the procedure linkage table: in .plt.sec, or in .plt behind what the first call of
 * each goes through. They are in the order of their relocations. */
static bool find_stubs(Elf *elf, size_t n, uint64_t *ret)
{
	struct elf_part plt;
	if (elf_part_named(elf, ".plt.sec", &plt) && plt.size == n * STUB) {
		*ret = plt.addr;
		return true;
	}
	if (!elf_part_named(elf, ".plt", &plt) || plt.size < n * STUB)
		return false;
	size_t head = plt.size - n * STUB;
	*ret = plt.addr + head;
	return head == STUB || head == 2 * STUB;
}

static void add_stub(struct symbols *s, const char *name, uint64_t at)
{
	AUTO_FREE char *text = xasprintf("%s@plt", name);
	s->list = xgrow(s->list, &s->cap, s->n, sizeof(*s->list));
	s->list[s->n++] = (struct symbol){
		.start = at, .end = at + STUB, .name = arena_copy(&s->names, text, strlen(text))
	};
}

void symbols_add_stubs(struct symbols *s, Elf *elf)
{
	GElf_Shdr sh, symbols;
	GElf_Rela rela;
	GElf_Sym sym;
	uint64_t at;
	Elf_Scn *scn = elf_section_named(elf, ".rela.plt", &sh);
	Elf_Scn *table = scn ? elf_getscn(elf, sh.sh_link) : NULL;
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	Elf_Data *names = table ? elf_getdata(table, NULL) : NULL;
	if (!data || !names || !gelf_getshdr(table, &symbols) ||
		sh.sh_entsize != sizeof(Elf64_Rela))
		return;
	size_t n = data->d_size / sh.sh_entsize;
	if (n > SYMBOLS_MAX || !find_stubs(elf, n, &at))
		return;
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getrela(data, (int)i, &rela) ||
			!gelf_getsym(names, (int)GELF_R_SYM(rela.r_info), &sym))
			continue;
		const char *name = elf_strptr(elf, symbols.sh_link, sym.st_name);
		if (name && name[0])
			add_stub(s, name, at + i * STUB);
	}
}

static int by_start(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return strcmp(x->name, y->name);
}

void symbols_sort(struct symbols *s)
{
	if (s->n)
		qsort(s->list, s->n, sizeof(*s->list), by_start);
}

/* The first symbol that begins where symbol i does. */
static size_t first_there(const struct symbols *s, size_t i)
{
	while (i && s->list[i - 1].start == s->list[i].start)
		i--;
	return i;
}

const struct symbol *symbols_find(const struct symbols *s, uint64_t addr)
{
	size_t low = 0, high = s->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (s->list[mid].start <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	for (unsigned back = 0; low && back < COVERED_BACK_MAX; back++) {
		size_t last = low - 1;
		low = first_there(s, last);
		for (size_t i = low; i <= last; i++) {
			const struct symbol *sym = &s->list[i];
			if (addr < sym->end && (!back || sym->rank < RANK_UNSIZED))
				return sym;
		}
	}
	return NULL;
}

void symbols_fini(struct symbols *s)
{
	free(s->list);
	arena_fini(&s->names);
	*s = (struct symbols){ 0 };
}
