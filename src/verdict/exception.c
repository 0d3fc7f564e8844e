/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The C++ exception for which std::terminate() ended the process. Formats: Itanium C++ ABI,
 * "Exception Handling" and "Data Layout"; libstdc++'s unwind-cxx.h. In front of the exception
 *object lies {type, destructor, 2 handlers, next, counts, 4 pointers, _Unwind_Exception} with
 *_Unwind_Exception {class, cleanup, 2 words}; the class says which runtime made it. Whoever throws,
 *catches or terminates holds its address, so that it is in a register or on the stack, between the
 *stack pointer and the frame that threw. It counts only if it is the only one there.
 */
#include "death.h"

enum {
	STACK_MAX = 16384, /* bytes that are searched */
	HEADER = 80, /* from the type to _Unwind_Exception */
	UNWIND_HEADER = 32, /* from there to the object */
	TYPE_NAME_MAX = 1024,
	MESSAGE_MAX = 2048,
	WHAT_SLOT = 2, /* of std::exception's virtual functions, behind 2 destructors */
};
static const uint64_t gnu_class = 0x474e5543432b2b00; /* "GNUCC++\0" */
static const uint64_t gnu_class_dependent = 0x474e5543432b2b01; /* of std::rethrow_exception() */

struct thrown {
	uint64_t type, object; /* addresses of its std::type_info, and of itself */
};

size_t terminate_frame(const struct death *d)
{
	static const char *const names[] = { "std::terminate", "__cxxabiv1::__terminate",
		"__cxa_throw", "__cxa_rethrow", "__cxa_call_terminate" };
	return find_frame(d, d->first, d->stack->n, names, ARRAY_LEN(names));
}

/* Whether at is an _Unwind_Exception of the GNU runtime. */
static bool is_exception(struct death *d, uint64_t at, struct thrown *ret)
{
	struct mem *m = d->t->mem;
	uint64_t class, first;
	if (at % 16 || at < HEADER || failed(mem_ptr(m, at, &class)) ||
		(class != gnu_class && class != gnu_class_dependent) ||
		failed(mem_ptr(m, at - HEADER, &first)))
		return false;
	ret->type = first;
	ret->object = at + UNWIND_HEADER;
	if (class == gnu_class)
		return true;
	ret->object = first; /* what it refers to is another exception's object */
	return !failed(mem_ptr(m, first - UNWIND_HEADER - HEADER, &ret->type));
}

struct search {
	struct thrown found;
	size_t n; /* different ones */
};

static void try_word(struct death *d, uint64_t word, struct search *s)
{
	struct thrown one;
	if (!is_exception(d, word, &one) || (s->n && one.object == s->found.object))
		return;
	s->found = one;
	s->n++;
}

/* Where the frame ends that threw, or that found that it must not be thrown. */
static uint64_t search_end(const struct death *d)
{
	static const char *const names[] = { "__cxa_throw", "__cxa_rethrow", "__cxa_call_terminate",
		"__gxx_personality_v0" };
	size_t i = find_frame(d, d->first, d->stack->n, names, ARRAY_LEN(names));
	if (i >= d->stack->n)
		i = terminate_frame(d);
	return i < d->stack->n ? d->stack->frames[i].cfa : 0;
}

static bool find_thrown(struct death *d, struct thrown *ret)
{
	struct search s = { 0 };
	uint8_t words[STACK_MAX];
	uint64_t sp = d->there.regs.sp, end = search_end(d);
	unsigned word = d->t->mem->ptr_size;
	if (word != 8 || sp % word || end <= sp || end - sp > STACK_MAX ||
		failed(mem_read(d->t->mem, sp, words, (size_t)(end - sp))))
		return false;
	for (size_t at = 0; at + word <= end - sp; at += word)
		try_word(d, bytes_uint(words + at, word, d->t->mem->order), &s);
	for (size_t at = 0; at + word <= d->there.regs.raw_size; at += word)
		try_word(d, bytes_uint(d->there.regs.raw + at, word, d->t->mem->order), &s);
	if (s.n == 1)
		*ret = s.found;
	return s.n == 1;
}

/* {virtual functions, name} */
static bool read_type_name(struct death *d, uint64_t type, char ret[TYPE_NAME_MAX])
{
	uint64_t at;
	bool cut;
	if (failed(mem_ptr(d->t->mem, type + 8, &at)) ||
		failed(mem_cstr(d->t->mem, at, ret, TYPE_NAME_MAX, &cut)) || cut || !*ret)
		return false;
	if (*ret == '*') /* to be compared by address only */
		memmove(ret, ret + 1, strlen(ret));
	return true;
}

/* The function that its what() is, and the C++ runtime's that return the text at the object's
 * second word: those of std::runtime_error and std::logic_error, unless a class of the program has
 * its own. */
static bool is_text_kept(struct death *d, const struct thrown *e)
{
	static const char *const names[] = { "_ZNKSt13runtime_error4whatEv",
		"_ZNKSt11logic_error4whatEv" };
	uint64_t table, what;
	struct image_symbol sym;
	if (failed(mem_ptr(d->t->mem, e->object, &table)) ||
		failed(mem_ptr(d->t->mem, table + 8 * WHAT_SLOT, &what)))
		return false;
	struct image *img = target_image_at(d->t, what);
	for (size_t i = 0; img && i < ARRAY_LEN(names); i++) {
		if (!failed(image_dynsym(img, d->t->mem, names[i], &sym)) && sym.addr == what)
			return true;
	}
	return false;
}

static bool read_message(struct death *d, const struct thrown *e, char ret[MESSAGE_MAX])
{
	uint64_t at;
	bool cut;
	return !d->q->redact && is_text_kept(d, e) &&
	       !failed(mem_ptr(d->t->mem, e->object + 8, &at)) &&
	       !failed(mem_cstr(d->t->mem, at, ret, MESSAGE_MAX, &cut)) && *ret;
}

bool uncaught_exception(struct death *d, struct str *to)
{
	struct thrown e;
	char name[TYPE_NAME_MAX], message[MESSAGE_MAX];
	if (!find_thrown(d, &e) || !read_type_name(d, e.type, name))
		return false;
	if (!unwind_type_name(name, to))
		str_puts(to, name);
	if (read_message(d, &e, message)) {
		str_puts(&d->said, message);
		str_addf(to, ": %s", message);
	}
	return true;
}
