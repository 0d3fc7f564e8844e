/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Installed distributions, as far as the process itself has looked for them.
 *
 * pkg_resources keeps them in working_set.by_key (setuptools, pkg_resources/__init__.py).
 * importlib.metadata (3.10 on) has an lru_cache around FastPath.__new__, with an instance for each
 * folder of sys.path that was searched; its attribute `lookup` is another lru_cache, with a Lookup
 * for each time that the folder had changed; Lookup.infos is a dict of lists of the paths
 * NAME-VERSION.dist-info (Lib/importlib/metadata/__init__.py). What a cache holds is found by its
 * type, so that the structs of the caches need not be known.
 */
#include "facts.h"

#include "pycore/alloc.h"

#include <string.h>

/* What goes wrong first. */
static void note(struct err *first, struct err e)
{
	if (!failed(*first))
		*first = e;
}

/* A Distribution: its project_name, and the _version that it took from the name of its folder. */
static struct err add_distribution(struct fact_reader *r, uint64_t addr, struct fact_list *to)
{
	struct py_object o;
	uint64_t name = 0, version = 0;
	struct py_release d = { .known_by = "pkg_resources" };
	TRY(object_open(r->h, addr, &o));
	if (!attribute_find(&o, "project_name", &name))
		return NO_ERR;
	(void)attribute_find(&o, "_version", &version);
	fact_optional_text(r, name, &d.name);
	fact_optional_text(r, version, &d.version);
	if (d.name.bytes)
		fact_add(to, &d);
	return NO_ERR;
}

static struct err read_working_set(struct fact_reader *r, uint64_t set, struct fact_list *to)
{
	struct py_object o;
	struct dict d;
	uint64_t by_key, key, value;
	struct err first = NO_ERR;
	TRY(object_open(r->h, set, &o));
	if (!attribute_find(&o, "by_key", &by_key))
		return err_at(ERR_CORRUPT, set, "working_set of pkg_resources");
	TRY(dict_open(r->h, by_key, &d));
	while (dict_next(&d, &key, &value)) {
		if (!fact_step(r))
			return err_at(ERR_LIMIT, by_key, "working_set of pkg_resources");
		note(&first, add_distribution(r, value, to));
	}
	note(&first, d.why);
	return first;
}

/* The word of the object at addr that leads to an object of that type; false: there is none. */
static bool find_word(struct fact_reader *r, uint64_t addr, const char *type, struct py_object *ret)
{
	struct py_object o;
	const struct layout *l = &r->h->rt->layout;
	if (failed(object_open(r->h, addr, &o)))
		return false;
	for (size_t at = 0; at + l->key.ptr_size <= o.n; at += l->key.ptr_size) {
		uint64_t word = bytes_uint(o.bytes + at, l->key.ptr_size, l->key.order);
		if (word && !failed(object_open(r->h, word, ret)) && !strcmp(ret->type->full, type))
			return true;
	}
	return false;
}

/* What a cache holds of one type, one after the other. */
struct cached {
	struct fact_reader *r;
	const char *type;
	struct dict dict;
	bool open;
};

/* cache: address of an lru_cache. It has its results in a dict, and they in links of a list. */
static void cached_open(struct fact_reader *r, uint64_t cache, const char *type, struct cached *ret)
{
	struct py_object o, dict;
	ret->r = r;
	ret->type = type;
	ret->open = !failed(object_open(r->h, cache, &o)) &&
		    !strcmp(o.type->full, "functools._lru_cache_wrapper") &&
		    find_word(r, cache, "dict", &dict) &&
		    !failed(dict_open(r->h, dict.addr, &ret->dict));
}

static bool cached_next(struct cached *c, struct py_object *ret)
{
	uint64_t key, link;
	while (c->open && fact_step(c->r) && dict_next(&c->dict, &key, &link)) {
		if (find_word(c->r, link, c->type, ret))
			return true;
	}
	return false;
}

/* The last part of a pathlib.Path: it keeps its parts, or since 3.12 what it was made from. */
static void last_part(struct fact_reader *r, uint64_t path, struct py_text *ret)
{
	struct py_object o;
	struct sequence s;
	uint64_t parts, last;
	if (failed(object_open(r->h, path, &o)) ||
		(!attribute_find(&o, "_raw_paths", &parts) &&
			!attribute_find(&o, "_parts", &parts)) ||
		failed(object_open(r->h, parts, &o)) || failed(sequence_open(&o, &s)) ||
		!s.length || failed(sequence_item(&s, s.length - 1, &last)))
		return;
	fact_optional_text(r, last, ret);
}

static struct py_text part_of(struct fact_reader *r, const char *bytes, const char *end)
{
	size_t n = (size_t)(end - bytes);
	return (struct py_text){ .bytes = arena_copy(&r->h->p->arena, bytes, n), .len = n };
}

/* NAME-VERSION.dist-info, NAME-VERSION-py3.10.egg-info, NAME.egg-info; NAME has no '-'. */
static bool parse_folder(
	struct fact_reader *r, const struct py_text *folder, struct py_release *ret)
{
	static const char *const endings[] = { ".dist-info", ".egg-info" };
	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		size_t n = strlen(endings[i]);
		if (!folder->bytes || folder->len <= n ||
			memcmp(folder->bytes + folder->len - n, endings[i], n) != 0)
			continue;
		const char *end = folder->bytes + folder->len - n;
		const char *dash = memchr(folder->bytes, '-', (size_t)(end - folder->bytes));
		ret->name = part_of(r, folder->bytes, dash ? dash : end);
		if (!dash)
			return ret->name.len;
		const char *more = memchr(dash + 1, '-', (size_t)(end - dash - 1));
		ret->version = part_of(r, dash + 1, more ? more : end);
		return ret->name.len;
	}
	return false;
}

static void add_folders(struct fact_reader *r, uint64_t list, struct fact_list *to)
{
	struct py_object o;
	struct sequence s;
	uint64_t path;
	if (failed(object_open(r->h, list, &o)) || failed(sequence_open(&o, &s)))
		return;
	for (uint64_t i = 0; i < s.length && fact_step(r); i++) {
		struct py_text folder = { 0 };
		struct py_release d = { .known_by = "importlib.metadata" };
		if (failed(sequence_item(&s, i, &path)))
			break;
		last_part(r, path, &folder);
		if (parse_folder(r, &folder, &d))
			fact_add(to, &d);
	}
}

static struct err add_lookup(struct fact_reader *r, uint64_t addr, struct fact_list *to)
{
	struct py_object o;
	struct dict d;
	uint64_t infos, key, value;
	TRY(object_open(r->h, addr, &o));
	if (!attribute_find(&o, "infos", &infos))
		return NO_ERR;
	TRY(dict_open(r->h, infos, &d));
	while (fact_step(r) && dict_next(&d, &key, &value))
		add_folders(r, value, to);
	return d.why;
}

/* One folder of sys.path. */
static struct err add_fast_path(
	struct fact_reader *r, const struct py_object *path, struct fact_list *to)
{
	uint64_t lookup, newest = 0;
	struct cached c;
	struct py_object o;
	if (!attribute_find(path, "lookup", &lookup))
		return NO_ERR;
	cached_open(r, lookup, "importlib.metadata.Lookup", &c);
	while (cached_next(&c, &o))
		newest = o.addr;
	return newest ? add_lookup(r, newest, to) : NO_ERR;
}

static struct err read_fast_paths(struct fact_reader *r, uint64_t class, struct fact_list *to)
{
	const struct py_type *t;
	uint64_t cache;
	struct cached c;
	struct py_object path;
	struct err first = NO_ERR;
	TRY(type_at(r->h, class, &t));
	if (!t->dict || !dict_find(r->h, t->dict, "__new__", &cache))
		return NO_ERR;
	cached_open(r, cache, "importlib.metadata.FastPath", &c);
	while (cached_next(&c, &path))
		note(&first, add_fast_path(r, &path, to));
	return first;
}

void fact_read_distributions(struct fact_reader *r)
{
	struct py_releases *ret = &r->facts->distributions;
	struct fact_list found = { 0 };
	uint64_t set, class;
	bool by_set = module_find(r->h, r->interp, "pkg_resources", "working_set", &set);
	bool by_paths = module_find(r->h, r->interp, "importlib.metadata", "FastPath", &class);
	if (by_set)
		note(&ret->why, read_working_set(r, set, &found));
	if (by_paths)
		note(&ret->why, read_fast_paths(r, class, &found));
	if (found.len || failed(ret->why))
		fact_keep(r, &found, ret);
}
