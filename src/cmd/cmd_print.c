/* SPDX-License-Identifier: Apache-2.0 */
/* pycore print: objects by their addresses. */
#include "cmd.h"

#include "pycore/alloc.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

const char cmd_print_help[] =
	"  --json              as JSON (see pycore-json(5)) instead of text\n"
	"  --max-string N      characters shown of a text (default 1000)\n"
	"  --max-items N       items shown of a container (default 100)\n"
	"  --max-depth N       containers shown inside of others (default 4)\n"
	"  --redact            types, lengths and hashes in place of texts\n" TARGET_HELP
	"  -h, --help          this text\n"
	"\n"
	"Exit status: 0 complete, 1 nothing useful, 2 partial or damaged, 64 wrong usage.\n";

struct print {
	struct target_args args;
	struct value_args values;
	bool json;
	uint64_t *addresses;
	const struct py_described **objects; /* of each address; NULL: no Python to ask */
	size_t n, cap;
};

enum { OPT_JSON = OPT_COMMAND_FIRST };

static const struct option options[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	VALUE_OPTIONS,
	TARGET_OPTIONS,
	{ 0 },
};

static void describe(void *ctx, struct python *p)
{
	struct print *d = ctx;
	for (size_t i = 0; i < d->n; i++)
		d->objects[i] = python_describe(p, d->addresses[i]);
}

/* Says which of the addresses hold no object; returns how many do. */
static size_t count_objects(const struct print *d)
{
	size_t n = 0;
	char text[ERR_TEXT_MAX];
	for (size_t i = 0; i < d->n; i++) {
		const struct py_value *v = d->objects[i] ? d->objects[i]->value : NULL;
		if (v && !failed(v->why))
			n++;
		else if (v)
			complain("there is no object at 0x%" PRIx64 ": %s", d->addresses[i],
				v->why.code == ERR_CORRUPT ? v->why.what : err_text(v->why, text));
	}
	return n;
}

static bool report(const struct print *d, const struct python *p, bool *ret_damage)
{
	const struct out_options opt = {
		.schema = "pycore.print", .no_head = true, .redact = d->values.redact
	};
	struct out *o = d->json ? out_json_open(stdout, &opt) : out_text_open(stdout, &opt);
	o->ops->process(o, p->target);
	o->ops->pythons(o, p);
	o->ops->objects(o, d->objects, p->n_runtimes ? d->n : 0);
	o->ops->problems(o, &p->target->problems);
	o->ops->finish(o);
	*ret_damage = o->damage || p->target->problems.damage;
	bool good = out_close(o);
	if (!good)
		complain("standard output: could not be written: %s", strerror(errno));
	return good;
}

static enum exit_status print_target(struct print *d, struct target *t)
{
	static const struct value_limits defaults = {
		.max_string = 1000, .max_items = 100, .max_depth = 4
	};
	struct python *p;
	bool damage = false, good = false;
	size_t n = 0;
	struct err found = python_find(t, &p);
	t->activity = ACTIVITY_NONE;
	p->options.limits = value_args_limits(&d->values, defaults);
	if (look(p, p->n_runtimes ? describe : NULL, d)) {
		if (failed(found))
			complain_of(p->target, "%s", str_text(&p->why));
		n = count_objects(d);
		good = report(d, p, &damage);
	}
	python_free(p);
	if (!good || !n)
		return STATUS_NOTHING;
	return damage ? STATUS_PARTIAL : STATUS_COMPLETE;
}

/* The words from `at` on are addresses. */
static bool take_addresses(struct print *d, int argc, char **argv, int at)
{
	if (at >= argc) {
		usage_error("print", "an address is missing");
		return false;
	}
	for (; at < argc; at++) {
		d->addresses = xgrow(d->addresses, &d->cap, d->n, sizeof(*d->addresses));
		if (!parse_address(argv[at], &d->addresses[d->n++])) {
			usage_error("print", "'%s' is no address, as 0x7f12c0 or 140724", argv[at]);
			return false;
		}
	}
	d->objects = xcalloc(d->n, sizeof(*d->objects));
	return true;
}

/* What begins with a digit is an address, so EXE is a word that does not: the last one only if
 * there is such a file, as more likely the address is mistyped. */
static bool take_operands(struct print *d, int argc, char **argv)
{
	int first = optind;
	if (!d->args.pid) {
		first += first < argc;
		first += first > optind && first < argc &&
			 !isdigit((unsigned char)argv[first][0]) &&
			 (first + 1 < argc || access(argv[first], F_OK) == 0 || !argv[first][0]);
	}
	return target_args_operands(&d->args, first, argv, "print") &&
	       take_addresses(d, argc, argv, first);
}

/* Returns false when there is nothing to be done any more. */
static bool take_options(struct print *d, int argc, char **argv, int *ret_status)
{
	int option;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (option == 'h' || option == '?' || option == ':') {
			*ret_status = option == 'h' ? print_help("print")
						    : option_error("print", option, argv);
			return false;
		}
		if (option == OPT_JSON)
			d->json = true;
		else if (option < OPT_VALUES_FIRST ? !target_args_take(&d->args, option, "print")
						   : !value_args_take(&d->values, option, "print"))
			return false;
	}
	return take_operands(d, argc, argv);
}

int cmd_print(int argc, char **argv)
{
	struct print d = { 0 };
	int status = STATUS_USAGE;
	if (take_options(&d, argc, argv, &status)) {
		struct target *t = NULL;
		status = target_args_open(&d.args, &t);
		if (status == STATUS_COMPLETE)
			status = print_target(&d, t);
		target_close(t);
	}
	free(d.addresses);
	free(d.objects);
	return status;
}
