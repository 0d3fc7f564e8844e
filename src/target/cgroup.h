/* SPDX-License-Identifier: Apache-2.0 */
/* The memory limit of a process's cgroup. */
#pragma once

#include "pycore/target.h"

/* Fills *ret for the process at `dir`, as the cgroup files that are mounted here tell; all unknown
 * where they are not, or not readable. proc: the root of procfs. */
void cgroup_read_memory(const char *proc, const char *dir, struct target_cgroup *ret);
