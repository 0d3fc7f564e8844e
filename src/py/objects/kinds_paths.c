/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pathlib (Lib/pathlib.py). To 3.11 a path holds its parts: `_drv`, `_root`, `_parts`, of which the
 * first is drive and root if there are any. Since 3.12 it holds the strings that it was made of,
 * `_raw_paths`, and puts them together when asked; `_drv`, `_root` and `_tail_cached` keep the
 * result of that, `_str` the path as text.
 */
#include "repr.h"

#include "pycore/alloc.h"

#include <string.h>

enum { PARTS_MAX = 4096 };

static struct err put_joined(
	struct pieces *p, struct heap *h, uint64_t list, uint64_t first, char separator)
{
	struct py_object o;
	struct sequence s;
	uint64_t part;
	TRY(object_open(h, list, &o));
	TRY(sequence_open(&o, &s));
	if (s.length > PARTS_MAX)
		return err_at(ERR_LIMIT, list, "parts of a path");
	for (uint64_t i = first; i < s.length; i++) {
		if (i > first)
			pieces_put(p, (uint8_t)separator);
		TRY(sequence_item(&s, i, &part));
		TRY(pieces_str(p, h, part));
	}
	return NO_ERR;
}

/* Drive and root, and the parts: those of 3.11 and before have both of them in front. */
static bool put_parsed(const struct py_object *o, struct pieces *p, char separator)
{
	uint64_t drive, root, parts;
	bool with_anchor = attribute_find(o, "_parts", &parts);
	if ((!with_anchor && !attribute_find(o, "_tail_cached", &parts)) ||
		!attribute_find(o, "_drv", &drive) || !attribute_find(o, "_root", &root) ||
		failed(pieces_str(p, o->h, drive)) || failed(pieces_str(p, o->h, root)))
		return false;
	bool anchored = p->len || p->omitted;
	return !failed(put_joined(p, o->h, parts, with_anchor && anchored, separator));
}

/* posixpath.join(): an absolute path starts anew. */
static struct err put_raw(const struct py_object *o, uint64_t list, struct pieces *p)
{
	struct py_object l;
	struct sequence s;
	uint64_t item;
	TRY(object_open(o->h, list, &l));
	TRY(sequence_open(&l, &s));
	if (s.length > PARTS_MAX)
		return err_at(ERR_LIMIT, list, "parts of a path");
	for (uint64_t i = 0; i < s.length; i++) {
		AUTO_PIECES(next);
		TRY(sequence_item(&s, i, &item));
		TRY(pieces_str(&next, o->h, item));
		if (next.len && next.chars[0] == '/')
			p->len = p->omitted = 0;
		else if (p->len && p->chars[p->len - 1] != '/')
			pieces_put(p, '/');
		for (size_t k = 0; k < next.len; k++)
			pieces_put(p, next.chars[k]);
		p->omitted += next.omitted;
	}
	return NO_ERR;
}

/* What pathlib makes of a POSIX path: one slash at its start, or exactly two, none at the end, no
 * empty parts and none that are a dot. */
static void put_normal(struct pieces *p, const struct pieces *raw)
{
	size_t i = 0, slashes = 0;
	while (slashes < raw->len && raw->chars[slashes] == '/')
		slashes++;
	pieces_puts(p, slashes == 2 ? "//" : slashes ? "/" : "");
	size_t start = p->len;
	for (i = slashes; i < raw->len;) {
		size_t end = i;
		while (end < raw->len && raw->chars[end] != '/')
			end++;
		bool part = end > i && !(end - i == 1 && raw->chars[i] == '.');
		if (part && p->len > start)
			pieces_put(p, '/');
		for (; part && i < end; i++)
			pieces_put(p, raw->chars[i]);
		i = end + 1;
	}
	p->omitted += raw->omitted;
}

static bool put_unparsed(const struct py_object *o, struct pieces *p, char separator)
{
	uint64_t list;
	AUTO_PIECES(raw);
	if (separator != '/' || !attribute_find(o, "_raw_paths", &list) ||
		failed(put_raw(o, list, &raw)))
		return false;
	put_normal(p, &raw);
	return true;
}

static bool put_path(const struct py_object *o, struct pieces *p, char separator)
{
	uint64_t text;
	if (attribute_find(o, "_str", &text) && !failed(pieces_str(p, o->h, text)))
		return true;
	if (put_parsed(o, p, separator))
		return true;
	p->len = p->omitted = 0;
	return put_unparsed(o, p, separator);
}

static bool is_windows(const struct py_object *o)
{
	return type_inherits(o->h, o->type, "pathlib.PureWindowsPath") ||
	       type_inherits(o->h, o->type, "pathlib._local.PureWindowsPath");
}

/* PosixPath('/a/b'): with slashes for Windows, too. */
static struct err render_path(struct repr *r, const struct py_object *o)
{
	AUTO_PIECES(p);
	bool windows = is_windows(o);
	if (!put_path(o, &p, windows ? '\\' : '/'))
		return render_object(r, o);
	if (!p.len && !p.omitted)
		pieces_put(&p, '.');
	for (size_t i = 0; windows && i < p.len; i++) {
		if (p.chars[i] == '\\')
			p.chars[i] = '/';
	}
	repr_putf(r, "%s(", o->type->name);
	repr_pieces(r, &p);
	repr_put(r, ")");
	return NO_ERR;
}

const struct kind kinds_paths[] = {
	{ "pathlib.PurePath", render_path, KIND_BY_PYTHON },
	{ "pathlib._local.PurePath", render_path, KIND_BY_PYTHON }, /* 3.13 */
	{ 0 },
};
