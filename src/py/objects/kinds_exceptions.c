/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions as BaseException.__repr__ writes them (Objects/exceptions.c): the name of the class
 * and its arguments. An exception group has a __repr__ of its own from 3.15 on, by its message and
 * members; before, these are its arguments. So has an ImportError, which adds name and path.
 */
#include "repr.h"

/* The class's name; behind the head of an object with a __repr__ of its own there is one already.
 */
static void put_name(struct repr *r, const struct py_object *o)
{
	const struct py_type *by = o->type->repr_by;
	if (by && !by->by_python)
		repr_put(r, o->type->name);
}

/* The name and the arguments, without the closing bracket. */
static struct err put_arguments(struct repr *r, const struct py_object *o, uint64_t *ret_n)
{
	struct py_object args;
	struct sequence s = { .h = r->h };
	uint64_t addr, item;
	TRY(object_get(o, FIELD_exception_args, &addr));
	if (addr) {
		TRY(object_open(r->h, addr, &args));
		TRY(sequence_open(&args, &s));
	}
	put_name(r, o);
	struct items it = items_begin(r, "(", "", s.length);
	for (uint64_t i = 0; items_more(&it); i++) {
		TRY(sequence_item(&s, i, &item));
		repr_value(r, item);
	}
	items_end(&it);
	*ret_n = s.length;
	return NO_ERR;
}

static struct err render_exception(struct repr *r, const struct py_object *o)
{
	uint64_t n;
	TRY(put_arguments(r, o, &n));
	bool comma = n == 1 && r->h->rt->layout.row->repr & REPR_EXCEPTION_COMMA;
	repr_put(r, comma ? ",)" : ")");
	return NO_ERR;
}

/* ImportError('text', name='x', path='y'), each of the two where it was given. */
static struct err render_import_error(struct repr *r, const struct py_object *o)
{
	static const struct {
		enum field field;
		const char *name;
	} more[] = { { FIELD_import_error_name, "name=" }, { FIELD_import_error_path, "path=" } };
	uint64_t n, value;
	TRY(put_arguments(r, o, &n));
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		if (failed(object_get(o, more[i].field, &value)) || !value)
			continue;
		repr_put(r, n++ ? ", " : "");
		repr_put(r, more[i].name);
		repr_value(r, value);
	}
	repr_put(r, ")");
	return NO_ERR;
}

static struct err render_group(struct repr *r, const struct py_object *o)
{
	struct py_object list;
	struct sequence s;
	uint64_t message, members, item;
	TRY(object_get(o, FIELD_exception_group_message, &message));
	TRY(object_get(o, FIELD_exception_group_exceptions, &members));
	TRY(object_open(r->h, members, &list));
	TRY(sequence_open(&list, &s));
	put_name(r, o);
	repr_put(r, "(");
	repr_value(r, message);
	struct items it = items_begin(r, ", [", "])", s.length);
	for (uint64_t i = 0; items_more(&it); i++) {
		TRY(sequence_item(&s, i, &item));
		repr_value(r, item);
	}
	items_end(&it);
	return NO_ERR;
}

const struct kind kinds_exceptions[] = {
	{ "BaseException", render_exception, KIND_CONTAINER | KIND_SHAPE, "..." },
	{ "exceptions.BaseException", render_exception, KIND_CONTAINER | KIND_SHAPE,
		"..." }, /* 2.7 */
	{ "ImportError", render_import_error, KIND_CONTAINER, "..." },
	{ "BaseExceptionGroup", render_group, KIND_CONTAINER | KIND_SHAPE, "..." },
	{ 0 },
};
