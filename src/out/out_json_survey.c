/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of `pycore survey --json`; pycore-json(5) says what they mean. */
#include "out_json.h"

#include "pycore/alloc.h"

#include <string.h>

static void put_sums(struct json *j, const struct survey_sums *s, bool known)
{
	json_uint(j, "bytes", s->bytes);
	json_uint(j, "gc_header_bytes", s->header_bytes);
	json_uint(j, "owned_bytes", s->owned_bytes);
	json_number(j, "sizeof_bytes", known ? (int64_t)s->getsizeof : -1, 0);
}

static void put_objects(
	struct out *o, const char *key, const struct py_described *const *list, size_t n)
{
	struct json *j = json_writer(o);
	json_open(j, key, '[');
	for (size_t i = 0; i < n; i++)
		json_object(o, list[i]);
	json_close(j, ']');
}

static void put_row(struct out *o, const struct survey_row *r)
{
	struct json *j = json_writer(o);
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
	put_objects(o, "samples", r->samples, r->n_samples);
	put_objects(o, "biggest", r->biggest, r->n_biggest);
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

/* What it is for, in figures that come to as much as the tree; null where only some types were
 * counted. */
static void put_uses(struct json *j, const struct survey *s)
{
	if (!s->uses_known) {
		json_null(j, "uses");
		return;
	}
	json_open(j, "uses", '[');
	for (enum survey_use use = 0; use < SURVEY_USES; use++) {
		json_open(j, NULL, '{');
		json_text(j, "name", survey_use_name(use));
		json_uint(j, "bytes", s->uses[use]);
		json_close(j, '}');
	}
	json_close(j, ']');
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

static void put_class(struct json *j, const struct heap_class *c)
{
	json_open(j, NULL, '{');
	json_uint(j, "size", c->size);
	json_uint(j, "pools", c->pools);
	json_uint(j, "used", c->used);
	json_uint(j, "free", c->free);
	json_close(j, '}');
}

static void put_free_lists(struct json *j, const struct survey *s)
{
	if (!s->free_lists_known) {
		json_null(j, "free_lists");
		return;
	}
	json_open(j, "free_lists", '[');
	for (size_t i = 0; i < s->n_free_lists; i++) {
		const struct heap_free_list *f = &s->free_lists[i];
		json_open(j, NULL, '{');
		json_text(j, "name", f->name);
		json_uint(j, "count", f->count);
		json_uint(j, "bytes", f->bytes);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_chunks(struct json *j, const struct heap_chunks *c)
{
	json_open(j, "malloc_sizes", '[');
	for (size_t i = 0; i < ARRAY_LEN(c->sizes); i++) {
		const struct heap_chunk_sizes *k = &c->sizes[i];
		if (!k->used && !k->free)
			continue;
		json_open(j, NULL, '{');
		json_uint(j, "least", i ? UINT64_C(1) << (i - 1) : 0);
		json_uint(j, "used", k->used);
		json_uint(j, "used_bytes", k->used_bytes);
		json_uint(j, "free", k->free);
		json_uint(j, "free_bytes", k->free_bytes);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_pages(struct json *j, const struct heap_pages *p)
{
	if (!p->segments) {
		json_null(j, "mimalloc");
		return;
	}
	json_open(j, "mimalloc", '{');
	json_uint(j, "segments", p->segments);
	json_uint(j, "segment_bytes", p->segment_bytes);
	json_uint(j, "reserved_bytes", p->reserved_bytes);
	json_uint(j, "pages_used", p->used);
	json_uint(j, "pages_free", p->free);
	json_uint(j, "pages_abandoned", p->abandoned);
	json_uint(j, "pages_torn", p->torn);
	json_uint(j, "pages_missing", p->lost);
	json_uint(j, "blocks_used", p->blocks);
	json_uint(j, "blocks_to_free", p->freed);
	json_uint(j, "free_block_bytes", p->free_bytes);
	json_open(j, "heaps", '[');
	for (unsigned i = 0; i < PAGE_HEAPS; i++) {
		const struct heap_page_kind *k = &p->kinds[i];
		json_open(j, NULL, '{');
		json_text(j, "name", heap_page_kind_name(i));
		json_uint(j, "pages", k->pages);
		json_uint(j, "page_bytes", k->page_bytes);
		json_uint(j, "blocks", k->used);
		json_uint(j, "block_bytes", k->used_bytes);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_close(j, '}');
}

static void put_allocators(struct json *j, const struct survey *s)
{
	const struct heap_pools *p = &s->pools;
	json_open(j, "allocators", '{');
	json_uint(j, "arenas", p->arenas);
	json_uint(j, "arena_bytes", p->arena_bytes);
	json_open(j, "arenas_by_tenths_used", '[');
	for (size_t i = 0; i < ARRAY_LEN(p->by_use); i++)
		json_uint(j, NULL, p->by_use[i]);
	json_close(j, ']');
	json_uint(j, "pinned_arenas", p->by_use[0]);
	json_uint(j, "pinned_bytes", p->arenas ? p->arena_bytes / p->arenas * p->by_use[0] : 0);
	json_uint(j, "pools_used", p->used);
	json_uint(j, "pools_free", p->free);
	json_uint(j, "pools_unused", p->virgin);
	json_uint(j, "pools_torn", p->torn);
	json_uint(j, "pools_missing", p->lost);
	json_uint(j, "blocks_used", p->blocks);
	json_uint(j, "free_block_bytes", p->free_bytes);
	json_open(j, "size_classes", '[');
	for (size_t i = 0; i < POOL_CLASSES; i++) {
		if (p->classes[i].pools)
			put_class(j, &p->classes[i]);
	}
	json_close(j, ']');
	bool known = s->chunks.used_bytes || s->chunks.free_bytes;
	json_number(j, "malloc_used_bytes", known ? (int64_t)s->chunks.used_bytes : -1, 0);
	json_number(j, "malloc_free_bytes", known ? (int64_t)s->chunks.free_bytes : -1, 0);
	json_number(j, "malloc_largest_free", known ? (int64_t)s->chunks.largest_free : -1, 0);
	put_chunks(j, &s->chunks);
	put_pages(j, &s->pages);
	put_free_lists(j, s);
	json_close(j, '}');
}

static void put_change(struct json *j, const struct survey_change *c)
{
	json_open(j, NULL, '{');
	if (c->type) {
		json_text(j, "type", c->type);
		json_text(j, "module", *c->module ? c->module : NULL);
	} else {
		json_text(j, "key", c->key);
	}
	json_uint(j, "count_before", c->before.count);
	json_uint(j, "count_after", c->after.count);
	json_uint(j, "bytes_before", c->before.bytes + c->before.header_bytes);
	json_uint(j, "bytes_after", c->after.bytes + c->after.header_bytes);
	json_uint(j, "owned_bytes_before", c->before.owned_bytes);
	json_uint(j, "owned_bytes_after", c->after.owned_bytes);
	json_close(j, '}');
}

static void put_diff(struct out *o, const struct survey_view *view)
{
	struct json *j = json_writer(o);
	json_text(j, "before", view->diff ? view->before : NULL);
	json_open(j, "changes", '[');
	for (size_t i = 0; view->diff && i < view->diff->n_rows; i++) {
		put_change(j, &view->diff->rows[i]);
		out_flush(o, false);
	}
	json_close(j, ']');
}

/* A document that was saved, with a comparison of its own. */
static void put_saved(struct out *o, const struct survey *s, const struct survey_view *view)
{
	const struct survey_saved *saved = s->saved;
	for (size_t i = 0; i < saved->n_parts; i++) {
		AUTO_STR(key);
		out_escape_json(&key, saved->parts[i].key, strlen(saved->parts[i].key));
		json_raw(json_writer(o), str_text(&key), saved->parts[i].json);
		out_flush(o, false);
	}
	put_diff(o, view);
	o->damage |= saved->damage;
}

void json_survey(struct out *o, const struct survey *s, const struct survey_view *view)
{
	struct json *j = json_writer(o);
	if (s->saved) {
		put_saved(o, s, view);
		return;
	}
	json_uint(j, "runtime", view->runtime);
	json_text(j, "by", survey_by_name(s->by));
	json_text(j, "match", s->match);
	json_bool(j, "lower_bound", s->lower_bound);
	json_open(j, "rows", '[');
	for (size_t i = 0; i < s->n_rows; i++) {
		put_row(o, &s->rows[i]);
		out_flush(o, false);
	}
	json_close(j, ']');
	json_open(j, "totals", '{');
	json_uint(j, "objects", s->totals.count);
	put_sums(j, &s->totals, true);
	json_close(j, '}');
	put_diff(o, view);
	json_uint(j, "dead_objects", s->dead);
	put_memory(j, "memory", &s->memory);
	put_uses(j, s);
	put_allocators(j, s);
	put_checks(o, s);
	o->damage |= s->damaged;
}
