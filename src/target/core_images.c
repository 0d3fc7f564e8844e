/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files were mapped where: NT_FILE says it (Linux 3.7 on, fs/binfmt_elf.c). Without it, or
 * beyond the point where it was cut, an image is what begins with an ELF header in memory. Of the
 * program the kernel tells where its headers are, also where they are not in the core; for the
 * others see core_link_map.c.
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
		struct image *img = t->n_images ? &t->images[t->n_images - 1] : NULL;
		if (!img || image_start(img) != f->start)
			continue;
		image_note_build_id(img, f->build_id, f->build_id_size);
		if (f->has_checksum)
			image_note_checksum(img, f->checksum);
	}
	for (size_t i = 0; i < t->n_images; i++) {
		char *path = t->images[i].path;
		if (text_ends(path, " (deleted)")) {
			path[strlen(path) - strlen(" (deleted)")] = '\0';
			t->images[i].deleted = true;
		}
	}
}

/* By their headers in memory; where these are not there, by the files that match. */
static void lay_out_listed(struct target *t)
{
	for (size_t i = 0; i < t->n_images; i++) {
		struct image *img = &t->images[i];
		if (!failed(image_probe(img, t->mem)) || !failed(target_need_file(t, img)))
			image_lay_out(img);
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
			image_lay_out(img);
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

/* What begins with the program headers that the kernel tells of, where none of it is in the core.
 */
static void trace_exe(struct target *t)
{
	const struct elfcore *c = &t->core->elf;
	struct image_traces traces = { .mem = t->mem };
	struct mem_range r;
	if (t->exe || !elfcore_auxv(c, AT_PHDR, &traces.phdr) ||
		!elfcore_auxv(c, AT_PHNUM, &traces.phnum) ||
		!elfcore_auxv(c, AT_ENTRY, &traces.entry) ||
		!mem_range_at(t->mem, traces.phdr, &r) || t->n_images >= IMAGES_MAX)
		return;
	struct image *img = target_add_image(t, t->exe_path ? t->exe_path : "");
	img->traces = traces;
	image_add_piece(img, (struct image_piece){ r.start, r.end, 0, r.perm });
	t->exe = img;
	if (failed(target_need_file(t, img)))
		problems_notef(&t->problems, img->path[0] ? img->path : t->path,
			"the core has nothing of this executable but its data, and its file was "
			"not found: name it after the core, or the tree that it is in by "
			"--sysroot");
}

static void sort_images(struct target *t)
{
	uint64_t exe = t->exe ? image_start(t->exe) : 0;
	if (t->n_images)
		qsort(t->images, t->n_images, sizeof(*t->images), by_start);
	if (t->exe)
		t->exe = target_image_at(t, exe);
}

void core_find_images(struct target *t)
{
	const struct elfcore *c = &t->core->elf;
	add_listed(t);
	if (c->files_whole)
		lay_out_listed(t);
	if (!c->n_files || c->files_claimed > c->n_files || t->core->exe_by_user)
		add_unlisted(t);
	add_vdso(t);
	sort_images(t);
	join_split_images(t);
	find_exe(t);
	if (!c->n_files)
		problems_notef(&t->problems, t->path,
			"has no list of mapped files%s; modules were found by their ELF headers, "
			"and by the dynamic linker's list",
			c->minidump ? "" : " (NT_FILE)");
	trace_exe(t);
	core_follow_link_map(t);
	sort_images(t);
	if (t->exe && t->exe->path[0] == '/') {
		free(t->exe_path);
		t->exe_path = xstrdup(t->exe->path);
	} else if (t->exe && !t->exe->path[0] && t->exe_path) {
		free(t->exe->path);
		t->exe->path = xstrdup(t->exe_path);
	}
}
