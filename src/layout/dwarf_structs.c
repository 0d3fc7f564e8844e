/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DWARF 2 to 5 as gcc and clang write it for CPython (DWARF 5 standard, 5.7 "Structure, Union,
 * Class and Interface Type Entries"): structs, unions and typedefs are children of their unit's
 * entry. Of each struct most units hold a copy or a mere declaration, so the walk takes the first
 * definition of every wanted name and stops when it has them all.
 *
 * Names that do not occur in .debug_str cannot occur in the units either (compilers put only names
 * in line that are no longer than a reference would be), which spares a walk over all units for the
 * structs that a version lacks.
 */
#include "dwarf.h"

#include "dwarf_die.h"
#include "fields.h"

#include "pycore/image.h"

static uint32_t hash_name(const char *name, size_t len)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619u;
	return h ^ h >> 15;
}

/* The slot that holds the name, or the free one where it belongs. */
static uint16_t *slot_of(struct types *t, const char *name, size_t len)
{
	for (uint32_t i = hash_name(name, len);; i++) {
		uint16_t *slot = &t->slots[i % TYPES_SLOTS];
		const struct type_named *n = *slot ? &t->list[*slot - 1] : NULL;
		if (!n || (n->len == len && !memcmp(n->name, name, len)))
			return slot;
	}
}

static void want(struct types *t, const char *name, size_t len)
{
	uint16_t *slot = slot_of(t, name, len);
	if (*slot || t->len == TYPES_MAX)
		return;
	t->list[t->len] = (struct type_named){ .name = name, .len = (uint32_t)len };
	*slot = (uint16_t)++t->len;
}

static void want_all(struct types *t)
{
	for (size_t f = 0; f < FIELD_COUNT; f++) {
		const char *list = field_spellings[f].structs, *name;
		size_t len;
		while (spelling_next(&list, '|', &name, &len))
			want(t, name, len);
	}
	static const char offsets[] = "_Py_DebugOffsets";
	want(t, offsets, sizeof(offsets) - 1);
}

static bool holds_name(const Elf_Data *strings, const struct type_named *n)
{
	const char *at = strings->d_buf, *end = at + strings->d_size;
	while ((at = memmem(at, (size_t)(end - at), n->name, n->len))) {
		const char *behind = at + n->len;
		if (behind < end && !*behind)
			return true;
		at++;
	}
	return false;
}

static Elf_Data *section_data(Elf *elf, const char *name)
{
	size_t names;
	if (elf_getshdrstrndx(elf, &names) != 0)
		return NULL;
	for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));) {
		GElf_Shdr h;
		if (!gelf_getshdr(s, &h) || h.sh_flags & SHF_COMPRESSED)
			continue;
		const char *its = elf_strptr(elf, names, h.sh_name);
		if (its && !strcmp(its, name))
			return elf_rawdata(s, NULL);
	}
	return NULL;
}

/* The longest name that an entry holds in line: with its NUL it is as long as an offset. */
static size_t inline_name_max(Dwarf *dwarf)
{
	Dwarf_Off next;
	size_t head;
	uint8_t offset_size = 8;
	(void)dwarf_nextcu(dwarf, 0, &next, &head, NULL, NULL, &offset_size);
	return offset_size - 1;
}

static void strike_missing(struct types *t)
{
	const Elf_Data *strings = section_data(t->elf, ".debug_str");
	size_t inline_max = inline_name_max(t->dwarf);
	t->left = t->len;
	for (size_t i = 0; i < t->len && strings && strings->d_buf; i++) {
		struct type_named *n = &t->list[i];
		n->missing = n->len > inline_max && !holds_name(strings, n);
		t->left -= n->missing;
	}
}

static void take(struct types *t, Dwarf_Die *die)
{
	int tag = dwarf_tag(die);
	if (tag != DW_TAG_structure_type && tag != DW_TAG_typedef)
		return;
	const char *name = die_text(die, DW_AT_name);
	if (!name)
		return;
	uint16_t slot = *slot_of(t, name, strlen(name));
	struct type_named *n = slot ? &t->list[slot - 1] : NULL;
	Dwarf_Die type = *die;
	if (!n || n->found || n->missing || !die_peel(&type) || !die_is_definition(&type))
		return;
	n->found = true;
	n->die = type;
	t->left--;
}

static void walk_units(struct types *t)
{
	Dwarf_Off at = 0, next;
	size_t head;
	while (t->left && dwarf_nextcu(t->dwarf, at, &next, &head, NULL, NULL, NULL) == 0) {
		Dwarf_Die unit, die;
		if (dwarf_offdie(t->dwarf, at + head, &unit) && dwarf_child(&unit, &die) == 0) {
			do
				take(t, &die);
			while (t->left && die_next(&die));
		}
		at = next;
	}
}

/* libelf knows not every compression, so that it gets sections that are not compressed. */
static Elf *open_elf(struct types *t, const void *image, size_t size)
{
	static const char *const needed[] = { ".debug_abbrev", ".debug_addr", ".debug_info",
		".debug_line_str", ".debug_str", ".debug_str_offsets", ".debug_types",
		".note.gnu.build-id", NULL };
	size_t unpacked_size;
	bool whole;
	elf_version(EV_CURRENT);
	if (!failed(elf_unpack(image, size, needed, &t->unpacked, &unpacked_size, &whole)))
		return elf_memory((char *)t->unpacked, unpacked_size);
	/* libelf only reads, but takes no const. */
	return elf_memory((char *)image, size);
}

struct err types_open(struct types *t, const void *image, size_t size)
{
	*t = (struct types){ 0 };
	const uint8_t *ident = image;
	if (size < EI_NIDENT || memcmp(ident, ELFMAG, SELFMAG) != 0)
		return err_of(ERR_CORRUPT, "ELF header");
	t->order = ident[EI_DATA] == ELFDATA2MSB ? ORDER_BIG : ORDER_LITTLE;
	t->ptr_size = ident[EI_CLASS] == ELFCLASS32 ? 4 : 8;
	t->elf = open_elf(t, image, size);
	if (!t->elf || elf_kind(t->elf) != ELF_K_ELF)
		return err_of(ERR_CORRUPT, "ELF header");
	t->dwarf = dwarf_begin_elf(t->elf, DWARF_C_READ, NULL);
	if (!t->dwarf)
		return err_of(ERR_ABSENT, "debug information (DWARF)");
	want_all(t);
	strike_missing(t);
	walk_units(t);
	for (size_t i = 0; i < t->len; i++) {
		if (t->list[i].found)
			return NO_ERR;
	}
	return err_of(ERR_ABSENT, "CPython's structs in its debug information");
}

void types_close(struct types *t)
{
	if (t->dwarf)
		dwarf_end(t->dwarf);
	if (t->elf)
		elf_end(t->elf);
	free(t->unpacked);
	*t = (struct types){ 0 };
}

const char *types_producer(const struct types *t)
{
	Dwarf_Off at = 0, next;
	size_t head;
	while (dwarf_nextcu(t->dwarf, at, &next, &head, NULL, NULL, NULL) == 0) {
		Dwarf_Die unit;
		const char *text = NULL;
		if (dwarf_offdie(t->dwarf, at + head, &unit))
			text = die_text(&unit, DW_AT_producer);
		if (text)
			return text;
		at = next;
	}
	return NULL;
}
