/* SPDX-License-Identifier: Apache-2.0 */
#include "suites.h"

#include "../support/fakecore.h"

#include "pycore/alloc.h"
#include "pycore/elfcore.h"

#include <elf.h>
#include <signal.h>

static struct cursor over(const struct str *s, enum byte_order order)
{
	return cursor_of(s->bytes, s->len, order);
}

START_TEST(notes_are_padded_to_four)
{
	enum byte_order order = _i ? ORDER_BIG : ORDER_LITTLE;
	struct fakecore f;
	fakecore_init(&f, EM_NONE, 8, order);
	/* names of 1 to 5 bytes with their NUL, descriptors of 0 to 4 */
	static const char *const names[] = { "", "a", "ab", "abc", "abcd" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		fakecore_note(&f, names[i], 100 + (uint32_t)i, "wxyz", i);
	struct cursor c = over(&f.notes, order);
	struct elf_note n;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		ck_assert(elf_note_next(&c, &n));
		ck_assert_uint_eq(n.type, 100 + i);
		ck_assert_uint_eq(n.name_size, i + 1);
		ck_assert_str_eq(n.name, names[i]);
		ck_assert_uint_eq(n.desc_size, i);
		ck_assert_uint_eq(n.desc_lost, 0);
		ck_assert_int_eq(memcmp(n.desc, "wxyz", i), 0);
	}
	ck_assert(!elf_note_next(&c, &n));
	fakecore_fini(&f);
}
END_TEST

START_TEST(padding_of_the_last_note_may_be_missing)
{
	struct fakecore f;
	fakecore_init(&f, EM_NONE, 8, ORDER_LITTLE);
	fakecore_note(&f, "CORE", 7, "x", 1);
	struct cursor c = cursor_of(f.notes.bytes, f.notes.len - 3, ORDER_LITTLE);
	struct elf_note n;
	ck_assert(elf_note_next(&c, &n));
	ck_assert_uint_eq(n.desc_size, 1);
	ck_assert_uint_eq(n.desc_lost, 0);
	ck_assert(!elf_note_next(&c, &n));
	fakecore_fini(&f);
}
END_TEST

/* Every cut of one note: it is yielded once its head is there, whole only when all of it is. */
START_TEST(a_cut_note_says_so)
{
	struct fakecore f;
	fakecore_init(&f, EM_NONE, 4, ORDER_BIG);
	fakecore_note(&f, "CORE", 7, "0123456789", 10);
	enum { HEAD = 12, NAME = 8, DESC = 10 };
	for (size_t size = 0; size <= HEAD + NAME + DESC; size++) {
		AUTO_FREE uint8_t *exact = xmalloc(size);
		memcpy(exact, f.notes.bytes, size);
		struct cursor c = cursor_of(exact, size, ORDER_BIG);
		struct elf_note n;
		ck_assert_int_eq(elf_note_next(&c, &n), size >= HEAD);
		if (size < HEAD)
			continue;
		size_t desc = size < HEAD + NAME ? 0 : size - HEAD - NAME;
		ck_assert_uint_eq(n.desc_size, desc);
		ck_assert_uint_eq(n.desc_lost, DESC - desc);
		ck_assert(!elf_note_next(&c, &n));
	}
	fakecore_fini(&f);
}
END_TEST

START_TEST(hostile_sizes)
{
	static const uint32_t sizes[][2] = {
		{ UINT32_MAX, UINT32_MAX },
		{ UINT32_MAX, 0 },
		{ 0, UINT32_MAX },
		{ UINT32_MAX - 3, 16 },
		{ 5, UINT32_MAX - 2 },
		{ 0x80000000, 0x80000000 },
	};
	AUTO_STR(s);
	fake_uint(&s, sizes[_i][0], 4, ORDER_LITTLE);
	fake_uint(&s, sizes[_i][1], 4, ORDER_LITTLE);
	fake_uint(&s, NT_PRSTATUS, 4, ORDER_LITTLE);
	str_add(&s, "CORE\0\0\0\0....", 12);
	AUTO_FREE uint8_t *exact = xmalloc(s.len);
	memcpy(exact, s.bytes, s.len);
	struct cursor c = cursor_of(exact, s.len, ORDER_LITTLE);
	struct elf_note n;
	ck_assert(elf_note_next(&c, &n));
	ck_assert_uint_gt(n.desc_lost, 0);
	ck_assert_uint_le(n.name_size, 12);
	ck_assert_uint_le(n.desc_size, 12);
	ck_assert(!elf_note_next(&c, &n));
}
END_TEST

START_TEST(build_id_among_others)
{
	struct fakecore f;
	uint8_t id[BUILD_ID_MAX] = { 0 };
	fakecore_init(&f, EM_NONE, 8, ORDER_LITTLE);
	fakecore_note(&f, "GNU", NT_GNU_ABI_TAG, "0123456789abcdef", 16);
	fakecore_note(&f, "XXX", NT_GNU_BUILD_ID, "wrongwrong", 10);
	ck_assert_uint_eq(elf_build_id(f.notes.bytes, f.notes.len, ORDER_LITTLE, id), 0);
	fakecore_note(&f, "GNU", NT_GNU_BUILD_ID, "twenty bytes of hash", 20);
	ck_assert_uint_eq(elf_build_id(f.notes.bytes, f.notes.len, ORDER_LITTLE, id), 20);
	ck_assert_mem_eq(id, "twenty bytes of hash", 20);
	/* Half an id would match no file, or worse, another's. */
	ck_assert_uint_eq(elf_build_id(f.notes.bytes, f.notes.len - 1, ORDER_LITTLE, id), 0);
	ck_assert_uint_eq(elf_build_id(NULL, 0, ORDER_LITTLE, id), 0);
	fakecore_fini(&f);
}
END_TEST

START_TEST(build_id_too_long)
{
	struct fakecore f;
	uint8_t id[BUILD_ID_MAX], big[BUILD_ID_MAX + 1] = { 1 };
	fakecore_init(&f, EM_NONE, 8, ORDER_LITTLE);
	fakecore_note(&f, "GNU", NT_GNU_BUILD_ID, big, sizeof(big));
	ck_assert_uint_eq(elf_build_id(f.notes.bytes, f.notes.len, ORDER_LITTLE, id), 0);
	fakecore_fini(&f);
	fakecore_init(&f, EM_NONE, 8, ORDER_LITTLE);
	fakecore_note(&f, "GNU", NT_GNU_BUILD_ID, big, BUILD_ID_MAX);
	ck_assert_uint_eq(elf_build_id(f.notes.bytes, f.notes.len, ORDER_LITTLE, id), BUILD_ID_MAX);
	fakecore_fini(&f);
}
END_TEST

Suite *suite_notes(void)
{
	Suite *s = suite_create("notes");
	TCase *t = tcase_create("notes");
	tcase_add_loop_test(t, notes_are_padded_to_four, 0, 2);
	tcase_add_test(t, padding_of_the_last_note_may_be_missing);
	tcase_add_test(t, a_cut_note_says_so);
	tcase_add_loop_test(t, hostile_sizes, 0, 6);
	tcase_add_test(t, build_id_among_others);
	tcase_add_test(t, build_id_too_long);
	suite_add_tcase(s, t);
	return s;
}
