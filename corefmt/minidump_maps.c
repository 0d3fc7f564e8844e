/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of /proc/PID/maps and /proc/PID/status, as proc_pid_maps(5) and proc_pid_status(5) have
 * them: the writer copies them. Crashpad does not: it has MINIDUMP_MEMORY_INFO_LIST, whose rows are
 * { start (8), (8), (4), (4), size (8), state (4), protection (4), type (4), (4) }.
 */
#include "minidump.h"

#include "pycore/alloc.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>

static void add(struct minidump *m, struct md_region r)
{
	if (r.start >= r.end)
		return;
	m->regions = xgrow(m->regions, &m->cap_regions, m->n_regions, sizeof(r));
	m->regions[m->n_regions++] = r;
}

static void unescape_newlines(char *path)
{
	char *from = strstr(path, "\\012"), *to = from;
	while (from && *from) {
		bool newline = !strncmp(from, "\\012", 4);
		*to++ = newline ? '\n' : *from;
		from += newline ? 4 : 1;
	}
	if (to)
		*to = '\0';
}

/* "55d0c0a00000-55d0c0a21000 r-xp 00002000 fd:01 1234        /usr/bin/python3" */
static bool parse_line(char *line, struct md_region *ret)
{
	char perm[5];
	int n = 0;
	struct md_region r = { 0 };
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*x:%*x %*u%n", &r.start, &r.end,
		    perm, &r.offset, &n) != 4 ||
		!n)
		return false;
	r.flags = (perm[0] == 'r' ? PF_R : 0) | (perm[1] == 'w' ? PF_W : 0) |
		  (strchr(perm, 'x') ? PF_X : 0);
	r.path = line + n + strspn(line + n, " ");
	unescape_newlines(r.path);
	*ret = r;
	return true;
}

/* A line whose end is cut off may have any path. */
static void read_maps(struct minidump *m)
{
	bool cut = false;
	struct cursor c = md_find(m, MD_LINUX_MAPS, &cut);
	m->c->notes_cut |= cut;
	if (!c.size)
		return;
	char *text = xmalloc(c.size + 1), *line = text, *end;
	memcpy(text, c.bytes, c.size);
	text[c.size] = '\0';
	m->c->made_text = text;
	for (; m->n_regions < SEGMENTS_MAX &&
		(end = memchr(line, '\n', c.size - (size_t)(line - text)));
		line = end + 1) {
		struct md_region r;
		*end = '\0';
		if (parse_line(line, &r))
			add(m, r);
	}
	m->has_maps = m->n_regions > 0;
}

/* Protections are single bits. */
static uint32_t flags_of(uint32_t protection)
{
	enum { READS = 0xee, WRITES = 0xcc, RUNS = 0xf0 };
	return (protection & READS ? PF_R : 0) | (protection & WRITES ? PF_W : 0) |
	       (protection & RUNS ? PF_X : 0);
}

static void read_memory_info(struct minidump *m)
{
	enum { ROW = 48, FREE = 0x10000 };
	static char none[] = "";
	bool cut = false;
	struct cursor c = md_find(m, MD_MEMORY_INFO, &cut);
	uint64_t head = cursor_uint(&c, 4), row = cursor_uint(&c, 4), n = cursor_uint(&c, 8);
	if (c.overrun || head < c.at || row < ROW)
		return;
	cursor_skip(&c, head - c.at);
	uint64_t room = cursor_left(&c) / row;
	for (uint64_t i = 0; i < n && i < room && i < SEGMENTS_MAX; i++) {
		struct cursor one = cursor_of(cursor_take(&c, row), (size_t)row, ORDER_LITTLE);
		struct md_region r = { .start = cursor_uint(&one, 8), .path = none };
		cursor_skip(&one, 16);
		uint64_t size = cursor_uint(&one, 8);
		uint64_t state = cursor_uint(&one, 4);
		r.flags = flags_of((uint32_t)cursor_uint(&one, 4));
		if (state != FREE && !__builtin_add_overflow(r.start, size, &r.end))
			add(m, r);
	}
}

static int by_start(const void *a, const void *b)
{
	const struct md_region *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

void md_read_regions(struct minidump *m)
{
	read_maps(m);
	if (!m->has_maps)
		read_memory_info(m);
	if (m->n_regions)
		qsort(m->regions, m->n_regions, sizeof(*m->regions), by_start);
}

/* The number behind "\nPid:"; false: it is not there. */
static bool status_number(const char *text, const char *name, uint64_t *ret)
{
	const char *at = strstr(text, name);
	return at && sscanf(at + strlen(name), " %" SCNu64, ret) == 1;
}

void md_read_status(struct minidump *m)
{
	enum { STATUS_MAX = 16384 };
	struct elfcore *c = m->c;
	bool cut = false;
	struct cursor s = md_find(m, MD_LINUX_STATUS, &cut);
	char text[STATUS_MAX];
	size_t n = s.size < sizeof(text) - 1 ? s.size : sizeof(text) - 1;
	uint64_t pid, ppid, uid, gid;
	if (n)
		memcpy(text, s.bytes, n);
	text[n] = '\0';
	if (!status_number(text, "\nTgid:", &pid) || !status_number(text, "\nPPid:", &ppid) ||
		!status_number(text, "\nUid:", &uid) || !status_number(text, "\nGid:", &gid))
		return;
	c->has_process = true;
	c->pid = (pid_t)pid;
	c->ppid = (pid_t)ppid;
	c->uid = (uid_t)uid;
	c->gid = (gid_t)gid;
	(void)sscanf(text, "Name: %16[^\n]", c->comm);
	if (!status_number(text, "\nThreads:", &c->threads_claimed))
		c->threads_claimed = 0;
}
