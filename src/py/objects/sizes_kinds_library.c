/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The __sizeof__ of what modules of the standard library define, each as its own source has it
 * (Modules/_io/bytesio.c, _struct.c, itertoolsmodule.c, _pickle.c, _elementtree.c, _ctypes). The
 * bytes object that some of them hold is counted by __sizeof__, but it is an object of its own, so
 * no body.
 *
 * These are all that 2.7 to 3.15 have, but for one: parser.st (to 3.9, deprecated) counts a tree of
 * nodes of any depth, so its size is not known. What has a __sizeof__ written in Python is not
 * known either.
 */
#include "sizes.h"

#include <string.h>

static void damage_if(struct weighed *w, struct err e)
{
	w->damaged |= failed(e);
}

/* A field of another struct that the object points to. */
static uint64_t field_at(struct weighed *w, uint64_t addr, enum field f)
{
	uint64_t v = 0;
	damage_if(w, py_field(w->m->h->rt, addr, f, &v));
	return v;
}

static uint64_t size_of(struct weighed *w, enum field f)
{
	return weighed_layout(w)->field[f].offset;
}

/* A C string that the object owns, with its NUL; none: no bytes. */
static void weigh_c_text(struct weighed *w, uint64_t text)
{
	char part[256];
	bool cut = text != 0;
	for (uint64_t n = 0; cut && !w->damaged; n += sizeof(part) - 1) {
		struct err e = mem_cstr(w->m->h->rt->mem, text + n, part, sizeof(part), &cut);
		w->damaged |= failed(e) || n > C_TEXT_MAX;
		if (!w->damaged)
			weighed_body(w, cut ? sizeof(part) - 1 : strlen(part) + 1);
	}
}

/* What sys.getsizeof() says of a bytes object that the object refers to. */
static void weigh_bytes_of(struct weighed *w, uint64_t bytes)
{
	uint64_t n = weighed_product(w, field_at(w, bytes, FIELD_bytes_size), 1);
	w->size->getsizeof += size_of(w, FIELD_bytes_data) + 1 + n;
}

/* The buffer is counted while nobody else has it, or had it as a free-threaded build remembers; in
 * 2.7 it is plain memory. */
static void weigh_bytesio(struct weighed *w)
{
	uint64_t buffer = weighed_get(w, FIELD_bytesio_buf);
	struct py_object bytes;
	int64_t count;
	bool immortal;
	if (!buffer || (layout_has(weighed_layout(w), FIELD_bytesio_shared) &&
			       weighed_get(w, FIELD_bytesio_shared)))
		return;
	if (layout_has(weighed_layout(w), FIELD_bytesio_buf_size))
		weighed_body(w, weighed_product(w, weighed_get(w, FIELD_bytesio_buf_size), 1));
	else if (failed(object_open(w->m->h, buffer, &bytes)) ||
		 !object_refcount(&bytes, &count, &immortal))
		w->damaged = true;
	else if (count <= 1 && !immortal)
		weigh_bytes_of(w, buffer);
}

/* Its codes end with an empty one. */
static void weigh_struct(struct weighed *w)
{
	uint64_t at = weighed_get(w, FIELD_struct_codes), code = at != 0;
	uint64_t size = size_of(w, FIELD_format_code_sizeof);
	for (size_t i = 0; code && !w->damaged; i++) {
		damage_if(w, mem_ptr(w->m->h->rt->mem, at + i * size, &code));
		w->damaged |= i == FORMAT_CODES_MAX;
		if (!w->damaged)
			weighed_body(w, size);
	}
}

static void weigh_words(struct weighed *w, uint64_t n)
{
	weighed_body(w, weighed_product(w, n, weighed_word(w)));
}

static void weigh_product(struct weighed *w)
{
	uint64_t pools = weighed_get(w, FIELD_product_pools);
	if (pools)
		weigh_words(w, field_at(w, pools, FIELD_varobject_size));
}

static void weigh_combinations(struct weighed *w)
{
	weigh_words(w, weighed_get(w, FIELD_combinations_count));
}

static void weigh_replacing(struct weighed *w)
{
	weigh_words(w, weighed_get(w, FIELD_replacing_count));
}

static void weigh_permutations(struct weighed *w)
{
	uint64_t pool = weighed_get(w, FIELD_permutations_pool);
	if (pool)
		weigh_words(w, field_at(w, pool, FIELD_varobject_size));
	weigh_words(w, weighed_get(w, FIELD_permutations_count));
}

static void weigh_pickler(struct weighed *w)
{
	uint64_t memo = weighed_get(w, FIELD_pickler_memo);
	uint64_t output = weighed_get(w, FIELD_pickler_output);
	if (memo)
		weighed_body(
			w, size_of(w, FIELD_memo_table_sizeof) +
				   weighed_product(w, field_at(w, memo, FIELD_memo_table_allocated),
					   size_of(w, FIELD_memo_entry_sizeof)));
	if (output)
		weigh_bytes_of(w, output);
}

static void weigh_unpickler(struct weighed *w)
{
	if (weighed_get(w, FIELD_unpickler_memo))
		weigh_words(w, weighed_get(w, FIELD_unpickler_memo_size));
	if (weighed_get(w, FIELD_unpickler_marks))
		weigh_words(w, weighed_get(w, FIELD_unpickler_marks_size));
	weigh_c_text(w, weighed_get(w, FIELD_unpickler_input_line));
	weigh_c_text(w, weighed_get(w, FIELD_unpickler_encoding));
	weigh_c_text(w, weighed_get(w, FIELD_unpickler_errors));
}

/* A few children lie in the block of attributes, more of them in one of their own. */
static void weigh_element(struct weighed *w)
{
	uint64_t extra = weighed_get(w, FIELD_element_extra);
	if (!extra)
		return;
	weighed_body(w, size_of(w, FIELD_element_extra_sizeof));
	if (field_at(w, extra, FIELD_element_extra_children) !=
		extra + size_of(w, FIELD_element_extra_few_children))
		weigh_words(w, field_at(w, extra, FIELD_element_extra_allocated));
}

/* What ctypes knows of a type, at addr. */
static void weigh_ctype_at(struct weighed *w, uint64_t addr)
{
	weigh_c_text(w, field_at(w, addr, FIELD_ctype_format));
	weigh_words(w, (uint32_t)field_at(w, addr, FIELD_ctype_ndim));
	if (field_at(w, addr, FIELD_ctype_elements))
		weigh_words(w, field_at(w, addr, FIELD_ctype_length) + 1);
}

/* It is the dict of a type, with more behind; __sizeof__ counts that twice. */
static void weigh_ctype_dict(struct weighed *w)
{
	weigh_dict(w);
	w->size->getsizeof +=
		size_of(w, FIELD_ctype_sizeof) - weighed_layout(w)->field[FIELD_dict_sizeof].offset;
	weigh_ctype_at(w, w->addr);
}

/* From 3.13 on it lies behind what every type has; __sizeof__ leaves out the shared keys. */
static void weigh_ctype(struct weighed *w)
{
	enum { ALIGNMENT = 16 };
	uint64_t front = size_of(w, FIELD_heaptype_sizeof), counted, bytes;
	uint64_t at = w->addr + (front + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	uint64_t keys = weighed_get(w, FIELD_heaptype_cached_keys);
	bool shared;
	if ((uint8_t)field_at(w, at, FIELD_ctype_initialized))
		weigh_ctype_at(w, at);
	counted = w->size->getsizeof;
	if (keys && keys_weigh(w->m, keys, &bytes, &shared))
		weighed_body(w, bytes);
	w->size->getsizeof = counted;
}

/* Where times without a time zone end (Modules/_datetimemodule.c, time_alloc()); but those of
 * classes that Python code makes do not. */
static uint64_t end_of_time(const struct layout *l, const struct py_type *t)
{
	bool is_time = !strcmp(t->full, "datetime.time");
	enum field zone = is_time ? FIELD_time_tzinfo : FIELD_datetime_tzinfo;
	if (!layout_has(l, zone) || (!is_time && strcmp(t->full, "datetime.datetime") != 0))
		return t->basicsize;
	return l->field[zone].offset;
}

uint64_t py_least_size(struct python *p, struct py_runtime *rt, uint64_t type, uint64_t basic)
{
	const struct layout *l = &rt->layout;
	uint64_t head = basic - l->key.ptr_size;
	const struct py_type *t;
	if ((head != l->field[FIELD_time_tzinfo].offset &&
		    head != l->field[FIELD_datetime_tzinfo].offset) ||
		failed(type_at(py_heap(p, rt), type, &t)) || t->by_python)
		return basic;
	return end_of_time(l, t);
}

static void weigh_time(struct weighed *w)
{
	uint64_t end = end_of_time(weighed_layout(w), w->m->type);
	if (!w->m->type->by_python && !weighed_get(w, FIELD_time_hastzinfo))
		w->size->own = end;
}

const struct size_kind size_kinds_library[] = {
	{ "_io.BytesIO", weigh_bytesio, .whole = FIELD_bytesio_sizeof },
	{ "Struct", weigh_struct, .whole = FIELD_struct_sizeof },
	{ "_struct.Struct", weigh_struct, .whole = FIELD_struct_sizeof },
	{ "itertools.product", weigh_product, .whole = FIELD_product_sizeof },
	{ "itertools.combinations", weigh_combinations, .whole = FIELD_combinations_sizeof },
	{ "itertools.combinations_with_replacement", weigh_replacing,
		.whole = FIELD_replacing_sizeof },
	{ "itertools.permutations", weigh_permutations, .whole = FIELD_permutations_sizeof },
	{ "_pickle.Pickler", weigh_pickler, .whole = FIELD_pickler_sizeof },
	{ "_pickle.Unpickler", weigh_unpickler, .whole = FIELD_unpickler_sizeof },
	{ "xml.etree.ElementTree.Element", weigh_element, .whole = FIELD_element_sizeof },
	{ "StgDict", weigh_ctype_dict, .whole = FIELD_ctype_sizeof },
	{ "datetime.time", weigh_time, .bodies = true, .needs = FIELD_time_tzinfo },
	{ "datetime.datetime", weigh_time, .bodies = true, .needs = FIELD_datetime_tzinfo },
	{ "_ctypes.CType_Type", weigh_ctype, .needs = FIELD_ctype_initialized },
	{ 0 },
};
