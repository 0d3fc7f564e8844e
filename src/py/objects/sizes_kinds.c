/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The __sizeof__ of what the interpreter and its modules define, each as its own source has it
 * (Objects/NAMEobject.c, Modules/_collectionsmodule.c, arraymodule.c, Modules/_io). Some count what
 * lies in bodies elsewhere, some do not.
 */
#include "sizes.h"

#include "pycore/attr.h"

#include <string.h>

static const struct layout *layout_of(const struct weighed *w)
{
	return &w->m->h->rt->layout;
}

static uint64_t word_of(const struct weighed *w)
{
	return layout_of(w)->key.ptr_size;
}

/* A body that __sizeof__ counts. */
static void add_body(struct weighed *w, uint64_t bytes)
{
	w->size->owned += bytes;
	w->size->getsizeof += bytes;
}

/* A number is written without ob_size since 3.12. Of an int without digits some versions count one
 * digit, which is allocated always. */
static void weigh_int(struct weighed *w)
{
	enum { TAG_SHIFT = 3 };
	const struct layout *l = layout_of(w);
	const struct py_type *t = w->m->type;
	uint64_t digits = l->field[FIELD_long_digits].offset, size = t->itemsize, n;
	if (l->row->ints == INTS_TAGGED) {
		n = weighed_get(w, FIELD_long_tag) >> TAG_SHIFT;
		w->size->own = t->basicsize + weighed_product(w, n ? n : 1, size);
		w->size->getsizeof = w->size->own;
		return;
	}
	int64_t count = (int64_t)weighed_get(w, FIELD_varobject_size);
	n = count < 0 ? -(uint64_t)count : (uint64_t)count;
	bool one = !n && l->row->heap.sizeofs & SIZEOF_ONE_DIGIT;
	w->size->getsizeof = digits + weighed_product(w, one ? 1 : n, size);
	w->size->own = w->size->getsizeof;
	if (t->basicsize > digits) /* what a class adds */
		w->size->own += t->basicsize - digits;
}

/* PEP 393: characters behind the head; or elsewhere, for subclasses; UTF-8 and the wide form of old
 * beside them. */
static void weigh_str(struct weighed *w)
{
	const struct layout *l = layout_of(w);
	bool compact = weighed_get(w, FIELD_str_compact), ascii = weighed_get(w, FIELD_str_ascii);
	uint64_t n = weighed_get(w, FIELD_str_length), kind = weighed_get(w, FIELD_str_kind);
	uint64_t head = l->field[ascii ? FIELD_str_ascii_data : FIELD_str_compact_data].offset;
	uint64_t body = weighed_product(w, n + 1, kind), wide_length = n;
	uint64_t whole = l->field[FIELD_str_sizeof].offset;
	if (compact) {
		w->size->own = w->size->getsizeof = head + body;
	} else {
		w->size->own = w->m->type->basicsize;
		w->size->getsizeof = whole;
		if (weighed_get(w, FIELD_str_data))
			add_body(w, body);
	}
	if (compact && ascii)
		return;
	uint64_t data = compact ? w->addr + head : weighed_get(w, FIELD_str_data);
	uint64_t utf8 = weighed_get(w, FIELD_str_utf8);
	if (utf8 && utf8 != data)
		add_body(w, weighed_get(w, FIELD_str_utf8_length) + 1);
	if (!layout_has(l, FIELD_str_wstr))
		return;
	uint64_t wide = weighed_get(w, FIELD_str_wstr);
	wide_length = weighed_get(w, FIELD_str_wstr_length);
	if (wide && (wide != data || !weighed_get(w, FIELD_str_ready)))
		add_body(w, weighed_product(w, wide_length + 1, 4));
}

/* 2.7's unicode: the head, and characters of four or two bytes elsewhere. */
static void weigh_unicode(struct weighed *w)
{
	uint64_t n = weighed_get(w, FIELD_unicode_length);
	unsigned width = w->m->h->unicode_width ? w->m->h->unicode_width : 4;
	w->size->getsizeof = layout_of(w)->field[FIELD_str_sizeof].offset;
	add_body(w, weighed_product(w, n + 1, width));
}

static void weigh_text(struct weighed *w)
{
	const struct layout *l = layout_of(w);
	if (l->row->text == TEXT_COMPACT)
		weigh_str(w);
	else
		w->size->getsizeof = l->field[FIELD_bytes_data].offset + 1 +
				     weighed_product(w, weighed_get(w, FIELD_varobject_size), 1);
}

static void weigh_list(struct weighed *w)
{
	add_body(w, weighed_product(w, weighed_get(w, FIELD_list_allocated), word_of(w)));
}

static void weigh_bytearray(struct weighed *w)
{
	add_body(w, weighed_get(w, FIELD_bytearray_alloc));
}

static void weigh_set(struct weighed *w)
{
	const struct layout *l = layout_of(w);
	uint64_t small = w->addr + l->field[FIELD_set_small_table].offset;
	if (weighed_get(w, FIELD_set_table) != small)
		add_body(w, weighed_product(w, weighed_get(w, FIELD_set_mask) + 1,
				    l->field[FIELD_set_entry_sizeof].offset));
}

/* Room that a table of indices of that size is filled up to. */
static uint64_t usable_of(uint64_t size)
{
	return (size << 1) / 3;
}

static uint64_t index_width(uint64_t slots)
{
	return slots <= UINT8_MAX ? 1 : slots <= UINT16_MAX ? 2 : slots <= UINT32_MAX ? 4 : 8;
}

/* The head of a keys object. */
struct keys {
	const struct layout *l;
	const uint8_t *bytes;
	size_t n;
	uint8_t copy[64];
};

static bool read_keys(struct heap *h, uint64_t keys, struct keys *ret)
{
	ret->l = &h->rt->layout;
	ret->n = ret->l->field[FIELD_keys_indices].offset;
	if (!keys || ret->n > sizeof(ret->copy))
		return false;
	ret->bytes = mem_view(h->rt->mem, keys, ret->n);
	if (ret->bytes)
		return true;
	ret->bytes = ret->copy;
	return !failed(mem_read(h->rt->mem, keys, ret->copy, ret->n));
}

static uint64_t keys_get(const struct keys *k, enum field f)
{
	bool damaged;
	return weighed_field(k->l, f, k->bytes, k->n, &damaged);
}

bool keys_values(struct heap *h, uint64_t keys, uint64_t *ret)
{
	struct keys k;
	if (!read_keys(h, keys, &k))
		return false;
	*ret = keys_get(&k, FIELD_keys_nentries) + keys_get(&k, FIELD_keys_usable);
	return *ret <= UINT16_MAX;
}

bool keys_weigh(struct heap *h, uint64_t keys, uint64_t *ret, bool *ret_shared)
{
	enum { LOG2_MAX = 40 };
	struct keys k;
	if (!read_keys(h, keys, &k))
		return false;
	uint64_t head = k.l->field[FIELD_keys_indices].offset;
	*ret_shared = keys_get(&k, FIELD_keys_refcnt) != 1;
	if (k.l->row->dicts == DICTS_SIZED) {
		uint64_t size = keys_get(&k, FIELD_keys_size);
		*ret = head + size * index_width(size) +
		       usable_of(size) * k.l->field[FIELD_entry_sizeof].offset;
		return size >> LOG2_MAX == 0;
	}
	uint64_t log2 = keys_get(&k, FIELD_keys_log2_size);
	uint64_t log2_bytes = keys_get(&k, FIELD_keys_log2_index_bytes);
	enum field entry =
		keys_get(&k, FIELD_keys_kind) ? FIELD_unicode_entry_sizeof : FIELD_entry_sizeof;
	if (log2 > LOG2_MAX || log2_bytes > LOG2_MAX)
		return false;
	*ret = head + (UINT64_C(1) << log2_bytes) +
	       usable_of(UINT64_C(1) << log2) * k.l->field[entry].offset;
	return true;
}

/* The values of a dict that shares its keys: what __sizeof__ counts of them, and all. */
static void weigh_split(struct weighed *w, uint64_t keys)
{
	const struct layout *l = layout_of(w);
	struct keys k;
	uint64_t n, word = word_of(w), around = 0;
	if (!read_keys(w->m->h, keys, &k)) {
		w->damaged = true;
		return;
	}
	n = l->row->dicts == DICTS_SIZED
		    ? usable_of(keys_get(&k, FIELD_keys_size))
		    : keys_get(&k, FIELD_keys_nentries) + keys_get(&k, FIELD_keys_usable);
	if (n > UINT16_MAX) {
		w->damaged = true;
		return;
	}
	if (l->row->values == VALUES_PREFIXED)
		around = (n + 2 + word - 1) / word * word;
	else if (l->row->values == VALUES_HEADED)
		around = l->field[FIELD_values_values].offset + (n + word - 1) / word * word;
	w->size->getsizeof += n * word;
	w->size->owned += n * word + around;
}

static void weigh_dict(struct weighed *w)
{
	const struct layout *l = layout_of(w);
	uint64_t bytes;
	bool shared;
	if (l->row->dicts == DICTS_TABLE) {
		if (weighed_get(w, FIELD_dict_table) !=
			w->addr + l->field[FIELD_dict_small_table].offset)
			add_body(w, weighed_product(w, weighed_get(w, FIELD_dict_mask) + 1,
					    l->field[FIELD_entry_sizeof].offset));
		return;
	}
	uint64_t keys = weighed_get(w, FIELD_dict_keys), values = weighed_get(w, FIELD_dict_values);
	if (values)
		weigh_split(w, keys);
	if (!keys_weigh(w->m->h, keys, &bytes, &shared))
		w->damaged = true;
	else if (!shared)
		add_body(w, bytes);
}

static void weigh_ordered_dict(struct weighed *w)
{
	const struct layout *l = layout_of(w);
	weigh_dict(w);
	add_body(w, weighed_product(w, weighed_get(w, FIELD_odict_fast_nodes_size), word_of(w)));
	add_body(w, weighed_product(w, weighed_get(w, FIELD_dict_used),
			    l->field[FIELD_odict_node_sizeof].offset));
}

static void weigh_deque(struct weighed *w)
{
	const struct layout *l = layout_of(w);
	uint64_t word = word_of(w), block = l->field[FIELD_deque_block_sizeof].offset;
	uint64_t length = block / word - 2; /* two links beside the items */
	uint64_t end = weighed_get(w, FIELD_deque_leftindex) + weighed_get(w, FIELD_deque_length);
	if (block > 2 * word)
		add_body(w, weighed_product(w, (end + length - 1) / length, block));
}

static void weigh_array(struct weighed *w)
{
	uint64_t descr = weighed_get(w, FIELD_array_descr), size;
	if (failed(py_field(w->m->h->rt, descr, FIELD_array_descr_itemsize, &size)))
		w->damaged = true;
	else
		add_body(w,
			weighed_product(w, weighed_get(w, FIELD_array_allocated), (uint32_t)size));
}

/* A heap type counts the keys that its instances share. */
static void weigh_type(struct weighed *w)
{
	const struct layout *l = layout_of(w);
	uint64_t bytes, keys;
	bool shared;
	w->size->getsizeof = l->field[FIELD_type_sizeof].offset;
	if (!(weighed_get(w, FIELD_type_flags) & TYPE_HEAP))
		return;
	w->size->getsizeof = l->field[FIELD_heaptype_sizeof].offset;
	keys = weighed_get(w, FIELD_heaptype_cached_keys);
	if (keys && keys_weigh(w->m->h, keys, &bytes, &shared))
		add_body(w, bytes);
	else
		w->damaged |= keys != 0;
}

static uint64_t code_field(struct weighed *w, uint64_t code, enum field f)
{
	uint64_t v;
	if (layout_has(layout_of(w), f) && !failed(py_field(w->m->h->rt, code, f, &v)))
		return v;
	w->damaged = true;
	return 0;
}

static uint64_t tuple_length(struct weighed *w, uint64_t code, enum field f)
{
	uint64_t tuple = code_field(w, code, f), n;
	if (!failed(py_field(w->m->h->rt, tuple, FIELD_varobject_size, &n)))
		return n;
	w->damaged = true;
	return 0;
}

/* Words that a frame of this code has behind its head. */
static uint64_t frame_words(struct weighed *w, uint64_t code)
{
	uint64_t stack = code_field(w, code, FIELD_code_stacksize);
	if (layout_of(w)->row->locals == LOCALS_BY_KINDS)
		return stack + code_field(w, code, FIELD_code_nlocalsplus);
	return stack + code_field(w, code, FIELD_code_nlocals) +
	       tuple_length(w, code, FIELD_code_cellvars) +
	       tuple_length(w, code, FIELD_code_freevars);
}

static void weigh_frame(struct weighed *w)
{
	const struct py_runtime *rt = w->m->h->rt;
	uint64_t code = 0, iframe;
	if (rt->layout.row->frames == FRAMES_OBJECTS) {
		code = weighed_get(w, FIELD_frame_code);
	} else {
		iframe = weighed_get(w, FIELD_frame_iframe);
		if (failed(py_field(rt, iframe, FIELD_iframe_code, &code)))
			w->damaged = true;
	}
	uint64_t words = frame_words(w, py_untag(rt, code));
	if (rt->layout.row->frames == FRAMES_OBJECTS && words)
		words--; /* one is part of the head */
	w->size->getsizeof = w->m->type->basicsize + weighed_product(w, words, word_of(w));
	if (rt->layout.row->frames != FRAMES_OBJECTS)
		w->size->own = w->size->getsizeof;
}

/* From 3.11 on the frame is part of a generator. */
static void weigh_generator(struct weighed *w)
{
	const struct py_runtime *rt = w->m->h->rt;
	uint64_t code, at = rt->layout.field[FIELD_gen_iframe].offset;
	if (!layout_has(&rt->layout, FIELD_gen_iframe))
		return;
	if (at > w->n || failed(layout_get(&rt->layout, FIELD_iframe_code, w->bytes + at, w->n - at,
				 &code))) {
		w->damaged = true;
		return;
	}
	uint64_t words = frame_words(w, py_untag(rt, code));
	w->size->getsizeof = w->m->type->basicsize + weighed_product(w, words, word_of(w));
	w->size->own = w->size->getsizeof;
}

/* What tools have attached to a code object: a count, and so many words. */
static void weigh_extra(struct weighed *w)
{
	uint64_t extra = weighed_get(w, FIELD_code_extra), n;
	if (!extra)
		return;
	if (failed(mem_ptr(w->m->h->rt->mem, extra, &n)))
		w->damaged = true;
	else
		add_body(w, weighed_product(w, n + 1, word_of(w)));
}

/* Bodies of a code object to 3.10: which cells are arguments; inline caches. */
static void weigh_code_bodies(struct weighed *w)
{
	const struct layout *l = layout_of(w);
	bool byte_cells = l->row->heap.sizeofs & SIZEOF_BYTE_CELLS;
	uint64_t n, code;
	if (layout_has(l, FIELD_code_cell2arg) && weighed_get(w, FIELD_code_cell2arg) &&
		weighed_get(w, FIELD_code_cellvars)) {
		n = tuple_length(w, w->addr, FIELD_code_cellvars);
		add_body(w, weighed_product(w, n, byte_cells ? 1 : word_of(w)));
	}
	if (!layout_has(l, FIELD_code_opcache) || !weighed_get(w, FIELD_code_opcache))
		return;
	code = weighed_get(w, FIELD_code_bytecode);
	if (failed(py_field(w->m->h->rt, code, FIELD_bytes_size, &n)))
		w->damaged = true;
	else
		add_body(w, n / 2);
	add_body(w, weighed_product(w, weighed_get(w, FIELD_code_opcache_size),
			    l->field[FIELD_opcache_sizeof].offset));
}

static void weigh_code(struct weighed *w)
{
	const struct layout *l = layout_of(w);
	if (l->row->heap.sizeofs & SIZEOF_CODE_ROUNDED)
		w->size->getsizeof = (w->size->getsizeof + 7) / 8 * 8;
	weigh_extra(w);
	weigh_code_bodies(w);
}

static void weigh_buffered(struct weighed *w)
{
	if (weighed_get(w, FIELD_buffered_buffer))
		add_body(w, weighed_get(w, FIELD_buffered_buffer_size));
}

const struct size_kind *size_kind(const char *full)
{
	static const struct size_kind kinds[] = {
		{ "int", weigh_int, true },
		{ "long", weigh_int, true },
		{ "str", weigh_text, false },
		{ "unicode", weigh_unicode, false },
		{ "list", weigh_list, false },
		{ "dict", weigh_dict, false },
		{ "set", weigh_set, false },
		{ "frozenset", weigh_set, false },
		{ "bytearray", weigh_bytearray, false },
		{ "type", weigh_type, false },
		{ "code", weigh_code, false },
		{ "frame", weigh_frame, true },
		{ "generator", weigh_generator, true },
		{ "coroutine", weigh_generator, true },
		{ "async_generator", weigh_generator, true },
		{ "collections.deque", weigh_deque, false },
		{ "collections.OrderedDict", weigh_ordered_dict, false },
		{ "array.array", weigh_array, false },
		{ "_io.BufferedReader", weigh_buffered, false },
		{ "_io.BufferedWriter", weigh_buffered, false },
		{ "_io.BufferedRandom", weigh_buffered, false },
	};
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!strcmp(kinds[i].full, full))
			return &kinds[i];
	}
	return NULL;
}
