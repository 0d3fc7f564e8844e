/* SPDX-License-Identifier: Apache-2.0 */
/* Where the memory of the process went: what can be written, by who holds it; and whether what was
 * counted agrees with what the allocators say of themselves. */
#include "internal.h"

#include "pycore/image.h"
#include "pycore/limits.h"

#include <elf.h>
#include <inttypes.h>

static struct survey_memory *branch(
	struct survey *s, struct survey_memory *parent, const char *name, size_t children)
{
	struct survey_memory *m = &parent->children[parent->n++];
	*m = (struct survey_memory){ .name = name };
	m->children = arena_alloc(&s->arena, (children + 1) * sizeof(*m));
	return m;
}

static void leaf(struct survey_memory *parent, const char *name, uint64_t bytes)
{
	if (!bytes)
		return;
	parent->children[parent->n++] = (struct survey_memory){ .name = name, .bytes = bytes };
	parent->bytes += bytes;
}

static uint64_t writable_bytes(struct mem *mem)
{
	struct mem_range r = { 0 };
	uint64_t sum = 0;
	while (mem_next_range(mem, r.end, &r)) {
		if (r.perm & MEM_WRITE && r.readable)
			sum += r.end - r.start;
	}
	return sum;
}

static uint64_t image_bytes(const struct target *t)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < t->n_images; i++) {
		const struct image *img = &t->images[i];
		for (size_t k = 0; img->elf && k < img->n_phdrs; k++) {
			const struct elf_phdr *p = &img->phdrs[k];
			uint64_t at = (img->bias + p->vaddr) & ~UINT64_C(4095);
			uint64_t end = (img->bias + p->vaddr + p->memsz + 4095) & ~UINT64_C(4095);
			struct mem_range r = { .end = at };
			if (p->type != PT_LOAD || !(p->flags & PF_W))
				continue;
			while (mem_next_range(t->mem, r.end, &r) && r.start < end) {
				uint64_t low = r.start > at ? r.start : at;
				uint64_t high = r.end < end ? r.end : end;
				if (r.perm & MEM_WRITE && r.readable && low < high)
					sum += high - low;
			}
		}
	}
	return sum;
}

static void add_arenas(struct counting *c, struct survey *s, struct survey_memory *root)
{
	const struct heap_pools *p = &s->pools;
	const struct place_sums *in = &c->sums.place[HEAP_IN_POOL];
	uint64_t dropped = (p->unread + p->lost) * p->pool_bytes;
	if (!p->arenas)
		return;
	struct survey_memory *m = branch(s, root, "arenas of pymalloc", 9);
	leaf(m, "objects", in->object_room);
	leaf(m, "objects kept for reuse", in->dead_room);
	leaf(m, "bodies of objects, and what C code keeps", in->other_room);
	leaf(m, "free blocks of pools in use", p->free_bytes);
	leaf(m, "heads and remainders of pools",
		p->used * p->pool_bytes - p->block_bytes - p->free_bytes);
	leaf(m, "free pools", p->free * p->pool_bytes);
	leaf(m, "pools never used", p->virgin * p->pool_bytes);
	leaf(m, "pools that could not be read", dropped);
	if (p->arena_bytes > m->bytes)
		leaf(m, "remainders of arenas", p->arena_bytes - m->bytes);
	root->bytes += m->bytes;
}

static void add_chunks(struct counting *c, struct survey *s, struct survey_memory *root)
{
	const struct place_sums *in = &c->sums.place[HEAP_IN_CHUNK];
	const struct heap_chunks *k = heap_chunks(c->walk);
	uint64_t numbers = c->sums.place[HEAP_IN_NUMBERS].object_room;
	uint64_t number_blocks = heap_number_bytes(c->walk);
	if (!k->used_bytes)
		return;
	struct survey_memory *m = branch(s, root, "malloc", 8);
	uint64_t others = in->other_room;
	leaf(m, "objects", in->object_room);
	leaf(m, "objects without references", in->dead_room);
	if (others > number_blocks) {
		leaf(m, "ints and floats", numbers);
		leaf(m, "free slots for ints and floats", number_blocks - numbers);
		others -= number_blocks;
	}
	leaf(m, "bodies of objects, and what C code keeps", others);
	leaf(m, "free chunks", k->free_bytes);
	root->bytes += m->bytes;
}

void survey_memory(struct counting *c, struct survey *s)
{
	struct survey_memory *root = &s->memory;
	root->name = "writable memory of the process";
	root->children = arena_alloc(&s->arena, 8 * sizeof(*root));
	add_arenas(c, s, root);
	add_chunks(c, s, root);
	leaf(root, "variables of modules", image_bytes(c->rt->target));
	uint64_t all = writable_bytes(c->rt->mem);
	if (all > root->bytes)
		leaf(root, "unattributed", all - root->bytes);
}

static void check(struct survey *s, const char *name, uint64_t expected, uint64_t found, bool ok)
{
	s->checks[s->n_checks++] = (struct survey_check){ name, expected, found, ok };
}

void survey_checks(struct counting *c, struct survey *s)
{
	const struct heap_pools *p = &s->pools;
	uint64_t raw;
	for (size_t i = 0; i < HEAP_PLACES; i++)
		s->dead += c->sums.place[i].dead;
	if (p->arenas)
		check(s, "blocks of pools in use, by their own counts and by their free lists",
			p->counted, p->blocks, p->counted == p->blocks && !p->torn);
	if (!c->sums.interrupted && heap_raw_blocks(c->walk, &raw)) {
		uint64_t large = c->sums.place[HEAP_IN_CHUNK].large;
		check(s, "larger blocks, by the interpreter's count and at least in malloc", raw,
			large, large >= raw);
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
	s->too_many_types = heap_types_full(c->walk);
	s->lower_bound = p->torn || p->lost || c->sums.doubtful || s->missed || s->too_many_types ||
			 s->interrupted || target_coverage(c->rt->target).cut;
}

void survey_tell(const struct survey *s, struct problems *to)
{
	const struct heap_pools *p = &s->pools;
	if (p->torn)
		problems_damagef(to, "heap",
			"%" PRIu64 " pools contradict themselves: the process was changing them",
			p->torn);
	if (p->lost)
		problems_damagef(to, "heap", "%" PRIu64 " pools are not in the core", p->lost);
	if (s->interrupted)
		problems_damagef(to, "heap", "interrupted: the rest of it was not counted");
	if (s->too_many_types)
		problems_damagef(to, "heap",
			"there are more than %d types; objects of the others are not counted",
			TYPES_MET_MAX);
	if (s->missed)
		problems_damagef(to, "heap",
			"%" PRIu64 " objects that the collector tracks were not found: another "
			"malloc than that of the GNU C library may hold them",
			s->missed);
	if (s->doubtful)
		problems_damagef(to, "heap",
			"%" PRIu64 " objects contradict themselves, or their bodies are not in "
			"memory",
			s->doubtful);
}
