/* SPDX-License-Identifier: Apache-2.0 */
#include "tempdir.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tempdir_init(struct tempdir *t)
{
	const char *base = getenv("TMPDIR");
	int n = snprintf(t->path, sizeof(t->path), "%s/pycore-unit-XXXXXX",
		base && strlen(base) < 32 ? base : "/tmp");
	ck_assert_int_lt(n, (int)sizeof(t->path));
	ck_assert_ptr_nonnull(mkdtemp(t->path));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

void tempdir_fini(struct tempdir *t)
{
	nftw(t->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

char *tempdir_path(const struct tempdir *t, const char *name)
{
	return xasprintf("%s/%s", t->path, name);
}

char *tempdir_write(const struct tempdir *t, const char *name, const void *bytes, size_t n)
{
	char *path = tempdir_path(t, name);
	FILE *f = fopen(path, "we");
	ck_assert_msg(f != NULL, "%s: can't be written", path);
	ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
	return path;
}
