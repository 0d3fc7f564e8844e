/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the Pythons of a process, in layers: names first (dynamic symbols, then sections and
 * .symtab of the file), then what memory shows by itself. Every candidate is proven before it
 * counts, so a second mapping of the same file, or a libpython that is loaded but not initialised,
 * misleads nobody.
 */
#include "py_internal.h"

#include "pycore/limits.h"
#include "pycore/log.h"

#include <inttypes.h>
#include <string.h>

/* Adds a sentence on what was found, once: "Python 3.8 in /usr/lib/libpython3.8.so.1.0: it holds no
 * interpreter". */
static void say(struct python *p, const struct image *img, const char *version, const char *what)
{
	AUTO_STR(text);
	if (version[0])
		str_addf(&text, "Python %s in ", version);
	str_addf(&text, "%s: %s", img && img->path[0] ? img->path : "an unnamed module", what);
	if (strstr(str_text(&p->why), str_text(&text)))
		return;
	str_addf(&p->why, "%s%s", p->why.len ? "; " : "", str_text(&text));
}

/* Static variables of 2.7 and 3.6 that only .symtab names. */
static void find_statics(struct python *p, struct py_runtime *rt)
{
	enum { HEAD, MAIN_THREAD, COLLECTING, GIL_COND, LOCK, COUNT };
	static const char *const names[COUNT] = {
		[HEAD] = "interp_head",
		[MAIN_THREAD] = "main_thread",
		[COLLECTING] = "collecting",
		[GIL_COND] = "gil_cond",
		[LOCK] = "interpreter_lock",
	};
	struct image_symbol found[COUNT] = { 0 };
	if (rt->image && !failed(target_need_file(rt->target, rt->image)))
		image_symtab(rt->image, names, COUNT, found);
	rt->addr = found[HEAD].addr ? found[HEAD].addr : rt->addr;
	rt->var_main_thread = found[MAIN_THREAD].addr;
	rt->var_collecting = found[COLLECTING].addr;
	if (rt->layout.row->gil == GIL_STATICS && found[GIL_COND].addr) {
		rt->gil_start = found[GIL_COND].addr;
		rt->gil_end = rt->gil_start + found[GIL_COND].size;
	}
	rt->var_lock = found[LOCK].addr;
	if (!rt->addr)
		rt->addr = py_scan_image(p, rt);
}

static void find_names(struct python *p, struct py_runtime *rt)
{
	struct image_symbol sym;
	if (rt->image && !failed(image_dynsym(rt->image, rt->mem, "PyCode_Type", &sym)))
		rt->code_type = sym.addr;
	if (rt->layout.row->roots != ROOTS_STATICS)
		return;
	if (rt->image && !failed(image_dynsym(rt->image, rt->mem, "_PyThreadState_Current", &sym)))
		rt->var_current = sym.addr;
	find_statics(p, rt);
}

/* Fields from better sources than the row: the target's own table, and where no run has proven the
 * row, DWARF. */
static void better_fields(struct py_runtime *rt)
{
	uint8_t block[DEBUG_OFFSETS_MAX];
	size_t size = debug_offsets_size(rt->layout.key.version);
	if (size && size <= sizeof(block) && rt->addr &&
		!failed(mem_read(rt->mem, rt->addr, block, size))) {
		struct err e = layout_merge_debug_offsets(&rt->layout, block, size);
		if (failed(e))
			log_debug("debug offsets at 0x%" PRIx64 ": not used: %s", rt->addr, e.what);
	}
	bool doubtful = rt->layout.assumed || rt->layout.guess;
	if (doubtful && rt->image && !failed(target_need_file(rt->target, rt->image)) &&
		file_map_unshare(&rt->image->file)) {
		struct err e = layout_merge_dwarf(
			&rt->layout, rt->image->file.bytes, rt->image->file.size, true);
		log_debug("%s: DWARF: %s", rt->image->path, failed(e) ? e.what : "used");
		if (!failed(e) && !rt->layout.guess && rt->micro_known)
			rt->layout.assumed = false; /* the build itself has proven its row */
	}
}

static bool known_already(const struct python *p, const struct py_runtime *rt)
{
	uint64_t a, b;
	if (failed(py_first_interpreter(rt, &a)))
		return false;
	for (size_t i = 0; i < p->n_runtimes; i++) {
		if (!failed(py_first_interpreter(&p->runtimes[i], &b)) && a == b)
			return true;
	}
	return false;
}

static bool holds_none(const struct py_runtime *rt)
{
	uint64_t first;
	return !failed(py_first_interpreter(rt, &first)) && !first;
}

/* What was read of a version that nobody has tried is not to be taken for complete. */
static void note_guess(struct python *p, const struct py_runtime *rt)
{
	AUTO_STR(known);
	AUTO_FREE char *where = xasprintf("Python %s", rt->version);
	layout_known(&rt->layout.key, &known);
	problems_damagef(&p->target->problems, where,
		"known versions are %s: this one is a guess, read by what it says of itself and "
		"the "
		"layout of %s",
		str_text(&known), rt->layout.row->name);
}

/* Why one that is newer than all tables was not read. */
static void say_unknown(const struct py_runtime *rt, struct str *why)
{
	if (!layout_has(&rt->layout, FIELD_runtime_interpreters_head)) {
		str_clear(why);
		str_puts(why, "it states no offsets of its own, and its file has no debug "
			      "information that tells them");
	}
	str_puts(why, "; this version is newer than those that are known: ");
	layout_known(&rt->layout.key, why);
}

bool py_add_candidate(struct python *p, struct image *img, uint64_t addr, enum found_by by)
{
	struct py_runtime rt = { .target = p->target,
		.mem = p->target->mem,
		.image = img,
		.addr = addr,
		.found_by = by };
	struct py_version v;
	if (p->n_runtimes >= RUNTIMES_MAX)
		return false;
	if (!py_version_find(p, img, addr, &v)) {
		say(p, img, "", "looks like Python, but does not tell its version");
		return false;
	}
	memcpy(rt.version, v.text, sizeof(rt.version));
	rt.micro_known = v.micro_known;
	struct err e = layout_pick(&v.key, true, &rt.layout);
	if (failed(e)) {
		AUTO_STR(known);
		layout_known(&v.key, &known);
		p->unknown_version = true;
		AUTO_STR(text);
		str_addf(&text, "%s is not one that pycore reads; known are %s", e.what,
			str_text(&known));
		say(p, img, v.text, str_text(&text));
		return false;
	}
	rt.layout.assumed |= !v.micro_known;
	better_fields(&rt);
	find_names(p, &rt);
	AUTO_STR(why);
	if (known_already(p, &rt))
		return false;
	if (!py_runtime_proven(&rt, &why)) {
		p->idle |= !rt.layout.guess && holds_none(&rt);
		if (rt.layout.guess) {
			p->unknown_version = true;
			say_unknown(&rt, &why);
		}
		say(p, img, v.text, str_text(&why));
		return false;
	}
	p->runtimes = xgrow(p->runtimes, &p->cap_runtimes, p->n_runtimes, sizeof(*p->runtimes));
	p->runtimes[p->n_runtimes++] = rt;
	if (rt.layout.guess)
		note_guess(p, &rt);
	return true;
}

/* By name of the file, whether it is worth looking at first. */
static bool is_likely(const struct target *t, const struct image *img)
{
	return img == t->exe || strstr(image_name(img), "python");
}

static void try_symbols(struct python *p, struct image *img)
{
	struct mem *mem = p->target->mem;
	struct image_symbol sym;
	if (!failed(image_dynsym(img, mem, "_PyRuntime", &sym)))
		py_add_candidate(p, img, sym.addr, FOUND_BY_SYMBOL);
	else if (!failed(image_dynsym(img, mem, "_PyThreadState_Current", &sym)))
		py_add_candidate(p, img, 0, FOUND_BY_SYMBOL);
}

/* Where the dynamic symbols do not tell, the file may. */
static void try_file(struct python *p, struct image *img)
{
	static const char *const names[] = { "_PyRuntime", "_PyThreadState_Current" };
	struct image_symbol sym, found[2];
	if (failed(target_need_file(p->target, img)))
		return;
	if (!failed(image_section(img, ".PyRuntime", &sym))) {
		py_add_candidate(p, img, sym.addr, FOUND_BY_SECTION);
		return;
	}
	image_symtab(img, names, 2, found);
	if (found[0].addr || found[1].addr)
		py_add_candidate(p, img, found[0].addr, FOUND_BY_SYMBOL);
}

static void try_images(struct python *p, bool likely, void try(struct python *, struct image *))
{
	for (size_t i = 0; i < p->target->n_images; i++) {
		struct image *img = &p->target->images[i];
		if (is_likely(p->target, img) == likely &&
			!failed(image_probe(img, p->target->mem)))
			try(p, img);
	}
}

static void search(struct python *p)
{
	p->idle = false;
	try_images(p, true, try_symbols);
	if (!p->n_runtimes)
		try_images(p, false, try_symbols);
	if (!p->n_runtimes)
		try_images(p, true, try_file);
	if (!p->n_runtimes)
		py_scan_cookies(p);
	if (!p->n_runtimes)
		py_scan_interpreters(p);
	/* these go by the layout of any image, also one that only its name says is Python; of one
	 * that was shut down the thread states are still there, but freed */
	if (!p->n_runtimes && !p->unknown_version && !p->idle)
		py_find_orphans(p);
}

enum { FIND_TRIES = 8 };

struct err python_find(struct target *t, struct python **ret)
{
	struct python *p = xcalloc(1, sizeof(*p));
	p->target = t;
	*ret = p;
	search(p);
	/* what was half made or half gone when it was read, in a running process, is whole the next
	 * time */
	for (int i = 1; !p->n_runtimes && p->why.len && t->kind == TARGET_LIVE && i < FIND_TRIES;
		i++) {
		str_clear(&p->why);
		target_forget(t);
		search(p);
	}
	log_debug("python: %zu runtimes; %s", p->n_runtimes, str_text(&p->why));
	if (p->n_runtimes) {
		py_find_known(p);
		return NO_ERR;
	}
	if (p->why.len && t->kind == TARGET_LIVE && !p->unknown_version)
		str_puts(&p->why, "; try again, if it runs");
	py_say_why_none(p);
	return err_of(ERR_ABSENT, "Python");
}

void python_walk(struct python *p)
{
	p->n_interpreters = p->n_threads = 0;
	py_forget_values(p);
	py_watch_begin(p);
	for (size_t i = 0; i < p->n_runtimes; i++)
		py_walk_interpreters(p, i);
	for (size_t i = 0; i < p->n_interpreters; i++)
		py_list_threads(p, i);
	py_identify_threads(p);
	py_walk_all_frames(p);
	py_settle_threads(p);
	py_name_threads(p);
	py_read_exceptions(p);
	py_read_fatal(p);
	if (p->options.globals)
		py_read_globals(p);
	py_read_linecache(p);
	py_watch_end(p);
	if (p->options.locals || p->options.globals)
		py_note_lost_names(p);
}

bool python_torn(const struct python *p)
{
	for (size_t i = 0; i < p->n_threads; i++) {
		if (p->threads[i].torn)
			return true;
	}
	return false;
}

void python_fini(struct python *p)
{
	py_free_heaps(p);
	arena_fini(&p->arena);
	hash_fini(&p->codes);
	hash_fini(&p->place_of);
	hash_fini(&p->resting);
	free(p->runtimes);
	free(p->interpreters);
	free(p->threads);
	str_fini(&p->why);
	*p = (struct python){ 0 };
}

void python_free(struct python *p)
{
	if (p)
		python_fini(p);
	free(p);
}
