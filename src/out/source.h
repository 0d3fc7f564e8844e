/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source lines of the report: shown only when they are surely what ran, that is when the file is
 * not newer than the process (or the core file), by its content and by its inode; and only those
 * that the target may see itself, see target_open_file().
 */
#pragma once

#include "pycore/str.h"
#include "pycore/target.h"

struct source;

struct source *source_open(const struct target *t);
/* Line `line` (from 1) of the file that the target calls `path`, stripped of white space at both
 * ends; false if it is not to be had. The text is appended to ret. */
bool source_line(struct source *s, const char *path, int line, struct str *ret);
void source_close(struct source *s);
