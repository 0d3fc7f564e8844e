/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the text report share. All of them write to o->buf. */
#pragma once

#include "out_internal.h"

/* Text escaped for a terminal. */
void text_put(struct out *o, const char *text);
/* A name, as far as it could be read: "?" if not at all, with "..." if it is cut. */
void text_put_name(struct out *o, const struct py_text *name);
/* Text that may have several lines: all but line feeds is escaped. To be indented. */
void text_put_lines(struct out *o, const char *bytes, size_t n);
void text_begin_colour(struct out *o, const char *code);
void text_end_colour(struct out *o);
/* "Process:    " */
void text_label(struct out *o, const char *name);
/* Puts the prefix in front of every line from byte `from` of the buffer on; blanks not in front of
 * empty ones. */
void text_indent(struct out *o, size_t from, const char *prefix);
/* "<what could not be read, why, at which address>"; the report is then damaged. */
void text_put_error(struct out *o, const char *what, struct err e);
/* " (build-id 0a1b...)", if it has one; img may be NULL. */
void text_put_build_id(struct out *o, const struct image *img);

/* out_text_process.c */
void text_coverage(struct out *o, const struct target *t);
void text_process(struct out *o, const struct target *t);

/* out_text_pythons.c */
void text_pythons(struct out *o, const struct python *p);
void text_interpreters(struct out *o, const struct python *p);
void text_layouts(struct out *o, const struct python *p);
/* ", of Python 3.12.1", where there are several. */
void text_add_python(const struct python *p, const struct py_interpreter *in, struct str *to);

/* out_text_threads.c: a frame with its source line and variables; `qualified`: by its qualified
 * name, if it has one. `shown`: frames by address whose variables stand above already, and are not
 * repeated; the frame becomes one of them. */
void text_put_frame(struct out *o, const struct python *p, const struct py_frame *f, bool qualified,
	struct hash *shown);
void text_threads(
	struct out *o, const struct python *p, const struct py_thread *const *list, size_t n);

/* out_text_values.c: a line for each variable. */
void text_put_variables(struct out *o, const struct py_variables *v, const char *indent);
void text_globals(struct out *o, const struct python *p);
void text_objects(struct out *o, const struct py_described *const *list, size_t n);

/* out_text_survey.c */
void text_survey(struct out *o, const struct survey *s, const struct survey_view *view);
void text_put_total(struct out *o, const struct survey *s, const struct survey_view *view);
/* "512 B", "12.3 MiB"; the second one in a column of a table. */
enum { TEXT_SIZE_MAX = 32 };
const char *text_size(uint64_t bytes, char buf[TEXT_SIZE_MAX]);
void text_put_size(struct out *o, uint64_t bytes);
/* Of objects with all that is theirs. */
uint64_t text_size_of(const struct survey_sums *s);
/* out_text_growth.c */
void text_survey_diff(struct out *o, const struct survey *s, const struct survey_view *view);
/* out_text_allocators.c */
void text_allocators(struct out *o, const struct survey *s);

/* out_text_exceptions.c: as Python prints an exception that nobody caught, indented. */
void text_put_exception(struct out *o, const struct python *p, const struct py_exception *e,
	const char *indent, struct hash *shown);
