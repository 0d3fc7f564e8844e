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
 * believed unless the GC's neighbours point back, or the size fits to the byte.
 */
#include "internal.h"

enum { COUNT_SURE = 4096, COUNT_BITS = 40, UNTRACKED_REFS = -2 };

enum count { COUNT_NONE, COUNT_ZERO, COUNT_GOOD, COUNT_DOUBTFUL };

static bool can_be_address(const struct heap_walk *w, uint64_t word)
{
	return word % w->word == 0 && word - w->low < w->high - w->low;
}

static bool leads_to_object(struct heap_walk *w, uint64_t word)
{
	uint64_t type;
	return can_be_address(w, word) && !failed(mem_ptr(w->mem, word + w->at.type, &type)) &&
	       type_by_word(w, type) != HEAP_NO_TYPE;
}

/* An object's count of references (object_refcount() reads the same for one object). */
static enum count judge_count(struct heap_walk *w, uint64_t word)
{
	uint64_t high = w->word == 8 ? word >> 32 : 0;
	if (!word)
		return COUNT_ZERO;
	switch (w->l->row->refs) {
	case REFS_PLAIN:
	case REFS_STATIC:
		break;
	case REFS_IMMORTAL:
		if (high)
			return COUNT_NONE;
		break;
	case REFS_FLAGGED: /* u32 count, u16 overflow, u16 flags */
		if (high & 0xffff || high >> 20)
			return COUNT_NONE;
		if (!(uint32_t)word)
			return COUNT_ZERO;
		word = (uint32_t)word;
		break;
	}
	if (word < COUNT_SURE)
		return COUNT_GOOD;
	if (word >> COUNT_BITS)
		return COUNT_NONE;
	return leads_to_object(w, word) ? COUNT_DOUBTFUL : COUNT_GOOD;
}

/* Where its head says whether an object is tracked: 2.7 has the plain number, 3.6 and 3.7 one bit
 * more. While a collection runs it is a count. */
static bool refs_are_good(const struct heap_walk *w, uint64_t word)
{
	int64_t refs = (int64_t)(w->word == 8 ? word : (uint64_t)(int32_t)word);
	return (refs >= -9 && refs <= UNTRACKED_REFS) || (w->collecting && refs >= 0);
}

/* ret_tracked: it is in one of the GC's lists. */
static bool judge_head(const struct heap_walk *w, const uint8_t *head, bool *ret_tracked)
{
	uint64_t next = word_at(w, head + w->at.gc_next), prev = word_at(w, head + w->at.gc_prev);
	*ret_tracked = next != 0;
	if (w->at.has_gc_refs) {
		uint64_t refs = word_at(w, head + w->at.gc_refs);
		*ret_tracked = (int64_t)refs >> w->l->row->gc_refs_flags != UNTRACKED_REFS;
		return refs_are_good(w, refs);
	}
	if (!next)
		return prev >> 2 == 0 || w->collecting;
	if (!can_be_address(w, next & ~UINT64_C(3)))
		return false;
	return can_be_address(w, prev & ~UINT64_C(3)) || w->collecting;
}

/* The neighbours in the GC's list lead back here. */
static bool neighbours_agree(const struct heap_walk *w, const uint8_t *head, uint64_t addr)
{
	uint64_t mask = w->at.has_gc_refs ? UINT64_MAX : ~UINT64_C(3), next, prev;
	next = word_at(w, head + w->at.gc_next) & mask;
	prev = word_at(w, head + w->at.gc_prev) & mask;
	return !failed(mem_ptr(w->mem, next + w->at.gc_prev, &prev)) && (prev & mask) == addr;
}

/* Bytes that an object of this type has at least. */
static uint64_t least(const struct heap_walk *w, const struct heap_type *t)
{
	return t->flags & FLAG_STR && t->basicsize > w->at.str_min ? w->at.str_min : t->basicsize;
}

/* A block is as large as what was asked for, rounded up. */
static bool fits_exactly(const struct heap_walk *w, const struct heap_type *t, uint64_t room)
{
	return !t->itemsize && !(t->flags & (FLAG_STR | FLAG_INLINE_VALUES)) &&
	       room - t->basicsize < 2 * w->word;
}

static bool proven(const struct heap_walk *w, const struct heap_block *b, uint32_t lead,
	const struct heap_type *t, bool tracked)
{
	uint32_t head = lead - w->at.gc_head;
	if (t->lead && w->at.has_gc_refs)
		return true; /* a small negative number is no address */
	if (tracked)
		return neighbours_agree(w, b->bytes + head, b->addr + head);
	return fits_exactly(w, t, b->size - lead);
}

/* Whether an object of that type can begin at `lead`. */
static bool judge(struct heap_walk *w, const struct heap_block *b, uint32_t lead,
	const struct heap_type *t, enum heap_state *ret)
{
	bool tracked = false;
	if (t->lead + b->lead != lead || lead + least(w, t) > b->size)
		return false;
	enum count count = judge_count(w, word_at(w, b->bytes + lead + w->at.refcnt));
	if (count == COUNT_NONE)
		return false;
	if (t->lead && count != COUNT_ZERO &&
		!judge_head(w, b->bytes + lead - w->at.gc_head, &tracked))
		return false;
	if (count == COUNT_DOUBTFUL && !proven(w, b, lead, t, tracked))
		return false;
	*ret = count == COUNT_ZERO ? HEAP_DEAD : HEAP_OBJECT;
	w->tracked += tracked;
	return true;
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

/* Neighbours are mostly of one type: whether that of the block before fits this one too. */
static bool is_like_last(struct heap_walk *w, struct heap_block *b, uint32_t pad)
{
	const struct heap_type *t = &w->last;
	uint32_t lead = pad + t->lead;
	if (!t->addr || lead + w->l->field[FIELD_object_sizeof].offset > b->n_bytes ||
		word_at(w, b->bytes + lead + w->at.type) != t->addr ||
		!judge(w, b, lead, t, &b->state))
		return false;
	b->type = w->last_number;
	b->lead = lead;
	return true;
}

void heap_classify(struct heap_walk *w, struct heap_block *b)
{
	uint32_t pad = b->lead; /* what the allocator itself has put in front */
	const uint32_t leads[] = { pad, pad + w->at.gc_head, pad + w->at.gc_head + 2 * w->word };
	unsigned n = w->l->row->heap.preheader_flags ? 3 : 2;
	uint32_t head = w->l->field[FIELD_object_sizeof].offset;
	b->type = HEAP_NO_TYPE;
	b->state = HEAP_OTHER;
	if (is_like_last(w, b, pad))
		return;
	for (unsigned i = 0; i < n && leads[i] + head <= b->n_bytes; i++) {
		uint32_t t = type_by_word(w, word_at(w, b->bytes + leads[i] + w->at.type));
		if (t == HEAP_NO_TYPE)
			continue;
		const struct heap_type type = w->types.list[t]; /* the list may move */
		if (!judge(w, b, leads[i], &type, &b->state))
			continue;
		b->type = w->last_number = t;
		b->lead = leads[i];
		w->last = type;
		return;
	}
}
