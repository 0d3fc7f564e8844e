/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip (RFC 1952), whose file is a series of members, through zlib; zstd (RFC 8878), a series of
 * frames, through libzstd. Tools append members and frames, and pad files with zeros.
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

/* Behind what is left, which begins where the buffer does. */
static struct err read_more(struct source *s)
{
	ssize_t n;
	do {
		n = read(s->fd, s->buffer + s->left, SOURCE_BUFFER - s->left);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys("compressed file");
	s->ended = n == 0;
	s->next = s->buffer;
	s->left += (size_t)n;
	s->done += (uint64_t)n;
	return NO_ERR;
}

struct err source_fill(struct source *s)
{
	return s->left || s->ended ? NO_ERR : read_more(s);
}

struct err source_begin(struct source *s, size_t n)
{
	while (s->left < n && !s->ended)
		TRY(read_more(s));
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

struct err unpack_frames(struct codec *c, struct source *in, struct sink *out)
{
	for (;;) {
		TRY(source_fill(in));
		if (c->between)
			source_skip_zeros(in);
		if (!in->left && in->ended && c->between)
			return NO_ERR;
		if (!in->left && !in->ended)
			continue;
		if (c->between)
			TRY(c->begin(c));
		TRY(c->step(c, in, out));
		if (out->len == SINK_BUFFER)
			TRY(sink_flush(out));
	}
}

struct err unpack_nothing(struct source *in, struct sink *out)
{
	for (;;) {
		TRY(source_fill(in));
		if (!in->left)
			return NO_ERR;
		size_t room = SINK_BUFFER - out->len, n = in->left < room ? in->left : room;
		memcpy(out->buffer + out->len, in->next, n);
		out->len += n;
		source_take(in, n);
		if (out->len == SINK_BUFFER)
			TRY(sink_flush(out));
	}
}

struct gzip {
	struct codec codec;
	z_stream z;
};

static struct err gzip_begin(struct codec *c)
{
	inflateReset(&((struct gzip *)c)->z);
	return NO_ERR;
}

static struct err gzip_step(struct codec *c, struct source *in, struct sink *out)
{
	z_stream *z = &((struct gzip *)c)->z;
	z->next_in = (Bytef *)in->next;
	z->avail_in = (uInt)in->left;
	z->next_out = out->buffer + out->len;
	z->avail_out = (uInt)(SINK_BUFFER - out->len);
	int status = inflate(z, Z_NO_FLUSH);
	bool idle = in->ended && z->avail_out == SINK_BUFFER - out->len;
	source_take(in, in->left - z->avail_in);
	out->len = SINK_BUFFER - z->avail_out;
	c->between = status == Z_STREAM_END;
	if (c->between)
		return NO_ERR;
	if (status != Z_OK && status != Z_BUF_ERROR)
		return unpack_damaged();
	return idle ? unpack_ended() : NO_ERR;
}

struct err unpack_gzip(struct source *in, struct sink *out)
{
	enum { ONLY_GZIP = 16 };
	struct gzip g = { .codec = { gzip_begin, gzip_step, true } };
	if (inflateInit2(&g.z, MAX_WBITS + ONLY_GZIP) != Z_OK)
		return err_of(ERR_SYS, "zlib");
	struct err e = unpack_frames(&g.codec, in, out);
	inflateEnd(&g.z);
	return e;
}

struct zstd {
	struct codec codec;
	ZSTD_DStream *z;
	size_t hint; /* what it wants next, about one block */
};

static struct err zstd_begin(struct codec *c)
{
	struct zstd *s = (struct zstd *)c;
	s->hint = ZSTD_initDStream(s->z);
	return NO_ERR;
}

static struct err zstd_failed(size_t status)
{
	if (ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge)
		return err_of(ERR_UNSUPPORTED,
			"zstd with a window over 128 MiB: unpack it first with zstd -d --long=31");
	return unpack_damaged();
}

/* Given no more than it wants: an error loses all that its call decoded, so small steps lose only
 * the bad block. */
static struct err zstd_step(struct codec *c, struct source *in, struct sink *out)
{
	struct zstd *s = (struct zstd *)c;
	ZSTD_inBuffer from = { .src = in->next, .size = in->left < s->hint ? in->left : s->hint };
	ZSTD_outBuffer to = { .dst = out->buffer, .size = SINK_BUFFER, .pos = out->len };
	size_t status = ZSTD_decompressStream(s->z, &to, &from);
	if (ZSTD_isError(status))
		return zstd_failed(status);
	source_take(in, from.pos);
	/* Nothing came in and nothing went out, although there was room: the data ended. */
	if (status && in->ended && to.pos == out->len)
		return unpack_ended();
	out->len = to.pos;
	s->hint = status;
	c->between = !status;
	return NO_ERR;
}

struct err unpack_zstd(struct source *in, struct sink *out)
{
	struct zstd s = { .codec = { zstd_begin, zstd_step, true }, .z = ZSTD_createDStream() };
	if (!s.z)
		return err_of(ERR_SYS, "zstd");
	struct err e = unpack_frames(&s.codec, in, out);
	ZSTD_freeDStream(s.z);
	return e;
}
