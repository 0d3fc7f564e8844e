/* SPDX-License-Identifier: Apache-2.0 */
/* The processes that a live one has started: /proc/PID/task/TID/children (proc(5)) lists those that
 * thread TID has started, their numbers in one line; kernels without CONFIG_PROC_CHILDREN lack it.
 */
#include "live.h"

#include "pycore/alloc.h"
#include "pycore/opener.h"

#include <string.h>

enum { CHILDREN_FILE_MAX = 64 * 1024 };

struct children {
	const struct target_live *live;
	struct target_child *list;
	size_t n, max;
};

static void add_child(struct children *c, long pid)
{
	AUTO_FREE char *dir = xasprintf("%s/%ld", c->live->proc, pid);
	struct live_stat stat;
	if (failed(live_read_stat(dir, &stat)) || live_has_ended(stat.state))
		return;
	if (c->n < c->max) {
		c->list[c->n].pid = (pid_t)pid;
		memcpy(c->list[c->n].name, stat.name, sizeof(stat.name));
	}
	c->n++;
}

static void add_of_thread(void *ctx, pid_t tid)
{
	struct children *c = ctx;
	AUTO_FREE char *path = xasprintf("%s/task/%d/children", c->live->dir, (int)tid);
	AUTO_FREE char *text = NULL;
	size_t len;
	if (failed(opener_slurp(path, CHILDREN_FILE_MAX, &text, &len)))
		return;
	char *end;
	for (const char *at = text;; at = end) {
		long pid = strtol(at, &end, 10);
		if (end == at || pid <= 0 || pid > INT32_MAX)
			return;
		add_child(c, pid);
	}
}

size_t target_children(const struct target *t, struct target_child *ret, size_t max)
{
	if (t->kind != TARGET_LIVE)
		return 0;
	struct children c = { .live = t->live, .list = ret, .max = max };
	(void)failed(live_each_thread(t->live, add_of_thread, &c));
	return c.n;
}
