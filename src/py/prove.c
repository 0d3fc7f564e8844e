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

/* Whether an object is a code object: by its type, by the type's name, or where neither can be had
 * (a core without the binary, or cut off), by its names being strings. */
static bool is_code(const struct py_runtime *rt, uint64_t code)
{
	uint64_t type, name, filename;
	char text[16];
	if (failed(py_field(rt, code, FIELD_object_type, &type)))
		return false;
	if (rt->code_type)
		return type == rt->code_type;
	struct err e = py_type_name(rt, type, text, sizeof(text));
	if (!failed(e))
		return !strcmp(text, "code");
	return (e.code == ERR_NOT_SAVED || e.code == ERR_TRUNCATED) &&
	       !failed(py_field(rt, code, FIELD_code_name, &name)) &&
	       !failed(py_field(rt, code, FIELD_code_filename, &filename)) &&
	       py_text_plausible(rt, name) && py_text_plausible(rt, filename);
}

/* The object that the innermost frame of a thread state runs: is it a code object? True also when
 * there is no frame. */
bool py_frames_plausible(const struct py_runtime *rt, uint64_t tstate)
{
	const struct layout *l = &rt->layout;
	uint64_t frame = 0, code = 0;
	bool objects = l->row->frames == FRAMES_OBJECTS, linked = l->row->frames == FRAMES_CFRAME;
	if (failed(py_field(
		    rt, tstate, linked ? FIELD_tstate_cframe : FIELD_tstate_frame, &frame)) ||
		(linked && frame &&
			failed(py_field(rt, frame, FIELD_cframe_current_frame, &frame))))
		return false;
	for (int depth = 0; frame && depth < 16; depth++) {
		if (failed(py_field(
			    rt, frame, objects ? FIELD_frame_code : FIELD_iframe_code, &code)))
			return false;
		if (is_code(rt, py_untag(rt, code)))
			return true;
		/* a shim: what called it decides */
		if (failed(py_field(
			    rt, frame, objects ? FIELD_frame_back : FIELD_iframe_previous, &frame)))
			return false;
	}
	return !frame;
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
