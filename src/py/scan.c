/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runtimes without a name, found by what they are. 3.13 on: _PyRuntime begins with a cookie; the
 * same bytes also stand as a constant in read-only data, so only writable memory is searched.
 * Before: a word W in writable data that leads to an interpreter: its first thread state points
 * back to W, its modules are a dict, and that thread has a pthread_t. The lowest such word of an
 * image, with the main interpreter where it must be beside it, is the head of the list of
 * interpreters.
 */
#include "py_internal.h"

#include "pycore/limits.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK = 64 * 1024 };

bool py_may_scan(struct python *p, uint64_t bytes)
{
	if (bytes > SCAN_BYTES_MAX || bytes > SCAN_TOTAL_MAX - p->scanned)
		return false;
	p->scanned += bytes;
	return true;
}

bool py_see_range(struct python *p, uint64_t start, uint64_t end, py_see_fn *see, void *ctx)
{
	struct mem *mem = p->target->mem;
	if (!py_may_scan(p, end - start))
		return false;
	AUTO_FREE uint8_t *copy = xmalloc(CHUNK);
	/* so that 8 bytes that are aligned as a word stand whole in one piece */
	unsigned overlap = mem->ptr_size < 8 ? 8 - mem->ptr_size : 0;
	for (uint64_t at = start; at < end;) {
		size_t n = end - at < CHUNK ? end - at : CHUNK;
		const uint8_t *bytes = mem_view(mem, at, n);
		if (!bytes && !failed(mem_read(mem, at, copy, n)))
			bytes = copy;
		if (bytes && see(ctx, bytes, at, n))
			return true;
		at += at + n < end ? n - overlap : n;
	}
	return false;
}

bool py_see_stack(struct python *p, const struct os_thread *os, py_see_fn *see, void *ctx)
{
	struct mem *mem = p->target->mem;
	struct mem_range r;
	if (!os->regs.has_sp || !mem_range_at(mem, os->regs.sp, &r))
		return false;
	uint64_t start = os->regs.sp / mem->ptr_size * mem->ptr_size, end = r.end;
	if (end - start > STACK_SEARCH_MAX)
		end = start + STACK_SEARCH_MAX;
	return py_see_range(p, start, end, see, ctx);
}

/* The writable segments of an image, .bss included. */
static bool see_image_data(struct python *py, const struct image *img, py_see_fn *see, void *ctx)
{
	for (size_t i = 0; i < img->n_phdrs; i++) {
		const struct elf_phdr *p = &img->phdrs[i];
		uint64_t start = (img->bias + p->vaddr) & ~UINT64_C(7);
		if (p->type == PT_LOAD && p->flags & PF_W &&
			py_see_range(py, start, img->bias + p->vaddr + p->memsz, see, ctx))
			return true;
	}
	return false;
}

static bool see_cookie(void *ctx, const uint8_t *bytes, uint64_t addr, size_t n)
{
	struct python *p = ctx;
	for (size_t i = 0; i + 8 <= n; i += p->target->mem->ptr_size) {
		if (!memcmp(bytes + i, DEBUG_OFFSETS_COOKIE, 8))
			py_add_candidate(
				p, target_image_at(p->target, addr + i), addr + i, FOUND_BY_COOKIE);
	}
	return p->n_runtimes >= RUNTIMES_MAX;
}

void py_scan_cookies(struct python *p)
{
	struct mem *mem = p->target->mem;
	struct mem_range r;
	for (uint64_t at = 0; mem_next_range(mem, at, &r) && r.end > at; at = r.end) {
		if (r.perm & MEM_WRITE && r.readable &&
			py_see_range(p, r.start, r.end, see_cookie, p))
			return;
	}
}

/* One search for words that lead to an interpreter. */
struct interpreter_search {
	struct py_runtime *rt;
	uint64_t last_word; /* looked at before */
	bool last_leads; /* and what was found */
	uint64_t hit; /* where the word stands */
};

/* Bits of tp_flags (Include/object.h); unlike a type's name they stand in writable memory, so every
 * core holds them. */
enum { TPFLAGS_DICT_SUBCLASS = 29, TPFLAGS_TYPE_SUBCLASS = 31 };

static bool has_flag(const struct py_runtime *rt, uint64_t type, unsigned bit)
{
	uint64_t flags;
	return !failed(py_field(rt, type, FIELD_type_flags, &flags)) && flags >> bit & 1;
}

/* Its type is a type of dicts, and that one's type a type of types. */
static bool is_dict(const struct py_runtime *rt, uint64_t object)
{
	uint64_t type, meta;
	return !failed(py_field(rt, object, FIELD_object_type, &type)) &&
	       has_flag(rt, type, TPFLAGS_DICT_SUBCLASS) &&
	       !failed(py_field(rt, type, FIELD_object_type, &meta)) &&
	       has_flag(rt, meta, TPFLAGS_TYPE_SUBCLASS);
}

/* Its number is small, and its list goes on to something or ends. */
static bool listed(const struct py_runtime *rt, uint64_t interp)
{
	uint64_t next, id;
	return (failed(py_field(rt, interp, FIELD_interp_id, &id)) || id <= UINT32_MAX) &&
	       !failed(py_field(rt, interp, FIELD_interp_next, &next)) &&
	       (!next || py_plausible(rt, next));
}

static bool leads_to_interpreter(const struct py_runtime *rt, uint64_t interp)
{
	uint64_t tstate, back, modules, thread_id;
	return !failed(py_field(rt, interp, FIELD_interp_threads_head, &tstate)) &&
	       tstate % rt->layout.key.ptr_size == 0 &&
	       !failed(py_field(rt, tstate, FIELD_tstate_interp, &back)) && back == interp &&
	       !failed(py_field(rt, tstate, FIELD_tstate_thread_id, &thread_id)) &&
	       thread_id > 4096 && listed(rt, interp) &&
	       !failed(py_field(rt, interp, FIELD_interp_modules, &modules)) &&
	       is_dict(rt, modules);
}

/* Other words than the head of the list lead to an interpreter as well; only beside the head stands
 * the main one. */
static bool is_head(const struct py_runtime *rt, uint64_t addr)
{
	uint64_t main;
	if (rt->layout.row->roots != ROOTS_RUNTIME ||
		!layout_has(&rt->layout, FIELD_runtime_interpreters_main))
		return true;
	uint64_t runtime = addr - rt->layout.field[FIELD_runtime_interpreters_head].offset;
	return !failed(py_field(rt, runtime, FIELD_runtime_interpreters_main, &main)) &&
	       leads_to_interpreter(rt, main);
}

static bool see_interpreter(void *ctx, const uint8_t *bytes, uint64_t addr, size_t n)
{
	struct interpreter_search *s = ctx;
	unsigned word = s->rt->layout.key.ptr_size;
	for (size_t i = 0; i + word <= n; i += word) {
		uint64_t w = bytes_uint(bytes + i, word, s->rt->mem->order);
		if (w < 4096 || w % word)
			continue;
		s->last_leads = w == s->last_word ? s->last_leads : leads_to_interpreter(s->rt, w);
		s->last_word = w;
		if (s->last_leads && is_head(s->rt, addr + i)) {
			s->hit = addr + i;
			return true;
		}
	}
	return false;
}

uint64_t py_scan_image(struct python *p, struct py_runtime *rt)
{
	struct interpreter_search s = { .rt = rt };
	if (rt->image)
		see_image_data(p, rt->image, see_interpreter, &s);
	return s.hit;
}

/* Searches for interpreters of one layout where they can be. */
static void search_with(struct python *p, struct image *img, const struct layout *l)
{
	struct py_runtime rt = {
		.target = p->target, .mem = p->target->mem, .image = img, .layout = *l
	};
	struct interpreter_search s = { .rt = &rt };
	struct mem_range r;
	if (img)
		see_image_data(p, img, see_interpreter, &s);
	for (uint64_t at = 0; !img && !s.hit && mem_next_range(rt.mem, at, &r) && r.end > at;
		at = r.end) {
		if (r.perm & MEM_WRITE && r.readable)
			py_see_range(p, r.start, r.end, see_interpreter, &s);
	}
	if (!s.hit)
		return;
	bool in_runtime = l->row->roots == ROOTS_RUNTIME;
	py_add_candidate(p, img,
		s.hit - (in_runtime ? l->field[FIELD_runtime_interpreters_head].offset : 0),
		FOUND_BY_SCAN);
}

void py_scan_interpreters(struct python *p)
{
	for (size_t i = 0; i < p->target->n_images && !p->n_runtimes; i++) {
		struct image *img = &p->target->images[i];
		struct py_version v;
		struct layout l;
		if (failed(image_probe(img, p->target->mem)) || !py_version_find(p, img, 0, &v) ||
			failed(layout_pick(&v.key, false, &l)))
			continue;
		search_with(p, img, &l);
	}
}
