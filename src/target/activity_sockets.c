/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sockets are connected to: /proc/PID/net/{tcp,tcp6,udp,udp6,unix} (proc_pid_net(5)), a row
 * for each socket of the network namespace. Addresses are in hexadecimal, each word of 32 bits in
 * the byte order of this machine; the name of a unix socket may hold anything, line ends too, so a
 * row can be forged: an inode that occurs twice, or whose row is followed by what is none, is not
 * believed. To list the sockets of TCP takes the kernel a millisecond and more, however few there
 * are.
 */
#include "activity.h"

#include "pycore/alloc.h"
#include "pycore/opener.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TABLE_MAX = 1024 * 1024 };

enum table { TCP, TCP6, UDP, UDP6, UNIX, TABLES };

static const struct {
	const char *file, *protocol; /* the second as the kernel calls it, or its beginning */
} tables[TABLES] = {
	[TCP] = { "tcp", "TCP" },
	[TCP6] = { "tcp6", "TCPv6" },
	[UDP] = { "udp", "UDP" },
	[UDP6] = { "udp6", "UDPv6" },
	[UNIX] = { "unix", "UNIX" },
};

struct sockets {
	char *dir;
	struct loaded {
		bool tried;
		char *text; /* NULL: could not be read */
		struct hash rows; /* inode -> offset in text; UNSURE */
	} loaded[TABLES];
};
#define UNSURE UINT64_MAX

struct sockets *sockets_new(const char *net_dir)
{
	struct sockets *s = xcalloc(1, sizeof(*s));
	s->dir = xstrdup(net_dir);
	return s;
}

void sockets_free(struct sockets *s)
{
	for (int i = 0; s && i < TABLES; i++) {
		free(s->loaded[i].text);
		hash_fini(&s->loaded[i].rows);
	}
	if (s)
		free(s->dir);
	free(s);
}

/* Behind n fields and the spaces that follow them, in one row. */
static const char *skip_fields(const char *at, unsigned n)
{
	for (; n; n--) {
		at += strspn(at, " ");
		at += strcspn(at, " \n");
	}
	return at + strspn(at, " ");
}

/* How much of a text that was cut off are whole rows. */
static size_t whole_rows(const char *text)
{
	const char *end = strrchr(text, '\n');
	return end ? (size_t)(end - text) : 0;
}

/* "  12: " of TCP and UDP, "00000000ed940204: " of unix. */
static bool is_row(const char *text)
{
	text += strspn(text, " ");
	size_t n = strspn(text, "0123456789abcdefABCDEF");
	return n && text_starts(text + n, ": ");
}

static void load(struct sockets *s, enum table which)
{
	enum { INET_FIELDS = 9, UNIX_FIELDS = 6 };
	struct loaded *l = &s->loaded[which];
	AUTO_FREE char *path = xasprintf("%s/%s", s->dir, tables[which].file);
	size_t len;
	uint64_t before, inode = 0;
	l->tried = true;
	if (failed(opener_slurp(path, TABLE_MAX, &l->text, &len)))
		return;
	l->text[len == TABLE_MAX ? whole_rows(l->text) : len] = '\0';
	for (const char *row = strchr(l->text, '\n'); row && *++row; row = strchr(row, '\n')) {
		const char *at = skip_fields(row, which == UNIX ? UNIX_FIELDS : INET_FIELDS);
		bool whole = is_row(row);
		if (whole)
			inode = strtoull(at, NULL, 10);
		if (inode) {
			bool again = hash_get(&l->rows, inode, &before);
			hash_put(&l->rows, inode,
				again || !whole ? UNSURE : (uint64_t)(row - l->text));
		}
	}
}

/* "0100007F:0050", or with four words in front of the port; returns what follows. */
static bool take_address(const char **at, bool six, struct str *to)
{
	uint32_t words[4] = { 0 };
	unsigned port;
	int n = 0, words_n = six ? 4 : 1;
	char text[INET6_ADDRSTRLEN];
	for (int i = 0; i < words_n; i++) {
		if (sscanf(*at, "%8" SCNx32 "%n", &words[i], &n) != 1 || n != 8)
			return false;
		*at += n;
	}
	if (sscanf(*at, ":%4x%n", &port, &n) != 1 ||
		!inet_ntop(six ? AF_INET6 : AF_INET, words, text, sizeof(text)))
		return false;
	*at += n;
	str_addf(to, six ? "[%s]:%u" : "%s:%u", text, port);
	return true;
}

/* Linux include/net/tcp_states.h. What is not unusual has no words. */
static const char *state_words(enum table which, unsigned state)
{
	static const char *const words[] = { [2] = ", connecting",
		", connecting",
		", closing",
		", closing",
		", closed",
		", not connected",
		", closed by the peer",
		", closing",
		", listening",
		", closing",
		", connecting" };
	bool tcp = which == TCP || which == TCP6;
	return tcp && state < ARRAY_LEN(words) && words[state] ? words[state] : "";
}

static bool inet_text(enum table which, const char *row, struct str *to)
{
	enum { LISTENING = 10 };
	bool six = which == TCP6 || which == UDP6;
	const char *at = skip_fields(row, 1);
	unsigned state;
	AUTO_STR(local);
	AUTO_STR(peer);
	if (!take_address(&at, six, &local))
		return false;
	at += strspn(at, " ");
	if (!take_address(&at, six, &peer) || sscanf(at, " %x", &state) != 1)
		return false;
	str_addf(to, "%s %s", tables[which].protocol, str_text(&local));
	if (!text_ends(str_text(&peer), ":0"))
		str_addf(to, " -> %s", str_text(&peer));
	str_puts(to, state_words(which, state));
	return true;
}

/* A socket without a name has nothing behind its inode. */
static bool unix_text(const char *protocol, const char *row, struct str *to)
{
	enum { BEFORE_NAME = 7 };
	const char *name = skip_fields(row, BEFORE_NAME);
	size_t n = strcspn(name, "\n");
	if (!n)
		return false;
	str_addf(to, "%s %.*s", protocol, (int)n, name);
	return true;
}

bool sockets_text(struct sockets *s, const char *protocol, uint64_t inode, struct str *to)
{
	uint64_t at;
	for (int i = 0; i < TABLES; i++) {
		struct loaded *l = &s->loaded[i];
		if (i == UNIX ? !text_starts(protocol, "UNIX")
			      : strcmp(protocol, tables[i].protocol) != 0)
			continue;
		if (!l->tried)
			load(s, (enum table)i);
		if (!hash_get(&l->rows, inode, &at) || at == UNSURE)
			return false;
		return i == UNIX ? unix_text(protocol, l->text + at, to)
				 : inet_text((enum table)i, l->text + at, to);
	}
	return false;
}
