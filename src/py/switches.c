/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OS thread that enters another interpreter, of this Python or another one, has a state in each.
 * Its one stack is then in pieces: which state runs which is told by where on the C stack each call
 * of the evaluation function keeps its address (3.10 on). Before, the address of a frame object
 * stands on the C stack from the call that runs it inwards, so the outermost place where it does
 * tells where that call is; but an address that was left there by something else tells the same.
 * What is most likely then, that a thread leaves an interpreter only for good, is believed if no
 * frame contradicts it.
 */
#include "py_internal.h"

#include <string.h>

/* One call of the evaluation function. */
struct call {
	size_t state, entry; /* in python.threads, and in its entries */
	uint64_t at; /* on the C stack; 0: not known */
};

/* The states of one OS thread. */
struct states {
	struct python *p;
	size_t first, n; /* in python.threads */
	struct call *calls; /* state by state, each one's innermost first; owned */
	size_t n_calls;
	bool sure; /* the order of the calls is known */
	bool by_frames; /* for some of them it is told by frame objects */
};

static void gather(struct states *s)
{
	size_t cap = 0;
	for (size_t i = s->first; i < s->first + s->n; i++) {
		const struct py_thread *th = &s->p->threads[i];
		for (size_t k = 0; k < th->n_entries; k++) {
			s->calls = xgrow(s->calls, &cap, s->n_calls, sizeof(*s->calls));
			s->calls[s->n_calls++] = (struct call){ i, k, th->entries[k].on_stack };
		}
	}
}

/* How many calls from here on are of one state. */
static size_t same_state(const struct states *s, size_t from)
{
	size_t n = 0;
	while (from + n < s->n_calls && s->calls[from + n].state == s->calls[from].state)
		n++;
	return n;
}

static bool in_order(const struct call *calls, size_t n)
{
	uint64_t before = 0;
	for (size_t i = 0; i < n; i++) {
		if (calls[i].at && calls[i].at < before)
			return false;
		before = calls[i].at ? calls[i].at : before;
	}
	return before;
}

/* The calls of one state. One that keeps no address, as it is about to end, goes with the next one.
 * False: none of them has one, or they are not in order, and now none has one. */
static bool complete(struct call *calls, size_t n)
{
	bool good = in_order(calls, n);
	size_t known = 0;
	while (known < n && !calls[known].at)
		known++;
	for (size_t i = 0; i < n; i++) {
		if (!good)
			calls[i].at = 0;
		else if (i < known)
			calls[i].at = calls[known].at;
		else if (!calls[i].at)
			calls[i].at = calls[i - 1].at;
	}
	return good;
}

/* A search for frame objects on a C stack. */
struct search {
	const struct mem *mem;
	struct hash frames; /* address of a frame -> the call that runs it */
	uint64_t *at; /* where each call's frame was seen last; 0: nowhere */
};

static bool see_frame(void *ctx, const uint8_t *bytes, uint64_t addr, size_t n)
{
	struct search *s = ctx;
	uint64_t call;
	for (size_t i = 0; i + s->mem->ptr_size <= n; i += s->mem->ptr_size) {
		if (hash_get(&s->frames, bytes_uint(bytes + i, s->mem->ptr_size, s->mem->order),
			    &call))
			s->at[call] = addr + i;
	}
	return false;
}

/* Frame objects have a call each. */
static void add_frames(const struct states *s, struct search *search)
{
	for (size_t i = 0; i < s->n_calls; i++) {
		const struct call *c = &s->calls[i];
		const struct py_thread *th = &s->p->threads[c->state];
		if (!c->at && th->n_entries == th->n_frames &&
			py_runtime_of(s->p, th)->layout.row->frames == FRAMES_OBJECTS)
			hash_put(&search->frames, th->frames[c->entry].addr, i);
	}
}

/* Places the calls that keep no addresses where their frames show; each state's outermost frame
 * must, and what is not in order goes with it. */
static void place_by_frames(struct states *s)
{
	struct search search = { .mem = s->p->target->mem };
	AUTO_FREE uint64_t *at = search.at = xcalloc(s->n_calls, sizeof(*at));
	add_frames(s, &search);
	(void)py_see_stack(s->p, s->p->threads[s->first].os, see_frame, &search);
	hash_fini(&search.frames);
	for (size_t i = 0, n; i < s->n_calls; i += n) {
		n = same_state(s, i);
		bool searched = !s->calls[i].at;
		for (size_t k = i; searched && k < i + n; k++)
			s->calls[k].at = at[k];
		if (!searched || (at[i + n - 1] && complete(s->calls + i, n)))
			continue;
		for (size_t k = i; k < i + n; k++)
			s->calls[k].at = at[i + n - 1];
	}
	s->by_frames = true;
}

static void place_calls(struct states *s)
{
	bool all = true;
	for (size_t i = 0, n; i < s->n_calls; i += n) {
		n = same_state(s, i);
		all &= complete(s->calls + i, n);
	}
	s->sure = true;
	if (!all)
		place_by_frames(s);
	for (size_t i = 0; i < s->n_calls; i++)
		s->sure &= s->calls[i].at != 0;
}

static int by_depth(const void *a, const void *b)
{
	const struct call *x = a, *y = b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->state != y->state)
		return x->state > y->state ? -1 : 1; /* a younger interpreter */
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* The thread state that runs, where Python keeps it in a variable; any other lock names the state
 * that took it, from which the thread may have switched to another one. */
static bool contradicts_gil(const struct states *s)
{
	for (size_t i = s->first; i < s->first + s->n; i++) {
		const struct py_thread *th = &s->p->threads[i];
		if (th->gil == GIL_HOLDER && th->n_frames && s->calls[0].state != i &&
			py_runtime_of(s->p, th)->var_current)
			return true;
	}
	return false;
}

/* Whether a state has others between its calls. */
static bool interleaved(const struct states *s)
{
	AUTO_FREE bool *seen = xcalloc(s->n, sizeof(*seen));
	for (size_t i = 0; i < s->n_calls; i++) {
		bool *state = &seen[s->calls[i].state - s->first];
		if (*state && s->calls[i - 1].state != s->calls[i].state)
			return true;
		*state = true;
	}
	return false;
}

static void sort_calls(struct states *s)
{
	qsort(s->calls, s->n_calls, sizeof(*s->calls), by_depth);
	s->sure &= !contradicts_gil(s) && !(s->by_frames && interleaved(s));
}

/* Puts the states in the order of their innermost calls; those that run nothing come last. */
static void sort_states(struct states *s)
{
	struct py_thread *list = s->p->threads + s->first;
	AUTO_FREE struct py_thread *sorted = xcalloc(s->n, sizeof(*sorted));
	AUTO_FREE size_t *place = xcalloc(s->n, sizeof(*place));
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		place[i] = SIZE_MAX;
	for (size_t i = 0; i < s->n_calls + s->n; i++) {
		size_t state = i < s->n_calls ? s->calls[i].state - s->first : i - s->n_calls;
		if (place[state] != SIZE_MAX)
			continue;
		sorted[n] = list[state];
		place[state] = n++;
	}
	memcpy(list, sorted, s->n * sizeof(*list));
	for (size_t i = 0; i < s->n_calls; i++)
		s->calls[i].state = s->first + place[s->calls[i].state - s->first];
}

/* Damage can leave frames that no call runs: they go with the outermost piece of their state. */
static size_t add_left(
	const struct states *s, const size_t *frame, struct py_piece *pieces, size_t n)
{
	const struct py_thread *states = s->p->threads + s->first;
	AUTO_FREE struct py_piece **last = xcalloc(s->n, sizeof(*last));
	for (size_t i = 0; i < n; i++)
		last[pieces[i].th - states] = &pieces[i];
	for (size_t i = 0; i < s->n; i++) {
		if (!last[i] && states[i].n_frames) {
			last[i] = &pieces[n++];
			*last[i] = (struct py_piece){ .th = &states[i] };
		}
		if (last[i])
			last[i]->n_frames += states[i].n_frames - frame[i];
	}
	return n;
}

/* The calls as pieces of one state each, in the arena. */
static struct py_piece *make_pieces(const struct states *s, size_t *ret_n)
{
	struct py_piece *pieces = arena_alloc(&s->p->arena, (s->n_calls + s->n) * sizeof(*pieces));
	AUTO_FREE size_t *frame = xcalloc(s->n, sizeof(*frame)); /* the next one of each state */
	size_t n = 0;
	for (size_t i = 0; i < s->n_calls; i++) {
		const struct call *c = &s->calls[i];
		const struct py_thread *th = &s->p->threads[c->state];
		size_t *next = &frame[c->state - s->first];
		if (!n || pieces[n - 1].th != th)
			pieces[n++] =
				(struct py_piece){ .th = th, .entry = c->entry, .frame = *next };
		pieces[n - 1].n_entries++;
		pieces[n - 1].n_frames += th->entries[c->entry].n_frames;
		*next += th->entries[c->entry].n_frames;
	}
	*ret_n = add_left(s, frame, pieces, n);
	return pieces;
}

static bool share_lock(const struct python *p, const struct py_thread *a, const struct py_thread *b)
{
	const struct py_interpreter *x = &p->interpreters[a->interpreter],
				    *y = &p->interpreters[b->interpreter];
	return x->runtime == y->runtime && x->gil.addr == y->gil.addr;
}

/* Of states that share a lock the innermost one has it, or waits for it. */
static void settle_gil(const struct states *s)
{
	struct py_thread *inner = &s->p->threads[s->first];
	for (size_t i = 1; inner->n_frames && i < s->n; i++) {
		struct py_thread *th = &inner[i];
		if (!share_lock(s->p, inner, th) ||
			(th->gil != GIL_HOLDER && th->gil != GIL_WAITING))
			continue;
		inner->gil = inner->gil == GIL_HOLDER ? GIL_HOLDER : th->gil;
		th->gil = GIL_NONE;
	}
}

static void settle_states(struct states *s)
{
	gather(s);
	place_calls(s);
	if (s->n_calls)
		sort_calls(s);
	sort_states(s);
	size_t n_pieces;
	const struct py_piece *pieces = make_pieces(s, &n_pieces);
	for (size_t i = 0; i < s->n; i++) {
		struct py_thread *th = &s->p->threads[s->first + i];
		th->state = i;
		th->n_states = s->n;
		th->pieces = pieces;
		th->n_pieces = n_pieces;
		th->pieces_sure = s->sure || n_pieces < 2;
	}
	if (s->sure)
		settle_gil(s);
	free(s->calls);
}

void py_order_switches(struct python *p)
{
	for (size_t i = 0, n; i < p->n_threads; i += n) {
		n = 1;
		while (p->threads[i].os && i + n < p->n_threads &&
			p->threads[i + n].os == p->threads[i].os)
			n++;
		struct states s = { .p = p, .first = i, .n = n };
		if (n > 1)
			settle_states(&s);
	}
}
