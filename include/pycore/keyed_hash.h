/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash with a key that is drawn anew in each run, for redacted text: equal texts show equal
 * hashes within one report, and nothing can be told from them without its key, which is kept
 * nowhere.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* bytes may be NULL if n is 0. */
uint64_t keyed_hash(const void *bytes, size_t n);

/* The function behind it, SipHash-2-4 with a key of 16 bytes: for tests. */
uint64_t siphash24(const uint8_t key[16], const void *bytes, size_t n);
