/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container of a core file: plain, gzip (RFC 1952), zstd (RFC 8878), xz or lz4, told apart by
 * their first bytes, never by name. A plain file is mapped; a compressed one is unpacked once into
 * a sparse, unlinked temporary file, which is then mapped.
 */
#pragma once

#include "pycore/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* tv_sec of a time that is not known: no clock shows it, no calendar has it. */
#define NO_TIME ((time_t)INT64_MIN)

enum container_kind {
	CONTAINER_PLAIN,
	CONTAINER_GZIP,
	CONTAINER_ZSTD,
	CONTAINER_XZ,
	CONTAINER_LZ4
};

struct container_options {
	const char *tmpdir; /* where to unpack; NULL: $TMPDIR unless that is a RAM disk, else
			       /var/tmp */
	uint64_t tmp_limit; /* bytes on disk at most while unpacking; 0: no limit but the free space
			     */
	/* Told from half a second on, some times a second, how far the unpacking is; and once with
	 * `done` if it was told before. NULL: not wanted. */
	void (*progress)(uint64_t unpacked_bytes, unsigned percent_read, bool done);
};

struct container {
	enum container_kind kind;
	const uint8_t *bytes; /* the unpacked core, mapped read-only; NULL if it is empty */
	uint64_t size;
	int fd; /* of what is mapped, so that its holes can be told; -1 if it is empty */
	struct timespec mtime; /* of the file as given; NO_TIME: it came through a pipe */
	uid_t uid; /* its owner */
	gid_t gid;
	bool in_ram; /* unpacked on a file system that takes its space from memory */
	bool cut; /* unpacking ended early: what follows `bytes` is lost */
	struct err cut_why; /* why, if cut: damaged or ended stream, disk full, limit reached */
};

/*
 * Opens the file at `path` (any regular file that the user named); "-" is standard input, which may
 * be a pipe and is then kept in a temporary file like one that is unpacked. Errors: those of
 * opener_open(); ERR_CORRUPT "compressed data" when not even the first bytes could be unpacked;
 * ERR_UNSUPPORTED naming bzip2, or lz4 without its library, with the command that unpacks it. A
 * stream that breaks later, a full disk and the limit leave what was unpacked, with `cut` set.
 */
struct err container_open(
	const char *path, const struct container_options *opt, struct container *ret);
void container_close(struct container *c);
