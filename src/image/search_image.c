/* SPDX-License-Identifier: Apache-2.0 */
/* Programs and libraries. */
#include "searcher.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"
#include "pycore/log.h"

#include <string.h>

/* Why a file that is there is not the one; what is worth a note. */
static void refuse(struct searcher *s, const struct image *img, const char *path,
	enum search_place place, struct err e, const struct elf_ident *id)
{
	bool ids = e.code == ERR_CORRUPT && !strcmp(e.what, "build-id differs");
	if (ids)
		search_refuse(s, path, "for", img, id, img->build_id, img->build_id_size);
	else if (place == PLACE_EXE || e.code == ERR_CORRUPT || e.code == ERR_TRUNCATED)
		search_note(s, path, "not used for %s: it %s", img->path, e.what);
	log_debug("%s: not used for %s: %s", path, img->path, e.what);
}

/* The user has named what was started, which is a script: the program is another one. False: it is
 * none. */
static bool refuse_script(
	struct searcher *s, const struct image *img, const char *path, const struct file_map *f)
{
	static const char magic[] = "#!";
	enum { LINE_MAX_SHOWN = 128 };
	size_t n = f->size < LINE_MAX_SHOWN ? f->size : LINE_MAX_SHOWN;
	if (n < 2 || memcmp(f->bytes, magic, 2) != 0)
		return false;
	const uint8_t *end = memchr(f->bytes, '\n', n);
	AUTO_FREE char *line =
		xstrndup((const char *)f->bytes + 2, (end ? (size_t)(end - f->bytes) : n) - 2);
	search_note(s, path,
		"is a script, run by %s; the executable of this process is %s: name the file of "
		"that, or none",
		line + strspn(line, " \t"), img->path[0] ? img->path : "another file");
	return true;
}

/* Takes over the file, attached or not. */
static struct err take(struct searcher *s, struct image *img, struct found_file *f,
	const char *path, enum search_place place)
{
	struct elf_ident id = { 0 };
	struct err e = image_attach(
		img, path, &f->map, place == PLACE_EXE, id.build_id, &id.build_id_size);
	bool script = failed(e) && place == PLACE_EXE && refuse_script(s, img, path, &f->map);
	found_file_close(f);
	if (failed(e) && !script)
		refuse(s, img, path, place, e, &id);
	else if (!failed(e))
		log_debug("%s: attached as %s", path, img->path);
	return e;
}

struct err searcher_try(
	struct searcher *s, struct image *img, const char *path, enum search_place place)
{
	struct found_file f;
	struct err e = search_open(s, path, place, &f);
	if (failed(e)) {
		if (place == PLACE_EXE)
			search_note(s, path, "not used: %s", e.sys ? strerror(e.sys) : e.what);
		return e;
	}
	AUTO_FREE char *shown =
		place == PLACE_TARGET && s->root ? xasprintf("%s%s", s->root, path) : xstrdup(path);
	return take(s, img, &f, shown, place);
}

/* In the folders that the user named: where they mirror the target's tree, and by name. */
static struct err try_names(struct searcher *s, struct image *img)
{
	struct err e = err_of(ERR_ABSENT, "file");
	if (!search_may_join(img->path))
		return e;
	for (size_t i = 0; failed(e) && i < s->opt.n_lib_paths; i++) {
		AUTO_FREE char *mirrored = xasprintf("%s%s", s->opt.lib_paths[i], img->path);
		AUTO_FREE char *named = xasprintf("%s/%s", s->opt.lib_paths[i], image_name(img));
		e = searcher_try(s, img, mirrored, PLACE_HERE);
		if (failed(e))
			e = searcher_try(s, img, named, PLACE_HERE);
	}
	return e;
}

static struct err try_build_id(struct searcher *s, struct image *img)
{
	struct err e = err_of(ERR_ABSENT, "file");
	if (!img->build_id_size || !s->opt.n_lib_paths)
		return e;
	const struct folder_index *x = search_index(s);
	const struct folder_file *f;
	for (size_t i = 0;
		failed(e) && (f = folder_index_find(x, img->build_id, img->build_id_size, i));
		i++) {
		if (f->program)
			e = searcher_try(s, img, f->path, PLACE_HERE);
	}
	return e;
}

/* What an emulator or a container runs may know a file by its path on the machine around it: the
 * tree has it by the end of that path. */
static struct err try_ends(struct searcher *s, struct image *img)
{
	struct err e = err_of(ERR_ABSENT, "file");
	const char *end = img->path;
	if (!s->real_root || !search_may_join(img->path))
		return e;
	for (unsigned i = 0; i < SEARCH_ENDS_MAX && (end = strchr(end + 1, '/')); i++) {
		e = searcher_try(s, img, end, PLACE_TARGET);
		if (!failed(e))
			break;
	}
	return e;
}

struct err searcher_find_image(struct searcher *s, struct image *img)
{
	struct err e = try_names(s, img);
	if (failed(e) && img->path[0] == '/')
		e = searcher_try(s, img, img->path, PLACE_TARGET);
	bool other = e.code == ERR_CORRUPT; /* stands there itself */
	if (failed(e) && !other && !failed(try_ends(s, img)))
		return NO_ERR;
	return failed(e) && !failed(try_build_id(s, img)) ? NO_ERR : e;
}

struct err searcher_fetch_image(struct searcher *s, struct image *img)
{
	struct found_file f;
	if (img->match != MATCH_NONE)
		return NO_ERR;
	if (s->offline || img->servers_tried)
		return err_of(ERR_ABSENT, "file");
	img->servers_tried = true;
	if (!search_servers(s, SERVERS_EXECUTABLE, img->build_id, img->build_id_size, img, &f))
		return err_of(ERR_ABSENT, "file");
	AUTO_FREE char *path = xstrdup(f.path);
	return take(s, img, &f, path, PLACE_HERE);
}
