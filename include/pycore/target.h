/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct target: a process, dead or alive: its memory, its ELF images, its OS threads. Knows
 * nothing of Python. After it is open nobody asks "core or pid?", except to say that a live read
 * can race.
 */
#pragma once

#include "pycore/container.h"
#include "pycore/elfcore.h"
#include "pycore/err.h"
#include "pycore/image.h"
#include "pycore/mem.h"
#include "pycore/problems.h"
#include "pycore/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct file_search;
struct call_record;
struct native_stack;
struct searcher;
struct registers;

enum target_kind { TARGET_CORE, TARGET_LIVE };

/*
 * What a thread of a live process is doing, as the kernel tells: read just before the process is
 * stopped, because stopping disturbs it. Owned by the target, until the next stop. target_call()
 * gives the system call that it is in.
 */
struct thread_activity {
	bool has_cpu;
	double cpu_seconds; /* spent so far, in user and kernel mode */
	bool moved_on; /* at the stop it was somewhere else already: its frames are of then, the
			  rest of this is of before */
	bool outside; /* it waits in the kernel, but not in a system call: for a page of memory */
	const struct call_record *call; /* NULL: in none, or unknown; for target_call() */
	bool known; /* whether the kernel told what it is in: outside, call, or none */
	/* Names of functions of the kernel, innermost first. Where the whole stack may not be read
	 * the one function that it waits in. Of all threads only with ACTIVITY_STACKS, else of
	 * those that sleep without being interruptible. */
	const char *const *kernel_stack;
	size_t n_kernel_stack; /* 0: not asked for, may not be read, or it runs */
};

/* How much is read of that before each stop. */
enum activity_wanted { ACTIVITY_USUAL, ACTIVITY_NONE, ACTIVITY_STACKS };

/* One thread of the kernel. */
struct os_thread {
	pid_t tid; /* as this machine's /proc (or the core) numbers it */
	pid_t ns_tid; /* in the target's own pid namespace; the same number where that is not
			 another one */
	char name[17]; /* the kernel's name of the thread; "" unknown */
	char state; /* 'R', 'S', 'D', 'T', 't', 'Z'; 0 unknown; thread_state_words() */
	bool crashed; /* the thread that died */
	bool stopped; /* live: stopped by us, so its memory and registers hold still */
	struct core_regs
		regs; /* raw is owned by the target; all absent where they could not be had */
	struct thread_activity activity;
	const struct native_stack *native; /* its native frames; NULL: not asked for. Set, and
					      owned, by whoever walked them. */
	const struct registers *registers; /* what they point to; NULL: not read. Set, and owned, by
					      whoever read them. */
};

struct target_signal {
	int signo; /* 0: no signal ended it (live, or a snapshot) */
	struct core_siginfo info;
};

/* As whom the target opens files. Zero-initialised is unknown, and may read what anybody may. */
struct target_user {
	bool known;
	uid_t uid; /* live: the ones that the kernel judges by (fsuid, fsgid) */
	gid_t gid; /* NO_GROUP: unknown */
	gid_t *groups; /* supplementary ones, owned */
	size_t n_groups;
};
#define NO_GROUP ((gid_t)-1)

struct target {
	enum target_kind kind;
	pid_t pid;
	pid_t ns_pid; /* in its own pid namespace; the same number where that is not another one */
	bool inner_numbers; /* core: its numbers are those of a container, for its parent has none
			       there; without this they may be, too */
	char *path; /* core file as named; NULL when live */
	struct mem *mem; /* what everyone reads through */
	uint16_t machine; /* EM_* */

	struct image *images; /* ascending by start */
	size_t n_images, cap_images;
	struct image *exe; /* the executable's image, or NULL */
	char *exe_path; /* as the target names it, or NULL */

	struct os_thread *threads;
	size_t n_threads, cap_threads;

	/* Of a core: what its notes say, as far as the owner of the core file confirms it, for a
	 * core can be made up. */
	struct target_user user;
	char *root; /* where its files are, "/proc/4711/root" or a sysroot; NULL: they are this
		       machine's */
	bool root_by_user; /* it is a sysroot */
	struct searcher *files; /* looks for its files; owned */

	char **argv; /* NULL-terminated; NULL: unknown */
	size_t argc;
	bool argv_cut; /* only the kernel's summary was there, and that is full; or it is very long
			*/

	uint64_t first_stack; /* core: an address in the stack that the kernel made; 0: not known */

	struct target_signal signal;
	bool snapshot; /* a core that was taken of a living process */
	struct timespec
		as_of; /* core: the file's time; NO_TIME: it came through a pipe. live: when
			  the process started. Sources newer than this may not be what ran. */
	double pause_seconds; /* live: how long threads were stopped; < 0: were not */
	bool nonblocking; /* live: never stopped on purpose, so reads race with the process */
	enum activity_wanted activity; /* live; may be set before a stop */

	struct problems problems;

	struct target_core *core; /* fillings; the one of the other kind is NULL */
	struct target_live *live;
};

struct target_core_options {
	const char *exe; /* the executable as named by the user, or NULL */
	const struct file_search *search; /* NULL: the usual places. Must outlive the target. */
	struct container_options container;
};

/* Opens a core file. Fails for what is no core at all (err.what says what it is and what to do);
 * what is missing or doubtful in a core goes to problems. */
struct err target_open_core(
	const char *path, const struct target_core_options *opt, struct target **ret);

struct target_live_options {
	bool nonblocking; /* never stop it */
	const char *proc; /* root of procfs; NULL: "/proc". Tests give a made-up one. */
	const struct file_search *search; /* as of a core */
};

/*
 * Opens a live process: maps, images, threads; it is not stopped yet. A pid that cannot be opened
 * yields an error and, in `why`, one or two sentences that say which of the causes it is and what
 * to do.
 */
struct err target_open_live(
	pid_t pid, const struct target_live_options *opt, struct str *why, struct target **ret);

/*
 * Stops all threads (no-op for a core, and with nonblocking) and reads their registers; memory read
 * so far is forgotten. Threads that will not stop in time are left out with a problem. Always
 * followed by target_resume(), which may be called at any time; a process that was stopped before
 * stays so. When pycore dies, the kernel lets go by itself. ERR_GONE when the process ended.
 * ERR_DENIED fills `why` as above.
 */
struct err target_stop(struct target *t, struct str *why);
void target_resume(struct target *t);

/*
 * Live: stops the process only for as long as it takes to copy all that it can write, and reads
 * that copy from then on; what is found must be found anew. With nonblocking it is not stopped, and
 * a problem says so. A core is one already. ERR_LIMIT: this machine has not enough memory for it;
 * `why` says so in words.
 */
struct err target_snapshot(struct target *t, struct str *why);
/*
 * As target_stop(), to look at much memory without a copy: until target_resume() it is read as it
 * is asked for, and views of it are possible. What is found must be found anew, and can tell
 * nothing more once the process was resumed. Not with nonblocking.
 */
struct err target_stop_in_place(struct target *t, struct str *why);

void target_close(struct target *t); /* NULL is fine; resumes first */

/* Appends the process's number, and where it is one of its own pid namespace, that. */
void target_pid_text(const struct target *t, struct str *to);

/* "sleeping", "running" ...: what the kernel means by the letter; NULL: unknown. Literal. */
const char *thread_state_words(char state);

/* A system call in words. */
struct thread_call {
	int64_t number;
	const char *name; /* literal: "futex"; NULL: pycore does not know the number */
	char *arguments[6]; /* of the target, to be escaped: "3</tmp/fifo>", "no timeout" */
	size_t n_arguments;
};

/* Where a thread stands: at an instruction that makes a system call, or behind one, which has just
 * returned; else, away from them. STANDS_UNKNOWN: the code there cannot be read. */
enum stands { STANDS_UNKNOWN, STANDS_AWAY, STANDS_AT_CALL, STANDS_BEHIND_CALL };
enum stands target_stands(struct target *t, uint64_t pc);
/* It stands where an instruction of the program's own that raises SIGTRAP has left it; a debugger's
 * breakpoints are not there for whom reads its cores. */
bool target_stands_at_trap(struct target *t, uint64_t pc);

/*
 * The system call that the thread is in: of a live process as of just before the stop (see
 * thread_activity), of a core by its registers. False: it is in none, or that cannot be told. With
 * redact there are neither paths nor addresses of sockets in it. What a socket is connected to is
 * looked up now, so it is for after the stop. Free with thread_call_fini().
 */
bool target_call(
	struct target *t, const struct os_thread *th, bool redact, struct thread_call *ret);
void thread_call_fini(struct thread_call *c);
/* Appends "futex(0x7f12..., FUTEX_WAIT, 2, no timeout)", not escaped. */
void thread_call_text(const struct thread_call *c, struct str *to);

/* Forgets memory read so far, so that what is read next is the present (live; a no-op for cores).
 */
void target_forget(struct target *t);

/* Whether the thread does not run at this moment. If so, *ret is a number that is another one after
 * it has run: the same at two moments means that it rested all the time between them. */
bool target_thread_rests(const struct target *t, const struct os_thread *th, uint64_t *ret);

/* The image that is mapped at addr, or NULL. */
struct image *target_image_at(struct target *t, uint64_t addr);
/* Sees to it that the image's file on disk is attached, if there is one that matches; cheap when
 * repeated. */
struct err target_need_file(struct target *t, struct image *img);
/* The same, and where there is none of a core here, debuginfod is asked for it, if it may be. */
struct err target_fetch_file(struct target *t, struct image *img);
struct os_thread *target_thread(struct target *t, pid_t tid); /* NULL: none */

/* How much of the memory a core holds; all 0 when live. */
struct target_coverage {
	uint64_t mapped, saved, left_out, cut; /* bytes; left_out by choice, cut by truncation */
	bool cut_file; /* the file is shorter than it should be */
	bool no_data; /* nothing of what the process can write to is in it, by choice */
	bool only_stacks; /* likewise, but for stacks: some minidumps */
	/* Of these nobody knows whether they should be there: what would tell is beyond the end. */
	uint64_t unlisted;
	/* So it is not even known what it should hold: literal, "inside its headers"; else NULL. */
	const char *cut_place;
	const char *cut_reasons; /* literal: what makes such files short, and what to do */
	struct err unpack_why; /* failed: a compressed core was unpacked only in part, and why */
};
struct target_coverage target_coverage(const struct target *t);
/* Appends in words why the core was unpacked only in part (c->unpack_why), and what can be done. */
void target_unpack_text(const struct target_coverage *c, struct str *to);
/* What is not there because a core is cut off. */
struct lost_range {
	uint64_t start, end;
	const char *why; /* literal */
};
/* The first one that ends above `from`; false when there is none. */
bool target_next_lost(const struct target *t, uint64_t from, struct lost_range *ret);
/* Appends what it was, not escaped: "stack of thread 4711", "data of /usr/lib/libc.so.6", "memory
 * of no file", or only "memory". */
void target_lost_name(const struct target *t, const struct lost_range *r, struct str *to);
/* Whether a core leaves out what is there, memory of no file that the process could write to; not
 * because it is cut off: whoever wrote it did so. */
bool target_leaves_out(struct target *t, uint64_t addr);
/* Adds a problem that names these threads, of whose memory it leaves some out, and says what to do.
 * Nothing if there are none, or where the core leaves out all such memory, which is said already.
 */
void target_say_left_out(
	struct target *t, const struct os_thread *const *threads, size_t n, bool damage);
/*
 * Opens and maps a file that the target names, to be shown: by the opener's rules, as seen from the
 * target's root, and only if the owner, group and mode of the file let the target's own user read
 * it (ERR_DENIED). Else a process could have a report by root show any file of the machine. Below a
 * sysroot only the time of the content counts as ret->changed, for inodes are new in any copy.
 */
struct err target_open_file(const struct target *t, const char *path, struct file_map *ret);

/* Amounts that the kernel tells of a process: bytes, or how many. */
#define AMOUNT_UNKNOWN	 UINT64_MAX
#define AMOUNT_UNLIMITED (UINT64_MAX - 1)

/* One of its limits (getrlimit(2)). */
struct target_limit {
	const char *name; /* literal: "open files" */
	bool bytes; /* else it counts them */
	uint64_t soft, hard; /* never AMOUNT_UNKNOWN */
};
enum { TARGET_LIMITS = 6 };

/* The cgroup that its memory is accounted to, as far as it is visible from here. */
struct target_cgroup {
	char *path; /* NULL: not known, and so is all else */
	int version; /* 1 or 2 */
	uint64_t limit; /* bytes: the lowest of this cgroup and those above it */
	uint64_t usage; /* of the cgroup whose limit that is; of this one if none has a limit */
};

/* What a bug report wants to know of a process as a whole. */
struct target_facts {
	char *cwd; /* its working directory; NULL: unknown */
	bool cwd_deleted; /* and there is no such folder any more */
	/* Of a core, which does not tell the working directory: what $PWD said when the program was
	 * started. It need not have been right even then. NULL: unknown. */
	char *start_pwd;
	char *root; /* the folder that it sees as /; NULL: it is /, or unknown */
	bool has_ids;
	uid_t uid; /* the real ones */
	gid_t gid;
	pid_t parent; /* 0: unknown, or none that is visible here */
	double uptime; /* seconds since it was started; < 0: unknown */
	uint64_t resident, resident_peak, resident_anonymous, swapped; /* bytes */
	uint64_t threads;
	bool has_oom_score, has_oom_score_adj;
	int oom_score, oom_score_adj;
	struct target_cgroup cgroup;
	struct target_limit limits[TARGET_LIMITS];
	size_t n_limits; /* those that are known */
};

/* As of now for a live process, which need not be stopped. Never fails: what cannot be read is
 * unknown. Frees with target_facts_fini(). */
void target_read_facts(struct target *t, struct target_facts *ret);
void target_facts_fini(struct target_facts *f);

/* A process that the target has started. */
struct target_child {
	pid_t pid;
	char name[17]; /* the kernel's name of it: raw bytes */
};
/* Fills at most `max` of those that live now; returns how many there are. 0 also of a core, and
 * where the kernel does not list them. */
size_t target_children(const struct target *t, struct target_child *ret, size_t max);
