/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug information that was split off, where distributions put it (GDB manual, "Separate Debug
 * Files"): by build-id, or by the name and checksum that .gnu_debuglink holds: beside the file, in
 * .debug beside it, or below a folder for debug information, in the file's own folder there. What
 * several files share (dwz) is named by them, with its build-id.
 */
#include "image_internal.h"
#include "searcher.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"
#include "pycore/str.h"
#include "pycore/unpack.h"

#include <string.h>

static const char usual[] = "/usr/lib/debug";

/* What is looked for. */
struct wanted {
	struct searcher *s;
	const struct image *img;
	const struct debug_link *link; /* NULL: not by name and checksum */
	const uint8_t *id;
	size_t id_size;
	const char *as; /* for the notes */
	struct found_file *ret;
};

/* Whether an opened file is the right one: it has the build-id, or where there is none, the
 * checksum that the program's own file names. What is wrong with it is noted. */
static bool is_right(const struct wanted *w, const char *path, const struct file_map *map)
{
	struct elf_ident id;
	struct err e = elf_ident_read(map->bytes, map->size, &id);
	if (failed(e) || id.cut) {
		search_note(w->s, path, "not used %s %s: it %s", w->as, w->img->path,
			failed(e) ? "is no ELF file" : "is cut off");
		return false;
	}
	if (w->id_size &&
		(id.build_id_size != w->id_size || memcmp(id.build_id, w->id, w->id_size) != 0)) {
		search_refuse(w->s, path, w->as, w->img, &id, w->id, w->id_size);
		return false;
	}
	if (!w->id_size && (!w->link || bytes_crc32(map->bytes, map->size) != w->link->crc)) {
		search_note(w->s, path,
			"not used %s %s: its checksum is not the one that that file names", w->as,
			w->img->path);
		return false;
	}
	return id.has_debug; /* else it is the program, once more */
}

static bool try_path(const struct wanted *w, const char *path, enum search_place place)
{
	struct found_file f;
	if (failed(search_open(w->s, path, place, &f)))
		return false;
	bool below = place == PLACE_TARGET && w->s->root;
	AUTO_FREE char *shown = xasprintf("%s%s", below ? w->s->root : "", path);
	if (is_right(w, shown, &f.map)) {
		*w->ret = f;
		return true;
	}
	found_file_close(&f);
	return false;
}

/* Below a folder for debug information, which is the user's, or the usual one of the target. */
static bool try_build_id(const struct wanted *w, const char *folder, enum search_place place)
{
	char id[2 * BUILD_ID_MAX + 1];
	if (w->id_size < 2)
		return false;
	build_id_text(w->id, w->id_size, id);
	AUTO_FREE char *path = xasprintf("%s/.build-id/%.2s/%s.debug", folder, id, id + 2);
	return try_path(w, path, place);
}

/* The length of a path up to its last slash. */
static int folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? (int)(slash - path) : 0;
}

/* By name, in the program's folder below `folder`, and where that is one of the user's, in itself.
 */
static bool try_mirrored(const struct wanted *w, const char *folder, enum search_place place)
{
	const char *program = w->img->path;
	if (!search_may_join(program))
		return false;
	bool linked = w->link && w->link->name;
	AUTO_FREE char *usual_name = xasprintf("%s.debug", image_name(w->img));
	const char *name = linked ? w->link->name : usual_name;
	AUTO_FREE char *there =
		xasprintf("%s%.*s/%s", folder, folder_length(program), program, name);
	AUTO_FREE char *flat = xasprintf("%s/%s", folder, name);
	return (linked || w->id_size) &&
	       (try_path(w, there, place) || (place == PLACE_HERE && try_path(w, flat, place)));
}

static bool try_beside(const struct wanted *w, const char *program, enum search_place place)
{
	if (!w->link || !w->link->name)
		return false;
	int n = folder_length(program);
	AUTO_FREE char *beside = xasprintf("%.*s/%s", n, program, w->link->name);
	AUTO_FREE char *below = xasprintf("%.*s/.debug/%s", n, program, w->link->name);
	return (strcmp(beside, program) != 0 && try_path(w, beside, place)) ||
	       try_path(w, below, place);
}

/* The path of the file that was attached, where that is not the one that the target names; else
 * NULL. */
static const char *found_elsewhere(const struct wanted *w)
{
	const char *path = w->img->file_path, *root = w->s->root;
	size_t n = root ? strlen(root) : 0;
	if (!path || text_starts(path, "/proc/") ||
		((!root || text_starts(path, root)) && !strcmp(path + n, w->img->path)))
		return NULL;
	return path;
}

static bool try_index(const struct wanted *w)
{
	if (!w->id_size || !w->s->opt.n_lib_paths)
		return false;
	const struct folder_index *x = search_index(w->s);
	const struct folder_file *f;
	for (size_t i = 0; (f = folder_index_find(x, w->id, w->id_size, i)); i++) {
		if (f->has_debug && try_path(w, f->path, PLACE_HERE))
			return true;
	}
	return false;
}

static bool try_folders(const struct wanted *w,
	bool each(const struct wanted *w, const char *folder, enum search_place place))
{
	for (size_t i = 0; i < w->s->opt.n_debug_dirs; i++) {
		if (each(w, w->s->opt.debug_dirs[i], PLACE_HERE))
			return true;
	}
	/* of another root, this machine's own folder may have it as well */
	return each(w, usual, PLACE_TARGET) || (w->s->root && each(w, usual, PLACE_HERE));
}

bool searcher_find_debug(struct searcher *s, const struct image *img, const struct debug_link *link,
	bool ask, struct found_file *ret)
{
	struct wanted w = { .s = s,
		.img = img,
		.link = link,
		.id = img->build_id,
		.id_size = img->build_id_size,
		.as = "as debug information of",
		.ret = ret };
	if (link->name && (!link->name[0] || strchr(link->name, '/')))
		return false;
	if (!img->build_id_size && !link->name)
		return false;
	if (try_folders(&w, try_build_id) ||
		(search_may_join(img->path) && try_beside(&w, img->path, PLACE_TARGET)) ||
		(found_elsewhere(&w) && try_beside(&w, found_elsewhere(&w), PLACE_HERE)) ||
		try_folders(&w, try_mirrored) || try_index(&w))
		return true;
	struct found_file f;
	if (!ask || !search_servers(s, SERVERS_DEBUGINFO, w.id, w.id_size, img, &f))
		return false;
	if (is_right(&w, f.path, &f.map)) {
		*ret = f;
		return true;
	}
	found_file_close(&f);
	return false;
}

/* Puts a relative name behind the folder of `from`, and takes "." and ".." out of it as far as
 * they stand in the text. */
static char *joined(const char *from, const char *name)
{
	AUTO_STR(path);
	AUTO_FREE char *all = xasprintf("%.*s/%s", folder_length(from), from, name);
	for (const char *at = all; *at;) {
		at += strspn(at, "/");
		size_t n = strcspn(at, "/");
		if (n == 2 && !strncmp(at, "..", 2)) {
			while (path.len && path.bytes[path.len - 1] != '/')
				str_cut(&path, path.len - 1);
			if (path.len)
				str_cut(&path, path.len - 1);
		} else if (n && !(n == 1 && at[0] == '.')) {
			str_putc(&path, '/');
			str_add(&path, at, n);
		}
		at += n;
	}
	return xstrdup(str_text(&path));
}

static bool try_relative(const struct wanted *w, const char *from, const char *name, bool below)
{
	AUTO_FREE char *path = from && from[0] == '/' ? joined(from, name) : NULL;
	return path && try_path(w, path, below ? PLACE_TARGET : PLACE_NAMED);
}

static bool try_alt_name(const struct wanted *w, const struct found_file *of, const char *name)
{
	size_t n = strlen(usual);
	if (name[0] != '/') {
		if (!of)
			return try_relative(w, w->img->path, name, true) ||
			       try_relative(w, found_elsewhere(w), name, false);
		return try_relative(w, of->real, name, of->below) ||
		       try_relative(w, of->path, name, of->below);
	}
	bool in_usual = search_may_join(name) && text_starts(name, usual) && name[n] == '/';
	for (size_t i = 0; in_usual && i < w->s->opt.n_debug_dirs; i++) {
		AUTO_FREE char *path = xasprintf("%s%s", w->s->opt.debug_dirs[i], name + n);
		if (try_path(w, path, PLACE_HERE))
			return true;
	}
	return try_path(w, name, PLACE_TARGET) ||
	       (in_usual && w->s->root && try_path(w, name, PLACE_NAMED));
}

bool searcher_find_alt(struct searcher *s, const struct image *img, const struct found_file *of,
	const struct debug_alt *alt, bool ask, struct found_file *ret)
{
	struct wanted w = { .s = s,
		.img = img,
		.id = alt->id,
		.id_size = alt->id_size,
		.as = "as shared debug information of",
		.ret = ret };
	struct found_file f;
	if (!alt->id_size || alt->id_size > BUILD_ID_MAX)
		return false;
	if (try_folders(&w, try_build_id) || (alt->name[0] && try_alt_name(&w, of, alt->name)))
		return true;
	if (!ask || !search_servers(s, SERVERS_DEBUGINFO, w.id, w.id_size, img, &f))
		return false;
	if (is_right(&w, f.path, &f.map)) {
		*ret = f;
		return true;
	}
	found_file_close(&f);
	return false;
}
