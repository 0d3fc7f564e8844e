/* SPDX-License-Identifier: Apache-2.0 */
/* How the files of the core reader share one struct elfcore while it is being parsed. */
#pragma once

#include "pycore/elfcore.h"

/* Reads one PT_NOTE segment into c: threads, process, auxv, NT_FILE. */
struct core_notes {
	struct elfcore *c;
	const struct core_arch *arch; /* may be NULL */
	size_t cap_threads;
	uint64_t bytes; /* of notes read so far, for NOTES_BYTES_MAX */
	uint32_t first[2]; /* types of the first notes */
	size_t seen;
	bool by_gdb;
};
void core_notes_read(struct core_notes *n, uint64_t offset, uint64_t size);
/* Judges by what was read who wrote the core. */
bool core_notes_from_kernel(const struct core_notes *n);

/* Parses an auxiliary vector into c->auxv, if that is empty. */
void core_auxv_parse(struct elfcore *c, const uint8_t *bytes, size_t size);

/* Puts c->files in order. */
void core_files_sort(struct elfcore *c);
/* Parses the descriptor of NT_FILE, of which no more than `size` bytes are there, into c->files. */
void core_files_parse(struct elfcore *c, const uint8_t *desc, size_t size);

/* Collects what claims a part of the address space, and makes c->ranges of it. */
struct core_claims {
	struct core_claim *list;
	size_t len, cap;
};
void core_claims_add_load(struct core_claims *claims, struct elfcore *c, const struct elf_phdr *h);
/* What is mapped there, and in no list that is left. */
void core_claims_add_unlisted(
	struct core_claims *claims, uint64_t start, uint64_t end, uint32_t flags);
void core_claims_add_files(struct core_claims *claims, const struct elfcore *c);
void core_claims_flatten(struct core_claims *claims, struct elfcore *c);
void core_claims_fini(struct core_claims *claims);

/* Why these bytes, which are not ELF, are no core: a literal for err.what. */
const char *core_describe_foreign(const uint8_t *bytes, uint64_t size);
