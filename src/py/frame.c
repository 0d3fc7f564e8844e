/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of a thread, innermost first, and only those that Python itself would list.
 *
 * To 3.10 they are frame objects chained by f_back. From 3.11 on they are interpreter frames
 * chained by `previous`, mostly in the thread's data stack (Include/internal/pycore_frame.h);
 * frames that stand for an entry from C (shims, 3.12 on) and frames that have not reached their
 * first traceable instruction are hidden, as _PyFrame_IsIncomplete() does.
 */
#include "calls.h"

#include "pycore/limits.h"

#include <string.h>

enum { FRAME_BYTES_MAX = 1024 };

/* One link of the chain, whatever it is made of. */
struct link {
	uint64_t addr, code, next;
	uint64_t instr; /* index or pointer, as the scheme says */
	uint64_t copy; /* of the code's instructions that it runs; 0: the code's own */
	unsigned owner;
};

/* Reads a link: the fields f_* out of one read of `span` bytes. */
struct link_fields {
	enum field code, next, instr;
};

static const struct link_fields object_fields = { FIELD_frame_code, FIELD_frame_back,
	FIELD_frame_lasti };
static const struct link_fields interpreter_fields = { FIELD_iframe_code, FIELD_iframe_previous,
	FIELD_iframe_instr };

static const struct link_fields *fields_of(const struct py_runtime *rt)
{
	switch (rt->layout.row->frames) {
	case FRAMES_OBJECTS:
		return &object_fields;
	case FRAMES_CFRAME:
	case FRAMES_CURRENT:
		return &interpreter_fields;
	}
	__builtin_unreachable();
}

/* Whether each thread of a free-threaded build has instructions of its own, which it specializes.
 */
static bool has_copies(const struct layout *l)
{
	return layout_has(l, FIELD_iframe_tlbc_index) && layout_has(l, FIELD_code_tlbc);
}

static struct err read_link(const struct py_runtime *rt, uint64_t addr, struct link *ret)
{
	const struct link_fields *f = fields_of(rt);
	const struct layout *l = &rt->layout;
	const enum field all[] = { f->code, f->next, f->instr, FIELD_iframe_owner };
	bool has_owner = f == &interpreter_fields && layout_has(l, FIELD_iframe_owner);
	uint8_t bytes[FRAME_BYTES_MAX];
	size_t span = py_span(l, all, has_owner ? 4 : 3);
	if (addr % l->key.ptr_size || span > sizeof(bytes))
		return err_at(ERR_CORRUPT, addr, "frame");
	TRY(mem_read(rt->mem, addr, bytes, span));
	struct link k = { .addr = addr };
	TRY(layout_get(l, f->code, bytes, span, &k.code));
	TRY(layout_get(l, f->next, bytes, span, &k.next));
	TRY(layout_get(l, f->instr, bytes, span, &k.instr));
	uint64_t owner = 0;
	if (has_owner)
		TRY(layout_get(l, FIELD_iframe_owner, bytes, span, &owner));
	if (has_copies(l))
		TRY(py_field(rt, addr, FIELD_iframe_tlbc_index, &k.copy));
	k.owner = (unsigned)owner;
	k.code = py_untag(rt, k.code);
	*ret = k;
	return NO_ERR;
}

/* Where the chain of a thread state begins; *ret 0: it runs no Python. */
static struct err first_link(const struct py_runtime *rt, struct py_thread *th, uint64_t *ret)
{
	switch (rt->layout.row->frames) {
	case FRAMES_OBJECTS:
	case FRAMES_CURRENT:
		return py_field(rt, th->addr, FIELD_tstate_frame, ret);
	case FRAMES_CFRAME:
		TRY(py_field(rt, th->addr, FIELD_tstate_cframe, &th->cframe));
		*ret = 0;
		if (!th->cframe) /* a state that is being made */
			return NO_ERR;
		th->has_cframe = true;
		return py_field(rt, th->cframe, FIELD_cframe_current_frame, ret);
	}
	__builtin_unreachable();
}

/* Where the instructions begin that a frame runs. The code's copies stand in an array behind their
 * number (Include/cpython/code.h, _PyCodeArray). */
static uint64_t instructions_of(
	const struct py_runtime *rt, const struct py_code *c, const struct link *k)
{
	const unsigned word = rt->layout.key.ptr_size;
	uint64_t array, n, at;
	if (!k->copy || failed(py_field(rt, c->addr, FIELD_code_tlbc, &array)) ||
		failed(mem_ptr(rt->mem, array, &n)) || k->copy >= n ||
		failed(mem_ptr(rt->mem, array + (k->copy + 1) * word, &at)))
		return c->instructions;
	return at;
}

/* The offset in bytes of the current instruction; negative: none has run. */
static int32_t byte_offset(
	const struct py_runtime *rt, const struct py_code *c, const struct link *k)
{
	switch (rt->layout.row->instr) {
	case INSTR_LASTI_BYTES:
		return (int32_t)k->instr;
	case INSTR_LASTI_UNITS:
		return (int32_t)(k->instr * 2);
	case INSTR_POINTER_LAST:
	case INSTR_POINTER:
		return (int32_t)(k->instr - instructions_of(rt, c, k));
	}
	__builtin_unreachable();
}

/* Whether every entry from C, and so the outermost one, has a frame that stands for it. */
static bool has_shims(const struct py_runtime *rt)
{
	return rt->layout.row->owner.shim_from >= 0;
}

static bool is_shim(const struct py_runtime *rt, const struct link *k)
{
	return has_shims(rt) && (int)k->owner >= rt->layout.row->owner.shim_from;
}

static bool is_incomplete(
	const struct py_runtime *rt, const struct py_code *c, const struct link *k, int32_t offset)
{
	return !failed(c->why) && c->firsttraceable &&
	       (int)k->owner != rt->layout.row->owner.generator &&
	       offset / 2 < (int32_t)c->firsttraceable;
}

/* 3.15 can be caught while it pops its innermost frame: the code is gone, and the frame lies at the
 * free end of the stack. */
static bool is_being_popped(
	const struct py_runtime *rt, const struct py_thread *th, const struct link *k)
{
	uint64_t top;
	return !k->code && !failed(py_field(rt, th->addr, FIELD_tstate_datastack_top, &top)) &&
	       top == k->addr;
}

/* Frames of a thread as they are gathered. */
struct frames {
	struct py_frame *list;
	size_t n, cap;
};

static void add_frame(struct python *p, struct py_runtime *rt, struct py_thread *th,
	struct frames *out, const struct link *k)
{
	if (out->n >= FRAMES_MAX) {
		th->n_omitted++;
		return;
	}
	const struct py_code *c = py_code_at(p, rt, k->code);
	int32_t offset = byte_offset(rt, c, k);
	if (is_incomplete(rt, c, k, offset))
		return;
	struct py_frame f = {
		.addr = k->addr, .owner = (uint8_t)k->owner, .place = py_place_at(p, c, offset)
	};
	out->list = xgrow(out->list, &out->cap, out->n, sizeof(*out->list));
	out->list[out->n++] = f;
}

/* Follows the chain. A cycle is found when a frame comes back that was marked at the last power of
 * two. */
static struct err follow(struct python *p, struct py_thread *th, uint64_t at, struct frames *out,
	struct calls *calls)
{
	struct py_runtime *rt = py_runtime_of(p, th);
	uint64_t mark = 0;
	bool shim = true;
	for (size_t steps = 0; at; steps++) {
		if (steps >= FRAME_STEPS_MAX)
			return err_at(ERR_LIMIT, at, "chain of frames");
		if (at == mark)
			return err_at(ERR_CORRUPT, at, "chain of frames: it is a circle");
		if (!(steps & (steps - 1)))
			mark = at;
		struct link k;
		calls_reach(calls, at, out->n);
		TRY(read_link(rt, at, &k));
		shim = is_shim(rt, &k);
		if (shim)
			calls_shim(calls, at, out->n);
		else if (!is_being_popped(rt, th, &k)) {
			if (!k.code && !k.next)
				return err_at(ERR_CORRUPT, at, "frame of zeros");
			add_frame(p, rt, th, out, &k);
		}
		at = k.next;
	}
	/* 3.12's generators unlink themselves from their callers just before the thread is told so
	 */
	th->torn = has_shims(rt) && !shim;
	return th->torn ? err_of(ERR_CORRUPT, "callers of a generator that was yielding") : NO_ERR;
}

/* What a walk of a thread's frames gathers. */
struct walk {
	struct py_thread th; /* as the walk has it */
	struct frames frames;
	struct calls calls;
};

static void walk_fini(struct walk *w)
{
	free(w->frames.list);
	calls_fini(&w->calls);
}

/* skip: the innermost call of the evaluation function runs no frame yet. */
static void walk(struct python *p, const struct py_thread *th, bool skip, struct walk *ret)
{
	const struct py_runtime *rt = py_runtime_of(p, th);
	uint64_t first;
	*ret = (struct walk){ .th = *th };
	ret->th.n_omitted = 0;
	ret->th.torn = false;
	ret->th.why = first_link(rt, &ret->th, &first);
	calls_init(&ret->calls, rt, &ret->th);
	if (skip)
		first = calls_skip(&ret->calls);
	if (skip || !failed(ret->th.why))
		ret->th.why = follow(p, &ret->th, first, &ret->frames, &ret->calls);
	calls_finish(&ret->calls, ret->frames.list, ret->frames.n);
}

static bool went_wrong(const struct walk *w)
{
	return failed(w->th.why) || w->calls.lost;
}

/* 3.11 and 3.12 link a call's cframe before it names a frame: what it names meanwhile is left from
 * something else; but then it is memory of the process, and none that the core lost. */
static bool may_just_begin(const struct walk *w)
{
	bool lost = w->th.why.code == ERR_TRUNCATED || w->th.why.code == ERR_NOT_SAVED;
	return went_wrong(w) && !lost && w->th.has_cframe && py_is_evaluating(&w->th, w->th.cframe);
}

/* Whether the walk has met no frame of a code object. */
static bool met_nothing(const struct walk *w)
{
	for (size_t i = 0; i < w->frames.n; i++) {
		if (!failed(w->frames.list[i].place->code->why))
			return false;
	}
	return true;
}

static void *keep(struct python *p, const void *list, size_t n, size_t size)
{
	void *kept = arena_alloc(&p->arena, (n ? n : 1) * size);
	if (n)
		memcpy(kept, list, n * size);
	return kept;
}

void py_walk_frames(struct python *p, struct py_thread *th)
{
	CLEANUP(walk_fini) struct walk w, other = { 0 };
	const struct walk *best = &w;
	walk(p, th, false, &w);
	if (may_just_begin(&w)) {
		w.th.torn = true;
		if (w.calls.outer && met_nothing(&w))
			walk(p, th, true, &other);
		if (other.calls.n && !went_wrong(&other))
			best = &other;
	}
	*th = best->th;
	th->frames = keep(p, best->frames.list, best->frames.n, sizeof(*th->frames));
	th->n_frames = best->frames.n;
	th->entries = keep(p, best->calls.list, best->calls.n, sizeof(*th->entries));
	th->n_entries = best->calls.n;
	for (size_t i = 0; p->options.locals && i < th->n_frames; i++) {
		struct py_frame *f = &th->frames[i];
		f->variables = py_read_variables(p, py_runtime_of(p, th), f->addr, f->place->code);
	}
}

struct err py_frame_place(
	struct python *p, struct py_runtime *rt, uint64_t frame, const struct py_place **ret)
{
	struct link k;
	TRY(read_link(rt, frame, &k));
	const struct py_code *c = py_code_at(p, rt, k.code);
	TRY(c->why);
	*ret = py_place_at(p, c, byte_offset(rt, c, &k));
	return NO_ERR;
}

bool py_frames_plausible(const struct py_runtime *rt, uint64_t tstate)
{
	enum { DEPTH_MAX = 16 };
	struct py_thread th = { .addr = tstate };
	uint64_t at;
	if (failed(first_link(rt, &th, &at)))
		return false;
	for (int depth = 0; at && depth < DEPTH_MAX; depth++) {
		struct link k;
		if (failed(read_link(rt, at, &k)))
			return false;
		if (py_is_code(rt, k.code))
			return true;
		if (!has_shims(rt) && !py_may_be_code(rt, k.code))
			return false;
		at = k.next; /* a shim, or its names are lost: what called it decides */
	}
	return !at;
}
