/* SPDX-License-Identifier: Apache-2.0 */
/* Counts one process, so that it says how far it is, and can be interrupted. */
#include "survey_args.h"

#include "pycore/alloc.h"

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Samples are to be told apart; pycore print shows all of one. */
#define SAMPLES_SHORT ((struct value_limits){ .max_string = 80, .max_items = 8, .max_depth = 2 })

/* NULL, with a message: there is no Python. */
static struct python *find(struct target *t)
{
	struct python *p;
	struct err found = python_find(t, &p);
	if (!failed(found))
		return p;
	complain_of(t, "%s", str_text(&p->why));
	python_free(p);
	return NULL;
}

/* Makes the memory of a live process hold still: by a copy, or by a stop. */
static bool hold_still(const struct survey_args *a, struct target *t)
{
	AUTO_STR(why);
	char text[ERR_TEXT_MAX];
	struct err e = a->in_place ? target_stop_in_place(t, &why) : target_snapshot(t, &why);
	if (failed(e))
		complain_of(t, "%s", why.len ? str_text(&why) : err_text(e, text));
	return !failed(e);
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signo)
{
	(void)signo;
	interrupted = 1;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct progress {
	unsigned calls;
	double began, shown; /* seconds; 0: not yet */
};

/* How far it is, on a terminal, once it takes longer than a second. */
static bool tick(void *ctx, double done)
{
	enum { SELDOM = 1024 };
	struct progress *p = ctx;
	if (interrupted || p->calls++ % SELDOM || !isatty(STDERR_FILENO))
		return !interrupted;
	double at = now();
	if (!p->began)
		p->began = at;
	if (at - p->began > 1 && at - p->shown > 0.2 && done > 0) {
		p->shown = at;
		fprintf(stderr, "\rpycore: counting: %.0f %%, %.0f s left \x1b[K", 100 * done,
			(at - p->began) * (1 - done) / done);
	}
	return true;
}

/* Runs it so that the first Ctrl-C ends the count, not the report; the second one ends pycore. */
static struct err run_interruptibly(struct python *p, struct py_runtime *rt,
	const struct survey_options *opt, struct survey **ret)
{
	struct sigaction stop = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };
	struct sigaction before;
	struct progress progress = { 0 };
	struct survey_options own = *opt;
	own.tick = tick;
	own.tick_ctx = &progress;
	sigaction(SIGINT, &stop, &before);
	struct err e = survey_run(p, rt, &own, ret);
	sigaction(SIGINT, &before, NULL);
	if (progress.shown > 0)
		fputs("\r\x1b[K", stderr);
	return e;
}

static bool count(const struct survey_args *a, struct python *p, struct survey **ret)
{
	char text[ERR_TEXT_MAX];
	size_t which = a->python ? a->python - 1 : 0;
	if (which >= p->n_runtimes) {
		complain_of(p->target, "--python %zu: there is %s", a->python,
			p->n_runtimes == 1 ? "one Python only" : "no such Python");
		return false;
	}
	struct err e = run_interruptibly(p, &p->runtimes[which], &a->options, ret);
	if (failed(e))
		complain_of(p->target, "its heap cannot be read: %s", err_text(e, text));
	return !failed(e);
}

/* Nothing was seen while it was being changed. */
static bool is_sound(const struct survey *s)
{
	for (size_t i = 0; i < s->n_checks; i++) {
		if (!s->checks[i].ok)
			return false;
	}
	return !s->pools.torn && !s->torn_free_lists && !s->doubtful;
}

/* Of a live process a copy is counted, or with --in-place it is stopped meanwhile. Neither where
 * there is no Python. */
static bool find_and_count(
	const struct survey_args *a, struct target *t, struct python **ret_p, struct survey **ret)
{
	*ret_p = find(t);
	if (t->kind == TARGET_LIVE) {
		bool any = *ret_p;
		python_free(*ret_p);
		*ret_p = any && hold_still(a, t) ? find(t) : NULL;
	}
	bool good = *ret_p;
	if (good) {
		(*ret_p)->options.limits = SAMPLES_SHORT;
		python_walk(*ret_p);
		good = count(a, *ret_p, ret);
	}
	target_resume(t);
	return good;
}

/* If a live process was seen while it was changing its heap, it is looked at once more. */
static bool count_soundly(
	const struct survey_args *a, struct target *t, struct python **ret_p, struct survey **ret)
{
	enum { LOOKS_MAX = 8, STOPS_MAX = 2 };
	int max = t->kind == TARGET_CORE ? 1 : a->in_place ? STOPS_MAX : LOOKS_MAX;
	for (int looks = 1;; looks++) {
		if (!find_and_count(a, t, ret_p, ret))
			return false;
		if (looks == max || is_sound(*ret) || interrupted)
			return true;
		python_free(*ret_p);
		survey_free(*ret);
		*ret_p = NULL;
		*ret = NULL;
	}
}

bool side_recount(const struct survey_args *a, struct side *s)
{
	survey_free(s->survey);
	s->survey = NULL;
	if (!a->in_place || s->target->kind == TARGET_CORE)
		return count(a, s->p, &s->survey);
	python_free(s->p);
	s->p = NULL;
	return count_soundly(a, s->target, &s->p, &s->survey);
}

/* Which of several Pythons was counted. It is damage only if nobody has chosen one. */
static void tell_which(const struct survey_args *a, const struct python *p, struct problems *to)
{
	const char *version = p->runtimes[a->python ? a->python - 1 : 0].version;
	if (p->n_runtimes < 2)
		return;
	if (a->python)
		problems_notef(to, "heap",
			"there are %zu Pythons in this process; of these number %zu was counted, "
			"which is %s",
			p->n_runtimes, a->python, version);
	else
		problems_damagef(to, "heap",
			"there are %zu Pythons in this process; the first was counted, which is "
			"%s; --python 2 counts the next one",
			p->n_runtimes, version);
}

enum exit_status side_count(
	const struct survey_args *a, const struct target_args *which, struct side *ret)
{
	enum exit_status status = target_args_open(which, &ret->target);
	if (status != STATUS_COMPLETE)
		return status;
	ret->path = which->core;
	ret->target->activity = ACTIVITY_NONE;
	if (!count_soundly(a, ret->target, &ret->p, &ret->survey))
		return STATUS_NOTHING;
	tell_which(a, ret->p, &ret->target->problems);
	return STATUS_COMPLETE;
}

struct survey_build side_build(const struct survey_args *a, const struct side *s)
{
	struct survey_build build = { 0 };
	if (s->survey->saved)
		return s->survey->saved->build;
	const struct py_runtime *rt = &s->p->runtimes[a->python ? a->python - 1 : 0];
	memcpy(build.version, rt->version, sizeof(build.version));
	build.machine = rt->layout.key.machine;
	build.abi = rt->layout.key.abi;
	build.ptr_size = rt->layout.key.ptr_size;
	build.order = rt->layout.key.order;
	return build;
}

void side_fini(struct side *s)
{
	survey_free(s->survey);
	python_free(s->p);
	target_close(s->target);
}
