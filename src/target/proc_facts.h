/* SPDX-License-Identifier: Apache-2.0 */
/* What procfs and the cgroup files tell of a process as a whole, for target_read_facts(). */
#pragma once

#include "target_internal.h"

/*
 * Fills what the files of the process directory `dir` ("/proc/4711") tell, all of it untrusted and
 * any of it absent; ret was initialised by target_facts_init(). proc: the root of that procfs,
 * whose self/mountinfo says where the cgroup files are.
 */
void proc_read_facts(const char *proc, const char *dir, struct target_facts *ret);
