/* SPDX-License-Identifier: Apache-2.0 */
/* What pycore dump is asked for. */
#pragma once

#include "cmd.h"
#include "natives.h"

struct dump_args {
	struct target_args target;
	struct value_args values;
	bool locals, full, globals;
	struct out_options out;
	const char *output; /* NULL: stdout */
	bool json, crashed;
	enum natives_mode native;
	pid_t *tids; /* owned */
	size_t n_tids, cap_tids;
	struct source_map *maps; /* owned */
	size_t cap_maps;
};

/* Returns false, with the exit status, when there is nothing to be done any more. */
bool dump_args_take(struct dump_args *a, int argc, char **argv, int *ret_status);
void dump_args_fini(struct dump_args *a);
