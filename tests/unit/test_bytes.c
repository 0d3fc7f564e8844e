/* SPDX-License-Identifier: Apache-2.0 */
#include "suites.h"

#include "pycore/bytes.h"

static const uint8_t sample[] = { 0x81, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xf8 };

START_TEST(unsigned_of_every_size)
{
	ck_assert_uint_eq(bytes_uint(sample, 1, ORDER_LITTLE), 0x81);
	ck_assert_uint_eq(bytes_uint(sample, 2, ORDER_LITTLE), 0x0281);
	ck_assert_uint_eq(bytes_uint(sample, 4, ORDER_LITTLE), 0x04030281);
	ck_assert_uint_eq(bytes_uint(sample, 8, ORDER_LITTLE), 0xf807060504030281);
	ck_assert_uint_eq(bytes_uint(sample, 1, ORDER_BIG), 0x81);
	ck_assert_uint_eq(bytes_uint(sample, 2, ORDER_BIG), 0x8102);
	ck_assert_uint_eq(bytes_uint(sample, 4, ORDER_BIG), 0x81020304);
	ck_assert_uint_eq(bytes_uint(sample, 8, ORDER_BIG), 0x81020304050607f8);
	ck_assert_uint_eq(bytes_uint(sample + 1, 4, ORDER_BIG), 0x02030405);
}
END_TEST

START_TEST(signed_of_every_size)
{
	ck_assert_int_eq(bytes_int(sample, 1, ORDER_LITTLE), (int8_t)0x81);
	ck_assert_int_eq(bytes_int(sample, 2, ORDER_BIG), (int16_t)0x8102);
	ck_assert_int_eq(bytes_int(sample, 2, ORDER_LITTLE), 0x0281);
	ck_assert_int_eq(bytes_int(sample, 4, ORDER_BIG), (int32_t)0x81020304);
	ck_assert_int_eq(bytes_int(sample, 8, ORDER_LITTLE), (int64_t)0xf807060504030281);
	ck_assert_int_eq(bytes_int("\xff\xff\xff\xff", 4, ORDER_LITTLE), -1);
}
END_TEST

START_TEST(cursor_reads_in_order)
{
	struct cursor c = cursor_of(sample, sizeof(sample), ORDER_BIG);
	ck_assert_uint_eq(cursor_uint(&c, 2), 0x8102);
	cursor_skip(&c, 1);
	ck_assert_uint_eq(cursor_left(&c), 5);
	ck_assert_uint_eq(cursor_uint(&c, 4), 0x04050607);
	ck_assert_ptr_eq(cursor_take(&c, 1), sample + 7);
	ck_assert_uint_eq(cursor_left(&c), 0);
	ck_assert(!c.overrun);
	ck_assert_ptr_nonnull(cursor_take(&c, 0));
	ck_assert(!c.overrun);
}
END_TEST

START_TEST(cursor_overrun_stays)
{
	struct cursor c = cursor_of(sample, sizeof(sample), ORDER_LITTLE);
	cursor_skip(&c, 6);
	ck_assert_uint_eq(cursor_uint(&c, 4), 0);
	ck_assert(c.overrun);
	ck_assert_uint_eq(cursor_left(&c), 0);
	/* Two bytes are left, but whoever reads on must not get them as another field. */
	ck_assert_uint_eq(cursor_uint(&c, 2), 0);
	ck_assert_ptr_null(cursor_take(&c, 1));
}
END_TEST

START_TEST(cursor_refuses_absurd_sizes)
{
	static const uint64_t sizes[] = { 9, UINT32_MAX, (uint64_t)1 << 60, UINT64_MAX - 7,
		UINT64_MAX };
	struct cursor c = cursor_of(sample, sizeof(sample), ORDER_LITTLE);
	ck_assert_ptr_null(cursor_take(&c, sizes[_i]));
	ck_assert(c.overrun);
}
END_TEST

START_TEST(cursor_of_nothing)
{
	struct cursor c = cursor_of(NULL, 0, ORDER_LITTLE);
	ck_assert_uint_eq(cursor_uint(&c, 1), 0);
	ck_assert(c.overrun);
}
END_TEST

Suite *suite_bytes(void)
{
	Suite *s = suite_create("bytes");
	TCase *t = tcase_create("bytes");
	tcase_add_test(t, unsigned_of_every_size);
	tcase_add_test(t, signed_of_every_size);
	tcase_add_test(t, cursor_reads_in_order);
	tcase_add_test(t, cursor_overrun_stays);
	tcase_add_loop_test(t, cursor_refuses_absurd_sizes, 0, 5);
	tcase_add_test(t, cursor_of_nothing);
	suite_add_tcase(s, t);
	return s;
}
