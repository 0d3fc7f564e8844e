/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which frames belong to one call of the evaluation function, and where on the C stack it runs.
 *
 * To 3.9 each frame has a call of its own, and nothing says where. In 3.10 to 3.12 each call keeps
 * a struct _PyCFrame among its C variables; they are chained by `previous`, from tstate.cframe to
 * the one in the thread state, which belongs to no call. 3.10's say no more, but each runs one
 * frame; 3.11's say which frame is the innermost of the call. From 3.12 on the call's C variables
 * also hold a frame (a shim) that stands in the chain of frames behind those that the call runs.
 * 3.15's chain ends with one more of its kind, in the thread state, that belongs to no call.
 */
#include "calls.h"

#include "pycore/limits.h"

enum {
	CFRAME_BYTES_MAX = 64,
	EVALUATION_BYTES_MAX = 2048, /* of the C stack that the evaluation function takes */
	NEAR_BYTES = 512, /* on each side of a cframe */
};

bool py_is_evaluating(const struct py_thread *th, uint64_t cframe)
{
	const struct core_regs *regs = th->os ? &th->os->regs : NULL;
	return regs && regs->has_sp && cframe >= regs->sp &&
	       cframe - regs->sp < EVALUATION_BYTES_MAX;
}

struct cframe {
	uint64_t addr; /* 0: behind the outermost call, or unknown */
	uint64_t frame; /* innermost of the call; 0: it does not say */
	uint64_t previous;
};

enum calls_kind { CALLS_UNMARKED, CALLS_CFRAME_EACH, CALLS_CFRAMES, CALLS_SHIMS };

static enum calls_kind kind_of(const struct layout *l)
{
	if (l->row->owner.shim_from >= 0)
		return CALLS_SHIMS;
	if (!layout_has(l, FIELD_tstate_root_cframe) || !layout_has(l, FIELD_cframe_previous))
		return CALLS_UNMARKED;
	return layout_has(l, FIELD_cframe_current_frame) ? CALLS_CFRAMES : CALLS_CFRAME_EACH;
}

static struct cframe read_cframe(const struct calls *c, uint64_t addr)
{
	const struct layout *l = &c->rt->layout;
	const enum field all[] = { FIELD_cframe_previous, FIELD_cframe_current_frame };
	uint64_t root = c->th->addr + l->field[FIELD_tstate_root_cframe].offset;
	struct cframe ret = { .addr = addr };
	uint8_t bytes[CFRAME_BYTES_MAX];
	size_t span = py_span(l, all, 2);
	if (!addr || addr == root || addr % l->key.ptr_size || span > sizeof(bytes) ||
		failed(mem_read(c->rt->mem, addr, bytes, span)) ||
		failed(layout_get(l, FIELD_cframe_previous, bytes, span, &ret.previous)))
		return (struct cframe){ 0 };
	if (layout_has(l, FIELD_cframe_current_frame) &&
		failed(layout_get(l, FIELD_cframe_current_frame, bytes, span, &ret.frame)))
		return (struct cframe){ 0 };
	return ret;
}

/* Frames that are left out, because there are too many, take their calls with them. */
static void add(struct calls *c, uint64_t on_stack, size_t n_frames)
{
	if ((c->th->n_omitted && n_frames == c->closed) || c->n >= FRAMES_MAX)
		return;
	c->list = xgrow(c->list, &c->cap, c->n, sizeof(*c->list));
	c->list[c->n++] =
		(struct py_entry){ .on_stack = on_stack, .n_frames = n_frames - c->closed };
	c->closed = n_frames;
}

/* Steps to the call whose cframe that is. */
static void enter(struct calls *c, uint64_t addr)
{
	struct cframe now = read_cframe(c, addr);
	c->cframe = now.addr;
	c->frame = now.frame;
	c->outer = now.previous;
	c->outer_frame = read_cframe(c, now.previous).frame;
}

void calls_init(struct calls *c, const struct py_runtime *rt, const struct py_thread *th)
{
	*c = (struct calls){ .rt = rt, .th = th };
	if (layout_has(&rt->layout, FIELD_tstate_base_frame))
		(void)failed(py_field(rt, th->addr, FIELD_tstate_base_frame, &c->base));
	if (rt->layout.row->frames == FRAMES_CFRAME &&
		layout_has(&rt->layout, FIELD_cframe_previous))
		enter(c, th->cframe);
	c->lost = c->outer_frame;
}

uint64_t calls_skip(struct calls *c)
{
	add(c, c->cframe, 0);
	enter(c, c->outer);
	c->lost = c->outer_frame;
	return c->frame;
}

void calls_reach(struct calls *c, uint64_t frame, size_t n_frames)
{
	if (frame != c->outer_frame || !c->outer_frame)
		return;
	c->lost = false;
	if (kind_of(&c->rt->layout) != CALLS_CFRAMES)
		return;
	add(c, c->cframe, n_frames);
	enter(c, c->outer);
	c->lost = c->outer_frame;
}

void calls_shim(struct calls *c, uint64_t shim, size_t n_frames)
{
	if (shim != c->base)
		add(c, shim, n_frames);
}

/* Whether the call that keeps this cframe seems to run that frame object: among its other variables
 * on the C stack is the frame's address. */
static bool runs(const struct calls *c, uint64_t cframe, uint64_t frame)
{
	uint8_t bytes[2 * NEAR_BYTES];
	unsigned word = c->rt->mem->ptr_size;
	if (failed(mem_read(c->rt->mem, cframe - NEAR_BYTES, bytes, sizeof(bytes))))
		return false;
	for (size_t i = 0; i + word <= sizeof(bytes); i += word) {
		if (bytes_uint(bytes + i, word, c->rt->mem->order) == frame)
			return true;
	}
	return false;
}

/* The chain of cframes, up to one more than there are frames. Returns how many more or less than
 * frames they are; other numbers than -1, 0, 1 mean nothing. */
static int64_t list_cframes(const struct calls *c, size_t n_frames, uint64_t *list)
{
	size_t all = n_frames + c->th->n_omitted, n = 0;
	uint64_t first = 0;
	(void)failed(py_field(c->rt, c->th->addr, FIELD_tstate_cframe, &first));
	struct cframe f = read_cframe(c, first);
	for (; f.addr && n <= all; n++, f = read_cframe(c, f.previous)) {
		if (n <= n_frames)
			list[n] = f.addr;
	}
	return n && !f.addr ? (int64_t)n - (int64_t)all : INT64_MAX;
}

/* One cframe for each frame. The innermost call may have linked only one of both yet, or may have
 * unlinked it already. A greenlet's outermost cframe is of no call. */
static void pair_cframes(struct calls *c, const struct py_frame *frames, size_t n_frames)
{
	AUTO_FREE uint64_t *list = xcalloc(n_frames + 2, sizeof(*list));
	int64_t more = list_cframes(c, n_frames, list + 1);
	const uint64_t *at = NULL; /* the cframe of frames[0] */
	if (failed(c->th->why) || !n_frames)
		more = INT64_MAX;
	if (more == 0 || more == -1) /* list[0] is none */
		at = list + 1 + more;
	if (more == 1 && runs(c, list[2], frames[0].addr) != runs(c, list[1], frames[0].addr))
		at = list + 1 + runs(c, list[2], frames[0].addr);
	if (at == list + 2)
		add(c, list[1], 0);
	for (size_t i = 0; i < n_frames; i++)
		add(c, at ? at[i] : 0, i + 1);
}

/* What is not closed yet. */
static void close_last(struct calls *c, uint64_t cframe, size_t n_frames)
{
	if (cframe || n_frames > c->closed)
		add(c, cframe, n_frames);
	/* the chains of frames and of cframes must end together */
	for (size_t i = 0; c->lost && !failed(c->th->why) && i < c->n; i++)
		c->list[i].on_stack = 0;
}

void calls_finish(struct calls *c, const struct py_frame *frames, size_t n_frames)
{
	switch (kind_of(&c->rt->layout)) {
	case CALLS_UNMARKED:
		for (size_t i = 0; i < n_frames; i++)
			add(c, 0, i + 1);
		return;
	case CALLS_CFRAME_EACH:
		pair_cframes(c, frames, n_frames);
		return;
	case CALLS_CFRAMES:
		close_last(c, c->cframe, n_frames);
		return;
	case CALLS_SHIMS:
		close_last(c, 0, n_frames);
		return;
	}
}

void calls_fini(struct calls *c)
{
	free(c->list);
}
