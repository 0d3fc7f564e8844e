/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What registers point to. A thread's stack reaches from its stack pointer to the thread control
 * block, which C libraries put at the top of the stacks that they allocate, or else, of the stack
 * that the kernel made, to the end of its mapping: the one with what the kernel put there; where
 * that is not known, the highest one that can be written. A stack pointer anywhere else (a
 * handler's own stack, a coroutine's) proves nothing of what lies above it. A stack pointer in the
 * guard, the mapping without any access that ends where a stack begins, is one of that stack.
 */
#include "pycore/registers.h"

#include "pycore/alloc.h"

#include <elf.h>
#include <signal.h>
#include <stdlib.h>

/* How short objects are shown, and how far below a stack pointer its stack may lie idle. */
static const struct value_limits SHORT = { .max_string = 60, .max_items = 5, .max_depth = 1 };
enum { IDLE_STACK_MAX = 65536 };

struct reader {
	struct python *p;
	const struct os_thread *th; /* whose registers they are */
	struct target *t;
	struct unwind *u;
	uint64_t first; /* end of the stack that the kernel made; 0: not looked for */
	struct value_limits limits;
};

static unsigned lesser(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static struct value_limits short_limits(const struct value_limits *asked)
{
	return (struct value_limits){ .max_string = lesser(asked->max_string, SHORT.max_string),
		.max_items = lesser(asked->max_items, SHORT.max_items),
		.max_depth = lesser(asked->max_depth, SHORT.max_depth),
		.redact = asked->redact };
}

/* The file that is mapped at addr; a file's variables that begin as 0 follow its last page. */
static struct image *image_of(struct target *t, uint64_t addr)
{
	struct image *img = target_image_at(t, addr);
	for (size_t i = 0; !img && i < t->n_images && image_start(&t->images[i]) <= addr; i++) {
		struct image *at = &t->images[i];
		for (size_t k = 0; k < at->n_phdrs; k++) {
			const struct elf_phdr *ph = &at->phdrs[k];
			if (ph->type == PT_LOAD && addr - at->bias - ph->vaddr < ph->memsz)
				img = at;
		}
	}
	return img;
}

/* The segment of the file that addr belongs to; NULL: not known. */
static const struct elf_phdr *segment_of(
	const struct image *img, uint64_t addr, const struct elf_phdr **ret_first)
{
	*ret_first = NULL;
	for (size_t i = 0; i < img->n_phdrs; i++) {
		const struct elf_phdr *ph = &img->phdrs[i];
		if (ph->type != PT_LOAD)
			continue;
		if (!*ret_first)
			*ret_first = ph;
		if (addr - img->bias - ph->vaddr < ph->memsz)
			return ph;
	}
	return NULL;
}

/* The place of one address. */
static const struct native_place *place_of(struct unwind *u, uint64_t addr)
{
	struct native_frame frame = { .pc = addr, .exact = true };
	struct native_stack stack = { .frames = &frame, .n = 1 };
	unwind_name(u, &stack, UNWIND_QUICK);
	return frame.place;
}

static bool is_in_text(struct target *t, uint64_t addr)
{
	struct image_symbol text;
	struct image *img = image_of(t, addr);
	return img && !failed(image_section(img, ".text", &text)) && addr - text.addr < text.size;
}

static bool points_to_code(
	struct reader *r, struct register_value *v, const struct mem_range *range)
{
	const struct elf_phdr *first = NULL, *segment = NULL;
	if (v->image && v->image->elf)
		segment = segment_of(v->image, v->value, &first);
	if (segment ? !(segment->flags & PF_X) : !(range->perm & MEM_EXEC))
		return false;
	const struct native_place *place = r->u ? place_of(r->u, v->value) : NULL;
	/* a segment that begins with the file's header has its constants, too */
	bool mixed = segment && segment == first;
	if (mixed && !(place && place->calls[0].function) && !is_in_text(r->t, v->value))
		return false;
	v->points = POINTS_CODE;
	v->place = place;
	return true;
}

/* The end of the stack that the kernel made. */
static uint64_t find_first(struct target *t)
{
	struct mem_range range;
	uint64_t end = 0;
	if (t->first_stack && mem_range_at(t->mem, t->first_stack, &range) &&
		range.perm & MEM_WRITE)
		return range.end;
	for (uint64_t from = 0; mem_next_range(t->mem, from, &range); from = range.end) {
		if (range.perm & MEM_WRITE)
			end = range.end;
		if (range.end <= from)
			break;
	}
	return end;
}

/* Where the thread's stack ends, if its stack pointer is in that mapping; 0: not known. */
static uint64_t stack_end(struct reader *r, const struct core_regs *regs, const struct mem_range *m)
{
	if (regs->has_tls && regs->tls > regs->sp && regs->tls < m->end)
		return regs->tls;
	if (!r->first)
		r->first = find_first(r->t);
	return m->end == r->first ? m->end : 0;
}

/* The mapping together with its guard, or that of which it is the guard. False: it is no stack. */
static bool with_guard(struct mem *m, const struct mem_range *range, struct mem_range *ret)
{
	struct mem_range guard = *range, stack = *range;
	if (range->perm & MEM_WRITE) {
		if (!mem_range_at(m, range->start - 1, &guard) || guard.perm)
			guard = *range;
	} else if (range->perm || !mem_range_at(m, range->end, &stack)) {
		return false;
	}
	*ret = stack;
	ret->start = guard.start;
	return stack.perm & MEM_WRITE;
}

/* The thread whose stack pointer is the nearest one below, or the only one above. */
static bool points_to_stack(
	struct reader *r, struct register_value *v, const struct mem_range *range)
{
	const struct os_thread *found = NULL;
	struct mem_range stack;
	if (v->image || !with_guard(r->t->mem, range, &stack))
		return false;
	for (size_t i = 0; i < r->t->n_threads; i++) {
		const struct os_thread *th = &r->t->threads[i];
		if (th->tid == r->th->tid)
			th = r->th;
		uint64_t sp = th->regs.sp;
		if (!th->regs.has_sp || sp < stack.start || sp >= stack.end)
			continue;
		bool above = sp > v->value;
		if (above && sp - v->value > IDLE_STACK_MAX)
			continue;
		bool was_above = found && found->regs.sp > v->value;
		if (!found || (was_above && !above) ||
			(was_above == above && (sp > found->regs.sp) != above))
			found = th;
	}
	uint64_t end = found ? stack_end(r, &found->regs, &stack) : 0;
	if (v->value >= end)
		return false;
	v->points = POINTS_STACK;
	v->tid = found->tid;
	v->below = v->value < found->regs.sp;
	return true;
}

static void follow(struct reader *r, struct register_value *v)
{
	struct mem_range range;
	if (!mem_range_at(r->t->mem, v->value, &range))
		return;
	struct image *img = image_of(r->t, v->value);
	if (img)
		(void)failed(image_probe(img, r->t->mem));
	v->image = img;
	if (points_to_code(r, v, &range) || points_to_stack(r, v, &range))
		return;
	v->object = python_prove(r->p, v->value, &r->limits);
	v->points = v->object ? POINTS_OBJECT : POINTS_DATA;
}

/* Whether what an instruction did is why the thread died. */
static bool died_of_instruction(const struct target *t, const struct os_thread *th)
{
	const struct target_signal *s = &t->signal;
	bool fault = s->signo == SIGSEGV || s->signo == SIGBUS || s->signo == SIGILL ||
		     s->signo == SIGFPE || s->signo == SIGTRAP;
	return th->crashed && fault && (!s->info.present || s->info.code > 0);
}

static void read_instruction(struct target *t, const struct os_thread *th, struct registers *ret)
{
	if (!died_of_instruction(t, th))
		return;
	ret->has_instruction = true;
	ret->instruction_why = instruction_read(t, th, &ret->instruction);
}

static bool is_number(const struct core_arch *a, const struct core_reg *reg)
{
	/* the flags stand behind the program counter */
	return reg > &a->regs[0] && reg[-1].at == a->pc;
}

void registers_read(
	struct python *p, struct unwind *u, const struct os_thread *th, struct registers *ret)
{
	struct target *t = p->target;
	const struct core_arch *a = core_arch_find(t->machine, t->mem->ptr_size);
	struct reader r = {
		.p = p, .th = th, .t = t, .u = u, .limits = short_limits(&p->options.limits)
	};
	*ret = (struct registers){ 0 };
	if (!a || !th->regs.raw)
		return;
	ret->list = xcalloc(a->n_shown, sizeof(*ret->list));
	for (ret->n = 0; ret->n < a->n_shown; ret->n++) {
		struct register_value *v = &ret->list[ret->n];
		v->name = a->regs[ret->n].name;
		v->size = (unsigned)a->reg_size;
		v->unknown = !core_regs_get(a, t->mem->order, &th->regs, v->name, &v->value);
		if (!v->unknown && !is_number(a, &a->regs[ret->n]))
			follow(&r, v);
	}
	const struct os_thread *own = target_thread(t, th->tid);
	ret->earlier = own && own->regs.raw != th->regs.raw;
	if (!ret->earlier)
		read_instruction(t, th, ret);
}

void registers_fini(struct registers *r)
{
	free(r->list);
	*r = (struct registers){ 0 };
}
