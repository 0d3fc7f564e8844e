/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files were mapped where: NT_FILE says it (Linux 3.7 on, fs/binfmt_elf.c). Without it, or
 * beyond the point where it was cut, an image is what begins with an ELF header in memory, and the
 * dynamic linker's list gives it a name: AT_PHDR -> PT_DYNAMIC -> DT_DEBUG -> r_debug {int version,
 * link_map *map} -> link_map {addr, name, ld, next}.
 */
#include "core_internal.h"
#include "target_internal.h"

#include "pycore/alloc.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

static unsigned perm_of(const struct elfcore *c, uint64_t addr)
{
	const struct core_range *r = elfcore_range_at(c, addr, NULL);
	if (!r)
		return 0;
	return (r->flags & PF_R ? MEM_READ : 0) | (r->flags & PF_W ? MEM_WRITE : 0) |
	       (r->flags & PF_X ? MEM_EXEC : 0);
}

static void add_listed(struct target *t)
{
	const struct elfcore *c = &t->core->elf;
	for (size_t i = 0; i < c->n_files; i++) {
		const struct core_file_entry *f = &c->files[i];
		struct image_piece piece = { f->start, f->end, f->offset, perm_of(c, f->start) };
		target_add_mapping(t, f->path, piece);
	}
	for (size_t i = 0; i < t->n_images; i++) {
		char *path = t->images[i].path;
		if (text_ends(path, " (deleted)")) {
			path[strlen(path) - strlen(" (deleted)")] = '\0';
			t->images[i].deleted = true;
		}
	}
}

/* The span of an ELF file in memory, from its program headers. */
static uint64_t span_end(const struct image *img)
{
	uint64_t end = image_end(img);
	for (size_t i = 0; i < img->n_phdrs; i++) {
		const struct elf_phdr *p = &img->phdrs[i];
		if (p->type == PT_LOAD && img->bias + p->vaddr + p->memsz > end)
			end = img->bias + p->vaddr + p->memsz;
	}
	return end;
}

/* Pieces as the program headers lay them out. */
static void add_load_pieces(struct image *img)
{
	uint64_t page = 4096;
	img->n_pieces = 0;
	for (size_t i = 0; i < img->n_phdrs; i++) {
		const struct elf_phdr *p = &img->phdrs[i];
		if (p->type != PT_LOAD || !p->filesz)
			continue;
		uint64_t start = (img->bias + p->vaddr) & ~(page - 1);
		uint64_t end = (img->bias + p->vaddr + p->filesz + page - 1) & ~(page - 1);
		unsigned perm = (p->flags & PF_R ? MEM_READ : 0) |
				(p->flags & PF_W ? MEM_WRITE : 0) |
				(p->flags & PF_X ? MEM_EXEC : 0);
		image_add_piece(
			img, (struct image_piece){ start, end, p->offset & ~(page - 1), perm });
	}
}

/* Ranges that begin with an ELF header and belong to no listed file. The vdso is one of them. */
static void add_unlisted(struct target *t)
{
	const struct elfcore *c = &t->core->elf;
	size_t listed = t->n_images;
	uint64_t vdso = 0;
	(void)elfcore_auxv(c, AT_SYSINFO_EHDR, &vdso);
	for (size_t i = 0; i < c->n_ranges && t->n_images < IMAGES_MAX; i++) {
		const struct core_range *r = &c->ranges[i];
		char magic[SELFMAG];
		if (r->backing != CORE_SAVED ||
			failed(mem_read(t->mem, r->start, magic, SELFMAG)) ||
			memcmp(magic, ELFMAG, SELFMAG))
			continue;
		bool known = false;
		for (size_t k = 0; k < listed && !known; k++)
			known = r->start >= image_start(&t->images[k]) &&
				r->start < image_end(&t->images[k]);
		if (known)
			continue;
		struct image *img = target_add_image(t, r->start == vdso ? "[vdso]" : "");
		image_add_piece(img, (struct image_piece){ r->start, r->end, 0, MEM_READ });
		if (failed(image_probe(img, t->mem)))
			t->n_images--, image_fini(img);
		else if (r->start != vdso)
			add_load_pieces(img);
	}
}

/* The kernel's own library is in no list of files. */
static void add_vdso(struct target *t)
{
	uint64_t vdso = 0;
	struct mem_range r;
	if (!elfcore_auxv(&t->core->elf, AT_SYSINFO_EHDR, &vdso) || t->n_images >= IMAGES_MAX ||
		!mem_range_at(t->mem, vdso, &r) || r.start != vdso)
		return;
	for (size_t i = 0; i < t->n_images; i++) {
		if (image_holds(&t->images[i], vdso))
			return;
	}
	struct image *img = target_add_image(t, "[vdso]");
	image_add_piece(img, (struct image_piece){ r.start, r.end, 0, r.perm });
	if (failed(image_probe(img, t->mem)))
		t->n_images--, image_fini(img);
}

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

static void name_by_link_map(struct target *t)
{
	uint64_t debug, map;
	unsigned word = t->mem->ptr_size;
	if (!t->exe || !dynamic_entry(t, t->exe, DT_DEBUG, &debug) ||
		failed(mem_ptr(t->mem, debug + word, &map)))
		return;
	for (unsigned steps = 0; map && steps < LINK_MAP_MAX; steps++) {
		uint64_t base, name;
		char path[PATH_BYTES_MAX];
		if (failed(mem_ptr(t->mem, map, &base)) ||
			failed(mem_ptr(t->mem, map + word, &name)) ||
			failed(mem_cstr(t->mem, name, path, sizeof(path), NULL)))
			return;
		for (size_t i = 0; path[0] && i < t->n_images; i++) {
			struct image *img = &t->images[i];
			if (!img->path[0] && img->elf && img->bias == base) {
				free(img->path);
				img->path = xstrdup(path);
			}
		}
		if (failed(mem_ptr(t->mem, map + 3 * word, &map)))
			return;
	}
}

static int by_start(const void *a, const void *b)
{
	uint64_t x = image_start(a), y = image_start(b);
	return x < y ? -1 : x > y;
}

/* A file that shows its first page twice (small libraries do) is one image, not two. */
static void join_split_images(struct target *t)
{
	for (size_t i = 1; i < t->n_images; i++) {
		struct image *before = &t->images[i - 1], *img = &t->images[i];
		if (strcmp(before->path, img->path) || failed(image_probe(before, t->mem)) ||
			image_start(img) >= span_end(before))
			continue;
		for (size_t k = 0; k < img->n_pieces; k++)
			image_add_piece(before, img->pieces[k]);
		image_fini(img);
		memmove(img, img + 1, (t->n_images - i - 1) * sizeof(*img));
		t->n_images--;
		i--;
	}
}

/* The image that holds the program headers which the kernel handed to the process. */
static void find_exe(struct target *t)
{
	const struct elfcore *c = &t->core->elf;
	uint64_t phdr = 0, execfn = 0;
	char path[PATH_BYTES_MAX];
	if (elfcore_auxv(c, AT_PHDR, &phdr))
		t->exe = target_image_at(t, phdr);
	if (elfcore_auxv(c, AT_EXECFN, &execfn) &&
		!failed(mem_cstr(t->mem, execfn, path, sizeof(path), NULL)))
		t->exe_path = xstrdup(path);
}

void core_find_images(struct target *t)
{
	const struct elfcore *c = &t->core->elf;
	add_listed(t);
	if (!c->n_files || c->files_claimed > c->n_files || t->core->exe_by_user)
		add_unlisted(t);
	add_vdso(t);
	if (t->n_images)
		qsort(t->images, t->n_images, sizeof(*t->images), by_start);
	join_split_images(t);
	find_exe(t);
	if (!c->n_files)
		problems_notef(&t->problems, t->path,
			"has no list of mapped files (NT_FILE); modules were found by their ELF "
			"headers");
	name_by_link_map(t);
	if (t->exe && t->exe->path[0] == '/') {
		free(t->exe_path);
		t->exe_path = xstrdup(t->exe->path);
	} else if (t->exe && !t->exe->path[0] && t->exe_path) {
		free(t->exe->path);
		t->exe->path = xstrdup(t->exe_path);
	}
}
