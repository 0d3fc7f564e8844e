/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole numbers in decimal. 60 bits of the number at a time, most significant first, go into a
 * decimal number of limbs that each count to 10**19: all its limbs times 2**60, plus these bits.
 * That takes the square of the length in time, so where only the first digits are wanted, only as
 * many limbs as these need are kept, and the lowest is dropped when one more is needed.
 *
 * What is lost by that: a dropped limb and the bits that do not reach the limbs that are left are
 * less than 2 in the lowest of these, of a number of at least 10**(19 * (limbs - 1)). The steps
 * that follow keep the proportion, so that n steps lose less than 2 * n in the lowest limb but one,
 * and n is far below 10**19: never more than 1 is carried from the lowest two limbs to those above.
 */
#include "format.h"

#include "pycore/alloc.h"

#include <inttypes.h>
#include <string.h>

enum {
	CHUNK_BITS = 60,
	LIMB_DIGITS = 19,
	LIMB_BITS_MIN = 63, /* 10**19 is more than 2**63 */
	UNSURE_LIMBS = 2,
	WORK_MAX = 600000, /* limbs multiplied: about a millisecond */
};
#define LIMB_END UINT64_C(10000000000000000000)

struct whole {
	const uint32_t *digits;
	size_t n;
	unsigned digit_bits;
};

struct decimal {
	uint64_t *limbs; /* least significant first */
	size_t n, room;
	uint64_t dropped; /* limbs that were less significant */
};

static uint32_t digit_at(const struct whole *w, size_t i)
{
	return i < w->n ? w->digits[i] & ((UINT32_C(1) << w->digit_bits) - 1) : 0;
}

static struct whole without_leading_zeros(struct whole w)
{
	while (w.n && !digit_at(&w, w.n - 1))
		w.n--;
	return w;
}

static unsigned top_bits(const struct whole *w)
{
	return w->n ? 32 - (unsigned)__builtin_clz(digit_at(w, w->n - 1)) : 0;
}

static uint64_t chunk_at(const struct whole *w, size_t i)
{
	uint64_t chunk = 0;
	size_t per_chunk = CHUNK_BITS / w->digit_bits;
	for (size_t k = per_chunk; k-- > 0;)
		chunk = chunk << w->digit_bits | digit_at(w, i * per_chunk + k);
	return chunk;
}

/* 2**127 / 10**19, rounded down: the quotient that it gives is right or 1 too small. */
#define LIMB_INVERSE UINT64_C(17014118346046923173)

static void push_chunk(struct decimal *d, uint64_t chunk)
{
	uint64_t carry = d->dropped ? 0 : chunk;
	for (size_t i = 0; i < d->n; i++) {
		uint64_t quotient =
			(uint64_t)((unsigned __int128)d->limbs[i] * LIMB_INVERSE >> 64) >> 3;
		uint64_t rest = (d->limbs[i] << CHUNK_BITS) - quotient * LIMB_END;
		bool over = rest >= LIMB_END;
		rest -= over ? LIMB_END : 0;
		quotient += over;
		rest += carry;
		over = rest >= LIMB_END;
		d->limbs[i] = rest - (over ? LIMB_END : 0);
		carry = quotient + over;
	}
	if (!carry)
		return;
	if (d->n == d->room) {
		memmove(d->limbs, d->limbs + 1, --d->n * sizeof(*d->limbs));
		d->dropped++;
	}
	d->limbs[d->n++] = carry;
}

/* Its digits, malloc'ed. */
static char *decimal_text(const struct decimal *d, size_t *ret)
{
	char *text = xmalloc(d->n * LIMB_DIGITS);
	size_t zeros = 0;
	for (size_t i = 0; i < d->n; i++) {
		uint64_t limb = d->limbs[d->n - 1 - i];
		for (size_t k = LIMB_DIGITS; k-- > 0; limb /= 10)
			text[i * LIMB_DIGITS + k] = (char)('0' + limb % 10);
	}
	while (zeros + 1 < d->n * LIMB_DIGITS && text[zeros] == '0')
		zeros++;
	*ret = d->n * LIMB_DIGITS - zeros;
	memmove(text, text + zeros, *ret);
	return text;
}

static bool put_cut(struct str *to, const char *digits, size_t n, uint64_t more, const char *what)
{
	str_add(to, digits, n);
	if (more)
		str_addf(to, "... +%" PRIu64 " more %s%s", more, what, more == 1 ? "" : "s");
	return !more;
}

/* Whether nothing that is lost can be carried into the digits shown. */
static bool digits_sure(const struct decimal *d, const char *text, size_t n, size_t shown)
{
	if (!d->dropped)
		return true;
	for (size_t i = shown; i + UNSURE_LIMBS * LIMB_DIGITS < n; i++) {
		if (text[i] != '9')
			return true;
	}
	return false;
}

/* False: nothing is written, it would take too long. *ret: nothing was left out. */
static bool put_decimal(struct str *to, const struct whole *w, bool negative, unsigned max_digits,
	size_t room, bool *ret)
{
	size_t per_chunk = CHUNK_BITS / w->digit_bits, steps = (w->n + per_chunk - 1) / per_chunk;
	if (steps * room - room * room / 2 > WORK_MAX) /* there are fewer of them at first */
		return false;
	AUTO_FREE uint64_t *limbs = xmalloc(room * sizeof(*limbs));
	struct decimal d = { .limbs = limbs, .room = room };
	for (size_t i = steps; i-- > 0;)
		push_chunk(&d, chunk_at(w, i));
	size_t n;
	AUTO_FREE char *text = decimal_text(&d, &n);
	size_t shown = n < max_digits ? n : max_digits;
	if (!digits_sure(&d, text, n, shown))
		return false;
	if (negative)
		str_putc(to, '-');
	*ret = put_cut(to, text, shown, n - shown + d.dropped * LIMB_DIGITS, "digit");
	return true;
}

bool format_int(struct str *to, const uint32_t *digits, size_t n, unsigned digit_bits,
	bool negative, unsigned max_digits)
{
	struct whole w = without_leading_zeros((struct whole){ digits, n, digit_bits });
	bool all;
	if (!w.n)
		return put_cut(to, "0", max_digits > 0, !max_digits, "digit");
	if (w.n <= FORMAT_INT_BITS_MAX / digit_bits) {
		size_t exact = w.n * digit_bits / LIMB_BITS_MIN + 1;
		/* the topmost holds some digits only, and one tells that nothing is carried */
		size_t enough = max_digits / LIMB_DIGITS + 3 + UNSURE_LIMBS;
		if (enough < exact && put_decimal(to, &w, negative, max_digits, enough, &all))
			return all;
		if (put_decimal(to, &w, negative, max_digits, exact, &all))
			return all;
	}
	return format_int_head(to, digits, n, 0, digit_bits, negative, max_digits);
}

/* The four bits from that one on. */
static unsigned nibble_at(const struct whole *w, size_t bit)
{
	size_t i = bit / w->digit_bits;
	uint64_t two = digit_at(w, i) | (uint64_t)digit_at(w, i + 1) << w->digit_bits;
	return two >> bit % w->digit_bits & 0xf;
}

bool format_int_head(struct str *to, const uint32_t *digits, size_t n, uint64_t n_below,
	unsigned digit_bits, bool negative, unsigned max_digits)
{
	struct whole w = without_leading_zeros((struct whole){ digits, n, digit_bits });
	/* 64 bits hold the hexadecimal digits of all that a count of 61 bits can count, not its
	 * bits */
	unsigned __int128 below = (unsigned __int128)n_below * digit_bits;
	uint64_t end_below = (uint64_t)((below + 3) / 4);
	unsigned __int128 bits = w.n ? below + (w.n - 1) * digit_bits + top_bits(&w) : below;
	uint64_t end = (uint64_t)((bits + 3) / 4);
	uint64_t at_hand = w.n ? end - end_below : 0;
	size_t shown = at_hand < max_digits ? (size_t)at_hand : max_digits;
	str_puts(to, negative ? "-0x" : "0x");
	for (size_t i = 0; i < shown; i++) {
		size_t bit = (size_t)((unsigned __int128)(end - 1 - i) * 4 - below);
		str_putc(to, "0123456789abcdef"[nibble_at(&w, bit)]);
	}
	return put_cut(to, "", 0, end - shown, "hexadecimal digit");
}
