/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source lines of the report: shown only when they are surely what ran. They come, in this order,
 *
 *  - from below a directory that the user names for files of the target (--source-map): their times
 *    tell nothing then, and a note says so; a file is left out whose functions are elsewhere;
 *  - from the file itself, if it is not newer than the process (or the core file), by its content
 *    and by its inode, and the target may read it, see target_open_file();
 *  - from the target's own linecache, as the walk has read it;
 *  - from a zip archive that is not newer, if the path leads into one.
 */
#pragma once

#include "pycore/out.h"
#include "pycore/python.h"
#include "pycore/str.h"
#include "pycore/target.h"

struct source;

/* A line without the white space at both ends. Belongs to the source or the place. */
struct source_text {
	const char *bytes;
	size_t len;
	size_t indent; /* bytes of white space that were in front of it */
};

/* The target gets notes on what is shown with a map. */
struct source *source_open(struct target *t);
/* Where the user says that files are; n maps, borrowed. Before the first line is asked for. */
void source_set_maps(struct source *s, const struct source_map *maps, size_t n);
/* The line of a place; false if it is not to be had. */
bool source_of_place(struct source *s, const struct py_place *place, struct source_text *ret);
/* Line `line` (from 1) of the file that the target calls `path`; false if it is not to be had. The
 * text is appended to ret. */
bool source_line(struct source *s, const char *path, int line, struct str *ret);
void source_close(struct source *s);
