/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page cache and recording. A page holds the window [lo, hi) of its bytes that could be had (all of
 * it, but for made-up sources and cores whose ranges are not page-aligned) and why the rest could
 * not. The pages of one fetch lie side by side, so that views may cross them.
 */
#include "pycore/mem.h"

#include <sys/mman.h>

enum { PAGE = 4096, FETCH_PAGES = 16 };

/* Room for pages. It is kept when the pages are forgotten: a fresh page costs more than reading one
 * does. */
struct mem_chunk {
	struct mem_chunk *next;
	uint8_t *pages; /* FETCH_PAGES of them, inside of this allocation */
};

struct mem_page {
	uint64_t addr;
	const uint8_t *bytes;
	uint16_t lo, hi; /* lo < hi, or both 0 */
	struct err why; /* the bytes outside of the window cannot be had */
};

static uint64_t page_of(uint64_t addr)
{
	return addr & ~(uint64_t)(PAGE - 1);
}

static const struct mem_page *find(struct mem_cache *m, uint64_t page)
{
	if (m->last && m->last->addr == page)
		return m->last;
	uint64_t value;
	if (!hash_get(&m->pages, page, &value))
		return NULL;
	return m->last = (const struct mem_page *)(uintptr_t)value;
}

static const struct mem_page *record(struct mem_cache *m, struct mem_page page)
{
	struct mem_page *kept = arena_alloc(&m->heads, sizeof(*kept));
	*kept = page;
	hash_put(&m->pages, page.addr, (uint64_t)(uintptr_t)kept);
	return m->last = kept;
}

static struct mem_chunk *chunk_new(void)
{
	struct mem_chunk *c = xmalloc(sizeof(*c) + (FETCH_PAGES + 1) * PAGE);
	uintptr_t end = (uintptr_t)(c + 1);
	c->pages = (uint8_t *)(c + 1) + (-end & (PAGE - 1));
#ifdef MADV_POPULATE_WRITE
	/* One call instead of a fault for each page; where the kernel has no such call, nothing is
	 * lost. */
	madvise(c->pages, FETCH_PAGES * PAGE, MADV_POPULATE_WRITE);
#endif
	return c;
}

static void chunks_free(struct mem_chunk *c)
{
	while (c) {
		struct mem_chunk *next = c->next;
		free(c);
		c = next;
	}
}

void mem_cache_reserve(struct mem_cache *m, size_t pages)
{
	size_t have = 0;
	for (const struct mem_chunk *c = m->unused; c; c = c->next)
		have += FETCH_PAGES;
	for (; have < pages; have += FETCH_PAGES) {
		struct mem_chunk *c = chunk_new();
		c->next = m->unused;
		m->unused = c;
	}
}

/* Room for some pages side by side, of which a failed read uses none: bad pointers cost no page. */
static uint8_t *spare_room(struct mem_cache *m, size_t *n)
{
	if (!m->spare_pages) {
		mem_cache_reserve(m, 1);
		struct mem_chunk *c = m->unused;
		m->unused = c->next;
		c->next = m->used;
		m->used = c;
		m->spare = c->pages;
		m->spare_pages = FETCH_PAGES;
	}
	if (*n > m->spare_pages)
		*n = m->spare_pages;
	return m->spare;
}

static void use_spare(struct mem_cache *m, size_t n)
{
	m->spare += n * PAGE;
	m->spare_pages -= n;
}

/* Whether this failure is a fact about the memory, worth remembering, and not about the source. */
static bool lasting(struct err e)
{
	return e.code == ERR_UNMAPPED || e.code == ERR_NOT_SAVED || e.code == ERR_TRUNCATED;
}

/* A page that cannot be had whole: the window around addr that can. */
static struct err fetch_window(
	struct mem_cache *m, uint64_t page, uint64_t addr, const struct mem_page **ret)
{
	size_t one = 1;
	uint8_t *bytes = spare_room(m, &one);
	uint64_t lo = page, hi = page;
	struct err why = NO_ERR; /* the last failure */
	for (;;) { /* from the front as far as it goes, then behind the gap, until the window holds
		      addr */
		struct err e =
			mem_read(m->below, lo, bytes + (lo - page), (size_t)(page + PAGE - lo));
		if (!failed(e)) {
			hi = page + PAGE;
			break;
		}
		if (!lasting(e))
			return e;
		why = e;
		if (e.addr > addr && e.addr > lo && e.addr < page + PAGE) {
			TRY(mem_read(m->below, lo, bytes + (lo - page), (size_t)(e.addr - lo)));
			hi = e.addr;
			break;
		}
		struct mem_range r;
		if (!mem_range_at(m->below, addr, &r) || !r.readable || r.start <= lo)
			break;
		lo = r.start;
	}
	struct mem_page p = { .addr = page, .bytes = bytes, .why = why };
	if (lo < hi) {
		p.lo = (uint16_t)(lo - page);
		p.hi = (uint16_t)(hi - page);
		use_spare(m, 1);
	}
	*ret = record(m, p);
	return NO_ERR;
}

/* How many pages from `page` on are not there yet, at most `want`. */
static size_t missing_pages(struct mem_cache *m, uint64_t page, size_t want)
{
	uint64_t value;
	size_t n = 1;
	while (n < want && page + n * PAGE > page && !hash_get(&m->pages, page + n * PAGE, &value))
		n++;
	return n;
}

/* Fetches the page that holds addr, and with the same read up to `want` pages in all. */
static struct err fetch(
	struct mem_cache *m, uint64_t addr, size_t want, const struct mem_page **ret)
{
	uint64_t page = page_of(addr);
	for (size_t n = missing_pages(m, page, want < FETCH_PAGES ? want : FETCH_PAGES);; n = 1) {
		uint8_t *bytes = spare_room(m, &n);
		struct err e = mem_read(m->below, page, bytes, n * PAGE);
		if (!failed(e)) {
			for (size_t i = n; i-- > 0;)
				*ret = record(m, (struct mem_page){ .addr = page + i * PAGE,
							 .bytes = bytes + i * PAGE,
							 .hi = PAGE });
			use_spare(m, n);
			m->page_reads += n;
			return NO_ERR;
		}
		if (!lasting(e))
			return e;
		if (n == 1)
			break;
	}
	m->page_reads++;
	return fetch_window(m, page, addr, ret);
}

static struct err not_recorded(uint64_t addr)
{
	return err_at(ERR_GONE, addr, "memory that was not recorded");
}

/* The page of addr, recorded or fetched; *ret_part: how many of n bytes lie in it and are there. */
static struct err page_at(
	struct mem_cache *m, uint64_t addr, size_t n, const struct mem_page **ret, size_t *ret_part)
{
	uint64_t page = page_of(addr);
	const struct mem_page *p = find(m, page);
	if (!p && m->sealed)
		return not_recorded(addr);
	if (!p)
		TRY(fetch(m, addr, (size_t)((addr - page + n + PAGE - 1) / PAGE), &p));
	size_t at = (size_t)(addr - page);
	if (at < p->lo || at >= p->hi) {
		struct err why = p->why;
		why.addr = addr;
		return why;
	}
	*ret = p;
	*ret_part = n < p->hi - at ? n : p->hi - at;
	return NO_ERR;
}

/* A page has room for one window. What lies outside of it, and is more than a gap between ranges,
 * is read past the cache. */
static struct err read_outside(
	struct mem_cache *m, struct err why, uint64_t addr, void *buf, size_t n)
{
	struct mem_range r;
	if (!lasting(why))
		return why;
	if (!mem_range_at(&m->base, addr, &r))
		return err_at(ERR_UNMAPPED, addr, why.what);
	if (!m->sealed)
		return mem_read(m->below, addr, buf, n);
	return r.readable ? not_recorded(addr) : why;
}

static struct err cache_read(struct mem *base, uint64_t addr, void *buf, size_t n)
{
	struct mem_cache *m = (struct mem_cache *)base;
	uint8_t *to = buf;
	while (n) {
		const struct mem_page *p;
		size_t part;
		struct err e = page_at(m, addr, n, &p, &part);
		if (failed(e))
			return read_outside(m, e, addr, to, n);
		memcpy(to, p->bytes + (addr - p->addr), part);
		to += part;
		addr += part;
		n -= part;
	}
	return NO_ERR;
}

static const void *cache_view(struct mem *base, uint64_t addr, size_t n)
{
	struct mem_cache *m = (struct mem_cache *)base;
	const uint8_t *view = NULL;
	for (size_t got = 0, part; got < n; got += part) {
		const struct mem_page *p;
		if (failed(page_at(m, addr + got, n - got, &p, &part)))
			return NULL;
		const uint8_t *bytes = p->bytes + (addr + got - p->addr);
		if (!got)
			view = bytes;
		else if (bytes != view + got)
			return NULL;
	}
	return view;
}

static bool cache_next_range(struct mem *base, uint64_t from, struct mem_range *ret)
{
	struct mem_cache *m = (struct mem_cache *)base;
	if (!m->sealed)
		return mem_next_range(m->below, from, ret);
	return mem_range_above(m->ranges, m->n_ranges, from, ret);
}

static const struct mem_ops cache_ops = {
	.name = "cache",
	.read = cache_read,
	.view = cache_view,
	.next_range = cache_next_range,
};

void mem_cache_init(struct mem_cache *m, struct mem *below)
{
	*m = (struct mem_cache){
		.base = { .ops = &cache_ops, .order = below->order, .ptr_size = below->ptr_size },
		.below = below,
	};
}

void mem_cache_clear(struct mem_cache *m)
{
	hash_clear(&m->pages);
	arena_fini(&m->heads);
	while (m->used) {
		struct mem_chunk *c = m->used;
		m->used = c->next;
		c->next = m->unused;
		m->unused = c;
	}
	m->spare_pages = 0;
	m->last = NULL;
	m->sealed = false;
	m->n_ranges = 0;
}

void mem_cache_seal(struct mem_cache *m)
{
	struct mem_range r;
	if (m->sealed)
		return;
	for (uint64_t from = 0; mem_next_range(m->below, from, &r); from = r.end) {
		m->ranges = xgrow(m->ranges, &m->cap_ranges, m->n_ranges, sizeof(r));
		m->ranges[m->n_ranges++] = r;
	}
	m->sealed = true;
}

void mem_cache_fini(struct mem_cache *m)
{
	if (!m)
		return;
	hash_fini(&m->pages);
	arena_fini(&m->heads);
	chunks_free(m->used);
	chunks_free(m->unused);
	free(m->ranges);
	*m = (struct mem_cache){ 0 };
}
