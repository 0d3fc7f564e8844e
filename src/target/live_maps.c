/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/maps (proc_pid_maps(5), fs/proc/task_mmu.c: show_map_vma), one mapping a line in
 * ascending order:
 *
 *     55d0c0a00000-55d0c0a21000 r-xp 00002000 fd:01 1234        /usr/bin/python3
 *
 * The path is raw bytes but for a newline, written \012, and bears " (deleted)" when its name is
 * gone. Names in brackets are the kernel's own. The file is made page by page while the process may
 * run, so lines can overlap.
 */
#include "live.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"
#include "pycore/log.h"
#include "pycore/opener.h"
#include "pycore/str.h"

#include <string.h>
#include <sys/stat.h>

enum { MAPS_BYTES_MAX = 256 * 1024 * 1024 };

static const char deleted_mark[] = " (deleted)";

struct mapping {
	uint64_t start, end, offset, inode;
	unsigned perm;
	char *path; /* inside the text; "" for anonymous memory */
};

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	return UINT32_MAX;
}

/* Digits of a number up to the first other byte; false if there are none or too many. */
static bool take_number(char **at, unsigned base, uint64_t *ret)
{
	uint64_t v = 0;
	char *p = *at;
	for (unsigned digit; (digit = digit_value(*p)) < base; p++) {
		if (v > (UINT64_MAX - digit) / base)
			return false;
		v = v * base + digit;
	}
	if (p == *at)
		return false;
	*at = p;
	*ret = v;
	return true;
}

static bool take_byte(char **at, char c)
{
	return *(*at)++ == c;
}

static bool take_perm(char **at, unsigned *ret)
{
	const char *p = *at;
	if (strnlen(p, 5) < 5 || p[4] != ' ')
		return false;
	*ret = (p[0] == 'r' ? MEM_READ : 0) | (p[1] == 'w' ? MEM_WRITE : 0) |
	       (p[2] == 'x' ? MEM_EXEC : 0);
	*at += 5;
	return true;
}

static void unescape_newlines(char *path)
{
	static const char escaped[] = "\\012";
	char *from = strstr(path, escaped);
	char *to = from;
	while (from && *from) {
		bool newline = !strncmp(from, escaped, 4);
		*to++ = newline ? '\n' : *from;
		from += newline ? 4 : 1;
	}
	if (to)
		*to = '\0';
}

/* Parses one line without its newline, in place. */
static bool parse_line(char *line, struct mapping *ret)
{
	struct mapping m;
	uint64_t device;
	char *at = line;
	if (!take_number(&at, 16, &m.start) || !take_byte(&at, '-') ||
		!take_number(&at, 16, &m.end) || !take_byte(&at, ' ') || !take_perm(&at, &m.perm) ||
		!take_number(&at, 16, &m.offset) || !take_byte(&at, ' ') ||
		!take_number(&at, 16, &device) || !take_byte(&at, ':') ||
		!take_number(&at, 16, &device) || !take_byte(&at, ' ') ||
		!take_number(&at, 10, &m.inode))
		return false;
	if (m.start >= m.end || (*at && *at != ' '))
		return false;
	m.path = at + strspn(at, " ");
	unescape_newlines(m.path);
	*ret = m;
	return true;
}

static bool has_inode(const char *path, uint64_t inode)
{
	struct stat st;
	return !stat(path, &st) && st.st_ino == inode;
}

bool live_names_inode(const struct target_live *live, const char *path, uint64_t inode)
{
	AUTO_FREE char *below_root = xasprintf("%s/root%s", live->dir, path);
	return has_inode(path, inode) || has_inode(below_root, inode);
}

/* Takes the kernel's mark off; a file whose very name ends so is left alone. */
static bool take_deleted_mark(const struct target_live *live, struct mapping *m)
{
	if (m->path[0] != '/' || !text_ends(m->path, deleted_mark) ||
		live_names_inode(live, m->path, m->inode))
		return false;
	m->path[strlen(m->path) - strlen(deleted_mark)] = '\0';
	return true;
}

/* Reading what a driver mapped can reach the device itself. */
static bool may_be_device(const char *path)
{
	return text_starts(path, "/dev/") && !text_starts(path, "/dev/shm/") &&
	       !text_starts(path, "/dev/zero") && !text_starts(path, "/dev/hugepages/");
}

static void take_mapping(struct target *t, struct mapping *m, bool with_image)
{
	bool deleted = take_deleted_mark(t->live, m);
	bool pseudo = text_starts(m->path, "[vvar") || !strcmp(m->path, "[vsyscall]");
	mem_live_add_range(&t->live->mem,
		(struct mem_range){ .start = m->start,
			.end = m->end,
			.perm = m->perm,
			.readable = (m->perm & MEM_READ) && !pseudo && !may_be_device(m->path) });
	if (!with_image || (m->path[0] != '/' && strcmp(m->path, "[vdso]") != 0))
		return;
	size_t before = t->n_images;
	struct image_piece piece = {
		.start = m->start, .end = m->end, .offset = m->offset, .perm = m->perm
	};
	target_add_mapping(t, m->path, piece);
	if (t->n_images > before)
		t->images[before].deleted = deleted;
}

static struct err read_maps(struct target *t, bool with_images)
{
	AUTO_FREE char *path = xasprintf("%s/maps", t->live->mm_dir);
	AUTO_FREE char *text = NULL;
	size_t len;
	TRY(opener_slurp(path, MAPS_BYTES_MAX, &text, &len));
	uint64_t above = 0;
	size_t bad = 0;
	for (char *line = text, *next; line < text + len; line = next) {
		next = memchr(line, '\n', (size_t)(text + len - line));
		if (!next)
			break; /* the process ended meanwhile, or the text is too long */
		*next++ = '\0';
		struct mapping m;
		if (!parse_line(line, &m)) {
			bad++;
			continue;
		}
		if (m.start < above)
			continue;
		above = m.end;
		take_mapping(t, &m, with_images);
	}
	log_debug(
		"%s: %zu bytes, %zu ranges, %zu images", path, len, t->live->mem.len, t->n_images);
	if (bad)
		problems_damagef(&t->problems, path, "%zu lines are not understood", bad);
	if (len >= MAPS_BYTES_MAX)
		problems_damagef(&t->problems, path, "is too long, its end is left out");
	return t->live->mem.len ? NO_ERR : err_of(ERR_GONE, "memory of the process");
}

struct err live_read_maps(struct target *t)
{
	return read_maps(t, true);
}

struct err live_read_ranges(struct target *t)
{
	mem_live_clear_ranges(&t->live->mem);
	return read_maps(t, false);
}
