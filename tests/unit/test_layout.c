/* SPDX-License-Identifier: Apache-2.0 */
/* The rows: their choice, their fields against fixtures/layouts, and reading a field. */
#include "layout_fixtures.h"

#include "pycore/attr.h"

#include <elf.h>
#include <check.h>

Suite *suite_layout(void);
/* Of test_layout_offsets.c and test_layout_dwarf.c. */
TCase *tcase_layout_debug_offsets(void);
TCase *tcase_layout_dwarf(void);

static const struct layout_key x86_64 = {
	.machine = EM_X86_64, .ptr_size = 8, .order = ORDER_LITTLE
};

static struct layout_key key_of(uint32_t version)
{
	struct layout_key key = x86_64;
	key.version = version;
	return key;
}

static struct layout pick(uint32_t version)
{
	struct layout l;
	struct layout_key key = key_of(version);
	ck_assert(!failed(layout_pick(&key, false, &l)));
	return l;
}

/* ---- choice ---- */

START_TEST(picks_at_the_edges_of_ranges)
{
	static const struct {
		uint32_t version;
		const char *row;
		bool assumed;
	} wanted[] = {
		{ 0x020700f0, "2.7", true },
		{ 0x020712f0, "2.7", false },
		{ 0x03060ff0, "3.6", false },
		{ 0x030700f0, "3.7.0-3.7.3", true },
		{ 0x030703f0, "3.7.0-3.7.3", true },
		{ 0x030704f0, "3.7", true },
		{ 0x030710f0, "3.7", false },
		{ 0x03080000, "3.8", true },
		{ 0x0308fff0, "3.8", true },
		{ 0x030b02f0, "3.11.0-3.11.3", false },
		{ 0x030b07f0, "3.11", false },
		{ 0x030b07c1, "3.11", true },
		{ 0x030c05f0, "3.12", true },
		{ 0x030d00f0, "3.13.0", false },
		{ 0x030d00a1, "3.13.0", true },
		{ 0x030d01f0, "3.13", false },
		{ 0x030d02f0, "3.13", true },
		{ 0x030d05f0, "3.13", false },
		{ 0x030e04f0, "3.14.0-3.14.4", true },
		{ 0x030e05f0, "3.14", true },
		{ 0x030f02f0, "3.15", false },
		{ 0x030fffff, "3.15", true },
	};
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		struct layout l = pick(wanted[i].version);
		ck_assert_str_eq(l.row->name, wanted[i].row);
		ck_assert_msg(l.assumed == wanted[i].assumed, "%08x", wanted[i].version);
		ck_assert(!l.guess);
		ck_assert_uint_eq(l.key.version, wanted[i].version);
	}
}
END_TEST

START_TEST(picks_free_threaded_builds_apart)
{
	static const struct {
		uint32_t version;
		const char *row;
	} wanted[] = {
		{ 0x030d00f0, "3.13.0t" },
		{ 0x030d01f0, "3.13t" },
		{ 0x030d0ff0, "3.13t" },
		{ 0x030e08f0, "3.14.0t-3.14.8t" },
		{ 0x030e09f0, "3.14t" },
		{ 0x030f00f0, "3.15.0t" },
		{ 0x030f02f0, "3.15t" },
	};
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		struct layout l;
		struct layout_key key = key_of(wanted[i].version);
		key.abi = ABI_FREE_THREADED;
		ck_assert(!failed(layout_pick(&key, false, &l)));
		ck_assert_str_eq(l.row->name, wanted[i].row);
		ck_assert_uint_eq(layout_gc_head(&l), 0);
	}
	struct layout_key old = key_of(0x030c00f0);
	old.abi = ABI_FREE_THREADED;
	struct layout l;
	ck_assert_int_eq(layout_pick(&old, true, &l).code, ERR_UNSUPPORTED);
}
END_TEST

START_TEST(refuses_versions_between_and_before_rows)
{
	static const uint32_t unknown[] = { 0, 0x020607f0, 0x020800f0, 0x030502f0, 0x0305ffff };
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
		struct layout l;
		struct layout_key key = key_of(unknown[i]);
		ck_assert_int_eq(layout_pick(&key, true, &l).code, ERR_UNSUPPORTED);
	}
}
END_TEST

START_TEST(guesses_newer_versions_only_when_allowed)
{
	struct layout l = { .assumed = false };
	struct layout_key key = key_of(0x031000f0);
	struct err e = layout_pick(&key, false, &l);
	ck_assert_int_eq(e.code, ERR_UNSUPPORTED);
	ck_assert_str_eq(e.what, "this version of CPython");
	ck_assert_ptr_null(l.row);
	ck_assert(!failed(layout_pick(&key, true, &l)));
	ck_assert(l.guess && l.assumed);
	ck_assert_str_eq(l.row->name, "3.15");
	for (enum field f = 0; f < FIELD_COUNT; f++)
		ck_assert_msg(!layout_has(&l, f), "%s", field_name(f));
}
END_TEST

START_TEST(refuses_other_builds_by_name)
{
	struct layout_key keys[] = { key_of(0x03070ff0), key_of(0x030d00f0), key_of(0x030b07f0),
		key_of(0x030b07f0), key_of(0x030902f0), key_of(0x030b07f0) };
	keys[0].abi = ABI_DEBUG;
	keys[1].abi = ABI_FREE_THREADED | ABI_DEBUG;
	keys[2].ptr_size = 4;
	keys[3].order = ORDER_BIG;
	keys[4].machine = EM_386;
	keys[4].ptr_size = 4;
	keys[5].machine = EM_RISCV;
	static const char *const says[] = { "debug", "free-threaded", "32-bit", "big-endian",
		"this version of CPython on this machine", "CPython for this machine" };
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct layout l;
		struct err e = layout_pick(&keys[i], true, &l);
		ck_assert_int_eq(e.code, ERR_UNSUPPORTED);
		ck_assert_msg(strstr(e.what, says[i]), "%s", e.what);
	}
}
END_TEST

START_TEST(names_what_is_known)
{
	struct layout_key keys[] = { key_of(0), key_of(0), key_of(0) };
	keys[1].machine = EM_386;
	keys[1].ptr_size = 4;
	keys[2].machine = EM_PPC;
	static const char *const says[] = { "2.7, 3.6 to 3.15", "3.11, 3.13 to 3.15",
		"2.7, 3.6 to 3.15" };
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		AUTO_STR(text);
		layout_known(&keys[i], &text);
		ck_assert_str_eq(str_text(&text), says[i]);
	}
	AUTO_STR(text);
	layout_known(NULL, &text);
	ck_assert_str_eq(str_text(&text), "2.7, 3.6 to 3.15");
}
END_TEST

/* ---- the rows as data ---- */

/* Default builds have mimalloc too, and hardly use it. */
static bool is_of_mimalloc(enum field f)
{
	return !strncmp(field_name(f), "mi_", 3);
}

START_TEST(rows_are_ordered_and_whole)
{
	size_t len;
	const struct layout_row *rows = layout_rows(&len);
	for (size_t i = 0; i < len; i++) {
		const struct layout_row *r = &rows[i];
		ck_assert_uint_le(r->first, r->last);
		ck_assert(i == 0 || rows[i - 1].machine != r->machine || rows[i - 1].abi < r->abi ||
			  rows[i - 1].last < r->first);
		for (const uint32_t *p = r->proven; *p; p++)
			ck_assert(*p >= r->first && *p <= r->last && (*p & 0xff) == 0xf0);
		for (const enum field *f = r->moving; f && *f != FIELD_COUNT; f++)
			ck_assert(is_of_mimalloc(*f) || r->fields[*f].origin == ORIGIN_BUILTIN);
		for (const struct field_moved *m = r->moved; m && m->field != FIELD_COUNT; m++)
			ck_assert_msg(memcmp(&m->at, &r->fields[m->field], sizeof(m->at)) != 0,
				"%s: %s", r->name, field_name(m->field));
	}
}
END_TEST

/* The fields that a row has, moving ones too. */
static struct layout whole_row(const struct layout_row *r)
{
	struct layout l = { .row = r };
	memcpy(l.field, r->fields, sizeof(l.field));
	for (const struct field_moved *m = r->moved; m && m->field != FIELD_COUNT; m++)
		l.field[m->field] = m->at;
	return l;
}

#define HAS(f) layout_has(&l, FIELD_##f)

/* Schemes and fields belong together: a row must have what the readers of its schemes ask for. */
START_TEST(rows_have_the_fields_of_their_schemes)
{
	size_t len;
	const struct layout_row *rows = layout_rows(&len);
	for (size_t i = 0; i < len; i++) {
		const struct layout_row *r = &rows[i];
		const struct layout l = whole_row(r);
		bool iframes = r->frames != FRAMES_OBJECTS;
		ck_assert(HAS(interp_next) && HAS(interp_threads_head) && HAS(interp_modules));
		ck_assert(HAS(tstate_next) && HAS(tstate_interp) && HAS(tstate_thread_id));
		ck_assert(HAS(code_name) && HAS(code_filename) && HAS(code_linetable));
		ck_assert(HAS(bytes_size) && HAS(bytes_data) && HAS(type_name));
		ck_assert_int_eq(HAS(runtime_interpreters_head), r->roots == ROOTS_RUNTIME);
		ck_assert_int_eq(HAS(runtime_gil), r->gil == GIL_RUNTIME);
		ck_assert_int_eq(HAS(interp_gil), r->gil == GIL_INTERP);
		ck_assert_int_eq(HAS(gil_cond), r->gil == GIL_RUNTIME || r->gil == GIL_INTERP);
		ck_assert_int_eq(HAS(gil_mutex), HAS(gil_cond));
		ck_assert_int_eq(HAS(cframe_current_frame), r->frames == FRAMES_CFRAME);
		ck_assert_int_eq(HAS(tstate_frame), r->frames != FRAMES_CFRAME);
		ck_assert_int_eq(HAS(frame_lasti), !iframes);
		ck_assert_int_eq(HAS(iframe_instr), iframes);
		ck_assert_int_eq(HAS(code_instructions), iframes);
		ck_assert_int_eq(HAS(iframe_owner), r->owner.generator >= 0);
		ck_assert_int_eq(HAS(str_kind), r->text == TEXT_COMPACT);
		ck_assert_int_eq(HAS(tstate_native_thread_id), r->tid == TID_NATIVE);
	}
}
END_TEST

START_TEST(rows_have_the_fields_of_values)
{
	size_t len;
	const struct layout_row *rows = layout_rows(&len);
	for (size_t i = 0; i < len; i++) {
		const struct layout_row *r = &rows[i];
		const struct layout l = whole_row(r);
		bool biased = r->refs == REFS_BIASED;
		ck_assert(HAS(object_type) && HAS(varobject_size));
		ck_assert_int_eq(HAS(object_refcnt), !biased);
		ck_assert_int_eq(HAS(object_ref_local) && HAS(object_ref_shared), biased);
		ck_assert_int_eq(HAS(object_tid) && HAS(object_gc_bits), biased);
		ck_assert_int_eq(r->heap.scheme == HEAP_MIMALLOC, biased);
		ck_assert(
			HAS(type_flags) && HAS(type_basicsize) && HAS(type_dict) && HAS(type_mro));
		ck_assert(HAS(long_digits) && HAS(float_value) && HAS(list_items));
		ck_assert(HAS(tuple_items) && HAS(set_table) && HAS(set_entry_sizeof));
		ck_assert_int_eq(HAS(long_tag), r->ints == INTS_TAGGED);
		ck_assert_int_eq(HAS(int_value), r->text == TEXT_BYTES);
		ck_assert_int_eq(HAS(unicode_data), r->text == TEXT_BYTES);
		ck_assert_int_eq(HAS(dict_table), r->dicts == DICTS_TABLE);
		ck_assert_int_eq(HAS(dict_keys), r->dicts != DICTS_TABLE);
		ck_assert_int_eq(HAS(keys_size), r->dicts == DICTS_SIZED);
		ck_assert_int_eq(HAS(keys_log2_index_bytes), r->dicts == DICTS_KINDS);
		ck_assert_int_eq(HAS(keys_kind), r->dicts == DICTS_KINDS);
		ck_assert_int_eq(HAS(unicode_entry_sizeof), r->dicts == DICTS_KINDS);
		ck_assert(HAS(entry_key) && HAS(entry_value) && HAS(entry_sizeof));
		ck_assert_int_eq(HAS(dict_values), r->values != VALUES_NONE);
		ck_assert_int_eq(HAS(values_capacity), r->values == VALUES_HEADED);
		ck_assert_int_eq(HAS(values_values),
			r->values == VALUES_HEADED || r->values == VALUES_PREFIXED);
		ck_assert_int_eq(HAS(values_valid), r->attrs == ATTRS_INLINE);
		ck_assert(HAS(type_dictoffset) && HAS(member_descr_member));
		ck_assert(r->attrs == ATTRS_DICTOFFSET || HAS(heaptype_cached_keys));
		ck_assert_int_eq(HAS(object_refcnt_full), r->refs == REFS_FLAGGED);
	}
}
END_TEST

START_TEST(rows_have_the_fields_of_locals_and_exceptions)
{
	size_t len;
	const struct layout_row *rows = layout_rows(&len);
	for (size_t i = 0; i < len; i++) {
		const struct layout_row *r = &rows[i];
		const struct layout l = whole_row(r);
		bool kinds = r->locals == LOCALS_BY_KINDS,
		     embedded = r->generators == GENERATORS_EMBEDDED;
		ck_assert(HAS(code_argcount) && HAS(code_flags) && HAS(cell_ref));
		ck_assert_int_eq(HAS(code_varnames), !kinds);
		ck_assert_int_eq(HAS(code_cellvars) && HAS(code_freevars), !kinds);
		ck_assert_int_eq(HAS(code_localspluskinds) && HAS(code_localsplusnames), kinds);
		ck_assert_int_eq(HAS(frame_localsplus), r->frames == FRAMES_OBJECTS);
		ck_assert_int_eq(HAS(iframe_localsplus), r->frames != FRAMES_OBJECTS);
		ck_assert(HAS(exception_args) && HAS(traceback_next) && HAS(traceback_lasti));
		ck_assert(HAS(tstate_current_exception));
		ck_assert_int_eq(HAS(tstate_exc_value), r->exceptions == EXCEPTIONS_IN_TSTATE);
		ck_assert_int_eq(HAS(tstate_exc_info), r->exceptions == EXCEPTIONS_STACKED);
		ck_assert_int_eq(HAS(exc_item_value), r->exceptions == EXCEPTIONS_STACKED);
		ck_assert_int_eq(HAS(gen_frame), !embedded);
		ck_assert_int_eq(HAS(gen_iframe) && HAS(gen_frame_state), embedded);
		ck_assert_int_eq(HAS(frame_state), r->generators == GENERATORS_FRAME_STATE);
		ck_assert_int_eq(
			r->generator.created != NO_MARK, r->generators != GENERATORS_FRAME);
		ck_assert_int_eq(
			r->generator.executing != NO_MARK, r->generator.created != NO_MARK);
		ck_assert_uint_ge(r->unicode, 0x0502);
		ck_assert_int_eq(!!(r->repr & REPR_BYTE_STRINGS), r->text == TEXT_BYTES);
	}
}
END_TEST

/* What has another width there, or is another way. */
START_TEST(rows_of_32_bit_have_small_words_and_arenas)
{
	size_t len, narrow = 0;
	const struct layout_row *rows = layout_rows(&len);
	for (size_t i = 0; i < len; i++) {
		const struct layout_row *r = &rows[i];
		const struct layout l = whole_row(r);
		const struct field_at *at = l.field;
		ck_assert_uint_eq(at[FIELD_object_type].size, r->ptr_size);
		ck_assert_uint_eq(at[FIELD_varobject_size].size, r->ptr_size);
		ck_assert_uint_eq(at[FIELD_entry_hash].size, r->ptr_size);
		ck_assert_uint_eq(at[FIELD_float_value].size, 8);
		if (r->ptr_size == 8)
			continue;
		ck_assert_uint_eq(at[FIELD_gc_head_sizeof].offset, 8);
		ck_assert_uint_eq(r->heap.arena_bits, 18);
		ck_assert_uint_eq(r->heap.pool_bits, 12);
		ck_assert_int_eq(r->refs, r->first < 0x030c0000 ? REFS_STATIC : REFS_HIGH);
		narrow++;
	}
	ck_assert_uint_ge(narrow, 10);
}
END_TEST

/* What C code of the standard library keeps, in the rows that come from a whole build. */
START_TEST(rows_have_the_fields_of_extension_modules)
{
	size_t len;
	const struct layout_row *rows = layout_rows(&len);
	for (size_t i = 0; i < len; i++) {
		const struct layout_row *r = &rows[i];
		const struct layout l = whole_row(r);
		bool three = r->text == TEXT_COMPACT;
		ck_assert(HAS(deque_block_sizeof) && HAS(defaultdict_factory) && HAS(array_items));
		ck_assert(HAS(datetime_data) && HAS(timedelta_days) && HAS(partial_function));
		ck_assert_int_eq(HAS(odict_first) && HAS(odict_node_next), three);
		ck_assert_int_eq(HAS(timezone_offset), three);
		ck_assert_int_eq(HAS(future_state) && HAS(task_coro), three);
		ck_assert_int_eq(HAS(rlock_owner), three);
		ck_assert_int_eq(HAS(lock_locked) || HAS(lock_mutex), three);
		ck_assert(!HAS(lock_locked) || !HAS(lock_mutex));
		ck_assert_int_eq(HAS(decimal_mpd) && HAS(mpd_data), three && HAS(socket_fd));
		ck_assert_int_eq(HAS(fileio_fd) && HAS(textio_buffer), HAS(socket_fd));
		ck_assert_int_eq(HAS(pattern_pattern) && HAS(match_mark), HAS(socket_fd));
		/* The description that these rows are made from leaves such modules out. */
		bool described_only = r->refs == REFS_BIASED && r->first >= 0x030f0000;
		ck_assert_int_eq(HAS(socket_fd), !described_only);
	}
}
END_TEST
#undef HAS

/* Where a row says less than a build of its range has, and why. */
static const struct exception {
	const char *row;
	enum field f;
	const char *why;
} exceptions[] = {
	{ "3.9", FIELD_interp_sizeof, "5648 bytes in 3.9.2, 5656 in 3.9.18" },
	{ "3.12", FIELD_runtime_sizeof, "static strings grew between 3.12.1 and 3.12.5" },
	{ "3.13", FIELD_runtime_sizeof, "283320 in 3.13.0, 283376 in 3.13.5, 283408 in 3.13.15" },
	{ "3.13", FIELD_interp_sizeof, "194968 in 3.13.0, 194976 in 3.13.5, 194984 in 3.13.15" },
	{ "3.13", FIELD_tstate_sizeof, "304 to 3.13.5, 312 in 3.13.15" },
	{ "3.13", FIELD_tstate_freed, "behind it" },
	{ "3.9d", FIELD_interp_sizeof, "as in the others" },
	{ "3.11.0-3.11.3 aarch64", FIELD_runtime_sizeof, "of 3.11.4 on no build was seen" },
	{ "3.13 aarch64", FIELD_runtime_sizeof, "as on x86-64" },
	{ "3.13 aarch64", FIELD_interp_sizeof, "as on x86-64" },
	{ "3.13 aarch64", FIELD_tstate_sizeof, "as on x86-64" },
	{ "3.13 aarch64", FIELD_tstate_freed, "as on x86-64" },
	{ "3.13d", FIELD_runtime_sizeof, "299392 in 3.13.5, 299424 in 3.13.18" },
	{ "3.13d", FIELD_interp_sizeof, "as in the others" },
	{ "3.13d", FIELD_tstate_sizeof, "as in the others" },
	{ "3.13d", FIELD_tstate_freed, "behind it" },
	{ "3.13t", FIELD_runtime_sizeof, "328320 in 3.13.5, 328384 in 3.13.15" },
	{ "3.13t", FIELD_interp_sizeof, "as in the others" },
	{ "3.13t", FIELD_tstate_sizeof, "as in the others" },
	{ "3.13t", FIELD_tstate_freed, "behind it" },
	{ "3.13t", FIELD_tstate_mi_heaps, "behind it" },
	{ "3.13t", FIELD_tstate_freelists, "behind it" },
	{ "3.13 i386", FIELD_runtime_sizeof, "as on x86-64" },
	{ "3.13 i386", FIELD_interp_sizeof, "as on x86-64" },
	{ "3.13 i386", FIELD_tstate_sizeof, "as on x86-64" },
	{ "3.13 i386", FIELD_tstate_freed, "as on x86-64" },
	{ "3.13 armhf", FIELD_runtime_sizeof, "as on x86-64" },
	{ "3.13 armhf", FIELD_interp_sizeof, "as on x86-64" },
	{ "3.13 armhf", FIELD_tstate_sizeof, "as on x86-64" },
	{ "3.13 armhf", FIELD_tstate_freed, "as on x86-64" },
	{ "3.13 s390x", FIELD_runtime_sizeof, "as on x86-64" },
	{ "3.13 s390x", FIELD_interp_sizeof, "as on x86-64" },
	{ "3.13 s390x", FIELD_tstate_sizeof, "as on x86-64" },
	{ "3.13 s390x", FIELD_tstate_freed, "as on x86-64" },
};

static size_t exception_of(const struct layout *l, enum field f)
{
	size_t i = 0;
	while (i < ARRAY_LEN(exceptions) &&
		(exceptions[i].f != f || strcmp(exceptions[i].row, l->row->name) != 0))
		i++;
	return i;
}

/* Of these no build was seen. */
static bool is_unseen(const struct layout_row *r)
{
	static const char *const names[] = { "3.7.0-3.7.3", "3.14.0-3.14.4", "3.13.0t", "3.8d",
		"3.10d", "3.11d", "3.12d", "3.9 aarch64", "3.10 aarch64", "3.11 aarch64",
		"3.12 aarch64", "3.11 i386", "3.11 armhf", "3.9 s390x", "3.10 s390x", "3.11 s390x",
		"3.12 s390x" };
	size_t i = 0;
	while (i < ARRAY_LEN(names) && strcmp(names[i], r->name) != 0)
		i++;
	return i < ARRAY_LEN(names);
}

START_TEST(rows_equal_the_descriptions_field_by_field)
{
	size_t len, rows_len, seen_len = 0;
	const struct fixture *all = fixtures_all(&len);
	const struct layout_row *rows = layout_rows(&rows_len), *seen[FIXTURES_MAX];
	bool used[ARRAY_LEN(exceptions)] = { 0 };
	for (size_t i = 0; i < len; i++) {
		const struct fixture *x = &all[i];
		if (!fixture_has_row(x))
			continue;
		struct layout l;
		ck_assert_msg(!failed(layout_pick(&x->key, false, &l)), "%s", x->name);
		seen[seen_len++] = l.row;
		for (enum field f = 0; f < FIELD_COUNT; f++) {
			size_t e = exception_of(&l, f);
			bool left_out = x->derived && x->field[f].origin == ORIGIN_NONE;
			if (!fixture_describes(x, f) || left_out ||
				(is_of_mimalloc(f) && !layout_has(&l, f)))
				continue;
			if (e == ARRAY_LEN(exceptions)) {
				check_same_place(x->name, f, l.field[f], x->field[f]);
				continue;
			}
			used[e] = true;
			ck_assert_msg(!layout_has(&l, f), "%s: %s", x->name, field_name(f));
			ck_assert_uint_ne(x->field[f].origin, ORIGIN_NONE);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(exceptions); i++)
		ck_assert_msg(used[i], "%s %s", exceptions[i].row, field_name(exceptions[i].f));
	for (size_t r = 0; r < rows_len; r++) {
		bool hit = false;
		for (size_t i = 0; i < seen_len; i++)
			hit |= seen[i] == &rows[r];
		bool unseen = is_unseen(&rows[r]);
		ck_assert_msg(hit != unseen, "%s", rows[r].name);
	}
}
END_TEST

START_TEST(early_patch_releases_leave_out_what_moved)
{
	static const enum field in_37[] = { FIELD_runtime_gil, FIELD_runtime_gc_collecting };
	static const enum field in_314[] = { FIELD_interp_modules, FIELD_interp_sysdict,
		FIELD_interp_builtins, FIELD_interp_gc_collecting };
	struct layout old = pick(0x030703f0), new = pick(0x030704f0);
	for (size_t i = 0; i < ARRAY_LEN(in_37); i++)
		ck_assert(!layout_has(&old, in_37[i]) && layout_has(&new, in_37[i]));
	ck_assert(layout_has(&old, FIELD_runtime_interpreters_head));
	old = pick(0x030e04f0);
	new = pick(0x030e05f0);
	for (size_t i = 0; i < ARRAY_LEN(in_314); i++)
		ck_assert(!layout_has(&old, in_314[i]) && layout_has(&new, in_314[i]));
	ck_assert(layout_has(&old, FIELD_interp_threads_head));
}
END_TEST

START_TEST(locks_of_3_13_have_two_shapes)
{
	struct layout old = pick(0x030d00f0), new = pick(0x030d01f0);
	ck_assert(layout_has(&old, FIELD_lock_locked) && layout_has(&old, FIELD_lock_semaphore));
	ck_assert(!layout_has(&old, FIELD_lock_mutex));
	ck_assert(!layout_has(&new, FIELD_lock_locked) && !layout_has(&new, FIELD_lock_semaphore));
	check_same_place("3.13.1", FIELD_lock_mutex, new.field[FIELD_lock_mutex],
		fixture_named("cpython-3.13.5-debian-x86_64")->field[FIELD_lock_mutex]);
}
END_TEST

START_TEST(builds_without_a_row_are_refused)
{
	size_t len, refused = 0;
	const struct fixture *all = fixtures_all(&len);
	for (size_t i = 0; i < len; i++) {
		struct layout l;
		if (fixture_has_row(&all[i]))
			continue;
		ck_assert_int_eq(layout_pick(&all[i].key, true, &l).code, ERR_UNSUPPORTED);
		refused++;
	}
	ck_assert_uint_gt(refused, 0);
}
END_TEST

/* ---- reading a field ---- */

static struct layout one_field(enum field f, struct field_at at, enum byte_order order)
{
	struct layout l = { .key = { .ptr_size = 8, .order = order } };
	at.origin = ORIGIN_BUILTIN;
	l.field[f] = at;
	return l;
}

START_TEST(get_reads_in_both_byte_orders)
{
	static const uint8_t bytes[] = { 0, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0 };
	static const struct {
		struct field_at at;
		uint64_t little, big;
	} cases[] = {
		{ { .offset = 1, .size = 1 }, 0x12, 0x12 },
		{ { .offset = 1, .size = 2 }, 0x3412, 0x1234 },
		{ { .offset = 1, .size = 4 }, 0x78563412, 0x12345678 },
		{ { .offset = 1, .size = 8 }, 0xf0debc9a78563412, 0x123456789abcdef0 },
		/* bits 2 to 4 of the loaded integer */
		{ { .offset = 1, .size = 4, .bit = 2, .bits = 3 }, 0x78563412 >> 2 & 7,
			0x12345678 >> 2 & 7 },
		{ { .offset = 1, .size = 8, .bit = 63, .bits = 1 }, 1, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t v;
		struct layout l = one_field(FIELD_str_kind, cases[i].at, ORDER_LITTLE);
		ck_assert(!failed(layout_get(&l, FIELD_str_kind, bytes, sizeof(bytes), &v)));
		ck_assert_uint_eq(v, cases[i].little);
		l.key.order = ORDER_BIG;
		ck_assert(!failed(layout_get(&l, FIELD_str_kind, bytes, sizeof(bytes), &v)));
		ck_assert_uint_eq(v, cases[i].big);
	}
}
END_TEST

START_TEST(get_says_what_is_absent_or_beyond)
{
	uint8_t bytes[16] = { 0 };
	uint64_t v = 42;
	struct layout l =
		one_field(FIELD_code_name, (struct field_at){ .offset = 8, .size = 8 }, 0);
	struct err e = layout_get(&l, FIELD_code_qualname, bytes, sizeof(bytes), &v);
	ck_assert_int_eq(e.code, ERR_ABSENT);
	ck_assert_str_eq(e.what, "code.qualname");
	for (size_t size = 0; size < 16; size++)
		ck_assert_int_eq(
			layout_get(&l, FIELD_code_name, bytes, size, &v).code, ERR_CORRUPT);
	ck_assert_uint_eq(v, 42);
	ck_assert(!failed(layout_get(&l, FIELD_code_name, bytes, 16, &v)));
	l.field[FIELD_code_name].offset = UINT32_MAX;
	ck_assert_int_eq(layout_get(&l, FIELD_code_name, bytes, 16, &v).code, ERR_CORRUPT);
	l.field[FIELD_code_name] =
		(struct field_at){ .offset = 0, .size = 3, .origin = ORIGIN_BUILTIN };
	ck_assert_int_eq(layout_get(&l, FIELD_code_name, bytes, 16, &v).code, ERR_UNSUPPORTED);
}
END_TEST

Suite *suite_layout(void)
{
	Suite *s = suite_create("layout");
	TCase *t = tcase_create("rows");
	tcase_add_test(t, picks_at_the_edges_of_ranges);
	tcase_add_test(t, picks_free_threaded_builds_apart);
	tcase_add_test(t, refuses_versions_between_and_before_rows);
	tcase_add_test(t, guesses_newer_versions_only_when_allowed);
	tcase_add_test(t, refuses_other_builds_by_name);
	tcase_add_test(t, names_what_is_known);
	tcase_add_test(t, rows_are_ordered_and_whole);
	tcase_add_test(t, rows_have_the_fields_of_their_schemes);
	tcase_add_test(t, rows_have_the_fields_of_values);
	tcase_add_test(t, rows_have_the_fields_of_locals_and_exceptions);
	tcase_add_test(t, rows_of_32_bit_have_small_words_and_arenas);
	tcase_add_test(t, rows_have_the_fields_of_extension_modules);
	tcase_add_test(t, rows_equal_the_descriptions_field_by_field);
	tcase_add_test(t, early_patch_releases_leave_out_what_moved);
	tcase_add_test(t, locks_of_3_13_have_two_shapes);
	tcase_add_test(t, builds_without_a_row_are_refused);
	tcase_add_test(t, get_reads_in_both_byte_orders);
	tcase_add_test(t, get_says_what_is_absent_or_beyond);
	suite_add_tcase(s, t);
	suite_add_tcase(s, tcase_layout_debug_offsets());
	suite_add_tcase(s, tcase_layout_dwarf());
	return s;
}
