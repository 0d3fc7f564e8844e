/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call frame information made by hand: entries, instructions, rules, expressions; each damaged in
 * every way that is short to say. Real stacks are compared by tests/native/run.py.
 */
#include "suites.h"

#include "../../src/unwind/cfi.h"
#include "../../src/unwind/demangle.h"
#include "../../src/unwind/elf.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"
#include "pycore/mem.h"
#include "pycore/native.h"
#include "pycore/str.h"

#include <elf.h>
#include <string.h>

#include "../support/fakecore.h"

/* x86-64: columns */
enum { RBX = 3, RBP = 6, RSP = 7, RA = 16 };
enum { SECTION_AT = 0x10000, CODE = 0x1000, CODE_SIZE = 0x100, STACK = 0x7000 };

/* A CIE as compilers write it: code in bytes, data in -8, return address in RA; at a function's
 * start the CFA is rsp + 8, the return address below. */
static const char usual_start[] = "\x0c\x07\x08\x90\x01";

/* Appends an entry. Its length is padded with nops, as the format wants it. */
static void put_entry(struct str *s, uint32_t id, const struct str *body)
{
	AUTO_STR(entry);
	fake_uint(&entry, id, 4, ORDER_LITTLE);
	str_add(&entry, body->bytes, body->len);
	while (entry.len % 8 != 4)
		str_putc(&entry, '\0');
	fake_uint(s, entry.len, 4, ORDER_LITTLE);
	str_add(s, entry.bytes, entry.len);
}

static void put_cie(struct str *s, bool eh, const char *letters, const void *data, size_t n_data,
	const char *insns, size_t n)
{
	AUTO_STR(body);
	str_putc(&body, 1); /* version */
	str_add(&body, letters, strlen(letters) + 1);
	str_putc(&body, 1);
	str_putc(&body, 0x78); /* -8 */
	str_putc(&body, RA);
	if (letters[0] == 'z') {
		str_putc(&body, (char)n_data);
		str_add(&body, data, n_data);
	}
	str_add(&body, insns, n);
	put_entry(s, eh ? 0 : UINT32_MAX, &body);
}

/* An FDE for CODE of the CIE at the section's start; "zR" with pcrel sdata4 in .eh_frame. */
static void put_fde(struct str *s, bool eh, uint64_t start, const void *insns, size_t n)
{
	AUTO_STR(body);
	if (eh) {
		fake_uint(&body, start - (SECTION_AT + s->len + 8), 4, ORDER_LITTLE);
		fake_uint(&body, CODE_SIZE, 4, ORDER_LITTLE);
		str_putc(&body, 0);
	} else {
		fake_uint(&body, start, 8, ORDER_LITTLE);
		fake_uint(&body, CODE_SIZE, 8, ORDER_LITTLE);
	}
	str_add(&body, insns, n);
	put_entry(s, eh ? (uint32_t)(s->len + 4) : 0, &body);
}

static struct cfi_section section_of(const struct str *s, bool eh)
{
	return (struct cfi_section){ .bytes = (const uint8_t *)s->bytes,
		.size = s->len,
		.addr = SECTION_AT,
		.eh = eh,
		.order = ORDER_LITTLE,
		.ptr_size = 8 };
}

/* The usual CIE and one FDE with these instructions. */
static void usual(struct str *s, const void *insns, size_t n)
{
	put_cie(s, true, "zR", "\x1b", 1, usual_start, sizeof(usual_start) - 1);
	put_fde(s, true, CODE, insns, n);
}

#define BYTES(s) s, sizeof(s) - 1

/* The row at CODE + at of one function. */
static struct err row_of(const void *insns, size_t n, uint64_t at, struct cfi_row *ret)
{
	AUTO_STR(s);
	usual(&s, insns, n);
	struct cfi_section section = section_of(&s, true);
	struct err e = cfi_row(&section, CODE + at, ret);
	ret->section = NULL;
	cfi_fini(&section);
	return e;
}

#define ck_assert_rule(row, column, wanted, at)                                                    \
	do {                                                                                       \
		ck_assert_int_eq((row).rules[column].how, wanted);                                 \
		ck_assert_int_eq((row).rules[column].offset, at);                                  \
	} while (0)

/* push %rbp; mov %rsp,%rbp; ...; leave: as gcc says it */
static const char framed[] = "\x41\x0e\x10\x86\x02\x43\x0d\x06\x02\x40\x0c\x07\x08";

START_TEST(test_rows)
{
	struct cfi_row r;
	ck_assert_ok(row_of(BYTES(framed), 0, &r));
	ck_assert_int_eq(r.cfa_column, RSP);
	ck_assert_int_eq(r.cfa.offset, 8);
	ck_assert_rule(r, RA, CFI_AT_OFFSET, -8);
	ck_assert_rule(r, RBP, CFI_UNSAID, 0);
	ck_assert_uint_eq(r.start, CODE);
	ck_assert_uint_eq(r.end, CODE + 1);
	ck_assert_ok(row_of(BYTES(framed), 1, &r));
	ck_assert_int_eq(r.cfa.offset, 16);
	ck_assert_rule(r, RBP, CFI_AT_OFFSET, -16);
	ck_assert_ok(row_of(BYTES(framed), 4, &r));
	ck_assert_int_eq(r.cfa_column, RBP);
	ck_assert_int_eq(r.cfa.offset, 16);
	ck_assert_uint_eq(r.end, CODE + 4 + 0x40);
	ck_assert_ok(row_of(BYTES(framed), 0x44, &r));
	ck_assert_int_eq(r.cfa_column, RSP);
	ck_assert_uint_eq(r.end, CODE + CODE_SIZE);
	ck_assert(!r.signal);
	ck_assert_err(row_of(BYTES(framed), CODE_SIZE, &r), ERR_ABSENT);
	ck_assert_err(row_of(BYTES(framed), (uint64_t)-1, &r), ERR_ABSENT);
}
END_TEST

/* Every instruction that gives a column its rule. */
static const struct {
	const char *name, *insns;
	size_t n;
	unsigned column;
	enum cfi_how how;
	int64_t offset;
} rules[] = {
	{ "offset", BYTES("\x83\x03"), RBX, CFI_AT_OFFSET, -24 },
	{ "offset_extended", BYTES("\x05\x03\x04"), RBX, CFI_AT_OFFSET, -32 },
	{ "offset_extended_sf", BYTES("\x11\x03\x7e"), RBX, CFI_AT_OFFSET, 16 },
	{ "negative_offset_extended", BYTES("\x2f\x03\x02"), RBX, CFI_AT_OFFSET, 16 },
	{ "val_offset", BYTES("\x14\x03\x02"), RBX, CFI_IS_OFFSET, -16 },
	{ "val_offset_sf", BYTES("\x15\x03\x7f"), RBX, CFI_IS_OFFSET, 8 },
	{ "undefined", BYTES("\x07\x03"), RBX, CFI_UNDEFINED, 0 },
	{ "same_value", BYTES("\x08\x03"), RBX, CFI_SAME, 0 },
	{ "register", BYTES("\x09\x03\x0c"), RBX, CFI_REGISTER, 12 },
	{ "restore", BYTES("\x07\x10\xd0"), RA, CFI_AT_OFFSET, -8 },
	{ "restore_extended", BYTES("\x07\x10\x06\x10"), RA, CFI_AT_OFFSET, -8 },
	{ "remember and restore", BYTES("\x83\x02\x0a\x83\x05\x0b"), RBX, CFI_AT_OFFSET, -16 },
	{ "args_size and nop", BYTES("\x2e\x80\x01\x00\x83\x02"), RBX, CFI_AT_OFFSET, -16 },
	{ "a column that is not followed", BYTES("\x05\x60\x04\x83\x02"), RBX, CFI_AT_OFFSET, -16 },
};

START_TEST(test_rules)
{
	struct cfi_row r;
	ck_assert_msg(!failed(row_of(rules[_i].insns, rules[_i].n, 0, &r)), "%s", rules[_i].name);
	ck_assert_msg(r.rules[rules[_i].column].how == rules[_i].how &&
			      r.rules[rules[_i].column].offset == rules[_i].offset,
		"%s: %d %d", rules[_i].name, r.rules[rules[_i].column].how,
		(int)r.rules[rules[_i].column].offset);
}
END_TEST

static const struct {
	const char *name, *insns;
	size_t n;
} bad[] = {
	{ "unknown instruction", BYTES("\x3e") },
	{ "signed return address, which x86 has not", BYTES("\x2d") },
	{ "restore_state without remember_state", BYTES("\x0b") },
	{ "CFA in a column that is not followed", BYTES("\x0c\x60\x08") },
	{ "offset of a CFA that is an expression", BYTES("\x0f\x01\x30\x0e\x10") },
	{ "more states than are remembered",
		BYTES("\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a"
		      "\x0a\x0a\x0a\x0a\x0a") },
	{ "expression beyond the end", BYTES("\x10\x03\x7f") },
	{ "address that goes back", BYTES("\x44\x01\x00\x00\xff\xff") },
};

START_TEST(test_bad_instructions)
{
	struct cfi_row r;
	ck_assert_msg(row_of(bad[_i].insns, bad[_i].n, CODE_SIZE - 1, &r).code == ERR_CORRUPT, "%s",
		bad[_i].name);
}
END_TEST

/* Cut off anywhere, or with any byte changed, it yields a row or an error, and reads nothing
 * outside. */
START_TEST(test_damage)
{
	AUTO_STR(s);
	usual(&s, BYTES(framed));
	for (size_t n = 0; n < s.len; n++) {
		AUTO_FREE char *copy = xmalloc(n + 1);
		memcpy(copy, s.bytes, n);
		struct cfi_section section = section_of(&s, true);
		struct cfi_row r;
		section.bytes = (const uint8_t *)copy;
		section.size = n;
		(void)failed(cfi_row(&section, CODE + 4, &r));
		cfi_fini(&section);
	}
	for (size_t i = 0; i < 256 * s.len; i++) {
		AUTO_FREE char *copy = xmalloc(s.len);
		memcpy(copy, s.bytes, s.len);
		copy[i / 256] = (char)i;
		struct cfi_section section = section_of(&s, true);
		struct cfi_row r;
		section.bytes = (const uint8_t *)copy;
		(void)failed(cfi_row(&section, CODE + 4, &r));
		cfi_fini(&section);
	}
}
END_TEST

START_TEST(test_signal_frame)
{
	AUTO_STR(s);
	struct cfi_row r;
	put_cie(&s, true, "zPLRS", "\x00\x11\x11\x11\x11\x11\x11\x11\x11\x1b\x1b", 11, usual_start,
		sizeof(usual_start) - 1);
	put_fde(&s, true, CODE, BYTES(framed));
	struct cfi_section section = section_of(&s, true);
	ck_assert_ok(cfi_row(&section, CODE, &r));
	ck_assert(r.signal);
	ck_assert_int_eq(r.cfa.offset, 8);
	cfi_fini(&section);
}
END_TEST

START_TEST(test_debug_frame)
{
	AUTO_STR(s);
	struct cfi_row r;
	put_cie(&s, false, "", NULL, 0, usual_start, sizeof(usual_start) - 1);
	put_fde(&s, false, CODE + CODE_SIZE, BYTES(""));
	put_fde(&s, false, CODE, BYTES(framed));
	struct cfi_section section = section_of(&s, false);
	ck_assert_ok(cfi_row(&section, CODE + 4, &r));
	ck_assert_int_eq(r.cfa_column, RBP);
	ck_assert_ok(cfi_row(&section, CODE + CODE_SIZE, &r));
	ck_assert_int_eq(r.cfa_column, RSP);
	ck_assert_uint_eq(section.n_spans, 2);
	ck_assert_err(cfi_row(&section, CODE + 2 * CODE_SIZE, &r), ERR_ABSENT);
	cfi_fini(&section);
}
END_TEST

/* The header with its table, in front of the section. */
START_TEST(test_header)
{
	enum { HDR_AT = SECTION_AT - 64, FUNCTIONS = 3 };
	AUTO_STR(s);
	AUTO_STR(hdr);
	size_t fdes[FUNCTIONS];
	put_cie(&s, true, "zR", "\x1b", 1, usual_start, sizeof(usual_start) - 1);
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		fdes[i] = s.len;
		put_fde(&s, true, CODE + i * 2 * CODE_SIZE, BYTES(framed));
	}
	str_add(&hdr, "\x01\x1b\x03\x3b", 4);
	fake_uint(&hdr, SECTION_AT - (HDR_AT + 4), 4, ORDER_LITTLE);
	fake_uint(&hdr, FUNCTIONS, 4, ORDER_LITTLE);
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		fake_uint(&hdr, CODE + i * 2 * CODE_SIZE - HDR_AT, 4, ORDER_LITTLE);
		fake_uint(&hdr, SECTION_AT + fdes[i] - HDR_AT, 4, ORDER_LITTLE);
	}
	while (hdr.len < 64)
		str_putc(&hdr, '\0');
	str_add(&hdr, s.bytes, s.len);
	struct cfi_section section = { .order = ORDER_LITTLE, .ptr_size = 8 };
	const uint8_t *bytes = (const uint8_t *)hdr.bytes;
	ck_assert_ok(cfi_open_eh(bytes, hdr.len, HDR_AT, HDR_AT, &section));
	ck_assert_uint_eq(section.table_len, FUNCTIONS);
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		struct cfi_row r;
		uint64_t start = CODE + i * 2 * CODE_SIZE;
		ck_assert_ok(cfi_row(&section, start + 4, &r));
		ck_assert_uint_eq(r.end, start + 0x44);
		ck_assert_err(cfi_row(&section, start + CODE_SIZE, &r), ERR_ABSENT);
		ck_assert_err(cfi_row(&section, start - 1, &r), ERR_ABSENT);
	}
	for (size_t n = 0; n < hdr.len; n++) {
		AUTO_FREE uint8_t *cut = xmalloc(n + 1);
		memcpy(cut, bytes, n);
		struct cfi_section part = { .order = ORDER_LITTLE, .ptr_size = 8 };
		struct cfi_row r;
		if (!failed(cfi_open_eh(cut, n, HDR_AT, HDR_AT, &part)))
			(void)failed(cfi_row(&part, CODE + 4, &r));
	}
}
END_TEST

static struct mem_buf stack_mem(const uint64_t *words, size_t n)
{
	struct mem_buf m;
	mem_buf_init(&m, ORDER_LITTLE, 8);
	mem_buf_add(&m, STACK, words, n * 8, MEM_READ | MEM_WRITE);
	return m;
}

/* Applies the row of an address. `regs` has rbp, rsp and rbx. */
static struct err apply(const void *insns, size_t n, uint64_t at, struct mem_buf *m,
	struct unwind_regs *regs, uint64_t *ret_cfa, bool *ret_outermost)
{
	AUTO_STR(s);
	struct cfi_row row;
	struct unwind_regs next;
	usual(&s, insns, n);
	struct cfi_section section = section_of(&s, true);
	struct err e = cfi_row(&section, CODE + at, &row);
	if (!failed(e))
		e = cfi_apply(&row, unwind_arch_find(EM_X86_64, 8), &m->base, 0, regs, &next,
			ret_cfa, ret_outermost);
	if (!failed(e))
		*regs = next;
	cfi_fini(&section);
	return e;
}

static struct unwind_regs some_regs(void)
{
	struct unwind_regs r = { 0 };
	regs_set(&r, RSP, STACK);
	regs_set(&r, RBP, STACK + 16);
	regs_set(&r, RBX, 99);
	regs_set(&r, 0, 7); /* rax, which no caller can rely on */
	return r;
}

START_TEST(test_apply)
{
	static const uint64_t words[] = { 1, 2, 0xb0b0, CODE + 5, 5 };
	struct mem_buf m = stack_mem(words, ARRAY_LEN(words));
	struct unwind_regs r = some_regs();
	uint64_t cfa;
	bool outermost;
	ck_assert_ok(apply(BYTES(framed), 4, &m, &r, &cfa, &outermost));
	ck_assert(!outermost);
	ck_assert_uint_eq(cfa, STACK + 32);
	ck_assert_uint_eq(r.value[RSP], STACK + 32);
	ck_assert_uint_eq(r.value[RBP], 0xb0b0);
	ck_assert_uint_eq(r.value[RA], CODE + 5);
	ck_assert(regs_has(&r, RBX) && r.value[RBX] == 99);
	ck_assert(!regs_has(&r, 0));
}
END_TEST

START_TEST(test_apply_rules)
{
	/* rbx as rax was; rbp is CFA - 16; rax at (rsp + 24); r12 undefined */
	static const char insns[] = "\x09\x03\x00\x14\x06\x02\x10\x00\x02\x77\x18\x07\x0c";
	static const uint64_t words[] = { CODE, 2, 3, 4 };
	struct mem_buf m = stack_mem(words, ARRAY_LEN(words));
	struct unwind_regs r = some_regs();
	uint64_t cfa;
	bool outermost;
	regs_set(&r, 12, 12);
	ck_assert_ok(apply(BYTES(insns), 0, &m, &r, &cfa, &outermost));
	ck_assert_uint_eq(r.value[RBX], 7);
	ck_assert_uint_eq(r.value[RBP], STACK + 8 - 16);
	ck_assert_uint_eq(r.value[0], 4);
	ck_assert(!regs_has(&r, 12));
}
END_TEST

START_TEST(test_apply_outermost)
{
	struct mem_buf m = stack_mem((const uint64_t[]){ 0 }, 1);
	struct unwind_regs r = some_regs();
	uint64_t cfa;
	bool outermost = false;
	ck_assert_ok(apply(BYTES("\x07\x10"), 0, &m, &r, &cfa, &outermost));
	ck_assert(outermost);
}
END_TEST

START_TEST(test_apply_fails)
{
	struct mem_buf m = stack_mem((const uint64_t[]){ 0 }, 1);
	struct unwind_regs r = some_regs();
	uint64_t cfa;
	bool outermost;
	ck_assert_err_at(
		apply(BYTES("\x0e\x20"), 0, &m, &r, &cfa, &outermost), ERR_UNMAPPED, STACK + 24);
	r.known = 0;
	ck_assert_err(apply(BYTES(""), 0, &m, &r, &cfa, &outermost), ERR_ABSENT);
	/* a register besides the return address that cannot be had is not known, and no more */
	r = some_regs();
	ck_assert_ok(apply(BYTES("\x83\x20"), 0, &m, &r, &cfa, &outermost));
	ck_assert(!regs_has(&r, RBX));
}
END_TEST

static const struct {
	const char *name, *bytes;
	size_t n;
	uint64_t value;
} expressions[] = {
	{ "literals", BYTES("\x35\x33\x1c"), 2 },
	{ "constants", BYTES("\x08\xff\x09\xff\x22"), 254 },
	{ "wide constants", BYTES("\x0e\x01\x00\x00\x00\x00\x00\x00\x80\x10\x80\x01\x22"),
		UINT64_C(0x8000000000000081) },
	{ "sleb", BYTES("\x11\x7f\x20"), 0 },
	{ "address", BYTES("\x03\x10\x00\x00\x00\x00\x00\x00\x00"), 0x10 + 0x1000 },
	{ "stack", BYTES("\x31\x32\x14\x12\x22\x16\x1c\x15\x00\x1c\x15\x01\x21"), 1 },
	{ "rot", BYTES("\x31\x32\x33\x17\x13"), 1 },
	{ "drop", BYTES("\x31\x32\x13"), 1 },
	{ "logic", BYTES("\x3f\x36\x1a\x38\x21\x31\x27"), 15 },
	{ "shifts", BYTES("\x11\x40\x32\x26\x08\x3c\x25"), 15 },
	{ "a shift by too much", BYTES("\x31\x08\x40\x24"), 0 },
	{ "arithmetic", BYTES("\x11\x79\x33\x1b\x1f\x37\x1e\x35\x1d"), 4 },
	{ "abs", BYTES("\x11\x7b\x19\x23\x03"), 8 },
	{ "comparison", BYTES("\x11\x7f\x30\x2d\x31\x29"), 1 },
	{ "branch", BYTES("\x31\x28\x01\x00\x3f\x35\x96"), 5 },
	{ "skip", BYTES("\x31\x2f\x01\x00\x3f"), 1 },
	{ "registers", BYTES("\x77\x08\x92\x06\x78\x1c"), 0 },
	{ "memory", BYTES("\x77\x00\x06\x77\x08\x94\x01\x22"), 0x0123456789abcdf1 },
	/* what the PLT of x86-64 has: rsp + 8 + ((rip & 15) >= 11) * 8 */
	{ "PLT", BYTES("\x77\x08\x80\x00\x3f\x1a\x3b\x2a\x33\x24\x22"), STACK + 16 },
};

static struct err evaluate(const void *bytes, size_t n, uint64_t *ret)
{
	static const uint64_t words[] = { 0x0123456789abcdef, 2 };
	struct mem_buf m = stack_mem(words, ARRAY_LEN(words));
	struct unwind_regs r = some_regs();
	regs_set(&r, RA, CODE + 11);
	regs_set(&r, RBP, STACK + 16);
	return cfi_expression(cursor_of(bytes, n, ORDER_LITTLE), &m.base, 0x1000, &r, NULL, ret);
}

START_TEST(test_expressions)
{
	uint64_t v;
	char text[ERR_TEXT_MAX];
	struct err e = evaluate(expressions[_i].bytes, expressions[_i].n, &v);
	ck_assert_msg(!failed(e), "%s: %s", expressions[_i].name, err_text(e, text));
	ck_assert_msg(
		v == expressions[_i].value, "%s: %#lx", expressions[_i].name, (unsigned long)v);
}
END_TEST

static const struct {
	const char *name, *bytes;
	size_t n;
	enum err_code code;
} bad_expressions[] = {
	{ "empty", BYTES(""), ERR_CORRUPT },
	{ "unknown", BYTES("\xff"), ERR_CORRUPT },
	{ "underflow", BYTES("\x31\x22"), ERR_CORRUPT },
	{ "division by zero", BYTES("\x31\x30\x1b"), ERR_CORRUPT },
	{ "rest by zero", BYTES("\x31\x30\x1d"), ERR_CORRUPT },
	{ "division that overflows", BYTES("\x31\x08\x3f\x24\x11\x7f\x1b"), ERR_CORRUPT },
	{ "cut off", BYTES("\x0e\x01"), ERR_CORRUPT },
	{ "jump out", BYTES("\x31\x2f\x10\x00"), ERR_CORRUPT },
	{ "jump out at the front", BYTES("\x31\x2f\xf0\xff"), ERR_CORRUPT },
	{ "unknown register", BYTES("\x7f\x00"), ERR_ABSENT },
	{ "no such register", BYTES("\x92\xff\x7f\x00"), ERR_ABSENT },
	{ "no memory", BYTES("\x30\x06"), ERR_UNMAPPED },
	{ "bad size", BYTES("\x77\x00\x94\x03"), ERR_CORRUPT },
	{ "for ever", BYTES("\x2f\xfd\xff"), ERR_LIMIT },
	{ "stack for ever", BYTES("\x31\x2f\xfc\xff"), ERR_CORRUPT },
};

START_TEST(test_bad_expressions)
{
	uint64_t v;
	struct err e = evaluate(bad_expressions[_i].bytes, bad_expressions[_i].n, &v);
	ck_assert_msg(
		e.code == bad_expressions[_i].code, "%s: %d", bad_expressions[_i].name, e.code);
}
END_TEST

/* ends_in_call looks at the bytes before a return address. */
static bool calls(uint16_t machine, const char *bytes, size_t n)
{
	const struct unwind_arch *a = unwind_arch_find(machine, 8);
	uint8_t before[CALL_BYTES_MAX];
	memset(before, 0x90, sizeof(before));
	memcpy(before + a->call_bytes - n, bytes, n);
	return a->ends_in_call[0](before);
}

START_TEST(test_calls)
{
	ck_assert(calls(EM_X86_64, BYTES("\xe8\x01\x02\x03\x04")));
	ck_assert(calls(EM_X86_64, BYTES("\xff\xd0"))); /* call *%rax */
	ck_assert(calls(EM_X86_64, BYTES("\x41\xff\xd4"))); /* call *%r12 */
	ck_assert(calls(EM_X86_64, BYTES("\xff\x50\x18"))); /* call *24(%rax) */
	ck_assert(calls(EM_X86_64, BYTES("\xff\x54\x24\x08"))); /* call *8(%rsp) */
	ck_assert(calls(EM_X86_64, BYTES("\xff\x15\x01\x02\x03\x04"))); /* call *x(%rip) */
	ck_assert(calls(EM_X86_64, BYTES("\xff\x94\xc1\x01\x02\x03\x04")));
	ck_assert(!calls(EM_X86_64, BYTES("\xff\xe0"))); /* jmp *%rax */
	ck_assert(!calls(EM_X86_64, BYTES("\x90\x90\x90\x90\x90")));
	ck_assert(!calls(EM_X86_64, BYTES("\xff\x50\x18\x00")));
	ck_assert(calls(EM_AARCH64, BYTES("\x00\x00\x00\x94"))); /* bl */
	ck_assert(calls(EM_AARCH64, BYTES("\x20\x00\x3f\xd6"))); /* blr x1 */
	ck_assert(calls(EM_AARCH64, BYTES("\x1f\x08\x3f\xd6"))); /* blraaz x0 */
	ck_assert(!calls(EM_AARCH64, BYTES("\x00\x00\x00\x14"))); /* b */
	ck_assert(!calls(EM_AARCH64, BYTES("\xc0\x03\x5f\xd6"))); /* ret */
}
END_TEST

/* How many bytes of the stack code gives up before it returns; -1: it does more than that. */
static int64_t gives_up(const char *bytes, size_t n)
{
	uint8_t code[PROLOGUE_BYTES];
	uint64_t freed;
	memset(code, 0x90, sizeof(code));
	memcpy(code, bytes, n);
	return unwind_arch_find(EM_X86_64, 8)->returns(code, &freed) ? (int64_t)freed : -1;
}

START_TEST(test_returns)
{
	ck_assert_int_eq(gives_up(BYTES("\xc3")), 0);
	ck_assert_int_eq(gives_up(BYTES("\x48\x83\xc4\x08\xc3")), 8);
	ck_assert_int_eq(gives_up(BYTES("\x48\x83\xc4\xf8\xc3")), -1);
	ck_assert_int_eq(gives_up(BYTES("\x48\x81\xc4\x00\x01\x00\x00\xc3")), 256);
	ck_assert_int_eq(gives_up(BYTES("\x48\x83\xc4\x08\x5d\xc3")), -1); /* pop %rbp */
	ck_assert_int_eq(gives_up(BYTES("\x90\xc3")), -1);
}
END_TEST

static const struct {
	const char *mangled, *shown; /* NULL: is not demangled */
} names[] = {
	{ "main", NULL },
	{ "_Zfoo", NULL },
	{ "_ZN3foo3barEi", "foo::bar(int)" },
	{ "_ZSt9terminatev", "std::terminate()" },
	{ "_ZNSt6vectorIiSaIiEE9push_backERKi",
		"std::vector<int, std::allocator<int> >::push_back(int const&)" },
	{ "_RNvC6_123foo3bar", "123foo::bar" },
	{ "_RNvCs1234_7mycrate3foo", "mycrate::foo" },
	{ "_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_", "cc::spawn::{closure#0}::{closure#0}" },
	{ "_RNvMsr_NtCs3ssYzQotkvD_3std4pathNtB5_7PathBuf3newCs15kBYyAo9fc_7mycrate",
		"<std::path::PathBuf>::new" },
	{ "_RNCINkXs25_NgCsbmNqQUJIY6D_4core5sliceINyB9_4IterhENuNgNoBb_4iter8iterator8Iterator"
	  "9rpositionNCNgNpB9_6memchr7memrchrs_0E0Bb_",
		"<core::slice::Iter<u8> as core::iter::iterator::Iterator>::rposition::<"
		"core::slice::memchr::memrchr::{closure#1}>::{closure#0}" },
	{ "_RINbNbCskIICzLVPPb_5alloc5alloc8box_freeDINbNiB4_5boxed5FnBoxuEp6OutputuEL_ECs1iopQb"
	  "uBiw2_3std",
		"alloc::alloc::box_free::<dyn alloc::boxed::FnBox<(), Output = ()>>" },
	{ "_RMC0INtC8arrayvec8ArrayVechKj7b_E", "<arrayvec::ArrayVec<u8, 123>>" },
	{ "_RINvC1c1fKc41_E", "c::f::<'A'>" },
	{ "_RINvC1c1fTRhQeOlPtAbj3_SdFUKCmEuFEzEE", "c::f::<(&u8, &mut str, *mut i32, *const u16, "
						    "[bool; 3], [f64], unsafe extern \"C\" "
						    "fn(u32), fn() -> !)>" },
	{ "_RINvC1c1fFG_RL0_hEuKbn1_E", NULL },
	{ "_RINvC1c1fFG_RL0_hEuKb1_Kln2a_E", "c::f::<for<'a> fn(&'a u8), true, -42>" },
	{ "_RNvC1c1f.llvm.123", "c::f" },
	{ "run_mod.llvm.14858651229605629614", "run_mod" },
	{ "f.lto_priv.0.cold", "f.cold" },
	{ "_ZN1a1fEv.lto_priv.12", "a::f()" },
	{ "f.llvm.x1", NULL },
	{ ".llvm.1", NULL },
	{ "_R", NULL },
	{ "_RNvC1c", NULL },
	{ "_RNvC99c1f", NULL },
	{ "_RNvB_1f", NULL },
	{ "_RIB_E", NULL },
	{ "_ZN4core9panicking5panic17h0123456789abcdefE", "core::panicking::panic" },
	{ "_ZN45_$LT$foo..Bar$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE",
		"<foo::Bar as core::fmt::Debug>::fmt" },
};

START_TEST(test_demangle)
{
	AUTO_STR(text);
	bool good = demangle(names[_i].mangled, &text);
	ck_assert_msg(
		good == (names[_i].shown != NULL), "%s: %s", names[_i].mangled, str_text(&text));
	ck_assert_str_eq(str_text(&text), names[_i].shown ? names[_i].shown : "");
}
END_TEST

/* Types inside of types that refer back: 2 to the power of 60 of them, and 10 000 deep. */
START_TEST(test_demangle_hostile_rust)
{
	AUTO_STR(name);
	AUTO_STR(text);
	str_puts(&name, "_RINvC1c1fTuuE");
	size_t before = 8; /* of the last tuple, behind "_R" */
	static const char digits[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	for (int i = 0; i < 60; i++) {
		size_t at = name.len - 2;
		char ref[8] = "B";
		size_t v = before - 1, n = 1;
		if (v >= 62)
			ref[n++] = digits[v / 62];
		ref[n++] = digits[v % 62];
		ref[n++] = '_';
		str_putc(&name, 'T');
		str_puts(&name, ref);
		str_puts(&name, ref);
		str_putc(&name, 'E');
		before = at;
	}
	str_putc(&name, 'E');
	ck_assert(!demangle(str_text(&name), &text));
	ck_assert_uint_eq(text.len, 0);
	str_clear(&name);
	str_puts(&name, "_RINvC1c1f");
	for (int i = 0; i < 4000; i++)
		str_putc(&name, 'S');
	str_puts(&name, "uE");
	ck_assert(!demangle(str_text(&name), &text));
	ck_assert_uint_eq(text.len, 0);
}
END_TEST

/* A name whose text doubles with every letter; one that is nested deep; one that is long. */
START_TEST(test_demangle_hostile)
{
	AUTO_STR(name);
	AUTO_STR(text);
	/* f(X<int, int>, X<the first, the first>, X<the second, the second>, ...) */
	str_puts(&name, "_Z1f1XIiiE");
	for (const char *c = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"; *c; c++)
		str_addf(&name, "S_IS%c_S%c_E", *c, *c);
	ck_assert(!demangle(str_text(&name), &text));
	ck_assert_uint_eq(text.len, 0);
	str_cut(&name, sizeof("_Z1f1XIiiES_IS0_S0_E") - 1);
	ck_assert(demangle(str_text(&name), &text));
	ck_assert_str_eq(str_text(&text), "f(X<int, int>, X<X<int, int>, X<int, int> >)");
	str_clear(&name);
	str_clear(&text);
	str_puts(&name, "_Z1f");
	for (int i = 0; i < 4000; i++)
		str_putc(&name, 'P');
	str_putc(&name, 'i');
	(void)demangle(str_text(&name), &text);
	ck_assert_uint_le(text.len, DEMANGLED_NAME_MAX);
	for (int i = 0; i < 4000; i++)
		str_putc(&name, 'P');
	str_clear(&text);
	ck_assert(!demangle(str_text(&name), &text));
	ck_assert_uint_eq(text.len, 0);
}
END_TEST

/* Cut off anywhere, or changed anywhere, it is demangled or not, and no more. */
START_TEST(test_demangle_damage)
{
	static const char letters[] = "BCEIKLMNRSTXY09_snuz";
	AUTO_STR(name);
	AUTO_STR(text);
	size_t len = strlen(names[_i].mangled);
	for (size_t i = 0; i < len * (sizeof(letters) + 1); i++) {
		str_clear(&name);
		str_clear(&text);
		str_puts(&name, names[_i].mangled);
		if (i < len)
			str_cut(&name, i);
		else
			name.bytes[i % len] = letters[i / len - 1];
		bool good = demangle(str_text(&name), &text);
		ck_assert_int_eq(good, text.len > 0);
	}
}
END_TEST

Suite *suite_unwind(void)
{
	Suite *s = suite_create("unwind");
	TCase *t = tcase_create("CFI");
	tcase_add_test(t, test_rows);
	tcase_add_loop_test(t, test_rules, 0, ARRAY_LEN(rules));
	tcase_add_loop_test(t, test_bad_instructions, 0, ARRAY_LEN(bad));
	tcase_add_test(t, test_damage);
	tcase_add_test(t, test_signal_frame);
	tcase_add_test(t, test_debug_frame);
	tcase_add_test(t, test_header);
	tcase_add_test(t, test_apply);
	tcase_add_test(t, test_apply_rules);
	tcase_add_test(t, test_apply_outermost);
	tcase_add_test(t, test_apply_fails);
	tcase_add_loop_test(t, test_expressions, 0, ARRAY_LEN(expressions));
	tcase_add_loop_test(t, test_bad_expressions, 0, ARRAY_LEN(bad_expressions));
	tcase_add_test(t, test_calls);
	tcase_add_test(t, test_returns);
	suite_add_tcase(s, t);
	t = tcase_create("names");
	tcase_add_loop_test(t, test_demangle, 0, ARRAY_LEN(names));
	tcase_add_loop_test(t, test_demangle_damage, 0, ARRAY_LEN(names));
	tcase_add_test(t, test_demangle_hostile);
	tcase_add_test(t, test_demangle_hostile_rust);
	suite_add_tcase(s, t);
	return s;
}
