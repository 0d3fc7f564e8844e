/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dynamic symbols out of the target's memory: PT_DYNAMIC gives the tables, DT_GNU_HASH (or DT_HASH)
 * finds a name with a few reads. Formats: System V gABI, "Symbol Table" and "Hash Table"; the GNU
 * hash section as binutils and glibc (elf/dl-lookup.c) define it: {nbuckets, symoffset, bloom_size,
 * bloom_shift}, bloom words, buckets, chain. glibc stores relocated addresses in the dynamic
 * section, musl leaves them as they are in the file: both are taken.
 */
#include "image_internal.h"

#include "pycore/alloc.h"

#include <elf.h>
#include <string.h>

enum { DYNAMIC_ENTRIES_MAX = 1024 };

/* An address of the dynamic section as an address in memory. */
static uint64_t relocated(const struct image *img, uint64_t value)
{
	return value >= image_start(img) && value < image_end(img) ? value : img->bias + value;
}

static void take_entry(
	const struct image *img, struct image_dynsym *d, uint64_t tag, uint64_t value)
{
	switch (tag) {
	case DT_SYMTAB:
		d->symtab = relocated(img, value);
		break;
	case DT_STRTAB:
		d->strtab = relocated(img, value);
		break;
	case DT_STRSZ:
		d->strsz = value;
		break;
	case DT_GNU_HASH:
		d->gnu_hash = relocated(img, value);
		break;
	case DT_HASH:
		d->sysv_hash = relocated(img, value);
		break;
	}
}

static struct err read_dynamic(const struct image *img, struct mem *mem, struct image_dynsym *d)
{
	const struct elf_phdr *dynamic = NULL;
	for (size_t i = 0; i < img->n_phdrs; i++) {
		if (img->phdrs[i].type == PT_DYNAMIC)
			dynamic = &img->phdrs[i];
	}
	if (!dynamic)
		return err_of(ERR_ABSENT, "dynamic section");
	unsigned word = img->head.ptr_size;
	uint64_t at = img->bias + dynamic->vaddr, n = dynamic->memsz / (2 * word);
	for (uint64_t i = 0; i < n && i < DYNAMIC_ENTRIES_MAX; i++) {
		uint8_t entry[16];
		TRY(mem_read(mem, at + i * 2 * word, entry, 2 * word));
		uint64_t tag = bytes_uint(entry, word, img->head.order);
		if (tag == DT_NULL)
			break;
		take_entry(img, d, tag, bytes_uint(entry + word, word, img->head.order));
	}
	if (!d->symtab || !d->strtab || (!d->gnu_hash && !d->sysv_hash))
		return err_at(ERR_ABSENT, at, "dynamic symbol table");
	return NO_ERR;
}

static struct err read_gnu_head(const struct image *img, struct mem *mem, struct image_dynsym *d)
{
	uint8_t head[16];
	TRY(mem_read(mem, d->gnu_hash, head, sizeof(head)));
	struct cursor c = cursor_of(head, sizeof(head), img->head.order);
	d->nbuckets = (uint32_t)cursor_uint(&c, 4);
	d->symoffset = (uint32_t)cursor_uint(&c, 4);
	d->bloom_size = (uint32_t)cursor_uint(&c, 4);
	d->bloom_shift = (uint32_t)cursor_uint(&c, 4);
	if (!d->nbuckets || !d->bloom_size || (d->bloom_size & (d->bloom_size - 1)) ||
		d->bloom_shift > 31)
		return err_at(ERR_CORRUPT, d->gnu_hash, "GNU hash table");
	d->bloom = d->gnu_hash + sizeof(head);
	d->buckets = d->bloom + (uint64_t)d->bloom_size * img->head.ptr_size;
	d->chain = d->buckets + (uint64_t)d->nbuckets * 4;
	return NO_ERR;
}

struct err image_dynsym_open(struct image *img, struct mem *mem)
{
	if (img->dynsym)
		return img->dynsym->why;
	TRY(image_probe(img, mem));
	struct image_dynsym *d = img->dynsym = xcalloc(1, sizeof(*d));
	d->why = read_dynamic(img, mem, d);
	if (!failed(d->why) && d->gnu_hash)
		d->why = read_gnu_head(img, mem, d);
	return d->why;
}

/* Compares symbol i's name; if it is the one and defined, yields it. */
static struct err try_symbol(const struct image *img, struct mem *mem, uint64_t i, const char *name,
	bool *ret_hit, struct image_symbol *ret)
{
	const struct image_dynsym *d = img->dynsym;
	bool wide = img->head.ptr_size == 8;
	size_t size = wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	uint8_t sym[sizeof(Elf64_Sym)];
	TRY(mem_read(mem, d->symtab + i * size, sym, size));
	struct cursor c = cursor_of(sym, size, img->head.order);
	uint64_t st_name = cursor_uint(&c, 4), value, bytes, shndx;
	if (wide) {
		cursor_skip(&c, 2);
		shndx = cursor_uint(&c, 2);
		value = cursor_uint(&c, 8);
		bytes = cursor_uint(&c, 8);
	} else {
		value = cursor_uint(&c, 4);
		bytes = cursor_uint(&c, 4);
		cursor_skip(&c, 2);
		shndx = cursor_uint(&c, 2);
	}
	char text[SYMBOL_NAME_MAX];
	size_t n = strlen(name) + 1;
	if (n > sizeof(text) || st_name > d->strsz || n > d->strsz - st_name)
		return NO_ERR;
	TRY(mem_read(mem, d->strtab + st_name, text, n));
	*ret_hit = !memcmp(text, name, n) && shndx != SHN_UNDEF;
	if (*ret_hit)
		*ret = (struct image_symbol){ .addr = img->bias + value, .size = bytes };
	return NO_ERR;
}

static uint32_t gnu_hash_of(const char *name)
{
	uint32_t h = 5381;
	for (; *name; name++)
		h = h * 33 + (uint8_t)*name;
	return h;
}

static struct err find_gnu(
	const struct image *img, struct mem *mem, const char *name, struct image_symbol *ret)
{
	const struct image_dynsym *d = img->dynsym;
	unsigned word = img->head.ptr_size, bits = word * 8;
	uint32_t h = gnu_hash_of(name);
	uint64_t filter, i, link;
	TRY(mem_uint(mem, d->bloom + (uint64_t)((h / bits) & (d->bloom_size - 1)) * word, word,
		&filter));
	if (!(filter >> (h % bits) & 1) || !(filter >> ((h >> d->bloom_shift) % bits) & 1))
		return err_of(ERR_ABSENT, "symbol");
	TRY(mem_uint(mem, d->buckets + (uint64_t)(h % d->nbuckets) * 4, 4, &i));
	if (i < d->symoffset)
		return err_of(ERR_ABSENT, "symbol");
	for (unsigned steps = 0; steps < HASH_CHAIN_MAX; steps++, i++) {
		TRY(mem_uint(mem, d->chain + (i - d->symoffset) * 4, 4, &link));
		bool hit = false;
		if ((link | 1) == (h | 1))
			TRY(try_symbol(img, mem, i, name, &hit, ret));
		if (hit)
			return NO_ERR;
		if (link & 1)
			return err_of(ERR_ABSENT, "symbol");
	}
	return err_at(ERR_LIMIT, d->chain, "symbol hash chain");
}

static uint32_t sysv_hash_of(const char *name)
{
	uint32_t h = 0;
	for (; *name; name++) {
		h = (h << 4) + (uint8_t)*name;
		h ^= (h & 0xf0000000) >> 24;
		h &= 0x0fffffff;
	}
	return h;
}

static struct err find_sysv(
	const struct image *img, struct mem *mem, const char *name, struct image_symbol *ret)
{
	uint64_t table = img->dynsym->sysv_hash, nbuckets, i;
	TRY(mem_uint(mem, table, 4, &nbuckets));
	if (!nbuckets)
		return err_of(ERR_ABSENT, "symbol");
	TRY(mem_uint(mem, table + 8 + sysv_hash_of(name) % nbuckets * 4, 4, &i));
	for (unsigned steps = 0; i && steps < HASH_CHAIN_MAX; steps++) {
		bool hit = false;
		TRY(try_symbol(img, mem, i, name, &hit, ret));
		if (hit)
			return NO_ERR;
		TRY(mem_uint(mem, table + 8 + (nbuckets + i) * 4, 4, &i));
	}
	return err_of(ERR_ABSENT, "symbol");
}

struct err image_dynsym(
	struct image *img, struct mem *mem, const char *name, struct image_symbol *ret)
{
	TRY(image_dynsym_open(img, mem));
	return img->dynsym->gnu_hash ? find_gnu(img, mem, name, ret)
				     : find_sysv(img, mem, name, ret);
}
