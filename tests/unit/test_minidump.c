/* SPDX-License-Identifier: Apache-2.0 */
/* Minidumps, written byte by byte: those of LLDB, Breakpad and Crashpad, cut, damaged and hostile.
 */
#include "suites.h"

#include "../support/corecase.h"

#include "pycore/alloc.h"
#include "pycore/elfcore.h"
#include "pycore/str.h"

#include <elf.h>
#include <signal.h>

enum {
	THREAD_LIST = 3,
	MODULE_LIST = 4,
	MEMORY_LIST = 5,
	EXCEPTION = 6,
	SYSTEM_INFO = 7,
	MEMORY_64 = 9,
	MISC_INFO = 15,
	MEMORY_INFO = 16,
	STATUS = 0x47670004,
	CMDLINE = 0x47670006,
	AUXV = 0x47670008,
	MAPS = 0x47670009,
};

enum { STREAMS = 16, DATA = 32 + STREAMS * 12, LLDB_MARK = 0x4c4c4442, LINUX = 0x8201 };
enum { X86 = 0, ARM = 5, AMD64 = 9, ARM64 = 12, OLD_ARM64 = 0x8003 };

/* What is behind the directory, whose rows are filled in as streams are added. */
struct dump {
	struct str bytes;
	size_t n;
};

static void put(struct str *s, uint64_t value, unsigned size)
{
	fake_uint(s, value, size, ORDER_LITTLE);
}

static void put_zeros(struct str *s, size_t n)
{
	while (n--)
		str_putc(s, '\0');
}

static void set(struct str *s, size_t at, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		s->bytes[at + i] = (char)(value >> 8 * i);
}

static void dump_init(struct dump *d)
{
	*d = (struct dump){ 0 };
	str_add(&d->bytes, "MDMP\x93\xa7\0\0", 8);
	put(&d->bytes, STREAMS, 4);
	put(&d->bytes, 32, 4);
	put_zeros(&d->bytes, DATA - 16);
}

/* The bytes from `from` to the end become a stream. */
static void dump_stream(struct dump *d, uint32_t type, size_t from)
{
	size_t at = 32 + 12 * d->n++;
	ck_assert_uint_le(d->n, STREAMS);
	set(&d->bytes, at, type, 4);
	set(&d->bytes, at + 4, d->bytes.len - from, 4);
	set(&d->bytes, at + 8, from, 4);
}

static size_t dump_bytes(struct dump *d, const void *bytes, size_t n)
{
	str_add(&d->bytes, bytes, n);
	return d->bytes.len - n;
}

static void dump_text(struct dump *d, uint32_t type, const char *text)
{
	dump_stream(d, type, dump_bytes(d, text, strlen(text)));
}

static void dump_system(struct dump *d, unsigned processor, unsigned platform)
{
	size_t from = d->bytes.len;
	put(&d->bytes, processor, 2);
	put_zeros(&d->bytes, 18);
	put(&d->bytes, platform, 4);
	put_zeros(&d->bytes, 32);
	dump_stream(d, SYSTEM_INFO, from);
}

/* A context of x86_64: register number i of the processor's own order is `base + i`. */
static size_t dump_context(struct dump *d, uint32_t flags, size_t size, uint64_t rip, uint64_t rsp)
{
	size_t at = d->bytes.len;
	put_zeros(&d->bytes, size);
	set(&d->bytes, at + 0x30, flags, 4);
	set(&d->bytes, at + 0x44, 0x246, 4);
	for (unsigned i = 0; i < 16; i++)
		set(&d->bytes, at + 0x78 + 8 * i, 0x1000 + i, 8);
	set(&d->bytes, at + 0x98, rsp, 8);
	set(&d->bytes, at + 0xf8, rip, 8);
	return at;
}

struct thread_row {
	uint32_t tid;
	uint64_t teb, stack;
	size_t stack_size, stack_at, context_size, context_at;
};

static void dump_threads(struct dump *d, const struct thread_row *rows, size_t n)
{
	size_t from = d->bytes.len;
	put(&d->bytes, n, 4);
	for (size_t i = 0; i < n; i++) {
		put(&d->bytes, rows[i].tid, 4);
		put_zeros(&d->bytes, 12);
		put(&d->bytes, rows[i].teb, 8);
		put(&d->bytes, rows[i].stack, 8);
		put(&d->bytes, rows[i].stack_size, 4);
		put(&d->bytes, rows[i].stack_at, 4);
		put(&d->bytes, rows[i].context_size, 4);
		put(&d->bytes, rows[i].context_at, 4);
	}
	dump_stream(d, THREAD_LIST, from);
}

static void dump_exception(struct dump *d, uint32_t tid, uint32_t code, uint32_t flags,
	uint64_t addr, const char *words, const struct thread_row *context)
{
	size_t from = d->bytes.len;
	put(&d->bytes, tid, 4);
	put(&d->bytes, 0, 4);
	put(&d->bytes, code, 4);
	put(&d->bytes, flags, 4);
	put(&d->bytes, 0, 8);
	put(&d->bytes, addr, 8);
	put(&d->bytes, words ? 1 : 0, 4);
	put(&d->bytes, 0, 4);
	size_t at = d->bytes.len;
	put_zeros(&d->bytes, 15 * 8);
	if (words)
		memcpy(d->bytes.bytes + at, words, strlen(words));
	put(&d->bytes, context ? context->context_size : 0, 4);
	put(&d->bytes, context ? context->context_at : 0, 4);
	dump_stream(d, EXCEPTION, from);
}

static void dump_memory(struct dump *d, uint64_t start, size_t size, size_t at)
{
	size_t from = d->bytes.len;
	put(&d->bytes, 1, 4);
	put(&d->bytes, start, 8);
	put(&d->bytes, size, 4);
	put(&d->bytes, at, 4);
	dump_stream(d, MEMORY_LIST, from);
}

/* ASCII only. `record` is what stands where a build-id can. */
static void dump_module_with(
	struct dump *d, uint64_t base, uint32_t size, const char *name, const char *record)
{
	size_t name_at = d->bytes.len;
	put(&d->bytes, 2 * strlen(name), 4);
	for (const char *c = name; *c; c++)
		put(&d->bytes, (uint8_t)*c, 2);
	put(&d->bytes, 0, 2);
	size_t id_at = dump_bytes(d, record, strlen(record));
	size_t from = d->bytes.len;
	put(&d->bytes, 1, 4);
	put(&d->bytes, base, 8);
	put(&d->bytes, size, 4);
	put(&d->bytes, 0, 8);
	put(&d->bytes, name_at, 4);
	put_zeros(&d->bytes, 52);
	put(&d->bytes, strlen(record), 4);
	put(&d->bytes, id_at, 4);
	put_zeros(&d->bytes, 24);
	dump_stream(d, MODULE_LIST, from);
}

static void dump_module(struct dump *d, uint64_t base, uint32_t size, const char *name)
{
	dump_module_with(d, base, size, name, "LEpB0123456789");
}

static const char maps[] =
	"00010000-00011000 r--p 00000000 fd:01 12                         /usr/bin/python3\n"
	"00011000-00013000 r-xp 00001000 fd:01 12                         /usr/bin/python3\n"
	"00013000-00014000 rw-p 00003000 fd:01 12                         /usr/bin/python3\n"
	"00020000-00030000 rw-p 00000000 00:00 0                          [heap]\n"
	"00030000-00031000 ---p 00000000 00:00 0 \n"
	"7ff000-800000 rw-p 00000000 00:00 0                              [stack]\n";
static const char status[] = "Name:\tpython3\nUmask:\t0022\nState:\tt (tracing stop)\nTgid:\t4711\n"
			     "Pid:\t4711\nPPid:\t4700\nUid:\t1000\t1000\t1000\t1000\n"
			     "Gid:\t100\t100\t100\t100\nThreads:\t3\n";

enum { AMD64_FLAGS = 0x100007, LLDB_FLAGS = 0x80100007, SP = 0x7ff800, STACK_SIZE = 0x800 };

/* As LLDB writes it: two threads of three, the heap and the data in one row. */
static void lldb_dump(struct dump *d, uint32_t code)
{
	char stack[STACK_SIZE], data[0x8000];
	memset(stack, 's', sizeof(stack));
	memset(data, 'd', sizeof(data));
	dump_init(d);
	dump_system(d, AMD64, LINUX);
	dump_module(d, 0x10000, 0x4000, "/usr/bin/python3");
	struct thread_row rows[2] = { { .tid = 4712 }, { .tid = 4711, .stack = SP } };
	rows[0].context_size = rows[1].context_size = 0x2e0;
	rows[0].context_at = dump_context(d, LLDB_FLAGS, 0x2e0, 0x11100, 0x20100);
	rows[1].context_at = dump_context(d, LLDB_FLAGS, 0x2e0, 0x11200, SP);
	set(&d->bytes, rows[1].context_at + 0x2d0, 0x7ffd00, 8);
	set(&d->bytes, rows[1].context_at + 0x2d8, 0x99, 8);
	rows[1].stack_size = sizeof(stack);
	rows[1].stack_at = dump_bytes(d, stack, sizeof(stack));
	dump_threads(d, rows, 2);
	dump_exception(d, 4711, code, LLDB_MARK, 0x11200,
		code == SIGSEGV ? "signal SIGSEGV: address not mapped to object "
				  "(fault address=0xdead0)"
				: "signal SIGSTOP",
		&rows[1]);
	size_t words = dump_bytes(d, "python3\0-c\0crash()\0", 19);
	dump_stream(d, CMDLINE, words);
	dump_text(d, STATUS, status);
	size_t auxv = d->bytes.len;
	for (size_t i = 0; i < ARRAY_LEN(some_auxv); i++)
		put(&d->bytes, some_auxv[i], 8);
	dump_stream(d, AUXV, auxv);
	dump_text(d, MAPS, maps);
	dump_memory(d, 0x13800, sizeof(data), dump_bytes(d, data, sizeof(data)));
}

static void dump_parse(struct dump *d, struct parsed *p)
{
	ck_assert_ok(parsed_from(p, d->bytes.bytes, d->bytes.len));
	str_fini(&d->bytes);
	assert_consistent(&p->core);
}

START_TEST(of_lldb)
{
	struct dump d;
	struct parsed p;
	lldb_dump(&d, SIGSTOP);
	dump_parse(&d, &p);
	const struct elfcore *c = &p.core;
	ck_assert(c->minidump && !c->from_kernel && !c->cut && !c->notes_cut && !c->segments_cut);
	ck_assert_uint_eq(c->head.machine, EM_X86_64);
	ck_assert_int_eq(c->pid, 4711);
	ck_assert_int_eq(c->ppid, 4700);
	ck_assert_uint_eq(c->uid, 1000);
	ck_assert_uint_eq(c->gid, 100);
	ck_assert_str_eq(c->comm, "python3");
	ck_assert_uint_eq(c->words_size, 19);
	ck_assert_str_eq(c->words, "python3");
	ck_assert_uint_eq(c->n_auxv, 3);
	ck_assert_uint_eq(c->threads_claimed, 3);
	ck_assert_uint_eq(c->n_threads, 2);
	ck_assert_int_eq(c->threads[0].tid, 4711);
	ck_assert_int_eq(c->threads[1].tid, 4712);
	ck_assert_uint_eq(c->n_files, 3);
	ck_assert_str_eq(c->files[2].path, "/usr/bin/python3");
	ck_assert_uint_eq(c->files[2].offset, 0x3000);
	ck_assert_uint_eq(c->files[0].build_id_size, 10);
	ck_assert_int_eq(memcmp(c->files[0].build_id, "0123456789", 10), 0);
	ck_assert_ptr_null(c->files[1].build_id);
	parsed_drop(&p);
}
END_TEST

START_TEST(ranges_end_where_mappings_do)
{
	static const struct {
		uint64_t start, end;
		enum core_backing backing;
		uint32_t flags;
	} rows[] = {
		{ 0x10000, 0x11000, CORE_NOT_SAVED, PF_R },
		{ 0x11000, 0x13000, CORE_NOT_SAVED, PF_R | PF_X },
		{ 0x13000, 0x13800, CORE_NOT_SAVED, PF_R | PF_W },
		{ 0x13800, 0x14000, CORE_SAVED, PF_R | PF_W },
		{ 0x14000, 0x1b800, CORE_SAVED, PF_R | PF_W }, /* no mapping tells of it */
		{ 0x20000, 0x30000, CORE_NOT_SAVED, PF_R | PF_W },
		{ 0x30000, 0x31000, CORE_NOT_SAVED, 0 },
		{ 0x7ff000, 0x7ff800, CORE_NOT_SAVED, PF_R | PF_W },
		{ 0x7ff800, 0x800000, CORE_SAVED, PF_R | PF_W },
	};
	struct dump d;
	struct parsed p;
	lldb_dump(&d, SIGSTOP);
	dump_parse(&d, &p);
	ck_assert_uint_eq(p.core.n_ranges, ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct core_range *r = &p.core.ranges[i];
		ck_assert_uint_eq(r->start, rows[i].start);
		ck_assert_uint_eq(r->end, rows[i].end);
		ck_assert_int_eq(r->backing, rows[i].backing);
		ck_assert_uint_eq(r->flags, rows[i].flags);
	}
	ck_assert_int_eq(p.core.bytes[p.core.ranges[4].offset], 'd');
	ck_assert_int_eq(p.core.bytes[p.core.ranges[8].offset], 's');
	parsed_drop(&p);
}
END_TEST

static bool get(const struct core_regs *r, const char *name, uint64_t *ret)
{
	return core_regs_get(core_arch_find(EM_X86_64, 8), ORDER_LITTLE, r, name, ret);
}

START_TEST(registers_of_x86_64)
{
	static const char *const names[] = { "rax", "rcx", "rdx", "rbx", NULL, "rbp", "rsi", "rdi",
		"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };
	struct dump d;
	struct parsed p;
	uint64_t v;
	lldb_dump(&d, SIGSTOP);
	dump_parse(&d, &p);
	const struct core_regs *r = &p.core.threads[0].regs;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!names[i])
			continue;
		ck_assert(get(r, names[i], &v));
		ck_assert_uint_eq(v, 0x1000 + i);
	}
	ck_assert(r->has_pc && r->has_sp && r->has_tls && !r->has_syscall);
	ck_assert_uint_eq(r->pc, 0x11200);
	ck_assert_uint_eq(r->sp, SP);
	ck_assert_uint_eq(r->tls, 0x7ffd00);
	ck_assert(get(r, "eflags", &v) && v == 0x246);
	ck_assert(get(r, "gs_base", &v) && v == 0x99);
	parsed_drop(&p);
}
END_TEST

/* LLDB 14 to 19, Breakpad and Crashpad: the last one has the thread pointer elsewhere. */
START_TEST(thread_pointers_that_are_not_told)
{
	static const struct {
		uint32_t flags;
		size_t size;
		uint64_t teb;
		bool regs, tls;
	} rows[] = {
		{ 0x100007, 0x2d0, 0, true, false }, { 0x10001f, 0x4d0, 0, true, false },
		{ 0x10001f, 0x4d0, 0x7ffd00, true, true },
		{ 0x80100007, 0x4d0, 0, true, false }, /* not LLDB's */
		{ 0x100007, 0x2e0, 0, true, false },
		{ 0x100007, 0xff, 0x7ffd00, false, false }, /* too short */
		{ 0x400007, 0x4d0, 0, false, false }, /* of another processor */
		{ 0x100001, 0x4d0, 0, false, false }, /* without the general registers */
	};
	struct dump d;
	struct parsed p;
	uint64_t v;
	dump_init(&d);
	dump_system(&d, AMD64, LINUX);
	struct thread_row row = { .tid = 1, .teb = rows[_i].teb, .context_size = rows[_i].size };
	row.context_at = dump_context(&d, rows[_i].flags, rows[_i].size, 0x100, 0x200);
	put_zeros(&d.bytes, 0x200);
	dump_threads(&d, &row, 1);
	dump_parse(&d, &p);
	const struct core_regs *r = &p.core.threads[0].regs;
	ck_assert_int_eq(r->has_pc, rows[_i].regs);
	ck_assert_int_eq(r->has_tls, rows[_i].tls);
	ck_assert_int_eq(get(r, "fs_base", &v), rows[_i].tls);
	ck_assert(!rows[_i].tls || (v == 0x7ffd00 && r->tls == v));
	ck_assert(!get(r, "gs_base", &v));
	ck_assert_int_eq(r->syscall, -1);
	parsed_drop(&p);
}
END_TEST

/* All ones stand for it, where no processor has them. */
START_TEST(values_that_the_writer_lacks)
{
	static const struct {
		unsigned processor, machine, ptr_size, at, size;
		uint64_t value;
		const char *name;
		bool told;
	} rows[] = {
		{ AMD64, EM_X86_64, 8, 0x44, 4, UINT32_MAX, "eflags", false },
		{ AMD64, EM_X86_64, 8, 0x44, 4, 0x7fffffff, "eflags", true },
		{ AMD64, EM_X86_64, 8, 0x78, 8, UINT64_MAX, "rax", true },
		{ X86, EM_386, 4, 0xc0, 4, UINT32_MAX, "eflags", false },
	};
	struct dump d;
	struct parsed p;
	uint64_t v;
	dump_init(&d);
	dump_system(&d, rows[_i].processor, LINUX);
	struct thread_row row = { .tid = 1, .context_size = 0x2d0 };
	row.context_at = dump_context(&d, AMD64_FLAGS, 0x2d0, 0x100, 0x200);
	if (rows[_i].processor == X86)
		set(&d.bytes, row.context_at, 0x1000f, 4);
	set(&d.bytes, row.context_at + rows[_i].at, rows[_i].value, rows[_i].size);
	dump_threads(&d, &row, 1);
	dump_parse(&d, &p);
	const struct core_arch *arch =
		core_arch_find((uint16_t)rows[_i].machine, rows[_i].ptr_size);
	const struct core_regs *r = &p.core.threads[0].regs;
	bool told = core_regs_get(arch, ORDER_LITTLE, r, rows[_i].name, &v);
	ck_assert_int_eq(told, rows[_i].told);
	ck_assert(!told || v == rows[_i].value);
	ck_assert(r->has_pc && r->has_sp);
	parsed_drop(&p);
}
END_TEST

START_TEST(registers_of_others)
{
	static const struct {
		unsigned processor;
		uint16_t machine;
		unsigned ptr_size, size;
		uint32_t flags;
		uint16_t sp_at, pc_at, other_at;
		unsigned other_size;
		const char *other;
	} rows[] = {
		{ X86, EM_386, 4, 0x2cc, 0x1000f, 0xc4, 0xb8, 0xb0, 4, "eax" },
		{ ARM, EM_ARM, 4, 0x170, 0x40000006, 0x38, 0x40, 0x44, 4, "cpsr" },
		{ ARM64, EM_AARCH64, 8, 0x390, 0x40000f, 0x100, 0x108, 4, 4, "pstate" },
		{ ARM64, EM_AARCH64, 8, 0x320, 0x80000006, 0x100, 0x108, 0x110, 4, "pstate" },
		{ OLD_ARM64, EM_AARCH64, 8, 0x320, 0x80000006, 0x100, 0x108, 0xf8, 8, "x30" },
	};
	struct dump d;
	struct parsed p;
	uint64_t v;
	dump_init(&d);
	dump_system(&d, rows[_i].processor, 0x8203);
	struct thread_row row = {
		.tid = 1, .context_at = d.bytes.len, .context_size = rows[_i].size
	};
	put_zeros(&d.bytes, rows[_i].size);
	set(&d.bytes, row.context_at, rows[_i].flags, 4);
	set(&d.bytes, row.context_at + rows[_i].sp_at, 0x5678, rows[_i].ptr_size);
	set(&d.bytes, row.context_at + rows[_i].pc_at, 0x1234, rows[_i].ptr_size);
	set(&d.bytes, row.context_at + rows[_i].other_at, 0x9abc, rows[_i].other_size);
	dump_threads(&d, &row, 1);
	dump_parse(&d, &p);
	const struct elfcore *c = &p.core;
	const struct core_regs *r = &c->threads[0].regs;
	ck_assert_uint_eq(c->head.machine, rows[_i].machine);
	ck_assert_uint_eq(c->head.ptr_size, rows[_i].ptr_size);
	ck_assert_uint_eq(r->pc, 0x1234);
	ck_assert_uint_eq(r->sp, 0x5678);
	ck_assert(core_regs_get(core_arch_find(c->head.machine, c->head.ptr_size), ORDER_LITTLE, r,
		rows[_i].other, &v));
	ck_assert_uint_eq(v, 0x9abc);
	ck_assert(!r->has_tls && !r->has_syscall);
	parsed_drop(&p);
}
END_TEST

START_TEST(signals)
{
	static const struct {
		uint32_t code, flags;
		uint64_t addr;
		const char *words;
		bool died, told;
		int signo, si_code;
		bool has_addr;
		uint64_t fault;
	} rows[] = {
		/* LLDB 20 and later */
		{ 11, LLDB_MARK, 0x11200,
			"signal SIGSEGV: address not mapped to object (fault "
			"address=0x10)",
			true, true, 11, 1, true, 0x10 },
		{ 11, LLDB_MARK, 0x11200,
			"signal SIGSEGV: invalid permissions for mapped object "
			"(fault address: 0xab0)",
			true, true, 11, 2, true, 0xab0 },
		{ 11, LLDB_MARK, 0x11200, "signal SIGSEGV: address not mapped to objects", true,
			false, 11, 0, false, 0 },
		{ 11, LLDB_MARK, 0x11200, "signal SIGSEGV: invalid address (fault address=0x0)",
			true, true, 11, 0x80, false, 0 },
		{ 8, LLDB_MARK, 0, "signal SIGFPE: integer divide by zero", true, true, 8, 1, false,
			0 },
		{ 6, LLDB_MARK, 0, "signal SIGABRT", true, false, 6, 0, false, 0 },
		{ 19, LLDB_MARK, 0, "signal SIGSTOP", false, false, 19, 0, false, 0 },
		{ 5, LLDB_MARK, 0, "signal SIGTRAP", false, false, 5, 0, false, 0 },
		/* the numbers of its breakpoints are no signals */
		{ 11, LLDB_MARK, 0x11200, "breakpoint 1.1", false, false, 0, 0, false, 0 },
		{ 6, LLDB_MARK, 0x11200, "instruction step into", false, false, 0, 0, false, 0 },
		/* LLDB before that: the address is that of the code */
		{ 11, 0, 0x11200, NULL, true, false, 11, 0, false, 0 },
		{ 19, 0, 0x11200, NULL, false, false, 19, 0, false, 0 },
		{ 5, 0, 0x11200, NULL, false, false, 5, 0, false, 0 },
		/* Breakpad, Crashpad */
		{ 11, 1, 0xdead0, NULL, true, true, 11, 1, true, 0xdead0 },
		{ 7, 2, 0xdead0, NULL, true, true, 7, 2, true, 0xdead0 },
		{ 5, 1, 0xdead0, NULL, true, true, 5, 1, true, 0xdead0 },
		{ 17, (uint32_t)SI_TKILL, 0, NULL, false, false, 17, 0, false, 0 },
		{ 11, 0x80, 0xdead0, NULL, true, true, 11, 0x80, false, 0 },
		{ 6, (uint32_t)SI_TKILL, 0x11200, NULL, true, true, 6, SI_TKILL, false, 0 },
		{ 0xffffffff, 0, 0x11200, NULL, false, false, 0, 0, false, 0 }, /* only asked for */
		{ 0x0517a7ed, 0, 0x11200, NULL, false, false, 0, 0, false, 0 },
		{ 65, 1, 0x11200, NULL, false, false, 0, 0, false, 0 },
	};
	struct dump d;
	struct parsed p;
	dump_init(&d);
	dump_system(&d, AMD64, LINUX);
	struct thread_row threads[] = { { .tid = 4711 }, { .tid = 4712 } };
	dump_threads(&d, threads, 2);
	dump_exception(
		&d, 4712, rows[_i].code, rows[_i].flags, rows[_i].addr, rows[_i].words, NULL);
	dump_parse(&d, &p);
	const struct core_thread *t = &p.core.threads[rows[_i].died ? 0 : 1];
	ck_assert_int_eq(t->tid, 4712);
	ck_assert_int_eq(p.core.from_kernel, rows[_i].died);
	ck_assert_int_eq(t->cursig, rows[_i].signo);
	ck_assert_int_eq(t->siginfo.present, rows[_i].told);
	ck_assert_int_eq(t->siginfo.code, rows[_i].si_code);
	ck_assert_int_eq(t->siginfo.has_addr, rows[_i].has_addr);
	ck_assert_uint_eq(t->siginfo.addr, rows[_i].fault);
	parsed_drop(&p);
}
END_TEST

/* The thread that died comes first; the registers are those of the moment when it did; a thread
 * that the list has lost is known by its stop, one that it has twice is one. */
START_TEST(threads_and_their_stops)
{
	struct dump d;
	struct parsed p;
	dump_init(&d);
	dump_system(&d, AMD64, LINUX);
	struct thread_row handler = { .tid = 4712, .context_size = 0x2d0 }, died = handler,
			  lost = died;
	handler.context_at = dump_context(&d, AMD64_FLAGS, 0x2d0, 0x100, 0x200);
	died.context_at = dump_context(&d, AMD64_FLAGS, 0x2d0, 0x300, 0x400);
	lost.context_at = dump_context(&d, AMD64_FLAGS, 0x2d0, 0x500, 0x600);
	struct thread_row rows[] = { { .tid = 4713 }, handler, { .tid = 4713 } };
	dump_threads(&d, rows, 3);
	dump_exception(&d, 4711, SIGSTOP, 0, 0x500, NULL, &lost);
	dump_exception(&d, 4712, SIGABRT, 0, 0x300, NULL, &died);
	dump_exception(&d, 4713, SIGSTOP, 0, 0, NULL, NULL);
	dump_parse(&d, &p);
	const struct elfcore *c = &p.core;
	ck_assert_uint_eq(c->n_threads, 3);
	ck_assert_int_eq(c->threads[0].tid, 4712);
	ck_assert_uint_eq(c->threads[0].regs.pc, 0x300);
	ck_assert_int_eq(c->threads[1].tid, 4711);
	ck_assert_uint_eq(c->threads[1].regs.pc, 0x500);
	ck_assert_int_eq(c->threads[2].tid, 4713);
	ck_assert(!c->threads[2].regs.has_pc);
	parsed_drop(&p);
}
END_TEST

START_TEST(memory_behind_4_gib_is_numbered_otherwise)
{
	struct dump d;
	struct parsed p;
	dump_init(&d);
	dump_system(&d, AMD64, LINUX);
	size_t bytes = dump_bytes(&d, "abcdefgh", 8), from = d.bytes.len;
	put(&d.bytes, 2, 8);
	put(&d.bytes, bytes, 8);
	put(&d.bytes, 0x5000, 8);
	put(&d.bytes, 3, 8);
	put(&d.bytes, 0x4000, 8);
	put(&d.bytes, 5, 8);
	dump_stream(&d, MEMORY_64, from);
	dump_parse(&d, &p);
	ck_assert_uint_eq(p.core.n_ranges, 2);
	ck_assert_uint_eq(p.core.ranges[0].start, 0x4000);
	ck_assert_uint_eq(p.core.ranges[0].offset, bytes + 3);
	ck_assert_uint_eq(p.core.ranges[1].offset, bytes);
	ck_assert_uint_eq(p.core.bytes_saved, 8);
	parsed_drop(&p);
}
END_TEST

/* Crashpad has neither mappings nor what else is in /proc. */
START_TEST(of_crashpad)
{
	struct dump d;
	struct parsed p;
	dump_init(&d);
	dump_system(&d, AMD64, LINUX);
	dump_module(&d, 0x10000, 0x4000, "/usr/bin/python3");
	size_t from = d.bytes.len;
	put(&d.bytes, 24, 4);
	put(&d.bytes, 1, 4);
	put(&d.bytes, 4711, 4);
	put_zeros(&d.bytes, 12);
	dump_stream(&d, MISC_INFO, from);
	static const uint32_t rows[][3] = { { 0x10000, 0x1000, 0x20 }, { 0x11000, 0x1000, 0x04 },
		{ 0x12000, 0x1000, 1 }, { 0x13000, 0x1000, 0 } };
	from = d.bytes.len;
	put(&d.bytes, 16, 4);
	put(&d.bytes, 48, 4);
	put(&d.bytes, ARRAY_LEN(rows), 8);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		put(&d.bytes, rows[i][0], 8);
		put_zeros(&d.bytes, 16);
		put(&d.bytes, rows[i][1], 8);
		put(&d.bytes, rows[i][2] ? 0x1000 : 0x10000, 4);
		put(&d.bytes, rows[i][2], 4);
		put_zeros(&d.bytes, 8);
	}
	dump_stream(&d, MEMORY_INFO, from);
	dump_memory(&d, 0x11800, 4, dump_bytes(&d, "abcd", 4));
	dump_parse(&d, &p);
	const struct elfcore *c = &p.core;
	ck_assert_int_eq(c->pid, 4711);
	ck_assert(!c->has_process && c->files_whole);
	ck_assert_uint_eq(c->n_files, 1);
	ck_assert_str_eq(c->files[0].path, "/usr/bin/python3");
	ck_assert_uint_eq(c->files[0].end, 0x14000);
	ck_assert_uint_eq(c->files[0].build_id_size, 10);
	static const uint32_t flags[] = { PF_R | PF_X, PF_R | PF_W, PF_R | PF_W, PF_R | PF_W, 0,
		PF_R };
	ck_assert_uint_eq(c->n_ranges, ARRAY_LEN(flags));
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		ck_assert_uint_eq(c->ranges[i].flags, flags[i]);
	ck_assert_int_eq(c->ranges[2].backing, CORE_SAVED);
	parsed_drop(&p);
}
END_TEST

START_TEST(names_are_utf_16)
{
	static const uint16_t units[] = { '/', 0xe9, 0xd83d, 0xde00, 0xd800, 'x' };
	struct dump d;
	struct parsed p;
	dump_init(&d);
	dump_system(&d, AMD64, LINUX);
	dump_module(&d, 0x10000, 0x4000, "/12345");
	for (size_t i = 0; i < ARRAY_LEN(units); i++) /* behind SystemInfo, and the name's length */
		set(&d.bytes, DATA + 56 + 4 + 2 * i, units[i], 2);
	dump_parse(&d, &p);
	ck_assert_str_eq(p.core.files[0].path, "/\xc3\xa9\xf0\x9f\x98\x80\xed\xa0\x80x");
	parsed_drop(&p);
}
END_TEST

/* LLDB notes the CRC-32 of a file that has no build-id. */
START_TEST(checksums_are_no_build_ids)
{
	static const struct {
		const char *record;
		size_t id_size;
		bool has_checksum;
	} rows[] = {
		{ "LEpB\x13\xc1\x8a\xbd", 0, true },
		{ "LEpBabc", 3, false },
		{ "LEpBabcde", 5, false },
		{ "LEpB", 0, false },
		{ "NB10abcd", 0, false },
	};
	struct dump d;
	struct parsed p;
	dump_init(&d);
	dump_system(&d, AMD64, LINUX);
	dump_module_with(&d, 0x10000, 0x4000, "/usr/bin/python3", rows[_i].record);
	dump_text(&d, MAPS, maps);
	dump_parse(&d, &p);
	const struct core_file_entry *f = &p.core.files[0];
	ck_assert_uint_eq(f->build_id_size, rows[_i].id_size);
	ck_assert(!f->build_id == !rows[_i].id_size);
	ck_assert(f->has_checksum == rows[_i].has_checksum);
	ck_assert_uint_eq(f->checksum, rows[_i].has_checksum ? 0xbd8ac113 : 0);
	parsed_drop(&p);
}
END_TEST

START_TEST(what_is_refused)
{
	static const struct {
		unsigned processor, platform;
		const char *says;
	} rows[] = {
		{ AMD64, 2, "did not run under Linux" },
		{ AMD64, 0x8101, "did not run under Linux" },
		{ 1, LINUX, "processor that pycore does not know" },
		{ 0xffff, LINUX, "processor that pycore does not know" },
	};
	struct dump d;
	struct parsed p;
	dump_init(&d);
	dump_system(&d, rows[_i].processor, rows[_i].platform);
	struct err e = parsed_from(&p, d.bytes.bytes, d.bytes.len);
	ck_assert_err(e, ERR_UNSUPPORTED);
	ck_assert_msg(strstr(e.what, rows[_i].says) != NULL, "says: %s", e.what);
	str_fini(&d.bytes);
}
END_TEST

START_TEST(without_a_word_of_the_processor)
{
	struct dump d;
	struct parsed p;
	dump_init(&d);
	dump_text(&d, MAPS, maps);
	ck_assert_err(parsed_from(&p, d.bytes.bytes, d.bytes.len), ERR_UNSUPPORTED);
	ck_assert_err(parsed_from(&p, d.bytes.bytes, 40), ERR_TRUNCATED);
	ck_assert_err(parsed_from(&p, d.bytes.bytes, 20), ERR_TRUNCATED);
	str_fini(&d.bytes);
}
END_TEST

/* Wherever it ends, what is left is consistent, and nothing is taken for whole. */
START_TEST(cut_anywhere)
{
	struct dump d;
	lldb_dump(&d, SIGSEGV);
	size_t whole = d.bytes.len, parsed = 0;
	for (size_t size = 0; size < whole; size++) {
		struct parsed p;
		if (failed(parsed_from(&p, d.bytes.bytes, size)))
			continue;
		const char *wrong = core_inconsistency(&p.core);
		ck_assert_msg(!wrong && p.core.cut, "%zu of %zu bytes: %s", size, whole,
			wrong ? wrong : "is not said to be cut");
		parsed_drop(&p);
		parsed++;
	}
	ck_assert_uint_gt(parsed, whole / 2);
	str_fini(&d.bytes);
}
END_TEST

/* Its list of memory is behind the memory: nobody knows what it had. */
START_TEST(a_lost_list_of_memory)
{
	struct dump d;
	struct parsed p;
	lldb_dump(&d, SIGSEGV);
	ck_assert_ok(parsed_from(&p, d.bytes.bytes, d.bytes.len - 20));
	ck_assert(p.core.segments_cut && p.core.cut && !p.core.notes_cut);
	const struct core_range *heap = elfcore_range_at(&p.core, 0x20000, NULL);
	const struct core_range *text = elfcore_range_at(&p.core, 0x11000, NULL);
	const struct core_range *stack = elfcore_range_at(&p.core, SP, NULL);
	ck_assert_int_eq(heap->backing, CORE_UNLISTED);
	ck_assert_int_eq(text->backing, CORE_UNLISTED);
	ck_assert_int_eq(stack->backing, CORE_SAVED);
	ck_assert_uint_eq(p.core.bytes_cut, 0);
	ck_assert_uint_eq(p.core.bytes_not_saved, 0);
	ck_assert_uint_eq(p.core.bytes_unlisted, p.core.bytes_mapped - STACK_SIZE);
	ck_assert_uint_eq(p.core.n_threads, 2);
	parsed_drop(&p);
	str_fini(&d.bytes);
}
END_TEST

START_TEST(damaged_at_random)
{
	struct dump d;
	lldb_dump(&d, SIGSEGV);
	uint32_t seed = 4711;
	for (unsigned round = 0; round < 4000; round++) {
		struct parsed p;
		AUTO_STR(bad);
		str_add(&bad, d.bytes.bytes, d.bytes.len);
		/* mostly where the numbers are */
		uint32_t span = round % 2 ? 4096 : (uint32_t)bad.len;
		for (uint32_t n = 1 + random_below(&seed, 8); n; n--) {
			uint32_t at = random_below(&seed, span - 8);
			uint64_t value = random_below(&seed, 3) ? random_below(&seed, 1 << 16)
								: UINT64_MAX - at;
			set(&bad, at, value, 1u << random_below(&seed, 4));
		}
		size_t size = bad.len - (round % 3 ? 0 : random_below(&seed, (uint32_t)bad.len));
		if (failed(parsed_from(&p, bad.bytes, size)))
			continue;
		const char *wrong = core_inconsistency(&p.core);
		ck_assert_msg(!wrong, "round %u: %s", round, wrong);
		parsed_drop(&p);
	}
	str_fini(&d.bytes);
}
END_TEST

/* Lists that say that they have more than fits. */
START_TEST(numbers_that_are_too_large)
{
	static const uint32_t types[] = { THREAD_LIST, MODULE_LIST, MEMORY_LIST, MEMORY_64,
		MEMORY_INFO, EXCEPTION, MISC_INFO, MAPS, AUXV, CMDLINE, STATUS };
	struct dump d;
	struct parsed p;
	dump_init(&d);
	dump_system(&d, AMD64, LINUX);
	size_t from = d.bytes.len;
	for (int i = 0; i < 64; i++)
		put(&d.bytes, UINT64_MAX, 8);
	dump_stream(&d, types[_i], from);
	dump_parse(&d, &p);
	parsed_drop(&p);
}
END_TEST

Suite *suite_minidump(void)
{
	Suite *s = suite_create("minidump");
	TCase *t = tcase_create("minidump");
	tcase_add_test(t, of_lldb);
	tcase_add_test(t, ranges_end_where_mappings_do);
	tcase_add_test(t, registers_of_x86_64);
	tcase_add_loop_test(t, thread_pointers_that_are_not_told, 0, 8);
	tcase_add_loop_test(t, registers_of_others, 0, 5);
	tcase_add_loop_test(t, signals, 0, 22);
	tcase_add_loop_test(t, values_that_the_writer_lacks, 0, 4);
	tcase_add_test(t, threads_and_their_stops);
	tcase_add_test(t, memory_behind_4_gib_is_numbered_otherwise);
	tcase_add_test(t, of_crashpad);
	tcase_add_test(t, names_are_utf_16);
	tcase_add_loop_test(t, checksums_are_no_build_ids, 0, 5);
	tcase_add_loop_test(t, what_is_refused, 0, 4);
	tcase_add_test(t, without_a_word_of_the_processor);
	tcase_add_test(t, cut_anywhere);
	tcase_add_test(t, a_lost_list_of_memory);
	tcase_add_test(t, damaged_at_random);
	tcase_add_loop_test(t, numbers_that_are_too_large, 0, 11);
	suite_add_tcase(s, t);
	return s;
}
