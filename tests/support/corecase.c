/* SPDX-License-Identifier: Apache-2.0 */
#include "corecase.h"

#include "../unit/suites.h"

#include "pycore/alloc.h"

#include <elf.h>
#include <signal.h>

const struct machine machines[N_MACHINES] = {
	{ EM_X86_64, 8, ORDER_LITTLE, "x86_64" },
	{ EM_386, 4, ORDER_LITTLE, "i386" },
	{ EM_AARCH64, 8, ORDER_LITTLE, "aarch64" },
	{ EM_ARM, 4, ORDER_LITTLE, "arm" },
	{ EM_ARM, 4, ORDER_BIG, "arm" },
	{ EM_S390, 8, ORDER_BIG, "s390x" },
	{ EM_PPC64, 8, ORDER_LITTLE, "ppc64le" },
};

void machine_core(struct fakecore *f, const struct machine *m)
{
	fakecore_init(f, m->machine, m->ptr_size, m->order);
}

struct err parsed_from(struct parsed *p, const void *bytes, size_t size)
{
	p->bytes = xmalloc(size);
	memcpy(p->bytes, bytes, size);
	struct err e = elfcore_parse(p->bytes, size, &p->core);
	if (failed(e))
		free(p->bytes);
	return e;
}

void parsed_build(struct parsed *p, struct fakecore *f)
{
	AUTO_STR(bytes);
	fakecore_build(f, &bytes);
	ck_assert_ok(parsed_from(p, bytes.bytes, bytes.len));
	fakecore_fini(f);
}

void parsed_drop(struct parsed *p)
{
	elfcore_fini(&p->core);
	free(p->bytes);
}

const char *core_inconsistency(const struct elfcore *c)
{
	uint64_t sums[CORE_UNLISTED + 1] = { 0 }, all = 0, last = 0;
	for (size_t i = 0; i < c->n_ranges; i++) {
		const struct core_range *r = &c->ranges[i];
		if (r->start >= r->end)
			return "a range is empty";
		if (r->start < last)
			return "ranges overlap or do not ascend";
		last = r->end;
		sums[r->backing] += r->end - r->start;
		all += r->end - r->start;
		bool inside = r->offset <= c->size && r->end - r->start <= c->size - r->offset;
		if (r->backing == CORE_SAVED && !inside)
			return "a saved range is outside of the file";
	}
	if (sums[CORE_SAVED] != c->bytes_saved || sums[CORE_NOT_SAVED] != c->bytes_not_saved ||
		sums[CORE_CUT] != c->bytes_cut || sums[CORE_UNLISTED] != c->bytes_unlisted ||
		all != c->bytes_mapped)
		return "the sums are wrong";
	for (size_t i = 1; i < c->n_files; i++) {
		if (c->files[i - 1].start > c->files[i].start)
			return "files do not ascend";
	}
	return c->n_files > c->files_claimed ? "more files than claimed" : NULL;
}

void assert_consistent(const struct elfcore *c)
{
	const char *wrong = core_inconsistency(c);
	ck_assert_msg(!wrong, "%s", wrong);
}

const struct fake_file some_files[3] = {
	{ 0x1000, 0x2000, 0, "/usr/bin/python3" },
	{ 0x2000, 0x4000, 1, "/usr/bin/python3" },
	{ 0x9000, 0xa000, 0x10, "/usr/lib/l\xc3\xa9.so (deleted)" },
};
const uint64_t some_auxv[6] = { AT_PAGESZ, 4096, AT_ENTRY, 0x1040, AT_EXECFN, 0xfffe0 };

const char text_bytes[] = "read-only bytes of a text segment";
const char heap_bytes[] = "bytes of a heap, which is longer than the text, so that they differ";
const char stack_bytes[] = "bytes of a stack";

void whole_core(struct fakecore *f, const struct machine *m)
{
	machine_core(f, m);
	fakecore_thread(f, FIRST_TID, SIGSEGV, 0x1100, 0xffe00);
	fakecore_process(f, 4711, "python3", "python3 -c crash()");
	fakecore_siginfo(f, SIGSEGV, SEGV_MAPERR, 0xdead0, false);
	fakecore_auxv(f, some_auxv, 3);
	fakecore_files(f, CORE_PAGE, some_files, 3);
	for (int i = 1; i < THREADS; i++)
		fakecore_thread(f, FIRST_TID + i, SIGSEGV, 0x1100 + (unsigned)i, 0xf0000);
	fakecore_segment(
		f, 0x9000, heap_bytes, sizeof(heap_bytes), sizeof(heap_bytes), PF_R | PF_W);
	fakecore_segment(f, 0x1000, text_bytes, sizeof(text_bytes), 0x2000, PF_R | PF_X);
	fakecore_segment(
		f, 0xff000, stack_bytes, sizeof(stack_bytes), sizeof(stack_bytes), PF_R | PF_W);
	fakecore_segment(f, 0x20000, NULL, 0, 0x1000, PF_R);
}

uint32_t random_below(uint32_t *state, uint32_t n)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % n;
}