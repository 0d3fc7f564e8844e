/* SPDX-License-Identifier: Apache-2.0 */
#include "suites.h"

#include "../support/fakecore.h"

#include "pycore/alloc.h"
#include "pycore/elfcore.h"
#include "pycore/mem.h"

#include <elf.h>
#include <inttypes.h>
#include <signal.h>

static const struct machine {
	uint16_t machine;
	unsigned ptr_size;
	enum byte_order order;
	const char *name;
} machines[] = {
	{ EM_X86_64, 8, ORDER_LITTLE, "x86_64" },
	{ EM_386, 4, ORDER_LITTLE, "i386" },
	{ EM_AARCH64, 8, ORDER_LITTLE, "aarch64" },
	{ EM_ARM, 4, ORDER_LITTLE, "arm" },
	{ EM_ARM, 4, ORDER_BIG, "arm" },
	{ EM_S390, 8, ORDER_BIG, "s390x" },
	{ EM_PPC64, 8, ORDER_LITTLE, "ppc64le" },
};
enum { N_MACHINES = ARRAY_LEN(machines), PAGE = 4096 };

static void init(struct fakecore *f, const struct machine *m)
{
	fakecore_init(f, m->machine, m->ptr_size, m->order);
}

/* A parsed core over bytes of exactly its size, so that the sanitizer sees any read beyond. */
struct parsed {
	uint8_t *bytes;
	struct elfcore core;
};

static struct err parse(struct parsed *p, const void *bytes, size_t size)
{
	p->bytes = xmalloc(size);
	memcpy(p->bytes, bytes, size);
	struct err e = elfcore_parse(p->bytes, size, &p->core);
	if (failed(e))
		free(p->bytes);
	return e;
}

static void build(struct parsed *p, struct fakecore *f)
{
	AUTO_STR(bytes);
	fakecore_build(f, &bytes);
	ck_assert_ok(parse(p, bytes.bytes, bytes.len));
	fakecore_fini(f);
}

static void drop(struct parsed *p)
{
	elfcore_fini(&p->core);
	free(p->bytes);
}

/* What is wrong with the core's ranges and files, or NULL. Not by assertions of Check, which cost
 * microseconds each. */
static const char *inconsistency(const struct elfcore *c)
{
	uint64_t sums[3] = { 0 }, last = 0;
	for (size_t i = 0; i < c->n_ranges; i++) {
		const struct core_range *r = &c->ranges[i];
		if (r->start >= r->end)
			return "a range is empty";
		if (r->start < last)
			return "ranges overlap or do not ascend";
		last = r->end;
		sums[r->backing] += r->end - r->start;
		bool inside = r->offset <= c->size && r->end - r->start <= c->size - r->offset;
		if (r->backing == CORE_SAVED && !inside)
			return "a saved range is outside of the file";
	}
	if (sums[CORE_SAVED] != c->bytes_saved || sums[CORE_NOT_SAVED] != c->bytes_not_saved ||
		sums[CORE_CUT] != c->bytes_cut || sums[0] + sums[1] + sums[2] != c->bytes_mapped)
		return "the sums are wrong";
	for (size_t i = 1; i < c->n_files; i++) {
		if (c->files[i - 1].start > c->files[i].start)
			return "files do not ascend";
	}
	return c->n_files > c->files_claimed ? "more files than claimed" : NULL;
}

static void assert_consistent(const struct elfcore *c)
{
	const char *wrong = inconsistency(c);
	ck_assert_msg(!wrong, "%s", wrong);
}

static const struct fake_file some_files[] = {
	{ 0x1000, 0x2000, 0, "/usr/bin/python3" },
	{ 0x2000, 0x4000, 1, "/usr/bin/python3" },
	{ 0x9000, 0xa000, 0x10, "/usr/lib/l\xc3\xa9.so (deleted)" },
};
static const uint64_t some_auxv[] = { AT_PAGESZ, 4096, AT_ENTRY, 0x1040, AT_EXECFN, 0xfffe0 };

enum { THREADS = 3, FIRST_TID = 4711 };
static const char text[] = "read-only bytes of a text segment";
static const char heap[] = "bytes of a heap, which is longer than the text, so that they differ";
static const char stack[] = "bytes of a stack";

/* A core with some of everything, as the kernel writes it. Segments are not in the order of addresses. */
static void whole_core(struct fakecore *f, const struct machine *m)
{
	init(f, m);
	fakecore_thread(f, FIRST_TID, SIGSEGV, 0x1100, 0xffe00);
	fakecore_process(f, 4711, "python3", "python3 -c crash()");
	fakecore_siginfo(f, SIGSEGV, SEGV_MAPERR, 0xdead0, false);
	fakecore_auxv(f, some_auxv, 3);
	fakecore_files(f, PAGE, some_files, 3);
	for (int i = 1; i < THREADS; i++)
		fakecore_thread(f, FIRST_TID + i, SIGSEGV, 0x1100 + (unsigned)i, 0xf0000);
	fakecore_segment(f, 0x9000, heap, sizeof(heap), sizeof(heap), PF_R | PF_W);
	fakecore_segment(f, 0x1000, text, sizeof(text), 0x2000, PF_R | PF_X);
	fakecore_segment(f, 0xff000, stack, sizeof(stack), sizeof(stack), PF_R | PF_W);
	fakecore_segment(f, 0x20000, NULL, 0, 0x1000, PF_R);
}

static void assert_range(const struct core_range *r, uint64_t start, uint64_t end,
	enum core_backing backing, uint32_t flags)
{
	ck_assert_uint_eq(r->start, start);
	ck_assert_uint_eq(r->end, end);
	ck_assert_int_eq(r->backing, backing);
	ck_assert_uint_eq(r->flags, flags);
}

START_TEST(a_whole_core_of_every_machine)
{
	struct fakecore f;
	struct parsed p;
	const struct elfcore *c = &p.core;
	whole_core(&f, &machines[_i]);
	build(&p, &f);
	assert_consistent(c);
	ck_assert(!c->cut && !c->notes_cut && !c->segments_cut);
	ck_assert(c->from_kernel);
	ck_assert_uint_eq(c->head.ptr_size, machines[_i].ptr_size);
	ck_assert_uint_eq(c->n_threads, THREADS);
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_eq(c->threads[i].tid, FIRST_TID + i);
		ck_assert_int_eq(c->threads[i].cursig, SIGSEGV);
		ck_assert(c->threads[i].regs.has_pc && c->threads[i].regs.has_sp);
		ck_assert_uint_eq(c->threads[i].regs.pc, 0x1100 + (unsigned)i);
		ck_assert_uint_eq(c->threads[i].regs.sp, i ? 0xf0000 : 0xffe00);
		ck_assert_int_eq(c->threads[i].siginfo.present, i == 0);
	}
	ck_assert_uint_eq(c->threads[0].siginfo.addr, 0xdead0);
	ck_assert(c->has_process);
	ck_assert_int_eq(c->pid, 4711);
	ck_assert_int_eq(c->ppid, 1);
	ck_assert_uint_eq(c->uid, 1000);
	ck_assert_int_eq(c->state, 'R');
	ck_assert_str_eq(c->comm, "python3");
	ck_assert_str_eq(c->args, "python3 -c crash()");
	drop(&p);
}
END_TEST

START_TEST(ranges_of_a_whole_core)
{
	struct fakecore f;
	struct parsed p;
	const struct elfcore *c = &p.core;
	whole_core(&f, &machines[_i]);
	build(&p, &f);
	ck_assert_uint_eq(c->n_ranges, 7);
	assert_range(&c->ranges[0], 0x1000, 0x1000 + sizeof(text), CORE_SAVED, PF_R | PF_X);
	ck_assert_mem_eq(c->bytes + c->ranges[0].offset, text, sizeof(text));
	assert_range(&c->ranges[1], 0x1000 + sizeof(text), 0x3000, CORE_NOT_SAVED, PF_R | PF_X);
	/* known to NT_FILE only */
	assert_range(&c->ranges[2], 0x3000, 0x4000, CORE_NOT_SAVED, PF_R);
	assert_range(&c->ranges[3], 0x9000, 0x9000 + sizeof(heap), CORE_SAVED, PF_R | PF_W);
	ck_assert_mem_eq(c->bytes + c->ranges[3].offset, heap, sizeof(heap));
	assert_range(&c->ranges[4], 0x9000 + sizeof(heap), 0xa000, CORE_NOT_SAVED, PF_R);
	assert_range(&c->ranges[5], 0x20000, 0x21000, CORE_NOT_SAVED, PF_R);
	assert_range(&c->ranges[6], 0xff000, 0xff000 + sizeof(stack), CORE_SAVED, PF_R | PF_W);
	ck_assert_mem_eq(c->bytes + c->ranges[6].offset, stack, sizeof(stack));
	drop(&p);
}
END_TEST

START_TEST(files_and_auxv_of_a_whole_core)
{
	struct fakecore f;
	struct parsed p;
	const struct elfcore *c = &p.core;
	uint64_t v = 7;
	whole_core(&f, &machines[_i]);
	build(&p, &f);
	ck_assert_uint_eq(c->n_files, 3);
	ck_assert_uint_eq(c->files_claimed, 3);
	ck_assert_uint_eq(c->files[1].start, 0x2000);
	ck_assert_uint_eq(c->files[1].end, 0x4000);
	ck_assert_uint_eq(c->files[1].offset, PAGE);
	ck_assert_str_eq(c->files[1].path, "/usr/bin/python3");
	ck_assert_uint_eq(c->files[2].offset, 0x10 * PAGE);
	ck_assert_str_eq(c->files[2].path, some_files[2].path);
	ck_assert_uint_eq(c->n_auxv, 3);
	ck_assert(elfcore_auxv(c, AT_EXECFN, &v));
	ck_assert_uint_eq(v, 0xfffe0);
	ck_assert(!elfcore_auxv(c, AT_PHDR, &v));
	ck_assert_uint_eq(v, 0xfffe0);
	drop(&p);
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
	mem_core_init(&m, c);
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
		struct err e = parse(&p, bytes.bytes, size);
		if (size < head) {
			ck_assert_err(e, size < SELFMAG ? ERR_UNSUPPORTED : ERR_TRUNCATED);
			continue;
		}
		ck_assert_ok(e);
		if (size < bytes.len)
			assert_cut_core(&p.core, f);
		else
			ck_assert(!p.core.cut && !p.core.notes_cut && !p.core.segments_cut);
		drop(&p);
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

/* The count lies in a section header at the very end: without it the headers are found all the same. */
START_TEST(xnum_lost)
{
	struct fakecore f;
	AUTO_STR(bytes);
	whole_core(&f, &machines[_i]);
	f.xnum = true;
	fakecore_build(&f, &bytes);
	struct parsed p;
	ck_assert_ok(parse(&p, bytes.bytes, bytes.len));
	ck_assert_uint_eq(p.core.head.phnum, f.n_segments + 1);
	ck_assert(!p.core.head.phnum_lost);
	ck_assert_uint_eq(p.core.n_ranges, 7);
	drop(&p);
	size_t section = f.ptr_size == 8 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	ck_assert_ok(parse(&p, bytes.bytes, bytes.len - section));
	ck_assert(p.core.head.phnum_lost);
	ck_assert(p.core.cut && !p.core.segments_cut);
	ck_assert_uint_eq(p.core.n_ranges, 7);
	ck_assert_uint_eq(p.core.n_threads, THREADS);
	assert_segments(&p.core, &f);
	drop(&p);
	fakecore_fini(&f);
}
END_TEST

START_TEST(xnum_of_many_segments)
{
	enum { N = 70000 };
	struct fakecore f;
	struct parsed p;
	init(&f, &machines[_i]);
	f.xnum = true;
	fakecore_thread(&f, 1, SIGABRT, 0, 0);
	for (unsigned i = 0; i < N; i++)
		fakecore_segment(&f, ((uint64_t)N - i) * PAGE, "x", 1, 1, PF_R);
	build(&p, &f);
	ck_assert_uint_eq(p.core.head.phnum, N + 1);
	ck_assert_uint_eq(p.core.n_ranges, N);
	assert_consistent(&p.core);
	ck_assert_uint_eq(p.core.ranges[0].start, PAGE);
	size_t hint = 0, missed = 0;
	for (unsigned i = 1; i <= N; i++) {
		missed += elfcore_range_at(&p.core, (uint64_t)i * PAGE, NULL) !=
			  &p.core.ranges[i - 1];
		missed += elfcore_range_at(&p.core, (uint64_t)i * PAGE, &hint) !=
			  &p.core.ranges[i - 1];
	}
	ck_assert_uint_eq(missed, 0);
	ck_assert_ptr_null(elfcore_range_at(&p.core, PAGE + 1, &hint));
	ck_assert_ptr_null(elfcore_range_at(&p.core, 0, &hint));
	ck_assert_ptr_null(elfcore_range_at(&p.core, UINT64_MAX, &hint));
	drop(&p);
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
	/* saved bytes over all, then later over earlier; among those not saved, cut does not occur here */
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

static uint32_t random_below(uint32_t *state, uint32_t n)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % n;
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
	init(&f, &machines[_i % N_MACHINES]);
	for (size_t i = 0; i < SPACE; i++)
		space[i] = (struct paint){ .backing = -1 };
	unsigned n = 1 + random_below(&seed, PAINTED_SEGMENTS);
	for (unsigned i = 0; i < n; i++) {
		add_random_segment(&f, &seed, bytes[i], i);
		paint(space, &f.segments[i]);
	}
	build(&p, &f);
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
	drop(&p);
}
END_TEST

/* A quadratic sweep or sort would take minutes. */
START_TEST(many_overlaps_are_quick)
{
	enum { N = 60000 };
	struct fakecore f;
	struct parsed p;
	init(&f, &machines[0]);
	f.xnum = true;
	for (uint64_t i = 0; i < N; i++) {
		uint64_t start = _i == 0 ? i : _i == 1 ? N - i : i * 7919 % N;
		fakecore_segment(&f, start * 16, NULL, 0, (uint64_t)N * 16, PF_R);
	}
	build(&p, &f);
	assert_consistent(&p.core);
	ck_assert_uint_ge(p.core.n_ranges, 1);
	ck_assert_uint_le(p.core.n_ranges, 2 * N);
	drop(&p);
}
END_TEST

START_TEST(neighbours_are_not_joined)
{
	struct fakecore f;
	struct parsed p;
	init(&f, &machines[0]);
	fakecore_segment(&f, 0x1000, "abcd", 4, 4, PF_R);
	fakecore_segment(&f, 0x1004, "efgh", 4, 4, PF_R);
	build(&p, &f);
	ck_assert_uint_eq(p.core.n_ranges, 2);
	drop(&p);
}
END_TEST

START_TEST(the_end_of_the_address_space)
{
	struct fakecore f;
	struct parsed p;
	bool wide = machines[_i].ptr_size == 8;
	uint64_t top = wide ? UINT64_MAX : UINT32_MAX;
	init(&f, &machines[_i]);
	fakecore_segment(&f, top - 15, "0123456789abcdef", 16, 16, PF_R);
	fakecore_segment(&f, 0x1000, "x", 1, top, PF_R);
	build(&p, &f);
	assert_consistent(&p.core);
	const struct core_range *last = &p.core.ranges[p.core.n_ranges - 1];
	ck_assert_uint_eq(last->start, top - 15);
	ck_assert_uint_eq(last->end, wide ? UINT64_MAX : (uint64_t)1 << 32);
	ck_assert_int_eq(last->backing, CORE_SAVED);
	drop(&p);
}
END_TEST

START_TEST(sizes_beyond_all_bounds)
{
	static const uint64_t absurd[] = { UINT64_MAX, UINT64_MAX - 4095, (uint64_t)1 << 63,
		(uint64_t)1 << 60 };
	struct fakecore f;
	AUTO_STR(bytes);
	init(&f, &machines[0]);
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
		ck_assert_ok(parse(&p, bad.bytes, bad.len));
		assert_consistent(&p.core);
		drop(&p);
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
		if (failed(parse(&p, bad.bytes, size)))
			continue;
		assert_consistent(&p.core);
		drop(&p);
	}
	fakecore_fini(&f);
}
END_TEST

START_TEST(notes_anywhere_and_in_pieces)
{
	struct fakecore f;
	struct parsed p;
	whole_core(&f, &machines[_i]);
	f.note_header = 2;
	f.gdb = true;
	build(&p, &f);
	ck_assert_uint_eq(p.core.n_threads, THREADS);
	ck_assert_uint_eq(p.core.n_ranges, 7);
	drop(&p);
}
END_TEST

START_TEST(a_core_without_notes_or_memory)
{
	struct fakecore f;
	struct parsed p;
	init(&f, &machines[_i]);
	build(&p, &f);
	ck_assert_uint_eq(p.core.n_threads, 0);
	ck_assert_uint_eq(p.core.n_ranges, 0);
	ck_assert(!p.core.from_kernel && !p.core.has_process && !p.core.cut);
	ck_assert_ptr_null(elfcore_range_at(&p.core, 0, NULL));
	drop(&p);
}
END_TEST

/* gdb: NT_PRPSINFO first, NT_SIGINFO for each thread. */
START_TEST(written_by_gdb)
{
	struct fakecore f;
	struct parsed p;
	init(&f, &machines[_i]);
	f.gdb = true;
	fakecore_process(&f, 10, "python3", "python3");
	for (int tid = 10; tid < 13; tid++) {
		fakecore_thread(&f, tid, 0, 1, 2);
		fakecore_siginfo(&f, SIGSTOP, 0x80, 0, false);
	}
	build(&p, &f);
	ck_assert(!p.core.from_kernel);
	ck_assert_uint_eq(p.core.n_threads, 3);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(p.core.threads[i].tid, 10 + i);
		ck_assert(p.core.threads[i].siginfo.present);
		ck_assert_int_eq(p.core.threads[i].siginfo.signo, SIGSTOP);
		ck_assert(!p.core.threads[i].siginfo.has_addr &&
			  !p.core.threads[i].siginfo.has_sender);
	}
	drop(&p);
}
END_TEST

START_TEST(who_wrote_it)
{
	static const struct {
		const char *order; /* S status, P psinfo, F fpregs, G gdb */
		bool kernel;
	} rows[] = {
		{ "SP", true },
		{ "S", true },
		{ "SPF", true },
		{ "PS", false },
		{ "SF", false },
		{ "SPG", false },
		{ "F", false },
		{ "PSFSF", false },
	};
	struct fakecore f;
	struct parsed p;
	init(&f, &machines[0]);
	for (const char *k = rows[_i].order; *k; k++) {
		if (*k == 'S')
			fakecore_thread(&f, 1, 0, 0, 0);
		else if (*k == 'P')
			fakecore_process(&f, 1, "a", "b");
		else
			fakecore_note(&f, *k == 'G' ? "GDB" : "CORE", NT_FPREGSET, "1234", 4);
	}
	build(&p, &f);
	ck_assert_int_eq(p.core.from_kernel, rows[_i].kernel);
	drop(&p);
}
END_TEST

START_TEST(the_name_of_a_note_counts)
{
	struct fakecore f;
	struct parsed p;
	uint8_t zeros[336] = { 0 };
	init(&f, &machines[0]);
	fakecore_note(
		&f, "GNU", NT_PRPSINFO, zeros, 136); /* a build-id has the number of NT_PRPSINFO */
	fakecore_note(&f, "FreeBSD", NT_PRSTATUS, zeros, 336);
	fakecore_note(&f, "CORE2", NT_PRSTATUS, zeros, 336);
	build(&p, &f);
	ck_assert_uint_eq(p.core.n_threads, 0);
	ck_assert(!p.core.has_process);
	drop(&p);
}
END_TEST

START_TEST(an_unknown_machine_still_has_threads)
{
	struct fakecore f;
	struct parsed p;
	uint8_t desc[200] = { 0 };
	bool wide = _i;
	fakecore_init(&f, EM_SPARC, wide ? 8 : 4, ORDER_BIG);
	desc[13] = SIGBUS;
	desc[wide ? 35 : 27] = 99;
	fakecore_note(&f, "CORE", NT_PRSTATUS, desc, sizeof(desc));
	build(&p, &f);
	ck_assert_uint_eq(p.core.n_threads, 1);
	ck_assert_int_eq(p.core.threads[0].tid, 99);
	ck_assert_int_eq(p.core.threads[0].cursig, SIGBUS);
	ck_assert_ptr_null(p.core.threads[0].regs.raw);
	ck_assert(!p.core.threads[0].regs.has_pc);
	drop(&p);
}
END_TEST

START_TEST(process_with_wide_ids)
{
	/* 32-bit machines whose ids have 32 bits: 128 bytes. */
	struct fakecore f;
	struct parsed p;
	AUTO_STR(d);
	fakecore_init(&f, EM_PPC, 4, ORDER_BIG);
	fake_uint(&d, 0x00530000, 4, ORDER_BIG);
	static const uint32_t fields[] = { 0, 100000, 0, 77, 76, 0, 0 };
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		fake_uint(&d, fields[i], 4, ORDER_BIG);
	str_puts(&d, "sixteen bytes...");
	while (d.len < 128)
		str_putc(&d, 'x');
	fakecore_note(&f, "CORE", NT_PRPSINFO, d.bytes, d.len);
	build(&p, &f);
	ck_assert(p.core.has_process);
	ck_assert_int_eq(p.core.state, 'S');
	ck_assert_uint_eq(p.core.uid, 100000);
	ck_assert_int_eq(p.core.pid, 77);
	ck_assert_int_eq(p.core.ppid, 76);
	ck_assert_str_eq(p.core.comm, "sixteen bytes...");
	ck_assert_uint_eq(strlen(p.core.args), 80);
	drop(&p);
}
END_TEST

START_TEST(what_siginfo_says)
{
	static const struct {
		int signo, code;
		bool addr, sender;
	} rows[] = {
		{ SIGSEGV, SEGV_MAPERR, true, false },
		{ SIGBUS, BUS_ADRERR, true, false },
		{ SIGFPE, FPE_INTDIV, true, false },
		{ SIGILL, ILL_ILLOPN, true, false },
		{ SIGTRAP, TRAP_BRKPT, true, false },
		{ SIGSEGV, 0x80, false, false }, /* general protection: SI_KERNEL, no address */
		{ SIGSEGV, SI_USER, false, true },
		{ SIGABRT, SI_TKILL, false, true },
		{ SIGUSR1, SI_QUEUE, false, true },
		{ SIGALRM, SI_TIMER, false, false },
		{ SIGSYS, 1, false, false },
	};
	const struct machine *m = &machines[_i % N_MACHINES];
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fakecore f;
		struct parsed p;
		init(&f, m);
		fakecore_siginfo(&f, SIGQUIT, 0, 1, true); /* of no thread: ignored */
		fakecore_thread(&f, 1, rows[i].signo, 0, 0);
		fakecore_siginfo(&f, rows[i].signo, rows[i].code, 0x12345678, rows[i].sender);
		build(&p, &f);
		const struct core_siginfo *s = &p.core.threads[0].siginfo;
		ck_assert(s->present);
		ck_assert_int_eq(s->signo, rows[i].signo);
		ck_assert_int_eq(s->code, rows[i].code);
		ck_assert_int_eq(s->has_addr, rows[i].addr);
		ck_assert_int_eq(s->has_sender, rows[i].sender);
		ck_assert_uint_eq(s->addr, rows[i].addr ? 0x12345678 : 0);
		ck_assert_int_eq(s->pid, rows[i].sender ? 0x12345678 : 0);
		ck_assert_uint_eq(s->uid, rows[i].sender ? 1000 : 0);
		drop(&p);
	}
}
END_TEST

START_TEST(auxv_is_bounded)
{
	enum { N = AUXV_MAX + 10 };
	uint64_t pairs[2 * N];
	struct fakecore f;
	struct parsed p;
	init(&f, &machines[_i]);
	for (uint64_t i = 0; i < N; i++) {
		pairs[2 * i] = i + 1;
		pairs[2 * i + 1] = i;
	}
	fakecore_auxv(&f, pairs, N);
	build(&p, &f);
	ck_assert_uint_eq(p.core.n_auxv, AUXV_MAX);
	drop(&p);
}
END_TEST

/* Whether NT_FILE with this descriptor is refused or cut without harm. */
static void assert_files(
	const struct machine *m, const struct str *desc, size_t files, uint64_t claimed)
{
	struct fakecore f;
	struct parsed p;
	init(&f, m);
	fakecore_note(&f, "CORE", NT_FILE, desc->bytes, desc->len);
	build(&p, &f);
	assert_consistent(&p.core);
	ck_assert_uint_eq(p.core.n_files, files);
	ck_assert_uint_eq(p.core.files_claimed, claimed);
	drop(&p);
}

START_TEST(hostile_counts_of_files)
{
	const struct machine *m = &machines[_i];
	uint64_t top = m->ptr_size == 8 ? UINT64_MAX : UINT32_MAX;
	const uint64_t counts[] = { top, top / 3, top / 3 + 1, top / 24 + 1, top / 12 + 1, 1u << 31,
		100000, 3 };
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		AUTO_STR(d);
		fake_uint(&d, counts[i], m->ptr_size, m->order);
		fake_uint(&d, PAGE, m->ptr_size, m->order);
		for (int k = 0; k < 6; k++)
			fake_uint(&d, 0x1000, m->ptr_size, m->order);
		str_add(&d, "/a\0/b\0", 6);
		assert_files(m, &d, 0, counts[i]);
	}
}
END_TEST

START_TEST(rows_that_cannot_be_are_dropped)
{
	const struct machine *m = &machines[_i];
	bool wide = m->ptr_size == 8;
	const uint64_t rows[][3] = {
		{ 0x9000, 0xa000, 0 },
		{ 0x5000, 0x5000, 0 }, /* empty */
		{ 0x6000, 0x5000, 0 }, /* backwards */
		{ 0x7000, 0x8000, wide ? UINT64_MAX / 2 : 0 }, /* offset beyond 64 bits */
		{ 0x1000, 0x2000, 1 },
	};
	AUTO_STR(d);
	fake_uint(&d, ARRAY_LEN(rows), m->ptr_size, m->order);
	fake_uint(&d, PAGE, m->ptr_size, m->order);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (int k = 0; k < 3; k++)
			fake_uint(&d, rows[i][k], m->ptr_size, m->order);
	}
	str_add(&d, "/a\0/b\0/c\0/d\0/e\0", 15);
	assert_files(m, &d, wide ? 2 : 3, 5);
	/* names that end early: the last row has no end of its name, so it has none */
	str_clear(&d);
	fake_uint(&d, 2, m->ptr_size, m->order);
	fake_uint(&d, 1, m->ptr_size, m->order);
	for (int k = 0; k < 6; k++)
		fake_uint(&d, (uint64_t)k * 100, m->ptr_size, m->order);
	str_add(&d, "/a\0/b", 5);
	assert_files(m, &d, 1, 2);
}
END_TEST

START_TEST(files_out_of_order)
{
	static const struct fake_file files[] = { { 0x9000, 0xa000, 0, "/c" },
		{ 0x1000, 0x2000, 0, "/a" }, { 0x5000, 0x6000, 3, "/b" } };
	struct fakecore f;
	struct parsed p;
	init(&f, &machines[_i]);
	fakecore_files(&f, 1, files, 3);
	build(&p, &f);
	ck_assert_uint_eq(p.core.n_files, 3);
	ck_assert_str_eq(p.core.files[0].path, "/a");
	ck_assert_str_eq(p.core.files[1].path, "/b");
	ck_assert_uint_eq(p.core.files[1].offset, 3);
	ck_assert_str_eq(p.core.files[2].path, "/c");
	drop(&p);
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
		{ "MDMP\x93\xa7", 6, "minidump" },
		{ "\0\0\0\0\0\0\0\0", 8, "zeros" },
		{ "\x01\x02\x03\x04", 4, "not an ELF core" },
		{ "\x7f"
		  "EL",
			3, "not an ELF core" },
	};
	struct parsed p;
	struct err e = parse(&p, rows[_i].bytes, rows[_i].n);
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
		init(&f, &machines[_i]);
		f.type = rows[i].type;
		fakecore_segment(&f, 0, "x", 1, 1, PF_R);
		fakecore_build(&f, &bytes);
		size_t head = f.ptr_size == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
		if (rows[i].interp)
			bytes.bytes[head + (f.order == ORDER_LITTLE ? 0 : 3)] = PT_INTERP;
		struct err e = parse(&p, bytes.bytes, bytes.len);
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
	init(&f, &machines[0]);
	fakecore_build(&f, &bytes);
	bytes.bytes[EI_CLASS] = 3;
	ck_assert_err(parse(&p, bytes.bytes, bytes.len), ERR_UNSUPPORTED);
	bytes.bytes[EI_CLASS] = ELFCLASS64;
	bytes.bytes[EI_DATA] = 0;
	ck_assert_err(parse(&p, bytes.bytes, bytes.len), ERR_UNSUPPORTED);
	bytes.bytes[EI_DATA] = ELFDATA2LSB;
	bytes.bytes[offsetof(Elf64_Ehdr, e_phentsize)] = 55;
	ck_assert_err(parse(&p, bytes.bytes, bytes.len), ERR_CORRUPT);
	fakecore_fini(&f);
}
END_TEST

START_TEST(larger_header_entries_are_stepped_over)
{
	struct elf_head h;
	struct fakecore f;
	AUTO_STR(bytes);
	init(&f, &machines[0]);
	fakecore_segment(&f, 0x1000, "abcd", 4, 4, PF_R);
	fakecore_build(&f, &bytes);
	ck_assert_ok(elf_head_parse(bytes.bytes, bytes.len, &h));
	/* two headers of 56 bytes read as one of 112: the note's */
	bytes.bytes[offsetof(Elf64_Ehdr, e_phentsize)] = 112;
	bytes.bytes[offsetof(Elf64_Ehdr, e_phnum)] = 1;
	struct parsed p;
	ck_assert_ok(parse(&p, bytes.bytes, bytes.len));
	ck_assert_uint_eq(p.core.n_ranges, 0);
	ck_assert(!p.core.segments_cut);
	drop(&p);
	fakecore_fini(&f);
}
END_TEST

/* Register i holds 0x1000 + i, so that an index that is off by one is seen. */
static void numbered(const struct core_arch *a, uint64_t regs[64])
{
	for (size_t i = 0; i < a->regs_size / a->reg_size; i++)
		regs[i] = 0x1000 + i;
}

static struct core_regs only_thread(struct fakecore *f, struct parsed *p)
{
	build(p, f);
	ck_assert_uint_eq(p->core.n_threads, 1);
	return p->core.threads[0].regs;
}

START_TEST(registers_of_x86)
{
	struct fakecore f;
	struct parsed p;
	uint64_t regs[64];
	init(&f, &machines[0]);
	numbered(core_arch_find(EM_X86_64, 8), regs);
	regs[15] = 202;
	fakecore_thread_regs(&f, 1, 0, regs, 27);
	struct core_regs r = only_thread(&f, &p);
	ck_assert_uint_eq(r.pc, 0x1000 + 16);
	ck_assert_uint_eq(r.sp, 0x1000 + 19);
	ck_assert(r.has_tls);
	ck_assert_uint_eq(r.tls, 0x1000 + 21);
	ck_assert(r.has_syscall);
	ck_assert_int_eq(r.syscall, 202);
	ck_assert_uint_eq(r.syscall_arg, 0x1000 + 14);
	ck_assert_uint_eq(r.raw_size, 216);
	drop(&p);
	init(&f, &machines[0]);
	regs[15] = UINT64_MAX;
	fakecore_thread_regs(&f, 1, 0, regs, 27);
	ck_assert_int_eq(only_thread(&f, &p).syscall, -1);
	drop(&p);
}
END_TEST

START_TEST(registers_of_i386)
{
	struct fakecore f;
	struct parsed p;
	uint64_t regs[64];
	init(&f, &machines[1]);
	numbered(core_arch_find(EM_386, 4), regs);
	regs[10] = 6 << 3 | 3; /* gs selects entry 6 */
	regs[11] = 240;
	fakecore_thread_regs(&f, 1, 0, regs, 17);
	static const uint32_t entries[] = { 5, 0x11110000, 0, 0, 6, 0xb7f00000, 0xfffff, 0x51, 7,
		0x2222, 0, 0 };
	fakecore_note(&f, "LINUX", NT_386_TLS, entries, sizeof(entries));
	struct core_regs r = only_thread(&f, &p);
	ck_assert_uint_eq(r.pc, 0x1000 + 12);
	ck_assert_uint_eq(r.sp, 0x1000 + 15);
	ck_assert_int_eq(r.syscall, 240);
	ck_assert_uint_eq(r.syscall_arg, 0x1000);
	ck_assert(r.has_tls);
	ck_assert_uint_eq(r.tls, 0xb7f00000);
	drop(&p);
	/* no such entry, and a cut one */
	init(&f, &machines[1]);
	regs[11] = UINT32_MAX;
	fakecore_thread_regs(&f, 1, 0, regs, 17);
	fakecore_note(&f, "LINUX", NT_386_TLS, entries, 16);
	fakecore_note(&f, "LINUX", NT_386_TLS, entries + 4, 12);
	r = only_thread(&f, &p);
	ck_assert(!r.has_tls);
	ck_assert_int_eq(r.syscall, -1);
	drop(&p);
}
END_TEST

START_TEST(registers_of_aarch64)
{
	struct fakecore f;
	struct parsed p;
	uint64_t regs[64];
	static const uint32_t number = 98, none = UINT32_MAX;
	static const uint64_t tls[] = { 0x7f0000001000, 0 };
	init(&f, &machines[2]);
	numbered(core_arch_find(EM_AARCH64, 8), regs);
	fakecore_thread_regs(&f, 1, 0, regs, 34);
	fakecore_note(&f, "LINUX", NT_ARM_TLS, tls, 16);
	fakecore_note(&f, "LINUX", NT_ARM_SYSTEM_CALL, &number, 4);
	struct core_regs r = only_thread(&f, &p);
	ck_assert_uint_eq(r.pc, 0x1000 + 32);
	ck_assert_uint_eq(r.sp, 0x1000 + 31);
	ck_assert(r.has_tls && r.has_syscall);
	ck_assert_uint_eq(r.tls, 0x7f0000001000);
	ck_assert_int_eq(r.syscall, 98);
	ck_assert_uint_eq(r.syscall_arg, 0x1000);
	drop(&p);
	init(&f, &machines[2]);
	fakecore_thread_regs(&f, 1, 0, regs, 34);
	fakecore_note(&f, "LINUX", NT_ARM_TLS, tls, 4);
	fakecore_note(&f, "LINUX", NT_ARM_SYSTEM_CALL, &none, 4);
	r = only_thread(&f, &p);
	ck_assert(!r.has_tls && r.has_syscall);
	ck_assert_int_eq(r.syscall, -1);
	drop(&p);
}
END_TEST

START_TEST(registers_of_arm)
{
	for (int m = 3; m <= 4; m++) {
		struct fakecore f;
		struct parsed p;
		uint64_t regs[64];
		AUTO_STR(tls);
		init(&f, &machines[m]);
		numbered(core_arch_find(EM_ARM, 4), regs);
		regs[7] = 240;
		fakecore_thread_regs(&f, 1, 0, regs, 18);
		fake_uint(&tls, 0xb6f01234, 4, machines[m].order);
		fakecore_note(&f, "LINUX", NT_ARM_TLS, tls.bytes, tls.len);
		struct core_regs r = only_thread(&f, &p);
		ck_assert_uint_eq(r.pc, 0x1000 + 15);
		ck_assert_uint_eq(r.sp, 0x1000 + 13);
		ck_assert_uint_eq(r.tls, 0xb6f01234);
		ck_assert_int_eq(r.syscall, 240);
		ck_assert_uint_eq(r.syscall_arg, 0x1000 + 17);
		drop(&p);
		init(&f, &machines[m]);
		regs[17] = UINT32_MAX; /* orig_r0 outside of a system call */
		fakecore_thread_regs(&f, 1, 0, regs, 18);
		ck_assert_int_eq(only_thread(&f, &p).syscall, -1);
		drop(&p);
	}
}
END_TEST

START_TEST(registers_of_s390x)
{
	struct fakecore f;
	struct parsed p;
	uint64_t regs[64];
	init(&f, &machines[5]);
	numbered(core_arch_find(EM_S390, 8), regs);
	regs[18] = 0x000003ff12345678; /* a0:a1 */
	fakecore_thread_regs(&f, 1, 0, regs, 27);
	fakecore_note(&f, "LINUX", NT_S390_SYSTEM_CALL, "\x00\x02\x00\xee", 4); /* svc, length 2 */
	struct core_regs r = only_thread(&f, &p);
	ck_assert_uint_eq(r.pc, 0x1000 + 1);
	ck_assert_uint_eq(r.sp, 0x1000 + 2 + 15);
	ck_assert_uint_eq(r.tls, 0x000003ff12345678);
	ck_assert(r.has_syscall);
	ck_assert_int_eq(r.syscall, 238);
	ck_assert_uint_eq(r.syscall_arg, 0x1000 + 26);
	drop(&p);
	init(&f, &machines[5]);
	fakecore_thread_regs(&f, 1, 0, regs, 27);
	fakecore_note(&f, "LINUX", NT_S390_SYSTEM_CALL, "\0\0\0\0", 4);
	ck_assert_int_eq(only_thread(&f, &p).syscall, -1);
	drop(&p);
}
END_TEST

START_TEST(registers_of_ppc64)
{
	static const struct {
		uint64_t trap;
		int64_t syscall;
	} rows[] = { { 0xc00, 221 }, { 0xc01, 221 }, { 0x3000, 221 }, { 0x300, -1 }, { 0, -1 } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fakecore f;
		struct parsed p;
		uint64_t regs[64];
		init(&f, &machines[6]);
		numbered(core_arch_find(EM_PPC64, 8), regs);
		regs[0] = 221;
		regs[40] = rows[i].trap;
		fakecore_thread_regs(&f, 1, 0, regs, 48);
		struct core_regs r = only_thread(&f, &p);
		ck_assert_uint_eq(r.pc, 0x1000 + 32);
		ck_assert_uint_eq(r.sp, 0x1000 + 1);
		ck_assert_uint_eq(r.tls, 0x1000 + 13);
		ck_assert_int_eq(r.syscall, rows[i].syscall);
		ck_assert_uint_eq(r.syscall_arg, 0x1000 + 34);
		drop(&p);
	}
}
END_TEST

START_TEST(rows_of_architectures_fit)
{
	for (int i = 0; i < N_MACHINES; i++) {
		const struct core_arch *a =
			core_arch_find(machines[i].machine, machines[i].ptr_size);
		ck_assert_ptr_nonnull(a);
		ck_assert_str_eq(a->name, machines[i].name);
		ck_assert_uint_eq(a->reg_size, a->ptr_size);
		/* pr_fpvalid and padding follow the registers */
		size_t after = a->prstatus_size - a->regs_at - a->regs_size;
		ck_assert_uint_eq(after, a->ptr_size);
		int n = (int)(a->regs_size / a->reg_size);
		ck_assert_int_lt(a->pc, n);
		ck_assert_int_lt(a->sp, n);
		ck_assert_int_lt(a->tls, n);
		ck_assert_int_lt(a->syscall, n);
		ck_assert_int_lt(a->syscall_arg, n);
		ck_assert_int_lt(a->in_call, n);
		ck_assert_int_gt(a->futex, 0);
	}
	ck_assert_ptr_null(core_arch_find(EM_X86_64, 4));
	ck_assert_ptr_null(core_arch_find(EM_NONE, 8));
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
	return t;
}

static TCase *corenotes_case(void)
{
	TCase *t = tcase_create("core notes");
	tcase_add_loop_test(t, a_whole_core_of_every_machine, 0, N_MACHINES);
	tcase_add_loop_test(t, files_and_auxv_of_a_whole_core, 0, N_MACHINES);
	tcase_add_loop_test(t, notes_anywhere_and_in_pieces, 0, N_MACHINES);
	tcase_add_loop_test(t, a_core_without_notes_or_memory, 0, N_MACHINES);
	tcase_add_loop_test(t, written_by_gdb, 0, N_MACHINES);
	tcase_add_loop_test(t, who_wrote_it, 0, 8);
	tcase_add_test(t, the_name_of_a_note_counts);
	tcase_add_loop_test(t, an_unknown_machine_still_has_threads, 0, 2);
	tcase_add_test(t, process_with_wide_ids);
	tcase_add_loop_test(t, what_siginfo_says, 0, N_MACHINES);
	tcase_add_loop_test(t, auxv_is_bounded, 0, N_MACHINES);
	tcase_add_loop_test(t, hostile_counts_of_files, 0, N_MACHINES);
	tcase_add_loop_test(t, rows_that_cannot_be_are_dropped, 0, N_MACHINES);
	tcase_add_loop_test(t, files_out_of_order, 0, N_MACHINES);
	return t;
}

static TCase *registers_case(void)
{
	TCase *t = tcase_create("registers");
	tcase_add_test(t, registers_of_x86);
	tcase_add_test(t, registers_of_i386);
	tcase_add_test(t, registers_of_aarch64);
	tcase_add_test(t, registers_of_arm);
	tcase_add_test(t, registers_of_s390x);
	tcase_add_test(t, registers_of_ppc64);
	tcase_add_test(t, rows_of_architectures_fit);
	return t;
}

Suite *suite_elfcore(void)
{
	Suite *s = suite_create("elfcore");
	suite_add_tcase(s, segments_case());
	suite_add_tcase(s, corenotes_case());
	suite_add_tcase(s, damage_case());
	suite_add_tcase(s, registers_case());
	return s;
}
