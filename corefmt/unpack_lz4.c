/* SPDX-License-Identifier: Apache-2.0 */
/* lz4 (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md), a series of frames, through
 * liblz4 where that is installed: nothing else of pycore needs it. */
#include "unpack.h"

#include <dlfcn.h>
#include <lz4frame.h>

struct lz4 {
	struct codec codec;
	LZ4F_dctx *z;
	void *library;
	LZ4F_errorCode_t (*create)(LZ4F_dctx **ret, unsigned version);
	LZ4F_errorCode_t (*destroy)(LZ4F_dctx *z);
	size_t (*decompress)(LZ4F_dctx *z, void *to, size_t *to_size, const void *from,
		size_t *from_size, const LZ4F_decompressOptions_t *opt);
	unsigned (*is_error)(LZ4F_errorCode_t code);
	void (*reset)(LZ4F_dctx *z);
};

static bool load(struct lz4 *l)
{
	l->library = dlopen("liblz4.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!l->library)
		return false;
	*(void **)&l->create = dlsym(l->library, "LZ4F_createDecompressionContext");
	*(void **)&l->destroy = dlsym(l->library, "LZ4F_freeDecompressionContext");
	*(void **)&l->decompress = dlsym(l->library, "LZ4F_decompress");
	*(void **)&l->is_error = dlsym(l->library, "LZ4F_isError");
	*(void **)&l->reset = dlsym(l->library, "LZ4F_resetDecompressionContext");
	return l->create && l->destroy && l->decompress && l->is_error && l->reset &&
	       !l->is_error(l->create(&l->z, LZ4F_VERSION));
}

static void unload(struct lz4 *l)
{
	if (l->z)
		l->destroy(l->z);
	if (l->library)
		dlclose(l->library);
}

static struct err lz4_begin(struct codec *c)
{
	struct lz4 *l = (struct lz4 *)c;
	l->reset(l->z);
	return NO_ERR;
}

static struct err lz4_step(struct codec *c, struct source *in, struct sink *out)
{
	struct lz4 *l = (struct lz4 *)c;
	size_t written = SINK_BUFFER - out->len, taken = in->left;
	size_t status =
		l->decompress(l->z, out->buffer + out->len, &written, in->next, &taken, NULL);
	if (l->is_error(status))
		return unpack_damaged();
	source_take(in, taken);
	out->len += written;
	c->between = !status;
	return status && in->ended && !taken && !written ? unpack_ended() : NO_ERR;
}

struct err unpack_lz4(struct source *in, struct sink *out)
{
	struct lz4 l = { .codec = { lz4_begin, lz4_step, true } };
	struct err e = err_of(ERR_UNSUPPORTED,
		"this file is compressed by lz4, and liblz4.so.1 is not on this machine: unpack it "
		"first with lz4 -d FILE core");
	if (load(&l))
		e = unpack_frames(&l.codec, in, out);
	unload(&l);
	return e;
}
