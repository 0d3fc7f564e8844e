/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a process stands that does not see what pycore sees (namespaces(7), chroot(2)): which
 * folder is its root, and whether the numbers in this procfs are those that system calls take. They
 * are those of the pid namespace that procfs was mounted in; who entered another one since, or
 * entered only the mount namespace of a container (nsenter -m), would reach other processes by
 * them.
 */
#include "live.h"

#include "pycore/alloc.h"

#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static bool is_procfs(const char *proc)
{
	struct statfs fs;
	return statfs(proc, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

bool live_foreign_pids(const char *proc)
{
	char ours[16];
	snprintf(ours, sizeof(ours), "%d", (int)getpid());
	AUTO_FREE char *self = live_readlink(proc, "self");
	return is_procfs(proc) && (!self || strcmp(self, ours) != 0);
}

bool live_has_procfs(const char *proc)
{
	return strcmp(proc, "/proc") != 0 || is_procfs(proc);
}

bool live_links_differ(const struct target_live *live, const char *name)
{
	AUTO_FREE char *self = xasprintf("%s/self", live->proc);
	AUTO_FREE char *ours = live_readlink(self, name);
	AUTO_FREE char *its = live_readlink(live->dir, name);
	return ours && its && strcmp(ours, its) != 0;
}

/* Also where both are called the same: a folder that was mounted over another. */
bool live_other_root(const struct target_live *live)
{
	AUTO_FREE char *its = xasprintf("%s/root/.", live->dir);
	struct stat a, b;
	if (live_links_differ(live, "ns/mnt") || live_links_differ(live, "root"))
		return true;
	return stat(its, &a) == 0 && stat("/", &b) == 0 &&
	       (a.st_ino != b.st_ino || a.st_dev != b.st_dev);
}
