/* SPDX-License-Identifier: Apache-2.0 */
#include "pycore/opener.h"

#include "pycore/alloc.h"
#include "pycore/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
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

/* Whether openat2 said no because it is not there (also where a container's filter hides it), or
 * because somebody moved folders around meanwhile. */
static bool kernel_cannot(int fd)
{
	return fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EAGAIN);
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
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	struct err e = kernel_cannot(fd) ? opener_walk_below(root, path, ret)
					 : accept_regular(fd, OPEN_NAMED_BY_TARGET, ret);
	close(dir);
	return e;
}

enum { WALK_DEEP_MAX = 128, WALK_LINKS_MAX = 40 };

/* The folders that a walk is in, from the root inwards; ".." leaves the last one, but never the
 * root. */
struct walk {
	int dirs[WALK_DEEP_MAX];
	size_t deep;
	struct str rest; /* of the path */
	size_t at; /* in it */
	unsigned links;
};

static void walk_leave(struct walk *w, size_t deep)
{
	while (w->deep > deep)
		close(w->dirs[--w->deep]);
}

static void walk_fini(struct walk *w)
{
	walk_leave(w, 0);
	str_fini(&w->rest);
}

/* The next component of what is left; "" at the end. */
static void walk_next(struct walk *w, char ret[NAME_MAX + 2])
{
	const char *rest = str_text(&w->rest);
	w->at += strspn(rest + w->at, "/");
	size_t n = strcspn(rest + w->at, "/");
	size_t kept = n <= NAME_MAX ? n : NAME_MAX + 1;
	memcpy(ret, rest + w->at, kept);
	ret[kept] = '\0';
	w->at += n;
}

/* Puts what a link says in front of what is left. */
static struct err walk_link(struct walk *w, int fd)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(fd, "", text, sizeof(text));
	if (n < 0)
		return err_sys("open");
	if (n == (ssize_t)sizeof(text) || !n || ++w->links > WALK_LINKS_MAX)
		return (struct err){ .code = ERR_SYS, .sys = ELOOP, .what = "open" };
	struct str rest = { 0 };
	str_add(&rest, text, (size_t)n);
	str_puts(&rest, str_text(&w->rest) + w->at);
	str_fini(&w->rest);
	w->rest = rest;
	w->at = 0;
	if (text[0] == '/')
		walk_leave(w, 1);
	return NO_ERR;
}

/* Goes one component on. *ret_fd is set when that is the file that was looked for. */
static struct err walk_step(struct walk *w, const char *name, int *ret_fd)
{
	struct stat st;
	int top = w->dirs[w->deep - 1];
	int fd = openat(top, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys("open");
	struct err e = fstat(fd, &st) < 0 ? err_sys("fstat") : NO_ERR;
	bool last = w->at == w->rest.len;
	if (!failed(e) && S_ISDIR(st.st_mode) && w->deep < WALK_DEEP_MAX) {
		w->dirs[w->deep++] = fd;
		return NO_ERR;
	}
	if (failed(e))
		;
	else if (S_ISLNK(st.st_mode))
		e = walk_link(w, fd);
	else if (!last || S_ISDIR(st.st_mode))
		e = (struct err){ .code = ERR_SYS, .sys = ENOTDIR, .what = "open" };
	else if ((*ret_fd = openat(top, name, READ_FLAGS | O_NOFOLLOW)) < 0)
		e = err_sys("open");
	close(fd);
	return e;
}

struct err opener_walk_below(const char *root, const char *path, struct opened *ret)
{
	const char *why = distrust(path);
	if (why)
		return err_of(ERR_DENIED, why);
	CLEANUP(walk_fini) struct walk w = { 0 };
	char name[NAME_MAX + 2];
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys("open");
	w.dirs[w.deep++] = fd;
	str_puts(&w.rest, path);
	for (fd = -1; fd < 0;) {
		walk_next(&w, name);
		if (!name[0])
			return err_of(ERR_UNSUPPORTED, kind_refused(S_IFDIR));
		if (!strcmp(name, ".."))
			walk_leave(&w, w.deep > 1 ? w.deep - 1 : 1);
		else if (strcmp(name, ".") != 0)
			TRY(walk_step(&w, name, &fd));
	}
	return accept_regular(fd, OPEN_NAMED_BY_TARGET, ret);
}

char *opener_real_path(int fd)
{
	char link[64], text[PATH_MAX];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, text, sizeof(text));
	if (n <= 0 || n == (ssize_t)sizeof(text) || text[0] != '/')
		return NULL;
	char *path = xstrndup(text, (size_t)n);
	struct stat open_one, named;
	if (fstat(fd, &open_one) == 0 && stat(path, &named) == 0 &&
		open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev)
		return path;
	free(path);
	return NULL;
}

/* One folder of a visit. */
struct visit {
	unsigned depth; /* that it may still go down */
	size_t *budget;
	opener_visit_fn *fn;
	void *ctx;
};

static struct err visit_folder(const struct visit *v, const char *path, int fd);

static void visit_entry(const struct visit *v, const char *path, int dir, const char *name)
{
	struct opened file;
	struct stat st;
	if (!strcmp(name, ".") || !strcmp(name, "..") ||
		fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	AUTO_FREE char *inside = xasprintf("%s/%s", path, name);
	if (S_ISDIR(st.st_mode) && v->depth) {
		struct visit deeper = *v;
		deeper.depth--;
		int fd = openat(dir, name, READ_FLAGS | O_DIRECTORY | O_NOFOLLOW);
		if (fd >= 0 && !of_the_kernel(fd))
			(void)failed(visit_folder(&deeper, inside, fd));
		else if (fd >= 0)
			close(fd);
	} else if ((S_ISREG(st.st_mode) || S_ISLNK(st.st_mode)) &&
		   !failed(accept_regular(
			   openat(dir, name, READ_FLAGS), OPEN_NAMED_BY_TARGET, &file))) {
		v->fn(v->ctx, inside, file.fd);
		close(file.fd);
	}
}

/* Takes over the descriptor. */
static struct err visit_folder(const struct visit *v, const char *path, int fd)
{
	DIR *d = fdopendir(fd);
	if (!d) {
		struct err e = err_sys("open");
		close(fd);
		return e;
	}
	for (const struct dirent *entry; *v->budget && (entry = readdir(d)); --*v->budget)
		visit_entry(v, path, fd, entry->d_name);
	closedir(d);
	return NO_ERR;
}

struct err opener_visit(
	const char *folder, unsigned depth, size_t *budget, opener_visit_fn *visit, void *ctx)
{
	const struct visit v = { .depth = depth, .budget = budget, .fn = visit, .ctx = ctx };
	int fd = open(folder, READ_FLAGS | O_DIRECTORY);
	return fd < 0 ? err_sys("open") : visit_folder(&v, folder, fd);
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
		.modified = st.st_mtim,
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
