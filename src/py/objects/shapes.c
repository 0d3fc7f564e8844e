/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shapes: which keys a dict has, or which attributes an instance. Dicts and instances that were
 * made at the same place in a program have the same ones, so they tell more than the type "dict"
 * does. The order of names does not matter. Names are compared by their characters, since only most
 * of them are the same objects.
 */
#include "objects.h"

#include "pycore/limits.h"
#include "pycore/sizes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES_MAX = 256, NAMES_SHOWN_MAX = 200 };

static uint64_t mix(uint64_t v, uint64_t by)
{
	v = (v ^ by) * UINT64_C(0x9e3779b97f4a7c15);
	return v ^ v >> 29;
}

static uint64_t hash_bytes(const uint8_t *bytes, size_t n)
{
	uint64_t v = n;
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		v = mix(v, bytes_uint(bytes + i, 8, ORDER_LITTLE));
	for (; i < n; i++)
		v = mix(v, bytes[i]);
	return v;
}

/* The characters of a name, of its first ones if it is long. False: it is no string. */
static bool hash_name(struct heap *h, uint64_t name, uint64_t *ret)
{
	struct py_object o;
	struct chars c;
	struct octets b;
	uint8_t bytes[NAME_BYTES_MAX];
	uint64_t data, n, whole;
	if (failed(object_open(h, name, &o)))
		return false;
	if (o.type->flags & TYPE_STR && !failed(chars_open(&o, &c))) {
		data = c.data;
		whole = c.length * c.kind;
	} else if (o.type->flags & TYPE_BYTES && !failed(octets_open(&o, &b))) {
		data = b.data;
		whole = b.length;
	} else {
		return false;
	}
	n = whole < sizeof(bytes) ? whole : sizeof(bytes);
	if (failed(mem_read(h->rt->mem, data, bytes, n)))
		return false;
	*ret = mix(hash_bytes(bytes, n), whole);
	return true;
}

static bool known_name(struct heap *h, struct py_shapes *s, uint64_t name, uint64_t *ret)
{
	if (hash_get(&s->names, name, ret))
		return *ret != 0;
	if (s->names.len >= SHAPE_NAMES_MAX)
		hash_clear(&s->names);
	bool good = hash_name(h, name, ret);
	hash_put(&s->names, name, good ? *ret : 0);
	return good;
}

/* Names as they come, of a dict or an instance. */
struct names {
	uint64_t class; /* name of the class of an instance whose type does not tell; 0: it does */
	bool of_dict;
	struct py_object o;
	struct dict dict;
	struct attributes attributes;
};

/* All instances of 2.7's classes without `object` among their bases are of one type. */
static bool is_old_instance(const struct heap *h, const struct py_type *t)
{
	return layout_has(&h->rt->layout, FIELD_old_instance_dict) && !strcmp(t->full, "instance");
}

static bool old_instance_open(struct heap *h, struct names *ret)
{
	uint64_t class, dict;
	struct py_object c;
	ret->of_dict = true;
	return !failed(object_get(&ret->o, FIELD_old_instance_class, &class)) &&
	       !failed(object_get(&ret->o, FIELD_old_instance_dict, &dict)) &&
	       !failed(object_open(h, class, &c)) &&
	       !failed(object_get(&c, FIELD_old_class_name, &ret->class)) &&
	       !failed(dict_open(h, dict, &ret->dict));
}

static bool names_open(struct heap *h, uint64_t addr, struct names *ret)
{
	ret->class = 0;
	if (failed(object_open(h, addr, &ret->o)))
		return false;
	if (is_old_instance(h, ret->o.type))
		return old_instance_open(h, ret);
	ret->of_dict = ret->o.type->flags & TYPE_DICT;
	if (ret->of_dict)
		return !failed(dict_open(h, addr, &ret->dict));
	attributes_open(&ret->o, &ret->attributes);
	return true;
}

static bool names_next(struct names *n, uint64_t *ret)
{
	uint64_t value;
	return n->of_dict ? dict_next(&n->dict, ret, &value)
			  : attributes_next(&n->attributes, ret, &value);
}

void py_shape_of(struct python *p, struct py_runtime *rt, struct py_shapes *s, uint64_t addr,
	struct py_shape *ret)
{
	struct heap *h = py_heap(p, rt);
	struct names n;
	uint64_t name, hash;
	*ret = (struct py_shape){ 0 };
	if (!names_open(h, addr, &n))
		return;
	if (n.class && known_name(h, s, n.class, &hash))
		ret->hash = mix(hash, 0);
	if (n.of_dict && n.dict.used > SHAPE_KEYS_MAX) {
		*ret = (struct py_shape){ .n = n.dict.used, .hash = ret->hash, .many = true };
		return;
	}
	while (ret->n < SHAPE_KEYS_MAX && names_next(&n, &name)) {
		ret->n++;
		if (!known_name(h, s, name, &hash)) {
			ret->other = true;
			continue;
		}
		ret->hash += hash;
	}
}

static int by_name(const void *a, const void *b)
{
	const struct py_text *x = a, *y = b;
	int order = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);
	return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

/* The names in order, since objects of one shape may have them in different ones. */
static size_t names_sorted(struct heap *h, uint64_t addr, struct py_text ret[SHAPE_KEYS_MAX])
{
	struct names n;
	uint64_t name;
	size_t count = 0;
	bool good = names_open(h, addr, &n);
	while (good && count < SHAPE_KEYS_MAX && names_next(&n, &name)) {
		str_text_max(h, name, NAME_BYTES_MAX, &ret[count]);
		if (!ret[count].bytes)
			ret[count] = (struct py_text){ .bytes = "?", .len = 1 };
		count++;
	}
	qsort(ret, count, sizeof(*ret), by_name);
	return count;
}

/* "of Old " */
static void put_class(struct heap *h, uint64_t addr, struct str *ret)
{
	struct names n;
	struct py_text name;
	if (!names_open(h, addr, &n) || !n.class)
		return;
	str_text_max(h, n.class, NAME_BYTES_MAX, &name);
	if (!name.bytes)
		return;
	str_puts(ret, "of ");
	str_add(ret, name.bytes, name.len);
	str_putc(ret, ' ');
}

void py_shape_text(struct python *p, struct py_runtime *rt, uint64_t addr, struct str *ret)
{
	struct py_text names[SHAPE_KEYS_MAX] = { 0 };
	size_t n = names_sorted(py_heap(p, rt), addr, names);
	put_class(py_heap(p, rt), addr, ret);
	size_t start = ret->len;
	str_putc(ret, '{');
	for (size_t i = 0; i < n; i++) {
		str_puts(ret, i ? ", " : "");
		if (ret->len - start > NAMES_SHOWN_MAX) {
			str_addf(ret, "... +%zu more", n - i);
			break;
		}
		str_add(ret, names[i].bytes, names[i].len);
	}
	str_putc(ret, '}');
}

bool py_has_shape(struct python *p, struct py_runtime *rt, uint64_t type)
{
	const struct py_type *t;
	if (failed(type_at(py_heap(p, rt), type, &t)))
		return false;
	return t->flags & TYPE_DICT || t->by_python || is_old_instance(py_heap(p, rt), t);
}

void py_shapes_fini(struct py_shapes *s)
{
	hash_fini(&s->names);
}
