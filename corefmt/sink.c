/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sparse, unlinked temporary file. Cores unpack to many times their packed size, mostly zeros, so
 * zeros take no space, and free space is looked at while writing: a full disk harms others more
 * than a core that was unpacked in part harms us.
 */
#include "unpack.h"

#include "pycore/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

static const uint64_t UNPACKED_MAX = (uint64_t)1 << 44;
static const uint64_t RESERVE_MAX = (uint64_t)1 << 30; /* free space that is left to others */
static const uint64_t CHECK_EVERY = 64 * 1024 * 1024;

static bool is_ram(const struct statfs *fs)
{
	return fs->f_type == TMPFS_MAGIC || fs->f_type == RAMFS_MAGIC;
}

static const char *choose_dir(const char *dir)
{
	struct statfs fs;
	if (!dir)
		dir = getenv("TMPDIR");
	else
		return dir;
	bool usable = dir && *dir && statfs(dir, &fs) == 0 && !is_ram(&fs);
	return usable ? dir : "/var/tmp";
}

/* File systems without O_TMPFILE say so in several ways, so every failure goes on to the second
 * way. */
static int open_unlinked(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (fd >= 0)
		return fd;
	AUTO_FREE char *path = xasprintf("%s/pycore-XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

struct err sink_open(struct sink *s, const char *dir)
{
	int fd = open_unlinked(choose_dir(dir));
	if (fd < 0)
		return err_sys("temporary file");
	struct statfs fs;
	*s = (struct sink){ .fd = fd, .buffer = xmalloc(SINK_BUFFER) };
	s->in_ram = fstatfs(fd, &fs) == 0 && is_ram(&fs);
	return NO_ERR;
}

void sink_close(struct sink *s)
{
	close(s->fd);
	free(s->buffer);
}

static bool is_zero(const uint8_t *p, size_t n)
{
	return p[0] == 0 && !memcmp(p, p + 1, n - 1);
}

/* Looks whether the file system has room for n more bytes, and for how many before the next look.
 */
static struct err check_space(struct sink *s, uint64_t n)
{
	struct statvfs fs;
	if (s->on_disk + n <= s->checked || fstatvfs(s->fd, &fs) < 0)
		return NO_ERR;
	uint64_t reserve = (uint64_t)fs.f_blocks * fs.f_frsize / 20;
	if (reserve > RESERVE_MAX)
		reserve = RESERVE_MAX;
	uint64_t available = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (available < reserve + n)
		return (struct err){ .code = ERR_SYS, .sys = ENOSPC, .what = "temporary file" };
	uint64_t usable = available - reserve;
	s->checked = s->on_disk + (usable < CHECK_EVERY ? usable : CHECK_EVERY);
	return NO_ERR;
}

/* Writes n bytes that are not zeros, or as many as may be. */
static struct err write_run(struct sink *s, const uint8_t *bytes, size_t n)
{
	struct err e = check_space(s, n);
	if (failed(e))
		return e;
	if (s->limit && n > s->limit - s->on_disk) {
		n = (size_t)(s->limit - s->on_disk);
		e = err_of(ERR_LIMIT, "temporary file");
	}
	while (n) {
		ssize_t put = pwrite(s->fd, bytes, n, (off_t)s->size);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return err_sys("temporary file");
		s->size += (uint64_t)put;
		s->on_disk += (uint64_t)put;
		bytes += put;
		n -= (size_t)put;
	}
	return e;
}

/* The length of the blocks at p that are all zeros, or all not. */
static size_t run_length(const uint8_t *p, size_t left, bool *ret_zero)
{
	size_t n = 0;
	while (n < left) {
		size_t block = left - n < SINK_BLOCK ? left - n : SINK_BLOCK;
		bool zero = is_zero(p + n, block);
		if (n && zero != *ret_zero)
			break;
		*ret_zero = zero;
		n += block;
	}
	return n;
}

static void show_progress(struct sink *s)
{
	struct timespec now;
	if (!s->progress)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	bool first = !s->progress_due.tv_sec;
	if (!first && (now.tv_sec < s->progress_due.tv_sec ||
			      (now.tv_sec == s->progress_due.tv_sec &&
				      now.tv_nsec < s->progress_due.tv_nsec)))
		return;
	s->progress_due = now;
	s->progress_due.tv_nsec += first ? 500000000 : 250000000;
	if (s->progress_due.tv_nsec >= 1000000000) {
		s->progress_due.tv_nsec -= 1000000000;
		s->progress_due.tv_sec++;
	}
	if (first)
		return;
	uint64_t percent = s->source->size ? s->source->done / (s->source->size / 100 + 1) : 0;
	s->progress(s->size, (unsigned)percent, false);
	s->progress_shown = true;
}

struct err sink_flush(struct sink *s)
{
	const uint8_t *p = s->buffer;
	size_t left = s->len;
	s->len = 0;
	show_progress(s);
	while (left) {
		bool zero = false;
		size_t n = run_length(p, left, &zero);
		if (s->size + n > UNPACKED_MAX)
			return err_of(ERR_LIMIT, "temporary file");
		if (zero)
			s->size += n;
		else
			TRY(write_run(s, p, n));
		p += n;
		left -= n;
	}
	return NO_ERR;
}

struct err sink_finish(struct sink *s)
{
	if (s->progress_shown)
		s->progress(s->size, 100, true);
	return ftruncate(s->fd, (off_t)s->size) < 0 ? err_sys("temporary file") : NO_ERR;
}
