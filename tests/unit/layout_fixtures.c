/* SPDX-License-Identifier: Apache-2.0 */
#include "layout_fixtures.h"

#include "pycore/attr.h"

#include <elf.h>
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

static struct fixture loaded[FIXTURES_MAX];
static size_t loaded_len;

static enum field field_of(const char *name)
{
	enum field f = 0;
	while (f < FIELD_COUNT && strcmp(field_name(f), name) != 0)
		f++;
	return f;
}

static void read_word(struct fixture *x, const char *rest)
{
	unsigned index;
	char name[80];
	uint64_t value;
	ck_assert_int_eq(sscanf(rest, "%u %79s %lu", &index, name, &value), 3);
	ck_assert_uint_lt(index, FIXTURE_WORDS_MAX);
	x->words[index] = value;
	if (index >= x->words_len)
		x->words_len = index + 1;
}

static void read_place(struct fixture *x, const char *name, const char *rest)
{
	unsigned offset, size, bit = 0, bits = 0;
	enum field f = field_of(name);
	ck_assert_msg(
		f != FIELD_COUNT, "%s: no such field: %s; run extract.py again", x->name, name);
	ck_assert_int_ge(sscanf(rest, "%u %u %u %u", &offset, &size, &bit, &bits), 2);
	x->field[f] = (struct field_at){ offset, (uint16_t)size, (uint8_t)bit, (uint8_t)bits,
		ORIGIN_BUILTIN };
}

static void read_arch(struct fixture *x, const char *name)
{
	static const struct {
		const char *name;
		uint16_t machine;
		unsigned ptr_size;
		enum byte_order order;
	} known[] = {
		{ "x86_64", EM_X86_64, 8, ORDER_LITTLE },
		{ "aarch64", EM_AARCH64, 8, ORDER_LITTLE },
		{ "i386", EM_386, 4, ORDER_LITTLE },
		{ "arm", EM_ARM, 4, ORDER_LITTLE },
		{ "s390x", EM_S390, 8, ORDER_BIG },
	};
	size_t i = 0;
	while (i < ARRAY_LEN(known) && strcmp(known[i].name, name) != 0)
		i++;
	ck_assert_msg(i < ARRAY_LEN(known), "%s: arch %s", x->name, name);
	snprintf(x->arch, sizeof(x->arch), "%s", name);
	x->key.machine = known[i].machine;
	x->key.ptr_size = known[i].ptr_size;
	x->key.order = known[i].order;
}

static void read_line(struct fixture *x, const char *key, const char *rest)
{
	if (!strcmp(key, "source")) {
		x->derived = strstr(rest, "DERIVED");
		x->by_gdb = strstr(rest, "read by gdb");
	} else if (!strcmp(key, "version"))
		x->key.version = (uint32_t)strtoul(rest, NULL, 16);
	else if (!strcmp(key, "arch"))
		read_arch(x, rest);
	else if (!strcmp(key, "abi"))
		x->key.abi = !strcmp(rest, "release") ? ABI_RELEASE
			     : !strcmp(rest, "debug") ? ABI_DEBUG
						      : ABI_FREE_THREADED;
	else if (!strcmp(key, "word"))
		read_word(x, rest);
	else
		read_place(x, key, rest);
}

static void load(const char *path)
{
	ck_assert_uint_lt(loaded_len, FIXTURES_MAX);
	struct fixture *x = &loaded[loaded_len++];
	FILE *file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	const char *name = strrchr(path, '/') + 1;
	snprintf(x->name, sizeof(x->name), "%.*s", (int)(strlen(name) - strlen(".txt")), name);
	char line[512];
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		char *blank = strchr(line, ' ');
		ck_assert_msg(blank, "%s: %s", path, line);
		*blank = '\0';
		read_line(x, line, blank + 1);
	}
	fclose(file);
}

const struct fixture *fixtures_all(size_t *ret_len)
{
	if (!loaded_len) {
		const char *root = getenv("PYCORE_FIXTURES");
		char pattern[4096];
		snprintf(pattern, sizeof(pattern), "%s/layouts/*.txt", root ? root : "fixtures");
		glob_t found = { 0 };
		ck_assert_msg(glob(pattern, 0, NULL, &found) == 0,
			"no %s: run in the root of the repository or set PYCORE_FIXTURES", pattern);
		for (size_t i = 0; i < found.gl_pathc; i++)
			load(found.gl_pathv[i]);
		globfree(&found);
	}
	*ret_len = loaded_len;
	return loaded;
}

const struct fixture *fixture_named(const char *name)
{
	size_t len;
	const struct fixture *all = fixtures_all(&len);
	for (size_t i = 0; i < len; i++) {
		if (!strcmp(all[i].name, name))
			return &all[i];
	}
	ck_abort_msg("no fixture %s", name);
	return NULL;
}

bool fixture_has_row(const struct fixture *x)
{
	return !strcmp(x->arch, "x86_64") || !(x->key.abi & ABI_DEBUG);
}

bool fixtures_describe(enum field f)
{
	size_t len, i = 0;
	const struct fixture *all = fixtures_all(&len);
	while (i < len && (all[i].by_gdb || all[i].field[f].origin == ORIGIN_NONE))
		i++;
	return i < len;
}

bool fixture_describes(const struct fixture *x, enum field f)
{
	bool whole = x->key.machine == EM_X86_64;
	return x->by_gdb || (fixtures_describe(f) && (whole || x->field[f].origin != ORIGIN_NONE));
}

void put_word(uint8_t *block, size_t index, enum byte_order order, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		block[8 * index + i] = (uint8_t)(value >> 8 * (order == ORDER_LITTLE ? i : 7 - i));
}

size_t fixture_block(const struct fixture *x, enum byte_order order, uint8_t *block)
{
	memcpy(block, DEBUG_OFFSETS_COOKIE, 8);
	for (size_t i = 1; i < x->words_len; i++)
		put_word(block, i, order, x->words[i]);
	return 8 * x->words_len;
}

void check_same_place(const char *of, enum field f, struct field_at is, struct field_at should)
{
	ck_assert_msg(!is.origin == !should.origin, "%s: %s is %s, should be %s", of, field_name(f),
		is.origin ? "there" : "absent", should.origin ? "there" : "absent");
	ck_assert_msg(is.offset == should.offset && is.size == should.size &&
			      is.bit == should.bit && is.bits == should.bits,
		"%s: %s is at %u, %u bytes, bits %u+%u; should be at %u, %u bytes, bits %u+%u", of,
		field_name(f), is.offset, is.size, is.bit, is.bits, should.offset, should.size,
		should.bit, should.bits);
}
