/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors and files in the arguments of system calls. What a descriptor is stands in
 * /proc/PID/task/TID/fd: a path, or the kernel's own name: "pipe:[4711]", "socket:[4711]",
 * "anon_inode:[eventpoll]". A path begins with "/", or with "(unreachable)" (d_path of
 * fs/d_path.c); names that a program gives to memory begin with "/" too. What an epoll watches, and
 * the process of a pidfd, stand in fdinfo (proc_pid_fdinfo(5)).
 */
#include "activity.h"

#include "pycore/alloc.h"
#include "pycore/opener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { FD_PATH = 512, FDINFO_MAX = 16 * 1024 };

/* "DIR/fd/7" */
static void fd_path(const struct call_words *w, const char *folder, int32_t fd, char ret[FD_PATH])
{
	snprintf(ret, FD_PATH, "%s/%s/%" PRId32, w->at->dir, folder, fd);
}

/* "x" of "anon_inode:[x]", in the words of the manual. Cuts the text. */
static const char *anonymous_name(char *name)
{
	size_t n = strlen(name);
	if (*name == '[' && n > 1 && name[n - 1] == ']') {
		name[n - 1] = '\0';
		name++;
	}
	return strcmp(name, "eventpoll") ? name : "epoll";
}

/* The kernel tells the protocol of a socket by an extended attribute (net/socket.c,
 * sockfs_xattr_get). */
static void say_socket_link(struct call_words *w, const char *path, const char *link)
{
	char protocol[33] = "";
	ssize_t n = getxattr(path, "system.sockprotoname", protocol, sizeof(protocol) - 1);
	protocol[n > 0 ? n : 0] = '\0';
	say_piece(w, (struct call_piece){ .kind = PIECE_SOCKET,
			     .text = protocol,
			     .inode = strtoull(link + strlen("socket:["), NULL, 10) });
}

static char *read_fdinfo(const struct call_words *w, int32_t fd)
{
	char path[FD_PATH];
	char *text;
	size_t len;
	fd_path(w, "fdinfo", fd, path);
	return failed(opener_slurp(path, FDINFO_MAX, &text, &len)) ? NULL : text;
}

static void say_pidfd(struct call_words *w, int32_t fd)
{
	AUTO_FREE char *info = read_fdinfo(w, fd);
	const char *row = info ? strstr(info, "\nPid:\t") : NULL;
	long pid = row ? strtol(row + strlen("\nPid:\t"), NULL, 10) : 0;
	say(w, "pidfd");
	if (pid > 0 && pid <= INT32_MAX) {
		say(w, " of ");
		say_process(w, (int32_t)pid);
	}
}

/* What the link says, without brackets around it. */
static void say_link(struct call_words *w, int32_t fd, const char *path, char *link)
{
	static const char anonymous[] = "anon_inode:";
	if (text_starts(link, "socket:["))
		say_socket_link(w, path, link);
	else if (text_starts(link, "pidfd:") || !strcmp(link, "anon_inode:[pidfd]"))
		say_pidfd(w, fd);
	else if (text_starts(link, anonymous))
		say(w, "%s", anonymous_name(link + strlen(anonymous)));
	else if (text_starts(link, "pipe:["))
		say(w, "%s", link);
	else
		say_text(w, link, "file");
}

/* Says what the descriptor is, behind its number. */
static void say_what(struct call_words *w, int32_t fd, void (*more)(struct call_words *, int32_t))
{
	char path[FD_PATH], link[PATH_BYTES_MAX];
	fd_path(w, "fd", fd, path);
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	if (n < 0 && (errno != ENOENT || access(w->at->dir, F_OK) < 0))
		return; /* refused, or the thread has ended */
	link[n > 0 ? n : 0] = '\0';
	bool is_epoll = !strcmp(link, "anon_inode:[eventpoll]");
	say(w, "<");
	if (n < 0)
		say(w, "not open");
	else
		say_link(w, fd, path, link);
	if (more && is_epoll)
		more(w, fd);
	say(w, ">");
}

void say_descriptor(struct call_words *w, int32_t fd)
{
	say(w, "%" PRId32, fd);
	if (fd >= 0 && w->at->dir)
		say_what(w, fd, NULL);
}

void arg_descriptor(struct call_words *w, unsigned i)
{
	say_descriptor(w, int_argument(w, i));
}

void arg_directory(struct call_words *w, unsigned i)
{
	if (int_argument(w, i) == AT_FDCWD)
		say(w, "AT_FDCWD");
	else
		arg_descriptor(w, i);
}

/* Whether the descriptor is open and the file of this inode. */
static bool is_file(const struct call_words *w, int32_t fd, uint64_t inode)
{
	char path[FD_PATH];
	struct stat st;
	fd_path(w, "fd", fd, path);
	return stat(path, &st) == 0 && st.st_ino == inode;
}

/* "tfd:        5 events:       19 data:                5  pos:0 ino:82b sdev:8". The number is that
 * of a descriptor when it was added. */
static bool say_watched(struct call_words *w, const char *row)
{
	int32_t fd;
	uint64_t inode;
	if (sscanf(row, "tfd: %" SCNd32 " events: %*x data: %*x pos:%*d ino:%" SCNx64, &fd,
		    &inode) != 2)
		return false;
	if (is_file(w, fd, inode))
		say_descriptor(w, fd);
	else
		say(w, "%" PRId32, fd);
	return true;
}

static void say_watched_list(struct call_words *w, int32_t fd)
{
	AUTO_FREE char *info = read_fdinfo(w, fd);
	unsigned shown = 0;
	for (const char *row = info; row; row = strchr(row, '\n')) {
		row += *row == '\n';
		if (!text_starts(row, "tfd:"))
			continue;
		say(w, shown ? ", " : " of ");
		if (shown == CALL_FDS_SHOWN) {
			say(w, "...");
			return;
		}
		if (!say_watched(w, row))
			say(w, "?");
		shown++;
	}
}

void arg_epoll(struct call_words *w, unsigned i)
{
	int32_t fd = int_argument(w, i);
	say(w, "%" PRId32, fd);
	if (fd >= 0 && w->at->dir)
		say_what(w, fd, say_watched_list);
}

void arg_path(struct call_words *w, unsigned i)
{
	uint64_t addr = w->args[i];
	char path[PATH_BYTES_MAX];
	bool cut;
	if (!addr || failed(mem_cstr(w->at->mem, addr, path, sizeof(path), &cut))) {
		say_address(w, addr);
		return;
	}
	say(w, "\"");
	say_text(w, path, "...");
	say(w, cut ? "\"..." : "\"");
}

/* Linux include/uapi/linux/un.h, in.h, in6.h. The address of an abstract socket begins with a zero
 * byte. */
static bool sockaddr_text(const uint8_t *b, size_t n, unsigned family, struct str *to)
{
	enum { IN_SIZE = 16, IN6_SIZE = 24, UN_PATH = 2 };
	char text[INET6_ADDRSTRLEN];
	uint16_t port = n >= 4 ? (uint16_t)bytes_uint(b + 2, 2, ORDER_BIG) : 0;
	if (family == AF_INET && n >= IN_SIZE && inet_ntop(AF_INET, b + 4, text, sizeof(text)))
		str_addf(to, "%s:%u", text, port);
	else if (family == AF_INET6 && n >= IN6_SIZE &&
		 inet_ntop(AF_INET6, b + 8, text, sizeof(text)))
		str_addf(to, "[%s]:%u", text, port);
	else if (family == AF_UNIX && n > UN_PATH + 1 && !b[UN_PATH])
		str_addf(to, "@%.*s", (int)(n - UN_PATH - 1), (const char *)b + UN_PATH + 1);
	else if (family == AF_UNIX && n > UN_PATH)
		str_addf(to, "%.*s", (int)(n - UN_PATH), (const char *)b + UN_PATH);
	return to->len != 0;
}

void arg_sockaddr(struct call_words *w, unsigned i)
{
	uint64_t addr = w->args[i], size = (uint32_t)w->args[i + 1];
	uint8_t bytes[128] = { 0 };
	AUTO_STR(text);
	size_t n = size < sizeof(bytes) ? size : sizeof(bytes);
	if (!addr || n < 2 || failed(mem_read(w->at->mem, addr, bytes, n))) {
		say_address(w, addr);
		return;
	}
	unsigned family = (unsigned)bytes_uint(bytes, 2, w->at->mem->order);
	if (sockaddr_text(bytes, n, family, &text))
		say_text(w, str_text(&text), "address");
	else
		say(w, "an address of family %u", family);
}

/* Linux include/uapi/asm-generic/poll.h: int fd, short events, short revents. */
void arg_pollfds(struct call_words *w, unsigned i)
{
	enum { SIZE = 8 };
	static const struct flag_name names[] = { { 1, "POLLIN" }, { 2, "POLLPRI" },
		{ 4, "POLLOUT" }, { 0x40, "POLLRDNORM" }, { 0x80, "POLLRDBAND" },
		{ 0x100, "POLLWRNORM" }, { 0x200, "POLLWRBAND" }, { 0x2000, "POLLRDHUP" } };
	uint8_t bytes[SIZE * CALL_FDS_SHOWN];
	uint64_t addr = w->args[i], n = (uint32_t)w->args[i + 1];
	uint64_t shown = n < CALL_FDS_SHOWN ? n : CALL_FDS_SHOWN;
	enum byte_order order = w->at->mem->order;
	if (failed(mem_read(w->at->mem, addr, bytes, (size_t)shown * SIZE))) {
		say_address(w, addr);
		return;
	}
	say(w, "[");
	for (uint64_t k = 0; k < shown; k++) {
		const uint8_t *b = bytes + k * SIZE;
		say(w, k ? ", " : "");
		say_descriptor(w, (int32_t)bytes_int(b, 4, order));
		say(w, " ");
		say_flags(w, bytes_uint(b + 4, 2, order), names, ARRAY_LEN(names));
	}
	say(w, n > shown ? ", ...]" : "]");
}

/* Bits in words of the size of a pointer; the first argument of the call is how many. */
void arg_fdset(struct call_words *w, unsigned i)
{
	uint8_t bytes[SELECT_BITS_MAX / 8];
	unsigned size = w->at->mem->ptr_size, word = 8 * size, shown = 0;
	uint64_t addr = w->args[i];
	int32_t bits = int_argument(w, 0);
	uint32_t n = bits < 0 ? 0 : bits < SELECT_BITS_MAX ? (uint32_t)bits : SELECT_BITS_MAX;
	if (!addr || failed(mem_read(w->at->mem, addr, bytes, (n + word - 1) / word * size))) {
		say_address(w, addr);
		return;
	}
	say(w, "[");
	for (uint32_t fd = 0; fd < n; fd++) {
		uint64_t v = bytes_uint(bytes + fd / word * size, size, w->at->mem->order);
		if (!(v >> fd % word & 1))
			continue;
		say(w, shown ? ", " : "");
		if (shown++ == CALL_FDS_SHOWN) {
			say(w, "...");
			break;
		}
		say_descriptor(w, (int32_t)fd);
	}
	say(w, "]");
}
