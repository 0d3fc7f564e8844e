/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the JSON document share. */
#pragma once

#include "json.h"
#include "out_internal.h"

struct json *json_writer(struct out *o);
/* Text of the target; null if it could not be read. */
void json_py_text(struct json *j, const char *key, const struct py_text *t);
/* A number; null if it is less than the least that means something. */
void json_number(struct json *j, const char *key, int64_t v, int64_t least);
/* What went wrong, in words, which makes the report damaged; null for no error. */
void json_error(struct out *o, const char *key, struct err e);

/* out_json_threads.c */
void json_frame(struct out *o, const struct python *p, const struct py_frame *f);
void json_threads(
	struct out *o, const struct python *p, const struct py_thread *const *list, size_t n);

/* out_json_values.c: the list `locals`, and the keys beside it that say what it lacks. */
void json_locals(struct out *o, const struct py_variables *v);
/* null for NULL. */
void json_exception(
	struct out *o, const struct python *p, const char *key, const struct py_exception *e);
void json_globals(struct out *o, const struct python *p);
/* out_json_values.c */
void json_object(struct out *o, const struct py_described *d);
/* out_json_survey.c */
void json_survey(struct out *o, const struct survey *s, const struct survey_view *view);
void json_objects(struct out *o, const struct py_described *const *list, size_t n);
