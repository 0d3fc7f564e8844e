/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each thread is doing: of a live one by /proc/PID/task/TID/{stat,syscall,stack,wchan}
 * (proc(5)), of a core by its registers.
 *
 * - syscall (fs/proc/base.c, proc_pid_syscall): "NR A1 ... A6 SP PC" inside a system call, "-1 SP
 *   PC" where the thread waits outside of one, "running".
 * - stack (proc_pid_stack), for root only: a row for each function, "[<0>] futex_wait+0x1a/0x2b",
 *   and behind that of a module its name.
 * - wchan: the name of one function, or "0".
 * - A call with a time limit that a stop cut short goes on as restart_syscall, with the registers
 *   that it had. Which one it was, the kernel function tells that the thread waits in.
 */
#include "activity.h"

#include "pycore/alloc.h"
#include "pycore/opener.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { DIR_ROOM = 256, CALL_TEXT_MAX = 256, STACK_TEXT_MAX = 16 * 1024, TRIES = 3 };

static char *slurp(const char *dir, const char *name, size_t max)
{
	char path[DIR_ROOM + 16];
	char *text;
	size_t len;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return failed(opener_slurp(path, max, &text, &len)) ? NULL : text;
}

struct live_call live_read_call(const char *dir)
{
	struct live_call c = { .number = -1 };
	AUTO_FREE char *text = slurp(dir, "syscall", CALL_TEXT_MAX);
	if (!text)
		return c;
	int n = sscanf(text,
		"%" SCNd64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64
		" %" SCNx64 " %" SCNx64,
		&c.number, &c.args[0], &c.args[1], &c.args[2], &c.args[3], &c.args[4], &c.args[5],
		&c.sp, &c.pc);
	if (n == 9 && c.number >= 0) {
		c.seen = SEEN_IN_CALL;
	} else if (n == 3 && c.number == -1) {
		c = (struct live_call){
			.seen = SEEN_OUTSIDE, .number = -1, .sp = c.args[0], .pc = c.args[1]
		};
	} else {
		c = (struct live_call){ .number = -1 };
		c.seen = text_starts(text, "running") ? SEEN_RUNNING : SEEN_NOTHING;
	}
	return c;
}

static bool fits(const struct live_call *c, char state)
{
	return c->seen == SEEN_NOTHING || (c->seen == SEEN_RUNNING) == (state == 'R');
}

/*
 * The state that was read when the threads were listed, a moment ago, stands if it fits the call:
 * reading it costs as much as the call. Else both are read anew until they fit.
 */
static struct live_call read_call(const char *dir, struct os_thread *th)
{
	struct live_call c = live_read_call(dir);
	for (int i = 0; i < TRIES && (!fits(&c, th->state) || th->state == 'D'); i++) {
		struct live_stat stat;
		if (failed(live_read_stat(dir, &stat)))
			return (struct live_call){ .number = -1 };
		th->state = stat.state;
		th->activity.cpu_seconds = stat.cpu_seconds;
		if (fits(&c, th->state))
			return c;
		c = live_read_call(dir);
	}
	if (!fits(&c, th->state)) { /* it sleeps and runs, in turn */
		c = (struct live_call){ .seen = SEEN_RUNNING, .number = -1 };
		th->state = 'R';
	}
	return c;
}

/* The length of the name of a function that begins here. */
static size_t function_length(const char *at)
{
	size_t n = 0;
	while (isalnum((unsigned char)at[n]) || (at[n] && strchr("_.$", at[n])))
		n++;
	return n;
}

/* "[<0>] futex_wait+0x1a/0x2b" */
static const char *function_of_row(const char *row, struct arena *a)
{
	const char *at = strstr(row, "] ");
	const char *end = strchr(row, '\n');
	if (!at || (end && at > end))
		return NULL;
	size_t n = function_length(at + 2);
	return n && at[2 + n] == '+' ? arena_copy(a, at + 2, n) : NULL;
}

static void read_kernel_stack(const char *dir, struct arena *a, struct thread_activity *ret)
{
	const char *names[KERNEL_FRAMES_MAX];
	size_t n = 0;
	AUTO_FREE char *stack = slurp(dir, "stack", STACK_TEXT_MAX);
	for (const char *row = stack; row && *row && n < ARRAY_LEN(names);) {
		names[n] = function_of_row(row, a);
		n += names[n] != NULL;
		row = strchr(row, '\n');
		row += row != NULL;
	}
	AUTO_FREE char *wchan = n ? NULL : slurp(dir, "wchan", CALL_TEXT_MAX);
	size_t len = wchan ? function_length(wchan) : 0;
	if (len && wchan[0] != '0')
		names[n++] = arena_copy(a, wchan, len);
	const char **list = arena_alloc(a, n * sizeof(*list));
	if (n)
		memcpy(list, names, n * sizeof(*list));
	ret->kernel_stack = list;
	ret->n_kernel_stack = n;
}

/*
 * The call that restart_syscall goes on with; NULL: it cannot be told. Functions that only sleep
 * are left out of wchan, so of an interrupted nanosleep (hrtimer_nanosleep_restart) the one is left
 * that called it.
 */
static const char *restarted(const char *dir, const struct live_call *c)
{
	enum { CLOCKS = 16 };
	AUTO_FREE char *wchan = slurp(dir, "wchan", CALL_TEXT_MAX);
	if (!wchan)
		return NULL;
	if (strstr(wchan, "poll"))
		return "poll";
	if (strstr(wchan, "futex"))
		return "futex";
	if (strstr(wchan, "nanosleep") || strstr(wchan, "syscall"))
		return c->args[0] < CLOCKS ? "clock_nanosleep" : "nanosleep";
	return NULL;
}

static void read_thread(struct call_place *at, const struct core_arch *arch, struct os_thread *th)
{
	struct thread_activity *a = &th->activity;
	struct live_call c = read_call(at->dir, th);
	a->known = c.seen != SEEN_NOTHING;
	a->outside = c.seen == SEEN_OUTSIDE;
	if (c.seen == SEEN_IN_CALL) {
		struct call_record *record = arena_alloc(at->arena, sizeof(*record));
		bool restarts = arch && c.number == arch->restart;
		call_describe(at, c.number, restarts ? restarted(at->dir, &c) : NULL, c.args, false,
			record);
		record->sp = c.sp;
		a->call = record;
	}
	if (th->state == 'D' || (at->t->activity == ACTIVITY_STACKS && th->state != 'R'))
		read_kernel_stack(at->dir, at->arena, a);
}

void live_free_activity(struct target_live *live)
{
	arena_fini(&live->activity);
	sockets_free(live->sockets);
	file_locks_free(live->locks);
	live->sockets = NULL;
	live->locks = NULL;
}

void live_read_activity(struct target *t)
{
	struct target_live *live = t->live;
	live_free_activity(live);
	char dir[DIR_ROOM];
	struct call_place at = {
		.t = t,
		.mem = &live->mem.base,
		.dir = dir,
		.proc = live->proc,
		.own_pids = !live->other_pid_ns,
		.own_clocks = !live_links_differ(live, "ns/time"),
		.arena = &live->activity,
	};
	const struct core_arch *arch = core_arch_find(t->machine, at.mem->ptr_size);
	for (size_t i = 0; i < t->n_threads; i++) {
		struct os_thread *th = &t->threads[i];
		double cpu_seconds = th->activity.cpu_seconds;
		bool has_cpu = th->activity.has_cpu;
		th->activity =
			(struct thread_activity){ .has_cpu = has_cpu, .cpu_seconds = cpu_seconds };
		int n = snprintf(dir, sizeof(dir), "%s/task/%d", live->dir, (int)th->tid);
		if (n > 0 && (size_t)n < sizeof(dir) && t->activity != ACTIVITY_NONE)
			read_thread(&at, arch, th);
	}
}

void live_compare_activity(struct target *t)
{
	for (size_t i = 0; i < t->n_threads; i++) {
		struct os_thread *th = &t->threads[i];
		const struct call_record *c = th->activity.call;
		bool other_call = c && th->regs.has_syscall && th->regs.syscall != c->number;
		bool other_place = c && th->regs.has_sp && th->regs.sp != c->sp;
		th->activity.moved_on = th->stopped && (other_call || other_place);
	}
}
