/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The __sizeof__ of what the interpreter and its modules define, each as its own source has it
 * (Objects/NAMEobject.c, Modules/_collectionsmodule.c, arraymodule.c, Modules/_io). Some count what
 * lies in bodies elsewhere, some do not.
 */
#include "sizes.h"

#include "pycore/attr.h"

#include <string.h>

/* A number is written without ob_size since 3.12. Of an int without digits some versions count one
 * digit, which is allocated always. */
static void weigh_int(struct weighed *w)
{
	enum { TAG_SHIFT = 3 };
	const struct layout *l = weighed_layout(w);
	const struct py_type *t = w->m->type;
	uint64_t digits = l->field[FIELD_long_digits].offset, size = t->itemsize, n;
	if (l->row->ints == INTS_TAGGED) {
		n = weighed_get(w, FIELD_long_tag) >> TAG_SHIFT;
		w->size->own = t->basicsize + weighed_product(w, n ? n : 1, size);
		w->size->getsizeof = w->size->own;
		return;
	}
	n = weighed_items(w);
	bool one = !n && l->row->heap.sizeofs & SIZEOF_ONE_DIGIT;
	w->size->getsizeof = digits + weighed_product(w, one ? 1 : n, size);
	w->size->own = w->size->getsizeof;
	if (t->basicsize > digits) /* what a class adds */
		w->size->own += t->basicsize - digits;
}

static bool int_rule(const struct py_measure *m, struct py_rule *r)
{
	enum { TAG_SHIFT = 3 };
	const struct layout *l = &m->h->rt->layout;
	uint64_t digits = l->field[FIELD_long_digits].offset;
	r->step = (uint32_t)m->type->itemsize;
	if (l->row->ints == INTS_TAGGED) {
		r->shift = TAG_SHIFT;
		r->least = 1;
		return rule_number(r, l, FIELD_long_tag);
	}
	if (m->type->basicsize < digits)
		return false;
	r->either_sign = true;
	r->least = l->row->heap.sizeofs & SIZEOF_ONE_DIGIT ? 1 : 0;
	r->base.getsizeof -= m->type->basicsize - digits;
	return rule_number(r, l, FIELD_varobject_size);
}

/* PEP 393: characters behind the head; or elsewhere, for subclasses; UTF-8 and the wide form of old
 * beside them. */
static void weigh_str(struct weighed *w)
{
	const struct layout *l = weighed_layout(w);
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
			weighed_body(w, body);
	}
	if (compact && ascii)
		return;
	uint64_t data = compact ? w->addr + head : weighed_get(w, FIELD_str_data);
	uint64_t utf8 = weighed_get(w, FIELD_str_utf8);
	if (utf8 && utf8 != data)
		weighed_body(w, weighed_get(w, FIELD_str_utf8_length) + 1);
	if (!layout_has(l, FIELD_str_wstr))
		return;
	uint64_t wide = weighed_get(w, FIELD_str_wstr);
	wide_length = weighed_get(w, FIELD_str_wstr_length);
	if (wide && (wide != data || !weighed_get(w, FIELD_str_ready)))
		weighed_body(w, weighed_product(w, wide_length + 1, 4));
}

/* ASCII, all in one. */
static bool str_rule(const struct py_measure *m, struct py_rule *r)
{
	const struct layout *l = &m->h->rt->layout;
	const struct field_at *compact = &l->field[FIELD_str_compact];
	const struct field_at *ascii = &l->field[FIELD_str_ascii];
	const struct field_at *kind = &l->field[FIELD_str_kind];
	if (l->row->text != TEXT_COMPACT || compact->size != 4 || ascii->size != 4 ||
		kind->size != 4 || ascii->offset != compact->offset ||
		kind->offset != compact->offset)
		return false;
	r->mark_at = compact->offset;
	r->mark =
		UINT32_C(1) << compact->bit | UINT32_C(1) << ascii->bit | UINT32_C(1) << kind->bit;
	r->mask = r->mark | ((UINT32_C(1) << kind->bits) - 1) << kind->bit;
	r->base.own = l->field[FIELD_str_ascii_data].offset + 1;
	r->step = 1;
	return rule_number(r, l, FIELD_str_length);
}

/* 2.7's unicode: the head, and characters of four or two bytes elsewhere. */
static void weigh_unicode(struct weighed *w)
{
	uint64_t n = weighed_get(w, FIELD_unicode_length);
	unsigned width = unicode_width(w->m->h);
	w->size->getsizeof = weighed_layout(w)->field[FIELD_str_sizeof].offset;
	weighed_body(w, weighed_product(w, n + 1, width));
}

static void weigh_text(struct weighed *w)
{
	const struct layout *l = weighed_layout(w);
	if (l->row->text == TEXT_COMPACT)
		weigh_str(w);
	else
		w->size->getsizeof = l->field[FIELD_bytes_data].offset + 1 +
				     weighed_product(w, weighed_get(w, FIELD_varobject_size), 1);
}

static void weigh_list(struct weighed *w)
{
	if (weighed_layout(w)->row->heap.sizeofs & SIZEOF_LIST_HEADED &&
		weighed_get(w, FIELD_list_items))
		w->size->owned += weighed_word(w);
	weighed_body(w, weighed_product(w, weighed_get(w, FIELD_list_allocated), weighed_word(w)));
}

static bool list_rule(const struct py_measure *m, struct py_rule *r)
{
	const struct layout *l = &m->h->rt->layout;
	r->body_step = l->key.ptr_size;
	return rule_number(r, l, FIELD_list_allocated);
}

/* From 3.15 on its content is in a bytes object, which is counted as what it is. */
static void weigh_bytearray(struct weighed *w)
{
	const struct layout *l = weighed_layout(w);
	uint64_t bytes = weighed_get(w, FIELD_bytearray_alloc);
	if (!layout_has(l, FIELD_bytearray_object))
		weighed_body(w, bytes);
	else if (bytes)
		w->size->getsizeof += l->field[FIELD_bytes_data].offset + 1 + bytes;
}

static void weigh_set(struct weighed *w)
{
	const struct layout *l = weighed_layout(w);
	uint64_t small = w->addr + l->field[FIELD_set_small_table].offset;
	if (weighed_get(w, FIELD_set_table) != small)
		weighed_body(w, weighed_product(w, weighed_get(w, FIELD_set_mask) + 1,
					l->field[FIELD_set_entry_sizeof].offset));
}

static void weigh_deque(struct weighed *w)
{
	const struct layout *l = weighed_layout(w);
	uint64_t word = weighed_word(w), block = l->field[FIELD_deque_block_sizeof].offset;
	uint64_t length = block / word - 2; /* two links beside the items */
	uint64_t end = weighed_get(w, FIELD_deque_leftindex) + weighed_get(w, FIELD_deque_length);
	if (block > 2 * word)
		weighed_body(w, weighed_product(w, (end + length - 1) / length, block));
}

static void weigh_array(struct weighed *w)
{
	uint64_t descr = weighed_get(w, FIELD_array_descr), size;
	if (failed(py_field(w->m->h->rt, descr, FIELD_array_descr_itemsize, &size)))
		w->damaged = true;
	else
		weighed_body(w,
			weighed_product(w, weighed_get(w, FIELD_array_allocated), (uint32_t)size));
}

/* A long coefficient is elsewhere (Modules/_decimal/libmpdec): its words are 64 bits wide, as where
 * pointers are. */
static void weigh_decimal(struct weighed *w)
{
	enum { OTHERS_DATA = 0xe0 }; /* static, shared, constant */
	const struct layout *l = weighed_layout(w);
	uint64_t at = l->field[FIELD_decimal_mpd].offset, flags, alloc;
	if (at > w->n || failed(layout_get(l, FIELD_mpd_flags, w->bytes + at, w->n - at, &flags)) ||
		failed(layout_get(l, FIELD_mpd_alloc, w->bytes + at, w->n - at, &alloc)))
		w->damaged = true;
	else if (!(flags & OTHERS_DATA))
		weighed_body(w, weighed_product(w, alloc, weighed_word(w)));
}

/* A heap type counts the keys that its instances share. */
static void weigh_type(struct weighed *w)
{
	const struct layout *l = weighed_layout(w);
	uint64_t bytes, keys;
	bool shared;
	w->size->getsizeof = l->field[FIELD_type_sizeof].offset;
	if (!(weighed_get(w, FIELD_type_flags) & TYPE_HEAP))
		return;
	w->size->getsizeof = l->field[FIELD_heaptype_sizeof].offset;
	keys = weighed_get(w, FIELD_heaptype_cached_keys);
	if (keys && keys_weigh(w->m, keys, &bytes, &shared))
		weighed_body(w, bytes);
	else
		w->damaged |= keys != 0;
}

static uint64_t code_field(struct weighed *w, uint64_t code, enum field f)
{
	uint64_t v;
	if (layout_has(weighed_layout(w), f) && !failed(py_field(w->m->h->rt, code, f, &v)))
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
	if (weighed_layout(w)->row->locals == LOCALS_BY_KINDS)
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
	w->size->getsizeof = w->m->type->basicsize + weighed_product(w, words, weighed_word(w));
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
	w->size->getsizeof = w->m->type->basicsize + weighed_product(w, words, weighed_word(w));
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
		weighed_body(w, weighed_product(w, n + 1, weighed_word(w)));
}

/* Bodies of a code object to 3.10: which cells are arguments; inline caches. */
static void weigh_code_bodies(struct weighed *w)
{
	const struct layout *l = weighed_layout(w);
	bool byte_cells = l->row->heap.sizeofs & SIZEOF_BYTE_CELLS;
	uint64_t n, code;
	if (layout_has(l, FIELD_code_cell2arg) && weighed_get(w, FIELD_code_cell2arg) &&
		weighed_get(w, FIELD_code_cellvars)) {
		n = tuple_length(w, w->addr, FIELD_code_cellvars);
		weighed_body(w, weighed_product(w, n, byte_cells ? 1 : weighed_word(w)));
	}
	if (!layout_has(l, FIELD_code_opcache) || !weighed_get(w, FIELD_code_opcache))
		return;
	code = weighed_get(w, FIELD_code_bytecode);
	if (failed(py_field(w->m->h->rt, code, FIELD_bytes_size, &n)))
		w->damaged = true;
	else
		weighed_body(w, n / 2);
	weighed_body(w, weighed_product(w, weighed_get(w, FIELD_code_opcache_size),
				l->field[FIELD_opcache_sizeof].offset));
}

static void weigh_code(struct weighed *w)
{
	const struct layout *l = weighed_layout(w);
	uint64_t word = l->key.ptr_size;
	if (l->row->heap.sizeofs & SIZEOF_CODE_ROUNDED)
		w->size->getsizeof = (w->size->getsizeof + word - 1) / word * word;
	weigh_extra(w);
	weigh_code_bodies(w);
}

static void weigh_buffered(struct weighed *w)
{
	if (weighed_get(w, FIELD_buffered_buffer))
		weighed_body(w, weighed_get(w, FIELD_buffered_buffer_size));
}

static const struct size_kind size_kinds[] = {
	{ "int", weigh_int, .no_count = true, .rule = int_rule },
	{ "long", weigh_int, .no_count = true, .rule = int_rule },
	{ "str", weigh_text, .rule = str_rule },
	{ "unicode", weigh_unicode },
	{ "list", weigh_list, .rule = list_rule },
	{ "dict", weigh_dict },
	{ "frozendict", weigh_dict },
	{ "set", weigh_set },
	{ "frozenset", weigh_set },
	{ "bytearray", weigh_bytearray },
	{ "type", weigh_type },
	{ "code", weigh_code },
	{ "frame", weigh_frame, .no_count = true },
	{ "generator", weigh_generator, .no_count = true },
	{ "coroutine", weigh_generator, .no_count = true },
	{ "async_generator", weigh_generator, .no_count = true },
	{ "collections.deque", weigh_deque, .needs = FIELD_deque_block_sizeof },
	{ "collections.OrderedDict", weigh_ordered_dict, .needs = FIELD_odict_node_sizeof },
	{ "array.array", weigh_array, .needs = FIELD_array_descr_itemsize },
	{ "decimal.Decimal", weigh_decimal, .needs = FIELD_mpd_alloc },
	{ "_io.BufferedReader", weigh_buffered, .needs = FIELD_buffered_buffer_size },
	{ "_io.BufferedWriter", weigh_buffered, .needs = FIELD_buffered_buffer_size },
	{ "_io.BufferedRandom", weigh_buffered, .needs = FIELD_buffered_buffer_size },
	{ 0 },
};

bool size_kind_fits(const struct size_kind *kind, const struct layout *l, const struct py_type *t)
{
	const struct buffer_place *at = &kind->at;
	if (kind->whole &&
		(!layout_has(l, kind->whole) || l->field[kind->whole].offset != t->basicsize))
		return false;
	if (kind->needs && !layout_has(l, kind->needs))
		return false;
	uint64_t behind = t->basicsize - l->field[FIELD_object_sizeof].offset;
	return !at->most || (l->key.ptr_size == 8 && behind >= at->least && behind <= at->most);
}

const struct size_kind *size_kind(const struct py_type *t, bool bodies)
{
	const struct size_kind *const tables[] = { size_kinds, size_kinds_library,
		size_kinds_buffers };
	for (size_t i = 0; i < ARRAY_LEN(tables) && !t->by_python; i++) {
		for (const struct size_kind *kind = tables[i]; kind->full; kind++) {
			if (kind->bodies == bodies && !strcmp(kind->full, t->full))
				return kind;
		}
	}
	return NULL;
}
