/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping and resuming real processes: nothing is lost, nothing is left behind. */
#include "live_cases.h"
#include "live_subject.h"
#include "suites.h"

#include "pycore/str.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(all_threads_stop_and_go_on)
{
	struct subject s = subject_start(_i ? body_count : body_sleep, 11);
	ck_assert(_i || eventually_all_in(s.pid, "S"));
	struct target *t = open_subject(&s, false);
	stop_target(t);
	ck_assert_int_eq(tasks_in(s.pid, "t"), 11);
	ck_assert_uint_eq(t->n_threads, 11);
	long count = s.shared->count;
	for (size_t i = 0; i < t->n_threads; i++) {
		const struct os_thread *th = &t->threads[i];
		struct mem_range r;
		ck_assert(th->stopped && th->regs.has_pc && th->regs.has_sp && th->regs.raw);
		ck_assert(mem_range_at(t->mem, th->regs.pc, &r) && (r.perm & MEM_EXEC));
		ck_assert(mem_range_at(t->mem, th->regs.sp, &r) && (r.perm & MEM_WRITE));
		ck_assert_int_ne(th->state, 't');
		if (!_i)
			ck_assert_int_eq(th->regs.syscall, SYS_pause);
	}
	sleep_ms(5);
	ck_assert_int_eq(s.shared->count, count);
	stop_target(t); /* a second stop is none */
	target_resume(t);
	target_resume(t);
	ck_assert(eventually_none_in(s.pid, "tT"));
	ck_assert_int_eq(status_number(s.pid, "TracerPid"), 0);
	ck_assert(!_i || goes_on(&s));
	ck_assert(t->threads[10].stopped && t->threads[10].regs.raw);
	ck_assert_uint_eq(t->problems.len, 0);
	target_close(t);
	subject_end(&s);
}
END_TEST

START_TEST(pause_is_measured)
{
	struct subject s = subject_start(body_sleep, 11);
	struct target *t = open_subject(&s, false);
	target_resume(t);
	ck_assert(t->pause_seconds < 0);
	double begin = seconds_now();
	stop_target(t);
	sleep_ms(20);
	target_resume(t);
	double took = seconds_now() - begin;
	ck_assert_msg(t->pause_seconds >= 0.020 && t->pause_seconds <= took, "%g s of %g s",
		t->pause_seconds, took);
	target_close(t);
	subject_end(&s);
}
END_TEST

START_TEST(close_resumes)
{
	struct subject s = subject_start(body_count, 3);
	struct target *t = open_subject(&s, false);
	stop_target(t);
	target_close(t);
	ck_assert(eventually_none_in(s.pid, "tT"));
	ck_assert(goes_on(&s));
	subject_end(&s);
}
END_TEST

static volatile uint64_t changing[2];
static struct {
	uint8_t before[8192];
	volatile uint64_t value;
	uint8_t behind[8192];
} elsewhere;

static void body_change_memory(struct shared *shared, int arg)
{
	(void)arg;
	for (;;) {
		changing[0]++;
		changing[1] = changing[0];
		elsewhere.value++;
		shared->ready = 1;
	}
}

static uint64_t value_at(struct target *t, const volatile uint64_t *at)
{
	uint64_t value;
	ck_assert_ok(mem_uint(t->mem, (uintptr_t)at, 8, &value));
	return value;
}

START_TEST(reads_are_of_the_stop)
{
	struct subject s = subject_start(body_change_memory, 0);
	struct target *t = open_subject(&s, false);
	uint64_t at_open = value_at(t, changing), now;
	sleep_ms(10);
	stop_target(t);
	uint64_t stopped = value_at(t, changing);
	ck_assert_uint_gt(stopped, at_open);
	target_resume(t);
	sleep_ms(10);
	ck_assert_uint_eq(value_at(t, changing), stopped);
	ck_assert_err(mem_uint(t->mem, (uintptr_t)&elsewhere.value, 8, &now), ERR_GONE);
	stop_target(t);
	ck_assert_uint_gt(value_at(t, changing), stopped);
	ck_assert_uint_gt(value_at(t, &elsewhere.value), 0);
	target_resume(t);
	target_close(t);
	subject_end(&s);
}
END_TEST

START_TEST(stopped_process_stays_stopped)
{
	struct subject s = subject_start(body_count, 4);
	kill(s.pid, _i ? SIGTSTP : SIGSTOP);
	ck_assert(eventually_all_in(s.pid, "T"));
	for (int round = 0; round < 20; round++) {
		struct target *t = open_subject(&s, false);
		ck_assert_int_eq(t->threads[3].state, 'T');
		stop_target(t);
		ck_assert_int_eq(tasks_in(s.pid, "t"), 4);
		ck_assert(t->threads[3].regs.has_pc);
		target_resume(t);
		target_close(t);
		ck_assert(eventually_all_in(s.pid, "T"));
	}
	long count = s.shared->count;
	sleep_ms(20);
	ck_assert_int_eq(tasks_in(s.pid, "T"), 4);
	ck_assert_int_eq(s.shared->count, count);
	kill(s.pid, SIGCONT);
	ck_assert(goes_on(&s));
	subject_end(&s);
}
END_TEST

START_TEST(sigcont_while_stopped_counts)
{
	struct subject s = subject_start(body_count, 3);
	kill(s.pid, SIGSTOP);
	ck_assert(eventually_all_in(s.pid, "T"));
	struct target *t = open_subject(&s, false);
	stop_target(t);
	kill(s.pid, SIGCONT);
	sleep_ms(5);
	target_resume(t);
	ck_assert(eventually_none_in(s.pid, "tT"));
	ck_assert(goes_on(&s));
	target_close(t);
	subject_end(&s);
}
END_TEST

START_TEST(sigstop_while_stopped_counts)
{
	struct subject s = subject_start(body_count, 3);
	struct target *t = open_subject(&s, false);
	stop_target(t);
	kill(s.pid, SIGSTOP);
	sleep_ms(5);
	target_resume(t);
	ck_assert(eventually_all_in(s.pid, "T"));
	target_close(t);
	kill(s.pid, SIGCONT);
	ck_assert(goes_on(&s));
	subject_end(&s);
}
END_TEST

/* SIGSTOP in the very moment of the stop shows as a signal about to be delivered, or as a stop of
 * the group. */
START_TEST(sigstop_just_before_counts)
{
	for (int round = 0; round < 30; round++) {
		struct subject s = subject_start(body_count, 3);
		struct target *t = open_subject(&s, false);
		kill(s.pid, SIGSTOP);
		stop_target(t);
		target_resume(t);
		ck_assert(eventually_all_in(s.pid, "T"));
		target_close(t);
		subject_end(&s);
	}
}
END_TEST

static struct shared *signal_counter;

static void count_signal(int signo)
{
	(void)signo;
	signal_counter->signals++;
}

static void body_count_signals(struct shared *shared, int threads)
{
	signal_counter = shared;
	struct sigaction act = { .sa_handler = count_signal, .sa_flags = SA_RESTART };
	sigaction(SIGRTMIN, &act, NULL);
	sigaction(SIGTRAP, &act, NULL);
	body_count(shared, threads);
}

static bool eventually_received(const struct subject *s, long n)
{
	for (int i = 0; i < 2000 && s->shared->signals < n; i++)
		sleep_ms(1);
	return s->shared->signals == n;
}

static struct subject receiver;

/* Sends as fast as the receiver takes, so that at any moment one is about to be delivered. */
static void body_send_signals(struct shared *shared, int signo)
{
	enum { UNDER_WAY = 50 };
	shared->ready = 1;
	while (!shared->go) {
		if (shared->count - receiver.shared->signals < UNDER_WAY)
			shared->count += !kill(receiver.pid, signo);
		else
			sched_yield();
	}
	shared->ready = 2;
	for (;;)
		pause();
}

static long end_sender(struct subject *sender)
{
	sender->shared->go = 1;
	while (sender->shared->ready != 2)
		sleep_ms(1);
	long sent = sender->shared->count;
	subject_end(sender);
	return sent;
}

/* Queued signals, so that each one sent is one received. */
START_TEST(signals_survive_stops)
{
	receiver = subject_start(body_count_signals, 3);
	struct subject sender = subject_start(body_send_signals, SIGRTMIN);
	struct target *t = open_subject(&receiver, false);
	for (int round = 0; round < 200; round++) {
		stop_target(t);
		target_resume(t);
	}
	long sent = end_sender(&sender);
	ck_assert_int_gt(sent, 200);
	ck_assert_msg(
		eventually_received(&receiver, sent), "%ld of %ld", receiver.shared->signals, sent);
	ck_assert(goes_on(&receiver));
	target_close(t);
	subject_end(&receiver);
}
END_TEST

/* SIGTRAP is what stops look like, too. */
START_TEST(sigtrap_survives_stops)
{
	struct subject s = subject_start(body_count_signals, 3);
	struct target *t = open_subject(&s, false);
	for (long sent = 1; sent <= 50; sent++) {
		if (sent % 2)
			kill(s.pid, SIGTRAP);
		stop_target(t);
		if (!(sent % 2))
			kill(s.pid, SIGTRAP);
		target_resume(t);
		ck_assert_msg(eventually_received(&s, sent), "%ld of %ld", s.shared->signals, sent);
	}
	target_close(t);
	subject_end(&s);
}
END_TEST

static void *end_soon(void *shared)
{
	((struct shared *)shared)->count++;
	return NULL;
}

static void *churn(void *shared)
{
	for (;;) {
		pthread_t thread[4];
		for (int i = 0; i < 4; i++) {
			if (pthread_create(&thread[i], NULL, end_soon, shared))
				_exit(1);
		}
		for (int i = 0; i < 4; i++)
			pthread_join(thread[i], NULL);
	}
	return NULL;
}

static void body_churn(struct shared *shared, int threads)
{
	for (int i = 1; i < threads; i++) {
		pthread_t thread;
		pthread_create(&thread, NULL, churn, shared);
	}
	shared->ready = 1;
	churn(shared);
}

/* Threads come and go all the time; once stopped, none is left running. */
START_TEST(no_thread_slips_through)
{
	struct subject s = subject_start(body_churn, 4);
	struct target *t = open_subject(&s, false);
	for (int round = 0; round < 100; round++) {
		stop_target(t);
		int stopped = 0;
		for (size_t i = 0; i < t->n_threads; i++)
			stopped += t->threads[i].stopped;
		ck_assert_int_ge(stopped, 4);
		ck_assert_int_eq(tasks_in(s.pid, "RSDT"), 0);
		ck_assert_int_eq(tasks_in(s.pid, "t"), stopped);
		long count = s.shared->count;
		ck_assert_int_eq(s.shared->count, count);
		target_resume(t);
	}
	ck_assert_uint_eq(t->problems.len, 0);
	ck_assert(goes_on(&s));
	target_close(t);
	subject_end(&s);
}
END_TEST

static void body_trace(struct shared *shared, int victim)
{
	prctl(PR_SET_NAME, "a tracer");
	shared->ready = ptrace(PTRACE_SEIZE, victim, NULL, NULL) ? -1 : 1;
	for (;;)
		pause();
}

START_TEST(traced_process_is_left_to_its_tracer)
{
	struct subject s = subject_start(body_count, 3);
	struct subject tracer = subject_start(body_trace, s.pid);
	ck_assert_int_eq(tracer.shared->ready, 1);
	struct target *t = open_subject(&s, false);
	AUTO_STR(why);
	char by[64];
	snprintf(by, sizeof(by), "already being traced by a tracer (%d)", (int)tracer.pid);
	ck_assert_err(target_stop(t, &why), ERR_DENIED);
	ck_assert_msg(strstr(str_text(&why), by) && strstr(str_text(&why), "--nonblocking"), "%s",
		str_text(&why));
	ck_assert(t->pause_seconds < 0);
	ck_assert(eventually_none_in(s.pid, "tT"));
	uint64_t value; /* what was not stopped is not sealed either */
	ck_assert_ok(mem_uint(t->mem, (uintptr_t)changing, 8, &value));
	target_close(t);
	t = open_subject(&s, true);
	stop_target(t);
	ck_assert_ok(mem_uint(t->mem, (uintptr_t)changing, 8, &value));
	target_close(t);
	ck_assert_int_eq(status_number(s.pid, "TracerPid"), tracer.pid);
	subject_end(&tracer);
	subject_end(&s);
}
END_TEST

START_TEST(pycore_does_not_stop_itself)
{
	struct subject s = { .pid = getpid() };
	struct target *t = open_subject(&s, false);
	AUTO_STR(why);
	ck_assert_err(target_stop(t, &why), ERR_DENIED);
	ck_assert_ptr_nonnull(strstr(str_text(&why), "is pycore itself"));
	target_close(t);
}
END_TEST

struct watch {
	pid_t pid;
	atomic_bool end;
	atomic_int seen;
};

static void *watch_for_stops(void *arg)
{
	struct watch *w = arg;
	while (!w->end)
		w->seen += tasks_in(w->pid, "tT") + (status_number(w->pid, "TracerPid") != 0);
	return NULL;
}

START_TEST(nonblocking_never_stops)
{
	struct subject s = subject_start(body_sleep, 4);
	ck_assert(eventually_all_in(s.pid, "S"));
	struct watch w = { .pid = s.pid };
	pthread_t watcher;
	pthread_create(&watcher, NULL, watch_for_stops, &w);
	for (int i = 0; i < 100; i++) {
		struct target *t = open_subject(&s, true);
		stop_target(t);
		const struct core_regs *r = &t->threads[3].regs;
		ck_assert(r->has_pc && r->has_sp && r->has_syscall && !r->raw);
		ck_assert_int_eq(r->syscall, SYS_pause);
		struct mem_range range;
		ck_assert(mem_range_at(t->mem, r->pc, &range) && (range.perm & MEM_EXEC));
		ck_assert(!t->threads[3].stopped);
		target_resume(t);
		ck_assert(t->pause_seconds < 0);
		uint64_t value;
		ck_assert_ok(mem_uint(t->mem, (uintptr_t)changing, 8, &value));
		target_close(t);
	}
	w.end = true;
	pthread_join(watcher, NULL);
	ck_assert_int_eq(w.seen, 0);
	subject_end(&s);
}
END_TEST

static void body_futex(struct shared *shared, int arg)
{
	(void)arg;
	shared->address = (uintptr_t)&shared->go;
	shared->ready = 1;
	syscall(SYS_futex, &shared->go, FUTEX_WAIT_BITSET, 0, NULL, NULL, FUTEX_BITSET_MATCH_ANY);
}

START_TEST(arguments_of_the_system_call)
{
	struct subject s = subject_start(body_futex, 0);
	ck_assert(eventually_all_in(s.pid, "S"));
	struct target *t = open_subject(&s, _i);
	stop_target(t);
	const struct core_regs *r = &t->threads[0].regs;
	ck_assert_int_eq(r->syscall, SYS_futex);
	ck_assert_uint_eq(r->syscall_args[0], s.shared->address);
	ck_assert_uint_eq(r->syscall_args[1], FUTEX_WAIT_BITSET);
	target_close(t);
	subject_end(&s);
}
END_TEST

START_TEST(running_thread_has_no_registers_unless_stopped)
{
	struct subject s = subject_start(body_count, 1);
	struct target *t = open_subject(&s, true);
	if (t->threads[0].state == 'R') /* else it waits for a processor */
		ck_assert(!t->threads[0].regs.raw);
	target_close(t);
	subject_end(&s);
}
END_TEST

/* The real parent learns of the death, though pycore was the tracer. */
START_TEST(process_is_killed_while_stopped)
{
	struct subject s = subject_start(body_count, 3);
	struct target *t = open_subject(&s, false);
	stop_target(t);
	kill(s.pid, SIGKILL);
	ck_assert(eventually_none_in(s.pid, "t"));
	target_resume(t);
	target_close(t);
	int status = 0;
	ck_assert_int_eq(waitpid(s.pid, &status, 0), s.pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

START_TEST(process_ended_before_the_stop)
{
	struct subject s = subject_start(body_count, 3);
	struct target *t = open_subject(&s, false);
	kill(s.pid, SIGKILL);
	if (_i)
		waitpid(s.pid, NULL, 0);
	else
		ck_assert(eventually_all_in(s.pid, "Z"));
	AUTO_STR(why);
	ck_assert_err(target_stop(t, &why), ERR_GONE);
	ck_assert_ptr_nonnull(strstr(str_text(&why), "ended"));
	target_close(t);
	if (!_i)
		waitpid(s.pid, NULL, 0);
}
END_TEST

/* Stops the victim and dies of `signo` without a chance to clean up. */
static int death_signal;
static void body_stop_and_die(struct shared *shared, int victim)
{
	struct subject s = { .pid = victim };
	struct target *t = open_subject(&s, false);
	stop_target(t);
	shared->ready = 1;
	signal(death_signal, SIG_DFL); /* Check catches some */
	if (death_signal)
		raise(death_signal);
	_exit(1);
}

START_TEST(death_of_pycore_lets_go)
{
	static const int deaths[] = { SIGTERM, SIGKILL, SIGINT, SIGSEGV, 0 };
	death_signal = deaths[_i];
	receiver = subject_start(body_count_signals, 5);
	struct subject sender = subject_start(body_send_signals, SIGRTMIN);
	for (int round = 0; round < 20; round++) {
		struct subject pycore = subject_launch(body_stop_and_die, receiver.pid);
		int status;
		ck_assert_int_eq(waitpid(pycore.pid, &status, 0), pycore.pid);
		ck_assert_int_eq(WIFSIGNALED(status) ? WTERMSIG(status) : 0, death_signal);
		ck_assert_int_eq(pycore.shared->ready, 1);
		ck_assert(eventually_none_in(receiver.pid, "tT"));
		ck_assert_int_eq(status_number(receiver.pid, "TracerPid"), 0);
		ck_assert(goes_on(&receiver));
		munmap(pycore.shared, sizeof(*pycore.shared));
	}
	long sent = end_sender(&sender);
	ck_assert_msg(
		eventually_received(&receiver, sent), "%ld of %ld", receiver.shared->signals, sent);
	subject_end(&receiver);
}
END_TEST

/* A thread in vfork sleeps uninterruptibly until its child is done. */
static void *wait_in_vfork(void *arg)
{
	struct shared *shared = arg;
	shared->tid = (int)syscall(SYS_gettid);
	if (!vfork()) {
		shared->ready = 1;
		while (!shared->go)
			usleep(1000);
		_exit(0);
	}
	for (;;)
		shared->count++;
	return NULL;
}

static void body_vfork(struct shared *shared, int arg)
{
	(void)arg;
	pthread_t thread;
	pthread_create(&thread, NULL, wait_in_vfork, shared);
	for (;;)
		pause();
}

START_TEST(thread_that_will_not_stop_is_left_out)
{
	struct subject s = subject_start(body_vfork, 0);
	while (task_state(s.pid, s.shared->tid) != 'D')
		sleep_ms(1);
	struct target *t = open_subject(&s, false);
	stop_target(t);
	const struct os_thread *th = target_thread(t, s.shared->tid);
	ck_assert_int_eq(th->state, 'D');
	ck_assert(!th->stopped && !th->regs.has_pc);
	ck_assert(target_thread(t, s.pid)->stopped);
	ck_assert_uint_eq(t->problems.len, 1);
	ck_assert(t->problems.damage);
	target_resume(t);
	ck_assert_msg(t->pause_seconds < 0.5, "%g s", t->pause_seconds);
	s.shared->go = 1; /* the target is still open, as when pycore hangs in its output */
	ck_assert(goes_on(&s));
	ck_assert_int_ne(task_state(s.pid, s.shared->tid), 't');
	target_close(t);
	subject_end(&s);
}
END_TEST

static void *exec_when_told(void *arg)
{
	struct shared *shared = arg;
	while (!shared->go)
		usleep(1000);
	execl("/bin/sleep", "sleep", "1000", NULL);
	return NULL;
}

static void *have_tid_known(void *arg)
{
	struct shared *shared = arg;
	shared->tid = (int)syscall(SYS_gettid);
	shared->ready = 1;
	for (;;)
		pause();
	return NULL;
}

static void body_exec(struct shared *shared, int arg)
{
	(void)arg;
	pthread_t thread;
	pthread_create(&thread, NULL, have_tid_known, shared);
	pthread_create(&thread, NULL, exec_when_told, shared);
	for (;;)
		pause();
}

/* An execve that waits for a thread that another tracer holds keeps all further tracers waiting in
 * the kernel. */
START_TEST(hang_in_the_kernel_is_bounded)
{
	struct subject s = subject_start(body_exec, 0);
	struct subject tracer = subject_start(body_trace, s.shared->tid);
	ck_assert_int_eq(tracer.shared->ready, 1);
	s.shared->go = 1;
	while (task_state(s.pid, s.shared->tid) != 'Z')
		sleep_ms(1);
	struct target *t = open_subject(&s, false);
	AUTO_STR(why);
	double begin = seconds_now();
	struct err e = target_stop(t, &why);
	double took = seconds_now() - begin;
	ck_assert_int_eq(e.sys, ETIMEDOUT);
	ck_assert_msg(took < 4, "%g s", took);
	ck_assert_ptr_nonnull(strstr(str_text(&why), "--nonblocking"));
	target_close(t);
	subject_end(&tracer);
	subject_end(&s);
}
END_TEST

TCase *live_stop_case(void)
{
	TCase *c = tcase_create("stop");
	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, all_threads_stop_and_go_on, 0, 2);
	tcase_add_test(c, pause_is_measured);
	tcase_add_test(c, close_resumes);
	tcase_add_test(c, reads_are_of_the_stop);
	tcase_add_loop_test(c, stopped_process_stays_stopped, 0, 2);
	tcase_add_test(c, sigcont_while_stopped_counts);
	tcase_add_test(c, sigstop_while_stopped_counts);
	tcase_add_test(c, sigstop_just_before_counts);
	tcase_add_test(c, signals_survive_stops);
	tcase_add_test(c, sigtrap_survives_stops);
	tcase_add_test(c, no_thread_slips_through);
	tcase_add_test(c, traced_process_is_left_to_its_tracer);
	tcase_add_test(c, pycore_does_not_stop_itself);
	tcase_add_test(c, nonblocking_never_stops);
	tcase_add_loop_test(c, arguments_of_the_system_call, 0, 2);
	tcase_add_test(c, running_thread_has_no_registers_unless_stopped);
	tcase_add_test(c, process_is_killed_while_stopped);
	tcase_add_loop_test(c, process_ended_before_the_stop, 0, 2);
	tcase_add_loop_test(c, death_of_pycore_lets_go, 0, 5);
	tcase_add_test(c, thread_that_will_not_stop_is_left_out);
	tcase_add_test(c, hang_in_the_kernel_is_bounded);
	return c;
}
