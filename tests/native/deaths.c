/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to die in C, called by deaths.py. Built with debug information and without, see run.py. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

volatile int *null_pointer;
volatile int sink;

NOINLINE int null_deref(int n)
{
	return *null_pointer + n;
}

/* Its last instruction is a call, so the return address belongs to whatever follows. */
NOINLINE __attribute__((noreturn)) void give_up(void)
{
	abort();
}

NOINLINE int noreturn_at_end(int n)
{
	sink = n;
	give_up();
}

NOINLINE int recurse(int n)
{
	volatile char room[64];
	room[0] = (char)n;
	if (!n)
		return null_deref(n);
	return recurse(n - 1) + room[0];
}

NOINLINE int overflow(int n)
{
	volatile char room[256];
	room[0] = (char)n;
	return overflow(n + 1) + room[0];
}

NOINLINE int wild_call(int n)
{
	int (*volatile nowhere)(int) = NULL;
	return nowhere(n) + 1;
}

static void handler(int signo)
{
	sink = signo;
	null_deref(signo);
}

NOINLINE int in_signal_handler(int n)
{
	struct sigaction sa = { .sa_handler = handler };
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	return n + sink;
}

static void last_words(int signo)
{
	sink = signo;
	abort();
}

NOINLINE int overflow_with_own_stack(int n)
{
	static char stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = { .sa_handler = last_words, .sa_flags = SA_ONSTACK };
	sigaltstack(&ss, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	return recurse(n) + sink;
}

static void *foreign_thread(void *arg)
{
	sink = null_deref(arg != NULL);
	return NULL;
}

NOINLINE int in_foreign_thread(int n)
{
	pthread_t thread;
	pthread_create(&thread, NULL, foreign_thread, NULL);
	pthread_join(thread, NULL);
	return n;
}

/* Spends its time in the vdso, until somebody else kills the process. */
NOINLINE int in_vdso(int n)
{
	struct timespec now;
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		sink = n + (int)now.tv_nsec;
	}
}

NOINLINE int call_through(int (*callback)(int), int n)
{
	return callback(n) + 1;
}

/* Waits in the kernel. */
NOINLINE int wait_for_ever(int n)
{
	for (;;)
		pause();
	return n;
}
