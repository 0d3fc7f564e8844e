/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asyncio's futures and tasks as C has them (Modules/_asynciomodule.c; the text of their reprs is
 * made in Lib/asyncio/base_futures.py and base_tasks.py), and its event loops, locks and queues.
 */
#include "callbacks.h"
#include "peek.h"

#include <inttypes.h>
#include <string.h>

enum future_state { PENDING, CANCELLED, FINISHED };

static bool styled(const struct repr *r, unsigned style)
{
	return r->h->rt->layout.row->repr & style;
}

/* A reference that is there and not None. */
static bool get_some(const struct py_object *o, enum field f, uint64_t *ret)
{
	return !failed(object_get(o, f, ret)) && *ret && !object_is_none(o->h, *ret);
}

/* " result='x'", " exception=ValueError()" */
static void put_result(struct repr *r, const struct py_object *o)
{
	uint64_t at;
	if (get_some(o, FIELD_future_exception, &at)) {
		repr_put(r, " exception=");
		repr_value(r, at);
		return;
	}
	repr_put(r, " result=");
	if (get_some(o, FIELD_future_result, &at))
		repr_limited(r, at);
	else
		repr_put(r, "None");
}

/* One entry of the list of callbacks: with the context in which it runs, a pair. */
static void put_entry(struct repr *r, uint64_t at)
{
	struct py_object o;
	struct sequence s;
	if (!failed(object_open(r->h, at, &o)) && o.type->flags & TYPE_TUPLE &&
		!failed(sequence_open(&o, &s)) && s.length)
		(void)sequence_item(&s, 0, &at);
	repr_callback(r, at, 0, styled(r, REPR_CALLBACK_BARE));
}

/* The first callback has a place of its own, the others are in a list. Only the outermost two are
 * written. */
static void put_callbacks(struct repr *r, const struct py_object *o)
{
	uint64_t list, callbacks[2] = { 0, 0 }, n = 0;
	struct py_object held;
	struct sequence s = { 0 };
	if (get_some(o, FIELD_future_callback0, &callbacks[0]))
		n++;
	if (get_some(o, FIELD_future_callbacks, &list) && !failed(object_open(o->h, list, &held)) &&
		held.type->flags & TYPE_LIST && !failed(sequence_open(&held, &s)) && s.length) {
		if (!n && failed(sequence_item(&s, 0, &callbacks[0])))
			return;
		if (failed(sequence_item(&s, s.length - 1, &callbacks[1])))
			return;
		n += s.length;
	}
	if (!n)
		return;
	repr_put(r, " cb=[");
	put_entry(r, callbacks[0]);
	if (n > 2)
		repr_putf(r, ", <%" PRIu64 " more>", n - 2);
	if (n > 1) {
		repr_put(r, ", ");
		put_entry(r, callbacks[1]);
	}
	repr_put(r, "]");
}

/* Its name; before somebody asks for it, only the number that it is made of. */
static void put_task_name(struct repr *r, const struct py_object *o)
{
	uint64_t name;
	int64_t number;
	if (!get_some(o, FIELD_task_name, &name))
		return;
	repr_put(r, " name=");
	if (!failed(int_value_at(o->h, name, &number)))
		repr_putf(r, "'Task-%" PRId64 "'", number);
	else
		repr_value(r, name);
}

static void put_task(struct repr *r, const struct py_object *o)
{
	uint64_t at;
	put_task_name(r, o);
	if (get_some(o, FIELD_task_coro, &at)) {
		repr_put(r, " coro=<");
		repr_coroutine(r, at);
		repr_put(r, ">");
	}
	if (get_some(o, FIELD_task_waiter, &at)) {
		repr_put(r, " wait_for=");
		repr_value(r, at);
	}
}

/* Whether somebody asked it to end; those that count requests say so until it is done. */
static bool is_cancelling(const struct py_object *o, uint64_t state)
{
	uint64_t v;
	if (layout_has(&o->h->rt->layout, FIELD_task_cancel_requests))
		return state == PENDING && !failed(object_get(o, FIELD_task_cancel_requests, &v)) &&
		       v;
	return !failed(object_get(o, FIELD_task_must_cancel, &v)) && v;
}

/* To 3.10 one function writes both. */
static struct err render_future(struct repr *r, const struct py_object *o)
{
	bool task = type_is(o->type, "_asyncio.Task");
	static const char *const words[] = { "pending", "cancelled", "finished" };
	uint64_t state, stack;
	TRY(object_get(o, FIELD_future_state, &state));
	if (state > FINISHED)
		return err_at(ERR_CORRUPT, o->addr, "state of a future");
	repr_putf(r, "<%s %s", o->type->name,
		task && is_cancelling(o, state) ? "cancelling" : words[state]);
	if (task)
		put_task(r, o);
	if (state == FINISHED)
		put_result(r, o);
	put_callbacks(r, o);
	if (get_some(o, FIELD_future_source_traceback, &stack))
		repr_created_at(r, stack);
	repr_put(r, ">");
	return NO_ERR;
}

static struct err render_loop(struct repr *r, const struct py_object *o)
{
	uint64_t thread;
	bool closed, debug;
	if (!attribute_find(o, "_thread_id", &thread) || !peek_true(o, "_closed", &closed) ||
		!peek_true(o, "_debug", &debug))
		return render_object(r, o);
	repr_putf(r, "<%s running=%s closed=%s debug=%s>", o->type->name,
		object_is_none(o->h, thread) ? "False" : "True", closed ? "True" : "False",
		debug ? "True" : "False");
	return NO_ERR;
}

/* <asyncio.locks.Lock object at 0x... [locked, waiters:1]> */
static void put_lock(struct repr *r, const struct py_object *o, const char *state, uint64_t waiters)
{
	const char *gap = styled(r, REPR_ASYNC_TIGHT) ? "," : ", ";
	repr_putf(r, "<%s object at 0x%" PRIx64 " [%s", o->type->full, o->addr, state);
	if (waiters)
		repr_putf(r, "%swaiters:%" PRIu64, gap, waiters);
	repr_put(r, "]>");
}

static struct err render_lock(struct repr *r, const struct py_object *o)
{
	bool locked;
	uint64_t waiters;
	if (!peek_true(o, "_locked", &locked) || !peek_length(o, "_waiters", &waiters))
		return render_object(r, o);
	put_lock(r, o, locked ? "locked" : "unlocked", waiters);
	return NO_ERR;
}

static struct err render_condition(struct repr *r, const struct py_object *o)
{
	struct py_object lock;
	bool locked;
	uint64_t waiters;
	if (!peek_object(o, "_lock", &lock) || !peek_true(&lock, "_locked", &locked) ||
		!peek_length(o, "_waiters", &waiters))
		return render_object(r, o);
	put_lock(r, o, locked ? "locked" : "unlocked", waiters);
	return NO_ERR;
}

static struct err render_event(struct repr *r, const struct py_object *o)
{
	bool set;
	uint64_t waiters;
	if (!peek_true(o, "_value", &set) || !peek_length(o, "_waiters", &waiters))
		return render_object(r, o);
	put_lock(r, o, set ? "set" : "unset", waiters);
	return NO_ERR;
}

/* Whether it counts as locked while it has a value and somebody waits depends on who waits, and on
 * the version. */
static struct err render_semaphore(struct repr *r, const struct py_object *o)
{
	int64_t value;
	uint64_t waiters;
	if (!peek_int(o, "_value", &value) || !peek_length(o, "_waiters", &waiters) ||
		(value && waiters))
		return render_object(r, o);
	AUTO_STR(state);
	if (value)
		str_addf(&state, "unlocked,%svalue:%" PRId64,
			styled(r, REPR_ASYNC_TIGHT) ? "" : " ", value);
	else
		str_puts(&state, "locked");
	put_lock(r, o, str_text(&state), waiters);
	return NO_ERR;
}

static struct err render_barrier(struct repr *r, const struct py_object *o)
{
	struct py_object state;
	uint64_t word;
	int64_t count, parties;
	if (!peek_object(o, "_state", &state) || !attribute_find(&state, "_value_", &word) ||
		!peek_int(o, "_count", &count) || !peek_int(o, "_parties", &parties))
		return render_object(r, o);
	repr_putf(r, "<%s object at 0x%" PRIx64 " [", o->type->full, o->addr);
	repr_name(r, word);
	if (!str_is(o->h, word, "broken"))
		repr_putf(r, ", waiters:%" PRId64 "/%" PRId64,
			str_is(o->h, word, "filling") ? count : 0, parties);
	repr_put(r, "]>");
	return NO_ERR;
}

/* list() of a deque: what its repr has in parentheses. */
static void put_items(struct repr *r, uint64_t items)
{
	static const char head[] = "deque(";
	AUTO_STR(text);
	repr_capture(r, items, &text);
	const char *from = str_text(&text);
	size_t n = text.len;
	if (text_starts(from, head) && n > sizeof(head) && from[n - 1] == ')') {
		from += sizeof(head) - 1;
		n -= sizeof(head);
	}
	str_add(r->to, from, n);
}

static struct err render_queue(struct repr *r, const struct py_object *o)
{
	static const char *const counts[] = { "_getters", "_putters" };
	uint64_t maxsize, items, n;
	int64_t tasks;
	bool any, shutdown = false;
	if (!attribute_find(o, "_maxsize", &maxsize) || !peek_int(o, "_unfinished_tasks", &tasks))
		return render_object(r, o);
	repr_putf(r, "<%s at 0x%" PRIx64 " maxsize=", o->type->name, o->addr);
	repr_value(r, maxsize);
	if (attribute_find(o, "_queue", &items) && object_true(o->h, items, &any) && any) {
		repr_put(r, " _queue=");
		put_items(r, items);
	}
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		if (peek_length(o, counts[i], &n) && n)
			repr_putf(r, " %s[%" PRIu64 "]", counts[i], n);
	}
	if (tasks)
		repr_putf(r, " tasks=%" PRId64, tasks);
	if (peek_true(o, "_is_shutdown", &shutdown) && shutdown)
		repr_put(r, " shutdown");
	repr_put(r, ">");
	return NO_ERR;
}

/* Whether callbacks are written without what they are called with. */
static bool handle_is_bare(const struct repr *r, const struct py_object *o)
{
	struct py_object loop;
	bool debug;
	return styled(r, REPR_CALLBACK_BARE) &&
	       !(peek_object(o, "_loop", &loop) && peek_true(&loop, "_debug", &debug) && debug);
}

static struct err render_handle(struct repr *r, const struct py_object *o)
{
	struct py_object kept, callback;
	bool cancelled = false;
	uint64_t at, args = 0;
	if (peek_object(o, "_repr", &kept)) { /* what it was before it was cancelled */
		if (r->limits->redact)
			repr_value(r, kept.addr);
		else
			repr_name(r, kept.addr);
		return NO_ERR;
	}
	(void)peek_true(o, "_cancelled", &cancelled);
	repr_putf(r, "<%s%s", o->type->name, cancelled ? " cancelled" : "");
	if (type_is(o->type, "asyncio.events.TimerHandle") && attribute_find(o, "_when", &at)) {
		repr_put(r, " when=");
		repr_value(r, at);
	}
	if (peek_object(o, "_callback", &callback)) {
		(void)attribute_find(o, "_args", &args);
		repr_put(r, " ");
		repr_callback(r, callback.addr, args, handle_is_bare(r, o));
	}
	if (attribute_find(o, "_source_traceback", &at))
		repr_created_at(r, at);
	repr_put(r, ">");
	return NO_ERR;
}

static struct err render_task_group(struct repr *r, const struct py_object *o)
{
	uint64_t tasks, errors;
	bool aborting, entered;
	if (!peek_length(o, "_tasks", &tasks) || !peek_length(o, "_errors", &errors) ||
		!peek_true(o, "_aborting", &aborting) || !peek_true(o, "_entered", &entered))
		return render_object(r, o);
	repr_put(r, "<TaskGroup");
	if (tasks)
		repr_putf(r, " tasks=%" PRIu64, tasks);
	if (errors)
		repr_putf(r, " errors=%" PRIu64, errors);
	repr_put(r, aborting ? " cancelling>" : entered ? " entered>" : ">");
	return NO_ERR;
}

const struct kind kinds_asyncio[] = {
	{ "_asyncio.Future", render_future, KIND_CONTAINER, "..." },
	{ "_asyncio.Task", render_future, KIND_CONTAINER, "..." },
	{ "asyncio.base_events.BaseEventLoop", render_loop, KIND_BY_PYTHON },
	{ "asyncio.locks.Lock", render_lock, KIND_BY_PYTHON },
	{ "asyncio.locks.Condition", render_condition, KIND_BY_PYTHON },
	{ "asyncio.locks.Event", render_event, KIND_BY_PYTHON },
	{ "asyncio.locks.Semaphore", render_semaphore, KIND_BY_PYTHON },
	{ "asyncio.locks.Barrier", render_barrier, KIND_BY_PYTHON },
	{ "asyncio.queues.Queue", render_queue, KIND_BY_PYTHON | KIND_CONTAINER | KIND_UNGUARDED,
		NULL },
	{ "asyncio.events.Handle", render_handle, KIND_BY_PYTHON | KIND_CONTAINER | KIND_UNGUARDED,
		NULL },
	{ "asyncio.taskgroups.TaskGroup", render_task_group, KIND_BY_PYTHON },
	{ 0 },
};
