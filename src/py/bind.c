/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which OS thread a thread state belongs to. Its thread_id is a pthread_t, and that is the thread
 * pointer which the kernel keeps in a register (fs_base on x86-64): no struct of the C library is
 * needed where registers are at hand. Else the kernel's own number is used, stored by Python
 * from 3.11 on, or read out of glibc's struct pthread.
 *
 * One trap: in 3.8 to 3.12 a sub-interpreter's thread state keeps the ids of the thread that
 * created it, whoever runs it now. Where two states claim one thread, the C stacks decide: the one
 * that runs a state holds the state's frames in its evaluation loop.
 */
#include "py_internal.h"

#include "pycore/elfcore.h"

#include <elf.h>
#include <linux/futex.h>
#include <string.h>

/* OS threads by what names them; the values are their indices. */
struct by_id {
	struct hash tls, ns_tid;
	bool all_tls; /* every OS thread's thread pointer is known */
	uint64_t tid_offset; /* of the kernel's number in struct pthread; 0: unknown */
};

/*
 * glibc's threads (2.31 to 2.43). tid_at: where struct pthread has the kernel's number, behind a
 * head of 24 words, or more, and a list's links (nptl/descr.h). pthread_t is the address of that
 * struct. The thread pointer is the same; but on ARM it stands behind the struct, whose size tells
 * only the library (sysdeps/ARCH/nptl/tls.h).
 */
struct c_threads {
	uint16_t machine, tid_at;
	bool pointer_is_id;
};

static const struct c_threads *c_threads_of(const struct target *t)
{
	static const struct c_threads rows[] = {
		{ EM_X86_64, 720, true },
		{ EM_386, 104, true },
		{ EM_AARCH64, 208, false },
		{ EM_ARM, 104, false },
		{ EM_S390, 208, true },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].machine == t->machine)
			return &rows[i];
	}
	return NULL;
}

uint64_t py_thread_id_of(const struct target *t, const struct os_thread *os)
{
	const struct c_threads *c = c_threads_of(t);
	return c && c->pointer_is_id && os->regs.has_tls ? os->regs.tls : 0;
}

static void index_threads(const struct target *t, struct by_id *ids)
{
	const struct c_threads *c = c_threads_of(t);
	ids->all_tls = t->n_threads > 0;
	ids->tid_offset = c ? c->tid_at : 0;
	for (size_t i = 0; i < t->n_threads; i++) {
		const struct os_thread *os = &t->threads[i];
		uint64_t id = py_thread_id_of(t, os);
		if (id)
			hash_put(&ids->tls, id, i);
		else
			ids->all_tls = false;
		hash_put(&ids->ns_tid, (uint64_t)os->ns_tid, i);
	}
}

static const char not_here[] =
	"no thread of this process has its id: left over from a fork, or ended";
static const char starting[] = "is being started and has not run yet";

static void bind_one(struct python *p, const struct by_id *ids, struct py_thread *th)
{
	struct target *t = p->target;
	uint64_t i, tid = th->native_id;
	if (!th->thread_id) {
		th->os_why = starting;
		return;
	}
	if (hash_get(&ids->tls, th->thread_id, &i)) {
		th->os = &t->threads[i];
		return;
	}
	if (ids->all_tls) {
		th->os_why = not_here;
		return;
	}
	if (!tid && ids->tid_offset && th->thread_id > 4096 &&
		failed(mem_uint(t->mem, th->thread_id + ids->tid_offset, 4, &tid)))
		tid = 0;
	if (tid && hash_get(&ids->ns_tid, tid, &i) && !py_thread_id_of(t, &t->threads[i]))
		th->os = &t->threads[i];
	else
		th->os_why = not_here;
}

/* A search for a word. */
struct needle {
	const struct mem *mem;
	uint64_t word;
};

static bool see_needle(void *ctx, const uint8_t *bytes, uint64_t addr, size_t n)
{
	const struct needle *s = ctx;
	(void)addr;
	for (size_t i = 0; i + s->mem->ptr_size <= n; i += s->mem->ptr_size) {
		if (bytes_uint(bytes + i, s->mem->ptr_size, s->mem->order) == s->word)
			return true;
	}
	return false;
}

/* True if addr lies on the thread's C stack above its stack pointer. */
static bool stack_spans(const struct target *t, const struct os_thread *os, uint64_t addr)
{
	struct mem_range r;
	return os->regs.has_sp && addr >= os->regs.sp && mem_range_at(t->mem, os->regs.sp, &r) &&
	       addr < r.end;
}

static bool runs_on(struct python *p, const struct py_thread *th, const struct os_thread *os)
{
	const struct target *t = p->target;
	struct needle frame = { t->mem, th->frames[0].addr };
	for (size_t i = 0; i < th->n_entries; i++) {
		if (th->entries[i].on_stack)
			return stack_spans(t, os, th->entries[i].on_stack);
	}
	return th->has_cframe ? stack_spans(t, os, th->cframe)
			      : py_see_stack(p, os, see_needle, &frame);
}

/* Finds the OS thread that runs a state which claims another one's. */
static void bind_by_stack(struct python *p, struct py_thread *th)
{
	struct target *t = p->target;
	const struct os_thread *found = NULL;
	for (size_t i = 0; i < t->n_threads; i++) {
		if (!runs_on(p, th, &t->threads[i]))
			continue;
		if (found) {
			found = NULL;
			break;
		}
		found = &t->threads[i];
	}
	th->os = found;
	th->os_why = found ? NULL
			   : "two thread states name the same thread, and the C stacks do not tell "
			     "which one it runs";
}

/* Who claims which OS thread, by thread_id. */
struct claims {
	struct hash first; /* of one interpreter: index of the oldest state that claims it */
	struct hash interpreter; /* the interpreter whose states claim it, or MANY */
};
static const uint64_t MANY = UINT64_MAX;

static uint64_t claim_key(const struct py_thread *th)
{
	return th->thread_id ^ (uint64_t)th->interpreter << 48;
}

static void gather_claims(const struct python *p, struct claims *c)
{
	for (size_t i = 0; i < p->n_threads; i++) {
		const struct py_thread *th = &p->threads[i];
		uint64_t known;
		if (!hash_get(&c->first, claim_key(th), &known))
			hash_put(&c->first, claim_key(th), i);
		if (!hash_get(&c->interpreter, th->thread_id, &known))
			hash_put(&c->interpreter, th->thread_id, th->interpreter);
		else if (known != th->interpreter)
			hash_put(&c->interpreter, th->thread_id, MANY);
	}
}

/* Until a new thread runs for the first time its state bears the id of the thread that made it
 * (to 3.11), which has a state of its own, an older one. */
static bool is_starting(const struct python *p, const struct claims *c, const struct py_thread *th)
{
	uint64_t first;
	return !th->n_frames && hash_get(&c->first, claim_key(th), &first) &&
	       &p->threads[first] != th;
}

static void settle_claim(struct python *p, const struct claims *c, struct py_thread *th)
{
	uint64_t interpreter = 0;
	if (!th->thread_id)
		return;
	if (is_starting(p, c, th)) {
		th->os = NULL;
		th->os_why = starting;
		return;
	}
	(void)hash_get(&c->interpreter, th->thread_id, &interpreter);
	if (p->interpreters[th->interpreter].main || interpreter != MANY)
		return;
	if (th->n_frames) {
		bind_by_stack(p, th);
	} else {
		th->os = NULL;
		th->os_why = "no thread runs this interpreter now";
	}
}

static void settle_claims(struct python *p)
{
	struct claims c = { 0 };
	gather_claims(p, &c);
	for (size_t i = 0; i < p->n_threads; i++)
		settle_claim(p, &c, &p->threads[i]);
	hash_fini(&c.first);
	hash_fini(&c.interpreter);
}

static bool is_main(const struct python *p, const struct py_thread *th)
{
	const struct py_runtime *rt = py_runtime_of(p, th);
	uint64_t main = 0;
	if (!th->os)
		return false;
	if (layout_has(&rt->layout, FIELD_runtime_main_thread))
		(void)!failed(py_field(rt, rt->addr, FIELD_runtime_main_thread, &main));
	else if (rt->var_main_thread)
		(void)!failed(mem_ptr(rt->mem, rt->var_main_thread, &main));
	/* a state that another thread runs must not be judged by the id that it keeps */
	uint64_t id = py_thread_id_of(p->target, th->os);
	if (main && id)
		return id == main;
	return main ? th->thread_id == main : th->os->tid == p->target->pid;
}

/* Who sends a signal to glibc's condition variable may first wait there itself, for those that an
 * earlier one woke. For the GIL that is the thread that had it last: while it waits for the GIL
 * another one has it. */
static bool signals(
	const struct py_runtime *rt, const struct py_gil *gil, uint64_t tstate, uint64_t word)
{
	const struct field_at *cond = &rt->layout.field[FIELD_gil_cond];
	uint64_t last;
	return layout_has(&rt->layout, FIELD_gil_cond) &&
	       layout_has(&rt->layout, FIELD_gil_mutex) && word < gil->start + cond->size &&
	       !failed(py_field(rt, gil->start - cond->offset, FIELD_gil_last_holder, &last)) &&
	       last == tstate;
}

/* Who gives the lock away makes the same system call at the same address, to wake others. */
static bool waits_for(const struct python *p, const struct py_thread *th)
{
	const struct py_gil *gil = &p->interpreters[th->interpreter].gil;
	const struct core_arch *arch = core_arch_find(p->target->machine, p->target->mem->ptr_size);
	const struct os_thread *os = th->os;
	if (!os || !arch || !gil->start || !os->regs.has_syscall ||
		(os->regs.syscall != arch->futex && os->regs.syscall != arch->restart))
		return false;
	uint64_t word = os->regs.syscall_args[0];
	int op = (int)os->regs.syscall_args[1] & FUTEX_CMD_MASK;
	return (op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET) && word >= gil->start &&
	       word < gil->end && !signals(py_runtime_of(p, th), gil, th->addr, word);
}

static enum gil_state gil_state_of(const struct python *p, const struct py_thread *th)
{
	const struct py_interpreter *in = &p->interpreters[th->interpreter];
	uint64_t requested;
	if (in->gil.known && in->gil.holder == th->addr)
		return GIL_HOLDER;
	if (!failed(py_field(
		    py_runtime_of(p, th), th->addr, FIELD_tstate_gil_requested, &requested)) &&
		(uint32_t)requested == 1)
		return GIL_WAITING;
	if (waits_for(p, th))
		return GIL_WAITING;
	if (!in->gil.waiters_known || !th->os || !th->os->regs.has_syscall)
		return GIL_UNKNOWN;
	return GIL_NONE;
}

static void add_unknown(struct python *p)
{
	size_t known = p->n_threads;
	const struct os_thread *threads = p->target->threads;
	AUTO_FREE bool *bound = xcalloc(p->target->n_threads, sizeof(*bound));
	for (size_t i = 0; i < known; i++) {
		if (p->threads[i].os)
			bound[p->threads[i].os - threads] = true;
	}
	for (size_t i = 0; i < p->target->n_threads; i++) {
		const struct os_thread *os = &threads[i];
		if (bound[i])
			continue;
		p->threads = xgrow(p->threads, &p->cap_threads, p->n_threads, sizeof(*p->threads));
		p->threads[p->n_threads++] =
			(struct py_thread){ .os = os, .main = !known && os->tid == p->target->pid };
	}
}

/* A thread's place in the report; states that one OS thread runs stay together. */
struct place {
	int rank;
	size_t anchor, interpreter;
	struct py_thread thread;
};

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank - y->rank;
	if (x->anchor != y->anchor)
		return x->anchor < y->anchor ? -1 : 1;
	return x->interpreter > y->interpreter ? -1 : x->interpreter < y->interpreter;
}

static int rank_of(const struct py_thread *th)
{
	if (th->os && th->os->crashed)
		return 0;
	if (th->main)
		return 1;
	return th->addr ? 2 : 3;
}

static void put_in_order(struct python *p)
{
	struct place *places = xcalloc(p->n_threads, sizeof(*places));
	CLEANUP(hash_fini) struct hash first = { 0 };
	for (size_t i = 0; i < p->n_threads; i++) {
		const struct py_thread *th = &p->threads[i];
		uint64_t anchor = i;
		if (th->os && !hash_get(&first, (uintptr_t)th->os, &anchor))
			hash_put(&first, (uintptr_t)th->os, i);
		places[i] = (struct place){ rank_of(th), anchor, th->interpreter, *th };
		if (places[anchor].rank > places[i].rank) /* main in one of several Pythons */
			places[anchor].rank = places[i].rank;
	}
	for (size_t i = 0; i < p->n_threads; i++)
		places[i].rank = places[places[i].anchor].rank;
	if (p->n_threads)
		qsort(places, p->n_threads, sizeof(*places), by_place);
	for (size_t i = 0; i < p->n_threads; i++)
		p->threads[i] = places[i].thread;
	free(places);
}

void py_identify_threads(struct python *p)
{
	struct by_id ids = { 0 };
	index_threads(p->target, &ids);
	for (size_t i = 0; i < p->n_threads; i++)
		bind_one(p, &ids, &p->threads[i]);
	hash_fini(&ids.tls);
	hash_fini(&ids.ns_tid);
}

void py_settle_threads(struct python *p)
{
	settle_claims(p);
	for (size_t i = 0; i < p->n_threads; i++) {
		p->threads[i].main = is_main(p, &p->threads[i]);
		p->threads[i].gil = gil_state_of(p, &p->threads[i]);
	}
	add_unknown(p);
	put_in_order(p);
	py_order_switches(p);
	py_count_threads(p);
}
