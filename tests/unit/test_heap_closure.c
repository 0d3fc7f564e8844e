/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects outside of everything that a walk can follow, made by hand: what references lead to, what
 * only looks like an object there, and rows of chunks that break off.
 */
#include "suites.h"

#include "fakepy.h"

#include "pycore/alloc.h"
#include "pycore/heap.h"

#include <stdlib.h>
#include <string.h>

enum { FOREIGN = 0x60000000, FOREIGN_SIZE = 8 * 1024 * 1024, MANY = 90000 };

static struct fakepy f;
static uint8_t *foreign;
static uint64_t plain, tracked, many, used;
static uint64_t W, PLAIN; /* bytes of a word, and of what is made for a plain object */

static const struct layout *l(void)
{
	return &f.rt->layout;
}

static void setup_row(const struct layout_row *row)
{
	used = 64;
	W = row->ptr_size;
	PLAIN = 6 * W;
	fakepy_init(&f, row);
	foreign = xcalloc(1, FOREIGN_SIZE);
	mem_buf_add(&f.mem, FOREIGN, foreign, FOREIGN_SIZE, MEM_READ | MEM_WRITE);
	fakepy_classes(&f);
	plain = fakepy_class(&f, "plain", 0, 5 * W);
	tracked = fakepy_class(&f, "tracked", 1 << 14, 4 * W);
	many = fakepy_class(&f, "many", 0, 3 * W);
	fakepy_set(&f, many, FIELD_type_itemsize, W);
	python_walk(&f.python);
}

/* Runs the test for each row whose objects the closure knows; words: of all kinds, or only those of
 * 8 bytes, least significant first. */
static void run_rows(void test(void), bool words)
{
	size_t n, run = 0;
	const struct layout_row *rows = layout_rows(&n);
	for (size_t i = 0; i < n; i++) {
		bool usual = rows[i].ptr_size == 8 && rows[i].order == ORDER_LITTLE;
		if (rows[i].abi || !(usual || words))
			continue;
		setup_row(&rows[i]);
		test();
		fakepy_fini(&f);
		free(foreign);
		run++;
	}
	ck_assert_uint_ge(run, words ? 18 : 9);
}

static void each_row(void test(void))
{
	run_rows(test, false);
}

static void each_kind_of_word(void test(void))
{
	run_rows(test, true);
}

static void put(uint64_t addr, uint64_t word)
{
	fakepy_put(&f, foreign + (addr - FOREIGN), word, (unsigned)W);
}

static uint64_t make(uint64_t type, uint64_t count, uint64_t bytes)
{
	uint64_t addr = FOREIGN + used;
	used += (bytes + 15) & ~UINT64_C(15);
	ck_assert_uint_le(used, FOREIGN_SIZE);
	put(addr, count);
	put(addr + W, type);
	return addr;
}

/* The interpreter refers to it. */
static void hold(uint64_t addr)
{
	fakepy_set(&f, f.interp, FIELD_interp_sysdict, addr);
}

struct seen {
	uint64_t referred, of_plain, of_tracked, of_many, many_bytes, in_chunks;
	uint64_t ends; /* of the chunk found last */
	uint64_t not_at_hand; /* bytes of chunks that could not be viewed with the first ones */
	bool searched, ascending;
	uint64_t torn, untouched;
};

static void see(struct seen *s, const struct heap_type *type, const struct heap_block *b)
{
	s->of_plain += type->addr == plain;
	s->of_tracked += type->addr == tracked;
	s->of_many += type->addr == many;
	s->many_bytes += type->addr == many ? b->size : 0;
}

static struct seen walk(void)
{
	struct heap_walk *w;
	struct heap_batch batch;
	struct seen s = { .ascending = true };
	uint64_t last = 0;
	size_t n;
	ck_assert_ok(heap_walk_open(&f.python, f.rt, &w));
	while (heap_walk_next(w, &batch)) {
		const struct heap_type *types = heap_types(w, &n);
		for (size_t i = 0; i < batch.n; i++) {
			const struct heap_block *b = &batch.list[i];
			bool in_chunk = batch.place == HEAP_IN_CHUNK;
			s.in_chunks += in_chunk;
			s.not_at_hand += in_chunk ? b->size - b->n_bytes : 0;
			s.ends = in_chunk ? b->addr + b->size : s.ends;
			if (batch.place != HEAP_REFERRED)
				continue;
			s.referred++;
			s.ascending &= b->addr > last;
			last = b->addr;
			see(&s, &types[b->type], b);
		}
	}
	s.searched = heap_referred(w)->searched;
	s.torn = heap_chunks(w)->torn;
	s.untouched = heap_chunks(w)->untouched;
	ck_assert_uint_eq(heap_referred(w)->objects, s.referred);
	heap_walk_close(w);
	return s;
}

static void follows_references(void)
{
	uint64_t first = make(plain, 1, PLAIN),
		 second = make(plain, W == 8 ? 4000000000 : 40000, PLAIN);
	uint64_t third = make(plain, 2, PLAIN), array = FOREIGN + used + 64;
	make(plain, 1, PLAIN); /* to which nothing refers */
	used += 1024;
	hold(second);
	put(second + 2 * W, first);
	put(first + 4 * W, second);
	put(first + 3 * W, array); /* no object, but it leads to one */
	put(array + 2 * W, third);
	put(array + 3 * W, 12345);
	struct seen s = walk();
	ck_assert(s.searched);
	ck_assert(s.ascending);
	bool sure = l()->row->refs == REFS_PLAIN || l()->row->refs == REFS_STATIC ||
		    l()->row->refs == REFS_IMMORTAL || l()->row->refs == REFS_FLAGGED ||
		    l()->row->refs == REFS_HIGH;
	ck_assert(sure);
	ck_assert_uint_eq(s.of_plain, 3);
}

START_TEST(what_references_lead_to_is_found)
{
	each_kind_of_word(follows_references);
}
END_TEST

static void refuses_others(void)
{
	uint64_t head = l()->field[FIELD_gc_head_sizeof].offset;
	uint64_t holder = make(many, 1, 19 * W), at = holder + 3 * W;
	const uint64_t held[] = {
		make(plain, 0, PLAIN), /* freed */
		make(plain, FOREIGN + 64, PLAIN), /* freed, with a link where the count was */
		make(plain, UINT64_C(0x8045) << (8 * W - 16), PLAIN), /* a number */
		make(FOREIGN + 64, 1, PLAIN), /* of no type */
		make(plain, 1, PLAIN) + W, /* between two words */
		holder + 4 * W, /* inside of another object: */
		FOREIGN + FOREIGN_SIZE - 2 * W, /* does not fit */
		make(tracked, 1, 8 * W), /* which has no head that could be one */
	};
	put(holder + l()->field[FIELD_varobject_size].offset, 16);
	for (size_t i = 0; i < ARRAY_LEN(held); i++)
		put(at + W * i, held[i]);
	put(FOREIGN + FOREIGN_SIZE - 2 * W, 1);
	put(FOREIGN + FOREIGN_SIZE - W, plain);
	put(at + W * 14, 1); /* an object in the midst of it */
	put(at + W * 15, plain);
	put(at + W * 8, at + W * 14);
	for (uint64_t i = 0; i < head; i += W)
		put(held[7] - head + i, 5);
	hold(holder);
	struct seen s = walk();
	ck_assert_uint_eq(s.of_many, 1);
	ck_assert_uint_eq(s.of_plain, 0);
	ck_assert_uint_eq(s.of_tracked, 0);
}

START_TEST(what_only_looks_like_an_object_is_none)
{
	each_kind_of_word(refuses_others);
}
END_TEST

/* More of them than there is room to remember what is to be looked at. */
static void bears_many(void)
{
	uint64_t holder = make(many, 1, (3 + MANY) * W), below;
	uint64_t step = (PLAIN + 15) & ~UINT64_C(15);
	put(holder + l()->field[FIELD_varobject_size].offset, MANY);
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t one = make(plain, 1, PLAIN);
		put(holder + (3 + i) * W, i % 3 ? 0 : one);
		if (i % 3) /* one refers to the next but for the third, whatever comes first */
			put(one - step + 2 * W, one);
	}
	below = make(plain, 1, PLAIN);
	put(below - step + 2 * W, below);
	hold(holder);
	struct seen s = walk();
	ck_assert_uint_eq(s.of_many, 1);
	ck_assert_uint_eq(s.many_bytes, ((3 + MANY) * W + 15) & ~UINT64_C(15));
	ck_assert_uint_eq(s.of_plain, MANY + 1);
}

START_TEST(any_number_of_references_is_followed)
{
	each_kind_of_word(bears_many);
}
END_TEST

static void survives_noise(void)
{
	uint64_t seed = 1;
	for (uint64_t i = 0; i < 1 << 20; i += W) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		uint64_t word = seed >> 20;
		if (seed >> 60 < 4)
			word = seed >> 59 & 1 ? plain : many;
		else if (seed >> 60 < 8)
			word = FOREIGN + word % (1 << 20) / 16 * 16;
		else if (seed >> 60 < 13)
			word &= 0x3f;
		put(FOREIGN + i, word);
	}
	hold(FOREIGN);
	for (uint64_t i = 0; i < 4096; i += 16)
		put(FOREIGN + 64 + 16 * i, 1);
	struct seen s = walk();
	ck_assert(s.ascending);
}

START_TEST(noise_ends_nothing)
{
	each_kind_of_word(survives_noise);
}
END_TEST

/* Chunks up to `end`, the last one free. Returns where the n-th one begins. */
static uint64_t make_row_from(uint64_t at, uint64_t end, unsigned n)
{
	uint64_t nth = 0;
	for (unsigned i = 0; at + 4096 < end; i++) {
		uint64_t size = 32 + 16 * (i % 11);
		nth = i == n ? at : nth;
		put(at + 8, size | 1);
		at += size;
	}
	put(at + 8, (end - at) | 1);
	return nth;
}

static uint64_t make_row(uint64_t end, unsigned n)
{
	return make_row_from(FOREIGN, end, n);
}

static void keeps_the_front(void)
{
	uint64_t end = FOREIGN + FOREIGN_SIZE, at = make_row(end, 5000);
	struct seen whole = walk();
	ck_assert_uint_eq(whole.torn, 0);
	ck_assert_uint_gt(whole.in_chunks, 10000);
	put(at + 8, UINT64_C(0x4141414141414141));
	struct seen s = walk();
	ck_assert_uint_eq(s.torn, 1);
	ck_assert(s.searched);
	ck_assert_uint_ge(s.in_chunks, 5000 - 65);
	ck_assert_uint_lt(s.in_chunks, whole.in_chunks);
	ck_assert_uint_ge(s.in_chunks + 200, whole.in_chunks); /* also behind it */
	make_row(end, 0);
	at = make_row(end, 20);
	put(at + 8, 7); /* too soon to tell that these are chunks */
	for (uint64_t i = FOREIGN + 4096; i < end; i += 8)
		put(i, 0);
	s = walk();
	ck_assert_uint_eq(s.torn, 0);
	ck_assert_uint_eq(s.in_chunks, 0);
}

START_TEST(rows_of_chunks_that_break_off_are_told)
{
	each_row(keeps_the_front);
}
END_TEST

static void knows_fences(void)
{
	uint64_t end = FOREIGN + 1024 * 1024;
	make_row(end - 32, 0);
	put(end - 32 + 8, 16 | 1);
	put(end - 16 + 8, 16 | 1);
	struct seen s = walk();
	ck_assert_uint_eq(s.torn, 0);
	ck_assert_uint_gt(s.in_chunks, 5000);
	put(end - 16 + 8, 48 | 1);
	s = walk();
	ck_assert_uint_eq(s.torn, 1);
}

START_TEST(heaps_that_could_not_grow_end_with_a_fence)
{
	each_row(knows_fences);
}
END_TEST

/* The heap of another arena than the main one, which had more and gave it back. */
static void ends_where_heaps_say(void)
{
	const uint64_t size = FOREIGN_SIZE / 2, info[] = { FOREIGN + 0x30, 0, size, FOREIGN_SIZE };
	uint64_t at = make_row_from(FOREIGN + 2048, FOREIGN + size, 5000);
	for (unsigned i = 0; i < 4; i++)
		put(FOREIGN + i * 8, info[i]);
	struct seen s = walk();
	ck_assert_uint_eq(s.torn, 0);
	ck_assert_uint_gt(s.in_chunks, 10000);
	ck_assert_uint_eq(s.untouched, FOREIGN_SIZE - size);
	ck_assert_uint_lt(s.ends, FOREIGN + size);
	put(FOREIGN + 16, size + 1); /* no size of a heap */
	ck_assert_uint_eq(walk().torn, 1);
	put(FOREIGN + 16, size);
	put(at + 8, UINT64_C(0x4141414141414141));
	s = walk();
	ck_assert_uint_eq(s.torn, 1);
	ck_assert_uint_gt(s.in_chunks, 10000 - 200);
}

START_TEST(heaps_of_other_arenas_end_in_front_of_what_they_gave_back)
{
	each_row(ends_where_heaps_say);
}
END_TEST

enum { PAGE = 4096, MORE = 16 * PAGE, MIDDLE = FOREIGN + FOREIGN_SIZE };
static uint8_t more[MORE];

static void put_more(uint64_t at, uint64_t word)
{
	memcpy(more + at, &word, 8);
}

/* A mapping that follows the first one directly, but cannot be viewed together with it. */
static void goes_on_in_the_next_mapping(void)
{
	memset(more, 0, sizeof(more));
	mem_buf_add(&f.mem, MIDDLE, more, MORE, MEM_READ | MEM_WRITE);
	put(MIDDLE - PAGE + 8, 2 * PAGE | 2); /* mapped by itself, and a row behind it */
	put_more(PAGE + 8, 64 | 1);
	put_more(PAGE + 64 + 8, (MORE - PAGE - 64) | 1);
	struct seen s = walk();
	ck_assert_uint_eq(s.torn, 0);
	ck_assert_uint_eq(s.in_chunks, 2);
	ck_assert_uint_eq(s.ends, MIDDLE + PAGE + 64 + 8);
	ck_assert_uint_eq(s.not_at_hand, PAGE);
	put(MIDDLE - PAGE + 8, 0);
	put(FOREIGN + 8, 64 | 1); /* a row through both */
	put(FOREIGN + 64 + 8, (FOREIGN_SIZE - 64 + PAGE) | 1);
	s = walk();
	ck_assert_uint_eq(s.torn, 0);
	ck_assert_uint_eq(s.in_chunks, 3);
	ck_assert_uint_eq(s.not_at_hand, PAGE + 8);
}

START_TEST(mappings_without_a_gap_are_one)
{
	each_row(goes_on_in_the_next_mapping);
}
END_TEST

Suite *suite_heap_closure(void)
{
	Suite *s = suite_create("heap_closure");
	TCase *c = tcase_create("heap_closure");
	tcase_set_timeout(c, 60);
	tcase_add_test(c, what_references_lead_to_is_found);
	tcase_add_test(c, what_only_looks_like_an_object_is_none);
	tcase_add_test(c, any_number_of_references_is_followed);
	tcase_add_test(c, noise_ends_nothing);
	tcase_add_test(c, rows_of_chunks_that_break_off_are_told);
	tcase_add_test(c, heaps_that_could_not_grow_end_with_a_fence);
	tcase_add_test(c, heaps_of_other_arenas_end_in_front_of_what_they_gave_back);
	tcase_add_test(c, mappings_without_a_gap_are_one);
	suite_add_tcase(s, c);
	return s;
}
