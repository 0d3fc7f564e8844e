/* SPDX-License-Identifier: Apache-2.0 */
/* Versions as CPython packs them (PY_VERSION_HEX, Include/patchlevel.h): major, minor, micro, then
 * 4 bits of level and of serial. */
#include "pycore/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALPHA = 0xa, BETA = 0xb, CANDIDATE = 0xc, FINAL = 0xf };

static uint32_t pack(
	unsigned major, unsigned minor, unsigned micro, unsigned level, unsigned serial)
{
	return major << 24 | minor << 16 | micro << 8 | level << 4 | (serial & 15);
}

uint32_t version_parse(const char *text, bool *ret_micro)
{
	unsigned major, minor, micro = 0;
	int n = 0;
	int found = sscanf(text, "%1u.%2u.%3u%n", &major, &minor, &micro, &n);
	if (found < 2 || micro > 255)
		return 0;
	*ret_micro = found == 3;
	const char *rest = text + n;
	if (rest[0] == 'a' || rest[0] == 'b')
		return pack(major, minor, micro, rest[0] == 'a' ? ALPHA : BETA,
			(unsigned)atoi(rest + 1));
	if (text_starts(rest, "rc"))
		return pack(major, minor, micro, CANDIDATE, (unsigned)atoi(rest + 2));
	return pack(major, minor, micro, FINAL, 0);
}

void version_text(uint32_t hex, bool micro, char ret[VERSION_TEXT_MAX])
{
	static const char *const levels[] = { [ALPHA] = "a", [BETA] = "b", [CANDIDATE] = "rc" };
	unsigned level = hex >> 4 & 15;
	if (!micro)
		snprintf(ret, VERSION_TEXT_MAX, "%u.%u", hex >> 24, hex >> 16 & 255);
	else if (level < ARRAY_LEN(levels) && levels[level])
		snprintf(ret, VERSION_TEXT_MAX, "%u.%u.%u%s%u", hex >> 24, hex >> 16 & 255,
			hex >> 8 & 255, levels[level], hex & 15);
	else
		snprintf(ret, VERSION_TEXT_MAX, "%u.%u.%u", hex >> 24, hex >> 16 & 255,
			hex >> 8 & 255);
}

void layout_row_range(const struct layout_row *row, struct str *ret)
{
	char text[VERSION_TEXT_MAX];
	version_text(row->first, true, text);
	str_puts(ret, text);
	if (row->first >> 8 == row->last >> 8)
		return;
	str_puts(ret, " to ");
	bool open_end = (row->last >> 8 & 255) == 255;
	version_text(row->last, !open_end, text);
	str_addf(ret, "%s%s", text, open_end ? ".*" : "");
}
