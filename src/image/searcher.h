/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the search share: search.c, search_image.c, search_debug.c. */
#pragma once

#include "folder_index.h"
#include "servers.h"

#include "pycore/search.h"

struct searcher {
	struct file_search opt;
	const char *root; /* NULL: this machine's */
	char *real_root; /* with all links resolved; NULL: not known, or not of this machine */
	struct problems *problems;
	struct folder_index index; /* of the lib_paths */
	bool indexed;
	struct servers servers;
	bool offline;
};

/* Opens a candidate. PLACE_HERE: links are followed as the user's folders have them. */
struct err search_open(
	struct searcher *s, const char *path, enum search_place place, struct found_file *ret);
/* The index, made when it is first asked for. */
const struct folder_index *search_index(struct searcher *s);
/* Whether a path of the target may be put behind the name of a folder. */
bool search_may_join(const char *path);
/* Adds a note unless it is there already. */
void search_note(struct searcher *s, const char *where, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Notes that the file has another build-id than the wanted one. `as`: "debug information of ". */
void search_refuse(struct searcher *s, const char *path, const char *as, const struct image *img,
	const struct elf_ident *found, const uint8_t *wanted, size_t wanted_size);
/* Downloads a file by its build-id. */
bool search_servers(struct searcher *s, enum servers_kind kind, const uint8_t *id, size_t id_size,
	const struct image *img, struct found_file *ret);
