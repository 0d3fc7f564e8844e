/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Through libdw, a unit at a time and only for addresses that were asked for. The unit's tree is
 * gone down by our own bounded steps: of each level the one child that holds the address.
 */
#include "lines.h"

#include "elf.h"
#include "linetable.h"

#include "pycore/alloc.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>

enum { UNITS_MAX = 20000, CHILDREN_MAX = 1000000, LEVELS_MAX = 256, NAMESPACES_MAX = 16 };

struct lines {
	Dwarf *dw; /* NULL: none */
	struct linetable table; /* in its place */
};

/* libdw unpacks every section that it knows when it opens a file; these say where variables are,
 * which nobody asks for here. */
static const char *const unused[] = { ".debug_loc", ".debug_loclists", ".debug_macro",
	".debug_macinfo", ".debug_types" };

struct lines *lines_open(Elf *elf)
{
	struct lines *l = xcalloc(1, sizeof(*l));
	for (size_t i = 0; elf && i < ARRAY_LEN(unused); i++)
		elf_hide(elf, unused[i]);
	if (elf)
		l->dw = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	if (l->dw)
		dwarf_setalt(l->dw, NULL); /* it must open no files by itself */
	return l;
}

struct lines *lines_open_table(Elf *elf, enum byte_order order)
{
	struct lines *l = xcalloc(1, sizeof(*l));
	(void)linetable_open(&l->table, elf, order);
	return l;
}

bool lines_any(const struct lines *l)
{
	Dwarf_Off next;
	size_t head;
	return l->table.n || (l->dw && !dwarf_nextcu(l->dw, 0, &next, &head, NULL, NULL, NULL));
}

void lines_close(struct lines *l)
{
	if (l) {
		dwarf_end(l->dw);
		linetable_fini(&l->table);
	}
	free(l);
}

static bool find_unit(struct lines *l, uint64_t addr, Dwarf_Die *ret)
{
	if (dwarf_addrdie(l->dw, addr, ret))
		return true;
	Dwarf_Off at = 0, next;
	size_t head;
	for (unsigned i = 0; i < UNITS_MAX; i++, at = next) {
		if (dwarf_nextcu(l->dw, at, &next, &head, NULL, NULL, NULL))
			return false;
		if (dwarf_offdie(l->dw, at + head, ret) && dwarf_haspc(ret, addr) > 0)
			return true;
	}
	return false;
}

static bool find_child(Dwarf_Die *parent, uint64_t addr, unsigned deep, Dwarf_Die *ret)
{
	Dwarf_Die child;
	int more = dwarf_child(parent, &child);
	for (unsigned i = 0; !more && i < CHILDREN_MAX; i++) {
		switch (dwarf_tag(&child)) {
		case DW_TAG_subprogram:
		case DW_TAG_inlined_subroutine:
		case DW_TAG_lexical_block:
			if (dwarf_haspc(&child, addr) > 0) {
				*ret = child;
				return true;
			}
			break;
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
			if (deep < NAMESPACES_MAX && find_child(&child, addr, deep + 1, ret))
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
static void call_site(Dwarf_Die *unit, Dwarf_Die *die, struct line_call *ret)
{
	Dwarf_Files *files;
	size_t n;
	int file = number_of(die, DW_AT_call_file);
	ret->line = number_of(die, DW_AT_call_line);
	if (ret->line && file && !dwarf_getsrcfiles(unit, &files, &n) && (size_t)file < n)
		ret->file = dwarf_filesrc(files, (size_t)file, NULL, NULL);
}

static void source_line(Dwarf_Die *unit, uint64_t addr, struct line_call *ret)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, addr);
	int n;
	if (!line || dwarf_lineno(line, &n) || n <= 0)
		return;
	ret->line = n;
	ret->file = dwarf_linesrc(line, NULL, NULL);
}

size_t lines_calls(struct lines *l, uint64_t addr, struct line_call ret[INLINED_MAX])
{
	Dwarf_Die unit, die, chain[INLINED_MAX];
	size_t n = 0;
	ret[0] = (struct line_call){ 0 };
	if (l->table.n)
		return linetable_find(&l->table, addr, &ret[0].file, &ret[0].line);
	if (!l->dw || !find_unit(l, addr, &unit))
		return 0;
	die = unit;
	for (unsigned level = 0; level < LEVELS_MAX && n < INLINED_MAX; level++) {
		if (!find_child(&die, addr, 0, &die))
			break;
		if (dwarf_tag(&die) != DW_TAG_lexical_block)
			chain[n++] = die;
	}
	for (size_t i = 0; i < n; i++) {
		Dwarf_Die *own = &chain[n - 1 - i];
		ret[i] = (struct line_call){ .name = name_of(own),
			.inlined = dwarf_tag(own) == DW_TAG_inlined_subroutine };
		if (i)
			call_site(&unit, &chain[n - i], &ret[i]);
	}
	if (!n)
		ret[n++] = (struct line_call){ 0 };
	source_line(&unit, addr, &ret[0]);
	return n;
}
