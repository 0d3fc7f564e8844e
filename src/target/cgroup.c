/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which memory limit holds for a process (cgroups(7), proc(5)). /proc/PID/cgroup has lines
 * "ID:CONTROLLERS:PATH": version 1 one for each hierarchy, version 2 one "0::PATH". Where its files
 * are, /proc/self/mountinfo says: "ID PARENT DEV ROOT MOUNTPOINT OPTIONS [TAGS...] - TYPE SOURCE
 * SUPEROPTIONS", spaces in paths written as \040. A mount shows the cgroups below its ROOT. The
 * limits of all cgroups further up hold too, so the lowest on the way up is the one that counts.
 */
#include "cgroup.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"
#include "pycore/opener.h"
#include "pycore/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CGROUP_FILE_MAX = 64 * 1024, MOUNTINFO_MAX = 4 * 1024 * 1024, AMOUNT_FILE_MAX = 64 };

/* Version 1 writes that there is no limit as the highest number of whole pages that it can count;
 * pages have up to 64 KiB. */
#define V1_UNLIMITED (UINT64_C(0x7fffffffffff0000))

static char *slurp(const char *path, size_t max)
{
	char *text;
	size_t len;
	return failed(opener_slurp(path, max, &text, &len)) ? NULL : text;
}

/* Whether a list of words with commas between them holds one. */
static bool list_has(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (;; list++) {
		size_t len = strcspn(list, ",");
		if (len == n && !strncmp(list, word, n))
			return true;
		list += len;
		if (!*list)
			return false;
	}
}

/* Takes up to the next `mark` from *at, which is moved behind it; NULL: there is none. */
static char *take(char **at, char mark)
{
	char *word = *at, *end = word ? strchr(word, mark) : NULL;
	if (!end)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return word;
}

/* A path whose parts are names only: ".." leads out of what is mounted or visible. */
static bool is_plain(const char *path)
{
	return path[0] == '/' && !strstr(path, "/../") && !text_ends(path, "/..") &&
	       strlen(path) < PATH_BYTES_MAX;
}

/* The cgroup that manages the memory of a process: its path, and in *ret_v1 which version. A
 * controller that version 1 has is not managed by version 2. malloc'ed; NULL: none, or not visible.
 */
static char *find_path(const char *dir, bool *ret_v1)
{
	AUTO_FREE char *file = xasprintf("%s/cgroup", dir);
	AUTO_FREE char *text = slurp(file, CGROUP_FILE_MAX);
	char *rest = text, *found = NULL, *line;
	bool v1 = false;
	while (!v1 && (line = take(&rest, '\n'))) {
		char *id = take(&line, ':'), *controllers = take(&line, ':');
		if (!id || !controllers || !is_plain(line))
			continue;
		v1 = list_has(controllers, "memory");
		if (v1 || (!strcmp(id, "0") && !*controllers))
			found = line;
	}
	*ret_v1 = v1;
	return found ? xstrdup(found) : NULL;
}

/* Undoes the escapes of mountinfo in place: \ and three octal digits. */
static void unescape(char *text)
{
	char *to = text;
	for (const char *at = text; *at;) {
		if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' &&
			at[3] >= '0' && at[3] <= '7') {
			*to++ = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
			at += 4;
		} else {
			*to++ = *at++;
		}
	}
	*to = '\0';
}

struct mount {
	const char *root, *point; /* in the text of mountinfo */
};

/* Whether a line of mountinfo mounts the hierarchy. Changes the line. */
static bool parse_mount(char *line, bool v1, struct mount *ret)
{
	for (int skip = 0; skip < 3; skip++)
		(void)take(&line, ' ');
	char *root = take(&line, ' '), *point = take(&line, ' ');
	char *type = line ? strstr(line, " - ") : NULL;
	if (!root || !point || !type)
		return false;
	type += strlen(" - ");
	char *options = strrchr(type, ' ');
	bool right = v1 ? text_starts(type, "cgroup ") && options && list_has(options + 1, "memory")
			: text_starts(type, "cgroup2 ");
	if (!right)
		return false;
	unescape(root);
	unescape(point);
	*ret = (struct mount){ .root = root, .point = point };
	return true;
}

/* `path` as seen below the mount's root; NULL: it is not there. */
static const char *below(const char *path, const char *root)
{
	size_t n = strcmp(root, "/") ? strlen(root) : 0;
	if (strncmp(path, root, n) != 0 || (path[n] && path[n] != '/'))
		return NULL;
	return path + n;
}

/* The folder of a cgroup here; malloc'ed. *ret_top is the length of the mount point in it. NULL: it
 * is nowhere mounted. */
static char *find_folder(const char *proc, const char *path, bool v1, size_t *ret_top)
{
	AUTO_FREE char *file = xasprintf("%s/self/mountinfo", proc);
	AUTO_FREE char *text = slurp(file, MOUNTINFO_MAX);
	char *rest = text, *line;
	while ((line = take(&rest, '\n'))) {
		struct mount m;
		if (!parse_mount(line, v1, &m) || !is_plain(m.point))
			continue;
		const char *relative = below(path, m.root);
		if (!relative)
			continue;
		*ret_top = strlen(m.point);
		return xasprintf("%s%s", m.point, strcmp(relative, "/") ? relative : "");
	}
	return NULL;
}

/* The one number of a file, or "max". */
static uint64_t read_amount(const char *folder, const char *name, bool v1)
{
	AUTO_FREE char *path = xasprintf("%s/%s", folder, name);
	AUTO_FREE char *text = slurp(path, AMOUNT_FILE_MAX);
	if (!text)
		return AMOUNT_UNKNOWN;
	if (!v1 && !strcmp(text, "max\n"))
		return AMOUNT_UNLIMITED;
	char *end;
	errno = 0;
	uint64_t v = strtoull(text, &end, 10);
	if (errno || text[0] < '0' || text[0] > '9' || *end != '\n' || v >= AMOUNT_UNLIMITED)
		return AMOUNT_UNKNOWN;
	return v1 && v >= V1_UNLIMITED ? AMOUNT_UNLIMITED : v;
}

void cgroup_read_memory(const char *proc, const char *dir, struct target_cgroup *ret)
{
	bool v1;
	size_t top;
	AUTO_FREE char *path = find_path(dir, &v1);
	AUTO_FREE char *folder = path ? find_folder(proc, path, v1, &top) : NULL;
	if (!folder)
		return;
	const char *limit_file = v1 ? "memory.limit_in_bytes" : "memory.max",
		   *usage_file = v1 ? "memory.usage_in_bytes" : "memory.current";
	ret->usage = read_amount(folder, usage_file, v1);
	for (size_t len = strlen(folder); len >= top; len--) {
		if (folder[len] && folder[len] != '/')
			continue;
		folder[len] = '\0';
		uint64_t limit = read_amount(folder, limit_file, v1);
		if (limit < AMOUNT_UNLIMITED && limit < ret->limit) {
			ret->limit = limit;
			ret->usage = read_amount(folder, usage_file, v1);
		} else if (limit == AMOUNT_UNLIMITED && ret->limit == AMOUNT_UNKNOWN) {
			ret->limit = AMOUNT_UNLIMITED;
		}
		if (!len)
			break;
	}
	ret->version = v1 ? 1 : 2;
	ret->path = STEAL(path);
}
