/* SPDX-License-Identifier: Apache-2.0 */
#include "out_internal.h"

#include "pycore/alloc.h"
#include "pycore/keyed_hash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FLUSH_AT = 64 * 1024 };

/* CLICOLOR_FORCE, NO_COLOR and CLICOLOR as their users agreed on: https://bixense.com/clicolors,
 * https://no-color.org */
static bool wants_colour(FILE *file, enum out_colour colour)
{
	const char *no = getenv("NO_COLOR"), *cli = getenv("CLICOLOR"),
		   *force = getenv("CLICOLOR_FORCE");
	if (colour != COLOUR_AUTO)
		return colour == COLOUR_ALWAYS;
	if (no && no[0])
		return false;
	if (force && strcmp(force, "0") != 0)
		return true;
	return isatty(fileno(file)) && !(cli && !strcmp(cli, "0"));
}

void out_init(struct out *o, const struct out_ops *ops, FILE *file, const struct out_options *opt)
{
	*o = (struct out){ .ops = ops, .file = file, .opt = *opt };
	o->colour = wants_colour(file, opt->colour);
}

void out_flush(struct out *o, bool all)
{
	if (!all && o->buf.len < FLUSH_AT)
		return;
	fwrite(str_text(&o->buf), 1, o->buf.len, o->file);
	str_clear(&o->buf);
}

struct source *out_source(struct out *o, struct target *t)
{
	if (!o->source && !o->opt.no_source && !o->opt.redact) {
		o->source = source_open(t);
		source_set_maps(o->source, o->opt.maps, o->opt.n_maps);
	}
	return o->source;
}

const char *out_argument(const struct out *o, const char *word, struct str *room)
{
	size_t n = strlen(word), characters = 0;
	if (!o->opt.redact)
		return word;
	for (size_t i = 0; i < n; i++)
		characters += ((uint8_t)word[i] & 0xc0) != 0x80;
	str_addf(room, "<str of length %zu, hash %016" PRIx64 ">", characters, keyed_hash(word, n));
	return str_text(room);
}

bool out_close(struct out *o)
{
	out_flush(o, true);
	bool good = !ferror(o->file) && fflush(o->file) == 0;
	source_close(o->source);
	str_fini(&o->buf);
	free(o);
	return good;
}
