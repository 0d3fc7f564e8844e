/* SPDX-License-Identifier: Apache-2.0 */
/* Which files are opened, and which not: whatever a path leads to, nothing blocks and nothing but
 * regular files is read. */
#include "suites.h"

#include "tempdir.h"

#include "pycore/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct tempdir dir;

static void setup(void)
{
	tempdir_init(&dir);
}

static void teardown(void)
{
	tempdir_fini(&dir);
}

static struct err try_open(const char *path, enum opener_trust trust)
{
	struct opened f = { .fd = -7 };
	struct err e = opener_open(path, trust, &f);
	if (failed(e))
		ck_assert_int_eq(f.fd, -7);
	else
		close(f.fd);
	return e;
}

/* A name in the folder, which must be refused with a text that holds `why`. */
static void expect_refused(const char *path, enum opener_trust trust, const char *why)
{
	struct err e = try_open(path, trust);
	ck_assert_msg(failed(e), "%s was opened", path);
	ck_assert_msg(strstr(e.what, why) != NULL, "%s: '%s', not '%s'", path, e.what, why);
}

static char *make_link(const char *name, const char *to)
{
	char *path = tempdir_path(&dir, name);
	ck_assert_int_eq(symlink(to, path), 0);
	return path;
}

START_TEST(regular_file)
{
	AUTO_FREE char *path = tempdir_write(&dir, "file", "content", 7);
	for (enum opener_trust trust = OPEN_NAMED_BY_USER; trust <= OPEN_PROC; trust++) {
		struct opened f;
		struct stat st;
		ck_assert_ok(opener_open(path, trust, &f));
		ck_assert_uint_eq(f.size, 7);
		ck_assert_int_eq(fstat(f.fd, &st), 0);
		ck_assert_int_eq(f.mtime.tv_sec, st.st_mtim.tv_sec);
		ck_assert_int_eq(f.mtime.tv_nsec, st.st_mtim.tv_nsec);
		ck_assert_uint_eq(f.uid, st.st_uid);
		ck_assert_uint_eq(f.gid, st.st_gid);
		ck_assert_int_eq(fcntl(f.fd, F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(fcntl(f.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
		close(f.fd);
	}
}
END_TEST

START_TEST(other_kinds)
{
	AUTO_FREE char *fifo = tempdir_path(&dir, "fifo");
	AUTO_FREE char *sock = tempdir_path(&dir, "socket");
	AUTO_FREE char *to_fifo = make_link("to fifo", "fifo");
	AUTO_FREE char *loop = make_link("loop", "loop");
	AUTO_FREE char *missing = tempdir_path(&dir, "missing");
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", sock);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	for (enum opener_trust trust = OPEN_NAMED_BY_USER; trust <= OPEN_NAMED_BY_TARGET; trust++) {
		expect_refused(dir.path, trust, "directory");
		expect_refused(fifo, trust, "FIFO");
		expect_refused(to_fifo, trust, "FIFO");
		ck_assert(failed(try_open(sock, trust)));
		ck_assert_int_eq(try_open(loop, trust).sys, ELOOP);
		ck_assert_int_eq(try_open(missing, trust).sys, ENOENT);
	}
	close(fd);
	expect_refused("/dev/null", OPEN_NAMED_BY_USER, "device");
	ck_assert_int_eq(try_open("", OPEN_NAMED_BY_USER).sys, ENOENT);
}
END_TEST

static const struct {
	const char *path, *why;
} distrusted[] = {
	{ "", "not absolute" },
	{ "file.py", "not absolute" },
	{ "./file.py", "not absolute" },
	{ "../file.py", "not absolute" },
	{ "<string>", "not absolute" },
	{ "/tmp/../etc/passwd", ".." },
	{ "/tmp/..", ".." },
	{ "/..", ".." },
	{ "/../etc/passwd", ".." },
	{ "/proc/self/environ", "kernel" },
	{ "/proc/self/fd/0", "kernel" },
	{ "/sys/kernel/notes", "kernel" },
	{ "/dev/null", "kernel" },
	{ "/dev/shm/file", "kernel" },
	{ "//proc/self/environ", "kernel" },
	{ "/./proc/self/environ", "kernel" },
	{ "/.//./proc//self/environ", "kernel" },
	{ "//sys/kernel/uevent_seqnum", "kernel" },
};

START_TEST(distrusted_path)
{
	expect_refused(distrusted[_i].path, OPEN_NAMED_BY_TARGET, distrusted[_i].why);
	ck_assert_int_eq(try_open(distrusted[_i].path, OPEN_NAMED_BY_TARGET).code, ERR_DENIED);
}
END_TEST

/* The last link is followed, but not into the kernel's own files. */
START_TEST(links_of_a_target)
{
	AUTO_FREE char *file = tempdir_write(&dir, "..file..", "x", 1);
	AUTO_FREE char *good = make_link("good", file);
	AUTO_FREE char *kernel = make_link("kernel", "/proc/self/environ");
	ck_assert_ok(try_open(file, OPEN_NAMED_BY_TARGET));
	ck_assert_ok(try_open(good, OPEN_NAMED_BY_TARGET));
	expect_refused(kernel, OPEN_NAMED_BY_TARGET, "kernel");
	ck_assert_ok(try_open("/proc/self/environ", OPEN_PROC));
}
END_TEST

/* Below another root, links stay inside of it. */
START_TEST(below_a_root)
{
	AUTO_FREE char *etc = tempdir_path(&dir, "etc");
	ck_assert_int_eq(mkdir(etc, 0700), 0);
	AUTO_FREE char *file = tempdir_write(&dir, "etc/passwd", "inside", 6);
	free(make_link("absolute", "/etc/passwd"));
	free(make_link("upwards", "../../../../../../etc/passwd"));
	free(make_link("self", "/proc/self/environ"));
	static const char *const names[] = { "/etc/passwd", "/absolute", "/upwards" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct file_map map;
		struct err e = file_map_open_below(dir.path, names[i], &map);
		if (e.code == ERR_SYS && e.sys == ENOSYS) {
			fputs("SKIP opener: no openat2 here\n", stderr);
			return;
		}
		ck_assert_ok(e);
		ck_assert_uint_eq(map.size, 6);
		ck_assert_mem_eq(map.bytes, "inside", 6);
		file_map_close(&map);
	}
	struct opened f;
	ck_assert(failed(opener_open_below(dir.path, "/self", &f)));
	ck_assert(failed(opener_open_below(dir.path, "etc/passwd", &f)));
	ck_assert(failed(opener_open_below(dir.path, "/etc/../etc/passwd", &f)));
	ck_assert(failed(opener_open_below(dir.path, "/etc", &f)));
	ck_assert(failed(opener_open_below(file, "/etc/passwd", &f)));
}
END_TEST

START_TEST(maps)
{
	AUTO_FREE char *path = tempdir_write(&dir, "file", "content", 7);
	AUTO_FREE char *empty = tempdir_write(&dir, "empty", "", 0);
	struct file_map map = { 0 };
	ck_assert_ok(file_map_open(path, OPEN_NAMED_BY_USER, &map));
	ck_assert_uint_eq(map.size, 7);
	ck_assert_mem_eq(map.bytes, "content", 7);
	file_map_close(&map);
	ck_assert_ptr_null(map.bytes);
	file_map_close(&map);
	ck_assert_ok(file_map_open(empty, OPEN_NAMED_BY_USER, &map));
	ck_assert_ptr_null(map.bytes);
	ck_assert_uint_eq(map.size, 0);
	file_map_close(&map);
	ck_assert(failed(file_map_open(dir.path, OPEN_NAMED_BY_USER, &map)));
	ck_assert_int_eq(file_map_fd(-1, &map).sys, EBADF);
}
END_TEST

/* Whichever of its times is set to another one. */
START_TEST(changed)
{
	AUTO_FREE char *path = tempdir_write(&dir, "file", "content", 7);
	struct file_map map;
	struct stat st;
	ck_assert_int_eq(chmod(path, 0640), 0);
	static const time_t times[] = { 1000000000, INT32_MAX };
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		const struct timespec set[2] = { { .tv_nsec = UTIME_OMIT },
			{ .tv_sec = times[i] } };
		ck_assert_int_eq(utimensat(AT_FDCWD, path, set, 0), 0);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_ok(file_map_open(path, OPEN_NAMED_BY_USER, &map));
		ck_assert_int_eq(map.changed.tv_sec, i ? times[i] : st.st_ctim.tv_sec);
		ck_assert_int_eq(map.changed.tv_nsec, i ? 0 : st.st_ctim.tv_nsec);
		ck_assert_uint_eq(map.uid, st.st_uid);
		ck_assert_uint_eq(map.gid, st.st_gid);
		ck_assert_uint_eq(map.mode & 07777, 0640);
		file_map_close(&map);
	}
}
END_TEST

START_TEST(slurped)
{
	AUTO_FREE char *path = tempdir_write(&dir, "file", "con\0tent", 8);
	static const size_t most[] = { 0, 1, 7, 8, 9, 100000 };
	for (size_t i = 0; i < ARRAY_LEN(most); i++) {
		size_t n = 99, wanted = most[i] < 8 ? most[i] : 8;
		char *text = NULL;
		ck_assert_ok(opener_slurp(path, most[i], &text, &n));
		ck_assert_uint_eq(n, wanted);
		ck_assert_mem_eq(text, "con\0tent", wanted);
		ck_assert_int_eq(text[wanted], '\0');
		free(text);
	}
	char *text;
	size_t n;
	ck_assert(failed(opener_slurp(dir.path, 10, &text, &n)));
	ck_assert_int_eq(opener_slurp("/nowhere", 10, &text, &n).sys, ENOENT);
}
END_TEST

Suite *suite_opener(void)
{
	Suite *s = suite_create("opener");
	TCase *tc = tcase_create("opener");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, regular_file);
	tcase_add_test(tc, other_kinds);
	tcase_add_loop_test(tc, distrusted_path, 0, ARRAY_LEN(distrusted));
	tcase_add_test(tc, links_of_a_target);
	tcase_add_test(tc, below_a_root);
	tcase_add_test(tc, maps);
	tcase_add_test(tc, changed);
	tcase_add_test(tc, slurped);
	suite_add_tcase(s, tc);
	return s;
}
