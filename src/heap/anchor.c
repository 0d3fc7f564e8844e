/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where pymalloc keeps its arenas (Objects/obmalloc.c): a pointer to an array of arena_objects,
 * which doubles as it grows. Up to 3.11 a static variable, so it has a name in .symtab only; then a
 * member of the interpreter's state or of what that points to. Where neither leads there, the
 * pointer is searched for in the writable data of Python's image: an array of arena_objects can be
 * told by itself. An entry in use has the address of an arena and how far it is divided, on the
 * alignment of pools; one that is not in use has address 0 and a link to another entry.
 */
#include "internal.h"

#include "pycore/image.h"
#include "pycore/log.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

enum { ENTRIES_FIRST = 16, ENTRY_MAX = 256 };

/* The array while it is judged. */
struct array {
	uint64_t addr;
	uint64_t step; /* bytes of an entry */
	uint64_t n; /* entries that it may have */
};

static uint64_t part(const struct heap_walk *w, const uint8_t *entry, enum field f)
{
	const struct field_at *at = &w->l->field[f];
	return bytes_uint(entry + at->offset, at->size, w->l->key.order);
}

enum entry { ENTRY_BAD, ENTRY_UNUSED, ENTRY_ARENA };

static enum entry judge_entry(const struct heap_walk *w, const struct array *a, const uint8_t *e)
{
	uint64_t address = part(w, e, FIELD_arena_address), next = part(w, e, FIELD_arena_next);
	uint64_t carved = part(w, e, FIELD_arena_pool_address), end = address + w->arena_size;
	uint64_t pools = w->arena_size / w->pool_size, total = part(w, e, FIELD_arena_total_pools);
	bool next_good = !next || (next >= a->addr && next < a->addr + a->n * a->step &&
					  (next - a->addr) % a->step == 0);
	if (!address)
		return next_good ? ENTRY_UNUSED : ENTRY_BAD;
	bool good = end > address && carved >= address && carved <= end &&
		    carved % w->pool_size == 0 && total <= pools && total + 1 >= pools &&
		    part(w, e, FIELD_arena_free_pools) <= total &&
		    mem_maps(w->mem, address, w->arena_size);
	return good ? ENTRY_ARENA : ENTRY_BAD;
}

/* Reads entries until one is none. Adds those with arenas; returns how many. */
static size_t take_entries(struct heap_walk *w, const struct array *a)
{
	uint8_t e[ENTRY_MAX];
	size_t found = 0;
	for (uint64_t i = 0; i < a->n && w->arenas.n < ARENAS_MAX; i++) {
		if (failed(mem_read(w->mem, a->addr + i * a->step, e, a->step)))
			break;
		enum entry what = judge_entry(w, a, e);
		if (what == ENTRY_BAD)
			break;
		if (what == ENTRY_ARENA) {
			arenas_add(&w->arenas, part(w, e, FIELD_arena_address),
				part(w, e, FIELD_arena_pool_address));
			found++;
		}
	}
	return found;
}

/* The array that a variable at `at` points to. max: how many entries it has; 0: not known. */
static size_t take_array(struct heap_walk *w, uint64_t at, uint64_t max)
{
	struct array a = { .step = w->l->field[FIELD_arena_sizeof].offset,
		.n = max ? max : ARENAS_MAX };
	if (a.step < 2 * w->word || a.step > ENTRY_MAX || a.n > ARENAS_MAX ||
		failed(mem_ptr(w->mem, at, &a.addr)) || !a.addr || a.addr % w->word)
		return 0;
	return take_entries(w, &a);
}

static bool read_raw_blocks(struct heap_walk *w, uint64_t at)
{
	uint64_t n;
	if (!at || failed(mem_ptr(w->mem, at, &n)))
		return false;
	w->raw_blocks += n;
	w->has_raw_blocks = true;
	return true;
}

/* Static variables that only the file's symbol table names. False: they have no names. */
static bool find_statics(struct heap_walk *w)
{
	enum { ARENAS, MAX, RAW, ALL, COUNT };
	static const char *const names[COUNT] = {
		[ARENAS] = "arenas",
		[MAX] = "maxarenas",
		[RAW] = "raw_allocated_blocks",
		[ALL] = "_Py_AllocatedBlocks", /* with those of pools, to 3.8 */
	};
	struct image_symbol found[COUNT] = { 0 };
	uint64_t max = 0;
	struct image *img = w->rt->image;
	if (!img || failed(target_need_file(w->rt->target, img)))
		return false;
	image_symtab(img, names, COUNT, found);
	if (!found[ARENAS].addr || !found[MAX].addr ||
		failed(mem_uint(w->mem, found[MAX].addr, 4, &max)))
		return false;
	if (max)
		take_array(w, found[ARENAS].addr, max);
	w->counts_all = !found[RAW].addr;
	read_raw_blocks(w, found[w->counts_all ? ALL : RAW].addr);
	return true;
}

/* The state of one interpreter; several may share one. */
static bool find_state(struct heap_walk *w, uint64_t state, struct hash *seen)
{
	const struct field_at *f = w->l->field;
	uint64_t max;
	if (!state || !hash_put(seen, state, 1))
		return true;
	if (f[FIELD_obmalloc_arenas].origin == ORIGIN_NONE ||
		failed(mem_uint(w->mem, state + f[FIELD_obmalloc_maxarenas].offset, 4, &max)))
		return false;
	uint64_t at = state + f[FIELD_obmalloc_arenas].offset;
	if (max && !take_array(w, at, max))
		return false;
	return read_raw_blocks(w, state + f[FIELD_obmalloc_raw_blocks].offset);
}

static bool find_in_interpreters(struct heap_walk *w, bool pointed)
{
	const struct field_at *at = &w->l->field[FIELD_interp_obmalloc];
	CLEANUP(hash_fini) struct hash seen = { 0 };
	bool good = false;
	if (at->origin == ORIGIN_NONE)
		return false;
	for (size_t i = 0; i < w->p->n_interpreters; i++) {
		const struct py_interpreter *in = &w->p->interpreters[i];
		uint64_t state = in->addr + at->offset;
		if (&w->p->runtimes[in->runtime] != w->rt)
			continue;
		if (pointed && failed(mem_ptr(w->mem, state, &state)))
			return false;
		good = find_state(w, state, &seen);
		if (!good)
			break;
	}
	return good;
}

/* Whether the array at that address begins with arenas that hold pools: the first pool of the first
 * one is of a size class that there is. */
static bool looks_like_array(const struct heap_walk *w, uint64_t addr)
{
	struct array a = {
		.addr = addr, .step = w->l->field[FIELD_arena_sizeof].offset, .n = ARENAS_MAX
	};
	uint8_t e[ENTRY_MAX], head[ENTRY_MAX];
	bool any = false;
	for (size_t i = 0; i < ENTRIES_FIRST; i++) {
		if (failed(mem_read(w->mem, addr + i * a.step, e, a.step)))
			return false;
		enum entry what = judge_entry(w, &a, e);
		if (what == ENTRY_BAD)
			return false;
		uint64_t address = part(w, e, FIELD_arena_address);
		uint64_t pool = (address + w->pool_size - 1) & ~(w->pool_size - 1);
		if (what == ENTRY_UNUSED || pool >= part(w, e, FIELD_arena_pool_address))
			continue;
		any = true;
		struct err why = mem_read(w->mem, pool, head, w->at.header);
		if (why.code == ERR_TRUNCATED)
			continue;
		if (failed(why) || part(w, head, FIELD_pool_arena_index) != i ||
			part(w, head, FIELD_pool_size_index) >= POOL_CLASSES)
			return false;
	}
	return any;
}

/* Searches [start, end) for a pointer to such an array. */
static bool search_range(struct heap_walk *w, uint64_t start, uint64_t end)
{
	uint64_t word;
	for (uint64_t at = start; at + w->word <= end; at += w->word) {
		if (failed(mem_ptr(w->mem, at, &word)) || word % w->word ||
			word - w->low >= w->high - w->low || !looks_like_array(w, word))
			continue;
		log_debug("arenas are listed at 0x%" PRIx64 ", by what 0x%" PRIx64 " points to",
			word, at);
		return take_array(w, at, 0);
	}
	return false;
}

static bool search_image(struct heap_walk *w)
{
	struct image *img = w->rt->image;
	for (size_t i = 0; img && i < img->n_phdrs; i++) {
		const struct elf_phdr *p = &img->phdrs[i];
		uint64_t start = (img->bias + p->vaddr) & ~(uint64_t)(w->word - 1);
		if (p->type == PT_LOAD && p->flags & PF_W && p->memsz <= SCAN_BYTES_MAX &&
			search_range(w, start, img->bias + p->vaddr + p->memsz))
			return true;
	}
	return false;
}

void heap_find_arenas(struct heap_walk *w)
{
	bool found = false;
	switch (w->l->row->heap.scheme) {
	case HEAP_STATICS:
		found = find_statics(w);
		break;
	case HEAP_IN_INTERP:
		found = find_in_interpreters(w, false);
		break;
	case HEAP_POINTED:
		found = find_in_interpreters(w, true);
		break;
	case HEAP_MIMALLOC:
		found = true; /* there are none */
		break;
	}
	if (!found) {
		w->arenas.n = 0;
		w->has_raw_blocks = false;
		search_image(w);
	}
	size_t dropped = arenas_settle(&w->arenas, w->l->row->heap.arena_bits);
	if (dropped)
		problems_damagef(&w->rt->target->problems, "heap",
			"%zu arenas overlap others and are left out", dropped);
	if (w->arenas.n >= ARENAS_MAX)
		problems_damagef(&w->rt->target->problems, "heap",
			"more than %d arenas; the others are left out", ARENAS_MAX);
}
