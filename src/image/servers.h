/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files by their build-id from the servers of $DEBUGINFOD_URLS, through libdebuginfod, which is
 * loaded when the first file is asked for. It keeps what it downloaded (see debuginfod(8), "Client
 * cache").
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum servers_kind { SERVERS_DEBUGINFO, SERVERS_EXECUTABLE };

typedef void servers_progress(const char *module, uint64_t bytes, uint64_t total_bytes, bool ended);

struct servers_answer {
	enum servers_answer_kind {
		SERVERS_FOUND,
		SERVERS_NONE, /* they have no such file */
		SERVERS_SILENT, /* not asked, for a reason that was told before */
		SERVERS_NO_URLS,
		SERVERS_NO_LIBRARY,
		SERVERS_INTERRUPTED, /* by Ctrl-C */
		SERVERS_TIME_OVER,
		SERVERS_FAILED,
	} kind;
	int sys; /* errno, with SERVERS_FAILED */
};

struct servers {
	double seconds; /* left for all downloads together */
	servers_progress *progress; /* NULL: not wanted */
	struct servers_calls *calls; /* of the library; owned */
	void *client;
	bool over; /* no more files are asked for */
	unsigned failures; /* in a row */

	const char *module; /* the download that is going on */
	struct timespec since;
	double shown; /* seconds from its start at which progress was told last; 0: not yet */
	bool interrupted, time_over;
};
void servers_init(struct servers *s, unsigned seconds, servers_progress *progress);
/* With SERVERS_FOUND: a descriptor and a malloc'ed path. `module` is for the progress. While it
 * waits, SIGINT ends the download, and not the process. */
struct servers_answer servers_ask(struct servers *s, enum servers_kind kind, const uint8_t *id,
	size_t id_size, const char *module, int *ret_fd, char **ret_path);
void servers_fini(struct servers *s);
