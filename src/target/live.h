/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a live target share: live.c, live_maps.c, live_proc.c, live_rights.c,
 * live_stop.c, live_namespaces.c, activity.c. */
#pragma once

#include "target_internal.h"

/* The rows of /proc/PID/status that are needed. */
struct live_status {
	pid_t tgid, pid, ppid;
	pid_t tracer; /* 0: none, or one that this pid namespace does not show */
	pid_t ns_pid; /* in the innermost pid namespace */
	unsigned ns_deep; /* pid namespaces from that of procfs down to its own; 1: the same one */
	unsigned threads;
	char state;
	uid_t uid[4]; /* real, effective, saved, file system */
	gid_t gid[4];
	uint64_t cap_permitted, cap_effective;
	uint64_t switches; /* how often it has given up a processor, of itself or not */
};
/* dir: /proc/PID or /proc/PID/task/TID. Errors: ERR_GONE when there is no such process or thread,
 * ERR_CORRUPT. */
struct err live_read_status(const char *dir, struct live_status *ret);

/* /proc/PID/stat. */
struct live_stat {
	char name[17]; /* raw bytes, cut at 16 */
	char state;
	bool kernel_thread;
	uint64_t start_ticks; /* since boot */
	double cpu_seconds; /* in user and kernel mode; of a thread: its own */
};
struct err live_read_stat(const char *dir, struct live_stat *ret);
/* Whether a state is that of a process or thread with nothing left to read; so is 0. */
bool live_has_ended(char state);

struct target_live {
	char *proc; /* root of procfs */
	char *dir; /* PROC/PID */
	char *mm_dir; /* the same; PROC/PID/task/TID of another when the main thread has ended */
	pid_t mm_pid; /* the number of that process or thread */
	bool other_pid_ns;
	bool foreign_pids; /* see live_foreign_pids() */
	struct mem_live mem;
	struct mem_cache cache; /* over mem; what the target shows */
	struct arena activity; /* what the threads' activity is made of */
	struct sockets *sockets; /* both are read when they are asked for */
	struct file_locks *locks;
	struct mem_snapshot snapshot; /* over mem, once one was taken */
	struct mem_demand in_place; /* over mem, while it is stopped and looked at in place */
	bool stopped_before; /* at least one stop has ended: names and states of threads are old */
	struct live_stop
		*stop; /* the last one, which holds the raw registers; NULL before the first */
};

/* Fills images and memory ranges from maps. ERR_GONE when there is no memory any more. */
struct err live_read_maps(struct target *t);
/* Only the memory ranges, as they are now. */
struct err live_read_ranges(struct target *t);
/* True if `path` is the file with this inode, here or below the process's root. */
bool live_names_inode(const struct target_live *live, const char *path, uint64_t inode);

/* Fills t->threads anew, with registers as far as /proc tells them when the target is never
 * stopped. */
struct err live_read_threads(struct target *t);
/* Calls each(ctx, tid) for every thread in /proc/PID/task. */
struct err live_each_thread(
	const struct target_live *live, void (*each)(void *ctx, pid_t tid), void *ctx);
/* Fills name, state and ns_tid of th. */
struct err live_describe_thread(const struct target_live *live, struct os_thread *th);
void live_read_command_line(struct target *t);
/* Fills t->user; what cannot be read stays unknown. */
void live_read_user(struct target *t);
void live_read_start(struct target *t, const struct live_stat *stat);
/* Whether system calls mean other processes than this procfs by the same numbers. */
bool live_foreign_pids(const char *proc);
/* False: the usual place of procfs has none. */
bool live_has_procfs(const char *proc);
/* Whether what /proc/PID/NAME and /proc/self/NAME link to can be read and differs. */
bool live_links_differ(const struct target_live *live, const char *name);
/* Whether the process finds other files by the same paths. */
bool live_other_root(const struct target_live *live);
/* What the symbolic link DIR/NAME says; malloc'ed, NULL if it cannot be read. */
char *live_readlink(const char *dir, const char *name);
/* Opens DIR/mem. */
struct err live_open_mem(const char *dir, int *ret);

/*
 * Appends to `why` what keeps pycore out of thread `tid` of process `pid` and what to do about it.
 * For a read of its memory, or to_trace: for a stop by ptrace, which only one tracer at a time can
 * do.
 */
void live_explain_denial(const char *proc, pid_t pid, pid_t tid, bool to_trace, struct str *why);

struct err live_stop(struct target *t, struct str *why);
void live_resume(struct target *t);
struct err live_take_snapshot(struct target *t, struct str *why); /* live_snapshot.c */
/* live_in_place.c: the memory of a process that is stopped, without a copy, until it is resumed. */
void live_show_in_place(struct target *t);
/* So that its memory can tell what was never touched, if it may be opened. */
void live_open_pagemap(struct target_live *live);
void live_leave_place(struct target *t);
void live_stop_free(struct live_stop *s); /* NULL is fine; must have been resumed */
