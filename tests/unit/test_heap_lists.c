/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists that Python has of its objects, made by hand: what it keeps for reuse, and the generations
 * of the collector.
 */
#include "suites.h"

#include "fakepy.h"

#include "pycore/alloc.h"
#include "pycore/heap.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA = 0x40000000, SLOT = 48 };

static struct fakepy f;
static uint8_t *arena;
static uint64_t plain, other;

static const struct layout *l(void)
{
	return &f.rt->layout;
}

static bool is_uniform(void)
{
	return layout_has(l(), FIELD_freelist_size);
}

static void put(uint64_t addr, uint64_t value)
{
	fakepy_put(&f, fakepy_at(&f, addr), value, l()->key.ptr_size);
}

static void setup(const struct layout_row *row)
{
	struct layout_key key = { row->last, row->abi, row->machine, row->ptr_size, row->order };
	fakepy_init(&f, row);
	ck_assert_ok(layout_pick(&key, false, &f.rt->layout));
	fakepy_classes(&f);
	plain = fakepy_class(&f, "plain", 0, 40);
	other = fakepy_class(&f, "other", 0, 40);
	python_walk(&f.python);
}

/* Runs the test for each row whose lists are in the interpreter. */
static void each_row(void test(void))
{
	size_t n, run = 0;
	const struct layout_row *rows = layout_rows(&n);
	for (size_t i = 0; i < n; i++) {
		struct layout_key key = { rows[i].last, rows[i].abi, rows[i].machine,
			rows[i].ptr_size, rows[i].order };
		struct layout probe;
		if (rows[i].heap.scheme == HEAP_MIMALLOC ||
			failed(layout_pick(&key, false, &probe)) ||
			!layout_has(&probe, FIELD_free_floats) ||
			(layout_has(&probe, FIELD_free_object_stacks) &&
				!layout_has(&probe, FIELD_interp_freelists)))
			continue;
		setup(&rows[i]);
		test();
		fakepy_fini(&f);
		run++;
	}
	ck_assert_uint_ge(run, 6);
}

/* Where the interpreter has a list. */
static uint64_t head_of(enum field head)
{
	return f.interp + l()->field[FIELD_interp_freelists].offset + l()->field[head].offset;
}

static void set_count(enum field head, enum field count, uint64_t n)
{
	uint64_t base = f.interp + l()->field[FIELD_interp_freelists].offset;
	if (is_uniform())
		put(head_of(head) + l()->field[FIELD_freelist_size].offset, n);
	else
		fakepy_set(&f, base, count, n);
}

static uint64_t make_object(uint64_t type, uint64_t refcnt)
{
	uint64_t addr = fakepy_alloc(&f, 64);
	fakepy_set(&f, addr, FIELD_object_refcnt, refcnt);
	fakepy_set(&f, addr, FIELD_object_type, type);
	return addr;
}

/* Of up to 4 objects: pointers to them, or a chain through their first words. */
static void make_lists(const uint64_t *objects, size_t n)
{
	uint64_t head = head_of(FIELD_free_lists);
	for (size_t i = 0; i < n; i++) {
		if (!is_uniform())
			put(head + l()->key.ptr_size * i, objects[i]);
		else
			put(i ? objects[i - 1] : head, objects[i]);
	}
	set_count(FIELD_free_lists, FIELD_free_lists_count, n);
}

struct found {
	bool known;
	size_t n, torn;
	struct heap_free_list list[8];
};

static struct found find(void)
{
	struct found r = { 0 };
	const struct heap_free_list *list;
	struct heap_walk *w;
	ck_assert_ok(heap_walk_open(&f.python, f.rt, &w));
	r.known = heap_free_lists(w, &list, &r.n, &r.torn);
	ck_assert_uint_le(r.n, ARRAY_LEN(r.list));
	if (r.n)
		memcpy(r.list, list, r.n * sizeof(*list));
	heap_walk_close(w);
	return r;
}

static void finds_lists(void)
{
	const uint64_t objects[] = { make_object(plain, 0), make_object(plain, 0),
		make_object(plain, 0) };
	make_lists(objects, 3);
	struct found r = find();
	ck_assert(r.known);
	ck_assert_uint_eq(r.torn, 0);
	ck_assert_uint_eq(r.n, 1);
	ck_assert_str_eq(r.list[0].name, "list");
	ck_assert_uint_eq(r.list[0].count, 3);
	ck_assert_uint_eq(r.list[0].bytes, UINT64_C(3) * 40);
}

START_TEST(what_is_kept_for_reuse_is_found)
{
	each_row(finds_lists);
}
END_TEST

/* In front of the lists of tuples, up to 3.10, stands the empty one, which is alive. */
static void finds_tuples(void)
{
	uint64_t step = l()->field[FIELD_free_tuples].size, head = head_of(FIELD_free_tuples);
	uint64_t items = l()->field[FIELD_tuple_items].offset;
	uint64_t empty = make_object(plain, 1), first = make_object(plain, 0),
		 second = make_object(plain, 0);
	fakepy_set(&f, first, FIELD_varobject_size, 2);
	fakepy_set(&f, second, FIELD_varobject_size, 2);
	put(head, empty);
	put(head + 2 * step, first);
	put(first + (is_uniform() ? 0 : items), second);
	if (is_uniform())
		put(head + 2 * step + l()->field[FIELD_freelist_size].offset, 2);
	else
		fakepy_put(&f,
			fakepy_at(&f, f.interp + l()->field[FIELD_interp_freelists].offset +
					      l()->field[FIELD_free_tuples_count].offset + 8),
			2, 4);
	struct found r = find();
	ck_assert_uint_eq(r.torn, 0);
	ck_assert_uint_eq(r.n, 1);
	ck_assert_str_eq(r.list[0].name, "tuple of 2");
	ck_assert_uint_eq(r.list[0].count, 2);
}

START_TEST(tuples_are_found_by_their_length)
{
	each_row(finds_tuples);
}
END_TEST

static void tells_torn(void)
{
	const uint64_t objects[] = { make_object(plain, 0), make_object(plain, 0),
		make_object(other, 0) };
	make_lists(objects, 3); /* of two types */
	struct found r = find();
	ck_assert_uint_eq(r.torn, 1);
	ck_assert_uint_eq(r.list[0].count, 2);
	make_lists(objects, 2);
	set_count(FIELD_free_lists, FIELD_free_lists_count, UINT32_MAX); /* too many */
	r = find();
	ck_assert_uint_eq(r.torn, 1);
	ck_assert_uint_eq(r.n, 0);
	make_lists(objects, 2);
	put(head_of(FIELD_free_lists), 12345); /* leads nowhere */
	r = find();
	ck_assert_uint_eq(r.torn, 1);
	ck_assert_uint_eq(r.n, 0);
	if (is_uniform()) {
		make_lists(objects, 2);
		put(objects[1], objects[0]); /* a circle */
	} else {
		const uint64_t alive[] = { objects[0], make_object(plain, 3) };
		make_lists(alive, 2);
	}
	r = find();
	ck_assert_uint_eq(r.torn, 1);
	ck_assert_uint_le(r.list[0].count, 2);
}

START_TEST(lists_that_contradict_themselves_are_told)
{
	each_row(tells_torn);
}
END_TEST

/* One arena, whose first pool has n blocks of SLOT bytes, all in use. */
static void make_arena(uint32_t n)
{
	const struct field_at *at = l()->field;
	uint64_t size = UINT64_C(1) << l()->row->heap.arena_bits;
	uint64_t pool = UINT64_C(1) << l()->row->heap.pool_bits;
	uint64_t entries = fakepy_alloc(&f, (size_t)16 * at[FIELD_arena_sizeof].offset);
	uint64_t state = f.interp + at[FIELD_interp_obmalloc].offset;
	const uint32_t words[][2] = { { FIELD_pool_count, n },
		{ FIELD_pool_size_index, SLOT / 16 - 1 },
		{ FIELD_pool_max_offset, (uint32_t)pool - SLOT },
		{ FIELD_pool_next_offset, at[FIELD_pool_sizeof].offset + n * SLOT } };
	arena = xcalloc(1, size);
	mem_buf_add(&f.mem, ARENA, arena, size, MEM_READ | MEM_WRITE);
	if (l()->row->heap.scheme == HEAP_POINTED) {
		state = fakepy_alloc(&f, at[FIELD_obmalloc_sizeof].offset);
		fakepy_set(&f, f.interp, FIELD_interp_obmalloc, state);
	}
	fakepy_set(&f, state, FIELD_obmalloc_arenas, entries);
	fakepy_set(&f, state, FIELD_obmalloc_maxarenas, 16);
	fakepy_set(&f, entries, FIELD_arena_address, ARENA);
	fakepy_set(&f, entries, FIELD_arena_pool_address, ARENA + size);
	fakepy_set(&f, entries, FIELD_arena_total_pools, size / pool);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		fakepy_put(&f, arena + at[words[i][0]].offset, words[i][1], 4);
}

static uint64_t block_at(unsigned i)
{
	return ARENA + l()->field[FIELD_pool_sizeof].offset + (uint64_t)i * SLOT;
}

static void put_block(unsigned i, uint64_t first, uint64_t second)
{
	const unsigned word = l()->key.ptr_size;
	fakepy_put(&f, arena + (block_at(i) - ARENA), first, word);
	fakepy_put(&f, arena + (block_at(i) - ARENA) + word, second, word);
}

/* What number was left in an entry looks like an object that the collector tracks. */
static void leave_object(unsigned i)
{
	uint64_t tracked = fakepy_class(&f, "tracked", 1 << 14, 16);
	uint8_t *at = arena + (block_at(i) - ARENA) + 16;
	fakepy_set(&f, plain, FIELD_type_itemsize, 4);
	fakepy_put(&f, at + l()->field[FIELD_object_refcnt].offset, 1, 4);
	fakepy_put(&f, at + l()->field[FIELD_object_type].offset, tracked, 8);
}

static void marks_entries(void)
{
	struct heap_walk *w;
	struct heap_batch batch;
	size_t dead = 0, live = 0;
	if (l()->row->heap.scheme == HEAP_STATICS || !layout_has(l(), FIELD_interp_obmalloc))
		return;
	make_arena(5);
	for (unsigned i = 0; i < 5; i++)
		put_block(i, 1, plain);
	/* 3 -> 1, by their type words, or by their first words */
	put(head_of(FIELD_free_floats), block_at(3));
	set_count(FIELD_free_floats, FIELD_free_floats_count, 2);
	put_block(3, is_uniform() ? block_at(1) : 0, is_uniform() ? plain : block_at(1));
	put_block(1, 0, is_uniform() ? plain : 0);
	if (is_uniform() && l()->key.ptr_size == 8)
		leave_object(3);
	ck_assert_ok(heap_walk_open(&f.python, f.rt, &w));
	while (heap_walk_next(w, &batch)) {
		for (size_t i = 0; batch.place == HEAP_IN_POOL && i < batch.n; i++) {
			dead += batch.list[i].state == HEAP_DEAD;
			live += batch.list[i].state == HEAP_OBJECT;
		}
	}
	ck_assert_uint_eq(heap_tracked(w), 0);
	heap_walk_close(w);
	free(arena);
	ck_assert_uint_eq(dead, 2);
	ck_assert_uint_eq(live, 3);
}

START_TEST(what_is_kept_for_reuse_counts_as_dead)
{
	each_row(marks_entries);
}
END_TEST

static void put_head(uint64_t head, uint64_t next, uint64_t prev)
{
	fakepy_set(&f, head, FIELD_gc_head_next, next);
	fakepy_set(&f, head, FIELD_gc_head_prev, prev);
}

/* 3.14.0 to 3.14.4 have other lists. No build of these was seen, so they must prove themselves. */
START_TEST(young_and_old_objects)
{
	struct layout_key key = { 0x030e02f0, ABI_RELEASE, EM_X86_64, 8, ORDER_LITTLE };
	struct heap_generation lists[HEAP_GENERATIONS_MAX];
	struct layout found;
	struct heap_walk *w;
	uint64_t sum = 0;
	ck_assert_ok(layout_pick(&key, false, &found));
	setup(found.row);
	uint64_t step = l()->field[FIELD_gc_generation_sizeof].offset;
	uint64_t old = f.interp + l()->field[FIELD_interp_gc_old].offset;
	const uint64_t heads[] = { f.interp + l()->field[FIELD_interp_gc_young].offset, old,
		old + step, f.interp + l()->field[FIELD_interp_gc_permanent].offset };
	ck_assert_ok(heap_walk_open(&f.python, f.rt, &w));
	ck_assert_uint_eq(heap_generations(w, lists), 0); /* no list is one yet */
	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		put_head(heads[i], heads[i], heads[i]);
	uint64_t one = fakepy_alloc(&f, 16);
	put_head(old, one | 1, one);
	put_head(one, old, old | 2);
	ck_assert_uint_eq(heap_generations(w, lists), ARRAY_LEN(heads));
	ck_assert_str_eq(lists[0].name, "young");
	ck_assert_str_eq(lists[2].name, "old");
	ck_assert_str_eq(lists[3].name, "permanent");
	ck_assert(heap_gc_listed(w, 10, &sum));
	ck_assert_uint_eq(sum, 1);
	put_head(old, one, 0);
	put_head(one, one, old); /* a circle that leaves the head out */
	ck_assert(!heap_gc_listed(w, 10, &sum));
	heap_walk_close(w);
	fakepy_fini(&f);
}
END_TEST

static bool is_collecting(void)
{
	struct heap_walk *w;
	ck_assert_ok(heap_walk_open(&f.python, f.rt, &w));
	bool found = heap_collecting(w);
	heap_walk_close(w);
	return found;
}

/* Of a 2.7 without names nothing else tells. */
START_TEST(lists_on_a_stack_tell_that_a_collection_runs)
{
	enum { STACK = 0x60000000, SIZE = 4096, HEAD = 512 };
	static uint8_t stack[SIZE];
	struct os_thread thread = { .regs = { .has_sp = true, .sp = STACK + 64 } };
	setup(fakepy_row(2, 7));
	uint64_t head = fakepy_alloc(&f, 256);
	uint64_t object_at = head + l()->field[FIELD_gc_head_sizeof].offset;
	mem_buf_add(&f.mem, STACK, stack, SIZE, MEM_READ | MEM_WRITE);
	put_head(head, STACK + HEAD, STACK + HEAD);
	fakepy_put(&f, stack + HEAD + l()->field[FIELD_gc_head_next].offset, head, 8);
	fakepy_put(&f, stack + HEAD + l()->field[FIELD_gc_head_prev].offset, head, 8);
	f.target.threads = &thread;
	f.target.n_threads = 1;
	ck_assert(!is_collecting()); /* what is in the list is no object */
	fakepy_set(&f, object_at, FIELD_object_type, plain);
	ck_assert(is_collecting());
	thread.regs.sp = STACK + HEAD + 64; /* it has returned */
	ck_assert(!is_collecting());
	thread.regs.sp = STACK + 64;
	put_head(head, STACK + HEAD, head); /* it is in another list by now */
	ck_assert(!is_collecting());
	f.target.threads = NULL;
	f.target.n_threads = 0;
	fakepy_fini(&f);
}
END_TEST

Suite *suite_heap_lists(void)
{
	Suite *s = suite_create("heap_lists");
	TCase *c = tcase_create("heap_lists");
	tcase_add_test(c, what_is_kept_for_reuse_is_found);
	tcase_add_test(c, tuples_are_found_by_their_length);
	tcase_add_test(c, lists_that_contradict_themselves_are_told);
	tcase_add_test(c, what_is_kept_for_reuse_counts_as_dead);
	tcase_add_test(c, young_and_old_objects);
	tcase_add_test(c, lists_on_a_stack_tell_that_a_collection_runs);
	suite_add_tcase(s, c);
	return s;
}
