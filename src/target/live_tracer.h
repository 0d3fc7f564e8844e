/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of pycore that stops the threads of a live target and lets them go, and what it shares
 * with the main one. */
#pragma once

#include "live.h"

#include <pthread.h>
#include <semaphore.h>

/* The largest general register set of an architecture, with room to spare. */
enum { REGS_ROOM = 512 };

struct tracee {
	pid_t tid;
	enum { TRACEE_SEIZED, TRACEE_STOPPED, TRACEE_LEFT, TRACEE_GONE } state;
	int signal; /* to be delivered when it goes on */
	size_t regs_size;
	uint8_t regs[REGS_ROOM];
};

struct live_stop {
	const struct target_live *live;
	pthread_t tracer;
	bool running; /* the tracer thread exists; threads may be stopped */
	sem_t stopped, go;

	/* The tracer's until `stopped`, then the main thread's until `go`. */
	struct tracee *tracees;
	size_t len, cap;
	struct hash seen; /* tids */
	pid_t *fresh; /* listed, and not seized yet */
	size_t n_fresh, cap_fresh;
	struct err error;
	pid_t error_tid;
	bool late; /* new threads appeared up to the deadline */
	bool interrupted;
	struct timespec first_interrupt, last_detach; /* valid if interrupted */
};

/*
 * Starts the tracer; it stops the target's threads. Waits for that for a bounded time and gives
 * what it says: on failure tracer_release() must follow too, unless `running` is false.
 */
struct err tracer_start(struct live_stop *s);
/* Lets all threads go and ends the tracer. Does nothing if it is not running. */
void tracer_release(struct live_stop *s);
