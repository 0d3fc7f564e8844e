/* SPDX-License-Identifier: Apache-2.0 */
/* Address space for whole ranges, filled part by part when it is touched. */
#include "pycore/mem.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PART = 16 * 1024, PAGE = 4096 };

/* The one whose rooms a signal may be about, and who had the signal before. */
static struct mem_demand *active;
static struct sigaction before;

static const struct mem_demand_room *room_of(const struct mem_demand *m, const uint8_t *at)
{
	for (size_t i = 0; i < m->len; i++) {
		if (at >= m->rooms[i].bytes && (uint64_t)(at - m->rooms[i].bytes) < m->rooms[i].n)
			return &m->rooms[i];
	}
	return NULL;
}

static size_t part_size(const struct mem_demand_room *r, const uint8_t *part)
{
	uint64_t left = r->n - (uint64_t)(part - r->bytes);
	return left < PART ? (size_t)left : PART;
}

/* Takes the bytes of the part that was filled longest ago. */
static void empty_oldest(struct mem_demand *m)
{
	uint8_t *part = m->filled[m->oldest];
	size_t n = part_size(room_of(m, part), part);
	mmap(part, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

static void read_part(struct mem_demand *m, uint64_t addr, uint8_t *to, size_t n)
{
	if (!failed(mem_read(m->below, addr, to, n)))
		return;
	for (size_t at = 0; at < n; at += PAGE) {
		size_t page = n - at < PAGE ? n - at : PAGE;
		if (failed(mem_read(m->below, addr + at, to + at, page))) {
			memset(to + at, 0, page);
			m->lost += page;
		}
	}
}

static bool fill(struct mem_demand *m, const struct mem_demand_room *r, const uint8_t *touched)
{
	uint64_t offset = (uint64_t)(touched - r->bytes) / PART * PART;
	uint8_t *part = r->bytes + offset;
	size_t n = part_size(r, part);
	if (m->n_filled == m->max)
		empty_oldest(m);
	if (mprotect(part, n, PROT_READ | PROT_WRITE))
		return false;
	read_part(m, r->start + offset, part, n);
	m->filled[m->oldest] = part;
	m->oldest = (m->oldest + 1) % m->max;
	m->n_filled += m->n_filled < m->max;
	return true;
}

/* A touch that is not ours goes to who would have had it: it comes again as soon as this returns.
 */
static void on_touch(int signo, siginfo_t *info, void *context)
{
	(void)context;
	const struct mem_demand_room *r = active ? room_of(active, info->si_addr) : NULL;
	if (!r || info->si_code != SEGV_ACCERR || !fill(active, r, info->si_addr))
		sigaction(signo, &before, NULL);
}

static const struct mem_demand_room *add_room(struct mem_demand *m, const struct mem_range *range)
{
	uint64_t n = range->end - range->start;
	void *bytes = mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bytes == MAP_FAILED)
		return NULL;
	m->rooms = xgrow(m->rooms, &m->cap, m->len, sizeof(*m->rooms));
	m->rooms[m->len] = (struct mem_demand_room){ range->start, n, bytes };
	return &m->rooms[m->len++];
}

/* The room for the range that holds addr, made now if there is none; NULL: there can be none. */
static const struct mem_demand_room *room_for(struct mem_demand *m, uint64_t addr)
{
	struct mem_range range;
	for (size_t i = 0; i < m->len; i++) {
		if (addr - m->rooms[i].start < m->rooms[i].n)
			return &m->rooms[i];
	}
	if (!m->below || !mem_range_at(m->below, addr, &range) || !range.readable)
		return NULL;
	return add_room(m, &range);
}

static const void *demand_view(struct mem *base, uint64_t addr, size_t n)
{
	const struct mem_demand_room *r = room_for((struct mem_demand *)base, addr);
	return r && n <= r->n - (addr - r->start) ? r->bytes + (addr - r->start) : NULL;
}

/* From the parts at hand, as long as all could be read. */
static struct err demand_read(struct mem *base, uint64_t addr, void *buf, size_t n)
{
	struct mem_demand *m = (struct mem_demand *)base;
	const void *bytes = n <= PART && !m->lost ? demand_view(base, addr, n) : NULL;
	if (!m->below)
		return err_at(ERR_GONE, addr, "memory of a process that runs again");
	if (bytes) {
		memcpy(buf, bytes, n);
		if (!m->lost)
			return NO_ERR;
	}
	return mem_read(m->below, addr, buf, n);
}

static bool demand_next_touched(struct mem *base, uint64_t from, uint64_t end, struct mem_run *ret)
{
	struct mem *below = ((struct mem_demand *)base)->below;
	return below && mem_next_touched(below, from, end, ret);
}

static bool demand_next_range(struct mem *base, uint64_t from, struct mem_range *ret)
{
	struct mem_demand *m = (struct mem_demand *)base;
	return m->below && mem_next_range(m->below, from, ret);
}

static const struct mem_ops demand_ops = {
	.name = "on demand",
	.read = demand_read,
	.view = demand_view,
	.next_touched = demand_next_touched,
	.next_range = demand_next_range,
};

void mem_demand_init(struct mem_demand *m, struct mem *below, uint64_t limit)
{
	struct sigaction touch = { .sa_sigaction = on_touch, .sa_flags = SA_SIGINFO };
	*m = (struct mem_demand){
		.base = { .ops = &demand_ops, .order = below->order, .ptr_size = below->ptr_size },
		.below = below,
		.max = limit / PART + 2, /* two may be needed at once */
	};
	m->filled = xcalloc(m->max, sizeof(*m->filled));
	active = m;
	sigaction(SIGSEGV, &touch, &before);
}

void mem_demand_end(struct mem_demand *m)
{
	if (active == m) {
		sigaction(SIGSEGV, &before, NULL);
		active = NULL;
	}
	for (size_t i = 0; i < m->len; i++)
		munmap(m->rooms[i].bytes, m->rooms[i].n);
	free(m->rooms);
	free(m->filled);
	*m = (struct mem_demand){ .base = m->base };
}
