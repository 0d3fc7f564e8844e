/* SPDX-License-Identifier: Apache-2.0 */
/*
 * _Py_DebugOffsets, the first bytes of _PyRuntime since CPython 3.13
 * (Include/internal/pycore_debug_offsets.h; 3.13: pycore_runtime.h): the cookie "xdebugpy",
 * PY_VERSION_HEX, whether free-threaded, then offsets and sizes in parts. All are u64 words in the
 * target's byte order; only their order differs between versions, and the files
 * tables/offsets_*.inc give it. A member that a build lacks is 0. No word says how wide a member
 * is: that comes from the row.
 */
#include "pycore/layout.h"

#include "fields.h"
#include "pycore/attr.h"

/* No struct that the block describes is larger: PyInterpreterState has some 350 KiB in
 * free-threaded builds. */
enum { STRUCT_BYTES_MAX = 16 * 1024 * 1024 };

static const char *const py313[] = {
#include "tables/offsets_py313.inc"
};
static const char *const py314[] = {
#include "tables/offsets_py314.inc"
};
static const char *const py315[] = {
#include "tables/offsets_py315.inc"
};

struct shape {
	uint32_t minor; /* version >> 16 */
	size_t words;
	const char *const *names; /* "part.member" of every word but those of the head */
};

static const struct shape shapes[] = {
	{ 0x030d, ARRAY_LEN(py313), py313 },
	{ 0x030e, ARRAY_LEN(py314), py314 },
	{ 0x030f, ARRAY_LEN(py315), py315 },
};

static const struct shape *shape_of(uint32_t version)
{
	const struct shape *newest = &shapes[ARRAY_LEN(shapes) - 1];
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		if (shapes[i].minor == version >> 16)
			return &shapes[i];
	}
	return version >> 16 > newest->minor ? newest : NULL;
}

size_t debug_offsets_size(uint32_t version)
{
	const struct shape *s = shape_of(version);
	return s ? 8 * s->words : 0;
}

/* PY_VERSION_HEX of CPython 3.13 or later: its level is alpha, beta, candidate or final. */
static bool may_be_version(uint64_t word)
{
	uint64_t level = word >> 4 & 0xf;
	return word >> 24 == 3 && word >> 16 >= shapes[0].minor &&
	       (level == 0xa || level == 0xb || level == 0xc || level == 0xf);
}

struct err debug_offsets_head(
	const void *head, enum byte_order order, uint32_t *ret_version, bool *ret_free_threaded)
{
	const uint8_t *b = head;
	uint64_t version = bytes_uint(b + 8, 8, order), threaded = bytes_uint(b + 16, 8, order);
	if (memcmp(b, DEBUG_OFFSETS_COOKIE, 8) != 0)
		return err_of(ERR_CORRUPT, "cookie of the debug offsets");
	if (!may_be_version(version))
		return err_of(ERR_CORRUPT, "version word of the debug offsets");
	if (threaded > 1)
		return err_of(ERR_CORRUPT, "free-threaded word of the debug offsets");
	*ret_version = (uint32_t)version;
	*ret_free_threaded = threaded == 1;
	return NO_ERR;
}

struct block {
	const struct shape *shape;
	const uint8_t *bytes;
	enum byte_order order;
};

/* One word of the block and the size of the struct that it speaks of. */
struct word {
	uint64_t value, limit;
};

static bool find(const struct block *b, const char *part, size_t part_len, const char *member,
	size_t member_len, uint64_t *ret)
{
	for (size_t i = 0; i < b->shape->words; i++) {
		const char *name = b->shape->names[i];
		if (name && !strncmp(name, part, part_len) && name[part_len] == '.' &&
			!strncmp(name + part_len + 1, member, member_len) &&
			!name[part_len + 1 + member_len]) {
			*ret = bytes_uint(b->bytes + 8 * i, 8, b->order);
			return true;
		}
	}
	return false;
}

/* The word called "part.member"; false if the shape has none. */
static bool word_of(const struct block *b, const char *name, size_t len, struct word *ret)
{
	const char *dot = memchr(name, '.', len);
	if (!dot)
		return false;
	size_t part = (size_t)(dot - name);
	return find(b, name, part, dot + 1, len - part - 1, &ret->value) &&
	       find(b, name, part, "size", strlen("size"), &ret->limit);
}

/* The value of "a.b", "a.b+c.d" or "a.b-a.c". */
struct stated {
	struct word first, second;
	uint64_t value;
	char op; /* '\0', '+' or '-' */
};

/* False if the block does not state it: no such word, or one that is 0 for "not in this build". */
static bool evaluate(const struct block *b, const char *spelling, bool zero_ok, struct stated *ret)
{
	size_t len = strcspn(spelling, "+-");
	struct stated s = { .op = spelling[len] };
	if (!word_of(b, spelling, len, &s.first))
		return false;
	s.value = s.first.value;
	if (s.op) {
		const char *second = spelling + len + 1;
		if (!word_of(b, second, strlen(second), &s.second) || !s.second.value || !s.value)
			return false;
		s.value += s.op == '+' ? s.second.value : -s.second.value;
	} else if (!s.value && !zero_ok) {
		return false;
	}
	*ret = s;
	return true;
}

static bool may_be_struct(uint64_t size, unsigned align)
{
	return size && size <= STRUCT_BYTES_MAX && size % align == 0;
}

/* Whether a member `size` bytes wide can stand at that word. */
static bool fits(struct word w, unsigned size, unsigned ptr_size)
{
	return may_be_struct(w.limit, ptr_size) && w.value <= w.limit && size <= w.limit - w.value;
}

static bool plausible(const struct stated *s, unsigned size, unsigned ptr_size)
{
	if (!fits(s->first, size, ptr_size))
		return false;
	if (s->op && !fits(s->second, size, ptr_size))
		return false;
	if (s->op == '-' && s->first.value < s->second.value)
		return false;
	struct word whole = { .value = s->value, .limit = s->first.limit };
	unsigned align = size && size < ptr_size ? size : ptr_size;
	return fits(whole, size, ptr_size) && s->value % align == 0;
}

/* Stores where the block puts a field, or leaves *ret alone when it does not say. */
static struct err read_field(
	const struct block *b, const struct layout *l, enum field f, struct field_at *ret)
{
	const struct field_spelling *spelling = &field_spellings[f];
	const struct field_at *builtin = row_field(l->row, f);
	bool known = builtin->origin != ORIGIN_NONE, is_size = !strcmp(spelling->members, "sizeof");
	struct stated s;
	/* Offset 0 means "none" except where the row has the field there; a size is never 0. */
	bool zero_ok = is_size || (known && !builtin->offset);
	if (!*spelling->debug_offsets || !evaluate(b, spelling->debug_offsets, zero_ok, &s))
		return NO_ERR;
	unsigned size = is_size ? 0 : known ? builtin->size : l->key.ptr_size;
	if (!plausible(&s, size, l->key.ptr_size) || (is_size && !s.value))
		return err_of(ERR_CORRUPT, field_name(f));
	*ret = (struct field_at){
		.offset = (uint32_t)s.value, .size = (uint16_t)size, .origin = ORIGIN_DEBUG_OFFSETS
	};
	return NO_ERR;
}

/* The block places the state word of a str, but not its bits: those keep their place in it. */
static void move_state_bits(struct layout *l)
{
	static const enum field bits[] = { FIELD_str_kind, FIELD_str_compact, FIELD_str_ascii,
		FIELD_str_ready };
	const struct field_at *state = &l->field[FIELD_str_state];
	if (state->origin != ORIGIN_DEBUG_OFFSETS)
		return;
	for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
		struct field_at at = *row_field(l->row, bits[i]);
		if (at.origin == ORIGIN_NONE || l->field[bits[i]].origin == ORIGIN_DWARF)
			continue;
		at.offset += state->offset - row_field(l->row, FIELD_str_state)->offset;
		l->field[bits[i]] = at;
	}
}

static struct err check_head(const struct layout *l, const void *block, size_t size)
{
	uint32_t version;
	bool free_threaded;
	if (size < DEBUG_OFFSETS_HEAD)
		return err_of(ERR_CORRUPT, "cut-off debug offsets");
	TRY(debug_offsets_head(block, l->key.order, &version, &free_threaded));
	if (version != l->key.version)
		return err_of(ERR_CORRUPT, "debug offsets of another version");
	if (free_threaded != !!(l->key.abi & ABI_FREE_THREADED))
		return err_of(ERR_CORRUPT, "debug offsets of another kind of build");
	const struct shape *s = shape_of(version);
	if (!s || (s->minor != version >> 16 && !l->guess))
		return err_of(ERR_UNSUPPORTED, "debug offsets of this version");
	if (size < 8 * s->words)
		return err_of(ERR_CORRUPT, "cut-off debug offsets");
	return NO_ERR;
}

struct err layout_merge_debug_offsets(struct layout *l, const void *block, size_t size)
{
	TRY(check_head(l, block, size));
	struct block b = { shape_of(l->key.version), block, l->key.order };
	struct field_at read[FIELD_COUNT];
	memcpy(read, l->field, sizeof(read));
	for (enum field f = 0; f < FIELD_COUNT; f++)
		TRY(read_field(&b, l, f, &read[f]));
	memcpy(l->field, read, sizeof(read));
	move_state_bits(l);
	return NO_ERR;
}
