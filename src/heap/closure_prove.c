/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether there is an object at an address that something refers to. classify.c asks what a block
 * may hold; here there is no block, so its size proves nothing, but the address says where the
 * object has to begin. Its type must be one, its count of references one that can be, its GC head
 * that of an object which is not tracked, or have neighbours in the collector's list that lead
 * back. It has to fit into its memory, and may not overlap an object that was found before.
 */
#include "closure.h"

#include <string.h>

enum {
	LOOK_BACK =
		256, /* granules in front of an object that are searched for one that covers it */
	BASES_MAX = 64,
	FLAG_INT_OLD = 1 << 23, /* of 2.7 */
	FLAG_LIST = 1 << 25,
	FLAG_BYTES = 1 << 27,
	FLAG_DICT = 1 << 29,
};

/* Room for what is known of each type. */
static void make_room(struct closure *c, uint32_t type)
{
	while (c->n_types <= type) {
		c->tracing = xgrow(c->tracing, &c->cap_tracing, c->n_types, sizeof(*c->tracing));
		c->sizings = xgrow(c->sizings, &c->cap_sizings, c->n_types, sizeof(*c->sizings));
		c->tracing[c->n_types] = TRACE_UNKNOWN;
		c->sizings[c->n_types++] = NULL;
	}
}

const struct py_sizing *closure_sizing(struct closure *c, uint32_t type)
{
	make_room(c, type);
	if (!c->sizings[type])
		c->sizings[type] =
			py_sizing_of(c->walk->p, c->walk->rt, c->walk->types.list[type].addr);
	return c->sizings[type];
}

static enum tracing tracing_by_name(const struct layout *l, const struct py_sizing *s)
{
	static const struct {
		const char *name;
		enum tracing tracing;
		enum field unless; /* this build has it; 0: always */
	} rows[] = {
		{ "set", TRACE_SET },
		{ "frozenset", TRACE_SET },
		{ "collections.deque", TRACE_DEQUE },
		{ "float", TRACE_NONE },
		{ "complex", TRACE_NONE },
		{ "bytearray", TRACE_NONE, FIELD_bytearray_object },
		{ "array.array", TRACE_NONE },
	};
	for (size_t i = 0; s && i < ARRAY_LEN(rows); i++) {
		if (!strcmp(rows[i].name, s->full) &&
			!(rows[i].unless && layout_has(l, rows[i].unless)))
			return rows[i].tracing;
	}
	return TRACE_WORDS;
}

/* That of the first base that has one of its own. */
static enum tracing tracing_by_bases(struct closure *c, uint32_t type)
{
	struct heap_walk *w = c->walk;
	const struct field_at *base = &w->l->field[FIELD_type_base];
	for (int i = 0; i < BASES_MAX && type != HEAP_NO_TYPE; i++) {
		enum tracing found = tracing_by_name(w->l, closure_sizing(c, type));
		uint64_t next;
		if (found != TRACE_WORDS)
			return found;
		if (base->origin == ORIGIN_NONE ||
			failed(mem_ptr(w->mem, w->types.list[type].addr + base->offset, &next)) ||
			!next)
			break;
		type = type_by_word(w, next);
	}
	return TRACE_WORDS;
}

static enum tracing choose_tracing(struct closure *c, uint32_t type)
{
	const struct heap_type *t = &c->walk->types.list[type];
	bool own = t->flags & (FLAG_GC | FLAG_HEAP); /* a class can add references to any type */
	if (!own && t->flags & (FLAG_INT_OLD | FLAG_INT | FLAG_STR | FLAG_BYTES))
		return TRACE_NONE;
	if (t->flags & FLAG_LIST)
		return TRACE_LIST;
	if (t->flags & FLAG_DICT)
		return TRACE_DICT;
	enum tracing found = tracing_by_bases(c, type);
	return own && found == TRACE_NONE ? TRACE_WORDS : found;
}

enum tracing closure_tracing(struct closure *c, uint32_t type)
{
	make_room(c, type);
	if (c->tracing[type] == TRACE_UNKNOWN) {
		enum tracing t = choose_tracing(c, type);
		c->tracing[type] = (uint8_t)t;
	}
	return c->tracing[type];
}

/* 2.7's ints and floats are in blocks that were walked. */
static bool is_counted(const struct heap_walk *w, uint32_t type)
{
	bool number = type == w->numbers[0].type || type == w->numbers[1].type;
	return w->l->row->heap.number_blocks && w->number_bytes && number;
}

static bool leads_somewhere(const struct heap_walk *w, uint64_t word)
{
	return word % w->word == 0 && word - w->low < w->high - w->low && mem_maps(w->mem, word, 1);
}

/* A count of references that is not 0. A large one may be a word of something else, as the link
 * that an allocator writes into what was freed. */
static bool good_count(const struct heap_walk *w, uint64_t word, bool tracked)
{
	return count_in_word(w, &word) && word &&
	       (word < COUNT_SURE ||
		       (word >> COUNT_BITS == 0 && (tracked || !leads_somewhere(w, word))));
}

/* What the head of an object at `addr` says. False: it is none. During a collection the words that
 * link to the object before are in use for counts. */
static bool good_head(const struct heap_walk *w, const uint8_t *head, uint64_t addr, bool listed,
	bool *ret_tracked)
{
	uint64_t next = word_at(w, head + w->at.gc_next), prev = word_at(w, head + w->at.gc_prev);
	*ret_tracked = next != 0;
	if (w->at.has_gc_refs) {
		int64_t refs = gc_refs(w, head);
		*ret_tracked = gc_refs_tracked(w, refs);
		if (!w->collecting && !gc_refs_possible(w, refs))
			return false;
	} else if (!next) {
		return prev >> 2 == 0 || w->collecting;
	}
	return !*ret_tracked || listed || w->collecting ||
	       gc_next_leads_back(w, head, addr - w->at.gc_head);
}

static bool is_object(struct closure *c, uint64_t addr, bool listed, struct proven_object *o)
{
	struct heap_walk *w = c->walk;
	const uint8_t *head = o->bytes + o->lead - w->at.gc_head;
	o->tracked = false;
	return (!o->lead || good_head(w, head, addr, listed, &o->tracked)) &&
	       good_count(w, word_at(w, o->bytes + o->lead + w->at.refcnt), o->tracked);
}

static bool own_size(struct closure *c, uint64_t addr, const struct proven_object *o, uint64_t *ret)
{
	const struct py_sizing *s = closure_sizing(c, o->type);
	struct py_size size;
	if (!s)
		return false;
	if (s->fixed) {
		*ret = s->size.own;
		return true;
	}
	py_measure(s, addr, o->bytes + o->lead, o->n_bytes - o->lead, o->lead, &size);
	*ret = size.own;
	return true;
}

/* Reads what is needed of the object that may begin there: its lead, and what its type has. */
static bool look(struct closure *c, uint64_t addr, const struct foreign *f, struct proven_object *o)
{
	struct heap_walk *w = c->walk;
	uint32_t head = w->l->field[FIELD_object_sizeof].offset;
	uint64_t n;
	const uint8_t *bytes = closure_bytes(c, addr, head, c->head, &n);
	if (!bytes || n < head)
		return false;
	o->type = type_by_word(w, word_at(w, bytes + w->at.type));
	if (o->type == HEAP_NO_TYPE || is_counted(w, o->type))
		return false;
	const struct heap_type *t = &w->types.list[o->type];
	o->lead = t->lead;
	if (addr - f->start < o->lead)
		return false;
	uint64_t want = o->lead + t->basicsize + 8 * (uint64_t)w->word;
	o->bytes = closure_bytes(c, addr - o->lead, want, c->head, &n);
	o->n_bytes = (uint32_t)n;
	return o->bytes && n >= o->lead + head;
}

bool closure_prove(struct closure *c, uint64_t addr, bool listed, struct proven_object *ret)
{
	const struct foreign *f = closure_memory_at(c, addr);
	struct proven_object o;
	if (!f || addr & ((UINT64_C(1) << c->granule_bits) - 1) || !look(c, addr, f, &o) ||
		!is_object(c, addr, listed, &o) || !own_size(c, addr, &o, &o.own) || !o.own ||
		o.own > f->end - addr)
		return false;
	*ret = o;
	return true;
}

/* The bytes of the object that was found at a bit; 0: it is gone, since the process runs. */
static uint64_t extent_at(struct closure *c, const struct foreign *f, uint64_t bit)
{
	uint64_t addr = f->start + ((bit - f->bit) << c->granule_bits), size;
	struct proven_object o;
	return look(c, addr, f, &o) && own_size(c, addr, &o, &size) ? size : 0;
}

bool closure_overlaps(struct closure *c, uint64_t addr, const struct proven_object *o)
{
	const struct foreign *f = closure_memory_at(c, addr);
	uint64_t bit = closure_bit(c, f, addr), first = f->bit, before = bit;
	uint64_t end = closure_bit(c, f, addr + o->own - 1) + 1;
	if (closure_next_bit(c, bit + 1, end) < end)
		return true;
	first = bit - first > LOOK_BACK ? bit - LOOK_BACK : first;
	while (before > first && !closure_has(c, before - 1)) {
		uint64_t word =
			c->found[(before - 1) >> 6] & (UINT64_MAX >> (63 - (before - 1) % 64));
		before = word ? (before - 1) / 64 * 64 + 64 - (unsigned)__builtin_clzll(word)
			      : (before - 1) / 64 * 64;
	}
	if (before <= first)
		return false;
	uint64_t start = f->start + ((before - 1 - f->bit) << c->granule_bits);
	return start + extent_at(c, f, before - 1) > addr - o->lead;
}
