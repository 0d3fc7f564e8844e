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

/* interp.c */
void py_walk_interpreters(struct python *p, size_t runtime);
/* thread.c: the thread states of one interpreter, oldest first, without their frames; and then the
 * frames of all. */
void py_list_threads(struct python *p, size_t interpreter);
void py_walk_all_frames(struct python *p);
/* bind.c: gives every thread its OS thread, by its ids. */
void py_identify_threads(struct python *p);
/* With the frames at hand: settles which of two states a thread is in, marks the main thread and
 * who holds the GIL or waits for it, adds the threads that Python does not know, and puts all in
 * order. */
void py_settle_threads(struct python *p);
/* frame.c: the frames of one thread state. */
void py_walk_frames(struct python *p, struct py_thread *th);
/* Whether the innermost frames of a thread state run code objects, or there are none. */
bool py_frames_plausible(const struct py_runtime *rt, uint64_t tstate);
/* code.c: whether there is a code object at that address, for proofs: it is not read whole. */
bool py_is_code(const struct py_runtime *rt, uint64_t code);
/* The code object at addr, read once. Never NULL. */
const struct py_code *py_code_at(struct python *p, struct py_runtime *rt, uint64_t addr);
/* place.c: the place of an instruction, made once. Never NULL. */
const struct py_place *py_place_at(struct python *p, const struct py_code *code, int32_t offset);
/* text.c: the string object at addr. */
bool py_text_plausible(const struct py_runtime *rt,
	uint64_t addr); /* whether there is one, of a length that a name can have */
void py_text_read(
	struct python *p, const struct py_runtime *rt, uint64_t addr, struct py_text *ret);

static inline struct py_runtime *py_runtime_of(const struct python *p, const struct py_thread *th)
{
	return &p->runtimes[p->interpreters[th->interpreter].runtime];
}
