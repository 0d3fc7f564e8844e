/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two compressions: gzip (RFC 1952), whose file is a series of members, through zlib; zstd (RFC
 * 8878), a series of frames, through libzstd. Tools append members and frames, and pad files with
 * zeros.
 */
#include "unpack.h"

#include "pycore/alloc.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { SOURCE_BUFFER = 128 * 1024 };

void source_init(struct source *s, int fd, uint64_t size)
{
	*s = (struct source){ .fd = fd, .size = size, .buffer = xmalloc(SOURCE_BUFFER) };
}

void source_fini(struct source *s)
{
	free(s->buffer);
}

struct err source_fill(struct source *s)
{
	if (s->left || s->ended)
		return NO_ERR;
	ssize_t n;
	do {
		n = read(s->fd, s->buffer, SOURCE_BUFFER);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys("compressed file");
	s->ended = n == 0;
	s->next = s->buffer;
	s->left = (size_t)n;
	s->done += (uint64_t)n;
	return NO_ERR;
}

void source_take(struct source *s, size_t n)
{
	s->next += n;
	s->left -= n;
}

void source_skip_zeros(struct source *s)
{
	while (s->left && *s->next == 0)
		source_take(s, 1);
}

static struct err data_damaged(void)
{
	return err_of(ERR_CORRUPT, "compressed data");
}

static struct err data_ended(void)
{
	return err_of(ERR_TRUNCATED, "compressed data");
}

/* One step: as much as the buffers allow. */
static struct err gzip_step(z_stream *z, struct source *in, struct sink *out, bool *member_ended)
{
	z->next_in = (Bytef *)in->next;
	z->avail_in = (uInt)in->left;
	z->next_out = out->buffer + out->len;
	z->avail_out = (uInt)(SINK_BUFFER - out->len);
	int status = inflate(z, Z_NO_FLUSH);
	bool idle = in->ended && z->avail_out == SINK_BUFFER - out->len;
	source_take(in, in->left - z->avail_in);
	out->len = SINK_BUFFER - z->avail_out;
	*member_ended = status == Z_STREAM_END;
	if (*member_ended)
		return NO_ERR;
	if (status != Z_OK && status != Z_BUF_ERROR)
		return data_damaged();
	return idle ? data_ended() : NO_ERR;
}

static struct err gzip_members(z_stream *z, struct source *in, struct sink *out)
{
	bool between = true;
	for (;;) {
		TRY(source_fill(in));
		if (between)
			source_skip_zeros(in);
		if (!in->left && in->ended && between)
			return NO_ERR;
		if (!in->left && !in->ended)
			continue;
		if (between)
			inflateReset(z);
		TRY(gzip_step(z, in, out, &between));
		if (out->len == SINK_BUFFER)
			TRY(sink_flush(out));
	}
}

struct err unpack_gzip(struct source *in, struct sink *out)
{
	enum { ONLY_GZIP = 16 };
	z_stream z = { 0 };
	if (inflateInit2(&z, MAX_WBITS + ONLY_GZIP) != Z_OK)
		return err_of(ERR_SYS, "zlib");
	struct err e = gzip_members(&z, in, out);
	inflateEnd(&z);
	return e;
}

static struct err zstd_failed(size_t status)
{
	if (ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge)
		return err_of(ERR_UNSUPPORTED,
			"zstd with a window over 128 MiB: unpack it first with zstd -d --long=31");
	return data_damaged();
}

/*
 * One step, given no more than *hint bytes: what zstd wants next, about one block. An error loses
 * all that its call decoded, so small steps lose only the bad block. *hint becomes 0 between
 * frames.
 */
static struct err zstd_step(ZSTD_DStream *z, struct source *in, struct sink *out, size_t *hint)
{
	ZSTD_inBuffer from = { .src = in->next, .size = in->left < *hint ? in->left : *hint };
	ZSTD_outBuffer to = { .dst = out->buffer, .size = SINK_BUFFER, .pos = out->len };
	size_t status = ZSTD_decompressStream(z, &to, &from);
	if (ZSTD_isError(status))
		return zstd_failed(status);
	source_take(in, from.pos);
	/* Nothing came in and nothing went out, although there was room: the data ended. */
	if (status && in->ended && to.pos == out->len)
		return data_ended();
	out->len = to.pos;
	*hint = status;
	return NO_ERR;
}

static struct err zstd_frames(ZSTD_DStream *z, struct source *in, struct sink *out)
{
	size_t hint = 0;
	for (;;) {
		TRY(source_fill(in));
		if (!hint)
			source_skip_zeros(in);
		if (!in->left && in->ended && !hint)
			return NO_ERR;
		if (!in->left && !in->ended)
			continue;
		if (!hint)
			hint = ZSTD_initDStream(z);
		TRY(zstd_step(z, in, out, &hint));
		if (out->len == SINK_BUFFER)
			TRY(sink_flush(out));
	}
}

struct err unpack_zstd(struct source *in, struct sink *out)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	if (!z)
		return err_of(ERR_SYS, "zstd");
	struct err e = zstd_frames(z, in, out);
	ZSTD_freeDStream(z);
	return e;
}
