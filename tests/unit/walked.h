/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of unwinding say of a stack that was walked. */
#pragma once

#include "pycore/unwind.h"

#include <check.h>

/* Frame i of a struct native_stack stands at `address` and was found in the way `how`. */
#define ck_assert_frame(stack, i, address, how)                                                    \
	do {                                                                                       \
		ck_assert_uint_gt((stack)->n, i);                                                  \
		ck_assert_uint_eq((stack)->frames[i].pc, address);                                 \
		ck_assert_int_eq((stack)->frames[i].found_by, how);                                \
	} while (0)
