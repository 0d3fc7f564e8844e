/* SPDX-License-Identifier: Apache-2.0 */
/* Times and clocks in the arguments of system calls (Linux include/uapi/linux/time.h,
 * time_types.h): two words, seconds and a fraction. A moment is also given as seen from now. */
#include "activity.h"

#include <inttypes.h>
#include <time.h>

enum { SECOND = 1000000000, MILLISECOND = 1000000, LAST_YEAR = 9999 };

struct moment {
	int64_t seconds, nanoseconds; /* the second below SECOND, not negative */
};

/* Two words at addr, the second in units of `unit` nanoseconds. False: they cannot be had, or are
 * no time. */
static bool read_time(struct call_words *w, uint64_t addr, int64_t unit, struct moment *ret)
{
	unsigned size = w->time64 ? 8 : w->at->mem->ptr_size;
	uint8_t bytes[16];
	enum byte_order order = w->at->mem->order;
	if (failed(mem_read(w->at->mem, addr, bytes, (size_t)size * 2)))
		return false;
	int64_t seconds = bytes_int(bytes, size, order),
		part = bytes_int(bytes + size, size, order);
	if (seconds < 0 || part < 0 || part >= SECOND / unit)
		return false;
	*ret = (struct moment){ .seconds = seconds, .nanoseconds = part * unit };
	return true;
}

/* "1.5 s"; of whole seconds what is finer than a millisecond is left out. */
static void say_seconds(struct call_words *w, struct moment m)
{
	int64_t left = m.nanoseconds - (m.seconds ? m.nanoseconds % MILLISECOND : 0);
	say(w, "%" PRId64 "%s", m.seconds, left ? "." : "");
	for (int64_t step = SECOND / 10; left; step /= 10) {
		say(w, "%d", (int)(left / step));
		left %= step;
	}
	say(w, " s");
}

static void say_duration(struct call_words *w, unsigned i, int64_t unit)
{
	uint64_t addr = w->args[i];
	struct moment m;
	if (!addr)
		say(w, "no timeout");
	else if (read_time(w, addr, unit, &m))
		say_seconds(w, m);
	else
		say_address(w, addr);
}

void arg_timespec(struct call_words *w, unsigned i)
{
	say_duration(w, i, 1);
}

void arg_timeval(struct call_words *w, unsigned i)
{
	say_duration(w, i, 1000);
}

void arg_milliseconds(struct call_words *w, unsigned i)
{
	int32_t ms = int_argument(w, i);
	if (ms < 0)
		say(w, "no timeout");
	else
		say_seconds(w, (struct moment){ ms / 1000, (int64_t)(ms % 1000) * MILLISECOND });
}

void arg_clock(struct call_words *w, unsigned i)
{
	int32_t clock = int_argument(w, i);
	static const char *const names[] = { "CLOCK_REALTIME", "CLOCK_MONOTONIC",
		"CLOCK_PROCESS_CPUTIME_ID", "CLOCK_THREAD_CPUTIME_ID", "CLOCK_MONOTONIC_RAW",
		"CLOCK_REALTIME_COARSE", "CLOCK_MONOTONIC_COARSE", "CLOCK_BOOTTIME",
		"CLOCK_REALTIME_ALARM", "CLOCK_BOOTTIME_ALARM", NULL, "CLOCK_TAI" };
	if (clock >= 0 && (size_t)clock < ARRAY_LEN(names) && names[clock])
		say(w, "%s", names[clock]);
	else
		say(w, "%" PRId32, clock);
}

/* "2026-11-23T10:21:00Z", as far as there are such years. */
static bool say_date(struct call_words *w, struct moment m)
{
	time_t seconds = (time_t)m.seconds;
	struct tm tm;
	if (!gmtime_r(&seconds, &tm) || tm.tm_year + 1900 > LAST_YEAR)
		return false;
	say(w, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		tm.tm_hour, tm.tm_min, tm.tm_sec);
	return true;
}

/* Those of the clock that go on the same for everyone. */
static bool is_known_clock(const struct call_words *w, int32_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_TAI ||
	       (w->at->own_clocks && (clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME));
}

/* False: this machine's clock is not the one, or the moment of a core is over. */
static bool read_now(const struct call_words *w, int32_t clock, struct moment *ret)
{
	struct timespec now;
	if (!w->at->dir || !is_known_clock(w, clock) || clock_gettime(clock, &now) < 0)
		return false;
	*ret = (struct moment){ now.tv_sec, now.tv_nsec };
	return true;
}

/* "in 1.5 s", "1.5 s ago" */
static void say_distance(struct call_words *w, struct moment m, struct moment now)
{
	bool over = m.seconds < now.seconds ||
		    (m.seconds == now.seconds && m.nanoseconds < now.nanoseconds);
	struct moment a = over ? now : m, b = over ? m : now;
	bool borrow = a.nanoseconds < b.nanoseconds;
	say(w, over ? "" : "in ");
	say_seconds(w, (struct moment){ a.seconds - b.seconds - borrow,
			       a.nanoseconds - b.nanoseconds + (borrow ? SECOND : 0) });
	say(w, over ? " ago" : "");
}

static void say_moment(struct call_words *w, struct moment m, int32_t clock)
{
	struct moment now;
	bool has_now = read_now(w, clock, &now);
	bool has_date = clock == CLOCK_REALTIME && say_date(w, m);
	say(w, has_date && has_now ? " (" : "");
	if (has_now) {
		say_distance(w, m, now);
	} else if (!has_date) {
		say(w, "at ");
		say_seconds(w, m);
	}
	say(w, has_date && has_now ? ")" : "");
}

void say_deadline(struct call_words *w, unsigned i, int32_t clock)
{
	uint64_t addr = w->args[i];
	struct moment m;
	if (!addr)
		say(w, "no timeout");
	else if (read_time(w, addr, 1, &m))
		say_moment(w, m, clock);
	else
		say_address(w, addr);
}

void arg_deadline(struct call_words *w, unsigned i)
{
	say_deadline(w, i, CLOCK_REALTIME);
}

/* Of clock_nanosleep: behind the clock and the flags, which say from when on. */
void arg_timer(struct call_words *w, unsigned i)
{
	enum { ABSOLUTE = 1 };
	if (w->args[i - 1] & ABSOLUTE)
		say_deadline(w, i, int_argument(w, i - 2));
	else
		arg_timespec(w, i);
}
