/* SPDX-License-Identifier: Apache-2.0 */
/* What renderers of library classes ask of other objects: attributes as plain C values, and reprs
 * that Python itself cuts short. */
#pragma once

#include "repr.h"

/* An attribute's object, opened. False: there is none, or it is None, or no object. */
bool peek_object(const struct py_object *o, const char *name, struct py_object *ret);
/* An int or bool attribute. False: it is none, or is too large. */
bool peek_int(const struct py_object *o, const char *name, int64_t *ret);
/* bool() of an attribute that is None, a number or a container of C's. False: it is none of them.
 */
bool peek_true(const struct py_object *o, const char *name, bool *ret);
/* len() of an attribute that is a container of C's; of None: 0. */
bool peek_length(const struct py_object *o, const char *name, uint64_t *ret);
/* The same of an object. */
bool object_true(struct heap *h, uint64_t addr, bool *ret);
bool object_length(const struct py_object *o, uint64_t *ret);
/* sys.modules[module].__dict__[name] of an interpreter of this runtime. */
bool peek_module(struct heap *h, const char *module, const char *name, uint64_t *ret);
/* The entry of an int in a dict. */
bool dict_find_int(struct heap *h, uint64_t dict, int64_t number, uint64_t *ret);
/* Whether a lock of C is held. False: not known. */
bool lock_is_held(const struct py_object *lock, bool *ret);

/* What repr_value() would write, into another string. */
void repr_capture(struct repr *r, uint64_t addr, struct str *to);
/* The same, but only the first characters of it, however long a text is ("%.200R"). */
void repr_head(struct repr *r, uint64_t addr, size_t max);
/* Characters of a text in UTF-8, and how many bytes the first n of them take. */
size_t utf8_count(const struct str *s);
size_t utf8_span(const struct str *s, size_t n);

/* reprlib.c: as reprlib.repr() writes it: few items, long texts cut in the middle. Where that
 * cannot be told, or our own limits are narrower, as repr_value(). */
void repr_limited(struct repr *r, uint64_t addr);
