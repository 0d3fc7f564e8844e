/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap of one Python: every block of memory that its allocators have given out, and which of
 * them hold objects.
 *
 * A walk hands out batches of blocks, in ascending order within each kind of place, so that the
 * same memory always yields the same sequence. It reads in bulk, keeps nothing of a block after its
 * batch, and needs room for arenas and types only, never for objects.
 */
#pragma once

#include "pycore/err.h"
#include "pycore/python.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a type says of how its objects lie in memory. Types are numbered as they are met. */
struct heap_type {
	uint64_t addr, flags; /* tp_flags */
	uint32_t basicsize, itemsize;
	uint32_t lead; /* bytes in front of an object: its GC head and what stands before that */
	uint32_t
		least; /* bytes of its smallest objects, which some leave the last members out of */
};

enum { HEAP_NO_TYPE = UINT32_MAX };

enum heap_place {
	HEAP_IN_POOL, /* a block of pymalloc, of at most POOL_BLOCK_MAX bytes */
	HEAP_IN_NUMBERS, /* a slot of 2.7's blocks of ints and floats */
	HEAP_IN_PAGE, /* a block of mimalloc, in free-threaded builds */
	HEAP_IN_CHUNK, /* a chunk of the C library's malloc */
	HEAP_REFERRED, /* what references lead to, in memory of an allocator that is not known */
	HEAP_IN_IMAGE, /* a static variable */
	HEAP_PLACES,
};

enum heap_state {
	HEAP_OBJECT, /* a live object */
	HEAP_DEAD, /* an object without references: kept for reuse, or about to be freed */
	HEAP_OTHER, /* memory that holds no object: bodies of objects, and whatever C keeps */
};

struct heap_block {
	uint64_t addr; /* of the block; of an object: addr + lead */
	uint64_t size; /* bytes that its user can have */
	uint64_t room; /* bytes of memory that it takes, with what the allocator adds */
	const uint8_t *bytes; /* the first n_bytes of it, until the next batch */
	uint32_t n_bytes;
	uint32_t type; /* number of its type; HEAP_NO_TYPE: it is no object */
	uint32_t lead; /* bytes of the block in front of the object */
	enum heap_state state;
};

struct heap_batch {
	enum heap_place place;
	const struct heap_block *list;
	size_t n;
};

/* So far behind the bytes of a block are probably some of the next batch: whoever looks at many may
 * have them fetched meanwhile. */
enum { HEAP_AHEAD = 16 * 1024 };

enum { POOL_BLOCK_MAX = 512, POOL_CLASSES = 64 };

/* What the walk has seen so far of pymalloc. Bytes. */
struct heap_pools {
	uint64_t arenas, arena_bytes;
	uint64_t used, free, virgin; /* pools: with blocks in use, emptied, never divided */
	uint64_t torn; /* whose free list contradicts their count */
	uint64_t unread, lost; /* of these: with a head that cannot be one; not in the core */
	uint64_t blocks, counted; /* in use: by their free lists; by the pools' own counts */
	uint64_t block_bytes, free_bytes; /* of blocks in use, and of those that are free in used
					     pools */
	uint64_t pool_bytes; /* size of one pool */
	uint64_t by_use[10]; /* arenas by tenths of them that are blocks in use */
	struct heap_class {
		uint32_t size;
		uint64_t pools, used, free; /* free: blocks in pools that are in use */
	} classes[POOL_CLASSES];
};

/* Heaps that free-threaded Pythons have in each thread: memory, objects, those of the GC, and those
 * with two words in front. */
enum { PAGE_HEAPS = 4 };
/* "memory"; number: below PAGE_HEAPS. */
const char *heap_page_kind_name(unsigned number);

/* What the walk has seen so far of mimalloc. Bytes. */
struct heap_pages {
	uint64_t segments, segment_bytes;
	uint64_t head_bytes, unused_bytes; /* of segments: what describes them; what is in no page
					    */
	uint64_t reserved_bytes, untouched_bytes; /* kept for segments to come; of that, never
						     written to */
	uint64_t used, free; /* pages: with blocks in use, emptied */
	uint64_t page_bytes, empty_bytes; /* of these */
	uint64_t torn; /* pages whose free lists contradict their count */
	uint64_t unread, lost; /* of these: with a head that cannot be one; not in the core: pages,
				  and segments */
	uint64_t lost_bytes; /* of blocks that are not in the core */
	uint64_t blocks, counted; /* in use: by their free lists; by the pages' own counts */
	uint64_t freed, freed_bytes; /* of these: freed, but not given back to their pages yet */
	uint64_t block_bytes, free_bytes; /* of the other blocks in use; of those that are free in
					     used pages */
	bool heaps_known; /* the heaps of the threads were found, so these are: */
	uint64_t heap_pages; /* pages by the heaps' own counts, */
	uint64_t abandoned; /* those of threads that have ended, */
	uint64_t in_segments; /* and all by the segments' */
	struct heap_page_kind {
		uint64_t pages, page_bytes, used, used_bytes; /* used: blocks */
	} kinds[PAGE_HEAPS];
};

enum { HEAP_SIZE_BITS = 64 };
/* What the walk has seen so far of malloc's chunks. Bytes, with their heads. */
struct heap_chunks {
	uint64_t used_bytes, free_bytes;
	uint64_t largest_free;
	struct heap_chunk_sizes {
		uint64_t used, free, used_bytes, free_bytes;
	} sizes[HEAP_SIZE_BITS + 1]; /* by the bits of their sizes: [10] has 512 to 1023 bytes */
	uint64_t untouched; /* bytes that belong to no known allocator, or to what a heap of
			       malloc's has given back, and were never written to since */
	uint64_t torn; /* heaps whose chunks cannot be followed to the end */
};

/* What the walk has seen so far of memory that no known allocator has. */
struct heap_referred {
	bool searched; /* it has objects; all that references lead to were looked for */
	uint64_t objects;
	uint64_t body_bytes; /* of tables of dicts, lists, sets and deques in it */
};

/* Objects that Python keeps for reuse, and the like: they are given out, and hold nothing. */
struct heap_free_list {
	const char *name; /* literal: "float", "tuple of 3" */
	uint64_t count;
	uint64_t bytes; /* with their GC heads, without what the allocator adds */
};

struct heap_walk;

/*
 * Begins a walk over the heap of one runtime. ERR_UNSUPPORTED: a build whose allocators are not
 * known. What could not be found or is doubtful goes to the target's problems.
 */
struct err heap_walk_open(struct python *p, struct py_runtime *rt, struct heap_walk **ret);
void heap_walk_close(struct heap_walk *w); /* NULL is fine */

/*
 * Before the first blocks: this walk shall hand out only its part, 0 to parts - 1, of them. Each
 * block belongs to one part, and the same one in every run; so do the counts of heap_pools() and
 * its like. Part 0 has all places whose blocks are not divided.
 */
void heap_walk_divide(struct heap_walk *w, unsigned part, unsigned parts);
/* Bytes of memory that can be divided. */
uint64_t heap_walk_divisible(const struct heap_walk *w);

/* What a walk knows when it has walked its part, but for what is the same for all. It can be sent
 * to another process. */
struct heap_part {
	struct heap_pools pools;
	struct heap_pages pages;
	uint64_t tracked;
	bool types_full;
};
void heap_walk_part(const struct heap_walk *w, struct heap_part *ret);
/* Adds what another walk over the same heap knows of its part. */
void heap_walk_add_part(struct heap_walk *w, const struct heap_part *part);

/* The next blocks; false at the end. */
bool heap_walk_next(struct heap_walk *w, struct heap_batch *ret);

/* How many references an object at hand has, by its own count; one that lives forever has what its
 * version writes for that. */
uint32_t heap_refcount(const struct heap_walk *w, const struct heap_block *b);

/* How far it is, 0 to 1: roughly. */
double heap_walk_done(const struct heap_walk *w);

/* The types met so far; the list may move with the next batch. */
const struct heap_type *heap_types(const struct heap_walk *w, size_t *ret_n);
/* Whether there are more types than are kept. */
bool heap_types_full(const struct heap_walk *w);
const struct heap_pools *heap_pools(const struct heap_walk *w);
const struct heap_pages *heap_pages(const struct heap_walk *w);
const struct heap_chunks *heap_chunks(const struct heap_walk *w);
const struct heap_referred *heap_referred(const struct heap_walk *w);
/* Bytes of 2.7's blocks of ints and floats, which lie in chunks. */
uint64_t heap_number_bytes(const struct heap_walk *w);
/* Live objects met so far that the collector tracks, by their own heads. */
uint64_t heap_tracked(const struct heap_walk *w);
/*
 * Those kept in the interpreter's free lists, by name, which live until the walk is closed. False:
 * where they are is not known. ret_torn: so many lists contradict themselves, and may have more.
 */
bool heap_free_lists(const struct heap_walk *w, const struct heap_free_list **ret, size_t *ret_n,
	size_t *ret_torn);

/* A list of the collector: "generation 0", "permanent". */
struct heap_generation {
	const char *name; /* literal */
	uint64_t head; /* address of what it begins with and comes back to */
};
enum { HEAP_GENERATIONS_MAX = 64 };
/* Whether a collection was running: then the lists are taken apart. */
bool heap_collecting(const struct heap_walk *w);
/* Whether the collector of this build has lists at all. */
bool heap_has_generations(const struct heap_walk *w);
/* The lists of all interpreters of the runtime; how many. 0: they are not known, more than these,
 * or being changed. */
size_t heap_generations(
	const struct heap_walk *w, struct heap_generation ret[HEAP_GENERATIONS_MAX]);
/* From a list's head, or an object's head in it, to the next; false, and *at as it was: it leads
 * nowhere. */
bool heap_generation_step(const struct heap_walk *w, uint64_t *at);
/* The object behind a head. */
uint64_t heap_generation_object(const struct heap_walk *w, uint64_t at);
/* Whether a live object is in such a list, by its own head. */
bool heap_block_tracked(const struct heap_walk *w, const struct heap_block *b);

/* How many the collector has in its lists, if they are not longer than limit; false: that is not
 * known, or they are being changed. */
bool heap_gc_listed(const struct heap_walk *w, uint64_t limit, uint64_t *ret);
/* Blocks outside of pools by the interpreter's own count; false: it is not known. */
bool heap_raw_blocks(const struct heap_walk *w, uint64_t *ret);
