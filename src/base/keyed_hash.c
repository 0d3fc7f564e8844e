/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4 (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", 2012): words of
 * 8 bytes, little endian, each mixed in by two rounds; the last word holds what is left over, and
 * the length modulo 256 on top; four rounds end it.
 */
#include "pycore/keyed_hash.h"

#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static void rounds(struct sip *s, unsigned n)
{
	while (n--) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 = rotate(s->v0, 32) + s->v3;
		s->v2 += s->v1;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 = rotate(s->v2, 32);
	}
}

static void mix(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	rounds(s, 2);
	s->v0 ^= word;
}

/* Up to 8 bytes, little endian. */
static uint64_t word_of(const uint8_t *bytes, size_t n)
{
	uint64_t word = 0;
	for (size_t i = 0; i < n; i++)
		word |= (uint64_t)bytes[i] << 8 * i;
	return word;
}

uint64_t siphash24(const uint8_t key[16], const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint64_t k0 = word_of(key, 8), k1 = word_of(key + 8, 8);
	struct sip s = {
		.v0 = k0 ^ 0x736f6d6570736575,
		.v1 = k1 ^ 0x646f72616e646f6d,
		.v2 = k0 ^ 0x6c7967656e657261,
		.v3 = k1 ^ 0x7465646279746573,
	};
	size_t whole = n / 8;
	for (size_t i = 0; i < whole; i++)
		mix(&s, word_of(p + 8 * i, 8));
	mix(&s, (whole * 8 < n ? word_of(p + 8 * whole, n % 8) : 0) | (uint64_t)n << 56);
	s.v2 ^= 0xff;
	rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static uint8_t run_key[16];

/* The kernel gives each program 16 random bytes at its start, should it know no getrandom(). */
static void draw_key(void)
{
	if (getrandom(run_key, sizeof(run_key), 0) != (ssize_t)sizeof(run_key))
		memcpy(run_key, (const void *)getauxval(AT_RANDOM), sizeof(run_key));
}

uint64_t keyed_hash(const void *bytes, size_t n)
{
	static pthread_once_t drawn = PTHREAD_ONCE_INIT;
	pthread_once(&drawn, draw_key);
	return siphash24(run_key, bytes, n);
}
