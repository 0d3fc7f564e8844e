/* SPDX-License-Identifier: Apache-2.0 */
/* A map from uint64_t keys to uint64_t values, and so a set of visited addresses too.
 * Zero-initialised is empty and ready; it owns its table only. Keys may come from a target: every
 * one can be used. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash {
	struct hash_slot *slots;
	size_t cap; /* a power of two, or 0 */
	size_t len; /* of the table */
	bool has_free_key; /* the one key that the table cannot hold is there, with this value */
	uint64_t free_key_value;
};

/* The value of key in *ret and true, or false and *ret untouched. */
bool hash_get(const struct hash *h, uint64_t key, uint64_t *ret);
/* Sets the value of key. Returns true if the key is new. */
bool hash_put(struct hash *h, uint64_t key, uint64_t value);
/* Forgets all keys and keeps the memory. */
void hash_clear(struct hash *h);
void hash_fini(struct hash *h);
