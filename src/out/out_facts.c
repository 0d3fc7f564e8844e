/* SPDX-License-Identifier: Apache-2.0 */
/* Facts for a bug report, as text: those on the process, then those of each interpreter. */
#include "out_facts.h"

#include "out_text.h"

#include "pycore/facts.h"

#include <inttypes.h>
#include <string.h>

static void put_text(struct out *o, const struct py_text *t)
{
	if (t->bytes) {
		out_escape_text(&o->buf, t->bytes, t->len);
		str_puts(&o->buf, t->cut ? "..." : "");
	}
	if (failed(t->why) && t->bytes)
		o->damage = true;
	else if (failed(t->why))
		text_put_error(o, "", t->why);
}

static void begin_fact(struct out *o, const char *name)
{
	str_addf(&o->buf, "  %-22s ", name);
}

static void put_bytes(struct out *o, uint64_t n)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)n;
	size_t u = 0;
	for (; v >= 1024 && u + 1 < ARRAY_LEN(units); u++)
		v /= 1024;
	str_addf(&o->buf, u ? "%.1f %s" : "%.0f %s", v, units[u]);
}

static void put_amount(struct out *o, uint64_t n, bool bytes)
{
	if (n == AMOUNT_UNLIMITED)
		str_puts(&o->buf, "unlimited");
	else if (bytes)
		put_bytes(o, n);
	else
		str_addf(&o->buf, "%" PRIu64, n);
}

static void put_line(struct out *o, const char *name, const char *text)
{
	if (!text)
		return;
	begin_fact(o, name);
	text_put(o, text);
	str_putc(&o->buf, '\n');
}

static void put_places(struct out *o, const struct target_facts *t)
{
	if (t->cwd) {
		begin_fact(o, "working directory");
		text_put(o, t->cwd);
		str_puts(&o->buf, t->cwd_deleted ? " (it was removed)\n" : "\n");
	}
	put_line(o, "$PWD when it started", t->start_pwd);
	put_line(o, "root directory", t->root);
}

/* The two largest units that there are. */
static void put_uptime(struct out *o, double seconds)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = { { "d", 86400 }, { "h", 3600 }, { "min", 60 }, { "s", 1 } };
	uint64_t left = (uint64_t)seconds;
	size_t u = 0;
	if (seconds < 0)
		return;
	begin_fact(o, "running for");
	while (u + 1 < ARRAY_LEN(units) && left < units[u].seconds)
		u++;
	str_addf(&o->buf, "%" PRIu64 " %s", left / units[u].seconds, units[u].name);
	left %= units[u].seconds;
	if (u + 1 < ARRAY_LEN(units))
		str_addf(
			&o->buf, " %" PRIu64 " %s", left / units[u + 1].seconds, units[u + 1].name);
	str_putc(&o->buf, '\n');
}

static void put_memory(struct out *o, const struct target_facts *t)
{
	const struct {
		const char *name;
		uint64_t amount;
	} parts[] = { { "resident", t->resident }, { "of it anonymous", t->resident_anonymous },
		{ "resident at most", t->resident_peak }, { "swapped out", t->swapped } };
	const char *between = NULL;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i].amount == AMOUNT_UNKNOWN)
			continue;
		if (between)
			str_puts(&o->buf, between);
		else
			begin_fact(o, "memory");
		put_amount(o, parts[i].amount, true);
		str_addf(&o->buf, " %s", parts[i].name);
		between = ", ";
	}
	str_puts(&o->buf, between ? "\n" : "");
}

static void put_cgroup(struct out *o, const struct target_cgroup *c)
{
	if (!c->path)
		return;
	begin_fact(o, "memory of its cgroup");
	if (c->usage != AMOUNT_UNKNOWN) {
		put_amount(o, c->usage, true);
		str_puts(&o->buf, " in use, ");
	}
	if (c->limit >= AMOUNT_UNLIMITED) {
		str_puts(&o->buf, c->limit == AMOUNT_UNLIMITED ? "no limit" : "limit unknown");
	} else {
		str_puts(&o->buf, "limit ");
		put_bytes(o, c->limit);
	}
	str_puts(&o->buf, "; ");
	text_put(o, c->path);
	str_putc(&o->buf, '\n');
}

static void put_limits(struct out *o, const struct target_facts *t)
{
	for (size_t i = 0; i < t->n_limits; i++) {
		const struct target_limit *l = &t->limits[i];
		AUTO_STR(name);
		str_addf(&name, "limit of %s", l->name);
		begin_fact(o, str_text(&name));
		put_amount(o, l->soft, l->bytes);
		if (l->hard != l->soft) {
			str_puts(&o->buf, ", may be raised to ");
			put_amount(o, l->hard, l->bytes);
		}
		str_putc(&o->buf, '\n');
	}
}

static void put_process(struct out *o, const struct target_facts *t)
{
	put_places(o, t);
	if (t->has_ids) {
		begin_fact(o, "user and group");
		str_addf(&o->buf, "%u, %u\n", (unsigned)t->uid, (unsigned)t->gid);
	}
	if (t->parent) {
		begin_fact(o, "parent process");
		str_addf(&o->buf, "%d\n", (int)t->parent);
	}
	put_uptime(o, t->uptime);
	if (t->threads != AMOUNT_UNKNOWN) {
		begin_fact(o, "threads");
		str_addf(&o->buf, "%" PRIu64 "\n", t->threads);
	}
	put_memory(o, t);
	put_cgroup(o, &t->cgroup);
	if (t->has_oom_score) {
		begin_fact(o, "OOM score");
		str_addf(&o->buf, "%d", t->oom_score);
		if (t->has_oom_score_adj)
			str_addf(&o->buf, ", adjusted by %d", t->oom_score_adj);
		str_putc(&o->buf, '\n');
	}
	put_limits(o, t);
}

static void put_fact(struct out *o, const char *name, const struct py_text *t)
{
	if (!t->bytes && !failed(t->why))
		return;
	begin_fact(o, name);
	put_text(o, t);
	str_putc(&o->buf, '\n');
}

static bool same(const struct py_text *a, const struct py_text *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

static void put_prefix(struct out *o, const struct py_facts *f)
{
	if (!f->prefix.bytes || !f->base_prefix.bytes || same(&f->prefix, &f->base_prefix)) {
		put_fact(o, "sys.prefix", &f->prefix);
		return;
	}
	begin_fact(o, "sys.prefix");
	put_text(o, &f->prefix);
	str_puts(&o->buf, " (a virtual environment of ");
	put_text(o, &f->base_prefix);
	str_puts(&o->buf, ")\n");
}

/* What comes between the items of a list is written in front of each. */
static void put_words(
	struct out *o, const char *name, const struct py_words *w, const char *quote, bool lines)
{
	if (!w->known && !failed(w->why))
		return;
	begin_fact(o, name);
	for (size_t i = 0; i < w->len; i++) {
		if (i && lines)
			str_addf(&o->buf, "\n  %-22s ", "");
		else if (i)
			str_putc(&o->buf, ' ');
		str_puts(&o->buf, quote);
		put_text(o, &w->list[i]);
		str_puts(&o->buf, quote);
	}
	if (w->known && !w->len && !w->omitted)
		str_puts(&o->buf, "(empty)");
	if (w->omitted)
		str_addf(&o->buf, " ... and %zu more", w->omitted);
	if (failed(w->why))
		text_put_error(o, "", w->why);
	str_putc(&o->buf, '\n');
}

static void put_flags(struct out *o, const struct py_flags *f)
{
	if (!f->len && !f->nameless && !failed(f->why))
		return;
	begin_fact(o, "sys.flags");
	if (f->nameless)
		str_puts(&o->buf, "not shown: the names of its fields are in the binary, which is "
				  "not at hand");
	for (size_t i = 0; i < f->len; i++) {
		str_puts(&o->buf, i ? ", " : "");
		out_escape_text(&o->buf, f->list[i].name.bytes, f->list[i].name.len);
		if (f->list[i].is_bool)
			str_addf(&o->buf, "=%s", f->list[i].value ? "True" : "False");
		else
			str_addf(&o->buf, "=%" PRId64, f->list[i].value);
	}
	if (failed(f->why))
		text_put_error(o, "", f->why);
	str_putc(&o->buf, '\n');
}

/* Items one behind the other, as many on a line as fit. Zero-initialised: none yet. */
struct paragraph {
	struct out *o;
	size_t column; /* 0: the paragraph has not begun */
};

enum { PARAGRAPH_INDENT = 4, PARAGRAPH_WIDTH = 100 };

static void put_item(struct paragraph *p, const struct py_text *a, const struct py_text *b)
{
	AUTO_STR(item);
	out_escape_text(&item, a->bytes ? a->bytes : "?", a->bytes ? a->len : 1);
	if (b && b->bytes) {
		str_putc(&item, ' ');
		out_escape_text(&item, b->bytes, b->len);
	}
	p->o->damage |= failed(a->why) || (b && failed(b->why));
	bool fits = p->column && p->column + item.len + 2 <= PARAGRAPH_WIDTH;
	if (p->column)
		str_puts(&p->o->buf, fits ? ", " : ",\n");
	if (!fits)
		str_addf(&p->o->buf, "%*s", PARAGRAPH_INDENT, "");
	str_add(&p->o->buf, item.bytes, item.len);
	p->column = (fits ? p->column + 2 : PARAGRAPH_INDENT) + item.len;
}

static void end_paragraph(struct paragraph *p)
{
	if (p->column)
		str_putc(&p->o->buf, '\n');
	p->column = 0;
}

/* Of distributions with a heading for each module that knows them. */
static void put_releases(struct out *o, const char *title, const struct py_releases *l)
{
	struct paragraph paragraph = { .o = o };
	const char *known_by = "";
	for (size_t i = 0; i < l->len; i++) {
		const struct py_release *release = &l->list[i];
		const char *by = release->known_by ? release->known_by : "";
		if (!i || strcmp(by, known_by) != 0) {
			end_paragraph(&paragraph);
			str_addf(&o->buf, "  %s%s%s:\n", title, *by ? " found by " : "", by);
		}
		known_by = by;
		put_item(&paragraph, &release->name, &release->version);
	}
	end_paragraph(&paragraph);
	if (l->omitted)
		str_addf(&o->buf, "    ... and %zu more\n", l->omitted);
	if (failed(l->why)) {
		str_addf(&o->buf, "  %s: ", title);
		text_put_error(o, "not all of them: ", l->why);
		str_putc(&o->buf, '\n');
	}
}

static void put_own_extensions(struct out *o, const struct py_facts *f)
{
	struct paragraph paragraph = { .o = o };
	for (size_t i = 0; i < f->n_extensions; i++) {
		if (!f->extensions[i].stdlib)
			continue;
		if (!paragraph.column)
			str_puts(&o->buf, "  extension modules of the standard library:\n");
		put_item(&paragraph, &f->extensions[i].name, NULL);
	}
	end_paragraph(&paragraph);
}

static void put_extensions(struct out *o, const struct py_facts *f)
{
	bool any = false;
	put_own_extensions(o, f);
	for (size_t i = 0; i < f->n_extensions; i++) {
		const struct py_extension *e = &f->extensions[i];
		if (e->stdlib)
			continue;
		str_puts(&o->buf, any ? "    " : "  other extension modules:\n    ");
		put_text(o, &e->name);
		str_putc(&o->buf, ' ');
		put_text(o, &e->path);
		str_putc(&o->buf, '\n');
		any = true;
	}
	if (f->extensions_omitted)
		str_addf(&o->buf, "    ... and %zu more\n", f->extensions_omitted);
}

static void put_modules(struct out *o, const struct py_facts *f)
{
	begin_fact(o, "imported modules");
	str_addf(&o->buf, "%zu, of them %zu built in and %zu in shared libraries", f->modules,
		f->builtin_modules, f->n_extensions + f->extensions_omitted);
	if (failed(f->modules_why)) {
		str_putc(&o->buf, ' ');
		text_put_error(o, "not all of them: ", f->modules_why);
	}
	str_putc(&o->buf, '\n');
	put_extensions(o, f);
	put_releases(o, "modules with a version", &f->versions);
	put_releases(o, "distributions", &f->distributions);
}

static void put_python(struct out *o, const struct py_facts *f)
{
	const char *quote = o->opt.redact ? "" : "'";
	put_fact(o, "sys.version", &f->version);
	put_fact(o, "sys.platform", &f->platform);
	put_fact(o, "implementation", &f->implementation);
	put_fact(o, "cache tag", &f->cache_tag);
	put_fact(o, "sys.executable", &f->executable);
	put_prefix(o, f);
	put_words(o, "sys.argv", &f->argv, quote, false);
	put_words(o, "sys.orig_argv", &f->orig_argv, quote, false);
	put_flags(o, &f->flags);
	put_words(o, "sys.path", &f->path, "'", true);
	put_modules(o, f);
}

void text_facts(struct out *o, const struct target_facts *t, const struct python *p)
{
	size_t start = o->buf.len;
	str_puts(&o->buf, "\nProcess:\n");
	size_t empty = o->buf.len;
	put_process(o, t);
	if (o->buf.len == empty)
		str_cut(&o->buf, start);
	for (size_t i = 0; i < p->n_interpreters; i++) {
		const struct py_interpreter *in = &p->interpreters[i];
		if (!in->facts)
			continue;
		str_addf(&o->buf, "\nInterpreter %" PRId64 " of Python %s:\n", in->id,
			p->runtimes[in->runtime].version);
		put_python(o, in->facts);
		out_flush(o, false);
	}
}
