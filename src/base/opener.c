/* SPDX-License-Identifier: Apache-2.0 */
#include "pycore/opener.h"

#include "pycore/alloc.h"
#include "pycore/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static const char *const kernel_roots[] = { "/proc/", "/sys/", "/dev/" };
static const char kernel_files[] = "path from the target leads to the kernel's own files";

/* Why this path, taken from a target, must not be opened; NULL if it may. */
static const char *distrust(const char *path)
{
	if (path[0] != '/')
		return "path from the target is not absolute";
	if (strstr(path, "/../") || text_ends(path, "/.."))
		return "path from the target holds ..";
	for (size_t i = 0; i < ARRAY_LEN(kernel_roots); i++) {
		if (text_starts(path, kernel_roots[i]))
			return kernel_files;
	}
	return NULL;
}

/* The same wherever links, "//" and "/./" have led to. */
static bool of_the_kernel(int fd)
{
	struct statfs fs;
	return fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC ||
		       fs.f_type == DEBUGFS_MAGIC || fs.f_type == TRACEFS_MAGIC ||
		       fs.f_type == CGROUP2_SUPER_MAGIC);
}

static const char *kind_refused(mode_t mode)
{
	if (S_ISDIR(mode))
		return "is a directory";
	if (S_ISFIFO(mode))
		return "is a FIFO; save it to a file first";
	if (S_ISSOCK(mode))
		return "is a socket";
	return "is a device";
}

enum { READ_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

/* Takes over a descriptor if it is one of a regular file. */
static struct err accept_regular(int fd, enum opener_trust trust, struct opened *ret)
{
	if (fd < 0)
		return err_sys("open");
	struct stat st;
	struct err e = NO_ERR;
	if (fstat(fd, &st) < 0)
		e = err_sys("fstat");
	else if (!S_ISREG(st.st_mode))
		e = err_of(ERR_UNSUPPORTED, kind_refused(st.st_mode));
	else if (trust == OPEN_NAMED_BY_TARGET && of_the_kernel(fd))
		e = err_of(ERR_DENIED, kernel_files);
	if (failed(e)) {
		close(fd);
		return e;
	}
	*ret = (struct opened){ .fd = fd,
		.size = (uint64_t)st.st_size,
		.mtime = st.st_mtim,
		.uid = st.st_uid,
		.gid = st.st_gid };
	return NO_ERR;
}

struct err opener_open(const char *path, enum opener_trust trust, struct opened *ret)
{
	const char *why = trust == OPEN_NAMED_BY_TARGET ? distrust(path) : NULL;
	if (why)
		return err_of(ERR_DENIED, why);
	return accept_regular(open(path, READ_FLAGS), trust, ret);
}

struct err opener_open_below(const char *root, const char *path, struct opened *ret)
{
	if (!root)
		return opener_open(path, OPEN_NAMED_BY_TARGET, ret);
	const char *why = distrust(path);
	if (why)
		return err_of(ERR_DENIED, why);
	int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys("open");
	struct open_how how = { .flags = READ_FLAGS,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	struct err e = accept_regular(
		(int)syscall(SYS_openat2, dir, path, &how, sizeof(how)), OPEN_NAMED_BY_TARGET, ret);
	close(dir);
	return e;
}

static struct timespec later(struct timespec a, struct timespec b)
{
	bool a_is = a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
	return a_is ? a : b;
}

struct err file_map_fd(int fd, struct file_map *ret)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys("fstat");
	struct file_map m = { .size = (size_t)st.st_size,
		.changed = later(st.st_mtim, st.st_ctim),
		.uid = st.st_uid,
		.gid = st.st_gid,
		.mode = st.st_mode };
	if (m.size) {
		void *p = mmap(NULL, m.size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			return err_sys("mmap");
		m.bytes = p;
	}
	*ret = m;
	return NO_ERR;
}

struct err file_map_open(const char *path, enum opener_trust trust, struct file_map *ret)
{
	struct opened f;
	TRY(opener_open(path, trust, &f));
	struct err e = file_map_fd(f.fd, ret);
	close(f.fd);
	return e;
}

struct err file_map_open_below(const char *root, const char *path, struct file_map *ret)
{
	struct opened f;
	TRY(opener_open_below(root, path, &f));
	struct err e = file_map_fd(f.fd, ret);
	close(f.fd);
	return e;
}

bool file_map_unshare(const struct file_map *m)
{
	return !m->size || mprotect((void *)m->bytes, m->size, PROT_READ | PROT_WRITE) == 0;
}

void file_map_close(struct file_map *m)
{
	if (m->bytes)
		munmap((void *)m->bytes, m->size);
	*m = (struct file_map){ 0 };
}

struct err opener_slurp(const char *path, size_t max, char **ret, size_t *ret_len)
{
	int fd = open(path, READ_FLAGS);
	if (fd < 0)
		return err_sys("open");
	AUTO_STR(text);
	char chunk[16384];
	ssize_t n;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0 && text.len < max)
		str_add(&text, chunk, (size_t)n < max - text.len ? (size_t)n : max - text.len);
	struct err e = n < 0 ? err_sys("read") : NO_ERR;
	close(fd);
	if (failed(e))
		return e;
	*ret_len = text.len;
	*ret = text.bytes ? STEAL(text.bytes) : xstrdup("");
	return NO_ERR;
}
