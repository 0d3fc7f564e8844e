/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a stack. Below that of a thread lies a page without any access, below that of the main
 * thread nothing: the kernel lets it grow up to the limit of `ulimit -s`. The instruction that
 * faults there is one that goes to the stack, close to the stack pointer.
 */
#include "death.h"

#include <inttypes.h>
#include <signal.h>

enum {
	NEAR_MAX = 65536, /* bytes between the stack pointer and what is meant to be on its stack */
	FRAME_MAX = 1024 * 1024 * 1024, /* bytes of one frame that skips the guard */
	WITNESSES_MAX = 64, /* frames that are looked at to prove the stack */
	COUNTED_MAX = 4096, /* innermost frames among which functions are counted */
	FUNCTIONS_MAX = 3, /* that are named */
	MANY = 50, /* calls of a function that are a recursion */
};

/* *ret_any: whether it is known of any frame where it lies. */
static bool holds_frames(const struct death *d, const struct mem_range *r, bool *ret_any)
{
	*ret_any = false;
	for (size_t i = d->first; i < d->stack->n && i < d->first + WITNESSES_MAX; i++) {
		uint64_t cfa = d->stack->frames[i].cfa;
		if (cfa > r->start && cfa <= r->end)
			return true;
		*ret_any |= cfa != 0;
	}
	return false;
}

/* The stack that the frames are on: at addr, or above it. *ret_sure false: no frame is known, but
 * this may be it. */
static bool find_stack(const struct death *d, uint64_t addr, struct mem_range *ret, bool *ret_sure)
{
	struct mem_range r;
	bool any;
	for (uint64_t from = addr; mem_next_range(d->t->mem, from, &r); from = r.end) {
		if (r.start > addr && r.start - addr > FRAME_MAX)
			return false;
		bool holds = r.perm & MEM_WRITE && holds_frames(d, &r, &any);
		if (holds || (r.perm & MEM_WRITE && !any && r.start - addr <= NEAR_MAX)) {
			*ret = r;
			*ret_sure = holds;
			return true;
		}
	}
	return false;
}

static bool is_near(const struct death *d, uint64_t addr)
{
	uint64_t sp = d->there.regs.sp;
	bool pushes = !failed(d->in_why) && d->in.has_operand && d->in.pushes;
	return pushes || (addr < sp ? sp - addr : addr - sp) <= NEAR_MAX;
}

/* In front of the stack; or in its first pages, which newer C libraries guard without a mapping of
 * their own. */
static bool is_beyond(const struct death *d, uint64_t addr, const struct mem_range *stack)
{
	struct mem_range r;
	bool mapped = mem_range_at(d->t->mem, addr, &r);
	if (addr >= stack->start)
		return addr - stack->start < NEAR_MAX && d->info.code == SEGV_MAPERR;
	return !mapped || !(r.perm & (MEM_READ | MEM_WRITE));
}

/* Functions, or Python's code objects, by how often they are on a stack. */
struct tally {
	struct hash count;
	uint64_t top[FUNCTIONS_MAX]; /* the most frequent ones, in the order of the stack */
	size_t n_top, more;
};

static void tally_fini(struct tally *t)
{
	hash_fini(&t->count);
}

static void tally_add(struct tally *t, uint64_t key)
{
	uint64_t n = 0;
	(void)hash_get(&t->count, key, &n);
	hash_put(&t->count, key, n + 1);
}

/* Keeps the key if it recurs about as often as anything does. */
static void tally_keep(struct tally *t, uint64_t key, uint64_t most)
{
	uint64_t n = 0;
	if (!hash_get(&t->count, key, &n) || n < MANY || n * 4 < most)
		return;
	hash_put(&t->count, key, 0);
	if (t->n_top < FUNCTIONS_MAX)
		t->top[t->n_top++] = key;
	else
		t->more++;
}

static uint64_t native_key(const struct death *d, size_t i)
{
	const struct native_place *place = d->stack->frames[i].place;
	if (!place)
		return d->stack->frames[i].pc;
	return place->function_start ? place->function_start : place->address;
}

static void count_native(const struct death *d, struct tally *t)
{
	size_t end = d->first + COUNTED_MAX;
	uint64_t most = 0, n;
	end = end < d->stack->n ? end : d->stack->n;
	for (size_t i = d->first; i < end; i++) {
		tally_add(t, native_key(d, i));
		if (hash_get(&t->count, native_key(d, i), &n) && n > most)
			most = n;
	}
	for (size_t i = d->first; i < end; i++)
		tally_keep(t, native_key(d, i), most);
}

static uint64_t python_key(const struct py_frame *f)
{
	return f->place->code->addr;
}

static void count_python(const struct py_thread *th, struct tally *t)
{
	size_t end = th->n_frames < COUNTED_MAX ? th->n_frames : COUNTED_MAX;
	uint64_t most = 0, n;
	for (size_t i = 0; i < end; i++) {
		tally_add(t, python_key(&th->frames[i]));
		if (hash_get(&t->count, python_key(&th->frames[i]), &n) && n > most)
			most = n;
	}
	for (size_t i = 0; i < end; i++)
		tally_keep(t, python_key(&th->frames[i]), most);
}

static bool is_top(const struct tally *t, uint64_t key)
{
	for (size_t i = 0; i < t->n_top; i++) {
		if (t->top[i] == key)
			return true;
	}
	return false;
}

static void put_calls(struct str *to, const struct tally *t)
{
	if (t->more)
		str_addf(to, " and %zu more", t->more);
	str_puts(to, t->n_top + t->more > 1 ? " call each other" : " calls itself");
}

static void put_between(struct str *to, const struct tally *t, size_t i)
{
	if (i)
		str_puts(to, i + 1 == t->n_top && !t->more ? " and " : ", ");
}

/* Of guesses, neither the functions nor their number is sure. */
static bool has_guesses(const struct death *d)
{
	for (size_t i = d->first; i < d->stack->n && i < d->first + COUNTED_MAX; i++) {
		if (!is_sure(&d->stack->frames[i]))
			return true;
	}
	return false;
}

/* ": overflow (libdeaths.so) calls itself, 29000 frames deep"; false: it is no recursion. */
static bool put_native(struct death *d)
{
	CLEANUP(tally_fini) struct tally t = { 0 };
	size_t deep = 0;
	count_native(d, &t);
	if (!t.n_top)
		return false;
	str_puts(&d->what, has_guesses(d) ? ": likely " : ": ");
	for (size_t i = 0; i < t.n_top; i++) {
		size_t k = d->first;
		while (native_key(d, k) != t.top[i])
			k++;
		put_between(&d->what, &t, i);
		put_function(&d->what, &d->stack->frames[k]);
	}
	put_calls(&d->what, &t);
	if (has_guesses(d)) {
		str_puts(&d->what, " (frames that are guesses)");
		return true;
	}
	for (size_t i = d->first; i < d->stack->n; i++)
		deep += is_top(&t, native_key(d, i));
	str_addf(&d->what, ", %s%zu calls deep", d->stack->cut ? "more than " : "", deep);
	return true;
}

/* Python's functions recur through C: each call of one is a call of the evaluation function. */
static bool runs_python(const struct death *d)
{
	static const char *const names[] = { "_PyEval_EvalFrameDefault", "PyEval_EvalFrameEx" };
	size_t n = 0;
	for (size_t i = d->first; i < d->stack->n && i < d->first + COUNTED_MAX; i++) {
		for (size_t k = 0; k < ARRAY_LEN(names); k++)
			n += frame_named(&d->stack->frames[i], names[k]);
	}
	return n >= MANY;
}

static bool put_python(struct death *d)
{
	CLEANUP(tally_fini) struct tally t = { 0 };
	const struct py_thread *th = death_thread(d);
	size_t deep = 0;
	bool known = runs_python(d);
	if (!th || (!known && !has_guesses(d)))
		return false;
	count_python(th, &t);
	if (!t.n_top)
		return false;
	d->names_python = true;
	str_puts(&d->what, known ? ": in Python, " : ": likely in Python, ");
	for (size_t i = 0; i < t.n_top; i++) {
		size_t k = 0;
		while (python_key(&th->frames[k]) != t.top[i])
			k++;
		put_between(&d->what, &t, i);
		put_py_function(&d->what, &th->frames[k]);
	}
	put_calls(&d->what, &t);
	for (size_t i = 0; i < th->n_frames; i++)
		deep += is_top(&t, python_key(&th->frames[i]));
	str_addf(&d->what, ", %s%zu calls deep", th->n_omitted ? "more than " : "", deep);
	return true;
}

/* Frames further out that are lost are not counted. */
static void put_depth(struct death *d)
{
	size_t deep = d->stack->n - d->first;
	if (deep > 1 && !failed(d->stack->why) && !d->stack->cut)
		str_addf(&d->what, ", %zu frames deep", deep);
}

/* Not by recursion: which frame takes most of the stack. */
static void put_largest(struct death *d, const struct mem_range *stack)
{
	uint64_t below = d->there.regs.sp, most = 0;
	size_t found = 0;
	for (size_t i = d->first; i < d->stack->n; i++) {
		uint64_t cfa = d->stack->frames[i].cfa;
		if (cfa > below && cfa <= stack->end && cfa - below > most) {
			most = cfa - below;
			found = i;
		}
		below = cfa;
	}
	if (most < (stack->end - stack->start) / 4) {
		put_depth(d);
		return;
	}
	str_puts(&d->what, ": ");
	put_function(&d->what, &d->stack->frames[found]);
	str_puts(&d->what, " alone takes ");
	put_size(&d->what, most);
}

bool judge_overflow(struct death *d, uint64_t addr)
{
	struct mem_range stack;
	bool sure;
	uint64_t sp = d->there.regs.sp, lowest = addr < sp ? addr : sp;
	if (!is_near(d, addr) || !find_stack(d, lowest, &stack, &sure) ||
		!is_beyond(d, addr, &stack) || sp > stack.start + NEAR_MAX)
		return false;
	d->v->cause = CAUSE_STACK_OVERFLOW;
	/* it may say so already, where the address is not the kernel's */
	str_puts(&d->what, sure || d->what.len ? "stack overflow" : "likely stack overflow");
	if (!put_python(d) && !put_native(d))
		put_largest(d, &stack);
	AUTO_STR(size);
	put_size(&size, stack.end - stack.start);
	put_detail(d, "address 0x%" PRIx64 " is below the stack, of %s at 0x%" PRIx64 "-0x%" PRIx64,
		addr, str_text(&size), stack.start, stack.end);
	return true;
}
