/* SPDX-License-Identifier: Apache-2.0 */
/* Facts for a bug report as JSON: those on the process, then those of each interpreter. */
#include "out_facts.h"

#include "out_json.h"

#include "pycore/facts.h"

static void put_amount(struct json *j, const char *key, uint64_t n)
{
	if (n == AMOUNT_UNKNOWN)
		json_null(j, key);
	else if (n == AMOUNT_UNLIMITED)
		json_text(j, key, "unlimited");
	else
		json_uint(j, key, n);
}

static void put_known(struct json *j, const char *key, bool known, int64_t v)
{
	if (known)
		json_int(j, key, v);
	else
		json_null(j, key);
}

static void put_cgroup(struct json *j, const struct target_cgroup *c)
{
	if (!c->path) {
		json_null(j, "cgroup");
		return;
	}
	json_open(j, "cgroup", '{');
	json_text(j, "path", c->path);
	json_int(j, "version", c->version);
	put_amount(j, "memory_limit", c->limit);
	put_amount(j, "memory_usage", c->usage);
	json_close(j, '}');
}

static void put_limits(struct json *j, const struct target_facts *t)
{
	json_open(j, "limits", '[');
	for (size_t i = 0; i < t->n_limits; i++) {
		json_open(j, NULL, '{');
		json_text(j, "name", t->limits[i].name);
		put_amount(j, "soft", t->limits[i].soft);
		put_amount(j, "hard", t->limits[i].hard);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_process(struct json *j, const struct target_facts *t)
{
	json_open(j, "process_facts", '{');
	json_text(j, "working_directory", t->cwd);
	json_bool(j, "working_directory_removed", t->cwd_deleted);
	json_text(j, "start_pwd", t->start_pwd);
	json_text(j, "root_directory", t->root);
	put_known(j, "uid", t->has_ids, t->uid);
	put_known(j, "gid", t->has_ids, t->gid);
	json_number(j, "parent_pid", t->parent, 1);
	if (t->uptime >= 0)
		json_seconds(j, "uptime_seconds", t->uptime);
	else
		json_null(j, "uptime_seconds");
	put_amount(j, "threads", t->threads);
	put_amount(j, "resident", t->resident);
	put_amount(j, "resident_anonymous", t->resident_anonymous);
	put_amount(j, "resident_peak", t->resident_peak);
	put_amount(j, "swapped", t->swapped);
	put_cgroup(j, &t->cgroup);
	put_known(j, "oom_score", t->has_oom_score, t->oom_score);
	put_known(j, "oom_score_adj", t->has_oom_score_adj, t->oom_score_adj);
	put_limits(j, t);
	json_close(j, '}');
}

static void put_words(struct json *j, const char *key, const struct py_words *w)
{
	if (!w->known) {
		json_null(j, key);
		return;
	}
	json_open(j, key, '[');
	for (size_t i = 0; i < w->len; i++)
		json_py_text(j, NULL, &w->list[i]);
	json_close(j, ']');
}

static void put_flags(struct json *j, const struct py_flags *flags)
{
	if (!flags->len) {
		json_null(j, "flags");
		return;
	}
	json_open(j, "flags", '{');
	for (size_t i = 0; i < flags->len; i++) {
		const struct py_flag *flag = &flags->list[i];
		AUTO_STR(name);
		out_escape_json(&name, flag->name.bytes, flag->name.len);
		if (flag->is_bool)
			json_bool(j, str_text(&name), flag->value);
		else
			json_int(j, str_text(&name), flag->value);
	}
	json_close(j, '}');
}

static void put_releases(struct json *j, const char *key, const struct py_releases *l)
{
	if (!l->known) {
		json_null(j, key);
		return;
	}
	json_open(j, key, '[');
	for (size_t i = 0; i < l->len; i++) {
		json_open(j, NULL, '{');
		json_py_text(j, "name", &l->list[i].name);
		json_py_text(j, "version", &l->list[i].version);
		if (l->list[i].known_by)
			json_text(j, "known_by", l->list[i].known_by);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_extensions(struct json *j, const struct py_facts *facts)
{
	json_open(j, "extension_modules", '[');
	for (size_t i = 0; i < facts->n_extensions; i++) {
		json_open(j, NULL, '{');
		json_py_text(j, "name", &facts->extensions[i].name);
		json_py_text(j, "path", &facts->extensions[i].path);
		json_bool(j, "standard_library", facts->extensions[i].stdlib);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_sys(struct json *j, const struct py_facts *facts)
{
	json_py_text(j, "version", &facts->version);
	json_py_text(j, "platform", &facts->platform);
	json_py_text(j, "implementation", &facts->implementation);
	json_py_text(j, "cache_tag", &facts->cache_tag);
	json_py_text(j, "executable", &facts->executable);
	json_py_text(j, "prefix", &facts->prefix);
	json_py_text(j, "base_prefix", &facts->base_prefix);
	put_words(j, "argv", &facts->argv);
	put_words(j, "orig_argv", &facts->orig_argv);
	put_words(j, "path", &facts->path);
	put_flags(j, &facts->flags);
}

static size_t omitted(const struct py_facts *f)
{
	return f->argv.omitted + f->orig_argv.omitted + f->path.omitted + f->extensions_omitted +
	       f->versions.omitted + f->distributions.omitted;
}

static void put_python(struct out *o, const struct py_interpreter *in)
{
	struct json *j = json_writer(o);
	json_open(j, NULL, '{');
	json_uint(j, "runtime", in->runtime);
	json_int(j, "interpreter", in->id);
	put_sys(j, in->facts);
	json_uint(j, "modules", in->facts->modules);
	json_uint(j, "builtin_modules", in->facts->builtin_modules);
	put_extensions(j, in->facts);
	put_releases(j, "versions", &in->facts->versions);
	put_releases(j, "distributions", &in->facts->distributions);
	json_uint(j, "omitted", omitted(in->facts));
	json_error(o, "error", py_facts_error(in->facts));
	json_close(j, '}');
}

void json_facts(struct out *o, const struct target_facts *t, const struct python *p)
{
	struct json *j = json_writer(o);
	put_process(j, t);
	json_open(j, "python_facts", '[');
	for (size_t i = 0; i < p->n_interpreters; i++) {
		if (p->interpreters[i].facts)
			put_python(o, &p->interpreters[i]);
		out_flush(o, false);
	}
	json_close(j, ']');
}
