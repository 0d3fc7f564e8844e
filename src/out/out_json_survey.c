/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of `pycore survey --json`; pycore-json(5) says what they mean. */
#include "out_json.h"

static void put_sums(struct json *j, const struct survey_sums *s, bool known)
{
	json_uint(j, "bytes", s->bytes);
	json_uint(j, "gc_header_bytes", s->header_bytes);
	json_uint(j, "owned_bytes", s->owned_bytes);
	if (known)
		json_uint(j, "sizeof_bytes", s->getsizeof);
	else
		json_null(j, "sizeof_bytes");
}

static void put_row(struct json *j, const struct survey_row *r)
{
	json_open(j, NULL, '{');
	if (r->type) {
		json_text(j, "type", r->type);
		json_text(j, "module", *r->module ? r->module : NULL);
	} else {
		json_text(j, "key", r->key);
	}
	json_uint(j, "count", r->sums.count);
	put_sums(j, &r->sums, r->getsizeof_known);
	json_open(j, "largest", '{');
	json_addr(j, "address", r->largest);
	json_uint(j, "bytes", r->largest_bytes);
	json_close(j, '}');
	json_close(j, '}');
}

static void put_memory(struct json *j, const char *key, const struct survey_memory *m)
{
	json_open(j, key, '{');
	json_text(j, "name", m->name);
	json_uint(j, "bytes", m->bytes);
	json_open(j, "children", '[');
	for (size_t i = 0; i < m->n; i++)
		put_memory(j, NULL, &m->children[i]);
	json_close(j, ']');
	json_close(j, '}');
}

static void put_checks(struct out *o, const struct survey *s)
{
	struct json *j = json_writer(o);
	json_open(j, "checks", '[');
	for (size_t i = 0; i < s->n_checks; i++) {
		const struct survey_check *c = &s->checks[i];
		json_open(j, NULL, '{');
		json_text(j, "name", c->name);
		json_uint(j, "expected", c->expected);
		json_uint(j, "found", c->found);
		json_bool(j, "ok", c->ok);
		json_close(j, '}');
		o->damage |= !c->ok;
	}
	json_close(j, ']');
}

void json_survey(struct out *o, const struct survey *s, size_t top)
{
	struct json *j = json_writer(o);
	(void)top; /* all rows, always */
	json_text(j, "by", survey_by_name(s->by));
	json_text(j, "match", s->match);
	json_bool(j, "lower_bound", s->lower_bound);
	json_open(j, "rows", '[');
	for (size_t i = 0; i < s->n_rows; i++) {
		put_row(j, &s->rows[i]);
		out_flush(o, false);
	}
	json_close(j, ']');
	json_open(j, "totals", '{');
	json_uint(j, "objects", s->totals.count);
	put_sums(j, &s->totals, true);
	json_close(j, '}');
	json_uint(j, "dead_objects", s->dead);
	put_memory(j, "memory", &s->memory);
	put_checks(o, s);
	o->damage |= s->lower_bound;
}
