/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live process. /proc/PID/mem (proc_pid_mem(5)) is the cheaper way for one read, and reads pages
 * without read permission too; process_vm_readv(2) for many. /proc/PID/mem yields EIO for what is
 * not mapped and 0 bytes when the address space is gone; process_vm_readv yields EFAULT and ESRCH.
 * Either may be refused where the other is not (seccomp of a container, a kernel without
 * CONFIG_CROSS_MEMORY_ATTACH).
 */
#include "pycore/mem.h"

#include <errno.h>
#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

/* Both read a first part of the bytes, and say in *ret_n how many; 0 only with an error. */
typedef struct err reader(struct mem_live *m, uint64_t addr, void *buf, size_t n, size_t *ret_n);

static struct err read_proc(struct mem_live *m, uint64_t addr, void *buf, size_t n, size_t *ret_n)
{
	if (m->fd < 0)
		return err_of(ERR_DENIED, "/proc/PID/mem");
	if (addr > INT64_MAX) /* off_t; no user memory is there */
		return err_at(ERR_UNMAPPED, addr, "memory");
	ssize_t got;
	do {
		got = pread(m->fd, buf, n, (off_t)addr);
	} while (got < 0 && errno == EINTR);
	if (got > 0) {
		*ret_n = (size_t)got;
		return NO_ERR;
	}
	if (got == 0)
		return err_at(ERR_GONE, addr, "memory");
	if (errno == EIO || errno == EFAULT)
		return err_at(ERR_UNMAPPED, addr, "memory");
	struct err e = err_sys("/proc/PID/mem");
	e.addr = addr;
	return e;
}

static struct err read_vm(struct mem_live *m, uint64_t addr, void *buf, size_t n, size_t *ret_n)
{
	struct iovec local = { .iov_base = buf, .iov_len = n };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)addr, .iov_len = n };
	if ((uintptr_t)addr != addr)
		return err_at(ERR_UNMAPPED, addr, "memory");
	ssize_t got = process_vm_readv(m->pid, &local, 1, &remote, 1, 0);
	if (got > 0) {
		*ret_n = (size_t)got;
		return NO_ERR;
	}
	if (got == 0 || errno == EFAULT)
		return err_at(ERR_UNMAPPED, addr, "memory");
	struct err e = err_sys("process_vm_readv");
	e.addr = addr;
	return e;
}

static bool refused(struct err e)
{
	return e.code == ERR_DENIED || e.code == ERR_SYS;
}

static struct err read_all(
	struct mem_live *m, reader *read_part, uint64_t addr, uint8_t *to, size_t n)
{
	while (n) {
		size_t got = 0;
		TRY(read_part(m, addr, to, n, &got));
		addr += got;
		to += got;
		n -= got;
	}
	return NO_ERR;
}

static struct err live_read(struct mem *base, uint64_t addr, void *buf, size_t n)
{
	struct mem_live *m = (struct mem_live *)base;
	struct err first = read_all(m, read_proc, addr, buf, n);
	if (!refused(first))
		return first;
	struct err second = read_all(m, read_vm, addr, buf, n);
	/* Where both are refused, the file that was opened before says more. */
	return refused(second) && m->fd >= 0 ? first : second;
}

static void read_single(struct mem_live *m, struct mem_piece *p)
{
	p->done = !failed(mem_read(&m->base, p->addr, p->buf, p->n));
}

static bool can_batch(const struct mem_piece *p)
{
	return p->n && p->addr <= UINTPTR_MAX - p->n;
}

/* Reads up to IOV_MAX pieces from the front and returns how many were dealt with, 0 when batches
 * are refused. A piece that cannot be read ends a batch early. */
static size_t read_front(struct mem_live *m, struct mem_piece *pieces, size_t n)
{
	struct iovec local[IOV_MAX], remote[IOV_MAX];
	size_t count = 0;
	for (; count < n && count < IOV_MAX && can_batch(&pieces[count]); count++) {
		const struct mem_piece *p = &pieces[count];
		local[count] = (struct iovec){ .iov_base = p->buf, .iov_len = p->n };
		remote[count] =
			(struct iovec){ .iov_base = (void *)(uintptr_t)p->addr, .iov_len = p->n };
	}
	if (!count) {
		read_single(m, pieces);
		return 1;
	}
	ssize_t got = process_vm_readv(m->pid, local, count, remote, count, 0);
	if (got < 0 && errno != EFAULT)
		return 0;
	size_t left = got > 0 ? (size_t)got : 0;
	for (size_t i = 0; i < count; i++) {
		if (left < pieces[i].n) {
			read_single(m, &pieces[i]);
			return i + 1;
		}
		pieces[i].done = true;
		left -= pieces[i].n;
	}
	return count;
}

void mem_live_read_batch(struct mem_live *m, struct mem_piece *pieces, size_t n)
{
	while (n) {
		size_t dealt = read_front(m, pieces, n);
		if (!dealt)
			break;
		pieces += dealt;
		n -= dealt;
	}
	for (size_t i = 0; i < n; i++)
		read_single(m, &pieces[i]);
}

static bool live_next_range(struct mem *base, uint64_t from, struct mem_range *ret)
{
	const struct mem_live *m = (struct mem_live *)base;
	return mem_range_above(m->ranges, m->len, from, ret);
}

/* 64 bits for each page (Documentation/admin-guide/mm/pagemap.rst). */
static bool is_touched(uint64_t word)
{
	bool held = word >> 62 & 3; /* bit 63: in memory; 62: swapped out */
	/* of madvise() (Linux 6.15), as newer C libraries have below stacks: cannot be read */
	bool guard = word >> 58 & 1;
	return held && !guard;
}

enum { PAGE = 4096, WORDS = 512 };

/* The first page from `from` on that is touched or is not, as wanted; end: none is. */
static uint64_t find_page(struct mem_live *m, uint64_t from, uint64_t end, bool touched)
{
	uint64_t words[WORDS];
	for (uint64_t at = from & ~(uint64_t)(PAGE - 1); at < end;) {
		size_t n = (end - at + PAGE - 1) / PAGE < WORDS
				   ? (size_t)((end - at + PAGE - 1) / PAGE)
				   : WORDS;
		ssize_t got = pread(
			m->pagemap, words, n * sizeof(*words), (off_t)(at / PAGE * sizeof(*words)));
		if (got <= 0)
			return touched ? from : end;
		for (size_t i = 0; i < (size_t)got / sizeof(*words); i++, at += PAGE) {
			if (is_touched(words[i]) == touched)
				return at > from ? at < end ? at : end : from;
		}
	}
	return end;
}

static bool live_next_touched(struct mem *base, uint64_t from, uint64_t end, struct mem_run *ret)
{
	struct mem_live *m = (struct mem_live *)base;
	struct mem_run found = { from, end };
	if (m->pagemap >= 0) {
		found.start = find_page(m, from, end, true);
		found.end = find_page(m, found.start, end, false);
	}
	if (found.start < end)
		*ret = found;
	return found.start < end;
}

static const struct mem_ops live_ops = {
	.name = "live",
	.read = live_read,
	.next_touched = live_next_touched,
	.next_range = live_next_range,
};

void mem_live_init(struct mem_live *m, pid_t pid, int fd, enum byte_order order, unsigned ptr_size)
{
	*m = (struct mem_live){
		.base = { .ops = &live_ops, .order = order, .ptr_size = ptr_size },
		.pid = pid,
		.fd = fd,
		.pagemap = -1,
	};
}

void mem_live_add_range(struct mem_live *m, struct mem_range r)
{
	m->ranges = xgrow(m->ranges, &m->cap, m->len, sizeof(r));
	m->ranges[m->len++] = r;
}

void mem_live_clear_ranges(struct mem_live *m)
{
	m->len = 0;
}

void mem_live_fini(struct mem_live *m)
{
	if (!m || !m->base.ops)
		return;
	if (m->fd >= 0)
		close(m->fd);
	if (m->pagemap >= 0)
		close(m->pagemap);
	free(m->ranges);
	*m = (struct mem_live){ .fd = -1, .pagemap = -1 };
}
