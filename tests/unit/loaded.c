/* SPDX-License-Identifier: Apache-2.0 */
#include "loaded.h"

#include "pycore/alloc.h"

#include <check.h>
#include <elf.h>
#include <string.h>

enum { PAGE = 4096 };

static const Elf64_Phdr *phdrs_of(const struct loaded *l, size_t *ret)
{
	const Elf64_Ehdr *head = (const Elf64_Ehdr *)l->file.bytes;
	*ret = head->e_phnum;
	return (const Elf64_Phdr *)(l->file.bytes + head->e_phoff);
}

static void add_segment(struct loaded *l, const Elf64_Phdr *p)
{
	uint64_t start = p->p_vaddr / PAGE * PAGE, before = p->p_vaddr - start;
	size_t size = (before + p->p_memsz + PAGE - 1) / PAGE * PAGE,
	       file_size = (before + p->p_filesz + PAGE - 1) / PAGE * PAGE;
	uint8_t *bytes = xcalloc(1, size);
	memcpy(bytes + before, l->file.bytes + p->p_offset, p->p_filesz);
	memcpy(bytes, l->file.bytes + (p->p_offset - before), before);
	unsigned perm = (p->p_flags & PF_R ? MEM_READ : 0) | (p->p_flags & PF_W ? MEM_WRITE : 0) |
			(p->p_flags & PF_X ? MEM_EXEC : 0);
	ck_assert_uint_lt(l->n, LOADED_MAX);
	l->segments[l->n] = bytes;
	l->sizes[l->n++] = size;
	mem_buf_add(&l->mem, LOADED_BASE + start, bytes, size, perm);
	image_add_piece(
		&l->image, (struct image_piece){ LOADED_BASE + start,
				   LOADED_BASE + start + file_size, p->p_offset - before, perm });
}

void loaded_init(struct loaded *l, const char *path)
{
	*l = (struct loaded){ 0 };
	ck_assert_int_eq(file_map_open(path, OPEN_NAMED_BY_USER, &l->file).code, ERR_NONE);
	mem_buf_init(&l->mem, ORDER_LITTLE, 8);
	image_init(&l->image, path);
	size_t n;
	const Elf64_Phdr *p = phdrs_of(l, &n);
	for (size_t i = 0; i < n; i++) {
		if (p[i].p_type == PT_LOAD)
			add_segment(l, &p[i]);
	}
}

uint8_t *loaded_at(struct loaded *l, uint64_t vaddr)
{
	for (size_t i = 0; i < l->mem.len; i++) {
		const struct mem_buf_run *r = &l->mem.runs[i];
		if (LOADED_BASE + vaddr >= r->start && LOADED_BASE + vaddr < r->start + r->n)
			return (uint8_t *)r->bytes + (LOADED_BASE + vaddr - r->start);
	}
	return NULL;
}

void loaded_reset(struct loaded *l)
{
	struct image fresh;
	image_init(&fresh, l->image.path);
	for (size_t i = 0; i < l->image.n_pieces; i++)
		image_add_piece(&fresh, l->image.pieces[i]);
	image_fini(&l->image);
	l->image = fresh;
}

void loaded_fini(struct loaded *l)
{
	image_fini(&l->image);
	file_map_close(&l->file);
	for (size_t i = 0; i < l->n; i++)
		free(l->segments[i]);
}
