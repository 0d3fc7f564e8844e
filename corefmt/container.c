/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which container a core comes in. Magic numbers: gzip RFC 1952, 2.3.1; zstd RFC 8878, 3.1.1
 * and 3.1.2 (pzstd begins with a skippable frame); those of what is not read here: file(1).
 */
#include "pycore/container.h"

#include "pycore/alloc.h"
#include "pycore/log.h"
#include "pycore/opener.h"

#include "unpack.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAGIC_MAX = 6 };

static bool is_zstd(const uint8_t *magic, size_t n)
{
	bool skippable = (magic[0] & 0xf0) == 0x50 && !memcmp(magic + 1, "\x2a\x4d\x18", 3);
	return n >= 4 && (skippable || !memcmp(magic, "\x28\xb5\x2f\xfd", 4));
}

/* The kind, by the first bytes; for what is not unpacked here, the words that say how to. */
static struct err recognise(const uint8_t magic[MAGIC_MAX], size_t n, enum container_kind *ret)
{
	if (n >= 3 && !memcmp(magic, "BZh", 3))
		return err_of(ERR_UNSUPPORTED,
			"this file is compressed by bzip2: unpack it first with bzip2 -dk FILE");
	*ret = CONTAINER_PLAIN;
	if (n >= 2 && magic[0] == 0x1f && magic[1] == 0x8b)
		*ret = CONTAINER_GZIP;
	else if (is_zstd(magic, n))
		*ret = CONTAINER_ZSTD;
	else if (n >= 6 && !memcmp(magic, "\xfd\x37zXZ\0", 6))
		*ret = CONTAINER_XZ;
	else if (n >= 4 && !memcmp(magic, "\x04\x22\x4d\x18", 4))
		*ret = CONTAINER_LZ4;
	return NO_ERR;
}

static struct err map(int fd, struct container *c)
{
	struct file_map m;
	TRY(file_map_fd(fd, &m));
	c->bytes = m.bytes;
	c->size = m.size;
	c->fd = m.bytes ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	return NO_ERR;
}

/* Unpacks into the sink and maps it. Whatever ends the unpacking early, what is there is kept. */
static struct err unpack(struct source *in, struct sink *out, struct container *c)
{
	struct err why = NO_ERR;
	switch (c->kind) {
	case CONTAINER_PLAIN:
		why = unpack_nothing(in, out);
		break;
	case CONTAINER_GZIP:
		why = unpack_gzip(in, out);
		break;
	case CONTAINER_ZSTD:
		why = unpack_zstd(in, out);
		break;
	case CONTAINER_XZ:
		why = unpack_xz(in, out);
		break;
	case CONTAINER_LZ4:
		why = unpack_lz4(in, out);
		break;
	}
	struct err last = sink_flush(out);
	if (!failed(why))
		why = last;
	TRY(sink_finish(out));
	log_debug("unpacked to %" PRIu64 " bytes, %" PRIu64 " on disk", out->size, out->on_disk);
	if (failed(why) && out->size == 0)
		return why.code == ERR_TRUNCATED ? err_of(ERR_CORRUPT, why.what) : why;
	c->cut = failed(why);
	c->cut_why = why;
	c->in_ram = out->in_ram;
	return map(out->fd, c);
}

/* Into a temporary file, which is then mapped. */
static struct err spool(struct source *in, const struct container_options *opt, struct container *c)
{
	struct sink out;
	TRY(sink_open(&out, opt->tmpdir));
	out.limit = opt->tmp_limit;
	out.progress = opt->progress;
	out.source = in;
	struct err e = unpack(in, &out, c);
	sink_close(&out);
	return e;
}

static struct err open_packed(
	const struct opened *f, const struct container_options *opt, struct container *c)
{
	struct source in;
	source_init(&in, f->fd, f->size);
	struct err e = spool(&in, opt, c);
	source_fini(&in);
	return e;
}

static struct err open_any(
	const struct opened *f, const struct container_options *opt, struct container *ret)
{
	struct container c = { .fd = -1, .mtime = f->mtime, .uid = f->uid, .gid = f->gid };
	uint8_t magic[MAGIC_MAX];
	ssize_t n = pread(f->fd, magic, sizeof(magic), 0);
	if (n < 0)
		return err_sys("read");
	TRY(recognise(magic, (size_t)n, &c.kind));
	if (c.kind == CONTAINER_PLAIN)
		TRY(map(f->fd, &c));
	else
		TRY(open_packed(f, opt, &c));
	*ret = c;
	return NO_ERR;
}

/* What comes through a pipe is told by its beginning, too. */
static struct err open_pipe(int fd, const struct container_options *opt, struct container *c)
{
	struct source in;
	source_init(&in, fd, 0);
	struct err e = source_begin(&in, MAGIC_MAX);
	uint8_t magic[MAGIC_MAX] = { 0 };
	size_t n = in.left < sizeof(magic) ? in.left : sizeof(magic);
	if (n)
		memcpy(magic, in.next, n);
	if (!failed(e))
		e = recognise(magic, n, &c->kind);
	if (!failed(e) && n)
		e = spool(&in, opt, c);
	source_fini(&in);
	return e;
}

static struct err open_standard_input(const struct container_options *opt, struct container *ret)
{
	struct stat st;
	if (fstat(STDIN_FILENO, &st) < 0)
		return err_sys("standard input");
	if (S_ISREG(st.st_mode)) {
		struct opened f = { .fd = STDIN_FILENO,
			.size = (uint64_t)st.st_size,
			.mtime = st.st_mtim,
			.uid = st.st_uid,
			.gid = st.st_gid };
		return open_any(&f, opt, ret);
	}
	if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode))
		return err_of(ERR_UNSUPPORTED, "standard input is neither a file nor a pipe");
	struct container c = {
		.fd = -1, .mtime = { .tv_sec = NO_TIME }, .uid = st.st_uid, .gid = st.st_gid
	};
	TRY(open_pipe(STDIN_FILENO, opt, &c));
	*ret = c;
	return NO_ERR;
}

struct err container_open(
	const char *path, const struct container_options *opt, struct container *ret)
{
	static const struct container_options defaults;
	struct opened f;
	if (!strcmp(path, "-"))
		return open_standard_input(opt ? opt : &defaults, ret);
	TRY(opener_open(path, OPEN_NAMED_BY_USER, &f));
	struct err e = open_any(&f, opt ? opt : &defaults, ret);
	close(f.fd);
	return e;
}

void container_close(struct container *c)
{
	if (!c)
		return;
	if (c->bytes)
		munmap((void *)c->bytes, c->size);
	if (c->bytes && c->fd >= 0)
		close(c->fd);
	*c = (struct container){ .fd = -1 };
}
