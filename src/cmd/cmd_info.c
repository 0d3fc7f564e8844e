/* SPDX-License-Identifier: Apache-2.0 */
/* pycore info: what was found in a core or process, and how. */
#include "cmd.h"

#include "pycore/alloc.h"
#include "pycore/facts.h"

#include <errno.h>
#include <string.h>

const char cmd_info_help[] =
	"  --json              as JSON (see pycore-json(5)) instead of text\n"
	"  --redact            lengths and hashes in place of the words of command "
	"lines\n" TARGET_HELP "  -h, --help          this text\n"
	"\n"
	"Exit status: 0 complete, 1 nothing useful, 2 partial or damaged, 64 wrong usage.\n";

enum { OPT_JSON = OPT_COMMAND_FIRST };

static const struct option options[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	{ "redact", no_argument, NULL, OPT_REDACT },
	{ "help", no_argument, NULL, 'h' },
	TARGET_OPTIONS,
	{ 0 },
};

static bool facts_are_whole(const struct python *p)
{
	for (size_t i = 0; i < p->n_interpreters; i++) {
		const struct py_facts *f = p->interpreters[i].facts;
		if (f && failed(py_facts_error(f)))
			return false;
	}
	return true;
}

/* The process is not stopped for this, so what it changes at that moment is looked at once more. */
static void read_facts(struct python *p, bool redact)
{
	enum { LOOKS_MAX = 4 };
	p->options.limits.redact = redact;
	for (int looks = 1; p->n_runtimes; looks++) {
		python_read_facts(p);
		if (p->target->kind == TARGET_CORE || looks == LOOKS_MAX || facts_are_whole(p))
			break;
		target_forget(p->target);
	}
}

/* Returns false if standard output could not be written. */
static bool report(
	struct target *t, const struct python *p, bool json, bool redact, bool *ret_damage)
{
	const struct out_options opt = { .schema = "pycore.info", .redact = redact };
	struct target_facts facts;
	target_read_facts(t, &facts);
	struct out *o = json ? out_json_open(stdout, &opt) : out_text_open(stdout, &opt);
	o->ops->process(o, t);
	o->ops->pythons(o, p);
	o->ops->facts(o, &facts, p);
	o->ops->modules(o, t);
	o->ops->layouts(o, p);
	o->ops->problems(o, &t->problems);
	o->ops->finish(o);
	*ret_damage = o->damage || t->problems.damage;
	target_facts_fini(&facts);
	bool good = out_close(o);
	if (!good)
		complain("standard output: could not be written: %s", strerror(errno));
	return good;
}

static enum exit_status info_target(struct target *t, bool json, bool redact)
{
	struct python *p;
	bool damage;
	struct err found = python_find(t, &p);
	if (failed(found))
		complain_of(t, "%s", str_text(&p->why));
	for (size_t i = 0; i < t->n_images; i++)
		(void)failed(image_probe(&t->images[i], t->mem));
	read_facts(p, redact);
	bool good = report(t, p, json, redact, &damage);
	bool nothing = !good || (failed(found) && !p->idle);
	python_free(p);
	if (nothing)
		return STATUS_NOTHING;
	return damage || failed(found) ? STATUS_PARTIAL : STATUS_COMPLETE;
}

int cmd_info(int argc, char **argv)
{
	struct target_args args = { 0 };
	bool json = false, redact = false;
	int option, status = STATUS_USAGE;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (option == 'h')
			return print_help("info");
		if (option == OPT_JSON)
			json = true;
		else if (option == OPT_REDACT)
			redact = true;
		else if (option == '?' || option == ':')
			return option_error("info", option, argv);
		else if (!target_args_take(&args, option, "info"))
			return STATUS_USAGE;
	}
	if (target_args_operands(&args, argc, argv, "info")) {
		struct target *t = NULL;
		status = target_args_open(&args, &t);
		if (status == STATUS_COMPLETE)
			status = info_target(t, json, redact);
		target_close(t);
	}
	return status;
}
