/* SPDX-License-Identifier: Apache-2.0 */
/* Real processes for the tests of live targets to look into. */
#pragma once

#include "pycore/target.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

enum { SUBJECT_THREADS_MAX = 1024 };

/* Memory that the test and its subject share. */
struct shared {
	atomic_int ready; /* set by the subject */
	atomic_int go; /* set by the test */
	atomic_long count; /* goes up while the subject runs */
	atomic_long signals; /* received */
	atomic_int tid; /* of a thread that the test is about */
	atomic_ulong address; /* of something in the subject */
};

struct subject {
	pid_t pid;
	struct shared *shared;
};

/* Forks; the child runs body(shared, arg) and dies with the test. Returns when it is ready. */
struct subject subject_start(void (*body)(struct shared *shared, int arg), int arg);
/* The same without waiting. */
struct subject subject_launch(void (*body)(struct shared *shared, int arg), int arg);
/* Kills it and waits for its end. */
void subject_end(struct subject *s);

/* Bodies: `threads` threads in all that sleep, or that count as fast as they can. */
void body_sleep(struct shared *shared, int threads);
void body_count(struct shared *shared, int threads);

/* The state letter of a thread in the real /proc; 0 when it is gone. */
char task_state(pid_t pid, pid_t tid);
/* How many threads of it are in one of these states. */
int tasks_in(pid_t pid, const char *states);
/* Waits up to two seconds until all its threads are (not) in one of these states. */
bool eventually_all_in(pid_t pid, const char *states);
bool eventually_none_in(pid_t pid, const char *states);
/* Whether the counter goes up within two seconds. */
bool goes_on(const struct subject *s);
/* A number out of a row of /proc/PID/status. */
long status_number(pid_t pid, const char *key);
void sleep_ms(long ms);
double seconds_now(void);

/* Opens the subject, or fails the test. */
struct target *open_subject(const struct subject *s, bool nonblocking);
/* Stops it, or fails the test. */
void stop_target(struct target *t);
/* Opens what must not be openable and returns why, malloc'ed. */
char *why_not_opened(pid_t pid, const char *proc, struct err *ret);

/* True when root; otherwise says on stderr that the test is skipped, and why. */
bool have_root(const char *test);
/* Becomes nobody for the rest of the test. */
void become_nobody(void);
