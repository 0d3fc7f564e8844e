/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of malloc's chunks, and which of them are believed.
 *
 * A row that breaks off has a head that was overwritten, or was being changed when the process
 * died. Where it begins as a heap does and goes far enough, it is taken up to shortly before the
 * break, since a wrong size need not be met at once. Behind it, what leads to the end is the row
 * again, but not from its first chunks on: what was taken for these may be none. Rows that begin at
 * wrong places run into the right one before long. What lies between is left to the references that
 * lead there.
 *
 * What the main heap gives back may stay in memory, as qemu does with what lies above the break.
 * There the row ends with the chunk that malloc's own variables call the last one.
 */
#include "internal.h"

#include "pycore/image.h"

enum {
	PREV_INUSE = 1,
	IS_MMAPPED = 2,
	PAGE = 4096,
	HEAP_HEAD_MAX = PAGE, /* struct heap_info and struct malloc_state in front of them */
	TORN_STEPS = 96, /* chunks that a row must have in front of its break, */
	TORN_SIZES = 6, /* of so many sizes */
	TORN_BACK = 64, /* chunks in front of the break, and behind it, that are not believed */
	TOP_TRIES = 16, /* rows of which it is asked whether malloc has no more behind it */
};

/* How far a row of chunks goes. */
struct row {
	uint64_t stop; /* where there is no chunk any more; the end it was to reach */
	uint64_t steps;
	uint64_t back[TORN_BACK]; /* the last chunks, in a ring */
	uint64_t sizes; /* bits by size, to tell a row from an array of equal numbers */
	bool whole; /* it ends where it has to, */
	bool last; /* and nothing is there */
};

/* Whether a heap ends there that could not grow further, because what follows is somebody else's:
 * with two heads of chunks too small to be any up to the end of a page, and maybe a third where
 * that is all that was left (sysmalloc()). */
static bool is_fence(struct heap_walk *w, uint64_t at, uint64_t end)
{
	uint64_t step = 2 * w->word, left = PAGE - at % PAGE - w->chunk.first;
	if ((left != 2 * step && left != 3 * step) || end - at < left)
		return false;
	for (uint64_t i = 0; i + step < left; i += step) {
		if ((chunks_size_word(w, at + i) & ~(uint64_t)CHUNK_FLAGS) != step)
			return false;
	}
	uint64_t last = chunks_size_word(w, at + left - step);
	return last == (step | PREV_INUSE) || last == PREV_INUSE;
}

/* Follows the row of chunks from there on. False: there is none. The first one says that the chunk
 * before it, which does not exist, is in use. */
static bool follow(struct heap_walk *w, uint64_t at, struct row *ret)
{
	uint64_t end = chunks_limit(w, at);
	*ret = (struct row){ 0 };
	if (end - at < 2 * w->word || !(chunks_size_word(w, at) & PREV_INUSE) ||
		chunks_size_word(w, at) & IS_MMAPPED)
		return false;
	while (at < end && ret->steps < w->patience) {
		uint64_t size = chunks_size(w, at, end);
		if (!size)
			break;
		ret->back[ret->steps++ % TORN_BACK] = at;
		ret->sizes |= UINT64_C(1) << (size / (2 * w->word) % 64);
		at += size;
	}
	ret->stop = at < end ? at : end;
	ret->last = ret->steps && (at >= end || chunks_begins_range(w, at));
	ret->whole = ret->last || (ret->steps && is_fence(w, at, end));
	if (!ret->whole)
		w->patience -= ret->steps;
	return ret->steps;
}

/* Whether what follows the range is not in the core, so that no row can be followed to its end. */
static bool is_cut(const struct heap_walk *w)
{
	struct mem_range next;
	return mem_next_range(w->mem, w->range.end, &next) && next.start == w->range.end &&
	       !next.readable && next.perm & MEM_WRITE;
}

bool chunks_inside_image(const struct heap_walk *w, uint64_t page)
{
	struct image *img = target_image_at(w->rt->target, page);
	return img && !failed(image_probe(img, w->mem)) && img->elf;
}

/* Where a heap begins, if there is one: at the start of a mapping, or behind variables. */
static bool may_begin(const struct heap_walk *w, uint64_t page)
{
	return chunks_begins_range(w, page) || page % w->chunk.heap_alignment == 0 ||
	       page == w->behind_variables || chunks_inside_image(w, page - PAGE);
}

/* Whether a variable of a module has that address. */
static bool is_in_variables(struct heap_walk *w, uint64_t word)
{
	struct target *t = w->rt->target;
	for (size_t i = 0; i < t->n_images; i++) {
		struct mem_run data;
		for (size_t n = 0; image_next_data(&t->images[i], &n, &data);) {
			uint64_t at = (data.start + w->word - 1) & ~(uint64_t)(w->word - 1), found;
			if (data.end - data.start > SCAN_BYTES_MAX)
				continue;
			for (; at + w->word <= data.end; at += w->word) {
				if (!failed(mem_ptr(w->mem, at, &found)) && found == word)
					return true;
			}
		}
	}
	return false;
}

/* Whether a row that breaks off at a page ends there all the same: its last chunk is malloc's
 * topmost one, which nothing but malloc knows by its head. */
static bool ends_at_top(struct heap_walk *w, const struct row *row)
{
	if (row->stop % PAGE || row->steps < TORN_STEPS || w->top_tries >= TOP_TRIES)
		return false;
	w->top_tries++;
	return is_in_variables(w, row->back[(row->steps - 1) % TORN_BACK]);
}

/* Takes the beginning of a row that breaks off. */
static bool believe(struct heap_walk *w, uint64_t at, const struct row *row)
{
	if (row->steps < TORN_STEPS || __builtin_popcountll(row->sizes) < TORN_SIZES)
		return false;
	w->patience += row->steps;
	w->row = w->row_start = at;
	w->row_end = row->back[row->steps % TORN_BACK];
	w->row_last = false;
	if (!is_cut(w))
		w->chunks.torn++;
	w->torn = true;
	return true;
}

/* The chunk that is some steps further along a row that was followed to its end. */
static uint64_t further(struct heap_walk *w, uint64_t at, uint64_t end)
{
	uint64_t most = chunks_limit(w, at);
	for (int i = 0; i < TORN_BACK && at < end; i++)
		at += chunks_size(w, at, most);
	return at;
}

void chunks_find_row(struct heap_walk *w, uint64_t page)
{
	uint64_t end = w->range.end;
	bool may = may_begin(w, page);
	bool heap = page % w->chunk.heap_alignment == 0;
	uint64_t first = page + w->chunk.first, last = heap ? page + HEAP_HEAD_MAX : first;
	if (w->torn)
		last = page + PAGE - 2 * w->word;
	struct row row;
	if (heap)
		chunks_see_heap(w, page);
	for (uint64_t at = first; at <= last && at < end; at += 2 * w->word) {
		if (!follow(w, at, &row))
			continue;
		if (!row.whole && may && ends_at_top(w, &row))
			row.whole = row.last = true;
		if (row.whole) {
			w->row = w->torn ? further(w, at, row.stop) : at;
			w->row_start = w->row;
			w->row_end = row.stop;
			w->row_last = row.last;
			return;
		}
		if (may && believe(w, at, &row))
			return;
	}
}
