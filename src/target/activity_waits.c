/* SPDX-License-Identifier: Apache-2.0 */
/* Locks, signals and processes in the arguments of system calls: Linux include/uapi/linux/futex.h,
 * fcntl.h; futex(2). */
#include "activity.h"

#include "pycore/alloc.h"
#include "pycore/signals.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { SIGNALS = 64, DIR_ROOM = 512 };

static void say_signal(struct call_words *w, int32_t signo)
{
	const char *name = signal_name(signo);
	if (name)
		say(w, "%s", name);
	else
		say(w, "%" PRId32, signo);
}

void arg_signal(struct call_words *w, unsigned i)
{
	say_signal(w, int_argument(w, i));
}

/* Signal n is bit n - 1 of words of the size of a pointer. */
void arg_sigset(struct call_words *w, unsigned argument)
{
	uint64_t addr = w->args[argument];
	uint8_t bytes[8];
	unsigned size = w->at->mem->ptr_size, word = 8 * size;
	if (!addr || failed(mem_read(w->at->mem, addr, bytes, sizeof(bytes)))) {
		say_address(w, addr);
		return;
	}
	uint64_t set = 0;
	for (unsigned i = 0; i < SIGNALS; i++) {
		uint64_t v = bytes_uint(bytes + i / word * size, size, w->at->mem->order);
		set |= (v >> i % word & 1) << i;
	}
	bool most = __builtin_popcountll(set) > SIGNALS / 2;
	set = most ? ~set : set;
	say(w, most ? "all but [" : "[");
	for (int i = 0, shown = 0; i < SIGNALS; i++) {
		if (!(set >> i & 1))
			continue;
		say(w, shown++ ? " " : "");
		say_signal(w, i + 1);
	}
	say(w, "]");
}

void say_process(struct call_words *w, int32_t pid)
{
	char dir[DIR_ROOM];
	struct live_stat stat;
	say(w, "%" PRId32, pid);
	if (!w->at->proc || !w->at->own_pids)
		return;
	snprintf(dir, sizeof(dir), "%s/%" PRId32, w->at->proc, pid);
	if (failed(live_read_stat(dir, &stat)))
		return;
	AUTO_FREE char *name = xasprintf(" (%s)", stat.name);
	say_text(w, name, "");
}

void arg_child_options(struct call_words *w, unsigned i)
{
	static const struct flag_name names[] = { { 1, "WNOHANG" }, { 2, "WUNTRACED" },
		{ 4, "WEXITED" }, { 8, "WCONTINUED" }, { 0x1000000, "WNOWAIT" },
		{ 0x20000000, "__WNOTHREAD" }, { 0x40000000, "__WALL" },
		{ 0x80000000, "__WCLONE" } };
	say_flags(w, (uint32_t)w->args[i], names, ARRAY_LEN(names));
}

void arg_child(struct call_words *w, unsigned i)
{
	int32_t pid = int_argument(w, i);
	if (pid > 0)
		say_process(w, pid);
	else if (pid == -1)
		say(w, "any child");
	else if (!pid)
		say(w, "any child of its process group");
	else
		say(w, "any child of process group %" PRId64, -(int64_t)pid);
}

enum { BY_ALL, BY_PID, BY_PGID, BY_PIDFD }; /* include/uapi/linux/wait.h */

void arg_child_by(struct call_words *w, unsigned i)
{
	static const char *const names[] = {
		[BY_ALL] = "P_ALL", [BY_PID] = "P_PID", [BY_PGID] = "P_PGID", [BY_PIDFD] = "P_PIDFD"
	};
	int32_t by = int_argument(w, i);
	if (by >= 0 && (size_t)by < ARRAY_LEN(names))
		say(w, "%s", names[by]);
	else
		say(w, "%" PRId32, by);
}

void arg_child_id(struct call_words *w, unsigned i)
{
	int32_t by = int_argument(w, i - 1), id = int_argument(w, i);
	if (by == BY_PID)
		say_process(w, id);
	else if (by == BY_PIDFD)
		say_descriptor(w, id);
	else
		say(w, "%" PRId32, id);
}

/* The lock is named by the file; who has it is looked up when it is to be shown. */
static void say_lock_holder(struct call_words *w, const char *by)
{
	char path[DIR_ROOM];
	struct stat st;
	if (!w->at->dir)
		return;
	snprintf(path, sizeof(path), "%s/fd/%" PRId32, w->at->dir, int_argument(w, 0));
	if (stat(path, &st) == 0)
		say_piece(w, (struct call_piece){
				     .kind = PIECE_HOLDER, .text = by, .inode = st.st_ino });
}

void arg_flock(struct call_words *w, unsigned i)
{
	enum { NB = 4 };
	static const char *const names[] = { [1] = "LOCK_SH", [2] = "LOCK_EX", [8] = "LOCK_UN" };
	uint32_t op = (uint32_t)w->args[i], what = op & ~(uint32_t)NB;
	if (what >= ARRAY_LEN(names) || !names[what]) {
		say(w, "0x%" PRIx32, op);
		return;
	}
	say(w, "%s%s", names[what], op & NB ? "|LOCK_NB" : "");
	say_lock_holder(w, "flock");
}

/* struct flock: short type and whence, then start and length. In struct flock64 of a 32-bit machine
 * these are of 8 bytes, aligned to 4 on i386 and to 8 elsewhere. */
static void say_file_lock(struct call_words *w, uint64_t addr, bool wide)
{
	static const char *const types[] = { "F_RDLCK", "F_WRLCK", "F_UNLCK" };
	static const char *const whence[] = { "", "position", "end" };
	unsigned ptr = w->at->mem->ptr_size, size = wide ? 8 : ptr;
	unsigned at = wide && !(ptr == 4 && w->arch && w->arch->machine == EM_386) ? 8 : ptr;
	uint8_t b[24];
	enum byte_order order = w->at->mem->order;
	if (failed(mem_read(w->at->mem, addr, b, at + 2 * size))) {
		say_address(w, addr);
		return;
	}
	uint64_t type = bytes_uint(b, 2, order), from = bytes_uint(b + 2, 2, order);
	int64_t start = bytes_int(b + at, size, order), n = bytes_int(b + at + size, size, order);
	if (type >= ARRAY_LEN(types) || from >= ARRAY_LEN(whence)) {
		say_address(w, addr);
		return;
	}
	say(w, "%s of ", types[type]);
	if (n)
		say(w, "%" PRId64 " bytes at ", n);
	else
		say(w, "all bytes from ");
	say(w, from ? "%s%+" PRId64 : "%s%" PRId64, whence[from], start);
	say(w, n ? "" : " on");
}

enum { LOCK_GET = 5, LOCK_SET, LOCK_WAIT, LOCK_GET64 = 12, LOCK_SET64, LOCK_WAIT64 };
enum { OFD_GET = 36, OFD_SET, OFD_WAIT };

static bool is_lock(uint32_t command)
{
	return (command >= LOCK_GET && command <= LOCK_WAIT) ||
	       (command >= LOCK_GET64 && command <= LOCK_WAIT64) ||
	       (command >= OFD_GET && command <= OFD_WAIT);
}

/* Linux include/uapi/asm-generic/fcntl.h, include/uapi/linux/fcntl.h. */
static const char *fcntl_name(uint32_t command)
{
	static const char *const names[] = { [0] = "F_DUPFD",
		"F_GETFD",
		"F_SETFD",
		"F_GETFL",
		"F_SETFL",
		[LOCK_GET] = "F_GETLK",
		"F_SETLK",
		"F_SETLKW",
		[LOCK_GET64] = "F_GETLK64",
		"F_SETLK64",
		"F_SETLKW64",
		[OFD_GET] = "F_OFD_GETLK",
		"F_OFD_SETLK",
		"F_OFD_SETLKW" };
	return command < ARRAY_LEN(names) ? names[command] : NULL;
}

void arg_fcntl(struct call_words *w, unsigned i)
{
	enum { GETFD = 1, GETFL = 3 };
	uint32_t command = (uint32_t)w->args[i];
	const char *name = fcntl_name(command);
	if (name)
		say(w, "%s", name);
	else
		say(w, "%" PRIu32, command);
	if (command == LOCK_WAIT || command == LOCK_WAIT64 || command == OFD_WAIT)
		say_lock_holder(w, "fcntl");
	if (command == GETFD || command == GETFL)
		return;
	end_argument(w);
	if (is_lock(command))
		say_file_lock(w, w->args[i + 1], command > LOCK_WAIT);
	else
		arg_address(w, i + 1);
}

enum futex_op {
	OP_WAIT,
	OP_WAKE,
	OP_FD,
	OP_REQUEUE,
	OP_CMP_REQUEUE,
	OP_WAKE_OP,
	OP_LOCK_PI,
	OP_UNLOCK_PI,
	OP_TRYLOCK_PI,
	OP_WAIT_BITSET,
	OP_WAKE_BITSET,
	OP_WAIT_REQUEUE_PI,
	OP_CMP_REQUEUE_PI,
	OP_LOCK_PI2,
	OPS,
	OP_PRIVATE = 128,
	OP_CLOCK_REALTIME = 256,
};

static void say_futex_op(struct call_words *w, uint32_t op)
{
	static const char *const names[OPS] = { "WAIT", "WAKE", "FD", "REQUEUE", "CMP_REQUEUE",
		"WAKE_OP", "LOCK_PI", "UNLOCK_PI", "TRYLOCK_PI", "WAIT_BITSET", "WAKE_BITSET",
		"WAIT_REQUEUE_PI", "CMP_REQUEUE_PI", "LOCK_PI2" };
	uint32_t what = op & ~(uint32_t)(OP_PRIVATE | OP_CLOCK_REALTIME);
	if (what >= OPS) {
		say(w, "0x%" PRIx32, op);
		return;
	}
	say(w, "FUTEX_%s%s%s", names[what], op & OP_PRIVATE ? "_PRIVATE" : "",
		op & OP_CLOCK_REALTIME ? "|FUTEX_CLOCK_REALTIME" : "");
}

/* A plain wait has a time from now on, the others a moment. */
static void say_futex_time(struct call_words *w, unsigned i, uint32_t op, uint32_t what)
{
	if (what == OP_WAIT)
		arg_timespec(w, i);
	else
		say_deadline(w, i,
			what == OP_LOCK_PI || op & OP_CLOCK_REALTIME ? CLOCK_REALTIME
								     : CLOCK_MONOTONIC);
}

void arg_futex(struct call_words *w, unsigned i)
{
	uint32_t op = (uint32_t)w->args[i];
	uint32_t what = op & ~(uint32_t)(OP_PRIVATE | OP_CLOCK_REALTIME);
	bool locks = what == OP_LOCK_PI || what == OP_LOCK_PI2;
	say_futex_op(w, op);
	if (what == OP_UNLOCK_PI || what == OP_TRYLOCK_PI)
		return;
	if (!locks) {
		end_argument(w);
		say(w, "%" PRIu32, (uint32_t)w->args[i + 1]);
	}
	if (locks || what == OP_WAIT || what == OP_WAIT_BITSET || what == OP_WAIT_REQUEUE_PI) {
		end_argument(w);
		say_futex_time(w, i + 2, op, what);
	}
}
