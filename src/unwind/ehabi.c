/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Exception Handling ABI for the Arm Architecture" (ARM IHI 0038). The index has an entry of two
 * words for each stretch of code, ascending: where it begins, as a distance of 31 bits; and 1 (it
 * cannot be unwound), or a word with the high bit set that is the descriptor itself, or the
 * distance to it. A descriptor of the "compact model" begins with 0x80 and three instructions, or
 * 0x81 or 0x82, how many words follow, and two instructions; one with a personality routine of its
 * own with the distance to that, and, as compilers write it, how many words follow and three
 * instructions. The instructions move a virtual stack pointer, which begins with that of the
 * function, and take registers from there (section 10.3).
 */
#include "ehabi.h"
#include "leb.h"

#include "pycore/sorted.h"

#include <string.h>

enum {
	ENTRY = 8,
	CANNOT_UNWIND = 1,
	COMPACT = 0x80,
	WORDS_MAX = 64, /* of instructions; compilers need 3 */
	SP = 13,
	LR = 14,
	PC = 15,
};

bool ehabi_open(const uint8_t *bytes, size_t n_bytes, uint64_t bytes_addr, uint64_t addr,
	uint64_t size, enum byte_order order, struct ehabi_tables *ret)
{
	if (addr < bytes_addr || addr - bytes_addr > n_bytes ||
		size > n_bytes - (addr - bytes_addr) || size < ENTRY)
		return false;
	*ret = (struct ehabi_tables){ .bytes = bytes,
		.size = n_bytes,
		.addr = bytes_addr,
		.at = (size_t)(addr - bytes_addr),
		.n = (size_t)(size / ENTRY),
		.order = order };
	return true;
}

static uint32_t word_at(const struct ehabi_tables *t, size_t at)
{
	return (uint32_t)bytes_uint(t->bytes + at, 4, t->order);
}

/* What the 31 bits at `at` lead to. */
static uint64_t led_to(const struct ehabi_tables *t, size_t at)
{
	int32_t distance = (int32_t)(word_at(t, at) << 1) >> 1;
	return (uint32_t)(t->addr + at + (uint64_t)(int64_t)distance);
}

static uint64_t start_of(const struct ehabi_tables *t, size_t i)
{
	return led_to(t, t->at + i * ENTRY);
}

static bool find(const struct ehabi_tables *t, uint64_t pc, size_t *ret)
{
	size_t n = PARTITION_POINT(t->n, i, start_of(t, i) <= pc);
	*ret = n - 1;
	return n;
}

/* The instructions in the order in which they are run: those of a word from its high byte on. */
struct program {
	uint8_t bytes[WORDS_MAX * 4];
	size_t n;
};

static void add_word(struct program *p, uint32_t word, unsigned n)
{
	for (unsigned i = n; i-- > 0;)
		p->bytes[p->n++] = (uint8_t)(word >> 8 * i);
}

/* The words from `at` on, of which the first has n bytes of instructions and the number of the
 * others before these. */
static bool take_words(const struct ehabi_tables *t, size_t at, unsigned n, struct program *ret)
{
	uint32_t word = word_at(t, at);
	size_t more = word >> 8 * n & 0xff;
	if (more >= WORDS_MAX || more > (t->size - at) / 4 - 1)
		return false;
	add_word(ret, word, n);
	for (size_t i = 1; i <= more; i++)
		add_word(ret, word_at(t, at + 4 * i), 4);
	return true;
}

static bool is_word(const struct ehabi_tables *t, uint64_t addr, size_t *ret_at)
{
	*ret_at = (size_t)(addr - t->addr);
	return addr >= t->addr && addr - t->addr < t->size && t->size - (addr - t->addr) >= 4;
}

static bool take_program(const struct ehabi_tables *t, size_t entry, struct program *ret)
{
	size_t at = entry + 4;
	uint32_t word = word_at(t, at);
	if (!(word >> 31)) {
		if (!is_word(t, led_to(t, at), &at))
			return false;
		word = word_at(t, at);
	}
	switch (word >> 24) {
	case COMPACT:
		add_word(ret, word, 3);
		return true;
	case COMPACT + 1:
	case COMPACT + 2:
		return take_words(t, at, 2, ret);
	}
	/* a personality routine, and behind it what it has to know */
	return !(word >> 31) && t->size - at >= 8 && take_words(t, at + 4, 3, ret);
}

/* Where the virtual stack pointer is while they run: `at` bytes above column row->cfa_column. */
struct run {
	struct cfi_row *row;
	int64_t at;
	bool popped;
};

static void pop(struct run *r, unsigned column)
{
	r->row->rules[column] = (struct cfi_rule){ CFI_AT_OFFSET, r->at };
	r->at += 4;
	r->popped = true;
}

static void pop_all(struct run *r, unsigned mask, unsigned from)
{
	for (unsigned i = 0; mask >> i; i++) {
		if (mask >> i & 1)
			pop(r, from + i);
	}
}

/* Instructions of two bytes that take registers which are not followed; false: none of them. */
static bool skip_others(struct run *r, unsigned op, unsigned operand)
{
	unsigned count = (operand & 0xf) + 1;
	switch (op) {
	case 0xb3: /* VFP registers, as FSTMX stores them */
		r->at += 8 * count + 4;
		return true;
	case 0xc6: /* registers of WMMX */
	case 0xc8: /* VFP registers from d16 on */
	case 0xc9: /* VFP registers */
		r->at += 8 * count;
		return true;
	case 0xc7: /* control registers of WMMX */
		r->at += 4 * __builtin_popcount(operand & 0xf);
		return true;
	}
	return false;
}

static bool run_long(struct run *r, struct cursor *c, unsigned op)
{
	if (op == 0xb2) {
		uint64_t n = cursor_uleb(c);
		r->at += 0x204 + (int64_t)((n & UINT32_MAX) << 2);
		return n <= UINT32_MAX >> 2;
	}
	unsigned operand = cursor_byte(c);
	if (op >> 4 == 8) {
		unsigned mask = (op & 0xf) << 8 | operand;
		pop_all(r, mask, 4);
		return mask;
	}
	if (op == 0xb1) {
		pop_all(r, operand, 0);
		return operand && operand < 0x10;
	}
	return skip_others(r, op, operand);
}

static bool run_one(struct run *r, struct cursor *c)
{
	unsigned op = cursor_byte(c), low = op & 7;
	if (op < 0x80) { /* vsp +- */
		int64_t n = (int64_t)((op & 0x3f) << 2) + 4;
		r->at += op < 0x40 ? n : -n;
		return true;
	}
	switch (op >> 3) {
	case 0x90 >> 3: /* vsp = a register */
	case 0x98 >> 3:
		if (r->popped || (op & 0xf) == SP || (op & 0xf) == PC)
			return false;
		r->row->cfa_column = op & 0xf;
		r->at = 0;
		return true;
	case 0xa0 >> 3: /* r4 to r4 + n */
	case 0xa8 >> 3: /* and lr */
		pop_all(r, (2u << low) - 1, 4);
		if (op & 8)
			pop(r, LR);
		return true;
	case 0xb8 >> 3: /* d8 to d8 + n, as FSTMX stores them */
		r->at += 8 * (int64_t)low + 12;
		return true;
	case 0xd0 >> 3: /* d8 to d8 + n */
		r->at += 8 * (int64_t)low + 8;
		return true;
	case 0xc0 >> 3:
		if (low >= 6)
			break;
		r->at += 8 * (int64_t)low + 8; /* registers of WMMX */
		return true;
	}
	switch (op) {
	case 0xb4: /* the code that signs the return address */
		r->at += 4;
		return true;
	case 0xb5: /* ... and what it was made with */
		return true;
	}
	return run_long(r, c, op);
}

static bool run(struct run *r, const struct program *p)
{
	enum { FINISH = 0xb0 };
	struct cursor c = cursor_of(p->bytes, p->n, ORDER_LITTLE);
	while (cursor_left(&c) && c.bytes[c.at] != FINISH) {
		if (!run_one(r, &c) || c.overrun)
			return false;
	}
	return true;
}

struct err ehabi_row(const struct ehabi_tables *t, uint64_t pc, struct cfi_row *ret)
{
	size_t i;
	struct program p = { 0 };
	if (!t->n || !find(t, pc, &i) || word_at(t, t->at + i * ENTRY + 4) == CANNOT_UNWIND)
		return err_at(ERR_ABSENT, pc, "call frame information");
	struct cfi_row row = { .start = start_of(t, i),
		.end = i + 1 < t->n ? start_of(t, i + 1) : UINT32_MAX,
		.ra = LR,
		.at_calls = true,
		.cfa_column = SP };
	struct run r = { .row = &row };
	if (!take_program(t, t->at + i * ENTRY, &p) || !run(&r, &p))
		return err_at(ERR_CORRUPT, pc, "call frame information");
	for (unsigned k = 0; k < COLUMNS_MAX; k++) {
		if (row.rules[k].how == CFI_AT_OFFSET)
			row.rules[k].offset -= r.at;
	}
	row.cfa = (struct cfi_rule){ CFI_REGISTER, r.at };
	if (row.rules[PC].how == CFI_AT_OFFSET) {
		row.ra = PC; /* what a signal interrupted has all its registers there */
		row.signal = row.rules[SP].how == CFI_AT_OFFSET;
	} else if (row.rules[LR].how == CFI_UNSAID) {
		row.rules[LR].how = CFI_SAME;
	}
	*ret = row;
	return NO_ERR;
}
