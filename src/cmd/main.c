/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

const struct cmd cmds[] = {
	{ "dump", "[OPTION]... CORE [EXE] | [OPTION]... --pid N", "every Python thread's stack",
		cmd_dump_help, cmd_dump },
	{ "info", "[OPTION]... CORE [EXE] | [OPTION]... --pid N",
		"what was found in a core or process, and how", cmd_info_help, cmd_info },
	{ "print", "[OPTION]... CORE [EXE] ADDRESS... | [OPTION]... --pid N ADDRESS...",
		"objects by their addresses", cmd_print_help, cmd_print },
	{ "survey", "[OPTION]... CORE [EXE] | [OPTION]... --pid N",
		"what fills the memory: all live objects, by type", cmd_survey_help, cmd_survey },
	{ "layout", "--list | --emit BINARY [MODULE]... | --emit-debug-offsets BINARY",
		"tables of CPython's structs, for maintenance", cmd_layout_help, cmd_layout },
	{ 0 },
};

static const struct cmd *find_cmd(const char *name)
{
	for (const struct cmd *c = cmds; c->name; c++) {
		if (!strcmp(c->name, name))
			return c;
	}
	return NULL;
}

void complain(const char *fmt, ...)
{
	AUTO_STR(text);
	AUTO_STR(safe);
	va_list ap;
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	out_escape_text(&safe, str_text(&text), text.len);
	fprintf(stderr, "pycore: %s\n", str_text(&safe));
}

void complain_of(const struct target *t, const char *fmt, ...)
{
	AUTO_STR(text);
	va_list ap;
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	if (t->path)
		complain("%s: %s", t->path, str_text(&text));
	else
		complain("process %d: %s", (int)t->pid, str_text(&text));
}

int usage_error(const char *command, const char *fmt, ...)
{
	AUTO_STR(text);
	va_list ap;
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	complain("%s%s%s", command ? command : "", command ? ": " : "", str_text(&text));
	fprintf(stderr, "Try 'pycore%s%s --help'.\n", command ? " " : "", command ? command : "");
	return STATUS_USAGE;
}

int option_error(const char *command, int answer, char **argv)
{
	const char *word = argv[optind - 1];
	if (answer == ':')
		return usage_error(command, "%s: an argument is missing", word);
	if (optopt && !strncmp(word, "--", 2) && strchr(word, '='))
		return usage_error(command, "%s: this option takes no argument", word);
	if (optopt)
		return usage_error(command, "there is no option '-%c'", optopt);
	return usage_error(command, "there is no option '%s'", word);
}

int finish_stdout(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return STATUS_COMPLETE;
	complain("standard output: could not be written: %s", strerror(errno));
	return STATUS_NOTHING;
}

int print_help(const char *command)
{
	const struct cmd *c = find_cmd(command);
	printf("Usage: pycore %s %s\n\nPrints %s.\n\n%s", c->name, c->synopsis, c->summary,
		c->help);
	return finish_stdout();
}

static int print_commands(void)
{
	puts("Usage: pycore COMMAND [OPTION]...\n\n"
	     "Looks into CPython processes from outside, dead (core files) or alive.\n\nCommands:");
	for (const struct cmd *c = cmds; c->name; c++)
		printf("  %-10s %s\n", c->name, c->summary);
	puts("\n  --help     this text; 'pycore COMMAND --help' for the options of one\n"
	     "  --version  the version\n\n"
	     "Exit status: 0 complete, 1 nothing useful, 2 partial or damaged, 64 wrong usage.");
	return finish_stdout();
}

/* A mapped file that someone cuts off while it is read. */
static void on_bus_error(int signo)
{
	static const char text[] = "pycore: a file became shorter while it was being read; try "
				   "again when it is complete\n";
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(STATUS_NOTHING);
	(void)signo;
}

/* The next file that is opened must not be taken for a standard stream that was closed. An epoll
 * descriptor can be neither read nor written, so that the error is still seen. */
static void occupy_closed_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			(void)!epoll_create1(EPOLL_CLOEXEC);
	}
}

int main(int argc, char **argv)
{
	occupy_closed_streams();
	opterr = 0;
	struct sigaction bus = { .sa_handler = on_bus_error };
	sigaction(SIGBUS, &bus, NULL);
	/* memory is given back at once, by the exit, and not piece by piece before it */
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	if (argc < 2)
		return usage_error(NULL, "a command is missing");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return print_commands();
	if (!strcmp(argv[1], "--version")) {
		puts("pycore " PYCORE_VERSION);
		return finish_stdout();
	}
	const struct cmd *c = find_cmd(argv[1]);
	if (!c)
		return usage_error(NULL, "there is no command '%s'", argv[1]);
	return c->run(argc - 1, argv + 1);
}
