/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"
#include "pycore/opener.h"

#include <string.h>

/* A file that was asked for; files are few and asked for again and again. */
struct source_file {
	char *path;
	struct file_map map;
	bool usable;
	size_t *starts; /* offset of each line */
	size_t n_lines;
};

struct source {
	const struct target *target;
	struct source_file *files;
	size_t n, cap;
	size_t last;
};

struct source *source_open(const struct target *t)
{
	struct source *s = xcalloc(1, sizeof(*s));
	s->target = t;
	return s;
}

static bool newer(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

static void index_lines(struct source_file *f)
{
	const char *bytes = (const char *)f->map.bytes, *end = bytes + f->map.size;
	size_t cap = 0;
	for (const char *at = bytes; at && at < end;) {
		f->starts = xgrow(f->starts, &cap, f->n_lines, sizeof(*f->starts));
		f->starts[f->n_lines++] = (size_t)(at - bytes);
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
}

static struct source_file *load(struct source *s, const char *path)
{
	s->files = xgrow(s->files, &s->cap, s->n, sizeof(*s->files));
	struct source_file *f = &s->files[s->n++];
	*f = (struct source_file){ .path = xstrdup(path) };
	if (failed(target_open_file(s->target, path, &f->map)))
		return f;
	f->usable = f->map.size <= SOURCE_FILE_MAX && !newer(f->map.changed, s->target->as_of);
	if (f->usable)
		index_lines(f);
	return f;
}

static struct source_file *find(struct source *s, const char *path)
{
	if (s->last < s->n && !strcmp(s->files[s->last].path, path))
		return &s->files[s->last];
	for (size_t i = 0; i < s->n; i++) {
		if (!strcmp(s->files[i].path, path)) {
			s->last = i;
			return &s->files[i];
		}
	}
	return load(s, path);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f' || c == '\r' || c == '\n';
}

bool source_line(struct source *s, const char *path, int line, struct str *ret)
{
	const struct source_file *f = find(s, path);
	if (!f->usable || line < 1 || (size_t)line > f->n_lines)
		return false;
	const char *bytes = (const char *)f->map.bytes;
	size_t start = f->starts[line - 1];
	size_t end = (size_t)line < f->n_lines ? f->starts[line] : f->map.size;
	if (end - start > SOURCE_LINE_MAX)
		end = start + SOURCE_LINE_MAX;
	while (start < end && blank(bytes[start]))
		start++;
	while (end > start && blank(bytes[end - 1]))
		end--;
	if (end > start)
		str_add(ret, bytes + start, end - start);
	return end > start;
}

void source_close(struct source *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		free(s->files[i].path);
		free(s->files[i].starts);
		file_map_close(&s->files[i].map);
	}
	free(s->files);
	free(s);
}
