/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why the kernel refuses. It only says EPERM or EACCES; the rules it went by are those of
 * ptrace(2), "Ptrace access mode checking": same ids or CAP_SYS_PTRACE in the target's user
 * namespace, dumpable or that capability, no capability that we lack (commoncap), then the Yama
 * module (Documentation/admin-guide/LSM/Yama.rst). They are gone through in that order with what
 * /proc shows to anyone.
 */
#include "live.h"

#include "pycore/alloc.h"
#include "pycore/opener.h"

#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct facts {
	const char *proc;
	pid_t pid;
	char *dir, *self_dir;
	struct live_status it, self;
	bool capable; /* CAP_SYS_PTRACE, in our own user namespace */
	int yama; /* ptrace_scope; 0 too where the kernel has no Yama */
};

static void facts_fini(struct facts *f)
{
	free(f->dir);
	free(f->self_dir);
}

static int read_yama_scope(const char *proc)
{
	AUTO_FREE char *path = xasprintf("%s/sys/kernel/yama/ptrace_scope", proc);
	AUTO_FREE char *text = NULL;
	size_t len;
	return failed(opener_slurp(path, 16, &text, &len)) ? 0 : atoi(text);
}

static void add_user(struct str *why, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);
	if (user)
		str_addf(why, "user %s (%u)", user->pw_name, (unsigned)uid);
	else
		str_addf(why, "user %u", (unsigned)uid);
}

/* How to come by CAP_SYS_PTRACE. */
static void add_way_to_rights(struct str *why, const struct facts *f)
{
	if (f->self.uid[0] == 0)
		str_puts(why, "give pycore's container or service the capability CAP_SYS_PTRACE "
			      "(docker run --cap-add=SYS_PTRACE), "
			      "or run pycore outside of it");
	else
		str_puts(why, "run pycore as root (sudo)");
}

static bool ids_are(const unsigned ids[4], unsigned id)
{
	return ids[0] == id && ids[1] == id && ids[2] == id;
}

/* The same file has the same content as read by us, or it could not be read. */
static bool files_differ(const char *dir, const char *other_dir, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	AUTO_FREE char *other_path = xasprintf("%s/%s", other_dir, name);
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *other_text = NULL;
	size_t len, other_len;
	return !failed(opener_slurp(path, 4096, &text, &len)) &&
	       !failed(opener_slurp(other_path, 4096, &other_text, &other_len)) &&
	       strcmp(text, other_text) != 0;
}

/* The link may be refused for the very reason that is sought; the map of ids is for all to read. */
static bool other_user_namespace(const struct facts *f)
{
	AUTO_FREE char *its = live_readlink(f->dir, "ns/user");
	AUTO_FREE char *ours = live_readlink(f->self_dir, "ns/user");
	if (its && ours)
		return strcmp(its, ours) != 0;
	return files_differ(f->dir, f->self_dir, "uid_map");
}

/* A process that may not be dumped has files of root in /proc (fs/proc/base.c, task_dump_owner). */
static bool non_dumpable(const struct facts *f)
{
	AUTO_FREE char *path = xasprintf("%s/stat", f->dir);
	struct stat st;
	return f->it.uid[1] != 0 && !stat(path, &st) && st.st_uid == 0;
}

/* The pid is that of the tracing thread, which is not the process if that has several. */
static void explain_tracer(struct str *why, const struct facts *f, pid_t tracer)
{
	AUTO_FREE char *dir = xasprintf("%s/%d", f->proc, (int)tracer);
	struct live_stat stat;
	str_addf(why, "process %d is already being traced by ", (int)f->pid);
	if (!failed(live_read_stat(dir, &stat)))
		str_addf(why, "%s ", stat.name);
	str_addf(why,
		"(%d), and one tracer at a time is all that the kernel allows: end that one first, "
		"or read without "
		"stopping the process (--nonblocking)",
		(int)tracer);
}

static bool explain_user(struct str *why, const struct facts *f)
{
	if (!ids_are(f->it.uid, f->self.uid[0])) {
		str_addf(why, "process %d belongs to ", (int)f->pid);
		add_user(why, f->it.uid[f->it.uid[0] == f->self.uid[0] ? 1 : 0]);
		str_puts(why, ", pycore runs as ");
		add_user(why, f->self.uid[0]);
	} else if (!ids_are(f->it.gid, f->self.gid[0])) {
		str_addf(why, "process %d runs with other group ids (%u, %u, %u) than pycore (%u)",
			(int)f->pid, f->it.gid[0], f->it.gid[1], f->it.gid[2], f->self.gid[0]);
	} else {
		return false;
	}
	str_puts(why, ": ");
	if (f->self.uid[0] != 0 && f->it.uid[0] != 0 && f->it.uid[0] != f->self.uid[0])
		str_puts(why, "run pycore as that user, or ");
	add_way_to_rights(why, f);
	return true;
}

static void explain_yama(struct str *why, const struct facts *f)
{
	str_addf(why, "the kernel setting kernel.yama.ptrace_scope is %d: ", f->yama);
	switch (f->yama) {
	case 1:
		str_puts(why, "a process is open to its own ancestors only; ");
		add_way_to_rights(why, f);
		str_puts(why,
			", or allow it until the next boot by 'sysctl kernel.yama.ptrace_scope=0'");
		return;
	case 2:
		str_puts(why, "only the capability CAP_SYS_PTRACE opens other processes; ");
		add_way_to_rights(why, f);
		return;
	case 3:
		str_puts(why, "no process may be looked into, not even by root, until the machine "
			      "is booted with "
			      "another setting; a core file (by 'kill -ABRT', which ends the "
			      "process) can be read");
		return;
	}
	str_puts(why, "this value is unknown to pycore; ");
	add_way_to_rights(why, f);
}

static void explain_unknown(struct str *why, const struct facts *f)
{
	str_addf(why,
		"the kernel refuses access to process %d and does not say why: a security module "
		"(SELinux, AppArmor) or "
		"the seccomp filter of a container may forbid it; ",
		(int)f->pid);
	add_way_to_rights(why, f);
}

static void explain(struct str *why, const struct facts *f)
{
	const int pid = (int)f->pid;
	if (f->yama == 3) {
		explain_yama(why, f);
	} else if (other_user_namespace(f)) {
		str_addf(why,
			"process %d lives in another user namespace (a container or a sandbox), in "
			"which pycore has no "
			"rights: run pycore as root outside of all containers, or inside of that "
			"one",
			pid);
	} else if (f->capable) {
		explain_unknown(why, f);
	} else if (explain_user(why, f)) {
		return;
	} else if (non_dumpable(f)) {
		str_addf(why,
			"process %d may not be dumped (it called prctl PR_SET_DUMPABLE, or was "
			"started with other "
			"rights): ",
			pid);
		add_way_to_rights(why, f);
	} else if (f->it.cap_permitted & ~f->self.cap_permitted) {
		str_addf(why, "process %d has capabilities that pycore lacks: ", pid);
		add_way_to_rights(why, f);
	} else if (f->yama) {
		explain_yama(why, f);
	} else {
		explain_unknown(why, f);
	}
}

void live_explain_denial(const char *proc, pid_t pid, pid_t tid, bool to_trace, struct str *why)
{
	CLEANUP(facts_fini)
	struct facts f = {
		.proc = proc,
		.pid = pid,
		.dir = xasprintf("%s/%d", proc, (int)pid),
		.self_dir = xasprintf("%s/self", proc),
		.yama = read_yama_scope(proc),
	};
	AUTO_FREE char *thread_dir = xasprintf("%s/%d/task/%d", proc, (int)pid, (int)tid);
	struct live_status thread;
	if (to_trace && pid == getpid()) {
		str_addf(why, "process %d is pycore itself", (int)pid);
		return;
	}
	if (to_trace && !failed(live_read_status(thread_dir, &thread)) && thread.tracer) {
		explain_tracer(why, &f, thread.tracer);
		return;
	}
	if (failed(live_read_status(f.dir, &f.it)) ||
		failed(live_read_status(f.self_dir, &f.self))) {
		str_addf(why, "the kernel refuses access to process %d", (int)pid);
		return;
	}
	f.capable = f.self.cap_effective >> CAP_SYS_PTRACE & 1;
	explain(why, &f);
}
