/* SPDX-License-Identifier: Apache-2.0 */
/* Test buffer: a few runs of host bytes at addresses of a made-up target. A failed read spoils all
 * of the caller's buffer, so that tests see who uses it all the same. */
#include "pycore/mem.h"

#include <assert.h>

/* The first run that ends above addr, or NULL. */
static const struct mem_buf_run *run_above(const struct mem_buf *m, uint64_t addr)
{
	for (size_t i = 0; i < m->len; i++) {
		if (m->runs[i].start + m->runs[i].n > addr)
			return &m->runs[i];
	}
	return NULL;
}

static struct err copy_runs(const struct mem_buf *m, uint64_t addr, uint8_t *to, size_t n)
{
	while (n) {
		const struct mem_buf_run *r = run_above(m, addr);
		if (!r || r->start > addr)
			return err_at(ERR_UNMAPPED, addr, "memory");
		if (!r->bytes)
			return err_at(ERR_NOT_SAVED, addr, "memory");
		size_t at = (size_t)(addr - r->start);
		size_t part = n < r->n - at ? n : r->n - at;
		memcpy(to, (const uint8_t *)r->bytes + at, part);
		to += part;
		addr += part;
		n -= part;
	}
	return NO_ERR;
}

static struct err buf_read(struct mem *base, uint64_t addr, void *buf, size_t n)
{
	struct err e = copy_runs((struct mem_buf *)base, addr, buf, n);
	if (failed(e))
		memset(buf, 0xa5, n);
	return e;
}

static const void *buf_view(struct mem *base, uint64_t addr, size_t n)
{
	const struct mem_buf_run *r = run_above((struct mem_buf *)base, addr);
	if (!r || r->start > addr || !r->bytes || r->start + r->n - addr < n)
		return NULL;
	return (const uint8_t *)r->bytes + (addr - r->start);
}

static bool buf_next_range(struct mem *base, uint64_t from, struct mem_range *ret)
{
	const struct mem_buf_run *r = run_above((struct mem_buf *)base, from);
	if (!r)
		return false;
	*ret = (struct mem_range){
		.start = r->start,
		.end = r->start + r->n,
		.perm = r->perm,
		.readable = r->bytes != NULL,
	};
	return true;
}

static const struct mem_ops buf_ops = {
	.name = "buffer",
	.read = buf_read,
	.view = buf_view,
	.next_range = buf_next_range,
};

void mem_buf_init(struct mem_buf *m, enum byte_order order, unsigned ptr_size)
{
	*m = (struct mem_buf){ .base = { .ops = &buf_ops, .order = order, .ptr_size = ptr_size } };
}

void mem_buf_add(struct mem_buf *m, uint64_t start, const void *bytes, size_t n, unsigned perm)
{
	assert(m->len < ARRAY_LEN(m->runs) && n && n <= UINT64_MAX - start);
	size_t i = m->len++;
	for (; i && m->runs[i - 1].start > start; i--)
		m->runs[i] = m->runs[i - 1];
	m->runs[i] = (struct mem_buf_run){ .start = start, .bytes = bytes, .n = n, .perm = perm };
	assert(!i || m->runs[i - 1].start + m->runs[i - 1].n <= start);
	assert(i + 1 == m->len || start + n <= m->runs[i + 1].start);
}
