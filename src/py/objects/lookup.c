/* SPDX-License-Identifier: Apache-2.0 */
/* Values that objects hold by name, where the name itself is an object of the target. */
#include "objects.h"

#include <string.h>

enum { COMPARED_MAX = 1024 };

/* Where the characters of a str or 2.7's byte string are. */
static struct err chars_of(struct heap *h, uint64_t addr, struct chars *ret)
{
	const struct layout *l = &h->rt->layout;
	struct chars c = { .mem = h->rt->mem, .kind = 1 };
	switch (l->row->text) {
	case TEXT_BYTES:
		TRY(py_field(h->rt, addr, FIELD_bytes_size, &c.length));
		c.data = addr + l->field[FIELD_bytes_data].offset;
		break;
	case TEXT_COMPACT:
		TRY(py_chars_at(h->rt, addr, &c));
		break;
	}
	*ret = c;
	return NO_ERR;
}

bool str_same(struct heap *h, uint64_t a, uint64_t b)
{
	struct chars x, y;
	uint8_t p[COMPARED_MAX], q[COMPARED_MAX];
	unsigned align = h->rt->layout.key.ptr_size;
	if (a == b)
		return true;
	if (a % align || b % align || failed(chars_of(h, a, &x)) || failed(chars_of(h, b, &y)) ||
		x.length != y.length || x.kind != y.kind || x.length > COMPARED_MAX / x.kind)
		return false;
	size_t n = (size_t)x.length * x.kind;
	return !failed(mem_read(x.mem, x.data, p, n)) && !failed(mem_read(y.mem, y.data, q, n)) &&
	       !memcmp(p, q, n);
}

/* Names are interned as a rule: the address tells; only if none does, the characters. */
static bool in_instance(const struct py_object *o, uint64_t name, bool by_address, uint64_t *ret)
{
	struct attributes a;
	uint64_t key, value;
	attributes_open(o, &a);
	while (attributes_next(&a, &key, &value)) {
		if (by_address ? key == name : str_same(o->h, key, name)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

static bool in_class(const struct py_object *o, uint64_t name, uint64_t *ret)
{
	const struct py_type *mro[MRO_MAX];
	size_t n = type_mro(o->h, o->type, mro, MRO_MAX);
	for (size_t i = 0; i < n; i++) {
		struct dict d;
		uint64_t key, value;
		if (!mro[i]->dict || failed(dict_open(o->h, mro[i]->dict, &d)))
			continue;
		while (dict_next(&d, &key, &value)) {
			if (str_same(o->h, key, name)) {
				*ret = value;
				return true;
			}
		}
	}
	return false;
}

/* Something in a class that makes an attribute's value when it is asked for. */
static bool is_descriptor(struct heap *h, uint64_t value)
{
	static const char *const kinds[] = { "function", "property", "member_descriptor",
		"getset_descriptor", "classmethod", "staticmethod", "method_descriptor",
		"wrapper_descriptor", "classmethod_descriptor" };
	struct py_object o;
	uint64_t get;
	if (failed(object_open(h, value, &o)))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (type_is(o.type, kinds[i]))
			return true;
	}
	return o.type->by_python && type_find(h, o.type, "__get__", &get);
}

bool attribute_named(const struct py_object *o, uint64_t name, uint64_t *ret)
{
	uint64_t value;
	if (in_instance(o, name, true, ret) || in_instance(o, name, false, ret))
		return true;
	if (!in_class(o, name, &value) || is_descriptor(o->h, value))
		return false;
	*ret = value;
	return true;
}

bool attribute_of(struct heap *h, uint64_t addr, const char *name, uint64_t *ret)
{
	struct py_object o;
	return !failed(object_open(h, addr, &o)) && attribute_find(&o, name, ret);
}

struct err int_128(struct heap *h, uint64_t addr, uint64_t ret[2])
{
	struct py_object o;
	struct digits d;
	int64_t small;
	TRY(object_open(h, addr, &o));
	if (!(o.type->flags & TYPE_INT)) {
		TRY(int_value(&o, &small));
		if (small < 0)
			return err_at(ERR_LIMIT, addr, "int");
		ret[0] = 0;
		ret[1] = (uint64_t)small;
		return NO_ERR;
	}
	uint64_t v[2] = { 0, 0 }, digit;
	TRY(digits_open(&o, &d));
	if (d.negative || d.n > 128 / d.bits + 1)
		return err_at(ERR_LIMIT, addr, "int");
	for (uint64_t i = d.n; i-- > 0;) {
		TRY(mem_uint(h->rt->mem, d.data + i * d.size, d.size, &digit));
		if (v[0] >> (64 - d.bits))
			return err_at(ERR_LIMIT, addr, "int");
		v[0] = v[0] << d.bits | v[1] >> (64 - d.bits);
		v[1] = v[1] << d.bits | digit;
	}
	memcpy(ret, v, sizeof(v));
	return NO_ERR;
}
