/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts that tell what a thread is doing share: activity.c (reading), activity_words.c (a
 * call in words), activity_times.c, activity_files.c (descriptors), activity_waits.c (locks,
 * children, signals); activity_show.c (the words), activity_sockets.c, activity_locks.c.
 *
 * A call is put into words at once, since what it refers to can change, and kept as pieces, since
 * which of them may be shown, and what a socket is connected to, is asked later.
 */
#pragma once

#include "live.h"
#include "syscalls.h"

enum piece_kind {
	PIECE_WORDS, /* our own words and numbers */
	PIECE_TEXT, /* of the target: a path, a name, an address */
	PIECE_SOCKET, /* one, by its protocol and inode */
	PIECE_HOLDER, /* in parentheses who holds the lock of a file, by the file's inode; text:
			 "flock" or "fcntl" */
};

struct call_piece {
	enum piece_kind kind;
	const char
		*text; /* PIECE_SOCKET: the kernel's name of the protocol, "TCPv6"; "": unknown */
	const char *redacted; /* literal, PIECE_TEXT: what may be shown in its place */
	uint64_t inode; /* PIECE_SOCKET, PIECE_HOLDER */
};

/* A system call in words. */
struct call_record {
	int64_t number;
	const char *name; /* literal; NULL: unknown. That of the call that restart_syscall goes on
			     with, where it is known. */
	uint64_t sp; /* live: the stack pointer in it */
	size_t n;
	struct call_argument {
		const struct call_piece *pieces;
		size_t n;
	} arguments[CALL_ARGS];
};

/* What describing a call can ask. */
struct call_place {
	struct target *t;
	struct mem *mem;
	const char *dir; /* PROC/PID/task/TID; NULL: of a core, which tells nothing of files */
	const char *proc; /* root of procfs; NULL: a core */
	bool own_pids; /* the pids that it knows are those of proc */
	bool own_clocks; /* its clocks are those of this machine */
	struct arena *arena; /* owns the pieces */
};

/* A call in the making. */
struct call_words {
	const struct call_place *at;
	const struct core_arch *arch;
	uint64_t args[CALL_ARGS];
	bool first_lost; /* args[0] is not what the call was given */
	bool time64;
	struct call_record *to;
	struct str said; /* PIECE_WORDS that is not in the list yet */
	struct call_piece *pieces; /* of the argument that is being made */
	size_t n, cap;
};

/* Puts a call into words. name: of the call that this one restarts; NULL: it restarts none. */
void call_describe(const struct call_place *at, int64_t number, const char *name,
	const uint64_t args[CALL_ARGS], bool first_lost, struct call_record *ret);

/* Appends to the argument. */
void say(struct call_words *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
void say_text(struct call_words *w, const char *text, const char *redacted);
/* The piece's text is copied. */
void say_piece(struct call_words *w, struct call_piece piece);
/* Ends the argument; what is said next belongs to the next one. */
void end_argument(struct call_words *w);
/* Names of bits, and what is left of the value in hexadecimal; "0" if there is none. */
struct flag_name {
	uint64_t bit;
	const char *name;
};
void say_flags(struct call_words *w, uint64_t value, const struct flag_name *names, size_t n);
void say_address(struct call_words *w, uint64_t addr); /* NULL for 0 */
void say_descriptor(struct call_words *w, int32_t fd);
void say_process(struct call_words *w, int32_t pid);

/* int i of the arguments: the upper half of a register that holds one may be anything. */
static inline int32_t int_argument(const struct call_words *w, unsigned i)
{
	return (int32_t)w->args[i];
}

/* Put argument i into words, without ending it: one for each enum argument_kind. The last two go on
 * with those behind it. */
typedef void argument_fn(struct call_words *w, unsigned i);
argument_fn arg_address, arg_descriptor, arg_epoll, arg_directory, arg_path, arg_sockaddr,
	arg_pollfds, arg_fdset;
argument_fn arg_clock, arg_timespec, arg_timer, arg_deadline, arg_timeval, arg_milliseconds;
argument_fn arg_signal, arg_sigset, arg_child, arg_child_by, arg_child_id, arg_child_options,
	arg_flock;
argument_fn arg_fcntl, arg_futex;
/* The moment of argument i, of a clock of clock_gettime(2). */
void say_deadline(struct call_words *w, unsigned i, int32_t clock);

/* The sockets of a network namespace, by their inodes. */
struct sockets;
struct sockets *sockets_new(const char *net_dir); /* PROC/PID/net; nothing is read yet */
void sockets_free(struct sockets *s); /* NULL is fine */
/* Appends "TCP 127.0.0.1:5000 -> 127.0.0.1:80" or "UNIX-STREAM /run/x"; false: nothing is known of
 * it but its protocol, or not that. */
bool sockets_text(struct sockets *s, const char *protocol, uint64_t inode, struct str *to);

/* The locks of files, by the files' inodes. */
struct file_locks;
struct file_locks *file_locks_new(const char *proc); /* nothing is read yet */
void file_locks_free(struct file_locks *l); /* NULL is fine */
/* The process that holds the lock which `pid` waits for, by flock or else by fcntl; -1 for an open
 * file whoever has it. False: not found, or there are several. */
bool file_locks_holder(struct file_locks *l, pid_t pid, bool flock, uint64_t inode, pid_t *ret);

/* What /proc/PID/task/TID/syscall says. */
enum call_seen {
	SEEN_NOTHING, /* it may not be read, or is not there */
	SEEN_RUNNING,
	SEEN_OUTSIDE, /* the thread waits in the kernel, but not in a system call */
	SEEN_IN_CALL,
};
struct live_call {
	enum call_seen seen;
	int64_t number;
	uint64_t args[CALL_ARGS];
	uint64_t sp, pc; /* unless SEEN_NOTHING or SEEN_RUNNING */
};
/* dir: PROC/PID/task/TID. */
struct live_call live_read_call(const char *dir);

/* Fills the activity of all threads, as of now. What was read before is forgotten. */
void live_read_activity(struct target *t);
/* Marks those that have done something else since, by the registers of the stop. */
void live_compare_activity(struct target *t);
void live_free_activity(struct target_live *live);
