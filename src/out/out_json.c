/* SPDX-License-Identifier: Apache-2.0 */
/* Results as one JSON document; the keys are documented in pycore-json(5) and fixed by the schemas
 * in man/. */
#include "facts.h"
#include "out_facts.h"
#include "out_json.h"
#include "verdict.h"

#include "pycore/alloc.h"

#include <string.h>
#include <time.h>

enum { SCHEMA_VERSION = 1 };

struct out_json {
	struct out base;
	struct json j;
};

struct json *json_writer(struct out *o)
{
	return &((struct out_json *)o)->j;
}

void json_py_text(struct json *j, const char *key, const struct py_text *t)
{
	if (t->bytes)
		json_bytes(j, key, t->bytes, t->len);
	else
		json_null(j, key);
}

void json_number(struct json *j, const char *key, int64_t v, int64_t least)
{
	if (v >= least)
		json_int(j, key, v);
	else
		json_null(j, key);
}

void json_error(struct out *o, const char *key, struct err e)
{
	char why[ERR_TEXT_MAX];
	o->damage |= failed(e);
	json_text(json_writer(o), key, failed(e) ? err_text(e, why) : NULL);
}

static void put_build_id(struct json *j, const struct image *img)
{
	char text[2 * BUILD_ID_MAX + 1];
	bool has = img && img->build_id_size;
	json_text(
		j, "build_id", has ? build_id_text(img->build_id, img->build_id_size, text) : NULL);
}

/* RFC 3339, in UTC. */
static void put_time(struct json *j, const char *key, struct timespec at)
{
	struct tm tm;
	char text[64];
	bool good = gmtime_r(&at.tv_sec, &tm) &&
		    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_text(j, key, good ? text : NULL);
}

static void put_missing(struct json *j, const struct target *t)
{
	json_open(j, "missing", '[');
	for (uint64_t at = 0; t->kind == TARGET_CORE;) {
		struct lost_range r;
		if (!target_next_lost(t, at, &r))
			break;
		json_open(j, NULL, '{');
		AUTO_STR(what);
		target_lost_name(t, &r, &what);
		json_bytes(j, "what", what.bytes, what.len);
		json_addr(j, "start", r.start);
		json_uint(j, "size", r.end - r.start);
		json_text(j, "why", r.why);
		json_close(j, '}');
		at = r.end;
	}
	json_close(j, ']');
}

static void put_source(struct json *j, const struct target *t)
{
	struct target_coverage c = target_coverage(t);
	bool core = t->kind == TARGET_CORE;
	json_open(j, "source", '{');
	json_text(j, "kind", core ? "core" : "live");
	json_text(j, "path", t->path);
	json_number(j, "pid", t->pid, 1);
	put_time(j, "time", t->as_of);
	json_bool(j, "complete", !c.cut_file && !c.cut);
	json_bool(j, "snapshot", t->snapshot);
	put_missing(j, t);
	if (core) {
		json_open(j, "memory", '{');
		json_uint(j, "mapped", c.mapped);
		json_uint(j, "saved", c.saved);
		json_uint(j, "left_out", c.left_out);
		json_uint(j, "cut", c.cut);
		json_uint(j, "unlisted", c.unlisted);
		json_close(j, '}');
	} else {
		json_null(j, "memory");
	}
	if (t->pause_seconds >= 0)
		json_seconds(j, "pause_seconds", t->pause_seconds);
	else
		json_null(j, "pause_seconds");
	json_close(j, '}');
}

static void put_signal(struct json *j, const struct target *t)
{
	const struct core_siginfo *info = &t->signal.info;
	if (!t->signal.signo) {
		json_null(j, "signal");
		return;
	}
	json_open(j, "signal", '{');
	json_int(j, "number", t->signal.signo);
	json_text(j, "name", signal_name(t->signal.signo));
	if (info->present)
		json_int(j, "code", info->code);
	else
		json_null(j, "code");
	json_text(j, "code_name",
		info->present ? signal_code_name(t->signal.signo, info->code) : NULL);
	if (info->has_addr)
		json_addr(j, "address", info->addr);
	else
		json_null(j, "address");
	if (info->has_sender)
		json_int(j, "sender_pid", info->pid);
	else
		json_null(j, "sender_pid");
	json_close(j, '}');
}

static void json_process(struct out *o, const struct target *t)
{
	struct json *j = json_writer(o);
	put_source(j, t);
	json_open(j, "process", '{');
	json_number(j, "pid", t->pid, 1);
	json_number(j, "ns_pid", t->ns_pid, 1);
	if (t->argv) {
		json_open(j, "command_line", '[');
		for (size_t i = 0; i < t->argc; i++) {
			AUTO_STR(room);
			json_text(j, NULL, out_argument(o, t->argv[i], &room));
		}
		json_close(j, ']');
	} else {
		json_null(j, "command_line");
	}
	json_bool(j, "command_line_cut", t->argv_cut);
	json_open(j, "executable", '{');
	json_text(j, "path", t->exe_path);
	put_build_id(j, t->exe);
	json_close(j, '}');
	put_signal(j, t);
	json_close(j, '}');
}

static void put_layout(struct json *j, const struct layout *l)
{
	bool used[ORIGIN_DEBUG_OFFSETS + 1] = { 0 };
	for (int f = 0; f < FIELD_COUNT; f++)
		used[l->field[f].origin] = true;
	json_open(j, "layout", '{');
	json_open(j, "sources", '[');
	for (int i = ORIGIN_BUILTIN; i <= ORIGIN_DEBUG_OFFSETS; i++) {
		if (used[i])
			json_text(j, NULL, layout_origin_name((enum layout_origin)i));
	}
	json_close(j, ']');
	json_text(j, "row", l->row->name);
	json_bool(j, "assumed", l->assumed);
	json_bool(j, "guess", l->guess);
	json_close(j, '}');
}

static void put_runtime(struct json *j, const char *key, const struct py_runtime *rt)
{
	const struct layout_key *k = &rt->layout.key;
	json_open(j, key, '{');
	json_text(j, "version", rt->version);
	if (rt->micro_known) {
		char hex[16];
		snprintf(hex, sizeof(hex), "0x%08x", k->version);
		json_text(j, "version_hex", hex);
	} else {
		json_null(j, "version_hex");
	}
	json_bool(j, "debug", k->abi & ABI_DEBUG);
	json_bool(j, "free_threaded", k->abi & ABI_FREE_THREADED);
	json_uint(j, "pointer_bits", k->ptr_size * 8);
	json_text(j, "byte_order", k->order == ORDER_LITTLE ? "little" : "big");
	json_text(j, "module", rt->image && rt->image->path[0] ? rt->image->path : NULL);
	put_build_id(j, rt->image);
	json_addr(j, "address", rt->addr);
	json_text(j, "found_by", found_by_text(rt->found_by));
	put_layout(j, &rt->layout);
	json_close(j, '}');
}

static void json_pythons(struct out *o, const struct python *p)
{
	struct json *j = json_writer(o);
	if (p->n_runtimes)
		put_runtime(j, "python", &p->runtimes[0]);
	else
		json_null(j, "python");
	json_open(j, "runtimes", '[');
	for (size_t i = 0; i < p->n_runtimes; i++)
		put_runtime(j, NULL, &p->runtimes[i]);
	json_close(j, ']');
}

static void put_gil(struct json *j, const struct py_gil *gil)
{
	if (gil->own >= 0)
		json_bool(j, "own_gil", gil->own);
	else
		json_null(j, "own_gil");
	if (gil->known)
		json_bool(j, "gil_held", gil->holder != 0);
	else
		json_null(j, "gil_held");
	json_number(j, "gil_holder", gil->thread && gil->thread->os ? gil->thread->os->tid : 0, 1);
}

static void json_interpreters(struct out *o, const struct python *p)
{
	struct json *j = json_writer(o);
	json_open(j, "interpreters", '[');
	for (size_t i = 0; i < p->n_interpreters; i++) {
		const struct py_interpreter *in = &p->interpreters[i];
		json_open(j, NULL, '{');
		json_int(j, "id", in->id);
		json_uint(j, "runtime", in->runtime);
		json_bool(j, "main", in->main);
		json_addr(j, "address", in->addr);
		if (in->gc_running >= 0)
			json_bool(j, "gc_running", in->gc_running);
		else
			json_null(j, "gc_running");
		put_gil(j, &in->gil);
		json_uint(j, "threads", in->n_threads);
		json_exception(o, p, "last_exception", in->last);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void json_modules(struct out *o, const struct target *t)
{
	struct json *j = json_writer(o);
	json_open(j, "modules", '[');
	for (size_t i = 0; i < t->n_images; i++) {
		const struct image *img = &t->images[i];
		json_open(j, NULL, '{');
		json_text(j, "path", img->path[0] ? img->path : NULL);
		json_addr(j, "start", image_start(img));
		json_addr(j, "end", image_end(img));
		put_build_id(j, img);
		json_text(j, "file", img->file_path);
		json_bool(j, "deleted", img->deleted);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_field(struct json *j, const struct layout *l, enum field f)
{
	const struct field_at *at = &l->field[f];
	json_open(j, field_name(f), '{');
	json_uint(j, "offset", at->offset);
	json_uint(j, "size", at->size);
	json_text(j, "source", layout_origin_name((enum layout_origin)at->origin));
	json_close(j, '}');
}

static void json_layouts(struct out *o, const struct python *p)
{
	struct json *j = json_writer(o);
	json_open(j, "layouts", '[');
	for (size_t i = 0; i < p->n_runtimes; i++) {
		json_open(j, NULL, '{');
		for (int f = 0; f < FIELD_COUNT; f++) {
			if (layout_has(&p->runtimes[i].layout, (enum field)f))
				put_field(j, &p->runtimes[i].layout, (enum field)f);
		}
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void json_problems(struct out *o, const struct problems *p)
{
	struct json *j = json_writer(o);
	json_open(j, "problems", '[');
	for (size_t i = 0; i < p->len; i++) {
		json_open(j, NULL, '{');
		json_text(j, "where", p->list[i].where);
		if (p->list[i].address)
			json_addr(j, "address", p->list[i].address);
		else
			json_null(j, "address");
		json_text(j, "why", p->list[i].why);
		json_bool(j, "damage", p->list[i].damage);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_uint(j, "problems_omitted", p->dropped);
}

static void json_finish(struct out *o)
{
	json_close(json_writer(o), '}');
}

static const struct out_ops json_ops = {
	.verdict = json_verdict,
	.process = json_process,
	.pythons = json_pythons,
	.interpreters = json_interpreters,
	.threads = json_threads,
	.globals = json_globals,
	.objects = json_objects,
	.survey = json_survey,
	.facts = json_facts,
	.modules = json_modules,
	.layouts = json_layouts,
	.problems = json_problems,
	.finish = json_finish,
};

struct out *out_json_open(FILE *file, const struct out_options *opt)
{
	struct out_json *o = xcalloc(1, sizeof(*o));
	out_init(&o->base, &json_ops, file, opt);
	o->j.to = &o->base.buf;
	json_open(&o->j, NULL, '{');
	json_text(&o->j, "schema", opt->schema);
	json_uint(&o->j, "schema_version", SCHEMA_VERSION);
	json_text(&o->j, "pycore", PYCORE_VERSION);
	return &o->base;
}
