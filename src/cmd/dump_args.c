/* SPDX-License-Identifier: Apache-2.0 */
/* The options of pycore dump. */
#include "dump_args.h"

#include "pycore/alloc.h"

#include <string.h>

const char cmd_dump_help[] =
	"  --json              as JSON (see pycore-json(5)) instead of text\n"
	"  -o, --output FILE   write to FILE instead of standard output\n"
	"  --thread TID        only this thread; may be given more than once\n"
	"  --crashed           only the thread that died\n"
	"  --native[=WHICH]    native frames too: of Python's threads; all, also the interpreter's "
	"own and\n"
	"                      other threads; none (default: those that the thread died in)\n"
	"  --locals[=HOW]      the variables of every frame: short (default) or full\n"
	"  --globals           the globals of the modules on the stacks\n"
	"  --max-string N      characters shown of a text (default 200; 10000 with "
	"--locals=full)\n"
	"  --max-items N       items shown of a container (default 20; 1000 with --locals=full)\n"
	"  --max-depth N       containers shown inside of others (default 3; 10 with "
	"--locals=full)\n"
	"  --redact            types, lengths and hashes in place of texts\n"
	"  --source-map FROM=TO  source files that the process has below FROM are below TO here\n"
	"  --no-group          show every thread by itself, also where stacks are the same\n"
	"  --no-source         do not show source lines\n"
	"  --color=WHEN        always, never or auto (default: on a terminal; CLICOLOR, "
	"CLICOLOR_FORCE, NO_COLOR)\n" TARGET_HELP "  -h, --help          this text\n"
	"\n"
	"Exit status: 0 complete, 1 nothing useful, 2 partial or damaged, 64 wrong usage.\n";

enum {
	OPT_JSON = OPT_COMMAND_FIRST,
	OPT_THREAD,
	OPT_CRASHED,
	OPT_NATIVE,
	OPT_LOCALS,
	OPT_GLOBALS,
	OPT_SOURCE_MAP,
	OPT_NO_GROUP,
	OPT_NO_SOURCE,
	OPT_COLOR
};

static const struct option options[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	{ "output", required_argument, NULL, 'o' },
	{ "thread", required_argument, NULL, OPT_THREAD },
	{ "crashed", no_argument, NULL, OPT_CRASHED },
	{ "native", optional_argument, NULL, OPT_NATIVE },
	{ "locals", optional_argument, NULL, OPT_LOCALS },
	{ "globals", no_argument, NULL, OPT_GLOBALS },
	{ "source-map", required_argument, NULL, OPT_SOURCE_MAP },
	{ "no-group", no_argument, NULL, OPT_NO_GROUP },
	{ "no-source", no_argument, NULL, OPT_NO_SOURCE },
	{ "color", required_argument, NULL, OPT_COLOR },
	{ "help", no_argument, NULL, 'h' },
	VALUE_OPTIONS,
	TARGET_OPTIONS,
	{ 0 },
};

static bool take_colour(struct dump_args *a)
{
	static const char *const words[] = {
		[COLOUR_AUTO] = "auto", [COLOUR_ALWAYS] = "always", [COLOUR_NEVER] = "never"
	};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!strcmp(optarg, words[i])) {
			a->out.colour = (enum out_colour)i;
			return true;
		}
	}
	usage_error("dump", "--color: '%s' is not always, never or auto", optarg);
	return false;
}

static bool take_native(struct dump_args *a)
{
	if (optarg && strcmp(optarg, "all") != 0 && strcmp(optarg, "none") != 0) {
		usage_error("dump", "--native: '%s' is not all or none", optarg);
		return false;
	}
	a->native = NATIVES_EVERY;
	a->out.native = OUT_NATIVE_EVERY;
	if (optarg) {
		bool none = optarg[0] == 'n';
		a->native = none ? NATIVES_NONE : NATIVES_ALL;
		a->out.native = none ? OUT_NATIVE_INNER : OUT_NATIVE_ALL;
	}
	return true;
}

static bool take_thread(struct dump_args *a)
{
	pid_t tid = parse_id(optarg);
	if (!tid) {
		usage_error("dump", "--thread: '%s' is no thread id", optarg);
		return false;
	}
	a->tids = xgrow(a->tids, &a->cap_tids, a->n_tids, sizeof(*a->tids));
	a->tids[a->n_tids++] = tid;
	return true;
}

static bool take_locals(struct dump_args *a)
{
	a->locals = true;
	a->full = optarg && !strcmp(optarg, "full");
	if (!optarg || a->full || !strcmp(optarg, "short"))
		return true;
	usage_error("dump", "--locals: '%s' is not short or full", optarg);
	return false;
}

/* "/app=." in place: the words of the command line stay until the end. */
static bool take_source_map(struct dump_args *a)
{
	char *sign = strchr(optarg, '=');
	if (!sign || sign == optarg || !sign[1]) {
		usage_error("dump", "--source-map: '%s' is not of the form FROM=TO", optarg);
		return false;
	}
	*sign = '\0';
	a->maps = xgrow(a->maps, &a->cap_maps, a->out.n_maps, sizeof(*a->maps));
	a->maps[a->out.n_maps++] = (struct source_map){ .from = optarg, .to = sign + 1 };
	a->out.maps = a->maps;
	return true;
}

static bool take_option(struct dump_args *a, int option)
{
	switch (option) {
	case OPT_JSON:
		a->json = true;
		return true;
	case 'o':
		a->output = optarg;
		return true;
	case OPT_THREAD:
		return take_thread(a);
	case OPT_CRASHED:
		a->crashed = true;
		return true;
	case OPT_NATIVE:
		return take_native(a);
	case OPT_LOCALS:
		return take_locals(a);
	case OPT_GLOBALS:
		a->globals = true;
		return true;
	case OPT_SOURCE_MAP:
		return take_source_map(a);
	case OPT_NO_GROUP:
		a->out.no_group = true;
		return true;
	case OPT_NO_SOURCE:
		a->out.no_source = true;
		return true;
	case OPT_COLOR:
		return take_colour(a);
	}
	return option < OPT_VALUES_FIRST ? target_args_take(&a->target, option, "dump")
					 : value_args_take(&a->values, option, "dump");
}

bool dump_args_take(struct dump_args *a, int argc, char **argv, int *ret_status)
{
	int option;
	*ret_status = STATUS_USAGE;
	while ((option = getopt_long(argc, argv, ":ho:", options, NULL)) != -1) {
		if (option == 'h') {
			*ret_status = print_help("dump");
			return false;
		}
		if (option == '?' || option == ':') {
			*ret_status = option_error("dump", option, argv);
			return false;
		}
		if (!take_option(a, option))
			return false;
	}
	a->out.redact = a->values.redact;
	return target_args_operands(&a->target, argc, argv, "dump");
}

void dump_args_fini(struct dump_args *a)
{
	free(a->tids);
	free(a->maps);
}
