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

/* A build: its binary, and the extension modules that hold structs of fields.def. */
struct binary {
	char path[4096];
	uint32_t version;
	size_t n_modules;
	char modules[16][4096];
};

enum { BINARIES_MAX = 32 };
static struct binary binaries_list[BINARIES_MAX];

static const char *const module_names[] = { "_asyncio", "_collections", "_csv", "_ctypes",
	"_datetime", "_decimal", "_elementtree", "_functools", "_io", "_pickle", "_queue",
	"_socket", "_struct", "array", "datetime", "itertools", "operator" };

static void find_modules(struct binary *b, const char *dir)
{
	for (size_t i = 0; i < ARRAY_LEN(module_names); i++) {
		char pattern[4200];
		glob_t found = { 0 };
		snprintf(pattern, sizeof(pattern), "%s/lib/python*/lib-dynload/%s.*so", dir,
			module_names[i]);
		if (glob(pattern, 0, NULL, &found) == 0)
			snprintf(b->modules[b->n_modules++], sizeof(b->modules[0]), "%s",
				found.gl_pathv[0]);
		globfree(&found);
	}
}

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
		ret[len].n_modules = 0;
		find_modules(&ret[len], dir);
		ret[len++].version = major << 24 | minor << 16 | micro << 8 | 0xf0;
	}
	globfree(&found);
	if (!len)
		fprintf(stderr, "SKIP: no Pythons of a version manager to read DWARF from\n");
	return len;
}

static struct file_map map_path(const char *path)
{
	struct file_map map;
	struct err e = file_map_open(path, OPEN_NAMED_BY_USER, &map);
	ck_assert_msg(!failed(e), "%s: %s", path, e.what);
	return map;
}

static struct file_map map_of(const struct binary *b)
{
	return map_path(b->path);
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

/* The fields of a binary and its modules into an empty layout. False: it has no DWARF. */
static bool merge_build(const struct binary *b, const struct file_map *map, struct layout *l)
{
	struct err e = layout_merge_dwarf(l, map->bytes, map->size, false);
	if (e.code == ERR_ABSENT) {
		fprintf(stderr, "SKIP: %s has no DWARF\n", b->path);
		return false;
	}
	ck_assert_msg(!failed(e), "%s: %s", b->path, e.what);
	for (size_t i = 0; i < b->n_modules; i++) {
		CLEANUP(file_map_close) struct file_map module = map_path(b->modules[i]);
		e = layout_merge_dwarf(l, module.bytes, module.size, false);
		ck_assert_msg(!failed(e), "%s: %s", b->modules[i], e.what);
	}
	return true;
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
	struct binary *list = binaries_list;
	size_t len = binaries(list, BINARIES_MAX);
	for (size_t i = 0; i < len; i++) {
		CLEANUP(file_map_close) struct file_map map = map_of(&list[i]);
		const struct layout row = pick_binary(&list[i]);
		struct layout l = { .row = row.row, .key = row.key };
		if (!merge_build(&list[i], &map, &l))
			continue;
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
	struct binary *list = binaries_list;
	if (!binaries(list, BINARIES_MAX))
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
	struct binary *list = binaries_list;
	if (!binaries(list, BINARIES_MAX))
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
	struct binary *list = binaries_list;
	size_t len = binaries(list, BINARIES_MAX), checked = 0;
	for (size_t i = 0; i < len; i++) {
		if (!debug_offsets_size(list[i].version))
			continue;
		CLEANUP(file_map_close) struct file_map map = map_of(&list[i]);
		const struct layout row = pick_binary(&list[i]);
		struct layout block = row, dwarf = { .row = row.row, .key = row.key };
		ck_assert_msg(merge_from_file(&block, &map), "%s: no debug offsets", list[i].path);
		ck_assert_uint_eq(block.field[FIELD_code_name].origin, ORIGIN_DEBUG_OFFSETS);
		bool debugged = merge_build(&list[i], &map, &dwarf);
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

static const char *base_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* What `pycore layout --emit` prints for a field. */
static void put_line(struct str *s, enum field f, const struct field_at *at)
{
	AUTO_STR(name);
	str_puts(&name, field_name(f));
	*strchr(name.bytes, '.') = '_';
	str_addf(s, "[FIELD_%s] = ", str_text(&name));
	if (at->bits)
		str_addf(s, "BITS(%u, %u, %u, %u),\n", at->offset, at->size, at->bit, at->bits);
	else if (at->size)
		str_addf(s, "AT(%u, %u),\n", at->offset, at->size);
	else
		str_addf(s, "SIZEOF(%u),\n", at->offset);
}

/* The files of a build, the binary first. */
struct build_files {
	size_t n;
	struct file_map maps[16];
	struct layout_file files[16];
};

static void build_close(struct build_files *b)
{
	for (size_t i = 0; i < b->n; i++)
		file_map_close(&b->maps[i]);
}

static void build_add(struct build_files *b, const char *path)
{
	b->maps[b->n] = map_path(path);
	b->files[b->n] =
		(struct layout_file){ b->maps[b->n].bytes, b->maps[b->n].size, base_name(path) };
	b->n++;
}

static struct build_files build_open(const struct binary *of)
{
	struct build_files b = { 0 };
	build_add(&b, of->path);
	for (size_t i = 0; i < of->n_modules; i++)
		build_add(&b, of->modules[i]);
	return b;
}

START_TEST(emits_what_binary_and_modules_have)
{
	struct binary *list = binaries_list;
	size_t len = binaries(list, BINARIES_MAX);
	for (size_t i = 0; i < len; i++) {
		CLEANUP(build_close) struct build_files b = build_open(&list[i]);
		struct layout l = { .key = pick_binary(&list[i]).key };
		if (!merge_build(&list[i], &b.maps[0], &l))
			continue;
		AUTO_STR(emitted);
		AUTO_STR(lines);
		size_t bad = 99;
		ck_assert(!failed(layout_emit(b.files, b.n, &emitted, &bad)));
		ck_assert_uint_eq(bad, 99);
		for (enum field f = 0; f < FIELD_COUNT; f++) {
			if (layout_has(&l, f))
				put_line(&lines, f, &l.field[f]);
		}
		const char *body = strstr(str_text(&emitted), "\n */\n");
		ck_assert_ptr_nonnull(body);
		ck_assert_msg(
			!strcmp(body + strlen("\n */\n"), str_text(&lines)), "%s", list[i].path);
		for (size_t k = 0; k < b.n; k++) {
			AUTO_STR(named);
			str_addf(&named, " * read: %s\n", b.files[k].name);
			const char *at = strstr(str_text(&emitted), str_text(&named));
			ck_assert_msg(at && at <= body, "%s", b.files[k].name);
		}
	}
}
END_TEST

static const struct binary *binary_of(const struct binary *list, size_t len, uint32_t minor)
{
	for (size_t i = 0; i < len; i++) {
		if (list[i].version >> 16 == minor && list[i].n_modules &&
			strstr(list[i].modules[0], "_asyncio"))
			return &list[i];
	}
	return NULL;
}

/* TaskObj has no task_name in 3.7: not even where a later file has one with it. */
START_TEST(the_first_file_that_has_a_struct_tells_all_about_it)
{
	struct binary *list = binaries_list;
	size_t len = binaries(list, BINARIES_MAX), bad;
	const struct binary *old = binary_of(list, len, 0x0307),
			    *new = binary_of(list, len, 0x0308);
	if (!old || !new) {
		fprintf(stderr, "SKIP: no CPython 3.7 and 3.8 of a version manager\n");
		return;
	}
	CLEANUP(build_close) struct build_files b = { 0 };
	build_add(&b, old->path);
	build_add(&b, old->modules[0]);
	build_add(&b, new->modules[0]);
	AUTO_STR(first);
	ck_assert(!failed(layout_emit(b.files, b.n, &first, &bad)));
	ck_assert_ptr_nonnull(strstr(str_text(&first), "[FIELD_task_waiter] = AT(104, 8),"));
	ck_assert_ptr_null(strstr(str_text(&first), "FIELD_task_name"));
	struct layout_file swapped = b.files[1];
	b.files[1] = b.files[2];
	b.files[2] = swapped;
	AUTO_STR(second);
	ck_assert(!failed(layout_emit(b.files, b.n, &second, &bad)));
	ck_assert_ptr_nonnull(strstr(str_text(&second), "[FIELD_task_name] = AT(120, 8),"));
}
END_TEST

START_TEST(emit_tells_which_file_is_bad)
{
	static const char text[] = "not an ELF file at all";
	AUTO_STR(out);
	size_t bad = 99;
	struct layout_file broken = { text, sizeof(text), "text" };
	ck_assert_int_eq(layout_emit(&broken, 1, &out, &bad).code, ERR_CORRUPT);
	ck_assert_uint_eq(bad, 0);
	struct binary *list = binaries_list;
	if (!binaries(list, BINARIES_MAX))
		return;
	CLEANUP(build_close) struct build_files b = { 0 };
	build_add(&b, list[0].path);
	b.files[1] = broken;
	ck_assert_int_eq(layout_emit(b.files, 2, &out, &bad).code, ERR_CORRUPT);
	ck_assert_uint_eq(bad, 1);
	ck_assert_uint_eq(out.len, 0);
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
	tcase_add_test(t, emits_what_binary_and_modules_have);
	tcase_add_test(t, the_first_file_that_has_a_struct_tells_all_about_it);
	tcase_add_test(t, emit_tells_which_file_is_bad);
	return t;
}
