/* SPDX-License-Identifier: Apache-2.0 */
/* pycore info: what was found in a core or process, and how. */
#include "cmd.h"

#include "pycore/alloc.h"

#include <errno.h>
#include <string.h>

const char cmd_info_help[] =
	"  --json              as JSON (see pycore-json(5)) instead of text\n" TARGET_HELP
	"  -h, --help          this text\n"
	"\n"
	"Exit status: 0 complete, 1 nothing useful, 2 partial or damaged, 64 wrong usage.\n";

enum { OPT_JSON = OPT_COMMAND_FIRST };

static const struct option options[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	TARGET_OPTIONS,
	{ 0 },
};

static enum exit_status info_target(struct target *t, bool json)
{
	static const struct out_options opt = { .schema = "pycore.info" };
	struct python *p;
	struct err found = python_find(t, &p);
	if (failed(found))
		complain("%s: %s", t->path ? t->path : "process", str_text(&p->why));
	for (size_t i = 0; i < t->n_images; i++)
		(void)failed(image_probe(&t->images[i], t->mem));
	struct out *o = json ? out_json_open(stdout, &opt) : out_text_open(stdout, &opt);
	o->ops->process(o, t);
	o->ops->pythons(o, p);
	o->ops->modules(o, t);
	o->ops->layouts(o, p);
	o->ops->problems(o, &t->problems);
	o->ops->finish(o);
	bool good = out_close(o);
	python_free(p);
	if (!good)
		complain("standard output: could not be written: %s", strerror(errno));
	if (!good || failed(found))
		return STATUS_NOTHING;
	return t->problems.damage ? STATUS_PARTIAL : STATUS_COMPLETE;
}

int cmd_info(int argc, char **argv)
{
	struct target_args args = { 0 };
	bool json = false;
	int option, status = STATUS_USAGE;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (option == 'h')
			return print_help("info");
		if (option == OPT_JSON)
			json = true;
		else if (option == '?' || option == ':')
			return option_error("info", option, argv);
		else if (!target_args_take(&args, option, "info"))
			return STATUS_USAGE;
	}
	if (target_args_operands(&args, argc, argv, "info")) {
		struct target *t = NULL;
		status = target_args_open(&args, &t);
		if (status == STATUS_COMPLETE)
			status = info_target(t, json);
		target_close(t);
	}
	return status;
}
