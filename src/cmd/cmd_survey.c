/* SPDX-License-Identifier: Apache-2.0 */
/* pycore survey: what fills the memory. */
#include "cmd.h"

#include "pycore/alloc.h"
#include "pycore/survey.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char cmd_survey_help[] =
	"  --by KEY            what a row is: type (default), module, shape, size or refcount\n"
	"  --sort KEY          size (default), count, own, bodies, mean, largest or name\n"
	"  --match PATTERN     only types of such names: 'app.*'\n"
	"  --sample N          addresses and values of some objects of each row shown: 1 to 100\n"
	"  --diff BEFORE       what changed since that core\n"
	"  --allocators        how full the arenas and pools of pymalloc are\n"
	"  --top N             rows shown, 0 for all (default 40); JSON and CSV have all\n"
	"  --jobs N            processes that share the work (default: as many as CPUs)\n"
	"  --json              as JSON (see pycore-json(5)) instead of text\n"
	"  --csv               all rows as comma-separated values\n" TARGET_HELP
	"  -h, --help          this text\n"
	"\n"
	"Exit status: 0 complete, 1 nothing useful, 2 partial or damaged, 64 wrong usage.\n";

struct survey_args {
	struct target_args target;
	struct survey_options options;
	struct survey_view view;
	bool json, csv;
};

enum {
	OPT_JSON = OPT_COMMAND_FIRST,
	OPT_BY,
	OPT_TOP,
	OPT_SORT,
	OPT_MATCH,
	OPT_CSV,
	OPT_SAMPLE,
	OPT_ALLOCATORS,
	OPT_DIFF,
	OPT_JOBS
};

static const struct option options[] = {
	{ "by", required_argument, NULL, OPT_BY },
	{ "top", required_argument, NULL, OPT_TOP },
	{ "sort", required_argument, NULL, OPT_SORT },
	{ "match", required_argument, NULL, OPT_MATCH },
	{ "sample", required_argument, NULL, OPT_SAMPLE },
	{ "diff", required_argument, NULL, OPT_DIFF },
	{ "jobs", required_argument, NULL, OPT_JOBS },
	{ "allocators", no_argument, NULL, OPT_ALLOCATORS },
	{ "csv", no_argument, NULL, OPT_CSV },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	TARGET_OPTIONS,
	{ 0 },
};

/* NULL, with a message: there is no Python. */
static struct python *find(struct target *t)
{
	struct python *p;
	struct err found = python_find(t, &p);
	if (!failed(found))
		return p;
	complain("%s: %s", t->path ? t->path : "process", str_text(&p->why));
	python_free(p);
	return NULL;
}

static bool take_snapshot(struct target *t)
{
	AUTO_STR(why);
	char text[ERR_TEXT_MAX];
	struct err e = target_snapshot(t, &why);
	if (failed(e))
		complain("process %d: %s", (int)t->pid,
			why.len ? str_text(&why) : err_text(e, text));
	return !failed(e);
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signo)
{
	(void)signo;
	interrupted = 1;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct progress {
	unsigned calls;
	double began, shown; /* seconds; 0: not yet */
};

/* How far it is, on a terminal, once it takes longer than a second. */
static bool tick(void *ctx, double done)
{
	enum { SELDOM = 1024 };
	struct progress *p = ctx;
	if (interrupted || p->calls++ % SELDOM || !isatty(STDERR_FILENO))
		return !interrupted;
	double at = now();
	if (!p->began)
		p->began = at;
	if (at - p->began > 1 && at - p->shown > 0.2 && done > 0) {
		p->shown = at;
		fprintf(stderr, "\rpycore: counting: %.0f %%, %.0f s left \x1b[K", 100 * done,
			(at - p->began) * (1 - done) / done);
	}
	return true;
}

/* Runs it so that the first Ctrl-C ends the count, not the report; the second one ends pycore. */
static struct err run_interruptibly(
	struct python *p, const struct survey_options *opt, struct survey **ret)
{
	struct sigaction stop = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };
	struct sigaction before;
	struct progress progress = { 0 };
	struct survey_options own = *opt;
	own.tick = tick;
	own.tick_ctx = &progress;
	sigaction(SIGINT, &stop, &before);
	struct err e = survey_run(p, &p->runtimes[0], &own, ret);
	sigaction(SIGINT, &before, NULL);
	if (progress.shown > 0)
		fputs("\r\x1b[K", stderr);
	return e;
}

static bool count(const struct survey_args *a, struct python *p, struct survey **ret)
{
	char text[ERR_TEXT_MAX];
	p->options.limits = VALUES_SHORT;
	python_walk(p);
	struct err e = run_interruptibly(p, &a->options, ret);
	if (failed(e))
		complain("%s: its heap cannot be read: %s",
			p->target->path ? p->target->path : "process", err_text(e, text));
	return !failed(e);
}

/* Nothing was seen while it was being changed. */
static bool is_sound(const struct survey *s)
{
	for (size_t i = 0; i < s->n_checks; i++) {
		if (!s->checks[i].ok)
			return false;
	}
	return !s->pools.torn && !s->doubtful;
}

/* Of a live process a copy is counted; if it was made while the heap was being changed, another
 * one. There is no copy where there is no Python. */
static bool count_snapshot(
	const struct survey_args *a, struct target *t, struct python **ret_p, struct survey **ret)
{
	enum { LOOKS_MAX = 8 };
	for (int looks = 1;; looks++) {
		*ret_p = find(t);
		if (t->kind == TARGET_LIVE) {
			bool any = *ret_p;
			python_free(*ret_p);
			*ret_p = any && take_snapshot(t) ? find(t) : NULL;
		}
		if (!*ret_p || !count(a, *ret_p, ret))
			return false;
		if (t->kind == TARGET_CORE || is_sound(*ret) || interrupted || looks == LOOKS_MAX)
			return true;
		python_free(*ret_p);
		survey_free(*ret);
		*ret = NULL;
	}
}

static bool report(const struct survey_args *a, const struct python *p, const struct survey *s,
	const struct survey_diff *diff, bool *ret_damage)
{
	struct survey_view view = a->view;
	view.diff = diff;
	const struct out_options opt = { .schema = "pycore.survey" };
	struct out *o = a->json	 ? out_json_open(stdout, &opt)
			: a->csv ? out_csv_open(stdout, &opt)
				 : out_text_open(stdout, &opt);
	o->ops->process(o, p->target);
	o->ops->pythons(o, p);
	o->ops->survey(o, s, &view);
	o->ops->problems(o, &p->target->problems);
	o->ops->finish(o);
	*ret_damage = o->damage || p->target->problems.damage;
	bool good = out_close(o);
	if (!good)
		complain("standard output: could not be written: %s", strerror(errno));
	return good;
}

/* One heap that was counted, and what it belongs to. */
struct counted {
	struct target *target;
	struct python *p;
	struct survey *survey;
};

static void counted_fini(struct counted *c)
{
	survey_free(c->survey);
	python_free(c->p);
	target_close(c->target);
}

static enum exit_status count_target(
	const struct survey_args *a, const struct target_args *which, struct counted *ret)
{
	enum exit_status status = target_args_open(which, &ret->target);
	if (status != STATUS_COMPLETE)
		return status;
	ret->target->activity = ACTIVITY_NONE;
	if (!count_snapshot(a, ret->target, &ret->p, &ret->survey))
		return STATUS_NOTHING;
	struct problems *to = &ret->target->problems;
	survey_tell(ret->survey, to);
	if (ret->p->n_runtimes > 1)
		problems_damagef(to, "heap",
			"there are %zu Pythons in this process; the first was counted",
			ret->p->n_runtimes);
	return STATUS_COMPLETE;
}

static void free_diff(struct survey_diff **d)
{
	survey_diff_free(*d);
}

static enum exit_status survey(const struct survey_args *a)
{
	CLEANUP(counted_fini) struct counted before = { 0 };
	CLEANUP(counted_fini) struct counted now = { 0 };
	CLEANUP(free_diff) struct survey_diff *diff = NULL;
	struct target_args first = {
		.core = a->view.before, .container = a->target.container, .search = a->target.search
	};
	enum exit_status status = STATUS_COMPLETE;
	bool damage;
	if (first.core)
		status = count_target(a, &first, &before);
	if (status == STATUS_COMPLETE)
		status = count_target(a, &a->target, &now);
	if (status != STATUS_COMPLETE)
		return status;
	if (first.core)
		diff = survey_compare(before.survey, now.survey);
	if (!report(a, now.p, now.survey, diff, &damage))
		return STATUS_NOTHING;
	if (first.core && before.target->problems.damage) {
		complain("%s: parts of it are missing or damaged, so its counts are lower bounds",
			first.core);
		damage = true;
	}
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

/* A number up to max; false, with a message, if it is none. */
static bool take_number(const char *option, unsigned long max, size_t *ret)
{
	char *end;
	errno = 0;
	unsigned long v = strtoul(optarg, &end, 10);
	if (errno || *end || end == optarg || optarg[0] == '-' || v > max) {
		usage_error("survey", "%s: '%s' is no number up to %lu", option, optarg, max);
		return false;
	}
	*ret = v;
	return true;
}

static bool take_top(struct survey_args *a)
{
	if (!take_number("--top", UINT32_MAX, &a->view.top))
		return false;
	if (!a->view.top)
		a->view.top = SIZE_MAX;
	return true;
}

static bool take_jobs(struct survey_args *a)
{
	size_t n;
	if (!take_number("--jobs", UINT16_MAX, &n))
		return false;
	a->options.workers = (unsigned)n;
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
	case OPT_ALLOCATORS:
		a->view.allocators = true;
		return true;
	case OPT_SAMPLE:
		return take_number("--sample", SURVEY_SAMPLE_MAX, &a->options.sample);
	case OPT_JOBS:
		return take_jobs(a);
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
		if (!take_option(a, option))
			return false;
	}
	if (a->json && a->csv) {
		usage_error("survey", "--json and --csv exclude each other");
		return false;
	}
	a->options.sampled_rows = a->view.top;
	return target_args_operands(&a->target, argc, argv, "survey");
}

int cmd_survey(int argc, char **argv)
{
	struct survey_args a = { .view.top = 40 };
	int status;
	return take_options(&a, argc, argv, &status) ? (int)survey(&a) : status;
}
