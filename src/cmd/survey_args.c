/* SPDX-License-Identifier: Apache-2.0 */
/* The options of pycore survey. */
#include "survey_args.h"

#include <string.h>

const char cmd_survey_help[] =
	"  --by KEY            rows by type (default), module, shape, size, refcount, generation\n"
	"  --sort KEY          size (default), count, own, bodies, mean, largest or name\n"
	"  --type NAME         only objects of this type: app.Session\n"
	"  --match PATTERN     only types of such names: 'app.*'\n"
	"  --sample N          the N biggest objects of each row shown, and N by chance, with "
	"their "
	"values: 1 to 100\n"
	"  --diff BEFORE       what changed since that core, or since what --json has saved\n"
	"  --allocators        how full arenas, pools and malloc are\n"
	"  --top N             rows shown, 0 for all (default 40); JSON and CSV have all\n"
	"  --python N          of several Pythons in the process the Nth one\n"
	"  --jobs N            processes that share the work (default: as many as CPUs)\n"
	"  --in-place          count a live process while it is stopped, without a copy of its "
	"memory\n"
	"  --json              as JSON (see pycore-json(5)) instead of text\n"
	"  --csv               all rows as comma-separated values\n" TARGET_HELP
	"  -h, --help          this text\n"
	"\n"
	"Exit status: 0 complete, 1 nothing useful, 2 partial or damaged, 64 wrong usage.\n";

enum {
	OPT_JSON = OPT_COMMAND_FIRST,
	OPT_BY,
	OPT_TOP,
	OPT_SORT,
	OPT_TYPE,
	OPT_MATCH,
	OPT_CSV,
	OPT_SAMPLE,
	OPT_ALLOCATORS,
	OPT_DIFF,
	OPT_PYTHON,
	OPT_JOBS,
	OPT_IN_PLACE
};

static const struct option options[] = {
	{ "by", required_argument, NULL, OPT_BY },
	{ "top", required_argument, NULL, OPT_TOP },
	{ "sort", required_argument, NULL, OPT_SORT },
	{ "type", required_argument, NULL, OPT_TYPE },
	{ "match", required_argument, NULL, OPT_MATCH },
	{ "sample", required_argument, NULL, OPT_SAMPLE },
	{ "diff", required_argument, NULL, OPT_DIFF },
	{ "python", required_argument, NULL, OPT_PYTHON },
	{ "jobs", required_argument, NULL, OPT_JOBS },
	{ "in-place", no_argument, NULL, OPT_IN_PLACE },
	{ "allocators", no_argument, NULL, OPT_ALLOCATORS },
	{ "csv", no_argument, NULL, OPT_CSV },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	TARGET_OPTIONS,
	{ 0 },
};

static bool take_by(struct survey_args *a)
{
	for (enum survey_by by = 0; survey_by_name(by); by++) {
		if (!strcmp(survey_by_name(by), optarg)) {
			a->options.by = by;
			a->by_given = true;
			return true;
		}
	}
	usage_error("survey", "--by: there is no key '%s'", optarg);
	return false;
}

static bool take_sort(struct survey_args *a)
{
	for (enum survey_sort sort = 0; survey_sort_name(sort); sort++) {
		if (!strcmp(survey_sort_name(sort), optarg)) {
			a->options.sort = sort;
			return true;
		}
	}
	usage_error("survey", "--sort: there is no key '%s'", optarg);
	return false;
}

/* The same, from 1 on. */
static bool take_count(const char *option, unsigned max, size_t *ret)
{
	unsigned n;
	if (!take_number("survey", option, max, &n))
		return false;
	if (!n)
		usage_error("survey", "%s: 1 to %u", option, max);
	*ret = n;
	return n;
}

static bool take_top(struct survey_args *a)
{
	unsigned n;
	if (!take_number("survey", "--top", UINT32_MAX, &n))
		return false;
	a->view.top = n ? n : SIZE_MAX;
	return true;
}

static bool take_option(struct survey_args *a, int option)
{
	switch (option) {
	case OPT_JSON:
		a->json = true;
		return true;
	case OPT_CSV:
		a->csv = true;
		return true;
	case OPT_DIFF:
		a->view.before = optarg;
		return true;
	case OPT_IN_PLACE:
		a->in_place = true;
		return true;
	case OPT_ALLOCATORS:
		a->view.allocators = true;
		return true;
	case OPT_SAMPLE:
		return take_count("--sample", SURVEY_SAMPLE_MAX, &a->options.sample);
	case OPT_JOBS:
		return take_number("survey", "--jobs", UINT16_MAX, &a->options.workers);
	case OPT_PYTHON:
		return take_count("--python", RUNTIMES_MAX, &a->python);
	case OPT_TYPE:
		a->type = optarg;
		return true;
	case OPT_MATCH:
		a->options.match = optarg;
		return true;
	case OPT_BY:
		return take_by(a);
	case OPT_SORT:
		return take_sort(a);
	case OPT_TOP:
		return take_top(a);
	default:
		return target_args_take(&a->target, option, "survey");
	}
}

/* NULL: they go together. */
static const char *contradiction(const struct survey_args *a)
{
	if (a->json && a->csv)
		return "--json and --csv exclude each other";
	if (a->type && a->options.match)
		return "--type and --match exclude each other";
	if (a->options.sample && a->view.before)
		return "--sample and --diff exclude each other";
	if (a->in_place && !a->target.pid)
		return "--in-place needs --pid";
	if (a->in_place && a->target.nonblocking)
		return "--in-place and --nonblocking exclude each other";
	return a->type && !*a->type ? "--type: the name is empty" : NULL;
}

bool survey_args_take(struct survey_args *a, int argc, char **argv, int *ret_status)
{
	int option;
	*ret_status = STATUS_USAGE;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (option == 'h' || option == '?' || option == ':') {
			*ret_status = option == 'h' ? print_help("survey")
						    : option_error("survey", option, argv);
			return false;
		}
		if (!take_option(a, option))
			return false;
	}
	if (contradiction(a)) {
		usage_error("survey", "%s", contradiction(a));
		return false;
	}
	a->options.sampled_rows = a->view.top;
	return target_args_operands(&a->target, argc, argv, "survey");
}
