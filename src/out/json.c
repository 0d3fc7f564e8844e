/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include "pycore/out.h"

#include <inttypes.h>
#include <string.h>

enum { BROKEN_LEVELS = 3 };

static void begin(struct json *j, const char *key)
{
	if (j->more)
		str_putc(j->to, ',');
	if (j->depth && j->depth <= BROKEN_LEVELS)
		str_addf(j->to, "\n%*s", (int)(2 * j->depth), "");
	else if (j->more)
		str_putc(j->to, ' ');
	if (key)
		str_addf(j->to, "\"%s\": ", key);
	j->more = true;
}

void json_open(struct json *j, const char *key, char bracket)
{
	begin(j, key);
	str_putc(j->to, bracket);
	j->depth++;
	j->more = false;
}

void json_close(struct json *j, char bracket)
{
	j->depth--;
	if (j->more && j->depth < BROKEN_LEVELS)
		str_addf(j->to, "\n%*s", (int)(2 * j->depth), "");
	str_putc(j->to, bracket);
	j->more = true;
	if (!j->depth)
		str_putc(j->to, '\n');
}

void json_bytes(struct json *j, const char *key, const char *bytes, size_t n)
{
	begin(j, key);
	str_putc(j->to, '"');
	out_escape_json(j->to, bytes, n);
	str_putc(j->to, '"');
}

void json_text(struct json *j, const char *key, const char *text)
{
	if (text)
		json_bytes(j, key, text, strlen(text));
	else
		json_null(j, key);
}

void json_int(struct json *j, const char *key, int64_t v)
{
	begin(j, key);
	str_addf(j->to, "%" PRId64, v);
}

void json_uint(struct json *j, const char *key, uint64_t v)
{
	begin(j, key);
	str_addf(j->to, "%" PRIu64, v);
}

void json_seconds(struct json *j, const char *key, double v)
{
	begin(j, key);
	str_addf(j->to, "%.6f", v);
}

void json_bool(struct json *j, const char *key, bool v)
{
	begin(j, key);
	str_puts(j->to, v ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
	begin(j, key);
	str_puts(j->to, "null");
}

void json_raw(struct json *j, const char *key, const char *text)
{
	begin(j, key);
	str_puts(j->to, text);
}

void json_addr(struct json *j, const char *key, uint64_t v)
{
	begin(j, key);
	str_addf(j->to, "\"0x%" PRIx64 "\"", v);
}
