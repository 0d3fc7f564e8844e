/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image is believed as far as memory shows it: kernels save the first page of every mapped ELF
 * file in a core (coredump_filter bit 4), which holds the header, the program headers and nearly
 * always the build-id.
 */
#include "pycore/image.h"

#include "image_internal.h"

#include "pycore/alloc.h"
#include "pycore/str.h"
#include "pycore/unpack.h"

#include <elf.h>
#include <string.h>

void image_init(struct image *img, const char *path)
{
	*img = (struct image){ .path = xstrdup(path) };
}

void image_add_piece(struct image *img, struct image_piece p)
{
	img->pieces = xgrow(img->pieces, &img->cap_pieces, img->n_pieces, sizeof(*img->pieces));
	img->pieces[img->n_pieces++] = p;
}

void image_fini(struct image *img)
{
	free(img->path);
	free(img->pieces);
	free(img->phdrs);
	free(img->file_path);
	free(img->dynsym);
	file_map_close(&img->file);
	*img = (struct image){ 0 };
}

uint64_t image_start(const struct image *img)
{
	return img->n_pieces ? img->pieces[0].start : 0;
}

uint64_t image_end(const struct image *img)
{
	return img->n_pieces ? img->pieces[img->n_pieces - 1].end : 0;
}

void image_note_build_id(struct image *img, const uint8_t *id, size_t size)
{
	if (img->build_id_size || !size || size > BUILD_ID_MAX)
		return;
	memcpy(img->build_id, id, size);
	img->build_id_size = size;
	img->id_noted = true;
}

void image_note_checksum(struct image *img, uint32_t checksum)
{
	img->has_checksum = true;
	img->checksum = checksum;
}

static const struct image_piece *piece_at(const struct image *img, uint64_t addr)
{
	for (size_t i = 0; i < img->n_pieces; i++) {
		if (addr >= img->pieces[i].start && addr < img->pieces[i].end)
			return &img->pieces[i];
	}
	return NULL;
}

bool image_holds(const struct image *img, uint64_t addr)
{
	return piece_at(img, addr) != NULL;
}

uint64_t image_offset(const struct image *img, uint64_t addr)
{
	return addr - (img->elf ? img->bias : image_start(img));
}

const char *image_name(const struct image *img)
{
	const char *slash = strrchr(img->path, '/');
	return slash ? slash + 1 : img->path;
}

/* The program headers that lie at `bytes`, of which `size` are at hand. */
size_t image_parse_phdrs(
	const struct elf_head *head, const uint8_t *bytes, uint64_t size, struct elf_phdr **ret)
{
	size_t n = head->phnum < IMAGE_PHDRS_MAX ? head->phnum : IMAGE_PHDRS_MAX;
	if (!head->phentsize)
		return 0;
	if (n > size / head->phentsize)
		n = size / head->phentsize;
	*ret = xcalloc(n, sizeof(**ret));
	for (size_t i = 0; i < n; i++)
		(*ret)[i] = elf_phdr_parse(head, bytes + i * head->phentsize);
	return n;
}

/* Memory address minus program header address, from the segment that holds the file's first byte.
 */
static bool find_bias(const struct image *img, uint64_t start, uint64_t *ret)
{
	for (size_t i = 0; i < img->n_phdrs; i++) {
		const struct elf_phdr *p = &img->phdrs[i];
		if (p->type == PT_LOAD && p->offset == 0) {
			*ret = start - p->vaddr;
			return true;
		}
	}
	return false;
}

static void read_build_id(struct image *img, struct mem *mem)
{
	uint8_t id[BUILD_ID_MAX];
	size_t size = 0;
	for (size_t i = 0; i < img->n_phdrs && !size; i++) {
		const struct elf_phdr *p = &img->phdrs[i];
		if (p->type != PT_NOTE || !p->filesz || p->filesz > NOTES_MAX)
			continue;
		AUTO_FREE uint8_t *notes = xmalloc(p->filesz);
		if (!failed(mem_read(mem, img->bias + p->vaddr, notes, p->filesz)))
			size = elf_build_id(notes, p->filesz, img->head.order, id);
	}
	if (!size)
		return;
	memcpy(img->build_id, id, size);
	img->build_id_size = size;
	img->id_noted = false;
}

/* The kernel's names, which are those of deleted files (mm/shmem.c; ipc/shm.c: SYSV and the key).
 */
bool image_is_memory(const struct image *img)
{
	return img->deleted &&
	       (!strcmp(img->path, "/dev/zero") || text_starts(img->path, "/memfd:") ||
		       text_starts(img->path, "/SYSV"));
}

bool image_may_be_elf(const struct image *img)
{
	bool other = (img->probed && !img->head.ptr_size) ||
		     (img->file_tried && img->file_why.code == ERR_UNSUPPORTED);
	return img->elf || (!other && !image_is_memory(img) && !text_starts(img->path, "/dev/"));
}

struct err image_probe(struct image *img, struct mem *mem)
{
	if (img->probed)
		return img->elf ? NO_ERR : err_at(ERR_ABSENT, image_start(img), "ELF header");
	if (!img->n_pieces || img->pieces[0].offset != 0)
		return err_at(ERR_ABSENT, image_start(img), "ELF header");
	uint64_t start = img->pieces[0].start;
	uint8_t bytes[ELF_HEAD_MAX];
	TRY(mem_read(mem, start, bytes, sizeof(bytes)));
	img->probed = true;
	TRY(elf_head_parse(bytes, sizeof(bytes), &img->head));
	uint64_t n = img->head.phnum < IMAGE_PHDRS_MAX ? img->head.phnum : IMAGE_PHDRS_MAX;
	AUTO_FREE uint8_t *phdrs = xmalloc(n * img->head.phentsize);
	TRY(mem_read(mem, start + img->head.phoff, phdrs, n * img->head.phentsize));
	free(img->phdrs); /* those of a file that these reads may have brought */
	img->n_phdrs = image_parse_phdrs(&img->head, phdrs, n * img->head.phentsize, &img->phdrs);
	if (!find_bias(img, start, &img->bias))
		return err_at(ERR_CORRUPT, start, "program headers");
	img->elf = true;
	read_build_id(img, mem);
	return NO_ERR;
}

bool image_next_variables(const struct image *img, size_t *at, struct mem_run *ret)
{
	while (img->elf && *at < img->n_phdrs) {
		const struct elf_phdr *p = &img->phdrs[(*at)++];
		uint64_t start = img->bias + p->vaddr;
		if (p->type != PT_LOAD || !(p->flags & PF_W))
			continue;
		*ret = (struct mem_run){ start, start + p->memsz };
		return true;
	}
	return false;
}

bool image_next_data(const struct image *img, size_t *at, struct mem_run *ret)
{
	const uint64_t page = 4096;
	struct mem_run exact;
	if (!image_next_variables(img, at, &exact))
		return false;
	*ret = (struct mem_run){ exact.start & ~(page - 1), (exact.end + page - 1) & ~(page - 1) };
	return true;
}

void image_lay_out(struct image *img)
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

/* True if memory shows the same header and program headers as the file. */
static bool same_header(
	const struct image *img, const struct elf_head *head, const struct file_map *f)
{
	if (img->head.entry != head->entry || img->head.shoff != head->shoff ||
		img->head.phnum != head->phnum || head->phoff > f->size)
		return false;
	AUTO_FREE struct elf_phdr *phdrs = NULL;
	size_t n = image_parse_phdrs(head, f->bytes + head->phoff, f->size - head->phoff, &phdrs);
	if (n != img->n_phdrs)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct elf_phdr *a = &img->phdrs[i], *b = &phdrs[i];
		if (a->type != b->type || a->vaddr != b->vaddr || a->offset != b->offset ||
			a->filesz != b->filesz)
			return false;
	}
	return true;
}

static bool holds_piece(const struct elf_phdr *p, const struct image_piece *piece, uint64_t bias)
{
	uint64_t size = piece->end - piece->start;
	return p->type == PT_LOAD && piece->offset < p->offset + p->filesz &&
	       piece->offset + size > p->offset &&
	       piece->start - piece->offset == bias + p->vaddr - p->offset;
}

/* Whether each piece shows a part of the file, where its program headers put it. */
static bool lies_as_mapped(
	const struct image *img, const struct elf_head *head, const struct file_map *f)
{
	struct image as_file = { 0 };
	if (head->phoff > f->size || !img->n_pieces || img->pieces[0].offset)
		return false;
	as_file.n_phdrs = image_parse_phdrs(
		head, f->bytes + head->phoff, f->size - head->phoff, &as_file.phdrs);
	AUTO_FREE struct elf_phdr *phdrs = as_file.phdrs;
	if (!find_bias(&as_file, image_start(img), &as_file.bias))
		return false;
	bool all = head->type != ET_EXEC || !as_file.bias;
	for (size_t i = 0; i < img->n_pieces && all; i++) {
		bool any = false;
		for (size_t k = 0; k < as_file.n_phdrs && !any; k++)
			any = holds_piece(&phdrs[k], &img->pieces[i], as_file.bias);
		all = any;
	}
	return all;
}

/* What memory could not show, the file that the core's notes or the user vouch for does. */
static void learn_from_file(
	struct image *img, const struct elf_head *head, const struct file_map *f)
{
	img->head = *head;
	free(img->phdrs);
	img->n_phdrs =
		image_parse_phdrs(head, f->bytes + head->phoff, f->size - head->phoff, &img->phdrs);
	img->probed = img->elf = find_bias(img, image_start(img), &img->bias);
}

static bool has_noted_checksum(
	const struct image *img, const struct elf_ident *id, const struct file_map *f)
{
	return img->has_checksum && !id->build_id_size &&
	       bytes_crc32(f->bytes, f->size) == img->checksum;
}

/* By what memory shows of it. */
static struct err compare_shown(const struct image *img, const struct elf_ident *id,
	const struct file_map *f, enum image_match *ret)
{
	size_t size = id->build_id_size;
	if (!size && !img->build_id_size) {
		if (!same_header(img, &id->head, f))
			return err_of(ERR_CORRUPT,
				"has another ELF header, and neither of them has a build-id");
		*ret = MATCH_HEADER;
		return NO_ERR;
	}
	if (size != img->build_id_size || memcmp(id->build_id, img->build_id, size) != 0)
		return err_of(ERR_CORRUPT, "build-id differs");
	*ret = MATCH_BUILD_ID;
	return NO_ERR;
}

/* By what is known of an image of which memory does not show the header. */
static struct err compare_unseen(struct image *img, const struct elf_ident *id,
	const struct file_map *f, bool named_by_user, enum image_match *ret)
{
	enum image_match match = MATCH_UNPROVEN;
	size_t size = id->build_id_size;
	if (img->id_noted &&
		(size != img->build_id_size || memcmp(id->build_id, img->build_id, size) != 0))
		return err_of(ERR_CORRUPT, "build-id differs");
	if (img->id_noted) {
		match = MATCH_BUILD_ID;
	} else if (has_noted_checksum(img, id, f)) {
		match = MATCH_CHECKSUM;
	} else if (image_traces_agree(img, &id->head, f)) {
		image_lay_out(img);
		memcpy(img->build_id, id->build_id, size);
		img->build_id_size = size;
		*ret = MATCH_TRACES;
		return NO_ERR;
	} else if (img->traces.mem) {
		return err_of(ERR_CORRUPT, "is laid out otherwise than what is in memory there");
	} else if (!named_by_user) {
		return err_of(ERR_ABSENT,
			"memory does not show its build-id, so that the file cannot be matched");
	}
	if (!lies_as_mapped(img, &id->head, f))
		return err_of(ERR_CORRUPT, "would be mapped otherwise than what the core shows");
	learn_from_file(img, &id->head, f);
	*ret = match;
	return NO_ERR;
}

struct err image_attach(struct image *img, const char *path, struct file_map *file,
	bool named_by_user, uint8_t ret_id[BUILD_ID_MAX], size_t *ret_id_size)
{
	struct elf_ident id;
	TRY(elf_ident_read(file->bytes, file->size, &id));
	size_t size = id.build_id_size;
	memcpy(ret_id, id.build_id, size);
	*ret_id_size = size;
	bool kind = id.head.type == ET_EXEC || id.head.type == ET_DYN;
	if (kind && id.cut)
		return err_of(ERR_TRUNCATED, "is cut off");
	if (kind && !id.program && id.has_debug)
		return err_of(ERR_UNSUPPORTED, "holds debug information only, no code");
	if (!id.program)
		return err_of(ERR_UNSUPPORTED, "is no ELF program or library");
	uint16_t machine = img->elf ? img->head.machine : img->machine;
	if (machine && id.head.machine != machine)
		return err_of(ERR_CORRUPT, "is for another processor");
	enum image_match match;
	TRY(img->elf ? compare_shown(img, &id, file, &match)
		     : compare_unseen(img, &id, file, named_by_user, &match));
	img->match = match;
	img->file_path = xstrdup(path);
	img->file = *file;
	*file = (struct file_map){ 0 };
	return NO_ERR;
}

const uint8_t *image_file_bytes(const struct image *img, uint64_t addr, size_t *ret_size)
{
	const struct image_piece *p = piece_at(img, addr);
	if (!p || img->match == MATCH_NONE)
		return NULL;
	uint64_t offset = p->offset + (addr - p->start);
	if (offset >= img->file.size)
		return NULL;
	uint64_t size = img->file.size - offset;
	*ret_size = size < p->end - addr ? size : p->end - addr;
	return img->file.bytes + offset;
}

const char *build_id_text(const uint8_t *id, size_t size, char buf[2 * BUILD_ID_MAX + 1])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < size; i++) {
		buf[2 * i] = digits[id[i] >> 4];
		buf[2 * i + 1] = digits[id[i] & 15];
	}
	buf[2 * size] = '\0';
	return buf;
}
