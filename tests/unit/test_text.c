/* SPDX-License-Identifier: Apache-2.0 */
/* Strings of a target: PEP 393 in all its kinds, 2.7's byte strings, and what no Python would make.
 */
#include "suites.h"

#include "fakepy.h"

#include "pycore/limits.h"

#include "../../src/py/py_internal.h"

static struct fakepy f;
static struct py_text text;

static void teardown(void)
{
	fakepy_fini(&f);
}

static void setup_compact(void)
{
	fakepy_init(&f, fakepy_row(3, 12));
}

static void setup_bytes(void)
{
	fakepy_init(&f, fakepy_row(2, 7));
}

static void read_text(uint64_t addr)
{
	text = (struct py_text){ 0 };
	py_text_read(&f.python, f.rt, addr, &text);
}

static void expect_text(const char *bytes, size_t n)
{
	char why[ERR_TEXT_MAX];
	ck_assert_msg(text.bytes, "not read: %s", err_text(text.why, why));
	ck_assert_uint_eq(text.len, n);
	ck_assert_mem_eq(text.bytes, bytes, n);
	ck_assert_int_eq(text.bytes[n], '\0');
}
#define expect(literal) expect_text(literal, sizeof(literal) - 1)

static void expect_failure(enum err_code code)
{
	ck_assert_ptr_null(text.bytes);
	ck_assert_int_eq(text.why.code, code);
}

/* A string object of n characters of `kind` bytes each. */
static uint64_t string(unsigned kind, bool compact, bool ascii, const void *chars, size_t n)
{
	const struct field_at *field = f.rt->layout.field;
	size_t head = field[ascii ? FIELD_str_ascii_data : FIELD_str_compact_data].offset;
	uint64_t addr = fakepy_alloc(&f, head + 64 + (compact ? n * kind : 0)), data = addr + head;
	if (!compact) {
		data = fakepy_alloc(&f, n * kind);
		fakepy_set(&f, addr, FIELD_str_data, data);
	}
	fakepy_set(&f, addr, FIELD_str_length, n);
	fakepy_set(&f, addr, FIELD_str_kind, kind);
	fakepy_set(&f, addr, FIELD_str_compact, compact);
	fakepy_set(&f, addr, FIELD_str_ascii, ascii);
	memcpy(fakepy_at(&f, data), chars, n * kind);
	return addr;
}

START_TEST(every_kind)
{
	static const uint16_t two[] = { 'a', 0x4e2d, 0xffff, 0, 'b' };
	static const uint32_t four[] = { 'a', 0x1f40d, 0x10ffff, 0x7f };
	for (int compact = 0; compact <= 1; compact++) {
		read_text(string(1, compact, compact, "down", 4));
		expect("down");
		read_text(string(1, compact, false, "caf\xe9\x80", 5));
		expect("caf\xc3\xa9\xc2\x80");
		read_text(string(2, compact, false, two, ARRAY_LEN(two)));
		expect("a\xe4\xb8\xad\xef\xbf\xbf\0b");
		read_text(string(4, compact, false, four, ARRAY_LEN(four)));
		expect("a\xf0\x9f\x90\x8d\xf4\x8f\xbf\xbf\x7f");
		read_text(string(1, compact, compact, "", 0));
		expect("");
	}
}
END_TEST

/* Lone ones stay; a pair in a wide string is two characters, as Python has it. */
START_TEST(surrogates)
{
	static const uint16_t two[] = { 0xd800, 'x', 0xdfff };
	static const uint32_t four[] = { 0xd83d, 0xdc0d, 0x1f40d };
	read_text(string(2, true, false, two, ARRAY_LEN(two)));
	expect("\xed\xa0\x80x\xed\xbf\xbf");
	read_text(string(4, true, false, four, ARRAY_LEN(four)));
	expect("\xed\xa0\xbd\xed\xb0\x8d\xf0\x9f\x90\x8d");
}
END_TEST

START_TEST(long_ones_are_cut)
{
	size_t n = NAME_CHARS_MAX + 100;
	AUTO_FREE uint8_t *chars = xmalloc(4 * n);
	for (unsigned kind = 1; kind <= 4; kind *= 2) {
		memset(chars, 0, 4 * n);
		for (size_t i = 0; i < n; i++)
			chars[i * kind] = 'x';
		uint64_t addr = string(kind, true, kind == 1, chars, n);
		read_text(addr);
		ck_assert(text.cut);
		ck_assert_uint_eq(text.len, NAME_CHARS_MAX);
		fakepy_set(&f, addr, FIELD_str_length, NAME_CHARS_MAX);
		read_text(addr);
		ck_assert(!text.cut);
		ck_assert_uint_eq(text.len, NAME_CHARS_MAX);
	}
}
END_TEST

START_TEST(hostile_lengths)
{
	uint64_t addr = string(4, true, false, "a\0\0\0", 1);
	fakepy_set(&f, addr, FIELD_str_length, UINT64_C(1) << 60);
	read_text(addr); /* memory behind is zeros: characters all the same */
	ck_assert(text.cut);
	ck_assert_uint_eq(text.len, NAME_CHARS_MAX);
	for (int bit = 63; bit <= 63; bit++) {
		fakepy_set(&f, addr, FIELD_str_length, UINT64_C(1) << bit);
		read_text(addr);
		expect_failure(ERR_CORRUPT);
	}
	fakepy_set(&f, addr, FIELD_str_length, UINT64_MAX);
	read_text(addr);
	expect_failure(ERR_CORRUPT);
}
END_TEST

START_TEST(bad_state)
{
	uint64_t addr = string(1, true, true, "down", 4);
	for (unsigned kind = 0; kind < 8; kind++) {
		if (kind == 1)
			continue;
		fakepy_set(&f, addr, FIELD_str_kind, kind);
		read_text(addr);
		expect_failure(ERR_CORRUPT); /* also 2 and 4: ASCII has one byte a character */
	}
}
END_TEST

START_TEST(bad_characters)
{
	static const uint32_t wide[] = { 'a', 0x110000 };
	read_text(string(4, true, false, wide, 2));
	expect_failure(ERR_CORRUPT);
}
END_TEST

START_TEST(not_in_memory)
{
	uint64_t end = FAKEPY_BASE + FAKEPY_SIZE, addr = string(1, false, false, "down", 4);
	static const uint64_t places[] = { 1, 8, 4096, UINT64_MAX, UINT64_MAX - 7,
		UINT64_C(1) << 63 };
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		read_text(places[i]);
		expect_failure(ERR_UNMAPPED);
		fakepy_set(&f, addr, FIELD_str_data, places[i]);
		read_text(addr);
		expect_failure(ERR_UNMAPPED);
	}
	read_text(0);
	expect_failure(ERR_CORRUPT);
	read_text(end - 8); /* the head is cut */
	expect_failure(ERR_UNMAPPED);
	ck_assert_uint_eq(text.why.addr, end);
	fakepy_set(&f, addr, FIELD_str_data, end - 3); /* the characters are */
	read_text(addr);
	expect_failure(ERR_UNMAPPED);
}
END_TEST

/* Bytes that are not UTF-8 come as Python's surrogateescape has them. */
static const struct {
	const char *bytes;
	size_t n;
	const char *text;
	size_t text_n;
} byte_strings[] = {
#define ROW(b, t)                                                                                  \
	{                                                                                          \
		b, sizeof(b) - 1, t, sizeof(t) - 1                                                 \
	}
	ROW("", ""),
	ROW("down", "down"),
	ROW("nul\0nul", "nul\0nul"),
	ROW("caf\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x90\x8d",
		"caf\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x90\x8d"),
	ROW("caf\xe9", "caf\xed\xb3\xa9"), /* Latin-1 */
	ROW("\xff\xfe", "\xed\xb3\xbf\xed\xb3\xbe"),
	ROW("\xc3", "\xed\xb3\x83"), /* cut */
	ROW("\xf0\x9f\x90", "\xed\xb3\xb0\xed\xb2\x9f\xed\xb2\x90"),
	ROW("\xc0\x80", "\xed\xb3\x80\xed\xb2\x80"), /* overlong */
	ROW("\xe0\x80\x80", "\xed\xb3\xa0\xed\xb2\x80\xed\xb2\x80"),
	ROW("\xed\xa0\x80", "\xed\xb3\xad\xed\xb2\xa0\xed\xb2\x80"), /* a surrogate */
	ROW("\xf4\x90\x80\x80",
		"\xed\xb3\xb4\xed\xb2\x90\xed\xb2\x80\xed\xb2\x80"), /* beyond Unicode */
	ROW("\xc3(", "\xed\xb3\x83("),
};

START_TEST(byte_string)
{
	read_text(fakepy_bytes(&f, byte_strings[_i].bytes, byte_strings[_i].n));
	expect_text(byte_strings[_i].text, byte_strings[_i].text_n);
	ck_assert(!text.cut);
}
END_TEST

START_TEST(hostile_byte_strings)
{
	static const uint64_t sizes[] = { NAME_CHARS_MAX + 1, UINT64_C(1) << 60, UINT64_C(1) << 63,
		UINT64_MAX };
	uint64_t addr = fakepy_bytes(&f, "down", 4);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		fakepy_set(&f, addr, FIELD_bytes_size, sizes[i]);
		read_text(addr);
		if (text.bytes) {
			ck_assert(text.cut);
			ck_assert_uint_eq(text.len, NAME_CHARS_MAX);
		} else {
			ck_assert_int_eq(text.why.code, ERR_CORRUPT);
		}
	}
	read_text(FAKEPY_BASE + FAKEPY_SIZE - 24); /* the size is there, the bytes are not */
	ck_assert(!text.bytes || !text.len);
	read_text(0);
	expect_failure(ERR_CORRUPT);
	read_text(4096);
	expect_failure(ERR_UNMAPPED);
}
END_TEST

Suite *suite_text(void)
{
	Suite *s = suite_create("text");
	TCase *compact = tcase_create("compact"), *bytes = tcase_create("bytes");
	tcase_add_checked_fixture(compact, setup_compact, teardown);
	tcase_add_test(compact, every_kind);
	tcase_add_test(compact, surrogates);
	tcase_add_test(compact, long_ones_are_cut);
	tcase_add_test(compact, hostile_lengths);
	tcase_add_test(compact, bad_state);
	tcase_add_test(compact, bad_characters);
	tcase_add_test(compact, not_in_memory);
	suite_add_tcase(s, compact);
	tcase_add_checked_fixture(bytes, setup_bytes, teardown);
	tcase_add_loop_test(bytes, byte_string, 0, ARRAY_LEN(byte_strings));
	tcase_add_test(bytes, hostile_byte_strings);
	suite_add_tcase(s, bytes);
	return s;
}
