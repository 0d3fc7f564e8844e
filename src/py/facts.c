/* SPDX-License-Identifier: Apache-2.0 */
/* Facts for a bug report: what the module sys of an interpreter holds (docs.python.org, "sys"). */
#include "facts.h"

#include "objects/repr.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"

#include <stdlib.h>
#include <string.h>

bool fact_step(struct fact_reader *r)
{
	if (!r->steps_left)
		return false;
	r->steps_left--;
	return true;
}

struct err fact_find(struct fact_reader *r, uint64_t dict, struct fact_name *names, size_t n)
{
	struct dict d;
	uint64_t key, value;
	size_t missing = n;
	TRY(dict_open(r->h, dict, &d));
	while (missing && dict_next(&d, &key, &value)) {
		if (!fact_step(r))
			return err_at(ERR_LIMIT, dict, "dict");
		for (size_t i = 0; i < n; i++) {
			if (names[i].value || !str_is(r->h, key, names[i].name))
				continue;
			names[i].value = value;
			missing--;
			break;
		}
	}
	return d.why;
}

bool fact_is_text(struct heap *h, uint64_t addr)
{
	struct py_object o;
	if (failed(object_open(h, addr, &o)))
		return false;
	bool bytes_are_text = h->rt->layout.row->text == TEXT_BYTES;
	return o.type->flags & TYPE_STR || (bytes_are_text && o.type->flags & TYPE_BYTES);
}

bool fact_text(struct fact_reader *r, uint64_t addr, struct py_text *ret)
{
	struct py_text text = { 0 };
	if (addr && !object_is_none(r->h, addr))
		str_text_of(r->h, addr, &text);
	if (text.len > r->text_left)
		return false;
	r->text_left -= text.len;
	*ret = text;
	return true;
}

void fact_optional_text(struct fact_reader *r, uint64_t addr, struct py_text *ret)
{
	if (addr && fact_is_text(r->h, addr))
		(void)fact_text(r, addr, ret);
}

void fact_add(struct fact_list *to, const struct py_release *release)
{
	if (to->len >= FACT_MODULES_MAX) {
		to->omitted++;
		return;
	}
	to->list = xgrow(to->list, &to->cap, to->len, sizeof(*to->list));
	to->list[to->len++] = *release;
}

void fact_keep(struct fact_reader *r, struct fact_list *l, struct py_releases *ret)
{
	size_t n = l->len * sizeof(*l->list);
	ret->known = true;
	ret->list = arena_alloc(&r->h->p->arena, n);
	if (n)
		memcpy(ret->list, l->list, n);
	ret->len = l->len;
	ret->omitted = l->omitted;
	free(l->list);
}

/* One of few: no room is an error like any other. */
static void read_text(struct fact_reader *r, uint64_t addr, struct py_text *ret)
{
	if (!fact_text(r, addr, ret))
		ret->why = err_at(ERR_LIMIT, addr, "str");
}

/* Bytes that have to be looked at to show an item of a list. */
static uint64_t cost_of(const struct py_object *o)
{
	enum { COST_OF_OTHERS = 64 * 1024 };
	struct chars c;
	struct octets b;
	if (o->type->flags & TYPE_STR && !failed(chars_open(o, &c)))
		return c.length > UINT32_MAX ? UINT64_MAX : c.length * c.kind;
	if (o->type->flags & TYPE_BYTES && !failed(octets_open(o, &b)))
		return b.length;
	return COST_OF_OTHERS;
}

/* As repr() shows it: programs put other things than text into these lists, too, and a text that is
 * redacted looks the same here as anywhere. */
static bool read_repr(struct fact_reader *r, uint64_t addr, bool redacted, struct py_text *ret)
{
	enum { NODES = 4 };
	struct python *p = r->h->p;
	AUTO_STR(text);
	struct value_limits limits = VALUES_SHORT;
	struct repr writer = { .h = r->h, .limits = &limits, .to = &text, .nodes_left = NODES };
	struct py_object o;
	limits.redact = redacted;
	struct err e = object_open(r->h, addr, &o);
	uint64_t cost = failed(e) ? 0 : cost_of(&o);
	if (cost > r->text_left)
		return false;
	r->text_left -= cost;
	repr_value(&writer, addr);
	*ret = (struct py_text){
		.bytes = arena_copy(&p->arena, str_text(&text), text.len), .len = text.len, .why = e
	};
	return true;
}

static bool read_word(struct fact_reader *r, uint64_t addr, bool redacted, struct py_text *ret)
{
	return redacted || !fact_is_text(r->h, addr) ? read_repr(r, addr, redacted, ret)
						     : fact_text(r, addr, ret);
}

static struct err read_words(
	struct fact_reader *r, uint64_t addr, bool redacted, struct py_words *ret)
{
	struct py_object o;
	struct sequence s;
	TRY(object_open(r->h, addr, &o));
	TRY(sequence_open(&o, &s));
	size_t n = s.length < FACT_WORDS_MAX ? (size_t)s.length : FACT_WORDS_MAX;
	ret->known = true;
	ret->list = arena_alloc(&r->h->p->arena, n * sizeof(*ret->list));
	for (; ret->len < n; ret->len++) {
		uint64_t item;
		TRY(sequence_item(&s, ret->len, &item));
		if (!read_word(r, item, redacted, &ret->list[ret->len]))
			break;
	}
	ret->omitted = (size_t)s.length - ret->len;
	return NO_ERR;
}

/* The list at addr, 0 where there is none. It has to be one; an error of a single word is in it. */
static void read_list(struct fact_reader *r, uint64_t addr, bool redacted, struct py_words *ret)
{
	if (addr)
		ret->why = read_words(r, addr, redacted, ret);
}

/* sys.implementation is a types.SimpleNamespace. */
static void read_implementation(struct fact_reader *r, uint64_t addr)
{
	struct py_object o;
	uint64_t name = 0, tag = 0;
	if (!addr)
		return;
	struct err e = object_open(r->h, addr, &o);
	if (!failed(e)) {
		(void)attribute_find(&o, "name", &name);
		(void)attribute_find(&o, "cache_tag", &tag);
	}
	read_text(r, name, &r->facts->implementation);
	read_text(r, tag, &r->facts->cache_tag);
	if (failed(e))
		r->facts->implementation.why = e;
}

static void read_sys(struct fact_reader *r, uint64_t sys)
{
	enum {
		VERSION,
		PLATFORM,
		EXECUTABLE,
		PREFIX,
		BASE,
		REAL,
		IMPLEMENTATION,
		ARGV,
		ORIG_ARGV,
		PATH,
		FLAGS,
		BUILTINS
	};
	struct fact_name names[] = { [VERSION] = { "version" },
		[PLATFORM] = { "platform" },
		[EXECUTABLE] = { "executable" },
		[PREFIX] = { "prefix" },
		[BASE] = { "base_prefix" },
		[REAL] = { "real_prefix" },
		[IMPLEMENTATION] = { "implementation" },
		[ARGV] = { "argv" },
		[ORIG_ARGV] = { "orig_argv" },
		[PATH] = { "path" },
		[FLAGS] = { "flags" },
		[BUILTINS] = { "builtin_module_names" } };
	struct py_facts *f = r->facts;
	bool redacted = r->h->p->options.limits.redact;
	f->version.why = fact_find(r, sys, names, ARRAY_LEN(names));
	if (names[VERSION].value)
		read_text(r, names[VERSION].value, &f->version);
	read_text(r, names[PLATFORM].value, &f->platform);
	read_text(r, names[EXECUTABLE].value, &f->executable);
	read_text(r, names[PREFIX].value, &f->prefix);
	read_text(r, names[BASE].value ? names[BASE].value : names[REAL].value, &f->base_prefix);
	read_implementation(r, names[IMPLEMENTATION].value);
	read_list(r, names[ARGV].value, redacted, &f->argv);
	read_list(r, names[ORIG_ARGV].value, redacted, &f->orig_argv);
	read_list(r, names[PATH].value, false, &f->path);
	if (names[FLAGS].value)
		fact_read_flags(r, names[FLAGS].value);
	fact_read_modules(r, names[BUILTINS].value);
	fact_read_distributions(r);
}

static const struct py_facts *read_facts(
	struct fact_reader *r, struct heap *h, const struct py_interpreter *in)
{
	uint64_t sys;
	r->h = h;
	r->interp = in->addr;
	r->facts = arena_alloc(&h->p->arena, sizeof(*r->facts));
	struct err e = py_field(h->rt, in->addr, FIELD_interp_sysdict, &sys);
	if (failed(e)) {
		r->facts->version.why = e;
		fact_read_modules(r, 0);
	} else {
		read_sys(r, sys);
	}
	return r->facts;
}

void py_read_facts(struct python *p)
{
	struct fact_reader r = { .steps_left = FACT_STEPS_MAX, .text_left = FACT_TEXT_MAX };
	for (size_t i = 0; i < p->n_interpreters; i++) {
		struct py_interpreter *in = &p->interpreters[i];
		in->facts = read_facts(&r, py_heap(p, &p->runtimes[in->runtime]), in);
	}
}

void python_read_facts(struct python *p)
{
	p->n_interpreters = p->n_threads = 0;
	py_forget_values(p);
	for (size_t i = 0; i < p->n_runtimes; i++)
		py_walk_interpreters(p, i);
	py_read_facts(p);
}

static struct err words_error(const struct py_words *w)
{
	TRY(w->why);
	for (size_t i = 0; i < w->len; i++)
		TRY(w->list[i].why);
	return NO_ERR;
}

static struct err releases_error(const struct py_releases *l)
{
	TRY(l->why);
	for (size_t i = 0; i < l->len; i++) {
		TRY(l->list[i].name.why);
		TRY(l->list[i].version.why);
	}
	return NO_ERR;
}

struct err py_facts_error(const struct py_facts *f)
{
	const struct py_text *const texts[] = { &f->version, &f->platform, &f->executable,
		&f->implementation, &f->cache_tag, &f->prefix, &f->base_prefix };
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		TRY(texts[i]->why);
	TRY(words_error(&f->argv));
	TRY(words_error(&f->orig_argv));
	TRY(words_error(&f->path));
	TRY(f->flags.why);
	TRY(f->modules_why);
	TRY(releases_error(&f->versions));
	return releases_error(&f->distributions);
}
