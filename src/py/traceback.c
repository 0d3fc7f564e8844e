/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tracebacks (Include/cpython/traceback.h): a chain from the frame that caught the exception, or
 * from the thread's first one, inwards to the one that raised it. Each entry holds a frame object
 * and the instruction that it was at; the line that it may hold too is made from that later on.
 */
#include "exception_text.h"

#include "pycore/limits.h"

#include <string.h>

/* Frame objects are their own frames to 3.10, and point to an interpreter frame later. */
static struct err code_of_frame(
	const struct py_runtime *rt, uint64_t frame, uint64_t *ret_frame, uint64_t *ret_code)
{
	uint64_t at = frame, code;
	switch (rt->layout.row->frames) {
	case FRAMES_OBJECTS:
		TRY(py_field(rt, at, FIELD_frame_code, &code));
		break;
	case FRAMES_CFRAME:
	case FRAMES_CURRENT:
		TRY(py_field(rt, frame, FIELD_frame_iframe, &at));
		TRY(py_field(rt, at, FIELD_iframe_code, &code));
		break;
	}
	*ret_frame = at;
	*ret_code = py_untag(rt, code);
	return NO_ERR;
}

/* One entry of a traceback; its instruction is counted in bytes in every version. */
static struct err read_entry(struct heap *h, uint64_t tb, struct py_frame *ret, uint64_t *ret_next)
{
	struct py_runtime *rt = h->rt;
	struct py_object o;
	uint64_t frame, addr, code;
	int64_t lasti;
	TRY(object_open(h, tb, &o));
	/* a core without the binary may not tell the name */
	if (!type_is(o.type, "traceback") && type_is_known(o.type))
		return err_at(ERR_CORRUPT, tb, "traceback: it is of another type");
	TRY(object_get(&o, FIELD_traceback_next, ret_next));
	TRY(object_get(&o, FIELD_traceback_frame, &frame));
	TRY(object_get_int(&o, FIELD_traceback_lasti, &lasti));
	TRY(code_of_frame(rt, frame, &addr, &code));
	const struct py_code *of = py_code_at(h->p, rt, code);
	struct py_frame f = { .addr = addr, .place = py_place_at(h->p, of, (int32_t)lasti) };
	if (h->p->options.locals)
		f.variables = py_read_variables(h->p, rt, addr, of);
	*ret = f;
	return NO_ERR;
}

/* A traceback as it is gathered, outermost first. */
struct entries {
	struct py_frame *list;
	size_t n, cap, omitted;
};

static struct err gather_entries(struct heap *h, uint64_t tb, size_t *left, struct entries *out)
{
	uint64_t mark = 0;
	for (size_t steps = 0; tb && !object_is_none(h, tb); steps++) {
		struct py_frame f;
		uint64_t next;
		if (steps >= TRACEBACK_MAX)
			return err_at(ERR_LIMIT, tb, "traceback");
		if (tb == mark)
			return err_at(ERR_CORRUPT, tb, "traceback: it is a circle");
		if (!(steps & (steps - 1)))
			mark = tb;
		TRY(read_entry(h, tb, &f, &next));
		tb = next;
		if (!*left) {
			out->omitted++;
			continue;
		}
		--*left;
		out->list = xgrow(out->list, &out->cap, out->n, sizeof(*out->list));
		out->list[out->n++] = f;
	}
	return NO_ERR;
}

void exc_traceback(struct heap *h, uint64_t tb, size_t *left, struct py_exception *e)
{
	struct entries out = { 0 };
	e->traceback_why = gather_entries(h, tb, left, &out);
	struct py_frame *frames = arena_alloc(&h->p->arena, (out.n + 1) * sizeof(*frames));
	for (size_t i = 0; i < out.n; i++)
		frames[i] = out.list[out.n - 1 - i];
	free(out.list);
	e->traceback = frames;
	e->n_traceback = out.n;
	e->traceback_omitted = out.omitted;
}
