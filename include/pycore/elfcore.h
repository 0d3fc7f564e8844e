/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct elfcore: a core file over bytes in memory, bounded at every step: an ELF core, or a
 * minidump, which is brought into the same form.
 *
 * Formats: System V gABI (ELF header, program headers), Linux include/uapi/linux/elf.h and
 * fs/binfmt_elf.c (notes, NT_FILE, PN_XNUM), arch/.../include/asm/elf.h (register sets); of
 * minidumps see corefmt/minidump.h. Reads 32 and 64 bit, both byte orders, and knows nothing of
 * Python.
 */
#pragma once

#include "pycore/bytes.h"
#include "pycore/err.h"
#include "pycore/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The part of the ELF header that is needed, for core files and for images in a target's memory. */
struct elf_head {
	unsigned ptr_size; /* 4 or 8 */
	enum byte_order order;
	uint16_t type; /* ET_CORE, ET_EXEC, ET_DYN */
	uint16_t machine; /* EM_X86_64, ... */
	uint64_t entry;
	uint64_t phoff, phentsize;
	uint32_t phnum; /* PN_XNUM resolved where the section header is within reach */
	uint64_t shoff;
	uint32_t shentsize, shnum;
	bool phnum_lost; /* PN_XNUM, but the first section header is cut off: phnum is what the file
			    can hold */
};

/* Room that any ELF header needs. */
enum { ELF_HEAD_MAX = 64, ELF_PHDR_MAX = 56 };

/* Parses the header at the start of `bytes`. ERR_UNSUPPORTED "..." if these are not ELF,
 * ERR_CORRUPT, or ERR_TRUNCATED when fewer bytes are there than the header has. */
struct err elf_head_parse(const void *bytes, size_t size, struct elf_head *ret);

struct elf_phdr {
	uint32_t type, flags; /* PT_*, PF_* */
	uint64_t offset, vaddr, filesz, memsz, align;
};
/* Parses one program header out of h->phentsize local bytes. */
struct elf_phdr elf_phdr_parse(const struct elf_head *h, const void *bytes);

/* One note, its pieces inside the caller's bytes. */
struct elf_note {
	const char *name; /* not NUL-terminated when damaged */
	uint32_t name_size, type;
	const uint8_t *desc;
	uint64_t desc_size;
	uint64_t desc_lost; /* bytes of the descriptor beyond the end */
};
/* Steps along the notes in c, aligned to 4 bytes. False at the end. A note that the end cuts off is
 * yielded once, with desc_lost > 0 (of its 12-byte head, nothing is yielded). */
bool elf_note_next(struct cursor *c, struct elf_note *ret);

/* The build-id in a run of notes: its bytes in ret and its length, or 0. */
size_t elf_build_id(
	const void *notes, size_t size, enum byte_order order, uint8_t ret[BUILD_ID_MAX]);

/* How the bytes of a range can be had. */
enum core_backing {
	CORE_SAVED, /* in the file */
	CORE_NOT_SAVED, /* mapped in the process, left out of the core */
	CORE_CUT, /* would be in the file, but the file ends before */
	CORE_UNLISTED, /* mapped; the file ends before what would tell whether it is in it */
};

/*
 * A piece of the process's address space. The ranges of a core ascend and never overlap, whatever
 * the order and overlap of the program headers: saved bytes win over others, later headers over
 * earlier. Neighbours of different headers are not joined, so that a mapping's start stays visible.
 * Files that only NT_FILE knows (gdb writes no header for what it leaves out) are CORE_NOT_SAVED,
 * with PF_R.
 */
struct core_range {
	uint64_t start, end;
	uint64_t offset; /* in the file, of `start`; CORE_SAVED only */
	enum core_backing backing;
	uint32_t flags; /* PF_R, PF_W, PF_X */
};

/* The registers that every architecture has, out of NT_PRSTATUS. */
struct core_regs {
	const uint8_t *raw; /* the general registers as the kernel lays them out; NULL: none */
	size_t raw_size;
	uint64_t untold; /* bit i: register i of the set is not known, though it has room there, as
			    in minidumps; its bytes are 0 */
	const uint8_t *fp_raw; /* those of the floating point unit, likewise (NT_PRFPREG) */
	size_t fp_size;
	bool has_pc, has_sp, has_tls, has_syscall;
	uint64_t pc, sp;
	uint64_t tls; /* thread pointer: fs_base, TPIDR, ... */
	int64_t syscall; /* number of the system call that it is in; -1: in none */
	uint64_t syscall_args[6];
	bool has_result;
	int64_t result; /* where a system call leaves what it returns: what it has, if it is over */
};

struct core_siginfo {
	bool present;
	int signo, code, err;
	bool has_addr;
	uint64_t addr; /* fault address of SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP */
	bool has_sender;
	pid_t pid; /* sender of a user's signal */
	uid_t uid;
};

/* Whether the signal ends a process that has not arranged for something else, with a core or
 * without (signal(7): "Term" and "Core"). SIGTRAP does; but debuggers stop processes by it, too. */
bool core_signal_kills(int signo);

struct core_thread {
	pid_t tid;
	int cursig; /* pr_cursig */
	struct core_regs regs;
	struct core_siginfo siginfo; /* gdb writes one a thread, the kernel one behind the first */
};

struct core_file_entry {
	uint64_t start, end, offset; /* offset in bytes */
	const char *path; /* NUL-terminated, in the core's bytes */
	const uint8_t *build_id; /* that the core notes beside it (minidumps); NULL: none */
	size_t build_id_size;
	bool has_checksum; /* likewise the CRC-32 of the whole file, which has no build-id */
	uint32_t checksum;
};

struct elfcore {
	const uint8_t *bytes; /* borrowed */
	uint64_t size;
	struct elf_head head;

	struct core_range *ranges;
	size_t n_ranges;
	/* Of the address space; the first is the sum of the others. */
	uint64_t bytes_mapped, bytes_saved, bytes_not_saved, bytes_cut, bytes_unlisted;

	struct core_thread
		*threads; /* in the order of their notes; the first one died in kernel cores */
	size_t n_threads;
	/* Written by the kernel's dumper (or one that imitates it, as qemu-user's) when the process
	 * died, not by gdb or another tool of a living one: told by the order of the notes. Of a
	 * minidump: it tells of a signal that ends a process. */
	bool from_kernel;
	uint64_t threads_claimed; /* how many threads it says there were; 0: it does not say */

	bool has_process; /* NT_PRPSINFO */
	pid_t pid, ppid;
	uid_t uid;
	gid_t gid;
	char state; /* 'R', 'S', ... or 0 */
	char comm[17]; /* name of the executable, cut at 15 bytes by the kernel */
	char args[81]; /* start of the command line, cut at 79 bytes */
	const char *words; /* the command line, its words ended by 0, in the core's bytes; NULL: it
			      has no such list */
	size_t words_size;

	struct core_auxv {
		uint64_t type, value;
	} auxv[AUXV_MAX];
	size_t n_auxv;

	struct core_file_entry *files; /* NT_FILE, ascending by start */
	size_t n_files;
	uint64_t files_claimed; /* how many rows the note says it has; > n_files: the note is cut */
	bool files_whole; /* a row is all of a program or library, not one mapping of it: how the
			     rest of it lies only its program headers tell */

	bool notes_cut; /* the file ends inside the notes, or they are damaged: threads may be
			   missing */
	bool segments_cut; /* program headers, or of a minidump its lists of memory, beyond the end
			      of the file */
	bool cut; /* any of the file is missing at its end */

	bool minidump;
	/* What raw registers and paths point to where the file has them otherwise; owned. */
	uint8_t *made_regs;
	char *made_text;
};

/*
 * Parses a core. `bytes` (may be NULL if size is 0) must outlive it. Never reads more than headers
 * and notes, so the cost does not grow with the memory that was dumped. Errors are for what is no
 * core at all, with a what that tells the user what the file is and what to do: an empty file, a
 * text file, a script, an executable, a shared library, an object file, an ELF of an unknown class.
 * Damage and truncation yield what is left.
 */
struct err elfcore_parse(const uint8_t *bytes, uint64_t size, struct elfcore *ret);
void elfcore_fini(struct elfcore *c);

/* Zeros in a file at a place where there cannot be any. */
struct core_zeros {
	bool found;
	uint64_t address; /* of that place in the process */
	uint64_t offset; /* in the file: of that place, or, to_end, from where on all is zeros */
	bool to_end;
};
/* Looks at a few such places; where one is zeros, at how far they go. False: all is well. `fd` is
 * of the core's bytes, to tell its holes; -1: they cannot be told. */
bool core_find_zeros(const struct elfcore *c, int fd, struct core_zeros *ret);

/* The range that holds addr, or NULL. `hint` (may be NULL) remembers the last hit. */
const struct core_range *elfcore_range_at(const struct elfcore *c, uint64_t addr, size_t *hint);
/* The index of the first range that ends above `from`; n_ranges when there is none. */
size_t elfcore_range_above(const struct elfcore *c, uint64_t from);
/* The value of an auxv entry (AT_ENTRY, ...); false when absent. */
bool elfcore_auxv(const struct elfcore *c, uint64_t type, uint64_t *ret);

/* A register of a set. */
struct core_reg {
	const char *name; /* as the manuals spell it */
	int at; /* its index in the set */
};

/* Register sets per architecture, one row each. Indexes count registers in the set; -1: none. */
struct core_arch {
	uint16_t machine;
	unsigned ptr_size;
	const char *name; /* "x86_64" */
	size_t prstatus_size, pid_at, cursig_at, regs_at;
	size_t regs_size, reg_size;
	int pc, sp;
	/* The general registers, the stack pointer among them, in the order of the manuals; then
	 * the program counter and the flags; from n_shown on what else makes addresses. */
	const struct core_reg *regs;
	size_t n_shown, n_regs;
	int tls; /* -1: in a note of its own */
	uint32_t tls_note; /* NT_ARM_TLS, NT_386_TLS; 0: none */
	int tls_selector; /* NT_386_TLS: the segment register that selects one of its entries */
	int64_t futex; /* number of the futex system call */
	int64_t restart; /* of restart_syscall, by which a timed wait goes on after a stop, with its
			    arguments */
	int syscall, syscall_args[6];
	int result; /* where a system call leaves what it returns; -1: it cannot be told */
	bool result_is_first; /* one that was cut short may have left its result in the place of its
				 first argument */
	/* How to know that the thread is in a system call: the register `in_call` holds one of two
	 * values then (0, 0: anything but all ones); -1: the number itself is negative outside. */
	int in_call;
	uint64_t in_call_values[2];
	/* Not all that write cores set it: only the code tells, which makes a call where the thread
	 * stands, or just before. */
	bool call_by_code;
	/* Or the number is in a note of its own, 4 bytes: `outside` means in none. */
	uint32_t syscall_note, syscall_mask, syscall_outside;
	/* The instructions that make a system call, as they lie in memory. */
	struct core_call_code {
		uint8_t bytes[4], mask[4]; /* and which of their bits count */
		unsigned size;
	} call_codes[2];
	/* Those that raise SIGTRAP, which debuggers put and programs may have of their own; and
	 * whether the program counter is behind it then, and not at it. */
	struct core_call_code trap_codes[4];
	bool trap_moves_on;
};
/* The row of a machine (EM_*) and pointer size, or NULL. */
const struct core_arch *core_arch_find(uint16_t machine, unsigned ptr_size);
/* The common registers of a raw general register set, which must outlive the result. Nothing of a
 * set that is shorter than the architecture's. */
struct core_regs core_regs_parse(
	const struct core_arch *arch, enum byte_order order, const void *raw, size_t size);
/* A register by the name that arch->regs has for it; false: there is none, or it is not known. */
bool core_regs_get(const struct core_arch *arch, enum byte_order order,
	const struct core_regs *regs, const char *name, uint64_t *ret);
/* Adds what another register set (a note type of the kernel's regsets) tells: the thread pointer,
 * the system call. Others, and damaged ones, change nothing. */
void core_regs_add(const struct core_arch *arch, enum byte_order order, uint32_t note,
	const void *desc, size_t size, struct core_regs *regs);
