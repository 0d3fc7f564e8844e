/* SPDX-License-Identifier: Apache-2.0 */
/* What libdw leaves to its caller, and the merge. */
#include "dwarf.h"

#include "dwarf_die.h"

enum { PEEL_MAX = 32 };

/* libdw would go and open a supplementary file, named by this one, for these forms. */
static bool own_form(Dwarf_Attribute *a)
{
	switch (dwarf_whatform(a)) {
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
	case DW_FORM_ref_sup4:
	case DW_FORM_ref_sup8:
	case DW_FORM_strp_sup:
		return false;
	default:
		return true;
	}
}

const char *die_text(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute a;
	if (!dwarf_attr(die, name, &a) || !own_form(&a))
		return NULL;
	return dwarf_formstring(&a);
}

bool die_number(Dwarf_Die *die, unsigned name, uint64_t *ret)
{
	Dwarf_Attribute a;
	Dwarf_Word v;
	if (!dwarf_attr(die, name, &a) || dwarf_formudata(&a, &v) != 0)
		return false;
	*ret = v;
	return true;
}

bool die_type(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute a;
	return dwarf_attr(die, DW_AT_type, &a) && own_form(&a) && dwarf_formref_die(&a, ret);
}

/* Follows typedefs and qualifiers. */
bool die_peel(Dwarf_Die *die)
{
	for (int i = 0; i < PEEL_MAX; i++) {
		switch (dwarf_tag(die)) {
		case DW_TAG_typedef:
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_restrict_type:
		case DW_TAG_atomic_type:
			break;
		default:
			return true;
		}
		Dwarf_Die next;
		if (!die_type(die, &next))
			return false;
		*die = next;
	}
	return false;
}

bool die_is_compound(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);
	return tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
}

bool die_is_definition(Dwarf_Die *die)
{
	uint64_t size;
	return die_is_compound(die) && !dwarf_hasattr(die, DW_AT_declaration) &&
	       die_number(die, DW_AT_byte_size, &size);
}

/* The next entry of the same parent; offsets that do not grow would make a circle. */
bool die_next(Dwarf_Die *die)
{
	Dwarf_Die next;
	if (dwarf_siblingof(die, &next) != 0 || dwarf_dieoffset(&next) <= dwarf_dieoffset(die))
		return false;
	*die = next;
	return true;
}

struct err layout_merge_dwarf(struct layout *l, const void *image, size_t size, bool replace)
{
	CLEANUP(types_close) struct types t = { 0 };
	TRY(types_open(&t, image, size));
	if (t.order != l->key.order || t.ptr_size != l->key.ptr_size)
		return err_of(ERR_CORRUPT, "DWARF of another kind of machine");
	for (enum field f = 0; f < FIELD_COUNT; f++) {
		struct field_at at = types_field(&t, f);
		if (at.origin != ORIGIN_NONE && (replace || !layout_has(l, f)))
			l->field[f] = at;
	}
	return NO_ERR;
}
