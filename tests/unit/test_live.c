/* SPDX-License-Identifier: Apache-2.0 */
/* Opening live processes: what is found in real ones. */
#include "live_cases.h"
#include "live_subject.h"
#include "suites.h"

#include "pycore/alloc.h"
#include "pycore/opener.h"
#include "pycore/str.h"

#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t known_value = 0x1122334455667788;

START_TEST(own_kind_of_process_is_filled_in)
{
	struct timespec before, after;
	clock_gettime(CLOCK_REALTIME, &before);
	struct subject s = subject_start(body_sleep, 3);
	clock_gettime(CLOCK_REALTIME, &after);
	struct target *t = open_subject(&s, false);

	char self[PATH_BYTES_MAX] = { 0 };
	ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	struct elf_head head;
	ck_assert_ok(mem_read(t->mem, image_start(t->exe), &head, 4));
	ck_assert_int_eq(t->kind, TARGET_LIVE);
	ck_assert_int_eq(t->pid, s.pid);
	ck_assert_ptr_null(t->path);
	ck_assert_str_eq(t->exe_path, self);
	ck_assert_str_eq(t->exe->path, self);
	ck_assert_uint_eq(t->mem->ptr_size, sizeof(void *));
	ck_assert_int_eq(t->mem->order, ORDER_LITTLE);
#ifdef __x86_64__
	ck_assert_int_eq(t->machine, EM_X86_64);
#endif
	ck_assert_uint_ge(t->argc, 1);
	ck_assert_ptr_null(t->argv[t->argc]);
	ck_assert_uint_eq(t->n_threads, 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(t->threads[i].ns_tid, t->threads[i].tid);
		ck_assert_int_ne(t->threads[i].state, 0);
		ck_assert(!t->threads[i].stopped);
	}
	ck_assert_int_eq(t->threads[0].tid, s.pid);
	ck_assert(t->pause_seconds < 0);
	/* A tick is 10 ms. */
	double start = (double)t->as_of.tv_sec + (double)t->as_of.tv_nsec / 1e9;
	ck_assert_double_ge(start, (double)before.tv_sec + (double)before.tv_nsec / 1e9 - 0.001);
	ck_assert_double_le(start, (double)after.tv_sec + (double)after.tv_nsec / 1e9 + 0.011);
	target_close(t);
	subject_end(&s);
}
END_TEST

START_TEST(memory_is_read_with_its_permissions)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *guard = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(page, "hello", 6);
	struct subject s = subject_start(body_sleep, 1);
	struct target *t = open_subject(&s, false);
	uint64_t value;
	char text[6];
	struct mem_range r;
	ck_assert_ok(mem_uint(t->mem, (uintptr_t)&known_value, 8, &value));
	ck_assert_uint_eq(value, known_value);
	ck_assert_ok(mem_read(t->mem, (uintptr_t)page, text, sizeof(text)));
	ck_assert_str_eq(text, "hello");
	ck_assert_err_at(mem_read(t->mem, 4096, text, 1), ERR_UNMAPPED, 4096);
	ck_assert(mem_range_at(t->mem, (uintptr_t)page, &r));
	ck_assert_uint_eq(r.perm, MEM_READ | MEM_WRITE);
	ck_assert(r.readable);
	ck_assert(mem_range_at(t->mem, (uintptr_t)guard, &r));
	ck_assert_uint_eq(r.perm, 0);
	ck_assert(!r.readable);
	ck_assert(mem_range_at(t->mem, (uintptr_t)&subject_start, &r));
	ck_assert_uint_eq(r.perm, MEM_READ | MEM_EXEC);
	target_close(t);
	subject_end(&s);
}
END_TEST

static struct image *image_named(struct target *t, const char *part)
{
	for (size_t i = 0; i < t->n_images; i++) {
		if (strstr(t->images[i].path, part))
			return &t->images[i];
	}
	return NULL;
}

START_TEST(images_are_found_and_get_their_files)
{
	struct subject s = subject_start(body_sleep, 1);
	struct target *t = open_subject(&s, false);
	ck_assert_ptr_nonnull(image_named(t, "[vdso]"));
	ck_assert_ptr_null(image_named(t, "[stack]"));
	ck_assert_ptr_null(image_named(t, "[heap]"));
	struct image *libc = image_named(t, "/libc");
	ck_assert_ptr_nonnull(libc);
	ck_assert_uint_ge(libc->n_pieces, 3);
	ck_assert_ok(target_need_file(t, libc));
	ck_assert_int_eq(libc->match, MATCH_BUILD_ID);
	ck_assert_ok(target_need_file(t, t->exe));
	ck_assert_err(target_need_file(t, image_named(t, "[vdso]")), ERR_ABSENT);
	uint64_t above = 0;
	for (size_t i = 0; i < t->n_images; i++) {
		ck_assert_uint_ge(image_start(&t->images[i]), above);
		above = image_end(&t->images[i]);
	}
	target_close(t);
	subject_end(&s);
}
END_TEST

/* Without the right to map_files, by the names. */
START_TEST(unprivileged_finds_files_by_name)
{
	if (!have_root(__func__))
		return;
	become_nobody();
	struct subject s = subject_start(body_sleep, 2);
	struct target *t = open_subject(&s, false);
	struct image *libc = image_named(t, "/libc");
	ck_assert_ok(target_need_file(t, libc));
	ck_assert_str_eq(libc->file_path, libc->path);
	ck_assert_ok(target_need_file(t, t->exe));
	stop_target(t);
	ck_assert(t->threads[1].stopped);
	target_resume(t);
	target_close(t);
	subject_end(&s);
}
END_TEST

static void body_many_mappings(struct shared *shared, int n)
{
	for (int i = 0; i < n; i++) { /* neighbours differ, so that the kernel does not join them */
		if (mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			_exit(1);
	}
	body_sleep(shared, 1);
}

START_TEST(thousands_of_mappings_are_fast)
{
	struct subject s = subject_start(body_many_mappings, 20000);
	double begin = seconds_now();
	struct target *t = open_subject(&s, false);
	double took = seconds_now() - begin;
	size_t n = 0;
	struct mem_range r;
	for (uint64_t from = 0; mem_next_range(t->mem, from, &r); from = r.end)
		n++;
	ck_assert_uint_ge(n, 20000);
	ck_assert_msg(took < 0.5, "%g s", took);
	target_close(t);
	subject_end(&s);
}
END_TEST

static void body_strange_names(struct shared *shared, int arg)
{
	(void)arg;
	prctl(PR_SET_NAME, ") Z 1 (\n2) 3");
	body_sleep(shared, 1);
}

START_TEST(thread_name_cannot_mislead)
{
	struct subject s = subject_start(body_strange_names, 0);
	ck_assert(eventually_all_in(s.pid, "S"));
	struct target *t = open_subject(&s, false);
	ck_assert_str_eq(t->threads[0].name, ") Z 1 (\n2) 3");
	ck_assert_int_eq(t->threads[0].state, 'S');
	target_close(t);
	subject_end(&s);
}
END_TEST

/* The best of some tries, against ten times what it takes on an idle machine. */
START_TEST(hundreds_of_threads_are_fast)
{
	struct subject s = subject_start(body_sleep, 501);
	double open_best = 1e9, stop_best = 1e9;
	for (int i = 0; i < 7; i++) {
		double begin = seconds_now();
		struct target *t = open_subject(&s, false);
		double opened = seconds_now();
		stop_target(t);
		target_resume(t);
		double resumed = seconds_now();
		ck_assert_uint_eq(t->n_threads, 501);
		for (size_t k = 0; k < 501; k++)
			ck_assert(t->threads[k].stopped && t->threads[k].regs.has_pc);
		target_close(t);
		if (opened - begin < open_best)
			open_best = opened - begin;
		if (resumed - opened < stop_best)
			stop_best = resumed - opened;
	}
	ck_assert_msg(open_best < 0.05, "open: %g s", open_best);
	ck_assert_msg(stop_best < 0.1, "stop and resume: %g s", stop_best);
	subject_end(&s);
}
END_TEST

static void copy_file(const char *from, const char *to)
{
	AUTO_FREE char *bytes = NULL;
	size_t n;
	ck_assert_ok(opener_slurp(from, 1 << 24, &bytes, &n));
	FILE *f = fopen(to, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
	ck_assert_int_eq(fclose(f) | chmod(to, 0755), 0);
}

/* Copies `cat` to `dir` and runs it there, with nothing to read until the test ends. */
static struct subject run_copy(const char *dir, char path[PATH_BYTES_MAX])
{
	int in[2], started[2];
	char byte;
	snprintf(path, PATH_BYTES_MAX, "%s/reader\n(1)", dir);
	copy_file("/bin/cat", path);
	ck_assert_int_eq(pipe(in) | pipe2(started, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		close(in[1]);
		execl(path, "a\nname", "-", "", NULL);
		_exit(1);
	}
	close(in[0]);
	close(started[1]);
	ck_assert_int_eq(read(started[0], &byte, 1), 0); /* closed by exec */
	close(started[0]);
	sleep_ms(20); /* the dynamic linker */
	return (struct subject){ .pid = pid };
}

static void make_dir(char dir[64])
{
	strcpy(dir, "/tmp/test_live.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

START_TEST(deleted_executable_is_still_read)
{
	char dir[64], path[PATH_BYTES_MAX];
	if (_i && !have_root(__func__))
		return;
	if (_i)
		become_nobody(); /* who may not use map_files */
	make_dir(dir);
	struct subject s = run_copy(dir, path);
	unlink(path);
	rmdir(dir);
	struct target *t = open_subject(&s, false);
	ck_assert_str_eq(t->exe_path, path);
	ck_assert_ptr_nonnull(t->exe);
	ck_assert(t->exe->deleted);
	ck_assert_str_eq(t->exe->path, path);
	ck_assert_ok(target_need_file(t, t->exe));
	ck_assert_int_eq(t->exe->match, MATCH_BUILD_ID);
	ck_assert_uint_eq(t->argc, 3);
	ck_assert_str_eq(t->argv[0], "a\nname");
	ck_assert_str_eq(t->argv[1], "-");
	ck_assert_str_eq(t->argv[2], "");
	target_close(t);
	kill(s.pid, SIGKILL);
	waitpid(s.pid, NULL, 0);
}
END_TEST

/* Only map_files has it. */
START_TEST(deleted_library_is_still_read)
{
	if (!have_root(__func__))
		return;
	char dir[64], path[PATH_BYTES_MAX];
	make_dir(dir);
	snprintf(path, sizeof(path), "%s/library.so", dir);
	copy_file("/bin/cat", path);
	struct file_map map;
	ck_assert_ok(file_map_open(path, OPEN_NAMED_BY_USER, &map));
	ck_assert_int_eq(unlink(path), 0);
	struct subject s = subject_start(body_sleep, 1);
	struct target *t = open_subject(&s, false);
	struct image *img = image_named(t, path);
	ck_assert_ptr_nonnull(img);
	ck_assert(img->deleted);
	ck_assert_str_eq(img->path, path);
	ck_assert_ok(target_need_file(t, img));
	ck_assert_int_eq(img->match, MATCH_BUILD_ID);
	target_close(t);
	subject_end(&s);
	file_map_close(&map);
	rmdir(dir);
}
END_TEST

/* A file that is called "... (deleted)" and is not. */
START_TEST(name_that_says_deleted_is_a_name)
{
	char dir[64], path[PATH_BYTES_MAX], renamed[PATH_BYTES_MAX + 16];
	make_dir(dir);
	struct subject s = run_copy(dir, path);
	snprintf(renamed, sizeof(renamed), "%s (deleted)", path);
	ck_assert_int_eq(rename(path, renamed), 0);
	struct target *t = open_subject(&s, false);
	ck_assert_str_eq(t->exe_path, renamed);
	ck_assert_ptr_nonnull(t->exe);
	ck_assert(!t->exe->deleted);
	target_close(t);
	kill(s.pid, SIGKILL);
	waitpid(s.pid, NULL, 0);
	unlink(renamed);
	rmdir(dir);
}
END_TEST

static char hidden_dir[64];

/* In namespaces of its own: pid 1 there, and a program on a file system that nobody else sees. */
static void body_container(struct shared *shared, int arg)
{
	(void)arg;
	if (unshare(CLONE_NEWPID | CLONE_NEWNS) ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("none", hidden_dir, "tmpfs", 0, NULL)) {
		shared->ready = -1;
		_exit(0);
	}
	char path[PATH_BYTES_MAX];
	struct subject s = run_copy(hidden_dir, path);
	shared->tid = s.pid; /* as we are outside ourselves */
	shared->ready = 1;
	waitpid(s.pid, NULL, 0);
}

START_TEST(process_in_other_namespaces)
{
	if (!have_root(__func__))
		return;
	make_dir(hidden_dir);
	struct subject box = subject_start(body_container, 0);
	if (box.shared->ready < 0) {
		fprintf(stderr, "SKIP live %s: namespaces are not permitted here\n", __func__);
		return;
	}
	struct subject s = { .pid = box.shared->tid };
	struct target *t = open_subject(&s, false);
	ck_assert_int_eq(t->threads[0].tid, s.pid);
	ck_assert_int_eq(t->threads[0].ns_tid, 1);
	ck_assert_ok(target_need_file(t, t->exe));
	struct file_map file;
	ck_assert_int_ne(access(t->exe_path, F_OK), 0);
	ck_assert_ok(target_open_file(t, t->exe_path, &file));
	file_map_close(&file);
	stop_target(t);
	ck_assert(t->threads[0].stopped);
	target_resume(t);
	target_close(t);
	kill(s.pid, SIGKILL);
	subject_end(&box);
	rmdir(hidden_dir);
}
END_TEST

static void body_chroot(struct shared *shared, int arg)
{
	(void)arg;
	shared->ready = chroot(hidden_dir) ? -1 : 1;
	for (;;)
		pause();
}

START_TEST(process_in_a_chroot)
{
	if (!have_root(__func__))
		return;
	make_dir(hidden_dir);
	struct subject s = subject_start(body_chroot, 0);
	ck_assert_int_eq(s.shared->ready, 1);
	struct target *t = open_subject(&s, false);
	AUTO_FREE char *wanted = xasprintf("/proc/%d/root", (int)s.pid);
	ck_assert_str_eq(t->root, wanted);
	ck_assert_ok(target_need_file(t, t->exe));
	target_close(t);
	subject_end(&s);
	rmdir(hidden_dir);
}
END_TEST

START_TEST(own_paths_stay_as_they_are)
{
	struct subject s = subject_start(body_sleep, 1);
	struct target *t = open_subject(&s, false);
	ck_assert_ptr_null(t->root);
	target_close(t);
	subject_end(&s);
}
END_TEST

static void *outlive_main(void *shared)
{
	while (task_state(getpid(), getpid()) != 'Z')
		sleep_ms(1);
	((struct shared *)shared)->tid = (int)syscall(SYS_gettid);
	((struct shared *)shared)->ready = 1;
	for (;;)
		((struct shared *)shared)->count++;
	return NULL;
}

static void body_main_thread_ends(struct shared *shared, int arg)
{
	(void)arg;
	pthread_t thread;
	pthread_create(&thread, NULL, outlive_main, shared);
	syscall(SYS_exit, 0);
}

START_TEST(process_goes_on_without_its_main_thread)
{
	struct subject s = subject_start(body_main_thread_ends, 0);
	struct target *t = open_subject(&s, false);
	uint64_t value;
	ck_assert_ok(mem_uint(t->mem, (uintptr_t)&known_value, 8, &value));
	ck_assert_uint_eq(value, known_value);
	ck_assert_ptr_nonnull(t->exe);
	stop_target(t);
	struct os_thread *other = target_thread(t, s.shared->tid);
	ck_assert_ptr_nonnull(other);
	ck_assert(other->stopped);
	ck_assert_int_eq(target_thread(t, s.pid)->state, 'Z');
	ck_assert_uint_eq(t->problems.len, 0);
	target_resume(t);
	ck_assert(goes_on(&s));
	target_close(t);
	subject_end(&s);
}
END_TEST

START_TEST(no_such_process)
{
	static const pid_t pids[] = { 0, -1, -4711, 0x7ffffff0 };
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		struct err e;
		AUTO_FREE char *why = why_not_opened(pids[i], NULL, &e);
		AUTO_FREE char *wanted = xasprintf("there is no process %d", (int)pids[i]);
		ck_assert_int_eq(e.code, ERR_GONE);
		ck_assert_str_eq(why, wanted);
	}
}
END_TEST

START_TEST(thread_is_no_process)
{
	struct subject s = subject_start(body_main_thread_ends, 0);
	struct err e;
	AUTO_FREE char *why = why_not_opened(s.shared->tid, NULL, &e);
	AUTO_FREE char *wanted = xasprintf("%d is a thread of process %d: use --pid %d --thread %d",
		s.shared->tid, (int)s.pid, (int)s.pid, s.shared->tid);
	ck_assert_int_eq(e.code, ERR_UNSUPPORTED);
	ck_assert_str_eq(why, wanted);
	subject_end(&s);
}
END_TEST

static void body_exit(struct shared *shared, int arg)
{
	(void)arg;
	shared->ready = 1;
}

START_TEST(zombie_has_no_memory)
{
	struct subject s = subject_start(body_exit, 0);
	ck_assert(eventually_all_in(s.pid, "Z"));
	struct err e;
	AUTO_FREE char *why = why_not_opened(s.pid, NULL, &e);
	AUTO_FREE char *parent = xasprintf("(%d) has not waited for", (int)getpid());
	ck_assert_int_eq(e.code, ERR_GONE);
	ck_assert_ptr_nonnull(strstr(why, "zombie"));
	ck_assert_ptr_nonnull(strstr(why, parent));
	subject_end(&s);
}
END_TEST

START_TEST(kernel_thread_has_none_either)
{
	if (status_number(2, "PPid") != 0) {
		fprintf(stderr, "SKIP live %s: kernel threads are not visible here\n", __func__);
		return;
	}
	struct err e;
	AUTO_FREE char *why = why_not_opened(2, NULL, &e);
	ck_assert_int_eq(e.code, ERR_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(why, "thread of the kernel"));
}
END_TEST

/* Processes that end at any moment of the opening: every outcome is a clear one. */
START_TEST(process_ends_while_it_is_opened)
{
	int opened = 0, refused = 0;
	for (int i = 0; i < 200; i++) {
		struct subject s = subject_start(body_sleep, 2);
		pid_t killer = fork();
		if (!killer) {
			usleep((useconds_t)(i * 5));
			kill(s.pid, SIGKILL);
			_exit(0);
		}
		struct target *t = NULL;
		AUTO_STR(why);
		struct err e =
			target_open_live(s.pid, &(struct target_live_options){ 0 }, &why, &t);
		if (!failed(e))
			e = target_stop(t, &why);
		if (failed(e)) {
			ck_assert_msg(e.code == ERR_GONE, "%s: %s", e.what, str_text(&why));
			ck_assert_uint_gt(why.len, 0);
			refused++;
		} else {
			opened++;
		}
		target_close(t);
		waitpid(killer, NULL, 0);
		subject_end(&s);
	}
	ck_assert_int_gt(refused, 0);
	(void)opened;
}
END_TEST

Suite *suite_live(void)
{
	Suite *s = suite_create("live");
	TCase *c = tcase_create("open");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, own_kind_of_process_is_filled_in);
	tcase_add_test(c, memory_is_read_with_its_permissions);
	tcase_add_test(c, images_are_found_and_get_their_files);
	tcase_add_test(c, unprivileged_finds_files_by_name);
	tcase_add_test(c, thousands_of_mappings_are_fast);
	tcase_add_test(c, thread_name_cannot_mislead);
	tcase_add_test(c, hundreds_of_threads_are_fast);
	tcase_add_loop_test(c, deleted_executable_is_still_read, 0, 2);
	tcase_add_test(c, deleted_library_is_still_read);
	tcase_add_test(c, name_that_says_deleted_is_a_name);
	tcase_add_test(c, process_in_other_namespaces);
	tcase_add_test(c, process_in_a_chroot);
	tcase_add_test(c, own_paths_stay_as_they_are);
	tcase_add_test(c, process_goes_on_without_its_main_thread);
	tcase_add_test(c, no_such_process);
	tcase_add_test(c, thread_is_no_process);
	tcase_add_test(c, zombie_has_no_memory);
	tcase_add_test(c, kernel_thread_has_none_either);
	tcase_add_test(c, process_ends_while_it_is_opened);
	suite_add_tcase(s, c);
	suite_add_tcase(s, live_stop_case());
	suite_add_tcase(s, live_rights_case());
	return s;
}
