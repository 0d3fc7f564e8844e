/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that opens files for reading whose names come from outside: the command line, a
 * core, a process's maps, a code object. `make lint` keeps open() and its kin out of everything
 * else.
 */
#pragma once

#include "pycore/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum opener_trust {
	OPEN_NAMED_BY_USER, /* any path that the user may read; still only a regular file */
	OPEN_NAMED_BY_TARGET, /* absolute, no "..", never under /proc, /sys or /dev; a last link is
				 followed */
	OPEN_PROC, /* our own /proc path, composed by us */
};

struct opened {
	int fd; /* read-only, close-on-exec */
	uint64_t size;
	struct timespec mtime; /* of its content, as cp -p, tar and packages set it */
	uid_t uid; /* its owner */
	gid_t gid;
};

/* Opens a regular file without ever blocking on it (FIFOs, devices and directories are refused,
 * each by name in err.what). The caller closes ret->fd. */
struct err opener_open(const char *path, enum opener_trust trust, struct opened *ret);

/*
 * As opener_open() with OPEN_NAMED_BY_TARGET, below another root: that of a process
 * ("/proc/4711/root"), or a folder that holds a copy of one. Links, absolute ones too, and their
 * ".." are resolved inside of it and never lead out: by the kernel (openat2, Linux 5.6), or where
 * it does not know how, by opener_walk_below(). root NULL: this machine's own.
 */
struct err opener_open_below(const char *root, const char *path, struct opened *ret);
/* The same, one component at a time, without the kernel's help. root must not be NULL. */
struct err opener_walk_below(const char *root, const char *path, struct opened *ret);

/* The path of an open file, all links resolved, as this process sees it; malloc'ed. NULL: it has
 * none any more. */
char *opener_real_path(int fd);

/*
 * Shows every regular file in a folder that the user named, and in the folders inside of it down to
 * `depth` (0: only its own files), in no order. Links to files are followed, links to folders not.
 * Ends when `*budget` entries were looked at, which it counts down. ERR_SYS, ERR_DENIED: the folder
 * itself cannot be read.
 */
typedef void opener_visit_fn(void *ctx, const char *path, int fd);
struct err opener_visit(
	const char *folder, unsigned depth, size_t *budget, opener_visit_fn *visit, void *ctx);

/* A whole file mapped read-only. Zero-initialised is nothing. */
struct file_map {
	const uint8_t *bytes; /* NULL for an empty file */
	size_t size;
	/* The later of the times of its content and of its inode. A file that replaces another one
	 * may have been given an old time of its content; the inode's is always the kernel's. */
	struct timespec changed;
	struct timespec modified; /* that of its content alone */
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

struct err file_map_open(const char *path, enum opener_trust trust, struct file_map *ret);
struct err file_map_open_below(const char *root, const char *path, struct file_map *ret);
/* Maps what an open descriptor holds; the descriptor may be closed afterwards. */
struct err file_map_fd(int fd, struct file_map *ret);
/* Makes the mapping writable, and what is written stays in this process: for libelf, which changes
 * section headers in place when it unpacks a section. False if the kernel refuses. */
bool file_map_unshare(const struct file_map *m);
void file_map_close(struct file_map *m);

/* Reads a small /proc file whole into a malloc'ed, NUL-terminated buffer of at most `max` bytes. */
struct err opener_slurp(const char *path, size_t max, char **ret, size_t *ret_len);
