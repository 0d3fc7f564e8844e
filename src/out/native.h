/* SPDX-License-Identifier: Apache-2.0 */
/* Native stacks in both forms. */
#pragma once

#include "json.h"

#include "pycore/native.h"
#include "pycore/out.h"

/* A block of its own, as deep as a traceback's lines. */
void text_native(struct out *o, const struct native_stack *s);
/* The keys "native_frames" and "native_error" of a thread. */
void json_native(struct out *o, struct json *j, const struct native_stack *s);
