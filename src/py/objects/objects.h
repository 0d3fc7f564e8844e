/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of the target, one file per kind. What every file of this folder builds upon:
 *
 *  - struct heap: the objects of one runtime, and the types met so far;
 *  - struct py_object: one object, its head checked, its first bytes at hand;
 *  - iterators over what objects hold: items, dict entries, attributes;
 *  - repr.h: struct repr, one value being written, and the rows that say how a type is shown.
 *
 * To show one more type: a row in the table of the file that it belongs to, and a short function.
 */
#pragma once

#include "../py_internal.h"

#include "pycore/values.h"

/* tp_flags (Include/object.h). The subclass bits are inherited, so they tell the memory layout. */
enum type_flag {
	TYPE_INLINE_VALUES = 1 << 2, /* 3.13 on */
	TYPE_MANAGED_DICT = 1 << 4, /* 3.11 on */
	TYPE_HEAP = 1 << 9,
	TYPE_GC = 1 << 14,
	TYPE_INT27 = 1 << 23, /* 2.7's int */
	TYPE_INT = 1 << 24,
	TYPE_LIST = 1 << 25,
	TYPE_TUPLE = 1 << 26,
	TYPE_BYTES = 1 << 27,
	TYPE_STR = 1 << 28, /* unicode in 2.7 */
	TYPE_DICT = 1 << 29,
	TYPE_EXCEPTION = 1 << 30,
};
#define TYPE_TYPE (UINT64_C(1) << 31)

struct kind;

/* A type object, read once. Owned by the arena. */
struct py_type {
	uint64_t addr;
	const char *name; /* "int", "Session": the last part that repr() writes for an instance */
	const char *qualname; /* "Outer.Session"; the same as name for what C defines */
	const char *module; /* "builtins", "app"; "" where it has none */
	const char *full; /* as Python names the class: "int", "app.Outer.Session" */
	bool by_python; /* made by a class statement, so its layout is that of its bases */
	uint64_t flags; /* enum type_flag, or'ed, and others */
	uint64_t basicsize, itemsize;
	int64_t dictoffset;
	uint64_t dict, repr; /* tp_dict (0: elsewhere or none), tp_repr */
	const struct py_type *base; /* tp_base; NULL: object itself, or not readable */
	const struct kind *own; /* the row of this very type; NULL: none */
	const struct kind
		*row; /* how its instances are written; NULL: as objects of no known kind */
	bool has_row; /* row was looked for */
	const struct py_sizing *sizing; /* NULL: not asked for yet */
	/* The first class of the mro whose __repr__ is the one that runs; itself or a base. NULL:
	 * not known. */
	const struct py_type *repr_by;
	/* The first class of the mro whose row shows the content of subclasses, too (KIND_SHAPE);
	 * NULL: none. */
	const struct py_type *shape;
	const struct class_fields *fields; /* classes.c; NULL: it names none */
};

/* The objects of one runtime. */
struct heap {
	struct python *p; /* its arena holds what is returned from here */
	struct py_runtime *rt;
	struct hash types; /* address -> struct py_type, or NULL for what is none */
	struct hash values; /* address -> struct py_value, by the limits of p->options */
	struct hash slots; /* address of a code object -> struct py_slots (locals.c) */
	struct hash
		static_names; /* address of a type -> its name, from the modules that export it */
	bool has_static_names;
	unsigned unicode_width; /* as unicode_width() says; 0: not looked at yet */
	unsigned numpy; /* major version of the numpy that is loaded; 0: not looked at yet */
	uint64_t values_nodes; /* objects written so far, of VALUE_NODES_TOTAL_MAX */
	uint64_t values_bytes; /* and their text, of VALUE_BYTES_TOTAL_MAX */
};

enum { OBJECT_BYTES = 256 };

/* One object: its type is known to be one, and its first bytes are here. */
struct py_object {
	struct heap *h;
	uint64_t addr;
	const struct py_type *type; /* never NULL */
	size_t n; /* bytes that are here: tp_basicsize, at most OBJECT_BYTES */
	uint8_t bytes[OBJECT_BYTES];
};

/* type.c: the type object at addr. ERR_CORRUPT: there is none. */
struct err type_at(struct heap *h, uint64_t addr, const struct py_type **ret);
/* Whether it is, or is derived from, the type of that full name ("collections.OrderedDict"), going
 * along the bases that tell the memory layout; by the whole mro. */
bool type_is(const struct py_type *t, const char *full);
/* False: its name is in no memory at hand, and no module tells it; names are "?". */
bool type_is_known(const struct py_type *t);
bool type_inherits(struct heap *h, const struct py_type *t, const char *full);
/* The object bound to a name in the class or the bases in its mro. */
bool type_find(struct heap *h, const struct py_type *t, const char *name, uint64_t *ret);
/* The classes of its mro, itself first, into list; returns how many of at most max. */
enum { MRO_MAX = 128 };
size_t type_mro(struct heap *h, const struct py_type *t, const struct py_type **list, size_t max);
/* static_names.c: the name of a static type whose own name is in no memory at hand (a core without
 * the binary): what a module of sys.modules calls it. */
const char *type_static_name(struct heap *h, uint64_t type);

/* object.c */
struct err object_open(struct heap *h, uint64_t addr, struct py_object *ret);
/* A field of the object's own struct, which must lie inside it; pointers and unsigned, or
 * sign-extended. */
struct err object_get(const struct py_object *o, enum field f, uint64_t *ret);
struct err object_get_int(const struct py_object *o, enum field f, int64_t *ret);
/* The address of a member that lies inside the object (an array, an embedded struct). */
struct err object_inside(const struct py_object *o, enum field f, uint64_t *ret);
/* Its reference count; false: could not be read, or is not all in one place. Immortal: the count
 * means nothing. */
bool object_refcount(const struct py_object *o, int64_t *ret, bool *ret_immortal);
/* Whether the collector tracks it, in builds where it says so itself (FIELD_object_gc_bits). */
bool object_gc_tracks(const struct py_object *o);
/* Whether its reference count is one that an object can have which somebody holds. */
bool object_in_use(const struct py_object *o, bool *ret_immortal);
/* Literal; NULL: nothing is odd. */
const char *object_oddity(const struct py_object *o);
bool object_is_none(struct heap *h, uint64_t addr);

/* str.c: the characters of a string object: str, 2.7's unicode. */
struct err chars_open(const struct py_object *o, struct chars *ret);
/* Bytes of a Py_UNICODE: 2.7 was built with two or four. */
unsigned unicode_width(struct heap *h);
/* n characters from index `from` on, which must exist. ERR_CORRUPT: one is beyond 0x10ffff. */
struct err chars_read(const struct chars *c, uint64_t from, size_t n, uint32_t *ret);
/* Whether the object at addr is a string of these ASCII characters. */
bool str_is(struct heap *h, uint64_t addr, const char *ascii);
/* A string object as text, cut as names are. */
void str_text_of(struct heap *h, uint64_t addr, struct py_text *ret);
/* The same, cut at max characters. */
void str_text_max(struct heap *h, uint64_t addr, size_t max, struct py_text *ret);

/* bytes.c: the bytes of a bytes object, of 2.7's str, or of a bytearray. */
struct octets {
	uint64_t data, length;
};
struct err octets_open(const struct py_object *o, struct octets *ret);

/* sequence.c: the items of a list or tuple. */
struct sequence {
	struct heap *h;
	uint64_t items; /* address of the first pointer */
	uint64_t length;
};
struct err sequence_open(const struct py_object *o, struct sequence *ret);
struct err sequence_item(const struct sequence *s, uint64_t i, uint64_t *ret);

/* int.c: the digits of an int (of 2.7: long). */
struct digits {
	uint64_t data; /* address of the least significant */
	uint64_t n; /* at most what lv_tag or ob_size says; may lie */
	unsigned size, bits; /* bytes of one in memory; bits that count */
	bool negative;
};
struct err digits_open(const struct py_object *o, struct digits *ret);
/* The value of an int or bool if it fits into 62 bits; else ERR_LIMIT. */
struct err int_value(const struct py_object *o, int64_t *ret);
/* The same of the object at addr. */
struct err int_value_at(struct heap *h, uint64_t addr, int64_t *ret);

/*
 * dict.c: the live entries of a dict, in the order that Python lists them.
 *	struct dict d;
 *	TRY(dict_open(h, addr, &d));
 *	while (dict_next(&d, &key, &value)) ...
 *	TRY(d.why);
 */
struct dict {
	struct heap *h;
	uint64_t used; /* entries that it says to have; of a split dict without one: at most */
	uint64_t entries, n_entries; /* address of the first entry, and how many slots */
	unsigned entry_size, key_at, value_at; /* bytes of a slot, and where in it */
	bool split; /* values are elsewhere */
	uint64_t values; /* split: address of the first */
	uint64_t order,
		n_order; /* split: bytes that list the slots in order; 0: slots are in order */
	int order_step; /* 1, or -1 where they are listed downwards in memory */
	uint64_t at; /* next slot, or next place in the order */
	uint64_t seen; /* entries given out */
	struct err why; /* the walk broke off here */
	size_t n_local; /* slots that are read ahead */
	uint64_t first_local;
	uint8_t local[768];
};
/* addr: a dict or an object of a subclass. */
struct err dict_open(struct heap *h, uint64_t addr, struct dict *ret);
/* A keys object with the values of one instance (values: address of the values' struct). */
struct err dict_open_split(struct heap *h, uint64_t keys, uint64_t values, struct dict *ret);
bool dict_next(struct dict *d, uint64_t *ret_key, uint64_t *ret_value);
/* The value of an ASCII string key; false: it is not there, or could not be read. */
bool dict_find(struct heap *h, uint64_t dict, const char *name, uint64_t *ret);

/* attributes.c: what an instance holds under a name: __slots__, then its dict in any form. */
struct attributes {
	struct heap *h;
	const struct py_object *o;
	bool in_dict, has_dict;
	struct dict dict; /* of its instance */
	const struct py_type *classes[MRO_MAX]; /* whose slots are to come, outermost base last */
	size_t n_classes;
	bool in_class;
	struct dict slots; /* of the class at hand */
	struct err why; /* not all of them could be read */
};
void attributes_open(const struct py_object *o, struct attributes *ret);
/* name: address of a string object. */
bool attributes_next(struct attributes *a, uint64_t *ret_name, uint64_t *ret_value);
bool attribute_find(const struct py_object *o, const char *name, uint64_t *ret);
/* The address of the instance's dict object; 0: it has none (its values may be inline all the
 * same).
 */
uint64_t object_dict(const struct py_object *o);

/* modules.c: the dict of the module object at that address. */
struct err module_dict(struct heap *h, uint64_t module, uint64_t *ret);
/* sys.modules[name].__dict__[attribute]; false: not there. */
bool module_find(
	struct heap *h, uint64_t interp, const char *module, const char *name, uint64_t *ret);

/* members.c: what C code says of the members of its objects (PyMemberDef). */
struct member {
	uint64_t offset; /* in the object */
	uint64_t name; /* address of a string object, or of a C string */
	bool is_c_string;
};
enum { MEMBERS_MAX = 128 };
/* Those that are references to objects, as they lie in the object, into list; how many. */
size_t type_members(struct heap *h, const struct py_type *t, struct member list[MEMBERS_MAX]);
/* The object in a member that C code gave a name; false: no such member, or it holds none. */
bool member_find(const struct py_object *o, const char *name, uint64_t *ret);

/* classes.c: what the code of a class tells of how its instances look. */
struct class_field {
	uint64_t name; /* the string object; 0: C code made the name */
	struct py_text text;
};
struct class_fields {
	size_t n;
	struct class_field list[];
};
enum { CLASS_FIELDS_MAX = 4096 };
/* Those that a dataclass's generated __repr__ names; NULL: it has none, or another one is in force.
 */
const struct class_fields *dataclass_fields(struct heap *h, const struct py_type *t);
/* A named tuple's; likewise. */
const struct class_fields *namedtuple_fields(struct heap *h, const struct py_type *t);
/* A struct sequence's, of C. */
const struct class_fields *structseq_fields(struct heap *h, const struct py_type *t);

/* A function that Python code defines; NULL for what could not be read. */
struct function {
	const char *module; /* __name__ of its globals */
	const char *name, *qualname; /* 2.7 has no qualname: the name */
	const char *file, *made_as; /* of its code: co_filename; co_qualname (3.11 on) */
	uint64_t wrapped; /* what functools.wraps() noted; 0: nothing */
};
bool function_read(struct heap *h, uint64_t addr, struct function *ret);

/* The attribute by that name (a string object): of the instance, else of its class. False: there is
 * none, or a descriptor makes it. */
bool attribute_named(const struct py_object *o, uint64_t name, uint64_t *ret);
/* As attribute_find(), of the object at addr. */
bool attribute_of(struct heap *h, uint64_t addr, const char *name, uint64_t *ret);
/* Whether two string objects have the same characters. */
bool str_same(struct heap *h, uint64_t a, uint64_t b);
/* An int that fits into 128 bits and is not negative, most significant half first. */
struct err int_128(struct heap *h, uint64_t addr, uint64_t ret[2]);

/* The name for the content of an object: its own class's where that one's repr() writes it, else
 * that of the base class whose content it is. */
const char *type_shown_name(const struct py_type *t);
/* The name as tp_name has it: "datetime.date" for what C defines, "D" for a class statement's. */
static inline const char *type_raw_name(const struct py_type *t)
{
	return t->by_python ? t->name : t->full;
}
/* ordered_dict.c: the first entries of an OrderedDict, in its own order. */
struct ordered {
	size_t n;
	uint64_t *keys, *values; /* a value of 0: the dict has no such key */
	struct err why; /* there should be more, up to max */
};
void ordered_fini(struct ordered *o);
bool is_ordered_dict(const struct py_type *t);
struct err ordered_read(const struct py_object *o, uint64_t max, struct ordered *ret);
