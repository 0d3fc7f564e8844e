/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that may not be looked into: real ones as far as this kernel refuses, made-up ones for
 * what it lacks (Yama) or a test cannot arrange. A made-up procfs also serves hostile maps.
 */
#include "live_cases.h"
#include "live_subject.h"
#include "suites.h"

#include "pycore/alloc.h"
#include "pycore/str.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The number of the one process in a made-up procfs; no real one has it. */
enum { MADE_UP = 0x7ffffff1 };

#define WITH_PTRACE "0000000000080000"
#define WITHOUT_IT  "00000000a80425fb"
#define USER(id)    #id "\t" #id "\t" #id "\t" #id

static char root[64];

/* The path below the root, with its directories made; malloc'ed. */
static char *place(const char *fmt, ...)
{
	AUTO_STR(path);
	va_list ap;
	va_start(ap, fmt);
	str_addf(&path, "%s/", root);
	str_vaddf(&path, fmt, ap);
	va_end(ap);
	for (char *slash = path.bytes + strlen(root); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path.bytes, 0755);
		*slash = '/';
	}
	return STEAL(path.bytes);
}

static void put(const char *text, char *path)
{
	FILE *f = fopen(path, "w");
	ck_assert_msg(f != NULL, "%s", path);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
	free(path);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static void remove_root(void)
{
	nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Has a child remove the tree when the test has ended, which can't when it has become nobody. */
static void remove_root_at_end(void)
{
	int ends[2];
	char byte;
	ck_assert_int_eq(pipe(ends), 0);
	pid_t child = fork();
	if (!child) {
		close(ends[1]);
		(void)!read(ends[0], &byte, 1);
		remove_root();
		_exit(0);
	}
	setpgid(child, child); /* Check kills the group of a test that has ended */
	close(ends[0]);
}

/* What differs from a process of user and group 41000, seen by the same without capabilities. */
struct made_up {
	const char *wanted, *also; /* in the explanation */
	const char *yama;
	const char *its_uids, *its_gids, *own_uids;
	const char *its_caps, *own_caps;
	const char *uid_map;
	bool undumpable;
	bool open; /* memory may be opened */
};

static void put_status(char *path, int pid, const char *uids, const char *gids, const char *caps)
{
	static const char ids[] = USER(41000);
	caps = caps ?: "0000000000000000";
	AUTO_FREE char *text =
		xasprintf("Name:\tx\\nTgid:\t1\nUmask:\t0022\nState:\tS "
			  "(sleeping)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\n"
			  "PPid:\t1\nTracerPid:\t0\nUid:\t%s\nGid:\t%s\nNSpid:\t%d\nThreads:\t1\n"
			  "CapPrm:\t%s\nCapEff:\t%s\n",
			pid, pid, uids ?: ids, gids ?: ids, pid, caps, caps);
	put(text, path);
}

static void make_proc(const struct made_up *m, const char *maps)
{
	static const char stat[] =
		"7 (a) Z (b) S 1 7 7 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 12345 1 1 1 1";
	static const char whole_map[] = "         0          0 4294967295\n";
	const int pid = MADE_UP;
	strcpy(root, "/tmp/test_proc.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	chmod(root, 0755);
	put_status(place("%d/status", pid), pid, m->its_uids, m->its_gids, m->its_caps);
	put_status(
		place("%d/task/%d/status", pid, pid), pid, m->its_uids, m->its_gids, m->its_caps);
	put_status(place("self/status"), 1, m->own_uids, NULL, m->own_caps);
	put(stat, place("%d/stat", pid));
	put(stat, place("%d/task/%d/stat", pid, pid));
	put(maps, place("%d/maps", pid));
	put(whole_map, place("self/uid_map"));
	put(m->uid_map ?: whole_map, place("%d/uid_map", pid));
	if (m->yama)
		put(m->yama, place("sys/kernel/yama/ptrace_scope"));
	put("", place("%d/mem", pid));
	AUTO_FREE char *exe = place("%d/exe", pid);
	ck_assert_int_eq(symlink("/bin/sh", exe), 0);
	AUTO_FREE char *mem = place("%d/mem", pid);
	ck_assert_int_eq(chmod(mem, m->open ? 0444 : 0), 0);
	AUTO_FREE char *owned = place("%d/stat", pid);
	if (!geteuid() && !m->undumpable)
		ck_assert_int_eq(chown(owned, 41000, 41000), 0);
}

static const char some_maps[] = "00400000-00401000 r-xp 00000000 fd:01 12 /bin/x\n";

static const struct made_up refusals[] = {
	{ "ptrace_scope is 1", "sudo", .yama = "1\n" },
	{ "ptrace_scope is 1", "sysctl kernel.yama.ptrace_scope=0", .yama = "1\n" },
	{ "ptrace_scope is 2", "CAP_SYS_PTRACE", .yama = "2\n" },
	{ "ptrace_scope is 3", "not even by root", .yama = "3\n" },
	{ "ptrace_scope is 3", "core file", .yama = "3\n", .own_uids = USER(0),
		.own_caps = WITH_PTRACE },
	{ "ptrace_scope is 9", "unknown", .yama = "9\n" },
	{ "belongs to user 4242, pycore runs as user 41000:",
		"run pycore as that user, or run pycore as root (sudo)", .its_uids = USER(4242) },
	{ "belongs to user root (0)", "run pycore as root (sudo)", .its_uids = USER(0) },
	/* the user matters more than Yama, which root is free of */
	{ "belongs to user root (0)", "sudo", .its_uids = USER(0), .yama = "1\n" },
	/* a set-user-id program */
	{ "belongs to user root (0)", "sudo", .its_uids = "41000\t0\t0\t0" },
	{ "other group ids (41000, 50, 50) than pycore (41000)", "sudo",
		.its_gids = "41000\t50\t50\t50" },
	{ "belongs to user", "docker run --cap-add=SYS_PTRACE", .own_uids = USER(0),
		.own_caps = WITHOUT_IT },
	{ "has capabilities that pycore lacks", "sudo", .its_caps = WITH_PTRACE },
	{ "another user namespace", "inside of that one", .uid_map = "0 41000 1\n" },
	{ "another user namespace", "outside of all containers", .uid_map = "0 100000 65536\n",
		.own_uids = USER(0), .own_caps = WITH_PTRACE },
	{ "does not say why", "SELinux" },
	{ "does not say why", "docker run", .own_uids = USER(0), .own_caps = WITH_PTRACE },
	{ "may not be dumped", "sudo", .undumpable = true },
};

START_TEST(made_up_refusal_is_explained)
{
	const struct made_up *m = &refusals[_i];
	if (m->undumpable && !have_root(__func__))
		return;
	make_proc(m, some_maps);
	if (!geteuid()) {
		remove_root_at_end();
		become_nobody();
	}
	struct err e;
	AUTO_FREE char *why = why_not_opened(MADE_UP, root, &e);
	ck_assert_int_eq(e.code, ERR_DENIED);
	ck_assert_msg(strstr(why, m->wanted) != NULL, "no '%s' in: %s", m->wanted, why);
	ck_assert_msg(strstr(why, m->also) != NULL, "no '%s' in: %s", m->also, why);
}
END_TEST

/* Lines that the kernel never writes are counted and left out; the rest is taken, in order. */
START_TEST(hostile_maps_do_no_harm)
{
	static const char maps[] =
		"00400000-00401000 r--p 00000000 fd:01 12                   /bin/x\\012y\\012\n"
		"00401000-00402000 r-xp 00001000 fd:01 12                   /bin/x\\012y\\012\n"
		"00402000-00402000 rw-p 00000000 00:00 0 \n" /* empty */
		"00500000-00480000 rw-p 00000000 00:00 0 \n" /* backwards */
		"00401800-00403000 rw-p 00000000 00:00 0 [overlaps]\n" /* it grew meanwhile */
		"-1 r\n"
		"\n"
		"zzz-00600000 r--p 00000000 fd:01 12 /bin/z\n"
		"11111111111111111-22222222222222222 r--p 00000000 fd:01 12 /bin/z\n"
		"00600000-00601000\n"
		"00600000-00601000 r-\n"
		"00600000-00601000 r--p 00000000 fd:01\n"
		"00600000-00601000 r--p 00000000 fd:01 99999999999999999999999 /bin/z\n"
		"00600000-00601000 rw-p 00000000 00:00 0\n"
		"00601000-00602000 rw-p 00000000 00:01 7 /bin/\\01x\\ (deleted)\n"
		"00602000-00603000 rw-s 00000000 00:01 7 /dev/mem\n"
		"00603000-00604000 rw-s 00000000 00:01 7 /dev/shm/x\n"
		"00604000-00605000 r--p 00000000 00:00 0 [vvar]\n"
		"00605000-00606000 r--p 00000000 00:00 0 [anon: /bin/a (deleted)]\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  "
		"[vsyscall]\n"
		"fffffffffffff000-ffffffffffffffff rw-p ffffffffffffffff 00:00 0 /end";
	static const struct mem_range wanted[] = {
		{ 0x400000, 0x401000, MEM_READ, true },
		{ 0x401000, 0x402000, MEM_READ | MEM_EXEC, true },
		{ 0x600000, 0x601000, MEM_READ | MEM_WRITE, true },
		{ 0x601000, 0x602000, MEM_READ | MEM_WRITE, true },
		{ 0x602000, 0x603000, MEM_READ | MEM_WRITE, false },
		{ 0x603000, 0x604000, MEM_READ | MEM_WRITE, true },
		{ 0x604000, 0x605000, MEM_READ, false },
		{ 0x605000, 0x606000, MEM_READ, true },
		{ 0xffffffffff600000, 0xffffffffff601000, MEM_EXEC, false },
	};
	make_proc(&(struct made_up){ .open = true }, maps);
	struct target *t = NULL;
	AUTO_STR(why);
	ck_assert_ok(
		target_open_live(MADE_UP, &(struct target_live_options){ .proc = root }, &why, &t));
	struct mem_range r;
	uint64_t from = 0;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++, from = r.end) {
		ck_assert_msg(mem_next_range(t->mem, from, &r), "range %zu", i);
		ck_assert_uint_eq(r.start, wanted[i].start);
		ck_assert_uint_eq(r.end, wanted[i].end);
		ck_assert_uint_eq(r.perm, wanted[i].perm);
		ck_assert_int_eq(r.readable, wanted[i].readable);
	}
	ck_assert(!mem_next_range(t->mem, from, &r));
	ck_assert_uint_eq(t->n_images, 4);
	ck_assert_str_eq(t->images[0].path, "/bin/x\ny\n");
	ck_assert_uint_eq(t->images[0].n_pieces, 2);
	ck_assert(!t->images[0].deleted);
	ck_assert_str_eq(t->images[1].path, "/bin/\\01x\\");
	ck_assert(t->images[1].deleted);
	ck_assert_uint_eq(t->problems.len, 1);
	ck_assert_ptr_nonnull(strstr(t->problems.list[0].why, "10 lines"));
	ck_assert_str_eq(t->threads[0].name, "a) Z (b");
	ck_assert_int_eq(t->threads[0].state, 'S');
	ck_assert_ptr_null(t->exe);
	uint64_t value;
	ck_assert_err(mem_uint(t->mem, 0x400000, 8, &value), ERR_GONE);
	target_close(t);
	remove_root();
}
END_TEST

START_TEST(process_without_memory_has_ended)
{
	make_proc(&(struct made_up){ .open = true }, "");
	struct err e;
	AUTO_FREE char *why = why_not_opened(MADE_UP, root, &e);
	ck_assert_int_eq(e.code, ERR_GONE);
	ck_assert_ptr_nonnull(strstr(why, "ended while it was being opened"));
	remove_root();
}
END_TEST

/* Cut anywhere, status, stat and maps yield an error or what is left of them. */
START_TEST(cut_files_do_no_harm)
{
	static const char *const names[] = { "status", "stat", "maps" };
	make_proc(&(struct made_up){ .open = true }, some_maps);
	AUTO_FREE char *path = place("%d/%s", MADE_UP, names[_i]);
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	for (off_t n = st.st_size - 1; n >= 0; n--) {
		ck_assert_int_eq(truncate(path, n), 0);
		struct target *t = NULL;
		AUTO_STR(why);
		struct err e = target_open_live(
			MADE_UP, &(struct target_live_options){ .proc = root }, &why, &t);
		ck_assert(failed(e) == !t);
		target_close(t);
	}
	remove_root();
}
END_TEST

static void body_as_nobody(struct shared *shared, int arg)
{
	become_nobody();
	body_sleep(shared, arg);
}

START_TEST(process_of_another_user)
{
	if (!have_root(__func__))
		return;
	struct subject s = subject_start(_i ? body_as_nobody : body_sleep, 2);
	ck_assert_int_eq(setresgid(4242, 4242, 4242), 0);
	ck_assert_int_eq(setresuid(4242, 4242, 4242), 0);
	struct err e;
	AUTO_FREE char *why = why_not_opened(s.pid, NULL, &e);
	ck_assert_int_eq(e.code, ERR_DENIED);
	ck_assert_msg(
		strstr(why, _i ? "(65534), pycore runs as user 4242:" : "belongs to user root (0)"),
		"%s", why);
	ck_assert_ptr_nonnull(strstr(why, "sudo"));
}
END_TEST

static void body_undumpable(struct shared *shared, int arg)
{
	prctl(PR_SET_DUMPABLE, 0);
	body_sleep(shared, arg);
}

START_TEST(process_that_may_not_be_dumped)
{
	if (!have_root(__func__))
		return;
	become_nobody();
	struct subject s = subject_start(body_undumpable, 1);
	struct err e;
	AUTO_FREE char *why = why_not_opened(s.pid, NULL, &e);
	ck_assert_int_eq(e.code, ERR_DENIED);
	ck_assert_msg(strstr(why, "may not be dumped") && strstr(why, "sudo"), "%s", why);
	subject_end(&s);
}
END_TEST

/* pycore in a namespace of its own, the process outside of it. */
START_TEST(process_in_another_user_namespace)
{
	if (!have_root(__func__))
		return;
	become_nobody();
	struct subject s = subject_start(body_sleep, 1);
	if (unshare(CLONE_NEWUSER)) {
		fprintf(stderr, "SKIP live %s: user namespaces are not permitted here\n", __func__);
		subject_end(&s);
		return;
	}
	struct err e;
	AUTO_FREE char *why = why_not_opened(s.pid, NULL, &e);
	ck_assert_int_eq(e.code, ERR_DENIED);
	ck_assert_msg(strstr(why, "another user namespace") != NULL, "%s", why);
	subject_end(&s);
}
END_TEST

static void body_new_namespace(struct shared *shared, int arg)
{
	if (unshare(CLONE_NEWUSER)) {
		shared->ready = -1;
		for (;;)
			pause();
	}
	body_sleep(shared, arg);
}

/* The other way round: who made the namespace has all rights in it. */
START_TEST(own_sandbox_is_open)
{
	if (!have_root(__func__))
		return;
	become_nobody();
	struct subject s = subject_start(body_new_namespace, 1);
	if (s.shared->ready < 0) {
		fprintf(stderr, "SKIP live %s: user namespaces are not permitted here\n", __func__);
	} else {
		struct target *t = open_subject(&s, false);
		stop_target(t);
		target_close(t);
	}
	subject_end(&s);
}
END_TEST

TCase *live_rights_case(void)
{
	TCase *c = tcase_create("rights");
	tcase_set_timeout(c, 30);
	tcase_add_loop_test(c, made_up_refusal_is_explained, 0, ARRAY_LEN(refusals));
	tcase_add_test(c, hostile_maps_do_no_harm);
	tcase_add_test(c, process_without_memory_has_ended);
	tcase_add_loop_test(c, cut_files_do_no_harm, 0, 3);
	tcase_add_loop_test(c, process_of_another_user, 0, 2);
	tcase_add_test(c, process_that_may_not_be_dumped);
	tcase_add_test(c, process_in_another_user_namespace);
	tcase_add_test(c, own_sandbox_is_open);
	return c;
}
