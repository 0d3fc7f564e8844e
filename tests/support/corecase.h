/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the core reader share: every machine, a core with some of everything, and what
 * must hold for any. */
#pragma once

#include "fakecore.h"

#include "pycore/elfcore.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine {
	uint16_t machine;
	unsigned ptr_size;
	enum byte_order order;
	const char *name;
};
enum { N_MACHINES = 7 };
extern const struct machine machines[N_MACHINES];

/* A fakecore of this machine. */
void machine_core(struct fakecore *f, const struct machine *m);

/* A parsed core over bytes of exactly its size, so that the sanitizer sees any read beyond. */
struct parsed {
	uint8_t *bytes;
	struct elfcore core;
};
/* parsed_from() fails as elfcore_parse() does, and then there is nothing to drop. */
struct err parsed_from(struct parsed *p, const void *bytes, size_t size);
/* Builds and parses the core, which must succeed, and ends the builder. */
void parsed_build(struct parsed *p, struct fakecore *f);
void parsed_drop(struct parsed *p);

/* What is wrong with the core's ranges and files, or NULL; and the same as an assertion. (Check's
 * assertions cost microseconds each, so what runs for every byte has none inside.) */
const char *core_inconsistency(const struct elfcore *c);
void assert_consistent(const struct elfcore *c);

/* A core as the kernel writes it: THREADS threads, 4 segments that are not in the order of
 * addresses, 3 files, 3 auxv entries. */
enum { THREADS = 3, FIRST_TID = 4711, CORE_PAGE = 4096 };
extern const struct fake_file some_files[3];
extern const uint64_t some_auxv[6];
extern const char text_bytes[34], heap_bytes[68], stack_bytes[17];
void whole_core(struct fakecore *f, const struct machine *m);

/* Pseudo-random and the same in every run. */
uint32_t random_below(uint32_t *state, uint32_t n);
