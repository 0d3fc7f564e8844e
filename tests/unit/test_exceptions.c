/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions of threads made by hand, in every layout: where they hang, what they lead to, and
 * lists that are damaged or never end. What their texts are is a matter of tests/matrix.
 */
#include "suites.h"

#include "fakepy.h"

#include "../../src/py/objects/objects.h"
#include "pycore/limits.h"

#include <string.h>

static struct fakepy f;
static uint64_t metatype, exception_type, group_type, str_type, tuple_type, traceback_type, none;
static uint64_t tstate;

static const struct layout *layout(void)
{
	return &f.rt->layout;
}

static bool has(enum field field)
{
	return layout_has(layout(), field);
}

static uint64_t make_type(const char *name, uint64_t flags, uint64_t base)
{
	uint64_t type = fakepy_type(&f, name);
	fakepy_set(&f, type, FIELD_object_type, metatype);
	fakepy_set(&f, type, FIELD_type_flags, flags);
	fakepy_set(&f, type, FIELD_type_basicsize, 256);
	fakepy_set(&f, type, FIELD_type_base, base);
	/* each class that has no base defines its own */
	fakepy_set(&f, type, FIELD_type_str, base ? 0x1000 : type);
	return type;
}

static uint64_t make(uint64_t type)
{
	uint64_t addr = fakepy_alloc(&f, 256);
	fakepy_set(&f, addr, FIELD_object_type, type);
	return addr;
}

static uint64_t text(const char *s)
{
	uint64_t addr = fakepy_text(&f, s);
	fakepy_set(&f, addr, FIELD_object_type, str_type);
	return addr;
}

static uint64_t make_tuple(const uint64_t *items, size_t n)
{
	uint64_t at = layout()->field[FIELD_tuple_items].offset, word = layout()->key.ptr_size,
		 addr = fakepy_alloc(&f, at + word * n);
	fakepy_set(&f, addr, FIELD_object_type, tuple_type);
	fakepy_set(&f, addr, FIELD_varobject_size, n);
	for (size_t i = 0; i < n; i++)
		fakepy_set_address(&f, addr + at + i * word, items[i]);
	return addr;
}

static uint64_t make_exception(uint64_t type, const char *message)
{
	uint64_t addr = make(type), arg = text(message);
	fakepy_set(&f, addr, FIELD_exception_args, make_tuple(&arg, 1));
	return addr;
}

static uint64_t make_entry(const char *function, int lasti, uint64_t next)
{
	uint64_t tb = make(traceback_type), code = fakepy_code(&f, function),
		 frame = fakepy_frame(&f, code, 0, 0);
	if (layout()->row->frames != FRAMES_OBJECTS) {
		uint64_t object = fakepy_alloc(&f, 256);
		fakepy_set(&f, object, FIELD_frame_iframe, frame);
		frame = object;
	}
	fakepy_set(&f, tb, FIELD_traceback_frame, frame);
	fakepy_set(&f, tb, FIELD_traceback_lasti, (uint64_t)lasti);
	fakepy_set(&f, tb, FIELD_traceback_next, next);
	return tb;
}

static void set_traceback(uint64_t exception, uint64_t tb)
{
	fakepy_set(&f, exception, FIELD_exception_traceback, tb);
	fakepy_set(&f, tstate, FIELD_tstate_curexc_traceback, tb);
	fakepy_set(&f, tstate, FIELD_tstate_exc_traceback, tb);
}

static void set_raised(uint64_t exception)
{
	fakepy_set(&f, tstate, FIELD_tstate_curexc_type, exception_type);
	fakepy_set(&f, tstate, FIELD_tstate_current_exception, exception);
}

static uint64_t make_item(uint64_t value, uint64_t previous)
{
	uint64_t item = fakepy_alloc(&f, 64);
	fakepy_set(&f, item, FIELD_exc_item_value, value);
	fakepy_set(&f, item, FIELD_exc_item_previous, previous);
	return item;
}

static void set_handled(uint64_t exception)
{
	if (layout()->row->exceptions == EXCEPTIONS_STACKED)
		fakepy_set(&f, tstate, FIELD_tstate_exc_info, make_item(exception, 0));
	else
		fakepy_set(&f, tstate, FIELD_tstate_exc_value, exception);
}

static void setup(const struct layout_row *row)
{
	fakepy_init(&f, row);
	metatype = fakepy_type(&f, "type");
	fakepy_set(&f, metatype, FIELD_object_type, metatype);
	fakepy_set(&f, metatype, FIELD_type_flags, TYPE_TYPE);
	bool old = row->text == TEXT_BYTES;
	exception_type =
		make_type(old ? "exceptions.BaseException" : "BaseException", TYPE_EXCEPTION, 0);
	group_type = make_type("BaseExceptionGroup", TYPE_EXCEPTION, exception_type);
	str_type = make_type("str", old ? TYPE_BYTES : TYPE_STR, 0);
	tuple_type = make_type("tuple", TYPE_TUPLE, 0);
	traceback_type = make_type("traceback", 0, 0);
	none = make(make_type("NoneType", 0, 0));
	tstate = fakepy_thread(&f, f.interp, 0);
	set_handled(0);
	f.python.options.limits = VALUES_SHORT;
}

static void teardown(void)
{
	fakepy_fini(&f);
}

static const struct py_thread *walk(void)
{
	python_walk(&f.python);
	ck_assert_uint_eq(f.python.n_threads, 1);
	return &f.python.threads[0];
}

static const struct layout_row *row_at(int i)
{
	size_t n;
	return &layout_rows(&n)[i];
}

START_TEST(nothing)
{
	setup(row_at(_i));
	set_handled(none);
	const struct py_thread *th = walk();
	ck_assert_ptr_null(th->exception);
	ck_assert_ptr_null(th->handled);
	ck_assert_uint_eq(f.target.problems.len, 0);
	ck_assert_int_eq(th->daemon, -1);
	ck_assert_ptr_null(th->name.bytes);
	ck_assert(!failed(th->name.why));
}
END_TEST

START_TEST(raised)
{
	setup(row_at(_i));
	uint64_t e = make_exception(exception_type, "on its way");
	set_raised(e);
	set_traceback(e, make_entry("outer", 6, make_entry("inner", 4, 0)));
	const struct py_exception *x = walk()->exception;
	ck_assert_ptr_nonnull(x);
	ck_assert_int_eq(x->state, EXCEPTION_RAISED);
	ck_assert_uint_eq(x->addr, e);
	ck_assert_str_eq(x->type, "BaseException");
	ck_assert_str_eq(x->message.bytes, "on its way");
	ck_assert(!x->message_is_args);
	ck_assert_uint_eq(x->n_traceback, 2);
	ck_assert_str_eq(x->traceback[0].place->code->name.bytes, "inner");
	ck_assert_int_eq(x->traceback[0].place->offset, 4);
	ck_assert_str_eq(x->traceback[1].place->code->name.bytes, "outer");
	ck_assert_int_eq(x->traceback[1].place->offset, 6);
	ck_assert(!failed(x->why) && !failed(x->traceback_why));
	ck_assert_ptr_null(walk()->handled);
}
END_TEST

/* To 3.11: only a class and what it is to be called with. */
START_TEST(not_made_yet)
{
	setup(row_at(_i));
	if (!has(FIELD_tstate_curexc_type))
		return;
	set_raised(text("argument"));
	const struct py_exception *x = walk()->exception;
	ck_assert_uint_eq(x->addr, 0);
	ck_assert_str_eq(x->message.bytes, "argument");
	set_raised(0);
	x = walk()->exception;
	ck_assert_str_eq(x->type, "BaseException");
	ck_assert_uint_eq(x->message.len, 0);
	set_raised(make_tuple(NULL, 0));
	ck_assert_uint_eq(walk()->exception->message.len, 0);
}
END_TEST

START_TEST(handled_by_the_caller_of_generators)
{
	setup(row_at(_i));
	uint64_t e = make_exception(exception_type, "handled");
	set_handled(e);
	if (layout()->row->exceptions == EXCEPTIONS_STACKED)
		fakepy_set(&f, tstate, FIELD_tstate_exc_info,
			make_item(0, make_item(none, make_item(e, 0))));
	const struct py_thread *th = walk();
	ck_assert_ptr_nonnull(th->exception);
	ck_assert_int_eq(th->exception->state, EXCEPTION_HANDLED);
	ck_assert_str_eq(th->exception->message.bytes, "handled");
}
END_TEST

START_TEST(both)
{
	setup(row_at(_i));
	uint64_t first = make_exception(exception_type, "first"),
		 second = make_exception(exception_type, "second");
	set_raised(second);
	set_handled(first);
	const struct py_thread *th = walk();
	ck_assert_str_eq(th->exception->message.bytes, "second");
	ck_assert_str_eq(th->handled->message.bytes, "first");
	if (!has(FIELD_exception_context))
		return;
	fakepy_set(&f, second, FIELD_exception_context, first);
	th = walk();
	ck_assert_str_eq(th->exception->context->message.bytes, "first");
	ck_assert_ptr_null(th->handled);
}
END_TEST

START_TEST(entries_in_a_circle)
{
	setup(row_at(_i));
	if (layout()->row->exceptions != EXCEPTIONS_STACKED)
		return;
	uint64_t last = make_item(0, 0), first = make_item(none, last);
	fakepy_set(&f, last, FIELD_exc_item_previous, first);
	fakepy_set(&f, tstate, FIELD_tstate_exc_info, first);
	ck_assert_ptr_null(walk()->exception);
	ck_assert(f.target.problems.damage);
}
END_TEST

START_TEST(tracebacks_that_are_none)
{
	setup(row_at(_i));
	uint64_t e = make_exception(exception_type, "x"), last = make_entry("last", 2, 0),
		 first = make_entry("first", 2, last);
	set_raised(e);
	set_traceback(e, first);
	fakepy_set(&f, last, FIELD_traceback_next, first);
	const struct py_exception *x = walk()->exception;
	ck_assert_err(x->traceback_why, ERR_CORRUPT);
	ck_assert_str_eq(x->message.bytes, "x");
	ck_assert_uint_ge(x->n_traceback, 2);
	ck_assert_uint_le(x->n_traceback, 8);

	fakepy_set(&f, last, FIELD_traceback_next, none);
	x = walk()->exception;
	ck_assert(!failed(x->traceback_why));
	ck_assert_uint_eq(x->n_traceback, 2);

	fakepy_set(&f, last, FIELD_traceback_next, e);
	x = walk()->exception;
	ck_assert_err_at(x->traceback_why, ERR_CORRUPT, e);
	ck_assert_uint_eq(x->n_traceback, 2);

	fakepy_set(&f, last, FIELD_traceback_next, 0xdead0000);
	ck_assert(failed(walk()->exception->traceback_why));
}
END_TEST

START_TEST(no_exceptions)
{
	setup(row_at(_i));
	uint64_t other = make(traceback_type);
	set_handled(other);
	const struct py_exception *x = walk()->exception;
	ck_assert_err_at(x->why, ERR_CORRUPT, other);
	ck_assert_str_eq(x->type, "?");
	ck_assert_ptr_null(x->message.bytes);
	set_handled(0xdead0000);
	ck_assert(failed(walk()->exception->why));
}
END_TEST

static size_t count_chain(const struct py_exception *x, bool *ret_limit)
{
	size_t n = 1;
	for (; x->cause || x->context; n++)
		x = x->cause ? x->cause : x->context;
	*ret_limit = x->why.code == ERR_LIMIT;
	return n;
}

START_TEST(long_chains)
{
	setup(row_at(_i));
	if (!has(FIELD_exception_cause))
		return;
	enum { LENGTH = EXCEPTION_CHAIN_MAX + 50 };
	uint64_t first = make_exception(exception_type, "first"), last = first;
	for (int i = 1; i < LENGTH; i++) {
		uint64_t e = make_exception(exception_type, "later");
		fakepy_set(&f, e, i % 2 ? FIELD_exception_cause : FIELD_exception_context, last);
		last = e;
	}
	bool limit;
	set_handled(last);
	ck_assert_uint_eq(count_chain(walk()->exception, &limit), EXCEPTION_CHAIN_MAX);
	ck_assert(limit);
}
END_TEST

START_TEST(chains_in_a_circle)
{
	setup(row_at(_i));
	if (!has(FIELD_exception_cause))
		return;
	uint64_t one = make_exception(exception_type, "one"),
		 two = make_exception(exception_type, "two");
	fakepy_set(&f, one, FIELD_exception_cause, two);
	fakepy_set(&f, two, FIELD_exception_context, one);
	set_handled(one);
	bool limit;
	const struct py_exception *x = walk()->exception;
	ck_assert_uint_eq(count_chain(x, &limit), 2);
	ck_assert(!limit && !failed(x->why));
}
END_TEST

/* What a traceback would not show is there too, but not in place of what it would. */
START_TEST(suppressed_contexts_come_last)
{
	setup(row_at(_i));
	if (!has(FIELD_exception_suppress_context))
		return;
	uint64_t hidden = make_exception(exception_type, "hidden"),
		 cause = make_exception(exception_type, "cause"),
		 top = make_exception(exception_type, "top");
	fakepy_set(&f, top, FIELD_exception_context, hidden);
	fakepy_set(&f, top, FIELD_exception_suppress_context, 1);
	set_handled(top);
	const struct py_exception *x = walk()->exception;
	ck_assert(x->suppress_context);
	ck_assert_str_eq(x->context->message.bytes, "hidden");

	fakepy_set(&f, top, FIELD_exception_cause, cause);
	fakepy_set(&f, cause, FIELD_exception_context, hidden);
	x = walk()->exception;
	ck_assert_ptr_null(x->context);
	ck_assert_str_eq(x->cause->context->message.bytes, "hidden");
}
END_TEST

START_TEST(groups)
{
	setup(row_at(_i));
	if (!has(FIELD_exception_group_exceptions))
		return;
	enum { MEMBERS = EXCEPTION_CHAIN_MAX + 20 };
	uint64_t members[MEMBERS], group = make_exception(group_type, "several");
	for (int i = 0; i < MEMBERS; i++)
		members[i] = make_exception(exception_type, "member");
	members[1] = group; /* of itself */
	fakepy_set(&f, group, FIELD_exception_group_exceptions, make_tuple(members, 3));
	set_handled(group);
	const struct py_exception *x = walk()->exception;
	ck_assert_uint_eq(x->n_exceptions, 2);
	ck_assert_uint_eq(x->exceptions_omitted, 1);
	ck_assert(!failed(x->why));

	fakepy_set(&f, group, FIELD_exception_group_exceptions, make_tuple(members, MEMBERS));
	x = walk()->exception;
	ck_assert_uint_eq(x->n_exceptions, EXCEPTION_CHAIN_MAX - 1);
	ck_assert_uint_eq(x->n_exceptions + x->exceptions_omitted, MEMBERS);
	ck_assert(!failed(x->why));

	fakepy_set(&f, group, FIELD_exception_group_exceptions, none);
	ck_assert_err(walk()->exception->why, ERR_CORRUPT);
}
END_TEST

START_TEST(redacted)
{
	setup(row_at(_i));
	f.python.options.limits.redact = true;
	set_handled(make_exception(exception_type, "secret"));
	const struct py_exception *x = walk()->exception;
	ck_assert_ptr_nonnull(strstr(x->message.bytes, "<str of length 6, hash "));
	ck_assert_ptr_null(strstr(x->message.bytes, "secret"));
}
END_TEST

Suite *suite_exceptions(void)
{
	Suite *s = suite_create("exceptions");
	TCase *tc = tcase_create("by hand");
	size_t n;
	(void)layout_rows(&n);
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, nothing, 0, (int)n);
	tcase_add_loop_test(tc, raised, 0, (int)n);
	tcase_add_loop_test(tc, not_made_yet, 0, (int)n);
	tcase_add_loop_test(tc, handled_by_the_caller_of_generators, 0, (int)n);
	tcase_add_loop_test(tc, both, 0, (int)n);
	tcase_add_loop_test(tc, entries_in_a_circle, 0, (int)n);
	tcase_add_loop_test(tc, tracebacks_that_are_none, 0, (int)n);
	tcase_add_loop_test(tc, no_exceptions, 0, (int)n);
	tcase_add_loop_test(tc, long_chains, 0, (int)n);
	tcase_add_loop_test(tc, chains_in_a_circle, 0, (int)n);
	tcase_add_loop_test(tc, suppressed_contexts_come_last, 0, (int)n);
	tcase_add_loop_test(tc, groups, 0, (int)n);
	tcase_add_loop_test(tc, redacted, 0, (int)n);
	suite_add_tcase(s, tc);
	return s;
}
