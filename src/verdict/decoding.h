/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the decoders of the architectures share: an instruction that Capstone took apart, the
 * registers, and the list of the places in memory that it goes to.
 *
 * Capstone is trusted with what an instruction is made of. It is not with whether memory is read or
 * written, or how much of it: its tables say "read" also of what they have not heard of. So that is
 * told here, by what an instruction is called and where its memory operand stands, and
 * ACCESS_UNKNOWN where that does not tell.
 */
#pragma once

#include "disassembler.h"

#include "pycore/elfcore.h"
#include "pycore/registers.h"

enum { MEMORY_MAX = 4 };

/* A place that it goes to. */
struct memory_operand {
	enum access access;
	uint64_t address;
	uint32_t size, alignment; /* 0: not known; any */
	const char *base; /* literal; NULL: none */
	uint64_t base_value;
	bool pushes;
	char text[64];
};

struct decoding {
	struct disassembler *dis;
	const struct core_arch *arch;
	enum byte_order order;
	const struct core_regs *regs;
	struct mem *mem; /* for jumps through memory; NULL: these lead nowhere */
	const cs_insn *insn;
	uint64_t pc;
	struct memory_operand list[MEMORY_MAX];
	size_t n;
	bool untold; /* it goes to memory in a way that is not told by the list */
	bool traps, privileged, divides;
	bool ordinary;
};

void decode_x86(struct decoding *d);
void decode_aarch64(struct decoding *d);
void decode_arm(struct decoding *d);
void decode_s390x(struct decoding *d);
/* Some instructions of x86-64 that Capstone does not know; false: it is none of them. */
bool decode_evex(struct decoding *d, const uint8_t *bytes, size_t n, struct instruction *in);

/* A register of the core by its name; 0 and untold if it is not there. */
uint64_t decoding_reg(struct decoding *d, const char *name);
/* Lists one more place; `text` NULL: the operand as it stands in the instruction's text. */
void decoding_add(struct decoding *d, const struct memory_operand *m, const char *text);
/* Whether a processor of x86-64 can have that address. */
static inline bool is_canonical(uint64_t addr)
{
	enum { ADDRESS_BITS = 48 };
	int64_t high = (int64_t)addr >> (ADDRESS_BITS - 1);
	return high == 0 || high == -1;
}
/* Whether one of the words, which blanks part, is that name; or begins it. */
bool word_in(const char *name, const char *words);
bool begins_in(const char *name, const char *words);

/* Decodes these bytes; what `in` gets are all facts but has_operand and what depends on it. False:
 * they are no instruction. */
bool decoding_run(struct decoding *d, const uint8_t *bytes, size_t n, struct instruction *in);
/* Sets its text, cut where it is too long. */
void instruction_name(struct instruction *in, const struct str *text);
/* Which kind of code that is; false: none that can be decoded. */
bool decoding_kind(const struct core_arch *a, enum byte_order order, const struct core_regs *regs,
	enum disassembler_kind *ret);
/* Makes one of the list what the instruction goes to. fault: the address that the signal tells;
 * NULL: none. */
void decoding_choose(const struct decoding *d, const uint64_t *fault, struct instruction *in);
