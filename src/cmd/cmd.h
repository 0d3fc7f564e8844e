/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share: their table, exit statuses, messages, and the options that name a
 * target. */
#pragma once

#include "pycore/out.h"
#include "pycore/python.h"
#include "pycore/search.h"
#include "pycore/target.h"

#include <getopt.h>
#include <stdbool.h>

enum exit_status {
	STATUS_COMPLETE = 0,
	STATUS_NOTHING = 1, /* nothing useful */
	STATUS_PARTIAL = 2, /* what was asked for is damaged or missing in part */
	STATUS_USAGE = 64,
};

struct cmd {
	const char *name, *synopsis, *summary;
	const char *help; /* the options, a line each */
	int (*run)(int argc, char **argv);
};
extern const struct cmd cmds[];

int cmd_dump(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_layout(int argc, char **argv);
int cmd_print(int argc, char **argv);
int cmd_survey(int argc, char **argv);
extern const char cmd_dump_help[], cmd_info_help[], cmd_layout_help[], cmd_print_help[],
	cmd_survey_help[];

/* "pycore: " and the message on stderr. */
void complain(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* The same of one target, which is named first: "core.4711: ...", "process 4711: ...". */
void complain_of(const struct target *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same, and a hint at --help; yields STATUS_USAGE. */
int usage_error(const char *command, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* What getopt_long() (with ':' first in its short options) did not like: `answer` is '?' or ':'.
 * Yields STATUS_USAGE. */
int option_error(const char *command, int answer, char **argv);
/* Sees to it that all is written: STATUS_COMPLETE, or STATUS_NOTHING and a message. */
int finish_stdout(void);
/* The help of one command on stdout; yields STATUS_COMPLETE, or STATUS_NOTHING if writing failed.
 */
int print_help(const char *command);

/* Which process is meant, and how to get at it. */
struct target_args {
	const char *core, *exe;
	pid_t pid; /* 0: a core */
	bool nonblocking;
	struct container_options container;
	struct file_search search;
	const char *lib_paths[SEARCH_DIRS_MAX], *debug_dirs[SEARCH_DIRS_MAX];
};
/* Options that target_args understands, for the commands' option tables. */
enum {
	OPT_PID = 256,
	OPT_NONBLOCKING,
	OPT_SYSROOT,
	OPT_LIB_PATH,
	OPT_DEBUG_DIR,
	OPT_DEBUGINFOD,
	OPT_TMPDIR,
	OPT_TMP_LIMIT,
	OPT_DEBUG,
	OPT_VALUES_FIRST
};
#define TARGET_OPTIONS                                                                             \
	{ "pid", required_argument, NULL, OPT_PID },                                               \
		{ "nonblocking", no_argument, NULL, OPT_NONBLOCKING },                             \
		{ "sysroot", required_argument, NULL, OPT_SYSROOT },                               \
		{ "lib-path", required_argument, NULL, OPT_LIB_PATH },                             \
		{ "debug-dir", required_argument, NULL, OPT_DEBUG_DIR },                           \
		{ "debuginfod", optional_argument, NULL, OPT_DEBUGINFOD },                         \
		{ "tmpdir", required_argument, NULL, OPT_TMPDIR },                                 \
		{ "tmp-limit", required_argument, NULL, OPT_TMP_LIMIT },                           \
	{                                                                                          \
		"debug", no_argument, NULL, OPT_DEBUG                                              \
	}
#define TARGET_HELP                                                                                \
	"  --pid N             a live process instead of a core file\n"                            \
	"  --nonblocking       never stop the live process; what is read may be torn, and is "     \
	"marked so\n"                                                                              \
	"  --sysroot DIR       the process's / is DIR here: its files are looked for below it\n"   \
	"  --lib-path DIR      look here for programs and libraries, by build-id and name; may "   \
	"be "                                                                                      \
	"repeated\n"                                                                               \
	"  --debug-dir DIR     look here for debug information, as in /usr/lib/debug; may be "     \
	"repeated\n"                                                                               \
	"  --debuginfod[=SECONDS]  ask the servers of $DEBUGINFOD_URLS for what is missing, at "   \
	"most so long (90)\n"                                                                      \
	"  --tmpdir DIR        where a compressed core is unpacked (default $TMPDIR, else "        \
	"/var/tmp)\n"                                                                              \
	"  --tmp-limit SIZE    bytes that unpacking may take on disk, with K, M, G or T "          \
	"(default: what is free)\n"                                                                \
	"  --debug             say on stderr what is tried\n"

/* Takes one option. Returns false, with a message printed, if its argument is wrong. */
bool target_args_take(struct target_args *a, int option, const char *command);
/* Takes the operands behind the options: CORE [EXE], or none with --pid. */
bool target_args_operands(struct target_args *a, int argc, char **argv, const char *command);
/* Opens it; `a` must outlive it. A failure is said on stderr, and yields the exit status. */
enum exit_status target_args_open(const struct target_args *a, struct target **ret);

/*
 * Stops the process, reads its stacks (python_walk) and lets it go; of a core, only reads. `more`,
 * if not NULL, is called while it is still stopped. Not stopped at all if there is no Python and
 * nothing more to do.
 * A failure is said on stderr.
 */
typedef void look_fn(void *ctx, struct python *p);
bool look(struct python *p, look_fn *more, void *ctx);

/* How much of values is shown, and how. Zero-initialised: nothing was said. */
struct value_args {
	struct value_args_limit {
		bool given;
		unsigned value;
	} max_string, max_items, max_depth;
	bool redact;
};
/* Options that value_args understands. */
enum {
	OPT_MAX_STRING = OPT_VALUES_FIRST,
	OPT_MAX_ITEMS,
	OPT_MAX_DEPTH,
	OPT_REDACT,
	OPT_COMMAND_FIRST
};
#define VALUE_OPTIONS                                                                              \
	{ "max-string", required_argument, NULL, OPT_MAX_STRING },                                 \
		{ "max-items", required_argument, NULL, OPT_MAX_ITEMS },                           \
		{ "max-depth", required_argument, NULL, OPT_MAX_DEPTH },                           \
	{                                                                                          \
		"redact", no_argument, NULL, OPT_REDACT                                            \
	}
/* Takes one option, as target_args_take() does. */
bool value_args_take(struct value_args *a, int option, const char *command);
/* The limits that were asked for, the others as in `base`. */
struct value_limits value_args_limits(const struct value_args *a, struct value_limits base);

/* A process id or thread id in text; 0: it is none. */
pid_t parse_id(const char *text);
/* The argument of an option (optarg), a decimal number up to max; false, with a message, if it is
 * none. */
bool take_number(const char *command, const char *option, unsigned max, unsigned *ret);
/* An address: 0x and hexadecimal digits, or decimal ones. */
bool parse_address(const char *text, uint64_t *ret);
