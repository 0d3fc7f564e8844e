/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A candidate for a runtime is believed when its data agree with each other: an interpreter whose
 * thread state points back to it, and where no run has proven the layout for that version, frames
 * whose code objects are code objects.
 */
#include "py_internal.h"

#include "pycore/limits.h"

#include <string.h>

/* The first thread state of an interpreter, if it points back. */
static bool interpreter_proven(const struct py_runtime *rt, uint64_t interp, uint64_t *ret_tstate)
{
	uint64_t tstate, back;
	if (failed(py_field(rt, interp, FIELD_interp_threads_head, &tstate)) ||
		!py_plausible(rt, tstate) ||
		failed(py_field(rt, tstate, FIELD_tstate_interp, &back)) || back != interp)
		return false;
	*ret_tstate = tstate;
	return true;
}

bool py_runtime_proven(struct py_runtime *rt, struct str *why)
{
	uint64_t interp, tstate;
	struct err e = py_first_interpreter(rt, &interp);
	char text[ERR_TEXT_MAX];
	if (failed(e)) {
		str_addf(why, "its state could not be read: %s", err_text(e, text));
		return false;
	}
	if (!interp) {
		str_puts(why, "it holds no interpreter: not initialised yet, or shut down already");
		return false;
	}
	bool doubtful = rt->layout.assumed || rt->layout.guess;
	for (unsigned i = 0; interp && i < INTERPRETERS_MAX; i++) {
		if (interpreter_proven(rt, interp, &tstate) &&
			(!doubtful || py_frames_plausible(rt, tstate)))
			return true;
		e = py_field(rt, interp, FIELD_interp_next, &interp);
		if (failed(e))
			break;
	}
	str_puts(why, "its interpreters and threads do not point at each other as they must");
	if (failed(e))
		str_addf(why, " (%s)", err_text(e, text));
	return false;
}
