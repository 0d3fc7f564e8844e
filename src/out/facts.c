/* SPDX-License-Identifier: Apache-2.0 */
#include "facts.h"

#include "carets.h"

struct err frame_error(const struct py_frame *f)
{
	const struct py_code *c = f->place->code;
	TRY(f->place->why);
	TRY(c->name.why);
	TRY(c->filename.why);
	return c->qualname.why;
}

bool frame_source(const struct py_frame *f, struct source *source, struct str *ret)
{
	struct source_text text;
	if (!source || !source_of_place(source, f->place, &text))
		return false;
	str_add(ret, text.bytes, text.len);
	return true;
}

bool frame_put_source(const struct py_frame *f, struct source *source, bool colour, struct str *to)
{
	struct source_text text;
	struct carets c;
	if (!source || !source_of_place(source, f->place, &text))
		return false;
	bool has = carets_find(&text, &f->place->at,
		f->place->code->marks_calls ? CARETS_CALLS : CARETS_OPERATORS, &c);
	carets_put(to, &text, has ? &c : NULL, colour);
	return true;
}

bool frame_same(const struct py_frame *a, const struct py_frame *b)
{
	/* the same call can be left at different instructions, depending on how the interpreter has
	 * specialised it */
	return a->place == b->place ||
	       (a->place->code == b->place->code && a->place->at.line == b->place->at.line);
}

const char *gil_state_name(enum gil_state g)
{
	switch (g) {
	case GIL_UNKNOWN:
		return NULL;
	case GIL_NONE:
		return "none";
	case GIL_HOLDER:
		return "holder";
	case GIL_WAITING:
		return "waiting";
	}
	return NULL;
}
