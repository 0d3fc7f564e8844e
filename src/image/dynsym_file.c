/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dynamic symbols of an image whose file is gone, as an ELF file that holds nothing else. The
 * table does not tell how many they are: a DT_HASH table has as many chain entries; of a GNU one,
 * the chain of the highest bucket ends with the last symbol.
 */
#include "image_internal.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"
#include "pycore/str.h"

#include <elf.h>
#include <string.h>

enum { BUCKETS_MAX = 1 << 22, BATCH = 512, PAGE = 4096 };

/* Reads what is there of a range; the rest is zeros. */
static void read_sparsely(struct mem *mem, uint64_t addr, uint8_t *ret, size_t n)
{
	for (size_t at = 0, step; at < n; at += step) {
		step = PAGE - (size_t)((addr + at) % PAGE);
		step = step < n - at ? step : n - at;
		if (failed(mem_read(mem, addr + at, ret + at, step)))
			memset(ret + at, 0, step);
	}
}

/* Appends a range up to the first page that is not there. */
static void add_readable(struct str *to, struct mem *mem, uint64_t addr, uint64_t n)
{
	uint8_t page[PAGE];
	for (uint64_t at = 0, step; at < n; at += step) {
		step = PAGE - (addr + at) % PAGE;
		step = step < n - at ? step : n - at;
		if (failed(mem_read(mem, addr + at, page, (size_t)step)))
			return;
		str_add(to, page, (size_t)step);
	}
}

static struct err count_gnu(const struct image *img, struct mem *mem, uint64_t *ret)
{
	const struct image_dynsym *d = img->dynsym;
	uint64_t highest = 0, link = 0;
	if (d->nbuckets > BUCKETS_MAX)
		return err_at(ERR_LIMIT, d->gnu_hash, "GNU hash table");
	for (uint64_t i = 0; i < d->nbuckets; i += BATCH) {
		uint8_t buckets[BATCH * 4];
		size_t n = d->nbuckets - i < BATCH ? (size_t)(d->nbuckets - i) : BATCH;
		read_sparsely(mem, d->buckets + i * 4, buckets, n * 4);
		for (size_t k = 0; k < n; k++) {
			uint64_t first = bytes_uint(buckets + k * 4, 4, img->head.order);
			highest = first > highest ? first : highest;
		}
	}
	if (highest < d->symoffset)
		return err_of(ERR_ABSENT, "dynamic symbols");
	for (unsigned steps = 0; !(link & 1); steps++, highest++) {
		if (steps == HASH_CHAIN_MAX)
			return err_at(ERR_LIMIT, d->chain, "symbol hash chain");
		TRY(mem_uint(mem, d->chain + (highest - d->symoffset) * 4, 4, &link));
	}
	*ret = highest;
	return NO_ERR;
}

static struct err count_symbols(const struct image *img, struct mem *mem, uint64_t *ret)
{
	uint64_t n;
	if (img->dynsym->sysv_hash)
		TRY(mem_uint(mem, img->dynsym->sysv_hash + 4, 4, &n));
	else
		TRY(count_gnu(img, mem, &n));
	if (n > SYMBOLS_MAX)
		return err_at(ERR_LIMIT, img->dynsym->symtab, "dynamic symbols");
	*ret = n;
	return NO_ERR;
}

/* The file that is made: ELF header, symbols, their names, names of sections, section headers:
 * none, one for each segment of code, and one for each of these three. */
struct made {
	const struct image *img;
	struct str file;
	uint64_t n; /* symbols */
	size_t symbols_at, names_at, section_names_at;
};

static const char section_names[] = "\0.dynsym\0.dynstr\0.shstrtab\0.text";
enum { NAME_DYNSYM = 1, NAME_DYNSTR = 9, NAME_SHSTRTAB = 17, NAME_TEXT = 27 };

static bool is_code(const struct elf_phdr *p)
{
	return p->type == PT_LOAD && p->flags & PF_X;
}

static void put(struct made *m, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size; i++) {
		bool little = m->img->head.order == ORDER_LITTLE;
		str_putc(&m->file, (char)(value >> 8 * (little ? i : size - 1 - i)));
	}
}

static void put_head(struct made *m, uint64_t table, size_t sections)
{
	unsigned word = m->img->head.ptr_size;
	bool wide = word == 8;
	const uint8_t ident[EI_NIDENT] = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
		wide ? ELFCLASS64 : ELFCLASS32,
		m->img->head.order == ORDER_LITTLE ? ELFDATA2LSB : ELFDATA2MSB, EV_CURRENT };
	str_add(&m->file, ident, sizeof(ident));
	put(m, 2, ET_DYN);
	put(m, 2, m->img->head.machine);
	put(m, 4, EV_CURRENT);
	put(m, word, 0);
	put(m, word, 0);
	put(m, word, table);
	put(m, 4, 0);
	put(m, 2, wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr));
	put(m, 2, 0);
	put(m, 2, 0);
	put(m, 2, wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr));
	put(m, 2, sections);
	put(m, 2, sections - 1);
}

static void put_section(struct made *m, const Elf64_Shdr *s)
{
	unsigned word = m->img->head.ptr_size;
	put(m, 4, s->sh_name);
	put(m, 4, s->sh_type);
	put(m, word, s->sh_flags);
	put(m, word, s->sh_addr);
	put(m, word, s->sh_offset);
	put(m, word, s->sh_size);
	put(m, 4, s->sh_link);
	put(m, 4, s->sh_info);
	put(m, word, s->sh_addralign);
	put(m, word, s->sh_entsize);
}

/* The number of the section that holds an address; 0: none does. */
static unsigned section_at(const struct image *img, uint64_t vaddr)
{
	unsigned number = 0;
	for (size_t i = 0; i < img->n_phdrs; i++) {
		const struct elf_phdr *p = &img->phdrs[i];
		number += is_code(p);
		if (is_code(p) && vaddr >= p->vaddr && vaddr - p->vaddr < p->memsz)
			return number;
	}
	return 0;
}

/* Symbols bear the numbers of the sections of their own file; what is no code becomes undefined. */
static void renumber(const struct image *img, uint8_t *symbol)
{
	bool wide = img->head.ptr_size == 8;
	uint8_t *shndx =
		symbol + (wide ? offsetof(Elf64_Sym, st_shndx) : offsetof(Elf32_Sym, st_shndx));
	uint64_t value = bytes_uint(
		symbol + (wide ? offsetof(Elf64_Sym, st_value) : offsetof(Elf32_Sym, st_value)),
		img->head.ptr_size, img->head.order);
	bool defined = bytes_uint(shndx, 2, img->head.order) != SHN_UNDEF;
	unsigned section = defined ? section_at(img, value) : 0;
	bool little = img->head.order == ORDER_LITTLE;
	shndx[little ? 0 : 1] = (uint8_t)section;
	shndx[little ? 1 : 0] = (uint8_t)(section >> 8);
}

static void put_symbols(struct made *m, struct mem *mem)
{
	const struct image_dynsym *d = m->img->dynsym;
	size_t size = m->img->head.ptr_size == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	m->symbols_at = m->file.len;
	add_readable(&m->file, mem, d->symtab, m->n * size);
	str_cut(&m->file, m->symbols_at + (m->file.len - m->symbols_at) / size * size);
	for (size_t at = m->symbols_at; at < m->file.len; at += size)
		renumber(m->img, (uint8_t *)m->file.bytes + at);
	m->names_at = m->file.len;
	add_readable(&m->file, mem, d->strtab, d->strsz);
	m->section_names_at = m->file.len;
	str_add(&m->file, section_names, sizeof(section_names));
	while (m->file.len % 8)
		str_putc(&m->file, 0);
}

static void put_sections(struct made *m, size_t sections)
{
	bool wide = m->img->head.ptr_size == 8;
	put_section(m, &(Elf64_Shdr){ 0 });
	for (size_t i = 0; i < m->img->n_phdrs; i++) {
		const struct elf_phdr *p = &m->img->phdrs[i];
		if (is_code(p))
			put_section(m, &(Elf64_Shdr){ .sh_name = NAME_TEXT,
					       .sh_type = SHT_NOBITS,
					       .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
					       .sh_addr = p->vaddr,
					       .sh_size = p->memsz });
	}
	put_section(m, &(Elf64_Shdr){ .sh_name = NAME_DYNSYM,
			       .sh_type = SHT_DYNSYM,
			       .sh_offset = m->symbols_at,
			       .sh_size = m->names_at - m->symbols_at,
			       .sh_link = (uint32_t)sections - 2,
			       .sh_addralign = 8,
			       .sh_entsize = wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym) });
	put_section(m, &(Elf64_Shdr){ .sh_name = NAME_DYNSTR,
			       .sh_type = SHT_STRTAB,
			       .sh_offset = m->names_at,
			       .sh_size = m->section_names_at - m->names_at });
	put_section(m, &(Elf64_Shdr){ .sh_name = NAME_SHSTRTAB,
			       .sh_type = SHT_STRTAB,
			       .sh_offset = m->section_names_at,
			       .sh_size = sizeof(section_names) });
}

/* The header comes last, when it is known where the sections are. */
static void make(struct made *m, struct mem *mem)
{
	size_t sections = 1 + 3;
	for (size_t i = 0; i < m->img->n_phdrs; i++)
		sections += is_code(&m->img->phdrs[i]);
	put_head(m, 0, sections);
	while (m->file.len % 8)
		str_putc(&m->file, 0);
	put_symbols(m, mem);
	size_t table = m->file.len;
	put_sections(m, sections);
	struct str body = m->file;
	m->file = (struct str){ 0 };
	put_head(m, table, sections);
	memcpy(body.bytes, m->file.bytes, m->file.len);
	str_fini(&m->file);
	m->file = body;
}

struct err image_dynsym_file(
	struct image *img, struct mem *mem, size_t max, uint8_t **ret, size_t *ret_size)
{
	struct made m = { .img = img };
	TRY(image_dynsym_open(img, mem));
	TRY(count_symbols(img, mem, &m.n));
	uint64_t names = img->dynsym->strsz;
	if (names > max || m.n * sizeof(Elf64_Sym) > max - names)
		return err_at(ERR_LIMIT, img->dynsym->symtab, "dynamic symbols");
	make(&m, mem);
	*ret_size = m.file.len;
	*ret = (uint8_t *)STEAL(m.file.bytes);
	return NO_ERR;
}
