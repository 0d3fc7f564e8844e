/* SPDX-License-Identifier: Apache-2.0 */
/* xz (https://tukaani.org/xz/xz-file-format.txt), a series of streams, through liblzma. */
#include "unpack.h"

#include <lzma.h>

struct xz {
	struct codec codec;
	lzma_stream z;
};

enum { MEMORY_MAX = 256 * 1024 * 1024 }; /* of the decoder; xz -9 needs 65 MiB */

static struct err xz_begin(struct codec *c)
{
	lzma_ret status = lzma_stream_decoder(&((struct xz *)c)->z, MEMORY_MAX, 0);
	return status == LZMA_OK ? NO_ERR : err_of(ERR_SYS, "liblzma");
}

static struct err xz_step(struct codec *c, struct source *in, struct sink *out)
{
	lzma_stream *z = &((struct xz *)c)->z;
	z->next_in = in->next;
	z->avail_in = in->left;
	z->next_out = out->buffer + out->len;
	z->avail_out = SINK_BUFFER - out->len;
	lzma_ret status = lzma_code(z, LZMA_RUN);
	bool idle = in->ended && z->avail_out == SINK_BUFFER - out->len;
	source_take(in, in->left - z->avail_in);
	out->len = SINK_BUFFER - z->avail_out;
	c->between = status == LZMA_STREAM_END;
	if (c->between)
		return NO_ERR;
	if (status == LZMA_MEMLIMIT_ERROR)
		return err_of(ERR_UNSUPPORTED,
			"xz with a dictionary that needs over 256 MiB: unpack it first with xz -dk "
			"FILE");
	if (status != LZMA_OK && status != LZMA_BUF_ERROR)
		return unpack_damaged();
	return idle ? unpack_ended() : NO_ERR;
}

struct err unpack_xz(struct source *in, struct sink *out)
{
	struct xz x = { .codec = { xz_begin, xz_step, true }, .z = LZMA_STREAM_INIT };
	struct err e = unpack_frames(&x.codec, in, out);
	lzma_end(&x.z);
	return e;
}
