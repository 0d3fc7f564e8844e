/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dynamic linker's list of what it has loaded: AT_PHDR -> PT_DYNAMIC -> DT_DEBUG -> r_debug
 * {int version, link_map *map} -> link_map {addr, name, ld, next} (glibc's and musl's link.h). It
 * gives names to images that were found without one, and tells of those of which nothing else does.
 */
#include "core_internal.h"
#include "target_internal.h"

#include "pycore/alloc.h"

#include <elf.h>
#include <stdlib.h>

/* The dynamic section's entry of that tag, in the executable. */
static bool dynamic_entry(struct target *t, const struct image *img, uint64_t tag, uint64_t *ret)
{
	unsigned word = img->head.ptr_size;
	for (size_t i = 0; i < img->n_phdrs; i++) {
		const struct elf_phdr *p = &img->phdrs[i];
		for (uint64_t at = 0;
			p->type == PT_DYNAMIC && at + 2 * word <= p->memsz && at < 65536;
			at += 2 * word) {
			uint64_t addr = img->bias + p->vaddr + at, found;
			if (failed(mem_ptr(t->mem, addr, &found)) || found == DT_NULL)
				return false;
			if (found == tag)
				return !failed(mem_ptr(t->mem, addr + word, ret));
		}
	}
	return false;
}

struct link {
	uint64_t bias, dynamic, next;
	char path[PATH_BYTES_MAX];
};

static struct err read_link(struct target *t, uint64_t map, struct link *ret)
{
	unsigned word = t->mem->ptr_size;
	uint64_t name;
	TRY(mem_ptr(t->mem, map, &ret->bias));
	TRY(mem_ptr(t->mem, map + word, &name));
	TRY(mem_ptr(t->mem, map + 2 * word, &ret->dynamic));
	if (failed(mem_cstr(t->mem, name, ret->path, sizeof(ret->path), NULL)))
		ret->path[0] = '\0'; /* the vdso's is in itself */
	return mem_ptr(t->mem, map + 3 * word, &ret->next);
}

/* The start of the ranges without gaps that lead to addr, but not below `least`. */
static uint64_t run_start(struct target *t, uint64_t addr, uint64_t least)
{
	struct mem_range r;
	while (addr > least && mem_range_at(t->mem, addr, &r) && r.start > least &&
		mem_range_at(t->mem, r.start - 1, &r))
		addr = r.start;
	return mem_range_at(t->mem, addr, &r) && r.start > least ? r.start : least;
}

/* A library of which neither a list nor its header tells. What it holds shows with its file. */
static void add_traced(struct target *t, const struct link *link)
{
	size_t exe = (size_t)(t->exe - t->images);
	struct mem_range r;
	if (!mem_range_at(t->mem, link->dynamic, &r) || t->n_images >= IMAGES_MAX ||
		link->bias > link->dynamic)
		return;
	struct image *img = target_add_image(t, link->path);
	t->exe = &t->images[exe]; /* the list may have moved */
	img->traces = (struct image_traces){
		.mem = t->mem, .bias = link->bias, .dynamic = link->dynamic
	};
	image_add_piece(img,
		(struct image_piece){ run_start(t, link->dynamic, link->bias), r.end, 0, r.perm });
	(void)failed(target_need_file(t, img));
}

static void take_link(struct target *t, const struct link *link)
{
	bool known = false;
	for (size_t i = 0; i < t->n_images; i++) {
		struct image *img = &t->images[i];
		if (!img->path[0] && img->elf && img->bias == link->bias) {
			free(img->path);
			img->path = xstrdup(link->path);
		}
		known |= image_holds(img, link->dynamic) || (img->elf && img->bias == link->bias);
	}
	if (!known && !t->core->elf.n_files)
		add_traced(t, link);
}

void core_follow_link_map(struct target *t)
{
	uint64_t debug, map;
	struct link link;
	if (!t->exe || !dynamic_entry(t, t->exe, DT_DEBUG, &debug) ||
		failed(mem_ptr(t->mem, debug + t->mem->ptr_size, &map)))
		return;
	for (unsigned steps = 0; map && steps < LINK_MAP_MAX; steps++, map = link.next) {
		if (failed(read_link(t, map, &link)))
			return;
		if (link.path[0])
			take_link(t, &link);
	}
}
