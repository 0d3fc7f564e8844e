/* SPDX-License-Identifier: Apache-2.0 */
/* What the memory was that a core lost by being cut off, in words. */
#include "core_internal.h"

#include "pycore/alloc.h"

#include <inttypes.h>

enum { NAMED_MAX = 4 }; /* of each kind; the others are counted */

static bool lost_by_cut(const struct target *t, uint64_t addr)
{
	const struct core_range *r = elfcore_range_at(&t->core->elf, addr, NULL);
	return r && r->backing == CORE_CUT;
}

static int by_sp(const void *a, const void *b)
{
	const struct core_stack_pointer *x = a, *y = b;
	if (x->sp != y->sp)
		return x->sp < y->sp ? -1 : 1;
	return x->thread < y->thread ? -1 : x->thread > y->thread;
}

void core_order_stacks(struct target *t)
{
	struct target_core *core = t->core;
	core->stacks = xcalloc(t->n_threads, sizeof(*core->stacks));
	for (size_t i = 0; i < t->n_threads; i++) {
		const struct core_regs *regs = &t->threads[i].regs;
		if (regs->has_sp)
			core->stacks[core->n_stacks++] = (struct core_stack_pointer){ regs->sp, i };
	}
	qsort(core->stacks, core->n_stacks, sizeof(*core->stacks), by_sp);
}

static const struct os_thread *thread_in(const struct target *t, const struct mem_range *r)
{
	const struct target_core *core = t->core;
	size_t low = 0, high = core->n_stacks;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (core->stacks[mid].sp < r->start)
			low = mid + 1;
		else
			high = mid;
	}
	bool found = low < core->n_stacks && core->stacks[low].sp < r->end;
	return found ? &t->threads[core->stacks[low].thread] : NULL;
}

/* Images ascend. */
static const struct image *image_in(const struct target *t, const struct mem_range *r)
{
	size_t low = 0, high = t->n_images;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (image_end(&t->images[mid]) <= r->start)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < t->n_images && image_start(&t->images[low]) < r->end; low++) {
		if (t->images[low].path[0])
			return &t->images[low];
	}
	return NULL;
}

void target_lost_name(const struct target *t, const struct mem_range *r, struct str *to)
{
	const struct os_thread *th = thread_in(t, r);
	const struct image *img = image_in(t, r);
	if (th)
		str_addf(to, "stack of thread %d", (int)th->tid);
	else if (img)
		str_addf(to, "data of %s", img->path);
	else
		str_puts(to, t->core->elf.n_files ? "memory of no file" : "memory");
}

/* Begins one of several kinds in a list: "a, b; c and 3 more". */
static void put_item(struct str *to, size_t n, const char *kind)
{
	if (n < NAMED_MAX)
		str_puts(to, n ? ", " : to->len ? "; " : "");
	if (!n)
		str_puts(to, kind);
}

static void put_rest(struct str *to, size_t n)
{
	if (n > NAMED_MAX)
		str_addf(to, " and %zu more", n - NAMED_MAX);
}

static void put_stacks(const struct target *t, struct str *to)
{
	size_t n = 0;
	for (size_t i = 0; i < t->n_threads; i++) {
		const struct os_thread *th = &t->threads[i];
		if (!th->regs.has_sp || !lost_by_cut(t, th->regs.sp))
			continue;
		put_item(to, n, "stacks of threads ");
		if (n++ < NAMED_MAX)
			str_addf(to, "%d", (int)th->tid);
	}
	put_rest(to, n);
}

static bool lost_of_image(const struct image *img, const struct elfcore *c)
{
	for (size_t i = 0; i < img->n_pieces; i++) {
		const struct core_range *r = elfcore_range_at(c, img->pieces[i].start, NULL);
		if (r && r->backing == CORE_CUT)
			return true;
	}
	return false;
}

static void put_images(const struct target *t, struct str *to)
{
	size_t n = 0;
	for (size_t i = 0; i < t->n_images; i++) {
		const struct image *img = &t->images[i];
		if (!img->path[0] || !lost_of_image(img, &t->core->elf))
			continue;
		put_item(to, n, "data of ");
		if (n++ < NAMED_MAX)
			str_puts(to, image_name(img));
	}
	put_rest(to, n);
}

/* What is neither: heaps, mostly. */
static void put_others(const struct target *t, struct str *to)
{
	uint64_t bytes = 0;
	struct mem_range r;
	for (uint64_t at = 0; target_next_cut(t, at, &r); at = r.end) {
		if (!thread_in(t, &r) && !image_in(t, &r))
			bytes += r.end - r.start;
	}
	if (bytes && t->core->elf.n_files)
		str_addf(
			to, "%s%" PRIu64 " bytes of memory of no file", to->len ? "; " : "", bytes);
}

void core_lost_summary(const struct target *t, struct str *to)
{
	put_stacks(t, to);
	put_images(t, to);
	put_others(t, to);
}
