/* SPDX-License-Identifier: Apache-2.0 */
/* _Py_DebugOffsets: good blocks against rows and descriptions, hostile ones. */
#include "layout_fixtures.h"

#include "pycore/alloc.h"
#include "pycore/attr.h"

#include <elf.h>
#include <check.h>

TCase *tcase_layout_debug_offsets(void);

/* Fields that even 3.13's block states. */
enum { STATED_MIN = 51 };

static struct layout pick(struct layout_key key, bool guess)
{
	struct layout l;
	ck_assert(!failed(layout_pick(&key, guess, &l)));
	return l;
}

static size_t count_origin(const struct layout *l, enum layout_origin o)
{
	size_t n = 0;
	for (enum field f = 0; f < FIELD_COUNT; f++)
		n += l->field[f].origin == o;
	return n;
}

/* Merges a good block and compares every field that it states, sizes of structs included. */
static void check_block(
	const struct fixture *x, struct layout *l, const uint8_t *block, size_t size)
{
	ck_assert_uint_eq(debug_offsets_size(l->key.version), size);
	struct err e = layout_merge_debug_offsets(l, block, size);
	ck_assert_msg(!failed(e), "%s: %s", x->name, e.what);
	for (enum field f = 0; f < FIELD_COUNT; f++) {
		if (layout_has(l, f) && fixture_describes(x, f))
			check_same_place(x->name, f, l->field[f], x->field[f]);
	}
	ck_assert_uint_ge(count_origin(l, ORIGIN_DEBUG_OFFSETS), STATED_MIN);
}

static bool is_of_allocators(enum field f)
{
	return !strncmp(field_name(f), "mi_", 3) || f == FIELD_tstate_freed ||
	       f == FIELD_tstate_mi_heaps || f == FIELD_tstate_freelists;
}

START_TEST(blocks_agree_with_the_descriptions)
{
	size_t len, checked = 0;
	const struct fixture *all = fixtures_all(&len);
	for (size_t i = 0; i < len; i++) {
		const struct fixture *x = &all[i];
		if (!x->words_len || !fixture_has_row(x))
			continue;
		uint8_t block[DEBUG_OFFSETS_MAX];
		size_t size = fixture_block(x, x->key.order, block);
		struct layout l = pick(x->key, false);
		check_block(x, &l, block, size);
		/* With the block, nothing is left out of which it speaks. */
		for (enum field f = 0; f < FIELD_COUNT; f++) {
			if (fixture_describes(x, f) && (layout_has(&l, f) || !is_of_allocators(f)))
				check_same_place(x->name, f, l.field[f], x->field[f]);
		}
		checked++;
	}
	ck_assert_uint_ge(checked, 8);
}
END_TEST

START_TEST(blocks_are_read_in_big_endian_too)
{
	const struct fixture *x = fixture_named("cpython-3.15-x86_64");
	uint8_t block[DEBUG_OFFSETS_MAX];
	size_t size = fixture_block(x, ORDER_BIG, block);
	struct layout l = pick(x->key, false);
	ck_assert_int_eq(layout_merge_debug_offsets(&l, block, size).code, ERR_CORRUPT);
	l.key.order = ORDER_BIG;
	check_block(x, &l, block, size);
}
END_TEST

START_TEST(bits_keep_their_end_in_big_endian)
{
	const struct fixture *x = fixture_named("cpython-3.15-x86_64");
	struct layout_key key = x->key;
	uint8_t block[DEBUG_OFFSETS_MAX];
	size_t size = fixture_block(x, ORDER_BIG, block);
	key.machine = EM_S390;
	key.order = ORDER_BIG;
	struct layout l = pick(key, false);
	ck_assert(!failed(layout_merge_debug_offsets(&l, block, size)));
	/* state.kind 4, compact, not ASCII: 2 bits of interned, then 3, 1 and 1 from the top */
	const uint8_t str[40] = { [32] = 0x24 };
	uint64_t kind, compact, ascii;
	ck_assert(!failed(layout_get(&l, FIELD_str_kind, str, sizeof(str), &kind)));
	ck_assert(!failed(layout_get(&l, FIELD_str_compact, str, sizeof(str), &compact)));
	ck_assert(!failed(layout_get(&l, FIELD_str_ascii, str, sizeof(str), &ascii)));
	ck_assert_uint_eq(kind, 4);
	ck_assert_uint_eq(compact, 1);
	ck_assert_uint_eq(ascii, 0);
}
END_TEST

/* The row of a little-endian build that uses the same table for the same releases. */
static const struct layout_row *little_twin(
	const struct layout_row *rows, size_t n, const struct layout_row *big)
{
	for (size_t i = 0; i < n; i++) {
		const struct layout_row *r = &rows[i];
		if (r->order == ORDER_LITTLE && r->fields == big->fields && !r->abi &&
			r->last == big->last && r->machine == EM_X86_64)
			return r;
	}
	return NULL;
}

static struct layout pick_row(const struct layout_row *row)
{
	return pick(
		(struct layout_key){ row->last, row->abi, row->machine, row->ptr_size, row->order },
		false);
}

/* Tables are shared with little-endian builds, so a new bit-field must be listed as moved. */
START_TEST(bits_of_big_endian_rows_are_mirrored)
{
	size_t n, checked = 0;
	const struct layout_row *rows = layout_rows(&n);
	for (size_t i = 0; i < n; i++) {
		if (rows[i].order != ORDER_BIG)
			continue;
		const struct layout_row *twin = little_twin(rows, n, &rows[i]);
		ck_assert_ptr_nonnull(twin);
		struct layout big = pick_row(&rows[i]), little = pick_row(twin);
		for (enum field f = 0; f < FIELD_COUNT; f++) {
			const struct field_at *b = &big.field[f], *l = &little.field[f];
			if (!layout_has(&big, f) || !layout_has(&little, f) || !l->bits)
				continue;
			ck_assert_msg(
				b->bits == l->bits && b->bit == 8 * l->size - l->bits - l->bit,
				"%s: %s", rows[i].name, field_name(f));
			checked++;
		}
	}
	ck_assert_uint_ge(checked, 5 * 8);
}
END_TEST

/* The words of one member; the order in the block is what the fixture says. */
static void add_to_word(uint8_t *block, size_t index, int64_t change)
{
	put_word(block, index, ORDER_LITTLE,
		bytes_uint(block + 8 * index, 8, ORDER_LITTLE) + change);
}

/* In 3.14.0 to 3.14.4 what stands behind `gc` in PyInterpreterState stood 24 bytes nearer. */
START_TEST(block_fills_what_the_row_of_early_3_14_leaves_out)
{
	static const struct {
		size_t index;
		enum field f;
	} behind_gc[] = { { 12, FIELD_interp_modules }, { 13, FIELD_interp_sysdict } };
	const struct fixture *x = fixture_named("cpython-3.14-x86_64");
	struct layout_key key = x->key;
	key.version = 0x030e02f0;
	uint8_t block[DEBUG_OFFSETS_MAX];
	size_t size = fixture_block(x, ORDER_LITTLE, block);
	put_word(block, 1, ORDER_LITTLE, key.version);
	for (size_t i = 0; i < ARRAY_LEN(behind_gc); i++)
		add_to_word(block, behind_gc[i].index, -24);
	struct layout l = pick(key, false);
	ck_assert(!layout_has(&l, FIELD_interp_modules));
	ck_assert(!failed(layout_merge_debug_offsets(&l, block, size)));
	for (size_t i = 0; i < ARRAY_LEN(behind_gc); i++) {
		enum field f = behind_gc[i].f;
		ck_assert_uint_eq(l.field[f].offset, x->field[f].offset - 24);
		ck_assert_uint_eq(l.field[f].origin, ORIGIN_DEBUG_OFFSETS);
	}
	ck_assert(layout_has(&l, FIELD_interp_gc_collecting));
	ck_assert(layout_has(&l, FIELD_tstate_sizeof));
}
END_TEST

START_TEST(the_block_wins_over_a_proven_row)
{
	const struct fixture *x = fixture_named("cpython-3.13-x86_64");
	uint8_t block[DEBUG_OFFSETS_MAX];
	size_t size = fixture_block(x, ORDER_LITTLE, block);
	struct layout l = pick(x->key, false);
	ck_assert(!l.assumed);
	uint32_t before = l.field[FIELD_interp_threads_head].offset;
	ck_assert_uint_eq(bytes_uint(block + 8 * 9, 8, ORDER_LITTLE), before);
	add_to_word(block, 9, 8);
	ck_assert(!failed(layout_merge_debug_offsets(&l, block, size)));
	ck_assert_uint_eq(l.field[FIELD_interp_threads_head].offset, before + 8);
}
END_TEST

START_TEST(a_newer_version_is_only_a_guess)
{
	const struct fixture *x = fixture_named("cpython-3.15-x86_64");
	struct layout_key key = x->key;
	key.version = 0x031000f0;
	uint8_t block[DEBUG_OFFSETS_MAX];
	size_t size = fixture_block(x, ORDER_LITTLE, block);
	put_word(block, 1, ORDER_LITTLE, key.version);
	struct layout l = pick(key, true);
	check_block(x, &l, block, size);
	ck_assert(layout_has(&l, FIELD_iframe_code) && layout_has(&l, FIELD_str_kind));
	/* What the block cannot tell stays absent. */
	ck_assert(!layout_has(&l, FIELD_runtime_main_thread));
	l = pick(key, true);
	l.guess = false;
	ck_assert_int_eq(layout_merge_debug_offsets(&l, block, size).code, ERR_UNSUPPORTED);
	ck_assert_uint_eq(debug_offsets_size(0x030c00f0), 0);
}
END_TEST

START_TEST(heads_that_can_be_none)
{
	uint8_t good[DEBUG_OFFSETS_HEAD], head[DEBUG_OFFSETS_HEAD];
	memcpy(good, DEBUG_OFFSETS_COOKIE, 8);
	put_word(good, 1, ORDER_LITTLE, 0x030d00f0);
	put_word(good, 2, ORDER_LITTLE, 1);
	uint32_t version;
	bool threaded;
	ck_assert(!failed(debug_offsets_head(good, ORDER_LITTLE, &version, &threaded)));
	ck_assert(version == 0x030d00f0 && threaded);
	ck_assert_int_eq(
		debug_offsets_head(good, ORDER_BIG, &version, &threaded).code, ERR_CORRUPT);
	static const struct {
		size_t index;
		uint64_t value;
	} bad[] = { { 0, 0 }, { 1, 0 }, { 1, 0x030c01f0 }, { 1, 0x0403020100f0 }, { 1, 0x030d0000 },
		{ 1, UINT64_MAX }, { 2, 2 }, { 2, UINT64_MAX } };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		memcpy(head, good, sizeof(head));
		put_word(head, bad[i].index, ORDER_LITTLE, bad[i].value);
		struct err e = debug_offsets_head(head, ORDER_LITTLE, &version, &threaded);
		ck_assert_int_eq(e.code, ERR_CORRUPT);
	}
}
END_TEST

static void check_refused(const struct layout *l, const uint8_t *block, size_t size)
{
	struct layout copy = *l;
	ck_assert_int_eq(layout_merge_debug_offsets(&copy, block, size).code, ERR_CORRUPT);
	ck_assert_mem_eq(&copy, l, sizeof(copy));
}

START_TEST(hostile_blocks_change_nothing)
{
	const struct fixture *x = fixture_named("cpython-3.15-x86_64");
	const struct layout l = pick(x->key, false);
	uint8_t block[DEBUG_OFFSETS_MAX];
	size_t size = fixture_block(x, ORDER_LITTLE, block);
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *exact = xmalloc(cut);
		memcpy(exact, block, cut);
		check_refused(&l, exact, cut);
		free(exact);
	}
	memset(block + DEBUG_OFFSETS_HEAD, 0, size - DEBUG_OFFSETS_HEAD);
	check_refused(&l, block, size);
	memset(block + DEBUG_OFFSETS_HEAD, 0xff, size - DEBUG_OFFSETS_HEAD);
	check_refused(&l, block, size);
	memset(block, 0xff, size);
	check_refused(&l, block, size);
	/* Another version's, and another kind's. */
	size = fixture_block(x, ORDER_LITTLE, block);
	put_word(block, 1, ORDER_LITTLE, 0x030f01f0);
	check_refused(&l, block, size);
	size = fixture_block(x, ORDER_LITTLE, block);
	put_word(block, 2, ORDER_LITTLE, 1);
	check_refused(&l, block, size);
}
END_TEST

/* Any one word gone wild: refused, or of no concern to any field; never a place beyond the struct.
 */
START_TEST(one_wild_word_never_leads_out_of_a_struct)
{
	static const uint64_t wild[] = { 1, 0x7ffffff8, UINT32_MAX, UINT64_MAX, UINT64_MAX - 7,
		UINT64_C(1) << 63 };
	const struct fixture *x = fixture_named("cpython-3.15-x86_64");
	size_t refused = 0;
	for (size_t i = 3; i < x->words_len; i++) {
		for (size_t w = 0; w < ARRAY_LEN(wild); w++) {
			uint8_t block[DEBUG_OFFSETS_MAX];
			size_t size = fixture_block(x, ORDER_LITTLE, block);
			put_word(block, i, ORDER_LITTLE, wild[w]);
			struct layout l = pick(x->key, false);
			struct err e = layout_merge_debug_offsets(&l, block, size);
			refused += failed(e);
			for (enum field f = 0; f < FIELD_COUNT && !failed(e); f++)
				ck_assert_uint_le(l.field[f].offset, 16 * 1024 * 1024);
		}
	}
	ck_assert_uint_ge(refused, STATED_MIN * ARRAY_LEN(wild));
}
END_TEST

TCase *tcase_layout_debug_offsets(void)
{
	TCase *t = tcase_create("debug offsets");
	tcase_add_test(t, blocks_agree_with_the_descriptions);
	tcase_add_test(t, blocks_are_read_in_big_endian_too);
	tcase_add_test(t, bits_keep_their_end_in_big_endian);
	tcase_add_test(t, bits_of_big_endian_rows_are_mirrored);
	tcase_add_test(t, block_fills_what_the_row_of_early_3_14_leaves_out);
	tcase_add_test(t, the_block_wins_over_a_proven_row);
	tcase_add_test(t, a_newer_version_is_only_a_guess);
	tcase_add_test(t, heads_that_can_be_none);
	tcase_add_test(t, hostile_blocks_change_nothing);
	tcase_add_test(t, one_wild_word_never_leads_out_of_a_struct);
	return t;
}
