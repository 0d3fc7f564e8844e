/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct mem: a memory source, bytes at an address of the target.
 *
 * Fillings: core file, live process, file overlay, page cache, test buffer. They stack: a source
 * may read through another below it. Sources are read-only and single-threaded.
 */
#pragma once

#include "pycore/alloc.h"
#include "pycore/bytes.h"
#include "pycore/elfcore.h"
#include "pycore/err.h"
#include "pycore/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum mem_perm {
	MEM_READ = 1,
	MEM_WRITE = 2,
	MEM_EXEC = 4,
};

/* One mapped range, [start, end). */
struct mem_range {
	uint64_t start, end;
	unsigned perm; /* enum mem_perm, or'ed */
	bool readable; /* its bytes can be had here: saved in the core, or supplied by a file */
};

/* [start, end) */
struct mem_run {
	uint64_t start, end;
};

struct mem;

struct mem_ops {
	const char *name;
	/* All n bytes or an error whose addr is the first byte that could not be had; buf is then
	 * undefined. n > 0, and addr + n does not wrap. */
	struct err (*read)(struct mem *m, uint64_t addr, void *buf, size_t n);
	/* Where the source holds these bytes in one piece of its own memory, valid until the source
	 * is closed or invalidated; NULL where it cannot. NULL op: never can. */
	const void *(*view)(struct mem *m, uint64_t addr, size_t n);
	/* The first range that ends above `from`; ranges ascend and never overlap. */
	bool (*next_range)(struct mem *m, uint64_t from, struct mem_range *ret);
	/* See mem_next_touched(). NULL op: it cannot tell. */
	bool (*next_touched)(struct mem *m, uint64_t from, uint64_t end, struct mem_run *ret);
};

/* Embedded as first member in every source. */
struct mem {
	const struct mem_ops *ops;
	enum byte_order order;
	unsigned ptr_size; /* bytes of a pointer: 4 or 8 */
};

/* All n bytes at addr, or an error. n may be 0. Never reads across the end of the address space. */
struct err mem_read(struct mem *m, uint64_t addr, void *buf, size_t n);
const void *mem_view(struct mem *m, uint64_t addr, size_t n);
/* All of this will be looked at soon: where it can be viewed, its pages are made present at once,
 * which takes less time than a fault for some of them after the other. */
void mem_expect(struct mem *m, uint64_t addr, size_t n);
bool mem_next_range(struct mem *m, uint64_t from, struct mem_range *ret);
/* The first run of [from, end), of whole pages but for its ends, that was ever written to, as far
 * as the source can tell; false: there is none. What lies between is zeros, or content of a mapped
 * file. For ranges that are large and mostly empty. */
bool mem_next_touched(struct mem *m, uint64_t from, uint64_t end, struct mem_run *ret);
/* The range that holds addr; false when nothing is mapped there. */
bool mem_range_at(struct mem *m, uint64_t addr, struct mem_range *ret);

/* Whether all of [addr, addr + n) is mapped, whether its bytes can be had or not. */
bool mem_maps(struct mem *m, uint64_t addr, uint64_t n);

/* For sources that keep a list of ranges, ascending: the first one that ends above `from`. */
bool mem_range_above(
	const struct mem_range *list, size_t len, uint64_t from, struct mem_range *ret);

/* One unsigned integer of 1, 2, 4 or 8 bytes, or one pointer, in the target's byte order. */
struct err mem_uint(struct mem *m, uint64_t addr, unsigned size, uint64_t *ret);
struct err mem_ptr(struct mem *m, uint64_t addr, uint64_t *ret);
/* A NUL-terminated string of at most max - 1 bytes into buf (max > 0); a longer one is cut,
 * NUL-terminated, and *ret_cut (may be NULL) says which. Reads no further than it must, so a string
 * may end with its mapping. On failure buf is "". */
struct err mem_cstr(struct mem *m, uint64_t addr, char *buf, size_t max, bool *ret_cut);

/* Core file: what its segments hold. `core` must outlive it. */
struct mem_core {
	struct mem base;
	const struct elfcore *core;
	int fd; /* of its bytes, where holes can be told; -1: there is none */
	size_t last; /* index of the range that was hit last */
};
/* fd stays the caller's. */
void mem_core_init(struct mem_core *m, const struct elfcore *core, int fd);

/* Live process: /proc/PID/mem for single reads, process_vm_readv where that is refused. Ranges are
 * those of /proc/PID/maps when they were last loaded. */
struct mem_live {
	struct mem base;
	pid_t pid;
	int fd; /* /proc/PID/mem, -1 where it may not be opened */
	int pagemap; /* /proc/PID/pagemap, likewise */
	struct mem_range *ranges;
	size_t len, cap;
};
/* Takes over fd, and pagemap, which is -1 until the caller sets it. Byte order and pointer size are
 * those of the target's executable. */
void mem_live_init(struct mem_live *m, pid_t pid, int fd, enum byte_order order, unsigned ptr_size);
/* Adds a range behind all others (used by whoever parses the maps); clear to start anew. */
void mem_live_add_range(struct mem_live *m, struct mem_range r);
void mem_live_clear_ranges(struct mem_live *m);
void mem_live_fini(struct mem_live *m);

/* One piece in an iovec-like batch. */
struct mem_piece {
	uint64_t addr;
	void *buf;
	size_t n;
	bool done; /* out: buf holds the bytes */
};
/* Reads many pieces with few process_vm_readv calls, each falling back to single reads. */
void mem_live_read_batch(struct mem_live *m, struct mem_piece *pieces, size_t n);

/*
 * Overlay: `below`, and where it has an address mapped but not its bytes, those of a file. Files
 * are opened and matched by the caller; this opens nothing.
 */
struct mem_overlay {
	struct mem base;
	struct mem *below;
	struct mem_overlay_piece {
		uint64_t start;
		const uint8_t *bytes;
		size_t n;
	} * pieces; /* ascending once sorted */
	size_t len, cap;
	bool sorted;
	size_t last; /* index of the piece that was hit last */
	bool (*supply)(void *ctx, uint64_t addr);
	void *supply_ctx;
};
void mem_overlay_init(struct mem_overlay *m, struct mem *below);
/* When a read meets an address without bytes, supply() may add pieces for it; it returns true if it
 * did. */
void mem_overlay_on_demand(struct mem_overlay *m, bool supply(void *ctx, uint64_t addr), void *ctx);
/* [start, start + n) of the target shows `bytes`, which must outlive the overlay. Pieces should not
 * overlap; where they do, the one that starts later hides the other from there on. Only bytes that
 * `below` says are not saved or truncated are supplied. */
void mem_overlay_add(struct mem_overlay *m, uint64_t start, const uint8_t *bytes, size_t n);
void mem_overlay_fini(struct mem_overlay *m);

/*
 * Page cache: remembers every page of 4096 bytes that was read through it, and which could not be
 * had, so that a second look costs no system call and sees the same bytes, also after the target
 * was resumed (a recording). A read of several pages fetches them with one read of `below`.
 */
struct mem_cache {
	struct mem base;
	struct mem *below;
	struct hash pages; /* page address -> struct mem_page */
	struct arena heads; /* what is known of each page */
	struct mem_chunk *used, *unused; /* room for their bytes */
	uint8_t *spare; /* what is left of the room used last */
	size_t spare_pages;
	const struct mem_page *last; /* the page that was hit last */
	uint64_t page_reads; /* how many pages were fetched: for --debug and tests */
	bool sealed; /* only what was recorded is answered, all else is ERR_GONE */
	struct mem_range *ranges; /* those of `below` when it was sealed */
	size_t n_ranges, cap_ranges;
};
void mem_cache_init(struct mem_cache *m, struct mem *below);
/* Forgets all pages, and keeps their room: what is read next is read anew. Views become invalid. */
void mem_cache_clear(struct mem_cache *m);
/* Has room ready for so many pages, so that reading them costs no page fault: before a process is
 * stopped. */
void mem_cache_reserve(struct mem_cache *m, size_t pages);
/* From now on answers only from what was recorded: `below` may move on or end. Ranges stay as they
 * are now. mem_cache_clear() unseals. */
void mem_cache_seal(struct mem_cache *m);
void mem_cache_fini(struct mem_cache *m);

/* Snapshot: copies of ranges of `below`, which answers for everything else. Whoever makes it fills
 * the copies, which are zeros at first. */
struct mem_snapshot {
	struct mem base;
	struct mem *below;
	struct mem_snapshot_run {
		uint64_t start, n;
		uint8_t *bytes;
	} * runs; /* ascending, apart from each other */
	size_t len, cap;
	struct mem_range *touched; /* what of them was copied; ascending */
	size_t n_touched, cap_touched;
};
void mem_snapshot_init(struct mem_snapshot *m, struct mem *below);
/* Room for [start, start + n), which must not overlap another; NULL: there is not enough memory. It
 * takes memory only as it is written to. */
uint8_t *mem_snapshot_add(struct mem_snapshot *m, uint64_t start, uint64_t n);
/* Forgets the copies that overlap [start, end). */
void mem_snapshot_drop(struct mem_snapshot *m, uint64_t start, uint64_t end);
/* The copy of that very range; made anew, and those that overlap it forgotten, if there is none.
 * NULL: there is not enough memory. */
uint8_t *mem_snapshot_room(struct mem_snapshot *m, uint64_t start, uint64_t n);
/* Notes, in ascending order, that [start, end) of a copy is being filled. */
void mem_snapshot_touch(struct mem_snapshot *m, uint64_t start, uint64_t end);
void mem_snapshot_fini(struct mem_snapshot *m);

/*
 * On demand: shows each range of `below` in one piece, and has of it only the parts that were
 * looked at last, at most `limit` bytes. Room that has no bytes yet may not be touched (PROT_NONE);
 * the signal of a touch (SIGSEGV) brings them. So views stay valid although what they show comes
 * and goes: `below` must not change meanwhile. What cannot be read shows as zeros and is counted.
 * There can be one at a time in a process; copies of it in forked processes work.
 */
struct mem_demand {
	struct mem base;
	struct mem *below;
	struct mem_demand_room {
		uint64_t start, n;
		uint8_t *bytes;
	} * rooms; /* of ranges that were viewed */
	size_t len, cap;
	uint8_t **filled; /* parts that have bytes, a ring of max */
	size_t n_filled, oldest, max;
	uint64_t lost; /* bytes that could not be read */
};
void mem_demand_init(struct mem_demand *m, struct mem *below, uint64_t limit);
/* Gives everything back; from then on whatever is asked of it is ERR_GONE. */
void mem_demand_end(struct mem_demand *m);

/* Test buffer: up to 8 runs of host bytes, which must not overlap and must outlive it. `bytes`
 * NULL: mapped, but not saved. */
struct mem_buf {
	struct mem base;
	struct mem_buf_run {
		uint64_t start;
		const void *bytes;
		size_t n;
		unsigned perm;
	} runs[8]; /* ascending */
	size_t len;
};
void mem_buf_init(struct mem_buf *m, enum byte_order order, unsigned ptr_size);
void mem_buf_add(struct mem_buf *m, uint64_t start, const void *bytes, size_t n, unsigned perm);
