/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shortest digits of a double, exactly, by free-format printing (G. L. Steele, J. L. White,
 * "How to print floating-point numbers accurately", 1990; R. G. Burger, R. K. Dybvig, 1996): the
 * number is a fraction r / s of whole numbers, and the digits of its decimal expansion are drawn
 * until what is left is less than the distance to where the neighbouring doubles begin. CPython's
 * repr() has the same digits (Python/dtoa.c, mode 0), its form is that of float_repr_style 'short'.
 */
#include "format.h"

#include <math.h>
#include <string.h>

/* 10**324 * 2**54 and 2**1076 * 10 are the largest numbers. */
enum { BIG_WORDS = 40, DIGITS_MAX = 17 };

/* A whole number of words of 32 bits, least significant first; the topmost is not 0. */
struct big {
	unsigned n;
	uint32_t w[BIG_WORDS];
};

static void big_trim(struct big *b)
{
	while (b->n && !b->w[b->n - 1])
		b->n--;
}

static void big_set(struct big *b, uint64_t v, unsigned shift)
{
	unsigned low = shift / 32;
	unsigned __int128 shifted = (unsigned __int128)v << shift % 32;
	memset(b->w, 0, low * sizeof(*b->w));
	for (b->n = low; shifted; shifted >>= 32)
		b->w[b->n++] = (uint32_t)shifted;
}

static void big_mul(struct big *b, uint32_t by)
{
	uint64_t carry = 0;
	for (unsigned i = 0; i < b->n; i++) {
		carry += (uint64_t)b->w[i] * by;
		b->w[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry)
		b->w[b->n++] = (uint32_t)carry;
}

static void big_mul_pow10(struct big *b, unsigned exponent)
{
	for (; exponent >= 9; exponent -= 9)
		big_mul(b, 1000000000);
	while (exponent--)
		big_mul(b, 10);
}

static int big_cmp(const struct big *a, const struct big *b)
{
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	for (unsigned i = a->n; i-- > 0;) {
		if (a->w[i] != b->w[i])
			return a->w[i] < b->w[i] ? -1 : 1;
	}
	return 0;
}

/* How a + b * times compares with c. */
static int big_cmp_sum(
	const struct big *a, const struct big *b, uint32_t times, const struct big *c)
{
	struct big sum;
	unsigned most = a->n > b->n ? a->n : b->n;
	uint64_t carry = 0;
	for (unsigned i = 0; i < most; i++) {
		carry += i < a->n ? a->w[i] : 0;
		carry += i < b->n ? (uint64_t)b->w[i] * times : 0;
		sum.w[i] = (uint32_t)carry;
		carry >>= 32;
	}
	sum.w[most] = (uint32_t)carry;
	sum.n = most + 1;
	big_trim(&sum);
	return big_cmp(&sum, c);
}

/* a -= b * times, which must not be less than 0. */
static void big_sub(struct big *a, const struct big *b, uint32_t times)
{
	uint64_t carry = 0, borrow = 0;
	for (unsigned i = 0; i < a->n; i++) {
		carry += i < b->n ? (uint64_t)b->w[i] * times : 0;
		uint64_t left = (uint64_t)a->w[i] - (uint32_t)carry - borrow;
		a->w[i] = (uint32_t)left;
		borrow = left >> 63;
		carry >>= 32;
	}
	big_trim(a);
}

/* The number: r / s; half the distance to the next double below: m / s, above: m * above / s. */
struct fraction {
	struct big r, s, m;
	uint32_t above;
	bool inclusive; /* what lies halfway to a neighbour reads back as this number: the even one
			 */
};

/* v > 0 as a fraction of what is below 1, times 10 to the power of the result. */
static int scale(double v, struct fraction *ret)
{
	enum { FRACTION_BITS = 52, BIAS = 1075 };
	uint64_t bits, f;
	memcpy(&bits, &v, sizeof(bits));
	f = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
	int biased = (int)(bits >> FRACTION_BITS);
	/* the doubles below a power of two are twice as dense as those above */
	unsigned uneven = !f && biased > 1;
	int e = biased ? biased - BIAS : 1 - BIAS;
	f |= biased ? UINT64_C(1) << FRACTION_BITS : 0;
	ret->above = 1 + uneven;
	ret->inclusive = !(f & 1);
	big_set(&ret->r, f, (unsigned)(e > 0 ? e : 0) + 1 + uneven);
	big_set(&ret->s, 1, (unsigned)(e < 0 ? -e : 0) + 1 + uneven);
	big_set(&ret->m, 1, (unsigned)(e > 0 ? e : 0));

	/* 10**floor(x * log10(2)) <= 2**x <= v < 2**(x + 1): this, or one more */
	int x = e + 63 - __builtin_clzll(f);
	int point = (int)(x * INT64_C(78913) >> 18) + 1;
	if (point > 0)
		big_mul_pow10(&ret->s, (unsigned)point);
	big_mul_pow10(&ret->r, point < 0 ? (unsigned)-point : 0);
	big_mul_pow10(&ret->m, point < 0 ? (unsigned)-point : 0);
	if (big_cmp_sum(&ret->r, &ret->m, ret->above, &ret->s) >= !ret->inclusive) {
		big_mul(&ret->s, 10);
		point++;
	}
	return point;
}

/* Takes the whole part, 0 to 9, off r / s. */
static unsigned take_digit(struct big *r, const struct big *s)
{
	unsigned n = s->n, digit;
	if (r->n < n)
		return 0;
	uint64_t top = (r->n > n ? (uint64_t)r->w[n] << 32 : 0) | r->w[n - 1];
	digit = (unsigned)(top / ((uint64_t)s->w[n - 1] + 1));
	if (digit)
		big_sub(r, s, digit);
	for (; big_cmp(r, s) >= 0; digit++)
		big_sub(r, s, 1);
	return digit;
}

/* The digits of v > 0 behind "0.", and the power of ten that it is to be multiplied by. */
static unsigned shortest(double v, char digits[DIGITS_MAX], int *ret_point)
{
	struct fraction f;
	unsigned n = 0, digit;
	int point = scale(v, &f);
	for (;;) {
		big_mul(&f.r, 10);
		big_mul(&f.m, 10);
		digit = take_digit(&f.r, &f.s);
		bool down = big_cmp(&f.r, &f.m) < f.inclusive;
		bool up = big_cmp_sum(&f.r, &f.m, f.above, &f.s) >= !f.inclusive;
		if (down && up) { /* the nearer one, the even one */
			int half = big_cmp_sum(&f.r, &f.r, 1, &f.s);
			up = half > 0 || (!half && digit & 1);
		}
		digits[n++] = (char)('0' + digit + up);
		if (down || up || n == DIGITS_MAX)
			break;
	}
	*ret_point = point;
	return n;
}

static void put_zeros(struct str *to, int n)
{
	while (n-- > 0)
		str_putc(to, '0');
}

static void put_exponential(struct str *to, const char *digits, unsigned n, int exponent)
{
	str_putc(to, digits[0]);
	if (n > 1) {
		str_putc(to, '.');
		str_add(to, digits + 1, n - 1);
	}
	str_addf(to, "e%c%02d", exponent < 0 ? '-' : '+', exponent < 0 ? -exponent : exponent);
}

static void put_plain(struct str *to, const char *digits, int n, int point, bool dot_zero)
{
	if (point <= 0) {
		str_puts(to, "0.");
		put_zeros(to, -point);
		str_add(to, digits, (size_t)n);
	} else if (point < n) {
		str_add(to, digits, (size_t)point);
		str_putc(to, '.');
		str_add(to, digits + point, (size_t)(n - point));
	} else {
		str_add(to, digits, (size_t)n);
		put_zeros(to, point - n);
		if (dot_zero)
			str_puts(to, ".0");
	}
}

void format_double(struct str *to, double v, bool dot_zero)
{
	enum { PLAIN_FROM = -3, PLAIN_TO = 16 };
	char digits[DIGITS_MAX] = "0";
	unsigned n = 1;
	int point = 1;
	if (isnan(v)) {
		str_puts(to, "nan");
		return;
	}
	if (signbit(v))
		str_putc(to, '-');
	if (isinf(v)) {
		str_puts(to, "inf");
		return;
	}
	if (v != 0)
		n = shortest(fabs(v), digits, &point);
	if (point < PLAIN_FROM || point > PLAIN_TO)
		put_exponential(to, digits, n, point - 1);
	else
		put_plain(to, digits, (int)n, point, dot_zero);
}
