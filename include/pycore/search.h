/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the files of a target are looked for: programs, libraries, and debug information that was
 * split off.
 *
 * Whatever is found counts only if its build-id is the one of the image in memory, or, where there
 * is none, if the headers or the checksum are the same. What does not is named in the problems, as
 * a note, and the search goes on.
 */
#pragma once

#include "pycore/image.h"
#include "pycore/problems.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the command line says. All borrowed. Zero-initialised: this machine's usual places. */
struct file_search {
	/* The target's / is this folder here; NULL: it is /. Programs and libraries are also looked
	 * for at the ends of their paths below it. */
	const char *sysroot;
	/* Folders with programs and libraries: by the path below them, by name, and by build-id
	 * whatever the name, down to SEARCH_DEEP_MAX folders inside. */
	const char *const *lib_paths;
	size_t n_lib_paths;
	/* Folders that are laid out as /usr/lib/debug, which comes after them. */
	const char *const *debug_dirs;
	size_t n_debug_dirs;
	/* Servers of $DEBUGINFOD_URLS may be asked, for so many seconds altogether. 0: never. */
	unsigned debuginfod_seconds;
	/* Told some times a second, from half a second on, how far the download for a module is
	 * (total_bytes 0: not known), and once with `ended` if it was told before. NULL: not
	 * wanted. */
	void (*progress)(const char *module, uint64_t bytes, uint64_t total_bytes, bool ended);
};

struct searcher;

/* `root`: where the target's files are ("/proc/4711/root", a sysroot), NULL: they are this
 * machine's. Everything is borrowed and must outlive it; opt may be NULL. */
struct searcher *searcher_open(
	const struct file_search *opt, const char *root, struct problems *problems);
void searcher_close(struct searcher *s); /* NULL is fine */

/* From now on until it is called with false, no server is asked: a process is stopped. NULL is
 * fine. */
void searcher_offline(struct searcher *s, bool offline);

/* How a path came about. */
enum search_place {
	PLACE_EXE, /* the user named this very file as the executable: whatever is wrong with it is
		      noted, and where memory does not tell it is taken on trust */
	PLACE_HERE, /* in a folder that the user named */
	PLACE_TARGET, /* the target names it: below its root */
	PLACE_NAMED, /* a file that was found names it: of this machine, by the rules for targets */
	PLACE_PROC, /* our own /proc path */
};
/* Attaches the file at that path if it is the image's. If it is another one, that is noted. */
struct err searcher_try(
	struct searcher *s, struct image *img, const char *path, enum search_place place);
/* Looks for the image's file, by its path, name and build-id, and attaches it. */
struct err searcher_find_image(struct searcher *s, struct image *img);
/* Asks the servers for it, once. ERR_ABSENT: they have none, or must not be asked. */
struct err searcher_fetch_image(struct searcher *s, struct image *img);

/* A file that was found and is the right one. */
struct found_file {
	struct file_map map;
	char *path; /* owned */
	char *real; /* with all links resolved; owned, NULL: not known */
	bool below; /* both are as seen from the target's root */
};
void found_file_close(struct found_file *f);

/* What .gnu_debuglink says. */
struct debug_link {
	const char *name; /* without folders; NULL: there is no such section */
	uint32_t crc;
};
/* Looks for the image's debug information. `ask`: also at the servers. */
bool searcher_find_debug(struct searcher *s, const struct image *img, const struct debug_link *link,
	bool ask, struct found_file *ret);

/* What .gnu_debugaltlink or .debug_sup says. */
struct debug_alt {
	const char *name; /* absolute, or relative to the file that says it */
	const uint8_t *id;
	size_t id_size;
};
/* Looks for the file that the debug information in `of` refers to; where that is the image's own
 * file, of is NULL. */
bool searcher_find_alt(struct searcher *s, const struct image *img, const struct found_file *of,
	const struct debug_alt *alt, bool ask, struct found_file *ret);
