/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stop and resume by ptrace(2): PTRACE_SEIZE changes nothing in a thread, PTRACE_INTERRUPT then
 * stops it without a signal, PTRACE_DETACH lets it go.
 *
 * - A thread of our own is the tracer. When it ends the kernel lets go of every tracee, also of one
 *   that did not stop and so cannot be detached (waiting in vfork, on a dead network disk); and
 *   when pycore is killed, of all of them.
 * - Stops are looked at with WNOWAIT, which leaves them in place: a signal that a thread was just
 *   about to receive then survives our death as well. When we detach we hand it on ourselves.
 * - The kernel itself remembers a stop by SIGSTOP or the like (group-stop) and goes back into it on
 *   detach (kernel/ptrace.c, __ptrace_unlink), so a process that was stopped stays so, and one that
 *   gets SIGCONT meanwhile runs.
 * - Dead threads are not waited for either: their real parent has a right to that.
 */
#include "live_tracer.h"

#include "pycore/alloc.h"

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	STOP_DEADLINE_US = 1000 * 1000, /* from the first interrupt on; a busy machine is slow */
	PATIENCE_US = 250 * 1000, /* for one that sleeps uninterruptibly: a slow disk is no hang */
	SPINS = 100, /* looks without sleeping; a thread that sleeps stops within some */
	NAP_NS = 50 * 1000,
	ANSWER_DEADLINE_S = 2, /* the tracer may hang in the kernel: see seize() */
};

#define END_SIGNAL SIGRTMIN /* a function of the C library, so no enum */

static int64_t microseconds_since(const struct timespec *start)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)(now.tv_sec - start->tv_sec) * 1000000 +
	       (now.tv_nsec - start->tv_nsec) / 1000;
}

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem) < 0 && errno == EINTR)
		;
}

/* The thread's state in /proc; 0 when it is gone. */
static char state_of(const struct live_stop *s, pid_t tid)
{
	char dir[PATH_BYTES_MAX];
	snprintf(dir, sizeof(dir), "%s/task/%d", s->live->dir, (int)tid);
	struct live_stat stat;
	return failed(live_read_stat(dir, &stat)) ? 0 : stat.state;
}

/* Ends the tracer thread where it stands. It holds nothing there, neither a lock nor memory. */
static void end_tracer(int signo)
{
	(void)signo;
	syscall(SYS_exit, 0);
}

/*
 * The kernel lets PTRACE_SEIZE wait for as long as the target is in execve, which can be for ever
 * if that waits for a thread that another tracer holds (cred_guard_mutex), and restarts it after
 * every signal. So in here, and only here, a signal ends the thread. pthread_cancel() could do
 * that too, but loads a library for it and confuses sanitizers.
 */
static long seize(pid_t tid)
{
	sigset_t end;
	sigemptyset(&end);
	sigaddset(&end, END_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &end, NULL);
	long r = ptrace(PTRACE_SEIZE, tid, NULL, NULL);
	int saved = errno;
	pthread_sigmask(SIG_BLOCK, &end, NULL);
	errno = saved;
	return r;
}

static void note_fresh(void *ctx, pid_t tid)
{
	struct live_stop *s = ctx;
	if (!hash_put(&s->seen, (uint64_t)tid, 0))
		return;
	s->fresh = xgrow(s->fresh, &s->cap_fresh, s->n_fresh, sizeof(*s->fresh));
	s->fresh[s->n_fresh++] = tid;
}

static struct err list_fresh(struct live_stop *s)
{
	s->n_fresh = 0;
	return live_each_thread(s->live, note_fresh, s);
}

/* Threads that are ending are left out: the kernel refuses them. */
static struct err seize_fresh(struct live_stop *s)
{
	for (size_t i = 0; i < s->n_fresh; i++) {
		pid_t tid = s->fresh[i];
		if (seize(tid) < 0) {
			struct err e = err_sys("stop by ptrace");
			if (e.code == ERR_GONE || live_has_ended(state_of(s, tid)))
				continue;
			s->error_tid = tid;
			return e;
		}
		s->tracees = xgrow(s->tracees, &s->cap, s->len, sizeof(*s->tracees));
		struct tracee *tr = &s->tracees[s->len++];
		tr->tid = tid;
		tr->state = TRACEE_SEIZED;
		tr->signal = 0;
		tr->regs_size = 0;
	}
	return NO_ERR;
}

/* Looks whether it has stopped or ended. */
static void poll_tracee(struct tracee *tr)
{
	siginfo_t si = { .si_pid = 0 };
	int r = waitid(P_PID, (id_t)tr->tid, &si, WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL);
	if (r < 0 && errno == EINTR)
		return;
	if (r < 0 || (si.si_pid && si.si_code != CLD_TRAPPED && si.si_code != CLD_STOPPED)) {
		tr->state = TRACEE_GONE;
	} else if (si.si_pid) {
		tr->state = TRACEE_STOPPED;
		/* si_status: the signal, or that of the event's stop with the event above it. */
		tr->signal = si.si_status >> 8 ? 0 : si.si_status & 0x7f;
	}
}

/* Waits for one tracee; the others stop in the same time. */
static void await_stop(struct live_stop *s, struct tracee *tr)
{
	for (unsigned looks = 0; tr->state == TRACEE_SEIZED; looks++) {
		poll_tracee(tr);
		if (tr->state != TRACEE_SEIZED)
			return;
		if (looks < SPINS) {
			sched_yield();
			continue;
		}
		int64_t waited = microseconds_since(&s->first_interrupt);
		char state = waited > PATIENCE_US ? state_of(s, tr->tid) : 'R';
		if (live_has_ended(state))
			tr->state = TRACEE_GONE;
		else if (state == 'D' || waited > STOP_DEADLINE_US)
			tr->state = TRACEE_LEFT;
		else
			nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
	}
}

static void read_regs(struct tracee *tr)
{
	struct iovec iov = { .iov_base = tr->regs, .iov_len = sizeof(tr->regs) };
	if (!ptrace(PTRACE_GETREGSET, tr->tid, (void *)(uintptr_t)NT_PRSTATUS, &iov))
		tr->regs_size = iov.iov_len;
}

/* Stops the tracees from index `first` on. */
static void stop_tracees(struct live_stop *s, size_t first)
{
	if (!s->interrupted)
		clock_gettime(CLOCK_MONOTONIC, &s->first_interrupt);
	s->interrupted = true;
	for (size_t i = first; i < s->len; i++) {
		if (ptrace(PTRACE_INTERRUPT, s->tracees[i].tid, NULL, NULL) < 0)
			s->tracees[i].state = TRACEE_GONE;
	}
	for (size_t i = first; i < s->len; i++)
		await_stop(s, &s->tracees[i]);
	for (size_t i = first; i < s->len; i++) {
		if (s->tracees[i].state == TRACEE_STOPPED)
			read_regs(&s->tracees[i]);
	}
}

/* Threads that were not stopped yet can make new ones, so until none is new. */
static struct err stop_all(struct live_stop *s)
{
	clock_gettime(CLOCK_MONOTONIC, &s->first_interrupt);
	for (;;) {
		TRY(list_fresh(s));
		if (!s->n_fresh)
			return NO_ERR;
		s->late = s->interrupted &&
			  microseconds_since(&s->first_interrupt) > STOP_DEADLINE_US;
		if (s->late)
			return NO_ERR;
		size_t before = s->len;
		TRY(seize_fresh(s));
		if (s->len > before)
			stop_tracees(s, before);
	}
}

static void let_go(struct live_stop *s)
{
	for (size_t i = 0; i < s->len; i++) {
		struct tracee *tr = &s->tracees[i];
		if (tr->state == TRACEE_LEFT)
			poll_tracee(tr);
		if (tr->state == TRACEE_STOPPED)
			ptrace(PTRACE_DETACH, tr->tid, NULL, (void *)(uintptr_t)tr->signal);
	}
	clock_gettime(CLOCK_MONOTONIC, &s->last_detach);
}

static void *tracer_main(void *arg)
{
	struct live_stop *s = arg;
	s->error = stop_all(s);
	sem_post(&s->stopped);
	wait_for(&s->go);
	let_go(s);
	return NULL;
}

/* Waits for the tracer's answer. One that hangs in the kernel is ended, which lets go of what it
 * had seized. */
static struct err await_tracer(struct live_stop *s)
{
	struct timespec deadline;
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += ANSWER_DEADLINE_S;
	int r;
	while ((r = sem_clockwait(&s->stopped, CLOCK_MONOTONIC, &deadline)) < 0 && errno == EINTR)
		;
	if (!r)
		return s->error;
	struct sigaction act = { .sa_handler = end_tracer }, before;
	sigaction(END_SIGNAL, &act, &before);
	pthread_kill(s->tracer, END_SIGNAL);
	tracer_release(s);
	sigaction(END_SIGNAL, &before, NULL);
	return (struct err){ .code = ERR_SYS, .sys = ETIMEDOUT, .what = "stop by ptrace" };
}

struct err tracer_start(struct live_stop *s)
{
	sigset_t all, before; /* handlers are to run in the main thread */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&s->tracer, NULL, tracer_main, s);
	struct err e = errno ? err_sys("thread for ptrace") : NO_ERR;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	TRY(e);
	s->running = true;
	return await_tracer(s);
}

void tracer_release(struct live_stop *s)
{
	if (!s->running)
		return;
	sem_post(&s->go);
	pthread_join(s->tracer, NULL);
	s->running = false;
}
