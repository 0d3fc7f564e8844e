/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include "pycore/log.h"

/* Moments at which a stack is not whole are short; if one was hit, another look is taken. */
enum { LOOKS_MAX = 8 };

static struct err look_stopped(struct python *p, look_fn *more, void *ctx, struct str *why)
{
	struct target *t = p->target;
	bool stops = t->kind == TARGET_LIVE && !t->nonblocking;
	for (int looks = 1;; looks++) {
		TRY(target_stop(t, why));
		log_debug("stopped");
		python_walk(p);
		log_debug("walked");
		bool last = !stops || !python_torn(p) || looks == LOOKS_MAX;
		if (last && more)
			more(ctx, p);
		target_resume(t);
		log_debug("resumed");
		if (last)
			return NO_ERR;
	}
}

bool look(struct python *p, look_fn *more, void *ctx)
{
	AUTO_STR(why);
	char text[ERR_TEXT_MAX];
	if (!p->n_runtimes && !more) {
		python_walk(p);
		return true;
	}
	struct err e = look_stopped(p, more, ctx, &why);
	if (!failed(e))
		return true;
	complain_of(p->target, "%s", why.len ? str_text(&why) : err_text(e, text));
	return false;
}
