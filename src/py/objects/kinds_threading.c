/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads and what they wait on (Lib/threading.py, Modules/_threadmodule.c, Lib/queue.py,
 * Lib/concurrent/futures/_base.py). Where an attribute is not what the library left there, the
 * object is shown as any other.
 */
#include "peek.h"

#include "pycore/limits.h"

#include <inttypes.h>
#include <string.h>

static struct err render_lock(struct repr *r, const struct py_object *o)
{
	bool held;
	if (!lock_is_held(o, &held))
		return render_object(r, o);
	repr_putf(r, "<%slocked %s object at 0x%" PRIx64 ">", held ? "" : "un", o->type->full,
		o->addr);
	return NO_ERR;
}

/* Where a mutex tells whether it is held, the count is of what comes on top. The owner is written
 * as a signed number; since it is not (3.13 on), it has 64 bits everywhere. */
static struct err render_rlock(struct repr *r, const struct py_object *o)
{
	int64_t owner;
	uint64_t count, mutex;
	TRY(object_get_int(o, FIELD_rlock_owner, &owner));
	TRY(object_get(o, FIELD_rlock_count, &count));
	if (!failed(object_get(o, FIELD_rlock_mutex, &mutex)))
		count = mutex & 1 ? count + 1 : 0;
	repr_putf(r, "<%slocked %s object owner=%" PRId64 " count=%" PRIu64 " at 0x%" PRIx64 ">",
		count ? "" : "un", type_raw_name(o->type), owner, count, o->addr);
	return NO_ERR;
}

/* The thread of an ident in threading._active; false: there is none. */
static bool find_thread(struct heap *h, int64_t ident, struct py_object *ret)
{
	uint64_t active, thread;
	return peek_module(h, "threading", "_active", &active) &&
	       dict_find_int(h, active, ident, &thread) && !failed(object_open(h, thread, ret));
}

/* The owner of a lock of Python's: the name of its thread, else the number. */
static void put_owner(struct repr *r, uint64_t owner)
{
	struct py_object thread;
	uint64_t name;
	int64_t ident;
	if (!failed(int_value_at(r->h, owner, &ident)) && find_thread(r->h, ident, &thread) &&
		(attribute_find(&thread, "_name", &name) ||
			attribute_find(&thread, "_Thread__name", &name)))
		repr_value(r, name);
	else
		repr_value(r, owner);
}

/* threading._RLock, the one that is written in Python. */
static struct err render_python_rlock(struct repr *r, const struct py_object *o)
{
	uint64_t owner;
	int64_t count;
	struct py_object block;
	bool held;
	if (attribute_find(o, "_RLock__owner", &owner) && peek_int(o, "_RLock__count", &count)) {
		repr_putf(r, "<%s owner=", o->type->name);
		put_owner(r, owner);
		repr_putf(r, " count=%" PRId64 ">", count);
		return NO_ERR;
	}
	if (!attribute_find(o, "_owner", &owner) || !peek_int(o, "_count", &count) ||
		!peek_object(o, "_block", &block) || !lock_is_held(&block, &held))
		return render_object(r, o);
	repr_putf(r, "<%slocked %s object owner=", held ? "" : "un", o->type->full);
	put_owner(r, owner);
	repr_putf(r, " count=%" PRId64 " at 0x%" PRIx64 ">", count, o->addr);
	return NO_ERR;
}

static struct err render_condition(struct repr *r, const struct py_object *o)
{
	uint64_t lock, waiters;
	if (!(attribute_find(o, "_lock", &lock) && peek_length(o, "_waiters", &waiters)) &&
		!(attribute_find(o, "_Condition__lock", &lock) &&
			peek_length(o, "_Condition__waiters", &waiters)))
		return render_object(r, o);
	repr_put(r, "<Condition(");
	repr_value(r, lock);
	repr_putf(r, ", %" PRIu64 ")>", waiters);
	return NO_ERR;
}

/* <threading.Event at 0x...: */
static void put_state_head(struct repr *r, const struct py_object *o)
{
	repr_putf(r, "<%s at 0x%" PRIx64 ": ", o->type->full, o->addr);
}

static struct err render_event(struct repr *r, const struct py_object *o)
{
	bool set;
	if (!peek_true(o, "_flag", &set))
		return render_object(r, o);
	put_state_head(r, o);
	repr_put(r, set ? "set>" : "unset>");
	return NO_ERR;
}

static struct err render_semaphore(struct repr *r, const struct py_object *o)
{
	int64_t value;
	if (!peek_int(o, "_value", &value))
		return render_object(r, o);
	put_state_head(r, o);
	repr_putf(r, "value=%" PRId64 ">", value);
	return NO_ERR;
}

static struct err render_bounded(struct repr *r, const struct py_object *o)
{
	int64_t value, initial;
	if (!peek_int(o, "_value", &value) || !peek_int(o, "_initial_value", &initial))
		return render_object(r, o);
	put_state_head(r, o);
	repr_putf(r, "value=%" PRId64 "/%" PRId64 ">", value, initial);
	return NO_ERR;
}

/* Only while it fills does its count say who waits. */
static struct err render_barrier(struct repr *r, const struct py_object *o)
{
	enum { FILLING = 0, BROKEN = -2 };
	int64_t state, count, parties;
	if (!peek_int(o, "_state", &state) || !peek_int(o, "_count", &count) ||
		!peek_int(o, "_parties", &parties))
		return render_object(r, o);
	put_state_head(r, o);
	if (state == BROKEN)
		repr_put(r, "broken>");
	else
		repr_putf(r, "waiters=%" PRId64 "/%" PRId64 ">", state == FILLING ? count : 0,
			parties);
	return NO_ERR;
}

/* What a thread says of itself. NULL: not there. */
struct thread_names {
	const char *name, *started, *flag, *stopped, *daemon, *ident;
};
static const struct thread_names names_now = { "_name", "_started", "_flag", "_is_stopped",
	"_daemonic", "_ident" };
static const struct thread_names names_mangled = { "_Thread__name", "_Thread__started",
	"_Event__flag", "_Thread__stopped", "_Thread__daemonic", "_Thread__ident" };

/* Whether a started thread has come to its end. repr() itself looks: at the lock that the thread's
 * state holds as long as it lives, or at the event in its handle. */
static bool has_ended(const struct py_object *o, const struct thread_names *names, bool *ret)
{
	struct py_object handle, lock;
	uint64_t at, exiting;
	bool held;
	if (peek_object(o, "_handle", &handle) || peek_object(o, "_os_thread_handle", &handle)) {
		if (failed(object_get(&handle, FIELD_thread_handle_handle, &at)) ||
			failed(py_field(o->h->rt, at, FIELD_handle_exiting, &exiting)))
			return false;
		*ret = exiting != 0;
		return true;
	}
	if (!peek_true(o, names->stopped, ret))
		return false;
	if (*ret || !peek_object(o, "_tstate_lock", &lock))
		return true;
	if (!lock_is_held(&lock, &held))
		return false;
	*ret = !held;
	return true;
}

static struct err render_thread(struct repr *r, const struct py_object *o)
{
	const struct thread_names *names = &names_now;
	struct py_object event;
	uint64_t name, ident;
	bool started, ended, daemon;
	if (!attribute_find(o, names->name, &name))
		names = &names_mangled;
	if (!attribute_find(o, names->name, &name) || !attribute_find(o, names->ident, &ident) ||
		!peek_object(o, names->started, &event) ||
		!peek_true(&event, names->flag, &started) || !peek_true(o, names->daemon, &daemon))
		return render_object(r, o);
	if (!has_ended(o, names, &ended))
		return render_object(r, o);
	repr_putf(r, "<%s(", o->type->name);
	repr_label(r, name);
	repr_putf(r, ", %s%s",
		ended	  ? "stopped"
		: started ? "started"
			  : "initial",
		daemon ? " daemon" : "");
	if (!object_is_none(o->h, ident)) {
		repr_put(r, " ");
		repr_int(r, ident);
	}
	repr_put(r, ")>");
	return NO_ERR;
}

static struct err render_thread_handle(struct repr *r, const struct py_object *o)
{
	uint64_t handle, ident;
	if (failed(object_get(o, FIELD_thread_handle_handle, &handle)) ||
		failed(py_field(o->h->rt, handle, FIELD_handle_ident, &ident)))
		return render_object(r, o);
	repr_putf(r, "<%s object: ident=%" PRIu64 ">", type_raw_name(o->type), ident);
	return NO_ERR;
}

/* "raised ValueError" or "returned int" */
static void put_outcome(struct repr *r, const struct py_object *o)
{
	struct py_object of;
	if (peek_object(o, "_exception", &of))
		repr_putf(r, "raised %s", of.type->name);
	else
		repr_putf(r, "returned %s",
			peek_object(o, "_result", &of) ? of.type->name : "NoneType");
}

static struct err render_future(struct repr *r, const struct py_object *o)
{
	static const struct {
		const char *state, *word;
	} states[] = {
		{ "PENDING", "pending" },
		{ "RUNNING", "running" },
		{ "CANCELLED", "cancelled" },
		{ "CANCELLED_AND_NOTIFIED", "cancelled" },
		{ "FINISHED", "finished " },
	};
	uint64_t state;
	size_t i = 0;
	if (!attribute_find(o, "_state", &state))
		return render_object(r, o);
	while (i < ARRAY_LEN(states) && !str_is(o->h, state, states[i].state))
		i++;
	if (i == ARRAY_LEN(states))
		return render_object(r, o);
	repr_putf(r, "<%s at 0x%" PRIx64 " state=%s", o->type->name, o->addr, states[i].word);
	if (i + 1 == ARRAY_LEN(states))
		put_outcome(r, o);
	repr_put(r, ">");
	return NO_ERR;
}

static struct err put_names(struct repr *r, uint64_t dict)
{
	struct dict d;
	uint64_t name, value;
	TRY(dict_open(r->h, dict, &d));
	struct items it = items_begin(r, "{", "}", d.used);
	while (items_more(&it) && dict_next(&d, &name, &value)) {
		repr_name(r, name);
		repr_put(r, "=");
		repr_value(r, value);
	}
	items_end(&it);
	return d.why;
}

/* Behind its head: for each thread that has met it the names that this one sees. */
static struct err put_local(struct repr *r, const struct py_object *o)
{
	uint64_t dicts, thread, names;
	struct dict d;
	TRY(object_get(o, FIELD_local_dicts, &dicts));
	if (dicts)
		TRY(dict_open(o->h, dicts, &d));
	if (!dicts || !d.used)
		repr_put(r, "{}");
	for (unsigned n = 0; dicts && dict_next(&d, &thread, &names); n++) {
		repr_put(r, n ? " " : "");
		if (n >= r->limits->max_items) {
			repr_putf(r, "... +%" PRIu64 " more", d.used - n);
			r->truncated = true;
			break;
		}
		TRY(put_names(r, names));
	}
	return dicts ? d.why : NO_ERR;
}

/* The waiting items: what is left of a list, or a ring. */
static struct err put_simple_queue(struct repr *r, const struct py_object *o)
{
	const struct py_runtime *rt = o->h->rt;
	uint64_t at, list, items, from = 0, count, capacity = 0;
	if (layout_has(&rt->layout, FIELD_simple_queue_list)) {
		struct py_object held;
		struct sequence s;
		TRY(object_get(o, FIELD_simple_queue_list, &list));
		TRY(object_get(o, FIELD_simple_queue_list_at, &from));
		TRY(object_open(o->h, list, &held));
		TRY(sequence_open(&held, &s));
		if (from > s.length)
			return err_at(ERR_CORRUPT, o->addr, "queue");
		items = s.items;
		count = s.length - from;
	} else {
		TRY(object_get(o, FIELD_simple_queue_items, &items));
		TRY(object_get(o, FIELD_simple_queue_capacity, &capacity));
		TRY(object_get(o, FIELD_simple_queue_first, &from));
		TRY(object_get(o, FIELD_simple_queue_count, &count));
		if (count > capacity || from > capacity)
			return err_at(ERR_CORRUPT, o->addr, "queue");
	}
	struct items it = items_begin(r, "{", "}", count);
	for (uint64_t i = from, item; items_more(&it); i++) {
		at = items + (capacity ? i % capacity : i) * rt->layout.key.ptr_size;
		TRY(mem_ptr(rt->mem, at, &item));
		repr_value(r, item);
	}
	items_end(&it);
	return NO_ERR;
}

const struct kind kinds_threading[] = {
	{ "_thread.lock", render_lock },
	{ "_thread.RLock", render_rlock },
	{ "_thread._ThreadHandle", render_thread_handle },
	{ "threading._RLock", render_python_rlock, KIND_BY_PYTHON },
	{ "threading.Condition", render_condition, KIND_BY_PYTHON | KIND_CONTAINER | KIND_UNGUARDED,
		NULL },
	{ "threading._Condition", render_condition,
		KIND_BY_PYTHON | KIND_CONTAINER | KIND_UNGUARDED, NULL },
	{ "threading.Event", render_event, KIND_BY_PYTHON },
	{ "threading.Semaphore", render_semaphore, KIND_BY_PYTHON },
	{ "threading.BoundedSemaphore", render_bounded, KIND_BY_PYTHON },
	{ "threading.Barrier", render_barrier, KIND_BY_PYTHON },
	{ "threading.Thread", render_thread, KIND_BY_PYTHON },
	{ "_thread._local", put_local, KIND_SHAPE },
	{ "thread._local", put_local, KIND_SHAPE },
	{ "_queue.SimpleQueue", put_simple_queue, KIND_SHAPE },
	{ "concurrent.futures._base.Future", render_future, KIND_BY_PYTHON },
	{ 0 },
};
