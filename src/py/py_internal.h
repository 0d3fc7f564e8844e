/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: typed reads by field, and the steps of a walk. */
#pragma once

#include "pycore/python.h"

/* runtime.c: one field of the struct at addr, as an unsigned integer. A NULL struct is ERR_CORRUPT.
 */
struct err py_field(const struct py_runtime *rt, uint64_t addr, enum field f, uint64_t *ret);
/* The bytes from the start of a struct to the end of the farthest of these fields that the build
 * has. */
size_t py_span(const struct layout *l, const enum field *fields, size_t n);
/* The address that a word holding an object reference stands for. */
static inline uint64_t py_untag(const struct py_runtime *rt, uint64_t word)
{
	return word & ~rt->layout.row->ref_tag_mask;
}
/* True if addr could be the address of an object or struct: aligned, and mapped. */
bool py_plausible(const struct py_runtime *rt, uint64_t addr);
/* The name of a type, into buf. */
struct err py_type_name(const struct py_runtime *rt, uint64_t type, char *buf, size_t max);

/* version.c: what build the Python in this image is. `runtime` is the address of _PyRuntime or 0.
 * Returns false when nothing tells. */
struct py_version {
	struct layout_key key;
	char text[VERSION_TEXT_MAX];
	bool micro_known;
};
bool py_version_find(struct python *p, struct image *img, uint64_t runtime, struct py_version *ret);

/* prove.c: true if rt leads to an initialised interpreter. `why` gets a sentence if not. */
bool py_runtime_proven(struct py_runtime *rt, struct str *why);
/* The first interpreter of the list: what rt->addr leads to. */
struct err py_first_interpreter(const struct py_runtime *rt, uint64_t *ret);

/* scan.c: calls see(ctx, bytes, address, size) for each piece of [start, end), until it returns
 * true; the result is that. Ranges beyond SCAN_BYTES_MAX are left out. */
typedef bool py_see_fn(void *ctx, const uint8_t *bytes, uint64_t addr, size_t n);
bool py_see_range(struct python *p, uint64_t start, uint64_t end, py_see_fn *see, void *ctx);
/* The same of a thread's C stack, from its stack pointer on, STACK_SEARCH_MAX at most. */
bool py_see_stack(struct python *p, const struct os_thread *os, py_see_fn *see, void *ctx);
/* Whether so many bytes may still be searched; if so, they are counted. */
bool py_may_scan(struct python *p, uint64_t bytes);
/* Runtimes that have no name. Calls `hit` for each proven candidate. */
void py_scan_cookies(struct python *p);
void py_scan_interpreters(struct python *p);
/* Finds the variable that heads the list of interpreters in the writable data of an image; 0: not
 * found. */
uint64_t py_scan_image(struct python *p, struct py_runtime *rt);

/* orphans.c: thread states of a runtime whose own state is not in the core. Adds a runtime that has
 * nothing else. */
void py_find_orphans(struct python *p);

/* find.c: adds a candidate if it proves itself and is not there yet. */
bool py_add_candidate(struct python *p, struct image *img, uint64_t addr, enum found_by by);

/* find_why.c: why there is none, appended to p->why. */
void py_say_why_none(struct python *p);

/* interp.c */
void py_walk_interpreters(struct python *p, size_t runtime);
/* With the threads in order: how many each interpreter has, and which of them holds its GIL. */
void py_count_threads(struct python *p);
/* thread.c: the thread states of one interpreter, oldest first, without their frames; and then the
 * frames of all. */
void py_list_threads(struct python *p, size_t interpreter);
void py_walk_all_frames(struct python *p);
/* bind.c: gives every thread its OS thread, by its ids. */
void py_identify_threads(struct python *p);
/* The pthread_t of a thread, by its registers; 0: they do not tell. */
uint64_t py_thread_id_of(const struct target *t, const struct os_thread *os);
/* With the frames at hand: settles which of two states a thread is in, marks the main thread and
 * who holds the GIL or waits for it, adds the threads that Python does not know, and puts all in
 * order. */
void py_settle_threads(struct python *p);
/* switches.c: with the threads in order: in which order an OS thread that has several states has
 * entered their interpreters. */
void py_order_switches(struct python *p);
/* Between these a walk reads values; if it does not stop the process, and any thread ran in
 * between, a problem says so. */
void py_watch_begin(struct python *p);
void py_watch_end(struct python *p);
/* frame.c: the frames of one thread state. */
void py_walk_frames(struct python *p, struct py_thread *th);
/* Whether the innermost frames of a thread state run code objects, or there are none. */
bool py_frames_plausible(const struct py_runtime *rt, uint64_t tstate);
/* Where one frame stands, which may be in no thread's stack. */
struct err py_frame_place(
	struct python *p, struct py_runtime *rt, uint64_t frame, const struct py_place **ret);
/* code.c: whether there is a code object at that address, for proofs: it is not read whole. */
bool py_is_code(const struct py_runtime *rt, uint64_t code);
/* The same, or its type is lost, and with it what would tell. */
bool py_may_be_code(const struct py_runtime *rt, uint64_t code);
/* The code object at addr, read once. Never NULL. */
const struct py_code *py_code_at(struct python *p, struct py_runtime *rt, uint64_t addr);
/* place.c: the place of an instruction, made once. Never NULL. */
const struct py_place *py_place_at(struct python *p, const struct py_code *code, int32_t offset);
void py_locate_place(struct py_place *place); /* its line, before python_locate() */
/* known.c: objects that each interpreter has one of. */
enum known_object {
	KNOWN_THREADS, /* threading._active: ident -> Thread */
	KNOWN_LINECACHE, /* linecache.cache: file name -> lines */
	KNOWN_COUNT,
};
/* Finds them in advance, so that a live process need not wait for it. */
void py_find_known(struct python *p);
/* The address of one; 0: it is not there, its module was not imported. look_again: also if it was
 * not there before. */
uint64_t py_known_object(
	struct python *p, const struct py_interpreter *in, enum known_object what, bool look_again);
/* linecache.c: the lines of places that the target's own linecache holds. */
void py_read_linecache(struct python *p);
/* text.c: the string object at addr. */
bool py_text_plausible(const struct py_runtime *rt,
	uint64_t addr); /* whether there is one, of a length that a name can have */
/* The characters of a str object (PEP 393), or of one that is still in its wide form. */
struct chars {
	struct mem *mem;
	uint64_t data; /* address of the first */
	uint64_t length;
	unsigned kind; /* bytes of one: 1, 2, 4 */
};
struct err py_chars_at(const struct py_runtime *rt, uint64_t addr, struct chars *ret);
/* As text, cut at max characters. */
struct err py_chars_text(struct python *p, const struct chars *c, size_t max, struct py_text *ret);
void py_text_read(
	struct python *p, const struct py_runtime *rt, uint64_t addr, struct py_text *ret);
void py_text_read_max(struct python *p, const struct py_runtime *rt, uint64_t addr, size_t max,
	struct py_text *ret);

/* values.c: the objects of a runtime, made at first use; forgets all values, for a process that
 * moved on. */
struct heap *py_heap(struct python *p, struct py_runtime *rt);
/* Says, as a note, if names of types had to be told by other means than the binary. */
void py_note_lost_names(struct python *p);
void py_forget_values(struct python *p);
void py_free_heaps(struct python *p);
/* An object as text by the limits of p->options, written once. Never NULL. */
const struct py_value *py_value_at(struct heap *h, uint64_t addr);
/* The value in a frame's or cell's slot, which may carry a tag; NULL: it is empty. */
const struct py_value *py_value_of_slot(struct heap *h, uint64_t word);
/* locals.c: the variables of one frame: arguments first, then locals, cells and free ones. Never
 * NULL. */
const struct py_variables *py_read_variables(
	struct python *p, struct py_runtime *rt, uint64_t frame, const struct py_code *c);
/* names.c: threading's names of all threads, and whether they are daemons; with the OS threads at
 * hand. */
void py_name_threads(struct python *p);
/* exceptions.c: what each thread raises and handles, and what ended each interpreter's last
 * command. */
void py_read_exceptions(struct python *p);
/* The message of Py_FatalError into p->fatal, redacted if limits say so. */
void py_read_fatal(struct python *p);
/* fatal.c: the message of Py_FatalError, if the crashed thread died in it and the message is surely
 * the one that was printed; false, *ret untouched: it did not, or memory does not hold it any more.
 */
bool py_fatal_message(struct python *p, struct py_text *ret);
/* globals.c: of each module that is on a stack. */
void py_read_globals(struct python *p);
/* facts.c: what a bug report wants to know of each interpreter. */
void py_read_facts(struct python *p);
/* Its length and hash in place of a text; one that was not read stays as it is. */
void py_redact_text(struct python *p, struct py_text *text);
/* Whether a name begins and ends with two underscores. */
bool py_is_dunder(const struct py_text *name);
/* For lists of variables that grow; what they hold goes to the arena at the end. */
struct variables {
	struct py_variable *list;
	size_t n, cap, omitted;
	struct err why;
};
/* Whether one more has room, in its list and in the report: asked before its value is written. */
bool py_variables_fit(struct heap *h, const struct variables *v);
void py_add_variable(struct variables *to, const struct py_text *name, enum variable_scope scope,
	const struct py_value *value);
const struct py_variables *py_keep_variables(struct python *p, struct variables *v);

static inline struct py_runtime *py_runtime_of(const struct python *p, const struct py_thread *th)
{
	return &p->runtimes[p->interpreters[th->interpreter].runtime];
}
