/* SPDX-License-Identifier: Apache-2.0 */
#include "pycore/out.h"

#include <string.h>

/* Characters that a terminal or an eye can be deceived with. */
static bool is_hidden(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0xad || cp == 0x61c ||
	       cp == 0x180e || (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || (cp >= 0xfff9 && cp <= 0xfffb) ||
	       (cp >= 0xe0000 && cp <= 0xe007f) || utf8_is_surrogate(cp);
}

static void put_hidden(struct str *to, uint32_t cp)
{
	static const char *const short_forms[] = { ['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r" };
	if (cp < ARRAY_LEN(short_forms) && short_forms[cp])
		str_puts(to, short_forms[cp]);
	else
		str_addf(to, cp < 0x100 ? "\\x%02x" : cp < 0x10000 ? "\\u%04x" : "\\U%08x", cp);
}

/* How many bytes from the start are plain ASCII that no form of output changes. */
static size_t plain_run(const unsigned char *b, size_t n)
{
	size_t i = 0;
	while (i < n && b[i] >= 0x20 && b[i] < 0x7f && b[i] != '"' && b[i] != '\\')
		i++;
	return i;
}

/* Writes one character that is not plain: its bytes, how many, and what they mean; len 0: the byte
 * is no UTF-8. */
typedef void put_fn(struct str *to, const char *bytes, size_t len, uint32_t cp);

static void put_in_text(struct str *to, const char *bytes, size_t len, uint32_t cp)
{
	if (!len)
		str_addf(to, "\\x%02x", (unsigned char)bytes[0]);
	else if (is_hidden(cp))
		put_hidden(to, cp);
	else
		str_add(to, bytes, len);
}

static void put_in_json(struct str *to, const char *bytes, size_t len, uint32_t cp)
{
	if (!len)
		str_puts(to, "\xef\xbf\xbd");
	else if (cp == '"' || cp == '\\')
		str_addf(to, "\\%c", (char)cp);
	else if (cp < 0x10000 && is_hidden(cp))
		str_addf(to, "\\u%04x", cp);
	else
		str_add(to, bytes, len);
}

static void escape(struct str *to, const char *bytes, size_t n, put_fn *put)
{
	const unsigned char *b = (const unsigned char *)bytes;
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0;
		size_t run = plain_run(b + i, n - i);
		str_add(to, bytes + i, run);
		i += run;
		if (i == n)
			break;
		size_t len = utf8_get(b + i, n - i, &cp);
		put(to, bytes + i, len, cp);
		i += len ? len : 1;
	}
}

void out_escape_text(struct str *to, const char *bytes, size_t n)
{
	escape(to, bytes, n, put_in_text);
}

void out_escape_json(struct str *to, const char *bytes, size_t n)
{
	escape(to, bytes, n, put_in_json);
}
