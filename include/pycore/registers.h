/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers of the thread that died, what each points to, and the instruction that it died at.
 */
#pragma once

#include "pycore/python.h"
#include "pycore/unwind.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum access {
	ACCESS_UNKNOWN,
	ACCESS_READ,
	ACCESS_WRITE, /* and maybe reads as well: add [mem], reg */
	ACCESS_EXECUTE, /* the processor fetches an instruction there */
};

/* An instruction and the memory that it goes to. */
struct instruction {
	uint64_t pc; /* of its first byte; the thread's program counter, or just before that where
			the processor had moved on when it trapped */
	unsigned length; /* in bytes; 0: not known */
	char text[96]; /* "mov rax, qword ptr [rdi + 8]"; "": not known */
	/*
	 * It goes to memory, and the registers tell where. An instruction that goes to several
	 * places (push [mem], movs) has the one that the signal's fault address lies in, and none
	 * if that does not tell. Where no code can be at pc (not mapped, or not executable), what
	 * goes to memory is the fetch itself: ACCESS_EXECUTE, address == pc, no text. Where the
	 * instruction reaches into such a page: that page. A jump, call or return to an address
	 * that x86-64 cannot have stops before it is made: ACCESS_EXECUTE, address is the target.
	 */
	bool has_operand;
	enum access access;
	uint64_t address; /* of the memory's first byte */
	uint32_t size; /* bytes of it; of rep stos: that are left; 0: not known */
	uint32_t alignment; /* address must be a multiple of this; 0: of anything. What is not
			       aligned faults (x86: SIGSEGV without an address). */
	char operand[64]; /* "[rdi + 8]"; "": not known */
	const char *base; /* literal: the register that the address is made of; NULL: none */
	uint64_t base_value; /* at that moment */
	bool pushes; /* it goes there because it stores on the stack: push, call, or relative to the
			stack pointer */
	bool traps; /* it is made to trap: ud2, int3, hlt, brk */
	bool privileged; /* a process may not do that: hlt, out, mov cr0, ... */
	bool divides; /* by a number of which 0 traps */
	bool ordinary; /* every processor of its kind has it, and it fails in no other way than by
			  the memory that it goes to */
	bool no_memory; /* ordinary, and it goes to none */
	bool pages_only; /* the kernel tells of a fault address only its page (s390x) */
};

/*
 * Decodes the instruction at the thread's program counter. ERR_UNSUPPORTED: architecture, or no
 * library for it; ERR_ABSENT: no registers; ERR_NOT_SAVED, ...: the code cannot be read;
 * ERR_CORRUPT: it is no instruction.
 */
struct err instruction_read(struct target *t, const struct os_thread *th, struct instruction *ret);
/* Whether a fault at that address is one of the memory that it goes to. What begins in one page and
 * ends in the next may have the start of the second as its fault address. */
bool instruction_faults_at(const struct instruction *in, uint64_t address);

enum register_points {
	POINTS_NOWHERE, /* a number, or an address that is not mapped */
	POINTS_CODE,
	POINTS_STACK, /* of a thread */
	POINTS_OBJECT, /* of Python */
	POINTS_DATA, /* anything else that is mapped */
};

struct register_value {
	const char *name; /* literal: "rax" */
	uint64_t value;
	unsigned size; /* bytes of the register */
	bool unknown; /* the core has room for it, and no value; POINTS_NOWHERE */
	enum register_points points;
	const struct native_place *place; /* POINTS_CODE; NULL: there is no unwinder */
	pid_t tid; /* POINTS_STACK */
	bool below; /* POINTS_STACK: below the stack pointer, where nothing is kept */
	const struct py_described *object; /* POINTS_OBJECT: one that proved itself; without its
					      attributes */
	const struct image *image; /* the file that is mapped there; NULL: none */
};

struct registers {
	struct register_value *list; /* in the order of the manuals; owned */
	size_t n;
	bool earlier; /* not the thread's last ones, but those of when a handler was called */
	/* What it was doing: of a thread that died of what an instruction did (SIGSEGV, SIGBUS,
	 * SIGFPE, SIGILL, SIGTRAP), else nothing. */
	bool has_instruction;
	struct instruction instruction; /* failed why: what is unknown of it is 0 */
	struct err instruction_why;
};

/* Of one thread; none, if the target has none of it. Objects belong to p, places to u (NULL: none).
 * After python_walk(), and after the stacks have their names. th may be a copy of the target's own
 * with registers of an earlier moment; what it was doing then is not told. */
void registers_read(
	struct python *p, struct unwind *u, const struct os_thread *th, struct registers *ret);
void registers_fini(struct registers *r);
