/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of which memory shows no header, as in the cores of emulators: the segment that begins
 * with it was left out, and no note lists files. What is left of a program are the words that the
 * kernel gave it (AT_PHDR, AT_PHNUM, AT_ENTRY), and of a library the dynamic linker's link_map (its
 * bias, and where its dynamic section is). The dynamic section itself is written to, so it is in
 * the core: its tags and values, mostly addresses of tables and their sizes, differ from build to
 * build. The dynamic linker has added the bias to some of the values.
 */
#include "image_internal.h"

#include "pycore/alloc.h"

#include <elf.h>

enum { DYNAMIC_MAX = 4096 }; /* entries */

static const struct elf_phdr *first_of(const struct elf_phdr *list, size_t n, uint32_t type)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].type == type)
			return &list[i];
	}
	return NULL;
}

/* Where a file's program headers are in memory, without the bias. */
static bool headers_at(
	const struct elf_head *head, const struct elf_phdr *list, size_t n, uint64_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		const struct elf_phdr *p = &list[i];
		if (p->type == PT_LOAD && head->phoff >= p->offset &&
			head->phoff - p->offset < p->filesz) {
			*ret = p->vaddr + (head->phoff - p->offset);
			return true;
		}
	}
	return false;
}

static bool find_bias(const struct image_traces *t, const struct elf_head *head,
	const struct elf_phdr *list, size_t n, uint64_t *ret)
{
	uint64_t at;
	if (!t->phdr) {
		const struct elf_phdr *dynamic = first_of(list, n, PT_DYNAMIC);
		*ret = t->bias;
		return dynamic && t->bias + dynamic->vaddr == t->dynamic;
	}
	if (n != t->phnum || !headers_at(head, list, n, &at))
		return false;
	*ret = t->phdr - at;
	return *ret + head->entry == t->entry;
}

/* Whether memory shows the file's dynamic section, as far as that is in memory. */
static bool same_dynamic(const struct image_traces *t, const struct elf_head *head,
	const struct elf_phdr *dynamic, uint64_t bias, const struct file_map *f)
{
	unsigned word = head->ptr_size;
	for (uint64_t i = 0; i < DYNAMIC_MAX; i++) {
		uint64_t offset = 2 * i * word, tag, value;
		if (offset + 2 * word > dynamic->filesz ||
			dynamic->offset + offset + 2 * word > f->size)
			return false;
		const uint8_t *bytes = f->bytes + dynamic->offset + offset;
		uint64_t own_tag = bytes_uint(bytes, word, head->order);
		uint64_t own_value = bytes_uint(bytes + word, word, head->order);
		uint64_t addr = bias + dynamic->vaddr + offset;
		struct err e = mem_ptr(t->mem, addr, &tag);
		if (e.code == ERR_TRUNCATED)
			return true;
		if (failed(e) || failed(mem_ptr(t->mem, addr + word, &value)) || tag != own_tag)
			return false;
		if (tag == DT_NULL)
			return true;
		uint64_t mask = word == 8 ? UINT64_MAX : UINT32_MAX;
		if (tag != DT_DEBUG && value != own_value && value != ((own_value + bias) & mask))
			return false;
	}
	return false;
}

bool image_traces_agree(struct image *img, const struct elf_head *head, const struct file_map *f)
{
	const struct image_traces *t = &img->traces;
	uint64_t bias;
	if (!t->mem || head->phoff > f->size || head->ptr_size != t->mem->ptr_size ||
		head->order != t->mem->order)
		return false;
	struct elf_phdr *list = NULL;
	size_t n = image_parse_phdrs(head, f->bytes + head->phoff, f->size - head->phoff, &list);
	const struct elf_phdr *dynamic = first_of(list, n, PT_DYNAMIC);
	bool good = find_bias(t, head, list, n, &bias) &&
		    (!dynamic || same_dynamic(t, head, dynamic, bias, f));
	if (!good) {
		free(list);
		return false;
	}
	free(img->phdrs);
	img->phdrs = list;
	img->n_phdrs = n;
	img->head = *head;
	img->bias = bias;
	img->probed = img->elf = true;
	return true;
}
