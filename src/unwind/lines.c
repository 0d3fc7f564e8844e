/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions through libdw, a unit at a time and only for addresses that were asked for; lines by
 * the line table. A unit's children are gone through once and no further than the function that is
 * looked for, and what was passed is kept; inside of a function our own bounded steps go down the
 * tree: of each level the one child that holds the address.
 */
#include "lines.h"

#include "elf.h"
#include "linetable.h"

#include "pycore/alloc.h"
#include "pycore/hash.h"
#include "pycore/sorted.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>

enum {
	UNITS_MAX = 20000,
	CHILDREN_MAX = 1000000,
	LEVELS_MAX = 256,
	NAMESPACES_MAX = 16,
	STEPS_MAX = 10000000 /* over entries and ranges inside of functions */
};

struct span {
	uint64_t start, end;
	Dwarf_Die die; /* the unit or function that is there */
};

struct spans {
	struct span *list;
	size_t n, cap;
};

struct unit {
	Dwarf_Die die;
	struct spans functions; /* met so far */
	Dwarf_Die child; /* the next to look at, unless `left` is 0 */
	unsigned left; /* children that may still be looked at */
	bool flat; /* no function is part of a type */
	size_t table; /* offset of its line table, or LINE_UNIT_UNKNOWN */
	const char *compiled_in;
	struct unit *older;
};

struct lines {
	Dwarf *dw, *alt; /* NULL: none */
	struct linetable table;
	unsigned steps; /* that may still be taken inside of functions */
	struct hash units; /* offset -> struct unit */
	struct unit *newest;
	struct spans unit_spans; /* ascending; made where the file's own index fails */
	bool spanned;
};

/* libdw unpacks every section that it knows when it opens a file; these say where variables are,
 * which nobody asks for here. */
static const char *const unused[] = { ".debug_loc", ".debug_loclists", ".debug_macro",
	".debug_macinfo", ".debug_types" };

const char *const lines_sections[] = { ".debug_abbrev", ".debug_addr", ".debug_aranges",
	".debug_info", ".debug_line", ".debug_line_str", ".debug_ranges", ".debug_rnglists",
	".debug_str", ".debug_str_offsets", NULL };
const char *const lines_table_sections[] = { ".debug_line", ".debug_line_str", ".debug_str", NULL };

struct lines *lines_open(Elf *elf, Elf *alt)
{
	struct lines *l = xcalloc(1, sizeof(*l));
	for (size_t i = 0; elf && i < ARRAY_LEN(unused); i++)
		elf_hide(elf, unused[i]);
	if (elf)
		l->dw = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	if (l->dw) {
		l->alt = alt ? dwarf_begin_elf(alt, DWARF_C_READ, NULL) : NULL;
		dwarf_setalt(l->dw, l->alt); /* it must open no files by itself */
		(void)linetable_open(&l->table, elf);
		l->table.alt = alt;
		l->steps = STEPS_MAX;
	}
	return l;
}

struct lines *lines_open_table(Elf *elf)
{
	struct lines *l = xcalloc(1, sizeof(*l));
	(void)linetable_open(&l->table, elf);
	return l;
}

bool lines_any(const struct lines *l)
{
	Dwarf_Off next;
	size_t head;
	if (!l->dw)
		return l->table.lines.bytes;
	return !dwarf_nextcu(l->dw, 0, &next, &head, NULL, NULL, NULL);
}

void lines_close(struct lines *l)
{
	if (!l)
		return;
	for (struct unit *u = l->newest, *older; u; u = older) {
		older = u->older;
		free(u->functions.list);
		free(u);
	}
	free(l->unit_spans.list);
	hash_fini(&l->units);
	linetable_fini(&l->table);
	dwarf_end(l->dw);
	dwarf_end(l->alt);
	free(l);
}

/* Adds the code of a unit or function. */
static void add_spans(struct spans *s, Dwarf_Die *die)
{
	Dwarf_Addr base, start, end;
	for (ptrdiff_t at = 0; (at = dwarf_ranges(die, at, &base, &start, &end)) > 0;) {
		if (s->n == CHILDREN_MAX)
			return;
		s->list = xgrow(s->list, &s->cap, s->n, sizeof(*s->list));
		s->list[s->n++] = (struct span){ start, end, *die };
	}
}

/* The first one from number `from` on that holds an address. */
static bool find_span(const struct spans *s, size_t from, uint64_t addr, Dwarf_Die *ret)
{
	for (size_t i = from; i < s->n; i++) {
		if (addr >= s->list[i].start && addr < s->list[i].end) {
			*ret = s->list[i].die;
			return true;
		}
	}
	return false;
}

static int by_start(const void *a, const void *b)
{
	uint64_t x = ((const struct span *)a)->start, y = ((const struct span *)b)->start;
	return x < y ? -1 : x > y;
}

static void span_units(struct lines *l)
{
	Dwarf_Off at = 0, next;
	Dwarf_Die die;
	size_t head;
	l->spanned = true;
	for (unsigned i = 0; i < UNITS_MAX; i++, at = next) {
		if (dwarf_nextcu(l->dw, at, &next, &head, NULL, NULL, NULL))
			break;
		if (dwarf_offdie(l->dw, at + head, &die))
			add_spans(&l->unit_spans, &die);
	}
	if (l->unit_spans.n)
		qsort(l->unit_spans.list, l->unit_spans.n, sizeof(struct span), by_start);
}

static bool find_unit_die(struct lines *l, uint64_t addr, Dwarf_Die *ret)
{
	if (dwarf_addrdie(l->dw, addr, ret))
		return true;
	if (!l->spanned)
		span_units(l);
	const struct span *spans = l->unit_spans.list;
	size_t n = PARTITION_POINT(l->unit_spans.n, i, spans[i].start <= addr);
	if (!n || addr >= spans[n - 1].end)
		return false;
	*ret = spans[n - 1].die;
	return true;
}

static bool is_flat(int language)
{
	return language == DW_LANG_C89 || language == DW_LANG_C || language == DW_LANG_C99 ||
	       language == DW_LANG_C11 || language == DW_LANG_Mips_Assembler;
}

static struct unit *new_unit(struct lines *l, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Word table = LINE_UNIT_UNKNOWN;
	struct unit *u = xcalloc(1, sizeof(*u));
	u->die = *die;
	u->flat = is_flat(dwarf_srclang(die));
	u->left = dwarf_child(die, &u->child) ? 0 : CHILDREN_MAX;
	if (dwarf_attr(die, DW_AT_stmt_list, &attr))
		(void)dwarf_formudata(&attr, &table);
	u->table = table;
	u->compiled_in = dwarf_formstring(dwarf_attr(die, DW_AT_comp_dir, &attr));
	u->older = l->newest;
	l->newest = u;
	return u;
}

static struct unit *find_unit(struct lines *l, uint64_t addr)
{
	Dwarf_Die die;
	uint64_t known;
	if (!find_unit_die(l, addr, &die))
		return NULL;
	if (hash_get(&l->units, dwarf_dieoffset(&die), &known))
		return (struct unit *)(uintptr_t)known;
	struct unit *u = new_unit(l, &die);
	hash_put(&l->units, dwarf_dieoffset(&die), (uint64_t)(uintptr_t)u);
	return u;
}

/* Notes a child of a unit, and what namespaces and classes hold. */
static void add_child(struct unit *u, Dwarf_Die *die, unsigned deep)
{
	Dwarf_Die child;
	switch (dwarf_tag(die)) {
	case DW_TAG_subprogram:
		add_spans(&u->functions, die);
		break;
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
		if (u->flat || deep == NAMESPACES_MAX)
			break;
		for (int more = dwarf_child(die, &child); !more && u->left; u->left--) {
			add_child(u, &child, deep + 1);
			more = dwarf_siblingof(&child, &child);
		}
		break;
	}
}

static bool find_function(struct unit *u, uint64_t addr, Dwarf_Die *ret)
{
	bool found = find_span(&u->functions, 0, addr, ret);
	while (!found && u->left) {
		size_t before = u->functions.n;
		add_child(u, &u->child, 0);
		if (!u->left || dwarf_siblingof(&u->child, &u->child))
			u->left = 0;
		else
			u->left--;
		found = find_span(&u->functions, before, addr, ret);
	}
	return found;
}

/* Whether a function or block holds an address. */
static bool holds(struct lines *l, Dwarf_Die *die, uint64_t addr)
{
	Dwarf_Addr base, start, end;
	for (ptrdiff_t at = 0; l->steps && (at = dwarf_ranges(die, at, &base, &start, &end)) > 0;
		l->steps--) {
		if (addr >= start && addr < end)
			return true;
	}
	return false;
}

static bool find_child(
	struct lines *l, Dwarf_Die *parent, uint64_t addr, unsigned deep, Dwarf_Die *ret)
{
	Dwarf_Die child;
	int more = dwarf_child(parent, &child);
	while (!more && l->steps) {
		l->steps--;
		switch (dwarf_tag(&child)) {
		case DW_TAG_subprogram:
		case DW_TAG_inlined_subroutine:
		case DW_TAG_lexical_block:
			if (holds(l, &child, addr)) {
				*ret = child;
				return true;
			}
			break;
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
			if (deep < NAMESPACES_MAX && find_child(l, &child, addr, deep + 1, ret))
				return true;
			break;
		}
		more = dwarf_siblingof(&child, &child);
	}
	return false;
}

static const char *name_of(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name = NULL;
	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attr) ||
		dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr))
		name = dwarf_formstring(&attr);
	return name ? name : dwarf_diename(die);
}

static int number_of(Dwarf_Die *die, unsigned which)
{
	Dwarf_Attribute attr;
	Dwarf_Word v;
	if (!dwarf_attr(die, which, &attr) || dwarf_formudata(&attr, &v) || v > INT32_MAX)
		return 0;
	return (int)v;
}

/* Where an inlined function was called. */
static void call_site(struct lines *l, const struct unit *u, Dwarf_Die *die, struct line_call *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Word file; /* 0 is one too, from version 5 on */
	ret->line = number_of(die, DW_AT_call_line);
	if (ret->line && !dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attr), &file))
		ret->file = linetable_file(&l->table, u->table, file, u->compiled_in);
}

static bool source_line(struct lines *l, size_t table, const char *compiled_in, uint64_t addr,
	struct line_call *ret)
{
	struct line_place place;
	if (!linetable_find(&l->table, table, addr, &place))
		return false;
	ret->line = place.line;
	ret->file = linetable_file(&l->table, place.unit, place.file, compiled_in);
	return true;
}

/* The functions of a unit at an address, outermost first. */
static size_t find_chain(struct lines *l, struct unit *u, uint64_t addr, Dwarf_Die ret[INLINED_MAX])
{
	Dwarf_Die die;
	size_t n = 0;
	bool found = find_function(u, addr, &die);
	for (unsigned level = 0; found && level < LEVELS_MAX && n < INLINED_MAX; level++) {
		if (dwarf_tag(&die) != DW_TAG_lexical_block)
			ret[n++] = die;
		found = find_child(l, &die, addr, 0, &die);
	}
	return n;
}

size_t lines_calls(struct lines *l, uint64_t addr, struct line_call ret[INLINED_MAX])
{
	Dwarf_Die chain[INLINED_MAX];
	ret[0] = (struct line_call){ 0 };
	if (!l->dw)
		return source_line(l, LINE_UNIT_UNKNOWN, NULL, addr, &ret[0]);
	struct unit *u = find_unit(l, addr);
	if (!u)
		return 0;
	size_t n = find_chain(l, u, addr, chain);
	for (size_t i = 0; i < n; i++) {
		Dwarf_Die *own = &chain[n - 1 - i];
		ret[i] = (struct line_call){ .name = name_of(own),
			.inlined = dwarf_tag(own) == DW_TAG_inlined_subroutine };
		if (i)
			call_site(l, u, &chain[n - i], &ret[i]);
	}
	(void)source_line(l, u->table, u->compiled_in, addr, &ret[0]);
	return n ? n : 1;
}
