/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of pycore survey share. */
#pragma once

#include "cmd.h"

#include "pycore/survey.h"

struct survey_args {
	struct target_args target;
	struct survey_options options;
	struct survey_view view;
	const char *type; /* count only objects of this type; NULL: all */
	char *pattern; /* that only its full name fits, owned */
	size_t python; /* which of several, from 1 on; 0: the first one, none was chosen */
	bool by_given;
	bool in_place; /* a live process is counted while it is stopped, without a copy */
	bool json, csv;
};

/* survey_args.c: returns false, with the exit status, when there is nothing to be done any more. */
bool survey_args_take(struct survey_args *a, int argc, char **argv, int *ret_status);

/* One heap that was counted, and what it belongs to; or a survey that was saved. */
struct side {
	const char *path; /* borrowed; NULL: a live process */
	struct target *target; /* NULL: it was saved */
	struct python *p;
	struct survey *survey;
};
void side_fini(struct side *s);
/* survey_count.c: the Python that was counted. */
struct survey_build side_build(const struct survey_args *a, const struct side *s);

/* survey_count.c: what fails is said on stderr. */
enum exit_status side_count(
	const struct survey_args *a, const struct target_args *which, struct side *ret);
/* Counts what was opened once more, with other options. */
bool side_recount(const struct survey_args *a, struct side *s);

/*
 * survey_type.c: --type NAME, where nothing has exactly that full name: the only type that is
 * called so without its module, which then is counted. If there is none, what else may be meant is
 * said on stderr.
 */
bool sides_find_type(struct survey_args *a, struct side *const *sides, size_t n);
/* A pattern of fnmatch(3) that only this text fits; malloc'ed. */
char *pattern_of(const char *text);
