/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of a struct in DWARF (DWARF 5 standard, 5.7.6 "Data Member Entries"; DWARF 3, 5.6.6 for
 * the older form of bit-fields). A path descends by dots; unnamed structs and unions and the heads
 * that CPython's macros hide are seen through, as C does.
 */
#include "dwarf.h"

#include "dwarf_die.h"
#include "fields.h"

enum { NEST_MAX = 8 };

struct member {
	Dwarf_Die die, type; /* type: peeled; an array's is that of its elements */
	uint64_t offset; /* from the outermost struct */
	uint64_t outer; /* offset of the struct that it is declared in */
};

static bool name_is(const char *name, const char *part, size_t len)
{
	return name && !strncmp(name, part, len) && !name[len];
}

/* A member without a name, or one of the heads that CPython's macros hide. */
static bool seen_through(const char *name)
{
	return !name || !strcmp(name, "ob_base") || !strcmp(name, "_base");
}

/* DW_AT_data_member_location: a number, or in DWARF 2 an expression that adds one. */
static uint64_t location(Dwarf_Die *die)
{
	uint64_t v;
	Dwarf_Attribute a;
	Dwarf_Op *ops;
	size_t len;
	if (die_number(die, DW_AT_data_member_location, &v))
		return v;
	if (dwarf_attr(die, DW_AT_data_member_location, &a) &&
		dwarf_getlocation(&a, &ops, &len) == 0 && len == 1 &&
		ops[0].atom == DW_OP_plus_uconst)
		return ops[0].number;
	return 0;
}

static bool member_type(Dwarf_Die *die, Dwarf_Die *ret)
{
	if (!die_type(die, ret) || !die_peel(ret))
		return false;
	if (dwarf_tag(ret) != DW_TAG_array_type)
		return true;
	Dwarf_Die element;
	if (!die_type(ret, &element) || !die_peel(&element))
		return false;
	*ret = element;
	return true;
}

/* Finds one member by name, directly or in the compounds that are seen through. */
static bool find_member(
	Dwarf_Die *of, uint64_t base, const char *part, size_t len, int depth, struct member *ret)
{
	Dwarf_Die die;
	if (depth > NEST_MAX || dwarf_child(of, &die) != 0)
		return false;
	do {
		if (dwarf_tag(&die) != DW_TAG_member)
			continue;
		const char *name = die_text(&die, DW_AT_name);
		bool hit = name_is(name, part, len);
		if (!hit && !seen_through(name))
			continue;
		struct member m = { .die = die, .offset = base + location(&die), .outer = base };
		if (!member_type(&die, &m.type))
			continue;
		if (hit) {
			*ret = m;
			return true;
		}
		if (die_is_compound(&m.type) &&
			find_member(&m.type, m.offset, part, len, depth + 1, ret))
			return true;
	} while (die_next(&die));
	return false;
}

static bool find_path(Dwarf_Die *of, const char *path, size_t len, struct member *ret)
{
	struct member m = { .type = *of };
	const char *end = path + len;
	while (path < end) {
		const char *dot = memchr(path, '.', (size_t)(end - path));
		size_t part = (size_t)((dot ? dot : end) - path);
		struct member inner;
		if (!die_is_compound(&m.type) ||
			!find_member(&m.type, m.offset, path, part, 0, &inner))
			return false;
		m = inner;
		path += part + 1;
	}
	*ret = m;
	return true;
}

static uint64_t type_size(const struct types *t, Dwarf_Die *type)
{
	uint64_t size;
	if (die_number(type, DW_AT_byte_size, &size))
		return size;
	int tag = dwarf_tag(type);
	return tag == DW_TAG_pointer_type || tag == DW_TAG_reference_type ? t->ptr_size : 0;
}

/*
 * The storage unit and lowest bit. DW_AT_data_bit_offset counts from the start of the struct in
 * memory order, so from the top in big-endian targets; DW_AT_bit_offset from the top of the unit in
 * either (DWARF 5, 5.7.6; DWARF 3, 5.6.6).
 */
static bool place_bits(const struct types *t, struct member *m, struct field_at *at)
{
	uint64_t bits, unit = type_size(t, &m->type), from;
	if (!die_number(&m->die, DW_AT_bit_size, &bits))
		return true;
	(void)die_number(&m->die, DW_AT_byte_size, &unit);
	if (!unit || unit > 8 || !bits || bits > 8 * unit)
		return false;
	if (die_number(&m->die, DW_AT_data_bit_offset, &from)) {
		uint64_t start = from / 8 / unit * unit;
		at->offset = (uint32_t)(m->outer + start);
		from -= 8 * start;
		if (t->order == ORDER_BIG)
			from = 8 * unit - bits - from;
	} else if (die_number(&m->die, DW_AT_bit_offset, &from)) {
		from = 8 * unit - bits - from;
	} else {
		from = t->order == ORDER_BIG ? 8 * unit - bits : 0;
	}
	if (from > 8 * unit - bits)
		return false;
	at->size = (uint16_t)unit;
	at->bit = (uint8_t)from;
	at->bits = (uint8_t)bits;
	return true;
}

static struct field_at place(const struct types *t, Dwarf_Die *of, const char *path, size_t len)
{
	struct field_at at = { .origin = ORIGIN_DWARF };
	struct member m;
	if (len == strlen("sizeof") && !memcmp(path, "sizeof", len)) {
		uint64_t size = type_size(t, of);
		at.offset = (uint32_t)size;
		return size && size <= UINT32_MAX ? at : (struct field_at){ 0 };
	}
	if (!find_path(of, path, len, &m) || m.offset > UINT32_MAX)
		return (struct field_at){ 0 };
	uint64_t size = type_size(t, &m.type);
	at.offset = (uint32_t)m.offset;
	at.size = size < UINT16_MAX ? (uint16_t)size : UINT16_MAX;
	return size && place_bits(t, &m, &at) ? at : (struct field_at){ 0 };
}

static const struct type_named *found(const struct types *t, const char *name, size_t len)
{
	for (size_t i = 0; i < t->len; i++) {
		const struct type_named *n = &t->list[i];
		if (n->found && n->len == len && !memcmp(n->name, name, len))
			return n;
	}
	return NULL;
}

bool types_have(const struct types *t, enum field f)
{
	const char *structs = field_spellings[f].structs, *name;
	size_t len;
	while (spelling_next(&structs, '|', &name, &len)) {
		if (found(t, name, len))
			return true;
	}
	return false;
}

struct field_at types_field(const struct types *t, enum field f)
{
	const char *structs = field_spellings[f].structs, *name, *path;
	size_t len, path_len;
	while (spelling_next(&structs, '|', &name, &len)) {
		const struct type_named *n = found(t, name, len);
		const char *members = field_spellings[f].members;
		while (n && spelling_next(&members, '|', &path, &path_len)) {
			Dwarf_Die die = n->die;
			struct field_at at = place(t, &die, path, path_len);
			if (at.origin != ORIGIN_NONE)
				return at;
		}
	}
	return (struct field_at){ 0 };
}

static void each_member(const struct types *t, Dwarf_Die *of, const char *part, uint64_t base,
	types_member_fn *fn, void *arg)
{
	Dwarf_Die die;
	if (dwarf_child(of, &die) != 0)
		return;
	do {
		const char *name = die_text(&die, DW_AT_name);
		Dwarf_Die type;
		if (dwarf_tag(&die) != DW_TAG_member || !name || !member_type(&die, &type))
			continue;
		uint64_t offset = base + location(&die);
		if (die_is_compound(&type) && !part)
			each_member(t, &type, name, offset, fn, arg);
		else
			fn(arg, part, name, offset, type_size(t, &type));
	} while (die_next(&die));
}

struct err types_members(const struct types *t, const char *name, types_member_fn *fn, void *arg)
{
	const struct type_named *n = found(t, name, strlen(name));
	if (!n)
		return err_of(ERR_ABSENT, "that struct");
	Dwarf_Die die = n->die;
	each_member(t, &die, NULL, 0, fn, arg);
	return NO_ERR;
}
