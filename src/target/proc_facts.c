/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts on a process out of /proc/PID/{status,limits,oom_score,oom_score_adj,cwd,root} (proc(5)).
 * status escapes the process's name, so that no row of it can be forged; its sizes are in units of
 * 1024 bytes that it calls kB. limits is a table of fixed columns: name, soft, hard, unit.
 */
#include "proc_facts.h"

#include "cgroup.h"
#include "live.h"

#include "pycore/alloc.h"
#include "pycore/opener.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PROC_FILE_MAX = 64 * 1024 };

static char *slurp(const char *dir, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	char *text;
	size_t len;
	return failed(opener_slurp(path, PROC_FILE_MAX, &text, &len)) ? NULL : text;
}

/* What follows `prefix` at the start of a line; NULL: no line begins so. */
static const char *after(const char *text, const char *prefix)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (text_starts(line, prefix))
			return line + strlen(prefix);
	}
	return NULL;
}

/* A whole number that begins at `text`, behind spaces and tabs; returns what follows it, NULL where
 * there is none or it does not fit. */
static const char *take_number(const char *text, uint64_t *ret)
{
	if (!text)
		return NULL;
	text += strspn(text, " \t");
	if (*text < '0' || *text > '9')
		return NULL;
	char *end;
	errno = 0;
	uint64_t v = strtoull(text, &end, 10);
	if (errno || v >= AMOUNT_UNLIMITED)
		return NULL;
	*ret = v;
	return end;
}

/* A row of status in kB, as bytes. */
static void read_size(const char *status, const char *prefix, uint64_t *ret)
{
	uint64_t v;
	const char *end = take_number(after(status, prefix), &v);
	if (end && text_starts(end, " kB") && v < AMOUNT_UNLIMITED / 1024)
		*ret = v * 1024;
}

/* The first of the ids in a row of status is the real one. */
static bool read_id(const char *status, const char *prefix, uint32_t *ret)
{
	uint64_t v;
	if (!take_number(after(status, prefix), &v) || v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static void read_status(const char *dir, struct target_facts *ret)
{
	AUTO_FREE char *status = slurp(dir, "status");
	if (!status)
		return;
	uint64_t v;
	read_size(status, "VmRSS:", &ret->resident);
	read_size(status, "VmHWM:", &ret->resident_peak);
	read_size(status, "RssAnon:", &ret->resident_anonymous);
	read_size(status, "VmSwap:", &ret->swapped);
	if (take_number(after(status, "Threads:"), &v))
		ret->threads = v;
	if (take_number(after(status, "PPid:"), &v) && v <= INT32_MAX)
		ret->parent = (pid_t)v;
	ret->has_ids = read_id(status, "Uid:", &ret->uid) && read_id(status, "Gid:", &ret->gid);
}

static const char *take_limit(const char *text, uint64_t *ret)
{
	static const char word[] = "unlimited";
	if (!text)
		return NULL;
	text += strspn(text, " ");
	if (!text_starts(text, word))
		return take_number(text, ret);
	*ret = AMOUNT_UNLIMITED;
	return text + strlen(word);
}

static void read_limits(const char *dir, struct target_facts *ret)
{
	static const struct {
		const char *row, *name;
		bool bytes;
	} known[TARGET_LIMITS] = {
		{ "Max address space ", "address space", true },
		{ "Max data size ", "data", true },
		{ "Max stack size ", "stack", true },
		{ "Max core file size ", "core file", true },
		{ "Max open files ", "open files", false },
		{ "Max processes ", "processes", false },
	};
	AUTO_FREE char *limits = slurp(dir, "limits");
	for (size_t i = 0; limits && i < TARGET_LIMITS; i++) {
		struct target_limit l = { .name = known[i].name, .bytes = known[i].bytes };
		const char *hard = take_limit(after(limits, known[i].row), &l.soft);
		const char *end = take_limit(hard, &l.hard);
		if (end && (*end == ' ' || *end == '\n'))
			ret->limits[ret->n_limits++] = l;
	}
}

/* oom_score and oom_score_adj hold one number, the second from -1000 to 1000. */
static bool read_score(const char *dir, const char *name, int *ret)
{
	AUTO_FREE char *text = slurp(dir, name);
	if (!text)
		return false;
	char *end;
	errno = 0;
	long v = strtol(text, &end, 10);
	if (errno || end == text || *end != '\n' || v < -1000 || v > 1000000)
		return false;
	*ret = (int)v;
	return true;
}

/* The kernel appends this mark to the path of a folder that was removed; a folder can also be
 * called so. */
static void read_cwd(const char *dir, struct target_facts *ret)
{
	static const char mark[] = " (deleted)";
	AUTO_FREE char *link = xasprintf("%s/cwd", dir);
	struct stat st;
	ret->cwd = live_readlink(dir, "cwd");
	if (!ret->cwd || !text_ends(ret->cwd, mark) || (!stat(link, &st) && st.st_nlink))
		return;
	ret->cwd[strlen(ret->cwd) - strlen(mark)] = '\0';
	ret->cwd_deleted = true;
}

static void read_root(const char *dir, struct target_facts *ret)
{
	AUTO_FREE char *root = live_readlink(dir, "root");
	if (root && strcmp(root, "/") != 0)
		ret->root = STEAL(root);
}

void proc_read_facts(const char *proc, const char *dir, struct target_facts *ret)
{
	read_status(dir, ret);
	read_limits(dir, ret);
	read_cwd(dir, ret);
	read_root(dir, ret);
	ret->has_oom_score = read_score(dir, "oom_score", &ret->oom_score);
	ret->has_oom_score_adj = read_score(dir, "oom_score_adj", &ret->oom_score_adj);
	cgroup_read_memory(proc, dir, &ret->cgroup);
}
