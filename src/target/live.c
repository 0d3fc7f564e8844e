/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A live process as a target. All of it is read: through /proc/PID/mem, and the rest of procfs.
 * What is mapped is known as of the opening; what is in memory, as of the stop.
 */
#include "activity.h"
#include "live_tracer.h"

#include "pycore/alloc.h"
#include "pycore/log.h"
#include "pycore/opener.h"
#include "pycore/search.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static struct err gone(pid_t pid, struct str *why)
{
	str_addf(why, "process %d ended while it was being opened", (int)pid);
	return err_of(ERR_GONE, "process");
}

static struct err no_process(const char *proc, pid_t pid, struct str *why)
{
	if (!live_has_procfs(proc))
		str_addf(why,
			"there is no process %d to be seen: no procfs is mounted on /proc here "
			"(mount -t proc proc /proc)",
			(int)pid);
	else if (pid > 0 && live_foreign_pids(proc))
		str_addf(why,
			"there is no process %d in /proc, which shows another pid namespace than "
			"that of pycore",
			(int)pid);
	else if (pid > 0 && !strcmp(proc, "/proc") && (!kill(pid, 0) || errno == EPERM))
		str_addf(why,
			"process %d exists, but /proc does not show it (mounted with hidepid): run "
			"pycore as root",
			(int)pid);
	else
		str_addf(why, "there is no process %d", (int)pid);
	return err_of(ERR_GONE, "process");
}

static struct err zombie(const char *proc, const struct live_status *st, struct str *why)
{
	AUTO_FREE char *parent_dir = xasprintf("%s/%d", proc, (int)st->ppid);
	struct live_stat parent;
	str_addf(why,
		"process %d has ended and has no memory any more: it is a zombie that its parent ",
		(int)st->pid);
	if (!failed(live_read_stat(parent_dir, &parent)))
		str_addf(why, "%s (%d) has not waited for", parent.name, (int)st->ppid);
	else
		str_addf(why, "%d has not waited for", (int)st->ppid);
	return err_of(ERR_GONE, "process");
}

/* Where the main thread has ended and others go on, only those show the memory. */
static void use_living_thread(void *ctx, pid_t tid)
{
	struct target_live *live = ctx;
	AUTO_FREE char *dir = xasprintf("%s/task/%d", live->dir, (int)tid);
	struct live_stat stat;
	if (live->mm_pid || failed(live_read_stat(dir, &stat)) || live_has_ended(stat.state))
		return;
	live->mm_dir = STEAL(dir);
	live->mm_pid = tid;
}

static struct err foreign_pids(const struct target *t, struct str *why)
{
	str_addf(why,
		"process %d cannot be stopped: /proc shows another pid namespace than that of "
		"pycore, where this number means another process or none. Run pycore where both "
		"are the same (unshare --mount-proc; nsenter with -p as well as -m), or read "
		"without stopping it (--nonblocking)",
		(int)t->pid);
	return err_of(ERR_UNSUPPORTED, "numbers of another pid namespace");
}

/* What the number names, or why it cannot be a target. */
static struct err check_process(struct target *t, struct str *why, struct live_stat *ret)
{
	struct target_live *live = t->live;
	struct live_status st;
	struct err e = t->pid > 0 ? live_read_status(live->dir, &st) : err_of(ERR_GONE, "process");
	if (e.code == ERR_GONE)
		return no_process(live->proc, t->pid, why);
	if (!failed(e))
		e = live_read_stat(live->dir, ret);
	if (e.code == ERR_GONE)
		return gone(t->pid, why);
	if (failed(e))
		return e;
	if (live->foreign_pids && !t->nonblocking)
		return foreign_pids(t, why);
	if (st.tgid != st.pid) {
		str_addf(why, "%d is a thread of process %d: use --pid %d --thread %d", (int)st.pid,
			(int)st.tgid, (int)st.tgid, (int)st.pid);
		return err_of(ERR_UNSUPPORTED, "thread as a process");
	}
	if (ret->kernel_thread) {
		str_addf(why,
			"process %d (%s) is a thread of the kernel: it has no memory of its own "
			"and runs no Python",
			(int)st.pid, ret->name);
		return err_of(ERR_UNSUPPORTED, "kernel thread");
	}
	live->other_pid_ns = st.ns_deep > 1;
	t->ns_pid = st.ns_pid;
	if (!live_has_ended(st.state)) {
		live->mm_dir = xstrdup(live->dir);
		live->mm_pid = t->pid;
	} else if (st.threads > 1) {
		(void)!failed(live_each_thread(live, use_living_thread, live));
	}
	return live->mm_dir ? NO_ERR : zombie(live->proc, &st, why);
}

/* The process is ending: it may be without memory for a while before it is a zombie. */
static bool is_ending(const struct target_live *live, struct err e)
{
	struct live_status st;
	return e.code == ERR_GONE || (e.code == ERR_SYS && e.sys == ENOENT) ||
	       failed(live_read_status(live->mm_dir, &st)) || live_has_ended(st.state);
}

/* Adds the reason, where the error is one of rights; a process that is ending refuses too. */
static struct err explain(struct target *t, struct err e, struct str *why)
{
	if (!failed(e))
		return NO_ERR;
	if (is_ending(t->live, e))
		return gone(t->pid, why);
	if (e.code == ERR_DENIED)
		live_explain_denial(t->live->proc, t->pid, t->pid, false, why);
	return e;
}

/* Whether process_vm_readv may do what /proc/PID/mem may not. */
static bool may_read_vm(pid_t pid, const struct mem_live *mem)
{
	char byte;
	struct iovec local = { .iov_base = &byte, .iov_len = 1 };
	for (size_t i = 0; i < mem->len; i++) {
		if (!mem->ranges[i].readable)
			continue;
		struct iovec remote = { .iov_base = (void *)(uintptr_t)mem->ranges[i].start,
			.iov_len = 1 };
		return process_vm_readv(pid, &local, 1, &remote, 1, 0) == 1;
	}
	return false;
}

/* The executable's ELF header, from the file, or where that may not be read (FUSE, execute-only),
 * from memory. */
static struct err read_exe_head(struct target *t, int mem_fd, struct elf_head *ret)
{
	uint8_t bytes[ELF_HEAD_MAX];
	AUTO_FREE char *path = xasprintf("%s/exe", t->live->mm_dir);
	struct opened file;
	struct err e = opener_open(path, OPEN_PROC, &file);
	ssize_t n = 0;
	if (!failed(e)) {
		n = pread(file.fd, bytes, sizeof(bytes), 0);
		close(file.fd);
	}
	if (n <= 0 && t->exe && mem_fd >= 0)
		n = pread(mem_fd, bytes, sizeof(bytes), (off_t)image_start(t->exe));
	if (n <= 0)
		return failed(e) ? e : err_of(ERR_CORRUPT, "executable of the process");
	return elf_head_parse(bytes, (size_t)n, ret);
}

static void find_exe(struct target *t)
{
	struct target_live *live = t->live;
	static const char mark[] = " (deleted)";
	char *path = live_readlink(live->mm_dir, "exe");
	if (!path)
		return;
	AUTO_FREE char *link = xasprintf("%s/exe", live->mm_dir);
	struct stat st;
	if (text_ends(path, mark) &&
		!(stat(link, &st) == 0 && live_names_inode(live, path, st.st_ino)))
		path[strlen(path) - strlen(mark)] = '\0';
	t->exe_path = path;
	for (size_t i = 0; i < t->n_images && !t->exe; i++) {
		if (!strcmp(t->images[i].path, path))
			t->exe = &t->images[i];
	}
}

static struct err open_memory(struct target *t, struct str *why)
{
	struct target_live *live = t->live;
	int fd = -1;
	struct err denied = live_open_mem(live->mm_dir, &fd);
	/* without a number that is right, all of it is read through procfs */
	mem_live_init(&live->mem, live->foreign_pids ? -1 : live->mm_pid, fd, ORDER_LITTLE,
		sizeof(void *));
	struct err e = live_read_maps(t);
	if (failed(e))
		return explain(t, failed(denied) ? denied : e, why);
	if (failed(denied) && !may_read_vm(live->mem.pid, &live->mem))
		return explain(t, denied, why);
	find_exe(t);
	struct elf_head head;
	e = read_exe_head(t, fd, &head);
	if (failed(e))
		return explain(t, e, why);
	live->mem.base.order = head.order;
	live->mem.base.ptr_size = head.ptr_size;
	mem_cache_init(&live->cache, &live->mem.base);
	t->mem = &live->cache.base;
	t->machine = head.machine;
	return NO_ERR;
}

static struct err fill(struct target *t, const struct file_search *search, struct str *why)
{
	struct target_live *live = t->live;
	struct live_stat stat;
	TRY(check_process(t, why, &stat));
	TRY(open_memory(t, why));
	if (live_other_root(live))
		t->root = xasprintf("%s/root", live->dir);
	target_open_files(t, search);
	TRY(explain(t, live_read_threads(t), why));
	live_read_command_line(t);
	live_read_user(t);
	live_read_start(t, &stat);
	return NO_ERR;
}

struct err target_open_live(
	pid_t pid, const struct target_live_options *opt, struct str *why, struct target **ret)
{
	struct target *t = xcalloc(1, sizeof(*t));
	t->kind = TARGET_LIVE;
	t->pid = t->ns_pid = pid;
	t->nonblocking = opt->nonblocking;
	t->pause_seconds = -1;
	struct target_live *live = t->live = xcalloc(1, sizeof(*live));
	live->proc = xstrdup(opt->proc ? opt->proc : "/proc");
	live->dir = xasprintf("%s/%d", live->proc, (int)pid);
	live->mem.fd = -1;
	live->foreign_pids = live_foreign_pids(live->proc);
	struct err e = fill(t, opt->search, why);
	if (failed(e)) {
		target_close(t);
		return e;
	}
	*ret = t;
	return NO_ERR;
}

/* maps gives paths as seen from our root where that is possible, so that of a process in a chroot
 * begins with the root. */
static struct err attach_below_root(struct target *t, struct image *img)
{
	struct target_live *live = t->live;
	AUTO_FREE char *root = live_readlink(live->dir, "root");
	size_t skip =
		root && strcmp(root, "/") != 0 && text_starts(img->path, root) ? strlen(root) : 0;
	AUTO_FREE char *path = xasprintf("%s/root%s", live->dir, img->path + skip);
	return searcher_try(t->files, img, path, PLACE_PROC);
}

/*
 * The surest way first: the very file that is mapped (needs CAP_SYS_ADMIN or
 * CAP_CHECKPOINT_RESTORE; finds deleted ones and those of other mount namespaces), then by name.
 */
static struct err live_need_file(struct target *t, struct image *img)
{
	struct target_live *live = t->live;
	if (img->path[0] != '/' || !img->n_pieces)
		return err_of(ERR_ABSENT, "file");
	TRY(image_probe(img, t->mem));
	const struct image_piece *p = &img->pieces[0];
	AUTO_FREE char *mapped =
		xasprintf("%s/map_files/%" PRIx64 "-%" PRIx64, live->dir, p->start, p->end);
	struct err e = searcher_try(t->files, img, mapped, PLACE_PROC);
	if (failed(e) && img == t->exe) {
		AUTO_FREE char *exe = xasprintf("%s/exe", live->mm_dir);
		e = searcher_try(t->files, img, exe, PLACE_PROC);
	}
	if (failed(e) && t->root && !t->root_by_user)
		e = attach_below_root(t, img);
	if (failed(e))
		e = searcher_find_image(t->files, img);
	/* of this machine, by the same name; only a build-id tells whether it is the same file */
	if (failed(e) && t->root && !t->root_by_user && img->build_id_size)
		e = searcher_try(t->files, img, img->path, PLACE_NAMED);
	return e;
}

/* A thread that rests before and after, and has not been switched off a processor between, has not
 * run. */
static bool live_rests(const struct target *t, const struct os_thread *th, uint64_t *ret)
{
	struct live_status status;
	AUTO_FREE char *dir = xasprintf("%s/task/%d", t->live->dir, (int)th->tid);
	if (failed(live_read_status(dir, &status)) || status.state == 'R')
		return false;
	*ret = status.switches;
	return true;
}

/* What the threads are doing is read before they are stopped. live_stop() itself lists them anew
 * before a second stop, and with that reads it too. */
static struct err stop(struct target *t, struct str *why)
{
	struct target_live *live = t->live;
	if (live->stop && live->stop->running)
		return NO_ERR;
	if (!live->stopped_before)
		live_read_activity(t);
	TRY(live_stop(t, why));
	live_compare_activity(t);
	return NO_ERR;
}

static void live_forget(struct target *t)
{
	mem_cache_clear(&t->live->cache);
}

static void live_close(struct target *t)
{
	struct target_live *live = t->live;
	if (!live)
		return;
	live_stop_free(live->stop);
	live_free_activity(live);
	mem_snapshot_fini(&live->snapshot);
	mem_cache_fini(&live->cache);
	mem_live_fini(&live->mem);
	free(live->mm_dir);
	free(live->dir);
	free(live->proc);
	free(live);
	t->live = NULL;
}

const struct target_ops target_live_ops = {
	.stop = stop,
	.resume = live_resume,
	.snapshot = live_take_snapshot,
	.show_in_place = live_show_in_place,
	.forget = live_forget,
	.rests = live_rests,
	.need_file = live_need_file,
	.close = live_close,
};
