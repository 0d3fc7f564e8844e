/* SPDX-License-Identifier: Apache-2.0 */
#include "out_internal.h"

#include "pycore/alloc.h"

#include <errno.h>
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

struct source *out_source(struct out *o, const struct target *t)
{
	if (!o->source && !o->opt.no_source)
		o->source = source_open(t);
	return o->source;
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
