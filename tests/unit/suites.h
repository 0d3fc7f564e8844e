/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of unit test suites. To add one: write tests/unit/test_NAME.c with a function
 * Suite *suite_NAME(void), include this header there, and add S(NAME) here.
 */
#pragma once

#include <check.h>

/* clang-format off */
#define SUITES(S)    \
	S(base)      \
	S(bytes)     \
	S(keyed_hash) \
	S(notes)     \
	S(elfcore)   \
	S(corenotes) \
	S(minidump)  \
	S(regs)      \
	S(instruction) \
	S(ordinary)  \
	S(registers) \
	S(container) \
	S(mem)       \
	S(memcache)  \
	S(memlive)   \
	S(demand)    \
	S(touched)   \
	S(layout)    \
	S(live)      \
	S(lines)     \
	S(format)    \
	S(format_truth) \
	S(text)      \
	S(frames)    \
	S(calls)     \
	S(exceptions) \
	S(fatal)     \
	S(gil)       \
	S(heap)      \
	S(sizes)     \
	S(size_rules) \
	S(heap_pages) \
	S(heap_lists) \
	S(heap_closure) \
	S(saved)     \
	S(opener)    \
	S(out)       \
	S(source)    \
	S(image)     \
	S(elf_parts) \
	S(search)    \
	S(unwind)    \
	S(walk)      \
	S(machines)  \
	S(merge)     \
	S(stacks)    \
	S(linetable) \
	S(symbols)   \
	S(inlined)   \
	S(target_core) \
	S(core_death) \
	S(activity)  \
	S(process_facts) \
	S(verdict)   \
	S(verdict_foreign)
/* clang-format on */

#define SUITE_DECLARE(name) Suite *suite_##name(void);
SUITES(SUITE_DECLARE)

/* Fails with the text of an error. */
#define ck_assert_ok(expr)                                                                         \
	do {                                                                                       \
		struct err ok_ = (expr);                                                           \
		char text_[ERR_TEXT_MAX];                                                          \
		ck_assert_msg(!failed(ok_), #expr ": %s", err_text(ok_, text_));                   \
	} while (0)
/* Expects this error code, and where it matters the address. */
#define ck_assert_err(expr, wanted) ck_assert_int_eq((expr).code, wanted)
#define ck_assert_err_at(expr, wanted, address)                                                    \
	do {                                                                                       \
		struct err at_ = (expr);                                                           \
		ck_assert_int_eq(at_.code, wanted);                                                \
		ck_assert_uint_eq(at_.addr, (address));                                            \
	} while (0)
