/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native stacks as plain results: what the unwinder finds and what is printed. Nothing here reads a
 * target.
 */
#pragma once

#include "pycore/err.h"
#include "pycore/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a frame was found. The innermost one is where the registers of its thread say: NATIVE_CFI. */
enum native_found {
	NATIVE_CFI, /* by call frame information, or because code without it does nothing more but
		       return: sure */
	NATIVE_PROLOGUE, /* guessed: where the function that it calls, by the look of its code, has
			    put the return address, there is one */
	NATIVE_FRAME_POINTER, /* guessed: the frame pointer leads to it */
	NATIVE_SCAN, /* guessed: the stack holds an address that follows a call */
};
/* "cfi", "prologue", "frame-pointer", "scan" */
const char *native_found_text(enum native_found f);

/* A function at a place of the code. Where the compiler put functions into others, a place has
 * several. */
struct native_call {
	const char *function; /* demangled; NULL: no symbol covers the place */
	const char *file; /* source file as the debug information names it; NULL: unknown */
	int line; /* from 1; 0: unknown */
	bool inlined; /* stands inside of the next call of the list */
};

/* All frames that are at one instruction share a place. Belongs to the unwinder. */
struct native_place {
	uint64_t address; /* of the instruction: of frames that wait for a call to return, inside of
			     the call */
	const struct image *image; /* NULL: in no file */
	/* The function's code in memory, as its symbol says; where none covers the place, the code
	 * that shares its unwind entry; 0, 0: not known. */
	uint64_t function_start, function_size;
	const struct native_call *calls; /* innermost first; one at least */
	size_t n_calls;
};

struct native_frame {
	uint64_t pc; /* the next instruction of this frame */
	uint64_t cfa; /* canonical frame address: the stack pointer before the call that made this
			 frame; 0: not known */
	enum native_found found_by;
	bool exact; /* pc is where it was interrupted (innermost, or by a signal), not where a call
		       returns to */
	bool signal; /* the kernel called a signal handler here: the next frame was interrupted */
	/* No guess lies between this frame and the innermost one; or none between it and the
	 * outermost, which is where CFI says that a stack begins. */
	bool certain;
	const struct native_place *place; /* NULL until it was looked up */
};

/* Zero-initialised is empty and ready. */
struct native_stack {
	struct native_frame *frames; /* innermost first; owned */
	size_t n, cap;
	bool cut; /* further out than NATIVE_FRAMES_MAX there are more */
	struct err why; /* the walk broke off behind the last frame; none: it is the outermost */
};
void native_stack_fini(struct native_stack *s);
