/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGABRT that the process sent to itself. What glibc says before it aborts it also keeps, for
 * debuggers: __abort_msg points to {unsigned size; char text[]} (sysdeps/posix/libc_fatal.c,
 * assert/assert.c). Its texts tell who found what: malloc (malloc/malloc.c), the compiler's stack
 * guard and the checked versions of functions (debug/), assert().
 */
#include "death.h"

#include <signal.h>

enum { MESSAGE_MAX = 2048, SHOWN_MAX = 200, LITERALS_MAX = 3 };

static const struct {
	const char *text;
	enum cause cause;
	bool anywhere; /* not only at the beginning */
} messages[] = {
	{ "*** stack smashing detected ***", CAUSE_STACK_SMASHED, false },
	{ "*** ", CAUSE_BUFFER_OVERFLOW, false },
	{ "Assertion `", CAUSE_ASSERTION, true },
	{ "malloc assertion failure", CAUSE_HEAP_CORRUPTION, true },
	{ "free(): ", CAUSE_HEAP_CORRUPTION, false },
	{ "double free or corruption", CAUSE_HEAP_CORRUPTION, false },
	{ "realloc(): ", CAUSE_HEAP_CORRUPTION, false },
	{ "malloc", CAUSE_HEAP_CORRUPTION, false },
	{ "munmap_chunk(): ", CAUSE_HEAP_CORRUPTION, false },
	{ "mremap_chunk(): ", CAUSE_HEAP_CORRUPTION, false },
	{ "corrupted ", CAUSE_HEAP_CORRUPTION, false },
	{ "invalid fastbin entry", CAUSE_HEAP_CORRUPTION, false },
	{ "break adjusted to free malloc space", CAUSE_HEAP_CORRUPTION, false },
	{ "tcache_", CAUSE_HEAP_CORRUPTION, false },
};

static enum cause cause_of(const char *message)
{
	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		if (messages[i].anywhere ? strstr(message, messages[i].text) != NULL
					 : text_starts(message, messages[i].text))
			return messages[i].cause;
	}
	return CAUSE_ABORT;
}

static bool message_in(struct death *d, struct image *libc)
{
	struct image_symbol var;
	uint64_t at;
	char text[MESSAGE_MAX];
	bool cut;
	if (failed(image_dynsym(libc, d->t->mem, "__abort_msg", &var)) ||
		failed(mem_ptr(d->t->mem, var.addr, &at)) || !at ||
		failed(mem_cstr(d->t->mem, at + 4, text, sizeof(text), &cut)) || !text[0])
		return false;
	str_puts(&d->said, text);
	return true;
}

static bool find_message(struct death *d)
{
	for (size_t i = 0; i < d->t->n_images; i++) {
		struct image *img = &d->t->images[i];
		const char *name = image_name(img);
		if ((text_starts(name, "libc.so.") || text_starts(name, "libc-2.")) &&
			message_in(d, img))
			return true;
	}
	return false;
}

/* Who found it where the message is lost. *ret_sure: the frame is no guess. */
static enum cause cause_by_frames(const struct death *d, bool *ret_sure)
{
	static const struct {
		const char *function;
		enum cause cause;
	} known[] = {
		{ "__assert_fail", CAUSE_ASSERTION },
		{ "__stack_chk_fail", CAUSE_STACK_SMASHED },
		{ "__chk_fail", CAUSE_BUFFER_OVERFLOW },
		{ "malloc_printerr", CAUSE_HEAP_CORRUPTION },
		{ "Py_FatalError", CAUSE_FATAL_ERROR },
		{ "_Py_FatalErrorFunc", CAUSE_FATAL_ERROR },
		{ "_Py_FatalErrorFormat", CAUSE_FATAL_ERROR },
	};
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		size_t k = find_frame(d, d->first, d->stack->n, &known[i].function, 1);
		if (k >= d->stack->n)
			continue;
		*ret_sure = is_sure(&d->stack->frames[k]);
		return known[i].cause;
	}
	return CAUSE_ABORT;
}

/* lea rdi or rsi, [rip + N]: the address, if these 7 bytes are it. */
static bool is_literal(struct mem *mem, uint64_t at, bool second, uint64_t *ret)
{
	uint8_t b[7];
	if (failed(mem_read(mem, at, b, sizeof(b))) || b[0] != 0x48 || b[1] != 0x8d ||
		b[2] != (second ? 0x35 : 0x3d))
		return false;
	*ret = at + sizeof(b) + (uint64_t)bytes_int(b + 3, 4, mem->order);
	return true;
}

/* A call with a message that stands in the program, as nearly all are: the arguments are set right
 * in front of the call, which has 5 or 6 bytes. In 3.7 to 3.9 no other trace of it is left. */
static bool literal_at(struct death *d, uint64_t back, bool second, uint64_t *ret)
{
	for (uint64_t call = 5; call <= 6; call++) {
		for (uint64_t i = 1; i <= LITERALS_MAX; i++) {
			uint64_t at, other;
			struct mem_range r;
			if (is_literal(d->t->mem, back - call - 7 * i, second, &at))
				*ret = at;
			else if (is_literal(d->t->mem, back - call - 7 * i, !second, &other))
				continue;
			else
				break;
			return mem_range_at(d->t->mem, at, &r) && !(r.perm & MEM_WRITE);
		}
	}
	return false;
}

static bool fatal_literal(struct death *d)
{
	static const char *const names[] = { "Py_FatalError", "_Py_FatalErrorFunc" };
	uint64_t at;
	char text[MESSAGE_MAX];
	bool cut;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t k = find_frame(d, d->first, d->stack->n, &names[i], 1);
		if (k + 1 < d->stack->n && d->stack->frames[k + 1].found_by == NATIVE_CFI &&
			literal_at(d, d->stack->frames[k + 1].pc, i == 1, &at) &&
			!failed(mem_cstr(d->t->mem, at, text, sizeof(text), &cut)) && text[0]) {
			str_puts(&d->said, text);
			return true;
		}
	}
	return false;
}

/* ": the message", as far as it may be shown. */
static void put_message(struct death *d)
{
	if (!d->said.len || d->q->redact)
		return;
	const char *text = str_text(&d->said), *end;
	text += strspn(text, "* ");
	end = strstr(text, " ***: terminated"); /* words for a terminal */
	if (!end && text_ends(text, ".\n"))
		end = text + strlen(text) - 2;
	str_puts(&d->what, ": ");
	put_cut(&d->what, text, end ? (size_t)(end - text) : strlen(text), SHOWN_MAX);
}

static void put_caller(struct death *d)
{
	put_in(&d->what, d, frame_outside(d));
}

static void judge_message(struct death *d)
{
	static const char *const words[] = {
		[CAUSE_STACK_SMASHED] = "function that wrote beyond its variables on the stack",
		[CAUSE_BUFFER_OVERFLOW] = "write beyond the end of a buffer, stopped by the C "
					  "library",
		[CAUSE_ASSERTION] = "failed assertion",
		[CAUSE_HEAP_CORRUPTION] = "heap corruption, found by the C library",
		[CAUSE_FATAL_ERROR] = "fatal Python error",
		[CAUSE_ABORT] = "abort by the C library",
	};
	str_puts(&d->what, words[d->v->cause]);
	put_message(d);
	if (d->v->cause != CAUSE_FATAL_ERROR && (d->v->cause != CAUSE_ASSERTION || d->q->redact))
		put_caller(d);
	if (d->v->cause == CAUSE_HEAP_CORRUPTION)
		put_detail(
			d, "the damage was done in this call or before, maybe by another function");
}

static void judge_exception(struct death *d)
{
	static const char *const pure[] = { "__cxa_pure_virtual", "__cxa_deleted_virtual" };
	AUTO_STR(exception);
	bool known = uncaught_exception(d, &exception);
	d->v->cause = CAUSE_UNCAUGHT_EXCEPTION;
	if (find_frame(d, d->first, d->stack->n, pure, ARRAY_LEN(pure)) < d->stack->n) {
		d->v->cause = CAUSE_ABORT;
		str_puts(&d->what, "call of a virtual C++ function that has no body");
	} else if (known) {
		str_puts(&d->what, "C++ exception that nobody caught: ");
		put_cut(&d->what, exception.bytes, exception.len, SHOWN_MAX);
	} else {
		str_puts(&d->what, "C++ exception that nobody caught, or other call of "
				   "std::terminate()");
	}
	put_caller(d);
}

/* Whether it is known what the thread was called for: by the names of the two innermost functions.
 * Where siginfo does not say that the signal was raised, one of the runtime's is enough. */
static bool knows_call(const struct death *d)
{
	size_t outside = frame_outside(d), next = d->first + 1;
	for (size_t i = d->first; !d->info.present && i < outside && i < d->stack->n; i++) {
		if (is_named(&d->stack->frames[i]) && d->stack->frames[i].certain)
			return true;
	}
	return next < d->stack->n && is_named(&d->stack->frames[d->first]) &&
	       is_named(&d->stack->frames[next]);
}

/* abort() raises the signal as raise() does; kill() leaves another code. Another thread can raise
 * it for this one, so where the frames are known, abort() has to be among them. Without siginfo, a
 * thread that runs did not raise it. *ret_sure: it is among them, and no guess. */
static bool is_abort(const struct death *d, bool *ret_sure)
{
	static const char *const aborts[] = { "abort", "__libc_message", "__libc_fatal",
		"__fortify_fail" };
	if (d->info.present && d->info.code != SI_TKILL)
		return false;
	size_t k = find_frame(d, d->first, d->stack->n, aborts, ARRAY_LEN(aborts));
	*ret_sure = k < d->stack->n && is_sure(&d->stack->frames[k]);
	if (k < d->stack->n)
		return true;
	return !knows_call(d) && (d->info.present || death_stands(d) != STANDS_AWAY);
}

void judge_abort(struct death *d)
{
	bool sure = true;
	if (d->p->fatal.bytes) {
		put_cut(&d->said, d->p->fatal.bytes, d->p->fatal.len, MESSAGE_MAX);
		d->v->cause = CAUSE_FATAL_ERROR;
	} else if (find_message(d)) {
		d->v->cause = cause_of(str_text(&d->said));
	} else {
		d->v->cause = cause_by_frames(d, &sure);
		if (d->v->cause == CAUSE_FATAL_ERROR)
			(void)fatal_literal(d);
	}
	if (d->v->cause != CAUSE_ABORT || d->said.len) {
		str_puts(&d->what, sure ? "" : "likely ");
		judge_message(d);
	} else if (terminate_frame(d) < d->stack->n) {
		judge_exception(d);
	} else if (is_abort(d, &sure)) {
		str_puts(&d->what, sure ? "abort()" : "likely abort()");
		put_caller(d);
		hint_handler(d);
	} else {
		judge_sent(d);
	}
}
