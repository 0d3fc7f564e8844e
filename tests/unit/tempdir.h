/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for the files of one test, gone when tempdir_fini() is called. */
#pragma once

#include "pycore/alloc.h"

#include <stddef.h>

struct tempdir {
	char path[64];
};

void tempdir_init(struct tempdir *t);
void tempdir_fini(struct tempdir *t);
/* The path of `name` in it; malloc'ed. */
char *tempdir_path(const struct tempdir *t, const char *name);
/* Writes a file; its path, malloc'ed. */
char *tempdir_write(const struct tempdir *t, const char *name, const void *bytes, size_t n);
