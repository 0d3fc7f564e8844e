/* SPDX-License-Identifier: Apache-2.0 */
/* What the memory was that a core lost by being cut off, or left out, in words. */
#include "core_internal.h"

#include "pycore/alloc.h"
#include "pycore/sorted.h"

#include <elf.h>
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

static const struct os_thread *thread_in(const struct target *t, uint64_t start, uint64_t end)
{
	const struct target_core *core = t->core;
	size_t at = PARTITION_POINT(core->n_stacks, i, core->stacks[i].sp < start);
	bool found = at < core->n_stacks && core->stacks[at].sp < end;
	return found ? &t->threads[core->stacks[at].thread] : NULL;
}

/* Images ascend. */
static const struct image *image_in(const struct target *t, uint64_t start, uint64_t end)
{
	size_t at = PARTITION_POINT(t->n_images, i, image_end(&t->images[i]) <= start);
	for (; at < t->n_images && image_start(&t->images[at]) < end; at++) {
		if (t->images[at].path[0])
			return &t->images[at];
	}
	return NULL;
}

void target_lost_name(const struct target *t, const struct lost_range *r, struct str *to)
{
	const struct os_thread *th = thread_in(t, r->start, r->end);
	const struct image *img = image_in(t, r->start, r->end);
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
	const struct elfcore *c = &t->core->elf;
	for (size_t i = 0; i < c->n_ranges; i++) {
		const struct core_range *r = &c->ranges[i];
		if (r->backing == CORE_CUT && !thread_in(t, r->start, r->end) &&
			!image_in(t, r->start, r->end))
			bytes += r->end - r->start;
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

bool target_leaves_out(struct target *t, uint64_t addr)
{
	if (t->kind != TARGET_CORE)
		return false;
	const struct core_range *r = elfcore_range_at(&t->core->elf, addr, NULL);
	return r && r->backing == CORE_NOT_SAVED && r->flags & PF_W && !target_image_at(t, addr);
}

static const char *how_to_have_all(const struct elfcore *c)
{
	if (c->minidump)
		return "LLDB, in every style, can leave out most of a mapping in which there are "
		       "several stacks; gcore does not";
	return "see coredump_filter in core(5), and MADV_DONTDUMP in madvise(2)";
}

void target_say_left_out(
	struct target *t, const struct os_thread *const *threads, size_t n, bool damage)
{
	AUTO_STR(text);
	if (!n || target_coverage(t).no_data)
		return;
	for (size_t i = 0; i < n; i++) {
		put_item(&text, i, "");
		if (i < NAMED_MAX)
			str_addf(&text, "%d", (int)threads[i]->tid);
	}
	put_rest(&text, n);
	(damage ? problems_damagef : problems_notef)(&t->problems, t->path,
		"does not hold all memory of thread%s %s (stacks, or what is beside them)%s: %s",
		n > 1 ? "s" : "", str_text(&text), damage ? ", so frames are missing" : "",
		how_to_have_all(&t->core->elf));
}
