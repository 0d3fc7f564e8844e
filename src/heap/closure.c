/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects in memory of an allocator that is not known: another malloc than glibc's, or a heap of
 * glibc's that is damaged. Nothing tells there where blocks begin, so an object is what a reference
 * leads to, if it proves to be one: all that is reached from what is known, from object to object.
 * What only C code refers to is not found.
 *
 * Each granule of such memory has a bit that says whether an object was found there: 1/128 of the
 * memory, and nothing else grows with it. The work is done in small parts, so that the count can be
 * stopped; objects are handed out when all were found, in the order of their addresses.
 */
#include "closure.h"

#include <stdlib.h>

enum phase {
	PHASE_LISTS,
	PHASE_LISTED, /* what these refer to */
	PHASE_STATES,
	PHASE_IMAGES,
	PHASE_PLACES,
	PHASE_AGAIN,
	PHASE_OUT,
};

static void free_closure(struct closure *c)
{
	if (!c)
		return;
	if (c->walk) {
		spans_fini(&c->walk->own);
		free(c->walk->batch);
		free(c->walk->copy);
		free(c->walk);
	}
	free(c->list);
	free(c->found);
	free(c->again);
	free(c->stack);
	free(c->tracing);
	free(c->sizings);
	free(c);
}

void referred_fini(struct heap_walk *w)
{
	free_closure(w->closure);
	w->closure = NULL;
}

/* A walk that shares arenas and types with the one at hand, and begins anew. */
static struct heap_walk *walk_beside(const struct heap_walk *w)
{
	struct heap_walk *beside = xmalloc(sizeof(*beside));
	*beside = *w;
	beside->place = 0;
	beside->begun = false;
	beside->end = HEAP_REFERRED;
	beside->part = 0;
	beside->parts = 1;
	beside->here = beside->high;
	beside->own = (struct spans){ 0 };
	beside->closure = NULL;
	beside->batch = xcalloc(beside->max_batch, sizeof(*beside->batch));
	beside->copy = xmalloc(beside->pool_size);
	return beside;
}

void referred_begin(struct heap_walk *w)
{
	if (w->paged) /* its pages have all objects */
		return;
	struct closure *c = xcalloc(1, sizeof(*c));
	while (UINT64_C(1) << c->granule_bits < 2 * w->word)
		c->granule_bits++;
	closure_find_memory(c, w);
	c->walk = walk_beside(w);
	bool needed = closure_is_needed(c);
	w->types = c->walk->types;
	if (!needed) {
		free_closure(c);
		return;
	}
	closure_make_bits(c);
	w->closure = c;
	w->referred.searched = w->chunks.torn;
}

/* Looks again at the objects of one piece of the bitmap. */
static bool look_again(struct closure *c)
{
	uint64_t cards = (c->n_bits >> CARD_BITS) + 1, card = c->bit >> CARD_BITS;
	closure_drain(c);
	while (card < cards && !c->again[card])
		card++;
	if (card == cards) {
		bool more = c->more;
		c->more = false;
		c->bit = 0;
		return more;
	}
	uint64_t end = (card + 1) << CARD_BITS, bit = card << CARD_BITS;
	end = end < c->n_bits ? end : c->n_bits;
	c->again[card] = 0;
	c->more = true;
	c->bit = bit + (UINT64_C(1) << CARD_BITS);
	for (bit = closure_next_bit(c, bit, end); bit < end;
		bit = closure_next_bit(c, bit + 1, end)) {
		closure_trace_bit(c, bit);
		closure_drain(c);
	}
	return true;
}

/* Does a part of the work. False: the phase is over. */
static bool work(struct heap_walk *w, struct closure *c)
{
	switch ((enum phase)c->phase) {
	case PHASE_LISTS:
		return closure_lists(c);
	case PHASE_STATES:
		return closure_states(c);
	case PHASE_IMAGES:
		return closure_images(c);
	case PHASE_PLACES:
		return closure_places(c, &w->referred.body_bytes);
	case PHASE_LISTED:
	case PHASE_AGAIN:
		return look_again(c);
	case PHASE_OUT:
		break;
	}
	return false;
}

/* The object at a bit, into the batch. */
static void hand_out(struct heap_walk *w, struct closure *c, uint64_t bit)
{
	uint64_t addr = closure_address(c, bit), granule = UINT64_C(1) << c->granule_bits;
	struct proven_object o;
	if (addr < c->end || !closure_prove(c, addr, true, &o))
		return;
	uint64_t size = (o.lead + o.own + granule - 1) & ~(granule - 1);
	w->batch[w->n_batch++] = (struct heap_block){
		.addr = addr - o.lead,
		.size = size,
		.room = size,
		.bytes = o.bytes,
		.n_bytes = o.n_bytes,
		.type = o.type,
		.lead = o.lead,
		.state = HEAP_OBJECT,
	};
	c->end = addr + o.own;
	w->tracked += o.tracked;
	w->referred.searched = true;
	w->referred.objects++;
	w->referred.body_bytes += closure_bodies(c, addr, o.type);
}

static bool hand_out_next(struct heap_walk *w, struct closure *c)
{
	size_t max = c->by_view ? w->max_batch : 1;
	while (w->n_batch < max) {
		c->bit = closure_next_bit(c, c->bit, c->n_bits);
		if (c->bit == c->n_bits)
			break;
		hand_out(w, c, c->bit++);
	}
	return w->n_batch;
}

bool referred_next(struct heap_walk *w)
{
	struct closure *c = w->closure;
	bool more;
	w->n_batch = 0;
	if (!c)
		return false;
	if (c->phase == PHASE_OUT) {
		more = hand_out_next(w, c);
	} else {
		more = true;
		if (!work(w, c)) {
			c->phase++;
			c->bit = 0;
			images_begin(c->walk);
			c->walk->place = 0;
			c->walk->begun = false;
		}
	}
	w->types = c->walk->types;
	return more;
}
