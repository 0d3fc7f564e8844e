/* SPDX-License-Identifier: Apache-2.0 */
#include "searcher.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"
#include "pycore/log.h"
#include "pycore/str.h"

#include <string.h>
#include <unistd.h>

struct searcher *searcher_open(
	const struct file_search *opt, const char *root, struct problems *problems)
{
	struct searcher *s = xcalloc(1, sizeof(*s));
	if (opt)
		s->opt = *opt;
	s->root = root;
	s->problems = problems;
	if (root && !text_starts(root, "/proc/"))
		s->real_root = realpath(root, NULL);
	servers_init(&s->servers, s->opt.debuginfod_seconds, s->opt.progress);
	return s;
}

void searcher_close(struct searcher *s)
{
	if (!s)
		return;
	servers_fini(&s->servers);
	folder_index_fini(&s->index);
	free(s->real_root);
	free(s);
}

void searcher_offline(struct searcher *s, bool offline)
{
	if (s)
		s->offline = offline;
}

void found_file_close(struct found_file *f)
{
	file_map_close(&f->map);
	free(f->path);
	free(f->real);
	*f = (struct found_file){ 0 };
}

/* The resolved path as seen from the target's root. */
static char *seen_from_root(const struct searcher *s, const char *real)
{
	size_t n = s->real_root ? strlen(s->real_root) : 0;
	if (!s->root)
		return xstrdup(real);
	if (!s->real_root || strncmp(real, s->real_root, n) != 0)
		return NULL;
	return real[n] == '/' ? xstrdup(real + n) : NULL;
}

static struct err open_place(
	const struct searcher *s, const char *path, enum search_place place, struct opened *ret)
{
	switch (place) {
	case PLACE_EXE:
	case PLACE_HERE:
		return opener_open(path, OPEN_NAMED_BY_USER, ret);
	case PLACE_TARGET:
		return opener_open_below(s->root, path, ret);
	case PLACE_NAMED:
		return opener_open(path, OPEN_NAMED_BY_TARGET, ret);
	case PLACE_PROC:
		return opener_open(path, OPEN_PROC, ret);
	}
	__builtin_unreachable();
}

struct err search_open(
	struct searcher *s, const char *path, enum search_place place, struct found_file *ret)
{
	struct opened f;
	TRY(open_place(s, path, place, &f));
	struct found_file found = { .below = place == PLACE_TARGET };
	struct err e = file_map_fd(f.fd, &found.map);
	if (!failed(e)) {
		AUTO_FREE char *real = opener_real_path(f.fd);
		found.path = xstrdup(path);
		if (real)
			found.real = found.below ? seen_from_root(s, real) : xstrdup(real);
		*ret = found;
	}
	close(f.fd);
	return e;
}

bool search_may_join(const char *path)
{
	return path[0] == '/' && !strstr(path, "/../") && !text_ends(path, "/..");
}

static void index_folder(struct searcher *s, const char *path)
{
	char text[ERR_TEXT_MAX];
	size_t budget = SEARCH_FILES_MAX;
	struct err e = folder_index_add(&s->index, path, SEARCH_DEEP_MAX, &budget);
	if (failed(e))
		search_note(s, path, "not searched: %s", err_text(e, text));
	else if (!budget)
		search_note(s, path,
			"holds more than %d files; not all of them were searched by build-id",
			SEARCH_FILES_MAX);
}

const struct folder_index *search_index(struct searcher *s)
{
	for (size_t i = 0; !s->indexed && i < s->opt.n_lib_paths; i++)
		index_folder(s, s->opt.lib_paths[i]);
	if (!s->indexed)
		folder_index_sort(&s->index);
	s->indexed = true;
	return &s->index;
}

void search_note(struct searcher *s, const char *where, const char *fmt, ...)
{
	AUTO_STR(why);
	va_list ap;
	va_start(ap, fmt);
	str_vaddf(&why, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < s->problems->len; i++) {
		const struct problem *p = &s->problems->list[i];
		if (!strcmp(p->where, where) && !strcmp(p->why, str_text(&why)))
			return;
	}
	problems_notef(s->problems, where, "%s", str_text(&why));
}

static const char *id_text(const uint8_t *id, size_t size, char buf[2 * BUILD_ID_MAX + 1])
{
	return size ? build_id_text(id, size, buf) : "none";
}

void search_refuse(struct searcher *s, const char *path, const char *as, const struct image *img,
	const struct elf_ident *found, const uint8_t *wanted, size_t wanted_size)
{
	char has[2 * BUILD_ID_MAX + 1], should[2 * BUILD_ID_MAX + 1];
	search_note(s, path, "not used %s %s: its build-id is %s, the one wanted is %s", as,
		img->path[0] ? img->path : "an unnamed module",
		id_text(found->build_id, found->build_id_size, has),
		id_text(wanted, wanted_size, should));
}

static void say_servers_answer(struct searcher *s, struct servers_answer a)
{
	static const char where[] = "debuginfod";
	switch (a.kind) {
	case SERVERS_FOUND:
	case SERVERS_NONE:
	case SERVERS_SILENT:
		return;
	case SERVERS_NO_URLS:
		search_note(
			s, where, "not asked: DEBUGINFOD_URLS is not set, which names the servers");
		return;
	case SERVERS_NO_LIBRARY:
		search_note(s, where,
			"not asked: libdebuginfod.so.1 is not here; it is in the package "
			"libdebuginfod1 (Debian, Ubuntu), elfutils-debuginfod-client (Fedora) or "
			"libelf (Arch)");
		return;
	case SERVERS_INTERRUPTED:
		search_note(s, where, "interrupted: no more files were asked for");
		return;
	case SERVERS_TIME_OVER:
		search_note(s, where,
			"its %u seconds are over: no more files were asked for; "
			"--debuginfod=SECONDS allows more",
			s->opt.debuginfod_seconds);
		return;
	case SERVERS_FAILED:
		search_note(s, where, "%s", strerror(a.sys));
		return;
	}
}

bool search_servers(struct searcher *s, enum servers_kind kind, const uint8_t *id, size_t id_size,
	const struct image *img, struct found_file *ret)
{
	struct found_file found = { 0 };
	int fd = -1;
	if (!s->opt.debuginfod_seconds || s->offline || !id_size)
		return false;
	struct servers_answer a =
		servers_ask(&s->servers, kind, id, id_size, image_name(img), &fd, &found.path);
	say_servers_answer(s, a);
	if (a.kind != SERVERS_FOUND)
		return false;
	bool good = !failed(file_map_fd(fd, &found.map));
	close(fd);
	if (!good) {
		found_file_close(&found);
		return false;
	}
	log_debug("%s: from debuginfod: %s", img->path, found.path);
	*ret = found;
	return true;
}
