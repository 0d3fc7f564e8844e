/* SPDX-License-Identifier: Apache-2.0 */
/* What test_format.c and test_format_truth.c both expect. */
#pragma once

#include "pycore/str.h"

/* Fails if it is another text; of: what it is a text of. */
void expect_text(const struct str *found, const char *wanted, const char *of);
/* What format_int() and format_int_head() make of a number: in digits of both sizes, whole and cut
 * in all ways that matter. Both texts may begin with a '-'. */
void expect_int(const char *hex, const char *decimal);
