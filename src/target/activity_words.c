/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A system call in words, much as strace(1) writes it: the manual's names for numbers and flags,
 * and behind a descriptor in angle brackets what it is. A pointer that cannot be followed is shown
 * as an address.
 */
#include "activity.h"

#include "pycore/alloc.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

static void add_piece(struct call_words *w, struct call_piece piece)
{
	w->pieces = xgrow(w->pieces, &w->cap, w->n, sizeof(*w->pieces));
	if (piece.text)
		piece.text = arena_copy(w->at->arena, piece.text, strlen(piece.text));
	w->pieces[w->n++] = piece;
}

/* What was said becomes a piece of the argument. */
static void flush_words(struct call_words *w)
{
	if (w->said.len)
		add_piece(
			w, (struct call_piece){ .kind = PIECE_WORDS, .text = str_text(&w->said) });
	str_clear(&w->said);
}

void say(struct call_words *w, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	str_vaddf(&w->said, fmt, ap);
	va_end(ap);
}

void say_piece(struct call_words *w, struct call_piece piece)
{
	flush_words(w);
	add_piece(w, piece);
}

void say_text(struct call_words *w, const char *text, const char *redacted)
{
	say_piece(w, (struct call_piece){ .kind = PIECE_TEXT, .text = text, .redacted = redacted });
}

void end_argument(struct call_words *w)
{
	flush_words(w);
	if (w->to->n < CALL_ARGS) {
		struct call_piece *list = arena_alloc(w->at->arena, w->n * sizeof(*list));
		if (w->n)
			memcpy(list, w->pieces, w->n * sizeof(*list));
		w->to->arguments[w->to->n++] = (struct call_argument){ .pieces = list, .n = w->n };
	}
	w->n = 0;
}

void say_flags(struct call_words *w, uint64_t value, const struct flag_name *names, size_t n)
{
	const char *between = "";
	for (size_t i = 0; i < n; i++) {
		if (!names[i].bit || (value & names[i].bit) != names[i].bit)
			continue;
		say(w, "%s%s", between, names[i].name);
		value &= ~names[i].bit;
		between = "|";
	}
	if (value)
		say(w, "%s0x%" PRIx64, between, value);
	else if (!*between)
		say(w, "0");
}

void say_address(struct call_words *w, uint64_t addr)
{
	if (addr)
		say(w, "0x%" PRIx64, addr);
	else
		say(w, "NULL");
}

void arg_address(struct call_words *w, unsigned i)
{
	say_address(w, w->args[i]);
}

static void arg_number(struct call_words *w, unsigned i)
{
	say(w, "%" PRId32, int_argument(w, i));
}

static void arg_count(struct call_words *w, unsigned i)
{
	say(w, "%" PRIu64, w->args[i]);
}

static void arg_hex(struct call_words *w, unsigned i)
{
	say(w, w->args[i] ? "0x%" PRIx64 : "0", w->args[i]);
}

static void arg_offset(struct call_words *w, unsigned i)
{
	say(w, "%" PRId64, (int64_t)w->args[i]);
}

static void arg_mode(struct call_words *w, unsigned i)
{
	say(w, "0%" PRIo32, (uint32_t)w->args[i]);
}

static void arg_timer_flags(struct call_words *w, unsigned i)
{
	say_flags(w, (uint32_t)w->args[i], &(struct flag_name){ 1, "TIMER_ABSTIME" }, 1);
}

/* Linux include/uapi/asm-generic/fcntl.h. Four flags are others on the architectures of ARM and
 * PowerPC: arch/.../include/uapi/asm/fcntl.h. */
static void arg_open(struct call_words *w, unsigned i)
{
	enum { ACCESS = 3, SYNC = 04010000 };
	static const char *const access[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "3" };
	static const uint16_t others[] = { EM_ARM, EM_AARCH64, EM_PPC64 };
	bool other = false;
	for (size_t k = 0; k < ARRAY_LEN(others); k++)
		other |= w->arch && w->arch->machine == others[k];
	const struct flag_name names[] = { { 0100, "O_CREAT" }, { 0200, "O_EXCL" },
		{ 0400, "O_NOCTTY" }, { 01000, "O_TRUNC" }, { 02000, "O_APPEND" },
		{ 04000, "O_NONBLOCK" }, { SYNC, "O_SYNC" }, { 010000, "O_DSYNC" },
		{ other ? 0200000 : 040000, "O_DIRECT" },
		{ other ? 0400000 : 0100000, "O_LARGEFILE" },
		{ 020000000 | (other ? 040000 : 0200000), "O_TMPFILE" },
		{ other ? 040000 : 0200000, "O_DIRECTORY" },
		{ other ? 0100000 : 0400000, "O_NOFOLLOW" }, { 01000000, "O_NOATIME" },
		{ 02000000, "O_CLOEXEC" }, { 010000000, "O_PATH" } };
	uint32_t flags = (uint32_t)w->args[i];
	say(w, "%s", access[flags & ACCESS]);
	if (flags & ~(uint32_t)ACCESS) {
		say(w, "|");
		say_flags(w, flags & ~(uint32_t)ACCESS, names, ARRAY_LEN(names));
	}
}

/* Whether open has a mode behind its flags: O_CREAT and the own bit of O_TMPFILE. */
static bool has_mode(uint32_t flags)
{
	return flags & (0100 | 020000000);
}

static void arg_message(struct call_words *w, unsigned i)
{
	static const struct flag_name names[] = { { 1, "MSG_OOB" }, { 2, "MSG_PEEK" },
		{ 4, "MSG_DONTROUTE" }, { 0x20, "MSG_TRUNC" }, { 0x40, "MSG_DONTWAIT" },
		{ 0x80, "MSG_EOR" }, { 0x100, "MSG_WAITALL" }, { 0x2000, "MSG_ERRQUEUE" },
		{ 0x4000, "MSG_NOSIGNAL" }, { 0x8000, "MSG_MORE" }, { 0x10000, "MSG_WAITFORONE" },
		{ 0x40000000, "MSG_CMSG_CLOEXEC" } };
	say_flags(w, (uint32_t)w->args[i], names, ARRAY_LEN(names));
}

static void arg_accept(struct call_words *w, unsigned i)
{
	static const struct flag_name names[] = { { 04000, "SOCK_NONBLOCK" },
		{ 02000000, "SOCK_CLOEXEC" } };
	say_flags(w, (uint32_t)w->args[i], names, ARRAY_LEN(names));
}

static argument_fn *const say_argument[] = {
	[ARG_ADDRESS] = arg_address,
	[ARG_NUMBER] = arg_number,
	[ARG_COUNT] = arg_count,
	[ARG_HEX] = arg_hex,
	[ARG_OFFSET] = arg_offset,
	[ARG_FD] = arg_descriptor,
	[ARG_EPOLL] = arg_epoll,
	[ARG_DIRFD] = arg_directory,
	[ARG_PATH] = arg_path,
	[ARG_MODE] = arg_mode,
	[ARG_OPEN] = arg_open,
	[ARG_MESSAGE] = arg_message,
	[ARG_ACCEPT] = arg_accept,
	[ARG_SOCKADDR] = arg_sockaddr,
	[ARG_POLLFDS] = arg_pollfds,
	[ARG_FDSET] = arg_fdset,
	[ARG_SIGNAL] = arg_signal,
	[ARG_SIGSET] = arg_sigset,
	[ARG_CLOCK] = arg_clock,
	[ARG_TIMER_FLAGS] = arg_timer_flags,
	[ARG_TIMESPEC] = arg_timespec,
	[ARG_TIMER] = arg_timer,
	[ARG_DEADLINE] = arg_deadline,
	[ARG_TIMEVAL] = arg_timeval,
	[ARG_MILLISECONDS] = arg_milliseconds,
	[ARG_FUTEX] = arg_futex,
	[ARG_CHILD] = arg_child,
	[ARG_CHILD_BY] = arg_child_by,
	[ARG_CHILD_ID] = arg_child_id,
	[ARG_CHILD_OPTIONS] = arg_child_options,
	[ARG_FLOCK] = arg_flock,
	[ARG_FCNTL] = arg_fcntl,
};

/* Whether the call has no argument behind this one. */
static bool is_last(const struct call_words *w, enum argument_kind kind, unsigned i)
{
	return kind == ARG_FUTEX || kind == ARG_FCNTL ||
	       (kind == ARG_OPEN && !has_mode((uint32_t)w->args[i]));
}

static void say_arguments(struct call_words *w, const uint8_t *kinds)
{
	bool splits = w->arch && w->arch->ptr_size < 8;
	for (unsigned i = 0; i < CALL_ARGS; i++) {
		enum argument_kind kind = kinds ? (enum argument_kind)kinds[i] : ARG_HEX;
		if (kind == ARG_END || (kind == ARG_OFFSET && splits))
			return;
		if (!i && w->first_lost)
			say(w, "?");
		else
			say_argument[kind](w, i);
		end_argument(w);
		if (is_last(w, kind, i))
			return;
	}
}

void call_describe(const struct call_place *at, int64_t number, const char *name,
	const uint64_t args[CALL_ARGS], bool first_lost, struct call_record *ret)
{
	*ret = (struct call_record){ .number = number };
	struct call_words w = {
		.at = at,
		.arch = core_arch_find(at->t->machine, at->mem->ptr_size),
		.first_lost = first_lost,
		.to = ret,
	};
	memcpy(w.args, args, sizeof(w.args));
	struct syscall_info info =
		name ? syscall_named(w.arch, name) : syscall_find(w.arch, number);
	w.time64 = info.time64;
	ret->name = info.name;
	if (!name && w.arch && number == w.arch->restart) {
		say(&w, "of nanosleep, poll or futex");
		end_argument(&w);
	} else {
		say_arguments(&w, info.kinds);
	}
	str_fini(&w.said);
	free(w.pieces);
}
