/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap walk over segments and pages of mimalloc made by hand, for every free-threaded row:
 * which blocks are in use, which of them are objects that live, and what contradicts itself.
 */
#include "suites.h"

#include "fakepy.h"

#include "pycore/alloc.h"
#include "pycore/heap.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLICE = 65536,
	SEGMENT_SLICES = 512,
	SEGMENT_SIZE = SEGMENT_SLICES * SLICE,
	SEGMENT = 0x40000000, /* and one more behind it */
	SECRET = 0x5bd1e995,
	SIZE = 64, /* of the blocks of page 1 */
	FIRST = 3 * SIZE, /* where they begin */
	CAPACITY = 10,
	HEAPS = 4,
	QUEUED = 2,
	DEFERRED = 64,
};
enum tag { MEMORY, OBJECTS, GC, GC_AND_FRONT };

static struct fakepy f;
static uint8_t *segments;
static uint64_t plain, tracked, managed, heaps;

static const struct layout *l(void)
{
	return &f.rt->layout;
}

static uint64_t size_of(enum field of)
{
	return l()->field[of].offset;
}

static void set(uint64_t addr, enum field field, uint64_t value)
{
	const struct field_at at = l()->field[field];
	uint8_t *p = segments + (addr - SEGMENT) + at.offset;
	uint64_t old = bytes_uint(p, at.size, ORDER_LITTLE);
	uint64_t mask = at.bits ? ((UINT64_C(1) << at.bits) - 1) << at.bit : UINT64_MAX;
	if (at.origin == ORIGIN_NONE)
		return;
	value = (old & ~mask) | (value << at.bit & mask);
	for (unsigned i = 0; i < at.size; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

static void put(uint64_t addr, uint64_t word)
{
	memcpy(segments + (addr - SEGMENT), &word, 8);
}

static uint64_t slice_of(uint64_t segment, unsigned i)
{
	return segment + size_of(FIELD_mi_segment_slices) + i * size_of(FIELD_mi_page_sizeof);
}

/* One slice for its head, one page of a slice, the rest in no page. */
static void make_segment(uint64_t at, uint64_t secret)
{
	set(at, FIELD_mi_segment_cookie, at ^ secret);
	set(at, FIELD_mi_segment_used, 1);
	set(at, FIELD_mi_segment_segment_slices, SEGMENT_SLICES);
	set(at, FIELD_mi_segment_entries, SEGMENT_SLICES);
	set(at, FIELD_mi_segment_info_slices, 1);
	set(slice_of(at, 0), FIELD_mi_page_slice_count, 1);
	set(slice_of(at, 0), FIELD_mi_page_block_size, SLICE);
	set(slice_of(at, 1), FIELD_mi_page_slice_count, 1);
	set(slice_of(at, 2), FIELD_mi_page_slice_count, SEGMENT_SLICES - 2);
}

static void make_page(uint64_t segment, enum tag tag, unsigned capacity, unsigned used)
{
	uint64_t page = slice_of(segment, 1);
	set(page, FIELD_mi_page_block_size, SIZE);
	set(page, FIELD_mi_page_start, segment + SLICE + FIRST);
	set(page, FIELD_mi_page_tag, tag);
	set(page, FIELD_mi_page_capacity, capacity);
	set(page, FIELD_mi_page_reserved, 100);
	set(page, FIELD_mi_page_used, used);
}

static uint64_t block_at(unsigned i)
{
	return SEGMENT + SLICE + FIRST + i * SIZE;
}

static void make_object(uint64_t at, uint64_t type, uint32_t local, int64_t shared, unsigned bits)
{
	set(at, FIELD_object_tid, 0x7f0000001000);
	set(at, FIELD_object_ref_local, local);
	set(at, FIELD_object_ref_shared, (uint64_t)shared);
	set(at, FIELD_object_gc_bits, bits);
	set(at, FIELD_object_type, type);
}

/* A thread with four heaps, behind the place where this release has them. */
static void make_heaps(void)
{
	uint64_t size = size_of(FIELD_mi_heap_sizeof), page = slice_of(SEGMENT, 1);
	(void)fakepy_thread(&f, f.interp, 0);
	heaps = fakepy_alloc(&f, 128 + HEAPS * size + 64) + 128;
	for (unsigned i = 0; i < HEAPS; i++) {
		fakepy_set(&f, heaps + i * size, FIELD_mi_heap_tld, heaps + HEAPS * size);
		fakepy_set(&f, heaps + i * size, FIELD_mi_heap_tag, i);
	}
	uint64_t queue = heaps + OBJECTS * size + l()->field[FIELD_mi_heap_pages].offset;
	fakepy_set(&f, heaps + OBJECTS * size, FIELD_mi_heap_page_count, 1);
	fakepy_set(&f, queue + 7 * size_of(FIELD_mi_queue_sizeof), FIELD_mi_queue_first, page);
}

static void setup_row(const struct layout_row *row)
{
	fakepy_init(&f, row);
	const struct layout_key key = f.rt->layout.key;
	ck_assert_ok(layout_pick(&key, false, &f.rt->layout)); /* with what has moved */
	segments = xcalloc(2, SEGMENT_SIZE);
	mem_buf_add(&f.mem, SEGMENT, segments, 2 * SEGMENT_SIZE, MEM_READ | MEM_WRITE);
	make_segment(SEGMENT, SECRET);
	make_heaps();
	fakepy_classes(&f);
	plain = fakepy_class(&f, "plain", 0, 40);
	tracked = fakepy_class(&f, "tracked", 1 << 14, 48);
	managed = fakepy_class(&f, "managed", 1 << 14 | 1 << 4, 48);
	python_walk(&f.python);
}

static void teardown_row(void)
{
	fakepy_fini(&f);
	free(segments);
}

struct seen {
	uint64_t blocks, live, dead, other, of_plain, of_tracked, of_managed, in_gc;
	struct heap_pages pages;
};

static void walk_part(struct seen *s, unsigned part, unsigned parts)
{
	struct heap_walk *w;
	struct heap_batch batch;
	struct heap_part done;
	size_t n;
	ck_assert_ok(heap_walk_open(&f.python, f.rt, &w));
	heap_walk_divide(w, part, parts);
	while (heap_walk_next(w, &batch)) {
		const struct heap_type *types = heap_types(w, &n);
		for (size_t i = 0; i < batch.n && batch.place == HEAP_IN_PAGE; i++) {
			const struct heap_block *b = &batch.list[i];
			uint64_t type = b->type == HEAP_NO_TYPE ? 0 : types[b->type].addr;
			bool live = b->state == HEAP_OBJECT;
			s->blocks++;
			s->live += live;
			s->dead += b->state == HEAP_DEAD;
			s->other += b->state == HEAP_OTHER;
			s->of_plain += live && type == plain;
			s->of_tracked += live && type == tracked;
			s->of_managed += live && type == managed && b->lead == 16;
		}
	}
	s->in_gc += heap_tracked(w);
	heap_walk_part(w, &done);
	s->pages.torn += done.pages.torn;
	s->pages.unread += done.pages.unread;
	s->pages.segments += done.pages.segments;
	s->pages.used += done.pages.used;
	s->pages.free += done.pages.free;
	s->pages.blocks += done.pages.blocks;
	s->pages.counted += done.pages.counted;
	s->pages.freed += done.pages.freed;
	s->pages.heap_pages += done.pages.heap_pages;
	heap_walk_close(w);
}

static struct seen walk(void)
{
	struct seen s = { 0 };
	walk_part(&s, 0, 1);
	return s;
}

static void each_row(void test(void))
{
	size_t n, run = 0;
	const struct layout_row *rows = layout_rows(&n);
	for (size_t i = 0; i < n; i++) {
		if (rows[i].heap.scheme != HEAP_MIMALLOC)
			continue;
		setup_row(&rows[i]);
		test();
		teardown_row();
		run++;
	}
	ck_assert_uint_ge(run, 4);
}

/* ---- which blocks are in use ---- */

static void chain(enum field list, uint64_t flags, unsigned first, unsigned second)
{
	set(slice_of(SEGMENT, 1), list, block_at(first) | flags);
	put(block_at(first), second ? block_at(second) : 0);
	if (second)
		put(block_at(second), 0);
}

/* An array of what is freed later, in the queue of the thread. */
static void delay(uint64_t block)
{
	const struct field_at *row = l()->row->fields;
	uint64_t queue =
		heaps - (row[FIELD_tstate_mi_heaps].offset - row[FIELD_tstate_freed].offset);
	uint64_t array = fakepy_alloc(&f, size_of(FIELD_freed_chunk_sizeof));
	uint64_t items = array + l()->field[FIELD_freed_chunk_items].offset;
	memcpy(fakepy_at(&f, queue), &array, 8);
	memcpy(fakepy_at(&f, array), &queue, 8);
	fakepy_set(&f, array, FIELD_freed_chunk_first, 1);
	fakepy_set(&f, array, FIELD_freed_chunk_end, 3);
	uint64_t all[] = { block_at(0), block | 1, block };
	for (unsigned i = 0; i < 3; i++)
		memcpy(fakepy_at(&f, items + i * size_of(FIELD_freed_item_sizeof)), &all[i], 8);
}

static void all_lists(void)
{
	uint64_t heap = heaps + OBJECTS * size_of(FIELD_mi_heap_sizeof);
	make_page(SEGMENT, OBJECTS, CAPACITY, 7);
	for (unsigned i = 0; i < CAPACITY; i++)
		make_object(block_at(i), plain, 1, 0, 0);
	chain(FIELD_mi_page_free, 0, 2, 1);
	chain(FIELD_mi_page_local_free, 0, 3, 0);
	chain(FIELD_mi_page_thread_free, 1, 4, 0);
	fakepy_set(&f, heap, FIELD_mi_heap_freed, block_at(5));
	put(block_at(5), 0);
	delay(block_at(6));
	struct seen s = walk();
	ck_assert_uint_eq(s.pages.segments, 1);
	ck_assert_uint_eq(s.pages.torn, 0);
	ck_assert_uint_eq(s.pages.counted, 7);
	ck_assert_uint_eq(s.pages.blocks, 7);
	ck_assert_uint_eq(s.pages.freed, 3);
	ck_assert_uint_eq(s.pages.heap_pages, 1);
	ck_assert_uint_eq(s.blocks, 4);
	ck_assert_uint_eq(s.of_plain, 4);
}

START_TEST(blocks_in_use_are_those_on_no_list)
{
	each_row(all_lists);
}
END_TEST

static void torn_lists(void)
{
	make_page(SEGMENT, OBJECTS, CAPACITY, 9); /* one more than on lists */
	chain(FIELD_mi_page_free, 0, 2, 1);
	ck_assert_uint_eq(walk().pages.torn, 1);
	put(block_at(1), block_at(2)); /* a circle */
	ck_assert_uint_eq(walk().pages.torn, 1);
	put(block_at(1), block_at(3) + 8); /* where no block begins */
	ck_assert_uint_eq(walk().pages.torn, 1);
	put(block_at(1), SEGMENT); /* out of the page */
	ck_assert_uint_eq(walk().pages.torn, 1);
	put(block_at(1), 0);
	make_page(SEGMENT, OBJECTS, CAPACITY, 8);
	ck_assert_uint_eq(walk().pages.torn, 0);
	make_page(SEGMENT, OBJECTS, 101, 8); /* more than it has room for */
	struct seen s = walk();
	ck_assert_uint_eq(s.pages.torn, 1);
	ck_assert_uint_eq(s.pages.unread, 1);
	ck_assert_uint_eq(s.blocks, 0);
	make_page(SEGMENT, OBJECTS, CAPACITY, 0);
	ck_assert_uint_eq(walk().pages.free, 1);
}

START_TEST(pages_that_contradict_themselves_are_counted)
{
	each_row(torn_lists);
}
END_TEST

/* ---- which segments there are ---- */

static void other_segments(void)
{
	make_page(SEGMENT, MEMORY, CAPACITY, CAPACITY);
	make_segment(SEGMENT + SEGMENT_SIZE, SECRET + 1); /* another Python's */
	make_page(SEGMENT + SEGMENT_SIZE, MEMORY, CAPACITY, CAPACITY);
	ck_assert_uint_eq(walk().pages.segments, 1);
	make_segment(SEGMENT + SEGMENT_SIZE, SECRET);
	struct seen s = walk();
	ck_assert_uint_eq(s.pages.segments, 2);
	ck_assert_uint_eq(s.other, 2 * CAPACITY);
	set(SEGMENT + SEGMENT_SIZE, FIELD_mi_segment_used, 0); /* freed: its head stays */
	ck_assert_uint_eq(walk().pages.segments, 1);
}

START_TEST(segments_prove_themselves_by_their_cookie)
{
	each_row(other_segments);
}
END_TEST

static void parts(void)
{
	struct seen s = { 0 };
	make_page(SEGMENT, MEMORY, CAPACITY, CAPACITY);
	make_segment(SEGMENT + SEGMENT_SIZE, SECRET);
	make_page(SEGMENT + SEGMENT_SIZE, MEMORY, CAPACITY, CAPACITY);
	for (unsigned i = 0; i < 3; i++)
		walk_part(&s, i, 3);
	ck_assert_uint_eq(s.pages.segments, 2);
	ck_assert_uint_eq(s.pages.used, 2);
	ck_assert_uint_eq(s.other, 2 * CAPACITY);
}

START_TEST(parts_add_up_to_the_whole)
{
	each_row(parts);
}
END_TEST

/* ---- which blocks are objects, and live ---- */

static void counts(void)
{
	const struct {
		uint32_t local;
		int64_t shared;
		unsigned bits;
	} all[CAPACITY] = {
		{ 1, 0, 0 }, /* its owner's alone */
		{ 0, 3 << 2 | 3, 1 }, /* merged, and tracked */
		{ UINT32_MAX, 0, 0 }, /* for ever */
		{ 3, -2 * 4 + QUEUED + 4, 0 }, /* others gave up more than they had */
		{ 1, QUEUED, DEFERRED | 1 }, /* a function that only a stack refers to */
		{ 1, QUEUED, 1 }, /* only the queue refers to it */
		{ 0, 0, 1 }, /* nobody */
		{ 0, 3, 1 }, /* merged, and nobody */
		{ 0, -4, 0 }, /* that is no count */
		{ 2, 0, 0 },
	};
	make_page(SEGMENT, GC, CAPACITY, CAPACITY);
	for (unsigned i = 0; i < CAPACITY; i++)
		make_object(block_at(i), tracked, all[i].local, all[i].shared, all[i].bits);
	struct seen s = walk();
	ck_assert_uint_eq(s.of_tracked, 6);
	ck_assert_uint_eq(s.dead, 3);
	ck_assert_uint_eq(s.other, 1);
	ck_assert_uint_eq(s.in_gc, 2);
}

START_TEST(counts_of_all_threads_tell_what_lives)
{
	each_row(counts);
}
END_TEST

static void places(void)
{
	make_page(SEGMENT, GC_AND_FRONT, 3, 3);
	make_object(block_at(0) + 16, managed, 1, 0, 0);
	make_object(block_at(1) + 16, tracked, 1, 0, 0); /* has nothing in front */
	make_object(block_at(2), managed, 1, 0, 0); /* begins elsewhere */
	struct seen s = walk();
	ck_assert_uint_eq(s.of_managed, 1);
	ck_assert_uint_eq(s.live, 1);
	ck_assert_uint_eq(s.blocks, 3);
	make_page(SEGMENT, MEMORY, 3, 3);
	make_object(block_at(0), plain, 1, 0, 0);
	ck_assert_uint_eq(walk().other, 3);
}

START_TEST(objects_begin_where_their_heap_has_them)
{
	each_row(places);
}
END_TEST

Suite *suite_heap_pages(void)
{
	Suite *s = suite_create("heap pages");
	TCase *t = tcase_create("heap pages");
	tcase_add_test(t, blocks_in_use_are_those_on_no_list);
	tcase_add_test(t, pages_that_contradict_themselves_are_counted);
	tcase_add_test(t, segments_prove_themselves_by_their_cookie);
	tcase_add_test(t, parts_add_up_to_the_whole);
	tcase_add_test(t, counts_of_all_threads_tell_what_lives);
	tcase_add_test(t, objects_begin_where_their_heap_has_them);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}
