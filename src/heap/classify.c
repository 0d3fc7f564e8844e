/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a block holds an object. An object begins where the block does, or behind its GC head
 * (Include/internal/pycore_gc.h), or from 3.11 on behind two more words before that: which of
 * these, its type says, so only a word that leads to a type whose flags agree with its place can be
 * the object's type. What else has to hold: a count of references that can be one, a GC head that
 * can be one, room for what the type says.
 *
 * Bodies of objects hold any words, also addresses of types. Those that pass all this have an
 * address where the count would be; so a count that is also the address of an object is not
 * believed unless the GC's neighbours point back, or the size fits to the byte. Where it could be
 * an address of something else, the neighbours decide too, if there are any.
 *
 * This is asked of every block of a heap, so what most blocks need is inlined into one loop, which
 * is compiled apart for the words of most targets.
 */
#include "internal.h"

#define INLINE __attribute__((always_inline)) static inline
#define APART  __attribute__((noinline)) static

enum { AHEAD = 3072 }; /* bytes of a row that are fetched before they are looked at */

enum count {
	COUNT_NONE,
	COUNT_ZERO,
	COUNT_GOOD,
	COUNT_NEAR, /* it could be an address too */
	COUNT_DOUBTFUL, /* of an object */
};

/* How words are read, and where what all objects begin with is. */
struct form {
	unsigned word; /* bytes of one */
	enum byte_order order;
	uint32_t refcnt, type, head; /* of an object; bytes of what all have */
	uint32_t gc_next, gc_prev, gc_head;
	bool has_gc_refs;
};

/* A block of which it is asked; pad: what the allocator itself has put in front. */
struct asked {
	uint64_t addr, size;
	const uint8_t *bytes;
	uint32_t n_bytes, pad;
};

/* What is found in it. */
struct found {
	uint32_t type, lead;
	enum heap_state state;
};

INLINE uint64_t get(struct form f, const uint8_t *p)
{
	return f.word == 8 ? bytes_uint(p, 8, f.order) : bytes_uint(p, 4, f.order);
}

INLINE bool in_reach(const struct heap_walk *w, uint64_t word)
{
	return word - w->low < w->high - w->low;
}

static bool leads_to_object(struct heap_walk *w, uint64_t word)
{
	uint64_t type;
	return word % w->word == 0 && in_reach(w, word) &&
	       !failed(mem_ptr(w->mem, word + w->at.type, &type)) &&
	       type_by_word(w, type) != HEAP_NO_TYPE;
}

bool may_be_address(const struct heap_walk *w, uint64_t word)
{
	const uint64_t round = (UINT64_C(1) << 28) - 1;
	return word >= COUNT_SURE && word % w->word == 0 && word & round &&
	       mem_maps(w->mem, word, 1);
}

/* Where a word has no room for more than a count, any pointer could be one. No object has more
 * references than there is memory for, but for those that live forever. */
static bool is_narrow_count(const struct heap_walk *w, uint64_t word)
{
	enum { HIGH_COUNT = 0x3fffffff };
	if (word <= w->held / w->word)
		return true;
	return w->l->row->refs == REFS_HIGH && word >= HIGH_COUNT && word <= INT32_MAX &&
	       !may_be_address(w, word);
}

bool count_in_word(const struct heap_walk *w, uint64_t *word)
{
	if (w->word == 4)
		return is_narrow_count(w, *word);
	uint64_t high = *word >> 32;
	switch (w->l->row->refs) {
	case REFS_PLAIN:
	case REFS_STATIC:
	case REFS_HIGH:
		return true;
	case REFS_IMMORTAL:
		return !high;
	case REFS_FLAGGED: /* u32 count, u16 overflow, u16 flags */
		*word = (uint32_t)*word;
		return !(high & 0xffff || high >> 20);
	case REFS_BIASED: /* two counts, which the pages' own classification reads */
		break;
	}
	return false;
}

APART enum count judge_odd_count(struct heap_walk *w, uint64_t word)
{
	if (word && !count_in_word(w, &word))
		return COUNT_NONE;
	if (!word)
		return COUNT_ZERO;
	if (word < COUNT_SURE)
		return COUNT_GOOD;
	/* more than there is room for in all the memory that could hold references */
	if (word >> COUNT_BITS || (word >> 32 && word > w->held / w->word))
		return COUNT_NONE;
	if (leads_to_object(w, word))
		return COUNT_DOUBTFUL;
	return in_reach(w, word) ? COUNT_NEAR : COUNT_GOOD;
}

/* An object's count of references (object_refcount() reads the same for one object). */
INLINE enum count judge_count(struct heap_walk *w, uint64_t word)
{
	return word - 1 < COUNT_SURE - 1 ? COUNT_GOOD : judge_odd_count(w, word);
}

/* ret_tracked: it is in one of the GC's lists. */
INLINE bool judge_head(
	const struct heap_walk *w, struct form f, const uint8_t *head, bool *ret_tracked)
{
	uint64_t next = get(f, head + f.gc_next), prev = get(f, head + f.gc_prev);
	*ret_tracked = next != 0;
	if (f.has_gc_refs) {
		int64_t refs = gc_refs(w, head);
		*ret_tracked = gc_refs_tracked(w, refs);
		return gc_refs_possible(w, refs);
	}
	if (!next)
		return prev >> 2 == 0 || w->collecting;
	return in_reach(w, next & ~UINT64_C(3)) &&
	       (in_reach(w, prev & ~UINT64_C(3)) || w->collecting);
}

/* A block is as large as what was asked for, rounded up. */
static bool fits_exactly(const struct heap_walk *w, const struct heap_type *t, uint64_t room)
{
	return !t->itemsize && !(t->flags & (FLAG_STR | FLAG_INLINE_VALUES)) &&
	       room - t->basicsize < 2 * w->word;
}

APART bool is_proven(const struct heap_walk *w, struct asked a, uint32_t lead,
	const struct heap_type *t, bool tracked)
{
	uint32_t head = lead - w->at.gc_head;
	if (t->lead && w->at.has_gc_refs)
		return true; /* a small negative number is no address */
	if (tracked)
		return gc_next_leads_back(w, a.bytes + head, a.addr + head);
	return fits_exactly(w, t, a.size - lead);
}

/* Whether an object of the type in that slot begins at `lead`. */
INLINE bool judge(struct heap_walk *w, struct form f, struct asked a, uint32_t lead,
	const struct type_slot *slot, struct found *ret)
{
	const struct type_slot t = *slot; /* which may move */
	const uint8_t *object = a.bytes + lead;
	bool tracked = false;
	if (t.lead + a.pad != lead || lead + t.least > a.size)
		return false;
	enum count count = judge_count(w, get(f, object + f.refcnt));
	if (count == COUNT_NONE ||
		(t.lead && count != COUNT_ZERO && !judge_head(w, f, object - f.gc_head, &tracked)))
		return false;
	if ((count == COUNT_DOUBTFUL || (count == COUNT_NEAR && tracked)) &&
		!is_proven(w, a, lead, &w->types.list[t.number], tracked))
		return false;
	*ret = (struct found){ t.number, lead, count == COUNT_ZERO ? HEAP_DEAD : HEAP_OBJECT };
	w->tracked += tracked;
	return true;
}

APART const struct type_slot *slot_by_odd_word(struct heap_walk *w, uint64_t word)
{
	return type_by_word(w, word) == HEAP_NO_TYPE ? NULL : types_slot(&w->types, word);
}

INLINE bool is_object_at(
	struct heap_walk *w, struct form f, struct asked a, uint32_t lead, struct found *ret)
{
	if (lead + f.head > a.n_bytes)
		return false;
	uint64_t word = get(f, a.bytes + lead + f.type);
	if (!may_be_type(w, word))
		return false;
	const struct type_slot *t = types_slot(&w->types, word);
	if (__builtin_expect(!t, 0))
		t = slot_by_odd_word(w, word);
	return t && judge(w, f, a, lead, t, ret);
}

/* The places where an object can begin; a live one goes before what looks like a dead one. */
INLINE struct found look(struct heap_walk *w, struct form f, struct asked a)
{
	struct found found, dead = { HEAP_NO_TYPE, a.pad, HEAP_OTHER };
	const uint32_t leads[] = { a.pad, a.pad + f.gc_head, a.pad + w->at.pre_lead };
	const unsigned n = w->at.pre_lead ? 3 : 2;
#pragma GCC unroll 3
	for (unsigned i = 0; i < n; i++) {
		if (!is_object_at(w, f, a, leads[i], &found))
			continue;
		if (__builtin_expect(found.state == HEAP_OBJECT, 1))
			return found;
		dead = dead.type == HEAP_NO_TYPE ? found : dead;
	}
	return dead;
}

/* Debug allocators (Objects/obmalloc.c) write in front of what they give out its size, big-endian
 * on every machine, a letter for the domain and guard bytes; and guard bytes behind it. */
static bool unpad_once(const struct heap_walk *w, struct heap_block *b)
{
	const uint64_t all = UINT64_C(0x0101010101010101) & (UINT64_MAX >> 8);
	const uint8_t *bytes = b->bytes + b->lead;
	if (b->size - b->lead < 3 * w->word || b->n_bytes - b->lead < 3 * w->word)
		return false;
	uint64_t guard = bytes_uint(bytes + w->word, 8, ORDER_LITTLE) >> 8;
	if (w->word == 4)
		guard &= 0xffffff;
	bool since_3_8 = guard == (w->word == 4 ? 0xfdfdfd : 0xfd * all);
	if (!since_3_8 && guard != (w->word == 4 ? 0xfbfbfb : 0xfb * all))
		return false;
	uint64_t n = bytes_uint(bytes, w->word, ORDER_BIG);
	if (n > b->size - b->lead - 3 * w->word)
		return false;
	b->lead += 2 * w->word;
	b->size = b->lead + n;
	return true;
}

void heap_unpad(const struct heap_walk *w, struct heap_block *b)
{
	if (unpad_once(w, b)) /* large ones are given out by two allocators, one upon the other */
		unpad_once(w, b);
}

static struct form form_of(const struct heap_walk *w)
{
	const struct offsets *at = &w->at;
	return (struct form){ w->word, w->l->key.order, at->refcnt, at->type, at->object_head,
		at->gc_next, at->gc_prev, at->gc_head, at->has_gc_refs };
}

void heap_classify(struct heap_walk *w, struct heap_block *b)
{
	const struct asked asked = { b->addr, b->size, b->bytes, b->n_bytes, b->lead };
	struct found found = look(w, form_of(w), asked);
	b->type = found.type;
	b->lead = found.lead;
	b->state = found.state;
}

INLINE bool is_free(const struct heap_row *r, uint64_t offset)
{
	uint64_t unit = offset >> HEAP_UNIT_BITS;
	return r->free[unit >> 6] >> (unit & 63) & 1;
}

/* The last guard byte of a debug allocator is what few words end in. */
INLINE bool may_be_padded(struct form f, const uint8_t *bytes, uint64_t n)
{
	return n >= 2 * f.word && bytes[2 * f.word - 1] >= 0xfb;
}

INLINE void take_row(struct heap_walk *w, struct form f, const struct heap_row *r, bool some_free)
{
	struct heap_block *b = w->batch + w->n_batch;
	const uint64_t size = r->size, end = r->n * r->size;
	for (uint64_t offset = 0; offset < end; offset += size) {
		const uint8_t *bytes = r->bytes + offset;
		const struct asked a = { r->addr + offset, size, bytes, (uint32_t)size, 0 };
		if (some_free && is_free(r, offset))
			continue;
		__builtin_prefetch((const void *)((uintptr_t)bytes + AHEAD));
		*b = (struct heap_block){ a.addr, size, size, bytes, a.n_bytes };
		if (__builtin_expect(may_be_padded(f, bytes, size), 0)) {
			heap_unpad(w, b);
			heap_classify(w, b);
		} else {
			struct found found = look(w, f, a);
			b->type = found.type;
			b->lead = found.lead;
			b->state = found.state;
		}
		b++;
	}
	w->n_batch = (size_t)(b - w->batch);
}

void heap_take_row(struct heap_walk *w, const struct heap_row *r)
{
	const struct form own = form_of(w), usual = { 8, ORDER_LITTLE, 0, 8, 16, 0, 8, 16, false };
	bool same = own.word == usual.word && own.order == usual.order &&
		    own.refcnt == usual.refcnt && own.type == usual.type &&
		    own.head == usual.head && own.gc_next == usual.gc_next &&
		    own.gc_prev == usual.gc_prev && own.gc_head == usual.gc_head &&
		    own.has_gc_refs == usual.has_gc_refs;
	if (!same)
		take_row(w, own, r, r->free);
	else if (r->free)
		take_row(w, usual, r, true);
	else
		take_row(w, usual, r, false);
}
