/* SPDX-License-Identifier: Apache-2.0 */
/* Where the memory of the process went: what can be written, by who holds it. */
#include "internal.h"

#include "pycore/image.h"

static struct survey_memory *branch(
	struct survey *s, struct survey_memory *parent, const char *name, size_t children)
{
	struct survey_memory *m = &parent->children[parent->n++];
	*m = (struct survey_memory){ .name = name };
	m->children = arena_alloc(&s->arena, (children + 1) * sizeof(*m));
	return m;
}

static void leaf(
	struct survey_memory *parent, enum survey_use use, const char *name, uint64_t bytes)
{
	if (!bytes)
		return;
	parent->children[parent->n++] =
		(struct survey_memory){ .name = name, .use = use, .bytes = bytes };
	parent->bytes += bytes;
}

/* Of [start, end). */
static uint64_t writable_bytes(struct mem *mem, uint64_t start, uint64_t end)
{
	struct mem_range r = { .end = start };
	uint64_t sum = 0;
	while (mem_next_range(mem, r.end, &r) && r.start < end) {
		uint64_t low = r.start > start ? r.start : start;
		uint64_t high = r.end < end ? r.end : end;
		if (r.perm & MEM_WRITE && r.readable && low < high)
			sum += high - low;
	}
	return sum;
}

static uint64_t image_bytes(const struct target *t)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < t->n_images; i++) {
		struct mem_run data;
		for (size_t at = 0; image_next_variables(&t->images[i], &at, &data);)
			sum += writable_bytes(t->mem, data.start, data.end);
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
	leaf(m, SURVEY_OBJECTS, "objects", in->object_room);
	leaf(m, SURVEY_KEPT, "objects kept for reuse", in->dead_room);
	leaf(m, SURVEY_OTHERS, "bodies of objects, and what C code keeps", in->other_room);
	leaf(m, SURVEY_FREE, "free blocks of pools in use", p->free_bytes);
	leaf(m, SURVEY_OVERHEAD, "heads and remainders of pools",
		p->used * p->pool_bytes - p->block_bytes - p->free_bytes);
	leaf(m, SURVEY_FREE, "free pools", p->free * p->pool_bytes);
	leaf(m, SURVEY_FREE, "pools never used", p->virgin * p->pool_bytes);
	leaf(m, SURVEY_UNREAD, "pools that could not be read", dropped);
	if (p->arena_bytes > m->bytes)
		leaf(m, SURVEY_OVERHEAD, "remainders of arenas", p->arena_bytes - m->bytes);
	root->bytes += m->bytes;
}

static void add_pages(struct counting *c, struct survey *s, struct survey_memory *root)
{
	const struct heap_pages *p = &s->pages;
	const struct place_sums *in = &c->sums.place[HEAP_IN_PAGE];
	uint64_t blocks = p->block_bytes + p->freed_bytes + p->free_bytes;
	uint64_t known = p->head_bytes + p->unused_bytes + p->page_bytes + p->empty_bytes;
	if (!p->segments)
		return;
	struct survey_memory *m = branch(s, root, "segments of mimalloc", 13);
	leaf(m, SURVEY_OBJECTS, "objects", in->object_room);
	leaf(m, SURVEY_KEPT, "objects without references", in->dead_room);
	leaf(m, SURVEY_OTHERS, "bodies of objects, and what C code keeps", in->other_room);
	leaf(m, SURVEY_FREE, "blocks about to be freed", p->freed_bytes);
	leaf(m, SURVEY_FREE, "free blocks of pages in use", p->free_bytes);
	leaf(m, SURVEY_OVERHEAD, "heads of segments, remainders of pages",
		p->page_bytes - blocks + p->head_bytes);
	leaf(m, SURVEY_FREE, "free pages", p->empty_bytes);
	leaf(m, SURVEY_FREE, "stretches of segments without pages", p->unused_bytes);
	leaf(m, SURVEY_UNREAD, "blocks that are not in the core", p->lost_bytes);
	if (p->segment_bytes > known)
		leaf(m, SURVEY_UNREAD, "pages that could not be read", p->segment_bytes - known);
	leaf(m, SURVEY_FREE, "kept for more segments", p->reserved_bytes - p->untouched_bytes);
	leaf(m, SURVEY_UNTOUCHED, "reserved, and never written to", p->untouched_bytes);
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
	leaf(m, SURVEY_OBJECTS, "objects", in->object_room);
	leaf(m, SURVEY_KEPT, "objects without references", in->dead_room);
	if (others > number_blocks) {
		leaf(m, SURVEY_OBJECTS, "ints and floats", numbers);
		leaf(m, SURVEY_FREE, "free slots for ints and floats", number_blocks - numbers);
		others -= number_blocks;
	}
	leaf(m, SURVEY_OTHERS, "bodies of objects, and what C code keeps", others);
	leaf(m, SURVEY_FREE, "free chunks", k->free_bytes);
	root->bytes += m->bytes;
}

/* What was found of an allocator that is not known; the rest of its memory is nobody's. */
static void add_referred(struct counting *c, struct survey *s, struct survey_memory *root)
{
	const struct heap_referred *r = &s->referred;
	uint64_t objects = c->sums.place[HEAP_REFERRED].object_room;
	if (!objects && !r->body_bytes)
		return;
	struct survey_memory *m = branch(s, root, "memory of an unknown or damaged malloc", 2);
	leaf(m, SURVEY_OBJECTS, "objects", objects);
	leaf(m, SURVEY_OTHERS, "tables of dicts, lists, sets and deques", r->body_bytes);
	root->bytes += m->bytes;
}

void survey_memory(struct counting *c, struct survey *s)
{
	struct survey_memory *root = &s->memory;
	root->name = "writable memory of the process";
	root->children = arena_alloc(&s->arena, 8 * sizeof(*root));
	add_arenas(c, s, root);
	add_pages(c, s, root);
	add_chunks(c, s, root);
	add_referred(c, s, root);
	leaf(root, SURVEY_VARIABLES, "variables of modules", image_bytes(c->rt->target));
	leaf(root, SURVEY_UNTOUCHED, "never written to", s->chunks.untouched);
	uint64_t all = writable_bytes(c->rt->mem, 0, UINT64_MAX);
	if (all > root->bytes)
		leaf(root, SURVEY_UNATTRIBUTED, "unattributed", all - root->bytes);
	survey_account(c, s);
}
