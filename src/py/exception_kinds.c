/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the __str__ of each class gives: those of CPython's own exceptions (Objects/exceptions.c)
 * and of a few classes of its library. To show one more: a row and a short function.
 */
#include "exception_text.h"

#include <inttypes.h>
#include <string.h>

/* 2.7 has its exceptions in a module of their own. */
static const char *plain_name(const struct py_type *t)
{
	static const char module[] = "exceptions.";
	bool has = !t->by_python && text_starts(t->full, module);
	return has ? t->full + strlen(module) : t->full;
}

/* A field of the exception's own struct that holds an object; 0: it has none, or this build has no
 * such field. */
static uint64_t member(const struct exc *x, enum field f)
{
	uint64_t v;
	return x->made && !failed(object_get(&x->object, f, &v)) ? v : 0;
}

static uint64_t attribute(const struct exc *x, const char *name)
{
	uint64_t v;
	return x->made && attribute_find(&x->object, name, &v) ? v : 0;
}

/* BaseException.__str__: nothing, the argument, or the tuple of them. */
static struct err str_args(struct str_writer *w, const struct exc *x)
{
	if (x->n_args == 1)
		str_write(w, x->arg);
	else if (x->n_args)
		repr_value(&w->r, x->args);
	return NO_ERR;
}

static struct err str_key(struct str_writer *w, const struct exc *x)
{
	if (x->n_args == 1)
		repr_value(&w->r, x->arg);
	else
		return str_args(w, x);
	return NO_ERR;
}

static void write_or_none(struct str_writer *w, uint64_t addr)
{
	if (addr)
		str_write(w, addr);
	else
		repr_put(&w->r, "None");
}

/* What an OSError that was not made yet will find among its arguments. */
static uint64_t os_member(const struct exc *x, enum field f, uint64_t index)
{
	struct py_object o;
	struct sequence s;
	uint64_t v;
	if (x->made)
		return member(x, f);
	if (x->n_args < 2 || failed(object_open(x->h, x->args, &o)) ||
		failed(sequence_open(&o, &s)) || failed(sequence_item(&s, index, &v)))
		return 0;
	return v;
}

static struct err str_os(struct str_writer *w, const struct exc *x)
{
	uint64_t number = os_member(x, FIELD_os_error_errno, 0),
		 text = os_member(x, FIELD_os_error_strerror, 1),
		 name = os_member(x, FIELD_os_error_filename, 2),
		 name2 = os_member(x, FIELD_os_error_filename2, 4);
	if (!name && (!number || !text))
		return str_args(w, x);
	repr_put(&w->r, "[Errno ");
	write_or_none(w, number);
	repr_put(&w->r, "] ");
	write_or_none(w, text);
	if (name) {
		repr_put(&w->r, ": ");
		repr_value(&w->r, name);
	}
	if (name && name2) {
		repr_put(&w->r, " -> ");
		repr_value(&w->r, name2);
	}
	return NO_ERR;
}

static struct err str_import(struct str_writer *w, const struct exc *x)
{
	uint64_t message = member(x, FIELD_import_error_message);
	if (!str_is_string(x->h, message))
		return str_args(w, x);
	str_write_text(w, message);
	return NO_ERR;
}

static struct err str_ssl(struct str_writer *w, const struct exc *x)
{
	uint64_t text = member(x, FIELD_os_error_strerror);
	if (str_is_string(x->h, text))
		str_write_text(w, text);
	else if (x->args)
		repr_value(&w->r, x->args);
	return NO_ERR;
}

/* "invalid syntax (app.py, line 3)" */
static struct err str_syntax(struct str_writer *w, const struct exc *x)
{
	if (!x->made)
		return str_args(w, x);
	uint64_t file = member(x, FIELD_syntax_error_filename);
	int64_t line;
	bool has_line = !failed(int_value_at(x->h, member(x, FIELD_syntax_error_lineno), &line));
	write_or_none(w, member(x, FIELD_syntax_error_message));
	struct py_text name = { 0 };
	if (str_is_string(x->h, file))
		str_text_of(x->h, file, &name);
	if (!name.bytes && !has_line)
		return NO_ERR;
	repr_put(&w->r, " (");
	if (name.bytes) {
		const char *slash = memrchr(name.bytes, '/', name.len);
		const char *base = slash ? slash + 1 : name.bytes;
		str_add(&w->text, base, (size_t)(name.bytes + name.len - base));
	}
	if (has_line)
		repr_putf(&w->r, "%sline %" PRId64, name.bytes ? ", " : "", line);
	repr_put(&w->r, ")");
	return NO_ERR;
}

/* Where in its object a codec failed. */
struct codec_place {
	uint64_t object;
	int64_t start, end;
	bool single; /* one character or byte, which is `what` */
	uint32_t what;
};

static struct err codec_place(const struct exc *x, bool bytes, struct codec_place *ret)
{
	struct codec_place c = { .object = member(x, FIELD_unicode_error_object) };
	struct py_object o;
	struct octets b;
	struct chars s;
	uint64_t byte;
	TRY(object_get_int(&x->object, FIELD_unicode_error_start, &c.start));
	TRY(object_get_int(&x->object, FIELD_unicode_error_end, &c.end));
	TRY(object_open(x->h, c.object, &o));
	if (bytes)
		TRY(octets_open(&o, &b));
	else
		TRY(chars_open(&o, &s));
	uint64_t length = bytes ? b.length : s.length;
	c.single = c.start >= 0 && (uint64_t)c.start < length && c.end == c.start + 1;
	if (c.single && bytes) {
		TRY(mem_uint(x->h->rt->mem, b.data + (uint64_t)c.start, 1, &byte));
		c.what = (uint32_t)byte;
	} else if (c.single) {
		TRY(chars_read(&s, (uint64_t)c.start, 1, &c.what));
	}
	*ret = c;
	return NO_ERR;
}

static void write_position(struct str_writer *w, const struct exc *x, const struct codec_place *c)
{
	if (c->single)
		repr_putf(&w->r, " in position %" PRId64 ": ", c->start);
	else
		repr_putf(&w->r, "s in position %" PRId64 "-%" PRId64 ": ", c->start, c->end - 1);
	write_or_none(w, member(x, FIELD_unicode_error_reason));
}

static struct err str_decode(struct str_writer *w, const struct exc *x)
{
	struct codec_place c;
	if (!member(x, FIELD_unicode_error_object))
		return NO_ERR;
	TRY(codec_place(x, true, &c));
	repr_put(&w->r, "'");
	write_or_none(w, member(x, FIELD_unicode_error_encoding));
	repr_put(&w->r, "' codec can't decode byte");
	if (c.single)
		repr_putf(&w->r, " 0x%02x", c.what);
	write_position(w, x, &c);
	return NO_ERR;
}

static void write_character(struct str_writer *w, const struct exc *x, const struct codec_place *c)
{
	repr_put(&w->r, "character");
	if (!c->single)
		return;
	bool old = x->h->rt->layout.row->repr & REPR_BYTE_STRINGS;
	int width = c->what <= 0xff ? 2 : c->what <= 0xffff ? 4 : 8;
	repr_putf(&w->r, " %s'\\%c%0*x'", old ? "u" : "", "xuU"[width / 4], width, c -> what);
}

static struct err str_encode(struct str_writer *w, const struct exc *x)
{
	struct codec_place c;
	if (!member(x, FIELD_unicode_error_object))
		return NO_ERR;
	TRY(codec_place(x, false, &c));
	repr_put(&w->r, "'");
	write_or_none(w, member(x, FIELD_unicode_error_encoding));
	repr_put(&w->r, "' codec can't encode ");
	write_character(w, x, &c);
	write_position(w, x, &c);
	return NO_ERR;
}

static struct err str_translate(struct str_writer *w, const struct exc *x)
{
	struct codec_place c;
	if (!member(x, FIELD_unicode_error_object))
		return NO_ERR;
	TRY(codec_place(x, false, &c));
	repr_put(&w->r, "can't translate ");
	write_character(w, x, &c);
	write_position(w, x, &c);
	return NO_ERR;
}

static struct err str_group(struct str_writer *w, const struct exc *x)
{
	struct py_object o;
	struct sequence s;
	if (!x->made)
		return str_args(w, x);
	TRY(object_open(x->h, member(x, FIELD_exception_group_exceptions), &o));
	TRY(sequence_open(&o, &s));
	write_or_none(w, member(x, FIELD_exception_group_message));
	repr_putf(&w->r, " (%" PRIu64 " sub-exception%s)", s.length, s.length > 1 ? "s" : "");
	return NO_ERR;
}

/* Of a signal Python 3 shows the name, which it looks up. */
static struct err str_called_process(struct str_writer *w, const struct exc *x)
{
	int64_t status;
	unsigned style = x->h->rt->layout.row->repr;
	bool old = style & REPR_BYTE_STRINGS, quoted = !(style & REPR_COMMAND_REPR);
	if (failed(int_value_at(x->h, attribute(x, "returncode"), &status)) ||
		(status < 0 && !old)) {
		w->unknown = true;
		return NO_ERR;
	}
	repr_put(&w->r, quoted ? "Command '" : "Command ");
	if (quoted)
		str_write(w, attribute(x, "cmd"));
	else
		repr_value(&w->r, attribute(x, "cmd"));
	repr_putf(&w->r, "%s returned non-zero exit status %" PRId64 "%s", quoted ? "'" : "",
		status, old ? "" : ".");
	return NO_ERR;
}

static struct err str_timeout(struct str_writer *w, const struct exc *x)
{
	repr_put(&w->r, "Command '");
	str_write(w, attribute(x, "cmd"));
	repr_put(&w->r, "' timed out after ");
	str_write(w, attribute(x, "timeout"));
	repr_put(&w->r, " seconds");
	return NO_ERR;
}

/* The traceback of another process, as the cause of the exception that came from there. */
static struct err str_remote(struct str_writer *w, const struct exc *x)
{
	str_write(w, attribute(x, "tb"));
	return NO_ERR;
}

static struct err str_url(struct str_writer *w, const struct exc *x)
{
	repr_put(&w->r, "<urlopen error ");
	str_write(w, attribute(x, "reason"));
	repr_put(&w->r, ">");
	return NO_ERR;
}

static struct err str_http(struct str_writer *w, const struct exc *x)
{
	repr_put(&w->r, "HTTP Error ");
	str_write(w, attribute(x, "code"));
	repr_put(&w->r, ": ");
	str_write(w, attribute(x, "msg"));
	return NO_ERR;
}

static const struct {
	const char *name;
	str_exception_fn *write;
	bool by_python;
} rows[] = {
	{ "BaseException", str_args, false },
	{ "KeyError", str_key, false },
	{ "OSError", str_os, false },
	{ "EnvironmentError", str_os, false }, /* 2.7 */
	{ "ImportError", str_import, false },
	{ "SyntaxError", str_syntax, false },
	{ "UnicodeDecodeError", str_decode, false },
	{ "UnicodeEncodeError", str_encode, false },
	{ "UnicodeTranslateError", str_translate, false },
	{ "BaseExceptionGroup", str_group, false },
	{ "ssl.SSLError", str_ssl, false },
	{ "subprocess.CalledProcessError", str_called_process, true },
	{ "subprocess.TimeoutExpired", str_timeout, true },
	{ "multiprocessing.pool.RemoteTraceback", str_remote, true },
	{ "concurrent.futures.process._RemoteTraceback", str_remote, true },
	{ "urllib.error.URLError", str_url, true },
	{ "urllib.error.HTTPError", str_http, true },
};

str_exception_fn *str_exception_find(const struct py_type *by)
{
	const char *name = plain_name(by);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].by_python == by->by_python && !strcmp(rows[i].name, name))
			return rows[i].write;
	}
	return NULL;
}
