/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the suite "activity" that have files of their own. */
#pragma once

#include <check.h>

TCase *activity_proc_case(void); /* test_activity_proc.c: what a made-up procfs says */
TCase *activity_live_case(void); /* test_activity_live.c: real processes */
