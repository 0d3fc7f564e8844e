/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an object refers to. Its own words are all taken for references, wherever they lead to an
 * object; words that lead to a body are known for lists, dicts, sets and deques, and what is there
 * is looked at as far as it is in use. Of other objects, what a word leads to is taken for a body
 * as long as its words are references: an array of objects, or a struct of some.
 *
 * Objects are looked at one after the other off a stack of bounded size. When that is full, the
 * piece of the bitmap where the next one lies is remembered instead, and all objects there are
 * looked at again.
 */
#include "closure.h"

enum {
	BODY_MAX = 1 << 24,
	ZEROS_MAX = 64, /* between references */
	VALUES_MAX = 1 << 16, /* of one dict that shares its keys */
	LOG2_MAX = 40,
};

/* A table that belongs to an object: [addr, addr + n). */
struct body {
	uint64_t addr, n;
	bool shared;
};
typedef void body_fn(struct closure *c, void *ctx, const struct body *b);

static uint64_t get(struct closure *c, uint64_t addr, enum field f)
{
	const struct layout *l = c->walk->l;
	const struct field_at *at = &l->field[f];
	uint8_t copy[8];
	uint64_t v, n;
	if (at->origin == ORIGIN_NONE || at->size > sizeof(copy))
		return 0;
	const uint8_t *p = closure_bytes(c, addr + at->offset, at->size, c->window, &n);
	if (!p || n < at->size)
		return 0;
	v = bytes_uint(p, at->size, l->key.order);
	return at->bits && at->bits < 64 ? v >> at->bit & ((UINT64_C(1) << at->bits) - 1) : v;
}

static uint64_t size_of(struct closure *c, enum field f)
{
	return c->walk->l->field[f].offset;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	return a >> OBJECT_ITEMS_BITS || b >> OBJECT_ITEMS_BITS ? 0 : a * b;
}

static uint64_t usable_of(uint64_t size)
{
	return (size << 1) / 3;
}

/* How many bytes a keys object has (sizes_dict.c has their layout). */
static uint64_t keys_bytes(struct closure *c, uint64_t keys)
{
	uint64_t head = size_of(c, FIELD_keys_indices);
	if (c->walk->l->row->dicts == DICTS_SIZED) {
		uint64_t n = get(c, keys, FIELD_keys_size);
		uint64_t width = n <= UINT8_MAX ? 1 : n <= UINT16_MAX ? 2 : n <= UINT32_MAX ? 4 : 8;
		return n >> LOG2_MAX ? 0
				     : head + n * width +
					       times(usable_of(n), size_of(c, FIELD_entry_sizeof));
	}
	uint64_t log2 = get(c, keys, FIELD_keys_log2_size);
	uint64_t indices = get(c, keys, FIELD_keys_log2_index_bytes);
	bool text = get(c, keys, FIELD_keys_kind);
	if (log2 > LOG2_MAX || indices > LOG2_MAX)
		return 0;
	return head + (UINT64_C(1) << indices) +
	       times(usable_of(UINT64_C(1) << log2),
		       size_of(c, text ? FIELD_unicode_entry_sizeof : FIELD_entry_sizeof));
}

static uint64_t values_bytes(struct closure *c, uint64_t keys)
{
	uint64_t n = c->walk->l->row->dicts == DICTS_SIZED
			     ? usable_of(get(c, keys, FIELD_keys_size))
			     : get(c, keys, FIELD_keys_nentries) + get(c, keys, FIELD_keys_usable);
	uint64_t head =
		c->walk->l->row->values == VALUES_HEADED ? size_of(c, FIELD_values_values) : 0;
	return n > VALUES_MAX ? 0 : head + n * c->walk->word;
}

static void dict_bodies(struct closure *c, uint64_t addr, body_fn *each, void *ctx)
{
	if (c->walk->l->row->dicts == DICTS_TABLE) {
		uint64_t table = get(c, addr, FIELD_dict_table);
		uint64_t n =
			times(get(c, addr, FIELD_dict_mask) + 1, size_of(c, FIELD_entry_sizeof));
		if (table != addr + size_of(c, FIELD_dict_small_table))
			each(c, ctx, &(struct body){ table, n, false });
		return;
	}
	uint64_t keys = get(c, addr, FIELD_dict_keys), values = get(c, addr, FIELD_dict_values);
	if (!keys)
		return;
	bool shared = get(c, keys, FIELD_keys_refcnt) != 1;
	each(c, ctx, &(struct body){ keys, keys_bytes(c, keys), shared });
	if (values) /* inside of an instance they are part of it */
		each(c, ctx, &(struct body){ values, values_bytes(c, keys), false });
}

static void set_bodies(struct closure *c, uint64_t addr, body_fn *each, void *ctx)
{
	uint64_t table = get(c, addr, FIELD_set_table);
	uint64_t n = times(get(c, addr, FIELD_set_mask) + 1, size_of(c, FIELD_set_entry_sizeof));
	if (table != addr + size_of(c, FIELD_set_small_table))
		each(c, ctx, &(struct body){ table, n, false });
}

static void deque_bodies(struct closure *c, uint64_t addr, body_fn *each, void *ctx)
{
	uint64_t block = get(c, addr, FIELD_deque_leftblock);
	uint64_t size = size_of(c, FIELD_deque_block_sizeof);
	uint64_t items = size / c->walk->word - 2;
	uint64_t n = get(c, addr, FIELD_deque_leftindex) + get(c, addr, FIELD_deque_length);
	if (size <= 2 * c->walk->word || n > c->walk->held)
		return;
	for (n = (n + items - 1) / items; block && n; n--) {
		each(c, ctx, &(struct body){ block, size, false });
		block = get(c, block, FIELD_deque_block_rightlink);
	}
}

/* The values of an instance of 3.11 and 3.12, which stand beside it. */
static void values_bodies(
	struct closure *c, uint64_t addr, const struct heap_type *t, body_fn *each, void *ctx)
{
	const struct heap_walk *w = c->walk;
	bool pair = w->l->row->attrs == ATTRS_MANAGED_PAIR;
	uint64_t keys, values, n;
	if (w->l->row->values != VALUES_PREFIXED || t->lead <= w->at.gc_head)
		return;
	const uint8_t *p =
		closure_bytes(c, addr - (pair ? 4 : 3) * (uint64_t)w->word, w->word, c->window, &n);
	keys = get(c, t->addr, FIELD_heaptype_cached_keys);
	if (!p || n < w->word || !keys)
		return;
	values = word_at(w, p);
	/* 3.12 keeps the address less one */
	if (pair ? values != 0 : values & 1)
		each(c, ctx, &(struct body){ values + !pair, values_bytes(c, keys), false });
}

static void each_body(struct closure *c, uint64_t addr, uint32_t type, body_fn *each, void *ctx)
{
	const struct heap_type t = c->walk->types.list[type];
	uint64_t items;
	switch (closure_tracing(c, type)) {
	case TRACE_LIST:
		items = get(c, addr, FIELD_list_items);
		if (items)
			each(c, ctx,
				&(struct body){ items,
					times(get(c, addr, FIELD_list_allocated), c->walk->word),
					false });
		break;
	case TRACE_DICT:
		dict_bodies(c, addr, each, ctx);
		break;
	case TRACE_SET:
		set_bodies(c, addr, each, ctx);
		break;
	case TRACE_DEQUE:
		deque_bodies(c, addr, each, ctx);
		break;
	case TRACE_UNKNOWN:
	case TRACE_NONE:
	case TRACE_WORDS:
		break;
	}
	values_bodies(c, addr, &t, each, ctx);
}

static void add_foreign(struct closure *c, void *ctx, const struct body *b)
{
	uint64_t *sum = ctx, granule = UINT64_C(1) << c->granule_bits;
	const struct foreign *f = closure_memory_at(c, b->addr);
	if (f && !b->shared && b->n <= f->end - b->addr)
		*sum += (b->n + granule - 1) & ~(granule - 1);
}

uint64_t closure_bodies(struct closure *c, uint64_t addr, uint32_t type)
{
	uint64_t sum = 0;
	each_body(c, addr, type, add_foreign, &sum);
	return sum;
}

static void remember(struct closure *c, uint64_t addr, uint64_t bit)
{
	if (c->n_stack < STACK_MAX)
		c->stack[c->n_stack++] = addr;
	else
		c->again[bit >> CARD_BITS] = 1;
}

bool closure_mark(struct closure *c, uint64_t addr, bool listed)
{
	struct proven_object o;
	if (!closure_may_hold(c, addr))
		return false;
	const struct foreign *f = closure_memory_at(c, addr);
	if (!f || addr & ((UINT64_C(1) << c->granule_bits) - 1))
		return false;
	uint64_t bit = closure_bit(c, f, addr);
	if (closure_has(c, bit))
		return true;
	if (!closure_prove(c, addr, listed, &o) || closure_overlaps(c, addr, &o))
		return false;
	c->found[bit >> 6] |= UINT64_C(1) << (bit & 63);
	if (closure_tracing(c, o.type) != TRACE_NONE)
		remember(c, addr, bit);
	return true;
}

/* Whether a word refers to an object, which need not be in foreign memory. */
static bool refers(struct closure *c, uint64_t word)
{
	struct heap_walk *w = c->walk;
	uint64_t type;
	if (closure_mark(c, word, false))
		return true;
	return word % w->word == 0 && word - w->low < w->high - w->low &&
	       !closure_memory_at(c, word) && !failed(mem_ptr(w->mem, word + w->at.type, &type)) &&
	       type_by_word(w, type) != HEAP_NO_TYPE;
}

/* What may be a body of a kind that is not known. Several objects may have the same. */
static void scan_unknown(struct closure *c, uint64_t addr)
{
	const struct heap_walk *w = c->walk;
	uint64_t zeros = 0, word, *seen = &c->seen[mix(addr) >> (64 - SEEN_BITS)];
	if (addr % (2 * w->word) || *seen == addr || !closure_memory_at(c, addr))
		return;
	*seen = addr;
	for (uint64_t n = 0; n < BODY_MAX && zeros < ZEROS_MAX; n++) {
		if (failed(mem_ptr(w->mem, addr + n * w->word, &word)) ||
			(word && !refers(c, word)))
			return;
		zeros = word ? 0 : zeros + 1;
	}
}

/* bodies: words that lead to no object may lead to a body. Made-up objects can all have the same
 * large body, so there is an end to it. */
static void scan(struct closure *c, uint64_t addr, uint64_t n, bool bodies)
{
	const struct heap_walk *w = c->walk;
	uint8_t room[WINDOW];
	uint64_t part;
	if (c->looked / LOOKS_MAX > w->held)
		return;
	c->looked += n;
	for (uint64_t at = 0; at + w->word <= n; at += part) {
		uint64_t want = n - at < WINDOW ? n - at : WINDOW;
		const uint8_t *p = closure_bytes(c, addr + at, want, room, &part);
		part &= ~(uint64_t)(w->word - 1);
		if (!part)
			return;
		for (uint64_t i = 0; p && i < part; i += w->word) {
			uint64_t word = word_at(w, p + i) & ~c->tags;
			if (closure_may_hold(c, word) && !closure_mark(c, word, false) && bodies)
				scan_unknown(c, word);
		}
	}
}

void closure_scan(struct closure *c, uint64_t addr, uint64_t n)
{
	scan(c, addr, n, false);
}

/* Bodies elsewhere are blocks that are looked at by themselves. */
static void scan_body(struct closure *c, void *ctx, const struct body *b)
{
	(void)ctx;
	const struct foreign *f = closure_memory_at(c, b->addr);
	if (f && b->n <= f->end - b->addr)
		closure_scan(c, b->addr, b->n);
}

/* The part of a list's items that is in use. */
static void scan_items(struct closure *c, uint64_t addr)
{
	scan_body(c, NULL,
		&(struct body){ get(c, addr, FIELD_list_items),
			times(get(c, addr, FIELD_varobject_size), c->walk->word), false });
}

/* Where the word is that leads to the body of an object of a known kind. */
static enum field body_field(const struct layout *l, enum tracing t)
{
	switch (t) {
	case TRACE_LIST:
		return FIELD_list_items;
	case TRACE_DICT:
		return l->row->dicts == DICTS_TABLE ? FIELD_dict_table : FIELD_dict_keys;
	case TRACE_SET:
		return FIELD_set_table;
	case TRACE_DEQUE:
		return FIELD_deque_leftblock;
	case TRACE_UNKNOWN:
	case TRACE_NONE:
	case TRACE_WORDS:
		break;
	}
	return FIELD_COUNT;
}

void closure_trace(struct closure *c, uint64_t addr, uint32_t type, uint32_t lead, uint64_t own)
{
	const struct layout *l = c->walk->l;
	enum tracing how = closure_tracing(c, type);
	uint32_t head = c->walk->at.type;
	if (how == TRACE_NONE)
		return;
	own = (own + c->walk->word - 1) & ~(uint64_t)(c->walk->word - 1);
	if (lead > c->walk->at.gc_head) /* dict and weak references in front */
		closure_scan(c, addr - lead, lead - c->walk->at.gc_head);
	enum field body = body_field(l, how);
	if (body == FIELD_COUNT) {
		scan(c, addr + head, own > head ? own - head : 0, true);
	} else {
		uint64_t at = l->field[body].offset, behind = at + c->walk->word;
		closure_scan(c, addr + head, at - head);
		closure_scan(c, addr + behind, own > behind ? own - behind : 0);
	}
	if (how == TRACE_LIST)
		scan_items(c, addr);
	else
		each_body(c, addr, type, scan_body, NULL);
}

static void trace_found(struct closure *c, uint64_t addr)
{
	struct proven_object o;
	if (closure_prove(c, addr, true, &o))
		closure_trace(c, addr, o.type, o.lead, o.own);
}

void closure_trace_bit(struct closure *c, uint64_t bit)
{
	trace_found(c, closure_address(c, bit));
}

void closure_drain(struct closure *c)
{
	while (c->n_stack)
		trace_found(c, c->stack[--c->n_stack]);
}
