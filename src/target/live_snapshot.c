/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy of all that a process can write, made while it is stopped, so that it can go on while the
 * copy is looked at. What it never touched is not copied, and reads as zeros.
 *
 * Room is made, and faulted in, before the stop; what the process has mapped in the meantime gets
 * its room during it.
 */
#include "live.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"
#include "pycore/log.h"
#include "pycore/opener.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum { PAGE = 4096, BATCH = 16 * 1024 * 1024, SPARE = 64 * 1024 * 1024 };

/* Stretches of pages with content, of one range. */
typedef void stretch_fn(void *ctx, uint64_t start, uint64_t end);

static bool is_wanted(const struct mem_range *r)
{
	return r->readable && r->perm & MEM_WRITE;
}

/* What is a mapped file's has content even where it was never touched. */
static void each_stretch(struct target *t, const struct mem_range *r, stretch_fn *each, void *ctx)
{
	struct mem_run run = { .end = r->start };
	if (target_image_at(t, r->start)) {
		each(ctx, r->start, r->end);
		return;
	}
	while (mem_next_touched(&t->live->mem.base, run.end, r->end, &run))
		each(ctx, run.start, run.end);
}

/* What is to be copied, and where to. */
struct copy {
	struct target *t;
	uint64_t bytes; /* with content */
	struct mem_range range; /* at hand, and its room */
	uint8_t *room;
	uint64_t lost; /* bytes that could not be read */
};

static void add_up(void *ctx, uint64_t start, uint64_t end)
{
	((struct copy *)ctx)->bytes += end - start;
}

static void fault_in(void *ctx, uint64_t start, uint64_t end)
{
	const struct copy *c = ctx;
	/* of no consequence where the kernel does not know it */
	(void)madvise(c->room + (start - c->range.start), end - start, MADV_POPULATE_WRITE);
}

/* In batches, which the kernel copies once; single reads go through a page of its own. */
static void copy_stretch(void *ctx, uint64_t start, uint64_t end)
{
	struct copy *c = ctx;
	struct mem_live *live = &c->t->live->mem;
	mem_snapshot_touch(&c->t->live->snapshot, start, end);
	uint8_t *to = c->room + (start - c->range.start);
	for (uint64_t at = start, n; at < end; at += n, to += n) {
		n = end - at < BATCH ? end - at : BATCH;
		struct mem_piece piece = { .addr = at, .buf = to, .n = n };
		mem_live_read_batch(live, &piece, 1);
		for (uint64_t done = 0; !piece.done && done < n; done += PAGE) {
			if (failed(mem_read(&live->base, at + done, to + done, PAGE)))
				c->lost += PAGE;
		}
	}
}

static void each_range(struct copy *c, stretch_fn *each, bool rooms)
{
	struct target_live *live = c->t->live;
	struct mem_range r = { 0 };
	while (mem_next_range(&live->mem.base, r.end, &r)) {
		if (!is_wanted(&r))
			continue;
		c->range = r;
		c->room =
			rooms ? mem_snapshot_room(&live->snapshot, r.start, r.end - r.start) : NULL;
		if (!rooms || c->room)
			each_stretch(c->t, &r, each, c);
		else
			c->lost += r.end - r.start;
	}
}

/* Bytes that this machine can still give; UINT64_MAX: not known. */
static uint64_t memory_available(const struct target_live *live)
{
	AUTO_FREE char *path = xasprintf("%s/meminfo", live->proc);
	AUTO_FREE char *text = NULL;
	size_t len;
	if (failed(opener_slurp(path, PAGE, &text, &len)))
		return UINT64_MAX;
	const char *row = strstr(text, "MemAvailable:");
	return row ? strtoull(row + strlen("MemAvailable:"), NULL, 10) * 1024 : UINT64_MAX;
}

static struct err check_room(const struct copy *c, struct str *why)
{
	uint64_t available = memory_available(c->t->live);
	if (available == UINT64_MAX || c->bytes + SPARE <= available)
		return NO_ERR;
	str_addf(why,
		"the process has %" PRIu64
		" MiB that would have to be copied, and this machine has "
		"%" PRIu64 " MiB to spare; use --in-place to count it while it is stopped, or take "
		"a core and survey that",
		c->bytes >> 20, available >> 20);
	return err_of(ERR_LIMIT, "copy of the memory");
}

static struct err copy_stopped(struct copy *c, struct str *why)
{
	TRY(target_stop(c->t, why));
	struct err e = live_read_ranges(c->t);
	if (!failed(e))
		each_range(c, copy_stretch, true);
	target_resume(c->t);
	return e;
}

struct err live_take_snapshot(struct target *t, struct str *why)
{
	struct target_live *live = t->live;
	struct copy c = { .t = t };
	live_open_pagemap(live);
	t->mem = &live->cache.base;
	mem_snapshot_fini(&live->snapshot);
	mem_snapshot_init(&live->snapshot, &live->mem.base);
	each_range(&c, add_up, false);
	TRY(check_room(&c, why));
	each_range(&c, fault_in, true);
	log_debug("%" PRIu64 " MiB to be copied", c.bytes >> 20);
	TRY(copy_stopped(&c, why));
	log_debug("copied");
	t->mem = &live->snapshot.base;
	if (c.lost)
		problems_damagef(
			&t->problems, "memory", "%" PRIu64 " bytes could not be copied", c.lost);
	if (t->nonblocking)
		problems_damagef(&t->problems, "memory",
			"was copied while the process ran, so its parts are of different moments");
	return NO_ERR;
}
