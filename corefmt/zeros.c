/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zeros in place of data. A disk that was full or broke, or a copy that was interrupted, leaves a
 * file of the right length whose blocks were never written: they read as zeros, and so do pages
 * that were zeros in the process. What tells them apart are places that no process leaves zero:
 * what the kernel put on the first stack (AT_RANDOM) and its library's header (AT_SYSINFO_EHDR),
 * the headers of programs and libraries, and what a thread pointer points to, which lies at the end
 * of a thread's stack. Stacks themselves may have long runs of zeros: arrays that are not yet used.
 */
#include "parts.h"

#include <elf.h>
#include <errno.h>
#include <unistd.h>

enum {
	HEADER_BYTES = 16, /* of an ELF file; AT_RANDOM has as many */
	THREAD_BYTES = 64, /* of a thread's control block: its own address, tables, ... */
	THREADS_LOOKED_AT = 64,
	CHUNK = 64 * 1024,
	PAGE = 4096,
};

static bool is_zero(const uint8_t *p, size_t n)
{
	return p[0] == 0 && !memcmp(p, p + 1, n - 1);
}

/* Keeps the place nearest to the beginning of the file where there are zeros but must not be. */
static void look(const struct elfcore *c, uint64_t addr, uint64_t n, struct core_zeros *z)
{
	const struct core_range *r = elfcore_range_at(c, addr, NULL);
	if (!r || r->backing != CORE_SAVED)
		return;
	if (n > r->end - addr)
		n = r->end - addr;
	uint64_t offset = r->offset + (addr - r->start);
	if (is_zero(c->bytes + offset, (size_t)n) && (!z->found || offset < z->offset))
		*z = (struct core_zeros){ .found = true, .address = addr, .offset = offset };
}

static bool runs_code(const struct elfcore *c, size_t i)
{
	const char *path = c->files[i].path;
	for (; i < c->n_files && !strcmp(c->files[i].path, path); i++) {
		const struct core_range *r = elfcore_range_at(c, c->files[i].start, NULL);
		if (r && r->flags & PF_X)
			return true;
	}
	return false;
}

static void look_everywhere(const struct elfcore *c, struct core_zeros *z)
{
	uint64_t addr;
	if (elfcore_auxv(c, AT_RANDOM, &addr))
		look(c, addr, HEADER_BYTES, z);
	if (elfcore_auxv(c, AT_SYSINFO_EHDR, &addr))
		look(c, addr, HEADER_BYTES, z);
	for (size_t i = 0; i < c->n_files; i++) {
		if (!c->files[i].offset && runs_code(c, i))
			look(c, c->files[i].start, HEADER_BYTES, z);
	}
	size_t step = c->n_threads / THREADS_LOOKED_AT + 1;
	for (size_t i = 0; i < c->n_threads; i += step) {
		if (c->threads[i].regs.has_tls)
			look(c, c->threads[i].regs.tls, THREAD_BYTES, z);
	}
}

/* Where the next data are that the file was written with; its end if there are none. */
static uint64_t next_data(const struct elfcore *c, int fd, uint64_t at)
{
	off_t found = fd >= 0 ? lseek(fd, (off_t)at, SEEK_DATA) : (off_t)at;
	if (found < 0)
		return errno == ENXIO ? c->size : at;
	return (uint64_t)found;
}

static bool only_zeros_from(const struct elfcore *c, int fd, uint64_t at)
{
	while ((at = next_data(c, fd, at)) < c->size) {
		size_t n = c->size - at < CHUNK ? (size_t)(c->size - at) : CHUNK;
		if (!is_zero(c->bytes + at, n))
			return false;
		at += n;
	}
	return true;
}

/* The first page of those that are zeros from there up to `at`. */
static uint64_t first_zero_page(const struct elfcore *c, uint64_t at)
{
	at -= at % PAGE;
	while (at >= PAGE && is_zero(c->bytes + at - PAGE, PAGE))
		at -= PAGE;
	return at;
}

bool core_find_zeros(const struct elfcore *c, int fd, struct core_zeros *ret)
{
	struct core_zeros z = { 0 };
	look_everywhere(c, &z);
	if (!z.found)
		return false;
	z.to_end = only_zeros_from(c, fd, z.offset);
	z.offset = z.to_end ? first_zero_page(c, z.offset) : z.offset;
	*ret = z;
	return true;
}
