/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told of ELF files by their content, and files that are made of parts of others: a small
 * library is compiled, split and compressed by the usual tools, and damaged.
 */
#include "suites.h"

#include "loaded.h"
#include "tempdir.h"

#include "pycore/limits.h"
#include "pycore/str.h"
#include "pycore/unpack.h"

#include <elf.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

static struct tempdir dir;
static char *library; /* NULL: the tools are not here */
static struct file_map map;

static const char source[] = "int shown(int x) { return x + 1; }\n"
			     "int shown_too(int x) { return shown(x) * 2; }\n"
			     "static int hidden(void) { return 3; }\n"
			     "int (*pointer)(void) = hidden;\n";

/* Runs a command in the folder; false: it failed. */
static bool run(const char *text)
{
	AUTO_FREE char *command = xasprintf("cd %s && { %s; } 2>/dev/null", dir.path, text);
	return system(command) == 0;
}

static void setup(void)
{
	tempdir_init(&dir);
	map = (struct file_map){ 0 };
	free(tempdir_write(&dir, "x.c", source, sizeof(source) - 1));
	library = NULL;
	if (run("cc -shared -fPIC -g -O1 -Wl,--build-id=0x1122334455 -o libx.so x.c && "
		"objcopy --version >/dev/null"))
		library = tempdir_path(&dir, "libx.so");
	else
		fputs("SKIP elf_parts: no compiler or no objcopy here\n", stderr);
}

static void teardown(void)
{
	file_map_close(&map);
	free(library);
	tempdir_fini(&dir);
}

static void open_file(const char *name)
{
	AUTO_FREE char *path = tempdir_path(&dir, name);
	file_map_close(&map);
	ck_assert_ok(file_map_open(path, OPEN_NAMED_BY_USER, &map));
}

static const struct {
	const char *name, *made_by;
	bool program, has_debug;
} kinds[] = {
	{ "libx.so", "true", true, true },
	{ "stripped", "strip -o stripped libx.so", true, false },
	{ "debug", "objcopy --only-keep-debug libx.so debug", false, true },
	{ "debug", "eu-strip -f debug -o other libx.so", false, true },
	{ "other", "eu-strip -f debug -o other libx.so", true, false },
	{ "packed", "objcopy --compress-debug-sections=zlib libx.so packed", true, true },
	{ "bare", "strip -o bare libx.so && strip --strip-section-headers bare", true, false },
};

START_TEST(what_files_are)
{
	struct elf_ident id;
	char text[2 * BUILD_ID_MAX + 1];
	if (!library)
		return;
	if (!run(kinds[_i].made_by)) {
		fprintf(stderr, "SKIP elf_parts: failed here: %s\n", kinds[_i].made_by);
		return;
	}
	open_file(kinds[_i].name);
	ck_assert_ok(elf_ident_read(map.bytes, map.size, &id));
	ck_assert_str_eq(build_id_text(id.build_id, id.build_id_size, text), "1122334455");
	ck_assert_int_eq(id.program, kinds[_i].program);
	ck_assert_int_eq(id.has_debug, kinds[_i].has_debug);
	ck_assert(!id.cut);
}
END_TEST

/* Of every length, in bytes of exactly that length. */
START_TEST(files_cut_off)
{
	struct elf_ident id;
	if (!library)
		return;
	open_file("libx.so");
	for (size_t n = 0; n < map.size; n += n < 2000 ? 1 : 97) {
		AUTO_FREE uint8_t *bytes = xmalloc(n + !n);
		memcpy(bytes, map.bytes, n);
		struct err e = elf_ident_read(bytes, n, &id);
		ck_assert_msg(failed(e) || id.cut, "%zu bytes of %zu", n, map.size);
	}
}
END_TEST

START_TEST(damaged_headers)
{
	struct elf_ident id;
	uint32_t seed = 7;
	const char *const all[] = { ".debug_info", ".debug_str", NULL };
	if (!library || !run("objcopy --compress-debug-sections=zlib libx.so packed"))
		return;
	open_file("packed");
	AUTO_FREE uint8_t *bytes = xmalloc(map.size);
	for (int i = 0; i < 4000; i++) {
		memcpy(bytes, map.bytes, map.size);
		for (int k = 0; k < 1 + i % 5; k++) {
			seed = seed * 1664525 + 1013904223;
			size_t from = seed & 1 ? 0 : map.size - map.size / 3;
			bytes[from + (seed >> 8) % (map.size / 3)] = (uint8_t)(seed >> 3);
		}
		(void)failed(elf_ident_read(bytes, map.size, &id));
		uint8_t *out = NULL;
		size_t n;
		bool whole;
		if (!failed(elf_unpack(bytes, map.size, all, &out, &n, &whole)))
			free(out);
	}
}
END_TEST

/* The content of a section, as libelf finds it in a file. */
static const void *section_of(
	Elf *elf, const char *name, size_t *ret_size, bool *ret_packed, GElf_Shdr *sh)
{
	size_t names;
	ck_assert_int_eq(elf_getshdrstrndx(elf, &names), 0);
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		ck_assert_ptr_nonnull(gelf_getshdr(scn, sh));
		const char *found = elf_strptr(elf, names, sh->sh_name);
		if (!found || strcmp(found, name) != 0 || sh->sh_type == SHT_NOBITS)
			continue;
		Elf_Data *data = elf_rawdata(scn, NULL);
		*ret_size = data->d_size;
		*ret_packed = sh->sh_flags & SHF_COMPRESSED;
		return data->d_buf;
	}
	return NULL;
}

static const char *const wanted[] = { ".debug_info", ".debug_line", ".debug_abbrev", NULL };

/* Compares sections of the file at hand, once unpacked, with those of the file that was never
 * packed. */
static void compare_sections(const struct file_map *plain)
{
	uint8_t *bytes;
	size_t size, n, plain_n;
	bool whole, packed;
	GElf_Shdr sh;
	ck_assert_ok(elf_unpack(map.bytes, map.size, wanted, &bytes, &size, &whole));
	ck_assert(whole);
	ck_assert_uint_ne(elf_version(EV_CURRENT), EV_NONE);
	Elf *copy = elf_memory((char *)bytes, size);
	Elf *original = elf_memory((char *)plain->bytes, plain->size);
	for (size_t i = 0; wanted[i]; i++) {
		const void *a = section_of(copy, wanted[i], &n, &packed, &sh);
		const void *b = section_of(original, wanted[i], &plain_n, &packed, &sh);
		ck_assert_ptr_nonnull(a);
		ck_assert_ptr_nonnull(b);
		ck_assert_uint_eq(n, plain_n);
		ck_assert_mem_eq(a, b, n);
	}
	ck_assert_ptr_null(section_of(copy, ".debug_str", &n, &packed, &sh));
	ck_assert_ptr_null(section_of(copy, ".text", &n, &packed, &sh));
	elf_end(copy);
	elf_end(original);
	free(bytes);
}

static const char *const packings[] = { "zlib", "zlib-gnu", "zstd" };

START_TEST(unpacked_sections)
{
	AUTO_FREE char *command =
		xasprintf("objcopy --compress-debug-sections=%s libx.so packed", packings[_i]);
	if (!library)
		return;
	if (!run(command)) {
		fprintf(stderr, "SKIP elf_parts: objcopy knows no %s here\n", packings[_i]);
		return;
	}
	struct file_map plain;
	ck_assert_ok(file_map_open(library, OPEN_NAMED_BY_USER, &plain));
	open_file("packed");
	compare_sections(&plain);
	file_map_close(&plain);
}
END_TEST

START_TEST(nothing_is_packed)
{
	uint8_t *bytes;
	size_t size;
	bool whole;
	if (!library)
		return;
	open_file("libx.so");
	ck_assert_err(elf_unpack(map.bytes, map.size, wanted, &bytes, &size, &whole), ERR_ABSENT);
	ck_assert(failed(elf_unpack((const uint8_t *)"x", 1, wanted, &bytes, &size, &whole)));
}
END_TEST

/* What the header of a compressed section claims, and what its bytes are. */
START_TEST(lies_of_compressed_sections)
{
	if (!library || !run("objcopy --compress-debug-sections=zlib libx.so packed"))
		return;
	open_file("packed");
	AUTO_FREE uint8_t *bytes = xmalloc(map.size);
	memcpy(bytes, map.bytes, map.size);
	Elf *elf = elf_memory((char *)bytes, map.size);
	size_t n;
	bool packed, whole;
	GElf_Shdr sh;
	ck_assert_ptr_nonnull(section_of(elf, ".debug_info", &n, &packed, &sh));
	ck_assert(packed);
	elf_end(elf);
	Elf64_Chdr *head = (Elf64_Chdr *)(bytes + sh.sh_offset);
	const uint64_t size = head->ch_size, stream = sh.sh_offset + sizeof(*head);
	static const uint64_t too_much[] = { UINT64_MAX, (uint64_t)DEBUG_UNPACKED_MAX + 1 };
	uint8_t *out;
	for (size_t i = 0; i < ARRAY_LEN(too_much); i++) {
		head->ch_size = too_much[i];
		ck_assert_err(elf_unpack(bytes, map.size, wanted, &out, &n, &whole), ERR_LIMIT);
	}
	const uint64_t wrong[] = { 0, size - 1, size + 1, 100000000 };
	for (size_t i = 0; i <= ARRAY_LEN(wrong); i++) {
		head->ch_size = i < ARRAY_LEN(wrong) ? wrong[i] : size;
		bytes[stream + 5] ^= i == ARRAY_LEN(wrong);
		ck_assert_ok(elf_unpack(bytes, map.size, wanted, &out, &n, &whole));
		ck_assert(!whole);
		Elf *copy = elf_memory((char *)out, n);
		ck_assert_ptr_null(section_of(copy, ".debug_info", &n, &packed, &sh));
		ck_assert_ptr_nonnull(section_of(copy, ".debug_line", &n, &packed, &sh));
		elf_end(copy);
		free(out);
	}
}
END_TEST

START_TEST(packed_bytes)
{
	uint8_t text[5000], packed[6000], back[5001];
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * i >> 5);
	uLongf n = sizeof(packed);
	if (_i)
		n = ZSTD_compress(packed, sizeof(packed), text, sizeof(text), 3);
	else
		ck_assert_int_eq(compress(packed, &n, text, sizeof(text)), Z_OK);
	enum packing how = _i ? PACKED_ZSTD : PACKED_ZLIB;
	ck_assert_ok(unpack_bytes(how, packed, n, back, sizeof(text)));
	ck_assert_mem_eq(back, text, sizeof(text));
	static const size_t sizes[] = { 0, 1, sizeof(text) - 1, sizeof(text) + 1 };
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		ck_assert_err(unpack_bytes(how, packed, n, back, sizes[i]), ERR_CORRUPT);
	for (size_t i = 0; i < n; i += 7) {
		AUTO_FREE uint8_t *cut = xmalloc(i + !i);
		memcpy(cut, packed, i);
		ck_assert_err(unpack_bytes(how, cut, i, back, sizeof(text)), ERR_CORRUPT);
	}
	ck_assert_err(unpack_bytes(_i ? PACKED_ZLIB : PACKED_ZSTD, packed, n, back, sizeof(text)),
		ERR_CORRUPT);
}
END_TEST

/* The functions of .dynsym in a file: their names with their addresses, as text. */
static void list_functions(const uint8_t *bytes, size_t size, struct str *ret)
{
	Elf *elf = elf_memory((char *)bytes, size);
	GElf_Shdr sh;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		GElf_Sym sym;
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_DYNSYM)
			continue;
		Elf_Data *data = elf_getdata(scn, NULL);
		for (int i = 0; gelf_getsym(data, i, &sym); i++) {
			Elf_Scn *home = elf_getscn(elf, sym.st_shndx);
			GElf_Shdr its;
			if (GELF_ST_TYPE(sym.st_info) != STT_FUNC || !sym.st_shndx)
				continue;
			ck_assert(home && gelf_getshdr(home, &its));
			ck_assert_uint_ne(its.sh_flags & SHF_EXECINSTR, 0);
			str_addf(ret, "%s %lx %lx\n", elf_strptr(elf, sh.sh_link, sym.st_name),
				(unsigned long)sym.st_value, (unsigned long)sym.st_size);
		}
	}
	elf_end(elf);
}

static const char *const hash_styles[] = { "gnu", "sysv", "both" };

START_TEST(dynamic_symbols_of_memory)
{
	AUTO_FREE char *command =
		xasprintf("cc -shared -fPIC -Wl,--hash-style=%s -o libx.so x.c", hash_styles[_i]);
	struct loaded l;
	uint8_t *made;
	size_t size;
	AUTO_STR(right);
	AUTO_STR(found);
	if (!library || !run(command))
		return;
	loaded_init(&l, library);
	ck_assert_ok(image_probe(&l.image, &l.mem.base));
	ck_assert_ok(image_dynsym_file(&l.image, &l.mem.base, 100000, &made, &size));
	ck_assert_uint_ne(elf_version(EV_CURRENT), EV_NONE);
	uint8_t *none;
	ck_assert_err(image_dynsym_file(&l.image, &l.mem.base, 100, &none, &size), ERR_LIMIT);
	list_functions(l.file.bytes, l.file.size, &right);
	list_functions(made, size, &found);
	ck_assert_str_eq(str_text(&found), str_text(&right));
	ck_assert_ptr_nonnull(strstr(str_text(&found), "shown_too "));
	free(made);
	loaded_fini(&l);
}
END_TEST

/* Counts and chains that lead anywhere. */
START_TEST(damaged_dynamic_symbols)
{
	struct loaded l;
	uint32_t seed = 11;
	if (!library)
		return;
	loaded_init(&l, library);
	AUTO_FREE uint8_t *first = xmalloc(l.sizes[0]);
	memcpy(first, l.segments[0], l.sizes[0]);
	for (int i = 0; i < 2000; i++) {
		uint8_t *made = NULL;
		size_t size;
		memcpy(l.segments[0], first, l.sizes[0]);
		for (int k = 0; k < 8; k++) {
			seed = seed * 1664525 + 1013904223;
			l.segments[0][64 + (seed >> 8) % (l.sizes[0] - 64)] = (uint8_t)(seed >> 2);
		}
		loaded_reset(&l);
		if (!failed(image_probe(&l.image, &l.mem.base)) &&
			!failed(image_dynsym_file(&l.image, &l.mem.base, 100000, &made, &size)))
			free(made);
	}
	loaded_fini(&l);
}
END_TEST

Suite *suite_elf_parts(void)
{
	Suite *s = suite_create("elf_parts");
	TCase *tc = tcase_create("elf_parts");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, what_files_are, 0, ARRAY_LEN(kinds));
	tcase_add_test(tc, files_cut_off);
	tcase_add_test(tc, damaged_headers);
	tcase_add_loop_test(tc, unpacked_sections, 0, ARRAY_LEN(packings));
	tcase_add_test(tc, nothing_is_packed);
	tcase_add_test(tc, lies_of_compressed_sections);
	tcase_add_loop_test(tc, packed_bytes, 0, 2);
	tcase_add_loop_test(tc, dynamic_symbols_of_memory, 0, ARRAY_LEN(hash_styles));
	tcase_add_test(tc, damaged_dynamic_symbols);
	suite_add_tcase(s, tc);
	return s;
}
