/* SPDX-License-Identifier: Apache-2.0 */
/* Values as repr() writes them: one being written, and the rows that say how a type is shown. */
#pragma once

#include "objects.h"

/*
 * repr.c: one value being written. Whatever goes wrong inside of it shows as <damaged: why, at
 * 0x...> and the rest goes on.
 */
enum {
	REPR_DEPTH_MAX = 100,
	REPR_CALLS_MAX = 4 * REPR_DEPTH_MAX, /* values inside of values that count for no depth */
};

struct repr {
	struct heap *h;
	const struct value_limits *limits;
	struct str *to;
	unsigned depth; /* containers that we are inside of */
	unsigned calls; /* values that we are inside of, containers or not */
	unsigned guarded; /* `calls` of the innermost container */
	unsigned shaped; /* of the innermost object whose content stands behind its head */
	uint64_t path[REPR_DEPTH_MAX + 2]; /* these, outermost first */
	uint64_t nodes_left;
	bool truncated, damaged;
};

typedef struct err render_fn(struct repr *r, const struct py_object *o);

enum kind_flag {
	KIND_CONTAINER = 1 << 0, /* counts for the depth, and may hold itself */
	KIND_BY_PYTHON = 1 << 1, /* a class statement defines it, so `name` is module.qualname; else
				    C does, and `name` is tp_name */
	KIND_TEXT = 1 << 2, /* its whole value is text: redacted as such */
	KIND_SHAPE = 1 << 3, /* its content is shown also for subclasses that have a __repr__ of
				their own: <app.Sub object at 0x...> [1, 2] */
	KIND_UNGUARDED = 1 << 4, /* its __repr__ does not look whether it is inside of itself,
				    but some container within it does, or else the depth ends it;
				    or what it then writes is no literal, so it looks itself */
};

/* How objects of a type are shown. */
struct kind {
	const char *name;
	render_fn *render;
	unsigned flags;
	const char *recursion; /* what stands for it inside of itself: "[...]" */
};

/* The tables, each ended by a row without a name. */
extern const struct kind kinds_singletons[], kinds_numbers[], kinds_text[], kinds_containers[],
	kinds_code[], kinds_frames[], kinds_exceptions[], kinds_collections[], kinds_time[],
	kinds_threading[], kinds_asyncio[], kinds_io[], kinds_numpy[], kinds_functional[],
	kinds_annotations[], kinds_decimals[], kinds_paths[], kinds_addresses[], kinds_library[],
	kinds_logging[], kinds_namespaces[], kinds_references[], kinds_buffers[], kinds_sockets[];
/* kinds.c: the row of a type of that name. */
const struct kind *kind_find(const char *name, bool by_python);
/* kinds_classes.c: the row for instances of a class by what it is made of: a dataclass, a named
 * tuple, an enum, a struct sequence of C. NULL: none. Its repr_by must be known; notes its fields.
 */
const struct kind *kind_of_class(struct heap *h, const struct py_type *t);
/* kinds_counter.c: for the table of kinds_collections.c. */
render_fn render_counter;
/* kinds_enums.c: of members of enums, and of enums. */
const struct kind *kind_of_enum(struct heap *h, const struct py_type *t);

/* Writes the object at addr; 0 writes <NULL>. */
void repr_value(struct repr *r, uint64_t addr);
/* The same, never redacted: for names of the program and paths of its files. */
void repr_unredacted(struct repr *r, uint64_t addr);
/* Writes text as it stands. */
void repr_put(struct repr *r, const char *text);
void repr_putf(struct repr *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Writes the characters of a string object without quotes: names of the program, which are never
 * redacted; cut at max_string, or at VARIABLE_NAME_MAX if that is more. */
void repr_name(struct repr *r, uint64_t str);
/* The same for what people call things, the name of a thread, say: always redacted. */
void repr_label(struct repr *r, uint64_t str);
/* In place of a text when values are redacted: <str of 5 characters, hash 0123456789abcdef>. */
struct err repr_redacted(struct repr *r, const struct py_object *o);
/* kinds_containers.c: the entries of a dict as {k: v}, whatever wraps it. */
struct err repr_dict(struct repr *r, uint64_t addr);
/* kinds_text.c: what is said of a text in its place. */
struct err text_redaction(const struct py_object *o, uint64_t *ret_length, uint64_t *ret_hash);
/* Writes <damaged: why, at 0x...>. */
void repr_damage(struct repr *r, struct err why);
/* <module.QualName object at 0x...> and, where there are some, its attributes: {a=1, b='x'}. */
struct err render_object(struct repr *r, const struct py_object *o);
/* Only the attributes, as " {a=1}"; nothing if there are none or the depth does not allow. */
void repr_attributes(struct repr *r, const struct py_object *o);
/* The same of a dict that holds attributes; 0: there are none. */
struct err repr_attributes_of(struct repr *r, uint64_t dict);

/*
 * A list of items inside brackets, at most max_items of them:
 *	struct items it = items_begin(r, "[", "]", length);
 *	while (items_more(&it)) { ... repr_value(r, item); }
 *	items_end(&it);
 * items_more() writes the comma, and after the last that may be shown how many are left out.
 */
struct items {
	struct repr *r;
	const char *close;
	uint64_t total, shown;
};
bool items_fit(const struct repr *r); /* whether even the first may be shown */
struct items items_begin(struct repr *r, const char *open, const char *close, uint64_t total);
bool items_more(struct items *it);
void items_end(struct items *it);

/* Whether the container is being written further out, too. */
bool repr_is_inside(const struct repr *r, uint64_t addr);
/* str() of an int: without the L of 2.7. */
void repr_int(struct repr *r, uint64_t addr);
/* A name of the target as it stands, cut at max_string. */
void repr_text(struct repr *r, const struct py_text *text);

/* pieces.c: text put together from strings of the target and literals, written as one str. What
 * goes beyond PIECES_MAX characters is only counted. Zero-initialised is empty and ready. */
enum { PIECES_MAX = 65536 };
struct pieces {
	uint32_t *chars;
	size_t len, cap;
	uint64_t omitted;
};
void pieces_fini(struct pieces *p);
#define AUTO_PIECES(name) CLEANUP(pieces_fini) struct pieces name = { 0 }
void pieces_put(struct pieces *p, uint32_t c);
void pieces_puts(struct pieces *p, const char *ascii);
/* Characters of a string object: str, 2.7's unicode, and its str, byte by byte. */
struct err pieces_str(struct pieces *p, struct heap *h, uint64_t str);
/* repr() of it as of a str, cut; that of what is no text of the program, but a number in digits. */
void repr_number(struct repr *r, const struct pieces *p);
/* The same of text: redacted where that was asked for. */
void repr_pieces(struct repr *r, const struct pieces *p);
