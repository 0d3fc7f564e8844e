/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what was counted agrees with what the allocators and the collector say of themselves, and
 * what is missing or doubtful. */
#include "internal.h"

#include "pycore/limits.h"

#include <inttypes.h>
#include <string.h>

static void check(struct survey *s, const char *name, uint64_t expected, uint64_t found, bool ok)
{
	s->checks[s->n_checks++] = (struct survey_check){ name, expected, found, ok };
}

static void check_pages(struct counting *c, struct survey *s)
{
	const struct heap_pages *p = &s->pages;
	uint64_t pages = p->used + p->free + p->unread;
	if (!p->segments)
		return;
	check(s, "blocks of pages in use, by their own counts and by their free lists", p->counted,
		p->blocks, p->counted == p->blocks && !p->torn);
	if (p->heaps_known && !c->sums.interrupted)
		check(s, "pages, by the heaps of all threads and by segments",
			p->heap_pages + p->abandoned, pages, p->heap_pages + p->abandoned == pages);
}

static void copy_free_lists(struct counting *c, struct survey *s)
{
	const struct heap_free_list *list;
	size_t n, torn;
	s->free_lists_known = heap_free_lists(c->walk, &list, &n, &torn);
	if (!s->free_lists_known)
		return;
	s->free_lists = arena_alloc(&s->arena, (n + 1) * sizeof(*list));
	memcpy(s->free_lists, list, n * sizeof(*list));
	s->n_free_lists = n;
	s->torn_free_lists = torn;
}

static enum survey_cause cause_of(const struct target *t)
{
	if (t->kind == TARGET_LIVE)
		return SURVEY_LIVES;
	for (size_t i = 0; i < t->problems.len; i++) {
		const struct problem *p = &t->problems.list[i];
		if (p->damage && !strcmp(p->where, t->path))
			return SURVEY_LACKS_MEMORY;
	}
	return SURVEY_DIED;
}

static bool holds_code(const struct image *img)
{
	for (size_t i = 0; i < img->n_pieces; i++) {
		if (img->pieces[i].perm & MEM_EXEC)
			return true;
	}
	return false;
}

/* Neither memory nor a file tells where their variables are. */
static size_t modules_not_here(const struct target *t)
{
	size_t n = 0;
	for (size_t i = 0; i < t->n_images; i++) {
		const struct image *img = &t->images[i];
		n += img->path[0] == '/' && !img->elf && image_may_be_elf(img) && holds_code(img);
	}
	return n;
}

void survey_checks(struct counting *c, struct survey *s)
{
	const struct heap_pools *p = &s->pools;
	const struct target_coverage coverage = target_coverage(c->rt->target);
	uint64_t raw;
	copy_free_lists(c, s);
	s->cause = cause_of(c->rt->target);
	for (size_t i = 0; i < HEAP_PLACES; i++)
		s->dead += c->sums.place[i].dead;
	if (p->arenas)
		check(s, "blocks of pools in use, by their own counts and by their free lists",
			p->counted, p->blocks, p->counted == p->blocks && !p->torn);
	check_pages(c, s);
	s->referred = *heap_referred(c->walk);
	/* where there are blocks of an unknown malloc, nobody knows how many */
	if (p->arenas && !c->sums.interrupted && !s->referred.searched &&
		heap_raw_blocks(c->walk, &raw)) {
		/* a block that was made smaller stays where it is, so any size may be one */
		uint64_t chunks = c->sums.place[HEAP_IN_CHUNK].blocks;
		check(s,
			"blocks outside of pools, by the interpreter's count, and all of malloc's, "
			"which are no fewer",
			raw, chunks, chunks >= raw);
	}
	uint64_t listed, tracked = heap_tracked(c->walk);
	uint64_t limit = tracked < GC_CHECK_MAX ? GC_CHECK_MAX : 0;
	if (limit && !c->sums.interrupted && heap_gc_listed(c->walk, 2 * limit, &listed)) {
		check(s, "tracked objects, by the collector's lists and by those found", listed,
			tracked, listed == tracked);
		s->missed = listed > tracked ? listed - tracked : 0;
	}
	s->doubtful = c->sums.doubtful;
	s->interrupted = c->sums.interrupted;
	s->generations_cut = c->generations && generations_cut(c->generations);
	s->too_many_types = heap_types_full(c->walk);
	s->modules_not_here = s->referred.searched ? modules_not_here(c->rt->target) : 0;
	s->damaged = s->modules_not_here || p->torn || p->lost || s->pages.torn || s->pages.lost ||
		     c->sums.doubtful || s->missed || s->too_many_types || s->interrupted ||
		     s->chunks.torn || coverage.cut || coverage.unlisted;
	s->lower_bound = s->damaged || s->referred.searched;
}

static const char *because(enum survey_cause cause)
{
	switch (cause) {
	case SURVEY_LIVES:
		break;
	case SURVEY_DIED:
		return "the core is of a moment when they were being changed, or the process has "
		       "written over them";
	case SURVEY_LACKS_MEMORY:
		return "parts of the core are missing";
	}
	return "the process was changing them, or has written over them";
}

static void tell_torn(const struct survey *s, struct problems *to)
{
	const char *why = because(s->cause);
	if (s->pools.torn)
		problems_damagef(to, "heap", "%" PRIu64 " pools contradict themselves: %s",
			s->pools.torn, why);
	if (s->pages.torn)
		problems_damagef(to, "heap", "%" PRIu64 " pages contradict themselves: %s",
			s->pages.torn, why);
	if (s->torn_free_lists)
		problems_damagef(to, "heap",
			"%zu lists of what is kept for reuse contradict themselves: %s",
			s->torn_free_lists, why);
	if (s->chunks.torn)
		problems_damagef(to, "heap",
			"malloc's heap is damaged, or its end cannot be told, in %" PRIu64
			" places: behind these only what references lead to is counted",
			s->chunks.torn);
}

static void tell_lost(const struct survey *s, struct problems *to)
{
	if (s->pools.lost)
		problems_damagef(
			to, "heap", "%" PRIu64 " pools are not in the core", s->pools.lost);
	if (s->pages.lost)
		problems_damagef(to, "heap",
			"%" PRIu64 " blocks or segments of mimalloc are not in the core",
			s->pages.lost);
	if (s->missed)
		problems_damagef(to, "heap",
			"%" PRIu64 " objects that the collector tracks were not found", s->missed);
	if (s->doubtful)
		problems_damagef(to, "heap",
			"%" PRIu64 " objects contradict themselves, or their bodies are not in "
			"memory",
			s->doubtful);
}

void survey_tell(const struct survey *s, struct problems *to)
{
	tell_torn(s, to);
	tell_lost(s, to);
	if (s->modules_not_here)
		problems_damagef(to, "heap",
			"where %zu modules have their variables is not known, for no file here is "
			"known "
			"to be theirs: what is in these was counted only where references lead to "
			"it",
			s->modules_not_here);
	if (s->interrupted)
		problems_damagef(to, "heap", "interrupted: the rest of it was not counted");
	if (s->generations_cut)
		problems_damagef(to, "heap",
			"more than %d objects are in other generations than the largest: those "
			"were not looked up",
			GENERATIONS_LOOKED_UP_MAX);
	if (s->too_many_types)
		problems_damagef(to, "heap",
			"there are more than %d types; objects of the others are not counted",
			TYPES_MET_MAX);
	if (s->referred.objects)
		problems_notef(to, "heap",
			"%" PRIu64 " objects were found by references, in memory of an unknown or "
			"damaged malloc; there may be more that only C code refers to",
			s->referred.objects);
}
