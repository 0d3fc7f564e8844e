/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing, at most half full. A free slot holds the key FREE, so that
 * the value of that one key stands beside the table. */
#include "pycore/hash.h"

#include "pycore/alloc.h"

#include <string.h>

#define FREE UINT64_MAX

struct hash_slot {
	uint64_t key, value;
};

static struct hash_slot *slot_of(const struct hash *h, uint64_t key)
{
	size_t i = (key * 0x9e3779b97f4a7c15u) >> 20;
	for (;; i++) {
		struct hash_slot *s = &h->slots[i & (h->cap - 1)];
		if (s->key == key || s->key == FREE)
			return s;
	}
}

static void grow(struct hash *h)
{
	struct hash old = *h;
	h->cap = old.cap ? old.cap * 2 : 64;
	h->slots = xmalloc(h->cap * sizeof(*h->slots));
	memset(h->slots, 0xff, h->cap * sizeof(*h->slots));
	for (size_t i = 0; i < old.cap; i++) {
		if (old.slots[i].key != FREE)
			*slot_of(h, old.slots[i].key) = old.slots[i];
	}
	free(old.slots);
}

bool hash_get(const struct hash *h, uint64_t key, uint64_t *ret)
{
	if (key == FREE) {
		if (h->has_free_key)
			*ret = h->free_key_value;
		return h->has_free_key;
	}
	if (!h->cap)
		return false;
	const struct hash_slot *s = slot_of(h, key);
	if (s->key != key)
		return false;
	*ret = s->value;
	return true;
}

bool hash_put(struct hash *h, uint64_t key, uint64_t value)
{
	if (key == FREE) {
		bool first = !h->has_free_key;
		h->has_free_key = true;
		h->free_key_value = value;
		return first;
	}
	if (h->len * 2 >= h->cap)
		grow(h);
	struct hash_slot *s = slot_of(h, key);
	bool fresh = s->key == FREE;
	h->len += fresh;
	*s = (struct hash_slot){ .key = key, .value = value };
	return fresh;
}

void hash_clear(struct hash *h)
{
	if (h->len)
		memset(h->slots, 0xff, h->cap * sizeof(*h->slots));
	h->len = 0;
	h->has_free_key = false;
}

void hash_fini(struct hash *h)
{
	free(h->slots);
	*h = (struct hash){ 0 };
}
