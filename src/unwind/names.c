/* SPDX-License-Identifier: Apache-2.0 */
/* What stands at an address: module, function, lines. Each address is looked up once. */
#include "demangle.h"
#include "elf.h"
#include "internal.h"
#include "lines.h"

#include "pycore/str.h"

#include <string.h>

enum { CHEAP_UNPACK_MAX = 1024 * 1024 };

static const char *shown_name(struct unwind *u, const char *name)
{
	AUTO_STR(text);
	if (!name)
		return NULL;
	if (!demangle(name, &text))
		return name;
	return arena_copy(&u->arena, text.bytes, text.len);
}

/* The lines of one file, as far as they are worth the effort. */
static struct lines *lines_in(struct unwind *u, struct module *m, Elf *elf)
{
	struct elf_part info;
	if (u->effort != UNWIND_FULL && elf_packed_size(elf, ".debug_info") > CHEAP_UNPACK_MAX)
		return u->effort == UNWIND_LINES
			       ? lines_open_table(module_unpacked(u, m, elf, lines_table_sections))
			       : lines_open(NULL, NULL);
	Elf *own = module_unpacked(u, m, elf, lines_sections);
	Elf *alt = elf_part_named(own, ".debug_info", &info) ? module_need_alt(u, m, elf) : NULL;
	return lines_open(own, module_unpacked(u, m, alt, lines_sections));
}

/* The module's debug information, its own or what was split off. */
static struct lines *lines_of(struct unwind *u, struct module *m)
{
	if (m->lines)
		return m->lines;
	module_open(u, m);
	m->lines = lines_in(u, m, m->elf);
	if (!lines_any(m->lines)) {
		module_need_debug_file(u, m, true);
		if (m->debug_elf) {
			lines_close(m->lines);
			m->lines = lines_in(u, m, m->debug_elf);
		}
	}
	return m->lines;
}

static void add_calls(struct unwind *u, const struct line_call *from, size_t n, const char *symbol,
	struct native_place *place)
{
	struct native_call *calls = arena_alloc(&u->arena, (n ? n : 1) * sizeof(*calls));
	for (size_t i = 0; i < n; i++)
		calls[i] = (struct native_call){ .function = shown_name(u, from[i].name),
			.file = from[i].file,
			.line = from[i].line,
			.inlined = from[i].inlined };
	place->calls = calls;
	place->n_calls = n ? n : 1;
	/* The outermost is the function that the symbol names, which may be a part of one
	 * ("f.cold"). */
	if (symbol)
		calls[place->n_calls - 1].function = shown_name(u, symbol);
}

static void set_extent(struct unwind *u, const struct module *m, const struct symbol *sym,
	struct native_place *place)
{
	const struct cfi_row *row = m && !sym ? unwind_row(u, place->address) : NULL;
	if (sym) {
		place->function_start = m->img->bias + sym->start;
		place->function_size = sym->end - sym->start;
	} else if (row && row->function_end) {
		place->function_start = m->img->bias + row->function;
		place->function_size = row->function_end - row->function;
	}
}

static const struct native_place *place_at(struct unwind *u, uint64_t addr)
{
	uint64_t known;
	bool lines = u->effort > UNWIND_SYMBOLS;
	if (hash_get(&u->places, addr, &known) ||
		(!lines && hash_get(&u->symbol_places, addr, &known)))
		return (const struct native_place *)(uintptr_t)known;
	struct native_place *place = arena_alloc(&u->arena, sizeof(*place));
	struct module *m = unwind_module(u, addr);
	struct line_call calls[INLINED_MAX];
	struct symbol found, *sym = NULL;
	size_t n = 0;
	place->address = addr;
	place->image = m ? m->img : NULL;
	struct symbols *symbols = m ? module_symbols(u, m) : NULL;
	if (symbols && m->img->elf) {
		uint64_t vaddr = addr - m->img->bias;
		sym = symbols_find(symbols, vaddr, &found) ? &found : NULL;
		n = lines ? lines_calls(lines_of(u, m), vaddr, calls) : 0;
	}
	set_extent(u, m, sym, place);
	add_calls(u, calls, n, sym ? sym->name : NULL, place);
	hash_put(lines ? &u->places : &u->symbol_places, addr, (uint64_t)(uintptr_t)place);
	return place;
}

void unwind_name_frames(
	struct unwind *u, struct native_stack *s, size_t from, size_t n, enum unwind_effort effort)
{
	u->effort = effort;
	for (size_t i = from; i < s->n && i - from < n; i++) {
		struct native_frame *f = &s->frames[i];
		f->place = place_at(u, f->exact || f->signal ? f->pc : f->pc - 1);
	}
}

void unwind_name(struct unwind *u, struct native_stack *s, enum unwind_effort effort)
{
	unwind_name_frames(u, s, 0, s->n, effort);
}
