/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct out: where results go. One interface, with text and JSON behind it, so that the two cannot
 * drift apart; the only place that escapes what comes from a target.
 *
 * A command hands its results over in the order of the functions of struct out_ops and ends with
 * finish().
 */
#pragma once

#include "pycore/python.h"
#include "pycore/survey.h"
#include "pycore/target.h"
#include "pycore/verdict.h"

#include <stdbool.h>
#include <stdio.h>

struct out;

/* What text shows of a survey. */
struct survey_view {
	size_t top; /* rows at most */
	bool allocators; /* how pymalloc has divided its memory */
	const struct survey_diff *diff; /* against an earlier one; NULL: none was asked for */
	const char *before, *after; /* the files of that one and of this one; NULL: no file */
	const char *before_of; /* what the earlier one is of, if it was saved; or NULL */
	const char *type; /* only objects of this one were asked for; NULL: not so */
	size_t runtime; /* which of the Pythons was counted */
};

struct out_ops {
	/* The first line on a core that is cut off: how much of it is there. Part of process()
	 * where it was not called; NULL: what else is printed says it. */
	void (*coverage)(struct out *o, const struct target *t);
	/* Why it died: pycore dump; nothing for a process that lives. */
	void (*verdict)(struct out *o, const struct verdict *v);
	/* Head: where the data are from, and the process. */
	void (*process)(struct out *o, const struct target *t);
	/* Every Python; p may hold none, and then says why. */
	void (*pythons)(struct out *o, const struct python *p);
	void (*interpreters)(struct out *o, const struct python *p);
	/* The threads that were asked for; list holds pointers into p->threads. */
	void (*threads)(struct out *o, const struct python *p, const struct py_thread *const *list,
		size_t n);
	/* The globals of the modules on the stacks, if they were asked for. */
	void (*globals)(struct out *o, const struct python *p);
	/* Objects by their addresses: pycore print. */
	void (*objects)(struct out *o, const struct py_described *const *list, size_t n);
	/* What fills the memory: pycore survey. */
	void (*survey)(struct out *o, const struct survey *s, const struct survey_view *view);
	/* What a bug report wants to know of the process and of each interpreter whose facts were
	 * read: pycore info. */
	void (*facts)(struct out *o, const struct target_facts *t, const struct python *p);
	/* The modules of the process, and where each field of the layouts comes from: pycore info.
	 */
	void (*modules)(struct out *o, const struct target *t);
	void (*layouts)(struct out *o, const struct python *p);
	void (*problems)(struct out *o, const struct problems *p);
	void (*finish)(struct out *o);
};

enum out_colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

/* Which native frames of a merged stack are shown. */
enum out_native {
	OUT_NATIVE_INNER, /* what the innermost Python frame called */
	OUT_NATIVE_EVERY, /* all but internal ones. They were asked for, so a native stack that
			     breaks off is damage; the same holds for: */
	OUT_NATIVE_ALL,
};

/* The target's files below `from` lie below `to` here. */
struct source_map {
	const char *from, *to;
};

struct out_options {
	const char *schema; /* "pycore.dump" */
	bool no_head; /* text: only the results, not which process they are from */
	bool no_group; /* text: every thread by itself, also where stacks are the same */
	bool no_source; /* do not show source lines, nor open their files */
	bool redact; /* neither source lines nor arguments of the command line */
	const struct source_map *maps; /* borrowed; of those that fit the longest `from` is used */
	size_t n_maps;
	enum out_native native;
	enum out_colour colour;
};

struct source;

/* Embedded as first member of a filling. */
struct out {
	const struct out_ops *ops;
	struct out_options opt;
	struct str buf; /* what is written so far and not yet flushed to file */
	FILE *file; /* borrowed */
	struct source *source; /* source lines; opened on first use */
	bool colour;
	bool damage; /* something printed shows an error in place of a fact */
	bool has_coverage; /* text: it stands above */
	bool has_verdict; /* text: it stands above, and what it says need not be said again */
};

/* Output to file, which stays the caller's. Free with out_close(), which flushes; it returns false
 * if writing failed. */
struct out *out_text_open(FILE *file, const struct out_options *opt);
struct out *out_json_open(FILE *file, const struct out_options *opt);
/* A survey as comma-separated values; can take no other results. */
struct out *out_csv_open(FILE *file, const struct out_options *opt);
bool out_close(struct out *o);

/*
 * Escaping. Both take any bytes: UTF-8 with surrogates in three bytes, as struct py_text has them,
 * and anything else. out_escape_text: printable text for a terminal: C0, C1, DEL, bidi and
 * zero-width controls, line separators, surrogates and bytes that are not UTF-8 become \n, \x1b,
 * \u202e, \U000e0001 or \xff. out_escape_json: a JSON string's inside: valid UTF-8 whatever comes;
 * surrogates as \udcXX, other bytes as U+FFFD.
 */
void out_escape_text(struct str *to, const char *bytes, size_t n);
void out_escape_json(struct str *to, const char *bytes, size_t n);
