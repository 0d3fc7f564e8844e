/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Minidumps: what LLDB's `process save-core` writes on Linux, and Breakpad and Crashpad everywhere.
 * Sources: Microsoft's minidumpapiset.h (header, directory, streams and their rows), Breakpad's
 * src/google_breakpad/common/minidump_format.h and minidump_cpu_*.h (streams 0x4767.... of Linux,
 * contexts), Crashpad's minidump/minidump_extensions.h, and LLVM's llvm/BinaryFormat/Minidump.h and
 * lldb/source/Plugins/Process/minidump (what LLDB adds). All numbers are little-endian:
 *
 *	"MDMP", version, streams, offset of the directory, checksum, time, flags (8 bytes)
 *	directory: streams × { type, size, offset }
 *
 * Offsets are of 4 bytes, so only the memory of Memory64List can lie beyond 4 GiB.
 */
#pragma once

#include "parts.h"

/* Streams. */
enum {
	MD_THREADS = 3,
	MD_MODULES = 4,
	MD_MEMORY = 5,
	MD_EXCEPTION = 6, /* LLDB writes one for each thread that has stopped */
	MD_SYSTEM = 7,
	MD_MEMORY_64 = 9,
	MD_MISC = 15,
	MD_MEMORY_INFO = 16,
	MD_LINUX_STATUS = 0x47670004, /* from here on the text of files in /proc/PID */
	MD_LINUX_WORDS = 0x47670006, /* cmdline */
	MD_LINUX_AUXV = 0x47670008,
	MD_LINUX_MAPS = 0x47670009,
};

/* A piece of the file. */
struct md_part {
	uint64_t offset, size;
};

/* A mapping of the process, or a region that Crashpad tells of. */
struct md_region {
	uint64_t start, end, offset; /* of the file that is mapped */
	uint32_t flags; /* PF_R, ... */
	char *path; /* "": of no file */
};

struct minidump {
	struct elfcore *c;
	const struct core_arch *arch;
	struct md_part directory;
	struct md_region *regions; /* ascending by start */
	size_t n_regions, cap_regions;
	bool has_maps; /* regions are mappings, with their files */
};

/* minidump.c */
bool minidump_is(const uint8_t *bytes, uint64_t size);
/* As elfcore_parse(), of what minidump_is(). */
struct err minidump_parse(const uint8_t *bytes, uint64_t size, struct elfcore *ret);
/* What of the part is in the file; where some is not, the core is cut. */
struct cursor md_open(struct minidump *m, struct md_part part);
/* The next stream of this type from the *at-th of the directory on; *at is then behind it. */
bool md_next(struct minidump *m, size_t *at, uint32_t type, struct cursor *ret, bool *ret_cut);
/* The first one; empty if there is none. A cut one sets *cut. */
struct cursor md_find(struct minidump *m, uint32_t type, bool *cut);
/* The number that a list begins with, no more than there are rows in it; the cursor is at the first
 * row then. */
size_t md_rows(struct cursor *list, size_t row_size, bool *cut);

/* minidump_threads.c: threads, their registers, and why it died, into c. */
void md_read_threads(struct minidump *m);

/* minidump_contexts.c: what a processor of SystemInfo is, or NULL. */
const struct core_arch *md_arch(unsigned processor);
/* The general registers of a thread's context, as the kernel lays them out, into `room` of
 * arch->regs_size zeroed bytes, which must outlive the result. `tls`: the thread pointer, if it is
 * not 0. No registers: the context is none of this architecture. */
struct core_regs md_context_regs(const struct core_arch *arch, const uint8_t *context, size_t size,
	uint64_t tls, uint8_t *room);

/* minidump_exceptions.c: the signal of a row of the stream, behind the thread's id; *ret_context:
 * the registers of that moment. */
struct core_siginfo md_read_exception(struct cursor *stream, struct md_part *ret_context);

/* minidump_maps.c: m->regions, out of LinuxMaps or MemoryInfoList; and the text of "status". */
void md_read_regions(struct minidump *m);
void md_read_status(struct minidump *m);

/* minidump_memory.c: c->files and c->ranges. */
void md_read_files(struct minidump *m);
void md_read_memory(struct minidump *m);
