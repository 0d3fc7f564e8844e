/* SPDX-License-Identifier: Apache-2.0 */
/* What the fillings of struct out share. */
#pragma once

#include "pycore/out.h"

#include "source.h"

void out_init(struct out *o, const struct out_ops *ops, FILE *file, const struct out_options *opt);
/* Writes the buffer to the file, once it is worth it or at all events. */
void out_flush(struct out *o, bool all);
/* The source lines of a target; NULL when they are not wanted. */
struct source *out_source(struct out *o, const struct target *t);
