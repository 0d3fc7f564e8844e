/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What objects weigh by the rules of their types: in every layout the same as when they are
 * measured, whatever their bytes are.
 */
#include "suites.h"

#include "fakepy.h"

#include "pycore/bytes.h"
#include "pycore/sizes.h"

#include <string.h>

enum { WORD = 8, OBJECT_SIZE = 128, TRIES = 20000 };

static struct fakepy f;

static uint64_t made_of_items(const char *name, uint64_t basicsize, uint64_t itemsize)
{
	uint64_t type = fakepy_class(&f, name, 0, basicsize);
	fakepy_set(&f, type, FIELD_type_itemsize, itemsize);
	return type;
}

/* False: no rules are made for such targets. */
static bool setup_row(const struct layout_row *row)
{
	struct layout probe;
	struct layout_key key = { row->last, row->abi, row->machine, row->ptr_size, row->order };
	if (row->ptr_size != WORD || row->order != ORDER_LITTLE ||
		failed(layout_pick(&key, false, &probe)))
		return false;
	fakepy_init(&f, row);
	fakepy_classes(&f);
	python_walk(&f.python);
	return true;
}

static uint64_t next_random(void)
{
	static uint64_t state = 1;
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return state >> 16 | state << 48;
}

/* Numbers as objects have them, and such as none has. */
static uint64_t odd_word(void)
{
	uint64_t v = next_random();
	return v & 1 ? v >> (v >> 1 & 63) : -(v >> (v >> 1 & 63));
}

static void check_size(const struct py_sizing *s, const uint8_t *bytes, size_t n, size_t *held)
{
	struct py_size measured, by_rule;
	uint64_t number;
	if (!py_rule_number(&s->rule, bytes, n, &number))
		return;
	(*held)++;
	by_rule = py_rule_size(&s->rule, 1, number);
	ck_assert(py_measure(s, 0x5000, bytes, n, 0, &measured));
	ck_assert_uint_eq(measured.own, by_rule.own);
	ck_assert_uint_eq(measured.owned, by_rule.owned);
	ck_assert_uint_eq(measured.getsizeof, by_rule.getsizeof);
}

/* How many of random objects follow the rule. */
static size_t check_type(uint64_t type)
{
	const struct py_sizing *s = py_sizing_of(&f.python, f.rt, type);
	uint8_t bytes[OBJECT_SIZE];
	size_t held = 0;
	ck_assert_ptr_nonnull(s);
	for (size_t i = 0; i < TRIES; i++) {
		for (size_t at = 0; at < OBJECT_SIZE; at += WORD) {
			uint64_t word = odd_word();
			memcpy(bytes + at, &word, WORD);
		}
		check_size(s, bytes, next_random() % (OBJECT_SIZE + 1), &held);
	}
	return held;
}

static void each_row(void test(void))
{
	size_t n, run = 0;
	const struct layout_row *rows = layout_rows(&n);
	for (size_t i = 0; i < n; i++) {
		if (!setup_row(&rows[i]))
			continue;
		test();
		fakepy_fini(&f);
		run++;
	}
	ck_assert_uint_ge(run, 9);
}

static void check_counted(void)
{
	const struct layout *l = &f.rt->layout;
	uint64_t digits = l->field[FIELD_long_digits].offset;
	uint64_t list = l->field[FIELD_list_allocated].offset + WORD;
	ck_assert_uint_gt(check_type(fakepy_class(&f, "plain", 0, 48)), TRIES / 4);
	ck_assert_uint_gt(check_type(made_of_items("tuple", 24, 8)), TRIES / 8);
	ck_assert_uint_gt(check_type(fakepy_class(&f, "list", 0, list)), TRIES / 8);
	ck_assert_uint_gt(check_type(made_of_items("int", digits, 4)), TRIES / 8);
	ck_assert_uint_gt(check_type(made_of_items("app.Int", digits + 16, 4)), TRIES / 8);
}

START_TEST(rules_agree_with_what_is_measured)
{
	each_row(check_counted);
}
END_TEST

static void check_text(void)
{
	const struct layout *l = &f.rt->layout;
	uint64_t whole = l->field[FIELD_str_sizeof].offset;
	uint64_t type = fakepy_class(&f, "str", UINT64_C(1) << 28, whole);
	size_t held = check_type(type);
	uint64_t text = fakepy_text(&f, "some text"), number;
	const struct py_sizing *s = py_sizing_of(&f.python, f.rt, type);
	if (l->row->text != TEXT_COMPACT)
		return;
	ck_assert_uint_gt(held, 0);
	ck_assert(py_rule_number(&s->rule, fakepy_at(&f, text), OBJECT_SIZE, &number));
	ck_assert_uint_eq(py_rule_size(&s->rule, 1, number).own,
		l->field[FIELD_str_ascii_data].offset + strlen("some text") + 1);
}

START_TEST(rules_of_strings_hold_for_ascii_only)
{
	each_row(check_text);
}
END_TEST

static void check_others(void)
{
	ck_assert_uint_eq(check_type(fakepy_class(&f, "dict", 0, 64)), 0);
	ck_assert_uint_eq(check_type(fakepy_class(&f, "set", 0, 200)), 0);
	ck_assert_uint_eq(check_type(f.type), 0);
}

START_TEST(other_types_have_no_rule)
{
	each_row(check_others);
}
END_TEST

Suite *suite_size_rules(void)
{
	Suite *s = suite_create("size_rules");
	TCase *c = tcase_create("size_rules");
	tcase_set_timeout(c, 60);
	tcase_add_test(c, rules_agree_with_what_is_measured);
	tcase_add_test(c, rules_of_strings_hold_for_ascii_only);
	tcase_add_test(c, other_types_have_no_rule);
	suite_add_tcase(s, c);
	return s;
}
