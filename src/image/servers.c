/* SPDX-License-Identifier: Apache-2.0 */
#include "servers.h"

#include "pycore/alloc.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

enum { FAILURES_MAX = 3 };

/* debuginfod_begin(3), debuginfod_find_debuginfo(3) */
typedef int client_find(void *client, const unsigned char *id, int id_size, char **path);
typedef int client_progress(void *client, long done, long all);

struct servers_calls {
	void *(*begin)(void);
	void (*end)(void *client);
	client_find *find_debuginfo, *find_executable;
	void (*set_progress)(void *client, client_progress *fn);
	void (*set_user_data)(void *client, void *data);
};

void servers_init(struct servers *s, unsigned seconds, servers_progress *progress)
{
	*s = (struct servers){ .seconds = seconds, .progress = progress };
}

/* The library stays: those below it, of HTTP and TLS, give their memory back at the exit only. */
void servers_fini(struct servers *s)
{
	if (s->client)
		s->calls->end(s->client);
	free(s->calls);
	*s = (struct servers){ 0 };
}

static double seconds_since(const struct timespec *t)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

/* Whether SIGINT, which is blocked meanwhile, has come. */
static bool take_interrupt(void)
{
	sigset_t set;
	const struct timespec now = { 0 };
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	return sigtimedwait(&set, NULL, &now) == SIGINT;
}

/* The library calls it some times a second; what is not 0 ends the download. Until the size is
 * known, `done` only counts the calls. */
static int on_progress(struct servers *s, long done, long all)
{
	double passed = seconds_since(&s->since);
	s->interrupted |= take_interrupt();
	s->time_over |= passed > s->seconds;
	if (s->progress && passed > 0.5 && passed - s->shown > 0.2) {
		s->shown = passed;
		s->progress(s->module, all > 0 && done > 0 ? (uint64_t)done : 0,
			all > 0 ? (uint64_t)all : 0, false);
	}
	return s->interrupted || s->time_over;
}

/* The library shows its own client only, which keeps one pointer for us. */
static int on_client_progress(void *client, long done, long all)
{
	void *(*get_user_data)(void *client);
	*(void **)&get_user_data = dlsym(RTLD_DEFAULT, "debuginfod_get_user_data");
	return on_progress(get_user_data(client), done, all);
}

static bool load_calls(void *library, struct servers_calls *c)
{
	const struct {
		void **to;
		const char *name;
	} wanted[] = {
		{ (void **)&c->begin, "debuginfod_begin" },
		{ (void **)&c->end, "debuginfod_end" },
		{ (void **)&c->find_debuginfo, "debuginfod_find_debuginfo" },
		{ (void **)&c->find_executable, "debuginfod_find_executable" },
		{ (void **)&c->set_progress, "debuginfod_set_progressfn" },
		{ (void **)&c->set_user_data, "debuginfod_set_user_data" },
	};
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		*wanted[i].to = dlsym(library, wanted[i].name);
		if (!*wanted[i].to)
			return false;
	}
	return dlsym(library, "debuginfod_get_user_data");
}

static enum servers_answer_kind start(struct servers *s)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	if (s->client)
		return SERVERS_FOUND;
	if (!urls || !urls[0])
		return SERVERS_NO_URLS;
	struct servers_calls calls;
	void *library = dlopen("libdebuginfod.so.1", RTLD_LAZY | RTLD_GLOBAL);
	if (!library || !load_calls(library, &calls) || !(s->client = calls.begin()))
		return SERVERS_NO_LIBRARY;
	s->calls = xmalloc(sizeof(*s->calls));
	*s->calls = calls;
	calls.set_user_data(s->client, s);
	calls.set_progress(s->client, on_client_progress);
	return SERVERS_FOUND;
}

/* Sees to it that Ctrl-C is kept for the next look, also in the threads that the library starts. */
static sigset_t hold_interrupts(void)
{
	sigset_t set, before;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, &before);
	return before;
}

static struct servers_answer judge(struct servers *s, int fd)
{
	s->failures = fd >= 0 || fd == -ENOENT ? 0 : s->failures + 1;
	s->over |= s->interrupted || s->time_over || s->failures >= FAILURES_MAX;
	if (fd >= 0)
		return (struct servers_answer){ .kind = SERVERS_FOUND };
	if (s->interrupted)
		return (struct servers_answer){ .kind = SERVERS_INTERRUPTED };
	if (s->time_over)
		return (struct servers_answer){ .kind = SERVERS_TIME_OVER };
	if (fd == -ENOENT)
		return (struct servers_answer){ .kind = SERVERS_NONE };
	return (struct servers_answer){ .kind = SERVERS_FAILED, .sys = -fd };
}

static int download(struct servers *s, enum servers_kind kind, const uint8_t *id, size_t id_size,
	const char *module, char **ret_path)
{
	client_find *find =
		kind == SERVERS_EXECUTABLE ? s->calls->find_executable : s->calls->find_debuginfo;
	s->module = module;
	s->shown = 0;
	clock_gettime(CLOCK_MONOTONIC, &s->since);
	sigset_t before = hold_interrupts();
	int fd = find(s->client, id, (int)id_size, ret_path);
	s->interrupted |= take_interrupt();
	sigprocmask(SIG_SETMASK, &before, NULL);
	s->seconds -= seconds_since(&s->since);
	if (s->shown > 0)
		s->progress(module, 0, 0, true);
	return fd;
}

struct servers_answer servers_ask(struct servers *s, enum servers_kind kind, const uint8_t *id,
	size_t id_size, const char *module, int *ret_fd, char **ret_path)
{
	if (s->over)
		return (struct servers_answer){ .kind = SERVERS_SILENT };
	enum servers_answer_kind started = start(s);
	if (started != SERVERS_FOUND) {
		s->over = true;
		return (struct servers_answer){ .kind = started };
	}
	char *path = NULL;
	int fd = download(s, kind, id, id_size, module, &path);
	struct servers_answer a = judge(s, fd);
	if (a.kind != SERVERS_FOUND) {
		free(path);
		return a;
	}
	*ret_fd = fd;
	*ret_path = path;
	return a;
}
