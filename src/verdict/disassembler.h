/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capstone, loaded when an instruction is to be decoded: linked in, its tables would cost every run
 * most of a millisecond, and it is not needed to tell anything else of a core.
 */
#pragma once

#include "pycore/bytes.h"
#include "pycore/err.h"

#include <capstone/capstone.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum disassembler_kind { DIS_X86_64, DIS_I386, DIS_AARCH64, DIS_ARM, DIS_THUMB, DIS_S390X };

struct disassembler {
	void *library;
	enum disassembler_kind kind;
	csh handle;
	cs_insn *insn; /* what was decoded last */
	struct disassembler_calls {
		bool (*next)(csh, const uint8_t **, size_t *, uint64_t *, cs_insn *);
		void (*free)(cs_insn *, size_t);
		cs_err (*close)(csh *);
	} calls;
};

/* ERR_UNSUPPORTED: the library is not here, or does not know this architecture. */
struct err disassembler_open(
	enum disassembler_kind kind, enum byte_order order, struct disassembler *ret);
void disassembler_close(struct disassembler *d);
/* Decodes the instruction at the start of the n bytes, which stand at `address`, into d->insn;
 * false: there is none. */
bool disassembler_decode(struct disassembler *d, const uint8_t *bytes, size_t n, uint64_t address);
