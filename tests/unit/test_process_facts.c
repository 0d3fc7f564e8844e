/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts on a process as a whole: out of a made-up procfs with all that a kernel or whoever controls
 * a process can put there, out of real ones, and out of a core's initial stack.
 */
#include "suites.h"

#include "live_subject.h"
#include "tempdir.h"

#include "../../src/target/proc_facts.h"
#include "../support/fakecore.h"

#include "pycore/limits.h"
#include "pycore/target.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct tempdir dir;
static struct target_facts facts;

static void reset(void)
{
	target_facts_fini(&facts);
	facts = (struct target_facts){
		.resident = AMOUNT_UNKNOWN,
		.resident_peak = AMOUNT_UNKNOWN,
		.resident_anonymous = AMOUNT_UNKNOWN,
		.swapped = AMOUNT_UNKNOWN,
		.threads = AMOUNT_UNKNOWN,
		.cgroup = { .limit = AMOUNT_UNKNOWN, .usage = AMOUNT_UNKNOWN },
	};
}

static void setup(void)
{
	tempdir_init(&dir);
	reset();
}

static void teardown(void)
{
	target_facts_fini(&facts);
	tempdir_fini(&dir);
}

/* Writes a file below the folder, with the folders that it lies in. */
static void put(const char *name, const char *text)
{
	AUTO_FREE char *path = tempdir_path(&dir, name);
	for (char *slash = path + strlen(dir.path); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	free(tempdir_write(&dir, name, text, strlen(text)));
}

static void link_to(const char *name, const char *to)
{
	AUTO_FREE char *path = tempdir_path(&dir, name);
	unlink(path);
	ck_assert_int_eq(symlink(to, path), 0);
}

/* Reads what is known of the process whose folder is "7". */
static void look(void)
{
	AUTO_FREE char *process = tempdir_path(&dir, "7");
	reset();
	proc_read_facts(dir.path, process, &facts);
}

static const char status[] =
	"Name:\tx\\nVmRSS:\t 1 kB\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t7\n"
	"PPid:\t5\nTracerPid:\t0\nUid:\t1000\t0\t0\t0\nGid:\t100\t0\t0\t0\n"
	"VmHWM:\t  140000 kB\nVmRSS:\t  120000 kB\nRssAnon:\t   80000 kB\n"
	"VmSwap:\t      16 kB\nThreads:\t11\nSigQ:\t0/1\n";

static const char limits[] =
	"Limit                     Soft Limit           Hard Limit           Units     \n"
	"Max cpu time              1                    2                    seconds   \n"
	"Max data size             unlimited            unlimited            bytes     \n"
	"Max stack size            8388608              unlimited            bytes     \n"
	"Max core file size        0                    unlimited            bytes     \n"
	"Max processes             96365                96366                processes \n"
	"Max open files            1024                 524288               files     \n"
	"Max address space         18446744073709551613 unlimited            bytes     \n";

/* That of another limit, or unknown, is never given for one. */
static const struct target_limit *limit(const char *name)
{
	for (size_t i = 0; i < facts.n_limits; i++) {
		if (!strcmp(facts.limits[i].name, name))
			return &facts.limits[i];
	}
	return NULL;
}

static void expect_limit(const char *name, uint64_t soft, uint64_t hard)
{
	const struct target_limit *l = limit(name);
	ck_assert_msg(l != NULL, "no limit '%s'", name);
	ck_assert_msg(l->soft == soft && l->hard == hard, "%s", name);
}

START_TEST(whole)
{
	put("7/status", status);
	put("7/limits", limits);
	put("7/oom_score", "666\n");
	put("7/oom_score_adj", "-998\n");
	link_to("7/cwd", "/srv/app");
	link_to("7/root", "/srv/chroot");
	look();
	ck_assert_uint_eq(facts.resident, UINT64_C(120000) * 1024);
	ck_assert_uint_eq(facts.resident_peak, UINT64_C(140000) * 1024);
	ck_assert_uint_eq(facts.resident_anonymous, UINT64_C(80000) * 1024);
	ck_assert_uint_eq(facts.swapped, 16 * 1024);
	ck_assert_uint_eq(facts.threads, 11);
	ck_assert(facts.has_ids);
	ck_assert_uint_eq(facts.uid, 1000);
	ck_assert_uint_eq(facts.gid, 100);
	ck_assert_int_eq(facts.parent, 5);
	ck_assert(facts.has_oom_score && facts.has_oom_score_adj);
	ck_assert_int_eq(facts.oom_score, 666);
	ck_assert_int_eq(facts.oom_score_adj, -998);
	ck_assert_str_eq(facts.cwd, "/srv/app");
	ck_assert(!facts.cwd_deleted);
	ck_assert_str_eq(facts.root, "/srv/chroot");
	ck_assert_uint_eq(facts.n_limits, TARGET_LIMITS);
	expect_limit("address space", AMOUNT_UNLIMITED - 1, AMOUNT_UNLIMITED);
	expect_limit("data", AMOUNT_UNLIMITED, AMOUNT_UNLIMITED);
	expect_limit("stack", 8388608, AMOUNT_UNLIMITED);
	expect_limit("core file", 0, AMOUNT_UNLIMITED);
	expect_limit("processes", 96365, 96366);
	expect_limit("open files", 1024, 524288);
}
END_TEST

START_TEST(nothing_is_there)
{
	look();
	ck_assert(!facts.cwd && !facts.root && !facts.has_ids && !facts.cgroup.path);
	ck_assert(!facts.has_oom_score && !facts.has_oom_score_adj && !facts.parent);
	ck_assert_uint_eq(facts.n_limits, 0);
	ck_assert_uint_eq(facts.resident, AMOUNT_UNKNOWN);
	ck_assert_uint_eq(facts.threads, AMOUNT_UNKNOWN);
	ck_assert_uint_eq(facts.cgroup.limit, AMOUNT_UNKNOWN);
}
END_TEST

/* Rows that no kernel writes so are unknown, not taken for something else. */
START_TEST(hostile_rows)
{
	put("7/status",
		"VmRSS:\t18446744073709551615 kB\nVmHWM:\t18014398509481984 kB\nRssAnon:\t12 MB\n"
		"VmSwap:\t-1 "
		"kB\nThreads:\t99999999999999999999\nPPid:\t4294967296\nUid:\t4294967296\n"
		"Gid:\tx\n");
	put("7/limits",
		"Max open files            -1                   1024                 files\n"
		"Max data size             unlimite             unlimited            bytes\n"
		"Max stack size            1\n"
		"Max core file size        1                    2x                   bytes\n"
		"Max processes             18446744073709551614 1                    processes\n"
		" Max address space        1                    2                    bytes\n");
	put("7/oom_score", "1x\n");
	put("7/oom_score_adj", "-1001\n");
	link_to("7/root", "/");
	look();
	ck_assert_uint_eq(facts.resident, AMOUNT_UNKNOWN);
	ck_assert_uint_eq(facts.resident_peak, AMOUNT_UNKNOWN);
	ck_assert_uint_eq(facts.resident_anonymous, AMOUNT_UNKNOWN);
	ck_assert_uint_eq(facts.swapped, AMOUNT_UNKNOWN);
	ck_assert_uint_eq(facts.threads, AMOUNT_UNKNOWN);
	ck_assert(!facts.has_ids && !facts.parent && !facts.root);
	ck_assert(!facts.has_oom_score && !facts.has_oom_score_adj);
	ck_assert_uint_eq(facts.n_limits, 0);
}
END_TEST

/* Cut anywhere, what is left is told right. */
START_TEST(cut_files)
{
	AUTO_FREE char *text = xstrdup(_i ? limits : status);
	for (size_t n = strlen(text); n-- > 0;) {
		text[n] = '\0';
		put(_i ? "7/limits" : "7/status", text);
		look();
		const struct target_limit *files = limit("open files");
		ck_assert(!files || (files->soft == 1024 &&
					    (files->hard == 524288 || n < strlen(limits) - 90)));
		ck_assert(facts.resident == AMOUNT_UNKNOWN || facts.resident == 120000 * 1024);
		ck_assert(facts.swapped == AMOUNT_UNKNOWN || facts.swapped == 16 * 1024);
	}
}
END_TEST

/* The mark of a removed folder, and a folder that is called so. */
START_TEST(removed_folder)
{
	link_to("7", "."); /* makes 7/cwd a name in the folder itself */
	link_to("cwd", "/nowhere/at all (deleted)");
	look();
	ck_assert_str_eq(facts.cwd, "/nowhere/at all");
	ck_assert(facts.cwd_deleted);
	AUTO_FREE char *there = tempdir_path(&dir, "x (deleted)");
	ck_assert_int_eq(mkdir(there, 0755), 0);
	link_to("cwd", there);
	look();
	ck_assert_str_eq(facts.cwd, there);
	ck_assert(!facts.cwd_deleted);
}
END_TEST

/* Cgroups. The mount points in mountinfo lie below the folder; %s stands for it. */
static void put_mounts(const char *rows)
{
	AUTO_STR(text);
	for (const char *at = rows; *at; at++) {
		if (*at == '@')
			str_puts(&text, dir.path);
		else
			str_putc(&text, *at);
	}
	put("self/mountinfo", str_text(&text));
}

static void expect_cgroup(const char *path, int version, uint64_t most, uint64_t used)
{
	look();
	ck_assert_ptr_nonnull(facts.cgroup.path);
	ck_assert_str_eq(facts.cgroup.path, path);
	ck_assert_int_eq(facts.cgroup.version, version);
	ck_assert_uint_eq(facts.cgroup.limit, most);
	ck_assert_uint_eq(facts.cgroup.usage, used);
}

static void expect_no_cgroup(void)
{
	look();
	ck_assert_ptr_null(facts.cgroup.path);
	ck_assert_uint_eq(facts.cgroup.limit, AMOUNT_UNKNOWN);
	ck_assert_uint_eq(facts.cgroup.usage, AMOUNT_UNKNOWN);
}

#define V2_MOUNT "31 23 0:28 / @/cg rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"

START_TEST(cgroup_v2)
{
	put_mounts("22 27 0:21 / /proc rw - proc proc rw\n" V2_MOUNT);
	put("7/cgroup", "0::/a/b/c\n");
	expect_cgroup("/a/b/c", 2, AMOUNT_UNKNOWN, AMOUNT_UNKNOWN);
	put("cg/a/b/c/memory.max", "max\n");
	put("cg/a/b/c/memory.current", "1000\n");
	expect_cgroup("/a/b/c", 2, AMOUNT_UNLIMITED, 1000);
	put("cg/a/b/memory.max", "5000\n");
	put("cg/a/b/memory.current", "3000\n");
	put("cg/a/memory.max", "6000\n");
	put("cg/a/memory.current", "3500\n");
	expect_cgroup("/a/b/c", 2, 5000, 3000);
	put("cg/memory.max", "4000\n"); /* of the namespace's root */
	put("cg/memory.current", "3900\n");
	expect_cgroup("/a/b/c", 2, 4000, 3900);
	put("7/cgroup", "0::/\n");
	expect_cgroup("/", 2, 4000, 3900);
}
END_TEST

START_TEST(cgroup_v1)
{
	put_mounts(V2_MOUNT
		"32 31 0:29 / @/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
		"35 31 0:32 /docker/x @/a\\040mount rw - cgroup cgroup rw,hugetlb,memory\n");
	put("7/cgroup", "0::/wrong\n9:name=systemd:/wrong\n3:cpu,cpuacct:/wrong\n"
			"4:memory:/docker/x/inner\n");
	put("a mount/inner/memory.limit_in_bytes", "9223372036854771712\n");
	put("a mount/inner/memory.usage_in_bytes", "77\n");
	expect_cgroup("/docker/x/inner", 1, AMOUNT_UNLIMITED, 77);
	put("a mount/memory.limit_in_bytes", "123456\n");
	put("a mount/memory.usage_in_bytes", "123\n");
	expect_cgroup("/docker/x/inner", 1, 123456, 123);
}
END_TEST

START_TEST(hostile_cgroups)
{
	put_mounts(V2_MOUNT);
	put("cg/memory.max", "4000\n");
	static const char *const none[] = { "", "0::", "0:/", "0::relative\n", "0::/../x\n",
		"0::/a/..\n", "1:name=x:/\n", ":::::\n", "0::/\xff", "1:memory:/\n", "\n\n\n" };
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		put("7/cgroup", none[i]);
		expect_no_cgroup();
	}
	put("7/cgroup", "0::/a\n");
	static const char *const mounts[] = { "", "31 23 0:28 / @/cg rw - cgroup2 cgroup2 rw",
		"31 23 0:28 /b @/cg rw - cgroup2 cgroup2 rw\n",
		"31 23 0:28 /a/b @/cg rw - cgroup2 cgroup2 rw\n",
		"31 23 0:28 / @/cg rw cgroup2 cgroup2 rw\n", "31 23 0:28\n", " - cgroup2 \n",
		"1 2 3 / @/cg/../cg rw - cgroup2 cgroup2 rw\n",
		"1 2 3 / cg rw - cgroup2 cgroup2 rw\n", "\n \n  \n     \n" };
	for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
		put_mounts(mounts[i]);
		expect_no_cgroup();
	}
	put_mounts("31 23 0:28 /a @/cg rw - cgroup2 cgroup2 rw\n");
	expect_cgroup("/a", 2, 4000, AMOUNT_UNKNOWN);
	static const char *const amounts[] = { "", "x\n", "-1\n", "+1\n", " 1\n", "max",
		"18446744073709551615\n", "99999999999999999999999\n", "12", "1 2\n" };
	for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
		put("cg/memory.max", amounts[i]);
		expect_cgroup("/a", 2, AMOUNT_UNKNOWN, AMOUNT_UNKNOWN);
	}
}
END_TEST

START_TEST(real_process)
{
	struct subject s = subject_start(body_sleep, 3);
	struct target *t = open_subject(&s, false);
	char cwd[PATH_BYTES_MAX];
	struct rlimit files;
	target_read_facts(t, &facts);
	ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
	ck_assert_str_eq(facts.cwd, cwd);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	ck_assert_uint_eq(facts.n_limits, TARGET_LIMITS);
	expect_limit("open files", files.rlim_cur, files.rlim_max);
	ck_assert_uint_eq(facts.threads, 3);
	ck_assert_uint_eq(facts.uid, getuid());
	ck_assert_uint_eq(facts.gid, getgid());
	ck_assert_int_eq(facts.parent, getpid());
	ck_assert_uint_gt(facts.resident, 0);
	ck_assert_uint_lt(facts.resident, UINT64_C(1) << 40);
	ck_assert_uint_le(facts.resident, facts.resident_peak);
	ck_assert_uint_le(facts.resident_anonymous, facts.resident);
	ck_assert(facts.uptime >= 0 && facts.uptime < 600);
	ck_assert(facts.has_oom_score && facts.has_oom_score_adj);
	ck_assert_ptr_null(facts.start_pwd);
	target_close(t);
	subject_end(&s);
}
END_TEST

/* A process that has ended meanwhile. */
START_TEST(process_is_gone)
{
	struct subject s = subject_start(body_sleep, 1);
	struct target *t = open_subject(&s, false);
	subject_end(&s);
	target_read_facts(t, &facts);
	ck_assert(!facts.cwd && !facts.n_limits && !facts.cgroup.path);
	ck_assert_uint_eq(facts.resident, AMOUNT_UNKNOWN);
	target_close(t);
}
END_TEST

enum { STACK = 0x7ff00000, PAGE = 16384, WORDS = STACK + 1024 };

/* A core with an initial stack. The words lie one behind the other; the first is the only one of
 * argv. The environment has n pointers (they mean nothing) and `removed` more zeros behind them. */
static struct target *core_with(const char *words, size_t size, size_t n, size_t removed)
{
	static uint64_t stack[PAGE / 8];
	const uint64_t auxv[] = { AT_ENTRY, 100, AT_UID, 1000, AT_EXECFN, WORDS + size, AT_PAGESZ,
		PAGE };
	size_t at = 0;
	memset(stack, 0, sizeof(stack));
	stack[at++] = 1;
	stack[at++] = WORDS;
	at++;
	for (size_t i = 0; i < n; i++)
		stack[at++] = 0x12345678;
	at += 1 + removed;
	memcpy(stack + at, auxv, sizeof(auxv));
	memcpy((char *)stack + 1024, words, size);
	strcpy((char *)stack + 1024 + size, "/bin/prog");
	struct fakecore fake;
	AUTO_STR(bytes);
	fakecore_init(&fake, EM_X86_64, 8, ORDER_LITTLE);
	fakecore_segment(&fake, STACK, stack, PAGE, PAGE, PF_R | PF_W);
	fakecore_thread(&fake, 4711, 11, 0, STACK);
	fakecore_process(&fake, 4711, "prog", "summary");
	fakecore_auxv(&fake, auxv, ARRAY_LEN(auxv) / 2);
	fakecore_build(&fake, &bytes);
	AUTO_FREE char *path = tempdir_write(&dir, "core", bytes.bytes, bytes.len);
	fakecore_fini(&fake);
	struct target *t = NULL;
	ck_assert_ok(target_open_core(path, &(struct target_core_options){ 0 }, &t));
	return t;
}

static const struct environment {
	const char *words; /* the first is the command line; ended by an empty one */
	size_t size, n, removed;
	const char *pwd;
} environments[] = {
#define ENVIRONMENT(w, n, removed, pwd)                                                            \
	{                                                                                          \
		w, sizeof(w), n, removed, pwd                                                      \
	}
	ENVIRONMENT("run\0OLDPWD=/old\0PWDX=/x\0PWD=/srv/app\0PWD=/2nd", 4, 0, "/srv/app"),
	ENVIRONMENT("PWD=/word\0OLDPWD=/old\0PWDX=/x", 2, 0, NULL),
	ENVIRONMENT("PWD=/word\0PWD=/1st", 1, 0, "/1st"),
	ENVIRONMENT("run\0PWD=relative", 1, 0, NULL),
	ENVIRONMENT("run\0PWD\0=PWD=/x\0XPWD=/x\0PWD=", 4, 0, NULL),
	ENVIRONMENT("run", 0, 0, NULL),
	/* a program has removed some, or all */
	ENVIRONMENT("run\0A=1\0PWD=/a\0B=2", 2, 1, "/a"),
	ENVIRONMENT("run\0A=1\0PWD=/a\0B=2", 1, 2, "/a"),
	ENVIRONMENT("run\0A=1\0PWD=/a\0B=2", 0, 3, "/a"),
};

START_TEST(environment_of_a_core)
{
	const struct environment *e = &environments[_i];
	struct target *t = core_with(e->words, e->size, e->n, e->removed);
	target_read_facts(t, &facts);
	ck_assert_uint_eq(t->argc, 1);
	ck_assert_str_eq(t->argv[0], e->words);
	if (e->pwd)
		ck_assert_str_eq(facts.start_pwd, e->pwd);
	else
		ck_assert_ptr_null(facts.start_pwd);
	ck_assert_ptr_null(facts.cwd);
	ck_assert(facts.has_ids && facts.uptime < 0);
	ck_assert_uint_eq(facts.threads, 1);
	target_close(t);
}
END_TEST

/* Words longer than are kept, of argv or of the environment, shift nothing. */
START_TEST(long_words)
{
	char words[3 * PATH_BYTES_MAX];
	memset(words, 'x', sizeof(words));
	memcpy(words + 2 * PATH_BYTES_MAX, "\0PWD=/a", 8);
	memcpy(words + sizeof(words) - 4, "=PWD", 4);
	words[sizeof(words) - 1] = '\0';
	struct target *t = core_with(words, sizeof(words), 2, 0);
	target_read_facts(t, &facts);
	ck_assert_str_eq(facts.start_pwd, "/a");
	target_close(t);
}
END_TEST

Suite *suite_process_facts(void)
{
	Suite *s = suite_create("process_facts");
	TCase *c = tcase_create("facts");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, whole);
	tcase_add_test(c, nothing_is_there);
	tcase_add_test(c, hostile_rows);
	tcase_add_loop_test(c, cut_files, 0, 2);
	tcase_add_test(c, removed_folder);
	tcase_add_test(c, cgroup_v2);
	tcase_add_test(c, cgroup_v1);
	tcase_add_test(c, hostile_cgroups);
	tcase_add_test(c, real_process);
	tcase_add_test(c, process_is_gone);
	tcase_add_loop_test(c, environment_of_a_core, 0, (int)ARRAY_LEN(environments));
	tcase_add_test(c, long_words);
	suite_add_tcase(s, c);
	return s;
}
