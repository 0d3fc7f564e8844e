/* SPDX-License-Identifier: Apache-2.0 */
/* pycore layout: the tables of CPython's structs, for maintenance. */
#include "cmd.h"

#include "pycore/alloc.h"
#include "pycore/layout.h"
#include "pycore/opener.h"

#include <string.h>

const char cmd_layout_help[] =
	"  -l, --list                       the known tables: releases and which of them were run\n"
	"  -e, --emit BINARY [MODULE]...    the table of one build, as a C include file; MODULE: "
	"an\n"
	"                                   extension module, for structs that BINARY lacks\n"
	"  -d, --emit-debug-offsets BINARY  the order of its _Py_DebugOffsets (3.13 and later)\n"
	"  -h, --help                       this text\n";

static const char *advice(enum err_code code)
{
	switch (code) {
	case ERR_ABSENT:
		return "give a python or libpython that is not stripped, or its .debug file";
	case ERR_CORRUPT:
		return "give an ELF file";
	case ERR_DENIED:
		return "run as a user who may read it";
	case ERR_UNSUPPORTED:
		return "give a regular file";
	case ERR_NONE:
	case ERR_UNMAPPED:
	case ERR_NOT_SAVED:
	case ERR_TRUNCATED:
	case ERR_NOT_FOUND:
	case ERR_LIMIT:
	case ERR_GONE:
	case ERR_SYS:
		break;
	}
	return "check the path";
}

static int refuse(const char *path, struct err e)
{
	char text[ERR_TEXT_MAX];
	complain("%s: %s; %s", path, err_text(e, text), advice(e.code));
	return STATUS_NOTHING;
}

static struct err map_file(const char *path, struct file_map *map, struct layout_file *ret)
{
	TRY(file_map_open(path, OPEN_NAMED_BY_USER, map));
	if (!file_map_unshare(map))
		return err_sys("memory of the file");
	const char *slash = strrchr(path, '/');
	*ret = (struct layout_file){ map->bytes, map->size, slash ? slash + 1 : path };
	return NO_ERR;
}

/* The files named on the command line. */
struct files {
	size_t n;
	struct file_map *maps;
	struct layout_file *files;
};

static void files_close(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		file_map_close(&f->maps[i]);
	free(f->maps);
	free(f->files);
}

static int emit(const char *binary, char *const *modules, size_t n_modules)
{
	size_t n = n_modules + 1, bad = 0;
	CLEANUP(files_close)
	struct files f = { n, xcalloc(n, sizeof(*f.maps)), xcalloc(n, sizeof(*f.files)) };
	for (size_t i = 0; i < n; i++) {
		const char *path = i ? modules[i - 1] : binary;
		struct err e = map_file(path, &f.maps[i], &f.files[i]);
		if (failed(e))
			return refuse(path, e);
	}
	AUTO_STR(text);
	struct err e = layout_emit(f.files, n, &text, &bad);
	if (failed(e))
		return refuse(bad ? modules[bad - 1] : binary, e);
	fputs(str_text(&text), stdout);
	return finish_stdout();
}

static int emit_debug_offsets(const char *path)
{
	CLEANUP(file_map_close) struct file_map map = { 0 };
	struct layout_file file;
	struct err e = map_file(path, &map, &file);
	AUTO_STR(text);
	if (!failed(e))
		e = layout_emit_debug_offsets(&file, &text);
	if (failed(e))
		return refuse(path, e);
	fputs(str_text(&text), stdout);
	return finish_stdout();
}

static const char *abi_name(unsigned abi)
{
	static const char *const names[] = { "release", "debug", "free-threaded",
		"free-threaded debug" };
	return names[abi & (ABI_DEBUG | ABI_FREE_THREADED)];
}

static void print_row(const struct layout_row *row)
{
	AUTO_STR(range);
	AUTO_STR(proven);
	char version[VERSION_TEXT_MAX];
	layout_row_range(row, &range);
	for (const uint32_t *p = row->proven; *p; p++) {
		str_puts(&proven, proven.len ? ", " : "");
		version_text(*p, true, version);
		str_puts(&proven, version);
	}
	printf("%-22s  %-18s  %-14s  %-7s  %-4u  %-6s  %s\n", row->name, str_text(&range),
		abi_name(row->abi), layout_machine_name(row->machine), 8 * row->ptr_size,
		row->order == ORDER_BIG ? "big" : "little", proven.len ? str_text(&proven) : "-");
}

static int list(void)
{
	size_t len;
	const struct layout_row *rows = layout_rows(&len);
	printf("%-22s  %-18s  %-14s  %-7s  %-4s  %-6s  %s\n", "TABLE", "RELEASES", "BUILD",
		"MACHINE", "BITS", "ORDER", "PROVEN");
	for (size_t i = 0; i < len; i++)
		print_row(&rows[i]);
	return finish_stdout();
}

int cmd_layout(int argc, char **argv)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "emit", required_argument, NULL, 'e' },
		{ "emit-debug-offsets", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *path = NULL;
	int what = 0, opt;
	while ((opt = getopt_long(argc, argv, ":le:d:h", options, NULL)) != -1) {
		if (opt == '?' || opt == ':')
			return option_error("layout", opt, argv);
		if (opt == 'h')
			return print_help("layout");
		if (what)
			return usage_error(
				"layout", "give one of --list, --emit and --emit-debug-offsets");
		what = opt;
		path = optarg;
	}
	size_t n_modules = (size_t)(argc - optind);
	if (n_modules && what != 'e')
		return usage_error("layout", "too many arguments");
	if (what == 'l')
		return list();
	if (what == 'e')
		return emit(path, argv + optind, n_modules);
	if (what == 'd')
		return emit_debug_offsets(path);
	return usage_error("layout", "nothing to do");
}
