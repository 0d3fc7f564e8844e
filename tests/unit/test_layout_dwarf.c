/* SPDX-License-Identifier: Apache-2.0 */
/* The DWARF and the debug offsets in the files of the Pythons on this machine, against the rows. */
#include "layout_fixtures.h"

#include "pycore/alloc.h"
#include "pycore/attr.h"
#include "pycore/opener.h"

#include <elf.h>
#include <check.h>
#include <glob.h>
#include <stdio.h>

TCase *tcase_layout_dwarf(void);

struct binary {
	char path[4096];
	uint32_t version;
};

/* The version manager's builds "X.Y.Z"; others it may hold (PyPy, free-threaded ones) are named and
 * left. */
static size_t binaries(struct binary *ret, size_t max)
{
	const char *root = getenv("PYENV_ROOT"), *home = getenv("HOME");
	char pattern[4096];
	if (root)
		snprintf(pattern, sizeof(pattern), "%s/versions/*", root);
	else
		snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/*", home ? home : "");
	glob_t found = { 0 };
	size_t len = 0;
	(void)glob(pattern, 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc && len < max; i++) {
		const char *dir = found.gl_pathv[i], *name = strrchr(dir, '/') + 1;
		unsigned major, minor, micro;
		char rest;
		if (sscanf(name, "%u.%u.%u%c", &major, &minor, &micro, &rest) != 3) {
			fprintf(stderr, "SKIP: %s is no plain release of CPython\n", dir);
			continue;
		}
		glob_t libs = { 0 };
		snprintf(pattern, sizeof(pattern), "%s/lib/libpython%u.%u*.so.1.0", dir, major,
			minor);
		bool shared = glob(pattern, 0, NULL, &libs) == 0;
		snprintf(pattern, sizeof(pattern), "%s/bin/python%u.%u", dir, major, minor);
		snprintf(ret[len].path, sizeof(ret[len].path), "%s",
			shared ? libs.gl_pathv[0] : pattern);
		globfree(&libs);
		ret[len++].version = major << 24 | minor << 16 | micro << 8 | 0xf0;
	}
	globfree(&found);
	if (!len)
		fprintf(stderr, "SKIP: no Pythons of a version manager to read DWARF from\n");
	return len;
}

static struct file_map map_of(const struct binary *b)
{
	struct file_map map;
	struct err e = file_map_open(b->path, OPEN_NAMED_BY_USER, &map);
	ck_assert_msg(!failed(e), "%s: %s", b->path, e.what);
	return map;
}

static struct layout pick_binary(const struct binary *b)
{
	struct layout_key key = {
		.version = b->version, .machine = EM_X86_64, .ptr_size = 8, .order = ORDER_LITTLE
	};
	struct layout l;
	ck_assert_msg(!failed(layout_pick(&key, false, &l)), "no row for %s", b->path);
	return l;
}

static bool moves(const struct layout_row *row, enum field f)
{
	const enum field *m = row->moving;
	while (m && *m != FIELD_COUNT && *m != f)
		m++;
	return m && *m == f;
}

START_TEST(dwarf_agrees_with_the_rows)
{
	struct binary list[64];
	size_t len = binaries(list, ARRAY_LEN(list));
	for (size_t i = 0; i < len; i++) {
		CLEANUP(file_map_close) struct file_map map = map_of(&list[i]);
		const struct layout row = pick_binary(&list[i]);
		struct layout l = { .row = row.row, .key = row.key };
		struct err e = layout_merge_dwarf(&l, map.bytes, map.size, false);
		if (e.code == ERR_ABSENT) {
			fprintf(stderr, "SKIP: %s has no DWARF\n", list[i].path);
			continue;
		}
		ck_assert_msg(!failed(e), "%s: %s", list[i].path, e.what);
		for (enum field f = 0; f < FIELD_COUNT; f++) {
			if (!moves(row.row, f))
				check_same_place(list[i].path, f, l.field[f], row.field[f]);
			ck_assert(!layout_has(&l, f) || l.field[f].origin == ORIGIN_DWARF);
		}
	}
}
END_TEST

START_TEST(dwarf_fills_and_replaces)
{
	struct binary list[64];
	if (!binaries(list, ARRAY_LEN(list)))
		return;
	CLEANUP(file_map_close) struct file_map map = map_of(&list[0]);
	struct layout l = pick_binary(&list[0]);
	struct field_at right = l.field[FIELD_code_name], wrong = right;
	wrong.offset += 8;
	l.field[FIELD_code_name] = wrong;
	l.field[FIELD_code_filename] = (struct field_at){ 0 };
	struct err e = layout_merge_dwarf(&l, map.bytes, map.size, false);
	if (e.code == ERR_ABSENT)
		return;
	ck_assert(!failed(e));
	ck_assert_uint_eq(l.field[FIELD_code_name].offset, wrong.offset);
	ck_assert_uint_eq(l.field[FIELD_code_filename].origin, ORIGIN_DWARF);
	ck_assert(!failed(layout_merge_dwarf(&l, map.bytes, map.size, true)));
	check_same_place("replaced", FIELD_code_name, l.field[FIELD_code_name], right);
	l.key.ptr_size = 4;
	ck_assert_int_eq(layout_merge_dwarf(&l, map.bytes, map.size, true).code, ERR_CORRUPT);
}
END_TEST

START_TEST(dwarf_of_cut_files_is_an_error)
{
	static const char text[] = "not an ELF file at all";
	struct layout l = { .key = { .ptr_size = 8 } };
	ck_assert_int_eq(layout_merge_dwarf(&l, NULL, 0, true).code, ERR_CORRUPT);
	ck_assert_int_eq(layout_merge_dwarf(&l, text, sizeof(text), true).code, ERR_CORRUPT);
	struct binary list[64];
	if (!binaries(list, ARRAY_LEN(list)))
		return;
	CLEANUP(file_map_close) struct file_map map = map_of(&list[0]);
	for (size_t size = 1; size < map.size; size += size / 3 + 1) {
		uint8_t *cut = xmalloc(size);
		memcpy(cut, map.bytes, size);
		ck_assert(failed(layout_merge_dwarf(&l, cut, size, true)));
		free(cut);
	}
}
END_TEST

/* The block as it lies in a file's .PyRuntime section: the one cookie whose words are good. */
static bool merge_from_file(struct layout *l, const struct file_map *map)
{
	size_t want = debug_offsets_size(l->key.version);
	for (const uint8_t *at = map->bytes, *end = map->bytes + map->size; want; at++) {
		at = memmem(at, (size_t)(end - at), DEBUG_OFFSETS_COOKIE, 8);
		if (!at || (size_t)(end - at) < want)
			return false;
		struct layout merged = *l;
		if (!failed(layout_merge_debug_offsets(&merged, at, want))) {
			*l = merged;
			return true;
		}
	}
	return false;
}

START_TEST(three_sources_agree_in_one_binary)
{
	struct binary list[64];
	size_t len = binaries(list, ARRAY_LEN(list)), checked = 0;
	for (size_t i = 0; i < len; i++) {
		if (!debug_offsets_size(list[i].version))
			continue;
		CLEANUP(file_map_close) struct file_map map = map_of(&list[i]);
		const struct layout row = pick_binary(&list[i]);
		struct layout block = row, dwarf = { .row = row.row, .key = row.key };
		ck_assert_msg(merge_from_file(&block, &map), "%s: no debug offsets", list[i].path);
		ck_assert_uint_eq(block.field[FIELD_code_name].origin, ORIGIN_DEBUG_OFFSETS);
		bool debugged = !failed(layout_merge_dwarf(&dwarf, map.bytes, map.size, false));
		for (enum field f = 0; f < FIELD_COUNT; f++) {
			if (debugged)
				check_same_place(list[i].path, f, block.field[f], dwarf.field[f]);
			if (layout_has(&row, f))
				check_same_place(list[i].path, f, block.field[f], row.field[f]);
		}
		checked++;
	}
	if (!checked)
		fprintf(stderr, "SKIP: no Python with debug offsets (3.13 or later) to read\n");
}
END_TEST

TCase *tcase_layout_dwarf(void)
{
	TCase *t = tcase_create("DWARF");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, dwarf_agrees_with_the_rows);
	tcase_add_test(t, dwarf_fills_and_replaces);
	tcase_add_test(t, dwarf_of_cut_files_is_an_error);
	tcase_add_test(t, three_sources_agree_in_one_binary);
	return t;
}
