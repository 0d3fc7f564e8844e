/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a core target. */
#pragma once

#include "pycore/target.h"

struct core_stack_pointer {
	uint64_t sp;
	size_t thread; /* its index */
};

struct target_core {
	struct container container;
	struct elfcore elf;
	struct core_zeros zeros; /* where the file was never written */
	struct mem_core mem;
	struct mem_overlay overlay; /* over mem */
	const char *exe_by_user; /* borrowed, may be NULL */
	struct core_stack_pointer *stacks; /* of the threads, ascending */
	size_t n_stacks;
};

/* Images from NT_FILE; where that is missing or cut, from ELF headers in memory, named by the
 * dynamic linker's list. Sets exe and exe_path. */
void core_find_images(struct target *t);
/* core_link_map.c: names images by the dynamic linker's list, and adds what only that tells of.
 * t->exe may move. */
void core_follow_link_map(struct target *t);
/* core_xattr.c: process id, signal and executable by the attributes of a core that systemd-coredump
 * keeps, as far as the core does not tell them. */
void core_take_attributes(struct target *t);
/* core_lost.c: fills stacks, which the following needs. */
void core_order_stacks(struct target *t);
/* core_lost.c: all that was lost by truncation in one line; nothing if there is none. */
void core_lost_summary(const struct target *t, struct str *to);
/* core_death.c: whether it died, and the thread and signal of that; after the images are there. */
void core_find_death(struct target *t);
/* argv from the initial stack, else from NT_PRPSINFO. */
void core_find_command_line(struct target *t);
/* The initial stack as the kernel laid it out. Programs may change pointers and words later. */
struct core_stack {
	uint64_t argv, environment; /* addresses of the first pointers */
	size_t argc, n_environment;
	/* The words lie here: first those of argv, then those of the environment, without gaps. */
	uint64_t words, words_end;
};
/* False: not found. */
bool core_find_stack(struct target *t, struct core_stack *ret);
