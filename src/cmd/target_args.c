/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include "pycore/log.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

pid_t parse_id(const char *text)
{
	char *end;
	errno = 0;
	long v = strtol(text, &end, 10);
	return errno || *end || end == text || v <= 0 || v > INT_MAX ? 0 : (pid_t)v;
}

bool take_number(const char *command, const char *option, unsigned max, unsigned *ret)
{
	char *end;
	errno = 0;
	unsigned long v = strtoul(optarg, &end, 10);
	if (errno || *end || !isdigit((unsigned char)optarg[0]) || v > max) {
		usage_error(command, "%s: '%s' is no number from 0 to %u", option, optarg, max);
		return false;
	}
	*ret = (unsigned)v;
	return true;
}

bool parse_address(const char *text, uint64_t *ret)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;
	char *end;
	errno = 0;
	unsigned long long v = strtoull(digits, &end, hex ? 16 : 10);
	/* strtoull() would take blanks, signs and another 0x */
	if (errno || *end || !isxdigit((unsigned char)digits[0]) || strpbrk(digits, "xX"))
		return false;
	*ret = v;
	return true;
}

/* "10G" as bytes; 0: it is no size. */
static uint64_t parse_size(const char *text)
{
	static const char units[] = "KMGT";
	char *end;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	if (errno || end == text || text[0] == '-' || (*end && (!unit || end[1])) ||
		v > UINT64_MAX >> shift)
		return 0;
	return (uint64_t)v << shift;
}

/* The module's name is the target's, and so escaped. */
static void show_download(const char *module, uint64_t bytes, uint64_t total, bool ended)
{
	AUTO_STR(name);
	out_escape_text(&name, module, strlen(module));
	if (ended)
		fputs("\r\x1b[K", stderr);
	else if (total)
		fprintf(stderr,
			"\r\x1b[Kpycore: debuginfod: %.60s: %.1f of %.1f MiB (Ctrl-C goes on "
			"without) ",
			str_text(&name), (double)bytes / (1 << 20), (double)total / (1 << 20));
	else
		fprintf(stderr,
			"\r\x1b[Kpycore: debuginfod: %.60s: asking (Ctrl-C goes on without) ",
			str_text(&name));
}

static bool take_folder(const char *command, const char *option, const char *list[], size_t *n)
{
	if (*n == SEARCH_DIRS_MAX) {
		usage_error(command, "%s: more than %d folders", option, SEARCH_DIRS_MAX);
		return false;
	}
	list[(*n)++] = optarg;
	return true;
}

/* Of --debuginfod: how long its downloads may take together. */
static bool take_seconds(const char *command, unsigned *ret)
{
	enum { SECONDS_USUAL = 90, SECONDS_MAX = 86400 };
	pid_t seconds = optarg ? parse_id(optarg) : SECONDS_USUAL;
	if (!seconds || seconds > SECONDS_MAX) {
		usage_error(command, "--debuginfod: '%s' is no number of seconds from 1 to %d",
			optarg, SECONDS_MAX);
		return false;
	}
	*ret = (unsigned)seconds;
	return true;
}

bool target_args_take(struct target_args *a, int option, const char *command)
{
	switch (option) {
	case OPT_PID:
		a->pid = parse_id(optarg);
		if (!a->pid)
			usage_error(command, "--pid: '%s' is no process id", optarg);
		return a->pid;
	case OPT_NONBLOCKING:
		a->nonblocking = true;
		return true;
	case OPT_SYSROOT:
		if (a->search.sysroot)
			usage_error(command,
				"--sysroot: there is one root only; put the layers of an image "
				"together first (mount -t overlay, or unpack them one over the "
				"other)");
		bool first = !a->search.sysroot;
		a->search.sysroot = optarg;
		return first;
	case OPT_LIB_PATH:
		a->search.lib_paths = a->lib_paths;
		return take_folder(command, "--lib-path", a->lib_paths, &a->search.n_lib_paths);
	case OPT_DEBUG_DIR:
		a->search.debug_dirs = a->debug_dirs;
		return take_folder(command, "--debug-dir", a->debug_dirs, &a->search.n_debug_dirs);
	case OPT_DEBUGINFOD:
		a->search.progress = isatty(STDERR_FILENO) ? show_download : NULL;
		return take_seconds(command, &a->search.debuginfod_seconds);
	case OPT_TMPDIR:
		a->container.tmpdir = optarg;
		return true;
	case OPT_TMP_LIMIT:
		a->container.tmp_limit = parse_size(optarg);
		if (!a->container.tmp_limit)
			usage_error(
				command, "--tmp-limit: '%s' is no size, as 500M or 20G", optarg);
		return a->container.tmp_limit;
	case OPT_DEBUG:
		log_enable(true);
		return true;
	}
	usage_error(command, "unknown option");
	return false;
}

bool target_args_operands(struct target_args *a, int argc, char **argv, const char *command)
{
	int n = argc - optind;
	if (a->pid && n) {
		usage_error(command, "--pid takes no core file ('%s')", argv[optind]);
		return false;
	}
	if (!a->pid && (n < 1 || n > 2)) {
		usage_error(command, n ? "too many operands: CORE and EXE are all"
				       : "a core file or --pid is missing");
		return false;
	}
	if (!a->pid && a->nonblocking) {
		usage_error(command, "--nonblocking is of live processes: --pid N");
		return false;
	}
	a->core = n > 0 ? argv[optind] : NULL;
	a->exe = n > 1 ? argv[optind + 1] : NULL;
	if ((a->core && !*a->core) || (a->exe && !*a->exe)) {
		usage_error(command, "the name of the %s is empty",
			a->exe && *a->core ? "executable" : "core file");
		return false;
	}
	return true;
}

static enum exit_status open_live(const struct target_args *a, struct target **ret)
{
	AUTO_STR(why);
	char text[ERR_TEXT_MAX];
	struct target_live_options opt = { .nonblocking = a->nonblocking, .search = &a->search };
	struct err e = target_open_live(a->pid, &opt, &why, ret);
	if (!failed(e))
		return STATUS_COMPLETE;
	if (why.len)
		complain("%s", str_text(&why));
	else
		complain("process %d: %s", (int)a->pid, err_text(e, text));
	return STATUS_NOTHING;
}

static void show_progress(uint64_t unpacked, unsigned percent, bool done)
{
	if (done)
		fputs("\r\x1b[K", stderr);
	else
		fprintf(stderr, "\rpycore: unpacking: %" PRIu64 " MiB, %u %% read ", unpacked >> 20,
			percent);
}

/* A name that leads nowhere would only be seen by what the report lacks. */
static bool is_folder(const char *option, const char *path)
{
	struct stat st;
	errno = 0;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return true;
	complain("%s: %s: %s", option, path, strerror(errno ? errno : ENOTDIR));
	return false;
}

static bool are_folders(const struct file_search *s)
{
	bool good = !s->sysroot || is_folder("--sysroot", s->sysroot);
	for (size_t i = 0; good && i < s->n_lib_paths; i++)
		good = is_folder("--lib-path", s->lib_paths[i]);
	for (size_t i = 0; good && i < s->n_debug_dirs; i++)
		good = is_folder("--debug-dir", s->debug_dirs[i]);
	return good;
}

/* The core may do without it, so the report goes on. */
static void look_for_exe(const char *path)
{
	struct stat st;
	if (path && stat(path, &st) != 0)
		complain("%s: %s", path, strerror(errno));
}

enum exit_status target_args_open(const struct target_args *a, struct target **ret)
{
	if (!are_folders(&a->search))
		return STATUS_NOTHING;
	if (a->pid)
		return open_live(a, ret);
	look_for_exe(a->exe);
	char text[ERR_TEXT_MAX];
	struct target_core_options opt = {
		.exe = a->exe, .search = &a->search, .container = a->container
	};
	opt.container.progress = isatty(STDERR_FILENO) ? show_progress : NULL;
	struct err e = target_open_core(a->core, &opt, ret);
	if (!failed(e))
		return STATUS_COMPLETE;
	if (e.code == ERR_SYS && e.sys == ENOENT && parse_id(a->core))
		complain("%s: no such file; for a live process say --pid %s", a->core, a->core);
	else if (e.code == ERR_UNSUPPORTED)
		complain("%s: %s", a->core, e.what);
	else if (e.code == ERR_LIMIT && !strcmp(e.what, "temporary file"))
		complain("%s: is compressed, and --tmp-limit leaves no room to unpack it", a->core);
	else if (e.sys && !strcmp(e.what, "temporary file"))
		complain("%s: is compressed, and there is nowhere to unpack it: %s: %s; choose "
			 "another place by --tmpdir",
			a->core,
			a->container.tmpdir ? a->container.tmpdir
					    : "the folder for temporary files",
			strerror(e.sys));
	else
		complain("%s: %s", a->core, e.sys ? strerror(e.sys) : err_text(e, text));
	return STATUS_NOTHING;
}
