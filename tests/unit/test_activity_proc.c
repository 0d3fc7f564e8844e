/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What threads are doing, out of a made-up procfs: all that a kernel, or whoever controls a process
 * or a socket, can put there.
 */
#include "activity_cases.h"

#include "suites.h"
#include "tempdir.h"

#include "../../src/target/activity.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct tempdir dir;
static struct target *t;

/* A process 7 with a thread 8, whose memory cannot be read. */
static void setup(void)
{
	tempdir_init(&dir);
	t = xcalloc(1, sizeof(*t));
	t->kind = TARGET_LIVE;
	t->pid = 7;
	t->machine = EM_X86_64;
	struct target_live *live = t->live = xcalloc(1, sizeof(*live));
	live->proc = xstrdup(dir.path);
	live->dir = tempdir_path(&dir, "7");
	mem_live_init(&live->mem, -1, -1, ORDER_LITTLE, 8);
	t->mem = &live->mem.base;
	t->threads = xcalloc(1, sizeof(*t->threads));
	t->n_threads = t->cap_threads = 1;
	t->threads[0] = (struct os_thread){ .tid = 8, .ns_tid = 8, .state = 'S' };
}

static void teardown(void)
{
	target_close(t);
	tempdir_fini(&dir);
}

static void make_folders(char *path)
{
	for (char *slash = path + strlen(dir.path); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
}

/* Writes a file below the folder, with the folders that it lies in. */
static void put(const char *name, const char *text)
{
	AUTO_FREE char *path = tempdir_path(&dir, name);
	make_folders(path);
	free(tempdir_write(&dir, name, text, strlen(text)));
}

static void link_to(const char *name, const char *to)
{
	AUTO_FREE char *path = tempdir_path(&dir, name);
	make_folders(path);
	unlink(path);
	ck_assert_int_eq(symlink(to, path), 0);
}

static struct live_call read_call(const char *text)
{
	AUTO_FREE char *path = tempdir_path(&dir, "7/task/8");
	put("7/task/8/syscall", text);
	return live_read_call(path);
}

START_TEST(lines_of_syscall)
{
	struct live_call c =
		read_call("202 0x7f12 0x189 0x0 0x5 0x6 0xffffffff 0x7ffdb8fede10 0x7f19\n");
	ck_assert_int_eq(c.seen, SEEN_IN_CALL);
	ck_assert_int_eq(c.number, 202);
	ck_assert_uint_eq(c.args[0], 0x7f12);
	ck_assert_uint_eq(c.args[1], 0x189);
	ck_assert_uint_eq(c.args[4], 6);
	ck_assert_uint_eq(c.args[5], 0xffffffff);
	ck_assert_uint_eq(c.sp, 0x7ffdb8fede10);
	ck_assert_uint_eq(c.pc, 0x7f19);
	c = read_call("-1 0x7ffd10 0x7f20\n");
	ck_assert_int_eq(c.seen, SEEN_OUTSIDE);
	ck_assert_int_eq(c.number, -1);
	ck_assert_uint_eq(c.sp, 0x7ffd10);
	ck_assert_uint_eq(c.pc, 0x7f20);
	ck_assert_int_eq(read_call("running\n").seen, SEEN_RUNNING);
}
END_TEST

START_TEST(lines_that_are_none)
{
	static const char *const texts[] = { "", "\n", "-2 0x1 0x2\n", "0\n", "-1 0x1\n",
		"0 0x1 0x2 0x3 0x4 0x5 0x6 0x7\n", "runn", "x 0x1 0x2", "-1 x 0x2\n",
		"-1 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8\n", "7 0x1 0x2\n" };
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct live_call c = read_call(texts[i]);
		ck_assert_msg(c.seen == SEEN_NOTHING && c.number == -1, "%s", texts[i]);
	}
	AUTO_FREE char *none = tempdir_path(&dir, "7/task/9");
	ck_assert_int_eq(live_read_call(none).seen, SEEN_NOTHING);
}
END_TEST

/* The name is any bytes, parentheses and line ends too. */
static void put_stat(const char *state)
{
	AUTO_FREE char *text = xasprintf("8 (a) R 1\n) %s 1 7 7 0 -1 4194304 0 0 0 0 150 75 9000 "
					 "9000 20 0 1 0 12345 0 0\n",
		state);
	put("7/task/8/stat", text);
}

static const struct thread_activity *look(const char *syscall, const char *state)
{
	put("7/task/8/syscall", syscall);
	put_stat(state);
	live_read_activity(t);
	return &t->threads[0].activity;
}

/* What is read of thread 8 in words; "" if it is in no call. */
static const char *words_of(const char *syscall, bool redact)
{
	static struct str text;
	struct thread_call c = { 0 };
	look(syscall, "S");
	str_clear(&text);
	if (target_call(t, &t->threads[0], redact, &c))
		thread_call_text(&c, &text);
	thread_call_fini(&c);
	return str_text(&text);
}

#define READ_3	  "0 0x3 0x10 0x400 0x0 0x0 0x0 0x7ffd10 0x7f20\n"
#define CONNECT_3 "42 0x3 0x0 0x0 0x0 0x0 0x0 0x7ffd10 0x7f20\n"

START_TEST(state_and_call)
{
	const struct thread_activity *a = look(READ_3, "S");
	ck_assert(a->known && a->call && !a->outside && !a->moved_on);
	t->threads[0].state = 'R'; /* it was running when the threads were listed */
	a = look(READ_3, "S");
	ck_assert_int_eq(t->threads[0].state, 'S');
	ck_assert(a->call != NULL);
	ck_assert(a->cpu_seconds == 225.0 / (double)sysconf(_SC_CLK_TCK));
	a = look("running\n", "R");
	ck_assert_int_eq(t->threads[0].state, 'R');
	ck_assert(a->known && !a->call && !a->outside);
	a = look("-1 0x1 0x2\n", "D");
	ck_assert_int_eq(t->threads[0].state, 'D');
	ck_assert(a->known && !a->call && a->outside);
	/* they never fit */
	t->threads[0].state = 'S';
	a = look("running\n", "S");
	ck_assert_int_eq(t->threads[0].state, 'R');
	ck_assert(!a->call);
	/* it may not be read, which does not change what is known already */
	t->threads[0].state = 'S';
	a = look("", "R");
	ck_assert_int_eq(t->threads[0].state, 'S');
	ck_assert(!a->known && !a->call);
}
END_TEST

START_TEST(thread_that_has_ended)
{
	t->threads[0].tid = 9;
	t->threads[0].state = 'R';
	live_read_activity(t);
	const struct thread_activity *a = &t->threads[0].activity;
	ck_assert(!a->known && !a->call && !a->n_kernel_stack);
	t->threads[0].state = 'D';
	live_read_activity(t);
	ck_assert(!a->known && !a->call && !a->n_kernel_stack);
}
END_TEST

START_TEST(not_wanted)
{
	t->activity = ACTIVITY_NONE;
	ck_assert(!look(READ_3, "S")->call);
}
END_TEST

START_TEST(moved_on)
{
	struct os_thread *th = &t->threads[0];
	look(READ_3, "S");
	th->regs = (struct core_regs){
		.has_sp = true, .sp = 0x7ffd10, .has_syscall = true, .syscall = 0
	};
	th->stopped = true;
	live_compare_activity(t);
	ck_assert(!th->activity.moved_on);
	th->regs.syscall = 1;
	live_compare_activity(t);
	ck_assert(th->activity.moved_on);
	th->regs.syscall = 0;
	th->regs.sp = 0x7ffd00;
	live_compare_activity(t);
	ck_assert(th->activity.moved_on);
	th->stopped = false; /* its registers are old */
	live_compare_activity(t);
	ck_assert(!th->activity.moved_on);
}
END_TEST

START_TEST(descriptors)
{
	put("7/task/8/stat", "");
	ck_assert_str_eq(words_of(READ_3, false), "read(3<not open>, 0x10, 1024)");
	static const char *const links[][3] = { { "pipe:[4711]", "pipe:[4711]", "pipe:[4711]" },
		{ "/tmp/a>, 5)\n\x1b (deleted)", "/tmp/a>, 5)\n\x1b (deleted)", "file" },
		{ "socket:[4711]", "socket:[4711]", "socket:[4711]" },
		{ "socket:[", "socket:[0]", "socket:[0]" },
		{ "anon_inode:[eventfd]", "eventfd", "eventfd" },
		{ "anon_inode:inotify", "inotify", "inotify" }, { "anon_inode:", "", "" },
		{ "anon_inode:[", "[", "[" }, { "(unreachable)/x", "(unreachable)/x", "file" },
		{ "anon_inode:[pidfd]", "pidfd", "pidfd" } };
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		char wanted[256];
		link_to("7/task/8/fd/3", links[i][0]);
		for (int redact = 0; redact <= 1; redact++) {
			snprintf(wanted, sizeof(wanted), "read(3<%s>, 0x10, 1024)",
				links[i][1 + redact]);
			ck_assert_str_eq(words_of(READ_3, redact), wanted);
		}
	}
	ck_assert_str_eq(
		words_of("0 0xffffffff 0x10 0x5 0 0 0 0x1 0x1\n", false), "read(-1, 0x10, 5)");
}
END_TEST

START_TEST(process_of_a_pidfd)
{
	link_to("7/task/8/fd/4", "anon_inode:[pidfd]");
	put("7/task/8/fdinfo/4", "pos:\t0\nflags:\t02000002\nPid:\t12\nNSpid:\t12\n");
	put("12/stat", "12 (ch ) ild) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0\n");
#define WAITID "247 0x3 0x4 0x0 0x4 0x0 0x0 0x1 0x1\n"
	ck_assert_str_eq(words_of(WAITID, false),
		"waitid(P_PIDFD, 4<pidfd of 12 (ch ) ild)>, NULL, WEXITED, NULL)");
	ck_assert_str_eq(
		words_of(WAITID, true), "waitid(P_PIDFD, 4<pidfd of 12>, NULL, WEXITED, NULL)");
	put("7/task/8/fdinfo/4", "Pid:\t-1\nx\nPid:\t-1\n");
	ck_assert_str_eq(words_of(WAITID, false), "waitid(P_PIDFD, 4<pidfd>, NULL, WEXITED, NULL)");
	t->live->other_pid_ns = true;
	ck_assert_str_eq(words_of("61 0xc 0 0 0 0 0 0x1 0x1\n", false), "wait4(12, NULL, 0, NULL)");
}
END_TEST

static uint64_t inode_of(const char *name)
{
	AUTO_FREE char *path = tempdir_path(&dir, name);
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_ino;
}

#define EPOLL "232 0x3 0x10 0x8 0xffffffff 0x0 0x0 0x1 0x1\n"

/* A descriptor that now is another file is shown without it. */
START_TEST(what_an_epoll_watches)
{
	AUTO_STR(info);
	put("a", "");
	put("b", "");
	AUTO_FREE char *a = tempdir_path(&dir, "a");
	link_to("7/task/8/fd/3", "anon_inode:[eventpoll]");
	link_to("7/task/8/fd/5", a);
	link_to("7/task/8/fd/6", a);
	ck_assert_str_eq(words_of(EPOLL, false), "epoll_wait(3<epoll>, 0x10, 8, no timeout)");
	str_puts(&info, "pos:\t0\nflags:\t02\n");
	str_addf(&info, "tfd:        5 events:       19 data:   5  pos:0 ino:%jx sdev:8\n",
		(uintmax_t)inode_of("a"));
	str_addf(&info, "tfd:        6 events:       19 data:   5  pos:0 ino:%jx sdev:8\n",
		(uintmax_t)inode_of("b"));
	str_puts(&info, "tfd:        7 events:\ntfd: x\n");
	put("7/task/8/fdinfo/3", str_text(&info));
	AUTO_FREE char *wanted =
		xasprintf("epoll_wait(3<epoll of 5<%s>, 6, ?, ?>, 0x10, 8, no timeout)", a);
	ck_assert_str_eq(words_of(EPOLL, false), wanted);
	for (int i = 0; i < 1000; i++)
		str_puts(&info, "tfd:\n");
	put("7/task/8/fdinfo/3", str_text(&info));
	ck_assert_str_eq(words_of(EPOLL, true),
		"epoll_wait(3<epoll of 5<file>, 6, ?, ?, ?, ?, ?, ?, ...>, 0x10, 8, no timeout)");
}
END_TEST

static void put_stack(const char *text)
{
	put("7/task/8/stack", text);
}

START_TEST(kernel_stacks)
{
	t->activity = ACTIVITY_STACKS;
	put_stack("[<0>] futex_wait_queue+0x60/0x90\n[<0>] ext4.isra.0_x+0x1/0x2 [ext4]\n"
		  "[<ffffffff81>] do_syscall_64+0x71/0x280\n[<ffffffffffffffff>] "
		  "0xffffffffffffffff\n");
	const struct thread_activity *a = look(READ_3, "S");
	ck_assert_uint_eq(a->n_kernel_stack, 3);
	ck_assert_str_eq(a->kernel_stack[0], "futex_wait_queue");
	ck_assert_str_eq(a->kernel_stack[1], "ext4.isra.0_x");
	ck_assert_str_eq(a->kernel_stack[2], "do_syscall_64");
	ck_assert_uint_eq(look("running\n", "R")->n_kernel_stack, 0);
	t->activity = ACTIVITY_USUAL;
	t->threads[0].state = 'S';
	ck_assert_uint_eq(look(READ_3, "S")->n_kernel_stack, 0);
	t->threads[0].state = 'D';
	ck_assert_uint_eq(look(READ_3, "D")->n_kernel_stack, 3);
}
END_TEST

START_TEST(kernel_stacks_that_are_none)
{
	static const struct {
		const char *stack, *wchan;
		size_t n;
	} rows[] = { { "", "", 0 }, { "", "0", 0 }, { "", "pipe_read", 1 },
		{ "[<0>] 0xffff+0x1\n", "0", 1 }, { "[<0>] \x1b[31m+0x1/0x2\n", "0", 0 },
		{ "[<0>] a", "0", 0 }, { "x\n[<0>] b+0x1\n", "0", 1 },
		{ "no\n[<0>] \n] c+0x1", "0", 1 }, { "", "\x1b[0m", 0 } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		put_stack(rows[i].stack);
		put("7/task/8/wchan", rows[i].wchan);
		t->threads[0].state = 'D';
		ck_assert_msg(look(READ_3, "D")->n_kernel_stack == rows[i].n, "row %zu", i);
	}
	AUTO_STR(many);
	for (int i = 0; i < 1000; i++)
		str_puts(&many, "[<0>] f+0x1/0x2\n");
	put_stack(str_text(&many));
	ck_assert_uint_eq(look(READ_3, "D")->n_kernel_stack, KERNEL_FRAMES_MAX);
}
END_TEST

/* What goes on as restart_syscall is told by the function that it waits in. */
START_TEST(restarted_calls)
{
	static const struct {
		const char *args, *wchan, *words;
	} rows[] = { { "0x1000 0x3 0xea60", "poll_schedule_timeout.constprop.0",
			     "poll(0x1000, 3, 60 s)" },
		{ "0x1000 0x0 0x0", "hrtimer_nanosleep", "nanosleep(0x1000, NULL)" },
		{ "0x1 0x0 0x1000", "hrtimer_nanosleep",
			"clock_nanosleep(CLOCK_MONOTONIC, 0, 0x1000, NULL)" },
		{ "0x1000 0x80 0x2", "futex_wait_queue",
			"futex(0x1000, FUTEX_WAIT_PRIVATE, 2, no timeout)" },
		{ "0x1 0x0 0x1000", "do_syscall_64",
			"clock_nanosleep(CLOCK_MONOTONIC, 0, 0x1000, NULL)" },
		{ "0x1000 0x3 0x2", "", "restart_syscall(of nanosleep, poll or futex)" },
		{ "0x1000 0x3 0x2", "0", "restart_syscall(of nanosleep, poll or futex)" } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[128];
		snprintf(text, sizeof(text), "219 %s 0x0 0x0 0x0 0x1 0x1\n", rows[i].args);
		put("7/task/8/wchan", rows[i].wchan);
		ck_assert_str_eq(words_of(text, false), rows[i].words);
	}
}
END_TEST

static const char head[] = "  sl  local_address rem_address   st tx_queue rx_queue\n";

/* What the table has for an inode; "" for nothing. */
static const char *socket_text(const char *protocol, uint64_t inode)
{
	static struct str text;
	AUTO_FREE char *net = tempdir_path(&dir, "7/net");
	struct sockets *s = sockets_new(net);
	str_clear(&text);
	bool found = sockets_text(s, protocol, inode, &text);
	ck_assert_int_eq(found, text.len != 0);
	sockets_free(s);
	return str_text(&text);
}

START_TEST(sockets_of_inet)
{
	AUTO_STR(text);
	str_puts(&text, head);
#define ROW(n, local, peer, st, inode)                                                             \
	n ": " local " " peer " " st                                                               \
	  " 00000000:00000000 00:00000000 00000000     0        0 " inode                          \
	  " 1 00000000 100 0 0 10 0\n"
	str_puts(&text, ROW("   0", "0100007F:1F90", "00000000:0000", "0A", "11"));
	str_puts(&text, ROW("   1", "0100007F:E260", "0201A8C0:0050", "01", "12"));
	str_puts(&text, ROW("   2", "0100007F:E261", "0201A8C0:0050", "02", "13"));
	str_puts(&text, ROW("   3", "0100007F:E262", "0201A8C0:0050", "08", "14"));
	str_puts(&text, ROW("   4", "0100007F:E263", "0201A8C0:0050", "06", "0"));
	str_puts(&text, ROW("   5", "0100007F:E264", "0201A8C0:0050", "FF", "15"));
	str_puts(&text, ROW("   6", "0100007F", "0201A8C0:0050", "01", "16"));
	str_puts(&text, ROW("   7", "xyz00000:0001", "0201A8C0:0050", "01", "17"));
	str_puts(&text, "   8: 0100007F:E264 ");
	put("7/net/tcp", str_text(&text));
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
		ck_assert_str_eq(socket_text("TCP", 11), "TCP 127.0.0.1:8080, listening");
		ck_assert_str_eq(socket_text("TCP", 12), "TCP 127.0.0.1:57952 -> 192.168.1.2:80");
		ck_assert_str_eq(socket_text("TCP", 13),
			"TCP 127.0.0.1:57953 -> 192.168.1.2:80, connecting");
		ck_assert_str_eq(socket_text("TCP", 14),
			"TCP 127.0.0.1:57954 -> 192.168.1.2:80, closed by the peer");
		ck_assert_str_eq(socket_text("TCP", 15), "TCP 127.0.0.1:57956 -> 192.168.1.2:80");
	}
	for (uint64_t inode = 16; inode < 20; inode++)
		ck_assert_str_eq(socket_text("TCP", inode), "");
	ck_assert_str_eq(socket_text("TCP", 0), "");
	ck_assert_str_eq(socket_text("UDP", 11), "");
	ck_assert_str_eq(socket_text("NETLINK", 11), "");
	put("7/net/tcp6", "head\n" ROW("  0", "00000000000000000000000001000000:0016",
				  "00000000000000000000000000000000:0000", "0A", "21"));
	put("7/net/udp", "head\n" ROW("  0", "00000000:0035", "00000000:0000", "07", "31"));
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		ck_assert_str_eq(socket_text("TCPv6", 21), "TCPv6 [::1]:22, listening");
	ck_assert_str_eq(socket_text("UDP", 31), "UDP 0.0.0.0:53");
}
END_TEST

/* A name may look like a row of another socket. */
START_TEST(sockets_of_unix)
{
	put("7/net/unix",
		"Num       RefCount Protocol Flags    Type St Inode Path\n"
		"00000000ed940204: 00000002 00000000 00010000 0001 01    11 /run/a b\x1b\n"
		"00000000ed940205: 00000003 00000000 00000000 0001 03    12\n"
		"00000000ed940206: 00000002 00000000 00010000 0001 01    13 @abstract@\n"
		"00000000ed940207: 00000002 00000000 00010000 0001 01    14 /x\n"
		"00000000ed940208: 00000002 00000000 00010000 0001 01    15 /forged\n"
		"00000000ed940209: 00000002 00000000 00010000 0001 01    15 /true\n"
		"00000000ed94020a: 00000002 00000000 00010000 0001 01    16 /cut\n/short\n"
		"00000000ed94020b: 00000002 00000000 00010000 0001 01    17 /last");
	ck_assert_str_eq(socket_text("UNIX-STREAM", 11), "UNIX-STREAM /run/a b\x1b");
	ck_assert_str_eq(socket_text("UNIX-STREAM", 12), "");
	ck_assert_str_eq(socket_text("UNIX", 13), "UNIX @abstract@");
	ck_assert_str_eq(socket_text("UNIX", 15), "");
	ck_assert_str_eq(socket_text("UNIX", 16), "");
	ck_assert_str_eq(socket_text("UNIX", 17), "UNIX /last");
}
END_TEST

/* A table that is longer than what is read of it ends in the middle of a row. */
START_TEST(sockets_without_end)
{
	AUTO_STR(text);
	str_puts(&text, head);
	for (unsigned i = 0; i < 30000; i++)
		str_addf(&text,
			"%u: 0100007F:0001 00000000:0000 0A 00000000:00000000 00:00000000 00000000 "
			"0 0 "
			"%u 1\n",
			i, 1000000 + i);
	put("7/net/tcp", str_text(&text));
	ck_assert_str_ne(socket_text("TCP", 1000000), "");
	ck_assert_str_eq(socket_text("TCP", 1029999), "");
	for (uint64_t inode = 1; inode < 1000000; inode *= 10) {
		for (uint64_t k = 0; k < 10; k++)
			ck_assert_str_eq(socket_text("TCP", inode + k), "");
	}
}
END_TEST

/* 0: it is not told. */
static int holder(const char *rows, bool flock, uint64_t inode)
{
	pid_t pid = 0;
	put("locks", rows);
	struct file_locks *l = file_locks_new(dir.path);
	bool found = file_locks_holder(l, 7, flock, inode, &pid);
	ck_assert_int_eq(found, pid != 0);
	file_locks_free(l);
	return pid;
}

START_TEST(holders_of_locks)
{
	static const char rows[] = "1: FLOCK  ADVISORY  WRITE 4711 fe:00:99 0 EOF\n"
				   "1: -> FLOCK  ADVISORY  WRITE 6 fe:00:99 0 EOF\n"
				   "1:  -> FLOCK  ADVISORY  WRITE 7 fe:00:99 0 EOF\n"
				   "2: OFDLCK ADVISORY  WRITE -1 fe:00:98 0 EOF\n"
				   "2: -> POSIX  ADVISORY  READ  7 fe:00:98 0 10\n"
				   "3: POSIX  ADVISORY  WRITE 5 fe:00:97 0 5\n"
				   "4: POSIX  ADVISORY  WRITE 6 fe:00:97 6 9\n"
				   "4: -> POSIX  ADVISORY  WRITE 7 fe:00:97 6 9\n"
				   "5: POSIX  ADVISORY  WRITE 5 fe:00:96 0 5\n"
				   "5: -> POSIX  ADVISORY  WRITE 7 fe:00:96 6 9\n"
				   "6: POSIX  ADVISORY  WRITE 6 fe:00:96 6 9\n"
				   "6: -> POSIX  ADVISORY  WRITE 7 fe:00:96 6 9\n"
				   "7: LEASE  ACTIVE    WRITE 5 fe:00:95 0 EOF\n";
	ck_assert_int_eq(holder(rows, true, 99), 4711);
	ck_assert_int_eq(holder(rows, false, 99), 0);
	ck_assert_int_eq(holder(rows, false, 98), -1);
	ck_assert_int_eq(holder(rows, false, 97), 6);
	ck_assert_int_eq(holder(rows, false, 96), 0); /* two of them */
	ck_assert_int_eq(holder(rows, false, 95), 0);
	ck_assert_int_eq(holder("", true, 99), 0);
	ck_assert_int_eq(holder("1: -> FLOCK  ADVISORY  WRITE 7 fe:00:99 0 EOF\n", true, 99), 0);
	ck_assert_int_eq(holder("\n:\n1:\n1: ->\n1: FLOCK\n->\n", true, 99), 0);
}
END_TEST

/* The stop has interrupted the wait, and it has not begun anew. */
START_TEST(holders_without_a_row_that_waits)
{
	static const char rows[] = "1: FLOCK  ADVISORY  WRITE 5 fe:00:99 0 EOF\n"
				   "2: FLOCK  ADVISORY  WRITE 7 fe:00:98 0 EOF\n"
				   "3: FLOCK  ADVISORY  READ  5 fe:00:97 0 EOF\n"
				   "4: FLOCK  ADVISORY  READ  6 fe:00:97 0 EOF\n"
				   "5: POSIX  ADVISORY  READ  5 fe:00:99 0 EOF\n"
				   "6: POSIX  ADVISORY  READ  7 fe:00:99 0 EOF\n"
				   "7: POSIX  ADVISORY  READ  7 fe:00:98 0 EOF\n";
	ck_assert_int_eq(holder(rows, true, 99), 5);
	ck_assert_int_eq(holder(rows, true, 98), 7);
	ck_assert_int_eq(holder(rows, true, 97), 0); /* two of them */
	ck_assert_int_eq(holder(rows, false, 99), 5);
	ck_assert_int_eq(holder(rows, false, 98), 0);
}
END_TEST

/* In the words of the call: only the process that waits says whom it waits for. */
START_TEST(lock_in_words)
{
	AUTO_STR(rows);
	put("a", "");
	AUTO_FREE char *a = tempdir_path(&dir, "a");
	link_to("7/task/8/fd/3", a);
	put("9/stat", "9 (server) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0\n");
	str_addf(&rows,
		"1: FLOCK  ADVISORY  WRITE 9 fe:00:%ju 0 EOF\n"
		"1: -> FLOCK  ADVISORY  WRITE 7 fe:00:%ju 0 EOF\n",
		(uintmax_t)inode_of("a"), (uintmax_t)inode_of("a"));
	put("locks", str_text(&rows));
#define FLOCK_3 "73 0x3 0x2 0x0 0x0 0x0 0x0 0x1 0x1\n"
	AUTO_FREE char *wanted = xasprintf("flock(3<%s>, LOCK_EX (held by process 9, server))", a);
	ck_assert_str_eq(words_of(FLOCK_3, false), wanted);
	ck_assert_str_eq(words_of(FLOCK_3, true), "flock(3<file>, LOCK_EX (held by process 9))");
}
END_TEST

TCase *activity_proc_case(void)
{
	TCase *c = tcase_create("procfs");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, lines_of_syscall);
	tcase_add_test(c, lines_that_are_none);
	tcase_add_test(c, state_and_call);
	tcase_add_test(c, thread_that_has_ended);
	tcase_add_test(c, not_wanted);
	tcase_add_test(c, moved_on);
	tcase_add_test(c, descriptors);
	tcase_add_test(c, process_of_a_pidfd);
	tcase_add_test(c, what_an_epoll_watches);
	tcase_add_test(c, kernel_stacks);
	tcase_add_test(c, kernel_stacks_that_are_none);
	tcase_add_test(c, restarted_calls);
	tcase_add_test(c, sockets_of_inet);
	tcase_add_test(c, sockets_of_unix);
	tcase_add_test(c, sockets_without_end);
	tcase_add_test(c, holders_of_locks);
	tcase_add_test(c, holders_without_a_row_that_waits);
	tcase_add_test(c, lock_in_words);
	return c;
}
