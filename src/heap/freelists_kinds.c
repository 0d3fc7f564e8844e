/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which free lists there are (Include/internal/pycore_freelist_state.h and its forerunners), and
 * where they begin. Up to 3.9 they are static variables, most of them called `free_list` and
 * `numfree`, so that only the source file tells them apart; then members of the interpreter, in
 * free-threaded builds of each thread. From 3.14 on all are chains through the first word of what
 * is in them, headed by a pointer and a length.
 */
#include "freelists.h"

#include "pycore/image.h"

#define FIELDS(head_)		     .head = FIELD_free_##head_, .count = FIELD_free_##head_##_count
#define HEAD(head_)		     .head = FIELD_free_##head_, .count = FIELD_COUNT
#define NO_FIELDS		     .head = FIELD_COUNT, .count = FIELD_COUNT
#define STATICS(file, head_, count_) .head_symbol = file ":" head_, .count_symbol = file ":" count_
#define ARRAY(n)		     .shape = FREE_ARRAY, .max = (n)
#define CHAIN(through_)		     .shape = FREE_CHAIN, .link = (through_)

const struct free_kind free_kinds[] = {
	{ "float", FIELDS(floats), CHAIN(FIELD_object_type), .type_symbol = "PyFloat_Type",
		STATICS("floatobject.c", "free_list", "numfree") },
	{ "complex", HEAD(complexes), CHAIN(FIELD_COUNT) },
	{ "int", HEAD(ints), CHAIN(FIELD_COUNT), .what = FREE_ONE_ITEM },
	{ "tuple", FIELDS(tuples), CHAIN(FIELD_tuple_items), .what = FREE_TUPLES,
		STATICS("tupleobject.c", "free_list", "numfree") },
	{ "list", FIELDS(lists), ARRAY(80), STATICS("listobject.c", "free_list", "numfree") },
	{ "list_iterator", HEAD(list_iterators), CHAIN(FIELD_COUNT) },
	{ "tuple_iterator", HEAD(tuple_iterators), CHAIN(FIELD_COUNT) },
	{ "dict", FIELDS(dicts), ARRAY(80), STATICS("dictobject.c", "free_list", "numfree") },
	{ "keys of dicts", FIELDS(keys), ARRAY(80), .what = FREE_KEYS,
		STATICS("dictobject.c", "keys_free_list", "numfreekeys") },
	{ "set", NO_FIELDS, ARRAY(80), STATICS("setobject.c", "free_list", "numfree") },
	{ "slice", HEAD(slice), .shape = FREE_SINGLE, .head_symbol = "sliceobject.c:slice_cache" },
	{ "slice", HEAD(slices), CHAIN(FIELD_COUNT) },
	{ "range", HEAD(ranges), CHAIN(FIELD_COUNT) },
	{ "range_iterator", HEAD(range_iterators), CHAIN(FIELD_COUNT) },
	{ "frame", FIELDS(frames), CHAIN(FIELD_frame_back), .what = FREE_ITEMS,
		STATICS("frameobject.c", "free_list", "numfree") },
	{ "method", HEAD(methods), CHAIN(FIELD_method_self),
		STATICS("classobject.c", "free_list", "numfree") },
	{ "builtin_function_or_method", HEAD(cfunctions), CHAIN(FIELD_cfunction_self),
		STATICS("methodobject.c", "free_list", "numfree") },
	{ "builtin_method", HEAD(cmethods), CHAIN(FIELD_COUNT) },
	{ "unicode", NO_FIELDS, CHAIN(FIELD_COUNT),
		STATICS("unicodeobject.c", "free_list", "numfree") },
	{ "Context", FIELDS(contexts), CHAIN(FIELD_context_weakrefs),
		STATICS("context.c", "ctx_freelist", "ctx_freelist_len") },
	{ "async_generator_wrapped_value", FIELDS(wrapped_values), ARRAY(80),
		STATICS("genobject.c", "ag_value_freelist", "ag_value_freelist_free") },
	{ "async_generator_asend", FIELDS(asends), ARRAY(80),
		STATICS("genobject.c", "ag_asend_freelist", "ag_asend_freelist_free") },
	{ "FutureIter", HEAD(future_iterators), CHAIN(FIELD_COUNT) },
	{ "MemoryError", FIELDS(memory_errors), CHAIN(FIELD_exception_dict), .in_interp = true,
		STATICS("exceptions.c", "memerrors_freelist", "memerrors_numfree") },
	{ "block of deques", NO_FIELDS, ARRAY(16), .what = FREE_PARTS,
		.size = FIELD_deque_block_sizeof,
		STATICS("_collectionsmodule.c", "freeblocks", "numfreeblocks") },
	{ "chunk of object stacks", FIELDS(object_stacks), CHAIN(FIELD_object_stack_previous),
		.what = FREE_PARTS, .size = FIELD_object_stack_sizeof },
	{ "writer of str", HEAD(text_writers), CHAIN(FIELD_COUNT), .what = FREE_PARTS,
		.size = FIELD_COUNT },
	{ "writer of bytes", HEAD(bytes_writers), CHAIN(FIELD_COUNT), .what = FREE_PARTS,
		.size = FIELD_COUNT },
};
_Static_assert(ARRAY_LEN(free_kinds) == FREE_KINDS, "all kinds are counted");

/* Where the variables are. What is not there has address 0. */
static void find_symbols(const struct heap_walk *w, struct image_symbol ret[2 * FREE_KINDS])
{
	const char *names[2 * FREE_KINDS];
	for (size_t i = 0; i < FREE_KINDS; i++) {
		names[2 * i] = free_kinds[i].head_symbol ? free_kinds[i].head_symbol : "";
		names[2 * i + 1] = free_kinds[i].count_symbol ? free_kinds[i].count_symbol : "";
	}
	image_symtab(w->rt->image, names, 2 * FREE_KINDS, ret);
}

static bool in_statics(struct heap_walk *w)
{
	struct image_symbol found[2 * FREE_KINDS];
	bool any = false;
	if (!w->rt->image || failed(target_need_file(w->rt->target, w->rt->image)))
		return false;
	find_symbols(w, found);
	for (size_t i = 0; i < FREE_KINDS; i++) {
		const struct free_kind *k = &free_kinds[i];
		struct image_symbol head = found[2 * i], count = found[2 * i + 1];
		if (!k->head_symbol || !head.addr || (k->count_symbol && !count.addr))
			continue;
		uint64_t size = k->what == FREE_TUPLES ? count.size / FREE_TUPLE_LISTS : count.size;
		any |= k->what == FREE_TUPLES;
		free_list_read(w, i,
			&(struct free_place){ .head = head.addr,
				.count = count.addr,
				.head_step = w->word,
				.count_size = size == 8 ? 8 : 4,
				.single = k->shape == FREE_SINGLE });
	}
	return any;
}

/* One kind of those whose members are relative to `base`. */
static void read_member(struct heap_walk *w, size_t kind, uint64_t base, bool uniform)
{
	const struct free_kind *k = &free_kinds[kind];
	if (k->head == FIELD_COUNT || !layout_has(w->l, k->head))
		return;
	const struct field_at *head = &w->l->field[k->head];
	struct free_place at = { .head = base + head->offset, .head_step = head->size };
	if (k->count != FIELD_COUNT && layout_has(w->l, k->count)) {
		at.count = base + w->l->field[k->count].offset;
		at.count_size = w->l->field[k->count].size;
	} else if (uniform) {
		at.count = at.head + w->l->field[FIELD_freelist_size].offset;
		at.count_size = w->l->field[FIELD_freelist_size].size;
		at.uniform = true;
	} else {
		at.single = true;
	}
	free_list_read(w, kind, &at);
}

static void read_members(struct heap_walk *w, uint64_t base, bool in_interp)
{
	bool uniform = layout_has(w->l, FIELD_freelist_size);
	for (size_t i = 0; i < FREE_KINDS; i++) {
		if (free_kinds[i].in_interp == in_interp)
			read_member(w, i, base, uniform);
	}
}

/* all: not only those that are outside of threads. */
static bool in_interpreters(struct heap_walk *w, bool all)
{
	const struct field_at *at = &w->l->field[FIELD_interp_freelists];
	bool any = false;
	for (size_t i = 0; i < w->p->n_interpreters; i++) {
		const struct py_interpreter *in = &w->p->interpreters[i];
		if (&w->p->runtimes[in->runtime] != w->rt)
			continue;
		if (all)
			read_members(w, in->addr + at->offset, false);
		read_members(w, in->addr, true);
		any = true;
	}
	return any;
}

/* What stands behind PyThreadState moves with its size, which the target tells. */
static bool place_in_threads(const struct heap_walk *w, uint64_t *ret)
{
	const struct field_at *now = w->l->field, *row = w->l->row->fields;
	if (layout_has(w->l, FIELD_tstate_freelists)) {
		*ret = now[FIELD_tstate_freelists].offset;
		return true;
	}
	if (row[FIELD_tstate_freelists].origin == ORIGIN_NONE ||
		row[FIELD_tstate_sizeof].origin == ORIGIN_NONE ||
		!layout_has(w->l, FIELD_tstate_sizeof))
		return false;
	*ret = now[FIELD_tstate_sizeof].offset +
	       (row[FIELD_tstate_freelists].offset - row[FIELD_tstate_sizeof].offset);
	return true;
}

static bool in_threads(struct heap_walk *w, uint64_t offset)
{
	bool any = false;
	for (size_t i = 0; i < w->p->n_threads; i++) {
		const struct py_thread *t = &w->p->threads[i];
		if (!t->addr ||
			&w->p->runtimes[w->p->interpreters[t->interpreter].runtime] != w->rt)
			continue;
		read_members(w, t->addr + offset, false);
		any = true;
	}
	return any;
}

bool free_lists_read(struct heap_walk *w)
{
	/* Chunks of object stacks came with a struct for all lists; before it they are members of
	 * the interpreter. */
	bool in_struct = layout_has(w->l, FIELD_free_object_stacks);
	uint64_t offset;
	if (w->l->row->heap.scheme == HEAP_MIMALLOC) {
		bool sure = layout_has(w->l, FIELD_tstate_freelists);
		return place_in_threads(w, &offset) && in_threads(w, offset) &&
		       in_interpreters(w, false) && (sure || !w->free.torn);
	}
	if (layout_has(w->l, FIELD_free_floats))
		return in_struct == layout_has(w->l, FIELD_interp_freelists) &&
		       in_interpreters(w, true);
	return in_statics(w);
}
