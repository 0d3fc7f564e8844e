/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What objects weigh whose bodies lie elsewhere, made by hand: as they ought to be, and as no
 * process would have them. Whole processes are in tests/survey.
 */
#include "suites.h"

#include "fakepy.h"

#include "pycore/bytes.h"
#include "pycore/sizes.h"

#include <string.h>

enum {
	WORD = 8,
	UNMAPPED = 0x70000000,
	ARRAY_BASIC = 96, /* of numpy.ndarray and numpy.dtype in numpy 2 */
	DTYPE_BASIC = 88,
	OWNDATA = 4,
	CONTIGUOUS = 1,
};

static struct fakepy f;

static const struct layout *l(void)
{
	return &f.rt->layout;
}

static void setup(void)
{
	fakepy_init(&f, fakepy_row(3, 12));
	fakepy_classes(&f);
	python_walk(&f.python);
}

static void teardown(void)
{
	fakepy_fini(&f);
}

static uint64_t make_object(uint64_t type, size_t size)
{
	uint64_t addr = fakepy_alloc(&f, size);
	fakepy_set(&f, addr, FIELD_object_type, type);
	return addr;
}

static void put(uint64_t addr, size_t offset, uint64_t value)
{
	memcpy(fakepy_at(&f, addr) + offset, &value, WORD);
}

static bool measure(uint64_t addr, uint64_t type, size_t n, struct py_size *ret)
{
	const struct py_sizing *s = py_sizing_of(&f.python, f.rt, type);
	ck_assert_ptr_nonnull(s);
	return py_measure(s, addr, fakepy_at(&f, addr), n, 0, ret);
}

/* ---- numpy ---- */

static uint64_t array_type, array, shape, strides;

/* Two rows of three numbers of 8 bytes. */
static void make_array(uint64_t flags)
{
	uint64_t dtype_type = fakepy_class(&f, "numpy.dtype", 0, DTYPE_BASIC);
	uint64_t dtype = make_object(dtype_type, DTYPE_BASIC);
	put(dtype, 24, 'i');
	put(dtype, 40, 8);
	array_type = fakepy_class(&f, "numpy.ndarray", 0, ARRAY_BASIC);
	array = make_object(array_type, ARRAY_BASIC);
	shape = fakepy_alloc(&f, 4 * WORD);
	strides = shape + 2 * WORD;
	put(shape, 0, 2);
	put(shape, WORD, 3);
	put(strides, 0, 24);
	put(strides, WORD, 8);
	put(array, 16, fakepy_alloc(&f, 48));
	put(array, 24, 2);
	put(array, 32, shape);
	put(array, 40, strides);
	put(array, 56, dtype);
	put(array, 64, flags);
}

static void check_array(bool good, uint64_t owned)
{
	struct py_size size;
	ck_assert_int_eq(measure(array, array_type, ARRAY_BASIC, &size), good);
	ck_assert_uint_eq(size.own, ARRAY_BASIC);
	ck_assert_uint_eq(size.owned, owned);
	ck_assert_uint_eq(size.getsizeof, ARRAY_BASIC + owned);
}

START_TEST(an_array_owns_its_elements)
{
	make_array(OWNDATA | CONTIGUOUS);
	check_array(true, 48 + 32);
}
END_TEST

START_TEST(a_view_owns_only_its_shape)
{
	make_array(CONTIGUOUS);
	check_array(true, 32);
}
END_TEST

START_TEST(an_array_without_elements_may_have_any_strides)
{
	make_array(OWNDATA | CONTIGUOUS);
	put(shape, 0, 0);
	put(strides, WORD, 77);
	check_array(true, 32);
}
END_TEST

START_TEST(arrays_that_contradict_themselves_own_no_elements)
{
	make_array(OWNDATA | CONTIGUOUS);
	put(strides, WORD, 4);
	check_array(false, 32);
	put(strides, WORD, 8);
	put(shape, 0, UINT64_C(1) << 39);
	put(shape, WORD, UINT64_C(1) << 39);
	check_array(false, 32);
	put(shape, 0, UINT64_C(1) << 63);
	check_array(false, 32);
	put(shape, 0, 2);
	put(shape, WORD, 3);
	put(array, 16, UNMAPPED);
	check_array(false, 32);
	put(array, 56, UNMAPPED);
	check_array(false, 32);
	put(array, 32, UNMAPPED);
	check_array(false, 32);
	put(array, 24, 65);
	check_array(false, 0);
}
END_TEST

START_TEST(an_array_of_an_unknown_layout_is_not_measured)
{
	make_array(OWNDATA);
	fakepy_set(&f, array_type, FIELD_type_basicsize, 200);
	ck_assert(!py_sizing_of(&f.python, f.rt, array_type)->known);
}
END_TEST

START_TEST(a_scalar_counts_its_value_twice_and_must_be_known)
{
	uint64_t scalar = fakepy_class(&f, "numpy.generic", 0, 16);
	uint64_t number = fakepy_class(&f, "numpy.float64", 0, 24),
		 other = fakepy_class(&f, "numpy.x", 0, 24);
	uint64_t mro[] = { number, scalar };
	for (int i = 0; i < 2; i++, mro[0] = other) {
		uint64_t at = fakepy_alloc(&f, 64);
		fakepy_set(&f, at, FIELD_varobject_size, 2);
		memcpy(fakepy_at(&f, at) + l()->field[FIELD_tuple_items].offset, mro, sizeof(mro));
		fakepy_set(&f, mro[0], FIELD_type_mro, at);
	}
	struct py_size size;
	ck_assert(measure(make_object(number, 24), number, 24, &size));
	ck_assert_uint_eq(size.own, 24);
	ck_assert_uint_eq(size.getsizeof, 32);
	ck_assert(!py_sizing_of(&f.python, f.rt, other)->known);
}
END_TEST

/* ---- the standard library ---- */

static uint64_t struct_type, structure, codes;

static void make_struct(unsigned n)
{
	uint64_t size = l()->field[FIELD_format_code_sizeof].offset;
	struct_type = fakepy_class(&f, "_struct.Struct", 0, l()->field[FIELD_struct_sizeof].offset);
	structure = make_object(struct_type, 64);
	codes = fakepy_alloc(&f, (n + 1) * size);
	for (unsigned i = 0; i < n; i++)
		put(codes, i * size, 1);
	fakepy_set(&f, structure, FIELD_struct_codes, codes);
}

START_TEST(codes_of_a_struct_are_counted_with_their_end)
{
	struct py_size size;
	make_struct(5);
	ck_assert(measure(structure, struct_type, 64, &size));
	ck_assert_uint_eq(size.owned, 6 * l()->field[FIELD_format_code_sizeof].offset);
	ck_assert_uint_eq(size.getsizeof, size.own + size.owned);
}
END_TEST

START_TEST(codes_of_a_struct_without_end_are_damage)
{
	struct py_size size;
	make_struct(5);
	fakepy_set(&f, structure, FIELD_struct_codes, UNMAPPED);
	ck_assert(!measure(structure, struct_type, 64, &size));
	ck_assert_uint_eq(size.owned, 0);
}
END_TEST

START_TEST(a_struct_of_another_size_is_not_known)
{
	make_struct(1);
	fakepy_set(&f, struct_type, FIELD_type_basicsize,
		l()->field[FIELD_struct_sizeof].offset + WORD);
	ck_assert(!py_sizing_of(&f.python, f.rt, struct_type)->known);
}
END_TEST

START_TEST(text_in_a_stringio_is_its_own_but_not_counted)
{
	uint64_t basic = l()->field[FIELD_stringio_sizeof].offset;
	uint64_t type = fakepy_class(&f, "_io.StringIO", 0, basic), text = make_object(type, basic);
	struct py_size size;
	fakepy_set(&f, text, FIELD_stringio_buf, fakepy_alloc(&f, 400));
	fakepy_set(&f, text, FIELD_stringio_buf_size, 100);
	ck_assert(measure(text, type, basic, &size));
	ck_assert_uint_eq(size.owned, 400);
	ck_assert_uint_eq(size.getsizeof, basic);
	fakepy_set(&f, text, FIELD_stringio_buf_size, UINT64_C(1) << 50);
	ck_assert(!measure(text, type, basic, &size));
	ck_assert_uint_eq(size.owned, 0);
}
END_TEST

START_TEST(a_time_without_zone_ends_before_it)
{
	uint64_t end = l()->field[FIELD_time_tzinfo].offset, basic = end + WORD;
	uint64_t type = fakepy_class(&f, "datetime.time", 0, basic),
		 other = fakepy_class(&f, "plain", 0, basic);
	uint64_t moment = make_object(type, basic);
	struct py_size size;
	ck_assert_uint_eq(py_least_size(&f.python, f.rt, type, basic), end);
	ck_assert_uint_eq(py_least_size(&f.python, f.rt, other, basic), basic);
	ck_assert(measure(moment, type, end, &size));
	ck_assert_uint_eq(size.own, end);
	ck_assert_uint_eq(size.getsizeof, basic);
	fakepy_set(&f, moment, FIELD_time_hastzinfo, 1);
	ck_assert(measure(moment, type, basic, &size));
	ck_assert_uint_eq(size.own, basic);
}
END_TEST

Suite *suite_sizes(void)
{
	Suite *s = suite_create("sizes");
	TCase *c = tcase_create("sizes");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, an_array_owns_its_elements);
	tcase_add_test(c, a_view_owns_only_its_shape);
	tcase_add_test(c, an_array_without_elements_may_have_any_strides);
	tcase_add_test(c, arrays_that_contradict_themselves_own_no_elements);
	tcase_add_test(c, an_array_of_an_unknown_layout_is_not_measured);
	tcase_add_test(c, a_scalar_counts_its_value_twice_and_must_be_known);
	tcase_add_test(c, codes_of_a_struct_are_counted_with_their_end);
	tcase_add_test(c, codes_of_a_struct_without_end_are_damage);
	tcase_add_test(c, a_struct_of_another_size_is_not_known);
	tcase_add_test(c, text_in_a_stringio_is_its_own_but_not_counted);
	tcase_add_test(c, a_time_without_zone_ends_before_it);
	suite_add_tcase(s, c);
	return s;
}
