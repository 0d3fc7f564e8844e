/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the suite "out" that is about values and exceptions. */
#pragma once

#include <check.h>

TCase *tcase_out_values(void);
