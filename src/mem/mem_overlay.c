/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overlay: what the source below has mapped but not saved (or lost to truncation) is read from
 * files. Bytes that are saved always win: a file on disk shows relocations and written pages as
 * they were before.
 */
#include "pycore/mem.h"

#include "pycore/sorted.h"

static int by_start(const void *a, const void *b)
{
	const struct mem_overlay_piece *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* The index of the first piece that starts above addr. */
static size_t first_above(struct mem_overlay *m, uint64_t addr)
{
	if (!m->sorted) {
		qsort(m->pieces, m->len, sizeof(*m->pieces), by_start);
		m->sorted = true;
	}
	return PARTITION_POINT(m->len, i, m->pieces[i].start <= addr);
}

/* What a file says for [addr, ...), bounded by the piece and by the next one; NULL if none does. */
static const uint8_t *supplied(struct mem_overlay *m, uint64_t addr, uint64_t *ret_left)
{
	size_t above = m->last;
	bool hit = m->sorted && above && above <= m->len && m->pieces[above - 1].start <= addr &&
		   (above == m->len || addr < m->pieces[above].start);
	if (!hit)
		above = m->last = first_above(m, addr);
	if (!above)
		return NULL;
	const struct mem_overlay_piece *p = &m->pieces[above - 1];
	uint64_t at = addr - p->start;
	if (at >= p->n)
		return NULL;
	*ret_left = p->n - at;
	if (above < m->len && m->pieces[above].start - addr < *ret_left)
		*ret_left = m->pieces[above].start - addr;
	return p->bytes + at;
}

/* As supplied(), and only where the source below has the bytes mapped but not at hand. */
static const uint8_t *filled(struct mem_overlay *m, uint64_t addr, uint64_t *ret_left)
{
	uint64_t left;
	const uint8_t *bytes = supplied(m, addr, &left);
	struct mem_range r;
	if (!bytes || !mem_range_at(m->below, addr, &r) || r.readable)
		return NULL;
	*ret_left = left < r.end - addr ? left : r.end - addr;
	return bytes;
}

static struct err overlay_read(struct mem *base, uint64_t addr, void *buf, size_t n)
{
	struct mem_overlay *m = (struct mem_overlay *)base;
	uint8_t *to = buf;
	for (;;) {
		struct err e = mem_read(m->below, addr, to, n);
		if (e.code != ERR_NOT_SAVED && e.code != ERR_TRUNCATED)
			return e;
		uint64_t left, before = e.addr - addr;
		if (before >= n)
			return e;
		const uint8_t *bytes = filled(m, e.addr, &left);
		if (!bytes && m->supply && m->supply(m->supply_ctx, e.addr))
			bytes = filled(m, e.addr, &left);
		if (!bytes)
			return e;
		TRY(mem_read(m->below, addr, to, (size_t)before));
		n -= (size_t)before;
		size_t part = n < left ? n : (size_t)left;
		memcpy(to + before, bytes, part);
		if (part == n)
			return NO_ERR;
		addr = e.addr + part;
		to += before + part;
		n -= part;
	}
}

static const void *overlay_view(struct mem *base, uint64_t addr, size_t n)
{
	struct mem_overlay *m = (struct mem_overlay *)base;
	const void *view = mem_view(m->below, addr, n);
	if (view)
		return view;
	uint64_t left;
	const uint8_t *bytes = filled(m, addr, &left);
	return bytes && left >= n ? bytes : NULL;
}

/* A range that is not readable below falls apart where pieces begin and end. */
static bool overlay_next_touched(struct mem *base, uint64_t from, uint64_t end, struct mem_run *ret)
{
	return mem_next_touched(((struct mem_overlay *)base)->below, from, end, ret);
}

static bool overlay_next_range(struct mem *base, uint64_t from, struct mem_range *ret)
{
	struct mem_overlay *m = (struct mem_overlay *)base;
	struct mem_range r;
	if (!mem_next_range(m->below, from, &r))
		return false;
	if (!r.readable && m->len) {
		uint64_t at = from > r.start ? from : r.start;
		size_t above = first_above(m, at);
		if (above < m->len && m->pieces[above].start < r.end)
			r.end = m->pieces[above].start;
		if (above) {
			const struct mem_overlay_piece *p = &m->pieces[above - 1];
			uint64_t end = p->start + p->n;
			r.readable = at < end;
			uint64_t start = r.readable ? p->start : end;
			if (start > r.start)
				r.start = start;
			if (r.readable && end < r.end)
				r.end = end;
		}
	}
	*ret = r;
	return true;
}

static const struct mem_ops overlay_ops = {
	.name = "overlay",
	.read = overlay_read,
	.view = overlay_view,
	.next_touched = overlay_next_touched,
	.next_range = overlay_next_range,
};

void mem_overlay_init(struct mem_overlay *m, struct mem *below)
{
	*m = (struct mem_overlay){
		.base = { .ops = &overlay_ops, .order = below->order, .ptr_size = below->ptr_size },
		.below = below,
		.sorted = true,
	};
}

void mem_overlay_on_demand(struct mem_overlay *m, bool supply(void *ctx, uint64_t addr), void *ctx)
{
	m->supply = supply;
	m->supply_ctx = ctx;
}

void mem_overlay_add(struct mem_overlay *m, uint64_t start, const uint8_t *bytes, size_t n)
{
	if (n > UINT64_MAX - start)
		n = (size_t)(UINT64_MAX - start);
	if (!n)
		return;
	m->sorted = m->sorted && (!m->len || m->pieces[m->len - 1].start <= start);
	m->pieces = xgrow(m->pieces, &m->cap, m->len, sizeof(*m->pieces));
	m->pieces[m->len++] = (struct mem_overlay_piece){ .start = start, .bytes = bytes, .n = n };
}

void mem_overlay_fini(struct mem_overlay *m)
{
	if (!m)
		return;
	free(m->pieces);
	*m = (struct mem_overlay){ 0 };
}
