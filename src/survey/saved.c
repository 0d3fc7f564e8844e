/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A survey of an earlier run, as `pycore survey --json` printed it (pycore-json(5)). The file may
 * have been cut off, or changed by other programs since; so each value that is used is looked at.
 * JSON (RFC 8259) is read by jansson, which limits the depth of a document; lone surrogates, which
 * names of a Python may hold and JSON can write, are more than it takes.
 */
#include "internal.h"

#include "pycore/container.h"
#include "pycore/layout.h"
#include "pycore/limits.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { SCHEMA_VERSION = 1, PEEK_BYTES = 4 * 1024 * 1024, ESCAPE_CHARS = 6 };

static void drop(json_t **j)
{
	json_decref(*j);
}

static void close_file(struct container *c)
{
	container_close(c);
}

/* RFC 8259, 2: blank space in front is nothing. No core begins so. */
static bool begins_as_document(const struct container *c)
{
	uint64_t i = 0;
	while (i < c->size && c->bytes[i] && strchr(" \t\r\n", c->bytes[i]))
		i++;
	return i < c->size && c->bytes[i] == '{';
}

bool survey_is_saved(const char *path, const struct container_options *opt)
{
	struct container_options first = *opt;
	CLEANUP(close_file) struct container c = { 0 };
	first.progress = NULL;
	if (!first.tmp_limit || first.tmp_limit > PEEK_BYTES)
		first.tmp_limit = PEEK_BYTES;
	return !failed(container_open(path, &first, &c)) && begins_as_document(&c);
}

static bool open_file(
	const char *path, const struct container_options *opt, struct str *why, struct container *c)
{
	char text[ERR_TEXT_MAX];
	struct container_options here = *opt;
	bool own = !here.tmp_limit || here.tmp_limit > SAVED_SURVEY_MAX;
	if (own)
		here.tmp_limit = SAVED_SURVEY_MAX;
	struct err e = container_open(path, &here, c);
	if (failed(e)) {
		str_puts(why, e.sys ? strerror(e.sys) : err_text(e, text));
		return false;
	}
	bool full = c->cut && c->cut_why.code == ERR_LIMIT;
	if (full && !own)
		str_puts(why, "is compressed, and --tmp-limit leaves no room to unpack it");
	else if (full || c->size > SAVED_SURVEY_MAX)
		str_addf(why, "is larger than %d MiB, which no saved survey should be",
			SAVED_SURVEY_MAX >> 20);
	else if (c->cut)
		str_addf(why, "cannot be unpacked: %s", err_text(c->cut_why, text));
	return !why->len;
}

/* The code unit of the escape \uXXXX at `at`; false: there is none. */
static bool unit_at(const char *at, const char *end, unsigned *ret)
{
	char digits[ESCAPE_CHARS - 1] = "";
	if (end - at < ESCAPE_CHARS || at[0] != '\\' || at[1] != 'u')
		return false;
	memcpy(digits, at + 2, sizeof(digits) - 1);
	if (strspn(digits, "0123456789abcdefABCDEF") < sizeof(digits) - 1)
		return false;
	*ret = (unsigned)strtoul(digits, NULL, 16);
	return true;
}

/* Puts U+FFFD in the place of surrogates that are not in pairs. */
static void replace_lone(const char *bytes, size_t n, struct str *ret)
{
	const char *at = bytes, *end = bytes + n, *backslash;
	unsigned unit, next;
	while ((backslash = memchr(at, '\\', (size_t)(end - at)))) {
		size_t take = end - backslash < 2 ? 1 : 2;
		str_add(ret, at, (size_t)(backslash - at));
		at = backslash;
		if (unit_at(at, end, &unit) && unit >= 0xd800 && unit < 0xe000) {
			bool pair = unit < 0xdc00 && unit_at(at + ESCAPE_CHARS, end, &next) &&
				    next >= 0xdc00 && next < 0xe000;
			if (pair)
				str_add(ret, at, 2 * ESCAPE_CHARS);
			else
				str_puts(ret, "\\ufffd");
			at += pair ? 2 * ESCAPE_CHARS : ESCAPE_CHARS;
			continue;
		}
		str_add(ret, at, take);
		at += take;
	}
	str_add(ret, at, (size_t)(end - at));
}

static json_t *parse(const struct container *c, struct str *why)
{
	AUTO_STR(changed);
	json_error_t error;
	const char *bytes = c->bytes ? (const char *)c->bytes : "";
	size_t n = c->size;
	if (memmem(bytes, n, "\\ud", 3) || memmem(bytes, n, "\\uD", 3)) {
		replace_lone(bytes, n, &changed);
		bytes = str_text(&changed);
		n = changed.len;
	}
	json_t *doc = json_loadb(bytes, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!doc)
		str_addf(why, "is no valid JSON: line %d: %s", error.line, error.text);
	return doc;
}

/* NULL: there is none. A text ends where a NUL is in it, as names do in a C program. */
static const char *text_of(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool number_of(json_t *object, const char *key, uint64_t *ret)
{
	json_t *v = json_object_get(object, key);
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*ret = (uint64_t)json_integer_value(v);
	return true;
}

static bool read_sums(json_t *object, const char *count, struct survey_sums *ret)
{
	return number_of(object, count, &ret->count) && number_of(object, "bytes", &ret->bytes) &&
	       number_of(object, "gc_header_bytes", &ret->header_bytes) &&
	       number_of(object, "owned_bytes", &ret->owned_bytes);
}

static const char *keep(struct survey *s, const char *text)
{
	return arena_copy(&s->arena, text, strlen(text));
}

static bool read_type(struct survey *s, json_t *object, struct survey_row *r)
{
	AUTO_STR(full);
	const char *type = text_of(object, "type"), *module = text_of(object, "module");
	json_t *has = json_object_get(object, "module");
	if (!type || !(module || json_is_null(has)))
		return false;
	r->type = keep(s, type);
	r->module = keep(s, module ? module : "");
	if (module && strcmp(module, "builtins") != 0 && strcmp(module, "__builtin__") != 0)
		str_addf(&full, "%s.", module);
	str_puts(&full, type);
	r->key = keep(s, str_text(&full));
	return true;
}

static bool read_row(struct survey *s, json_t *object, struct survey_row *r)
{
	const char *key = text_of(object, "key"), *at;
	json_t *largest = json_object_get(object, "largest");
	if (s->by == SURVEY_BY_TYPE ? !read_type(s, object, r) : !key)
		return false;
	if (s->by != SURVEY_BY_TYPE)
		r->key = keep(s, key);
	r->getsizeof_known = number_of(object, "sizeof_bytes", &r->sums.getsizeof);
	at = text_of(largest, "address");
	r->largest = at ? strtoull(at, NULL, 16) : 0;
	number_of(largest, "bytes", &r->largest_bytes);
	return read_sums(object, "count", &r->sums);
}

static bool read_rows(struct survey *s, json_t *doc, struct str *why)
{
	struct survey_sums sums = { 0 };
	json_t *rows = json_object_get(doc, "rows"), *totals = json_object_get(doc, "totals");
	size_t n = json_array_size(rows);
	if (n > SAVED_ROWS_MAX) {
		str_addf(why, "has more than %d rows", SAVED_ROWS_MAX);
		return false;
	}
	s->rows = arena_alloc(&s->arena, (n + 1) * sizeof(*s->rows));
	for (; s->n_rows < n; s->n_rows++) {
		struct survey_row *r = &s->rows[s->n_rows];
		if (!read_row(s, json_array_get(rows, s->n_rows), r)) {
			str_addf(why, "is damaged: row %zu lacks its name or one of its numbers",
				s->n_rows + 1);
			return false;
		}
		sums_add(&sums, &r->sums);
	}
	number_of(totals, "sizeof_bytes", &s->totals.getsizeof);
	if (!json_is_array(rows) || !read_sums(totals, "objects", &s->totals))
		str_puts(why, "is damaged: it has no rows, or no totals");
	else if (sums.count != s->totals.count || sums.bytes != s->totals.bytes ||
		 sums.header_bytes != s->totals.header_bytes ||
		 sums.owned_bytes != s->totals.owned_bytes)
		str_puts(why, "is damaged: its rows do not come to its totals");
	return !why->len;
}

static bool read_kind(struct survey *s, json_t *doc, struct str *why)
{
	const char *schema = text_of(doc, "schema"), *by = text_of(doc, "by");
	uint64_t schema_version = 0;
	if (!schema || strcmp(schema, "pycore.survey") != 0) {
		str_addf(why, "is not what pycore survey --json prints, but %s%s%s",
			schema ? "a document '" : "a document of an unknown kind",
			schema ? schema : "", schema ? "'" : "");
		return false;
	}
	if (!number_of(doc, "schema_version", &schema_version) ||
		schema_version != SCHEMA_VERSION) {
		str_addf(why,
			"has version %" PRIu64 " of its schema, and this pycore reads version %d",
			schema_version, SCHEMA_VERSION);
		return false;
	}
	for (enum survey_by i = 0; by && survey_by_name(i); i++) {
		if (!strcmp(survey_by_name(i), by)) {
			s->by = i;
			return true;
		}
	}
	str_addf(why, "is a survey by '%s', which this pycore does not know", by ? by : "");
	return false;
}

/* Whether it says of itself that there is more than it tells. */
static bool is_damaged(json_t *doc)
{
	size_t i;
	json_t *each;
	bool damage = false;
	json_array_foreach(json_object_get(doc, "problems"), i, each)
	{
		damage |= json_is_true(json_object_get(each, "damage"));
	}
	json_array_foreach(json_object_get(doc, "checks"), i, each)
	{
		damage |= json_is_false(json_object_get(each, "ok"));
	}
	return damage;
}

static const char *source_of(struct survey *s, json_t *doc)
{
	AUTO_STR(text);
	json_t *source = json_object_get(doc, "source");
	const char *path = text_of(source, "path");
	uint64_t pid;
	if (path)
		str_addf(&text, "core file %s", path);
	else if (number_of(source, "pid", &pid))
		str_addf(&text, "process %" PRIu64, pid);
	return text.len ? keep(s, str_text(&text)) : NULL;
}

/* DEL is the one character of ASCII that JSON may hold raw and a terminal must not get. */
static void put_value(struct str *to, json_t *v)
{
	char *text = json_dumps(v, JSON_ENSURE_ASCII | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	for (const char *at = text; text && *at;) {
		size_t n = strcspn(at, "\x7f");
		str_add(to, at, n);
		at += n;
		if (*at)
			str_puts(to, "\\u007f");
		at += *at != '\0';
	}
	free(text);
}

static const char *part_text(struct survey *s, json_t *v)
{
	AUTO_STR(text);
	size_t i;
	json_t *each;
	if (!json_is_array(v)) {
		put_value(&text, v);
		return keep(s, str_text(&text));
	}
	str_putc(&text, '[');
	json_array_foreach(v, i, each)
	{
		str_puts(&text, i ? ",\n    " : "\n    ");
		put_value(&text, each);
	}
	str_puts(&text, i ? "\n  ]" : "]");
	return keep(s, str_text(&text));
}

static void keep_parts(struct survey *s, json_t *doc, struct survey_saved *ret)
{
	static const char *const others[] = { "schema", "schema_version", "pycore", "before",
		"changes" };
	const char *key;
	json_t *v;
	ret->parts = arena_alloc(&s->arena, (json_object_size(doc) + 1) * sizeof(*ret->parts));
	json_object_foreach(doc, key, v)
	{
		bool other = false;
		for (size_t i = 0; i < ARRAY_LEN(others); i++)
			other |= !strcmp(others[i], key);
		if (!other)
			ret->parts[ret->n_parts++] =
				(struct survey_saved_part){ keep(s, key), part_text(s, v) };
	}
}

/* The one of its Pythons that was counted. */
static void read_build(json_t *doc, struct survey_build *ret)
{
	size_t len;
	uint64_t which = 0, bits = 0;
	const struct layout_row *rows = layout_rows(&len);
	number_of(doc, "runtime", &which);
	json_t *python = json_array_get(json_object_get(doc, "runtimes"), (size_t)which);
	const char *version = text_of(python, "version"), *order = text_of(python, "byte_order");
	const char *row = text_of(json_object_get(python, "layout"), "row");
	if (!version || strlen(version) >= sizeof(ret->version) || !order ||
		!number_of(python, "pointer_bits", &bits) || bits > 64)
		return;
	strcpy(ret->version, version);
	ret->ptr_size = (unsigned)bits / 8;
	ret->order = strcmp(order, "big") ? ORDER_LITTLE : ORDER_BIG;
	ret->abi = (json_is_true(json_object_get(python, "debug")) ? ABI_DEBUG : 0) |
		   (json_is_true(json_object_get(python, "free_threaded")) ? ABI_FREE_THREADED : 0);
	for (size_t i = 0; row && i < len; i++) {
		if (!strcmp(rows[i].name, row))
			ret->machine = rows[i].machine;
	}
}

void survey_saved_note(struct survey *s, const char *where, const char *why)
{
	struct survey_saved_part *part = s->saved->parts;
	for (size_t i = 0; i < s->saved->n_parts; i++, part++) {
		if (strcmp(part->key, "problems") != 0)
			continue;
		CLEANUP(drop) json_t *list = json_loads(part->json, JSON_ALLOW_NUL, NULL);
		json_t *note = json_pack(
			"{s:s, s:n, s:s, s:b}", "where", where, "address", "why", why, "damage", 0);
		if (!list || !note || json_array_append_new(list, note) < 0)
			return;
		part->json = part_text(s, list);
	}
}

static bool read_document(struct survey *s, json_t *doc, bool whole, struct str *why)
{
	struct survey_saved *saved = arena_alloc(&s->arena, sizeof(*saved));
	const char *match = text_of(doc, "match");
	if (!read_kind(s, doc, why) || !read_rows(s, doc, why))
		return false;
	s->match = match ? keep(s, match) : NULL;
	s->lower_bound = json_is_true(json_object_get(doc, "lower_bound"));
	saved->damage = is_damaged(doc);
	saved->of = source_of(s, doc);
	read_build(doc, &saved->build);
	if (whole)
		keep_parts(s, doc, saved);
	s->saved = saved;
	return true;
}

bool survey_load(const char *path, const struct container_options *opt, bool whole, struct str *why,
	struct survey **ret)
{
	CLEANUP(close_file) struct container c = { 0 };
	if (!open_file(path, opt, why, &c))
		return false;
	CLEANUP(drop) json_t *doc = parse(&c, why);
	if (!doc)
		return false;
	struct survey *s = xcalloc(1, sizeof(*s));
	if (!read_document(s, doc, whole, why)) {
		survey_free(s);
		return false;
	}
	*ret = s;
	return true;
}
