/* SPDX-License-Identifier: Apache-2.0 */
/* System calls by their numbers, and what their arguments are. */
#pragma once

#include "pycore/elfcore.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CALL_ARGS = 6 };

/* What an argument is, and so how it is put into words. */
enum argument_kind {
	ARG_END, /* no argument; behind it come none */
	ARG_ADDRESS,
	ARG_NUMBER, /* int */
	ARG_COUNT, /* size_t, unsigned int */
	ARG_HEX,
	ARG_OFFSET, /* 64 bits, which a 32-bit machine splits in two: there it ends the list */
	ARG_FD,
	ARG_EPOLL, /* a descriptor of epoll */
	ARG_DIRFD, /* a descriptor, or AT_FDCWD */
	ARG_PATH,
	ARG_MODE,
	ARG_OPEN, /* flags of open, and whether there is a mode behind them */
	ARG_MESSAGE, /* flags of recv, send */
	ARG_ACCEPT, /* flags of accept4 */
	ARG_SOCKADDR, /* the next argument is its size */
	ARG_POLLFDS, /* the next argument is how many */
	ARG_FDSET, /* the first argument is how many bits */
	ARG_SIGNAL,
	ARG_SIGSET,
	ARG_CLOCK,
	ARG_TIMER_FLAGS,
	ARG_TIMESPEC, /* from now on */
	ARG_TIMER, /* a time of the clock of the first argument; the second says from when on */
	ARG_DEADLINE, /* of CLOCK_REALTIME */
	ARG_TIMEVAL,
	ARG_MILLISECONDS, /* -1: without end */
	ARG_FUTEX, /* the operation, and with it what the arguments behind it are */
	ARG_CHILD, /* the pid of wait4 */
	ARG_CHILD_BY, /* P_PID, ... of waitid */
	ARG_CHILD_ID, /* behind it: of what, the argument before says */
	ARG_CHILD_OPTIONS,
	ARG_FLOCK,
	ARG_FCNTL, /* the command, and with it what the argument behind it is */
};

/* A system call of one architecture. */
struct syscall_info {
	const char *name; /* literal; NULL: not known */
	const uint8_t *kinds; /* CALL_ARGS of enum argument_kind; NULL: not known */
	bool time64; /* times are of 64 bits, also on a 32-bit machine */
};

/* arch NULL: nothing is known. */
struct syscall_info syscall_find(const struct core_arch *arch, int64_t number);
/* The call of this name that the architecture has; name NULL: it has none. */
struct syscall_info syscall_named(const struct core_arch *arch, const char *name);
