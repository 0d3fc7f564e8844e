/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where files are looked for: a library that was loaded into test memory, and its file, copies,
 * debug information and impostors in folders of all kinds. And the ways below a root.
 */
#include "suites.h"

#include "loaded.h"
#include "tempdir.h"

#include "pycore/search.h"
#include "pycore/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct tempdir dir;
static struct loaded l;
static struct problems problems;
static struct searcher *s;
static struct file_search options;
static char *root; /* dir.path as a root: the library is /lib/libx.so below it */
static const char *dirs[2];

static const char source[] = "static int hidden(int x) { return x + 1; }\n"
			     "int shown(int x) { return hidden(x) * 2; }\n";
#define ID   "1122334455667788"
#define MAKE "cc -shared -fPIC -g -O0 -Wl,--build-id=0x" ID " -o lib/libx.so x.c"

static bool run(const char *text)
{
	AUTO_FREE char *command = xasprintf("cd %s && { %s; } >/dev/null 2>&1", dir.path, text);
	return system(command) == 0;
}

static void must(const char *text)
{
	ck_assert_msg(run(text), "%s", text);
}

static bool have_tools(void)
{
	if (run("command -v cc && command -v objcopy"))
		return true;
	fputs("SKIP search: no compiler or no objcopy here\n", stderr);
	return false;
}

static void setup(void)
{
	tempdir_init(&dir);
	l = (struct loaded){ 0 };
	problems = (struct problems){ 0 };
	options = (struct file_search){ 0 };
	s = NULL;
	root = NULL;
	dirs[0] = dirs[1] = NULL;
}

static void teardown(void)
{
	searcher_close(s);
	problems_fini(&problems);
	if (l.n)
		loaded_fini(&l);
	free(root);
	free((char *)dirs[0]);
	free((char *)dirs[1]);
	tempdir_fini(&dir);
}

/* The library in memory, as /lib/libx.so of a root that is the test's folder. */
static bool load(const char *make)
{
	if (!have_tools())
		return false;
	must("mkdir -p lib one two");
	free(tempdir_write(&dir, "x.c", source, sizeof(source) - 1));
	must(make);
	AUTO_FREE char *path = tempdir_path(&dir, "lib/libx.so");
	loaded_init(&l, path);
	free(l.image.path);
	l.image.path = xstrdup("/lib/libx.so");
	ck_assert_ok(image_probe(&l.image, &l.mem.base));
	root = xstrdup(dir.path);
	dirs[0] = tempdir_path(&dir, "one");
	dirs[1] = tempdir_path(&dir, "two");
	return true;
}

static void open_searcher(size_t n_lib_paths, size_t n_debug_dirs)
{
	searcher_close(s);
	problems_fini(&problems);
	options.lib_paths = dirs;
	options.n_lib_paths = n_lib_paths;
	options.debug_dirs = dirs;
	options.n_debug_dirs = n_debug_dirs;
	s = searcher_open(&options, root, &problems);
}

/* How many problems say both. */
static size_t said(const char *where, const char *why)
{
	size_t n = 0;
	for (size_t i = 0; i < problems.len; i++)
		n += strstr(problems.list[i].where, where) && strstr(problems.list[i].why, why);
	ck_assert(!problems.damage);
	return n;
}

static void expect_image(const char *file)
{
	ck_assert_ok(searcher_find_image(s, &l.image));
	AUTO_FREE char *path = tempdir_path(&dir, file);
	ck_assert_str_eq(l.image.file_path, path);
	ck_assert_int_eq(l.image.match, MATCH_BUILD_ID);
	loaded_reset(&l);
	ck_assert_ok(image_probe(&l.image, &l.mem.base));
}

START_TEST(images)
{
	if (!load(MAKE))
		return;
	open_searcher(0, 0);
	expect_image("lib/libx.so");
	must("mkdir -p one/lib two/lib/deep/er; cp lib/libx.so one/lib/; cp lib/libx.so two/");
	open_searcher(2, 0);
	expect_image("one/lib/libx.so");
	must("rm one/lib/libx.so");
	expect_image("two/libx.so");
	must("mv two/libx.so two/lib/deep/er/any.name");
	expect_image("lib/libx.so");
	must("rm lib/libx.so; ln -s deep two/lib/link");
	expect_image("two/lib/deep/er/any.name");
	ck_assert_uint_eq(problems.len, 0);
	open_searcher(0, 0);
	struct err e = searcher_find_image(s, &l.image);
	ck_assert_int_eq(e.sys, ENOENT);
	ck_assert_uint_eq(problems.len, 0);
}
END_TEST

/* Files that lie where the right one could be. */
START_TEST(wrong_images)
{
	if (!load(MAKE))
		return;
	must("cc -shared -fPIC -Wl,--build-id=0xaabbccdd -o other.so x.c");
	must("cp other.so one/libx.so; objcopy --only-keep-debug lib/libx.so two/libx.so");
	must("mkdir -p two/lib; head -c 3000 lib/libx.so >two/lib/libx.so");
	must("cp lib/libx.so right; cp other.so lib/libx.so; mkdir two/x; mv right two/x/");
	open_searcher(2, 0);
	expect_image("two/x/right");
	expect_image("two/x/right");
	ck_assert_uint_eq(
		said("one/libx.so",
			"for /lib/libx.so: its build-id is aabbccdd, the one wanted is " ID),
		1);
	ck_assert_uint_eq(said("two/lib/libx.so", "is cut off"), 1);
	ck_assert_uint_eq(said("/lib/libx.so", "its build-id is aabbccdd"), 1);
	ck_assert_uint_eq(problems.len, 3);
	must("echo text >one/libx.so; mkfifo one/fifo; rm -r two/x two/lib");
	open_searcher(2, 0);
	ck_assert(failed(searcher_find_image(s, &l.image)));
	ck_assert_int_eq(l.image.match, MATCH_NONE);
	ck_assert_uint_eq(problems.len, 1);
}
END_TEST

START_TEST(executable_named_by_user)
{
	if (!load(MAKE))
		return;
	AUTO_FREE char *missing = tempdir_path(&dir, "missing");
	AUTO_FREE char *text = tempdir_write(&dir, "text", "text", 4);
	AUTO_FREE char *right = tempdir_path(&dir, "lib/libx.so");
	AUTO_FREE char *debug = tempdir_path(&dir, "debug");
	must("objcopy --only-keep-debug lib/libx.so debug");
	open_searcher(0, 0);
	ck_assert(failed(searcher_try(s, &l.image, missing, PLACE_EXE)));
	ck_assert(failed(searcher_try(s, &l.image, text, PLACE_EXE)));
	ck_assert(failed(searcher_try(s, &l.image, debug, PLACE_EXE)));
	ck_assert_uint_eq(said("missing", "No such file"), 1);
	ck_assert_uint_eq(said("text", "is no ELF program"), 1);
	ck_assert_uint_eq(said("debug", "holds debug information only"), 1);
	ck_assert_ok(searcher_try(s, &l.image, right, PLACE_EXE));
}
END_TEST

/* The debug file is searched with this link; the path of what was found, or "". Malloc'ed. */
static char *find_debug(const struct debug_link *link)
{
	struct found_file f = { 0 };
	if (!searcher_find_debug(s, &l.image, link, false, &f))
		return xstrdup("");
	char *path = xstrdup(f.path);
	ck_assert_ptr_nonnull(f.map.bytes);
	found_file_close(&f);
	return path;
}

static void expect_debug(const struct debug_link *link, const char *wanted)
{
	AUTO_FREE char *found = find_debug(link);
	AUTO_FREE char *path = wanted[0] ? tempdir_path(&dir, wanted) : xstrdup("");
	/* below the root, paths are as the root has them */
	const char *shown = found[0] == '/' && strncmp(found, dir.path, strlen(dir.path)) != 0
				    ? path + strlen(dir.path)
				    : path;
	ck_assert_str_eq(found, wanted[0] ? shown : "");
}

static const struct debug_link no_link, named = { .name = "libx.debug", .crc = 1 };

START_TEST(debug_files)
{
	static const char split[] = "objcopy --only-keep-debug lib/libx.so d && strip lib/libx.so";
	if (!load(MAKE))
		return;
	must(split);
	open_searcher(0, 2);
	expect_debug(&no_link, "");
	expect_debug(&named, "");
	must("cp d two/libx.so.debug");
	expect_debug(&no_link, "two/libx.so.debug");
	must("mkdir two/lib; mv two/libx.so.debug two/lib/");
	expect_debug(&no_link, "two/lib/libx.so.debug");
	must("cp d lib/libx.debug");
	expect_debug(&named, "lib/libx.debug");
	must("mkdir lib/.debug; mv lib/libx.debug lib/.debug/");
	expect_debug(&named, "lib/.debug/libx.debug");
	must("rm -r lib/.debug two/*; mkdir -p usr/lib/debug/lib; cp d "
	     "usr/lib/debug/lib/libx.debug");
	expect_debug(&named, "usr/lib/debug/lib/libx.debug");
	must("mkdir -p usr/lib/debug/.build-id/11; cp d usr/lib/debug/.build-id/11/22334455667788."
	     "debug");
	expect_debug(&named, "usr/lib/debug/.build-id/11/22334455667788.debug");
	must("mkdir -p two/.build-id/11; cp d two/.build-id/11/22334455667788.debug");
	expect_debug(&named, "two/.build-id/11/22334455667788.debug");
	ck_assert_uint_eq(problems.len, 0);
	must("rm -r usr two/.build-id; cp d two/any");
	expect_debug(&named, "");
	open_searcher(2, 0);
	expect_debug(&named, "two/any");
}
END_TEST

START_TEST(wrong_debug_files)
{
	if (!load(MAKE))
		return;
	must("cc -shared -g -fPIC -Wl,--build-id=0xaabbccdd -o other.so x.c");
	must("mkdir -p one/.build-id/11 two/.build-id/11 lib/.debug; objcopy --only-keep-debug "
	     "lib/libx.so d; cp other.so one/.build-id/11/22334455667788.debug");
	must("head -c 1500 d >two/.build-id/11/22334455667788.debug; echo x >lib/libx.debug");
	must("cp d lib/.debug/libx.debug");
	open_searcher(0, 2);
	for (int i = 0; i < 2; i++)
		expect_debug(&named, "lib/.debug/libx.debug");
	ck_assert_uint_eq(said("one/.build-id/11/22334455667788.debug",
				  "as debug information of /lib/libx.so: its build-id is aabbccdd, "
				  "the one wanted is " ID),
		1);
	ck_assert_uint_eq(said("two/.build-id/11/22334455667788.debug", "is cut off"), 1);
	ck_assert_uint_eq(said("/lib/libx.debug", "is no ELF file"), 1);
	ck_assert_uint_eq(problems.len, 3);
}
END_TEST

/* Without build-ids the checksum decides. */
START_TEST(debug_files_by_checksum)
{
	static const struct debug_link bad[] = { { "libx.debug", 1 }, { "../lib/libx.debug", 1 },
		{ "", 0 }, { "..", 0 } };
	static const char text[] = "123456789"; /* its CRC-32 is in every description of that */
	if (!load("cc -shared -fPIC -g -Wl,--build-id=none -o lib/libx.so x.c"))
		return;
	open_searcher(0, 2);
	must("cp lib/libx.so lib/libx.debug");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_debug(&bad[i], "");
	expect_debug(&no_link, "");
	ck_assert_uint_eq(said("/lib/libx.debug", "its checksum is not"), 1);
	free(tempdir_write(&dir, "lib/libx.debug", text, 9));
	expect_debug(&(struct debug_link){ "libx.debug", 0xcbf43926 }, "");
	ck_assert_uint_eq(said("/lib/libx.debug", "is no ELF file"), 1);
}
END_TEST

static void expect_alt(const struct found_file *of, const char *name, const char *wanted)
{
	static const uint8_t id[] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 };
	const struct debug_alt alt = { name, id, sizeof(id) };
	struct found_file f = { 0 };
	AUTO_FREE char *path = tempdir_path(&dir, wanted);
	bool found = searcher_find_alt(s, &l.image, of, &alt, false, &f);
	ck_assert_msg(found == (wanted[0] != '\0'), "%s: %s", name, found ? f.path : "not found");
	if (found)
		ck_assert_str_eq(f.path, f.below ? path + strlen(dir.path) : path);
	found_file_close(&f);
}

/* What debug files share, by names that they give; the library itself stands in for it. */
START_TEST(shared_debug_files)
{
	struct found_file below = { .below = true, .path = (char[]){ "/usr/lib/debug/a/x.debug" } };
	if (!load(MAKE))
		return;
	open_searcher(0, 2);
	AUTO_FREE char *path = tempdir_path(&dir, "two/deep/x.debug");
	struct found_file here = { .path = path };
	expect_alt(&below, "../.dwz/x", "");
	must("mkdir -p usr/lib/debug/.dwz two/.dwz; cp lib/libx.so usr/lib/debug/.dwz/x");
	expect_alt(&below, "../.dwz/x", "usr/lib/debug/.dwz/x");
	expect_alt(&below, ".././../debug//.dwz/x", "usr/lib/debug/.dwz/x");
	expect_alt(&below, "../../../../../../../../usr/lib/debug/.dwz/x", "usr/lib/debug/.dwz/x");
	expect_alt(NULL, "../usr/lib/debug/.dwz/x", "usr/lib/debug/.dwz/x");
	expect_alt(&here, "/usr/lib/debug/.dwz/x", "usr/lib/debug/.dwz/x");
	must("mv usr/lib/debug/.dwz/x two/.dwz/x");
	expect_alt(&here, "../.dwz/x", "two/.dwz/x");
	expect_alt(&below, "/usr/lib/debug/.dwz/x", "two/.dwz/x");
	expect_alt(&below, "/usr/lib/debug/.dwz/../x", "");
	must("cc -shared -g -fPIC -Wl,--build-id=0xaabbccdd -o two/.dwz/x x.c");
	expect_alt(&here, "../.dwz/x", "");
	ck_assert_uint_eq(said("two/.dwz/x", "as shared debug information of /lib/libx.so"), 1);
	must("mkdir -p one/.build-id/11; cp lib/libx.so one/.build-id/11/22334455667788.debug");
	expect_alt(&here, "/nowhere", "one/.build-id/11/22334455667788.debug");
}
END_TEST

/* No server is asked without servers, nor while a process is stopped. */
START_TEST(servers)
{
	struct found_file f;
	if (!load(MAKE))
		return;
	must("rm lib/libx.so");
	options.debuginfod_seconds = 5;
	open_searcher(0, 0);
	unsetenv("DEBUGINFOD_URLS");
	searcher_offline(s, true);
	ck_assert(!searcher_find_debug(s, &l.image, &no_link, true, &f));
	ck_assert(failed(searcher_fetch_image(s, &l.image)));
	ck_assert_uint_eq(problems.len, 0);
	searcher_offline(s, false);
	ck_assert(!searcher_find_debug(s, &l.image, &no_link, false, &f));
	ck_assert_uint_eq(problems.len, 0);
	for (int i = 0; i < 2; i++)
		ck_assert(!searcher_find_debug(s, &l.image, &no_link, true, &f));
	ck_assert(failed(searcher_fetch_image(s, &l.image)));
	ck_assert_uint_eq(said("debuginfod", "DEBUGINFOD_URLS is not set"), 1);
	ck_assert_uint_eq(problems.len, 1);
}
END_TEST

static const struct {
	const char *path, *content; /* NULL: it must not be opened */
} ways[] = {
	{ "/etc/file", "inside" },
	{ "/absolute", "inside" },
	{ "/upwards", "inside" },
	{ "/etc/back", "inside" },
	{ "/folder/file", "inside" },
	{ "/chain1/file", "inside" },
	{ "//etc/.//file", "inside" },
	{ "/etc/folder/../file", NULL },
	{ "/etc/file/", NULL },
	{ "/etc/file/more", NULL },
	{ "/etc", NULL },
	{ "/", NULL },
	{ "/etc/missing", NULL },
	{ "/dangling", NULL },
	{ "/loop", NULL },
	{ "/loop/file", NULL },
	{ "/out", NULL },
	{ "/fifo", NULL },
	{ "/kernel", NULL },
	{ "etc/file", NULL },
};

START_TEST(below_a_root)
{
	struct file_map m;
	struct opened by_kernel, by_hand;
	must("mkdir -p root/etc/folder; cd root; printf inside >etc/file; ln -s /etc/file "
	     "absolute; "
	     "ln -s ../../../etc/file upwards; ln -s folder/../../etc/./file etc/back; ln -s /etc "
	     "folder; ln -s chain2 chain1; ln -s //folder chain2; ln -s nowhere dangling; ln -s "
	     "loop "
	     "loop; printf outside >../secret; ln -s ../secret out; mkfifo fifo; "
	     "ln -s /proc/self/environ kernel");
	AUTO_FREE char *top = tempdir_path(&dir, "root");
	struct err kernel = opener_open_below(top, ways[_i].path, &by_kernel);
	struct err hand = opener_walk_below(top, ways[_i].path, &by_hand);
	ck_assert_int_eq(kernel.code, hand.code);
	ck_assert_int_eq(kernel.sys, hand.sys);
	ck_assert_int_eq(failed(hand), !ways[_i].content);
	if (failed(hand))
		return;
	ck_assert_ok(file_map_fd(by_hand.fd, &m));
	ck_assert_uint_eq(m.size, strlen(ways[_i].content));
	ck_assert_mem_eq(m.bytes, ways[_i].content, m.size);
	AUTO_FREE char *real = opener_real_path(by_hand.fd);
	ck_assert_msg(real && text_ends(real, "/root/etc/file"), "%s", real ? real : "NULL");
	file_map_close(&m);
	close(by_hand.fd);
	close(by_kernel.fd);
}
END_TEST

/* Names and depths without end. */
START_TEST(long_ways)
{
	struct opened f;
	AUTO_STR(path);
	for (int i = 0; i < 300; i++)
		str_puts(&path, "/x");
	AUTO_FREE char *deep = xstrdup(str_text(&path));
	AUTO_FREE char *make = xasprintf("mkdir -p .%s; echo >.%s/file", deep, deep);
	must(make);
	str_puts(&path, "/file");
	ck_assert(failed(opener_walk_below(dir.path, str_text(&path), &f)));
	str_clear(&path);
	str_putc(&path, '/');
	for (int i = 0; i < 5000; i++)
		str_putc(&path, 'x');
	ck_assert_int_eq(opener_walk_below(dir.path, str_text(&path), &f).sys, ENAMETOOLONG);
}
END_TEST

struct seen {
	struct str names;
	size_t n;
};

static void see(void *ctx, const char *path, int fd)
{
	struct seen *seen = ctx;
	ck_assert_int_ge(fd, 0);
	ck_assert(text_starts(path, dir.path));
	str_addf(&seen->names, "%s ", path + strlen(dir.path) + 1);
	seen->n++;
}

START_TEST(visits)
{
	must("mkdir -p a/b/c; echo >1; echo >a/2; echo >a/b/3; echo >a/b/c/4; ln -s 1 link; ln -s "
	     ". "
	     "a/loop; ln -s /proc/self/environ kernel; mkfifo fifo; ln -s nowhere a/dangling");
	for (unsigned depth = 0; depth < 5; depth++) {
		struct seen seen = { 0 };
		size_t budget = 1000;
		ck_assert_ok(opener_visit(dir.path, depth, &budget, see, &seen));
		ck_assert_msg(seen.n == 2 + (depth < 3 ? depth : 3), "%u: %s", depth,
			str_text(&seen.names));
		ck_assert_uint_gt(budget, 0);
		str_fini(&seen.names);
	}
	for (size_t most = 0; most < 20; most++) {
		struct seen seen = { 0 };
		size_t budget = most;
		ck_assert_ok(opener_visit(dir.path, 9, &budget, see, &seen));
		ck_assert_uint_le(seen.n, most);
		str_fini(&seen.names);
	}
	size_t budget = 9;
	AUTO_FREE char *file = tempdir_path(&dir, "1");
	ck_assert_int_eq(opener_visit("/nowhere", 1, &budget, see, NULL).sys, ENOENT);
	ck_assert_int_eq(opener_visit(file, 1, &budget, see, NULL).sys, ENOTDIR);
}
END_TEST

Suite *suite_search(void)
{
	Suite *suite = suite_create("search");
	TCase *tc = tcase_create("search");
	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, images);
	tcase_add_test(tc, wrong_images);
	tcase_add_test(tc, executable_named_by_user);
	tcase_add_test(tc, debug_files);
	tcase_add_test(tc, wrong_debug_files);
	tcase_add_test(tc, debug_files_by_checksum);
	tcase_add_test(tc, shared_debug_files);
	tcase_add_test(tc, servers);
	tcase_add_loop_test(tc, below_a_root, 0, ARRAY_LEN(ways));
	tcase_add_test(tc, long_ways);
	tcase_add_test(tc, visits);
	suite_add_tcase(suite, tc);
	return suite;
}
