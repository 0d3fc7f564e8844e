/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes of dicts (Objects/dictobject.c, odictobject.c; dict.c tells their layout). A keys object
 * that several dicts share counts for none of them: it is the class's. An OrderedDict has a node
 * for each entry beside it.
 */
#include "sizes.h"

#define INLINE __attribute__((always_inline)) static inline
#define APART  __attribute__((noinline)) static

/* Room that a table of indices of that size is filled up to. */
static uint64_t usable_of(uint64_t size)
{
	return (size << 1) / 3;
}

static uint64_t index_width(uint64_t slots)
{
	return slots <= UINT8_MAX ? 1 : slots <= UINT16_MAX ? 2 : slots <= UINT32_MAX ? 4 : 8;
}

/* The head of a keys object. */
struct keys {
	const struct layout *l;
	const uint8_t *bytes;
	size_t n;
	uint8_t copy[64];
};

/* Looks for another range to see keys in; false: they cannot be seen, or are not there. */
APART bool move_window(struct window *w, struct mem *mem, uint64_t keys, size_t n)
{
	struct mem_range r;
	if (!mem_range_at(mem, keys, &r) || r.end - keys < n)
		return false;
	const uint8_t *bytes = mem_view(mem, r.start, r.end - r.start);
	if (bytes)
		*w = (struct window){ r.start, r.end - r.start, bytes };
	return bytes;
}

INLINE bool read_keys(const struct py_measure *m, uint64_t keys, struct keys *ret)
{
	struct mem *mem = m->h->rt->mem;
	struct window *w = m->keys;
	ret->l = &m->h->rt->layout;
	ret->n = ret->l->field[FIELD_keys_indices].offset;
	if (!keys || ret->n > sizeof(ret->copy))
		return false;
	bool inside = keys - w->start < w->n && w->n - (keys - w->start) >= ret->n;
	if (inside || move_window(w, mem, keys, ret->n)) {
		ret->bytes = w->bytes + (keys - w->start);
		return true;
	}
	ret->bytes = ret->copy;
	return !failed(mem_read(mem, keys, ret->copy, ret->n));
}

INLINE uint64_t keys_get(const struct keys *k, enum field f)
{
	bool damaged;
	return weighed_field(k->l, f, k->bytes, k->n, &damaged);
}

bool keys_values(const struct py_measure *m, uint64_t keys, uint64_t *ret)
{
	struct keys k;
	if (!read_keys(m, keys, &k))
		return false;
	*ret = keys_get(&k, FIELD_keys_nentries) + keys_get(&k, FIELD_keys_usable);
	return *ret <= UINT16_MAX;
}

INLINE bool weigh_keys(const struct py_measure *m, uint64_t keys, uint64_t *ret, bool *ret_shared)
{
	enum { LOG2_MAX = 40 };
	struct keys k;
	if (!read_keys(m, keys, &k))
		return false;
	uint64_t head = k.l->field[FIELD_keys_indices].offset;
	*ret_shared = keys_get(&k, FIELD_keys_refcnt) != 1;
	if (k.l->row->dicts == DICTS_SIZED) {
		uint64_t size = keys_get(&k, FIELD_keys_size);
		*ret = head + size * index_width(size) +
		       usable_of(size) * k.l->field[FIELD_entry_sizeof].offset;
		return size >> LOG2_MAX == 0;
	}
	uint64_t log2 = keys_get(&k, FIELD_keys_log2_size);
	uint64_t log2_bytes = keys_get(&k, FIELD_keys_log2_index_bytes);
	enum field entry =
		keys_get(&k, FIELD_keys_kind) ? FIELD_unicode_entry_sizeof : FIELD_entry_sizeof;
	if (log2 > LOG2_MAX || log2_bytes > LOG2_MAX)
		return false;
	*ret = head + (UINT64_C(1) << log2_bytes) +
	       usable_of(UINT64_C(1) << log2) * k.l->field[entry].offset;
	return true;
}

bool keys_weigh(const struct py_measure *m, uint64_t keys, uint64_t *ret, bool *ret_shared)
{
	return weigh_keys(m, keys, ret, ret_shared);
}

/* The values of a dict that shares its keys: what __sizeof__ counts of them, and all. */
static void weigh_split(struct weighed *w, uint64_t keys)
{
	const struct layout *l = weighed_layout(w);
	struct keys k;
	uint64_t n, word = weighed_word(w), around = 0;
	if (!read_keys(w->m, keys, &k)) {
		w->damaged = true;
		return;
	}
	n = l->row->dicts == DICTS_SIZED
		    ? usable_of(keys_get(&k, FIELD_keys_size))
		    : keys_get(&k, FIELD_keys_nentries) + keys_get(&k, FIELD_keys_usable);
	if (n > UINT16_MAX) {
		w->damaged = true;
		return;
	}
	if (l->row->values == VALUES_PREFIXED)
		around = (n + 2 + word - 1) / word * word;
	else if (l->row->values == VALUES_HEADED)
		around = l->field[FIELD_values_values].offset + (n + word - 1) / word * word;
	w->size->getsizeof += n * word;
	w->size->owned += n * word + around;
}

void weigh_dict(struct weighed *w)
{
	const struct layout *l = weighed_layout(w);
	uint64_t bytes;
	bool shared;
	if (l->row->dicts == DICTS_TABLE) {
		if (weighed_get(w, FIELD_dict_table) !=
			w->addr + l->field[FIELD_dict_small_table].offset)
			weighed_body(w, weighed_product(w, weighed_get(w, FIELD_dict_mask) + 1,
						l->field[FIELD_entry_sizeof].offset));
		return;
	}
	uint64_t keys = weighed_field(l, FIELD_dict_keys, w->bytes, w->n, &w->damaged);
	uint64_t values = weighed_field(l, FIELD_dict_values, w->bytes, w->n, &w->damaged);
	if (values)
		weigh_split(w, keys);
	if (!weigh_keys(w->m, keys, &bytes, &shared))
		w->damaged = true;
	else if (!shared)
		weighed_body(w, bytes);
}

void weigh_ordered_dict(struct weighed *w)
{
	const struct layout *l = weighed_layout(w);
	weigh_dict(w);
	weighed_body(w,
		weighed_product(w, weighed_get(w, FIELD_odict_fast_nodes_size), weighed_word(w)));
	weighed_body(w, weighed_product(w, weighed_get(w, FIELD_dict_used),
				l->field[FIELD_odict_node_sizeof].offset));
}
