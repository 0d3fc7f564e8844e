/* SPDX-License-Identifier: Apache-2.0 */
/* How asyncio writes what it will call, and where a coroutine stands
 * (Lib/asyncio/format_helpers.py, coroutines.py). */
#pragma once

#include "repr.h"

/* "name(1, 'x') at FILE:LINE". args: a tuple; 0: none. bare: without arguments. */
void repr_callback(struct repr *r, uint64_t function, uint64_t args, bool bare);
/* "name() running at FILE:LINE", "name() done, defined at FILE:LINE". */
void repr_coroutine(struct repr *r, uint64_t coroutine);
/* " created at FILE:LINE": the last entry of the stack that debug mode keeps; nothing if it does
 * not. */
void repr_created_at(struct repr *r, uint64_t stack);
