/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what claims a part of the address space to ranges that ascend and never overlap. Claims come
 * from program headers in any order and from NT_FILE. Where they overlap, the higher rank wins:
 * first by backing, then by place in the file. They are sorted by start and swept once, the claims
 * that reach across the present place in a heap: O(n log n), and linear for the cores that are in
 * order, which is most.
 */
#include "parts.h"

#include "pycore/alloc.h"

#include <elf.h>

struct core_claim {
	uint64_t start, end; /* never empty */
	uint64_t offset;
	uint32_t rank; /* backing in the upper bits, then the order of adding */
	uint32_t flags;
};

enum { BACKING_SHIFT = 29 };
enum { FROM_FILES, FROM_NOT_SAVED, FROM_UNLISTED, FROM_CUT, FROM_SAVED };

static void add(struct core_claims *claims, struct core_claim claim, uint32_t backing)
{
	if (claim.start >= claim.end)
		return;
	claim.rank = backing << BACKING_SHIFT | (uint32_t)claims->len;
	claims->list = xgrow(claims->list, &claims->cap, claims->len, sizeof(claim));
	claims->list[claims->len++] = claim;
}

void core_claims_add_load(struct core_claims *claims, struct elfcore *c, const struct elf_phdr *h)
{
	/* No process has the last page of the address space, so the page behind an end can always
	 * be told. */
	uint64_t top = c->head.ptr_size == 4 ? (uint64_t)1 << 32 : UINT64_MAX - 4095;
	if (h->vaddr >= top)
		return;
	uint64_t room = top - h->vaddr;
	uint64_t in_file = h->filesz < room ? h->filesz : room;
	uint64_t mapped = h->memsz < room ? h->memsz : room;
	uint64_t there = h->offset < c->size ? c->size - h->offset : 0;
	uint64_t saved = in_file < there ? in_file : there;
	struct core_claim claim = { .flags = h->flags };
	claim.start = h->vaddr;
	claim.end = h->vaddr + saved;
	claim.offset = h->offset;
	add(claims, claim, FROM_SAVED);
	claim.start = claim.end;
	claim.end = h->vaddr + in_file;
	claim.offset = 0;
	c->cut |= claim.start < claim.end;
	add(claims, claim, FROM_CUT);
	claim.start = claim.end;
	claim.end = h->vaddr + mapped;
	add(claims, claim, FROM_NOT_SAVED);
}

void core_claims_add_unlisted(
	struct core_claims *claims, uint64_t start, uint64_t end, uint32_t flags)
{
	add(claims, (struct core_claim){ .start = start, .end = end, .flags = flags },
		FROM_UNLISTED);
}

void core_claims_add_files(struct core_claims *claims, const struct elfcore *c)
{
	for (size_t i = 0; i < c->n_files; i++) {
		const struct core_file_entry *f = &c->files[i];
		add(claims, (struct core_claim){ .start = f->start, .end = f->end, .flags = PF_R },
			FROM_FILES);
	}
}

/* Merges the ascending runs [a, b) and [b, end) of `from` into `to`. */
static void merge(
	const struct core_claim *from, struct core_claim *to, size_t a, size_t b, size_t end)
{
	size_t left = a, right = b;
	for (size_t i = a; i < end; i++) {
		bool take_left =
			left < b && (right >= end || from[left].start <= from[right].start);
		to[i] = from[take_left ? left++ : right++];
	}
}

static size_t run_end(const struct core_claim *list, size_t from, size_t n)
{
	size_t i = from + 1;
	while (i < n && list[i - 1].start <= list[i].start)
		i++;
	return i < n ? i : n;
}

/* A merge sort of the runs that are there: the headers are one, NT_FILE is another. */
static void sort(struct core_claims *claims)
{
	size_t n = claims->len;
	if (!n || run_end(claims->list, 0, n) == n)
		return;
	struct core_claim *from = claims->list, *to = xmalloc(n * sizeof(*to));
	while (run_end(from, 0, n) < n) {
		for (size_t a = 0; a < n;) {
			size_t b = run_end(from, a, n);
			size_t end = b < n ? run_end(from, b, n) : n;
			merge(from, to, a, b, end);
			a = end;
		}
		struct core_claim *swap = from;
		from = to;
		to = swap;
	}
	free(to);
	claims->list = from;
	claims->cap = n;
}

/* A heap of claims, the one of the highest rank on top. */
struct heap {
	const struct core_claim **list;
	size_t len, cap;
};

static void heap_push(struct heap *h, const struct core_claim *claim)
{
	h->list = xgrow(h->list, &h->cap, h->len, sizeof(*h->list));
	size_t i = h->len++;
	for (; i && h->list[(i - 1) / 2]->rank < claim->rank; i = (i - 1) / 2)
		h->list[i] = h->list[(i - 1) / 2];
	h->list[i] = claim;
}

static void heap_pop(struct heap *h)
{
	const struct core_claim *last = h->list[--h->len];
	size_t i = 0;
	for (size_t child = 1; child < h->len; i = child, child = 2 * i + 1) {
		if (child + 1 < h->len && h->list[child + 1]->rank > h->list[child]->rank)
			child++;
		if (h->list[child]->rank <= last->rank)
			break;
		h->list[i] = h->list[child];
	}
	h->list[i] = last;
}

static enum core_backing backing_of(const struct core_claim *claim)
{
	static const enum core_backing backings[] = {
		[FROM_FILES] = CORE_NOT_SAVED,
		[FROM_NOT_SAVED] = CORE_NOT_SAVED,
		[FROM_UNLISTED] = CORE_UNLISTED,
		[FROM_CUT] = CORE_CUT,
		[FROM_SAVED] = CORE_SAVED,
	};
	return backings[claim->rank >> BACKING_SHIFT];
}

static void emit(struct elfcore *c, size_t *cap, const struct core_claim *claim, uint64_t start,
	uint64_t end)
{
	struct core_range r = {
		.start = start,
		.end = end,
		.backing = backing_of(claim),
		.flags = claim->flags,
	};
	c->bytes_mapped += end - start;
	switch (r.backing) {
	case CORE_SAVED:
		r.offset = claim->offset + (start - claim->start);
		c->bytes_saved += end - start;
		break;
	case CORE_NOT_SAVED:
		c->bytes_not_saved += end - start;
		break;
	case CORE_CUT:
		c->bytes_cut += end - start;
		break;
	case CORE_UNLISTED:
		c->bytes_unlisted += end - start;
		break;
	}
	c->ranges = xgrow(c->ranges, cap, c->n_ranges, sizeof(r));
	c->ranges[c->n_ranges++] = r;
}

void core_claims_flatten(struct core_claims *claims, struct elfcore *c)
{
	sort(claims);
	struct heap open = { 0 };
	const struct core_claim *next = claims->list, *end = next + claims->len;
	size_t cap = 0;
	uint64_t at = 0;
	for (;;) {
		while (open.len && open.list[0]->end <= at)
			heap_pop(&open);
		if (!open.len) {
			if (next == end)
				break;
			at = next->start;
		}
		while (next < end && next->start <= at)
			heap_push(&open, next++);
		/* The top holds until it ends, or one of higher rank begins. */
		const struct core_claim *top = open.list[0];
		uint64_t until = top->end;
		for (; next < end && next->start < until; heap_push(&open, next++)) {
			if (next->rank > top->rank) {
				until = next->start;
				break;
			}
		}
		emit(c, &cap, top, at, until);
		at = until;
	}
	free(open.list);
}

void core_claims_fini(struct core_claims *claims)
{
	free(claims->list);
	*claims = (struct core_claims){ 0 };
}
