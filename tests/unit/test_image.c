/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ELF images in memory: a small library is compiled in several ways, loaded into test memory, and
 * what is found compared with what the dynamic linker says of the same file; then headers and hash
 * tables are damaged.
 */
#include "suites.h"

#include "loaded.h"
#include "tempdir.h"

#include "pycore/limits.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static struct tempdir dir;
static struct loaded l;

/* A hundred symbols that are exported, so that hash chains have some length. */
static const char source[] =
	"#define F(n) int shown_##n = 1##n; int call_##n(void) { return n; }\n"
	"#define T(n) F(n##0) F(n##1) F(n##2) F(n##3) F(n##4) F(n##5) F(n##6) F(n##7) F(n##8) "
	"F(n##9)\n"
	"T(1) T(2) T(3) T(4) T(5)\n"
	"static int hidden __attribute__((used)) = 3;\n"
	"static long joined __asm__(\"joined.lto_priv.0\") __attribute__((used)) = 4;\n"
	"static long longer __asm__(\"hidden_more\") __attribute__((used)) = 5;\n"
	"int mine __attribute__((section(\".mine\"))) = 6;\n"
	"extern int elsewhere(void); int user(void) { return elsewhere(); }\n";

/* The library compiled with these options; its path, malloc'ed. NULL: there is no compiler. */
static char *compile(const char *name, const char *options)
{
	AUTO_FREE char *c = tempdir_write(&dir, "x.c", source, sizeof(source) - 1);
	char *path = tempdir_path(&dir, name);
	AUTO_FREE char *command = xasprintf("cc -shared -fPIC -g -o %s %s %s", path, options, c);
	if (system("command -v cc >/dev/null") != 0) {
		fputs("SKIP image: no compiler here\n", stderr);
		free(path);
		return NULL;
	}
	ck_assert_msg(system(command) == 0, "%s", command);
	return path;
}

static void setup(void)
{
	tempdir_init(&dir);
	l = (struct loaded){ 0 };
}

static void teardown(void)
{
	loaded_fini(&l);
	tempdir_fini(&dir);
}

static const char *const styles[] = { "-Wl,--hash-style=gnu", "-Wl,--hash-style=sysv",
	"-Wl,--hash-style=both", "-Wl,--hash-style=gnu -s",
	"-Wl,--hash-style=both -Wl,-z,max-page-size=65536" };

static bool load(const char *options)
{
	AUTO_FREE char *path = compile("libx.so", options);
	if (path)
		loaded_init(&l, path);
	return path != NULL;
}

START_TEST(dynamic_symbols)
{
	if (!load(styles[_i]))
		return;
	void *lib = dlopen(l.image.path, RTLD_LAZY | RTLD_LOCAL);
	struct link_map *map;
	struct image_symbol sym;
	ck_assert_msg(lib && dlinfo(lib, RTLD_DI_LINKMAP, &map) == 0, "%s", dlerror());
	ck_assert_ok(image_probe(&l.image, &l.mem.base));
	ck_assert_uint_eq(l.image.bias, LOADED_BASE);
	for (int i = 100; i < 600; i += 10) {
		char name[16];
		snprintf(name, sizeof(name), i % 20 ? "shown_%d" : "call_%d", i / 10);
		ck_assert_ok(image_dynsym(&l.image, &l.mem.base, name, &sym));
		ck_assert_uint_eq(sym.addr - LOADED_BASE,
			(uint64_t)(uintptr_t)dlsym(lib, name) - map->l_addr);
		ck_assert(i % 20 == 0 || sym.size == 4);
	}
	static const char *const absent[] = { "", "shown", "shown_6", "shown_100", "hidden",
		"elsewhere", "call_10\n" };
	for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
		sym.addr = 77;
		ck_assert_err(image_dynsym(&l.image, &l.mem.base, absent[i], &sym), ERR_ABSENT);
		ck_assert_uint_eq(sym.addr, 77);
	}
	dlclose(lib);
}
END_TEST

/* The dynamic linker writes relocated addresses into the dynamic section. */
START_TEST(relocated_dynamic_section)
{
	if (!load("-Wl,--hash-style=both"))
		return;
	ck_assert_ok(image_probe(&l.image, &l.mem.base));
	for (size_t i = 0; i < l.image.n_phdrs; i++) {
		if (l.image.phdrs[i].type != PT_DYNAMIC)
			continue;
		for (Elf64_Dyn *d = (Elf64_Dyn *)loaded_at(&l, l.image.phdrs[i].vaddr);
			d->d_tag != DT_NULL; d++) {
			if (d->d_tag == DT_SYMTAB || d->d_tag == DT_STRTAB ||
				d->d_tag == DT_GNU_HASH || d->d_tag == DT_HASH)
				d->d_un.d_ptr += LOADED_BASE;
		}
	}
	struct image_symbol sym;
	ck_assert_ok(image_dynsym(&l.image, &l.mem.base, "shown_33", &sym));
	ck_assert_int_eq(*(int *)loaded_at(&l, sym.addr - LOADED_BASE), 133);
}
END_TEST

static struct err attach(const char *path, bool by_user, uint8_t id[BUILD_ID_MAX], size_t *id_size)
{
	struct file_map map;
	*id_size = 0;
	ck_assert_ok(file_map_open(path, OPEN_NAMED_BY_USER, &map));
	struct err e = image_attach(&l.image, path, &map, by_user, id, id_size);
	if (!failed(e))
		ck_assert_ptr_null(map.bytes);
	file_map_close(&map);
	return e;
}

static uint8_t id[BUILD_ID_MAX];
static size_t id_size;

START_TEST(symbols_of_the_file)
{
	static const char *const names[] = { "hidden", "joined", "hidden_mor", "call_10", "absent",
		"hidden_more", "x.c:hidden", "y.c:hidden", "x.c:shown_33", "x.c:" };
	struct image_symbol found[ARRAY_LEN(names)], section;
	if (!load("-Wl,--build-id"))
		return;
	ck_assert_ok(image_probe(&l.image, &l.mem.base));
	image_symtab(&l.image, names, ARRAY_LEN(names), found);
	ck_assert_uint_eq(found[0].addr, 0); /* no file yet */
	ck_assert_err(image_section(&l.image, ".mine", &section), ERR_ABSENT);
	ck_assert_ok(attach(l.image.path, false, id, &id_size));
	ck_assert_int_eq(l.image.match, MATCH_BUILD_ID);
	image_symtab(&l.image, names, ARRAY_LEN(names), found);
	/* functions are no data, what is not local is of no source file */
	static const int values[] = { 3, 4, 0, 0, 0, 5, 3, 0, 0, 0 };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		ck_assert_msg(!found[i].addr == !values[i], "%s", names[i]);
		if (values[i])
			ck_assert_int_eq(
				*(int *)loaded_at(&l, found[i].addr - LOADED_BASE), values[i]);
	}
	ck_assert_ok(image_section(&l.image, ".mine", &section));
	ck_assert_uint_eq(section.size, 4);
	ck_assert_int_eq(*(int *)loaded_at(&l, section.addr - LOADED_BASE), 6);
	ck_assert_err(image_section(&l.image, ".absent", &section), ERR_ABSENT);
	ck_assert_err(
		image_section(&l.image, ".debug_info", &section), ERR_ABSENT); /* not in memory */
}
END_TEST

START_TEST(bytes_of_the_file)
{
	if (!load("-Wl,--build-id"))
		return;
	size_t n = 0;
	ck_assert_ptr_null(image_file_bytes(&l.image, LOADED_BASE, &n));
	ck_assert_ok(image_probe(&l.image, &l.mem.base));
	ck_assert_ok(attach(l.image.path, false, id, &id_size));
	for (size_t i = 0; i < l.image.n_pieces; i++) {
		const struct image_piece *p = &l.image.pieces[i];
		const uint8_t *bytes = image_file_bytes(&l.image, p->start + 1, &n);
		ck_assert_mem_eq(bytes, l.file.bytes + p->offset + 1, n < 64 ? n : 64);
		ck_assert_uint_le(n, p->end - p->start - 1);
	}
	ck_assert_ptr_null(image_file_bytes(&l.image, LOADED_BASE - 1, &n));
	ck_assert_ptr_null(image_file_bytes(&l.image, image_end(&l.image), &n));
}
END_TEST

/* How a file's build-id and memory's decide. */
START_TEST(build_ids)
{
	AUTO_FREE char *one = compile("one.so", "-Wl,--build-id=0x1122334455");
	AUTO_FREE char *other = compile("other.so", "-Wl,--build-id=0x1122334456 -DMORE");
	AUTO_FREE char *longer = compile("longer.so", "-Wl,--build-id=0x112233445500");
	AUTO_FREE char *none = compile("none.so", "-Wl,--build-id=none");
	AUTO_FREE char *another = compile(
		"another.so", "-Wl,--build-id=none -O2 -fno-inline -DX -Wl,-z,noseparate-code");
	if (!one || !other || !longer || !none || !another)
		return;
	char text[2 * BUILD_ID_MAX + 1];
	loaded_init(&l, one);
	ck_assert_ok(image_probe(&l.image, &l.mem.base));
	ck_assert_str_eq(
		build_id_text(l.image.build_id, l.image.build_id_size, text), "1122334455");
	const char *const wrong[] = { other, longer, none };
	static const char *const ids[] = { "1122334456", "112233445500", "" };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		ck_assert_err(attach(wrong[i], true, id, &id_size), ERR_CORRUPT);
		ck_assert_str_eq(build_id_text(id, id_size, text), ids[i]);
		ck_assert_int_eq(l.image.match, MATCH_NONE);
	}
	ck_assert_ok(attach(one, false, id, &id_size));
	loaded_fini(&l);
	loaded_init(&l, none);
	ck_assert_ok(image_probe(&l.image, &l.mem.base));
	ck_assert_uint_eq(l.image.build_id_size, 0);
	ck_assert_err(attach(one, true, id, &id_size), ERR_CORRUPT);
	ck_assert_err(attach(another, true, id, &id_size), ERR_CORRUPT);
	ck_assert_ok(attach(none, false, id, &id_size));
	ck_assert_int_eq(l.image.match, MATCH_HEADER);
}
END_TEST

/* Memory shows nothing: only the user's word counts. */
START_TEST(nothing_to_compare)
{
	if (!load("-Wl,--build-id"))
		return;
	AUTO_FREE char *path = xstrdup(l.image.path);
	l.mem.runs[0].bytes = NULL;
	ck_assert_err(image_probe(&l.image, &l.mem.base), ERR_NOT_SAVED);
	ck_assert_err(attach(path, false, id, &id_size), ERR_ABSENT);
	ck_assert_ok(attach(path, true, id, &id_size));
	ck_assert_int_eq(l.image.match, MATCH_UNPROVEN);
	ck_assert_uint_eq(l.image.bias, LOADED_BASE);
}
END_TEST

/* Memory shows nothing, but the core notes the file's CRC-32. */
START_TEST(noted_checksum)
{
	if (!load("-Wl,--build-id=none"))
		return;
	AUTO_FREE char *path = xstrdup(l.image.path);
	uint32_t sum = (uint32_t)crc32(0, l.file.bytes, (uInt)l.file.size);
	l.mem.runs[0].bytes = NULL;
	image_note_checksum(&l.image, sum ^ 1);
	ck_assert_err(attach(path, false, id, &id_size), ERR_ABSENT);
	image_note_checksum(&l.image, sum);
	ck_assert_ok(attach(path, false, id, &id_size));
	ck_assert_int_eq(l.image.match, MATCH_CHECKSUM);
	ck_assert_uint_eq(l.image.build_id_size, 0);
	ck_assert_uint_eq(l.image.bias, LOADED_BASE);
}
END_TEST

START_TEST(files_that_are_none)
{
	if (!load("-Wl,--build-id"))
		return;
	ck_assert_ok(image_probe(&l.image, &l.mem.base));
	Elf64_Ehdr head = *(const Elf64_Ehdr *)l.file.bytes;
	head.e_type = ET_CORE;
	AUTO_FREE char *core = tempdir_write(&dir, "core", &head, sizeof(head));
	head.e_type = ET_DYN;
	head.e_phoff = UINT64_MAX - 8;
	AUTO_FREE char *beyond = tempdir_write(&dir, "beyond", &head, sizeof(head));
	AUTO_FREE char *empty = tempdir_write(&dir, "empty", "", 0);
	AUTO_FREE char *script = tempdir_write(&dir, "script", "#!/bin/sh\n", 10);
	AUTO_FREE char *cut = tempdir_write(&dir, "cut", l.file.bytes, 70);
	const char *const paths[] = { core, beyond, empty, script };
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		ck_assert_err(attach(paths[i], true, id, &id_size), ERR_UNSUPPORTED);
	ck_assert(failed(attach(cut, true, id, &id_size)));
	ck_assert_int_eq(l.image.match, MATCH_NONE);
}
END_TEST

START_TEST(no_image)
{
	struct mem_buf mem;
	struct image img;
	static const char text[8192] = "text";
	mem_buf_init(&mem, ORDER_LITTLE, 8);
	mem_buf_add(&mem, 0x10000, text, sizeof(text), MEM_READ);
	image_init(&img, "/x/no_image");
	ck_assert_str_eq(image_name(&img), "no_image");
	ck_assert(failed(image_probe(&img, &mem.base))); /* no piece */
	image_add_piece(&img, (struct image_piece){ 0x10000, 0x12000, 0, MEM_READ });
	struct image_symbol sym;
	ck_assert_err(image_probe(&img, &mem.base), ERR_UNSUPPORTED);
	ck_assert(failed(image_probe(&img, &mem.base))); /* and again */
	ck_assert(failed(image_dynsym(&img, &mem.base, "x", &sym)));
	image_fini(&img);
	image_init(&img, "far");
	image_add_piece(&img, (struct image_piece){ 0x20000, 0x21000, 0, MEM_READ });
	ck_assert_err(image_probe(&img, &mem.base), ERR_UNMAPPED);
	image_fini(&img);
	image_init(&img, "middle");
	image_add_piece(&img, (struct image_piece){ 0x10000, 0x11000, 0x1000, MEM_READ });
	ck_assert_err(image_probe(&img, &mem.base), ERR_ABSENT);
	image_fini(&img);
}
END_TEST

/* Looks up what is there and what is not: it must end, whatever it finds. */
static void look_around(void)
{
	static const char *const names[] = { "shown_33", "call_10", "absent", "" };
	struct image_symbol sym;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)failed(image_dynsym(&l.image, &l.mem.base, names[i], &sym));
	loaded_reset(&l);
}

static void damage(uint8_t *bytes, size_t n)
{
	static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };
	for (size_t i = 0; i < n; i++) {
		uint8_t before = bytes[i];
		for (size_t k = 0; k < ARRAY_LEN(values); k++) {
			bytes[i] = values[k];
			look_around();
		}
		bytes[i] = before;
	}
}

START_TEST(damaged_headers)
{
	if (!load(styles[_i]))
		return;
	ck_assert_ok(image_probe(&l.image, &l.mem.base));
	uint64_t dynamic = 0;
	size_t n = sizeof(Elf64_Ehdr) + l.image.n_phdrs * sizeof(Elf64_Phdr);
	for (size_t i = 0; i < l.image.n_phdrs; i++) {
		if (l.image.phdrs[i].type == PT_DYNAMIC)
			dynamic = l.image.phdrs[i].vaddr;
	}
	damage(loaded_at(&l, 0), n);
	damage(loaded_at(&l, dynamic), 30 * sizeof(Elf64_Dyn));
	struct image_symbol sym;
	ck_assert_ok(image_dynsym(&l.image, &l.mem.base, "shown_33", &sym)); /* all is as before */
}
END_TEST

/* The address that the dynamic section has for a tag, as local bytes. */
static uint32_t *table_of(int64_t tag)
{
	ck_assert_ok(image_probe(&l.image, &l.mem.base));
	for (size_t i = 0; i < l.image.n_phdrs; i++) {
		if (l.image.phdrs[i].type != PT_DYNAMIC)
			continue;
		for (const Elf64_Dyn *d = (Elf64_Dyn *)loaded_at(&l, l.image.phdrs[i].vaddr);
			d->d_tag != DT_NULL; d++) {
			if (d->d_tag == tag)
				return (uint32_t *)loaded_at(&l, d->d_un.d_ptr);
		}
	}
	ck_abort_msg("no such table");
}

START_TEST(broken_gnu_hash)
{
	struct image_symbol sym;
	static const uint32_t heads[][4] = { { 0, 1, 1, 5 }, { 1, 1, 0, 5 }, { 1, 1, 3, 5 },
		{ 1, 1, 1, 32 }, { 1, 1, 1, UINT32_MAX } };
	if (!load("-Wl,--hash-style=gnu"))
		return;
	uint32_t *table = table_of(DT_GNU_HASH), before[4];
	memcpy(before, table, sizeof(before));
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		memcpy(table, heads[i], sizeof(heads[i]));
		loaded_reset(&l);
		ck_assert_err(image_dynsym(&l.image, &l.mem.base, "shown_33", &sym), ERR_CORRUPT);
	}
	memcpy(table, before, sizeof(before));
	damage((uint8_t *)table, 16 + before[2] * 8 + before[0] * 4);
	/* chains without an end, behind a filter that lets all pass */
	uint32_t *buckets = table + 4 + before[2] * 2;
	memset(table + 4, 0xff, before[2] * 8);
	memset(buckets + before[0], 0, 110 * 4);
	for (uint32_t i = 0; i < before[0]; i++)
		buckets[i] = before[1];
	loaded_reset(&l);
	ck_assert(failed(image_dynsym(&l.image, &l.mem.base, "shown_33", &sym)));
	for (uint32_t i = 0; i < before[0]; i++)
		buckets[i] = UINT32_MAX;
	ck_assert(failed(image_dynsym(&l.image, &l.mem.base, "shown_33", &sym)));
}
END_TEST

START_TEST(broken_sysv_hash)
{
	struct image_symbol sym;
	if (!load("-Wl,--hash-style=sysv"))
		return;
	uint32_t *table = table_of(DT_HASH), nbuckets = table[0], nchains = table[1];
	damage((uint8_t *)table, 8 + nbuckets * 4);
	for (uint32_t i = 0; i < nchains; i++)
		table[2 + nbuckets + i] = i; /* each its own successor */
	loaded_reset(&l);
	ck_assert(failed(image_dynsym(&l.image, &l.mem.base, "absent", &sym)));
	table[0] = 0;
	loaded_reset(&l);
	ck_assert_err(image_dynsym(&l.image, &l.mem.base, "shown_33", &sym), ERR_ABSENT);
}
END_TEST

/* The test program itself, a large file with all that a compiler makes. */
START_TEST(this_program)
{
	struct image_symbol found;
	static const char *const names[] = { "styles" };
	loaded_init(&l, "/proc/self/exe");
	ck_assert_ok(image_probe(&l.image, &l.mem.base));
	ck_assert_ok(attach("/proc/self/exe", false, id, &id_size));
	image_symtab(&l.image, names, 1, &found);
	ck_assert_uint_eq(found.size, sizeof(styles));
}
END_TEST

Suite *suite_image(void)
{
	Suite *s = suite_create("image");
	TCase *tc = tcase_create("image");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, dynamic_symbols, 0, ARRAY_LEN(styles));
	tcase_add_test(tc, relocated_dynamic_section);
	tcase_add_test(tc, symbols_of_the_file);
	tcase_add_test(tc, bytes_of_the_file);
	tcase_add_test(tc, build_ids);
	tcase_add_test(tc, nothing_to_compare);
	tcase_add_test(tc, noted_checksum);
	tcase_add_test(tc, files_that_are_none);
	tcase_add_test(tc, no_image);
	tcase_add_loop_test(tc, damaged_headers, 0, 3);
	tcase_add_test(tc, broken_gnu_hash);
	tcase_add_test(tc, broken_sysv_hash);
	tcase_add_test(tc, this_program);
	suite_add_tcase(s, tc);
	return s;
}
