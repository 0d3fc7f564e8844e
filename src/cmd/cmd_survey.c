/* SPDX-License-Identifier: Apache-2.0 */
/* pycore survey: what fills the memory. */
#include "cmd.h"

#include "pycore/alloc.h"
#include "pycore/survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char cmd_survey_help[] =
	"  --by KEY            what a row is: type (default), module, size or refcount\n"
	"  --top N             rows shown, 0 for all (default 40); JSON always has all\n"
	"  --json              as JSON (see pycore-json(5)) instead of text\n" TARGET_HELP
	"  -h, --help          this text\n"
	"\n"
	"Exit status: 0 complete, 1 nothing useful, 2 partial or damaged, 64 wrong usage.\n";

struct survey_args {
	struct target_args target;
	struct survey_options options;
	size_t top;
	bool json;
};

enum { OPT_JSON = OPT_COMMAND_FIRST, OPT_BY, OPT_TOP };

static const struct option options[] = {
	{ "by", required_argument, NULL, OPT_BY },
	{ "top", required_argument, NULL, OPT_TOP },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	TARGET_OPTIONS,
	{ 0 },
};

/* What was counted, while the process held still. */
struct counted {
	const struct survey_args *args;
	struct survey *survey;
	struct err why;
};

static void count(void *ctx, struct python *p)
{
	struct counted *c = ctx;
	c->why = survey_run(p, &p->runtimes[0], &c->args->options, &c->survey);
	if (p->n_runtimes > 1)
		problems_damagef(&p->target->problems, "heap",
			"there are %zu Pythons in this process, of which the first was counted",
			p->n_runtimes);
}

static bool report(const struct survey_args *a, const struct python *p, const struct survey *s,
	bool *ret_damage)
{
	const struct out_options opt = { .schema = "pycore.survey" };
	struct out *o = a->json ? out_json_open(stdout, &opt) : out_text_open(stdout, &opt);
	o->ops->process(o, p->target);
	o->ops->pythons(o, p);
	o->ops->survey(o, s, a->top);
	o->ops->problems(o, &p->target->problems);
	o->ops->finish(o);
	*ret_damage = o->damage || p->target->problems.damage;
	bool good = out_close(o);
	if (!good)
		complain("standard output: could not be written: %s", strerror(errno));
	return good;
}

static enum exit_status survey_target(const struct survey_args *a, struct target *t)
{
	struct python *p;
	struct counted c = { .args = a };
	char text[ERR_TEXT_MAX];
	bool damage = false, good = false;
	struct err found = python_find(t, &p);
	const char *name = t->path ? t->path : "process";
	if (failed(found)) {
		complain("%s: %s", name, str_text(&p->why));
	} else if (look(p, count, &c)) {
		if (failed(c.why))
			complain("%s: its heap cannot be read: %s", name, err_text(c.why, text));
		else
			good = report(a, p, c.survey, &damage);
	}
	survey_free(c.survey);
	python_free(p);
	if (!good)
		return STATUS_NOTHING;
	return damage ? STATUS_PARTIAL : STATUS_COMPLETE;
}

static bool take_by(struct survey_args *a)
{
	for (enum survey_by by = 0; survey_by_name(by); by++) {
		if (!strcmp(survey_by_name(by), optarg)) {
			a->options.by = by;
			return true;
		}
	}
	usage_error("survey", "--by: there is no key '%s'", optarg);
	return false;
}

static bool take_top(struct survey_args *a)
{
	char *end;
	errno = 0;
	unsigned long v = strtoul(optarg, &end, 10);
	if (errno || *end || end == optarg || optarg[0] == '-') {
		usage_error("survey", "--top: '%s' is no number", optarg);
		return false;
	}
	a->top = v ? v : SIZE_MAX;
	return true;
}

/* Returns false, with the exit status, when there is nothing to be done any more. */
static bool take_options(struct survey_args *a, int argc, char **argv, int *ret_status)
{
	int option;
	*ret_status = STATUS_USAGE;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (option == 'h' || option == '?' || option == ':') {
			*ret_status = option == 'h' ? print_help("survey")
						    : option_error("survey", option, argv);
			return false;
		}
		if (option == OPT_JSON)
			a->json = true;
		else if (option == OPT_BY    ? !take_by(a)
			 : option == OPT_TOP ? !take_top(a)
					     : !target_args_take(&a->target, option, "survey"))
			return false;
	}
	return target_args_operands(&a->target, argc, argv, "survey");
}

int cmd_survey(int argc, char **argv)
{
	struct survey_args a = { .top = 40 };
	int status;
	if (!take_options(&a, argc, argv, &status))
		return status;
	struct target *t = NULL;
	status = target_args_open(&a.target, &t);
	if (status == STATUS_COMPLETE)
		status = survey_target(&a, t);
	target_close(t);
	return status;
}
