/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

enum { MAX_CHARS = 1000000, MAX_LEVELS = 100 };

static bool take_limit(
	struct value_args_limit *to, unsigned most, const char *command, const char *option)
{
	to->given = take_number(command, option, most, &to->value);
	return to->given;
}

bool value_args_take(struct value_args *a, int option, const char *command)
{
	switch (option) {
	case OPT_MAX_STRING:
		return take_limit(&a->max_string, MAX_CHARS, command, "--max-string");
	case OPT_MAX_ITEMS:
		return take_limit(&a->max_items, MAX_CHARS, command, "--max-items");
	case OPT_MAX_DEPTH:
		return take_limit(&a->max_depth, MAX_LEVELS, command, "--max-depth");
	case OPT_REDACT:
		a->redact = true;
		return true;
	}
	usage_error(command, "unknown option");
	return false;
}

struct value_limits value_args_limits(const struct value_args *a, struct value_limits base)
{
	if (a->max_string.given)
		base.max_string = a->max_string.value;
	if (a->max_items.given)
		base.max_items = a->max_items.value;
	if (a->max_depth.given)
		base.max_depth = a->max_depth.value;
	base.redact = a->redact;
	return base;
}
