/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a module's CFI lies: PT_GNU_EH_FRAME leads to the header of .eh_frame, in the attached file
 * or, without one (the vdso, files that are gone), in memory. Else sections of the file are asked.
 * PT_ARM_EXIDX leads to the tables of arm.
 */
#include "internal.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

static const struct elf_phdr *phdr_of(const struct image *img, uint32_t type)
{
	for (size_t i = 0; i < img->n_phdrs; i++) {
		if (img->phdrs[i].type == type)
			return &img->phdrs[i];
	}
	return NULL;
}

/* The segment that shows an address of the file. */
static const struct elf_phdr *load_at(const struct image *img, uint64_t vaddr)
{
	for (size_t i = 0; i < img->n_phdrs; i++) {
		const struct elf_phdr *p = &img->phdrs[i];
		if (p->type == PT_LOAD && vaddr >= p->vaddr && vaddr - p->vaddr < p->filesz)
			return p;
	}
	return NULL;
}

/* How many bytes of a module's memory may be copied. */
static size_t copy_room(const struct unwind *u)
{
	uint64_t left = u->copied < MODULES_COPY_MAX ? MODULES_COPY_MAX - u->copied : 0;
	return left < MODULE_COPY_MAX ? (size_t)left : MODULE_COPY_MAX;
}

/* The bytes of a segment. */
static const uint8_t *segment_bytes(struct unwind *u, struct module *m, const struct elf_phdr *p)
{
	struct image *img = m->img;
	struct mem *mem = u->target->mem;
	if (img->match != MATCH_NONE)
		return p->offset <= img->file.size && p->filesz <= img->file.size - p->offset
			       ? img->file.bytes + p->offset
			       : NULL;
	if (m->copy || p->filesz > copy_room(u))
		return p == m->copied ? m->copy : NULL;
	u->copied += p->filesz;
	m->copy = xmalloc(p->filesz);
	m->copied = p;
	if (failed(mem_read(mem, img->bias + p->vaddr, m->copy, p->filesz))) {
		free(m->copy);
		m->copy = NULL;
	}
	return m->copy;
}

static struct cfi_section section_of(const struct unwind *u, const struct image *img)
{
	return (struct cfi_section){ .order = img->head.order,
		.ptr_size = img->head.ptr_size,
		.signs_ra = u->arch && u->arch->signs_ra };
}

static bool open_by_header(struct unwind *u, struct module *m)
{
	const struct elf_phdr *hdr = phdr_of(m->img, PT_GNU_EH_FRAME);
	const struct elf_phdr *load = hdr ? load_at(m->img, hdr->vaddr) : NULL;
	const uint8_t *bytes = load ? segment_bytes(u, m, load) : NULL;
	m->eh = section_of(u, m->img);
	return bytes && !failed(cfi_open_eh(bytes, load->filesz, load->vaddr, hdr->vaddr, &m->eh));
}

static void open_tables(struct unwind *u, struct module *m)
{
	const struct elf_phdr *index = phdr_of(m->img, PT_ARM_EXIDX);
	const struct elf_phdr *load = index ? load_at(m->img, index->vaddr) : NULL;
	const uint8_t *bytes =
		load && m->img->head.machine == EM_ARM ? segment_bytes(u, m, load) : NULL;
	if (bytes)
		ehabi_open(bytes, load->filesz, load->vaddr, index->vaddr, index->filesz,
			m->img->head.order, &m->tables);
}

static bool open_by_name(
	struct unwind *u, struct module *m, Elf *elf, const char *name, struct cfi_section *ret)
{
	struct elf_part part;
	if (!elf_part_named(elf, name, &part))
		return false;
	*ret = section_of(u, m->img);
	ret->bytes = part.bytes;
	ret->size = part.size;
	ret->addr = part.addr;
	ret->eh = !strcmp(name, ".eh_frame");
	return true;
}

/* Without a file: all of it where memory shows it all, as of the vdso; else its dynamic symbols. */
static void open_memory(struct unwind *u, struct module *m)
{
	GElf_Shdr sh;
	uint8_t *made;
	size_t size;
	if (m->copy && !m->copied->offset)
		m->elf = elf_open_bytes(m->copy, m->copied->filesz);
	if (elf_section_named(m->elf, ".dynsym", &sh) ||
		failed(image_dynsym_file(m->img, u->target->mem, copy_room(u), &made, &size)))
		return;
	u->copied += size;
	elf_end(m->elf);
	m->elf = elf_open_bytes(made, size);
	m->made = made;
}

void module_open(struct unwind *u, struct module *m)
{
	if (m->opened)
		return;
	m->opened = true;
	(void)failed(target_need_file(u->target, m->img));
	if (failed(image_probe(m->img, u->target->mem)) && !m->img->elf)
		return;
	bool found = open_by_header(u, m);
	open_tables(u, m);
	if (m->img->match != MATCH_NONE)
		m->elf = elf_open_file(&m->img->file);
	else
		open_memory(u, m);
	if (!found && m->img->match != MATCH_NONE)
		open_by_name(u, m, m->elf, ".eh_frame", &m->eh);
}

/* The call frame information or the symbols of a file that is not here are asked for where they are
 * needed first. */
static bool fetch(struct unwind *u, struct module *m)
{
	if (m->fetched || m->named || m->img->match != MATCH_NONE)
		return false;
	m->fetched = true;
	if (failed(target_fetch_file(u->target, m->img)))
		return false;
	cfi_fini(&m->eh);
	m->tables = (struct ehabi_tables){ 0 };
	elf_end(m->elf);
	free(m->copy);
	free(m->made);
	m->elf = NULL;
	m->copy = m->made = NULL;
	m->opened = m->debug_tried = false;
	module_open(u, m);
	return true;
}

void module_fini(struct module *m)
{
	cfi_fini(&m->eh);
	cfi_fini(&m->debug);
	symbols_fini(&m->symbols);
	for (size_t i = 0; i < m->n_copies; i++)
		elf_copy_fini(&m->copies[i]);
	free(m->copies);
	elf_end(m->unpacked_elf);
	elf_end(m->alt_elf);
	elf_end(m->debug_elf);
	elf_end(m->elf);
	found_file_close(&m->alt_file);
	found_file_close(&m->debug_file);
	free(m->unpacked);
	free(m->made);
	free(m->copy);
}

struct module *unwind_module(struct unwind *u, uint64_t addr)
{
	struct image *img = target_image_at(u->target, addr);
	return img ? &u->modules[img - u->target->images] : NULL;
}

static void open_debug_frame(struct unwind *u, struct module *m)
{
	static const char *const names[] = { ".debug_frame", NULL };
	m->debug_tried = true;
	if (open_by_name(u, m, module_unpacked(u, m, m->elf, names), names[0], &m->debug))
		return;
	/* a process may be stopped meanwhile */
	module_need_debug_file(u, m, u->target->kind == TARGET_CORE);
	open_by_name(u, m, module_unpacked(u, m, m->debug_elf, names), names[0], &m->debug);
}

static struct err find_row(struct unwind *u, struct module *m, uint64_t addr, struct cfi_row *ret)
{
	module_open(u, m);
	if (!m->img->elf)
		return err_at(ERR_ABSENT, addr, "call frame information");
	uint64_t vaddr = addr - m->img->bias;
	struct err e = cfi_row(&m->eh, vaddr, ret);
	if (e.code == ERR_ABSENT && fetch(u, m))
		e = cfi_row(&m->eh, vaddr, ret);
	if (e.code != ERR_ABSENT)
		return e;
	if (!m->debug_tried)
		open_debug_frame(u, m);
	e = cfi_row(&m->debug, vaddr, ret);
	return e.code == ERR_ABSENT ? ehabi_row(&m->tables, vaddr, ret) : e;
}

const struct cfi_row *unwind_row(struct unwind *u, uint64_t addr)
{
	uint64_t known;
	if (hash_get(&u->rows, addr, &known))
		return (const struct cfi_row *)(uintptr_t)known;
	struct module *m = unwind_module(u, addr);
	struct cfi_row row, *kept = NULL;
	if (m && !failed(find_row(u, m, addr, &row))) {
		kept = arena_alloc(&u->arena, sizeof(*kept));
		*kept = row;
	}
	hash_put(&u->rows, addr, (uint64_t)(uintptr_t)kept);
	return kept;
}

bool unwind_is_entry(const struct target *t, uint64_t pc)
{
	enum { ENTRY_CODE_MAX = 64 };
	const struct image *exe = t->exe;
	return exe && exe->elf && exe->head.entry &&
	       pc - (exe->head.entry + exe->bias) < ENTRY_CODE_MAX;
}

bool unwind_is_code(struct unwind *u, uint64_t addr)
{
	struct module *m = unwind_module(u, addr);
	struct mem_range r;
	if (m)
		module_open(u, m);
	if (!m || !m->img->elf)
		return mem_range_at(u->target->mem, addr, &r) && r.perm & MEM_EXEC;
	const struct elf_phdr *p = load_at(m->img, addr - m->img->bias);
	return p && p->flags & PF_X;
}
