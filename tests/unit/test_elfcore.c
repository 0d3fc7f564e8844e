/* SPDX-License-Identifier: Apache-2.0 */
#include "suites.h"

#include "../support/corecase.h"

#include "pycore/alloc.h"
#include "pycore/mem.h"

#include <elf.h>
#include <inttypes.h>
#include <signal.h>

static void assert_range(const struct core_range *r, uint64_t start, uint64_t end,
	enum core_backing backing, uint32_t flags)
{
	ck_assert_uint_eq(r->start, start);
	ck_assert_uint_eq(r->end, end);
	ck_assert_int_eq(r->backing, backing);
	ck_assert_uint_eq(r->flags, flags);
}

START_TEST(ranges_of_a_whole_core)
{
	struct fakecore f;
	struct parsed p;
	const struct elfcore *c = &p.core;
	whole_core(&f, &machines[_i]);
	parsed_build(&p, &f);
	ck_assert_uint_eq(c->n_ranges, 7);
	assert_range(&c->ranges[0], 0x1000, 0x1000 + sizeof(text_bytes), CORE_SAVED, PF_R | PF_X);
	ck_assert_mem_eq(c->bytes + c->ranges[0].offset, text_bytes, sizeof(text_bytes));
	assert_range(
		&c->ranges[1], 0x1000 + sizeof(text_bytes), 0x3000, CORE_NOT_SAVED, PF_R | PF_X);
	/* known to NT_FILE only */
	assert_range(&c->ranges[2], 0x3000, 0x4000, CORE_NOT_SAVED, PF_R);
	assert_range(&c->ranges[3], 0x9000, 0x9000 + sizeof(heap_bytes), CORE_SAVED, PF_R | PF_W);
	ck_assert_mem_eq(c->bytes + c->ranges[3].offset, heap_bytes, sizeof(heap_bytes));
	assert_range(&c->ranges[4], 0x9000 + sizeof(heap_bytes), 0xa000, CORE_NOT_SAVED, PF_R);
	assert_range(&c->ranges[5], 0x20000, 0x21000, CORE_NOT_SAVED, PF_R);
	assert_range(
		&c->ranges[6], 0xff000, 0xff000 + sizeof(stack_bytes), CORE_SAVED, PF_R | PF_W);
	ck_assert_mem_eq(c->bytes + c->ranges[6].offset, stack_bytes, sizeof(stack_bytes));
	parsed_drop(&p);
}
END_TEST

/* Segments as the builder laid them out, against what the core says at each address. */
static bool segment_reads(struct mem_core *m, const struct fake_segment *s)
{
	for (uint64_t k = 0; k < s->filesz; k++) {
		char byte = 0;
		struct err e = mem_read(&m->base, s->vaddr + k, &byte, 1);
		bool there = s->offset + k < m->core->size;
		if (there && (failed(e) || byte != ((const char *)s->bytes)[k]))
			return false;
		if (!there && (e.code != ERR_TRUNCATED || e.addr != s->vaddr + k))
			return false;
	}
	return true;
}

static void assert_segments(const struct elfcore *c, const struct fakecore *f)
{
	struct mem_core m;
	mem_core_init(&m, c, -1);
	for (size_t i = 0; i < f->n_segments; i++)
		ck_assert_msg(segment_reads(&m, &f->segments[i]), "segment %zu at size %" PRIu64, i,
			c->size);
}

/* The notes that are complete within the first `size` bytes of the core. */
static size_t complete_notes(const struct fakecore *f, uint64_t size, uint32_t type)
{
	if (size <= f->notes_offset)
		return 0;
	size_t have = size - f->notes_offset < f->notes.len ? (size_t)(size - f->notes_offset)
							    : f->notes.len;
	struct cursor c = cursor_of(f->notes.bytes, have, f->order);
	struct elf_note n;
	size_t found = 0;
	while (elf_note_next(&c, &n))
		found += n.type == type && !n.desc_lost;
	return found;
}

static void assert_cut_core(const struct elfcore *c, const struct fakecore *f)
{
	size_t threads = complete_notes(f, c->size, NT_PRSTATUS);
	assert_consistent(c);
	ck_assert(c->cut);
	ck_assert_uint_ge(c->n_threads, threads);
	ck_assert_uint_le(c->n_threads, threads + 1);
	for (size_t i = 0; i < threads; i++)
		ck_assert_ptr_nonnull(c->threads[i].regs.raw);
	ck_assert_int_eq(c->has_process, complete_notes(f, c->size, NT_PRPSINFO) == 1);
	if (complete_notes(f, c->size, NT_FILE))
		ck_assert_uint_eq(c->n_files, 3);
	if (complete_notes(f, c->size, NT_AUXV))
		ck_assert_uint_eq(c->n_auxv, 3);
	if (!c->segments_cut) {
		assert_segments(c, f);
		ck_assert_int_eq(c->notes_cut, c->size < f->notes_offset + f->notes.len);
	}
}

static void assert_every_cut(struct fakecore *f)
{
	AUTO_STR(bytes);
	fakecore_build(f, &bytes);
	size_t head = f->ptr_size == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	for (size_t size = 0; size <= bytes.len; size++) {
		struct parsed p;
		struct err e = parsed_from(&p, bytes.bytes, size);
		if (size < head) {
			ck_assert_err(e, size < SELFMAG ? ERR_UNSUPPORTED : ERR_TRUNCATED);
			continue;
		}
		ck_assert_ok(e);
		if (size < bytes.len)
			assert_cut_core(&p.core, f);
		else
			ck_assert(!p.core.cut && !p.core.notes_cut && !p.core.segments_cut);
		parsed_drop(&p);
	}
}

START_TEST(every_truncation_point)
{
	struct fakecore f;
	whole_core(&f, &machines[_i]);
	assert_every_cut(&f);
	fakecore_fini(&f);
}
END_TEST

START_TEST(every_truncation_point_of_gdb_and_xnum)
{
	struct fakecore f;
	whole_core(&f, &machines[_i / 2]);
	f.gdb = _i % 2;
	f.xnum = !f.gdb;
	f.note_header = f.gdb ? SIZE_MAX : 0;
	assert_every_cut(&f);
	fakecore_fini(&f);
}
END_TEST

/* The count lies in a section header at the very end: without it the headers are found all the
 * same. */
START_TEST(xnum_lost)
{
	struct fakecore f;
	AUTO_STR(bytes);
	whole_core(&f, &machines[_i]);
	f.xnum = true;
	fakecore_build(&f, &bytes);
	struct parsed p;
	ck_assert_ok(parsed_from(&p, bytes.bytes, bytes.len));
	ck_assert_uint_eq(p.core.head.phnum, f.n_segments + 1);
	ck_assert(!p.core.head.phnum_lost);
	ck_assert_uint_eq(p.core.n_ranges, 7);
	parsed_drop(&p);
	size_t section = f.ptr_size == 8 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	ck_assert_ok(parsed_from(&p, bytes.bytes, bytes.len - section));
	ck_assert(p.core.head.phnum_lost);
	ck_assert(p.core.cut && !p.core.segments_cut);
	ck_assert_uint_eq(p.core.n_ranges, 7);
	ck_assert_uint_eq(p.core.n_threads, THREADS);
	assert_segments(&p.core, &f);
	parsed_drop(&p);
	fakecore_fini(&f);
}
END_TEST

START_TEST(xnum_of_many_segments)
{
	enum { N = 70000 };
	struct fakecore f;
	struct parsed p;
	machine_core(&f, &machines[_i]);
	f.xnum = true;
	fakecore_thread(&f, 1, SIGABRT, 0, 0);
	for (unsigned i = 0; i < N; i++)
		fakecore_segment(&f, ((uint64_t)N - i) * CORE_PAGE, "x", 1, 1, PF_R);
	parsed_build(&p, &f);
	ck_assert_uint_eq(p.core.head.phnum, N + 1);
	ck_assert_uint_eq(p.core.n_ranges, N);
	assert_consistent(&p.core);
	ck_assert_uint_eq(p.core.ranges[0].start, CORE_PAGE);
	size_t hint = 0, missed = 0;
	for (unsigned i = 1; i <= N; i++) {
		missed += elfcore_range_at(&p.core, (uint64_t)i * CORE_PAGE, NULL) !=
			  &p.core.ranges[i - 1];
		missed += elfcore_range_at(&p.core, (uint64_t)i * CORE_PAGE, &hint) !=
			  &p.core.ranges[i - 1];
	}
	ck_assert_uint_eq(missed, 0);
	ck_assert_ptr_null(elfcore_range_at(&p.core, CORE_PAGE + 1, &hint));
	ck_assert_ptr_null(elfcore_range_at(&p.core, 0, &hint));
	ck_assert_ptr_null(elfcore_range_at(&p.core, UINT64_MAX, &hint));
	parsed_drop(&p);
}
END_TEST

/* A small address space, painted segment by segment, as the truth about overlaps. */
enum { SPACE = 200, BASE = 0x5000, PAINTED_SEGMENTS = 12, ROUNDS = 400 };

struct paint {
	int backing; /* enum core_backing, or -1 */
	char byte;
	uint32_t flags;
};

static bool covers(int over, int under)
{
	/* saved bytes over all, then later over earlier; among those not saved, cut does not occur
	 * here */
	return over == CORE_SAVED || under != CORE_SAVED;
}

static void paint(struct paint *space, const struct fake_segment *s)
{
	uint64_t length = s->memsz > s->filesz ? s->memsz : s->filesz;
	for (uint64_t i = 0; i < length; i++) {
		int backing = i < s->filesz ? CORE_SAVED : CORE_NOT_SAVED;
		struct paint *at = &space[s->vaddr - BASE + i];
		if (covers(backing, at->backing))
			*at = (struct paint){ backing,
				i < s->filesz ? ((const char *)s->bytes)[i] : 0, s->flags };
	}
}

static void add_random_segment(struct fakecore *f, uint32_t *seed, char bytes[SPACE], unsigned i)
{
	uint32_t start = random_below(seed, SPACE - 1);
	uint32_t filesz = random_below(seed, SPACE - start);
	uint32_t memsz = random_below(seed, SPACE - start);
	if (random_below(seed, 3) == 0)
		filesz = 0;
	for (size_t k = 0; k < SPACE; k++)
		bytes[k] = (char)random_below(seed, 256);
	fakecore_segment(f, BASE + start, bytes, filesz, memsz, i + 1);
}

START_TEST(overlapping_segments_against_paint)
{
	struct fakecore f;
	struct parsed p;
	char bytes[PAINTED_SEGMENTS][SPACE];
	uint32_t seed = (uint32_t)_i + 1;
	struct paint space[SPACE];
	machine_core(&f, &machines[_i % N_MACHINES]);
	for (size_t i = 0; i < SPACE; i++)
		space[i] = (struct paint){ .backing = -1 };
	unsigned n = 1 + random_below(&seed, PAINTED_SEGMENTS);
	for (unsigned i = 0; i < n; i++) {
		add_random_segment(&f, &seed, bytes[i], i);
		paint(space, &f.segments[i]);
	}
	parsed_build(&p, &f);
	assert_consistent(&p.core);
	for (size_t i = 0; i < SPACE; i++) {
		const struct core_range *r = elfcore_range_at(&p.core, BASE + i, NULL);
		bool same = (r ? (int)r->backing : -1) == space[i].backing &&
			    (!r || r->flags == space[i].flags);
		if (same && r && r->backing == CORE_SAVED)
			same = p.core.bytes[r->offset + (BASE + i - r->start)] ==
			       (uint8_t)space[i].byte;
		ck_assert_msg(same, "address %zu of round %d", i, _i);
	}
	parsed_drop(&p);
}
END_TEST

/* A quadratic sweep or sort would take minutes. */
START_TEST(many_overlaps_are_quick)
{
	enum { N = 60000 };
	struct fakecore f;
	struct parsed p;
	machine_core(&f, &machines[0]);
	f.xnum = true;
	for (uint64_t i = 0; i < N; i++) {
		uint64_t start = _i == 0 ? i : _i == 1 ? N - i : i * 7919 % N;
		fakecore_segment(&f, start * 16, NULL, 0, (uint64_t)N * 16, PF_R);
	}
	parsed_build(&p, &f);
	assert_consistent(&p.core);
	ck_assert_uint_ge(p.core.n_ranges, 1);
	ck_assert_uint_le(p.core.n_ranges, 2 * N);
	parsed_drop(&p);
}
END_TEST

START_TEST(neighbours_are_not_joined)
{
	struct fakecore f;
	struct parsed p;
	machine_core(&f, &machines[0]);
	fakecore_segment(&f, 0x1000, "abcd", 4, 4, PF_R);
	fakecore_segment(&f, 0x1004, "efgh", 4, 4, PF_R);
	parsed_build(&p, &f);
	ck_assert_uint_eq(p.core.n_ranges, 2);
	parsed_drop(&p);
}
END_TEST

START_TEST(the_end_of_the_address_space)
{
	struct fakecore f;
	struct parsed p;
	bool wide = machines[_i].ptr_size == 8;
	uint64_t top = wide ? UINT64_MAX - CORE_PAGE + 1 : (uint64_t)1 << 32;
	machine_core(&f, &machines[_i]);
	fakecore_segment(&f, top - 8, "0123456789abcdef", 16, 16, PF_R);
	fakecore_segment(&f, top, "x", 1, 16, PF_R);
	fakecore_segment(&f, 0x1000, "x", 1, top, PF_R);
	parsed_build(&p, &f);
	assert_consistent(&p.core);
	const struct core_range *last = &p.core.ranges[p.core.n_ranges - 1];
	ck_assert_uint_eq(last->start, top - 8);
	ck_assert_uint_eq(last->end, top);
	ck_assert_int_eq(last->backing, CORE_SAVED);
	parsed_drop(&p);
}
END_TEST

START_TEST(sizes_beyond_all_bounds)
{
	static const uint64_t absurd[] = { UINT64_MAX, UINT64_MAX - 4095, (uint64_t)1 << 63,
		(uint64_t)1 << 60 };
	struct fakecore f;
	AUTO_STR(bytes);
	machine_core(&f, &machines[0]);
	fakecore_segment(&f, 0x1000, "x", 1, 1, PF_R);
	fakecore_build(&f, &bytes);
	/* second header: p_offset 8, p_vaddr 16, p_filesz 32, p_memsz 40 */
	size_t header = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
	static const size_t fields[] = { 8, 16, 32, 40 };
	for (unsigned mask = 1; mask < 16; mask++) {
		AUTO_STR(bad);
		str_add(&bad, bytes.bytes, bytes.len);
		for (size_t k = 0; k < 4; k++) {
			if (mask >> k & 1)
				memcpy(bad.bytes + header + fields[k], &absurd[_i], 8);
		}
		struct parsed p;
		ck_assert_ok(parsed_from(&p, bad.bytes, bad.len));
		assert_consistent(&p.core);
		parsed_drop(&p);
	}
	fakecore_fini(&f);
}
END_TEST

START_TEST(a_flipped_byte_anywhere)
{
	struct fakecore f;
	AUTO_STR(bytes);
	uint32_t seed = (uint32_t)_i;
	whole_core(&f, &machines[_i % N_MACHINES]);
	f.gdb = _i & 1;
	f.xnum = _i & 2;
	fakecore_build(&f, &bytes);
	for (int round = 0; round < 300; round++) {
		AUTO_STR(bad);
		str_add(&bad, bytes.bytes, bytes.len);
		for (uint32_t flips = 1 + random_below(&seed, 4); flips--;)
			bad.bytes[random_below(&seed, (uint32_t)bad.len)] =
				(char)random_below(&seed, 256);
		struct parsed p;
		size_t size =
			bad.len - (round % 3 == 0 ? random_below(&seed, (uint32_t)bad.len) : 0);
		if (failed(parsed_from(&p, bad.bytes, size)))
			continue;
		assert_consistent(&p.core);
		parsed_drop(&p);
	}
	fakecore_fini(&f);
}
END_TEST

START_TEST(what_is_no_core)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *says;
	} rows[] = {
		{ "", 0, "empty" },
		{ "#!/bin/sh\n", 10, "script" },
		{ "hello, world\n", 13, "text file" },
		{ "caf\xc3\xa9\n", 6, "text file" },
		{ "PMDM\x93\xa7", 6, "big-endian" },
		{ "\0\0\0\0\0\0\0\0", 8, "zeros" },
		{ "\x01\x02\x03\x04", 4, "neither an ELF core nor a minidump" },
		{ "\x7f"
		  "EL",
			3, "neither an ELF core nor a minidump" },
	};
	struct parsed p;
	struct err e = parsed_from(&p, rows[_i].bytes, rows[_i].n);
	ck_assert_err(e, ERR_UNSUPPORTED);
	ck_assert_msg(strstr(e.what, rows[_i].says) != NULL, "says: %s", e.what);
}
END_TEST

START_TEST(other_elf_files)
{
	static const struct {
		uint16_t type;
		bool interp;
		const char *says;
	} rows[] = {
		{ ET_EXEC, false, "executable" },
		{ ET_DYN, true, "executable" },
		{ ET_DYN, false, "shared library" },
		{ ET_REL, false, "object file" },
		{ 0xfe00, false, "unknown type" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fakecore f;
		struct parsed p;
		AUTO_STR(bytes);
		machine_core(&f, &machines[_i]);
		f.type = rows[i].type;
		fakecore_segment(&f, 0, "x", 1, 1, PF_R);
		fakecore_build(&f, &bytes);
		size_t head = f.ptr_size == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
		if (rows[i].interp)
			bytes.bytes[head + (f.order == ORDER_LITTLE ? 0 : 3)] = PT_INTERP;
		struct err e = parsed_from(&p, bytes.bytes, bytes.len);
		ck_assert_err(e, ERR_UNSUPPORTED);
		ck_assert_msg(strstr(e.what, rows[i].says) != NULL, "says: %s", e.what);
		fakecore_fini(&f);
	}
}
END_TEST

START_TEST(damaged_headers)
{
	struct fakecore f;
	struct parsed p;
	AUTO_STR(bytes);
	machine_core(&f, &machines[0]);
	fakecore_build(&f, &bytes);
	bytes.bytes[EI_CLASS] = 3;
	ck_assert_err(parsed_from(&p, bytes.bytes, bytes.len), ERR_UNSUPPORTED);
	bytes.bytes[EI_CLASS] = ELFCLASS64;
	bytes.bytes[EI_DATA] = 0;
	ck_assert_err(parsed_from(&p, bytes.bytes, bytes.len), ERR_UNSUPPORTED);
	bytes.bytes[EI_DATA] = ELFDATA2LSB;
	bytes.bytes[offsetof(Elf64_Ehdr, e_phentsize)] = 55;
	ck_assert_err(parsed_from(&p, bytes.bytes, bytes.len), ERR_CORRUPT);
	fakecore_fini(&f);
}
END_TEST

START_TEST(larger_header_entries_are_stepped_over)
{
	struct elf_head h;
	struct fakecore f;
	AUTO_STR(bytes);
	machine_core(&f, &machines[0]);
	fakecore_segment(&f, 0x1000, "abcd", 4, 4, PF_R);
	fakecore_build(&f, &bytes);
	ck_assert_ok(elf_head_parse(bytes.bytes, bytes.len, &h));
	/* two headers of 56 bytes read as one of 112: the note's */
	bytes.bytes[offsetof(Elf64_Ehdr, e_phentsize)] = 112;
	bytes.bytes[offsetof(Elf64_Ehdr, e_phnum)] = 1;
	struct parsed p;
	ck_assert_ok(parsed_from(&p, bytes.bytes, bytes.len));
	ck_assert_uint_eq(p.core.n_ranges, 0);
	ck_assert(!p.core.segments_cut);
	parsed_drop(&p);
	fakecore_fini(&f);
}
END_TEST

static TCase *segments_case(void)
{
	TCase *t = tcase_create("segments");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, ranges_of_a_whole_core, 0, N_MACHINES);
	tcase_add_loop_test(t, overlapping_segments_against_paint, 0, ROUNDS);
	tcase_add_loop_test(t, many_overlaps_are_quick, 0, 3);
	tcase_add_test(t, neighbours_are_not_joined);
	tcase_add_loop_test(t, the_end_of_the_address_space, 0, N_MACHINES);
	tcase_add_loop_test(t, sizes_beyond_all_bounds, 0, 4);
	tcase_add_loop_test(t, xnum_lost, 0, N_MACHINES);
	tcase_add_loop_test(t, xnum_of_many_segments, 0, N_MACHINES);
	tcase_add_test(t, larger_header_entries_are_stepped_over);
	return t;
}

enum { ZEROS_AT = 0x50000, ZEROS = 3 * CORE_PAGE };

/* A core with AT_RANDOM, a page of it with data, then pages of zeros, and behind them `last`. */
static void zeros_core(struct parsed *p, const struct machine *m, uint64_t random, uint8_t last)
{
	static uint8_t page[CORE_PAGE], zeros[ZEROS];
	const uint64_t auxv[] = { AT_RANDOM, random };
	struct fakecore f;
	memset(page, 7, sizeof(page));
	zeros[ZEROS - 1] = last;
	machine_core(&f, m);
	fakecore_thread(&f, FIRST_TID, SIGABRT, 0, 0);
	fakecore_auxv(&f, auxv, 1);
	fakecore_segment(&f, ZEROS_AT, page, sizeof(page), sizeof(page), PF_R | PF_W);
	fakecore_segment(
		&f, ZEROS_AT + CORE_PAGE, zeros, sizeof(zeros), sizeof(zeros), PF_R | PF_W);
	parsed_build(p, &f);
}

START_TEST(zeros_in_place_of_data)
{
	struct core_zeros z = { 0 };
	struct parsed p;
	zeros_core(&p, &machines[_i], ZEROS_AT + 64, 0);
	ck_assert(!core_find_zeros(&p.core, -1, &z));
	parsed_drop(&p);

	uint64_t random = ZEROS_AT + 2 * CORE_PAGE;
	zeros_core(&p, &machines[_i], random, 0);
	uint64_t start = elfcore_range_at(&p.core, ZEROS_AT + CORE_PAGE, NULL)->offset;
	ck_assert(core_find_zeros(&p.core, -1, &z));
	ck_assert(z.found && z.to_end);
	ck_assert_uint_eq(z.address, random);
	ck_assert_uint_ge(z.offset, start);
	ck_assert_uint_lt(z.offset, start + CORE_PAGE);
	parsed_drop(&p);

	zeros_core(&p, &machines[_i], random, 1);
	ck_assert(core_find_zeros(&p.core, -1, &z));
	ck_assert(z.found && !z.to_end);
	ck_assert_uint_eq(z.address, random);
	parsed_drop(&p);
}
END_TEST

static TCase *damage_case(void)
{
	TCase *t = tcase_create("damage");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, every_truncation_point, 0, N_MACHINES);
	tcase_add_loop_test(t, every_truncation_point_of_gdb_and_xnum, 0, 2 * N_MACHINES);
	tcase_add_loop_test(t, a_flipped_byte_anywhere, 0, 40);
	tcase_add_loop_test(t, what_is_no_core, 0, 8);
	tcase_add_loop_test(t, other_elf_files, 0, N_MACHINES);
	tcase_add_test(t, damaged_headers);
	tcase_add_loop_test(t, zeros_in_place_of_data, 0, N_MACHINES);
	return t;
}

Suite *suite_elfcore(void)
{
	Suite *s = suite_create("elfcore");
	suite_add_tcase(s, segments_case());
	suite_add_tcase(s, damage_case());
	return s;
}
