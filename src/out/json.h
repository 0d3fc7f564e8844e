/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON writer that cannot forget a comma. A NULL key writes an element of a list; NULL text and
 * unknown numbers write null. */
#pragma once

#include "pycore/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	struct str *to;
	bool more; /* something stands before in this object or list */
	unsigned depth; /* for line breaks: outer levels are put on lines of their own */
};

void json_open(struct json *j, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json *j, char bracket); /* '}' or ']' */
void json_text(struct json *j, const char *key, const char *text);
void json_bytes(struct json *j, const char *key, const char *bytes, size_t n);
void json_int(struct json *j, const char *key, int64_t v);
void json_uint(struct json *j, const char *key, uint64_t v);
void json_seconds(struct json *j, const char *key, double v);
void json_bool(struct json *j, const char *key, bool v);
void json_null(struct json *j, const char *key);
/* What is JSON already. */
void json_raw(struct json *j, const char *key, const char *text);
/* An address: "0x7f12…" */
void json_addr(struct json *j, const char *key, uint64_t v);
