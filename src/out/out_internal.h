/* SPDX-License-Identifier: Apache-2.0 */
/* What the fillings of struct out share. */
#pragma once

#include "pycore/out.h"

#include "source.h"

void out_init(struct out *o, const struct out_ops *ops, FILE *file, const struct out_options *opt);
/* Writes the buffer to the file, once it is worth it or at all events. */
void out_flush(struct out *o, bool all);
/* The source lines of a target; NULL when they are not wanted. */
struct source *out_source(struct out *o, struct target *t);
/* An argument of the command line as it may be shown: itself, or what redaction leaves of it, which
 * is written to `room`. */
const char *out_argument(const struct out *o, const char *word, struct str *room);
