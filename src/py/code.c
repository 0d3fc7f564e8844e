/* SPDX-License-Identifier: Apache-2.0 */
/* Code objects: names, first line and line table, read once and kept for all frames that run them.
 */
#include "py_internal.h"

#include "pycore/limits.h"

#include <string.h>

enum { CODE_MAX = 1024 };

/*
 * What makes an object a code object: its type. The type's own name settles it, once; where that
 * name is not to be had (a core without the binary), the type that the frames share is taken if the
 * name it would have is not contradicted.
 */
static struct err check_type(struct py_runtime *rt, uint64_t addr, uint64_t type)
{
	if (rt->code_type == type && type)
		return NO_ERR;
	char name[16];
	if (rt->code_type || !py_plausible(rt, type))
		return err_at(ERR_CORRUPT, addr, "code object: it is of another type");
	struct err e = py_type_name(rt, type, name, sizeof(name));
	if (!failed(e) && strcmp(name, "code") != 0)
		return err_at(ERR_CORRUPT, addr, "code object: it is of another type");
	rt->code_type = type;
	return NO_ERR;
}

/* Whether an address stands where objects count their references. */
static bool counts_by_address(const struct py_runtime *rt, uint64_t addr)
{
	uint64_t count;
	return layout_has(&rt->layout, FIELD_object_refcnt) &&
	       !failed(py_field(rt, addr, FIELD_object_refcnt, &count)) && count > UINT32_MAX &&
	       py_plausible(rt, count);
}

/* Two strings. */
static bool has_names(const struct py_runtime *rt, uint64_t code)
{
	uint64_t name, filename, type, other;
	return !counts_by_address(rt, code) &&
	       !failed(py_field(rt, code, FIELD_code_name, &name)) &&
	       !failed(py_field(rt, code, FIELD_code_filename, &filename)) &&
	       py_text_plausible(rt, name) && py_text_plausible(rt, filename) &&
	       !failed(py_field(rt, name, FIELD_object_type, &type)) &&
	       !failed(py_field(rt, filename, FIELD_object_type, &other)) && type == other;
}

/* Whether an object is a code object: by its type, by the type's name, or where neither can be had
 * (a core without the binary, or cut off), by its names being strings. */
bool py_is_code(const struct py_runtime *rt, uint64_t code)
{
	uint64_t type;
	char text[16];
	if (failed(py_field(rt, code, FIELD_object_type, &type)))
		return false;
	if (rt->code_type)
		return type == rt->code_type;
	struct err e = py_type_name(rt, type, text, sizeof(text));
	if (!failed(e))
		return !strcmp(text, "code");
	return (e.code == ERR_NOT_SAVED || e.code == ERR_TRUNCATED) && has_names(rt, code);
}

bool py_may_be_code(const struct py_runtime *rt, uint64_t code)
{
	uint64_t type;
	char text[16];
	if (failed(py_field(rt, code, FIELD_object_type, &type)) || counts_by_address(rt, code))
		return false;
	struct err e = py_type_name(rt, type, text, sizeof(text));
	return e.code == ERR_NOT_SAVED || e.code == ERR_TRUNCATED;
}

static struct err read_linetable(
	struct python *p, const struct py_runtime *rt, uint64_t addr, struct py_code *c)
{
	uint64_t size;
	TRY(py_field(rt, addr, FIELD_bytes_size, &size));
	if (size > LINETABLE_MAX)
		return err_at(ERR_CORRUPT, addr, "line table");
	if (size > LINETABLES_TOTAL_MAX - p->linetable_bytes)
		return err_at(ERR_LIMIT, addr, "line tables");
	p->linetable_bytes += size;
	uint8_t *bytes = arena_alloc(&p->arena, size ? size : 1);
	TRY(mem_read(rt->mem, addr + rt->layout.field[FIELD_bytes_data].offset, bytes, size));
	c->linetable = bytes;
	c->linetable_size = size;
	return NO_ERR;
}

static struct err read_code(struct python *p, struct py_runtime *rt, struct py_code *c)
{
	static const enum field fields[] = { FIELD_object_type, FIELD_code_name,
		FIELD_code_qualname, FIELD_code_filename, FIELD_code_firstlineno,
		FIELD_code_linetable, FIELD_code_firsttraceable };
	const struct layout *l = &rt->layout;
	uint8_t bytes[CODE_MAX];
	size_t span = py_span(l, fields, ARRAY_LEN(fields));
	if (!c->addr || c->addr % l->key.ptr_size || span > sizeof(bytes))
		return err_at(ERR_CORRUPT, c->addr, "code object");
	TRY(mem_read(rt->mem, c->addr, bytes, span));
	uint64_t type, name, filename, line, table, v;
	TRY(layout_get(l, FIELD_object_type, bytes, span, &type));
	TRY(check_type(rt, c->addr, type));
	TRY(layout_get(l, FIELD_code_name, bytes, span, &name));
	TRY(layout_get(l, FIELD_code_filename, bytes, span, &filename));
	TRY(layout_get(l, FIELD_code_firstlineno, bytes, span, &line));
	TRY(layout_get(l, FIELD_code_linetable, bytes, span, &table));
	c->firstlineno = (int32_t)line;
	if (layout_has(l, FIELD_code_firsttraceable) &&
		!failed(layout_get(l, FIELD_code_firsttraceable, bytes, span, &v)))
		c->firsttraceable = (uint32_t)v;
	if (layout_has(l, FIELD_code_instructions))
		c->instructions = c->addr + l->field[FIELD_code_instructions].offset;
	py_text_read(p, rt, name, &c->name);
	py_text_read(p, rt, filename, &c->filename);
	if (layout_has(l, FIELD_code_qualname) &&
		!failed(layout_get(l, FIELD_code_qualname, bytes, span, &v)))
		py_text_read(p, rt, v, &c->qualname);
	c->linetable_why = read_linetable(p, rt, table, c);
	return NO_ERR;
}

const struct py_code *py_code_at(struct python *p, struct py_runtime *rt, uint64_t addr)
{
	uint64_t known;
	if (hash_get(&p->codes, addr, &known))
		return (const struct py_code *)(uintptr_t)known;
	struct py_code *c = arena_alloc(&p->arena, sizeof(*c));
	c->addr = addr;
	c->number = p->n_codes++;
	c->lines = rt->layout.row->lines;
	c->marks_calls = rt->layout.row->repr & REPR_CARETS_AT_CALLS;
	c->why = p->n_codes >= CODES_MAX ? err_at(ERR_LIMIT, addr, "code objects")
					 : read_code(p, rt, c);
	/* in a running process the next look may succeed */
	bool keep = !failed(c->why) || !p->target->nonblocking;
	if (keep)
		hash_put(&p->codes, addr, (uintptr_t)c);
	return c;
}
