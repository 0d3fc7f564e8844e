/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of one entry (DIE) of DWARF. Nothing here leads into another file. */
#pragma once

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

/* A string attribute, or NULL. Lives as long as the Dwarf. */
const char *die_text(Dwarf_Die *die, unsigned name);
/* A constant attribute; false if it has none. */
bool die_number(Dwarf_Die *die, unsigned name, uint64_t *ret);
/* The entry that DW_AT_type refers to. */
bool die_type(Dwarf_Die *die, Dwarf_Die *ret);
/* Follows typedefs and qualifiers; false if the chain leads nowhere. */
bool die_peel(Dwarf_Die *die);
/* A struct or a union. */
bool die_is_compound(Dwarf_Die *die);
/* The same with its members, not a mere declaration. */
bool die_is_definition(Dwarf_Die *die);
/* Moves to the next entry of the same parent. */
bool die_next(Dwarf_Die *die);
