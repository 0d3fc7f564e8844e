/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of ranges, in room that costs nothing until it is written to. */
#include "pycore/mem.h"

#include "pycore/sorted.h"

#include <stdlib.h>
#include <sys/mman.h>

/* The index of the first run that ends above addr. */
static size_t first_above(const struct mem_snapshot *m, uint64_t addr)
{
	return PARTITION_POINT(m->len, i, m->runs[i].start + m->runs[i].n <= addr);
}

static const struct mem_snapshot_run *run_at(const struct mem_snapshot *m, uint64_t addr)
{
	size_t i = first_above(m, addr);
	return i < m->len && m->runs[i].start <= addr ? &m->runs[i] : NULL;
}

/* Up to where the bytes from addr on belong to no run. */
static uint64_t gap_end(const struct mem_snapshot *m, uint64_t addr, uint64_t end)
{
	size_t i = first_above(m, addr);
	return i < m->len && m->runs[i].start < end ? m->runs[i].start : end;
}

static struct err snapshot_read(struct mem *base, uint64_t addr, void *buf, size_t n)
{
	struct mem_snapshot *m = (struct mem_snapshot *)base;
	uint8_t *to = buf;
	while (n) {
		const struct mem_snapshot_run *r = run_at(m, addr);
		uint64_t end = r ? r->start + r->n : gap_end(m, addr, addr + n);
		size_t part = n < end - addr ? n : (size_t)(end - addr);
		if (r)
			memcpy(to, r->bytes + (addr - r->start), part);
		else
			TRY(mem_read(m->below, addr, to, part));
		addr += part;
		to += part;
		n -= part;
	}
	return NO_ERR;
}

static const void *snapshot_view(struct mem *base, uint64_t addr, size_t n)
{
	struct mem_snapshot *m = (struct mem_snapshot *)base;
	const struct mem_snapshot_run *r = run_at(m, addr);
	if (!r)
		return mem_view(m->below, addr, n);
	uint64_t at = addr - r->start;
	return n <= r->n - at ? r->bytes + at : NULL;
}

static bool snapshot_next_touched(
	struct mem *base, uint64_t from, uint64_t end, struct mem_run *ret)
{
	const struct mem_snapshot *m = (const struct mem_snapshot *)base;
	struct mem_range t;
	*ret = (struct mem_run){ from, end };
	if (!run_at(m, from))
		return true;
	if (!mem_range_above(m->touched, m->n_touched, from, &t) || t.start >= end)
		return false;
	ret->start = t.start > from ? t.start : from;
	ret->end = t.end < end ? t.end : end;
	return true;
}

static bool snapshot_next_range(struct mem *base, uint64_t from, struct mem_range *ret)
{
	return mem_next_range(((struct mem_snapshot *)base)->below, from, ret);
}

static const struct mem_ops snapshot_ops = {
	.name = "snapshot",
	.read = snapshot_read,
	.view = snapshot_view,
	.next_touched = snapshot_next_touched,
	.next_range = snapshot_next_range,
};

void mem_snapshot_init(struct mem_snapshot *m, struct mem *below)
{
	*m = (struct mem_snapshot){
		.base = { .ops = &snapshot_ops,
			.order = below->order,
			.ptr_size = below->ptr_size },
		.below = below,
	};
}

uint8_t *mem_snapshot_add(struct mem_snapshot *m, uint64_t start, uint64_t n)
{
	void *room = mmap(NULL, n, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return NULL;
	m->runs = xgrow(m->runs, &m->cap, m->len, sizeof(*m->runs));
	size_t at = m->len++;
	for (; at && m->runs[at - 1].start > start; at--)
		m->runs[at] = m->runs[at - 1];
	m->runs[at] = (struct mem_snapshot_run){ start, n, room };
	return room;
}

void mem_snapshot_drop(struct mem_snapshot *m, uint64_t start, uint64_t end)
{
	size_t kept = 0;
	for (size_t i = 0; i < m->len; i++) {
		const struct mem_snapshot_run r = m->runs[i];
		if (r.start < end && start < r.start + r.n)
			munmap(r.bytes, r.n);
		else
			m->runs[kept++] = r;
	}
	m->len = kept;
}

uint8_t *mem_snapshot_room(struct mem_snapshot *m, uint64_t start, uint64_t n)
{
	size_t i = first_above(m, start);
	if (i < m->len && m->runs[i].start == start && m->runs[i].n == n)
		return m->runs[i].bytes;
	if (i < m->len && m->runs[i].start < start + n)
		mem_snapshot_drop(m, start, start + n);
	return mem_snapshot_add(m, start, n);
}

void mem_snapshot_touch(struct mem_snapshot *m, uint64_t start, uint64_t end)
{
	m->touched = xgrow(m->touched, &m->cap_touched, m->n_touched, sizeof(*m->touched));
	m->touched[m->n_touched++] = (struct mem_range){ .start = start, .end = end };
}

void mem_snapshot_fini(struct mem_snapshot *m)
{
	for (size_t i = 0; i < m->len; i++)
		munmap(m->runs[i].bytes, m->runs[i].n);
	free(m->runs);
	free(m->touched);
	*m = (struct mem_snapshot){ 0 };
}
