/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exception objects (Include/cpython/pyerrors.h, struct PyBaseExceptionObject) and what a traceback
 * shows of them: the name of the class, the message, and for a SyntaxError the line of source that
 * it is about, as the module `traceback` does.
 */
#include "exception_text.h"

#include "pycore/keyed_hash.h"
#include "pycore/limits.h"

#include <inttypes.h>
#include <string.h>

static struct err open_args(struct heap *h, uint64_t args, struct exc *x)
{
	struct py_object o;
	struct sequence s;
	if (!args)
		return NO_ERR;
	TRY(object_open(h, args, &o));
	TRY(sequence_open(&o, &s));
	if (s.length == 1)
		TRY(sequence_item(&s, 0, &x->arg));
	x->n_args = s.length;
	x->args = args;
	return NO_ERR;
}

/* 2.7: an instance of a class that is derived from nothing can be raised too. */
static bool is_old_instance(const struct exc *x)
{
	return layout_has(&x->h->rt->layout, FIELD_old_instance_class) &&
	       !strcmp(x->type->full, "instance");
}

struct err exc_open(struct heap *h, uint64_t addr, struct exc *ret)
{
	struct exc x = { .h = h, .made = true };
	uint64_t args;
	TRY(object_open(h, addr, &x.object));
	x.type = x.object.type;
	if (x.type->flags & TYPE_EXCEPTION) {
		TRY(object_get(&x.object, FIELD_exception_args, &args));
		TRY(open_args(h, args, &x));
	} else if (!is_old_instance(&x)) {
		return err_at(ERR_CORRUPT, addr, "exception: it is of another type");
	}
	*ret = x;
	return NO_ERR;
}

struct err exc_open_parts(struct heap *h, uint64_t type, uint64_t value, struct exc *ret)
{
	struct exc x = { .h = h };
	struct py_object o;
	struct err why = value ? exc_open(h, value, ret) : err_of(ERR_CORRUPT, "exception");
	if (!failed(why) || !type)
		return why;
	TRY(type_at(h, type, &x.type));
	if (!(x.type->flags & TYPE_EXCEPTION))
		return err_at(ERR_CORRUPT, type, "class of an exception: it is another one");
	if (value && !object_is_none(h, value)) {
		TRY(object_open(h, value, &o));
		if (o.type->flags & TYPE_TUPLE) {
			TRY(open_args(h, value, &x));
		} else {
			x.n_args = 1;
			x.arg = value;
		}
	}
	*ret = x;
	return NO_ERR;
}

static bool is_unnamed(const char *module)
{
	static const char *const names[] = { "", "builtins", "exceptions", "__builtin__",
		"__main__" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!strcmp(module, names[i]))
			return true;
	}
	return false;
}

static void old_class(const struct exc *x, const char **ret_module, const char **ret_name)
{
	uint64_t class, name, dict;
	struct py_text text = { 0 }, module = { 0 };
	if (!failed(object_get(&x->object, FIELD_old_instance_class, &class))) {
		if (!failed(py_field(x->h->rt, class, FIELD_old_class_name, &name)))
			str_text_of(x->h, name, &text);
		if (!failed(py_field(x->h->rt, class, FIELD_old_class_dict, &dict)) &&
			dict_find(x->h, dict, "__module__", &name))
			str_text_of(x->h, name, &module);
	}
	*ret_name = text.bytes ? text.bytes : "?";
	*ret_module = module.bytes ? module.bytes : "";
}

const char *exc_type_name(const struct exc *x, const char **ret_module)
{
	const char *module = x->type->module, *name = x->type->qualname;
	if (x->made && is_old_instance(x))
		old_class(x, &module, &name);
	*ret_module = module;
	if (is_unnamed(module))
		return name;
	AUTO_STR(text);
	str_addf(&text, "%s.%s", module, name);
	return arena_copy(&x->h->p->arena, str_text(&text), text.len);
}

/* Where values are redacted the whole text is made first, so that its length and hash are those of
 * the text itself. */
static struct value_limits limits_of(const struct heap *h)
{
	return h->p->options.limits.redact ? VALUES_FULL : h->p->options.limits;
}

static void writer_open(struct str_writer *w, struct heap *h, const struct value_limits *limits)
{
	*w = (struct str_writer){
		.r = { .h = h, .limits = limits, .nodes_left = VALUE_NODES_MAX }
	};
	w->r.to = &w->text;
}

/* The text as the report shows it. */
static void writer_close(struct str_writer *w, struct py_text *ret)
{
	struct heap *h = w->r.h;
	*ret = (struct py_text){ .bytes = arena_copy(&h->p->arena, str_text(&w->text), w->text.len),
		.len = w->text.len,
		.cut = w->cut };
	if (h->p->options.limits.redact && ret->len)
		py_redact_text(h->p, ret);
	str_fini(&w->text);
}

void exc_message(const struct exc *x, struct py_text *ret, bool *ret_is_args)
{
	struct value_limits limits = limits_of(x->h);
	struct str_writer w;
	writer_open(&w, x->h, &limits);
	if (x->made && is_old_instance(x))
		repr_value(&w.r, x->object.addr);
	else
		str_write_exception(&w, x);
	*ret_is_args = w.unknown;
	if (w.unknown) {
		str_clear(&w.text);
		w.cut = false;
		str_write_args(&w, x);
	}
	writer_close(&w, ret);
}

void exc_text_of(struct heap *h, uint64_t addr, struct py_text *ret)
{
	struct value_limits limits = limits_of(h);
	struct str_writer w;
	writer_open(&w, h, &limits);
	str_write(&w, addr);
	if (w.unknown) {
		str_clear(&w.text);
		repr_value(&w.r, addr);
	}
	writer_close(&w, ret);
}

/* What a SyntaxError is about. */
struct syntax {
	struct py_text file, line; /* bytes NULL: not known */
	int64_t lineno;
	int64_t from, to; /* characters of the line, from 1; 0: not known; INT64_MAX: to its end */
	bool whole; /* where it ends in another line, or no one knows where, carets go on to the
		       end of this one, and never further (3.13 on) */
	bool columns; /* carets stand below what terminals show, by its width; else each character
			 counts as one, and tabs stay in front of them */
};

/* Where it ends, which only the arguments tell (3.10 on): (message, (file, line, from, text, end
 * line, to)). */
static struct err read_end(const struct exc *x, struct syntax *s)
{
	enum { LINE = 1, FROM = 2, END_LINE = 4, TO = 5, N = 6 };
	struct py_object o;
	struct sequence args, details;
	uint64_t item;
	int64_t v[N] = { 0 };
	TRY(object_open(x->h, x->args, &o));
	TRY(sequence_open(&o, &args));
	TRY(sequence_item(&args, 1, &item));
	TRY(object_open(x->h, item, &o));
	TRY(sequence_open(&o, &details));
	static const int wanted[] = { LINE, FROM, END_LINE, TO };
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		TRY(sequence_item(&details, (uint64_t)wanted[i], &item));
		TRY(int_value_at(x->h, item, &v[wanted[i]]));
	}
	if (v[LINE] == s->lineno && v[FROM] == s->from && v[END_LINE] == s->lineno)
		s->to = v[TO] > 0 ? v[TO] : 0;
	return NO_ERR;
}

static bool read_syntax(const struct exc *x, struct syntax *ret)
{
	unsigned style = x->h->rt->layout.row->repr;
	struct syntax s = { .columns = style & REPR_CARETS_SPACED,
		.whole = style & REPR_CARETS_AT_CALLS };
	uint64_t v;
	s.to = s.whole ? INT64_MAX : 0;
	if (!x->made || x->n_args < 2 ||
		failed(object_get(&x->object, FIELD_syntax_error_lineno, &v)) ||
		failed(int_value_at(x->h, v, &s.lineno)))
		return false;
	if (!failed(object_get(&x->object, FIELD_syntax_error_filename, &v)) && v)
		str_text_of(x->h, v, &s.file);
	if (!failed(object_get(&x->object, FIELD_syntax_error_text, &v)) && v)
		str_text_of(x->h, v, &s.line);
	if (failed(object_get(&x->object, FIELD_syntax_error_offset, &v)) ||
		failed(int_value_at(x->h, v, &s.from)))
		s.from = 0;
	(void)read_end(x, &s); /* an older version's, or one that a program made, does not tell */
	*ret = s;
	return true;
}

/* Takes a character off the text; how many columns it counts for. */
static int next_column(const struct syntax *s, const char **text, size_t *len)
{
	uint32_t cp = 0;
	size_t n = utf8_get(*text, *len, &cp);
	n = n ? n : 1;
	*text += n;
	*len -= n;
	if (!s->columns || n == 1)
		return 1;
	return char_has_no_width(cp) ? 0 : char_is_wide(cp) ? 2 : 1;
}

/* Carets below the text, whose first `cut` characters are not shown; one behind it at most. */
static void put_carets(
	struct str *to, const char *text, size_t len, const struct syntax *s, size_t cut)
{
	int64_t at = s->from - 1 - (int64_t)cut, end = s->to > s->from ? s->to : s->from + 1;
	if (at < 0)
		return;
	str_puts(to, "\n    ");
	for (int64_t n = 0; n < at && len; n++) {
		bool stays = *text == '\t' && !s->columns;
		for (int k = next_column(s, &text, &len); k > 0; k--)
			str_putc(to, stays ? '\t' : ' ');
	}
	bool behind = false;
	for (int64_t n = s->from; n < end && !behind; n++) {
		behind = !len;
		if (behind && n > s->from && s->whole)
			break;
		for (int k = len ? next_column(s, &text, &len) : 1; k > 0; k--)
			str_putc(to, '^');
	}
}

static void put_source(struct str *to, const struct syntax *s)
{
	str_puts(to, "  File \"");
	if (s->file.bytes && s->file.len)
		str_add(to, s->file.bytes, s->file.len);
	else
		str_puts(to, "<string>");
	str_addf(to, "\", line %" PRId64, s->lineno);
	if (!s->line.bytes)
		return;
	size_t len = s->line.len, cut = 0;
	while (len && (s->line.bytes[len - 1] == '\n' || s->line.bytes[len - 1] == '\r'))
		len--;
	while (cut < len && strchr(" \n\f", s->line.bytes[cut]))
		cut++;
	const char *text = s->line.bytes + cut;
	str_puts(to, "\n    ");
	str_add(to, text, len - cut);
	if (s->from > 0)
		put_carets(to, text, len - cut, s, cut);
}

static bool is_syntax_error(const struct py_type *t)
{
	return type_is(t, "SyntaxError") || type_is(t, "exceptions.SyntaxError"); /* 2.7 */
}

void exc_syntax(const struct exc *x, struct py_text *ret_source, struct py_text *ret_message)
{
	struct syntax s;
	uint64_t message;
	struct heap *h = x->h;
	if (h->p->options.limits.redact || !is_syntax_error(x->type) || !read_syntax(x, &s) ||
		failed(object_get(&x->object, FIELD_syntax_error_message, &message)))
		return;
	AUTO_STR(text);
	put_source(&text, &s);
	exc_text_of(h, message, ret_message);
	*ret_source =
		(struct py_text){ .bytes = arena_copy(&h->p->arena, str_text(&text), text.len),
			.len = text.len };
}
