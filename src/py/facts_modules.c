/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sys.modules tells of what is installed. Shared libraries are known by their __file__, where
 * that was removed by the origin in their __spec__ (3.4 on); compiled-in modules by
 * sys.builtin_module_names; versions by __version__, which most distributions' modules have by
 * custom.
 */
#include "facts.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"

#include <string.h>

struct module_reader {
	struct fact_reader *r;
	struct py_text *builtins;
	size_t n_builtins;
	struct py_text stdlib; /* the folder of the standard library, with the slash behind it */
	struct py_extension *extensions;
	size_t cap_extensions;
	struct fact_list versions;
};

static bool same_text(const struct py_text *a, const struct py_text *b)
{
	return a->bytes && b->bytes && a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

/* The names of what is compiled into Python. */
static void read_builtins(struct module_reader *m, uint64_t addr)
{
	struct fact_reader *r = m->r;
	struct py_object o;
	struct sequence s;
	uint64_t item;
	if (!addr || failed(object_open(r->h, addr, &o)) || failed(sequence_open(&o, &s)))
		return;
	size_t n = s.length < FACT_BUILTINS_MAX ? (size_t)s.length : FACT_BUILTINS_MAX;
	m->builtins = arena_alloc(&r->h->p->arena, n * sizeof(*m->builtins));
	for (; m->n_builtins < n; m->n_builtins++) {
		if (failed(sequence_item(&s, m->n_builtins, &item)) ||
			!fact_text(r, item, &m->builtins[m->n_builtins]))
			break;
	}
}

static bool is_builtin(const struct module_reader *m, const struct py_text *name)
{
	for (size_t i = 0; i < m->n_builtins; i++) {
		if (same_text(name, &m->builtins[i]))
			return true;
	}
	return false;
}

static bool ends_with(const struct py_text *text, const char *end)
{
	size_t n = strlen(end);
	return text->bytes && text->len >= n && !memcmp(text->bytes + text->len - n, end, n);
}

static bool starts_with(const char *bytes, size_t len, const char *start, size_t n)
{
	return len >= n && !memcmp(bytes, start, n);
}

/* Whether a file belongs to the standard library. Other packages often lie in a folder of its
 * folder. */
static bool is_stdlib(const struct module_reader *m, const struct py_text *path)
{
	static const char *const others[] = { "site-packages/", "dist-packages/" };
	const struct py_text *lib = &m->stdlib;
	if (!lib->bytes || !path->bytes ||
		!starts_with(path->bytes, path->len, lib->bytes, lib->len))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (starts_with(path->bytes + lib->len, path->len - lib->len, others[i],
			    strlen(others[i])))
			return false;
	}
	return true;
}

/* The folder that the module os was loaded from. */
static void find_stdlib(struct module_reader *m)
{
	uint64_t file;
	struct py_text path = { 0 };
	if (!module_find(m->r->h, m->r->interp, "os", "__file__", &file) ||
		!fact_text(m->r, file, &path) || !path.bytes)
		return;
	const char *slash = memrchr(path.bytes, '/', path.len);
	if (!slash)
		return;
	path.len = (size_t)(slash + 1 - path.bytes);
	m->stdlib = path;
}

/* What of a module matters. */
struct module_fact {
	struct py_text name, path, version;
};

/* The origin in its __spec__, which for a file is its path. */
static uint64_t find_origin(struct fact_reader *r, uint64_t dict)
{
	struct fact_name spec = { "__spec__" };
	struct py_object o;
	uint64_t origin;
	if (failed(fact_find(r, dict, &spec, 1)) || !spec.value ||
		object_is_none(r->h, spec.value) || failed(object_open(r->h, spec.value, &o)) ||
		!attribute_find(&o, "origin", &origin))
		return 0;
	return origin;
}

/* ERR_ABSENT: it is no module, as programs may put anything into sys.modules. */
static struct err read_module(struct fact_reader *r, uint64_t addr, struct module_fact *ret)
{
	struct py_object o;
	uint64_t dict;
	struct fact_name names[] = { { "__file__" }, { "__version__" } };
	bool top = !memchr(ret->name.bytes, '.', ret->name.len);
	TRY(object_open(r->h, addr, &o));
	if (!type_is(o.type, "module"))
		return err_of(ERR_ABSENT, "module");
	TRY(object_get(&o, FIELD_module_dict, &dict));
	TRY(fact_find(r, dict, names, top ? 2 : 1));
	if (!names[0].value)
		names[0].value = find_origin(r, dict);
	fact_optional_text(r, names[0].value, &ret->path);
	fact_optional_text(r, names[1].value, &ret->version);
	return NO_ERR;
}

static void add_extension(struct module_reader *m, const struct module_fact *fact)
{
	struct py_facts *f = m->r->facts;
	if (f->n_extensions >= FACT_MODULES_MAX) {
		f->extensions_omitted++;
		return;
	}
	m->extensions =
		xgrow(m->extensions, &m->cap_extensions, f->n_extensions, sizeof(*m->extensions));
	m->extensions[f->n_extensions++] = (struct py_extension){
		.name = fact->name, .path = fact->path, .stdlib = is_stdlib(m, &fact->path)
	};
}

static struct err add_module(struct module_reader *m, const struct py_text *name, uint64_t addr)
{
	struct module_fact fact = { .name = *name };
	struct err e = read_module(m->r, addr, &fact);
	if (e.code == ERR_ABSENT)
		return NO_ERR;
	m->r->facts->modules++;
	TRY(e);
	if (is_builtin(m, name)) {
		m->r->facts->builtin_modules++;
		return NO_ERR;
	}
	if (ends_with(&fact.path, ".so"))
		add_extension(m, &fact);
	if (fact.version.bytes && !is_stdlib(m, &fact.path))
		fact_add(&m->versions,
			&(struct py_release){ .name = *name, .version = fact.version });
	return NO_ERR;
}

static struct err walk_modules(struct module_reader *m)
{
	struct fact_reader *r = m->r;
	struct dict d;
	uint64_t modules, key, value;
	struct err first = NO_ERR;
	TRY(py_field(r->h->rt, r->interp, FIELD_interp_modules, &modules));
	TRY(dict_open(r->h, modules, &d));
	while (dict_next(&d, &key, &value)) {
		struct py_text name = { 0 };
		if (!fact_step(r) || !fact_text(r, key, &name))
			return err_at(ERR_LIMIT, modules, "sys.modules");
		struct err e = name.bytes ? add_module(m, &name, value) : name.why;
		if (failed(e) && !failed(first))
			first = e;
	}
	return failed(d.why) ? d.why : first;
}

void fact_read_modules(struct fact_reader *r, uint64_t builtin_names)
{
	struct module_reader m = { .r = r };
	struct py_facts *f = r->facts;
	find_stdlib(&m);
	read_builtins(&m, builtin_names);
	f->modules_why = walk_modules(&m);
	size_t n = f->n_extensions * sizeof(*m.extensions);
	f->extensions = arena_alloc(&r->h->p->arena, n);
	if (n)
		memcpy(f->extensions, m.extensions, n);
	free(m.extensions);
	fact_keep(r, &m.versions, &f->versions);
}
