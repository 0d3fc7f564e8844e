/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions of arm and Thumb with which functions begin (ARM Architecture Reference Manual,
 * ARMv7-A, chapters A6 and A8): push, which stores registers in ascending order below the stack
 * pointer; vpush; str with the stack pointer moved before; sub from the stack pointer; and those
 * that set up a frame pointer. In between there is what the compiler has moved there, but no
 * branch. Instructions are little-endian whatever data are.
 */
#include "prologue.h"

#include <string.h>

enum { SP = 13, LR = 14 };

struct reading {
	struct prologue *p;
	int64_t below; /* how far the stack pointer has moved */
};

static unsigned half(const uint8_t *b)
{
	return (unsigned)bytes_uint(b, 2, ORDER_LITTLE);
}

static unsigned count(unsigned mask)
{
	return (unsigned)__builtin_popcount(mask);
}

/* Distances from the CFA, which is the stack pointer at the beginning. */
static void push(struct reading *r, unsigned mask)
{
	r->below += 4 * count(mask);
	int64_t at = -r->below;
	for (unsigned i = 0; i < 16; i++) {
		if (!(mask >> i & 1))
			continue;
		/* r0 to r3 fill up, or are arguments */
		if (i >= 4 && r->p->row.rules[i].how == CFI_UNSAID)
			r->p->row.rules[i] = (struct cfi_rule){ CFI_AT_OFFSET, at };
		at += 4;
	}
	r->p->saves_lr |= mask >> LR & 1;
}

static void set_frame_pointer(struct reading *r, unsigned column, unsigned above)
{
	r->p->keeps_fp = true;
	r->p->fp = (uint8_t)column;
	r->p->fp_offset = r->below - (int64_t)above;
}

static uint32_t rotated(uint32_t v, unsigned by)
{
	by &= 31;
	return by ? v >> by | v << (32 - by) : v;
}

/* A "modified immediate constant" of Thumb. */
static uint32_t expand(unsigned first, unsigned second)
{
	unsigned code = (first >> 10 & 1) << 3 | (second >> 12 & 7), low = second & 0xff;
	if (code >= 4) {
		unsigned by = code << 1 | low >> 7;
		return rotated(0x80 | (low & 0x7f), by);
	}
	static const uint32_t times[] = { 1, 0x00010001, 0x01000100, 0x01010101 };
	return low * times[code];
}

static unsigned plain(unsigned first, unsigned second)
{
	return (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | (second & 0xff);
}

/* vpush, in both encodings of code alike; 0: it is none */
static unsigned vpush_bytes(unsigned first, unsigned second)
{
	bool is = (first & 0xffbf) == 0xed2d && (second & 0x0e00) == 0x0a00;
	return is ? (second & 0xff) * 4 : 0;
}

/* str.w rt, [sp, #-n]! */
static bool is_store(unsigned first, unsigned second)
{
	return first == 0xf84d && (second & 0x0f00) == 0x0d00;
}

/* What each of these returns: whether one may go on behind it. */
static bool read_wide(struct reading *r, unsigned first, unsigned second)
{
	if (first == 0xe92d) { /* push.w */
		push(r, second);
	} else if (is_store(first, second)) {
		push(r, 1u << (second >> 12));
		r->below += (second & 0xff) - 4;
		if (second >> 12 >= 4)
			r->p->row.rules[second >> 12].offset = -r->below;
	} else if (first == 0xe96d) { /* strd rt, rt2, [sp, #-n]! */
		unsigned pair = 1u << (second >> 12) | 1u << (second >> 8 & 0xf);
		r->below += (second & 0xff) * 4 - 8;
		push(r, pair);
	} else if (vpush_bytes(first, second)) {
		r->below += vpush_bytes(first, second);
	} else if ((first & 0xfbff) == 0xf1ad && (second & 0x8f00) == 0x0d00) { /* sub.w */
		r->below += expand(first, second);
	} else if ((first & 0xfbff) == 0xf2ad && (second & 0x8f00) == 0x0d00) { /* subw */
		r->below += plain(first, second);
	} else if ((first & 0xf800) == 0xf000 && second & 0x8000) {
		return false; /* branches */
	} else if ((first & 0xffd0) == 0xe890 || (first & 0xfff0) == 0xe8d0) {
		return false; /* pop, branches by table */
	}
	return true;
}

static bool read_narrow(struct reading *r, unsigned insn)
{
	if ((insn & 0xfe00) == 0xb400) /* push */
		push(r, (insn & 0xff) | (insn >> 8 & 1) << LR);
	else if ((insn & 0xff80) == 0xb080) /* sub sp */
		r->below += (insn & 0x7f) * 4;
	else if ((insn & 0xff00) == 0xaf00) /* add r7, sp, #n */
		set_frame_pointer(r, 7, (insn & 0xff) * 4);
	else if (insn == 0x466f) /* mov r7, sp */
		set_frame_pointer(r, 7, 0);
	else
		return !((insn & 0xff80) == 0xb000 || /* add sp */
			 (insn & 0xfe00) == 0xbc00 || /* pop */
			 (insn & 0xf500) == 0xb100 || /* cbz, cbnz */
			 (insn & 0xf000) == 0xd000 || (insn & 0xf800) == 0xe000 ||
			 (insn & 0xff00) == 0x4700);
	return true;
}

static bool read_arm(struct reading *r, uint32_t insn)
{
	unsigned first = insn >> 16, second = insn & 0xffff;
	uint32_t constant = rotated(insn & 0xff, (insn >> 8 & 0xf) * 2);
	if (first == 0xe92d) /* push */
		push(r, second);
	else if (first == 0xe52d && (second & 0xfff) == 4) /* str rt, [sp, #-4]! */
		push(r, 1u << (second >> 12));
	else if (vpush_bytes(first, second))
		r->below += vpush_bytes(first, second);
	else if (first == 0xe24d && second >> 12 == SP) /* sub sp, sp, #n */
		r->below += constant;
	else if (first == 0xe28d && second >> 12 == 11) /* add fp, sp, #n */
		set_frame_pointer(r, 11, constant);
	else
		return (insn & 0x0e000000) != 0x0a000000 && (insn & 0x0ff000f0) != 0x01200010 &&
		       (insn & 0x0ff000f0) != 0x01200030 && (insn & 0x0fff0000) != 0x08bd0000 &&
		       first != 0xe28d;
	return true;
}

static bool is_wide(unsigned first)
{
	return first >> 11 >= 0x1d;
}

bool prologue_read(const uint8_t *bytes, size_t n, bool thumb, struct prologue *ret)
{
	struct prologue p = { 0 };
	struct reading r = { .p = &p };
	bool good = true;
	for (size_t at = 0, size; good && at + 2 <= n; at += size) {
		size = !thumb || is_wide(half(bytes + at)) ? 4 : 2;
		if (at + size > n)
			break;
		if (!thumb)
			good = read_arm(&r, (uint32_t)bytes_uint(bytes + at, 4, ORDER_LITTLE));
		else if (size == 4)
			good = read_wide(&r, half(bytes + at), half(bytes + at + 2));
		else
			good = read_narrow(&r, half(bytes + at));
	}
	p.row.ra = LR;
	p.row.cfa_column = SP;
	p.row.cfa = (struct cfi_rule){ CFI_REGISTER, r.below };
	*ret = p;
	return r.below >= 0;
}

bool prologue_stores_lr(const uint8_t bytes[4], bool thumb)
{
	unsigned first = half(bytes), second = half(bytes + 2);
	if (!thumb) /* the halves are the other way round */
		return (second == 0xe92d && first >> LR & 1) ||
		       (second == 0xe52d && first == 0xe004);
	return (first & 0xff00) == 0xb500 || (first == 0xe92d && second >> LR & 1) ||
	       (is_store(first, second) && second >> 12 == LR);
}

unsigned prologue_pushes_arguments(const uint8_t bytes[4], bool thumb, unsigned *ret_length)
{
	static const uint8_t masks[] = { 0x8, 0xc, 0xe, 0xf };
	unsigned first = half(bytes), second = half(bytes + 2);
	for (size_t i = 0; i < sizeof(masks); i++) {
		*ret_length = thumb ? 2 : 4;
		if (thumb ? second == (0xb400u | masks[i]) : second == 0xe92d && first == masks[i])
			return 4 * count(masks[i]);
		*ret_length = 4;
		if (thumb && first == 0xe92d && second == masks[i])
			return 4 * count(masks[i]);
	}
	return 0;
}

bool prologue_call_target(const uint8_t bytes[4], uint64_t next, bool thumb, uint64_t *ret)
{
	unsigned first = half(bytes), second = half(bytes + 2);
	if (!thumb) {
		uint32_t insn = second << 16 | first;
		int64_t by = (int32_t)(insn << 8) >> 6;
		bool other = insn >> 28 == 0xf; /* blx: to Thumb code */
		*ret = (uint32_t)(next + 4 + (uint64_t)by + (other ? insn >> 23 & 2 : 0));
		return other ? (insn & 0xfe000000) == 0xfa000000
			     : (insn & 0x0f000000) == 0x0b000000;
	}
	if ((first & 0xf800) != 0xf000 || (second & 0xc000) != 0xc000)
		return false;
	unsigned s = first >> 10 & 1, j1 = !((second >> 13 & 1) ^ s),
		 j2 = !((second >> 11 & 1) ^ s);
	uint32_t by = s << 24 | j1 << 23 | j2 << 22 | (first & 0x3ff) << 12 | (second & 0x7ff) << 1;
	int64_t distance = (int32_t)(by << 7) >> 7;
	bool other = !(second >> 12 & 1); /* blx: to arm code, whose addresses are multiples of 4 */
	*ret = (uint32_t)((other ? next & ~UINT64_C(3) : next) + (uint64_t)distance);
	return true;
}
