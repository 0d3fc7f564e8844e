/* SPDX-License-Identifier: Apache-2.0 */
/* The Pythons of this machine, for tests that ask CPython itself. */
#pragma once

#include <glob.h>
#include <stdio.h>

/* Those of the version manager and the distribution's, their paths in ret->gl_pathv, which
 * globfree() frees; returns how many. */
size_t pythons_find(glob_t *ret);
/* Only those whose version, or for the distribution's the name, fits the pattern. */
size_t pythons_like(const char *version, const char *name, glob_t *ret);
/* Runs a script of this folder; what it prints is read from the stream, which pclose() closes. */
FILE *python_open(const char *python, const char *script);
