/* SPDX-License-Identifier: Apache-2.0 */
/* Typed reads over any source. */
#include "pycore/mem.h"

#include "pycore/sorted.h"

#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

enum { PAGE = 4096 };

struct err mem_read(struct mem *m, uint64_t addr, void *buf, size_t n)
{
	if (!n)
		return NO_ERR;
	if (addr > UINT64_MAX - n)
		return err_at(ERR_UNMAPPED, addr, "memory");
	return m->ops->read(m, addr, buf, n);
}

const void *mem_view(struct mem *m, uint64_t addr, size_t n)
{
	if (!m->ops->view || !n || addr > UINT64_MAX - n)
		return NULL;
	return m->ops->view(m, addr, n);
}

void mem_expect(struct mem *m, uint64_t addr, size_t n)
{
	uintptr_t at = (uintptr_t)mem_view(m, addr, n);
	size_t before = at % PAGE;
	if (at) /* of no consequence where the kernel does not know it */
		(void)madvise((void *)(at - before), n + before, MADV_POPULATE_READ);
}

bool mem_next_range(struct mem *m, uint64_t from, struct mem_range *ret)
{
	return m->ops->next_range(m, from, ret);
}

bool mem_next_touched(struct mem *m, uint64_t from, uint64_t end, struct mem_run *ret)
{
	if (from >= end)
		return false;
	if (m->ops->next_touched)
		return m->ops->next_touched(m, from, end, ret);
	*ret = (struct mem_run){ from, end };
	return true;
}

bool mem_range_above(const struct mem_range *list, size_t len, uint64_t from, struct mem_range *ret)
{
	size_t at = PARTITION_POINT(len, i, list[i].end <= from);
	if (at == len)
		return false;
	*ret = list[at];
	return true;
}

bool mem_range_at(struct mem *m, uint64_t addr, struct mem_range *ret)
{
	struct mem_range r;
	if (!mem_next_range(m, addr, &r) || r.start > addr)
		return false;
	*ret = r;
	return true;
}

bool mem_maps(struct mem *m, uint64_t addr, uint64_t n)
{
	uint64_t end = addr + n;
	struct mem_range r = { .end = addr };
	if (end < addr)
		return false;
	while (r.end < end) {
		if (!mem_range_at(m, r.end, &r))
			return false;
	}
	return true;
}

struct err mem_uint(struct mem *m, uint64_t addr, unsigned size, uint64_t *ret)
{
	uint8_t b[8];
	if (size > sizeof(b))
		return err_at(ERR_CORRUPT, addr, "integer size");
	TRY(mem_read(m, addr, b, size));
	*ret = bytes_uint(b, size, m->order);
	return NO_ERR;
}

struct err mem_ptr(struct mem *m, uint64_t addr, uint64_t *ret)
{
	return mem_uint(m, addr, m->ptr_size, ret);
}

/* Reads up to n bytes at addr, as many as there are before the first that cannot be had; at least
 * one, or an error. */
static struct err read_some(struct mem *m, uint64_t addr, void *buf, size_t n, size_t *ret_n)
{
	struct err e = mem_read(m, addr, buf, n);
	if (failed(e) && e.addr > addr && e.addr - addr < n) {
		n = (size_t)(e.addr - addr);
		e = mem_read(m, addr, buf, n);
	}
	if (failed(e))
		return e;
	*ret_n = n;
	return NO_ERR;
}

/* Most strings are names: a short first read finds their end. Reads stop at page boundaries, since
 * the next page may not be there. */
static size_t chunk_size(uint64_t addr, size_t len, size_t max)
{
	enum { FIRST = 64 };
	size_t to_page_end = PAGE - (addr & (PAGE - 1));
	size_t n = len ? PAGE : FIRST;
	if (n > to_page_end)
		n = to_page_end;
	return n < max - len ? n : max - len;
}

struct err mem_cstr(struct mem *m, uint64_t addr, char *buf, size_t max, bool *ret_cut)
{
	bool cut = true;
	for (size_t len = 0; len < max;) {
		size_t got;
		struct err e = addr + len < addr ? err_at(ERR_UNMAPPED, addr, "memory")
						 : read_some(m, addr + len, buf + len,
							   chunk_size(addr + len, len, max), &got);
		if (failed(e) && len == max - 1)
			break; /* only the byte behind the room is missing */
		if (failed(e)) {
			buf[0] = '\0';
			return e;
		}
		if (memchr(buf + len, '\0', got)) {
			cut = false;
			break;
		}
		len += got;
	}
	if (cut)
		buf[max - 1] = '\0';
	if (ret_cut)
		*ret_cut = cut;
	return NO_ERR;
}
