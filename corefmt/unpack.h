/* SPDX-License-Identifier: Apache-2.0 */
/* How the files of the container share one unpacking: a source of packed bytes, a sparse sink. */
#pragma once

#include "pycore/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* The packed file, read in order through a buffer. */
struct source {
	int fd;
	uint64_t size, done; /* bytes of the file, and how many were read into the buffer */
	const uint8_t *next; /* unread bytes of the buffer */
	size_t left;
	bool ended;
	uint8_t *buffer;
};
void source_init(struct source *s, int fd, uint64_t size);
/* Fills the buffer if it is empty. At the end of the file, `left` stays 0. */
struct err source_fill(struct source *s);
/* The first n bytes at least into the buffer, before anything was taken; fewer if the file ends. */
struct err source_begin(struct source *s, size_t n);
void source_take(struct source *s, size_t n);
void source_skip_zeros(struct source *s); /* of what is in the buffer */
void source_fini(struct source *s);

enum { SINK_BUFFER = 256 * 1024, SINK_BLOCK = 4096 };

/* The temporary file. Blocks of zeros become holes. */
struct sink {
	int fd;
	bool in_ram;
	uint8_t *buffer; /* SINK_BUFFER bytes, of which `len` wait to be written */
	size_t len;
	uint64_t size; /* bytes written or skipped before the buffer */
	uint64_t on_disk; /* bytes written */
	uint64_t limit; /* for on_disk; 0: none */
	uint64_t checked; /* on_disk may grow to this before the free space is looked at again */

	const struct source *source; /* for the progress */
	void (*progress)(uint64_t unpacked_bytes, unsigned percent_read, bool done);
	bool progress_shown;
	struct timespec progress_due;
};
/* Opens an unlinked temporary file in `dir`, NULL for the usual place. */
struct err sink_open(struct sink *s, const char *dir);
/* Writes what the buffer holds. An error leaves `size` at what could be written. */
struct err sink_flush(struct sink *s);
/* Sets the file's length, and ends the progress. */
struct err sink_finish(struct sink *s);
void sink_close(struct sink *s);

/* A compression whose files are series of frames. */
struct codec {
	struct err (*begin)(struct codec *c); /* a frame */
	/* As much as the buffers allow; sets `between`. */
	struct err (*step)(struct codec *c, struct source *in, struct sink *out);
	bool between; /* no frame has begun, or the last one has ended */
};
struct err unpack_frames(struct codec *c, struct source *in, struct sink *out);

static inline struct err unpack_damaged(void)
{
	return err_of(ERR_CORRUPT, "compressed data");
}

static inline struct err unpack_ended(void)
{
	return err_of(ERR_TRUNCATED, "compressed data");
}

/* All of the source as it is: of what cannot be mapped. */
struct err unpack_nothing(struct source *in, struct sink *out);
/* Unpack all of the source. An error is the reason why the sink holds less than everything. */
struct err unpack_gzip(struct source *in, struct sink *out);
struct err unpack_zstd(struct source *in, struct sink *out);
struct err unpack_xz(struct source *in, struct sink *out);
/* ERR_UNSUPPORTED, with the command that unpacks it: liblz4 is not on this machine. */
struct err unpack_lz4(struct source *in, struct sink *out);
