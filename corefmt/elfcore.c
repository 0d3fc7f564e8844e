/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ELF core (of minidumps see minidump.c): the header, then program headers of which PT_LOAD are
 * mappings and PT_NOTE the notes. Where a core is cut, its header and headers still tell what
 * should have followed.
 */
#include "minidump.h"
#include "parts.h"

#include "pycore/alloc.h"
#include "pycore/sorted.h"

#include <elf.h>

static struct err refuse_image(const uint8_t *bytes, uint64_t size, const struct elf_head *h)
{
	const char *executable =
		"this is an executable, not a core file: give the core first, then the executable";
	if (h->type == ET_REL)
		return err_of(ERR_UNSUPPORTED, "this is an object file, not a core file");
	if (h->type == ET_EXEC)
		return err_of(ERR_UNSUPPORTED, executable);
	if (h->type != ET_DYN)
		return err_of(
			ERR_UNSUPPORTED, "this is an ELF file of unknown type, not a core file");
	for (uint64_t i = 0, at = h->phoff; i < h->phnum && i < IMAGE_PHDRS_MAX;
		i++, at += h->phentsize) {
		if (at > size || size - at < h->phentsize)
			break;
		if (elf_phdr_parse(h, bytes + at).type == PT_INTERP)
			return err_of(ERR_UNSUPPORTED, executable);
	}
	return err_of(ERR_UNSUPPORTED, "this is a shared library, not a core file");
}

static struct err parse_head(const uint8_t *bytes, uint64_t size, struct elf_head *ret)
{
	if (size == 0)
		return err_of(ERR_UNSUPPORTED, "this file is empty");
	if (size < SELFMAG || memcmp(bytes, ELFMAG, SELFMAG) != 0)
		return err_of(ERR_UNSUPPORTED, core_describe_foreign(bytes, size));
	TRY(elf_head_parse(bytes, size, ret));
	if (ret->type != ET_CORE)
		return refuse_image(bytes, size, ret);
	return NO_ERR;
}

/* How many program headers there are to read. Where their number is lost, they end at the latest
 * where the first bytes that they describe begin. */
static uint64_t count_headers(struct elfcore *c)
{
	const struct elf_head *h = &c->head;
	uint64_t room = h->phnum && h->phoff < c->size ? (c->size - h->phoff) / h->phentsize : 0;
	uint64_t n = h->phnum;
	c->cut = n > room || h->phnum_lost;
	c->segments_cut = n > room || n > SEGMENTS_MAX || (h->phnum_lost && !room);
	if (n > room)
		n = room;
	if (n > SEGMENTS_MAX)
		n = SEGMENTS_MAX;
	bool bounded = false;
	for (uint64_t i = 0; h->phnum_lost && i < n; i++) {
		uint64_t offset = elf_phdr_parse(h, c->bytes + h->phoff + i * h->phentsize).offset;
		if (offset <= h->phoff)
			continue;
		uint64_t most = (offset - h->phoff) / h->phentsize;
		bounded |= most <= room;
		if (most <= room && most < n)
			n = most > i ? most : i;
	}
	c->segments_cut |= h->phnum_lost && !bounded;
	return n;
}

static void parse_headers(struct elfcore *c)
{
	struct core_claims claims = { 0 };
	struct core_notes notes = { .c = c,
		.arch = core_arch_find(c->head.machine, c->head.ptr_size) };
	uint64_t n = count_headers(c);
	for (uint64_t i = 0; i < n; i++) {
		struct elf_phdr h =
			elf_phdr_parse(&c->head, c->bytes + c->head.phoff + i * c->head.phentsize);
		if (h.type == PT_NOTE)
			core_notes_read(&notes, h.offset, h.filesz);
		else if (h.type == PT_LOAD)
			core_claims_add_load(&claims, c, &h);
	}
	c->from_kernel = core_notes_from_kernel(&notes);
	core_claims_add_files(&claims, c);
	core_claims_flatten(&claims, c);
	core_claims_fini(&claims);
}

struct err elfcore_parse(const uint8_t *bytes, uint64_t size, struct elfcore *ret)
{
	struct elf_head head;
	if (minidump_is(bytes, size))
		return minidump_parse(bytes, size, ret);
	TRY(parse_head(bytes, size, &head));
	*ret = (struct elfcore){ .bytes = bytes, .size = size, .head = head };
	parse_headers(ret);
	/* gdb ends a core with section headers. */
	uint64_t sections = (uint64_t)head.shnum * head.shentsize;
	if (head.shnum && (head.shoff > size || size - head.shoff < sections))
		ret->cut = true;
	return NO_ERR;
}

void elfcore_fini(struct elfcore *c)
{
	if (!c)
		return;
	free(c->ranges);
	free(c->threads);
	free(c->files);
	free(c->made_regs);
	free(c->made_text);
	*c = (struct elfcore){ 0 };
}

size_t elfcore_range_above(const struct elfcore *c, uint64_t from)
{
	return PARTITION_POINT(c->n_ranges, i, c->ranges[i].end <= from);
}

const struct core_range *elfcore_range_at(const struct elfcore *c, uint64_t addr, size_t *hint)
{
	if (hint && *hint < c->n_ranges) {
		const struct core_range *r = &c->ranges[*hint];
		if (r->start <= addr && addr < r->end)
			return r;
	}
	size_t i = elfcore_range_above(c, addr);
	if (i == c->n_ranges || c->ranges[i].start > addr)
		return NULL;
	if (hint)
		*hint = i;
	return &c->ranges[i];
}

bool elfcore_auxv(const struct elfcore *c, uint64_t type, uint64_t *ret)
{
	for (size_t i = 0; i < c->n_auxv; i++) {
		if (c->auxv[i].type == type) {
			*ret = c->auxv[i].value;
			return true;
		}
	}
	return false;
}
