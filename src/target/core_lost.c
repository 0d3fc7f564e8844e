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

static const struct os_thread *thread_in(const struct target *t, const struct mem_range *r)
{
	for (size_t i = 0; i < t->n_threads; i++) {
		const struct core_regs *regs = &t->threads[i].regs;
		if (regs->has_sp && regs->sp >= r->start && regs->sp < r->end)
			return &t->threads[i];
	}
	return NULL;
}

static const struct image *image_in(const struct target *t, const struct mem_range *r)
{
	for (size_t i = 0; i < t->n_images; i++) {
		const struct image *img = &t->images[i];
		if (image_start(img) < r->end && image_end(img) > r->start && img->path[0])
			return img;
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
