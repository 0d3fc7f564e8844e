/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the suite "live" that have files of their own. */
#pragma once

#include <check.h>

TCase *live_stop_case(void); /* test_live_stop.c */
TCase *live_rights_case(void); /* test_live_rights.c */
