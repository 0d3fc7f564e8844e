/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict in both forms. */
#pragma once

#include "pycore/verdict.h"

struct out;

/* The first block of the report, and an empty line. */
void text_verdict(struct out *o, const struct verdict *v);
/* The key "verdict". */
void json_verdict(struct out *o, const struct verdict *v);
