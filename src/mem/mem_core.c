/* SPDX-License-Identifier: Apache-2.0 */
/* Core file: the ranges of struct elfcore, which ascend and never overlap. */
#include "pycore/mem.h"

#include <elf.h>
#include <errno.h>
#include <unistd.h>

enum { PAGE = 4096 };

static struct err missing(const struct core_range *r, uint64_t addr)
{
	if (!r)
		return err_at(ERR_UNMAPPED, addr, "memory");
	return err_at(r->backing == CORE_NOT_SAVED ? ERR_NOT_SAVED : ERR_TRUNCATED, addr, "memory");
}

static struct err core_read(struct mem *base, uint64_t addr, void *buf, size_t n)
{
	struct mem_core *m = (struct mem_core *)base;
	uint8_t *to = buf;
	while (n) {
		const struct core_range *r = elfcore_range_at(m->core, addr, &m->last);
		if (!r || r->backing != CORE_SAVED)
			return missing(r, addr);
		uint64_t left = r->end - addr;
		size_t part = n < left ? n : (size_t)left;
		memcpy(to, m->core->bytes + r->offset + (addr - r->start), part);
		to += part;
		addr += part;
		n -= part;
	}
	return NO_ERR;
}

static const void *core_view(struct mem *base, uint64_t addr, size_t n)
{
	struct mem_core *m = (struct mem_core *)base;
	const struct core_range *r = elfcore_range_at(m->core, addr, &m->last);
	if (!r || r->backing != CORE_SAVED)
		return NULL;
	const uint8_t *bytes = m->core->bytes + r->offset + (addr - r->start);
	/* Neighbours in memory are mostly neighbours in the file. */
	const struct core_range *end = m->core->ranges + m->core->n_ranges;
	while (r->end - addr < n) {
		const struct core_range *next = r + 1;
		if (next == end || next->start != r->end || next->backing != CORE_SAVED ||
			next->offset != r->offset + (r->end - r->start))
			return NULL;
		r = next;
	}
	return bytes;
}

/* Where in the range, from `at` on, the file has data or a hole, as `whence` says: up to its end.
 */
static uint64_t seek(
	const struct mem_core *m, const struct core_range *r, uint64_t at, uint64_t end, int whence)
{
	off_t offset = (off_t)(r->offset + (at - r->start));
	off_t found = lseek(m->fd, offset, whence);
	if (found < offset)
		return whence == SEEK_DATA && errno != ENXIO ? at
							     : end; /* ENXIO: only a hole is left */
	return (uint64_t)(found - offset) < end - at ? at + (uint64_t)(found - offset) : end;
}

/* Pages of zeros are holes of the file, if it was written to one that can have them. */
static bool core_next_touched(struct mem *base, uint64_t from, uint64_t end, struct mem_run *ret)
{
	struct mem_core *m = (struct mem_core *)base;
	while (from < end) {
		const struct core_range *r = elfcore_range_at(m->core, from, &m->last);
		if (m->fd < 0 || !r || r->backing != CORE_SAVED) {
			*ret = (struct mem_run){ from, end };
			return true;
		}
		uint64_t stop = r->end < end ? r->end : end;
		uint64_t start = seek(m, r, from, stop, SEEK_DATA) & ~(uint64_t)(PAGE - 1);
		if (start < from)
			start = from;
		if (start < stop) {
			*ret = (struct mem_run){ start, seek(m, r, start, stop, SEEK_HOLE) };
			return true;
		}
		from = stop;
	}
	return false;
}

static bool core_next_range(struct mem *base, uint64_t from, struct mem_range *ret)
{
	const struct elfcore *c = ((struct mem_core *)base)->core;
	size_t i = elfcore_range_above(c, from);
	if (i == c->n_ranges)
		return false;
	const struct core_range *r = &c->ranges[i];
	*ret = (struct mem_range){
		.start = r->start,
		.end = r->end,
		.perm = (r->flags & PF_R ? MEM_READ : 0) | (r->flags & PF_W ? MEM_WRITE : 0) |
			(r->flags & PF_X ? MEM_EXEC : 0),
		.readable = r->backing == CORE_SAVED,
	};
	return true;
}

static const struct mem_ops core_ops = {
	.name = "core",
	.read = core_read,
	.view = core_view,
	.next_touched = core_next_touched,
	.next_range = core_next_range,
};

void mem_core_init(struct mem_core *m, const struct elfcore *core, int fd)
{
	*m = (struct mem_core){
		.base = { .ops = &core_ops,
			.order = core->head.order,
			.ptr_size = core->head.ptr_size },
		.core = core,
		.fd = fd,
	};
}
