/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the closure share: objects in memory whose allocator is not known. */
#pragma once

#include "internal.h"

#include "pycore/sizes.h"

/* Writable memory that belongs to no allocator that is known, nor to an image. */
struct foreign {
	uint64_t start, end;
	const uint8_t *bytes; /* NULL: they have to be read piece by piece */
	uint64_t bit; /* of its first address, in the bitmap */
};

/* How the objects of one type refer to others. */
enum tracing {
	TRACE_UNKNOWN, /* not asked yet */
	TRACE_NONE, /* they hold no references */
	TRACE_WORDS,
	TRACE_LIST,
	TRACE_DICT,
	TRACE_SET,
	TRACE_DEQUE,
};

enum {
	WINDOW = 4096,
	STACK_MAX = 1 << 16,
	CARD_BITS = 10, /* of the bitmap */
	OBJECT_VIEW_MAX = 1 << 20,
	SEEN_BITS = 10,
	LOOKS_MAX = 32, /* at all memory, on average */
	SIEVE_SHIFT = 20, /* stretches of memory that are told apart at first sight */
	SIEVE_BITS = 15,
};

struct closure {
	struct heap_walk *walk; /* over all places before, beside the one that it is part of */
	struct foreign *list; /* ascending */
	size_t n, cap;
	size_t last; /* the one that was hit last */
	uint64_t low, high; /* all of them lie between */
	uint64_t sieve[1 << (SIEVE_BITS - 6)]; /* bits by stretch: foreign memory may be there */
	unsigned granule_bits; /* an object begins at a multiple of two words */
	bool by_view; /* all of them have views */
	uint64_t n_bits;
	uint64_t *found; /* a bit for each granule: an object begins there */
	uint8_t *again; /* by card: it has objects that were not looked at for want of room */
	uint64_t *stack; /* objects to be looked at */
	size_t n_stack;
	uint8_t *tracing; /* enum tracing by type */
	const struct py_sizing **sizings; /* by type; NULL: not asked yet */
	size_t n_types, cap_tracing, cap_sizings;
	uint64_t seen[1 << SEEN_BITS]; /* bodies of no known kind, looked at lately */
	const uint8_t *near; /* bytes of the block at hand, from near_addr on */
	uint64_t near_addr, n_near;
	uint8_t head[WINDOW], window[WINDOW]; /* where memory has no view */

	/* where it stands */
	uint64_t looked; /* bytes that were searched for references */
	uint64_t tags; /* bits of words at hand that are no part of an address */
	unsigned phase;
	size_t generation, thread;
	uint64_t listed, steps; /* place in a list of the collector's; no steps: at its begin */
	bool backwards;
	uint64_t bit;
	bool more; /* objects were looked at again since the first piece of the bitmap */
	uint64_t end; /* of the object handed out last */
};

/* An object that was proven. */
struct proven_object {
	uint32_t type, lead;
	uint64_t own; /* bytes of the object itself */
	bool tracked; /* by its own head */
	const uint8_t *bytes; /* from its lead on */
	uint32_t n_bytes;
};

/* closure_memory.c */
void closure_find_memory(struct closure *c, const struct heap_walk *w);
void closure_make_bits(struct closure *c);
/* The foreign memory that holds an address; NULL: none does. */
const struct foreign *closure_memory_at(struct closure *c, uint64_t addr);
static inline bool closure_may_hold(const struct closure *c, uint64_t addr)
{
	uint64_t stretch = addr >> SIEVE_SHIFT & ((1 << SIEVE_BITS) - 1);
	return addr - c->low < c->high - c->low && c->sieve[stretch >> 6] >> (stretch & 63) & 1;
}
/* Up to n bytes at any address, as many as can be had in one piece; into room (WINDOW bytes) if
 * there is no view. NULL: none. */
const uint8_t *closure_bytes(
	struct closure *c, uint64_t addr, uint64_t n, uint8_t *room, uint64_t *ret_n);
static inline uint64_t closure_bit(const struct closure *c, const struct foreign *f, uint64_t addr)
{
	return f->bit + ((addr - f->start) >> c->granule_bits);
}
uint64_t closure_address(const struct closure *c, uint64_t bit);
static inline bool closure_has(const struct closure *c, uint64_t bit)
{
	return c->found[bit >> 6] >> (bit & 63) & 1;
}
/* The first bit that is set in [bit, end); end: none. */
uint64_t closure_next_bit(const struct closure *c, uint64_t bit, uint64_t end);

/* closure_prove.c */
/* Whether an object begins there. `listed`: the collector has it in its lists. */
bool closure_prove(struct closure *c, uint64_t addr, bool listed, struct proven_object *ret);
/* Whether it shares memory with an object that was found before. */
bool closure_overlaps(struct closure *c, uint64_t addr, const struct proven_object *o);
const struct py_sizing *closure_sizing(struct closure *c, uint32_t type);
enum tracing closure_tracing(struct closure *c, uint32_t type);

/* closure_trace.c */
/* What is at an address in foreign memory is an object from now on, if it proves to be one. */
bool closure_mark(struct closure *c, uint64_t addr, bool listed);
/* What the object refers to that was found at a bit. */
void closure_trace_bit(struct closure *c, uint64_t bit);
/* Looks at all that is to be looked at. */
void closure_drain(struct closure *c);
/* The words of [addr, addr + n). */
void closure_scan(struct closure *c, uint64_t addr, uint64_t n);
/* What an object refers to, wherever it lies. */
void closure_trace(struct closure *c, uint64_t addr, uint32_t type, uint32_t lead, uint64_t own);
/* Bytes in foreign memory of the tables of an object, that belong to it alone. */
uint64_t closure_bodies(struct closure *c, uint64_t addr, uint32_t type);

/* closure_roots.c: each does a part of its work, and says whether there is more. */
bool closure_is_needed(struct closure *c);
bool closure_lists(struct closure *c);
bool closure_states(struct closure *c);
bool closure_images(struct closure *c);
bool closure_places(struct closure *c, uint64_t *bodies);
