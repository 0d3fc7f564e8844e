/* SPDX-License-Identifier: Apache-2.0 */
#include "live_subject.h"

#include "pycore/str.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 2000, STACK = 64 * 1024 };

void sleep_ms(long ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

double seconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct subject subject_launch(void (*body)(struct shared *shared, int arg), int arg)
{
	struct subject s = { .shared = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0) };
	ck_assert(s.shared != MAP_FAILED);
	s.pid = fork();
	ck_assert_int_ge(s.pid, 0);
	if (!s.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body(s.shared, arg);
		_exit(0);
	}
	return s;
}

struct subject subject_start(void (*body)(struct shared *shared, int arg), int arg)
{
	struct subject s = subject_launch(body, arg);
	for (int i = 0; i < PATIENCE_MS && !s.shared->ready; i++)
		sleep_ms(1);
	ck_assert_msg(s.shared->ready, "the subject did not come up");
	return s;
}

void subject_end(struct subject *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	munmap(s->shared, sizeof(*s->shared));
}

static void *sleep_forever(void *shared)
{
	(void)shared;
	for (;;)
		pause();
	return NULL;
}

static void *count_forever(void *shared)
{
	for (;;)
		((struct shared *)shared)->count++;
	return NULL;
}

static void run_threads(struct shared *shared, int threads, void *(*body)(void *))
{
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	for (int i = 1; i < threads; i++) {
		pthread_t thread;
		if (pthread_create(&thread, &attr, body, shared))
			_exit(1);
	}
	shared->ready = 1;
	body(shared);
}

void body_sleep(struct shared *shared, int threads)
{
	run_threads(shared, threads, sleep_forever);
}

void body_count(struct shared *shared, int threads)
{
	run_threads(shared, threads, count_forever);
}

static char state_in(const char *path)
{
	char text[512];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = '\0';
	const char *end = strrchr(text, ')');
	return end ? end[2] : 0;
}

char task_state(pid_t pid, pid_t tid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	return state_in(path);
}

static int tasks(pid_t pid, const char *states, bool in)
{
	char path[64];
	int n = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *dir = opendir(path);
	for (const struct dirent *d; dir && (d = readdir(dir));) {
		char state = d->d_name[0] == '.' ? 0 : task_state(pid, atoi(d->d_name));
		n += state && (strchr(states, state) != NULL) == in;
	}
	if (dir)
		closedir(dir);
	return n;
}

int tasks_in(pid_t pid, const char *states)
{
	return tasks(pid, states, true);
}

static bool eventually_no(pid_t pid, const char *states, bool in)
{
	for (int i = 0; i < PATIENCE_MS; i++) {
		if (!tasks(pid, states, in))
			return true;
		sleep_ms(1);
	}
	return false;
}

bool eventually_all_in(pid_t pid, const char *states)
{
	return eventually_no(pid, states, false);
}

bool eventually_none_in(pid_t pid, const char *states)
{
	return eventually_no(pid, states, true);
}

bool goes_on(const struct subject *s)
{
	long before = s->shared->count;
	for (int i = 0; i < PATIENCE_MS; i++) {
		if (s->shared->count > before)
			return true;
		sleep_ms(1);
	}
	return false;
}

long status_number(pid_t pid, const char *key)
{
	char path[64], line[512];
	long value = -1;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			value = atol(line + strlen(key) + 1);
	}
	if (f)
		fclose(f);
	return value;
}

struct target *open_subject(const struct subject *s, bool nonblocking)
{
	struct target *t = NULL;
	AUTO_STR(why);
	char text[ERR_TEXT_MAX];
	struct err e = target_open_live(
		s->pid, &(struct target_live_options){ .nonblocking = nonblocking }, &why, &t);
	ck_assert_msg(!failed(e), "not opened: %s; %s", err_text(e, text), str_text(&why));
	return t;
}

void stop_target(struct target *t)
{
	AUTO_STR(why);
	char text[ERR_TEXT_MAX];
	struct err e = target_stop(t, &why);
	ck_assert_msg(!failed(e), "not stopped: %s; %s", err_text(e, text), str_text(&why));
}

char *why_not_opened(pid_t pid, const char *proc, struct err *ret)
{
	struct target *t = NULL;
	struct str why = { 0 };
	*ret = target_open_live(pid, &(struct target_live_options){ .proc = proc }, &why, &t);
	ck_assert_msg(failed(*ret), "%d was opened", (int)pid);
	ck_assert_ptr_null(t);
	ck_assert_uint_gt(why.len, 0);
	return why.bytes;
}

bool have_root(const char *test)
{
	if (!geteuid())
		return true;
	fprintf(stderr, "SKIP live %s: needs root\n", test);
	return false;
}

void become_nobody(void)
{
	enum { NOBODY = 65534 };
	ck_assert_int_eq(setgroups(0, NULL), 0);
	ck_assert_int_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
	ck_assert_int_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
	prctl(PR_SET_DUMPABLE, 1);
}
