/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"
#include "zip.h"

#include "pycore/alloc.h"
#include "pycore/hash.h"
#include "pycore/keyed_hash.h"
#include "pycore/limits.h"
#include "pycore/opener.h"

#include <errno.h>
#include <string.h>

enum origin { NOT_HAD, FROM_MAP, FROM_DISK, FROM_ZIP };

/* The start of every so many lines is kept: few bytes even for a file of nothing but line feeds. */
enum { LINES_STEP = 64 };

/* A file that was asked for; files are few and asked for again and again. */
struct source_file {
	struct source_file *older; /* of all */
	struct source_file *same_hash;
	char *path;
	enum origin origin;
	char *mapped_path; /* FROM_MAP: here */
	struct file_map map;
	uint8_t *unpacked; /* FROM_ZIP, in place of the map */
	const char *bytes;
	size_t size;
	uint32_t *starts; /* offset of the first line, and of every LINES_STEP-th after it */
	size_t n_starts;
	bool misfit_said;
};

struct source {
	struct target *target;
	const struct source_map *maps;
	size_t n_maps;
	struct source_file *files;
	struct hash by_path; /* hash of a path -> struct source_file */
	struct source_file *last;
	size_t opens; /* spent of SOURCE_OPENS_MAX */
	uint64_t bytes; /* spent of SOURCE_TOTAL_MAX */
	uint64_t zip_budget; /* left of ZIP_BYTES_MAX */
	bool map_said, time_said;
};

struct source *source_open(struct target *t)
{
	struct source *s = xcalloc(1, sizeof(*s));
	s->target = t;
	s->zip_budget = ZIP_BYTES_MAX;
	return s;
}

void source_set_maps(struct source *s, const struct source_map *maps, size_t n)
{
	s->maps = maps;
	s->n_maps = n;
}

static bool newer(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

/* Whether the file surely is what ran, by its time. */
static bool is_old(struct source *s, struct timespec changed)
{
	struct timespec as_of = s->target->as_of;
	if (as_of.tv_sec != NO_TIME)
		return !newer(changed, as_of);
	if (!s->time_said)
		problems_notef(&s->target->problems, "source lines",
			"are left out where they would come from files: a core from a pipe has no "
			"time to tell by whether these are what ran; name the core file, or give "
			"it as pycore dump - < FILE");
	s->time_said = true;
	return false;
}

static void index_lines(struct source_file *f)
{
	const char *end = f->bytes + f->size;
	size_t cap = 0, line = 0;
	for (const char *at = f->bytes; at && at < end; line++) {
		if (line % LINES_STEP == 0) {
			f->starts = xgrow(f->starts, &cap, f->n_starts, sizeof(*f->starts));
			f->starts[f->n_starts++] = (uint32_t)(at - f->bytes);
		}
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
}

/* Takes the content, if there may be so much of it. */
static bool take(
	struct source *s, struct source_file *f, const void *bytes, size_t size, enum origin origin)
{
	static const char mark[] = "\xef\xbb\xbf"; /* what some editors begin UTF-8 with */
	if (!bytes || size > SOURCE_FILE_MAX || size > SOURCE_TOTAL_MAX - s->bytes)
		return false;
	size_t skip = size >= 3 && !memcmp(bytes, mark, 3) ? 3 : 0;
	s->bytes += size;
	f->origin = origin;
	f->bytes = (const char *)bytes + skip;
	f->size = size - skip;
	index_lines(f);
	return true;
}

/* A file of the target, or one that the user named. */
static struct err open_file(struct source *s, const char *path, bool by_user, struct file_map *ret)
{
	if (s->opens >= SOURCE_OPENS_MAX)
		return err_of(ERR_LIMIT, "source files");
	s->opens++;
	return by_user ? file_map_open(path, OPEN_NAMED_BY_USER, ret)
		       : target_open_file(s->target, path, ret);
}

/*
 * Where a path leads through a regular file, that one may be an archive: "/app/lib.zip/pkg/mod.py".
 * Archives of the target are held to the same rule as files.
 */
static bool load_member(struct source *s, struct source_file *f, const char *path, bool by_user)
{
	AUTO_FREE char *archive = xstrdup(path);
	struct file_map map = { 0 };
	struct err e = { .code = ERR_SYS, .sys = ENOTDIR };
	char *slash = archive;
	while (failed(e) && e.sys == ENOTDIR && (slash = strrchr(archive, '/')) &&
		slash != archive) {
		*slash = '\0';
		e = open_file(s, archive, by_user, &map);
	}
	if (failed(e))
		return false;
	AUTO_FREE uint8_t *unpacked = NULL;
	size_t size;
	if ((by_user || is_old(s, map.changed)) &&
		!failed(zip_read(map.bytes, map.size, path + (slash - archive) + 1, &s->zip_budget,
			&unpacked, &size)) &&
		take(s, f, unpacked, size, by_user ? FROM_MAP : FROM_ZIP))
		f->unpacked = STEAL(unpacked);
	file_map_close(&map);
	return f->unpacked;
}

static bool load_from(struct source *s, struct source_file *f, const char *path, bool by_user)
{
	struct err e = open_file(s, path, by_user, &f->map);
	if (failed(e))
		return e.code == ERR_SYS && e.sys == ENOTDIR && load_member(s, f, path, by_user);
	if ((by_user || is_old(s, f->map.changed)) &&
		take(s, f, f->map.bytes, f->map.size, by_user ? FROM_MAP : FROM_DISK))
		return true;
	file_map_close(&f->map);
	return false;
}

/* How much of the path a map's `from` covers; 0: nothing. "/" covers all absolute paths, "." all
 * others. */
static size_t covers(const char *from, const char *path)
{
	size_t n = strlen(from);
	while (n && from[n - 1] == '/')
		n--;
	if (!n || !strcmp(from, "."))
		return (path[0] == '/') == (from[0] == '/');
	return !strncmp(path, from, n) && (path[n] == '/' || !path[n]) ? n + 1 : 0;
}

/* Where the user says that the file is, malloc'ed; NULL: he does not. */
static char *mapped(const struct source *s, const char *path)
{
	const struct source_map *best = NULL;
	size_t longest = 0;
	for (size_t i = 0; i < s->n_maps; i++) {
		size_t n = covers(s->maps[i].from, path);
		if (n > longest) {
			longest = n;
			best = &s->maps[i];
		}
	}
	if (!best || strstr(path, "/../") || text_starts(path, "../") || text_ends(path, "/.."))
		return NULL;
	const char *rest = path + (longest > 1 ? longest - 1 : 0);
	return xasprintf("%s%s%s", best->to[0] ? best->to : ".",
		rest[0] == '/' || !rest[0] ? "" : "/", rest);
}

static void load(struct source *s, struct source_file *f)
{
	f->mapped_path = mapped(s, f->path);
	if (f->mapped_path && load_from(s, f, f->mapped_path, true))
		return;
	load_from(s, f, f->path, false);
}

static struct source_file *find(struct source *s, const char *path)
{
	if (s->last && !strcmp(s->last->path, path))
		return s->last;
	uint64_t h = keyed_hash(path, strlen(path)), known = 0;
	hash_get(&s->by_path, h, &known);
	struct source_file *first = (struct source_file *)(uintptr_t)known;
	for (struct source_file *f = first; f; f = f->same_hash) {
		if (!strcmp(f->path, path))
			return s->last = f;
	}
	struct source_file *f = xcalloc(1, sizeof(*f));
	*f = (struct source_file){ .older = s->files, .same_hash = first, .path = xstrdup(path) };
	s->files = f;
	hash_put(&s->by_path, h, (uintptr_t)f);
	load(s, f);
	return s->last = f;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f' || c == '\r' || c == '\n';
}

static bool strip(const char *bytes, size_t n, struct source_text *ret)
{
	size_t start = 0, end = n > SOURCE_LINE_MAX ? SOURCE_LINE_MAX : n;
	while (start < end && blank(bytes[start]))
		start++;
	while (end > start && blank(bytes[end - 1]))
		end--;
	*ret = (struct source_text){ bytes + start, end - start, start };
	return end > start;
}

static bool line_of(const struct source_file *f, int line, struct source_text *ret)
{
	if (line < 1 || (size_t)(line - 1) / LINES_STEP >= f->n_starts)
		return false;
	const char *at = f->bytes + f->starts[(line - 1) / LINES_STEP], *end = f->bytes + f->size;
	for (int skip = (line - 1) % LINES_STEP; skip > 0; skip--) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at || ++at == end)
			return false;
	}
	const char *next = memchr(at, '\n', (size_t)(end - at));
	return strip(at, (size_t)((next ? next : end) - at), ret);
}

bool source_line(struct source *s, const char *path, int line, struct str *ret)
{
	struct source_text text;
	if (!line_of(find(s, path), line, &text))
		return false;
	str_add(ret, text.bytes, text.len);
	return true;
}

/* Whether the text begins with a word, which ends it or has one of `behind` behind it; it is then
 * skipped, with white space. */
static bool skip_word(struct source_text *t, const char *word, size_t n, const char *behind)
{
	if (t->len < n || memcmp(t->bytes, word, n) != 0 ||
		(t->len > n && !strchr(behind, t->bytes[n])))
		return false;
	while (n < t->len && blank(t->bytes[n]))
		n++;
	t->bytes += n;
	t->len -= n;
	return true;
}

/* Whether the function of a code object begins at its first line in this file; where that cannot be
 * told, it does. */
static bool fits(const struct source_file *f, const struct py_code *c)
{
	static const char white[] = " \t\f\\";
	struct source_text t;
	if (!c->name.bytes || c->name.cut || c->name.bytes[0] == '<')
		return true;
	if (!line_of(f, c->firstlineno, &t))
		return false;
	if (t.bytes[0] == '@')
		return true;
	skip_word(&t, "async", 5, white);
	return (skip_word(&t, "def", 3, white) || skip_word(&t, "class", 5, white)) &&
	       skip_word(&t, c->name.bytes, c->name.len, " \t\f\\([:");
}

/* A checkout is younger than what was built from it, so only its content can tell. */
static bool use_map(struct source *s, struct source_file *f, const struct py_code *c)
{
	struct problems *notes = &s->target->problems;
	if (!fits(f, c)) {
		if (!f->misfit_said)
			problems_notef(notes, f->mapped_path,
				"is not the file that ran, by --source-map: line %d does not begin "
				"%.100s; lines of such functions are not shown",
				c->firstlineno, c->name.bytes);
		f->misfit_said = true;
		return false;
	}
	if (!s->map_said)
		problems_notef(notes, "source lines",
			"come from where --source-map says; pycore cannot tell by their time "
			"whether these files are what ran");
	s->map_said = true;
	return true;
}

bool source_of_place(struct source *s, const struct py_place *place, struct source_text *ret)
{
	const struct py_code *c = place->code;
	const struct py_text *name = &c->filename;
	if (!name->bytes || name->cut || strlen(name->bytes) != name->len || place->at.line < 1)
		return false;
	struct source_file *f = find(s, name->bytes);
	bool sure = f->origin == FROM_DISK || (f->origin == FROM_MAP && use_map(s, f, c));
	if (sure && line_of(f, place->at.line, ret))
		return true;
	if (place->source.bytes && strip(place->source.bytes, place->source.len, ret))
		return true;
	return f->origin == FROM_ZIP && line_of(f, place->at.line, ret);
}

void source_close(struct source *s)
{
	if (!s)
		return;
	for (struct source_file *f = s->files, *older; f; f = older) {
		older = f->older;
		file_map_close(&f->map);
		free(f->path);
		free(f->mapped_path);
		free(f->unpacked);
		free(f->starts);
		free(f);
	}
	hash_fini(&s->by_path);
	free(s);
}
