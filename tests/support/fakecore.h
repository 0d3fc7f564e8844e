/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A builder of ELF cores in memory, for any class, byte order and machine. Segments and notes
 *appear in the order in which they are added:
 *
 *	struct fakecore f;
 *	AUTO_STR(bytes);
 *	fakecore_init(&f, EM_S390, 8, ORDER_BIG);
 *	fakecore_thread(&f, 4711, SIGSEGV, pc, sp);
 *	fakecore_segment(&f, 0x1000, "abcd", 4, 4096, PF_R);
 *	fakecore_build(&f, &bytes);
 *	fakecore_fini(&f);
 */
#pragma once

#include "pycore/bytes.h"
#include "pycore/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_segment {
	uint64_t vaddr, filesz, memsz;
	uint32_t flags;
	const void *bytes;
	uint64_t offset; /* in the core; set by fakecore_build() */
};

struct fake_file {
	uint64_t start, end, page_offset;
	const char *path;
};

struct fakecore {
	uint16_t machine;
	unsigned ptr_size;
	enum byte_order order;
	uint16_t type; /* ET_CORE */
	bool xnum; /* count of program headers in section header 0, at the end of the file */
	bool gdb; /* notes behind the memory, as gdb lays them out; else before it */
	size_t note_header; /* index of PT_NOTE among the program headers; SIZE_MAX: last */

	struct fake_segment *segments;
	size_t n_segments, cap_segments;
	struct str notes;
	uint64_t notes_offset; /* set by fakecore_build() */
};

void fakecore_init(struct fakecore *f, uint16_t machine, unsigned ptr_size, enum byte_order order);
void fakecore_fini(struct fakecore *f);

/* `bytes` holds filesz bytes and must outlive the build. */
void fakecore_segment(struct fakecore *f, uint64_t vaddr, const void *bytes, uint64_t filesz,
	uint64_t memsz, uint32_t flags);

/* Any note. The others make one of the usual kind. */
void fakecore_note(struct fakecore *f, const char *name, uint32_t type, const void *desc, size_t n);
/* NT_PRSTATUS of the machine, all registers but these 0. */
void fakecore_thread(struct fakecore *f, int tid, int cursig, uint64_t pc, uint64_t sp);
/* The same with all n registers given. */
void fakecore_thread_regs(struct fakecore *f, int tid, int cursig, const uint64_t *regs, size_t n);
void fakecore_process(struct fakecore *f, int pid, const char *comm, const char *args);
/* addr_or_pid as the signal has it; uid is left out where addr is meant. */
void fakecore_siginfo(struct fakecore *f, int signo, int code, uint64_t addr_or_pid, bool is_pid);
/* n pairs of type and value, AT_NULL is added. */
void fakecore_auxv(struct fakecore *f, const uint64_t *pairs, size_t n);
void fakecore_files(
	struct fakecore *f, uint64_t page_size, const struct fake_file *files, size_t n);

/* Appends an unsigned integer in the byte order of the core. */
void fake_uint(struct str *s, uint64_t value, unsigned size, enum byte_order order);

/* Appends the whole core to ret. */
void fakecore_build(struct fakecore *f, struct str *ret);
