/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to die and to wait in C, called by deaths.py. Built with debug information and without, see
 * builds.py. */
#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

volatile int *null_pointer;
volatile int sink;

NOINLINE int null_deref(int n)
{
	return *null_pointer + n;
}

/* A member of a structure that is not there. */
struct record {
	char room[0x128];
	int member;
};
struct record *volatile no_record;

NOINLINE int null_member(int n)
{
	no_record->member = n;
	return n;
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

/* Code where only data may be. */
NOINLINE int call_data(int n)
{
	static unsigned char data[16] = { 0xc3 };
	int (*volatile there)(int) = (int (*)(int))(uintptr_t)data;
	return there(n) + 1;
}

NOINLINE int divide(int n)
{
	volatile int zero = 0;
	return n / zero;
}

NOINLINE int illegal(int n)
{
	__asm__ volatile("ud2");
	return n;
}

NOINLINE int trap(int n)
{
	__asm__ volatile("int3");
	return n;
}

NOINLINE int failed_assertion(int n)
{
	assert(n == 12345);
	return n;
}

NOINLINE __attribute__((stack_protect)) int stack_smashed(int n)
{
	volatile char room[16];
	for (int i = 0; i < 40 + n; i++)
		((volatile char *)room)[i] = (char)n;
	return room[0];
}

/* What the compiler makes of strcpy() with -D_FORTIFY_SOURCE; musl has none. */
extern char *__strcpy_chk(char *to, const char *from, size_t room) __attribute__((weak));

NOINLINE int fortified(int n)
{
	volatile char room[8];
	const char *volatile text = "this is longer than the room";
	__strcpy_chk((char *)room, text, sizeof(room));
	return room[0] + n;
}

NOINLINE int free_twice(int n)
{
	char *volatile p = malloc(40);
	memset(p, n, 40);
	free(p);
	free(p);
	return n;
}

NOINLINE int free_inside(int n)
{
	char *volatile p = malloc(400);
	free(p + 16);
	return n;
}

/* Writes behind the end of what it allocated, over the size of the chunk that follows. */
NOINLINE int smashed_chunk(int n)
{
	char *volatile a = malloc(2000), *volatile b = malloc(2000), *volatile c = malloc(2000);
	memset(a, 0x41, malloc_usable_size(a) + 16);
	free(b);
	free(c);
	free(a);
	return n;
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

static void *overflow_thread(void *arg)
{
	sink = overflow(arg != NULL);
	return NULL;
}

/* Runs into the guard page of a thread's stack. */
NOINLINE int overflow_in_thread(int n)
{
	pthread_t thread;
	pthread_create(&thread, NULL, overflow_thread, NULL);
	pthread_join(thread, NULL);
	return n;
}

static void at_the_end(void)
{
	sink = null_deref(1);
}

/* When Python is gone already. */
NOINLINE int fault_at_exit(int n)
{
	return atexit(at_the_end) + n;
}

/* Forbids sethostname() to the thread and then calls it. */
NOINLINE int bad_system_call(int n)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sethostname, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return n;
	return (int)syscall(SYS_sethostname, "", 0) + n;
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

NOINLINE int wait_for_futex(int n)
{
	static uint32_t word = 7;
	for (;;)
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 7, NULL, NULL, 0);
	return n;
}

NOINLINE int lock_twice(int n)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&mutex);
	return pthread_mutex_lock(&mutex) + n;
}

static pthread_mutex_t queue_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_filled = PTHREAD_COND_INITIALIZER;
static int jobs;

static NOINLINE int next_job(void)
{
	pthread_mutex_lock(&queue_mutex);
	while (!jobs)
		pthread_cond_wait(&queue_filled, &queue_mutex);
	pthread_mutex_unlock(&queue_mutex);
	return jobs;
}

static void *pool_worker(void *arg)
{
	sink = next_job() + (arg != NULL);
	return NULL;
}

/* For workers that wait for work that nobody brings. */
NOINLINE int wait_for_pool(int n)
{
	pthread_t workers[3];
	for (int i = 0; i < 3; i++)
		pthread_create(&workers[i], NULL, pool_worker, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(workers[i], NULL);
	return n;
}
