/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What procfs tells of a process and its threads (proc(5)). In `stat` the thread's name stands in
 * parentheses and is any bytes, parentheses and newlines too, so its end is the last ") " of the
 * file; in `status` it is escaped, so that a row is found by its name after a newline.
 */
#include "activity.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"
#include "pycore/opener.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PROC_FILE_MAX = 64 * 1024, PATH_ROOM = PATH_BYTES_MAX + 64 };

/* PF_KTHREAD of include/linux/sched.h: `flags` in stat show it in every kernel. */
enum { KERNEL_THREAD_FLAG = 0x00200000 };

/* Reads DIR/NAME whole. That it is not there means that the process or thread has ended. */
static struct err slurp(const char *dir, const char *name, char **ret, size_t *ret_len)
{
	char path[PATH_ROOM];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	struct err e = opener_slurp(path, PROC_FILE_MAX, ret, ret_len);
	if (e.code == ERR_SYS && e.sys == ENOENT)
		return err_of(ERR_GONE, "process");
	return e;
}

/* What follows "KEY:" at the start of a line. */
static const char *row(const char *text, const char *key)
{
	size_t n = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, n) && line[n] == ':')
			return line + n + 1;
	}
	return "";
}

static unsigned long number(const char *text, const char *key)
{
	return strtoul(row(text, key), NULL, 10);
}

static void ids(const char *at, unsigned ret[4])
{
	for (int i = 0; i < 4; i++) {
		char *end;
		ret[i] = (unsigned)strtoul(at, &end, 10);
		at = end;
	}
}

/* NSpid has one number for each pid namespace, the outermost first. */
static void pid_namespaces(const char *at, struct live_status *st)
{
	st->ns_pid = st->pid;
	for (at += strspn(at, "\t "); *at >= '0' && *at <= '9'; at += strspn(at, "\t ")) {
		char *end;
		st->ns_pid = (pid_t)strtol(at, &end, 10);
		st->ns_deep++;
		at = end;
	}
}

struct err live_read_status(const char *dir, struct live_status *ret)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	TRY(slurp(dir, "status", &text, &len));
	struct live_status st = {
		.tgid = (pid_t)number(text, "Tgid"),
		.pid = (pid_t)number(text, "Pid"),
		.ppid = (pid_t)number(text, "PPid"),
		.tracer = (pid_t)number(text, "TracerPid"),
		.threads = (unsigned)number(text, "Threads"),
		.cap_permitted = strtoull(row(text, "CapPrm"), NULL, 16),
		.cap_effective = strtoull(row(text, "CapEff"), NULL, 16),
	};
	st.switches = (uint64_t)number(text, "voluntary_ctxt_switches") +
		      (uint64_t)number(text, "nonvoluntary_ctxt_switches");
	const char *state = row(text, "State");
	st.state = state[strspn(state, "\t ")];
	ids(row(text, "Uid"), st.uid);
	ids(row(text, "Gid"), st.gid);
	pid_namespaces(row(text, "NSpid"), &st);
	if (!st.pid || !st.state)
		return err_of(ERR_CORRUPT, "status of the process");
	*ret = st;
	return NO_ERR;
}

struct err live_read_stat(const char *dir, struct live_stat *ret)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	TRY(slurp(dir, "stat", &text, &len));
	const char *name = memchr(text, '(', len), *end = memrchr(text, ')', len);
	uint64_t flags, user, system, start;
	char state;
	/* The fields 3 (state), 9 (flags), 14 and 15 (utime, stime) and 22 (starttime). */
	if (!name || !end || end < name ||
		sscanf(end + 1,
			" %c %*d %*d %*d %*d %*d %" SCNu64 " %*u %*u %*u %*u %" SCNu64 " %" SCNu64
			" %*d %*d %*d %*d %*d %*d %" SCNu64,
			&state, &flags, &user, &system, &start) != 5)
		return err_of(ERR_CORRUPT, "stat of the process");
	struct live_stat st = {
		.state = state,
		.kernel_thread = flags & KERNEL_THREAD_FLAG,
		.start_ticks = start,
		.cpu_seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK),
	};
	size_t n = (size_t)(end - name) - 1;
	memcpy(st.name, name + 1, n < sizeof(st.name) - 1 ? n : sizeof(st.name) - 1);
	*ret = st;
	return NO_ERR;
}

void live_read_user(struct target *t)
{
	enum { FILE_SYSTEM = 3 };
	AUTO_FREE char *text = NULL;
	size_t len, cap = 0;
	unsigned uids[4], gids[4];
	struct target_user *u = &t->user;
	if (failed(slurp(t->live->mm_dir, "status", &text, &len)) || !*row(text, "Uid") ||
		!*row(text, "Gid"))
		return;
	ids(row(text, "Uid"), uids);
	ids(row(text, "Gid"), gids);
	u->known = true;
	u->uid = uids[FILE_SYSTEM];
	u->gid = gids[FILE_SYSTEM];
	const char *at = row(text, "Groups");
	for (at += strspn(at, "\t "); *at >= '0' && *at <= '9'; at += strspn(at, "\t ")) {
		char *end;
		u->groups = xgrow(u->groups, &cap, u->n_groups, sizeof(*u->groups));
		u->groups[u->n_groups++] = (gid_t)strtoul(at, &end, 10);
		at = end;
	}
}

bool live_has_ended(char state)
{
	return !state || state == 'Z' || state == 'X';
}

char *live_readlink(const char *dir, const char *name)
{
	char path[PATH_ROOM], to[PATH_BYTES_MAX];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ssize_t n = readlink(path, to, sizeof(to));
	return n < 0 ? NULL : xstrndup(to, (size_t)n);
}

struct err live_open_mem(const char *dir, int *ret)
{
	char path[PATH_ROOM];
	snprintf(path, sizeof(path), "%s/mem", dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY); /* opener: our own /proc path */
	if (fd < 0)
		return err_sys("memory of the process");
	*ret = fd;
	return NO_ERR;
}

struct err live_each_thread(
	const struct target_live *live, void (*each)(void *ctx, pid_t tid), void *ctx)
{
	char path[PATH_ROOM];
	snprintf(path, sizeof(path), "%s/task", live->dir);
	DIR *task = opendir(path);
	if (!task)
		return errno == ENOENT ? err_of(ERR_GONE, "process")
				       : err_sys("threads of the process");
	size_t n = 0;
	for (const struct dirent *d; n < OS_THREADS_MAX && (d = readdir(task));) {
		char *end;
		long tid = strtol(d->d_name, &end, 10);
		if (*end || tid <= 0 || tid > INT32_MAX)
			continue;
		each(ctx, (pid_t)tid);
		n++;
	}
	closedir(task);
	return n < OS_THREADS_MAX ? NO_ERR : err_of(ERR_LIMIT, "threads of the process");
}

struct err live_describe_thread(const struct target_live *live, struct os_thread *th)
{
	char dir[PATH_ROOM];
	snprintf(dir, sizeof(dir), "%s/task/%d", live->dir, (int)th->tid);
	struct live_stat stat;
	TRY(live_read_stat(dir, &stat));
	struct live_status status = { .ns_pid = th->tid };
	if (live->other_pid_ns)
		TRY(live_read_status(dir, &status));
	memcpy(th->name, stat.name, sizeof(th->name));
	th->state = stat.state;
	th->activity.has_cpu = true;
	th->activity.cpu_seconds = stat.cpu_seconds;
	th->ns_tid = status.ns_pid;
	return NO_ERR;
}

/* Where a thread is that is not going to be stopped. */
static void read_regs(const struct target_live *live, struct os_thread *th)
{
	char dir[PATH_ROOM];
	snprintf(dir, sizeof(dir), "%s/task/%d", live->dir, (int)th->tid);
	struct live_call c = live_read_call(dir);
	if (c.seen != SEEN_IN_CALL && c.seen != SEEN_OUTSIDE)
		return;
	struct core_regs r = { .has_pc = true,
		.has_sp = true,
		.has_syscall = true,
		.pc = c.pc,
		.sp = c.sp,
		.syscall = c.number };
	memcpy(r.syscall_args, c.args, sizeof(c.args));
	th->regs = r;
}

static void add_thread(void *ctx, pid_t tid)
{
	struct target *t = ctx;
	struct os_thread *th = target_add_thread(t, tid);
	if (failed(live_describe_thread(t->live, th))) {
		t->n_threads--; /* it ended meanwhile */
		return;
	}
	if (t->nonblocking)
		read_regs(t->live, th);
}

struct err live_read_threads(struct target *t)
{
	t->n_threads = 0;
	TRY(live_each_thread(t->live, add_thread, t));
	if (t->live->stopped_before)
		live_read_activity(t);
	return t->n_threads ? NO_ERR : err_of(ERR_GONE, "process");
}

void live_read_command_line(struct target *t)
{
	AUTO_FREE char *path = xasprintf("%s/cmdline", t->live->mm_dir);
	AUTO_FREE char *text = NULL;
	size_t len;
	if (failed(opener_slurp(path, COMMAND_LINE_MAX, &text, &len)) || !len)
		return;
	size_t cap = 0;
	for (const char *arg = text; arg < text + len; arg += strlen(arg) + 1) {
		t->argv = xgrow(t->argv, &cap, t->argc, sizeof(*t->argv));
		t->argv[t->argc++] = xstrdup(arg);
	}
	t->argv = xgrow(t->argv, &cap, t->argc, sizeof(*t->argv));
	t->argv[t->argc] = NULL;
	t->argv_cut = len >= COMMAND_LINE_MAX;
}

/*
 * The kernel counts the start in clock ticks since boot and rounds down; the end of that tick is
 * what no file that the process was started from can be newer than. When the machine was booted
 * follows from two clocks, since `btime` of /proc/stat has whole seconds only.
 */
void live_read_start(struct target *t, const struct live_stat *stat)
{
	struct timespec now, up;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	const int64_t second = 1000000000, per_second = sysconf(_SC_CLK_TCK);
	uint64_t ticks = stat->start_ticks + 1;
	int64_t boot = (now.tv_sec - up.tv_sec) * second + now.tv_nsec - up.tv_nsec;
	int64_t whole = (int64_t)(ticks / (uint64_t)per_second),
		part = (int64_t)(ticks % (uint64_t)per_second);
	int64_t nanoseconds = boot % second + part * (second / per_second);
	t->as_of = (struct timespec){
		.tv_sec = boot / second + whole + nanoseconds / second,
		.tv_nsec = nanoseconds % second,
	};
}
