/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap walk over arenas and chunks made by hand: what is live, what is torn, and what only
 * looks like an object.
 */
#include "suites.h"

#include "fakepy.h"

#include "pycore/alloc.h"
#include "pycore/heap.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA = 0x40000000, CHUNKS = 0x50000000, CHUNKS_SIZE = 64 * 1024, SLOT = 48 };

static struct fakepy f;
static uint8_t *arena, *chunks;
static uint64_t plain, tracked, entries;

static const struct layout *l(void)
{
	return &f.rt->layout;
}

static unsigned word(void)
{
	return l()->key.ptr_size;
}

static void put(uint8_t *at, uint64_t value)
{
	fakepy_put(&f, at, value, word());
}

static uint64_t gc_head(void)
{
	return l()->field[FIELD_gc_head_sizeof].offset;
}

static uint64_t arena_size(void)
{
	return UINT64_C(1) << l()->row->heap.arena_bits;
}

static uint64_t pool_size(void)
{
	return UINT64_C(1) << l()->row->heap.pool_bits;
}

/* One arena with all pools carved, whose state the interpreter has or points to. */
static void make_arena(void)
{
	uint64_t state = f.interp + l()->field[FIELD_interp_obmalloc].offset;
	uint64_t step = l()->field[FIELD_arena_sizeof].offset;
	entries = fakepy_alloc(&f, 16 * step);
	if (l()->row->heap.scheme == HEAP_POINTED) {
		state = fakepy_alloc(&f, l()->field[FIELD_obmalloc_sizeof].offset);
		fakepy_set(&f, f.interp, FIELD_interp_obmalloc, state);
	}
	fakepy_set(&f, state, FIELD_obmalloc_arenas, entries);
	fakepy_set(&f, state, FIELD_obmalloc_maxarenas, 16);
	fakepy_set(&f, state, FIELD_obmalloc_raw_blocks, 5);
	fakepy_set(&f, entries, FIELD_arena_address, ARENA);
	fakepy_set(&f, entries, FIELD_arena_pool_address, ARENA + arena_size());
	fakepy_set(&f, entries, FIELD_arena_total_pools, arena_size() / pool_size());
}

static void setup_row(const struct layout_row *row)
{
	fakepy_init(&f, row);
	arena = xcalloc(1, arena_size());
	chunks = xcalloc(1, CHUNKS_SIZE);
	mem_buf_add(&f.mem, ARENA, arena, arena_size(), MEM_READ | MEM_WRITE);
	mem_buf_add(&f.mem, CHUNKS, chunks, CHUNKS_SIZE, MEM_READ | MEM_WRITE);
	make_arena();
	fakepy_classes(&f);
	plain = fakepy_class(&f, "plain", 0, SLOT - word());
	tracked = fakepy_class(&f, "tracked", 1 << 14, SLOT - gc_head());
	python_walk(&f.python);
}

static void teardown_row(void)
{
	fakepy_fini(&f);
	free(arena);
	free(chunks);
}

static uint8_t *block_at(unsigned pool, unsigned i)
{
	return arena + pool * pool_size() + l()->field[FIELD_pool_sizeof].offset + i * SLOT;
}

static uint64_t address_of(const uint8_t *p)
{
	return ARENA + (uint64_t)(p - arena);
}

static void put_half(unsigned pool, enum field field, uint32_t value)
{
	fakepy_put(&f, arena + pool * pool_size() + l()->field[field].offset, value, 4);
}

/* A pool of blocks of SLOT bytes, n of which were given out. */
static void make_pool(unsigned pool, uint32_t n, uint32_t count)
{
	put_half(pool, FIELD_pool_count, count);
	put_half(pool, FIELD_pool_size_index, SLOT / 16 - 1);
	put_half(pool, FIELD_pool_max_offset, (uint32_t)pool_size() - SLOT);
	put_half(pool, FIELD_pool_next_offset, l()->field[FIELD_pool_sizeof].offset + n * SLOT);
}

static void set_free(unsigned pool, uint64_t first)
{
	put(arena + pool * pool_size() + l()->field[FIELD_pool_free_block].offset, first);
}

static void make_plain(uint8_t *at, uint64_t count)
{
	put(at, count);
	put(at + word(), plain);
}

/* What a walk counts. */
struct seen {
	uint64_t blocks[HEAP_IN_IMAGE + 1], live, dead, other;
	uint64_t of_plain, of_tracked;
	struct heap_pools pools;
	uint64_t raw;
};

static struct seen walk(void)
{
	struct heap_walk *w;
	struct heap_batch batch;
	struct seen s = { 0 };
	size_t n;
	ck_assert_ok(heap_walk_open(&f.python, f.rt, &w));
	while (heap_walk_next(w, &batch)) {
		const struct heap_type *types = heap_types(w, &n);
		for (size_t i = 0; i < batch.n; i++) {
			const struct heap_block *b = &batch.list[i];
			bool live = b->state == HEAP_OBJECT;
			s.blocks[batch.place]++;
			s.live += live;
			s.dead += b->state == HEAP_DEAD;
			s.other += b->state == HEAP_OTHER;
			s.of_plain += live && types[b->type].addr == plain;
			s.of_tracked += live && types[b->type].addr == tracked;
		}
	}
	s.pools = *heap_pools(w);
	if (!heap_raw_blocks(w, &s.raw))
		s.raw = UINT64_MAX;
	heap_walk_close(w);
	return s;
}

/* Runs the test for each row whose allocator the interpreter leads to. */
static void each_row(void test(void))
{
	size_t n, run = 0;
	const struct layout_row *rows = layout_rows(&n);
	for (size_t i = 0; i < n; i++) {
		struct layout probe;
		struct layout_key key = { rows[i].last, rows[i].abi, rows[i].machine,
			rows[i].ptr_size, rows[i].order };
		if (rows[i].heap.scheme == HEAP_STATICS || rows[i].heap.scheme == HEAP_MIMALLOC ||
			failed(layout_pick(&key, false, &probe)) ||
			!layout_has(&probe, FIELD_interp_obmalloc))
			continue;
		setup_row(&rows[i]);
		test();
		teardown_row();
		run++;
	}
	ck_assert_uint_ge(run, 4);
}

static void counts_live_blocks(void)
{
	make_pool(0, 10, 7);
	for (unsigned i = 0; i < 10; i++)
		make_plain(block_at(0, i), 1);
	/* 8 -> 2 -> 5, as freed in another order */
	set_free(0, address_of(block_at(0, 8)));
	put(block_at(0, 8), address_of(block_at(0, 2)));
	put(block_at(0, 2), address_of(block_at(0, 5)));
	put(block_at(0, 5), 0);
	struct seen s = walk();
	ck_assert_uint_eq(s.blocks[HEAP_IN_POOL], 7);
	ck_assert_uint_eq(s.of_plain, 7);
	ck_assert_uint_eq(s.pools.used, 1);
	ck_assert_uint_eq(s.pools.counted, 7);
	ck_assert_uint_eq(s.pools.torn, 0);
	ck_assert_uint_eq(s.pools.free, arena_size() / pool_size() - 1);
	ck_assert_uint_eq(s.raw, 5);
}

START_TEST(blocks_in_use_are_those_not_on_the_free_list)
{
	each_row(counts_live_blocks);
}
END_TEST

static void names_torn_pools(void)
{
	make_pool(0, 10, 9); /* says 9, has 10 */
	make_pool(1, 4, 3);
	set_free(1, address_of(block_at(1, 3)));
	put(block_at(1, 3), address_of(block_at(1, 3))); /* a circle */
	make_pool(2, 4, 3);
	set_free(2, address_of(block_at(3, 0))); /* leads into another pool */
	make_pool(3, 4, 4);
	put_half(3, FIELD_pool_next_offset, 77); /* between two blocks */
	make_pool(4, 4, 4);
	struct seen s = walk();
	ck_assert_uint_eq(s.pools.torn, 4);
	ck_assert_uint_eq(s.pools.unread, 1);
	ck_assert_uint_eq(s.pools.used, 4);
}

START_TEST(pools_that_contradict_themselves_are_counted)
{
	each_row(names_torn_pools);
}
END_TEST

static void tells_objects_from_bodies(void)
{
	const uint64_t head = gc_head();
	const unsigned w = word();
	make_pool(0, 9, 9);
	make_plain(block_at(0, 0), 1);
	make_plain(block_at(0, 1), 0); /* dead */
	/* tracked: its neighbours are each other */
	for (unsigned i = 2; i < 4; i++) {
		uint8_t *at = block_at(0, i);
		put(at, address_of(block_at(0, 5 - i)));
		put(at + w, address_of(block_at(0, 5 - i)));
		put(at + head, 1);
		put(at + head + w, tracked);
	}
	/* untracked, and so has an empty head */
	put(block_at(0, 4) + head, 1);
	put(block_at(0, 4) + head + w, tracked);
	/* a list whose first items are an object at a low address, and two types */
	put(block_at(0, 5), f.object);
	put(block_at(0, 5) + w, tracked);
	put(block_at(0, 5) + 2 * w, plain);
	/* the type says that a head is in front, but there is none */
	put(block_at(0, 6), 1);
	put(block_at(0, 6) + w, tracked);
	/* a head that can be none: small numbers */
	put(block_at(0, 7), 3);
	put(block_at(0, 7) + w, 5);
	put(block_at(0, 7) + head, 1);
	put(block_at(0, 7) + head + w, tracked);
	/* a number where the count is that can be no count */
	put(block_at(0, 8), w == 8 ? UINT64_C(0x4045000000000000) : 0xc0450000);
	put(block_at(0, 8) + w, plain);
	struct seen s = walk();
	ck_assert_uint_eq(s.of_plain, 1);
	ck_assert_uint_eq(s.of_tracked, 3);
	ck_assert_uint_eq(s.dead, 1);
	ck_assert_uint_eq(s.other, 4);
}

START_TEST(what_only_looks_like_an_object_is_none)
{
	each_row(tells_objects_from_bodies);
}
END_TEST

/* With words of 4 bytes classes made at run time are small enough for pools. */
static void finds_classes_in_pools(void)
{
	uint64_t made = address_of(block_at(0, 0)), old = plain;
	if (word() == 8)
		return;
	memcpy(arena + (made - ARENA), fakepy_at(&f, plain), 10 * SLOT); /* as much as is read */
	plain = made;
	make_pool(1, 4, 4);
	for (unsigned i = 0; i < 3; i++)
		make_plain(block_at(1, i), 1);
	make_plain(block_at(1, 3), ARENA + 64); /* an address is no count */
	uint64_t mro = fakepy_alloc(&f, 64);
	put(fakepy_at(&f, mro) + l()->field[FIELD_tuple_items].offset, made);
	fakepy_put(&f, arena + (made - ARENA) + l()->field[FIELD_type_mro].offset, mro, word());
	struct seen s = walk();
	ck_assert_uint_eq(s.of_plain, 3);
	plain = old;
}

START_TEST(classes_may_lie_in_pools)
{
	each_row(finds_classes_in_pools);
}
END_TEST

static void survives_noise(void)
{
	uint64_t seed = 1;
	for (int run = 0; run < 4; run++) {
		for (uint64_t i = 0; i + word() <= arena_size(); i += word()) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			uint64_t value = seed >> 20;
			if (seed >> 60 < 4)
				value = plain;
			else if (seed >> 60 < 8)
				value = ARENA + value % arena_size() / 8 * 8;
			else if (seed >> 60 < 12)
				value &= 0x3fff;
			put(arena + i, value);
		}
		struct seen s = walk();
		ck_assert_uint_eq(
			s.pools.used + s.pools.free + s.pools.unread, arena_size() / pool_size());
	}
}

START_TEST(noise_in_an_arena_ends_nothing)
{
	each_row(survives_noise);
}
END_TEST

static void drops_overlapping_arenas(void)
{
	uint64_t step = l()->field[FIELD_arena_sizeof].offset, other = entries + step;
	make_pool(0, 3, 3);
	memcpy(fakepy_at(&f, other), fakepy_at(&f, entries), step);
	struct seen s = walk();
	ck_assert_uint_eq(s.blocks[HEAP_IN_POOL], 3);
	ck_assert_uint_eq(s.pools.arenas, 1);
	ck_assert(f.target.problems.damage);
	problems_fini(&f.target.problems);
	f.target.problems = (struct problems){ 0 };
}

START_TEST(arenas_that_overlap_count_once)
{
	each_row(drops_overlapping_arenas);
}
END_TEST

/* i386 aligns what the user has to 16 bytes, behind a head of 8. */
static uint64_t first_chunk(void)
{
	return l()->key.machine == EM_386 ? 8 : 0;
}

static uint64_t put_chunk(uint64_t at, uint64_t size, uint64_t flags)
{
	put(chunks + at + word(), size | flags);
	return at + size;
}

static void walks_chunks(void)
{
	const uint64_t first = first_chunk(), head = 2 * word();
	/* an object, something else, a free chunk, an object in the cache of freed ones, the top */
	uint64_t at = put_chunk(first, 64, 1), other = at;
	make_plain(chunks + first + head, 2);
	at = put_chunk(at, 1024, 1);
	at = put_chunk(at, 96, 1);
	uint64_t cached = at;
	at = put_chunk(at, 64, 0);
	make_plain(chunks + cached + head, (CHUNKS + cached + head) >> 12);
	put_chunk(at, CHUNKS_SIZE - at, 1);
	struct seen s = walk();
	ck_assert_uint_eq(s.blocks[HEAP_IN_CHUNK], 2);
	ck_assert_uint_eq(s.of_plain, 1);
	put_chunk(other, 8, 1); /* no size of a chunk: there is no heap */
	s = walk();
	ck_assert_uint_eq(s.blocks[HEAP_IN_CHUNK], 0);
}

START_TEST(rows_of_chunks_prove_themselves_by_their_end)
{
	each_row(walks_chunks);
}
END_TEST

static void takes_mapped_chunks(void)
{
	const uint64_t first = first_chunk();
	put(chunks + 4096 + first, first);
	put_chunk(4096 + first, 8192 - first, 2);
	make_plain(chunks + 4096 + first + 2 * word(), 1);
	struct seen s = walk();
	ck_assert_uint_eq(s.blocks[HEAP_IN_CHUNK], 1);
	ck_assert_uint_eq(s.of_plain, 1);
}

START_TEST(chunks_mapped_by_themselves_are_found)
{
	each_row(takes_mapped_chunks);
}
END_TEST

Suite *suite_heap(void)
{
	Suite *s = suite_create("heap");
	TCase *c = tcase_create("heap");
	tcase_add_test(c, blocks_in_use_are_those_not_on_the_free_list);
	tcase_add_test(c, pools_that_contradict_themselves_are_counted);
	tcase_add_test(c, what_only_looks_like_an_object_is_none);
	tcase_add_test(c, classes_may_lie_in_pools);
	tcase_add_test(c, noise_in_an_arena_ends_nothing);
	tcase_add_test(c, arenas_that_overlap_count_once);
	tcase_add_test(c, rows_of_chunks_prove_themselves_by_their_end);
	tcase_add_test(c, chunks_mapped_by_themselves_are_found);
	suite_add_tcase(s, c);
	return s;
}
