/* SPDX-License-Identifier: Apache-2.0 */
/* What the threads of real processes are doing. */
#include "activity_cases.h"

#include "live_subject.h"
#include "suites.h"

#include "../../src/target/activity.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The call of the main thread in words; "" if it is in none. */
static const char *words_of(struct target *t)
{
	static struct str text;
	struct thread_call c = { 0 };
	str_clear(&text);
	if (target_call(t, &t->threads[0], false, &c))
		thread_call_text(&c, &text);
	thread_call_fini(&c);
	return str_text(&text);
}

/* Stops the subject once; what it did before that in words. */
static const char *look(const struct subject *s, bool nonblocking)
{
	static struct str text;
	ck_assert(eventually_all_in(s->pid, "SD"));
	struct target *t = open_subject(s, nonblocking);
	stop_target(t);
	ck_assert(!t->threads[0].activity.moved_on);
	ck_assert(t->threads[0].activity.has_cpu);
	target_resume(t);
	str_clear(&text);
	str_puts(&text, words_of(t));
	target_close(t);
	return str_text(&text);
}

static void body_read(struct shared *shared, int arg)
{
	int fds[2];
	struct stat st;
	char byte;
	(void)arg;
	if (pipe(fds) || fstat(fds[0], &st))
		_exit(1);
	shared->address = st.st_ino;
	shared->tid = fds[0];
	shared->ready = 1;
	while (read(fds[0], &byte, 1) < 0)
		;
}

START_TEST(reads_a_pipe)
{
	struct subject s = subject_start(body_read, 0);
	char wanted[64];
	snprintf(wanted, sizeof(wanted), "read(%d<pipe:[%lu]>, 0x", (int)s.shared->tid,
		(unsigned long)s.shared->address);
	ck_assert(text_starts(look(&s, _i), wanted));
	subject_end(&s);
}
END_TEST

static void body_poll(struct shared *shared, int arg)
{
	(void)arg;
	shared->ready = 1;
	poll(NULL, 0, 500000);
}

static void body_nanosleep(struct shared *shared, int arg)
{
	struct timespec time = { .tv_sec = 500, .tv_nsec = 5000000 };
	(void)arg;
	shared->ready = 1;
	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

/* A second stop meets what the first one has cut short. */
START_TEST(goes_on_after_a_stop)
{
	struct subject s = subject_start(_i ? body_nanosleep : body_poll, 0);
	for (int looks = 0; looks < 3; looks++)
		ck_assert_str_eq(
			look(&s, false), _i ? "clock_nanosleep(CLOCK_MONOTONIC, 0, 500.005 s, NULL)"
					    : "poll([], 0, 500 s)");
	subject_end(&s);
}
END_TEST

static void body_open(struct shared *shared, int arg)
{
	char path[64];
	(void)arg;
	snprintf(path, sizeof(path), "/tmp/pycore-unit-fifo-%d", (int)getpid());
	if (mkfifo(path, 0600))
		_exit(1);
	shared->ready = 1;
	open(path, O_WRONLY | O_CLOEXEC);
}

START_TEST(opens_a_fifo)
{
	struct subject s = subject_start(body_open, 0);
	char wanted[128], path[64];
	snprintf(path, sizeof(path), "/tmp/pycore-unit-fifo-%d", (int)s.pid);
	snprintf(wanted, sizeof(wanted), "(AT_FDCWD, \"%s\", O_WRONLY|O_CLOEXEC)", path);
	const char *words = look(&s, false);
	unlink(path);
	ck_assert_str_eq(words + strcspn(words, "("), wanted);
	subject_end(&s);
}
END_TEST

START_TEST(runs)
{
	struct subject s = subject_start(body_count, 1);
	double before = seconds_now();
	while (seconds_now() - before < 0.1)
		;
	struct target *t = open_subject(&s, false);
	stop_target(t);
	const struct os_thread *th = &t->threads[0];
	ck_assert_int_eq(th->state, 'R');
	ck_assert_str_eq(words_of(t), "");
	ck_assert(th->activity.has_cpu && th->activity.cpu_seconds < 10);
	target_close(t);
	/* it goes up */
	double spent = 0;
	for (int i = 0; i < 2000 && spent < 0.05; i++) {
		t = open_subject(&s, false);
		spent = t->threads[0].activity.cpu_seconds;
		target_close(t);
		sleep_ms(1);
	}
	ck_assert(spent >= 0.05);
	subject_end(&s);
}
END_TEST

static void body_read_then_pause(struct shared *shared, int arg)
{
	(void)arg;
	shared->ready = 1;
	while (!shared->go)
		sleep_ms(1);
	for (;;)
		pause();
}

/* Between the look and the stop it has gone on to something else. */
START_TEST(moves_on)
{
	struct subject s = subject_start(body_read_then_pause, 0);
	struct target *t = open_subject(&s, false);
	AUTO_STR(why);
	do {
		live_read_activity(t);
	} while (!t->threads[0].activity.call);
	ck_assert(strstr(words_of(t), "nanosleep(") != NULL);
	s.shared->go = 1;
	while (strcmp(look(&s, true), "pause()") != 0 && strncmp(look(&s, true), "ppoll(", 6) != 0)
		sleep_ms(1);
	ck_assert_ok(live_stop(t, &why));
	live_compare_activity(t);
	ck_assert(t->threads[0].activity.moved_on);
	ck_assert(strstr(words_of(t), "nanosleep(") != NULL);
	target_close(t);
	subject_end(&s);
}
END_TEST

static void body_vfork(struct shared *shared, int arg)
{
	(void)arg;
	shared->ready = 1;
	pid_t child = vfork();
	if (!child) {
		pause();
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

/* It sleeps without being interruptible, so the kernel's stack is shown. */
START_TEST(waits_for_a_child_of_vfork)
{
	struct subject s = subject_start(body_vfork, 0);
	ck_assert(eventually_all_in(s.pid, "D"));
	struct target *t = open_subject(&s, false);
	live_read_activity(t);
	const struct thread_activity *a = &t->threads[0].activity;
	ck_assert_int_eq(t->threads[0].state, 'D');
	ck_assert_str_eq(words_of(t), "vfork()");
	ck_assert_uint_ge(a->n_kernel_stack, 1);
	if (have_root("waits_for_a_child_of_vfork: the whole stack"))
		ck_assert_uint_ge(a->n_kernel_stack, 2);
	target_close(t);
	subject_end(&s);
}
END_TEST

enum { THREADS = 11, MANY = 501 };

/* The figure is printed, and the bound is far above it: the machine may be busy. */
START_TEST(takes_little_time)
{
	int threads = _i ? MANY : THREADS;
	struct subject s = subject_start(body_sleep, threads);
	while (tasks_in(s.pid, "S") < threads)
		sleep_ms(1);
	struct target *t = open_subject(&s, false);
	double best = 1;
	for (int i = 0; i < 5; i++) {
		double before = seconds_now();
		live_read_activity(t);
		double took = seconds_now() - before;
		best = took < best ? took : best;
	}
	for (int i = 0; i < threads; i++)
		ck_assert(t->threads[i].activity.call != NULL);
	printf("activity of %d threads: %.3f ms\n", threads, best * 1e3);
	ck_assert(best < 100e-6 * threads);
	target_close(t);
	subject_end(&s);
}
END_TEST

TCase *activity_live_case(void)
{
	TCase *c = tcase_create("live");
	tcase_set_timeout(c, 30);
	tcase_add_loop_test(c, reads_a_pipe, 0, 2);
	tcase_add_loop_test(c, goes_on_after_a_stop, 0, 2);
	tcase_add_test(c, opens_a_fifo);
	tcase_add_test(c, runs);
	tcase_add_test(c, moves_on);
	tcase_add_test(c, waits_for_a_child_of_vfork);
	tcase_add_loop_test(c, takes_little_time, 0, 2);
	return c;
}
