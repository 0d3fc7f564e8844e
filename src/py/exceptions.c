/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exceptions of the threads. One that is on its way hangs on the thread state: to 3.11 as
 * class, value and traceback (curexc_*), of which the value need not be an exception yet, from 3.12
 * on as one object. One that an except or finally block deals with: to 3.6 on the thread state too,
 * from 3.7 on in a chain of entries, one for each generator that runs and one for the thread; as
 * sys.exc_info() does, the innermost that is neither NULL nor None counts.
 *
 * Causes, contexts and the members of groups hang on the objects. Each is shown once, where a
 * traceback would show it; a context that a traceback would not show comes last.
 */
#include "exception_text.h"

#include "pycore/limits.h"

enum { EXC_ITEMS_MAX = 100000 };

/* One exception with all that it leads to. */
struct chain {
	struct python *p;
	struct heap *h;
	struct hash seen; /* addresses of what is shown */
	size_t n; /* shown, of EXCEPTION_CHAIN_MAX */
	struct unshown { /* contexts that a traceback does not show */
		struct py_exception *of;
		uint64_t addr;
	} unshown[EXCEPTION_CHAIN_MAX];
	size_t n_unshown;
	size_t entries_left; /* of TRACEBACKS_TOTAL_MAX */
	size_t text; /* bytes of messages and notes, of EXCEPTION_TEXT_TOTAL_MAX */
};

static struct py_exception *read_exception(struct chain *c, uint64_t addr, struct err *why);

/* What is wrong first is what is said. */
static void note_error(struct err *why, struct err e)
{
	if (!failed(*why))
		*why = e;
}

/* A list of strings; what is no list shows as one note, as in a traceback. */
static void read_notes(struct chain *c, uint64_t notes, struct py_exception *e)
{
	struct py_object o;
	struct sequence s;
	struct err why = object_open(c->h, notes, &o);
	bool is_list = !failed(why) && o.type->flags & (TYPE_LIST | TYPE_TUPLE) &&
		       !failed(sequence_open(&o, &s));
	size_t n =
		is_list ? (s.length < EXCEPTION_NOTES_MAX ? (size_t)s.length : EXCEPTION_NOTES_MAX)
			: 1;
	e->notes = arena_alloc(&c->p->arena, (n + 1) * sizeof(*e->notes));
	for (size_t i = 0; i < n && c->text < EXCEPTION_TEXT_TOTAL_MAX; i++) {
		uint64_t item = notes;
		if (is_list)
			why = sequence_item(&s, i, &item);
		if (failed(why))
			e->notes[i] = (struct py_text){ .why = why };
		else
			exc_text_of(c->h, item, &e->notes[i]);
		c->text += e->notes[i].len;
		e->n_notes++;
	}
	if (is_list && e->n_notes < s.length)
		note_error(&e->why, err_at(ERR_LIMIT, notes, "notes of an exception"));
}

static uint64_t link_of(const struct exc *x, enum field f)
{
	uint64_t v;
	if (failed(object_get(&x->object, f, &v)) || object_is_none(x->h, v))
		return 0;
	return v;
}

static void read_members(struct chain *c, uint64_t members, struct py_exception *e)
{
	struct py_object o;
	struct sequence s;
	uint64_t item;
	struct err why = object_open(c->h, members, &o);
	if (!failed(why))
		why = sequence_open(&o, &s);
	if (failed(why)) {
		note_error(&e->why, why);
		return;
	}
	size_t most = s.length < EXCEPTION_CHAIN_MAX ? (size_t)s.length : EXCEPTION_CHAIN_MAX;
	e->exceptions = arena_alloc(&c->p->arena, (most + 1) * sizeof(struct py_exception *));
	for (size_t i = 0; i < most && !failed(why); i++) {
		struct err too_many = NO_ERR; /* exceptions_omitted says it */
		why = sequence_item(&s, i, &item);
		const struct py_exception *member =
			failed(why) ? NULL : read_exception(c, item, &too_many);
		if (member)
			e->exceptions[e->n_exceptions++] = member;
	}
	note_error(&e->why, why);
	e->exceptions_omitted = (size_t)s.length - e->n_exceptions;
}

/* What a traceback shows before it: the cause, else the context. */
static void read_links(struct chain *c, const struct exc *x, struct py_exception *e)
{
	uint64_t cause = link_of(x, FIELD_exception_cause),
		 context = link_of(x, FIELD_exception_context), suppress = 0;
	if (failed(object_get(&x->object, FIELD_exception_suppress_context, &suppress)))
		suppress = 0;
	e->suppress_context = suppress;
	if (cause)
		e->cause = read_exception(c, cause, &e->why);
	else if (context && !suppress)
		e->context = read_exception(c, context, &e->why);
	if (context && (cause || suppress) && c->n_unshown < EXCEPTION_CHAIN_MAX)
		c->unshown[c->n_unshown++] = (struct unshown){ e, context };
}

static void read_inside(struct chain *c, const struct exc *x, struct py_exception *e)
{
	uint64_t v;
	const struct layout *l = &c->h->rt->layout;
	if (!(x->type->flags & TYPE_EXCEPTION)) /* 2.7's old-style instance */
		return;
	if (attribute_find(&x->object, "__notes__", &v))
		read_notes(c, v, e);
	if (layout_has(l, FIELD_exception_cause))
		read_links(c, x, e);
	if (layout_has(l, FIELD_exception_group_exceptions) &&
		type_is(x->type, "BaseExceptionGroup") &&
		!failed(object_get(&x->object, FIELD_exception_group_exceptions, &v)))
		read_members(c, v, e);
}

static struct py_exception *describe(
	struct chain *c, const struct exc *x, uint64_t addr, uint64_t tb)
{
	struct py_exception *e = arena_alloc(&c->p->arena, sizeof(*e));
	e->addr = addr;
	e->state = EXCEPTION_HANDLED;
	e->may_be_over = c->h->rt->layout.row->text == TEXT_BYTES;
	e->type = exc_type_name(x, &e->module);
	exc_message(x, &e->message, &e->message_is_args);
	exc_syntax(x, &e->source, &e->short_message);
	c->text += e->message.len + e->source.len;
	if (!tb && x->made && layout_has(&c->h->rt->layout, FIELD_exception_traceback))
		tb = link_of(x, FIELD_exception_traceback);
	exc_traceback(c->h, tb, &c->entries_left, e);
	if (x->made)
		read_inside(c, x, e);
	return e;
}

static struct py_exception *unreadable(struct chain *c, uint64_t addr, struct err why)
{
	struct py_exception *e = arena_alloc(&c->p->arena, sizeof(*e));
	*e = (struct py_exception){ .addr = addr, .state = EXCEPTION_HANDLED, .type = "?" };
	e->message.why = e->why = why;
	return e;
}

/* Counts what is to be shown; false: it is shown already, or there are too many, as *why says. */
static bool enter(struct chain *c, uint64_t addr, struct err *why)
{
	uint64_t known;
	if (addr && hash_get(&c->seen, addr, &known))
		return false;
	if (c->n >= EXCEPTION_CHAIN_MAX || c->text >= EXCEPTION_TEXT_TOTAL_MAX) {
		note_error(why, err_at(ERR_LIMIT, addr, "chain of exceptions"));
		return false;
	}
	c->n++;
	hash_put(&c->seen, addr, 0);
	return true;
}

/* NULL: it is not to be shown here. */
static struct py_exception *read_exception(struct chain *c, uint64_t addr, struct err *why)
{
	struct exc x;
	if (!enter(c, addr, why))
		return NULL;
	struct err e = exc_open(c->h, addr, &x);
	return failed(e) ? unreadable(c, addr, e) : describe(c, &x, addr, 0);
}

/* The list grows while it is worked off. */
static void read_unshown(struct chain *c)
{
	for (size_t i = 0; i < c->n_unshown; i++) {
		struct py_exception *of = c->unshown[i].of;
		of->context = read_exception(c, c->unshown[i].addr, &of->why);
	}
}

static void chain_clear(struct chain *c)
{
	hash_clear(&c->seen);
	c->n = c->n_unshown = 0;
}

/* An exception that a thread state or a module names: its own traceback, where it has one, is not
 * yet, or not any more, that of the object. NULL: it is shown in this chain already. */
static const struct py_exception *read_whole(
	struct chain *c, uint64_t type, uint64_t value, uint64_t tb, enum exception_state state)
{
	struct exc x;
	struct err why = NO_ERR;
	if (!enter(c, value, &why))
		return failed(why) ? unreadable(c, value, why) : NULL;
	why = exc_open_parts(c->h, type, value, &x);
	struct py_exception *e =
		failed(why) ? unreadable(c, value, why) : describe(c, &x, x.made ? value : 0, tb);
	read_unshown(c);
	e->state = state;
	return e;
}

static void read_raised(struct chain *c, struct py_thread *th)
{
	const struct py_runtime *rt = c->h->rt;
	uint64_t type = 0, value = 0, tb = 0;
	struct err why = py_field(rt, th->addr, FIELD_tstate_current_exception, &value);
	bool parts = layout_has(&rt->layout, FIELD_tstate_curexc_type);
	if (!failed(why) && parts)
		why = py_field(rt, th->addr, FIELD_tstate_curexc_type, &type);
	if (failed(why) || (parts ? !type : !value))
		return;
	if (layout_has(&rt->layout, FIELD_tstate_curexc_traceback) &&
		failed(py_field(rt, th->addr, FIELD_tstate_curexc_traceback, &tb)))
		tb = 0;
	th->exception = read_whole(c, type, value, tb, EXCEPTION_RAISED);
}

/* Where the names of built-in types are lost, None is what is no exception. */
static bool is_set(const struct chain *c, uint64_t value)
{
	struct py_object o;
	if (!value || object_is_none(c->h, value))
		return false;
	return failed(object_open(c->h, value, &o)) || strcmp(o.type->full, "?") != 0 ||
	       o.type->flags & TYPE_EXCEPTION;
}

/* The innermost entry that holds an exception; *ret 0: none does. */
static struct err topmost(const struct chain *c, uint64_t tstate, uint64_t *ret)
{
	const struct py_runtime *rt = c->h->rt;
	uint64_t at, value = 0, mark = 0;
	TRY(py_field(rt, tstate, FIELD_tstate_exc_info, &at));
	for (size_t steps = 0; at && !is_set(c, value); steps++) {
		if (steps >= EXC_ITEMS_MAX || at == mark)
			return err_at(ERR_CORRUPT, at, "exceptions being handled");
		if (!(steps & (steps - 1)))
			mark = at;
		TRY(py_field(rt, at, FIELD_exc_item_value, &value));
		TRY(py_field(rt, at, FIELD_exc_item_previous, &at));
	}
	*ret = is_set(c, value) ? value : 0;
	return NO_ERR;
}

static struct err handled(const struct chain *c, uint64_t tstate, uint64_t *ret, uint64_t *ret_tb)
{
	const struct layout *l = &c->h->rt->layout;
	uint64_t value, tb = 0;
	switch (l->row->exceptions) {
	case EXCEPTIONS_IN_TSTATE:
		TRY(py_field(c->h->rt, tstate, FIELD_tstate_exc_value, &value));
		if (!layout_has(l, FIELD_exception_traceback))
			TRY(py_field(c->h->rt, tstate, FIELD_tstate_exc_traceback, &tb));
		*ret = is_set(c, value) ? value : 0;
		*ret_tb = tb;
		return NO_ERR;
	case EXCEPTIONS_STACKED:
		return topmost(c, tstate, ret);
	}
	__builtin_unreachable();
}

static void read_handled(struct chain *c, struct py_thread *th)
{
	uint64_t value = 0, tb = 0;
	struct err why = handled(c, th->addr, &value, &tb);
	if (failed(why)) {
		problems_damage(&c->p->target->problems, "exception being handled", why);
		return;
	}
	if (!value)
		return;
	const struct py_exception *e = read_whole(c, 0, value, tb, EXCEPTION_HANDLED);
	if (th->exception)
		th->handled = e;
	else
		th->exception = e;
}

static bool find_last(struct heap *h, uint64_t sysdict, uint64_t *ret_value, uint64_t *ret_tb)
{
	if (dict_find(h, sysdict, "last_exc", ret_value) && !object_is_none(h, *ret_value))
		return true;
	if (!dict_find(h, sysdict, "last_value", ret_value) || object_is_none(h, *ret_value))
		return false;
	if (!dict_find(h, sysdict, "last_traceback", ret_tb) || object_is_none(h, *ret_tb))
		*ret_tb = 0;
	return true;
}

/* The one that ended the last command of an interactive session, or the whole program. */
static void read_last(struct chain *c, struct py_interpreter *in)
{
	uint64_t sysdict, value, tb = 0;
	if (!failed(py_field(c->h->rt, in->addr, FIELD_interp_sysdict, &sysdict)) && sysdict &&
		find_last(c->h, sysdict, &value, &tb))
		in->last = read_whole(c, 0, value, tb, EXCEPTION_HANDLED);
}

void py_read_exceptions(struct python *p)
{
	struct chain c = { .p = p, .entries_left = TRACEBACKS_TOTAL_MAX };
	for (size_t i = 0; i < p->n_threads; i++) {
		struct py_thread *th = &p->threads[i];
		if (!th->addr)
			continue;
		c.h = py_heap(p, py_runtime_of(p, th));
		chain_clear(&c);
		read_raised(&c, th);
		read_handled(&c, th);
	}
	for (size_t i = 0; i < p->n_interpreters; i++) {
		c.h = py_heap(p, &p->runtimes[p->interpreters[i].runtime]);
		chain_clear(&c);
		read_last(&c, &p->interpreters[i]);
	}
	hash_fini(&c.seen);
}

void py_read_fatal(struct python *p)
{
	p->fatal = (struct py_text){ 0 };
	if (py_fatal_message(p, &p->fatal) && p->options.limits.redact)
		py_redact_text(p, &p->fatal);
}
