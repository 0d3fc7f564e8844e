/* SPDX-License-Identifier: Apache-2.0 */
#include "pycore/layout.h"

#include <elf.h>

#include "fields.h"

static bool in_range(const struct layout_row *r, uint32_t version)
{
	return r->first <= version && version <= r->last;
}

static bool same_build(const struct layout_row *r, const struct layout_key *key)
{
	return r->abi == key->abi && r->machine == key->machine && r->ptr_size == key->ptr_size &&
	       r->order == key->order;
}

bool layout_row_proven(const struct layout_row *row, uint32_t version)
{
	for (const uint32_t *p = row->proven; *p; p++) {
		if (*p == version)
			return true;
	}
	return false;
}

/* Which part of the key no row has. A word for each: the reader of the message cannot see the key.
 */
static const char *refusal(const struct layout_key *key, bool version_known, bool build_known)
{
	if (build_known && !version_known)
		return "this version of CPython";
	if (key->abi == (ABI_FREE_THREADED | ABI_DEBUG))
		return "a free-threaded debug build of CPython";
	if (key->abi & ABI_FREE_THREADED)
		return "a free-threaded build of CPython";
	if (key->abi & ABI_DEBUG)
		return "a debug build of CPython (--with-pydebug)";
	if (build_known)
		return "this version of CPython on this machine";
	if (key->ptr_size != 8)
		return "a 32-bit build of CPython for this machine";
	if (key->order != ORDER_LITTLE)
		return "a big-endian build of CPython for this machine";
	if (key->machine != EM_X86_64)
		return "CPython for this machine";
	return version_known ? "this build of CPython" : "this version of CPython";
}

const struct field_at *row_field(const struct layout_row *row, enum field f)
{
	for (const struct field_moved *m = row->moved; m && m->field != FIELD_COUNT; m++) {
		if (m->field == f)
			return &m->at;
	}
	return &row->fields[f];
}

static void fill(struct layout *l)
{
	const struct layout_row *r = l->row;
	memcpy(l->field, r->fields, sizeof(l->field));
	for (const struct field_moved *m = r->moved; m && m->field != FIELD_COUNT; m++)
		l->field[m->field] = m->at;
	for (const enum field *f = r->moving; f && *f != FIELD_COUNT; f++)
		l->field[*f] = (struct field_at){ 0 };
}

struct err layout_pick(const struct layout_key *key, bool allow_guess, struct layout *ret)
{
	size_t len;
	const struct layout_row *rows = layout_rows(&len);
	const struct layout_row *row = NULL, *newest = NULL;
	bool version_known = false, newer = true;
	for (size_t i = 0; i < len; i++) {
		version_known |= in_range(&rows[i], key->version);
		newer &= key->version > rows[i].last;
		if (!same_build(&rows[i], key))
			continue;
		if (in_range(&rows[i], key->version))
			row = &rows[i];
		if (!newest || newest->last < rows[i].last)
			newest = &rows[i];
	}
	bool guess = !row && newer && newest && allow_guess;
	if (!row && !guess)
		return err_of(ERR_UNSUPPORTED, refusal(key, version_known, newest));
	*ret = (struct layout){ .row = row ? row : newest, .key = *key, .guess = guess };
	ret->assumed = guess || !layout_row_proven(ret->row, key->version);
	if (row)
		fill(ret);
	return NO_ERR;
}

static void put_span(struct str *text, uint32_t from, uint32_t to)
{
	str_addf(text, "%s%u.%u", text->len ? ", " : "", from >> 8, from & 0xff);
	if (to != from)
		str_addf(text, " to %u.%u", to >> 8, to & 0xff);
}

static bool has_rows(const struct layout_key *key)
{
	size_t len, i = 0;
	const struct layout_row *rows = layout_rows(&len);
	while (key && i < len && !same_build(&rows[i], key))
		i++;
	return key && i < len;
}

void layout_known(const struct layout_key *key, struct str *text)
{
	size_t len;
	const struct layout_row *rows = layout_rows(&len);
	AUTO_STR(spans);
	uint32_t from = 0, to = 0;
	bool all = !has_rows(key);
	for (size_t i = 0; i < len; i++) {
		uint32_t minor = rows[i].first >> 16;
		if (!all && !same_build(&rows[i], key))
			continue;
		if (to && minor > to + 1)
			put_span(&spans, from, to);
		if (!to || minor > to + 1)
			from = minor;
		to = minor > to ? minor : to;
	}
	put_span(&spans, from, to);
	str_puts(text, str_text(&spans));
}

const char *layout_machine_name(uint16_t machine)
{
	switch (machine) {
	case EM_AARCH64:
		return "aarch64";
	case EM_386:
		return "i386";
	case EM_ARM:
		return "armhf";
	case EM_S390:
		return "s390x";
	}
	return "x86-64";
}
