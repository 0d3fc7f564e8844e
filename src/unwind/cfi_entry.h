/* SPDX-License-Identifier: Apache-2.0 */
/* What finding and running call frame information share: entries, decoded. */
#pragma once

#include "cfi.h"

struct cie {
	uint64_t code_align;
	int64_t data_align;
	uint8_t ra, fde_encoding;
	bool signal, sized; /* sized: FDEs say how long their augmentation is */
	struct cursor instructions;
};

struct fde {
	struct cie cie;
	uint64_t start, end;
	struct cursor instructions;
};

/* An encoded pointer of the section. Indirect ones would need memory, and no function is given so.
 */
bool cfi_take_pointer(
	const struct cfi_section *s, struct cursor *c, unsigned encoding, uint64_t *ret);
/* The FDE that covers an address. */
bool cfi_find(struct cfi_section *s, uint64_t pc, struct fde *ret);
