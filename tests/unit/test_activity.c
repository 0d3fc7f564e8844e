/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What threads are doing: system calls in words over memory built by hand, registers of every
 * architecture. What procfs says of living ones: test_activity_live.c.
 */
#include "suites.h"

#include "activity_cases.h"

#include "../../src/target/activity.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

enum { BASE = 0x1000, ROOM = 512, LAST_NUMBER = 600 };

/* Memory of a machine at BASE, and a core's target over it. */
static struct machine {
	struct mem_buf mem;
	uint8_t bytes[ROOM];
	struct target target;
	const struct core_arch *arch;
} m;

static void become(uint16_t machine, unsigned ptr_size, enum byte_order order)
{
	memset(&m, 0, sizeof(m));
	mem_buf_init(&m.mem, order, ptr_size);
	mem_buf_add(&m.mem, BASE, m.bytes, sizeof(m.bytes), MEM_READ);
	m.target = (struct target){
		.kind = TARGET_CORE, .machine = machine, .mem = &m.mem.base, .pid = 7
	};
	m.arch = core_arch_find(machine, ptr_size);
	ck_assert_ptr_nonnull(m.arch);
}

static void usual(void)
{
	become(EM_X86_64, 8, ORDER_LITTLE);
}

static void put(size_t at, unsigned size, uint64_t v)
{
	for (unsigned i = 0; i < size; i++)
		m.bytes[at + (m.mem.base.order == ORDER_LITTLE ? i : size - 1 - i)] =
			(uint8_t)(v >> 8 * i);
}

/* The number by which the machine has the call. */
static int64_t number_of(const char *name)
{
	for (int64_t n = 0; n < LAST_NUMBER; n++) {
		const char *known = syscall_find(m.arch, n).name;
		if (known && !strcmp(known, name))
			return n;
	}
	ck_abort_msg("no call %s", name);
	return -1;
}

static struct thread_call call;

/* The call in words; valid until the next one. */
static const char *words_of(int64_t number, const uint64_t args[CALL_ARGS], bool redact)
{
	static struct str text;
	struct os_thread th = { .regs = { .has_syscall = true, .syscall = number } };
	memcpy(th.regs.syscall_args, args, sizeof(th.regs.syscall_args));
	thread_call_fini(&call);
	str_clear(&text);
	ck_assert(target_call(&m.target, &th, redact, &call));
	thread_call_text(&call, &text);
	return str_text(&text);
}

#define WORDS(name, ...)                                                                           \
	words_of(number_of(name), (const uint64_t[CALL_ARGS]){ __VA_ARGS__ }, false)

/* Against the C library's names for the machine that the tests run on. */
START_TEST(numbers_of_this_machine)
{
#ifdef __x86_64__
	usual();
	static const struct {
		const char *name;
		long number;
	} known[] = { { "read", SYS_read }, { "futex", SYS_futex },
		{ "restart_syscall", SYS_restart_syscall }, { "openat", SYS_openat },
		{ "clock_nanosleep", SYS_clock_nanosleep }, { "epoll_pwait2", SYS_epoll_pwait2 },
		{ "io_uring_enter", SYS_io_uring_enter }, { "newfstatat", SYS_newfstatat },
		{ "pread64", SYS_pread64 }, { "futex_waitv", SYS_futex_waitv } };
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		ck_assert_str_eq(syscall_find(m.arch, known[i].number).name, known[i].name);
#endif
	ck_assert_ptr_null(syscall_find(NULL, 0).name);
	ck_assert_ptr_null(syscall_find(core_arch_find(EM_X86_64, 8), -1).name);
	ck_assert_ptr_null(syscall_find(core_arch_find(EM_X86_64, 8), INT64_MAX).name);
	ck_assert_ptr_null(syscall_find(core_arch_find(EM_X86_64, 8), 400).name);
}
END_TEST

static const struct {
	uint16_t machine;
	unsigned ptr_size;
	enum byte_order order;
} machines[] = { { EM_X86_64, 8, ORDER_LITTLE }, { EM_386, 4, ORDER_LITTLE },
	{ EM_AARCH64, 8, ORDER_LITTLE }, { EM_ARM, 4, ORDER_LITTLE }, { EM_ARM, 4, ORDER_BIG },
	{ EM_S390, 8, ORDER_BIG }, { EM_PPC64, 8, ORDER_LITTLE } };

/* The two numbers that the rows of registers have too, and calls that every machine has. */
START_TEST(numbers_of_all_machines)
{
	static const char *const common[] = { "read", "write", "close", "futex", "wait4",
		"clock_nanosleep", "ppoll", "pselect6", "epoll_pwait", "connect", "flock", "fsync",
		"rt_sigtimedwait", "io_uring_enter", "futex_waitv" };
	become(machines[_i].machine, machines[_i].ptr_size, machines[_i].order);
	ck_assert_str_eq(syscall_find(m.arch, m.arch->futex).name, "futex");
	ck_assert_str_eq(syscall_find(m.arch, m.arch->restart).name, "restart_syscall");
	for (size_t i = 0; i < ARRAY_LEN(common); i++) {
		int64_t n = number_of(common[i]);
		ck_assert_str_eq(syscall_named(m.arch, common[i]).name, common[i]);
		ck_assert_ptr_nonnull(syscall_find(m.arch, n).kinds);
	}
	ck_assert_ptr_null(syscall_named(m.arch, "no_such_call").name);
}
END_TEST

START_TEST(plain_arguments)
{
	usual();
	ck_assert_str_eq(WORDS("read", 3, 0x7f12, 1024, 9, 9, 9), "read(3, 0x7f12, 1024)");
	ck_assert_str_eq(WORDS("read", 0xffffffff00000003, 0, 0), "read(3, NULL, 0)");
	ck_assert_str_eq(WORDS("pause", 1, 2, 3), "pause()");
	ck_assert_str_eq(WORDS("tgkill", 7, 8, 6), "tgkill(7, 8, SIGABRT)");
	ck_assert_str_eq(WORDS("kill", (uint64_t)-1, 63), "kill(-1, 63)");
	ck_assert_str_eq(WORDS("pread64", 3, 0x10, 5, (uint64_t)-1), "pread64(3, 0x10, 5, -1)");
	ck_assert_str_eq(WORDS("flock", 5, 2), "flock(5, LOCK_EX)");
	ck_assert_str_eq(WORDS("flock", 5, 1 | 4), "flock(5, LOCK_SH|LOCK_NB)");
	ck_assert_str_eq(WORDS("flock", 5, 3), "flock(5, 0x3)");
	ck_assert_str_eq(WORDS("accept4", 5, 0, 0, 02004000),
		"accept4(5, NULL, NULL, SOCK_NONBLOCK|SOCK_CLOEXEC)");
	ck_assert_str_eq(WORDS("recvfrom", 5, 0x10, 20, 0x140, 0, 0),
		"recvfrom(5, 0x10, 20, MSG_DONTWAIT|MSG_WAITALL, NULL, NULL)");
	ck_assert_str_eq(WORDS("ioctl", 1, 0x5413, 0), "ioctl(1, 0x5413, 0)");
	/* one whose arguments are not known, and a number without a name */
	ck_assert_str_eq(
		WORDS("add_key", 1, 0x20, 3, 0, 5, 6), "add_key(0x1, 0x20, 0x3, 0, 0x5, 0x6)");
	ck_assert_str_eq(words_of(9999, (const uint64_t[CALL_ARGS]){ 1 }, false),
		"system call 9999(0x1, 0, 0, 0, 0, 0)");
	ck_assert_ptr_null(call.name);
	ck_assert_int_eq(call.number, 9999);
}
END_TEST

START_TEST(times)
{
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		become(machines[i].machine, machines[i].ptr_size, machines[i].order);
		unsigned size = m.arch->ptr_size;
		put(0, size, 1000);
		put(size, size, 250000000);
		put(64, size, 0);
		put(64 + size, size, 1500);
		ck_assert_str_eq(WORDS("nanosleep", BASE, 0), "nanosleep(1000.25 s, NULL)");
		ck_assert_str_eq(WORDS("nanosleep", BASE + 64, 0), "nanosleep(0.0000015 s, NULL)");
		ck_assert_str_eq(WORDS("clock_nanosleep", 0, 1, BASE, 0),
			"clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, 1970-01-01T00:16:40Z, "
			"NULL)");
		ck_assert_str_eq(WORDS("clock_nanosleep", 1, 1, BASE, 0),
			"clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, at 1000.25 s, NULL)");
		ck_assert_str_eq(WORDS("clock_nanosleep", 7, 0, BASE, 0),
			"clock_nanosleep(CLOCK_BOOTTIME, 0, 1000.25 s, NULL)");
		ck_assert_str_eq(WORDS("epoll_pwait", 4, 0x10, 8, (uint32_t)-1, 0, 8),
			"epoll_pwait(4, 0x10, 8, no timeout, NULL, 8)");
		ck_assert_str_eq(WORDS("epoll_pwait", 4, 0x10, 8, 1500, 0, 8),
			"epoll_pwait(4, 0x10, 8, 1.5 s, NULL, 8)");
	}
	become(EM_386, 4, ORDER_LITTLE);
	put(0, 8, 3000000000);
	put(8, 8, 5);
	ck_assert_str_eq(WORDS("clock_nanosleep_time64", 1, 0, BASE, 0),
		"clock_nanosleep_time64(CLOCK_MONOTONIC, 0, 3000000000 s, NULL)");
	usual();
	put(0, 8, 2);
	put(8, 8, 500000);
	ck_assert_str_eq(WORDS("select", 0, 0, 0, 0, BASE), "select(0, NULL, NULL, NULL, 2.5 s)");
}
END_TEST

/* What is no time, or cannot be read, is shown by its address. */
START_TEST(times_that_are_none)
{
	usual();
	put(0, 8, 1);
	put(8, 8, 1000000000);
	ck_assert_str_eq(WORDS("nanosleep", BASE, 0), "nanosleep(0x1000, NULL)");
	put(0, 8, (uint64_t)-1);
	put(8, 8, 0);
	ck_assert_str_eq(WORDS("nanosleep", BASE, 0), "nanosleep(0x1000, NULL)");
	ck_assert_str_eq(WORDS("nanosleep", BASE + ROOM - 8, 0), "nanosleep(0x11f8, NULL)");
	ck_assert_str_eq(
		WORDS("nanosleep", UINT64_MAX - 2, 0), "nanosleep(0xfffffffffffffffd, NULL)");
	put(0, 8, INT64_MAX);
	ck_assert_str_eq(WORDS("clock_nanosleep", 0, 1, BASE, 0),
		"clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, at 9223372036854775807 s, NULL)");
	ck_assert_str_eq(WORDS("clock_nanosleep", (uint32_t)-6, 1, BASE, 0),
		"clock_nanosleep(-6, TIMER_ABSTIME, at 9223372036854775807 s, NULL)");
}
END_TEST

START_TEST(futexes)
{
	usual();
	put(0, 8, 12);
	ck_assert_str_eq(WORDS("futex", 0x7f10, 0, 2, BASE), "futex(0x7f10, FUTEX_WAIT, 2, 12 s)");
	ck_assert_str_eq(WORDS("futex", 0x7f10, 128, 0xfffffffff, 0),
		"futex(0x7f10, FUTEX_WAIT_PRIVATE, 4294967295, no timeout)");
	ck_assert_str_eq(WORDS("futex", 0x7f10, 9 | 128 | 256, 0, BASE),
		"futex(0x7f10, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 0, "
		"1970-01-01T00:00:12Z)");
	ck_assert_str_eq(
		WORDS("futex", 0x7f10, 9, 0, BASE), "futex(0x7f10, FUTEX_WAIT_BITSET, 0, at 12 s)");
	ck_assert_str_eq(WORDS("futex", 0x7f10, 6, 1, BASE),
		"futex(0x7f10, FUTEX_LOCK_PI, 1970-01-01T00:00:12Z)");
	ck_assert_str_eq(WORDS("futex", 0x7f10, 129, 1, 5), "futex(0x7f10, FUTEX_WAKE_PRIVATE, 1)");
	ck_assert_str_eq(WORDS("futex", 0x7f10, 7, 1, 5), "futex(0x7f10, FUTEX_UNLOCK_PI)");
	ck_assert_str_eq(WORDS("futex", 0x7f10, 77, 1, 5), "futex(0x7f10, 0x4d, 1)");
	ck_assert_str_eq(
		WORDS("restart_syscall", 1, 2), "restart_syscall(of nanosleep, poll or futex)");
}
END_TEST

START_TEST(descriptors_of_many)
{
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		become(machines[i].machine, machines[i].ptr_size, machines[i].order);
		put(0, 4, 3);
		put(4, 2, 1);
		put(8, 4, (uint32_t)-1);
		put(12, 2, 0);
		put(16, 4, 9);
		put(20, 2, 0x2005);
		ck_assert_str_eq(WORDS("ppoll", BASE, 3, 0, 0),
			"ppoll([3 POLLIN, -1 0, 9 POLLIN|POLLOUT|POLLRDHUP], 3, no timeout, NULL)");
		put(64, m.arch->ptr_size, 1u << 31 | 1u << 3);
		put(64 + m.arch->ptr_size, m.arch->ptr_size, 1);
		ck_assert_str_eq(WORDS("pselect6", 40, BASE + 64, 0, BASE + 128, 0, 0),
			m.arch->ptr_size == 8
				? "pselect6(40, [3, 31], NULL, [], no timeout, NULL)"
				: "pselect6(40, [3, 31, 32], NULL, [], no timeout, NULL)");
	}
}
END_TEST

/* Counts that the target claims, and memory that ends inside of what they count. */
START_TEST(hostile_counts)
{
	usual();
	ck_assert_str_eq(WORDS("poll", BASE, UINT32_MAX, 0),
		"poll([0 0, 0 0, 0 0, 0 0, 0 0, 0 0, 0 0, 0 0, ...], 4294967295, 0 s)");
	ck_assert_str_eq(WORDS("poll", BASE + ROOM - 9, 2, 0), "poll(0x11f7, 2, 0 s)");
	ck_assert_str_eq(WORDS("poll", BASE + ROOM, 0, 0), "poll([], 0, 0 s)");
	memset(m.bytes, 0xff, sizeof(m.bytes));
	ck_assert_str_eq(WORDS("pselect6", INT32_MAX, BASE, 0, 0, 0, 0),
		"pselect6(2147483647, [0, 1, 2, 3, 4, 5, 6, 7, ...], NULL, NULL, no timeout, "
		"NULL)");
	ck_assert_str_eq(WORDS("pselect6", 4096, BASE + 1, 0, 0, 0, 0),
		"pselect6(4096, 0x1001, NULL, NULL, no timeout, NULL)");
	ck_assert_str_eq(WORDS("pselect6", (uint32_t)-1, BASE, 0, 0, 0, 0),
		"pselect6(-1, [], NULL, NULL, no timeout, NULL)");
	ck_assert_str_eq(WORDS("connect", 3, BASE, UINT32_MAX),
		"connect(3, an address of family 65535, "
		"4294967295)");
	ck_assert_str_eq(WORDS("connect", 3, BASE + ROOM - 1, 16), "connect(3, 0x11ff, 16)");
	ck_assert_str_eq(WORDS("connect", 3, BASE, 1), "connect(3, 0x1000, 1)");
	ck_assert_str_eq(WORDS("open", BASE + ROOM - 1, 0), "open(0x11ff, O_RDONLY)");
}
END_TEST

START_TEST(paths)
{
	usual();
	strcpy((char *)m.bytes + 16, "/tmp/a\nb\x1b");
	ck_assert_str_eq(WORDS("openat", (uint32_t)AT_FDCWD, BASE + 16, 0),
		"openat(AT_FDCWD, \"/tmp/a\nb\x1b\", O_RDONLY)");
	ck_assert_str_eq(WORDS("openat", 4, BASE + 16, 02000101 | 0100000000, 0640),
		"openat(4, \"/tmp/a\nb\x1b\", O_WRONLY|O_CREAT|O_CLOEXEC|0x1000000, 0640)");
	ck_assert_str_eq(
		words_of(number_of("openat"), (const uint64_t[CALL_ARGS]){ 4, BASE + 16, 0 }, true),
		"openat(4, \"...\", O_RDONLY)");
	ck_assert_str_eq(WORDS("rename", BASE + 16, 0), "rename(\"/tmp/a\nb\x1b\", NULL)");
	ck_assert_str_eq(WORDS("open", BASE, 0200000 | 02), "open(\"\", O_RDWR|O_DIRECTORY)");
	become(EM_AARCH64, 8, ORDER_LITTLE);
	ck_assert_str_eq(WORDS("openat", (uint32_t)AT_FDCWD, BASE, 0200000 | 0400000),
		"openat(AT_FDCWD, \"\", O_RDONLY|O_DIRECT|O_LARGEFILE)");
}
END_TEST

START_TEST(addresses_of_sockets)
{
	usual();
	put(0, 2, 2);
	memcpy(m.bytes + 2, "\x1f\x90\x0a\x01\x02\x03", 6);
	ck_assert_str_eq(WORDS("connect", 3, BASE, 16), "connect(3, 10.1.2.3:8080, 16)");
	ck_assert_str_eq(
		words_of(number_of("connect"), (const uint64_t[CALL_ARGS]){ 3, BASE, 16 }, true),
		"connect(3, address, 16)");
	ck_assert_str_eq(WORDS("connect", 3, BASE, 8), "connect(3, an address of family 2, 8)");
	put(64, 2, 10);
	memcpy(m.bytes + 66, "\x00\x50", 2);
	m.bytes[64 + 8 + 15] = 1;
	ck_assert_str_eq(WORDS("sendto", 3, 0x10, 5, 0x4000, BASE + 64, 28),
		"sendto(3, 0x10, 5, MSG_NOSIGNAL, [::1]:80, 28)");
	put(128, 2, 1);
	memcpy(m.bytes + 130, "/run/x", 7);
	ck_assert_str_eq(WORDS("connect", 3, BASE + 128, 110), "connect(3, /run/x, 110)");
	ck_assert_str_eq(WORDS("connect", 3, BASE + 128, 6), "connect(3, /run, 6)");
	m.bytes[130] = 0;
	ck_assert_str_eq(WORDS("connect", 3, BASE + 128, 8), "connect(3, @run/x, 8)");
	ck_assert_str_eq(
		WORDS("connect", 3, BASE + 128, 2), "connect(3, an address of family 1, 2)");
	become(EM_S390, 8, ORDER_BIG);
	put(0, 2, 2);
	memcpy(m.bytes + 2, "\x1f\x90\x0a\x01\x02\x03", 6);
	ck_assert_str_eq(WORDS("connect", 3, BASE, 16), "connect(3, 10.1.2.3:8080, 16)");
}
END_TEST

START_TEST(signals_and_children)
{
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		become(machines[i].machine, machines[i].ptr_size, machines[i].order);
		unsigned size = m.arch->ptr_size;
		put(0, size, 1u << 14 | 1u << 1); /* SIGTERM, SIGINT, and 34 */
		put(size == 8 ? 0 : 4, size, size == 8 ? 1ull << 33 | 1u << 14 | 1u << 1 : 2);
		ck_assert_str_eq(WORDS("rt_sigtimedwait", BASE, 0, 0, 8),
			"rt_sigtimedwait([SIGINT SIGTERM 34], NULL, no timeout, 8)");
		memset(m.bytes, 0xff, 8);
		put(0, size, ~(1ull << 9));
		ck_assert_str_eq(
			WORDS("rt_sigsuspend", BASE, 8), "rt_sigsuspend(all but [SIGUSR1], 8)");
		ck_assert_str_eq(WORDS("wait4", 4711, 0, 0, 0), "wait4(4711, NULL, 0, NULL)");
		ck_assert_str_eq(WORDS("wait4", UINT32_MAX, 0, 3, 0),
			"wait4(any child, NULL, WNOHANG|WUNTRACED, NULL)");
		ck_assert_str_eq(WORDS("wait4", 0, 0, 0, 0),
			"wait4(any child of its process group, NULL, 0, NULL)");
		ck_assert_str_eq(WORDS("wait4", (uint32_t)INT32_MIN, 0, 0, 0),
			"wait4(any child of process group 2147483648, NULL, 0, NULL)");
		ck_assert_str_eq(WORDS("waitid", 1, 4711, 0, 4 | 0x1000000, 0),
			"waitid(P_PID, 4711, NULL, WEXITED|WNOWAIT, NULL)");
		ck_assert_str_eq(WORDS("waitid", 9, 4, 0, 0, 0), "waitid(9, 4, NULL, 0, NULL)");
	}
}
END_TEST

START_TEST(locks_of_files)
{
	usual();
	put(0, 2, 1);
	put(2, 2, 0);
	put(8, 8, 100);
	put(16, 8, 20);
	ck_assert_str_eq(
		WORDS("fcntl", 3, 7, BASE), "fcntl(3, F_SETLKW, F_WRLCK of 20 bytes at 100)");
	ck_assert_str_eq(
		WORDS("fcntl", 3, 38, BASE), "fcntl(3, F_OFD_SETLKW, F_WRLCK of 20 bytes at 100)");
	ck_assert_str_eq(WORDS("fcntl", 3, 3, BASE), "fcntl(3, F_GETFL)");
	ck_assert_str_eq(WORDS("fcntl", 3, 1030, 5), "fcntl(3, 1030, 0x5)");
	ck_assert_str_eq(WORDS("fcntl", 3, 7, BASE + ROOM - 8), "fcntl(3, F_SETLKW, 0x11f8)");
	put(0, 2, 3);
	ck_assert_str_eq(WORDS("fcntl", 3, 7, BASE), "fcntl(3, F_SETLKW, 0x1000)");
	become(EM_386, 4, ORDER_LITTLE);
	put(0, 2, 0);
	put(2, 2, 2);
	put(4, 8, (uint64_t)-5);
	put(12, 8, 0);
	ck_assert_str_eq(WORDS("fcntl64", 3, 14, BASE),
		"fcntl64(3, F_SETLKW64, F_RDLCK of all bytes from end-5 on)");
}
END_TEST

/* Of a 32-bit machine: offsets are split and left out, the elder select takes one pointer. */
START_TEST(narrow_machines)
{
	become(EM_386, 4, ORDER_LITTLE);
	ck_assert_str_eq(WORDS("pread64", 3, 0x10, 5, 7, 0), "pread64(3, 0x10, 5)");
	ck_assert_str_eq(
		WORDS("select", 0xb000, 2, 3, 4, 5, 6), "select(0xb000, 0x2, 0x3, 0x4, 0x5, 0x6)");
	ck_assert_str_eq(
		WORDS("_newselect", 0, 0, 0, 0, 0), "_newselect(0, NULL, NULL, NULL, no timeout)");
	ck_assert_str_eq(WORDS("waitpid", 5, 0, 0), "waitpid(5, NULL, 0)");
}
END_TEST

/* Where each machine's registers have arguments and result, and what the result says. */
START_TEST(registers_of_calls)
{
	static const struct {
		int args[CALL_ARGS], result;
	} at[] = { { { 14, 13, 12, 7, 9, 8 }, 10 }, { { 0, 1, 2, 3, 4, 5 }, 6 },
		{ { 0, 1, 2, 3, 4, 5 }, -1 }, { { 17, 1, 2, 3, 4, 5 }, -1 },
		{ { 17, 1, 2, 3, 4, 5 }, -1 }, { { 26, 5, 6, 7, 8, 9 }, 4 },
		{ { 34, 4, 5, 6, 7, 8 }, -1 } };
	become(machines[_i].machine, machines[_i].ptr_size, machines[_i].order);
	uint8_t raw[64 * 8] = { 0 };
	unsigned size = (unsigned)m.arch->reg_size;
	for (unsigned k = 0; k < m.arch->regs_size / size; k++)
		raw[k * size + (m.mem.base.order == ORDER_LITTLE ? 0 : size - 1)] =
			(uint8_t)(k + 1);
	struct core_regs r = core_regs_parse(m.arch, m.mem.base.order, raw, m.arch->regs_size);
	for (int k = 0; k < CALL_ARGS; k++)
		ck_assert_uint_eq(r.syscall_args[k], (uint64_t)at[_i].args[k] + 1);
	ck_assert_int_eq(r.has_result, at[_i].result >= 0);
	if (r.has_result)
		ck_assert_int_eq(r.result, at[_i].result + 1);
}
END_TEST

START_TEST(calls_that_are_over)
{
	static const struct {
		int64_t result;
		bool in;
	} rows[] = { { -ENOSYS, true }, { -EINTR, true }, { -512, true }, { -514, true },
		{ -516, true }, { 0, false }, { 5, false }, { -EAGAIN, false }, { -511, false },
		{ -517, false } };
	usual();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct os_thread th = { .regs = { .has_syscall = true,
						.syscall = 34,
						.has_result = true,
						.result = rows[i].result } };
		struct thread_call c = { 0 };
		ck_assert_msg(target_call(&m.target, &th, false, &c) == rows[i].in, "%" PRId64,
			rows[i].result);
		thread_call_fini(&c);
	}
	struct os_thread none = { .regs = { .has_syscall = true, .syscall = -1 } };
	struct thread_call c = { 0 };
	ck_assert(!target_call(&m.target, &none, false, &c));
	none.regs.has_syscall = false;
	ck_assert(!target_call(&m.target, &none, false, &c));
	/* where the result is in the place of the first argument */
	become(EM_AARCH64, 8, ORDER_LITTLE);
	ck_assert_str_eq(WORDS("read", (uint64_t)-EINTR, 0x10, 5), "read(?, 0x10, 5)");
	ck_assert_str_eq(WORDS("read", 3, 0x10, 5), "read(3, 0x10, 5)");
}
END_TEST

START_TEST(states)
{
	ck_assert_str_eq(thread_state_words('S'), "sleeping");
	ck_assert_str_eq(thread_state_words('R'), "running");
	ck_assert_ptr_null(thread_state_words(0));
	ck_assert_ptr_null(thread_state_words('?'));
}
END_TEST

Suite *suite_activity(void)
{
	Suite *s = suite_create("activity");
	TCase *t = tcase_create("words");
	tcase_add_test(t, numbers_of_this_machine);
	tcase_add_loop_test(t, numbers_of_all_machines, 0, ARRAY_LEN(machines));
	tcase_add_test(t, plain_arguments);
	tcase_add_test(t, times);
	tcase_add_test(t, times_that_are_none);
	tcase_add_test(t, futexes);
	tcase_add_test(t, descriptors_of_many);
	tcase_add_test(t, hostile_counts);
	tcase_add_test(t, paths);
	tcase_add_test(t, addresses_of_sockets);
	tcase_add_test(t, signals_and_children);
	tcase_add_test(t, locks_of_files);
	tcase_add_test(t, narrow_machines);
	tcase_add_loop_test(t, registers_of_calls, 0, ARRAY_LEN(machines));
	tcase_add_test(t, calls_that_are_over);
	tcase_add_test(t, states);
	suite_add_tcase(s, t);
	suite_add_tcase(s, activity_proc_case());
	suite_add_tcase(s, activity_live_case());
	return s;
}
