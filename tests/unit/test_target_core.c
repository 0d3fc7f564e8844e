/* SPDX-License-Identifier: Apache-2.0 */
/* Cores as targets: what is found in made-up ones, what is said of what is missing, and real ones
 * cut off anywhere. */
#include "suites.h"

#include "tempdir.h"

#include "../support/fakecore.h"

#include "pycore/limits.h"
#include "pycore/python.h"
#include "pycore/target.h"

#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	IMAGE = 0x400000,
	DATA = 0x600000,
	STACK = 0x7ff000000000,
	ARGV = STACK + 16,
	PAGE = 4096,
	PID = 4711
};

static struct tempdir dir;
static struct fakecore fake;
static struct target *t;
static uint8_t image_page[PAGE], data_page[PAGE];
static uint64_t stack[PAGE / 8];

/* An executable's first page: its header, and segments {text, data, dynamic, note} with a build-id.
 */
static void make_image(const char *build_id, size_t id_size)
{
	Elf64_Ehdr head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = 1,
		.e_phoff = sizeof(head),
		.e_ehsize = sizeof(head),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 4 };
	Elf64_Nhdr note = { 4, (Elf64_Word)id_size, NT_GNU_BUILD_ID };
	enum { NOTE_AT = 512 };
	Elf64_Phdr phdrs[] = {
		{ PT_LOAD, PF_R | PF_X, 0, IMAGE, IMAGE, PAGE, PAGE, PAGE },
		{ PT_LOAD, PF_R | PF_W, PAGE, DATA, DATA, PAGE, PAGE, PAGE },
		{ PT_DYNAMIC, PF_R | PF_W, PAGE, DATA, DATA, 512, 512, 8 },
		{ PT_NOTE, PF_R, NOTE_AT, IMAGE + NOTE_AT, 0, 16 + id_size, 16 + id_size, 4 },
	};
	memset(image_page, 0, sizeof(image_page));
	memcpy(image_page, &head, sizeof(head));
	memcpy(image_page + sizeof(head), phdrs, sizeof(phdrs));
	memcpy(image_page + NOTE_AT, &note, sizeof(note));
	memcpy(image_page + NOTE_AT + sizeof(note), "GNU", 4);
	memcpy(image_page + NOTE_AT + 16, build_id, id_size);
}

static const uint64_t auxv[] = { AT_PHDR, IMAGE + 64, AT_ENTRY, IMAGE + 100, AT_UID, 1000,
	AT_EXECFN, STACK + PAGE - 64, AT_PAGESZ, PAGE };

/* The initial stack: argc, argv (at ARGV), 0, environment, 0, auxv; texts behind. argv's words all
 * point to `arg`. */
static void make_stack(uint64_t argc, size_t n_args, uint64_t arg)
{
	size_t at = 0;
	memset(stack, 0, sizeof(stack));
	stack[at++] = 0xdddd0000dddd; /* something else */
	stack[at++] = argc;
	for (size_t i = 0; i < n_args; i++)
		stack[at++] = arg;
	at++;
	stack[at++] = STACK + PAGE - 32;
	at++;
	memcpy(stack + at, auxv, sizeof(auxv));
	memcpy((char *)stack + PAGE - 64, "/bin/prog", 10);
	memcpy((char *)stack + PAGE - 32, "A=b", 4);
	memcpy((char *)stack + PAGE - 48, "word", 5);
}

static void setup(void)
{
	tempdir_init(&dir);
	fakecore_init(&fake, EM_X86_64, 8, ORDER_LITTLE);
	t = NULL;
	make_image("\x11\x22\x33\x44", 4);
	memset(data_page, 0, sizeof(data_page));
	make_stack(2, 2, STACK + PAGE - 48);
}

static void teardown(void)
{
	target_close(t);
	fakecore_fini(&fake);
	tempdir_fini(&dir);
}

static void add_memory(void)
{
	fakecore_segment(&fake, IMAGE, image_page, PAGE, PAGE, PF_R | PF_X);
	fakecore_segment(&fake, DATA, data_page, PAGE, PAGE, PF_R | PF_W);
	fakecore_segment(&fake, STACK, stack, PAGE, PAGE, PF_R | PF_W);
}

static void add_files(const char *path)
{
	const struct fake_file files[] = { { IMAGE, IMAGE + PAGE, 0, path },
		{ DATA, DATA + PAGE, 1, path } };
	fakecore_files(&fake, PAGE, files, 2);
}

/* Notes as the kernel orders them, for one thread that died of SIGSEGV. */
static void add_notes(const char *path)
{
	fakecore_thread(&fake, PID, SIGSEGV, IMAGE, STACK);
	fakecore_process(&fake, PID, "prog", "prog summary of it");
	fakecore_siginfo(&fake, SIGSEGV, SEGV_MAPERR, 0x1234, false);
	fakecore_auxv(&fake, auxv, ARRAY_LEN(auxv) / 2);
	if (path)
		add_files(path);
}

static struct err open_bytes(const void *bytes, size_t n, const char *exe)
{
	AUTO_FREE char *path = tempdir_write(&dir, "core", bytes, n);
	struct target_core_options opt = { .exe = exe };
	return target_open_core(path, &opt, &t);
}

static void open_fake(const char *exe)
{
	AUTO_STR(core);
	fakecore_build(&fake, &core);
	ck_assert_ok(open_bytes(core.bytes, core.len, exe));
}

static const struct problem *problem_with(const char *word)
{
	for (size_t i = 0; i < t->problems.len; i++) {
		if (strstr(t->problems.list[i].why, word))
			return &t->problems.list[i];
	}
	return NULL;
}

static void expect_problem(const char *word, bool damage)
{
	const struct problem *p = problem_with(word);
	ck_assert_msg(p != NULL, "no problem that says '%s'", word);
	ck_assert_int_eq(p->damage, damage);
}

START_TEST(whole)
{
	add_notes("/bin/prog");
	add_memory();
	open_fake(NULL);
	ck_assert_int_eq(t->pid, PID);
	ck_assert_int_eq(t->signal.signo, SIGSEGV);
	ck_assert_uint_eq(t->signal.info.addr, 0x1234);
	ck_assert(!t->snapshot);
	ck_assert_uint_eq(t->n_threads, 1);
	ck_assert(t->threads[0].crashed && t->threads[0].tid == PID);
	ck_assert_uint_eq(t->argc, 2);
	ck_assert_str_eq(t->argv[0], "word");
	ck_assert(!t->argv_cut && !t->argv[2]);
	ck_assert_uint_eq(t->n_images, 1);
	ck_assert_ptr_eq(t->exe, &t->images[0]);
	ck_assert_str_eq(t->exe_path, "/bin/prog");
	ck_assert_ptr_eq(target_image_at(t, DATA + 5), t->exe);
	ck_assert_ptr_null(target_image_at(t, DATA + PAGE));
	ck_assert_ptr_null(target_image_at(t, IMAGE - 1));
	ck_assert_ptr_eq(target_thread(t, PID), &t->threads[0]);
	ck_assert_ptr_null(target_thread(t, 1));
	ck_assert_uint_eq(t->problems.len, 0);
	struct target_coverage c = target_coverage(t);
	ck_assert_uint_eq(c.mapped, 3 * PAGE);
	ck_assert_uint_eq(c.saved, 3 * PAGE);
	ck_assert(!c.cut && !c.cut_file);
	ck_assert_ok(target_stop(t, NULL));
	target_resume(t);
	target_forget(t);
}
END_TEST

/* The user that the notes name counts only where the core file is that user's. */
START_TEST(whose_it_is)
{
	static const struct {
		uid_t uid;
		gid_t gid;
		bool known, group;
	} owners[] = {
		{ 1000, 1000, true, true },
		{ 1000, 0, true, false },
		{ 0, 1000, false, false },
		{ 0, 0, false, false },
		{ 1001, 1000, false, false },
	};
	if (getuid()) {
		fputs("SKIP core: only root can give a file away\n", stderr);
		return;
	}
	add_notes("/bin/prog");
	add_memory();
	AUTO_STR(core);
	fakecore_build(&fake, &core);
	AUTO_FREE char *path = tempdir_write(&dir, "core", core.bytes, core.len);
	for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
		static const struct target_core_options opt;
		ck_assert_int_eq(chown(path, owners[i].uid, owners[i].gid), 0);
		ck_assert_ok(target_open_core(path, &opt, &t));
		ck_assert_int_eq(t->user.known, owners[i].known);
		if (owners[i].known) {
			ck_assert_uint_eq(t->user.uid, 1000);
			ck_assert_uint_eq(t->user.gid, owners[i].group ? 1000 : NO_GROUP);
		}
		target_close(t);
		t = NULL;
	}
}
END_TEST

START_TEST(no_list_of_files)
{
	add_notes(NULL);
	add_memory();
	open_fake(NULL);
	expect_problem("NT_FILE", false);
	ck_assert_uint_eq(t->n_images, 1);
	ck_assert_ptr_eq(t->exe, &t->images[0]);
	ck_assert_str_eq(t->exe_path, "/bin/prog"); /* AT_EXECFN */
	ck_assert_uint_eq(t->exe->build_id_size, 4);
	ck_assert_ptr_eq(target_image_at(t, DATA + 5), t->exe);
}
END_TEST

/* Without that list, the dynamic linker's names the modules: here one that goes in a circle, leads
 * nowhere, or has endless names. */
START_TEST(link_map)
{
	enum { DEBUG = DATA + 256, MAP = DATA + 512, NAME = DATA + 1024 };
	Elf64_Dyn *dynamic = (Elf64_Dyn *)data_page;
	uint64_t *debug = (uint64_t *)(data_page + 256), *map = (uint64_t *)(data_page + 512);
	dynamic[0] = (Elf64_Dyn){ DT_DEBUG, { .d_ptr = DEBUG } };
	debug[1] = MAP;
	map[1] = NAME;
	static const uint64_t next[] = { 0, MAP, MAP + 8, 0x1000, UINT64_MAX, UINT64_C(1) << 63 };
	add_notes(NULL);
	add_memory();
	for (size_t i = 0; i < ARRAY_LEN(next); i++) {
		memset(data_page + 1024, i % 2 ? 'x' : 0, PAGE - 1024);
		map[3] = next[i];
		open_fake(NULL);
		ck_assert_uint_eq(t->n_images, 1);
		target_close(t);
		t = NULL;
	}
	memcpy(data_page + 1024, "/lib/named.so", 14);
	open_fake(NULL);
	ck_assert_str_eq(t->images[0].path, "/lib/named.so");
}
END_TEST

START_TEST(no_threads)
{
	fakecore_process(&fake, PID, "prog", "prog summary");
	add_memory();
	open_fake(NULL);
	expect_problem("no thread", true);
	ck_assert_uint_eq(t->n_threads, 0);
	ck_assert_int_eq(t->pid, PID);
	ck_assert_uint_eq(t->argc, 2); /* the words of NT_PRPSINFO */
	ck_assert_str_eq(t->argv[1], "summary");
	ck_assert(!t->argv_cut);
	struct python *p;
	ck_assert(failed(python_find(t, &p)));
	python_walk(p);
	ck_assert_uint_eq(p->n_threads, 0);
	python_free(p);
}
END_TEST

START_TEST(nothing_at_all)
{
	open_fake(NULL);
	ck_assert(t->problems.damage);
	ck_assert_int_eq(t->pid, 0);
	ck_assert_uint_eq(t->n_images, 0);
	struct python *p;
	ck_assert(failed(python_find(t, &p)));
	python_free(p);
}
END_TEST

/* gdb's cores: of a process that it stopped, or that had got a deadly signal. */
static const struct {
	int signo;
	bool snapshot;
} by_gdb[] = { { 0, true }, { SIGTRAP, true }, { SIGSTOP, true }, { SIGSEGV, false },
	{ SIGABRT, false } };

START_TEST(cores_of_gdb)
{
	fake.gdb = true;
	fakecore_process(&fake, PID, "prog", "prog");
	fakecore_thread(&fake, PID, by_gdb[_i].signo, IMAGE, STACK);
	if (by_gdb[_i].signo)
		fakecore_siginfo(&fake, by_gdb[_i].signo, SI_TKILL, PID, true);
	add_memory();
	open_fake(NULL);
	ck_assert_int_eq(t->snapshot, by_gdb[_i].snapshot);
	ck_assert_int_eq(t->threads[0].crashed, !by_gdb[_i].snapshot);
	ck_assert_int_eq(t->signal.signo, by_gdb[_i].snapshot ? 0 : by_gdb[_i].signo);
}
END_TEST

START_TEST(executable_of_another_build)
{
	make_image("\xaa\xbb\xcc\xdd", 4);
	AUTO_FREE char *other = tempdir_write(&dir, "other", image_page, PAGE);
	make_image("", 0);
	AUTO_FREE char *none = tempdir_write(&dir, "none", image_page, PAGE);
	make_image("\x11\x22\x33\x44", 4);
	AUTO_FREE char *same = tempdir_write(&dir, "same", image_page, PAGE);
	add_notes("/nowhere/prog");
	add_memory();
	open_fake(other);
	expect_problem("aabbccdd", false);
	expect_problem("11223344", false);
	ck_assert_int_eq(t->exe->match, MATCH_NONE);
	target_close(t);
	open_fake(none);
	expect_problem("none", false);
	expect_problem("11223344", false);
	target_close(t);
	open_fake(same);
	ck_assert_int_eq(t->exe->match, MATCH_BUILD_ID);
	ck_assert_uint_eq(t->problems.len, 0);
}
END_TEST

START_TEST(executables_that_are_none)
{
	AUTO_FREE char *script = tempdir_write(&dir, "script", "#!/bin/sh\n", 10);
	AUTO_FREE char *fifo = tempdir_path(&dir, "fifo");
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	const struct {
		const char *path, *why;
	} rows[] = { { script, "is a script" }, { fifo, "FIFO" }, { dir.path, "directory" },
		{ "/nowhere/prog", "No such file" } };
	add_notes("/nowhere/prog");
	add_memory();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		open_fake(rows[i].path);
		expect_problem(rows[i].why, false);
		ck_assert_uint_eq(t->problems.len, 1);
		target_close(t);
		t = NULL;
	}
	fakecore_fini(&fake);
	fakecore_init(&fake, EM_X86_64, 8, ORDER_LITTLE);
	fakecore_thread(&fake, PID, SIGSEGV, IMAGE, STACK);
	open_fake(script); /* it can't be known what it belongs to */
	expect_problem("executable", false);
}
END_TEST

/* Files that the core names are opened by the rules for such names only. */
static const char *const hostile_paths[] = { "", "x", "../../etc/passwd", "/../etc/passwd",
	"/proc/self/environ", "/dev/zero", "/dev/tty", "//proc/self/environ", "/tmp", "\x1b[2J",
	"/etc/passwd", "/a (deleted)", " (deleted)", "[vdso]", "/SYSV00000000 (deleted)" };

START_TEST(hostile_path)
{
	add_notes(hostile_paths[_i]);
	add_memory();
	open_fake(NULL);
	for (size_t i = 0; i < t->n_images; i++) {
		ck_assert(failed(target_need_file(t, &t->images[i])));
		ck_assert_int_eq(t->images[i].match, MATCH_NONE);
	}
}
END_TEST

/* Ranges that contradict each other: what is made of them stays in order. */
START_TEST(hostile_files)
{
	static const struct fake_file files[] = { { DATA, IMAGE, 0, "a" },
		{ 0, UINT64_MAX, 0, "b" }, { IMAGE, IMAGE + PAGE, 0, "c" },
		{ IMAGE, IMAGE + PAGE, 0, "c" }, { UINT64_MAX - PAGE, UINT64_MAX, UINT64_MAX, "d" },
		{ 5, 5, 5, "e" } };
	add_notes(NULL);
	fakecore_files(&fake, UINT64_MAX / 2, files, ARRAY_LEN(files));
	add_memory();
	open_fake(NULL);
	for (size_t i = 0; i < t->n_images; i++)
		(void)failed(target_need_file(t, &t->images[i]));
	struct python *p;
	ck_assert(failed(python_find(t, &p)));
	python_free(p);
}
END_TEST

static const struct {
	uint64_t argc, arg;
	size_t n_args, found;
} stacks[] = {
	{ 2, STACK + PAGE - 48, 2, 2 },
	{ 1, STACK + PAGE - 48, 1, 1 },
	{ 300, STACK + PAGE - 48, 300, 300 },
	{ ARGV, STACK + PAGE - 48, 2, 2 }, /* as on arm */
	{ ARGV, STACK + PAGE - 48, 1, 1 },
	{ ARGV + 8, STACK + PAGE - 48, 2, 0 },
	{ 3, STACK + PAGE - 48, 2, 0 }, /* the count is wrong: nothing is sure */
	{ UINT64_MAX, STACK + PAGE - 48, 2, 0 },
	{ 0, 0, 0, 0 },
};

START_TEST(command_lines)
{
	add_notes("/bin/prog");
	add_memory();
	make_stack(stacks[_i].argc, stacks[_i].n_args, stacks[_i].arg);
	open_fake(NULL);
	if (stacks[_i].found) {
		ck_assert_uint_eq(t->argc, stacks[_i].found);
		ck_assert(!t->argv_cut);
	} else {
		ck_assert_uint_eq(t->argc, 4);
		ck_assert(!t->argv_cut);
		ck_assert_str_eq(t->argv[1], "summary");
	}
}
END_TEST

START_TEST(command_line_elsewhere)
{
	add_notes("/bin/prog");
	add_memory();
	make_stack(2, 2, 0x12345678000);
	open_fake(NULL);
	ck_assert(!t->argv_cut);
	ck_assert_str_eq(t->argv[1], "summary");
}
END_TEST

/* The kernel's summary holds 79 bytes: one of that length may go on. */
START_TEST(summary_is_full)
{
	char text[80] = "prog ";
	for (size_t n = 78; n <= 79; n++) {
		memset(text + 5, 'x', n - 5);
		text[n] = '\0';
		fakecore_init(&fake, EM_X86_64, 8, ORDER_LITTLE);
		fakecore_process(&fake, PID, "prog", text);
		add_memory();
		open_fake(NULL);
		ck_assert_uint_eq(t->argc, 2);
		ck_assert_uint_eq(strlen(t->argv[1]), n - 5);
		ck_assert_int_eq(t->argv_cut, n == 79);
		target_close(t);
		t = NULL;
		fakecore_fini(&fake);
	}
	fakecore_init(&fake, EM_X86_64, 8, ORDER_LITTLE);
}
END_TEST

/* Many words that all are the same long one: no more of it is kept than a command line may have. */
START_TEST(huge_command_line)
{
	enum { LONG = 0x10000000, LONG_SIZE = 100000 };
	AUTO_FREE char *word = xmalloc(LONG_SIZE);
	memset(word, 'x', LONG_SIZE);
	word[LONG_SIZE - 1] = '\0';
	add_notes("/bin/prog");
	add_memory();
	fakecore_segment(&fake, LONG, word, LONG_SIZE, LONG_SIZE, PF_R);
	make_stack(400, 400, LONG);
	open_fake(NULL);
	size_t total = 0;
	for (size_t i = 0; i < t->argc; i++)
		total += strlen(t->argv[i]);
	ck_assert_uint_le(total, COMMAND_LINE_MAX);
	ck_assert_uint_ge(t->argc, 1);
	ck_assert(t->argv_cut);
}
END_TEST

/* Opens and walks whatever it is. True if it could be opened. */
static bool look(const uint8_t *bytes, size_t n)
{
	if (failed(open_bytes(bytes, n, NULL)))
		return false;
	struct python *p;
	(void)failed(python_find(t, &p));
	python_walk(p);
	python_locate(p);
	python_free(p);
	return true;
}

START_TEST(cut_anywhere)
{
	AUTO_STR(core);
	add_notes("/bin/prog");
	add_memory();
	fakecore_build(&fake, &core);
	for (size_t n = 0; n < core.len; n += n < 4096 ? 1 : 511) {
		bool opened = look((const uint8_t *)core.bytes, n);
		ck_assert_msg(opened == (n >= sizeof(Elf64_Ehdr)), "%zu bytes", n);
		ck_assert_msg(!opened || t->problems.damage, "%zu of %zu bytes: nothing is said", n,
			core.len);
		target_close(t);
		t = NULL;
	}
}
END_TEST

/* A core that the kernel wrote: of sleep, in the folder. NULL: none to be had. */
static char *real_core(void)
{
	pid_t pid = fork();
	if (!pid) {
		struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
		setrlimit(RLIMIT_CORE, &all);
		if (chdir(dir.path) == 0)
			execlp("sh", "sh", "-c", "kill -SEGV $$", (char *)NULL);
		_exit(127);
	}
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	AUTO_FREE char *plain = tempdir_path(&dir, "core");
	char *path = xasprintf("%s.%d", plain, (int)pid);
	if (access(path, R_OK) == 0 || rename(plain, path) == 0)
		return path;
	free(path);
	fputs("SKIP target_core: cores don't end up in the working directory here\n", stderr);
	return NULL;
}

START_TEST(real_core_cut_anywhere)
{
	AUTO_FREE char *path = real_core();
	CLEANUP(file_map_close) struct file_map map = { 0 };
	if (!path)
		return;
	ck_assert_ok(file_map_open(path, OPEN_NAMED_BY_USER, &map));
	ck_assert(look(map.bytes, map.size));
	ck_assert_int_eq(t->signal.signo, SIGSEGV);
	ck_assert_str_eq(t->argv[0], "sh");
	ck_assert_uint_eq(t->problems.len, 0);
	for (size_t n = map.size; n;) {
		n -= n > 12288 ? n / 24 + 1 : n > 400 ? 97 : 1;
		target_close(t);
		t = NULL;
		bool opened = look(map.bytes, n);
		ck_assert_msg(!opened || t->problems.damage, "%zu of %zu bytes: nothing is said", n,
			map.size);
	}
}
END_TEST

/* Seeded changes of headers and notes; sanitizers see what goes wrong. */
START_TEST(real_core_changed)
{
	AUTO_FREE char *path = real_core();
	CLEANUP(file_map_close) struct file_map map = { 0 };
	if (!path)
		return;
	ck_assert_ok(file_map_open(path, OPEN_NAMED_BY_USER, &map));
	AUTO_FREE uint8_t *bytes = xmalloc(map.size);
	uint32_t seed = 99;
	for (int round = 0; round < 200; round++) {
		memcpy(bytes, map.bytes, map.size);
		for (int i = 0; i < 1 + round % 16; i++) {
			seed = seed * 1103515245 + 12345;
			size_t at = (seed >> 8) % (map.size < 6000 ? map.size : 6000);
			bytes[at] = (uint8_t)(round % 3 ? bytes[at] ^ 1 << (seed >> 4) % 8 : 0xff);
		}
		(void)look(bytes, map.size);
		target_close(t);
		t = NULL;
	}
}
END_TEST

START_TEST(no_core)
{
	AUTO_FREE char *fifo = tempdir_path(&dir, "fifo");
	struct target_core_options opt = { 0 };
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_err(open_bytes("", 0, NULL), ERR_UNSUPPORTED);
	ck_assert_err(open_bytes("text\n", 5, NULL), ERR_UNSUPPORTED);
	ck_assert_err(open_bytes(image_page, PAGE, NULL), ERR_UNSUPPORTED);
	ck_assert_err(target_open_core(fifo, &opt, &t), ERR_UNSUPPORTED);
	ck_assert_err(target_open_core(dir.path, &opt, &t), ERR_UNSUPPORTED);
	ck_assert_err(target_open_core("/nowhere/core", &opt, &t), ERR_SYS);
	ck_assert_ptr_null(t);
}
END_TEST

Suite *suite_target_core(void)
{
	Suite *s = suite_create("target_core");
	TCase *tc = tcase_create("target_core");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, whole);
	tcase_add_test(tc, whose_it_is);
	tcase_add_test(tc, no_list_of_files);
	tcase_add_test(tc, link_map);
	tcase_add_test(tc, no_threads);
	tcase_add_test(tc, nothing_at_all);
	tcase_add_loop_test(tc, cores_of_gdb, 0, ARRAY_LEN(by_gdb));
	tcase_add_test(tc, executable_of_another_build);
	tcase_add_test(tc, executables_that_are_none);
	tcase_add_loop_test(tc, hostile_path, 0, ARRAY_LEN(hostile_paths));
	tcase_add_test(tc, hostile_files);
	tcase_add_loop_test(tc, command_lines, 0, ARRAY_LEN(stacks));
	tcase_add_test(tc, command_line_elsewhere);
	tcase_add_test(tc, summary_is_full);
	tcase_add_test(tc, huge_command_line);
	tcase_add_test(tc, cut_anywhere);
	tcase_add_test(tc, real_core_cut_anywhere);
	tcase_add_test(tc, real_core_changed);
	tcase_add_test(tc, no_core);
	suite_add_tcase(s, tc);
	return s;
}
