/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds the lock of a file that a process waits for: /proc/locks (proc_locks(5)), a row for
 * each lock, and below it, with an arrow, those who wait for it:
 *
 *     1: FLOCK  ADVISORY  WRITE 4711 fe:00:9978263 0 EOF
 *     1: -> FLOCK  ADVISORY  WRITE 4712 fe:00:9978263 0 EOF
 *
 * To list them takes the kernel up to some ten milliseconds, in which no lock is taken.
 */
#include "activity.h"

#include "pycore/alloc.h"
#include "pycore/opener.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { LOCKS_MAX = 256 * 1024, SEVERAL = INT_MIN };

struct file_locks {
	char *path;
	bool tried;
	char *text; /* NULL: could not be read */
};

struct file_locks *file_locks_new(const char *proc)
{
	struct file_locks *l = xcalloc(1, sizeof(*l));
	l->path = xasprintf("%s/locks", proc);
	return l;
}

void file_locks_free(struct file_locks *l)
{
	if (!l)
		return;
	free(l->path);
	free(l->text);
	free(l);
}

struct row {
	bool waits;
	bool flock; /* else one of fcntl */
	int pid;
	uint64_t inode;
};

static bool parse(const char *text, struct row *ret)
{
	const char *at = strchr(text, ':');
	char kind[8];
	if (!at)
		return false;
	at += 1 + strspn(at + 1, " ");
	struct row r = { .waits = text_starts(at, "->") };
	at += r.waits ? strlen("->") : 0;
	if (sscanf(at, "%7s %*s %*s %d %*x:%*x:%" SCNu64, kind, &r.pid, &r.inode) != 3)
		return false;
	r.flock = !strcmp(kind, "FLOCK");
	if (!r.flock && strcmp(kind, "POSIX") != 0 && strcmp(kind, "OFDLCK") != 0)
		return false;
	*ret = r;
	return true;
}

/* Takes down one more holder: 0 is none yet, SEVERAL stays so. */
static void add_holder(int pid, int *holder)
{
	*holder = *holder && *holder != pid ? SEVERAL : pid;
}

/*
 * Whoever stands above a row of ours that waits. The stop has interrupted the wait, so the row may
 * not be there again yet; then it is the only one who has a lock of that kind on the file. With
 * fcntl a process is never in its own way.
 */
static int find_holder(const char *text, pid_t pid, bool flock, uint64_t inode)
{
	int above = 0, sure = 0, likely = 0;
	for (const char *at = text; at && *at; at = strchr(at, '\n')) {
		struct row r;
		at += *at == '\n';
		if (!parse(at, &r))
			continue;
		bool ours = r.inode == inode && r.flock == flock;
		if (!r.waits)
			above = r.pid;
		if (ours && r.waits && r.pid == pid)
			add_holder(above, &sure);
		if (ours && !r.waits && (flock || r.pid != pid))
			add_holder(r.pid, &likely);
	}
	return sure ? sure : likely;
}

bool file_locks_holder(struct file_locks *l, pid_t pid, bool flock, uint64_t inode, pid_t *ret)
{
	size_t len;
	if (!l->tried && failed(opener_slurp(l->path, LOCKS_MAX, &l->text, &len)))
		l->text = NULL;
	l->tried = true;
	int holder = find_holder(l->text, pid, flock, inode);
	if (!holder || holder == SEVERAL)
		return false;
	*ret = holder;
	return true;
}
