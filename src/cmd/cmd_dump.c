/* SPDX-License-Identifier: Apache-2.0 */
/* pycore dump: every Python thread's stack. */
#include "cmd.h"
#include "natives.h"

#include "pycore/alloc.h"
#include "pycore/log.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

struct dump {
	struct target_args args;
	struct value_args values;
	bool locals, full, globals;
	struct out_options out;
	const char *output;
	bool json, crashed;
	enum natives_mode native;
	pid_t *tids;
	size_t n_tids, cap_tids;
	struct source_map *maps;
	size_t cap_maps;
};

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

static bool take_colour(struct dump *d)
{
	static const char *const words[] = {
		[COLOUR_AUTO] = "auto", [COLOUR_ALWAYS] = "always", [COLOUR_NEVER] = "never"
	};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!strcmp(optarg, words[i])) {
			d->out.colour = (enum out_colour)i;
			return true;
		}
	}
	usage_error("dump", "--color: '%s' is not always, never or auto", optarg);
	return false;
}

static bool take_native(struct dump *d)
{
	if (optarg && strcmp(optarg, "all") != 0 && strcmp(optarg, "none") != 0) {
		usage_error("dump", "--native: '%s' is not all or none", optarg);
		return false;
	}
	d->native = NATIVES_EVERY;
	d->out.native = OUT_NATIVE_EVERY;
	if (optarg) {
		bool none = optarg[0] == 'n';
		d->native = none ? NATIVES_NONE : NATIVES_ALL;
		d->out.native = none ? OUT_NATIVE_INNER : OUT_NATIVE_ALL;
	}
	return true;
}

static bool take_thread(struct dump *d)
{
	pid_t tid = parse_id(optarg);
	if (!tid) {
		usage_error("dump", "--thread: '%s' is no thread id", optarg);
		return false;
	}
	d->tids = xgrow(d->tids, &d->cap_tids, d->n_tids, sizeof(*d->tids));
	d->tids[d->n_tids++] = tid;
	return true;
}

static bool take_locals(struct dump *d)
{
	d->locals = true;
	d->full = optarg && !strcmp(optarg, "full");
	if (!optarg || d->full || !strcmp(optarg, "short"))
		return true;
	usage_error("dump", "--locals: '%s' is not short or full", optarg);
	return false;
}

/* "/app=." in place: the words of the command line stay until the end. */
static bool take_source_map(struct dump *d)
{
	char *sign = strchr(optarg, '=');
	if (!sign || sign == optarg || !sign[1]) {
		usage_error("dump", "--source-map: '%s' is not of the form FROM=TO", optarg);
		return false;
	}
	*sign = '\0';
	d->maps = xgrow(d->maps, &d->cap_maps, d->out.n_maps, sizeof(*d->maps));
	d->maps[d->out.n_maps++] = (struct source_map){ .from = optarg, .to = sign + 1 };
	d->out.maps = d->maps;
	return true;
}

static bool take_option(struct dump *d, int option)
{
	switch (option) {
	case OPT_JSON:
		d->json = true;
		return true;
	case 'o':
		d->output = optarg;
		return true;
	case OPT_THREAD:
		return take_thread(d);
	case OPT_CRASHED:
		d->crashed = true;
		return true;
	case OPT_NATIVE:
		return take_native(d);
	case OPT_LOCALS:
		return take_locals(d);
	case OPT_GLOBALS:
		d->globals = true;
		return true;
	case OPT_SOURCE_MAP:
		return take_source_map(d);
	case OPT_NO_GROUP:
		d->out.no_group = true;
		return true;
	case OPT_NO_SOURCE:
		d->out.no_source = true;
		return true;
	case OPT_COLOR:
		return take_colour(d);
	}
	return option < OPT_VALUES_FIRST ? target_args_take(&d->args, option, "dump")
					 : value_args_take(&d->values, option, "dump");
}

/* The threads that were asked for, into a malloc'ed list. */
static const struct py_thread **select_threads(
	const struct dump *d, const struct python *p, size_t *ret)
{
	const struct py_thread **list = xcalloc(p->n_threads, sizeof(*list));
	size_t n = 0;
	for (size_t i = 0; i < p->n_threads; i++) {
		const struct os_thread *os = p->threads[i].os;
		bool wanted = !d->n_tids && !d->crashed;
		wanted |= d->crashed && os && os->crashed;
		for (size_t k = 0; k < d->n_tids; k++)
			wanted |= os && os->tid == d->tids[k];
		if (wanted)
			list[n++] = &p->threads[i];
	}
	*ret = n;
	return list;
}

static bool has_crashed_thread(const struct target *t)
{
	for (size_t i = 0; i < t->n_threads; i++) {
		if (t->threads[i].crashed)
			return true;
	}
	return false;
}

/* The thread that has this id in the process's own pid namespace; 0: none. */
static pid_t numbered_inside(const struct target *t, pid_t ns_tid)
{
	for (size_t i = 0; i < t->n_threads; i++) {
		if (t->threads[i].ns_tid == ns_tid)
			return t->threads[i].tid;
	}
	return 0;
}

/* Says, here and in the report, which of the threads that were asked for do not exist. */
static bool all_found(const struct dump *d, const struct python *p)
{
	struct problems *problems = &p->target->problems;
	bool live = p->target->kind == TARGET_LIVE, good = true;
	const char *place = live ? "process" : "core";
	for (size_t i = 0; i < d->n_tids; i++) {
		if (target_thread(p->target, d->tids[i]))
			continue;
		AUTO_FREE char *where = xasprintf("thread %d", (int)d->tids[i]);
		pid_t meant = numbered_inside(p->target, d->tids[i]);
		if (meant)
			complain("there is no %s in this process; the one of this number in its "
				 "own pid namespace is thread %d here",
				where, (int)meant);
		else
			complain("there is no %s in this %s", where, place);
		problems_damagef(problems, where, "there is no such thread in this %s", place);
		good = false;
	}
	if (d->crashed && !has_crashed_thread(p->target)) {
		const char *what = live ? "a live process" : "a snapshot, or its notes are lost";
		complain("no thread crashed: this is %s", what);
		problems_damagef(problems, "crashed thread", "there is none: this is %s", what);
		good = false;
	}
	return good;
}

/* Under whatever names. NULL is none. */
static bool same_file(const char *a, const char *b)
{
	struct stat x, y;
	return a && b && !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* Opens the output file, which must not be one that is being read. */
static FILE *open_output(const struct dump *d)
{
	if (!d->output)
		return stdout;
	if (same_file(d->output, d->args.core) || same_file(d->output, d->args.exe)) {
		complain("%s: is the %s itself", d->output,
			same_file(d->output, d->args.core) ? "core file" : "executable");
		return NULL;
	}
	FILE *f = fopen(d->output, "ae");
	if (!f)
		complain("%s: %s", d->output, strerror(errno));
	return f;
}

static bool report(const struct dump *d, FILE *file, const struct verdict *v,
	const struct python *p, const struct py_thread *const *list, size_t n, bool *ret_damage)
{
	if (file != stdout && ftruncate(fileno(file), 0) < 0 && errno != EINVAL)
		complain("%s: could not be emptied: %s", d->output, strerror(errno));
	struct out *o = d->json ? out_json_open(file, &d->out) : out_text_open(file, &d->out);
	if (o->ops->coverage)
		o->ops->coverage(o, p->target);
	o->ops->verdict(o, v);
	o->ops->process(o, p->target);
	o->ops->pythons(o, p);
	o->ops->interpreters(o, p);
	o->ops->threads(o, p, list, n);
	o->ops->globals(o, p);
	o->ops->problems(o, &p->target->problems);
	o->ops->finish(o);
	*ret_damage = o->damage;
	bool good = out_close(o);
	if (!good)
		complain("%s: could not be written: %s", d->output ? d->output : "standard output",
			strerror(errno));
	return good;
}

static void walk_natives(void *natives, struct python *p)
{
	natives_walk(natives, p);
}

static void reach_verdict(const struct dump *d, struct python *p, struct unwind *u,
	struct verdict *ret, struct registers *ret_registers)
{
	const struct verdict_question q = {
		.python = p,
		.unwind = u,
		.redact = d->values.redact,
		.exe = d->args.exe,
		.search = &d->args.search,
		.native = d->native == NATIVES_EVERY || d->native == NATIVES_ALL,
		.locals = d->locals,
	};
	verdict_reach(&q, ret, ret_registers);
	for (size_t i = 0; i < p->target->n_threads; i++) {
		if (p->target->threads[i].crashed)
			p->target->threads[i].registers = ret_registers;
	}
}

/* Reads what there is and prints it; the process is stopped no longer than the reading takes. */
static enum exit_status dump_target(const struct dump *d, struct target *t, FILE *file)
{
	struct python *p;
	struct err found = python_find(t, &p);
	p->options = (struct python_options){
		.locals = d->locals,
		.globals = d->globals,
		.limits = value_args_limits(&d->values, d->full ? VALUES_FULL : VALUES_SHORT),
	};
	CLEANUP(natives_fini) struct natives natives;
	natives_init(&natives, t, d->native);
	t->activity = d->native == NATIVES_ALL ? ACTIVITY_STACKS : ACTIVITY_USUAL;
	if (!look(p, natives.unwind ? walk_natives : NULL, &natives)) {
		python_free(p);
		return STATUS_NOTHING;
	}
	python_locate(p);
	natives_name(&natives);
	natives_merge(&natives, p);
	log_debug("named");
	CLEANUP(verdict_fini) struct verdict verdict;
	CLEANUP(registers_fini) struct registers registers;
	reach_verdict(d, p, natives.unwind, &verdict, &registers);
	log_debug("judged");
	if (failed(found))
		complain("%s: %s", t->path ? t->path : "process", str_text(&p->why));
	size_t n;
	const struct py_thread **list = select_threads(d, p, &n);
	bool damage = false, complete = all_found(d, p);
	bool good = report(d, file, &verdict, p, list, n, &damage);
	free(list);
	damage |= t->problems.damage || failed(found);
	bool nothing = !good || (failed(found) && !p->idle) || (!complete && !n);
	python_free(p);
	if (nothing)
		return STATUS_NOTHING;
	return damage ? STATUS_PARTIAL : STATUS_COMPLETE;
}

/* The output is opened first: a bad path must not cost the process a stop. */
static enum exit_status dump(const struct dump *d)
{
	struct target *t = NULL;
	FILE *file = open_output(d);
	if (!file)
		return STATUS_NOTHING;
	enum exit_status status = target_args_open(&d->args, &t);
	if (status == STATUS_COMPLETE)
		status = dump_target(d, t, file);
	target_close(t);
	if (file != stdout && fclose(file) != 0) {
		complain("%s: could not be written: %s", d->output, strerror(errno));
		status = STATUS_NOTHING;
	}
	return status;
}

/* Returns false when there is nothing to be done any more. */
static bool take_options(struct dump *d, int argc, char **argv, int *ret_status)
{
	int option;
	while ((option = getopt_long(argc, argv, ":ho:", options, NULL)) != -1) {
		if (option == 'h') {
			*ret_status = print_help("dump");
			return false;
		}
		if (option == '?' || option == ':') {
			*ret_status = option_error("dump", option, argv);
			return false;
		}
		if (!take_option(d, option))
			return false;
	}
	d->out.redact = d->values.redact;
	return target_args_operands(&d->args, argc, argv, "dump");
}

int cmd_dump(int argc, char **argv)
{
	struct dump d = { .out.schema = "pycore.dump" };
	int status = STATUS_USAGE;
	if (take_options(&d, argc, argv, &status))
		status = dump(&d);
	free(d.tids);
	free(d.maps);
	return status;
}
