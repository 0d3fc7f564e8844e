/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source lines that the target itself has read: linecache.cache (Lib/linecache.py), a dict from
 * file names to tuples (size, time of change, list of lines, full name). It is filled when a
 * traceback is formatted, by warnings, debuggers and shells, for code that never was in a file too.
 * A tuple of one stands for a file that nobody has asked for yet.
 */
#include "objects/objects.h"

#include "pycore/keyed_hash.h"
#include "pycore/limits.h"
#include "pycore/log.h"

#include <string.h>

enum { ENTRY_TIME = 1, ENTRY_LINES = 2 };

struct place_of_file {
	struct py_place *place;
	struct place_of_file *next;
};

/* A file that places are in. */
struct file {
	const struct py_text *name;
	struct file *same_hash;
	struct place_of_file *places;
};

struct reader {
	struct python *p;
	struct heap *h;
	struct hash by_name; /* keyed hash of a name -> struct file */
	bool indexed;
	uint64_t bytes; /* spent of LINECACHE_BYTES_MAX */
};

static struct file *find_file(const struct reader *r, const char *name, size_t n)
{
	uint64_t found = 0;
	hash_get(&r->by_name, keyed_hash(name, n), &found);
	struct file *f = (struct file *)(uintptr_t)found;
	while (f && (f->name->len != n || memcmp(f->name->bytes, name, n) != 0))
		f = f->same_hash;
	return f;
}

static struct file *add_file(struct reader *r, const struct py_text *name)
{
	struct file *f = arena_alloc(&r->p->arena, sizeof(*f));
	uint64_t key = keyed_hash(name->bytes, name->len), same = 0;
	hash_get(&r->by_name, key, &same);
	*f = (struct file){ .name = name, .same_hash = (struct file *)(uintptr_t)same };
	hash_put(&r->by_name, key, (uintptr_t)f);
	return f;
}

/* Places that have no line yet, by their files. */
static void index_places(struct reader *r)
{
	const struct py_code *code = NULL;
	struct file *f = NULL;
	if (r->indexed)
		return;
	r->indexed = true;
	for (struct py_place *place = r->p->places; place; place = place->next) {
		const struct py_text *name = &place->code->filename;
		if (place->source.bytes || !name->bytes || name->cut)
			continue;
		if (place->code != code)
			f = find_file(r, name->bytes, name->len);
		code = place->code;
		f = f ? f : add_file(r, name);
		struct place_of_file *of = arena_alloc(&r->p->arena, sizeof(*of));
		*of = (struct place_of_file){ .place = place, .next = f->places };
		f->places = of;
	}
}

/* A string of at most `max` characters, or 2.7's bytes. */
static struct err read_text(struct reader *r, uint64_t addr, size_t max, struct py_text *ret)
{
	struct py_object o;
	struct octets bytes = { 0 };
	struct chars chars = { .kind = 1 };
	TRY(object_open(r->h, addr, &o));
	if (o.type->flags & TYPE_BYTES)
		TRY(octets_open(&o, &bytes));
	else
		TRY(chars_open(&o, &chars));
	uint64_t length = bytes.length + chars.length;
	if (length > max || length * chars.kind > LINECACHE_BYTES_MAX - r->bytes)
		return err_at(ERR_LIMIT, addr, "linecache");
	r->bytes += length * chars.kind;
	str_text_of(r->h, addr, ret);
	return ret->why;
}

/* Whether the file was changed after the process had begun (or the core was written). The process
 * then has what was there when it looked, not what it runs. */
static bool changed(const struct reader *r, const struct file *f, uint64_t time)
{
	struct py_object o;
	uint64_t bits;
	double at;
	if (f->name->bytes[0] != '/' || failed(object_open(r->h, time, &o)) ||
		!type_is(o.type, "float") || failed(object_get(&o, FIELD_float_value, &bits)))
		return false;
	struct timespec as_of = r->p->target->as_of;
	memcpy(&at, &bits, sizeof(at));
	return as_of.tv_sec != NO_TIME &&
	       !(at <= (double)as_of.tv_sec + (double)as_of.tv_nsec * 1e-9);
}

static void read_lines(struct reader *r, const struct file *f, const struct sequence *lines)
{
	for (struct place_of_file *of = f->places; of; of = of->next) {
		struct py_place *place = of->place;
		struct py_text text;
		uint64_t line;
		py_locate_place(place);
		if (place->at.line < 1 ||
			failed(sequence_item(lines, (uint64_t)place->at.line - 1, &line)))
			continue;
		if (!failed(read_text(r, line, SOURCE_LINE_MAX, &text)))
			place->source = text;
	}
}

static struct err read_entry(struct reader *r, const struct file *f, uint64_t entry)
{
	struct py_object o;
	struct sequence items, lines;
	uint64_t time, list;
	TRY(object_open(r->h, entry, &o));
	TRY(sequence_open(&o, &items));
	if (items.length <= ENTRY_LINES)
		return NO_ERR;
	TRY(sequence_item(&items, ENTRY_TIME, &time));
	TRY(sequence_item(&items, ENTRY_LINES, &list));
	TRY(object_open(r->h, list, &o));
	TRY(sequence_open(&o, &lines));
	if (!changed(r, f, time))
		read_lines(r, f, &lines);
	return NO_ERR;
}

/* What cannot be read is as good as not there: the line is then looked for elsewhere. */
static struct err read_cache(struct reader *r, uint64_t dict)
{
	struct dict d;
	uint64_t key, value;
	TRY(dict_open(r->h, dict, &d));
	for (size_t n = 0; n < LINECACHE_ENTRIES_MAX && dict_next(&d, &key, &value); n++) {
		struct py_text name;
		index_places(r);
		if (failed(read_text(r, key, PATH_BYTES_MAX, &name)))
			continue;
		const struct file *f = find_file(r, name.bytes, name.len);
		struct err e = f ? read_entry(r, f, value) : NO_ERR;
		if (failed(e))
			log_debug("linecache: %s: %s", name.bytes, e.what);
	}
	return d.why;
}

void py_read_linecache(struct python *p)
{
	struct reader r = { .p = p };
	for (size_t i = 0; i < p->n_interpreters; i++) {
		const struct py_interpreter *in = &p->interpreters[i];
		uint64_t dict = py_known_object(p, in, KNOWN_LINECACHE, false);
		r.h = py_heap(p, &p->runtimes[in->runtime]);
		struct err e = dict ? read_cache(&r, dict) : NO_ERR;
		if (failed(e))
			log_debug("linecache: %s", e.what);
	}
	hash_fini(&r.by_name);
}
