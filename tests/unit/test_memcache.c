/* SPDX-License-Identifier: Apache-2.0 */
#include "suites.h"

#include "../support/corecase.h"

#include "pycore/mem.h"

enum { PAGE = 4096 };

/* Counts the reads that reach it, over a memory that can change. */
static struct counting {
	struct mem base;
	uint8_t bytes[8 * PAGE];
	uint64_t start, end;
	unsigned reads;
	enum err_code broken;
} counting;

static struct err counting_read(struct mem *base, uint64_t addr, void *buf, size_t n)
{
	struct counting *m = (struct counting *)base;
	m->reads++;
	if (m->broken)
		return err_at(m->broken, addr, "memory");
	if (addr < m->start || addr >= m->end)
		return err_at(ERR_UNMAPPED, addr, "memory");
	if (n > m->end - addr)
		return err_at(ERR_UNMAPPED, m->end, "memory");
	memcpy(buf, m->bytes + (addr - m->start), n);
	return NO_ERR;
}

static bool counting_next_range(struct mem *base, uint64_t from, struct mem_range *ret)
{
	struct counting *m = (struct counting *)base;
	*ret = (struct mem_range){ m->start, m->end, MEM_READ, true };
	return from < m->end;
}

static const struct mem_ops counting_ops = { "counting", counting_read, NULL, counting_next_range };

static struct mem_cache cache;

static void setup_cache(void)
{
	counting = (struct counting){
		.base = { &counting_ops, ORDER_LITTLE, 8 },
		.start = 0x10000,
		.end = 0x10000 + 8 * PAGE,
	};
	for (size_t i = 0; i < sizeof(counting.bytes); i++)
		counting.bytes[i] = (uint8_t)(i * 7 + i / PAGE);
	mem_cache_init(&cache, &counting.base);
}

static void drop_cache(void)
{
	mem_cache_fini(&cache);
}

START_TEST(cache_reads_a_page_once)
{
	uint8_t b[PAGE];
	for (int i = 0; i < 100; i++)
		ck_assert_ok(mem_read(&cache.base, 0x10000 + (unsigned)i, b, 100));
	ck_assert_mem_eq(b, counting.bytes + 99, 100);
	ck_assert_uint_eq(counting.reads, 1);
	ck_assert_uint_eq(cache.page_reads, 1);
	ck_assert_ok(mem_read(&cache.base, 0x10000 + PAGE - 1, b, 2));
	ck_assert_uint_eq(counting.reads, 2);
	ck_assert_mem_eq(b, counting.bytes + PAGE - 1, 2);
	/* an old look stays, a new one is new */
	counting.bytes[0] = 0xaa;
	ck_assert_ok(mem_read(&cache.base, 0x10000, b, 1));
	ck_assert_uint_eq(b[0], 0);
	mem_cache_clear(&cache);
	ck_assert_ok(mem_read(&cache.base, 0x10000, b, 1));
	ck_assert_uint_eq(b[0], 0xaa);
}
END_TEST

START_TEST(cache_fetches_several_pages_at_once)
{
	static uint8_t b[8 * PAGE];
	ck_assert_ok(mem_read(&cache.base, 0x10000 + 100, b, 5 * PAGE));
	ck_assert_uint_eq(counting.reads, 1);
	ck_assert_uint_eq(cache.page_reads, 6);
	ck_assert_mem_eq(b, counting.bytes + 100, 5 * PAGE);
	ck_assert_ok(mem_read(&cache.base, 0x10000, b, 8 * PAGE));
	ck_assert_uint_eq(counting.reads, 2);
	ck_assert_mem_eq(b, counting.bytes, 8 * PAGE);
	/* beyond the end: what is there is kept */
	mem_cache_clear(&cache);
	ck_assert_err_at(mem_read(&cache.base, 0x10000 + 7 * PAGE, b, 2 * PAGE), ERR_UNMAPPED,
		0x10000 + 8 * PAGE);
	ck_assert_ok(mem_read(&cache.base, 0x10000 + 7 * PAGE, b, PAGE));
	ck_assert_mem_eq(b, counting.bytes + 7 * PAGE, PAGE);
}
END_TEST

START_TEST(cache_keeps_its_room)
{
	static uint8_t b[8 * PAGE];
	mem_cache_reserve(&cache, 100);
	for (int i = 0; i < 50; i++) {
		counting.bytes[0] = (uint8_t)i;
		ck_assert_ok(mem_read(&cache.base, 0x10000, b, sizeof(b)));
		ck_assert_mem_eq(b, counting.bytes, sizeof(b));
		mem_cache_clear(&cache);
	}
	ck_assert_uint_eq(counting.reads, 50);
}
END_TEST

START_TEST(cache_views)
{
	const uint8_t *v = mem_view(&cache.base, 0x10000 + 10, 2 * PAGE);
	ck_assert_ptr_nonnull(v);
	ck_assert_mem_eq(v, counting.bytes + 10, 2 * PAGE);
	ck_assert_uint_eq(counting.reads, 1);
	ck_assert_ptr_eq(mem_view(&cache.base, 0x10000 + 20, 8), v + 10);
	/* pages of two fetches do not lie side by side, or if they do, rightly so */
	const uint8_t *across = mem_view(&cache.base, 0x10000 + 2 * PAGE, 2 * PAGE);
	if (across)
		ck_assert_mem_eq(across, counting.bytes + 2 * PAGE, 2 * PAGE);
	ck_assert_ptr_null(mem_view(&cache.base, 0x10000 + 7 * PAGE, PAGE + 1));
	ck_assert_ptr_null(mem_view(&cache.base, 0x1000, 1));
}
END_TEST

START_TEST(cache_remembers_failures)
{
	uint8_t b[16];
	struct mem_range r;
	ck_assert_err_at(mem_read(&cache.base, 0x5008, b, 8), ERR_UNMAPPED, 0x5008);
	unsigned before = counting.reads;
	ck_assert_err_at(mem_read(&cache.base, 0x5010, b, 8), ERR_UNMAPPED, 0x5010);
	ck_assert_uint_eq(counting.reads, before);
	/* a source that fails for a while is asked again */
	counting.broken = ERR_SYS;
	ck_assert_err(mem_read(&cache.base, 0x10000, b, 8), ERR_SYS);
	counting.broken = ERR_NONE;
	ck_assert_ok(mem_read(&cache.base, 0x10000, b, 8));
	ck_assert(mem_next_range(&cache.base, 0, &r));
}
END_TEST

START_TEST(a_sealed_cache_answers_from_its_record)
{
	uint8_t b[16];
	struct mem_range r;
	ck_assert_ok(mem_read(&cache.base, 0x10000, b, 8));
	ck_assert_err(mem_read(&cache.base, 0x5000, b, 8), ERR_UNMAPPED);
	mem_cache_seal(&cache);
	memset(&counting, 0xee, sizeof(counting)); /* the source is gone */
	counting.base.ops = NULL;
	ck_assert_ok(mem_read(&cache.base, 0x10008, b, 8));
	ck_assert_uint_eq(b[0], 8 * 7);
	ck_assert_err_at(mem_read(&cache.base, 0x10000 + PAGE, b, 8), ERR_GONE, 0x10000 + PAGE);
	ck_assert_err_at(mem_read(&cache.base, 0x10000 + PAGE - 4, b, 8), ERR_GONE, 0x10000 + PAGE);
	ck_assert_err_at(mem_read(&cache.base, 0x5000, b, 8), ERR_UNMAPPED, 0x5000);
	ck_assert_ptr_null(mem_view(&cache.base, 0x10000 + PAGE, 1));
	ck_assert(mem_next_range(&cache.base, 0, &r));
	ck_assert_uint_eq(r.start, 0x10000);
	ck_assert_uint_eq(r.end, 0x10000 + 8 * PAGE);
	ck_assert(!mem_next_range(&cache.base, r.end, &r));
}
END_TEST

START_TEST(a_cleared_cache_is_open_again)
{
	uint8_t b[16];
	mem_cache_seal(&cache);
	ck_assert_err(mem_read(&cache.base, 0x10000, b, 8), ERR_GONE);
	mem_cache_clear(&cache);
	ck_assert_ok(mem_read(&cache.base, 0x10000, b, 8));
	mem_cache_seal(&cache);
	ck_assert_ok(mem_read(&cache.base, 0x10000, b, 8));
}
END_TEST

/* Ranges that begin and end within pages: the cache says the same as the source below, in any order
 * of reads. */
START_TEST(cache_over_odd_ranges)
{
	static uint8_t bytes[2 * PAGE];
	uint32_t seed = (uint32_t)_i + 1;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)random_below(&seed, 256);
	struct mem_buf buffer;
	mem_buf_init(&buffer, ORDER_LITTLE, 8);
	mem_buf_add(&buffer, PAGE + 100, bytes, 200, MEM_READ);
	mem_buf_add(&buffer, PAGE + 300, NULL, 100, MEM_READ);
	mem_buf_add(&buffer, PAGE + 500, bytes + 7, PAGE, MEM_READ);
	mem_buf_add(&buffer, 4 * PAGE - 10, bytes, 20, MEM_READ);
	struct mem_cache c;
	mem_cache_init(&c, &buffer.base);
	for (int i = 0; i < 500; i++) {
		uint64_t addr = PAGE + random_below(&seed, 4 * PAGE);
		size_t n = 1 + random_below(&seed, i % 2 ? 8 : 1000);
		uint8_t a[1000], b[1000];
		struct err want = mem_read(&buffer.base, addr, a, n);
		struct err have = mem_read(&c.base, addr, b, n);
		ck_assert_msg(want.code == have.code && want.addr == have.addr, "read of %zu at %d",
			n, (int)addr);
		ck_assert(failed(want) || !memcmp(a, b, n));
		const void *view = mem_view(&c.base, addr, n);
		ck_assert(!view || (!failed(want) && !memcmp(view, a, n)));
	}
	mem_cache_fini(&c);
}
END_TEST

/* Of two ranges in one page only the one that was read is recorded. */
START_TEST(a_sealed_page_in_part)
{
	uint8_t b[16];
	struct mem_buf buffer;
	struct mem_cache c;
	mem_buf_init(&buffer, ORDER_LITTLE, 8);
	mem_buf_add(&buffer, PAGE + 100, counting.bytes, 100, MEM_READ);
	mem_buf_add(&buffer, PAGE + 300, counting.bytes, 100, MEM_READ);
	mem_buf_add(&buffer, PAGE + 500, NULL, 100, MEM_READ);
	mem_cache_init(&c, &buffer.base);
	ck_assert_ok(mem_read(&c.base, PAGE + 310, b, 8));
	ck_assert_ok(mem_read(&c.base, PAGE + 110, b, 8));
	mem_cache_seal(&c);
	memset(&buffer, 0, sizeof(buffer)); /* the source is gone */
	ck_assert_ok(mem_read(&c.base, PAGE + 390, b, 8));
	ck_assert_mem_eq(b, counting.bytes + 90, 8);
	ck_assert_err_at(mem_read(&c.base, PAGE + 110, b, 8), ERR_GONE, PAGE + 110);
	ck_assert_err_at(mem_read(&c.base, PAGE + 250, b, 8), ERR_UNMAPPED, PAGE + 250);
	ck_assert_err_at(mem_read(&c.base, PAGE + 396, b, 8), ERR_UNMAPPED, PAGE + 400);
	mem_cache_fini(&c);
}
END_TEST

START_TEST(cache_at_the_top)
{
	uint8_t b[16];
	ck_assert_err(mem_read(&cache.base, UINT64_MAX - 100, b, 8), ERR_UNMAPPED);
	ck_assert_ptr_null(mem_view(&cache.base, UINT64_MAX - 100, 8));
	ck_assert_err(mem_read(&cache.base, UINT64_MAX - PAGE - 4, b, 16), ERR_UNMAPPED);
}
END_TEST

static TCase *cache_case(void)
{
	TCase *t = tcase_create("cache");
	tcase_add_checked_fixture(t, setup_cache, drop_cache);
	tcase_add_test(t, cache_reads_a_page_once);
	tcase_add_test(t, cache_fetches_several_pages_at_once);
	tcase_add_test(t, cache_keeps_its_room);
	tcase_add_test(t, cache_views);
	tcase_add_test(t, cache_remembers_failures);
	tcase_add_test(t, a_sealed_cache_answers_from_its_record);
	tcase_add_test(t, a_cleared_cache_is_open_again);
	tcase_add_loop_test(t, cache_over_odd_ranges, 0, 20);
	tcase_add_test(t, a_sealed_page_in_part);
	tcase_add_test(t, cache_at_the_top);
	return t;
}

Suite *suite_memcache(void)
{
	Suite *s = suite_create("memory cache");
	suite_add_tcase(s, cache_case());
	return s;
}
