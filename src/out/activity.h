/* SPDX-License-Identifier: Apache-2.0 */
/* What a thread is doing, by the kernel. */
#pragma once

#include "json.h"
#include "out_internal.h"

/* A line on the threads of a group, which have the same standing towards the GIL; nothing where
 * there is nothing to add. Then, where it is known, the stack in the kernel. */
void text_activity(
	struct out *o, struct target *t, const struct py_thread *const *threads, size_t n);
/* The keys waits_in, system_call, cpu_seconds and kernel_stack; os NULL: all are null. */
void json_activity(struct out *o, struct json *j, struct target *t, const struct os_thread *os);
