/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: one walk, its types, and what each place of blocks offers. */
#pragma once

#include "pycore/bytes.h"
#include "pycore/heap.h"
#include "pycore/limits.h"

/* tp_flags that tell how an object lies (Include/object.h) */
enum {
	FLAG_INLINE_VALUES = 1 << 2,
	FLAG_HEAP = 1 << 9, /* the type was made at run time */
	FLAG_GC = 1 << 14,
	FLAG_INT = 1 << 24,
	FLAG_STR = 1 << 28,
};
#define FLAG_TYPE (UINT64_C(1) << 31)

/* Types by address. The table holds types only: what is none is remembered apart, in little room.
 */
struct types {
	struct type_slot {
		uint64_t addr; /* 0: free */
		uint32_t number;
		uint32_t lead : 8, least : 24; /* bytes in front of an object, and of it at least */
	} * slots;
	size_t mask; /* slots - 1 */
	unsigned shift; /* of a hash, to an index */
	struct heap_type *list;
	size_t n, cap;
	uint64_t *refused; /* REFUSED of them, by a part of their hash */
};
enum { REFUSED_BITS = 13 };

/* Arenas of pymalloc, ascending, and a table to tell what lies in one. */
struct arenas {
	uint64_t *list; /* addresses */
	uint64_t *carved; /* up to where each is divided into pools */
	size_t n, cap, cap_carved;
	uint64_t *starts; /* by a hash of address >> arena_bits; 0: free */
	size_t mask;
	unsigned shift;
};

/* Stretches of memory. Zero-initialised is empty and ready. */
struct spans {
	struct mem_run *list;
	size_t n, cap;
};

enum { NUMBER_KINDS = 2 }; /* 2.7's ints, and its floats */

/* Offsets that are asked for with every block, out of the layout. */
struct offsets {
	uint32_t type, refcnt, size; /* of an object */
	uint32_t count, free_block, next_offset, max_offset, header; /* of a pool */
	uint32_t gc_next, gc_prev, gc_refs, gc_head;
	bool has_gc_refs;
	uint32_t ref_local, ref_shared, tid, gc_bits; /* where there are two counts */
	uint32_t str_min;
	uint32_t object_head; /* bytes that every object has */
	uint32_t pre_lead; /* of an object with words in front of its GC head; 0: there are none */
};

/* What Python keeps for reuse. */
struct free_lists {
	bool known; /* where they are */
	size_t torn; /* lists that contradict themselves */
	struct heap_free_list *list; /* those that are not empty */
	size_t n;
	struct kept {
		uint64_t addr;
		uint32_t type; /* HEAP_NO_TYPE: it is no object */
	} * kept; /* ascending */
	size_t n_kept, cap_kept;
};

/* How malloc is built for a machine. Bytes. */
struct chunk_form {
	uint64_t first; /* from the start of a heap, or of a chunk that was mapped by itself, to the
			   first chunk, so that what the user has is aligned */
	uint64_t heap_alignment; /* of the heaps of other arenas than the main one */
};

struct heap_walk {
	struct python *p;
	struct py_runtime *rt;
	struct mem *mem;
	const struct layout *l;
	unsigned word; /* bytes of a pointer */
	struct offsets at;
	uint64_t low, high; /* all memory that can be written to lies between */
	uint64_t type_mask; /* bits that no address of a type has */
	bool types_in_pools; /* types made at run time are small enough */
	uint64_t held; /* bytes that can be had */
	bool collecting; /* a collection was running, so heads of the GC hold other things */
	struct types types;
	struct arenas arenas;
	struct free_lists free;
	uint64_t pool_size, arena_size;
	struct heap_pools pools;
	uint64_t tracked; /* live objects in the lists of the GC, by their heads */
	uint64_t raw_blocks;
	bool has_raw_blocks;
	bool counts_all; /* raw_blocks also counts those of pools */

	/* where the walk stands */
	enum heap_place place;
	bool begun; /* that place */
	unsigned part, parts; /* which part of the blocks is wanted */
	bool others_full; /* walks over other parts have met too many types */
	size_t arena;
	uint64_t pool; /* offset in the arena */
	uint64_t here; /* where the arena at hand begins; out of reach: not in one */
	uint64_t arena_used; /* bytes of blocks in use in it so far */
	const uint8_t *arena_bytes; /* NULL: to be read pool by pool */
	struct heap_block *batch;
	size_t n_batch, max_batch;
	uint8_t *copy; /* of one pool, where memory has no view */
	struct number_list {
		uint64_t head, length; /* blocks that are still to come */
		uint32_t type;
	} numbers[NUMBER_KINDS];
	uint64_t number_tries;
	uint64_t number_bytes; /* of the blocks seen so far */
	struct mem_range range; /* of which the bytes are at hand: */
	const uint8_t *range_bytes;
	struct mem_run piece; /* of a range that cannot be viewed at once: its bytes are at hand */
	const uint8_t *piece_bytes;
	struct chunk_form chunk;
	struct mem_run heap; /* of another arena than malloc's main one, the last that was seen */
	uint64_t heap_accessible; /* up to where what it has given back can still be written */
	uint64_t page; /* next address to be looked at */
	struct mem_run variables; /* of a module, the first at or above it */
	uint64_t behind_variables; /* the end of those passed last */
	uint64_t row; /* next chunk of a heap; 0: not in one */
	uint64_t row_start, row_end; /* of what is believed of that heap */
	bool row_last; /* no chunk's head is at row_end */
	bool torn; /* a row of this range breaks off */
	unsigned top_tries; /* rows of which was asked whether they end at malloc's top */
	uint64_t patience; /* steps along rows that prove to be none, for this range */
	struct paged *paged; /* NULL: no mimalloc */
	struct heap_pages pages;
	struct heap_chunks chunks;
	struct spans own; /* memory that malloc's chunks were found in */
	size_t image, segment; /* next */
	uint64_t segment_at, segment_end; /* what is left of the one at hand */
	uint8_t joined[1024]; /* an object that lies in two pieces of a segment */
	enum heap_place end; /* the walk ends in front of it */
	struct closure *closure; /* NULL: no need for it */
	struct heap_referred referred;
};

/* One word, with the size known to the compiler in the two cases. */
static inline uint64_t word_at(const struct heap_walk *w, const uint8_t *p)
{
	return w->word == 8 ? bytes_uint(p, 8, w->l->key.order) : bytes_uint(p, 4, w->l->key.order);
}
static inline uint32_t half_at(const struct heap_walk *w, const uint8_t *p)
{
	return (uint32_t)bytes_uint(p, 4, w->l->key.order);
}

static inline uint64_t mix(uint64_t v)
{
	return v * UINT64_C(0x9e3779b97f4a7c15);
}

/* anchor.c: fills w->arenas from the allocator's state, found by name, by the interpreters, or by
 * shape. */
void heap_find_arenas(struct heap_walk *w);

/* arenas.c */
void arenas_add(struct arenas *a, uint64_t address, uint64_t carved);
/* Sorts them and makes the table; arenas that overlap others are dropped, and counted. */
size_t arenas_settle(struct arenas *a, unsigned bits);
void arenas_fini(struct arenas *a);
static inline uint64_t arena_start_in(const struct arenas *a, uint64_t granule, unsigned bits)
{
	for (size_t i = mix(granule) >> a->shift;; i = (i + 1) & a->mask) {
		if (!a->starts[i] || a->starts[i] >> bits == granule)
			return a->starts[i];
	}
}
/* Where the arena that holds an address begins; 0: none does. */
static inline uint64_t arena_of(const struct heap_walk *w, uint64_t addr)
{
	const struct arenas *a = &w->arenas;
	unsigned bits = w->l->row->heap.arena_bits;
	uint64_t granule = addr >> bits, start;
	if (!a->n)
		return 0;
	start = arena_start_in(a, granule, bits);
	if (start && addr >= start)
		return start;
	start = arena_start_in(a, granule - 1, bits);
	return start && addr - start < w->arena_size ? start : 0;
}

/* Where the next arena begins above an address; UINT64_MAX: there is none. */
uint64_t arenas_above(const struct arenas *a, uint64_t addr);

/* types.c */
void types_init(struct types *t);
void types_fini(struct types *t);
/* The number of the type at that address, which is proven at first sight; HEAP_NO_TYPE: there is
 * none. */
uint32_t types_prove(struct heap_walk *w, uint64_t addr);
/* The slot of a type, until more types are met; NULL: it is not known. */
static inline const struct type_slot *types_slot(const struct types *t, uint64_t addr)
{
	for (size_t i = mix(addr) >> t->shift;; i = (i + 1) & t->mask) {
		if (!t->slots[i].addr)
			return NULL;
		if (t->slots[i].addr == addr)
			return &t->slots[i];
	}
}
static inline uint32_t types_known(const struct types *t, uint64_t addr)
{
	const struct type_slot *slot = types_slot(t, addr);
	return slot ? slot->number : HEAP_NO_TYPE;
}
/* A type object is larger than any block of a pool, where words have 8 bytes. Most words lead into
 * the arena that they are in. */
static inline bool may_be_type(const struct heap_walk *w, uint64_t word)
{
	return !(word & w->type_mask) && word - w->low < w->high - w->low &&
	       word - w->here >= w->arena_size;
}
static inline uint32_t type_by_word(struct heap_walk *w, uint64_t word)
{
	if (!may_be_type(w, word))
		return HEAP_NO_TYPE;
	uint32_t t = types_known(&w->types, word);
	return t != HEAP_NO_TYPE || (!w->types_in_pools && arena_of(w, word))
		       ? t
		       : types_prove(w, word);
}

/* Whether a head in a list of the collector can be there. Those of objects are aligned as these
 * are, those of generations to 4 in Debian's 3.13. */
static inline bool can_be_gc_head(const struct heap_walk *w, uint64_t addr)
{
	return addr % 4 == 0 && addr - w->low < w->high - w->low;
}

/* What its head says of an object up to 3.7, in numbers: small negative ones, unless a collection
 * runs; 2.7 has the plain number, 3.6 and 3.7 one bit more. */
static inline int64_t gc_refs(const struct heap_walk *w, const uint8_t *head)
{
	uint64_t word = word_at(w, head + w->at.gc_refs);
	return (int64_t)(w->word == 8 ? word : (uint64_t)(int32_t)word);
}
/* Whether that is the one of an object in a list of the collector. */
static inline bool gc_refs_tracked(const struct heap_walk *w, int64_t refs)
{
	enum { UNTRACKED = -2 };
	return refs >> w->l->row->gc_refs_flags != UNTRACKED;
}
/* Whether it can be one. */
static inline bool gc_refs_possible(const struct heap_walk *w, int64_t refs)
{
	enum { LEAST = -9, MOST = -2 };
	return (refs >= LEAST && refs <= MOST) || (w->collecting && refs >= 0);
}
/* gc.c: whether a collection was running when the process stopped. */
bool gc_is_collecting(struct heap_walk *w);
/* Whether what follows a head, of which these are the bytes, leads back to it at addr. */
bool gc_next_leads_back(const struct heap_walk *w, const uint8_t *head, uint64_t addr);

/* A count of references of which more is asked: it could be another word. */
enum { COUNT_SURE = 4096, COUNT_BITS = 40 };
/* Takes off a word what is no part of a count of references; false: it can be none. */
bool count_in_word(const struct heap_walk *w, uint64_t *word);
/* Whether what could be a count is rather an address. Counts that mark what lives forever are round
 * numbers, or odd ones. */
bool may_be_address(const struct heap_walk *w, uint64_t word);

/* classify.c: takes off what the debug allocators put around a block, if they did; fills type, lead
 * and state of a block whose other members are set. */
void heap_unpad(const struct heap_walk *w, struct heap_block *b);
void heap_classify(struct heap_walk *w, struct heap_block *b);
/* Blocks of one size, side by side. */
struct heap_row {
	uint64_t addr, size, n;
	const uint8_t *bytes; /* all of them */
	const uint64_t *free; /* by their offsets in units: those that are not in use; NULL: all are
			       */
};
enum { HEAP_UNIT_BITS = 3 };
/* Appends those in use to the batch, which must have room, with all that is to be known of them. */
void heap_take_row(struct heap_walk *w, const struct heap_row *r);

/* pools.c: the blocks of the pool at hand into w->batch; false: it has none in use. */
void pools_begin(struct heap_walk *w);
bool pools_next(struct heap_walk *w);
/* mimalloc.c: segments and pages, of free-threaded builds. Found when the walk is opened. */
void pages_open(struct heap_walk *w);
void pages_close(struct heap_walk *w);
void pages_begin(struct heap_walk *w);
bool pages_next(struct heap_walk *w);
uint64_t pages_bytes(const struct heap_walk *w); /* of all segments */
double pages_done(const struct heap_walk *w); /* 0 to 1 */
/* The references to an object, UINT32_MAX for one that lives forever. */
uint32_t pages_refcount(const struct heap_walk *w, const uint8_t *object);
/* The end of the memory of mimalloc that an address lies in; 0: in none. */
uint64_t pages_end(const struct heap_walk *w, uint64_t addr);
/* Where the next memory of it begins above an address; UINT64_MAX: there is none. */
uint64_t pages_above(const struct heap_walk *w, uint64_t addr);
/* numbers.c: finds 2.7's blocks of ints and floats; the slots in use of the next one. */
void numbers_find(struct heap_walk *w);
bool numbers_next(struct heap_walk *w);
/* chunks.c: what malloc has given out. */
void chunks_begin(struct heap_walk *w);
bool chunks_next(struct heap_walk *w);
enum {
	CHUNK_FLAGS = 7, /* bits of the word that has a chunk's size */
	CHUNK_WORDS_MIN = 4,
};
/* chunk_rows.c: the row of chunks of the heap that begins at that page, if there is one, into
 * w->row and what follows it. */
void chunks_find_row(struct heap_walk *w, uint64_t page);
bool chunks_inside_image(const struct heap_walk *w, uint64_t page);
/* chunk_heaps.c: the next memory that malloc can have, without a gap, into w->range; goes on at
 * w->page, if that lies in it. */
bool chunks_enter_range(struct heap_walk *w);
/* The piece of w->range that has the word at an address, into w->piece; false: none has. */
bool chunks_enter_piece(struct heap_walk *w, uint64_t addr);
static inline uint64_t chunks_word(struct heap_walk *w, uint64_t addr)
{
	if ((addr < w->piece.start || addr + w->word > w->piece.end) &&
		!chunks_enter_piece(w, addr))
		return 0;
	return word_at(w, w->piece_bytes + (addr - w->piece.start));
}
/* Whether a mapping begins there, maybe within w->range. */
bool chunks_begins_range(const struct heap_walk *w, uint64_t addr);
/* The word that has the size of the chunk at `at`, and its flags. */
static inline uint64_t chunks_size_word(struct heap_walk *w, uint64_t at)
{
	return chunks_word(w, at + w->word);
}
/* The end of what a chunk there can have. */
static inline uint64_t chunks_limit(const struct heap_walk *w, uint64_t at)
{
	return at >= w->heap.start && at < w->heap.end ? w->heap.end : w->range.end;
}
/* The size of the chunk at `at`, which ends by `end`; 0: there is none. */
static inline uint64_t chunks_size(struct heap_walk *w, uint64_t at, uint64_t end)
{
	if (end - at < 2 * w->word)
		return 0;
	uint64_t size = chunks_size_word(w, at) & ~(uint64_t)CHUNK_FLAGS;
	bool good =
		size >= CHUNK_WORDS_MIN * w->word && size % (2 * w->word) == 0 && size <= end - at;
	return good ? size : 0;
}
/* For the machine of the target. */
struct chunk_form chunk_form_of(const struct heap_walk *w);
/* Sets w->heap, if such a heap begins at that multiple of its alignment. */
void chunks_see_heap(struct heap_walk *w, uint64_t page);
/* closure_memory.c: adds a stretch; one that follows the last one makes that longer. */
void spans_add(struct spans *s, uint64_t start, uint64_t end);
void spans_fini(struct spans *s);
/* closure.c: what references lead to. */
void referred_begin(struct heap_walk *w);
bool referred_next(struct heap_walk *w);
void referred_fini(struct heap_walk *w);
/* images.c: static objects. */
void images_begin(struct heap_walk *w);
bool images_next(struct heap_walk *w);
/* The next stretch of the writable data of an image, into w->range and w->range_bytes; false: there
 * is none. */
bool images_next_piece(struct heap_walk *w);
/* freelists.c: finds what is kept for reuse; tells it from what else is in the batch at hand. */
void free_lists_find(struct heap_walk *w);
void free_lists_mark(struct heap_walk *w);
void free_lists_fini(struct free_lists *f);
