/* SPDX-License-Identifier: Apache-2.0 */
/* C functions between the Python functions of truth/, called through ctypes. */
#include "shadow.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

volatile int *null_pointer;
volatile int rounds_left;
volatile int waits;

/* For the Python functions. */
int push(const char *name)
{
	return shadow_enter(name);
}

void pop(void)
{
	shadow_mine()->depth--;
}

/* How often nat_end() shall return first, so that the interpreter has specialised what it runs, and
 * whether it then waits. */
void prepare(int rounds, int wait)
{
	rounds_left = rounds;
	waits = wait;
}

NOINLINE int nat_wait(int n)
{
	ENTER();
	for (;;)
		pause();
	return n;
}

NOINLINE int nat_end(int n)
{
	ENTER();
	if (rounds_left-- > 0)
		return n;
	if (waits) {
		close(open("ready", O_CREAT | O_WRONLY, 0666));
		return nat_wait(n) + 1;
	}
	return *null_pointer + n;
}

NOINLINE int nat_call(int (*callback)(int), int n)
{
	ENTER();
	return callback(n) + 1;
}

NOINLINE int nat_twice(int (*callback)(int), int n)
{
	ENTER();
	return nat_call(callback, n) + 1;
}

NOINLINE int nat_sort(int (*compare)(const void *, const void *), int n)
{
	ENTER();
	int numbers[] = { 3, 1, 2 };
	qsort(numbers, 3, sizeof(numbers[0]), compare);
	return numbers[0] + n;
}

struct job {
	int (*callback)(int);
	int n;
};

static NOINLINE void *nat_thread_start(void *arg)
{
	ENTER();
	struct job *job = arg;
	job->n = job->callback(job->n) + 1;
	return NULL;
}

NOINLINE int nat_thread(int (*callback)(int), int n)
{
	ENTER();
	struct job job = { callback, n };
	pthread_t thread;
	pthread_create(&thread, NULL, nat_thread_start, &job);
	pthread_join(thread, NULL);
	return job.n;
}

static NOINLINE void nat_handler(int signo)
{
	ENTER();
	nat_end(signo);
}

/* Sends the calling thread a signal, with a handler in C or with whichever there is. */
NOINLINE int nat_raise(int with_own_handler)
{
	ENTER();
	if (with_own_handler)
		signal(SIGUSR2, nat_handler);
	return raise(with_own_handler ? SIGUSR2 : SIGUSR1) + 1;
}
